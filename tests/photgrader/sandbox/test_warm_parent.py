"""Warm kernels without a jail: the parent, its forks, what they hand over and how each ends; and the parent's own steps, one by one."""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import json
import os
import pathlib
import signal
import socket
import sys
import time

import pytest

from photgrader.coursedir.settings import Limits, Settings
from photgrader.sandbox import cgroups, jail, room, warm, warm_parent
from photgrader.sandbox.session import Session, run_folder
from photgrader.sandbox.warm import NoWarmKernel, WarmParent, WarmStarter
from support import ROOT

PARENT_COMMAND = warm._parent_command
SETTINGS = Settings(limits=Limits(cell_seconds=20.0, folder_mb=7))


def patched(patch: pytest.MonkeyPatch, log: pathlib.Path) -> None:
    """Have a parent in no jail started in the place of the real one."""

    def command(base, settings, data, handle, imports):
        kept = [f"{k}={v}" for k, v in os.environ.items() if k.startswith("COVERAGE")]
        told = [f"PLAIN_PARENT_BASE={base}", f"PLAIN_PARENT_LOG={log}"]
        return ["env", *kept, *told, sys.executable, str(ROOT / "tests" / "plain_parent.py"), str(handle), '["json"]']

    patch.setattr(warm, "_parent_command", command)
    # Nothing is mounted: its folders have the whole disk's size.
    patch.setattr(room, "use", lambda handle: (0, 0))
    patch.setattr(cgroups, "make", lambda limits: None)
    patch.setattr(cgroups, "first_to_go", lambda *pids: None)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("warm") / "mounts"


