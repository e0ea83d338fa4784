"""Pictures for the course: one look, labels with units, and alternative text on every figure.

A figure is drawn with `show` and `mark` (or with plain matplotlib) and published with `publish`, which asks
for the text that a reader who cannot see the picture gets instead; the course's own figures have a number, and
their words are kept apart. Imported in a notebook, the module makes
the course's settings (`STYLE`) the session's own; elsewhere `use_style` does.
"""

from __future__ import annotations

import base64
import html
import os
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import to_rgb
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import Stroke, withStroke
from numpy.typing import ArrayLike

from photcheck import undrawn
from photcheck.picture_file import PAGE_WIDTH, SHARPNESS, packed, picture
from photcourse.layout import OnePass

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["COLOURS", "STYLE", "FigureText", "figure_text", "mark", "publish", "show", "style", "use_style"]

#: Whether figures are closed without being drawn (`unseen`).
SILENT = False
#: Width of the rims of marks, both sides together, in points; those of thin marks are as thin as these.
RIM = 1.2
#: The words of the course's figures, a file for each lecture and assignment.
FIGURES = Path(__file__).with_name("figures")

#: Okabe and Ito's colours, distinct to colour-blind readers; without the yellow, too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

#: Settings of every figure of the course.
STYLE: dict[str, Any] = {
    "figure.figsize": (7.0, 5.0),
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    # Otherwise every drawing measures all ticks to see whether the title is in their way; no axis here has them above.
    "axes.titley": 1.0,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.framealpha": 0.9,
    "lines.linewidth": 1.6,
    "axes.prop_cycle": cycler(color=COLOURS),
    "image.origin": "lower",
    "image.interpolation": "nearest",
    "image.cmap": "cividis",
}


def use_style() -> None:
    """Make the course's settings the defaults of this session's figures."""
    mpl.rcParams.update(STYLE)  # type: ignore[arg-type]


@contextmanager
def style() -> Iterator[None]:
    """Use the course's settings within a ``with`` block only.

    Yields
    ------
    None
        Nothing; what was set before comes back at the end.
    """
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        yield


def show(
    image: ArrayLike,
    ax: Axes | None = None,
    *,
    percentiles: tuple[float, float] = (1, 99),
    unit: str = "",
    title: str = "",
    extent: tuple[float, float, float, float] | None = None,
    cmap: str = "cividis",
    colorbar: bool = True,
    wcs: WCS | None = None,
) -> Axes:
    """Show an image with row 0 at the bottom and the scale cut at percentiles.

    Parameters
    ----------
    image : array_like
        ``[y, x]``; pixels that are not finite stay grey.
    ax : Axes, optional
        Where to draw; a new figure by default.
    percentiles : (low, high)
        Percentiles of the finite pixels at the two ends of the colour scale.
    unit : str
        Unit of the values, written on the colour bar.
    title : str
        Title.
    extent : (left, right, bottom, top), optional
        Outer edges of the image in data coordinates. A cut-out that starts at ``(x_start, y_start)`` has
        ``(x_start - 0.5, x_start + nx - 0.5, y_start - 0.5, y_start + ny - 0.5)``, because whole numbers are
        pixel centres.
    cmap : str
        Colour map.
    colorbar : bool
        Draw a colour bar.
    wcs : WCS, optional
        Label the axes with sky coordinates; needs a new figure, or axes made with ``projection=wcs``.

    Returns
    -------
    Axes
        Where it was drawn.

    Raises
    ------
    ValueError
        The image is not two-dimensional, or has no pixels.
    """
    values = np.asarray(getattr(image, "value", image), dtype=float)
    if values.ndim != 2:
        raise ValueError(f"an image has two axes, this array has the shape {values.shape}")
    if values.size == 0:
        raise ValueError(
            f"there is nothing to show, the array has the shape {values.shape}: a cut-out that begins at a negative row or "
            "column, or outside of the image, is empty"
        )
    if not unit and getattr(image, "unit", None) is not None:
        unit = str(image.unit)  # type: ignore[union-attr]
    if ax is None:
        ax = _new_axes(values.shape, wcs)
    low, high = _limits(values, percentiles)
    colours = mpl.colormaps[cmap].with_extremes(bad="0.6")
    drawn = ax.imshow(values, origin="lower", vmin=low, vmax=high, extent=extent, cmap=colours, interpolation="nearest")
    _label_axes(ax, wcs)
    if title:
        ax.set_title("\n".join(textwrap.wrap(title, _title_width(ax))))
    if colorbar:
        ax.figure.colorbar(drawn, ax=ax, label=f"value ({unit})" if unit else "value", shrink=0.9, extend="both")
    return ax


def _new_axes(shape: tuple[int, int], wcs: WCS | None) -> Axes:
    with style():
        tall = float(np.clip(6.0 * shape[0] / shape[1], 3.0, 7.5))
        figure = plt.figure(figsize=(7.0, tall))
        return figure.add_subplot(projection=wcs) if wcs is not None else figure.add_subplot()


