"""An exercise is measured by kernels as submissions are judged; here with few of each, in no jail."""

from __future__ import annotations

import types

import pytest

from photcheck.comparators import Numbers
from photgrader import coursedir
from photgrader.coursedir.settings import Limits, Settings
from photgrader.exercise import Exercise, load_assignment
from photgrader.grading import judge
from photgrader.quality import measure as quality
from photgrader.quality.mutation import Mutant

PEAK = ("ps2_aperture_photometry", "peak_position")
SETTINGS = Settings(limits=Limits(call_seconds=20.0, cell_seconds=20.0))


@pytest.fixture
def peak(monkeypatch, here) -> Exercise:
    """An exercise with two variants and two misconceptions, to spoil."""
    exercise = load_assignment(PEAK[0]).exercises[PEAK[1]]
    for name in ("variants", "misconceptions"):
        monkeypatch.setattr(exercise, name, dict(list(getattr(exercise, name).items())[:2]))
    monkeypatch.setattr(quality, "SEEDS", quality.SEEDS[:1])
    monkeypatch.setattr(quality, "MOST_MUTANTS", 4)
    for kept in (judge._provided, judge._hidden):
        kept.cache_clear()
    yield exercise
    for kept in (judge._provided, judge._hidden):
        kept.cache_clear()


def test_right_ones_are_accepted_wrong_ones_caught_and_named_and_mutants_killed(peak, here, monkeypatch):
    # How mistakes in other words are named has tests of its own, and needs all of them.
    cheap = types.SimpleNamespace(named=3, misleading=0, unnamed=1, highest=0.05, highest_is="zeros", notes=["a note"])
    monkeypatch.setattr(quality, "told", lambda exercise, seed: {"cheap": cheap})
    found = quality.measure(*PEAK, SETTINGS)
    assert (found.variants, found.accepted, found.misconceptions, found.caught, found.named) == (2, 2, 2, 2, 2)
    assert found.mutants == 4 == found.killed + found.equivalent + len(found.survivors) and found.killed >= 3
    assert found.left_out > 10 and found.faults == [] and (found.cheapest, found.cheapest_is) == (0.05, "zeros")
    assert found.told == {"cheap": [3, 0, 1]} and found.untold == ["cheap: a note"]
    assert len(here.started) >= 5, "a kernel for each, and one for the mutants"
    assert any("at least" in said for said in found.shortfalls()), "two of each are too few"


def test_what_a_weak_tolerance_lets_through_is_told(peak, monkeypatch):
    monkeypatch.setattr(peak, "compare", Numbers(("x", "y"), atol=1000.0, unit="pixel"))
    found = quality.Quality(*PEAK)
    quality._measure_misconceptions(quality.Sandboxed(peak, SETTINGS), found)
    assert found.caught == 0 and any("loses nothing" in fault for fault in found.faults)
    assert any("do not lose what they should" in said for said in found.shortfalls())


def test_a_variant_that_loses_marks_is_told_with_its_cases(peak, monkeypatch):
    monkeypatch.setattr(peak, "variants", {"wrong": next(iter(peak.misconceptions.values()))})
    found = quality.Quality(*PEAK)
    quality._measure_variants(quality.Sandboxed(peak, SETTINGS), found)
    assert (found.variants, found.accepted) == (1, 0) and found.faults[0].startswith("variant 'wrong' loses marks in ")


def test_a_mutant_that_ends_its_kernel_is_caught_and_the_next_one_has_another(peak, here):
    right = quality.reference_text(peak)
    ends = f"import os\nos._exit(1)\n{right}"
    mutants = [Mutant("ends", ends, ""), Mutant("none", right, ""), Mutant("ends", ends, ""), Mutant("none", right, "")]
    sandboxed = quality.Sandboxed(peak, SETTINGS)
    assert list(sandboxed.first_wrong(mutants, 20.0)) == ["the kernel ended", "", "the kernel ended", ""]
    assert len(here.started) >= 3
    wrong = Mutant("wrong", right.replace("def peak_position", "def nothing_of_that_name"), "")
    [before, first] = sandboxed.first_wrong([Mutant("none", right, ""), wrong], 20.0)
    assert before == "" and first not in ("", "the kernel ended"), "what the one before has defined is gone"


def test_exercises_are_measured_one_after_the_other_and_one_that_is_none_is_named(monkeypatch):
    monkeypatch.setattr(quality, "measure", lambda *key: key[:2])
    keys = quality.chosen_exercises([PEAK[0]], "")
    assert PEAK in keys and list(quality.run(keys, SETTINGS, 1)) == keys
    assert quality.chosen_exercises([PEAK[0]], PEAK[1]) == [PEAK]
    with pytest.raises(coursedir.CourseError, match="There is no exercise 'nothing'"):
        quality.chosen_exercises([PEAK[0]], "nothing")
