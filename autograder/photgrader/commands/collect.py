"""``photgrader collect``."""

from __future__ import annotations

import pathlib
from dataclasses import asdict

import click

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, OUTPUT, root, write_json
from photgrader.gradebook import app


@click.command()
@click.argument("assignment", type=ASSIGNMENT)
@click.option("--student", default="*", metavar="NAME", help="Collect of one student only.")
@click.option(
    "--update/--no-update",
    default=True,
    show_default=True,
    help="Take a newer hand-in in place of one collected before.",
)
@click.option("--before-duedate", is_flag=True, help="Take the last hand-in before the due date, where there is one.")
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write what was done to FILE (- is the screen).")
def command(assignment: str, student: str, update: bool, before_duedate: bool, json_file: pathlib.Path | None) -> None:
    """Take what was handed in of ASSIGNMENT from nbgrader's exchange into submitted/.

    The same as `nbgrader collect --update` and the formgrader's button, with one line for each hand-in that was refused: one
    that is not its student's own, that is too large, or whose name holds no time. Others are collected all the same.

    Exit code 1 where something was refused.

    \b
    Examples:
      photgrader collect ps1_psf_photometry
      photgrader collect ps1_psf_photometry --student ada --before-duedate
      photgrader collect ps1_psf_photometry --json -
    """
    from nbgrader.exchange import ExchangeError

    api = app.nbgrader_api(root())
    api.coursedir.assignment_id, api.coursedir.student_id = assignment, student
    collect = api.exchange.Collect(coursedir=api.coursedir, authenticator=api.authenticator, parent=api)
    collect.update, collect.before_duedate = update, before_duedate
    try:
        collect.start()
    except ExchangeError as problem:
        raise coursedir.CourseError(f"{assignment} cannot be collected: {problem}") from problem
    refused = [o for o in collect.outcomes if o.what == "refused"]
    if json_file is not None:
        write_json(json_file, [asdict(o) for o in collect.outcomes])
    if str(json_file) != "-":
        for outcome in refused:
            click.echo(outcome.sentence)
        count = {
            what: sum(o.what == what for o in collect.outcomes) for what in ("collected", "updated", "kept", "refused")
        }
        click.echo(
            f"{assignment}: {count['collected']} collected, {count['updated']} taken in place of an older one, {count['kept']} as before, {count['refused']} refused."
        )
    if refused:
        raise SystemExit(EXIT_FINDING)
