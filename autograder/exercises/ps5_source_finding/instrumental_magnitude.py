"""Magnitudes and their errors from fluxes and a zero point; NaN where a flux has no logarithm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcourse.comparators import ValueWithError
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Magnitudes and their errors",
    # A closed formula. 1e-4 mag is single precision at magnitude 25; 2e-3 of the error accepts 1.0857 rounded to 1.086.
    compare=ValueWithError(atol=1e-4, rtol=2e-3),
    picture="scalar",
    shown=("no light", "one star without light"),
)


@exercise.reference
def instrumental_magnitude(flux, flux_error, zero_point):
    flux, flux_error = np.asarray(flux, dtype=float), np.asarray(flux_error, dtype=float)
    good = np.where(flux > 0, flux, np.nan)
    mag = zero_point - 2.5 * np.log10(good)
    mag_error = 2.5 / np.log(10) * flux_error / good
    return mag, mag_error


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("one star", 12500.0, 140.0, 25.0, tests="single numbers")
    yield Case("four stars, one of them too faint", np.array([3.2e5, 1800.0, -35.0, 96.0]),
               np.array([580.0, 52.0, 31.0, 33.0]), 24.5, tests="an array with a negative flux", no_warnings=True)


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # Never 1, 10 or a zero point of 0, where wrong formulas agree with the right one.
    flux = 10 ** rng.uniform(1.3, 5.7, 23)
    yield Case("many stars", flux, flux * rng.uniform(0.004, 0.25, 23), float(rng.uniform(22, 27)), points=2,
               tests="fluxes of all sizes")
    flux = 10 ** rng.uniform(1.5, 5, 14)
    # A flux may be in any unit: less than one of it is light too.
    flux[11] = rng.uniform(0.2, 0.8)
    flux[[1, 6]], flux[[3, 9]] = 0.0, -rng.uniform(5, 90, 2)
    yield Case("no light", flux, rng.uniform(4, 60, 14), float(rng.uniform(20, 26)), points=2, no_warnings=True,
               tests="fluxes that are zero or negative, and one between 0 and 1")
    counts = rng.integers(200, 90000, 11)
    yield Case("whole numbers", counts, np.rint(np.sqrt(counts)).astype(int) + 2, 25, tests="fluxes in whole counts")
    yield Case("one star without light", -float(rng.uniform(3, 60)), 21.5, float(rng.uniform(20, 26)), points=0.5,
               no_warnings=True, tests="a single negative number")
    yield Case("an empty list", np.array([]), np.array([]), 25.0, points=0.5, tests="no star at all")





WRONG = ("one star", "four*", "many*", "no light", "whole*")
FAINT = ("four*", "no light", "one star without*")

exercise.mistake(
    "natural-log", "The natural logarithm", edit={"np.log10": "np.log"}, fails=WRONG,
    idea="Magnitudes are defined with the logarithm to base 10: five magnitudes are a factor of 100. `np.log` is the "
         "natural logarithm, 2.3 times larger.",
    contrast="np.log10(100) = 2, so 100 times fainter is 5 mag; np.log(100) = 4.6.")
exercise.mistake(
    "sign", "The sign of the magnitude", edit={"zero_point -": "zero_point +"}, fails=WRONG,
    idea="A brighter star has a *smaller* magnitude, so the logarithm of the flux is subtracted from the zero point.",
    contrast="With a zero point of 25, a flux of 100 is magnitude 20, a flux of 10000 magnitude 15.")
exercise.mistake(
    "factor-forgotten", "The factor 1.0857 is missing", edit={"2.5 / np.log(10) * flux_error": "flux_error"},
    fails=WRONG,
    idea="The error of a logarithm to base 10 is the relative error times 1/ln 10, and the magnitude multiplies that "
         "by 2.5: together 1.0857. A relative error is not yet an error in magnitudes.",
    contrast="A flux known to 10 % has a magnitude known to 0.109, not 0.100.")
exercise.mistake(
    "two-and-a-half", "2.5 for 1.0857 in the error",
    edit={"2.5 / np.log(10) * flux_error": "2.5 * flux_error"}, fails=WRONG,
    idea="The derivative of log10(f) is 1/(f ln 10), not 1/f. 2.5 divided by ln 10 is 1.0857.",
    contrast="A flux known to 10 % has a magnitude known to 0.109, not 0.25.")
exercise.mistake(
    "no-2.5", "The factor 2.5 is missing", edit={"- 2.5 * np.log10": "- np.log10"}, fails=WRONG,
    idea="A magnitude is 2.5 times the logarithm of the flux, so that five magnitudes are a factor of 100.",
    contrast="100 times fainter is 5 magnitudes; log10(100) alone is 2.")
exercise.mistake(
    "absolute-flux", "A negative flux is made positive",
    edit={"np.where(flux > 0, flux, np.nan)": "np.where(flux == 0, np.nan, np.abs(flux))"}, fails=FAINT,
    idea="The logarithm of a negative flux does not exist. With its absolute value the star gets a magnitude that "
         "looks like a measurement and is none.",
    contrast="A flux of -35 +- 31 says: nothing seen here. abs() makes it 35 +- 31, a star.")
exercise.mistake(
    "clipped-flux", "A flux that is not positive is replaced by a tiny number",
    edit={"np.where(flux > 0, flux, np.nan)": "np.clip(flux, 1e-10, None)"}, fails=FAINT,
    idea="A floor under the flux keeps the logarithm quiet and makes up a magnitude. Nothing was measured, so the "
         "answer is NaN.",
    contrast="np.log10(1e-10) = -10, which becomes magnitude 50: a number that somebody will average one day.")
exercise.mistake(
    "error-not-nan", "The error stays a number where the magnitude is NaN",
    edit={"mag_error = 2.5 / np.log(10) * flux_error / good":
          'with np.errstate(all="ignore"):\n        mag_error = 2.5 / np.log(10) * flux_error / flux'}, fails=FAINT,
    spellings=({"return mag, mag_error": "return mag, np.nan_to_num(mag_error)"},),
    idea="Both answers are NaN where the flux is not positive: an error of -0.9 or of infinity belongs to no "
         "measurement.",
    contrast="mag = NaN with mag_error = -0.96: the second half of the answer pretends that there is a first.")
exercise.mistake(
    "zero-instead", "Zero instead of NaN",
    edit={"return mag, mag_error": "return np.nan_to_num(mag), np.nan_to_num(mag_error)"}, fails=FAINT,
    idea="Magnitude 0 is a brightness like any other, that of a star of 10^(zero_point / 2.5) counts, not the absence of a "
         "measurement.",
    contrast="np.nanmean leaves a NaN out; a 0 it takes for the brightest star of the field.")
exercise.mistake(
    "rows-dropped", "Stars without a magnitude are left out",
    edit={
        "np.asarray(flux, dtype=float), np.asarray(flux_error, dtype=float)": "np.atleast_1d(flux, flux_error)",
        "return mag, mag_error": "return mag[flux > 0], mag_error[flux > 0]"}, fails=FAINT,
    idea="The answer has one entry for each flux. Where entries are dropped, entry 3 of the answer no longer belongs "
         "to star 3 of the table.",
    contrast="4 fluxes, one of them negative: 4 magnitudes, one of them NaN.")
exercise.mistake(
    "one-spoils-all", "One flux without light makes all of them NaN",
    edit={"np.where(flux > 0, flux, np.nan)": "np.where(np.all(flux > 0), flux, np.nan)"}, fails=("four*", "no light"),
    idea="The test looks at whether *any* flux is not positive and then gives up on the whole array.",
    contrast="[100, -5] with a zero point of 25: [20, NaN], not [NaN, NaN].")
exercise.mistake(
    "negative-error", "The error is negative", edit={"2.5 / np.log(10) * flux_error": "-2.5 / np.log(10) * flux_error"},
    fails=WRONG,
    idea="The derivative of the magnitude is negative, as more light is a smaller number. An error is a width: its absolute value.",
    contrast="dm/dF = -1.0857 / F, and the error is |dm/dF| times that of the flux.")
exercise.mistake(
    "brighter-side", "The error is the step to flux + error",
    edit={"2.5 / np.log(10) * flux_error / good": "2.5 * np.log10(1 + flux_error / good)"}, fails=WRONG,
    idea="The magnitude of flux + error is not as far away as that of flux - error: for faint stars this difference "
         "is too small. The contract asks for the error to first order.",
    contrast="flux 100 +- 50: to first order 0.54 mag; the step to 150 is 0.44, the step to 50 is 0.75.")
exercise.mistake(
    "other-order", "The error comes first", edit={"return mag, mag_error": "return mag_error, mag"}, fails=WRONG,
    idea="The contract asks for (mag, mag_error), in this order.", contrast="return mag, mag_error")
exercise.mistake(
    "unguarded", "The logarithm is taken of everything", edit={"np.where(flux > 0, flux, np.nan)": "flux"}, fails=FAINT,
    spellings=(
        {
            "good = np.where(flux > 0, flux, np.nan)": "good = flux",
            "mag_error = 2.5 / np.log(10) * flux_error / good":
            "mag_error = np.abs(2.5 / np.log(10) * flux_error / np.where(flux == 0, np.inf, flux))"},),
    idea="The logarithm of zero is minus infinity and that of a negative number does not exist. numpy warns and goes "
         "on; zero flux then gets an infinite magnitude, and a negative flux a negative error.",
    contrast="np.log10(0.0) is -inf with a RuntimeWarning; NaN is asked for, and no warning.")
exercise.mistake(
    "warns", "The answer is right and the function warns",
    edit={"np.log10(good)": "np.where(flux > 0, np.log10(flux), np.nan)"}, fails=FAINT, raises="warning",
    idea="The special values are put right after the calculation, when numpy has warned already.",
    contrast="np.where(flux > 0, np.log10(flux), np.nan) computes the logarithm of *every* flux first.")
exercise.mistake(
    "blanked-in-place", "NaN is written into the caller's array",
    edit={"good = np.where(flux > 0, flux, np.nan)": "flux[flux <= 0] = np.nan\n    good = flux"},
    fails=("four*", "no light"), raises="input-modified",
    idea="`flux[flux <= 0] = np.nan` changes the table that the flux came from.",
    contrast="flux = np.where(flux > 0, flux, np.nan)   # a new array")
exercise.mistake(
    "no-zero-point", "The zero point is not added to the magnitude", edit={"zero_point - 2.5": "-2.5"}, fails=WRONG,
    idea="-2.5 log10(flux) is negative for any star of more than one count. The zero point brings it to the scale of the "
         "magnitudes: it is added to the logarithm, and does not stand within it.",
    contrast="25 - 2.5 log10(100) = 20, not -5.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "numpy makes floats of whole numbers itself") for text in (
        "-    flux, flux_error = (np.asarray(flux, dtype=float), np.asarray(flux_error, dtype=float))",
        "flux, flux_error = (flux, np.asarray(flux_error, dtype=float))",
        "flux, flux_error = (np.asarray(flux), np.asarray(flux_error, dtype=float))",
        "flux, flux_error = (np.asarray(flux, dtype=float), flux_error)",
        "flux, flux_error = (np.asarray(flux, dtype=float), np.asarray(flux_error))",
    )),
]
