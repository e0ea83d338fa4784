"""A hint is the mistake, or there is none: which of several explanations comes first, and what is none at all."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from photcheck import naming, wire
from photcheck.comparators import ArrayClose, ArrayRms, Number, Numbers, TableClose
from photcheck.comparators.base import Comparator
from photcheck.judging import CaseVerdict, compare
from photcheck.naming import agreement, explanations, patterns, recognise
from photcheck.relations import relations
from photcheck.report import Facts, Report
from photcheck.spec import CaseSpec, ExerciseSpec, Hint
from photcheck.verdict import conclude, judge_case
from photgrader.exercise import load_assignment

TRUTH = [100.0, 250.0, 370.0, 480.0, 555.0]
#: Mistake to its answers, case by case.
MISTAKES = {
    "mean": [1.0, 2.5, 3.7, 4.8, 5.55],
    "twice": [200.0, 500.0, 740.0, 960.0, 1110.0],
    "edge": [100.0, 250.0, 370.0, 480.0, 500.0],
}


def verdicts(
    answers: list[Any],
    compare: Comparator | None = None,
    truth: list[Any] | None = None,
    mistakes: dict[str, list[Any]] | None = None,
) -> tuple[ExerciseSpec, list[CaseVerdict]]:
    """Judge answers, a case each; an answer may be an error's ``(type, message)``."""
    mistakes = MISTAKES if mistakes is None else mistakes
    cases = [
        CaseSpec(
            f"case {k}",
            "a sum",
            [wire.encode(np.arange(6.0) + k)],
            want,
            compare or Number(rtol=1e-6, name="flux"),
            fingerprints={id: given[k] for id, given in mistakes.items()},
        )
        for k, want in enumerate(truth or TRUTH)
    ]
    hints = {id: Hint(f"The {id} mistake") for id in mistakes}
    found = []
    for case, answer in zip(cases, answers, strict=True):
        stopped = isinstance(answer, tuple) and isinstance(answer[0], str)
        form = (
            {"ok": False, "error": {"type": answer[0], "message": answer[1]}}
            if stopped
            else {"ok": True, "value": wire.encode(answer)}
        )
        found.append(judge_case(case, Report.read(form), ("image",)))
    return ExerciseSpec(
        "flux", "ps0", "Flux", ("image",), cases, hints, factors=((60.0, "minutes for degrees"),)
    ), found


def first(*args: Any, **named: Any) -> str:
    return recognise(*verdicts(*args, **named))


def test_near_zero_nothing_is_alike():
    assert first(MISTAKES["mean"]) == "mean"
    assert first([0.0] * 5) == "always-same", "nothing is no mean"
    assert first([0.1, 0.2, 0.05, 0.3, 0.1]) == "", "nor is anything small"
    assert first([-v for v in MISTAKES["mean"]]) == ""
    assert ArrayClose(rtol=1e-6).alike(np.array([0.0, 0.0]), np.array([0.01, 0.02]), np.array([100.0, 50.0])) is False


def test_a_mistake_may_differ_by_what_the_contract_leaves_free_and_not_by_more():
    loose = Number(rtol=0.02)
    assert loose.alike(10.1, 10.0, 20.0) and not loose.alike(10.9, 10.0, 20.0)
    assert not Number(atol=5.0).alike(106.0, 107.0 + 2, 100.0 + 1), (
        "so near to the truth a tolerance tells nothing apart"
    )
    assert Numbers(("x", "y"), atol=0.1).alike((3.05, 8.0), (3.0, 2 + 6.02), (143.0, 8.0)), (
        "a number that the mistake leaves right"
    )


def test_of_two_mistakes_that_are_near_the_exact_one_is_named_and_of_equal_ones_both():
    near = [v * (1 + 1e-4) for v in MISTAKES["mean"]]
    loose: dict[str, Any] = {"compare": Number(rtol=0.01, name="flux")}
    assert first(MISTAKES["mean"], mistakes={"near": near, "mean": MISTAKES["mean"]}, **loose) == "mean"
    assert first(near, mistakes={"near": near, "mean": MISTAKES["mean"]}, **loose) == "near"
    spec, found = verdicts(MISTAKES["mean"], mistakes={"twin": MISTAKES["mean"], "mean": MISTAKES["mean"]})
    verdict = conclude(spec, found)
    assert verdict.hint_id == "twin" and "Or: The mean mistake." in verdict.further[0]
    for one in found[:2]:
        one.case.hidden = True
    assert not conclude(spec, found).further, "what hidden cases tell apart is not told"


