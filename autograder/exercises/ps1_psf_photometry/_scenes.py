"""Scenes with known truth for the hidden cases of ps1's pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Relative spread of the PSF flux over the choices that the contract leaves free. Largest is a PSF re-normalised
#: on the smallest cut-out: with 11 pixels and the peak 0.4 pixel off the centre it is 0.6 % low at sigma 1.75
#: (the widest PSF of the scenes), 1.3 % at sigma 2 (the exposure). A PSF put on the peak's pixel loses 1.7 %.
FLUX_SPREAD = 0.007
EXPOSURE_FLUX_SPREAD = 0.01
#: Relative spread of the moments over the cut-out's free size: 2 % low on 11 pixels at sigma 2.1, where the
#: wings are cut, up to 2 % high on 31 pixels at `BRIGHT`, where noise adds to the sum of squares.
MOMENT_SPREAD = 0.02
#: Moments are graded for stars above this many times the noise of a pixel.
BRIGHT = 15_000.0


def field(rng: np.random.Generator, shape: tuple[int, int], sigma: float, noise: float, flux: np.ndarray, *,
          edge: int = 0, glow: float = 0.0, stretch: float = 1.0) -> tuple[np.ndarray, dict[str, Any]]:
    """Simulate isolated stars on an empty sky.

    Parameters
    ----------
    rng : Generator
        Everything random.
    shape : (ny, nx)
        Rows and columns.
    sigma : float
        Width of the Gaussian PSF in pixels.
    noise : float
        Standard deviation of a pixel.
    flux : ndarray
        Fluxes of the stars that are graded, all at least 18 pixels from an edge.
    edge : int
        Number of further stars 6 to 9 pixels from the left or the lower edge; they are not graded.
    glow : float
        Level of a glow in the last two columns, an edge artefact.
    stretch : float
        By what factor the stars are wider along x, as where the telescope drifted.

    Returns
    -------
    image, truth : ndarray, dict
        `truth` in the form of `photcheck.comparators.Catalogue`.
    """
    ny, nx = shape
    x_all, y_all = _places(rng, shape, len(flux), edge)
    light = np.zeros(shape)
    rows, columns = np.arange(ny), np.arange(nx)
    for px, py, f in zip(x_all, y_all, [*flux, *np.full(edge, 5e3 * noise)], strict=True):
        along_x = np.exp(-(((columns - px) / stretch) ** 2) / (2 * sigma**2))
        light += np.outer(f / (2 * np.pi * sigma**2 * stretch) * np.exp(-((rows - py) ** 2) / (2 * sigma**2)), along_x)
    if glow:
        light[:, -2:] += glow * (1 + 0.8 * np.sin(2 * np.pi * np.arange(ny) / 23.0)[:, None])
    image = light + rng.normal(0, noise, shape)
    inside = slice(None, len(flux))
    truth = catalogue_truth(x_all[inside], y_all[inside], flux, sigma, noise, stretch=stretch)
    return image, {**truth, "may_x": x_all[len(flux):], "may_y": y_all[len(flux):]}


def catalogue_truth(x: np.ndarray, y: np.ndarray, flux: np.ndarray, sigma: float, noise: float, *,
                    spread: float = FLUX_SPREAD, stretch: float = 1.0) -> dict[str, Any]:
    """Return what a right catalogue of stars holds, and how far it may be off.

    Two Gaussians overlap as ``1 / (2 pi sqrt((sx^2 + s^2) (sy^2 + s^2)))``, so that a star wider along x by a factor k
    has a PSF flux of ``sqrt(2 / (1 + k^2))`` of its own. The flux's scale is the Cramer-Rao bound of the PSF flux for
    a known position, 2 sqrt(pi) sigma noise, in quadrature with the spread of the free choices; the moments' is that
    spread alone, the stars being bright.
    """
    moment = np.full(len(x), sigma / np.sqrt(2))
    bright = flux >= BRIGHT * noise
    flux = flux * np.sqrt(2 / (1 + stretch**2))
    return {
        "x": np.asarray(x, float), "y": np.asarray(y, float),
        "gaussian_flux": np.asarray(flux, float),
        "sigma_gaussian_flux": np.hypot(2 * np.sqrt(np.pi) * sigma * noise, spread * flux),
        "moment_x": stretch * moment, "moment_y": moment,
        "sigma_moment_x": MOMENT_SPREAD * stretch * moment, "sigma_moment_y": MOMENT_SPREAD * moment,
        "use_moment_x": bright, "use_moment_y": bright,
    }  # fmt: skip


def _places(rng: np.random.Generator, shape: tuple[int, int], count: int, edge: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of `count` stars well inside and, after them, of `edge` stars near the left or the lower edge.

    All are 26 pixels apart along x or along y: a cut-out of 31 pixels reaches 16.5 from its star, and the widest star
    (2.1 pixels along x) has nothing left 9 pixels further. 26 pixels across the diagonal would not do: at 17 and 20,
    the corner of a faint star's cut-out holds enough of a bright one to pull the centroid by a pixel. A field that
    fills up is begun anew.

    Raises
    ------
    RuntimeError
        Where so many stars do not fit.
    """
    ny, nx = shape
    for _ in range(200):
        placed: list[tuple[float, float]] = []
        for _ in range(1500):
            # The edges first: there is less room.
            near_edge = len(placed) < edge
            x, y = _at_edge(rng, nx, ny, len(placed) % 2 == 1) if near_edge else _inside(rng, nx, ny)
            if all(abs(x - a) > 26 or abs(y - b) > 26 for a, b in placed):
                placed.append((x, y))
                if len(placed) == count + edge:
                    x_all, y_all = np.array(placed[edge:] + placed[:edge]).T
                    return x_all, y_all
    raise RuntimeError(f"{count} stars and {edge} at the edges do not fit into {shape}")


