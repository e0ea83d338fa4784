"""The whole pipeline: detect on the convolved image, cut out, locate, measure, one row a source."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from photcheck.values import DataRef
from photcourse import data
from photcourse.comparators import Catalogue
from photgrader.exercise import Case, Exercise, sibling

from ._scenes import BRIGHT, EXPOSURE_FLUX_SPREAD, catalogue_truth, field

COLUMNS = ("gaussian_flux", "moment_x", "moment_y")

exercise = Exercise(
    "The photometry pipeline",
    # Positions: a cut-out of 31 pixels, the largest that is free, has a centroid error of s sqrt(sum x^2) / F =
    # 277 s / F a coordinate; the graded stars have F > 2500 s, so 0.11 pixel at most; the limit leaves room for the
    # median of few stars. Flux and moments: in units of the scales of `_scenes.catalogue_truth` (Cramer-Rao bound and
    # the free choices' spread); 1.5 scales for the median and 4 for nine tenths of the stars.
    compare=Catalogue(x="centroid_x", y="centroid_y", radius=1.5, completeness=0.9, purity=0.9, position=0.2,
                      columns=COLUMNS, bias=(1.5, 2.0, 2.0), outlier=(4.0, 4.0, 4.0), parts=(2, 2, 2, 2, 1, 1),
                      needed=("gaussian_flux",)),
    depends=("centroid", "gaussian_psf_image", "psf_flux_gaussian", "find_peaks", "second_moment"),
    picture="catalogue",
    shown=("a new field", "stars near the edges", "a glow at the edge"),
)


@exercise.namespace
def given() -> dict[str, Any]:
    """Return what the notebook gives: pandas, scipy's filter and the Gaussian."""
    return {"pd": pd, "gaussian_filter": gaussian_filter, "gaussian2D": gaussian2D}


def gaussian2D(radius: np.ndarray, mu: float) -> np.ndarray:
    """Return the normalised Gaussian, as the notebook gives it."""
    return np.exp(-radius**2 / (2 * mu**2)) / (2 * np.pi * mu**2)


# The reference calls its siblings by name, as a student's function does.
def centroid(*args: Any) -> Any:
    return sibling(exercise, "centroid").solve(*args)


def find_peaks(*args: Any) -> Any:
    return sibling(exercise, "find_peaks").solve(*args)


def second_moment(*args: Any) -> Any:
    return sibling(exercise, "second_moment").solve(*args)


def psf_flux_gaussian(*args: Any) -> Any:
    return sibling(exercise, "psf_flux_gaussian").solve(*args)


@exercise.reference
def run_photometry(image, threshold, psf_width):
    half = 10
    x_peaks, y_peaks = find_peaks(gaussian_filter(image, psf_width, mode="constant"), threshold)
    rows = []
    for px, py in zip(x_peaks, y_peaks, strict=True):
        x_start, y_start = max(0, px - half), max(0, py - half)
        cutout = image[y_start:py + half + 1, x_start:px + half + 1]
        x_c, y_c = centroid(cutout, x_start, y_start)
        x_width, y_width = second_moment(cutout, x_c, y_c, x_start, y_start)
        rows.append([x_c, y_c, x_width, y_width, psf_flux_gaussian(cutout, x_c, y_c, psf_width, x_start, y_start)])
    columns = ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]
    return pd.DataFrame(rows, columns=columns, dtype=float)