def test_always_empty_always_the_same_and_one_only_have_their_own_names():
    assert first([[]] * 5) == "always-empty"
    assert first([3.3] * 5) == "always-same"
    arrays = [np.arange(1.0, 5.0) * k for k in range(1, 6)]
    named: dict[str, Any] = {
        "compare": ArrayClose(rtol=1e-6),
        "truth": arrays,
        "mistakes": {"half": [a / 2 for a in arrays]},
    }
    assert first([np.zeros(4)] * 5, **named) == "always-same"
    assert (
        first([a[:1] for a in arrays], **named) == "only-one"
        and first([float(a[0]) for a in arrays], **named) == "only-one"
    )
    assert first([a / 2 for a in arrays], **named) == "half"
    assert (
        first(
            [np.arange(6.0) + k for k in range(5)],
            **named | {"truth": [2 * np.arange(6.0) + k for k in range(5)], "mistakes": {}},
        )
        == "input-back"
    )
    tables = [Table({"x": np.arange(3.0), "y": np.arange(3.0) + k}) for k in range(5)]
    named = {
        "compare": TableClose(("x", "y"), rtols=(1e-6, 1e-6)),
        "truth": tables,
        "mistakes": {"gone": [t[:0] for t in tables]},
    }
    assert (
        first([t[:0] for t in tables], **named) == "always-empty"
        and first([t[:1] for t in tables], **named) == "only-one"
    )


def test_a_right_empty_answer_among_wrong_ones_is_no_pattern():
    _, found = verdicts([[], [1.0, 2.0]], ArrayClose(rtol=1e-6), [np.array([1.0]), np.array([1.0, 2.0])], {})
    assert patterns(found) == {}


def test_what_explains_most_failing_cases_comes_first_and_the_rest_has_a_line_each():
    spec, found = verdicts([*MISTAKES["mean"][:4], float("nan")])
    verdict = conclude(spec, found)
    assert verdict.hint_id == "mean" and verdict.further == ["In 1 more case: The answer is not finite."]
    spec, found = verdicts([*MISTAKES["mean"][:3], ("ValueError", "no star"), ("ValueError", "no star")])
    verdict = conclude(spec, found)
    assert verdict.hint_id == "mean" and "stops with an error" in verdict.further[0], (
        "the cases that stopped say nothing against it"
    )
    assert conclude(*verdicts([float("nan")] * 4 + [MISTAKES["mean"][4]])).hint_id == "nan"


def test_text_and_picture_are_of_one_case_that_the_mistake_explains():
    spec, found = verdicts([float("nan"), *MISTAKES["mean"][1:]])
    verdict = conclude(spec, found)
    assert verdict.hint_id == "mean" and verdict.shown is found[1] and "2.5" in verdict.symptom
    for case in spec.cases[1:]:
        case.hidden = True
    verdict = conclude(spec, found)
    assert verdict.shown is found[1] and "2.5" not in verdict.symptom


def test_two_mistakes_in_one_function_are_both_named():
    both = [*MISTAKES["twice"][:3], 480.0, 500.0]
    spec, found = verdicts(both, mistakes={"bright": [200.0, 500.0, 740.0, 480.0, 555.0], "edge": MISTAKES["edge"]})
    assert [e.id for e in explanations(spec, found)] == ["bright", "edge"]
    verdict = conclude(spec, found)
    assert verdict.hint_id == "bright" and verdict.further == ["In 1 more case: The edge mistake."]


def test_where_most_is_explained_by_nothing_nothing_is_named_first():
    spec, found = verdicts([17.0, 23.0, 91.0, float("nan"), 555.0])
    verdict = conclude(spec, found)
    assert verdict.hint is None and verdict.further == ["In 1 more case: The answer is not finite."]


def test_an_error_is_a_mistake_s_only_where_its_words_have_the_same_numbers():
    shapes = {"rows": [{"raises": "ValueError", "message": f"shapes (21,{k}) ({k},21)"} for k in range(5)]}
    assert first([("ValueError", f"shapes (21,{k}) ({k},21)") for k in range(5)], mistakes=shapes) == "rows"
    assert first([("ValueError", f"shapes (9,9) ({k},3)") for k in range(5)], mistakes=shapes) == "error"
    path = {"kept": [{"raises": "OSError", "message": "File /tmp/a1/x.fits already exists"}] * 5}
    assert first([("OSError", f"File /tmp/b{k}/x.fits already exists") for k in range(5)], mistakes=path) == "kept"
    named = {"kept": [{"raises": "OSError", "message": "File m13.fits already exists"}] * 5}
    assert first([("OSError", "File /home/student/work/m13.fits already exists")] * 5, mistakes=named) == "kept"
    assert first([("OSError", "File /home/student/work/m14.fits already exists")] * 5, mistakes=named) == "error"


def test_another_spelling_of_a_mistake_has_the_mistake_s_name():
    spec, found = verdicts([v * 1.5 for v in TRUTH])
    assert recognise(spec, found) == ""
    for k, verdict in enumerate(found):
        verdict.case.fingerprints["twice~1"] = TRUTH[k] * 1.5
    assert recognise(spec, found) == "twice"


@pytest.mark.parametrize(("again", "kind"), [(7.0, "value"), (8.0, "leftover")])
def test_a_leftover_is_sought_where_the_answer_is_wrong_too(again, kind):
    case = CaseSpec("c", "a sum", [1], 100.0, Number(rtol=1e-6))
    report = Report.read({"ok": True, "value": 7.0, "leftovers": ["cube"], "again": {"ok": True, "value": again}})
    assert judge_case(case, report, ()).finding.kind == kind
    stopped = {
        "ok": False,
        "error": {"type": "ValueError", "message": "shapes", "line": "line 2: return (cube * a).sum()"},
    }
    assert (
        judge_case(case, Report.read({**stopped, "leftovers": ["cube"], "again": stopped}), ()).finding.kind
        == "leftover"
    )
    assert (
        judge_case(case, Report.read({**stopped, "leftovers": ["cub"], "again": stopped}), ()).finding.kind == "error"
    )


