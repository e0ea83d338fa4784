"""Warm kernels: forked from a parent in the jail that has everything imported (see `warm_parent`).

One parent per grading process, or one that the workers of a run share. A spare kernel is forked and started in
advance, so that a submission finds one that is ready; it is given to one submission, and killed afterwards. Where the
system does not allow a kernel namespaces of its own, kernels are started cold, and the record says so.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import logging
import os
import pathlib
import re
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import psutil
from jupyter_client.blocking.client import BlockingKernelClient

from photgrader.coursedir.packages import packages_in_use
from photgrader.coursedir.settings import Limits, Settings
from photgrader.coursedir.trees import remove_tree
from photgrader.sandbox import cgroups, jail, room, seccomp
from photgrader.sandbox.jail import RunFolders
from photgrader.sandbox.session import ColdKernel, bounded
from photgrader.sandbox.watch import family

log = logging.getLogger("photgrader")
#: How long the parent's imports, and the start of a kernel, may take on a busy machine.
IMPORT_SECONDS, FORK_SECONDS = 120.0, 30.0
_INSIDE = "/run/photgrader-warm.py"
#: Where a kernel sees the folder of its sockets (`warm_parent.KERNEL`).
_SOCKETS_INSIDE = "/tmp/.kernel"


class NoWarmKernel(Exception):
    """A kernel could not be forked; the text says why."""


def _parent_command(
    base: pathlib.Path, settings: Settings, data: str, handle: int, imports: Iterable[str]
) -> list[str]:
    """Return the command line of the parent: the jail of a cold kernel, with rights kept to divide it further."""
    jail.require_sandbox()
    empty = base / "none"
    empty.mkdir(exist_ok=True)
    script = pathlib.Path(__file__).with_name("warm_parent.py")
    words = [
        jail._tool("bwrap"),
        *jail.APART,
        "--tmpfs",
        "/dev/shm",
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
        "--perms",
        "0755",
        "--tmpfs",
        "/home/student",
        "--dir",
        "/home/student/.cache",
        "--dir",
        "/home/student/.cache/matplotlib",
    ]
    words += (
        jail._fonts()
        + jail._mounts(RunFolders(empty, base), settings.python, data)
        + ["--ro-bind", str(script), _INSIDE]
    )
    # The backend that ipykernel would choose: matplotlib reads it when it is imported, which is here.
    inside = {**jail.environment(bool(data)), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    for name, value in inside.items():
        words += ["--setenv", name, value]
    if os.geteuid() == 0:
        words += ["--cap-drop", "ALL"]
        for capability in ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "CHOWN", "NET_ADMIN"):
            words += ["--cap-add", f"CAP_{capability}"]
    else:
        words += ["--unshare-user"]
    words += jail.SEALED
    return [*words, "--", settings.python or sys.executable, "-P", _INSIDE, str(handle), json.dumps(sorted(imports))]


@dataclass
class _Spare:
    """A kernel that waits for a submission."""

    control: socket.socket
    name: str
    key: str
    limits: Limits
    imports: frozenset[str]
    pid: int = 0
    pidfd: int = -1

    def drop(self) -> None:
        self.control.close()
        if self.pidfd >= 0:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            os.close(self.pidfd)
            self.pidfd = -1


def _receive(channel: socket.socket, seconds: float) -> tuple[dict[str, Any], int, list[int]]:
    """Return a message, the process that sent it, as its number is on this side, and the handles that came with it."""
    channel.settimeout(seconds)
    try:
        text, extra, _, _ = channel.recvmsg(
            4096, socket.CMSG_SPACE(struct.calcsize("3i")) + socket.CMSG_SPACE(struct.calcsize("8i"))
        )
    except OSError as problem:
        raise NoWarmKernel(f"no answer ({problem})") from problem
    handles = [
        handle
        for level, kind, body in extra
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS
        for handle in struct.unpack(f"{len(body) // 4}i", body)
    ]
    if not text:
        raise NoWarmKernel("the process ended")
    message = json.loads(text)
    if message.get("op") == "failed":
        raise NoWarmKernel(str(message.get("reason")))
    pid = next(
        (
            struct.unpack("3i", body)[0]
            for level, kind, body in extra
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS
        ),
        0,
    )
    return message, pid, handles


class ParentHandle(NamedTuple):
    """A warm parent as other processes of the grader's on this machine may use it; it travels to one that is being started."""

    channel: socket.socket
    base: str
    pid: int
    python: str
    data: str


