"""The teaching notes name every section of every lecture, and their minutes are those of the lecture's header."""

from __future__ import annotations

import re

import nbformat
import pytest

from support import ROOT

NOTES = (ROOT / "docs" / "teaching-notes.md").read_text(encoding="utf-8")
LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
#: What every lecture's notes tell beside the minutes.
TOLD = ("**Cut**", "**Goes wrong.**", "**Discuss.**")


def sections_of(path):
    """Numbers of a lecture's sections, as ``5.1``."""
    text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    return re.findall(r"^## (\d+[a-z]?\.\d+) ", text, re.M)


def rows():
    """Section numbers and minutes of each row of the tables; a row may stand for two sections or a range."""
    for line in NOTES.splitlines():
        found = re.match(r"\| (\d+[a-z]?\.\d+)(?:(,| to) (\d+[a-z]?\.\d+))?.*?\| (\d+) \|", line)
        if found:
            first, joined, last, minutes = found.groups()
            stem, start = first.rsplit(".", 1)
            end = int(last.rsplit(".", 1)[1]) if joined else int(start)
            yield [f"{stem}.{k}" for k in range(int(start), end + 1)], int(minutes)


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_every_section_has_its_minutes_once(path):
    named = [number for numbers, _ in rows() for number in numbers]
    assert [(s, named.count(s)) for s in sections_of(path) if named.count(s) != 1] == []


def test_no_row_stands_for_a_section_that_is_not_there():
    there = {s for path in LECTURES for s in sections_of(path)}
    assert [numbers for numbers, _ in rows() if not set(numbers) <= there] == []


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_the_minutes_add_up_to_about_those_of_the_lecture(path):
    header = nbformat.read(path, as_version=4).cells[0].source
    promised = int(re.search(r"\*\*Time\*\* \|\D*(\d+)", header)[1])
    own = set(sections_of(path))
    planned = sum(minutes for numbers, minutes in rows() if set(numbers) <= own)
    assert planned == pytest.approx(promised, rel=0.25)


def test_each_lecture_says_what_to_cut_what_goes_wrong_and_what_to_discuss():
    parts = re.split(r"^## ", NOTES, flags=re.M)[1:]
    assert len(parts) >= 8
    assert [(part.splitlines()[0], word) for part in parts for word in TOLD if word not in part] == []
