"""The PSF evaluated at the centre of every pixel of a cut-out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from photcheck.comparators import ArrayClose
from photgrader.exercise import Case, Exercise

from ._stamps import gaussian2D, place, starts, starts_near_corner

exercise = Exercise(
    "gaussian_psf_image",
    params=("shape", "centroid_x", "centroid_y", "width", "x_start", "y_start"),
    title="PSF image",
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
    return gaussian2D(np.hypot(x - centroid_x, y - centroid_y), width)


# Starts of a few pixels keep the PSF on the cut-out in most mistakes with offsets, so that they can be told apart; far
# out on the detector all of them give nothing but zeros.
@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("near the corner", ((22, 27), 12.3, 16.7, 1.7, 3, 5),
               tests="a cut-out that begins a few pixels from the image's corner, wider than tall")
    yield Case("at the corner", ((26, 21), 9.35, 15.3, 1.5, 0, 0), tests="a cut-out that begins at (0, 0), taller than wide")
    yield Case("far out", ((20, 24), 1410.7, 239.4, 1.8, 1400, 230), tests="a cut-out far out on the detector")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(24, 28)), int(rng.integers(19, 22)))
    x, y = place(rng, shape, 7.6)
    x_start, y_start = starts(rng)
    yield Case("elsewhere", (shape, x_start + x, y_start + y, float(rng.uniform(1.3, 1.5)), x_start, y_start),
               tests="another star, another width, different starts in x and y", points=2)
    shape = (int(rng.integers(27, 30)), int(rng.integers(32, 35)))
    x, y = place(rng, shape, 11.1)
    x_start, y_start = starts_near_corner(rng, x, y)
    yield Case("a wide PSF", (shape, x_start + x, y_start + y, float(rng.uniform(2.0, 2.2)), x_start, y_start),
               tests="a wide PSF near the image's corner")


@exercise.variant("two loops")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    psf = np.zeros(shape)
    for j in range(shape[0]):
        for i in range(shape[1]):
            distance = np.sqrt((x_start + i - centroid_x) ** 2 + (y_start + j - centroid_y) ** 2)
            psf[j, i] = gaussian2D(distance, width)
    return psf


@exercise.variant("re-normalised on the cut-out")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    y, x = np.indices(shape)
    r2 = (x + x_start - centroid_x) ** 2 + (y + y_start - centroid_y) ** 2
    psf = np.exp(-0.5 * r2 / width**2)
    psf /= psf.sum()
    return psf


@exercise.variant("outer product of two profiles, single precision")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from scipy.stats import norm

    column = norm.pdf(np.arange(y_start, y_start + shape[0]), loc=centroid_y, scale=width)
    row = norm.pdf(np.arange(x_start, x_start + shape[1]), loc=centroid_x, scale=width)
    return np.outer(column, row).astype(np.float32)


@exercise.variant("astropy model")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from astropy.modeling.models import Gaussian2D

    model = Gaussian2D(1 / (2 * np.pi * width**2), centroid_x, centroid_y, width, width)
    y, x = np.mgrid[y_start:y_start + shape[0], x_start:x_start + shape[1]]
    return model(x, y)


@exercise.variant("photutils model")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from photutils.psf import CircularGaussianPSF

    model = CircularGaussianPSF(flux=1, x_0=centroid_x - x_start, y_0=centroid_y - y_start, fwhm=2 * np.sqrt(2 * np.log(2)) * width)
    yy, xx = np.mgrid[:shape[0], :shape[1]]
    return model(xx, yy)


@exercise.variant("list of lists")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from math import exp, pi

    ny, nx = shape
    return [[exp(-((x - centroid_x) ** 2 + (y - centroid_y) ** 2) / (2 * width * width)) / (2 * pi * width * width)
             for x in range(x_start, x_start + nx)] for y in range(y_start, y_start + ny)]


exercise.variant_source("lambda with ogrid and a complex distance", """
gaussian_psf_image = lambda shape, cx, cy, width, x0, y0: gaussian2D(
    abs((np.arange(shape[1]) + x0 - cx)[None, :] + 1j * (np.arange(shape[0]) + y0 - cy)[:, None]), width)
""")

exercise.variant_source("helpers in cells of their own, type hints", """
from typing import Sequence

def pixel_grid(shape: Sequence[int], x_start: int, y_start: int):
    return np.meshgrid(x_start + np.arange(shape[1]), y_start + np.arange(shape[0]))

