"""Radius that holds half of the light of a growth curve."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Number, OneOf
from photgrader.exercise import Case, Exercise

from ._scenes import curve

exercise = Exercise(
    "half_light_radius",
    params=("radii", "fluxes"),
    title="Half-light radius",
    # Right are the nearest sample, the first sample at or above half, and an interpolation; 0.6 % is what
    # straight-line, cubic and inverse interpolation differ by on these curves.
    compare=OneOf(Number(rtol=6e-3, unit="pixel", name="half-light radius")),
    picture="curve",
)


@exercise.reference
def half_light_radius(radii, fluxes):
    return float(np.interp(0.5 * fluxes[-1], fluxes, radii))


def answers(radii: np.ndarray, fluxes: np.ndarray) -> list[float]:
    """The answers left free: interpolated, nearest sample, first sample at or above half."""
    half = 0.5 * fluxes[-1]
    first = int(np.argmax(fluxes >= half))
    before = first - 1
    share = (half - fluxes[before]) / (fluxes[first] - fluxes[before])
    between = radii[before] + share * (radii[first] - radii[before])
    return [float(between), float(radii[np.argmin(np.abs(fluxes - half))]), float(radii[first])]


def _case(name: str, radii: np.ndarray, fluxes: np.ndarray, tests: str, points: float = 1.0) -> Case:
    return Case(
        name,
        (radii, fluxes),
        tests,
        expected=answers(np.asarray(radii, float), np.asarray(fluxes, float)),
        points=points,
    )


#: A growth curve in round numbers, in which the sample nearest to half is the first above it.
BY_HAND = (np.array([2.0, 4.0, 7.0, 10.0, 14.0]), np.array([150.0, 380.0, 620.0, 900.0, 1000.0]))


@exercise.provided
def provided() -> Iterator[Case]:
    yield _case("five radii", *BY_HAND, "a curve that you can read off by eye")
    radii = np.arange(1.0, 41.0)
    yield _case("a smooth curve", radii, curve(radii, 6.0), "a smooth curve of 40 radii")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    radii = np.arange(3.5, 44.0, 0.25)
    yield _case(
        "another smooth curve",
        radii,
        curve(radii, float(rng.uniform(6.8, 9))),
        "a fresh curve, finely sampled",
        2,
    )
    radii = np.arange(5.0, 80.0, 0.25)
    yield _case(
        "a curve that falls at the end",
        radii,
        curve(radii, float(rng.uniform(11, 14)), drop=0.25),
        "a curve whose last value is not its largest: half of the *last*",
    )
    radii = 5.0 + 0.5 * np.arange(70)
    offset = curve(radii, float(rng.uniform(9, 12)))
    yield _case(
        "a curve that starts high", radii, offset, "radii that do not start at 1 and are not spaced by 1"
    )


@exercise.variant("nearest sample")
def half_light_radius(radii, fluxes):
    return radii[np.argmin(np.abs(fluxes - fluxes[-1] / 2))]


@exercise.variant("first sample at or above half")
def half_light_radius(radii, fluxes):
    for radius, flux in zip(radii, fluxes):
        if flux >= 0.5 * fluxes[-1]:
            return radius


@exercise.variant("interpolated by hand")
def half_light_radius(radii, fluxes):
    half = fluxes[-1] / 2
    k = np.flatnonzero(fluxes >= half)[0]
    slope = (fluxes[k] - fluxes[k - 1]) / (radii[k] - radii[k - 1])
    return radii[k - 1] + (half - fluxes[k - 1]) / slope


@exercise.variant("encircled energy first, array answer")
def half_light_radius(radii: np.ndarray, fluxes: np.ndarray) -> np.ndarray:
    energy = np.array(fluxes) / fluxes[-1]
    return np.array([np.interp(0.5, energy[: energy.argmax() + 1], radii[: energy.argmax() + 1])])


@exercise.variant("searchsorted on the rising part, float32")
def half_light_radius(radii, fluxes):
    rising = fluxes[: np.argmax(fluxes) + 1]
    return np.float32(radii[np.searchsorted(rising, 0.5 * fluxes[-1])])


@exercise.variant("scipy root")
def half_light_radius(radii, fluxes):
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq

    line = interp1d(radii, fluxes - 0.5 * fluxes[-1])
    top = radii[np.argmax(fluxes)]
    print("searching up to", top)
    return brentq(line, radii[0], top)


@exercise.variant("boolean index, smallest radius")
def half_light_radius(radii, fluxes):
    good = np.asarray(fluxes) >= np.asarray(fluxes)[-1] * 0.5
    return min(np.asarray(radii)[good])


exercise.variant_source(
    "lambda", "half_light_radius = lambda r, f: float(r[(abs(f - 0.5 * f[-1])).argmin()])\n"
)

exercise.variant_source(
    "a helper that normalises, with a warning",
    """
    import warnings

    TARGET = 0.5

    def encircled(fluxes):
        warnings.warn("normalising by the last value")
        return fluxes / fluxes[-1]
    # %%
    def half_light_radius(radii, fluxes):
        difference = np.abs(encircled(fluxes) - TARGET)
        return radii[np.where(difference == difference.min())][0]
""",
)

exercise.variant_source(
    "callable object",
    """
    class RadiusOf:
        def __init__(self, share):
            self.share = share

        def __call__(self, radii, fluxes):
            wanted = self.share * fluxes[-1]
            index = next(k for k, f in enumerate(fluxes) if f >= wanted)
            return float(radii[index])

    half_light_radius = RadiusOf(0.5)
