"""Comparators of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, as_floats, brief, fault
from photcheck.comparators.numbers import ArrayClose, not_a, sigma_text


def column_of(table: Any, name: str) -> np.ndarray | None:
    """Return a table's column as floats, or None where it is missing or no numbers."""
    if name not in table.colnames:
        return None
    floats = as_floats(table[name])
    return None if floats is None else floats.ravel()


@dataclass(frozen=True)
class TableClose(Comparator):
    """A table, row by row, on the columns that the contract names; further columns are free.

    Parameters
    ----------
    columns : tuple of str
        Names that must be there.
    rtols, atols : tuple of float
        Tolerances, one per column; of several choices that a contract leaves free use `OneOf`.
    units : tuple of str
        For the words, one per column.
    weights : tuple of float
        What each column is worth; by default all are worth the same.
    sort_by : str
        Where given, rows may come in any order and both tables are sorted by this column first.
    """

    columns: tuple[str, ...] = ()
    rtols: tuple[float, ...] = ()
    atols: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    sort_by: str = ""
    weights: tuple[float, ...] = ()

    def _sorted(self, table: Any) -> dict[str, np.ndarray] | None:
        columns = {name: column_of(table, name) for name in (*self.columns, *([self.sort_by] if self.sort_by else []))}
        there = {name: column for name, column in columns.items() if column is not None}
        if len(there) < len(columns):
            return None
        order = np.argsort(there[self.sort_by]) if self.sort_by else slice(None)
        return {name: column[order] for name, column in there.items()}

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        if not hasattr(value, "colnames"):
            return None
        columns = self._sorted(value)
        return None if columns is None else np.concatenate([columns[n] for n in self.columns])

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`; `values` are the columns one after the other."""
        rows = values.size // max(1, len(self.columns))
        rtols, atols = (np.repeat(np.asarray(t or (0.0,) * len(self.columns)), rows) for t in (self.rtols, self.atols))
        return atols + rtols * np.abs(values)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        if not hasattr(answer, "colnames"):
            return not_a(f"a table with columns {', '.join(self.columns)}", answer)
        missing = [n for n in self.columns if n not in answer.colnames]
        lacks = (
            (
                f"the table lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                f"it has {', '.join(answer.colnames[:12]) or 'none'}"
            )
            if missing
            else ""
        )
        if len(missing) == len(self.columns) or self.sort_by in missing:
            return fault(lacks, "columns")
        if len(answer) != len(expected):
            return fault(
                f"the table should have {len(expected)} row{'s' * (len(expected) != 1)}; it has {len(answer)}", "rows"
            )
        found = {
            name: self._column(i, name, answer, expected, named)
            for i, name in enumerate(self.columns)
            if name not in missing
        }
        if not missing and all(f.ok for f in found.values()):
            return RIGHT
        weights = dict(zip(self.columns, self.weights or (1.0,) * len(self.columns), strict=True))
        score = sum(weights[name] * f.score for name, f in found.items()) / sum(weights.values())
        first = Finding(0.0, lacks, "columns") if missing else next(f for f in found.values() if not f.ok)
        # A table without rows has right columns for nothing.
        return Finding(min(score, 0.999) if len(expected) else 0.0, first.symptom, first.kind)

    def _column(self, i: int, name: str, answer: Any, expected: Any, named: dict[str, Any] | None) -> Finding:
        got, want = column_of(answer, name), column_of(expected, name)
        assert want is not None
        if got is None:
            return fault(f"the column {name} holds something else than numbers: {brief(answer[name])}", "type")
        if self.sort_by:
            keys = [column_of(table, self.sort_by) for table in (answer, expected)]
            if keys[0] is None or keys[1] is None:
                return fault(f"the column {self.sort_by} holds something else than numbers", "type")
            got, want = got[np.argsort(keys[0])], want[np.argsort(keys[1])]
        one = ArrayClose(
            self.rtols[i] if self.rtols else 0.0,
            self.atols[i] if self.atols else 0.0,
            self.units[i] if self.units else "",
            f"column {name}",
        )
        return one.compare(got, want, named)


@dataclass(frozen=True)
class MeasuredTable(TableClose):
    """A table whose columns are measurements on noisy data: what is off is told in sigma too.

    Parameters
    ----------
    sigmas : tuple of float
        One standard deviation of each column's numbers, in the order of `columns`; 0 for a closed formula.
    """

    sigmas: tuple[float, ...] = ()

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        finding = super().compare(answer, expected, named)
        if finding.kind != "value":
            return finding
        got, want = self._sorted(answer), self._sorted(expected)
        name = next((n for n in self.columns if f"the column {n} " in finding.symptom), "")
        sigma = self.sigmas[self.columns.index(name)] if name and self.sigmas else 0.0
        if sigma <= 0 or got is None or want is None:
            return finding
        off = (got[name] - want[name]) / sigma
        words = sigma_text(float(off[np.nanargmax(np.abs(off))]))
        return fault(f"{finding.symptom}, {'at worst ' if off.size > 1 else ''}{words}", score=finding.score)
