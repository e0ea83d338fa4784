"""Grade many submissions: one a task, in processes of this machine or on a Dask cluster (`photgrader.runs.cluster`).

One writer (`photgrader.gradebook.writer`) puts the results into the gradebook as they arrive.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import multiprocessing.connection
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import nbformat

from photgrader import coursedir
from photgrader.coursedir import signatures
from photgrader.gradebook.writer import merge
from photgrader.grading.hashes import grading_key
from photgrader.grading.intake import submission_hash, submitted_at
from photgrader.runs.processes import context, default_workers
from photgrader.runs.task import RETRIES, Shared, Task, grade_task, serve
from photgrader.sandbox import warm

__all__ = ["Shared", "Task", "default_workers", "grade_task", "key_of", "merge", "nobody", "run_here", "submissions", "unchanged"]

log = logging.getLogger("photgrader")


def submissions(root: pathlib.Path, assignment: str, student: str = "*") -> list[Task]:
    """Return the submissions of an assignment as tasks, by student.

    Raises
    ------
    CourseError
        Where there is no release of the assignment.
    """
    settings, key = coursedir.settings(root), coursedir.key(root)
    tasks = []
    for notebook in coursedir.notebooks(root, assignment):
        released = coursedir.skeleton(root, assignment, notebook)
        coursedir.require_python_notebook(released, notebook)
        skeleton = nbformat.writes(released)
        for folder in sorted((root / "submitted").glob(f"{student}/{assignment}")):
            if folder.is_dir() and not folder.is_symlink():
                tasks.append(Task(folder.parent.name, assignment, notebook, str(folder), skeleton, settings, key,
                                  submitted=submitted_at(folder)))
    return tasks


def nobody(root: pathlib.Path, assignment: str, student: str) -> str:
    """Say who has handed in, where those asked for have not."""
    there = sorted(p.parent.name for p in (root / "submitted").glob(f"*/{assignment}") if p.is_dir())
    if not there:
        return f"There are no submissions of {assignment} in submitted/. Collect them first: photgrader collect {assignment}"
    return (f"No submission of {assignment} is by {student!r}; the {len(there)} that are in submitted/ are by {', '.join(there[:8])}"
            f"{' ...' if len(there) > 8 else ''}.")


def key_of(task: Task) -> str:
    """Return the hash of everything that the verdict on a submission depends on."""
    content = submission_hash(pathlib.Path(task.folder), task.notebook, task.settings)
    return grading_key(content, task.assignment, task.skeleton, task.settings)


def unchanged(root: pathlib.Path, task: Task, key: str | None = None) -> bool:
    """Tell whether a submission was graded already, with everything that its verdict depends on as it is now."""
    path = coursedir.record_path(root, task.assignment, task.student)
    if not path.is_file() or not (root / "autograded" / task.student / task.assignment / f"{task.notebook}.ipynb").is_file():
        return False
    record = coursedir.read_record(path)
    # A record that somebody has changed is no reason to leave a submission alone.
    return record is not None and record.get("key") == (key or key_of(task)) and signatures.verify(record, task.key)


# ------------------------------------------------------------------------------------------------ processes
class _Worker:
    """A worker process and what it works on."""

    def __init__(self, context: Any, parent: warm.ParentHandle | None, shared: Shared, work: Callable[[Task], dict[str, Any]]) -> None:
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, parent, shared, work), name="photgrader-worker")
        self.process.start()
        theirs.close()
        self.task: Task | None = None

    def give(self, task: Task) -> bool:
        """Hand over a task; False where the worker is gone."""
        try:
            self.channel.send(task.light())
        except OSError:
            return False
        self.task = task
        return True

    def take(self) -> dict[str, Any] | str | None:
        """Return the answer, or None where the worker was killed."""
        try:
            return self.channel.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """End the process, with what it started."""
        self.channel.close()
        if self.task is not None and self.process.is_alive():
            self.process.terminate()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def run_here(tasks: list[Task], workers: int, work: Callable[[Task], dict[str, Any]] = grade_task,
             parent: warm.ParentHandle | None = None) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    """Grade in processes of this machine; yield each task with its result, or with a sentence where it had none.

    A killed worker costs its task a new try and nothing else. No more results are held than there are workers.

    Parameters
    ----------
    tasks : list of Task
        What to do.
    workers : int
        How many processes at most.
    work : callable
        What is done with a task.
    parent : ParentHandle, optional
        A warm parent that was started already; by default one is started, for all workers.
    """
    if not tasks:
        return
    shared = Shared.of(tasks)
    with contextlib.nullcontext(parent) if parent is not None else warm.parent_for_workers(shared.settings, shared.data) as parent:
        yield from _run_here(tasks, workers, parent, shared, work)


def _run_here(tasks: list[Task], workers: int, parent: warm.ParentHandle | None, shared: Shared,
              work: Callable[[Task], dict[str, Any]]) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    made_by = context()
    waiting = collections.deque((task, 0) for task in tasks)
    tries: dict[tuple[str, str, str], int] = {}
    pool: list[_Worker] = []
    try:
        while waiting or any(w.task for w in pool):
            while waiting and len(pool) < min(workers, len(waiting) + sum(w.task is not None for w in pool)):
                pool.append(_Worker(made_by, parent, shared, work))
            for worker in [w for w in pool if w.task is None]:
                if waiting and worker.give(waiting[0][0]):
                    task, tries_before = waiting.popleft()
                    tries[task.name] = tries_before
            for worker in _ready(pool):
                task_done, answer = worker.task, worker.take()
                if answer is None:
                    pool.remove(worker)
                    worker.end()
                    if task_done is not None:
                        yield from _again(task_done, tries, waiting)
                    continue
                worker.task = None
                # The worker goes on with the next one while the caller writes this one down.
                if waiting and worker.give(waiting[0][0]):
                    task, tries_before = waiting.popleft()
                    tries[task.name] = tries_before
                assert task_done is not None
                yield task_done, answer
    finally:
        for worker in pool:
            worker.channel.close()
            if worker.task is not None and worker.process.is_alive():
                worker.process.terminate()
        for worker in pool:
            worker.end()


def _ready(pool: list[_Worker]) -> list[_Worker]:
    if not pool:
        return []
    ready = set(multiprocessing.connection.wait([w.channel for w in pool], timeout=5))
    return [w for w in pool if w.channel in ready]


def _again(task: Task, tries: dict[tuple[str, str, str], int], waiting: collections.deque[tuple[Task, int]]) -> Iterator[tuple[Task, str]]:
    """Queue a task whose worker was killed for another try, or give it up."""
    count = tries.get(task.name, 0) + 1
    if count > RETRIES:
        yield task, "its worker was killed again and again"
        return
    log.warning("the worker that graded %s was killed; it is tried again", task.student)
    waiting.appendleft((task, count))
