"""From a sum of surface brightness over pixels to a flux in millijansky."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from astropy import units as u

from photcheck.comparators import QuantityClose
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "From MJy/sr to mJy",
    # A product of two numbers with units: single precision at worst.
    compare=QuantityClose("mJy", rtol=2e-6, name="flux"),
    picture="scalar",
    shown=("an area in steradians",),
)

BRIGHTNESS = u.MJy / u.sr


@exercise.reference
def to_mjy(aperture_sum, pixel_area):
    import astropy.units as u

    return (aperture_sum * pixel_area).to(u.mJy)


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("one star", 1840.5 * BRIGHTNESS, 1.44 * u.arcsec**2, tests="one sum, a pixel of 1.2 arcsec")
    yield Case("several stars", np.array([12.25, 880.0, 35.5]) * BRIGHTNESS, 1.44 * u.arcsec**2,
               tests="an array of sums")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    sums = rng.uniform(20, 4000, int(rng.integers(4, 8))) * BRIGHTNESS
    yield Case("fresh sums", sums, float(rng.uniform(0.3, 0.9)) * u.arcsec**2,
               tests="an array, and smaller pixels", points=2)
    yield Case("an area in steradians", float(rng.uniform(200, 900)) * BRIGHTNESS,
               float(rng.uniform(1, 9)) * 1e-10 * u.sr, tests="a pixel area in steradians")
    yield Case("an area in square degrees", float(rng.uniform(200, 900)) * BRIGHTNESS,
               float(rng.uniform(2, 6)) * 1e-6 * u.deg**2, tests="a pixel area in square degrees")
    yield Case("below zero", float(-rng.uniform(20, 90)) * BRIGHTNESS, 0.36 * u.arcsec**2,
               tests="a negative sum, as noise makes them", points=0.5)


exercise.mistake(
    "area-as-steradian", "The number of the pixel area is read as steradians",
    edit={"* pixel_area": "* pixel_area.value * u.sr"},
    fails=("one*", "several*", "fresh*", "an area in square*", "below*"),
    idea="A pixel of 1.44 arcsec² is 3.4e-11 steradian. Taking the bare number for steradians makes the flux larger by "
         "the number of square arcseconds in a steradian, 4.3e10.",
    contrast="1.44 * u.arcsec**2 converts by itself; 1.44 * u.sr is a seventh of the sky.")
# As it comes in, without a thought of the unit, it would be the input come back, which has a name of its own.


exercise.mistake(
    "no-area", "The sum is not multiplied by the area of a pixel",
    edit={"(aperture_sum * pixel_area).to(u.mJy)": "1e9 * aperture_sum.value * u.mJy"},
    spellings=({"(aperture_sum * pixel_area).to(u.mJy)": "aperture_sum.value * u.MJy"},),
    idea="MJy/sr is a brightness: flux per solid angle. It becomes a flux only when it is multiplied by the solid "
         "angle that one pixel covers.",
    contrast="100 MJy/sr on a pixel of 3e-11 sr are 3e-9 MJy, or 3 mJy.")
exercise.mistake(
    "no-unit", "A bare number is returned", edit={".to(u.mJy)": ".to_value(u.mJy)"},
    idea="The contract asks for a quantity: number and unit together. A bare number leaves the reader to guess, and "
         "cannot be converted.",
    contrast="62.3 may be anything; 62.3 * u.mJy is a flux.")
exercise.mistake(
    "mega-for-milli", "MJy and mJy are taken for the same", edit={".to(u.mJy)": ".to_value(u.MJy) * u.mJy"},
    idea="A capital M is mega, a million; a small m is milli, a thousandth. Between MJy and mJy lies a factor of a "
         "thousand million.",
    contrast="1 MJy = 1e6 Jy = 1e9 mJy.")
exercise.mistake(
    "jansky-for-milli", "The number in Jy is labelled mJy", edit={".to(u.mJy)": ".to_value(u.Jy) * u.mJy"},
    idea="Attaching a unit to a number does not convert it. The number in Jy is a thousand times smaller than that in "
         "mJy.",
    contrast="(2 * u.Jy).to(u.mJy) is 2000 mJy; 2 * u.mJy is not.")
exercise.mistake(
    "divided", "The sum is divided by the area", edit={"*": "/"}, of="undecomposed product", spellings=("""
        def to_mjy(aperture_sum, pixel_area):
            import astropy.units as u
            return 1e9 * aperture_sum.value / pixel_area.to_value(u.sr) * u.mJy
    """,),
    idea="The solid angle stands below the fraction bar in MJy/sr and cancels when it is multiplied with, not when it "
         "is divided by.",
    contrast="MJy/sr times sr is MJy; divided by sr it is MJy/sr².")
exercise.mistake(
    "side", "The side of the pixel is used instead of its area", edit={"* pixel_area": "* np.sqrt(pixel_area)"},
    of="undecomposed product", spellings=("""
        def to_mjy(aperture_sum, pixel_area):
            import astropy.units as u

            return aperture_sum.to_value(u.mJy / u.sr) * np.sqrt(pixel_area.to_value(u.sr)) * u.mJy
    """, """
        def to_mjy(aperture_sum, pixel_area):
            import astropy.units as u

            return aperture_sum.to_value(u.mJy / u.arcsec**2) * np.sqrt(pixel_area.to_value(u.arcsec**2)) * u.mJy
    """),
    idea="The pixel area is given already. Its square root is a length on the sky, and a brightness times a length is "
         "no flux.",
    contrast="A pixel of 1.2 arcsec has an area of 1.44 arcsec².")
exercise.mistake(
    "squared", "The area is squared", edit={"* pixel_area": "* pixel_area**2"}, of="undecomposed product",
    spellings=("""
        def to_mjy(aperture_sum, pixel_area):
            import astropy.units as u
            return 1e9 * aperture_sum.value * pixel_area.to_value(u.sr) ** 2 * u.mJy
    """,),
    idea="The pixel area is given, not its side: squaring it once more gives no solid angle.",
    contrast="1.2 arcsec is a side, 1.44 arcsec² is an area, 2.07 arcsec⁴ is nothing.")
exercise.mistake(
    "degrees-once", "Square arcseconds are converted with one factor of 3600",
    edit={"    return":
           "    if pixel_area.unit == u.arcsec**2:\n"
           "        pixel_area = pixel_area.value / 3600 * u.deg**2\n    return"},
    fails=("one*", "several*", "fresh*", "below*"),
    idea="An area has two sides, and each has to be converted: a square degree holds 3600 x 3600 square arcseconds.",
    contrast="1 arcsec² is 7.7e-8 deg², not 2.8e-4.")
exercise.mistake(
    "radians-once", "Degrees are converted to radians once, for two sides",
    edit={"    return":
           "    if pixel_area.unit != u.sr:\n"
           "        pixel_area = np.deg2rad(pixel_area.to_value(u.deg**2)) * u.sr\n    return"},
    fails=("one*", "several*", "fresh*", "an area in square*", "below*"),
    idea="A steradian is a square radian. An area in square degrees needs the factor pi / 180 twice.",
    contrast="1 deg² is 3.05e-4 sr, not 0.0175.")
exercise.mistake(
    "fixed-area", "The area of another image's pixels is used", edit={"* pixel_area": "* 1.44 * u.arcsec**2"},
    fails=("fresh*", "an area*", "below*"),
    idea="The pixel area is an argument, because every image has its own. A number written into the function is right "
         "for one image only.",
    contrast="def flux(total, area): return total * 1.44 * u.arcsec**2   # whatever area is given")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("return (aperture_sum * pixel_area).to(u.Jy)", "any unit that converts to mJy is right"),
    ("if True:", "a product of quantities is right for an array as well"),
]
