"""Scenes for aperture photometry: a high-contrast point-spread function, a nebula, an infrared field.

They stand in for VLT/SPHERE's adaptive-optics image of a star, for the Helix on a survey plate, and for a
Spitzer/IRAC field with its catalogue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.typing import ArrayLike
from scipy.special import j0, j1

from .noise import expected_variance, observe
from .psf import moffat_psf
from .registry import builder, write_fits
from .sky import nearest_neighbour, scatter, tan_wcs

__all__ = [
    "add_compact_stars",
    "airy_encircled_energy",
    "airy_psf",
    "galactic_wcs",
    "high_contrast_psf",
    "infrared_field",
    "ring_nebula",
]

#: The simulated SPHERE image: 12.25 mas pixels, lambda/D of 1.59 micron at 8.0 m.
SPHERE_SHAPE = (121, 149)
SPHERE_CENTRE = (83.4, 52.7)
SPHERE_LAMBDA_D = 3.35
SPHERE_FLUX, SPHERE_STREHL, SPHERE_READ_NOISE = 4.0e6, 0.78, 12.0

NEBULA_SHAPE = (226, 262)
NEBULA_SCALE = 16.0
#: Centre of the Helix (NGC 7293), ICRS degrees.
NEBULA_CENTRE = (337.4108, -20.8372)

INFRARED_SHAPE = (252, 344)
INFRARED_SCALE = 1.2
INFRARED_FWHM, INFRARED_BETA = 1.65, 2.4


# ------------------------------------------------------------------------------ high contrast
def airy_psf(shape: tuple[int, int], x: float, y: float, lambda_d: float, *, obscuration: float = 0.0) -> np.ndarray:
    """Diffraction pattern of a round pupil, of unit total flux, sampled at pixel centres.

    ``I(v) = [2 J1(v)/v - e^2 2 J1(e v)/(e v)]^2 / (1 - e^2)^2`` with ``v = pi r / (lambda/D)`` (Born & Wolf,
    Principles of Optics, 8.5.2), normalised so that the whole plane holds 1.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    x, y : float
        Centre in pixels.
    lambda_d : float
        Wavelength over pupil diameter, in pixels; the first dark ring lies at 1.22 of it.
    obscuration : float
        Diameter of the central obscuration over that of the pupil.

    Returns
    -------
    ndarray of shape (ny, nx)
        Share of the light in each pixel.
    """
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    v = np.pi * np.hypot(xx - x, yy - y) / lambda_d
    e = obscuration
    amplitude = (_jinc(v) - e**2 * _jinc(e * v)) / (1 - e**2)
    # The peak of unit flux is pi (1 - e^2) / 4 over (lambda/D)^2: the pupil's area in units of D^2.
    return np.pi * (1 - e**2) / 4 / lambda_d**2 * amplitude**2


def _jinc(v: np.ndarray) -> np.ndarray:
    """``2 J1(v) / v``, 1 at the origin."""
    safe = np.where(v == 0, 1.0, v)
    return np.where(v == 0, 1.0, 2 * j1(safe) / safe)


def airy_encircled_energy(radius: ArrayLike, lambda_d: float) -> np.ndarray:
    """Share of the light of an unobscured Airy pattern within a radius: ``1 - J0(v)^2 - J1(v)^2``.

    Lord Rayleigh (1881); `radius` and `lambda_d` in the same unit, ``v = pi radius / lambda_d``.

    Parameters
    ----------
    radius : array-like
        Distance from the centre.
    lambda_d : float
        Wavelength over pupil diameter, in the unit of `radius`.

    Returns
    -------
    ndarray
        0 to 1, of the shape of `radius`.
    """
    v = np.pi * np.asarray(radius, dtype=float) / lambda_d
    return 1 - j0(v) ** 2 - j1(v) ** 2


def high_contrast_psf(
    shape: tuple[int, int],
    x: float,
    y: float,
    lambda_d: float,
    *,
    strehl: float = 0.8,
    halo_fwhm: float = 26.0,
    obscuration: float = 0.14,
    speckles: float = 0.25,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Star behind extreme adaptive optics: an Airy core with rings, and a halo of light left uncorrected.

    The halo is a wide Moffat profile that holds ``1 - strehl`` of the light. Both are of unit total flux
    over the plane; an image holds what falls on it.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    x, y, lambda_d : float
        As in `airy_psf`.
    strehl : float
        Share of the light in the diffraction pattern.
    halo_fwhm : float
        Full width at half maximum of the halo, pixels.
    obscuration : float
        As in `airy_psf`.
    speckles : float
        Contrast of the speckles in the halo (standard deviation over mean); 0, or no `rng`, for a smooth one.
    rng : numpy.random.Generator, optional
        Source of the speckles.

    Returns
    -------
    ndarray
        Share of the star's light in each pixel, ``[y, x]``.
    """
    halo = moffat_psf(shape, x, y, halo_fwhm, beta=2.5)
    if rng is not None and speckles > 0:
        # A speckle is as large as the core; smoothing white noise on that scale makes them.
        from scipy.ndimage import gaussian_filter

        grain = gaussian_filter(rng.normal(size=shape), 0.42 * lambda_d, mode="wrap")
        halo = halo * np.maximum(1 + speckles * grain / grain.std(), 0.02)
    return strehl * airy_psf(shape, x, y, lambda_d, obscuration=obscuration) + (1 - strehl) * halo


