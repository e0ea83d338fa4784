"""Which cells have to be run: what a cell leaves behind, and what others take up.

Half of the time that a notebook takes is its student's own functions, called again to draw figures that were handed in
with it. A cell whose pictures are there is run only where something that is run needs what it leaves behind: a variable
live behind it (as compilers call it: read later, before it is given another value), or an effect that no name shows.
Where that cannot be told, it is run. What a function does to its arguments is not seen: where it changes them in place,
its own verdict says so.
"""

from __future__ import annotations

import ast
import functools
import symtable
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from photgrader.grading.sources import parsed

#: Methods that leave what they are called on as it is; any other may change it.
_KEEPING = frozenset(
    """all any argmax argmin argsort astype capitalize clip copy count cumsum diff dot dropna endswith flatten format groupby
    head isin isna items join keys lower max mean median min nonzero notna prod ravel repeat reshape round split startswith
    std strip sum tail to to_list to_numpy to_value tolist transpose upper value_counts values var""".split()
)
#: Functions that do or read what is in no name.
_EFFECTS = frozenset(
    """breakpoint compile delattr eval exec exit get_ipython globals input locals open quit setattr vars __import__
    __main__""".split()
)
#: Attributes and modules that say the same.
_EFFECTS_WITHIN = _EFFECTS | frozenset(
    """ag_frame chdir copyto cr_frame default_rng environ f_back f_builtins f_globals f_locals fill_diagonal filterwarnings gi_frame
    InteractiveShell mkdir modules place Popen put putenv putmask random rc rcParams rcdefaults remove rename rmtree run seed set_cmap
    set_printoptions set_theme seterr shuffle simplefilter subprocess switch_backend system tb_frame tofile touch unlink use use_style
    user_global_ns user_ns warn xkcd""".split()
)
#: Names with two underscores around them that give a text, or what anybody's class has; by others code gets at names and at what is whose.
_HARMLESS = frozenset({"__doc__", "__file__", "__init__", "__name__", "__version__"})
_EFFECT_BEGINNINGS = tuple(
    "add_enabled disable dump enable extract hardlink_to register save set_default set_enabled set_option seterr symlink_to to_ write".split()
)
#: Of these, those that give a value and leave no file.
_NO_EFFECT = frozenset({"to_list", "to_numpy", "to_value", "to_pandas", "to_pixel", "to_string"})
#: Arguments by which a function is told to change what it is given.
_IN_PLACE = frozenset({"out", "inplace", "copy", "overwrite_input"})
#: What lets code read any name.
_READS_ALL = frozenset(
    """eval exec globals locals vars get_ipython modules f_globals f_locals user_global_ns user_ns __main__ __import__
    __globals__""".split()
)
#: Of Python's own modules, those whose functions have no effect but on what they are given.
_QUIET = frozenset(
    """__future__ abc bisect calendar cmath collections colorsys copy csv dataclasses datetime enum fractions functools heapq
    io itertools json math numbers operator pathlib pprint random re statistics string textwrap time types typing warnings""".split()
)


@dataclass
class _Cell:
    """What a cell reads before it sets it, reads whenever its functions are called, sets where it ends well, sets perhaps (`stores`),
    alters in place, may alter by a method, which names it makes parts of which, and what it imports; which words stand in it, and in
    the functions that it defines; which names it makes the same as an attribute of which; which names have effects when they are used (`acts`); whether it cannot but end well."""

    reads: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    alters: set[str] = field(default_factory=set)
    asks: set[str] = field(default_factory=set)
    shares: set[tuple[str, str]] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    within: list[tuple[str, set[str]]] = field(default_factory=list)
    same: set[tuple[str, str]] = field(default_factory=set)
    acts: set[str] = field(default_factory=set)
    plain: bool = False
    effects: bool = False
    reads_all: bool = False


