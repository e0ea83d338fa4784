"""Nothing of a figure lies over something else, or outside."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine

from photcourse import display
from photcourse.layout import OnePass
from photcourse.simulate import tan_wcs

IMAGE = np.arange(600.0).reshape(20, 30)


@pytest.fixture(autouse=True)
def course_style():
    with display.style():
        yield
    plt.close("all")


def one_image():
    return display.show(IMAGE, unit="nJy", title="a title").figure


def two_images():
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.6))
    for ax in axes:
        display.show(IMAGE, ax, unit="a long unit", title="a title")
    return fig


def six_images():
    fig, axes = plt.subplots(2, 3, figsize=(12, 7))
    for ax in axes.flat:
        display.show(IMAGE.T, ax, unit="nJy", title="a title")
    fig.suptitle("six of them")
    return fig


def shared_bar(where="right"):
    fig, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True)
    for ax in axes:
        drawn = ax.imshow(IMAGE)
        ax.set(xlabel="x (pixel)", title="a title")
    fig.colorbar(drawn, ax=axes, label="weight", shrink=0.8, location=where)
    return fig


def bar_below():
    fig, (left, right) = plt.subplots(1, 2)
    fig.colorbar(left.imshow(IMAGE), ax=left, label="counts", location="bottom")
    left.set(xlabel="x (pixel)", ylabel="y (pixel)")
    right.plot([1e5, 3e5], [1e-7, 2e-3])
    right.set(xlabel="flux", ylabel="error", yscale="log")
    return fig


def sky():
    return display.show(IMAGE, unit="nJy", wcs=tan_wcs(IMAGE.shape, 53.1, -28.1)).figure


def uneven():
    fig, (top, bottom) = plt.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top.set(ylabel="one\ntwo", title="above")
    bottom.set(xlabel="below", ylabel="rest")
    return fig


def labels_of_all():
    fig, axes = plt.subplots(3, 5, figsize=(11, 6.8))
    for ax in axes.flat:
        display.show(IMAGE, ax, colorbar=False, title="a title")
        ax.set(xlabel="", ylabel="")
    fig.supxlabel("x (pixel)")
    fig.supylabel("y (pixel)")
    return fig


ALL = [
    one_image,
    two_images,
    six_images,
    shared_bar,
    lambda: shared_bar("bottom"),
    bar_below,
    sky,
    uneven,
    labels_of_all,
]


@pytest.mark.parametrize("make", ALL, ids=lambda f: f.__name__)
def test_parts_of_a_figure_neither_overlap_nor_leave_it(make):
    fig = make()
    display.lay_out(fig)
    assert isinstance(fig.get_layout_engine(), OnePass)
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer, for_layout_only=True) for ax in fig.axes]
    boxes += [text.get_window_extent(renderer) for text in (fig._suptitle, fig._supxlabel, fig._supylabel) if text]
    for k, box in enumerate(boxes):
        assert box.x0 > -2 and box.y0 > -2 and box.x1 < fig.bbox.x1 + 2 and box.y1 < fig.bbox.y1 + 2
        for other in boxes[:k]:
            shared_x, shared_y = (
                min(box.x1, other.x1) - max(box.x0, other.x0),
                min(box.y1, other.y1) - max(box.y0, other.y0),
            )
            assert min(shared_x, shared_y) < 1.5
    # Axes use what there is: together with their labels they fill at least half of the figure.
    assert sum(box.width * box.height for box in boxes) > 0.5 * fig.bbox.width * fig.bbox.height


def test_a_heading_has_room_above():
    fig = six_images()
    display.lay_out(fig)
    fig.canvas.draw()
    heading = fig._suptitle.get_window_extent()
    assert heading.y1 <= fig.bbox.y1 and all(heading.y0 >= ax.get_tightbbox().y1 - 1 for ax in fig.axes[:3])


@pytest.mark.parametrize("layout", ["tight", "compressed", "none"])
def test_a_layout_of_one_s_own_is_kept(layout):
    fig, _ = plt.subplots(layout=layout)
    before = type(fig.get_layout_engine())
    display.lay_out(fig)
    assert type(fig.get_layout_engine()) is (OnePass if layout == "none" else before)


def test_what_is_no_plain_grid_is_left_to_the_constrained_layout(monkeypatch):
    asked = []
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda self, fig: asked.append(fig))
    fig = plt.figure()
    inner = fig.add_gridspec(1, 2)[1].subgridspec(2, 1)
    fig.add_subplot(1, 2, 1)
    fig.add_subplot(inner[0])
    crowded, axes = plt.subplots(9, 9, figsize=(2, 2))
    for ax in axes.flat:
        ax.set(xlabel="x", ylabel="y")
    for figure in (fig, crowded):
        figure.set_layout_engine(OnePass())
        figure.get_layout_engine().execute(figure)
    assert asked == [fig, crowded]
    plain, _ = plt.subplots()
    plain.set_layout_engine(OnePass())
    plain.get_layout_engine().execute(plain)
    assert len(asked) == 2
