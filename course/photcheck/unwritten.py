"""One plain line in place of a traceback where a cell meets something that has not been written yet.

In a release each answer raises NotImplementedError until it is written. Whoever runs the whole notebook to see what it is
about, or works on its second half, should be told what is missing and nothing else.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection
from typing import Any

#: How the message of a release's stub begins.
STUB = "Write your code here"


def line_of(error: BaseException, traceback: types.TracebackType | None, exercises: Collection[str] = ()) -> str:
    """Return the line for an error that a stub raised: which function is not written, or that the cell is not; else nothing.

    An exercise's name (one of `exercises`) that is not defined means that its cell has not been run.

    Examples
    --------
    >>> line_of(NotImplementedError("Write your code here in place of this line."), None)
    'This cell is not written yet: write your code in place of its last line, then run it again.'
    >>> line_of(NotImplementedError("no such shape"), None)
    ''
    >>> line_of(NameError("name 'area' is not defined", name="area"), None, ["area"])
    'area is not defined yet: run the cell that defines it, then run this one again.'
    """
    if type(error) is NameError:
        return (
            f"{error.name} is not defined yet: run the cell that defines it, then run this one again."
            if error.name in exercises
            else ""
        )
    if not str(error).startswith(STUB):
        return ""
    name = "<module>"
    while traceback is not None:
        name, traceback = traceback.tb_frame.f_code.co_name, traceback.tb_next
    if name.startswith("<"):
        return "This cell is not written yet: write your code in place of its last line, then run it again."
    return f"{name} is not written yet: write it in its own cell, run that, then run this one again."


def _show(
    shell: Any, kind: type[BaseException], error: BaseException, traceback: Any, tb_offset: int | None = None
) -> None:
    from photcheck.student import known_exercises

    line = line_of(error, traceback, known_exercises() if isinstance(error, NameError) else ())
    if line:
        # The way that IPython gives an exception to show itself.
        error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
        if "matplotlib.pyplot" in sys.modules:
            # A figure that was begun is empty axes.
            sys.modules["matplotlib.pyplot"].close("all")
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


def install() -> None:
    """Show a stub's error as one line in this notebook; elsewhere nothing happens."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    # Somebody's own handler of exceptions is left alone.
    if shell is not None and not shell.custom_exceptions:
        shell.set_custom_exc((NotImplementedError, NameError), _show)