@functools.cache
def _exposure_truth() -> dict[str, Any]:
    """Truth of the embedded exposure: bright isolated stars are graded, every other source may be there."""
    loaded = data.load("visit_image", prefer="embedded")
    truth, sigma = loaded.truth, float(loaded.header["PSFSIGMA"])
    x, y, flux = (np.asarray(truth[n], float) for n in ("x", "y", "flux"))
    ny, nx = loaded.image.shape
    inside = (x > 18) & (x < nx - 25) & (y > 18) & (y < ny - 19)
    graded = np.asarray(truth["kind"] == "star") & np.asarray(truth["isolated"]) & inside & (flux > 4e4)
    for i in np.flatnonzero(graded):
        near = (np.abs(x - x[i]) < 25) & (np.abs(y - y[i]) < 25)
        near[i] = False
        # A neighbour within reach of a cut-out of 31 pixels pulls the centroid by up to 15 pixels times its share.
        graded[i] = flux[near].sum() < 0.004 * flux[i]
    noise = float(np.sqrt(np.median(loaded.planes["variance"])))
    wanted = catalogue_truth(x[graded], y[graded], flux[graded], sigma, noise, spread=EXPOSURE_FLUX_SPREAD)
    # Here the brightest decide on the moments: the exposure has few stars above the scenes' limit.
    wanted["use_moment_x"] = wanted["use_moment_y"] = flux[graded] > 7e4
    full = np.argwhere(loaded.planes["mask"].astype(int) & 2)
    return {**wanted, "may_x": np.append(x[~graded], full[:, 1]), "may_y": np.append(y[~graded], full[:, 0])}


def _above(truth: dict[str, Any], height: np.ndarray, threshold: float) -> dict[str, Any]:
    """Part a truth by the heights of its stars on the convolved image: clearly above the threshold, near it, clearly below.

    A peak may be half a pixel off its star each way, where the convolved star is exp(-1 / 8 sigma^2), 3 to 5 %, lower.
    """
    asked, free = height > 1.1 * threshold, np.abs(height / threshold - 1) <= 0.1
    kept = {name: np.asarray(values)[asked] for name, values in truth.items() if not name.startswith("may_")}
    return {**kept, **{f"may_{n}": np.append(truth[f"may_{n}"], truth[n][free]) for n in "xy"}}


def _within(truth: dict[str, Any], rows: slice, columns: slice) -> dict[str, Any]:
    """Return a truth for a part of its image: what stands too near to the part's edges may be there."""
    x, y = truth["x"] - columns.start, truth["y"] - rows.start
    inside = (x > 18) & (x < columns.stop - columns.start - 19) & (y > 18) & (y < rows.stop - rows.start - 19)
    kept = {name: np.asarray(values)[inside] for name, values in truth.items() if not name.startswith("may_")}
    return {**kept, "x": x[inside], "y": y[inside], "may_x": np.append(truth["may_x"] - columns.start, x[~inside]),
            "may_y": np.append(truth["may_y"] - rows.start, y[~inside])}


def _height(flux: np.ndarray, sigma: float) -> np.ndarray:
    """Height of a star on the image convolved with its own PSF, ``F / (4 pi sigma^2)``."""
    return np.asarray(flux) / (4 * np.pi * sigma**2)


def _nothing() -> dict[str, Any]:
    return {**catalogue_truth(np.empty(0), np.empty(0), np.empty(0), 2.0, 1.0), "may_x": [], "may_y": []}


