"""Grade many submissions: one a task, in processes of this machine or on a Dask cluster (`photgrader.cluster`).

One writer (`photgrader.writer`) puts the results into the gradebook as they arrive.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import logging
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import nbformat

from photgrader import course, integrity
from photgrader.grading import Submission, data_folder, default_starter, grade
from photgrader.nbgrader_plugin import grading_key, read_submission, submission_hash
from photgrader.settings import Settings
from photgrader.writer import merge

__all__ = ["Shared", "Task", "default_workers", "grade_task", "key_of", "merge", "run_here", "submissions", "unchanged"]

log = logging.getLogger("photgrader")
#: How often a submission is tried again whose worker was killed.
RETRIES = 3


@dataclass
class Task:
    """One submission to grade: everything that a worker needs, as plain data.

    Parameters
    ----------
    student, assignment, notebook : str
        Names.
    folder : str
        The submission's folder; a worker on another machine gets `content` instead.
    skeleton : str
        The notebook as handed out.
    settings : Settings
        Limits and the run's label.
    key : bytes
        The course's key.
    content : dict of str to bytes
        The submission's files, where the folder is not shared.
    """

    student: str
    assignment: str
    notebook: str
    folder: str
    skeleton: str
    settings: Settings
    key: bytes
    content: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> tuple[str, str, str]:
        """Assignment, student, notebook."""
        return self.assignment, self.student, self.notebook

    def light(self) -> Task:
        """Return the task without what a worker has already (`Shared`)."""
        return replace(self, skeleton="", settings=Settings(), key=b"")


@dataclass
class Shared:
    """What all tasks of a run have in common; it goes to a worker once.

    Parameters
    ----------
    skeletons : dict
        The notebooks as handed out, by assignment and notebook.
    settings : Settings
        Limits and the run's label.
    key : bytes
        The course's key.
    data : str
        Folder of the real data files on the worker.
    """

    skeletons: dict[tuple[str, str], str]
    settings: Settings
    key: bytes
    data: str = ""

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> Shared:
        """Return what these tasks share."""
        tasks = list(tasks)
        return cls({(t.assignment, t.notebook): t.skeleton for t in tasks}, tasks[0].settings, tasks[0].key, data_folder())

    def full(self, task: Task) -> Task:
        """Give a light task back what it lacks."""
        if task.skeleton:
            return task
        return replace(task, skeleton=self.skeletons[task.assignment, task.notebook], settings=self.settings, key=self.key)


class _Lines(logging.Handler):
    """Keeps what is logged while a submission is graded, for its own log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < 200:
            self.lines.append(f"{record.levelname.lower()}: {record.getMessage()[:500]}")


@functools.lru_cache(maxsize=8)
def _notebook(text: str) -> nbformat.NotebookNode:
    return nbformat.reads(text, as_version=4)


def grade_task(task: Task) -> dict[str, Any]:
    """Grade one submission in this process; return plain data: ``record``, ``notebook`` (text), ``log`` (text)."""
    skeleton = _notebook(task.skeleton)
    lines = _Lines()
    log.addHandler(lines)
    try:
        with _folder(task) as folder:
            intake, files, content = read_submission(folder, task.notebook, skeleton, task.settings)
        submission = Submission(task.student, task.assignment, task.notebook, intake, files)
        graded = grade(submission, task.settings, task.key, skeleton=skeleton)
    finally:
        log.removeHandler(lines)
    graded.record["key"] = grading_key(content, task.assignment, task.skeleton, task.settings)
    return {"record": graded.record, "notebook": nbformat.writes(graded.notebook), "log": "\n".join(lines.lines)}


@contextlib.contextmanager
def _folder(task: Task) -> Iterator[pathlib.Path]:
    """Give the submission's folder, made from its content where that travelled with the task."""
    if not task.content:
        yield pathlib.Path(task.folder)
        return
    with tempfile.TemporaryDirectory(prefix="pg-in-") as name:
        folder = pathlib.Path(name)
        for relative, body in task.content.items():
            path = folder / relative
            if folder.resolve() not in path.resolve().parents:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        yield folder