@builder("sphere_standin", "sphere_standin.fits")
def build_sphere_standin(path: Path) -> None:
    """Write the stand-in for SPHERE's star: counts, dark and sky subtracted, with 1-sigma errors."""
    rng = np.random.default_rng(135344)
    x, y = SPHERE_CENTRE
    light = SPHERE_FLUX * high_contrast_psf(SPHERE_SHAPE, x, y, SPHERE_LAMBDA_D, strehl=SPHERE_STREHL, rng=rng)
    image = observe(rng, light, read_noise=SPHERE_READ_NOISE)
    error = np.sqrt(expected_variance(light, read_noise=SPHERE_READ_NOISE))
    header = fits.Header()
    header["OBJECT"] = ("stand-in for HD 135344 B", "simulated")
    header["INSTRUME"] = ("simulated", "in the manner of VLT/SPHERE-IRDIS, H band")
    header["PIXSCALE"] = (0.01225, "arcsec per pixel")
    header["LAMBDA_D"] = (SPHERE_LAMBDA_D, "wavelength over pupil diameter, pixels")
    truth = QTable(
        {
            "x": [x] * u.pix,
            "y": [y] * u.pix,
            "flux": [SPHERE_FLUX] * u.adu,
            "strehl": [SPHERE_STREHL],
            "flux_on_image": [light.sum()] * u.adu,
        }
    )
    units = fits.Header([("BUNIT", "adu", "counts, gain 1")])
    # The image is a whole number of electrons plus read noise: a step far below the read noise loses nothing.
    write_fits(
        path,
        {"image": image, "error": error},
        header=header,
        headers={"image": units, "error": units},
        tables={"truth": truth},
        steps={"image": 1.0, "error": 0.05},
    )


# ------------------------------------------------------------------------------ nebula
def ring_nebula(
    shape: tuple[int, int],
    x: float,
    y: float,
    radius: float,
    *,
    width: float = 0.28,
    q: float = 0.86,
    theta: float = 0.6,
    lopsided: float = 0.35,
) -> np.ndarray:
    """Planetary nebula seen through its axis: a thick ring, brighter on one side, with a faint disc and halo.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    x, y : float
        Centre in pixels.
    radius : float
        Radius of the ring's crest along its major axis, pixels.
    width : float
        Width (sigma) of the ring over its radius.
    q, theta : float
        Axis ratio and angle of the major axis (radians from the x axis).
    lopsided : float
        Amplitude of the difference between the bright and the faint side.

    Returns
    -------
    ndarray
        Surface brightness, 1 at the crest of an even ring.
    """
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    dx, dy = xx - x, yy - y
    major, minor = dx * np.cos(theta) + dy * np.sin(theta), dy * np.cos(theta) - dx * np.sin(theta)
    r = np.hypot(major, minor / q) / radius
    angle = np.arctan2(minor, major)
    ring = np.exp(-0.5 * ((r - 1) / width) ** 2) * (1 + lopsided * np.cos(angle - 1.1) + 0.15 * np.cos(2 * angle))
    disc = 0.35 / (1 + np.exp((r - 1) / 0.2))
    # The halo ends: light beyond 2.2 radii would be lost in any sky estimate.
    halo = 0.10 * np.exp(-r / 0.8) / (1 + np.exp((r - 2.0) / 0.08))
    return ring + disc + halo


