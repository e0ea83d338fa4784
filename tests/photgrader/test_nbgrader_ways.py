"""What people know from nbgrader: its own switches and settings are followed, or refused in a sentence."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import nbformat
import pytest

from photgrader import coursedir
from photgrader.grading.finding import submitted_at
from photgrader.runs.run import grade_assignment
from support import ASSIGNMENT, RIGHT, submit

NBGRADER = pathlib.Path(sys.executable).parent / "nbgrader"


def autograde(root: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NBGRADER, "autograde", ASSIGNMENT, "--create", *words], cwd=root, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    "metadata, python",
    [
        ({}, True),
        ({"kernelspec": {"name": "python3"}}, True),
        ({"kernelspec": {"name": "conda-env", "language": "python"}}, True),
        ({"kernelspec": {"name": "ir", "language": "R"}}, False),
        ({"kernelspec": {"name": "ir"}}, False),
        ({"language_info": {"name": "julia"}}, False),
    ],
)
def test_the_language_of_a_notebook_is_what_its_kernel_says(metadata, python):
    assert coursedir.is_python(nbformat.from_dict({"metadata": metadata, "cells": []})) is python


def test_a_notebook_for_another_language_is_refused_in_a_sentence_by_every_way(tiny_course):
    submit(tiny_course, "ada", RIGHT)
    path = tiny_course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    path.write_text(json.dumps(notebook))
    with pytest.raises(coursedir.CourseError, match="is for the kernel 'ir'"):
        grade_assignment(tiny_course, ASSIGNMENT, "*", 1, False)
    done = autograde(tiny_course)
    assert (
        done.returncode == 1 and "is for the kernel 'ir'" in done.stderr and not (tiny_course / "autograded").exists()
    ), done.stderr


@pytest.mark.heavy
def test_a_cells_time_is_what_nbgraders_own_setting_says_and_what_is_not_followed_is_said(tiny_course):
    submit(tiny_course, "ada", {**RIGHT, "centroid": "import time\ntime.sleep(3)\n" + RIGHT["centroid"]})
    done = autograde(tiny_course, "--no-execute")
    assert done.returncode == 0 and "--no-execute is not followed" in done.stderr, done.stderr
    (record,) = coursedir.read_records(tiny_course, ASSIGNMENT)
    assert record.faults == () and record.points > 0, "it was run all the same"
    assert autograde(tiny_course, "--force", "--Execute.timeout=1").returncode == 0
    (record,) = coursedir.read_records(tiny_course, ASSIGNMENT)
    assert [f.state for f in record.faults] == ["timeout"]


def test_what_a_notebook_wrote_is_kept_beside_the_autograded_one_and_bounded(tiny_course, here):
    writes = (
        "import pathlib\npathlib.Path('out').mkdir()\npathlib.Path('out/side-effect.txt').write_text('found')\npathlib.Path('huge.bin').write_bytes(bytes(12_000_000))\n"
        "pathlib.Path('notes.txt').write_text('changed')\nimport os\nos.symlink('/etc/passwd', 'link.txt')\n"
    )
    folder = submit(tiny_course, "ada", {**RIGHT, "centroid": writes + RIGHT["centroid"]}).parent
    (folder / "notes.txt").write_text("mine")
    grade_assignment(tiny_course, ASSIGNMENT, "*", 1, False)
    there = tiny_course / "autograded" / "ada" / ASSIGNMENT
    assert (there / "out/side-effect.txt").read_text() == "found" and (there / "notes.txt").read_text() == "changed"
    assert (
        not (there / "huge.bin").exists()
        and not (there / "link.txt").exists()
        and (folder / "notes.txt").read_text() == "mine"
    )
    assert "huge.bin" in (tiny_course / ".photgrader/logs" / ASSIGNMENT / "ada.log").read_text()


def test_an_empty_time_is_no_time_and_no_delay(tmp_path):
    (tmp_path / "timestamp.txt").write_text(" \n")
    assert submitted_at(tmp_path) == (None, True)
    for text, hour in (
        ("2015-02-02 15:58:23.948203 America/Los_Angeles", 23),
        ("2015-02-02 15:58:23 Etc/GMT+2", 17),
        ("2015-02-02 15:58 +0200", 13),
    ):
        (tmp_path / "timestamp.txt").write_text(text)
        when, readable = submitted_at(tmp_path)
        assert when is not None and (when.hour, readable) == (hour, True)
    for text in ("2015-02-02 15:58 America", "2015-02-02 15:58 Nowhere/Town", "2015-02-02 15:58 ../../etc/passwd"):
        (tmp_path / "timestamp.txt").write_text(text)
        assert submitted_at(tmp_path)[1] is False
    (tmp_path / "timestamp.txt").write_text("last Tuesday, I think")
    when, readable = submitted_at(tmp_path)
    assert when is not None and not readable


@pytest.mark.heavy
def test_the_empty_folder_of_an_interrupted_run_does_not_count_as_graded(tiny_course):
    submit(tiny_course, "ada", RIGHT)
    for way in (autograde, lambda root: grade_assignment(root, ASSIGNMENT, "*", 1, False)):
        folder = tiny_course / "autograded" / "ada" / ASSIGNMENT
        for path in folder.glob("*"):
            path.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        way(tiny_course)
        assert (folder / f"{ASSIGNMENT}.ipynb").is_file()
