"""nbgrader's own tests, as they travel in its wheel, and its quickstart course, on this grader."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import SCHEMA_VERSION

from nbgrader_on_this_grader import MEANT
from photgrader.grading.intake import MARKS_SCHEMA

#: The commands that this grader changes, and how many of their tests there are at least; docs/development.md says how the others are run.
MODULES = {
    "test_api": 30,
    "test_nbgrader_autograde": 40,
    "test_nbgrader_collect": 11,
    "test_nbgrader_generate_assignment": 31,
    "test_nbgrader_generate_feedback": 15,
    "test_nbgrader_releasefeedback": 8,
    "test_nbgrader_update": 12,
}


def run(folder: pathlib.Path, *words: str, expected: int = 0) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PHOTGRADER_"))}
    environment |= {
        "PYTHONPATH": str(pathlib.Path(__file__).parents[1]),
        "USER": os.environ.get("USER", "instructor"),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == expected, (done.stdout + done.stderr)[-12_000:]
    return done.stdout


def test_the_schema_of_marks_is_the_installed_nbgraders():
    assert MARKS_SCHEMA == SCHEMA_VERSION


@pytest.mark.heavy
def test_they_pass_but_for_what_is_meant(tmp_path):
    out = run(
        tmp_path,
        *("pytest", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "nbgrader_on_this_grader"),
        *("-p", "no:cacheprovider", "-W", "ignore", "-q", "-rfE", "--tb", "short", "--show-capture", "no"),
        *("--pyargs", *(f"nbgrader.tests.apps.{m}" for m in MODULES)),
    )
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (passed|xfailed|skipped)", out.splitlines()[-1])}
    assert counts["passed"] + counts["xfailed"] >= sum(MODULES.values()), out[-3000:]
    assert set(MEANT) <= set(MODULES) and counts["xfailed"] >= sum(len(meant) for meant in MEANT.values())


def rows(root: pathlib.Path) -> list[tuple[object, ...]]:
    """Return what a gradebook says of each marked cell, and of what was written."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        found = [
            (s.student_id, n.name, g.name, g.auto_score, g.manual_score, g.max_score, bool(g.needs_manual_grade))
            for s in book.assignment_submissions("ps1")
            for n in s.notebooks
            for g in n.grades
        ]
        found += [
            (s.student_id, n.name, c.name, c.comment)
            for s in book.assignment_submissions("ps1")
            for n in s.notebooks
            for c in n.comments
        ]
    return sorted(found, key=str)


@pytest.mark.heavy
def test_nbgraders_quickstart_course_has_the_marks_that_stock_gives(tmp_path):
    run(tmp_path, "nbgrader_quickstart", "course101")
    stock = tmp_path / "course101"
    run(stock, "nbgrader", "generate_assignment", "ps1", "--create")
    for student, changed in {"bitdiddle": "right", "hacker": "nothing", "reasoner": "wrong"}.items():
        folder = stock / "submitted" / student / "ps1"
        shutil.copytree(stock / "release" / "ps1", folder)
        for path in folder.glob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            answers = {
                c.metadata.nbgrader.grade_id: c.source
                for c in nbformat.read(stock / "source" / "ps1" / path.name, as_version=4).cells
                if c.metadata.get("nbgrader", {}).get("solution")
            }
            for cell in notebook.cells if changed != "nothing" else ():
                grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
                if grade_id in answers:
                    cell.source = answers[grade_id].replace("i ** 2", "i ** 2" if changed == "right" else "i ** 3")
            nbformat.write(notebook, path)
    ours = tmp_path / "ours"
    shutil.copytree(stock, ours)
    # What docs/from-plain-nbgrader.md has a course of plain nbgrader add to its own configuration.
    with (ours / "nbgrader_config.py").open("a") as config:
        config.write(
            "\nimport pathlib\nfrom photgrader.gradebook.plugin import configure\nconfigure(c, pathlib.Path(__file__).parent)\n"
        )
    run(stock, "nbgrader", "autograde", "ps1")
    run(ours, "photgrader.cli", "grade", "ps1")
    assert rows(ours) == rows(stock)
    with Gradebook(f"sqlite:///{ours / 'gradebook.db'}") as book:
        marks = {s.student_id: (s.score, s.needs_manual_grade) for s in book.assignment_submissions("ps1")}
    assert marks["bitdiddle"][0] == 3 and marks["hacker"][0] == 0 and 0 < marks["reasoner"][0] < 3
    assert marks["bitdiddle"][1]
    run(ours, "nbgrader", "generate_feedback", "ps1")
    assert "squares" in (ours / "feedback/hacker/ps1/problem1.html").read_text(encoding="utf-8")
    run(ours, "photgrader.cli", "status")
    run(ours, "photgrader.cli", "report", "ps1")
