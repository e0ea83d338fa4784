"""Small pictures written straight as SVG: an image of the pixels, with marks, axes and a legend over it.

Made in a few milliseconds without a plotting library, sharp at any size. Text and axes have the colour of the page
around them, by day and by night; a screen reader gets title and description, and a mark tells its values where the
pointer rests on it. Nothing in it runs or is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import html
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from photcheck.comparators.base import number_text
from photcheck.picture_file import png_file

__all__ = ["MAPS", "Panel", "Symbol", "palette_png", "picture", "ticks"]

#: Width of a picture, in the units of its own that are pixels of the page where there is room for it.
WIDTH = 640
#: Colours of the maps at equal steps: cividis (Nunez, Anderton and Renslow 2018), and purple over white to orange (ColorBrewer).
MAPS = {
    "cividis": (
        "#00224e",
        "#002e6a",
        "#1a386f",
        "#32436d",
        "#434e6c",
        "#535a6d",
        "#61656f",
        "#6f7073",
        "#7d7c78",
        "#8c8878",
        "#9b9476",
        "#aba072",
        "#bcae6c",
        "#cdbb63",
        "#dec958",
        "#f0d846",
        "#fee838",
    ),
    "difference": ("#2d004b", "#5f3a91", "#9990bf", "#cfcfe5", "#f7f7f6", "#fed59f", "#ee9b39", "#bd6109", "#7f3b08"),
}
#: Pixels without a value.
NO_VALUE = (153, 153, 153)
#: A larger image is shown by the means of blocks of its pixels.
MAX_SIDE = 320
#: Size of letters, and about how wide one is.
_FONT, _LETTER = 13, 7.0


# ------------------------------------------------------------------------------------------------- pixels
def palette_png(levels: np.ndarray, colours: Sequence[str]) -> bytes:
    """Return an image as PNG with a palette.

    Parameters
    ----------
    levels : ndarray
        ``[y, x]``, top row first: 0 to 1 from the first of the colours to the last, cut there; NaN has a grey of its own.
    colours : sequence of str
        ``"#rrggbb"`` at equal steps.

    Returns
    -------
    bytes
        The file.
    """
    steps = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in colours], float)
    at = np.linspace(0, len(steps) - 1, 255)
    palette = (
        np.stack([np.interp(at, np.arange(len(steps)), steps[:, k]) for k in range(3)], axis=1).round().astype(np.uint8)
    )
    rows = np.zeros((levels.shape[0], 1 + levels.shape[1]), np.uint8)
    rows[:, 1:] = np.where(np.isfinite(levels), np.clip(np.nan_to_num(levels), 0, 1) * 254, 255).round()
    return png_file(
        levels.shape[1], levels.shape[0], zlib.compress(rows.tobytes(), 6), palette.tobytes() + bytes(NO_VALUE)
    )


def _smaller(image: np.ndarray) -> np.ndarray:
    step = -(-max(image.shape) // MAX_SIDE)
    if step == 1:
        return image
    padded = np.pad(image, [(0, -n % step) for n in image.shape], constant_values=np.nan)
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    return np.where(count > 0, np.where(known, blocks, 0).sum(axis=(1, 3)) / np.maximum(count, 1), np.nan)


def _image(levels: np.ndarray, colours: Sequence[str], box: tuple[float, float, float, float], title: str = "") -> str:
    data = base64.b64encode(palette_png(levels, colours)).decode("ascii")
    x, y, width, height = box
    return (
        f'<image x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none" image-rendering="pixelated" '
        f'href="data:image/png;base64,{data}">{_title(title)}</image>'
    )


# ------------------------------------------------------------------------------------------------- text
def escape(text: str) -> str:
    """Return text safe in SVG within HTML, in a page with MathJax too."""
    return html.escape(str(text)).replace("$", "&#36;")


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _text(x: float, y: float, text: str, anchor: str = "middle", *, turned: bool = False, bold: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}{" font-weight=" + chr(34) + "600" + chr(34) if bold else ""}>{escape(text)}</text>'


def ticks(low: float, high: float, count: int = 5, whole: bool = False) -> list[tuple[float, str]]:
    """Return round numbers between two limits, at most `count` steps of them, with their texts.

    Parameters
    ----------
    low, high : float
        The limits.
    count : int
        At most so many steps.
    whole : bool
        Whole numbers only.

    Returns
    -------
    list of (float, str)
        Numbers and texts, in their order.

    Examples
    --------
    >>> ticks(0.0, 10.0), ticks(-0.5, 2.5, whole=True)
    ([(0.0, '0'), (2.0, '2'), (4.0, '4'), (6.0, '6'), (8.0, '8'), (10.0, '10')], [(0.0, '0'), (1.0, '1'), (2.0, '2')])
    """
    span = high - low
    if not (np.isfinite(span) and span > 0):
        return []
    base = 10.0 ** np.floor(np.log10(span / count))
    step = next(
        s for s in (base, 2 * base, 2.5 * base, 5 * base, 10 * base, 20 * base) if span / s <= count * (1 + 1e-9)
    )
    if whole:
        step = max(1.0, next(s for s in (base, 2 * base, 5 * base, 10 * base, 20 * base) if s >= step))
    values = [k * step for k in range(int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9)) + 1)]
    # As many digits as tell one from the next.
    digits = max(1, int(np.ceil(np.log10(max(abs(low), abs(high)) / step))) + 2)
    return [(float(v), number_text(float(v), digits)) for v in values]


# ------------------------------------------------------------------------------------------------- marks
@dataclass(frozen=True)
class Symbol:
    """How one thing is marked.

    Parameters
    ----------
    shape : str
        ``"circle"``, ``"square"``, ``"cross"``, ``"arrow"``, or lines: ``"line"``, ``"dashed"``, with ``"+circle"`` or ``"+cross"``.
    colour : str
        ``"#rrggbb"``, ``"white"``, or ``"currentColor"``.
    label : str
        In the legend; empty for none.
    size : float
        Half the width of a mark.
    halo : bool
        An outline that tells it from whatever lies under it.
    """

    shape: str
    colour: str
    label: str = ""
    size: float = 6.0
    halo: bool = False

    def outline(self, x: float, y: float) -> str:
        """Return the mark at a place, without its colour."""
        r = self.size
        if self.shape.endswith("circle"):
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>'
        if self.shape == "square":
            return f'<path d="M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}z"/>'
        if self.shape == "arrow":
            return f'<path d="M{x - r:.1f} {y - r:.1f}L{x + r:.1f} {y:.1f}L{x - r:.1f} {y + r:.1f}z"/>'
        return f'<path d="M{x - r:.1f} {y - r:.1f}l{2 * r:.1f} {2 * r:.1f}m{-2 * r:.1f} 0l{2 * r:.1f} {-2 * r:.1f}"/>'

    def pens(self) -> list[str]:
        """Return the attributes of the lines that draw it: the halo's first."""
        pens = [f'stroke="{"black" if self.colour == "white" else "white"}" stroke-width="5"'] if self.halo else []
        return [*pens, f'stroke="{self.colour}" stroke-width="2.2"']

    def marks(self, places: Sequence[tuple[float, float, str]]) -> str:
        """Return marks at several places, each with the words for the pointer."""
        made = []
        for pen in self.pens():
            last = pen == self.pens()[-1]
            inside = "".join(
                f"<g>{self.outline(x, y)}{_title(words)}</g>" if last and words else self.outline(x, y)
                for x, y, words in places
            )
            made.append(f'<g fill="none" {pen}>{inside}</g>')
        return "".join(made)

    def stroke(self, path: str) -> str:
        """Return a line along a path."""
        dashes = ' stroke-dasharray="7 5"' if self.shape.startswith("dashed") else ""
        return f'<path d="{path}" fill="none" stroke="{self.colour}" stroke-width="2"{dashes}/>'

    def sample(self, x: float, y: float) -> str:
        """Return what stands before its words in the legend."""
        line = self.stroke(f"M{x - 13:.1f} {y:.1f}h26") if self.shape.startswith(("line", "dashed")) else ""
        return line + (self.marks([(x, y, "")]) if "line" != self.shape != "dashed" else "")


