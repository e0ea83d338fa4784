"""The page that shows the lectures in figures says what is counted."""

from __future__ import annotations

import json
import re
from dataclasses import astuple

import pytest

from photcourse.begin import sections_of
from support import ROOT, tool

counting = tool("lecture_counts")
PAGE = (ROOT / "docs" / "lectures-in-figures.md").read_text(encoding="utf-8")
LECTURES = sorted(counting.LECTURES.glob("*.ipynb"))
#: A table's rows: a lecture and seven whole numbers.
ROWS = {
    row[0]: [int(number) for number in row[1:]]
    for row in re.findall(r"^\| (\w+) " + r"\| (\d+) " * 7 + r"\|$", PAGE, re.M)
}


def name(path) -> str:
    return re.match(r"0*(\d+[a-z]?)", path.stem)[1]


def test_the_page_s_table_is_what_the_tool_counts() -> None:
    counted = {name(path): counting.counts(path) for path in LECTURES}
    whole = sum(list(counted.values())[1:], next(iter(counted.values())))
    assert ROWS == {lecture: list(astuple(row))[:-1] for lecture, row in {**counted, "all": whole}.items()}


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_no_function_of_a_lecture_leans_on_a_variable_of_the_notebook(path) -> None:
    cells = [
        "".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"
    ]
    assert counting.leaning(cells) == {}


def test_a_function_that_leans_is_found() -> None:
    cells = [
        "import numpy as np\nWIDTH = 2\nimage = np.ones(3)",
        "def total(x):\n    return half(image) + np.sum(x) + WIDTH\ndef half(y):\n    return y / 2",
    ]
    assert counting.leaning(cells) == {"total": ["image"]}
    inner = "def outer(x):\n    def inner():\n        return sky + x\n    return [inner() for k in range(3)]"
    assert counting.leaning([inner]) == {"outer": ["sky"]}


def test_sections_and_edits_of_the_page_are_as_many_as_there_are() -> None:
    sections = sum(len(sections_of(path)) - 1 for path in LECTURES)
    edits = len(tool("lecture_edits").EDITS)
    assert f"| 22 of 71 | {sections} of {sections} |" in PAGE
    assert f"| 25 of 42 | {edits} of {edits} |" in PAGE


def test_every_lecture_has_its_seconds_and_they_are_under_a_minute() -> None:
    seconds = {row[0]: float(row[1]) for row in re.findall(r"^\| (\w+) \| (\d+) \|$", PAGE, re.M)}
    assert list(seconds) == [name(path) for path in LECTURES]
    assert max(seconds.values()) < 60
