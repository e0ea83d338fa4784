"""The sum of aligned frames, written to one FITS file with an honest header."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from astropy.io import fits

from photcourse.comparators import FitsFile
from photcourse.simulate.alignment_scenes import drift_header
from photgrader.exercise import Case, Exercise, OutFile

#: Single precision is a fair choice for a stack: seven digits.
RTOL = 1e-5

exercise = Exercise(
    "write_stack",
    params=("path", "aligned_cube", "header"),
    title="Stack written to a FITS file",
    compare=FitsFile(rtol=RTOL, atol=1e-3),
    output="stack.fits",
)


@exercise.reference
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    stack_header = header.copy()
    stack_header["COMMENT"] = f"Sum of {len(aligned_cube)} aligned frames."
    stack_header["HISTORY"] = "Frames aligned on the first one and summed."
    fits.writeto(path, np.sum(aligned_cube, axis=0), stack_header, overwrite=True)


def _camera_header(rng: np.random.Generator | None = None) -> fits.Header:
    """Cards like those of a camera program, whose images are unsigned whole numbers."""
    header = fits.Header()
    header["INSTRUME"] = ("Simulated camera", "instrument used")
    header["DATE-OBS"] = ("2026-05-05T04:09:39", "observation start, UT")
    header["EXPTIME"] = (5.0 if rng is None else round(float(rng.uniform(2, 90)), 2), "[s] exposure time")
    header["XPIXSZ"] = (6.45, "[um] width of a pixel")
    header["PEDESTAL"] = (-500, "correction to add for zero-based counts")
    header["OBSERVER"] = "A. N. Other" if rng is None else f"Observer {rng.integers(100, 999)}"
    header["HISTORY"] = "Process Calibrate"
    header["HISTORY"] = "Flat field divided out."
    header["COMMENT"] = "Thin clouds in the west." if rng is None else f"Seeing {rng.uniform(1, 3):.2f} arcsec."
    return header


def _case(name: str, cube: np.ndarray, header: fits.Header, tests: str, points: float = 1.0,
          existing: bytes | None = None) -> Case:
    compare = FitsFile.keeping(header, rtol=RTOL, atol=1e-3, name="stack")
    return Case(name, (OutFile("stack.fits", existing), cube, header), tests, compare=compare, points=points)


def _old_file(shape: tuple[int, int]) -> bytes:
    raw = io.BytesIO()
    fits.writeto(raw, np.full(shape, 7.0, dtype=np.float32), fits.Header({"OBJECT": "yesterday's stack"}))
    return raw.getvalue()


@exercise.provided
def provided() -> Iterator[Case]:
    y, x = np.mgrid[:12, :17]
    frame = 40.0 * np.exp(-((x - 9.0) ** 2 + (y - 4.5) ** 2) / 8)
    cube = np.round(np.stack([frame, 1.1 * frame + 2, 0.9 * frame - 1]), 2)
    # Cosmic rays, each in one frame: they tell a mean from a median.
    cube[0, 7, 3], cube[1, 2, 14], cube[2, 10, 8] = 900.0, 1200.0, 700.0
    yield _case("three frames", cube, drift_header(), "three frames wider than tall and the header of the first", 2)
    yield _case("a file is there already", cube[:2], _camera_header(), "an older file of the same name",
                existing=_old_file((9, 5)))


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(16, 22)), int(rng.integers(9, 14)))
    cube = rng.normal(30.0, 8.0, (int(rng.integers(4, 7)), *shape))
    cube[0, 5, 2] += rng.uniform(2000, 3000)
    cube[3, 9, 6] += rng.uniform(2000, 3000)
    yield _case("more frames", cube, _camera_header(rng), "another number of frames, taller than wide, another header", 2)
    edges = cube.copy()
    edges[1, :2, :] = np.nan
    edges[2, :, -3:] = np.nan
    yield _case("edges without values", edges, _camera_header(rng), "frames whose edges are NaN", existing=_old_file(shape))


@exercise.variant("primary HDU, header of its own")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    hdu = fits.PrimaryHDU(data=aligned_cube.sum(axis=0), header=header.copy())
    hdu.header.add_comment("Stack of aligned frames (sum)")
    hdu.header.add_history("stacked")
    hdu.writeto(path, overwrite=True)


@exercise.variant("single precision, deep copy, path object")
def write_stack(path, aligned_cube, header):
    import copy
    from pathlib import Path

    from astropy.io import fits

    new = copy.deepcopy(header)
    new["COMMENT"] = "The frames were aligned with the first frame"
    new["COMMENT"] = "and added."
    new["HISTORY"] = "align, sum"
    fits.writeto(Path(path), np.nansum(aligned_cube, axis=0).astype(np.float32), header=new, overwrite=True)


@exercise.variant("old file removed by hand, loop over the frames")
def write_stack(path, aligned_cube, header):
    import os

    from astropy.io import fits

    total = np.zeros(aligned_cube.shape[1:])
    for frame in aligned_cube:
        total = total + frame
    cards = fits.Header(header, copy=True)
    cards.append(("COMMENT", "sum"), end=True)
    cards.append(("HISTORY", "summed by a loop"), end=True)
    if os.path.exists(path):
        os.remove(path)
    fits.PrimaryHDU(total, cards).writeto(path)


@exercise.variant("more cards than asked, HDU list in a with block, type hints")
def write_stack(path: str, aligned_cube: np.ndarray, header) -> None:
    from astropy.io import fits

    out = header.copy()
    out["NCOMBINE"] = (len(aligned_cube), "frames summed")
    out.add_history("Aligned to sub-pixel accuracy")
    out.add_history("Summed")
    out.add_comment("made in an exercise")
    with fits.HDUList([fits.PrimaryHDU(np.einsum("kij->ij", aligned_cube), out)]) as hdus:
        hdus.writeto(path, overwrite=True)


@exercise.variant("image in an extension")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    extension = fits.ImageHDU(np.sum(aligned_cube, axis=0), header=header.copy(), name="STACK")
    extension.header["COMMENT"] = "sum of all frames"
    extension.header["HISTORY"] = "stacked with numpy"
    fits.HDUList([fits.PrimaryHDU(), extension]).writeto(path, overwrite=True)


@exercise.variant("returns the header, prints, draws")
def write_stack(path, aligned_cube, header):
    import matplotlib.pyplot as plt
    from astropy.io import fits

    stack = np.add.reduce(aligned_cube)
    plt.imshow(stack, origin="lower")
    h = header.copy()
    h["comment"] = "in lower case"
    h["history"] = "also in lower case"
    fits.writeto(path, stack, h, overwrite=True)
    print(repr(h))
    return h


exercise.variant_source("helper in another cell", """
import sys
from astropy.io import fits

