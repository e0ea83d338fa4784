"""PostgreSQL as the gradebook: a real server, started here; the same rows as with SQLite."""

from __future__ import annotations

import contextlib
import glob
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
from nbgrader.api import Gradebook

from photgrader.gradebook import app, writer
from photgrader.runs import parallel
from photgrader.sandbox import warm
from support import ASSIGNMENT, RIGHT, submit

pytestmark = pytest.mark.heavy
BINARIES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"


@contextlib.contextmanager
def postgres_server():
    """Start a server of one's own on a Unix socket; yield the address of its database."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pgsql-"))
    # The server refuses to run as root.
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        os.chown(folder, 65534, 65534)
    binaries = pathlib.Path(BINARIES[-1])
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = None
    try:
        subprocess.run(
            [*as_user, binaries / "initdb", "-D", folder / "data", "-U", "grader", "-A", "trust", "-E", "UTF8"],
            check=True,
            **quiet,
        )
        server = subprocess.Popen(
            [*as_user, binaries / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="], **quiet
        )
        for _ in range(150):
            if (
                subprocess.run(
                    [binaries / "pg_isready", "-h", folder, "-U", "grader", "-d", "postgres"], **quiet
                ).returncode
                == 0
            ):
                break
            time.sleep(0.2)
        yield f"postgresql+psycopg2://grader@/postgres?host={folder}"
    finally:
        if server is not None:
            server.terminate()
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def rows(root: pathlib.Path) -> list[tuple[object, ...]]:
    with Gradebook(app.database_url(root)) as gradebook:
        return sorted(
            (s.student.id, g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
            for s in gradebook.assignment_submissions(ASSIGNMENT)
            for n in s.notebooks
            for g in n.grades
        )


@pytest.mark.skipif(not BINARIES, reason="PostgreSQL is not installed (Debian: apt-get install postgresql)")
def test_a_gradebook_in_postgresql_gets_the_rows_that_one_in_sqlite_gets(tiny_course, tmp_path):
    pytest.importorskip("psycopg2")
    from photgrader.release.build import build_release

    submit(tiny_course, "ada", RIGHT)
    submit(tiny_course, "bo", {**RIGHT, "centroid": NO_OFFSET})
    results = [parallel.grade_task(t) for t in parallel.submissions(tiny_course, ASSIGNMENT)]
    warm.close()
    twin = tmp_path / "twin"
    shutil.copytree(tiny_course, twin)
    with postgres_server() as address:
        config = twin / "nbgrader_config.py"
        config.write_text(config.read_text() + f"\nc.CourseDirectory.db_url = {address!r}\n")
        shutil.rmtree(twin / "release")
        build_release(twin, ASSIGNMENT)
        writer.check_gradebook(twin)
        for root in (tiny_course, twin):
            for result in results:
                writer.merge(root, result)
        assert app.database_url(twin) == address
        found = rows(twin)
        writer._engine.cache_clear()
    assert found == rows(tiny_course) and len(found) == 6
