"""``photgrader try``."""

from __future__ import annotations

import sys

import click

from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, root
from photgrader.coursedir import CourseError
from photgrader.exercise import assignment_names, load_assignment


@click.command(name="try")
@click.argument("assignment", type=ASSIGNMENT)
@click.argument("exercises", nargs=-1, metavar="[EXERCISE]...")
def command(assignment: str, exercises: tuple[str, ...]) -> None:
    """Try ASSIGNMENT's exercises (or those named) while you write them: every variant and every mistake, at once and without a sandbox.

    Only code of the course itself is run. `photgrader quality` is the full proof, through the sandbox and with mutants. Ends with
    exit code 1 where something is not as it should be.

    \b
    Examples:
      photgrader try hw1
      photgrader try ps1_psf_photometry centroid
    """
    from photgrader.quality.authoring import try_exercise

    root()
    if assignment not in assignment_names():
        raise CourseError(
            f"There are no exercises of {assignment!r}; there are {', '.join(assignment_names()) or 'none at all'}."
        )
    known = load_assignment(assignment).exercises
    unknown = [name for name in exercises if name not in known]
    if unknown:
        raise CourseError(f"{assignment} has no exercise {unknown[0]!r}; it has {', '.join(known) or 'none'}.")
    lacking = 0
    for name in exercises or known:
        line, found = try_exercise(known[name])
        click.echo(line)
        for text in found:
            click.echo(f"    {text}")
        lacking += len(found)
    sys.exit(EXIT_FINDING if lacking else 0)