def submissions(root: pathlib.Path, assignment: str, student: str = "*") -> list[Task]:
    """Return the submissions of an assignment as tasks, by student.

    Raises
    ------
    CourseError
        Where there is no release of the assignment.
    """
    settings, key = course.settings(root), course.key(root)
    tasks = []
    for notebook in course.notebooks(root, assignment):
        skeleton = nbformat.writes(course.skeleton(root, assignment, notebook))
        for folder in sorted((root / "submitted").glob(f"{student}/{assignment}")):
            if folder.is_dir() and not folder.is_symlink():
                tasks.append(Task(folder.parent.name, assignment, notebook, str(folder), skeleton, settings, key))
    return tasks


def key_of(task: Task) -> str:
    """Return the hash of everything that the verdict on a submission depends on."""
    content = submission_hash(pathlib.Path(task.folder), task.notebook, task.settings)
    return grading_key(content, task.assignment, task.skeleton, task.settings)


def unchanged(root: pathlib.Path, task: Task, key: str | None = None) -> bool:
    """Tell whether a submission was graded already, with everything that its verdict depends on as it is now."""
    path = course.record_path(root, task.assignment, task.student)
    if not path.is_file() or not (root / "autograded" / task.student / task.assignment / f"{task.notebook}.ipynb").is_file():
        return False
    record = course.read_record(path)
    # A record that somebody has changed is no reason to leave a submission alone.
    return record is not None and record.get("key") == (key or key_of(task)) and integrity.verify(record, task.key)


# ------------------------------------------------------------------------------------------------ processes
class _Ended(BaseException):
    """Asks a worker to end, by way of its own clearing up; nothing on the way takes it for an error."""


def _end(number: int, frame: Any) -> None:
    raise _Ended


def _serve(channel: multiprocessing.connection.Connection, shared: Shared, work: Callable[[Task], dict[str, Any]]) -> None:
    """Be a worker: grade what comes until the channel is closed."""
    # Ctrl-C reaches the whole group of processes; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    if shared.data:
        os.environ["PHOTCOURSE_DATA"] = shared.data
    else:
        os.environ.pop("PHOTCOURSE_DATA", None)
    try:
        start = default_starter(shared.settings)
        if hasattr(start, "prepare"):
            start.prepare(shared.settings, data_folder())
        while True:
            task = channel.recv()
            try:
                answer: dict[str, Any] | str = work(shared.full(task))
            except Exception as problem:
                log.error("%s", traceback.format_exc())
                answer = f"the grader failed ({type(problem).__name__}: {problem})"
            channel.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError, _Ended):
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if "photgrader.sandbox.warm" in sys.modules:
            sys.modules["photgrader.sandbox.warm"].close()


class _Worker:
    """A worker process and what it works on."""

    def __init__(self, context: Any, shared: Shared, work: Callable[[Task], dict[str, Any]]) -> None:
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, shared, work), name="photgrader-worker")
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


def _context() -> Any:
    """Return how processes are made: forked from a server that has imported the grader once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["photgrader.parallel"])
    return context


def run_here(tasks: list[Task], workers: int, work: Callable[[Task], dict[str, Any]] = grade_task) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    """Grade in processes of this machine; yield each task with its result, or with a sentence where it had none.

    A killed worker costs its task a new try and nothing else. No more results are held than there are workers.
    """
    if not tasks:
        return
    context, shared = _context(), Shared.of(tasks)
    waiting = collections.deque((task, 0) for task in tasks)
    tries: dict[tuple[str, str, str], int] = {}
    pool: list[_Worker] = []
    try:
        while waiting or any(w.task for w in pool):
            while waiting and len(pool) < min(workers, len(waiting) + sum(w.task is not None for w in pool)):
                pool.append(_Worker(context, shared, work))
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


def default_workers() -> int:
    """Return how many processes to use: one per processor that this process may run on."""
    return len(os.sched_getaffinity(0))
