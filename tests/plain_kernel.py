"""A kernel for quick tests: IPython's own, forked from the tests' process, in no jail and with no limits of its own.

Everything outside of it is the real thing: the session's sockets, the probe's channel, the times, the judge. What it runs is
written by the tests themselves.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import importlib
import os
import secrets
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from traitlets.config import Application

from photgrader.coursedir.settings import Settings
from photgrader.gradebook import plugin
from photgrader.grading import grade, task
from photgrader.quality import measure
from photgrader.runs import parallel
from photgrader.sandbox import warm, warm_parent
from photgrader.sandbox.jail import RunFolders
from photgrader.sandbox.session import bounded


class PlainKernel:
    """A forked kernel, as `photgrader.sandbox.session.Kernel` asks for one."""

    has_probe = True
    group = None
    kind = "PlainKernel"

    def __init__(self, place: RunFolders, uid: int, settings: Settings, data: str = "") -> None:
        self.rooms: list[int] = []
        self.sockets, self.sockets_inside = place.sockets, str(place.sockets)
        key = secrets.token_hex(16)
        _warm()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _be_a_kernel(key, place)
        self._ended = False
        self.client = BlockingKernelClient(
            transport="ipc", ip=str(place.sockets / "k"), shell_port=1, iopub_port=2, stdin_port=3, hb_port=4, control_port=5
        )  # fmt: skip
        self.client.session.key = key.encode()
        bounded(self.client)
        self.client.start_channels(hb=False)

    def alive(self) -> bool:
        if not self._ended:
            self._ended = os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        return not self._ended

    def kill(self) -> None:
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        self.client.stop_channels()
        self.client.context.destroy(linger=0)
        if self.alive():
            # It may still write down which lines it ran; one that is at work ends without.
            os.kill(self.pid, signal.SIGTERM)
            until = time.monotonic() + 1.0
            while self.alive() and time.monotonic() < until:
                time.sleep(0.005)
            if self.alive():
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                self._ended = True


@functools.cache
def _warm() -> None:
    """Import once, and not in each kernel, what kernels are made of."""
    for name in warm_parent.MODULES:
        importlib.import_module(name)


def _be_a_kernel(key: str, place: RunFolders) -> None:
    """Be the kernel until it is ended."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(nothing, handle)
        if Application.initialized():
            # A command of nbgrader's that runs in the tests' process is an application, too, and a process has one.
            type(Application.instance()).clear_instance()
        # As in the jail, nothing of what the grader's environment says of its work is here.
        for name in [n for n in os.environ if n.startswith("NBGRADER_")]:
            del os.environ[name]
        os.environ["NBGRADER_EXECUTION"] = "autograde"
        warnings.resetwarnings()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        # Not a handler of the process: another thread could take the signal, and nothing would wake this one.
        loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
        os.chdir(place.work)
        warm_parent.KERNEL = str(place.sockets)
        warm_parent.make_app(key).start()
    finally:
        os._exit(1)


class Starter:
    """Starts kernels, as `photgrader.grading.run.cold` does, and keeps them for who wants to look."""

    def __init__(self) -> None:
        self.started: list[PlainKernel] = []

    def __call__(self, place: Any, uid: int, settings: Settings, data: str) -> PlainKernel:
        self.started.append(PlainKernel(place, uid, settings, data))
        return self.started[-1]


class Here:
    """Stands for a pool of workers: does what it is given in this process, when results are asked for."""

    def __init__(
        self, parent: Any, shared: task.RunContext, work: Callable[..., Any] = task.grade_task, workers: int = 1
    ):
        self._shared, self._work = shared, work
        self._waiting: collections.deque[task.Task] = collections.deque()

    @property
    def left(self) -> int:
        return len(self._waiting)

    def put(self, one: task.Task) -> None:
        self._waiting.append(one)

    def start(self) -> None:
        pass

    def results(self, seconds: float = 5.0) -> list[tuple[task.Task, Any]]:
        if not self._waiting:
            return []
        one = self._waiting.popleft()
        return [(one, task._answer(self._shared.with_context(one), self._work))]

    def close(self) -> None:
        self._waiting.clear()


def in_this_process(patch: pytest.MonkeyPatch) -> Starter:
    """Have everything graded in the tests' own process, by plain kernels; return what starts them."""
    starter = Starter()
    for module in (grade, measure):
        patch.setattr(module, "default_starter", lambda settings: starter)
    patch.setattr(parallel, "Pool", Here)
    patch.setattr(warm, "parent_for_workers", lambda settings, data, imports=None: contextlib.nullcontext())
    patch.setattr(
        plugin._HAND, "do", lambda one, shared, work=task.grade_task: task._answer(shared.with_context(one), work)
    )
    return starter
