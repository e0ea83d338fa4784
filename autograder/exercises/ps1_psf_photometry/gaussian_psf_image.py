"""The PSF evaluated at the centre of every pixel of a cut-out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from photcheck.comparators import ArrayClose
from photgrader.exercise import Case, Exercise

from ._stamps import gaussian2D, place, starts, starts_near_corner

exercise = Exercise(
    "PSF image",
    # A closed formula. Re-normalised on the cut-out it changes by less than 1e-6 (every graded star is 5 sigma or more
    # inside); single precision moves coordinates of 4000 by 2e-4 pixel, a few 1e-4 of a pixel's value.
    compare=ArrayClose(atol=1e-3, scale=True, unit="per pixel", name="PSF image"),
    picture="image",
)


@exercise.namespace
def given() -> dict[str, Any]:
    """Return what the notebook gives."""
    return {"gaussian2D": gaussian2D}


@exercise.reference
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    ny, nx = shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    r = np.hypot(x - centroid_x, y - centroid_y)
    return gaussian2D(r, width)


# Starts of a few pixels keep the PSF on the cut-out in most mistakes with offsets, so that they can be told apart; far
# out on the detector all of them give nothing but zeros.
@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("near the corner", (22, 27), 12.3, 16.7, 1.7, 3, 5,
               tests="a cut-out that begins a few pixels from the image's corner, wider than tall")
    yield Case("at the corner", (26, 21), 9.35, 15.3, 1.5, 0, 0,
               tests="a cut-out that begins at (0, 0), taller than wide")
    yield Case("far out", (20, 24), 1410.7, 239.4, 1.8, 1400, 230, tests="a cut-out far out on the detector")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(24, 28)), int(rng.integers(19, 22)))
    x, y = place(rng, shape, 7.6)
    x_start, y_start = starts(rng)
    yield Case("elsewhere", shape, x_start + x, y_start + y, float(rng.uniform(1.3, 1.5)), x_start, y_start,
               tests="another star, another width, different starts in x and y", points=2)
    shape = (int(rng.integers(27, 30)), int(rng.integers(32, 35)))
    x, y = place(rng, shape, 11.1)
    x_start, y_start = starts_near_corner(rng, x, y)
    yield Case("a wide PSF", shape, x_start + x, y_start + y, float(rng.uniform(2.0, 2.2)), x_start, y_start,
               tests="a wide PSF near the image's corner")


# In a cut-out that begins at (0, 0) nobody sees what is done with the start.
STARTED = ("near*", "far*", "elsewhere", "a wide*")
exercise.mistake(
    "shape-exchanged", "Rows and columns of `shape` are exchanged", edit={"ny, nx =": "nx, ny ="},
    idea="shape is (ny, nx), rows first. Taken the other way round the image comes out as tall as it should be wide.",
    contrast="shape = (20, 24): 20 rows (y), 24 columns (x).")
exercise.mistake(
    "ij-indexing", "The image is transposed", edit={"+ y_start": "+ y_start, indexing='ij'"},
    idea="The first index of the answer counts x instead of y, as meshgrid's indexing='ij' makes it. Images are "
         "indexed [y, x].",
    contrast="psf[16, 12] should be the pixel at x = 12, y = 16 of the cut-out.")
exercise.mistake(
    "centre-exchanged", "x and y of the centre are exchanged",
    edit={"- centroid_x": "- centroid_y", "- centroid_y": "- centroid_x"},
    idea="centroid_x belongs to the grid that grows along a row, centroid_y to the one that grows along a column.",
    contrast="A star at (12.3, 16.7) has its brightest pixel in row 16, column 12.")
exercise.mistake(
    "no-offset", "The cut-out's start is not taken into account", edit={" + x_start": "", " + y_start": ""},
    fails=STARTED,
    idea="The centre comes in the coordinates of the whole image, and pixels of the cut-out count from its corner. "
         "Both must be counted from the same place: the start enters once.",
    contrast="Start 1400, centre 1410.7: the star is 10.7 pixels into the cut-out, not 1410.7.")
exercise.mistake(
    "start-subtracted", "The start is taken off the grid instead of added to it",
    edit={"+ x_start": "- x_start", "+ y_start": "- y_start"}, fails=STARTED,
    idea="The first column of the cut-out is x_start in the whole image's coordinates, so the start is added to the "
         "cut-out's own counting (or taken off the centre), not the other way round.",
    contrast="Start 1400: the columns are 1400, 1401, ..., not -1400, -1399, ...")
exercise.mistake(
    "starts-exchanged", "x_start and y_start are exchanged", edit={"+ x_start": "+ y_start", "+ y_start": "+ x_start"},
    fails=STARTED, idea="Columns count x and begin at x_start; rows count y and begin at y_start.",
    contrast="Start (3, 5): the first column is x = 3, the first row y = 5.")
exercise.mistake(
    "on-the-middle", "The PSF sits on the middle of the cut-out",
    edit={"- centroid_x": "- (x_start + (nx - 1) / 2)", "- centroid_y": "- (y_start + (ny - 1) / 2)"},
    spellings=({"- centroid_x": "- (x_start + nx / 2)", "- centroid_y": "- (y_start + ny / 2)"},
               {"- centroid_x": "- (x_start + nx // 2)", "- centroid_y": "- (y_start + ny // 2)"}),
    idea="The star is hardly ever in the middle. The PSF belongs on the centroid given, to a fraction of a pixel.",
    contrast="A cut-out of 27 columns from x = 3 has its middle at 16; the star is at 12.3.")
exercise.mistake(
    "whole-pixel-centre", "The centre is rounded to a whole pixel",
    edit={"- centroid_x": "- int(centroid_x)", "- centroid_y": "- int(centroid_y)"},
    spellings=({"- centroid_x": "- round(centroid_x)", "- centroid_y": "- round(centroid_y)"},),
    idea="The fraction of a pixel matters: a PSF half a pixel off no longer fits the star's flanks.",
    contrast="12.3 is between the pixels 12 and 13, not on one of them.")
exercise.mistake(
    "pixel-corner", "Pixels count from their corners",
    edit={"+ x_start": "+ x_start + 0.5", "+ y_start": "+ y_start + 0.5"},
    idea="A whole number is the centre of a pixel; half a pixel added moves the grid by half a pixel against the star.",
    contrast="The first pixel of a cut-out that begins at 3 has its centre at 3, not at 3.5.")
exercise.mistake(
    "width-as-fwhm", "width is taken for the full width at half maximum",
    edit={"gaussian2D(r, width)": "gaussian2D(r, width / (2 * np.sqrt(2 * np.log(2))))"},
    idea="width is the Gaussian's sigma. Divided by 2.355 the PSF is far too narrow.",
    contrast="sigma = 1.8: the FWHM is 4.2 pixels.")
exercise.mistake(
    "fwhm-for-sigma", "The full width at half maximum is used for sigma",
    edit={"gaussian2D(r, width)": "gaussian2D(r, 2 * np.sqrt(2 * np.log(2)) * width)"},
    idea="width is the Gaussian's sigma already. Multiplied by 2.355 the PSF is far too wide.",
    contrast="sigma = 1.8: the FWHM is 4.2 pixels, and 1.8 is what belongs in the formula.")
exercise.mistake(
    "peak-one", "The PSF is not normalised", edit={"gaussian2D(r, width)": "np.exp(-r**2 / (2 * width**2))"},
    idea="With a highest value of 1 the sum is about 2 pi sigma^2, and F times the PSF is not a star of flux F.",
    contrast="sigma = 1.8: exp(-r^2 / 2 sigma^2) sums to 20, not to 1.")
exercise.mistake(
    "one-dimensional", "Normalised as in one dimension",
    edit={"gaussian2D(r, width)": "np.exp(-r**2 / (2 * width**2)) / (np.sqrt(2 * np.pi) * width)"},
    idea="1 / (sqrt(2 pi) sigma) makes the integral along a line 1. Over the plane there are two such factors.",
    contrast="Line: 1 / (sqrt(2 pi) sigma). Plane: 1 / (2 pi sigma^2).")
exercise.mistake(
    "width-not-squared", "The width is not squared in the normalisation",
    edit={"gaussian2D(r, width)": "np.exp(-r**2 / (2 * width**2)) / (2 * np.pi * width)"},
    idea="The area under the Gaussian grows with the square of its width, so the factor in front holds the square.",
    contrast="1 / (2 pi sigma^2); with sigma = 1.8 that is 0.049, not 0.088.")
exercise.mistake(
    "no-two", "The 2 in the exponent is missing",
    edit={"gaussian2D(r, width)": "np.exp(-r**2 / width**2) / (2 * np.pi * width**2)"},
    idea="Without it the Gaussian is narrower by the square root of 2.",
    contrast="At r = sigma the Gaussian has fallen to exp(-1/2) = 0.61 of its peak, not to 0.37.")
exercise.mistake(
    "square-twice", "The distance is squared twice", edit={"gaussian2D(r,": "gaussian2D(r**2,"},
    idea="gaussian2D squares its radius itself. Give it the distance, not the square of the distance.",
    contrast="dx = 3, dy = 4: the radius is 5, not 25.")
exercise.mistake(
    "sum-of-distances", "dx and dy are added instead of in quadrature",
    edit={"np.hypot(x - centroid_x, y - centroid_y)": "abs(x - centroid_x) + abs(y - centroid_y)"},
    spellings=({"np.hypot(x - centroid_x, y - centroid_y)": "x - centroid_x + y - centroid_y"},),
    idea="The distance of two points is sqrt(dx^2 + dy^2). |dx| + |dy| makes a diamond out of a circle.",
    contrast="dx = 3, dy = 4: the distance is 5, not 7.")
