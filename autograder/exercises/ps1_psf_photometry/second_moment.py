"""Widths of a source, weighted with the squared flux."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import ClosedNumbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._stamps import place, star, starts, starts_near_corner

exercise = Exercise(
    "second_moment",
    params=("image_cutout", "centroid_x", "centroid_y", "start_x", "start_y"),
    title="Second moments",
    # A closed formula: rounding only. Single precision moves coordinates of 4000 by 2e-4 pixel, 2e-4 of a width.
    compare=ClosedNumbers(("x_width", "y_width"), rtol=1e-3, unit="pixel"),
    picture="scalar",
)


@exercise.reference
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + start_x, np.arange(ny) + start_y)
    weight = image_cutout.astype(float) ** 2
    total = np.sum(weight)
    return np.sqrt(np.sum(weight * (x - centroid_x) ** 2) / total), np.sqrt(np.sum(weight * (y - centroid_y) ** 2) / total)


# Sources are wider one way than the other, so that the two widths cannot be exchanged unseen; one centre is given
# beside the star, so that it is seen whether the centre given is the one used.
@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("near the corner", (star((22, 27), 9.3, 11.4, 2.3, 5000.0, 1.5), 12.3, 16.4, 3, 5),
               tests="a source wider than tall, a few pixels from the image's corner")
    yield Case("at the corner", (star((26, 21), 9.35, 14.3, 1.5, 2400.0, 2.4), 9.0, 15.0, 0, 0),
               tests="a source taller than wide, about a centre that lies a little beside it, in a cut-out that begins at (0, 0)")
    yield Case("a star of the exposure", (DataRef("visit_image", region=((148, 168), (73, 97))), 85.43, 158.53, 73, 148),
               tests="the notebook's own star, with the noise of the sky")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(25, 28)), int(rng.integers(20, 23)))
    x, y = place(rng, shape, 6.6)
    x_start, y_start = starts(rng)
    image = star(shape, x, y, 1.4, 9000.0, 2.1) + rng.normal(0, 3.0, shape)
    yield Case("noise", (image, x_start + x + 0.5, y_start + y - 0.6, x_start, y_start),
               tests="a noisy source about a centre a little beside it, with different starts in x and y", points=2)
    shape = (int(rng.integers(23, 26)), int(rng.integers(31, 34)))
    x, y = place(rng, shape, 8.6)
    image = star(shape, x, y, 2.2, 2e4, 1.6) + star(shape, shape[1] - 2.7, 2.8, 1.6, 6000.0)
    x_start, y_start = starts(rng)
    yield Case("a neighbour", (image, x_start + x, y_start + y, x_start, y_start), tests="a cut-out with a second star in it")
    shape = (int(rng.integers(22, 25)), int(rng.integers(27, 30)))
    x, y = place(rng, shape, 7.1)
    image = np.rint(star(shape, x, y, 1.9, 2e4, 1.4)).astype(np.int32)
    x_start, y_start = starts_near_corner(rng, x, y)
    yield Case("whole numbers", (image, x_start + x + 0.6, y_start + y - 0.7, x_start, y_start),
               tests="an image of whole numbers, about a centre a little beside the source")


@exercise.variant("sums over rows and columns")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    squares = np.square(image_cutout, dtype=float)
    columns, rows = squares.sum(axis=0), squares.sum(axis=1)
    dx = np.arange(columns.size) + start_x - centroid_x
    dy = np.arange(rows.size) + start_y - centroid_y
    return [float(np.sqrt(np.average(dx**2, weights=columns))), float(np.sqrt(np.average(dy**2, weights=rows)))]


@exercise.variant("two loops")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    sum_x = sum_y = total = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            f = float(image_cutout[j, i])
            sum_x += (f * (start_x + i - centroid_x)) ** 2
            sum_y += (f * (start_y + j - centroid_y)) ** 2
            total += f * f
    return (sum_x / total) ** 0.5, (sum_y / total) ** 0.5


@exercise.variant("as the formula is written, indices, single precision out")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    j, i = np.indices(image_cutout.shape)
    x_width = np.sqrt(np.sum((image_cutout * (i + start_x - centroid_x)) ** 2) / np.sum(image_cutout**2))
    y_width = np.sqrt(np.sum((image_cutout * (j + start_y - centroid_y)) ** 2) / np.sum(image_cutout**2))
    return np.array([x_width, y_width], dtype=np.float32)


@exercise.variant("norms and a local centre")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    yy, xx = np.ogrid[:image_cutout.shape[0], :image_cutout.shape[1]]
    norm = np.linalg.norm(image_cutout)
    return (np.linalg.norm(image_cutout * (xx - (centroid_x - start_x))) / norm,
            np.linalg.norm(image_cutout * (yy - (centroid_y - start_y))) / norm)


@exercise.variant("moment expanded, prints and warns")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    import sys
    import warnings

    y, x = np.mgrid[:image_cutout.shape[0], :image_cutout.shape[1]].astype(float)
    w = image_cutout.astype(float) ** 2
    w /= w.sum()
    widths = []
    for grid, centre in ((x, centroid_x - start_x), (y, centroid_y - start_y)):
        widths.append(np.sqrt((w * grid**2).sum() - 2 * centre * (w * grid).sum() + centre**2))
    print("widths", widths)
    print("ratio", widths[0] / widths[1], file=sys.stderr)
    warnings.warn("elongated source", stacklevel=2)
    return tuple(widths)


exercise.variant_source("lambda and matrix products", """
second_moment = lambda f, xc, yc, x0, y0: np.sqrt(np.array([
    (f.astype(float)**2).sum(axis=0) @ (np.arange(x0, x0 + f.shape[1]) - xc)**2,
    (f.astype(float)**2).sum(axis=1) @ (np.arange(y0, y0 + f.shape[0]) - yc)**2]) / (f.astype(float)**2).sum())