@exercise.provided
def provided() -> Iterator[Case]:
    # Parts are enough: most of a student's waiting time goes by the number of pixels.
    rows, columns = slice(140, 480), slice(160, 560)
    yield Case("the exposure", DataRef("visit_image")[rows, columns], 300.0, 2.0, points=2,
               expected=_within(_exposure_truth(), rows, columns),
               tests="the bright sources in half of the course's exposure")
    rows, columns, threshold = slice(280, 480), slice(320, 560), 2500.0
    truth = _within(_exposure_truth(), rows, columns)
    yield Case("the brightest alone", DataRef("visit_image")[rows, columns], threshold, 2.0,
               expected=_above(truth, _height(truth["gaussian_flux"], 2.0), threshold),
               tests="a part of the exposure with a threshold not far below its brightest stars")
    yield Case("nothing to find", DataRef("visit_image")[300:345, 440:500], 1e6, 2.0, expected=_nothing(),
               tests="an image with no peak above the threshold: an empty table with the five columns")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    noise, sigma = rng.uniform(5.0, 9.0), rng.uniform(1.55, 1.75)
    # As small as so many stars find room in: most of what a student's function costs goes by the number of pixels.
    shape = (int(rng.integers(152, 161)), int(rng.integers(196, 207)))
    flux = noise * np.exp(rng.uniform(np.log(3e3), np.log(1e5), 15))
    flux[:5] = noise * rng.uniform(BRIGHT * 1.2, 8e4, 5)
    # Six times the noise of the convolved image: of its 30,000 pixels none reaches that by chance.
    threshold = 6 * noise / (2 * np.sqrt(np.pi) * sigma)
    image, truth = field(rng, shape, sigma, noise, flux)
    yield Case("a new field", image, threshold, sigma, expected=truth, points=3,
               tests="isolated stars of a width and a noise other than the exposure's")
    few = np.append(flux[:6], noise * rng.uniform(3e3, 4e3, 2))
    # In another unit: no threshold of another image fits this one.
    unit = 200.0
    image, truth = field(rng, (shape[0] - 14, shape[1] - 26), sigma, unit * noise, unit * few, edge=6)
    yield Case("stars near the edges", image, unit * threshold, sigma, expected=truth, points=1.5,
               tests="sources whose cut-outs reach over the edges of the image")
    image, truth = field(rng, (shape[1] - 40, shape[0] - 20), sigma, noise, flux[:9], glow=60 * noise, stretch=1.2)
    yield Case("a glow at the edge", image, threshold, sigma, expected=truth, points=1.5,
               tests="an image taller than wide, with an artefact in its last columns, of stars longer along x")
    # A kernel wider than the PSF lowers all of these below the threshold, one that is narrower lifts the others above it.
    unit, sigma = 0.05, rng.uniform(1.6, 1.75)
    high, low = rng.permutation(np.linspace(1.2, 1.45, 8)), rng.uniform(0.55, 0.75, 5)
    threshold = 400 * noise
    flux = np.append(high, low) * threshold * 4 * np.pi * sigma**2
    image, truth = field(rng, (shape[0] - 8, shape[1] - 22), sigma, unit * noise, unit * flux)
    threshold *= unit
    yield Case("a threshold just below the stars", image, threshold, sigma, points=2,
               expected=_above(truth, _height(truth["gaussian_flux"], sigma), threshold),
               tests="stars that reach the threshold on the image convolved with the PSF, and others that do not")


# Mistakes are made in the variant that gives every step a line of its own.
PLAIN = "as most people write it"
STARS = ("the exposure", "the brightest*", "a new field", "stars near*", "a glow*", "a threshold*")
FIELDS = STARS[2:]
#: Cut-outs of other sizes than the variant's 21 pixels, which many choose: mistakes that move all positions move them by half of that.
OTHER_SIZES = tuple(
    {"px - 10": f"px - {half}", "py - 10": f"py - {half}", "px + 11": f"px + {half + 1}", "py + 11": f"py + {half + 1}"}
    for half in (5, 7, 8, 9, 12, 15))
exercise.mistake(
    "raw-threshold", "The peaks are looked for on the image itself, not on the convolved one",
    edit={"find_peaks(detection, threshold)": "find_peaks(image, threshold)"}, of=PLAIN, fails=FIELDS,
    idea="The threshold applies to the image convolved with the PSF, whose noise is several times smaller than that of "
         "a pixel. Applied to the image itself, the same number lets hundreds of noise peaks in.",
    contrast="noise 15 per pixel, 2.1 after the convolution with sigma = 2: a threshold of 12 is 6 sigma there, and "
             "0.8 sigma here.")
exercise.mistake(
    "kernel-sum", "The detection kernel does not sum to 1",
    edit={"detection =": "detection = 2 * np.pi * psf_width**2 *"}, of=PLAIN, fails=("the exposure", *FIELDS),
    idea="Convolving with a kernel that does not sum to 1 scales the whole detection image, noise included, and the "
         "threshold then means something else.",
    contrast="exp(-r^2 / 2 sigma^2) sums to 2 pi sigma^2, about 25 for sigma = 2: divide by the sum.")
exercise.mistake(
    "no-start", "The cut-out's start is not passed on", edit={", x_start, y_start)": ", 0, 0)"}, of=PLAIN, fails=STARS,
    spellings=({"centroid(cutout, x_start, y_start)": "centroid(cutout, 0, 0)"},
               *({"centroid(cutout, x_start, y_start)": "centroid(cutout, 0, 0)", **size} for size in OTHER_SIZES),
               *({", x_start, y_start)": ", 0, 0)", **size} for size in OTHER_SIZES)),
    idea="Inside a cut-out pixels count from 0. Unless the functions are told where the cut-out begins, every source "
         "lands within its first few pixels.",
    contrast="A cut-out that starts at x = 140 with its star at pixel 10.3: x = 150.3, not 10.3.")