def needed(
    sources: Mapping[int, str], optional: Iterable[int], ended_well: Iterable[int] = (), asked: Iterable[str] = ()
) -> set[int]:
    """Return which cells have to be run.

    Parameters
    ----------
    sources : mapping of int to str
        The code cells by their places, in the order in which they are run.
    optional : iterable of int
        The places of those that need not be run for their own sake.
    ended_well : iterable of int
        The places of those that are known to run to their end: what others gave the names that these set is read no more.
    asked : iterable of str
        Names that are read when all cells have run.

    Returns
    -------
    set of int
        Places.

    Examples
    --------
    >>> sorted(needed({0: "a = 1", 1: "b = a", 2: "a = 2", 3: "print(a)"}, [0, 1, 2]))
    [2, 3]
    >>> sources = {0: "a = 1", 1: "a = f()", 2: "print(a)"}
    >>> sorted(needed(sources, [0, 1])), sorted(needed(sources, [0, 1], [1]))
    ([0, 1, 2], [1, 2])
    """
    cells, asked = {place: _look(source) for place, source in sources.items()}, set(asked)
    run = set(sources) - set(optional) | _acting(cells)
    well = set(ended_well)
    surely = {place: cell.sets if cell.plain or place in well else set() for place, cell in cells.items()}
    if any(cells[place].reads_all for place in run):
        return set(sources)
    changes = _changes(cells)
    while True:
        # A function may be called from anywhere, so that what it reads is live everywhere.
        always = {name for place in run for name in cells[place].later}
        live, more = always.union(asked), set(run)
        for place in reversed(list(sources)):
            cell = cells[place]
            if place in more or changes[place] & live:
                more.add(place)
                live = (live - surely[place]) | cell.reads | always
        if more == run:
            return run
        run = more


def read_by(source: str) -> set[str]:
    """Return the names of the notebook that a cell reads when it is run.

    Examples
    --------
    >>> sorted(read_by("y = f(x)"))
    ['f', 'x']
    """
    return set(_look(source).reads)


def _acting(cells: Mapping[int, _Cell]) -> set[int]:
    """Return the places of the cells with effects: their own, those of the functions that they may call, and what they do to a module."""
    acts = {name for cell in cells.values() for name in cell.acts}
    imported = {name for cell in cells.values() for name in cell.imports}
    same = {pair for cell in cells.values() for pair in cell.same}
    while more := {name for name, whole in same if whole in imported and name not in imported}:
        # What a module has is the module's by any name.
        imported |= more
    waiting = [pair for cell in cells.values() for pair in cell.within]
    more = acts
    while more:
        more = {name for name, words in waiting if name not in acts and not more.isdisjoint(words)}
        acts |= more
    return {
        place
        for place, cell in cells.items()
        if cell.effects or not acts.isdisjoint(cell.words) or not imported.isdisjoint(cell.alters)
    }


def _changes(cells: Mapping[int, _Cell]) -> dict[int, set[str]]:
    """Return what each cell may change: the names that it sets, and those whose objects it alters, by another name too."""
    # What a module's functions do to the module is among the effects.
    imported = {name for cell in cells.values() for name in cell.imports}
    wholes: dict[str, set[str]] = {}
    for part, whole in (pair for cell in cells.values() for pair in cell.shares):
        wholes.setdefault(part, set()).add(whole)
    found = {}
    for place, cell in cells.items():
        altered, look = set(), list((cell.alters | cell.asks) - imported)
        while look:
            name = look.pop()
            if name not in altered:
                altered.add(name)
                look += wholes.get(name, set()) - imported
        found[place] = cell.stores | altered | (cell.alters & imported)
    return found


# Most cells of a class are those that it was given.
@functools.lru_cache(maxsize=256)
def _look(source: str) -> _Cell:
    tree = parsed(source)
    if tree is None:
        # Magics, or a slip: what it does, IPython alone knows.
        return _Cell(effects=True)
    cell = _Cell()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cell.later = read_later(symtable.symtable(source, "cell", "exec"))
        _sequence(tree.body, set(), cell)
        cell.plain = all(_cannot_fail(statement) for statement in tree.body)
        for node in ast.walk(tree):
            _note(node, cell)
        _note_functions(tree, cell)
    except (SyntaxError, ValueError, RecursionError):
        return _Cell(effects=True)
    return cell


