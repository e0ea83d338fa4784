"""The one writer of a grading run: puts results into nbgrader's gradebook, by nbgrader's own autograde.

A result that the gradebook cannot take at once is kept on disk (`spool`) until it can, and a record gets the key that says "graded"
only then: whatever happens in between, nothing is lost but the time of the submission that was being written, and nothing is half done.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import logging
import os
import pathlib
import re
import signal
import sqlite3
import threading
import time
import types
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import nbformat
import nbgrader.api
import sqlalchemy
from nbgrader.apps import NbGraderAPI
from nbgrader.nbgraderformat import common as nbgrader_metadata

from photgrader import coursedir
from photgrader.coursedir import signatures
from photgrader.coursedir.files import in_words
from photgrader.coursedir.packages import require_packages
from photgrader.coursedir.record import Record
from photgrader.gradebook import app, plugin
from photgrader.grading.grade import Graded

log = logging.getLogger("photgrader")
#: Seconds to wait before each further try of a gradebook that somebody else holds.
PATIENCE = (0.2, 0.5, 1.0, 2.0)
#: How the live service calls itself in the lock, and how many tenths of a second it is waited for.
LIVE, LIVE_PATIENCE = "the live service, process", 600
#: What nbgrader asks its tables for with every submission, and has no index for: each such question reads the whole class. On a
#: gradebook of 3,000 copied submissions a merge costs twice as much without.
INDEXED = (("grade", "notebook_id"), ("comment", "notebook_id"), ("submitted_notebook", "assignment_id"))
#: The last line of a traceback; and of one that an `OSError` ended: its words and its files.
_RAISED = re.compile(r"(\w+\.)*[A-Z]\w*: .")
_OF_THE_SYSTEM = re.compile(r"\w+: \[Errno \d+\] ([^:]+): '(.*?)'(?: -> '(.*)')?\Z")


class GradebookBusy(coursedir.CourseError):
    """The gradebook is held by somebody else; what was graded is kept and merged next time."""


class Refused(coursedir.CourseError):
    """The gradebook did not take one submission; others are not affected."""


class AlreadyGrading(coursedir.CourseError):
    """Another grading run is under way."""


# ------------------------------------------------------------------------------------------------ one run at a time
@contextlib.contextmanager
def grading_lock(root: pathlib.Path, who: str = "") -> Iterator[None]:
    """Hold the course's lock of grading runs; it goes with the process, however that ends.

    The live service holds it for a moment only, while a verdict goes into the gradebook, and is waited for.

    Parameters
    ----------
    root : Path
        The course.
    who : str
        Who asks, where it is not the process by itself.

    Raises
    ------
    AlreadyGrading
        One sentence that names the process that holds it.
    """
    path = coursedir.state_folder(root) / "grading.lock"
    with path.open("a+") as stream:
        for patience in range(LIVE_PATIENCE, -1, -1):
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as problem:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                if not patience or not holder.startswith((LIVE, "another")):
                    raise AlreadyGrading(
                        f"This course is being graded already ({holder}); wait until that run has ended, or end it."
                    ) from problem
                time.sleep(0.1)
        stream.seek(0)
        stream.truncate()
        stream.write(f"{who or 'process'} {os.getpid()}, since {time.strftime('%H:%M')}")
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)


def check_gradebook(root: pathlib.Path) -> None:
    """Make sure that the gradebook can be read and written, before hours are spent on what it is to hold.

    Raises
    ------
    CourseError
        One sentence: what is wrong, and that nothing was touched.
    """
    url = sqlalchemy.engine.make_url(app.database_url(root))
    if url.get_backend_name() != "sqlite" or not url.database or not pathlib.Path(url.database).exists():
        return
    name = pathlib.Path(url.database).name
    if not pathlib.Path(url.database).is_file():
        # A pipe would be waited for without end.
        raise coursedir.CourseError(f"The gradebook {name} is no file; nothing was changed. Put a backup in its place.")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True, timeout=10)) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as problem:
        if "locked" in str(problem):
            return
        raise coursedir.CourseError(
            f"The gradebook {name} cannot be read ({problem}); nothing was changed. Mend it or put a backup in its place."
        ) from problem
    except sqlite3.DatabaseError as problem:
        answer = (str(problem),)
    if answer != ("ok",):
        raise coursedir.CourseError(
            f"The gradebook {name} is damaged ({answer[0] if answer else 'no answer'}); nothing was changed. Put a backup in "
            "its place and grade again."
        )
    # SQLite writes its journal beside it.
    for place, what in ((pathlib.Path(url.database), "file"), (pathlib.Path(url.database).parent, "folder")):
        if not os.access(place, os.W_OK if what == "file" else os.W_OK | os.X_OK):
            raise coursedir.CourseError(
                f"The gradebook's {what}, {place}, may not be written to by you; nothing was changed. Put its permissions right, or have its owner do so."
            )
    app.check_layout(app.database_url(root))


def held_by_another(root: pathlib.Path) -> bool:
    """Tell, without waiting, whether somebody else holds the gradebook at this moment; of a server's it is not known."""
    url = sqlalchemy.engine.make_url(app.database_url(root))
    if url.get_backend_name() != "sqlite" or not url.database or not pathlib.Path(url.database).exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(url.database, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as problem:
        return "locked" in str(problem)
    return False


def require_assignment(root: pathlib.Path, assignment: str) -> None:
    """Make sure that nbgrader's part is ready, and what is graded can be kept, before a class is graded for nothing.

    Raises
    ------
    CourseError
        One sentence: a package is missing, the course's nbgrader would run student code by itself, the gradebook does not know the assignment, or one of the
        folders that results go into cannot be written.
    """
    require_packages()
    state = coursedir.state_folder(root)
    for place in (root / "autograded", *(state / name / assignment for name in ("records", "graded", "logs"))):
        there = next(p for p in (place, *place.parents) if os.path.lexists(p))
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            what = "may not be written to by you" if there.is_dir() else "is no folder"
            raise coursedir.CourseError(
                f"{there} {what}, and results of grading go there; nothing was graded. Put it right, or aside."
            )
    if "LenientExporter" not in str(app.nbgrader_app(root).config.Autograde.get("exporter_class", "")):
        raise coursedir.CourseError(
            "This course's nbgrader_config.py does not call photgrader's configure: nbgrader would run student code "
            "without the sandbox. Nothing was graded; docs/from-plain-nbgrader.md has the lines."
        )
    with app.gradebook(root) as gradebook:
        try:
            known = any(n.grade_cells for n in gradebook.find_assignment(assignment).notebooks)
        except nbgrader.api.MissingEntry:
            known = False
    if not known:
        raise coursedir.CourseError(
            f"The gradebook does not know {assignment} (a fresh clone has none); nothing was graded. Make it first: photgrader build "
            f"{assignment}"
        )


def index_gradebook(root: pathlib.Path) -> None:
    """Give nbgrader's tables the indexes that its questions need (`INDEXED`).

    A gradebook that somebody holds stays as it is: the next run is as good for what only makes it faster.
    """
    with app.gradebook(root) as gradebook, contextlib.suppress(sqlalchemy.exc.DBAPIError):
        with gradebook.engine.begin() as connection:
            for table, column in INDEXED:
                name = f"photgrader_{table}_{column}"
                connection.execute(sqlalchemy.text(f'CREATE INDEX IF NOT EXISTS {name} ON "{table}" ({column})'))


# ------------------------------------------------------------------------------------------------ kept results
def _spooled(root: pathlib.Path, assignment: str, student: str, notebook: str) -> pathlib.Path:
    digest = hashlib.sha256(f"{student}\0{notebook}".encode()).hexdigest()[:24]
    return coursedir.state_folder(root) / "graded" / assignment / f"{digest}.json"


def has_spooled(root: pathlib.Path, assignment: str, student: str, notebook: str) -> bool:
    """Tell whether a result waits for the gradebook."""
    return _spooled(root, assignment, student, notebook).exists()


def spool(root: pathlib.Path, result: dict[str, Any]) -> None:
    """Keep a result until the gradebook has it.

    Raises
    ------
    CourseError
        Where the disk is full.
    """
    path = _spooled(root, *Record.read(result["record"]).name)
    with disk_full_told():
        coursedir.write_atomically(path, json.dumps(signatures.signed(result, coursedir.key(root))))


def spooled_result(root: pathlib.Path, assignment: str, student: str, notebook: str, key: str) -> dict[str, Any] | None:
    """Return a result that no gradebook has yet and that is still right (its key is `key`), or None."""
    path = _spooled(root, assignment, student, notebook)
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if (
        isinstance(result, dict)
        and signatures.verify(result, coursedir.key(root))
        and Record.read(result["record"]).key == key
    ):
        return result
    path.unlink(missing_ok=True)
    return None


def forget_spooled(root: pathlib.Path, assignment: str, names: Iterable[tuple[str, str, str]]) -> None:
    """Remove the results that wait for the gradebook, but those of some submissions (`Task.name`): the others are there no more."""
    kept = {_spooled(root, *name) for name in names}
    for path in (coursedir.state_folder(root) / "graded" / assignment).glob("*.json"):
        if path not in kept:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_full_told() -> Iterator[None]:
    """Turn the system's words for a full disk into a sentence."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise coursedir.CourseError(
                "The disk is full; what was graded before is in the gradebook. Make room and run the command again: it goes on "
                "where it stopped."
            ) from problem
        raise


# ------------------------------------------------------------------------------------------------ merging
@functools.lru_cache(maxsize=4)
def _api(root: pathlib.Path, changed: int) -> NbGraderAPI:
    # Making the application and reading its configuration costs more than what it then does.
    return app.nbgrader_api(root)


@functools.lru_cache(maxsize=4)
def _engine(*words: Any, **named: Any) -> Any:
    return sqlalchemy.create_engine(*words, **named)


@functools.lru_cache(maxsize=8)
def _validator(schema: str) -> Any:
    parsed = json.loads(schema)
    kind = jsonschema.validators.validator_for(parsed)
    kind.check_schema(parsed)
    return kind(parsed)


def _validate(instance: Any, schema: dict[str, Any]) -> None:
    """Validate as `jsonschema.validate` does, with a schema that was itself checked before."""
    error = jsonschema.exceptions.best_match(_validator(json.dumps(schema)).iter_errors(instance))
    if error is not None:
        raise error


@contextlib.contextmanager
def _read_once() -> Iterator[None]:
    """Let nbgrader keep what it makes anew many times a submission.

    Nine gradebooks share an engine, and with it what SQLAlchemy has compiled, and the first sees that the course is in it; the schema
    of the metadata, its own file, is checked once and not for every marked cell, which took a fifth of the time.
    """
    book, seen = nbgrader.api.Gradebook, set[str]()
    check_course = book.check_course
    before = nbgrader.api.create_engine, nbgrader_metadata.jsonschema, check_course

    def check_once(self: nbgrader.api.Gradebook, course_id: str = "default_course") -> None:
        if course_id not in seen:
            check_course(self, course_id)
            seen.add(course_id)

    nbgrader.api.create_engine, nbgrader_metadata.jsonschema = _engine, types.SimpleNamespace(validate=_validate)
    book.check_course = check_once
    try:
        with warnings.catch_warnings():
            # What SQLAlchemy says of nbgrader's way with it is of no use to who grades.
            warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
            yield
    finally:
        nbgrader.api.create_engine, nbgrader_metadata.jsonschema, book.check_course = before


@contextlib.contextmanager
def said_by_us(*loggers: logging.Logger) -> Iterator[None]:
    """Keep nbgrader's logs off the screen: what went wrong is told in a sentence, by us."""
    kept = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, handlers, propagate in kept:
            logger.handlers, logger.propagate = handlers, propagate


@contextlib.contextmanager
def _interrupt_later() -> Iterator[None]:
    """Let Ctrl-C wait until a submission is merged as a whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if asked:
            raise KeyboardInterrupt


def merge(root: pathlib.Path, *results: dict[str, Any], patience: tuple[float, ...] = PATIENCE) -> None:
    """Put a submission's results, one for each of its notebooks, into nbgrader's gradebook, by nbgrader's own autograde.

    Manual scores, comments and late penalties are nbgrader's and stay. A notebook of the assignment that has no result here is graded
    on the way, as with nbgrader's own command.

    Raises
    ------
    GradebookBusy
        Somebody else holds the gradebook for longer than `patience`.
    CourseError
        nbgrader refuses, or the disk is full.
    """
    records = [Record.read(result["record"]) for result in results]
    assignment, student, _ = records[0].name
    if not (root / "submitted" / student / assignment).is_dir():
        for record in records:
            _spooled(root, *record.name).unlink(missing_ok=True)
        raise Refused(
            f"the submission went from submitted/ while it was graded; put it back, or collect {assignment} again"
        )
    for pause in (*patience, None):
        for record, result in zip(records, results, strict=True):
            wrote = {file: base64.b64decode(text) for file, text in result.get("files", {}).items()}
            plugin.PREPARED[record.name] = Graded(
                nbformat.reads(result["notebook"], as_version=4), replace(record, key=None), wrote=wrote
            )
        try:
            with _interrupt_later(), _read_once():
                api = _api(root, (root / "nbgrader_config.py").stat().st_mtime_ns)
                with said_by_us(api.log, nbgrader.api.app_log):
                    done = api.autograde(assignment, student, force=True, create=True)
                if done["success"]:
                    # Only now is it graded: a run that is killed before grades it again.
                    for record, result in zip(records, results, strict=True):
                        with disk_full_told():
                            _write_log(root, result)
                            coursedir.write_record(root, record if record.key else replace(record, key=None))
                        _spooled(root, *record.name).unlink(missing_ok=True)
                    return
        except OSError as problem:
            raise Refused(f"{in_words(problem).removesuffix('.')}; put that right") from problem
        finally:
            for record in records:
                plugin.PREPARED.pop(record.name, None)
        words = f"{done.get('log') or ''}{done.get('error') or ''}"
        if "database is locked" not in words:
            break
        if pause is not None:
            time.sleep(pause)
    raise _refused(student, words)


def _refused(student: str, words: str) -> coursedir.CourseError:
    if "database is locked" in words:
        return GradebookBusy(
            "The gradebook is held by another program (a formgrader, another nbgrader); what was graded is kept. Run the command "
            "again when that has ended: nothing is graded twice."
        )
    if "disk is full" in words or "No space left" in words:
        return coursedir.CourseError(
            "The disk is full; what was graded before is in the gradebook. Make room and run the command again: it goes on "
            "where it stopped."
        )
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    # nbgrader's own last word points at a traceback that nobody sees: what was raised stands before it.
    raised = [line for line in lines if _RAISED.match(line) and "above traceback" not in line]
    reason = (raised or lines or ["no reason given"])[-1].rstrip(".")
    system = _OF_THE_SYSTEM.match(reason)
    if system is not None:
        reason = f"{system[3] or system[2]} cannot be used: {system[1]}; put that right"
    return Refused(f"The gradebook did not take {student}: {reason[:1000]}")


def log_path(root: pathlib.Path, assignment: str, student: str) -> pathlib.Path:
    """Return where a student's log of an assignment is."""
    return coursedir.state_folder(root) / "logs" / assignment / f"{student}.log"


def _write_log(root: pathlib.Path, result: dict[str, Any]) -> None:
    record = Record.read(result["record"])
    path = log_path(root, record.assignment, record.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("\n".join(log_lines(record, result.get("log", ""))) + "\n\n")


def log_lines(record: Record, further: str = "") -> list[str]:
    """Return what a log says of one grading of one submission."""
    lines = [
        f"{record.graded}  {record.notebook}  run {record.run}  {record.state}  {record.points:g} of {record.max_points:g}  "
        f"{record.seconds:.2f} s  {record.kernel}"
    ]
    lines += [f"  repair: {r.grader}" for r in record.repairs] + ([f"  {record.sentence}"] if record.sentence else [])
    lines += [f"  cell {f.cell}: {f.state}: {f.sentence}" for f in record.faults]
    for name, exercise in record.exercises.items():
        lines.append(
            f"  {name}: {exercise.points:g} of {exercise.max_points:g}, {exercise.state}"
            + (f", {exercise.hint}" if exercise.hint else "")
            + (f", {exercise.symptom}" if exercise.symptom else "")
        )
    return lines + [f"  {line}" for line in further.splitlines()]
