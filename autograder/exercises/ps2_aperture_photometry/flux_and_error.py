"""Flux in a circular aperture, and the error that the pixels' errors leave on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import star

exercise = Exercise(
    "flux_and_error",
    params=("image", "error", "position", "radius"),
    title="Flux and its error",
    # The flux is a closed formula (exact overlap; 4e-4 leaves room for fine sub-pixels and single precision).
    # A border pixel of weight w may count w e^2 or w^2 e^2 in the variance: 2.6 % of the error at a radius
    # of 8 where the errors are all equal, less for larger circles; 3 % covers it, and sums that are not in
    # quadrature are off by far more.
    compare=Numbers(("flux", "error"), rtols=(4e-4, 3e-2)),
    picture="scalar",
)


@exercise.reference
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error=error)
    return float(flux[0]), float(flux_error[0])


@exercise.provided
def provided() -> Iterator[Case]:
    psf, error = DataRef("sphere_psf"), DataRef("sphere_psf", "error")
    yield Case(
        "the star behind adaptive optics", (psf, error, (83, 53), 12.0), tests="the star of the lecture"
    )
    yield Case("beside the star", (psf, error, (40, 90), 9.0), tests="a place with hardly any light")
    yield Case(
        "the real star",
        (DataRef("sphere_psf", origin="archive"), np.full((25, 25), 7e-5), (11, 12), 8.0),
        dataset="sphere_psf",
        tests="the real SPHERE image with an error of 7e-5 in every pixel",
    )


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (56, 83)
    x, y = float(rng.uniform(57, 60)), float(rng.uniform(19, 23))
    image = star(rng, shape, x, y, sky=60.0)
    error = np.sqrt(np.maximum(image, 0) + 400.0)
    yield Case(
        "errors that follow the light",
        (image, error, (x, y), float(rng.uniform(8.2, 9.5))),
        tests="a star on a sky, errors that grow with the counts",
        points=2,
    )
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    slope = 2.0 + 0.5 * xx + 0.05 * yy
    image = star(rng, shape, x, y)
    yield Case(
        "errors that slope",
        (image, slope, (int(rng.integers(24, 30)), int(rng.integers(13, 18))), 10.5),
        tests="errors that have nothing to do with the counts",
    )
    image = star(rng, (77, 49), 20.3, 50.8)
    yield Case(
        "equal errors",
        (image, np.full((77, 49), float(rng.uniform(3, 9))), (20.3, 50.8), 11.0),
        tests="the same error in every pixel",
    )


@exercise.variant("aperture_photometry, table columns")
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture, aperture_photometry

    table = aperture_photometry(image, CircularAperture(position, r=radius), error=error)
    return table["aperture_sum"][0], table["aperture_sum_err"][0]


@exercise.variant("ApertureStats, list")
def flux_and_error(image, error, position, radius):
    from photutils.aperture import ApertureStats, CircularAperture

    stats = ApertureStats(image, CircularAperture(position, radius), error=error)
    return [stats.sum, stats.sum_err]


@exercise.variant("variance image through the same aperture")
def flux_and_error(image: np.ndarray, error: np.ndarray, position, radius: float) -> np.ndarray:
    from photutils.aperture import CircularAperture

    aperture = CircularAperture(position, radius)
    flux = aperture.do_photometry(image)[0]
    variance = aperture.do_photometry(error**2)[0]
    return np.array([flux[0], np.sqrt(variance[0])])


@exercise.variant("weights squared in the variance")
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    weights = CircularAperture(position, radius).to_mask().to_image(image.shape)
    return (weights * image).sum(), np.sqrt(np.sum((weights * error) ** 2))


@exercise.variant("aperture mask, loop over pixels")
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    mask = CircularAperture(position, radius).to_mask(method="exact")
    cut, cut_error = mask.cutout(image), mask.cutout(error)
    flux = variance = 0.0
    for j in range(mask.shape[0]):
        for i in range(mask.shape[1]):
            flux += mask.data[j, i] * cut[j, i]
            variance += mask.data[j, i] * cut_error[j, i] ** 2
    print(f"{flux:.1f} +- {variance**0.5:.1f}")
    return flux, variance**0.5


@exercise.variant("float32 arrays")
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error)
    return flux.astype(np.float32), flux_error.astype(np.float32)


@exercise.variant("error as a plain image, with a figure")
def flux_and_error(image, error, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture, aperture_photometry

    aperture = CircularAperture(position, radius)
    plt.imshow(image, origin="lower")
    aperture.plot()
    row = aperture_photometry(image, aperture, error=np.asarray(error, dtype=float))[0]
    return float(row["aperture_sum"]), float(row["aperture_sum_err"])


exercise.variant_source(
    "helpers in other cells",
    """
    from photutils.aperture import CircularAperture

    def add_up(values, aperture):
        return float(aperture.do_photometry(values)[0][0])
    # %%
    def quadrature(errors, aperture):
        return add_up(np.square(errors), aperture) ** 0.5
    # %%
    def flux_and_error(image, error, position, radius):
        aperture = CircularAperture(position, radius)
        return add_up(image, aperture), quadrature(error, aperture)
