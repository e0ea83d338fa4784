"""Questions before answers: guesses that are drawn, figures that follow a slider or stand side by side."""

from __future__ import annotations

import base64
import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from photcourse import ask


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(("along", "place"), [("x", "get_xdata"), ("y", "get_ydata")])
def test_a_guess_is_drawn_across_the_axis_that_carries_it(along, place):
    _, ax = plt.subplots()
    ask.guess("How wide?", 3.5, "pixels").draw(ax, along)
    (line,) = ax.lines
    assert set(getattr(line, place)()) == {3.5} and "3.5" in line.get_label()


def test_no_guess_draws_nothing_and_tells_what_to_do():
    _, ax = plt.subplots()
    none = ask.guess("How wide?")
    none.draw(ax)
    assert not ax.lines
    assert "How wide?" in none._repr_markdown_() and "None" in none._repr_markdown_()
    assert none.against(2) == "It is 2. (No guess this time.)"


@pytest.mark.parametrize(
    ("value", "answer", "words"),
    [
        (3, 2, "1.5 times too much"),
        (1, 4, "4 times too little"),
        (2.05, 2, "within a tenth"),
        (-1, 2, "too little, by 3"),
        (0, 0.5, "too little, by 0.5"),
        (5000, 2516.4, "it is 2,520: 2 times too much"),
    ],
)
def test_a_guess_is_compared_in_words(value, answer, words):
    assert words in ask.guess("?", value).against(answer)


@pytest.mark.parametrize("value", ["three", [1, 2], float("nan")])
def test_a_guess_that_is_no_number_is_told(value):
    with pytest.raises(TypeError, match="a guess is"):
        ask.guess("?", value)


def test_a_guess_is_drawn_along_x_or_y_only():
    with pytest.raises(ValueError, match="'x' or 'y'"):
        ask.guess("?", 1).draw(plt.subplots()[1], "z")


@pytest.mark.parametrize("choices", [{}, {"window": []}])
def test_sliders_without_values_are_told(choices):
    with pytest.raises(ValueError, match="parameter with its values"):
        ask.explore(lambda **_: plt.figure(), alt="A curve.", **choices)


def test_outside_a_notebook_the_figure_at_the_middle_values_comes_back():
    seen = []
    figure = ask.explore(
        lambda **chosen: (seen.append(chosen), plt.figure())[1], alt="A curve that moves.", a=[1, 2, 3], b=["x", "y"]
    )
    assert seen == [{"a": 2, "b": "y"}] and figure is not None


@pytest.mark.parametrize(
    ("values", "shown"), [([1, 2], [1, 2]), ([1, 2, 3, 4, 5], [1, 3, 5]), (list(range(10)), [0, 4, 9])]
)
def test_the_static_form_shows_both_ends_and_the_middle(values, shown):
    assert ask._spread(values, 3) == shown


DRAWING = """
import matplotlib.pyplot as plt
from photcourse import ask
def at(window_width):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, window_width], [0, 1])
    return fig
ask.explore(at, alt="A line that ends at the window's width.", window_width=[5, 9, 15, 21, 31])
"""
WITHOUT_WIDGETS = "import sys\nsys.modules['ipywidgets'] = None\n"
MOVE = """
import gc, ipywidgets
(slider,) = [w for w in gc.get_objects() if isinstance(w, ipywidgets.SelectionSlider)]
(page,) = [w for w in gc.get_objects() if type(w) is ipywidgets.HTML]
before = page.value
slider.value = 31
print(before != page.value, "window width 31" in page.value)
"""


@pytest.mark.heavy
@pytest.mark.parametrize("before", ["", WITHOUT_WIDGETS], ids=["ipywidgets", "without"])
def test_a_notebook_gets_the_slider_where_it_can_and_always_the_pictures_side_by_side(tmp_path, before):
    cells = [nbformat.v4.new_code_cell(before + DRAWING), nbformat.v4.new_code_cell("1" if before else MOVE)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    (output,) = notebook.cells[0].outputs
    assert ("application/vnd.jupyter.widget-view+json" in output.data) is not bool(before)
    width, height = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).size
    assert width > 2.5 * height
    assert (
        'alt="A line that ends at the window&#x27;s width. Shown for window width 5, 15, 31."'
        in output.data["text/html"]
    )
    assert output.metadata["image/png"]["alt"].startswith("A line")
    if not before:
        assert notebook.cells[1].outputs[0].text.strip() == "True True"