class WarmParent:
    """One parent process in the jail.

    Parameters
    ----------
    base : Path
        The folder that the runs' folders and the kernels' sockets are in.
    settings : Settings
        The students' Python.
    data : str
        Folder of the real data files.
    imports : iterable of str
        What it imports at once.

    Attributes
    ----------
    handle : ParentHandle
        What another process needs to ask this parent for kernels (`WarmStarter.adopt`).
    """

    def __init__(self, base: pathlib.Path, settings: Settings, data: str, imports: Iterable[str]) -> None:
        self.base = base
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ours
        try:
            command = _parent_command(self.base, settings, data, theirs.fileno(), imports)
            self.process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                cwd="/",
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.handle = ParentHandle(ours, str(base), self.process.pid, settings.python, data)
        self._warm = False

    def alive(self) -> bool:
        """Whether the parent is there."""
        return self.process.poll() is None

    def fork(self, limits: Limits, imports: frozenset[str]) -> _Spare:
        """Ask for a kernel that has some modules imported; it comes up while the caller does other things (`hello`)."""
        name = pathlib.Path(tempfile.mkdtemp(prefix="k", dir=self.base)).name
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        spare = _Spare(ours, name, secrets.token_hex(32), limits, imports)
        request = {
            "op": "fork",
            "base": str(self.base),
            "name": name,
            "key": spare.key,
            "folder_mb": limits.folder_mb,
            "imports": sorted(imports),
        }
        try:
            self._channel.settimeout(FORK_SECONDS)
            socket.send_fds(self._channel, [json.dumps(request).encode()], [theirs.fileno()])
        except OSError as problem:
            ours.close()
            raise NoWarmKernel(f"the warm parent is gone ({problem})") from problem
        finally:
            theirs.close()
        return spare

    def hello(self, spare: _Spare) -> None:
        """Wait until the kernel's init is there, and take hold of it."""
        if spare.pidfd < 0:
            _, spare.pid, _ = _receive(spare.control, FORK_SECONDS if self._warm else IMPORT_SECONDS)
            self._warm = True
            try:
                spare.pidfd = os.pidfd_open(spare.pid)
            except OSError as problem:
                raise NoWarmKernel(f"the kernel ended at once ({problem})") from problem

    def close(self) -> None:
        """End the parent and all its kernels."""
        # It ends by itself when nobody can ask it any more.
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0 if self._warm else 0.0)
        if self.process.poll() is None:
            # While bubblewrap starts, its inner process waits for the outer one, and would for ever: they end together.
            self.process.send_signal(signal.SIGSTOP)
            with contextlib.suppress(psutil.Error):
                for member in family(self.process.pid):
                    member.kill()
        self.process.kill()
        self.process.wait()


class AdoptedParent(WarmParent):
    """A parent that another process started, who will end it.

    Parameters
    ----------
    handle : ParentHandle
        What that process gave.
    """

    def __init__(self, handle: ParentHandle) -> None:
        self.base, self.handle = pathlib.Path(handle.base), handle
        self._channel, self._warm = handle.channel, False
        self._pidfd = os.pidfd_open(handle.pid)

    def alive(self) -> bool:
        """Whether the parent is there."""
        return not select.select([self._pidfd], [], [], 0)[0]

    def close(self) -> None:
        """Have no more to do with it."""
        self._channel.close()
        os.close(self._pidfd)


def own_folder() -> pathlib.Path:
    """Make the folder that a parent's runs and sockets are in, and remove what was left by processes that are gone."""
    room.keep_paths_short()
    _sweep()
    return pathlib.Path(tempfile.mkdtemp(prefix=f"pgw-{os.getpid()}-{cgroups.namespace()}-"))


@contextlib.contextmanager
def parent_for_workers(
    settings: Settings, data: str, imports: Iterable[str] | None = None
) -> Iterator[ParentHandle | None]:
    """Start a parent for worker processes to share, and end it on leaving; None where kernels are cold.

    It begins with some imports, by default all that the course names; with each kernel a worker may ask for more.

    Raises
    ------
    SettingsError
        The students' Python cannot be used.
    """
    if settings.sandbox:
        jail.require_python(settings.python)
    if not (settings.warm and settings.sandbox):
        yield None
        return
    base, parent = own_folder(), None
    try:
        try:
            parent = WarmParent(base, settings, data, packages_in_use().imports if imports is None else imports)
        except OSError as problem:
            # Each worker will try for itself, and say so if it has to do without.
            log.warning("no warm parent could be started: %s", problem)
        yield parent.handle if parent is not None else None
    finally:
        if parent is not None:
            parent.close()
        remove_tree(base)


