"""Comparator of the challenge: a catalogue on a scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, brief, fault, number_text
from photcheck.comparators.numbers import not_a
from photcourse.comparators.catalogue import how_many, table_of_positions


@dataclass(frozen=True)
class Challenge(Comparator):
    """A catalogue of a crowded field on the scale of `photcourse.challenge`; `expected` is the truth as a dictionary."""

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`: how many rows, and sums that tell one method from another."""
        from photcourse.challenge import columns_of

        got = columns_of(value)
        if got is None:
            return None
        sums = [float(np.nansum(got[n])) for n in ("x", "y", "flux", "flux_err")]
        return np.array([float(len(got["x"])), *sums])

    def from_positions(self) -> str:
        """See `Comparator.from_positions`."""
        return table_of_positions("x", "y", ("flux", "flux_err"))

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`; of the truth, how much there is to find."""
        if not isinstance(value, dict):
            return super().describe(value)
        return f"a table with columns x, y, flux, flux_err of a field with {how_many(value['x'], 'star')}"

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        a, f = self.vector(answer), self.vector(fingerprint)
        return a is not None and f is not None and bool(np.allclose(a, f, rtol=2e-3, atol=1e-6))

    def figures(self, answer: Any, expected: Any, seconds: float = 0.0) -> dict[str, float]:
        """Return the figures of an answer, for a leaderboard."""
        from photcourse.challenge import figures

        return figures(answer, expected, seconds)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`; ``named["seconds"]`` is the time of the call."""
        from photcourse.challenge import SCALE, columns_of, figures, marks, total

        if not hasattr(answer, "colnames"):
            return not_a("a table with columns x, y, flux, flux_err", answer)
        if columns_of(answer) is None:
            return fault(
                f"the table needs the columns x, y, flux, flux_err, all of numbers; it is {brief(answer)}", "columns"
            )
        values = figures(answer, expected, float((named or {}).get("seconds", 0.0)))
        shares, score = marks(values), total(values)
        if all(s >= 1 for s in shares.values()):
            return RIGHT
        lost = [
            f"{p.words}: {number_text(values[p.name], 3)} ({100 * shares[p.name]:.0f} % of its marks; all at {number_text(p.full)})"
            for p in SCALE
            if shares[p.name] < 1
        ]
        return Finding(min(score, 0.9999), "; ".join(lost), "value")
