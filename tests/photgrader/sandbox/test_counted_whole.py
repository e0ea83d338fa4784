"""What a submission uses is counted whole: by a control group where the machine has one, by ourselves where it has none."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from photgrader.coursedir.settings import Limits, Settings
from photgrader.overview import doctor
from photgrader.sandbox import cgroups, room, warm, watch
from photgrader.sandbox.session import ColdKernel, KernelGone, Session, run_folder

SMALL = Limits(memory_mb=1200, folder_mb=500, files=1000, processes=60, notebook_seconds=100.0, cell_seconds=60.0)


@contextlib.contextmanager
def kernel(kind: str = "warm", limits: Limits = SMALL):
    """Open a session with a kernel of a kind."""
    settings, starter = Settings(limits=limits), warm.starter()
    base = starter.prepare(settings, "") if kind == "warm" else None
    with run_folder({"data/own.txt": b"mine"}, base) as (place, uid):
        made = starter(place, uid, settings, "") if kind == "warm" else ColdKernel(place, uid, settings, "")
        session = Session(made, place, settings, time.monotonic() + 200)
        try:
            session.wait_ready()
            yield session
        finally:
            session.close()


def said(session: Session, code: str) -> str:
    run = session.run(code, 60)
    assert run.status == "ok", run.outputs
    return "".join(o.get("text", "") for o in run.outputs)


def end_of(session: Session, code: str) -> str:
    """Return the state in which a kernel ends."""
    with pytest.raises(KernelGone) as gone:
        session.run(code + "\nimport time\ntime.sleep(60)", 60)
        session.run("1")
    return gone.value.state


HIDDEN = """
import os
def hide(folder, megabytes):
    # No name, and still there.
    handle = os.open(folder + "/x", os.O_RDWR | os.O_CREAT); os.unlink(folder + "/x")
    for _ in range(megabytes): os.write(handle, bytes(1 << 20))
def hide_at_most(folder):
    try:
        while True: hide(folder, 50)
    except OSError: pass
"""
ENDS = {
    "memory that is a folder": (
        HIDDEN
        + "for k in range(20):\n    for f in ('/tmp', '/home/student'): hide(f, 24)\nhide('/dev/shm', 50)\nfor k in range(2):\n    if os.fork() == 0: x = b'x' * 150_000_000; import time; time.sleep(60)",
        "out of memory",
    ),
    "memory that processes share": (
        "import mmap, os, time\nfor k in range(7):\n    if os.fork() == 0:\n        m = mmap.mmap(-1, 200 << 20)\n        for _ in range(200): m.write(bytes(1 << 20))\n        time.sleep(60)",
        "out of memory",
    ),
    "a little for each of many": (
        "import os, time\nfor k in range(12):\n    if os.fork() == 0:\n        x = b'x' * 200_000_000; time.sleep(60)",
        "out of memory",
    ),
    "files without a name": (HIDDEN + "hide_at_most('.')", "too many files"),
    "empty files": (
        "try:\n    for k in range(300_000): open(str(k), 'w').close()\nexcept OSError: pass",
        "too many files",
    ),
    "beyond the longest path": (
        "import os\ntry:\n    for k in range(3000): os.mkdir('d' * 200); os.chdir('d' * 200)\nexcept OSError: pass",
        "too many files",
    ),
    "time of many processors": (
        "import os, time\nfor k in range(50):\n    if os.fork() == 0:\n        os.setsid()\n        while True: pass",
        "timeout",
    ),
}
POOL = """
import os, time
held, ready = b"x" * 150_000_000, os.pipe()
for k in range(20):
    if os.fork() == 0:
        sum(held[::4096]); os.write(ready[1], b"."); time.sleep(60); os._exit(0)
while len(os.read(ready[0], 1)) and k: k -= 1
time.sleep(1); print("alive")
"""
FORKS = """
import os, time
made = 0
try:
    for k in range(1000):
        if os.fork() == 0: time.sleep(60); os._exit(0)
        made += 1