exercise.mistake(
    "peak-for-start", "The peak is passed as the cut-out's start", edit={", x_start, y_start)": ", px, py)"}, of=PLAIN,
    fails=STARS, spellings=tuple({", x_start, y_start)": ", px, py)", **size} for size in OTHER_SIZES),
    idea="x_start and y_start are the coordinates of the cut-out's first column and row, half a cut-out left of and "
         "below the peak.",
    contrast="Peak at x = 150, cut-out of 21 pixels: x_start = 140.")
exercise.mistake(
    "peaks-exchanged", "x and y of the peaks are exchanged", edit={"for px, py in": "for py, px in"}, of=PLAIN,
    fails=STARS, spellings=tuple({"for px, py in": "for py, px in", **size} for size in OTHER_SIZES),
    idea="find_peaks returns the x values first. Taken in the other order they cut out empty sky at the mirrored "
         "place.",
    contrast="A peak at (x, y) = (150, 40) is image[40, 150].")
exercise.mistake(
    "columns-exchanged", "The columns centroid_x and centroid_y are exchanged",
    edit={"append([x_c, y_c": "append([y_c, x_c"}, of=PLAIN, fails=STARS,
    idea="The values are right and stand under each other's name.",
    contrast="columns=['centroid_x', 'centroid_y', ...] takes x first, then y.")
exercise.mistake(
    "peak-for-centroid", "The table holds the peak pixels, not the centroids",
    edit={"append([x_c, y_c": "append([px, py"}, of=PLAIN, fails=STARS,
    idea="The peak is a whole pixel and off by up to half a pixel each way; the centroid of the cut-out is what is "
         "asked.",
    contrast="A star at x = 150.38 has its peak at 150.")
exercise.mistake(
    "flux-at-peak", "The PSF is put on the peak pixel, not on the centroid",
    edit={"flux = psf_flux_gaussian(cutout, x_c, y_c": "flux = psf_flux_gaussian(cutout, px, py"}, of=PLAIN,
    fails=FIELDS,
    idea="The peak is off the star's centre by up to half a pixel each way; a PSF put there fits worse, and its flux "
         "is too small by a per cent or two.",
    contrast="A star at x = 150.38 has its peak at 150: the model must be centred on 150.38.")
exercise.mistake(
    "kernel-too-wide", "The detection kernel is wider than the PSF",
    edit={"gaussian_filter(image, psf_width": "gaussian_filter(image, 2.3548 * psf_width"}, of=PLAIN,
    fails=("the brightest*", "a threshold*"),
    spellings=({"gaussian_filter(image, psf_width": "gaussian_filter(image, 1.5 * psf_width"},
               {"gaussian_filter(image, psf_width": "gaussian_filter(image, 2 * psf_width"}),
    idea="psf_width is a sigma already, and so is what the filter asks for. Multiplied by 2.355, or by another number, it "
         "spreads each star over more pixels: its peak on the convolved image is lower, and fewer stars reach the "
         "threshold.",
    contrast="On an image convolved with a kernel of its own width a star of flux F is F / (4 pi sigma^2) high; with a "
             "kernel twice as wide only F / (10 pi sigma^2).")
exercise.mistake(
    "circular-sum", "gaussian_flux holds the sum in a circle or a box, not the PSF flux",
    edit={"flux = psf_flux_gaussian(cutout, x_c, y_c, psf_width, x_start, y_start)":
          "yy, xx = np.indices(cutout.shape)\n"
          "        flux = cutout[np.hypot(xx + x_start - x_c, yy + y_start - y_c) <= 10].sum()"}, of=PLAIN,
    fails=("a glow*",),
    spellings=tuple(
        {"flux = psf_flux_gaussian(cutout, x_c, y_c, psf_width, x_start, y_start)":
         "yy, xx = np.indices(cutout.shape)\n"
         f"        flux = cutout[np.hypot(xx + x_start - x_c, yy + y_start - y_c) <= {radius}].sum()"}
        for radius in ("4", "5", "6", "8", "2 * psf_width", "3 * psf_width")) + (
        {"psf_flux_gaussian(cutout, x_c, y_c, psf_width, x_start, y_start)": "cutout.sum()"},),
    idea="A sum of pixels counts all of them alike and loses what lies outside. What is asked is the flux of the Gaussian "
         "that fits the pixels best: `psf_flux_gaussian` with the width given.",
    contrast="On a star 1.2 times longer than wide the round PSF gives 0.91 of the light; a wide circle gives all of it.")
