"""Peaks of an image: above a threshold and above all eight neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.values import DataRef
from photcourse.comparators import PointSet
from photgrader.exercise import Case, Exercise

from ._stamps import star

exercise = Exercise(
    "Peaks",
    # Whole pixels: no tolerance. No graded image has a peak between 5 and 10 pixels from an edge: there the border is
    # free.
    compare=PointSet(tolerance=0.0, noun="peak"),
    picture="peaks",
    shown=("edges", "below zero"),
)


@exercise.reference
def find_peaks(image, threshold):
    border = 7
    ny, nx = image.shape
    j, i = np.nonzero(image > threshold)
    inside = (border <= i) & (i < nx - border) & (border <= j) & (j < ny - border)
    j, i = j[inside], i[inside]
    step = np.array([-1, 0, 1])
    around = image[j[:, None, None] + step[:, None], i[:, None, None] + step]
    highest = np.count_nonzero(around >= around[:, 1:2, 1:2], axis=(1, 2)) == 1
    return i[highest], j[highest]


def _pairs() -> np.ndarray:
    """Return an image of whole numbers with every kind of tie and of neighbour.

    Rows of pairs: a higher and a lower pixel side by side, in each of the four directions and both orders, so that
    leaving out any one neighbour makes the lower one a peak; then pairs of equal pixels; then single pixels about the
    threshold of 50.
    """
    image = np.zeros((58, 74))
    directions = ((1, 0), (0, 1), (1, 1), (-1, 1))
    for k, (dx, dy) in enumerate(directions):
        x, y = 13 + 13 * k, 13
        image[y, x], image[y + dy, x + dx] = 90, 80
        image[y + 9, x + 4], image[y + 9 + dy, x + 4 + dx] = 70, 85
        image[y + 19, x], image[y + 19 + dy, x + dx] = 75, 75
    image[43, 15], image[43, 24], image[43, 33] = 49, 50, 51
    image[42:44, 44:46] = 66
    image[45, 55] = 300
    return image


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a part of the exposure", DataRef("visit_image")[390:460, 210:310], 300.0,
               tests="a part of the notebook's image, stars and galaxies")
    yield Case("pairs and ties", _pairs(), 50,
               tests="neighbouring pixels of different and of equal height, and pixels about the threshold", points=2)
    yield Case("nothing", star((31, 40), 17.2, 14.6, 2.0, 900.0), 60.0, points=0.5,
               tests="an image with nothing above the threshold")


def _field(rng: np.random.Generator, shape: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of stars 13 pixels or more from an edge, on a slope, and their heights."""
    places: list[tuple[float, float]] = []
    while len(places) < count:
        x, y = rng.uniform(13.5, shape[1] - 14.5), rng.uniform(13.5, shape[0] - 14.5)
        if all(np.hypot(x - a, y - b) > 9 for a, b in places) and abs(x - y) > 3:
            places.append((x, y))
    heights = np.geomspace(12, 200, count)
    image = sum(star(shape, x, y, 1.6, 2 * np.pi * 1.6**2 * h) for (x, y), h in zip(places, heights, strict=True))
    return np.asarray(image), heights


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    image, _ = _field(rng, (int(rng.integers(64, 72)), int(rng.integers(88, 98))), 7)
    # A threshold below every star, on a slope that makes no peaks of its own.
    slope = np.arange(image.shape[1]) * 0.02 + np.arange(image.shape[0])[:, None] * 0.013
    yield Case("stars", image + slope, 6.0, tests="stars of different heights on an image that is wider than tall")
    image, heights = _field(rng, (int(rng.integers(90, 99)), int(rng.integers(66, 73))), 7)
    level = float(rng.uniform(300, 400))
    # Heights are a factor 1.6 apart: halfway between two of them the pixel grid moves no star across the threshold.
    yield Case("below zero", image - level, float(np.sqrt(heights[0] * heights[1])) - level,
               tests="an image with too much background taken away, and a threshold below zero")
    yield Case("edges", _edges(rng), 20.0, tests="an image with bright pixels along its edges", points=1.5)
    # Noise: every pixel has its own neighbours. The ring of the free border is dug deep, so that no peak lies there.
    shape = (int(rng.integers(46, 52)), int(rng.integers(57, 66)))
    noise = rng.normal(0, 10, shape)
    noise[4:10], noise[-10:-4], noise[:, 4:10], noise[:, -10:-4] = -200, -200, -200, -200
    yield Case("noise", noise, 9.0, tests="noise with a low threshold: many peaks close to each other", points=1.5)


