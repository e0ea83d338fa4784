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
    "run_photometry",
    params=("image", "threshold", "psf_width"),
    title="The photometry pipeline",
    # Positions: a cut-out of 31 pixels, the largest that is free, has a centroid error of s sqrt(sum x^2) / F = 277 s / F
    # a coordinate; the graded stars have F > 2500 s, so 0.11 pixel at most; the limit leaves room for the median of few stars.
    # Flux and moments: in units of the scales of `_scenes.catalogue_truth` (Cramer-Rao bound and the free choices'
    # spread); 1.5 scales for the median and 4 for nine tenths of the stars.
    compare=Catalogue(x="centroid_x", y="centroid_y", radius=1.5, completeness=0.9, purity=0.9, position=0.2,
                      columns=COLUMNS, bias=(1.5, 2.0, 2.0), outlier=(4.0, 4.0, 4.0), parts=(2, 2, 2, 2, 1, 1)),
    depends=("centroid", "gaussian_psf_image", "psf_flux_gaussian", "find_peaks", "second_moment"),
    picture="catalogue",
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


def _nothing() -> dict[str, Any]:
    return {**catalogue_truth(np.empty(0), np.empty(0), np.empty(0), 2.0, 1.0), "may_x": [], "may_y": []}


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("the exposure", (DataRef("visit_image"), 300.0, 2.0), expected=_exposure_truth(), points=2,
               tests="the bright sources of the course's exposure")
    yield Case("nothing to find", (DataRef("visit_image", region=((300, 345), (440, 500))), 1e6, 2.0), expected=_nothing(),
               tests="an image with no peak above the threshold: an empty table with the five columns")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    noise, sigma = rng.uniform(5.0, 9.0), rng.uniform(1.55, 1.75)
    shape = (int(rng.integers(176, 186)), int(rng.integers(226, 240)))
    flux = noise * np.exp(rng.uniform(np.log(3e3), np.log(1e5), 15))
    flux[:5] = noise * rng.uniform(BRIGHT * 1.2, 8e4, 5)
    # Six times the noise of the convolved image: of its 40,000 pixels none reaches that by chance.
    threshold = 6 * noise / (2 * np.sqrt(np.pi) * sigma)
    image, truth = field(rng, shape, sigma, noise, flux)
    yield Case("a new field", (image, threshold, sigma), expected=truth, points=3,
               tests="isolated stars of a width and a noise other than the exposure's")
    few = np.append(flux[:6], noise * rng.uniform(3e3, 4e3, 2))
    # In another unit: no threshold of another image fits this one.
    unit = 200.0
    image, truth = field(rng, (shape[0] - 20, shape[1] - 30), sigma, unit * noise, unit * few, edge=6)
    yield Case("stars near the edges", (image, unit * threshold, sigma), expected=truth, points=1.5,
               tests="sources whose cut-outs reach over the edges of the image")
    image, truth = field(rng, (shape[1] - 30, shape[0] - 16), sigma, noise, flux[:9], glow=60 * noise, stretch=1.2)
    yield Case("a glow at the edge", (image, threshold, sigma), expected=truth, points=1.5,
               tests="an image taller than wide, with an artefact in its last columns, of stars longer along x")


@exercise.variant("the notebook's own functions, a list of dictionaries")
def run_photometry(image, threshold, psf_width):
    smooth = gaussian_filter(image, sigma=psf_width)
    xs, ys = find_peaks(smooth, threshold)
    table = []
    for x, y in zip(xs, ys):
        x0, y0 = max(int(x) - 7, 0), max(int(y) - 7, 0)
        cutout = image[y0:int(y) + 8, x0:int(x) + 8]
        cx, cy = centroid(cutout, x0, y0)
        mx, my = second_moment(cutout, cx, cy, x0, y0)
        table.append({"centroid_x": cx, "centroid_y": cy, "moment_x": mx, "moment_y": my,
                      "gaussian_flux": psf_flux_gaussian(cutout, cx, cy, psf_width, x0, y0)})
    return pd.DataFrame(table, columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])


