"""Peaks of an image: above a threshold and above all eight neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.values import DataRef
from photcourse.comparators import PointSet
from photgrader.exercise import Case, Exercise

from ._stamps import star

exercise = Exercise(
    "find_peaks",
    params=("image", "threshold"),
    title="Peaks",
    # Whole pixels: no tolerance. No graded image has a peak between 5 and 10 pixels from an edge, where the border is free.
    compare=PointSet(tolerance=0.0, noun="peak"),
    picture="peaks",
)


@exercise.reference
def find_peaks(image, threshold):
    border = 7
    ny, nx = image.shape
    x_values, y_values = [], []
    for j in range(border, ny - border):
        for i in range(border, nx - border):
            value = image[j, i]
            if value > threshold and np.sum(image[j - 1:j + 2, i - 1:i + 2] >= value) == 1:
                x_values.append(i)
                y_values.append(j)
    return np.array(x_values, dtype=int), np.array(y_values, dtype=int)


def _pairs() -> np.ndarray:
    """Return an image of whole numbers with every kind of tie and of neighbour.

    Rows of pairs: a higher and a lower pixel side by side, in each of the four directions and both orders, so that leaving
    out any one neighbour makes the lower one a peak; then pairs of equal pixels; then single pixels about the threshold of 50.
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
    yield Case("a part of the exposure", (DataRef("visit_image", region=((390, 460), (210, 310))), 300.0),
               tests="a part of the notebook's image, stars and galaxies")
    yield Case("pairs and ties", (_pairs(), 50),
               tests="neighbouring pixels of different and of equal height, and pixels about the threshold", points=2)
    yield Case("nothing", (star((31, 40), 17.2, 14.6, 2.0, 900.0), 60.0), tests="an image with nothing above the threshold", points=0.5)


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
    yield Case("stars", (image + slope, 6.0), tests="stars of different heights on an image that is wider than tall")
    image, heights = _field(rng, (int(rng.integers(90, 99)), int(rng.integers(66, 73))), 7)
    level = float(rng.uniform(300, 400))
    # Heights are a factor 1.6 apart: halfway between two of them the pixel grid moves no star across the threshold.
    yield Case("below zero", (image - level, float(np.sqrt(heights[0] * heights[1])) - level),
               tests="an image with too much background taken away, and a threshold below zero")
    yield Case("edges", (_edges(rng), 20.0), tests="an image with bright pixels along its edges", points=1.5)
    # Noise: every pixel has its own neighbours. The ring of the free border is dug deep, so that no peak lies there.
    shape = (int(rng.integers(46, 52)), int(rng.integers(57, 66)))
    noise = rng.normal(0, 10, shape)
    noise[4:10], noise[-10:-4], noise[:, 4:10], noise[:, -10:-4] = -200, -200, -200, -200
    yield Case("noise", (noise, 9.0), tests="noise with a low threshold: many peaks close to each other", points=1.5)


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


@exercise.variant("vectorised with slices")
def find_peaks(image, threshold):
    middle = image[1:-1, 1:-1]
    good = middle > threshold
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            if (dy, dx) != (1, 1):
                good &= middle > image[dy:dy + image.shape[0] - 2, dx:dx + image.shape[1] - 2]
    y, x = np.nonzero(good)
    x, y = x + 1, y + 1
    inside = (x >= 5) & (y >= 5) & (x < image.shape[1] - 5) & (y < image.shape[0] - 5)
    return x[inside], y[inside]


@exercise.variant("loops and eight comparisons, lists of Python integers")
def find_peaks(image, threshold):
    xs = []
    ys = []
    for y in range(10, len(image) - 10):
        for x in range(10, len(image[0]) - 10):
            v = image[y][x]
            if v > threshold:
                if v > image[y - 1][x - 1] and v > image[y - 1][x] and v > image[y - 1][x + 1]:
                    if v > image[y][x - 1] and v > image[y][x + 1]:
                        if v > image[y + 1][x - 1] and v > image[y + 1][x] and v > image[y + 1][x + 1]:
                            xs.append(x)
                            ys.append(y)
    return xs, ys


