"""Try an exercise while writing it: every variant and mistake, in this process, on several seeds (``photgrader try``)."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator

from photcheck.spec import ExerciseSpec
from photcheck.student import called
from photcheck.verdict import Verdict, conclude, judge_case
from photgrader.exercise import Exercise, Implementation

SEEDS = (1, 2, 3)


def judge_here(exercise: Exercise, spec: ExerciseSpec, implementation: Implementation) -> Verdict:
    """Judge an implementation of this package in this process."""
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
        return conclude(
            spec,
            [
                judge_case(case, report, spec.params, facts)
                for case in spec.cases
                for report, facts in [called(function, case, spec, space)]
            ],
        )


def shortcomings(exercise: Exercise, seed: int) -> Iterator[str]:
    """Yield a sentence for each variant not accepted and each misconception not caught and named as declared."""
    spec = exercise.spec(1.0, seed, fingerprints=False)
    # Cases on real files carry no points and are there only where the files are.
    spec.cases = [c for c in spec.cases if c.origin == "embedded"]
    for case in spec.cases:
        exercise.fingerprint(case)
    for title, variant in exercise.variants.items():
        verdict = judge_here(exercise, spec, variant)
        if not verdict.right:
            yield f"variant {title!r} loses marks: {verdict.symptom} {[v.case.name for v in verdict.cases if not v.finding.ok]}"
    for id, misconception in exercise.misconceptions.items():
        verdict = judge_here(exercise, spec, misconception)
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
