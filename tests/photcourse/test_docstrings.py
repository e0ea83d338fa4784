"""What students and authors import says in numpydoc's form what goes in and what comes out, and every example is true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import warnings

import pytest
from numpydoc.docscrape import FunctionDoc
from numpydoc.validate import validate

#: A docstring; its summary ends with a period; parameters are all there, no others, in their order, with types; what is returned or yielded.
CHECKS = {"GL08", "SS03", "PR01", "PR02", "PR03", "PR04", "PR10", "RT01", "YD01"}
PACKAGES = ("photcheck", "photcourse")


def modules(package: str) -> list[str]:
    """Return the names of a package's modules."""
    found = importlib.import_module(package)
    return [
        package,
        *(m.name for m in pkgutil.walk_packages(found.__path__, f"{package}.") if "__main__" not in m.name),
    ]


def public(package: str) -> dict[str, object]:
    """Return what modules of a package offer by their ``__all__``: functions and classes, by the name that they have at home."""
    found = {}
    for name in modules(package):
        module = importlib.import_module(name)
        for item in (getattr(module, n) for n in getattr(module, "__all__", ())):
            if inspect.isfunction(item) or inspect.isclass(item):
                found[f"{item.__module__}.{item.__qualname__}"] = item
    return found


def told_elsewhere(item: object) -> set[str]:
    """Return the parameters of a class that are told as its attributes, or where it inherits them; what begins with _ is nobody's."""
    if not inspect.isclass(item):
        return set()
    names = {"cls", *(n for n in inspect.signature(item).parameters if n.startswith("_"))}
    for kind in item.__mro__[:-1]:
        text = inspect.cleandoc(kind.__doc__ or "")
        for section in ("Parameters", "Attributes"):
            names |= (
                {n.strip() for entry in FunctionDoc(None, doc=text)[section] for n in entry.name.split(",")}
                if section in text
                else set()
            )
    return names


def faults(name: str, item: object) -> list[str]:
    """Return what a docstring lacks."""
    found = []
    for code, words in validate(name)["errors"]:
        if code == "PR01":
            missing = set(re.findall(r"'(\w+)'", words)) - told_elsewhere(item)
            found += [f"{name}: {', '.join(sorted(missing))} not documented"] if missing else []
        elif code in CHECKS and not (inspect.isclass(item) and code in ("PR03", "PR02")):
            found.append(f"{name}: {words}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_and_classes_say_what_goes_in_and_what_comes_out(package):
    offered = public(package)
    assert len(offered) > 30
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpydoc's own words on sections that it does not know
        assert [fault for name, item in offered.items() for fault in faults(name, item)] == []


def test_a_docstring_that_lacks_a_parameter_is_found(monkeypatch):
    from photcheck import matching

    monkeypatch.setattr(
        matching.match_one_to_one, "__doc__", "Match.\n\nParameters\n----------\nx : ndarray\n    Positions.\n"
    )
    found = " ".join(faults("photcheck.matching.match_one_to_one", matching.match_one_to_one))
    assert "radius" in found and "No Returns section" in found


@pytest.mark.parametrize("package", [*PACKAGES, "photgrader"])
def test_every_example_in_a_docstring_is_true(package):
    tried = 0
    for name in modules(package):
        if name.startswith(("photgrader.exercises", "photgrader.nbgrader_plugin")):
            continue
        found = doctest.testmod(
            importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        assert found.failed == 0, name
        tried += found.attempted
    assert tried >= 5