except OSError: pass
print(made)
"""


@pytest.mark.heavy
@pytest.mark.parametrize("who", ["the system", "ourselves"])
def test_whatever_is_used_too_much_of_ends_in_its_named_state(who, monkeypatch, request):
    request.addfinalizer(warm.close)
    if who == "the system" and cgroups.home() is None:
        pytest.skip("this machine has no control group to give")
    if who == "ourselves":
        monkeypatch.setattr(cgroups, "home", lambda: None)
    ended = {}
    for name, (code, state) in ENDS.items():
        short = Limits(**{**vars(SMALL), "notebook_seconds": 4.0}) if state == "timeout" else SMALL
        with kernel(limits=short) as session:
            assert (session.kernel.group is not None) == (who == "the system")
            # Not by the clock: its deadline is far away.
            ended[name] = end_of(session, code)
    assert ended == {name: state for name, (_, state) in ENDS.items()}
    with kernel() as session:
        assert said(session, POOL) == "alive\n", "children that share what they have are no excess"
        assert 20 < int(said(session, FORKS)) <= 60
        assert session.cpu_seconds() > 0 and session.watch.peak_mb > 0
        left = session.kernel.pid
    assert not os.path.exists(f"/proc/{left}") or "State:\tZ" in pathlib.Path(f"/proc/{left}/status").read_text()
    if who == "the system":
        mine = [g for f in cgroups.home().folders.values() for g in f.glob(f"*.{os.getpid()}-*")]
        # A spare kernel has none yet.
        assert mine == []


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["warm", "cold"])
def test_who_fills_the_folder_is_told_however_soon_it_is_done(kind, monkeypatch, request):
    request.addfinalizer(warm.close)
    # Nobody looks meanwhile.
    monkeypatch.setattr(watch, "_PAUSE", 1000.0)
    fill = "for n in range(4000): open(f'f{n}', 'w').write('x')"
    with kernel(kind) as session:
        assert said(session, "print(1)") == "1\n"
        with pytest.raises(KernelGone) as gone:
            session.run(fill, 60)
        assert gone.value.state == "too many files"
    with kernel(kind) as session:
        session.run(f"def fill(image):\n    try:\n        {fill}\n    except OSError: pass\n    return 1.0")
        with pytest.raises(KernelGone) as gone:
            session.probe().ask({"op": "call", "name": "fill", "args": [1.0], "params": ["image"]}, 30)
        assert gone.value.state == "too many files"


@pytest.mark.heavy
def test_the_folders_of_a_cold_kernel_are_bounded_too():
    code = (
        HIDDEN
        + "import ipykernel.connect as c\nwhere = os.path.dirname(c.get_connection_file())\nfound = []\n"
        + "for act in (lambda: hide(where, 30), lambda: [open(f'{where}/{k}', 'w').close() for k in range(5000)], lambda: [open(f'/tmp/{k}', 'w').close() for k in range(30_000)], lambda: open('/dev/x', 'w'), lambda: open('/x', 'w'), lambda: os.mkdir('/home/x')):\n"
        + "    try: act(); found.append(0)\n    except OSError as problem: found.append(problem.errno)\nprint(found, open('data/own.txt').read())"
    )
    with kernel("cold") as session:
        assert said(session, code) in [
            f"[28, 28, 28, {a}, {b}, {c}] mine\n" for a in (13, 30) for b in (13, 30) for c in (13, 30)
        ]
        on_disk = [p for p in session.place.work.parent.rglob("*") if p.is_file()]
        assert sum(p.stat().st_size for p in on_disk) < 100_000 and len(on_disk) < 10, (
            "nothing of it is on the machine's disk"
        )
        said(session, "open('made.txt', 'w').write('made')")
        assert session.read_file("made.txt", 100) == b"made"
        session.close()
        assert (session.place.folder / "made.txt").read_text() == "made", "what it left can be read when it has ended"


GROUP = """
import os, subprocess, sys
from photgrader.coursedir.settings import Limits
from photgrader.sandbox import cgroups
group = cgroups.make(Limits())
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
group.join(child.pid)
print(child.pid, *group._folders.values(), flush=True)
sys.stdin.read()
"""


def test_a_run_that_is_killed_leaves_no_group_for_longer_than_to_the_next():
    if cgroups.home() is None:
        pytest.skip("this machine has no control group to give")
    run = subprocess.Popen([sys.executable, "-c", GROUP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid, *folders = run.stdout.readline().split()
    assert folders and all(pid in pathlib.Path(f, "cgroup.procs").read_text().split() for f in folders)
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdin.close(), run.stdout.close()
    cgroups.sweep(cgroups.home())
    assert not [f for f in folders if os.path.exists(f)]
    assert not os.path.exists(f"/proc/{pid}") or "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()


def test_a_run_in_another_container_keeps_its_groups(tmp_path):
    """Containers may share the groups' folder, and a number of a process says nothing about another's."""
    own, dead = os.stat("/proc/self/ns/pid").st_ino, 2**22 + 1
    young, old = tmp_path / f"{own + 1}.{dead}-a", tmp_path / f"{own + 2}.{dead}-b"
    for folder in (young, old, tmp_path / f"{own}.{os.getpid()}-c"):
        folder.mkdir()
    os.utime(old, (0, 0))
    cgroups.sweep(cgroups.Home(1, {"memory": tmp_path}))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([young.name, f"{own}.{os.getpid()}-c"])


GROUP_ELSEWHERE = """
echo $1 > /proc/sys/kernel/ns_last_pid
"$2" -c "$3"
"""


def test_a_run_that_counts_its_processes_otherwise_is_not_ended_by_ours():
    if cgroups.home() is None or os.geteuid() != 0:
        pytest.skip("this machine has no control group to give, or no root to make a namespace")
    free = next(n for n in range(20000, 32000) if not os.path.exists(f"/proc/{n + 1}"))
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", GROUP_ELSEWHERE, "sh", str(free)]
    run = subprocess.Popen(
        [*words, sys.executable, GROUP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        folders = run.stdout.readline().split()[1:]
        assert folders, run.stderr.read()
        cgroups.sweep(cgroups.home())
        assert all(pathlib.Path(f, "cgroup.procs").read_text().split() for f in folders)
    finally:
        run.kill()
        run.communicate()
        for folder in folders:
            cgroups._remove(pathlib.Path(folder))


def test_groups_of_the_second_version_get_their_limits(tmp_path, monkeypatch):
    """On plain folders, which show what is written where; a system of that kind was tried by hand (docs/threat-model.md)."""
    base = tmp_path / "own.scope"
    base.mkdir()
    (base / "cgroup.procs").write_text("")
    (base / "cgroup.type").write_text("domain\n")
    monkeypatch.setattr(cgroups, "_mounts", lambda: [("cgroup2", tmp_path, set())])
    with pytest.raises(PermissionError, match="not the grader's to divide"):
        cgroups._divide(base)
    monkeypatch.setattr(cgroups, "_handed_over", lambda group: True)
    cgroups._divide(base)
    assert (base / cgroups.LEADER).is_dir() and "+cpu" in (base / "cgroup.subtree_control").read_text()
    group = cgroups.Group(cgroups.Home(2, {"memory": base, "pids": base}), Limits(memory_mb=100, processes=10))
    [made] = [f for f in base.iterdir() if f.name.partition("-")[0].endswith(f".{os.getpid()}")]
    facts = {p.name: p.read_text().strip() for p in made.iterdir()}
    assert facts == {"memory.max": str(100 << 20), "memory.oom.group": "1", "pids.max": "18"}
    assert not group.out_of_memory() and group.cpu_seconds() is None and group.peak_mb() == 0
    (made / "memory.events").write_text("low 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 1\n")
    (made / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (made / "memory.peak").write_text("52428800\n")
    assert group.out_of_memory() and group.cpu_seconds() == 2.5 and group.peak_mb() == 50
    group.join(123)
    assert (made / "cgroup.procs").read_text() == "123\n"


def test_a_system_that_gives_no_group_is_told_by_doctor_in_words(monkeypatch):
    monkeypatch.setattr(
        cgroups, "home", lambda: cgroups.Home(2, {"memory": pathlib.Path("/x"), "pids": pathlib.Path("/x")})
    )
    assert "control group (version 2: memory, pids) of each kernel" in doctor._limits_that_hold(Settings()).sentence
    monkeypatch.setattr(cgroups, "home", lambda: None)
    assert "No control group can be had here" in doctor._limits_that_hold(Settings()).sentence
    assert cgroups.make(Limits()) is None


def test_what_is_handed_in_is_counted_as_a_mount_counts_it(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(5000))
    assert room.size_of(tmp_path) == (4096 + 4096 + 8192 + 4096, 2)
