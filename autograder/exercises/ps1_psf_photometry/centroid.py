"""Flux-weighted centroid of a cut-out, in the coordinates of the whole image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._stamps import place, star, starts

exercise = Exercise(
    "centroid",
    params=("image_cutout", "x_start", "y_start"),
    title="Flux-weighted centroid",
    # A closed formula: only rounding may differ, also in single precision (1e-4 pixel at coordinates of 4000).
    compare=Numbers(("x", "y"), atol=2e-3, unit="pixel"),
    picture="position",
)


@exercise.reference
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(x_start, x_start + nx), np.arange(y_start, y_start + ny))
    total = image_cutout.sum()
    return (image_cutout * x).sum() / total, (image_cutout * y).sum() / total


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a star off the centre", (star((21, 17), 6.3, 12.8, 2.0, 9000.0), 140, 233),
               tests="a wide star off the centre of a cut-out that is taller than wide")
    yield Case("a cut-out at the corner", (star((15, 24), 15.25, 6.6, 1.8, 4000.0), 0, 0),
               tests="a cut-out that starts at (0, 0), wider than tall")
    yield Case("a star of the exposure", (DataRef("visit_image", region=((148, 168), (73, 97))), 73, 148),
               tests="the notebook's own star, with the noise of the sky")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(14, 18)), int(rng.integers(22, 28)))
    x, y = place(rng, shape, 4.5)
    # So much noise that clipping it at zero moves the centroid by a tenth of a pixel or more.
    image = star(shape, x, y, 1.9, 2e4) + rng.normal(0, 12.0, shape)
    yield Case("noise", (image, *starts(rng)), tests="a noisy star, with different starts in x and y", points=2)
    shape = (int(rng.integers(26, 30)), int(rng.integers(21, 24)))
    x, y = place(rng, shape, 7.0)
    whole = np.rint(star(shape, x, y, 1.6, 5e5)).astype(np.int32)
    yield Case("whole numbers", (whole, int(rng.integers(50, 90)), int(rng.integers(400, 900))),
               tests="an image of whole numbers")
    shape = (int(rng.integers(16, 19)), int(rng.integers(21, 25)))
    x, y = place(rng, shape, 4.5)
    light = star(shape, x, y, 1.6, 3e4) + star(shape, shape[1] - 2.2, shape[0] - 3.4, 1.6, 9e3)
    yield Case("a neighbour", (light, *starts(rng)), tests="a cut-out with a second, fainter star in it")


@exercise.variant("sums over rows and columns")
def centroid(image_cutout, x_start, y_start):
    profile_x = np.sum(image_cutout, axis=0)
    profile_y = np.sum(image_cutout, axis=1)
    x = np.arange(len(profile_x)) + x_start
    y = np.arange(len(profile_y)) + y_start
    return [float(np.average(x, weights=profile_x)), float(np.average(y, weights=profile_y))]


@exercise.variant("two loops")
def centroid(image_cutout, x_start, y_start):
    sum_f = sum_x = sum_y = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            sum_f += image_cutout[j, i]
            sum_x += image_cutout[j, i] * (x_start + i)
            sum_y += image_cutout[j, i] * (y_start + j)
    return sum_x / sum_f, sum_y / sum_f


@exercise.variant("library call")
def centroid(image_cutout, x_start, y_start):
    from scipy import ndimage

    row, column = ndimage.center_of_mass(image_cutout)
    return np.array([column + x_start, row + y_start], dtype=np.float32)


@exercise.variant("type hints, np.indices, a pair of numpy scalars")
def centroid(image_cutout: np.ndarray, x_start: int, y_start: int) -> tuple[np.float64, np.float64]:
    rows, columns = np.indices(image_cutout.shape, dtype=float)
    weights = image_cutout / np.sum(image_cutout)
    return np.sum(weights * columns) + x_start, np.sum(weights * rows) + y_start


exercise.variant_source("lambda and matrix products", """
centroid = lambda cut, x0, y0: (cut.sum(axis=0) @ np.arange(x0, x0 + cut.shape[1]) / cut.sum(),
                                cut.sum(axis=1) @ np.arange(y0, y0 + cut.shape[0]) / cut.sum())
""")

exercise.variant_source("helper in a cell of its own", """
def weighted_mean(values, weights):
    return sum(v * w for v, w in zip(values, weights)) / sum(weights)

# %%
def centroid(image_cutout, x_start, y_start):
    height, width = np.shape(image_cutout)
    xs = [x_start + i for i in range(width) for _ in range(height)]
    ys = [y_start + j for _ in range(width) for j in range(height)]
    flat = list(image_cutout.T.ravel())
    return weighted_mean(xs, flat), weighted_mean(ys, flat)
