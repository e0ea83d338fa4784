"""Pictures of wrong answers: what was expected and what came, on the inputs of a provided case.

Kinds, as an exercise declares them: ``"position"``, ``"image"``, ``"curve"``, ``"peaks"``, ``"catalogue"``,
``"scalar"``, ``"table"``; ``"figure"`` has none (the student's own figure is on the screen); an empty kind is
chosen by what the right answer is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from photcheck import wire
from photcheck.comparators.base import as_floats, number_text
from photcheck.comparators.tables import column_of
from photcheck.matching import match_one_to_one
from photcheck.picture_file import png
from photcheck.spec import ExerciseSpec
from photcheck.verdict import CaseVerdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

#: Okabe and Ito's blue and vermilion: expected and got, told apart by shape as well.
RIGHT_COLOUR, GOT_COLOUR = "#0072B2", "#D55E00"
#: Vermilion and white stand out on this colour map, for colour-blind readers too.
COLOUR_MAP = "cividis"
#: Inches; with `DPI` the pictures are about 640 pixels wide, and are read at 600.
WIDTH, DPI = 6.4, 100
#: More marks than this hide what they mark.
MAX_MARKS = 400
MAX_NUMBERS = 6
#: Faults of an answer whose numbers are right: a picture would show two of the same.
_UNSEEN = ("input-modified", "warning")
_STYLE = {"figure.facecolor": "white", "savefig.facecolor": "white", "axes.facecolor": "white", "font.size": 11,
          "axes.titlesize": 11, "legend.fontsize": 10, "legend.framealpha": 0.9, "image.origin": "lower", "figure.dpi": DPI}
_UNITS = {"radii": "radius (pixel)", "radius": "radius (pixel)", "flux": "flux", "fluxes": "flux"}

Picture = tuple["Figure", str] | None


def draw(spec: ExerciseSpec, case_verdict: CaseVerdict) -> tuple[bytes, str] | None:
    """Draw a wrong answer beside the right one.

    Parameters
    ----------
    spec : ExerciseSpec
        The exercise; its `picture` says which kind.
    case_verdict : CaseVerdict
        A case that is wrong. Hidden cases are refused: their inputs are shown to nobody.

    Returns
    -------
    (png, alt) or None
        The picture and the text that stands for it; None where there is nothing to draw, whatever the answer is.
    """
    if case_verdict.case.hidden or case_verdict.answer is None or case_verdict.finding.ok or case_verdict.finding.kind in _UNSEEN:
        return None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _draw(spec, case_verdict)
    except Exception:
        # A picture is a courtesy: the words stand without it, whatever a student's answer looks like.
        return None


def _draw(spec: ExerciseSpec, verdict: CaseVerdict) -> tuple[bytes, str] | None:
    import matplotlib as mpl

    kinds: dict[str, Callable[[_Case], Picture]] = {
        "position": _position, "image": _image, "curve": _curve, "peaks": _peaks, "catalogue": _catalogue,
        "scalar": _scalar, "table": _table, "": _by_form,
    }  # fmt: skip
    if spec.picture not in kinds:
        return None
    # A student's own settings (a dark style, a huge font) are put aside for the time of drawing.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
        case = _Case(spec, verdict)
        numbers = case.numbers()
        if numbers is not None and np.allclose(*numbers, rtol=1e-9, atol=0, equal_nan=True):
            return None
        drawn = kinds[spec.picture](case)
        if drawn is None:
            return None
        figure, alt = drawn
        if _has_gaps(figure):
            figure.supxlabel("grey: no value (NaN)", fontsize=10)
            alt += " Grey pixels have no value (NaN)."
        return png(figure, crop=False, sharpness=1)[0], " ".join(f"{alt} Case: {verdict.case.name}.".split())


def _has_gaps(figure: Figure) -> bool:
    """Tell whether a picture shows pixels without a value."""
    images = [image.get_array() for ax in figure.axes for image in ax.get_images()]
    return any(values is not None and not bool(np.isfinite(np.ma.filled(np.ma.asarray(values, float), np.nan)).all()) for values in images)


class _Case:
    """What the pictures need of a case: arguments by name, the right answer and the one that came."""

    def __init__(self, spec: ExerciseSpec, verdict: CaseVerdict) -> None:
        self.spec, self.verdict = spec, verdict
        self.comparator = verdict.case.comparator
        self.expected, self.answer = verdict.case.expected, verdict.answer
        forms = [f if not (isinstance(f, dict) and f.get("$") == "outfile") else None for f in verdict.case.args]
        self.arguments = dict(zip(spec.params, [wire.decode(f, data=True) for f in forms], strict=False))

    @property
    def image(self) -> np.ndarray | None:
        """The first argument that is an image."""
        planes = (as_floats(a) for a in self.arguments.values())
        return next((p for p in planes if p is not None and p.ndim == 2 and min(p.shape) > 2), None)

    @property
    def start(self) -> tuple[float, float]:
        """Whole-image coordinates (x, y) of the first pixel."""
        for x, y in (("x_start", "y_start"), ("start_x", "start_y")):
            if x in self.arguments and y in self.arguments:
                return float(self.arguments[x]), float(self.arguments[y])
        return 0.0, 0.0

    def extent(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Outer edges of an image that begins at `start`, whole numbers being pixel centres."""
        x, y = self.start
        return x - 0.5, x + shape[1] - 0.5, y - 0.5, y + shape[0] - 0.5

    def numbers(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Expected and got as flat arrays of the same length."""
        expected = self.expected[0] if type(self.comparator).__name__ == "OneOf" else self.expected
        want, got = self.comparator.vector(expected), self.comparator.vector(self.answer)
        if want is None or got is None:
            want, got = _flat(expected), _flat(self.answer)
        return (want, got) if want is not None and got is not None and want.shape == got.shape and want.size else None

    def inner(self, name: str, default: Any) -> Any:
        """A setting of the comparator, or of the one inside it."""
        return getattr(self.comparator, name, getattr(getattr(self.comparator, "inner", None), name, default))


def _flat(value: Any) -> np.ndarray | None:
    """Numbers of a value laid out flat; a pair of arrays one after the other."""
    floats = as_floats(value)
    if floats is not None:
        return floats.ravel()
    if isinstance(value, (list, tuple)) and 0 < len(value) <= MAX_NUMBERS:
        parts = [as_floats(v) for v in value]
        if all(p is not None for p in parts):
            return np.concatenate([np.ravel(p) for p in parts])  # type: ignore[arg-type]
    return None


# ------------------------------------------------------------------------------------------------- drawing
def _figure(height: float, columns: int = 1, rows: int = 1) -> tuple[Figure, np.ndarray]:
    """A figure without pyplot: the student's own open figures stay as they are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, np.asarray(figure.subplots(rows, columns, squeeze=False))


def _limits(*planes: np.ndarray, percentiles: tuple[float, float] = (1, 99.5)) -> tuple[float, float]:
    finite = np.concatenate([p[np.isfinite(p)].ravel() for p in planes])
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, percentiles)
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _show(ax: Axes, image: np.ndarray, extent: tuple[float, float, float, float], limits: tuple[float, float],
          cmap: str = COLOUR_MAP) -> Any:
    import matplotlib as mpl

    drawn = ax.imshow(image, origin="lower", extent=extent, vmin=limits[0], vmax=limits[1], interpolation="nearest",
                      cmap=mpl.colormaps[cmap].with_extremes(bad="0.6"))
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")
    _quiet_ticks(ax)
    return drawn