@exercise.variant("everything inside, the smallest cut-out, sorted by flux")
def run_photometry(image: np.ndarray, threshold: float, psf_width: float) -> pd.DataFrame:
    from astropy.convolution import Gaussian2DKernel, convolve

    smooth = convolve(image, Gaussian2DKernel(psf_width), boundary="extend")
    core = smooth[8:-8, 8:-8]
    is_peak = core > threshold
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dx or dy:
                is_peak &= core > smooth[8 + dy:smooth.shape[0] - 8 + dy, 8 + dx:smooth.shape[1] - 8 + dx]
    rows = {"centroid_x": [], "centroid_y": [], "moment_x": [], "moment_y": [], "gaussian_flux": [], "peak": []}
    for py, px in np.argwhere(is_peak) + 8:
        ys = slice(max(py - 5, 0), min(py + 6, image.shape[0]))
        xs = slice(max(px - 5, 0), min(px + 6, image.shape[1]))
        f = image[ys, xs]
        y, x = np.mgrid[ys, xs]
        cx, cy = np.average(x, weights=f), np.average(y, weights=f)
        psf = gaussian2D(np.hypot(x - cx, y - cy), psf_width)
        psf = psf / psf.sum()
        rows["centroid_x"].append(cx)
        rows["centroid_y"].append(cy)
        rows["moment_x"].append(np.sqrt(np.average((x - cx) ** 2, weights=f**2)))
        rows["moment_y"].append(np.sqrt(np.average((y - cy) ** 2, weights=f**2)))
        rows["gaussian_flux"].append(np.vdot(f, psf) / np.vdot(psf, psf))
        rows["peak"].append(smooth[py, px])
    return pd.DataFrame(rows).sort_values("gaussian_flux", ascending=False)


exercise.variant_source("a cut-out helper in a cell of its own, the largest cut-out, a table grown row by row", """
def clipped_cutout(data, x, y, half=15):
    ny, nx = data.shape
    left, right = max(0, x - half), min(nx, x + half + 1)
    low, high = max(0, y - half), min(ny, y + half + 1)
    return data[low:high, left:right], left, low

# %%
import pandas
from scipy import ndimage

def run_photometry(image, threshold, psf_width):
    conv = ndimage.gaussian_filter(np.asarray(image, dtype=float), psf_width, truncate=5)
    peaks_x, peaks_y = find_peaks(conv, threshold)
    df = pandas.DataFrame(columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])
    for k in range(len(peaks_x)):
        stamp, x_start, y_start = clipped_cutout(image, peaks_x[k], peaks_y[k])
        position = centroid(stamp, x_start, y_start)
        widths = second_moment(stamp, position[0], position[1], x_start, y_start)
        flux = psf_flux_gaussian(stamp, *position, psf_width, x_start, y_start)
        df.loc[len(df)] = [position[0], position[1], widths[0], widths[1], flux]
    return df
""")


@exercise.variant("prints its progress and warns")
def run_photometry(image, threshold, psf_width):
    import sys
    import warnings

    from scipy.signal import fftconvolve

    r = np.arange(-10, 11)
    kernel = np.exp(-(r[:, None] ** 2 + r[None, :] ** 2) / (2 * psf_width**2))
    detection = fftconvolve(image, kernel / kernel.sum(), mode="same")
    xs, ys = find_peaks(detection, threshold)
    print("found", len(xs), "peaks")
    print("measuring ...", file=sys.stderr)
    warnings.warn("sources near the edge are clipped", stacklevel=1)
    out = np.full((len(xs), 5), np.nan)
    for row, (x, y) in enumerate(zip(xs, ys)):
        top, left = max(0, y - 9), max(0, x - 9)
        stamp = image[top:y + 10, left:x + 10].copy()
        out[row, :2] = centroid(stamp, left, top)
        out[row, 2:4] = second_moment(stamp, out[row, 0], out[row, 1], left, top)
        out[row, 4] = psf_flux_gaussian(stamp, out[row, 0], out[row, 1], psf_width, left, top)
    return pd.DataFrame({"id": np.arange(len(xs)), "centroid_x": out[:, 0], "centroid_y": out[:, 1],
                         "moment_x": out[:, 2], "moment_y": out[:, 3], "gaussian_flux": out[:, 4].astype(np.float32)})


