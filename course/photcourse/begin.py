"""Begin a lecture at any section: what the earlier cells leave for it, without running all of them."""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import re
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Section", "needed_before", "restart", "sections_of"]

_HEADING = re.compile(r"^## (?:(?P<whole>\d+[a-z]?\.\d+)|(?P<short>\d+)\.)\s+(?P<title>.+)$", re.M)


@dataclass
class Section:
    """A section of a lecture.

    Attributes
    ----------
    number : str
        Such as ``"5.4"``.
    title : str
        Its heading.
    cells : list of (int, str)
        Its code cells: place in the notebook, and code.
    """

    number: str
    title: str
    cells: list[tuple[int, str]] = field(default_factory=list)


def sections_of(path: Path) -> list[Section]:
    """Return a lecture's sections in their order; the code before the first one is a section without a number.

    Parameters
    ----------
    path : Path
        The notebook, such as ``05_centroids_and_alignment.ipynb``.

    Returns
    -------
    list of Section
        One at least.
    """
    lecture = path.name.lstrip("0").partition("_")[0] or "0"
    found = [Section("", "the beginning")]
    for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for heading in _HEADING.finditer(source):
                number = heading["whole"] or f"{lecture}.{heading['short']}"
                found.append(Section(number, heading["title"].strip()))
        elif cell["cell_type"] == "code":
            found[-1].cells.append((place, source))
    return found


