"""Mutants of a reference: what a right function becomes by one small mistake.

Three families. *Domain* operators make the mistakes of this field (x and y exchanged, a start offset dropped or
doubled, sigma taken for the full width at half maximum, ...). *General* operators make those of any program (another
operator, a number off by one, a condition that always holds, ...). *Wrapped* ones leave the text alone and change
what goes in or comes out: an argument that is a leftover of the notebook, an input that is written into.

The general operators are our own and not a library's. cosmic-ray and mutmut, the two that are kept up, change a file
on disk (or switch mutants inside it) and run a test command in a process of its own for each mutant; here a mutant is a
text that the sandbox's kernel is given and that the grader's own judge judges. cosmic-ray's operators alone could be
called on a text, but they come with ten packages (git, a plugin manager, badges) for what is a few lines over `ast`, and
replace every operator by every other one: most of those stop with a TypeError in the first case and say nothing of the
cases, only make the share of caught mutants look better.
"""

from __future__ import annotations

import ast
import copy
import difflib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Keyword arguments that only say how a picture looks: contracts leave them free.
COSMETIC = frozenset(
    {
        "ms",
        "markersize",
        "lw",
        "linewidth",
        "color",
        "c",
        "s",
        "cmap",
        "alpha",
        "figsize",
        "dpi",
        "fontsize",
        "marker",
        "ax",
        "stacklevel",
    }
)
#: 2 sqrt(2 ln 2): full width at half maximum of a Gaussian in units of its sigma.
FWHM = 2.3548


@dataclass(frozen=True)
class Mutant:
    """One mutant.

    Parameters
    ----------
    operator : str
        What was done: ``"x and y exchanged"``.
    code : str
        One or more cells, parted by ``# %%``.
    diff : str
        The lines that differ from the reference, with ``-`` and ``+``.
    """

    operator: str
    code: str
    diff: str


@dataclass(frozen=True)
class Scope:
    """The names of a function: its parameters and all that it reads or writes; nodes whose sign does not matter."""

    params: frozenset[str]
    names: frozenset[str]
    even: frozenset[int] = frozenset()


Rewriter = Callable[[ast.AST, Scope], Iterator[ast.expr]]


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _name_of(node: ast.AST) -> str:
    """Return the last word of a name: ``sum`` for ``np.sum`` and for ``x.sum``."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _renamed(node: ast.AST, names: dict[str, str]) -> Iterator[ast.expr]:
    """Yield a call of another function where the function called is in `names`."""
    new = names.get(_name_of(node.func)) if isinstance(node, ast.Call) else None
    if new and isinstance(node, ast.Call):
        changed = copy.deepcopy(node)
        if isinstance(changed.func, ast.Name):
            changed.func.id = new
        elif isinstance(changed.func, ast.Attribute):
            changed.func.attr = new
        yield changed


def _read(node: ast.AST) -> str:
    """Return the name that a node reads; empty for every other node."""
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else ""


# ------------------------------------------------------------------------------------------------ of the domain
def _partner(name: str, names: frozenset[str]) -> str:
    """Return the name that says y where this one says x, or the other way round."""
    for pattern, other in (
        (r"(^|_|[a-z])x($|_|\d)", r"\1y\2"),
        (r"(^|_|[a-z])y($|_|\d)", r"\1x\2"),
        (r"(^|_)x_?", r"\1y_"),
        (r"(^|_)y_?", r"\1x_"),
        ("column", "row"),
        ("row", "column"),
    ):
        new = re.sub(pattern, other, name, count=1)
        if new != name and new in names:
            return new
    return ""


def x_and_y(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Exchange x and y: a name, the members of a pair, the indices of an image, a transposition."""
    other = _partner(_read(node), scope.names)
    if other:
        yield _expression(other)
    if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == 2:
        changed = copy.deepcopy(node)
        changed.elts.reverse()
        yield changed
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield copy.deepcopy(node.value)


