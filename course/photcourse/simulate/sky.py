"""World coordinates for simulated images, and where to put sources."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS
from scipy.spatial import cKDTree

__all__ = ["nearest_neighbour", "scatter", "tan_wcs"]


def tan_wcs(
    shape: tuple[int, int],
    ra: float,
    dec: float,
    *,
    pixel_scale: float = 0.2,
    rotation: float = 0.0,
    galactic: bool = False,
) -> WCS:
    """Gnomonic (TAN) world coordinates with the reference point in the middle of the image.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    ra, dec : float
        Sky position of the middle in degrees (Galactic longitude and latitude with `galactic`).
    pixel_scale : float
        Arcseconds per pixel.
    rotation : float
        Degrees by which north is turned from the y axis, counter-clockwise on the image.
    galactic : bool
        Galactic instead of ICRS coordinates.

    Returns
    -------
    WCS
        In degrees.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"] if galactic else ["RA---TAN", "DEC--TAN"]
    if not galactic:
        wcs.wcs.radesys = "ICRS"
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [ra, dec]
    # CRPIX counts from 1, pixel coordinates here from 0.
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    angle, step = np.deg2rad(rotation), pixel_scale / 3600
    wcs.wcs.cd = step * np.array([[-np.cos(angle), -np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    wcs.wcs.set()
    return wcs


def scatter(
    rng: np.random.Generator,
    count: int,
    shape: tuple[int, int],
    *,
    separation: float = 0.0,
    margin: float = 0.0,
    avoid: np.ndarray | None = None,
) -> np.ndarray:
    """Random positions that keep their distance; where a few leave no room for the rest, all are chosen anew.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    count : int
        How many are wanted.
    shape : (ny, nx)
        Shape of the image.
    separation : float
        Least distance in pixels between any two, and to `avoid`.
    margin : float
        Least distance from the image's edge; negative lets centres lie outside.
    avoid : ndarray of shape (m, 2), optional
        Positions ``(x, y)`` that are taken.

    Returns
    -------
    ndarray of shape (count, 2)
        Positions ``(x, y)``.

    Raises
    ------
    ValueError
        They do not fit.
    """
    first = np.empty((0, 2)) if avoid is None else np.atleast_2d(avoid)
    low, high = np.full(2, margin), np.array([shape[1], shape[0]]) - 1 - margin
    for _ in range(50):
        taken = first
        for _ in range(400):
            missing = count - (len(taken) - len(first))
            if missing <= 0:
                return taken[len(first) :]
            new = rng.uniform(low, high, size=(missing, 2))
            taken = np.vstack([taken, _spaced(new, taken, separation)])
    raise ValueError(f"{count} sources {separation} pixels apart do not fit into {shape[0]} x {shape[1]} pixels")


def _spaced(new: np.ndarray, taken: np.ndarray, separation: float) -> np.ndarray:
    """The new positions that are far enough from the taken ones and from the earlier new ones."""
    if separation <= 0:
        return new
    if len(taken):
        new = new[cKDTree(taken).query(new)[0] >= separation]
    dropped = set()
    for i, j in sorted(cKDTree(new).query_pairs(separation)) if len(new) else []:
        if i not in dropped:
            dropped.add(j)
    return new[[i for i in range(len(new)) if i not in dropped]]


def nearest_neighbour(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance in pixels from each position to the nearest other one (infinite for a single position).

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Positions, pixels.

    Returns
    -------
    ndarray of shape (n,)
        Pixels.
    """
    positions = np.column_stack([x, y])
    if len(positions) < 2:
        return np.full(len(positions), np.inf)
    return cKDTree(positions).query(positions, k=2)[0][:, 1]
