"""Regrading shows who would change before anything is written, and touches nobody else."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.gradebook import app
from photgrader.runs.regrade import compare
from support import ASSIGNMENT, RIGHT, ROOT, make_course, submit

NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"


def photgrader(
    root: pathlib.Path, *words: str, package: pathlib.Path | None = None, answer: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PHOTGRADER_EXERCISES": str(package)} if package else {})}
    return subprocess.run(
        [sys.executable, "-m", "photgrader.cli", *words],
        cwd=root,
        capture_output=True,
        text=True,
        env=environment,
        input=answer,
    )


def fingerprint(root: pathlib.Path) -> dict[str, str]:
    """Return the content of everything that grading writes."""
    kept = [
        root / "gradebook.db",
        *(root / ".photgrader" / "records").rglob("*.json"),
        *(root / "autograded").rglob("*.ipynb"),
    ]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in kept}


def record_of(root: pathlib.Path, student: str) -> dict:
    return json.loads(coursedir.record_path(root, ASSIGNMENT, student).read_text())


def test_a_comparison_tells_points_from_words():
    def record(points: float, state: str, hint: str = "") -> coursedir.Record:
        form = {"points": points, "state": state, "hint": hint}
        return coursedir.Record.read({"student": "ada", "exercises": {"centroid": form}})

    assert compare(record(4, "right"), record(4.00001, "right"), set()) == []
    moved = compare(record(1, "partly right", "swapped"), record(4, "right"), {("ada", "centroid")})[0]
    assert moved.moves_points and moved.difference == 3 and moved.by_hand
    words = compare(record(1, "partly right", "swapped"), record(1, "partly right", "no-offset"), set())[0]
    assert not words.moves_points and words.difference == 0 and not words.by_hand
    assert compare(None, record(0, "wrong"), set())[0].state_before == "not graded"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A small course with three graded students: one right, one who forgot the offset, one with a mark set by hand."""
    root = make_course(tmp_path_factory.mktemp("regrade"))
    submit(root, "ada", RIGHT)
    submit(root, "ben", {**RIGHT, "centroid": NO_OFFSET})
    submit(root, "cyd", {**RIGHT, "centroid": NO_OFFSET})
    done = photgrader(root, "grade", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    with Gradebook(app.database_url(root)) as gradebook:
        gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, "cyd").manual_score = 2.5
        gradebook.db.commit()
    return root


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The exercises after a change: a centroid may be anywhere within 10,000 pixels."""
    folder = tmp_path_factory.mktemp("lenient") / "exercises"
    shutil.copytree(ROOT / "autograder" / "exercises", folder, ignore=shutil.ignore_patterns("__pycache__"))
    module = folder / ASSIGNMENT / "centroid.py"
    text = module.read_text()
    assert text.count("atol=2e-3") == 1
    module.write_text(text.replace("atol=2e-3", "atol=10000.0"))
    return folder


@pytest.mark.heavy
def test_nothing_changes_where_nothing_was_changed(graded):
    before = fingerprint(graded)
    done = photgrader(graded, "regrade", ASSIGNMENT, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "0 with changes, 3 without" in done.stdout
    assert fingerprint(graded) == before


@pytest.mark.heavy
def test_a_changed_exercise_is_shown_first_and_written_only_after_yes(graded, lenient, tmp_path):
    before = fingerprint(graded)
    report = tmp_path / "changes.json"
    done = photgrader(graded, "regrade", ASSIGNMENT, "--json", str(report), package=lenient, answer="n\n")
    assert done.returncode == 1 and "Nothing was written" in done.stdout, done.stderr
    assert fingerprint(graded) == before
    assert "Changed since the records were made: centroid." in done.stdout
    found = json.loads(report.read_text())
    assert found["changed"] == ["ben", "cyd"] and found["edited"] == ["centroid"] and found["failed"] == {}
    assert {c["exercise"] for c in found["changes"]} == {"centroid"}
    gain = {c["student"]: (c["difference"], c["after"], c["by_hand"]) for c in found["changes"]}
    lost = 4 - record_of(graded, "ben")["exercises"]["centroid"]["points"]
    assert lost > 1
    assert gain["ben"] == (pytest.approx(lost, abs=1e-3), 4.0, False) and gain["cyd"][1:] == (4.0, True)

    untouched = before["autograded/ada/" + f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"]
    done = photgrader(graded, "regrade", ASSIGNMENT, "--yes", package=lenient)
    assert done.returncode == 0, done.stderr
    assert "2 students have new entries" in done.stdout
    assert record_of(graded, "ben")["exercises"]["centroid"]["points"] == 4.0
    assert fingerprint(graded)["autograded/ada/" + f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"] == untouched
    with Gradebook(app.database_url(graded)) as gradebook:
        ben, cyd = (gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, s) for s in ("ben", "cyd"))
        assert (ben.auto_score, ben.score) == (4.0, 4.0)
        assert (cyd.auto_score, cyd.score) == (4.0, 2.5), "a mark set by hand stays"
    again = photgrader(graded, "grade", ASSIGNMENT, package=lenient)
    assert "3 unchanged" in again.stderr, "who stayed the same is known to be up to date too"
