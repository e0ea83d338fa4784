"""Whether what a function gives can hang on a cell that is not run.

Which objects a cell alters cannot be told from its text: by another name, in a closure, by a function that is given them. What
nothing can alter can be told: functions that read modules, functions, and numbers and texts, and nothing else of the notebook; lists
of these that are only looked at, and objects that are only called and keep nothing of it. Where what is graded is no more than that,
what `photgrader.grading.needed` leaves out cannot have been of use; elsewhere all is run.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.util
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from photgrader.grading.needed import altered_in, base, names_read, read_later, set_by
from photgrader.grading.sources import parsed

#: Lines that are no Python and give no name a value.
NO_PYTHON = re.compile(
    r"^[ \t]*(?:%%time\b.*|%(?:matplotlib|config|load_ext|autoreload|precision)\b.*|!.*|[\w.?]+\?)$", re.M
)
#: Functions that make a number of numbers.
_OF_NUMBERS = frozenset("cos deg2rad exp float int log log10 log2 rad2deg radians sin sqrt str tan".split())
#: And what makes a function, or a type, of what it is given.
_OF_FUNCTIONS = frozenset({"namedtuple", "partial"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: What IPython keeps of the cells that were run, beside names that begin with an underscore.
_OF_THE_SHELL = frozenset({"In", "Out"})
#: Arguments of libraries' functions that name columns, and are read.
_NAMING = frozenset({"columns", "names"})
#: Where names are given their values: the statements of a cell, and which of them (`_Cell.sets`).
_Bound = dict[str, list[tuple[list[ast.stmt], int | None]]]


@dataclass(frozen=True)
class _Cell:
    """The statements of a cell; the names whose objects it alters, those that it takes attributes of, and how it uses names (`_uses`);
    the modules that it imports; the names that it sets, with which statement, or None where that is within another one; and whether it could be read."""

    body: list[ast.stmt]
    altered: Set[str] = frozenset()
    dotted: Set[str] = frozenset()
    uses: Set[tuple[str, str]] = frozenset()
    modules: Set[str] = frozenset()
    sets: Sequence[tuple[str, int | None]] = ()
    read: bool = True


def contained(sources: Iterable[str], names: Iterable[str], beside: Iterable[str] = ()) -> bool:
    """Tell whether what is called by some names hangs on nothing that code elsewhere could alter.

    Parameters
    ----------
    sources : iterable of str
        All code cells.
    names : iterable of str
        What is called, or read, when all cells have run.
    beside : iterable of str
        Modules that came with the notebook: what they do is not looked at.

    Examples
    --------
    >>> contained(["import numpy as np", "half = 1 / 2", "def f(x):\\n    return np.sum(x) * half"], ["f"])
    True
    >>> contained(["settings = {}", "def f(x):\\n    return x * settings['half']"], ["f"])
    False
    """
    try:
        return _contained(sources, names, frozenset(beside) | {"", "*"})
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # There is more that Python refuses than what cannot be parsed.
        return False


def _contained(sources: Iterable[str], names: Iterable[str], unknown: frozenset[str]) -> bool:
    bound: _Bound = {}
    altered: set[str] = set()
    # What is an attribute of a function, somebody has put there.
    dotted: set[str] = set()
    uses: dict[str, set[str]] = {}
    all_read = True
    for source in sources:
        cell = _read(source)
        if cell is None or any(m in unknown or not _installed(m) for m in cell.modules):
            return False
        all_read &= cell.read
        altered |= cell.altered
        dotted |= cell.dotted
        for name, use in cell.uses:
            uses.setdefault(name, set()).add(use)
        for name, place in cell.sets:
            bound.setdefault(name, []).append((cell.body, place))
    only_called = {name: places for name, places in bound.items() if uses.get(name) == {"called"}}
    waiting, seen = list(names), set()
    # How far each cell has been looked at already.
    sure: dict[int, int] = {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        # What no cell sets is Python's own, or an error wherever it is run; cells that set names as no text shows are always run.
        told = not name.startswith("_") and name not in _OF_THE_SHELL and (all_read or hasattr(builtins, name))
        if name not in bound and not told:
            return False
        for body, place in bound.get(name, ()):
            if place is None:
                return False
            read = _hangs_on(name, body[place], name in altered | dotted)
            if read is None and name not in altered:
                done = {_done(use, bound) for use in uses.get(name, ())}
                read = _of_object(body[place], done, only_called)
            if read is None:
                return False
            # What stands before it has to end well each time.
            before = body[sure.get(id(body), 0) : place]
            sure[id(body)] = max(sure.get(id(body), 0), place)
            waiting += read.union(*map(_read_on_the_way, before))
    return True


@functools.lru_cache(maxsize=128)
def _read(source: str) -> _Cell | None:
    """Read a cell; None where a magic does what is not known."""
    tree = parsed(NO_PYTHON.sub("", source))
    if tree is None:
        # A slip sets nothing.
        return None if "%" in source or "!" in source else _Cell([], read=False)
    nodes = list(ast.walk(tree))
    sets = []
    for number, statement in enumerate(tree.body):
        simple = set_by(statement)
        sets += [(name, number if name in simple else None) for name in {*set_within(statement), *simple}]
    return _Cell(
        tree.body,
        altered_in(tree),
        {n.value.id for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)},
        frozenset(_uses(tree)),
        {m for node in nodes for m in _modules(node)},
        sets,
    )


def _hangs_on(name: str, statement: ast.stmt, altered: bool) -> set[str] | None:
    """Return what the value that a statement gives a name hangs on; None where it can be altered."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return set()
    if isinstance(statement, _DEFINITIONS):
        return None if altered else _of_definition(statement)
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return None
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    alone = all(isinstance(t, ast.Name) for t in targets)
    # No number is altered, whatever is done to what functions call by the same name.
    altered &= isinstance(statement.value, (ast.Name, ast.Attribute, ast.Lambda, ast.Call))
    read = of_value(statement.value) if alone and not altered else None
    hint = names_read(statement.annotation) if isinstance(statement, ast.AnnAssign) else set()
    return None if read is None else read | hint