# ------------------------------------------------------------------------------------------------ no numerology
def test_a_factor_is_said_only_where_it_agrees_to_rounding_in_all_wrong_cases():
    said = conclude(*verdicts([v / 60 for v in TRUTH], mistakes={})).symptom
    assert said.endswith("in every wrong case it is the right number times one over minutes for degrees")
    assert "right number" not in conclude(*verdicts([*[v / 60 for v in TRUTH[:4]], 3.0], mistakes={})).symptom
    assert "right number" not in conclude(*verdicts([v / 60.01 for v in TRUTH], mistakes={})).symptom


def test_pixel_24_against_17_is_no_root_of_two_and_half_a_magnitude_no_half_pixel():
    assert relations(24.0, 17.0, {}) == set() and relations(17.5, 17.0, {}, unit="mag") == set()
    assert relations(17.5, 17.0, {}, unit="pixel") == {"the difference is half a pixel"}
    assert relations(17.0 * 2**0.5, 17.0, {}) == {"it is the right number times the square root of 2"}
    once = conclude(*verdicts([34.0], truth=[17.0], mistakes={}))
    assert "right number" not in once.symptom, "two whole numbers, once"
    assert "times two" in conclude(*verdicts([34.5], truth=[17.25], mistakes={})).symptom


def test_astronomy_s_factors_are_none_of_photcheck_s():
    assert relations(1.0857362, 1.0, {}) == set() and relations(2.3548200, 1.0, {}) == set()


def test_a_map_is_a_mistake_s_by_its_rms_and_one_turned_by_its_shape():
    yy, xx = np.mgrid[:20, :30] * 1.0
    truth, judge = 100 + yy, ArrayRms(limit=0.5)
    assert judge.alike(np.full((20, 30), 109.6), np.full((20, 30), 109.5), truth)
    assert not judge.alike(100 + xx / 3, np.full((20, 30), 109.5), truth)
    assert not ArrayRms(limit=9.0).alike(np.full((20, 30), 1.0), np.full((20, 30), 5.0), truth), (
        "both are far from the truth"
    )
    assert judge.alike(truth.T, truth.T + 0.01, truth) and not judge.alike(truth.T, truth.T * 3, truth)


def test_what_was_not_tried_is_not_wrong():
    spec, found = verdicts(TRUTH)
    found[0] = judge_case(spec.cases[0], Report(), (), Facts(waited=5.0))
    for k in range(1, 5):
        found[k] = CaseVerdict(spec.cases[k], found[0].finding.__class__(0.0, "not tried", "not tried"))
    verdict = conclude(spec, found)
    assert verdict.state == "timeout" and verdict.sentence.startswith("1 of 5 cases is wrong, 4 were not tried.")


def test_a_mistake_that_asks_far_more_than_the_answer_can_have_come_of_is_stopped_and_nothing_is_kept_of_it():
    exercise = load_assignment("ps1_psf_photometry").exercises["run_photometry"]
    case = next(exercise.case_spec(c, True) for c in exercise.hidden_cases(5))
    exercise.fingerprint(case, ["columns-exchanged", "raw-threshold"], questions=500)
    assert list(case.fingerprints) == ["columns-exchanged"], "noise taken for stars asks thousands"
    exercise.fingerprint(case, ["raw-threshold"])
    assert len(case.fingerprints["raw-threshold"]) > 500


def test_whether_a_mistake_is_right_in_a_case_is_asked_once_and_of_no_student_again(monkeypatch):
    spec, found = verdicts(MISTAKES["mean"])
    asked = []
    monkeypatch.setattr(
        naming, "compare", lambda case, value, given: asked.append(value) or compare(case, value, given)
    )
    assert recognise(spec, found) == "mean"
    assert len(asked) == 15, "each of three mistakes in each of five cases"
    assert recognise(spec, found) == "mean" and len(asked) == 15
    # Another student, on copies of the same cases.
    cases = [dataclasses.replace(case, points=0.5) for case in spec.cases]
    others = [
        judge_case(case, Report.read({"ok": True, "value": wire.encode(answer)}), ("image",))
        for case, answer in zip(cases, MISTAKES["twice"], strict=True)
    ]
    assert recognise(dataclasses.replace(spec, cases=cases), others) == "twice" and len(asked) == 15


def test_a_mistake_that_was_stopped_explains_nothing_and_speaks_against_no_error():
    _, (wrong, stopped) = verdicts([200.0, ("EnoughAsked", "")], truth=TRUTH[:2])
    for verdict, kind in ((wrong, "against"), (stopped, "")):
        assert agreement(verdict, "asks-more") == (kind, False)
    stopped.case.fingerprints["asks-more"] = {"raises": "EnoughAsked", "message": ""}
    assert agreement(stopped, "asks-more")[0] == "explained", "what a student names so is an error as any"
