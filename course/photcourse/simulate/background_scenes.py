"""Scenes for backgrounds: a defocused cluster under a detector's pattern, a hundred Gaussians on a slope.

The cluster stands in for the five M13 frames: a sky of about 510 counts, stars that are faint rings
because the telescope is out of focus, a telescope that drifts by 46 pixels, and a pattern of pixels that
stays with the detector. The pattern is what misleads a blind registration; see lecture 5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import QTable, Table
from numpy.typing import ArrayLike
from scipy import ndimage

from .psf import gaussian_psf
from .registry import builder, write_fits

__all__ = [
    "DRIFT",
    "cluster_light",
    "defocused_frames",
    "gaussian_sources",
    "hundred_gaussians",
    "ring_psf",
    "sky_gradient",
]

#: Shifts ``(dy, dx)`` in pixels that bring each frame onto the first, about those of the real frames.
DRIFT = ((0.0, 0.0), (-0.3, 11.8), (-3.3, 24.4), (-3.1, 34.0), (-3.0, 46.1))
CLUSTER_SHAPE = (280, 360)
#: Sky of each frame in counts, as measured on the real ones.
SKY = (512.8, 512.1, 510.4, 510.2, 511.1)
#: Standard deviation from pixel to pixel that all frames share, counts; the real frames have about 11.5.
PATTERN = 11.5
#: Inner and outer radius and softness of a star's ring, pixels.
RING = (3.0, 6.0, 1.0)

GAUSSIANS_SHAPE = (240, 320)
GAUSSIANS_SKY, GAUSSIANS_NOISE = 5.0, 2.0


def ring_psf(inner: float, outer: float, softness: float) -> np.ndarray:
    """Image of a star out of focus: the mirror's ring with its central hole, blurred.

    Parameters
    ----------
    inner, outer : float
        Radii of the ring in pixels.
    softness : float
        Width (sigma) of the Gaussian that stands for the seeing, pixels.

    Returns
    -------
    ndarray
        Unit sum; square, with an odd side; the star is at its centre.
    """
    fine, reach = 5, int(np.ceil(outer + 4 * softness))
    half = (2 * reach + 1) * fine // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1] / fine
    r = np.hypot(x, y)
    ring = ((r >= inner) & (r <= outer)).astype(float)
    ring = ndimage.gaussian_filter(ring, softness * fine, mode="constant")
    side = 2 * reach + 1
    ring = ring.reshape(side, fine, side, fine).sum(axis=(1, 3))
    return ring / ring.sum()


def cluster_light(stars: Table, shape: tuple[int, int], shift: ArrayLike, psf: np.ndarray) -> np.ndarray:
    """Light of the cluster in a frame of shift ``(dy, dx)``, without sky and noise.

    Parameters
    ----------
    stars : Table
        ``x, y`` (pixels in the first frame) and ``flux`` (counts); some may lie outside the frame.
    shape : (ny, nx)
        Shape of the frame.
    shift : (dy, dx)
        What would bring the frame's content onto the first frame: a star is drawn at ``(x - dx, y - dy)``.
    psf : ndarray
        Image of one star, unit sum.

    Returns
    -------
    ndarray of shape (ny, nx)
        Counts.
    """
    dy, dx = np.asarray(shift, dtype=float)
    pad = 60
    points = np.zeros((shape[0] + 2 * pad, shape[1] + 2 * pad))
    x, y = np.asarray(stars["x"]) - dx + pad, np.asarray(stars["y"]) - dy + pad
    kept = (x > 0) & (y > 0) & (x < points.shape[1] - 2) & (y < points.shape[0] - 2)
    x, y, flux = x[kept], y[kept], np.asarray(stars["flux"])[kept]
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    u, v = x - i, y - j
    # A star between pixels is shared among the four nearest: its centre is right, its width grows a little.
    for di, dj, share in ((0, 0, (1 - u) * (1 - v)), (1, 0, u * (1 - v)), (0, 1, (1 - u) * v), (1, 1, u * v)):
        np.add.at(points, (j + dj, i + di), share * flux)
    return ndimage.convolve(points, psf, mode="constant")[pad:-pad, pad:-pad]


def _cluster_stars(rng: np.random.Generator, shape: tuple[int, int], count: int = 420) -> QTable:
    """Stars of a round cluster a little off the middle, and of the field around it, ten per cent."""
    ny, nx = shape
    members = int(0.9 * count)
    radius = 26 * np.sqrt(rng.uniform(0.05, 1, members) ** -1.0 - 1)
    angle = rng.uniform(0, 2 * np.pi, members)
    x = np.concatenate([0.55 * nx + radius * np.cos(angle), rng.uniform(-40, nx + 60, count - members)])
    y = np.concatenate([0.46 * ny + radius * np.sin(angle), rng.uniform(-40, ny + 40, count - members)])
    flux = 170.0 * rng.uniform(0.006, 1, count) ** -0.75
    # One bright star well away from the crowd, as the brightest source of the first frame.
    x, y, flux = np.append(x, 292.3), np.append(y, 196.7), np.append(flux, 21000.0)
    return QTable({"x": x, "y": y, "flux": flux})


def defocused_frames(
    seed: int = 20130505, shape: tuple[int, int] = CLUSTER_SHAPE
) -> tuple[np.ndarray, QTable, np.ndarray]:
    """Five frames of a defocused globular cluster that drifts over a detector with a fixed pattern.

    Photon noise at a gain of 1, so that the square root of the counts is the right error for it; the
    pattern of `PATTERN` counts comes on top, the same in every frame, with 40 hot and 40 cold pixels, and
    every frame has a few pixels hit by cosmic rays.

    Parameters
    ----------
    seed : int
        Of all that is drawn.
    shape : (ny, nx)
        Shape of a frame.

    Returns
    -------
    frames : ndarray of uint16, shape (5, ny, nx)
        Counts with sky.
    stars : QTable
        ``x, y`` in the first frame, ``flux``.
    pattern : ndarray of shape (ny, nx)
        The detector's pattern, counts.
    """
    rng = np.random.default_rng(seed)
    stars, psf = _cluster_stars(rng, shape), ring_psf(*RING)
    pattern = rng.normal(0.0, PATTERN, shape)
    spots = rng.choice(pattern.size, 80, replace=False)
    pattern.flat[spots] += rng.uniform(60, 140, 80) * np.repeat([1, -1], 40)
    frames = []
    for shift, sky, rays in zip(DRIFT, SKY, (0, 3, 1, 6, 2), strict=True):
        frame = rng.poisson(cluster_light(stars, shape, shift, psf) + sky) + pattern
        hits = rng.choice(frame.size, rays, replace=False)
        frame.flat[hits] += rng.uniform(250, 900, rays)
        frames.append(np.clip(np.rint(frame), 0, 65535).astype(np.uint16))
    return np.stack(frames), stars, pattern


def sky_gradient(shape: tuple[int, int], low: float = 6.0, high: float = 36.0) -> np.ndarray:
    """A sky that brightens smoothly and not quite evenly from one corner of an image to the other.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    low, high : float
        Values in the darkest corner (first column, first row) and in the brightest one.

    Returns
    -------
    ndarray of shape (ny, nx)
        From `low` to `high`.
    """
    v, u = np.mgrid[: shape[0], : shape[1]] / np.array(shape, dtype=float).reshape(2, 1, 1)
    return low + (high - low) * (0.55 * u + 0.25 * v + 0.20 * u * v**2)


def gaussian_sources(
    rng: np.random.Generator,
    shape: tuple[int, int],
    count: int,
    sigma: tuple[float, float] = (1.5, 4.0),
    peak: tuple[float, float] = (8.0, 60.0),
    margin: float = 6.0,
) -> tuple[np.ndarray, QTable]:
    """Round Gaussian sources of various widths and brightness, without sky or noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : (ny, nx)
        Shape of the image.
    count : int
        Number of sources.
    sigma, peak : (float, float)
        Least and largest width, pixels, and height, counts.
    margin : float
        Least distance from an edge, pixels.

    Returns
    -------
    light : ndarray of shape (ny, nx)
        Counts.
    truth : QTable
        ``id, x, y, sigma`` (pixels) and ``flux`` (counts), brightest first.
    """
    ny, nx = shape
    x, y = rng.uniform(margin, nx - 1 - margin, count), rng.uniform(margin, ny - 1 - margin, count)
    widths = rng.uniform(*sigma, count)
    flux = np.exp(rng.uniform(*np.log(peak), count)) * 2 * np.pi * widths**2
    order = np.argsort(flux)[::-1]
    x, y, widths, flux = x[order], y[order], widths[order], flux[order]
    light = np.zeros(shape)
    for xi, yi, si, fi in zip(x, y, widths, flux, strict=True):
        light += fi * gaussian_psf(shape, xi, yi, si)
    return light, QTable({"id": np.arange(1, count + 1), "x": x, "y": y, "sigma": widths, "flux": flux})


def hundred_gaussians(
    seed: int = 100100, shape: tuple[int, int] = GAUSSIANS_SHAPE
) -> tuple[np.ndarray, np.ndarray, QTable]:
    """A field of 100 Gaussians on a constant sky, and the same field on a `sky_gradient`.

    Both have Gaussian noise of `GAUSSIANS_NOISE` counts, of different draws.

    Parameters
    ----------
    seed : int
        Of all that is drawn.
    shape : (ny, nx)
        Shape of the image.

    Returns
    -------
    flat, sloped : ndarray of shape (ny, nx)
        Counts: sky of `GAUSSIANS_SKY`, and sky gradient of 6 to 36.
    truth : QTable
        See `gaussian_sources`.
    """
    rng = np.random.default_rng(seed)
    light, truth = gaussian_sources(rng, shape, 100)
    flat = light + GAUSSIANS_SKY + rng.normal(0.0, GAUSSIANS_NOISE, shape)
    sloped = light + sky_gradient(shape) + rng.normal(0.0, GAUSSIANS_NOISE, shape)
    return flat, sloped, truth


def _camera_header() -> fits.Header:
    """What a small camera's program writes, with the remarks that a stack must keep."""
    header = fits.Header()
    header["OBJECT"] = ("Simulated M13", "stand-in for the globular cluster")
    header["INSTRUME"] = ("photcourse", "simulated camera")
    header["DATE-OBS"] = ("2013-05-05T04:09:39", "start of the first exposure, UT")
    header["EXPTIME"] = (5.0, "[s] exposure time of one frame")
    header["IMAGETYP"] = ("Light Frame", "type of image")
    header["PEDESTAL"] = (-500, "[adu] add to get a zero-based image")
    header["BUNIT"] = "adu"
    header["COMMENT"] = "Simulated: defocused stars, drift, pattern fixed to the detector."
    header["HISTORY"] = "Process Calibrate"
    return header


@builder("m13_standin", "m13_standin.fits")
def build_m13(path: Path) -> None:
    """Write the stand-in for the five M13 frames, with its true shifts and stars."""
    frames, stars, _ = defocused_frames()
    dy, dx = np.transpose(DRIFT)
    truth = Table({"frame": np.arange(1, 6), "dy": dy, "dx": dx, "sky": SKY})
    truth["dy"].unit = truth["dx"].unit = "pix"
    write_fits(path, {"cube": frames}, header=_camera_header(), tables={"truth": truth, "stars": stars})


@builder("gaussians100", "gaussians100.fits")
def build_gaussians100(path: Path) -> None:
    """Write the field of 100 Gaussians without and with a gradient."""
    flat, sloped, truth = hundred_gaussians()
    header = fits.Header()
    header["OBJECT"] = ("100 Gaussians", "simulated by photcourse, known truth")
    cards = fits.Header([("BUNIT", "adu")])
    steps = {"image": 0.1, "gradient": 0.1}
    write_fits(path, {"image": flat, "gradient": sloped}, header=header, steps=steps,
               headers={"image": cards, "gradient": cards}, tables={"truth": truth})  # fmt: skip
