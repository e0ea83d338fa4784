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
    "psf_flux_gaussian",
    params=("image_cutout", "centroid_x", "centroid_y", "radius", "x_start", "y_start"),
    title="PSF flux",
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
    psf = gaussian2D(np.hypot(x - centroid_x, y - centroid_y), radius)
    return np.sum(image_cutout * psf) / np.sum(psf**2)


# Every cut-out holds a second star near its rim, so that summing up pixels gives something else than the PSF flux.
@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("near the corner", (star((22, 27), 9.3, 11.7, 1.7, 5000.0) + star((22, 27), 22.5, 18.2, 1.7, 1500.0),
                                   12.3, 16.7, 1.7, 3, 5),
               tests="a star of 5000 nJy, with a fainter one at the rim, a few pixels from the image's corner")
    yield Case("at the corner", (star((26, 21), 9.35, 15.3, 1.5, 2400.0) + star((26, 21), 16.8, 4.1, 1.5, 900.0), 9.35, 15.3, 1.5, 0, 0),
               tests="a cut-out that begins at (0, 0), taller than wide")
    yield Case("a star of the exposure", (DataRef("visit_image", region=((148, 168), (73, 97))), 85.43, 158.53, 2.0, 73, 148),
               tests="the notebook's own star, with the noise of the sky")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(25, 28)), int(rng.integers(20, 23)))
    x, y = place(rng, shape, 7.6)
    x_start, y_start = starts(rng)
    image = star(shape, x, y, 1.5, 9000.0) + star(shape, 1.6, shape[0] - 2.3, 1.5, 2500.0) + rng.normal(0, 3.0, shape)
    image += star(shape, x, y, 6.0, 6000.0)
    yield Case("noise", (image, x_start + x, y_start + y, 1.5, x_start, y_start),
               tests="a noisy star on a faint glow, with different starts in x and y", points=2)
    shape = (int(rng.integers(27, 30)), int(rng.integers(32, 35)))
    x, y = place(rng, shape, 11.1)
    width = float(rng.uniform(2.0, 2.2))
    # A galaxy is wider than the PSF: here the width given, not the source's own, decides.
    image = star(shape, x, y, 1.6 * width, 2e4) + star(shape, shape[1] - 2.7, 1.8, width, 4000.0)
    x_start, y_start = starts_near_corner(rng, x, y)
    yield Case("a galaxy", (image, x_start + x, y_start + y, width, x_start, y_start),
               tests="a source that is wider than the PSF")
    shape = (int(rng.integers(23, 26)), int(rng.integers(28, 31)))
    x, y = place(rng, shape, 8.6)
    image = np.rint(star(shape, x, y, 1.8, 8e4) + star(shape, 2.2, 2.9, 1.8, 2e4)).astype(np.int32)
    x_start, y_start = starts(rng)
    yield Case("whole numbers", (image, x_start + x, y_start + y, 1.8, x_start, y_start), tests="an image of whole numbers")


@exercise.variant("from the PSF image")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    psf = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
    return (image_cutout * psf).sum() / (psf**2).sum()


@exercise.variant("one loop over pixels")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    above = below = 0.0
    for (j, i), f in np.ndenumerate(image_cutout):
        p = gaussian2D(np.sqrt((i + x_start - centroid_x) ** 2 + (j + y_start - centroid_y) ** 2), radius)
        above += f * p
        below += p * p
    return float(above / below)


@exercise.variant("re-normalised PSF, single precision")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    j, i = np.indices(image_cutout.shape)
    psf = np.exp(-((i - (centroid_x - x_start)) ** 2 + (j - (centroid_y - y_start)) ** 2) / (2 * radius**2))
    psf = (psf / psf.sum()).astype(np.float32)
    return np.float32(np.vdot(image_cutout, psf) / np.vdot(psf, psf))


@exercise.variant("linear least squares")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    psf = np.asarray(gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start))
    solution, *_ = np.linalg.lstsq(psf.reshape(-1, 1), image_cutout.ravel(), rcond=None)
    return solution


@exercise.variant("minimises chi squared numerically, prints to both streams")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    import sys

    from scipy.optimize import curve_fit

    y, x = np.mgrid[y_start:y_start + image_cutout.shape[0], x_start:x_start + image_cutout.shape[1]]
    psf = gaussian2D(np.hypot(x - centroid_x, y - centroid_y), radius).ravel()
    (flux,), covariance = curve_fit(lambda p, amplitude: amplitude * p, psf, image_cutout.ravel().astype(float), p0=[1000.0])
    print("flux:", flux)
    print("variance:", covariance, file=sys.stderr)
    return flux