def _uses(node: ast.AST, own: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Yield for each place where a name is read how: ``"called"``, ``"looked at"``, or ``"given"``, whoever may then have it.

    What is a function's argument there, `own`, is another thing of the same name.
    """
    within = own
    if isinstance(node, (*_DEFINITIONS, ast.Lambda)):
        within = own | {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
    for part in ast.iter_child_nodes(node):
        # Default values are read where the function is defined.
        inner = own if isinstance(part, ast.arguments) else within
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in inner:
            called = isinstance(node, ast.Call) and node.func is part
            yield part.id, "called" if called else "looked at" if _looks_at(node, part) else "given"
        if isinstance(part, ast.Call):
            # To a library's function: what one of the notebook does with it is not followed.
            named = [w.value.id for w in part.keywords if w.arg in _NAMING and isinstance(w.value, ast.Name)]
            yield from ((name, f"named by {base(part.func)}") for name in named)
        yield from _uses(part, inner)


def _done(use: str, bound: _Bound) -> str:
    """Return what is done with a name, where it may be given to a function as the names of columns."""
    _, _, by = use.rpartition("named by ")
    if use == by:
        return use
    made = [None if place is None else body[place] for body, place in bound.get(by, ())]
    return "looked at" if made and all(isinstance(s, (ast.Import, ast.ImportFrom)) for s in made) else "given"


def _looks_at(parent: ast.AST, node: ast.AST) -> bool:
    """Tell whether an expression stands where its parts are read one by one, and nobody keeps it."""
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is node
    if isinstance(parent, ast.Compare):
        return node is not parent.left and all(isinstance(o, (ast.In, ast.NotIn)) for o in parent.ops)
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Load)
    return isinstance(parent, ast.keyword) and parent.arg in _NAMING


def _of_object(statement: ast.stmt, uses: set[str], bound: _Bound) -> set[str] | None:
    """Return what an object hangs on that nobody can alter, as it is looked at or called and nothing else; None of any other.

    Parameters
    ----------
    statement : stmt
        What gives a name the object.
    uses : set of str
        What is done with that name (`_uses`).
    bound : dict
        Where the names that are called and nothing else are given their values.
    """
    if not isinstance(statement, ast.Assign) or not all(isinstance(t, ast.Name) for t in statement.targets):
        return None
    value = statement.value
    if _is_list(value):
        return set() if uses <= {"looked at"} else None
    if len(statement.targets) > 1 or not uses <= {"called"}:
        return None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        return None
    kinds = [None if place is None else body[place] for body, place in bound.get(value.func.id, ())]
    read = [of_value(v) for v in [*value.args, *(word.value for word in value.keywords)]]
    read.append(_of_class(kinds[0]) if len(kinds) == 1 else None)
    known = [r for r in read if r is not None]
    return None if len(known) < len(read) else set().union(*known)


def _of_class(kind: ast.stmt | None) -> set[str] | None:
    methods = _methods(kind)
    read = [_of_definition(method) for method in methods or ()]
    known = [r for r in read if r is not None]
    return None if methods is None or len(known) < len(read) else set().union(*known)


def _read_on_the_way(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads, and the functions that it defines."""
    read = _of_class(statement)
    return names_read(statement) | _read_by_functions(statement) if read is None else read


def _is_list(value: ast.expr) -> bool:
    return isinstance(value, ast.List) and all(isinstance(v, ast.Constant) for v in value.elts)


def _methods(kind: ast.stmt | None) -> list[ast.FunctionDef] | None:
    """Return the methods of a class whose objects are what they were made as, however often they are called; None of any other."""
    if not isinstance(kind, ast.ClassDef) or kind.bases or kind.keywords or kind.decorator_list:
        return None
    methods, lists = [], set()
    for part in kind.body:
        if isinstance(part, ast.FunctionDef):
            methods.append(part)
        elif isinstance(part, ast.Assign) and (isinstance(part.value, ast.Constant) or _is_list(part.value)):
            lists |= {t.id for t in part.targets if isinstance(t, ast.Name) and _is_list(part.value)}
        elif not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)):
            return None
    return methods if all(_leaves_itself(method, lists) for method in methods) else None