@builder("helix_standin", "helix_standin.fits")
def build_helix_standin(path: Path) -> None:
    """Write the stand-in for the Helix: a degree of sky with a WCS, counts with the sky in it."""
    rng = np.random.default_rng(7293)
    # The header's reference point is the image's middle, the nebula lies off it.
    wcs = tan_wcs(NEBULA_SHAPE, 337.52, -20.79, pixel_scale=NEBULA_SCALE, rotation=4.0)
    x, y = (float(v) for v in wcs.all_world2pix(*NEBULA_CENTRE, 0))
    nebula = 240.0 * ring_nebula(NEBULA_SHAPE, x, y, 6.6 * 60 / NEBULA_SCALE)
    positions = scatter(rng, 90, NEBULA_SHAPE, separation=5, margin=2)
    fluxes = 200 * rng.random(len(positions)) ** -0.9
    light = 900.0 + add_compact_stars(nebula.copy(), *positions.T, fluxes, 2.2, 3.0)
    image = observe(rng, light, read_noise=6.0)
    header = wcs.to_header()
    header["BUNIT"] = ("adu", "counts, gain 1, sky included")
    # As in the Digitized Sky Survey's headers.
    header["OBJECT"] = ("NGC 7293", "stand-in, simulated")
    inside = np.hypot(*(np.indices(NEBULA_SHAPE)[::-1] - np.array([x, y])[:, None, None])) <= 15 * 60 / NEBULA_SCALE
    truth = QTable(
        {
            "x": [x] * u.pix,
            "y": [y] * u.pix,
            "flux": [nebula.sum()] * u.adu,
            "sky": [900.0] * u.adu,
            "flux_15_arcmin": [nebula[inside].sum()] * u.adu,
        }
    )
    write_fits(path, {"image": np.rint(image).astype(np.int32)}, headers={"image": header}, tables={"truth": truth})


# ------------------------------------------------------------------------------ infrared field
def galactic_wcs(shape: tuple[int, int], l: float, b: float, pixel_scale: float = 1.2) -> WCS:
    """Galactic world coordinates in the plate carree projection, as the GLIMPSE mosaics have them.

    The reference point is on the Galactic equator far outside the image, so that the projection is true to
    size here; `l` and `b` are the coordinates of the image's middle in degrees, `pixel_scale` is in arcsec.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    l, b : float
        Galactic coordinates of its middle, degrees.
    pixel_scale : float
        Arcseconds per pixel.

    Returns
    -------
    WCS
        In degrees.
    """
    step = pixel_scale / 3600
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-CAR", "GLAT-CAR"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [18.0, 0.0]
    wcs.wcs.crpix = [(shape[1] + 1) / 2 + (l - 18.0) / step, (shape[0] + 1) / 2 - b / step]
    wcs.wcs.cd = [[-step, 0.0], [0.0, step]]
    wcs.wcs.set()
    return wcs


def add_compact_stars(
    image: np.ndarray, x: ArrayLike, y: ArrayLike, flux: ArrayLike, fwhm: float, beta: float, reach: int = 45
) -> np.ndarray:
    """Add Moffat stars that are hardly resolved, integrated over each pixel, in place.

    A narrow profile changes much within a pixel: the inner pixels are the mean of 9 x 9 points.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Float image, changed in place.
    x, y, flux : array_like
        Centres in pixels, total fluxes in the image's unit times pixels.
    fwhm, beta : float
        Of the Moffat profile, pixels.
    reach : int
        Half width of the stamp, pixels.

    Returns
    -------
    ndarray
        The same image.
    """
    fine, core = 9, 6
    for xi, yi, fi in zip(*np.broadcast_arrays(*np.atleast_1d(x, y, flux)), strict=True):
        j, i = int(round(float(yi))), int(round(float(xi)))
        size = 2 * reach + 1
        stamp = moffat_psf((size, size), xi - i + reach, yi - j + reach, fwhm, beta)
        points = (2 * core + 1) * fine
        # Pixel k of the fine grid lies at (k - (fine - 1) / 2) / fine pixels from the first pixel's centre.
        centre = (np.array([xi - i, yi - j]) + core) * fine + (fine - 1) / 2
        inner = moffat_psf((points, points), *centre, fwhm * fine, beta)
        inner = inner.reshape(2 * core + 1, fine, 2 * core + 1, fine).sum(axis=(1, 3))
        stamp[reach - core : reach + core + 1, reach - core : reach + core + 1] = inner
        rows = slice(max(0, j - reach), max(0, min(image.shape[0], j + reach + 1)))
        cols = slice(max(0, i - reach), max(0, min(image.shape[1], i + reach + 1)))
        if rows.stop > rows.start and cols.stop > cols.start:
            image[rows, cols] += (
                fi
                * stamp[rows.start - j + reach : rows.stop - j + reach, cols.start - i + reach : cols.stop - i + reach]
            )
    return image


