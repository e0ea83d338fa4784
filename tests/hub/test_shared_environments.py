"""Environments are shared by all hubs of a machine: nothing changes under a hub that runs, and nothing is made twice."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import threading
import time

import localhub
import pytest


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A place of its own, where making an environment takes no time."""
    made: list[str] = []

    def environment(name: str) -> None:
        (localhub.BASE / name).mkdir(exist_ok=True)
        (localhub.BASE / name / ".installed").write_text(localhub._wanted(name))
        made.append(name)

    def proxy() -> None:
        (localhub.BASE / "node" / "node_modules").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(localhub, "BASE", tmp_path)
    monkeypatch.setattr(localhub, "CONFIG", tmp_path / "config")
    monkeypatch.setattr(localhub, "PYTHON", "python3")
    monkeypatch.setattr(localhub, "_environment", environment)
    monkeypatch.setattr(localhub, "_proxy", proxy)
    monkeypatch.setattr(localhub, "_only_graders", lambda folder: None)
    monkeypatch.setattr(localhub.subprocess, "run", lambda *a, **k: localhub.subprocess.CompletedProcess(a, 0))
    return made


def test_what_is_fresh_is_not_made_again(base):
    localhub.prepare()
    localhub.prepare()
    assert base == ["student", "grader"]
    assert (localhub.CONFIG / "photcourse_hub.py").is_file()
    (localhub.BASE / "grader" / ".installed").write_text("another clone's")
    localhub.prepare()
    assert base == ["student", "grader"] * 2


def test_nothing_is_changed_under_a_hub_that_runs(base, monkeypatch):
    localhub.prepare()
    (localhub.BASE / "grader" / ".installed").write_text("another clone's")
    monkeypatch.setattr(localhub, "WAIT", 1.0)
    with localhub.locked(localhub.SHARED), localhub.locked(localhub.SHARED), pytest.raises(localhub.HubError, match="PHOTCOURSE_HUB_DIR"):
        localhub.prepare()
    assert base == ["student", "grader"]
    localhub.prepare()
    assert base == ["student", "grader"] * 2


def test_a_hub_keeps_what_it_was_made_with_until_it_stops(base, monkeypatch):
    held = localhub.hold()
    (localhub.BASE / "student" / ".installed").write_text("another clone's")
    monkeypatch.setattr(localhub, "WAIT", 1.0)
    with pytest.raises(localhub.HubError, match="PHOTCOURSE_HUB_DIR"):
        localhub.hold()
    held.close()
    localhub.hold().close()
    assert base == ["student", "grader"] * 2


def test_who_waited_for_the_same_does_not_make_it_again(base):
    with localhub.locked(localhub.EXCLUSIVE):
        waiting = threading.Thread(target=localhub.prepare)
        waiting.start()
        time.sleep(0.3)
        localhub._prepare()
    waiting.join(20)
    assert base == ["student", "grader"]


def test_what_was_interrupted_is_made_again(base, monkeypatch):
    localhub.prepare()
    (localhub.BASE / "grader" / ".installed").write_text("another clone's")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(localhub.shutil, "copytree", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            localhub.prepare()
    assert not (localhub.CONFIG / ".installed").exists()
    localhub.prepare()
    assert localhub._fresh() and (localhub.CONFIG / ".installed").is_file()


def test_a_lock_goes_with_its_process_however_that_ends(base, monkeypatch):
    script = (f"import sys, os; sys.path.insert(0, {str(localhub.ROOT / 'hub')!r}); import localhub, pathlib; localhub.BASE = pathlib.Path({str(localhub.BASE)!r});"
              "lock = localhub.locked(localhub.EXCLUSIVE); lock.__enter__(); print('held', flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(localhub.HubError), localhub.locked(localhub.SHARED, seconds=0.6):
            pass
        process.kill()
        process.wait(10)
    with localhub.locked(localhub.SHARED, seconds=5.0):
        assert (localhub.BASE / ".lock").is_file()


def test_the_two_environments_differ_and_follow_the_sources():
    assert localhub._wanted("grader") != localhub._wanted("student")
    assert pathlib.Path(localhub.ROOT / "autograder").is_dir()