exercise.variant_source("a class that holds the settings, used as a function", """
class Pipeline:
    COLUMNS = ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]

    def __init__(self, half_size):
        self.half_size = half_size

    def measure(self, image, x, y, psf_width):
        h = self.half_size
        x0, y0 = max(0, x - h), max(0, y - h)
        stamp = image[y0:y + h + 1, x0:x + h + 1]
        xc, yc = centroid(stamp, x0, y0)
        return [xc, yc, *second_moment(stamp, xc, yc, x0, y0), psf_flux_gaussian(stamp, xc, yc, psf_width, x0, y0)]

    def __call__(self, image, threshold, psf_width):
        xs, ys = find_peaks(gaussian_filter(image, psf_width), threshold)
        measured = [self.measure(image, x, y, psf_width) for x, y in zip(xs, ys)]
        return pd.DataFrame(measured, columns=self.COLUMNS)

# %%
run_photometry = Pipeline(half_size=12)
""")

exercise.variant_source("functools.partial of a general function, a QTable converted at the end", """
from functools import partial
from astropy.table import Table

def general(image, threshold, psf_width, size):
    found = Table(names=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])
    half = size // 2
    for x, y in zip(*find_peaks(gaussian_filter(image, psf_width, mode="nearest"), threshold)):
        x_lo, y_lo = max(0, x - half), max(0, y - half)
        part = image[y_lo:y + half + 1, x_lo:x + half + 1]
        c = centroid(part, x_lo, y_lo)
        found.add_row([*c, *second_moment(part, *c, x_lo, y_lo), psf_flux_gaussian(part, *c, psf_width, x_lo, y_lo)])
    return found.to_pandas()

run_photometry = partial(general, size=17)
""")

exercise.variant_source("draws a figure of its peaks, whole image scanned with maximum_filter", """
import matplotlib.pyplot as plt
from scipy.ndimage import convolve, maximum_filter

# %%
def run_photometry(image, threshold, psf_width):
    side = np.arange(-int(4 * psf_width + 1), int(4 * psf_width + 1) + 1)
    xx, yy = np.meshgrid(side, side)
    kernel = gaussian2D(np.sqrt(xx**2 + yy**2), psf_width)
    detection = convolve(image, kernel / kernel.sum(), mode="constant")
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    good = (detection > threshold) & (detection > maximum_filter(detection, footprint=ring))
    y_peak, x_peak = np.nonzero(good)
    inside = (x_peak >= 10) & (y_peak >= 10) & (x_peak < image.shape[1] - 10) & (y_peak < image.shape[0] - 10)
    x_peak, y_peak = x_peak[inside], y_peak[inside]
    plt.figure()
    plt.imshow(detection, origin="lower")
    plt.plot(x_peak, y_peak, "r+")
    columns = {name: np.empty(len(x_peak)) for name in
               ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]}
    for n, (px, py) in enumerate(zip(x_peak, y_peak)):
        x0, y0 = max(px - 10, 0), max(py - 10, 0)
        cut = image[y0:py + 10, x0:px + 10]
        cx, cy = centroid(cut, x0, y0)
        columns["centroid_x"][n], columns["centroid_y"][n] = cx, cy
        columns["moment_x"][n], columns["moment_y"][n] = second_moment(cut, cx, cy, x0, y0)
        columns["gaussian_flux"][n] = psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0)
    return pd.DataFrame(columns)
""")