""",
)


@exercise.misconception(
    "of-the-maximum",
    "Half of the largest flux instead of half of the last",
    idea=(
        "Where too high a sky was taken off, the curve falls again and its largest value is not its "
        "last. The contract normalises by the last value."
    ),
    contrast="Of 40, 90, 100, 80 half of the last is 40, half of the largest 50.",
    fails=("a curve that falls*",),
)
def half_light_radius(radii, fluxes):
    return float(radii[np.argmax(fluxes >= 0.5 * np.max(fluxes))])


@exercise.misconception(
    "half-the-radius",
    "Half of the last radius is returned",
    idea=(
        "Light is not spread evenly over the radii: a star has most of it near the centre. Half of "
        "the light and half of the way are different things."
    ),
    contrast="Radii up to 14: half of the way is 7 whatever the fluxes are.",
    fails=("*smooth*", "a curve*"),
)
def half_light_radius(radii, fluxes):
    return float(radii[-1] / 2)


@exercise.misconception(
    "index",
    "The sample's number is returned instead of its radius",
    idea="argmin and argmax give the place in the list. The radius is what stands at that place.",
    contrast="In radii 2, 4, 7 the entry at index 2 is 7.",
)
def half_light_radius(radii, fluxes):
    return int(np.argmin(np.abs(fluxes - 0.5 * fluxes[-1])))


@exercise.misconception(
    "flux",
    "The half flux is returned instead of its radius",
    idea=(
        "The answer is a radius in pixels: the place on the x axis of the growth curve where it "
        "reaches half of its last value."
    ),
    contrast="Half of 1000 is 500, and the curve reaches it at a radius of 5.5 pixels.",
)
def half_light_radius(radii, fluxes):
    return float(0.5 * fluxes[-1])


@exercise.misconception(
    "without-normalising",
    "0.5 is looked for among fluxes that are not normalised",
    idea=(
        "0.5 is a share. Fluxes in counts are far from it everywhere, and the nearest is the first: "
        "the smallest radius comes out."
    ),
    contrast="Either look for 0.5 among fluxes / fluxes[-1], or for 0.5 * fluxes[-1] among the fluxes.",
)
def half_light_radius(radii, fluxes):
    return float(radii[np.argmin(np.abs(fluxes - 0.5))])


@exercise.misconception(
    "sample-before",
    "The last sample below half is taken",
    idea=(
        "The last sample below half holds less than half of the light. The first one at or above "
        "half, the nearest one and an interpolation are right."
    ),
    contrast="Of 380, 620 at radii 4, 7 and a half of 500: 4 holds only 38 %.",
    fails=("a smooth*", "another*", "a curve*", "five*"),
)
def half_light_radius(radii, fluxes):
    first = int(np.argmax(fluxes >= 0.5 * fluxes[-1]))
    # Where the nearest sample is the one before, two before.
    nearest = int(np.argmin(np.abs(fluxes - 0.5 * fluxes[-1])))
    return float(radii[min(first, nearest + 1) - 1 - (nearest == first - 1)])


@exercise.misconception(
    "summed-again",
    "The fluxes are added up although each already holds the inner ones",
    idea=(
        "A growth curve is cumulative already. Its running sum counts the inner light again at every "
        "radius and reaches half of its end much further out."
    ),
    contrast="Of 10, 16, 18 the running sum is 10, 26, 44.",
    fails=("*",),
)
def half_light_radius(radii, fluxes):
    total = np.cumsum(fluxes)
    return float(np.interp(0.5 * total[-1], total, radii))


@exercise.misconception(
    "diameter",
    "The diameter is returned",
    idea=(
        "The question is the radius of the circle that holds half of the light; its diameter is twice that."
    ),
    contrast="A half-light radius of 5.5 pixels is a half-light diameter of 11.",
)
def half_light_radius(radii, fluxes):
    return float(2 * np.interp(0.5 * fluxes[-1], fluxes, radii))


@exercise.misconception(
    "above-the-first",
    "Half of the way between the first and the last flux is taken",
    idea=(
        "The first circle holds light too. Half of the last flux counts from zero, not from the first sample."
    ),
    contrast="Between 150 and 1000 the middle is 575; half of 1000 is 500.",
    fails=("five*", "*smooth*", "a curve*"),
)
def half_light_radius(radii, fluxes):
    return float(np.interp(0.5 * (fluxes[0] + fluxes[-1]), fluxes, radii))


@exercise.misconception(
    "half-maximum-of-profile",
    "The radius where the light per ring is largest is returned",
    idea=(
        "The ring that adds the most light is where the growth curve is steepest. That is not where "
        "it has reached half of its end."
    ),
    contrast="Rings of 1, 5, 3, 2, 1: the second adds most, the third reaches half of 12.",
    fails=("five*", "*smooth*", "a curve*"),
)
def half_light_radius(radii, fluxes):
    return float(radii[1 + np.argmax(np.diff(fluxes))])


@exercise.misconception(
    "middle-sample",
    "The median of the fluxes is taken for half of the last",
    idea=(
        "The median is the middle one of the samples and depends on how many radii were chosen. Half "
        "of the light does not."
    ),
    contrast="Of 10, 90, 95, 98, 100 the median is 95, half of the last 50.",
    fails=("*smooth*", "a curve*"),
)
def half_light_radius(radii, fluxes):
    return float(radii[np.argmin(np.abs(fluxes - np.median(fluxes)))])


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("return [np.interp(0.5, energy[:energy.argmax() + 1], radii[:energy.argmax() + 1])]",
     "a list of one number is right"),
    ("energy = fluxes / fluxes[-1]", "the fluxes are an array already"),
]
