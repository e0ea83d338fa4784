"""Records of graded submissions: where they lie, how they are read and written, and which of them to doubt."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass

from photgrader.coursedir import folder
from photgrader.coursedir.files import write_atomically
from photgrader.coursedir.record import Record
from photgrader.coursedir.signatures import signed, verify


def record_path(root: pathlib.Path, assignment: str, student: str) -> pathlib.Path:
    """Return where a student's record of an assignment is kept."""
    return folder.state_folder(root) / "records" / assignment / f"{student}.json"


def write_record(root: pathlib.Path, record: Record) -> None:
    """Keep a record, with the grader's signature (`photgrader.coursedir.signatures`)."""
    form = signed(record.write(), folder.key(root))
    write_atomically(record_path(root, record.assignment, record.student), json.dumps(form, indent=1) + "\n")


def read_record(path: pathlib.Path) -> Record | None:
    """Return a record from its file, or None where the file holds none (any more)."""
    try:
        return Record.read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def read_records(root: pathlib.Path, assignment: str) -> list[Record]:
    """Return all records of an assignment that can be read, by student; `untrusted` tells of the others."""
    place = folder.state_folder(root) / "records" / assignment
    return [record for p in sorted(place.glob("*.json")) if (record := read_record(p)) is not None]


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
    for path in sorted((folder.state_folder(root) / "records" / assignment).glob("*.json")):
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