def _sweep() -> None:
    """Remove what grading processes left behind that were killed; not those of another container that shares the folder."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob("pg*-*"):
        match = re.match(r"pgw?-(\d+)-(?:(\d+)-)?", folder.name)
        if match and int(match[2] or cgroups.namespace()) != cgroups.namespace():
            continue
        with contextlib.suppress(OSError):
            if match and not psutil.pid_exists(int(match[1])) and folder.lstat().st_uid == os.geteuid():
                remove_tree(folder)


def _limits(settings: Settings) -> dict[str, int]:
    """Return the limits of the kernel's process: those of a cold one (`jail.jail_command`)."""
    limits, megabyte = settings.limits, 1 << 20
    return {
        "NPROC": limits.processes,
        "AS": limits.memory_mb * megabyte,
        "FSIZE": limits.file_mb * megabyte,
        "CPU": int(limits.notebook_seconds) + 5,
        "CORE": 0,
        "NOFILE": 512,
        "MEMLOCK": 65536,
        "MSGQUEUE": 0,
    }


class WarmKernel:
    """A kernel forked from the warm parent; used for one submission."""

    #: The parent has imported it.
    has_probe = True

    def __init__(self, parent: WarmParent, spare: _Spare, place: RunFolders, uid: int, settings: Settings) -> None:
        self._folder = self.sockets = parent.base / spare.name
        self.sockets_inside = _SOCKETS_INSIDE
        # The kernel's user passes through to a socket whose name it is told; it can neither list nor write.
        self._folder.chmod(0o711)
        self._spare = spare
        self._closed = False
        parent.hello(spare)
        self.pid = spare.pid
        given, entries = room.size_of(place.work)
        order = {
            "op": "assign",
            "folder": room.options(
                (settings.limits.folder_mb << 20) + given + room.MORE_BYTES,
                settings.limits.files + entries + room.MORE_FILES,
            ),
            "uid": uid,
            "limits": _limits(settings),
            "filter": base64.b64encode(seccomp.program()).decode(),
        }
        #: The system's count of the whole submission, where there is one.
        self.group = cgroups.make(settings.limits)
        #: Handles of the mounted folders that the kernel may fill, its own one first.
        self.rooms: list[int] = []
        try:
            processes = [process.pid for process in family(self.pid)]
            cgroups.first_to_go(*processes)
            if self.group is not None:
                self.group.join(*processes)
            spare.control.send(json.dumps(order).encode())
            _, _, self.rooms = _receive(spare.control, FORK_SECONDS)
            room.fill(self.rooms[0], place.work)
            place.hold(os.dup(self.rooms[0]))
            spare.control.send(b"go")
            _receive(spare.control, FORK_SECONDS)
        except (OSError, IndexError, NoWarmKernel) as problem:
            self._let_go()
            raise NoWarmKernel(str(problem)) from problem
        #: Memory of the namespace's init, which is the parent's and not the submission's.
        self.apart_mb = _resident_mb(self.pid)
        self.client = BlockingKernelClient(
            transport="ipc",
            ip=str(self._folder / "k"),
            shell_port=1,
            iopub_port=2,
            stdin_port=3,
            hb_port=4,
            control_port=5,
        )
        self.client.session.key = spare.key.encode()
        bounded(self.client)
        self.client.start_channels(hb=False)

    def alive(self) -> bool:
        """Whether the kernel is there: its init ends with it."""
        return self._spare.pidfd >= 0 and not select.select([self._spare.pidfd], [], [], 0)[0]

    def kill(self) -> None:
        """End the kernel and everything it started (its process namespace goes with it)."""
        if self._spare.pidfd >= 0:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._spare.pidfd, signal.SIGKILL)

    def _let_go(self) -> None:
        for handle in self.rooms:
            os.close(handle)
        self.rooms = []
        if self.group is not None:
            self.group.close()

    def close(self) -> None:
        """End the kernel and free what belongs to it."""
        if self._closed:
            return
        self._closed = True
        self.kill()
        self.client.stop_channels()
        # All its processes are gone when the init is: nothing writes into the folder any more.
        select.select([self._spare.pidfd], [], [], 10)
        self._spare.drop()
        self._let_go()
        self.client.context.destroy(linger=0)
        remove_tree(self._folder)


def _resident_mb(pid: int) -> float:
    try:
        return psutil.Process(pid).memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


