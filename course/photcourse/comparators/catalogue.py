"""Comparators of sets of positions and of catalogues against known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from photcheck.comparators.base import RIGHT, Comparator, Finding, as_floats, fault, number_text
from photcheck.comparators.numbers import not_a
from photcheck.comparators.tables import column_of
from photcheck.matching import match_one_to_one


def how_many(things: Any, noun: str) -> str:
    """Return a number of things in words: ``"1 star"``, ``"3 stars"``."""
    return f"{np.size(things)} {noun}{'s' * (np.size(things) != 1)}"


@dataclass(frozen=True)
class PointSet(Comparator):
    """Positions given as ``(x_values, y_values)``, in any order, all of them and no others.

    `expected` is ``(x_values, y_values)``, or a dictionary with ``x``, ``y`` and, for positions that are right
    with or without, ``free_x`` and ``free_y``.

    Parameters
    ----------
    tolerance : float
        Largest distance in pixels between an answer and the right position.
    noun : str
        ``"peak"``, ``"star"``.
    """

    tolerance: float = 0.0
    noun: str = "peak"

    def from_positions(self) -> str:
        """See `photcheck.comparators.Comparator.from_positions`."""
        return "return x, y"

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`; of the truth, how much there is to find."""
        return (
            f"the positions of {how_many(value['x'], self.noun)}"
            if isinstance(value, dict)
            else super().describe(value)
        )

    def points(self, value: Any) -> np.ndarray | None:
        """Return an answer as an array of shape (n, 2), or None."""
        if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != 2:
            return None
        x, y = as_floats(value[0]), as_floats(value[1])
        if x is None or y is None or x.ndim > 1 or y.ndim > 1 or x.size != y.size:
            return None
        return np.column_stack([np.atleast_1d(x), np.atleast_1d(y)])

    def _expected(self, expected: Any) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(expected, dict):
            free = np.column_stack(
                [np.atleast_1d(expected.get("free_x", [])), np.atleast_1d(expected.get("free_y", []))]
            )
            return np.column_stack([np.atleast_1d(expected["x"]), np.atleast_1d(expected["y"])]).astype(float), free
        points = self.points(expected)
        assert points is not None
        return points, np.empty((0, 2))

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`: the positions, sorted by x and then y."""
        points = self._expected(value)[0] if isinstance(value, dict) else self.points(value)
        if points is None:
            return None
        order = np.lexsort((points[:, 1], points[:, 0]))
        return np.concatenate([[len(points)], points[order].ravel()])

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        got = self.points(answer)
        if got is None:
            return not_a("two sequences of equal length, x_values and y_values", answer)
        if not np.isfinite(got).all():
            return fault("some positions are not finite", "nan")
        want, free = self._expected(expected)
        radius = self.tolerance + 1e-6
        matched = match_one_to_one(got[:, 0], got[:, 1], want[:, 0], want[:, 1], radius)
        rest = np.delete(got, matched[matched >= 0], axis=0)
        allowed = match_one_to_one(rest[:, 0], rest[:, 1], free[:, 0], free[:, 1], radius)
        invented = np.delete(rest, allowed[allowed >= 0], axis=0)
        missed = want[matched < 0]
        if not len(missed) and not len(invented):
            return RIGHT
        return fault(self._words(got, want, missed, invented))

    def _words(self, got: np.ndarray, want: np.ndarray, missed: np.ndarray, invented: np.ndarray) -> str:
        parts = [f"{len(want)} {self.noun}{'s are' if len(want) != 1 else ' is'} right; you return {len(got)}"]
        for points, verb in ((missed, "missed"), (invented, "not asked for")):
            if len(points):
                shown = ", ".join(f"({number_text(px)}, {number_text(py)})" for px, py in points[:3])
                parts.append(
                    f"{len(points)} {verb}, such as (x, y) = {shown}"
                    if len(points) > 3
                    else f"{verb}: (x, y) = {shown}"
                )
        return "; ".join(parts)


#: Share that values keep which are near enough one by one, but off to the same side.
BIASED = 0.5
#: An answer with so many times the rows that there are sources takes noise for sources.
CROWDED = 5


def table_of_positions(x: str, y: str, columns: tuple[str, ...]) -> str:
    """Return code that makes a table of positions ``x`` and ``y``, with ones in the further columns."""
    ones = f"*[np.ones(len(x))] * {len(columns)}"
    return f"from astropy.table import Table\nreturn Table([x * 1.0, y * 1.0, {ones}], names={(x, y, *columns)!r})"


@dataclass(frozen=True)
class Catalogue(Comparator):
    """A table of sources, judged against known truth by completeness, purity, position and further columns.

    `expected` is a dictionary: ``x, y`` of the sources that must be found; optionally ``may_x, may_y`` of
    positions whose detection is neither asked nor wrong; and, for each name in `columns`, an array of true
    values in the order of ``x``, with ``sigma_<name>`` for those that are estimates, and ``use_<name>``
    (bool) for those of them that are graded.

    Parameters
    ----------
    x, y : str
        Names of the answer's position columns.
    radius : float
        Matching radius in pixels.
    completeness, purity : float
        Shares that are asked for.
    position : float
        Largest median distance of matched positions in pixels; 0 for not graded.
    columns : tuple of str
        Further columns that are graded.
    bias, outlier : tuple of float
        For each of `columns`: largest median of ``(answer - true) / scale``, and the value of
        ``|answer - true| / scale`` that at least 90 % must stay below; the scale is ``sigma_<name>``.
    parts : tuple of float
        How the points are split: completeness, purity, position, then each of `columns`. Completeness and purity multiply each
        other and everything else: a value is worth what the list is worth that it stands in.
    needed : tuple of str
        Those of `columns` without which the rest is worth nothing: they multiply too.
    noun : str
        ``"star"``.
    """

    x: str = "x"
    y: str = "y"
    radius: float = 1.0
    completeness: float = 0.9
    purity: float = 0.9
    position: float = 0.0
    columns: tuple[str, ...] = ()
    bias: tuple[float, ...] = ()
    outlier: tuple[float, ...] = ()
    parts: tuple[float, ...] = ()
    needed: tuple[str, ...] = ()
    noun: str = "star"

    def from_positions(self) -> str:
        """See `photcheck.comparators.Comparator.from_positions`."""
        return table_of_positions(self.x, self.y, self.columns)

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`; of the truth, how much there is to find."""
        if not isinstance(value, dict):
            return super().describe(value)
        columns = ", ".join((self.x, self.y, *self.columns))
        return (
            f"a table with columns {columns} and a row for each of {how_many(value['x'], self.noun)}"
            if len(value["x"])
            else f"an empty table with columns {columns}"
        )

    def _missing(self, table: Any) -> list[str]:
        return [n for n in (self.x, self.y, *self.columns) if n not in table.colnames]

    def _numbers(self, table: Any) -> dict[str, np.ndarray] | None:
        """The graded columns as floats, or None where one holds something else; an empty one holds nothing."""
        names = (self.x, self.y, *self.columns)
        if len(table) == 0:
            return {name: np.empty(0) for name in names}
        numbers = {name: column_of(table, name) for name in names}
        return None if any(c is None for c in numbers.values()) else {n: c for n, c in numbers.items() if c is not None}

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`; answers are catalogues, the truth is a dictionary.

        Two catalogues are alike where they lack the same columns, or where most rows of each are in the other, at
        the same places, with the same values. Sizes and numbers that a contract leaves free may differ a little.
        """
        if not hasattr(answer, "colnames") or not hasattr(fingerprint, "colnames"):
            return False
        if self._missing(answer) or self._missing(fingerprint):
            return self._missing(answer) == self._missing(fingerprint)
        a, f = self._numbers(answer), self._numbers(fingerprint)
        if a is None or f is None:
            return False
        if not len(answer) or not len(fingerprint):
            return len(answer) == len(fingerprint)
        return self._rows_alike(a, f, expected) or not self.columns and self._flaws_alike(a, f, expected)

    def _graded(self, expected: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which positions are judged at all."""
        return np.ones(len(x), bool)

    def _flaws_alike(self, a: dict[str, np.ndarray], f: dict[str, np.ndarray], expected: Any) -> bool:
        """Tell whether two catalogues miss the same sources, are off to the same side and hold the same things that are none.

        Rows that a contract leaves free (noise, crowds) differ from method to method and say nothing.
        """
        x_true, y_true = np.asarray(expected["x"], float), np.asarray(expected["y"], float)
        may_x, may_y = (np.asarray(expected.get(key, []), float) for key in ("may_x", "may_y"))
        # Wider than sources are matched when they are judged: a row that is a pixel off in x and in y is still its source's.
        reach = 1.5 * self.radius
        hits, offs, extras = [], [], []
        for table in (a, f):
            x, y = table[self.x], table[self.y]
            judged = np.isfinite(x) & np.isfinite(y)
            judged &= self._graded(expected, np.where(judged, x, -1e9), np.where(judged, y, -1e9))
            x, y = x[judged], y[judged]
            matched = match_one_to_one(x, y, x_true, y_true, reach)
            hit = matched >= 0
            off = np.column_stack([x[matched[hit]] - x_true[hit], y[matched[hit]] - y_true[hit]])
            hits.append(hit)
            offs.append(np.median(off, axis=0) if hit.any() else np.zeros(2))
            rest = ~_near(x, y, may_x, may_y, reach)
            rest[matched[hit]] = False
            extras.append(np.column_stack([x[rest], y[rest]]))
        few = [len(extra) <= (1 - self.purity) * max(1, hit.sum()) for extra, hit in zip(extras, hits, strict=True)]
        if len(x_true) < 3 or np.mean(hits[0] == hits[1]) < 0.85 or not (few[0] == few[1]):
            return False
        if all(few):
            # The same sources are missed, or all are off to one side: else nothing is known to be wrong.
            off_alike = np.hypot(*(offs[0] - offs[1])) <= 0.25 * self.radius
            return bool(off_alike and hits[1].any() and (not hits[1].all() or np.hypot(*offs[1]) > 0.25 * self.radius))
        one, other = extras
        shared = (match_one_to_one(one[:, 0], one[:, 1], other[:, 0], other[:, 1], self.radius) >= 0).sum()
        return bool(
            shared >= 0.75 * min(len(one), len(other)) and max(len(one), len(other)) <= 2 * min(len(one), len(other))
        )

    def _rows_alike(self, a: dict[str, np.ndarray], f: dict[str, np.ndarray], expected: Any) -> bool:
        if self._both_crowded(a, f, expected):
            # Where noise is taken for sources, what is measured of it hangs on every free choice: the sources tell.
            a, f = self._sources_in_both(a, f, expected)
        finite_a, finite_f = (np.isfinite(t[self.x]) & np.isfinite(t[self.y]) for t in (a, f))
        if abs(finite_a.mean() - finite_f.mean()) > 0.1 or abs(len(finite_a) - len(finite_f)) > 0.25 * len(finite_f):
            return False
        if not finite_f.any() or not finite_a.any():
            return bool(finite_a.any() == finite_f.any())
        a, f = ({n: c[ok] for n, c in t.items()} for t, ok in ((a, finite_a), (f, finite_f)))
        matched = match_one_to_one(a[self.x], a[self.y], f[self.x], f[self.y], self.radius)
        hit = matched >= 0
        if hit.sum() < 0.75 * max(len(a[self.x]), len(f[self.x])):
            return False
        distance = np.hypot(a[self.x][matched[hit]] - f[self.x][hit], a[self.y][matched[hit]] - f[self.y][hit])
        # A tenth of the matching radius: the scatter of positions between the choices that contracts leave free.
        if np.median(distance) > 0.1 * self.radius:
            return False
        return all(
            self._values_alike(n, a[n][matched[hit]], f[n][hit], f[self.x][hit], f[self.y][hit], expected)
            for n in self.columns
        )

    def _both_crowded(self, a: dict[str, np.ndarray], f: dict[str, np.ndarray], expected: Any) -> bool:
        """Tell whether two catalogues have about as many rows, and `CROWDED` times as many as there are sources."""
        there, its = len(a[self.x]), len(f[self.x])
        sources = len(expected["x"]) + len(expected.get("may_x", []))
        return bool(sources and there > CROWDED * sources and abs(there - its) <= 0.02 * its)

    def _sources_in_both(
        self, a: dict[str, np.ndarray], f: dict[str, np.ndarray], expected: Any
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the rows of two catalogues that are sources of the truth."""
        x_true, y_true = (np.asarray(expected[axis], float) for axis in "xy")
        kept = []
        for t in (a, f):
            matched = match_one_to_one(t[self.x], t[self.y], x_true, y_true, self.radius)
            kept.append({name: values[matched[matched >= 0]] for name, values in t.items()})
        return kept[0], kept[1]

    def _values_alike(
        self, name: str, a: np.ndarray, f: np.ndarray, x: np.ndarray, y: np.ndarray, expected: Any
    ) -> bool:
        """Compare a column in the rows that are graded for it, where the mistake leaves any in place."""
        use = np.asarray(expected.get(f"use_{name}", np.ones(len(expected["x"]), bool)), bool)
        graded = match_one_to_one(
            x, y, np.asarray(expected["x"], float)[use], np.asarray(expected["y"], float)[use], self.radius
        )
        rows = graded[graded >= 0] if (graded >= 0).any() else np.arange(len(a))
        good = np.isfinite(a[rows]) & np.isfinite(f[rows])
        if not good.any():
            return bool((np.isnan(a[rows]) == np.isnan(f[rows])).all())
        allowed = 0.03 * np.median(np.abs(f[rows][good]))
        if (graded >= 0).any():
            # What contracts leave free (how large a cut-out) moves a value, but by little beside the mistake; where that leaves
            # the value right, any right one will do.
            true, sigma = (np.asarray(expected[key], float)[use][graded >= 0][good] for key in (name, f"sigma_{name}"))
            gap, free = (
                float(np.median(np.abs(f[rows][good] - true))),
                self.bias[self.columns.index(name)] * float(np.median(sigma)),
            )
            allowed = max(allowed, free if gap <= free else 0.25 * gap)
        return bool(np.median(np.abs(a[rows][good] - f[rows][good])) <= allowed + 1e-9)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        if not hasattr(answer, "colnames"):
            return not_a(f"a table with columns {', '.join((self.x, self.y, *self.columns))}", answer)
        missing = self._missing(answer)
        if {self.x, self.y} & set(missing):
            return fault(
                f"the table lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                f"it has {', '.join(answer.colnames[:12]) or 'none'}",
                "columns",
            )
        x, y = (np.empty(0) if not len(answer) else column_of(answer, name) for name in (self.x, self.y))
        if x is None or y is None:
            return fault(f"the columns {self.x}, {self.y} do not all hold numbers", "type")
        symptoms, scores = self._judge(answer, expected, x, y)
        if all(s >= 1 for s in scores):
            return RIGHT
        weights = np.array(self.parts or (1.0,) * len(scores))
        shares = dict(zip(self.columns, scores[3:], strict=True))
        worth = scores[0] * scores[1] * float(np.prod([shares[name] for name in self.needed]))
        score = worth * float((weights * [1.0, 1.0, *scores[2:]]).sum() / weights.sum())
        if missing:
            symptoms.insert(0, f"the table lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
        return Finding(min(score, 0.999), "; ".join(symptoms), "columns" if missing else "value")

    def _judge(self, answer: Any, expected: Any, x: np.ndarray, y: np.ndarray) -> tuple[list[str], list[float]]:
        x_true, y_true = np.asarray(expected["x"], float), np.asarray(expected["y"], float)
        finite = np.isfinite(x) & np.isfinite(y)
        matched = match_one_to_one(np.where(finite, x, -1e9), np.where(finite, y, -1e9), x_true, y_true, self.radius)
        hit = matched >= 0
        symptoms: list[str] = []
        scores = [self._completeness(hit, symptoms), self._purity(expected, x, y, finite, matched, symptoms)]
        off = np.column_stack([x[matched[hit]] - x_true[hit], y[matched[hit]] - y_true[hit]])
        scores.append(self._position(off, hit, symptoms))
        for k, name in enumerate(self.columns):
            scores.append(self._column(k, name, answer, expected, matched, hit, symptoms))
        return symptoms, scores

    def _position(self, off: np.ndarray, hit: np.ndarray, symptoms: list[str]) -> float:
        if not len(hit):
            return 1.0
        if not hit.any():
            return 0.0
        distance = float(np.median(np.hypot(*off.T)))
        if self.position > 0 and distance > self.position:
            common = np.median(off, axis=0)
            # Noise scatters to all sides; what all positions share is a mistake.
            bias = (
                f", to the same side everywhere, (dx, dy) = ({common[0]:.2f}, {common[1]:.2f}): a bias, not noise"
                if np.hypot(*common) > 0.7 * distance
                else ""
            )
            symptoms.append(
                f"positions are off by {number_text(distance, 3)} pixel in the median; {number_text(self.position, 3)} is allowed{bias}"
            )
            return 0.0
        return min(1.0, float(hit.mean()) / self.completeness)

    def _completeness(self, hit: np.ndarray, symptoms: list[str]) -> float:
        if not len(hit) or hit.mean() >= self.completeness:
            return 1.0
        symptoms.append(
            f"{int(hit.sum())} of {how_many(hit, self.noun)} {'is' if hit.sum() == 1 else 'are'} found; {self.completeness:.0%} are asked for"
        )
        return float(hit.mean() / self.completeness)

    def _purity(
        self, expected: Any, x: np.ndarray, y: np.ndarray, finite: np.ndarray, matched: np.ndarray, symptoms: list[str]
    ) -> float:
        if not len(x):
            # An empty catalogue invents nothing, but earns nothing for it where there was something to find.
            return 1.0 if not len(matched) else 0.0
        rest = np.ones(len(x), bool)
        rest[matched[matched >= 0]] = False
        may_x, may_y = np.asarray(expected.get("may_x", []), float), np.asarray(expected.get("may_y", []), float)
        rest &= ~_near(np.where(finite, x, -1e9), np.where(finite, y, -1e9), may_x, may_y, self.radius)
        pure = 1.0 - float(rest.mean())
        if pure >= self.purity:
            return 1.0
        symptoms.append(
            f"{int(rest.sum())} of your {how_many(x, 'row')} "
            + (
                f"is no {self.noun} (or is counted twice)"
                if rest.sum() == 1
                else f"are no {self.noun}s (or are counted twice)"
            )
        )
        return max(0.0, pure / self.purity)

    def _column(
        self, k: int, name: str, answer: Any, expected: Any, matched: np.ndarray, hit: np.ndarray, symptoms: list[str]
    ) -> float:
        if name not in answer.colnames:
            # Of an empty table too: whatever uses it next asks for its columns.
            return 0.0
        true, sigma = np.asarray(expected[name], float), np.asarray(expected[f"sigma_{name}"], float)
        asked = np.asarray(expected.get(f"use_{name}", np.ones(len(true), bool)), bool)
        use = hit & asked
        if not use.any():
            return 0.0 if asked.any() else 1.0
        values = column_of(answer, name)
        if values is None:
            symptoms.append(f"the column {name} does not hold numbers")
            return 0.0
        got = values[matched[use]]
        finite = np.isfinite(got)
        found = min(1.0, float(use.sum()) / (self.completeness * asked.sum()))
        if not finite.all():
            symptoms.append(f"the column {name} has values that are not finite")
        if not finite.any():
            return 0.0
        pull = ((got - true[use]) / sigma[use])[finite]
        bias, inside = float(np.median(pull)), float(np.mean(np.abs(pull) <= self.outlier[k]))
        if abs(bias) <= self.bias[k] and inside >= 0.9:
            return found * float(finite.mean())
        symptoms.append(
            self._column_text(name, bias, inside, float(np.median(got[finite])), float(np.median(true[use][finite])), k)
        )
        # By star; what is off for all stars in the same way is worth less.
        return found * float(finite.mean()) * inside * (1.0 if abs(bias) <= self.bias[k] else BIASED)

    def _column_text(self, name: str, bias: float, inside: float, got: float, true: float, k: int) -> str:
        if abs(bias) <= self.bias[k]:
            return (
                f"{1 - inside:.0%} of the values of {name} are more than {number_text(self.outlier[k], 2)} sigma off, "
                "though the median is right"
            )
        factor = f", {number_text(got / true, 4)} times the truth" if true else ""
        return (
            f"{name} is {number_text(abs(bias), 2)} sigma too {'low' if bias < 0 else 'high'} in the median: a bias, not noise"
            f" ({number_text(got, 4)} where {number_text(true, 4)} is right{factor})"
        )


def _near(x: np.ndarray, y: np.ndarray, other_x: np.ndarray, other_y: np.ndarray, radius: float) -> np.ndarray:
    """Tell which positions have one of the others within a radius."""
    if not len(x) or not len(other_x):
        return np.zeros(len(x), bool)
    return np.asarray(cKDTree(np.column_stack([other_x, other_y])).query(np.column_stack([x, y]))[0] <= radius)