@exercise.variant("maximum filter with a ring")
def find_peaks(image, threshold):
    from scipy.ndimage import maximum_filter

    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
    rows, columns = np.where((image > threshold) & (image > maximum_filter(image, footprint=ring, mode="nearest")))
    keep = [6 <= r < image.shape[0] - 6 and 6 <= c < image.shape[1] - 6 for r, c in zip(rows, columns)]
    return np.array([columns[keep], rows[keep]], dtype=float)


@exercise.variant("rolled copies")
def find_peaks(image, threshold):
    peak = image > threshold
    for shift in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]:
        peak = peak & (image > np.roll(image, shift, axis=(0, 1)))
    edge = 8
    peak[:edge] = peak[-edge:] = False
    peak[:, :edge] = peak[:, -edge:] = False
    yx = np.argwhere(peak)
    return list(yx[:, 1]), list(yx[:, 0])


@exercise.variant("brightest first, ties sorted out by rank")
def find_peaks(image, threshold):
    found = []
    candidates = np.argwhere(image > threshold)
    for y, x in candidates:
        if min(x, y, image.shape[1] - 1 - x, image.shape[0] - 1 - y) < 9:
            continue
        box = np.sort(image[y - 1:y + 2, x - 1:x + 2], axis=None)
        if image[y, x] == box[-1] and box[-1] > box[-2]:
            found.append((image[y, x], x, y))
    found.sort(reverse=True)
    return tuple(x for _, x, y in found), tuple(y for _, x, y in found)


exercise.variant_source("sliding windows, one expression", """
from numpy.lib.stride_tricks import sliding_window_view

find_peaks = lambda image, threshold: tuple(
    index + 7 for index in np.nonzero(
        (image[7:-7, 7:-7] > threshold)
        & ((sliding_window_view(image, (3, 3))[6:-6, 6:-6] >= image[7:-7, 7:-7, None, None]).sum(axis=(2, 3)) == 1))[::-1])
""")

exercise.variant_source("helpers in cells of their own, type hints", """
def neighbours(image: np.ndarray, x: int, y: int) -> list[float]:
    return [image[y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy]

# %%
def is_peak(image, x, y) -> bool:
    return all(image[y, x] > n for n in neighbours(image, x, y))

# %%
BORDER = 5

def find_peaks(image: np.ndarray, threshold: float) -> tuple[list[int], list[int]]:
    ny, nx = image.shape
    found = [(x, y) for x in range(BORDER, nx - BORDER) for y in range(BORDER, ny - BORDER)
             if image[y, x] > threshold and is_peak(image, x, y)]
    return [x for x, y in found], [y for x, y in found]
""")

exercise.variant_source("photutils, with ties taken out, prints and warns", """
import sys
import warnings
from photutils.detection import find_peaks as photutils_peaks

def find_peaks(image, threshold):
    table = photutils_peaks(np.asarray(image, dtype=float), threshold, box_size=3, border_width=7)
    if table is None:
        warnings.warn("no peaks")
        return [], []
    xs, ys = [], []
    for row in table:
        x, y = int(row["x_peak"]), int(row["y_peak"])
        if np.count_nonzero(image[y - 1:y + 2, x - 1:x + 2] == image[y, x]) == 1:
            xs.append(x)
            ys.append(y)
    print(len(xs), "peaks")
    print("of", len(table), file=sys.stderr)
    return np.array(xs), np.array(ys)
""")

exercise.variant_source("object with __call__ that walks the image flat", """
class PeakFinder:
    def __init__(self, border):
        self.border = border

    def __call__(self, image, threshold):
        ny, nx = image.shape
        flat = image.ravel()
        around = [dy * nx + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dx, dy) != (0, 0)]
        found = []
        for k in np.flatnonzero(flat > threshold):
            x, y = k % nx, k // nx
            if self.border <= x < nx - self.border and self.border <= y < ny - self.border:
                if flat[k] > max(flat[k + step] for step in around):
                    found.append(k)
        found = np.array(found, dtype=np.int64)
        return found % nx, found // nx

find_peaks = PeakFinder(border=6)
""")

