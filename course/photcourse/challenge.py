"""How the challenge is judged: figures of a catalogue against known truth, and the scale that turns them into marks.

The same figures are in the practice plots and in the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import as_floats
from photcheck.matching import match_one_to_one

#: Largest distance in pixels between a star and the row that counts for it.
MATCH_RADIUS = 1.2
#: Signal-to-noise ratio above which a star counts as bright.
BRIGHT = 40.0


@dataclass(frozen=True)
class Part:
    """One figure on the scale: `weight` marks at `full` or better, none at `none` or worse, linear between."""

    name: str
    none: float
    full: float
    weight: float
    words: str

    def share(self, value: float) -> float:
        """Return the share of the marks that a value of the figure earns."""
        if not np.isfinite(value):
            return 0.0
        return float(np.clip((value - self.none) / (self.full - self.none), 0.0, 1.0))


#: The scale. A method at the bound earns all of it on every field, with room for the scatter of a figure (a ratio of scatters
#: from 68 stars has a standard deviation of 0.09, from 24 in pairs 0.2; of some 35 faint stars one may lie under another, and in
#: one field of a hundred two do, or three of some 50 bright ones); photutils' PSFPhotometry as it comes, which fits what
#: one round of detection found, earns half: what is left to earn is in the pairs.
SCALE: tuple[Part, ...] = (
    Part("complete_bright", 0.80, 0.92, 4, "share of the bright stars found"),
    Part("complete_faint", 0.50, 0.90, 4, "share of the faint stars found"),
    Part("pure", 0.80, 0.95, 3, "share of the rows that are stars"),
    Part("bias", 0.03, 0.008, 2, "bias of isolated bright stars' fluxes (relative)"),
    Part("scatter", 2.5, 1.25, 4, "scatter of isolated stars' fluxes over the Cramér-Rao bound"),
    Part("scatter_pairs", 6.0, 2.1, 8, "scatter of fluxes in close pairs over the bound of a single star"),
    Part("pull", 1.6, 0.5, 4, "how far the width of the pulls is from 1 (its logarithm to base 2)"),
    Part("seconds", 20.0, 10.0, 1, "time for one field in seconds"),
)


#: Share of the rows that have to be stars for the marks to be whole.
STARS = 0.8


def columns_of(table: Any) -> dict[str, np.ndarray] | None:
    """Return the four columns of an answer as floats, or None where one is missing or holds no numbers."""
    if not hasattr(table, "colnames"):
        return None
    found = {}
    for name in ("x", "y", "flux", "flux_err"):
        values = as_floats(table[name]) if name in table.colnames else None
        if values is None:
            return None
        found[name] = values.ravel()
    return found


def spread(values: np.ndarray) -> float:
    """Return the root mean square about the median of the values within four robust standard deviations of it."""
    if not len(values):
        return float("nan")
    off = values - np.median(values)
    inside = np.abs(off) <= 4 * 1.4826 * np.median(np.abs(off)) + 1e-12
    return float(np.sqrt(np.mean(off[inside] ** 2)))


def figures(table: Any, truth: Any, seconds: float = 0.0) -> dict[str, float]:
    """Return the figures of a catalogue.

    Parameters
    ----------
    table : table
        Columns ``x, y`` (pixel), ``flux, flux_err`` (electrons).
    truth : table or mapping
        Columns ``x, y, flux, sigma, isolated``, see `photcourse.simulate.crowded`.
    seconds : float
        Time that it took.

    Returns
    -------
    dict
        One number for each part of `SCALE`; NaN where there is nothing to tell it from.

    Raises
    ------
    ValueError
        The table lacks a column, or a column holds no numbers.
    """
    got = columns_of(table)
    if got is None:
        raise ValueError("a table with the columns x, y, flux, flux_err is needed")
    finite = np.all([np.isfinite(v) for v in got.values()], axis=0)
    got = {name: values[finite] for name, values in got.items()}
    x, y, flux, sigma = (np.asarray(truth[n], float) for n in ("x", "y", "flux", "sigma"))
    isolated = np.asarray(truth["isolated"], bool)
    matched = match_one_to_one(got["x"], got["y"], x, y, MATCH_RADIUS)
    hit, bright = matched >= 0, flux / sigma > BRIGHT
    error = np.where(hit, (got["flux"][matched] if len(got["flux"]) else np.nan) - flux, np.nan)
    own = np.where(hit, got["flux_err"][matched] if len(got["flux_err"]) else np.nan, np.nan)
    one, two = hit & isolated, hit & ~isolated
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = (error / own)[one]
    width = spread(pulls[np.isfinite(pulls)]) if one.sum() > 4 else float("nan")
    return {
        "complete_bright": float(hit[bright].mean()),
        "complete_faint": float(hit[~bright].mean()),
        "pure": float(hit.sum() / max(1, len(finite))),
        "bias": float(abs(np.median((error / flux)[one & bright]))) if (one & bright).sum() > 4 else float("nan"),
        "scatter": spread((error / sigma)[one]) if one.sum() > 4 else float("nan"),
        "scatter_pairs": float(1.4826 * np.median(np.abs((error / sigma)[two]))) if two.sum() > 4 else float("nan"),
        "pull": float(abs(np.log2(width))) if width > 0 else float("nan"),
        "seconds": float(seconds),
    }


def marks(values: dict[str, float]) -> dict[str, float]:
    """Return the share of each part's marks.

    A list in which fewer than `STARS` of the rows are stars is worth the less by that, whatever stands in it: places
    everywhere find every star and tell nothing.
    """
    worth = min(1.0, values["pure"] / STARS)
    return {part.name: worth * part.share(values[part.name]) for part in SCALE}


def total(values: dict[str, float]) -> float:
    """Return the share of all marks."""
    shares = marks(values)
    return sum(p.weight * shares[p.name] for p in SCALE) / sum(p.weight for p in SCALE)
