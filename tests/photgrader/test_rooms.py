"""The rules of the house: which room may lean on which (docs/development.md)."""

from __future__ import annotations

import ast
import functools
import graphlib
import pathlib
import re
from collections.abc import Iterator

import pytest

from support import ROOT

#: From the roof down: a room may import those below it, never one above.
FLOORS = (
    ("commands", "cli", "nbgrader_plugin"),
    ("overview", "serve", "release"),
    ("quality", "simulate", "runs"),
    ("gradebook",),
    ("grading",),
    ("sandbox", "exercise"),
    ("coursedir",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PACKAGES = {
    "photcheck": ROOT / "course" / "photcheck",
    "photcourse": ROOT / "course" / "photcourse",
    "photgrader": ROOT / "autograder" / "photgrader",
}


def imports(path: pathlib.Path, module: str) -> Iterator[str]:
    """Yield the modules that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            base = ".".join(parts[: len(parts) - node.level + (path.name == "__init__.py")]) if node.level else ""
            named = ".".join(p for p in (base, node.module) if p)
            yield named
            yield from (f"{named}.{alias.name}" for alias in node.names)


def modules(package: str) -> dict[str, pathlib.Path]:
    """Return the modules of a package and their files."""
    folder = PACKAGES[package]
    names = {}
    for path in folder.rglob("*.py"):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@functools.cache
def graph_of_all() -> dict[str, set[str]]:
    """Return what each module imports."""
    return {name: set(imports(path, name)) for package in PACKAGES for name, path in modules(package).items()}


def room(module: str) -> str:
    """Return the room of the grader that a module stands in."""
    parts = module.split(".")
    return parts[1] if parts[0] == "photgrader" and len(parts) > 1 else ""


def arrows(graph: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Return which room leans on which."""
    return {
        (room(a), room(b))
        for a, targets in graph.items()
        for b in targets
        if room(a) in FLOOR and room(b) in FLOOR and room(a) != room(b)
    }


def upward(graph: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Return the arrows that go up."""
    return {(a, b) for a, b in arrows(graph) if FLOOR[b] < FLOOR[a]}


def test_every_room_has_its_floor():
    rooms = {room(m) for m in graph_of_all() if m.startswith("photgrader.")} - {"exercises"}
    assert rooms <= set(FLOOR), f"a room without a floor: {rooms - set(FLOOR)}"


def test_no_arrow_goes_up():
    assert upward(graph_of_all()) == set()


def test_an_arrow_that_goes_up_would_be_found():
    assert upward({"photgrader.grading.grade": {"photgrader.gradebook.writer"}}) == {("grading", "gradebook")}


def test_no_rooms_lean_on_each_other_in_a_circle():
    sorter = graphlib.TopologicalSorter({a: {t for s, t in arrows(graph_of_all()) if s == a} for a in FLOOR})
    sorter.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package):
    # A package's own __init__ gathers names for whoever uses the package from outside; inside, modules are imported by their names.
    plain = {name: path for name, path in modules(package).items() if path.name != "__init__.py"}
    graphlib.TopologicalSorter(
        {name: {t for t in graph_of_all()[name] if t in plain and t != name} for name in plain}
    ).prepare()


def test_nbgrader_is_met_in_the_gradebook_and_above_it_only():
    below = [
        m
        for m, targets in graph_of_all().items()
        if room(m) in FLOOR
        and FLOOR[room(m)] > FLOOR["gradebook"]
        and any(t == "nbgrader" or t.startswith("nbgrader.") for t in targets)
    ]
    assert below == []


@pytest.mark.parametrize(
    ("package", "strangers"), [("photcheck", ("photcourse", "photgrader")), ("photcourse", ("photgrader",))]
)
def test_what_students_have_does_not_know_what_stands_above_it(package, strangers):
    assert [(m, t) for m in modules(package) for t in graph_of_all()[m] if t.split(".")[0] in strangers] == []


#: Words of one course's subject and packages; `photgrader.toml` says them, and the engine does not.
SUBJECT = re.compile(r"\b(photcourse|astropy|photutils|skimage|scikit-image|lsst)\b(?!-)")
#: Meant: the name of the listing in trees that are published already.
MEANT = {".photcourse-tree.json"}


def spoken(tree: ast.Module) -> Iterator[str]:
    """Yield every name, module and text of a file's code; what stands in docstrings only explains."""
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from [a.name for a in node.names] + [getattr(node, "module", None) or ""]
        elif isinstance(node, (ast.Name, ast.Attribute)):
            yield node.id if isinstance(node, ast.Name) else node.attr


def of_the_subject(text: str) -> set[str]:
    """Return what a file's code says of one course's subject."""
    return {word for word in spoken(ast.parse(text)) if SUBJECT.search(word)} - MEANT


def test_the_engine_names_no_package_of_a_course_and_no_library_of_its_subject():
    found = {n: of_the_subject(p.read_text(encoding="utf-8")) for n, p in modules("photgrader").items()}
    assert {n: words for n, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "line",
    ["from photcourse import data", "import astropy.units", 'NAMES = ("numpy", "photutils.psf")', "photcourse.data"],
)
def test_such_a_name_would_be_found(line):
    assert of_the_subject(line) and not of_the_subject(f'"""{line}"""')


def test_the_engine_knows_no_exercise():
    assert [
        p
        for p in (ROOT / "autograder" / "photgrader" / "exercises").rglob("*")
        if p.suffix == ".py" and p.name != "__init__.py"
    ] == []
