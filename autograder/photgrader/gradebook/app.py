"""nbgrader's application, programming interface and gradebook of a course."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any

# nbgrader takes longer to import than a submission to grade: only what asks for it pays.
if TYPE_CHECKING:
    from nbgrader.api import Gradebook


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


def scripts_on_path() -> None:
    """Put this environment's commands on the path: nbgrader starts `alembic` by name, also where nothing was activated."""
    scripts = str(pathlib.Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])


def gradebook(root: pathlib.Path) -> Gradebook:
    """Open a course's gradebook."""
    from nbgrader.api import Gradebook

    return Gradebook(database_url(root))