""")

exercise.variant_source("object with __call__", """
class Centroid:
    def __init__(self, digits):
        self.digits = digits

    def along(self, image, axis, start):
        profile = image.sum(axis=axis)
        return round(float((profile * np.arange(profile.size)).sum() / profile.sum()) + start, self.digits)

    def __call__(self, image_cutout, x_start, y_start):
        return self.along(image_cutout, 0, x_start), self.along(image_cutout, 1, y_start)

centroid = Centroid(digits=5)
""")

exercise.variant_source("functools.partial of a general function", """
from functools import partial

def moment_centre(image, x0, y0, power):
    grid_y, grid_x = np.ogrid[y0:y0 + image.shape[0], x0:x0 + image.shape[1]]
    weight = image ** power
    return np.array([(weight * grid_x).sum(), (weight * grid_y).sum()]) / weight.sum()

centroid = partial(moment_centre, power=1)
""")


@exercise.variant("prints to both streams and warns")
def centroid(image_cutout, x_start, y_start):
    import sys
    import warnings

    if image_cutout.min() < 0:
        warnings.warn("negative pixels in the cut-out", stacklevel=2)
    print("cut-out:", image_cutout.shape)
    y, x = np.mgrid[0:image_cutout.shape[0], 0:image_cutout.shape[1]]
    x_center = np.average(x, weights=image_cutout) + x_start
    y_center = np.average(y, weights=image_cutout) + y_start
    print("centroid at", x_center, y_center, file=sys.stderr)
    return x_center, y_center


@exercise.variant("draws the star while it is there, photutils")
def centroid(image_cutout, x_start, y_start):
    import matplotlib.pyplot as plt
    from photutils.centroids import centroid_com

    local = centroid_com(image_cutout)
    plt.imshow(image_cutout, origin="lower")
    plt.plot(*local, "r+")
    return local + np.array([x_start, y_start])


_GRID = """
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid({x}, {y})
    total = {total}
    return {answer}
