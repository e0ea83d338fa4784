"""The how-to on plain nbgrader courses is right: everything that it shows is run, before and after."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook

from support import ROOT, code_cell

PAGE = (ROOT / "docs" / "from-plain-nbgrader.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# (.*?)\n(.*?)^```$", PAGE, re.M | re.S)
STUDENTS = {
    "right": "def magnitude_difference(flux, reference_flux):\n    import sys\n    print('done', file=sys.stderr)\n    return 2.5 * np.log10(reference_flux / flux)",
    "sign": "def magnitude_difference(flux, reference_flux):\n    return 2.5 * np.log10(flux / reference_flux)",
    "learned-by-heart": "def magnitude_difference(flux, reference_flux):\n    return 5 - 2.5 * np.log10(flux)",
    # Right in the lines that the release shows.
    "seen-only": "def magnitude_difference(flux, reference_flux):\n    return 5.0 if flux == 1 else 0.0",
}


def block(label: str, number: int = 0) -> str:
    return [text for name, text in BLOCKS if name.startswith(label)][number]


def course_with(folder: pathlib.Path, tests: str) -> pathlib.Path:
    """Write the course of the page, with these tests in its graded cell."""
    marks = {"schema_version": 3, "task": False}
    cells = [
        code_cell("import numpy as np\nfrom photcourse import check"),
        nbformat.v4.new_code_cell(
            block("cell: solution").rstrip(),
            metadata={
                "nbgrader": {
                    **marks,
                    "grade": False,
                    "solution": True,
                    "locked": False,
                    "grade_id": "magnitude_difference",
                }
            },
        ),
        nbformat.v4.new_code_cell(
            tests.rstrip(),
            metadata={
                "nbgrader": {
                    **marks,
                    "grade": True,
                    "solution": False,
                    "locked": True,
                    "points": 4,
                    "grade_id": "test-magnitude_difference",
                }
            },
        ),
    ]
    (folder / "source" / "hw1").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "source" / "hw1" / "hw1.ipynb")
    (folder / "nbgrader_config.py").write_text(block("file: nbgrader_config.py"))
    return folder


def run(folder: pathlib.Path, *words: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PHOTGRADER_EXERCISES"}
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def marks_of(folder: pathlib.Path) -> dict[str, tuple[float, str]]:
    """Hand in, grade, and return each student's automatic mark from nbgrader's gradebook."""
    run(folder, "photgrader.cli", "build", "hw1", "--no-solutions")
    for student, source in STUDENTS.items():
        notebook = nbformat.read(folder / "release" / "hw1" / "hw1.ipynb", as_version=4)
        cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution"))
        cell.source = source
        target = folder / "submitted" / student / "hw1"
        target.mkdir(parents=True)
        nbformat.write(notebook, target / "hw1.ipynb")
    run(folder, "photgrader.cli", "grade", "hw1")
    return in_the_gradebook(folder)


def in_the_gradebook(folder: pathlib.Path) -> dict[str, float]:
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        return {s.student.id: s.notebooks[0].grades[0].auto_score for s in book.assignment_submissions("hw1")}


def test_every_python_block_of_the_page_is_one_that_is_run_here():
    assert [name.split(",")[0] for name, _ in BLOCKS] == [
        "file: nbgrader_config.py",
        "cell: solution",
        "cell: tests",
        "file: exercises/hw1/magnitude_difference.py",
        "file: exercises/hw1/magnitude_difference_variants.py",
        "cell: tests",
    ]


@pytest.mark.heavy
def test_before_the_plain_tests_pass_what_was_learned_by_heart_and_give_a_sign_nothing(tmp_path):
    folder = course_with(tmp_path, block("cell: tests", 0))
    marks = {"right": 4.0, "sign": 0.0, "learned-by-heart": 4.0, "seen-only": 0.0}
    assert marks_of(folder) == marks
    run(folder, "photgrader.cli", "status")
    record = json.loads((folder / ".photgrader" / "records" / "hw1" / "right.json").read_text())
    assert record["plain_tests"] == {"test-magnitude_difference": "run"}, "known as less trusted"
    assert record["hidden_tests"] is True
    for path in [p for part in ("release", "submitted") for p in (folder / part).rglob("*") if p.is_file()]:
        assert not re.search(rb"HIDDEN|0\.99485|photgrader_whole_test", path.read_bytes()), path
    graded = (folder / "autograded" / "right" / "hw1" / "hw1.ipynb").read_text()
    assert "0.994850" in graded and "photgrader_whole_test" not in graded

    # nbgrader's own command runs them too, and the record is repeated with them.
    run(folder, "nbgrader", "autograde", "hw1", "--force")
    assert in_the_gradebook(folder) == marks
    assert "has changed" not in run(folder, "photgrader.cli", "replay", "hw1/right")

    # Other hidden lines behind the same release: what was graded is graded again, by them.
    source = folder / "source" / "hw1" / "hw1.ipynb"
    release = (folder / "release" / "hw1" / "hw1.ipynb").read_bytes()
    source.write_text(source.read_text().replace("(250.0, 100.0) + 0.994850", "(1000.0, 1.0) + 7.5"))
    run(folder, "photgrader.cli", "build", "hw1", "--no-solutions")
    assert (folder / "release" / "hw1" / "hw1.ipynb").read_bytes() == release
    assert "the assignment's release has changed" in run(folder, "photgrader.cli", "replay", "hw1/right")
    run(folder, "photgrader.cli", "grade", "hw1")
    assert in_the_gradebook(folder)["learned-by-heart"] == 0.0 == in_the_gradebook(folder)["seen-only"]


@pytest.mark.heavy
def test_after_marks_are_split_the_mistake_is_named_and_the_exercise_proves_itself(tmp_path):
    folder = course_with(tmp_path, block("cell: tests", 1))
    (folder / "exercises" / "hw1").mkdir(parents=True)
    (folder / "exercises" / "hw1" / "__init__.py").touch()
    for name in ("magnitude_difference.py", "magnitude_difference_variants.py"):
        (folder / "exercises" / "hw1" / name).write_text(block(f"file: exercises/hw1/{name}"))
    done = subprocess.run(
        [sys.executable, "-m", "photgrader.cli", "try", "hw1"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0 and "3 variants, 6 misconceptions, 4 cases (2 hidden): fine" in done.stdout, (
        done.stdout + done.stderr
    )

    # Either is one known slip and nothing else, which keeps two fifths.
    assert marks_of(folder) == {"right": 4.0, "sign": 1.6, "learned-by-heart": 1.6, "seen-only": 0.4}
    records = {
        s: json.loads((folder / ".photgrader" / "records" / "hw1" / f"{s}.json").read_text())["exercises"][
            "magnitude_difference"
        ]
        for s in STUDENTS
    }
    assert records["sign"]["hint"] == "sign" and "5" in records["sign"]["symptom"]
    assert records["learned-by-heart"]["hint"] == "reference-of-100"
    check = json.loads((folder / "release" / "hw1" / "checks" / "magnitude_difference.json").read_text())
    assert [c["name"] for c in check["cases"]] == ["a hundred times fainter", "equal"], (
        "students get the provided cases only"
    )
    assert "np.log10(flux" not in json.dumps(check), "and no reference"
