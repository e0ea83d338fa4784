"""Photometry of a whole detector at once: sky, detection, positions, fluxes and errors without a loop over pixels.

Lectures 1 and 2 build each step in its plainest form, and the assignments ask for functions of one cut-out. The
functions here have other names, other arguments and another shape, on purpose: they take whole images, or all
cut-outs as one array of shape ``(n, ny, nx)``, and none of them answers an exercise. `measure_detector` is the sum
of them. Lecture 8 runs it over a focal plane (`photcourse.focal_plane`).

===================  ==============================================================================
`fit_sky`            level and noise of the sky in boxes, all boxes sorted in one go
`matched_filter`     the image convolved with a Gaussian PSF, as products of banded matrices
`crests`             pixels that beat their neighbours, looked for above a floor only
`cut_stamps`         windows around all stars as one array
`fit_stars`          flux, position and their errors of all stars, by weighted least squares
`measure_detector`   all of it: one image in, one small table out
===================  ==============================================================================

Images are indexed ``[y, x]``; positions are 0-based pixel coordinates. Work is done in single precision: a pixel's
noise is many thousand times larger than its rounding, and half of the bytes is half of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage
from scipy.special import ndtr, ndtri

__all__ = [
    "COLUMNS",
    "Sky",
    "Stars",
    "crests",
    "cut_stamps",
    "fit_sky",
    "fit_stars",
    "matched_filter",
    "measure_detector",
]

#: Columns of `measure_detector`.
COLUMNS = ("x", "y", "flux", "flux_err", "x_err", "y_err", "width", "sky", "share")

#: A Gaussian kernel and a star's window reach this many sigma: 6e-5 of the PSF's weight lies beyond, in each axis.
REACH = 4.0


@dataclass(frozen=True)
class Sky:
    """Sky of an image, known at the centres of boxes and linear between them.

    Attributes
    ----------
    level, noise : ndarray of shape (ky, kx)
        Level of the sky and standard deviation of one pixel in each box, in the unit of the image.
    y, x : ndarray of shape (ky,) and (kx,)
        Centres of the boxes, pixels.
    """

    level: np.ndarray
    noise: np.ndarray
    y: np.ndarray
    x: np.ndarray

    def map(self, shape: tuple[int, int]) -> np.ndarray:
        """Level in every pixel. Interpolation is linear in the values, so it is a product of three matrices."""
        rows, columns = _weights(np.arange(shape[0]), self.y), _weights(np.arange(shape[1]), self.x)
        return (rows @ self.level.astype(np.float32)) @ columns.T

    def at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Level and noise at positions."""
        rows, columns = _weights(np.asarray(y, float), self.y), _weights(np.asarray(x, float), self.x)
        level, noise = (np.einsum("nj,nj->n", rows @ mesh, columns) for mesh in (self.level, self.noise))
        return level, noise


