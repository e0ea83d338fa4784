"""Centre of mass of a background-subtracted image, negative and NaN pixels left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcourse.simulate import add_stars
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "center_of_mass",
    params=("image",),
    title="Centre of mass",
    # A closed formula: only rounding may differ, and in single precision that is below 1e-4 pixel here.
    compare=Numbers(("x", "y"), atol=2e-3, unit="pixel"),
    picture="position",
    extra_credit=10,
)


@exercise.reference
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


def _field(shape: tuple[int, int], stars: list[tuple[float, float, float]], sigma: float) -> np.ndarray:
    x, y, flux = np.transpose(stars)
    return add_stars(np.zeros(shape), x, y, flux, sigma)


@exercise.provided
def provided() -> Iterator[Case]:
    two = _field((24, 35), [(9.3, 14.6, 5000.0), (24.1, 8.2, 2500.0)], 1.6)
    yield Case("two stars", (np.round(two, 3),), tests="two stars on an image that is wider than tall")
    trough = two.copy()
    trough[17:22, 22:32] -= 30.0
    yield Case("a trough", (np.round(trough, 3),), tests="pixels below zero, where too much background was taken away")
    holes = two.copy()
    holes[3:6, 10:20] = np.nan
    yield Case("dead pixels", (np.round(holes, 3),), tests="NaN pixels")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(31, 38)), int(rng.integers(20, 26)))
    stars = [(rng.uniform(5, 9), rng.uniform(18, shape[0] - 6), 6000.0),
             (rng.uniform(11, 15), rng.uniform(5, 10), 2000.0)]
    noisy = _field(shape, stars, 1.8) + rng.normal(0.0, 4.0, shape)
    yield Case("noise", (noisy,), tests="noise, so that about half of the empty pixels are negative", points=2)
    broken = _field(shape, stars, 1.8) + rng.normal(0.0, 2.0, shape)
    broken[rng.uniform(size=shape) < 0.05] = np.nan
    yield Case("noise and dead pixels", (broken,), tests="noise and NaN pixels together")
    whole = np.rint(_field(shape, stars, 2.1) + rng.normal(0.0, 3.0, shape)).astype(np.int16)
    yield Case("whole numbers", (whole,), tests="an image of whole numbers")


@exercise.variant("photutils")
def center_of_mass(image):
    from photutils.centroids import centroid_com

    light = np.array(image, dtype=float)
    light[~(light > 0)] = 0
    return centroid_com(light)


@exercise.variant("scipy, turned round")
def center_of_mass(image):
    from scipy import ndimage

    clean = np.nan_to_num(np.clip(image, 0, None))
    row, column = ndimage.center_of_mass(clean)
    return [column, row]


@exercise.variant("two loops")
def center_of_mass(image):
    total = sum_x = sum_y = 0.0
    for j in range(image.shape[0]):
        for i in range(image.shape[1]):
            value = image[j, i]
            if value > 0:
                total += value
                sum_x += value * i
                sum_y += value * j
    return sum_x / total, sum_y / total


@exercise.variant("sums along the axes, with type hints")
def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    """Centre of the positive light."""
    positive = np.nan_to_num(image.astype(float))
    positive = positive * (positive > 0)
    along_x, along_y = positive.sum(axis=0), positive.sum(axis=1)
    return (float(np.average(np.arange(along_x.size), weights=along_x)),
            float(np.average(np.arange(along_y.size), weights=along_y)))


@exercise.variant("only the good pixels, single precision")
def center_of_mass(image):
    good = np.isfinite(image) & (image > 0)
    y, x = np.nonzero(good)
    weights = image[good].astype(float)
    return np.array([np.dot(x, weights), np.dot(y, weights)], dtype=np.float32) / np.float32(weights.sum())


@exercise.variant("masked array, with a print and a figure")
def center_of_mass(image):
    import matplotlib.pyplot as plt

    masked = np.ma.masked_invalid(image)
    masked = np.ma.masked_less_equal(masked, 0)
    y, x = np.mgrid[0:image.shape[0], 0:image.shape[1]]
    x_center = np.ma.average(x, weights=masked.filled(0))
    y_center = np.ma.average(y, weights=masked.filled(0))
    plt.imshow(image, origin="lower")
    plt.plot(x_center, y_center, "r+")
    print("centre", x_center, y_center)
    return x_center, y_center


exercise.variant_source("helper in another cell, matrix product", """
import sys
def positive_part(image):
    return np.maximum(np.nan_to_num(image, nan=0.0), 0)
