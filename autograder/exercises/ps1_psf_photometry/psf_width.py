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
    "psf_width",
    params=("table",),
    title="PSF width from the sizes",
    # The contract: within 5 % of the truth, which covers the choice of bins and of the peak's definition.
    compare=Number(rtol=0.05, unit="pixel", name="width"),
    picture="scalar",
    extra_credit=5,
)


@exercise.reference
def psf_width(table):
    size = np.sort(np.hypot(table["moment_x"], table["moment_y"]))
    # The half-sample mode: keep the narrower half again and again, until few sources are left.
    while len(size) > 8:
        half = (len(size) + 1) // 2
        spread = size[half - 1:] - size[:len(size) - half + 1]
        first = int(np.argmin(spread))
        size = size[first:first + half]
    return float(np.median(size))


@exercise.namespace
def given() -> dict[str, Any]:
    """Return what the notebook imports."""
    return {"pd": pd}


def _case(name: str, rng: np.random.Generator, sigma: float, stars: int, galaxies: int, spurious: int, tests: str,
          points: float = 1.0, **more: np.ndarray) -> Case:
    columns = table_of_sizes(rng, sigma, stars, galaxies, spurious)
    return Case(name, (pd.DataFrame({**columns, **more}),), expected=sigma, tests=tests, points=points)


@exercise.provided
def provided() -> Iterator[Case]:
    rng = np.random.default_rng(20241108)
    yield _case("a field of stars and galaxies", rng, 2.0, 60, 76, 4, "stars, galaxies and a few spurious sources")
    yield _case("a sharper image", rng, 1.55, 80, 105, 5, "an image with another PSF")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    yield _case("a sharp image", rng, rng.uniform(1.5, 1.8), 90, 115, 5, "a narrow PSF", points=1.5)
    count = 70 + 90 + 5
    yield _case("a wide PSF", rng, rng.uniform(2.6, 3.0), 70, 90, 5, "a wide PSF, and a table with a further column",
                points=1.5, id=np.arange(count))


@exercise.variant("the fullest bin of a fine histogram")
def psf_width(table):
    size = np.sqrt(table["moment_x"] ** 2 + table["moment_y"] ** 2)
    counts, edges = np.histogram(size, bins=np.arange(0, 10, 0.1))
    best = np.argmax(counts)
    return 0.5 * (edges[best] + edges[best + 1])


@exercise.variant("the median of the sources in and beside the fullest bin")
def psf_width(table):
    size = np.hypot(table.moment_x, table.moment_y).to_numpy()
    counts, edges = np.histogram(size[size < 6], bins=60)
    k = int(counts.argmax())
    near = (size >= edges[k] - 0.05) & (size <= edges[k + 1] + 0.05)
    return np.median(size[near])


@exercise.variant("a kernel density estimate")
def psf_width(table: pd.DataFrame) -> float:
    from scipy.stats import gaussian_kde

    size = np.hypot(table["moment_x"].values, table["moment_y"].values)
    grid = np.linspace(0.5, 6, 2000)
    density = gaussian_kde(size, bw_method=0.06)(grid)
    return grid[density.argmax()]


@exercise.variant("loops: the window with the most sources")
def psf_width(table):
    sizes = []
    for i in range(len(table)):
        row = table.iloc[i]
        sizes.append((row["moment_x"] ** 2 + row["moment_y"] ** 2) ** 0.5)
    best_count, best = 0, 0.0
    for centre in sizes:
        inside = [s for s in sizes if abs(s - centre) < 0.04 * centre]
        if len(inside) > best_count:
            best_count, best = len(inside), sum(inside) / len(inside)
    print(best_count, "of", len(sizes), "sources in the peak")
    return best


@exercise.variant("shrinking clip about the mode of the bright ones")
def psf_width(table):
    bright = table[table["gaussian_flux"] > table["gaussian_flux"].median()]
    size = np.sqrt(bright["moment_x"] ** 2 + bright["moment_y"] ** 2)
    centre = size.quantile(0.25)
    for width in (0.3, 0.15, 0.08):
        centre = size[(size / centre - 1).abs() < width].median()
    return np.float32(centre)


