"""nbgrader's application, programming interface and gradebook of a course."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from photgrader.coursedir.files import CourseError

# nbgrader takes longer to import than a submission to grade: only what asks for it pays.
if TYPE_CHECKING:
    from nbgrader.api import Gradebook


def nbgrader_app(root: pathlib.Path) -> Any:
    """Return nbgrader's application object with the course's own configuration loaded.

    Raises
    ------
    CourseError
        Where the configuration cannot be loaded; nbgrader by itself would go on with its defaults.
    """
    from nbgrader.apps import NbGrader

    app = NbGrader()
    app.log_level, app.raise_config_file_errors = 40, True
    with contextlib.chdir(root):
        try:
            app.load_config_file()
        except Exception as problem:
            # Whatever is in a file that is Python.
            raise CourseError(
                f"nbgrader_config.py cannot be loaded: {type(problem).__name__}: {' '.join(str(problem).split())[:300].rstrip('.')}. Mend it."
            ) from problem
    return app


def nbgrader_api(root: pathlib.Path) -> Any:
    """Return nbgrader's programming interface to the course."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    app = nbgrader_app(root)
    coursedir = CourseDirectory(parent=app, config=app.config)
    return NbGraderAPI(coursedir, parent=app, config=app.config)


@functools.lru_cache(maxsize=8)
def _database_url(root: pathlib.Path, changed: int) -> str:
    return str(nbgrader_api(root).coursedir.db_url)


def database_url(root: pathlib.Path) -> str:
    """Return the address of the gradebook, as nbgrader's configuration says."""
    return _database_url(root, (root / "nbgrader_config.py").stat().st_mtime_ns)


def scripts_on_path() -> None:
    """Put this environment's commands on the path: nbgrader starts `alembic` by name, also where nothing was activated."""
    scripts = str(pathlib.Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])


@functools.cache
def layouts() -> tuple[str, ...]:
    """Return the layouts that gradebooks of the installed nbgrader have had (alembic's revisions), the first one first.

    Read from where they stand: nbgrader starts a process of alembic's for it, which takes a second or more.
    """
    from nbgrader import dbutil

    after, last = {}, ""
    for path in (pathlib.Path(dbutil.ALEMBIC_DIR) / "versions").glob("*.py"):
        said = dict(
            re.findall(r"^(revision|down_revision)\b[^=\n]*=\s*['\"](\w+)['\"]", path.read_text(encoding="utf-8"), re.M)
        )
        after[said.get("down_revision", "")] = said["revision"]
    found = []
    while last in after:
        last = after.pop(last)
        found.append(last)
    return tuple(found)


def layout() -> str:
    """Return the layout that a new gradebook has."""
    return layouts()[-1]


class GradebookUnreadable(CourseError):
    """The gradebook is damaged, held by another program, or on a disk that is full."""


def unreadable(url: str, problem: Any) -> GradebookUnreadable:
    """Return in a sentence what a database said of a gradebook (SQLAlchemy's ``DBAPIError``)."""
    reason = " ".join(str(problem.orig).split())
    return GradebookUnreadable(
        "The gradebook is held by another program; run the command again when that has ended."
        if "locked" in reason
        else f"The gradebook {url.rpartition('/')[2]} cannot be used ({reason}). Put a backup in its place (.photgrader/backups/), or mend it as "
        "photgrader doctor says."
    )


def check_layout(url: str) -> None:
    """Make sure that a gradebook is one of the installed nbgrader's, which by itself adds to anything what it misses.

    Raises
    ------
    GradebookUnreadable
        One sentence. Where nothing is there yet, nothing is wrong.
    """
    import sqlalchemy
    from nbgrader.api import Base

    engine, name = sqlalchemy.create_engine(url), url.rpartition("/")[2]
    if engine.url.get_backend_name() == "sqlite" and not os.path.exists(engine.url.database or ""):
        return
    try:
        with engine.connect() as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
            said = sqlalchemy.text("SELECT version_num FROM alembic_version")
            found = connection.execute(said).scalar() if "alembic_version" in tables else None
    except sqlalchemy.exc.DBAPIError as problem:
        raise unreadable(url, problem) from problem
    finally:
        engine.dispose()
    missing = sorted(Base.metadata.tables.keys() - tables)
    if not tables or (found == layout() and not missing):
        return
    if found is not None and found in layouts()[:-1]:
        raise GradebookUnreadable(
            f"The gradebook {name} is of a former nbgrader (layout {found}). Bring it to the installed one's: photgrader migrate"
        )
    raise GradebookUnreadable(
        f"{name} is not a whole gradebook (it {f'has no table {missing[0]}' if missing else 'says no layout'}). Put a backup in its place "
        "(.photgrader/backups/)."
        if found in (None, layout())
        else f"The gradebook {name} is of a newer nbgrader than the one installed (layout {found}). Install that nbgrader again, or put a "
        "backup in its place (.photgrader/backups/)."
    )


@contextlib.contextmanager
def gradebook(root: pathlib.Path, url: str = "") -> Iterator[Gradebook]:
    """Open a course's gradebook for a while, or the one at another address.

    Raises
    ------
    GradebookUnreadable
        One sentence, whatever the database says.
    """
    import sqlalchemy.exc
    from nbgrader.api import Gradebook

    url = url or database_url(root)
    check_layout(url)
    try:
        with Gradebook(url) as book:
            yield book
    except sqlalchemy.exc.DBAPIError as problem:
        raise unreadable(url, problem) from problem
