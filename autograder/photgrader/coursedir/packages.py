"""The packages of the course in use: what its notebooks need, here and in the processes started from here."""

from __future__ import annotations

import dataclasses
import functools
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re

from photgrader.coursedir.settings import Packages, SettingsError

#: Names the packages to the processes started from here.
VARIABLE = "PHOTGRADER_PACKAGES"
#: So many characters of a submission's code are looked through for what it imports.
MOST_CODE = 300_000
_IMPORTS = re.compile(r"^[ \t]*(?:from|import)\b[^\n(]*(?:\([^)]*\))?", re.MULTILINE)
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


def imports_for(code: str) -> tuple[str, ...]:
    """Return which modules a kernel for some code has imported beforehand (`Packages.imports`).

    Those of the course's own packages, and those that the code imports or may reach from what it imports: to import all of them for a
    notebook that uses none costs seconds, and all kernels are forked with them. Of ``import photutils as pu`` and ``pu.psf`` it must not
    depend on what others named whether there is such a part: any ``.psf`` will do, and so will ``"psf"``.
    """
    packages, code = packages_in_use(), code[:MOST_CODE]
    words, reached = set(re.findall(r"\w+", code)), set(re.findall(r"(?:\.\s*|['\"])(\w+)", _IMPORTS.sub("", code)))
    lines = [set(re.findall(r"\w+", line)) for line in _IMPORTS.findall(code)]

    def used(name: str) -> bool:
        root, *parts = name.split(".")
        named = root in words and (reached.issuperset(parts) or any(line.issuperset((root, *parts)) for line in lines))
        return named or root in packages.own

    return tuple(filter(used, packages.imports))


@functools.cache
def _read(text: str) -> Packages:
    return Packages(**{name: tuple(value) for name, value in json.loads(text).items()})


def _found(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return None
    return spec if spec and spec.origin else None


def package_folder(name: str) -> pathlib.Path | None:
    """Return the folder of an installed package or of a part of one; None where there is none."""
    spec = _found(name)
    return pathlib.Path(str(spec.origin)).resolve().parent if spec else None


def judging_files() -> list[pathlib.Path]:
    """Return the files of the course's own code that verdicts depend on (`Packages.judging`): of a package its lists of data too.

    Raises
    ------
    SettingsError
        One of them is not installed here.
    """
    packages = packages_in_use()
    found = {name: _found(name) for name in packages.judging or packages.own}
    missing = [name for name, spec in found.items() if spec is None]
    if missing:
        raise SettingsError(
            f"photgrader.toml, [packages]: {', '.join(missing)} cannot be imported here; install it, or take it from the list."
        )
    files = []
    for spec in found.values():
        assert spec is not None
        path = pathlib.Path(str(spec.origin)).resolve()
        below = path.parent.rglob("*") if spec.submodule_search_locations else [path]
        files += sorted(p for p in below if p.suffix in (".py", ".yaml"))
    return files


def require_packages() -> None:
    """Make sure that what the course names is installed, before a submission is touched.

    Raises
    ------
    SettingsError
        One sentence that names what is not.
    """
    judging_files()
    versions()


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