_LOOP = '''
def run_photometry(image, threshold, psf_width):
    rows = []
    detection = {detection}
    for px, py in {peaks}:
        x_start, y_start = {start}
        cutout = {cutout}
        x_c, y_c = centroid(cutout, x_start, y_start)
        x_w, y_w = second_moment(cutout, x_c, y_c, x_start, y_start)
        flux = psf_flux_gaussian(cutout, x_c, y_c, {width}, x_start, y_start)
        rows.append([{row}])
    return pd.DataFrame(rows, columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])
'''
_RIGHT = {
    "detection": "gaussian_filter(image, psf_width, mode='constant')",
    "peaks": "zip(*find_peaks(detection, threshold))",
    "start": "max(0, px - 10), max(0, py - 10)",
    "cutout": "image[y_start:py + 11, x_start:px + 11]",
    "width": "psf_width",
    "row": "x_c, y_c, x_w, y_w, flux",
}


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...], **changed: str) -> None:
    """Declare a misconception that differs from the right loop in the parts given."""
    exercise.misconception_source(id, title, _LOOP.format(**{**_RIGHT, **changed}), idea=idea, contrast=contrast,
                                  fails=fails)


_FIELDS = ("the exposure", "a new field", "stars near*", "a glow*")
_NEW = ("a new field", "stars near*", "a glow*")

_mistake("raw-threshold", "The peaks are looked for on the image itself, not on the convolved one",
         "The threshold applies to the image convolved with the PSF, whose noise is several times smaller than that of a pixel. "
         "Applied to the image itself, the same number lets hundreds of noise peaks in.",
         "noise 15 per pixel, 2.1 after the convolution with sigma = 2: a threshold of 12 is 6 sigma there, and 0.8 sigma here.",
         _NEW, detection="image")
_mistake("kernel-sum", "The detection kernel does not sum to 1",
         "Convolving with a kernel that does not sum to 1 scales the whole detection image, noise included, and the threshold then "
         "means something else.",
         "exp(-r^2 / 2 sigma^2) sums to 2 pi sigma^2, about 25 for sigma = 2: divide by the sum.",
         _FIELDS, detection="2 * np.pi * psf_width**2 * gaussian_filter(image, psf_width, mode='constant')")
_mistake("no-start", "The cut-out's start is not passed on",
         "Inside a cut-out pixels count from 0. Unless the functions are told where the cut-out begins, every source "
         "lands within its first few pixels.",
         "A cut-out that starts at x = 140 with its star at pixel 10.3: x = 150.3, not 10.3.",
         _FIELDS, start="0, 0", cutout="image[max(0, py - 10):py + 11, max(0, px - 10):px + 11]")
_mistake("peak-for-start", "The peak is passed as the cut-out's start",
         "x_start and y_start are the coordinates of the cut-out's first column and row, half a cut-out left of and below the peak.",
         "Peak at x = 150, cut-out of 21 pixels: x_start = 140.",
         _FIELDS, start="px, py", cutout="image[max(0, py - 10):py + 11, max(0, px - 10):px + 11]")
_mistake("peaks-exchanged", "x and y of the peaks are exchanged",
         "find_peaks returns the x values first. Taken in the other order they cut out empty sky at the mirrored place.",
         "A peak at (x, y) = (150, 40) is image[40, 150].",
         _FIELDS, peaks="zip(*find_peaks(detection, threshold)[::-1])",
         cutout="image[y_start:py + 11, x_start:px + 11]")
_mistake("columns-exchanged", "The columns centroid_x and centroid_y are exchanged",
         "The values are right and stand under each other's name.",
         "columns=['centroid_x', 'centroid_y', ...] takes x first, then y.",
         _FIELDS, row="y_c, x_c, x_w, y_w, flux")
_mistake("peak-for-centroid", "The table holds the peak pixels, not the centroids",
         "The peak is a whole pixel and off by up to half a pixel each way; the centroid of the cut-out is what is asked.",
         "A star at x = 150.38 has its peak at 150.",
         _FIELDS, row="px, py, x_w, y_w, flux")
_mistake("flux-at-peak", "The PSF is put on the peak pixel, not on the centroid",
         "The peak is off the star's centre by up to half a pixel each way; a PSF put there fits worse, and its flux is too small "
         "by a per cent or two.",
         "A star at x = 150.38 has its peak at 150: the model must be centred on 150.38.",
         _NEW, row="x_c, y_c, x_w, y_w, psf_flux_gaussian(cutout, px, py, psf_width, x_start, y_start)")
