"""One submission as a task, and the worker that grades it: all that a grading process needs, and no nbgrader.

To import nbgrader takes a process longer than to grade a submission; only the one that writes into the gradebook does.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import functools
import json
import logging
import multiprocessing.connection
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import nbformat

from photgrader.coursedir import CourseError, trees
from photgrader.coursedir.packages import packages_in_use, use_packages
from photgrader.coursedir.settings import Packages, Settings, SettingsError, data_folder
from photgrader.exercise.released import use_release
from photgrader.grading.bounded import limit_address_space
from photgrader.grading.finding import Forbidden, Unreadable, require_readable, submitted_at
from photgrader.grading.grade import grade
from photgrader.grading.hashes import grading_key
from photgrader.grading.intake import read_submission, submission_hash, take_in
from photgrader.grading.run import Submission, default_starter
from photgrader.sandbox.jail import SandboxMissing
from photgrader.sandbox.session import NotStarted

if TYPE_CHECKING:
    from photgrader.sandbox import warm

log = logging.getLogger("photgrader")
#: How often a submission is tried again whose worker was killed.
RETRIES = 3
#: What is said of a submission that a worker was ended for, by state.
STOPPED = {
    "took too long": "Your submission kept the grader longer than it may, beside its own running time, and was put aside",
    "took too much memory": "Your submission made the grader use more memory than it may, and was put aside",
    "grader fault": "The grader failed on your submission",
}
#: A worker's first word: how long its start takes on a busy machine is no task's time.
READY = "ready"
#: What of a submission travels to another machine.
MAX_FILES, MAX_BYTES = 2000, 200_000_000


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
    submitted : tuple, optional
        When it was made, and whether that could be read, where its files travel without their times.
    others : dict of str to frozenset of str
        The marks of the assignment's other notebooks, by name (`photgrader.coursedir.other_notebooks`).
    stopped : str
        Why it is not opened any more (a state, `STOPPED`): a worker was ended for it.
    releases : str
        The folder of the course's releases.
    """

    student: str
    assignment: str
    notebook: str
    folder: str
    skeleton: str
    settings: Settings
    key: bytes
    content: dict[str, bytes] = field(default_factory=dict)
    submitted: tuple[datetime.datetime | None, bool] | None = None
    others: dict[str, frozenset[str]] = field(default_factory=dict)
    stopped: str = ""
    releases: str = ""

    @property
    def name(self) -> tuple[str, str, str]:
        """Assignment, student, notebook."""
        return self.assignment, self.student, self.notebook

    def seconds(self, settings: Settings) -> float:
        """Return how long a worker may take for it: the notebook's own time, and a fixed one for the judge."""
        return settings.limits.judge_seconds + (0 if self.stopped else settings.limits.notebook_seconds)

    def without_context(self) -> Task:
        """Return the task without what a worker has already (`RunContext`)."""
        return replace(self, skeleton="", settings=Settings(), key=b"")


@dataclass
class RunContext:
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
    releases : str
        Folder of the course's releases; a worker on another machine need not have it.
    packages : Packages
        Those of the course in use.
    """

    skeletons: dict[tuple[str, str], str]
    settings: Settings
    key: bytes
    data: str = ""
    packages: Packages = field(default_factory=packages_in_use)
    releases: str = ""

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> RunContext:
        """Return what these tasks share."""
        tasks = list(tasks)
        return cls(
            {(t.assignment, t.notebook): t.skeleton for t in tasks},
            tasks[0].settings,
            tasks[0].key,
            data_folder(),
            releases=tasks[0].releases,
        )

    def with_context(self, task: Task) -> Task:
        """Give a task back what it lacks."""
        if task.skeleton:
            return task
        return replace(
            task, skeleton=self.skeletons[task.assignment, task.notebook], settings=self.settings, key=self.key
        )


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
    """Grade one submission in this process; return plain data: ``record``, ``notebook`` (text), ``log`` (text),
    ``files`` that the notebook wrote (base64)."""
    skeleton = _notebook(task.skeleton)
    lines = _Lines()
    log.addHandler(lines)
    started = time.monotonic()
    _forget_most_held()
    files: dict[str, bytes] = {}
    submitted, content = task.submitted or (None, True), ""
    try:
        if task.stopped:
            intake = take_in(None, skeleton, problem=Unreadable(task.stopped, f"{STOPPED[task.stopped]}."))
        else:
            with _folder(task) as folder:
                submitted = task.submitted or submitted_at(folder)
                intake, files, content = read_submission(
                    folder, task.notebook, skeleton, task.settings, submitted, task.others
                )
        submission = Submission(task.student, task.assignment, task.notebook, intake, files)
        graded = grade(submission, task.settings, task.key, skeleton=skeleton)
    finally:
        log.removeHandler(lines)
    # Whoever was put aside is tried again by the next run.
    key = grading_key(content, task.assignment, task.skeleton, task.settings) if content else ""
    record = replace(graded.record, key=key, submitted=submitted[0].isoformat() if submitted[0] is not None else "")
    # Of what came before its record only: the seconds and megabytes that the limits of a process that grades are about.
    lines.lines.append(f"the grader's own process: {time.monotonic() - started:.2f} s, {_most_held_mb()} MB at most")
    wrote = {name: base64.b64encode(body).decode("ascii") for name, body in graded.wrote.items()}
    return {
        "record": record.write(),
        # What nbformat writes has a line for every line of source, in Python: several times the work.
        "notebook": json.dumps(graded.notebook),
        "log": "\n".join(lines.lines),
        "files": wrote,
    }


def _forget_most_held() -> None:
    """Have the system count anew how much memory this process holds at most."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def _most_held_mb() -> int:
    """Return how many megabytes this process has held at most, as the system counts them; 0 where it does not say."""
    with contextlib.suppress(OSError, IndexError):
        return int(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) >> 10
    return 0


