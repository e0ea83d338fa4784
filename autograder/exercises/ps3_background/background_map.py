"""A two-dimensional background, judged by what is left of the true gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import ArrayRms
from photcheck.values import DataRef
from photcourse.simulate import add_stars, scatter
from photcourse.simulate.background_scenes import sky_gradient
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Two-dimensional background",
    # Each case gives its own limit, see `_limit`.
    compare=ArrayRms(unit="counts", name="background"),
    picture="image",
    shown=("a fresh gradient", "a wide source", "a nebula", "trails"),
)

#: Largest rms of background less truth, as a share of the true background's range.
SHARE = 0.12


def _limit(truth: np.ndarray) -> ArrayRms:
    """Tolerance of a case, 12 % of the gradient's range.

    A plain Background2D leaves 3 to 7 % as an rms, most of it at the edges, where the outermost boxes are held
    constant. Other estimators and polynomials lie no higher, inverse-distance interpolation at up to 10 %. A constant
    leaves 20 %, and boxes that follow the sources more.
    """
    return ArrayRms(limit=round(SHARE * float(np.ptp(truth)), 4), unit="counts", name="background")


@exercise.reference
def background_map(image, box_size, filter_size):
    from astropy.stats import SigmaClip
    from photutils.background import Background2D, MedianBackground

    background = Background2D(image, box_size, filter_size=filter_size, sigma_clip=SigmaClip(3.0),
                              bkg_estimator=MedianBackground())
    return background.background


@exercise.provided
def provided() -> Iterator[Case]:
    truth = sky_gradient((240, 320))[90:240, :200]
    # Hundredths, and single precision: the frozen answer stays small.
    truth = np.round(truth, 2).astype(np.float32)
    yield Case("a corner of the field", DataRef("gaussians100", "gradient", ((90, 240), (0, 200))), 24, 3,
               expected=truth, compare=_limit(truth),
               tests="part of the field with a gradient, one number for box and filter, not a whole number of boxes")


def _scene(rng: np.random.Generator, shape: tuple[int, int], high: float, each: int = 1200,
           bright: float = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Sources well apart on a gradient that rises from a random corner."""
    truth = sky_gradient(shape, 10.0, high)
    truth = truth[:: rng.choice([1, -1]), :: rng.choice([1, -1])]
    # One source to `each` pixels: clipped medians bear them, means do not.
    count = shape[0] * shape[1] // each
    x, y = scatter(rng, count, shape, separation=18.0, margin=10.0).T
    width = rng.uniform(1.5, 2.4, count)
    peak = np.exp(rng.uniform(np.log(100), np.log(bright), count))
    light = add_stars(np.zeros(shape), x, y, 2 * np.pi * width**2 * peak, width)
    # What travels with the release as the right answer stays small so.
    return np.round(truth, 2).astype(np.float32), truth + light + rng.normal(0, 2.0, shape)


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    truth, image = _scene(rng, (132, 160), 90.0)
    yield Case("a fresh gradient", np.round(image, 2), (22, 20), (3, 3), expected=truth, compare=_limit(truth),
               points=2, tests="other sources, a gradient from another corner, box and filter as pairs")
    truth, image = _scene(rng, (120, 170), 90.0, each=4000, bright=200)
    # A disk of radius 15 about the middle of a box of 10 x 10 covers most of that one and of the eight around it, which a filter
    # of 3 x 3 cannot heal, and none other of the 25 that the filter asked for sees.
    y, x = np.mgrid[:120, :170]
    middle = rng.choice([54.5, 64.5]), rng.choice([64.5, 74.5, 84.5, 94.5, 104.5])
    radius = np.hypot(y - middle[0] + rng.uniform(-1, 1), x - middle[1] + rng.uniform(-1, 1))
    image = image + 180 / (1 + np.exp((radius - 15) / 0.7))
    yield Case("a wide source", np.round(image, 2), 10, (5, 5), expected=truth, compare=_limit(truth),
               tests="a bright source wider than a box, and a filter to take it out")
    truth, image = _scene(rng, (120, 144), 100.0)
    yield Case("whole counts", np.rint(image).clip(0).astype(np.uint16), (20, 18), 3,
               expected=truth, compare=_limit(truth), tests="an image of unsigned whole counts", points=0.5)
    # A disk as wide as three and a half boxes of 20 pixels, whose middle the median of neighbouring ones cannot heal; of the
    # boxes asked for it fills one.
    truth, image = _scene(rng, (250, 300), 90.0, each=4000, bright=200)
    y, x = np.mgrid[:250, :300]
    radius = np.hypot(y - 125 + rng.uniform(-2, 2), x - rng.choice([125, 175]) + rng.uniform(-2, 2))
    yield Case("a nebula", np.round(image + 200 / (1 + np.exp((radius - 38) / 0.7)), 2), 50, 3, expected=truth,
               compare=_limit(truth), points=0.8, tests="a source so wide that large boxes are asked for")
    # Trails along x: a tenth of a box 64 rows high, most of one that is 8 rows high.
    truth = np.linspace(20, 90, 150)[:: rng.choice([1, -1])] * np.ones((196, 1))
    image = truth + rng.normal(0, 2.0, truth.shape)
    for row in (24, 90, 152):
        start = row + int(rng.integers(0, 8))
        image[start : start + 5] += 200.0
    yield Case("trails", np.round(image, 2), (64, 8), (1, 1), expected=truth, compare=_limit(truth), points=0.8,
               tests="bright trails along x, and boxes much higher than wide")


