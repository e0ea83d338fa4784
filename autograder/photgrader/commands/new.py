"""``photgrader new``."""

from __future__ import annotations

import pathlib

import click

from photgrader.commands.common import ASSIGNMENT, root
from photgrader.release.scaffold import new_course, new_exercise


@click.group()
def command() -> None:
    """Begin a course or an exercise that builds and grades at once.

    \b
    Examples:
      photgrader new course ~/interest
      photgrader new exercise hw1 compound_interest
    """


@command.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
def course(folder: pathlib.Path) -> None:
    """Write a small course into FOLDER: one assignment, one exercise, nbgrader's and the grader's settings.

    \b
    Example:
      photgrader new course ~/interest
    """
    new_course(folder)
    click.echo(
        f"A course is in {folder}. Go there; `photgrader try hw1` tries its exercise, `photgrader build` makes the release."
    )


@command.command()
@click.argument("assignment", type=ASSIGNMENT)
@click.argument("name")
def exercise(assignment: str, name: str) -> None:
    """Add the exercise NAME to ASSIGNMENT: module, variants, and the cells that ask for it.

    \b
    Example:
      photgrader new exercise hw1 compound_interest
    """
    here = root()
    for path in new_exercise(here, assignment, name):
        click.echo(f"written: {path.relative_to(here)}")
    click.echo(f"Write your exercise over it; `photgrader try {assignment} {name}` says what it lacks.")
