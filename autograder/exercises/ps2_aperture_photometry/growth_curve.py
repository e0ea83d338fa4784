"""Flux inside circular apertures of growing radius."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import ArrayClose
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import star

exercise = Exercise(
    "Growth curve",
    # The contract: to 0.1 %, and 15 x 15 sub-pixels or more, which are off by 0.2 % at a radius of 2 and by 0.6 % at 1.
    compare=ArrayClose(rtol=2e-3, atol=1e-3, scale=True, name="growth curve"),
    picture="curve",
    shown=("radii in another order", "no radii"),
)


@exercise.reference
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture

    fluxes = [CircularAperture(position, r).do_photometry(image)[0][0] for r in radii]
    return np.array(fluxes, dtype=float)


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("the star behind adaptive optics", DataRef("sphere_psf"), (83, 53), np.arange(1.0, 46.0, 4.0),
               tests="the star of the lecture, twelve radii")
    yield Case("between the pixels", DataRef("sphere_psf"), (83.4, 52.7), [2.0, 3.5, 7.25],
               tests="a position with decimals and a list of radii")
    yield Case("the real star", DataRef("sphere_psf", origin="archive"), (11, 12), np.arange(1.0, 11.5, 0.5),
               dataset="sphere_psf", tests="the real SPHERE image")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    x, y = rng.integers(54, 57) + float(rng.uniform(0.35, 0.45)), rng.integers(24, 27) + float(rng.uniform(0.35, 0.45))
    image = star(rng, (61, 88), x, y, sky=40.0)
    yield Case("fresh star", image, (x, y), np.array([1.5, 3.0, 4.6, 7.0, 10.5, 15.0]),
               tests="a star on a sky in a wide image, at a position with decimals", points=2)
    x, y = int(rng.integers(20, 26)), int(rng.integers(40, 46))
    image = star(rng, (75, 52), x + 0.3, y - 0.2) * rng.uniform(0.6, 1.7)
    yield Case("radii in another order", image, (x, y), [6.0, 2.0, 11.0, 3.0],
               tests="radii that do not grow: fluxes in the order of the radii")
    # A brighter star elsewhere: the circles stand where they are asked for, not on the brightest pixel.
    image = star(rng, (40, 58), 51.4, 21.4, sky=15.0) + 2 * star(rng, (40, 58), 12.0, 10.0)
    yield Case("over the edge", image, (51.4, 21.4), np.array([2.5, 8.0, 12.0]),
               tests="apertures that reach over the image's edge, and a brighter star elsewhere", points=0.5)
    yield Case("fresh star, one radius", image, (51.2, 21.4), np.array([2.0]),
               tests="an array of a single radius", points=0.5)
    yield Case("no radii", image, (51.2, 21.4), np.array([]), tests="an empty array of radii", points=0.5)
    image = np.round(star(rng, (47, 66), 30.3, 20.6) / 100 + rng.normal(0, 12.0, (47, 66)), 2)
    yield Case("fresh star in noise", image, (30.3, 20.6), np.array([3.0, 6.0, 14.0]),
               tests="a faint star on a sky that was subtracted: many pixels below zero, which count")


# Cases with circles, with more than one circle, and with a place that is no pixel's centre.
CIRCLES = ("the star*", "between*", "fresh*", "radii*", "over*")
SEVERAL = ("the star*", "between*", "fresh star", "fresh star in*", "radii*", "over*")
OFF_GRID = ("between*", "fresh*", "over*")
exercise.mistake(
    "swapped", "The position is given as (row, column)", edit={"Aperture(position": "Aperture(position[::-1]"},
    fails=CIRCLES,
    idea="photutils takes positions as (x, y). The same two numbers as (row, column) mean another place in the image, "
         "unless they are equal.",
    contrast="image[53, 83] is the pixel at the position (83, 53).")
exercise.mistake(
    "diameter", "The radii are used as diameters", edit={", r)": ", r / 2)"}, fails=CIRCLES,
    idea="A circle given by its diameter is half as wide as one given by its radius, and holds a quarter of the "
         "pixels.",
    contrast="A radius of 4 pixels covers 50 pixels; a diameter of 4 pixels covers 13.")
exercise.mistake(
    "doubled", "The circles have twice the radius asked", edit={", r)": ", 2 * r)"}, fails=CIRCLES,
    idea="The radius is doubled on the way to the aperture, so that each circle covers four times the area.",
    contrast="CircularAperture takes r, the radius, not a diameter.")


@exercise.mistake(
    "whole-pixels", "Pixels count whole or not at all", fails=CIRCLES, spellings=("""
        def growth_curve(image, position, radii):
            y, x = np.indices(image.shape)
            return np.array([image[(x - position[0]) ** 2 + (y - position[1]) ** 2 < r**2].sum() for r in radii])
    """,),
    idea="A pixel that the circle cuts is counted as a whole when its centre lies inside, and not at all when it lies "
         "outside. At small radii much of the circle is border; the contract asks for the exact share of each pixel.",
    contrast="A radius of 2 has an area of 12.57 pixels; whole pixels give 13.")
def growth_curve(image, position, radii):
    y, x = np.indices(image.shape)
    distance = np.hypot(x - position[0], y - position[1])
    return np.array([image[distance <= r].sum() for r in radii])


exercise.mistake(
    "rings", "The flux of each ring is returned instead of that of each disc",
    edit={"return np.array(fluxes, dtype=float)": "return np.diff(fluxes, prepend=0.0)"}, fails=SEVERAL,
    idea="A growth curve grows: each value holds everything inside its radius, not only what was added since the last "
         "one.",
    contrast="Rings 10, 6, 2 make the growth curve 10, 16, 18.")
exercise.mistake(
    "summed-twice", "Fluxes of discs are added up again",
    edit={"return np.array(fluxes, dtype=float)": "return np.cumsum(fluxes)"}, fails=SEVERAL,
    idea="A disc already holds all smaller ones. Adding up discs counts the inner light once for every radius.",
    contrast="Discs of 10, 16, 18 are the growth curve; their running sum 10, 26, 44 is not.")
exercise.mistake(
    "normalised", "Fractions are returned instead of fluxes",
    edit={"return np.array(fluxes, dtype=float)": "return np.array([f / fluxes[-1] for f in fluxes])"}, fails=CIRCLES,
    idea="Dividing by the last value turns fluxes into shares of it: a step that comes later, and for which the fluxes "
         "are needed.",
    contrast="Fluxes 50, 80, 100 become 0.5, 0.8, 1.")
exercise.mistake(
    "mean", "The mean inside each circle is returned instead of the sum", edit={"[0][0]": "[0][0] / (np.pi * r**2)"},
    fails=CIRCLES, spellings=("""
        def growth_curve(image, position, radii):
            y, x = np.indices(np.shape(image))
            distance = np.hypot(x - position[0], y - position[1])
            return np.array([np.mean(np.asarray(image)[distance < r]) for r in radii])
    """,),
    idea="The mean is a surface brightness: it falls with the radius. Flux is the sum over the aperture.",
    contrast="A disc of 50 pixels with a mean of 3 holds a flux of 150.")
exercise.mistake(
    "rounded", "The position is rounded to whole pixels", edit={"Aperture(position": "Aperture(np.rint(position)"},
    fails=OFF_GRID,
    idea="A star does not care about the pixel grid. A circle half a pixel off loses light on one side that it does "
         "not gain on the other.",
    contrast="(83.4, 52.7) is not (83, 53): at a radius of 2 that costs several per cent.")
exercise.mistake(
    "half-a-pixel", "Pixel centres are taken to lie at half pixels",
    edit={"Aperture(position": "Aperture(np.add(position, 0.5)"}, fails=CIRCLES,
    spellings=({"Aperture(position": "Aperture(np.subtract(position, 0.5)"},),
    idea="In numpy and photutils the centre of the first pixel is 0, not 0.5. Adding half a pixel moves every circle "
         "up and to the right.",
    contrast="image[0, 0] covers x from -0.5 to 0.5.")
exercise.mistake(
    "sorted", "The fluxes are in the order of growing radii, not in that of the input",
    edit={"in radii": "in sorted(radii)"}, fails=("radii*",),
    idea="Sorting the radii and answering in that order pairs fluxes with the wrong radii as soon as the input was not "
         "sorted.",
    contrast="For radii 6, 2 the answer starts with the flux inside 6.")


@exercise.mistake(
    "square", "The light in a square is summed, not in a circle", fails=CIRCLES, spellings=("""
        def growth_curve(image, position, radii):
            from photutils.aperture import RectangularAperture

            return np.array([RectangularAperture(position, 2 * r, 2 * r).do_photometry(image)[0][0] for r in radii])
    """, """
        def growth_curve(image, position, radii):
            rows, columns = np.indices(image.shape)
            far = np.maximum(abs(columns - position[0]), abs(rows - position[1]))
            return np.array([image[far <= r].sum() for r in radii])
    """),
    idea="A slice of the array is a square. It has corners that a circle of the same width has not: 27 % more area.",
    contrast="A square of side 2 r has the area 4 r^2, a circle pi r^2.")
def growth_curve(image, position, radii):
    x, y = np.rint(position).astype(int)
    sides = np.rint(radii).astype(int)
    return np.array([image[max(0, y - r):y + r + 1, max(0, x - r):x + r + 1].sum() for r in sides], dtype=float)


exercise.mistake(
    "at-the-peak", "The circles stand on the brightest pixel, not at the position that is given",
    edit={"    fluxes =": "    position = np.unravel_index(np.nanargmax(image), image.shape)[::-1]\n    fluxes ="},
    fails=OFF_GRID,
    idea="Where the circles stand is the caller's choice: `position` says it, with its fraction of a pixel. The "
         "brightest pixel may belong to another star, and lies on the pixel grid.",
    contrast="Asked at (83.4, 52.7), measured at the brightest pixel (83, 53).")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "a list, and an array of the same numbers, are right")
      for text in ("return fluxes", "return np.array(fluxes)")),
    ("radii = np.asarray(radii)", "whole numbers are radii too"),
]
