"""Figures that nobody will look at are closed without being drawn: to draw them is most of what a notebook costs.

A grader says so cell by cell, in the metadata of its request (`KEY`); whoever draws for himself, as `photcourse.display`
does, asks `now`. Data, labels and scales of a figure are the same; only its pixels are never made.
"""

from __future__ import annotations

import sys
from typing import Any

#: In the metadata of a request to run a cell: whether its figures are left undrawn.
KEY = "undrawn"
_state = {KEY: False}


def now() -> bool:
    """Return whether the figures of the cell that runs are left undrawn."""
    return _state[KEY]


def watch(shell: Any) -> None:
    """Let a kernel's shell follow what the requests say: neither shown nor returned figures are drawn where they say so.

    Parameters
    ----------
    shell : InteractiveShell
        Of a kernel. matplotlib's own backend, ``display(figure)`` and a figure at a cell's end all ask it for a picture.
    """
    formatter = shell.display_formatter
    drawn = formatter.format

    def format_but_figures(obj: Any, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        return ({}, {}) if now() and _is_figure(obj) else drawn(obj, include=include, exclude=exclude)

    def look(info: Any) -> None:
        request = shell.get_parent()
        _state[KEY] = bool(isinstance(request, dict) and request.get("metadata", {}).get(KEY))

    def leave() -> None:
        # An interactive matplotlib draws all that has changed at a cell's end, before anybody asks for a picture.
        managers = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None) if now() else None
        for manager in managers.get_all_fig_managers() if managers is not None else ():
            manager.canvas.figure.stale = False

    formatter.format = format_but_figures
    shell.events.register("pre_run_cell", look)
    # Before matplotlib's own, which it registers when it is first used.
    shell.events.register("post_execute", leave)


def _is_figure(obj: Any) -> bool:
    # By name: a notebook without a figure imports no matplotlib.
    return any(t.__module__ == "matplotlib.figure" and t.__name__ == "FigureBase" for t in type(obj).__mro__)
