"""Supplementary: the three brightest of a list of sources, by their flux above the local background."""

# Variants call annulus_photometry, which the notebook has by then.
# ruff: noqa: F821

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import MeasuredTable
from photgrader.exercise import Case, Exercise

from ._scenes import changed, star_scene

COLUMNS = ("x", "y", "aperture_sum", "total_bkg", "aperture_sum_bkgsub")

exercise = Exercise(
    "three_brightest",
    params=("image", "positions", "r", "r_in", "r_out"),
    title="The three brightest sources",
    # Each case gives its own tolerance, see `_tolerant`.
    compare=MeasuredTable(COLUMNS),
    depends=("annulus_photometry",),
    picture="table",
    extra_credit=10,
)


def _tolerant(r: float, r_in: float, r_out: float, scatter: float) -> MeasuredTable:
    """As in annulus_photometry: five times the difference of mean and median of the annulus, times the area."""
    total = float(5 * 1.5 * scatter / np.sqrt(np.pi * (r_out**2 - r_in**2)) * np.pi * r**2)
    sigma = total / (5 * 1.5) * 1.25
    return MeasuredTable(COLUMNS, rtols=(0.0, 0.0, 2e-5, 2e-5, 2e-5), atols=(1e-3, 1e-3, 0.05, total, total),
                         units=("pixel", "pixel", "counts", "counts", "counts"), sigmas=(0.0, 0.0, 0.0, sigma, sigma))


@exercise.reference
def three_brightest(image, positions, r, r_in, r_out):
    from .annulus_photometry import annulus_photometry

    table = annulus_photometry(image, positions, r, r_in, r_out)
    table["x"], table["y"] = np.transpose(positions)
    # A source on pixels without a value has no flux; NaN comes last in the order.
    order = np.argsort(-table["aperture_sum_bkgsub"])
    return table[order[:3]]


