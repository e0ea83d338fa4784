"""Integrity of what a grading run writes: signatures of records, backups of the gradebook.

A signature shows that a record was changed by somebody, or something, without the course's key: an edited or damaged
file, a record brought back from elsewhere. Who can read the key can sign; it is in the grader's private folder.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import json
import logging
import os
import pathlib
import re
import sqlite3
import tempfile
from dataclasses import dataclass
from typing import Any

import sqlalchemy

from photgrader import course

log = logging.getLogger("photgrader")
#: How many backups of the gradebook are kept.
KEPT_BACKUPS = 10
#: How long a backup waits for whoever is writing.
PATIENCE_SECONDS = 3.0
_DOMAIN = b"photgrader record 1\0"


# ------------------------------------------------------------------------------------------------ signatures
def signature(record: dict[str, Any], key: bytes) -> str:
    """Return the signature of a record: HMAC-SHA256 (RFC 2104) of its canonical JSON, its own signature left out.

    Parameters
    ----------
    record : dict
        Plain data.
    key : bytes
        The course's key; the seeds of hidden cases come from it by another function.
    """
    # By way of JSON once: what is signed is what will be read.
    body = json.loads(json.dumps({k: v for k, v in record.items() if k != "signature"}))
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, _DOMAIN + text.encode("ascii"), hashlib.sha256).hexdigest()


def signed(record: dict[str, Any], key: bytes) -> dict[str, Any]:
    """Return a record with its signature."""
    return {**record, "signature": signature(record, key)}


def verify(record: dict[str, Any], key: bytes) -> bool:
    """Tell whether a record is as the grader wrote it.

    Examples
    --------
    >>> record = signed({"student": "ada", "points": 3.0}, b"key")
    >>> verify(record, b"key"), verify({**record, "points": 4.0}, b"key"), verify({"student": "ada"}, b"key")
    (True, False, False)
    """
    given = record.get("signature")
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), signature(record, key).encode())


@dataclass(frozen=True)
class Doubt:
    """A record that is not as the grader wrote it.

    `what` is ``"damaged"`` (no JSON), ``"unsigned"`` or ``"changed"``.
    """

    assignment: str
    student: str
    what: str

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        words = {"damaged": "cannot be read", "unsigned": "has no signature", "changed": "was changed after the grader wrote it"}[self.what]
        return (f"The record of {self.student} in {self.assignment} {words}; do not trust it, grade again: photgrader grade {self.assignment} "
                f"--student {self.student} --force")


def doubts(root: pathlib.Path, assignment: str) -> list[Doubt]:
    """Return the records of an assignment that are not as the grader wrote them, by student."""
    key, found = course.key(root), []
    for path in sorted((course.state_folder(root) / "records" / assignment).glob("*.json")):
        record = course.read_record(path)
        # A record in another student's place is as wrong as one that was edited.
        misplaced = record is not None and (record["student"], record.get("assignment")) != (path.stem, assignment)
        what = ("damaged" if record is None else "unsigned" if "signature" not in record else
                "changed" if misplaced or not verify(record, key) else "")
        if what:
            found.append(Doubt(assignment, path.stem, what))
    return found


# ------------------------------------------------------------------------------------------------ backups
def gradebook_file(root: pathlib.Path) -> pathlib.Path | None:
    """Return the file of an SQLite gradebook; None where the gradebook is on a database server."""
    url = sqlalchemy.engine.make_url(course.database_url(root))
    return pathlib.Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def backups(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the backups of the gradebook, oldest first."""
    return sorted((course.state_folder(root) / "backups").glob("gradebook-*.db"))


def backup_gradebook(root: pathlib.Path, keep: int = KEPT_BACKUPS) -> pathlib.Path | None:
    """Copy the gradebook before a grading run, by SQLite's own backup: whole, whoever else is using it.

    Parameters
    ----------
    root : Path
        The course.
    keep : int
        How many backups to keep; older ones are removed.

    Returns
    -------
    Path or None
        The backup in ``.photgrader/backups``; None where there is nothing to copy: no gradebook yet, or one on a server,
        whose backup is the server's business (``pg_dump``). None too, and a warning, where another program holds the
        gradebook: grading goes on then, and its results wait on disk until the gradebook is free.

    Raises
    ------
    CourseError
        The gradebook is damaged, or the disk is full; what is there already stays.
    """
    source = gradebook_file(root)
    if source is None or not source.exists():
        return None
    known = backups(root)
    changed = max(p.stat().st_mtime for p in (source, source.with_name(source.name + "-wal")) if p.exists())
    if known and known[-1].stat().st_mtime > changed:
        return known[-1]
    target = _backup_path(root)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    os.close(handle)
    try:
        with contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)) as connection, \
                contextlib.closing(sqlite3.connect(name)) as copy:
            # Waits for its turn here, within its patience; the backup itself would wait for ever.
            connection.execute("select 1 from sqlite_master").fetchone()
            connection.backup(copy, pages=-1)
        os.replace(name, target)
    except sqlite3.Error as problem:
        if "locked" in str(problem) or "busy" in str(problem):
            log.warning("the gradebook is held by another program and was not backed up")
            return None
        raise course.CourseError(f"The gradebook {source.name} could not be backed up ({problem}); nothing was graded. Put a backup in its place, or "
                                 "make room if the disk is full, and run the command again.") from problem
    finally:
        pathlib.Path(name).unlink(missing_ok=True)
        pathlib.Path(name + "-journal").unlink(missing_ok=True)
    for old in backups(root)[:-keep]:
        old.unlink(missing_ok=True)
    return target


def _backup_path(root: pathlib.Path) -> pathlib.Path:
    folder = course.state_folder(root) / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / f"gradebook-{stamp}.db"


def backup_time(path: pathlib.Path) -> str:
    """Return when a backup was made, for people."""
    found = re.search(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)", path.name)
    return "{}-{}-{} {}:{} UTC".format(*found.groups()) if found else "an unknown time"


def damage(path: pathlib.Path) -> str:
    """Return what is wrong with an SQLite file, empty where it is whole."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        return str(problem)
    return "" if answer == ("ok",) else str(answer[0] if answer else "no answer")
