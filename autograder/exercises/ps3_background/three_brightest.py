"""Supplementary: the three brightest of a list of sources, by their flux above the local background."""

# Variants call annulus_photometry, which the notebook has by then.
# ruff: noqa: F821

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import MeasuredTable
from photgrader.exercise import Case, Exercise

from ._scenes import star_scene

COLUMNS = ("x", "y", "aperture_sum", "total_bkg", "aperture_sum_bkgsub")

exercise = Exercise(
    "The three brightest sources",
    # Each case gives its own tolerance, see `_tolerant`.
    compare=MeasuredTable(COLUMNS),
    depends=("annulus_photometry",),
    picture="table",
    extra_credit=10,
    shown=("a hole", "a bright star on a bright sky", "two stars"),
    cheap=(0.2, "the sky under the stars is much the same in every field, and two columns hang on it"),
)


def _tolerant(r: float, r_in: float, r_out: float, scatter: float) -> MeasuredTable:
    """As in annulus_photometry: five times the difference of mean and median of the annulus, times the area."""
    total = float(5 * 1.5 * scatter / np.sqrt(np.pi * (r_out**2 - r_in**2)) * np.pi * r**2)
    sigma = total / (5 * 1.5) * 1.25
    return MeasuredTable(COLUMNS, rtols=(0.0, 0.0, 1.5e-3, 2e-5, 2e-5), atols=(1e-3, 1e-3, 0.05, total, total),
                         units=("pixel", "pixel", "counts", "counts", "counts"), sigmas=(0.0, 0.0, 0.0, sigma, sigma))


@exercise.reference
def three_brightest(image, positions, r, r_in, r_out):
    from .annulus_photometry import annulus_photometry

    table = annulus_photometry(image, positions, r, r_in, r_out)
    table["x"], table["y"] = np.transpose(positions)
    # A source on pixels without a value has no flux; NaN comes last in the order.
    order = np.argsort(-table["aperture_sum_bkgsub"])
    return table[order[:3]]


#: Fluxes of the six stars, in the order of their places: the left ones on a dark sky, the right ones on a bright sky.
DARK_FIRST, BRIGHT_SKY = (5200.0, 2400.0, 900.0, 7400.0, 11000.0, 500.0), (8200.0, 2400.0, 9600.0, 900.0, 1500.0, 500.0)


