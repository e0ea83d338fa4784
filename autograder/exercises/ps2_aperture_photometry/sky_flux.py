"""Flux in an aperture given on the sky: a centre in any frame and an angle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from photcheck.comparators import Number
from photcheck.values import DataRef
from photcourse import data
from photgrader.exercise import Case, Exercise

from ._scenes import archive_wcs, sky_field

exercise = Exercise(
    "Flux in a sky aperture",
    # The pixel scale at the centre and that of the header differ by up to 3e-4 on these images, and with it
    # the radius; on a flat sky the sum then differs by twice that. Nothing else is free.
    compare=Number(rtol=2e-3, name="flux", unitless=True),
    picture="scalar",
    shown=("a turned image",),
)

HELIX = SkyCoord(337.4108 * u.deg, -20.8372 * u.deg, frame="icrs")


@exercise.reference
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import SkyCircularAperture

    aperture = SkyCircularAperture(center, radius).to_pixel(wcs)
    return float(np.ravel(aperture.do_photometry(image)[0])[0])


@exercise.provided
def provided() -> Iterator[Case]:
    wcs = data.load("helix", prefer="embedded").wcs
    yield Case("the nebula", DataRef("helix"), wcs, HELIX, 15 * u.arcmin, tests="the nebula of the lecture, 15 arcmin")
    yield Case("given in Galactic coordinates", DataRef("helix"), wcs, HELIX.galactic, 400 * u.arcsec,
               tests="a centre in another frame than the image's, and a radius in arcsec")
    real = archive_wcs("spitzer")
    if real is not None:
        # A piece without NaN pixels, as the contract promises; the whole field has three.
        piece = np.s_[190:350, 12:218]
        yield Case("the real Spitzer field", DataRef("spitzer", origin="archive")[piece], real[piece],
                   SkyCoord(18.35 * u.deg, 0.22 * u.deg, frame="galactic"), 24 * u.arcsec, dataset="spitzer",
                   tests="the real field, 24 arcsec")
    real = archive_wcs("helix")
    if real is not None:
        yield Case("the real Helix", DataRef("helix", origin="archive"), real, HELIX, 15 * u.arcmin, dataset="helix",
                   tests="the real nebula, 15 arcmin")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape, place, radius = (72, 104), (float(rng.uniform(62, 74)), float(rng.uniform(22, 30))), 100.0 * u.arcsec
    image, wcs = sky_field(rng, shape, place, radius, galactic=False)
    yield Case("a turned image", image, wcs, wcs.pixel_to_world(*place), radius,
               tests="an image that is turned against north", points=2)
    shape, place, radius = (104, 72), (float(rng.uniform(22, 30)), float(rng.uniform(64, 74))), 12.0 * u.arcsec
    image, wcs = sky_field(rng, shape, place, radius, galactic=True)
    # The image is Galactic, the centre equatorial.
    yield Case("an image in Galactic coordinates", image, wcs, wcs.pixel_to_world(*place).fk5, radius,
               tests="a Galactic image and a centre in FK5", points=2)
    shape, place, radius = (60, 91), (66.3, 21.6), 0.028 * u.deg
    image, wcs = sky_field(rng, shape, place, radius, galactic=False)
    # Well inside of the circle: a pixel below zero, as any image has whose background was subtracted.
    image[24, 64] = -300.0
    yield Case("a radius in degrees", image, wcs, wcs.pixel_to_world(*place), radius, tests="a radius given in degrees")


# Mistakes with the angle are made where the pixel scale is seen: in the variant that divides by it.
BY_HAND = "pixel position and scale of the header"
exercise.mistake(
    "number-as-pixels", "The number of the angle is used as a radius in pixels",
    edit={'radius.to_value("deg") / scale': "radius.value"}, of=BY_HAND,
    idea="15 arcmin is not 15 pixels. An angle becomes pixels by dividing it by the angle that one pixel covers.",
    contrast="15 arcmin at 16 arcsec a pixel are 900 / 16 = 56 pixels.")
exercise.mistake(
    "degrees", "The number is read as degrees, whatever its unit is", edit={'radius.to_value("deg")': "radius.value"},
    of=BY_HAND, fails=("the nebula", "given*", "a turned*", "an image*"),
    idea="Radii come with a unit and have to be converted with it. Reading arcminutes or arcseconds as degrees covers "
         "the whole image.",
    contrast="15 arcmin are 0.25 deg: radius.to('deg') says so, radius.value does not.")
exercise.mistake(
    "arcminutes", "The number is read as arcminutes, whatever its unit is",
    edit={'radius.to_value("deg")': "radius.value / 60"}, of=BY_HAND,
    fails=("given*", "a turned*", "an image*", "a radius*"),
    idea="The function cannot know in which unit an angle will come: 400 arcsec and 0.028 deg are angles too.",
    contrast="400 arcsec are 6.67 arcmin: radius.to('arcmin') says so, radius.value does not.")
exercise.mistake(
    "no-scale", "The angle is converted and not divided by the pixel scale",
    edit={'radius.to_value("deg") / scale': 'radius.to_value("arcsec")'}, of=BY_HAND,
    idea="The number of arcseconds is used as a number of pixels. How many arcseconds one pixel covers stands in the WCS.",
    contrast="900 arcsec at 16 arcsec a pixel are 56 pixels, not 900.")
exercise.mistake(
    "cdelt", "The pixel scale is read from CDELT, which is 1 where a CD or PC matrix holds the scale",
    edit={'radius.to_value("deg") / scale': 'radius.to_value("deg") / abs(wcs.wcs.cdelt[0])'}, of=BY_HAND,
    idea="A header may give the scale in CDELT or in a matrix. Here a matrix has it, and CDELT stays at 1 degree a pixel, so "
         "that the circle is smaller than a pixel.",
    contrast="proj_plane_pixel_scales() of a WCS knows both ways.")
exercise.mistake(
    "background-taken", "A background is subtracted", edit={"do_photometry(image)": "do_photometry(image - np.median(image))"},
    spellings=(
        {"do_photometry(image)": "do_photometry(image - np.mean(image))"},
        {"return float(": "from astropy.stats import sigma_clipped_stats\n"
                          "    image = image - sigma_clipped_stats(image)[1]\n    return float("},
    ),
    idea="The contract asks for the sum of the image as it is. What is background and what is nebula is decided later, by "
         "whoever uses the sum.",
    contrast="A disc of 50 pixels of 20: the sum is 1000, whatever the level beside it.")
exercise.mistake(
    "whole-positions", "The centre is rounded to a whole pixel",
    edit={".to_pixel(wcs)": ".to_pixel(wcs)\n    aperture.positions = np.rint(aperture.positions)"},
    spellings=({".to_pixel(wcs)": ".to_pixel(wcs)\n    aperture.positions = np.floor(aperture.positions)"},),
    fails=("a turned*", "an image*", "a radius*"),
    idea="A place on the sky lies between pixels as a rule. An index of the array is a whole number; an aperture takes the "
         "position as it is.",
    contrast="world_to_array_index rounds, world_to_pixel does not.")
exercise.mistake(
    "swapped", "The pixel position is given as (row, column)",
    edit={".to_pixel(wcs)": ".to_pixel(wcs)\n    aperture.positions = aperture.positions[::-1]"},
    idea="World coordinates become (x, y), the order that photutils takes too. Turning them round measures another "
         "part of the sky.",
    contrast="world_to_pixel gives x first; image[y, x] is the pixel there.")
exercise.mistake(
    "frame", "The centre's numbers are used without their frame",
    edit={"wcs.world_to_pixel(center)": "wcs.wcs_world2pix(center.spherical.lon.deg, center.spherical.lat.deg, 0)"},
    of=BY_HAND, fails=("given*", "an image*"),
    idea="The same place has other numbers in Galactic than in equatorial coordinates. A SkyCoord knows its frame and "
         "the WCS its own: let them talk to each other instead of passing bare numbers.",
    contrast="The Helix is at (337.4, -20.8) in ICRS and at (36.2, -57.1) in Galactic coordinates.")
exercise.mistake(
    "one-based", "Pixels are counted from 1",
    edit={".to_pixel(wcs)": ".to_pixel(wcs)\n    aperture.positions = aperture.positions + 1"},
    fails=("given*", "a turned*", "an image*", "a radius*"),
    idea="FITS counts pixels from 1, numpy from 0. The last argument of the older WCS functions says which is meant; "
         "here it has to be 0.",
    contrast="all_world2pix(..., 1) gives positions that are 1 larger in x and in y.")
exercise.mistake(
    "diameter", "The radius is used as a diameter", edit={"(center, radius)": "(center, radius / 2)"},
    idea="A circle given by its diameter is half as wide as one given by its radius, and covers a quarter of the sky.",
    contrast="A radius of 15 arcmin covers 707 square arcmin; a diameter of 15 arcmin covers 177.")
exercise.mistake(
    "doubled", "The circle has twice the radius asked", edit={"(center, radius)": "(center, 2 * radius)"},
    idea="The radius is doubled on the way to the aperture, so that the circle covers four times the sky.",
    contrast="SkyCircularAperture takes r, the radius.")
exercise.mistake(
    "middle", "The aperture stands in the middle of the image",
    edit={".to_pixel(wcs)":
           ".to_pixel(wcs)\n    aperture.positions = [image.shape[1] / 2 - 0.5, image.shape[0] / 2 - 0.5]"},
    spellings=({".to_pixel(wcs)":
                ".to_pixel(wcs)\n    aperture.positions = [image.shape[1] / 2, image.shape[0] / 2]"},),
    idea="The centre is a place on the sky and lies where the WCS puts it, not in the image's middle.",
    contrast="CRVAL is the sky position of the reference pixel, not of the source.")
exercise.mistake(
    "mean", "The mean inside the aperture is returned instead of the sum", edit={").sum": ").mean"},
    of="ApertureStats, array", idea="The mean is a surface brightness. Flux is the sum over the aperture.",
    contrast="A disc of 50 pixels with a mean of 3 holds a flux of 150.")
exercise.mistake(
    "fixed-scale", "A pixel scale of 16 arcsec is written into the function",
    edit={'radius.to_value("deg") / scale': 'radius.to_value("arcsec") / 16'}, of=BY_HAND,
    fails=("a turned*", "an image*", "a radius*"),
    idea="The pixel scale belongs to the image and stands in its WCS. A number written down for one image is wrong for "
         "the next.",
    contrast="The nebula's image has 16 arcsec a pixel, the infrared one 1.2.")
exercise.mistake(
    "whole-pixels", "Pixels count whole or not at all",
    edit={"do_photometry(image)": 'do_photometry(image, method="center")'}, fails=("a *", "an *", "the real*"),
    idea="A pixel on the rim counts with the share of it that lies inside. Taken whole or not at all, the area of a small "
         "circle is off by several per cent.",
    contrast="A radius of 2 has an area of 12.57 pixels; whole pixels give 13.")

exercise.mistake(
    "unit-kept", "The number has a unit", edit={"return float(": "from astropy import units as u\n    return u.ct * float("},
    spellings=({"return float(": "from astropy import units as u\n    return u.MJy / u.sr * float("},),
    idea="The image is an array of plain numbers, and so is their sum. A unit that the function makes up holds for one "
         "image and is wrong for the next.",
    contrast="5200.0 is what is asked, not 5200.0 ct.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("step = wcs.pixel_to_world(x, y).separation(wcs.pixel_to_world(x - 1, y))",
     "the step may be taken to either side"),
]
