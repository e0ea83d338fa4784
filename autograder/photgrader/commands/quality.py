"""``photgrader quality``."""

from __future__ import annotations

import pathlib
import time
from typing import TYPE_CHECKING

import click
from rich.table import Table

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, OUTPUT, root, screen, write_json
from photgrader.exercise import assignment_names
from photgrader.runs import parallel
from photgrader.sandbox.jail import require_sandbox

if TYPE_CHECKING:
    from photgrader.quality.measure import Quality


@click.command()
@click.argument("assignments", nargs=-1, type=ASSIGNMENT)
@click.option("--exercise", default="", help="Only the exercise of this name.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write all that was found to FILE.")
@click.option(
    "--changed",
    is_flag=True,
    help="Only exercises whose module is not that of the results in the --json FILE; the others are kept.",
)
@click.option("--save", is_flag=True, help="Keep the result beside the exercises, where `photgrader build` looks.")
def command(
    assignments: tuple[str, ...],
    exercise: str,
    workers: int | None,
    json_file: pathlib.Path | None,
    changed: bool,
    save: bool,
) -> None:
    """Measure how well ASSIGNMENTS (by default all) are graded: right answers accepted, wrong ones caught and named, mutants killed.

    Mistakes in other words than those that hints were made from, pairs of mistakes, and answers without any work show what
    students are told of them: named, called something else, or without a name.

    Every correct variant, every misconception and the mutants of every reference go through the sandbox and the judge, as
    submissions do. Mutants that survive are shown with what differs. Ends with exit code 1 where an exercise falls short.

    \b
    Examples:
      photgrader quality
      photgrader quality ps1_psf_photometry --exercise centroid
      photgrader quality --json quality.json
    """
    from photgrader.quality import measure as quality

    # The course's own exercises are known from here on.
    settings = coursedir.settings(root())
    for name in assignments:
        if name not in assignment_names():
            there = (
                f"there are {', '.join(assignment_names())}"
                if assignment_names()
                else "the course has no exercises in the folder that photgrader.toml names"
            )
            raise click.UsageError(f"there is no assignment {name!r} with exercises; {there}")
    require_sandbox()
    if save:
        quality.require_saving()
    keys = quality.chosen_exercises(list(assignments), exercise)
    workers = workers or parallel.default_workers()
    started = time.perf_counter()
    results = quality.known(json_file, keys) if changed and json_file is not None else []
    keys = [key for key in keys if key not in {(r.assignment, r.name) for r in results}]
    for result in quality.run(keys, settings, workers):
        results.append(result)
        click.echo(_line(result))
        if json_file is not None and str(json_file) != "-":
            # After each, so that a run that is stopped can be taken up with --changed.
            write_json(json_file, quality.as_json(results, workers))
    seconds = time.perf_counter() - started
    results.sort(key=lambda r: (r.assignment, r.name))
    if save:
        quality.save(results)
    for result in results:
        _details(result)
    screen().print(_table(results))
    _conclude(results, seconds)
    if json_file is not None:
        write_json(json_file, quality.as_json(results, workers))
    if any(r.shortfalls() for r in results):
        raise SystemExit(EXIT_FINDING)


def _line(result: Quality) -> str:
    short = result.shortfalls()
    return f"{result.assignment}/{result.name}: {'meets the targets' if not short else 'falls short'} ({result.seconds:.0f} s)"


def _details(result: Quality) -> None:
    """Print what is wrong with an exercise, and the mutants that survive."""
    if not (result.faults or result.survivors or result.untold or result.shortfalls()):
        return
    click.echo(f"\n{result.assignment}/{result.name}")
    for text in result.faults:
        click.echo(f"  {text}")
    for text in result.untold:
        click.echo(f"  {text}")
    for mutant in result.survivors:
        click.echo(f"  survives ({mutant['operator']}):")
        click.echo("".join(f"      {line}\n" for line in mutant["diff"].splitlines()), nl=False)


def _table(results: list[Quality]) -> Table:
    table = Table(title="How well the exercises are graded")
    for head in (
        "exercise",
        "variants accepted",
        "misconceptions caught",
        "named first",
        "mutants caught",
        "equivalent",
        "s",
    ):
        table.add_column(head, justify="left" if head == "exercise" else "right", no_wrap=head == "exercise")
    for r in results:
        table.add_row(
            r.name,
            f"{r.accepted} of {r.variants}",
            f"{r.caught} of {r.misconceptions}",
            f"{r.named}",
            f"{r.killed} of {r.mutants - r.equivalent}",
            f"{r.equivalent}",
            f"{r.seconds:.0f}",
            style="red" if r.shortfalls() else None,
        )
    return table


def _conclude(results: list[Quality], seconds: float) -> None:
    """Print the sums, and one sentence for each target that is not reached."""
    from photgrader.quality.measure import totals
    from photgrader.quality.naming import KINDS

    t = totals(results)
    for kind, (named, misleading, unnamed) in t["told"].items():
        number = max(1, named + misleading + unnamed)
        click.echo(
            f"{KINDS[kind]}: {named} named ({named / number:.0%}), {misleading} called something else ({misleading / number:.1%}), {unnamed} without a name."
        )
    click.echo(f"The best of the answers without work earns {t['cheapest']:.0%} of an exercise.")
    worst = max(results, key=lambda r: r.green_loss)
    click.echo(
        f"The most that a mistake loses which is green in the student's check: {worst.green_loss:.0%} of {worst.name} ({worst.green_loss_is})."
        if worst.green_loss
        else "Every mistake is seen by the student's own check."
    )
    click.echo(
        f"{t['exercises']} exercises: {t['accepted']} of {t['variants']} correct variants get full marks, {t['caught']} of "
        f"{t['misconceptions']} misconceptions lose what they should, {t['named_share']:.1%} get the right hint first, "
        f"{t['killed_share']:.1%} of {t['mutants'] - t['equivalent']} mutants are caught ({t['equivalent']} more are equivalent, "
        f"{t['left_out']} were not tried). {seconds:.0f} s."
    )
    for result in results:
        for text in result.shortfalls():
            click.echo(f"{result.assignment}/{result.name} falls short: {text}.")
