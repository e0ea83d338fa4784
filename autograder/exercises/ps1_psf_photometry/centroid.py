"""Flux-weighted centroid of a cut-out, in the coordinates of the whole image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._stamps import place, star, starts

exercise = Exercise(
    "Flux-weighted centroid",
    # A closed formula: only rounding may differ, also in single precision (1e-4 pixel at coordinates of 4000).
    compare=Numbers(("x", "y"), atol=2e-3, unit="pixel"),
    picture="position",
)


@exercise.reference
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    total = image_cutout.sum()
    x_center = (image_cutout * x).sum() / total
    y_center = (image_cutout * y).sum() / total
    return x_center, y_center


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a star off the centre", star((21, 17), 6.3, 12.8, 2.0, 9000.0), 140, 233,
               tests="a wide star off the centre of a cut-out that is taller than wide")
    yield Case("a cut-out at the corner", star((15, 24), 15.25, 6.6, 1.8, 4000.0), 0, 0,
               tests="a cut-out that starts at (0, 0), wider than tall")
    yield Case("a star of the exposure", DataRef("visit_image")[148:168, 73:97], 73, 148,
               tests="the notebook's own star, with the noise of the sky")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(14, 18)), int(rng.integers(22, 28)))
    x, y = place(rng, shape, 4.5)
    # So much noise that clipping it at zero moves the centroid by a tenth of a pixel or more.
    image = star(shape, x, y, 1.9, 2e4) + rng.normal(0, 12.0, shape)
    yield Case("noise", image, *starts(rng), tests="a noisy star, with different starts in x and y", points=2)
    shape = (int(rng.integers(26, 30)), int(rng.integers(21, 24)))
    x, y = place(rng, shape, 7.0)
    whole = np.rint(star(shape, x, y, 1.6, 5e5)).astype(np.int32)
    yield Case("whole numbers", whole, int(rng.integers(50, 90)), int(rng.integers(400, 900)),
               tests="an image of whole numbers")
    shape = (int(rng.integers(16, 19)), int(rng.integers(21, 25)))
    x, y = place(rng, shape, 4.5)
    light = star(shape, x, y, 1.6, 3e4) + star(shape, shape[1] - 2.2, shape[0] - 3.4, 1.6, 9e3)
    yield Case("a neighbour", light, *starts(rng), tests="a cut-out with a second, fainter star in it")


# In a cut-out that starts at (0, 0) nobody sees what is done with the start.
STARTED = ("a star*", "noise", "whole*", "a neighbour")
exercise.mistake(
    "swapped", "x and y are exchanged", edit={"* x": "* y", "* y": "* x"},
    idea="numpy indexes images [y, x]: the first index counts rows, which is y. The answer asked for is (x, y).",
    contrast="image[12, 6] is the pixel at x = 6, y = 12.")
exercise.mistake(
    "no-offset", "The cut-out's start is not added", edit={" + x_start": "", " + y_start": ""}, fails=STARTED,
    idea="The position is asked in the coordinates of the whole image, and the grid counts from the cut-out's corner.",
    contrast="A star 6.3 pixels into a cut-out that starts at x = 140 lies at x = 146.3.")
exercise.mistake(
    "offset-twice", "The cut-out's start is added twice",
    edit={"+ x_start": "+ 2 * x_start", "+ y_start": "+ 2 * y_start"}, fails=STARTED,
    idea="The grid already counts in the whole image's coordinates; adding the start to the result once more moves the "
         "star away by that amount.",
    contrast="Grid from 140 to 156: its mean is a whole-image position already. Grid from 0 to 16: add 140 once.")
exercise.mistake(
    "starts-exchanged", "x_start and y_start are exchanged", edit={"+ x_start": "+ y_start", "+ y_start": "+ x_start"},
    fails=STARTED,
    idea="Columns count x and begin at x_start; rows count y and begin at y_start. Each offset belongs to its own "
         "axis.",
    contrast="Start (140, 233), star at (6.3, 12.8) inside: (146.3, 245.8), not (239.3, 152.8).")
exercise.mistake(
    "not-divided", "The sum is not divided by the flux", edit={" / total": ""},
    idea="A weighted mean is the sum of weight times value over the sum of the weights. Without the division the "
         "number grows with the star's brightness.",
    contrast="Weights 1, 3 at x = 10, 11: (10 + 33) / 4 = 10.75, not 43.")
exercise.mistake(
    "pixel-mean", "Divided by the number of pixels, not by the flux", edit={"/ total": "/ image_cutout.size"},
    idea="`mean` divides by how many pixels there are, whatever their flux. The weights of a weighted mean are the "
         "fluxes, and so it is their sum that belongs below.",
    contrast="Weights 1, 3 at x = 10, 11: 43 / 4 = 10.75 with the sum of weights; 43 / 2 = 21.5 with the number of "
             "pixels.")
exercise.mistake(
    "coordinate-sum", "Divided by the sum of the coordinates",
    edit={"* x).sum() / total": "* x).sum() / x.sum()", "* y).sum() / total": "* y).sum() / y.sum()"},
    idea="That gives a mean flux, weighted with the coordinates. A position comes out of the sum of flux times "
         "coordinate over the sum of the flux.",
    contrast="The unit tells: flux x pixel / pixel is a flux; flux x pixel / flux is a position in pixels.")
exercise.mistake(
    "unweighted", "The flux takes no part",
    edit={"(image_cutout * x).sum() / total": "x.mean()", "(image_cutout * y).sum() / total": "y.mean()"},
    idea="The mean of the coordinates alone is the middle of the cut-out, wherever the star is. Each coordinate has to "
         "be weighted with its pixel's flux.",
    contrast="In a cut-out of 17 columns from x = 140 the middle is always 148.")
exercise.mistake(
    "brightest-pixel", "The brightest pixel instead of the centroid",
    edit={"(image_cutout * x).sum() / total": "x.flat[np.argmax(image_cutout)]",
          "(image_cutout * y).sum() / total": "y.flat[np.argmax(image_cutout)]"},
    idea="The brightest pixel is a whole number and throws away what the other pixels say. The flux-weighted mean uses "
         "them all and reaches a fraction of a pixel.",
    contrast="A star at x = 146.3: its brightest pixel is 146.")
exercise.mistake(
    "rounded", "The position is rounded to whole pixels",
    edit={"return x_center, y_center": "return int(x_center), int(y_center)"},
    spellings=({"return x_center, y_center": "return np.rint([x_center, y_center])"},),
    idea="A star's centre lies between pixel centres in general, and the fraction is what the centroid is for.",
    contrast="146.3 is asked, not 146.")
exercise.mistake(
    "counted-from-one", "Pixels are counted from 1",
    edit={"np.arange(nx)": "np.arange(1, nx + 1)", "np.arange(ny)": "np.arange(1, ny + 1)"},
    idea="In this course, as in numpy, the first pixel is 0. (FITS headers and DS9 count from 1.)",
    contrast="The first column of a cut-out with x_start = 140 is at x = 140.")
exercise.mistake(
    "pixel-corner", "Positions count from the pixel's corner",
    edit={"+ x_start": "+ x_start + 0.5", "+ y_start": "+ y_start + 0.5"},
    idea="A whole number is the centre of a pixel here. Adding half a pixel moves the origin to the corner of the "
         "first one.",
    contrast="All the light in column 140: the centroid is x = 140, not 140.5.")
exercise.mistake(
    "squared-flux", "Weighted with the squared flux",
    edit={"total = image_cutout.sum()": "image_cutout = image_cutout**2\n    total = image_cutout.sum()"},
    fails=("a star of*", "noise", "a neighbour"),
    idea="The squared flux weights the bright pixels more strongly; that is what the second moment will use later. The "
         "centroid asked here takes the flux itself.",
    contrast="Fluxes 1, 3 at x = 10, 11: (1 x 10 + 3 x 11) / 4 = 10.75; squared (1 x 10 + 9 x 11) / 10 = 10.9.")
exercise.mistake(
    "negative-clipped", "Negative pixels are set to zero",
    edit={"total = image_cutout.sum()": "image_cutout = np.maximum(image_cutout, 0)\n    total = image_cutout.sum()"},
    fails=("a star of the*", "noise"),
    idea="After the background is subtracted, noise is as often negative as positive. Cutting the negative half off "
         "leaves a glow all over the cut-out that pulls the centroid to its middle.",
    contrast="Pixels -2, +2 of empty sky add up to 0; clipped they add 2 counts of light that is not there.")
exercise.mistake(
    "rows-for-columns", "Rows are taken for columns", edit={"ny, nx =": "nx, ny ="}, spellings=("""
        def centroid(image_cutout, x_start, y_start):
            x, y = np.indices(image_cutout.shape)
            x_center, y_center = (np.average(grid, weights=image_cutout) for grid in (x, y))
            return x_center + x_start, y_center + y_start
    """,),
    idea="`image_cutout.shape` is (rows, columns), that is (ny, nx). Taken the other way round, the grid of "
         "coordinates is as wide as the cut-out is tall, and does not fit a cut-out that is not square.",
    contrast="ny, nx = image_cutout.shape: a cut-out of 21 rows and 17 columns has ny = 21, nx = 17.")
exercise.mistake(
    "normalised-in-place", "The cut-out is normalised in place",
    edit={"total = image_cutout.sum()": "image_cutout /= image_cutout.sum()", " / total": ""}, raises="input-modified",
    idea="`image_cutout /= total` writes into the caller's image.",
    contrast="weights = image_cutout / total   # a new array")
exercise.mistake(
    "printed", "The position is printed, not returned", edit={"return x_center, y_center": "print(x_center, y_center)"},
    raises="none", idea="A value that is printed is gone; the caller gets None.", contrast="return x_center, y_center")