def look_task(task: Task) -> dict[str, Any]:
    """Return the key of a submission as it is now (`photgrader.grading.hashes.grading_key`)."""
    content = submission_hash(pathlib.Path(task.folder), task.notebook, task.settings)
    return {"key": grading_key(content, task.assignment, task.skeleton, task.settings)}


def read_task(task: Task) -> dict[str, Any]:
    """Return the files of a submission and its time, to be sent to another machine; ``forbidden``, a sentence, where they may not be read."""
    content: dict[str, bytes] = {}
    total = 0
    folder = pathlib.Path(task.folder)
    try:
        require_readable(folder)
    except Forbidden as problem:
        return {"forbidden": str(problem)}
    for entry in trees.files_below(folder):
        total += entry.stat(follow_symlinks=False).st_size
        if len(content) >= MAX_FILES or total > MAX_BYTES:
            break
        content[pathlib.Path(entry.path).relative_to(folder).as_posix()] = pathlib.Path(entry.path).read_bytes()
    return {"content": content, "submitted": submitted_at(folder)}


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


class _Ended(BaseException):
    """Asks a worker to end, by way of its own clearing up; nothing on the way takes it for an error."""


def _end(number: int, frame: Any) -> None:
    # Once: who is asked again while clearing up goes on with that.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Ended


def serve(
    channel: multiprocessing.connection.Connection,
    parent: warm.ParentHandle | None,
    shared: RunContext,
    work: Callable[[Task], dict[str, Any]],
) -> None:
    """Be a worker: do what comes until the channel is closed.

    Parameters
    ----------
    channel : Connection
        Where tasks come from and answers go.
    parent : warm.ParentHandle, optional
        The warm parent of all workers; without one, this worker starts its own.
    shared : RunContext
        What all tasks have in common.
    work : callable
        What is done with a task.
    """
    # Ctrl-C reaches the whole group of processes; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # It was held back until here (`photgrader.grading.processes.interrupts_held`); kernels are stopped by it.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    limit_address_space(shared.settings.limits.judge_mb << 20)
    try:
        try:
            signal.signal(signal.SIGTERM, _end)
            _work(channel, parent, shared, work)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except _Ended:
        # Wherever it was asked to, the lines above included; from here on it cannot be.
        pass
    finally:
        if "photgrader.sandbox.warm" in sys.modules:
            sys.modules["photgrader.sandbox.warm"].close()


def _work(
    channel: multiprocessing.connection.Connection,
    parent: warm.ParentHandle | None,
    shared: RunContext,
    work: Callable[[Task], dict[str, Any]],
) -> None:
    """Do what comes, without end."""
    use_packages(shared.packages)
    use_release(shared.releases)
    if shared.data:
        os.environ["PHOTCOURSE_DATA"] = shared.data
    else:
        os.environ.pop("PHOTCOURSE_DATA", None)
    start = default_starter(shared.settings) if work not in (look_task, read_task) else None
    if start is not None and hasattr(start, "prepare"):
        if parent is not None:
            start.adopt(parent)  # type: ignore[attr-defined]
        start.prepare(shared.settings, data_folder(), ())
    channel.send(READY)
    while True:
        task = channel.recv()
        channel.send(_answer(shared.with_context(task), work))


def _answer(task: Task, work: Callable[[Task], dict[str, Any]]) -> dict[str, Any] | str:
    """Do a task; where that fails, return why: a state (`STOPPED`) where it may lie with the submission, else a sentence."""
    try:
        return work(task)
    except Forbidden as problem:
        return str(problem)
    except (SandboxMissing, SettingsError, CourseError, NotStarted) as problem:
        return f"the grader failed ({problem})"
    except MemoryError:
        return "took too much memory"
    except Exception as problem:
        log.error("%s", traceback.format_exc())
        return "grader fault" if not task.stopped else f"the grader failed ({type(problem).__name__}: {problem})"
