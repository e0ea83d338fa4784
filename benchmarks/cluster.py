"""Processes of this machine beside a Dask cluster on it, with 1, 2 and 4 workers: what a submission costs, and what a task moves.

Usage: .venv/bin/python -m benchmarks.cluster [STUDENTS] [FILE.json]

One simulated class with mistakes on the small notebook of `photgrader bench`, graded from nothing by each way in turn. Times are without a command's
start: from the first record to the last. What moves is counted in pickled bytes, as Dask sends it.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import pickle
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

from benchmarks.grading import ROUNDS, Way, hand_in_class, local_cluster, make_course, rows, run_way
from photgrader.commands.common import root as course_root
from photgrader.coursedir import CourseError
from photgrader.grading.task import RunContext, grade_task, read_task
from photgrader.release.build import source_assignments
from photgrader.runs import parallel
from photgrader.sandbox import warm
from photgrader.simulate.make_class import make_class

WORKERS = (1, 2, 4)


def measure(students: int) -> dict[str, Any]:
    """Grade the class by all ways; return plain data.

    Raises
    ------
    CourseError
        A way fails, or two differ in a mark.
    """
    root = course_root()
    assignment = source_assignments(root)[0]
    with tempfile.TemporaryDirectory(prefix="photgrader-cluster-") as name:
        base = pathlib.Path(name)
        base.chmod(0o755)
        course = make_course(base / "course", root, assignment, True)
        made = [s.id for s in make_class(course, assignment, students, special=False, folder=base / "class")]
        hand_in_class(course, base / "class", made)
        grade = [sys.executable, "-m", "photgrader.cli", "grade", assignment, "--force"]
        ways = [(n, Way(f"processes, {n}", course, [*grade, "--workers", str(n)])) for n in WORKERS]
        ways += [
            (n, Way(f"Dask, {n}", course, grade, around=functools.partial(local_cluster, n, base))) for n in WORKERS
        ]
        found, marks = [], None
        for number, (workers, way) in enumerate(ways * ROUNDS):
            shutil.rmtree(course / ".photgrader" / "records", ignore_errors=True)
            run_way(way)
            written = sorted(p.stat().st_mtime for p in (course / ".photgrader" / "records").rglob("*.json"))
            now = rows(course, assignment)
            if len(written) != students or now != (marks or now):
                raise CourseError(
                    f"{way.name} graded {len(written)} of {students}, or its marks are not those of {ways[0][1].name}."
                )
            marks = now
            found.append({"way": way.name, "workers": workers, "round": number // len(ways) + 1,
                          "seconds": round((written[-1] - written[0]) / (students - 1), 3), "load": round(os.getloadavg()[0], 2)})  # fmt: skip
            print(found[-1], flush=True)
        return {"assignment": assignment, "students": students, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "processors": len(os.sched_getaffinity(0)), "runs": found, "bytes": moved(course, assignment)}  # fmt: skip


def moved(course: pathlib.Path, assignment: str, count: int = 6) -> dict[str, int]:
    """Return how many bytes a task takes to a worker and brings back, in the mean, and what goes to each worker once."""
    tasks = parallel.submissions(course, assignment)[:count]
    there = [pickle.dumps(replace(t.without_context(), folder="", **read_task(t))) for t in tasks]
    try:
        back = [pickle.dumps(grade_task(t)) for t in tasks]
    finally:
        warm.close()
    return {
        "to the worker": sum(map(len, there)) // len(there),
        "back": sum(map(len, back)) // len(back),
        "once": len(pickle.dumps(RunContext.of(tasks))),
    }


def main() -> None:
    """Run it."""
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
    print("| workers | processes, s a submission | Dask, s a submission |\n|---|---|---|")
    for n in WORKERS:
        each = [[r["seconds"] for r in found["runs"] if r["way"] == f"{kind}, {n}"] for kind in ("processes", "Dask")]
        print(f"| {n} | " + " | ".join(f"{sum(s) / len(s):.2f}" for s in each) + " |")
    print(f"A task moves {', '.join(f'{k}: {v:,} bytes' for k, v in found['bytes'].items())}.")
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
