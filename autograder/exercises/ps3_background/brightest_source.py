"""Flux and error of the brightest source of a background-subtracted image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photcourse import data
from photgrader.exercise import Case, Exercise

from ._scenes import star_scene

exercise = Exercise(
    "Brightest source",
    # Position: a whole pixel. Flux: to 0.1 %, as from 15 x 15 sub-pixels or more.
    # Error: sqrt(sum(w e^2)) and sqrt(sum(w^2 e^2)) are both in use; they differ by 5.6 % at a radius of 3 pixels,
    # the smallest graded, and less at larger ones. Errors added linearly are off by a factor of 5 and more.
    compare=Numbers(("x", "y", "flux", "flux_error"), atols=(1e-6, 1e-6, 0.02, 1e-6), rtols=(0.0, 0.0, 1e-3, 0.06),
                    units=("pixel", "pixel", "counts", "counts")),
    picture="scalar",
    shown=("holes", "a dead pixel", "a lone bright pixel"),
)


@exercise.reference
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture

    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    aperture = CircularAperture((x, y), radius)
    flux, flux_error = aperture.do_photometry(np.nan_to_num(image), error=np.nan_to_num(error))
    return int(x), int(y), float(flux[0]), float(flux_error[0])


def _pair(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float, flux: float,
          sky: float = 160.0) -> tuple[np.ndarray, np.ndarray]:
    """An image with its sky subtracted, one bright and two fainter stars, and its error before subtraction."""
    others = [(0.2 * shape[1], 0.85 * shape[0]), (0.85 * shape[1], 0.15 * shape[0])]
    image = star_scene(rng, shape, [(x, y), *others], [flux, 0.35 * flux, 0.2 * flux], sigma=1.7, sky=sky,
                       noise=np.sqrt(sky))
    return np.round(image - sky, 2), np.round(np.sqrt(np.clip(image, 0, None)), 3)


@exercise.provided
def provided() -> Iterator[Case]:
    rng = np.random.default_rng(44)
    image, error = _pair(rng, (38, 52), 33.3, 16.8, 26000.0)
    yield Case("a star off the middle", image, error, tests="default radius, an image wider than tall")
    yield Case("another radius", image, error, 3.0, tests="the same star with a radius of 3 pixels")
    if data.load("m13").origin == "archive":
        real = data.load("m13", prefer="archive").cube[0]
        y, x = np.unravel_index(np.argmax(real[20:-20, 20:-20]), real[20:-20, 20:-20].shape)
        region = ((int(y), int(y) + 40), (int(x) - 5, int(x) + 40))
        cut = DataRef("m13", "image", region, "archive", minus=512.0)
        # The same error everywhere: the square root of the counts would put the file's pixels into the project.
        yield Case("the real frame", cut, np.full((40, 45), 25.0),
                   tests="around the brightest pixel of the first real frame", dataset="m13")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    ny, nx = int(rng.integers(44, 52)), int(rng.integers(60, 75))
    x, y = rng.uniform(24, 30), rng.uniform(13, 19)
    image, error = _pair(rng, (ny, nx), x, y, rng.uniform(2e4, 4e4))
    # At this radius the circle's area is eight pixels more than the number of pixel centres inside.
    yield Case("a fresh star", image, error, round(float(rng.uniform(4.9, 4.98)), 3), points=2,
               tests="a star elsewhere, with a radius of nearly 5 pixels")
    image, error = _pair(rng, (nx, ny), y, x, rng.uniform(2e4, 4e4))
    j, i = int(round(x)), int(round(y))
    # Holes in the wing of the star and away from it, never at its peak.
    for dj, di in ((3, -1), (-2, 2), (12, 4)):
        image[j + dj, i + di] = error[j + dj, i + di] = np.nan
    # In thousands of counts, so that a hole that is filled with a one instead of nothing shows.
    yield Case("holes", image / 1000, error / 1000, tests="some NaN pixels, two of them inside the aperture")
    image, error = _pair(rng, (ny, nx), x, y, rng.uniform(2e4, 4e4))
    j, i = int(ny * 0.55), int(nx * 0.75)
    image[j, i], error[j, i] = -6000.0, 900.0
    yield Case("a dead pixel", image, error, 4.5, points=0.5,
               tests="a pixel far below zero, with a large error, away from the star")
    yield Case("whole numbers", np.rint(image).astype(np.int32), error, 4.5, points=0.5,
               tests="an image of whole numbers")
    image, error = _pair(rng, (ny, nx), x, y, rng.uniform(2e4, 4e4))
    # Far above the star's peak, far below the star's flux: on a smoothed image the star would win.
    j, i = int(ny * 0.6), int(nx * 0.7)
    image[j, i] += 1.5 * np.nanmax(image)
    error[j, i] = np.round(np.sqrt(image[j, i] + 160.0), 3)
    yield Case("a lone bright pixel", image, error, 4.5,
               tests="a single pixel that is brighter than the brightest star's peak: the brightest pixel counts")


exercise.mistake(
    "row-column", "Row and column are returned as x and y", edit={"int(x), int(y)": "int(y), int(x)"},
    idea="np.unravel_index gives (row, column), which is (y, x). The position asked for is (x, y).",
    contrast="A maximum at image[17, 33] lies at x = 33, y = 17.")
exercise.mistake(
    "aperture-swapped", "The aperture stands at (row, column)", edit={"y, x = np": "x, y = np"},
    spellings=({"((x, y), radius)": "((y, x), radius)"},),
    idea="numpy's index of the maximum is [row, column]; photutils takes (x, y). Passed on unchanged, the aperture "
         "stands on the mirror place.",
    contrast="index (17, 33): CircularAperture((33, 17), r), not ((17, 33), r).")
exercise.mistake(
    "linear-errors", "The errors of the pixels are added up",
    edit={"float(flux_error[0])": "float(aperture.do_photometry(np.nan_to_num(error))[0][0])"},
    idea="The noise of different pixels is independent: sometimes up, sometimes down. Variances add, errors do not.",
    contrast="50 pixels with an error of 10: sqrt(50) x 10 = 71, not 500.")
exercise.mistake(
    "variance", "The variance of the flux is returned, not its error",
    edit={"float(flux_error[0])": "float(flux_error[0]) ** 2"},
    idea="The sum of the squared errors is a variance. The error is its square root.",
    contrast="50 pixels with an error of 10: variance 5000, error 71.")
exercise.mistake(
    "poisson-of-flux", "The error is the root of the subtracted flux",
    edit={"float(flux_error[0])": "np.sqrt(max(float(flux[0]), 0))"},
    idea="The sky under the star has been subtracted, its photon noise has not. The error image holds both: use it.",
    contrast="Star 4900 counts on 50 pixels of 160 counts of sky: sqrt(4900 + 8000) = 114, not 70.")
exercise.mistake(
    "mean-error", "The mean error of the pixels is given for the error of the sum",
    edit={"np.sqrt(np.sum(weights * errors**2))": "np.sum(weights * errors) / np.sum(weights * ~bad)"},
    of="weights as an image",
    idea="An error of one pixel is not the error of a sum of many.",
    contrast="50 pixels with an error of 10: the sum has 71, a single pixel has 10.")
exercise.mistake(
    "nan-is-largest", "A NaN is taken for the largest value", edit={"nanargmax": "argmax"}, fails=("holes",),
    idea="np.argmax stops at the first NaN, because every comparison with NaN is false. Leave NaN pixels out of the "
         "search.",
    contrast="np.argmax([3, NaN, 9]) is 1, np.nanargmax([3, NaN, 9]) is 2.")
exercise.mistake(
    "nan-in-sum", "A NaN pixel in the aperture spoils the sum",
    edit={"np.nan_to_num(image)": "image", "np.nan_to_num(error)": "error"}, fails=("holes",),
    idea="A sum with one NaN in it is NaN. Give the sum a mask, or leave NaN pixels out of it.",
    contrast="np.sum([1, NaN]) is NaN, np.nansum([1, NaN]) is 1.")
exercise.mistake(
    "diameter", "The radius is taken for a diameter", edit={", radius)": ", radius / 2)"},
    idea="An aperture of radius r is 2 r across. With half the radius most of the star's wings are left out.",
    contrast="radius 4: area 50 pixels; diameter 4: area 12.6 pixels.")
exercise.mistake(
    "radius-ignored", "The radius given is not used", edit={", radius)": ", 4.0)"},
    fails=("another*", "a fresh*", "a dead*", "a lone*", "whole*"),
    idea="`radius` has a default of 4 pixels; where another is given, that one counts.",
    contrast="radius=3.0 asks for 28.3 pixels, not for 50.3.")
exercise.mistake(
    "peak-only", "The value of the brightest pixel is taken for the flux",
    edit={"float(flux[0])": "float(image[y, x])"},
    spellings=({"float(flux[0]), float(flux_error[0])": "float(image[y, x]), float(error[y, x])"},),
    idea="The flux of a source is all its light; the brightest pixel holds a small part of it.",
    contrast="A star of 26000 counts with sigma 1.7 has at most 1430 counts in one pixel.")
exercise.mistake(
    "background-again", "The background is subtracted a second time",
    edit={"y, x =": "image = image - np.nanmean(image)\n    y, x ="},
    spellings=({"y, x =": "image = image - np.nanmedian(image)\n    y, x ="},),
    idea="The image that comes in has no background any more. What a second estimate takes away is starlight.",
    contrast="A mean of 20 counts left by stars, times 50 pixels, is 1000 counts lost.")
exercise.mistake(
    "largest-size", "The pixel farthest from zero is taken, not the brightest",
    edit={"nanargmax(image)": "nanargmax(np.abs(image))"}, fails=("a dead*", "whole*"),
    idea="A dead pixel lies far below zero after subtraction. Bright means largest, with its sign.",
    contrast="Of -6000 and 1400 the second is the brighter.")
exercise.mistake(
    "whole-pixels", "Pixels are taken whole or not at all",
    edit={"error=np.nan_to_num(error)": 'error=np.nan_to_num(error), method="center"'},
    idea="The contract asks for exact overlap: a pixel cut by the circle counts with the part that lies inside.",
    contrast="Radius 4: exact area 50.27 pixels, 49 or 45 whole ones.")
exercise.mistake(
    "flat-index", "The index of the flattened image is used as a coordinate",
    edit={"y, x = np.unravel_index(np.nanargmax(image), image.shape)":
          "x = y = int(np.nanargmax(image)) % min(image.shape)"},
    spellings=(
        {"return int(x), int(y), float(flux[0]), float(flux_error[0])":
         "k = int(np.nanargmax(image))\n    return k, 0, float(np.nanmax(image)), float(np.ravel(error)[k])"},),
    idea="np.argmax counts through all rows one after the other. np.unravel_index turns its answer into row and "
         "column.",
    contrast="In an image 52 wide, index 907 is row 17, column 23.")
