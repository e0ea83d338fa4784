"""Flux-weighted centroid of a cut-out, in the coordinates of the whole image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcourse.check.comparators import Numbers
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "centroid",
    params=("image_cutout", "x_start", "y_start"),
    title="Flux-weighted centroid",
    # A closed formula: only rounding may differ, also in single precision (1e-4 pixel at coordinates of 4000).
    compare=Numbers(("x", "y"), atol=2e-3, unit="pixel"),
    picture="position",
)


@exercise.reference
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(x_start, x_start + nx), np.arange(y_start, y_start + ny))
    total = image_cutout.sum()
    return (image_cutout * x).sum() / total, (image_cutout * y).sum() / total


def _star(shape: tuple[int, int], x: float, y: float, sigma: float, flux: float) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return flux / (2 * np.pi * sigma**2) * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * sigma**2))


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a star off the centre", (_star((21, 17), 6.3, 12.8, 2.0, 9000.0), 140, 233),
               tests="a wide star off the centre of a cut-out that is taller than wide")
    yield Case("a cut-out at the corner", (_star((15, 24), 15.25, 6.5, 1.8, 4000.0), 0, 0),
               tests="a cut-out that starts at (0, 0), wider than tall")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(14, 20)), int(rng.integers(21, 28)))
    x, y = rng.uniform(8, shape[1] - 8), rng.uniform(6, shape[0] - 6)
    image = _star(shape, x, y, 1.9, 2e4) + rng.normal(0, 1.0, shape)
    yield Case("noise", (image, int(rng.integers(300, 3000)), int(rng.integers(20, 250))),
               tests="a noisy star, with different starts in x and y", points=2)
    whole = np.rint(_star((18, 23), 9.4, 11.2, 2.2, 5e4)).astype(np.int32)
    yield Case("whole numbers", (whole, int(rng.integers(50, 90)), int(rng.integers(400, 900))),
               tests="an image of whole numbers")


@exercise.variant("sums over rows and columns")
def centroid(image_cutout, x_start, y_start):
    profile_x = np.sum(image_cutout, axis=0)
    profile_y = np.sum(image_cutout, axis=1)
    x = np.arange(len(profile_x)) + x_start
    y = np.arange(len(profile_y)) + y_start
    return [float(np.average(x, weights=profile_x)), float(np.average(y, weights=profile_y))]


@exercise.variant("two loops")
def centroid(image_cutout, x_start, y_start):
    sum_f = sum_x = sum_y = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            sum_f += image_cutout[j, i]
            sum_x += image_cutout[j, i] * (x_start + i)
            sum_y += image_cutout[j, i] * (y_start + j)
    return sum_x / sum_f, sum_y / sum_f


@exercise.variant("library call")
def centroid(image_cutout, x_start, y_start):
    from scipy import ndimage

    row, column = ndimage.center_of_mass(image_cutout)
    return np.array([column + x_start, row + y_start], dtype=np.float32)


@exercise.misconception(
    "swapped", "x and y are exchanged",
    idea="numpy indexes images [y, x]: the first index counts rows, which is y. The answer asked for is (x, y).",
    contrast="image[12, 6] is the pixel at x = 6, y = 12.")
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(x_start, x_start + nx), np.arange(y_start, y_start + ny))
    total = image_cutout.sum()
    return (image_cutout * y).sum() / total, (image_cutout * x).sum() / total


@exercise.misconception(
    "no-offset", "The cut-out's start is not added",
    idea="The position is asked in the coordinates of the whole image, and the grid counts from the cut-out's corner.",
    contrast="A star 6.3 pixels into a cut-out that starts at x = 140 lies at x = 146.3.",
    fails=("a star off*", "noise", "whole*"))
def centroid(image_cutout, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx), np.arange(ny))
    total = image_cutout.sum()
    return (image_cutout * x).sum() / total, (image_cutout * y).sum() / total
