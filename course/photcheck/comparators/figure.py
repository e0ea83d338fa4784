"""Comparator of figures: what they show (data, labels, units, scales, circles), never their pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, brief, fault, number_text
from photcheck.figures import circle_of
from photcheck.values import FigureData, Sample

#: What each requirement weighs in the score: the data count double.
WEIGHTS = {"data": 2.0, "image": 2.0, "circles": 2.0}
#: Rank correlation at which a picture shows an image: any stretch and clipping to percentiles pass.
SAME_PICTURE = 0.9
#: What a figure is there to show.
SHOWN = ("data", "image", "circles")
#: What the rest is worth where a part of that is missing.
HALF_SHOWN = 0.1
#: How the words begin where x and y of the data are on each other's axes.
EXCHANGED = "axes exchanged"


@dataclass(frozen=True)
class Fault:
    """One thing that a figure lacks: which requirement, the words, and a code that tells kinds apart."""

    part: str
    words: str
    code: str = ""


@dataclass(frozen=True)
class FigureShows(Comparator):
    """A figure shows the data, the picture, the circles and the labels that are asked; the style is free.

    `expected` is what the reference draws (`FigureData`): its first `series` lines and point sets, its first
    image and its first `circles` circles are what must be seen. The axes of the answer that fit best are
    judged, so that further panels and colour bars are free. Data count whether drawn as a line, as points, as
    error bars or point by point, and in any order.

    Parameters
    ----------
    series : int
        How many data series must be shown.
    tolerance : float
        Largest distance of a point from where it should be, as a share of the data's range in x and in y
        (of its range in decades on an axis whose `x_scale` or `y_scale` is ``"log"``).
    extra : int
        How many points more than asked a series may have (a curve that starts at 0).
    joined : str
        ``"line"`` or ``"points"`` where the text asks for one of them.
    x_words, y_words : tuple of str
        The axis label must hold one of these words; empty for not graded.
    x_units, y_units : tuple of str
        The same for the unit. A unit with a capital letter (mJy) is compared as it is written.
    x_scale, y_scale : str
        ``"log"`` or ``"linear"``; empty for free. Logarithms plotted on a linear axis count as logarithmic.
    image : bool
        Whether the image must be shown, in any stretch.
    origin : str
        ``"lower"`` where row 0 must be shown at the bottom.
    circles : int
        How many circles must be overlaid.
    circle_tolerance : float
        Largest error of a circle's centre and radius, pixels.
    bar_units : tuple of str
        The colour bar's label (or the title) must hold one of these units.
    legend : tuple of str
        Each of these words must stand in the legend (or in the title or a series' label that is shown).
    title : bool
        Whether the axes must have a title.
    noun : str
        What the series is: ``"growth curve"``.
    """

    series: int = 1
    tolerance: float = 2e-3
    extra: int = 0
    joined: str = ""
    x_words: tuple[str, ...] = ()
    x_units: tuple[str, ...] = ()
    y_words: tuple[str, ...] = ()
    y_units: tuple[str, ...] = ()
    x_scale: str = ""
    y_scale: str = ""
    image: bool = False
    origin: str = ""
    circles: int = 0
    circle_tolerance: float = 0.3
    bar_units: tuple[str, ...] = ()
    legend: tuple[str, ...] = ()
    title: bool = False
    noun: str = "data"

    # ------------------------------------------------------------------------------------ comparing
    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`; the score is the share of the requirements that are met, times what is shown of what should be."""
        if not isinstance(answer, FigureData):
            if answer is None:
                return fault("nothing is drawn: the function should leave a matplotlib figure", "none")
            return fault(f"the answer should be a figure; it is {brief(answer)}", "type")
        if not answer.axes:
            return fault("the figure has no axes: nothing is drawn in it", "type")
        faults = self.faults(answer, expected)
        if not faults:
            return RIGHT
        parts = self._parts()
        total = sum(WEIGHTS.get(p, 1.0) for p in parts)
        lost = sum(WEIGHTS.get(p, 1.0) for p in {f.part for f in faults})
        shown = [p for p in parts if p in SHOWN]
        missed = {f.part for f in faults} & set(shown)
        # Words and scales are worth what the figure shows; an image without its aperture shows little of what is asked.
        worth = 1.0 if not missed else HALF_SHOWN if len(missed) < len(shown) else 0.0
        return Finding(max(0.0, min(0.999, worth * (1 - lost / total))), "; ".join(f.words for f in faults), "value")

    def _parts(self) -> list[str]:
        asked = {
            "data": self.series > 0,
            "image": self.image,
            "circles": self.circles > 0,
            "origin": self.image and bool(self.origin),
            "xlabel": bool(self.x_words or self.x_units),
            "ylabel": bool(self.y_words or self.y_units),
            "xscale": bool(self.x_scale),
            "yscale": bool(self.y_scale),
            "bar": bool(self.bar_units),
            "legend": bool(self.legend),
            "title": self.title,
        }
        return [part for part, wanted in asked.items() if wanted]

    def faults(self, answer: FigureData, expected: FigureData) -> list[Fault]:
        """Return what the best fitting axes of a figure lack, most important first."""
        wanted = _main_axes(expected)
        candidates = [ax for ax in answer.axes if isinstance(ax, dict) and not ax.get("colorbar")] or answer.axes
        found = [self._judge(ax, wanted, answer) for ax in candidates]
        return min(found, key=lambda faults: sum(WEIGHTS.get(f.part, 1.0) for f in faults))

    def _judge(self, ax: dict[str, Any], wanted: dict[str, Any], figure: FigureData) -> list[Fault]:
        faults = self._data(ax, wanted) if self.series else []
        faults += self._image(ax, wanted) if self.image else []
        faults += self._circles(ax, wanted) if self.circles else []
        x = (self.x_words, self.x_units, self.x_scale)
        y = (self.y_words, self.y_units, self.y_scale)
        axes = self._axes(ax, wanted, x, y)
        if any(f.words.startswith(EXCHANGED) for f in faults):
            # Labels and scales that went along with their data are no further faults.
            axes = min(axes, self._axes(ax, wanted, y, x), key=len)
        return faults + axes + self._words(ax, figure)

    def _axes(self, ax: dict[str, Any], wanted: dict[str, Any], x: tuple[Any, ...], y: tuple[Any, ...]) -> list[Fault]:
        """Return what labels and scales lack; `x` and `y` are the words, units and scale that are asked of each."""
        faults = []
        for axis, (words, units, scale), others in (("x", x, y[0]), ("y", y, x[0])):
            faults += _label(axis, str(ax.get(f"{axis}label", "")), words, units, others)
            if scale and ax.get(f"{axis}scale") not in (scale, "symlog" if scale == "log" else scale):
                if not (scale == "log" and self._in_logs(ax, wanted, axis)):
                    faults.append(
                        Fault(
                            f"{axis}scale",
                            f"the {axis} axis should be {_scale_word(scale)}; it is "
                            f"{_scale_word(str(ax.get(f'{axis}scale')))}",
                        )
                    )
        return faults

    def _words(self, ax: dict[str, Any], figure: FigureData) -> list[Fault]:
        faults = []
        labels = [str(i.get("label", "")) for i in ax.get("images", [])]
        # A hand-made colour bar is axes of its own that belong to no image.
        labels += [str(a.get(k, "")) for a in figure.axes if a.get("colorbar") for k in ("ylabel", "xlabel", "title")]
        labels.append(str(ax.get("title", "")))
        if self.bar_units and not any(_has(text, self.bar_units) for text in labels):
            faults.append(
                Fault("bar", f"neither the colour bar's label nor the title gives the unit ({self.bar_units[0]})")
            )
        texts = [*map(str, ax.get("legend", [])), str(ax.get("title", ""))]
        for word in self.legend:
            if not any(_has(text, (word,)) for text in texts):
                faults.append(Fault("legend", f"the legend does not name {word!r}", word))
        if self.title and not str(ax.get("title", "")).strip():
            faults.append(Fault("title", "the plot has no title"))
        return faults

    # ------------------------------------------------------------------------------------ data
    def _scaled(self, xy: np.ndarray, wanted: np.ndarray, ax: dict[str, Any]) -> np.ndarray:
        """Bring points to units of the tolerance; logarithms where the axis is asked logarithmic."""
        columns = []
        for k, (axis, scale) in enumerate((("x", self.x_scale), ("y", self.y_scale))):
            got, want = xy[:, k].astype(float), wanted[:, k].astype(float)
            if scale == "log" and (want > 0).all():
                got, want = ((got if self._in_logs_values(got, want, ax, axis) else _log10(got)), np.log10(want))
            span = float(np.ptp(want)) or float(np.abs(want).max()) or 1.0
            columns.append(got / (self.tolerance * span))
        return np.column_stack(columns)

    @staticmethod
    def _in_logs_values(got: np.ndarray, want: np.ndarray, ax: dict[str, Any], axis: str) -> bool:
        """Whether values on a linear axis are logarithms of the right ones rather than the values."""
        if ax.get(f"{axis}scale") == "log" or not len(got):
            return False
        middle = float(np.nanmedian(got)) if np.isfinite(got).any() else np.nan
        return abs(middle - np.median(np.log10(want))) < abs(middle - np.median(want))

    def _wanted(self, wanted: dict[str, Any]) -> list[np.ndarray]:
        """The series asked for, without points that a logarithmic axis cannot show."""
        found = []
        for series in _series(wanted)[: self.series]:
            shown = np.ones(len(series), bool)
            for k, scale in enumerate((self.x_scale, self.y_scale)):
                shown &= (series[:, k] > 0) | (scale != "log")
            found.append(series[shown])
        return found

    def _in_logs(self, ax: dict[str, Any], wanted: dict[str, Any], axis: str) -> bool:
        k = "xy".index(axis)
        series = self._wanted(wanted)
        return bool(series) and any(
            self._in_logs_values(s[:, k], series[0][:, k], ax, axis) and len(s) >= len(series[0])
            for s in _candidates(ax)
            if (series[0][:, k] > 0).all()
        )

    def _mismatch(self, got: np.ndarray, want: np.ndarray, ax: dict[str, Any]) -> float:
        """Share of the wanted points that are not shown, plus 1 for too many points; 0 where all is right."""
        a, b = self._scaled(got, want, ax), self._scaled(want, want, {"xscale": "log", "yscale": "log"})
        good = np.isfinite(a).all(axis=1)
        if not good.any():
            return 1.0
        # A square of the tolerance round each point: x and y are judged each on its own.
        distance = _nearest(a[good], b, p=np.inf)
        return float((distance > 1).mean()) + float(good.sum() > len(want) + self.extra)

    def _data(self, ax: dict[str, Any], wanted: dict[str, Any]) -> list[Fault]:
        candidates, faults = _candidates(ax), []
        kinds = [s for s in candidates if self._kind_fits(s, ax)]
        for k, want in enumerate(self._wanted(wanted)):
            which = self.noun if self.series == 1 else f"{self.noun} number {k + 1}"
            if not candidates:
                return [Fault("data", f"no {self.noun} is drawn", "none")]
            misses = [self._mismatch(s, want, ax) for s in candidates]
            if min(misses) > 0:
                best = candidates[int(np.argmin(misses))]
                faults.append(Fault("data", self._data_words(which, best, want), f"series {k}"))
            elif self.joined and all(self._mismatch(s, want, ax) > 0 for s in kinds):
                asked = "joined by a line" if self.joined == "line" else "drawn as points, not joined by a line"
                faults.append(Fault("data", f"the {which} should be {asked}", "style"))
        return faults

    def _kind_fits(self, series: np.ndarray, ax: dict[str, Any]) -> bool:
        if not self.joined:
            return True
        joined = [_xy(line) for line in ax.get("lines", []) if line.get("joined")]
        is_joined = any(
            j.shape == series.shape and np.array_equal(j, series)
            for j in (j[np.isfinite(j).all(axis=1)] for j in joined if j is not None)
        )
        return is_joined == (self.joined == "line")

    def _data_words(self, which: str, got: np.ndarray, want: np.ndarray) -> str:
        if len(got) != len(want) and not len(want) <= len(got) <= len(want) + self.extra:
            return f"the {which} should have {len(want)} points; the nearest that is drawn has {len(got)}"
        got = got[np.isfinite(got).all(axis=1)]
        if self.tolerance and len(got) and _same(got[:, ::-1], want):
            return f"{EXCHANGED}: x of the {which} is shown on the y axis"
        if len(got) != len(want):
            return f"the {which} {_agree(which, 'does', 'do')} not show the right points"
        order, right = np.argsort(got[:, 0], kind="stable"), np.argsort(want[:, 0], kind="stable")
        got, want = got[order], want[right]
        for k, axis in enumerate("xy"):
            good = want[:, k] != 0
            ratio = got[good, k] / want[good, k] if good.any() else np.array([np.nan])
            if np.ptp(ratio) < 1e-6 * abs(ratio.mean()) and abs(ratio.mean() - 1) > 1e-4:
                times = number_text(float(ratio.mean()), 4)
                return f"the {axis} values of the {which} are all {times} times the right ones"
        worst = int(np.argmax(np.abs(got[:, 1] - want[:, 1]) + np.abs(got[:, 0] - want[:, 0])))
        a, b = got[worst], want[worst]
        return (
            f"the {which} {_agree(which, 'shows', 'show')} ({number_text(a[0], 4)}, {number_text(a[1], 4)}) where "
            f"({number_text(b[0], 4)}, {number_text(b[1], 4)}) is right"
        )

    # ------------------------------------------------------------------------------------ pictures
    def _image(self, ax: dict[str, Any], wanted: dict[str, Any]) -> list[Fault]:
        want, shown = wanted["images"][0], ax.get("images", [])
        if not shown:
            return [Fault("image", "no image is shown in these axes", "none")]
        fits = [i for i in shown if tuple(i["shape"]) == tuple(want["shape"])]
        if not fits:
            shape = tuple(shown[0]["shape"])
            turned = shape == tuple(want["shape"])[::-1]
            return [
                Fault(
                    "image",
                    f"the image shown has shape {shape}; {tuple(want['shape'])} is right"
                    + (": its axes are exchanged" if turned else ""),
                    f"shape {turned}",
                )
            ]
        good = [i for i in fits if _same_picture(i["values"], want["values"])]
        if not good:
            return [Fault("image", f"the image shown is another one{_span(fits[0]['values'])}", "values")]
        if self.origin and all(i["origin"] != self.origin for i in good):
            return [Fault("origin", "row 0 of the image is shown at the top: y should grow upwards", "origin")]
        return []

    def _circles(self, ax: dict[str, Any], wanted: dict[str, Any]) -> list[Fault]:
        asked, found = _circles_of(wanted)[: self.circles], _circles_of(ax)
        if not len(found):
            single = [s[0] for s in _series(ax) if len(s) == 1]
            marked = any(np.hypot(*(s - (x, y))) < 1 for s in single for x, y, _ in asked)
            words = "no circle is drawn on the image (with its radius in pixels)"
            return [Fault("circles", words, "marker" if marked else "none")]
        for x, y, r in asked:
            off = np.abs(found - [x, y, r]).max(axis=1)
            if off.min() > self.circle_tolerance + 0.02 * r:
                gx, gy, gr = found[int(np.argmin(off))]
                got = f"({number_text(gx, 4)}, {number_text(gy, 4)}) with radius {number_text(gr, 4)}"
                return [
                    Fault(
                        "circles",
                        f"a circle is drawn at (x, y) = {got} where ({number_text(x, 4)}, "
                        f"{number_text(y, 4)}) with radius {number_text(r, 4)} is right",
                        "value",
                    )
                ]
        return []

    # ------------------------------------------------------------------------------------ likeness
    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`: the misconception's faults, with the same wrong data or circles; there may be further ones."""
        if not (isinstance(answer, FigureData) and isinstance(fingerprint, FigureData)):
            return False
        mine, faults = _kinds(self.faults(answer, expected)), self.faults(fingerprint, expected)
        theirs = _kinds(faults)
        # Where nothing is drawn, what else is wrong says nothing.
        nothing = {(part, "none") for part in SHOWN} & mine
        if not theirs or len(nothing) > 1 or not nothing <= theirs <= mine:
            return False
        parts = {f.part for f in faults if f.code not in ("none", "style", "marker")}
        if "circles" in parts and not self._same_circles(answer, fingerprint, expected):
            return False
        if ("image", "values") in theirs:
            if not _share_a_picture(answer, fingerprint):
                return False
        return "data" not in parts or self._same_data(answer, fingerprint, expected)

    def _same_circles(self, answer: FigureData, fingerprint: FigureData, expected: FigureData) -> bool:
        a, f, e = (np.vstack([_circles_of(ax) for ax in figure.axes]) for figure in (answer, fingerprint, expected))
        if not len(a) or not len(f):
            return False
        gap = np.abs(f[0] - e[0]).max()
        return bool(np.abs(a - f[0]).max(axis=1).min() <= max(0.15 * gap, 0.1 + 0.01 * f[0][2]))

    def _same_data(self, answer: FigureData, fingerprint: FigureData, expected: FigureData) -> bool:
        wanted = _series(_main_axes(expected))
        shown = [s for ax in answer.axes for s in _candidates(ax)]
        for series in (s for ax in fingerprint.axes for s in _series(ax)[: self.series]):
            if any(_same(series, w) for w in wanted):
                continue
            if not any(_same(s, series) or any(_same_flaw(s, series, w) for w in wanted) for s in shown):
                return False
        return True

    def faults_of(self, answer: Any, expected: Any) -> frozenset[Any]:
        """See `Comparator.faults_of`: the kinds of the figure's faults."""
        return frozenset(_kinds(self.faults(answer, expected)) if isinstance(answer, FigureData) else ())

    def same(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.same`: the first series are the same, and there are no further faults."""
        mine, its = ([s for ax in figure.axes for s in _series(ax)][:1] for figure in (answer, fingerprint))
        equal = all(_same(a, f) for a, f in zip(mine, its, strict=False))
        return equal and _kinds(self.faults(answer, expected)) == _kinds(self.faults(fingerprint, expected))


# ------------------------------------------------------------------------------------------------- reading
def _main_axes(figure: FigureData) -> dict[str, Any]:
    return next((ax for ax in figure.axes if not ax.get("colorbar")), figure.axes[0])


def _xy(series: dict[str, Any]) -> np.ndarray | None:
    x, y = np.ravel(np.asarray(series.get("x"), float)), np.ravel(np.asarray(series.get("y"), float))
    return np.column_stack([x, y]) if x.shape == y.shape and x.size else None


def _series(ax: dict[str, Any]) -> list[np.ndarray]:
    """The lines and point sets of axes, without points that are not finite."""
    found = [_xy(s) for s in (*ax.get("lines", []), *ax.get("points", []))]
    finite = [s[np.isfinite(s).all(axis=1)] for s in found if s is not None]
    return [s for s in finite if len(s)]


def _candidates(ax: dict[str, Any]) -> list[np.ndarray]:
    """The series of axes, and all its single points together (a plot made point by point in a loop)."""
    series = _series(ax)
    single = [s for s in series if len(s) == 1]
    return series + ([np.vstack(single)] if len(single) > 1 else [])


def _circles_of(ax: dict[str, Any]) -> np.ndarray:
    """Circles of axes as rows (x, y, radius): patches, and lines drawn round."""
    rows = [(p["x"], p["y"], p["radius"]) for p in ax.get("patches", []) if p.get("kind") == "circle"]
    rows += [
        c
        for s in (_xy(line) for line in ax.get("lines", []))
        if s is not None
        for c in [circle_of(s[:, 0], s[:, 1])]
        if c is not None
    ]
    return np.array(rows, dtype=float).reshape(-1, 3)


def _log10(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log10(values)


def _nearest(points: np.ndarray, wanted: np.ndarray, p: float = 2.0) -> np.ndarray:
    """Return how far from each wanted point the nearest one is."""
    # Not at the top: scipy.spatial takes a third of a second to import, and few processes look at a figure.
    from scipy.spatial import cKDTree

    return cKDTree(points).query(wanted, p=p)[0]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two sets of points are the same but for their order and the last digits."""
    if a.shape != b.shape:
        return False
    span = np.where(np.ptp(b, axis=0) > 0, np.ptp(b, axis=0), np.maximum(np.abs(b).max(axis=0), 1e-300))
    return bool((_nearest(a / span, b / span) < 1e-4).all())


def _same_flaw(got: np.ndarray, its: np.ndarray, right: np.ndarray) -> bool:
    """Whether two sets of points are wrong in one way: paired wrongly, right but for as many points more, or y values times a factor."""
    if all(np.isin(points[:, k], right[:, k]).all() for points in (got, its) for k in (0, 1)):
        return not any(_holds(right, points) for points in (got, its))
    if got.shape != its.shape:
        return False
    if len(its) > len(right):
        return all(_holds(points, right) for points in (got, its))
    if its.shape != right.shape:
        return False
    a, f, w = (points[np.argsort(points[:, 0], kind="stable")] for points in (got, its, right))
    with np.errstate(divide="ignore", invalid="ignore"):
        to_its, to_right = a[:, 1] / f[:, 1], a[:, 1] / w[:, 1]
    # A larger factor is a mistake of its own: natural logarithms are 2.3 times those to base 10.
    constant = np.ptp(to_its) < 1e-6 * abs(to_its[0]) and 0.5 < to_its[0] < 2
    return bool(np.allclose(a[:, 0], f[:, 0]) and constant and np.ptp(to_right) > 1e-3 * abs(to_right[0]))


def _holds(points: np.ndarray, right: np.ndarray) -> bool:
    """Whether all right points are among others."""
    span = np.where(np.ptp(right, axis=0) > 0, np.ptp(right, axis=0), 1.0)
    return bool((_nearest(points / span, right / span) < 1e-4).all())


def _kinds(faults: list[Fault]) -> set[tuple[str, str]]:
    """What is wrong; which one of two axes has the wrong scale is one kind."""
    scales = [f for f in faults if f.part in ("xscale", "yscale")]
    return {("scale" if f in scales and len(scales) == 1 else f.part, f.code) for f in faults}


def _share_a_picture(answer: FigureData, fingerprint: FigureData) -> bool:
    """Whether one of the images of a figure is the first image of another."""
    shown = [image for ax in answer.axes for image in ax.get("images", [])]
    return any(_same_picture(i["values"], f["values"]) for i in shown for f in _main_axes(fingerprint)["images"][:1])


def _span(shown: Any) -> str:
    """Say between which values an image lies."""
    finite = shown.values[np.isfinite(shown.values)] if isinstance(shown, Sample) else np.empty(0)
    if not finite.size:
        return ", without a finite value"
    return f": its values lie between {number_text(float(finite.min()), 4)} and {number_text(float(finite.max()), 4)}"


def _same_picture(got: Sample, want: Sample) -> bool:
    """Whether two images rise and fall together; stretches and clipping leave ranks alone."""
    # Not at the top: scipy.stats takes a third of a second to import, and few checks look at a picture.
    from scipy.stats import rankdata

    if not isinstance(got, Sample) or got.stride != want.stride or got.values.shape != want.values.shape:
        return False
    good = np.isfinite(got.values) & np.isfinite(want.values)
    if good.sum() < 0.3 * np.isfinite(want.values).sum() or good.sum() < 3:
        return False
    a, b = rankdata(got.values[good]), rankdata(want.values[good])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return bool(np.ptp(a) == np.ptp(b))
    return bool(np.corrcoef(a, b)[0, 1] >= SAME_PICTURE)


# ------------------------------------------------------------------------------------------------- words
def _agree(noun: str, singular: str, plural: str) -> str:
    """Return the form of a verb that goes with a noun: the curve shows, the stars show."""
    return plural if noun.endswith("s") else singular


def _plain_text(text: str) -> str:
    """A label without the marks of mathematical typesetting: an index is a word of its own, so that ``$F_{cat}$`` names "cat"."""
    font = r"\\(?:(?:math[a-z]+|text[a-z]*|operatorname|rm|bf|it|sf|left|right|q?quad)(?![A-Za-z])|[,;:!> ])"
    text = re.sub(rf"{font}|[_~]|\^(?=\{{?[A-Za-z\\])", " ", text)
    return re.sub(r"[${}^\\]", "", text)


def _has(text: str, words: tuple[str, ...]) -> bool:
    text = _plain_text(text)
    for word in words:
        flags = 0 if any(c.isupper() for c in word) else re.IGNORECASE
        if re.search(rf"(?<![A-Za-z]){re.escape(_plain_text(word))}(?:s|es)?(?![A-Za-z])", text, flags):
            return True
    return False


def _label(
    axis: str, text: str, words: tuple[str, ...], units: tuple[str, ...], others: tuple[str, ...]
) -> list[Fault]:
    if not (words or units):
        return []
    if not text.strip():
        return [Fault(f"{axis}label", f"the {axis} axis has no label", "none")]
    if words and not _has(text, words):
        return [
            Fault(
                f"{axis}label",
                f"the {axis} axis is labelled {text!r}, which does not name what it shows ({words[0]})",
                # A label that belongs on the other axis is another mistake than one that names neither.
                "other axis" if others and _has(text, others) else "word",
            )
        ]
    if units and not _has(text, units):
        if _has(text.lower(), tuple(unit.lower() for unit in units)):
            sentence = f"the {axis} axis' label {text!r} writes the unit {units[0]} with other capitals"
            return [Fault(f"{axis}label", sentence, "capitals")]
        return [Fault(f"{axis}label", f"the {axis} axis' label {text!r} does not give the unit ({units[0]})", "unit")]
    return []


def _scale_word(scale: str) -> str:
    return {"log": "logarithmic", "linear": "linear"}.get(scale, scale)
