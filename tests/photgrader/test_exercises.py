"""Every exercise tells right from wrong: its variants earn everything, its misconceptions lose what they should and are named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from photgrader.exercise import Exercise, assignment_names, load_assignment
from photgrader.quality.authoring import shortcomings

ALL = [(a, e) for a in assignment_names() for e in load_assignment(a).exercises]
#: Contract functions that the seeds name have more; a challenge on a scale, and plots, have at least these.
LEAST_VARIANTS, LEAST_MISCONCEPTIONS = 3, 6
#: For how many students hidden cases are made.
SEEDS = 150


def exercise_of(key: tuple[str, str]) -> Exercise:
    return load_assignment(key[0]).exercises[key[1]]


@pytest.mark.heavy
@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_variants_earn_everything_and_misconceptions_are_caught_and_named(key):
    with warnings.catch_warnings():
        # Misconceptions divide by zero and worse; that is what they are for.
        warnings.simplefilter("ignore")
        assert list(shortcomings(exercise_of(key), 20261121)) == []


@pytest.mark.heavy
@pytest.mark.parametrize("assignment", assignment_names())
def test_hidden_cases_can_be_made_for_every_student(assignment):
    # A scene that one student in a hundred cannot be given is a submission that is never graded.
    for exercise in load_assignment(assignment).exercises.values():
        for seed in range(1000, 1000 + SEEDS):
            assert list(exercise.hidden_cases(seed)), f"{exercise.name}, seed {seed}"


def test_no_cut_out_of_the_pipelines_scenes_holds_the_light_of_two_stars():
    exercise = load_assignment("ps1_psf_photometry").exercises["run_photometry"]
    # The third is one in which a faint star's largest cut-out, at its corner, once held some of a bright one.
    for seed in (1, 2, 73533661389176, *range(100, 140)):
        for case in exercise.hidden_cases(seed):
            x, y = (np.append(case.expected[n], case.expected[f"may_{n}"]) for n in "xy")
            apart = np.maximum(np.abs(x[:, None] - x), np.abs(y[:, None] - y))[~np.eye(len(x), dtype=bool)]
            # Half of 31 pixels, a pixel for where the peak is, and 4 sigma of the widest star, 1.75 pixels stretched by 1.2.
            assert apart.min() > 15.5 + 1.0 + 4 * 1.75 * 1.2, f"seed {seed}, {case.name}"


@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_an_exercise_has_enough_variants_and_misconceptions_each_with_words(key):
    exercise = exercise_of(key)
    assert len(exercise.variants) >= LEAST_VARIANTS and len(exercise.misconceptions) >= LEAST_MISCONCEPTIONS
    for misconception in exercise.misconceptions.values():
        assert (
            misconception.hint is not None and len(misconception.hint.title) > 5 and len(misconception.hint.idea) > 15
        ), misconception.id
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