exercise.variant_source("functools.partial, draws a figure", """
from functools import partial
import matplotlib.pyplot as plt

def peaks_with_border(image, threshold, border):
    padded = np.pad(image.astype(float), 1, constant_values=-np.inf)
    highest = np.max([padded[1 + b:padded.shape[0] - 1 + b, 1 + a:padded.shape[1] - 1 + a]
                      for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b], axis=0)
    y, x = np.nonzero((image > highest) & (image > threshold))
    ok = (x >= border) & (x < image.shape[1] - border) & (y >= border) & (y < image.shape[0] - border)
    plt.imshow(image, origin="lower")
    plt.scatter(x[ok], y[ok], facecolors="none", edgecolors="r")
    return x[ok].astype(np.int16), y[ok].astype(np.int16)

find_peaks = partial(peaks_with_border, border=10)
""")


_LOOP = """
def find_peaks(image, threshold):
    ny, nx = image.shape
    x_values, y_values = [], []
    for j in range({rows}):
        for i in range({columns}):
            value = image[j, i]
            box = image[j - 1:j + 2, i - 1:i + 2]
            if {condition}:
                x_values.append({x})
                y_values.append({y})
    return {answer}
"""
_RIGHT = {"rows": "7, ny - 7", "columns": "7, nx - 7", "condition": "value > threshold and np.sum(box >= value) == 1",
          "x": "i", "y": "j", "answer": "np.array(x_values, dtype=int), np.array(y_values, dtype=int)"}


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...] = ("*",), **changed: str) -> None:
    """Declare a misconception that differs from the right function in the parts given."""
    exercise.misconception_source(id, title, _LOOP.format(**{**_RIGHT, **changed}), idea=idea, contrast=contrast, fails=fails)


_PEAKS = ("a part*", "pairs*", "stars", "below*", "edges", "noise")

_mistake("swapped", "x and y are returned in the other order",
         "np.nonzero and np.argwhere give rows first, which is y. The answer asked for is (x_values, y_values).",
         "image[45, 55] is a peak at x = 55, y = 45.", _PEAKS, answer="np.array(y_values, dtype=int), np.array(x_values, dtype=int)")
_mistake("ties-kept", "Equal neighbours count as peaks",
         "With >= in place of >, each pixel of a plateau is as high as its neighbours and passes. A peak has to be higher than all eight. "
         "(A maximum filter that includes the pixel itself does the same.)",
         "75 beside 75: neither is greater than the other, so neither is a peak.", ("pairs*",),
         condition="value > threshold and np.sum(box > value) == 0")
_mistake("one-of-a-tie", "One pixel of a plateau is kept",
         "Some of the comparisons are > and some >=, so that one of two equal pixels wins. The contract asks for neither.",
         "75 beside 75: no peak, not one.", ("pairs*",),
         condition="value > threshold and np.sum(box > value) == 0 and not (box.ravel()[:4] == value).any()")
_mistake("four-neighbours", "Only four neighbours are looked at",
         "A pixel has eight neighbours: the four on the diagonals as well.",
         "90 at (39, 13) and 80 at (40, 14): the second has a higher neighbour, diagonally.", ("pairs*", "noise"),
         condition="value > threshold and value > max(image[j - 1, i], image[j + 1, i], image[j, i - 1], image[j, i + 1])")
_mistake("one-direction", "Only the neighbours in the same row are looked at",
         "A star is a peak along x and along y: the rows above and below belong to the comparison.",
         "Three in the row above, two beside, three below: eight comparisons.", ("a part*", "pairs*", "stars", "below*", "edges", "noise"),
         condition="value > threshold and value > max(image[j, i - 1], image[j, i + 1])")