def _edges(rng: np.random.Generator) -> np.ndarray:
    """Return a few stars, and bright spots within 5 pixels of each edge and on opposite edges."""
    shape = (int(rng.integers(57, 63)), int(rng.integers(76, 84)))
    ny, nx = shape
    image = _field(rng, shape, 4)[0] * 3
    along = int(rng.integers(20, 30))
    image[2, along], image[ny - 3, along + 9], image[along, 3], image[along + 5, nx - 4] = 95, 85, 75, 65
    # On the very edge, and facing one another across it.
    image[along - 7, 0], image[along - 7, nx - 1] = 60, 70
    image[0, along + 20], image[ny - 1, along + 20] = 80, 55
    return image


# The cases in which there are peaks to find, and those with peaks at the edges.
PEAKS = ("a part*", "pairs*", "stars", "below*", "edges", "noise")
BORDER = ("edges", "noise")
# The variant in which rows and columns are gone through one after the other.
PLAIN = "as most people write it"
FOUND = "return i[highest], j[highest]"
HIGHEST = "np.count_nonzero(around >= around[:, 1:2, 1:2], axis=(1, 2)) == 1"
exercise.mistake(
    "swapped", "x and y are returned in the other order",
    edit={FOUND: "return j[highest], i[highest]"}, fails=PEAKS,
    idea="np.nonzero and np.argwhere give rows first, which is y. The answer asked for is (x_values, y_values).",
    contrast="image[45, 55] is a peak at x = 55, y = 45.")
exercise.mistake(
    "ties-kept", "Equal neighbours count as peaks", edit={HIGHEST: "np.count_nonzero(around > around[:, 1:2, 1:2], axis=(1, 2)) == 0"},
    fails=("pairs*",),
    idea="With >= in place of >, each pixel of a plateau is as high as its neighbours and passes. A peak has to be "
         "higher than all eight. (A maximum filter that includes the pixel itself does the same.)",
    contrast="75 beside 75: neither is greater than the other, so neither is a peak.")
exercise.mistake(
    "one-of-a-tie", "One pixel of a plateau is kept", edit={HIGHEST: "np.argmax(around.reshape(-1, 9), axis=1) == 4"},
    fails=("pairs*",),
    idea="Some of the comparisons are > and some >=, so that one of two equal pixels wins. The contract asks for "
         "neither.",
    contrast="75 beside 75: no peak, not one.")
exercise.mistake(
    "four-neighbours", "Only four neighbours are looked at",
    edit={HIGHEST: "around[:, 1, 1] > around.reshape(-1, 9)[:, 1::2].max(axis=1)"},
    fails=("pairs*", "noise"), idea="A pixel has eight neighbours: the four on the diagonals as well.",
    contrast="90 at (39, 13) and 80 at (40, 14): the second has a higher neighbour, diagonally.")
exercise.mistake(
    "one-direction", "Only the neighbours in the same row are looked at",
    edit={HIGHEST: "around[:, 1, 1] > around[:, 1, ::2].max(axis=1)"}, fails=PEAKS,
    idea="A star is a peak along x and along y: the rows above and below belong to the comparison.",
    contrast="Three in the row above, two beside, three below: eight comparisons.")
exercise.mistake(
    "all-above", "Every pixel above the threshold is returned",
    edit={HIGHEST: "np.ones(len(i), dtype=bool)"}, fails=PEAKS,
    idea="A star has many pixels above the threshold, and is one source: only the pixel that is higher than its "
         "neighbours stands for it.",
    contrast="A star 5 pixels across gives some 20 such pixels and one peak.")
exercise.mistake(
    "threshold-equal", "A pixel at the threshold is taken", edit={"image > threshold": "image >= threshold"},
    fails=("pairs*",), idea="Above means >, not >=.",
    contrast="With a threshold of 50, a pixel of 50 is no peak, one of 51 is.")
exercise.mistake(
    "no-threshold", "The threshold is not used", edit={"image > threshold": "image > -np.inf"},
    fails=("a part*", "pairs*", "nothing", "below*", "noise"), spellings=({"image > threshold": "image > 0"},),
    idea="Without it every bump of the noise is a peak.", contrast="Threshold 300: a peak of 40 is left out.")
