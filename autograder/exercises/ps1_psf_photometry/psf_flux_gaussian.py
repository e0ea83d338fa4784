"""Maximum-likelihood flux of a star with a Gaussian PSF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from photcheck.comparators import ClosedNumber
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise, sibling

from ._stamps import gaussian2D, place, star, starts, starts_near_corner

exercise = Exercise(
    "PSF flux",
    # A closed formula of the pixels given: noise is the same for everybody. A PSF re-normalised on the cut-out changes
    # it by less than 1e-5 (every star is 4.5 sigma or more inside); single precision by some 1e-4.
    compare=ClosedNumber(rtol=1e-3, unit="nJy", name="flux"),
    depends=("gaussian_psf_image",),
    picture="scalar",
)


@exercise.namespace
def given() -> dict[str, Any]:
    """Return what the notebook gives."""
    return {"gaussian2D": gaussian2D}


# Variants call the PSF image by name, as a student's function does.
def gaussian_psf_image(*args: Any) -> Any:
    return sibling(exercise, "gaussian_psf_image").solve(*args)


@exercise.reference
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    r = np.hypot(x - centroid_x, y - centroid_y)
    psf = gaussian2D(r, radius)
    return np.sum(image_cutout * psf) / np.sum(psf**2)


# Every cut-out holds a second star near its rim, so that summing up pixels gives something else than the PSF flux.
@exercise.provided
def provided() -> Iterator[Case]:
    near = star((22, 27), 9.3, 11.7, 1.7, 5000.0) + star((22, 27), 22.5, 18.2, 1.7, 1500.0)
    yield Case("near the corner", near, 12.3, 16.7, 1.7, 3, 5,
               tests="a star of 5000 nJy, with a fainter one at the rim, a few pixels from the image's corner")
    at = star((26, 21), 9.35, 15.3, 1.5, 2400.0) + star((26, 21), 16.8, 4.1, 1.5, 900.0)
    yield Case("at the corner", at, 9.35, 15.3, 1.5, 0, 0, tests="a cut-out that begins at (0, 0), taller than wide")
    yield Case("a star of the exposure", DataRef("visit_image")[148:168, 73:97], 85.43, 158.53, 2.0, 73, 148,
               tests="the notebook's own star, with the noise of the sky")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(25, 28)), int(rng.integers(20, 23)))
    x, y = place(rng, shape, 7.6)
    x_start, y_start = starts(rng)
    image = star(shape, x, y, 1.5, 9000.0) + star(shape, 1.6, shape[0] - 2.3, 1.5, 2500.0) + rng.normal(0, 3.0, shape)
    image += star(shape, x, y, 6.0, 6000.0)
    yield Case("noise", image, x_start + x, y_start + y, 1.5, x_start, y_start,
               tests="a noisy star on a faint glow, with different starts in x and y", points=2)
    # Five times its own error (Cramer-Rao: noise sqrt(4 pi) sigma): half of its pixels are negative, and count.
    shape = (int(rng.integers(21, 24)), int(rng.integers(26, 29)))
    x, y = place(rng, shape, 7.6)
    x_start, y_start = starts(rng)
    faint = star(shape, x, y, 1.6, 5 * 12.0 * np.sqrt(4 * np.pi) * 1.6) + star(shape, 2.1, 1.7, 1.6, 900.0)
    faint = faint + rng.normal(0, 12.0, shape)
    yield Case("faint", faint, x_start + x, y_start + y, 1.6, x_start, y_start,
               tests="a star five times as bright as its error")
    shape = (int(rng.integers(27, 30)), int(rng.integers(32, 35)))
    x, y = place(rng, shape, 11.1)
    width = float(rng.uniform(2.0, 2.2))
    # A galaxy is wider than the PSF: here the width given, not the source's own, decides.
    image = star(shape, x, y, 1.6 * width, 2e4) + star(shape, shape[1] - 2.7, 1.8, width, 4000.0)
    x_start, y_start = starts_near_corner(rng, x, y)
    yield Case("a galaxy", image, x_start + x, y_start + y, width, x_start, y_start,
               tests="a source that is wider than the PSF")
    shape = (int(rng.integers(23, 26)), int(rng.integers(28, 31)))
    x, y = place(rng, shape, 8.6)
    image = np.rint(star(shape, x, y, 1.8, 8e4) + star(shape, 2.2, 2.9, 1.8, 2e4)).astype(np.int32)
    x_start, y_start = starts(rng)
    yield Case("whole numbers", image, x_start + x, y_start + y, 1.8, x_start, y_start,
               tests="an image of whole numbers")


# In a cut-out that begins at (0, 0) nobody sees what is done with the start.
STARTED = ("faint", "near*", "a star*", "noise", "a galaxy", "whole*")
exercise.mistake(
    "no-denominator", "The sum of squares below is missing", edit={" / np.sum(psf**2)": ""},
    idea="sum(f p) alone, or divided by sum(p), which is 1, is a mean of the pixels weighted with the PSF. The PSF is "
         "small everywhere, so that comes out far below the flux. Putting the derivative of the likelihood to zero "
         "leaves sum(p^2) below.",
    contrast="For f = F p exactly: sum(f p) = F sum(p^2), and dividing by sum(p^2) gives F back.")
exercise.mistake(
    "plain-sum", "The pixels are just added up",
    edit={"np.sum(image_cutout * psf) / np.sum(psf**2)": "np.sum(image_cutout)"}, keeps=0.05,
    idea="The sum of all pixels takes in every neighbour and the noise of every empty pixel. The maximum-likelihood "
         "flux weights each pixel with how much of the star it holds.",
    contrast="A star of 5000 with another of 1500 at the rim: the sum is 6500, the PSF flux stays near 5000.")
exercise.mistake(
    "root-below", "A square root below", edit={"/ np.sum(psf**2)": "/ np.sqrt(np.sum(psf**2))"},
    idea="Divided by the square root of sum(p^2) the number is the star's signal in units of one pixel's noise, not "
         "its flux.",
    contrast="For f = F p: sum(f p) / sqrt(sum(p^2)) = F sqrt(sum(p^2)).")
exercise.mistake(
    "peak-ratio", "Only the brightest pixel is used",
    edit={"np.sum(image_cutout * psf) / np.sum(psf**2)": "np.max(image_cutout) / np.max(psf)"},
    fails=("faint", "a star*", "noise", "a galaxy"),
    idea="The highest pixel over the PSF's highest value uses one pixel of many, and a PSF that is a bit off there "
         "spoils it.",
    contrast="All pixels: sum(f p) / sum(p^2). One pixel: f / p.")
exercise.mistake(
    "aperture", "radius is taken for the radius of an aperture",
    edit={"np.sum(image_cutout * psf) / np.sum(psf**2)": "np.sum(image_cutout[r <= radius])"},
    idea="The name is historical: radius is the Gaussian's sigma. A circle of that radius holds less than half of the "
         "light.",
    contrast="Within one sigma lie 39 % of a Gaussian's flux.")
exercise.mistake(
    "sigma-as-fwhm", "radius is taken for the full width at half maximum",
    edit={"gaussian2D(r, radius)": "gaussian2D(r, radius / (2 * np.sqrt(2 * np.log(2))))"},
    idea="radius is the Gaussian's sigma. Divided by 2.355, the PSF is far narrower than the star, and the flux comes "
         "out far too low.",
    contrast="sigma = 1.7: the FWHM is 4.0 pixels.")
exercise.mistake(
    "fwhm-for-sigma", "The full width at half maximum is used for sigma",
    edit={"gaussian2D(r, radius)": "gaussian2D(r, 2 * np.sqrt(2 * np.log(2)) * radius)"},
    idea="radius is the Gaussian's sigma already. Multiplied by 2.355, the PSF is far wider than the star, and the "
         "flux comes out too high.",
    contrast="A star of 5000 then gives more than 8000.")
exercise.mistake(
    "no-offset", "The cut-out's start is not taken into account", edit={" + x_start": "", " + y_start": ""},
    fails=STARTED,
    idea="The centre comes in the coordinates of the whole image, and pixels of the cut-out count from its corner. "
         "Both must be counted from the same place, or the PSF lies beside the star.",
    contrast="Start 3, centre 12.3: the star is 9.3 pixels into the cut-out.")
exercise.mistake(
    "start-subtracted", "The start is taken off the grid instead of added to it",
    edit={"+ x_start": "- x_start", "+ y_start": "- y_start"}, fails=STARTED,
    idea="The first column of the cut-out is x_start in the whole image's coordinates, so the start is added to the "
         "cut-out's own counting, or taken off the centre.",
    contrast="Start 3: the columns are 3, 4, 5, ..., not -3, -2, -1, ...")
exercise.mistake(
    "starts-exchanged", "x_start and y_start are exchanged", edit={"+ x_start": "+ y_start", "+ y_start": "+ x_start"},
    fails=STARTED, idea="Columns count x and begin at x_start; rows count y and begin at y_start.",
    contrast="Start (3, 5): the first column is x = 3, the first row y = 5.")
exercise.mistake(
    "centre-exchanged", "x and y of the centre are exchanged",
    edit={"- centroid_x": "- centroid_y", "- centroid_y": "- centroid_x"},
    idea="centroid_x belongs to the grid of columns, centroid_y to that of rows. Exchanged, the PSF lies beside the "
         "star.",
    contrast="A star at (12.3, 16.7) is in row 16, column 12.")
exercise.mistake(
    "on-the-middle", "The PSF sits on the middle of the cut-out",
    edit={"- centroid_x": "- (x_start + (nx - 1) / 2)", "- centroid_y": "- (y_start + (ny - 1) / 2)"},
    spellings=({"- centroid_x": "- (x_start + nx / 2)", "- centroid_y": "- (y_start + ny / 2)"},
               {"- centroid_x": "- (x_start + nx // 2)", "- centroid_y": "- (y_start + ny // 2)"}),
    idea="The star is hardly ever in the middle of its cut-out. The PSF belongs on the centre given.",
    contrast="A PSF two pixels beside the star catches a part of its flux only.")
exercise.mistake(
    "whole-pixel-centre", "The centre loses its fraction",
    edit={"- centroid_x": "- int(centroid_x)", "- centroid_y": "- int(centroid_y)"},
    idea="`int` cuts the fraction off. A PSF that is a fraction of a pixel off no longer fits the flanks, and the flux "
         "comes out too low.",
    contrast="Half a pixel off in x and y costs about 3 % of the flux at sigma = 2.")
exercise.mistake(
    "on-the-peak", "The PSF sits on the nearest whole pixel",
    edit={"- centroid_x": "- (x_start + np.argmax(image_cutout) % nx)",
          "- centroid_y": "- (y_start + np.argmax(image_cutout) // nx)"},
    idea="The brightest pixel, or the centre rounded, lies up to half a pixel away from the star's centre, which is "
         "given as an argument with its fraction.",
    contrast="A star at (12.3, 16.7) has its brightest pixel at (12, 17).")
exercise.mistake(
    "pixel-corner", "Pixels count from their corners",
    edit={"+ x_start": "+ x_start + 0.5", "+ y_start": "+ y_start + 0.5"},
    idea="A whole number is the centre of a pixel; half a pixel added moves the PSF off the star.",
    contrast="The first pixel of a cut-out that begins at 3 has its centre at 3, not at 3.5.")
exercise.mistake(
    "square-twice", "The distance is squared twice", edit={"gaussian2D(r,": "gaussian2D(r**2,"},
    idea="gaussian2D squares its radius itself. Give it the distance, not the square of the distance.",
    contrast="dx = 3, dy = 4: the radius is 5, not 25.")
exercise.mistake(
    "peak-one", "The PSF is not normalised", edit={"gaussian2D(r, radius)": "np.exp(-r**2 / (2 * radius**2))"},
    spellings=({"gaussian2D(r, radius)": "gaussian2D(r, radius) / gaussian2D(r, radius).max()"},),
    idea="With a PSF whose highest value is 1 the answer is the star's height, not its flux.",
    contrast="sigma = 1.7: the flux is 2 pi sigma^2 = 18 times the height.")
exercise.mistake(
    "one-dimensional", "The PSF is normalised as in one dimension",
    edit={"gaussian2D(r, radius)": "np.exp(-r**2 / (2 * radius**2)) / (np.sqrt(2 * np.pi) * radius)"},
    idea="1 / (sqrt(2 pi) sigma) makes the integral along a line 1; over the plane there are two such factors. The PSF "
         "is too high then, and the flux too low.",
    contrast="Line: 1 / (sqrt(2 pi) sigma). Plane: 1 / (2 pi sigma^2).")
exercise.mistake(
    "width-not-squared", "The width is not squared in the normalisation",
    edit={"gaussian2D(r, radius)": "np.exp(-r**2 / (2 * radius**2)) / (2 * np.pi * radius)"},
    idea="The area under the Gaussian grows with the square of its width, so the factor in front of it holds the "
         "square.",
    contrast="1 / (2 pi sigma^2); with sigma = 1.7 that is 0.055, not 0.094.")
exercise.mistake(
    "weighted-in-place", "The cut-out is multiplied in place",
    edit={"return np.sum(image_cutout * psf)": "image_cutout *= psf\n    return np.sum(image_cutout)"},
    raises="input-modified", idea="`image_cutout *= psf` writes into the caller's image.",
    contrast="weighted = image_cutout * psf   # a new array")