# %%
def distance(x, y, x0: float, y0: float) -> np.ndarray:
    return ((x - x0)**2 + (y - y0)**2)**0.5

# %%
def gaussian_psf_image(shape: Sequence[int], centroid_x: float, centroid_y: float, width: float,
                       x_start: int, y_start: int) -> np.ndarray:
    x, y = pixel_grid(shape, x_start, y_start)
    return gaussian2D(distance(x, y, centroid_x, centroid_y), width)
""")

exercise.variant_source("object with __call__", """
class GaussianPSF:
    normalisation = 2 * np.pi

    def __call__(self, shape, centroid_x, centroid_y, width, x_start, y_start):
        self.width = width
        return np.fromfunction(lambda j, i: self.value(i + x_start - centroid_x, j + y_start - centroid_y), shape)

    def value(self, dx, dy):
        return np.exp(-(dx * dx + dy * dy) / (2 * self.width**2)) / (self.normalisation * self.width**2)

gaussian_psf_image = GaussianPSF()
""")

exercise.variant_source("functools.partial, prints and warns", """
import functools
import sys
import warnings

def any_psf(shape, cx, cy, width, x0, y0, profile):
    y, x = np.mgrid[:shape[0], :shape[1]].astype(float)
    psf = profile(np.hypot(x - (cx - x0), y - (cy - y0)), width)
    print("sum", psf.sum())
    print("maximum", psf.max(), file=sys.stderr)
    if abs(psf.sum() - 1) > 1e-9:
        warnings.warn("the PSF does not sum to 1 exactly")
    return psf

gaussian_psf_image = functools.partial(any_psf, profile=gaussian2D)
""")


@exercise.variant("draws a figure")
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    import matplotlib.pyplot as plt

    xx, yy = np.meshgrid(np.linspace(x_start, x_start + shape[1] - 1, shape[1]), np.linspace(y_start, y_start + shape[0] - 1, shape[0]))
    psf = gaussian2D(np.sqrt((xx - centroid_x) ** 2 + (yy - centroid_y) ** 2), width)
    fig, ax = plt.subplots()
    ax.imshow(psf, origin="lower", extent=(x_start - 0.5, x_start + shape[1] - 0.5, y_start - 0.5, y_start + shape[0] - 0.5))
    return psf


_GRID = """
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    {sizes} = shape
    x, y = np.meshgrid({x}, {y}{indexing})
    r = np.hypot(x - {cx}, y - {cy})
    return {answer}
