"""Pictures of wrong answers: what was expected and what came, on the inputs of a provided case.

Kinds, as an exercise declares them: ``"position"``, ``"image"``, ``"curve"``, ``"peaks"``, ``"catalogue"``,
``"scalar"``, ``"table"``; ``"figure"`` has none (the student's own figure is on the screen); an empty kind is
chosen by what the right answer is. Drawn as SVG (`photcheck.svg`), in a few milliseconds.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck import wire
from photcheck.comparators.base import as_floats, number_text
from photcheck.comparators.tables import column_of
from photcheck.matching import match_one_to_one
from photcheck.spec import ExerciseSpec
from photcheck.svg import Panel, Symbol, picture
from photcheck.verdict import CaseVerdict

__all__ = ["draw"]

#: Okabe and Ito's blue and vermilion: expected and got, told apart by shape as well.
RIGHT_COLOUR, GOT_COLOUR = "#0072B2", "#D55E00"
#: More marks than this hide what they mark.
MAX_MARKS, MAX_POINTS = 400, 2000
MAX_NUMBERS = 6
#: Faults of an answer whose numbers are right: a picture would show two of the same.
_UNSEEN = ("input-modified", "warning")
_UNITS = {"radii": "radius (pixel)", "radius": "radius (pixel)", "flux": "flux", "fluxes": "flux"}

RIGHT, YOURS = Symbol("circle", RIGHT_COLOUR, "right", 7), Symbol("cross", GOT_COLOUR, "yours", 5.5)


@dataclass
class Picture:
    """Panels in rows, and the words for what is on them."""

    panels: list[list[Panel | None]]
    words: str


def draw(spec: ExerciseSpec, case_verdict: CaseVerdict) -> tuple[str, str] | None:
    """Draw a wrong answer beside the right one.

    Parameters
    ----------
    spec : ExerciseSpec
        The exercise; its `picture` says which kind.
    case_verdict : CaseVerdict
        A case that is wrong. Hidden cases are refused: their inputs are shown to nobody.

    Returns
    -------
    (svg, words) or None
        The picture, with its title and description, and the description once more; None where there is nothing to draw, whatever the answer is.
    """
    if (
        case_verdict.case.hidden
        or case_verdict.answer is None
        or case_verdict.finding.ok
        or case_verdict.finding.kind in _UNSEEN
    ):
        return None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _draw(spec, case_verdict)
    except Exception:
        # A picture is a courtesy: the words stand without it, whatever a student's answer looks like.
        return None


def _draw(spec: ExerciseSpec, verdict: CaseVerdict) -> tuple[str, str] | None:
    kinds: dict[str, Callable[[_Case], Picture | None]] = {
        "position": _position, "image": _image, "curve": _curve, "peaks": _peaks, "catalogue": _catalogue,
        "scalar": _scalar, "table": _table, "": _by_form,
    }  # fmt: skip
    if spec.picture not in kinds:
        return None
    case = _Case(spec, verdict)
    numbers = case.numbers()
    if numbers is not None and np.allclose(*numbers, rtol=1e-9, atol=0, equal_nan=True):
        return None
    drawn = kinds[spec.picture](case)
    if drawn is None:
        return None
    gaps = any(panel is not None and panel.gaps for row in drawn.panels for panel in row)
    words = " ".join(
        f"{drawn.words}{' Grey pixels have no value (NaN).' if gaps else ''} Case: {verdict.case.name}.".split()
    )
    return picture(drawn.panels, f"{spec.name}: right and yours", words, "grey: no value (NaN)" if gaps else ""), words


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
def _limits(*planes: np.ndarray, percentiles: tuple[float, float] = (1, 99.5)) -> tuple[float, float]:
    finite = np.concatenate([p[np.isfinite(p)].ravel() for p in planes])
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, percentiles)
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _shown(
    image: np.ndarray,
    extent: tuple[float, float, float, float],
    limits: tuple[float, float],
    *,
    title: str = "",
    height: float = 380.0,
    bar: str | None = None,
    below: bool = False,
    colours: str = "cividis",
    ylabel: str = "y (pixel)",
) -> Panel:
    """A panel with an image in it."""
    panel = Panel(extent[:2], extent[2:], title, "x (pixel)", ylabel, equal=True, whole=True, height=height)
    panel.image(image, extent, limits, colours, bar=bar, below=below)
    return panel


def _reach(*values: np.ndarray, share: float = 0.06) -> tuple[float, float]:
    """Limits of an axis with some room around the values."""
    finite = np.concatenate([np.ravel(v)[np.isfinite(np.ravel(v))] for v in values])
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    pad = share * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad


def _thinned(*lists: np.ndarray, most: int = MAX_MARKS) -> list[np.ndarray]:
    """Lists of equal length, with as many values, evenly taken, as can be told apart."""
    step = -(-len(lists[0]) // most) or 1
    return [np.asarray(v)[::step] for v in lists]


def _pair(x: float, y: float) -> str:
    return f"({number_text(x, 6)}, {number_text(y, 6)})"


# ------------------------------------------------------------------------------------------------- position
def _position(case: _Case) -> Picture | None:
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
    right = Symbol("circle", "white", f"right: {_pair(x, y)}", 8, halo=True)
    yours = Symbol("cross", GOT_COLOUR, f"yours: {_pair(gx, gy)}" + ("" if inside else ", outside"), 6, halo=True)
    title = "Cut-out, whole-image coordinates" if case.start != (0, 0) else "Image"
    panels = [
        _shown(
            image,
            extent,
            _limits(image),
            title=title,
            height=270.0 if zoomed else 380.0,
            bar=None if zoomed else "pixel value",
        )
    ]
    if zoomed:
        reach = max(2.2 * distance, 0.05)
        near = _shown(
            image,
            extent,
            _limits(image),
            title=f"Close-up: {number_text(distance, 3)} pixel apart",
            height=270.0,
            ylabel="",
        )
        middle = (x + gx) / 2, (y + gy) / 2
        near.x, near.y, near.whole = (
            (middle[0] - reach, middle[0] + reach),
            (middle[1] - reach, middle[1] + reach),
            False,
        )
        panels.append(near)
    for panel in panels:
        panel.points([x], [y], right)
        if inside:
            panel.points([gx], [gy], yours)
    if not inside:
        _arrow_out(panels[0], extent, (gx, gy), Symbol("arrow", GOT_COLOUR, yours.label, 6))
    where = (
        "outside the picture, in the direction of an arrow"
        if not inside
        else f"{number_text(distance, 3)} pixels away, a cross"
    )
    return Picture(
        [[*panels]],
        f"The image of the case, x from {extent[0]:g} to {extent[1]:g} and y from {extent[2]:g} to {extent[3]:g} pixels. "
        f"A circle marks the right position, (x, y) = {_pair(x, y)}; yours, {_pair(gx, gy)}, is {where}.",
    )


def _arrow_out(
    panel: Panel, extent: tuple[float, float, float, float], target: tuple[float, float], symbol: Symbol
) -> None:
    """Point from the middle of the image to a position outside it."""
    middle = np.array([(extent[0] + extent[1]) / 2, (extent[2] + extent[3]) / 2])
    half = np.array([extent[1] - extent[0], extent[3] - extent[2]]) / 2
    direction = (np.array(target) - middle) / half
    direction /= np.abs(direction).max()
    tip, tail = middle + 0.97 * direction * half, middle + 0.62 * direction * half
    panel.arrow((float(tail[0]), float(tail[1])), (float(tip[0]), float(tip[1])), symbol)


# ------------------------------------------------------------------------------------------------- image
def _plane(value: Any) -> np.ndarray | None:
    """The image in an answer: itself, the first of a tuple, or the sum of a cube's frames."""
    if (
        isinstance(value, (list, tuple))
        and value
        and np.ndim(value[0]) >= 2
        and len(value) <= 3
        and not _is_grid(value)
    ):
        value = value[0]
    floats = as_floats(value)
    if floats is not None and floats.ndim == 3:
        floats = np.nansum(floats, axis=0)
    return floats if floats is not None and floats.ndim == 2 and floats.size else None


