"""Flux inside a circle; whole pixels, sub-pixels and exact overlap are all right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from photutils.aperture import CircularAperture, aperture_photometry

from photcheck.comparators import Number
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "aperture_flux",
    params=("image_cutout", "centroid_x", "centroid_y", "radius", "x_start", "y_start"),
    title="Aperture flux",
    # Each case has the spread of the three right ways as its tolerance, see `_case`.
    compare=Number(rtol=0.01, unit="nJy", name="flux"),
    depends=("centroid", "gaussian_psf_image", "psf_flux_gaussian"),
    picture="scalar",
    extra_credit=5,
)


@exercise.reference
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    aperture = CircularAperture((centroid_x - x_start, centroid_y - y_start), radius)
    return float(aperture_photometry(image_cutout, aperture)["aperture_sum"][0])


@exercise.namespace
def given() -> dict[str, Any]:
    """Return what the notebook imports and gives."""
    def gaussian2D(radius: np.ndarray, mu: float) -> np.ndarray:
        return np.exp(-radius**2 / (2 * mu**2)) / (2 * np.pi * mu**2)

    return {"CircularAperture": CircularAperture, "aperture_photometry": aperture_photometry, "gaussian2D": gaussian2D}


def _blob(shape: tuple[int, int], x: float, y: float, sigma: float, flux: float) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return flux / (2 * np.pi * sigma**2) * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * sigma**2))


def _case(name: str, image: np.ndarray, x: float, y: float, radius: float, x_start: int, y_start: int, tests: str,
          points: float = 1.0) -> Case:
    """Make a case with the reason for its tolerance: the spread of the ways that the contract leaves free."""
    aperture = CircularAperture((x, y), radius)
    ways = [dict(method="exact"), dict(method="center"), *(dict(method="subpixel", subpixels=n) for n in (2, 3, 5, 10))]
    fluxes = [float(aperture_photometry(image, aperture, **way)["aperture_sum"][0]) for way in ways]
    # Half as much again for further ways, and half a per cent because the spread of these few may happen to be small.
    spread = max(1.5 * float(np.ptp(fluxes)), 0.005 * abs(fluxes[0]))
    return Case(name, (image, x + x_start, y + y_start, radius, x_start, y_start), tests=tests, points=points,
                compare=Number(atol=spread, unit="nJy", name="flux"))


@exercise.provided
def provided() -> Iterator[Case]:
    # The second star stands in the corner of the square around the circle.
    star = _blob((24, 31), 12.3, 10.6, 1.9, 8000.0) + _blob((24, 31), 18.6, 16.7, 1.3, 5000.0)
    yield _case("a star with a neighbour", star, 12.3, 10.6, 6.2, 2, 4, "a star whose neighbour lies outside the circle")
    yield _case("a wide source", _blob((29, 25), 11.6, 15.2, 4.0, 30000.0), 11.6, 15.2, 7.4, 130, 61,
                "a galaxy much wider than the circle, in a cut-out taller than wide")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(27, 30)), int(rng.integers(33, 37)))
    x, y, radius = rng.uniform(9.0, 10.0), rng.uniform(14.0, 15.5), rng.uniform(6.0, 7.5)
    image = _blob(shape, x, y, 2.0, 2e4) + _blob(shape, x + 0.98 * radius, y + 0.98 * radius, 1.2, 1.2e4)
    image = image + _blob(shape, shape[1] - 7.0, 5.0, 1.5, 9e3) + rng.normal(0, 1.0, shape)
    yield _case("a noisy star", image, x, y, radius, int(rng.integers(300, 900)), int(rng.integers(40, 200)),
                "a noisy star with neighbours outside the circle, different starts in x and y", points=2)
    shape = (int(rng.integers(33, 36)), int(rng.integers(28, 31)))
    # Well off the middle, which is at 13.5 to 14.5.
    x, y = rng.uniform(10.0, 11.3), rng.uniform(17.5, 19.5)
    wide = np.rint(_blob(shape, x, y, rng.uniform(4.0, 5.0), 4e5)).astype(np.int32)
    yield _case("whole numbers", wide, x, y, rng.uniform(7.5, 9.0), int(rng.integers(4, 7)), int(rng.integers(9, 12)),
                "a wide source, an image of whole numbers")


@exercise.variant("whole pixels, with a mask")
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    inside = (x - centroid_x) ** 2 + (y - centroid_y) ** 2 <= radius**2
    return image_cutout[inside].sum()


@exercise.variant("two loops")
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    total = 0
    for j in range(len(image_cutout)):
        for i in range(len(image_cutout[0])):
            distance = ((i + x_start - centroid_x) ** 2 + (j + y_start - centroid_y) ** 2) ** 0.5
            if distance < radius:
                total += image_cutout[j, i]
    print("flux", total)
    return total


@exercise.variant("sub-pixels by repetition")
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    n = 7
    fine = np.repeat(np.repeat(image_cutout, n, axis=0), n, axis=1) / n**2
    y = (np.arange(fine.shape[0]) + 0.5) / n - 0.5 + y_start
    x = (np.arange(fine.shape[1]) + 0.5) / n - 0.5 + x_start
    return np.float32(np.sum(fine * (np.hypot(x[None, :] - centroid_x, y[:, None] - centroid_y) <= radius)))


@exercise.variant("photutils, the exact overlap")
def aperture_flux(image_cutout: np.ndarray, centroid_x: float, centroid_y: float, radius: float,
                  x_start: int, y_start: int) -> float:
    from photutils.aperture import CircularAperture

    circle = CircularAperture([centroid_x - x_start, centroid_y - y_start], r=radius)
    return circle.do_photometry(np.asarray(image_cutout, dtype=float))[0]


@exercise.variant("photutils on sub-pixels, warning and an array of one")
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    import warnings

    warnings.warn("edge pixels are divided into 5 x 5", UserWarning, stacklevel=2)
    position = [(centroid_x - x_start, centroid_y - y_start)]
    table = aperture_photometry(image_cutout, CircularAperture(position, radius), method="subpixel", subpixels=5)
    return table["aperture_sum"].value


@exercise.variant("linear fall-off over the pixel at the rim")
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    jj, ii = np.indices(image_cutout.shape)
    r = np.sqrt((ii - (centroid_x - x_start)) ** 2 + (jj - (centroid_y - y_start)) ** 2)
    weight = np.clip(radius + 0.5 - r, 0, 1)
    return (weight * image_cutout).sum().item()


exercise.variant_source("a helper for the mask in another cell, np.where and nansum", """
def circle_mask(shape, x, y, r):
    rows, columns = np.ogrid[:shape[0], :shape[1]]
    return (columns - x)**2 + (rows - y)**2 < r**2