_mistake("all-above", "Every pixel above the threshold is returned",
         "A star has many pixels above the threshold, and is one source: only the pixel that is higher than its neighbours stands for it.",
         "A star 5 pixels across gives some 20 such pixels and one peak.", _PEAKS, condition="value > threshold")
_mistake("threshold-equal", "A pixel at the threshold is taken",
         "Above means >, not >=.", "With a threshold of 50, a pixel of 50 is no peak, one of 51 is.", ("pairs*",),
         condition="value >= threshold and np.sum(box >= value) == 1")
_mistake("no-threshold", "The threshold is not used",
         "Without it every bump of the noise is a peak.", "Threshold 300: a peak of 40 is left out.", ("a part*", "pairs*", "nothing", "below*", "noise"),
         condition="np.sum(box >= value) == 1")
_mistake("own-threshold", "The threshold is computed from the image instead of taken from the argument",
         "The caller chooses the threshold, in the unit of the image. A level of the function's own, such as mean plus five sigma, rises with the "
         "bright stars.",
         "threshold = 300 means 300, whatever the image's scatter.", ("a part*", "pairs*", "stars", "nothing", "below*", "edges", "noise"),
         condition="value > np.mean(image) + 5 * np.std(image) and np.sum(box >= value) == 1")
_mistake("threshold-in-sigma", "The threshold is multiplied by the image's scatter",
         "The threshold is given in the unit of the image, not in sigma.", "threshold = 300 means 300, not 300 standard deviations.",
         ("a part*", "pairs*", "stars", "below*", "edges", "noise"), condition="value > threshold * np.std(image) and np.sum(box >= value) == 1")
_mistake("absolute-value", "The absolute value is compared",
         "A deep negative pixel is no source, and a threshold may be below zero.", "-400 is below a threshold of -300.",
         ("below*",), condition="abs(value) > abs(threshold) and np.sum(box >= value) == 1")
_mistake("edges-kept", "Peaks at the edges are kept",
         "At the edges a detector shows artefacts, and a source there is cut off. The contract leaves out 5 to 10 pixels on each side.",
         "In an image of 80 columns with a border of 5, x runs from 5 to 74.", ("edges", "noise"), rows="1, ny - 1", columns="1, nx - 1")
_mistake("border-on-two-sides", "The border is left out on two sides only",
         "The loop begins after the border but runs to the far edge. All four sides have one.",
         "range(7, nx) leaves out 0 to 6; range(7, nx - 7) the last seven as well.", ("edges", "noise"), rows="7, ny - 1", columns="7, nx - 1")
_mistake("border-in-x-only", "The border is left out in x only",
         "Rows at the lower and the upper edge need the same border as the columns at the sides.",
         "x from 7 to nx - 8 and y from 7 to ny - 8.", ("edges", "noise"), rows="1, ny - 1")
_mistake("border-in-y-only", "The border is left out in y only",
         "Columns at the left and the right edge need the same border as the rows below and above.",
         "x from 7 to nx - 8 and y from 7 to ny - 8.", ("edges", "noise"), columns="1, nx - 1")
_mistake("sizes-exchanged", "Rows and columns are exchanged in the loops",
         "shape is (ny, nx). Exchanged, the loops run past one edge of an image that is not square, and miss a part along the other.",
         "ny, nx = image.shape: the row index stays below ny.", _PEAKS + ("nothing",),
         rows="7, nx - 7", columns="7, ny - 7")
_mistake("trimmed-index", "Positions count from the trimmed image's corner",
         "Cutting the border off before looking for peaks moves the origin: index 0 of the trimmed image is pixel 7 of the whole. Add the border back.",
         "A peak at index 20 of image[7:-7] is at 27.", _PEAKS, x="i - 7", y="j - 7")
_mistake("counted-from-one", "Pixels are counted from 1",
         "In this course, as in numpy, the first pixel is 0.", "image[45, 55] is a peak at (55, 45), not at (56, 46).", _PEAKS, x="i + 1", y="j + 1")


