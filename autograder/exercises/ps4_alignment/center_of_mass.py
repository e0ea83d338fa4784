"""Centre of mass of a background-subtracted image, negative and NaN pixels left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcourse.simulate import add_stars
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Centre of mass",
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
    yield Case("two stars", np.round(two, 3), tests="two stars on an image that is wider than tall")
    trough = two.copy()
    trough[17:22, 22:32] -= 30.0
    yield Case("a trough", np.round(trough, 3), tests="pixels below zero, where too much background was taken away")
    holes = two.copy()
    holes[3:6, 10:20] = np.nan
    yield Case("dead pixels", np.round(holes, 3), tests="NaN pixels")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(31, 38)), int(rng.integers(20, 26)))
    stars = [(rng.uniform(5, 9), rng.uniform(18, shape[0] - 6), 6000.0),
             (rng.uniform(11, 15), rng.uniform(5, 10), 2000.0)]
    noisy = _field(shape, stars, 1.8) + rng.normal(0.0, 4.0, shape)
    yield Case("noise", noisy, tests="noise, so that about half of the empty pixels are negative", points=2)
    broken = _field(shape, stars, 1.8) + rng.normal(0.0, 2.0, shape)
    broken[rng.uniform(size=shape) < 0.05] = np.nan
    yield Case("noise and dead pixels", broken, tests="noise and NaN pixels together")
    whole = np.rint(_field(shape, stars, 2.1) + rng.normal(0.0, 3.0, shape)).astype(np.int16)
    yield Case("whole numbers", whole, tests="an image of whole numbers")


exercise.mistake(
    "swapped", "x and y are exchanged", edit={"(x * light)": "(y * light)", "(y * light)": "(x * light)"},
    idea="numpy counts rows first, so scipy's centre of mass and the first of two index grids are y. The answer asked "
         "for is (x, y).",
    contrast="For a star in column 24 and row 8, ndimage.center_of_mass gives (8, 24); the position is x = 24, y = 8.")
exercise.mistake(
    "negatives-kept", "Negative pixels keep their negative weight",
    edit={"np.where(image > 0, image, 0.0)": "np.where(np.isnan(image), 0.0, image)"},
    fails=("a trough", "noise*", "whole*"),
    idea="A pixel below zero pushes the mean away from itself, and with many of them the sum in the denominator "
         "shrinks towards zero. The contract lets only light count.",
    contrast="Weights 5 at x = 2 and -1 at x = 8: with the negative one the mean is 0.5, to the left of all light; "
             "without it, 2.")
exercise.mistake(
    "absolute", "Negative pixels count as if they were bright",
    edit={"np.where(image > 0, image, 0.0)": "np.abs(np.nan_to_num(image))"}, fails=("a trough", "noise*", "whole*"),
    idea="Taking absolute values turns noise below zero into light. Negative pixels carry no light and count as zero.",
    contrast="Weights 5 at x = 2 and -1 at x = 8: with |w| the mean is 3, without the negative one it is 2.")
exercise.mistake(
    "nan-left", "NaN pixels reach the sum", edit={"np.where(image > 0, image, 0.0)": "np.clip(image, 0, None)"},
    fails=("dead*", "noise and*"), raises="nan",
    idea="One NaN makes every sum that it enters NaN. Comparisons with NaN are False, so a pixel is easily kept by "
         "accident: clipping leaves NaN as it is.",
    contrast="np.clip([1, -2, nan], 0, None) is [1, 0, nan], and its sum is nan.")
exercise.mistake(
    "not-normalised", "The weighted sum is not divided by the sum of the weights", edit={" / light.sum()": ""},
    idea="A mean position is a ratio: the weighted sum of positions over the sum of the weights. Without the division "
         "the answer grows with the brightness of the star.",
    contrast="Weights 5 and 5 at x = 2 and x = 4 give 30, and 30 / 10 = 3.")
exercise.mistake(
    "pixel-count", "Divided by the number of pixels instead of the sum of the weights",
    edit={"sum() / light.sum()": "mean()"}, spellings=({"light.sum()": "(light > 0).sum()"},),
    idea="The mean over the pixels is not the mean over the light: each position has to be weighted by its share of "
         "the light, and the shares add up to one only after a division by the sum.",
    contrast="Weights 5 and 5 at x = 2 and x = 4 on ten pixels: 30 / 10 pixels = 3 by luck; with weights 50 and 50 it "
             "would be 30.")


@exercise.mistake(
    "peak", "The brightest pixel instead of the centre of mass",
    idea="The maximum is one whole pixel of one star; the centre of mass takes in the light of all pixels.",
    contrast="Weights 5 at x = 2 and 4 at x = 8: the peak lies at 2, the centre of mass at 4.67.")
def center_of_mass(image):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return x, y


exercise.mistake(
    "flux-squared", "Weighted by the square of the light", edit={"0.0)": "0.0) ** 2"},
    spellings=({"0.0)": "0.0) ** 3"},),
    idea="Squared weights belong to another estimate; a centre of mass weights each pixel by its light, once.",
    contrast="Weights 1 at x = 0 and 2 at x = 3: the centre of mass is 2, with squares it would be 2.4.")
exercise.mistake(
    "one-based", "Pixels counted from 1", edit={"np.indices(light.shape)": "np.indices(light.shape) + 1"},
    idea="In this course the first pixel's centre has coordinate 0, as in numpy. FITS headers and some programs count "
         "from 1.",
    contrast="The centre of a one-pixel star in image[0, 0] is (0, 0).")
exercise.mistake(
    "half-pixel", "Half a pixel is added", edit={"np.indices(light.shape)": "np.indices(light.shape) + 0.5"},
    idea="Whole numbers are pixel centres here. Half a pixel belongs to a count from the pixels' edges.",
    contrast="A star that lights only image[3, 7] has its centre at x = 7, y = 3, not at 7.5 and 3.5.")
exercise.mistake(
    "threshold", "Only the bright pixels are used", edit={"> 0": "> 0.1 * np.nanmax(image)"},
    spellings=({"> 0": "> 0.5 * np.nanmax(image)"}, {"> 0": "> np.nanmean(image)"}),
    idea="A threshold throws away the stars' wings and faint stars, which shifts the mean of a field. The contract "
         "asks for all light above zero.",
    contrast="Of weights 10 at x = 2 and 1 at x = 8, a threshold of a tenth of the maximum keeps x = 2 alone; all "
             "light gives 2.55.")
exercise.mistake(
    "from-the-middle", "Measured from the middle of the image",
    edit={"(x * light)": "((x - x.mean()) * light)", "(y * light)": "((y - y.mean()) * light)"},
    idea="Positions count from the first pixel of the image. An offset from the middle is a difference of two "
         "positions.",
    contrast="On an image 35 pixels wide a star at x = 24 lies 7 pixels right of the middle.")
exercise.mistake(
    "writes-into-the-image", "The image is changed",
    edit={"light = np.where(image > 0, image, 0.0)": "image[~(image > 0)] = 0\n    light = image"},
    fails=("a trough", "dead*", "noise*", "whole*"), raises="input-modified",
    idea="Setting pixels of the argument to zero changes the caller's image. Work on a copy.",
    contrast="image[image < 0] = 0 writes into the caller's array; light = np.where(image > 0, image, 0) makes a new "
             "one.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "a pixel of 0 has no weight") for text in (
        "light = np.where(image >= 0, image, 0.0)", "positive = positive * (positive >= 0)",
    )),
    ("positive = np.nan_to_num(image)", "images of this assignment are floats"),
    *((text, "each profile is divided by its own sum afterwards, and a mean by the sum of means") for text in (
        "along_x, along_y = (positive.mean(axis=0)",
        "along_x, along_y = (positive.sum(axis=0), positive.mean(axis=1))",
    )),
]
