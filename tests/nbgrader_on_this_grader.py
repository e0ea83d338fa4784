"""A plug-in of pytest: nbgrader's own tests, in courses that use this grader.

A test of `MEANT` has to fail here, at its line: it holds nbgrader to what this grader does otherwise on purpose. Whatever
else fails, and whatever of `MEANT` passes, is a fault.
"""

from __future__ import annotations

import functools
import gc
import pathlib
import sqlite3
import sys
import traceback
from collections.abc import Iterator

import nbgrader.api
import pytest
import sqlalchemy

import plain_kernel
from photgrader.gradebook import app

_MISSING = "a missing notebook is a state of the submission, told to its student and to a person, and no failure"
_UNKNOWN = "marks that the release does not know are left out, and the rest is graded"
#: What is otherwise on purpose: module and test, how the line begins at which the test fails here, and the reason.
MEANT: dict[str, dict[str, tuple[str, str]]] = {
    "test_nbgrader_autograde": {
        "test_grade_empty_timestamp": (
            'run_nbgrader(["autograde", "ps1", "--db", db], retcode=1)',
            "a time that cannot be read is told and costs nothing; nbgrader ends the run for everybody",
        ),
        "test_filter_notebook": (
            'assert not os.path.isfile(join(course_dir, "autograded", "foo", "ps1", "p1.ipynb"))',
            "a folder without its graded notebook is what an interrupted run leaves, and is graded again",
        ),
        "test_handle_failure": ('run_nbgrader(["autograde", "ps1"], retcode=1)', _UNKNOWN),
        "test_handle_failure_single_notebook": (
            'run_nbgrader(["autograde", "ps1", "--notebook", "p*"], retcode=1)',
            _UNKNOWN,
        ),
        "test_missing_source_kernelspec": (
            'run_nbgrader(["autograde", "ps1"], retcode=1)',
            "the kernel is the release's; what a student's file says of it starts nothing",
        ),
        "test_no_execute": (
            "assert orig_cell.outputs == new_cell.outputs",
            "outputs are the student's own to write: every submission is run, and a warning says so",
        ),
        "test_missing_files": ('assert not os.path.exists(join(course_dir, "autograded", "bar"))', _MISSING),
        "test_grade_missing_notebook": (
            'assert not os.path.isfile(join(course_dir, "autograded", "foo", "ps1", "p2.ipynb"))',
            _MISSING,
        ),
    },
    "test_nbgrader_collect": {
        "test_owner_check": (
            "assert 'WARNING' in out",
            "what the collecting account itself put into the exchange is by whom it says; what is another's is refused",
        ),
        "test_permissions": (
            'assert self._get_permissions(join(course_dir, "submitted", "foobar_student", "ps1")) ==',
            "nobody but its course's group writes to what was collected",
        ),
    },
    "test_api": {
        "test_filter_existing_notebooks": ("assert s == []", _MISSING),
        "test_get_student_notebook_submissions": ("assert s_p2 == {", _MISSING),
    },
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--stock``: the same tests on plain nbgrader; ``--jail``: submissions are run as in earnest, not by kernels forked from here."""
    parser.addoption("--stock", action="store_true", help="run nbgrader's tests on plain nbgrader")
    parser.addoption("--jail", action="store_true", help="run submissions in the jail")


def pytest_configure(config: pytest.Config) -> None:
    """Make gradebooks quickly, on plain nbgrader too: no process for each, no statement compiled anew for each look, no waiting for the disk."""
    nbgrader.api.get_alembic_version, nbgrader.api.create_engine = app.layout, _engine
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _without_waiting)
    # What completes words in a shell is looked for by each of nbgrader's commands.
    sys.modules.setdefault("argcomplete", None)  # type: ignore[arg-type]
    if not (config.getoption("stock") or config.getoption("jail")):
        plain_kernel.in_this_process(pytest.MonkeyPatch())


@functools.lru_cache(maxsize=4)
def _engine(url: str, **how: object) -> sqlalchemy.Engine:
    """Return the engine of a gradebook, the same for all looks into it; it keeps no connection, which a forked kernel would have too."""
    return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, **how)


def _without_waiting(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have the tests of `MEANT` fail; a name that nbgrader does not have any more ends the run."""
    if config.getoption("stock"):
        return
    for module, meant in MEANT.items():
        there = [item for item in items if item.path.stem == module]
        unknown = set(meant) - {item.originalname for item in there if isinstance(item, pytest.Function)}
        if there and unknown:
            raise pytest.UsageError(f"nbgrader has no {', '.join(sorted(unknown))} in {module}")
        for item in there:
            if isinstance(item, pytest.Function) and item.originalname in meant:
                item.add_marker(
                    pytest.mark.xfail(reason=meant[item.originalname][1], raises=AssertionError, strict=True)
                )


def pytest_collection_finish() -> None:
    """Spare what is imported by now the garbage collector's looks, here and in the kernels that are forked from here."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Have a test of `MEANT` that fails anywhere but at its line fail in earnest."""
    try:
        return (yield)
    except AssertionError as problem:
        line, reason = MEANT.get(item.path.stem, {}).get(getattr(item, "originalname", ""), ("", ""))
        places = [place for place in traceback.extract_tb(problem.__traceback__) if place.filename == str(item.path)]
        if line and not item.config.getoption("stock") and not str(places[-1].line).startswith(line):
            raise RuntimeError(f"not what is meant ({reason}), but at {places[-1].line}") from problem
        raise


@pytest.fixture(autouse=True)
def on_this_grader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the configuration of a test's course call ours; tests without a course are as they are."""
    if not request.config.getoption("stock") and {"temp_cwd", "course_dir"} <= set(request.fixturenames):
        request.getfixturevalue("temp_cwd")
        root = request.getfixturevalue("course_dir")
        with pathlib.Path("nbgrader_config.py").open("a", encoding="utf-8") as config:
            config.write(
                f"\nimport pathlib\nfrom photgrader.gradebook.plugin import configure\nconfigure(c, pathlib.Path({root!r}))\n"
            )
    yield