@exercise.misconception(
    "brightest-only", "Only the brightest peak is returned",
    idea="argmax finds one pixel of the whole image. Every pixel that is higher than its neighbours is asked.",
    contrast="Five stars: five peaks.", fails=_PEAKS)
def find_peaks(image, threshold):
    inner = image[7:-7, 7:-7]
    j, i = np.unravel_index(np.argmax(inner), inner.shape)
    return ([int(i) + 7], [int(j) + 7]) if inner[j, i] > threshold else ([], [])


@exercise.misconception(
    "return-in-loop", "The loop ends at the first peak",
    idea="A `return` inside the loop leaves the function when the first peak is found.",
    contrast="The `return` belongs after the loops, as far to the left as the first `for`.", fails=_PEAKS)
def find_peaks(image, threshold):
    x_values, y_values = [], []
    for j in range(7, image.shape[0] - 7):
        for i in range(7, image.shape[1] - 7):
            value = image[j, i]
            if value > threshold and np.sum(image[j - 1:j + 2, i - 1:i + 2] >= value) == 1:
                x_values.append(i)
                y_values.append(j)
                return x_values, y_values
    return x_values, y_values


@exercise.misconception(
    "wrapped", "Neighbours wrap around the image",
    idea="np.roll, or an index of -1, takes the neighbour of an edge pixel from the opposite edge; and the border that the contract leaves out "
    "is kept.",
    contrast="image[j, -1] is the last pixel of the row, not the one to the left of the first.", fails=("a part*", "edges", "noise"))
def find_peaks(image, threshold):
    peak = image > threshold
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dx or dy:
                peak &= image > np.roll(image, (dy, dx), axis=(0, 1))
    y, x = np.nonzero(peak)
    return x, y


@exercise.misconception(
    "zeroed-in-place", "The border is blanked in the caller's image",
    idea="Writing into the border changes the image of the caller.", contrast="work = image.copy()", raises="input-modified")
def find_peaks(image, threshold):
    image[:7], image[-7:], image[:, :7], image[:, -7:] = np.nan, np.nan, np.nan, np.nan
    middle = image[1:-1, 1:-1]
    good = middle > threshold
    for dy in range(3):
        for dx in range(3):
            if (dy, dx) != (1, 1):
                good &= middle > image[dy:dy + image.shape[0] - 2, dx:dx + image.shape[1] - 2]
    good[:6], good[-6:], good[:, :6], good[:, -6:] = False, False, False, False
    y, x = np.nonzero(good)
    return x + 1, y + 1


@exercise.misconception(
    "list-of-pairs", "A list of (x, y) pairs instead of two sequences",
    idea="All x values come first, then all y values: two sequences of equal length.",
    contrast="[1, 2, 3], [7, 8, 9] instead of [(1, 7), (2, 8), (3, 9)]", raises="type")
def find_peaks(image, threshold):
    found = []
    for j in range(7, image.shape[0] - 7):
        for i in range(7, image.shape[1] - 7):
            value = image[j, i]
            if value > threshold and np.sum(image[j - 1:j + 2, i - 1:i + 2] >= value) == 1:
                found.append((i, j))
    return found


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "the width of the border is free between 5 and 10") for text in (
        "border = 8",
        "border = 6",
        "for j in list(range(border, ny - border))[1:]:",
        "for j in list(range(border, ny - border))[:-1]:",
        "for i in list(range(border, nx - border))[1:]:",
        "for i in list(range(border, nx - border))[:-1]:",
    )),
    ("y_values, x_values = ([], [])", "both lists are empty"),
    *((text, "lists, and arrays of whole numbers of any kind, are right") for text in (
        "return (x_values, np.array(y_values, dtype=int))",
        "return (np.array(x_values), np.array(y_values, dtype=int))",
        "return (np.array(x_values, dtype=int), y_values)",
        "return (np.array(x_values, dtype=int), np.array(y_values))",
    )),
]
