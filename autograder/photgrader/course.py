"""A course on disk: its root, its releases, its key, its records."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import secrets
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from photgrader.settings import Settings, load_settings

if TYPE_CHECKING:
    from photcourse.check.spec import CaseSpec

STATE = ".photgrader"
#: Settings that a command line lays over those of the file, for this process.
_OVERRIDE: list[Settings] = []


class CourseError(Exception):
    """Something about the course that an instructor has to mend; the text says what to do."""


def find_root(start: pathlib.Path | None = None) -> pathlib.Path:
    """Return the course's root: the folder with ``nbgrader_config.py`` and ``source/``, here or above.

    Raises
    ------
    CourseError
        Where there is none.
    """
    here = (start or pathlib.Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "nbgrader_config.py").is_file() and (folder / "source").is_dir():
            return folder
    raise CourseError(f"{here} is not in a course (no nbgrader_config.py with a source/ beside it). Change into the course's folder first.")


def settings(root: pathlib.Path) -> Settings:
    """Return the course's settings, with what the command line laid over them."""
    return _OVERRIDE[-1] if _OVERRIDE else load_settings(root)


@contextlib.contextmanager
def settings_override(changed: Settings) -> Any:
    """Use other settings for a time, in this process."""
    _OVERRIDE.append(changed)
    try:
        yield
    finally:
        _OVERRIDE.pop()


def nbgrader_app(root: pathlib.Path) -> Any:
    """Return nbgrader's application object with the course's own configuration loaded."""
    from nbgrader.apps import NbGrader

    app = NbGrader()
    app.log_level = 40
    with contextlib.chdir(root):
        app.load_config_file()
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


def notebooks(root: pathlib.Path, assignment: str) -> list[str]:
    """Return the names of an assignment's notebooks, from its release (or its source)."""
    for folder in ("release", "source"):
        found = sorted(p.stem for p in (root / folder / assignment).glob("*.ipynb"))
        if found:
            return found
    return []


def skeleton(root: pathlib.Path, assignment: str, notebook: str) -> NotebookNode:
    """Return a notebook as handed out.

    Raises
    ------
    CourseError
        Where there is no release.
    """
    path = root / "release" / assignment / f"{notebook}.ipynb"
    if not path.is_file():
        raise CourseError(f"There is no release of {assignment} ({path.name} is missing); make it with: photgrader build {assignment}")
    return nbformat.reads(_skeleton_text(str(path), path.stat().st_mtime_ns), as_version=4)


@functools.lru_cache(maxsize=32)
def _skeleton_text(path: str, changed: int) -> str:
    return pathlib.Path(path).read_text(encoding="utf-8")


def state_folder(root: pathlib.Path) -> pathlib.Path:
    """Return the grader's own folder in the course, private to the grader."""
    folder = root / STATE
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def scripts_on_path() -> None:
    """Put this environment's commands on the path: nbgrader starts `alembic` by name, also where nothing was activated."""
    scripts = str(pathlib.Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])


def key(root: pathlib.Path) -> bytes:
    """Return the course's secret key, made at first use; seeds and signatures come from it."""
    path = state_folder(root) / "key"
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            # link() fails where another process was faster, so that there is one key.
            os.link(name, path)
        os.unlink(name)
    return bytes.fromhex(path.read_text().strip())


def write_atomically(path: pathlib.Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def record_path(root: pathlib.Path, assignment: str, student: str) -> pathlib.Path:
    """Return where a student's record of an assignment is kept."""
    return state_folder(root) / "records" / assignment / f"{student}.json"


def write_record(root: pathlib.Path, record: dict[str, Any]) -> None:
    """Keep a record, with the grader's signature (`photgrader.integrity`)."""
    from photgrader.integrity import signed

    record = signed(record, key(root))
    write_atomically(record_path(root, record["assignment"], record["student"]), json.dumps(record, indent=1) + "\n")


def read_record(path: pathlib.Path) -> dict[str, Any] | None:
    """Return a record from its file, or None where the file holds none (any more)."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "student" in record else None


def read_records(root: pathlib.Path, assignment: str) -> list[dict[str, Any]]:
    """Return all records of an assignment that can be read, by student; `photgrader.integrity.doubts` tells of the others."""
    folder = state_folder(root) / "records" / assignment
    return [record for p in sorted(folder.glob("*.json")) if (record := read_record(p)) is not None]


def archive_cases(assignment: str, exercise: str) -> list[CaseSpec]:
    """Return the frozen cases on real files of an exercise: answers only, keyed by the files' checksums.

    They are made where the real files are (``photgrader freeze-archive``) and kept beside the exercises.
    """
    # The comparators import half of scipy; what only looks for the course's folder can do without.
    from photcourse.check.spec import CaseSpec

    path = pathlib.Path(__file__).parent / "exercises" / assignment / "archive_cases.json"
    if not path.is_file():
        return []
    return [CaseSpec.from_json(c) for c in json.loads(path.read_text(encoding="utf-8")).get(exercise, [])]