exercise.mistake(
    "own-threshold", "The threshold is computed from the image instead of taken from the argument",
    edit={"ny, nx = image.shape": "threshold = np.mean(image) + 5 * np.std(image)\n    ny, nx = image.shape"},
    fails=("a part*", "pairs*", "stars", "nothing", "below*", "edges", "noise"),
    idea="The caller chooses the threshold, in the unit of the image. A level of the function's own, such as mean plus "
         "five sigma, rises with the bright stars.",
    contrast="threshold = 300 means 300, whatever the image's scatter.")
exercise.mistake(
    "threshold-in-sigma", "The threshold is multiplied by the image's scatter",
    edit={"image > threshold": "image > threshold * np.std(image)"}, fails=PEAKS,
    idea="The threshold is given in the unit of the image, not in sigma.",
    contrast="threshold = 300 means 300, not 300 standard deviations.")
exercise.mistake(
    "absolute-value", "The absolute value is compared", edit={"image > threshold": "np.abs(image) > abs(threshold)"},
    fails=("below*",), spellings=({"ny, nx = image.shape": "image = np.abs(image)\n    ny, nx = image.shape"},),
    idea="A deep negative pixel is no source, and a threshold may be below zero.",
    contrast="-400 is below a threshold of -300.")
exercise.mistake(
    "edges-kept", "Peaks at the edges are kept", edit={"border = 7": "border = 1"}, fails=BORDER,
    # Where everything outside of the image counts as lower, pixels of the very edge are peaks as well.
    spellings=("""def find_peaks(image, threshold):
    padded = np.pad(np.asarray(image, float), 1, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    y, x = np.nonzero((np.sum(around >= image[..., None, None], axis=(2, 3)) == 1) & (image > threshold))
    return x, y
""",),
    idea="At the edges a detector shows artefacts, and a source there is cut off. The contract leaves out 5 to 10 "
         "pixels on each side.",
    contrast="In an image of 80 columns with a border of 5, x runs from 5 to 74.")
exercise.mistake(
    "border-on-two-sides", "The border is left out on two sides only", edit={"- border": "- 1"}, fails=BORDER,
    idea="The loop begins after the border but runs to the far edge. All four sides have one.",
    contrast="range(7, nx) leaves out 0 to 6; range(7, nx - 7) the last seven as well.")
exercise.mistake(
    "border-in-x-only", "The border is left out in x only", edit={"(border <= j) & (j < ny - border)": "(1 <= j) & (j < ny - 1)"},
    fails=BORDER, idea="Rows at the lower and the upper edge need the same border as the columns at the sides.",
    contrast="x from 7 to nx - 8 and y from 7 to ny - 8.")
exercise.mistake(
    "border-in-y-only", "The border is left out in y only", edit={"(border <= i) & (i < nx - border)": "(1 <= i) & (i < nx - 1)"},
    fails=BORDER, idea="Columns at the left and the right edge need the same border as the rows below and above.",
    contrast="x from 7 to nx - 8 and y from 7 to ny - 8.")
exercise.mistake(
    "sizes-exchanged", "Rows and columns are exchanged in the loops", edit={"ny, nx =": "nx, ny ="}, of=PLAIN,
    spellings=tuple({"ny, nx =": "nx, ny =", "range(7, ny - 7)": f"range({border}, ny - {border})",
                     "range(7, nx - 7)": f"range({border}, nx - {border})"} for border in (5, 6, 10)),
    fails=("a part*", "pairs*", "stars", "below*", "edges", "noise", "nothing"),
    idea="shape is (ny, nx). Exchanged, the loops run past one edge of an image that is not square, and miss a part "
         "along the other.",
    contrast="ny, nx = image.shape: the row index stays below ny.")
exercise.mistake(
    "trimmed-index", "Positions count from the trimmed image's corner",
    edit={FOUND: "return i[highest] - 7, j[highest] - 7"}, fails=PEAKS,
    spellings=tuple({FOUND: f"return i[highest] - {border}, j[highest] - {border}"} for border in (5, 6, 8, 10)),
    idea="Cutting the border off before looking for peaks moves the origin: index 0 of the trimmed image is pixel 7 of "
         "the whole. Add the border back.",
    contrast="A peak at index 20 of image[7:-7] is at 27.")