class WarmStarter:
    """Starts kernels, warm where that is possible and cold otherwise; used as `photgrader.grading.grade.cold` is.

    `prepare` may be called early: the parent imports while its caller does other things.

    Attributes
    ----------
    reason : str
        Why kernels are cold, where they are.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._base: pathlib.Path | None = None
        self._base_is_own = True
        self._parent: WarmParent | None = None
        self._asked: tuple[str, str] = ("", "")
        # What kernels have imported from now on; it only grows.
        self._imports: frozenset[str] = frozenset()
        self._spare: _Spare | None = None
        self._lock = threading.RLock()
        self._failures = self._losses = 0

    def adopt(self, handle: ParentHandle) -> None:
        """Use another process's parent; when that is lost, one of one's own is started."""
        with self._lock:
            try:
                self._parent = AdoptedParent(handle)
            except OSError:
                # It is gone already.
                return
            self._base, self._base_is_own = self._parent.base, False
            self._asked = (handle.python, handle.data)

    def prepare(self, settings: Settings, data: str, imports: Iterable[str] | None = None) -> pathlib.Path | None:
        """Start the parent where there is none, and return the folder that runs have to be in; None: any.

        The next kernel has some modules imported (`photgrader.coursedir.packages.imports_for`), by default all that the course names.
        """
        with self._lock:
            self._imports |= frozenset(packages_in_use().imports if imports is None else imports)
            if self.reason:
                return None
            if self._parent is not None and (self._asked != (settings.python, data) or not self._parent.alive()):
                self._losses += not self._parent.alive()
                self._end_parent()
            if self._base is None:
                self._base, self._base_is_own = own_folder(), True
            if self._parent is None:
                try:
                    self._parent = WarmParent(self._base, settings, data, self._imports)
                    self._asked = (settings.python, data)
                except OSError as problem:
                    self._give_up(str(problem))
                    return None
            return self._base

    def __call__(self, place: RunFolders, uid: int, settings: Settings, data: str) -> Any:
        """Start a kernel for a run."""
        with self._lock:
            for _ in range(2):
                base = self.prepare(settings, data, ())
                if base is None or base not in place.work.parents:
                    break
                try:
                    return self._warm(place, uid, settings)
                except NoWarmKernel as problem:
                    self._failures += 1
                    log.warning("a warm kernel could not be had: %s", problem)
                    self._end_parent()
                    if self._failures > 1:
                        self._give_up(str(problem))
            kernel = ColdKernel(place, uid, settings, data)
            kernel.kind = f"ColdKernel (no warm one: {self.reason})" if self.reason else "ColdKernel"  # type: ignore[attr-defined]
            return kernel

    def _warm(self, place: RunFolders, uid: int, settings: Settings) -> WarmKernel:
        assert self._parent is not None
        spare, self._spare = self._spare, None
        if spare is not None and (spare.limits != settings.limits or not self._imports <= spare.imports):
            spare.drop()
            spare = None
        spare = spare or self._parent.fork(settings.limits, self._imports)
        try:
            kernel = WarmKernel(self._parent, spare, place, uid, settings)
        except NoWarmKernel:
            spare.drop()
            raise
        self._failures = 0
        self._spare = self._parent.fork(settings.limits, self._imports)
        return kernel

    def losses(self) -> int:
        """Return how often the parent was killed; no submission can do that."""
        return self._losses + (self._parent is not None and not self._parent.alive())

    def _give_up(self, reason: str) -> None:
        self.reason = reason
        log.warning("kernels are started cold from now on, which is slower and no less safe: %s", reason)

    def _end_parent(self) -> None:
        if self._spare is not None:
            self._spare.drop()
            self._spare = None
        if self._parent is not None:
            self._parent.close()
            self._parent = None

    def close(self) -> None:
        """End the parent, its kernels and its spare."""
        with self._lock:
            self._end_parent()
            if self._base is not None and self._base_is_own:
                remove_tree(self._base)
            self._base = None


_STARTER: list[tuple[int, WarmStarter]] = []


def starter() -> WarmStarter:
    """Return this process's starter of warm kernels, made at first use and closed when the process ends."""
    if not _STARTER or _STARTER[0][0] != os.getpid():
        _STARTER[:] = [(os.getpid(), WarmStarter())]
        atexit.register(close)
    return _STARTER[0][1]


def close() -> None:
    """End this process's warm parent; the next submission starts another."""
    if _STARTER and _STARTER[0][0] == os.getpid():
        _STARTER[0][1].close()