exercise.mistake(
    "moments-exchanged", "The columns moment_x and moment_y are exchanged", edit={"x_w, y_w =": "y_w, x_w ="}, of=PLAIN,
    fails=("a glow*",),
    idea="second_moment returns the width along x first. On round stars the exchange goes unseen; on long ones it "
         "shows.",
    contrast="A star trailed along x has moment_x > moment_y.")
exercise.mistake(
    "measured-on-convolved", "The cut-outs are taken from the convolved image",
    edit={"cutout = image[": "cutout = detection["}, of=PLAIN, fails=STARS,
    idea="The convolution is for detection only: it makes a star wider by a factor of root two, so sizes come "
         "out too large and PSF fluxes too small.",
    contrast="sigma 2 convolved with sigma 2 gives 2.83, and two thirds of the PSF flux.")
exercise.mistake(
    "sigma-as-fwhm", "psf_width is taken for the full width at half maximum",
    edit={", psf_width,": ", psf_width / 2.3548,"}, of=PLAIN, fails=STARS,
    spellings=({", psf_width,": ", psf_width / 2.3548,",
                "gaussian_filter(image, psf_width": "gaussian_filter(image, psf_width / 2.3548"},),
    idea="psf_width is the Gaussian's sigma. Divided by 2.355 it makes a PSF much narrower than the stars, and their "
         "fluxes too small.",
    contrast="FWHM = 2.355 sigma: a sigma of 2 pixels is a FWHM of 4.7.")
exercise.mistake(
    "fwhm-as-width", "The full width at half maximum is used where sigma is meant",
    edit={"x_c, y_c, psf_width": "x_c, y_c, 2.3548 * psf_width"}, of=PLAIN, fails=STARS,
    # In the detection too, where it costs the faint ones.
    spellings=({"rows = []": "rows = []\n    psf_width = 2.3548 * psf_width"},),
    idea="Multiplied by 2.355 the width makes a PSF much wider than the stars, and their fluxes too large.",
    contrast="FWHM = 2.355 sigma: a sigma of 2 pixels is a FWHM of 4.7.")
exercise.mistake(
    "fixed-width", "The PSF's width is fixed instead of taken from the argument", edit={", psf_width,": ", 2.0,"},
    of=PLAIN, fails=FIELDS,
    idea="With a number written into the function, the pipeline fits the one image that it was tried on; the next "
         "night's seeing is another.",
    contrast="A PSF of sigma 2 on stars of sigma 1.7 gives fluxes 16 % too large.")
exercise.mistake(
    "threshold-in-sigma", "The threshold is multiplied by the scatter of the image",
    edit={"find_peaks(detection, threshold)": "find_peaks(detection, threshold * np.std(image))"}, of=PLAIN,
    fails=STARS,
    idea="The threshold comes in the unit of the image. Multiplied by the standard deviation, which the stars "
         "themselves make large, it leaves only the brightest ones, or none.",
    contrast="threshold = 13 nJy means 13 nJy, not 13 standard deviations.")
exercise.mistake(
    "moments-root-two", "The moments are multiplied by root two",
    edit={"x_w, y_w, flux": "np.sqrt(2) * x_w, np.sqrt(2) * y_w, flux"}, of=PLAIN, fails=STARS,
    idea="Weighted with the squared flux, each moment of a star is sigma over root two, and that is what is asked; "
         "sigma comes out of the two added in quadrature.",
    contrast="sigma = 2: moment_x = moment_y = 1.41, and sqrt(1.41^2 + 1.41^2) = 2.")
