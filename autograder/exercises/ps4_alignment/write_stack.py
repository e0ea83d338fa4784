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

exercise = Exercise("Stack written to a FITS file", compare=FitsFile(rtol=RTOL, atol=1e-3), output="stack.fits")


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
          existing: bytes | None = None, file: str = "stack.fits") -> Case:
    compare = FitsFile.keeping(header, rtol=RTOL, atol=1e-3, name="stack")
    return Case(name, OutFile(file, existing), cube, header, tests=tests, compare=compare, points=points)


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
                existing=_old_file((9, 5)), file="m13-blue.fits")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(16, 22)), int(rng.integers(9, 14)))
    cube = rng.normal(30.0, 8.0, (int(rng.integers(4, 7)), *shape))
    cube[0, 5, 2] += rng.uniform(2000, 3000)
    cube[3, 9, 6] += rng.uniform(2000, 3000)
    yield _case("more frames", cube, _camera_header(rng), "another number of frames, taller than wide, another header",
                2, file=f"night{rng.integers(2, 30)}.fits")
    edges = cube.copy()
    edges[1, :2, :] = np.nan
    edges[2, :, -3:] = np.nan
    yield _case("edges without values", edges, _camera_header(rng), "frames whose edges are NaN",
                existing=_old_file(shape), file="sum of frames.fit")


# Whoever writes nothing leaves no file either: both are told so, and neither has anything that could be marked.
exercise.mistake(
    "fixed-name", "There is no file where `path` says", edit={"writeto(path": 'writeto("my stack.fits"'}, keeps=0.0,
    idea="Either nothing is written, or the file gets a name of its own. Where it is to be written is what `path` "
         "says, and another caller says another place.",
    contrast='write_stack("night7.fits", ...) makes night7.fits, whatever the notebook called its own.')
exercise.mistake(
    "mean", "The mean instead of the sum", edit={"np.sum": "np.mean"},
    idea="The stack asked for is the sum of the frames: its counts are those of one long exposure. A mean has the "
         "counts of one frame, and a header that speaks of a sum is then wrong.",
    contrast="Three frames of 100 counts: their sum is 300, their mean 100.")
exercise.mistake(
    "median", "The median instead of the sum", edit={"np.sum": "np.median"},
    idea="A median of the frames throws outliers away, but it has the counts of one frame and a larger noise than a "
         "mean. Asked is the sum.",
    contrast="Frames of 1, 2 and 9 counts: sum 12, median 2.")
exercise.mistake(
    "no-overwrite", "An existing file is not replaced", edit={", overwrite=True": ""}, fails=("a file*", "edges*"),
    idea="By default astropy refuses to write over a file, so the cell runs once and never again. The contract asks "
         "for a replacement.",
    contrast="The second run of the same cell stops with OSError: File 'stack.fits' already exists.")
exercise.mistake(
    "no-header", "The first frame's header is not kept", edit={"header.copy()": "fits.Header()"},
    idea="Without the header nobody knows when, with what and for how long was observed. The stack starts from a copy "
         "of the header that is handed in.",
    contrast="A file with SIMPLE, BITPIX and NAXIS alone says nothing about the sky.")
exercise.mistake(
    "old-remarks-lost", "The old COMMENT and HISTORY cards are lost",
    edit={"stack_header = header.copy()":
          'stack_header = header.copy()\n    del stack_header["COMMENT"], stack_header["HISTORY"]'},
    idea="COMMENT and HISTORY may stand many times in a header. Deleting or replacing them loses what others wrote; a "
         "new card is added below the old ones.",
    contrast="header.copy() keeps every card and header['HISTORY'] = 'stacked' adds one; del header['HISTORY'], or a "
             "copy through dict(header), loses the old ones.")
exercise.mistake(
    "no-remarks", "No COMMENT and no HISTORY card is added", edit={", stack_header, ": ", header, "},
    idea="A stack whose header looks like a single frame's misleads everyone who opens it later. A COMMENT says what "
         "it is, a HISTORY what was done.",
    contrast="EXPTIME = 5 and five times the counts: without a remark, who would know why?")
exercise.mistake(
    "no-history", "No HISTORY card is added",
    edit={'stack_header["HISTORY"] = "Frames aligned on the first one and summed."': ""},
    idea="Asked are both: a COMMENT, which describes, and a HISTORY, which records what was done to the data.",
    contrast="COMMENT Sum of 5 frames / HISTORY Aligned by phase cross-correlation, then summed.")
exercise.mistake(
    "no-comment", "No COMMENT card is added", edit={'remarked["COMMENT"] = "stack"': ""}, of="helper in another cell",
    idea="Asked are both: a COMMENT, which describes, and a HISTORY, which records what was done to the data.",
    contrast="COMMENT Sum of 5 frames / HISTORY Aligned by phase cross-correlation, then summed.")
exercise.mistake(
    "cube-written", "The cube is written instead of its sum", edit={"np.sum(aligned_cube, axis=0)": "aligned_cube"},
    idea="The file asked for holds one image, the sum over the frames, which is axis 0 of the cube.",
    contrast="A cube of shape (5, 120, 150) gives an image of shape (120, 150).")
exercise.mistake(
    "wrong-axis", "Summed over the wrong axis", edit={"axis=0": "axis=-1"}, spellings=({"axis=0": "axis=1"},),
    idea="The first axis of a cube counts the frames. Summing over the last one adds the pixels of a row.",
    contrast="Shape (5, 120, 150): the sum over axis 0 has shape (120, 150), over axis 2 it has (5, 120).")
exercise.mistake(
    "whole-numbers", "Cut to whole numbers",
    edit={"np.sum(aligned_cube, axis=0)": "np.nansum(aligned_cube, axis=0).astype(np.int32)"},
    fails=("three*", "a file*", "more*", "edges*"),
    idea="Aligned frames hold fractions of counts. Written as whole numbers, the stack loses up to a count in every "
         "pixel, always downwards, which an aperture adds up.",
    contrast="np.array([9.9]).astype(int) is [9].")
exercise.mistake(
    "header-changed", "The header that was handed in is changed",
    edit={"stack_header = header.copy()": "stack_header = header"}, raises="input-modified",
    idea="A header is passed by reference: a card added to it is added to the caller's, and a second run of the cell "
         "adds another one. Add the cards to a copy.",
    contrast="new = header gives the same header a second name; new = header.copy() makes another one.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "Header() makes a list of cards of its own in any case") for text in (
        "cards = fits.Header(header)", "cards = fits.Header(header, copy=False)",
    )),
    *((text, "where the new cards stand is free") for text in (
        "cards.append(('COMMENT', 'sum'))", "cards.append(('HISTORY', 'summed by a loop'))",
        "cards.append(('COMMENT', 'sum'), end=False)", "cards.append(('HISTORY', 'summed by a loop'), end=False)",
    )),
    ("total = np.zeros(aligned_cube.shape[2:])", "zeros are spread over the frame when it is added"),
]
