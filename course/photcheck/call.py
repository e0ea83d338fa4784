"""Call a student's function on fresh inputs and report what happened, as plain data.

The same code runs in the student's own check and, when grading, inside the sandboxed kernel. It decides
nothing: a report holds the value that came back, never a verdict.
"""

from __future__ import annotations

import _thread
import ast
import contextlib
import io
import json
import linecache
import os
import pathlib
import signal
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from photcheck import wire

#: What a leftover number is rebound to while a function is called again.
RUBBISH = 7777.25
#: Arrays smaller than this, such as a kernel or a list of neighbours, may stand outside a function.
SMALL_ARRAY = 100
_MAX_WORDS = 400


class _Sink(io.TextIOBase):
    """A text stream that swallows everything and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def decode_arguments(forms: list[Any], folder: str) -> list[Any]:
    """Return fresh arguments from their plain forms; output files become paths in `folder`."""
    return [_argument(form, folder) for form in forms]


def _argument(form: Any, folder: str) -> Any:
    kind = form.get("$") if isinstance(form, dict) else None
    if kind == "outfile":
        return _output_path(form, folder)
    value = wire.decode(form, data=True)
    # Answers are compared as astropy tables; a function is handed the kind of table that the case holds.
    return value.to_pandas() if kind == "table" and form.get("kind") == "DataFrame" else value


def _output_path(form: dict[str, Any], folder: str) -> str:
    path = pathlib.Path(folder) / pathlib.PurePath(str(form["name"])).name
    # What the case before has written must not be there; a student may have put anything in its place.
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        if form.get("existing"):
            path.write_bytes(wire.decode(form["existing"], data=True))
    return str(path)


def _snapshot(value: Any) -> Any:
    if isinstance(value, np.ndarray) and type(value) is np.ndarray:
        return value.copy()
    return json.dumps(wire.encode(value, packed=False))


def _unchanged(value: Any, before: Any) -> bool:
    if isinstance(before, np.ndarray):
        return (
            value.shape == before.shape
            and value.dtype == before.dtype
            and (np.array_equal(value, before, equal_nan=value.dtype.kind in "fc"))
        )
    return json.dumps(wire.encode(value, packed=False)) == before


def _code_names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _code_names(constant)
    return names


def codes_of(function: Any) -> Iterator[types.CodeType]:
    """Yield the code objects behind a callable: plain, wrapped, partial, bound, or an object with `__call__`."""
    seen: set[int] = set()
    queue = [function]
    while queue and len(seen) < 200:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        code = getattr(item, "__code__", None)
        if isinstance(code, types.CodeType):
            yield code
        for attribute in ("__wrapped__", "__func__", "func"):
            inner = getattr(item, attribute, None)
            if callable(inner):
                queue.append(inner)
        if code is None and not isinstance(item, type) and callable(item):
            queue.append(type(item).__call__)
        for cell in getattr(item, "__closure__", None) or ():
            with contextlib.suppress(ValueError):
                if callable(cell.cell_contents):
                    queue.append(cell.cell_contents)


def names_used(function: Callable[..., Any], namespace: dict[str, Any]) -> set[str]:
    """Return the names of a namespace that a function reads, through the namespace's own functions too."""
    found: set[str] = set()
    queue: list[Any] = [function]
    done: set[int] = set()
    while queue and len(done) < 500:
        item = queue.pop()
        if id(item) in done:
            continue
        done.add(id(item))
        for code in codes_of(item):
            for name in _code_names(code) & namespace.keys():
                if name not in found:
                    found.add(name)
                    value = namespace[name]
                    if callable(value) and getattr(value, "__module__", None) == "__main__":
                        queue.append(value)
    return found


def is_leftover(name: str, value: Any, template_names: set[str]) -> bool:
    """Tell whether a notebook variable is data that a function must not lean on.

    Large arrays and tables always are; numbers, lists and small arrays only where the notebook as handed
    out defines the name (`template_names`), so that a student's own constants and helpers stay free. Names
    in capitals are constants.
    """
    if name.startswith("_") or name.isupper() or callable(value) or isinstance(value, (types.ModuleType, str)):
        return False
    if isinstance(value, np.ndarray) and value.size > SMALL_ARRAY:
        return True
    if hasattr(value, "colnames") or (hasattr(value, "columns") and hasattr(value, "iloc")):
        return True
    return name in template_names and isinstance(value, (int, float, np.number, np.ndarray, list, tuple))


