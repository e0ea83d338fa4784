"""What whoever grades may not read or write is told, and is never taken for a student's omission."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest
import sandbox_facts

from support import ASSIGNMENT, RIGHT, submit

NOTEBOOK = f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"


@pytest.fixture
def course(tiny_course: pathlib.Path) -> Iterator[pathlib.Path]:
    """A course of an ordinary user's, with three submissions; root's own folder of temporary files would let nobody in."""
    for student in ("ada", "bob", "cyd"):
        submit(tiny_course, student, RIGHT)
    with tempfile.TemporaryDirectory(prefix="pg-user-") as name:
        root = pathlib.Path(name) / "course"
        shutil.copytree(tiny_course, root)
        (root / ".photgrader").mkdir(exist_ok=True)
        for path in (root.parent, root, *root.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, 65534, 65534, follow_symlinks=False)
        yield root


def run(root: pathlib.Path, *words: str) -> tuple[int, str]:
    """Run a command of photgrader as an ordinary user; return how it ended and what it said."""
    line = f"cd {root} && HOME={root.parent} {sys.executable} -m photgrader.cli {' '.join(words)}"
    done = (
        sandbox_facts.as_ordinary_user(["bash", "-c", line])
        if os.geteuid() == 0
        else subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=300)
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def points(root: pathlib.Path) -> dict[str, float]:
    records = (root / ".photgrader/records" / ASSIGNMENT).glob("*.json")
    return {p.stem: json.loads(p.read_text())["points"] for p in records}


def test_a_students_folder_that_may_not_be_opened_is_named_and_the_others_are_graded(course):
    shut = course / "submitted" / "cyd"
    shut.chmod(0)
    code, said = run(course, "grade", ASSIGNMENT, "--workers", "1")
    assert f"cyd was not graded: {shut}/{ASSIGNMENT} cannot be used: Permission denied; put that right" in said
    assert "2 graded" in said and code == 1 and points(course) == {"ada": 7, "bob": 7}
    assert "1 in submitted/ that cannot be graded" in run(course, "status")[1]
    shut.chmod(0o755)
    shut.parent.chmod(0)
    code, said = run(course, "grade", ASSIGNMENT)
    shut.parent.chmod(0o755)
    assert said == f"photgrader: {shut.parent} cannot be used: Permission denied." and code == 2


def test_what_may_not_be_read_of_a_submission_is_no_missing_notebook(course):
    file, folder = course / "submitted/ada" / NOTEBOOK, course / "submitted/bob" / ASSIGNMENT
    file.chmod(0)
    folder.chmod(0)
    code, said = run(course, "grade", ASSIGNMENT, "--workers", "1")
    for student, what in (("ada", file), ("bob", folder)):
        assert f"{student} was not graded: {what} may not be read by you; put its permissions right." in said
    assert "1 graded" in said and code == 1 and points(course) == {"cyd": 7}
    file.chmod(0o644)
    folder.chmod(0o755)
    code, said = run(course, "grade", ASSIGNMENT, "--workers", "1")
    assert "2 graded" in said and "1 unchanged" in said and code == 0
    assert points(course) == {"ada": 7, "bob": 7, "cyd": 7}
    file.chmod(0)
    assert run(course, "grade", ASSIGNMENT)[0] == 1 and points(course)["ada"] == 7


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_gradebook_that_may_not_be_written_is_told_before_anything_is_graded(course, what):
    place = course / "gradebook.db" if what == "file" else course
    place.chmod(0o444 if what == "file" else 0o555)
    code, said = run(course, "grade", ASSIGNMENT)
    place.chmod(0o755)
    assert f"photgrader: The gradebook's {what}, {place}, may not be written to by you" in said
    assert code == 2 and points(course) == {}
