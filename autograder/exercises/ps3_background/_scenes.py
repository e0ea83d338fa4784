"""Small simulated scenes for the cases of ps3."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from photcourse.simulate import add_stars


def star_scene(
    rng: np.random.Generator, shape: tuple[int, int], positions: ArrayLike, fluxes: ArrayLike,
    *, sigma: float = 1.8, sky: float | np.ndarray = 40.0, noise: float = 2.0,
) -> np.ndarray:
    """Gaussian stars on a sky with Gaussian noise; rounded to hundredths so that frozen cases stay small."""
    image = np.zeros(shape) + sky
    x, y = np.asarray(positions, dtype=float).T
    add_stars(image, x, y, fluxes, sigma)
    return np.round(image + rng.normal(0.0, noise, shape), 2)