@exercise.variant("the steepest part of the cumulative distribution")
def psf_width(table):
    size = np.sort(np.hypot(np.asarray(table["moment_x"]), np.asarray(table["moment_y"])))
    n = max(5, len(size) // 6)
    start = np.argmin(size[n:] - size[:-n])
    return np.array([size[start + n // 2]])


exercise.variant_source("a histogram drawn with matplotlib, refined by a parabola", """
import matplotlib.pyplot as plt

def parabola(left, middle, right):
    return 0.5 * (left - right) / (left - 2 * middle + right)

# %%
def psf_width(table):
    size = np.hypot(table["moment_x"], table["moment_y"])
    counts, edges, _ = plt.hist(size, bins=np.arange(0.0, 8.0, 0.12))
    plt.xlabel("size (pixel)")
    k = int(np.argmax(counts))
    shift = parabola(*counts[k - 1:k + 2])
    return edges[k] + (0.5 + shift) * (edges[1] - edges[0])
""")

exercise.variant_source("pandas only, a lambda", """
psf_width = lambda table: (
    ((table["moment_x"]**2 + table["moment_y"]**2)**0.5)
    .pipe(lambda s: s[s.round(1) == s.round(1).mode().iloc[0]])
    .mean()
)
""")

exercise.variant_source("a callable object with a smoothed histogram, warning on the way", """
from scipy.ndimage import gaussian_filter1d
import warnings

class Mode:
    step = 0.02

    def __call__(self, table):
        size = np.hypot(table["moment_x"].to_list(), table["moment_y"].to_list())
        if (size > 10).any():
            warnings.warn("some sources are larger than 10 pixels")
        counts, edges = np.histogram(size, bins=np.arange(0, 10, self.step))
        smooth = gaussian_filter1d(counts.astype(float), 2.5)
        return float(edges[smooth.argmax()] + self.step / 2)

psf_width = Mode()
""")

_SIZES = '''
def psf_width(table):
    size = np.asarray({size}, dtype=float)
    order = np.sort(size)
    n = max(5, len(size) // 6)
    start = int(np.argmin(order[n:] - order[:-n]))
    mode = order[start + n // 2]
    return {answer}
'''


def _mistake(id: str, title: str, idea: str, contrast: str, *, size: str = "np.hypot(table['moment_x'], table['moment_y'])",
             answer: str = "mode") -> None:
    """Declare a misconception that differs from the steepest part of the distribution in the parts given."""
    exercise.misconception_source(id, title, _SIZES.format(size=size, answer=answer), idea=idea, contrast=contrast)


_mistake("one-axis", "One moment alone is taken for the width",
         "Weighted with the squared flux, the moment along one axis is sigma over root two. The two together, added in quadrature, are sigma.",
         "sigma = 2: moment_x = moment_y = 1.41, and sqrt(1.41^2 + 1.41^2) = 2.", size="table['moment_x']")
_mistake("sum", "The two moments are added as they are",
         "Widths add in quadrature, not plainly: the plain sum is root two times too large.",
         "sqrt(1.41^2 + 1.41^2) = 2, but 1.41 + 1.41 = 2.83.", size="table['moment_x'] + table['moment_y']")
_mistake("no-root", "The square root is missing",
         "The sum of the squares is sigma squared, a variance; the width is its square root.",
         "1.41^2 + 1.41^2 = 4 for sigma = 2.", size="table['moment_x']**2 + table['moment_y']**2")
_mistake("fwhm", "The full width at half maximum is returned",
         "The sigma is asked. The full width at half maximum is 2.355 times larger.", "sigma 2: FWHM 4.7.",
         answer="2.3548 * mode")
_mistake("over-fwhm", "The width is divided by 2.355",
         "The sizes in the table are sigmas already: nothing has to be converted from a full width at half maximum.",
         "A size of 2.0 in the table is a sigma of 2.0.", answer="mode / 2.3548")
_mistake("median", "The median of all sources is taken",
         "More than half of the sources here are no stars, and galaxies are all larger than the PSF: the median lies among them. "
         "The stars are the peak of the distribution.",
         "Sizes 2, 2, 2, 3, 4, 5, 7: the median is 3, the peak is at 2.", answer="np.median(size)")
_mistake("mean", "The mean of all sources is taken",
         "Galaxies and faint sources, all larger than the PSF, pull the mean up. The stars are the peak of the distribution.",
         "Sizes 2, 2, 2, 3, 4, 5, 7: the mean is 3.6, the peak is at 2.", answer="np.mean(size)")
_mistake("smallest", "The smallest source is taken for a star",
         "What is smaller than the PSF is no star but a defect, such as the rest of a cosmic ray.",
         "The stars are the many sources of one size, not the smallest.", answer="size.min()")
_mistake("largest", "The largest source is taken for a star",
         "The largest source is a galaxy or a blend.", "The stars are the many sources of one size, not the largest.",
         answer="size.max()")
_mistake("peak-height", "The height of the histogram's peak is returned, not its place",
         "The histogram's largest value says how many sources are in that bin; the width is where the bin lies.",
         "counts.max() is a number of sources; the bin that holds it runs from 1.9 to 2.1 pixels.",
         answer="float(np.histogram(size, bins=np.arange(0, 12, 0.1))[0].max())")
_mistake("bin-number", "The number of the bin is returned, not its place",
         "np.argmax gives the index of the fullest bin; the size is found in the bin's edges at that index.",
         "Bin 19 of bins 0.1 wide runs from 1.9 to 2.0 pixels.",
         answer="int(np.histogram(size, bins=np.arange(0, 12, 0.1))[0].argmax())")
_mistake("hwhm", "The half width at half maximum is returned",
         "The sigma is asked. Half the full width at half maximum is 1.18 times larger.",
         "sigma 2: half width at half maximum 2.35.", answer="np.sqrt(2 * np.log(2)) * mode")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "any estimate of the peak of the sizes within 5 per cent is right") for text in (
        "while len(size) >= 8:",
        "while len(size) > 9:",
        "while len(size) > 7:",
        "return float(np.mean(size))",
        "half = (len(size) - 1) // 2",
        "half = len(size) // 2",
        "half = (len(size) + 1) // 3",
        "half = (len(size) + 2) // 2",
        "half = (len(size) + 0) // 2",
        "size = size[first:half]",
    )),
]
