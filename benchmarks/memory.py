"""Grade thousands of small submissions in one run and look whether the grader's memory grows.

Usage: .venv/bin/python tools/memory_run.py [STUDENTS] [FILE.json]

The submissions are of one exercise, right and wrong in turns. Every two seconds the proportional share of memory
(pages that processes have in common count once) of `photgrader grade` and all its descendants is read; printed are
the largest values in ten equal parts of the run, and the slope of a straight line through the second half.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

WRONG = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"


def make_course(folder: pathlib.Path, students: int) -> None:
    """Write a course with one exercise and a class that has handed in."""
    import nbformat

    from photgrader.release.build import build_release
    from support import ASSIGNMENT, CENTROID, RIGHT, check_cell, code_cell, solution_cell, submit

    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    cells = [code_cell("import numpy as np\nfrom photcourse import check"), solution_cell("centroid", CENTROID), check_cell("centroid", 4)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source / f"{ASSIGNMENT}.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    build_release(folder, ASSIGNMENT)
    for number in range(students):
        submit(folder, f"s{number:05d}", {"centroid": WRONG if number % 3 == 0 else RIGHT["centroid"]})


def memory(process: psutil.Process) -> tuple[float, float]:
    """Return megabytes of the process that leads, and of it with all its descendants."""
    own = total = 0.0
    for member in [process, *process.children(recursive=True)]:
        try:
            share = member.memory_full_info().pss / 2**20
        except psutil.Error:
            continue
        total += share
        own += share if member.pid == process.pid else 0.0
    return own, total


def main() -> None:
    """Run it."""
    from support import ASSIGNMENT

    students = max(100, int(sys.argv[1])) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory(prefix="photgrader-memory-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        make_course(folder, students)
        started, seen = time.monotonic(), []
        with open(folder / "run.log", "wb") as log:
            run = subprocess.Popen([sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT], cwd=folder, stdout=log, stderr=log)
            process = psutil.Process(run.pid)
            while run.poll() is None:
                try:
                    seen.append((time.monotonic() - started, *memory(process)))
                except psutil.Error:
                    break
                time.sleep(2)
        run.wait()
        seconds = time.monotonic() - started
        graded = sum(1 for _ in (folder / ".photgrader" / "records").rglob("*.json"))
    table = np.array(seen)
    late = table[len(table) // 2:]
    slopes = [float(np.polyfit(late[:, 0], late[:, k], 1)[0] * seconds / students * 1000) for k in (1, 2)]
    found = {"students": students, "graded": graded, "exit": run.returncode, "seconds": round(seconds),
             "peak_mb_by_tenths": {"leader": [round(float(p[:, 1].max()), 1) for p in np.array_split(table, 10)],
                                   "all": [round(float(p[:, 2].max()), 1) for p in np.array_split(table, 10)]},
             "growth_mb_per_thousand_in_second_half": {"leader": round(slopes[0], 2), "all": round(slopes[1], 2)},
             "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    print(json.dumps(found, indent=1))
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
