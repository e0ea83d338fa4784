"""Fields for the hidden cases of ps5: Gaussian stars of known place and height on flat noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from photcourse.simulate import gaussian_psf

#: FWHM over sigma of a Gaussian.
FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))


def spread_out(rng: np.random.Generator, count: int, shape: tuple[int, int], separation: float,
               margin: float) -> np.ndarray:
    """Return random positions (x, y) on a shaken grid: never nearer than `separation`, and always as many as asked.

    Raises
    ------
    ValueError
        They do not fit.
    """
    size = np.array([shape[1], shape[0]]) - 1 - 2 * margin
    cells = np.maximum(np.floor(size / separation).astype(int) + 1, 1)
    # One cell fewer in an axis leaves room to shake, where there are cells to spare.
    for axis in np.argsort(-cells):
        fewer = cells - np.eye(2, dtype=int)[axis]
        if fewer.min() >= 1 and fewer.prod() >= count:
            cells = fewer
    if cells.prod() < count:
        raise ValueError(f"{count} positions {separation} pixels apart do not fit into {shape}")
    step = size / cells
    room = np.maximum(step - separation, 0) / 2
    chosen = rng.permutation(cells.prod())[:count]
    places = np.column_stack([chosen % cells[0], chosen // cells[0]])
    if (room == 0).any():
        # Cells at both ends: the step is measured from first to last centre.
        step = np.where(cells > 1, size / np.maximum(cells - 1, 1), size)
        room = np.maximum(step - separation, 0) / 2
        return margin + np.clip(places * step + rng.uniform(-1, 1, (count, 2)) * room, 0, size)
    return margin + (places + 0.5) * step + rng.uniform(-1, 1, (count, 2)) * room


@dataclass(frozen=True)
class Field:
    """A background-subtracted image and what was put into it."""

    image: np.ndarray
    x: np.ndarray
    y: np.ndarray
    peak: np.ndarray


def add_peaks(image: np.ndarray, x: np.ndarray, y: np.ndarray, peak: np.ndarray, fwhm: float) -> None:
    """Add Gaussian stars of given height, in place."""
    sigma = fwhm / FWHM_PER_SIGMA
    for xi, yi, pi in zip(x, y, peak, strict=True):
        image += pi * 2 * np.pi * sigma**2 * gaussian_psf(image.shape, xi, yi, sigma)


def star_field(rng: np.random.Generator, shape: tuple[int, int], fwhm: float, peaks: np.ndarray, noise: float,
               *, separation: float = 8.0, margin: float = 3.0) -> Field:
    """Return stars of given heights, `separation` FWHM apart and `margin` FWHM from the edges, with noise.

    The distances are such that every finder with any reasonable setting can tell the stars apart.
    """
    positions = spread_out(rng, len(peaks), shape, separation * fwhm, margin * fwhm)
    image = rng.normal(0.0, noise, shape)
    add_peaks(image, *positions.T, peaks, fwhm)
    return Field(image, *positions.T, np.asarray(peaks, float))


def log_uniform(rng: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    """Return values evenly spread in the logarithm, the ends included."""
    values = np.geomspace(low, high, count)
    rng.shuffle(values)
    return values
