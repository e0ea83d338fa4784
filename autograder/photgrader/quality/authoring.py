"""Try an exercise while writing it: every variant and mistake, in this process, on several seeds (``photgrader try``)."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

from photcheck import wire
from photcheck.report import Facts, Report
from photcheck.spec import ExerciseSpec
from photcheck.student import called
from photcheck.verdict import Verdict, conclude, judge_case
from photgrader.exercise import Exercise, Implementation

SEEDS = (1, 2, 3)


def judge_here(exercise: Exercise, spec: ExerciseSpec, implementation: Implementation) -> Verdict:
    """Judge an implementation of this package in this process."""
    return _judged(spec, _called(exercise, spec, implementation))


def _judged(spec: ExerciseSpec, calls: list[tuple[Report, Facts]]) -> Verdict:
    return conclude(
        spec,
        [judge_case(case, report, spec.params, facts) for case, (report, facts) in zip(spec.cases, calls, strict=True)],
    )


def _called(exercise: Exercise, spec: ExerciseSpec, implementation: Implementation) -> list[tuple[Report, Facts]]:
    try:
        function = exercise.callable_of(implementation)
    except Exception as problem:
        raise RuntimeError(f"{exercise.name}/{implementation.id} does not load: {problem!r}") from problem
    space = getattr(function, "__globals__", {})
    # What is to write a file may not ask where.
    with (
        tempfile.TemporaryDirectory() if exercise.output else contextlib.nullcontext(".") as folder,
        contextlib.chdir(folder),
    ):
        return [called(function, case, spec, space) for case in spec.cases]


def _answer(exercise: Exercise, report: Report, facts: Facts) -> Any:
    """Return what a call gave, as `Exercise.run` does."""
    if not report.ok:
        return {"raises": report.error.type, "message": report.error.message}
    return facts.file if exercise.output else wire.decode(report.value)


def shortcomings(exercise: Exercise, seed: int) -> Iterator[str]:
    """Yield a sentence for each variant not accepted and each misconception not caught and named as declared."""
    spec = exercise.spec(1.0, seed, fingerprints=False)
    # Cases on real files carry no points and are there only where the files are.
    spec.cases = [c for c in spec.cases if c.origin == "embedded"]
    # What a mistake answers is its fingerprint as well: neither is asked for a second time.
    calls = {id: _called(exercise, spec, misconception) for id, misconception in exercise.misconceptions.items()}
    for k, case in enumerate(spec.cases):
        exercise.fingerprint(case, known={id: _answer(exercise, *made[k]) for id, made in calls.items()})
    for title, variant in exercise.variants.items():
        verdict = judge_here(exercise, spec, variant)
        if not verdict.right:
            yield f"variant {title!r} loses marks: {verdict.symptom} {[v.case.name for v in verdict.cases if not v.finding.ok]}"
    for id, misconception in exercise.misconceptions.items():
        verdict = _judged(spec, calls[id])
        failing = {v.case.name for v in verdict.cases if not v.finding.ok}
        declared = {c.name for c in spec.cases if exercise.expected_to_fail(misconception, c.name)}
        if failing != declared:
            yield f"misconception {id!r} fails {sorted(failing)}, declared {sorted(declared)}"
        if failing and verdict.hint_id != (misconception.raises or id):
            yield f"misconception {id!r} is called {verdict.hint_id!r}: {verdict.symptom}"
        if not failing:
            yield f"misconception {id!r} loses nothing"


def try_exercise(exercise: Exercise) -> tuple[str, list[str]]:
    """Try every variant and every mistake on several seeds; return a line on the exercise, and a sentence for each shortcoming."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sorted({f"seed {seed}: {text}" for seed in SEEDS for text in shortcomings(exercise, seed)})
        cases = exercise.spec(1.0, SEEDS[0], fingerprints=False).cases
    line = (
        f"{exercise.name}: {len(exercise.variants)} variants, {len(exercise.misconceptions)} misconceptions, "
        f"{len(cases)} cases ({sum(c.hidden for c in cases)} hidden): {'fine' if not found else ''}"
    )
    return line.rstrip(), found