def _is_grid(value: Any) -> bool:
    floats = as_floats(value)
    return floats is not None and floats.ndim == 2


def _image(case: _Case) -> Picture | None:
    want, got = _plane(case.expected), _plane(case.answer)
    if want is None or got is None or not np.isfinite(got).any():
        return None
    return _difference(case, want, got) if want.shape == got.shape else _shapes(case, want, got)


def _difference(case: _Case, want: np.ndarray, got: np.ndarray) -> Picture:
    extent, limits, rest = case.extent(want.shape), _limits(want, got, percentiles=(0.5, 99.9)), got - want
    reach = float(np.nanpercentile(np.abs(rest), 99.9)) or 1.0
    worst = float(np.nanmax(np.abs(rest)))
    flat = np.nanmax(rest) - np.nanmin(rest) <= 1e-6 * worst
    label = case.inner("unit", "") or "value"
    last = f"difference: {number_text(float(np.nanmean(rest)), 3)}" if flat else "yours − expected"
    panels = [
        _shown(want, extent, limits, title="expected", bar=label, below=True, height=300.0),
        _shown(got, extent, limits, title="yours", bar=label, below=True, height=300.0, ylabel=""),
        _shown(
            rest,
            extent,
            (-reach, reach),
            title=last,
            bar=label,
            below=True,
            height=300.0,
            colours="difference",
            ylabel="",
        ),
    ]
    return Picture(
        [[*panels]],
        f"Three pictures side by side: the expected {case.inner('name', 'image')}, yours, and the difference. The largest difference is "
        f"{number_text(worst, 3)}, where expected values reach {number_text(float(np.nanmax(np.abs(want))), 3)}.",
    )


