"""``photgrader report``."""

from __future__ import annotations

import pathlib

import click
from rich.progress import Progress

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, OUTPUT, root, screen
from photgrader.exercise import load_assignment
from photgrader.overview.report import write_report, write_simulated_report
from photgrader.release.build import source_assignments
from photgrader.runs import parallel
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.argument("assignments", nargs=-1, required=True, type=ASSIGNMENT)
@click.option("--out", type=OUTPUT, default=None, help="The page; by default report-ASSIGNMENT.html.")
@click.option("--names", is_flag=True, help="Name the students. Without it no name is on the page.")
@click.option(
    "--simulated", is_flag=True, help="Make and grade a simulated class in a temporary place, and report on that."
)
@click.option("--students", type=click.IntRange(1), default=24, show_default=True, help="How many simulated students.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=None,
    help="Processes for the simulated class; by default one per processor.",
)
def command(
    assignments: tuple[str, ...],
    out: pathlib.Path | None,
    names: bool,
    simulated: bool,
    students: int,
    workers: int | None,
) -> None:
    """Write one self-contained page on ASSIGNMENTS: difficulty, discrimination, mistakes, times, states; CSV beside it.

    With --simulated nothing has to be handed in: what the exercises do with known answers shows before a release.

    \b
    Examples:
      photgrader report ps1_psf_photometry
      photgrader report ps1_psf_photometry ps2_aperture_photometry --names --out class.html
      photgrader report ps2_aperture_photometry --simulated --students 40
    """
    course_root = root()
    for name in assignments:
        if name not in {*coursedir.released(course_root), *source_assignments(course_root)}:
            load_assignment(name)
    target = out or pathlib.Path(f"{'simulated' if simulated else 'report'}-{assignments[0]}.html")
    if target.exists() and not target.is_file():
        raise click.UsageError(f"{target} is no file, and the report has tables beside it; name a file with --out")
    if simulated:
        _simulated(course_root, list(assignments), target, students, workers or parallel.default_workers())
    else:
        write_report(course_root, list(assignments), target, names)
    click.echo(f"The report is {target}; its tables are beside it as CSV.")


def _simulated(
    course_root: pathlib.Path, assignments: list[str], target: pathlib.Path, students: int, workers: int
) -> None:
    if coursedir.settings(course_root).sandbox:
        require_sandbox()
    with Progress(console=screen(stderr=True), transient=True) as progress:
        bars = {name: progress.add_task(f"grading a simulated class of {name}", total=students) for name in assignments}
        write_simulated_report(
            course_root,
            assignments,
            target,
            students,
            workers,
            lambda name, done, total: progress.update(bars[name], completed=done),
        )
