"""Settings of a course: limits of a grading run, where things are. Read from ``photgrader.toml``."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from photgrader.coursedir.files import text_if_there


class SettingsError(Exception):
    """A settings file that cannot be used; its text says what to do."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Parameters
    ----------
    cell_seconds : float
        One cell of the notebook.
    notebook_seconds : float
        All cells and all calls of one notebook together.
    call_seconds : float
        One call of a graded function (an exercise may ask for more).
    memory_mb : int
        All processes of the submission together, and each of them.
    processes : int
        Processes and threads.
    file_mb, folder_mb, files : int
        One file that a notebook writes, all that it writes into its folder, and how many files these are.
    output_kb : int
        Outputs kept of one notebook.
    submission_mb : int
        Largest notebook file that is read.
    judge_seconds : float
        What grading a notebook may take beside `notebook_seconds`, before the process that grades it is ended.
    judge_mb : int
        Memory of a process that grades, in all: what it reads of a submission, and what it compares.
    """

    cell_seconds: float = 30.0
    notebook_seconds: float = 240.0
    call_seconds: float = 20.0
    memory_mb: int = 3000
    processes: int = 128
    file_mb: int = 64
    folder_mb: int = 256
    files: int = 2000
    output_kb: int = 12_000
    submission_mb: int = 20
    judge_seconds: float = 120.0
    judge_mb: int = 4000


@dataclass(frozen=True)
class Packages:
    """What a course's notebooks and exercises are written with, beside `photcheck`: ``[packages]`` of ``photgrader.toml``.

    Parameters
    ----------
    own : tuple of str
        The course's own packages: students get them with their notebooks, and kernels see them where they are installed for editing.
    judging : tuple of str
        Packages within these that make cases and compare answers: a change in them makes graded submissions stale. By default all of
        `own`.
    imports : tuple of str
        Modules that a warm kernel has imported before a submission comes whose code names them, and those of `own`; what the students'
        Python lacks is passed over. One that has a function ``warm_up`` is asked to do, once, what is slow the first time.
    versions : tuple of str
        Distributions whose versions a record names, and whose change makes graded submissions stale, beside the engine's and `own`.
    """

    own: tuple[str, ...] = ()
    judging: tuple[str, ...] = ()
    imports: tuple[str, ...] = ("numpy", "numpy.random", "scipy", "pandas", "matplotlib.pyplot")
    versions: tuple[str, ...] = ("scipy",)


@dataclass(frozen=True)
class Settings:
    """Settings of a course.

    Parameters
    ----------
    limits : Limits
        What a submission may use.
    run : str
        Label of the grading run; another label means other hidden cases.
    sandbox : bool
        False only by ``--unsafe-no-sandbox``: results are then marked.
    warm : bool
        Whether kernels are forked from a warm parent where the system allows it.
    python : str
        Python of the students' environment; by default the grader's own with ``photgrader`` hidden.
    exercises : str
        Folder of the course's exercises, from its root.
    packages : Packages
        What the course's notebooks are written with.
    """

    limits: Limits = field(default_factory=Limits)
    run: str = "1"
    sandbox: bool = True
    warm: bool = True
    python: str = ""
    exercises: str = "exercises"
    packages: Packages = field(default_factory=Packages)


#: A module or a distribution.
_NAME = re.compile(r"[A-Za-z_]\w*([.-]\w+)*")


def _build(cls: type, body: Any, where: str) -> Any:
    if not isinstance(body, dict):
        raise SettingsError(f"{where} should be a table of settings; it is {body!r}.")
    known = {f.name: f for f in dataclasses.fields(cls)}
    for name, value in body.items():
        if name not in known:
            raise SettingsError(f"{where}: {name!r} is not a setting; known are {', '.join(known)}.")
        default = getattr(cls(), name)
        if isinstance(default, tuple):
            if not isinstance(value, list) or not all(isinstance(v, str) and _NAME.fullmatch(v) for v in value):
                raise SettingsError(f'{where}: {name} should be a list of names, such as ["numpy"]; it is {value!r}.')
            body[name] = tuple(value)
            continue
        number = isinstance(default, (int, float)) and not isinstance(default, bool)
        fits = (
            isinstance(value, (int, float)) and not isinstance(value, bool)
            if number
            else isinstance(value, type(default))
        )
        if not fits:
            raise SettingsError(f"{where}: {name} should be like {default!r}; it is {value!r}.")
        if number and value <= 0:
            raise SettingsError(f"{where}: {name} should be positive; it is {value!r}.")
    return cls(**body)


def read_toml(path: pathlib.Path, error: type[Exception]) -> dict[str, Any]:
    """Read a file of a course that may be left out: what stands in it, nothing where there is none.

    Parameters
    ----------
    path : Path
        The file.
    error : type
        What is raised, with one sentence, where it cannot be read.
    """
    try:
        return tomllib.loads(text_if_there(path, "utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as problem:
        raise error(f"{path.name} cannot be read: {problem}. Mend it, or remove it for the defaults.") from problem


def load_settings(root: pathlib.Path) -> Settings:
    """Read ``photgrader.toml`` of a course, or give the defaults where there is none.

    Raises
    ------
    SettingsError
        One sentence: which line or which setting, and what it should be.
    """
    path = root / "photgrader.toml"
    body = read_toml(path, SettingsError)
    limits = _build(Limits, body.pop("limits", {}), f"{path.name}, [limits]")
    packages = _build(Packages, body.pop("packages", {}), f"{path.name}, [packages]")
    return dataclasses.replace(_build(Settings, body, path.name), limits=limits, packages=packages)


def data_folder() -> str:
    """Return the folder of real data files that submissions may read; empty where there is none."""
    return os.environ.get("PHOTCOURSE_DATA", "")
