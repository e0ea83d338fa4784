"""Shifts of a cube's frames from phase cross-correlation, also where the detector has a pattern of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.values import DataRef
from photcourse.comparators import Shifts
from photcourse.simulate import observe
from photcourse.simulate.alignment_scenes import SHIFTS, cluster, detector_pattern, drifting_stars
from photgrader.exercise import Case, Exercise

from ._scenes import some_shifts

exercise = Exercise(
    "Shifts from phase cross-correlation",
    # On sharp stars at this noise the plain call with its phase normalisation is right to 0.06 pixel (120 seeds, 0.055
    # at most), the smoothed one without it to 0.01; 0.1 is what the contract gives.
    compare=Shifts(atol=0.1),
)

# Under a pattern the ways that the contract allows differ by up to 0.6 pixel: masks give whole pixels, 4x4 bins are
# coarse.
UNDER_PATTERN = Shifts(atol=1.0)
# A shift found in steps of a twentieth of a pixel is rounded by up to half a step, which the contract's tenth, for
# steps of a hundredth, does not hold: frames binned two by two, which is allowed, were 0.11 pixel off for one of 120
# students.
COARSE_STEPS = Shifts(atol=0.1 + 0.5 / 20)
# On the real frames methods agree to a pixel or two only: the stars are defocused rings, and masks give whole pixels.
ON_M13 = Shifts(atol=2.6)
M13_CROP = ((0, 5), (320, 680), (480, 900))


@exercise.reference
def shifts_from_correlation(cube, upsample_factor=100):
    from scipy import ndimage
    from skimage.registration import phase_cross_correlation

    smooth = [ndimage.gaussian_filter(np.asarray(frame, dtype=float), 1.5) for frame in cube]
    shifts = []
    for frame in smooth:
        shift, _, _ = phase_cross_correlation(smooth[0], frame, upsample_factor=upsample_factor, normalization=None)
        shifts.append(shift)
    return np.array(shifts)


@exercise.provided
def provided() -> Iterator[Case]:
    shifts = np.array(SHIFTS)
    yield Case("the clean cube", DataRef("stars_cube", "cube", minus=100.0), 100, expected=shifts,
               tests="the five frames of sharp stars, sky subtracted", points=2)
    yield Case("the patterned cube", DataRef("stars_cube", "patterned", minus=100.0), 100, expected=shifts,
               compare=UNDER_PATTERN, tests="fainter stars under a pattern fixed to the detector, within 1 pixel")
    yield Case("M13", DataRef("m13", "cube", M13_CROP, "archive", 486.0), 100, dataset="m13", compare=ON_M13,
               tests="the real M13 frames, rows 320 to 680 and columns 480 to 900, 486 subtracted, within 2.6 pixel")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(118, 130)), int(rng.integers(90, 104)))
    shifts = some_shifts(rng, 4, 1, 10)
    stars = cluster(rng, 100, shape, margin=18, faint=12000.0, bright=240000.0)
    clean = observe(rng, drifting_stars(stars, shifts, shape, 1.0) + 100.0, read_noise=2.0) - 100.0
    yield Case("sharp stars", clean, 100, expected=shifts, tests="sharp stars on frames taller than wide", points=2)
    yield Case("another upsample_factor", clean[:3], 20, expected=shifts[:3], compare=COARSE_STEPS,
               tests="upsample_factor = 20, that is steps of a twentieth of a pixel")
    shape = (int(rng.integers(104, 112)), int(rng.integers(124, 136)))
    shifts = some_shifts(rng, 4, 2, 10)
    faint = cluster(rng, 80, shape, margin=18)
    light = drifting_stars(faint, shifts, shape, 1.5) + detector_pattern(rng, shape) + 100.0
    patterned = observe(rng, light, read_noise=2.0) - 100.0
    yield Case("a pattern", patterned, 100, expected=shifts, compare=UNDER_PATTERN, points=2,
               tests="stars under another pattern that is fixed to the detector, within 1 pixel")


exercise.mistake(
    "plain", "The pattern of the detector is what was registered",
    edit={"ndimage.gaussian_filter(np.asarray(frame, dtype=float), 1.5)": "frame", ", normalization=None": ""},
    fails=("the pattern*", "a pattern", "M13"),
    idea="The plain call gives every spatial frequency the same weight. A pattern that stays with the detector is the "
         "same in all frames, so it correlates best at shift zero, and the stars are outvoted.",
    contrast="Shifts of exactly (0, 0) for frames in which the stars visibly move: what is it that has not moved?")
exercise.mistake(
    "smoothed-phases", "Smoothed, but the phase normalisation undoes it",
    edit={"1.5)": "3)", ", normalization=None": ""},
    idea="Smoothing multiplies amplitudes in Fourier space and leaves phases as they are. Phase normalisation then "
         "divides all amplitudes away, so what was damped counts fully again, rounding and edges with it.",
    contrast="The phase of 5 exp(i phi) and of 0.01 exp(i phi) is the same phi: after normalisation both have weight "
             "1.")
exercise.mistake(
    "whole-pixels", "Whole pixels only", edit={", upsample_factor=upsample_factor": ""},
    fails=("the clean*", "sharp*", "another*"),
    idea="Without upsample_factor the peak of the correlation is read off to a whole pixel. The masked routine of "
         "scikit-image always does so: it ignores upsample_factor.",
    contrast="A shift of -1.37 comes out as -1; with upsample_factor=100 as -1.37.")
exercise.mistake(
    "sign", "The sign of the shift is reversed", edit={"smooth[0], frame": "frame, smooth[0]"},
    idea="The function returns what moves its second image onto its first. With the frame first and the reference "
         "second, or with a minus in front, the numbers say where the stars went.",
    contrast="phase_cross_correlation(first, frame) moves frame onto first; with the arguments exchanged it is the "
             "other way.")
exercise.mistake(
    "xy-order", "(dx, dy) instead of (dy, dx)", edit={"np.array(shifts)": "np.array(shifts)[:, ::-1]"},
    idea="The routine answers in the order of the array's axes, y first. Turning that round makes the frames move "
         "along the wrong axis.",
    contrast="A drift along the rows, in x, is (0, 3.7) as (dy, dx).")
exercise.mistake(
    "previous-frame", "Measured against the frame before",
    edit={"for frame in smooth:": "for k, frame in enumerate(smooth):", "smooth[0]": "smooth[max(k - 1, 0)]"},
    idea="Each row should bring its frame onto the first one. Steps from one frame to the next would have to be added "
         "up.",
    contrast="Steps of +3.7 and then -9.0 mean that the third frame's shift onto the first is -5.3.")
exercise.mistake(
    "no-first-row", "The first row is missing", edit={"for frame in smooth:": "for frame in smooth[1:]:"},
    raises="shape",
    idea="The answer has a row for every frame, the first one too: its shift onto itself is (0, 0).",
    contrast="Five frames give an array of shape (5, 2), not (4, 2).")
exercise.mistake(
    "whole-answer", "Everything that the routine returns is passed on",
    edit={"shift, _, _ =": "shift =", "np.array(shifts)": "shifts"}, raises="type",
    idea="The routine returns three things: the shift, an error and a phase difference. Only the first one is asked.",
    contrast="shift, error, phase = phase_cross_correlation(a, b): the shift is the two numbers (dy, dx).")
exercise.mistake(
    "integer-array", "The fractions are cut off by an array of whole numbers",
    edit={"np.array(shifts)": "np.array(shifts, dtype=int)"}, fails=("the clean*", "sharp*", "another*"),
    idea="An array made with dtype int keeps whole numbers: what is written into it loses its fraction, towards zero.",
    contrast="a = np.zeros(2, dtype=int); a[0] = -1.7 leaves a[0] = -1, where rounding would give -2.")
exercise.mistake(
    "upsampled-units", "Given in upsampled steps instead of pixels",
    edit={"np.array(shifts)": "np.array(shifts) * upsample_factor"},
    idea="The routine divides by upsample_factor itself: what it returns is in pixels already.",
    contrast="A shift of 3.7 pixels is returned as 3.7, also with upsample_factor=100.")
exercise.mistake(
    "wrapped", "Negative shifts come out as large positive ones",
    edit={"np.array(shifts)": "np.mod(shifts, cube.shape[1:])"},
    idea="A discrete correlation is periodic: a shift of -3 peaks at index n - 3. Indices beyond the middle stand for "
         "negative shifts.",
    contrast="On 120 rows a peak at row 117 means dy = -3.")
exercise.mistake(
    "input-changed", "The cube is changed", edit={"smooth = [": "cube[cube < -20] = 0\n    smooth = ["},
    raises="input-modified",
    idea="Writing into the argument changes the caller's frames. Work on a copy.",
    contrast="cube[cube < 50] = 0 writes into the caller's array; np.where(cube < 50, 0, cube) makes a new one.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "a list, and any factor of upsampling within the tolerance, are right") for text in (
        "return shifts", "upsample_factor is that of the first provided case, whatever is given",
    )),
    *((text, "the width of the smoothing is free, and it makes floats of whole numbers itself") for text in (
        "smooth = [ndimage.gaussian_filter(frame, 1.5) for frame in cube]",
        "smooth = [ndimage.gaussian_filter(np.asarray(frame), 1.5) for frame in cube]", "float), 3.0) for frame",
        "float), 0.75) for frame",
    )),
    *((text, "how the fixed pattern is kept out is free: the shifts decide") for text in (
        "if np.abs(shift).max() <= 0.5:", "stars = (cube >= 50).any(axis=0)", "stars = (cube < 50).any(axis=0)",
        "if np.abs(shift).min() < 0.5:", "if np.abs(shift).max() < 1.0:", "if np.abs(shift).max() < 0.25:",
        "stars = (cube > 51).any(axis=0)", "stars = (cube > 49).any(axis=0)",
        "shift = phase_cross_correlation(cube[0], frame, reference_mask=stars)[0]", "if np.abs(-shift).max() < 0.5:",
        "if np.abs(shift[::-1]).max() < 0.5:",
    )),
]