def start_offset(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Drop or double a start offset."""
    name = _read(node)
    if "start" in name:
        yield _expression("0")
        yield _expression(f"(2 * {name})")


def half_a_pixel(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Count positions from the corner of a pixel instead of its centre."""
    if isinstance(node, ast.Call) and _name_of(node.func) in ("arange", "indices"):
        yield ast.BinOp(copy.deepcopy(node), ast.Add(), ast.Constant(0.5))


def sigma_and_fwhm(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Take sigma for the full width at half maximum, or the other way round."""
    name = _read(node)
    if name in ("sigma", "width", "mu", "fwhm", "psf_width"):
        yield _expression(f"({FWHM} * {name})")
        yield _expression(f"({name} / {FWHM})")


def radius_and_diameter(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Take the radius for the diameter, or the other way round."""
    name = _read(node)
    if name in ("radius", "r", "r_in", "r_out"):
        yield _expression(f"(2 * {name})")
        yield _expression(f"({name} / 2)")


def square_or_root(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Forget a square or a square root; add errors linearly."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield copy.deepcopy(node.left)
    if isinstance(node, ast.Call) and _name_of(node.func) == "sqrt":
        yield copy.deepcopy(node.args[0])
    if isinstance(node, ast.Call) and _name_of(node.func) == "hypot":
        yield ast.BinOp(copy.deepcopy(node.args[0]), ast.Add(), copy.deepcopy(node.args[1]))


def mean_and_median(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Take the mean for the median, a sum for a mean, or the other way round."""
    yield from _renamed(node, {"mean": "median", "median": "mean", "nanmean": "nanmedian", "nanmedian": "nanmean"})
    yield from _renamed(node, {"sum": "mean", "mean": "sum", "nansum": "nanmean", "nanmean": "nansum"})
    if isinstance(node, ast.Attribute) and node.attr in ("median", "mean"):
        changed = copy.deepcopy(node)
        changed.attr = {"median": "mean", "mean": "median"}[node.attr]
        yield changed


def area_factor(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Forget the area that a level is multiplied by."""
    if isinstance(node, ast.Attribute) and node.attr == "area":
        yield _expression("1.0")


def boundary(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Count a boundary in or out: ``>`` and ``>=``."""
    pairs: dict[type, type] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
    if isinstance(node, ast.Compare) and type(node.ops[0]) in pairs:
        changed = copy.deepcopy(node)
        changed.ops[0] = pairs[type(node.ops[0])]()
        yield changed


def neighbour_missed(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Miss one of several: a neighbour of a list, one of several conditions, a column or a row of a slice."""
    if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) > 2 and isinstance(node.ctx, ast.Load):
        for k in (0, len(node.elts) - 1):
            changed = copy.deepcopy(node)
            del changed.elts[k]
            yield changed
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        yield copy.deepcopy(node.left)
        yield copy.deepcopy(node.right)
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            yield copy.deepcopy(value)


def shift_sign_and_order(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Turn the sign or the order of a shift round."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and id(node) not in scope.even:
        yield ast.BinOp(copy.deepcopy(node.right), ast.Sub(), copy.deepcopy(node.left))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield copy.deepcopy(node.operand)
    if isinstance(node, ast.Subscript) and "::-1" in ast.unparse(node.slice):
        yield copy.deepcopy(node.value)
    if _read(node) == "shift":
        yield _expression("-shift")
        yield _expression("shift[::-1]")


def logarithm(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Take the natural logarithm for the decimal one, or the other way round."""
    yield from _renamed(node, {"log10": "log", "log": "log10", "exp": "exp2"})


def whole_numbers(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Leave out a conversion to float, so that unsigned counts wrap around."""
    if isinstance(node, ast.Call) and _name_of(node.func) == "astype" and isinstance(node.func, ast.Attribute):
        yield copy.deepcopy(node.func.value)
    if (
        isinstance(node, ast.Call)
        and _name_of(node.func) in ("asarray", "array")
        and isinstance(node.func, ast.Attribute)
        and node.args
    ):
        yield copy.deepcopy(node.args[0])


def not_a_number(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Forget that there are NaN pixels."""
    if isinstance(node, ast.Call) and _name_of(node.func).startswith("nan") and _name_of(node.func) != "nan_to_num":
        yield from _renamed(node, {_name_of(node.func): _name_of(node.func)[3:]})
    if isinstance(node, ast.Call) and _name_of(node.func) == "isfinite":
        yield _expression(f"np.ones(np.shape({ast.unparse(node.args[0])}), bool)")


def units(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Take degrees for arcminutes, and other units for their neighbours."""
    others = {"deg": "arcmin", "arcmin": "arcsec", "arcsec": "arcmin", "mJy": "Jy", "Jy": "mJy", "MJy": "Jy"}
    if isinstance(node, ast.Attribute) and node.attr in others:
        changed = copy.deepcopy(node)
        changed.attr = others[node.attr]
        yield changed


# ------------------------------------------------------------------------------------------------ general
def arithmetic(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Compute with another operator."""
    others: dict[type, type] = {
        ast.Add: ast.Sub,
        ast.Sub: ast.Add,
        ast.Mult: ast.Div,
        ast.Div: ast.Mult,
        ast.FloorDiv: ast.Div,
        ast.Mod: ast.Mult,
        ast.Pow: ast.Mult,
        ast.BitAnd: ast.BitOr,
        ast.BitOr: ast.BitAnd,
        ast.MatMult: ast.Mult,
    }
    if isinstance(node, ast.BinOp) and type(node.op) in others:
        yield ast.BinOp(copy.deepcopy(node.left), others[type(node.op)](), copy.deepcopy(node.right))


def operand(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Leave one side of an operation out."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        yield copy.deepcopy(node.left)
        if not isinstance(node.op, ast.Div):
            yield copy.deepcopy(node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Invert, ast.Not)):
        yield copy.deepcopy(node.operand)


def comparison(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Turn a comparison round."""
    others: dict[type, type] = {
        ast.Gt: ast.Lt,
        ast.GtE: ast.Lt,
        ast.Lt: ast.Gt,
        ast.LtE: ast.Gt,
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
    }
    if isinstance(node, ast.Compare) and type(node.ops[0]) in others:
        changed = copy.deepcopy(node)
        changed.ops[0] = others[type(node.ops[0])]()
        yield changed
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), copy.deepcopy(node.values))


def constant(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Change a number by one, or by a factor of two."""
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield ast.Constant(2 * node.value or 1.0)
        yield ast.Constant(node.value / 2 or -1.0)


def keyword_dropped(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Leave a keyword argument out."""
    if isinstance(node, ast.Call):
        for k, keyword in enumerate(node.keywords):
            if keyword.arg not in COSMETIC:
                changed = copy.deepcopy(node)
                del changed.keywords[k]
                yield changed


def arguments(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Exchange the first two arguments of a call."""
    same = ("hypot", "maximum", "minimum", "max", "min", "isclose", "allclose", "logical_and", "logical_or")
    if (
        isinstance(node, ast.Call)
        and len(node.args) > 1
        and _name_of(node.func) not in same
        and not any(isinstance(a, ast.Starred) for a in node.args[:2])
    ):
        changed = copy.deepcopy(node)
        changed.args[:2] = changed.args[1::-1]
        yield changed


def extreme(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Call the opposite function."""
    yield from _renamed(
        node,
        {
            "max": "min",
            "min": "max",
            "argmax": "argmin",
            "nanargmax": "nanargmin",
            "argmin": "argmax",
            "nanmax": "nanmin",
            "nanmin": "nanmax",
            "maximum": "minimum",
            "minimum": "maximum",
            "floor": "ceil",
            "rint": "floor",
            "round": "floor",
        },
    )


def slice_bound(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Leave the bound of a slice out."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        for bound in ("lower", "upper"):
            if getattr(node.slice, bound) is not None:
                changed = copy.deepcopy(node)
                setattr(changed.slice, bound, None)
                yield changed


def element(node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Leave the first or the last element of what is looped over out."""
    if isinstance(node, ast.comprehension):
        return
    if isinstance(node, ast.Call) and _name_of(node.func) in ("zip", "range", "enumerate"):
        yield _expression(f"list({ast.unparse(node)})[1:]")
        yield _expression(f"list({ast.unparse(node)})[:-1]")


DOMAIN: dict[str, Rewriter] = {
    "x and y exchanged": x_and_y,
    "start offset": start_offset,
    "half a pixel": half_a_pixel,
    "sigma and FWHM": sigma_and_fwhm,
    "radius and diameter": radius_and_diameter,
    "missing square or root": square_or_root,
    "mean and median": mean_and_median,
    "missing area": area_factor,
    "> and >=": boundary,
    "one missed": neighbour_missed,
    "sign or order": shift_sign_and_order,
    "ln and log10": logarithm,
    "unsigned wrap-around": whole_numbers,
    "NaN forgotten": not_a_number,
    "units": units,
}
GENERAL: dict[str, Rewriter] = {
    "another operator": arithmetic,
    "operand left out": operand,
    "comparison turned": comparison,
    "number changed": constant,
    "keyword left out": keyword_dropped,
    "arguments exchanged": arguments,
    "opposite function": extreme,
    "bound left out": slice_bound,
    "element left out": element,
}


# ------------------------------------------------------------------------------------------------ rewriting
def _scope(function: ast.FunctionDef) -> Scope:
    params = {a.arg for a in function.args.args}
    # Squares, moduli and hypotenuses.
    even = {
        id(n.left)
        for n in ast.walk(function)
        if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) and ast.unparse(n.right) == "2"
    }
    even |= {
        id(a)
        for n in ast.walk(function)
        if isinstance(n, ast.Call) and _name_of(n.func) in ("hypot", "abs", "absolute")
        for a in n.args
    }
    return Scope(
        frozenset(params),
        frozenset(params | {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}),
        frozenset(even),
    )


def _places(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    """Return where each node hangs: its parent, the field, and the index in it; in an order that copies share."""
    found: list[tuple[ast.AST, str, int | None]] = []
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                found.append((parent, name, None))
            elif isinstance(value, list):
                found += [(parent, name, k) for k, item in enumerate(value) if isinstance(item, ast.AST)]
    return found


def _at(place: tuple[ast.AST, str, int | None]) -> ast.AST:
    parent, name, index = place
    value = getattr(parent, name)
    return value if index is None else value[index]


def _changed(tree: ast.Module, place: tuple[ast.AST, str, int | None], new: ast.AST | None) -> str:
    """Return the text of a tree with one node replaced, or left out; the tree is as it was, since a copy for each mutant takes far longer."""
    parent, name, index = place
    before = getattr(parent, name)
    after = new if index is None else [*before[:index], *([] if new is None else [new]), *before[index + 1 :]]
    setattr(parent, name, after)
    try:
        return ast.unparse(tree)
    finally:
        setattr(parent, name, before)


def _cosmetic(tree: ast.AST, figure: bool) -> set[int]:
    """Return the ids of all nodes that only say how a picture looks, what is printed, or (where no figure is asked) drawn."""
    free: list[ast.AST] = [n for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg in COSMETIC]
    # The order in which axes are named means nothing.
    free += [
        a
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and _name_of(n.func) == "reshape"
        for a in n.args
        if ast.unparse(a) == "-1"
    ]
    free += [
        n for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "axis" and isinstance(n.value, ast.Tuple)
    ]
    free += [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) and _name_of(n.value.func) in ("print", "warn")
    ]
    if not figure:
        free += [
            n for n in ast.walk(tree) if isinstance(n, ast.Expr) and re.match(r"(plt|ax|axes|fig)\.", ast.unparse(n))
        ]
    return {id(inner) for node in free for inner in ast.walk(node)}


def _rewritten(tree: ast.Module, function: ast.FunctionDef, figure: bool) -> Iterator[tuple[str, str]]:
    scope, free = _scope(function), _cosmetic(tree, figure)
    # Defaults of parameters are the contract's; annotations say nothing.
    skipped = {id(n) for part in (function.args,) for n in ast.walk(part)} | free
    for place in _places(tree):
        node = _at(place)
        if id(node) in skipped:
            continue
        # The last of one is its first.
        is_first = isinstance(place[0], ast.Subscript) and isinstance(node, ast.Constant) and node.value == 0
        for title, operator in (*DOMAIN.items(), *GENERAL.items()):
            for new in operator(node, scope):
                if not (is_first and ast.unparse(new) == "-1"):
                    yield title, _changed(tree, place, new)
        yield from ((title, _changed(tree, place, new)) for title, new in _statements(node, place, function))


def _statements(
    node: ast.AST, place: tuple[ast.AST, str, int | None], function: ast.FunctionDef
) -> Iterator[tuple[str, ast.AST | None]]:
    """Yield changes of whole statements: conditions that always or never hold, and statements left out."""
    if isinstance(node, (ast.If, ast.IfExp)):
        for value in (True, False):
            changed: Any = copy.deepcopy(node)
            changed.test = ast.Constant(value)
            yield "condition fixed", changed
    if isinstance(node, ast.comprehension) and node.ifs:
        without = copy.deepcopy(node)
        without.ifs = []
        yield "condition left out", without
    if isinstance(node, ast.For):
        once = copy.deepcopy(node)
        once.body.append(ast.Break())
        yield "loop ends after the first", once
    alone = place[2] is not None and len(getattr(place[0], place[1])) == 1
    if (
        isinstance(node, (ast.AugAssign, ast.Expr))
        and not alone
        and not isinstance(getattr(node, "value", None), ast.Constant)
    ):
        yield "statement left out", None
    if isinstance(node, ast.Assign) and not alone and _assigned_before(node, function):
        yield "statement left out", None


def _assigned_before(node: ast.Assign, function: ast.FunctionDef) -> bool:
    """Tell whether what a statement assigns has a value without it."""
    names = {
        n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    before = {a.arg for a in function.args.args} | {
        n.id
        for n in ast.walk(function)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.lineno < node.lineno
    }
    return names <= before


def _diff(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


# ------------------------------------------------------------------------------------------------ from outside
_TOUCH = """
def _touch(value):
    if hasattr(value, "colnames") or hasattr(value, "iloc"):
        value["touched"] = 1
    elif hasattr(value, "cards"):
        value["TOUCHED"] = 1
    elif isinstance(value, list):
        value.append(0)
    else:
        flat = np.asarray(value).reshape(-1) if np.asarray(value).flags.c_contiguous else np.asarray(value).flat
        flat[0] = 77
"""


def _mutable(value: Any) -> bool:
    return (
        isinstance(value, list)
        or hasattr(value, "colnames")
        or hasattr(value, "iloc")
        or hasattr(value, "cards")
        or (isinstance(value, np.ndarray) and value.size > 0)
    )


def _is_pair(answer: Any) -> bool:
    try:
        return np.shape(answer) == (2,) and np.asarray(answer).dtype.kind in "iuf"
    except (ValueError, TypeError):
        return False


def wrapped(
    name: str,
    params: tuple[str, ...],
    code: str,
    arguments: list[Any],
    forms: list[Any],
    answer: Any,
    picture: str = "",
) -> Iterator[tuple[str, str, str]]:
    """Yield mutants that change what goes in or comes out: operator, code, and a line that says what.

    Parameters
    ----------
    name, params, code : str, tuple of str, str
        The reference.
    arguments, forms : list
        Arguments of the first provided case, decoded and as plain forms.
    answer : object
        What the reference gives for it; None where that is a figure or a file.
    picture : str
        How wrong answers are shown, which tells positions from other numbers.
    """
    inner = re.sub(rf"^def {name}\(", f"def _right_{name}(", code, flags=re.M)
    given = ", ".join(params)

    def wrap(before: str, after: str, head: str = "") -> str:
        return f"{head}{inner}\n# %%\ndef {name}({given}):\n{before}    answer = _right_{name}({given})\n{after}    return answer\n"

    for param, value, form in zip(params, arguments, forms, strict=False):
        if isinstance(form, dict) and form.get("$") == "outfile":
            continue
        left = f"import json\nfrom photcheck import wire\nleft = json.loads({json.dumps(json.dumps(form))})\n# %%\n"
        yield (
            "leftover read",
            wrap(f"    {param} = wire.decode(left, data=True)\n", "", left),
            f"+ {param} is that of the first provided case, whatever is given",
        )
        if _mutable(value):
            yield (
                "input modified",
                wrap("", f"    _touch({param})\n", _TOUCH.lstrip() + "# %%\n"),
                f"+ {param} is written into",
            )
        if isinstance(value, np.ndarray) and value.ndim == 2 and type(value) is np.ndarray:
            yield "x and y exchanged", wrap(f"    {param} = {param}.T\n", ""), f"+ {param} = {param}.T"
            if param.startswith("image"):
                yield (
                    "unsigned wrap-around",
                    wrap(f"    {param} = {param} % 65536\n", ""),
                    f"+ {param} = {param} % 65536",
                )
        yield from ((title, wrap(f"    {text}\n", ""), f"+ {text}") for title, text in _input_edits(param))
    yield from ((title, wrap("", f"    {text}\n"), f"+ {text}") for title, text in _answer_edits(answer, picture))


def _input_edits(param: str) -> Iterator[tuple[str, str]]:
    """Yield what an argument may be taken for, by its name."""
    if re.fullmatch(r"radi(us|i)|r|r_in|r_out", param):
        yield "radius and diameter", f"{param} = 2 * ({param} if hasattr({param}, 'unit') else np.asarray({param}))"
        yield "radius and diameter", f"{param} = ({param} if hasattr({param}, 'unit') else np.asarray({param})) / 2"
    if re.fullmatch(r"sigma|width|psf_width|fwhm", param):
        yield "sigma and FWHM", f"{param} = {FWHM} * {param}"
        yield "sigma and FWHM", f"{param} = {param} / {FWHM}"
    if re.fullmatch(r"positions?|centroid_[xy]", param):
        yield "half a pixel", f"{param} = np.asarray({param}) + 0.5"
    if re.search(r"(^|_)start", param):
        yield "start offset", f"{param} = 0 * {param}"
        yield "start offset", f"{param} = 2 * {param}"


def _answer_edits(answer: Any, picture: str) -> Iterator[tuple[str, str]]:
    """Yield what a right answer may be turned into."""
    if hasattr(answer, "colnames"):
        yield from _tables(answer)
    elif _is_pair(answer):
        yield "x and y exchanged", "answer = (answer[1], answer[0])"
        if picture == "position":
            yield "half a pixel", "answer = (answer[0] + 0.5, answer[1])"
            yield "half a pixel", "answer = (answer[0], answer[1] - 0.5)"
        yield "sign or order", "answer = (-answer[0], -answer[1])"
    elif isinstance(answer, (int, float, np.number)) and not isinstance(answer, bool):
        yield "missing square or root", "answer = abs(answer) ** 0.5"
        yield "missing square or root", "answer = answer ** 2"
        yield "radius and diameter", "answer = answer / 2"
        yield "sigma and FWHM", f"answer = {FWHM} * answer"
        yield "sign or order", "answer = -answer"
    elif (
        isinstance(answer, np.ndarray)
        and type(answer) is np.ndarray
        and answer.ndim
        and answer.dtype.kind in "iuf"
        and answer.size > 1
    ):
        yield "sign or order", "answer = -np.asarray(answer)"
        yield "sign or order", "answer = np.asarray(answer)[::-1]"
        if answer.ndim == 2 and answer.shape[1] == 2:
            yield "half a pixel", "answer = np.asarray(answer) + 0.5"
        if answer.ndim == 2:
            yield "x and y exchanged", "answer = np.asarray(answer)[:, ::-1]"


def _tables(answer: Any) -> Iterator[tuple[str, str]]:
    """Yield what a table may be turned into: a column wrong by half a pixel, a factor, a square, and rows that are missing."""
    yield "one missed", "answer = answer[::2]"
    names = [n for n in answer.colnames if answer[n].dtype.kind in "iuf"]
    for name in names:
        column = f"answer[{name!r}]"
        if re.search(r"^[xy]$|centroid", name):
            yield "half a pixel", f"{column} = {column} + 0.5"
        else:
            yield "radius and diameter", f"{column} = {column} / 2"
            yield "missing square or root", f"{column} = {column} ** 2"
    for first, second in zip(names, names[1:], strict=False):
        if _partner(first, frozenset({second})) == second:
            yield (
                "x and y exchanged",
                f"answer[{first!r}], answer[{second!r}] = answer[{second!r}].copy(), answer[{first!r}].copy()",
            )


def rewritten(name: str, code: str, figure: bool = False) -> list[Mutant]:
    """Return the mutants of a function's text; what is the same as the text, or as another mutant, is left out.

    Parameters
    ----------
    name : str
        The function's name.
    code : str
        Its text; the function is at the top level of it.
    figure : bool
        Whether what it draws is its answer.
    """
    tree = ast.parse(code)
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    old, seen, found = ast.unparse(tree), {ast.dump(tree)}, []
    for title, new in _rewritten(tree, function, figure):
        try:
            form = ast.dump(ast.parse(new))
        except SyntaxError:
            continue
        if form not in seen:
            seen.add(form)
            found.append(Mutant(title, new + "\n", _diff(old, new)))
    return found


def spread(mutants: list[Mutant], most: int) -> list[Mutant]:
    """Return at most so many mutants, evenly taken from all of them."""
    if len(mutants) <= most:
        return mutants
    return [mutants[int(k * len(mutants) / most)] for k in range(most)]