""",
)

exercise.variant_source(
    "lambda",
    """
    from photutils.aperture import CircularAperture

    flux_and_error = lambda image, error, position, radius: tuple(
        v[0] for v in CircularAperture(position, radius).do_photometry(image, error=error))
""",
)


@exercise.misconception(
    "linear",
    "Errors are added up instead of their squares",
    idea=(
        "Independent errors partly cancel: their squares add up, and the root of that sum is the "
        "error. Adding the errors themselves assumes that every pixel is wrong to the same side."
    ),
    contrast="Two errors of 3 and 4 make 5 in quadrature; added up they make 7.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    aperture = CircularAperture(position, radius)
    return float(aperture.do_photometry(image)[0][0]), float(aperture.do_photometry(error)[0][0])


@exercise.misconception(
    "variance",
    "The square of the error is returned",
    idea=(
        "The sum of squared errors is the variance, in counts squared. The error is its square root "
        "and has the unit of the flux."
    ),
    contrast="Errors of 3 and 4: variance 25, error 5.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error=error)
    return float(flux[0]), float(flux_error[0]) ** 2


@exercise.misconception(
    "error-for-variance",
    "The errors are treated as if they were variances",
    idea=(
        "The error image holds one standard deviation for each pixel. It has to be squared before it "
        "is summed and rooted."
    ),
    contrast="Errors of 9 and 16 make sqrt(81 + 256) = 18.4, not sqrt(9 + 16) = 5.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    aperture = CircularAperture(position, radius)
    return float(aperture.do_photometry(image)[0][0]), float(np.sqrt(aperture.do_photometry(error)[0][0]))


@exercise.misconception(
    "root-of-flux",
    "The square root of the flux is taken as its error",
    idea=(
        "The root of the counts is the photon noise of the source alone, for counts of single "
        "electrons. The error image knows what else is in each pixel: sky, read noise, calibration."
    ),
    contrast="In a dark place the flux is near 0, and its error is not.",
    fails=("beside*", "errors*", "equal*"),
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux = float(CircularAperture(position, radius).do_photometry(image)[0][0])
    return flux, float(np.sqrt(abs(flux)))


@exercise.misconception(
    "error-of-the-mean",
    "The error of the mean pixel is returned",
    idea=(
        "Dividing by the number of pixels gives the error of an average. The flux is a sum, and its "
        "error grows with the number of pixels."
    ),
    contrast="100 pixels with an error of 2 each: the sum is uncertain by 20, the mean by 0.2.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error=error)
    return float(flux[0]), float(flux_error[0] / (np.pi * radius**2))


@exercise.misconception(
    "swapped",
    "The position is given as (row, column)",
    idea=(
        "photutils takes positions as (x, y). The same two numbers as (row, column) mean another "
        "place in the image."
    ),
    contrast="image[53, 83] is the pixel at the position (83, 53).",
    fails=("the star*", "beside*", "errors*", "equal*"),
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position[::-1], radius).do_photometry(image, error=error)
    return float(flux[0]), float(flux_error[0])


@exercise.misconception(
    "diameter",
    "The radius is used as a diameter",
    idea=(
        "A circle given by its diameter is half as wide as one given by its radius, and holds a "
        "quarter of the pixels."
    ),
    contrast="A radius of 8 pixels covers 201 pixels; a diameter of 8 covers 50.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius / 2).do_photometry(image, error=error)
    return float(flux[0]), float(flux_error[0])


@exercise.misconception(
    "exchanged",
    "Error and flux are returned in the other order",
    idea="The order of what is returned is part of the contract: first the flux, then its error.",
    contrast="5000 +- 70 is (5000, 70).",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error=error)
    return float(flux_error[0]), float(flux[0])


@exercise.misconception(
    "whole-image",
    "The errors of the whole image are added in quadrature",
    idea="Only pixels inside the aperture went into the flux, so only their errors count.",
    contrast="An aperture of 201 pixels in an image of 10 000: the error comes out 7 times too large.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    return float(CircularAperture(position, radius).do_photometry(image)[0][0]), float(
        np.sqrt((error**2).sum())
    )


@exercise.misconception(
    "one-pixel",
    "The error of the central pixel is taken for that of the flux",
    idea="Every pixel of the aperture adds its own uncertainty to the sum, not only the brightest.",
    contrast="100 pixels with an error of 2 each: the sum is uncertain by 20.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    x, y = (int(round(v)) for v in position)
    return float(CircularAperture(position, radius).do_photometry(image)[0][0]), float(error[y, x])


@exercise.misconception(
    "mean",
    "The mean in the aperture is returned for the flux",
    idea="The mean is a surface brightness. Flux is the sum over the aperture.",
    contrast="A disc of 50 pixels with a mean of 3 holds a flux of 150.",
)
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error=error)
    return float(flux[0] / (np.pi * radius**2)), float(flux_error[0])


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("mask = CircularAperture(position, radius).to_mask()", "the default of `method` is 'exact'"),
]
