"""Repeat a verdict from its record, for an appeal: the same seeds, the same submission, everything laid open."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import textwrap
from dataclasses import dataclass, field
from typing import Any

import nbformat
import numpy as np

from photcheck import wire
from photcheck.comparators.base import Comparator, brief, number_text
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import CaseVerdict, Verdict
from photgrader import coursedir
from photgrader.coursedir import signatures
from photgrader.coursedir.record import NotARecord, Record
from photgrader.gradebook.hidden_tests import skeleton_to_grade
from photgrader.grading.finding import submitted_at
from photgrader.grading.grade import grade
from photgrader.grading.hashes import exercise_hash, judge_hash, versions
from photgrader.grading.intake import read_submission
from photgrader.grading.run import Submission
from photgrader.grading.whole_tests import release_hash

#: Differences of points and scores below this are rounding.
SAME = 1e-4


@dataclass
class Replay:
    """A verdict repeated.

    Parameters
    ----------
    record : dict
        The record that was repeated.
    verdicts, specs : dict
        Verdicts and specifications by exercise, of this time.
    new : dict
        The record of this time.
    notes : list of str
        Where something is not what it was: versions, code, submission, release; empty where all is.
    signature : str
        What the record's signature says; empty where it has none.
    trusted : bool
        False where the signature says that the record was changed by somebody else.
    """

    record: Record
    verdicts: dict[str, Verdict]
    specs: dict[str, ExerciseSpec]
    new: Record
    notes: list[str] = field(default_factory=list)
    signature: str = ""
    trusted: bool = True

    def differences(self, exercise: str) -> list[str]:
        """Return in which points the repeated verdict is not the recorded one; empty where it is."""
        was, now = self.record.exercises[exercise], self.new.exercises.get(exercise)
        if now is None:
            return ["the exercise is no longer in the assignment"]
        found = [
            f"{what}: {then!r} then, {today!r} now"
            for what, then, today in (("state", was.state, now.state), ("hint", was.hint, now.hint))
            if then != today
        ]
        if abs(was.points - now.points) > SAME:
            found.insert(0, f"points: {was.points:g} then, {now.points:g} now")
        # A kind of case may be there twice: provided, and made anew.
        cases = {(c.name, c.hidden): c for c in now.cases}
        for case in was.cases:
            other = cases.pop((case.name, case.hidden), None)
            if other is None:
                found.append(f"case {case.name!r} is gone")
            elif abs(case.score - other.score) > SAME or case.kind != other.kind:
                found.append(
                    f"case {case.name!r}: score {case.score:g} ({case.kind}) then, {other.score:g} ({other.kind}) now"
                )
        return found + [f"case {name!r} is new" for name, _ in cases]


def find_record(root: pathlib.Path, name: str) -> Record:
    """Return a record by its file's path, or by ``ASSIGNMENT/STUDENT``.

    Raises
    ------
    CourseError
        Where there is none, or the file is no record.
    """
    path = pathlib.Path(name)
    assignment, _, student = name.partition("/")
    if not path.is_file() and student and student == pathlib.PurePath(student).name:
        path = coursedir.record_path(root, assignment, student)
    try:
        if not path.is_file():
            # A device or a pipe would be read for ever.
            raise FileNotFoundError(name)
        record = Record.read(json.loads(path.read_text(encoding="utf-8")))
        if record.assignment and record.notebook:
            return record
    except NotARecord as problem:
        raise coursedir.CourseError(f"{name} is not a record of grading that this grader reads: {problem}.") from None
    except OSError:
        raise coursedir.CourseError(
            f"There is no record {name}. Give the path of a file in .photgrader/records/, or ASSIGNMENT/STUDENT."
        ) from None
    except (ValueError, RecursionError):
        pass
    raise coursedir.CourseError(f"{name} is not a record of grading.")


def check_signature(root: pathlib.Path, record: Record) -> tuple[str, bool]:
    """Return what the signature of a record says, and whether the record can be trusted."""
    if not record.signature:
        return "", True
    good = signatures.verify(record.source, coursedir.key(root))
    return (
        "The signature is right: the record is as the grader wrote it."
        if good
        else "THE SIGNATURE IS WRONG: somebody else than the grader has changed this record."
    ), good


def replay(root: pathlib.Path, record: Record) -> Replay:
    """Repeat the verdicts of a record: the submission in ``submitted/``, judged with the record's seeds.

    Nothing is written.

    Raises
    ------
    CourseError
        Where there is no submission any more.
    """
    assignment, student, notebook = (record.assignment, record.student, record.notebook)
    folder = root / "submitted" / student / assignment
    if pathlib.PurePath(student).name != student or not folder.is_dir():
        raise coursedir.CourseError(
            f"The submission of {student} for {assignment} is not in submitted/; put it back to repeat its verdict."
        )
    settings = dataclasses.replace(coursedir.settings(root), run=record.run)
    skeleton = skeleton_to_grade(root, assignment, notebook)
    others = coursedir.other_notebooks(root, assignment, notebook)
    intake, files, _ = read_submission(folder, notebook, skeleton, settings, submitted_at(folder), others)
    seeds = {name: e.seed for name, e in record.exercises.items()}
    graded = grade(
        Submission(student, assignment, notebook, intake, files),
        settings,
        coursedir.key(root),
        skeleton=skeleton,
        seeds=seeds,
    )
    signature, trusted = check_signature(root, record)
    return Replay(
        record,
        graded.verdicts,
        graded.specs,
        graded.record,
        what_differs(record, graded.record, skeleton),
        signature,
        trusted,
    )


def what_differs(record: Record, new: Record, skeleton: nbformat.NotebookNode) -> list[str]:
    """Return in sentences where the verdict's ingredients are not those of the record."""
    notes = [
        f"{name} was {old}, it is {versions().get(name, 'not there')} now"
        for name, old in record.versions.items()
        if versions().get(name) != old
    ]
    hashes = record.hashes
    if hashes is None:
        return [
            *notes,
            "the record is of an older grader and does not say which submission and which code it was made from",
        ]
    if new.hashes is not None and hashes.submission != new.hashes.submission:
        notes.append("the submission in submitted/ is not the one that was graded")
    if hashes.release not in ("", release_hash(skeleton)):
        notes.append("the assignment's release has changed")
    if hashes.judge != judge_hash():
        notes.append("the code that compares answers has changed")
    for name, exercise in record.exercises.items():
        if exercise.code and name in new.exercises and exercise.code != exercise_hash(record.assignment, name):
            notes.append(f"the exercise {name} has changed")
    return notes


