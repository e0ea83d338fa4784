"""Fields of stars: a nebula on a plate that saturates, an open cluster on a linear detector, crowded scenes.

The plate stands in for the Horsehead of the Digitized Sky Survey, the cluster for the M67 plate. Both hold
photon noise at a gain of 1, so that the square root of the counts is the right error here; on a real plate
it is not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.typing import ArrayLike
from scipy import ndimage
from skimage.draw import polygon2mask

from .psf import moffat_psf
from .registry import builder, write_fits
from .sky import nearest_neighbour, scatter, tan_wcs

__all__ = ["add_moffat_stars", "cluster_field", "nebula_field", "nebula_light", "plate_response"]

#: Largest value of the simulated plate, about that of the real one.
PLATE_LIMIT = 23000.0
NEBULA_SHAPE = (420, 460)
NEBULA_FWHM = 5.0
CLUSTER_SHAPE = (380, 440)
CLUSTER_FWHM, CLUSTER_BETA, CLUSTER_SKY = 3.4, 2.8, 420.0
#: Magnitude of a star that gives one count in the cluster's exposure; the lecture measures it.
CLUSTER_ZERO_POINT = 25.32
SATURATION = 50000.0


def add_moffat_stars(
    image: np.ndarray, x: ArrayLike, y: ArrayLike, flux: ArrayLike, fwhm: float, beta: float = 3.0, reach: int = 40
) -> np.ndarray:
    """Add stars with a Moffat profile to an image, in place.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Float image, changed in place.
    x, y, flux : array_like
        Centres in pixels and total fluxes.
    fwhm : float
        Full width at half maximum in pixels.
    beta : float
        Moffat's exponent.
    reach : int
        Half width of the stamp in pixels; light beyond it is left out.

    Returns
    -------
    ndarray
        The same image.
    """
    for xi, yi, fi in zip(*np.broadcast_arrays(*np.atleast_1d(x, y, flux)), strict=True):
        j, i = int(round(yi)), int(round(xi))
        rows = slice(max(0, j - reach), max(0, min(image.shape[0], j + reach + 1)))
        columns = slice(max(0, i - reach), max(0, min(image.shape[1], i + reach + 1)))
        stamp = (rows.stop - rows.start, columns.stop - columns.start)
        if min(stamp) > 0:
            image[rows, columns] += fi * moffat_psf(stamp, xi - columns.start, yi - rows.start, fwhm, beta)
    return image


def plate_response(light: np.ndarray, limit: float = PLATE_LIMIT, hardness: float = 10.0) -> np.ndarray:
    """Value that a medium with a largest value records: linear at first, then bending over to `limit`.

    ``light / (1 + (light / limit)^h)^(1/h)``; for h = 10 the response is linear to about 1 % up to 0.8 of `limit`.
    A star brighter than that gets a flat top and, as the faint wings stay linear, looks wider.

    Parameters
    ----------
    light : ndarray
        What falls on it, counts.
    limit : float
        Largest value, counts.
    hardness : float
        The exponent h of the bend.

    Returns
    -------
    ndarray
        Counts, of the shape of `light`.
    """
    return light / (1 + (np.maximum(light, 0) / limit) ** hardness) ** (1 / hardness)


def nebula_light(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Light of a bright curtain with a dark cloud before it, without stars, in counts.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    rng : numpy.random.Generator
        For the wisps, which are no finer than 6 pixels, so that they do not look like stars.

    Returns
    -------
    ndarray of shape (ny, nx)
        Counts.
    """
    ny, nx = shape
    v, u_ = np.mgrid[:ny, :nx] / np.array([ny, nx]).reshape(2, 1, 1)
    edge = 0.60 - 0.08 * np.exp(-(((v - 0.2) / 0.2) ** 2)) + 0.012 * np.sin(17 * v)
    curtain = 1 / (1 + np.exp(-(u_ - edge) / 0.035))
    light = 6300 + 1500 * u_ + 5400 * curtain + 1800 * np.exp(-(((u_ - edge - 0.05) / 0.06) ** 2))
    wisps = sum(amount * _texture(shape, scale, rng) for scale, amount in ((6, 130), (14, 260), (40, 420)))
    light = light + wisps * (0.4 + 0.6 * curtain)
    # Ragged, soft, and lost in the dark towards the left.
    outline = ndimage.gaussian_filter(_cloud(shape).astype(float), 0.012 * nx)
    ragged = outline + 0.09 * _texture(shape, 7, rng) > 0.5
    cloud = ndimage.gaussian_filter(ragged.astype(float), 0.005 * nx) * np.clip((u_ - 0.1) / 0.3, 0, 1)
    return light * (1 - cloud) + (5400 + 0.5 * wisps) * cloud


