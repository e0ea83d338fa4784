"""Flux and error of the brightest source of a background-subtracted image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photcourse import data
from photgrader.exercise import Case, Exercise

from ._scenes import changed, star_scene

exercise = Exercise(
    "brightest_source",
    params=("image", "error", "radius"),
    title="Brightest source",
    # Position: a whole pixel. Flux: exact overlap, rounding only (single precision sums 50 pixels to 1e-5).
    # Error: sqrt(sum(w e^2)) and sqrt(sum(w^2 e^2)) are both in use; they differ by 5.6 % at a radius of 3 pixels,
    # the smallest graded, and less at larger ones. Errors added linearly are off by a factor of 5 and more.
    compare=Numbers(("x", "y", "flux", "flux_error"), atols=(1e-6, 1e-6, 0.02, 1e-6), rtols=(0.0, 0.0, 2e-5, 0.06),
                    units=("pixel", "pixel", "counts", "counts")),
    picture="scalar",
)


@exercise.reference
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture

    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    flux, flux_error = CircularAperture((x, y), radius).do_photometry(np.nan_to_num(image), error=np.nan_to_num(error))
    return int(x), int(y), float(flux[0]), float(flux_error[0])


def _pair(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float, flux: float,
          sky: float = 160.0) -> tuple[np.ndarray, np.ndarray]:
    """An image with its sky subtracted, one bright and two fainter stars, and its error before subtraction."""
    others = [(0.2 * shape[1], 0.85 * shape[0]), (0.85 * shape[1], 0.15 * shape[0])]
    image = star_scene(rng, shape, [(x, y), *others], [flux, 0.35 * flux, 0.2 * flux], sigma=1.7, sky=sky,
                       noise=np.sqrt(sky))
    return np.round(image - sky, 2), np.round(np.sqrt(np.clip(image, 0, None)), 3)


@exercise.provided
def provided() -> Iterator[Case]:
    rng = np.random.default_rng(44)
    image, error = _pair(rng, (38, 52), 33.3, 16.8, 26000.0)
    yield Case("a star off the middle", (image, error), tests="default radius, an image wider than tall")
    yield Case("another radius", (image, error, 3.0), tests="the same star with a radius of 3 pixels")
    if data.load("m13").origin == "archive":
        real = data.load("m13", prefer="archive").cube[0]
        y, x = np.unravel_index(np.argmax(real[20:-20, 20:-20]), real[20:-20, 20:-20].shape)
        region = ((int(y), int(y) + 40), (int(x) - 5, int(x) + 40))
        cut = DataRef("m13", "image", region, "archive", minus=512.0)
        # The same error everywhere: the square root of the counts would put the file's pixels into the project.
        yield Case("the real frame", (cut, np.full((40, 45), 25.0)),
                   tests="around the brightest pixel of the first real frame", dataset="m13")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    ny, nx = int(rng.integers(44, 52)), int(rng.integers(60, 75))
    x, y = rng.uniform(24, 30), rng.uniform(13, 19)
    image, error = _pair(rng, (ny, nx), x, y, rng.uniform(2e4, 4e4))
    # At this radius the circle's area is eight pixels more than the number of pixel centres inside.
    yield Case("a fresh star", (image, error, round(float(rng.uniform(4.9, 4.98)), 3)), points=2,
               tests="a star elsewhere, with a radius of nearly 5 pixels")
    image, error = _pair(rng, (nx, ny), y, x, rng.uniform(2e4, 4e4))
    j, i = int(round(x)), int(round(y))
    # Holes in the wing of the star and away from it, never at its peak.
    for dj, di in ((3, -1), (-2, 2), (12, 4)):
        image[j + dj, i + di] = error[j + dj, i + di] = np.nan
    yield Case("holes", (image, error), tests="some NaN pixels, two of them inside the aperture")
    image, error = _pair(rng, (ny, nx), x, y, rng.uniform(2e4, 4e4))
    j, i = int(ny * 0.55), int(nx * 0.75)
    image[j, i], error[j, i] = -6000.0, 900.0
    yield Case("a dead pixel", (image, error, 4.5), tests="a pixel far below zero, with a large error, away from the star",
               points=0.5)
    yield Case("whole numbers", (np.rint(image).astype(np.int32), error, 4.5), points=0.5,
               tests="an image of whole numbers")


@exercise.variant("aperture_photometry")
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture, aperture_photometry

    peak = np.nanmax(image)
    rows, columns = np.where(image == peak)
    position = (columns[0], rows[0])
    mask = np.isnan(image)
    table = aperture_photometry(np.nan_to_num(image), CircularAperture(position, r=radius),
                                error=np.nan_to_num(error), mask=mask)
    return position[0], position[1], table["aperture_sum"][0], table["aperture_sum_err"][0]


@exercise.variant("ApertureStats, which leaves NaN out")
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import ApertureStats, CircularAperture

    iy, ix = np.unravel_index(np.argmax(np.where(np.isfinite(image), image, -np.inf)), image.shape)
    stats = ApertureStats(image.astype(float), CircularAperture((ix, iy), radius), error=error)
    return np.array([ix, iy, stats.sum, stats.sum_err])


@exercise.variant("weights by hand, squared weights")
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture

    index = int(np.nanargmax(image))
    y, x = index // image.shape[1], index % image.shape[1]
    weights = CircularAperture((x, y), radius).to_mask(method="exact").to_image(image.shape)
    flux = np.nansum(weights * image)
    variance = np.nansum(weights**2 * error**2)
    print("flux", flux)
    return [x, y, flux, variance**0.5]


@exercise.variant("loops over the weights")
def brightest_source(image: np.ndarray, error: np.ndarray, radius: float = 4.0) -> tuple:
    from photutils.geometry import circular_overlap_grid

    best, x, y = -1e30, 0, 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if image[row, column] > best:
                best, x, y = image[row, column], column, row
    half = int(radius) + 2
    grid = circular_overlap_grid(-half - 0.5, half + 0.5, -half - 0.5, half + 0.5, 2 * half + 1, 2 * half + 1, radius, 1, 1)
    flux = variance = 0.0
    for j in range(-half, half + 1):
        for i in range(-half, half + 1):
            if not 0 <= y + j < image.shape[0] or not 0 <= x + i < image.shape[1]:
                continue
            value, sigma = image[y + j, x + i], error[y + j, x + i]
            if value == value and sigma == sigma:
                flux += grid[j + half, i + half] * value
                variance += grid[j + half, i + half] * sigma**2
    return x, y, flux, variance**0.5


@exercise.variant("astropy units and a warning")
def brightest_source(image, error, radius=4.0):
    import warnings

    from astropy import units as u
    from photutils.aperture import ApertureStats, CircularAperture

    warnings.warn("using the brightest pixel", stacklevel=2)
    y, x = np.argwhere(image == np.nanmax(image))[0]
    stats = ApertureStats(image * u.adu, CircularAperture((x, y), radius), error=error * u.adu)
    return float(x), float(y), stats.sum.value, stats.sum_err.value


exercise.variant_source("helpers in other cells", '''
    from photutils.aperture import CircularAperture, aperture_photometry

    def brightest_pixel(image):
        y, x = np.unravel_index(np.nanargmax(image), np.shape(image))
        return x, y
    # %%
    def brightest_source(image, error, radius=4.0):
        x, y = brightest_pixel(image)
        masked = np.isnan(image)
        result = aperture_photometry(image, CircularAperture((x, y), r=radius), error=error, mask=masked)
        return np.int64(x), np.int64(y), result["aperture_sum"][0], result["aperture_sum_err"][0]
''')

exercise.variant_source("callable object that draws", '''
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    class Brightest:
        def __call__(self, image, error, radius=4.0):
            flat = np.nan_to_num(image, nan=-1e9).argmax()
            y, x = divmod(int(flat), image.shape[1])
            aperture = CircularAperture((x, y), r=radius)
            plt.imshow(image, origin="lower")
            aperture.plot(color="w")
            weights = aperture.to_mask()
            keep = np.isfinite(weights.cutout(image, fill_value=np.nan))
            values, sigmas = weights.cutout(image)[keep], weights.cutout(error)[keep]
            w = weights.data[keep]
            return x, y, float((w * values).sum()), float(np.sqrt((w * sigmas**2).sum()))
    # %%
    brightest_source = Brightest()
''')

exercise.variant_source("lambda and partial", '''
    import functools
    from photutils.aperture import ApertureStats, CircularAperture

    def measure(finder, image, error, radius=4.0):
        y, x = finder(image)
        stats = ApertureStats(image, CircularAperture((x, y), radius), error=error, sum_method="exact")
        return x, y, np.float32(stats.sum), np.float32(stats.sum_err)
    # %%
    where = lambda image: np.unravel_index(np.nanargmax(image), image.shape)
    brightest_source = functools.partial(measure, where)
''')

_CODE = '''
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture

    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    bad = ~np.isfinite(image)
    weights = CircularAperture((x, y), radius).to_mask().to_image(image.shape)
    values = np.where(bad, 0.0, image)
    errors = np.where(bad, 0.0, error)
    flux = np.sum(weights * values)
    flux_error = np.sqrt(np.sum(weights * errors**2))
    return x, y, flux, flux_error
'''

exercise.variant_source("weights as an image", _CODE)

exercise.misconception_source(
    "row-column", "Row and column are returned as x and y", changed(_CODE, ("return x, y,", "return y, x,")),
    idea="np.unravel_index gives (row, column), which is (y, x). The position asked for is (x, y).",
    contrast="A maximum at image[17, 33] lies at x = 33, y = 17.")
exercise.misconception_source(
    "aperture-swapped", "The aperture stands at (row, column)",
    changed(_CODE, ("y, x = np.unravel", "x, y = np.unravel")),
    idea="numpy's index of the maximum is [row, column]; photutils takes (x, y). Passed on unchanged, the aperture stands on "
         "the mirror place.",
    contrast="index (17, 33): CircularAperture((33, 17), r), not ((17, 33), r).")
exercise.misconception_source(
    "linear-errors", "The errors of the pixels are added up",
    changed(_CODE, ("np.sqrt(np.sum(weights * errors**2))", "np.sum(weights * errors)")),
    idea="The noise of different pixels is independent: sometimes up, sometimes down. Variances add, errors do not.",
    contrast="50 pixels with an error of 10: sqrt(50) x 10 = 71, not 500.")
exercise.misconception_source(
    "variance", "The variance of the flux is returned, not its error",
    changed(_CODE, ("np.sqrt(np.sum(weights * errors**2))", "np.sum(weights * errors**2)")),
    idea="The sum of the squared errors is a variance. The error is its square root.",
    contrast="50 pixels with an error of 10: variance 5000, error 71.")
exercise.misconception_source(
    "poisson-of-flux", "The error is the root of the subtracted flux",
    changed(_CODE, ("np.sqrt(np.sum(weights * errors**2))", "np.sqrt(np.clip(flux, 0, None))")),
    idea="The sky under the star has been subtracted, its photon noise has not. The error image holds both: use it.",
    contrast="Star 4900 counts on 50 pixels of 160 counts of sky: sqrt(4900 + 8000) = 114, not 70.")
exercise.misconception_source(
    "mean-error", "The mean error of the pixels is given for the error of the sum",
    changed(_CODE, ("np.sqrt(np.sum(weights * errors**2))", "np.sum(weights * errors) / np.sum(weights * ~bad)")),
    idea="An error of one pixel is not the error of a sum of many.",
    contrast="50 pixels with an error of 10: the sum has 71, a single pixel has 10.")
exercise.misconception_source(
    "nan-is-largest", "A NaN is taken for the largest value",
    changed(_CODE, ("np.nanargmax", "np.argmax")),
    idea="np.argmax stops at the first NaN, because every comparison with NaN is false. Leave NaN pixels out of the search.",
    contrast="np.argmax([3, NaN, 9]) is 1, np.nanargmax([3, NaN, 9]) is 2.", fails=("holes",))
exercise.misconception_source(
    "nan-in-sum", "A NaN pixel in the aperture spoils the sum",
    changed(_CODE, ("np.where(bad, 0.0, image)", "image"), ("np.where(bad, 0.0, error)", "error")),
    idea="A sum with one NaN in it is NaN. Give the sum a mask, or leave NaN pixels out of it.",
    contrast="np.sum([1, NaN]) is NaN, np.nansum([1, NaN]) is 1.", fails=("holes",))
exercise.misconception_source(
    "diameter", "The radius is taken for a diameter", changed(_CODE, ("(x, y), radius)", "(x, y), radius / 2)")),
    idea="An aperture of radius r is 2 r across. With half the radius most of the star's wings are left out.",
    contrast="radius 4: area 50 pixels; diameter 4: area 12.6 pixels.")
exercise.misconception_source(
    "radius-ignored", "The radius given is not used", changed(_CODE, ("(x, y), radius)", "(x, y), 4.0)")),
    idea="`radius` has a default of 4 pixels; where another is given, that one counts.",
    contrast="radius=3.0 asks for 28.3 pixels, not for 50.3.",
    fails=("another*", "a fresh*", "a dead*", "whole*"))
exercise.misconception_source(
    "peak-only", "The value of the brightest pixel is taken for the flux",
    changed(_CODE, ("np.sum(weights * values)", "image[y, x]")),
    idea="The flux of a source is all its light; the brightest pixel holds a small part of it.",
    contrast="A star of 26000 counts with sigma 1.7 has at most 1430 counts in one pixel.")
exercise.misconception_source(
    "background-again", "The background is subtracted a second time",
    changed(_CODE, ("bad = ~np.isfinite(image)", "bad = ~np.isfinite(image)\n    image = image - np.nanmean(image)")),
    idea="The image that comes in has no background any more. What a second estimate takes away is starlight.",
    contrast="A mean of 20 counts left by stars, times 50 pixels, is 1000 counts lost.")
exercise.misconception_source(
    "largest-size", "The pixel farthest from zero is taken, not the brightest",
    changed(_CODE, ("np.nanargmax(image)", "np.nanargmax(np.abs(image))")),
    idea="A dead pixel lies far below zero after subtraction. Bright means largest, with its sign.",
    contrast="Of -6000 and 1400 the second is the brighter.", fails=("a dead*", "whole*"))
exercise.misconception_source(
    "whole-pixels", "Pixels are taken whole or not at all",
    changed(_CODE, (".to_mask()", ".to_mask(method='center')")),
    idea="The contract asks for exact overlap: a pixel cut by the circle counts with the part that lies inside.",
    contrast="Radius 4: exact area 50.27 pixels, 49 or 45 whole ones.")
exercise.misconception_source(
    "flat-index", "The index of the flattened image is used as a coordinate",
    changed(_CODE, ("y, x = np.unravel_index(np.nanargmax(image), image.shape)",
                    "x = y = int(np.nanargmax(image)) % min(image.shape)")),
    idea="np.argmax counts through all rows one after the other. np.unravel_index turns its answer into row and column.",
    contrast="In an image 52 wide, index 907 is row 17, column 23.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "one pixel without an error changes the error by less than the two ways to add errors differ") for text in (
        "errors = np.where(bad, 1.0, error)",
        "errors = np.where(bad, -1.0, error)",
    )),
]
