"""Every named state, graded for real: the points, what the student is told in the feedback, what the grader in the report."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import os
import pathlib
import shutil
import zipfile

import nbformat
import pytest

from photcheck import wire
from photcheck.comparators import Numbers
from photcheck.report import Facts, Report
from photcheck.spec import CaseSpec
from photcheck.verdict import judge_case, told
from photgrader.gradebook import app
from photgrader.gradebook.mathml import OfflineHTMLExporter
from photgrader.grading import finding as intake
from photgrader.grading.answers import grade_id_of
from photgrader.grading.sanitise import clean_attachments
from photgrader.overview.report import write_report
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, submit

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _path(root: pathlib.Path, student: str) -> pathlib.Path:
    return root / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


def _edited(change):
    """Return a way to hand in right work with the notebook changed."""

    def hand_in(root: pathlib.Path, student: str) -> None:
        path = submit(root, student, RIGHT)
        notebook = nbformat.read(path, as_version=4)
        change({grade_id_of(c): c for c in notebook.cells}, notebook)
        path.write_text(json.dumps(notebook), encoding="utf-8")

    return hand_in


def _moved_file(to: str):
    def hand_in(root: pathlib.Path, student: str) -> None:
        path = submit(root, student, RIGHT)
        target = path.parent / to
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)

    return hand_in


def _zipped(root: pathlib.Path, student: str) -> None:
    path = submit(root, student, RIGHT)
    with zipfile.ZipFile(path.with_name("work.zip"), "w") as packed:
        packed.write(path, f"my work/{path.name}")
    path.unlink()


def _cells(**sources: str):
    return lambda root, student: submit(root, student, {**RIGHT, **sources})


def _dropped(*names: str):
    return lambda root, student: submit(root, student, RIGHT, drop=names)


def _text(content: str):
    return lambda root, student: submit(root, student, text=content)


def _old(root: pathlib.Path, student: str) -> None:
    path = submit(root, student, RIGHT)
    notebook = nbformat.read(path, as_version=4)
    path.write_text(json.dumps(nbformat.convert(notebook, 3)), encoding="utf-8")


def _split(cells, notebook) -> None:
    at = notebook.cells.index(cells["centroid"])
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(cells["centroid"].source))
    cells["centroid"].source = "import math"


def _twice(cells, notebook) -> None:
    other = nbformat.v4.new_code_cell("def centroid(image, x, y):\n    return 'an attempt'")
    notebook.cells.insert(notebook.cells.index(cells["centroid"]), other)


def _later(cells, notebook) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell("def centroid(image, x, y):\n    return 'something else, for fun'"))


def _pasted(cells, notebook) -> None:
    for cell in notebook.cells:
        cell.metadata = {}


def _copied(cells, notebook) -> None:
    twin = copy.deepcopy(cells["centroid"])
    cells["centroid"].source = "# not this one\nraise NotImplementedError"
    notebook.cells.insert(notebook.cells.index(cells["centroid"]) + 1, twin)


def _swapped(cells, notebook) -> None:
    notebook.cells.remove(cells["second_moment"])
    notebook.cells.insert(2, cells["second_moment"])


def _dies(cells, notebook) -> None:
    notebook.cells.insert(
        notebook.cells.index(cells["check-centroid"]) + 1,
        nbformat.v4.new_code_cell("import os\nos.kill(os.getpid(), 9)"),
    )


def _fills(cells, notebook) -> None:
    source = "held = []\ntry:\n    while True: held.append(bytearray(100_000))\nexcept MemoryError: pass"
    notebook.cells.insert(notebook.cells.index(cells["check-centroid"]) + 1, nbformat.v4.new_code_cell(source))


def _locked(cells, notebook) -> None:
    cells["check-centroid"].source = "4.0"


def _kind(cells, notebook) -> None:
    cells["written-why"].cell_type = "code"
    cells["written-why"].update(outputs=[], execution_count=None)


def _picture(cells, notebook) -> None:
    cells["written-why"].source = "![sketch](attachment:sketch.png) ![gone](attachment:gone.png)"
    cells["written-why"]["attachments"] = {
        "sketch.png": {"image/png": PNG},
        "evil.svg": {"image/svg+xml": "<svg onload='evil()'/>"},
    }


def _stamped(root: pathlib.Path, student: str) -> None:
    submit(root, student, RIGHT).with_name("timestamp.txt").write_text("yesterday evening")


def _newer(**marks: object):
    return _edited(lambda cells, notebook: notebook.update(marks))


def _folder_only(root: pathlib.Path, student: str) -> None:
    submit(root, student, RIGHT).unlink()


#: name: (how it is handed in, state, points, words for the student, words for the grader)
STATES = {
    "split": (_edited(_split), "graded", 7, "", ""),
    "duplicated": (
        _edited(_copied),
        "repaired",
        7,
        "is there 2 times; the last one that you changed counts",
        "the last edited one was kept",
    ),
    "moved": (_edited(_swapped), "graded", 7, "", ""),
    "pasted": (_edited(_pasted), "repaired", 7, "had lost their marks", "cells without metadata were recognised"),
    "check-deleted": (
        _dropped("check-centroid"),
        "repaired",
        7,
        "were missing and were put back",
        "missing graded cells were put back",
    ),
    "answer-deleted": (_dropped("centroid"), "graded", 3, "", ""),
    "renamed": (
        _moved_file("homework final (2).ipynb"),
        "repaired",
        7,
        "was taken from homework final (2).ipynb",
        "was graded in its place",
    ),
    "nested": (
        _moved_file(f"ps1/{ASSIGNMENT}.ipynb"),
        "repaired",
        7,
        f"was taken from ps1/{ASSIGNMENT}.ipynb",
        "was graded in its place",
    ),
    "zipped": (_zipped, "repaired", 7, "was taken out of work.zip", "was read from work.zip"),
    "older-jupyter": (_old, "repaired", 7, "saved by an old Jupyter and was converted", "nbformat 3 was converted"),
    "newer-jupyter": (_newer(nbformat_minor=99), "graded", 7, "", ""),
    "next-jupyter": (
        _newer(nbformat=5, nbformat_minor=0),
        "repaired",
        7,
        "of an unknown format; it was read as usual",
        "was read as 4",
    ),
    "defined-twice": (_edited(_twice), "graded", 7, "", ""),
    "defined-again-later": (_edited(_later), "graded", 7, "", ""),
    "dead-in-the-middle": (
        _edited(_dies),
        "kernel died",
        7,
        "the rest of the notebook was run in a fresh kernel without it",
        "kernel died",
    ),
    "dead-function": (
        _cells(centroid="import os\ndef centroid(*a): os._exit(1)"),
        "kernel died",
        3,
        "a person will look at this exercise",
        "kernel died",
    ),
    "memory-full": (
        # To the last kilobyte: whoever is asked next has no room to answer.
        _cells(centroid=RIGHT["centroid"] + "\nheld = []\nwhile True: held.append(bytearray(1000))"),
        "out of memory",
        7,
        "This cell used up the memory that there is; the rest of the notebook was run in a fresh kernel with nothing of it but centroid",
        "out of memory",
    ),
    "memory-filled-and-no-error": (
        # The cell after it would be the one that stops.
        _edited(_fills),
        "out of memory",
        7,
        "This cell used up the memory that there is; the rest of the notebook was run in a fresh kernel without it",
        "out of memory",
    ),
    "function-that-fills-memory": (
        _cells(centroid="held = []\ndef centroid(*a):\n    while True: held.append(bytearray(1000))"),
        "out of memory",
        3,
        "a person will look at this exercise",
        "out of memory",
    ),
    "function-that-keeps-memory": (
        # Right, and the next one finds a kernel with room.
        _cells(
            centroid="held = [], []\n"
            + RIGHT["centroid"].replace(
                "    ny,",
                "    held[0].append(1)\n    try:\n        while len(held[0]) == 6: held[1].append(bytearray(3_000_000))\n"
                "    except MemoryError: pass\n    ny,",
                1,
            ),
            second_moment=RIGHT["second_moment"].replace("    ny,", "    np.ones(2_000_000)\n    ny,", 1),
        ),
        "graded",
        7,
        "",
        "",
    ),
    "too-much-at-once": (
        # Never had, so nothing is full.
        _cells(centroid=RIGHT["centroid"] + "\nimport numpy as np\nnp.zeros(10**12)"),
        "graded",
        7,
        "",
        "",
    ),
    "dead-in-its-definitions": (
        _cells(centroid="import os\n@lambda f: os._exit(1)\n" + RIGHT["centroid"]),
        "kernel died",
        3,
        "This cell ended the kernel; the rest of the notebook was run in a fresh kernel without it",
        "kernel died",
    ),
    "endless-cell": (
        _cells(centroid=RIGHT["centroid"] + "\nwhile True: pass"),
        "timeout",
        7,
        "This cell was stopped after",
        "timeout",
    ),
    "locked-edited": (
        _edited(_locked),
        "repaired",
        7,
        "is not meant to be edited; the original was used",
        "was edited and restored",
    ),
    "another-kind": (_edited(_kind), "repaired", 7, "had become a code cell; it was turned back", "was a code cell"),
    "picture": (_edited(_picture), "graded", 7, "", ""),
    "no-time": (
        _stamped,
        "repaired",
        7,
        "The time of your submission could not be read",
        "timestamp.txt cannot be read",
    ),
    "damaged": (_text('{"cells": ['), "not a notebook", 0, "its JSON is damaged", "its JSON is damaged"),
    "nothing": (
        _folder_only,
        "missing notebook",
        0,
        "There is no notebook in what you handed in",
        "There is no notebook in what you handed in",
    ),
    "too-large": (_text(" " * 2_100_000), "too large", 0, "Clear its outputs", "Clear its outputs"),
}


@pytest.fixture(scope="module")
def graded(built_course, tmp_path_factory):
    """All states, graded in one run: the records and the students' pages, and the graders' page."""
    root = tmp_path_factory.mktemp("states") / "course"
    shutil.copytree(built_course, root)
    (root / "photgrader.toml").write_text(
        "[limits]\ncell_seconds = 3.0\ncall_seconds = 4.0\nnotebook_seconds = 40.0\nmemory_mb = 1200\nsubmission_mb = 2\n"
    )
    for student, (hand_in, *_) in STATES.items():
        hand_in(root, student)
    found = {}
    for task, result in parallel.run_here(parallel.submissions(root, ASSIGNMENT), 2):
        assert isinstance(result, dict), (task.student, result)
        parallel.merge(root, result)
        found[task.student] = result
    done = app.nbgrader_api(root).generate_feedback(ASSIGNMENT, force=True)
    assert done["success"], done
    pages = {s: (root / "feedback" / s / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8") for s in STATES}
    return found, pages, write_report(root, [ASSIGNMENT], root / "report.html", names=True).read_text(encoding="utf-8")


@pytest.mark.heavy
@pytest.mark.parametrize("student", STATES)
def test_a_state_has_its_name_its_points_and_words_for_student_and_grader(graded, student):
    found, pages, report = graded
    _, state, points, words, grader = STATES[student]
    record = found[student]["record"]
    assert (record["state"], record["points"]) == (state, points), (
        record["repairs"],
        record["faults"],
        record["exercises"],
    )
    assert words in pages[student]
    row = next(r for r in report.split("<tr>") if f"<td>{student}</td>" in r)
    assert state in row and grader in row
    if state == "graded":
        assert "What the grader found in your file" not in pages[student] and not record["repairs"]


@pytest.mark.heavy
def test_a_pasted_picture_is_in_the_feedback_and_a_missing_one_costs_nothing(graded):
    _, pages, _ = graded
    assert PNG in pages["picture"] and "onload" not in pages["picture"]


def test_only_pictures_are_kept_of_what_is_attached():
    kept = clean_attachments(
        {
            "a.png": {"image/png": PNG, "text/html": "<script>"},
            "b": {"image/svg+xml": "x"},
            "c": 7,
            "d": {"image/png": "bm8="},
            5: {"image/png": PNG},
        }
    )
    assert kept == {"a.png": {"image/png": PNG}}
    assert clean_attachments(["x"]) == clean_attachments(None) == {}


def test_markdown_that_cannot_be_rendered_is_shown_as_text():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("> " * 3000 + "<b>deep</b>"),
            nbformat.v4.new_markdown_cell("the rest is worth having"),
        ]
    )
    page = OfflineHTMLExporter().from_notebook_node(notebook)[0]
    assert "the rest is worth having" in page and "deep" in page


# ------------------------------------------------------------------------------------------------ the time of a submission
@pytest.mark.parametrize(
    "text",
    ["never", "\x00" * 30, "9999-12-31 23:59:59 -99999999999", "2026-10-10 12:00:00 UTC" * 100, "2026-13-45 99:00"],
    ids=repr,
)
def test_a_time_that_is_none_is_the_file_s_own(tmp_path, text):
    (tmp_path / "timestamp.txt").write_text(text)
    os.utime(tmp_path / "timestamp.txt", (1_790_000_000, 1_790_000_000))
    assert intake.submitted_at(tmp_path) == (datetime.datetime(2026, 9, 21, 14, 13, 20), False)


def test_a_time_is_read_and_a_link_or_pipe_in_its_place_is_not_followed(tmp_path):
    path = tmp_path / "timestamp.txt"
    assert intake.submitted_at(tmp_path) == (None, True)
    path.write_text("2026-10-12 21:59:30.5 UTC\n")
    assert intake.submitted_at(tmp_path) == (datetime.datetime(2026, 10, 12, 21, 59, 30, 500000), True)
    path.rename(tmp_path / "other.txt")
    path.symlink_to(tmp_path / "other.txt")
    assert intake.submitted_at(tmp_path)[1] is False
    path.unlink()
    os.mkfifo(path)
    assert intake.submitted_at(tmp_path)[1] is False


# ------------------------------------------------------------------------------------------------ what a report may say
def test_a_kernel_s_report_cannot_say_what_only_the_grader_says():
    form = {
        "ok": True,
        "state": "right",
        "file": "x",
        "seconds": 0.0,
        "cpu": 0.0,
        "waited": 1.0,
        "value": 1,
        "again": {"ok": True, "again": {"ok": True}},
    }
    report = Report.read(form)
    assert {f.name for f in dataclasses.fields(Report)} & {f.name for f in dataclasses.fields(Facts)} == {"again"}, (
        "nothing is said by both"
    )
    assert report.again is not None and report.again.again is None
    case = CaseSpec("c", "a star", [1], 1.0, Numbers(("x",), atol=1e-3), hidden=True)
    forged = Report.read({"ok": False, "error": {"type": "TimeoutError", "message": "no answer within 151.2437 s"}})
    verdict = judge_case(case, forged, ())
    assert verdict.finding.kind == "error" and "151.2437" not in told(verdict)
    written = dataclasses.replace(case, output="stack.fits")
    assert judge_case(written, report, ()).answer is None, (
        "a file is what the grader has read, whatever the kernel says of one"
    )
    assert not Report.read(None).ok and judge_case(case, Report.read(None), ()).finding.score == 0


def test_a_wrong_hidden_case_says_one_bit():
    """Whatever a function can choose (its error, a warning, the kind of its answer), what a student sees of the case is the same."""
    case = CaseSpec("c", "a star", [1], 1.0, Numbers(("x",), atol=1e-3), hidden=True, no_warnings=True)
    right = Numbers(("x",), atol=1e-3)
    reports = [
        {"ok": False, "error": {"type": kind, "message": "151.2437", "line": "line 3: 151.2437"}}
        for kind in ("E151_2437", "ValueError", "KeyError", "OSError")
    ]
    reports += [
        {"ok": True, "value": wire.encode(value)}
        for value in (151.2437, None, float("nan"), [1, 2], "151.2437", {"151.2437": 1})
    ]
    reports += [
        {"ok": True, "value": wire.encode(151.2437), "leftovers": ["v151_2437"], "again": {"ok": False}},
        {"ok": True, "value": wire.encode(1.0), "changed": ["x"]},
        {"ok": True, "value": wire.encode(1.0), "warnings": ["UserWarning: 151.2437"]},
    ]
    case.expected, case.comparator = 1.0, right
    seen = {told(v) for report in reports if not (v := judge_case(case, Report.read(report), ("x",))).finding.ok}
    assert seen == {"wrong in a hidden case (a star)"}
