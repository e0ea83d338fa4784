"""Picture of an image without its background: what it shows, its axes and its unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photcourse.simulate import add_stars
from photcourse.simulate.background_scenes import sky_gradient
from photgrader.exercise import Case, Exercise

from ._scenes import changed

exercise = Exercise(
    "plot_subtracted",
    params=("image", "background"),
    title="Picture of what is left",
    # The picture is judged by the ranks of its values, so that stretch, limits and colours are free.
    compare=FigureShows(series=0, image=True, origin="lower", x_words=("x",), x_units=("pixel", "pix", "px"), y_words=("y",),
                        y_units=("pixel", "pix", "px"), bar_units=("counts", "count", "adu", "ADU"), noun="picture"),
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
    yield Case("sources on a slope", (image, background), tests="the picture, its axes and its unit")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(55, 65)), int(rng.integers(40, 48)))
    yield Case("a fresh scene", _scene(rng, shape), tests="another image, taller than wide")


_TEXT = '''
import matplotlib.pyplot as plt

def plot_subtracted(image, background):
    fig, ax = plt.subplots()
    shown = ax.imshow(image - background, origin="lower")
    fig.colorbar(shown, ax=ax, label="counts")
    ax.set_xlabel("x (pixel)")
    ax.set_ylabel("y (pixel)")
    return fig
'''

exercise.variant_source("imshow, figure returned", _TEXT)

exercise.variant_source("display.show", '''
    from photcourse import display
    # %%
    plot_subtracted = lambda image, background: display.show(image - background, unit="counts", title="without background")
''')


@exercise.variant("pyplot only, nothing returned")
def plot_subtracted(image, background):
    import matplotlib.pyplot as plt

    plt.figure(figsize=(4, 3))
    plt.imshow(image - background, origin="lower", cmap="gray", vmin=-2, vmax=20)
    plt.xlabel("x [pix]")
    plt.ylabel("y [pix]")
    plt.title("background subtracted")
    plt.colorbar().set_label("ADU")
    print("drawn")


@exercise.variant("pcolormesh")
def plot_subtracted(image, background):
    import warnings

    import matplotlib.pyplot as plt

    warnings.warn("drawing", stacklevel=2)
    ax = plt.figure().add_subplot()
    mesh = ax.pcolormesh(np.subtract(image, background))
    ax.set(xlabel="x in pixels", ylabel="y in pixels")
    ax.figure.colorbar(mesh, label="flux (counts)")
    return ax


@exercise.variant("arcsinh stretch from astropy")
def plot_subtracted(image: np.ndarray, background: np.ndarray):
    import matplotlib.pyplot as plt
    from astropy.visualization import simple_norm

    rest = image - background
    fig, ax = plt.subplots(layout="constrained")
    drawn = ax.imshow(rest, origin="lower", norm=simple_norm(rest, "asinh", percent=99.0))
    fig.colorbar(drawn, label="counts per pixel")
    ax.set_xlabel("x position (px)")
    ax.set_ylabel("y position (px)")
    return fig, ax


@exercise.variant("three panels")
def plot_subtracted(image, background):
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(12, 4))
    for ax, picture, title in zip(axes, (image, background, image - background), ("image", "background", "rest")):
        drawn = ax.imshow(picture, origin="lower")
        fig.colorbar(drawn, ax=ax, label="counts")
        ax.set(title=title, xlabel="x (pixel)", ylabel="y (pixel)")


exercise.variant_source("axis inverted by hand, helper in another cell", '''
    import matplotlib.pyplot as plt

    def labels(ax):
        ax.set_xlabel("x / pixel")
        ax.set_ylabel("y / pixel")
        ax.invert_yaxis()
    # %%
    def plot_subtracted(image, background):
        plt.imshow(image - background, origin="upper")
        labels(plt.gca())
        plt.colorbar(label="counts")
        return plt.gcf()
''')

exercise.variant_source("partial of a callable object", '''
    import functools
    import matplotlib.pyplot as plt

    class Picture:
        def __call__(self, colours, image, background):
            fig, ax = plt.subplots()
            half = np.arange(2) - 0.5
            extent = (half[0], image.shape[1] + half[0], half[0], image.shape[0] + half[0])
            drawn = ax.imshow(image - background, origin="lower", cmap=colours, extent=extent)
            fig.colorbar(drawn, ax=ax, orientation="horizontal", label="net counts")
            ax.set_xlabel("column x, pixel")
            ax.set_ylabel("row y, pixel")
            return ax
    # %%
    plot_subtracted = functools.partial(Picture(), "magma")
''')

exercise.misconception_source(
    "image-shown", "The image with its background is shown", changed(_TEXT, ("image - background, origin", "image, origin")),
    idea="What is left is the image less the background: that difference belongs into the picture.",
    contrast="imshow(image - background), not imshow(image).")
exercise.misconception_source(
    "background-shown", "The background is shown", changed(_TEXT, ("image - background, origin", "background, origin")),
    idea="The picture of the background shows what was taken away, not what is left.",
    contrast="imshow(image - background), not imshow(background).")
exercise.misconception_source(
    "negative", "The picture is a negative: background less image",
    changed(_TEXT, ("image - background, origin", "background - image, origin")),
    idea="The order matters: a source that is brighter than the background has to come out positive.",
    contrast="60 counts on 40: 60 - 40 = 20, not -20.")
exercise.misconception_source(
    "upper", "Row 0 is shown at the top", changed(_TEXT, ('origin="lower"', 'origin="upper"')),
    idea="matplotlib puts row 0 at the top unless told otherwise. In the sky's pictures y grows upwards.",
    contrast="imshow(data, origin='lower')")
exercise.misconception_source(
    "turned", "x and y are exchanged in the picture",
    changed(_TEXT, ("image - background, origin", "(image - background).T, origin")),
    idea="imshow takes [y, x], as the image is stored. A transposed array shows x upwards.",
    contrast="A 42 x 56 array is 56 pixels wide and 42 high.")
exercise.misconception_source(
    "no-bar", "There is no colour bar with a unit",
    changed(_TEXT, ('    fig.colorbar(shown, ax=ax, label="counts")\n', "")),
    idea="Colours mean numbers, and numbers have units. A labelled colour bar says which.",
    contrast="fig.colorbar(shown, label='counts')")
exercise.misconception_source(
    "labels-exchanged", "The labels of the axes are exchanged",
    changed(_TEXT, ('xlabel("x (pixel)")', 'xlabel("y (pixel)")'), ('ylabel("y (pixel)")', 'ylabel("x (pixel)")')),
    idea="Columns run to the right and are x; rows run upwards and are y.", contrast="ax.set_xlabel('x (pixel)')")
exercise.misconception_source(
    "no-labels", "The axes have no labels",
    changed(_TEXT, ('    ax.set_xlabel("x (pixel)")\n', ""), ('    ax.set_ylabel("y (pixel)")\n', "")),
    idea="A reader must see what is drawn along the axes, and in which unit.", contrast="ax.set_xlabel('x (pixel)')")
exercise.misconception_source(
    "no-units", "The labels give no unit",
    changed(_TEXT, ('"x (pixel)"', '"x"'), ('"y (pixel)"', '"y"')),
    idea="x and y could be pixels, arcseconds or degrees: the unit belongs to the label.", contrast="'x (pixel)', not 'x'.")
exercise.misconception_source(
    "histogram", "A histogram is drawn in place of the picture",
    changed(_TEXT, ('    shown = ax.imshow(image - background, origin="lower")\n    fig.colorbar(shown, ax=ax, label="counts")\n',
                    '    ax.hist((image - background).ravel(), bins=50)\n'),
            ('"x (pixel)"', '"counts"'), ('"y (pixel)"', '"number of pixels"')),
    idea="A histogram shows how the values are spread, not where they lie. A gradient left behind shows in the picture only.",
    contrast="imshow(image - background)")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("image = image % 65536", "counts of a camera are neither negative nor above 65535"),
]
