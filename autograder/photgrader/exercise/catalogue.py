"""Which exercises a course has, and how they are found: a folder with a package for each assignment."""

from __future__ import annotations

import functools
import importlib
import os
import pathlib
import pkgutil
import sys
import tomllib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from photgrader.coursedir.files import CourseError
from photgrader.coursedir.packages import use_packages
from photgrader.coursedir.settings import Packages, Settings, load_settings
from photgrader.exercise.definition import Exercise

#: Names the folder of exercises to the processes started from here.
VARIABLE = "PHOTGRADER_EXERCISES"
PACKAGE = "photgrader.exercises"


@dataclass
class Assignment:
    """An assignment: its exercises by name, in the order of the package's listing."""

    name: str
    exercises: dict[str, Exercise] = field(default_factory=dict)


def use_course(root: pathlib.Path) -> None:
    """Make a course's exercises known, here and in the processes started from here, in place of those of another course.

    They lie in the folder that ``photgrader.toml`` names, by default ``exercises/``. A course that has none keeps what is known,
    and so it is with the packages that exercises are written with, where it names none.

    Raises
    ------
    CourseError
        A folder is named, it is not there, and no other exercises are known.
    """
    settings = load_settings(root)
    named = settings.exercises
    folder = (root / named).resolve()
    if not folder.is_dir() and named != Settings.exercises and exercise_folder() is None:
        raise CourseError(
            f"photgrader.toml of {root} says that the exercises are in {named}, and there is no such folder. Copy it there, or mend the line `exercises`."
        )
    if folder.is_dir() or settings.packages != Packages():
        use_packages(settings.packages)
    if not folder.is_dir():
        return
    if exercise_folder() == folder:
        return
    os.environ[VARIABLE] = str(folder)
    importlib.import_module(PACKAGE).__path__ = [str(folder)]
    for name in [n for n in sys.modules if n.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    assignment_names.cache_clear()
    load_assignment.cache_clear()


def exercise_folder() -> pathlib.Path | None:
    """Return the folder of the exercises that are known; None where there are none."""
    path = list(importlib.import_module(PACKAGE).__path__)
    return pathlib.Path(path[0]) if path else None


def exercise_file(*parts: str) -> pathlib.Path:
    """Return a file that is kept beside the exercises; where none are known, one that does not exist."""
    return (exercise_folder() or pathlib.Path("no exercises")).joinpath(*parts)


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda i: i.name):
        if info.name.endswith("_variants"):
            continue  # Students' code, read by the exercise and run for nobody.
        try:
            yield importlib.import_module(f"{package}.{info.name}")
        except Exception as problem:
            # Whatever an instructor's file raises: it is named before anything is graded.
            raise CourseError(
                f"{_place(root, info.name, problem)}: {type(problem).__name__}: {problem}. Mend it, then run the command again."
            ) from problem


def _place(package: ModuleType, name: str, problem: Exception) -> str:
    """Return which file of a package cannot be imported, and the last of its lines that the error came from."""
    path = next(
        (p for folder in package.__path__ if (p := pathlib.Path(folder) / f"{name}.py").is_file()),
        pathlib.Path(f"{name}.py"),
    )
    line = problem.lineno if isinstance(problem, SyntaxError) else None
    for frame, number in traceback.walk_tb(problem.__traceback__):
        line = number if frame.f_code.co_filename == str(path) else line
    return f"{path}, line {line}" if line else str(path)


@functools.cache
def load_assignment(name: str) -> Assignment:
    """Import the exercises of an assignment.

    Raises
    ------
    KeyError
        Where there is no such assignment.
    CourseError
        Where one of its modules cannot be loaded.
    """
    if name not in assignment_names():
        raise KeyError(f"There is no assignment {name!r}; known are {', '.join(assignment_names()) or 'none'}.")
    assignment = Assignment(name)
    for module in _modules(f"{PACKAGE}.{name}"):
        exercise = getattr(module, "exercise", None)
        if isinstance(exercise, Exercise):
            exercise.assignment, exercise.siblings, exercise.factors = name, assignment.exercises, factors()
            exercise.section = str(_beside("sections.toml").get(name, {}).get(exercise.name, ""))
            assignment.exercises[exercise.name] = exercise
    return assignment


def factors() -> tuple[tuple[float, str], ...]:
    """Return the factors that wrong answers in the course's subject are often off by, and what they are, from ``factors.toml``."""
    return tuple((float(value), name) for name, value in _beside("factors.toml").items())


def _beside(name: str) -> dict[str, Any]:
    """Read a file that a course may keep beside its exercises."""
    path = exercise_file(name)
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def exercises_of(name: str) -> Assignment:
    """Return an assignment's exercises; of one that has plain nbgrader tests only, an assignment without any."""
    return load_assignment(name) if name in assignment_names() else Assignment(name)


@functools.cache
def assignment_names() -> tuple[str, ...]:
    """Return the names of all assignments of the course in use."""
    return tuple(sorted(i.name for i in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__) if i.ispkg))


def sibling(exercise: Exercise, name: str) -> Exercise:
    """Return another exercise of the same assignment."""
    return exercise.siblings[name]