exercise.variant_source("lambda on separable profiles", """
profile = lambda n, start, centre, sigma: np.exp(-0.5 * ((np.arange(start, start + n) - centre) / sigma)**2) / (np.sqrt(2 * np.pi) * sigma)

# %%
psf_flux_gaussian = lambda cut, cx, cy, s, x0, y0: (
    profile(cut.shape[0], y0, cy, s) @ cut @ profile(cut.shape[1], x0, cx, s)
    / (np.sum(profile(cut.shape[0], y0, cy, s)**2) * np.sum(profile(cut.shape[1], x0, cx, s)**2)))
""")

exercise.variant_source("object with __call__ and warnings", """
import warnings

class MaximumLikelihood:
    def __init__(self):
        self.calls = 0

    def model(self, shape, x, y, sigma):
        jj, ii = np.ogrid[:shape[0], :shape[1]]
        return gaussian2D(np.sqrt((ii - x)**2 + (jj - y)**2), sigma)

    def __call__(self, image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
        self.calls += 1
        p = self.model(image_cutout.shape, centroid_x - x_start, centroid_y - y_start, radius)
        warnings.warn(f"call number {self.calls}")
        return np.array(np.einsum("ij,ij->", image_cutout, p) / np.einsum("ij,ij->", p, p))

psf_flux_gaussian = MaximumLikelihood()
""")

exercise.variant_source("functools.partial with a noise that cancels", """
from functools import partial

def weighted_flux(image, x, y, sigma, x0, y0, noise):
    psf = np.array(gaussian_psf_image(np.shape(image), x, y, sigma, x0, y0), dtype=float)
    weight = np.full(psf.shape, 1 / noise**2)
    return [float(np.sum(weight * psf * image) / np.sum(weight * psf**2))]

psf_flux_gaussian = partial(weighted_flux, noise=12.5)
""")


@exercise.variant("draws model and residual")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    import matplotlib.pyplot as plt

    psf = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
    flux = np.sum(image_cutout * psf) / np.sum(np.square(psf))
    fig, axes = plt.subplots(1, 2)
    axes[0].imshow(flux * psf, origin="lower")
    axes[1].imshow(image_cutout - flux * psf, origin="lower")
    return flux


_GRID = """
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid({x}, {y})
    r = np.hypot(x - {cx}, y - {cy})
    psf = {psf}
    return {answer}
"""
_RIGHT = {"x": "np.arange(nx) + x_start", "y": "np.arange(ny) + y_start", "cx": "centroid_x", "cy": "centroid_y",
          "psf": "gaussian2D(r, radius)", "answer": "np.sum(image_cutout * psf) / np.sum(psf**2)"}


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...] = ("*",), **changed: str) -> None:
    """Declare a misconception that differs from the right function in the parts given."""
    exercise.misconception_source(id, title, _GRID.format(**{**_RIGHT, **changed}), idea=idea, contrast=contrast, fails=fails)


_OFFSET = ("near*", "a star*", "noise", "a galaxy", "whole*")

_mistake("no-denominator", "The sum of squares below is missing",
         "sum(f p) alone, or divided by sum(p), which is 1, is a mean of the pixels weighted with the PSF. The PSF is small everywhere, so "
         "that comes out far below the flux. Putting the derivative of the likelihood to zero leaves sum(p^2) below.",
         "For f = F p exactly: sum(f p) = F sum(p^2), and dividing by sum(p^2) gives F back.", answer="np.sum(image_cutout * psf)")
_mistake("plain-sum", "The pixels are just added up",
         "The sum of all pixels takes in every neighbour and the noise of every empty pixel. The maximum-likelihood flux weights each pixel with "
         "how much of the star it holds.",
         "A star of 5000 with another of 1500 at the rim: the sum is 6500, the PSF flux stays near 5000.", answer="np.sum(image_cutout)")
_mistake("root-below", "A square root below",
         "Divided by the square root of sum(p^2) the number is the star's signal in units of one pixel's noise, not its flux.",
         "For f = F p: sum(f p) / sqrt(sum(p^2)) = F sqrt(sum(p^2)).", answer="np.sum(image_cutout * psf) / np.sqrt(np.sum(psf**2))")
_mistake("peak-ratio", "Only the brightest pixel is used",
         "The highest pixel over the PSF's highest value uses one pixel of many, and a PSF that is a bit off there spoils it.",
         "All pixels: sum(f p) / sum(p^2). One pixel: f / p.", ("a star*", "noise", "a galaxy"),
         answer="np.max(image_cutout) / np.max(psf)")
_mistake("aperture", "radius is taken for the radius of an aperture",
         "The name is historical: radius is the Gaussian's sigma. A circle of that radius holds less than half of the light.",
         "Within one sigma lie 39 % of a Gaussian's flux.", answer="np.sum(image_cutout[r <= radius])")
_mistake("sigma-as-fwhm", "radius is taken for the full width at half maximum",
         "radius is the Gaussian's sigma. Divided by 2.355, the PSF is far narrower than the star, and the flux comes out far too low.",
         "sigma = 1.7: the FWHM is 4.0 pixels.", psf="gaussian2D(r, radius / (2 * np.sqrt(2 * np.log(2))))")
