"""Records of graded submissions: where they lie, how they are read and written, and which of them to doubt."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from photgrader.coursedir import folder
from photgrader.coursedir.files import write_atomically
from photgrader.coursedir.record import Record, together
from photgrader.coursedir.signatures import signed, verify


def record_path(root: pathlib.Path, assignment: str, student: str, notebook: str = "") -> pathlib.Path:
    """Return where a student's record of an assignment is kept; of several notebooks the first one's, or that of one by its name."""
    place = folder.state_folder(root) / "records" / assignment
    if notebook in folder.notebooks(root, assignment)[1:]:
        place = place / "further" / notebook
    return place / f"{student}.json"


def record_paths(root: pathlib.Path, assignment: str, student: str) -> list[pathlib.Path]:
    """Return where the records of all notebooks of a student's submission are kept, those that are there."""
    names = folder.notebooks(root, assignment) or [""]
    return [path for n in names if (path := record_path(root, assignment, student, n)).is_file()]


def write_record(root: pathlib.Path, record: Record) -> None:
    """Keep a record, with the grader's signature (`photgrader.coursedir.signatures`)."""
    form = signed(record.write(), folder.key(root))
    write_atomically(
        record_path(root, record.assignment, record.student, record.notebook), json.dumps(form, indent=1) + "\n"
    )


def read_record(path: pathlib.Path) -> Record | None:
    """Return a record from its file, or None where the file holds none (any more)."""
    try:
        return Record.read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def _each(root: pathlib.Path, assignment: str) -> Iterator[tuple[str, list[pathlib.Path]]]:
    """Give each student with a record of an assignment, and where the records are."""
    place = folder.state_folder(root) / "records" / assignment
    for student in sorted({p.stem for kind in ("*.json", "further/*/*.json") for p in place.glob(kind)}):
        yield student, record_paths(root, assignment, student)


def read_each(root: pathlib.Path, assignment: str) -> list[list[Record]]:
    """Return all records of an assignment that can be read, by student, and of each student by notebook; `untrusted` tells of the others."""
    found = [[r for p in paths if (r := read_record(p)) is not None] for _, paths in _each(root, assignment)]
    return [records for records in found if records]


def read_records(root: pathlib.Path, assignment: str) -> list[Record]:
    """Return one record of each student of an assignment (`together` where it has several notebooks)."""
    return [together(records) for records in read_each(root, assignment)]


def student_record(root: pathlib.Path, assignment: str, student: str) -> Record | None:
    """Return the one record of a student's submission (`together`), or None where there is none."""
    found = [r for p in record_paths(root, assignment, student) if (r := read_record(p)) is not None]
    return together(found) if found else None


@dataclass(frozen=True)
class Untrusted:
    """A record that is not as the grader wrote it.

    `what` is ``"damaged"`` (no JSON), ``"unsigned"`` or ``"changed"``.
    """

    assignment: str
    student: str
    what: str

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        words = {
            "damaged": "cannot be read",
            "unsigned": "has no signature",
            "changed": "was changed after the grader wrote it",
        }[self.what]
        return (
            f"The record of {self.student} in {self.assignment} {words}; do not trust it, grade again: photgrader grade {self.assignment} "
            f"--student {self.student} --force"
        )


def untrusted(root: pathlib.Path, assignment: str) -> list[Untrusted]:
    """Return the records of an assignment that are not as the grader wrote them, by student."""
    key, found = folder.key(root), []
    for path in [path for _, paths in _each(root, assignment) for path in paths]:
        record = read_record(path)
        # A record in another student's place is as wrong as one that was edited.
        misplaced = record is not None and (record.student, record.assignment) != (path.stem, assignment)
        what = (
            "damaged"
            if record is None
            else "unsigned"
            if not record.signature
            else "changed"
            if misplaced or not verify(record.source, key)
            else ""
        )
        if what:
            found.append(Untrusted(assignment, path.stem, what))
    return found