def _shapes(case: _Case, want: np.ndarray, got: np.ndarray) -> Picture:
    limits = _limits(want, got, percentiles=(0.5, 99.9))
    panels, names = [], []
    for plane, title in ((want, "expected"), (got, "yours")):
        panels.append(
            _shown(
                plane,
                case.extent(plane.shape),
                limits,
                title=f"{title}: {plane.shape[0]} rows, {plane.shape[1]} columns",
                height=260.0,
            )
        )
        names.append(f"{plane.shape[0]} rows and {plane.shape[1]} columns")
    return Picture([[*panels]], f"Two pictures: the expected image with {names[0]}, and yours with {names[1]}.")


# ------------------------------------------------------------------------------------------------- curve
def _curve(case: _Case) -> Picture | None:
    numbers = case.numbers()
    if numbers is None:
        return None
    want, got = numbers
    lists = [
        (n, f) for n, a in case.arguments.items() if (f := as_floats(a)) is not None and f.ndim == 1 and f.size > 1
    ]
    if want.size == 1 and len(lists) > 1 and lists[0][1].size == lists[1][1].size:
        return _on_curve(case, lists, float(want[0]), float(got[0]))
    if want.size == 1 or not np.isfinite(got).any():
        return _scalar(case)
    # A pair such as (x, y) is no abscissa: only a list as long as the answer is.
    name, x = next(
        ((n, f) for n, f in lists if f.size == want.size), ("number of the value", np.arange(want.size, dtype=float))
    )
    unit, label = case.inner("unit", ""), case.inner("name", "value")
    label = "value" if label in ("array", "answer") else label
    panel = Panel(
        _reach(x),
        _reach(want, got),
        xlabel=_UNITS.get(name, name),
        ylabel=f"{label} ({unit})" if unit else label,
        grid=True,
    )
    few = x.size <= 60
    for values, symbol in (
        (want, Symbol("line+circle" if few else "line", RIGHT_COLOUR, "expected", 4)),
        (got, Symbol("dashed+cross" if few else "dashed", GOT_COLOUR, "yours", 4)),
    ):
        some, there = _thinned(x, values, most=MAX_POINTS)
        panel.path(some, there, symbol)
    return Picture(
        [[panel]],
        f"Two curves over {_UNITS.get(name, name)}: the expected values run from {number_text(float(want[0]), 4)} to "
        f"{number_text(float(want[-1]), 4)}, yours from {number_text(float(got[0]), 4)} to {number_text(float(got[-1]), 4)}.",
    )


