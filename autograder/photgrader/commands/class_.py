"""``photgrader class``."""

from __future__ import annotations

import click

from photgrader.commands.common import ASSIGNMENT, root
from photgrader.simulate.make_class import make_class


@click.command(name="class")
@click.argument("assignment", type=ASSIGNMENT)
@click.option("--students", default=12, show_default=True, help="How many ordinary students.")
@click.option("--seed", default=20261121, show_default=True, help="For what they hand in.")
@click.option("--no-special", is_flag=True, help="Leave out the broken submissions.")
def command(assignment: str, students: int, seed: int, no_special: bool) -> None:
    """Simulate a class: submissions made of correct variants and misconceptions of ASSIGNMENT's exercises.

    \b
    Example:
      photgrader class ps1_psf_photometry --students 30
    """
    made = make_class(root(), assignment, students, seed=seed, special=not no_special)
    click.echo(f"{len(made)} submissions of {assignment} are in submitted/.")
