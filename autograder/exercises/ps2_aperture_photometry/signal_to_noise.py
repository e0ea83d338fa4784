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
ONE = ClosedNumber(rtol=RTOL, atol=1e-9, name="signal-to-noise ratio")

exercise = Exercise(
    "signal_to_noise",
    params=("flux", "sky_per_pixel", "n_pixels", "read_noise"),
    title="Signal to noise",
    compare=ClosedArray(rtol=RTOL, atol=1e-9, name="signal-to-noise ratio", labels=("row", "column")),
    extra_credit=5,
)


@exercise.reference
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    flux, sky, n, read = np.broadcast_arrays(*(np.asarray(v, float) for v in (flux, sky_per_pixel, n_pixels, read_noise)))
    noise = np.sqrt(flux + n * (sky + read**2))
    return np.divide(flux, noise, out=np.zeros(noise.shape), where=noise > 0)


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("a bright star", (52000.0, 120.0, 78.5, 6.0), compare=ONE, tests="one bright star on a moderate sky")
    radii = np.array([2.0, 3.0, 4.5, 7.0, 10.0])
    shares = 1 - np.exp(-(radii**2) / (2 * 2.2**2))
    yield Case("growing circles", (4000.0 * shares, 85.0, np.pi * radii**2, 5.0), tests="a star in circles of five radii")
    yield Case("no light, no pixels", (np.array([0.0, 900.0, 0.0]), 150.0, np.array([25, 0, 0]), 8.0), no_warnings=True,
               tests="an empty circle, a circle without pixels, and neither light nor pixels")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a faint star", (float(rng.uniform(150, 400)), float(rng.uniform(1.5, 4)), float(rng.uniform(30, 60)), float(rng.uniform(7, 12))),
               compare=ONE, points=2, tests="one faint star on a dark sky with a noisy detector")
    n = int(rng.integers(5, 9))
    yield Case("everything an array", (rng.uniform(500, 20000, n), rng.uniform(20, 300, n), rng.uniform(12, 120, n), rng.uniform(3, 9, n)),
               points=2, tests="arrays for all four arguments")
    shape = (int(rng.integers(3, 5)), int(rng.integers(6, 8)))
    yield Case("whole numbers", (rng.integers(300, 9000, shape), int(rng.integers(30, 90)), int(rng.integers(20, 70)), 5),
               tests="fluxes in rows and columns, whole numbers throughout")
    yield Case("edges", (float(rng.uniform(100, 5000)), float(rng.uniform(50, 90)), 0.0, float(rng.uniform(4, 8))), compare=ONE, no_warnings=True,
               tests="a circle without pixels")
    yield Case("nothing", (0.0, float(rng.uniform(50, 90)), 0, float(rng.uniform(4, 8))), compare=ONE, no_warnings=True,
               tests="neither light nor pixels")


