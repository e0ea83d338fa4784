"""Records for research on teaching: keyed pseudonyms, no free text of students, no times.

What leaves is made from a list of what may leave, not by deleting what may not: points, states, hints and findings, which
are the course's own words, numbers of cases, and whether it came late. A student's name, code, output, error message, file
name and leaderboard name have no place in it. A pseudonym is an HMAC of the student's id under a key of the study, which
stays in the course: the same student has the same pseudonym in all assignments of a study, another one in another study,
and nobody without the key can make one from a class list.

Pseudonymous is not anonymous: marks and mistakes of a small class may still tell who somebody is. Who publishes answers
for that.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import os
import pathlib
import re
import secrets
from typing import Any

from photgrader import coursedir
from photgrader.coursedir.record import ExerciseRecord, Record
from photgrader.exercise import Assignment, load_assignment
from photgrader.overview.status import Standing

#: Words that the grader writes itself into states and kinds.
_WORD = re.compile(r"[a-z0-9][a-z0-9 _-]{0,40}\Z")
SMALL = 10


def study_key(root: pathlib.Path, study: str) -> bytes:
    """Return the key of a study, made at first use and kept with the course's own.

    Raises
    ------
    CourseError
        Where the study's name cannot name a file.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}", study):
        raise coursedir.CourseError(f"A study's name has letters, digits, - and _ only; it is {study!r}.")
    path = coursedir.state_folder(root) / "studies" / study
    if not path.is_file():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        coursedir.write_atomically(path, secrets.token_hex(32) + "\n")
        os.chmod(path, 0o600)
    try:
        return bytes.fromhex(path.read_text(encoding="utf-8").strip())
    except ValueError as problem:
        raise coursedir.CourseError(
            f"The study's key {path} is damaged: put a backup in its place, or choose another study (its pseudonyms will be others)."
        ) from problem


def pseudonym(key: bytes, student: str) -> str:
    """Return a student's pseudonym.

    Examples
    --------
    >>> pseudonym(b"key", "ada")
    'p-708a727d2475357e'
    """
    return "p-" + hmac.new(key, student.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def _word(value: Any) -> str:
    """Return a word of the grader's; anything else is left out."""
    return value if isinstance(value, str) and _WORD.match(value) else ""


def _number(value: Any) -> float:
    return round(float(value), 4) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def anonymous_record(record: Record, assignment: Assignment, key: bytes, late: bool | None) -> dict[str, Any]:
    """Return what may be known of a record.

    Parameters
    ----------
    record : Record
        Of a graded submission.
    assignment : Assignment
        Its exercises, whose names and misconceptions are the words that may appear.
    key : bytes
        Of the study.
    late : bool or None
        Whether it came late; None where that is not known.
    """
    return {
        "student": pseudonym(key, record.student),
        "assignment": assignment.name,
        "run": _word(record.run) or "1",
        "late": late,
        "state": _word(record.state),
        "repairs": sorted(_word(r.kind) for r in record.repairs),
        "faults": sorted(_word(f.state) for f in record.faults),
        "points": _number(record.points),
        "max_points": _number(record.max_points),
        "exercises": {
            name: _exercise(record.exercises[name], assignment.exercises[name])
            for name in assignment.exercises
            if name in record.exercises
        },
    }


def _exercise(verdict: ExerciseRecord, exercise: Any) -> dict[str, Any]:
    hints = set(exercise.misconceptions) | {m.raises for m in exercise.misconceptions.values() if m.raises}
    return {
        "points": _number(verdict.points),
        "max_points": _number(verdict.max_points),
        "state": _word(verdict.state),
        "hint": verdict.hint if verdict.hint in hints else "",
        "cases": [
            {
                "case": number,
                "hidden": bool(c.hidden),
                "weight": _number(c.weight),
                "score": _number(c.score),
                "kind": _word(c.kind),
            }
            for number, c in enumerate(verdict.cases, 1)
        ],
    }


def anonymise(
    root: pathlib.Path, assignments: list[str], study: str, standings: dict[str, list[Standing]]
) -> list[dict[str, Any]]:
    """Return the records of some assignments for a study, in the order of the pseudonyms.

    Parameters
    ----------
    root : Path
        The course.
    assignments : list of str
        Which.
    study : str
        Its name; each study has pseudonyms of its own.
    standings : dict
        Where the students stand, by assignment (`photgrader.overview.status`), for who was late.
    """
    key = study_key(root, study)
    made = []
    for name in assignments:
        late = {
            s.student: s.hours_late > 0 for s in standings.get(name, []) if s.due and s.submitted not in ("", "unknown")
        }
        assignment = load_assignment(name)
        made += [anonymous_record(r, assignment, key, late.get(r.student)) for r in coursedir.read_records(root, name)]
    return sorted(made, key=lambda r: (r["assignment"], r["student"]))


def as_lines(records: list[dict[str, Any]]) -> str:
    """Return records as JSON, one a line."""
    return "".join(json.dumps(r, sort_keys=True) + "\n" for r in records)


def as_csv(records: list[dict[str, Any]]) -> str:
    """Return records as a table: a row for each student and exercise."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(
        [
            "student",
            "assignment",
            "run",
            "late",
            "state",
            "exercise",
            "points",
            "max_points",
            "verdict",
            "hint",
            "cases",
            "cases_right",
        ]
    )
    for r in records:
        for name, e in r["exercises"].items():
            writer.writerow(
                [
                    r["student"],
                    r["assignment"],
                    r["run"],
                    "" if r["late"] is None else str(r["late"]).lower(),
                    r["state"],
                    name,
                    e["points"],
                    e["max_points"],
                    e["state"],
                    e["hint"],
                    len(e["cases"]),
                    sum(c["score"] >= 1 for c in e["cases"]),
                ]
            )
    return buffer.getvalue()
