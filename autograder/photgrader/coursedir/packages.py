"""The packages of the course in use: what its notebooks need, here and in the processes started from here."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
import json
import os
import pathlib

from photgrader.coursedir.settings import Packages, SettingsError

#: Names the packages to the processes started from here.
VARIABLE = "PHOTGRADER_PACKAGES"
#: What every verdict depends on, whatever the course.
ENGINE = ("photgrader", "photcheck", "numpy", "nbgrader")


def use_packages(packages: Packages) -> None:
    """Make a course's packages those in use, in this process and in those started from here.

    Parameters
    ----------
    packages : Packages
        As its ``photgrader.toml`` says.
    """
    os.environ[VARIABLE] = json.dumps(dataclasses.asdict(packages))


def packages_in_use() -> Packages:
    """Return the packages of the course in use; the defaults where none is."""
    return _read(os.environ.get(VARIABLE, "{}"))


@functools.cache
def _read(text: str) -> Packages:
    return Packages(**{name: tuple(value) for name, value in json.loads(text).items()})


def package_folder(name: str) -> pathlib.Path | None:
    """Return the folder of an installed package or of a part of one; None where there is none."""
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return None
    return pathlib.Path(spec.origin).resolve().parent if spec and spec.origin else None


def judging_files() -> list[pathlib.Path]:
    """Return the files of the course's own code that verdicts depend on (`Packages.judging`), of packages also lists of data.

    Raises
    ------
    SettingsError
        One of them is not installed here.
    """
    packages = packages_in_use()
    named = packages.judging or packages.own
    missing = [name for name in named if package_folder(name) is None]
    if missing:
        raise SettingsError(
            f"photgrader.toml, [packages]: {', '.join(missing)} cannot be imported here; install it, or take it from the list."
        )
    files = []
    for name in named:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        path = pathlib.Path(spec.origin).resolve()
        folder = path.parent
        files += sorted([*folder.rglob("*.py"), *folder.rglob("*.yaml")]) if spec.submodule_search_locations else [path]
    return files


def versions() -> dict[str, str]:
    """Return the versions of the packages that a verdict depends on: the engine's, and those that the course names.

    Raises
    ------
    SettingsError
        The course names one that is not installed.
    """
    packages = packages_in_use()
    return dict(_versions(tuple(dict.fromkeys([*ENGINE, *packages.own, *packages.versions]))))


@functools.cache
def _versions(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError as problem:
            raise SettingsError(
                f"photgrader.toml, [packages]: {name} is not installed here, and its version is asked for; install it, or take it "
                "from the list."
            ) from problem
    return found