exercise.mistake(
    "constant", "One level stands for the whole image",
    edit={"background.background": "np.full(image.shape, background.background_median)"}, keeps=0.05,
    spellings=({"background.background": "np.full(image.shape, np.nanmean(image))"},
               {"background.background": "background.background_median"}),
    idea="The sky differs from place to place: that is what the boxes are for. A map has a value of its own at each "
         "pixel.",
    contrast="On a sky from 6 to 36 a constant 20 is wrong by up to 16.")
exercise.mistake(
    "subtracted", "The image without its background is returned",
    edit={"return background.background": "return image - background.background"},
    idea="The map of the background itself is asked for. Subtracting it is the next step.",
    contrast="background + sources = image; asked: background.")
exercise.mistake(
    "scatter", "The map of the scatter is returned", edit={"background.background": "background.background_rms"},
    idea="Background2D makes two maps: the level (`background`) and the noise about it (`background_rms`).",
    contrast="Sky 20 with a noise of 2: the map shows 20, not 2.")
exercise.mistake(
    "mesh", "The coarse mesh is returned, one value per box",
    edit={"background.background": "background.background_mesh"},
    spellings=({"background.background":
                "background.background_mesh[:round(image.shape[0] / np.ravel(box_size)[0]), "
                ":round(image.shape[1] / np.ravel(box_size)[-1])]"},),
    idea="The mesh has one value per box. Interpolated to every pixel it becomes a map of the image's shape.",
    contrast="An image of 150 x 200 with boxes of 25 has a mesh of 6 x 8.")
exercise.mistake(
    "small-boxes", "The boxes are smaller than the sources",
    edit={"image, box_size, filter_size=filter_size": "image, 3, filter_size=1"},
    spellings=(
        {"(image, box_size, filter_size=": "(image, 4, filter_size="},
        {"(image, box_size, filter_size=": "(image, 6, filter_size="},),
    idea="A box that lies within a source takes the source for sky. Boxes must be several times as wide as the "
         "sources, and the box size is given here.",
    contrast="Sources 7 pixels across: boxes of 25 see sky beside each of them, boxes of 3 do not.")
exercise.mistake(
    "box-ignored", "The box size that is given is not used",
    edit={"image, box_size, filter_size=filter_size": "image, 20, filter_size=3"}, fails=("a nebula",),
    spellings=tuple({"(image, box_size, filter_size=": f"(image, {size}, filter_size="} for size in (16, 20, 22, 25, 30, 50)),
    idea="The boxes have a size of their own, whatever is asked. Which size is right depends on the image: larger than its "
         "sources, smaller than the structure of its sky. So it is given.",
    contrast="background_map(image, 40, 3) has boxes of 40 x 40 pixels.")