"""
_RIGHT = {"x": "np.arange(nx) + x_start", "y": "np.arange(ny) + y_start", "total": "image_cutout.sum()",
          "answer": "(image_cutout * x).sum() / total, (image_cutout * y).sum() / total"}


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...] = ("*",), **changed: str) -> None:
    """Declare a misconception that differs from the right function in the parts given."""
    exercise.misconception_source(id, title, _GRID.format(**{**_RIGHT, **changed}), idea=idea, contrast=contrast, fails=fails)


_OFFSET = ("a star*", "noise", "whole*", "a neighbour")

_mistake("swapped", "x and y are exchanged",
         "numpy indexes images [y, x]: the first index counts rows, which is y. The answer asked for is (x, y).",
         "image[12, 6] is the pixel at x = 6, y = 12.",
         answer="(image_cutout * y).sum() / total, (image_cutout * x).sum() / total")
_mistake("no-offset", "The cut-out's start is not added",
         "The position is asked in the coordinates of the whole image, and the grid counts from the cut-out's corner.",
         "A star 6.3 pixels into a cut-out that starts at x = 140 lies at x = 146.3.", _OFFSET,
         x="np.arange(nx)", y="np.arange(ny)")
_mistake("offset-twice", "The cut-out's start is added twice",
         "The grid already counts in the whole image's coordinates; adding the start to the result once more moves the star away "
         "by that amount.",
         "Grid from 140 to 156: its mean is a whole-image position already. Grid from 0 to 16: add 140 once.", _OFFSET,
         answer="(image_cutout * x).sum() / total + x_start, (image_cutout * y).sum() / total + y_start")
_mistake("starts-exchanged", "x_start and y_start are exchanged",
         "Columns count x and begin at x_start; rows count y and begin at y_start. Each offset belongs to its own axis.",
         "Start (140, 233), star at (6.3, 12.8) inside: (146.3, 245.8), not (239.3, 152.8).", _OFFSET,
         x="np.arange(nx) + y_start", y="np.arange(ny) + x_start")
_mistake("not-divided", "The sum is not divided by the flux",
         "A weighted mean is the sum of weight times value over the sum of the weights. Without the division the number grows with the "
         "star's brightness.",
         "Weights 1, 3 at x = 10, 11: (10 + 33) / 4 = 10.75, not 43.",
         answer="(image_cutout * x).sum(), (image_cutout * y).sum()")
_mistake("pixel-mean", "Divided by the number of pixels, not by the flux",
         "`mean` divides by how many pixels there are, whatever their flux. The weights of a weighted mean are the fluxes, and so it is "
         "their sum that belongs below.",
         "Weights 1, 3 at x = 10, 11: 43 / 4 = 10.75 with the sum of weights; 43 / 2 = 21.5 with the number of pixels.",
         answer="(image_cutout * x).mean(), (image_cutout * y).mean()")
_mistake("coordinate-sum", "Divided by the sum of the coordinates",
         "That gives a mean flux, weighted with the coordinates. A position comes out of the sum of flux times coordinate over the sum of "
         "the flux.",
         "The unit tells: flux x pixel / pixel is a flux; flux x pixel / flux is a position in pixels.",
         answer="(image_cutout * x).sum() / x.sum(), (image_cutout * y).sum() / y.sum()")
_mistake("unweighted", "The flux takes no part",
         "The mean of the coordinates alone is the middle of the cut-out, wherever the star is. Each coordinate has to be "
         "weighted with its pixel's flux.",
         "In a cut-out of 17 columns from x = 140 the middle is always 148.",
         answer="x.mean(), y.mean()")
_mistake("brightest-pixel", "The brightest pixel instead of the centroid",
         "The brightest pixel is a whole number and throws away what the other pixels say. The flux-weighted mean uses them all and "
         "reaches a fraction of a pixel.",
         "A star at x = 146.3: its brightest pixel is 146.",
         answer="x.ravel()[np.argmax(image_cutout)], y.ravel()[np.argmax(image_cutout)]")
_mistake("rounded", "The position is rounded to whole pixels",
         "A star's centre lies between pixel centres in general, and the fraction is what the centroid is for.",
         "146.3 is asked, not 146.",
         answer="int((image_cutout * x).sum() / total), int((image_cutout * y).sum() / total)")
_mistake("counted-from-one", "Pixels are counted from 1",
         "In this course, as in numpy, the first pixel is 0. (FITS headers and DS9 count from 1.)",
         "The first column of a cut-out with x_start = 140 is at x = 140.",
         x="np.arange(1, nx + 1) + x_start", y="np.arange(1, ny + 1) + y_start")
_mistake("pixel-corner", "Positions count from the pixel's corner",
         "A whole number is the centre of a pixel here. Adding half a pixel moves the origin to the corner of the first one.",
         "All the light in column 140: the centroid is x = 140, not 140.5.",
         x="np.arange(nx) + x_start + 0.5", y="np.arange(ny) + y_start + 0.5")
_mistake("squared-flux", "Weighted with the squared flux",
         "The squared flux weights the bright pixels more strongly; that is what the second moment will use later. The centroid asked "
         "here takes the flux itself.",
         "Fluxes 1, 3 at x = 10, 11: (1 x 10 + 3 x 11) / 4 = 10.75; squared (1 x 10 + 9 x 11) / 10 = 10.9.",
         ("a star of*", "noise", "a neighbour"),
         total="(image_cutout**2).sum()", answer="(image_cutout**2 * x).sum() / total, (image_cutout**2 * y).sum() / total")
_mistake("negative-clipped", "Negative pixels are set to zero",
         "After the background is subtracted, noise is as often negative as positive. Cutting the negative half off leaves a glow "
         "all over the cut-out that pulls the centroid to its middle.",
         "Pixels -2, +2 of empty sky add up to 0; clipped they add 2 counts of light that is not there.",
         ("a star of the*", "noise"),
         total="np.clip(image_cutout, 0, None).sum()",
         answer="(np.clip(image_cutout, 0, None) * x).sum() / total, (np.clip(image_cutout, 0, None) * y).sum() / total")


@exercise.misconception(
    "rows-for-columns", "Rows are taken for columns",
    idea="`image_cutout.shape` is (rows, columns), that is (ny, nx). Taken the other way round, the grid of coordinates is as "
    "wide as the cut-out is tall, and does not fit a cut-out that is not square.",
    contrast="ny, nx = image_cutout.shape: a cut-out of 21 rows and 17 columns has ny = 21, nx = 17.")
def centroid(image_cutout, x_start, y_start):
    nx, ny = image_cutout.shape
    x, y = np.meshgrid(np.arange(x_start, x_start + nx), np.arange(y_start, y_start + ny))
    total = image_cutout.sum()
    return (image_cutout * x).sum() / total, (image_cutout * y).sum() / total


@exercise.misconception(
    "normalised-in-place", "The cut-out is normalised in place",
    idea="`image_cutout /= total` writes into the caller's image.",
    contrast="weights = image_cutout / total   # a new array", raises="input-modified")
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    image_cutout /= image_cutout.sum()
    return (image_cutout * x).sum(), (image_cutout * y).sum()


@exercise.misconception(
    "printed", "The position is printed, not returned",
    idea="A value that is printed is gone; the caller gets None.", contrast="return x_center, y_center", raises="none")
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    total = image_cutout.sum()
    print((image_cutout * x).sum() / total, (image_cutout * y).sum() / total)
