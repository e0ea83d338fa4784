"""How grading processes are made: forked from a server that imports the grader once.

A light module, so that the server can be started before the command itself has imported anything.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
from collections.abc import Iterator
from typing import Any


def context() -> Any:
    """Return how processes are made: forked from a server that has imported the grader."""
    made = multiprocessing.get_context("forkserver")
    # What comparators import only where they need it, too: each process that is forked would import it anew.
    made.set_forkserver_preload(["photgrader.grading.task", "scipy.spatial"])
    return made


def start_server() -> None:
    """Start the server; it imports while the caller does other things."""
    context()
    with interrupts_held():
        multiprocessing.forkserver.ensure_running()


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back from what is started here, and from this thread until it is started.

    Ctrl-C reaches every process of the terminal's group. One that Python is still starting would end with Python's own
    traceback, before any line of ours. The server keeps what it was started with for each process that it makes, so a worker
    begins with Ctrl-C held back, and says itself what becomes of it (`photgrader.grading.task.serve`). Nothing is lost: here it
    arrives when this ends.
    """
    # Its own start would let Ctrl-C through again.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def default_workers() -> int:
    """Return how many processes to use: one per processor that this process may run on."""
    return len(os.sched_getaffinity(0))