def _quiet_ticks(ax: Axes) -> None:
    """Whole numbers, few of them, and none with an offset above the axis."""
    from matplotlib.ticker import MaxNLocator

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    ax.ticklabel_format(useOffset=False, style="plain")


def _height_of(shape: tuple[int, ...], width: float, low: float = 2.6, high: float = 5.2) -> float:
    return float(np.clip(width * shape[0] / shape[1] + 1.0, low, high))


def _mark(ax: Axes, points: np.ndarray, marker: str, colour: str, label: str, size: float = 11.0) -> None:
    """Mark (x, y) points, with a thin dark or white outline so that they are seen on any background."""
    from matplotlib.patheffects import withStroke

    points = points[:MAX_MARKS]
    ax.plot(points[:, 0], points[:, 1], marker, ls="none", mfc="none", mec=colour, color=colour, ms=size, mew=2.0,
            label=label, scalex=False, scaley=False, path_effects=[withStroke(linewidth=4, foreground=_outline(colour))])


def _outline(colour: str) -> str:
    return "black" if colour == "white" else "white"


def _legend_below(figure: Figure, ax: Axes) -> None:
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3, facecolor="0.85")


def _pair(x: float, y: float) -> str:
    return f"({number_text(x, 6)}, {number_text(y, 6)})"


