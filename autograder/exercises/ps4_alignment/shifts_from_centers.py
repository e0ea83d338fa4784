"""Shifts of a cube's frames from their centres of mass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from astropy.table import Table

from photcourse.comparators import Shifts
from photgrader.exercise import Case, Exercise

from ._scenes import frames_of, separate_stars, some_shifts

exercise = Exercise(
    "Shifts from centres of mass",
    # All stars are whole in all frames and the noise is 0.05 counts a pixel under 4e4 counts of stars: with or without
    # the clipping of noise at zero the centre stays within 0.01 pixel; 0.05 leaves room for single precision too.
    compare=Shifts(atol=0.05),
    depends=("center_of_mass",),
    extra_credit=10,
)


@exercise.reference
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return centers[0] - centers


def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.provided
def provided() -> Iterator[Case]:
    stars = Table({"x": [17.2, 25.6, 30.1], "y": [12.4, 17.3, 10.8], "flux": [9000.0, 4000.0, 2500.0]})
    shifts = np.array([[0.0, 0.0], [-1.4, 3.7], [2.6, -5.3]])
    cube = np.round(frames_of(stars, shifts, (28, 46), 1.4), 2)
    yield Case("three frames", cube, expected=shifts, tests="three stars that drift, frames wider than tall")
    dead = cube.copy()
    dead[1, 3:5, 4:9] = np.nan
    yield Case("dead pixels", dead[:2], expected=shifts[:2], tests="NaN pixels away from the stars")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(52, 58)), int(rng.integers(40, 46)))
    stars = separate_stars(rng, 4, shape, margin=15, apart=3)
    shifts = some_shifts(rng, 5)
    cube = frames_of(stars, shifts, shape, 1.5) + rng.normal(0.0, 0.05, (5, *shape))
    yield Case("five frames", cube, expected=shifts, points=2,
               tests="five frames taller than wide, with a little noise")
    shifts = some_shifts(rng, 3)
    whole = np.rint(frames_of(stars, shifts, shape, 1.5)).astype(np.int32)
    yield Case("whole numbers", whole, expected=shifts, tests="frames of whole numbers")
    yield Case("one frame", cube[:1], expected=np.zeros((1, 2)), tests="a cube of one frame", points=0.25)


#: The cases in which the stars move.
MOVED = ("three*", "dead*", "five*", "whole*")

exercise.mistake(
    "sign", "The sign of the shift is reversed", edit={"centers[0] - centers": "centers - centers[0]"}, fails=MOVED,
    idea="The shift asked for moves a frame onto the first one, so it is where the stars are in the first frame minus "
         "where they are in this one. Where the stars went is its negative.",
    contrast="Star at x = 20 in frame 1 and at x = 16.3 in frame 2: the stars went -3.7, and dx = +3.7 brings them "
             "back.")
exercise.mistake(
    "xy-order", "(dx, dy) instead of (dy, dx)", edit={"centers[0] - centers": "(centers[0] - centers)[:, ::-1]"},
    fails=MOVED,
    idea="Shift routines take their numbers in the order of the array's axes: y first, then x. A centre is (x, y), so "
         "the order has to be turned round.",
    contrast="scipy.ndimage.shift(frame, (2, 0)) moves the frame two rows up, along y.")
exercise.mistake(
    "sign-and-order", "Sign reversed and (dx, dy) for (dy, dx)",
    edit={"centers[0] - centers": "(centers - centers[0])[:, ::-1]"}, fails=MOVED,
    idea="Two things at once: the numbers say where the stars went instead of what brings them back, and x stands "
         "before y.",
    contrast="Star at (20, 12) in frame 1 and (16.3, 13.4) in frame 2: asked is (dy, dx) = (-1.4, 3.7).")
exercise.mistake(
    "previous-frame", "Measured against the frame before",
    edit={"centers[0] - centers": "np.vstack([np.zeros(2), centers[:-1] - centers[1:]])"},
    fails=("three*", "five*", "whole*"),
    idea="Each row should bring its frame onto the first one. Steps from frame to frame would have to be added up.",
    contrast="Stars at x = 20, 16.3, 25.3: steps +3.7 and -9.0, shifts onto the first frame +3.7 and -5.3.")
exercise.mistake(
    "no-first-row", "The first row is missing", edit={"centers[0] - centers": "centers[0] - centers[1:]"},
    raises="shape",
    idea="The answer has a row for every frame, the first one too: its shift onto itself is (0, 0).",
    contrast="Five frames give an array of shape (5, 2), not (4, 2).")
exercise.mistake(
    "axes-of-answer", "Two rows instead of two columns", edit={"centers[0] - centers": "(centers[0] - centers).T"},
    raises="shape",
    idea="The answer has a row (dy, dx) for each frame, shape (n, 2). Stacking all dy above all dx gives its "
         "transpose.",
    contrast="np.column_stack([dy, dx]) has shape (n, 2), np.array([dy, dx]) has shape (2, n).")
exercise.mistake(
    "rounded", "Rounded to whole pixels", edit={"centers[0] - centers": "np.rint(centers[0] - centers)"}, fails=MOVED,
    idea="A centre of mass is known to a fraction of a pixel, and the fraction is what an alignment wants. Rounding "
         "throws it away.",
    contrast="A shift of 3.7 pixels rounded to 4 leaves the stars 0.3 pixels apart, and the stack is blurred.")
exercise.mistake(
    "integer-array", "The fractions are cut off by an array of whole numbers",
    edit={"centers[0] - centers": "(centers[0] - centers).astype(int)"}, fails=MOVED,
    idea="An array made with dtype int, or from whole numbers, keeps whole numbers: what is written into it loses its "
         "fraction.",
    contrast="a = np.zeros(2, dtype=int); a[0] = 3.7 leaves a[0] = 3.")
exercise.mistake(
    "centers-returned", "The centres instead of the shifts", edit={"centers[0] - centers": "centers"},
    idea="A centre says where the light is in its own frame. A shift is a difference of two centres.",
    contrast="Centres at x = 20 and x = 16.3 give the shift +3.7.")
exercise.mistake(
    "onto-the-middle", "Shifted onto the middle of the frame",
    edit={"centers[0] -": "(np.array(cube.shape[1:]) - 1) / 2 -"},
    idea="The first frame stays where it is: its row is (0, 0). Moving every frame's centre to the middle of the "
         "array aligns them too, but not onto the first frame.",
    contrast="If the first frame's centre lies at x = 20 of 46 columns, the wrong first row has dx = 2.5.")
exercise.mistake(
    "last-frame", "Measured against the last frame", edit={"centers[0]": "centers[-1]"}, fails=MOVED,
    idea="The frame that stays in place is the first one, cube[0]; the last one is cube[-1].",
    contrast="The row of the frame that stays is (0, 0): here that is to be row 0.")
exercise.mistake(
    "peaks", "From the brightest pixels instead of the centres of mass",
    edit={"center_of_mass(frame)[::-1]": "np.unravel_index(np.nanargmax(frame), frame.shape)"}, fails=MOVED,
    idea="The brightest pixel is a whole number, so the shifts come out whole, and it may even belong to another star.",
    contrast="A star that moves from x = 20.2 to 16.5 has its brightest pixel at 20 and then at 16 or 17.")
exercise.mistake(
    "nan-left", "NaN pixels reach the sum", edit={"np.where(cube > 0, cube, 0)": "np.clip(cube, 0, None)"},
    of="all frames at once", fails=("dead*",), raises="nan",
    idea="One NaN pixel makes a frame's sums NaN. A NaN counts as zero here.",
    contrast="np.sum([1, nan]) is nan; np.nansum([1, nan]) is 1.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    (f"x, y = centroid_com(np.clip({arguments}, None))",
     "a pixel of 0, or of the noise of these frames, has no weight that matters: graded where the noise is low")
    for arguments in ("0, np.nan_to_num(frame)", "np.nan_to_num(frame), -1")
]
