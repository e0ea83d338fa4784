"""A lecture can be begun at any section."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

import photcourse
from photcourse import display
from photcourse.begin import needed_before, sections_of
from support import ROOT

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))


def notebook(folder: pathlib.Path, *cells: str, name: str = "04_things.ipynb") -> pathlib.Path:
    """A lecture: cells that begin with # are text."""
    made = [
        {"cell_type": "markdown" if c.startswith("#") else "code", "source": c.splitlines(keepends=True)} for c in cells
    ]
    path = folder / name
    path.write_text(json.dumps({"cells": made}))
    return path


@pytest.fixture
def lecture(tmp_path):
    return notebook(
        tmp_path, "# 4 · Things", "import math\nfrom photcourse import display", "## 4.1 First",
        "one = 1\ncostly = math.inf\nrows = []", "print('said'); rows.append(one)", "%timeit one",
        "## 4.2 Second", "def double(x):\n    return factor * x\nfactor = 2\nwaste = 1 / 0",
        "## 4.3 Third", "factor = 3\nresult = [double(x) for x in rows]",
        "### Not a section", "## Key points",
    )  # fmt: skip


def cells_needed(path, number):
    return [place for place, _ in needed_before(sections_of(path), number)]


def test_sections_are_found_by_their_numbers(lecture):
    assert [(s.number, s.title, len(s.cells)) for s in sections_of(lecture)] == [
        ("", "the beginning", 1), ("4.1", "First", 3), ("4.2", "Second", 1), ("4.3", "Third", 1)]  # fmt: skip


def test_headings_of_one_number_are_sections_of_their_lecture(tmp_path):
    path = notebook(tmp_path, "## 2. Two\n\ntext\n\n## 3. Three", "x = 1", name="05_more.ipynb")
    assert [s.number for s in sections_of(path)] == ["", "5.2", "5.3"]


def test_only_what_a_section_builds_on_is_run(lecture):
    # 4.2 and after it 4.3 need the rows, which two cells make, and nothing that the section makes itself.
    assert cells_needed(lecture, "4.2") == [1, 3, 4]
    assert cells_needed(lecture, "4.1") == [1]


@pytest.mark.parametrize(
    ("earlier", "section", "needed"),
    [
        ("x = 1", "y = x", True),
        ("x = 1", "x = 2\ny = x", False),
        ("x = 1", "x = x + 1", True),
        ("x = 1", "x += 1", True),
        ("x = 1", "if True:\n    x = 2", False),
        ("x = 1", "y = [x for x in range(3)]", False),
        ("x = 1", "y = [x for z in range(3)]", True),
        ("x = 1", "def f(x):\n    return x", False),
        ("x = 1", "def f():\n    return x", True),
        ("x = 1", "y = lambda: x", True),
        ("x = 1", "print(f'{x}')", True),
        ("x = {}", "y = 1", False),
        ("a, (b, *x) = 1, (2, 3)", "y = x", True),
        ("import numpy as x", "y = x", True),
        ("with open('f') as x: pass", "y = x", True),
        ("for x in (1,): pass", "y = x", True),
        ("def x(): pass", "y = x()", True),
        ("(x := 3)", "y = x", True),
    ],
)
def test_what_python_reads_and_makes_is_seen(tmp_path, earlier, section, needed):
    path = notebook(tmp_path, "## 4.1 A", earlier, "## 4.2 B", section)
    assert cells_needed(path, "4.2") == ([1] if needed else [])


def test_things_that_are_changed_in_place_are_changed(tmp_path):
    cells = [
        "## 4.1 A",
        "x, q = {}, 1",
        "x['a'] = 1",
        "q = 2",
        "x.update(b=2)",
        "list(map(x.pop, 'a'))",
        "scale(x)",
        "## 4.2 B",
        "print(x)",
    ]
    assert cells_needed(notebook(tmp_path, *cells), "4.2")[:3] == [1, 2, 4]
    assert 3 not in cells_needed(notebook(tmp_path, *cells), "4.2")


def test_restart_makes_the_names_and_shows_nothing_of_it(lecture, capsys, monkeypatch):
    source = json.loads(lecture.read_text())
    source["cells"][7]["source"] = ["def double(x):\n    return factor * x\nfactor = 2\n"]
    lecture.write_text(json.dumps(source))
    names = {}
    photcourse.restart("4.3", lecture.parent, names=names)
    assert capsys.readouterr().out.startswith("Ready for 4.3 Third: 4 of 5 earlier cells were run in ")
    assert names["rows"] == [1] and names["double"](2) == 4 and not display.SILENT
    monkeypatch.chdir(lecture.parent)
    photcourse.restart("4.2")
    assert globals().pop("rows") == [1]


def test_what_goes_wrong_is_one_sentence(lecture, tmp_path):
    with pytest.raises(
        RuntimeError, match=r"section 4.3 builds on cell 7 of 04_things.ipynb, which stopped: ZeroDivisionError"
    ):
        photcourse.restart("4.3", tmp_path, names={})
    assert not display.SILENT
    with pytest.raises(ValueError, match="no section 4.9; this lecture has 4.1 to 4.3"):
        photcourse.restart("4.9", tmp_path, names={})
    with pytest.raises(FileNotFoundError, match="no lecture 7 in .*restart"):
        photcourse.restart("7.1", tmp_path, names={})


def test_a_figure_is_not_drawn_meanwhile(monkeypatch):
    monkeypatch.setattr(display, "_in_notebook", lambda: True)
    monkeypatch.setattr(display, "SILENT", True)
    monkeypatch.setattr(display, "picture", lambda figure: pytest.fail("drawn"))
    assert display.publish(plt.figure(), alt="A picture.") is None and not plt.get_fignums()


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_every_section_of_a_lecture_has_a_number_of_its_own(path):
    numbers = [section.number for section in sections_of(path)[1:]]
    assert len(numbers) == len(set(numbers)) and numbers
    lecture = path.name.lstrip("0").partition("_")[0] or "0"
    assert all(number.startswith(f"{lecture}.") for number in numbers)


@pytest.mark.heavy
def test_every_section_of_a_lecture_is_begun_alone(monkeypatch):
    path = ROOT / "course" / "lectures" / "03_aperture_photometry.ipynb"
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    monkeypatch.setattr(display, "SILENT", True)
    for section in sections_of(path)[1:]:
        names = {"__name__": "lecture"}
        with contextlib.redirect_stdout(io.StringIO()), matplotlib.rc_context():
            photcourse.restart(section.number, path.parent, names=names)
            for place, code in section.cells:
                exec(compile(code, f"{path.stem}, cell {place}", "exec"), names)
                plt.close("all")
