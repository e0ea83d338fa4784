"""Cases on real files: frozen answers that travel without the files, and what a student with and without them sees."""

from __future__ import annotations

import os
import pathlib

import pytest

from photcheck.spec import CaseSpec
from photgrader import coursedir
from photgrader.exercise import Case, Exercise, archive, assignment_names, load_assignment
from photgrader.exercise.archive import MAX_TEXT, archive_cases, freeze_exercise

FROZEN = [(a, e) for a in assignment_names() for e in load_assignment(a).exercises if archive_cases(a, e)]
SHARED = os.environ.get("PHOTCOURSE_DATA", "")


def test_some_assignments_have_cases_on_real_files():
    assert {a for a, _ in FROZEN} >= {
        "ps2_aperture_photometry",
        "ps3_background",
        "ps4_alignment",
        "ps5_source_finding",
    }


@pytest.mark.parametrize(("assignment", "name"), FROZEN)
def test_a_frozen_case_names_its_file_and_holds_no_picture_of_it(assignment, name):
    for case in archive_cases(assignment, name):
        assert case.origin == "archive" and case.needs and all(len(sha) == 64 for sha in case.needs.values())
        form = case.to_json()
        assert any(isinstance(a, dict) and a.get("$") == "data" for a in form["args"])
        assert len(str(form["expected"])) < MAX_TEXT


@pytest.mark.real
@pytest.mark.skipif(
    not pathlib.Path(SHARED).is_dir() or not SHARED, reason="PHOTCOURSE_DATA is not set: no real files here"
)
@pytest.mark.parametrize(("assignment", "name"), FROZEN)
def test_frozen_answers_are_what_the_references_give_on_the_real_files(assignment, name):
    exercise = load_assignment(assignment).exercises[name]
    fresh = {c["name"]: CaseSpec.from_json(c) for c in freeze_exercise(exercise)}
    kept = {c.name: c for c in archive_cases(assignment, name)}
    assert fresh.keys() == kept.keys(), "run: photgrader freeze-archive"
    for case, old in kept.items():
        assert fresh[case].needs == old.needs
        assert old.comparator.compare(fresh[case].expected, old.expected).ok, case


def test_a_case_that_would_copy_pixels_is_refused(monkeypatch):
    import numpy as np

    exercise = load_assignment("ps2_aperture_photometry").exercises["peak_position"]
    image = np.random.default_rng(5).normal(size=(40, 50))
    monkeypatch.setattr(Exercise, "cases", lambda self, seed: [(Case("pixels", image, dataset="sphere_psf"), False)])
    from photcourse import data

    loaded = data.load("sphere_psf")
    monkeypatch.setattr(loaded, "origin", "archive")
    monkeypatch.setattr(data, "load", lambda *a, **k: loaded)
    with pytest.raises(coursedir.CourseError, match="copy pixels of a real file"):
        archive.freeze_exercise(exercise)


@pytest.mark.real
@pytest.mark.skipif(
    not pathlib.Path(SHARED).is_dir() or not SHARED, reason="PHOTCOURSE_DATA is not set: no real files here"
)
def test_a_student_who_has_the_real_file_is_checked_on_it_and_one_who_has_not_is_not(monkeypatch):
    from photcheck.student import judge_function

    exercise = load_assignment("ps2_aperture_photometry").exercises["peak_position"]
    spec = exercise.spec(10.0)
    spec.cases = [c for c in spec.cases if c.origin != "archive"] + archive_cases(exercise.assignment, exercise.name)
    with_file = judge_function(exercise.solve, spec, {})
    monkeypatch.delenv("PHOTCOURSE_DATA")
    monkeypatch.setenv("PHOTCOURSE_CACHE", os.devnull + "-nowhere")
    without = judge_function(exercise.solve, spec, {})
    assert len(with_file.cases) == len(without.cases) + 1
    assert with_file.points == without.points == 10.0
