"""``photgrader grade``."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import gc
import os
import pathlib

import click

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, OUTPUT, root, write_json
from photgrader.coursedir.deadlines import load_deadlines
from photgrader.coursedir.packages import imports_for
from photgrader.coursedir.settings import data_folder
from photgrader.grading import processes
from photgrader.sandbox.jail import require_sandbox

LOUD = "THE SANDBOX IS OFF: student code runs with your rights, and every result is marked as unsafe."
INTERRUPTED = "Stopped. What was graded is in the gradebook; run the command again for the rest."


def _some_never_graded(course_root: pathlib.Path, assignment: str, student: str) -> bool:
    """Tell whether there will be something to grade: a submission that never was, where nothing that is seen at a glance is in its way."""
    load_deadlines(course_root)
    places = (course_root / "autograded", coursedir.state_folder(course_root) / "records")
    if any(os.path.lexists(place) and not place.is_dir() for place in places):
        return False
    # Of a release that is gone or damaged there is none.
    return coursedir.released_code(course_root, assignment) != "" and any(
        not coursedir.record_path(course_root, assignment, folder.parent.name).is_file()
        for folder in coursedir.submitted(course_root, assignment, student)
    )


@click.command()
@click.argument("assignment", type=ASSIGNMENT)
@click.option("--student", default="*", help="One student's id, or a pattern as 'lo*'; by default everybody's.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="A Dask scheduler: grade on its workers instead (tcp://HOST:8786).",
)
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write all records to FILE.")
@click.option(
    "--run", "run_label", default=None, help="Label of this grading run: another label means other hidden cases."
)
@click.option(
    "--unsafe-no-sandbox",
    is_flag=True,
    help="Run student code without a sandbox. Only for code that you wrote yourself.",
)
def command(
    assignment: str,
    student: str,
    workers: int | None,
    scheduler: str,
    force: bool,
    json_file: pathlib.Path | None,
    run_label: str | None,
    unsafe_no_sandbox: bool,
) -> None:
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
    settings = coursedir.settings(course_root)
    settings = dataclasses.replace(
        settings, sandbox=settings.sandbox and not unsafe_no_sandbox, run=run_label or settings.run
    )
    if settings.sandbox and not scheduler:
        require_sandbox()
    if not settings.sandbox:
        click.secho(LOUD, fg="red", bold=True, err=True)
    try:
        with contextlib.ExitStack() as early, coursedir.settings_override(settings):
            parent = None
            if not scheduler and (force or _some_never_graded(course_root, assignment, student)):
                # The grading processes' server and the warm parent import beside us.
                processes.start_server(assignment)
                from photgrader.sandbox import warm

                imports = imports_for(coursedir.released_code(course_root, assignment))
                parent = early.enter_context(warm.parent_for_workers(settings, data_folder(), imports))
            # Nothing of what is imported is garbage.
            gc.disable()
            from photgrader.runs.run import grade_assignment

            gc.freeze()
            gc.enable()
            summary = grade_assignment(
                course_root,
                assignment,
                student,
                workers or processes.default_workers(),
                force,
                scheduler=scheduler,
                parent=parent,
            )
    except KeyboardInterrupt:
        click.echo(INTERRUPTED, err=True)
        raise SystemExit(130) from None
    if json_file is not None:
        records = [
            r.source
            for records in coursedir.read_each(course_root, assignment)
            for r in records
            if fnmatch.fnmatchcase(r.student, student)
        ]
        write_json(json_file, {"assignment": assignment, **summary, "records": records})
    if summary["failed"]:
        raise SystemExit(EXIT_FINDING)
