"""Crowded fields with known truth, for the challenge: single stars, close pairs, and the bound on each flux."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import QTable

from .noise import observe
from .registry import builder, write_fits

__all__ = ["CrowdedField", "crowded_field", "sampled_psf"]

#: Side of the PSF image in pixels, and half of the window in which a star is put in.
PSF_SIDE = 25
_CELL = 17


@dataclass(frozen=True)
class CrowdedField:
    """A simulated field.

    Parameters
    ----------
    image, variance : ndarray of shape (ny, nx)
        Background-subtracted electrons per pixel, and their expected variance (stars, sky, read noise).
    psf : ndarray of shape (25, 25)
        The PSF sampled at pixel centres, centred on its middle pixel, of sum 1.
    truth : QTable
        ``x, y`` (pixel), ``flux`` (electrons), ``sigma`` (Cramér-Rao bound of the flux of a single star),
        ``isolated`` (no neighbour within 9 pixels).
    """

    image: np.ndarray
    variance: np.ndarray
    psf: np.ndarray
    truth: QTable


def _profile(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Normalised PSF: a slightly elliptical core of 80 % and a round halo of 20 % of the light."""
    angle = np.deg2rad(30.0)
    u, v = dx * np.cos(angle) + dy * np.sin(angle), -dx * np.sin(angle) + dy * np.cos(angle)
    core = np.exp(-0.5 * ((u / 1.75) ** 2 + (v / 1.5) ** 2)) / (2 * np.pi * 1.75 * 1.5)
    halo = np.exp(-0.5 * (dx**2 + dy**2) / 3.0**2) / (2 * np.pi * 3.0**2)
    return 0.8 * core + 0.2 * halo


def sampled_psf(x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """PSF on a stamp of 25 x 25 pixels, its centre `x`, `y` pixels right of and above the middle pixel's.

    Parameters
    ----------
    x, y : float
        Offset of the centre, pixels.

    Returns
    -------
    ndarray of shape (25, 25)
        Share of the light in each pixel.
    """
    half = PSF_SIDE // 2
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1]
    return _profile(xx - x, yy - y)


def _positions(
    rng: np.random.Generator, shape: tuple[int, int], pairs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions on a jittered grid, some of them doubled; and which are single."""
    ny, nx = shape[0] // _CELL, shape[1] // _CELL
    j, i = np.divmod(rng.permutation(ny * nx), nx)
    x = (i + 0.5) * _CELL + rng.uniform(-3.2, 3.2, len(i))
    y = (j + 0.5) * _CELL + rng.uniform(-3.2, 3.2, len(j))
    single = np.arange(len(x)) >= pairs
    angle, distance = rng.uniform(0, 2 * np.pi, pairs), rng.uniform(4.6, 6.0, pairs)
    x = np.concatenate([x, x[:pairs] + distance * np.cos(angle)])
    y = np.concatenate([y, y[:pairs] + distance * np.sin(angle)])
    return x, y, np.concatenate([single, np.zeros(pairs, bool)])


def crowded_field(
    rng: np.random.Generator,
    shape: tuple[int, int] = (136, 170),
    pairs: int = 12,
    sky: float = 60.0,
    read_noise: float = 5.0,
) -> CrowdedField:
    """Simulate a field.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : (ny, nx)
        Shape of the image.
    pairs : int
        Number of close pairs, 4.6 to 6 pixels apart.
    sky : float
        Electrons per pixel, subtracted from the image, not from its noise.
    read_noise : float
        Electrons.

    Returns
    -------
    CrowdedField
        Signal-to-noise ratios of single stars are between 12 and 250, evenly in their logarithm; of stars in
        pairs between 25 and 250.

    Notes
    -----
    The bound of a single star's flux F at known PSF p and pixel variance v, at unknown position, is
    ``sigma^2 = 1 / sum(p^2 / v)`` as long as the PSF is symmetric under a turn by 180 degrees: then flux and
    position are not correlated (Fisher information; e.g. Mendez et al. 2014, PASP 126, 798).
    """
    x, y, single = _positions(rng, shape, pairs)
    floor = np.sqrt((sky + read_noise**2) / (sampled_psf() ** 2).sum())
    ratio = np.exp(rng.uniform(np.log(np.where(single, 12.0, 25.0)), np.log(250.0)))
    # Flux at which signal / sqrt(own Poisson noise + noise of the empty sky) is `ratio`.
    flux = 0.5 * (ratio**2 + np.sqrt(ratio**4 + 4 * ratio**2 * floor**2))
    light = np.zeros(shape)
    for xi, yi, fi in zip(x, y, flux, strict=True):
        _put(light, xi, yi, fi)
    variance = light + sky + read_noise**2
    image = observe(rng, light + sky, read_noise=read_noise) - sky
    sigma = np.array([_bound(variance, xi, yi) for xi, yi in zip(x, y, strict=True)])
    truth = QTable({"x": x, "y": y, "flux": flux, "sigma": sigma, "isolated": single})
    return CrowdedField(image, variance, sampled_psf() / sampled_psf().sum(), truth)


def _window(shape: tuple[int, ...], x: float, y: float) -> tuple[tuple[slice, slice], np.ndarray]:
    half = PSF_SIDE // 2
    column, row = int(np.rint(x)), int(np.rint(y))
    rows, columns = slice(max(0, row - half), row + half + 1), slice(max(0, column - half), column + half + 1)
    yy, xx = np.mgrid[rows.start : min(rows.stop, shape[0]), columns.start : min(columns.stop, shape[1])]
    return (rows, columns), _profile(xx - x, yy - y)


def _put(light: np.ndarray, x: float, y: float, flux: float) -> None:
    window, profile = _window(light.shape, x, y)
    light[window] += flux * profile


def _bound(variance: np.ndarray, x: float, y: float) -> float:
    window, profile = _window(variance.shape, x, y)
    return float(1 / np.sqrt((profile**2 / variance[window]).sum()))


@builder("practice_field", "practice_field.fits")
def build_practice_field(path: Path) -> None:
    """Make the practice field of the challenge."""
    field = crowded_field(np.random.default_rng(2026))
    header = fits.Header()
    header["BUNIT"] = ("electron", "background subtracted")
    planes = {"image": field.image.astype(np.float32), "variance": field.variance.astype(np.float32), "psf": field.psf}
    write_fits(path, planes, header=header, tables={"truth": field.truth})
