"""``photgrader demo``."""

from __future__ import annotations

import contextlib
import dataclasses
import sys

import click

from photgrader import coursedir
from photgrader.commands.common import root
from photgrader.commands.grade import LOUD
from photgrader.overview.demo import clean_demo, run_demo
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option(
    "--clean", is_flag=True, help="Take the simulated students away again, with all that is theirs, and nothing else."
)
@click.option(
    "--unsafe-no-sandbox",
    is_flag=True,
    help="Without a sandbox, where none works: the simulated students are this course's own code.",
)
def command(workers: int | None, clean: bool, unsafe_no_sandbox: bool) -> None:
    """Show the main job: build, simulate a class, collect, grade, feedback, gradebook, report.

    \b
    Examples:
      photgrader demo
      photgrader demo --clean
    """
    course_root = root()
    if clean:
        click.echo(clean_demo(course_root))
        return
    with contextlib.ExitStack() as scope:
        if unsafe_no_sandbox:
            click.secho(LOUD, fg="red", bold=True, err=True)
            scope.enter_context(
                coursedir.settings_override(dataclasses.replace(coursedir.settings(course_root), sandbox=False))
            )
        else:
            require_sandbox()
        sys.exit(run_demo(course_root, workers))
