"""Frames of one star field that drift over the detector: for registration, alignment and stacking.

Shifts are ``(dy, dx)`` in pixels and say how far a frame's content must be moved to lie on the first
frame, the convention of `skimage.registration.phase_cross_correlation` and of `scipy.ndimage.shift`. A star
at ``(x, y)`` in the first frame therefore lies at ``(x - dx, y - dy)`` in a frame of shift ``(dy, dx)``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from numpy.typing import ArrayLike

from .noise import observe
from .psf import add_stars
from .registry import builder, write_fits

__all__ = ["cluster", "detector_pattern", "drift_header", "drifting_stars", "stars_cube"]

#: Sky of the embedded frames, counts per pixel (gain 1).
SKY = 100.0
#: True shifts of the embedded frames. The fractions are far from 0 and from each other, so that whole pixels,
#: exchanged axes and shifts from frame to frame all show.
SHIFTS = ((0.0, 0.0), (-1.37, 4.62), (2.58, 7.31), (-3.71, 8.45), (5.24, -6.4))


def cluster(
    rng: np.random.Generator,
    count: int,
    shape: tuple[int, int],
    *,
    margin: float = 16.0,
    spread: float = 0.28,
    faint: float = 1500.0,
    bright: float = 12000.0,
) -> Table:
    """Stars of a cluster, denser towards the middle, none nearer to an edge than `margin`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    count : int
        Number of stars.
    shape : (ny, nx)
        Shape of a frame.
    margin : float
        Least distance from an edge in pixels: larger than the shifts, so that no star leaves a frame.
    spread : float
        Width of the cluster (standard deviation) in units of the frame's sides.
    faint, bright : float
        Fluxes are spread evenly in their logarithm between these, counts.

    Returns
    -------
    Table
        Columns ``x, y, flux``, the positions in the first frame.
    """
    size = np.array([shape[1], shape[0]], dtype=float)
    kept = np.empty((0, 2))
    while len(kept) < count:
        new = rng.normal((size - 1) / 2 + (3.0, -2.0), spread * size, size=(count, 2))
        kept = np.vstack([kept, new[((new > margin) & (new < size - 1 - margin)).all(axis=1)]])
    flux = faint * (bright / faint) ** rng.uniform(0, 1, count)
    return Table({"x": kept[:count, 0], "y": kept[:count, 1], "flux": flux})


def drifting_stars(stars: Table, shifts: ArrayLike, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Noiseless frames of a drifting field, without sky.

    Parameters
    ----------
    stars : Table
        Columns ``x, y, flux``: positions in the first frame (shift 0) and counts.
    shifts : array_like of shape (n, 2)
        ``(dy, dx)`` of each frame, see the module.
    shape : (ny, nx)
        Shape of a frame.
    sigma : float
        Width of the Gaussian stars in pixels.

    Returns
    -------
    ndarray of shape (n, ny, nx)
        Counts.
    """
    frames = np.zeros((len(np.asarray(shifts)), *shape))
    for frame, (dy, dx) in zip(frames, np.asarray(shifts, dtype=float), strict=True):
        add_stars(frame, np.asarray(stars["x"]) - dx, np.asarray(stars["y"]) - dy, stars["flux"], sigma)
    return frames


def detector_pattern(
    rng: np.random.Generator, shape: tuple[int, int], *, pixels: float = 14.0, columns: float = 7.0, hot: int = 20
) -> np.ndarray:
    """Pattern that stays with the detector: pixel to pixel, column to column, and hot pixels.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : (ny, nx)
        Shape of a frame.
    pixels, columns : float
        Standard deviation from pixel to pixel and from column to column, counts.
    hot : int
        Number of hot pixels, 150 to 900 counts each.

    Returns
    -------
    ndarray
        Counts to add to every frame; negative ones too.
    """
    pattern = rng.normal(0.0, pixels, shape) + rng.normal(0.0, columns, (1, shape[1]))
    where = rng.choice(pattern.size, hot, replace=False)
    pattern.flat[where] += rng.uniform(150.0, 900.0, hot)
    return pattern


def drift_header() -> fits.Header:
    """Header of the first embedded frame: what a camera program would write, with old remarks.

    Returns
    -------
    Header
        Without data.
    """
    header = fits.Header()
    header["OBJECT"] = ("Simulated cluster", "what was looked at")
    header["INSTRUME"] = ("photcourse", "simulated")
    header["DATE-OBS"] = ("2026-11-21T04:09:39", "start of the first exposure, UT")
    header["EXPTIME"] = (5.0, "[s] exposure time of one frame")
    header["FILTER"] = "B"
    header["SKYLEVEL"] = (SKY, "[adu] sky put in, per pixel")
    header["BUNIT"] = "adu"
    header["COMMENT"] = "Simulated frames of one field that drifts over the detector."
    header["HISTORY"] = "Dark frame subtracted."
    return header


def stars_cube(
    shape: tuple[int, int] = (120, 150), shifts: ArrayLike = SHIFTS, seed: int = 20130505
) -> tuple[np.ndarray, np.ndarray, Table]:
    """Five frames of sharp stars, and five of fainter ones on a detector with a pattern.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of a frame.
    shifts : array_like of shape (n, 2)
        ``(dy, dx)`` of each frame.
    seed : int
        Seed.

    Returns
    -------
    clean, patterned : ndarray of uint16, shape (n, ny, nx)
        Counts with sky. The stars have sigma 1.2 and 1.5 pixels.
    stars : Table
        The clean frames' stars.
    """
    rng = np.random.default_rng(seed)
    stars = cluster(rng, 80, shape, faint=6000.0, bright=120000.0)
    faint = cluster(rng, 80, shape)
    clean = observe(rng, drifting_stars(stars, shifts, shape, 1.2) + SKY, read_noise=2.0)
    light = drifting_stars(faint, shifts, shape, 1.5) + detector_pattern(rng, shape) + SKY
    patterned = observe(rng, light, read_noise=2.0)
    return counts(clean), counts(patterned), stars


def counts(frames: np.ndarray) -> np.ndarray:
    """Whole counts as a camera writes them: uint16, nothing below 0."""
    return np.clip(np.rint(frames), 0, 65535).astype(np.uint16)


@builder("stars_cube", "stars_cube.fits")
def build_stars_cube(path: Path) -> None:
    """Write the embedded frames with their true shifts."""
    clean, patterned, stars = stars_cube()
    dy, dx = np.transpose(SHIFTS)
    truth = Table({"frame": np.arange(1, len(SHIFTS) + 1), "dy": dy, "dx": dx})
    truth["dy"].unit = truth["dx"].unit = "pix"
    write_fits(
        path, {"cube": clean, "patterned": patterned}, header=drift_header(), tables={"truth": truth, "stars": stars}
    )