# ------------------------------------------------------------------------------------------------- position
def _position(case: _Case) -> Picture:
    image, numbers = case.image, case.numbers()
    if image is None or numbers is None or numbers[0].size < 2:
        return None
    (x, y), (gx, gy) = numbers[0][:2], numbers[1][:2]
    if not np.isfinite([gx, gy]).all():
        return None
    extent = case.extent(image.shape)
    inside = bool(extent[0] <= gx <= extent[1] and extent[2] <= gy <= extent[3])
    distance = float(np.hypot(gx - x, gy - y))
    zoomed = inside and distance < 0.06 * max(image.shape)
    figure, axes = _figure(3.9 if zoomed else _height_of(image.shape, 4.6), 2 if zoomed else 1)
    labels = f"right: {_pair(x, y)}", f"yours: {_pair(gx, gy)}" + ("" if inside else ", outside")
    for ax in axes.flat:
        drawn = _show(ax, image, extent, _limits(image))
        _mark(ax, np.array([[x, y]]), "o", "white", labels[0], 15)
        if inside:
            _mark(ax, np.array([[gx, gy]]), "x", GOT_COLOUR, labels[1])
    ax = axes[0, 0]
    ax.set_title("Cut-out, whole-image coordinates" if case.start != (0, 0) else "Image")
    if zoomed:
        _zoom(axes[0, 1], (x + gx) / 2, (y + gy) / 2, distance)
    else:
        figure.colorbar(drawn, ax=ax, label="pixel value", shrink=0.85)
    if not inside:
        _arrow_out(ax, extent, (gx, gy), labels[1])
    _legend_below(figure, ax)
    where = "outside the picture, in the direction of an arrow" if not inside else f"{number_text(distance, 3)} pixels away, a cross"
    return figure, (f"The image of the case, x from {extent[0]:g} to {extent[1]:g} and y from {extent[2]:g} to {extent[3]:g} pixels. "
                    f"A circle marks the right position, (x, y) = {_pair(x, y)}; yours, {_pair(gx, gy)}, is {where}.")


def _zoom(ax: Axes, x: float, y: float, distance: float) -> None:
    """Show the neighbourhood of two positions that lie close together."""
    reach = max(2.2 * distance, 0.05)
    ax.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach), title=f"Close-up: {number_text(distance, 3)} pixel apart", ylabel="")
    from matplotlib.ticker import MaxNLocator

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4))


def _arrow_out(ax: Axes, extent: tuple[float, float, float, float], target: tuple[float, float], label: str) -> None:
    """Point from the middle of the image to a position outside it."""
    middle = np.array([(extent[0] + extent[1]) / 2, (extent[2] + extent[3]) / 2])
    half = np.array([extent[1] - extent[0], extent[3] - extent[2]]) / 2
    direction = (np.array(target) - middle) / half
    direction /= np.abs(direction).max()
    tip, tail = middle + 0.97 * direction * half, middle + 0.62 * direction * half
    ax.annotate("", tip, tail, arrowprops={"facecolor": GOT_COLOUR, "edgecolor": "white", "width": 5, "headwidth": 15, "headlength": 12})
    ax.plot([], [], ">", color=GOT_COLOUR, ms=10, label=label)


# ------------------------------------------------------------------------------------------------- image
def _plane(value: Any) -> np.ndarray | None:
    """The image in an answer: itself, the first of a tuple, or the sum of a cube's frames."""
    if isinstance(value, (list, tuple)) and value and np.ndim(value[0]) >= 2 and len(value) <= 3 and not _is_grid(value):
        value = value[0]
    floats = as_floats(value)
    if floats is not None and floats.ndim == 3:
        floats = np.nansum(floats, axis=0)
    return floats if floats is not None and floats.ndim == 2 and floats.size else None


