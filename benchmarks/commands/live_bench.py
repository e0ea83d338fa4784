"""``photgrader live-bench``."""

from __future__ import annotations

import pathlib

import click

from photgrader.commands.common import ASSIGNMENT, OUTPUT, check_assignment, root, write_json
from photgrader.grading.processes import default_workers
from photgrader.release.build import source_assignments
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.argument("assignment", required=False, type=ASSIGNMENT)
@click.option("--students", type=click.IntRange(2), default=30, show_default=True, help="How many hand in at once.")
@click.option(
    "--workers", type=click.IntRange(1), default=None, help="Processes that grade; by default one per processor."
)
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write all figures to FILE.")
def command(assignment: str | None, students: int, workers: int | None, json_file: pathlib.Path | None) -> None:
    """Measure how long a student waits for the live service's verdict on ASSIGNMENT (by default the first one).

    One hand-in alone, three times, and a simulated class at once. Works in a temporary copy of the course.

    \b
    Examples:
      photgrader live-bench
      photgrader live-bench ps1_psf_photometry --students 30 --json live.json
    """
    course_root = root()
    known = source_assignments(course_root)
    assignment = assignment or (known[0] if known else "")
    check_assignment(assignment, known)
    require_sandbox()
    from benchmarks.live import measure

    found = measure(course_root, assignment, students, workers or default_workers(), click.echo)
    click.echo(
        f"{assignment}, {found['workers']} workers on {found['processors']} processors, load {found['load'][0]}: alone {min(found['alone_seconds']):.1f} to "
        f"{max(found['alone_seconds']):.1f} s; {students} at once all after {found['all_seconds']:.1f} s, half of them after {found['median_seconds']:.1f} s."
    )
    if json_file is not None:
        write_json(json_file, found)
