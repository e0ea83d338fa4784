"""``photgrader anonymise``."""

from __future__ import annotations

import pathlib

import click

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, OUTPUT, check_assignment, root
from photgrader.overview import anonymise
from photgrader.overview.status import course_status
from photgrader.release.build import source_assignments


@click.command()
@click.argument("assignments", nargs=-1, type=ASSIGNMENT)
@click.option("--study", required=True, metavar="NAME", help="Name of the study; each one has pseudonyms of its own.")
@click.option(
    "--out",
    type=OUTPUT,
    required=True,
    help="FILE.jsonl (everything, one record a line) or FILE.csv (a row an exercise).",
)
def command(assignments: tuple[str, ...], study: str, out: pathlib.Path) -> None:
    """Write the records of ASSIGNMENTS (by default all) for research on teaching: keyed pseudonyms, no text of students, no times.

    The study's key stays in .photgrader/studies/NAME: with it pseudonyms are the same next time, and whoever deletes it cuts
    the records from the students for good. Small classes can be recognised by their marks all the same.

    \b
    Examples:
      photgrader anonymise --study hints-2026 --out hints-2026.jsonl
      photgrader anonymise ps1_psf_photometry ps2_aperture_photometry --study hints-2026 --out table.csv
    """
    course_root = root()
    known = source_assignments(course_root)
    for name in assignments:
        check_assignment(name, known)
    if out.suffix not in (".jsonl", ".csv"):
        raise click.UsageError("--out ends in .jsonl or .csv")
    names = [n for n in assignments or known if coursedir.read_records(course_root, n)]
    if not names:
        raise coursedir.CourseError("Nothing is graded yet, so there is nothing to write.")
    standings = {s.assignment: s.students for s in course_status(course_root, names)}
    records = anonymise.anonymise(course_root, names, study, standings)
    coursedir.write_output(out, anonymise.as_csv(records) if out.suffix == ".csv" else anonymise.as_lines(records))
    people = len({r["student"] for r in records})
    click.echo(
        f"{out} has {coursedir.counted(len(records), 'record')} of {coursedir.counted(people, 'student')} in {coursedir.counted(len(names), 'assignment')}."
    )
    if people < anonymise.SMALL:
        click.echo(
            f"So few students can be recognised by their marks; think before {out.name} leaves your hands.", err=True
        )
