"""Picture of an image without its background: what it shows, its axes and its unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photcourse.simulate import add_stars
from photcourse.simulate.background_scenes import sky_gradient
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Picture of what is left",
    # The picture is judged by the ranks of its values, so that stretch, limits and colours are free.
    compare=FigureShows(series=0, image=True, origin="lower", x_words=("x",), x_units=("pixel", "pix", "px"),
                        y_words=("y",), y_units=("pixel", "pix", "px"), bar_units=("counts", "count", "adu", "ADU"),
                        noun="picture"),
    figure=True,
)


@exercise.reference
def plot_subtracted(image, background):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    shown = ax.imshow(image - background, origin="lower", cmap="cividis")
    fig.colorbar(shown, ax=ax, label="counts above the background")
    ax.set_xlabel("x (pixel)")
    ax.set_ylabel("y (pixel)")
    return ax


def _scene(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Three wide sources in the dark part of a gradient: image, background and rest are three different pictures."""
    background = np.round(sky_gradient(shape, 10.0, 90.0), 2)
    places = np.array([(0.2, 0.2), (0.3, 0.68), (0.68, 0.25)]) * (shape[1], shape[0]) + rng.uniform(-2, 2, (3, 2))
    widths = 0.11 * min(shape) * rng.uniform(0.9, 1.1, 3)
    flux = rng.uniform(60, 80, 3) * 2 * np.pi * widths**2
    light = add_stars(np.zeros(shape), *places.T, flux, widths)
    return np.round(background + light + rng.normal(0, 0.5, shape), 2), background


@exercise.provided
def provided() -> Iterator[Case]:
    image, background = _scene(np.random.default_rng(8), (42, 56))
    yield Case("sources on a slope", image, background, tests="the picture, its axes and its unit")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(55, 65)), int(rng.integers(40, 48)))
    yield Case("a fresh scene", *_scene(rng, shape), tests="another image, taller than wide")


exercise.mistake(
    "image-shown", "The image with its background is shown", edit={"image - background": "image"},
    of="imshow, figure returned",
    idea="What is left is the image less the background: that difference belongs into the picture.",
    contrast="imshow(image - background), not imshow(image).")
exercise.mistake(
    "background-shown", "The background is shown", edit={"image - background": "background"},
    of="imshow, figure returned",
    idea="The picture of the background shows what was taken away, not what is left.",
    contrast="imshow(image - background), not imshow(background).")
exercise.mistake(
    "negative", "The picture is a negative: background less image", edit={"image - background": "background - image"},
    of="imshow, figure returned",
    idea="The order matters: a source that is brighter than the background has to come out positive.",
    contrast="60 counts on 40: 60 - 40 = 20, not -20.")
exercise.mistake(
    "upper", "Row 0 is shown at the top", edit={"lower": "upper"}, of="imshow, figure returned",
    idea="Row 0 of this picture is at the top; in the sky's pictures y grows upwards. matplotlib begins at the top where "
         "nothing is said, this course's style at the bottom, and inverting the axis turns it over.",
    contrast="imshow(data, origin='lower')")
exercise.mistake(
    "turned", "x and y are exchanged in the picture", edit={"image - background": "(image - background).T"},
    of="imshow, figure returned",
    idea="imshow takes [y, x], as the image is stored. A transposed array shows x upwards.",
    contrast="A 42 x 56 array is 56 pixels wide and 42 high.")
exercise.mistake(
    "no-bar", "There is no colour bar with a unit", edit={'fig.colorbar(shown, ax=ax, label="counts")': ""},
    of="imshow, figure returned",
    idea="Colours mean numbers, and numbers have units. A labelled colour bar says which.",
    contrast="fig.colorbar(shown, label='counts')")
exercise.mistake(
    "labels-exchanged", "The labels of the axes are exchanged",
    edit={"x (pixel)": "y (pixel)", "y (pixel)": "x (pixel)"}, of="imshow, figure returned",
    idea="Columns run to the right and are x; rows run upwards and are y.", contrast="ax.set_xlabel('x (pixel)')")
exercise.mistake(
    "no-labels", "The axes have no labels", edit={'ax.set_xlabel("x (pixel)")\n    ax.set_ylabel("y (pixel)")': ""},
    of="imshow, figure returned",
    idea="A reader must see what is drawn along the axes, and in which unit.", contrast="ax.set_xlabel('x (pixel)')")
exercise.mistake(
    "no-units", "The labels give no unit", edit={"x (pixel)": "x", "y (pixel)": "y"}, of="imshow, figure returned",
    idea="x and y could be pixels, arcseconds or degrees: the unit belongs to the label.",
    contrast="'x (pixel)', not 'x'.")


@exercise.mistake(
    "histogram", "A histogram is drawn in place of the picture",
    idea="A histogram shows how the values are spread, not where they lie. A gradient left behind shows in the "
         "picture only.",
    contrast="imshow(image - background)")
def plot_subtracted(image, background):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.hist((image - background).ravel(), bins=50)
    ax.set_xlabel("counts")
    ax.set_ylabel("number of pixels")
    return fig


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("image = image % 65536", "counts of a camera are neither negative nor above 65535"),
]
