"""Poisson error of an image: the square root of the counts that were there when the light was counted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import ArrayClose
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Poisson error of an image",
    # A closed formula: rounding only. numpy takes roots of 16-bit integers in single precision (6e-8), and of
    # 8-bit ones in half precision (5e-4), which no case here has. A NaN pixel may stay NaN or become 0.
    compare=ArrayClose(rtol=2e-5, atol=1e-6, unit="counts", name="error", nan_is="nan or 0"),
    picture="image",
)


@exercise.reference
def poisson_error(image):
    counts = np.clip(np.asarray(image, dtype=float), 0, None)
    return np.sqrt(counts)


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a piece of the cluster", DataRef("m13", "image", ((100, 140), (180, 228))),
               tests="the first frame around the cluster, sky included")
    counts = np.array([[9.0, 0.0, -3.5, 100.0], [2.25, -1.0, 625.0, 1.0], [0.25, 16.0, -40.0, 7.84]])
    yield Case("negative counts", counts, tests="counts below zero, as read noise leaves them")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(17, 24)), int(rng.integers(28, 36)))
    whole = rng.poisson(rng.uniform(300, 900), shape).astype(np.uint16)
    whole[3, 5] = 0
    yield Case("whole numbers", whole, tests="16-bit whole counts, as a camera gives them")
    faint = np.round(rng.poisson(2.5, shape[::-1]) + rng.normal(0, 3.0, shape[::-1]), 2)
    faint[4, 2], faint[6, 1] = -2.5, 30.0
    yield Case("faint and negative", faint, tests="few photons under read noise, about a fifth of them below zero")
    holes = rng.poisson(60.0, shape).astype(float)
    holes[rng.integers(0, shape[0], 9), rng.integers(0, shape[1], 9)] = np.nan
    yield Case("holes", holes, tests="an image with NaN pixels", points=0.5)


exercise.mistake(
    "of-subtracted", "The root is taken of the counts left after the background is subtracted",
    edit={"np.asarray(image, dtype=float)": "image - np.nanmedian(image)"},
    idea="The sky's photons arrive at random like the star's, and subtracting a mean level does not take their "
         "scatter away. The error belongs to the counts that were recorded.",
    contrast="612 counts, of which 512 are sky: the error is sqrt(612) = 24.7, not sqrt(100) = 10.")
exercise.mistake(
    "variance", "The variance is returned, not the error", edit={"np.sqrt(counts)": "counts"},
    idea="For photon counts the variance equals the counts. The error asked for is one standard deviation.",
    contrast="400 counts: variance 400, error 20.")
exercise.mistake(
    "absolute", "Counts below zero get the root of their size",
    edit={"np.clip(np.asarray(image, dtype=float), 0, None)": "np.abs(image)"}, fails=("*negative*",),
    idea="A pixel below zero holds no photons, only read noise or a subtraction that overshot; its size says nothing "
         "about photon noise.",
    contrast="-16 counts: the contract asks for 0, not for 4.")
exercise.mistake(
    "nan-for-negative", "Counts below zero become NaN",
    edit={"np.clip(np.asarray(image, dtype=float), 0, None)": "image"}, fails=("*negative*",),
    idea="The root of a negative number is NaN, and one NaN spoils every sum that it enters later.",
    contrast="np.sqrt(-3.5) is NaN; the contract asks for 0.")
exercise.mistake(
    "floor-of-one", "Pixels without counts get an error of 1", edit={"0, None": "1, None"},
    fails=("*negative*", "whole*"),
    idea="A floor of one count is a habit from fits that divide by the error. The contract asks for 0 where counts "
         "are negative, and the plain root elsewhere.",
    contrast="0.25 counts: 0.5, not 1.")


@exercise.mistake(
    "relative", "The relative error is returned",
    idea="1 / sqrt(N) is the error as a share of the counts; the error in counts is sqrt(N).",
    contrast="400 counts: 20 counts, which is 5 per cent.")
def poisson_error(image):
    counts = np.clip(image, 0, None).astype(float)
    return np.where(counts > 0, 1 / np.sqrt(np.where(counts > 0, counts, 1.0)), 0.0)


exercise.mistake(
    "scatter", "One number, the scatter of the image, stands for every pixel",
    edit={"np.sqrt(counts)": "np.full(image.shape, np.nanstd(image))"},
    idea="The standard deviation of the whole image mixes noise with stars and gives every pixel the same error; "
         "photon noise follows the counts of each pixel.",
    contrast="A pixel of 400 counts has an error of 20, one of 900 counts an error of 30, in the same image.")
exercise.mistake(
    "whole-numbers", "The errors are cut to whole numbers",
    edit={"np.sqrt(counts)": "np.sqrt(np.nan_to_num(counts)).astype(int)"},
    spellings=({"np.sqrt(counts)": "np.rint(np.sqrt(counts))"},),
    idea="Counts are whole numbers, their errors are not: casting to integers throws the fraction away.",
    contrast="sqrt(512) is 22.63, not 22.")
exercise.mistake(
    "plus-one", "One is added to the counts before the root", edit={"np.sqrt(counts)": "np.sqrt(counts + 1)"},
    idea="Adding one keeps the error from being zero, but it is not the root of the counts that the contract asks for.",
    contrast="9 counts: 3, not sqrt(10) = 3.16.")
exercise.mistake(
    "total", "One error for the sum of all pixels", edit={"np.sqrt(counts)": "float(np.sqrt(np.nansum(image)))"},
    spellings=({"np.sqrt(counts)": "float(np.sqrt(np.nansum(counts)))"},),
    idea="The root of the summed counts is the error of the sum. An error image has one value per pixel.",
    contrast="Two pixels of 100 counts: errors 10 and 10; their sum has sqrt(200) = 14.1.")
exercise.mistake(
    "input-modified", "Negative pixels are set to zero in the image itself",
    edit={
        "counts = np.clip(np.asarray(image, dtype=float), 0, None)": "image[image < 0] = 0",
        "np.sqrt(counts)": "np.sqrt(image)"}, fails=("*negative*",), raises="input-modified",
    idea="Writing into the argument changes the caller's image. Make a new array.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("counts = np.clip(0, np.asarray(image, dtype=float), None)",
     "np.clip(0, image, None) is the larger of the two as well"),
    *((text, "the square root of whole counts is a float, in single precision within the tolerance") for text in (
        "counts = np.clip(image, 0, None)", "counts = np.clip(np.asarray(image), 0, None)",
    )),
    ("if value >= 0:", "the square root of 0 is 0"),
]
