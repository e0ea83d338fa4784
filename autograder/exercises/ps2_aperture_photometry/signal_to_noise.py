"""Signal-to-noise ratio of a flux in an aperture from first principles: the CCD equation.

Howell 1989, PASP 101, 616; Merline & Howell 1995, Experimental Astronomy 6, 163; dark current, the noise of
digitisation and the error of the sky level itself are left out, as the notebook says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import ClosedArray, ClosedNumber
from photgrader.exercise import Case, Exercise

# A closed formula: single precision rounds at some 1e-7, and 1e-5 leaves room for sums in another order.
RTOL = 1e-5
ONE = ClosedNumber(rtol=RTOL, atol=1e-9, name="signal-to-noise ratio", unitless=True)

exercise = Exercise(
    "Signal to noise",
    compare=ClosedArray(rtol=RTOL, atol=1e-9, name="signal-to-noise ratio", labels=("row", "column"), unitless=True),
    extra_credit=5,
)


@exercise.reference
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    F, S, n, R = np.broadcast_arrays(*(np.asarray(v, float) for v in (flux, sky_per_pixel, n_pixels, read_noise)))
    noise = np.sqrt(F + n * (S + R**2))
    return np.divide(F, noise, out=np.zeros(noise.shape), where=noise > 0)


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a bright star", 52000.0, 120.0, 78.5, 6.0, compare=ONE, tests="one bright star on a moderate sky")
    radii = np.array([2.0, 3.0, 4.5, 7.0, 10.0])
    shares = 1 - np.exp(-(radii**2) / (2 * 2.2**2))
    yield Case("growing circles", 4000.0 * shares, 85.0, np.pi * radii**2, 5.0, tests="a star in circles of five radii")
    yield Case("no light, no pixels", np.array([0.0, 900.0, 0.0]), 150.0, np.array([25, 0, 0]), 8.0, no_warnings=True,
               tests="an empty circle, a circle without pixels, and neither light nor pixels")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a faint star", float(rng.uniform(150, 400)), float(rng.uniform(1.5, 4)), float(rng.uniform(30, 60)),
               float(rng.uniform(7, 12)), compare=ONE, points=2,
               tests="one faint star on a dark sky with a noisy detector")
    n = int(rng.integers(5, 9))
    yield Case("everything an array", rng.uniform(500, 20000, n), rng.uniform(20, 300, n), rng.uniform(12, 120, n),
               rng.uniform(3, 9, n), points=2, tests="arrays for all four arguments")
    shape = (int(rng.integers(3, 5)), int(rng.integers(6, 8)))
    yield Case("whole numbers", rng.integers(300, 9000, shape), int(rng.integers(30, 90)), int(rng.integers(20, 70)), 5,
               tests="fluxes in rows and columns, whole numbers throughout")
    yield Case("edges", float(rng.uniform(100, 5000)), float(rng.uniform(50, 90)), 0.0, float(rng.uniform(4, 8)),
               compare=ONE, no_warnings=True, tests="a circle without pixels")
    yield Case("nothing", 0.0, float(rng.uniform(50, 90)), 0, float(rng.uniform(4, 8)), compare=ONE, no_warnings=True,
               points=0.5, tests="neither light nor pixels")


# The cases with light and pixels, and with those the ones in which there is light alone.
LIGHT = ("a bright*", "growing*", "a faint*", "everything*", "whole*")
NOISE = (*LIGHT, "no light*", "edges")
exercise.mistake(
    "no-source-noise", "The photon noise of the source itself is left out", edit={"F + ": ""}, fails=NOISE,
    idea="The star's own photons arrive at random too: of F electrons on average, F varies by its square root. Leave "
         "it out, and a bright star looks better measured than it can be.",
    contrast="10 000 electrons and nothing else: the noise is 100 and S/N is 100, not infinite.")
exercise.mistake(
    "no-sky", "The sky's noise is left out", edit={"S + R**2": "R**2"}, fails=LIGHT,
    idea="The sky's level can be subtracted, its noise cannot: S electrons in a pixel vary by sqrt(S), whatever is "
         "taken away afterwards.",
    contrast="50 pixels with 100 electrons of sky each add a noise of sqrt(5000) = 71 electrons.")
exercise.mistake(
    "no-read-noise", "The read noise is left out", edit={"S + R**2": "S"}, fails=LIGHT,
    idea="Every pixel is read once and every reading adds its own noise, whether light fell on it or not.",
    contrast="50 pixels read with 8 electrons each add sqrt(50 x 64) = 57 electrons.")
exercise.mistake(
    "read-noise-not-squared", "The read noise is added as if it were a variance", edit={"**2": ""},
    fails=("a bright*", "growing*", "a faint*", "everything*", "whole*"),
    idea="Counts of photons are their own variance; the read noise is a standard deviation already. Under the root "
         "only variances may be added.",
    contrast="A read noise of 8 electrons is a variance of 64 electrons squared.")
exercise.mistake(
    "one-pixel", "Sky and read noise of one pixel only", edit={"n * (S + R**2)": "S + R**2"}, fails=NOISE,
    idea="The circle holds many pixels; each brings its own sky and its own reading, and their variances add up.",
    contrast="50 pixels of variance 164 make 8200, not 164.")
exercise.mistake(
    "n-on-sky-only", "The read noise is counted once, not once for each pixel", edit={"n * (S + R**2)": "n * S + R**2"},
    fails=NOISE,
    idea="The detector is read pixel by pixel: n pixels bring n readings, and n times the variance of one.",
    contrast="n (S + R^2), not n S + R^2.")
exercise.mistake(
    "n-on-read-only", "The sky is counted once, not once for each pixel", edit={"n * (S + R**2)": "S + n * R**2"},
    fails=NOISE, idea="`sky_per_pixel` is the level in one pixel; a circle of n pixels holds n times as much sky.",
    contrast="n (S + R^2), not S + n R^2.")
exercise.mistake(
    "linear", "The noises are added, not their squares",
    edit={"np.sqrt(F + n * (S + R**2))": "np.sqrt(F) + np.sqrt(n * S) + np.sqrt(n) * R"}, fails=LIGHT,
    idea="Photon noise, sky noise and read noise are independent and partly cancel: their squares add up.",
    contrast="Noises of 3 and 4 make 5, not 7.")
exercise.mistake(
    "read-noise-linear", "The read noise of the pixels is added, not its squares",
    edit={"n * (S + R**2)": "n * S + (n * R) ** 2"}, fails=LIGHT,
    idea="n readings with an error of R each have an error of R sqrt(n) together; R n would mean that all err to the "
         "same side.",
    contrast="50 pixels with 8 electrons: 57 electrons, not 400.")
exercise.mistake(
    "no-root", "The flux is divided by the variance", edit={"np.sqrt": ""}, fails=NOISE,
    idea="The noise is the square root of the variance. Flux over variance is no pure number, and a brighter star "
         "would seem to be measured no better.",
    contrast="10 000 electrons: noise 100, S/N 100; divided by the variance it would be 1.")
exercise.mistake(
    "photons-only", "Only the source's own photon noise is counted", edit={"F + n * (S + R**2)": "F"}, fails=LIGHT,
    idea="sqrt(F) is the best that is possible, without sky and with a perfect detector. On real images the pixels "
         "under the star have noise of their own.",
    contrast="A star of 400 electrons on 50 pixels of variance 100: S/N is 5.4, not 20.")
exercise.mistake(
    "inverse", "Noise over signal is returned",
    edit={"np.divide(F, noise, out=np.zeros(noise.shape), where=noise > 0)":
           "np.divide(noise, F, out=np.zeros(F.shape), where=F > 0)"},
    fails=NOISE,
    idea="The relative error is the inverse of the signal-to-noise ratio: small is good there, large is good here.",
    contrast="A flux of 5000 with a noise of 100: S/N is 50, the relative error 0.02.")
exercise.mistake(
    "sky-in-signal", "The sky is counted as signal", edit={"np.divide(F": "np.divide(F + n * S"},
    fails=("a bright*", "growing*", "a faint*", "everything*", "whole*", "no light*"),
    idea="`flux` is the star's alone. The sky in the circle adds to the noise and says nothing of the star.",
    contrast="A star of 1000 on 5000 of sky has a signal of 1000.")
exercise.mistake(
    "sky-squared", "The sky is squared as if it were an error", edit={"S + R**2": "S**2 + R**2"}, fails=LIGHT,
    idea="For counts of electrons the variance is the count itself; only a standard deviation, as the read noise, has "
         "to be squared.",
    contrast="100 electrons of sky: variance 100, not 10 000.")


@exercise.mistake(
    "zero-over-zero", "Zero is divided by zero", fails=("no light*", "nothing"), raises="nan",
    idea="No light in no pixels has no noise either, and 0 / 0 is NaN. The contract asks for 0 there: treat that case "
         "before you divide.",
    contrast="np.divide(a, b, out=np.zeros_like(a), where=b > 0) divides only where b is positive.")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    return np.asarray(flux, float) / np.sqrt(np.asarray(flux, float) + n_pixels * (sky_per_pixel + read_noise**2))


exercise.mistake(
    "unit-kept", "The ratio has a unit",
    edit={"return np.divide(": "from astropy import units as u\n    return u.electron * np.divide("},
    spellings=({"return np.divide(": "from astropy import units as u\n    return u.electron**0.5 * np.divide("},),
    idea="Electrons over electrons leave a plain number. A unit that stays says that one of the two was given without its own.",
    contrast="A flux of 900 electrons with a noise of 30 electrons: 30, not 30 electrons.")


@exercise.mistake(
    "one-number-only", "An `if` on an array", fails=("growing*", "no light*", "everything*", "whole*"), raises="error",
    idea="`if` asks one question with one answer; an array of fluxes gives many. Arrays are allowed here, so the "
         "choice has to be made for each element.",
    contrast="np.where(noise > 0, a, b) chooses element by element.")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    variance = flux + n_pixels * (sky_per_pixel + read_noise**2)
    if variance == 0:
        return 0.0
    return flux / np.sqrt(variance)


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("np.broadcast_arrays(*(v for v in", "numbers and arrays are broadcast as they are"),
    ("return np.vectorize(one)(flux, sky_per_pixel, n_pixels, read_noise)",
     "numpy finds out the kind of the answer from the first one"),
]
