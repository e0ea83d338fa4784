"""``photgrader regrade``."""

from __future__ import annotations

import pathlib
import tempfile

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, OUTPUT, root, screen, write_json
from photgrader.exercise import load_assignment
from photgrader.gradebook import backups, writer
from photgrader.runs import parallel
from photgrader.runs.regrade import MarkChange, Regrade, grade_beside, write
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.argument("assignment", type=ASSIGNMENT)
@click.option("--student", default="*", help="One student's id; by default everybody's.")
@click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one per processor.")
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write the comparison to FILE.")
def command(
    assignment: str, student: str, dry_run: bool, yes: bool, workers: int | None, json_file: pathlib.Path | None
) -> None:
    """Grade the collected submissions of ASSIGNMENT again, after a change, and show who would change and by how much.

    Everything is graded in a temporary place first. Nothing is written before you have seen the comparison and said
    yes. Marks that a person has set in the gradebook stay. Who stays the same is not touched in the gradebook.

    Exit codes: 0 done, or nothing would change; 1 a dry run that found changes, some submissions could not be graded,
    or the answer was no; 2 the call or the course is wrong.

    \b
    Examples:
      photgrader regrade ps1_psf_photometry --dry-run
      photgrader regrade ps1_psf_photometry --dry-run --json changes.json
      photgrader regrade ps1_psf_photometry --yes
    """
    course_root, console = root(), screen()
    if not coursedir.notebooks(course_root, assignment):
        load_assignment(assignment)
    if coursedir.settings(course_root).sandbox:
        require_sandbox()
    with writer.grading_lock(course_root), tempfile.TemporaryDirectory(prefix="pg-regrade-") as folder:
        writer.check_gradebook(course_root)
        writer.require_assignment(course_root, assignment)
        with Progress(console=screen(stderr=True), transient=True) as progress:
            bar = progress.add_task(f"grading {assignment} beside the records", total=None)
            regrade = grade_beside(
                course_root,
                assignment,
                pathlib.Path(folder),
                student=student,
                workers=workers or parallel.default_workers(),
                told=lambda done, total: progress.update(bar, completed=done, total=total),
            )
        if str(json_file) != "-":
            show(console, regrade)
        if json_file is not None:
            write_json(json_file, regrade.to_json())
        if not dry_run and regrade.compared:
            _write(course_root, regrade, yes)
    if regrade.failed or (dry_run and regrade.changed):
        raise SystemExit(EXIT_FINDING)


def _write(course_root: pathlib.Path, regrade: Regrade, yes: bool) -> None:
    if (
        regrade.changed
        and not yes
        and not click.confirm(f"Write the new marks of {coursedir.counted(len(regrade.changed), 'student')}?")
    ):
        click.echo("Nothing was written.")
        raise SystemExit(EXIT_FINDING)
    known = set(regrade.failed)
    with writer.disk_full_told():
        backups.backup_gradebook(course_root)
        done = write(course_root, regrade)
    for student in regrade.failed.keys() - known:
        click.echo(f"{student} was not written: {regrade.failed[student]}.")
    click.echo(
        f"{coursedir.counted(len(done), 'student')} {'has' if len(done) == 1 else 'have'} new entries in the gradebook; make their feedback anew with: nbgrader generate_feedback --force "
        f"{regrade.assignment}"
        if done
        else "The gradebook is as it was."
    )


def show(console: Console, regrade: Regrade) -> None:
    """Say who would change and by how much: by exercise, then by student."""
    if regrade.edited:
        console.print(f"Changed since the records were made: {', '.join(regrade.edited)}.")
    stay = len(regrade.compared) - len(regrade.changed)
    console.print(
        f"{coursedir.counted(len(regrade.compared), 'submission')} graded again: {len(regrade.changed)} with changes, {stay} without"
        + (f", {len(regrade.first_time)} graded for the first time" if regrade.first_time else "")
        + "."
    )
    known = {e: [c for c in changes if c.state_before != "not graded"] for e, changes in regrade.by_exercise().items()}
    if any(known.values()):
        console.print(_by_exercise({e: c for e, c in known.items() if c}))
        console.print(_by_student([c for changes in known.values() for c in changes]))
    for student, reason in regrade.failed.items():
        console.print(f"{student} could not be graded: {reason}")


def _by_exercise(changes: dict[str, list[MarkChange]]) -> Table:
    table = Table(
        "exercise", *(_right(h) for h in ("gain", "lose", "words only", "mean change", "largest")), title="By exercise"
    )
    for exercise, all_changes in changes.items():
        moved = [c.difference for c in all_changes if c.moves_points]
        table.add_row(
            exercise,
            str(sum(d > 0 for d in moved)),
            str(sum(d < 0 for d in moved)),
            str(len(all_changes) - len(moved)),
            f"{sum(moved) / len(moved):+.2f}" if moved else "",
            f"{max(moved, key=abs):+.2f}" if moved else "",
        )
    return table


def _right(head: str) -> Column:
    return Column(head, justify="right")


def _by_student(changes: list[MarkChange]) -> Table:
    table = Table(
        "student", "exercise", *(_right(h) for h in ("before", "after", "change")), "verdict", title="By student"
    )
    for c in sorted(changes, key=lambda c: (c.student, c.exercise)):
        verdict = c.state_after if c.state_before == c.state_after else f"{c.state_before} -> {c.state_after}"
        if c.hint_before != c.hint_after:
            verdict += f"; hint {c.hint_before or 'none'} -> {c.hint_after or 'none'}"
        table.add_row(
            c.student,
            c.exercise,
            f"{c.before:g}",
            f"{c.after:g}",
            f"{c.difference:+.2f}" if c.moves_points else "",
            verdict + ("; set by hand, stays" if c.by_hand else ""),
        )
    return table