def _weights(places: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Matrix of linear interpolation from nodes to places, constant beyond the outermost nodes."""
    matrix = np.zeros((len(places), len(nodes)), dtype=np.float32)
    which = np.arange(len(places))
    if len(nodes) == 1:
        matrix[:] = 1
        return matrix
    place = np.interp(places, nodes, np.arange(len(nodes)))
    left = np.minimum(place.astype(int), len(nodes) - 2)
    matrix[which, left] = 1 - (place - left)
    matrix[which, left + 1] += place - left
    return matrix


def fit_sky(image: np.ndarray, box: int = 64, *, clip: float = 2.0, rounds: int = 5, step: int = 2) -> Sky:
    """Level and noise of the sky in boxes.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Image; pixels that are not finite are left out.
    box : int
        Side of a box in pixels: larger than any source, smaller than the structure of the sky.
    clip : float
        Pixels further than this many sigma from the median are left out, again and again.
    rounds : int
        How often.
    step : int
        Take every `step`-th pixel of a box in both directions.

    Returns
    -------
    Sky
        The median of what remains and half of the width of its central 68 %, smoothed by a 3 x 3 median over boxes.

    Notes
    -----
    The values of each box are sorted once. From then on clipping needs no new median: what is kept is a stretch of
    the sorted values, its median is the value in the middle of the stretch, and its width is read at 15.87 % of it.
    Only the lower side gives the width, because sources add light and never take any away. Clipping narrows a Gaussian
    by a known factor, which is taken out. What remains of the sources' light lifts the median, by 0.02 of a pixel's
    noise in a field with one star in 40 x 40 pixels.
    """
    ny, nx = image.shape
    high, wide = min(box, ny), min(box, nx)
    top = np.rint(np.linspace(0, ny - high, math.ceil(ny / box))).astype(int)
    left = np.rint(np.linspace(0, nx - wide, math.ceil(nx / box))).astype(int)
    windows = sliding_window_view(image, (high, wide))[:, :, ::step, ::step]
    values = windows[top[:, None], left].astype(np.float32, copy=False).reshape(len(top) * len(left), -1)
    level, noise = _clipped(values, clip, rounds)
    mesh = (len(top), len(left))
    return Sky(
        _smooth_mesh(level.reshape(mesh)),
        _smooth_mesh(noise.reshape(mesh)),
        top + (high - 1) / 2,
        left + (wide - 1) / 2,
    )


def _clipped(values: np.ndarray, clip: float, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Median and width of each row after clipping; NaN for a row without a finite value."""
    values = np.sort(np.where(np.isfinite(values), values, np.inf), axis=1)
    row = np.arange(len(values))
    # Where the percentile 15.87 of a unit Gaussian lies that is cut off at +-clip.
    shrunk = -float(ndtri(ndtr(-clip) + 0.15866 * (1 - 2 * ndtr(-clip))))
    last = np.isfinite(values).sum(axis=1)
    empty = last == 0
    values[empty, 0] = 0
    first, last = np.zeros_like(last), np.maximum(last, 1)
    for done in range(rounds):
        middle, width = _middle_and_width(values, row, first, last, shrunk if done else 1.0)
        low, high = (middle - clip * width)[:, None], (middle + clip * width)[:, None]
        first, last = (values < low).sum(axis=1), (values <= high).sum(axis=1)
        last = np.maximum(last, first + 1)
    middle, width = _middle_and_width(values, row, first, last, shrunk if rounds else 1.0)
    middle[empty], width[empty] = np.nan, np.nan
    return middle, width


def _middle_and_width(
    values: np.ndarray, row: np.ndarray, first: np.ndarray, last: np.ndarray, shrunk: float
) -> tuple[np.ndarray, np.ndarray]:
    count = last - first
    middle = 0.5 * (values[row, first + (count - 1) // 2].astype(float) + values[row, first + count // 2])
    return middle, (middle - values[row, first + (0.15866 * count).astype(int)]) / shrunk


def _smooth_mesh(mesh: np.ndarray) -> np.ndarray:
    """3 x 3 median, over boxes without a value from those that have one."""
    if np.isnan(mesh).all():
        raise ValueError("the image has no finite pixel")
    if np.isnan(mesh).any():
        nearest = ndimage.distance_transform_edt(np.isnan(mesh), return_distances=False, return_indices=True)
        mesh = mesh[tuple(nearest)]
    return ndimage.median_filter(mesh, size=3, mode="nearest")


def _profile(offset: np.ndarray, sigma: float) -> np.ndarray:
    """One axis of the PSF: a Gaussian sampled at pixel centres, which falls apart into x and y."""
    return np.exp(-0.5 * (offset / sigma) ** 2) / (math.sqrt(2 * math.pi) * sigma)


def matched_filter(image: np.ndarray, sigma: float, *, block: int = 64) -> np.ndarray:
    """Convolve an image with a Gaussian of sum 1; beyond its edges it counts as zero.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Sky-subtracted image without NaN.
    sigma : float
        Width of the PSF in pixels.
    block : int
        Rows and columns that are treated in one product.

    Returns
    -------
    ndarray of float32
        The filtered image. Times ``4 pi sigma^2`` it is a map of maximum-likelihood fluxes (lecture 2); the noise
        of a pixel is that of the image over ``2 sqrt(pi) sigma``.

    Notes
    -----
    A Gaussian of x and y is a product, so rows and columns are filtered one after the other. To filter a column is to
    multiply it with a banded matrix, the kernel repeated along the diagonal. In blocks as large as a few kernels most
    of the matrix is not zero, and processors multiply matrices many times faster than they do anything else.
    """
    image = np.asarray(image, dtype=np.float32)
    ny, nx = image.shape
    reach = math.ceil(REACH * sigma)
    taps = _profile(np.arange(-reach, reach + 1), sigma)
    taps /= taps.sum()
    # band[k, j]: what pixel k - reach of the block's surroundings gives to pixel j of the block.
    lag = np.arange(block + 2 * reach)[:, None] - np.arange(block)
    band = np.where((lag >= 0) & (lag <= 2 * reach), taps[np.clip(lag, 0, 2 * reach)], 0).astype(np.float32)
    answer = np.empty_like(image)
    for top in range(0, ny, block):
        strip = _product(band, image, top, reach)
        for left in range(0, nx, block):
            answer[top : top + block, left : left + block] = _product(band, strip.T, left, reach).T
    return answer


def _product(band: np.ndarray, image: np.ndarray, start: int, reach: int) -> np.ndarray:
    """Rows ``start ...`` of the filtered image, from the rows around them that there are."""
    block = band.shape[1]
    first, last = max(0, start - reach), min(len(image), start + block + reach)
    inner = band[first - start + reach : last - start + reach, : min(block, len(image) - start)]
    return inner.T @ image[first:last]


def crests(filtered: np.ndarray, floor: float, border: int = 8) -> np.ndarray:
    """Pixels above a floor that beat their eight neighbours.

    Parameters
    ----------
    filtered : ndarray of shape (ny, nx)
        Filtered image.
    floor : float
        Value to be exceeded.
    border : int
        Width of the frame that is left out, at least 1.

    Returns
    -------
    ndarray of int, shape (n, 2)
        Row and column of each.

    Notes
    -----
    Few pixels lie above the floor; only these are compared with their neighbours, by their place in the flattened image.
    """
    nx = filtered.shape[1]
    inner = filtered[border:-border, border:-border]
    rows, columns = np.divmod(np.flatnonzero(inner > floor), max(1, inner.shape[1]))
    place = (rows + border) * nx + columns + border
    flat = filtered.ravel()
    for step in (1, -1, nx, -nx, nx + 1, nx - 1, -nx + 1, -nx - 1):
        place = place[flat[place] > flat[place + step]]
    return np.column_stack(np.divmod(place, nx))


def cut_stamps(image: np.ndarray, where: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut windows of ``2 reach + 1`` pixels around pixels, as one array.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Image, not smaller than a window.
    where : ndarray of int, shape (n, 2)
        Row and column of each middle pixel. At an edge the window moves inwards, so all have one size.
    reach : int
        Half of the window's side, rounded down.

    Returns
    -------
    stamps : ndarray of shape (n, side, side)
        The windows.
    corner : ndarray of int, shape (n, 2)
        Row and column of each window's first pixel.
    """
    side = 2 * reach + 1
    corner = np.clip(where - reach, 0, np.array(image.shape) - side)
    return sliding_window_view(image, (side, side))[corner[:, 0], corner[:, 1]], corner


@dataclass
class Stars:
    """What `fit_stars` finds; arrays of shape (n,), positions within the stamp (0 is its first pixel's centre).

    Attributes
    ----------
    x, y, x_err, y_err : ndarray
        Position and error, pixels.
    flux, flux_err : ndarray
        Flux and error, in the unit of the image.
    width : ndarray
        Gaussian width of the star itself, pixels; NaN where noise leaves none.
    share : ndarray
        Part of the information on the flux that lies on good pixels, 0 to 1.
    """

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    x_err: np.ndarray
    y_err: np.ndarray
    width: np.ndarray
    share: np.ndarray


def fit_stars(
    stamps: np.ndarray, x: np.ndarray, y: np.ndarray, sigma: float, noise: np.ndarray | float,
    *, gain: float | None = None, steps: int = 4, fixed: bool = False, good: np.ndarray | None = None,
) -> Stars:  # fmt: skip
    """Fit a Gaussian PSF of known width to all stamps at once: flux and position.

    Parameters
    ----------
    stamps : ndarray of shape (n, ny, nx)
        Sky-subtracted windows, one star in each.
    x, y : ndarray of shape (n,)
        First positions, within the stamp.
    sigma : float
        Width of the PSF in pixels.
    noise : ndarray of shape (n,) or float
        Standard deviation of a pixel of empty sky.
    gain : float, optional
        Electrons per unit of the image. With it a star's own photon noise counts in weights and errors; without it
        all pixels weigh the same.
    steps : int
        Rounds of the fit.
    fixed : bool
        Keep the positions.
    good : ndarray of bool, shape (n, ny, nx), optional
        Pixels to use.

    Returns
    -------
    Stars
        Fluxes, positions and errors.

    Notes
    -----
    The maximum of the likelihood for Gaussian noise, by Gauss-Newton steps; with equal weights the step of the position
    is twice the light's offset weighted with the PSF, as in SExtractor's windowed positions. The variance of
    a pixel is ``v = noise^2 + F p / gain`` with the *fitted* flux F and PSF p: weights taken from the noisy pixel
    itself would bias the flux (lecture 1). Errors are the Cramér-Rao bound at the fitted values,
    ``1 / sum(p^2 / v)`` for the flux and ``sigma^4 / (F^2 sum(p^2 (x - xc)^2 / v))`` for x: for a PSF that is even in
    x and y the information matrix is diagonal, so a fitted position costs the flux nothing
    (Winick 1986, JOSA A 3, 1809; Mendez et al. 2014, PASP 126, 798). Without a gain the errors hold the sky's
    noise only, and the scatter of bright stars is up to 1.15 (flux) and 1.33 (position) times the bound.

    The width uses that the light times a Gaussian of width sigma has the mean square ``m = 1 / (1/w^2 + 1/sigma^2)``.
    """
    x, y = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    rows, columns = np.arange(stamps.shape[1]), np.arange(stamps.shape[2])
    floor = np.broadcast_to(np.asarray(noise, np.float32) ** 2, x.shape)[:, None, None]
    weight = np.broadcast_to(1 / floor, stamps.shape)
    if good is not None:
        stamps, weight = np.where(good, stamps, np.float32(0)), weight * good
    for step in range(steps + 1):
        dx, dy = columns - x[:, None], rows - y[:, None]
        px, py = (_profile(d, sigma).astype(np.float32) for d in (dx, dy))
        even = _sums(weight, px**2, dx, py**2, dy)
        light = _sums(stamps * weight, px, dx, py, dy)
        flux = light[0] / even[0]
        if step == steps:
            break
        if not fixed:
            _move(x, y, flux, light, even, sigma)
        if gain is not None:
            own = np.maximum(flux / gain, 0).astype(np.float32)[:, None, None] * (py[:, :, None] * px[:, None, :])
            weight = 1 / (floor + own)
            if good is not None:
                weight = weight * good
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = sigma**2 / np.abs(flux)
        errors = 1 / np.sqrt(even[0]), slope / np.sqrt(even[3]), slope / np.sqrt(even[4])
    share = np.ones_like(flux) if good is None else _share(good, px, py)
    return Stars(x, y, flux, *errors, _own_width(stamps, px, dx, py, dy, sigma), share)


def _sums(values: np.ndarray, px: np.ndarray, dx: np.ndarray, py: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sums of values times px py, and of the same times dx, dy, dx^2, dy^2: first along x, then along y."""
    along = values @ np.stack([px, px * dx, px * dx**2], axis=2).astype(np.float32)
    down = np.stack([py, py * dy, py * dy**2], axis=1).astype(np.float32)
    both = (down @ along).astype(np.float64)
    return both[:, 0, 0], both[:, 0, 1], both[:, 1, 0], both[:, 0, 2], both[:, 2, 0]


def _move(
    x: np.ndarray,
    y: np.ndarray,
    flux: np.ndarray,
    light: tuple[np.ndarray, ...],
    even: tuple[np.ndarray, ...],
    sigma: float,
) -> None:
    """One Gauss-Newton step of the positions, in place: residual times slope over slope squared."""
    for place, data, model, square in ((x, light[1], even[1], even[3]), (y, light[2], even[2], even[4])):
        with np.errstate(divide="ignore", invalid="ignore"):
            move = sigma**2 * (data / flux - model) / square
        place += np.clip(np.nan_to_num(move, nan=0.0, posinf=0.5, neginf=-0.5), -0.5, 0.5)


def _own_width(
    stamps: np.ndarray, px: np.ndarray, dx: np.ndarray, py: np.ndarray, dy: np.ndarray, sigma: float
) -> np.ndarray:
    light, _, _, in_x, in_y = _sums(stamps, px, dx, py, dy)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 2 * light / (in_x + in_y) - 1 / sigma**2
        return np.where((light > 0) & (inverse > 0), 1 / np.sqrt(inverse), np.nan)


def _share(good: np.ndarray, px: np.ndarray, py: np.ndarray) -> np.ndarray:
    inside = np.einsum("ni,nij,nj->n", py**2, good, px**2, optimize=True)
    return inside / ((py**2).sum(axis=1) * (px**2).sum(axis=1))


def measure_detector(
    image: np.ndarray, sigma: float, *, threshold: float = 5.0, gain: float | None = None, bad: np.ndarray | None = None,
    box: int = 64, border: int = 8, sky: Sky | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Find and measure all stars of one detector.

    Parameters
    ----------
    image : ndarray of shape (ny, nx)
        Calibrated image, any number type, the sky still in it or not; not finite pixels are bad.
    sigma : float
        Width of the PSF in pixels.
    threshold : float
        In sigma of the filtered image, with the local noise.
    gain : float, optional
        Electrons per unit of the image, see `fit_stars`.
    bad : ndarray of bool, optional
        Pixels not to use.
    box : int
        Side of the boxes of `fit_sky`.
    border : int
        Width of the frame in which no star is looked for.
    sky : Sky, optional
        The sky, if it is known; measured on the image by default.

    Returns
    -------
    DataFrame
        One row a star, with the `COLUMNS`: position, flux and errors, the star's own Gaussian `width`, the level of
        the `sky` there, and the `share` of good pixels. No rows where nothing is found.

    Notes
    -----
    Stars nearer than about 3 sigma make one summit and so one row; the light of a neighbour 4 sigma away adds 2 % of
    the neighbour's flux. The remedy is to fit them together (lecture 7).
    """
    pixels = np.array(image, dtype=np.float32)
    unusable = ~np.isfinite(pixels)
    if bad is not None:
        unusable |= bad
    flawed = bool(unusable.any())
    if flawed:
        pixels[unusable] = np.nan
    sky = fit_sky(pixels, box) if sky is None else sky
    pixels -= sky.map(pixels.shape)
    if flawed:
        pixels[unusable] = 0
    filtered = matched_filter(pixels, sigma)
    # Noise of the filtered image over noise of the image: sqrt(sum k^2) of a Gaussian kernel of sum 1.
    quieter = 1 / (2 * math.sqrt(math.pi) * sigma)
    where = crests(filtered, threshold * quieter * float(sky.noise.min()), border)
    level, noise = sky.at(where[:, 1], where[:, 0])
    height = filtered[where[:, 0], where[:, 1]]
    kept = height > threshold * quieter * noise
    where, level, noise = where[kept], level[kept], noise[kept]
    stamps, corner = cut_stamps(pixels, where, math.ceil(REACH * sigma))
    good = ~cut_stamps(unusable, where, math.ceil(REACH * sigma))[0] if flawed else None
    x, y = (where - corner)[:, 1] + _vertex(filtered, where, 1), (where - corner)[:, 0] + _vertex(filtered, where, 0)
    stars = fit_stars(stamps, x, y, sigma, noise, gain=gain, good=good)
    return pd.DataFrame({"x": stars.x + corner[:, 1], "y": stars.y + corner[:, 0], "flux": stars.flux,
                         "flux_err": stars.flux_err, "x_err": stars.x_err, "y_err": stars.y_err, "width": stars.width,
                         "sky": level, "share": stars.share})  # fmt: skip


def _vertex(filtered: np.ndarray, where: np.ndarray, axis: int) -> np.ndarray:
    """Offset of each summit along an axis, from a Gaussian through three pixels (lecture 2)."""
    step = np.zeros(2, dtype=int)
    step[axis] = 1
    before, at, after = (filtered[tuple((where + k * step).T)] for k in (-1, 0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b, c = np.log(before), np.log(at), np.log(after)
        offset = 0.5 * (a - c) / (a - 2 * b + c)
    return np.where(np.isfinite(offset), np.clip(offset, -0.5, 0.5), 0.0)