@pytest.fixture(scope="module")
def starter(log):
    """One parent for all these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, log)
        made = WarmStarter()
        yield made
        made.close()


def session_of(kernel, place) -> Session:
    # Where a jailed kernel sees them is a folder of its own.
    kernel.sockets_inside = str(kernel.sockets)
    session = Session(kernel, place, SETTINGS, time.monotonic() + 60)
    session.wait_ready()
    return session


def test_a_kernel_is_forked_filled_asked_and_ends_with_all_that_was_its(starter, log):
    base = starter.prepare(SETTINGS, "")
    with run_folder({"given.txt": b"given"}, base) as (place, uid):
        kernel = starter(place, os.getuid(), SETTINGS, "")
        assert isinstance(kernel, warm.WarmKernel) and kernel.has_probe and kernel.alive() and starter.reason == ""
        session = session_of(kernel, place)
        cell = session.run("import os\nopen('made.txt', 'w').write('made')\n(open('given.txt').read(), os.getcwd())")
        assert "'given'" in cell.outputs[0].data["text/plain"] and "in-k" in cell.outputs[0].data["text/plain"]
        assert session.read_file("made.txt", 100) == b"made" and len(kernel.rooms) == 4
        probe = session.probe()
        assert probe.ask({"op": "names", "names": ["none"]}, 10)["names"] == []
        probe.stop()
        assert kernel.apart_mb > 0 and session.cpu_seconds() > 0
        sockets = kernel.sockets
        # It is the kernel that ends here; its init follows, and is seen from outside.
        session.run("import threading, os; threading.Timer(0.05, os._exit, (0,)).start()")
        until = time.monotonic() + 20
        while kernel.alive() and time.monotonic() < until:
            time.sleep(0.01)
        assert not kernel.alive()
        session.close()
        kernel.close()
        assert not sockets.exists() and kernel.rooms == []
    said = log.read_text()
    assert "tmpfs /tmp mode=1777,size=7m" in said and "proc /proc" in said and "/dev/shm mode=1777,size=64m" in said


def test_the_next_kernel_is_ready_and_shares_nothing_with_the_one_before(starter):
    base = starter.prepare(SETTINGS, "")
    seen = []
    for _ in range(2):
        with run_folder({}, base) as (place, uid):
            session = session_of(starter(place, os.getuid(), SETTINGS, ""), place)
            cell = session.run("import os, random\nprint('x' in globals(), os.listdir(), random.random())\nx = 1")
            seen.append(cell.outputs[0].text)
            session.close()
    assert all(text.startswith("False []") for text in seen) and seen[0] != seen[1]
    # A spare of other limits is no use.
    spare = starter._spare
    other = dataclasses.replace(SETTINGS, limits=dataclasses.replace(SETTINGS.limits, folder_mb=8))
    with run_folder({}, base) as (place, uid):
        kernel = starter(place, os.getuid(), other, "")
        assert kernel._spare is not spare and starter._spare.limits == other.limits
        kernel.close()


def test_a_kernel_has_what_its_code_names_and_a_spare_without_it_is_no_use(starter):
    def has(*names):
        with run_folder({}, starter.prepare(SETTINGS, "", names)) as (place, uid):
            session = session_of(starter(place, os.getuid(), SETTINGS, ""), place)
            cell = session.run("import sys\n[n for n in ('colorsys', 'chunk_of_nothing') if n in sys.modules]")
            session.close()
        return cell.outputs[0].data["text/plain"]

    assert has() == "[]"
    spare = starter._spare
    assert has("colorsys", "chunk_of_nothing") == "['colorsys']" and "colorsys" not in spare.imports
    # What one has had imported is there for the next, whose spare is waiting.
    spare = starter._spare
    assert has("colorsys") == has() == "['colorsys']" and "colorsys" in spare.imports


def test_another_process_may_use_a_parent_and_does_not_end_it(starter):
    starter.prepare(SETTINGS, "")
    adopting = WarmStarter()
    handle = starter._parent.handle
    adopting.adopt(handle._replace(channel=handle.channel.dup()))
    base = adopting.prepare(SETTINGS, "")
    with run_folder({}, base) as (place, uid):
        kernel = adopting(place, os.getuid(), SETTINGS, "")
        assert isinstance(kernel, warm.WarmKernel) and kernel.alive()
        kernel.close()
    adopting.close()
    assert starter._parent.alive() and base.is_dir()


def test_a_parent_that_was_killed_is_counted_and_another_is_started(starter):
    base = starter.prepare(SETTINGS, "")
    before = starter.losses()
    starter._parent.process.kill()
    starter._parent.process.wait()
    assert starter.losses() == before + 1
    with run_folder({}, starter.prepare(SETTINGS, "")) as (place, uid):
        kernel = starter(place, os.getuid(), SETTINGS, "")
        assert isinstance(kernel, warm.WarmKernel) and starter.losses() == before + 1
        kernel.close()
    assert base.is_dir()


def test_where_no_kernel_can_be_forked_it_is_started_cold_and_said(monkeypatch, tmp_path):
    patched(monkeypatch, tmp_path / "log")
    cold = []

    class Cold:
        def __init__(self, *words):
            cold.append(words)

    monkeypatch.setattr(warm, "ColdKernel", Cold)

    def none(*words):
        raise NoWarmKernel("unshare: Operation not permitted")

    monkeypatch.setattr(warm, "WarmKernel", none)
    made = WarmStarter()
    try:
        with run_folder({}, made.prepare(SETTINGS, "")) as (place, uid):
            kernel = made(place, uid, SETTINGS, "")
            assert kernel.kind == "ColdKernel (no warm one: unshare: Operation not permitted)" and len(cold) == 1
        assert made.prepare(SETTINGS, "") is None
    finally:
        made.close()


def test_a_worker_pool_has_one_parent_and_none_where_kernels_are_cold(monkeypatch, tmp_path):
    patched(monkeypatch, tmp_path / "log")
    monkeypatch.setattr(jail, "require_python", lambda python: None)
    with warm.parent_for_workers(dataclasses.replace(SETTINGS, warm=False), "") as handle:
        assert handle is None
    with warm.parent_for_workers(SETTINGS, "") as handle:
        assert pathlib.Path(handle.base).is_dir() and os.path.exists(f"/proc/{handle.pid}")
    assert not pathlib.Path(handle.base).exists()

    def fails(*words):
        raise OSError("no processes left")

    monkeypatch.setattr(warm, "WarmParent", fails)
    with warm.parent_for_workers(SETTINGS, "") as handle:
        assert handle is None


def test_what_processes_that_are_gone_left_behind_is_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(warm.tempfile, "gettempdir", lambda: str(tmp_path))
    ours, gone = cgroups.namespace(), 2**22 + 1
    left = [f"pg-{os.getpid()}-{ours}-a", f"pgw-{gone}-{ours + 1}-b", "pg-nobody-d", "other"]
    for name in (*left, f"pgw-{gone}-{ours}-b", f"pg-{gone}-{ours}-c"):
        (tmp_path / name).mkdir()
    warm._sweep()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(left), (
        "another container's process has a number of its own"
    )


def test_the_parent_s_command_keeps_rights_to_divide_its_jail_and_shows_no_course(monkeypatch, tmp_path):
    monkeypatch.setattr(jail, "require_sandbox", lambda: None)
    monkeypatch.setattr(jail, "_tool", lambda name: f"/usr/bin/{name}")
    command = PARENT_COMMAND(tmp_path, SETTINGS, "", 7, ["numpy", "astropy"])
    assert (
        command[0] == "/usr/bin/bwrap"
        and "--unshare-net" in command
        and command[-3:-1] == ["/run/photgrader-warm.py", "7"]
    )
    assert json.loads(command[-1]) == ["astropy", "numpy"], "what is imported first"
    root = os.geteuid() == 0
    assert ("--unshare-user" in command) is not root and ("CAP_SYS_ADMIN" in command) is root
    at = command.index("MPLBACKEND")
    assert command[at - 1 : at + 2] == ["--setenv", "MPLBACKEND", "module://matplotlib_inline.backend_inline"]
    assert "CAP_SYS_PTRACE" not in command and "CAP_NET_RAW" not in command


# ------------------------------------------------------------------------------------------------ words between them
def pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_what_a_parent_says_is_read_with_its_handles_and_failures_are_told(tmp_path):
    ours, theirs = pair()
    with ours, theirs, (tmp_path / "f").open("w") as stream:
        socket.send_fds(theirs, [b'{"op": "folders"}'], [stream.fileno()])
        message, _, [handle] = warm._receive(ours, 5)
        assert message == {"op": "folders"} and os.path.samestat(os.fstat(handle), os.fstat(stream.fileno()))
        os.close(handle)
        theirs.send(b'{"op": "failed", "reason": "OSError: mount on /tmp"}')
        with pytest.raises(NoWarmKernel, match="mount on /tmp"):
            warm._receive(ours, 5)
        with pytest.raises(NoWarmKernel, match="no answer"):
            warm._receive(ours, 0.01)
        theirs.close()
        with pytest.raises(NoWarmKernel, match="the process ended"):
            warm._receive(ours, 5)


def test_the_limits_of_a_forked_kernel_are_those_of_a_cold_one():
    limits = warm._limits(SETTINGS)
    assert limits["AS"] == SETTINGS.limits.memory_mb << 20 and limits["NPROC"] == SETTINGS.limits.processes
    assert (limits["CORE"], limits["MSGQUEUE"]) == (0, 0) and limits["CPU"] == int(SETTINGS.limits.notebook_seconds) + 5
    assert warm._resident_mb(os.getpid()) > 1 and warm._resident_mb(2**22 + 1) == 0.0


def test_a_parent_that_is_gone_gives_no_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "_parent_command", lambda *words: ["true"])
    parent = WarmParent(tmp_path, SETTINGS, "", ())
    parent.process.wait()
    assert not parent.alive()
    with pytest.raises(NoWarmKernel, match="the warm parent is gone"):
        parent.fork(SETTINGS.limits, frozenset())
    parent.close()

    def no_jail(*words):
        raise jail.SandboxMissing("no bubblewrap")

    monkeypatch.setattr(warm, "_parent_command", no_jail)
    with pytest.raises(jail.SandboxMissing):
        WarmParent(tmp_path, SETTINGS, "", ())


# ------------------------------------------------------------------------------------------------ the parent's own steps
class Libc:
    """Remembers what the system was asked, and refuses what it is told to."""

    def __init__(self, refuses: str = "", number: int = errno.EPERM) -> None:
        self.asked: list[tuple] = []
        self._refuses, self._number = refuses, number

    def __getattr__(self, name):
        def call(*words):
            self.asked.append(
                (name, *(w.value if hasattr(w, "value") and not isinstance(w, ctypes.Array) else w for w in words))
            )
            if name == self._refuses:
                ctypes.set_errno(self._number)
                return -1
            return 0

        return call


@pytest.mark.parametrize(
    ("refused", "step", "words"),
    [
        ("mount", lambda: warm_parent.mount("tmpfs", "/tmp", "tmpfs", 0, "size=1m"), "mount on /tmp"),
        ("prctl", lambda: warm_parent.prctl(38, 1), "prctl 38"),
        ("unshare", lambda: warm_parent.unshare(1), "unshare"),
        ("capset", lambda: warm_parent.drop_capabilities(), "capset"),
        ("capset", lambda: warm_parent.drop_inheritable(), "capset"),
        ("capget", lambda: warm_parent.drop_inheritable(), "capget"),
        ("prctl", lambda: warm_parent.drop_bounding_set(), "bounding set"),
    ],
)
def test_a_step_that_the_system_refuses_ends_the_kernel_and_says_which(monkeypatch, refused, step, words):
    monkeypatch.setattr(warm_parent, "libc", Libc(refused))
    with pytest.raises(OSError, match=f"{words}: Operation not permitted"):
        step()
    allowed = Libc()
    monkeypatch.setattr(warm_parent, "libc", allowed)
    step()
    assert refused in {asked[0] for asked in allowed.asked}


def test_every_capability_goes_and_the_system_s_last_one_ends_it(monkeypatch):
    taken = Libc()
    monkeypatch.setattr(warm_parent, "libc", taken)
    warm_parent.drop_bounding_set()
    assert [asked[2] for asked in taken.asked] == list(range(warm_parent.LAST_CAPABILITY + 1))
    monkeypatch.setattr(warm_parent, "libc", Libc("prctl", errno.EINVAL))
    warm_parent.drop_bounding_set()


def test_the_filter_of_system_calls_is_taken_whole_for_all_threads(monkeypatch):
    monkeypatch.setattr(warm_parent, "libc", Libc())
    warm_parent.shut_doors(b"")
    assert warm_parent.libc.asked == []
    number = {"x86_64": 317, "aarch64": 277}.get(os.uname().machine)
    if number is None:
        pytest.skip("there is no filter for this machine")

    class Syscall(Libc):
        class syscall:  # noqa: N801 - the C library's name
            restype = None
            asked: list = []

            def __new__(cls, *words):
                cls.asked.append([getattr(w, "value", w) for w in words[:3]])
                return 0

    monkeypatch.setattr(warm_parent, "libc", Syscall())
    warm_parent.shut_doors(b"\x06\x00\x00\x00\x00\x00\xff\x7f")
    assert Syscall.syscall.asked == [[number, 1, 1]]


def test_an_environment_below_the_temporary_folder_is_seen_and_the_run_s_own_folder_is_not(monkeypatch, tmp_path):
    for name in ("env", "base", "base/inner", "a file"):
        (tmp_path / name).mkdir()
    lines = [
        f"x {str(tmp_path / n).replace(' ', chr(92) + '040')} tmpfs rw 0 0\n"
        for n in ("env", "base", "base/inner", "a file")
    ]
    mounts = tmp_path / "mounts"
    mounts.write_text("".join(lines) + "proc /proc proc rw 0 0\n")
    real = open
    monkeypatch.setattr(
        warm_parent, "open", lambda name, *words, **named: real(mounts if name == "/proc/self/mounts" else name, *words, **named), raising=False
    )  # fmt: skip
    found = warm_parent.mounted_below(str(tmp_path), str(tmp_path / "base"))
    assert [(path, is_folder) for path, _, is_folder in found] == [
        (str(tmp_path / "a file"), True),
        (str(tmp_path / "env"), True),
    ]
    for _, handle, _ in found:
        os.close(handle)


def test_a_student_s_process_has_its_limits_and_no_right_left(monkeypatch, tmp_path):
    asked: list[tuple] = []
    monkeypatch.setattr(warm_parent, "HOME", str(tmp_path))
    monkeypatch.setattr(warm_parent, "WORK", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    (tmp_path / "fontlist-1.json").touch()
    (tmp_path / "own").touch()
    monkeypatch.setattr(warm_parent, "prctl", lambda *words: asked.append(("prctl", *words)))
    monkeypatch.setattr(warm_parent.os, "getuid", lambda: 0)
    for name in ("setgroups", "setresgid", "setresuid", "chdir"):
        monkeypatch.setattr(warm_parent.os, name, lambda *words, name=name: asked.append((name, *words)))
    monkeypatch.setattr(
        warm_parent.os, "chown", lambda path, *words, **named: asked.append(("chown", os.path.basename(path)))
    )
    monkeypatch.setattr(warm_parent.resource, "setrlimit", lambda kind, value: asked.append(("limit", kind, value)))
    monkeypatch.setattr(
        warm_parent.resource, "getrlimit", lambda kind: (5, 30 if kind == warm_parent.resource.RLIMIT_CORE else -1)
    )
    status = "CapEff:\t{0}\nCapPrm:\t0\nCapInh:\t0\nCapBnd:\t0\nCapAmb:\t0\nNoNewPrivs:\t1\nUid:\t60123 60123 60123 60123\nNoColon\n"
    kept = "0"
    real = open

    def opened(name, *words):
        if str(name).endswith("/status"):
            (tmp_path / "status").write_text(status.format(kept))
            return real(tmp_path / "status")
        return real(tmp_path / "score" if "oom" in str(name) else name, *words)

    monkeypatch.setattr(warm_parent, "open", opened, raising=False)
    warm_parent.become_student(60123, {"NPROC": 9, "CORE": 40})
    assert ("setresuid", 60123, 60123, 60123) in asked and ("chdir", str(tmp_path / "work")) in asked
    assert (
        asked.index(("setgroups", []))
        < asked.index(("setresgid", 60123, 60123, 60123))
        < asked.index(("setresuid", 60123, 60123, 60123))
    )
    limits = {kind: value for name, kind, value in (a for a in asked if a[0] == "limit")}
    assert limits == {warm_parent.resource.RLIMIT_NPROC: (9, 9), warm_parent.resource.RLIMIT_CORE: (30, 30)}
    assert {a[1] for a in asked if a[0] == "chown"} >= {"own"} and "fontlist-1.json" not in {
        a[1] for a in asked if a[0] == "chown"
    }
    kept = "8"
    with pytest.raises(PermissionError, match="a thread kept rights"):
        warm_parent.become_student(60123, {})


def test_what_the_parent_cannot_do_is_told_to_who_asked(monkeypatch):
    def refused(*words):
        raise PermissionError("unshare: Operation not permitted")

    for name in ("fork_as_root", "fork_as_user"):
        monkeypatch.setattr(warm_parent, name, refused)
    ours, theirs = pair()
    with ours:
        warm_parent.fork({}, theirs, ours)
        assert theirs.fileno() == -1
        with pytest.raises(NoWarmKernel, match="PermissionError: unshare"):
            warm._receive(ours, 5)
        # Nobody to tell is no fault.
        warm_parent.tell(ours, OSError("x"))


def test_the_kernel_s_word_is_awaited_and_anything_else_is_the_reason():
    read, write = os.pipe()
    os.write(write, b"k")
    warm_parent.expect(read, b"k")
    os.write(write, b"MemoryError: ")
    with pytest.raises(ChildProcessError, match="MemoryError"):
        warm_parent.expect(read, b"k")
    os.close(write)
    with pytest.raises(ChildProcessError, match="ended while it was started"):
        warm_parent.expect(read, b"k")
    os.close(read)


def test_an_ordinary_grader_s_kernel_leaves_by_way_of_a_user_namespace(monkeypatch, tmp_path):
    written: dict[str, str] = {}
    monkeypatch.setattr(warm_parent, "prctl", lambda *words: None)
    flags = []
    monkeypatch.setattr(warm_parent, "unshare", flags.append)

    def opened(name, mode):
        return (tmp_path / name.rpartition("/")[2]).open(mode)

    monkeypatch.setattr(warm_parent, "open", opened, raising=False)
    warm_parent.own_user_namespace()
    written = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert flags[0] & warm_parent.NEWUSER and flags[0] & warm_parent.NEWPID and flags[0] & warm_parent.NEWNET
    own = f"{os.getuid()} {os.getuid()} 1"
    assert written == {"setgroups": "deny", "uid_map": own, "gid_map": f"{os.getgid()} {os.getgid()} 1"}


def test_what_is_imported_first_may_be_missing_and_may_warm_itself(monkeypatch, tmp_path):
    (tmp_path / "warms_itself.py").write_text("done = []\ndef warm_up():\n    done.append(1)\n    raise RuntimeError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(warm_parent, "MODULES", ("json", "no_such_module"))
    (tmp_path / "ends_itself.py").write_text("raise SystemExit('no licence for this')\n")
    warm_parent.warm_up(["no_module_either", "ends_itself", "warms_itself"])
    assert sys.modules.pop("warms_itself").done == [1]
    warm_parent.fail_once()
    warm_parent.draw_once()


def test_only_what_a_kernel_needs_stays_open():
    pid = os.fork()
    if pid == 0:
        kept, other = os.pipe()
        warm_parent.close_but({kept})
        try:
            os.fstat(kept)
            os.fstat(other)
        except OSError as problem:
            os._exit(0 if problem.errno == errno.EBADF else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_children_that_ended_are_buried():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    until = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        warm_parent.bury()
    assert not os.path.exists(f"/proc/{pid}")
    assert signal.getsignal(signal.SIGINT) is not None