def _is_grid(value: Any) -> bool:
    floats = as_floats(value)
    return floats is not None and floats.ndim == 2


def _image(case: _Case) -> Picture:
    want, got = _plane(case.expected), _plane(case.answer)
    if want is None or got is None or not np.isfinite(got).any():
        return None
    return _difference(case, want, got) if want.shape == got.shape else _shapes(case, want, got)


def _difference(case: _Case, want: np.ndarray, got: np.ndarray) -> Picture:
    figure, axes = _figure(_height_of(want.shape, 1.9, 2.7, 4.6) + 0.3, 3)
    extent, limits, rest = case.extent(want.shape), _limits(want, got, percentiles=(0.5, 99.9)), got - want
    reach = float(np.nanpercentile(np.abs(rest), 99.9)) or 1.0
    for ax, plane, title, lim, cmap in ((axes[0, 0], want, "expected", limits, COLOUR_MAP), (axes[0, 1], got, "yours", limits, COLOUR_MAP),
                                        (axes[0, 2], rest, "yours − expected", (-reach, reach), "PuOr_r")):
        drawn = _show(ax, plane, extent, lim, cmap)
        bar = figure.colorbar(drawn, ax=ax, orientation="horizontal", pad=0.02, label=case.inner("unit", "") or "value")
        bar.ax.locator_params(nbins=3)
        bar.ax.tick_params(labelsize=9)
        bar.ax.xaxis.set_major_formatter(lambda value, _: number_text(value, 3))
        ax.set_title(title)
        ax.locator_params(nbins=3)
    for ax in axes[0, 1:]:
        ax.set_ylabel("")
    worst = float(np.nanmax(np.abs(rest)))
    if np.nanmax(rest) - np.nanmin(rest) <= 1e-6 * worst:
        axes[0, 2].set_title(f"difference: {number_text(float(np.nanmean(rest)), 3)}")
    return figure, (f"Three pictures side by side: the expected {case.inner('name', 'image')}, yours, and the difference. The largest difference is "
                    f"{number_text(worst, 3)}, where expected values reach {number_text(float(np.nanmax(np.abs(want))), 3)}.")


def _shapes(case: _Case, want: np.ndarray, got: np.ndarray) -> Picture:
    figure, axes = _figure(3.6, 2)
    limits = _limits(want, got, percentiles=(0.5, 99.9))
    names = []
    for ax, plane, title in ((axes[0, 0], want, "expected"), (axes[0, 1], got, "yours")):
        _show(ax, plane, case.extent(plane.shape), limits)
        ax.set_title(f"{title}: {plane.shape[0]} rows, {plane.shape[1]} columns")
        names.append(f"{plane.shape[0]} rows and {plane.shape[1]} columns")
    return figure, f"Two pictures: the expected image with {names[0]}, and yours with {names[1]}."


# ------------------------------------------------------------------------------------------------- curve
def _curve(case: _Case) -> Picture:
    numbers = case.numbers()
    if numbers is None:
        return None
    want, got = numbers
    lists = [(n, f) for n, a in case.arguments.items() if (f := as_floats(a)) is not None and f.ndim == 1 and f.size > 1]
    if want.size == 1 and len(lists) > 1 and lists[0][1].size == lists[1][1].size:
        return _on_curve(case, lists, float(want[0]), float(got[0]))
    if want.size == 1 or not np.isfinite(got).any():
        return _scalar(case)
    # A pair such as (x, y) is no abscissa: only a list as long as the answer is.
    name, x = next(((n, f) for n, f in lists if f.size == want.size), ("number of the value", np.arange(want.size, dtype=float)))
    figure, axes = _figure(3.7)
    ax = axes[0, 0]
    ax.plot(x, want, "o-", color=RIGHT_COLOUR, mfc="none", ms=8, lw=1.5, label="expected")
    ax.plot(x, got, "x--", color=GOT_COLOUR, ms=8, mew=2, lw=1.5, label="yours")
    unit, label = case.inner("unit", ""), case.inner("name", "value")
    label = "value" if label in ("array", "answer") else label
    ax.set(xlabel=_UNITS.get(name, name), ylabel=f"{label} ({unit})" if unit else label)
    ax.legend()
    ax.grid(alpha=0.3)
    return figure, (f"Two curves over {_UNITS.get(name, name)}: the expected values run from {number_text(float(want[0]), 4)} to "
                    f"{number_text(float(want[-1]), 4)}, yours from {number_text(float(got[0]), 4)} to {number_text(float(got[-1]), 4)}.")


