"""Regrade with care: what would change, for whom and by how much, before anything is written."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import MissingEntry

from photgrader import coursedir
from photgrader.coursedir.record import ExerciseRecord, Record
from photgrader.gradebook import app, writer
from photgrader.grading.hashes import exercise_hash, judge_hash
from photgrader.runs import parallel

#: Differences of points below this are rounding.
SAME = 1e-4


@dataclass
class MarkChange:
    """What becomes of one student's mark of one exercise.

    Parameters
    ----------
    student, exercise : str
        Whose, and of what.
    before, after : float
        Points.
    state_before, state_after : str
        States of the verdicts; ``"not graded"`` where there was none.
    hint_before, hint_after : str
        Mistakes that were recognised.
    by_hand : bool
        Whether a person has set this mark in the gradebook, which then stays as it is.
    """

    student: str
    exercise: str
    before: float
    after: float
    state_before: str
    state_after: str
    hint_before: str = ""
    hint_after: str = ""
    by_hand: bool = False

    @property
    def difference(self) -> float:
        """Points won (positive) or lost."""
        return self.after - self.before

    @property
    def moves_points(self) -> bool:
        """Whether the mark changes, and not the words alone."""
        return abs(self.difference) > SAME


@dataclass
class Regrade:
    """A second grading of an assignment beside the first.

    Parameters
    ----------
    assignment : str
        Which.
    compared : dict of str to list of MarkChange
        Everybody's exercises that change, in points or in words, by student; an empty list for who stays the same.
    first_time : list of str
        Students who had no verdict before.
    failed : dict of str to str
        Students who could not be graded, and why.
    edited : list of str
        Exercises whose code is not that of the records, and ``"the grader"`` where the judging code is not.
    place : Path
        Folder of the new results, one file a student.
    """

    assignment: str
    place: pathlib.Path
    compared: dict[str, list[MarkChange]] = field(default_factory=dict)
    first_time: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    edited: list[str] = field(default_factory=list)

    @property
    def changed(self) -> list[str]:
        """Students whose marks or words change, or who are graded for the first time."""
        return [s for s, changes in self.compared.items() if changes or s in self.first_time]

    def changes(self) -> Iterator[MarkChange]:
        """Yield all changes."""
        for changes in self.compared.values():
            yield from changes

    def by_exercise(self) -> dict[str, list[MarkChange]]:
        """Return the changes by exercise."""
        found: dict[str, list[MarkChange]] = {}
        for change in self.changes():
            found.setdefault(change.exercise, []).append(change)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the plain form."""
        return {
            "assignment": self.assignment,
            "students": len(self.compared),
            "changed": self.changed,
            "first_time": self.first_time,
            "failed": self.failed,
            "edited": self.edited,
            "changes": [{**vars(c), "difference": round(c.difference, 4)} for c in self.changes()],
        }