def _field(rng: np.random.Generator, hole: bool,
           of: tuple[float, ...] = DARK_FIRST) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Six stars on a sky that brightens to the right; the brightest may lie on a patch without data."""
    shape = (78, 102)
    sky = np.linspace(40.0, 200.0, shape[1])[None, :] * np.ones(shape)
    places = np.array([(18, 18), (50, 20), (84, 17), (17, 58), (52, 60), (83, 57)], dtype=float)
    places += rng.uniform(-2, 2, places.shape)
    fluxes = np.array(of) * rng.uniform(0.95, 1.05, 6)
    # The faintest first, so that no list is in order by chance.
    order = np.append(5, rng.permutation(5))
    image = star_scene(rng, shape, places[order], fluxes[order], sigma=1.7, sky=sky, noise=2.0)
    if hole:
        x, y = np.rint(places[4]).astype(int)
        image[y - 8 : y + 9, x - 8 : x + 9] = np.nan
    return image, [(float(x), float(y)) for x, y in places[order]]


# The sky rises by 160 / 102 counts a pixel: over a ring of radii 7 to 11 a scatter of 1.6 x 6.5 = 10 counts, alike on
# both sides.
_SETTINGS = (4.0, 7.0, 11.0)


@exercise.provided
def provided() -> Iterator[Case]:
    image, positions = _field(np.random.default_rng(5), hole=False)
    yield Case("six stars", image, positions, *_SETTINGS, compare=_tolerant(*_SETTINGS, 10.2),
               tests="six stars on a sky that brightens to the right")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    image, positions = _field(rng, hole=False)
    # A scatter of 1.6 x 7.5 = 12 counts over the wider ring.
    wider = (5.0, 8.0, 13.0)
    yield Case("a fresh field", image, positions, *wider, compare=_tolerant(*wider, 12.2), points=2,
               tests="another six stars, in another order, with another aperture and ring")
    image, positions = _field(rng, hole=True)
    yield Case("a hole", image, positions, *_SETTINGS, compare=_tolerant(*_SETTINGS, 10.2),
               tests="the brightest star lies in a patch of NaN pixels")
    crowd, places = _field(rng, hole=False, of=BRIGHT_SKY)
    # The brightest star has the worse signal to noise: 9600 of 18800 counts are its own, 8200 of 11600 the next one's.
    yield Case("a bright star on a bright sky", crowd, places, *_SETTINGS, compare=_tolerant(*_SETTINGS, 10.2),
               tests="the brightest star stands on a bright sky, the next one on a dark sky")
    faint = next(p for p in positions if p[0] > 70 and p[1] < 40)
    bright = next(p for p in positions if p[0] < 40 and p[1] < 40)
    yield Case("two stars", image, [faint, bright], *_SETTINGS,
               compare=_tolerant(*_SETTINGS, 10.2), points=0.5, tests="fewer than three positions")


exercise.mistake(
    "by-total", "The sources are ordered by the sum with the background in it",
    edit={'sort("aperture_sum_bkgsub"': 'sort("aperture_sum"'}, of="sort the table",
    idea="On a bright sky an empty aperture holds many counts. The brightest source is the one with most light of its "
         "own.",
    contrast="900 counts on a sky of 170 sum to 9400, 5200 counts on a sky of 68 to 8600.")
exercise.mistake(
    "faintest-first", "The faintest sources come first", edit={", reverse=True": ""}, of="sort the table",
    idea="Sorting goes upwards unless told otherwise: the brightest end up last.",
    contrast="sorted([5, 2, 9]) starts with 2.")
exercise.mistake(
    "last-three-upwards", "The right three, in rising order", edit={", reverse=True": "", "table[:3]": "table[-3:]"},
    of="sort the table",
    idea="The last three of a rising order are the brightest, but the brightest of them is the last row. It is asked "
         "first.",
    contrast="Asked: 9, 5, 2; given: 2, 5, 9.")
exercise.mistake(
    "not-sorted", "The first three of the list are taken", edit={'table.sort("aperture_sum_bkgsub", reverse=True)': ""},
    of="sort the table",
    idea="The positions come in any order; they have to be sorted by flux before three are taken.",
    contrast="Of 900, 5200, 9600, 7400 the three brightest are 9600, 7400, 5200.")
exercise.mistake(
    "nan-wins", "A source without data comes first",
    edit={
        'np.isfinite(table["aperture_sum_bkgsub"])': 'np.argsort(table["aperture_sum_bkgsub"])[::-1]',
        'table.sort("aperture_sum_bkgsub", reverse=True)': ""}, of="sort the table", fails=("a hole",),
    idea="numpy sorts NaN to the end, so in falling order NaN comes first. Take sources without data out beforehand.",
    contrast="np.sort([3, NaN, 9])[::-1] is [NaN, 9, 3].")
exercise.mistake(
    "swapped", "The columns x and y are exchanged", edit={"xy[:, 0]": "xy[:, 1]", "xy[:, 1]": "xy[:, 0]"},
    of="sort the table",
    idea="Positions are (x, y): the first number of each is x.", contrast="(83.2, 57.4): x = 83.2, y = 57.4.")
exercise.mistake(
    "positions-left", "The positions are not sorted with the fluxes",
    edit={
        'table["x"] = xy[:, 0]\n    table["y"] = xy[:, 1]\n    ': "",
        "return table[:3]": 'table["x"], table["y"] = xy[: len(table)].T\n    return table[:3]'}, of="sort the table",
    idea="A column added after sorting keeps the old order: each flux stands beside the place of another star.",
    contrast="Add x and y first, then sort the whole table.")
exercise.mistake(
    "by-background", "The sources are ordered by their background",
    edit={'sort("aperture_sum_bkgsub"': 'sort("total_bkg"'}, of="sort the table",
    idea="total_bkg says how bright the sky is, not the star.", contrast="The star is in aperture_sum_bkgsub.")
exercise.mistake(
    "one-only", "Only the brightest source is returned", edit={"[:3]": "[:1]"}, of="sort the table",
    idea="Three rows are asked for.", contrast="table[:3] holds rows 0, 1 and 2.")
exercise.mistake(
    "two-rows", "Two rows are returned", edit={"[:3]": "[:2]"}, of="sort the table",
    fails=("six*", "a bright*", "a fresh*", "a hole"),
    idea="A slice stops before its end: [:3] holds three rows, [:2] or [0:2] two.",
    contrast="list('abcd')[:3] is a, b, c.")
exercise.mistake(
    "by-signal-to-noise", "The sources are ordered by signal to noise",
    edit={'table.sort("aperture_sum_bkgsub", reverse=True)':
          'table = table[np.argsort(-table["aperture_sum_bkgsub"] / np.sqrt(np.abs(table["aperture_sum"])))]'},
    of="sort the table", fails=("a bright star*",),
    idea="How well a star is measured depends on the sky below it too. Brightest is asked: the most light of its own.",
    contrast="9600 counts on a bright sky are measured less well than 8200 on a dark one, and are more.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "where the ring lies is judged in annulus_photometry") for text in (
        "table = annulus_photometry(image, positions, r, r_in / 2, r_out)",
        "table = annulus_photometry(image, [tuple(p) for p in positions], r, r_in / 2, r_out)",
        "r_in is that of the first provided case, whatever is given",
        "r_in = (r_in if hasattr(r_in, 'unit') else np.asarray(r_in)) / 2",
        "r_out is that of the first provided case, whatever is given",
    )),
    *((text, "the order of columns is free") for text in (
        "table.add_column([p[0] for p in positions], name='x')",
        "table.add_column([p[1] for p in positions], name='y')",
        "table.add_column([p[0] for p in positions], name='x', index=1)",
        "table.add_column([p[0] for p in positions], name='x', index=-1)",
        "table.add_column([p[1] for p in positions], name='y', index=2)",
        "table.add_column([p[1] for p in positions], name='y', index=0)",
    )),
    ("return table[good[:3]]", "the bound left out is 0, which is where a slice begins"),
    ("image = image % 65536", "counts of a camera are neither negative nor above 65535"),
]