def _on_curve(case: _Case, lists: list[tuple[str, np.ndarray]], want: float, got: float) -> Picture | None:
    if not np.isfinite(got):
        return None
    (x_name, x), (y_name, y) = lists[:2]
    panel = Panel(
        _reach(x, np.array([want, got])),
        _reach(y),
        xlabel=_UNITS.get(x_name, x_name),
        ylabel=_UNITS.get(y_name, y_name),
    )
    x, y = _thinned(x, y, most=MAX_POINTS)
    panel.path(x, y, Symbol("line+circle" if x.size <= 60 else "line", "currentColor", "the curve given", 2.5))
    panel.across(want, Symbol("line", RIGHT_COLOUR, f"right: {number_text(want, 4)}"))
    panel.across(got, Symbol("dashed", GOT_COLOUR, f"yours: {number_text(got, 4)}"))
    return Picture(
        [[panel]],
        f"The curve given, {y_name} over {x_name}, with a solid vertical line at the right answer, {number_text(want, 4)}, "
        f"and a dashed one at yours, {number_text(got, 4)}.",
    )


# ------------------------------------------------------------------------------------------------- peaks
def _peaks(case: _Case) -> Picture | None:
    image, got = case.image, case.comparator.points(case.answer)  # type: ignore[attr-defined]
    if got is None:
        return None
    want, free = case.comparator._expected(case.expected)  # type: ignore[attr-defined]
    return _found(image, got, want, free, case.inner("tolerance", 0.0) + 1e-6, case.inner("noun", "peak"))


def _found(
    image: np.ndarray | None, got: np.ndarray, want: np.ndarray, free: np.ndarray, radius: float, noun: str
) -> Picture:
    """Draw positions found, missed and invented; those that are right either way are left out."""
    got = got[np.isfinite(got).all(axis=1)]
    matched = match_one_to_one(got[:, 0], got[:, 1], want[:, 0], want[:, 1], radius)
    rest = np.delete(got, matched[matched >= 0], axis=0)
    if len(free) and len(rest):
        rest = rest[np.hypot(rest[:, :1] - free[:, 0], rest[:, 1:] - free[:, 1]).min(axis=1) > radius]
    found, missed = want[matched >= 0], want[matched < 0]
    if image is not None:
        extent = (-0.5, image.shape[1] - 0.5, -0.5, image.shape[0] - 0.5)
        panel = _shown(image, extent, _limits(image, percentiles=(2, 99.5)), bar="pixel value", height=420.0)
        outside = (
            (rest[:, 0] < extent[0]) | (rest[:, 0] > extent[1]) | (rest[:, 1] < extent[2]) | (rest[:, 1] > extent[3])
        )
    else:
        both = np.vstack([got, want])
        panel = Panel(
            _reach(both[:, 0]),
            _reach(both[:, 1]),
            xlabel="x (pixel)",
            ylabel="y (pixel)",
            equal=True,
            grid=True,
            height=380.0,
        )
        outside = np.zeros(len(rest), bool)
    on = image is not None
    size = min(7.0, max(3.5, 42 / np.sqrt(max(len(got), len(want), 1))))
    label = f"not a {noun}: {len(rest)}" + (f" ({int(outside.sum())} outside)" if outside.any() else "")
    for points, symbol in (
        (found, Symbol("circle", "white" if on else RIGHT_COLOUR, f"right: {len(found)}", size, on)),
        (missed, Symbol("square", "#56B4E9", f"missed: {len(missed)}", size, on)),
        (rest[~outside], Symbol("cross", GOT_COLOUR, label, size, on)),
    ):
        panel.points(points[:MAX_MARKS, 0], points[:MAX_MARKS, 1], symbol)
    return Picture(
        [[panel]],
        f"{'The image of the case' if on else 'A map of positions'} with {len(found)} right {noun}s as circles, "
        f"{len(missed)} missed ones as squares, and {len(rest)} positions that are no {noun}s as crosses"
        + (f", {int(outside.sum())} of them outside the image." if outside.any() else "."),
    )


