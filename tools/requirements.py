"""Write what each level of ``tools/setup.sh`` installs: ``tools/requirements/<level>.txt``, names without versions.

The versions stand in ``constraints.txt``, so that nothing has to be resolved when a level is installed: it takes half the
time, and what a level does not use can be left out although some package asks for it (nbgrader asks for JupyterLab, which
grading never opens). Run it in an environment that has everything (``make setup-tests``) after a change of the
dependencies; a test holds the lists against the packages' own words.
"""

from __future__ import annotations

import importlib.metadata
import pathlib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = pathlib.Path(__file__).parent / "requirements"
#: What nbgrader, ipykernel and IPython ask for and only an editor uses: JupyterLab, the debugger, completion.
EDITOR = {"jupyterlab", "jupyterlab-server", "notebook", "ipywidgets", "debugpy", "jedi"}
#: Brought by Python's own environments where it is wanted at all; nothing of nbgrader's imports it.
UNUSED = {"setuptools"}
#: The levels: what is wanted, and what is left out.
LEVELS: dict[str, tuple[list[str], set[str]]] = {
    "lab": (["photcourse[lab]"], UNUSED),
    "grading": (["photcourse", "photgrader"], EDITOR | UNUSED),
    "bench": (["photcourse", "photgrader[bench,cluster]"], EDITOR | UNUSED),
    "site": (["photcourse[lab,dask]", "photgrader[site]"], UNUSED),
    "tests": (["photcourse[lab,dask]", "photgrader[test,bench,cluster,hub,site,lti,deploy]"], UNUSED),
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


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for level, text in lists().items():
        (FOLDER / f"{level}.txt").write_text(text, encoding="utf-8")
        print(f"{level}: {text.count(chr(10))} packages")