# %%
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    mask = circle_mask(np.shape(image_cutout), centroid_x - x_start, centroid_y - y_start, radius)
    return [np.nansum(np.where(mask, image_cutout, 0.0))]
""")

exercise.variant_source("a lambda", """
import math
aperture_flux = lambda image_cutout, cx, cy, r, x0, y0: sum(
    float(value)
    for j, row in enumerate(image_cutout.tolist())
    for i, value in enumerate(row)
    if math.hypot(x0 + i - cx, y0 + j - cy) <= r)
""")

exercise.variant_source("a callable object that draws the aperture", """
import matplotlib.pyplot as plt

class Aperture:
    def __init__(self, method="exact"):
        self.method = method

    def __call__(self, image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
        aperture = CircularAperture((centroid_x - x_start, centroid_y - y_start), radius)
        plt.imshow(image_cutout, origin="lower")
        aperture.plot(color="w")
        mask = aperture.to_mask(method=self.method)
        return float(np.sum(mask.multiply(image_cutout)))

aperture_flux = Aperture()
""")

_MASK = '''
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + {x_start}, np.arange(ny) + {y_start})
    inside = {inside}
    return {answer}
'''
_CIRCLE = "(x - centroid_x)**2 + (y - centroid_y)**2 <= radius**2"


def _mistake(id: str, title: str, idea: str, contrast: str, *, x_start: str = "x_start", y_start: str = "y_start",
             inside: str = _CIRCLE, answer: str = "np.sum(image_cutout * inside)", fails: tuple[str, ...] = ("*",)) -> None:
    """Declare a misconception that differs from a mask of whole pixels in the parts given."""
    code = _MASK.format(x_start=x_start, y_start=y_start, inside=inside, answer=answer)
    exercise.misconception_source(id, title, code, idea=idea, contrast=contrast, fails=fails)


_mistake("no-offset", "The circle is placed without the cut-out's start",
         "The centre comes in whole-image coordinates, while the grid counts from the cut-out's corner: the two must be in the same coordinates.",
         "Centre x = 141.6 in a cut-out that starts at 130 is 11.6 pixels in.", x_start="0", y_start="0")
_mistake("offset-twice", "The cut-out's start is counted twice",
         "The grid runs in whole-image coordinates once the start is added to it; taking the start from the centre as well "
         "counts it twice and moves the circle the other way.",
         "Either column + 130 is compared with 141.6, or column with 11.6.",
         x_start="2 * x_start", y_start="2 * y_start")
_mistake("starts-exchanged", "x_start and y_start are exchanged",
         "The first belongs to the columns, the second to the rows.", "x = x_start + column, y = y_start + row.",
         x_start="y_start", y_start="x_start")
_mistake("centre-exchanged", "x and y of the centre are exchanged",
         "numpy indexes [y, x]: the first index counts rows, which is y. The circle lies at the mirrored place.",
         "A star at x = 12.3, y = 10.6 has its brightest pixel at image[11, 12].",
         inside="(x - x_start - centroid_y + y_start)**2 + (y - y_start - centroid_x + x_start)**2 <= radius**2")
_mistake("diameter", "The radius is taken for the diameter",
         "The circle is half as wide as asked and misses the outer light.", "radius 6: pixels up to 6 from the centre, 12 across.",
         inside="np.hypot(x - centroid_x, y - centroid_y) <= radius / 2")
_mistake("twice-the-radius", "The circle is twice as wide as asked",
         "The radius was doubled; the circle collects the neighbours and the sky.", "radius 6: pixels up to 6 from the centre.",
         inside="np.hypot(x - centroid_x, y - centroid_y) <= 2 * radius")
_mistake("radius-not-squared", "A squared distance is compared with the radius itself",
         "Squares belong with squares. Compared with the plain radius, the circle's true radius is the square root of it.",
         "dx**2 + dy**2 <= 6 is a circle of radius 2.4.",
         inside="(x - centroid_x)**2 + (y - centroid_y)**2 <= radius")
_mistake("square", "The aperture is a square",
         "Limits on x and y one by one cut out a square, whose corners reach 1.4 radii from the centre.",
         "A pixel 5 right and 5 above the centre is 7.1 away: outside a circle of radius 6.",
         inside="(np.abs(x - centroid_x) <= radius) & (np.abs(y - centroid_y) <= radius)")
_mistake("mean", "The mean of the pixels is returned instead of their sum",
         "A flux is the sum over the aperture; the mean is a surface brightness.", "113 pixels of mean 70 are a flux of 7900.",
         answer="np.mean(image_cutout[inside])")
_mistake("outside", "The flux outside the circle is returned",
         "The mask is True where the circle is; somewhere it was turned round.", "distance <= radius is inside.",
         answer="np.sum(image_cutout[~inside])")
_mistake("whole-cutout", "The whole cut-out is summed",
         "Without the circle the sum takes in the neighbours and all of the sky.", "744 pixels of the cut-out, 121 of the circle.",
         answer="np.sum(image_cutout)")
_mistake("middle", "The circle is in the middle of the cut-out, not on the star",
         "Sources are rarely in the middle of their cut-out; the centre is given.", "A cut-out 31 wide has its middle at 15; the star is at 12.3.",
         inside="(x - x_start - (nx - 1) / 2)**2 + (y - y_start - (ny - 1) / 2)**2 <= radius**2")
_mistake("times-area", "The sum is multiplied by the aperture's area",
         "The sum over the aperture is the flux already; the area belongs to a mean, or to a background per pixel.",
         "A mean of 70 over 113 pixels is a flux of 7900; a sum of 7900 is, too.",
         answer="np.sum(image_cutout * inside) * np.pi * radius**2")
_mistake("weighted-by-distance", "The pixels are multiplied by their distance from the centre",
         "The distance decides whether a pixel counts; it is not a weight.", "Every pixel inside counts once.",
         answer="np.sum(image_cutout * np.hypot(x - centroid_x, y - centroid_y) * inside)")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "how the circle's edge is shared out is free within the tolerance") for text in (
        "radius), subpixels",
        "subpixel')",
        "subpixels=6)",
        "subpixels=4)",
    )),
]