_NAMES = (
    ("x_centroid", "y_centroid"),
    ("centroid_x", "centroid_y"),
    ("x", "y"),
    ("x_center", "y_center"),
    ("xcentroid", "ycentroid"),
)


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


def _catalogue(case: _Case) -> Picture | None:
    names = (case.inner("x", ""), case.inner("y", ""))
    got = _columns(case.answer, names if all(isinstance(n, str) and n for n in names) else None)
    if got is None:
        return None
    got = got[np.isfinite(got).all(axis=1)]
    expected, free = case.expected, np.empty((0, 2))
    if isinstance(expected, dict):
        want = np.column_stack([np.asarray(expected["x"], float), np.asarray(expected["y"], float)])
        for x, y in (("may_x", "may_y"), ("free_x", "free_y")):
            free = np.vstack(
                [
                    free,
                    np.column_stack([np.asarray(expected.get(x, []), float), np.asarray(expected.get(y, []), float)]),
                ]
            )
        if "free_r" in expected and len(got):
            far = np.hypot(
                got[:, :1] - np.asarray(expected["free_x"]), got[:, 1:] - np.asarray(expected["free_y"])
            ) > np.asarray(expected["free_r"])
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
    return bool((match_one_to_one(got[:, 0], got[:, 1], want[:, 0], want[:, 1], radius) >= 0).all()) and not re.search(
        r"(is|are) found|rows? (is|are) no ", symptom
    )


# ------------------------------------------------------------------------------------------------- numbers
def _scalar(case: _Case) -> Picture | None:
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
    panels: list[list[Panel | None]] = [
        [_dot_line(f"{name} ({unit})" if unit else str(name), float(w), float(g))]
        for name, unit, w, g in zip(names, units, want, got, strict=True)
    ]
    parts = [
        f"{n} is {number_text(float(g))} where {number_text(float(w))} {u} is right".replace(" ,", ",")
        for n, u, w, g in zip(names, units, want, got, strict=True)
    ]
    return Picture(
        panels,
        f"Each number on a line of its own, with a circle at the right value and a cross at yours: {'; '.join(parts)}.",
    )


def _dot_line(label: str, want: float, got: float) -> Panel:
    """Two numbers on one line. It begins at zero where both have a sign and differ by a factor, not where they nearly agree."""
    low, high = min(want, got), max(want, got)
    if low > 0 and high > 1.25 * low:
        low = 0.0
    elif high < 0 and low < 1.25 * high:
        high = 0.0
    pad = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    panel = Panel((low - pad, high + pad), (-1.0, 1.0), xlabel=label, line=True, height=34.0)
    panel.path([want, got], [0.0, 0.0], Symbol("line", "#8a8a8a"))
    panel.points([want], [0.0], RIGHT, lambda a, _: f"right: {number_text(a)}")
    panel.points([got], [0.0], YOURS, lambda a, _: f"yours: {number_text(a)}")
    return panel


# ------------------------------------------------------------------------------------------------- tables
def _table(case: _Case) -> Picture | None:
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
        matched = match_one_to_one(
            got[:, 0],
            got[:, 1],
            np.asarray(expected["x"], float),
            np.asarray(expected["y"], float),
            case.inner("radius", 1.0),
        )
        return (matched >= 0, matched[matched >= 0]) if (matched >= 0).any() else None
    if len(expected) != len(answer):
        return None
    key = case.inner("sort_by", "")
    if key and key in answer.colnames and key in expected.colnames:
        return np.argsort(column_of(expected, key)), np.argsort(column_of(answer, key))  # type: ignore[arg-type]
    return slice(None), slice(None)


