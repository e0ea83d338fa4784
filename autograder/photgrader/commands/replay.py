"""``photgrader replay``."""

from __future__ import annotations

import pathlib

import click

from photgrader import coursedir
from photgrader.commands.common import EXIT_FINDING, OUTPUT, root, write_json
from photgrader.runs import replay as replaying
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.argument("record")
@click.option("--exercise", default="", help="One exercise; by default all of the record.")
@click.option("--case", default="", help="One case of it, by name.")
@click.option(
    "--json", "json_file", type=OUTPUT, metavar="FILE", help="Write everything, inputs and answers whole, to FILE."
)
def command(record: str, exercise: str, case: str, json_file: pathlib.Path | None) -> None:
    """Repeat the verdicts of RECORD, for an appeal: a record's file, or ASSIGNMENT/STUDENT.

    The submission is run again with the record's own seeds. Shown are the inputs of every case, the student's answer,
    the right one, the tolerance, whether the repeated verdict is the recorded one, and where versions or code are not
    those of the record. Nothing is written into records or gradebook. What is shown holds hidden cases: it is for graders.

    Exit codes: 0 every verdict repeated is the recorded one; 1 one is not, or the record's signature is wrong; 2 the
    verdict cannot be repeated (no such record, exercise, case or submission).

    \b
    Examples:
      photgrader replay ps1_psf_photometry/ada
      photgrader replay ps1_psf_photometry/ada --exercise centroid
      photgrader replay .photgrader/records/ps1_psf_photometry/ada.json --exercise centroid --json appeal.json
    """
    course_root = root()
    found = replaying.find_record(course_root, record)
    names = [exercise] if exercise else list(found.exercises)
    if exercise and exercise not in found.exercises:
        raise coursedir.CourseError(
            f"The record has no exercise {exercise!r}; it has {', '.join(found.exercises) or 'none'}."
        )
    if coursedir.settings(course_root).sandbox:
        require_sandbox()
    repeated = replaying.replay(course_root, found)
    known = {v.case.name for name in names if name in repeated.verdicts for v in repeated.verdicts[name].cases}
    if case and case not in known:
        raise coursedir.CourseError(f"There is no case {case!r}; there are {', '.join(sorted(known)) or 'none'}.")
    click.echo(f"{found.assignment} of {found.student}, graded {found.graded}, run {found.run}, {found.state}")
    if repeated.signature:
        click.secho(repeated.signature, bold=not repeated.trusted)
    for note in repeated.notes:
        click.echo(f"Note: {note}.")
    for name in names:
        click.echo("\n" + "\n".join(replaying.report_lines(repeated, name, case)))
    if json_file is not None:
        write_json(json_file, replaying.to_json(repeated, names, case))
    if not repeated.trusted or any(repeated.differences(name) for name in names):
        raise SystemExit(EXIT_FINDING)
