"""``photgrader build``."""

from __future__ import annotations

import click

from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, check_assignment, root
from photgrader.release.build import build, source_assignments, stale


@click.command()
@click.argument("assignments", nargs=-1, type=ASSIGNMENT)
@click.option("--force", is_flag=True, help="Make everything, changed or not.")
@click.option("--no-solutions", is_flag=True, help="Make the releases only.")
@click.option("--anyway", is_flag=True, help="Release exercises that fall short (see photgrader quality), too.")
@click.option("--check", is_flag=True, help="Only say what is stale; exit code 1 where something is.")
def command(assignments: tuple[str, ...], force: bool, no_solutions: bool, anyway: bool, check: bool) -> None:
    """Make release/ and solutions/ from source/, of all ASSIGNMENTS or of those named.

    \b
    Examples:
      photgrader build
      photgrader build ps1_psf_photometry --force
      photgrader build --check
    """
    course_root = root()
    known = source_assignments(course_root)
    for name in assignments:
        check_assignment(name, known)
    if check:
        old = stale(course_root, list(assignments) or known)
        click.echo("Stale, make them with photgrader build: " + ", ".join(old) if old else "Everything is fresh.")
        raise SystemExit(EXIT_FINDING if old else 0)
    for done in build(course_root, list(assignments) or known, force=force, solutions=not no_solutions, anyway=anyway):
        click.echo(f"{done.assignment}: release {done.release}, solution {done.solution} ({done.seconds:.1f} s)")
