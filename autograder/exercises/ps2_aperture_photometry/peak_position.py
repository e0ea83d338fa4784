"""Pixel of an image's maximum, whatever NaN pixels there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import two_stars

exercise = Exercise(
    "Position of the brightest pixel",
    # Whole pixels: right or not. The tolerance only forgives how a number is stored.
    compare=Numbers(("x", "y"), atol=1e-3, unit="pixel"),
    picture="position",
    shown=("a sharp star beside a wide one", "below zero"),
)


@exercise.reference
def peak_position(image):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return int(x), int(y)


#: A star in the middle of rows of one NaN pixel each, brighter than anything else.
SMALL = np.array([[3.0, 1.0, 2.0, 0.0, 1.0], [2.0, np.nan, 4.0, 9.0, 2.0], [1.0, 2.0, 3.0, 4.0, np.nan]])


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("the star behind adaptive optics", DataRef("sphere_psf"), tests="the star of the lecture")
    yield Case("a small image with NaN", SMALL, tests="15 pixels that you can look at, two of them NaN")
    yield Case("the real star", DataRef("sphere_psf", origin="archive"), dataset="sphere_psf",
               tests="the real SPHERE image")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(45, 55)), int(rng.integers(70, 90)))
    x, y = int(rng.integers(46, 55)), int(rng.integers(8, 17))
    image = two_stars(rng, shape, x, y)
    # One dead pixel, deeper than the peak is high, above and to the left of it.
    image[y + 7, x - 21] = -9000.0
    yield Case("a sharp star beside a wide one", image, tests="a wide image with two stars and a dead pixel", points=2)
    shape = shape[::-1]
    x, y = int(rng.integers(8, 17)), int(rng.integers(47, 58))
    image = two_stars(rng, shape, x, y)
    image[int(rng.integers(2, 6)), int(rng.integers(23, 30))] = np.nan
    image[y + 3, x + 1] = np.nan
    yield Case("pixels without a value", image, tests="a tall image in which some pixels are NaN")
    image = two_stars(rng, (31, 44), int(rng.integers(27, 35)), int(rng.integers(7, 14))) - 50000.0
    image[17, 3 + int(rng.integers(0, 5))] = np.nan
    yield Case("below zero", image, tests="an image with every value below zero, and one pixel NaN")
    image = rng.normal(0, 1.0, (26, 37))
    image[25, int(rng.integers(28, 35))] = 80.0
    yield Case("in the last row", image, tests="a peak on the image's edge", points=0.5)
    image = rng.normal(0, 1.0, (29, 41))
    image[0, 40] = 80.0
    yield Case("in the corner", image, tests="a peak in a corner of the image", points=0.5)
    image = rng.normal(0, 1.0, (33, 24))
    image[int(rng.integers(19, 27)), 0] = 80.0
    yield Case("in the first column", image, tests="a peak on another edge of the image", points=0.5)


exercise.mistake(
    "swapped", "Row and column are returned as x and y", edit={"(x": "(y", "(y": "(x"},
    idea="numpy counts rows first: the first number that unravel_index or argwhere gives is the row, which is y. The "
         "answer asked for is (x, y).",
    contrast="image[7, 3] is the pixel in row 7 and column 3, at x = 3, y = 7.")
exercise.mistake(
    "nan-wins", "A NaN pixel is taken for the maximum", edit={"nanargmax": "argmax"},
    fails=("a small*", "pixels without*", "below zero"),
    # Nothing equals NaN: the list of places is empty, and its first one an error.
    spellings=({"np.unravel_index(np.nanargmax(image), image.shape)": "np.argwhere(image == np.amax(image))[0]"},),
    idea="A comparison with NaN is never true, and numpy's argmax and max let NaN win. Such pixels hold no measurement "
         "and have to be left out.",
    contrast="np.argmax([3, nan, 5]) is 1, where the NaN is; the largest number stands at 2.")
exercise.mistake(
    "nan-zero", "NaN pixels are turned into zeros, and zero is the largest value",
    edit={"np.nanargmax(image)": "np.argmax(np.nan_to_num(image))"}, fails=("below zero",),
    idea="Zero is a value like any other. In an image that lies below zero (its background was taken off too high, "
         "say) it is the largest of all.",
    contrast="[-5, NaN, -3] with the NaN made 0 has its maximum at the NaN.")
exercise.mistake(
    "one-based", "Pixels are counted from 1", edit={"return int(x), int(y)": "return int(x) + 1, int(y) + 1"},
    idea="FITS headers and image viewers count pixels from 1, numpy and photutils from 0. Positions in this course are "
         "numpy's.",
    contrast="The first pixel is (1, 1) in a viewer and image[0, 0] in numpy.")
exercise.mistake(
    "flat-index", "The index into the flattened image is used as a coordinate",
    edit={"y, x = np.unravel_index(np.nanargmax(image), image.shape)": "y, x = 0, np.nanargmax(image)"},
    fails=("the star*", "a small*", "a sharp*", "pixels without*", "below zero", "in the last*", "in the first*"),
    spellings=({"y, x = np.unravel_index(np.nanargmax(image), image.shape)": "y = x = np.nanargmax(image)"},
               {"y, x = np.unravel_index(np.nanargmax(image), image.shape)": "y, x = np.nanargmax(image), 0"}),
    idea="argmax without an axis counts through all rows one after the other. Its answer is one number for two "
         "coordinates and has to be turned back into a row and a column.",
    contrast="In an image 100 pixels wide, index 250 is row 2, column 50.")
exercise.mistake(
    "wrong-width", "The flattened index is divided by the number of rows",
    edit={"y, x = np.unravel_index(np.nanargmax(image), image.shape)":
           "y, x = divmod(np.nanargmax(image), image.shape[0])"},
    idea="A row is as long as the image is wide: the index grows by the number of columns from one row to the next. "
         "The mistake is invisible on a square image.",
    contrast="In an image of 50 rows and 80 columns, row 1 starts at index 80, not at 50.")
exercise.mistake(
    "sums", "The brightest row and column are taken instead of the brightest pixel",
    edit={"y, x = np.unravel_index(np.nanargmax(image), image.shape)":
           "y, x = np.nanargmax(np.nansum(image, axis=1)), np.nanargmax(np.nansum(image, axis=0))"},
    fails=("a sharp*", "pixels without*", "below zero"),
    idea="The row with the largest sum need not hold the brightest pixel: a wide source with much light in it wins "
         "over a sharp one with a higher peak.",
    contrast="[[9, 0, 0], [4, 4, 4]]: the brightest pixel is in row 0, the brightest row is row 1.")


@exercise.mistake(
    "centre-of-mass", "The centre of mass is returned instead of the peak",
    idea="The flux-weighted mean lies where all the light of the image balances, between sources and towards the "
         "image's middle. The peak is one pixel.",
    contrast="[0, 9, 0, 0, 1]: the peak is at 1, the centre of mass at 1.3.")
def peak_position(image):
    light = np.nan_to_num(image)
    y, x = np.indices(image.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


exercise.mistake(
    "middle", "The image's middle is returned",
    edit={"return int(x), int(y)": "return image.shape[1] // 2, image.shape[0] // 2"}, keeps=0.05,
    idea="The brightest pixel is looked for, and nothing says that the star stands in the middle of the image.",
    contrast="An image of 20 x 30 pixels has its middle at x = 15, y = 10 whatever is in it.")
exercise.mistake(
    "absolute", "The largest absolute value is taken", edit={"np.nanargmax(image)": "np.nanargmax(np.abs(image))"},
    fails=("a sharp*", "below zero"),
    idea="A dead pixel far below zero is not bright. The maximum is the largest value, with its sign.",
    contrast="max of [-900, 20, 300] is 300; the largest absolute value belongs to -900.")
exercise.mistake(
    "another-shape", "The shape of another image is used", edit={"image.shape": "(121, 149)"},
    fails=("a small*", "a sharp*", "pixels without*", "below zero", "in the last*", "in the first*"),
    idea="The index is turned into a row and a column with the shape of an image of the notebook, not of the image "
         "that was given. It works for that image and no other.",
    contrast="def width(image): return psf.shape[1]     # the notebook's psf\n"
             "def width(image): return image.shape[1]   # its argument")
exercise.mistake(
    "value", "The largest value is returned, not its place",
    edit={"return int(x), int(y)": "return float(np.nanmax(image))"}, raises="type",
    idea="max gives how bright the brightest pixel is; argmax says where it is.",
    contrast="np.max([3, 8, 5]) is 8; np.argmax([3, 8, 5]) is 1.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("if image[j, i] >= best:", "which of two equal pixels is the maximum is free"),
]