class _Names(ast.NodeVisitor):
    """What a piece of code needs, makes and changes, read in the order in which it runs.

    Attributes
    ----------
    needs : set of str
        Names that are read before the code makes them; those in functions, if the code makes them nowhere.
    made, surely : set of str
        Names that are made, and those that are made whatever happens.
    changed : set of str
        Names of things that are changed in place: items set, attributes set, given to a call for what it does.
    """

    def __init__(self, code: str) -> None:
        self.needs: set[str] = set()
        self.made: set[str] = set()
        self.surely: set[str] = set()
        self.changed: set[str] = set()
        self._late: set[str] = set()
        self._depth = 0
        self.visit(ast.parse(_plain(code)))
        self.needs |= self._late - self.made
        self.needs -= set(dir(builtins))

    def _make(self, name: str) -> None:
        self.made.add(name)
        if self._depth == 0:
            self.surely.add(name)

    def _read(self, names: set[str]) -> None:
        self.needs |= names - self.made

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._make(node.id)
        else:
            self._read({node.id})

    def visit_alias(self, node: ast.alias) -> None:
        self._make((node.asname or node.name).partition(".")[0])

    # ------------------------------------------------------------------------------ statements
    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
            self.changed |= {
                _base(part) for part in ast.walk(target) if isinstance(part, ast.Subscript | ast.Attribute)
            }

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self.changed.add(_base(node.target))
        self._read({_base(node.target)})

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)

    def visit_Expr(self, node: ast.Expr) -> None:
        # What is called for what it does: rows.append(star), shuffle(rows), display.mark(ax, places).
        if isinstance(node.value, ast.Call):
            self.changed |= {_base(part) for part in (node.value.func, *node.value.args)}
        self.generic_visit(node)

    def _maybe(self, node: ast.AST) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    visit_If = visit_While = visit_Try = visit_Match = _maybe

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._depth += 1
        self.visit(node.target)
        for part in (*node.body, *node.orelse):
            self.visit(part)
        self._depth -= 1

    # ------------------------------------------------------------------------------ scopes of their own
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)):
            self.visit(part)
        self._make(node.name)
        self._late |= _free(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases):
            self.visit(part)
        self._make(node.name)
        self._late |= _free(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._late |= _free(node)

    def _comprehension(self, node: ast.expr) -> None:
        self._read(_free(node))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def made_and_needed(code: str) -> tuple[set[str], set[str]]:
    """Return the names that a piece of code makes or changes, and those that it needs from before it."""
    names = _Names(code)
    return names.made | names.changed - _imported(code) - names.needs, names.needs


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _free(node: ast.AST) -> set[str]:
    """Return the names that a function, class or comprehension takes from outside."""
    read: set[str] = set()
    own: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            (read if isinstance(part.ctx, ast.Load) else own).add(part.id)
        elif isinstance(part, ast.arg):
            own.add(part.arg)
        elif isinstance(part, ast.alias):
            own.add((part.asname or part.name).partition(".")[0])
        elif isinstance(part, ast.FunctionDef | ast.ClassDef) and part is not node:
            own.add(part.name)
    return read - own


def needed_before(sections: list[Section], number: str) -> list[tuple[int, str]]:
    """Return the earlier cells that a section and all that follow it build on, in their order.

    Parameters
    ----------
    sections : list of Section
        Of one lecture.
    number : str
        Where to begin.

    Returns
    -------
    list of (int, str)
        Place in the notebook, and code.

    Raises
    ------
    ValueError
        The lecture has no such section.
    """
    known = [section.number for section in sections]
    if number not in known[1:]:
        raise ValueError(f"there is no section {number}; this lecture has {known[1]} to {known[-1]}")
    at = known.index(number)
    wanted: set[str] = set()
    here: set[str] = set()
    for section in sections[at:]:
        for _, code in section.cells:
            names = _Names(code)
            wanted |= names.needs - here
            here |= names.made
    modules = {name for section in sections for _, code in section.cells for name in _imported(code)}
    needed = []
    for place, code in reversed([cell for section in sections[:at] for cell in section.cells]):
        names = _Names(code)
        # display.publish(fig) changes no module.
        if (names.made | names.changed - modules) & wanted:
            needed.append((place, code))
            wanted = (wanted - names.surely) | names.needs
    return needed[::-1]


def _imported(code: str) -> set[str]:
    return {
        (a.asname or a.name).partition(".")[0] for a in ast.walk(ast.parse(_plain(code))) if isinstance(a, ast.alias)
    }


def restart(section: str, folder: str | Path | None = None, *, names: dict[str, Any] | None = None) -> None:
    """Make everything that a section of a lecture needs, in a fresh kernel.

    Parameters
    ----------
    section : str
        Number of the section, such as ``"5.4"``.
    folder : path-like, optional
        Where the lectures are; by default the folder of the notebook, then the course's own. The notebook is read as
        it was saved, with your changes in it.
    names : dict, optional
        Gets the variables; by default those of the notebook.

    Raises
    ------
    FileNotFoundError
        The lecture is not there.
    ValueError
        It has no such section.
    RuntimeError
        One of its cells stopped.

    Examples
    --------
    >>> import photcourse
    >>> photcourse.restart("5.4")  # doctest: +SKIP
    Ready for 5.4 Registering frames: 6 of 11 earlier cells were run in 1.2 s.
    """
    names = sys._getframe(1).f_globals if names is None else names
    path = _lecture(str(section).partition(".")[0], folder)
    sections = sections_of(path)
    before = needed_before(sections, str(section))
    start = time.perf_counter()
    with _quietly():
        for place, code in before:
            try:
                exec(compile(_plain(code), f"{path.stem}, cell {place}", "exec"), names)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise RuntimeError(
                    f"section {section} builds on cell {place} of {path.name}, which stopped: {said}"
                ) from error
    at = [part.number for part in sections].index(str(section))
    earlier = sum(len(part.cells) for part in sections[:at])
    print(f"Ready for {section} {sections[at].title}: {len(before)} of {earlier} earlier cells were run in "
          f"{time.perf_counter() - start:.1f} s.")  # fmt: skip


def _lecture(number: str, folder: str | Path | None) -> Path:
    places = [Path(folder)] if folder is not None else [Path.cwd(), Path(__file__).parents[1] / "lectures"]
    for place in places:
        for path in sorted(place.glob("*.ipynb")):
            if path.name.lstrip("0").partition("_")[0] == (number if number != "0" else ""):
                return path
    raise FileNotFoundError(f"there is no lecture {number} in {' or '.join(map(str, places))}; name its folder: "
                            f"photcourse.restart('{number}.1', 'folder')")  # fmt: skip


def _plain(code: str) -> str:
    """Return code without the lines that only a notebook understands, and that make no names."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.M)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Draw no figure and show nothing."""
    from IPython.utils.capture import capture_output

    from photcourse import display

    before, display.SILENT = display.SILENT, True
    try:
        with capture_output(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        display.SILENT = before
