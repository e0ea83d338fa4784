"""Shifts of a cube's frames from their centres of mass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from astropy.table import Table

from photcourse.comparators import Shifts
from photgrader.exercise import Case, Exercise

from ._scenes import frames_of, separate_stars, some_shifts

exercise = Exercise(
    "shifts_from_centers",
    params=("cube",),
    title="Shifts from centres of mass",
    # All stars are whole in all frames and the noise is 0.05 counts a pixel under 4e4 counts of stars: with or without
    # the clipping of noise at zero the centre stays within 0.01 pixel; 0.05 leaves room for single precision too.
    compare=Shifts(atol=0.05),
    depends=("center_of_mass",),
    extra_credit=10,
)


@exercise.reference
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame) for frame in cube])  # noqa: F821
    return (centers[0] - centers)[:, ::-1]


def center_of_mass(image):
    light = np.where(image > 0, image, 0.0)
    y, x = np.indices(light.shape)
    return (x * light).sum() / light.sum(), (y * light).sum() / light.sum()


@exercise.provided
def provided() -> Iterator[Case]:
    stars = Table({"x": [17.2, 25.6, 30.1], "y": [12.4, 17.3, 10.8], "flux": [9000.0, 4000.0, 2500.0]})
    shifts = np.array([[0.0, 0.0], [-1.4, 3.7], [2.6, -5.3]])
    cube = np.round(frames_of(stars, shifts, (28, 46), 1.4), 2)
    yield Case("three frames", (cube,), expected=shifts, tests="three stars that drift, frames wider than tall")
    dead = cube.copy()
    dead[1, 3:5, 4:9] = np.nan
    yield Case("dead pixels", (dead[:2],), expected=shifts[:2], tests="NaN pixels away from the stars")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(52, 58)), int(rng.integers(40, 46)))
    stars = separate_stars(rng, 4, shape, margin=15, apart=3)
    shifts = some_shifts(rng, 5)
    cube = frames_of(stars, shifts, shape, 1.5) + rng.normal(0.0, 0.05, (5, *shape))
    yield Case("five frames", (cube,), expected=shifts, tests="five frames taller than wide, with a little noise", points=2)
    shifts = some_shifts(rng, 3)
    whole = np.rint(frames_of(stars, shifts, shape, 1.5)).astype(np.int32)
    yield Case("whole numbers", (whole,), expected=shifts, tests="frames of whole numbers")
    yield Case("one frame", (cube[:1],), expected=np.zeros((1, 2)), tests="a cube of one frame", points=0.5)


@exercise.variant("calls center_of_mass in a loop")
def shifts_from_centers(cube):
    x0, y0 = center_of_mass(cube[0])
    shifts = []
    for frame in cube:
        x, y = center_of_mass(frame)
        shifts.append((y0 - y, x0 - x))
    return shifts


@exercise.variant("photutils, array filled row by row")
def shifts_from_centers(cube):
    from photutils.centroids import centroid_com

    shifts = np.zeros((len(cube), 2))
    first = None
    for k, frame in enumerate(cube):
        x, y = centroid_com(np.clip(np.nan_to_num(frame), 0, None))
        first = (y, x) if first is None else first
        shifts[k] = first[0] - y, first[1] - x
    return shifts


@exercise.variant("scipy, which gives (row, column) already")
def shifts_from_centers(cube):
    from scipy import ndimage

    rows = np.array([ndimage.center_of_mass(np.where(f > 0, f, 0)) for f in cube])
    return rows[0] - rows


@exercise.variant("all frames at once")
def shifts_from_centers(cube: np.ndarray) -> np.ndarray:
    light = np.where(cube > 0, cube, 0).astype(float)
    total = light.sum(axis=(1, 2))
    y = (light.sum(axis=2) * np.arange(cube.shape[1])).sum(axis=1) / total
    x = (light.sum(axis=1) * np.arange(cube.shape[2])).sum(axis=1) / total
    return np.column_stack([y[0] - y, x[0] - x])


@exercise.variant("negative noise kept, which at this noise changes nothing")
def shifts_from_centers(cube):
    light = np.nan_to_num(cube)
    y, x = np.indices(cube.shape[1:])
    norm = light.sum(axis=(1, 2))
    cy, cx = (light * y).sum(axis=(1, 2)) / norm, (light * x).sum(axis=(1, 2)) / norm
    return np.stack([cy[0] - cy, cx[0] - cx], axis=-1).astype(np.float32)


@exercise.variant("nested lists, with a print and a figure")
def shifts_from_centers(cube):
    import matplotlib.pyplot as plt

    centers = [center_of_mass(frame) for frame in cube]
    plt.plot([c[0] for c in centers], [c[1] for c in centers], "o-")
    plt.xlabel("x (pixel)")
    print(centers)
    return [[float(centers[0][1] - y), float(centers[0][0] - x)] for x, y in centers]


exercise.variant_source("helper in another cell", """
def both(frame):
    x, y = center_of_mass(frame)
    return np.array([y, x])
