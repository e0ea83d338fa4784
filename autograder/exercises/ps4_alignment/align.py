"""Frames moved onto the first one by sub-pixel shifts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from astropy.table import Table

from photcourse.comparators import AlignedStars
from photgrader.exercise import Case, Exercise

from ._scenes import frames_of, separate_stars, some_shifts

# Linear, cubic and Fourier interpolation agree on these stars to 0.01 pixel and 0.2 % of the flux; whole pixels are at
# least 0.3 pixel off. 1 % of the flux is what the contract gives.
exercise = Exercise(
    "Frames moved onto the first one",
    compare=AlignedStars(position=0.06, flux=0.01),
    shown=("all frames move", "unsigned numbers"),
)


@exercise.reference
def align(cube, shifts):
    from scipy import ndimage

    frames = np.asarray(cube, dtype=float)
    aligned = np.array([ndimage.shift(frame, shift) for frame, shift in zip(frames, shifts)])
    return aligned


def _judged(stars: Table) -> AlignedStars:
    return AlignedStars(tuple(float(x) for x in stars["x"]), tuple(float(y) for y in stars["y"]), 0.06, 0.01)


def _case(name: str, stars: Table, cube: np.ndarray, shifts: np.ndarray, tests: str, points: float = 1.0) -> Case:
    # Single precision and three decimals are plenty for the expected cube, and keep the check file small.
    expected = np.round(exercise.solve(cube, shifts), 3).astype(np.float32)
    return Case(name, cube, shifts, tests=tests, expected=expected, compare=_judged(stars), points=points)


@exercise.provided
def provided() -> Iterator[Case]:
    stars = Table({"x": [15.3, 31.8], "y": [13.7, 19.2], "flux": [9000.0, 5000.0]})
    shifts = np.array([[0.0, 0.0], [-1.4, 3.7], [2.6, -4.4]])
    cube = np.round(frames_of(stars, shifts, (34, 48), 1.4), 1)
    yield _case("sub-pixel shifts", stars, cube, shifts, "stars that move by fractions of a pixel", 2)
    whole = np.array([[0.0, 0.0], [2.0, -3.0]])
    cube = np.round(frames_of(stars, whole, (34, 48), 1.4), 1)
    yield _case("whole-pixel shifts", stars, cube, whole, "stars that move by whole pixels")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(70, 78)), int(rng.integers(56, 62)))
    stars = separate_stars(rng, 4, shape, margin=15, apart=16)
    shifts = some_shifts(rng, 4)
    cube = frames_of(stars, shifts, shape, 1.5) + rng.normal(0.0, 1.0, (4, *shape))
    yield _case("noise", stars, cube, shifts, "four noisy frames taller than wide", 2)
    shifts = some_shifts(rng, 3)
    counts = np.rint(frames_of(stars, shifts, shape, 1.3)).astype(np.uint16)
    yield _case("unsigned numbers", stars, counts, shifts, "a cube of unsigned whole numbers, as cameras write them")
    moves = some_shifts(rng, 3, 1, 5)
    start = np.array([rng.uniform(1.3, 1.7), rng.uniform(-2.7, -2.3)])
    # Each frame of another depth, so that their order can be told.
    cube = frames_of(stars, moves + start, shape, 1.5) * np.array([1.0, 0.8, 0.65])[:, None, None]
    yield _case("all frames move", stars, cube, moves + start,
                "a first row of shifts that is not zero, and frames that differ in brightness")
    sky = frames_of(stars, shifts, shape, 1.5) + 150.0 + 0.5 * np.arange(shape[1]) + rng.normal(0, 2, (3, *shape))
    yield _case("a sky left in", stars, sky, shifts, "a sky that is brighter on one side")


exercise.mistake(
    "sign", "Moved the wrong way", edit={"(frame, shift)": "(frame, -shift)"},
    idea="The shifts say what brings a frame onto the first one, and shift routines move the content by what they are "
         "given. Coordinates to read from go the other way, and so does a minus in front: then the distance doubles.",
    contrast="A star at x = 16.3 with dx = 3.7 is to end at 20.0; moved the wrong way it ends at 12.6.")
exercise.mistake(
    "xy-order", "dy and dx are exchanged", edit={"(frame, shift)": "(frame, shift[::-1])"},
    idea="The shifts come as (dy, dx), the order of the array's axes. Routines that speak of translations in (x, y), "
         "as scikit-image's AffineTransform does, want them turned round.",
    contrast="With (dy, dx) = (-1.4, 3.7) the stars move 3.7 columns, along x.")
exercise.mistake(
    "whole-pixels", "Moved by whole pixels only",
    edit={"ndimage.shift(frame, shift)": "np.roll(frame, np.rint(shift).astype(int), axis=(0, 1))"},
    fails=("sub*", "noise", "unsigned*", "all*", "a sky*"),
    idea="np.roll knows whole pixels only. The fraction that is left blurs the stack: the stars of the frames miss "
         "each other by up to half a pixel in each axis.",
    contrast="A shift of 3.7 rounded to 4 leaves the stars 0.3 pixel apart.")
exercise.mistake(
    "cut-off", "The fractions of the shifts are cut off",
    edit={"ndimage.shift(frame, shift)": "np.roll(frame, shift.astype(int), axis=(0, 1))"},
    fails=("sub*", "noise", "unsigned*", "all*", "a sky*"),
    idea="int() and astype(int) cut off towards zero, so that 3.7 becomes 3. Even rounding would be nearer, and "
         "sub-pixel shifts need neither.",
    contrast="int(3.7) is 3 and int(-1.4) is -1.")
exercise.mistake(
    "first-kept", "The first frame is left as it is",
    edit={"np.array([ndimage": "np.array([frames[0]] + [ndimage", "zip(frames, shifts)": "zip(frames[1:], shifts[1:])"},
    fails=("all*",),
    idea="Each frame moves by its own row of shifts. The first row is zero when frames are registered onto the first "
         "one, but a function that skips it goes wrong for any other choice.",
    contrast="With shifts [[1.5, -2.5], ...] the first frame moves too.")
exercise.mistake(
    "added-up", "The shifts are added up from frame to frame",
    edit={"zip(frames, shifts)": "zip(frames, np.cumsum(shifts, axis=0))"},
    fails=("sub*", "noise", "unsigned*", "all*", "a sky*"),
    idea="Each row already counts from the first frame. Adding the rows up is right only for steps from one frame to "
         "the next.",
    contrast="Rows (0, 3.7) and (0, 7.3): the third frame moves by 7.3, not by 11.")
exercise.mistake(
    "stacked", "The frames are summed already", edit={"return aligned": "return aligned.sum(axis=0)"}, raises="shape",
    idea="The answer is a cube again, a moved frame for each frame. Summing comes in the next step.",
    contrast="A cube of shape (5, 120, 150) stays of shape (5, 120, 150).")
exercise.mistake(
    "normalised", "The frames are scaled to their maximum",
    edit={"return aligned": "return aligned / aligned.max(axis=(1, 2), keepdims=True)"},
    idea="Moving a frame leaves its counts as they are. Scaling it is good for a picture and ruins the photometry.",
    contrast="A star of 9000 counts still has 9000 counts after it was moved.")
exercise.mistake(
    "one-axis", "Moved along x only", edit={"(frame, shift)": "(frame, (0, shift[1]))"},
    idea="A shift has two parts. Moving along one axis leaves the stars of the frames apart along the other.",
    contrast="(dy, dx) = (-1.4, 3.7) moves 1.4 rows down as well as 3.7 columns to the right.")
exercise.mistake(
    "last-shift", "Every frame is moved by the last shift", edit={"(frame, shift)": "(frame, shifts[-1])"},
    idea="Each frame has its own row of shifts. A variable left over from a loop holds the last one.",
    contrast="With rows (0, 0), (-1.4, 3.7) and (2.6, -4.4) the first frame stays where it is.")
# What C does on most machines when such numbers are written into an array of the frames' own type.
exercise.mistake(
    "unsigned", "Unsigned whole numbers wrap around",
    edit={"return aligned": "return np.mod(aligned, 65536).astype(np.uint16) if cube.dtype == np.uint16 else aligned"},
    fails=("unsigned*",),
    idea="Interpolation dips a little below zero beside a star. Unsigned numbers cannot, and wrap around to the top "
         "of their range. Turn the frames into floats first.",
    contrast="As uint16, -3 becomes 65533.")
exercise.mistake(
    "rescaled", "Whole numbers are rescaled to 0...1",
    edit={"frame.astype(np.float64)": "frame", ", preserve_range=True": ""}, of="scikit-image's warp",
    fails=("unsigned*",),
    idea="scikit-image takes an image of whole numbers as a fraction of the type's range and divides by its top "
         "value, unless it is told to preserve the range. The counts are then gone.",
    contrast="13107 counts as uint16 become 0.2 of 65535.")


@exercise.mistake(
    "nan-leak", "NaN from the edges leak into the middle", raises="nan",
    idea="Splines are global: one NaN pixel in what is interpolated makes the whole frame NaN. Edges filled with NaN "
         "in a first step spoil the second.",
    contrast="ndimage.shift of [1, 2, nan, 4] by 0.5 with order 3 is NaN everywhere; with edges filled by 0 it is not.")
def align(cube, shifts):
    from scipy import ndimage

    along_y = [ndimage.shift(frame.astype(float), (dy, 0), cval=np.nan) for frame, (dy, dx) in zip(cube, shifts)]
    return np.array([ndimage.shift(frame, (0, dx), cval=np.nan) for frame, (dy, dx) in zip(along_y, shifts)])


exercise.mistake(
    "input-changed", "The cube is changed",
    edit={"return aligned": "cube[:] = np.clip(aligned, 0, None)\n    return aligned"}, raises="input-modified",
    idea="Writing the moved frames into the argument changes the caller's cube, and a second run of the cell moves it "
         "again.",
    contrast="cube[k] = moved writes into the caller's array; aligned = np.zeros(cube.shape) makes room for a new one.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("aligned = [ndimage.shift(frame, shift) for frame, shift in zip(frames, shifts)]", "a list of frames is right"),
    *((text, "whole counts stay within 1 per cent of the flux of a star") for text in (
        "frames = cube", "frames = np.asarray(cube)", "map_coordinates(frame, [y - dy",
    )),
    ("y, x = np.indices(cube.shape[1:])", "coordinates in whole numbers are the same"),
    *((text, "what is at the edges, and the order of the interpolation, are free within the tolerance") for text in (
        "x - dx], cval=np.nan", "order=3) for frame", ", order=4, cval=np.nan", ", order=2, cval=np.nan",
    )),
]