@exercise.variant("where, warnings silenced")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    noise = np.sqrt(flux + n_pixels * (sky_per_pixel + read_noise**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(noise == 0, 0.0, flux / noise)


@exercise.variant("loop over elements, list")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import math

    grids = np.broadcast_arrays(flux, sky_per_pixel, n_pixels, read_noise)
    ratios = []
    for f, s, n, r in zip(*(g.ravel() for g in grids)):
        variance = f + n * s + n * r * r
        ratios.append(f / math.sqrt(variance) if variance > 0 else 0.0)
    return np.reshape(ratios, grids[0].shape).tolist()


@exercise.variant("three noises in quadrature, prints to both streams")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import sys

    photons = np.sqrt(flux)
    sky = np.sqrt(np.multiply(n_pixels, sky_per_pixel))
    detector = np.sqrt(n_pixels) * read_noise
    noise = np.hypot(np.hypot(photons, sky), detector)
    print("noise", noise)
    print("careful: dark current is left out", file=sys.stderr)
    return flux / np.maximum(noise, 1e-30)


@exercise.variant("vectorised scalar function")
def signal_to_noise(flux: float | np.ndarray, sky_per_pixel: float, n_pixels: float, read_noise: float) -> np.ndarray:
    def one(f: float, s: float, n: float, r: float) -> float:
        if f == 0:
            return 0.0
        return float(f) / (f + n * (s + r**2)) ** 0.5

    return np.vectorize(one, otypes=[float])(flux, sky_per_pixel, n_pixels, read_noise)


@exercise.variant("single precision")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    f, s, n, r = (np.asarray(v, dtype=np.float32) for v in (flux, sky_per_pixel, n_pixels, read_noise))
    variance = f + n * s + n * r * r
    variance = np.where(variance > 0, variance, np.float32(1))
    return (f / np.sqrt(variance)).astype(np.float32)


@exercise.variant("root of the flux times a share")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    # S/N = sqrt(F) / sqrt(1 + n (s + R^2) / F), with F kept from zero.
    safe = np.maximum(flux, 1e-200)
    return np.sqrt(flux) / np.sqrt(1 + n_pixels * (sky_per_pixel + np.square(read_noise)) / safe)


exercise.variant_source("helpers in other cells", """
def variance_of_pixel(sky, read_noise):
    return sky + read_noise * read_noise
# %%
from math import inf

def divide(a, b):
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) > 0)
# %%
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    flux = np.asarray(flux, dtype=float)
    return divide(flux, np.sqrt(flux + n_pixels * variance_of_pixel(sky_per_pixel, read_noise)))
""")

exercise.variant_source("lambda", """
signal_to_noise = lambda flux, sky_per_pixel, n_pixels, read_noise: np.nan_to_num(
    flux / np.sqrt(np.clip(flux + n_pixels * (sky_per_pixel + read_noise**2), 1e-300, None)))
""")

exercise.variant_source("object with __call__", """
class CCD:
    def __init__(self, dark_current=0.0):
        self.dark_current = dark_current

    def __call__(self, flux, sky_per_pixel, n_pixels, read_noise):
        variance = np.add(flux, np.multiply(n_pixels, sky_per_pixel + self.dark_current + np.power(read_noise, 2)))
        ratio = np.zeros(np.shape(variance))
        np.divide(flux, np.sqrt(variance), out=ratio, where=variance > 0)
        return ratio if ratio.ndim else float(ratio)

signal_to_noise = CCD()
""")

exercise.variant_source("functools.partial", """
import functools

def ratio(gain, flux, sky_per_pixel, n_pixels, read_noise):
    noise = (gain * flux + n_pixels * (gain * sky_per_pixel + read_noise**2))**0.5
    return gain * flux / (noise + (noise == 0))

signal_to_noise = functools.partial(ratio, 1.0)
""")


@exercise.variant("draws the noise")
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import matplotlib.pyplot as plt

    flux = np.array(flux, dtype=float)
    noise = np.linalg.norm(np.stack(np.broadcast_arrays(np.sqrt(flux), np.sqrt(np.asarray(n_pixels) * sky_per_pixel),
                                                        np.sqrt(n_pixels) * read_noise)), axis=0)
    plt.plot(np.ravel(noise), "o")
    return flux / np.where(noise > 0, noise, 1.0)


_FORMULA = """
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    F, S, n, R = np.broadcast_arrays(*(np.asarray(v, float) for v in (flux, sky_per_pixel, n_pixels, read_noise)))
    above, below = {above}, {below}
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)
"""
#: Cases with light on pixels; the others are edges.
_USUAL = ("a bright*", "growing*", "a faint*", "everything*", "whole*")


def _mistake(id: str, title: str, idea: str, contrast: str, fails: tuple[str, ...] = _USUAL, *, above: str = "F",
             below: str = "np.sqrt(F + n * (S + R**2))") -> None:
    """Declare a misconception that differs from the right function in the parts given."""
    exercise.misconception_source(id, title, _FORMULA.format(above=above, below=below), idea=idea, contrast=contrast, fails=fails)


_mistake("no-source-noise", "The photon noise of the source itself is left out",
         "The star's own photons arrive at random too: of F electrons on average, F varies by its square root. Leave it out, and a bright star looks better "
         "measured than it can be.",
         "10 000 electrons and nothing else: the noise is 100 and S/N is 100, not infinite.", (*_USUAL, "no light*", "edges"), below="np.sqrt(n * (S + R**2))")
_mistake("no-sky", "The sky's noise is left out",
         "The sky's level can be subtracted, its noise cannot: S electrons in a pixel vary by sqrt(S), whatever is taken away afterwards.",
         "50 pixels with 100 electrons of sky each add a noise of sqrt(5000) = 71 electrons.", below="np.sqrt(F + n * R**2)")
_mistake("no-read-noise", "The read noise is left out",
         "Every pixel is read once and every reading adds its own noise, whether light fell on it or not.",
         "50 pixels read with 8 electrons each add sqrt(50 x 64) = 57 electrons.", below="np.sqrt(F + n * S)")
_mistake("read-noise-not-squared", "The read noise is added as if it were a variance",
         "Counts of photons are their own variance; the read noise is a standard deviation already. Under the root only variances may be added.",
         "A read noise of 8 electrons is a variance of 64 electrons squared.", below="np.sqrt(F + n * (S + R))")
_mistake("one-pixel", "Sky and read noise of one pixel only",
         "The circle holds many pixels; each brings its own sky and its own reading, and their variances add up.",
         "50 pixels of variance 164 make 8200, not 164.", (*_USUAL, "no light*", "edges"), below="np.sqrt(F + S + R**2)")
_mistake("n-on-sky-only", "The read noise is counted once, not once for each pixel",
         "The detector is read pixel by pixel: n pixels bring n readings, and n times the variance of one.",
         "n (S + R^2), not n S + R^2.", (*_USUAL, "no light*", "edges"), below="np.sqrt(F + n * S + R**2)")
_mistake("n-on-read-only", "The sky is counted once, not once for each pixel",
         "`sky_per_pixel` is the level in one pixel; a circle of n pixels holds n times as much sky.",
         "n (S + R^2), not S + n R^2.", (*_USUAL, "no light*", "edges"), below="np.sqrt(F + S + n * R**2)")
_mistake("linear", "The noises are added, not their squares",
         "Photon noise, sky noise and read noise are independent and partly cancel: their squares add up.",
         "Noises of 3 and 4 make 5, not 7.", below="np.sqrt(F) + np.sqrt(n * S) + R * np.sqrt(n)")
_mistake("read-noise-linear", "The read noise of the pixels is added, not its squares",
         "n readings with an error of R each have an error of R sqrt(n) together; R n would mean that all err to the same side.",
         "50 pixels with 8 electrons: 57 electrons, not 400.", below="np.sqrt(F + n * S + (n * R)**2)")
_mistake("no-root", "The flux is divided by the variance",
         "The noise is the square root of the variance. Flux over variance is no pure number, and a brighter star would seem to be measured no better.",
         "10 000 electrons: noise 100, S/N 100; divided by the variance it would be 1.", (*_USUAL, "no light*", "edges"), below="F + n * (S + R**2)")
_mistake("photons-only", "Only the source's own photon noise is counted",
         "sqrt(F) is the best that is possible, without sky and with a perfect detector. On real images the pixels under the star have noise of their own.",
         "A star of 400 electrons on 50 pixels of variance 100: S/N is 5.4, not 20.", below="np.sqrt(F)")
_mistake("inverse", "Noise over signal is returned",
         "The relative error is the inverse of the signal-to-noise ratio: small is good there, large is good here.",
         "A flux of 5000 with a noise of 100: S/N is 50, the relative error 0.02.", (*_USUAL, "no light*", "edges"), above="np.sqrt(F + n * (S + R**2))", below="F * 1.0")
_mistake("sky-in-signal", "The sky is counted as signal",
         "`flux` is the star's alone. The sky in the circle adds to the noise and says nothing of the star.",
         "A star of 1000 on 5000 of sky has a signal of 1000.", (*_USUAL, "no light*"), above="F + n * S")
_mistake("sky-squared", "The sky is squared as if it were an error",
         "For counts of electrons the variance is the count itself; only a standard deviation, as the read noise, has to be squared.",
         "100 electrons of sky: variance 100, not 10 000.", below="np.sqrt(F + n * (S**2 + R**2))")

exercise.misconception_source("zero-over-zero", "Zero is divided by zero", """
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    return np.asarray(flux, float) / np.sqrt(np.asarray(flux, float) + n_pixels * (sky_per_pixel + read_noise**2))
""", idea="No light in no pixels has no noise either, and 0 / 0 is NaN. The contract asks for 0 there: treat that case before you divide.",
    contrast="np.divide(a, b, out=np.zeros_like(a), where=b > 0) divides only where b is positive.", fails=("no light*", "nothing"), raises="nan")

exercise.misconception_source("one-number-only", "An `if` on an array", """
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    variance = flux + n_pixels * (sky_per_pixel + read_noise**2)
    if variance == 0:
        return 0.0
    return flux / np.sqrt(variance)
""", idea="`if` asks one question with one answer; an array of fluxes gives many. Arrays are allowed here, so the choice has to be made for each element.",
    contrast="np.where(noise > 0, a, b) chooses element by element.", fails=("growing*", "no light*", "everything*", "whole*"), raises="error")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("np.broadcast_arrays(*(v for v in", "numbers and arrays are broadcast as they are"),
    ("return np.vectorize(one)(flux, sky_per_pixel, n_pixels, read_noise)",
     "numpy finds out the kind of the answer from the first one"),
]
