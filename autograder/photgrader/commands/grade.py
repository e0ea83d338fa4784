"""``photgrader grade``."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from photgrader import cluster, course, deadlines, integrity, nbgrader_plugin, parallel, writer
from photgrader.cli import ASSIGNMENT, EXIT_FINDING, root
from photgrader.sandbox.jail import require_sandbox

LOUD = "THE SANDBOX IS OFF: student code runs with your rights, and every result is marked as unsafe."
INTERRUPTED = "Stopped. What was graded is in the gradebook; run the command again for the rest."


@click.command()
@click.argument("assignment", type=ASSIGNMENT)
@click.option("--student", default="*", help="One student's id; by default everybody's.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="A Dask scheduler: grade on its workers instead (tcp://HOST:8786).")
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=pathlib.Path), help="Write all records to FILE.")
@click.option("--run", "run_label", default=None, help="Label of this grading run: another label means other hidden cases.")
@click.option("--unsafe-no-sandbox", is_flag=True, help="Run student code without a sandbox. Only for code that you wrote yourself.")
def command(assignment: str, student: str, workers: int | None, scheduler: str, force: bool, json_file: pathlib.Path | None,
            run_label: str | None, unsafe_no_sandbox: bool) -> None:
    """Grade the submissions of ASSIGNMENT in the sandbox, in parallel, into nbgrader's gradebook.

    Only what changed since the last time is graded: a submission, the assignment, an exercise, a package. Each
    student has a log in .photgrader/logs/ASSIGNMENT/.

    \b
    Examples:
      photgrader grade ps1_psf_photometry
      photgrader grade ps1_psf_photometry --student ada --force
      photgrader grade ps1_psf_photometry --workers 8 --json records.json
      photgrader grade ps1_psf_photometry --scheduler tcp://127.0.0.1:8786
    """
    course_root = root()
    settings = course.settings(course_root)
    settings = dataclasses.replace(settings, sandbox=settings.sandbox and not unsafe_no_sandbox, run=run_label or settings.run)
    if settings.sandbox and not scheduler:
        require_sandbox()
    if not settings.sandbox:
        click.secho(LOUD, fg="red", bold=True, err=True)
    with course.settings_override(settings):
        try:
            summary = grade_assignment(course_root, assignment, student, workers or parallel.default_workers(), force, scheduler=scheduler)
        except KeyboardInterrupt:
            click.echo(INTERRUPTED, err=True)
            raise SystemExit(130) from None
    records = [r for r in course.read_records(course_root, assignment) if student in ("*", r["student"])]
    if json_file is not None:
        with writer.disk_full_told():
            course.write_atomically(json_file, json.dumps({"assignment": assignment, **summary, "records": records}, indent=1) + "\n")
    if summary["failed"]:
        raise SystemExit(EXIT_FINDING)


def grade_assignment(course_root: pathlib.Path, assignment: str, student: str, workers: int, force: bool,
                     console: Console | None = None, scheduler: str = "") -> dict[str, Any]:
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

    Returns
    -------
    dict
        Numbers of ``graded`` and ``unchanged`` submissions, ``failed`` (student to reason), ``states`` and ``seconds``.

    Raises
    ------
    CourseError
        One sentence, where the run could not begin or go on. What was graded stays.
    """
    console = console or Console(stderr=True)
    with writer.grading_lock(course_root):
        writer.check_gradebook(course_root)
        with writer.disk_full_told():
            integrity.backup_gradebook(course_root)
        due = deadlines.load_deadlines(course_root)
        tasks = parallel.submissions(course_root, assignment, student)
        if not tasks:
            raise course.CourseError(f"There are no submissions of {assignment} in submitted/. Collect them first: nbgrader collect {assignment}")
        started = time.perf_counter()
        run = _Run(course_root, assignment, console)
        todo = run.choose(tasks, force)
        if todo:
            run.follow(todo, cluster.run_on_cluster(todo, scheduler) if scheduler else parallel.run_here(todo, workers))
        if assignment in due:
            # Of those unchanged too: the file may be another one since they were graded.
            with nbgrader_plugin.gradebook(course_root) as gradebook:
                deadlines.apply_deadlines(gradebook, course_root, course.nbgrader_app(course_root).config, assignment, student)
        for name, reason in run.failed.items():
            console.print(f"{name} was not graded: {reason}. Run the command again.")
        seconds = time.perf_counter() - started
        graded = run.merged
        rate = f" in {seconds:.1f} s ({graded / seconds:.1f} a second)" if graded else ""
        console.print(f"{graded} graded{rate}, {run.unchanged} unchanged since last time, {len(run.failed)} failed.")
    return {"graded": graded, "unchanged": run.unchanged, "failed": run.failed, "states": run.states, "seconds": round(seconds, 3)}


class _Run:
    """One grading run: what is to do, what came back, what is in the gradebook."""

    def __init__(self, course_root: pathlib.Path, assignment: str, console: Console) -> None:
        self.root, self.assignment, self.console = course_root, assignment, console
        self.failed: dict[str, str] = {}
        self.states: dict[str, int] = {}
        self.unchanged = self.merged = 0
        self._busy: course.CourseError | None = None

    def choose(self, tasks: list[parallel.Task], force: bool) -> list[parallel.Task]:
        """Return what has to be graded; merge what an interrupted run had graded already."""
        todo = []
        for task in tasks:
            key = "" if force else parallel.key_of(task)
            if not force and parallel.unchanged(self.root, task, key):
                self.unchanged += 1
                continue
            kept = None if force else writer.kept_result(self.root, task.assignment, task.student, task.notebook, key)
            if kept is None:
                todo.append(task)
            else:
                self._merge(task, kept)
        return todo

    def follow(self, todo: list[parallel.Task], results: Iterator[tuple[parallel.Task, dict[str, Any] | str]]) -> None:
        """Write down results as they arrive, and show how it goes."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn(),
                   TimeRemainingColumn(), TextColumn("{task.fields[states]}"))
        started = time.perf_counter()
        with Progress(*columns, console=self.console) as progress:
            bar = progress.add_task(f"grading {self.assignment}", total=len(todo), states="", rate="")
            try:
                for number, (task, result) in enumerate(results, 1):
                    if isinstance(result, str):
                        self.failed[task.student] = result
                        self._count("failed")
                    else:
                        writer.keep(self.root, result)
                        self._merge(task, result)
                    progress.update(bar, advance=1, states=", ".join(f"{n} {s}" for s, n in sorted(self.states.items())),
                                    rate=f"{number / (time.perf_counter() - started):.1f}/s")
            finally:
                results.close()  # type: ignore[attr-defined]
        if self._busy is not None:
            raise self._busy

    def _merge(self, task: parallel.Task, result: dict[str, Any]) -> None:
        try:
            writer.merge(self.root, result, writer.PATIENCE if self._busy is None else ())
        except writer.GradebookBusy as busy:
            # Grading goes on: results are kept on disk and need no gradebook yet.
            self._busy = busy
            self._count("kept")
            return
        except writer.Refused as problem:
            # One submission that nbgrader cannot take is no reason to stop for the others.
            self.failed[task.student] = str(problem)
            self._count("failed")
            return
        self.merged += 1
        self._count(result["record"]["state"])

    def _count(self, state: str) -> None:
        self.states[state] = self.states.get(state, 0) + 1
