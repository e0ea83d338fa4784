"""The main job, shown: build, a simulated class, collect, grade in the sandbox, feedback, gradebook, report."""

from __future__ import annotations

import datetime
import os
import pathlib
import shutil
import sys
import tempfile
import time
from typing import Any

from nbgrader.api import MissingEntry
from rich.console import Console
from rich.progress import track
from rich.table import Table

from photgrader import coursedir
from photgrader.coursedir.record import Record
from photgrader.exercise import load_assignment
from photgrader.gradebook import app, writer
from photgrader.release.build import build, source_assignments
from photgrader.runs import parallel
from photgrader.runs.run import grade_assignment
from photgrader.simulate.make_class import make_class, read_truth

PREFIX = "sim"
#: Ordinary students in the first assignment, and in each of the others.
FIRST_CLASS, OTHER_CLASSES = 12, 4


def _students(root: pathlib.Path) -> set[str]:
    """Return whoever is in the gradebook or has work in ``submitted/``; a gradebook that is not there is not made."""
    students = {p.parent.name for p in (root / "submitted").glob("*/*") if p.is_dir()}
    url = app.database_url(root)
    if url.startswith("sqlite") and not (root / "gradebook.db").is_file():
        return students
    with app.gradebook(root) as gradebook:
        return students | {s.id for s in gradebook.students}


def refuse_real_course(root: pathlib.Path) -> None:
    """Refuse to mix simulated students with real ones.

    Raises
    ------
    CourseError
        Where the gradebook or ``submitted/`` knows a student that is not of a simulated class.
    """
    real = [s for s in _students(root) if not s.startswith(PREFIX + "-")]
    if real:
        raise coursedir.CourseError(
            f"This course has {len(real)} real students, in its gradebook or in submitted/; simulated ones "
            "beside them would be in the way. Run this in a clone of its own."
        )


def clean_demo(root: pathlib.Path) -> str:
    """Take the simulated students away: from the gradebook, their folders and what was graded of them.

    Returns
    -------
    str
        What was done, in a sentence.

    Raises
    ------
    CourseError
        Where the course has real students; nothing is touched then.
    """
    refuse_real_course(root)
    state = coursedir.state_folder(root)
    with writer.grading_lock(root):
        students = sorted(_students(root))
        if students:
            with app.gradebook(root) as gradebook:
                for student in {s.id for s in gradebook.students}:
                    gradebook.remove_student(student)
        for student in students:
            for folder in ("submitted", "autograded", "feedback"):
                shutil.rmtree(root / folder / student, ignore_errors=True)
            kept = (f"records/*/{student}.json", f"records/*/further/*/{student}.json", f"logs/*/{student}.log")
            for file in [file for pattern in kept for file in state.glob(pattern)]:
                file.unlink()
        for place in (state / "simulated", state / "demo-exchange"):
            shutil.rmtree(place, ignore_errors=True)
        (root / "demo-report.html").unlink(missing_ok=True)
    return (
        f"{len(students)} simulated students are gone, with all that was theirs."
        if students
        else "There are no simulated students here."
    )


def submit_class(root: pathlib.Path, assignment: str, students: int, special: bool, exchange: pathlib.Path) -> int:
    """Make a class and hand its work in through the exchange, as `nbgrader submit` does; return how many files are new."""
    course_id = app.nbgrader_api(root).coursedir.course_id
    inbound = exchange / course_id / "inbound"
    inbound.mkdir(parents=True, exist_ok=True)
    new = 0
    with tempfile.TemporaryDirectory() as folder:
        made = make_class(root, assignment, students, special=special, prefix=PREFIX, folder=pathlib.Path(folder))
        for student in made:
            work = pathlib.Path(folder) / student.id / assignment
            if _same(work, root / "submitted" / student.id / assignment):
                continue
            stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
            (work / "timestamp.txt").write_text(stamp, encoding="utf-8")
            for old in inbound.glob(f"{student.id}+{assignment}+*"):
                shutil.rmtree(old)
            shutil.copytree(work, inbound / f"{student.id}+{assignment}+{stamp}")
            new += 1
    return new


def _same(work: pathlib.Path, collected: pathlib.Path) -> bool:
    return all(
        (collected / p.name).is_file() and (collected / p.name).read_bytes() == p.read_bytes()
        for p in work.glob("*.ipynb")
    )


def collect(root: pathlib.Path, assignment: str, exchange: pathlib.Path) -> None:
    """Collect with nbgrader from an exchange folder."""
    os.environ["PHOTCOURSE_EXCHANGE"] = str(exchange)
    api = app.nbgrader_api(root)
    result = api.collect(assignment, update=True)
    if not result["success"]:
        raise coursedir.CourseError(
            f"{assignment} could not be collected: {result.get('log', '')}{result.get('error', '')}"
        )


def feedback(root: pathlib.Path, assignment: str, students: list[str]) -> None:
    """Generate the feedback pages of some students."""
    api = app.nbgrader_api(root)
    for student in students:
        result = api.generate_feedback(assignment, student, force=True)
        if not result["success"]:
            raise coursedir.CourseError(f"No feedback for {student}: {result.get('log', '')}{result.get('error', '')}")


def gradebook_table(root: pathlib.Path, assignments: list[str]) -> Table:
    """Return the gradebook as a table: a row a student, a column an assignment."""
    table = Table(title="Gradebook: automatic points (* a person still has to look)", title_justify="left")
    table.add_column("student", no_wrap=True)
    maxima = {}
    with app.gradebook(root) as gradebook:
        for name in assignments:
            maxima[name] = sum(c.max_score for n in gradebook.find_assignment(name).notebooks for c in n.grade_cells)
            table.add_column(f"{name.split('_')[0]}\n/ {maxima[name]:g}", justify="right")
        table.add_column("the first assignment's most useful message", overflow="fold", min_width=44)
        records = {r.student: r for r in coursedir.read_records(root, assignments[0])}
        for student in sorted(gradebook.students, key=lambda s: s.id):
            cells = [_score(gradebook, name, student.id) for name in assignments]
            table.add_row(student.id, *cells, message(records.get(student.id)))
    return table


