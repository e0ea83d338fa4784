"""Write what each level of ``tools/setup.sh`` installs: ``tools/requirements/<level>.txt``, names without versions, and the lock.

The versions stand in ``constraints.txt``, so that nothing has to be resolved when a level is installed: it takes half the
time, and what a level does not use can be left out although some package asks for it (nbgrader asks for JupyterLab, which
grading never opens). ``tools/requirements/lock`` holds the same versions with the hashes of their files, as PyPI tells
them: what is installed is what was tested, whoever serves it. Run this in an environment that has everything
(``make setup-tests``), with a network, after a change of the dependencies; a test holds the lists against the packages'
own words, and the lock against ``constraints.txt``.
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

FOLDER = pathlib.Path(__file__).parent / "requirements"
CONSTRAINTS = pathlib.Path(__file__).parent.parent / "constraints.txt"
#: What nbgrader, ipykernel and IPython ask for and only an editor uses: JupyterLab, the debugger, completion.
EDITOR = {"jupyterlab", "jupyterlab-server", "notebook", "ipywidgets", "debugpy", "jedi"}
#: What jupyter-events asks jsonschema to have: it builds a grammar of international addresses, for a format that no schema here asks
#: for, in three quarters of a second of each process that imports jsonschema: a JupyterLab, a student's server, each nbgrader command.
SLOW = {"rfc3987-syntax"}
#: The levels: what is wanted, and what is left out.
LEVELS: dict[str, tuple[list[str], set[str]]] = {
    "lab": (["photcourse[lab]"], SLOW),
    "grading": (["photcourse", "photgrader"], EDITOR | SLOW),
    "bench": (["photcourse", "photgrader[bench,cluster]"], EDITOR | SLOW),
    "site": (["photcourse[lab,dask]", "photgrader[site]"], SLOW),
    "tests": (["photcourse[lab,dask]", "photgrader[test,bench,cluster,hub,site,lti,deploy]"], SLOW),
}
#: Versions of Python that a level is for: what any of them needs is listed.
PYTHONS = ("3.11.2", "3.12.0", "3.13.0", "3.14.0")


def closure(wanted: list[str], left_out: set[str]) -> list[str]:
    """Return the names of all packages that some need, as their installed metadata say.

    Parameters
    ----------
    wanted : list of str
        Requirements, such as ``photgrader[site]``.
    left_out : set of str
        Names that are not followed.

    Returns
    -------
    list of str
        Sorted; the three distributions of the repository are not in it.
    """
    extras: dict[str, set[str]] = {}
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in left_out or (name in extras and requirement.extras <= extras[name]):
            continue
        extras.setdefault(name, {""}).update(requirement.extras)
        waiting += [r for r in map(Requirement, importlib.metadata.requires(name) or []) if _applies(r, extras[name])]
    return sorted(extras.keys() - {"photcheck", "photcourse", "photgrader"})


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({"extra": extra, "python_full_version": python, "python_version": python.rpartition(".")[0]})
        for extra in extras
        for python in PYTHONS
    )


def lists() -> dict[str, str]:
    """Return the text of each level's file."""
    return {level: "".join(f"{name}\n" for name in closure(*wanted)) for level, wanted in LEVELS.items()}


def hashes(pinned: Requirement) -> list[str]:
    """Return the SHA-256 of the files of a pinned package that a Linux may take: its wheels and its source."""
    asked = urllib.request.Request(
        f"https://pypi.org/simple/{canonicalize_name(pinned.name)}/",
        headers={"Accept": "application/vnd.pypi.simple.v1+json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        files = json.load(answer)["files"]
    return sorted(f["hashes"]["sha256"] for f in files if _for_linux(f["filename"], pinned))


def _for_linux(file: str, pinned: Requirement) -> bool:
    try:
        if not file.endswith(".whl"):
            return pinned.specifier.contains(parse_sdist_filename(file)[1], prereleases=True)
        _, version, _, tags = parse_wheel_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        # Files of long ago, which are none of ours.
        return False
    return pinned.specifier.contains(version, prereleases=True) and any(
        tag.platform == "any" or (tag.platform.startswith("manylinux") and tag.platform.endswith(("x86_64", "aarch64")))
        for tag in tags
    )


def lock() -> str:
    """Return the lock: a line for each pinned package, with its hashes."""
    pinned = [Requirement(line) for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if "==" in line]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(hashes, pinned))
    return "".join(
        f"{canonicalize_name(one.name)}{one.specifier}{f' ; {one.marker}' if one.marker else ''}"
        f"{''.join(f' --hash=sha256:{h}' for h in each)}\n"
        for one, each in zip(pinned, found, strict=True)
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for level, text in lists().items():
        (FOLDER / f"{level}.txt").write_text(text, encoding="utf-8")
        print(f"{level}: {text.count(chr(10))} packages")
    (FOLDER / "lock").write_text(lock(), encoding="utf-8")
