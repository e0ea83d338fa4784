"""Comparators of source finding and field photometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, as_floats, fault, nearness
from photcheck.comparators.numbers import Number, not_a
from photcheck.comparators.tables import TableClose, column_of
from photcheck.matching import match_one_to_one
from photcourse.comparators.catalogue import Catalogue


def _lacks_the_same(answer: Any, fingerprint: Any, columns: tuple[str, ...]) -> bool | None:
    """Tell whether two invalid tables are wrong in the same way; None where both are valid."""
    if answer is None or fingerprint is None:
        return answer is fingerprint
    if not hasattr(answer, "colnames") or not hasattr(fingerprint, "colnames"):
        return False
    missing = [{c for c in columns if c not in table.colnames} for table in (answer, fingerprint)]
    if not any(missing):
        return None
    # The names that stand in their place must be there too: other wrong names are another mistake.
    plain = {name.replace("_", "") for name in missing[1]}
    instead = {c for c in fingerprint.colnames if c.replace("_", "") in plain}
    # Where they are named alike, how many rows there are is another matter.
    return (
        missing[0] == missing[1]
        and instead <= set(answer.colnames)
        and (bool(instead) or len(answer) == len(fingerprint))
    )


@dataclass(frozen=True)
class StarCatalogue(Catalogue):
    """A catalogue of positions against truth, as `Catalogue`; mistakes are told apart by the positions.

    `expected` may also hold ``free_x, free_y, free_r``: circles in which nothing is judged, such as the surroundings
    of a saturated star or a crowd.

    Parameters
    ----------
    x, y : str
        The names that photutils 3 uses.
    likeness : float
        Distance in pixels within which a position counts as the one that a misconception gives.
    """

    x: str = "x_centroid"
    y: str = "y_centroid"
    likeness: float = 0.6

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`: nine tenths of the positions are shared, one to one."""
        invalid = _lacks_the_same(answer, fingerprint, (self.x, self.y))
        if invalid is not None:
            return invalid
        a, f = (self._positions(table) for table in (answer, fingerprint))
        if a is None or f is None:
            return False
        if not len(a) or not len(f):
            return len(a) == len(f)
        shared = (match_one_to_one(*a.T, *f.T, self.likeness) >= 0).sum()
        if shared >= 0.9 * max(len(a), len(f)):
            return True
        return self._flaws_alike({self.x: a[:, 0], self.y: a[:, 1]}, {self.x: f[:, 0], self.y: f[:, 1]}, expected)

    def _judge(self, answer: Any, expected: Any, x: np.ndarray, y: np.ndarray) -> tuple[list[str], list[float]]:
        judged = self._graded(expected, x, y)
        return super()._judge(answer, expected, x[judged], y[judged])

    def _graded(self, expected: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """See `Catalogue._graded`: nothing is judged in the free circles, but at the sources that are asked for."""
        judged = np.ones(len(x), bool)
        if len(expected.get("free_x", ())):
            away = np.hypot(x[:, None] - np.asarray(expected["free_x"]), y[:, None] - np.asarray(expected["free_y"]))
            judged = ~(away <= np.asarray(expected["free_r"])).any(axis=1)
        if not judged.all() and len(expected["x"]):
            asked = np.hypot(x[:, None] - np.asarray(expected["x"]), y[:, None] - np.asarray(expected["y"]))
            judged |= (asked <= self.radius).any(axis=1)
        return judged

    def _positions(self, table: Any) -> np.ndarray | None:
        x, y = column_of(table, self.x), column_of(table, self.y)
        return None if x is None or y is None else np.column_stack([x, y])


@dataclass(frozen=True)
class RowsClose(TableClose):
    """A table row by row, as `TableClose`, that also recognises tables of other lengths and names.

    Parameters
    ----------
    noun : str
        What a row is, for the words: ``"star"``.
    """

    noun: str = "row"

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        finding = super().compare(answer, expected, named)
        if finding.kind == "rows":
            difference = len(answer) - len(expected)
            words = f"{abs(difference)} {self.noun}{'s' if abs(difference) != 1 else ''}"
            return fault(f"{finding.symptom}: {words} too {'many' if difference > 0 else 'few'}")
        return finding

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        invalid = _lacks_the_same(answer, fingerprint, self.columns)
        if invalid is not None:
            return invalid
        if len(answer) != len(fingerprint):
            return False
        if not len(answer):
            return True
        return all(self._column_alike(name, answer, fingerprint, expected) for name in self.columns)

    def _column_alike(self, name: str, answer: Any, fingerprint: Any, expected: Any) -> bool:
        a, f = column_of(answer, name), column_of(fingerprint, name)
        if a is None or f is None:
            return False
        gap = np.abs(f - column_of(expected, name)) if len(expected) == len(f) else np.zeros(len(f))
        k = self.columns.index(name)
        free = (self.rtols[k] if self.rtols else 0) * np.abs(f) + (self.atols[k] if self.atols else 0)
        with np.errstate(invalid="ignore"):
            near = np.abs(a - f) <= nearness(f, gap, free)
        return bool((near | (np.isnan(a) & np.isnan(f))).all())


@dataclass(frozen=True)
class ValueWithError(Comparator):
    """Two numbers or two arrays of equal length: a value and its error; NaN is asked where NaN is expected.

    Parameters
    ----------
    names : (str, str)
        For the words.
    atol, rtol : float
        Tolerances of the value (absolute) and of the error (relative).
    unit : str
        Of both.
    """

    names: tuple[str, ...] = ("mag", "mag_error")
    atol: float = 1e-4
    rtol: float = 2e-3
    unit: str = "mag"

    def _pair(self, value: Any) -> tuple[np.ndarray, np.ndarray] | None:
        if isinstance(value, np.ndarray) and value.ndim >= 1 and len(value) == 2:
            value = (value[0], value[1])
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            return None
        parts = [as_floats(v) for v in value]
        if parts[0] is None or parts[1] is None:
            return None
        # One number in an array is one number.
        return parts[0].ravel(), parts[1].ravel()

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        pair = self._pair(value)
        return None if pair is None else np.concatenate(pair)

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`: first the values, then their errors."""
        first = np.arange(values.size) < values.size // 2
        return np.where(first, self.atol, self.rtol * np.abs(values))

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        got, want = self._pair(answer), self._pair(expected)
        assert want is not None
        if got is None:
            return not_a(f"two answers ({', '.join(self.names)})", answer)
        for name, g, w in zip(self.names, got, want, strict=True):
            if g.shape != w.shape:
                words = "one number" if w.size == 1 else f"{w.size} numbers"
                return fault(f"{name} should hold {words}; it holds {g.size}", "shape")
        tolerances: tuple[dict[str, Any], ...] = ({"atol": self.atol, "rtol": 0.0}, {"atol": 1e-9, "rtol": self.rtol})
        found = [
            self._judge(name, g, w, tolerance)
            for name, g, w, tolerance in zip(self.names, got, want, tolerances, strict=True)
        ]
        off = [f for f in found if not f.ok]
        return Finding((2 - len(off)) / 2, off[0].symptom, off[0].kind) if off else RIGHT

    def _judge(self, name: str, got: np.ndarray, want: np.ndarray, tolerance: dict[str, Any]) -> Finding:
        for k, (g, w) in enumerate(zip(got, want, strict=True)):
            if np.isnan(w) and not np.isnan(g):
                where = f" [{k}]" if got.size > 1 else ""
                return fault(f"{name}{where} should be NaN, because the flux is not positive; it is {g:.6g}")
            if np.isnan(g) and not np.isnan(w):
                return fault(f"{name} is NaN where {w:.6g} is right", "nan")
            finding = Number(unit=self.unit, name=name, **tolerance).compare(float(g), float(w))
            if not finding.ok:
                return finding
        return RIGHT
