"""Room for ticks, labels, titles and colour bars, measured once.

Matplotlib's constrained layout measures every text of a figure twice and more, which is nearly half of what a figure
costs. For what this course draws, a grid of axes with colour bars beside or below them, once is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine, LayoutEngine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["OnePass"]

#: Inches between what belongs to neighbours.
_GAP = 0.06
#: Inches at the figure's edge: axes of another size may get wider numbers. What stays empty is cropped.
_EDGE = 0.15
#: Inches between an image and its colour bar.
_BAR_GAP = 0.1
#: Smallest share of the figure that axes may get; below, the solver of the constrained layout is asked.
_LEAST = 0.05
_SIDES = ("right", "bottom")


class OnePass(LayoutEngine):
    """Layout of one grid of axes; for anything else the constrained layout is asked.

    Parameters
    ----------
    **kwargs
        Of matplotlib's ``ConstrainedLayoutEngine``.
    """

    _adjust_compatible = True
    _colorbar_gridspec = False

    def execute(self, fig: Figure) -> None:
        """Place the axes and colour bars of a figure."""
        axes = [ax for ax in fig.axes if ax.get_subplotspec() is not None]
        bars = [ax for ax in fig.axes if hasattr(ax, "_colorbar_info")]
        if not _simple(fig, axes, bars) or not _place(fig, axes, bars):
            ConstrainedLayoutEngine().execute(fig)


def _simple(fig: Figure, axes: list[Axes], bars: list[Any]) -> bool:
    """Return whether a figure is one plain grid, its colour bars at the right or below one of its axes or all."""
    grids = {id(ax.get_gridspec()) for ax in axes}
    if len(grids) != 1 or fig.subfigs:
        return False
    plain = all(getattr(axes[0].get_gridspec(), side, None) is None for side in ("left", "right", "top", "bottom"))
    return plain and all(
        bar._colorbar_info["location"] in _SIDES
        and set(bar._colorbar_info["parents"]) <= set(axes)
        and len(bar._colorbar_info["parents"]) in (1, len(axes))
        for bar in bars
    )


def _place(fig: Figure, axes: list[Axes], bars: list[Any]) -> bool:
    """Place everything; return False where there is no room."""
    renderer = fig._get_renderer()  # type: ignore[attr-defined]
    rows, columns = axes[0].get_gridspec().get_geometry()  # type: ignore[union-attr]
    gap, bar_gap, edge = _GAP * fig.dpi, _BAR_GAP * fig.dpi, _EDGE * fig.dpi
    outside: dict[Any, dict[str, float]] = {ax: _outside(ax, renderer) for ax in (*axes, *bars)}
    bare = {ax: dict(outside[ax]) for ax in axes}
    shared = dict.fromkeys(_SIDES, 0.0)
    for bar in bars:
        side, parents = bar._colorbar_info["location"], bar._colorbar_info["parents"]
        size = bar_gap + outside[bar][side] + (bar.bbox.width if side == "right" else bar.bbox.height)
        if len(parents) == 1:
            outside[parents[0]][side] += size
        else:
            shared[side] += size
    # Of each column and row, what stands out of its axes, pixels.
    out = {"left": np.zeros(columns), "right": np.zeros(columns), "bottom": np.zeros(rows), "top": np.zeros(rows)}
    for ax in axes:
        spec: Any = ax.get_subplotspec()
        for side, at in (("left", spec.colspan.start), ("right", spec.colspan.stop - 1),
                         ("bottom", spec.rowspan.stop - 1), ("top", spec.rowspan.start)):  # fmt: skip
            out[side][at] = max(out[side][at], outside[ax][side])
    of_all: dict[str, Any] = {"above": fig._suptitle, "below": fig._supxlabel, "beside": fig._supylabel}  # type: ignore[attr-defined]
    texts = {place: text for place, text in of_all.items() if text is not None and text.get_text()}
    room = dict.fromkeys(of_all, 0.0)
    for place, text in texts.items():
        extent = text.get_window_extent(renderer)
        room[place] = (extent.width if place == "beside" else extent.height) + gap
    wide, tall = fig.bbox.width, fig.bbox.height
    left, right = out["left"][0] + room["beside"] + edge, wide - out["right"][-1] - shared["right"] - edge
    bottom, top = (
        out["bottom"][-1] + shared["bottom"] + room["below"] + edge,
        tall - out["top"][0] - room["above"] - edge,
    )
    between = max(out["right"][:-1] + out["left"][1:], default=0.0) + 2 * gap
    below = max(out["bottom"][:-1] + out["top"][1:], default=0.0) + 2 * gap
    width, height = (right - left - (columns - 1) * between) / columns, (top - bottom - (rows - 1) * below) / rows
    if width < _LEAST * wide or height < _LEAST * tall:
        return False
    fig.subplots_adjust(left / wide, bottom / tall, right / wide, top / tall, between / width, below / height)
    for place, text in texts.items():
        if getattr(text, "_autopos", False):
            text.set(**{"above": {"y": 1 - gap / tall}, "below": {"y": gap / tall}, "beside": {"x": gap / wide}}[place])
    for ax in axes:
        ax.apply_aspect()
    for bar in bars:
        _beside(bar, bare, fig, bar_gap)
    return True


def _outside(ax: Axes, renderer: Any) -> dict[str, float]:
    """Return how far labels, ticks and title stand out of the axes, pixels."""
    whole, box = ax.get_tightbbox(renderer, for_layout_only=True), ax.bbox
    if whole is None:
        return dict.fromkeys(("left", "right", "bottom", "top"), 0.0)
    return {"left": max(box.x0 - whole.x0, 0.0), "right": max(whole.x1 - box.x1, 0.0),
            "bottom": max(box.y0 - whole.y0, 0.0), "top": max(whole.y1 - box.y1, 0.0)}  # fmt: skip


def _beside(bar: Any, bare: dict[Any, dict[str, float]], fig: Figure, gap: float) -> None:
    """Put a colour bar beside what is drawn of its axes."""
    info = bar._colorbar_info
    boxes = [parent.bbox for parent in info["parents"]]
    x0, x1, y0, y1 = (
        min(b.x0 for b in boxes),
        max(b.x1 for b in boxes),
        min(b.y0 for b in boxes),
        max(b.y1 for b in boxes),
    )
    clear = gap + max(bare[parent][info["location"]] for parent in info["parents"])
    long = info["shrink"] * (y1 - y0 if info["location"] == "right" else x1 - x0)
    thick = long / info["aspect"]
    if info["location"] == "right":
        place = (x1 + clear, (y0 + y1 - long) / 2, thick, long)
    else:
        place = ((x0 + x1 - long) / 2, y0 - clear - thick, long, thick)
    size = (fig.bbox.width, fig.bbox.height) * 2
    bar._set_position([part / whole for part, whole in zip(place, size, strict=True)])
