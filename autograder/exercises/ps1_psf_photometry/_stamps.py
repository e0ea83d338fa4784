"""Cut-outs of single stars for ps1's functions."""

from __future__ import annotations

import numpy as np


def gaussian2D(radius: np.ndarray, mu: float) -> np.ndarray:
    """Return the normalised circular Gaussian, as the notebook gives it."""
    return np.exp(-radius**2 / (2 * mu**2)) / (2 * np.pi * mu**2)


def star(shape: tuple[int, int], x: float, y: float, sigma: float, flux: float, sigma_y: float = 0.0) -> np.ndarray:
    """Return a Gaussian star of a given flux at local coordinates; `sigma_y` makes it elliptical."""
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    tall = sigma_y or sigma
    return flux / (2 * np.pi * sigma * tall) * np.exp(-((xx - x) ** 2) / (2 * sigma**2) - (yy - y) ** 2 / (2 * tall**2))


def place(rng: np.random.Generator, shape: tuple[int, int], margin: float) -> tuple[float, float]:
    """Return a position at least `margin` from every edge, 1.2 pixels or more off the middle, off the pixel centres.

    The distance from the middle and from the pixel centres makes a model on the middle, or on a whole pixel, fail
    with every seed.
    """
    middle = (np.array(shape[::-1]) - 1) / 2
    while True:
        x, y = (rng.uniform(margin, n - 1 - margin) for n in shape[::-1])
        off = np.abs(np.array([x, y]) - np.round([x, y]))
        if (np.abs(np.array([x, y]) - middle) > 1.2).all() and ((off > 0.2) & (off < 0.42)).all():
            return float(x), float(y)


def starts(rng: np.random.Generator) -> tuple[int, int]:
    """Return the start of a cut-out somewhere on a large detector, x and y well apart."""
    return int(rng.integers(900, 3900)), int(rng.integers(60, 700))


def starts_near_corner(rng: np.random.Generator, x: float, y: float) -> tuple[int, int]:
    """Return the start of a cut-out a few pixels from the corner.

    The star's two whole-image coordinates come out 2 pixels or more apart, so that exchanging them is always seen.
    """
    while True:
        x_start, y_start = int(rng.integers(2, 4)), int(rng.integers(5, 9))
        if abs(x + x_start - y - y_start) > 2:
            return x_start, y_start