def with_remarks(header, count):
    remarked = header.copy()
    remarked["HISTORY"] = "summed " + str(count) + " frames"
    remarked["COMMENT"] = "stack"
    return remarked
# %%
def write_stack(path, aligned_cube, header):
    print("writing", path, file=sys.stderr)
    fits.writeto(path, sum(aligned_cube), with_remarks(header, len(aligned_cube)), overwrite=True)
""")

exercise.variant_source("lambda", """
from astropy.io import fits

extra = fits.Header([("COMMENT", "a stack"), ("HISTORY", "stacked")])
write_stack = lambda path, aligned_cube, header: fits.writeto(
    path, aligned_cube.sum(axis=0), header + extra, overwrite=True)
""")

exercise.variant_source("callable object that warns, functools.partial", """
import warnings
from functools import partial
from astropy.io import fits

class Writer:
    def __init__(self):
        self.save = partial(fits.writeto, overwrite=True)

    def __call__(self, path, aligned_cube, header):
        warnings.warn("overwriting")
        h = header.copy()
        for word in ("COMMENT", "HISTORY"):
            h[word] = "written by an object"
        self.save(path, np.sum(np.asarray(aligned_cube), axis=0), h)

write_stack = Writer()
""")

exercise.variant_source("written first, remarks added afterwards", """
from astropy.io import fits

def write_stack(path, aligned_cube, header):
    fits.writeto(path, np.sum(aligned_cube, 0), header, overwrite=True)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["COMMENT"] = "the sum of the aligned frames"
        hdus[0].header["HISTORY"] = "updated in place"
