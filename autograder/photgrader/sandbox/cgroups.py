"""A control group for each kernel, where the machine has one to give: the whole submission counted by the system.

Memory is counted with shared memory, memory file systems, buffers of sockets and the pages of files; processes and processor time
with all children, wherever they went. Two kinds are known. In the second version of control groups, kernels lie below the
grader's own group, where that was handed over (systemd's ``Delegate=yes``, a container whose groups are writable). In the first
version they lie in a folder `NAME` at the top of each hierarchy, which root makes, or has made for the grader's user.
Where there is neither, `photgrader.sandbox.watch` counts by itself.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import secrets
import signal
import time
from dataclasses import dataclass

import psutil

from photgrader.coursedir.settings import Limits

#: The folder of all kernels' groups, and the group that the grader itself moves to (a group that is divided holds no process).
NAME, LEADER = "photgrader", "photgrader-leader"
#: A group of another container that is empty after so long is nobody's; none lives longer than a submission.
ABANDONED_SECONDS = 86400
#: What is counted, first what has to be: without a limit of memory a group is of little use.
CONTROLLERS = ("memory", "pids", "cpu", "cpuacct")
#: The jail's own processes in a group: bubblewrap, an init, what starts the kernel.
OWN_PROCESSES = 8


@dataclass(frozen=True)
class Home:
    """Where groups can be made.

    Parameters
    ----------
    version : int
        Of control groups, 1 or 2.
    folders : dict of str to Path
        By controller, the folder in which a group is made; in version 2 all the same.
    """

    version: int
    folders: dict[str, pathlib.Path]

    @property
    def controllers(self) -> str:
        """The controllers in a few words."""
        return ", ".join(self.folders)


def _write(path: pathlib.Path, value: object) -> None:
    path.write_text(f"{value}\n", encoding="ascii")


def _mounts() -> list[tuple[str, pathlib.Path, set[str]]]:
    """Return kind, place and options of the mounted hierarchies."""
    found = []
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            before, _, after = line.partition(" - ")
            kind, _, options = after.split()[:3]
            if kind in ("cgroup", "cgroup2"):
                found.append((kind, pathlib.Path(before.split()[4]), set(options.split(","))))
    return found


def _first_version() -> Home | None:
    folders: dict[str, pathlib.Path] = {}
    for kind, mount, options in _mounts():
        for controller in options & set(CONTROLLERS) if kind == "cgroup" else ():
            if controller in folders:
                continue
            with contextlib.suppress(OSError):
                (mount / NAME).mkdir(exist_ok=True)
                if os.access(mount / NAME, os.W_OK):
                    folders[controller] = mount / NAME
    if "memory" not in folders:
        return None
    if "cpu" in folders:
        # All kernels together weigh as much as a busy process on each core, and not as one.
        with contextlib.suppress(OSError):
            _write(folders["cpu"] / "cpu.shares", 1024 * (os.cpu_count() or 1))
    return Home(1, {c: folders[c] for c in CONTROLLERS if c in folders})


def _second_version() -> Home | None:
    try:
        mount = next(m for kind, m, _ in _mounts() if kind == "cgroup2")
        own = next(
            line[3:]
            for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
            if line.startswith("0::")
        )
        base = mount / own.lstrip("/")
        if base.name == LEADER:
            base = base.parent
        kernels = base / NAME
        if not _enabled(kernels):
            _divide(base)
            kernels.mkdir(exist_ok=True)
            _enable(kernels)
            with contextlib.suppress(OSError):
                _write(kernels / "cpu.weight", min(10000, 100 * (os.cpu_count() or 1)))
        if not os.access(kernels, os.W_OK):
            return None
        return Home(2, {c: kernels for c in CONTROLLERS if c in _enabled(kernels)})
    except (OSError, StopIteration):
        return None


def _enabled(group: pathlib.Path) -> set[str]:
    """Return what groups below a group have a count of, `memory` and `pids` among them; nothing else will do."""
    try:
        found = set((group / "cgroup.subtree_control").read_text(encoding="ascii").split())
    except OSError:
        return set()
    return found if {"memory", "pids"} <= found else set()


def _enable(group: pathlib.Path) -> None:
    _write(group / "cgroup.subtree_control", "+memory +pids")
    with contextlib.suppress(OSError):
        _write(group / "cgroup.subtree_control", "+cpu")


def _divide(base: pathlib.Path) -> None:
    """Make a group one that can have groups with limits below it: its processes, which are the grader's, move to one beside them.

    Raises
    ------
    OSError
        It was not handed over to us, or has no such limits.
    """
    if _enabled(base):
        return
    # The top of all groups may hold processes, and has no such file; the top of a container's may not.
    if (base / "cgroup.type").exists():
        if not _handed_over(base):
            raise PermissionError(f"{base} is not the grader's to divide")
        (base / LEADER).mkdir(exist_ok=True)
        for _ in range(5):
            moved = (base / "cgroup.procs").read_text(encoding="ascii").split()
            for pid in moved:
                with contextlib.suppress(ProcessLookupError):
                    _write(base / LEADER / "cgroup.procs", pid)
            if not moved:
                break
    _enable(base)


def _handed_over(base: pathlib.Path) -> bool:
    """Tell whether a group is one's own to divide: systemd marks such, and a container sees its own as the top."""
    for name in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(base, name) == b"1":
                return True
    return any(base == mount for kind, mount, _ in _mounts() if kind == "cgroup2") and os.access(base, os.W_OK)


