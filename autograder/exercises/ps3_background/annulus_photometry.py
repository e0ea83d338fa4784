"""Aperture photometry with a local background from an annulus."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import MeasuredTable
from photgrader.exercise import Case, Exercise

from ._scenes import star_scene

exercise = Exercise(
    "Photometry with a local background",
    # Each case gives its own tolerance, see `_tolerant`.
    compare=MeasuredTable(("aperture_sum", "total_bkg", "aperture_sum_bkgsub")),
    picture="table",
    shown=("a neighbour", "holes", "no positions"),
)

COLUMNS = ("aperture_sum", "total_bkg", "aperture_sum_bkgsub")


def _tolerant(r: float, r_in: float, r_out: float, noise: float, covered: float = 0.0) -> MeasuredTable:
    """Tolerances of a case.

    `aperture_sum`: 0.15 %, as from 15 x 15 sub-pixels or more. The two others: mean and median of n pixels
    differ by 0.76 noise / sqrt(n) in the standard deviation (the median's 1.25 / sqrt(n) is fully correlated with the
    mean's 1 / sqrt(n)), mode estimators by three times that; five of these, times the aperture's area. Where a share
    `covered` of the annulus lies under a neighbour, a median is drawn up by 1.25 noise times half that share and more
    in the neighbour's wings: all of `covered` is allowed.
    """
    pixels = np.pi * (r_out**2 - r_in**2)
    level = noise * (5 * 1.5 / np.sqrt(pixels) + 1.25 * covered)
    total = float(level * np.pi * r**2)
    # The scatter of a median of n pixels, times the area: what a symptom is told in.
    sigma = float(1.25 * noise / np.sqrt(pixels) * np.pi * r**2)
    return MeasuredTable(COLUMNS, rtols=(1.5e-3, 2e-5, 2e-5), atols=(0.05, total, total), units=("counts",) * 3,
                         sigmas=(0.0, sigma, sigma))


@exercise.reference
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.stats import SigmaClip
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

    positions = np.asarray(positions, dtype=float).reshape(-1, 2)
    table = QTable({name: np.zeros(len(positions)) for name in ("aperture_sum", "total_bkg", "aperture_sum_bkgsub")})
    if len(positions):
        data = np.asarray(image, dtype=float)
        aperture = CircularAperture(positions, r)
        local = ApertureStats(data, CircularAnnulus(positions, r_in, r_out), sigma_clip=SigmaClip(3.0))
        table["aperture_sum"] = aperture.do_photometry(data)[0]
        table["total_bkg"] = local.median * aperture.area
        table["aperture_sum_bkgsub"] = table["aperture_sum"] - table["total_bkg"]
    return table


def _slope(shape: tuple[int, int], low: float, high: float) -> np.ndarray:
    """A sky that rises along y, much less over one annulus than over the image."""
    return np.linspace(low, high, shape[0])[:, None] * np.ones(shape)


def _halo(shape: tuple[int, int], x: float, y: float, top: float) -> np.ndarray:
    """A glow around (x, y) that falls off by 8 counts a pixel."""
    yy, xx = np.indices(shape)
    return np.maximum(top - 8 * np.hypot(xx - x, yy - y), 0)


@exercise.provided
def provided() -> Iterator[Case]:
    rng = np.random.default_rng(77)
    image = star_scene(rng, (44, 58), [(36.4, 19.7)], [5200.0], sky=41.0, noise=2.0)
    yield Case("one star", image, (36.4, 19.7), 5.0, 9.0, 14.0, compare=_tolerant(5, 9, 14, 2.0),
               tests="one position, given as (x, y)")
    positions = [(15.2, 22.6), (61.8, 17.3), (40.1, 46.9)]
    sky = _slope((64, 80), 60.0, 180.0)
    counts = star_scene(rng, (64, 80), positions, [9000.0, 4000.0, 6500.0], sky=sky, noise=3.0)
    # The slope adds 120 / 64 counts a pixel over an annulus 24 across: a scatter of 11 counts with the same mean
    # and median, on both sides alike.
    yield Case("three stars", np.rint(counts).astype(np.uint16), positions, 4.5, 8.0, 12.0,
               compare=_tolerant(4.5, 8, 12, 11.4),
               tests="a list of positions, whole counts, a sky that differs from star to star")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # Well off whole pixels, and apertures so small that a shift of the circle loses much more light than the noise.
    x, y = rng.integers(38, 48) + rng.uniform(0.25, 0.45), rng.integers(24, 30) + rng.uniform(0.55, 0.75)
    sky = rng.uniform(50, 80)
    angle = rng.uniform(0, 2 * np.pi)
    neighbour = (x + 11.5 * np.cos(angle), y + 11.5 * np.sin(angle))
    image = star_scene(rng, (58, 85), [(x, y), neighbour], [rng.uniform(3.5e3, 14e3), 60000.0], sigma=1.5, sky=sky, noise=2.0)
    # Above the noise the neighbour covers about 60 pixels of the 424; at a star of sigma 1.5 it adds less than one
    # count to the aperture 9 pixels from it.
    yield Case("a neighbour", image, [(x, y)], 2.5, 8.5, 14.5, compare=_tolerant(2.5, 8.5, 14.5, 2.0, covered=0.25),
               points=2, tests="a bright neighbour in the annulus")
    image = star_scene(rng, (58, 85), [(x, y)], [rng.uniform(4e3, 9e3)], sky=sky, noise=2.0)
    # Data are left below the star only, about 75 pixels of the ring: the tolerance is that of a ring with so many. With
    # zeros in the other four fifths, any median is zero.
    image[int(y) + 8 :] = np.nan
    image[:, : int(x) - 6] = image[:, int(x) + 8 :] = np.nan
    yield Case("holes", image, [(x, y)], 3.0, 9.0, 14.0, compare=_tolerant(3.0, 9.0, 10.16, 2.0),
               tests="NaN pixels in a large part of the annulus")
    halo = _halo((62, 76), x - 4, y, rng.uniform(280, 320))
    halo = halo + star_scene(rng, (62, 76), [(x - 4, y)], [7000.0], sky=0.0, noise=1.0)
    # The sky falls by 8 counts a pixel of distance: over a ring of radii 10 to 15 its mean and its median differ by 0.7
    # counts and mode estimators by 1; 2 are allowed (7.5 / sqrt(393) times 5.3). A ring that begins or ends a pixel
    # elsewhere is off by 3.
    yield Case("a halo", halo, [(x - 4, y)], 3.5, 10.0, 15.0, compare=_tolerant(3.5, 10.0, 15.0, 5.3),
               tests="a star in a glow that falls off with distance: the ring must be where it is asked")
    stars = [(13.5 + rng.uniform(-1, 1), 52.3), (60.2, 14.4 + rng.uniform(-1, 1))]
    sloped = star_scene(rng, (66, 74), stars, [8000.0, 5000.0], sky=_slope((66, 74), 40.0, 240.0), noise=2.0)
    # 200 / 66 counts a pixel along y over a ring of radii 7 to 11: scatter 3.03 x 6.5 = 20 counts, alike on both sides.
    yield Case("a sloping sky", sloped, stars, 4.0, 7.0, 11.0, compare=_tolerant(4.0, 7.0, 11.0, 20.0),
               tests="two stars on a sky that brightens across the image")
    yield Case("no positions", sloped, [], 4.0, 7.0, 11.0, points=0.5, tests="an empty list of positions")


PLAIN = "aperture_photometry and the median"
ALL_STARS = ("one star", "three stars", "a neighbour", "holes", "a sloping sky", "a halo")
exercise.mistake(
    "not-times-area", "The level is not multiplied by the aperture's area", edit={"levels * apertures.area": "levels"},
    of=PLAIN, fails=ALL_STARS,
    spellings=({"levels * apertures.area": "levels", '- table["total_bkg"]': "- levels * apertures.area"},),
    idea="The annulus gives the background of one pixel. The aperture holds many pixels, and each has its share.",
    contrast="Level 41, radius 5: 41 x 78.5 = 3220 counts lie under the star, not 41.")
exercise.mistake(
    "annulus-area", "The level is multiplied by the annulus' area", edit={"apertures.area": "annuli.area"}, of=PLAIN,
    fails=ALL_STARS,
    idea="The annulus serves to measure the level. What has to be taken off lies under the aperture, so its area "
         "counts.",
    contrast="Radius 5: 78.5 pixels; annulus from 9 to 14: 361 pixels.")
exercise.mistake(
    "mean", "A neighbour in the annulus draws the level up", edit={"median": "mean"}, of=PLAIN, fails=("a neighbour",),
    idea="A mean takes a bright star in the annulus for background. A median, or clipping, does not.",
    contrast="400 pixels of 50 and 20 of 3000: mean 190, median 50.")
exercise.mistake(
    "whole-image", "One background level from the whole image is used",
    edit={"np.atleast_1d(ApertureStats(image, annuli).median)": "np.full(len(positions), np.nanmedian(image))"},
    of=PLAIN, fails=("three*", "a sloping*", "a halo"),
    idea="The level is asked for around each star: the sky may differ from place to place, and the annulus follows it.",
    contrast="On a sky from 40 to 240 the middle is 140, wrong by 80 near the upper edge.")
exercise.mistake(
    "disk", "The background is measured with the star in it",
    edit={"CircularAnnulus(positions, r_in, r_out)": "CircularAperture(positions, r_out)", "median": "mean"}, of=PLAIN,
    fails=ALL_STARS, spellings=({"CircularAnnulus(positions, r_in, r_out)": "CircularAperture(positions, r_out)"},),
    idea="The inner radius keeps the star out of its own background. A full disk out to the outer radius holds the "
         "star, and a ring that begins at r its wings.",
    contrast="A star of 5200 counts raises the mean of a disk of radius 14 by 8.4 counts.")
exercise.mistake(
    "row-column", "Positions are read as (row, column)", edit={"dtype=float))": "dtype=float))[..., ::-1]"}, of=PLAIN,
    fails=ALL_STARS,
    idea="Positions are (x, y), as photutils takes them. Turned round, the aperture stands on the mirror place.",
    contrast="(36.4, 19.7) is x = 36.4, y = 19.7: near image[20, 36].")
exercise.mistake(
    "level-subtracted-once", "The level of one pixel is subtracted from the sum over the aperture",
    edit={'- table["total_bkg"]': "- levels"}, of=PLAIN, fails=ALL_STARS,
    idea="A sum over many pixels holds the background many times: subtract total_bkg, not the level.",
    contrast="8420 counts in 78.5 pixels on a sky of 41: 8420 - 3220 = 5200, not 8379.")
exercise.mistake(
    "sign", "The background is added, or the difference is the wrong way round",
    edit={'table["aperture_sum"] - table["total_bkg"]': 'table["total_bkg"] - table["aperture_sum"]'}, of=PLAIN,
    fails=ALL_STARS,
    spellings=({'table["aperture_sum"] - table["total_bkg"]': 'table["aperture_sum"] + table["total_bkg"]'},),
    idea="What is left for the star is the sum less the background: a star has a positive flux.",
    contrast="8420 - 3220 = 5200.")
exercise.mistake(
    "diameter", "The radius is taken for a diameter", edit={"(positions, r)": "(positions, r / 2)"}, of=PLAIN,
    fails=ALL_STARS,
    idea="CircularAperture takes a radius. With half of it the aperture has a quarter of the area.",
    contrast="r = 5: 78.5 pixels; r = 2.5: 19.6 pixels.")
exercise.mistake(
    "whole-positions", "The aperture stands on the nearest whole pixel",
    edit={"dtype=float))": "dtype=float)).round()"}, of=PLAIN, fails=ALL_STARS,
    idea="A star's centre lies between pixels as a rule. An aperture shifted by part of a pixel loses light on one "
         "side.",
    contrast="(36.4, 19.7) stays (36.4, 19.7): do not round it to (36, 20).")
exercise.mistake(
    "nan-spoils", "One NaN pixel in the annulus makes the level NaN",
    edit={"np.atleast_1d(ApertureStats(image, annuli).median)":
          "np.array([np.median(m.get_values(image)) for m in annuli.to_mask('center')])"}, of=PLAIN, fails=("holes",),
    idea="The median of anything with a NaN in it is NaN. Pixels without data have to be left out of the annulus.",
    contrast="np.median([40, 41, NaN]) is NaN, np.nanmedian([40, 41, NaN]) is 40.5.")
exercise.mistake(
    "corners-as-zeros", "Pixels outside of the ring are in the median, as zeros",
    edit={"np.atleast_1d(ApertureStats(image, annuli).median)":
          "np.array([np.nanmedian(m.multiply(np.nan_to_num(image))) for m in annuli.to_mask('center')])"}, of=PLAIN,
    fails=ALL_STARS,
    spellings=({"np.atleast_1d(ApertureStats(image, annuli).median)":
                "np.array([np.nanmedian(m.multiply(np.nan_to_num(image))) for m in annuli.to_mask('exact')])"},),
    idea="An image times a mask of the ring is a rectangle: its corners and the hole in the middle are zeros, and there "
         "are more of them than pixels of the ring. Only the pixels in the ring belong into the median.",
    contrast="mask.multiply(image) gives a rectangle with zeros; mask.get_values(image) the pixels of the ring.")
exercise.mistake(
    "one-for-all", "One level for all stars", edit={"levels * apertures.area": "np.median(levels) * apertures.area"}, of=PLAIN,
    fails=("three*", "a sloping*"),
    spellings=({"levels * apertures.area": "np.mean(levels) * apertures.area"},
               {"np.atleast_1d(ApertureStats(image, annuli).median)":
                "np.full(len(positions), np.nanmedian(np.concatenate([m.get_values(image) for m in annuli.to_mask('center')])))"}),
    idea="The pixels, or the levels, of all rings are thrown together. Each star has a ring because the sky differs from "
         "star to star.",
    contrast="Levels of 70, 95 and 150 stay 70, 95 and 150.")
exercise.mistake(
    "nan-to-zero", "NaN pixels in the annulus are counted as zeros",
    edit={"ApertureStats(image": "ApertureStats(np.nan_to_num(image)"}, of=PLAIN, fails=("holes",),
    idea="A pixel without data tells nothing of the sky. As a zero it draws the level down.",
    contrast="More than half of the annulus without data: with zeros, its median is zero.")
exercise.mistake(
    "whole-pixels", "Pixels count whole or not at all",
    edit={"aperture_photometry(image, apertures)": 'aperture_photometry(image, apertures, method="center")'}, of=PLAIN,
    fails=ALL_STARS,
    spellings=({"aperture_photometry(image, apertures)": 'aperture_photometry(image, apertures, method="center")',
                "levels * apertures.area":
                'levels * apertures.do_photometry(np.ones(image.shape), method="center")[0]'},),
    idea="A pixel on the rim counts with the share of it that lies inside. Taken whole or not at all, the area of a small "
         "circle is off by several per cent.",
    contrast="A radius of 2 has an area of 12.57 pixels; whole pixels give 13.")
exercise.mistake(
    "not-subtracted", "The background is not subtracted", edit={' - table["total_bkg"]': ""}, of=PLAIN, fails=ALL_STARS,
    idea="aperture_sum_bkgsub is what is left for the star: the sum in the aperture less the background in it.",
    contrast="8420 counts of which 3220 are sky: 5200 are the star's.")
exercise.mistake(
    "ring-elsewhere", "The level is not that of the whole ring between r_in and r_out",
    edit={"r_in, r_out)\n    levels": "r_in + 1, r_out + 1)\n    levels"}, of=PLAIN, fails=("a halo",),
    spellings=({"r_in, r_out)\n    levels": "r + r_in, r + r_out)\n    levels"},
               {"r_in, r_out)\n    levels": "r_in, r_in + r_out)\n    levels"}),
    idea="Both radii count from the star's centre: the annulus holds what is farther than r_in and nearer than r_out. "
         "Every pixel of it counts, wherever it lies in the ring.",
    contrast="r = 5, r_in = 9, r_out = 14: the ring begins 9 pixels from the centre, not 14.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "photutils makes floats of whole numbers itself") for text in (
        "data = image", "data = np.asarray(image)", "positions = np.asarray(positions).reshape(-1, 2)",
    )),
    *((text, "mean and median, clipped or not, are free where they agree within the noise, and robust where a "
             "neighbour is near") for text in (
        "local = ApertureStats(data, CircularAnnulus(positions, r_in, r_out))",
        "table['total_bkg'] = local.mean * aperture.area", "SigmaClip(6.0))",
    )),
]
