"""Processes that open what students handed in: limited, watched from outside, ended where they take too long.

Whoever leads a run opens, reads and hashes nothing of a student's: a worker does, in a process whose memory is limited
(`photgrader.grading.task.serve`) and whose time is kept here.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from photgrader.grading.processes import context, interrupts_held
from photgrader.grading.task import READY, RETRIES, STOPPED, RunContext, Task, grade_task, serve
from photgrader.sandbox import warm

log = logging.getLogger("photgrader")
#: How long a worker may take to start, with all that it imports, on a busy machine.
START_SECONDS = 300.0


class Worker:
    """A worker process and what it works on.

    Parameters
    ----------
    parent : ParentHandle, optional
        A warm parent that workers share.
    shared : RunContext
        What all tasks have in common.
    work : callable
        What is done with a task.
    """

    def __init__(
        self, parent: warm.ParentHandle | None, shared: RunContext, work: Callable[[Task], dict[str, Any]] = grade_task
    ) -> None:
        made_by = context()
        self.channel, theirs = made_by.Pipe()
        self._settings = shared.settings
        self.process = made_by.Process(target=serve, args=(theirs, parent, shared, work), name="photgrader-worker")
        with _children_allowed(), interrupts_held():
            self.process.start()
        theirs.close()
        self.task: Task | None = None
        self._ready = False
        self._until = time.monotonic() + START_SECONDS

    def give(self, task: Task) -> bool:
        """Hand over a task; False where the worker is gone."""
        try:
            self.channel.send(task.without_context())
        except OSError:
            return False
        self.task = task
        if self._ready:
            self._until = time.monotonic() + task.seconds(self._settings)
        return True

    def take(self) -> dict[str, Any] | str | None:
        """Return the answer, or None where the worker was killed; `READY` is none yet."""
        try:
            answer = self.channel.recv()
        except (EOFError, OSError):
            return None
        if answer == READY:
            self._ready = True
            self._until = time.monotonic() + (self.task.seconds(self._settings) if self.task is not None else 0.0)
        return answer

    @property
    def seconds_left(self) -> float:
        """How long its task may still take; without end where it has none."""
        return self._until - time.monotonic() if self.task is not None else float("inf")

    def end(self, at_once: bool = False) -> None:
        """End the process, with what it started."""
        self.channel.close()
        if self.task is not None and self.process.is_alive():
            (self.process.kill if at_once else self.process.terminate)()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


@contextlib.contextmanager
def _children_allowed() -> Any:
    """Let a worker of a cluster have a process of its own, which multiprocessing keeps from those that end with their parent.

    Ours ends when the channel is closed, however that comes.
    """
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    daemon = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = daemon


def tried_again(task: Task, answer: str | None, tries: int) -> Task | str:
    """Return what becomes of a task that has no result: the task for another try, put aside if need be, or why it is given up.

    Parameters
    ----------
    task : Task
        The task.
    answer : str or None
        What came in place of a result (`photgrader.grading.task.STOPPED`, or a sentence); None where the worker ended.
    tries : int
        How often a worker has ended with it.
    """
    if task.stopped:
        return answer if answer is not None and answer not in STOPPED else "it could not be graded, nor put aside"
    if answer is None and tries <= RETRIES:
        log.warning("the worker that graded %s was killed; it is tried again", task.student)
        return task
    state = "grader fault" if answer is None else answer
    if state not in STOPPED:
        return state
    log.warning("%s is put aside: %s", task.student, state)
    return replace(task, stopped=state)


class Hand:
    """One worker, kept for the next task: for who grades one submission after the other (nbgrader's autograde, a cluster's worker)."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._made_for: Any = None

    def do(
        self, task: Task, shared: RunContext, work: Callable[[Task], dict[str, Any]] = grade_task
    ) -> dict[str, Any] | str:
        """Return the result of a task, or a sentence why there is none."""
        current: Task | str = task
        tries = 0
        while isinstance(current, Task):
            worker = self._made(shared, work)
            answer: dict[str, Any] | str | None = READY if worker.give(current) else None
            while answer == READY:
                answer = worker.take() if worker.channel.poll(max(0.0, worker.seconds_left)) else "took too long"
            if answer is not None and answer != "took too long":
                worker.task = None
            else:
                worker.end(at_once=True)
                self._worker = None
                tries += answer is None
            if isinstance(answer, dict):
                return answer
            if work is not grade_task and answer is not None:
                # What only looks or reads has nothing to put aside.
                return answer
            current = tried_again(current, answer, tries)
        return current

    def _made(self, shared: RunContext, work: Callable[[Task], dict[str, Any]]) -> Worker:
        made_for = (repr(shared.settings), shared.key, shared.data, sorted(shared.skeletons.items()), work)
        if self._worker is not None and self._made_for != made_for:
            self.close()
        if self._worker is None:
            self._worker, self._made_for = Worker(None, shared, work), made_for
        return self._worker

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None
