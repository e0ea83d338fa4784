"""Detectors of a camera, and one function over all of them on a cluster."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from photcourse import focal_plane


def test_the_camera_has_189_detectors_that_do_not_overlap():
    camera = focal_plane.camera()
    assert len(camera) == 189 and camera["raft"].nunique() == 21 and camera["name"].is_unique
    assert camera.loc[94, "name"] == "R22_S11" and camera.loc[0, "name"] == "R01_S00"
    assert tuple(camera.loc[94, ["x_mm", "y_mm"]]) == (0, 0)
    places = camera[["x_mm", "y_mm"]].to_numpy()
    apart = np.abs(places[:, None] - places).max(axis=2)[~np.eye(189, dtype=bool)]
    assert apart.min() >= 42
    # First digit the row: R01 is below, left of the middle.
    assert camera.loc[4, "x_mm"] < 0 and camera.loc[4, "y_mm"] < -200


def work(detector: int, shared: dict[str, float]) -> float:
    if detector == 5:
        raise ValueError("a dead detector")
    return detector * shared["factor"]


def fatal_once(detector: int, shared: str) -> int:
    """End the worker itself, the first time that detector 3 is tried."""
    flag = os.path.join(shared, "tried")
    if detector == 3 and not os.path.exists(flag):
        open(flag, "w").close()
        os._exit(1)
    return detector


@pytest.fixture(scope="module")
def client():
    found = focal_plane.connect(workers=2)
    yield found
    focal_plane.disconnect(found)


@pytest.mark.heavy
@pytest.mark.parametrize("batch", [1, 4, 50])
def test_every_detector_comes_back_once_and_a_failure_says_why(client, batch):
    shared = focal_plane.share(client, {"factor": 2.0})
    outcomes = list(focal_plane.over_detectors(client, work, range(3, 26), shared, batch=batch))
    assert sorted(o.detector for o in outcomes) == list(range(3, 26))
    for outcome in outcomes:
        if outcome.detector == 5:
            assert outcome.value is None and outcome.problem == "ValueError: a dead detector"
        else:
            assert outcome.value == 2 * outcome.detector and not outcome.problem and outcome.seconds >= 0


@pytest.mark.heavy
def test_a_worker_that_dies_costs_nothing_but_time(client, tmp_path):
    outcomes = list(focal_plane.over_detectors(client, fatal_once, range(8), str(tmp_path), batch=2))
    assert (tmp_path / "tried").exists()
    assert sorted(o.value for o in outcomes) == list(range(8))


@pytest.mark.heavy
def test_the_same_code_runs_by_address_and_leaves_the_cluster_alone(client):
    there = focal_plane.connect(client.scheduler.address)
    outcomes = list(focal_plane.over_detectors(there, work, [1, 2], {"factor": 3.0}))
    focal_plane.disconnect(there)
    assert sorted(o.value for o in outcomes) == [3, 6]
    assert client.submit(abs, -7).result(timeout=20) == 7


@pytest.mark.heavy
def test_a_local_cluster_leaves_no_process_behind():
    client = focal_plane.connect(workers=1)
    pids = list(client.run(os.getpid).values())
    assert client.dashboard_link.startswith("http://127.0.0.1:")
    focal_plane.disconnect(client)
    until = time.monotonic() + 10
    while time.monotonic() < until and any(os.path.exists(f"/proc/{pid}") for pid in pids):
        time.sleep(0.1)
    assert pids and not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_an_address_without_a_scheduler_is_said_in_one_sentence():
    with pytest.raises(focal_plane.ClusterError, match="no Dask scheduler at tcp://127.0.0.1:9"):
        focal_plane.connect("tcp://127.0.0.1:9", timeout=1)