def grade_beside(
    root: pathlib.Path,
    assignment: str,
    place: pathlib.Path,
    *,
    student: str = "*",
    workers: int = 1,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Regrade:
    """Grade the collected submissions again; results go to a place of their own, nothing else is written.

    Parameters
    ----------
    root : Path
        The course.
    assignment, student : str
        What to grade; ``"*"`` is everybody's.
    place : Path
        Where the results are kept.
    workers : int
        Processes.
    told : callable
        Gets how many are done, and of how many.

    Raises
    ------
    CourseError
        Where there is nothing to grade.
    """
    tasks = parallel.submissions(root, assignment, student)
    if not tasks:
        raise coursedir.CourseError(parallel.nobody(root, assignment, student))
    before = {r.student: r for r in coursedir.read_records(root, assignment)}
    by_hand = marks_by_hand(root, assignment)
    regrade = Regrade(
        assignment,
        place,
        failed=coursedir.left_out(root, assignment) if student == "*" else {},
        edited=edited(assignment, [before[t.student] for t in tasks if t.student in before]),
    )
    results: dict[str, list[MarkChange]] = {}
    for number, (task, result) in enumerate(parallel.run_here(tasks, workers), 1):
        if isinstance(result, str):
            regrade.failed[task.student] = result
        else:
            _file(place, task.student, task.notebook).write_text(json.dumps(result), encoding="utf-8")
            old = before.get(task.student)
            if old is None and task.student not in regrade.first_time:
                regrade.first_time.append(task.student)
            results.setdefault(task.student, []).extend(compare(old, Record.read(result["record"]), by_hand))
        told(number, len(tasks))
    # In the order of the students, whoever was ready first.
    regrade.compared = {
        t.student: results[t.student] for t in tasks if t.student in results and t.student not in regrade.failed
    }
    regrade.first_time.sort()
    return regrade


def _file(place: pathlib.Path, student: str, notebook: str) -> pathlib.Path:
    (place / student).mkdir(exist_ok=True)
    return place / student / f"{notebook}.json"


#: What an exercise was that a record does not have.
NOTHING = ExerciseRecord(state="not graded")


def compare(old: Record | None, new: Record, by_hand: set[tuple[str, str]]) -> list[MarkChange]:
    """Return what differs between two records of one submission: points, states, recognised mistakes."""
    changes = []
    for name, now in new.exercises.items():
        was = old.exercises.get(name, NOTHING) if old is not None else NOTHING
        change = MarkChange(
            new.student,
            name,
            was.points,
            now.points,
            was.state,
            now.state,
            was.hint,
            now.hint,
            (new.student, name) in by_hand,
        )
        if change.moves_points or change.state_before != change.state_after or change.hint_before != change.hint_after:
            changes.append(change)
    return changes


def edited(assignment: str, records: list[Record]) -> list[str]:
    """Return which exercises' code is another than that of the records, where these tell."""
    found = [
        name
        for name in dict.fromkeys(n for r in records for n in r.exercises)
        if any(
            r.exercises[name].code not in ("", _hash_or_nothing(assignment, name))
            for r in records
            if name in r.exercises
        )
    ]
    judged = {r.hashes.judge for r in records if r.hashes is not None}
    return found + (["the grader"] if judged - {judge_hash()} else [])


def _hash_or_nothing(assignment: str, name: str) -> str:
    try:
        return exercise_hash(assignment, name)
    except KeyError:
        return "gone"


def marks_by_hand(root: pathlib.Path, assignment: str) -> set[tuple[str, str]]:
    """Return the automatic marks that a person has set in the gradebook: (student, exercise)."""
    found = set()
    with app.gradebook(root) as gradebook:
        try:
            submissions = gradebook.assignment_submissions(assignment)
        except MissingEntry:
            return set()
        for submission in submissions:
            for notebook in submission.notebooks:
                found |= {
                    (submission.student.id, g.name.removeprefix("check-"))
                    for g in notebook.grades
                    if g.manual_score is not None
                }
    return found


def write(root: pathlib.Path, regrade: Regrade) -> list[str]:
    """Write the new results: into the gradebook for who changes, into the records for everybody.

    nbgrader asks for a second look at every mark set by hand in a submission that is graded again; who stays the
    same is therefore not touched in the gradebook. Who cannot be written (the submission is gone by then) is in `regrade.failed`, and the
    others are written.

    Returns
    -------
    list of str
        Students whose gradebook entries were written.
    """
    changed = set(regrade.changed)
    for student in regrade.compared:
        results = [json.loads(p.read_text(encoding="utf-8")) for p in sorted((regrade.place / student).glob("*.json"))]
        if student in changed:
            for result in results:
                writer.spool(root, result)
            try:
                writer.merge(root, *results)
            except writer.Refused as problem:
                regrade.failed[student] = str(problem)
            continue
        for result in results:
            # With the new key: the next `photgrader grade` knows that there is nothing to do.
            coursedir.write_record(root, Record.read(result["record"]))
    return [s for s in regrade.compared if s in changed and s not in regrade.failed]
