"""A session with one jailed kernel: run cells, ask the probe, within limits of time and size."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg

from photcheck import wire
from photcheck.undrawn import KEY
from photgrader.coursedir.settings import Settings
from photgrader.coursedir.trees import remove_tree
from photgrader.sandbox import cgroups, room
from photgrader.sandbox.jail import FIRST_UID, RunFolders
from photgrader.sandbox.watch import Watch

#: Longest message taken from a kernel, and how many may wait.
MAX_MESSAGE = 100_000_000
MAX_WAITING = 16
#: What a message holds beside its content.
MAX_OVERHEAD = 1_000_000
START_SECONDS = 60.0
#: How long a message to a kernel waits for room. A kernel that broke its sockets never makes any.
SEND_SECONDS = 3.0


class KernelGone(Exception):
    """The kernel ended, or was ended because it passed a limit.

    `state` is ``"kernel died"``, ``"out of memory"``, ``"too many files"`` or ``"timeout"``.
    """

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state
        # What the cell had shown that was done when it was ended.
        self.outputs: list[NotebookNode] = []


class NotStarted(Exception):
    """No kernel can be started on this machine as it is; the submission has no part in that."""


@dataclass
class CellRun:
    """What running a cell gave.

    `status` is ``"ok"``, ``"error"`` or ``"timeout"``; `outputs` are notebook outputs, cut where they grew
    past the limit (`cut`); `asked_to_end` tells whether the cell asked the kernel to end (``quit()``).
    """

    status: str
    outputs: list[NotebookNode] = field(default_factory=list)
    seconds: float = 0.0
    cut: bool = False
    execution_count: int | None = None
    asked_to_end: bool = False


class Kernel(Protocol):
    """What a session needs of a kernel, cold or forked from a warm parent."""

    client: BlockingKernelClient
    pid: int
    #: The folder of the kernel's sockets, on this side and as the kernel sees it.
    sockets: pathlib.Path
    sockets_inside: str
    #: The system's count of all its processes, and handles of the mounted folders that it may fill, its own one first.
    group: cgroups.Group | None
    rooms: list[int]
    #: Whether the probe's module is imported there already.
    has_probe: bool

    def alive(self) -> bool: ...
    def kill(self) -> None: ...


@contextlib.contextmanager
def run_folder(
    files: dict[str, bytes] | None = None, base: pathlib.Path | None = None
) -> Iterator[tuple[RunFolders, int]]:
    """Make the folders of a run, filled with the submission's files, and remove them afterwards.

    Parameters
    ----------
    files : dict of str to bytes
        The submission's files, by relative path.
    base : Path, optional
        Where to make them; warm kernels need them in their parent's folder.

    Yields
    ------
    RunFolders, int
        The folders, and the user that root runs the jail as.
    """
    room.keep_paths_short()
    root = pathlib.Path(tempfile.mkdtemp(prefix=f"pg-{os.getpid()}-{cgroups.namespace()}-", dir=base))
    uid = FIRST_UID + secrets.randbelow(5000) if os.geteuid() == 0 else os.getuid()
    place = RunFolders(root / "work", root / "s")
    try:
        root.chmod(0o711)
        for folder in (place.work, place.sockets, *(root / name for name in ("tmp", "home", "shm"))):
            folder.mkdir(mode=0o700)
        for name, content in (files or {}).items():
            path = place.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if os.geteuid() == 0:
            for path in (*root.iterdir(), *place.work.rglob("*")):
                os.chown(path, uid, uid, follow_symlinks=False)
        yield place, uid
    finally:
        place.hold(-1)
        remove_tree(root)


class _OneSpec(KernelSpecManager):
    """Knows one kernel specification: ours."""

    spec: KernelSpec | None = None

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        assert self.spec is not None
        return self.spec


def _kernel_spec(place: RunFolders, uid: int, settings: Settings, data: str) -> KernelSpec:
    # -P: a file of the student's called random.py must not stop the kernel from starting.
    argv = [
        settings.python or sys.executable,
        "-P",
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
        "--HistoryManager.enabled=False",
        "--IPKernelApp.log_level=40",
    ]
    spec = KernelSpec(argv=argv, display_name="grading", language="python", interrupt_mode="message")
    if settings.sandbox:
        spec.metadata = {
            "kernel_provisioner": {
                "provisioner_name": "photgrader-sandbox",
                "config": {
                    "work": str(place.work),
                    "sockets": str(place.sockets),
                    "uid": uid,
                    "python": settings.python,
                    "data": data,
                    "limits": settings.limits,
                },
            }
        }
    return spec


class ColdKernel:
    """A kernel started from nothing, in the jail (or, where settings say so, outside of it)."""

    has_probe = False

    def __init__(self, place: RunFolders, uid: int, settings: Settings, data: str = "") -> None:
        manager = KernelManager(kernel_spec_manager=_OneSpec(), transport="ipc")
        manager.kernel_spec_manager.spec = _kernel_spec(place, uid, settings, data)
        manager.ip = str(place.sockets / "k")
        manager.connection_file = str(place.sockets / "c.json")
        manager.cache_ports = False
        self._manager = manager
        self.sockets, self.sockets_inside = place.sockets, str(place.sockets)
        extra: dict[str, Any] = {} if settings.sandbox else {"cwd": str(place.work)}
        manager.write_connection_file()
        os.chmod(manager.connection_file, 0o600)
        if os.geteuid() == 0 and settings.sandbox:
            os.chown(manager.connection_file, uid, uid)
        self.group: cgroups.Group | None = None
        self.rooms: list[int] = []
        self.pid = 0
        with room.listen(place.work.parent) if settings.sandbox else contextlib.nullcontext() as listener:
            try:
                try:
                    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **extra)
                finally:
                    self.pid = int(getattr(manager.provisioner, "pid", None) or 0)
                if listener is not None:
                    self._move_in(listener, place, settings)
                self.client: BlockingKernelClient = manager.blocking_client()
                if self.rooms:
                    # The kernel's sockets lie in a folder that only those who hold it can reach.
                    self.sockets = pathlib.Path(f"/proc/self/fd/{self.rooms[1]}")
                    self.client.ip = str(self.sockets / "k")
                bounded(self.client)
                self.client.start_channels(hb=False)
            except BaseException:
                # Its channels too: a context that is collected with one of them open waits for it without end.
                self._end()
                raise

    def alive(self) -> bool:
        """Whether the kernel's process is there."""
        return bool(self._manager.is_alive())

    def kill(self) -> None:
        """End the kernel and everything it started (its process namespace goes with it)."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the kernel and free what belongs to it."""
        self.client.stop_channels()
        self._end()

    def _end(self) -> None:
        self.kill()
        with contextlib.suppress(Exception):
            self._manager.shutdown_kernel(now=True)
        if self.group is not None:
            self.group.close()
        for handle in self.rooms:
            os.close(handle)
        self.rooms = []
        self._manager.context.destroy(linger=0)

    def _move_in(self, listener: socket.socket, place: RunFolders, settings: Settings) -> None:
        """Fill the folders of the kernel that is about to start, count it from its first step, and let it go on.

        Raises
        ------
        KernelGone
            There is no such kernel.
        """
        self.group = cgroups.make(settings.limits)
        listener.settimeout(START_SECONDS)
        try:
            door, _ = listener.accept()
            with door:
                door.settimeout(START_SECONDS)
                _, self.rooms, _, _ = socket.recv_fds(door, 16, 8)
                for handle, folder in zip(self.rooms, (place.work, place.sockets), strict=False):
                    room.fill(handle, folder)
                place.hold(os.dup(self.rooms[0]))
                cgroups.first_to_go(self.pid)
                if self.group is not None:
                    self.group.join(self.pid)
                door.send(b"g")
        except (OSError, IndexError) as problem:
            raise KernelGone("kernel died") from problem


