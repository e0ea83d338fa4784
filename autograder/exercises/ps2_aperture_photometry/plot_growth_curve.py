"""Plot of a growth curve, normalised by its last value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photgrader.exercise import Case, Exercise

from ._scenes import curve

exercise = Exercise(
    "Growth-curve plot",
    # 2e-3 of the range is less than the width of the line drawn.
    compare=FigureShows(
        extra=1, joined="line", x_scale="linear", y_scale="linear", noun="growth curve",
        x_words=("radius", "radii", "r", "distance", "aperture"), x_units=("pixel", "px", "pix"),
        y_words=("flux", "encircled", "enclosed", "energy", "light", "fraction", "share", "growth", "counts", "F", "EE")),
    picture="figure",
    figure=True,
    shown=("a curve that falls at the end",),
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
    yield Case("five radii", np.array([2.0, 4.0, 7.0, 10.0, 14.0]), np.array([150.0, 380.0, 620.0, 900.0, 1000.0]),
               tests="a curve that you can read off by eye")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    radii = np.arange(1.5, 32.0, 1.5)
    yield Case("a fresh curve", radii, curve(radii, float(rng.uniform(4, 7))), tests="another star")
    radii = np.arange(3.0, 60.0, 2.0)
    yield Case("a curve that falls at the end", radii, curve(radii, float(rng.uniform(7, 10)), drop=0.25),
               tests="a curve whose last value is not its largest")


exercise.mistake(
    "not-normalised", "The fluxes are shown as they are", edit={"np.asarray(fluxes) / fluxes[-1]": "fluxes"},
    idea="The plot asked for shows which share of the light lies inside each radius: divide by the last flux, so that "
         "it ends at 1.",
    contrast="Fluxes 150, 620, 1000 become 0.15, 0.62, 1.")
exercise.mistake(
    "by-the-maximum", "The fluxes are divided by the largest instead of the last",
    edit={"np.asarray(fluxes) / fluxes[-1]": "np.asarray(fluxes) / np.max(fluxes)"}, fails=("a curve that falls*",),
    idea="Where too high a sky was taken off, the curve falls again and its largest value is not its last. The "
         "contract normalises by the last.",
    contrast="Of 40, 90, 100, 80 the last is 80: the shares are 0.5, 1.125, 1.25, 1.")
exercise.mistake(
    "percent", "The shares are shown in per cent", edit={"np.asarray(fluxes)": "100 * np.asarray(fluxes)"},
    idea="A share of the light runs from 0 to 1. In per cent the same curve is a hundred times higher.",
    contrast="Half of the light is 0.5, or 50 per cent.")
exercise.mistake(
    "exchanged", "Radius and flux are on each other's axes",
    edit={"radii, np.asarray(fluxes) / fluxes[-1]": "np.asarray(fluxes) / fluxes[-1], radii"},
    idea="What is chosen, the radius, belongs on the x axis; what is measured, the flux, on the y axis.",
    contrast="ax.plot(x, y): the first argument runs along the x axis.")
exercise.mistake(
    "without-radii", "The curve is drawn over the number of the sample, not over the radius",
    edit={"radii, np.asarray(fluxes) / fluxes[-1]": "np.asarray(fluxes) / fluxes[-1]"},
    idea="plot with one array uses its index for x. The radii are given and need not start at 0 or go in steps of 1.",
    contrast="ax.plot(y) draws at x = 0, 1, 2, ...; ax.plot(x, y) at your x.")
exercise.mistake(
    "rings", "The light of each ring is shown instead of that of each disc",
    edit={"np.asarray(fluxes)": "np.diff(fluxes, prepend=0.0)"},
    idea="A growth curve shows all the light inside a radius. The differences between neighbouring radii are the "
         "profile, another plot.",
    contrast="Rings 10, 6, 2 make the growth curve 10, 16, 18.")
exercise.mistake(
    "no-line", "The points are not joined", edit={'"o-"': '"o"'},
    idea="A growth curve is a function of the radius: a line that joins the samples lets the eye follow it.",
    contrast="ax.plot(x, y, 'o') draws points only; 'o-' joins them.")
exercise.mistake(
    "no-labels", "The axes have no labels",
    edit={'    ax.set(xlabel="radius (pixel)", ylabel="flux / last flux")\n': ""},
    idea="A plot without labels can be read by its maker only, and not for long. Say what is shown, and in which unit.",
    contrast="ax.set_xlabel('time (s)')")
exercise.mistake(
    "no-unit", "The label does not give the unit of the radius", edit={" (pixel)": ""},
    idea="A radius of 10 may be pixels, arcseconds or light years. The unit that it has belongs on the axis.",
    contrast="'radius' leaves it open; 'radius (pixel)' does not.")
exercise.mistake(
    "labels-exchanged", "The labels are on the wrong axes",
    edit={'"radius (pixel)"': '"flux / last flux"', '"flux / last flux"': '"radius (pixel)"'},
    idea="The label has to name what its own axis shows.",
    contrast="ax.set_xlabel names what the first argument of plot holds.")
exercise.mistake(
    "logarithmic", "The axes are logarithmic", edit={"ax.plot": "ax.loglog"},
    idea="On logarithmic axes a growth curve is nearly a straight line, and half of the light is not halfway up. The "
         "contract asks for linear axes.",
    contrast="On a linear axis 0.5 is in the middle between 0 and 1.")


@exercise.mistake(
    "nothing-drawn", "The numbers are returned and nothing is drawn", raises="type",
    idea="The exercise asks for a figure. The function has to draw it; returning its axes is welcome and not required.",
    contrast="return radii, shares   # numbers\nax.plot(radii, shares)  # a picture")
def plot_growth_curve(radii, fluxes):
    return radii, fluxes / fluxes[-1]


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("ax.plot(radii, fluxes / fluxes[-1], 'o-')", "the fluxes are an array already"),
]
