"""What students wrote, read as text: in time that grows with its length, whatever it is."""

from __future__ import annotations

import ast
import re
import warnings

_CHECK = re.compile(r"""(?:\w+\.)?check\(\s*(?:(\w+)|"(\w+)"|'(\w+)')\s*\)\s*;?""")
#: A longer cell asks for no check.
MAX_CHECK = 300
MAX_PARSED = 1_000_000


def asked_check(source: str) -> str:
    """Return which check a cell asks for, ``check(centroid)``; empty where it is something else.

    Examples
    --------
    >>> asked_check(" check( centroid );\\n"), asked_check("check(centroid) + 1")
    ('centroid', '')
    """
    text = source.strip()
    found = _CHECK.fullmatch(text) if len(text) <= MAX_CHECK else None
    return next((name for name in found.groups() if name), "") if found else ""


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell, or None where there is none: no Python, or nested beyond what the parser bears."""
    if len(source) > MAX_PARSED:
        return None
    try:
        with warnings.catch_warnings():
            # What Python finds odd in a student's code is no news to a grader.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def defined(source: str) -> set[str]:
    """Return the functions and variables that a cell defines at its top level."""
    tree = parsed(source)
    found: set[str] = set()
    for node in tree.body if tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {t.id for t in targets if isinstance(t, ast.Name)}
    return found


def nothing_written(source: str) -> bool:
    """Tell whether a cell holds but functions without a body, ``pass`` or ``...``: as good as what was handed out.

    Examples
    --------
    >>> nothing_written("def f(x):\\n    pass"), nothing_written("def f(x):\\n    return x")
    (True, False)
    >>> nothing_written("...  # my part"), nothing_written("4.2")
    (True, False)
    """
    tree = parsed(source)
    return tree is not None and bool(tree.body) and all(map(_says_nothing, tree.body))


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return all(map(_says_nothing, node.body))
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    # A number may be an answer.
    idle = (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and (node.value.value is ... or isinstance(node.value.value, str))
    )
    return idle or isinstance(node, ast.Pass)


def plain(source: str) -> str:
    """Return a text without what editors change by themselves: line ends, blanks at the ends of lines, empty lines around it.

    Examples
    --------
    >>> plain("a \\r\\nb\\r\\n") == plain("\\na\\nb")
    True
    """
    return "\n".join(line.rstrip() for line in source.replace("\r\n", "\n").replace("\r", "\n").split("\n")).strip()