def _title_width(ax: Axes) -> int:
    """Letters that fit above the axes: a letter of this size is about 0.085 inches wide."""
    inches = ax.get_window_extent().width / ax.figure.dpi
    return max(20, int(inches / 0.085))


def _limits(values: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, percentiles)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _label_axes(ax: Axes, wcs: WCS | None) -> None:
    if wcs is not None and hasattr(ax, "coords"):
        galactic = str(wcs.wcs.ctype[0]).startswith("GLON")
        ax.set_xlabel("Galactic longitude (deg)" if galactic else "right ascension (ICRS)")
        ax.set_ylabel("Galactic latitude (deg)" if galactic else "declination (ICRS)")
        return
    ax.set_xlabel("x (pixel)")
    ax.set_ylabel("y (pixel)")


def mark(
    ax: Axes,
    positions: ArrayLike,
    *,
    radius: float | None = None,
    label: str = "",
    colour: str = "#D55E00",
    marker: str = "o",
    size: float = 9.0,
    linewidth: float = 1.5,
) -> Axes:
    """Mark positions on an image.

    Parameters
    ----------
    ax : Axes
        Where the image is.
    positions : array_like of shape (2,) or (n, 2)
        ``(x, y)``, or a list of them. An empty list marks nothing.
    radius : float, optional
        Draw circles of this radius in pixels (an aperture) instead of markers of fixed size.
    label : str
        Entry in the legend.
    colour, marker : str
        Colour and shape; pair colour with shape where two sets meet, so that neither is told by colour alone.
    size, linewidth : float
        Of the marker and its line, in points.

    Returns
    -------
    Axes
        The same axes.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 2)
    _say_if_unseen(ax, points)
    rim = _rim(colour, linewidth)
    if radius is None:
        filled = marker in ("x", "+", "1", "2", "3", "4", "|", "_")
        ax.plot(points[:, 0], points[:, 1], marker, mfc="none", mec=colour, ms=size, mew=linewidth, ls="none",
                color=colour, label=label or None, scalex=False, scaley=False, zorder=3 + filled, path_effects=rim)  # fmt: skip
        return ax
    for x, y in points:
        ax.add_patch(plt.Circle((x, y), radius, fill=False, ec=colour, lw=linewidth, zorder=3, path_effects=rim))
    if label:
        # The legend would draw a circle's patch as a rectangle: an empty set of round markers stands for it.
        ax.plot([], [], "o", mfc="none", mec=colour, ms=size, mew=linewidth, label=label, path_effects=rim)
    return ax


def _rim(colour: str, linewidth: float) -> list[Stroke]:
    """Round a mark a rim of the other lightness: without it orange fades into the dark of an image for who sees no red."""
    red, green, blue = (c**2.2 for c in to_rgb(colour))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3
    return [withStroke(linewidth=linewidth + min(RIM, linewidth), foreground="0.1" if light else "white")]


def _say_if_unseen(ax: Axes, points: np.ndarray) -> None:
    """Say where no mark lies in the picture: a picture without its marks looks like one in which nothing was found."""
    if not ax.images or not len(points):
        return
    extent = ax.images[0].get_extent()
    left, right, bottom, top = *sorted(extent[:2]), *sorted(extent[2:])
    inside = (points[:, 0] >= left) & (points[:, 0] <= right) & (points[:, 1] >= bottom) & (points[:, 1] <= top)
    if not inside.any():
        print(f"None of the {len(points)} marks lies in the picture (x {left:g} to {right:g}, y {bottom:g} to {top:g}): are these "
              "positions (x, y), in its coordinates?")  # fmt: skip


@dataclass(frozen=True)
class FigureText:
    """The words that go with a figure.

    Attributes
    ----------
    number : str
        Number of the figure, ``""`` where it has none.
    caption : str
        What a reader is told under the figure.
    alt : str
        What the picture shows, for readers who cannot see it.
    """

    number: str
    caption: str
    alt: str

    @property
    def label(self) -> str:
        """Number and caption as a sentence."""
        return " ".join(filter(None, [f"Figure {self.number}." if self.number else "", self.caption]))


@lru_cache(maxsize=32)
def words_of_document(document: str) -> Mapping[str, Mapping[str, str]]:
    """Return captions and alternative texts of a lecture (``"3"``) or an assignment (``"ps1"``) by figure."""
    path = FIGURES / f"{document}.yaml"
    if not path.is_file():
        return {}
    import yaml

    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}  # noqa: S506


def figure_text(number: str, **values: Any) -> FigureText:
    """Return the words of a figure of the course.

    They stand in ``photcourse/figures``, a file for each lecture and assignment, and not in the notebook's cell:
    whoever reads the cell has not seen the figure yet, and should not be told what it shows.

    Parameters
    ----------
    number : str
        The figure's number: ``"3.2"`` is the second one of lecture 3, ``"ps1.4"`` the fourth of the first assignment.
    **values
        Numbers that the words name in braces, as ``{share:.0f} %``.

    Returns
    -------
    FigureText
        With the values put in.

    Raises
    ------
    ValueError
        There is no such figure, or it names a value that is not given.

    Examples
    --------
    >>> figure_text("0.0")
    Traceback (most recent call last):
    ValueError: the course has no words for a figure 0.0; publish(fig, alt='...') gives a figure its own
    """
    found = words_of_document(number.rpartition(".")[0]).get(number)
    if found is None:
        raise ValueError(
            f"the course has no words for a figure {number}; publish(fig, alt='...') gives a figure its own"
        )
    try:
        caption, alt = (found.get(part, "").format(**values) for part in ("caption", "alt"))
    except (KeyError, IndexError) as missing:
        raise ValueError(f"figure {number} names the value {missing}: publish(fig, {number!r}, name=value)") from None
    return FigureText(number, caption, alt)


def publish(fig: Figure, number: str = "", *, alt: str = "", caption: str = "", **values: Any) -> Figure | None:
    """Show a finished figure in the notebook, with its caption and alternative text, and close it.

    Parameters
    ----------
    fig : Figure
        The figure.
    number : str
        Number of a figure of the course, whose words are kept apart (`figure_text`).
    alt : str
        For every other figure: what the picture shows, in words, for readers who cannot see it: the kind of picture,
        its axes, what one learns from it.
    caption : str
        A line under such a figure.
    **values
        Numbers that the words of a figure of the course name.

    Returns
    -------
    Figure or None
        None in a notebook, where the figure has been shown; the figure elsewhere.

    Raises
    ------
    ValueError
        There are no words.

    Notes
    -----
    JupyterLab 4.6 and nbconvert's lab template give no ``alt`` to an ``image/png`` output; nbconvert's
    classic template takes it from the output's metadata. So two forms are sent: HTML with the picture
    inside, which JupyterLab, nbconvert and myst-nb prefer, and the PNG with ``alt`` in its metadata for
    whatever cannot show HTML (a PDF, for one). The first has twice the resolution of the page, the other that of
    the page, for the size of the notebook.
    """
    words = figure_text(number, **values) if number else own_text(alt, caption)
    if not _in_notebook():
        plt.close(fig)
        return fig
    if unseen():
        plt.close(fig)
        return None
    from IPython.display import display

    bundle, metadata = as_output(drawn(fig), words)
    display(bundle, raw=True, metadata=metadata)
    plt.close(fig)
    return None


def unseen() -> bool:
    """Return whether nobody will look at figures now.

    nbgrader's Validate runs the notebook to see which checks pass and throws all pictures away: to draw them would be
    more than half of what a check costs, and thirty students check at once. `photcourse.restart` shows none, and where a
    notebook is graded the pictures that were handed in stand.
    """
    return SILENT or undrawn.now() or bool(os.environ.get("NBGRADER_VALIDATING"))


def own_text(alt: str, caption: str = "") -> FigureText:
    """Return the words of a figure that has no number; raises ValueError where there are none."""
    alt, caption = " ".join(str(alt).split()), " ".join(str(caption).split())
    if not alt:
        raise ValueError("a figure needs alternative text: publish(fig, alt='what it shows, in words')")
    return FigureText("", caption, alt)


def drawn(fig: Figure) -> Image:
    """Return a figure as a picture of twice the page's resolution."""
    lay_out(fig)
    return picture(fig)


