"""The words of the lectures' figures stand in files, in step with the notebooks, and no cell gives a figure away."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import nbformat
import pytest

from support import ROOT

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
ASSIGNMENTS = sorted((ROOT / "source").glob("*/*.ipynb"))


def load_tool():
    spec = importlib.util.spec_from_file_location("figure_texts", ROOT / "tools" / "figure_texts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_figures_are_numbered_and_have_caption_and_words(path: pathlib.Path) -> None:
    prefix = tool.prefix_of(path)
    notebook, known = nbformat.read(path, as_version=4), tool.read_words(prefix)
    before = [cell.source for cell in notebook.cells]
    words, notes = tool.renumber(notebook, prefix, known)
    assert notes == [] and words == known and [cell.source for cell in notebook.cells] == before
    assert len(words) >= 6 and all(
        len(text["alt"].split()) > 5 and len(text["caption"].split()) > 1 for text in words.values()
    )
    assert not any("alt=" in cell.source for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", ASSIGNMENTS, ids=lambda p: p.stem)
def test_no_cell_that_students_are_given_tells_what_its_figure_shows(path: pathlib.Path) -> None:
    prefix = tool.prefix_of(path)
    notebook, known = nbformat.read(path, as_version=4), tool.read_words(prefix)
    words, notes = tool.renumber(notebook, prefix, known)
    assert notes == [] and words == known and len(words) >= 3
    # What students write themselves stands in cells that the release empties.
    given = [c for c in notebook.cells if c.cell_type == "code" and not c.metadata.get("nbgrader", {}).get("solution")]
    assert [cell.source for cell in given if "alt=" in cell.source and "BEGIN SOLUTION" not in cell.source] == []


# ------------------------------------------------------------------------------------------------ the tool
def code(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source)


def notebook(*cells):
    made = [code(c) if isinstance(c, str) else c for c in cells]
    return nbformat.v4.new_notebook(cells=made)


def test_words_move_into_the_file_and_their_numbers_stay_computed():
    made = notebook(
        'display.publish(fig, alt="A star, {braces} and all; "\n                "on two lines.")',
        'words = (\n    "Light that levels off."\n)\nask.explore(draw, alt=words, window=[5, 9])',
        'def show(a):\n    display.publish(\n        a,\n        alt=f"Holds {share:.0f} %, {100 * x:.1f} more.",\n    )\nshow(1)',
    )
    words, notes = tool.renumber(made, "9", {})
    assert [cell.source for cell in made.cells] == [
        'display.publish(fig, "9.1")',
        'ask.explore(draw, "9.2", window=[5, 9])',
        'def show(a):\n    display.publish(a, "9.3", share=share, value2=100 * x)\nshow(1)',
    ]
    assert words["9.1"]["alt"].format() == "A star, {braces} and all; on two lines."
    assert words["9.3"]["alt"].format(share=3, value2=0.25) == "Holds 3 %, 0.2 more."
    assert notes == ["figure 9.1 has no caption", "figure 9.2 has no caption", "figure 9.3 has no caption"]


def test_numbers_follow_a_figure_that_was_put_before_them_and_so_does_the_text():
    known = {"9.1": {"caption": "One.", "alt": "First."}, "9.2": {"caption": "Two.", "alt": "Second."}}
    text = nbformat.v4.new_markdown_cell("Figure 9.1 and figures 9.2 show it; figure 8.1 does not.")
    made = notebook(
        'display.publish(new, alt="A new picture.", caption="New.")',
        'display.publish(fig, "9.1")',
        text,
        'display.publish(fig, "9.2")',
    )
    words, notes = tool.renumber(made, "9", known)
    assert (
        words == {"9.1": {"caption": "New.", "alt": "A new picture."}, "9.2": known["9.1"], "9.3": known["9.2"]}
        and not notes
    )
    assert text.source == "Figure 9.2 and figures 9.3 show it; figure 8.1 does not."
    assert made.cells[3].source == 'display.publish(fig, "9.3")'


def test_a_figure_whose_words_were_mended_in_the_cell_keeps_its_caption():
    known = {"9.1": {"caption": "A curve.", "alt": "A curve that rises and then levels off at one."}}
    words, notes = tool.renumber(
        notebook('display.publish(f, alt="A curve that rises, then levels off near one.")'), "9", known
    )
    assert (
        words == {"9.1": {"caption": "A curve.", "alt": "A curve that rises, then levels off near one."}}
        and notes == []
    )


def test_what_a_student_writes_and_what_code_makes_is_left_alone():
    solved = code('display.publish(fig, alt="Mine.")')
    solved.metadata["nbgrader"] = {"solution": True}
    made = notebook(solved, 'display.publish(fig, alt="real" if real else "simulated")')
    words, notes = tool.renumber(made, "9", {})
    assert words == {} and notes == ["cell 1: the words are made by code and stay where they are"]
    assert made.cells[0].source == 'display.publish(fig, alt="Mine.")'


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("03_aperture.ipynb", "3"), ("00_x.ipynb", "0"), ("01a_look.ipynb", "1a"), ("ps1_psf.ipynb", "ps1")],
)
def test_figures_are_numbered_after_their_notebook(name, prefix):
    assert tool.prefix_of(pathlib.Path(name)) == prefix