def _note_functions(tree: ast.Module, cell: _Cell) -> None:
    """Note which words stand in the functions that a cell defines, and which of them have effects; what is within one is its."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = {node.name}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names = _stored(node)
        else:
            waiting += ast.iter_child_nodes(node)
            continue
        inside = _Cell()
        for part in ast.walk(node):
            # What a function does to the filters it does within `catch_warnings`; those of the judge's calls are its own.
            if not (isinstance(part, ast.Attribute) and part.attr in ("filterwarnings", "simplefilter", "warn")):
                _note(part, inside)
        cell.within += [(name, inside.words) for name in names]
        cell.acts |= names if inside.effects else set()


def _cannot_fail(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        # Decorators, defaults and annotations are evaluated at once.
        arguments = ast.walk(statement.args)
        evaluated = [*statement.decorator_list, *filter(None, [statement.returns])]
        return not evaluated and all(isinstance(n, (ast.arguments, ast.arg)) for n in arguments)
    if isinstance(statement, ast.Assign) and all(isinstance(t, ast.Name) for t in statement.targets):
        return isinstance(statement.value, ast.Constant)
    return False


def read_later(scope: symtable.SymbolTable) -> set[str]:
    """Return the names of the notebook that the functions in a scope read."""
    found: set[str] = set()
    for inner in scope.get_children():
        if inner.get_type() == "function" and inner.get_name() not in ("listcomp", "setcomp", "dictcomp"):
            found |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
        found |= read_later(inner)
    return found


def _sequence(statements: list[ast.stmt], known: set[str], cell: _Cell, sure: bool = True) -> None:
    """Go through statements in order: what they read of what is not known by then, and what they set for sure."""
    for statement in statements:
        bodies = [b for b in (getattr(statement, n, None) for n in ("body", "orelse", "finalbody")) if b]
        handlers = getattr(statement, "handlers", [])
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or not (bodies or handlers):
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                cell.reads |= names_read(statement) - known
            else:
                # These are read at once, the body when it is called.
                outer = [*statement.decorator_list, statement.args, *filter(None, [statement.returns])]
                cell.reads |= {name for part in outer for name in names_read(part)} - known
            made = set_by(statement)
            known |= made
            cell.sets |= made if sure else set()
            continue
        heads = [
            part
            for name, value in ast.iter_fields(statement)
            if name not in ("body", "orelse", "finalbody", "handlers")
            for part in (value if isinstance(value, list) else [value])
            if isinstance(part, ast.AST)
        ]
        cell.reads |= {name for part in heads for name in names_read(part)} - known
        inside = known | {name for part in heads for name in _stored(part)}
        for body in [*bodies, *(h.body for h in handlers)]:
            if all(isinstance(s, ast.stmt) for s in body):
                _sequence(body, set(inside), cell, sure=False)


def names_read(node: ast.AST) -> set[str]:
    """Return the names that are read in a part of a cell."""
    own = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store)}
    # What is added to is read first.
    return own | {
        n.target.id for n in ast.walk(node) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
    }


def _stored(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def set_by(statement: ast.stmt) -> set[str]:
    """Return the names that a simple statement sets for sure."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign) and statement.value is not None
        else []
    )
    return {name for target in targets for name in _stored(target)}


def altered_in(tree: ast.AST) -> set[str]:
    """Return the names whose objects a cell alters, or may alter by a method."""
    cell = _Cell()
    for node in ast.walk(tree):
        _note(node, cell)
    return cell.alters | cell.asks