def lay_out(fig: Figure) -> None:
    """Give a figure the course's layout, which is measured once, unless it has one of its own."""
    engine = fig.get_layout_engine()
    # Without one nothing keeps labels inside the figure; the constrained layout is what our style begins with.
    if engine is None or type(engine) is ConstrainedLayoutEngine and not getattr(engine, "_compress", False):
        fig.set_layout_engine(OnePass())


def as_html(shown: Image, words: FigureText) -> str:
    """Return a picture with its words as HTML that needs nothing else; it shrinks on a narrow page."""
    encoded = base64.b64encode(packed(shown)).decode("ascii")
    image = (f'<img alt="{html.escape(words.alt, quote=True)}" width="{_page_width(shown)}" '
             f'src="data:image/png;base64,{encoded}" style="max-width:100%;height:auto">')  # fmt: skip
    if not words.label:
        return image
    number = f"<b>Figure {html.escape(words.number)}.</b> " if words.number else ""
    style = f"max-width:{_page_width(shown)}px;font-size:90%"
    return (f'<figure style="margin:0">{image}<figcaption style="{style}">{number}{html.escape(words.caption)}'
            "</figcaption></figure>")  # fmt: skip


def as_output(shown: Image, words: FigureText) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the data and the metadata of a cell's output that shows a picture."""
    plain = packed(shown.reduce(SHARPNESS))
    bundle = {
        "text/html": as_html(shown, words),
        "image/png": base64.b64encode(plain).decode("ascii"),
        "text/plain": f"{words.label or 'Figure:'} {words.alt}",
    }
    return bundle, {"image/png": {"alt": words.alt, "width": _page_width(shown)}}


def _page_width(shown: Image) -> int:
    return min(round(shown.width / SHARPNESS), PAGE_WIDTH)


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


if _in_notebook():
    use_style()
