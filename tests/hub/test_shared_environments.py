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
        scripts = localhub.BASE / "node" / "node_modules" / ".bin"
        scripts.mkdir(parents=True, exist_ok=True)
        (scripts / "configurable-http-proxy").touch()

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
    with (
        localhub.locked(localhub.SHARED),
        localhub.locked(localhub.SHARED),
        pytest.raises(localhub.HubError, match="PHOTCOURSE_HUB_DIR"),
    ):
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
    script = (
        f"import sys, os; sys.path.insert(0, {str(localhub.ROOT / 'hub')!r}); import localhub, pathlib; localhub.BASE = pathlib.Path({str(localhub.BASE)!r});"
        "lock = localhub.locked(localhub.EXCLUSIVE); lock.__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(localhub.HubError), localhub.locked(localhub.SHARED, seconds=0.6):
            pass
        process.kill()
        process.wait(10)
    with localhub.locked(localhub.SHARED, seconds=5.0):
        assert (localhub.BASE / ".lock").is_file()


@pytest.fixture
def versions(tmp_path, monkeypatch):
    """A place where environments are made of nothing, and what was asked of pip."""
    asked: list[list[str]] = []

    def run(command, **kwargs):
        words = [str(word) for word in command]
        asked.append(words)
        if words[1:3] == ["-m", "venv"]:
            scripts = pathlib.Path(words[3]) / "bin"
            scripts.mkdir()
            (scripts / "tool").write_text(f"#!{scripts}/python\n")
            (scripts.parent / "pyvenv.cfg").write_text("home = /usr/bin\n")
        return ""

    wanted = {"student": "libraries sources1", "grader": "libraries sources1"}
    monkeypatch.setattr(localhub, "BASE", tmp_path)
    monkeypatch.setattr(localhub, "run", run)
    monkeypatch.setattr(localhub, "_only_graders", lambda folder: None)
    monkeypatch.setattr(localhub, "_wanted", lambda name: wanted[name])
    return tmp_path, wanted, asked


def test_an_upgrade_changes_nothing_under_a_server_that_runs_and_what_nobody_uses_goes(versions):
    base, wanted, asked = versions
    localhub._environment("student"), localhub._environment("grader")
    first = (base / "student").resolve()
    (first / "lib").mkdir()
    (first / "lib" / "module.py").write_text("old")
    with subprocess.Popen([sys.executable, "-c", "input()", str(first)], stdin=subprocess.PIPE) as server:
        wanted["student"] = "libraries sources2"
        localhub._environment("student")
        second = (base / "student").resolve()
        assert second != first and (second / "bin" / "tool").read_text() == f"#!{second}/bin/python\n", (
            "scripts run the new Python"
        )
        installed = [words for words in asked if words[0].endswith("/tools/install.sh")][-1]
        assert installed[-1].endswith("/course") and "--no-deps" in installed, (
            "the same libraries are not fetched again"
        )
        (second / "lib" / "module.py").write_text("new")
        assert (first / "lib" / "module.py").read_text() == "old"
        localhub.remove_unused()
        assert first.is_dir(), "a server runs in it"
        server.kill()
        server.wait(10)
    localhub.remove_unused()
    assert not first.exists() and second.is_dir() and (base / "grader" / "bin").is_dir()


def test_the_graders_environment_is_the_students_and_its_own_packages(versions):
    base, wanted, asked = versions
    localhub._environment("student"), localhub._environment("grader")
    grader = (base / "grader").resolve()
    assert (grader / "bin" / "tool").read_text() == f"#!{grader}/bin/python\n"
    assert localhub._stamp(grader) == wanted["grader"] and (base / "student").resolve() != grader
    assert [words[1:3] for words in asked].count(["-m", "venv"]) == 1, "libraries are fetched once"
    installed = [words for words in asked if words[0].endswith("/tools/install.sh")][-1]
    assert asked[-2][0] == installed[1] and asked[-2][3] == "uninstall", "what is slow is left out again"
    assert installed[1] == f"{grader}/bin/python" and installed[-1].endswith("/autograder[hub]")
    assert "--no-deps" not in installed and "-c" in installed


def test_an_environment_that_was_interrupted_is_never_shown_and_is_made_anew(versions, monkeypatch):
    base, wanted, asked = versions
    with monkeypatch.context() as interrupted:
        interrupted.setattr(localhub, "run", lambda command, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            localhub._environment("student")
    assert not (base / "student").exists() and len(list((base / "versions").iterdir())) == 1
    localhub._environment("student")
    # With its configuration, so that an interruption right after this leaves what works.
    assert (base / "student" / "etc" / "jupyter" / "nbgrader_config.py").is_file()
    assert localhub._stamp(base / "student") == "libraries sources1" and (base / "student" / "bin" / "tool").is_file()


def test_a_place_of_the_former_layout_is_taken_over(versions):
    base, *_ = versions
    (base / "student" / "bin").mkdir(parents=True)
    (base / "student" / ".installed").write_text("libraries sources0")
    localhub._environment("student")
    assert (base / "student").is_symlink() and (base / "student" / ".installed").read_text() == "libraries sources1"


def test_a_proxy_that_was_half_copied_is_copied_again(versions, monkeypatch, tmp_path_factory):
    base, *_ = versions
    clone = tmp_path_factory.mktemp("clone")
    scripts = clone / ".venv" / "node" / "node_modules" / ".bin"
    scripts.mkdir(parents=True)
    (scripts / "configurable-http-proxy").touch()
    monkeypatch.setattr(localhub, "ROOT", clone)
    (base / "node" / "node_modules" / "half").mkdir(parents=True)
    localhub._proxy()
    assert (base / "node" / "node_modules" / ".bin" / "configurable-http-proxy").exists() and not (
        base / "node" / "node_modules" / "half"
    ).exists()


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "[I] up\nTraceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'nbgrader'\n[C 2026 JupyterHub app:1] Service starlight exited with status 1\n[I] bye",
            ["Service starlight exited with status 1", "No module named 'nbgrader'"],
        ),
        (
            "\x1b[31m[C 2026 JupyterHub app:3820]\x1b[0m Cannot connect to starlight service managed\n[I] Cleaning up",
            ["Cannot connect to starlight service managed"],
        ),
        (
            "[E 2026 JupyterHub app:9] Failed to bind\nOSError: [Errno 98] Address already in use",
            ["Address already in use"],
        ),
        (
            "sqlite3.OperationalError: database or disk is full\nOSError: [Errno 28] No space left on device",
            ["No space left on device"],
        ),
        ("traitlets.config.loader.ConfigFileNotFound: x\nKeyError: 'course'", ["KeyError: 'course'"]),
        ("", ["(none)"]),
    ],
)
def test_what_is_told_of_a_hub_that_ended_is_the_cause(log, said):
    assert all(words in localhub.cause(log) for words in said), localhub.cause(log)


def test_the_two_environments_differ_and_follow_the_sources():
    assert localhub._wanted("grader") != localhub._wanted("student")
    assert pathlib.Path(localhub.ROOT / "autograder").is_dir()