def _leaves_itself(method: ast.FunctionDef, lists: set[str]) -> bool:
    """Tell whether a method does nothing with its object but read attributes; the first one gives them their values."""
    first = [*method.args.posonlyargs, *method.args.args][:1]
    if (
        not first
        or method.decorator_list
        or (method.name.startswith("__") and method.name not in ("__init__", "__call__"))
    ):
        return False
    own = first[0].arg
    body: list[ast.stmt] = method.body
    if method.name == "__init__":
        body = [s for s in body if not _sets_attribute(s, own)]
    allowed = set()
    for parent in (node for statement in body for node in [statement, *ast.walk(statement)]):
        for node in ast.iter_child_nodes(parent):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == own):
                continue
            if (
                not isinstance(node.ctx, ast.Load)
                or node.attr.startswith("__")
                or (node.attr in lists and not _looks_at(parent, node))
            ):
                return False
            allowed.add(node.value)
    names = [n for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == own]
    return allowed.issuperset(names)


def _sets_attribute(statement: ast.stmt, own: str) -> bool:
    if not isinstance(statement, ast.Assign) or of_value(statement.value) is None:
        return False
    return all(
        isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == own for t in statement.targets
    ) and own not in names_read(statement.value)


def _of_definition(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str] | None:
    hints = [a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)] + [node.returns]
    read = None if node.decorator_list else _of_function(node, node.args)
    return None if read is None else read.union(*(names_read(hint) for hint in hints if hint is not None))


def _of_function(node: ast.AST, arguments: ast.arguments) -> set[str] | None:
    defaults = [of_value(d) for d in [*arguments.defaults, *arguments.kw_defaults] if d is not None]
    known = [d for d in defaults if d is not None]
    return _read_by_functions(node).union(*known) if len(known) == len(defaults) else None


def of_value(value: ast.expr) -> set[str] | None:
    """Return the names in an expression that gives a number, a text, a function or a module; None of one that gives anything else."""
    if isinstance(value, ast.Constant):
        return set()
    if isinstance(value, ast.Lambda):
        return _of_function(value, value.args)
    if isinstance(value, ast.Name):
        return {value.id}
    if isinstance(value, ast.Call):
        called = value.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        given = [*value.args, *(word.value for word in value.keywords)]
        parts = [called, *given] if name in _OF_NUMBERS | _OF_FUNCTIONS else None
    else:
        # An attribute is a module's: of what else is let through, none has any that can be altered.
        within = {
            ast.Attribute: ("value",),
            ast.BinOp: ("left", "right"),
            ast.UnaryOp: ("operand",),
            ast.Tuple: ("elts",),
        }.get(type(value))
        found = None if within is None else [getattr(value, part) for part in within]
        parts = None if found is None else [v for f in found for v in (f if isinstance(f, list) else [f])]
    read = None if parts is None else [of_value(part) for part in parts]
    known = [r for r in read or () if r is not None]
    return None if read is None or len(known) < len(read) else set().union(*known)


def _read_by_functions(node: ast.AST) -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_later(symtable.symtable(ast.unparse(node), "cell", "exec"))


def set_within(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement may set, or take away: those of its functions only where they say so."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
            yield item.id
        elif isinstance(item, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and item.name:
            yield item.name
        elif isinstance(item, ast.MatchMapping) and item.rest:
            yield item.rest
        elif isinstance(item, (ast.Import, ast.ImportFrom)):
            yield from set_by(item)
        elif isinstance(item, (*_DEFINITIONS, ast.ClassDef)):
            yield item.name
        if isinstance(item, (*_DEFINITIONS, ast.Lambda, ast.ClassDef)):
            yield from (n for inner in ast.walk(item) if isinstance(inner, ast.Global) for n in inner.names)
            continue
        waiting += ast.iter_child_nodes(item)


def _modules(node: ast.AST) -> list[str]:
    """Return the packages that a part of a cell imports from."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        # Relative ones have no name; of all names of a module nobody knows which.
        own = "" if node.level else (node.module or "").partition(".")[0]
        return [own, *("*" for a in node.names if a.name == "*")]
    return []


@functools.lru_cache(maxsize=1000)
def _installed(package: str) -> bool:
    """Tell whether there is such a package; others may be made by the notebook."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