_mistake("fwhm-for-sigma", "The full width at half maximum is used for sigma",
         "radius is the Gaussian's sigma already. Multiplied by 2.355, the PSF is far wider than the star, and the flux comes out "
         "too high.",
         "A star of 5000 then gives more than 8000.", psf="gaussian2D(r, 2 * np.sqrt(2 * np.log(2)) * radius)")
_mistake("no-offset", "The cut-out's start is not taken into account",
         "The centre comes in the coordinates of the whole image, and pixels of the cut-out count from its corner. Both must be "
         "counted from the same place, or the PSF lies beside the star.",
         "Start 3, centre 12.3: the star is 9.3 pixels into the cut-out.", _OFFSET, x="np.arange(nx)", y="np.arange(ny)")
_mistake("start-subtracted", "The start is taken off the grid instead of added to it",
         "The first column of the cut-out is x_start in the whole image's coordinates, so the start is added to the cut-out's own "
         "counting, or taken off the centre.",
         "Start 3: the columns are 3, 4, 5, ..., not -3, -2, -1, ...", _OFFSET, x="np.arange(nx) - x_start", y="np.arange(ny) - y_start")
_mistake("starts-exchanged", "x_start and y_start are exchanged",
         "Columns count x and begin at x_start; rows count y and begin at y_start.",
         "Start (3, 5): the first column is x = 3, the first row y = 5.", _OFFSET,
         x="np.arange(nx) + y_start", y="np.arange(ny) + x_start")
_mistake("centre-exchanged", "x and y of the centre are exchanged",
         "centroid_x belongs to the grid of columns, centroid_y to that of rows. Exchanged, the PSF lies beside the star.",
         "A star at (12.3, 16.7) is in row 16, column 12.", cx="centroid_y", cy="centroid_x")
_mistake("on-the-middle", "The PSF sits on the middle of the cut-out",
         "The star is hardly ever in the middle of its cut-out. The PSF belongs on the centre given.",
         "A PSF two pixels beside the star catches a part of its flux only.", cx="(x_start + (nx - 1) / 2)", cy="(y_start + (ny - 1) / 2)")
_mistake("whole-pixel-centre", "The centre loses its fraction",
         "`int` cuts the fraction off. A PSF that is a fraction of a pixel off no longer fits the flanks, and the flux comes out too low.",
         "Half a pixel off in x and y costs about 3 % of the flux at sigma = 2.", cx="int(centroid_x)", cy="int(centroid_y)")
_mistake("on-the-peak", "The PSF sits on the nearest whole pixel",
         "The brightest pixel, or the centre rounded, lies up to half a pixel away from the star's centre, which is given as an argument with its fraction.",
         "A star at (12.3, 16.7) has its brightest pixel at (12, 17).",
         cx="(x_start + np.argmax(image_cutout) % nx + 0 * centroid_x)", cy="(y_start + np.argmax(image_cutout) // nx)")
_mistake("pixel-corner", "Pixels count from their corners",
         "A whole number is the centre of a pixel; half a pixel added moves the PSF off the star.",
         "The first pixel of a cut-out that begins at 3 has its centre at 3, not at 3.5.",
         x="np.arange(nx) + x_start + 0.5", y="np.arange(ny) + y_start + 0.5")
_mistake("square-twice", "The distance is squared twice",
         "gaussian2D squares its radius itself. Give it the distance, not the square of the distance.",
         "dx = 3, dy = 4: the radius is 5, not 25.", psf="gaussian2D(r**2, radius)")
_mistake("peak-one", "The PSF is not normalised",
         "With a PSF whose highest value is 1 the answer is the star's height, not its flux.",
         "sigma = 1.7: the flux is 2 pi sigma^2 = 18 times the height.", psf="np.exp(-r**2 / (2 * radius**2))")
_mistake("one-dimensional", "The PSF is normalised as in one dimension",
         "1 / (sqrt(2 pi) sigma) makes the integral along a line 1; over the plane there are two such factors. The PSF is too high then, and the flux "
         "too low.",
         "Line: 1 / (sqrt(2 pi) sigma). Plane: 1 / (2 pi sigma^2).", psf="np.exp(-r**2 / (2 * radius**2)) / (np.sqrt(2 * np.pi) * radius)")
_mistake("width-not-squared", "The width is not squared in the normalisation",
         "The area under the Gaussian grows with the square of its width, so the factor in front of it holds the square.",
         "1 / (2 pi sigma^2); with sigma = 1.7 that is 0.055, not 0.094.", psf="np.exp(-r**2 / (2 * radius**2)) / (2 * np.pi * radius)")


@exercise.misconception(
    "weighted-in-place", "The cut-out is multiplied in place",
    idea="`image_cutout *= psf` writes into the caller's image.", contrast="weighted = image_cutout * psf   # a new array",
    raises="input-modified")
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    psf = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
    image_cutout *= psf
    return image_cutout.sum() / (psf**2).sum()
