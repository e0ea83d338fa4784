"""Plot of a growth curve, normalised by its last value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photgrader.exercise import Case, Exercise

from ._scenes import curve

exercise = Exercise(
    "plot_growth_curve",
    params=("radii", "fluxes"),
    title="Growth-curve plot",
    # 2e-3 of the range is less than the width of the line drawn.
    compare=FigureShows(
        extra=1,
        joined="line",
        x_words=("radius", "radii", "r", "distance", "aperture"),
        x_units=("pixel", "px", "pix"),
        y_words=("flux", "encircled", "enclosed", "energy", "light", "fraction", "share", "growth", "counts"),
        x_scale="linear",
        y_scale="linear",
        noun="growth curve",
    ),
    picture="figure",
    figure=True,
)


@exercise.reference
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, np.asarray(fluxes) / fluxes[-1], "o-")
    ax.set(xlabel="radius (pixel)", ylabel="flux / last flux")
    return ax


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case(
        "five radii",
        (np.array([2.0, 4.0, 7.0, 10.0, 14.0]), np.array([150.0, 380.0, 620.0, 900.0, 1000.0])),
        tests="a curve that you can read off by eye",
    )


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    radii = np.arange(1.5, 32.0, 1.5)
    yield Case("a fresh curve", (radii, curve(radii, float(rng.uniform(4, 7)))), tests="another star")
    radii = np.arange(3.0, 60.0, 2.0)
    yield Case(
        "a curve that falls at the end",
        (radii, curve(radii, float(rng.uniform(7, 10)), drop=0.25)),
        tests="a curve whose last value is not its largest",
    )


@exercise.variant("plain plot and labels")
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    plt.figure()
    plt.plot(radii, fluxes / fluxes[-1])
    plt.xlabel("Radius [pix]")
    plt.ylabel("Encircled energy")
    plt.show()


@exercise.variant("starts at zero, grid, half marked")
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5, 4))
    ax.plot([0, *radii], [0, *(fluxes / fluxes[-1])], "k.-", label="star")
    ax.axhline(0.5, ls=":")
    ax.grid()
    ax.legend()
    ax.set_xlabel("aperture radius $r$ (pixels)")
    ax.set_ylabel("$F(r)$ / total flux")
    return fig


@exercise.variant("two panels")
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2)
    left.plot(radii, fluxes, "s-")
    left.set(xlabel="radius [px]", ylabel="flux [counts]")
    right.plot(radii, fluxes / fluxes[-1], color="tab:orange")
    right.set(xlabel="radius [px]", ylabel="fraction of the light")
    return left, right


@exercise.variant("object-oriented, without pyplot state")
def plot_growth_curve(radii, fluxes):
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    ax.plot(np.array(radii), np.array(fluxes) / np.array(fluxes)[-1])
    ax.set_xlabel("r / pixel")
    ax.set_ylabel("enclosed flux, normalised")
    return ax


@exercise.variant("pandas")
def plot_growth_curve(radii, fluxes):
    import pandas as pd

    frame = pd.DataFrame({"radius": radii, "share": fluxes / fluxes[-1]})
    ax = frame.plot(x="radius", y="share", legend=False)
    ax.set_xlabel("radius in pixels")
    ax.set_ylabel("share of the last flux")
    print(frame.tail(1))
    return ax


@exercise.variant("error bars joined by a line")
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    fig = plt.figure()
    ax = fig.add_axes([0.15, 0.15, 0.8, 0.8])
    ax.errorbar(radii, fluxes / fluxes[-1], yerr=np.sqrt(np.abs(fluxes)) / fluxes[-1], fmt="o-", capsize=2)
    fig.supxlabel("Radius (pixels)")
    fig.supylabel("Encircled fraction")


@exercise.variant("line and points separately, published")
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    from photcourse import display

    with display.style():
        fig, ax = plt.subplots()
    share = [flux / fluxes[-1] for flux in fluxes]
    ax.plot(radii, share, lw=1)
    ax.scatter(radii, share)
    ax.set(xlabel="radius [pixel]", ylabel="light inside the radius", title="Growth curve", ylim=(0, 1.1))
    display.publish(fig, alt="A growth curve that rises and levels off at 1.")


exercise.variant_source(
    "a helper in another cell, with a warning",
    """
    import warnings

    import matplotlib.pyplot as plt

    def label(ax):
        warnings.warn("labelling")
        ax.set_xlabel("RADIUS [PIXEL]")
        ax.set_ylabel("Relative flux")
        return ax
    # %%
    def plot_growth_curve(radii, fluxes):
        label(plt.gca()).plot(radii, fluxes / fluxes[-1], drawstyle="default")
        return plt.gcf()
    """,
)


@exercise.misconception(
    "not-normalised",
    "The fluxes are shown as they are",
    idea=(
        "The plot asked for shows which share of the light lies inside each radius: divide by the "
        "last flux, so that it ends at 1."
    ),
    contrast="Fluxes 150, 620, 1000 become 0.15, 0.62, 1.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, fluxes)
    ax.set(xlabel="radius (pixel)", ylabel="flux")


@exercise.misconception(
    "by-the-maximum",
    "The fluxes are divided by the largest instead of the last",
    idea=(
        "Where too high a sky was taken off, the curve falls again and its largest value is not its "
        "last. The contract normalises by the last."
    ),
    contrast="Of 40, 90, 100, 80 the last is 80: the shares are 0.5, 1.125, 1.25, 1.",
    fails=("a curve that falls*",),
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, fluxes / np.max(fluxes))
    ax.set(xlabel="radius (pixel)", ylabel="share of the light")


@exercise.misconception(
    "percent",
    "The shares are shown in per cent",
    idea="A share of the light runs from 0 to 1. In per cent the same curve is a hundred times higher.",
    contrast="Half of the light is 0.5, or 50 per cent.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, 100 * fluxes / fluxes[-1])
    ax.set(xlabel="radius (pixel)", ylabel="share of the light (%)")


@exercise.misconception(
    "exchanged",
    "Radius and flux are on each other's axes",
    idea="What is chosen, the radius, belongs on the x axis; what is measured, the flux, on the y axis.",
    contrast="ax.plot(x, y): the first argument runs along the x axis.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(fluxes / fluxes[-1], radii)
    ax.set(xlabel="radius (pixel)", ylabel="share of the light")


@exercise.misconception(
    "without-radii",
    "The curve is drawn over the number of the sample, not over the radius",
    idea=(
        "plot with one array uses its index for x. The radii are given and need not start at 0 or go "
        "in steps of 1."
    ),
    contrast="ax.plot(y) draws at x = 0, 1, 2, ...; ax.plot(x, y) at your x.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(fluxes / fluxes[-1])
    ax.set(xlabel="radius (pixel)", ylabel="share of the light")


@exercise.misconception(
    "rings",
    "The light of each ring is shown instead of that of each disc",
    idea=(
        "A growth curve shows all the light inside a radius. The differences between neighbouring "
        "radii are the profile, another plot."
    ),
    contrast="Rings 10, 6, 2 make the growth curve 10, 16, 18.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, np.diff(fluxes, prepend=0.0) / fluxes[-1])
    ax.set(xlabel="radius (pixel)", ylabel="share of the light")


@exercise.misconception(
    "no-line",
    "The points are not joined",
    idea=(
        "A growth curve is a function of the radius: a line that joins the samples lets the eye follow it."
    ),
    contrast="ax.plot(x, y, 'o') draws points only; 'o-' joins them.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.scatter(radii, fluxes / fluxes[-1])
    ax.set(xlabel="radius (pixel)", ylabel="share of the light")


@exercise.misconception(
    "no-labels",
    "The axes have no labels",
    idea=(
        "A plot without labels can be read by its maker only, and not for long. Say what is shown, "
        "and in which unit."
    ),
    contrast="ax.set_xlabel('time (s)')",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, fluxes / fluxes[-1])
    ax.set_title("Growth curve")


@exercise.misconception(
    "no-unit",
    "The radius has no unit",
    idea="A radius of 10 may be pixels, arcseconds or light years. The unit belongs on the axis.",
    contrast="'radius' leaves it open; 'radius (pixel)' does not.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, fluxes / fluxes[-1])
    ax.set(xlabel="radius", ylabel="share of the light")


@exercise.misconception(
    "labels-exchanged",
    "The labels are on the wrong axes",
    idea="The label has to name what its own axis shows.",
    contrast="ax.set_xlabel names what the first argument of plot holds.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(radii, fluxes / fluxes[-1])
    ax.set(xlabel="share of the light", ylabel="pixels")


@exercise.misconception(
    "logarithmic",
    "The axes are logarithmic",
    idea=(
        "On logarithmic axes a growth curve is nearly a straight line, and half of the light is not "
        "halfway up. The contract asks for linear axes."
    ),
    contrast="On a linear axis 0.5 is in the middle between 0 and 1.",
)
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.loglog(radii, fluxes / fluxes[-1])
    ax.set(xlabel="radius (pixel)", ylabel="share of the light")


@exercise.misconception(
    "nothing-drawn",
    "The numbers are returned and nothing is drawn",
    idea=(
        "The exercise asks for a figure. The function has to draw it; returning its axes is welcome "
        "and not required."
    ),
    contrast="return radii, shares   # numbers\nax.plot(radii, shares)  # a picture",
    raises="type",
)
def plot_growth_curve(radii, fluxes):
    return radii, fluxes / fluxes[-1]


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("ax.plot(radii, fluxes / fluxes[-1], 'o-')", "the fluxes are an array already"),
]