"""
_RIGHT = {"sizes": "ny, nx", "x": "np.arange(nx) + x_start", "y": "np.arange(ny) + y_start", "cx": "centroid_x",
          "cy": "centroid_y", "indexing": "", "answer": "gaussian2D(r, width)"}


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...] = ("*",), **changed: str) -> None:
    """Declare a misconception that differs from the right function in the parts given."""
    exercise.misconception_source(id, title, _GRID.format(**{**_RIGHT, **changed}), idea=idea, contrast=contrast, fails=fails)


_OFFSET = ("near*", "far*", "elsewhere", "a wide*")

_mistake("shape-exchanged", "Rows and columns of `shape` are exchanged",
         "shape is (ny, nx), rows first. Taken the other way round the image comes out as tall as it should be wide.",
         "shape = (20, 24): 20 rows (y), 24 columns (x).", sizes="nx, ny")
_mistake("ij-indexing", "The image is transposed",
         "The first index of the answer counts x instead of y, as meshgrid's indexing='ij' makes it. Images are indexed [y, x].",
         "psf[16, 12] should be the pixel at x = 12, y = 16 of the cut-out.", indexing=", indexing='ij'")
_mistake("centre-exchanged", "x and y of the centre are exchanged",
         "centroid_x belongs to the grid that grows along a row, centroid_y to the one that grows along a column.",
         "A star at (12.3, 16.7) has its brightest pixel in row 16, column 12.", cx="centroid_y", cy="centroid_x")
_mistake("no-offset", "The cut-out's start is not taken into account",
         "The centre comes in the coordinates of the whole image, and pixels of the cut-out count from its corner. Both must be "
         "counted from the same place: the start enters once.",
         "Start 1400, centre 1410.7: the star is 10.7 pixels into the cut-out, not 1410.7.", _OFFSET,
         x="np.arange(nx)", y="np.arange(ny)")
_mistake("start-subtracted", "The start is taken off the grid instead of added to it",
         "The first column of the cut-out is x_start in the whole image's coordinates, so the start is added to the cut-out's own "
         "counting (or taken off the centre), not the other way round.",
         "Start 1400: the columns are 1400, 1401, ..., not -1400, -1399, ...", _OFFSET,
         x="np.arange(nx) - x_start", y="np.arange(ny) - y_start")
_mistake("starts-exchanged", "x_start and y_start are exchanged",
         "Columns count x and begin at x_start; rows count y and begin at y_start.",
         "Start (3, 5): the first column is x = 3, the first row y = 5.", _OFFSET,
         x="np.arange(nx) + y_start", y="np.arange(ny) + x_start")
_mistake("on-the-middle", "The PSF sits on the middle of the cut-out",
         "The star is hardly ever in the middle. The PSF belongs on the centroid given, to a fraction of a pixel.",
         "A cut-out of 27 columns from x = 3 has its middle at 16; the star is at 12.3.",
         cx="(x_start + (nx - 1) / 2)", cy="(y_start + (ny - 1) / 2)")
_mistake("whole-pixel-centre", "The centre is rounded to a whole pixel",
         "The fraction of a pixel matters: a PSF half a pixel off no longer fits the star's flanks.",
         "12.3 is between the pixels 12 and 13, not on one of them.", cx="int(centroid_x)", cy="int(centroid_y)")
_mistake("pixel-corner", "Pixels count from their corners",
         "A whole number is the centre of a pixel; half a pixel added moves the grid by half a pixel against the star.",
         "The first pixel of a cut-out that begins at 3 has its centre at 3, not at 3.5.",
         x="np.arange(nx) + x_start + 0.5", y="np.arange(ny) + y_start + 0.5")
_mistake("width-as-fwhm", "width is taken for the full width at half maximum",
         "width is the Gaussian's sigma. Divided by 2.355 the PSF is far too narrow.",
         "sigma = 1.8: the FWHM is 4.2 pixels.", answer="gaussian2D(r, width / (2 * np.sqrt(2 * np.log(2))))")
_mistake("fwhm-for-sigma", "The full width at half maximum is used for sigma",
         "width is the Gaussian's sigma already. Multiplied by 2.355 the PSF is far too wide.",
         "sigma = 1.8: the FWHM is 4.2 pixels, and 1.8 is what belongs in the formula.",
         answer="gaussian2D(r, 2 * np.sqrt(2 * np.log(2)) * width)")
_mistake("peak-one", "The PSF is not normalised",
         "With a highest value of 1 the sum is about 2 pi sigma^2, and F times the PSF is not a star of flux F.",
         "sigma = 1.8: exp(-r^2 / 2 sigma^2) sums to 20, not to 1.", answer="np.exp(-r**2 / (2 * width**2))")
_mistake("one-dimensional", "Normalised as in one dimension",
         "1 / (sqrt(2 pi) sigma) makes the integral along a line 1. Over the plane there are two such factors.",
         "Line: 1 / (sqrt(2 pi) sigma). Plane: 1 / (2 pi sigma^2).", answer="np.exp(-r**2 / (2 * width**2)) / (np.sqrt(2 * np.pi) * width)")
_mistake("width-not-squared", "The width is not squared in the normalisation",
         "The area under the Gaussian grows with the square of its width, so the factor in front holds the square.",
         "1 / (2 pi sigma^2); with sigma = 1.8 that is 0.049, not 0.088.", answer="np.exp(-r**2 / (2 * width**2)) / (2 * np.pi * width)")
_mistake("no-two", "The 2 in the exponent is missing",
         "Without it the Gaussian is narrower by the square root of 2.",
         "At r = sigma the Gaussian has fallen to exp(-1/2) = 0.61 of its peak, not to 0.37.",
         answer="np.exp(-r**2 / width**2) / (2 * np.pi * width**2)")
_mistake("square-twice", "The distance is squared twice",
         "gaussian2D squares its radius itself. Give it the distance, not the square of the distance.",
         "dx = 3, dy = 4: the radius is 5, not 25.", answer="gaussian2D(r**2, width)")
_mistake("sum-of-distances", "dx and dy are added instead of in quadrature",
         "The distance of two points is sqrt(dx^2 + dy^2). |dx| + |dy| makes a diamond out of a circle.",
         "dx = 3, dy = 4: the distance is 5, not 7.", answer="gaussian2D(abs(x - centroid_x) + abs(y - centroid_y), width)")
