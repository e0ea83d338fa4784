"""What a kernel says of itself beside its answer (changed inputs, warnings, a second call) can cost marks and never earn any."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any

import pytest

from photcheck import wire
from photcheck.judging import judge_case
from photcheck.report import Report
from photcheck.verdict import conclude
from photgrader.exercise import load_assignment
from photgrader.grading import judge
from support import ASSIGNMENT

EXERCISES = ("centroid", "find_peaks", "aperture_flux")
FAILED = {"ok": False, "error": {"type": "NameError", "message": "name 'x' is not defined", "line": "x", "where": "f"}}


def words(value: Any, params: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what may be said beside an answer, true or not, each alone and all together."""
    each: list[dict[str, Any]] = [
        {"changed": list(params)},
        {"changed": ["no parameter", 7]},
        {"warnings": ["RuntimeWarning: divide by zero"]},
        {"leftovers": ["image"], "again": {"ok": True, "value": value}},
        {"leftovers": ["image"], "again": {"ok": True, "value": None}},
        {"leftovers": ["x"], "again": FAILED},
        {"again": {"ok": True, "value": value, "changed": list(params)}},
        {"absent": False, "seconds": -1e9, "cpu": "x", "points": 100, "score": 1.0, "state": "right", "late": False},
    ]
    return [*each, functools.reduce(lambda a, b: {**a, **b}, each)]


@pytest.mark.parametrize("name", EXERCISES)
def test_what_a_kernel_says_of_itself_never_earns_a_point(name):
    exercise = load_assignment(ASSIGNMENT).exercises[name]
    spec = judge.grading_spec(exercise, 10.0, 7, ())
    keys = [None, *list(exercise.misconceptions)[:2]]
    lost = 0
    for key in keys:
        if key is None:
            answers = [case.expected for case in spec.cases]
        else:
            for case in spec.cases:
                exercise.fingerprint(case, [key])
            answers = [case.fingerprints.get(key) for case in spec.cases]
        for number in range(len(words(None, spec.params))):
            said, silent = [], []
            for case, answer in zip(spec.cases, answers, strict=True):
                value = wire.encode(answer)
                form = {"ok": True, "value": value}
                silent.append(judge_case(case, Report.read(form), spec.params))
                said.append(judge_case(case, Report.read({**form, **words(value, spec.params)[number]}), spec.params))
            for one, other in zip(said, silent, strict=True):
                assert one.finding.score <= other.finding.score, (key, number, one.finding)
            with_words, without = (
                judge.name_mistake(exercise, spec, conclude(dataclasses.replace(spec, hints={}), cases)).points
                for cases in (said, silent)
            )
            assert with_words <= without, (key, number)
            lost += with_words < without
    assert lost, "what is said truly costs marks"


@pytest.mark.parametrize(
    "form", [FAILED, {"ok": False}, {"absent": True}, "x", None, {"ok": True}, {"ok": "yes", "value": None}]
)
def test_no_words_stand_in_for_an_answer(form):
    exercise = load_assignment(ASSIGNMENT).exercises["centroid"]
    spec = judge.grading_spec(exercise, 10.0, 7, ())
    for extra, case in itertools.product(words(None, spec.params), spec.cases[:3]):
        report = Report.read({**form, **extra} if isinstance(form, dict) else form)
        assert judge_case(case, report, spec.params).finding.score == 0