def _on_curve(case: _Case, lists: list[tuple[str, np.ndarray]], want: float, got: float) -> Picture:
    if not np.isfinite(got):
        return None
    (x_name, x), (y_name, y) = lists[:2]
    figure, axes = _figure(3.7)
    ax = axes[0, 0]
    ax.plot(x, y, "o-", color="0.4", ms=4, lw=1.2, label="the curve given")
    ax.axvline(want, color=RIGHT_COLOUR, lw=2, label=f"right: {number_text(want, 4)}")
    ax.axvline(got, color=GOT_COLOUR, lw=2, ls="--", label=f"yours: {number_text(got, 4)}")
    ax.set(xlabel=_UNITS.get(x_name, x_name), ylabel=_UNITS.get(y_name, y_name))
    ax.legend()
    return figure, (f"The curve given, {y_name} over {x_name}, with a solid vertical line at the right answer, {number_text(want, 4)}, "
                    f"and a dashed one at yours, {number_text(got, 4)}.")


# ------------------------------------------------------------------------------------------------- peaks
def _peaks(case: _Case) -> Picture:
    image, got = case.image, case.comparator.points(case.answer)  # type: ignore[attr-defined]
    if got is None:
        return None
    want, free = case.comparator._expected(case.expected)  # type: ignore[attr-defined]
    return _found(image, got, want, free, case.inner("tolerance", 0.0) + 1e-6, case.inner("noun", "peak"))


def _found(image: np.ndarray | None, got: np.ndarray, want: np.ndarray, free: np.ndarray, radius: float, noun: str) -> Picture:
    """Draw positions found, missed and invented; those that are right either way are left out."""
    got = got[np.isfinite(got).all(axis=1)]
    matched = match_one_to_one(got[:, 0], got[:, 1], want[:, 0], want[:, 1], radius)
    rest = np.delete(got, matched[matched >= 0], axis=0)
    if len(free) and len(rest):
        rest = rest[np.hypot(rest[:, :1] - free[:, 0], rest[:, 1:] - free[:, 1]).min(axis=1) > radius]
    found, missed = want[matched >= 0], want[matched < 0]
    figure, axes = _figure(_height_of(image.shape, 5.2) + 0.3 if image is not None else 4.6)
    ax = axes[0, 0]
    if image is not None:
        extent = (-0.5, image.shape[1] - 0.5, -0.5, image.shape[0] - 0.5)
        figure.colorbar(_show(ax, image, extent, _limits(image, percentiles=(2, 99.5))), ax=ax, label="pixel value", shrink=0.85)
        outside = (rest[:, 0] < extent[0]) | (rest[:, 0] > extent[1]) | (rest[:, 1] < extent[2]) | (rest[:, 1] > extent[3])
    else:
        _plain_axes(ax, np.vstack([got, want]))
        outside = np.zeros(len(rest), bool)
    dots = min(11.0, max(5.0, 60 / np.sqrt(max(len(got), len(want), 1))))
    _mark(ax, found, "o", "white" if image is not None else RIGHT_COLOUR, f"right: {len(found)}", dots)
    _mark(ax, missed, "s", "#56B4E9", f"missed: {len(missed)}", dots)
    label = f"not a {noun}: {len(rest)}" + (f" ({int(outside.sum())} outside)" if outside.any() else "")
    _mark(ax, rest[~outside], "x", GOT_COLOUR, label, dots)
    _legend_below(figure, ax)
    return figure, (f"{'The image of the case' if image is not None else 'A map of positions'} with {len(found)} right {noun}s as circles, "
                    f"{len(missed)} missed ones as squares, and {len(rest)} positions that are no {noun}s as crosses"
                    + (f", {int(outside.sum())} of them outside the image." if outside.any() else "."))


