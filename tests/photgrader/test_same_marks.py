"""The same submission has the same marks and the same words: twenty runs, in any order, with one worker or two."""

from __future__ import annotations

import random

import nbformat
import pytest

from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, submit

pytestmark = pytest.mark.heavy
RUNS = 20
NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"
#: Its answer would be another in every run if a run's own state reached it.
WAVERING = (
    "def centroid(c, x0, y0):\n    rng = np.random.default_rng(5)\n    return x0 + rng.normal(), y0 + rng.normal()"
)


def essence(result: dict) -> tuple:
    """Return what a run says of a submission, without when it was and how long it took."""
    record = result["record"]
    exercises = {
        name: {**e, "cases": [{k: v for k, v in c.items() if k != "seconds"} for c in e["cases"]]}
        for name, e in record["exercises"].items()
    }
    checks = [
        c.outputs[0].data for c in nbformat.reads(result["notebook"], as_version=4).cells if "photgrader" in c.metadata
    ]
    assert len(checks) == 2
    return record["points"], record["state"], repr(exercises), [(d["text/plain"], d["text/html"]) for d in checks]


def test_twenty_runs_in_any_order_with_any_number_of_workers_say_the_same(tiny_course):
    submit(tiny_course, "offset", {**RIGHT, "centroid": NO_OFFSET})
    submit(tiny_course, "wavering", {**RIGHT, "centroid": WAVERING})
    tasks = parallel.submissions(tiny_course, ASSIGNMENT)
    first: dict[str, tuple] = {}
    runs: dict[str, int] = {}
    for workers in (1, 2):
        # Several rounds in one pool: a worker has graded others, and the same one, before.
        queue = [t for t in tasks for _ in range(RUNS // 2)]
        random.Random(workers).shuffle(queue)
        for task, result in parallel.run_here(queue, workers):
            assert isinstance(result, dict), result
            runs[task.student] = runs.get(task.student, 0) + 1
            assert essence(result) == first.setdefault(task.student, essence(result)), (
                f"{task.student}, {workers} workers"
            )
    assert runs == {"offset": RUNS, "wavering": RUNS}
    assert 0 < first["offset"][0] < 7 and first["wavering"][0] == 3
