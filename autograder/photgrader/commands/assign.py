"""``photgrader assign``."""

from __future__ import annotations

import pathlib

import click
from rich.table import Table

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, OUTPUT, check_assignment, root, screen, write_json
from photgrader.gradebook import app, assign
from photgrader.release.build import source_assignments


@click.command()
@click.argument("assignment", type=ASSIGNMENT)
@click.option(
    "--graders",
    default="",
    metavar="A,B,...",
    help="Who marks. Without it, who did before; what was given stays where it is.",
)
@click.option(
    "--by",
    type=click.Choice(["student", "question"]),
    default=None,
    help="Whether a grader marks all answers of a student (the usual way) or one question of everybody.",
)
@click.option(
    "--list", "who", default="", metavar="GRADER", help="Show the answers of one grader, those to be marked first."
)
@click.option(
    "--csv",
    "csv_file",
    type=OUTPUT,
    metavar="FILE",
    help="Write the list (of everybody, or of --list's grader) to FILE.",
)
@click.option(
    "--formgrader", default="formgrader", metavar="ADDRESS", help="Address of the formgrader, put before each page."
)
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write everything to FILE (- is the screen).")
def command(
    assignment: str,
    graders: str,
    by: str | None,
    who: str,
    csv_file: pathlib.Path | None,
    formgrader: str,
    json_file: pathlib.Path | None,
) -> None:
    """Share the written answers of ASSIGNMENT out among graders, and show how far each of them is.

    Shares are even; new submissions go to who has least. Run it again at any time: after more were graded, with another list
    of graders (what somebody who left has not marked goes to the others), or just to see the progress.

    \b
    Examples:
      photgrader assign ps1_psf_photometry --graders ada,bob,eve
      photgrader assign ps1_psf_photometry
      photgrader assign ps1_psf_photometry --list ada --formgrader http://127.0.0.1:8000/services/starlight/formgrader
      photgrader assign ps1_psf_photometry --csv marking.csv --json -
    """
    course_root = root()
    known = source_assignments(course_root)
    check_assignment(assignment, known)
    with app.gradebook(course_root) as gradebook:
        found = assign.answers(gradebook, assignment)
    before = assign.read_sharing(course_root, assignment)
    names = graders.split(",") if graders else before.graders if before else []
    if not names:
        raise click.UsageError(f"{assignment} is not shared out yet; name the graders: --graders ada,bob")
    now = assign.share(
        before, found, assignment, names, by or (before.by if before else "student"), coursedir.key(course_root)
    )
    if who and who not in {*now.graders, *now.given.values()}:
        raise click.UsageError(f"{who!r} is no grader of {assignment}; there are {', '.join(now.graders)}")
    assign.write_sharing(course_root, now)
    mine = assign.worklist(now, found, who) if who else found
    if csv_file is not None:
        coursedir.write_output(csv_file, assign.worklist_csv(mine, {a: now.grader_of(a) for a in mine}, formgrader))
    if json_file is not None:
        write_json(json_file, assign.as_json(now, mine))
    if str(json_file) == "-":
        return
    if who:
        for a in mine:
            click.echo(
                f"{'marked ' if a.done else 'to mark'}  {a.student:<20} {a.question:<28} {formgrader.rstrip('/')}/{a.page}"
            )
    _tell(now, found)


def _tell(now: assign.Sharing, found: list[assign.Answer]) -> None:
    # Over a table this narrow its title would be broken.
    click.echo(f"{now.assignment}: who marks, by {now.by}")
    table = Table()
    table.add_column("grader")
    for head in ("answers", "marked", "to mark"):
        table.add_column(head, justify="right")
    for name, counts in assign.progress(now, found).items():
        table.add_row(
            name or "(nobody)", str(counts["answers"]), str(counts["done"]), str(counts["answers"] - counts["done"])
        )
    screen().print(table)