def _plain_axes(ax: Axes, points: np.ndarray) -> None:
    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.06 * float(max((high - low).max(), 1.0))
    ax.set(xlim=(low[0] - pad, high[0] + pad), ylim=(low[1] - pad, high[1] + pad), xlabel="x (pixel)", ylabel="y (pixel)", aspect="equal")
    ax.grid(alpha=0.3)


_NAMES = (("x_centroid", "y_centroid"), ("centroid_x", "centroid_y"), ("x", "y"), ("x_center", "y_center"), ("xcentroid", "ycentroid"))


def _columns(table: Any, first: tuple[str, str] | None = None) -> np.ndarray | None:
    """Positions in a table, under whichever of the usual names."""
    if not hasattr(table, "colnames"):
        return None
    for x, y in ([first] if first else []) + list(_NAMES):
        if len(table) == 0 and {x, y} <= set(table.colnames):
            return np.empty((0, 2))
        a, b = column_of(table, x), column_of(table, y)
        if a is not None and b is not None:
            return np.column_stack([a, b])
    return None


def _catalogue(case: _Case) -> Picture:
    names = (case.inner("x", ""), case.inner("y", ""))
    got = _columns(case.answer, names if all(isinstance(n, str) and n for n in names) else None)
    if got is None:
        return None
    got = got[np.isfinite(got).all(axis=1)]
    expected, free = case.expected, np.empty((0, 2))
    if isinstance(expected, dict):
        want = np.column_stack([np.asarray(expected["x"], float), np.asarray(expected["y"], float)])
        for x, y in (("may_x", "may_y"), ("free_x", "free_y")):
            free = np.vstack([free, np.column_stack([np.asarray(expected.get(x, []), float), np.asarray(expected.get(y, []), float)])])
        if "free_r" in expected and len(got):
            far = np.hypot(got[:, :1] - np.asarray(expected["free_x"]), got[:, 1:] - np.asarray(expected["free_y"])) > np.asarray(expected["free_r"])
            got = got[far.all(axis=1)]
    else:
        positions = _columns(expected)
        if positions is None:
            return None
        want = positions
    radius = case.inner("radius", 1.0)
    radius = float(radius) if isinstance(radius, (int, float)) else 1.0
    # Where every star is found and nothing else, something in the columns is off: that is worth the picture.
    table = _table(case) if _settled(case, got, want, radius) else None
    return table or _found(case.image, got, want, free, radius, case.inner("noun", "star"))


def _settled(case: _Case, got: np.ndarray, want: np.ndarray, radius: float) -> bool:
    """Whether completeness and purity are not what is wrong."""
    if not len(want) or not len(got):
        return False
    symptom = case.verdict.finding.symptom
    return bool((match_one_to_one(got[:, 0], got[:, 1], want[:, 0], want[:, 1], radius) >= 0).all()) and "are found" not in symptom and "rows are no" not in symptom


# ------------------------------------------------------------------------------------------------- numbers
def _scalar(case: _Case) -> Picture:
    numbers = case.numbers()
    if numbers is None:
        return None
    want, got = numbers
    if want.size > MAX_NUMBERS:
        return _one_to_one([("answer", want, got)], case.inner("unit", ""))
    if not np.isfinite([want, got]).all():
        return None
    names = list(case.inner("names", ())) or [case.inner("name", "answer")] * want.size
    names = names if len(names) == want.size else [f"{names[0]} {k + 1}" for k in range(want.size)]
    units = list(case.inner("units", ())) or [case.inner("unit", "")] * want.size
    figure, axes = _figure(0.95 + 0.85 * want.size, 1, want.size)
    for ax, name, unit, w, g in zip(axes[:, 0], names, units, want, got, strict=True):
        _dot_line(ax, f"{name} ({unit})" if unit else str(name), float(w), float(g))
    _legend_below(figure, axes[0, 0])
    parts = [f"{n} is {number_text(float(g))} where {number_text(float(w))} {u} is right".replace(" ,", ",")
             for n, u, w, g in zip(names, units, want, got, strict=True)]
    return figure, f"Each number on a line of its own, with a circle at the right value and a cross at yours: {'; '.join(parts)}."


