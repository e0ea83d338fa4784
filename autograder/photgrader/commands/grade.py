"""``photgrader grade``."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from photgrader import course, parallel
from photgrader.cli import EXIT_FINDING, root
from photgrader.sandbox.jail import require_sandbox

LOUD = "THE SANDBOX IS OFF: student code runs with your rights, and every result is marked as unsafe."


@click.command()
@click.argument("assignment")
@click.option("--student", default="*", help="One student's id; by default everybody's.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=pathlib.Path), help="Write all records to FILE.")
@click.option("--run", "run_label", default=None, help="Label of this grading run: another label means other hidden cases.")
@click.option("--unsafe-no-sandbox", is_flag=True, help="Run student code without a sandbox. Only for code that you wrote yourself.")
def command(assignment: str, student: str, workers: int | None, force: bool, json_file: pathlib.Path | None, run_label: str | None,
            unsafe_no_sandbox: bool) -> None:
    """Grade the submissions of ASSIGNMENT in the sandbox, in parallel, into nbgrader's gradebook.

    Only what changed since the last time is graded: a submission, the assignment, an exercise, a package.

    \b
    Examples:
      photgrader grade ps1_psf_photometry
      photgrader grade ps1_psf_photometry --student ada --force
      photgrader grade ps1_psf_photometry --workers 8 --json records.json
    """
    course_root = root()
    settings = course.settings(course_root)
    settings = dataclasses.replace(settings, sandbox=settings.sandbox and not unsafe_no_sandbox, run=run_label or settings.run)
    if settings.sandbox:
        require_sandbox()
    else:
        click.secho(LOUD, fg="red", bold=True, err=True)
    with course.settings_override(settings):
        summary = grade_assignment(course_root, assignment, student, workers or parallel.default_workers(), force)
    records = [r for r in course.read_records(course_root, assignment) if student in ("*", r["student"])]
    if json_file is not None:
        course.write_atomically(json_file, json.dumps({"assignment": assignment, **summary, "records": records}, indent=1) + "\n")
    if summary["failed"]:
        raise SystemExit(EXIT_FINDING)


def grade_assignment(course_root: pathlib.Path, assignment: str, student: str, workers: int, force: bool,
                     console: Console | None = None) -> dict[str, Any]:
    """Grade and say how it goes; return numbers of graded, unchanged and failed submissions."""
    console = console or Console(stderr=True)
    tasks = parallel.submissions(course_root, assignment, student)
    if not tasks:
        raise course.CourseError(f"There are no submissions of {assignment} in submitted/. Collect them first: nbgrader collect {assignment}")
    todo = [t for t in tasks if force or not parallel.unchanged(course_root, t)]
    failed: dict[str, str] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[states]}"))
    states: dict[str, int] = {}
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(f"grading {assignment}", total=len(todo), states="")
        for task, result in parallel.run_here(todo, workers):
            if isinstance(result, str):
                failed[task.student] = result
                state = "failed"
            else:
                parallel.merge(course_root, result)
                state = result["record"]["state"]
            states[state] = states.get(state, 0) + 1
            progress.update(bar, advance=1, states=", ".join(f"{n} {s}" for s, n in sorted(states.items())))
    for name, reason in failed.items():
        console.print(f"{name} was not graded: {reason}. Run the command again.")
    console.print(f"{len(todo) - len(failed)} graded, {len(tasks) - len(todo)} unchanged since last time, {len(failed)} failed.")
    return {"graded": len(todo) - len(failed), "unchanged": len(tasks) - len(todo), "failed": failed}