def _score(gradebook: Any, assignment: str, student: str) -> str:
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return "-"
    return f"{submission.score:.4g}{'*' if submission.needs_manual_grade else ''}"


def message(record: Record | None) -> str:
    """Return the one line of a record that says most."""
    if record is None:
        return ""
    if record.sentence:
        return record.sentence.split(". ")[0]
    # Nobody owes extra credit.
    wrong = [
        f"{n}: {e.hint_title or e.sentence}"
        for n, e in record.exercises.items()
        if e.points < e.max_points and not (e.extra and e.state in ("not written", "missing"))
    ]
    notes = "; ".join(r.kind for r in record.repairs)
    text = wrong[0] + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "") if wrong else "everything right"
    return text + (f" [{notes}]" if notes else "")


def proof(root: pathlib.Path, assignments: list[str]) -> tuple[list[str], str]:
    """Hold the records against what is known of the simulated class.

    Returns
    -------
    list of str, str
        What is not as it should be, and a summary.
    """
    problems, counts = [], {"variants": 0, "misconceptions": 0, "named": 0}
    for name in assignments:
        truth = read_truth(root, name)
        for record in coursedir.read_records(root, name):
            known = truth.get(record.student)
            if known is None or known["kind"] != "ordinary":
                continue
            # The whole record: what nobody chose for a student is the solution, and loses nothing either.
            for exercise in {**record.exercises, **known["choices"]}:
                problems += _hold(
                    name, record, exercise, known["choices"].get(exercise, "variant: the solution"), counts
                )
            problems += [f"{name} {record.student}: {f.sentence}" for f in record.faults]
    summary = (
        f"{counts['variants']} correct answers have full marks; {counts['misconceptions']} misconceptions lost what they should, "
        f"{counts['named']} of them called by their name."
    )
    return problems, summary


def _hold(assignment: str, record: Record, name: str, choice: str, counts: dict[str, int]) -> list[str]:
    kind, _, id = choice.partition(": ")
    got = record.exercises.get(name)
    if got is None:
        return [f"{record.student}: no verdict on {name}"]
    full = got.points >= got.max_points
    if kind == "variant":
        counts["variants"] += full
        return (
            []
            if full
            else [f"{assignment} {record.student}: the correct variant {id!r} of {name} lost marks: {got.symptom}"]
        )
    exercise = load_assignment(assignment).exercises[name]
    misconception = exercise.misconceptions[id]
    counts["misconceptions"] += not full
    counts["named"] += got.hint == (misconception.raises or id)
    lost = {c.name for c in got.cases if c.score < 1}
    declared = {c.name for c in got.cases if exercise.expected_to_fail(misconception, c.name)}
    if lost != declared and not got.notes:
        return [
            f"{assignment} {record.student}: misconception {id!r} of {name} lost {sorted(lost)}, not {sorted(declared)}"
        ]
    return []


def run_demo(root: pathlib.Path, workers: int | None = None) -> int:
    """Run the whole demonstration; return the exit code."""
    # Without a terminal (a log file) 80 columns would break every word.
    console = Console() if sys.stdout.isatty() else Console(width=150)
    started = time.perf_counter()
    names = source_assignments(root)
    refuse_real_course(root)
    console.rule("1. Build release/ and solutions/ from source/", align="left")
    for done in build(root, names):
        console.print(f"   {done.assignment}: release {done.release}, solution {done.solution} ({done.seconds:.1f} s)")
    console.rule("2. A simulated class hands in through the exchange, and is collected", align="left")
    exchange = coursedir.state_folder(root) / "demo-exchange"
    for name in names:
        first = name == names[0]
        new = submit_class(root, name, FIRST_CLASS if first else OTHER_CLASSES, first, exchange)
        collect(root, name, exchange)
        console.print(f"   {name}: {new} new submissions")
    console.rule("3. Grade in the sandbox", align="left")
    graded: dict[str, list[str]] = {}
    for name in names:
        before = {r.student: r.graded for r in coursedir.read_records(root, name)}
        summary = grade_assignment(root, name, "*", workers or parallel.default_workers(), False, console)
        if summary["failed"]:
            console.print(f"   not graded: {summary['failed']}")
        graded[name] = [
            r.student
            for r in coursedir.read_records(root, name)
            if before.get(r.student) != r.graded or not (root / "feedback" / r.student / name).is_dir()
        ]
    console.rule("4. Feedback pages", align="left")
    for name in track([n for n in names if graded[n]], description="   feedback", console=console):
        feedback(root, name, graded[name])
    console.rule("5. The gradebook", align="left")
    console.print(gradebook_table(root, names))
    problems, summary_line = proof(root, names)
    console.print(summary_line)
    for problem in problems:
        console.print(f"not as it should be: {problem}", style="bold red", markup=False)
    from photgrader.overview.report import write_report

    report = write_report(root, names, root / "demo-report.html", names=True)
    console.print(f"Done in {time.perf_counter() - started:.0f} s.")
    console.print(
        f"Look next at {report.relative_to(root)} (the report), feedback/sim-02/{names[0]}/ (what a student gets), "
        f"solutions/ (figures), and: {os.path.relpath(root / '.venv/bin/nbgrader', pathlib.Path.cwd())} autograde {names[0]} --force",
        # A command that is broken into two lines cannot be copied.
        soft_wrap=True,
    )
    return 1 if problems else 0
