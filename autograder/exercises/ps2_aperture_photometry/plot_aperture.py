"""Picture of an image with a circular aperture on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import star

exercise = Exercise(
    "Picture with the aperture on it",
    # A third of a pixel cannot be seen, and is less than any mistake in position or radius here.
    compare=FigureShows(series=0, image=True, origin="lower", circles=1,
                        x_words=("x", "column"), x_units=("pixel", "px", "pix"),
                        y_words=("y", "row"), y_units=("pixel", "px", "pix")),
    picture="figure",
    figure=True,
)


@exercise.reference
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture(position, radius).plot(ax=ax, color="w")
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")
    return ax


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("the star behind adaptive optics", DataRef("sphere_psf"), (83.0, 53.0), 12.0,
               tests="the star of the lecture in its whole image")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    x, y = float(rng.uniform(58, 66)), float(rng.uniform(17, 24))
    yield Case("a wide image", star(rng, (57, 84), x, y), (x, y), float(rng.uniform(7, 11)), tests="a fresh star")
    x, y = float(rng.uniform(14, 18)), float(rng.uniform(52, 60))
    yield Case("a tall image", star(rng, (78, 51), x, y, 30.0), (x, y), 6.5, tests="an image that is taller than wide")


exercise.mistake(
    "upside-down", "The image stands on its head", edit={'origin="lower"': 'origin="upper"'},
    idea="Row 0 of this picture is at the top; in astronomy y grows upwards. matplotlib begins at the top where nothing is "
         "said, this course's style begins at the bottom, and an axis that is inverted then turns it over again.",
    contrast="ax.imshow(image, origin='lower') is right whatever the style says.")
exercise.mistake(
    "swapped", "The circle stands at (y, x)",
    edit={"Aperture(position, radius).plot(ax=ax,": "Aperture(position[::-1], radius).plot(ax=ax,"},
    idea="Circles and apertures take (x, y). The same two numbers in the order of the array's index are another place.",
    contrast="image[53, 83] is drawn at x = 83, y = 53.")
exercise.mistake(
    "diameter", "The circle is half as wide as asked",
    edit={"Aperture(position, radius).plot(ax=ax,": "Aperture(position, radius / 2).plot(ax=ax,"},
    idea="The radius was taken for a diameter. The picture then shows another aperture than the one that is measured.",
    contrast="Circle(xy, radius=12) is 24 pixels across.")
exercise.mistake(
    "doubled", "The circle is twice as wide as asked",
    edit={"Aperture(position, radius).plot(ax=ax,": "Aperture(position, 2 * radius).plot(ax=ax,"},
    idea="The radius was doubled on the way. The picture then shows another aperture than the one that is measured.",
    contrast="Circle(xy, radius=12) is 24 pixels across; Ellipse takes widths, that is diameters.")
exercise.mistake(
    "transposed", "The image is transposed", edit={"imshow(image,": "imshow(image.T,"},
    idea="imshow already draws the first index upwards and the second to the right, which is [y, x]. Transposing "
         "exchanges them.",
    contrast="An image of 50 rows and 80 columns is drawn 80 wide and 50 high.")
exercise.mistake(
    "flipped", "The rows are reversed as well as the origin", edit={"imshow(image,": "imshow(image[::-1],"},
    idea="Reversing the rows and drawing row 0 at the bottom puts the last row at the bottom, and the circle beside "
         "the star.",
    contrast="image[::-1] with origin='lower' is upside down again, with labels that lie.")
exercise.mistake(
    "one-based", "The circle is a pixel off in x and y",
    edit={"Aperture(position, radius).plot(ax=ax,": "Aperture((position[0] + 1, position[1] + 1), radius).plot(ax=ax,"},
    idea="matplotlib counts pixels as numpy does: the centre of the first is 0. Adding 1 moves the circle off the "
         "star.",
    contrast="The star at (83, 53) of the array is drawn at (83, 53).")
exercise.mistake(
    "marker", "A marker is drawn instead of a circle of the aperture's radius",
    edit={'CircularAperture(position, radius).plot(ax=ax, color="w")':
           'ax.plot(*position, "o", ms=radius, mfc="none")'},
    idea="The size of a marker is in points of the page, not in pixels of the image: it shows where, and not how "
         "large.",
    contrast="A marker keeps its size when you zoom in; an aperture does not.")
exercise.mistake(
    "no-circle", "The aperture is not drawn",
    edit={'    CircularAperture(position, radius).plot(ax=ax, color="w")\n': ""},
    idea="The picture is there to show where the aperture lies and how much it holds. An aperture that is made and not "
         "drawn is not seen.",
    contrast="CircularAperture(...) makes one; its plot(ax=ax) draws it.")
exercise.mistake(
    "no-image", "The circle is drawn without the image",
    edit={'ax.imshow(image, origin="lower")': "ax.set(xlim=(0, image.shape[1]), ylim=(0, image.shape[0]))"},
    idea="An aperture in empty axes does not tell whether it sits on the star. Both belong in the same axes.",
    contrast="ax.imshow(...) first, then aperture.plot(ax=ax) with the same ax.")
exercise.mistake(
    "no-labels", "The axes have no labels", edit={'    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")\n': ""},
    idea="A plot without labels can be read by its maker only, and not for long. Say what the axes are, and in which "
         "unit.",
    contrast="ax.set_xlabel('x (pixel)')")
exercise.mistake(
    "no-unit", "The labels give no unit", edit={" (pixel)": ""},
    idea="x and y may be pixels, arcseconds or millimetres. The unit belongs on the axis.",
    contrast="'x' leaves it open; 'x (pixel)' does not.")
exercise.mistake(
    "labels-exchanged", "The labels are on the wrong axes",
    edit={'"x (pixel)"': '"y (pixel)"', '"y (pixel)"': '"x (pixel)"'},
    idea="x runs to the right and counts columns, y runs upwards and counts rows, although the array's index names the "
         "row first.",
    contrast="image[y, x] is drawn at (x, y).")
