"""Fixtures that several parts of the tests share."""

from __future__ import annotations

import gc
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import matplotlib
import pytest

from photgrader.coursedir import packages
from photgrader.coursedir.settings import load_settings
from photgrader.gradebook.app import scripts_on_path
from support import make_course

scripts_on_path()

#: Modules that take longest. They begin first, so that processes that share the tests end together (`tools/run_tests.sh`).
LONGEST = (
    "test_parallel.py",
    "test_exercises.py",
    "test_site.py",
    "test_not_run_again.py",
    "test_live_end_to_end.py",
    "test_from_plain_nbgrader.py",
    "test_nbgraders_own_tests.py",
    "test_lectures_run.py",
    "test_every_notebook.py",
    "test_new_course.py",
    "test_student_environment.py",
    "test_release_is_fresh.py",
    "test_bad_inputs.py",
)


def pytest_ignore_collect(collection_path: pathlib.Path, config: pytest.Config) -> bool | None:
    """Import no module without a heavy test where those alone are asked for: each of the processes would import them all."""
    asked_for_heavy = config.option.markexpr == "heavy" and collection_path.suffix == ".py"
    return True if asked_for_heavy and "heavy" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first; within a module, and among the others, the order stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish() -> None:
    """Spare what is imported by now the garbage collector's looks: none of it is garbage, and each kernel is forked with all of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(autouse=True)
def _style_of_its_own() -> Iterator[None]:
    """Give each test matplotlib's settings as they were: notebooks that a test runs here choose a style."""
    with matplotlib.rc_context():
        yield


@pytest.fixture(scope="session")
def built_course(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A small course with its release; not to be written to."""
    return make_course(tmp_path_factory.mktemp("built"))


@pytest.fixture
def tiny_course(built_course: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A small course of one's own, whose packages are in use here: source, release and gradebook are there, no submissions."""
    target = tmp_path / "course"
    shutil.copytree(built_course, target)
    monkeypatch.setenv(packages.VARIABLE, os.environ[packages.VARIABLE])
    packages.use_packages(load_settings(built_course).packages)
    return target


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have everything graded in this process, by kernels in no jail (`plain_kernel`); gives what starts them."""
    import plain_kernel

    return plain_kernel.in_this_process(monkeypatch)


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A gradebook with nothing in it, to be copied: nbgrader takes seconds to make one."""
    from nbgrader.api import Gradebook

    path = tmp_path_factory.mktemp("empty") / "gradebook.db"
    Gradebook(f"sqlite:///{path}").close()
    return path