exercise.mistake(
    "moments-added", "Both moments hold the two added in quadrature",
    edit={"x_w, y_w, flux": "np.hypot(x_w, y_w), np.hypot(x_w, y_w), flux"}, of=PLAIN, fails=STARS,
    idea="moment_x is the width along x alone, moment_y that along y. Added in quadrature they make one size, and it is no "
         "longer seen whether a source is long.",
    contrast="moment_x = 1.7, moment_y = 1.4: not 2.2 and 2.2.")
exercise.mistake(
    "start-unclipped", "The start is not clipped together with the cut-out",
    edit={", x_start, y_start)": ", px - 10, py - 10)"}, of=PLAIN, fails=("stars near*",),
    idea="Near the left or lower edge the slice begins at pixel 0, not half a cut-out before the peak; the start given "
         "to the functions must say so.",
    contrast="Peak at x = 7, half a cut-out 10: the slice starts at 0, not at -3.")
exercise.mistake(
    "negative-index", "Near an edge the slice begins at a negative index",
    edit={"max(0, px - 10), max(0, py - 10)": "px - 10, py - 10"}, of=PLAIN, fails=("stars near*",),
    idea="In Python a negative index counts from the other end, so image[-3:18] is empty, not a clipped cut-out. "
         "Nothing warns of it.",
    contrast="Peak at 7, half a cut-out 10: max(0, 7 - 10) = 0.")
exercise.mistake(
    "no-columns", "An empty table without its columns",
    edit={', columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]': ""},
    of="the notebook's own functions, a list of dictionaries", fails=("nothing*",),
    idea="A DataFrame made of an empty list has no columns. Whatever uses the table next will stop there, so the "
         "columns must be named.",
    contrast="pd.DataFrame([]) has no columns; pd.DataFrame([], columns=[...]) has them and no row.")
exercise.mistake(
    "return-in-loop", "Only one source is returned",
    edit={"rows.append([x_c, y_c, x_w, y_w, flux])": "rows.append([x_c, y_c, x_w, y_w, flux])\n        break"},
    of=PLAIN, fails=STARS,
    idea="The function returns from inside the loop, or overwrites its row each time, so that a single source is left.",
    contrast="The `return` belongs to the left of the `for`, after it.")
exercise.mistake(
    "edges-kept", "Peaks at the very edge of the image are kept",
    edit={"    x_peak, y_peak = x_peak[inside], y_peak[inside]\n": "", "import matplotlib.pyplot as plt\n": "", "    plt.figure()\n": "",
          '    plt.imshow(detection, origin="lower")\n': "", '    plt.plot(x_peak, y_peak, "r+")\n': ""},
    of="draws a figure of its peaks, whole image scanned with maximum_filter", fails=("the exposure", "a glow*"),
    idea="An artefact along the edge looks like a row of sources. A border of 5 to 10 pixels is left out for that "
         "reason.",
    contrast="A glow in the last two columns of a 200-pixel row makes peaks at x = 198: outside 5 <= x < 195.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "the size of a cut-out is free between 11 and 31 pixels") for text in (
        "half = 11",
        "half = 9",
        "x_start, y_start = (max(1, px - half), max(0, py - half))",
        "x_start, y_start = (max(0, px - half), max(1, py - half))",
        "cutout = image[y_start:py + half - 1, x_start:px + half + 1]",
        "cutout = image[y_start:py + half, x_start:px + half + 1]",
        "cutout = image[y_start:py + half + 1, x_start:px + half - 1]",
        "cutout = image[y_start:py + half + 1, x_start:px + half]",
        "cutout = image[y_start:py + half + 2, x_start:px + half + 1]",
        "cutout = image[y_start:py + half + 0, x_start:px + half + 1]",
        "cutout = image[y_start:py + half + 1, x_start:px + half + 2]",
        "cutout = image[y_start:py + half + 1, x_start:px + half + 0]",
    )),
    *((text, "both lists are of one length")
      for text in ("for px, py in zip(x_peaks, y_peaks):", "for px, py in zip(x_peaks, y_peaks, strict=False):")),
    ("return pd.DataFrame(rows, columns=columns)", "an empty table of another kind of column is right"),
    ("x_peaks, y_peaks = find_peaks(gaussian_filter(image, psf_width), threshold)",
     "what is assumed beyond the edges is free"),
]
