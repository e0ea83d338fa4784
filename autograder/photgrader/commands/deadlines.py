"""``photgrader deadlines``."""

from __future__ import annotations

import pathlib
from typing import Any

import click
from rich.table import Table

from photgrader.commands.common import EXIT_FINDING, OUTPUT, root, screen, write_json
from photgrader.coursedir import deadlines
from photgrader.gradebook import app, penalties, writer
from photgrader.release.build import source_assignments


@click.command()
@click.option(
    "--apply",
    "apply_now",
    is_flag=True,
    help="Write dates, extensions and penalties into the gradebook now, for what is graded already.",
)
@click.option(
    "--example", is_flag=True, help="Print an example of deadlines.yaml with every setting, and nothing else."
)
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write everything to FILE (- is the screen).")
def command(apply_now: bool, example: bool, json_file: pathlib.Path | None) -> None:
    """Show due dates, extensions and late penalties as deadlines.yaml gives them, and what looks like a slip in it.

    Grading applies them by itself. After a change of the file, or after written answers were marked, feedback and exports
    bring the penalties up to date; --apply does it at once, and grades nothing again. Ends with 1 where a name in the file
    is unknown to the course.

    \b
    Examples:
      photgrader deadlines --example > deadlines.yaml
      photgrader deadlines
      photgrader deadlines --apply
      photgrader deadlines --json -
    """
    if example:
        click.echo(deadlines.EXAMPLE, nl=False)
        return
    course_root = root()
    known = deadlines.load_deadlines(course_root)
    changes: list[penalties.PenaltyChange] = []
    with app.gradebook(course_root) as gradebook:
        students = {s.id for s in gradebook.students}
        if apply_now:
            with writer.grading_lock(course_root):
                changes = penalties.apply_deadlines(gradebook, course_root, app.nbgrader_app(course_root).config)
    doubts = penalties.slips(known, source_assignments(course_root), students)
    if json_file is not None:
        write_json(
            json_file,
            {
                "deadlines": [as_json(d) for d in known.values()],
                "doubts": doubts,
                "changes": [vars(c) for c in changes],
            },
        )
    if str(json_file) != "-":
        _tell(known, changes, doubts, apply_now)
    if doubts:
        raise SystemExit(EXIT_FINDING)


def as_json(deadline: deadlines.Deadline) -> dict[str, Any]:
    """Return a deadline as plain data."""
    return {
        "assignment": deadline.assignment,
        "due": deadline.due.isoformat(),
        "grace_minutes": deadline.grace.total_seconds() / 60,
        "percent_per_day": deadline.percent_per_day,
        "cap_percent": deadline.cap_percent,
        "extensions": {s: t.isoformat() for s, t in sorted(deadline.extensions.items())},
    }


def _tell(
    known: dict[str, deadlines.Deadline], changes: list[penalties.PenaltyChange], doubts: list[str], applied: bool
) -> None:
    if not known:
        click.echo(
            f"There is no {deadlines.NAME} that names an assignment: nothing is due, nothing is late. "
            "`photgrader deadlines --example` prints one to begin with."
        )
        return
    table = Table(title="Deadlines", title_justify="left")
    for head in ("assignment", "due", "grace", "a day", "at most", "extensions"):
        table.add_column(head)
    for d in known.values():
        longer = "\n".join(f"{s}: {t:%Y-%m-%d %H:%M}" for s, t in sorted(d.extensions.items()))
        table.add_row(
            d.assignment,
            f"{d.due:%Y-%m-%d %H:%M} {d.due.tzname()}",
            f"{d.grace.total_seconds() / 60:g} min",
            f"{d.percent_per_day:g} %",
            f"{d.cap_percent:g} %",
            longer,
        )
    screen().print(table)
    for change in changes:
        click.echo(f"{change.assignment}, {change.student}: penalty {change.before:g} is now {change.now:g} points.")
    if applied and not changes:
        click.echo("Dates are in the gradebook; no penalty has changed.")
    for doubt in doubts:
        click.echo(f"Look again: {doubt}.", err=True)