exercise.mistake(
    "pair-turned", "The pair is read as (nx, ny)",
    edit={"(image, box_size, filter_size=": "(image, np.ravel(box_size)[::-1], filter_size="}, fails=("trails",),
    idea="Boxes come as (ny, nx), like the shape of an array: rows first.",
    contrast="(64, 8): 64 rows high and 8 columns wide.")
exercise.mistake(
    "filter-ignored", "The filter over the boxes is not used", edit={"filter_size=filter_size": "filter_size=1"},
    fails=("a wide*", "a nebula"), spellings=({"filter_size=filter_size": "filter_size=3"},),
    idea="A source that fills a box spoils the box. The median filter over neighbouring boxes takes such a box out.",
    contrast="Boxes 20, 22, 300, 21, 23: the median of the five is 22.")
exercise.mistake(
    "smoothed", "The image is smoothed, sources and all",
    edit={"return background.background":
          "from scipy.ndimage import uniform_filter\n"
          "    return uniform_filter(np.asarray(image, dtype=float), np.max(box_size))"},
    spellings=(
        {"return background.background":
         "from scipy.ndimage import gaussian_filter\n"
         "    return gaussian_filter(np.asarray(image, dtype=float), np.max(box_size))"},
        {"return background.background":
         "from scipy.ndimage import median_filter\n"
         "    return median_filter(np.asarray(image, dtype=float), np.max(filter_size))"},),
    idea="Smoothing spreads the light of the sources over their surroundings, and a median over fewer pixels than a source "
         "covers keeps the source. The background is what lies beneath: a median, or clipping, in boxes wider than the "
         "sources.",
    contrast="Pixels 20, 20, 20, 900: mean 240, median 20.")
exercise.mistake(
    "turned", "x and y of the map are exchanged", edit={"Background2D(image,": "Background2D(image.T,"},
    spellings=({"background.background": "background.background.T"},),
    idea="The map lies on the image pixel by pixel: the same shape, rows are y. A transposed map has another shape.",
    contrast="An image of 150 x 200 needs a map of 150 x 200.")
exercise.mistake(
    "upside-down", "The map is upside down", edit={"background.background": "background.background[::-1]"},
    fails=("a *", "whole*"),
    idea="Row 0 of the map belongs to row 0 of the image. How it is shown (origin) does not change the array.",
    contrast="origin='lower' is for the picture; do not turn the data.")
exercise.mistake(
    "normalised", "The map is divided by its mean",
    edit={"background.background": "background.background / background.background.mean()"},
    idea="A flat field is divided by its mean, because it will divide. A background will be subtracted and keeps its "
         "counts.",
    contrast="Sky from 6 to 36 counts, not from 0.3 to 1.7.")
exercise.mistake(
    "zeroed", "The median is taken off the map",
    edit={"background.background": "background.background - background.background_median"},
    idea="The map holds the whole background, level and slope. Without its level, subtracting it leaves the sky in.",
    contrast="Sky from 6 to 36 counts, not from -14 to 16.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "how the map is made is free: its residual against the true background decides, and stays within the "
             "tolerance") for text in (
        "filter_size, bkg_estimator", "SigmaClip(3.0))", "SigmaClip(6.0), bkg_estimator",
        "mask = ndimage.binary_dilation(ndimage.gaussian_filter(rest, 1.5) > 1.5 * spread)",
        "first = Background2D(image, box_size).background", "rest, 1.5) >= 1.5 * spread",
        "Background2D(image, box_size, filter_size=filter_size, exclude_percentile",
        "return Background2D(image, box_size, mask=mask, exclude_percentile=70).background",
        "mask = ndimage.binary_dilation(ndimage.gaussian_filter(rest, 1.5) > 1.5, iterations=2)",
        "1.5) > spread, iterations", "iterations=3)", "iterations=1)", "ndimage.gaussian_filter(rest, 3.0) > 1.5",
        "ndimage.gaussian_filter(rest, 0.75) > 1.5", "1.5) > 3.0 * spread", "1.5) > 0.75 * spread",
        "exclude_percentile=71).background", "exclude_percentile=69).background",
    )),
]