def base(node: ast.AST) -> str:
    """Return the name that an expression begins with: ``a`` of ``a.b[0].c()``; empty where it is another expression."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _note(node: ast.AST, cell: _Cell) -> None:
    """Note what a part of a cell may change, and effects that are in no name."""
    words: list[str] = []
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        words = [node.id]
        cell.effects |= node.id in _EFFECTS or _gets_at_names(node.id)
    elif isinstance(node, (ast.Attribute, ast.Import, ast.ImportFrom)):
        names = [node.attr] if isinstance(node, ast.Attribute) else [a.name for a in node.names]
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
        words = [part for word in {*names, *modules} for part in word.split(".")]
        if not isinstance(node, ast.Attribute) and any(map(_is_loud, modules)):
            cell.acts |= set_by(node)
        cell.effects |= any(
            w in _EFFECTS_WITHIN or _gets_at_names(w) or (w.startswith(_EFFECT_BEGINNINGS) and w not in _NO_EFFECT)
            for w in words
        )
    cell.words.update(words)
    cell.reads_all |= not _READS_ALL.isdisjoint(words)
    cell.effects |= "*" in words or isinstance(node, (ast.Global, ast.Delete, ast.Await))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        cell.stores.add(node.id)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        cell.stores.add(node.name)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        # A package has its modules as attributes from when they are first imported, by whatever name.
        cell.stores |= set_by(node) | {m.partition(".")[0] for m in modules}
        cell.imports |= set_by(node)
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        cell.stores.add(node.name)
    elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
        cell.alters.add(base(node))
        # Of what class something is, is said by no name.
        cell.effects |= base(node) == "type"
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "getattr":
            asked = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            cell.effects |= not asked or asked[0] in _EFFECTS_WITHIN or _gets_at_names(asked[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr not in _KEEPING:
            cell.asks.add(base(node.func))
        for word in node.keywords:
            if word.arg in _IN_PLACE and not isinstance(word.value, ast.Call):
                cell.alters |= names_read(word.value)
    _note_parts(node, cell)


def _gets_at_names(word: str) -> bool:
    return word.startswith("__") and word.endswith("__") and word not in _HARMLESS


def _is_loud(module: str) -> bool:
    """Tell whether a module is one of Python's own that has effects which no name shows."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names and top not in _QUIET


def _note_parts(node: ast.AST, cell: _Cell) -> None:
    """Note what is a part of what, or the same by another name: to alter it alters that as well."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        # An array is altered in place.
        cell.alters.add(node.target.id)
    elif isinstance(node, ast.Assign):
        cell.shares |= {pair for target in node.targets for pair in _pairs(target, node.value)}
        if not any(isinstance(n, ast.Call) for n in ast.walk(node.value)):
            cell.same |= {(t.id, base(node.value)) for t in node.targets if isinstance(t, ast.Name)}
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        cell.shares |= _pairs(node.target, node.value)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        cell.shares |= _turns(node.target, node.iter)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        cell.shares |= {(n, w) for n in _stored(node.optional_vars) for w in names_read(node.context_expr)}


def _pairs(target: ast.expr, value: ast.expr) -> set[tuple[str, str]]:
    """Return which names are given parts of which, where a value is assigned."""
    row = (ast.Tuple, ast.List)
    if isinstance(target, row) and isinstance(value, row) and len(target.elts) == len(value.elts):
        return {pair for t, v in zip(target.elts, value.elts, strict=True) for pair in _pairs(t, v)}
    return {(name, whole) for name in _stored(target) for whole in _shared(value)}


def _turns(target: ast.expr, items: ast.expr) -> set[tuple[str, str]]:
    """Return which names are given parts of which, where something is gone through."""
    if isinstance(items, (ast.Tuple, ast.List)):
        return {pair for item in items.elts for pair in _pairs(target, item)}
    if isinstance(items, ast.Call) and isinstance(items.func, ast.Name) and isinstance(target, ast.Tuple):
        columns = items.args
        if items.func.id == "enumerate" and len(target.elts) == 2 == len(columns) + 1:
            return _turns(target.elts[1], columns[0])
        if items.func.id == "zip" and len(target.elts) == len(columns):
            return {pair for t, column in zip(target.elts, columns, strict=True) for pair in _turns(t, column)}
    return {(name, whole) for name in _stored(target) for whole in names_read(items)}


def _shared(value: ast.expr) -> set[str]:
    """Return the names whose objects an expression may give, or parts of them: not what is made new of them."""
    if isinstance(value, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.JoinedStr, ast.Lambda)):
        return set()
    if isinstance(value, ast.Call):
        return {base(value.func)} if isinstance(value.func, ast.Attribute) else set()
    if isinstance(value, (ast.Attribute, ast.Subscript)):
        return _shared(value.value)
    if isinstance(value, ast.Name):
        return {value.id}
    return {n for c in ast.iter_child_nodes(value) if isinstance(c, ast.expr) for n in _shared(c)}
