"""How long a student waits for a verdict of the live service: one hand-in alone, and a class at once, in a temporary copy of the course."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.grading import hand_in_class, make_course, run_before_handing_in
from photgrader.gradebook.exchange import make_exchange
from photgrader.serve.queue import Queue
from photgrader.simulate.make_class import make_class

#: Seconds that the service may take to start, and a class to be graded.
PATIENCE = 1800.0


def hand_in(folder: pathlib.Path, inbound: pathlib.Path, student: str, assignment: str, when: datetime) -> None:
    """Put a folder into the exchange as the student's side does: beside its place, then in it."""
    stamp = f"{when:%Y-%m-%d %H:%M:%S.%f} UTC"
    unfinished = inbound / f".{student}{when:%f}"
    shutil.copytree(folder / student / assignment, unfinished)
    (unfinished / "timestamp.txt").write_text(stamp, encoding="utf-8")
    (unfinished / "submission_secret.txt").write_text("s" * 64, encoding="utf-8")
    unfinished.rename(inbound / f"{student}+{assignment}+{stamp}+{when:%f}abcdef")


def _wait(queue: Queue, graded: int) -> None:
    until = time.monotonic() + PATIENCE
    while queue.counts().get("graded", 0) < graded:
        if time.monotonic() > until:
            raise SystemExit(f"After {PATIENCE:g} s the queue has {queue.counts()}: {queue.problems()}")
        time.sleep(0.05)


def measure(
    root: pathlib.Path, assignment: str, students: int, workers: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return seconds from a hand-in being in the exchange to its verdict being in the gradebook and on the page.

    Parameters
    ----------
    root : Path
        The course.
    assignment : str
        Which; whole notebooks, solved more or less well (`photgrader.simulate`) and run before they are handed in.
    students : int
        How many hand in at once.
    workers : int
        Processes that grade.
    say : callable
        Told how it goes.
    """
    with tempfile.TemporaryDirectory(prefix="pg-live-") as name:
        base = pathlib.Path(name)
        copy, inbound = (
            make_course(base / "course", root, assignment, False),
            base / "exchange" / "starlight" / "inbound",
        )
        make_exchange(base / "exchange", "starlight", os.geteuid(), os.getegid())
        make_class(copy, assignment, students + 3, special=False, folder=base / "handed-in")
        names = sorted(p.name for p in (base / "handed-in").iterdir())
        say("running the notebooks once, as those have who hand in")
        hand_in_class(copy, base / "handed-in", names)
        run_before_handing_in(copy, assignment, base / "handed-in", workers)
        shutil.rmtree(copy / "submitted")
        queue = Queue.of(copy)
        environment = {**os.environ, "PHOTCOURSE_EXCHANGE": str(base / "exchange"), "PHOTCOURSE_COURSE_ID": "starlight"}
        service = subprocess.Popen(
            [sys.executable, "-m", "photgrader.cli", "serve", "--port", "0", "--workers", str(workers)],
            cwd=copy,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            alone = []
            for number, student in enumerate(names[:3]):
                hand_in(base / "handed-in", inbound, student, assignment, datetime.now(UTC))
                started = time.perf_counter()
                _wait(queue, number + 1)
                alone.append(time.perf_counter() - started)
                say(f"one alone{', with the service started just before' if not number else ''}: {alone[-1]:.1f} s")
                while not queue.counting(student, assignment).pages:  # type: ignore[union-attr]
                    time.sleep(0.1)
            now = datetime.now(UTC)
            for number, student in enumerate(names[3:]):
                hand_in(base / "handed-in", inbound, student, assignment, now + timedelta(microseconds=number))
            started = time.perf_counter()
            _wait(queue, len(names))
            whole = time.perf_counter() - started
            waited = sorted(seconds for seconds, _ in queue.seconds(students))
            say(f"{students} at once: the last verdict after {whole:.1f} s")
        finally:
            service.terminate()
            service.wait(60)
            queue.close()
        return {
            "assignment": assignment,
            "students": students,
            "workers": workers,
            "alone_seconds": [round(s, 2) for s in alone[1:]],
            "first_seconds": round(alone[0], 2),
            "all_seconds": round(whole, 2),
            "median_seconds": round(statistics.median(waited), 2),
            "load": [round(x, 1) for x in os.getloadavg()],
            "processors": len(os.sched_getaffinity(0)),
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "python": re.sub(r" .*", "", sys.version),
        }
