"""Radius that holds half of the light of a growth curve."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Number
from photgrader.exercise import Case, Exercise

from ._scenes import curve

exercise = Exercise(
    "Half-light radius",
    # Each case allows what lies between its two samples beside half, see `_case`.
    compare=Number(unit="pixel", name="half-light radius"),
    picture="curve",
    shown=("a curve that falls at the end",),
)


@exercise.reference
def half_light_radius(radii, fluxes):
    return float(np.interp(0.5 * fluxes[-1], fluxes, radii))


def _case(name: str, radii: np.ndarray, fluxes: np.ndarray, tests: str, points: float = 1.0) -> Case:
    """Right is any radius from the last sample below half to the first at or above it."""
    first = int(np.argmax(fluxes >= 0.5 * fluxes[-1]))
    middle, half_width = (radii[first] + radii[first - 1]) / 2, (radii[first] - radii[first - 1]) / 2
    return Case(name, radii, fluxes, tests=tests, points=points, expected=float(middle),
                compare=Number(atol=float(half_width) + 1e-6, unit="pixel", name="half-light radius"))


@exercise.provided
def provided() -> Iterator[Case]:
    # In round numbers: half of the last flux, 500, is reached from radius 5 to 8. Half of the largest, the middle sample,
    # half of the way and the number of a sample all lie outside.
    yield _case("six radii", np.array([3.0, 5.0, 8.0, 12.0, 16.0, 22.0]),
                np.array([140.0, 420.0, 560.0, 840.0, 1180.0, 1000.0]), "a curve that you can read off by eye")
    radii = np.arange(1.5, 41.5, 0.5)
    yield _case("a smooth curve", radii, curve(radii, 6.0), "a smooth curve of 80 radii")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    radii = np.arange(3.5, 44.0, 0.25)
    yield _case("another smooth curve", radii, curve(radii, float(rng.uniform(6.8, 9))),
                "a fresh curve, finely sampled")
    radii = np.arange(5.0, 80.0, 0.25)
    yield _case("a curve that falls at the end", radii, curve(radii, float(rng.uniform(11, 14)), drop=0.25),
                "a curve whose last value is not its largest: half of the *last*", 2)
    radii = 5.0 + 0.5 * np.arange(70)
    offset = curve(radii, float(rng.uniform(9, 12)), drop=0.2)
    yield _case("a curve that starts high", radii, offset, "radii that do not start at 1 and are not spaced by 1")


def samples(level: str, fluxes: str = "fluxes") -> tuple[str, ...]:
    """Return a mistake's level sought without interpolation: the first sample at or above it, and the nearest one."""
    return tuple(
        f"def half_light_radius(radii, fluxes):\n    return radii[np.{place}]\n"
        for place in (f"argmax({fluxes} >= {level})", f"argmin(np.abs({fluxes} - {level}))"))


exercise.mistake(
    "of-the-maximum", "Half of the largest flux instead of half of the last", edit={"fluxes[-1]": "np.max(fluxes)"},
    fails=("six*", "a curve that*"), spellings=samples("np.max(fluxes) / 2"),
    idea="Where too high a sky was taken off, the curve falls again and its largest value is not its last. The "
         "contract normalises by the last value.",
    contrast="Of 40, 90, 100, 80 half of the last is 40, half of the largest 50.")
exercise.mistake(
    "half-the-radius", "Half of the last radius is returned",
    edit={"np.interp(0.5 * fluxes[-1], fluxes, radii)": "radii[-1] / 2"}, keeps=0.05,
    idea="Light is not spread evenly over the radii: a star has most of it near the centre. Half of the light and half "
         "of the way are different things.",
    contrast="Radii up to 22: half of the way is 11 whatever the fluxes are.")
exercise.mistake(
    "index", "The sample's number is returned instead of its radius",
    edit={"float(np.interp(0.5 * fluxes[-1], fluxes, radii))": "int(np.argmin(np.abs(fluxes - 0.5 * fluxes[-1])))"},
    spellings=({"float(np.interp(0.5 * fluxes[-1], fluxes, radii))": "int(np.argmax(fluxes >= 0.5 * fluxes[-1]))"},),
    idea="argmin and argmax give the place in the list. The radius is what stands at that place.",
    contrast="In radii 3, 5, 8 the entry at index 2 is 8.")
exercise.mistake(
    "flux", "The half flux is returned instead of its radius",
    edit={"np.interp(0.5 * fluxes[-1], fluxes, radii)": "0.5 * fluxes[-1]"},
    idea="The answer is a radius in pixels: the place on the x axis of the growth curve where it reaches half of its "
         "last value.",
    contrast="Half of 1000 is 500, and the curve reaches it at a radius of 6.7 pixels.")
exercise.mistake(
    "without-normalising", "0.5 is looked for among fluxes that are not normalised", edit={"fluxes[-1] / 2": "0.5"},
    of="nearest sample",
    idea="0.5 is a share. Fluxes in counts are far from it everywhere, and the nearest is the first: the smallest "
         "radius comes out.",
    contrast="Either look for 0.5 among fluxes / fluxes[-1], or for 0.5 * fluxes[-1] among the fluxes.")
exercise.mistake(
    "summed-again", "The fluxes are added up although each already holds the inner ones",
    edit={"return": "fluxes = np.cumsum(fluxes)\n    return"},
    spellings=samples("np.sum(fluxes) / 2", "np.cumsum(fluxes)"),
    idea="A growth curve is cumulative already. Its running sum counts the inner light again at every radius and "
         "reaches half of its end much further out.",
    contrast="Of 10, 16, 18 the running sum is 10, 26, 44.")
exercise.mistake(
    "diameter", "The diameter is returned", edit={"np.interp": "2 * np.interp"},
    idea="The question is the radius of the circle that holds half of the light; its diameter is twice that.",
    contrast="A half-light radius of 5.5 pixels is a half-light diameter of 11.")
exercise.mistake(
    "above-the-first", "Half of the way between the first and the last flux is taken",
    edit={"0.5 * fluxes[-1]": "0.5 * (fluxes[0] + fluxes[-1])"},
    spellings=samples("(fluxes[0] + fluxes[-1]) / 2"),
    idea="The first circle holds light too. Half of the last flux counts from zero, not from the first sample.",
    contrast="Between 140 and 1000 the middle is 570; half of 1000 is 500.")
exercise.mistake(
    "half-maximum-of-profile", "The radius where the light per ring is largest is returned",
    edit={"np.interp(0.5 * fluxes[-1], fluxes, radii)": "radii[1 + np.argmax(np.diff(fluxes))]"},
    idea="The ring that adds the most light is where the growth curve is steepest. That is not where it has reached "
         "half of its end.",
    contrast="Rings of 1, 5, 3, 2, 1: the second adds most, the third reaches half of 12.")
exercise.mistake(
    "middle-sample", "The median of the fluxes is taken for half of the last",
    edit={"0.5 * fluxes[-1]": "np.median(fluxes)"},
    spellings=samples("np.median(fluxes)"),
    idea="The median is the middle one of the samples and depends on how many radii were chosen. Half of the light "
         "does not.",
    contrast="Of 10, 90, 95, 98, 100 the median is 95, half of the last 50.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("return [np.interp(0.5, energy[:energy.argmax() + 1], radii[:energy.argmax() + 1])]",
     "a list of one number is right"),
    ("energy = fluxes / fluxes[-1]", "the fluxes are an array already"),
]
