"""Scenes of the hidden cases of this assignment."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u
from astropy.wcs import WCS

from photcourse.simulate import add_stars, tan_wcs
from photcourse.simulate.aperture_scenes import galactic_wcs, high_contrast_psf


def two_stars(rng: np.random.Generator, shape: tuple[int, int], x: int, y: int) -> np.ndarray:
    """A sharp star whose peak pixel is (x, y), and far off a wider one of more light and a lower peak."""
    far_x = shape[1] - 12 if x < shape[1] / 2 else 12
    far_y = shape[0] - 11 if y < shape[0] / 2 else 11
    image = add_stars(rng.normal(0, 2.0, shape), [x + 0.2], [y - 0.15], [9000.0], 1.3)
    return add_stars(image, [far_x], [far_y], [42000.0], 4.5)


def star(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float, sky: float = 0.0) -> np.ndarray:
    """A star with rings and a halo, on a sky, with noise."""
    light = 3e5 * high_contrast_psf(shape, x, y, 2.6, strehl=0.7, halo_fwhm=14.0) + sky
    return light + rng.normal(size=shape) * np.sqrt(np.maximum(light, 0) + 16.0)


def sky_field(rng: np.random.Generator, shape: tuple[int, int], near: tuple[float, float], radius: u.Quantity, *,
              galactic: bool) -> tuple[np.ndarray, WCS]:
    """Stars on a sloping sky with world coordinates: equatorial and turned, or Galactic.

    A bright star stands on the upper right border of the circle that is going to be asked for, so that
    a circle even one pixel off holds another flux.
    """
    if galactic:
        scale = 1.2
        wcs = galactic_wcs(shape, float(rng.uniform(17.7, 18.4)), float(rng.uniform(-0.4, 0.4)), scale)
    else:
        scale = float(rng.uniform(6, 9))
        ra, dec, turn = float(rng.uniform(20, 340)), float(rng.uniform(-50, 50)), float(rng.uniform(15, 40))
        wcs = tan_wcs(shape, ra, dec, pixel_scale=scale, rotation=turn)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    image = 20 + 0.08 * xx + 0.05 * yy + rng.normal(0, 0.5, shape)
    positions = rng.uniform([8, 8], [shape[1] - 8, shape[0] - 8], (60, 2))
    image = add_stars(image, *positions.T, 10 ** rng.uniform(2.5, 4.2, 60), 1.6)
    border = 0.72 * radius.to_value(u.arcsec) / scale
    return add_stars(image, near[0] + border, near[1] + border, 3e4, 1.6), wcs


def curve(radii: np.ndarray, scale: float, drop: float = 0.0) -> np.ndarray:
    """A growth curve that levels off; `drop` of the light is taken off again towards the end."""
    fluxes = 5200.0 * (1 - (1 + (radii / scale) ** 2) ** -1.4)
    return fluxes * (1 - drop * (radii / radii[-1]) ** 4)


def archive_wcs(name: str) -> Any:
    """World coordinates of a dataset's real image, or None where the real files are not on this machine."""
    from photcourse import data

    loaded = data.load(name)
    return loaded.wcs if loaded.origin == "archive" else None
