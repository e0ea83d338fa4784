"""``photgrader demo``."""

from __future__ import annotations

import sys

import click

from photgrader.cli import root
from photgrader.demo import run_demo
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
def command(workers: int | None) -> None:
    """Show the main job: build, simulate a class, collect, grade, feedback, gradebook, report.

    \b
    Example:
      photgrader demo
    """
    require_sandbox()
    sys.exit(run_demo(root(), workers))