def _dot_line(ax: Axes, label: str, want: float, got: float) -> None:
    """Two numbers on one line. It begins at zero where both have a sign and differ by a factor, not where they nearly agree."""
    values = np.array([want, got])
    low, high = values.min(), values.max()
    if low > 0 and high > 1.25 * low:
        low = 0.0
    elif high < 0 and low < 1.25 * high:
        high = 0.0
    pad = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    ax.axhline(0, color="0.7", lw=1, zorder=1)
    ax.plot([want, got], [0, 0], color="0.6", lw=3, zorder=2)
    ax.plot(want, 0, "o", mfc="none", mec=RIGHT_COLOUR, ms=13, mew=2.5, label="right", zorder=4)
    ax.plot(got, 0, "x", color=GOT_COLOUR, ms=10, mew=2.5, label="yours", zorder=5)
    ax.set(xlim=(low - pad, high + pad), ylim=(-1, 1), yticks=[], xlabel=label)
    ax.ticklabel_format(axis="x", useOffset=False, scilimits=(-4, 6))
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)


# ------------------------------------------------------------------------------------------------- tables
def _table(case: _Case) -> Picture:
    expected, answer = case.expected, case.answer
    if not hasattr(answer, "colnames") or not len(answer):
        return None
    names = [n for n in (case.inner("columns", ()) or getattr(expected, "colnames", ())) if n in answer.colnames][:4]
    rows = _rows(case, expected, answer)
    if not names or rows is None:
        return None
    right, mine = rows
    pairs = []
    for name in names:
        want = np.asarray(expected[name], float) if isinstance(expected, dict) else column_of(expected, name)
        got = column_of(answer, name)
        if want is None or got is None:
            continue
        want, got = want[right], got[mine]
        if isinstance(expected, dict) and f"use_{name}" in expected:
            # Only the rows that are graded for this column.
            use = np.asarray(expected[f"use_{name}"], bool)[right]
            want, got = want[use], got[use]
        if np.isfinite(got).any():
            pairs.append((name, want, got))
    offsets = _offsets(case, expected, answer, right, mine) if isinstance(expected, dict) else None
    return _one_to_one(pairs[: 3 if offsets is not None else 4], "", offsets) if pairs or offsets is not None else None


def _offsets(case: _Case, expected: dict[str, Any], answer: Any, right: Any, mine: Any) -> np.ndarray | None:
    got = _columns(answer, (case.inner("x", "x"), case.inner("y", "y")))
    return None if got is None else got[mine] - np.column_stack([expected["x"], expected["y"]])[right]


def _rows(case: _Case, expected: Any, answer: Any) -> tuple[Any, Any] | None:
    """Rows of the right table and of the answer that belong together: by position where rows have any order."""
    if isinstance(expected, dict):
        got = _columns(answer, (case.inner("x", "x"), case.inner("y", "y")))
        if got is None or "x" not in expected:
            return None
        got = np.nan_to_num(got, nan=-1e9)
        matched = match_one_to_one(got[:, 0], got[:, 1], np.asarray(expected["x"], float), np.asarray(expected["y"], float), case.inner("radius", 1.0))
        return (matched >= 0, matched[matched >= 0]) if (matched >= 0).any() else None
    if len(expected) != len(answer):
        return None
    key = case.inner("sort_by", "")
    if key and key in answer.colnames and key in expected.colnames:
        return np.argsort(column_of(expected, key)), np.argsort(column_of(answer, key))  # type: ignore[arg-type]
    return slice(None), slice(None)


def _one_to_one(pairs: list[tuple[str, np.ndarray, np.ndarray]], unit: str, offsets: np.ndarray | None = None) -> Picture:
    """Draw got against expected, one panel for each column, with the line on which both are equal; and offsets of positions."""
    count = len(pairs) + (offsets is not None)
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    figure, axes = _figure(0.6 + 2.7 * rows, columns, rows)
    panels, words = list(axes.flat), []
    for ax, (name, want, got) in zip(panels, pairs, strict=False):
        _against(ax, name, want, got, unit)
        words.append(f"{name}: the median of yours is {number_text(float(np.nanmedian(got)), 4)}, of the right ones {number_text(float(np.nanmedian(want)), 4)}")
    if offsets is not None:
        _offset_panel(panels[len(pairs)], offsets)
        words.append(f"positions: off by {number_text(float(np.nanmedian(np.hypot(*offsets.T))), 3)} pixel in the median")
    for ax in panels[count:]:
        ax.set_visible(False)
    _legend_below(figure, axes[0, 0])
    return figure, f"Your values against the expected ones, with a line where both are equal. {'; '.join(words)}."