""")

exercise.variant_source("helper in a cell of its own, type hints", """
def rms_width(weights, distances):
    return np.sqrt(np.average(distances**2, weights=weights))

# %%
def second_moment(image_cutout: np.ndarray, centroid_x: float, centroid_y: float, start_x: int, start_y: int) -> tuple:
    x, y = np.meshgrid(range(start_x, start_x + image_cutout.shape[1]), range(start_y, start_y + image_cutout.shape[0]))
    weights = np.power(image_cutout, 2.0)
    return rms_width(weights, x - centroid_x), rms_width(weights, y - centroid_y)
""")

exercise.variant_source("object with __call__", """
class Moments:
    order = 2

    def one(self, image, grid, centre):
        power = image ** 2
        return (np.sum(power * np.abs(grid - centre) ** self.order) / np.sum(power)) ** (1 / self.order)

    def __call__(self, image_cutout, centroid_x, centroid_y, start_x, start_y):
        height, width = image_cutout.shape
        return (self.one(image_cutout, start_x + np.arange(width).reshape(1, -1), centroid_x),
                self.one(image_cutout, start_y + np.arange(height).reshape(-1, 1), centroid_y))

second_moment = Moments()
""")

exercise.variant_source("functools.partial of a general moment", """
from functools import partial

def general_moment(image, xc, yc, x0, y0, weight_power):
    weight = np.abs(image).astype(float) ** weight_power
    total = weight.sum()
    y, x = [axis.ravel() for axis in np.indices(image.shape)]
    flat = weight.ravel()
    return [np.sqrt(np.dot(flat, (x + x0 - xc) ** 2) / total), np.sqrt(np.dot(flat, (y + y0 - yc) ** 2) / total)]

second_moment = partial(general_moment, weight_power=2)
""")


@exercise.variant("draws the profiles")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    import matplotlib.pyplot as plt

    squares = image_cutout.astype(np.float64) ** 2
    dx = start_x - centroid_x + np.arange(image_cutout.shape[1])
    dy = start_y - centroid_y + np.arange(image_cutout.shape[0])
    plt.figure()
    plt.plot(dx, squares.sum(axis=0))
    plt.plot(dy, squares.sum(axis=1))
    total = squares.sum()
    return np.sqrt((squares * dx[None, :] ** 2).sum() / total), np.sqrt((squares * dy[:, None] ** 2).sum() / total)


_GRID = """
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid({x}, {y})
    dx, dy = x - {cx}, y - {cy}
    f = image_cutout.astype(float)
    w = {w}
    total = {total}
    return {answer}
