"""A constant background: the sigma-clipped median, subtracted in floating point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from astropy.stats import sigma_clip

from photcheck.values import DataRef
from photcourse import data
from photcourse.comparators import Subtracted
from photgrader.exercise import Case, Exercise

exercise = Exercise("Subtract a constant background", compare=Subtracted(atol=0.3),
                    shown=("a lower threshold", "holes"))


@exercise.reference
def subtract_background(image, sigma=3.0):
    from astropy.stats import sigma_clipped_stats

    pixels = np.asarray(image, dtype=float)
    mean, median, scatter = sigma_clipped_stats(pixels[np.isfinite(pixels)], sigma=sigma)
    level = float(median)
    return pixels - level, level


def _spread(image: np.ndarray, sigma: float = 3.0) -> Subtracted:
    """Tolerance: what one round, two, five, or all until nothing changes make of the level, and a tenth more."""
    good = image[np.isfinite(image)].astype(float)
    levels = [np.ma.median(sigma_clip(good, sigma, maxiters=n)) for n in (1, 2, 5, None)]
    kept = sigma_clip(good, sigma).compressed()
    return Subtracted(atol=float(1.1 * np.ptp(levels) + 0.02), sigma=_scatter(kept.std(), kept.size))


def _scatter(noise: float, pixels: int) -> float:
    """One standard deviation of the median of so many pixels with Gaussian noise."""
    return float(1.25 * noise / np.sqrt(pixels))


@exercise.provided
def provided() -> Iterator[Case]:
    region = ((100, 132), (180, 220))
    cut = data.load("m13", prefer="embedded").image[100:132, 180:220]
    yield Case("a piece of the cluster", DataRef("m13", "image", region), compare=_spread(cut), points=0.5,
               tests="the first frame at the cluster's core, default threshold")
    rng = np.random.default_rng(35)
    counts = rng.poisson(24.5, (30, 37)).astype(np.uint16)
    # A twelfth of the pixels lies under something bright: clipped, the median of the sky is left, as in "few photons".
    counts[18:25, 4:17] = 900
    yield Case("16-bit counts", counts, 3.0, compare=Subtracted(0.2, sigma=_scatter(4.95, 1000)), points=3,
               tests="unsigned whole counts, many of them below the level, a twelfth of the image under bright light")


def _under_light(rng: np.random.Generator, image: np.ndarray, share: float, value: float) -> np.ndarray:
    """Put a share of the pixels, a band of rows at a random height, under a constant bright light."""
    rows = int(round(share * image.shape[0]))
    start = int(rng.integers(5, image.shape[0] - rows - 5))
    image[start : start + rows] = value
    return image


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # Poisson with a mean of k + 0.5: the median of the sky is k for every number of rounds, its mean k + 0.5, and with
    # a twelfth of the pixels under bright light the plain median is k + 1. Its own scatter is far below one count. A tenth
    # under one value lies 3.0 standard deviations from the mean of all: clipped about the mean it may stay.
    few = _under_light(rng, rng.poisson(rng.integers(5, 15) + 0.5, (130, 110)), 0.085, 600).astype(np.uint16)
    yield Case("few photons", few, 3.0, compare=Subtracted(0.2), points=3,
               tests="few photons a pixel in whole counts, a twelfth of the image under bright light")
    # 18 % at one value: at 2 sigma one round takes it away, at 3 sigma none ever does. The wrong level is off by 0.27
    # of the noise, 20 times its own scatter of 1.25 / sqrt(n).
    sky, noise = rng.uniform(60, 90), rng.uniform(5, 7)
    image = _under_light(rng, np.round(rng.normal(sky, noise, (100, 130)), 2), 0.18, sky + 300)
    yield Case("a lower threshold", image, 2.0, compare=Subtracted(0.08 * noise, sigma=_scatter(noise, 10_000)), points=1.5,
               tests="a threshold other than 3 sigma, with bright light over part of the image")
    holes = np.round(rng.normal(sky + 100, noise, (84, 101)), 2)
    holes[10:42, 30:90] = np.nan
    holes[70:73, 5:60] += 400
    yield Case("holes", holes, compare=Subtracted(0.08 * noise, sigma=_scatter(noise, 6_500)), points=0.5,
               tests="a patch of NaN pixels, default threshold")


exercise.mistake(
    "mean", "The plain mean is taken for the background", edit={"float(median)": "float(np.nanmean(image))"},
    idea="A mean is drawn up by every star in the image. The background is what most pixels show, and a clipped "
         "median finds that.",
    contrast="Pixels 10, 11, 9, 10, 960: mean 200, median 10.")
exercise.mistake(
    "clipped-mean", "The mean of the clipped pixels is taken, not their median", edit={"float(median)": "float(mean)"},
    fails=("a piece*", "few*", "16-bit*", "the real*"),
    idea="Clipping takes the bright stars away and leaves the faint wings, and counts are not symmetric about their "
         "middle: mean and median of what is left differ.",
    contrast="Of the counts 5, 6, 6, 7, 9 the mean is 6.6, the median 6.")
exercise.mistake(
    "no-clipping", "The median is taken of all pixels, without clipping",
    edit={"float(median)": "float(np.nanmedian(image))"}, fails=("a lower*", "few*", "16-bit*"),
    idea="The median bears a few stars, but where light covers a tenth of the image it is no longer the middle of the "
         "sky.",
    contrast="Ten sky pixels about 6 and four of 600: the middle of all 14 lies at the upper end of the sky.")
exercise.mistake(
    "unsigned", "The subtraction is done in unsigned whole numbers",
    edit={"pixels - level": "image - image.dtype.type(level)"}, fails=("16-bit*", "few*"),
    idea="Unsigned numbers have no negative values: a pixel below the level wraps round to about 65000. Convert to "
         "float first.",
    contrast="np.uint16(20) - np.uint16(24) is 65532, not -4.")
exercise.mistake(
    "threshold-ignored", "The threshold given is not used", edit={"sigma=sigma": "sigma=3.0"}, fails=("a lower*",),
    idea="`sigma` is an argument so that the caller chooses where to clip. A function that always clips at 3 gives "
         "the same level for every threshold.",
    contrast="With a wide bright patch, 2 sigma removes it and 3 sigma does not.")
exercise.mistake(
    "nan-spoils", "One NaN pixel makes the level NaN", edit={"[np.isfinite(image)]": ""}, of="by hand, three rounds",
    fails=("holes",),
    idea="np.median of anything that holds a NaN is NaN, and so is every pixel after subtracting it. Leave NaN pixels "
         "out.",
    contrast="np.median([1, 2, NaN]) is NaN, np.nanmedian([1, 2, NaN]) is 1.5.")
exercise.mistake(
    "nan-to-zero", "NaN pixels are counted as zeros",
    edit={"np.asarray(image, dtype=float)": "np.nan_to_num(np.asarray(image, dtype=float))"}, fails=("holes",),
    idea="A NaN says that nothing is known of the pixel. As a zero it takes part in the median and draws it down.",
    contrast="Sky 170, a quarter of the pixels without data: the median with zeros lies below the sky's.")
exercise.mistake(
    "other-order", "Level and image are returned in the other order",
    edit={"pixels - level, level": "level, pixels - level"},
    idea="The contract asks for (subtracted, level): the image comes first.", contrast="return subtracted, level")
exercise.mistake(
    "scatter", "The scatter is taken for the level", edit={"float(median)": "float(scatter)"},
    idea="sigma_clipped_stats returns three numbers: mean, median, standard deviation. The level is the second.",
    contrast="(512.8, 512.0, 25.1): the sky is 512, its scatter 25.")
exercise.mistake(
    "cut-at-zero", "Pixels below the level are set to zero",
    edit={"pixels - level": "np.clip(pixels - level, 0, None)"},
    idea="Noise goes both ways. If its lower half is cut away, every sum over sky pixels comes out too bright.",
    contrast="Residuals -3, 2, -1, 2 sum to 0; cut at zero they sum to 4.")
exercise.mistake(
    "stars-removed", "The clipped pixels are taken out of the image too",
    edit={"[image - level, level]": "(clipped - level).filled(0.0), level", ", maxiters=None": ""},
    of="sigma_clip and a masked median",
    spellings=({"[image - level, level]": "(clipped - level).filled(np.nan), level", ", maxiters=None": ""},),
    idea="Clipping serves the estimate of the level only. The image keeps every pixel; otherwise the stars are gone.",
    contrast="A pixel of 900 over a sky of 24 becomes 876, not 0.")
exercise.mistake(
    "input-modified", "The level is subtracted from the caller's image",
    edit={"return pixels - level": "image -= level\n    return image"}, raises="input-modified",
    idea="`image -= level` writes into the array that was handed in.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "the level is a double, and so is what is left after its subtraction") for text in (
        "pixels = image", "pixels = np.asarray(image)", "pixels = image[np.isfinite(image)]",
        "return (image - level, level)",
    )),
    ("mean, median, scatter = sigma_clipped_stats(pixels[np.ones(np.shape(pixels), bool)], sigma=sigma)",
     "sigma_clipped_stats leaves NaN out itself"),
    *((text, "the number of clipping rounds is free") for text in (
        "break", "for _ in list(range(3))[1:]:", "for _ in list(range(3))[:-1]:", "for _ in range(4):",
        "for _ in range(2):",
    )),
    ("pixels = pixels[np.abs(pixels - middle) <= sigma * width]", "no pixel lies exactly on the limit"),
]