@functools.cache
def home() -> Home | None:
    """Return where groups can be made on this machine, None where there is no such place; removes what killed runs left there."""
    found = _second_version() or _first_version()
    if found is not None:
        sweep(found)
    return found


def namespace() -> int:
    """Return which numbers of processes are ours: two containers may share groups and folders, and each has a process 20.

    Six digits: the names of sockets may not be long.
    """
    try:
        return os.stat("/proc/self/ns/pid").st_ino % 10**6
    except OSError:
        return 0


def sweep(where: Home) -> None:
    """End what is in the groups of runs that are gone, and remove them; of another container's only what is long empty."""
    for folder in dict.fromkeys(where.folders.values()):
        with contextlib.suppress(OSError):
            for entry in sorted(folder.iterdir()):
                home_of, _, maker = entry.name.partition("-")[0].partition(".")
                if not (home_of.isdecimal() and maker.isdecimal() and entry.is_dir()):
                    continue
                if int(home_of) != namespace():
                    if time.time() - entry.stat().st_mtime > ABANDONED_SECONDS:
                        with contextlib.suppress(OSError):
                            entry.rmdir()
                elif not psutil.pid_exists(int(maker)):
                    _remove(entry)


class Group:
    """The group of one kernel.

    Parameters
    ----------
    where : Home
        Where it is made.
    limits : Limits
        What a submission may use.

    Raises
    ------
    OSError
        It cannot be made.
    """

    def __init__(self, where: Home, limits: Limits) -> None:
        self._version = where.version
        name = f"{namespace()}.{os.getpid()}-{secrets.token_hex(6)}"
        self._folders = {c: folder / name for c, folder in where.folders.items()}
        try:
            for folder in dict.fromkeys(self._folders.values()):
                folder.mkdir()
            self._limit(limits)
        except OSError:
            self.close()
            raise

    def _limit(self, limits: Limits) -> None:
        memory, most = self._folders["memory"], limits.memory_mb << 20
        if self._version == 2:
            _write(memory / "memory.max", most)
            _write(memory / "memory.oom.group", 1)
            swap = memory / "memory.swap.max"
            value = 0
        else:
            _write(memory / "memory.limit_in_bytes", most)
            # What is swapped out counts like the rest; a limit for both cannot be below the first.
            swap = memory / "memory.memsw.limit_in_bytes"
            value = most
        with contextlib.suppress(OSError):
            if swap.exists():
                _write(swap, value)
        if "pids" in self._folders:
            _write(self._folders["pids"] / "pids.max", limits.processes + OWN_PROCESSES)

    def join(self, *pids: int) -> None:
        """Put processes, with all their threads, into the group; what they start is born there."""
        for folder in dict.fromkeys(self._folders.values()):
            for pid in pids:
                _write(folder / "cgroup.procs", pid)

    def _number(self, controller: str, file: str, key: str = "") -> int | None:
        """Return a number from a file, or from the line of it that begins with a word."""
        try:
            text = (self._folders[controller] / file).read_text(encoding="ascii")
        except (OSError, KeyError):
            return None
        for line in text.splitlines():
            word, _, value = line.rpartition(" ")
            if word == key and value.isdecimal():
                return int(value)
        return None

    def out_of_memory(self) -> bool:
        """Whether the system ended a process of the group for want of memory."""
        file = "memory.events" if self._version == 2 else "memory.oom_control"
        return bool(self._number("memory", file, "oom_kill"))

    def peak_mb(self) -> float:
        """Return the most memory that was in use, in megabytes (2**20)."""
        file = "memory.peak" if self._version == 2 else "memory.max_usage_in_bytes"
        return (self._number("memory", file) or 0) / 2**20

    def cpu_seconds(self) -> float | None:
        """Return the processor time of all that ever was in the group; None where it is not counted."""
        if self._version == 2:
            used = self._number("memory", "cpu.stat", "usage_usec")
            return None if used is None else used / 1e6
        used = self._number("cpuacct", "cpuacct.usage")
        return None if used is None else used / 1e9

    def kill(self) -> None:
        """End all processes of the group."""
        for folder in dict.fromkeys(self._folders.values()):
            _kill(folder)

    def close(self) -> None:
        """End all processes and remove the group."""
        for folder in dict.fromkeys(self._folders.values()):
            _remove(folder)


def _kill(folder: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        _write(folder / "cgroup.kill", 1)
        return
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            # 0 is a process that cannot be seen from here, and to `kill` it means oneself.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if int(pid) > 0:
                    os.kill(int(pid), signal.SIGKILL)


def _remove(folder: pathlib.Path) -> None:
    """Remove a group; one whose processes take long to go is left to the next sweep."""
    until = time.monotonic() + 5
    while folder.is_dir():
        _kill(folder)
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > until:
                return
            time.sleep(0.01)


def first_to_go(*pids: int) -> None:
    """Have processes ended before all others where the machine is short of memory; root's word on it cannot be taken back inside.

    What we were started by may have spared us, and a kernel would inherit that.
    """
    for pid in pids:
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{pid}/oom_score_adj").write_text("500", encoding="ascii")


def make(limits: Limits) -> Group | None:
    """Make a group for a kernel; None where the machine has none to give."""
    where = home()
    if where is None:
        return None
    try:
        return Group(where, limits)
    except OSError:
        return None