def bounded(client: BlockingKernelClient) -> None:
    """Bound what a kernel can make us hold, before the channels are opened."""
    context = client.context
    context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
    context.setsockopt(zmq.RCVHWM, MAX_WAITING)
    context.setsockopt(zmq.SNDTIMEO, int(1000 * SEND_SECONDS))
    context.setsockopt(zmq.LINGER, 0)
    context.setsockopt(zmq.RECONNECT_IVL, 5)


class Session:
    """Cells and questions for one kernel, with one budget of time for all of them.

    Parameters
    ----------
    kernel : Kernel
        A kernel that was just started.
    place : RunFolders
        Its folders.
    settings : Settings
        Limits.
    deadline : float
        `time.monotonic` after which nothing more is run.
    """

    def __init__(self, kernel: Any, place: RunFolders, settings: Settings, deadline: float) -> None:
        self.kernel, self.place, self.settings, self.deadline = kernel, place, settings, deadline
        self.client: BlockingKernelClient = kernel.client
        self.output_left = settings.limits.output_kb * 1024
        self._dropped = False
        self.watch = Watch(kernel, place.work, settings.limits)
        self._probes: list[Probe] = []
        self._poller = zmq.Poller()
        self._sockets: dict[Any, str] = {}
        for name in ("shell", "iopub", "stdin"):
            channel: Any = zmq.Socket.shadow(getattr(self.client, f"{name}_channel").socket.underlying)
            self._sockets[channel] = name
            self._poller.register(channel, zmq.POLLIN)

    # ------------------------------------------------------------------------------ messages
    def _messages(self, until: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield messages until the time is up; raise `KernelGone` when the kernel is.

        Where a probe's channel has something to read, ``("probe", {})`` is yielded.
        """
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return
            events = self._poller.poll(int(1000 * min(left, 0.1)) + 1)
            if not events and not self.kernel.alive():
                raise KernelGone(self.watch.state())
            for source, _ in events:
                if isinstance(source, int):
                    yield "probe", {}
                    continue
                message = self._receive(source)
                if message is not None:
                    yield self._sockets[source], message

    def listen(self, handle: int) -> None:
        """Watch a file descriptor too, a probe's channel."""
        self._poller.register(handle, zmq.POLLIN)

    def unlisten(self, handle: int) -> None:
        """Watch it no more."""
        with contextlib.suppress(KeyError):
            self._poller.unregister(handle)

    def _receive(self, source: Any) -> dict[str, Any] | None:
        try:
            frames = source.recv_multipart(zmq.NOBLOCK)
            if (
                self._sockets[source] == "iopub"
                and sum(map(len, frames)) > self.settings.limits.output_kb * 1024 + MAX_OVERHEAD
            ):
                # More than is kept of the whole notebook: not worth the time and memory of reading it.
                self._dropped = True
                return None
            _, frames = self.client.session.feed_identities(frames)
            return self.client.session.deserialize(frames)
        except zmq.Again:
            return None
        except Exception:
            # Unsigned, unreadable or malformed: whoever sent it, it is no message of the protocol.
            return None

    @contextlib.contextmanager
    def telling(self, otherwise: str = "") -> Iterator[None]:
        """Send something to the kernel; end one that takes nothing any more.

        Raises
        ------
        KernelGone
            It was ended; `otherwise` is its state, where that is known.
        """
        try:
            yield
        except zmq.Again:
            self.kernel.kill()
            raise KernelGone(otherwise or self.watch.state()) from None

    def wait_ready(self) -> None:
        """Wait until the kernel answers on both channels."""
        until = min(self.deadline, time.monotonic() + START_SECONDS)
        seen: set[str] = set()
        while time.monotonic() < until:
            with self.telling():
                self.client.kernel_info()
            for name, _ in self._messages(min(until, time.monotonic() + 0.25)):
                if name in ("shell", "iopub"):
                    seen.add(name)
                if {"shell", "iopub"} <= seen:
                    if self.settings.sandbox:
                        self.watch.begin()
                    return
        raise KernelGone("kernel died")

    def interrupt(self) -> None:
        """Ask the kernel to stop what it does."""
        with self.telling("timeout"):
            self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))

    # ------------------------------------------------------------------------------ cells
    def run(
        self, source: str, seconds: float | None = None, *, keep: bool = True, after: str = "", undrawn: bool = False
    ) -> CellRun:
        """Run a cell.

        Parameters
        ----------
        source : str
            Its code.
        seconds : float, optional
            How long it may take; by default what the settings say.
        keep : bool
            Whether it counts as a cell of the notebook: its number, its outputs.
        after : str
            An expression that the kernel evaluates when the cell has ended well (a message less than a cell of its own).
        undrawn : bool
            Whether figures are closed without being drawn (`photcheck.undrawn`).

        Raises
        ------
        KernelGone
            Where the kernel ends meanwhile, or cannot be stopped after its time.
        """
        started = time.monotonic()
        until = min(self.deadline, started + (seconds or self.settings.limits.cell_seconds))
        # What `client.execute` sends, with metadata.
        content = {
            "code": source,
            "silent": False,
            "store_history": keep,
            "user_expressions": {"after": after} if after else {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message = self.client.session.msg("execute_request", content, metadata={KEY: True} if undrawn else None)
        with self.telling():
            self.client.shell_channel.send(message)
        request = message["header"]["msg_id"]
        cell = CellRun("ok")
        finished = self._collect(request, cell, until, keep)
        if not finished:
            cell.status = "timeout"
            self._stop_or_kill(request)
        cell.seconds = time.monotonic() - started
        try:
            self.look(memory=True)
        except KernelGone as gone:
            gone.outputs = cell.outputs
            raise
        return cell

    def look(self, memory: bool = False) -> None:
        """End a kernel whose folder holds more than it may, however soon the cell or call that did it was done.

        With `memory`, one whose memory is full as well: what comes next would stop there for want of it, or give no answer.

        Raises
        ------
        KernelGone
            It was ended: who filled the folder or the memory is to be told, and not who came next.
        """
        if self.watch.too_many_files() or (memory and self.full()):
            self.kernel.kill()
            raise KernelGone(self.watch.state())

    def full(self) -> bool:
        """Tell whether the kernel's memory is full (`photgrader.sandbox.watch.FULL`)."""
        return self.watch.full()

    def _stop_or_kill(self, request: str) -> None:
        for _ in range(2):
            self.interrupt()
            if self._collect(request, CellRun("ok"), time.monotonic() + 1.5, False):
                return
        self.look(memory=True)
        self.kernel.kill()
        raise KernelGone("timeout")

    def _collect(self, request: str, cell: CellRun, until: float, keep: bool) -> bool:
        replied = idle = False
        for name, message in self._messages(until):
            if message.get("parent_header", {}).get("msg_id") != request:
                continue
            body = message.get("content")
            content: dict[str, Any] = body if isinstance(body, dict) else {}
            if name == "shell":
                replied = True
                if content.get("status") != "ok":
                    cell.status = "error"
                cell.execution_count = _small_int(content.get("execution_count"))
                payload = content.get("payload")
                cell.asked_to_end = isinstance(payload, list) and any(
                    isinstance(p, dict) and p.get("source") == "ask_exit" for p in payload[:20]
                )
            elif name == "iopub":
                if message.get("msg_type") == "status":
                    idle = idle or content.get("execution_state") == "idle"
                elif keep:
                    self._keep(cell, message)
            if replied and idle:
                break
        if keep and self._dropped:
            cell.cut, self._dropped = True, False
        return replied and idle

    def _keep(self, cell: CellRun, message: dict[str, Any]) -> None:
        kind = message.get("msg_type")
        if kind == "clear_output":
            cell.outputs.clear()
            return
        if kind not in ("stream", "display_data", "execute_result", "error"):
            return
        size = len(json.dumps(message.get("content"), default=str))
        if size > self.output_left:
            cell.cut = True
            return
        self.output_left -= size
        try:
            output = output_from_msg(message)
        except Exception:
            return
        last = cell.outputs[-1] if cell.outputs else None
        if kind == "stream" and last is not None and last.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            cell.outputs.append(output)

    # ------------------------------------------------------------------------------ probe
    def probe(self) -> Probe:
        """Start the probe in the kernel; it ends with the session, if not before."""
        self._probes.append(Probe(self))
        return self._probes[-1]

    def read_file(self, name: str, at_most: int) -> bytes | None:
        """Read a file that the submission wrote, from outside; None where it is missing, no file or too large."""
        path = self.place.folder / pathlib.PurePath(name).name
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > at_most:
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as stream:
            return stream.read(at_most)

    def cpu_seconds(self) -> float:
        """Return the processor time that the kernel and its processes have used so far."""
        return self.watch.cpu_seconds()

    def close(self) -> None:
        """End the kernel."""
        self.watch.stop()
        for probe in self._probes:
            probe.close()
        self.kernel.close()


def _small_int(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 10**6 else None


class ProbeSilent(Exception):
    """The probe gave no answer in time; the kernel is still there."""


#: Half of a character, as JSON writes it.
_HALVES = re.compile(rb"\\u[dD][89abcdefABCDEF]")
#: What a frame on a probe's channel begins with: the number of bytes that follow.
_LENGTH = struct.Struct(">Q")


class Probe:
    """Asks the probe in the kernel, one question at a time (see `photcheck.probe`).

    On a socket of its own in the folder of the kernel's: a question takes less than half of the time that it takes over
    the kernel's standard input, and a pipeline that is given right answers may ask ten thousand.
    """

    #: Cells run after the student's: nothing of theirs is needed but the variables.
    CODE = "import photcheck.probe as _p\n_p.serve_at(get_ipython().user_ns, {path!r})\n"

    def __init__(self, session: Session) -> None:
        self.session = session
        self._serial = ""
        self._buffer = bytearray()
        name = f"p{secrets.token_hex(8)}"
        path = session.kernel.sockets / name
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._channel = listener
        try:
            listener.bind(str(path))
            if os.geteuid() == 0:
                # For the user that the kernel runs as. The folder may be that user's own, who can put anything in this file's
                # place: a link is not followed.
                owner = os.lstat(session.place.work).st_uid
                os.chown(path, owner, owner, follow_symlinks=False)
            listener.listen(1)
            session.listen(listener.fileno())
            code = self.CODE.format(path=f"{session.kernel.sockets_inside}/{name}")
            with session.telling():
                self._request = session.client.execute(
                    code, store_history=False, allow_stdin=False, stop_on_error=False
                )
            self._channel = self._accept(listener, time.monotonic() + 20)
            self._receive(time.monotonic() + 20)
        except BaseException:
            self.close()
            raise
        finally:
            session.unlisten(listener.fileno())
            listener.close()
            path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket, until: float) -> socket.socket:
        for name, message in self.session._messages(min(until, self.session.deadline)):
            if name == "probe":
                channel, _ = listener.accept()
                self.session.unlisten(listener.fileno())
                self.session.listen(channel.fileno())
                return channel
            self._ended(name, message)
        raise ProbeSilent("no answer in time")

    def _ended(self, name: str, message: dict[str, Any]) -> None:
        if name == "shell" and message.get("parent_header", {}).get("msg_id") == self._request:
            raise ProbeSilent("the probe ended")

    def _receive(self, until: float) -> dict[str, Any]:
        for name, message in self.session._messages(min(until, self.session.deadline)):
            if name == "probe":
                answer = self._read()
                if answer is not None:
                    return answer
            self._ended(name, message)
        raise ProbeSilent("no answer in time")

    def _read(self) -> dict[str, Any] | None:
        """Read what is there; return the answer to the last question where it is complete, and drop what is none."""
        try:
            part = self._channel.recv(1 << 20, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            part = b""
        if not part:
            # The probe's end; the kernel may still tell which.
            self.session.unlisten(self._channel.fileno())
        self._buffer += part
        while len(self._buffer) >= _LENGTH.size:
            whole = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if whole > MAX_MESSAGE:
                # No probe would say that; nothing after it can be read either.
                self.session.unlisten(self._channel.fileno())
                self._buffer.clear()
            if len(self._buffer) < whole:
                return None
            body = bytes(self._buffer[_LENGTH.size : whole])
            del self._buffer[:whole]
            answer = _loads(body)
            if answer is not None and str(answer.get("id") or "") == self._serial:
                return answer
        return None

    def _send(self, message: dict[str, Any], until: float) -> None:
        body = json.dumps(message).encode()
        self._channel.settimeout(max(0.1, min(until, self.session.deadline) - time.monotonic()))
        try:
            self._channel.sendall(_LENGTH.pack(len(body)) + body)
        except OSError:
            # Whoever does not read will not answer either; `_receive` says what became of it.
            self.session.unlisten(self._channel.fileno())

    def close(self) -> None:
        """Close the channel; the probe ends with it."""
        if self._channel.fileno() >= 0:
            self.session.unlisten(self._channel.fileno())
            self._channel.close()

    def ask(
        self,
        message: dict[str, Any],
        seconds: float,
        upstream: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the answer; questions to `upstream` on the way are answered.

        Raises
        ------
        ProbeSilent
            No well-formed answer in time.
        KernelGone
            The kernel ended.
        """
        until = time.monotonic() + seconds
        self._serial = secrets.token_hex(8)
        self._send({**message, "id": self._serial}, until)
        while True:
            answer = self._receive(until)
            if answer.get("op") != "upstream":
                self.session.look(memory=_short_of_memory(answer))
                return answer
            reply = upstream(answer) if upstream else {"error": "there is nothing to ask for here"}
            self._send({**reply, "id": self._serial}, until)

    def stop(self) -> None:
        """End the probe; the kernel is free for other cells then.

        Raises
        ------
        ProbeSilent
            It does not end.
        """
        self._serial = secrets.token_hex(8)
        self._send({"op": "stop", "id": self._serial}, time.monotonic() + 5)
        try:
            self._receive(time.monotonic() + 5)
        except ProbeSilent as ended:
            if "ended" not in str(ended):
                raise
        finally:
            self.close()

    def recover(self) -> bool:
        """After a `ProbeSilent`: interrupt the call; return whether the probe answers again."""
        for _ in range(2):
            self.session.interrupt()
            with contextlib.suppress(ProbeSilent):
                self._receive(time.monotonic() + 1.5)
                return True
        return False


def _short_of_memory(answer: dict[str, Any]) -> bool:
    """Tell whether an answer says that the function stopped for want of memory (numpy's own error has a longer name)."""
    report = answer.get("report")
    error = report.get("error") if isinstance(report, dict) else None
    return isinstance(error, dict) and str(error.get("type")).endswith("MemoryError")


def _loads(body: bytes) -> dict[str, Any] | None:
    try:
        # What is not ASCII takes up to four times its length; the probe sends nothing else.
        value = wire.loads(body) if body.isascii() else None
        if _HALVES.search(body):
            # Halves of characters are no text: nobody could write down what is said of them. Pairs come out as they were.
            value = wire.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