def _texture(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> np.ndarray:
    field = ndimage.gaussian_filter(rng.standard_normal(shape), scale, mode="wrap")
    return field / field.std()


def _cloud(shape: tuple[int, int]) -> np.ndarray:
    """Outline of a horse's head that looks to the right, in fractions of the image's height and width."""
    outline = [
        (0.36, 0.16),
        (0.40, 0.30),
        (0.39, 0.45),
        (0.385, 0.55),
        (0.40, 0.64),
        (0.45, 0.695),
        (0.50, 0.70),
        (0.525, 0.745),
        (0.555, 0.735),
        (0.60, 0.67),
        (0.655, 0.64),
        (0.675, 0.60),
        (0.655, 0.575),
        (0.60, 0.575),
        (0.545, 0.55),
        (0.515, 0.48),
        (0.52, 0.36),
        (0.56, 0.22),
    ]
    return polygon2mask(shape, np.array(outline) * np.array(shape))


def nebula_field(seed: int = 53001, shape: tuple[int, int] = NEBULA_SHAPE) -> tuple[np.ndarray, QTable]:
    """A nebula with stars before it, on a plate that saturates.

    Parameters
    ----------
    seed : int
        Of all that is drawn.
    shape : (ny, nx)
        Shape of the image.

    Returns
    -------
    image : ndarray of int16, shape (ny, nx)
        Counts.
    truth : QTable
        ``id, x, y`` (pixels), ``flux`` (counts), ``peak`` (height in counts before the plate bends),
        ``saturated``.
    """
    rng = np.random.default_rng(seed)
    light = nebula_light(shape, rng)
    positions = scatter(rng, 84, shape, separation=4 * NEBULA_FWHM, margin=6.0)
    # A pair that touches and one in the curtain's edge: what finders disagree on.
    positions = np.vstack([positions, positions[:3] + [[6.2, 1.7], [-2.1, 6.4], [5.4, -4.2]]])
    per_peak = moffat_psf((1, 1), 0, 0, NEBULA_FWHM)[0, 0]
    faint = 10 ** (2.65 + 1.5 * rng.uniform(0, 1, len(positions) - 5) ** 1.4)
    peak = np.concatenate([[160000, 95000, 60000, 42000, 30000], faint])
    rng.shuffle(peak)
    flux = peak / per_peak
    light = add_moffat_stars(light, *positions.T, flux, NEBULA_FWHM)
    image = np.rint(plate_response(rng.poisson(light).astype(float))).astype(np.int16)
    column, row = np.rint(positions).astype(int).T
    saturated = light[row, column] > 0.8 * PLATE_LIMIT
    truth = QTable(
        {
            "id": np.arange(1, len(peak) + 1),
            "x": positions[:, 0],
            "y": positions[:, 1],
            "flux": flux,
            "peak": peak,
            "saturated": saturated,
        }
    )
    return image, truth


def cluster_field(
    seed: int = 67001, shape: tuple[int, int] = CLUSTER_SHAPE, stars: int = 430
) -> tuple[np.ndarray, QTable, QTable]:
    """An open cluster on a linear detector, with a catalogue of its brighter stars.

    Sky, photon noise at gain 1, read noise of 5 counts, a Moffat point-spread function.

    Parameters
    ----------
    seed : int
        Of all that is drawn.
    shape : (ny, nx)
        Shape of the image.
    stars : int
        Number of stars.

    Returns
    -------
    image : ndarray of uint16, shape (ny, nx)
        Counts, cut at the detector's `SATURATION`.
    truth : QTable
        ``id, x, y`` (pixels), ``flux`` (counts), ``mag``, ``saturated``, ``isolated`` (no neighbour within 12
        pixels that has more than 2 % of the flux).
    catalogue : QTable
        ``name, ra, dec, mag, mag_err`` of 70 stars from another telescope: its errors are real scatter, and
        3 of its stars have varied by half a magnitude and more since.
    """
    rng = np.random.default_rng(seed)
    positions = _cluster_positions(rng, shape, stars)
    mag = np.sort(np.concatenate([rng.uniform(10.2, 11.0, 3), 18.9 - 6.6 * (1 - rng.uniform(0, 1, stars - 3) ** 0.45)]))
    flux = 10 ** (-0.4 * (mag - CLUSTER_ZERO_POINT))
    light = add_moffat_stars(np.full(shape, CLUSTER_SKY), *positions.T, flux, CLUSTER_FWHM, CLUSTER_BETA)
    counts = rng.poisson(light) + rng.normal(0, 5.0, shape)
    image = np.rint(np.clip(counts, 0, SATURATION)).astype(np.uint16)
    column, row = np.clip(np.rint(positions).astype(int), 0, np.array(shape)[::-1] - 1).T
    truth = QTable(
        {
            "id": np.arange(1, stars + 1),
            "x": positions[:, 0],
            "y": positions[:, 1],
            "flux": flux,
            "mag": mag,
            "saturated": light[row, column] > 0.98 * SATURATION,
            "isolated": _isolated(positions, flux),
        }
    )
    return image, truth, _catalogue(rng, truth, shape)


def _cluster_positions(rng: np.random.Generator, shape: tuple[int, int], stars: int) -> np.ndarray:
    """Half the stars in a round cluster off the middle, half all over the field."""
    ny, nx = shape
    radius = 60 * np.sqrt(rng.uniform(0.02, 1, stars) ** -0.9 - 1)
    angle = rng.uniform(0, 2 * np.pi, stars)
    centre = np.array([0.54 * nx, 0.47 * ny])
    members = centre + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    inside = (members > 4).all(axis=1) & (members < np.array([nx, ny]) - 5).all(axis=1)
    members = members[inside][: stars // 2]
    # Nobody can tell two stars nearer than this apart, so truth holds none.
    members = members[nearest_neighbour(*members.T) > 0.8 * CLUSTER_FWHM]
    field = scatter(rng, stars - len(members), shape, separation=5.0, margin=4.0, avoid=members)
    positions = np.vstack([members, field])
    return positions[rng.permutation(stars)]


def _isolated(positions: np.ndarray, flux: np.ndarray, radius: float = 12.0) -> np.ndarray:
    distance = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    return ~((distance < radius) & (flux[None] > 0.02 * flux[:, None])).any(axis=1)


def _catalogue(rng: np.random.Generator, truth: QTable, shape: tuple[int, int]) -> QTable:
    usable = np.flatnonzero(~truth["saturated"] & (truth["mag"] < 16.2))
    rows = np.sort(rng.choice(usable, size=70, replace=False))
    error = 0.012 + 0.02 * 10 ** (0.3 * (truth["mag"][rows] - 16))
    mag = truth["mag"][rows] + rng.normal(0, error)
    mag[rng.choice(70, 3, replace=False)] += [0.55, -0.7, 0.9]
    sky = _cluster_wcs(shape).pixel_to_world(truth["x"][rows], truth["y"][rows])
    names = np.array([f"SIM-{i:03d}" for i in truth["id"][rows]])
    # Catalogues give positions to a tenth of an arcsecond or so, not exactly.
    jitter = rng.normal(0, 0.08, (2, 70)) * u.arcsec
    return QTable(
        {
            "name": names,
            "ra": sky.ra + jitter[0] / np.cos(sky.dec),
            "dec": sky.dec + jitter[1],
            "mag": mag * u.mag,
            "mag_err": error * u.mag,
        }
    )


def _cluster_wcs(shape: tuple[int, int]) -> WCS:
    return tan_wcs(shape, 132.84, 11.81, pixel_scale=1.7, rotation=3.0)


def _header(words: str, shape: tuple[int, int], **cards: object) -> fits.Header:
    header = fits.Header()
    header["OBJECT"] = words
    header["ORIGIN"] = ("simulated", "made by photcourse, known truth")
    for key, value in cards.items():
        header[key] = value
    return header


@builder("horsehead_standin", "horsehead_standin.fits")
def build_horsehead(path: Path) -> None:
    """Write the stand-in for the Horsehead plate."""
    image, truth = nebula_field()
    wcs = tan_wcs(image.shape, 85.25, -2.46, pixel_scale=1.009, rotation=1.0).to_header()
    wcs["BUNIT"] = "adu"
    write_fits(
        path,
        {"image": image},
        header=_header("nebula with stars, plate-like", image.shape, PLATELIM=PLATE_LIMIT),
        headers={"image": wcs},
        tables={"truth": truth},
    )


@builder("m67_standin", "m67_standin.fits")
def build_m67(path: Path) -> None:
    """Write the stand-in for the M67 plate: an open cluster and a catalogue of it."""
    image, truth, catalogue = cluster_field()
    wcs = _cluster_wcs(image.shape).to_header()
    wcs["BUNIT"] = "adu"
    write_fits(
        path,
        {"image": image},
        header=_header("open cluster", image.shape, GAIN=1.0, RDNOISE=5.0, SATURATE=SATURATION),
        headers={"image": wcs},
        tables={"truth": truth, "catalogue": catalogue},
    )