def infrared_field(
    rng: np.random.Generator, shape: tuple[int, int] = INFRARED_SHAPE, count: int = 300
) -> tuple[np.ndarray, QTable]:
    """Infrared field in the Galactic plane: compact stars on diffuse emission, in MJy/sr.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : (ny, nx)
        Shape of the image.
    count : int
        Number of stars.

    Returns
    -------
    image : ndarray
        MJy/sr, without NaN pixels.
    truth : QTable
        ``x, y`` (pixel) and ``flux`` (mJy), brightest first.
    """
    # Real fluxes fall off steeply: ten times as many stars for a factor of ten in flux.
    flux = np.sort(0.55 * rng.random(count) ** -0.95)[::-1].clip(max=180.0)
    positions = scatter(rng, count, shape, separation=3.2, margin=3)
    # The brightest stars lie away from the edges, so that each can be measured.
    edge = np.minimum(positions, np.array([shape[1], shape[0]]) - 1 - positions).min(axis=1)
    positions = positions[np.argsort(edge < 22, kind="stable")]
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    sky = 3.6 + 0.9 * xx / shape[1] - 0.6 * yy / shape[0]
    sky += 0.8 * np.exp(-(((xx - 240) / 90) ** 2 + ((yy - 70) / 65) ** 2))
    pixel_area = (INFRARED_SCALE * u.arcsec).to(u.rad) ** 2
    per_mjy = (1 * u.mJy / pixel_area).to_value(u.MJy / u.sr, equivalencies=u.dimensionless_angles())
    light = add_compact_stars(sky, *positions.T, flux * per_mjy, INFRARED_FWHM, INFRARED_BETA)
    image = light + rng.normal(size=shape) * np.sqrt(0.08**2 + 0.006 * light)
    x, y = positions.T
    return image, QTable({"x": x * u.pix, "y": y * u.pix, "flux": flux * u.mJy})


@builder("spitzer_standin", "spitzer_standin.fits")
def build_spitzer_standin(path: Path) -> None:
    """Write the stand-in for the Spitzer field: image with NaN pixels, catalogue of brighter stars, truth."""
    rng = np.random.default_rng(45)
    image, truth = infrared_field(rng)
    wcs = galactic_wcs(INFRARED_SHAPE, 18.31, 0.24, INFRARED_SCALE)
    for x, y in _dead_pixels(truth):
        image[y, x] = np.nan
    header = wcs.to_header()
    header["BUNIT"] = "MJy/sr"
    write_fits(
        path,
        {"image": image},
        headers={"image": header},
        steps={"image": 0.0},
        tables={"spitzer_example_catalog": _catalogue(rng, truth, wcs), "truth": truth},
    )


def _dead_pixels(truth: QTable) -> list[tuple[int, int]]:
    """Pixels without a value: a few in the open, two side by side, one in the skirt of a bright star."""
    star = truth[4]
    return [(61, 203), (287, 37), (288, 37), (int(star["x"].value) + 3, int(star["y"].value) + 1), (171, 96)]


def _catalogue(rng: np.random.Generator, truth: QTable, wcs: WCS) -> QTable:
    """What a survey would publish of the field: stars above 0.9 mJy with a few per cent of scatter.

    Stars with a neighbour within 4 pixels come out a little too bright, as they do in life.
    """
    kept = truth[truth["flux"] > 0.9 * u.mJy]
    x, y = kept["x"].value, kept["y"].value
    error = np.hypot(0.03 * kept["flux"].value, 0.12)
    blended = nearest_neighbour(x, y) < 4
    flux = kept["flux"].value * np.where(blended, 1.08, 1.0) + error * rng.normal(size=len(kept))
    sky = wcs.pixel_to_world(x + rng.normal(scale=0.08, size=len(x)), y + rng.normal(scale=0.08, size=len(x)))
    return QTable({"l": sky.l.deg * u.deg, "b": sky.b.deg * u.deg, "f4_5": flux * u.mJy, "df4_5": error * u.mJy})
