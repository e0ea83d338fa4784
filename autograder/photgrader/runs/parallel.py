"""Grade many submissions: one a task, in processes of this machine or on a Dask cluster (`photgrader.runs.cluster`).

One writer (`photgrader.gradebook.writer`) puts the results into the gradebook as they arrive.
"""

from __future__ import annotations

import collections
import contextlib
import multiprocessing.connection
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import nbformat
from nbgrader.api import Assignment, SubmittedAssignment

from photgrader import coursedir
from photgrader.coursedir import signatures
from photgrader.coursedir.packages import imports_for
from photgrader.gradebook import app
from photgrader.gradebook.hidden_tests import skeleton_to_grade
from photgrader.gradebook.writer import merge
from photgrader.grading.processes import default_workers
from photgrader.grading.task import READY, RunContext, Task, grade_task, look_task
from photgrader.grading.worker import Worker, tried_again
from photgrader.sandbox import warm

__all__ = [
    "Pool",
    "RunContext",
    "Task",
    "default_workers",
    "grade_task",
    "graded_as",
    "keys_of",
    "merge",
    "nobody",
    "run_here",
    "submissions",
    "unchanged",
]


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
        released = skeleton_to_grade(root, assignment, notebook)
        coursedir.require_python_notebook(released, notebook)
        skeleton = nbformat.writes(released)
        others = coursedir.other_notebooks(root, assignment, notebook)
        tasks += [
            Task(
                folder.parent.name,
                assignment,
                notebook,
                str(folder),
                skeleton,
                settings,
                key,
                others=others,
                releases=str(root / "release"),
            )
            for folder in coursedir.submitted(root, assignment, student)
        ]
    # All of one student's come after each other: they go into the gradebook together.
    return sorted(tasks, key=lambda task: task.student)


def keys_of(tasks: list[Task], workers: int = 1) -> dict[tuple[str, str, str], str]:
    """Return the hashes of everything that the verdicts on submissions depend on, by `Task.name`; empty where one could not be had.

    The files are a student's: a worker reads them.
    """
    if not tasks:
        return {}
    found = {task.name: answer for task, answer in _run_here(tasks, workers, None, RunContext.of(tasks), look_task)}
    return {
        name: answer["key"] if isinstance(answer, dict) and "key" in answer else "" for name, answer in found.items()
    }


def nobody(root: pathlib.Path, assignment: str, student: str) -> str:
    """Say who has handed in, where those asked for have not."""
    there = [p.parent.name for p in coursedir.submitted(root, assignment)]
    known = sorted({p.name for kind in ("source", "release") for p in (root / kind).glob("*/")})
    if assignment not in known:
        return f"There is no assignment {assignment!r}; there are {', '.join(known) or 'none'}."
    out = [f"{n}: {why}." for n, why in coursedir.left_out(root, assignment).items() if student in ("*", n)]
    if out:
        return f"Nothing can be graded. {' '.join(out)}"
    if not there:
        return f"There are no submissions of {assignment} in submitted/. Collect them first: photgrader collect {assignment}"
    return (
        f"No submission of {assignment} is by {student!r}; the {len(there)} that are in submitted/ are by {', '.join(there[:8])}"
        f"{' ...' if len(there) > 8 else ''}."
    )


def unchanged(root: pathlib.Path, tasks: list[Task], workers: int = 1) -> set[tuple[str, str, str]]:
    """Return the names (`Task.name`) of submissions that are graded, with everything that the verdicts depend on as it is now."""
    known = graded_as(root, tasks)
    keys = keys_of([task for task in tasks if task.name in known], workers)
    return {name for name, key in keys.items() if key and key == known[name]}


def graded_as(root: pathlib.Path, tasks: list[Task]) -> dict[tuple[str, str, str], str]:
    """Return the keys that submissions were graded with, by `Task.name`, where the gradebook has the marks and the record can be trusted."""
    found = {}
    written = _in_gradebook(root, {task.assignment for task in tasks})
    for task in tasks:
        path = coursedir.record_path(root, task.assignment, task.student, task.notebook)
        page = root / "autograded" / task.student / task.assignment / f"{task.notebook}.ipynb"
        if (task.assignment, task.student) in written and path.is_file() and page.is_file():
            record = coursedir.read_record(path)
            # A record that somebody has changed is no reason to leave a submission alone.
            if record is not None and record.key and signatures.verify(record.source, task.key):
                found[task.name] = record.key
    return found


def _in_gradebook(root: pathlib.Path, assignments: set[str]) -> set[tuple[str, str]]:
    """Return assignment and student of each submission in the gradebook; there is none of a student who was taken out of it, say."""
    if not assignments:
        return set()
    with app.gradebook(root) as gradebook:
        rows = gradebook.db.query(Assignment.name, SubmittedAssignment.student_id).join(
            SubmittedAssignment, SubmittedAssignment.assignment_id == Assignment.id
        )
        return {(name, student) for name, student in rows.filter(Assignment.name.in_(assignments))}