# %%
import sys
def shifts_from_centers(cube):
    reference = both(cube[0])
    print("reference", reference, file=sys.stderr)
    return np.vstack([reference - both(frame) for frame in cube])
""")

exercise.variant_source("lambda", """
shifts_from_centers = lambda cube: np.array(
    [np.subtract(center_of_mass(cube[0]), center_of_mass(f))[::-1] for f in cube])
""")

exercise.variant_source("callable object that warns", """
import warnings

class Shifts:
    def __init__(self, center):
        self.center = center

    def __call__(self, cube):
        warnings.warn("centres of mass want the background gone")
        c = np.array([self.center(f) for f in cube])
        return np.flip(c[:1] - c, axis=1)

shifts_from_centers = Shifts(center_of_mass)
""")

exercise.variant_source("functools.partial, masked brightest light only", """
from functools import partial

def relative(cube, part):
    out = []
    for f in cube:
        f = np.nan_to_num(f)
        w = np.where(f > part * f.max(), f, 0)
        yy, xx = np.indices(f.shape)
        out.append([(w * yy).sum() / w.sum(), (w * xx).sum() / w.sum()])
    out = np.array(out)
    return out[0] - out

shifts_from_centers = partial(relative, part=1e-4)
""")


@exercise.misconception(
    "sign", "The sign of the shift is reversed",
    idea="The shift asked for moves a frame onto the first one, so it is where the stars are in the first frame minus "
         "where they are in this one. Where the stars went is its negative.",
    contrast="Star at x = 20 in frame 1 and at x = 16.3 in frame 2: the stars went -3.7, and dx = +3.7 brings them back.",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame) for frame in cube])
    return (centers - centers[0])[:, ::-1]


@exercise.misconception(
    "xy-order", "(dx, dy) instead of (dy, dx)",
    idea="Shift routines take their numbers in the order of the array's axes: y first, then x. A centre is (x, y), so the "
         "order has to be turned round.",
    contrast="scipy.ndimage.shift(frame, (2, 0)) moves the frame two rows up, along y.",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame) for frame in cube])
    return centers[0] - centers


@exercise.misconception(
    "sign-and-order", "Sign reversed and (dx, dy) for (dy, dx)",
    idea="Two things at once: the numbers say where the stars went instead of what brings them back, and x stands "
         "before y.",
    contrast="Star at (20, 12) in frame 1 and (16.3, 13.4) in frame 2: asked is (dy, dx) = (-1.4, 3.7).",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame) for frame in cube])
    return centers - centers[0]


@exercise.misconception(
    "previous-frame", "Measured against the frame before",
    idea="Each row should bring its frame onto the first one. Steps from frame to frame would have to be added up.",
    contrast="Stars at x = 20, 16.3, 25.3: steps +3.7 and -9.0, shifts onto the first frame +3.7 and -5.3.",
    fails=("three*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return np.vstack([np.zeros(2), centers[:-1] - centers[1:]])


@exercise.misconception(
    "no-first-row", "The first row is missing",
    idea="The answer has a row for every frame, the first one too: its shift onto itself is (0, 0).",
    contrast="Five frames give an array of shape (5, 2), not (4, 2).",
    fails=("*",), raises="shape")
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return (centers[0] - centers)[1:]


@exercise.misconception(
    "axes-of-answer", "Two rows instead of two columns",
    idea="The answer has a row (dy, dx) for each frame, shape (n, 2). Stacking all dy above all dx gives its transpose.",
    contrast="np.column_stack([dy, dx]) has shape (n, 2), np.array([dy, dx]) has shape (2, n).",
    fails=("*",), raises="shape")
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return (centers[0] - centers).T


@exercise.misconception(
    "rounded", "Rounded to whole pixels",
    idea="A centre of mass is known to a fraction of a pixel, and the fraction is what an alignment wants. Rounding throws "
         "it away.",
    contrast="A shift of 3.7 pixels rounded to 4 leaves the stars 0.3 pixels apart, and the stack is blurred.",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return np.rint(centers[0] - centers)


@exercise.misconception(
    "integer-array", "The fractions are cut off by an array of whole numbers",
    idea="An array made with dtype int, or from whole numbers, keeps whole numbers: what is written into it loses its fraction.",
    contrast="a = np.zeros(2, dtype=int); a[0] = 3.7 leaves a[0] = 3.",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    shifts = np.zeros((len(cube), 2), dtype=int)
    shifts[:] = centers[0] - centers
    return shifts


@exercise.misconception(
    "centers-returned", "The centres instead of the shifts",
    idea="A centre says where the light is in its own frame. A shift is a difference of two centres.",
    contrast="Centres at x = 20 and x = 16.3 give the shift +3.7.")
def shifts_from_centers(cube):
    return np.array([center_of_mass(frame)[::-1] for frame in cube])


@exercise.misconception(
    "onto-the-middle", "Shifted onto the middle of the frame",
    idea="The first frame stays where it is: its row is (0, 0). Moving every frame's centre to the middle of the array "
         "aligns them too, but not onto the first frame.",
    contrast="If the first frame's centre lies at x = 20 of 46 columns, the wrong first row has dx = 2.5.")
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return (np.array(cube.shape[1:]) - 1) / 2 - centers


@exercise.misconception(
    "last-frame", "Measured against the last frame",
    idea="The frame that stays in place is the first one, cube[0]; the last one is cube[-1].",
    contrast="The row of the frame that stays is (0, 0): here that is to be row 0.",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    centers = np.array([center_of_mass(frame)[::-1] for frame in cube])
    return centers[-1] - centers


@exercise.misconception(
    "peaks", "From the brightest pixels instead of the centres of mass",
    idea="The brightest pixel is a whole number, so the shifts come out whole, and it may even belong to another star.",
    contrast="A star that moves from x = 20.2 to 16.5 has its brightest pixel at 20 and then at 16 or 17.",
    fails=("three*", "dead*", "five*", "whole*"))
def shifts_from_centers(cube):
    peaks = np.array([np.unravel_index(np.nanargmax(frame), frame.shape) for frame in cube])
    return peaks[0] - peaks


@exercise.misconception(
    "nan-left", "NaN pixels reach the sum",
    idea="One NaN pixel makes a frame's sums NaN. A NaN counts as zero here.",
    contrast="np.sum([1, nan]) is nan; np.nansum([1, nan]) is 1.",
    fails=("dead*",), raises="nan")
def shifts_from_centers(cube):
    y, x = np.indices(cube.shape[1:])
    light = np.clip(cube, 0, None)
    norm = light.sum(axis=(1, 2))
    centers = np.stack([(light * y).sum(axis=(1, 2)) / norm, (light * x).sum(axis=(1, 2)) / norm], axis=1)
    return centers[0] - centers


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "a pixel of 0, or of the noise of these frames, has no weight that matters: graded where the noise is low") for text in (
        "x, y = centroid_com(np.clip(0, np.nan_to_num(frame), None))",
        "x, y = centroid_com(np.clip(np.nan_to_num(frame), -1, None))",
    )),
]
