"""One grading run: what is to do, done in parallel, written into the gradebook as it arrives, and told."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from photgrader import coursedir
from photgrader.coursedir import deadlines
from photgrader.coursedir.record import Record
from photgrader.exercise import exercises_of
from photgrader.gradebook import app, backups, penalties, plugin, writer
from photgrader.grading import processes
from photgrader.runs import cluster, parallel
from photgrader.sandbox import warm


def grade_assignment(
    course_root: pathlib.Path,
    assignment: str,
    student: str,
    workers: int,
    force: bool,
    console: Console | None = None,
    scheduler: str = "",
    parent: warm.ParentHandle | None = None,
) -> dict[str, Any]:
    """Grade and say how it goes.

    Parameters
    ----------
    course_root : Path
        The course.
    assignment, student : str
        What to grade; ``"*"`` is everybody's.
    workers : int
        Processes on this machine.
    force : bool
        Whether to grade again what has not changed.
    console : Console, optional
        Where to say it.
    scheduler : str
        Address of a Dask scheduler, to grade there instead.
    parent : ParentHandle, optional
        A warm parent that was started already.

    Returns
    -------
    dict
        Numbers of ``graded`` and ``unchanged`` submissions, ``failed`` (student to reason), ``states`` and ``seconds``.

    Raises
    ------
    CourseError
        One sentence, where the run could not begin or go on. What was graded stays.
    """
    console = console or _console()
    with writer.grading_lock(course_root):
        writer.check_gradebook(course_root)
        due = deadlines.load_deadlines(course_root)
        tasks = parallel.submissions(course_root, assignment, student)
        if not tasks:
            raise coursedir.CourseError(parallel.nobody(course_root, assignment, student))
        writer.require_assignment(course_root, assignment)
        plugin.remove_empty(course_root, assignment)
        with writer.disk_full_told():
            backups.backup_gradebook(course_root)
        writer.index_gradebook(course_root)
        # A slip in an exercise's file is told once, before a submission is touched; the server imports them while we come here.
        require_exercises(assignment)
        started = time.perf_counter()
        run = GradingRun(course_root, assignment, console, workers)
        if student == "*":
            run.failed = coursedir.left_out(course_root, assignment)
            for sentence in coursedir.alike(course_root):
                console.print(sentence)
            writer.forget_spooled(course_root, assignment, (t.name for t in tasks))
        todo = run.choose(tasks, force)
        if todo:
            run.follow(
                todo,
                cluster.run_on_cluster(todo, scheduler)
                if scheduler
                else parallel.run_here(todo, workers, parent=parent),
            )
        if assignment in due:
            # Of those unchanged too: the file may be another one since they were graded.
            with app.gradebook(course_root) as gradebook:
                penalties.apply_deadlines(
                    gradebook, course_root, app.nbgrader_app(course_root).config, assignment, student
                )
        for name, reason in run.failed.items():
            console.print(f"{name} was not graded: {reason}. Run the command again.")
        seconds = time.perf_counter() - started
        graded = run.merged
        rate = f" in {seconds:.1f} s ({seconds / graded:.1f} s each)" if graded else ""
        console.print(f"{graded} graded{rate}, {run.unchanged} unchanged since last time, {len(run.failed)} failed.")
    return {
        "graded": graded,
        "unchanged": run.unchanged,
        "failed": run.failed,
        "states": run.states,
        "seconds": round(seconds, 3),
    }


def require_exercises(assignment: str) -> None:
    """See to it that an assignment's exercises can be imported, by the server of grading processes where it has done so.

    Raises
    ------
    CourseError
        They cannot.
    """
    slip = None
    if os.environ.get(processes.VARIABLE) == assignment:
        with contextlib.suppress(EOFError):
            slip = processes.slip_in(assignment)
    if slip is None:
        exercises_of(assignment)
    elif slip:
        raise coursedir.CourseError(slip)


def _console() -> Console:
    # What stands in brackets is a name as any other, and no style; without a terminal, 80 columns would cut what is told.
    console = Console(stderr=True, markup=False, emoji=False)
    return console if console.is_terminal else Console(stderr=True, width=150, markup=False, emoji=False)


class GradingRun:
    """One grading run: what is to do, what came back, what is in the gradebook."""

    def __init__(self, course_root: pathlib.Path, assignment: str, console: Console, workers: int = 1) -> None:
        self.root, self.assignment, self.console, self.workers = course_root, assignment, console, workers
        self.failed: dict[str, str] = {}
        self.states: dict[str, int] = {}
        self.unchanged = self.merged = 0
        self._busy: coursedir.CourseError | None = None
        #: Of submissions of several notebooks: what is graded, until all of it is.
        self._held: collections.defaultdict[str, list[dict[str, Any]]] = collections.defaultdict(list)

    def choose(self, tasks: list[parallel.Task], force: bool) -> list[parallel.Task]:
        """Return what has to be graded; merge what an interrupted run had graded already."""
        todo = []
        # Of those that nothing is known of there is nothing to compare.
        graded = {} if force else parallel.graded_as(self.root, tasks)
        known = [t for t in tasks if not force and (t.name in graded or writer.has_spooled(self.root, *t.name))]
        keys = parallel.keys_of(known, self.workers)
        for task in tasks:
            key = keys.get(task.name, "")
            if key and key == graded.get(task.name):
                self.unchanged += 1
                continue
            kept = writer.spooled_result(self.root, task.assignment, task.student, task.notebook, key) if key else None
            if kept is None:
                todo.append(task)
            else:
                self._held[task.student].append(kept)
        for student in self._held.keys() - {t.student for t in todo}:
            self._merge(student)
        return todo

    def follow(self, todo: list[parallel.Task], results: Iterator[tuple[parallel.Task, dict[str, Any] | str]]) -> None:
        """Write down results as they arrive, and show how it goes."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[states]}"),
        )
        started, left = time.perf_counter(), collections.Counter(t.student for t in todo)
        with Progress(*columns, console=self.console) as progress:
            bar = progress.add_task(f"grading {self.assignment}", total=len(todo), states="", rate="")
            try:
                for number, (task, result) in enumerate(results, 1):
                    if isinstance(result, str):
                        self.failed[task.student] = result
                        self._count("failed")
                    else:
                        self._held[task.student].append(result)
                    left[task.student] -= 1
                    if not left[task.student]:
                        self._merge(task.student)
                    elif not isinstance(result, str):
                        self._keep([result])
                    progress.update(
                        bar,
                        advance=1,
                        states=", ".join(f"{n} {s}" for s, n in sorted(self.states.items())),
                        rate=f"{number / (time.perf_counter() - started):.1f}/s",
                    )
            finally:
                results.close()  # type: ignore[attr-defined]
        if self._busy is not None:
            raise self._busy

    def _merge(self, student: str) -> None:
        """Write what is graded of a submission into the gradebook, or keep it on disk for the next run."""
        results = self._held.pop(student, [])
        if not results or student in self.failed:
            # Where a notebook has no result, the others wait.
            self._keep(results)
            return
        # Who was waited for in vain is not waited for again, for seconds with each submission.
        if self._busy is not None and writer.held_by_another(self.root):
            self._keep(results)
            self._count("kept")
            return
        try:
            writer.merge(self.root, *results, patience=writer.PATIENCE if self._busy is None else ())
        except writer.Refused as problem:
            # One submission that nbgrader cannot take is no reason to stop for the others.
            self.failed[student] = str(problem)
            self._count("failed")
            return
        except coursedir.CourseError as problem:
            self._keep(results)
            if not isinstance(problem, writer.GradebookBusy):
                raise
            # Grading goes on: what waits needs no gradebook yet.
            self._busy = problem
            self._count("kept")
            return
        self.merged += len(results)
        for state in (Record.read(result["record"]).state for result in results):
            self._count(state)
            if state == "grader fault":
                logs = (coursedir.state_folder(self.root) / "logs" / self.assignment).relative_to(self.root)
                self.failed[student] = (
                    f"the grader failed on it, and {logs} says how; a person is asked until it is graded"
                )

    def _keep(self, results: list[dict[str, Any]]) -> None:
        for result in results:
            writer.spool(self.root, result)

    def _count(self, state: str) -> None:
        self.states[state] = self.states.get(state, 0) + 1
