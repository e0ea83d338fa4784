"""Whether what a function gives can hang on a cell that is not run.

Which objects a cell alters cannot be told from its text: by another name, in a closure, by a function that is given them. What
nothing can alter can be told: functions that read modules, functions, and numbers and texts, and nothing else of the notebook.
Where what is graded is no more than that, what `photgrader.grading.needed` leaves out cannot have been of use; elsewhere all is run.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator

from photgrader.grading.needed import altered_in, names_read, read_later, set_by
from photgrader.grading.sources import parsed

#: Lines that are no Python and give no name a value.
_NO_PYTHON = re.compile(
    r"^[ \t]*(?:%%time\b.*|%(?:matplotlib|config|load_ext|autoreload|precision)\b.*|!.*|[\w.?]+\?)$", re.M
)
#: Functions that make a number of numbers.
_OF_NUMBERS = frozenset("cos deg2rad exp float int log log10 log2 rad2deg radians sin sqrt str tan".split())
#: And what makes a function, or a type, of what it is given.
_OF_FUNCTIONS = frozenset({"namedtuple", "partial"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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
    # Where a name is given its value: the statements of a cell, and which of them; None where it stands within another statement.
    bound: dict[str, list[tuple[list[ast.stmt], int | None]]] = {}
    altered: set[str] = set()
    for source in sources:
        tree = parsed(_NO_PYTHON.sub("", source))
        if tree is None:
            # A slip sets nothing; what a magic does is not known.
            if "%" in source or "!" in source:
                return False
            continue
        altered |= altered_in(tree)
        if any(m.partition(".")[0] in unknown for node in ast.walk(tree) for m in _modules(node)):
            return False
        for number, statement in enumerate(tree.body):
            simple = set_by(statement)
            for name in {*_set_within(statement), *simple}:
                bound.setdefault(name, []).append((tree.body, number if name in simple else None))
    waiting, seen = list(names), set()
    # How far each cell has been looked at already.
    sure: dict[int, int] = {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in bound and (name.startswith("_") or not hasattr(builtins, name)):
            return False
        for body, place in bound.get(name, ()):
            if place is None:
                return False
            read = _hangs_on(name, body[place], name in altered)
            if read is None:
                return False
            # What stands before it has to end well each time.
            before = body[sure.get(id(body), 0) : place]
            sure[id(body)] = max(sure.get(id(body), 0), place)
            waiting += read.union(*(names_read(s) | _read_by_functions(s) for s in before))
    return True


def _hangs_on(name: str, statement: ast.stmt, altered: bool) -> set[str] | None:
    """Return what the value that a statement gives a name hangs on; None where it can be altered."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return set()
    if isinstance(statement, _DEFINITIONS):
        hints = [a.annotation for a in ast.walk(statement.args) if isinstance(a, ast.arg)] + [statement.returns]
        read = _of_function(statement, statement.args)
        if statement.decorator_list or altered or read is None:
            return None
        return read.union(*(names_read(hint) for hint in hints if hint is not None))
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return None
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    alone = all(isinstance(t, ast.Name) for t in targets)
    # No number is altered, whatever is done to what functions call by the same name.
    altered &= isinstance(statement.value, (ast.Name, ast.Attribute, ast.Lambda, ast.Call))
    read = _of_value(statement.value) if alone and not altered else None
    hint = names_read(statement.annotation) if isinstance(statement, ast.AnnAssign) else set()
    return None if read is None else read | hint


def _of_function(node: ast.AST, arguments: ast.arguments) -> set[str] | None:
    defaults = [_of_value(d) for d in [*arguments.defaults, *arguments.kw_defaults] if d is not None]
    known = [d for d in defaults if d is not None]
    return _read_by_functions(node).union(*known) if len(known) == len(defaults) else None


def _of_value(value: ast.expr) -> set[str] | None:
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
    read = None if parts is None else [_of_value(part) for part in parts]
    known = [r for r in read or () if r is not None]
    return None if read is None or len(known) < len(read) else set().union(*known)


def _read_by_functions(node: ast.AST) -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_later(symtable.symtable(ast.unparse(node), "cell", "exec"))


def _set_within(node: ast.AST) -> Iterator[str]:
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
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        # Relative ones have no name; of all names of a module nobody knows which.
        return [(node.module or "") if not node.level else "", *("*" for a in node.names if a.name == "*")]
    return []
