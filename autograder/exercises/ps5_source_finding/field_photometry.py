"""Aperture photometry of a whole field: Poisson errors, and a local background for each star."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck import wire
from photcourse.comparators import RowsClose
from photgrader.exercise import Case, Exercise

from ._scenes import FWHM_PER_SIGMA, add_peaks, log_uniform, spread_out

COLUMNS = ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")


def _compare(noise: float, radius: float) -> RowsClose:
    """Return the comparator for a pixel noise and an aperture radius.

    The sum is right to 0.1 %, as from 15 x 15 sub-pixels or more. The error may be sqrt(sum(w e^2)) or
    sqrt(sum(w^2 e^2)), which differ by 3 % at a radius of 5 pixels. Medians of an annulus, clipped or not, differ by up
    to 0.5 of the pixel noise where a neighbour covers a quarter of it; a mean is then wrong by ten times that.
    """
    level = 0.7 * noise * np.pi * radius**2
    return RowsClose(COLUMNS, rtols=(1e-3, 0.045, 0.0, 1e-3), atols=(1e-3, 1e-3, level, level),
                     units=("counts",) * 4, noun="star")


exercise = Exercise("Photometry of a field", compare=_compare(25.0, 6.0), picture="table", shown=("an empty list",))


@exercise.reference
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry

    if len(positions) == 0:
        return QTable({name: np.zeros(0) for name in
                       ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")})
    apertures = CircularAperture(positions, r=r)
    table = aperture_photometry(image, apertures, error=np.sqrt(np.clip(image, 0, None)))
    level = ApertureStats(image, CircularAnnulus(positions, r_in=r_in, r_out=r_out)).median
    table["total_bkg"] = level * apertures.area
    table["aperture_sum_bkgsub"] = table["aperture_sum"] - table["total_bkg"]
    return table


def _read_out(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[float, float]]:
    """Return a faint star on a sky of a few counts, with read noise that makes many of them negative; and its place."""
    from photutils.aperture import CircularAperture

    x, y = shape[1] / 2 + round(rng.uniform(-4, 4), 1), shape[0] / 2 + round(rng.uniform(-4, 4), 1)
    light = np.full(shape, 8.0)
    add_peaks(light, np.array([x]), np.array([y]), np.array([25.0]), 3.5)
    aperture = CircularAperture((x, y), 8.0)
    while True:
        counts = np.round(rng.poisson(light) + rng.normal(0, 12.0, shape), 1)
        exact, whole = (aperture.do_photometry(counts, method=method)[0][0] for method in ("exact", "center"))
        # By chance the noise on the rim may hide whether pixels count whole: nine of ten times it does not.
        if abs(whole - exact) > 0.005 * exact:
            return counts, (x, y)


@exercise.provided
def provided() -> Iterator[Case]:
    rows, columns = (2, 150), (190, 456)
    region = wire.DataRef("horsehead", region=(rows, columns))
    positions = _nebula_positions(rows, columns)
    yield Case("the nebula", region, positions, 6.0, 11.0, 15.0, points=2, compare=_compare(110.0, 6.0),
               tests="stars in front of a nebula")
    yield Case("one star", region, (float(positions[2, 0]), float(positions[2, 1])), 7.0, 12.0, 17.0,
               compare=_compare(110.0, 7.0), tests="a single (x, y)")
    counts, place = _read_out(np.random.default_rng(11), (56, 60))
    yield Case("a dark sky", counts, place, 8.0, 11.0, 20.0, compare=_compare(7.5, 8.0),
               tests="a sky with counts below zero")
    # Where the real plate is: its grain scatters by 540 counts, and nothing on it is a photon.
    real = wire.DataRef("horsehead", region=((80, 300), (600, 880)), origin="archive")
    yield Case("the nebula, on the real plate", real, [(86.5, 192.0), (162.5, 180.0), (200.0, 22.0)], 6.0, 11.0, 15.0,
               compare=_compare(540.0, 6.0), tests="the real Horsehead plate", dataset="horsehead")


def _nebula_positions(rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    """Stars of the stand-in that lie in a region of it, far enough from its edges, to a tenth of a pixel."""
    from photcourse import data

    truth = data.load("horsehead", prefer="embedded").truth
    x, y = np.asarray(truth["x"]) - columns[0], np.asarray(truth["y"]) - rows[0]
    inside = (x > 20) & (y > 20) & (x < columns[1] - columns[0] - 20) & (y < rows[1] - rows[0] - 20)
    return np.round(np.column_stack([x, y])[inside & (np.asarray(truth["peak"]) > 900)], 1)


def _sky_with_stars(rng: np.random.Generator, light: np.ndarray, positions: np.ndarray, peaks: np.ndarray,
                    fwhm: float) -> np.ndarray:
    """Return whole counts of the light with stars added."""
    light = light.copy()
    add_peaks(light, *positions.T, peaks, fwhm)
    return rng.poisson(light)


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # Stars alone; one annulus reaches over the edge of the image.
    shape, radius, sky = (139, 203), float(rng.uniform(5.0, 6.2)), rng.uniform(500, 800)
    positions = spread_out(rng, 8, (shape[0], shape[1] - 30), 37, 19) + [30, 0]
    positions = np.vstack([[rng.uniform(9, 11), rng.uniform(60, 80)], positions])
    image = _sky_with_stars(rng, np.full(shape, sky), positions, log_uniform(rng, 300, 5000, len(positions)), 4.1)
    listed = [(float(x), float(y)) for x, y in np.round(positions, 2)]
    yield Case("whole counts", image.astype(np.uint16), listed, round(radius, 2), 11.5, 16.0, points=2,
               compare=_compare(np.sqrt(sky), radius),
               tests="an image of unsigned whole numbers, faint and bright stars")
    # Every annulus holds a brighter neighbour.
    shape, radius, sky = (188, 151), 5.5, 640.0
    positions = spread_out(rng, 7, shape, 44, 24)
    angle = rng.uniform(0, 2 * np.pi, 7)
    others = positions + 13.0 * np.column_stack([np.cos(angle), np.sin(angle)])
    peaks = log_uniform(rng, 600, 2500, 7)
    stars, heights = np.vstack([positions, others]), np.append(peaks, 4 * peaks[::-1])
    image = _sky_with_stars(rng, np.full(shape, sky), stars, heights, 3.2)
    yield Case("a neighbour in the annulus", image.astype(float), np.round(positions, 2), radius, 9.5, 16.5,
               compare=_compare(np.sqrt(sky), radius), tests="annuli with a bright neighbour in them")
    # The background rises over the image by more than its noise.
    shape, radius = (131, 224), 5.0
    light = np.broadcast_to(400 + rng.uniform(4, 5) * np.arange(shape[1]), shape)
    positions = spread_out(rng, 8, shape, 36, 20)
    image = _sky_with_stars(rng, light, positions, log_uniform(rng, 500, 4000, 8), 9 / FWHM_PER_SIGMA)
    yield Case("a background that rises", image.astype(np.float32), np.round(positions, 2), radius, 10.0, 15.0,
               compare=_compare(30.0, radius), tests="a background that is not the same everywhere")
    # The glow falls by 8 counts a pixel: a ring that begins or ends two pixels elsewhere is off by 6 counts.
    shape, x, y = (71, 93), rng.uniform(48, 56), rng.uniform(30, 38)
    yy, xx = np.indices(shape)
    light = np.maximum(rng.uniform(480, 520) - 8 * np.hypot(xx - x, yy - y), 20)
    add_peaks(light, np.array([x]), np.array([y]), np.array([900.0]), 3.5)
    yield Case("a glow", light + rng.normal(0, 1, shape), [(float(x), float(y))], 4.5, 13.0, 19.0,
               compare=_compare(3.0, 4.5),
               tests="a star in a glow that falls off with distance: the ring must be where it is asked")
    counts, place = _read_out(rng, (66, 52))
    yield Case("counts below zero", counts, [place], 8.0, 11.0, 20.0, compare=_compare(7.5, 8.0),
               tests="a dark sky with read noise")
    image = rng.poisson(300.0, (64, 81)).astype(float)
    yield Case("an empty list", image, [], 4.0, 8.0, 12.0, points=0.5, tests="a list without positions")


PLAIN = "as most people write it"
SOME = ("a glow", "the nebula*", "one star", "a dark*", "counts*", "whole*", "a neighbour*", "a background*")
#: Stars that stand out in the aperture's median.
STARS = tuple(name for name in SOME if name not in ("a dark*", "counts*"))
exercise.mistake(
    "error-of-the-rest", "The error is taken from the light that is left after subtraction",
    edit={"np.sqrt(variance)": "np.sqrt(np.clip(total - background, 0, None))"}, of=PLAIN, fails=SOME,
    spellings=({"np.sqrt(variance)": "np.sqrt(np.abs(total - background))"},
               {"np.sqrt(variance)": "aperture_photometry(data, apertures, error=np.sqrt(np.clip(data - np.median(data), 0, None)))"
                                     '["aperture_sum_err"].value'}),
    idea="The photons of the sky were counted too, and they fluctuate. Poisson's error is the square root of all "
         "counts in the aperture, *before* the background is subtracted.",
    contrast="900 counts of star on 8100 counts of sky: the error is sqrt(9000) = 95, not sqrt(900) = 30.")
exercise.mistake(
    "linear-errors", "Errors are added up, not their squares",
    edit={"np.sqrt(variance)": 'aperture_photometry(np.sqrt(np.clip(data, 0, None)), apertures)["aperture_sum"].value'},
    of=PLAIN, fails=SOME,
    idea="Independent errors add in quadrature. The plain sum of the pixels' errors is as if all of them erred the "
         "same way at once.",
    contrast="100 pixels with an error of 25 each: sqrt(100) x 25 = 250, not 2500.")
exercise.mistake(
    "variance", "The square of the error", edit={"np.sqrt(variance)": "variance"}, of=PLAIN, fails=SOME,
    idea="The counts are the variance; the error is its square root.",
    contrast="10000 counts: variance 10000, error 100.")
exercise.mistake(
    "counts-as-error", "The counts are given where their errors are asked",
    edit={"np.sqrt(variance)": 'aperture_photometry(data, apertures, error=data)["aperture_sum_err"].value'}, of=PLAIN,
    fails=SOME,
    idea="The argument `error` of photutils is the 1-sigma error of each pixel, that is the square root of its "
         "counts. With the counts themselves every pixel gets an error of 100 %.",
    contrast="error=image          # 600 +- 600\nerror=np.sqrt(image) # 600 +- 24")
exercise.mistake(
    "level-error-added", "The error of the background level is added",
    edit={"error = np.sqrt(variance)":
          "spread = ApertureStats(data, annuli).std\n"
          "    error = np.sqrt(variance + (apertures.area * spread)**2 / annuli.area)"}, of=PLAIN,
    fails=("the nebula*", "one star", "a dark*", "counts*", "whole*", "a neighbour*", "a background*"),
    # As in IRAF's phot: the star's photons, the sky's scatter in the aperture, and the error of its level.
    spellings=({"error = np.sqrt(variance)":
                "spread = apertures.area * ApertureStats(data, annuli).std**2\n"
                "    error = np.sqrt(np.clip(total - background, 0, None) + spread * (1 + apertures.area / annuli.area))"},),
    idea="A full error budget has this term, and the lecture shows it. Here the contract asks for the Poisson error "
         "propagated through the aperture alone, so that tables of several people can be compared.",
    contrast="aperture_sum_err belongs to aperture_sum, not to aperture_sum_bkgsub.")
exercise.mistake(
    "sky-twice", "The counts of the sky are in the error twice",
    edit={"np.sqrt(variance)": "np.sqrt(variance + level * apertures.area)"}, of=PLAIN, fails=SOME,
    idea="The counts in the aperture are those of star and sky together, so their root has the sky's noise in it already. "
         "Adding total_bkg to the variance counts the same photons once more.",
    contrast="900 counts of star on 8100 of sky: the error is sqrt(9000) = 95, not sqrt(9000 + 8100) = 131.")
exercise.mistake(
    "no-area", "The level is not multiplied by the aperture's area", edit={"level * apertures.area": "level"}, of=PLAIN,
    fails=SOME,
    spellings=({"level * apertures.area": "level", "total - background": "total - level * apertures.area"},),
    idea="The median of the annulus is the background of *one* pixel. The aperture holds pi r^2 of them.",
    contrast="600 counts a pixel, radius 5: the aperture holds 47124 counts of sky.")
exercise.mistake(
    "corners-as-zeros", "Pixels outside of the ring are in the median, as zeros",
    edit={"ApertureStats(data, annuli).median": "np.array([np.median(m.multiply(data)) for m in annuli.to_mask('center')])"},
    of=PLAIN, fails=SOME,
    idea="An image times a mask of the ring is a rectangle: its corners and the hole in the middle are zeros, and there "
         "are more of them than pixels of the ring. Only the pixels in the ring belong into the median.",
    contrast="mask.multiply(image) gives a rectangle with zeros; mask.get_values(image) the pixels of the ring.")
exercise.mistake(
    "annulus-area", "The level is multiplied by the annulus's area", edit={"apertures.area": "annuli.area"}, of=PLAIN,
    fails=SOME,
    idea="What is to be subtracted is the sky *under the star*, so the area is that of the aperture.",
    contrast="r = 5 has 79 pixels; an annulus from 10 to 15 has 393.")
exercise.mistake(
    "mean", "The mean of the annulus", edit={"median": "mean"}, of=PLAIN,
    fails=("the nebula", "one star", "a neighbour*"),
    idea="One neighbour in the annulus pulls the mean up, and with it the whole background. The median hardly notices.",
    contrast="[600, 610, 590, 600, 5000]: mean 1480, median 600.")
exercise.mistake(
    "global-level", "One level for the whole image",
    edit={"ApertureStats(data, annuli).median": "np.median(data) * np.ones(len(positions))"}, of=PLAIN,
    fails=("the nebula*", "one star", "a background*", "a glow"),
    idea="The background differs from place to place, and the median of the whole image is right nowhere. Each star "
         "has an annulus of its own.",
    contrast="Before the bright curtain 13000 counts, before the dark cloud 5500: the image's median is wrong for "
             "both.")
exercise.mistake(
    "swapped", "Positions are taken as (y, x)", edit={"reshape(-1, 2)": "reshape(-1, 2)[:, ::-1]"}, of=PLAIN,
    fails=SOME,
    idea="Positions are (x, y): column first. Array indices are the other way round, [y, x].",
    contrast="CircularAperture((140.0, 12.0), r=5) looks at image[12, 140].")
exercise.mistake(
    "diameter", "The radius is taken for a diameter", edit={"(positions, r=r)": "(positions, r=r / 2)"}, of=PLAIN,
    fails=SOME,
    spellings=({"(positions, r=r)": "(positions, r=r / 2)", "level * apertures.area": "level * np.pi * r**2"},),
    idea="`r` is a radius. Half of it covers a quarter of the area.",
    contrast="r = 6 pixels: area 113 pixels. r = 3: 28.")
exercise.mistake(
    "whole-pixels", "Whole pixels instead of exact overlap",
    edit={"(data, apertures)": '(data, apertures, method="center")'}, of=PLAIN, fails=SOME,
    idea="A pixel on the aperture's rim counts with the share of it that lies inside; with method='center' it counts "
         "wholly or not at all.",
    contrast="A circle of radius 5 has an area of 78.54 pixels; whole pixels make 69 to 88 of it, depending on the "
             "centre.")
exercise.mistake(
    "filled-annulus", "The level is not the median of the ring between r_in and r_out",
    edit={"(data, annuli)": "(data, apertures)"}, of=PLAIN, fails=STARS,
    spellings=({"(data, annuli)": "(data, CircularAperture(positions, r_out))"},),
    idea="The level was measured with the star in it, in the aperture or a disk, or in another ring, or it is another "
         "number than the median. It has to come from the pixels between r_in and r_out, half of which are below it.",
    contrast="In a star's aperture the median pixel is star; in its annulus it is sky.")
exercise.mistake(
    "not-subtracted", "The background is not subtracted", edit={"total - background": "total"}, of=PLAIN, fails=SOME,
    idea="`aperture_sum_bkgsub` is the star alone: `aperture_sum` minus `total_bkg`.",
    contrast="aperture_sum 48000, total_bkg 47100: the star has 900 counts.")
exercise.mistake(
    "subtracted-first", "The image's level is subtracted before anything is measured",
    edit={"data = np.asarray(image, dtype=float)": "data = np.asarray(image, dtype=float)\n    data = data - np.median(data)"},
    of=PLAIN, fails=SOME,
    spellings=({"total = aperture_photometry(data, apertures)":
                "data = data - np.median(data)\n    total = aperture_photometry(data, apertures)",
                "np.clip(data, 0, None)": "np.clip(image.astype(float), 0, None)"},),
    idea="`aperture_sum` holds all counts in the circle, sky included, and their square root is the error. With a level "
         "taken off first the sum and its error are those of another image, and `total_bkg` is what that level has left over.",
    contrast="48000 counts in the aperture, 47100 of them sky: aperture_sum is 48000, aperture_sum_bkgsub 900.")
exercise.mistake(
    "negative-counts", "Counts below zero go into the error",
    edit={"np.clip(data, 0, None)": "np.abs(data)"}, of=PLAIN, fails=("a dark*", "counts*"),
    spellings=({"np.clip(data, 0, None)": "data"},
               {"np.sqrt(variance)": 'aperture_photometry(data, apertures, error=np.sqrt(data))["aperture_sum_err"].value'},
               {"np.sqrt(variance)": "np.sqrt(np.abs(total))"}),
    idea="Read noise carries faint pixels below zero. Such a count has no light and its error is 0, as the text says: taken "
         "as it is it makes the variance smaller, or the square root NaN; its absolute value makes light of it.",
    contrast="Counts 9, -4, 16: the error is sqrt(9 + 0 + 16) = 5; sqrt(-4) is NaN.")
exercise.mistake(
    "in-place", "The image is changed",
    edit={"error = np.sqrt(variance)": "error = np.sqrt(variance)\n    image -= np.median(image).astype(image.dtype)"},
    of=PLAIN, fails=SOME, raises="input-modified",
    idea="`image -= level` writes into the caller's image, and the next call measures something else.",
    contrast="image = image - level   # a new array")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("table = aperture_photometry(image, apertures, error=np.sqrt(np.clip(0, image, None)))",
     "np.clip(0, image, None) is the larger of the two as well"),
    ("table = aperture_photometry(image, apertures, error=np.sqrt(np.clip(image, 1, None)))",
     "an error of one count in a dark pixel is nothing beside those of the others"),
]