def _against(ax: Axes, name: str, want: np.ndarray, got: np.ndarray, unit: str) -> None:
    both = np.concatenate([want, got])
    both = both[np.isfinite(both)]
    low, high = float(both.min()), float(both.max())
    # Never so close that the last digits of a right column look like an error.
    pad = max(0.07 * (high - low), 0.05 * max(abs(low), abs(high))) or 1.0
    ax.plot([low - pad, high + pad], [low - pad, high + pad], color=RIGHT_COLOUR, lw=1.5, label="equal")
    ax.plot(want, got, "x", color=GOT_COLOUR, ms=7, mew=1.8, label="yours")
    ax.set(title=name, xlabel=f"expected ({unit})" if unit else "expected", ylabel=f"yours ({unit})" if unit else "yours",
           xlim=(low - pad, high + pad), ylim=(low - pad, high + pad))
    ax.locator_params(nbins=4)
    ax.ticklabel_format(scilimits=(-3, 4), useOffset=False)


def _offset_panel(ax: Axes, offsets: np.ndarray) -> None:
    """Draw where positions lie relative to the right ones."""
    reach = max(0.5, 1.15 * float(np.nanmax(np.abs(offsets))))
    ax.axhline(0, color=RIGHT_COLOUR, lw=1)
    ax.axvline(0, color=RIGHT_COLOUR, lw=1)
    ax.plot(offsets[:, 0], offsets[:, 1], "x", color=GOT_COLOUR, ms=7, mew=1.8)
    ax.set(title="positions", xlabel="x − right x (pixel)", ylabel="y − right y (pixel)", xlim=(-reach, reach), ylim=(-reach, reach))
    ax.locator_params(nbins=4)


# ------------------------------------------------------------------------------------------------- otherwise
def _by_form(case: _Case) -> Picture:
    """Choose by what the right answer is."""
    if isinstance(case.expected, wire.FigureData) or isinstance(case.answer, wire.FigureData):
        return None
    if _plane(case.expected) is not None and min(_plane(case.expected).shape) > 2:  # type: ignore[union-attr]
        return _image(case)
    if type(case.comparator).__name__ == "Shifts":
        return _shifts(case)
    if hasattr(case.expected, "colnames"):
        return _table(case)
    return _scalar(case)


def _shifts(case: _Case) -> Picture:
    want, got = as_floats(case.expected), as_floats(case.answer)
    if want is None or got is None or want.shape != got.shape or want.ndim != 2 or not np.isfinite(got).all():
        return None
    figure, axes = _figure(4.6)
    ax = axes[0, 0]
    for k in range(len(want)):
        ax.plot([want[k, 1], got[k, 1]], [want[k, 0], got[k, 0]], color="0.6", lw=1)
        ax.annotate(f"frame {k}", want[k, ::-1], xytext=(9, 7), textcoords="offset points", fontsize=10)
    ax.plot(want[:, 1], want[:, 0], "o", mfc="none", mec=RIGHT_COLOUR, ms=12, mew=2, label="right")
    ax.plot(got[:, 1], got[:, 0], "x", color=GOT_COLOUR, ms=9, mew=2, label="yours")
    ax.set(xlabel="dx (pixel)", ylabel="dy (pixel)", title="Shift of each frame onto the first")
    ax.margins(0.15)
    ax.grid(alpha=0.3)
    _legend_below(figure, ax)
    worst = float(np.hypot(*(got - want).T).max())
    return figure, (f"The shifts (dy, dx) of {len(want)} frames as points, dx to the right and dy upwards: circles are right, crosses are yours; the largest "
                    f"distance between the two is {number_text(worst, 3)} pixels.")