def _rubbish(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        generator = np.random.default_rng(20241108)
        return np.asarray(generator.uniform(1, 100, value.shape)).astype(value.dtype)
    if hasattr(value, "colnames") or hasattr(value, "iloc"):
        return value[:0]
    if isinstance(value, (list, tuple)):
        return type(value)()
    return int(RUBBISH) if isinstance(value, (int, np.integer)) else RUBBISH


@contextlib.contextmanager
def rebound(namespace: dict[str, Any], names: set[str]) -> Iterator[None]:
    """Rebind variables of a namespace to rubbish for the time of a call."""
    kept = {name: namespace[name] for name in names}
    namespace.update({name: _rubbish(value) for name, value in kept.items()})
    try:
        yield
    finally:
        namespace.update(kept)


def _error_form(problem: BaseException, folder: str = "") -> dict[str, Any]:
    line = where = ""
    for frame in traceback.extract_tb(problem.__traceback__):
        if "ipykernel" in frame.filename or frame.filename.startswith(("<ipython", "<cell", "<string")):
            line, where = f"line {frame.lineno}: {frame.line or ''}".strip(), frame.name
            if isinstance(problem, KeyboardInterrupt):
                line = _loop_around(frame.filename, frame.lineno or 0) or line
    try:
        words = str(problem)
    except Exception:
        words = ""
    if folder:
        # The folder is another one each time and says nothing to anybody.
        words = words.replace(os.path.join(folder, ""), "")
    return {
        "type": type(problem).__name__[:80],
        "message": words[:_MAX_WORDS],
        "line": line[:_MAX_WORDS],
        "where": where[:80],
    }


def _loop_around(filename: str, number: int) -> str:
    """Return the head of the innermost loop around a line of the notebook, a `while` before a `for`; empty where there is none."""
    lines = linecache.getlines(filename)
    try:
        loops = [
            n
            for n in ast.walk(ast.parse("".join(lines)))
            if isinstance(n, (ast.While, ast.For)) and n.lineno <= number <= (n.end_lineno or 0)
        ]
    except SyntaxError:
        return ""
    if not loops:
        return ""
    head = max(loops, key=lambda n: (isinstance(n, ast.While), n.lineno)).lineno
    return f"line {head}: {lines[head - 1].strip()}"


class Interrupted(Exception):
    """Somebody has interrupted a function that was being checked; `line` is the loop or the line that it was in."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[threading.Event]:
    """Interrupt what this thread does after some seconds, and again each second where the interrupt is swallowed.

    Yields
    ------
    threading.Event
        Set where the time was up.
    """
    late, over = threading.Event(), threading.Event()
    thread = threading.get_ident()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            late.set()
            wait = 1.0
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(thread, signal.SIGINT)
            else:
                _thread.interrupt_main()

    if not seconds or threading.current_thread() is not threading.main_thread():
        yield late
        return

    def heard(number: int, frame: Any) -> None:
        if late.is_set():
            raise KeyboardInterrupt

    # A script that was started with nohup hears no interrupt: for now it hears ours, and still nobody else's.
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    if deaf:
        signal.signal(signal.SIGINT, heard)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield late
    finally:
        # An interrupt that comes a moment after the function has ended is ours, and nobody else's.
        with contextlib.suppress(KeyboardInterrupt):
            over.set()
            watcher.join()
        if deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _close_figures() -> None:
    import sys

    if "matplotlib.pyplot" in sys.modules:
        with contextlib.suppress(Exception):
            sys.modules["matplotlib.pyplot"].close("all")


@contextlib.contextmanager
def _figures_kept(wanted: bool) -> Iterator[None]:
    """Keep figures open while a function draws: a notebook's `plt.show()` shows them and closes them."""
    if not wanted:
        yield
        return
    import matplotlib.pyplot as plt

    pyplot: Any = plt
    kept = plt.show, plt.close
    pyplot.show = pyplot.close = lambda *args, **kwargs: None
    try:
        yield
    finally:
        pyplot.show, pyplot.close = kept


def _value_of(result: Any, want_figure: bool) -> Any:
    if want_figure and not (type(result).__module__ or "").startswith("matplotlib"):
        import matplotlib.pyplot as plt

        return plt.gcf() if plt.get_fignums() else result
    return result


def call(
    function: Any,
    forms: list[Any],
    params: tuple[str, ...],
    *,
    folder: str = "",
    figure: bool = False,
    namespace: dict[str, Any] | None = None,
    poison: set[str] | None = None,
    seconds: float = 0.0,
    packed: bool = True,
) -> dict[str, Any]:
    """Call a function on fresh inputs.

    Parameters
    ----------
    function : callable
        The student's function, of whatever kind.
    forms : list
        Plain forms of the positional arguments.
    params : tuple of str
        Names of the parameters, for the report.
    folder : str
        Where files that the function writes are to go; the working directory by default.
    figure : bool
        Whether the answer is the figure drawn.
    namespace, poison : dict and set of str, optional
        A namespace, and names in it to rebind to rubbish during the call.
    seconds : float
        How long it may take, in a notebook of one's own; 0 where somebody else looks at the clock.
    packed : bool
        Whether arrays in the answer are compressed: what is read in this process is not worth the time.

    Returns
    -------
    dict
        ``ok``, ``seconds``, ``changed`` (parameters modified), ``warnings``, and ``value`` (plain form) or
        ``error`` (``type``, ``message``, ``line``, ``where``: the notebook's function that stopped). Plain data
        throughout. ``late`` is there where the time was up.

    Raises
    ------
    Interrupted
        Where `seconds` are given and somebody interrupts the function before they are over.
    """
    arguments = decode_arguments(forms, folder or os.getcwd())
    before = [_snapshot(a) for a in arguments]
    report: dict[str, Any] = {"ok": False, "changed": [], "warnings": []}
    if figure:
        _close_figures()
    started, worked = time.perf_counter(), time.process_time()
    with (
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(_Sink()),
        contextlib.redirect_stderr(_Sink()),
        _figures_kept(figure),
        rebound(namespace or {}, poison or set()),
    ):
        warnings.simplefilter("always")
        try:
            with _time_limit(seconds) as late:
                result = function(*arguments)
            report["value"] = wire.encode(_value_of(result, figure), packed=packed)
            report["ok"] = True
        except BaseException as problem:
            # SystemExit and KeyboardInterrupt too: the report must come back whatever the function does.
            if isinstance(problem, MemoryError):
                # What the function held fills the memory that is needed to say so.
                traceback.clear_frames(problem.__traceback__)
            report["error"] = _error_form(problem, folder)
            if seconds and isinstance(problem, KeyboardInterrupt) and not late.is_set():
                raise Interrupted(report["error"]["line"]) from None
        if late.is_set():
            report["late"] = True
    report["seconds"], report["cpu"] = time.perf_counter() - started, time.process_time() - worked
    report["warnings"] = [f"{w.category.__name__}: {w.message}"[:200] for w in caught[:5]]
    for name, argument, old in zip(params, arguments, before, strict=False):
        try:
            if not _unchanged(argument, old):
                report["changed"].append(name)
        except Exception:
            report["changed"].append(name)
    _close_figures()
    return report


def leftovers(function: Any, namespace: dict[str, Any], template_names: set[str]) -> set[str]:
    """Return the notebook's variables that a function reads and must not lean on."""
    return {n for n in names_used(function, namespace) if is_leftover(n, namespace[n], template_names)}


def call_twice(
    function: Any,
    forms: list[Any],
    params: tuple[str, ...],
    namespace: dict[str, Any],
    template_names: set[str],
    *,
    folder: str = "",
    figure: bool = False,
    again: bool = True,
) -> dict[str, Any]:
    """Call a function, then again with the leftover variables that it reads rebound to rubbish.

    Parameters
    ----------
    again : bool
        Whether to make the second call now: not where a file is the answer, which has to be read in between.

    Returns
    -------
    dict
        The report of `call`; where the function reads leftovers, ``leftovers`` (names) and ``again`` (the second report).
    """
    report = call(function, forms, params, folder=folder, figure=figure)
    used = leftovers(function, namespace, template_names)
    if used:
        report["leftovers"] = sorted(used)
        if again:
            report["again"] = call(
                function, forms, params, folder=folder, figure=figure, namespace=namespace, poison=used
            )
    return report
