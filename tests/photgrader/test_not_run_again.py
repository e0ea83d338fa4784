"""Whole notebooks, run before they were handed in: cells that are not run again change no verdict."""

from __future__ import annotations

import pathlib

import pytest

from benchmarks.grading import hand_in_class, make_course, run_before_handing_in
from photgrader import coursedir
from photgrader.coursedir.record import Record
from photgrader.grading import grade, run, task
from photgrader.runs import parallel
from photgrader.sandbox import warm
from photgrader.simulate.make_class import make_class

pytestmark = pytest.mark.heavy
ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("assignment", ["ps1_psf_photometry", "ps3_background"])
def test_verdicts_are_those_of_the_whole_notebook(assignment, tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    course = make_course(tmp_path / "course", ROOT, assignment, False)
    names = [s.id for s in make_class(course, assignment, 4, special=False, folder=tmp_path / "class")]
    coursedir.key(course)
    hand_in_class(course, tmp_path / "class", names)
    run_before_handing_in(course, assignment, tmp_path / "class", 1)
    hand_in_class(course, tmp_path / "class", names)
    tasks, left_out = parallel.submissions(course, assignment), []
    chosen = run._not_needed

    def counted(*words):
        left_out.append(len(found := chosen(*words)))
        return found

    ways = {"whole": lambda *words: set(), "as graded": counted}
    try:
        warm.starter().prepare(tasks[0].settings, grade.data_folder())
        for one in tasks:
            found = {}
            for name, way in ways.items():
                monkeypatch.setattr(run, "_not_needed", way)
                record = Record.read(task.grade_task(one)["record"])
                found[name] = (
                    record.points,
                    record.state,
                    {n: (e.points, e.state, e.sentence, e.hint, e.notes) for n, e in record.exercises.items()},
                )
            assert found["whole"] == found["as graded"], one.student
    finally:
        warm.close()
    assert min(left_out) > 0