"""
_RIGHT = {"x": "np.arange(nx) + start_x", "y": "np.arange(ny) + start_y", "cx": "centroid_x", "cy": "centroid_y", "w": "f**2",
          "total": "np.sum(w)", "answer": "np.sqrt(np.sum(w * dx**2) / total), np.sqrt(np.sum(w * dy**2) / total)"}


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...] = ("*",), **changed: str) -> None:
    """Declare a misconception that differs from the right function in the parts given."""
    exercise.misconception_source(id, title, _GRID.format(**{**_RIGHT, **changed}), idea=idea, contrast=contrast, fails=fails)


_OFFSET = ("near*", "a star*", "noise", "a neighbour", "whole*")

_mistake("no-root", "The square root is missing",
         "The mean of squared distances is a square, in pixels squared. A width is its root.",
         "Widths of 2 pixels: the mean square is 4 pixels squared.", answer="np.sum(w * dx**2) / total, np.sum(w * dy**2) / total")
_mistake("flux-weighted", "Weighted with the flux, not with its square",
         "Weighted with the flux itself the noise of far pixels, few counts on a long lever, takes over. The squared flux tames it: both in "
         "the sum above and in the sum below.",
         "For a star of sigma = 2: with flux 2, with squared flux 2 / sqrt(2) = 1.41.", w="f",
         answer="np.sqrt(np.abs(np.sum(w * dx**2) / total)), np.sqrt(np.abs(np.sum(w * dy**2) / total))")
_mistake("half-squared-above", "The flux is not squared in the sum above",
         "The formula squares the product: flux times distance, both. With the flux squared below only, the result depends on how bright "
         "the star is.",
         "Twice the flux must give the same width: (2f)^2 / (2f)^2 = 1, but 2f / (2f)^2 = 1 / (2f).",
         answer="np.sqrt(np.abs(np.sum(f * dx**2)) / total), np.sqrt(np.abs(np.sum(f * dy**2)) / total)")
_mistake("half-squared-below", "The flux is not squared in the sum below",
         "Weights above and below must be the same, the squared flux; otherwise the result grows with the star's brightness.",
         "Twice the flux must give the same width: (2f)^2 / (2f)^2 = 1, but (2f)^2 / 2f = 2f.", total="np.sum(f)")
_mistake("square-of-sum-below", "The square of the sum instead of the sum of squares",
         "Below stands the sum of f^2: square each pixel first, then add. The square of the total flux is many times larger.",
         "Fluxes 1, 2, 3: the sum of squares is 14, the square of the sum 36.", total="np.sum(f)**2")
_mistake("square-of-sum-above", "Distances cancel: the sum is squared, not its terms",
         "Added up before they are squared, distances to the left and to the right cancel, and what is left is the offset of the centre. Square each "
         "term, then add.",
         "Distances -2, 2: the sum of squares is 8, the square of the sum 0.",
         answer="np.sqrt(np.sum(f * dx)**2 / total), np.sqrt(np.sum(f * dy)**2 / total)")
_mistake("root-two", "Multiplied by the square root of 2",
         "The squared flux is narrower than the flux by the square root of 2, and the contract wants the widths as they come out of the formula, "
         "with no further factor. Both in quadrature give sigma.",
         "sigma = 2: x_width = y_width = 1.41, and sqrt(1.41^2 + 1.41^2) = 2.",
         answer="np.sqrt(2 * np.sum(w * dx**2) / total), np.sqrt(2 * np.sum(w * dy**2) / total)")
_mistake("as-fwhm", "The full width at half maximum is returned",
         "The widths asked for are root mean squares, with no factor; 2.355 turns a sigma into a FWHM.",
         "A width of 1.41 is asked, not 3.33.",
         answer="2.3548 * np.sqrt(np.sum(w * dx**2) / total), 2.3548 * np.sqrt(np.sum(w * dy**2) / total)")
_mistake("swapped", "x and y are exchanged",
         "The first number is the width along x, across the columns; the second along y.",
         "A source wider than tall has x_width > y_width.",
         answer="np.sqrt(np.sum(w * dy**2) / total), np.sqrt(np.sum(w * dx**2) / total)")
_mistake("about-the-corner", "Distances are counted from the cut-out's corner",
         "A width is a distance from the source's centre. Without the centre taken off, the number tells where the source lies in the cut-out.",
         "A star at 9.3 with a width of 1.6: sqrt(9.3^2 + 1.6^2) = 9.4 about the corner.", x="np.arange(nx)", y="np.arange(ny)",
         cx="0", cy="0")
_mistake("about-the-origin", "Distances are counted from the image's origin",
         "The centre has to be taken off each coordinate before it is squared.",
         "x = 12, centre 12.3: the distance is -0.3, not 12.", cx="0", cy="0")
_mistake("no-offset", "The cut-out's start is not taken into account",
         "The centre comes in the coordinates of the whole image, and pixels of the cut-out count from its corner. Both must be counted from "
         "the same place.",
         "Start 73, centre 85.4: the centre is 12.4 pixels into the cut-out.", _OFFSET, x="np.arange(nx)", y="np.arange(ny)")
_mistake("start-subtracted", "The start is taken off the grid instead of added to it",
         "The first column of the cut-out is start_x in the whole image's coordinates, so the start is added to the cut-out's own counting, or taken "
         "off the centre.",
         "Start 3: the columns are 3, 4, 5, ..., not -3, -2, -1, ...", _OFFSET, x="np.arange(nx) - start_x", y="np.arange(ny) - start_y")
_mistake("starts-exchanged", "start_x and start_y are exchanged",
         "Columns count x and begin at start_x; rows count y and begin at start_y.",
         "Start (3, 5): the first column is x = 3, the first row y = 5.", _OFFSET, x="np.arange(nx) + start_y", y="np.arange(ny) + start_x")
_mistake("centre-exchanged", "x and y of the centre are exchanged",
         "centroid_x is taken off the columns' coordinates, centroid_y off the rows'.",
         "Centre (12.3, 16.4): dx = x - 12.3.", cx="centroid_y", cy="centroid_x")
_mistake("on-the-middle", "Distances are counted from the middle of the cut-out",
         "The source is hardly ever in the middle of its cut-out. The centre is given.",
         "27 columns from x = 3 have their middle at 16; the star is at 12.3.", cx="(start_x + (nx - 1) / 2)", cy="(start_y + (ny - 1) / 2)")
_mistake("mean-distance", "The mean distance instead of the root mean square",
         "Squaring, averaging and taking the root weighs far pixels more than averaging absolute distances does.",
         "Distances 1, 3: the mean is 2, the root mean square 2.24.",
         answer="np.sum(w * np.abs(dx)) / total, np.sum(w * np.abs(dy)) / total")
_mistake("own-centre", "The centre is computed anew",
         "The widths are asked about the centre that is given, also where it lies a little beside the source.",
         "Centre given 0.6 pixel beside a star of width 1.3: sqrt(1.3^2 + 0.6^2) = 1.43.",
         ("at the*", "noise", "a neighbour", "whole*"), cx="(image_cutout * x).sum() / image_cutout.sum()",
         cy="(image_cutout * y).sum() / image_cutout.sum()")


@exercise.misconception(
    "squared-in-place", "The cut-out is squared in place", idea="`image_cutout **= 2` writes into the caller's image.",
    contrast="weight = image_cutout**2   # a new array", raises="input-modified")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + start_x, np.arange(ny) + start_y)
    image_cutout **= 2
    total = image_cutout.sum()
    return np.sqrt((image_cutout * (x - centroid_x) ** 2).sum() / total), np.sqrt((image_cutout * (y - centroid_y) ** 2).sum() / total)


@exercise.misconception(
    "one-number", "The two widths are joined to one",
    idea="x_width and y_width are asked, one by one; joined in quadrature they are the size that comes later.",
    contrast="return x_width, y_width", raises="type")
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + start_x, np.arange(ny) + start_y)
    w = image_cutout.astype(float) ** 2
    return np.sqrt((w * ((x - centroid_x) ** 2 + (y - centroid_y) ** 2)).sum() / w.sum())


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("weight = image_cutout ** 2", "images of this assignment are floats"),
]
