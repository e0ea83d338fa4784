"""The width of the PSF from the peak of the distribution of sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from photcheck.comparators import Number
from photgrader.exercise import Case, Exercise

from ._scenes import table_of_sizes

exercise = Exercise(
    "PSF width from the sizes",
    # The contract: within 5 % of the truth, which covers the choice of bins and of the peak's definition.
    compare=Number(rtol=0.05, unit="pixel", name="width"),
    picture="scalar",
    extra_credit=5,
    cheap=(0.55, "a number within 5 % of one width, or of two that are neighbours, is right there by luck"),
)


@exercise.reference
def psf_width(table):
    size = np.hypot(table["moment_x"], table["moment_y"])
    # The half-sample mode: keep the narrower half again and again, until few sources are left.
    peak = np.sort(size)
    while len(peak) > 8:
        half = (len(peak) + 1) // 2
        spread = peak[half - 1:] - peak[:len(peak) - half + 1]
        first = int(np.argmin(spread))
        peak = peak[first:first + half]
    return float(np.median(peak))


@exercise.namespace
def given() -> dict[str, Any]:
    """Return what the notebook imports."""
    return {"pd": pd}


def _case(name: str, rng: np.random.Generator, sigma: float, stars: int, galaxies: int, spurious: int, tests: str,
          points: float = 1.0, **more: np.ndarray) -> Case:
    columns = table_of_sizes(rng, sigma, stars, galaxies, spurious)
    return Case(name, pd.DataFrame({**columns, **more}), expected=sigma, tests=tests, points=points)


@exercise.provided
def provided() -> Iterator[Case]:
    rng = np.random.default_rng(20241108)
    yield _case("a field of stars and galaxies", rng, 2.0, 60, 76, 4, "stars, galaxies and a few spurious sources")
    yield _case("a sharper image", rng, 1.55, 80, 105, 5, "an image with another PSF")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # One width in each quarter of a factor of two, in any order: no number is right for more than two of them by luck.
    sigmas = 1.5 * 2.07 ** ((rng.permutation(4) + rng.uniform(size=4)) / 4)
    for k, (sigma, name) in enumerate(zip(sigmas, ("an image", "another image", "a third image"), strict=False)):
        yield _case(name, rng, sigma, 90 - 5 * k, 115 - 8 * k, 5, "stars of a width of their own among galaxies")
    count = 70 + 90 + 5
    yield _case("a further column", rng, sigmas[3], 70, 90, 5, "a width of its own, and a table with a further column",
                id=np.arange(count))


# Half of these mistakes are made with another estimate of the peak than the reference's, as students have it.
STEEP = "the steepest part of the cumulative distribution"
exercise.mistake(
    "one-axis", "One moment alone is taken for the width",
    edit={'np.hypot(np.asarray(table["moment_x"]), np.asarray(table["moment_y"]))': 'table["moment_x"]'}, of=STEEP,
    idea="Weighted with the squared flux, the moment along one axis is sigma over root two. The two together, added in "
         "quadrature, are sigma.",
    contrast="sigma = 2: moment_x = moment_y = 1.41, and sqrt(1.41^2 + 1.41^2) = 2.")
exercise.mistake(
    "sum", "The two moments are added as they are",
    edit={'np.hypot(np.asarray(table["moment_x"]), np.asarray(table["moment_y"]))':
           'table["moment_x"] + table["moment_y"]'},
    of=STEEP, idea="Widths add in quadrature, not plainly: the plain sum is root two times too large.",
    contrast="sqrt(1.41^2 + 1.41^2) = 2, but 1.41 + 1.41 = 2.83.")
exercise.mistake(
    "no-root", "The square root is missing",
    edit={'np.hypot(np.asarray(table["moment_x"]), np.asarray(table["moment_y"]))':
           'table["moment_x"] ** 2 + table["moment_y"] ** 2'},
    of=STEEP, idea="The sum of the squares is sigma squared, a variance; the width is its square root.",
    contrast="1.41^2 + 1.41^2 = 4 for sigma = 2.")
exercise.mistake(
    "fwhm", "The full width at half maximum is returned", edit={"return": "return 2.3548 *"}, of=STEEP,
    idea="The sigma is asked. The full width at half maximum is 2.355 times larger.", contrast="sigma 2: FWHM 4.7.")
exercise.mistake(
    "over-fwhm", "The width is divided by 2.355",
    edit={"np.array([size[start + n // 2]])": "np.array([size[start + n // 2]]) / 2.3548"}, of=STEEP,
    idea="The sizes in the table are sigmas already: nothing has to be converted from a full width at half maximum.",
    contrast="A size of 2.0 in the table is a sigma of 2.0.")
exercise.mistake(
    "median", "The median of all sources is taken", edit={"np.median(peak)": "np.median(size)"},
    idea="More than half of the sources here are no stars, and galaxies are all larger than the PSF: the median lies "
         "among them. The stars are the peak of the distribution.",
    contrast="Sizes 2, 2, 2, 3, 4, 5, 7: the median is 3, the peak is at 2.")
exercise.mistake(
    "mean", "The mean of all sources is taken", edit={"np.median(peak)": "np.mean(size)"},
    idea="Galaxies and faint sources, all larger than the PSF, pull the mean up. The stars are the peak of the "
         "distribution.",
    contrast="Sizes 2, 2, 2, 3, 4, 5, 7: the mean is 3.6, the peak is at 2.")
exercise.mistake(
    "smallest", "The smallest source is taken for a star", edit={"np.median(peak)": "np.min(size)"},
    idea="What is smaller than the PSF is no star but a defect, such as the rest of a cosmic ray.",
    contrast="The stars are the many sources of one size, not the smallest.")
exercise.mistake(
    "largest", "The largest source is taken for a star", edit={"np.median(peak)": "np.max(size)"},
    idea="The largest source is a galaxy or a blend.",
    contrast="The stars are the many sources of one size, not the largest.")
exercise.mistake(
    "peak-height", "The height of the histogram's peak is returned, not its place",
    edit={"np.median(peak)": "np.histogram(size, bins=np.arange(0, 12, 0.1))[0].max()"},
    idea="The histogram's largest value says how many sources are in that bin; the width is where the bin lies.",
    contrast="counts.max() is a number of sources; the bin that holds it runs from 1.9 to 2.1 pixels.")
exercise.mistake(
    "bin-number", "The number of the bin is returned, not its place",
    edit={"np.median(peak)": "np.histogram(size, bins=np.arange(0, 12, 0.1))[0].argmax()"},
    idea="np.argmax gives the index of the fullest bin; the size is found in the bin's edges at that index.",
    contrast="Bin 19 of bins 0.1 wide runs from 1.9 to 2.0 pixels.")
exercise.mistake(
    "hwhm", "The half width at half maximum is returned", edit={"return": "return np.sqrt(2 * np.log(2)) *"}, of=STEEP,
    idea="The sigma is asked. Half the full width at half maximum is 1.18 times larger.",
    contrast="sigma 2: half width at half maximum 2.35.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "any estimate of the peak of the sizes within 5 per cent is right") for text in (
        "while len(peak) >= 8:",
        "while len(peak) > 9:",
        "while len(peak) > 7:",
        "return float(np.mean(peak))",
        "half = (len(peak) - 1) // 2",
        "half = len(peak) // 2",
        "half = (len(peak) + 1) // 3",
        "half = (len(peak) + 2) // 2",
        "half = (len(peak) + 0) // 2",
    )),
]