_mistake("moments-exchanged", "The columns moment_x and moment_y are exchanged",
         "second_moment returns the width along x first. On round stars the exchange goes unseen; on long ones it shows.",
         "A star trailed along x has moment_x > moment_y.",
         ("a glow*",), row="x_c, y_c, y_w, x_w, flux")
_mistake("measured-on-convolved", "The cut-outs are taken from the convolved image",
         "The convolution is for detection only: it makes every source wider by a factor of root two, so sizes come out too large and "
         "PSF fluxes too small.",
         "sigma 2 convolved with sigma 2 gives 2.83, and two thirds of the PSF flux.",
         _FIELDS, cutout="detection[y_start:py + 11, x_start:px + 11]")
_mistake("sigma-as-fwhm", "psf_width is taken for the full width at half maximum",
         "psf_width is the Gaussian's sigma. Divided by 2.355 it makes a PSF much narrower than the stars, and their fluxes too small.",
         "FWHM = 2.355 sigma: a sigma of 2 pixels is a FWHM of 4.7.",
         _FIELDS, width="psf_width / 2.3548", detection="gaussian_filter(image, psf_width / 2.3548, mode='constant')")
_mistake("fwhm-as-width", "The full width at half maximum is used where sigma is meant",
         "Multiplied by 2.355 the width makes a PSF much wider than the stars, and their fluxes too large.",
         "FWHM = 2.355 sigma: a sigma of 2 pixels is a FWHM of 4.7.",
         _FIELDS, width="2.3548 * psf_width")
_mistake("fixed-width", "The PSF's width is fixed instead of taken from the argument",
         "With a number written into the function, the pipeline fits the one image that it was tried on; the next night's seeing is another.",
         "A PSF of sigma 2 on stars of sigma 1.7 gives fluxes 16 % too large.",
         _NEW, width="2.0", detection="gaussian_filter(image, 2.0, mode='constant')")
_mistake("threshold-in-sigma", "The threshold is multiplied by the scatter of the image",
         "The threshold comes in the unit of the image. Multiplied by the standard deviation, which the stars themselves make large, it "
         "leaves only the brightest ones, or none.",
         "threshold = 13 nJy means 13 nJy, not 13 standard deviations.",
         _FIELDS, peaks="zip(*find_peaks(detection, threshold * np.std(image)))")
_mistake("moments-root-two", "The moments are multiplied by root two",
         "Weighted with the squared flux, each moment of a star is sigma over root two, and that is what is asked; sigma comes out "
         "of the two added in quadrature.",
         "sigma = 2: moment_x = moment_y = 1.41, and sqrt(1.41^2 + 1.41^2) = 2.",
         _FIELDS, row="x_c, y_c, np.sqrt(2) * x_w, np.sqrt(2) * y_w, flux")
_mistake("start-unclipped", "The start is not clipped together with the cut-out",
         "Near the left or lower edge the slice begins at pixel 0, not half a cut-out before the peak; the start given to "
         "the functions must say so.",
         "Peak at x = 7, half a cut-out 10: the slice starts at 0, not at -3.",
         ("stars near*",), start="px - 10, py - 10",
         cutout="image[max(0, py - 10):py + 11, max(0, px - 10):px + 11]")
_mistake("negative-index", "Near an edge the slice begins at a negative index",
         "In Python a negative index counts from the other end, so image[-3:18] is empty, not a clipped cut-out. Nothing warns of it.",
         "Peak at 7, half a cut-out 10: max(0, 7 - 10) = 0.",
         ("stars near*",), start="px - 10, py - 10",
         cutout="image[y_start:py + 11, x_start:px + 11]")


@exercise.misconception(
    "no-columns", "An empty table without its columns",
    idea="A DataFrame made of an empty list has no columns. Whatever uses the table next will stop there, so the columns must be named.",
    contrast="pd.DataFrame([]) has no columns; pd.DataFrame([], columns=[...]) has them and no row.", fails=("nothing*",))
