"""Comparators of sets of positions and of catalogues against known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from photcourse.check.comparators.base import RIGHT, Comparator, Finding, as_floats, number_text, wrong
from photcourse.check.comparators.numbers import not_a
from photcourse.check.comparators.tables import column_of


def match_one_to_one(x: np.ndarray, y: np.ndarray, x_true: np.ndarray, y_true: np.ndarray, radius: float) -> np.ndarray:
    """Match each true position with at most one found position, nearest pairs first.

    Returns
    -------
    ndarray of int, shape (n_true,)
        Index of the found position, -1 where there is none within `radius` pixels.
    """
    matched = np.full(len(x_true), -1)
    if len(x) == 0 or len(x_true) == 0:
        return matched
    found, true = cKDTree(np.column_stack([x, y])), cKDTree(np.column_stack([x_true, y_true]))
    pairs = true.sparse_distance_matrix(found, radius, output_type="ndarray")
    used: set[int] = set()
    for distance_index in np.argsort(pairs["v"], kind="stable"):
        i, j = int(pairs["i"][distance_index]), int(pairs["j"][distance_index])
        if matched[i] < 0 and j not in used:
            matched[i] = j
            used.add(j)
    return matched


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
            free = np.column_stack([np.atleast_1d(expected.get("free_x", [])), np.atleast_1d(expected.get("free_y", []))])
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
            return wrong("some positions are not finite", "nan")
        want, free = self._expected(expected)
        radius = self.tolerance + 1e-6
        matched = match_one_to_one(got[:, 0], got[:, 1], want[:, 0], want[:, 1], radius)
        rest = np.delete(got, matched[matched >= 0], axis=0)
        allowed = match_one_to_one(rest[:, 0], rest[:, 1], free[:, 0], free[:, 1], radius)
        invented = np.delete(rest, allowed[allowed >= 0], axis=0)
        missed = want[matched < 0]
        if not len(missed) and not len(invented):
            return RIGHT
        return wrong(self._words(got, want, missed, invented))

    def _words(self, got: np.ndarray, want: np.ndarray, missed: np.ndarray, invented: np.ndarray) -> str:
        parts = [f"{len(want)} {self.noun}{'s are' if len(want) != 1 else ' is'} right; you return {len(got)}"]
        for points, verb in ((missed, "missed"), (invented, "not asked for")):
            if len(points):
                shown = ", ".join(f"({number_text(px)}, {number_text(py)})" for px, py in points[:3])
                parts.append(f"{len(points)} {verb}, such as (x, y) = {shown}" if len(points) > 3 else f"{verb}: (x, y) = {shown}")
        return "; ".join(parts)


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
        How the points are split: completeness, purity, position, then each of `columns`.
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
    noun: str = "star"

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`: counts, then the columns summed, which is enough to tell mistakes apart."""
        if not hasattr(value, "colnames"):
            return None
        sums = [float(len(value))]
        for name in (self.x, self.y, *self.columns):
            column = column_of(value, name)
            if column is None:
                return None
            sums.append(float(np.nansum(column)))
            sums.append(float(np.nanmedian(column)) if np.isfinite(column).any() else 0.0)
        return np.array(sums)

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`; answers are catalogues, the truth is a dictionary."""
        a, f = self.vector(answer), self.vector(fingerprint)
        if a is None or f is None:
            return False
        close = np.abs(a - f) <= 0.01 * np.abs(f) + 1e-6
        return bool(close[:1].all() and close.mean() >= 0.85)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        if not hasattr(answer, "colnames"):
            return not_a(f"a table with columns {', '.join((self.x, self.y, *self.columns))}", answer)
        missing = [n for n in (self.x, self.y, *self.columns) if n not in answer.colnames]
        if missing:
            return wrong(f"the table lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                         f"it has {', '.join(answer.colnames[:12]) or 'none'}", "columns")
        x, y = column_of(answer, self.x), column_of(answer, self.y)
        if x is None or y is None:
            return wrong("the position columns do not hold numbers", "type")
        symptoms, scores = self._judge(answer, expected, x, y)
        weights = np.array(self.parts or (1.0,) * len(scores))
        score = float((weights * scores).sum() / weights.sum())
        if all(s >= 1 for s in scores):
            return RIGHT
        return Finding(min(score, 0.999), "; ".join(symptoms), "value")

    def _judge(self, answer: Any, expected: Any, x: np.ndarray, y: np.ndarray) -> tuple[list[str], list[float]]:
        x_true, y_true = np.asarray(expected["x"], float), np.asarray(expected["y"], float)
        finite = np.isfinite(x) & np.isfinite(y)
        matched = match_one_to_one(np.where(finite, x, -1e9), np.where(finite, y, -1e9), x_true, y_true, self.radius)
        hit = matched >= 0
        symptoms: list[str] = []
        scores = [self._completeness(hit, symptoms), self._purity(expected, x, y, finite, matched, symptoms)]
        distance = np.hypot(x[matched[hit]] - x_true[hit], y[matched[hit]] - y_true[hit])
        if self.position > 0:
            good = hit.any() and float(np.median(distance)) <= self.position
            if hit.any() and not good:
                symptoms.append(f"positions are off by {number_text(float(np.median(distance)), 3)} pixel in the median")
            scores.append(float(good) * min(1.0, hit.mean() / self.completeness))
        else:
            scores.append(1.0 if hit.any() or not len(hit) else 0.0)
        for k, name in enumerate(self.columns):
            scores.append(self._column(k, name, answer, expected, matched, hit, symptoms))
        return symptoms, scores

    def _completeness(self, hit: np.ndarray, symptoms: list[str]) -> float:
        if not len(hit) or hit.mean() >= self.completeness:
            return 1.0
        symptoms.append(f"{int(hit.sum())} of {len(hit)} {self.noun}s are found; {self.completeness:.0%} are asked for")
        return float(hit.mean() / self.completeness)

    def _purity(self, expected: Any, x: np.ndarray, y: np.ndarray, finite: np.ndarray, matched: np.ndarray,
                symptoms: list[str]) -> float:
        if not len(x):
            # An empty catalogue invents nothing, but earns nothing for it where there was something to find.
            return 1.0 if not len(matched) else 0.0
        rest = np.ones(len(x), bool)
        rest[matched[matched >= 0]] = False
        may_x, may_y = np.asarray(expected.get("may_x", []), float), np.asarray(expected.get("may_y", []), float)
        if len(may_x):
            allowed = cKDTree(np.column_stack([may_x, may_y]))
            near = allowed.query(np.column_stack([np.where(finite, x, -1e9), np.where(finite, y, -1e9)]))[0] <= self.radius
            rest &= ~near
        pure = 1.0 - float(rest.mean())
        if pure >= self.purity:
            return 1.0
        symptoms.append(f"{int(rest.sum())} of your {len(x)} rows are no {self.noun}s (or are counted twice)")
        return max(0.0, pure / self.purity)

    def _column(self, k: int, name: str, answer: Any, expected: Any, matched: np.ndarray, hit: np.ndarray,
                symptoms: list[str]) -> float:
        true, sigma = np.asarray(expected[name], float), np.asarray(expected[f"sigma_{name}"], float)
        use = hit & np.asarray(expected.get(f"use_{name}", np.ones(len(true), bool)), bool)
        values = column_of(answer, name)
        if values is None:
            symptoms.append(f"the column {name} does not hold numbers")
            return 0.0
        if not use.any():
            return 1.0 if not len(true) else 0.0
        got = values[matched[use]]
        if not np.isfinite(got).all():
            symptoms.append(f"the column {name} has values that are not finite")
            return 0.0
        pull = (got - true[use]) / sigma[use]
        bias, inside = float(np.median(pull)), float(np.mean(np.abs(pull) <= self.outlier[k]))
        if abs(bias) <= self.bias[k] and inside >= 0.9:
            return min(1.0, use.sum() / (self.completeness * max(1, np.sum(expected.get(f"use_{name}", hit | True)))))
        ratio = float(np.median(got / true[use])) if (true[use] != 0).all() else float("nan")
        symptoms.append(f"{name} is {number_text(abs(bias), 2)} sigma {'low' if bias < 0 else 'high'} in the median"
                        f" ({number_text(ratio, 4)} times the truth)")
        return 0.0
