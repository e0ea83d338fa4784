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

from photgrader.sandbox.room import keep_paths_short

#: Names the assignment whose exercises the server imports.
VARIABLE = "PHOTGRADER_PRELOADED"


def context() -> Any:
    """Return how processes are made: forked from a server that has imported the grader."""
    keep_paths_short()
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["photgrader.grading.task", "photgrader.grading.preload"])
    return made


def start_server(assignment: str = "") -> None:
    """Start the server; it imports while the caller does other things, the exercises of an assignment too where one is named.

    To whoever goes on for longer than a run, exercises can change: name none.
    """
    context()
    os.environ[VARIABLE] = assignment
    with interrupts_held():
        multiprocessing.forkserver.ensure_running()


def slip_in(assignment: str) -> str:
    """Return what is wrong with an assignment's exercises, asked where the server has imported them; empty where nothing is.

    Raises
    ------
    EOFError
        The process that was asked ended.
    """
    ours, theirs = context().Pipe()
    process = context().Process(target=_tell_slip, args=(theirs, assignment))
    with interrupts_held():
        process.start()
    theirs.close()
    try:
        return str(ours.recv())
    finally:
        ours.close()
        process.join()


def _tell_slip(channel: Any, assignment: str) -> None:
    from photgrader.coursedir import CourseError
    from photgrader.exercise import exercises_of

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        exercises_of(assignment)
    except CourseError as problem:
        channel.send(str(problem))
    else:
        channel.send("")


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