def run_photometry(image, threshold, psf_width):
    rows = []
    for px, py in zip(*find_peaks(gaussian_filter(image, psf_width), threshold)):
        x0, y0 = max(0, px - 10), max(0, py - 10)
        cut = image[y0:py + 11, x0:px + 11]
        cx, cy = centroid(cut, x0, y0)
        mx, my = second_moment(cut, cx, cy, x0, y0)
        rows.append({"centroid_x": cx, "centroid_y": cy, "moment_x": mx, "moment_y": my,
                     "gaussian_flux": psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0)})
    return pd.DataFrame(rows)


@exercise.misconception(
    "return-in-loop", "Only one source is returned",
    idea="The function returns from inside the loop, or overwrites its row each time, so that a single source is left.",
    contrast="The `return` belongs to the left of the `for`, after it.", fails=_FIELDS)
def run_photometry(image, threshold, psf_width):
    columns = ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]
    for px, py in zip(*find_peaks(gaussian_filter(image, psf_width), threshold)):
        x0, y0 = max(0, px - 10), max(0, py - 10)
        cut = image[y0:py + 11, x0:px + 11]
        cx, cy = centroid(cut, x0, y0)
        mx, my = second_moment(cut, cx, cy, x0, y0)
        return pd.DataFrame([[cx, cy, mx, my, psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0)]], columns=columns)
    return pd.DataFrame(columns=columns, dtype=float)


@exercise.misconception(
    "edges-kept", "Peaks at the very edge of the image are kept",
    idea="An artefact along the edge looks like a row of sources. A border of 5 to 10 pixels is left out for that reason.",
    contrast="A glow in the last two columns of a 200-pixel row makes peaks at x = 198: outside 5 <= x < 195.",
    fails=("the exposure", "a glow*"))
def run_photometry(image, threshold, psf_width):
    detection = gaussian_filter(image, psf_width)
    ny, nx = image.shape
    rows = []
    for py in range(ny):
        for px in range(nx):
            value = detection[py, px]
            if value > threshold and value == detection[max(0, py - 1):py + 2, max(0, px - 1):px + 2].max():
                x0, y0 = max(0, px - 10), max(0, py - 10)
                cut = image[y0:py + 11, x0:px + 11]
                cx, cy = centroid(cut, x0, y0)
                mx, my = second_moment(cut, cx, cy, x0, y0)
                rows.append([cx, cy, mx, my, psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0)])
    return pd.DataFrame(rows, columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])

exercise.variant_source("a lambda over helpers, peaks as lists, columns named in another order", """
def _row(image, x, y, psf_width, n=13):
    x0, y0 = max(x - n // 2, 0), max(y - n // 2, 0)
    cut = image[y0:y + n // 2 + 1, x0:x + n // 2 + 1]
    cx, cy = centroid(cut, x0, y0)
    mx, my = second_moment(cut, cx, cy, x0, y0)
    return dict(gaussian_flux=psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0), moment_y=my, moment_x=mx,
                centroid_y=cy, centroid_x=cx)

# %%
NAMES = ["gaussian_flux", "moment_y", "moment_x", "centroid_y", "centroid_x"]
run_photometry = lambda image, threshold, psf_width: pd.DataFrame(
    [_row(image, int(x), int(y), psf_width) for x, y in zip(*map(list, find_peaks(gaussian_filter(image, psf_width), threshold)))],
    columns=NAMES)
""")


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
    *((text, "both lists are of one length") for text in (
        "for px, py in zip(x_peaks, y_peaks):",
        "for px, py in zip(x_peaks, y_peaks, strict=False):",
    )),
    ("return pd.DataFrame(rows, columns=columns)", "an empty table of another kind of column is right"),
    ("x_peaks, y_peaks = find_peaks(gaussian_filter(image, psf_width), threshold)",
     "what is assumed beyond the edges is free"),
    ("gaussian_filter(image, 2.3548 * psf_width",
     "a kernel wider than the stars finds bright isolated ones as well, and those are graded"),
]
