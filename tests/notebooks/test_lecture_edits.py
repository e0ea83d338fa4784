"""What students change in a lecture ends in pictures, or in a sentence that says what to change."""

from __future__ import annotations

import os
from itertools import groupby

import pytest

from support import tool

edits = tool("lecture_edits")
DATA = os.environ.get("PHOTCOURSE_DATA", "")
BY_LECTURE = {lecture: list(group) for lecture, group in groupby(edits.EDITS, key=lambda e: e.lecture)}


def test_every_edit_changes_one_line_of_its_lecture_as_it_stands() -> None:
    from photcourse.begin import sections_of

    for edit in edits.EDITS:
        (path,) = edits.LECTURES.glob(f"{edit.lecture}_*.ipynb")
        found = [code for section in sections_of(path) for _, code in section.cells if edit.old in code]
        assert len(found) == 1 and edit.old != edit.new, f"{edit.lecture}: {edit.old}"
        assert not edit.stops or edit.says, f"{edit.lecture}: {edit.new} stops, so it says a sentence"
    assert len(edits.EDITS) >= 42 and len(BY_LECTURE) >= 9


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lecture", sorted(BY_LECTURE))
def test_an_edit_ends_in_pictures_or_in_a_sentence(lecture: str) -> None:
    chosen = [edit for edit in BY_LECTURE[lecture] if DATA or not edit.needs_real_images]
    wrong, ended = [], 0
    for end in edits.outcomes(chosen, DATA):
        wrong += [f"{end.edit.new}: {end.problem}"] if end.problem else []
        ended += 1
        if (lecture, end.edit.needs_real_images) == ("01b", True):
            # The width of the star that the lecture finds is that of the field.
            assert end.names["sigma_psf"] == pytest.approx(1.7 if "M67" in end.edit.new else 1.3, rel=0.15)
    assert wrong == [] and ended == len(chosen) >= 2


def test_an_end_is_judged() -> None:
    plain, stops = edits.Edit("01a", "a", "b"), edits.Edit("01a", "a", "b", "choose", stops=True)
    assert (
        edits.End(plain, "", "", 1, "", {}).problem == ""
        and edits.End(stops, "choose it", "cell", 0, "", {}).problem == ""
    )
    assert "stopped" in edits.End(plain, "IndexError: 0", "core.py", 1, "", {}).problem
    assert "no figure" in edits.End(plain, "", "", 0, "", {}).problem
    assert "should have said" in edits.End(stops, "", "", 3, "choose", {}).problem
    assert "does not say" in edits.End(stops, "IndexError: 0", "core.py", 0, "", {}).problem