# %%
def center_of_mass(image):
    w = positive_part(image)
    print("sum", w.sum(), file=sys.stderr)
    ones_y, ones_x = np.ones(w.shape[0]), np.ones(w.shape[1])
    norm = ones_y @ w @ ones_x
    return (ones_y @ w @ np.arange(w.shape[1])) / norm, (np.arange(w.shape[0]) @ w @ ones_x) / norm
""")

exercise.variant_source("lambda", """
clip = lambda a: np.where(np.isnan(a) | (a < 0), 0, a)
center_of_mass = lambda image: tuple(
    (clip(image) * grid).sum() / clip(image).sum() for grid in np.indices(image.shape)[::-1])
""")

exercise.variant_source("callable object that warns", """
import warnings

class Center:
    def __call__(self, image):
        warnings.warn("negative pixels are left out")
        w = np.array(image, dtype=float, copy=True)
        w[np.isnan(w)] = 0
        w[w < 0] = 0
        y, x = np.ogrid[:w.shape[0], :w.shape[1]]
        return np.float64((w * x).sum() / w.sum()), np.float64((w * y).sum() / w.sum())

center_of_mass = Center()
""")

exercise.variant_source("functools.partial", """
from functools import partial

def moment(image, floor):
    w = np.where(image > floor, image, 0)
    y, x = np.indices(w.shape, dtype=float)
    return np.sum(x * w) / np.sum(w), np.sum(y * w) / np.sum(w)

