"""What a fresh kernel runs of a cell that ended the last one."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterable

from photgrader.grading.contained import NO_PYTHON, of_value, set_within
from photgrader.grading.needed import altered_in, set_by
from photgrader.grading.sources import parsed

_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINING = (*_IMPORTS, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
#: Of a longer cell nothing is kept.
MAX_CELL = 100_000


def definitions(source: str) -> str:
    """Return a cell with what it imports and defines alone, each on its line; empty where that is nothing.

    What hangs on a name that the rest of the cell sets, or alters, is not what the cell would have left: it is no part of it.

    Examples
    --------
    >>> definitions("import os; os.nice(5); N = 2 * 3\\ndef more(x): return N * x\\nos._exit(more(1))")
    'import os; N = 2 * 3\\ndef more(x): return N * x\\n'
    >>> definitions("import os; sky = os.nice(5)\\ndef less(x): return x - sky")
    ''
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n") if len(source) <= MAX_CELL else ""
    tree = parsed(source)
    if tree is None:
        source = NO_PYTHON.sub("", source)
        tree = parsed(source)
    try:
        kept = _kept(tree.body if tree is not None else [])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # There is more that Python refuses than what cannot be parsed.
        return ""
    if all(isinstance(node, _IMPORTS) for node in kept):
        return ""
    # Python counts columns in bytes.
    lines = source.encode().split(b"\n")
    found = [b""] * len(lines)
    for node in kept:
        decorators = [d.lineno for d in getattr(node, "decorator_list", ())]
        first, last = min(decorators, default=node.lineno), node.end_lineno or node.lineno
        for number in range(first, last + 1):
            # Not its whole lines: something else may stand there too.
            begin = node.col_offset if number == first and not decorators else 0
            part = lines[number - 1][begin : node.end_col_offset if number == last else None]
            found[number - 1] += b"; " + part if found[number - 1] else part
    return b"\n".join(found).decode()


def _kept(statements: list[ast.stmt]) -> list[ast.stmt]:
    kept = [node for node in statements if isinstance(node, _DEFINING) or _is_value(node)]
    # What a call of a module's or of a function's gives is another thing than the module or the function.
    called = {name for node in kept if isinstance(node, _DEFINING) for name in set_by(node)}
    lost = {
        name
        for node in statements
        if not isinstance(node, _DEFINING) and not _is_value(node)
        for name in {*set_within(node), *(altered_in(node) - called)}
    }
    users: dict[str, list[ast.stmt]] = {}
    for node in kept:
        for name in _reads(node) | set_by(node):
            users.setdefault(name, []).append(node)
    without, waiting = set(), list(lost)
    while waiting:
        for node in users.pop(waiting.pop(), ()):
            without.add(id(node))
            waiting += set_by(node)
    return [node for node in kept if id(node) not in without]


def _is_value(node: ast.stmt) -> bool:
    """Tell whether a statement gives names to what stands there, or can be worked out in no time."""
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    return value is not None and _is_plain([value])


def _is_plain(values: Iterable[ast.expr | None]) -> bool:
    for value in values:
        if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
            plain = _is_plain(value.elts)
        elif isinstance(value, ast.Dict):
            plain = _is_plain([*value.keys, *value.values])
        else:
            plain = value is not None and of_value(value) is not None
        if not plain:
            return False
    return True


def _reads(node: ast.stmt) -> set[str]:
    """Return the names of the notebook that a statement reads, at once or when its functions are called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    found = set()
    for table in tables:
        tables += table.get_children()
        found |= {
            s.get_name() for s in table.get_symbols() if s.is_referenced() and (s.is_global() or table is tables[0])
        }
    return found
