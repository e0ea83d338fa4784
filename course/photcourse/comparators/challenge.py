"""Comparator of the challenge: a catalogue on a scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, brief, fault, number_text
from photcheck.comparators.numbers import not_a
from photcheck.matching import match_one_to_one
from photcourse.comparators.catalogue import how_many, table_of_positions

#: Farther than stars are matched for marks: a row that is a pixel off in x and in y is still its star's.
REACH = 2.5
#: Fewer stars tell nothing of a median.
FEW = 4
#: Two catalogues are off in the same way where the cosine between what is off in each is at least this: methods differ in which
#: stars they part and how well they place them, and mistakes lie across one another.
SAME_WAY = 0.9
#: What is off in one may be so many times what is off in the other; less than `LEAST_FLAW` in all is a good catalogue's.
MOST_TIMES, LEAST_FLAW = 2.0, 1.5


def flaws(table: Any, truth: Any) -> np.ndarray:
    """Return what is off in a catalogue, each in units of what shows among the differences of good methods.

    Parameters
    ----------
    table : table
        The catalogue.
    truth : mapping
        As in `photcourse.challenge.figures`.

    Returns
    -------
    ndarray of shape (10,)
        Share found; rows that are no stars; x for y; offsets in x and in y; fluxes, their scatter and, in pairs of which both stars
        are found, their excess; errors of bright stars and of faint ones. Zeros where hardly a star is found.
    """
    from photcourse.challenge import BRIGHT, columns_of, spread

    got = columns_of(table) or {}
    x, y, flux, sigma = (np.asarray(truth[n], float) for n in ("x", "y", "flux", "sigma"))
    good = np.all([np.isfinite(v) for v in got.values()], axis=0) if got else np.zeros(0, bool)
    if good.sum() < FEW:
        return np.zeros(10)
    got = {name: values[good] for name, values in got.items()}
    ways = [(got["x"], got["y"]), (got["y"], got["x"])]
    matches = [match_one_to_one(*way, x, y, REACH) for way in ways]
    turned = int((matches[1] >= 0).sum() > (matches[0] >= 0).sum())
    matched, at = matches[turned], ways[turned]
    hit = matched >= 0
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + np.diag(np.full(len(x), np.inf))
    single = np.asarray(truth["isolated"], bool)
    one, two, bright = hit & single, hit & ~single & hit[apart.argmin(axis=1)], flux / sigma > BRIGHT
    if min((one & bright).sum(), hit.sum()) < FEW:
        return np.zeros(10)
    mine, own = got["flux"][matched], got["flux_err"][matched]

    def median(values: np.ndarray, of: np.ndarray, none: float) -> float:
        return float(np.median(values[of])) if of.sum() >= FEW else none

    ratio = max(median(mine / flux, one, 1.0), 1e-6)
    errors = [max(median(own / sigma, one & which, 1.0), 1e-6) for which in (bright, ~bright)]
    return np.array(
        [
            np.log2(hit.mean()) / 0.5,
            # How much of the noise comes in is a matter of luck.
            min((1 - hit.sum() / len(at[0])) / 0.06, 3.0),
            8.0 * turned,
            *(median(a[matched] - t, hit, 0.0) / 0.25 for a, t in zip(at, (x, y), strict=True)),
            np.log(ratio) / 0.1,
            np.log2(max(spread(((mine / ratio - flux) / sigma)[one]), 1e-6)) / 0.5,
            (median(mine / ratio / flux, two, 1.0) - 1) / 0.05,
            *(np.log2(error) / 0.5 for error in errors),
        ]
    )


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
        """See `Comparator.alike`: the same rows, or another method's that are off in the same way and by about as much."""
        a, f = self.vector(answer), self.vector(fingerprint)
        if a is None or f is None:
            return False
        if np.allclose(a, f, rtol=2e-3, atol=1e-6):
            return True
        mine, its = (flaws(table, expected) for table in (answer, fingerprint))
        sizes = float(np.linalg.norm(mine)), float(np.linalg.norm(its))
        if min(sizes) < LEAST_FLAW or not 1 / MOST_TIMES <= sizes[0] / sizes[1] <= MOST_TIMES:
            return False
        return bool(mine @ its >= SAME_WAY * sizes[0] * sizes[1])

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
