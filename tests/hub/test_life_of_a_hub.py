"""A hub comes up, carries a class that works all at once, and leaves nothing behind."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import time
import urllib.request

import pytest

from support import ASSIGNMENT, ROOT

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("hub")]


def accounts_named(prefix: str) -> list[str]:
    """Return the accounts of this machine whose names begin so."""
    return [
        line.split(":")[0] for line in pathlib.Path("/etc/passwd").read_text().splitlines() if line.startswith(prefix)
    ]


def test_a_few_students_at_once_lose_nothing(hub_possible):
    import load

    figures = load.run(3, ASSIGNMENT, spread=4.0, name="crowd")
    assert figures["lost"] == [] and figures["failed"] == []
    assert all(figures["latency"][kind]["n"] == 3 for kind in ("fetch", "save", "check", "submit"))
    assert accounts_named("crowd-") == []


def test_ctrl_c_leaves_nothing_running_and_clean_removes_every_trace(hub_possible):
    import localhub

    instance = localhub.Instance("ctrlc", 1)
    localhub.clean(instance)
    command = [
        "python3",
        "-u",
        str(ROOT / "hub" / "localhub.py"),
        "run",
        "--instance",
        "ctrlc",
        "--students",
        "1",
        "--port",
        "18000",
        "--assignments",
        ASSIGNMENT,
    ]
    said = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Ctrl-C stops everything" in line:
                break
        assert "ctrlc-student1" in said and "ctrlc-instructor" in said, said
        address = next(w for w in said.split() if w.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(address + "hub/login", timeout=30) as answer:
            assert answer.status == 200
        hub = int((instance.state / "jupyterhub.pid").read_text())
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(60) == 0, said
    assert "nothing is left running" in said and time.monotonic() - began < 45
    assert not pathlib.Path(f"/proc/{hub}").exists() and localhub.processes_of(instance.state) == []
    assert (instance.root / "gradebook.db").is_file(), "work outlives the hub"
    subprocess.run([str(ROOT / "hub" / "clean.sh"), "--instance", "ctrlc"], check=True, capture_output=True)
    assert accounts_named("ctrlc-") == [] and not instance.state.exists()
