"""Find the stars of a background-subtracted image: a table of positions."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from photcheck import wire
from photcourse.comparators import StarCatalogue
from photgrader.exercise import Case, Exercise

from ._scenes import Field, add_peaks, log_uniform, star_field

exercise = Exercise(
    "Finding stars",
    # What finders call their threshold differs by a factor of 0.8 (DAOFIND's kernel at FWHM 6) to 2 (an image smoothed
    # with a kernel of sum 1), so stars between 0.15 and 2.5 times the threshold are neither asked nor wrong.
    # Whole-pixel positions are 0.40 pixel off in the median of many stars, of nine at most 0.53: 0.6 accepts them and
    # refuses an offset of one pixel in each axis.
    compare=StarCatalogue(radius=1.5, completeness=0.9, purity=0.9, position=0.6, parts=(0.4, 0.4, 0.2)),
    picture="catalogue",
    shown=("a high threshold", "pairs", "holes", "nothing there"),
    cheap=(0.12, "some of the places of one field are near stars of another by chance"),
)

#: Heights in thresholds: below the first a star must not be found, above the second it must be.
FREE = (0.15, 2.5)


@exercise.reference
def find_stars(image, fwhm, threshold):
    import warnings

    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.utils.exceptions import NoDetectionsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        table = DAOStarFinder(threshold=threshold, fwhm=fwhm).find_stars(image)
    if table is None:
        table = QTable({"x_centroid": [], "y_centroid": []})
    return table


def _case(name: str, field: Field, fwhm: float, threshold: float, tests: str, points: float = 1.0) -> Case:
    """A field whose stars are parted into those that must be found, those that may be, and those that must not be."""
    must = field.peak >= FREE[1] * threshold
    may = ~must & (field.peak >= FREE[0] * threshold)
    expected = {"x": field.x[must], "y": field.y[must], "may_x": field.x[may], "may_y": field.y[may]}
    return Case(name, field.image, float(fwhm), float(threshold), expected=expected, tests=tests, points=points)


def _region_truth(dataset: str, rows: tuple[int, int], columns: tuple[int, int], peak: np.ndarray, threshold: float,
                  fwhm: float) -> dict:
    """Truth of a region of an embedded field: lone stars inside must be found; crowds and saturated stars are free.

    Background maps and finders differ most around saturated stars and in crowds, and no contract says how.
    """
    from photcourse import data

    truth = data.load(dataset, prefer="embedded").truth
    saturated = np.asarray(truth["saturated"])
    x, y = np.asarray(truth["x"]) - columns[0], np.asarray(truth["y"]) - rows[0]
    width, height = columns[1] - columns[0], rows[1] - rows[0]
    seen = (peak >= 0.1 * threshold) & (x > -30) & (y > -30) & (x < width + 30) & (y < height + 30)
    x, y, peak, saturated = x[seen], y[seen], peak[seen], saturated[seen]
    core = (x > 3 * fwhm) & (y > 3 * fwhm) & (x < width - 3 * fwhm) & (y < height - 3 * fwhm)
    distance = np.hypot(x[:, None] - x, y[:, None] - y) + np.diag(np.full(len(x), np.inf))
    reach = np.where(saturated, 30.0, 2.5 * fwhm)
    rivals = (peak[None] > 0.15 * peak[:, None]) & (distance < 3 * fwhm) | saturated & (distance < 30)
    alone = ~rivals.any(axis=1)
    must = (peak >= FREE[1] * threshold) & core & alone & ~saturated
    free = {"free_x": x[~must], "free_y": y[~must], "free_r": reach[~must]}
    return {"x": x[must], "y": y[must], **free}


@functools.cache
def _cluster_truth(rows: tuple[int, int], columns: tuple[int, int], threshold: float) -> dict:
    from photcourse import data
    from photcourse.simulate import moffat_psf
    from photcourse.simulate.field_scenes import CLUSTER_BETA, CLUSTER_FWHM

    flux = np.asarray(data.load("m67", prefer="embedded").truth["flux"])
    peak = flux * moffat_psf((1, 1), 0, 0, CLUSTER_FWHM, CLUSTER_BETA)[0, 0]
    return _region_truth("m67", rows, columns, peak, threshold, CLUSTER_FWHM)


@functools.cache
def _nebula_cutout(threshold: float) -> tuple[np.ndarray, dict]:
    """A region of the nebula from which a median-filtered background was subtracted, and its truth."""
    from photcourse import data
    from photcourse.simulate.field_scenes import NEBULA_FWHM

    plate = data.load("horsehead", prefer="embedded")
    rows, columns = (2, 148), (2, 456)
    image = (plate.image - ndimage.median_filter(plate.image, size=19))[slice(*rows), slice(*columns)]
    truth = _region_truth("horsehead", rows, columns, np.asarray(plate.truth["peak"]), threshold, NEBULA_FWHM)
    return np.rint(image).astype(np.int16), truth


def _wide(rng: np.random.Generator, name: str, shape: tuple[int, int], fwhm: float, count: int, tests: str,
          points: float = 1.0) -> Case:
    """Stars so wide that a kernel of a few pixels sees a flat sky on each.

    The noise is small: finders that look at single pixels do not see two maxima on a star, or an island on its rim.
    """
    threshold = 1000.0
    field = star_field(rng, shape, fwhm, log_uniform(rng, 3 * threshold, 5 * threshold, count), 1.0,
                       separation=7.0, margin=3.2)
    # Not whole counts: of two equal pixels on a flat top both would be maxima.
    field = Field(field.image.astype(np.float32), field.x, field.y, field.peak)
    return _case(name, field, fwhm, threshold, tests, points)


@exercise.provided
def provided() -> Iterator[Case]:
    rows, columns = (150, 370), (20, 300)
    region = wire.DataRef("m67", region=(rows, columns), minus=420.0)
    yield Case("a corner of the cluster", region, 3.4, 150.0, expected=_cluster_truth(rows, columns, 150.0),
               tests="stars of all heights; crowded ones are not graded")
    image, truth = _nebula_cutout(600.0)
    yield Case("the nebula", image, 5.0, 600.0, expected=truth,
               tests="stars in front of a nebula that was subtracted, as whole numbers")
    yield _wide(np.random.default_rng(7), "poor seeing", (208, 236), 10.5, 5,
                "stars several times wider than in the other cases")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    fwhm, noise = rng.uniform(3.2, 4.0), rng.uniform(3, 5)
    threshold = 12 * noise
    field = star_field(rng, (173, 228), fwhm, log_uniform(rng, 2.6 * threshold, 40 * threshold, 26), noise)
    yield _case("a low threshold", field, fwhm, threshold, "stars not far above the threshold", 2)
    # Half of the stars are far below the threshold, and yet far above the noise.
    fwhm, noise = rng.uniform(3.0, 3.8), 4.0
    threshold = 250 * noise
    peaks = np.concatenate([log_uniform(rng, 3 * threshold, 20 * threshold, 13),
                            log_uniform(rng, 0.05 * threshold, 0.1 * threshold, 13)])
    field = star_field(rng, (201, 166), fwhm, peaks, noise)
    yield _case("a high threshold", field, fwhm, threshold, "a threshold that leaves faint stars out")
    fwhm, noise = 3.6, 2.0
    threshold = 15 * noise
    peaks = log_uniform(rng, 5 * threshold, 30 * threshold, 9)
    field = star_field(rng, (212, 167), fwhm, peaks, noise, separation=10.5, margin=6)
    angle = rng.uniform(0, 2 * np.pi, 9)
    x2, y2 = field.x + 3.3 * fwhm * np.cos(angle), field.y + 3.3 * fwhm * np.sin(angle)
    peak2 = field.peak * rng.uniform(0.6, 1.0, 9)
    add_peaks(field.image, x2, y2, peak2, fwhm)
    pairs = Field(field.image, np.append(field.x, x2), np.append(field.y, y2), np.append(field.peak, peak2))
    yield _case("pairs", pairs, fwhm, threshold, "pairs of stars a little more than three FWHM apart")
    fwhm, noise = 4.0, 3.0
    threshold = 20 * noise
    # Holes such as an over-subtracted star leaves; deeper ones have a rim in the filtered image that passes for stars.
    peaks = np.concatenate([log_uniform(rng, 6 * threshold, 60 * threshold, 9),
                            -log_uniform(rng, 3 * threshold, 5 * threshold, 9)])
    field = star_field(rng, (158, 224), fwhm, peaks, noise)
    yield _case("holes", field, fwhm, threshold, "an image with stars and with dark spots")
    shape = (int(rng.integers(252, 262)), int(rng.integers(286, 300)))
    yield _wide(rng, "wide stars", shape, float(rng.uniform(9.5, 10.5)), 8,
                "stars several times wider than in the other cases", 2)
    noise = rng.normal(0, 5.0, (37, 52))
    yield Case("nothing there", noise, 3.5, 90.0, expected={"x": np.array([]), "y": np.array([])}, points=0.5,
               compare=StarCatalogue(radius=1.5), tests="an image without a star")


ALL_STARS = ("a corner*", "the nebula", "poor*", "a low*", "a high*", "pairs", "holes", "wide*")
WITH_NOISE = {"from astropy.table": "from astropy.stats import sigma_clipped_stats\n    from astropy.table"}

exercise.mistake(
    "threshold-in-sigma", "The threshold is multiplied by the noise again",
    edit={**WITH_NOISE, "threshold=threshold": "threshold=threshold * sigma_clipped_stats(image)[2]"},
    fails=("a corner*", "the nebula", "a low*", "a high*"),
    # Of all pixels, stars among them, the scatter is larger still.
    spellings=({"threshold=threshold": "threshold=threshold * np.nanstd(image)"},),
    idea="`threshold` comes in the image's units, counts. It is multiplied by a standard deviation as if it were a "
         "number of sigmas, so that only the very brightest stars pass.",
    contrast="With a noise of 5 counts, 'five sigma' is a threshold of 25 counts; 25 sigma would be 125 counts.")
exercise.mistake(
    "own-threshold", "The threshold that is given is not used",
    edit={**WITH_NOISE, "threshold=threshold": "threshold=5 * sigma_clipped_stats(image)[2]"}, fails=("a high*",),
    spellings=({"threshold=threshold": "threshold=5 * np.nanstd(image)"},),
    idea="The function works out a threshold of its own from the image's noise. Whoever calls it decides how faint a "
         "star may be, and says so in `threshold`.",
    contrast="find_stars(image, 3.5, 1000.0) must not return a star that is 60 counts high.")
exercise.mistake(
    "swapped", "x and y are exchanged",
    edit={"return table": 'return QTable({"x_centroid": table["y_centroid"], "y_centroid": table["x_centroid"]})'},
    fails=ALL_STARS,
    idea="The first index of an array counts rows, which is y. The column index is what belongs into `x_centroid`.",
    contrast="The brightest pixel image[12, 140] lies at x = 140, y = 12.")
exercise.mistake(
    "counted-from-one", "Pixels are counted from one",
    edit={"return table":
          'return QTable({"x_centroid": table["x_centroid"] + 1, "y_centroid": table["y_centroid"] + 1})'},
    fails=ALL_STARS,
    idea="FITS and DS9 count pixels from 1, numpy and photutils from 0. Positions of the first kind are a pixel too "
         "large in x and in y.",
    contrast="The centre of the first pixel is (0, 0) here; DS9 shows it as (1, 1).")
exercise.mistake(
    "old-names", "The columns have their names of photutils 2",
    edit={"return table": 'return QTable({"xcentroid": table["x_centroid"], "ycentroid": table["y_centroid"]})'},
    idea="Since photutils 3 the position columns are called `x_centroid` and `y_centroid`, with an underscore; the "
         "table asked for has these names.",
    contrast="table['xcentroid']    # photutils 2\ntable['x_centroid']   # photutils 3")
exercise.mistake(
    "none-for-empty", "None instead of an empty table",
    edit={'table = QTable({"x_centroid": [], "y_centroid": []})': "return None"}, fails=("nothing there",),
    idea="Where nothing is found, photutils' finders return None. Whoever uses your function next wants to ask for "
         "its length and its columns, so an answer without stars is a table with no rows.",
    contrast="len(None)           # TypeError\nlen(empty_table)    # 0")


@exercise.mistake(
    "every-pixel", "Every pixel above the threshold is counted as a star", fails=ALL_STARS,
    idea="A star covers many pixels, and all of those near its middle are above the threshold. A star is a *maximum* "
         "above the threshold: one row each.",
    contrast="A star 30 pixels of which are above the threshold is one star, not 30.")
def find_stars(image, fwhm, threshold):
    from astropy.table import QTable

    y, x = np.nonzero(image > threshold)
    return QTable({"x_centroid": x.astype(float), "y_centroid": y.astype(float)})


exercise.mistake(
    "absolute-value", "Holes are counted as stars", edit={"find_stars(image)": "find_stars(np.abs(image))"},
    fails=("holes",),
    idea="The search runs on the absolute value of the image, or of its filtered version. A dark cloud or an "
         "over-subtracted star then looks like a source.",
    contrast="A spot of -300 counts is a hole: abs(-300) = 300 makes a star of it.")
exercise.mistake(
    "too-narrow", "The kernel is narrower than the stars", edit={"fwhm=fwhm": "fwhm=fwhm / 2.3548"},
    fails=("poor*", "wide*"),
    spellings=tuple({"fwhm=fwhm": f"fwhm={width}"} for width in ("fwhm / 2", 2.0, 2.5, 3.0, 3.5, 4.0)),
    idea="`fwhm` is the full width at half maximum of the stars, which is what photutils' finders ask for. Divided by 2.355, "
         "or replaced by a number that suits other images, it makes a kernel that sees little on wide stars.",
    contrast="find_stars(image, 10.0, threshold) looks for stars 10 pixels wide: not 4.2, and not 3.")
exercise.mistake(
    "fwhm-for-sigma", "The kernel is wider than the stars", edit={"fwhm=fwhm": "fwhm=2.3548 * fwhm"},
    fails=("a corner*", "the nebula", "pairs"),
    spellings=tuple({"fwhm=fwhm": f"fwhm={factor} * fwhm"} for factor in (1.4, 1.7, 2.0)),
    idea="`fwhm` is used where a sigma is meant, or multiplied by a number once more. The kernel is then wider than "
         "the stars, and neighbours melt into one.",
    contrast="A star with a FWHM of 4.7 pixels has a sigma of 2.0 pixels.")
exercise.mistake(
    "bright-thrown-away", "Bright stars are thrown away", edit={"fwhm=fwhm": "fwhm=fwhm, peak_max=8 * threshold"},
    fails=("a corner*", "the nebula", "a low*", "a high*", "pairs", "holes"),
    spellings=({"fwhm=fwhm": "fwhm=fwhm, peak_max=0.25 * np.nanmax(image)"},),
    idea="An upper limit on the peak removes stars that nobody asked to remove. Saturated stars are dealt with later, "
         "when they are measured; the list of stars holds them.",
    contrast="peak_max=20 * threshold drops every star higher than 20 thresholds.")


@exercise.mistake(
    "twice", "The same star is listed twice", fails=ALL_STARS,
    idea="The tables of two finders were put one under the other, so that a star that both find has two rows.",
    contrast="40 stars found by DAOFIND and 40 by IRAF's finder, put together, are 80 rows and still about 40 stars.")
def find_stars(image, fwhm, threshold):
    from astropy.table import QTable, vstack
    from photutils.detection import DAOStarFinder, IRAFStarFinder

    tables = [finder(threshold=threshold, fwhm=fwhm).find_stars(image) for finder in (DAOStarFinder, IRAFStarFinder)]
    tables = [table["x_centroid", "y_centroid"] for table in tables if table is not None]
    return vstack(tables) if tables else QTable({"x_centroid": [], "y_centroid": []})


exercise.mistake(
    "ten-brightest", "Only the brightest few are returned", edit={"fwhm=fwhm": "fwhm=fwhm, n_brightest=10"},
    fails=("a corner*", "the nebula", "a low*", "a high*", "pairs"),
    idea="The number of stars is cut off. How many there are is what the function is to find out; the limit is the "
         "threshold, not a count.",
    contrast="n_brightest=10 returns 10 rows in a field of 26 stars.")
exercise.mistake(
    "blanked-input", "The image is blanked below the threshold, in place",
    edit={"with warnings": "image[image < 0.1 * threshold] = 0\n    with warnings"}, raises="input-modified",
    idea="Writing zeros into the image changes the caller's image too.",
    contrast="image[image < 50] = 0                      # the caller's image is gone\n"
             "blanked = np.where(image < 50, 0, image)   # a new one")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("-        warnings.simplefilter('ignore', NoDetectionsWarning)", "a warning costs nothing"),
    *((text, "the kernel is free: completeness and purity decide, and stars stand out with a narrower one too")
      for text in (
        "size = int(2 * fwhm)",
        "smooth = gaussian_filter(image, fwhm / 2.355)", "smooth = gaussian_filter(np.asarray(image), fwhm / 2.355)",
        "size = int(2 * fwhm) | 2", "size = int(2 * fwhm) | 0",
        "is_peak = (smooth == maximum_filter(smooth, size=size)) & (smooth >= threshold)",
        "smooth = gaussian_filter(np.asarray(image, dtype=float), fwhm / 2.3548 / 2.355)",
        "smooth = gaussian_filter(np.asarray(image, dtype=float), fwhm / 4.71)", "size = int(2) | 1",
        "size = int(fwhm) | 1", "size = int(3 * fwhm) | 1", "size = int(1 * fwhm) | 1",
        "size = int(2 * (2.3548 * fwhm)) | 1", "size = int(2 * (fwhm / 2.3548)) | 1",
    )),
    *((text, "positions in whole pixels are right, and are as far off (see the tolerance)") for text in (
        "answer['x_centroid'] = answer['x_centroid'] + 0.5", "answer['y_centroid'] = answer['y_centroid'] + 0.5",
    )),
]