""")


@exercise.misconception(
    "mean", "The mean instead of the sum",
    idea="The stack asked for is the sum of the frames: its counts are those of one long exposure. A mean has the counts "
         "of one frame, and a header that speaks of a sum is then wrong.",
    contrast="Three frames of 100 counts: their sum is 300, their mean 100.")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "Sum of the aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.mean(aligned_cube, axis=0), new, overwrite=True)


@exercise.misconception(
    "median", "The median instead of the sum",
    idea="A median of the frames throws outliers away, but it has the counts of one frame and a larger noise than a "
         "mean. Asked is the sum.",
    contrast="Frames of 1, 2 and 9 counts: sum 12, median 2.")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "Stack of the aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.median(aligned_cube, axis=0), new, overwrite=True)


@exercise.misconception(
    "no-overwrite", "An existing file is not replaced",
    idea="By default astropy refuses to write over a file, so the cell runs once and never again. The contract asks for a "
         "replacement.",
    contrast="The second run of the same cell stops with OSError: File 'stack.fits' already exists.",
    fails=("a file*", "edges*"))
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "Sum of the aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.sum(aligned_cube, axis=0), new)


@exercise.misconception(
    "no-header", "The first frame's header is not kept",
    idea="Without the header nobody knows when, with what and for how long was observed. The stack starts from a copy "
         "of the header that is handed in.",
    contrast="A file with SIMPLE, BITPIX and NAXIS alone says nothing about the sky.")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = fits.Header()
    new["COMMENT"] = "Sum of the aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.sum(aligned_cube, axis=0), new, overwrite=True)


@exercise.misconception(
    "old-remarks-lost", "The old COMMENT and HISTORY cards are lost",
    idea="COMMENT and HISTORY may stand many times in a header. Deleting or replacing them loses what others wrote; a "
         "new card is added below the old ones.",
    contrast="header.copy() keeps every card and header['HISTORY'] = 'stacked' adds one; del header['HISTORY'], or a copy "
             "through dict(header), loses the old ones.")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    for word in ("COMMENT", "HISTORY"):
        del new[word]
        new[word] = "Sum of the aligned frames."
    fits.writeto(path, np.sum(aligned_cube, axis=0), new, overwrite=True)


@exercise.misconception(
    "no-remarks", "No COMMENT and no HISTORY card is added",
    idea="A stack whose header looks like a single frame's misleads everyone who opens it later. A COMMENT says what it is, "
         "a HISTORY what was done.",
    contrast="EXPTIME = 5 and five times the counts: without a remark, who would know why?")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    fits.writeto(path, np.sum(aligned_cube, axis=0), header, overwrite=True)


@exercise.misconception(
    "no-history", "No HISTORY card is added",
    idea="Asked are both: a COMMENT, which describes, and a HISTORY, which records what was done to the data.",
    contrast="COMMENT Sum of 5 frames / HISTORY Aligned by phase cross-correlation, then summed.")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "Sum of the aligned frames."
    fits.writeto(path, np.sum(aligned_cube, axis=0), new, overwrite=True)


@exercise.misconception(
    "no-comment", "No COMMENT card is added",
    idea="Asked are both: a COMMENT, which describes, and a HISTORY, which records what was done to the data.",
    contrast="COMMENT Sum of 5 frames / HISTORY Aligned by phase cross-correlation, then summed.")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.sum(aligned_cube, axis=0), new, overwrite=True)


@exercise.misconception(
    "cube-written", "The cube is written instead of its sum",
    idea="The file asked for holds one image, the sum over the frames, which is axis 0 of the cube.",
    contrast="A cube of shape (5, 120, 150) gives an image of shape (120, 150).")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "The aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, aligned_cube, new, overwrite=True)


@exercise.misconception(
    "wrong-axis", "Summed over the wrong axis",
    idea="The first axis of a cube counts the frames. Summing over the last one adds the pixels of a row.",
    contrast="Shape (5, 120, 150): the sum over axis 0 has shape (120, 150), over axis 2 it has (5, 120).")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "Sum of the aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.sum(aligned_cube, axis=-1), new, overwrite=True)


@exercise.misconception(
    "whole-numbers", "Cut to whole numbers",
    idea="Aligned frames hold fractions of counts. Written as whole numbers, the stack loses up to a count in every pixel, "
         "always downwards, which an aperture adds up.",
    contrast="np.array([9.9]).astype(int) is [9].",
    fails=("three*", "a file*", "more*", "edges*"))
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    new = header.copy()
    new["COMMENT"] = "Sum of the aligned frames."
    new["HISTORY"] = "Stacked."
    fits.writeto(path, np.nansum(aligned_cube, axis=0).astype(np.int32), new, overwrite=True)


@exercise.misconception(
    "header-changed", "The header that was handed in is changed",
    idea="A header is passed by reference: a card added to it is added to the caller's, and a second run of the cell adds "
         "another one. Add the cards to a copy.",
    contrast="new = header gives the same header a second name; new = header.copy() makes another one.",
    raises="input-modified")
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    header["COMMENT"] = "Sum of the aligned frames."
    header["HISTORY"] = "Stacked."
    fits.writeto(path, np.sum(aligned_cube, axis=0), header, overwrite=True)


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "Header() makes a list of cards of its own in any case") for text in (
        "cards = fits.Header(header)",
        "cards = fits.Header(header, copy=False)",
    )),
    *((text, "where the new cards stand is free") for text in (
        "cards.append(('COMMENT', 'sum'))",
        "cards.append(('HISTORY', 'summed by a loop'))",
        "cards.append(('COMMENT', 'sum'), end=False)",
        "cards.append(('HISTORY', 'summed by a loop'), end=False)",
    )),
    ("total = np.zeros(aligned_cube.shape[2:])", "zeros are spread over the frame when it is added"),
]