# ------------------------------------------------------------------------------------------------ processes
def run_here(
    tasks: list[Task],
    workers: int,
    work: Callable[[Task], dict[str, Any]] = grade_task,
    parent: warm.ParentHandle | None = None,
) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    """Grade in processes of this machine; yield each task with its result, or with a sentence where it had none.

    A killed worker costs its task a new try and nothing else; one that takes too long is ended, its task gets a record that
    says so, and the next one goes on. No more results are held than there are workers.

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
    shared = RunContext.of(tasks)
    imports = imports_for(coursedir.released_code(pathlib.Path(shared.releases).parent, tasks[0].assignment))
    with (
        contextlib.nullcontext(parent)
        if parent is not None
        else warm.parent_for_workers(shared.settings, shared.data, imports) as parent
    ):
        yield from _run_here(tasks, workers, parent, shared, work)


def _run_here(
    tasks: list[Task],
    workers: int,
    parent: warm.ParentHandle | None,
    shared: RunContext,
    work: Callable[[Task], dict[str, Any]],
) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    pool = Pool(parent, shared, work, workers)
    try:
        for task in tasks:
            pool.put(task)
        while pool.left:
            yield from pool.results()
    finally:
        pool.close()


class Pool:
    """Workers that tasks are given to as they come; made as they are needed, kept until the pool is closed.

    Parameters
    ----------
    parent : ParentHandle, optional
        A warm parent that the workers share.
    shared : RunContext
        What all tasks have in common.
    work : callable
        What is done with a task.
    workers : int
        How many processes at most.
    """

    def __init__(
        self,
        parent: warm.ParentHandle | None,
        shared: RunContext,
        work: Callable[[Task], dict[str, Any]] = grade_task,
        workers: int = 1,
    ) -> None:
        self._parent, self._shared, self._work, self._most = parent, shared, work, workers
        self._waiting: collections.deque[Task] = collections.deque()
        self._tries: collections.Counter[tuple[str, str, str]] = collections.Counter()
        self._workers: list[Worker] = []

    @property
    def left(self) -> int:
        """How many tasks have no result yet."""
        return len(self._waiting) + sum(w.task is not None for w in self._workers)

    def put(self, task: Task) -> None:
        """Add a task at the end."""
        self._waiting.append(task)

    def start(self) -> None:
        """Start the workers before there is anything to do."""
        while len(self._workers) < self._most:
            self._workers.append(Worker(self._parent, self._shared, self._work))

    def results(self, seconds: float = 5.0) -> list[tuple[Task, dict[str, Any] | str]]:
        """Hand out what waits, and return what has come back within some seconds, each task with its result or a sentence why it has none."""
        while self._waiting and len(self._workers) < min(self._most, self.left):
            self._workers.append(Worker(self._parent, self._shared, self._work))
        for worker in [w for w in self._workers if w.task is None]:
            if self._waiting and worker.give(self._waiting[0]):
                self._waiting.popleft()
        done: list[tuple[Task, dict[str, Any] | str | None]] = []
        for worker in _ready(self._workers, seconds):
            task, answer = worker.task, worker.take()
            if answer == READY:
                continue
            if answer is None:
                self._workers.remove(worker)
                worker.end()
            worker.task = None
            # The worker goes on with the next one while the caller writes this one down.
            if answer is not None and self._waiting and worker.give(self._waiting[0]):
                self._waiting.popleft()
            if task is not None:
                done.append((task, answer))
        for worker in [w for w in self._workers if w.seconds_left <= 0]:
            assert worker.task is not None
            done.append((worker.task, "took too long"))
            self._workers.remove(worker)
            worker.end(at_once=True)
        return [(task, again) for task, answer in done if not isinstance(again := self._again(task, answer), Task)]

    def _again(self, task: Task, answer: dict[str, Any] | str | None) -> Task | dict[str, Any] | str:
        """Return a result, or the task where it is tried again, which it then waits for at the front."""
        if isinstance(answer, dict):
            self._tries.pop(task.name, None)
            return answer
        self._tries[task.name] += answer is None
        again = tried_again(task, answer, self._tries[task.name])
        if isinstance(again, Task):
            self._waiting.appendleft(again)
        else:
            self._tries.pop(task.name, None)
        return again

    def close(self) -> None:
        """End the workers, and what they work on."""
        for worker in self._workers:
            worker.channel.close()
            if worker.task is not None and worker.process.is_alive():
                worker.process.terminate()
        for worker in self._workers:
            worker.end()
        self._workers = []


def _ready(pool: list[Worker], seconds: float) -> list[Worker]:
    if not pool:
        return []
    soonest = min([seconds, *(w.seconds_left for w in pool)])
    ready = set(multiprocessing.connection.wait([w.channel for w in pool], timeout=max(0.0, soonest)))
    return [w for w in pool if w.channel in ready]
