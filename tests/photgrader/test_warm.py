"""Kernels from nothing and kernels forked from the warm parent are cut off in the same way, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import pathlib
import platform
import subprocess
import sys

import pytest
import sandbox_facts
from attacks.doors import DOORS

pytestmark = pytest.mark.heavy

WAYS = [("cold", "same user"), ("warm", "same user"), ("cold", "ordinary user"), ("warm", "ordinary user")]


@pytest.fixture(scope="module", params=WAYS, ids=[" as ".join(w) for w in WAYS])
def facts(request):
    mode, user = request.param
    command = [sys.executable, str(pathlib.Path(sandbox_facts.__file__)), mode]
    if user == "ordinary user":
        if os.geteuid() != 0:
            pytest.skip("the tests run as an ordinary user themselves: the other cases are this one")
        done = sandbox_facts.as_ordinary_user(command)
    else:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    found["mode"], found["user"] = mode, user
    return found


def test_the_kernel_is_of_the_kind_that_was_asked_for(facts):
    assert facts["kind"] == {"cold": "ColdKernel", "warm": "WarmKernel"}[facts["mode"]]


def test_there_is_no_network_and_no_way_to_a_sibling(facts):
    assert facts["network"].startswith("refused")
    assert facts["abstract socket"].startswith("refused")
    assert facts["pts"] == ["ptmx"], "a sibling's terminal is not there"


def test_only_the_own_folder_is_seen(facts):
    assert facts["host paths"] == []
    assert facts["files"] == ["data"] and facts["cwd"] == "/home/student/work"
    assert not [n for n in facts["tmp"] + facts["shm"] + facts["home"] if "poison" in n]
    assert len([n for n in facts["tmp"] if n.startswith("pg")]) <= 1, "the folder of the own sockets, at most"


def test_no_process_but_the_own_can_be_seen_read_traced_or_killed(facts):
    assert facts["processes"][0] == 1 and len(facts["processes"]) <= 3
    for name, value in facts.items():
        # Process 1 of a cold jail is bubblewrap's own, which holds nothing; an ordinary user's is of the same user.
        cold_init = facts["mode"] == "cold" and facts["user"] == "ordinary user" and name.endswith(" 1")
        if name.startswith(("mem of", "ptrace of")) and not cold_init:
            assert str(value).startswith("refused"), name
        if name.startswith(("fds of", "root of")) and name.endswith(" 1") and facts["mode"] == "warm":
            assert str(value).startswith("refused"), name
    assert facts["alive"], "signals to process 1 of the namespace have no effect"


def test_rights_are_gone_for_every_thread(facts):
    assert set(facts["capabilities"]) == {"0" * 16} or (facts["user"] == "ordinary user" and facts["mode"] == "cold")
    assert facts["capabilities"][0] == facts["capabilities"][1] == "0" * 16
    assert facts["no new privileges"] == "1" and facts["threads without"] == []
    assert facts["mount"] == facts["umount"] == "refused"
    assert facts["uid"] != 0 and facts["setuid"].startswith("refused")


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter is known for this machine")
def test_what_a_kernel_may_still_call(facts):
    """For both kinds of kernels and of users: of what the filter lists nothing, and all that notebooks need."""
    assert facts["Calls"] == [] and facts["filter"] == ["2"]
    assert set(facts["families"]) in ({1, 2, 10}, {1, 2, 10, 16})
    assert facts["things that work"] == [["thread"], 0, "x\n"], "threads, processes and programs are what they were"


def test_no_door_of_the_system_opens(facts):
    # Process 1 of a cold jail is bubblewrap's own, an ordinary user's of the same user; its environment is empty but for a path.
    own = ["the environment of process 1"] if (facts["mode"], facts["user"]) == ("cold", "ordinary user") else []
    assert facts["open doors"] in [f"open: {found} {len(DOORS)}\n" for found in ([], own)]
    assert facts["first to go"] == "500", (
        "where memory is short a kernel goes before anything else, and cannot say otherwise"
    )


def test_threads_that_have_ended_leave_the_memory_to_others(facts):
    assert facts["taken by threads"] < 200, (
        "each thread has a heap of its own otherwise, of 64 MB, as long as the kernel is there"
    )


def test_no_file_of_the_grader_is_left_open(facts):
    assert facts["handles"] == []


def test_what_one_submission_spoils_does_not_reach_the_next(facts):
    assert facts["numpy"] == 3 and facts["divmod"] == 3
    assert facts["poisoned"] == []
    assert "PHOTCOURSE_DATA" not in facts["environment"]


def test_every_kernel_has_random_numbers_of_its_own(facts):
    assert facts["random"][0] != facts["third random"][0] and facts["random"][1] != facts["third random"][1]


def test_no_process_and_no_folder_is_left_over(facts):
    assert facts["asleep before"] == 1, "the process that was to be left over was there"
    assert facts["asleep after"] == 0
    assert facts["left"] == [] and facts["folders left"] == []
    assert facts["killed"]


def test_a_warm_kernel_has_the_limits_paths_and_settings_of_a_cold_one(facts, request):
    kept = request.config.stash.setdefault(_KEY, {})
    kept[facts["mode"], facts["user"]] = facts
    other = kept.get(("cold", facts["user"]))
    if facts["mode"] == "warm" and other is not None:
        assert facts["limits"] == other["limits"]
        assert facts["path"] == other["path"]
        assert facts["style"] == other["style"]
        # The debugger that a cold kernel has imported says so.
        assert facts["environment"] == [name for name in other["environment"] if not name.startswith("PYDEVD_")]


_KEY = pytest.StashKey[dict]()


def test_where_namespaces_cannot_be_had_kernels_are_cold_and_the_record_says_so(tiny_course, monkeypatch, caplog):
    from photgrader.runs import parallel
    from photgrader.sandbox import warm
    from support import ASSIGNMENT, RIGHT, submit

    warm.close()
    monkeypatch.setattr(warm, "_STARTER", [])
    usual = warm._parent_command

    def without_rights(*args):
        command = usual(*args)
        # The parent is not allowed to divide its namespaces any further.
        if os.geteuid() == 0:
            at = command.index("CAP_SYS_ADMIN") - 1
            return command[:at] + command[at + 2 :]
        return [
            *command[: command.index("--unshare-user")],
            "--unshare-user",
            "--disable-userns",
            *command[command.index("--unshare-user") + 1 :],
        ]

    monkeypatch.setattr(warm, "_parent_command", without_rights)
    submit(tiny_course, "ada", RIGHT)
    [task] = parallel.submissions(tiny_course, ASSIGNMENT)
    result = parallel.grade_task(task)
    warm.close()
    assert result["record"]["points"] == 7
    assert (
        result["record"]["kernel"].startswith("ColdKernel (no warm one: ")
        and "not permitted" in result["record"]["kernel"]
    )
    assert "cold from now on" in result["log"]


@pytest.mark.parametrize(
    ("python", "said"),
    [("/nowhere/python", "cannot be run"), ("/usr/bin/false", "cannot be run"), ("bare", "lacks numpy, ipykernel")],
)
def test_a_python_that_cannot_be_used_is_told_in_a_sentence_before_anything_is_graded(
    tiny_course, tmp_path, python, said
):
    import venv

    from support import ASSIGNMENT, RIGHT, submit

    if python == "bare":
        venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
        python = str(tmp_path / "bare" / "bin" / "python")
    submit(tiny_course, "ada", RIGHT)
    settings = tiny_course / "photgrader.toml"
    settings.write_text(f'python = "{python}"\n{settings.read_text()}')
    done = subprocess.run(
        [sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT],
        cwd=tiny_course,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert (
        f"The students' Python, {python}, {said}" in " ".join(done.stderr.split())
        and "`python` in photgrader.toml" in done.stderr
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user, every other test of a run is this one")
def test_workers_of_an_ordinary_user_share_a_warm_parent_too(tiny_course):
    import shutil
    import tempfile

    from support import ASSIGNMENT, RIGHT, submit

    for number in range(4):
        submit(tiny_course, f"s{number}", RIGHT)
    # Root's own folder of temporary files lets nobody in.
    with tempfile.TemporaryDirectory(prefix="pg-user-") as name:
        root = pathlib.Path(name) / "course"
        shutil.copytree(tiny_course, root)
        for path in (root.parent, root, *root.rglob("*")):
            os.chown(path, 65534, 65534, follow_symlinks=False)
        command = f"cd {root} && HOME={name} {sys.executable} -m photgrader.cli grade {ASSIGNMENT} --workers 2 --json records.json"
        done = sandbox_facts.as_ordinary_user(["bash", "-c", command])
        assert done.returncode == 0, done.stdout + done.stderr
        records = json.loads((root / "records.json").read_text())["records"]
    assert [(r["kernel"], r["points"]) for r in records] == [("WarmKernel", 7)] * 4


def test_a_killed_warm_parent_costs_the_submission_nothing(tiny_course, monkeypatch):
    import threading
    import time

    from photgrader.runs import parallel
    from photgrader.sandbox import warm
    from support import ASSIGNMENT, RIGHT, submit

    monkeypatch.setattr(warm, "_STARTER", [])
    slow = RIGHT["centroid"] + "\nimport time; time.sleep(2)"
    submit(tiny_course, "ada", {**RIGHT, "centroid": slow})
    [task] = parallel.submissions(tiny_course, ASSIGNMENT)
    starter = warm.starter()
    killed = []

    def kill_once_it_runs():
        until = time.monotonic() + 60
        while time.monotonic() < until and not killed:
            # A spare is there from the moment on that a submission has its kernel.
            if starter._spare is not None:
                time.sleep(0.5)
                starter._parent.process.kill()
                killed.append(True)
            time.sleep(0.05)

    thread = threading.Thread(target=kill_once_it_runs)
    thread.start()
    try:
        record = parallel.grade_task(task)["record"]
    finally:
        thread.join()
        warm.close()
    assert killed and record["points"] == 7 and record["state"] == "graded"