exercise.mistake(
    "counted-from-one", "Pixels are counted from 1", edit={FOUND: "return i[highest] + 1, j[highest] + 1"},
    fails=PEAKS, idea="In this course, as in numpy, the first pixel is 0.",
    contrast="image[45, 55] is a peak at (55, 45), not at (56, 46).")


@exercise.mistake(
    "brightest-only", "Only the brightest peak is returned", fails=PEAKS,
    idea="argmax finds one pixel of the whole image. Every pixel that is higher than its neighbours is asked.",
    contrast="Five stars: five peaks.")
def find_peaks(image, threshold):
    inner = image[7:-7, 7:-7]
    j, i = np.unravel_index(np.argmax(inner), inner.shape)
    return ([int(i) + 7], [int(j) + 7]) if inner[j, i] > threshold else ([], [])


@exercise.mistake(
    "one-in-a-patch", "Only the highest pixel of each connected patch is returned", fails=("pairs*", "noise"),
    spellings=("""def find_peaks(image, threshold):
    from scipy import ndimage

    patches, count = ndimage.label(image > threshold, structure=np.ones((3, 3)))
    places = ndimage.maximum_position(image, patches, range(1, count + 1))
    inside = [(j, i) for j, i in places if 7 <= j < image.shape[0] - 7 and 7 <= i < image.shape[1] - 7]
    return [i for _, i in inside], [j for j, _ in inside]
""",),
    idea="Pixels above the threshold that touch are taken for one source. Two stars whose light meets above the "
         "threshold are two peaks, and of a plateau none is one.",
    contrast="90, 70, 85 in a row, with a threshold of 50: one patch, two peaks.")
def find_peaks(image, threshold):
    from scipy import ndimage

    patches, count = ndimage.label(image > threshold)
    places = ndimage.maximum_position(image, patches, range(1, count + 1))
    inside = [(j, i) for j, i in places if 7 <= j < image.shape[0] - 7 and 7 <= i < image.shape[1] - 7]
    return [i for _, i in inside], [j for j, _ in inside]


exercise.mistake(
    "return-in-loop", "The loop ends at the first peak",
    edit={"y_values.append(j)": "y_values.append(j)\n                return x_values, y_values"}, of=PLAIN, fails=PEAKS,
    idea="A `return` inside the loop leaves the function when the first peak is found.",
    contrast="The `return` belongs after the loops, as far to the left as the first `for`.")


@exercise.mistake(
    "wrapped", "Neighbours wrap around the image", fails=("a part*", "edges", "noise"),
    idea="np.roll, or an index of -1, takes the neighbour of an edge pixel from the opposite edge; and the border that "
         "the contract leaves out is kept.",
    contrast="image[j, -1] is the last pixel of the row, not the one to the left of the first.")
def find_peaks(image, threshold):
    peak = image > threshold
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dx or dy:
                peak &= image > np.roll(image, (dy, dx), axis=(0, 1))
    y, x = np.nonzero(peak)
    return x, y


exercise.mistake(
    "zeroed-in-place", "The border is blanked in the caller's image",
    edit={"ny, nx = image.shape":
           "image[:7] = image[-7:] = image[:, :7] = image[:, -7:] = np.nan\n    ny, nx = image.shape"},
    raises="input-modified", idea="Writing into the border changes the image of the caller.",
    contrast="work = image.copy()")
exercise.mistake(
    "list-of-pairs", "A list of (x, y) pairs instead of two sequences",
    edit={FOUND: "return list(zip(i[highest], j[highest]))"},
    raises="type", idea="All x values come first, then all y values: two sequences of equal length.",
    contrast="[1, 2, 3], [7, 8, 9] instead of [(1, 7), (2, 8), (3, 9)]")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "the width of the border is free between 5 and 10") for text in (
        "border = 8",
        "border = 6",
        "inside = (border < i) & (i < nx - border) & (border <= j) & (j < ny - border)",
        "inside = (border <= i) & (i <= nx - border) & (border <= j) & (j < ny - border)",
        "inside = (border <= i) & (i < nx - border) & (border < j) & (j < ny - border)",
        "inside = (border <= i) & (i < nx - border) & (border <= j) & (j <= ny - border)",
    )),
    *((text, "the neighbours are the same in any order") for text in (
        "around = image[j[:, None, None] - step[:, None], i[:, None, None] + step]",
        "around = image[j[:, None, None] + step[:, None], i[:, None, None] - step]",
    )),
]