def _one_to_one(
    pairs: list[tuple[str, np.ndarray, np.ndarray]], unit: str, offsets: np.ndarray | None = None
) -> Picture:
    """Draw got against expected, one panel for each column, with the line on which both are equal; and offsets of positions."""
    panels, words = [], []
    for name, want, got in pairs:
        panels.append(_against(name, want, got, unit))
        words.append(
            f"{name}: the median of yours is {number_text(float(np.nanmedian(got)), 4)}, of the right ones {number_text(float(np.nanmedian(want)), 4)}"
        )
    if offsets is not None:
        panels.append(_offset_panel(offsets))
        words.append(
            f"positions: off by {number_text(float(np.nanmedian(np.hypot(*offsets.T))), 3)} pixel in the median"
        )
    # Two side by side; the last of an odd number keeps its half.
    rows: list[list[Panel | None]] = (
        [[*panels]]
        if len(panels) == 1
        else [[*panels[k : k + 2], *([None] * (k + 1 == len(panels)))] for k in range(0, len(panels), 2)]
    )
    return Picture(
        rows, f"Your values against the expected ones, with a line where both are equal. {'; '.join(words)}."
    )


def _against(name: str, want: np.ndarray, got: np.ndarray, unit: str) -> Panel:
    both = np.concatenate([want, got])
    both = both[np.isfinite(both)]
    low, high = float(both.min()), float(both.max())
    # Never so close that the last digits of a right column look like an error.
    pad = max(0.07 * (high - low), 0.05 * max(abs(low), abs(high))) or 1.0
    limits = low - pad, high + pad
    panel = Panel(
        limits,
        limits,
        name,
        f"expected ({unit})" if unit else "expected",
        f"yours ({unit})" if unit else "yours",
        equal=True,
        height=230.0,
    )
    panel.path(limits, limits, Symbol("line", RIGHT_COLOUR, "equal"))
    want, got = _thinned(want, got)
    panel.points(
        want,
        got,
        Symbol("cross", GOT_COLOUR, "yours", 4),
        lambda a, b: f"expected {number_text(a, 6)}, yours {number_text(b, 6)}",
    )
    return panel


def _offset_panel(offsets: np.ndarray) -> Panel:
    """Draw where positions lie relative to the right ones."""
    reach = max(0.5, 1.15 * float(np.nanmax(np.abs(offsets))))
    panel = Panel(
        (-reach, reach),
        (-reach, reach),
        "positions",
        "x − right x (pixel)",
        "y − right y (pixel)",
        equal=True,
        height=230.0,
    )
    for upright in (False, True):
        panel.across(0.0, Symbol("line", RIGHT_COLOUR), upright=upright)
    x, y = _thinned(offsets[:, 0], offsets[:, 1])
    panel.points(
        x, y, Symbol("cross", GOT_COLOUR, "", 4), lambda a, b: f"off by ({number_text(a, 3)}, {number_text(b, 3)})"
    )
    return panel


# ------------------------------------------------------------------------------------------------- otherwise
def _by_form(case: _Case) -> Picture | None:
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


def _shifts(case: _Case) -> Picture | None:
    want, got = as_floats(case.expected), as_floats(case.answer)
    if want is None or got is None or want.shape != got.shape or want.ndim != 2 or not np.isfinite(got).all():
        return None
    panel = Panel(
        _reach(want[:, 1], got[:, 1], share=0.15),
        _reach(want[:, 0], got[:, 0], share=0.15),
        "Shift of each frame onto the first",
        "dx (pixel)",
        "dy (pixel)",
        grid=True,
        height=330.0,
    )
    for k in range(len(want)):
        panel.path([want[k, 1], got[k, 1]], [want[k, 0], got[k, 0]], Symbol("line", "#8a8a8a"))
        panel.note(float(want[k, 1]), float(want[k, 0]), f"frame {k}")
    panel.points(want[:, 1], want[:, 0], RIGHT, lambda a, b: f"right: dy {number_text(b, 4)}, dx {number_text(a, 4)}")
    panel.points(got[:, 1], got[:, 0], YOURS, lambda a, b: f"yours: dy {number_text(b, 4)}, dx {number_text(a, 4)}")
    worst = float(np.hypot(*(got - want).T).max())
    return Picture(
        [[panel]],
        f"The shifts (dy, dx) of {len(want)} frames as points, dx to the right and dy upwards: circles are right, crosses are yours; the largest "
        f"distance between the two is {number_text(worst, 3)} pixels.",
    )
