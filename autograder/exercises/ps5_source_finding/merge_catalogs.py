"""Merge two catalogues: every row of the first, and the rows of the second that are new."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcourse.comparators import RowsClose
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Merging two catalogues",
    # Positions are copied, not calculated: only single precision (1e-5 pixel at 200 pixels) may differ.
    compare=RowsClose(("x_centroid", "y_centroid"), atols=(1e-3, 1e-3), units=("pixel", "pixel"), noun="star"),
    picture="catalogue",
    shown=("diagonal neighbours", "close pairs", "two for one", "an empty second list"),
)


@exercise.reference
def merge_catalogs(first, second, radius):
    from astropy.table import vstack

    dx = np.asarray(second["x_centroid"])[:, None] - np.asarray(first["x_centroid"])
    dy = np.asarray(second["y_centroid"])[:, None] - np.asarray(first["y_centroid"])
    known = (np.hypot(dx, dy) <= radius).any(axis=1)
    return vstack([first, second[~known]], metadata_conflicts="silent")


def _table(x, y, **further):
    from astropy.table import QTable

    x, y = np.asarray(x, float), np.asarray(y, float)
    return QTable({"id": np.arange(1, len(x) + 1), "x_centroid": x, "y_centroid": y, **further})


@exercise.provided
def provided() -> Iterator[Case]:
    # First: two stars and a close pair. Second: the first star again, a new pair, a star seen by both, a new star.
    first = _table([20.0, 64.2, 66.0, 130.5], [31.0, 50.0, 51.1, 12.25], sharpness=[0.5, 0.6, 0.6, 0.4])
    second = _table([90.0, 20.4, 91.5, 12.75, 131.3], [80.0, 30.7, 81.2, 140.0, 13.1],
                    roundness=[0.1, 0.0, 0.1, -0.2, 0.0])
    yield Case("two short lists", first, second, 3.0, points=2,
               tests="stars in both lists, stars in one, a close pair in each")
    yield Case("an empty first list", first[:0], second, 3.0, points=0.5, tests="a first list without rows")


def _spread(rng: np.random.Generator, count: int, low: float = 12.0) -> np.ndarray:
    """Positions on a loose grid of 12 columns, at least `low` pixels apart, in random order."""
    k = np.arange(count)
    cells = np.column_stack([k % 12, k // 12]) * 17.0 + 9.0
    return rng.permutation(cells + rng.uniform(-1, 1, (count, 2)) * (17.0 - low) / 2)


def _around(rng: np.random.Generator, positions: np.ndarray, distance: float | np.ndarray,
            towards: float | None = None) -> np.ndarray:
    """Neighbours at a distance, in any direction or near one of the four that are `towards` (degrees)."""
    angle = rng.uniform(0, 2 * np.pi, len(positions))
    if towards is not None:
        angle = np.deg2rad(towards + 90 * rng.integers(0, 4, len(positions)) + rng.uniform(-6, 6, len(positions)))
    return positions + np.multiply(distance, np.array([np.cos(angle), np.sin(angle)])).T


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # Some are seen again within the radius, some just outside it, some are new.
    radius = float(rng.uniform(2.6, 3.4))
    places = _spread(rng, 90, low=13.5)
    first = places[:55]
    again = _around(rng, first[:25], rng.uniform(0.75, 0.95, 25) * radius)
    aside = _around(rng, first[25:30], rng.uniform(1.1, 1.3, 5) * radius, towards=0)
    diagonal = _around(rng, first[30:35], rng.uniform(1.1, 1.3, 5) * radius, towards=45)
    second = rng.permutation(np.vstack([again, aside, diagonal, places[55:]]))
    yield Case("long lists", _table(*first.T), _table(*second.T), radius, points=2,
               tests="long lists, with distances a little smaller and a little larger than the radius")
    # Within the square, outside the circle.
    radius = float(rng.uniform(1.8, 2.4))
    first = _spread(rng, 30)
    signs = rng.choice([-1, 1], (30, 2))
    second = first + signs * radius * np.where(np.arange(30)[:, None] % 2, 0.85, 0.55)
    yield Case("diagonal neighbours", _table(*first.T), _table(*second.T), radius,
               tests="neighbours in diagonal directions")
    # Close pairs inside each list, and chains: the nearer one is known, the farther one is near to the nearer one only.
    radius = float(rng.uniform(2.8, 3.2))
    places = _spread(rng, 40, low=13.0)
    pairs = np.vstack([places[:10], _around(rng, places[:10], 0.5 * radius)])
    first = rng.permutation(np.vstack([pairs, places[20:]]))
    new = np.vstack([places[10:20], _around(rng, places[10:20], 0.6 * radius)])
    step = np.array([0.8 * radius, 0.0])
    second = rng.permutation(np.vstack([new, places[20:30] + step, places[20:30] + 2 * step]))
    yield Case("close pairs", _table(*first.T), _table(*second.T), radius, points=2,
               tests="stars that are close to each other within one list")
    radius = 4.0
    first = _spread(rng, 24, low=15.0)
    second = rng.permutation(np.vstack([_around(rng, first[:14], 0.3 * radius), _around(rng, first[:14], 0.7 * radius),
                                        _around(rng, first[14:], 1.2 * radius, towards=0)]))
    yield Case("two for one", _table(*first.T), _table(*second.T), radius,
               tests="several rows of the second list at one star of the first")
    first, second = _table(*_spread(rng, 6).T), _table([], [])
    yield Case("an empty second list", first, second, 2.5, points=0.25, tests="a second list without rows")
    yield Case("two empty lists", second, second.copy(), 2.5, points=0.25, tests="two lists without rows")


#: The cases with stars that both lists hold.
KNOWN = ("two short*", "long*", "diag*", "close*", "two for*")

exercise.mistake(
    "duplicates", "Stars in both lists are there twice", edit={"second[~known]": "second"}, fails=KNOWN,
    idea="The tables are put one under the other and nothing is taken out. A star that both lists hold then counts as "
         "two.",
    contrast="4 stars and 5 stars of which 2 are the same make 7 stars, not 9.")


@exercise.mistake(
    "pairs-collapsed", "Close pairs inside one list are thrown together",
    fails=("two short*", "an empty first*", "close*"),
    idea="After stacking, *every* row that has another within the radius is dropped, also where both come from the "
         "same list. A finder that lists two stars next to each other has seen two stars.",
    contrast="(64.2, 50.0) and (66.0, 51.1) both stand in the first list: both stay, whatever the radius.")
def merge_catalogs(first, second, radius):
    from astropy.table import vstack

    stacked = vstack([first, second])
    x, y = np.asarray(stacked["x_centroid"]), np.asarray(stacked["y_centroid"])
    kept = []
    for i in range(len(stacked)):
        if all(np.hypot(x[i] - x[j], y[i] - y[j]) > radius for j in kept):
            kept.append(i)
    return stacked[kept]


exercise.mistake(
    "against-the-growing-list", "Rows of the second list are compared with each other",
    edit={"np.hypot(x0 - x, y0 - y)": 'np.hypot(merged["x_centroid"] - x, merged["y_centroid"] - y)'},
    of="rows added to a copy", fails=("two short*", "an empty first*", "close*"),
    idea="Each row of the second list is compared with the list as it has grown so far, so that of two new stars "
         "close to each other only one gets in. Only the *first* list says what is known.",
    contrast="Two new stars 2 pixels apart, a radius of 3, and no star of the first list near: both are added.")
exercise.mistake(
    "common-only", "The rows that both lists have are added, the new ones are not", edit={"~known": "known"},
    fails=("two short*", "an empty first*", "long*", "diag*", "close*", "two for*"),
    idea="The test is the wrong way round: what is known already is added once more, and what is new is left out.",
    contrast="A row is added where *no* row of the first list lies within the radius.")
exercise.mistake(
    "any-for-all", "A row is new as soon as one star of the first list is far away",
    edit={"second[~known]": "second[(np.hypot(dx, dy) > radius).any(axis=1)]"}, fails=(*KNOWN, "an empty first*"),
    # Added in a loop over the first list, once for each star that is far away.
    spellings=({"second[~known]": "second[np.repeat(np.arange(len(second)), (np.hypot(dx, dy) > radius).sum(axis=1))]"},),
    idea="Nearly every star is far from some star of the first list. A row is new where it is far from *all* of them, and a loop "
         "knows that only when it has come to its end.",
    contrast="(20.4, 30.7) is far from three stars of the first list and near to one: it is known.")
exercise.mistake(
    "sorted", "The rows come in another order", edit={'vstack([first, second[~known]], metadata_conflicts="silent")':
        'vstack([first, second[~known]], metadata_conflicts="silent")[\n'
        '        np.argsort(np.append(first["x_centroid"], second["x_centroid"][~known]))]'},
    spellings=({'vstack([first, second[~known]], metadata_conflicts="silent")':
                'vstack([first, second[~known]], metadata_conflicts="silent")[\n'
                '        np.argsort(np.append(first["y_centroid"], second["y_centroid"][~known]))]'},),
    fails=(*KNOWN, "an empty*"),
    idea="The stars are the right ones, sorted. The contract keeps the order in which they came: the first table as it is, then "
         "the new rows.",
    contrast="x = 64.2, 20.0 in the first table stays 64.2, 20.0.")
exercise.mistake(
    "square", "A square instead of a circle", edit={"np.hypot(dx, dy)": "np.maximum(abs(dx), abs(dy))"},
    fails=("long*", "diag*"),
    idea="x and y are compared with the radius one by one. That is a square, whose corners lie 1.41 radii away.",
    contrast="With a radius of 2, a neighbour at dx = dy = 1.7 is 2.4 pixels away, and not within the radius.")
exercise.mistake(
    "radius-not-squared", "Rows within the radius are taken for two stars", edit={"np.hypot(dx, dy)": "dx**2 + dy**2"},
    fails=("long*", "diag*", "close*", "two for*"),
    idea="dx² + dy² is the square of the distance; it belongs beside the square of the radius. Where the distance is a root "
         "already, it is the radius that became smaller, halved as if it were a diameter.",
    contrast="dx = 2, dy = 1: the distance is 2.24, its square 5. With a radius of 3 the two rows are one star.")
exercise.mistake(
    "one-axis", "Only x is compared", edit={"np.hypot(dx, dy)": "abs(dx)"},
    fails=("long*", "diag*", "close*", "two for*"),
    idea="Two stars in the same column of the image are not the same star. The distance takes both axes.",
    contrast="(40, 10) and (40, 90) have the same x and are 80 pixels apart.")
exercise.mistake(
    "second-first", "The second list comes first", edit={"dx =": "first, second = second, first\n    dx ="},
    fails=KNOWN,
    idea="The first list is the one that is kept whole, and it comes first; the second only fills in what is missing.",
    contrast="merge(DAOFIND's, IRAF's) keeps DAOFIND's positions for the stars that both found.")
exercise.mistake(
    "new-rows-first", "The new rows come before the first list",
    edit={"[first, second[~known]]": "[second[~known], first]"}, fails=KNOWN,
    spellings=({"[first, second[~known]]": "[second[~known][::-1], first]"},),
    idea="The right rows in another order: the contract asks for all rows of the first list, then the new ones.",
    contrast="vstack([a, b]) puts a above b.")
exercise.mistake(
    "old-names", "The columns of photutils 2 are asked for",
    edit={"x_centroid": "xcentroid", "y_centroid": "ycentroid"},
    idea="Since photutils 3 the position columns are called `x_centroid` and `y_centroid`. Code from older pages asks "
         "for `xcentroid`, which is not there.",
    contrast="table['xcentroid']    # KeyError with photutils 3\ntable['x_centroid']")


@exercise.mistake(
    "row-by-row", "Row 1 is compared with row 1, row 2 with row 2", fails=("two short*", "long*", "close*", "two for*"),
    idea="The two lists are in different orders and of different lengths, so that rows with the same number are "
         "different stars. Every row of the second is compared with every row of the first.",
    contrast="Star 1 of the second list may be star 17 of the first.")
def merge_catalogs(first, second, radius):
    from astropy.table import vstack

    known = np.zeros(len(second), bool)
    for i in range(min(len(first), len(second))):
        dx = second["x_centroid"][i] - first["x_centroid"][i]
        dy = second["y_centroid"][i] - first["y_centroid"][i]
        known[i] = np.hypot(dx, dy) <= radius
    return vstack([first, second[~known]])


@exercise.mistake(
    "one-match-each", "Only one row is taken out for each star of the first list", fails=("two for*",),
    idea="For each star of the first list only its nearest neighbour in the second list is dropped. Where the second "
         "list has that star twice, the other row stays.",
    contrast="Two rows of the second list within the radius of one star of the first: both are known, neither is "
             "added.")
def merge_catalogs(first, second, radius):
    from astropy.table import vstack

    known = np.zeros(len(second), bool)
    for row in first:
        if len(second):
            distance = np.hypot(second["x_centroid"] - row["x_centroid"], second["y_centroid"] - row["y_centroid"])
            known[np.argmin(distance)] |= distance.min() <= radius
    return vstack([first, second[~known]])


@exercise.mistake(
    "mean-position", "The two positions of a known star are averaged", fails=KNOWN,
    idea="The contract keeps the rows of the first list as they are. An average of two finders' positions is a third "
         "position, and which columns go with it is anybody's guess.",
    contrast="First (20.0, 31.0), second (20.4, 30.7): the merged table holds (20.0, 31.0).")
def merge_catalogs(first, second, radius):
    from astropy.table import vstack

    merged, new = first.copy(), np.ones(len(second), bool)
    for k, row in enumerate(second):
        near = np.hypot(first["x_centroid"] - row["x_centroid"], first["y_centroid"] - row["y_centroid"]) <= radius
        new[k] = not near.any()
        for name in ("x_centroid", "y_centroid"):
            merged[name][near] = (first[name][near] + row[name]) / 2
    return vstack([merged, second[new]])


exercise.mistake(
    "grows-the-first", "Rows are added to the caller's table",
    edit={
        'first["x_centroid", "y_centroid"].copy()': "first",
        "add_row((x, y))": 'add_row({"x_centroid": x, "y_centroid": y})'}, of="rows added to a copy",
    fails=("two short*", "an empty first*", "long*", "diag*", "close*", "two for*"), raises="input-modified",
    idea="`first.add_row` changes the table that was handed in. Whoever calls the function twice gets the new stars "
         "twice.",
    contrast="merged = first.copy()   # then add rows to the copy")
exercise.mistake(
    "new-only", "Only the new rows are returned",
    edit={'vstack([first, second[~known]], metadata_conflicts="silent")': "second[~known]"},
    fails=(*KNOWN, "an empty second*"),
    idea="The answer is the whole list: every row of the first table, and the new ones below it.",
    contrast="4 stars and 3 new ones make 7 rows, not 3.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "the sign of a difference does not matter where it is squared") for text in (
        "dx = np.asarray(first['x_centroid']) - np.asarray(second['x_centroid'])[:, None]",
        "dy = np.asarray(first['y_centroid']) - np.asarray(second['y_centroid'])[:, None]",
    )),
    ("return vstack([first, second[~known]])",
     "the default of join_type keeps all columns too, and further columns are free"),
    *((text, "columns are numbers already") for text in (
        "dx = np.asarray(second['x_centroid'])[:, None] - first['x_centroid']",
        "dy = np.asarray(second['y_centroid'])[:, None] - first['y_centroid']",
        "dx = second['x_centroid'][:, None] - np.asarray(first['x_centroid'])",
        "dy = second['y_centroid'][:, None] - np.asarray(first['y_centroid'])", "x0 = first['x_centroid']",
        "y0 = first['y_centroid']",
    )),
    *((text, "no pair is exactly one radius apart; the text leaves that free") for text in (
        "known = (np.hypot(dx, dy) < radius).any(axis=1)", "if not np.any(np.hypot(x0 - x, y0 - y) < radius):",
    )),
]
