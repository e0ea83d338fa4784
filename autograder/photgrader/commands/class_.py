"""``photgrader class``."""

from __future__ import annotations

import click

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, check_assignment, root
from photgrader.overview.demo import refuse_real_course
from photgrader.release.build import source_assignments
from photgrader.simulate.make_class import make_class


@click.command(name="class")
@click.argument("assignment", type=ASSIGNMENT)
@click.option(
    "--students", type=click.IntRange(1, 100_000), default=12, show_default=True, help="How many ordinary students."
)
@click.option("--seed", type=click.IntRange(0), default=20261121, show_default=True, help="For what they hand in.")
@click.option("--no-special", is_flag=True, help="Leave out the broken submissions.")
def command(assignment: str, students: int, seed: int, no_special: bool) -> None:
    """Simulate a class: submissions made of correct variants and misconceptions of ASSIGNMENT's exercises.

    A course that has real students, in the gradebook or in submitted/, is refused.

    \b
    Example:
      photgrader class ps1_psf_photometry --students 30
    """
    course_root = root()
    check_assignment(assignment, source_assignments(course_root))
    refuse_real_course(course_root)
    made = make_class(course_root, assignment, students, seed=seed, special=not no_special)
    click.echo(
        f"{coursedir.counted(len(made), 'submission')} of {assignment} {'is' if len(made) == 1 else 'are'} in submitted/."
    )
