"""Frames for the cases of ps4: drifting stars with known shifts."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from photcourse.simulate.alignment_scenes import drifting_stars

#: Fractions of a pixel that neither rounding nor cutting off leaves where they are.
FRACTIONS = (0.3, 0.7)


def fractional(rng: np.random.Generator, least: float, most: float) -> float:
    """Return a shift between two whole numbers of pixels, of either sign, with a fraction of 0.3 to 0.7."""
    return float(rng.choice([-1.0, 1.0]) * (rng.integers(least, most) + rng.uniform(*FRACTIONS)))


def some_shifts(rng: np.random.Generator, frames: int, least: int = 1, most: int = 7) -> np.ndarray:
    """Shifts ``(dy, dx)``: the first zero, the second with a negative dy; dx and dy differ by two pixels or more."""
    rows = [(0.0, 0.0)]
    while len(rows) < frames:
        dy, dx = fractional(rng, least, max(least + 1, most - 3)), fractional(rng, least, most)
        dy = -abs(dy) if len(rows) == 1 else dy
        steps = [abs(dy - rows[-1][0]), abs(dx - rows[-1][1])]
        if abs(abs(dx) - abs(dy)) >= 2 and min(steps) >= 1:
            rows.append((dy, dx))
    return np.array(rows)


def separate_stars(rng: np.random.Generator, count: int, shape: tuple[int, int], *, margin: float, apart: float,
                   faint: float = 8000.0, bright: float = 30000.0) -> Table:
    """Stars that keep `apart` pixels from each other and `margin` from the edges."""
    from photcourse.simulate import scatter

    positions = scatter(rng, count, shape, separation=apart, margin=margin)
    flux = rng.uniform(faint, bright, count)
    return Table({"x": positions[:, 0], "y": positions[:, 1], "flux": flux})


def frames_of(stars: Table, shifts: np.ndarray, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Noiseless, background-free frames."""
    return drifting_stars(stars, shifts, shape, sigma)
