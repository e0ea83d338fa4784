"""Magnitudes and their errors from fluxes and a zero point; NaN where a flux has no logarithm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcourse.comparators import ValueWithError
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "instrumental_magnitude",
    params=("flux", "flux_error", "zero_point"),
    title="Magnitudes and their errors",
    # A closed formula. 1e-4 mag is single precision at magnitude 25; 2e-3 of the error accepts 1.0857
    # rounded to 1.086.
    compare=ValueWithError(atol=1e-4, rtol=2e-3),
    picture="scalar",
)


@exercise.reference
def instrumental_magnitude(flux, flux_error, zero_point):
    flux, flux_error = np.asarray(flux, dtype=float), np.asarray(flux_error, dtype=float)
    good = np.where(flux > 0, flux, np.nan)
    return zero_point - 2.5 * np.log10(good), 2.5 / np.log(10) * flux_error / good


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("one star", (12500.0, 140.0, 25.0), tests="single numbers")
    yield Case("four stars, one of them too faint", (np.array([3.2e5, 1800.0, -35.0, 96.0]), np.array([580.0, 52.0, 31.0, 33.0]), 24.5),
               tests="an array with a negative flux", no_warnings=True)


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    # Never 1, 10 or a zero point of 0, where wrong formulas agree with the right one.
    flux = 10 ** rng.uniform(1.3, 5.7, 23)
    yield Case("many stars", (flux, flux * rng.uniform(0.004, 0.25, 23), float(rng.uniform(22, 27))), points=2,
               tests="fluxes of all sizes")
    flux = 10 ** rng.uniform(1.5, 5, 14)
    # A flux may be in any unit: less than one of it is light too.
    flux[11] = rng.uniform(0.2, 0.8)
    flux[[1, 6]], flux[[3, 9]] = 0.0, -rng.uniform(5, 90, 2)
    yield Case("no light", (flux, rng.uniform(4, 60, 14), float(rng.uniform(20, 26))), points=2, no_warnings=True,
               tests="fluxes that are zero or negative, and one between 0 and 1")
    counts = rng.integers(200, 90000, 11)
    yield Case("whole numbers", (counts, np.rint(np.sqrt(counts)).astype(int) + 2, 25), tests="fluxes in whole counts")
    yield Case("one star without light", (-float(rng.uniform(3, 60)), 21.5, float(rng.uniform(20, 26))), points=0.5,
               no_warnings=True, tests="a single negative number")
    yield Case("an empty list", (np.array([]), np.array([]), 25.0), points=0.5, tests="no star at all")


# ------------------------------------------------------------------------------------------------ variants
@exercise.variant("masks and np.full")
def instrumental_magnitude(flux, flux_error, zero_point):
    flux = np.atleast_1d(np.asarray(flux, dtype=float))
    flux_error = np.atleast_1d(np.asarray(flux_error, dtype=float))
    mag = np.full(flux.shape, np.nan)
    error = np.full(flux.shape, np.nan)
    ok = flux > 0
    mag[ok] = zero_point - 2.5 * np.log10(flux[ok])
    error[ok] = 1.0857 * flux_error[ok] / flux[ok]
    return mag, error


@exercise.variant("a loop over numbers")
def instrumental_magnitude(flux, flux_error, zero_point):
    import math

    if np.ndim(flux) == 0:
        if flux <= 0:
            return math.nan, math.nan
        return zero_point - 2.5 * math.log10(flux), 1.086 * flux_error / flux
    mags, errors = [], []
    for f, e in zip(flux, flux_error):
        m, s = instrumental_magnitude(f, e, zero_point)
        mags.append(m)
        errors.append(s)
    print(mags)
    return mags, errors


@exercise.variant("warnings kept quiet")
def instrumental_magnitude(flux, flux_error, zero_point):
    import warnings

    flux = np.array(flux, dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mag = zero_point - 2.5 * np.log10(flux)
        error = 1.0857362 * flux_error / flux
    return np.where(flux > 0, mag, np.nan), np.where(flux > 0, error, np.nan)


@exercise.variant("natural logarithm, converted")
def instrumental_magnitude(flux: np.ndarray, flux_error: np.ndarray, zero_point: float) -> list:
    pogson = 2.5 / np.log(10)
    with np.errstate(divide="ignore", invalid="ignore"):
        mag = zero_point - pogson * np.log(flux)
        error = pogson * np.divide(flux_error, flux)
    bad = np.less_equal(flux, 0)
    return [np.where(bad, np.nan, mag), np.where(bad, np.nan, error)]


exercise.variant_source("astropy's magnitudes", """
    from astropy import units as u

    def instrumental_magnitude(flux, flux_error, zero_point):
        flux = np.asarray(flux, dtype=float)
        positive = np.where(flux > 0, flux, np.nan)
        mag = u.Magnitude(positive * u.ct).value + zero_point
        return mag * u.mag, 2.5 * np.log10(np.e) * (np.asarray(flux_error) / positive) * u.mag
    """)

exercise.variant_source("a partial of np.vectorize with a helper", """
    import functools

    def one(flux, flux_error, zero_point, factor):
        if not flux > 0:
            return np.nan, np.nan
        return zero_point - factor * np.log10(flux), factor * flux_error / flux / np.log(10)
    # %%
    def many(flux, flux_error, zero_point, factor):
        if np.size(flux) == 0:
            return np.zeros(0), np.zeros(0)
        return np.vectorize(one, otypes=[float, float])(flux, flux_error, zero_point, factor)

    instrumental_magnitude = functools.partial(many, factor=2.5)
    """)

exercise.variant_source("a lambda over masked arrays", """
    import numpy.ma as ma
    masked = lambda f: ma.masked_less_equal(np.asarray(f, dtype=float), 0)
    instrumental_magnitude = lambda flux, flux_error, zero_point: np.array([
        ma.filled(zero_point - 2.5 * ma.log10(masked(flux)), np.nan),
        ma.filled(1.0857 * np.asarray(flux_error) / masked(flux), np.nan)])
    """)

exercise.variant_source("single precision, a class, a figure", """
    import sys
    import matplotlib.pyplot as plt

    class Magnitudes:
        POGSON = 1.085736

        def __call__(self, flux, flux_error, zero_point):
            f = np.where(np.asarray(flux) > 0, flux, np.nan).astype(np.float32)
            mag = np.float32(zero_point) - np.float32(2.5) * np.log10(f)
            error = np.float32(self.POGSON) * np.asarray(flux_error, dtype=np.float32) / f
            plt.plot(mag, error, ".")
            print("done", file=sys.stderr)
            return mag, error

    instrumental_magnitude = Magnitudes()
    """)

# ------------------------------------------------------------------------------------ misconceptions
WRONG = ("one star", "four*", "many*", "no light", "whole*")


@exercise.misconception(
    "natural-log", "The natural logarithm",
    idea="Magnitudes are defined with the logarithm to base 10: five magnitudes are a factor of 100. "
         "`np.log` is the natural "
         "logarithm, 2.3 times larger.",
    contrast="np.log10(100) = 2, so 100 times fainter is 5 mag; np.log(100) = 4.6.", fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return zero_point - 2.5 * np.log(good), 1.0857 * flux_error / good


@exercise.misconception(
    "sign", "The sign of the magnitude",
    idea="A brighter star has a *smaller* magnitude, so the logarithm of the flux is subtracted from the "
         "zero point.",
    contrast="With a zero point of 25, a flux of 100 is magnitude 20, a flux of 10000 magnitude 15.", fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return zero_point + 2.5 * np.log10(good), 1.0857 * flux_error / good


@exercise.misconception(
    "factor-forgotten", "The factor 1.0857 is missing",
    idea="The error of a logarithm to base 10 is the relative error times 1/ln 10, and the magnitude "
         "multiplies that by 2.5: "
         "together 1.0857. A relative error is not yet an error in magnitudes.",
    contrast="A flux known to 10 % has a magnitude known to 0.109, not 0.100.", fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return zero_point - 2.5 * np.log10(good), flux_error / good


@exercise.misconception(
    "two-and-a-half", "2.5 for 1.0857 in the error",
    idea="The derivative of log10(f) is 1/(f ln 10), not 1/f. 2.5 divided by ln 10 is 1.0857.",
    contrast="A flux known to 10 % has a magnitude known to 0.109, not 0.25.", fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return zero_point - 2.5 * np.log10(good), 2.5 * flux_error / good


@exercise.misconception(
    "no-2.5", "The factor 2.5 is missing",
    idea="A magnitude is 2.5 times the logarithm of the flux, so that five magnitudes are a factor of 100.",
    contrast="100 times fainter is 5 magnitudes; log10(100) alone is 2.", fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return zero_point - np.log10(good), 1.0857 * flux_error / good


@exercise.misconception(
    "absolute-flux", "A negative flux is made positive",
    idea="The logarithm of a negative flux does not exist. With its absolute value the star gets a "
         "magnitude that looks like a "
         "measurement and is none.",
    contrast="A flux of -35 +- 31 says: nothing seen here. abs() makes it 35 +- 31, a star.",
    fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) == 0, np.nan, np.abs(flux))
    return zero_point - 2.5 * np.log10(good), 1.0857 * flux_error / good


@exercise.misconception(
    "clipped-flux", "A flux that is not positive is replaced by a tiny number",
    idea="A floor under the flux keeps the logarithm quiet and makes up a magnitude. Nothing was measured, "
         "so the answer is NaN.",
    contrast="np.log10(1e-10) = -10, which becomes magnitude 50: a number that somebody will average one "
             "day.",
    fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.clip(flux, 1e-10, None)
    return zero_point - 2.5 * np.log10(good), 1.0857 * flux_error / good


@exercise.misconception(
    "error-not-nan", "The error stays a number where the magnitude is NaN",
    idea="Both answers are NaN where the flux is not positive: an error of -0.9 or of infinity belongs to "
         "no measurement.",
    contrast="mag = NaN with mag_error = -0.96: the second half of the answer pretends that there is a "
             "first.",
    fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    flux = np.asarray(flux, dtype=float)
    good = np.where(flux > 0, flux, np.nan)
    with np.errstate(all="ignore"):
        return zero_point - 2.5 * np.log10(good), 1.0857 * np.asarray(flux_error) / flux


@exercise.misconception(
    "zero-instead", "Zero instead of NaN",
    idea="Magnitude 0 is the brightness of Vega, not the absence of a measurement.",
    contrast="np.nanmean leaves a NaN out; a 0 it takes for the brightest star of the field.",
    fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    mag, error = zero_point - 2.5 * np.log10(good), 1.0857 * flux_error / good
    return np.nan_to_num(mag), np.nan_to_num(error)


@exercise.misconception(
    "rows-dropped", "Stars without a magnitude are left out",
    idea="The answer has one entry for each flux. Where entries are dropped, entry 3 of the answer no "
         "longer belongs to star 3 of the table.",
    contrast="4 fluxes, one of them negative: 4 magnitudes, one of them NaN.",
    fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    flux, flux_error = np.atleast_1d(flux), np.atleast_1d(flux_error)
    good = flux > 0
    return zero_point - 2.5 * np.log10(flux[good]), 1.0857 * flux_error[good] / flux[good]


@exercise.misconception(
    "one-spoils-all", "One flux without light makes all of them NaN",
    idea="The test looks at whether *any* flux is not positive and then gives up on the whole array.",
    contrast="[100, -5] with a zero point of 25: [20, NaN], not [NaN, NaN].",
    fails=("four*", "no light"))
def instrumental_magnitude(flux, flux_error, zero_point):
    flux, flux_error = np.asarray(flux, float), np.asarray(flux_error, float)
    if np.any(flux <= 0):
        return np.full(flux.shape, np.nan), np.full(flux.shape, np.nan)
    return zero_point - 2.5 * np.log10(flux), 1.0857 * flux_error / flux


@exercise.misconception(
    "brighter-side", "The error is the step to flux + error",
    idea="The magnitude of flux + error is not as far away as that of flux - error: for faint stars this "
         "difference is too small. The contract "
         "asks for the error to first order.",
    contrast="flux 100 +- 50: to first order 0.54 mag; the step to 150 is 0.44, the step to 50 is 0.75.",
    fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return zero_point - 2.5 * np.log10(good), 2.5 * np.log10(1 + flux_error / good)


@exercise.misconception(
    "other-order", "The error comes first",
    idea="The contract asks for (mag, mag_error), in this order.",
    contrast="return mag, mag_error", fails=WRONG)
def instrumental_magnitude(flux, flux_error, zero_point):
    good = np.where(np.asarray(flux) > 0, flux, np.nan)
    return 1.0857 * flux_error / good, zero_point - 2.5 * np.log10(good)


@exercise.misconception(
    "unguarded", "The logarithm is taken of everything",
    idea="The logarithm of zero is minus infinity and that of a negative number does not exist. numpy "
         "warns and goes on; "
         "zero flux then gets an infinite magnitude, and the errors stay finite or negative.",
    contrast="np.log10(0.0) is -inf with a RuntimeWarning; NaN is asked for, and no warning.",
    fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    # The sign of the flux is taken care of in the error only.
    return zero_point - 2.5 * np.log10(flux), np.abs(1.0857 * flux_error / np.where(np.equal(flux, 0), np.inf, flux))


@exercise.misconception(
    "warns", "The answer is right and the function warns",
    idea="The special values are put right after the calculation, when numpy has warned already.",
    contrast="np.where(flux > 0, np.log10(flux), np.nan) computes the logarithm of *every* flux first.",
    raises="warning", fails=("four*", "no light", "one star without*"))
def instrumental_magnitude(flux, flux_error, zero_point):
    flux = np.asarray(flux, float)
    mag = np.where(flux > 0, zero_point - 2.5 * np.log10(flux), np.nan)
    return mag, np.where(flux > 0, 1.0857 * np.asarray(flux_error) / flux, np.nan)


@exercise.misconception(
    "blanked-in-place", "NaN is written into the caller's array",
    idea="`flux[flux <= 0] = np.nan` changes the table that the flux came from.",
    contrast="flux = np.where(flux > 0, flux, np.nan)   # a new array",
    raises="input-modified", fails=("four*", "no light"))
def instrumental_magnitude(flux, flux_error, zero_point):
    if np.ndim(flux) and np.any(flux <= 0):
        flux[flux <= 0] = np.nan
    good = flux if np.ndim(flux) or flux > 0 else np.nan
    return zero_point - 2.5 * np.log10(good), 1.0857 * flux_error / good


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
