"""Backups of the gradebook, made before a grading run."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import pathlib
import re
import sqlite3
import tempfile

import sqlalchemy

from photgrader import coursedir
from photgrader.gradebook import app

log = logging.getLogger("photgrader")
#: How many backups of the gradebook are kept.
KEPT_BACKUPS = 10
#: How long a backup waits for whoever is writing.
PATIENCE_SECONDS = 3.0


# ------------------------------------------------------------------------------------------------ backups
def gradebook_file(root: pathlib.Path) -> pathlib.Path | None:
    """Return the file of an SQLite gradebook; None where the gradebook is on a database server."""
    url = sqlalchemy.engine.make_url(app.database_url(root))
    return pathlib.Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def backups(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the backups of the gradebook, oldest first."""
    return sorted((coursedir.state_folder(root) / "backups").glob("gradebook-*.db"))


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
        with (
            contextlib.closing(
                sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)
            ) as connection,
            contextlib.closing(sqlite3.connect(name)) as copy,
        ):
            # Waits for its turn here, within its patience; the backup itself would wait for ever.
            connection.execute("select 1 from sqlite_master").fetchone()
            connection.backup(copy, pages=-1)
        os.replace(name, target)
    except sqlite3.Error as problem:
        if "locked" in str(problem) or "busy" in str(problem):
            log.warning("the gradebook is held by another program and was not backed up")
            return None
        raise coursedir.CourseError(
            f"The gradebook {source.name} could not be backed up ({problem}); nothing was graded. Put a backup in its place, or "
            "make room if the disk is full, and run the command again."
        ) from problem
    finally:
        pathlib.Path(name).unlink(missing_ok=True)
        pathlib.Path(name + "-journal").unlink(missing_ok=True)
    for old in backups(root)[:-keep]:
        old.unlink(missing_ok=True)
    return target


def _backup_path(root: pathlib.Path) -> pathlib.Path:
    folder = coursedir.state_folder(root) / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / f"gradebook-{stamp}.db"


def backup_time(path: pathlib.Path) -> str:
    """Return when a backup was made, for people."""
    found = re.search(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)", path.name)
    return "{}-{}-{} {}:{} UTC".format(*found.groups()) if found else "an unknown time"


def damage(path: pathlib.Path) -> str:
    """Return what is wrong with an SQLite file, empty where it is whole."""
    if not path.is_file():
        return "it is no file"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        return str(problem)
    return "" if answer == ("ok",) else str(answer[0] if answer else "no answer")


# ------------------------------------------------------------------------------------------------ another version of nbgrader
def migrate(root: pathlib.Path) -> tuple[str, str] | None:
    """Bring the gradebook to the layout of the nbgrader that is installed, after a backup of it.

    Parameters
    ----------
    root : Path
        The course.

    Returns
    -------
    tuple of str or None
        The layout before and after (alembic's revisions); None where it is as it should be, or there is no gradebook.

    Raises
    ------
    CourseError
        Where it is of a newer nbgrader than this one, or the migration fails; the backup is whole then, and named.
    """
    from alembic.migration import MigrationContext
    from nbgrader import dbutil

    url, path = app.database_url(root), gradebook_file(root)
    if path is not None and not path.exists():
        return None
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            before = MigrationContext.configure(connection).get_current_revision() or ""
    except sqlalchemy.exc.DBAPIError as problem:
        raise app.unreadable(url, problem) from problem
    finally:
        engine.dispose()
    wanted = app.layout()
    if before == wanted:
        return None
    if before and before not in app.layouts():
        raise coursedir.CourseError(
            f"The gradebook is of a newer nbgrader than the one installed (layout {before}). Install that nbgrader again, or put a backup in its place."
        )
    backup = backup_gradebook(root)
    try:
        dbutil.upgrade(url)
    except Exception as problem:
        # alembic runs as a program of its own and raises many kinds.
        raise coursedir.CourseError(
            f"The gradebook could not be brought to the installed nbgrader's layout ({problem}). Its backup is {backup}."
        ) from problem
    return before, wanted
