"""Grade small submissions in one run, tens to thousands, and look whether a submission's time and the grader's memory grow with their number.

Usage: .venv/bin/python -m benchmarks.memory [STUDENTS[,STUDENTS...]] [FILE.json]

With several sizes, ``30,300,3000``, each is a run of its own, and a table tells them side by side: seconds a submission without the command's
start (the time from the first record to the last), the leading process's processor time a submission, which is the writer's, and memory. The submissions are of one exercise, right and wrong in turns. Every two seconds the proportional share of memory
(pages that processes have in common count once) of `photgrader grade` and all its descendants is read; printed are
the largest values in ten equal parts of the run, and the slope of a straight line through the second half.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

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
    cells = [
        nbformat.v4.new_markdown_cell(
            "`centroid(image_cutout, x_start, y_start)`: the flux-weighted centre, in whole-image coordinates."
        ),
        code_cell("import numpy as np\nfrom photcourse import check"),
        solution_cell("centroid", CENTROID),
        check_cell("centroid", 4),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source / f"{ASSIGNMENT}.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copy(ROOT / "photgrader.toml", folder)
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


def measure(students: int) -> dict[str, Any]:
    """Grade a class of some size in one run; return what it took."""
    from support import ASSIGNMENT

    with tempfile.TemporaryDirectory(prefix="photgrader-memory-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        make_course(folder, students)
        started, seen = time.monotonic(), []
        with open(folder / "run.log", "wb") as log:
            run = subprocess.Popen(
                [sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT], cwd=folder, stdout=log, stderr=log
            )
            process = psutil.Process(run.pid)
            while run.poll() is None:
                try:
                    seen.append((time.monotonic() - started, *memory(process), sum(process.cpu_times()[:2])))
                except psutil.Error:
                    break
                # To look costs what is measured; a short run is looked at more often.
                time.sleep(2 if students > 100 else 0.5)
        run.wait()
        seconds = time.monotonic() - started
        written = sorted(p.stat().st_mtime for p in (folder / ".photgrader" / "records").rglob("*.json"))
    table = np.array(seen)
    late = table[len(table) // 2 :]
    *slopes, share = [float(np.polyfit(late[:, 0], late[:, k], 1)[0]) for k in (1, 2, 3)]
    steady = (written[-1] - written[0]) / max(1, len(written) - 1) if written else 0.0
    return {
        "students": students,
        "graded": len(written),
        "exit": run.returncode,
        "seconds": round(seconds),
        "seconds_per_submission": round(steady, 3),
        "writer_cpu_seconds_per_submission": round(share * steady, 3),
        "peak_mb_by_tenths": {
            "leader": [round(float(p[:, 1].max()), 1) for p in np.array_split(table, 10) if len(p)],
            "all": [round(float(p[:, 2].max()), 1) for p in np.array_split(table, 10) if len(p)],
        },
        "growth_mb_per_thousand_in_second_half": {
            "leader": round(slopes[0] * steady * 1000, 2),
            "all": round(slopes[1] * steady * 1000, 2),
        },
        "load": round(os.getloadavg()[0], 2),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def main() -> None:
    """Run it."""
    sizes = [int(n) for n in sys.argv[1].split(",")] if len(sys.argv) > 1 else [2000]
    runs = [measure(n) for n in sizes]
    found = runs[0] if len(runs) == 1 else {"runs": runs}
    print(json.dumps(found, indent=1))
    if len(runs) > 1:
        print(
            "| submissions | s a submission | writer, CPU s a submission | leading process, MB | all processes, MB | load |\n|---|---|---|---|---|---|"
        )
        for run in runs:
            peaks = run["peak_mb_by_tenths"]
            print(
                f"| {run['students']:,} | {run['seconds_per_submission']:.3f} | {run['writer_cpu_seconds_per_submission']:.3f} | {max(peaks['leader']):.0f} "
                f"| {max(peaks['all']):.0f} | {run['load']} |"
            )
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
