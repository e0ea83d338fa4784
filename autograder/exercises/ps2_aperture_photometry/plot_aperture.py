"""Picture of an image with a circular aperture on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import star

exercise = Exercise(
    "plot_aperture",
    params=("image", "position", "radius"),
    title="Picture with the aperture on it",
    # A third of a pixel cannot be seen, and is less than any mistake in position or radius here.
    compare=FigureShows(
        series=0,
        image=True,
        origin="lower",
        circles=1,
        x_words=("x", "column"),
        x_units=("pixel", "px", "pix"),
        y_words=("y", "row"),
        y_units=("pixel", "px", "pix"),
    ),
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
    yield Case(
        "the star behind adaptive optics",
        (DataRef("sphere_psf"), (83.0, 53.0), 12.0),
        tests="the star of the lecture in its whole image",
    )


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    x, y = float(rng.uniform(58, 66)), float(rng.uniform(17, 24))
    yield Case(
        "a wide image", (star(rng, (57, 84), x, y), (x, y), float(rng.uniform(7, 11))), tests="a fresh star"
    )
    x, y = float(rng.uniform(14, 18)), float(rng.uniform(52, 60))
    yield Case(
        "a tall image",
        (star(rng, (78, 51), x, y, 30.0), (x, y), 6.5),
        tests="an image that is taller than wide",
    )


@exercise.variant("the course's display")
def plot_aperture(image, position, radius):
    from photcourse import display

    ax = display.show(image, unit="counts")
    display.mark(ax, position, radius=radius)
    return ax


@exercise.variant("logarithmic stretch")
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm
    from photutils.aperture import CircularAperture

    plt.figure(figsize=(6, 5))
    plt.imshow(image, origin="lower", cmap="inferno", norm=LogNorm(vmin=1, vmax=image.max()))
    plt.colorbar(label="counts")
    CircularAperture(position, r=radius).plot(color="cyan", lw=2)
    plt.xlabel("X [px]")
    plt.ylabel("Y [px]")
    plt.show()


@exercise.variant("a patch on a stretched image")
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from matplotlib.patches import Circle

    fig, ax = plt.subplots()
    ax.imshow(np.arcsinh(image / 10), origin="lower", cmap="gray", vmin=-2, vmax=6)
    ax.add_patch(Circle(position, radius, fill=False, color="red", label="aperture"))
    ax.plot(*position, "r+")
    ax.legend()
    ax.set_xlabel("x [pixel]")
    ax.set_ylabel("y [pixel]")
    return fig


@exercise.variant("a line drawn round the star")
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt

    x, y = position
    angle = np.linspace(0, 2 * np.pi, 200)
    ax = plt.figure().add_subplot()
    ax.pcolormesh(image, vmax=np.percentile(image, 99.5))
    # pcolormesh counts from the pixels' corners.
    ax.clear()
    ny, nx = image.shape
    ax.pcolormesh(np.arange(nx), np.arange(ny), image, vmax=np.percentile(image, 99.5), shading="nearest")
    ax.plot(x + radius * np.cos(angle), y + radius * np.sin(angle), color="w")
    ax.set(xlabel="x in pixels", ylabel="y in pixels")


@exercise.variant("astropy's stretches")
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from astropy.visualization import LogStretch, PercentileInterval, simple_norm
    from astropy.visualization.mpl_normalize import ImageNormalize
    from photutils.aperture import CircularAperture

    norm = ImageNormalize(image, interval=PercentileInterval(99.8), stretch=LogStretch())
    assert simple_norm(image, "sqrt") is not None
    fig, axes = plt.subplots(1, 2, figsize=(9, 4))
    axes[0].imshow(image, norm=norm, origin="lower")
    axes[0].set_title("no aperture")
    axes[1].imshow(image, norm=norm, origin="lower")
    CircularAperture(position, radius).plot(ax=axes[1])
    for ax in axes:
        ax.set(xlabel="x (pix)", ylabel="y (pix)")
    return axes


@exercise.variant("axis turned by hand")
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    _, ax = plt.subplots()
    ax.imshow(np.clip(image, *np.percentile(image, [0.5, 99.5])), origin="upper")
    ax.invert_yaxis()
    ax.add_collection(PatchCollection([Circle(position, radius)], facecolor="none", edgecolor="lime"))
    ax.set_xlabel("column x (pixel)")
    ax.set_ylabel("row y (pixel)")
    print("drawn")
    return ax


@exercise.variant("published with its text")
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt

    from photcourse import display

    fig, ax = plt.subplots()
    display.show(np.log10(np.maximum(image, 1)), ax=ax, unit="log10 counts", cmap="magma")
    display.mark(ax, [position], radius=radius, label="aperture")
    display.publish(fig, alt="A star with a circle round it.")


exercise.variant_source(
    "helpers in other cells, with a warning",
    """
    import warnings

    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAnnulus, CircularAperture

    def frame(image):
        warnings.warn("drawing")
        ax = plt.axes()
        ax.imshow(image, origin="lower", extent=None, interpolation="bilinear", vmax=image.max() / 10)
        return ax
    # %%
    def plot_aperture(image, position, radius):
        ax = frame(image)
        ax.set_xlabel("x-axis, pixels")
        ax.set_ylabel("y-axis, pixels")
        CircularAnnulus(position, radius + 4, radius + 8).plot(ax=ax, ls=":")
        CircularAperture(position, radius).plot(ax=ax)
    """,
)


@exercise.misconception(
    "upside-down",
    "The image stands on its head",
    idea=(
        "imshow puts row 0 at the top unless it is told otherwise, as for photographs. In astronomy "
        "y grows upwards."
    ),
    contrast="ax.imshow(image) has y growing downwards; origin='lower' turns it.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="upper")
    CircularAperture(position, radius).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "swapped",
    "The circle stands at (y, x)",
    idea=(
        "Circles and apertures take (x, y). The same two numbers in the order of the array's index "
        "are another place."
    ),
    contrast="image[53, 83] is drawn at x = 83, y = 53.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture(position[::-1], radius).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "diameter",
    "The circle is half as wide as asked",
    idea=(
        "The radius was taken for a diameter. The picture then shows another aperture than the one "
        "that is measured."
    ),
    contrast="Circle(xy, radius=12) is 24 pixels across.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture(position, radius / 2).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "doubled",
    "The circle is twice as wide as asked",
    idea=(
        "The radius was doubled on the way. The picture then shows another aperture than the one "
        "that is measured."
    ),
    contrast="Circle(xy, radius=12) is 24 pixels across; Ellipse takes widths, that is diameters.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from matplotlib.patches import Circle

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    ax.add_patch(Circle(position, 2 * radius, fill=False))
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "transposed",
    "The image is transposed",
    idea=(
        "imshow already draws the first index upwards and the second to the right, which is [y, x]. "
        "Transposing exchanges them."
    ),
    contrast="An image of 50 rows and 80 columns is drawn 80 wide and 50 high.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image.T, origin="lower")
    CircularAperture(position, radius).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "flipped",
    "The rows are reversed as well as the origin",
    idea=(
        "Reversing the rows and drawing row 0 at the bottom puts the last row at the bottom, and the "
        "circle beside the star."
    ),
    contrast="image[::-1] with origin='lower' is upside down again, with labels that lie.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image[::-1], origin="lower")
    CircularAperture(position, radius).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "one-based",
    "The circle is a pixel off in x and y",
    idea=(
        "matplotlib counts pixels as numpy does: the centre of the first is 0. Adding 1 moves the "
        "circle off the star."
    ),
    contrast="The star at (83, 53) of the array is drawn at (83, 53).",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture((position[0] + 1, position[1] + 1), radius).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "marker",
    "A marker is drawn instead of a circle of the aperture's radius",
    idea=(
        "The size of a marker is in points of the page, not in pixels of the image: it shows where, "
        "and not how large."
    ),
    contrast="A marker keeps its size when you zoom in; an aperture does not.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    ax.plot(*position, "o", ms=radius, mfc="none")
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")


@exercise.misconception(
    "no-image",
    "The circle is drawn without the image",
    idea=(
        "An aperture in empty axes does not tell whether it sits on the star. Both belong in the same axes."
    ),
    contrast="ax.imshow(...) first, then aperture.plot(ax=ax) with the same ax.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    CircularAperture(position, radius).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)", xlim=(0, image.shape[1]), ylim=(0, image.shape[0]))


@exercise.misconception(
    "no-labels",
    "The axes have no labels",
    idea=(
        "A plot without labels can be read by its maker only, and not for long. Say what the axes "
        "are, and in which unit."
    ),
    contrast="ax.set_xlabel('x (pixel)')",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture(position, radius).plot(ax=ax)


@exercise.misconception(
    "no-unit",
    "The labels give no unit",
    idea="x and y may be pixels, arcseconds or millimetres. The unit belongs on the axis.",
    contrast="'x' leaves it open; 'x (pixel)' does not.",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture(position, radius).plot(ax=ax)
    ax.set(xlabel="x", ylabel="y")


@exercise.misconception(
    "labels-exchanged",
    "The labels are on the wrong axes",
    idea=(
        "x runs to the right and counts columns, y runs upwards and counts rows, although the "
        "array's index names the row first."
    ),
    contrast="image[y, x] is drawn at (x, y).",
)
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    _, ax = plt.subplots()
    ax.imshow(image, origin="lower")
    CircularAperture(position, radius).plot(ax=ax)
    ax.set(xlabel="y (pixel)", ylabel="x (pixel)")