def _inside(rng: np.random.Generator, nx: int, ny: int) -> tuple[float, float]:
    """A place at least 18 pixels from every edge and well off the centre of its pixel."""
    # Drawn at once and placed in plain Python: thousands of these are thrown away.
    where, off, side = rng.random((3, 2)).tolist()
    x, y = (
        round(18 + (n - 37) * w) + (0.22 + 0.2 * o) * (1 if s < 0.5 else -1)
        for n, w, o, s in zip((nx, ny), where, off, side, strict=True)
    )
    return x, y


def _at_edge(rng: np.random.Generator, nx: int, ny: int, left: bool) -> tuple[float, float]:
    across = rng.uniform(6.6, 8.8)
    return (across, rng.uniform(14, ny - 15)) if left else (rng.uniform(14, nx - 15), across)


def table_of_sizes(rng: np.random.Generator, sigma: float, stars: int, galaxies: int,
                   spurious: int) -> dict[str, np.ndarray]:
    """Simulate the columns that `run_photometry` gives for a field, with the biases that a real table has.

    The squared-flux moment of a star of flux F on n pixels with noise s is, on average,
    ``(S sigma^2 / 2 + s^2 sum(dx^2)) / (S + n s^2)`` with ``S = F^2 / (4 pi sigma^2)``: noise makes faint stars
    look large. Galaxies are larger than the PSF, spurious sources (what is left of a cosmic ray) smaller.
    """
    count = stars + galaxies + spurious
    kind = np.repeat([0, 1, 2], [stars, galaxies, spurious])
    flux = np.exp(rng.uniform(np.log(6e3), np.log(5e5), count))
    width = np.select([kind == 0, kind == 1], [np.full(count, sigma), sigma * rng.uniform(1.25, 3.2, count)],
                      sigma * rng.uniform(0.45, 0.8, count))
    # The brightest source is a galaxy: it tells nothing of the PSF.
    brightest, widest = int(np.argmax(flux)), int(np.argmax(np.where(kind == 1, width, 0)))
    flux[[brightest, widest]] = flux[[widest, brightest]]
    half, noise = 10, 15.0
    offsets = np.arange(-half, half + 1)
    lever, pixels = (2 * half + 1) * np.sum(offsets**2), (2 * half + 1) ** 2
    power = flux**2 / (4 * np.pi * width**2)
    size2 = (power * width**2 / 2 + noise**2 * lever) / (power + pixels * noise**2)
    scatter = rng.normal(0, 0.006, (2, count))
    stretch = np.where(kind == 1, rng.uniform(-0.15, 0.15, count), 0)
    moments = np.sqrt(size2) * (1 + scatter + np.array([stretch, -stretch]))
    order = rng.permutation(count)
    columns = {"centroid_x": rng.uniform(10, 540, count), "centroid_y": rng.uniform(10, 460, count),
               "moment_x": moments[0], "moment_y": moments[1],
               "gaussian_flux": flux * 2 * sigma**2 / (sigma**2 + width**2)}
    return {name: values[order] for name, values in columns.items()}