# ------------------------------------------------------------------------------------------------ laid open
def describe_input(form: Any) -> str:
    """Say what an argument is: its kind, shape and range."""
    if isinstance(form, dict) and form.get("$") == "outfile":
        return f"the path of a file to write, {form['name']}"
    value = wire.decode(form, data=True)
    if isinstance(value, np.ndarray) and value.size > 1 and value.dtype.kind in "biuf":
        finite = value[np.isfinite(value)]
        bad = value.size - finite.size
        span = (
            f"{number_text(float(finite.min()), 6)} to {number_text(float(finite.max()), 6)}"
            if finite.size
            else "no finite value"
        )
        return f"{value.dtype} array of shape {value.shape}, {span}" + (f", {bad} not finite" if bad else "")
    return brief(value)


def describe_tolerance(comparator: Comparator) -> str:
    """Say how an answer is compared: the comparator and what is set of it."""
    parts = []
    for item in dataclasses.fields(comparator):
        value = getattr(comparator, item.name)
        if isinstance(value, Comparator):
            parts.append(describe_tolerance(value))
        elif value != item.default and value not in ("", ()):
            parts.append(
                f"{item.name} = {value}"
                if not isinstance(value, tuple)
                else f"{item.name} = ({', '.join(str(v) for v in value)})"
            )
    return f"{type(comparator).__name__}" + (f" with {'; '.join(parts)}" if parts else "")


