"""Code that only draws is folded; code that is taught, or that later cells need, stays open."""

from __future__ import annotations

import importlib.util
import pathlib

import nbformat
import pytest

from support import ROOT

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))


def load_tool():
    spec = importlib.util.spec_from_file_location("fold_plots", ROOT / "tools" / "fold_plots.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()
DRAWING = "\n".join(
    ["fig, ax = plt.subplots()", *(f"ax.plot(x, y{k})" for k in range(12)), 'display.publish(fig, "9.1")']
)


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_lecture_s_marks_are_what_its_code_says(path: pathlib.Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.writes(notebook)
    tool.fold(notebook)
    assert nbformat.writes(notebook) == before, "run tools/fold_plots.py on it"


@pytest.mark.parametrize(("cells", "folded"), [
    ((DRAWING, "print(x)"), {0}),
    ((DRAWING + "\nbest = 3", "print(best)"), set()),
    ((DRAWING + "\nbest = 3", "best = 4\nprint(best)"), {0}),
    ((DRAWING, "fig, ax = plt.subplots()\nax.plot(x)"), {0}),
    (('display.publish(fig, "9.1")',), set()),
    (("def draw():\n    pass\n" + DRAWING,), set()),
    ((DRAWING.replace("display.publish", "print"),), set()),
])  # fmt: skip
def test_which_cells_are_folded(cells, folded) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    assert tool.only_draws(notebook) == folded


def test_a_cell_can_be_kept_open_and_its_other_tags_stay() -> None:
    cell = nbformat.v4.new_code_cell(DRAWING, metadata={"tags": ["mine"], "jupyter": {"outputs_hidden": False}})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    tool.fold(notebook)
    assert cell.metadata["tags"] == ["mine", "hide-input"]
    assert cell.metadata["jupyter"] == {"outputs_hidden": False, "source_hidden": True}
    cell.metadata["fold"] = False
    tool.fold(notebook)
    assert cell.metadata["tags"] == ["mine"] and "source_hidden" not in cell.metadata["jupyter"]
