"""Flux inside a circle; whole pixels, sub-pixels and exact overlap are all right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from photutils.aperture import CircularAperture, aperture_photometry

from photcheck.comparators import Number
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Aperture flux",
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
    return Case(name, image, x + x_start, y + y_start, radius, x_start, y_start, tests=tests, points=points,
                compare=Number(atol=spread, unit="nJy", name="flux"))


@exercise.provided
def provided() -> Iterator[Case]:
    # The second star stands in the corner of the square around the circle.
    star = _blob((24, 31), 12.3, 10.6, 1.9, 8000.0) + _blob((24, 31), 18.6, 16.7, 1.3, 5000.0)
    yield _case("a star with a neighbour", star, 12.3, 10.6, 6.2, 2, 4,
                "a star whose neighbour lies outside the circle")
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
    shape = (int(rng.integers(26, 29)), int(rng.integers(31, 34)))
    x, y = rng.uniform(11.0, 12.0), rng.uniform(13.0, 14.5)
    # In a circle that is mostly sky half of the pixels are negative, and count.
    faint = _blob(shape, x, y, 2.0, 2400.0) + _blob(shape, x + 8.4, y + 8.4, 1.0, 1500.0) + rng.normal(0, 10.0, shape)
    yield _case("faint", faint, x, y, 9.0, int(rng.integers(300, 900)), int(rng.integers(40, 200)),
                "a faint star in a circle that is mostly sky")


# Mistakes are made where the circle is written out: in the variant that counts whole pixels.
WHOLE = "whole pixels, with a mask"
exercise.mistake(
    "no-offset", "The circle is placed without the cut-out's start", edit={" + x_start": "", " + y_start": ""},
    of=WHOLE,
    idea="The centre comes in whole-image coordinates, while the grid counts from the cut-out's corner: the two must "
         "be in the same coordinates.",
    contrast="Centre x = 141.6 in a cut-out that starts at 130 is 11.6 pixels in.")
exercise.mistake(
    "offset-twice", "The cut-out's start is counted twice",
    edit={"+ x_start": "+ 2 * x_start", "+ y_start": "+ 2 * y_start"}, of=WHOLE,
    idea="The grid runs in whole-image coordinates once the start is added to it; taking the start from the centre as "
         "well counts it twice and moves the circle the other way.",
    contrast="Either column + 130 is compared with 141.6, or column with 11.6.")
exercise.mistake(
    "starts-exchanged", "x_start and y_start are exchanged", edit={"+ x_start": "+ y_start", "+ y_start": "+ x_start"},
    of=WHOLE, idea="The first belongs to the columns, the second to the rows.",
    contrast="x = x_start + column, y = y_start + row.")
exercise.mistake(
    "centre-exchanged", "x and y of the centre are exchanged",
    edit={"x - centroid_x": "x - x_start - (centroid_y - y_start)",
          "y - centroid_y": "y - y_start - (centroid_x - x_start)"},
    of=WHOLE, spellings=({"x - centroid_x": "x - centroid_y", "y - centroid_y": "y - centroid_x"},),
    idea="numpy indexes [y, x]: the first index counts rows, which is y. The circle lies at the mirrored place.",
    contrast="A star at x = 12.3, y = 10.6 has its brightest pixel at image[11, 12].")
exercise.mistake(
    "diameter", "The radius is taken for the diameter", edit={"<= radius**2": "<= (radius / 2) ** 2"}, of=WHOLE,
    idea="The circle is half as wide as asked and misses the outer light.",
    contrast="radius 6: pixels up to 6 from the centre, 12 across.")
exercise.mistake(
    "twice-the-radius", "The circle is twice as wide as asked", edit={"<= radius**2": "<= (2 * radius) ** 2"}, of=WHOLE,
    idea="The radius was doubled; the circle collects the neighbours and the sky.",
    contrast="radius 6: pixels up to 6 from the centre.")
exercise.mistake(
    "radius-not-squared", "A squared distance is compared with the radius itself", edit={"<= radius**2": "<= radius"},
    of=WHOLE,
    idea="Squares belong with squares. Compared with the plain radius, the circle's true radius is the square root of "
         "it.",
    contrast="dx**2 + dy**2 <= 6 is a circle of radius 2.4.")
exercise.mistake(
    "square", "The aperture is a square",
    edit={"(x - centroid_x) ** 2 + (y - centroid_y) ** 2 <= radius**2":
           "(np.abs(x - centroid_x) <= radius) & (np.abs(y - centroid_y) <= radius)"},
    of=WHOLE, spellings=("""
        def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
            x, y, r = (int(np.rint(v)) for v in (centroid_x - x_start, centroid_y - y_start, radius))
            return image_cutout[max(0, y - r):y + r + 1, max(0, x - r):x + r + 1].sum()
    """, """
        def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
            from photutils.aperture import RectangularAperture
            box = RectangularAperture((centroid_x - x_start, centroid_y - y_start), w=2 * radius, h=2 * radius)
            return float(box.do_photometry(image_cutout)[0][0])
    """),
    idea="Limits on x and y one by one cut out a square, whose corners reach 1.4 radii from the centre.",
    contrast="A pixel 5 right and 5 above the centre is 7.1 away: outside a circle of radius 6.")
exercise.mistake(
    "mean", "The mean of the pixels is returned instead of their sum", edit={".sum()": ".mean()"}, of=WHOLE,
    idea="A flux is the sum over the aperture; the mean is a surface brightness.",
    contrast="113 pixels of mean 70 are a flux of 7900.")
exercise.mistake(
    "outside", "The flux outside the circle is returned", edit={"[inside]": "[~inside]"}, of=WHOLE,
    idea="The mask is True where the circle is; somewhere it was turned round.",
    contrast="distance <= radius is inside.")
exercise.mistake(
    "whole-cutout", "The whole cut-out is summed", edit={"[inside]": ""}, of=WHOLE, keeps=0.05,
    idea="Without the circle the sum takes in the neighbours and all of the sky.",
    contrast="744 pixels of the cut-out, 121 of the circle.")
exercise.mistake(
    "middle", "The circle is in the middle of the cut-out, not on the star",
    edit={"x - centroid_x": "x - x.mean()", "y - centroid_y": "y - y.mean()"}, of=WHOLE,
    spellings=({"x - centroid_x": "x - x_start - nx // 2", "y - centroid_y": "y - y_start - ny // 2"},
               {"x - centroid_x": "x - x_start - nx / 2", "y - centroid_y": "y - y_start - ny / 2"}),
    idea="Sources are rarely in the middle of their cut-out; the centre is given.",
    contrast="A cut-out 31 wide has its middle at 15; the star is at 12.3.")
exercise.mistake(
    "times-area", "The sum is multiplied by the aperture's area", edit={".sum()": ".sum() * np.pi * radius**2"},
    of=WHOLE,
    idea="The sum over the aperture is the flux already; the area belongs to a mean, or to a background per pixel.",
    contrast="A mean of 70 over 113 pixels is a flux of 7900; a sum of 7900 is, too.")
exercise.mistake(
    "weighted-by-distance", "The pixels are multiplied by their distance from the centre",
    edit={"image_cutout[inside]": "(image_cutout * np.hypot(x - centroid_x, y - centroid_y))[inside]"}, of=WHOLE,
    idea="The distance decides whether a pixel counts; it is not a weight.", contrast="Every pixel inside counts once.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "how the circle's edge is shared out is free within the tolerance")
      for text in ("radius), subpixels", "subpixel')", "subpixels=6)", "subpixels=4)")),
]
