"""Where a run is started says little of where it can be finished: batch systems, services and old shells hand over odd things."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import pytest

from support import ASSIGNMENT, RIGHT, submit

#: As a service may be started that was never meant to have children: what it is told of them is ignored, and held back besides.
STARTED_BY = """
import os, resource, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
os.close(0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.heavy
@pytest.mark.parametrize("length", [70, 140])
def test_a_class_is_graded_wherever_the_command_is_started(tiny_course, length):
    submit(tiny_course, "ada", RIGHT)
    # As batch systems name it: at the first length the names of kernels' sockets are too long in it, at the second those of workers too.
    folder = pathlib.Path(
        tempfile.mkdtemp(prefix="x" * (length - len(tempfile.gettempdir()) - 9), dir=tempfile.gettempdir())
    )
    done = subprocess.run(
        [sys.executable, "-c", STARTED_BY, sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT, "--json", "r.json"],
        cwd=tiny_course,
        env={**os.environ, "TMPDIR": str(folder), "COLUMNS": "10", "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    folder.rmdir()
    assert done.returncode == 0, done.stdout + done.stderr
    [record] = json.loads((tiny_course / "r.json").read_text())["records"]
    assert (record["state"], record["points"]) == ("graded", 7.0), record["exercises"]


def grade(root: pathlib.Path, files: int = 1024, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT, "--workers", "1", "--json", "r.json"],
        cwd=root,
        env={**os.environ, **environment},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.heavy
def test_where_no_kernel_can_be_started_nobody_is_judged_and_the_next_run_grades(tiny_course):
    submit(tiny_course, "ada", RIGHT)
    submit(tiny_course, "bob", RIGHT)
    (tiny_course / "submitted" / "bob" / ASSIGNMENT / "notes.txt").write_text("handed in too")
    done = grade(tiny_course, files=40)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for student in ("ada", "bob"):
        assert f"{student} was not graded: the grader failed (no kernel can be started on this machine: " in done.stderr
    assert "Too many open files" in done.stderr and not json.loads((tiny_course / "r.json").read_text())["records"]
    assert grade(tiny_course).returncode == 0
    records = json.loads((tiny_course / "r.json").read_text())["records"]
    assert [(r["state"], r["points"]) for r in records] == [("graded", 7.0)] * 2


@pytest.mark.heavy
def test_a_folder_for_temporary_files_that_is_no_utf_8_is_passed_over(tiny_course, tmp_path):
    submit(tiny_course, "ada", RIGHT)
    folder = os.fsdecode(os.fsencode(tempfile.mkdtemp()) + b"\xe9")
    os.mkdir(folder)
    done = grade(tiny_course, TMPDIR=folder)
    os.rmdir(folder)
    assert done.returncode == 0, done.stdout + done.stderr