def _field(rng: np.random.Generator, hole: bool) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Six stars on a sky that is bright where the faint stars are; the brightest may lie on a patch without data."""
    shape = (78, 102)
    sky = np.linspace(40.0, 200.0, shape[1])[None, :] * np.ones(shape)
    places = np.array([(18, 18), (50, 20), (84, 17), (17, 58), (52, 60), (83, 57)], dtype=float)
    places += rng.uniform(-2, 2, places.shape)
    # By column: the left ones are bright on a dark sky, the right ones faint on a bright sky.
    fluxes = np.array([5200.0, 2400.0, 900.0, 7400.0, 9600.0, 500.0]) * rng.uniform(0.95, 1.05, 6)
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
    yield Case("six stars", (image, positions, *_SETTINGS), compare=_tolerant(*_SETTINGS, 10.2),
               tests="six stars on a sky that brightens to the right")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    image, positions = _field(rng, hole=False)
    # A scatter of 1.6 x 7.5 = 12 counts over the wider ring.
    wider = (5.0, 8.0, 13.0)
    yield Case("a fresh field", (image, positions, *wider), compare=_tolerant(*wider, 12.2), points=2,
               tests="another six stars, in another order, with another aperture and ring")
    image, positions = _field(rng, hole=True)
    yield Case("a hole", (image, positions, *_SETTINGS), compare=_tolerant(*_SETTINGS, 10.2),
               tests="the brightest star lies in a patch of NaN pixels")
    faint = next(p for p in positions if p[0] > 70 and p[1] < 40)
    bright = next(p for p in positions if p[0] < 40 and p[1] < 40)
    yield Case("two stars", (image, [faint, bright], *_SETTINGS),
               compare=_tolerant(*_SETTINGS, 10.2), points=0.5, tests="fewer than three positions")


_TEXT = '''
def three_brightest(image, positions, r, r_in, r_out):
    xy = np.array(positions, dtype=float)
    table = annulus_photometry(image, positions, r, r_in, r_out)
    table["x"] = xy[:, 0]
    table["y"] = xy[:, 1]
    table = table[np.isfinite(table["aperture_sum_bkgsub"])]
    table.sort("aperture_sum_bkgsub", reverse=True)
    return table[:3]
'''

exercise.variant_source("sort the table", _TEXT)


@exercise.variant("argsort, NaN as minus infinity")
def three_brightest(image, positions, r, r_in, r_out):
    from astropy.table import QTable

    table = annulus_photometry(image, positions, r, r_in, r_out)
    flux = np.nan_to_num(np.array(table["aperture_sum_bkgsub"]), nan=-np.inf)
    best = np.argsort(flux)[::-1][:3]
    out = QTable()
    out["x"] = [float(positions[i][0]) for i in best]
    out["y"] = [float(positions[i][1]) for i in best]
    for name in table.colnames:
        out[name] = table[name][best]
    print(out)
    return out


@exercise.variant("pandas")
def three_brightest(image, positions, r, r_in, r_out):
    import pandas as pd

    table = annulus_photometry(image, positions, r, r_in, r_out)
    frame = pd.DataFrame({name: np.array(table[name]) for name in table.colnames})
    frame[["x", "y"]] = np.array(positions)
    return frame.dropna(subset=["aperture_sum_bkgsub"]).nlargest(3, "aperture_sum_bkgsub")


@exercise.variant("own photometry, three times the maximum")
def three_brightest(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture

    rows = []
    for x, y in positions:
        if np.isnan(image[int(round(y)), int(round(x))]):
            continue
        ring = CircularAnnulus((x, y), r_in, r_out).to_mask(method="center").get_values(image)
        total = np.nanmedian(ring) * np.pi * r**2
        flux = CircularAperture((x, y), r).do_photometry(image)[0][0]
        rows.append((flux, total, flux - total, x, y))
    chosen = []
    while rows and len(chosen) < 3:
        best = max(range(len(rows)), key=lambda i: rows[i][2])
        chosen.append(rows.pop(best))
    return QTable(rows=chosen, names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub", "x", "y"))


@exercise.variant("sorted with a key")
def three_brightest(image, positions, r, r_in, r_out):
    import warnings

    warnings.warn("choosing by the subtracted flux", stacklevel=2)
    table = annulus_photometry(image, [tuple(p) for p in positions], r, r_in, r_out)
    table.add_column([p[0] for p in positions], name="x", index=0)
    table.add_column([p[1] for p in positions], name="y", index=1)
    good = [i for i in range(len(table)) if table["aperture_sum_bkgsub"][i] == table["aperture_sum_bkgsub"][i]]
    good = sorted(good, key=lambda i: float(table["aperture_sum_bkgsub"][i]), reverse=True)
    return table[good[0:3]]


exercise.variant_source("helpers in other cells", '''
    def on_data(image, positions):
        return [p for p in positions if np.isfinite(image[int(np.rint(p[1])), int(np.rint(p[0]))])]
    # %%
    def brightest_first(table, name):
        return table[np.argsort(-np.asarray(table[name]))]
    # %%
    def three_brightest(image, positions, r, r_in, r_out):
        usable = on_data(image, positions)
        table = annulus_photometry(image, usable, r, r_in, r_out)
        table["x"], table["y"] = np.transpose(usable)
        return brightest_first(table, "aperture_sum_bkgsub")[:3]
''')

exercise.variant_source("partial, keyword and a figure", '''
    import functools
    import matplotlib.pyplot as plt

    def brightest(count, image, positions, r, r_in, r_out):
        plt.figure()
        plt.imshow(image, origin="lower")
        xy = np.reshape(positions, (-1, 2))
        table = annulus_photometry(image=image, positions=xy, r=r, r_in=r_in, r_out=r_out)
        table["x"], table["y"] = xy[:, 0].astype("f4"), xy[:, 1].astype("f4")
        flux = np.asarray(table["aperture_sum_bkgsub"])
        order = np.argsort(flux)
        order = order[np.isfinite(flux[order])]
        return table[order[::-1][:count]]
    # %%
    three_brightest = functools.partial(brightest, 3)
''')

exercise.variant_source("callable object", '''
    from astropy.table import Table, vstack

    class Brightest:
        def __init__(self, count):
            self.count = count

        def __call__(self, image, positions, r, r_in, r_out):
            found = []
            for position in positions:
                row = annulus_photometry(image, position, r, r_in, r_out)
                row["x"], row["y"] = [position[0]], [position[1]]
                if np.isfinite(row["aperture_sum_bkgsub"][0]):
                    found.append(row)
            found.sort(key=lambda row: -row["aperture_sum_bkgsub"][0])
            return vstack(found[:self.count])
    # %%
    three_brightest = Brightest(3)
''')

exercise.misconception_source(
    "by-total", "The sources are ordered by the sum with the background in it",
    changed(_TEXT, ('table.sort("aperture_sum_bkgsub"', 'table.sort("aperture_sum"')),
    fails=("*",),
    idea="On a bright sky an empty aperture holds many counts. The brightest source is the one with most light of its own.",
    contrast="900 counts on a sky of 170 sum to 9400, 5200 counts on a sky of 68 to 8600.")
exercise.misconception_source(
    "faintest-first", "The faintest sources come first",
    changed(_TEXT, (", reverse=True", "")), fails=("*",),
    idea="Sorting goes upwards unless told otherwise: the brightest end up last.",
    contrast="sorted([5, 2, 9]) starts with 2.")
exercise.misconception_source(
    "last-three-upwards", "The right three, in rising order",
    changed(_TEXT, (", reverse=True", ""), ("table[:3]", "table[-3:]")), fails=("*",),
    idea="The last three of a rising order are the brightest, but the brightest of them is the last row. It is asked first.",
    contrast="Asked: 9, 5, 2; given: 2, 5, 9.")
exercise.misconception_source(
    "not-sorted", "The first three of the list are taken",
    changed(_TEXT, ('    table.sort("aperture_sum_bkgsub", reverse=True)\n', "")), fails=("*",),
    idea="The positions come in any order; they have to be sorted by flux before three are taken.",
    contrast="Of 900, 5200, 9600, 7400 the three brightest are 9600, 7400, 5200.")
exercise.misconception_source(
    "nan-wins", "A source without data comes first",
    changed(_TEXT, ('    table = table[np.isfinite(table["aperture_sum_bkgsub"])]\n', ""),
            ('    table.sort("aperture_sum_bkgsub", reverse=True)\n',
             '    table = table[np.argsort(np.asarray(table["aperture_sum_bkgsub"]))[::-1]]\n')),
    fails=("a hole",),
    idea="numpy sorts NaN to the end, so in falling order NaN comes first. Take sources without data out beforehand.",
    contrast="np.sort([3, NaN, 9])[::-1] is [NaN, 9, 3].")
exercise.misconception_source(
    "swapped", "The columns x and y are exchanged",
    changed(_TEXT, ("xy[:, 0]", "xy[:, 9]"), ("xy[:, 1]", "xy[:, 0]"), ("xy[:, 9]", "xy[:, 1]")), fails=("*",),
    idea="Positions are (x, y): the first number of each is x.", contrast="(83.2, 57.4): x = 83.2, y = 57.4.")
exercise.misconception_source(
    "positions-left", "The positions are not sorted with the fluxes",
    changed(_TEXT, ('    table["x"] = xy[:, 0]\n    table["y"] = xy[:, 1]\n', ""),
            ("    return table[:3]\n", '    table = table[:3]\n    table["x"] = xy[: len(table), 0]\n'
                                       '    table["y"] = xy[: len(table), 1]\n    return table\n')),
    fails=("*",),
    idea="A column added after sorting keeps the old order: each flux stands beside the place of another star.",
    contrast="Add x and y first, then sort the whole table.")
exercise.misconception_source(
    "by-background", "The sources are ordered by their background",
    changed(_TEXT, ('table.sort("aperture_sum_bkgsub"', 'table.sort("total_bkg"')),
    fails=("*",),
    idea="total_bkg says how bright the sky is, not the star.", contrast="The star is in aperture_sum_bkgsub.")
exercise.misconception_source(
    "one-only", "Only the brightest source is returned", changed(_TEXT, ("table[:3]", "table[:1]")), fails=("*",),
    idea="Three rows are asked for.", contrast="table[:3] holds rows 0, 1 and 2.")
exercise.misconception_source(
    "two-rows", "Two rows are returned", changed(_TEXT, ("table[:3]", "table[:2]")),
    fails=("six*", "a fresh*", "a hole"),
    idea="A slice stops before its end: [:3] holds three rows, [:2] or [0:2] two.", contrast="list('abcd')[:3] is a, b, c.")


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
