"""The benchmark measures what it says; the clusters' configurations are well-formed."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
import yaml

from benchmarks import grading as bench
from photgrader.exercise import load_assignment
from support import ASSIGNMENT, RIGHT, ROOT, submit


def test_time_in_nested_parts_counts_once():
    clock = bench._Clock()
    inner = clock.wrap("inner", lambda: time.sleep(0.05))

    def work():
        time.sleep(0.03)
        inner()

    started = time.perf_counter()
    clock.wrap("outer", work)()
    whole = time.perf_counter() - started
    assert clock.seconds["inner"] >= 0.05
    assert 0.03 <= clock.seconds["outer"] <= whole - 0.05 + 1e-6
    assert sum(clock.seconds.values()) == pytest.approx(whole, abs=0.005)


def test_the_summary_divides_by_submissions_of_all_rounds_and_compares_with_stock():
    ways = [
        bench.Way("stock", pathlib.Path(), [], seconds=[20.0, 10.0], cpu=[16.0, 8.0]),
        bench.Way("one worker", pathlib.Path(), [], seconds=[4.0, 2.0], cpu=[3.0, 2.0]),
        bench.Way("floor", pathlib.Path(), [], seconds=[2.0, 1.0], cpu=[2.0, 1.0]),
        bench.Way("limit", pathlib.Path(), [], seconds=[1.0, 1.0], cpu=[2.0, 1.0]),
    ]
    found = bench._summary("a", 5, 2, ways, True, {}, [0.5, 0.7])
    assert found["seconds_per_submission"] == {"stock": 3.0, "one worker": 0.6, "floor": 0.3, "limit": 0.2}
    assert found["times_the_limit"] == {"stock": 15.0, "one worker": 3.0, "floor": 1.5}
    assert found["times_faster_than_stock"]["one worker"] == 5.0
    assert found["above_floor_seconds"] == {"one worker": 0.3}


@pytest.mark.heavy
def test_breakdown_names_the_parts_and_the_floor_runs_the_cells(tiny_course):
    submit(tiny_course, "ada", RIGHT)
    path = submit(tiny_course, "bo", {**RIGHT, "centroid": RIGHT["centroid"] + "\nimport time; time.sleep(1.5)"})
    found = bench.breakdown(tiny_course, ASSIGNMENT, ["ada", "bo"])
    assert found["submissions"] == 2
    assert found["seconds"]["student's cells"] > 0.7, "half of the second and a half that one of two slept"
    assert {"kernel start", "references", "conversion and database", "intake"} <= set(found["seconds"])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.floor", str(path)], capture_output=True, text=True, check=True
    )
    floor = json.loads(done.stdout.splitlines()[-1])
    assert floor["seconds"][0] > 1.5 and len(floor["checks"]) == 2
    # Of the same notebook the limit holds what its functions take, and not the cells.
    slow = submit(
        tiny_course,
        "cy",
        {**RIGHT, "centroid": RIGHT["centroid"].replace("):\n", "):\n    import time; time.sleep(0.3)\n", 1)},
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.limit", ASSIGNMENT, str(slow), str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tiny_course,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    sleeping, right = json.loads(done.stdout.splitlines()[-1])
    cases = sum(1 for _ in load_assignment(ASSIGNMENT).exercises["centroid"].cases(7))
    assert 0.3 * cases <= sleeping and right < 0.2


@pytest.mark.parametrize("name", ["dask-kubernetes.yaml", "dask-jobqueue.yaml"])
def test_cluster_configurations_are_well_formed_and_marked_as_not_run(name):
    text = (ROOT / "deploy" / name).read_text()
    assert "NOT RUN" in text
    documents = list(yaml.safe_load_all(text))
    if name == "dask-kubernetes.yaml":
        cluster, scaler = documents
        assert (cluster["kind"], scaler["kind"]) == ("DaskCluster", "DaskAutoscaler")
        [worker] = cluster["spec"]["worker"]["spec"]["containers"]
        at = worker["args"].index("--nthreads")
        assert worker["args"][at + 1] == "1", "one submission at a time in a worker"
        labels = cluster["spec"]["scheduler"]["service"]["selector"]
        assert labels["dask.org/cluster-name"] == cluster["metadata"]["name"] == scaler["spec"]["cluster"]
    else:
        slurm = documents[0]["jobqueue"]["slurm"]
        assert slurm["cores"] == slurm["processes"], "one thread a worker"
