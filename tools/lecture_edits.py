#!/usr/bin/env python3
"""Change the lectures as students do, and say how each change ends: in pictures, or in a sentence.

Usage: lecture_edits.py [LECTURE...]     such as 01a 03; all of them without

A student changes one line and runs the section again. That should end in figures, or in a sentence that says what to
change: never in a library's error from deep inside. What is to happen stands in `EDITS`.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
LECTURES = ROOT / "course" / "lectures"


@dataclass(frozen=True)
class Edit:
    """A change that a student makes to a lecture.

    Attributes
    ----------
    lecture : str
        Such as ``"01a"``.
    old, new : str
        The code, and what it becomes. ``{data}`` stands for the folder of real images.
    says : str
        Words of the sentence in which it ends, or that it prints; ``""`` where pictures alone are the answer.
    stops : bool
        Whether the sentence is an error's.
    through : str
        The last section that is run; by default the one that is changed.
    """

    lecture: str
    old: str
    new: str
    says: str = ""
    stops: bool = False
    through: str = ""

    @property
    def needs_real_images(self) -> bool:
        """Whether the change names a real file."""
        return "{data}" in self.new


def _source(lecture: str, source: str, says: str = "", stops: bool = False, through: str = "") -> Edit:
    return Edit(lecture, 'SOURCE = "embedded"', f'SOURCE = "{source}"', says, stops, through)


_LOOK = 'LOOK_X, LOOK_Y = (223, 408) if SOURCE == "embedded" else suggest_sources(exposure)[0]'
_STAR = "((223, 408), (212, 252))"
_WIDTH_7 = 'field.header["SATURATE"], 3.4'
_ALONE = "no bright peak stands alone in this image; type in the position"

EDITS = [
    _source("01a", "my_image.fits", "There is no file my_image.fits", stops=True),
    _source("01a", "butler", "is not installed here", stops=True),
    _source("01a", "{data}/M6707HH.fits", "was subtracted", through="1a.7"),
    _source("01a", "{data}/sep/image.fits", "was subtracted", through="1a.7"),
    _source("01a", "{data}/M13_blue_0001.fits", _ALONE, stops=True, through="1a.7"),
    Edit("01a", _LOOK, "LOOK_X, LOOK_Y = 8, 8", "the cut-out leaves the image", stops=True),
    Edit("01a", _LOOK, "LOOK_X, LOOK_Y = 3, 3", "LOOK_X, LOOK_Y has to lie inside", stops=True),
    Edit("01a", _LOOK, "LOOK_X, LOOK_Y = 1000, 1000", "LOOK_X, LOOK_Y has to lie inside", stops=True),
    Edit("01a", "ny, nx = 21, 25", "ny, nx = 9, 9", through="1a.7"),
    Edit("01a", "ny, nx = 21, 25", "ny, nx = 1, 25", through="1a.7"),
    _source("01b", "{data}/M6707HH.fits", "was subtracted", through="1b.2"),
    _source("01b", "{data}/sep/image.fits", "was subtracted", through="1b.2"),
    Edit("01b", _STAR, "((223, 408), (223, 408))", through="1b.6"),
    Edit("01b", _STAR, "((0, 0), (212, 252))", through="1b.2"),
    Edit("01b", _STAR, "((3000, 8), (212, 252))", "lies outside of the image: change STAR", stops=True),
    Edit("01b", "count=2000", "count=1"),
    _source("02a", "{data}/M6707HH.fits", through="2a.5"),
    _source("02a", "{data}/sep/image.fits", through="2a.5"),
    _source("02a", "{data}/M13_blue_0001.fits", through="2a.5"),
    Edit("02a", "SIGMA = exposure.psf_sigma or 2.0", "SIGMA = 3.0", through="2a.5"),
    Edit("02a", "THRESHOLD, BORDER = 5.0", "THRESHOLD, BORDER = 3.5", through="2a.5"),
    Edit("02a", "THRESHOLD, BORDER = 5.0", "THRESHOLD, BORDER = 1000.0", through="2a.5"),
    Edit("02a", "THRESHOLD, BORDER = 5.0", "THRESHOLD, BORDER = 1e6", "no peak is higher", stops=True, through="2a.5"),
    Edit("02a", "THRESHOLD, BORDER = 5.0, 8", "THRESHOLD, BORDER = 5.0, 0", through="2a.5"),
    _source("02b", "{data}/sep/image.fits", through="2b.6"),
    Edit("02b", "THRESHOLD = 5.0", "THRESHOLD = 3.5", through="2b.4"),
    Edit("02b", "THRESHOLD = 5.0", "THRESHOLD = 1e6", "no source is higher than THRESHOLD", stops=True, through="2b.4"),
    Edit("02b", "SIGMA = exposure.psf_sigma or 2.0", "SIGMA = 3.0", through="2b.4"),
    Edit("03", "PEAK = (float(x_peak), ", "PEAK = (float(x_peak) + 1, "),
    Edit("03", "PEAK = (float(x_peak), float(y_peak))", "PEAK = (float(y_peak), float(x_peak))", "is not the star", stops=True),
    Edit("03", "PEAK = (float(x_peak), ", "PEAK = (float(x_peak) + 1000, ", "is not the star", stops=True),
    Edit("03", "RADII_SMALL = np.array([1.0,", "RADII_SMALL = np.array([0.0,", "'r' must be a positive scalar", stops=True),
    Edit("03", "disc = CircularAperture(center, r=6.0)", "disc = CircularAperture(center, r=2.0)", "of 6000 the circle holds"),
    Edit("03", "r=15 * u.arcmin", "r=15 * u.deg", "the circle is larger than the image", stops=True),
    Edit("03", "REACH = 4 ", "REACH = 40 ", "REACH counts the radii, from 0 to 8", stops=True),
    Edit("04", "thresholds = np.array([1.0,", "thresholds = np.array([0.3, 1.0,"),
    Edit("04", "INNER, OUTER = 10.0, 16.0", "INNER, OUTER = 20.0, 16.0", "smaller than the OUTER one", stops=True),
    Edit("04", "(60, 1), (60, 3)", "(300, 1), (300, 3)"),
    Edit("04", "(8, 5)", "(8, 4)", "filter_size must have an odd value", stops=True),
    Edit("04", "for count in (1, 2):", "for count in (1, 2, 40):"),
    Edit("05", "2.0, 8000.0, 6.0", "2.0, 8000.0, 0.0"),
    Edit("05", "(5, 7, 11, 19)", "(6, 8)", "box_size must have an odd value", stops=True),
    Edit("05", "SHIFT = (6.3, -9.8)", "SHIFT = (200.0, -9.8)", "by more than half of the picture"),
    Edit("05", "SHIFT = (6.3, -9.8)", "SHIFT = (0.0, 0.0)"),
    Edit("06", "FWHM = 5.0 ", "FWHM = 1.0 ", through="6.3"),
    Edit("06", "FWHM = 5.0 ", "FWHM = 12.0 ", through="6.3"),
    Edit("06", "threshold = 8.0 * noise", "threshold = 8000.0 * noise", "lower the threshold", stops=True),
    Edit("06", "15, 22, 30])", "15, 22, 300])"),
    Edit("06", "r, r_in, r_out = 6.0, 11.0, 15.0", "r, r_in, r_out = 16.0, 11.0, 15.0", "outside of the aperture", stops=True),
    Edit("07", "separation=12", "separation=40", "choose a smaller separation", stops=True, through="7.1"),
    Edit("07", _WIDTH_7, 'field.header["SATURATE"], 2.0', through="7.3"),
    Edit("07", _WIDTH_7, 'field.header["SATURATE"], 8.0', through="7.3"),
    Edit("07", "oversampling=2", "oversampling=3"),
    Edit("07", "epsf = build_epsf(image, stars[:PSF_STARS])", "epsf = build_epsf(image, stars[-PSF_STARS:])", through="7.5"),
]  # fmt: skip


@dataclass(frozen=True)
class End:
    """How an edit ended.

    Attributes
    ----------
    edit : Edit
        What was changed.
    stopped : str
        The error's sentence; ``""`` where all cells ran.
    where : str
        File in which the error was raised, ``"cell"`` for the lecture itself.
    figures : int
        Number of figures that were published or explored.
    printed : str
        What was printed.
    names : dict
        The variables as they stand until the next edit of the section is made.
    """

    edit: Edit
    stopped: str
    where: str
    figures: int
    printed: str
    names: dict[str, Any]

    @property
    def problem(self) -> str:
        """What is wrong with this end, or nothing."""
        said = self.stopped if self.edit.stops else self.printed
        if bool(self.stopped) != self.edit.stops:
            return f"stopped: {self.stopped}" if self.stopped else "ran, and should have said what to change"
        if self.edit.says not in said:
            return f"does not say “{self.edit.says}” but: {said[-300:]}"
        return "" if self.figures or self.edit.says else "no figure"


def outcomes(edits: list[Edit], data: str = "") -> Iterator[End]:
    """Make the edits, those of one section in one session, as a student does who changes a line again and again.

    Everything else is embedded data, as on a laptop that has no real image but the one that is named.

    Parameters
    ----------
    edits : list of Edit
        Of any lectures.
    data : str
        Folder of real images, for the edits that name one.
    """
    before = dict(os.environ)
    os.environ.pop("PHOTCOURSE_DATA", None)
    with tempfile.TemporaryDirectory() as os.environ["PHOTCOURSE_CACHE"]:
        try:
            yield from _outcomes(edits, data)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _outcomes(edits: list[Edit], data: str) -> Iterator[End]:
    from photcourse.begin import needed_before, sections_of

    for lecture, of_lecture in groupby(edits, key=lambda e: e.lecture):
        (path,) = LECTURES.glob(f"{lecture}_*.ipynb")
        sections = sections_of(path)
        for at, of_section in groupby(of_lecture, key=lambda e: _place(sections, e.old)):
            names: dict[str, Any] = {"__name__": "lecture"}
            before = needed_before(sections, sections[at].number) if at else []
            _run([code for _, code in before], names)
            for edit in of_section:
                last = [s.number for s in sections].index(edit.through) if edit.through else at
                cells = [code for section in sections[at : last + 1] for _, code in section.cells]
                new = edit.new.replace("{data}", data)
                yield End(edit, *_run([code.replace(edit.old, new) for code in cells], names), names)


def _place(sections: list[Any], old: str) -> int:
    places = [k for k, section in enumerate(sections) for _, code in section.cells if old in code]
    if not places:
        raise ValueError(f"no cell holds {old!r}")
    return places[0]


def _run(cells: list[str], names: dict[str, Any]) -> tuple[str, str, int, str]:
    import matplotlib.pyplot as plt

    printed = io.StringIO()
    figures = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        for code in cells:
            try:
                exec(compile(re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.M), "cell", "exec"), names)
            except Exception as error:
                where = pathlib.Path(traceback.extract_tb(error.__traceback__)[-1].filename).name
                return f"{type(error).__name__}: {error}", where, figures, printed.getvalue()
            finally:
                plt.close("all")
            figures += len(re.findall(r"\b(?:display\.publish|ask\.explore)\(", code))
    return "", "", figures, printed.getvalue()


def main() -> int:
    """Make the edits of the lectures that are named."""
    import warnings

    import matplotlib as mpl

    mpl.use("Agg")
    warnings.simplefilter("ignore")
    data = os.environ.get("PHOTCOURSE_DATA", "")
    chosen = [e for e in EDITS if (not sys.argv[1:] or e.lecture in sys.argv[1:]) and (data or not e.needs_real_images)]
    wrong = 0
    for end in outcomes(chosen, data):
        how = f"NO: {end.problem}" if end.problem else end.stopped or f"{end.figures} figures"
        print(f"{end.edit.lecture:3s} {end.edit.new[:60]:60s} {how}", flush=True)
        wrong += bool(end.problem)
    print(f"{len(chosen) - wrong} of {len(chosen)} edits end in pictures or in a sentence that says what to change")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
