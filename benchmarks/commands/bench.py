"""``photgrader bench``."""

from __future__ import annotations

import pathlib
from typing import Any

import click
from rich.table import Table

from photgrader.commands.common import ASSIGNMENT, OUTPUT, root, screen, write_json
from photgrader.release.build import source_assignments
from photgrader.runs import parallel
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.argument("assignment", required=False, type=ASSIGNMENT)
@click.option("--students", type=click.IntRange(2), default=60, show_default=True, help="Size of the simulated class.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option(
    "--notebook",
    type=click.Choice(["small", "whole", "both"]),
    default="both",
    show_default=True,
    help="The first six functions with one figure, the whole notebook with all its figures, or both: then a class that has everything "
    "right, one of half the size with mistakes, and a third of it with the whole notebook, run before it was handed in.",
)
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write all figures to FILE.")
def command(
    assignment: str | None, students: int, workers: int | None, notebook: str, json_file: pathlib.Path | None
) -> None:
    """Measure grading beside stock nbgrader, on a simulated class of ASSIGNMENT (by default the first one).

    Stock `nbgrader autograde`, ours with one worker, with several, on a local Dask cluster, the floor (the cells
    alone, in a forked warm process) and the limit (the students' functions on the cases, nothing else), in turns in one run. Works in a temporary copy of the course.

    \b
    Examples:
      photgrader bench --students 60 --json bench.json
      photgrader bench ps1_psf_photometry --students 6
    """
    course_root = root()
    known = source_assignments(course_root)
    assignment = assignment or (known[0] if known else "")
    if assignment not in known:
        raise click.UsageError(f"there is no source/{assignment}; there are {', '.join(known)}")
    require_sandbox()
    from benchmarks.grading import bench

    workers = workers or parallel.default_workers()
    found = bench(
        course_root, assignment, students, workers, click.echo, small=notebook != "whole", right=notebook == "both"
    )
    _tell(found)
    if notebook == "both":
        found["mistakes"] = bench(course_root, assignment, max(4, students // 2), workers, click.echo)
        _tell(found["mistakes"])
        found["whole_notebook"] = bench(
            course_root, assignment, max(4, students // 3), workers, click.echo, small=False, rounds=1
        )
        _tell(found["whole_notebook"])
    equal = all(
        part["gradebooks_equal"] for part in (found, found.get("mistakes"), found.get("whole_notebook")) if part
    )
    if json_file is not None:
        write_json(json_file, found)
    if not equal:
        raise SystemExit(1)


def _tell(found: dict[str, Any]) -> None:
    screen().print(_table(found))
    click.echo(
        f"Gradebooks of one worker, {found['workers']} workers and Dask equal row by row: {'yes' if found['gradebooks_equal'] else 'NO'}. "
        f"A student's check takes {found['check_cpu_seconds_median']:.3f} s of processor time in the median. "
        f"One worker: {found['above_floor_seconds']['one worker']:.2f} s a submission above the floor. "
        f"Kernel ready in {found['breakdown']['kernel_ready_median_ms']:.0f} ms. Load of the machine {found['load_before']} to {found['load_after']}."
    )


def _table(found: dict[str, Any]) -> Table:
    table = Table(
        title=f"{found['assignment']}, {found['notebook']} notebook ({found['code_cells']} code cells, "
        f"{found['graded_functions']} graded functions), {found['students']} submissions, answers {found['answers']}"
    )
    for head in ("way", "s a submission", "CPU s", "times stock", "times the limit", "memory MB"):
        table.add_column(head, justify="left" if head == "way" else "right")
    for name, seconds in found["seconds_per_submission"].items():
        cpu = found["cpu_seconds_per_submission"].get(name)
        table.add_row(
            name if name != "workers" else f"{found['workers']} workers",
            f"{seconds:.2f}",
            "" if cpu is None else f"{cpu:.2f}",
            f"{found['times_faster_than_stock'].get(name, 1.0):.1f}",
            f"{found['times_the_limit'].get(name, 1.0):.1f}",
            f"{found['peak_memory_mb'][name]}",
        )
    return table