def case_lines(number: int, verdict: CaseVerdict, params: tuple[str, ...]) -> list[str]:
    """Return one case laid open: inputs, answer, what was expected, tolerance, outcome."""
    case = verdict.case
    lines = [f"  case {number}, {case.name!r} ({'hidden' if case.hidden else 'provided'}): {case.tests}"]
    lines += [f"    {name}: {describe_input(form)}" for name, form in zip(params, case.args, strict=False)]
    answer = f"stopped with {verdict.raised}" if verdict.raised else case.comparator.describe(verdict.answer)
    lines += [
        f"    expected: {case.comparator.describe(case.expected)}",
        f"    answer: {answer}",
        f"    compared by: {describe_tolerance(case.comparator)}",
        f"    score: {verdict.finding.score:.4g} of 1, weight {case.points:g}"
        + (f"; {verdict.finding.symptom}" if verdict.finding.symptom else ""),
    ]
    return lines


def report_lines(found: Replay, exercise: str, case: str = "") -> list[str]:
    """Return the report on one exercise, for a terminal."""
    was, verdict = found.record.exercises[exercise], found.verdicts.get(exercise)
    lines = [
        f"{exercise}: {was.points:g} of {was.max_points:g} points, {was.state} (recorded); seed of the hidden cases {was.seed}"
    ]
    differences = found.differences(exercise)
    lines += (
        ["  The repeated verdict is the recorded one."]
        if not differences
        else ["  THE REPEATED VERDICT DIFFERS:", *(f"    {d}" for d in differences)]
    )
    if verdict is None:
        return lines
    lines += [f"  {verdict.sentence}"] + ([f"  {verdict.symptom}"] if verdict.symptom else [])
    for number, judged in enumerate(verdict.cases, 1):
        if not case or judged.case.name == case:
            lines += case_lines(number, judged, found.specs[exercise].params)
    return [part for line in lines for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, 118, subsequent_indent=indent, drop_whitespace=True, break_long_words=False) or [""]


def case_json(verdict: CaseVerdict, params: tuple[str, ...]) -> dict[str, Any]:
    """Return one case as plain data, inputs and answers whole."""
    case: CaseSpec = verdict.case
    return {
        "name": case.name,
        "tests": case.tests,
        "hidden": case.hidden,
        "weight": case.points,
        "inputs": dict(zip(params, case.args, strict=False)),
        "input_words": {n: describe_input(f) for n, f in zip(params, case.args, strict=False)},
        "expected": wire.encode(case.expected),
        "expected_words": case.comparator.describe(case.expected),
        "answer": None if verdict.raised else wire.encode(verdict.answer),
        "answer_words": f"stopped with {verdict.raised}"
        if verdict.raised
        else case.comparator.describe(verdict.answer),
        "compared_by": describe_tolerance(case.comparator),
        "score": round(verdict.finding.score, 6),
        "kind": verdict.finding.kind,
        "symptom": verdict.finding.symptom,
    }


def to_json(found: Replay, exercises: list[str], case: str = "") -> dict[str, Any]:
    """Return a replay as plain data."""
    record = found.record
    return {
        "student": record.student,
        "assignment": record.assignment,
        "run": record.run,
        "graded": record.graded,
        "signature": found.signature,
        "notes": found.notes,
        "versions": versions(),
        "exercises": {
            e: {
                "recorded": dataclasses.asdict(record.exercises[e]),
                "differences": found.differences(e),
                "cases": [
                    case_json(v, found.specs[e].params)
                    for v in found.verdicts[e].cases
                    if not case or v.case.name == case
                ]
                if e in found.verdicts
                else [],
            }
            for e in exercises
        },
    }
