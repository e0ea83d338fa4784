"""``photgrader report``."""

from __future__ import annotations

import pathlib

import click

from photgrader.cli import root
from photgrader.exercise import load_assignment
from photgrader.report import write_report


@click.command()
@click.argument("assignments", nargs=-1, required=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=pathlib.Path), default=None, help="The page; by default report-ASSIGNMENT.html.")
@click.option("--names", is_flag=True, help="Name the students. Without it no name is on the page.")
def command(assignments: tuple[str, ...], out: pathlib.Path | None, names: bool) -> None:
    """Write one self-contained page on ASSIGNMENTS: difficulty, discrimination, mistakes, times, states; CSV beside it.

    \b
    Examples:
      photgrader report ps1_psf_photometry
      photgrader report ps1_psf_photometry ps2_aperture_photometry --names --out class.html
    """
    for name in assignments:
        load_assignment(name)
    target = write_report(root(), list(assignments), out or pathlib.Path(f"report-{assignments[0]}.html"), names)
    click.echo(f"The report is {target}; its tables are beside it as CSV.")
