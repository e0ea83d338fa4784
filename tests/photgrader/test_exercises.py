"""Every exercise tells right from wrong: its variants earn everything, its misconceptions lose what they should and are named."""

from __future__ import annotations

import warnings

import pytest

from photgrader.authoring import shortcomings
from photgrader.exercise import Exercise, assignment_names, load_assignment

ALL = [(a, e) for a in assignment_names() for e in load_assignment(a).exercises]
#: Contract functions that the seeds name have more; a challenge on a scale, and plots, have at least these.
LEAST_VARIANTS, LEAST_MISCONCEPTIONS = 3, 6


def exercise_of(key: tuple[str, str]) -> Exercise:
    return load_assignment(key[0]).exercises[key[1]]


@pytest.mark.heavy
@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_variants_earn_everything_and_misconceptions_are_caught_and_named(key):
    with warnings.catch_warnings():
        # Misconceptions divide by zero and worse; that is what they are for.
        warnings.simplefilter("ignore")
        assert list(shortcomings(exercise_of(key), 20261121)) == []


@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_an_exercise_has_enough_variants_and_misconceptions_each_with_words(key):
    exercise = exercise_of(key)
    assert len(exercise.variants) >= LEAST_VARIANTS and len(exercise.misconceptions) >= LEAST_MISCONCEPTIONS
    for misconception in exercise.misconceptions.values():
        assert misconception.hint is not None and len(misconception.hint.title) > 5 and len(misconception.hint.idea) > 15, misconception.id
    cases = [hidden for _, hidden in exercise.cases(7)]
    assert any(cases) and not all(cases), "provided and hidden cases"


@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_hidden_cases_follow_from_the_seed_and_differ_between_seeds(key):
    import json

    exercise = exercise_of(key)

    def inputs(seed: int) -> str:
        return json.dumps([exercise.encode_args(case) for case, hidden in exercise.cases(seed) if hidden])

    assert inputs(11) == inputs(11)
    assert inputs(11) != inputs(12)
