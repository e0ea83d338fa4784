"""Point-spread functions and the light of single sources, drawn on small stamps."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls
from scipy.special import erf, gamma, gammaincinv

__all__ = ["add_galaxies", "add_stars", "gaussian_psf", "moffat_psf", "sersic_galaxy", "sersic_mixture"]

#: A Gaussian is drawn out to this many sigma: beyond it lies 4e-8 of its light in each axis.
REACH = 5.5


def gaussian_psf(shape: tuple[int, int], x: float, y: float, sigma: float, *, integrate: bool = False) -> np.ndarray:
    """Circular Gaussian point-spread function of unit flux.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    x, y : float
        Centre, in pixels.
    sigma : float
        Width (standard deviation), in pixels.
    integrate : bool
        Integrate over each pixel instead of taking the value at its centre. Integrating widens the
        profile to a variance of sigma**2 + 1/12.

    Returns
    -------
    ndarray
        Flux fraction per pixel, ``[y, x]``.
    """
    ny, nx = shape
    profile = _integrated if integrate else _sampled
    return np.outer(profile(np.arange(ny) - y, sigma), profile(np.arange(nx) - x, sigma))


def _sampled(offset: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * (offset / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)


def _integrated(offset: np.ndarray, sigma: float) -> np.ndarray:
    scale = 1 / (np.sqrt(2) * sigma)
    return 0.5 * (erf((offset + 0.5) * scale) - erf((offset - 0.5) * scale))


def moffat_psf(shape: tuple[int, int], x: float, y: float, fwhm: float, beta: float = 3.0) -> np.ndarray:
    """Moffat point-spread function of unit total flux, sampled at pixel centres.

    ``I(r) = (beta - 1) / (pi a^2) (1 + (r/a)^2)^-beta`` with ``a = fwhm / (2 sqrt(2^(1/beta) - 1))``
    (Moffat 1969, A&A 3, 455). The wings outside the image are missing from its sum.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    x, y : float
        Centre, pixels.
    fwhm : float
        Full width at half maximum, pixels.
    beta : float
        Exponent of the wings.

    Returns
    -------
    ndarray of shape (ny, nx)
        Share of the light in each pixel.

    Raises
    ------
    ValueError
        For ``beta <= 1`` the total flux is infinite.
    """
    if beta <= 1:
        raise ValueError("a Moffat profile has a finite flux only for beta > 1")
    a = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return (beta - 1) / (np.pi * a**2) * (1 + ((xx - x) ** 2 + (yy - y) ** 2) / a**2) ** -beta


def add_stars(
    image: np.ndarray, x: ArrayLike, y: ArrayLike, flux: ArrayLike, sigma: ArrayLike, *, integrate: bool = False
) -> np.ndarray:
    """Add Gaussian stars to an image, in place, each on a stamp of its own size.

    Parameters
    ----------
    image : ndarray
        float image, changed in place.
    x, y, flux : array_like
        Centres in pixels and fluxes in the image's unit.
    sigma : float or array_like
        Width of the point-spread function in pixels, one or one per star.
    integrate : bool
        As in `gaussian_psf`.

    Returns
    -------
    ndarray
        The same image.
    """
    profile = _integrated if integrate else _sampled
    for xi, yi, fi, si in zip(*np.broadcast_arrays(*np.atleast_1d(x, y, flux, sigma)), strict=True):
        rows, columns = _window(image.shape, xi, yi, REACH * si + 1)
        vertical = profile(np.arange(rows.start, rows.stop) - yi, si)
        image[rows, columns] += fi * np.outer(vertical, profile(np.arange(columns.start, columns.stop) - xi, si))
    return image


def _window(shape: tuple[int, ...], x: float, y: float, reach: float) -> tuple[slice, slice]:
    def span(centre: float, size: int) -> slice:
        start = int(np.clip(np.floor(centre - reach), 0, size))
        return slice(start, max(start, int(np.clip(np.ceil(centre + reach) + 1, 0, size))))

    return span(y, shape[0]), span(x, shape[1])


@lru_cache(maxsize=32)
def sersic_mixture(n: float) -> tuple[np.ndarray, np.ndarray]:
    """Sersic profile of half-light radius 1 and flux 1 as a sum of round Gaussians.

    A sum of Gaussians convolves with a Gaussian point-spread function exactly (Hogg & Lang 2013, PASP 125,
    719). The weights are fitted here by non-negative least squares to the light in rings, so that they
    conserve flux; the profile is followed out to the radius that holds 99 % of its light, as a
    survey's model profiles are cut too. The half-light radius is right to 0.4 % up to n = 2.5, and
    3 % small at n = 4.

    Parameters
    ----------
    n : float
        Sersic index, 0.5 (Gaussian) to 4 (de Vaucouleurs).

    Returns
    -------
    weights, sigmas : ndarray
        Flux of each Gaussian (sum 1) and its width in half-light radii.
    """
    if not 0.5 <= n <= 4:
        raise ValueError("the Sersic index must lie between 0.5 and 4")
    # b makes radius 1 hold half of the light; the light within r is P(2n, b r^(1/n)), P the regularised
    # incomplete gamma function (Graham & Driver 2005, PASA 22, 118).
    b = gammaincinv(2 * n, 0.5)
    edge = (gammaincinv(2 * n, 0.99) / b) ** n
    radii = np.concatenate([[0], np.geomspace(0.01, edge, 160)])
    sigmas = np.geomspace(0.02, edge / 1.5, 14)
    middle = np.sqrt(np.maximum(radii[1:] * radii[:-1], 1e-6))
    rings = np.pi * np.diff(radii**2)
    intensity = b ** (2 * n) / (2 * np.pi * n * gamma(2 * n)) * np.exp(-b * middle ** (1 / n))
    light = intensity * rings
    model = np.diff(1 - np.exp(-0.5 * (radii[:, None] / sigmas) ** 2), axis=0)
    weights, _ = nnls(model, light, maxiter=3000)
    kept = weights > 1e-4 * weights.sum()
    return weights[kept] / weights[kept].sum(), sigmas[kept]


def sersic_galaxy(
    shape: tuple[int, int],
    x: float,
    y: float,
    hlr: float,
    *,
    n: float = 1.0,
    q: float = 1.0,
    theta: float = 0.0,
    sigma_psf: float = 0.0,
) -> np.ndarray:
    """Elliptical Sersic galaxy of unit flux, convolved with a Gaussian point-spread function.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the image.
    x, y : float
        Centre in pixels.
    hlr : float
        Half-light radius along the major axis, in pixels, before convolution.
    n : float
        Sersic index.
    q : float
        Axis ratio, minor over major.
    theta : float
        Angle of the major axis, radians from the x axis towards the y axis.
    sigma_psf : float
        Width of the point-spread function in pixels.

    Returns
    -------
    ndarray
        Flux fraction per pixel, ``[y, x]``, sampled at pixel centres.
    """
    weights, sigmas = sersic_mixture(float(n))
    dy, dx = np.arange(shape[0])[:, None] - y, np.arange(shape[1]) - x
    major, minor = dx * np.cos(theta) + dy * np.sin(theta), dy * np.cos(theta) - dx * np.sin(theta)
    major2, minor2 = major**2, minor**2
    image = np.zeros(shape)
    for weight, width in zip(weights, sigmas, strict=True):
        a2, b2 = (width * hlr) ** 2 + sigma_psf**2, (width * hlr * q) ** 2 + sigma_psf**2
        image += weight / (2 * np.pi * np.sqrt(a2 * b2)) * np.exp(-0.5 * (major2 / a2 + minor2 / b2))
    return image


def add_galaxies(
    image: np.ndarray,
    x: ArrayLike,
    y: ArrayLike,
    flux: ArrayLike,
    hlr: ArrayLike,
    *,
    n: ArrayLike = 1.0,
    q: ArrayLike = 1.0,
    theta: ArrayLike = 0.0,
    sigma_psf: float,
) -> np.ndarray:
    """Add galaxies to an image, in place; the parameters are those of `sersic_galaxy`, one per galaxy.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Changed in place.
    x, y : array-like
        Centres, pixels.
    flux : array-like
        In the image's unit.
    hlr : array-like
        Half-light radii, pixels.
    n, q, theta : array-like
        Sersic index, axis ratio, and angle in radians.
    sigma_psf : float
        Gaussian width of the point-spread function, pixels.

    Returns
    -------
    ndarray
        The same image.
    """
    columns = np.broadcast_arrays(*np.atleast_1d(x, y, flux, hlr, n, q, theta))
    for xi, yi, fi, hi, ni, qi, ti in zip(*columns, strict=True):
        _, widths = sersic_mixture(float(ni))
        reach = REACH * np.hypot(sigma_psf, 0.6 * widths.max() * hi)
        rows, cols = _window(image.shape, xi, yi, reach)
        stamp = (rows.stop - rows.start, cols.stop - cols.start)
        if min(stamp) > 0:
            image[rows, cols] += fi * sersic_galaxy(
                stamp, xi - cols.start, yi - rows.start, hi, n=ni, q=qi, theta=ti, sigma_psf=sigma_psf
            )
    return image