# ------------------------------------------------------------------------------------------------- panels
Placed = Callable[[float, float], tuple[float, float]]


@dataclass
class Panel:
    """Axes with what is drawn in them, in data coordinates.

    Parameters
    ----------
    x, y : (float, float)
        Limits, left to right and bottom to top.
    title, xlabel, ylabel : str
        Words.
    equal : bool
        Whether a unit is as long in x as in y.
    whole : bool
        Ticks at whole numbers only.
    grid : bool
        Lines at the ticks.
    line : bool
        Only the axis below: a line of numbers.
    height : float
        Of what is within the axes, at most where `equal`.
    symbols : list of Symbol
        Those that are drawn in it, for the legend; filled by its methods.
    gaps : bool
        Whether it shows pixels without a value.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    equal: bool = False
    whole: bool = False
    grid: bool = False
    line: bool = False
    height: float = 260.0
    symbols: list[Symbol] = field(default_factory=list)
    gaps: bool = False
    _shapes: list[Callable[[Placed], str]] = field(default_factory=list)
    _bar: tuple[Sequence[str], tuple[float, float], str, bool] | None = None

    def image(
        self,
        image: np.ndarray,
        extent: tuple[float, float, float, float],
        limits: tuple[float, float],
        colours: str,
        *,
        bar: str | None = None,
        below: bool = False,
    ) -> None:
        """Show an image, row 0 at the bottom; `bar` labels a colour bar, beside it or below."""
        self.gaps = self.gaps or not bool(np.isfinite(image).all())
        levels = (_smaller(image)[::-1] - limits[0]) / (limits[1] - limits[0])
        words = f"{image.shape[0]} rows, {image.shape[1]} columns; colours from {number_text(limits[0], 4)} to {number_text(limits[1], 4)}"

        def draw(at: Placed) -> str:
            (left, bottom), (right, top) = at(extent[0], extent[2]), at(extent[1], extent[3])
            return _image(levels, MAPS[colours], (left, top, right - left, bottom - top), words)

        self._shapes.append(draw)
        if bar is not None:
            self._bar = MAPS[colours], limits, bar, below

    def points(
        self,
        x: Sequence[float] | np.ndarray,
        y: Sequence[float] | np.ndarray,
        symbol: Symbol,
        words: Callable[[float, float], str] | None = None,
    ) -> None:
        """Mark points; `words` of a point stand where the pointer rests on it, by default label and coordinates."""
        said = words or (lambda a, b: f"{symbol.label.partition(':')[0]}: ({number_text(a, 6)}, {number_text(b, 6)})")
        there = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if np.isfinite(a) and np.isfinite(b)]
        self.symbols.append(symbol)
        self._shapes.append(lambda at: symbol.marks([(*at(a, b), said(a, b)) for a, b in there]))

    def path(self, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, symbol: Symbol) -> None:
        """Draw a line through points, with a gap where one is not finite; and the points where the symbol says so."""

        def draw(at: Placed) -> str:
            steps, pen = [], "M"
            for a, b in zip(x, y, strict=True):
                if np.isfinite(a) and np.isfinite(b):
                    steps.append("{}{:.1f} {:.1f}".format(pen, *at(float(a), float(b))))
                pen = "L" if np.isfinite(a) and np.isfinite(b) else "M"
            return symbol.stroke("".join(steps))

        self._shapes.append(draw)
        if "+" in symbol.shape:
            self.points(x, y, symbol)
        else:
            self.symbols.append(symbol)

    def across(self, value: float, symbol: Symbol, *, upright: bool = True) -> None:
        """Draw a line through the whole panel, at an x or at a y."""
        (x0, x1), (y0, y1) = self.x, self.y
        self.path(*(((value, value), (y0, y1)) if upright else ((x0, x1), (value, value))), symbol)

    def arrow(self, tail: tuple[float, float], tip: tuple[float, float], symbol: Symbol) -> None:
        """Draw an arrow."""
        self.symbols.append(symbol)

        def draw(at: Placed) -> str:
            (x0, y0), (x1, y1) = at(*tail), at(*tip)
            along = np.array([x1 - x0, y1 - y0])
            along = along / (np.hypot(*along) or 1.0)
            side, neck = np.array([-along[1], along[0]]), np.array([x1, y1]) - 13 * along
            corners = [
                neck + 8 * side,
                neck + 3 * side,
                np.array([x0, y0]) + 3 * side,
                np.array([x0, y0]) - 3 * side,
                neck - 3 * side,
                neck - 8 * side,
            ]
            path = f"M{x1:.1f} {y1:.1f}" + "".join(f"L{c[0]:.1f} {c[1]:.1f}" for c in corners) + "z"
            return f'<path d="{path}" fill="{symbol.colour}" stroke="white" stroke-width="1.5"/>'

        self._shapes.append(draw)

    def note(self, x: float, y: float, text: str) -> None:
        """Write something beside a point."""
        self._shapes.append(lambda at: _text(at(x, y)[0] + 9, at(x, y)[1] - 7, text, "start"))

    # ------------------------------------------------------------------------------ where things are
    def _margins(self) -> tuple[float, float, float, float]:
        """Left, right, top, bottom of what is within the axes."""
        longest = max((len(t) for _, t in self._y_ticks()), default=0)
        left = 12 if self.line else 14 + _LETTER * longest + (18 if self.ylabel else 0)
        bottom = 22 + (18 if self.xlabel else 0)
        right = 14.0
        if self._bar is not None:
            _, limits, label, below = self._bar
            texts = [t for _, t in ticks(*limits, 3 if below else 5)]
            right, bottom = (
                (right, bottom + 40 + (17 if label else 0))
                if below
                else (40 + _LETTER * max(map(len, texts), default=1) + (18 if label else 0), bottom)
            )
        return left, right, 24 if self.title else 8, bottom

    def _y_ticks(self) -> list[tuple[float, str]]:
        return [] if self.line else ticks(*self.y, 5, self.whole)

    def place(self, width: float) -> tuple[float, float, float]:
        """Return the width and height of what is within the axes, and the height of all, for a panel of some width."""
        left, right, top, bottom = self._margins()
        inner, height = width - left - right, self.height
        if self.equal:
            across, up = self.x[1] - self.x[0], self.y[1] - self.y[0]
            scale = min(inner / across, self.height / up)
            inner, height = max(scale * across, 40.0), max(scale * up, 40.0)
        return inner, height, top + height + bottom

    def drawn(self, x: float, y: float, width: float) -> str:
        """Return the panel as SVG, its upper left corner at (x, y)."""
        left, right, top, _ = self._margins()
        inner, height, _ = self.place(width)
        x0, y0 = x + left + (width - left - right - inner) / 2, y + top
        far = 4.0 * max(inner, height)

        def at(a: float, b: float) -> tuple[float, float]:
            u = inner * (a - self.x[0]) / (self.x[1] - self.x[0])
            v = height * (self.y[1] - b) / (self.y[1] - self.y[0])
            return float(np.clip(u, -far, far)), float(np.clip(v, -far, far))

        inside = "".join(shape(at) for shape in self._shapes)
        # An SVG within the SVG cuts off what lies outside of the axes.
        parts = [
            f'<svg x="{x0:.1f}" y="{y0:.1f}" width="{inner:.1f}" height="{height:.1f}" overflow="hidden">{self._lines(at, inner, height)}{inside}</svg>'
        ]
        frame = (
            f"M{x0:.1f} {y0 + height:.1f}h{inner:.1f}"
            if self.line
            else f"M{x0:.1f} {y0:.1f}h{inner:.1f}v{height:.1f}h{-inner:.1f}z"
        )
        parts.append(f'<path d="{frame}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>')
        count = max(2, min(6, int(inner // 70)))
        for value, text in ticks(*self.x, count, self.whole):
            u = x0 + at(value, self.y[0])[0]
            parts.append(
                f'<path d="M{u:.1f} {y0 + height:.1f}v5" stroke="currentColor" stroke-opacity="0.6"/>{_text(u, y0 + height + 18, text)}'
            )
        for value, text in self._y_ticks():
            v = y0 + at(self.x[0], value)[1]
            parts.append(
                f'<path d="M{x0:.1f} {v:.1f}h-5" stroke="currentColor" stroke-opacity="0.6"/>{_text(x0 - 8, v + 4.5, text, "end")}'
            )
        if self.title:
            parts.append(_text(x0 + inner / 2, y0 - 9, self.title, bold=True))
        if self.xlabel:
            parts.append(_text(x0 + inner / 2, y0 + height + 36, self.xlabel))
        if self.ylabel:
            parts.append(_text(x0 - left + 13, y0 + height / 2, self.ylabel, turned=True))
        return "".join(parts) + self._colour_bar(x0, y0, inner, height)

    def _lines(self, at: Placed, inner: float, height: float) -> str:
        if not self.grid:
            return ""
        lines = "".join(f"M{at(v, self.y[0])[0]:.1f} 0v{height:.1f}" for v, _ in ticks(*self.x, 6, self.whole))
        lines += "".join(f"M0 {at(self.x[0], v)[1]:.1f}h{inner:.1f}" for v, _ in self._y_ticks())
        return f'<path d="{lines}" stroke="currentColor" stroke-opacity="0.18"/>'

    def _colour_bar(self, x: float, y: float, inner: float, height: float) -> str:
        if self._bar is None:
            return ""
        colours, (low, high), label, below = self._bar
        ramp = np.linspace(0, 1, 255)
        if below:
            top = y + height + 26 + (18 if self.xlabel else 0)
            made = _image(ramp[None, :], colours, (x, top, inner, 10), "colour scale")
            made += "".join(_text(x + inner * (v - low) / (high - low), top + 25, t) for v, t in ticks(low, high, 3))
            return made + (_text(x + inner / 2, top + 43, label) if label else "")
        made = _image(ramp[::-1, None], colours, (x + inner + 12, y, 11, height), "colour scale")
        texts = ticks(low, high, 5)
        made += "".join(
            _text(x + inner + 28, y + height * (high - v) / (high - low) + 4.5, t, "start") for v, t in texts
        )
        wide = _LETTER * max((len(t) for _, t in texts), default=1)
        return made + (_text(x + inner + 46 + wide, y + height / 2, label, turned=True) if label else "")


def picture(panels: Sequence[Sequence[Panel | None]], title: str, description: str, note: str = "") -> str:
    """Return panels in rows, with one legend below, as an SVG element for a page.

    Parameters
    ----------
    panels : sequence of sequences of Panel
        Row by row; each row is as wide as the picture.
    title, description : str
        For those who cannot see it.
    note : str
        A line below the panels.

    Returns
    -------
    str
        The element.
    """
    parts, y = [], 0.0
    for row in panels:
        width = WIDTH / len(row)
        parts += [p.drawn(k * width, y, width) for k, p in enumerate(row) if p is not None]
        y += max(p.place(width)[2] for p in row if p is not None) + 6
    if note:
        parts.append(_text(WIDTH / 2, y + 14, note))
        y += 20
    legend, y = _legend([s for row in panels for p in row if p is not None for s in p.symbols], y)
    body = "".join(parts) + legend
    # Words belong to their picture by its name, and a page has several pictures.
    name = "p" + hashlib.sha256((title + description + body).encode()).hexdigest()[:12]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" width="{WIDTH}" role="img" aria-labelledby="{name}t" aria-describedby="{name}d" '
        f'fill="currentColor" font-family="system-ui,sans-serif" font-size="{_FONT}" style="display:block;max-width:100%;height:auto;margin:.6em 0">'
        f'<title id="{name}t">{escape(title)}</title><desc id="{name}d">{escape(description)}</desc>{body}</svg>'
    )


def _legend(symbols: list[Symbol], y: float) -> tuple[str, float]:
    """Return the legend, centred, in as many lines as it takes, and where it ends."""
    shown = list({s.label: s for s in symbols if s.label}.values())
    lines: list[list[tuple[Symbol, float]]] = [[]]
    for symbol in shown:
        width = 46 + _LETTER * len(symbol.label)
        if lines[-1] and sum(w for _, w in lines[-1]) + width > WIDTH:
            lines.append([])
        lines[-1].append((symbol, width))
    made = []
    for line in lines if shown else ():
        x = (WIDTH - sum(w for _, w in line)) / 2
        for symbol, width in line:
            made.append(symbol.sample(x + 16, y + 13) + _text(x + 34, y + 17.5, symbol.label, "start"))
            x += width
        y += 26
    return "".join(made), y
