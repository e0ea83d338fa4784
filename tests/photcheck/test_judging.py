"""From what a kernel says of a call to a verdict: every rule of the judge, without a kernel."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from photcheck import wire
from photcheck.call import is_leftover
from photcheck.comparators import Finding, Number, Numbers
from photcheck.judging import RIGHT_NUMBERS_KEEP, judge_case
from photcheck.matching import match_one_to_one
from photcheck.report import Facts, Failure, Report
from photcheck.spec import CaseSpec, ExerciseSpec, Hint
from photcheck.verdict import conclude, skipped, told

PARAMS = ("flux", "sky")


def case(expected=2.0, hidden=False, points=1.0, name="a case", **more) -> CaseSpec:
    return CaseSpec(name, "a bright star", [3.0, 1.0], expected, Number(atol=0.1, name="flux"), points, hidden, **more)


def report(value=2.0, **more) -> Report:
    return Report(ok=True, value=wire.encode(value), **more)


def finding(one: CaseSpec, said: Report, facts: Facts | None = None):
    return judge_case(one, said, PARAMS, facts).finding


def spec(cases: list[CaseSpec], points: float = 3.0, **hints: Hint) -> ExerciseSpec:
    return ExerciseSpec("net_flux", "hw1", "Net flux", PARAMS, cases, dict(hints), points)


# ------------------------------------------------------------------------------------------------ one call
def test_a_right_answer_is_right_at_the_edge_of_its_tolerance_and_not_beyond():
    assert finding(case(), report(2.0999)).ok and not finding(case(), report(2.1001)).ok
    assert finding(case(float("nan")), report(float("nan"))).ok
    assert finding(case(), report(float("inf"))).kind == "nan" and finding(case(), report(None)).kind == "none"
    assert Numbers(("x", "y"), atol=0.1).compare((2.0, 1.0), (1.0, 2.0)).symptom.endswith("exchanged")


def test_a_warning_costs_half_only_where_none_may_be():
    loud = report(warnings=("RuntimeWarning: divide by zero",))
    assert finding(case(no_warnings=False), loud).ok
    found = finding(case(no_warnings=True), loud)
    assert (found.kind, found.score) == ("warning", RIGHT_NUMBERS_KEEP) and "divide by zero" in found.symptom
    assert finding(case(no_warnings=True), report(9.0, warnings=("w",))).score == 0


def test_a_changed_input_keeps_half_and_a_changed_name_that_is_no_parameter_costs_nothing():
    found = finding(case(), report(changed=("sky",)))
    assert (found.kind, found.score) == ("input-modified", 0.5) and "sky" in found.symptom
    assert finding(case(), report(changed=("something",))).ok
    assert finding(case(), report(9.0, changed=("sky",))).score == 0


class HalfRight(Number):
    """A scale that every answer comes to the middle of."""

    def compare(self, answer, expected, named=None):
        return Finding(0.5, "half of it is off", "value")


def test_a_changed_input_is_said_beside_what_is_off_where_a_part_is_right_and_of_hidden_cases_never():
    changed = {"changed": ("image", "sky")}
    open_case, hidden = (dataclasses.replace(case(hidden=h), comparator=HalfRight()) for h in (False, True))
    found = finding(open_case, report(**changed))
    assert (found.score, found.symptom) == (0.5, "half of it is off; and the function changes its input sky")
    for silent in (finding(hidden, report(**changed)), finding(case(), report(9.0, **changed))):
        assert "changes" not in silent.symptom


def test_what_did_not_end_is_a_timeout_whatever_the_report_says():
    verdict = judge_case(case(), report(), PARAMS, Facts(waited=20.0))
    assert (
        verdict.finding.kind == "timeout"
        and verdict.raised == "TimeoutError"
        and "within 20 s" in verdict.finding.symptom
    )


def test_an_answer_that_cannot_be_read_is_wrong_and_stops_nothing():
    assert finding(case(), Report(ok=True, value={"$": "no such kind"})).kind == "type"
    assert finding(case(), Report(ok=True, value=[[[]]])).score == 0
    assert Report.read("nonsense").error.message == "the kernel gave no report"


def test_an_error_is_told_with_its_line_and_a_stub_is_not_written():
    stopped = judge_case(case(), Report(error=Failure("ValueError", "no star", "return stars[0]", "net_flux")), PARAMS)
    assert stopped.finding.kind == "error" and "ValueError: no star (return stars[0])" in stopped.finding.symptom
    assert (stopped.raised, stopped.blame) == ("ValueError", "net_flux")
    stub = judge_case(case(), Report(error=Failure("NotImplementedError")), PARAMS)
    assert stub.finding.kind == "not written"
    missing = judge_case(case(), Report(error=Failure("NameError", "name 'sky_level' is not defined")), PARAMS)
    assert missing.blame == "sky_level"


def test_a_report_is_taken_by_a_list_of_what_may_be_in_it_and_nothing_else():
    said = Report.read(
        {"ok": 1, "value": 2.0, "seconds": 0.0, "file": "x", "waited": 0, "again": {"ok": True, "again": {"ok": True}}}
    )
    assert said.ok and said.again is not None and said.again.again is None
    assert not hasattr(said, "seconds") and not hasattr(said, "file")
    assert Report.read({"changed": "sky", "warnings": [1, "w"], "leftovers": {}}).changed == ()
    assert len(Report.read({"error": {"message": "x" * 9999}}).error.message) == 400


# ------------------------------------------------------------------------------------------------ variables of the notebook
def test_who_leans_on_a_variable_is_told_and_who_only_mentions_one_is_not():
    leans = report(2.0, leftovers=("image",), again=report(7.0))
    found = finding(case(), leans)
    assert (found.kind, found.score) == ("leftover", 0.0) and "variable image" in found.symptom
    assert finding(case(), report(2.0, leftovers=("image",), again=report(2.0))).ok
    wrong_and_leans = finding(case(), report(5.0, leftovers=("image",), again=report(6.0)))
    assert wrong_and_leans.kind == "leftover" and "is wrong, and depends" in wrong_and_leans.symptom
    assert finding(case(), report(5.0, leftovers=("image",), again=report(5.0))).kind == "value"


def test_the_file_of_each_call_is_what_is_judged_for_that_call():
    class Bytes(Number):
        def compare(self, answer, expected, named=None):
            return super().compare(float(answer or b"nan"), expected, named)

    one = CaseSpec("file", "a file", ["f"], 2.0, Bytes(atol=0.1), 1.0, output="f.fits")
    said = Report(ok=True, leftovers=("cube",), again=Report(ok=True))
    assert judge_case(one, said, PARAMS, Facts(file=b"2.0", again=Facts(file=b"2.0"))).finding.ok
    assert judge_case(one, said, PARAMS, Facts(file=b"2.0", again=Facts(file=b"9.0"))).finding.kind == "leftover"


def test_constants_helpers_and_small_things_of_ones_own_are_no_leftovers():
    big, small = np.zeros((64, 64)), np.zeros(3)
    assert is_leftover("image", big, set())
    for name, value in (
        ("IMAGE", big),
        ("_image", big),
        ("sigma", 2.0),
        ("sigma", small),
        ("helper", len),
        ("words", "x"),
    ):
        assert not is_leftover(name, value, set()), name
    assert is_leftover("sigma", 2.0, {"sigma"}) and is_leftover("small", small, {"small"})
    assert not is_leftover("GAIN", 2.0, {"GAIN"})


# ------------------------------------------------------------------------------------------------ all cases
def judged(*scores: float, hidden: tuple[bool, ...] = (), points: tuple[float, ...] = ()):
    made = []
    for k, score in enumerate(scores):
        one = case(hidden=bool(hidden and hidden[k]), points=points[k] if points else 1.0, name=f"case {k}")
        made.append(judge_case(one, report(2.0 if score else 2.5 + k), PARAMS))
    return made


def test_points_are_split_by_the_cases_weights_to_a_ten_thousandth():
    cases = judged(1, 0, 0)
    assert conclude(spec([v.case for v in cases], 1.0), cases).points == 0.3333
    cases = judged(1, 0, points=(3.0, 1.0))
    assert conclude(spec([v.case for v in cases], 2.0), cases).points == 1.5
    cases = judged(1, 1, 0, points=(1.0, 0.0003, 0.9997))
    assert conclude(spec([v.case for v in cases], 10.0), cases).points == 5.0015
    assert conclude(spec([v.case for v in judged(1, 1, 1)], 0.1), judged(1, 1, 1)).points == 0.1


def test_states_say_how_it_came_out():
    right = conclude(spec([case()]), judged(1, 1))
    assert right.right and right.state == "right" and right.sentence == "All 2 cases are right."
    half = conclude(spec([case(), case()]), judged(1, 0))
    assert (
        half.state == "partly right" and half.sentence.startswith("1 of 2 cases is wrong.") and half.shown is not None
    )
    assert conclude(spec([case(), case()]), judged(0, 0)).state == "wrong"
    slow = [judge_case(case(), Report(), PARAMS, Facts(waited=5.0))]
    assert conclude(spec([case()]), slow).state == "timeout"
    stops = [judge_case(case(), Report(error=Failure("ValueError", "x")), PARAMS)]
    assert conclude(spec([case()]), stops).state == "error"
    stub = [judge_case(case(), Report(error=Failure("NotImplementedError")), PARAMS)]
    assert conclude(spec([case()]), stub).state == "not written"


def test_what_is_kept_from_answering_by_another_exercise_is_skipped_and_earns_nothing():
    missing = [judge_case(case(), Report(error=Failure("NameError", "name 'sky_level' is not defined")), PARAMS)]
    verdict = conclude(spec([case()]), missing, ("sky_level",))
    assert (
        verdict.state == "skipped"
        and verdict.points == 0
        and "needs sky_level, which is not defined" in verdict.sentence
    )
    assert conclude(spec([case()]), missing, ("another",)).state == "error"
    stub = [judge_case(case(), Report(error=Failure("NotImplementedError", where="sky_level")), PARAMS)]
    assert "sky_level, which is not written yet" in conclude(spec([case()]), stub, ("sky_level",)).sentence
    fault = [judge_case(case(), Report(error=Failure("ValueError", where="sky_level")), PARAMS)]
    assert conclude(spec([case()]), fault, ("sky_level",)).state == "error"


def test_what_is_skipped_loses_what_it_had_with_its_hint_and_its_case():
    verdict = conclude(spec([case(), case()]), judged(1, 0))
    assert verdict.points > 0 and verdict.shown is not None
    found = skipped(verdict, "sky_level")
    assert (found.state, found.points, found.symptom, found.shown, found.further) == ("skipped", 0.0, "", None, [])


def test_of_a_hidden_case_one_bit_is_told_and_of_a_provided_one_everything():
    hidden, provided = judged(0, 0, hidden=(True, False))
    assert told(hidden) == "wrong in a hidden case (a bright star)" and "2.5" not in told(hidden)
    assert "3.5" in told(provided)
    slow = judge_case(case(hidden=True), Report(), PARAMS, Facts(waited=5.0))
    assert "within 5 s" in told(slow)
    verdict = conclude(spec([case(), case()]), judged(0, 0, hidden=(True, False)))
    assert verdict.shown.case.hidden is False, "what may be seen whole comes first"


def test_a_case_travels_with_whether_it_is_hidden_and_what_it_needs():
    one = case(hidden=True, no_warnings=True, origin="archive", needs={"a.fits": "00"})
    again = CaseSpec.from_json(one.to_json())
    assert again == one and one.to_json()["hidden"] is True


# ------------------------------------------------------------------------------------------------ positions
def test_one_found_star_counts_for_one_true_star_the_nearest_first():
    x, y = np.array([10.0]), np.array([10.0])
    matched = match_one_to_one(x, y, np.array([10.5, 10.1]), np.array([10.0, 10.0]), 1.0)
    assert matched.tolist() == [-1, 0]
    both = match_one_to_one(
        np.array([10.0, 11.0]), np.array([5.0, 5.0]), np.array([10.4, 10.9]), np.array([5.0, 5.0]), 1.0
    )
    assert both.tolist() == [0, 1]
    assert match_one_to_one(x, y, np.array([12.0]), np.array([10.0]), 1.0).tolist() == [-1]
    assert match_one_to_one(np.array([]), np.array([]), x, y, 1.0).tolist() == [-1]


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_matching_agrees_with_a_greedy_loop_by_hand(radius):
    rng = np.random.default_rng(11)
    x, y, xt, yt = (rng.uniform(0, 12, n) for n in (30, 30, 25, 25))
    pairs = sorted((np.hypot(x[j] - xt[i], y[j] - yt[i]), i, j) for i in range(25) for j in range(30))
    want, used = np.full(25, -1), set()
    for distance, i, j in pairs:
        if distance <= radius and want[i] < 0 and j not in used:
            want[i] = j
            used.add(j)
    assert match_one_to_one(x, y, xt, yt, radius).tolist() == want.tolist()
