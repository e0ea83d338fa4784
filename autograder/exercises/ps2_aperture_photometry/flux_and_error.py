"""Flux in a circular aperture, and the error that the pixels' errors leave on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import star

exercise = Exercise(
    "Flux and its error",
    # The flux is a closed formula; the contract takes it to 0.1 %, as from 15 x 15 sub-pixels or more.
    # A border pixel of weight w may count w e^2 or w^2 e^2 in the variance: 2.6 % of the error at a radius
    # of 8 where the errors are all equal, less for larger circles; 3 % covers it, and sums that are not in
    # quadrature are off by far more.
    compare=Numbers(("flux", "error"), rtols=(1e-3, 3e-2)),
    picture="scalar",
)


@exercise.reference
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    aperture = CircularAperture(position, radius)
    flux, flux_error = aperture.do_photometry(image, error=error)
    return float(flux[0]), float(flux_error[0])


@exercise.provided
def provided() -> Iterator[Case]:
    psf, error = DataRef("sphere_psf"), DataRef("sphere_psf", "error")
    yield Case("the star behind adaptive optics", psf, error, (83, 53), 12.0, tests="the star of the lecture")
    yield Case("beside the star", psf, error, (40, 90), 9.0, tests="a place with hardly any light")
    yield Case("between pixels", psf, error, (82.4, 52.4), 4.5, tests="a position between pixels")
    yield Case("the real star", DataRef("sphere_psf", origin="archive"), np.full((25, 25), 7e-5), (11, 12), 8.0,
               dataset="sphere_psf", tests="the real SPHERE image with an error of 7e-5 in every pixel")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (56, 83)
    # A place and radii at which whole pixels are off by 3 in a thousand.
    x, y, radius = int(rng.integers(57, 60)) + 0.3, int(rng.integers(19, 23)) + 0.4, float(rng.choice([8.4, 9.4]))
    image = star(rng, shape, x, y, sky=60.0)
    error = np.sqrt(np.maximum(image, 0) + 400.0)
    yield Case("errors that follow the light", image, error, (x, y), radius,
               tests="a star on a sky, errors that grow with the counts", points=2)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    slope = 2.0 + 0.5 * xx + 0.05 * yy
    image = star(rng, shape, x, y)
    yield Case("errors that slope", image, slope, (int(rng.integers(24, 30)), int(rng.integers(13, 18))), 10.5,
               tests="errors that have nothing to do with the counts")
    # The star lies near the rim, so that a circle half a pixel elsewhere has a per cent less of it, and not on it, where a
    # pixel's share of the light is none of its share of the area.
    # In janskys, and with a circle that covers more columns than rows.
    image, unit = star(rng, (77, 49), 20.4, 50.8), 1e-6
    yield Case("equal errors", unit * image, np.full((77, 49), unit * float(rng.uniform(3, 9))), (25.4, 50.8), 8.2,
               tests="the same error in every pixel")


exercise.mistake(
    "linear", "Errors are added up instead of their squares",
    edit={"float(flux_error[0])": "float(aperture.do_photometry(error)[0][0])"},
    idea="Independent errors partly cancel: their squares add up, and the root of that sum is the error. Adding the "
         "errors themselves assumes that every pixel is wrong to the same side.",
    contrast="Two errors of 3 and 4 make 5 in quadrature; added up they make 7.")
exercise.mistake(
    "variance", "The square of the error is returned", edit={"float(flux_error[0])": "float(flux_error[0]) ** 2"},
    idea="The sum of squared errors is the variance, in counts squared. The error is its square root and has the unit "
         "of the flux.",
    contrast="Errors of 3 and 4: variance 25, error 5.")
exercise.mistake(
    "error-for-variance", "The errors are treated as if they were variances",
    edit={"float(flux_error[0])": "float(np.sqrt(aperture.do_photometry(error)[0][0]))"},
    idea="The error image holds one standard deviation for each pixel. It has to be squared before it is summed and "
         "rooted.",
    contrast="Errors of 9 and 16 make sqrt(81 + 256) = 18.4, not sqrt(9 + 16) = 5.")
exercise.mistake(
    "error-squared-before", "The squares of the errors are given where the errors are asked",
    edit={"error=error)": "error=error**2)"},
    idea="photutils squares the errors that it is given. Squared before, they are raised to the fourth power.",
    contrast="error=error, with one standard deviation in each pixel.")
exercise.mistake(
    "photon-noise-added", "Photon noise is added to the errors that are given",
    edit={"error=error)": "error=np.sqrt(error**2 + np.clip(image, 0, None)))"},
    fails=("the star*", "between*", "errors that f*", "beside*", "equal*"),
    idea="The error array holds all there is, photon noise included: adding the root of the counts takes it twice.",
    contrast="In a pixel of 900 counts with an error of 31, the error is 31, not sqrt(31**2 + 900) = 43.")
exercise.mistake(
    "typical-error", "One typical error stands for all pixels",
    edit={"float(flux_error[0])": "float(np.median(error) * np.sqrt(aperture.area))"},
    fails=("the star*", "between*", "errors*"),
    spellings=({"float(flux_error[0])": "float(np.mean(error) * np.sqrt(aperture.area))"},
               {"float(flux_error[0])": "float(aperture.do_photometry(error)[0][0] / np.sqrt(aperture.area))"},
               {"float(flux_error[0])": "float(np.median(aperture.to_mask('center').get_values(error)) * np.sqrt(aperture.area))"}),
    idea="Errors grow where the light is. A mean or a median error times the root of the number of pixels is right only "
         "where all errors are equal.",
    contrast="Errors of 1, 1, 1 and 9: sqrt(84) = 9.2; the mean error times sqrt(4) is 6, the median's 2.")
exercise.mistake(
    "root-of-flux", "The square root of the flux is taken as its error",
    edit={"float(flux_error[0])": "float(np.sqrt(abs(flux[0])))"}, fails=("beside*", "errors*", "equal*"),
    idea="The root of the counts is the photon noise of the source alone, for counts of single electrons. The error "
         "image knows what else is in each pixel: sky, read noise, calibration.",
    contrast="In a dark place the flux is near 0, and its error is not.")
exercise.mistake(
    "error-of-the-mean", "The error of the mean pixel is returned",
    edit={"float(flux_error[0])": "float(flux_error[0] / aperture.area)"},
    idea="Dividing by the number of pixels gives the error of an average. The flux is a sum, and its error grows with "
         "the number of pixels.",
    contrast="100 pixels with an error of 2 each: the sum is uncertain by 20, the mean by 0.2.")
exercise.mistake(
    "swapped", "The position is given as (row, column)", edit={"Aperture(position": "Aperture(position[::-1]"},
    fails=("the star*", "beside*", "between*", "errors*", "equal*"),
    idea="photutils takes positions as (x, y). The same two numbers as (row, column) mean another place in the image.",
    contrast="image[53, 83] is the pixel at the position (83, 53).")
exercise.mistake(
    "diameter", "The radius is used as a diameter",
    edit={"Aperture(position, radius)": "Aperture(position, radius / 2)"},
    idea="A circle given by its diameter is half as wide as one given by its radius, and holds a quarter of the "
         "pixels.",
    contrast="A radius of 8 pixels covers 201 pixels; a diameter of 8 covers 50.")
exercise.mistake(
    "exchanged", "Error and flux are returned in the other order",
    edit={"float(flux[0]), float(flux_error[0])": "float(flux_error[0]), float(flux[0])"},
    idea="The order of what is returned is part of the contract: first the flux, then its error.",
    contrast="5000 +- 70 is (5000, 70).")
exercise.mistake(
    "whole-image", "The errors of the whole image are added in quadrature",
    edit={"float(flux_error[0])": "float(np.sqrt((error**2).sum()))"},
    idea="Only pixels inside the aperture went into the flux, so only their errors count.",
    contrast="An aperture of 201 pixels in an image of 10 000: the error comes out 7 times too large.")
exercise.mistake(
    "one-pixel", "The error of the central pixel is taken for that of the flux",
    edit={"float(flux_error[0])": "float(error[round(position[1]), round(position[0])])"},
    idea="Every pixel of the aperture adds its own uncertainty to the sum, not only the brightest.",
    contrast="100 pixels with an error of 2 each: the sum is uncertain by 20.")
exercise.mistake(
    "mean", "The mean in the aperture is returned for the flux",
    edit={"float(flux[0])": "float(flux[0] / aperture.area)"},
    idea="The mean is a surface brightness. Flux is the sum over the aperture.",
    contrast="A disc of 50 pixels with a mean of 3 holds a flux of 150.")
exercise.mistake(
    "whole-pixels", "Pixels count whole or not at all",
    edit={"error=error)": 'error=error, method="center")'},
    fails=("*the star*", "between*", "errors*", "equal*", "the real*"),
    idea="A pixel on the rim counts with the share of it that lies inside. Taken whole or not at all, the area of a small "
         "circle is off by several per cent.",
    contrast="A radius of 2 has an area of 12.57 pixels; whole pixels give 13.")

exercise.mistake(
    "rounded", "The position is rounded to a whole pixel",
    edit={"Aperture(position": "Aperture(np.rint(position)"}, fails=("between*", "equal*"),
    spellings=({"Aperture(position": "Aperture(np.floor(position)"},),
    idea="An aperture may stand anywhere between pixels. Moved to the nearest whole pixel it loses light on one side.",
    contrast="(25.4, 50.8) is not (25, 51): the whole circle lies half a pixel elsewhere.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("mask = CircularAperture(position, radius).to_mask()", "the default of `method` is 'exact'"),
]
