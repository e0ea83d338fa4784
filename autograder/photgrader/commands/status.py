"""``photgrader status``."""

from __future__ import annotations

import pathlib

import click
from rich.table import Table

from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, OUTPUT, check_assignment, root, screen, write_json
from photgrader.overview.status import AssignmentStatus, Standing, course_status, without_source
from photgrader.release.build import source_assignments


@click.command()
@click.argument("assignment", required=False, type=ASSIGNMENT)
@click.option(
    "--homes",
    default="",
    metavar="PATTERN",
    help="Where students' home folders are, as /home/{student}: tells who fetched. Who may not read them learns nothing.",
)
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write everything to FILE (- is the screen).")
@click.option("--check", is_flag=True, help="End with 1 where something is left to do.")
def command(assignment: str | None, homes: str, json_file: pathlib.Path | None, check: bool) -> None:
    """Show where the class stands: who fetched, handed in, was late, is graded and how, and what is to do next.

    Without ASSIGNMENT, a line for each assignment; with it, a line for each student. A * marks a due date of the student's
    own, "changed" what was graded and is another one now.

    \b
    Examples:
      photgrader status
      photgrader status ps1_psf_photometry --homes /home/{student}
      photgrader status --json - | jq '.[].counts'
      photgrader status ps1_psf_photometry --check && echo nothing left to do
    """
    course_root = root()
    known = source_assignments(course_root)
    if assignment is not None:
        check_assignment(assignment, known)
    if homes and "{student}" not in homes:
        raise click.UsageError("--homes needs {student} in it, as /home/{student}")
    found = course_status(course_root, [assignment] if assignment else known, homes)
    if json_file is not None:
        write_json(json_file, [f.as_json() for f in found])
    if str(json_file) != "-":
        console = screen()
        console.print(_students(found[0]) if assignment else _summary(found))
        for line in (line for f in found for line in f.work_left()):
            console.print(line, highlight=False)
    astray = [] if assignment else without_source(course_root, known)
    for sentence in astray:
        click.echo(sentence, err=True)
    if check and (astray or any(f.work_left() for f in found)):
        raise SystemExit(EXIT_FINDING)


def _summary(found: list[AssignmentStatus]) -> Table:
    table = Table(title="Where the class stands", title_justify="left")
    for head in ("assignment", "due"):
        table.add_column(head)
    heads = ("students", "fetched", "submitted", "late", "graded", "to grade", "to mark", "feedback", "released")
    for head in heads:
        table.add_column(head, justify="right")
    for f in found:
        c = f.counts()
        fetched = f"{c['fetched']}{'+?' if c['fetched_unknown'] else ''}"
        table.add_row(
            f.assignment,
            f.due[:16].replace("T", " "),
            str(c["students"]),
            fetched,
            *(str(c[h.replace(" ", "_")]) for h in heads[2:]),
        )
    return table


def _students(status: AssignmentStatus) -> Table:
    states = ", ".join(f"{n} {s}" for s, n in status.states().items())
    table = Table(title=f"{status.assignment}{': ' + states if states else ''}", title_justify="left")
    for head in ("student", "fetched", "handed in (UTC)", "late", "graded", "state", "points", "to mark", "feedback"):
        table.add_column(head, justify="right" if head in ("late", "points", "to mark") else "left")
    for s in status.students:
        table.add_row(
            s.student,
            "?" if s.fetched == "unknown" else s.fetched,
            _handed_in(s),
            f"{s.hours_late:g} h" if s.hours_late else "",
            s.graded,
            s.state,
            _points(s),
            str(s.to_mark or ""),
            s.feedback,
        )
    return table


def _handed_in(s: Standing) -> str:
    when = "time unknown" if s.submitted == "unknown" else s.submitted[:16].replace("T", " ")
    return (
        when
        + (" *" if s.extended else "")
        + (" (newer one to collect)" if s.waiting and when else "to collect" if s.waiting else "")
    )


def _points(s: Standing) -> str:
    if s.graded == "no":
        return ""
    return f"{s.points:.4g}{f' - {s.penalty:.3g}' if s.penalty else ''} / {s.max_points:g}"