center_of_mass = partial(moment, floor=0)
""")


@exercise.misconception(
    "swapped", "x and y are exchanged",
    idea="numpy counts rows first, so scipy's centre of mass and the first of two index grids are y. "
         "The answer asked for is (x, y).",
    contrast="For a star in column 24 and row 8, ndimage.center_of_mass gives (8, 24); the position is x = 24, y = 8.")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    return (y * light).sum() / light.sum(), (x * light).sum() / light.sum()


@exercise.misconception(
    "negatives-kept", "Negative pixels keep their negative weight",
    idea="A pixel below zero pushes the mean away from itself, and with many of them the sum in the denominator "
         "shrinks towards zero. The contract lets only light count.",
    contrast="Weights 5 at x = 2 and -1 at x = 8: with the negative one the mean is 0.5, to the left of all light; "
             "without it, 2.",
    fails=("a trough", "noise*", "whole*"))
def center_of_mass(image):
    light = np.where(np.isnan(image), 0.0, image)
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "absolute", "Negative pixels count as if they were bright",
    idea="Taking absolute values turns noise below zero into light. Negative pixels carry no light and count as zero.",
    contrast="Weights 5 at x = 2 and -1 at x = 8: with |w| the mean is 3, without the negative one it is 2.",
    fails=("a trough", "noise*", "whole*"))
def center_of_mass(image):
    light = np.abs(np.nan_to_num(image))
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "nan-left", "NaN pixels reach the sum",
    idea="One NaN makes every sum that it enters NaN. Comparisons with NaN are False, so a pixel is easily kept by "
         "accident: clipping leaves NaN as it is.",
    contrast="np.clip([1, -2, nan], 0, None) is [1, 0, nan], and its sum is nan.",
    fails=("dead*", "noise and*"), raises="nan")
def center_of_mass(image):
    light = np.clip(image, 0, None)
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "not-normalised", "The weighted sum is not divided by the sum of the weights",
    idea="A mean position is a ratio: the weighted sum of positions over the sum of the weights. Without the division the "
         "answer grows with the brightness of the star.",
    contrast="Weights 5 and 5 at x = 2 and x = 4 give 30, and 30 / 10 = 3.")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    return (x * light).sum(), (y * light).sum()


@exercise.misconception(
    "pixel-count", "Divided by the number of pixels instead of the sum of the weights",
    idea="The mean over the pixels is not the mean over the light: each position has to be weighted by its share of "
         "the light, and the shares add up to one only after a division by the sum.",
    contrast="Weights 5 and 5 at x = 2 and x = 4 on ten pixels: 30 / 10 pixels = 3 by luck; with weights 50 and 50 it "
             "would be 30.")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    return (x * light).mean(), (y * light).mean()


@exercise.misconception(
    "peak", "The brightest pixel instead of the centre of mass",
    idea="The maximum is one whole pixel of one star; the centre of mass takes in the light of all pixels.",
    contrast="Weights 5 at x = 2 and 4 at x = 8: the peak lies at 2, the centre of mass at 4.67.")
def center_of_mass(image):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return x, y


@exercise.misconception(
    "flux-squared", "Weighted by the square of the light",
    idea="Squared weights belong to another estimate; a centre of mass weights each pixel by its light, once.",
    contrast="Weights 1 at x = 0 and 2 at x = 3: the centre of mass is 2, with squares it would be 2.4.")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0) ** 2
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "one-based", "Pixels counted from 1",
    idea="In this course the first pixel's centre has coordinate 0, as in numpy. FITS headers and some programs count from 1.",
    contrast="The centre of a one-pixel star in image[0, 0] is (0, 0).")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape) + 1
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "half-pixel", "Half a pixel is added",
    idea="Whole numbers are pixel centres here. Half a pixel belongs to a count from the pixels' edges.",
    contrast="A star that lights only image[3, 7] has its centre at x = 7, y = 3, not at 7.5 and 3.5.")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape) + 0.5
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "threshold", "Only the bright pixels are used",
    idea="A threshold throws away the stars' wings and faint stars, which shifts the mean of a field. The contract "
         "asks for all light above zero.",
    contrast="Of weights 10 at x = 2 and 1 at x = 8, a threshold of a tenth of the maximum keeps x = 2 alone; all light "
             "gives 2.55.")
def center_of_mass(image):
    light = np.where(image > 0.1 * np.nanmax(image), image, 0.0)
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.misconception(
    "from-the-middle", "Measured from the middle of the image",
    idea="Positions count from the first pixel of the image. An offset from the middle is a difference of two positions.",
    contrast="On an image 35 pixels wide a star at x = 24 lies 7 pixels right of the middle.")
def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    ny, nx = light.shape
    return (x * light).sum() / light.sum() - (nx - 1) / 2, (y * light).sum() / light.sum() - (ny - 1) / 2


@exercise.misconception(
    "writes-into-the-image", "The image is changed",
    idea="Setting pixels of the argument to zero changes the caller's image. Work on a copy.",
    contrast="image[image < 0] = 0 writes into the caller's array; light = np.where(image > 0, image, 0) makes a new one.",
    fails=("a trough", "dead*", "noise*", "whole*"), raises="input-modified")
def center_of_mass(image):
    image[np.isnan(image)] = 0
    image[image < 0] = 0
    y, x = np.indices(image.shape)
    return (x * image).sum() / image.sum(), (y * image).sum() / image.sum()


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "a pixel of 0 has no weight") for text in (
        "light = np.where(image >= 0, image, 0.0)", "positive = positive * (positive >= 0)")),
    ("positive = np.nan_to_num(image)", "images of this assignment are floats"),
    *((text, "each profile is divided by its own sum afterwards, and a mean by the sum of means") for text in (
        "along_x, along_y = (positive.mean(axis=0)", "along_x, along_y = (positive.sum(axis=0), positive.mean(axis=1))")),
]
