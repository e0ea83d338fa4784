"""A class graded for real: kernels in the jail, nbgrader's own gradebook and feedback."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.gradebook import app
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, submit

pytestmark = pytest.mark.heavy

NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"
ENDLESS = "def centroid(c, x0, y0):\n    while True:\n        pass"
NOISY = "import sys, warnings\n" + RIGHT["centroid"].replace(
    "total =", "print('hello', file=sys.stderr); warnings.warn('careful')\n    total ="
)


def scores(root: pathlib.Path) -> dict[str, dict[str, tuple[float | None, bool]]]:
    """Return every student's automatic scores and whether a person has to look."""
    with Gradebook(app.database_url(root)) as gradebook:
        return {
            s.student.id: {g.name: (g.auto_score, g.needs_manual_grade) for n in s.notebooks for g in n.grades}
            for s in gradebook.assignment_submissions(ASSIGNMENT)
        }


def hand_in_a_class(root: pathlib.Path) -> None:
    submit(root, "right", RIGHT)
    submit(root, "noisy", {**RIGHT, "centroid": NOISY})
    submit(root, "offset", {**RIGHT, "centroid": NO_OFFSET})
    submit(root, "endless", {**RIGHT, "centroid": ENDLESS})
    submit(root, "deleted", RIGHT, drop=("check-centroid",))
    submit(root, "broken", text='{"cells": [')
    submit(root, "untouched")


def nbgrader(root: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(pathlib.Path(sys.executable).parent / "nbgrader"), *words]
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment)


def test_plain_nbgrader_autograde_and_photgrader_grade_give_the_same_gradebook(tiny_course, tmp_path):
    import shutil

    hand_in_a_class(tiny_course)
    twin = tmp_path / "twin"
    shutil.copytree(tiny_course, twin)
    shutil.copytree(coursedir.state_folder(tiny_course), coursedir.state_folder(twin), dirs_exist_ok=True)
    done = nbgrader(tiny_course, "autograde", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    for _, result in parallel.run_here(parallel.submissions(twin, ASSIGNMENT), 2):
        parallel.merge(twin, result)
    ours, plain = scores(twin), scores(tiny_course)
    assert ours == plain
    assert plain["right"]["check-centroid"] == (4.0, False)
    assert plain["right"]["check-second_moment"] == (3.0, False)
    assert plain["noisy"]["check-centroid"] == (4.0, False), "prints and warnings cost nothing"
    assert plain["deleted"]["check-centroid"] == (4.0, False), "a deleted check cell costs nothing"
    assert plain["endless"]["check-centroid"] == (0.0, True), "no silent zero: a person looks"
    assert plain["endless"]["check-second_moment"] == (3.0, False), "the rest of the notebook keeps its marks"
    assert plain["broken"]["check-centroid"] == (0.0, True)
    assert plain["broken"]["written-why"][1], "what could not be read may hold an answer"
    assert not plain["untouched"]["written-why"][1]
    assert plain["untouched"]["check-centroid"] == (0.0, False)
    assert 0 < plain["offset"]["check-centroid"][0] < 4


def test_feedback_shows_the_verdict_and_no_hidden_input(tiny_course):
    submit(tiny_course, "offset", {**RIGHT, "centroid": NO_OFFSET})
    assert nbgrader(tiny_course, "autograde", ASSIGNMENT).returncode == 0
    done = nbgrader(tiny_course, "generate_feedback", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    page = (tiny_course / "feedback" / "offset" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    assert "exactly x_start" in page
    assert "Traceback (most recent call last)" not in page
    record = json.loads(coursedir.record_path(tiny_course, ASSIGNMENT, "offset").read_text())
    assert str(record["exercises"]["centroid"]["seed"]) not in page
    assert record["exercises"]["centroid"]["hint"] == "no-offset"
    hidden = [c for c in record["exercises"]["centroid"]["cases"] if c["hidden"]]
    assert hidden and all(c["symptom"] not in page for c in hidden if c["symptom"])


def test_a_second_run_grades_only_what_changed(tiny_course):
    submit(tiny_course, "right", RIGHT)
    submit(tiny_course, "other", RIGHT)
    for _, result in parallel.run_here(parallel.submissions(tiny_course, ASSIGNMENT), 2):
        parallel.merge(tiny_course, result)

    def unchanged():
        tasks = parallel.submissions(tiny_course, ASSIGNMENT)
        names = parallel.unchanged(tiny_course, tasks)
        return {task.student for task in tasks if task.name in names}

    assert unchanged() == {"other", "right"}
    submit(tiny_course, "other", {**RIGHT, "centroid": NO_OFFSET})
    assert unchanged() == {"right"}
    with app.gradebook(tiny_course) as gradebook:
        gradebook.remove_student("right")
    assert not unchanged(), "there are no marks of it"


def test_how_long_a_kernel_takes_to_start_is_no_part_of_the_submissions_time(tiny_course, monkeypatch):
    import time

    from photgrader.grading import grade as grading
    from photgrader.grading import run

    (tiny_course / "photgrader.toml").write_text(
        "[limits]\ncell_seconds = 4.0\ncall_seconds = 4.0\nnotebook_seconds = 12.0\n"
    )
    submit(tiny_course, "ada", {**RIGHT, "centroid": RIGHT["centroid"] + "\nimport time; time.sleep(1.5)"})
    [task] = parallel.submissions(tiny_course, ASSIGNMENT)

    def slow(*words):
        # A warm parent that imports on a busy machine.
        time.sleep(14)
        return run.cold(*words)

    monkeypatch.setattr(grading, "default_starter", lambda settings: slow)
    record = parallel.grade_task(task)["record"]
    assert record["state"] == "graded" and record["points"] == record["max_points"], (
        record["faults"],
        record["exercises"],
    )
