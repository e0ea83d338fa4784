"""The search for the mistake behind an answer names what comparing with all of them would name."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from photcheck.call import call
from photcheck.report import Report
from photcheck.spec import ExerciseSpec
from photcheck.verdict import CaseVerdict, judge_case, recognise
from photgrader.exercise import Exercise, Implementation, load_assignment
from photgrader.grading.judge import fill_fingerprints, grading_spec, name_mistake
from photgrader.quality.authoring import judge_here

EXERCISES = [
    (a, n)
    for a in ("ps1_psf_photometry", "ps2_aperture_photometry")
    for n, e in load_assignment(a).exercises.items()
    if not (e.figure or e.output or e.name == "run_photometry")
]


def judged(
    exercise: Exercise, spec: ExerciseSpec, choice: list[str], replies: dict[tuple[int, str], str] | None = None
) -> list[CaseVerdict]:
    """Judge a function that makes one mistake in one case and another in the next; `replies` keeps what each says of each case."""
    verdicts, replies = [], {} if replies is None else replies
    for k, (case, id) in enumerate(zip(spec.cases, choice, strict=True)):
        if (k, id) not in replies:
            replies[k, id] = json.dumps(call(exercise._function_of(id), case.args, spec.params))
        verdicts.append(judge_case(case, Report.read(json.loads(replies[k, id])), spec.params))
    return verdicts


@pytest.mark.parametrize("key", EXERCISES, ids="/".join)
def test_the_search_names_what_all_comparisons_together_would_name(key):
    exercise = load_assignment(key[0]).exercises[key[1]]
    rng = np.random.default_rng(7)
    warnings.simplefilter("ignore")
    every, some = (exercise.spec(1.0, 5, fingerprints=False) for _ in range(2))
    for spec in (every, some):
        spec.cases = [c for c in spec.cases if c.origin == "embedded"]
    for case in every.cases:
        exercise.fingerprint(case)
    ids = list(every.hints)
    mixtures = [[id] * len(every.cases) for id in ids] + [
        [ids[k] for k in rng.integers(len(ids), size=len(every.cases))] for _ in range(12)
    ]
    named, replies = 0, {}
    assert [c.args for c in every.cases] == [c.args for c in some.cases]
    for choice in mixtures:
        wanted = recognise(every, judged(exercise, every, choice, replies))
        for case in some.cases:
            # A worker keeps what it knows of provided cases from one student to the next.
            if case.hidden:
                case.fingerprints.clear()
        verdicts = judged(exercise, some, choice, replies)
        fill_fingerprints(exercise, some, verdicts)
        assert recognise(some, verdicts) == wanted, choice
        named += len(set(choice)) == 1 and wanted == choice[0]
    assert named == len(ids), "whoever makes one mistake throughout is told which"


def test_a_mistake_that_is_found_at_once_costs_no_look_at_the_others():
    exercise = load_assignment("ps1_psf_photometry").exercises["centroid"]
    spec = exercise.spec(1.0, 5, fingerprints=False)
    last = list(spec.hints)[-1]
    verdicts = judged(exercise, spec, [last] * len(spec.cases))
    fill_fingerprints(exercise, spec, verdicts)
    assert recognise(spec, verdicts) == last
    asked = sum(len(c.fingerprints) for c in spec.cases)
    # None of the others answers the first case as this one does, and one that is behind is not asked again.
    assert asked <= len(spec.cases) + sum(len(exercise.spellings_of(id)) for id in spec.hints) - 1


def test_two_mistakes_that_hide_each_other_everywhere_are_both_named():
    exercise = load_assignment("ps1_psf_photometry").exercises["centroid"]
    assert "swapped+not-divided" in exercise.pairs
    spec = grading_spec(exercise, 10.0, 5, ())
    code = exercise.misconceptions["not-divided"].code.replace("return ", "x, y = ", 1) + "    return y, x\n"
    assert code != exercise.misconceptions["not-divided"].code
    both = Implementation("both", code, "variant")
    verdict = name_mistake(exercise, spec, judge_here(exercise, spec, both))
    assert verdict.hint_id == "swapped" and "The sum is not divided by the flux" in verdict.further[0]
    assert verdict.points < 0.4 * 10, "a single slip keeps more than two"
