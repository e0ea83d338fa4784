"""Widths of a source, weighted with the squared flux."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import ClosedNumbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._stamps import place, star, starts, starts_near_corner

exercise = Exercise(
    "Second moments",
    # A closed formula: rounding only. Single precision moves coordinates of 4000 by 2e-4 pixel, 2e-4 of a width.
    compare=ClosedNumbers(("x_width", "y_width"), rtol=1e-3, unit="pixel"),
    picture="scalar",
)


@exercise.reference
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + start_x, np.arange(ny) + start_y)
    dx, dy = x - centroid_x, y - centroid_y
    f = image_cutout.astype(float)
    w = f**2
    x_square = np.sum(w * dx**2) / np.sum(w)
    y_square = np.sum(w * dy**2) / np.sum(w)
    return np.sqrt(x_square), np.sqrt(y_square)


# Sources are wider one way than the other, so that the two widths cannot be exchanged unseen; one centre is given
# beside the star, so that it is seen whether the centre given is the one used.
@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("near the corner", star((22, 27), 9.3, 11.4, 2.3, 5000.0, 1.5), 12.3, 16.4, 3, 5,
               tests="a source wider than tall, a few pixels from the image's corner")
    yield Case("at the corner", star((26, 21), 9.35, 14.3, 1.5, 2400.0, 2.4), 9.0, 15.0, 0, 0,
               tests="a source taller than wide, about a centre that lies a little beside it, in a cut-out that begins "
                     "at (0, 0)")
    yield Case("a star of the exposure", DataRef("visit_image")[148:168, 73:97], 85.43, 158.53, 73, 148,
               tests="the notebook's own star, with the noise of the sky")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(25, 28)), int(rng.integers(20, 23)))
    x, y = place(rng, shape, 6.6)
    x_start, y_start = starts(rng)
    image = star(shape, x, y, 1.4, 9000.0, 2.1) + rng.normal(0, 3.0, shape)
    yield Case("noise", image, x_start + x + 0.5, y_start + y - 0.6, x_start, y_start,
               tests="a noisy source about a centre a little beside it, with different starts in x and y", points=2)
    shape = (int(rng.integers(23, 26)), int(rng.integers(31, 34)))
    x, y = place(rng, shape, 8.6)
    image = star(shape, x, y, 2.2, 2e4, 1.6) + star(shape, shape[1] - 2.7, 2.8, 1.6, 6000.0)
    x_start, y_start = starts(rng)
    yield Case("a neighbour", image, x_start + x, y_start + y, x_start, y_start,
               tests="a cut-out with a second star in it")
    shape = (int(rng.integers(22, 25)), int(rng.integers(27, 30)))
    x, y = place(rng, shape, 7.1)
    image = np.rint(star(shape, x, y, 1.9, 2e4, 1.4)).astype(np.int32)
    x_start, y_start = starts_near_corner(rng, x, y)
    yield Case("whole numbers", image, x_start + x + 0.6, y_start + y - 0.7, x_start, y_start,
               tests="an image of whole numbers, about a centre a little beside the source")


# In a cut-out that begins at (0, 0) nobody sees what is done with the start.
STARTED = ("near*", "a star*", "noise", "a neighbour", "whole*")
exercise.mistake(
    "no-root", "The square root is missing",
    edit={"return np.sqrt(x_square), np.sqrt(y_square)": "return x_square, y_square"},
    idea="The mean of squared distances is a square, in pixels squared. A width is its root.",
    contrast="Widths of 2 pixels: the mean square is 4 pixels squared.")
exercise.mistake(
    "flux-weighted", "Weighted with the flux, not with its square",
    edit={"w = f**2": "w = f",
          "return np.sqrt(x_square), np.sqrt(y_square)": "return np.sqrt(abs(x_square)), np.sqrt(abs(y_square))"},
    idea="Weighted with the flux itself the noise of far pixels, few counts on a long lever, takes over. The squared "
         "flux tames it: both in the sum above and in the sum below.",
    contrast="For a star of sigma = 2: with flux 2, with squared flux 2 / sqrt(2) = 1.41.")
exercise.mistake(
    "half-squared-above", "The flux is not squared in the sum above",
    edit={"np.sum(w * dx**2)": "abs(np.sum(f * dx**2))", "np.sum(w * dy**2)": "abs(np.sum(f * dy**2))"},
    idea="The formula squares the product: flux times distance, both. With the flux squared below only, the result "
         "depends on how bright the star is.",
    contrast="Twice the flux must give the same width: (2f)^2 / (2f)^2 = 1, but 2f / (2f)^2 = 1 / (2f).")
exercise.mistake(
    "half-squared-below", "The flux is not squared in the sum below", edit={"/ np.sum(w)": "/ np.sum(f)"},
    idea="Weights above and below must be the same, the squared flux; otherwise the result grows with the star's "
         "brightness.",
    contrast="Twice the flux must give the same width: (2f)^2 / (2f)^2 = 1, but (2f)^2 / 2f = 2f.")
exercise.mistake(
    "square-of-sum-below", "The square of the sum instead of the sum of squares",
    edit={"/ np.sum(w)": "/ np.sum(f) ** 2"},
    idea="Below stands the sum of f^2: square each pixel first, then add. The square of the total flux is many times "
         "larger.",
    contrast="Fluxes 1, 2, 3: the sum of squares is 14, the square of the sum 36.")
exercise.mistake(
    "square-of-sum-above", "Distances cancel: the sum is squared, not its terms",
    edit={"np.sum(w * dx**2)": "np.sum(f * dx) ** 2", "np.sum(w * dy**2)": "np.sum(f * dy) ** 2"},
    idea="Added up before they are squared, distances to the left and to the right cancel, and what is left is the "
         "offset of the centre. Square each term, then add.",
    contrast="Distances -2, 2: the sum of squares is 8, the square of the sum 0.")
exercise.mistake(
    "root-two", "Multiplied by the square root of 2", edit={"np.sqrt(": "np.sqrt(2 * "},
    idea="The squared flux is narrower than the flux by the square root of 2, and the contract wants the widths as "
         "they come out of the formula, with no further factor. Both in quadrature give sigma.",
    contrast="sigma = 2: x_width = y_width = 1.41, and sqrt(1.41^2 + 1.41^2) = 2.")
exercise.mistake(
    "as-fwhm", "The full width at half maximum is returned", edit={"np.sqrt(": "2.3548 * np.sqrt("},
    idea="The widths asked for are root mean squares, with no factor; 2.355 turns a sigma into a FWHM.",
    contrast="A width of 1.41 is asked, not 3.33.")
exercise.mistake(
    "swapped", "x and y are exchanged", edit={"* dx": "* dy", "* dy": "* dx"},
    idea="The first number is the width along x, across the columns; the second along y.",
    contrast="A source wider than tall has x_width > y_width.")
exercise.mistake(
    "about-the-corner", "Distances are counted from the cut-out's corner",
    edit={"dx, dy = x - centroid_x, y - centroid_y": "dx, dy = x - start_x, y - start_y"},
    idea="A width is a distance from the source's centre. Without the centre taken off, the number tells where the "
         "source lies in the cut-out.",
    contrast="A star at 9.3 with a width of 1.6: sqrt(9.3^2 + 1.6^2) = 9.4 about the corner.")
exercise.mistake(
    "about-the-origin", "Distances are counted from the image's origin",
    edit={"dx, dy = x - centroid_x, y - centroid_y": "dx, dy = x, y"},
    idea="The centre has to be taken off each coordinate before it is squared.",
    contrast="x = 12, centre 12.3: the distance is -0.3, not 12.")
exercise.mistake(
    "no-offset", "The cut-out's start is not taken into account", edit={" + start_x": "", " + start_y": ""},
    fails=STARTED,
    idea="The centre comes in the coordinates of the whole image, and pixels of the cut-out count from its corner. "
         "Both must be counted from the same place.",
    contrast="Start 73, centre 85.4: the centre is 12.4 pixels into the cut-out.")
exercise.mistake(
    "start-subtracted", "The start is taken off the grid instead of added to it",
    edit={"+ start_x": "- start_x", "+ start_y": "- start_y"}, fails=STARTED,
    idea="The first column of the cut-out is start_x in the whole image's coordinates, so the start is added to the "
         "cut-out's own counting, or taken off the centre.",
    contrast="Start 3: the columns are 3, 4, 5, ..., not -3, -2, -1, ...")
exercise.mistake(
    "starts-exchanged", "start_x and start_y are exchanged", edit={"+ start_x": "+ start_y", "+ start_y": "+ start_x"},
    fails=STARTED, idea="Columns count x and begin at start_x; rows count y and begin at start_y.",
    contrast="Start (3, 5): the first column is x = 3, the first row y = 5.")
exercise.mistake(
    "centre-exchanged", "x and y of the centre are exchanged",
    edit={"- centroid_x": "- centroid_y", "- centroid_y": "- centroid_x"},
    idea="centroid_x is taken off the columns' coordinates, centroid_y off the rows'.",
    contrast="Centre (12.3, 16.4): dx = x - 12.3.")
exercise.mistake(
    "on-the-middle", "Distances are counted from the middle of the cut-out",
    edit={"- centroid_x": "- (start_x + (nx - 1) / 2)", "- centroid_y": "- (start_y + (ny - 1) / 2)"},
    spellings=({"- centroid_x": "- (start_x + nx / 2)", "- centroid_y": "- (start_y + ny / 2)"},
               {"- centroid_x": "- (start_x + nx // 2)", "- centroid_y": "- (start_y + ny // 2)"}),
    idea="The source is hardly ever in the middle of its cut-out. The centre is given.",
    contrast="27 columns from x = 3 have their middle at 16; the star is at 12.3.")
exercise.mistake(
    "mean-distance", "The mean distance instead of the root mean square",
    edit={"return np.sqrt(x_square), np.sqrt(y_square)":
           "return np.sum(w * abs(dx)) / np.sum(w), np.sum(w * abs(dy)) / np.sum(w)"},
    idea="Squaring, averaging and taking the root weighs far pixels more than averaging absolute distances does.",
    contrast="Distances 1, 3: the mean is 2, the root mean square 2.24.")
exercise.mistake(
    "own-centre", "The centre is computed anew",
    edit={"- centroid_x": "- (image_cutout * x).sum() / image_cutout.sum()",
          "- centroid_y": "- (image_cutout * y).sum() / image_cutout.sum()"},
    fails=("at the*", "noise", "a neighbour", "whole*"),
    idea="The widths are asked about the centre that is given, also where it lies a little beside the source.",
    contrast="Centre given 0.6 pixel beside a star of width 1.3: sqrt(1.3^2 + 0.6^2) = 1.43.")
exercise.mistake(
    "squared-in-place", "The cut-out is squared in place",
    edit={"w = f**2": "image_cutout **= 2\n    w = image_cutout"}, raises="input-modified",
    idea="`image_cutout **= 2` writes into the caller's image.", contrast="weight = image_cutout**2   # a new array")
exercise.mistake(
    "one-number", "The two widths are joined to one",
    edit={"return np.sqrt(x_square), np.sqrt(y_square)": "return np.sqrt(x_square + y_square)"}, raises="type",
    idea="x_width and y_width are asked, one by one; joined in quadrature they are the size that comes later.",
    contrast="return x_width, y_width")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("f = image_cutout", "images of this assignment are floats"),
    *((text, "distances are squared")
      for text in ("dx, dy = (centroid_x - x, y - centroid_y)", "dx, dy = (x - centroid_x, centroid_y - y)")),
]
