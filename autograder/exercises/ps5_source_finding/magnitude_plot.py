"""Plot: the error of each star's magnitude against its magnitude."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Plot of errors against magnitudes",
    # Numbers are drawn as they are; the words are those that people use.
    compare=FigureShows(
        series=1, joined="points", y_scale="log", noun="stars",
        x_words=("magnitude", "mag", "m", "brightness"), x_units=("mag",),
        y_words=("error", "err", "uncertainty", "uncertainties", "sigma", "sigmam", "σ", "magerr", "magerror", "noise"),
        y_units=("mag",)),
    picture="figure",
    figure=True,
    shown=("a field",),
)


@exercise.reference
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.plot(mag, mag_error, "o", markersize=3)
    ax.set_yscale("log")
    ax.set_xlabel("instrumental magnitude (mag)")
    ax.set_ylabel("error of the magnitude (mag)")
    return ax


@exercise.provided
def provided() -> Iterator[Case]:
    # In no order, and not every fainter star has the larger error: two sorted lists show other pairs.
    mag = np.array([16.2, 19.6, 14.1, 18.4, 20.3, 15.8, 17.9])
    yield Case("seven stars", mag, np.array([0.009, 0.21, 0.004, 0.03, 0.11, 0.011, 0.042]), tests="a short list")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    mag = rng.uniform(13, 21, 40)
    error = 0.003 + 0.0011 * 10 ** (0.3 * (mag - 13)) * rng.uniform(0.9, 1.1, 40)
    mag[[4, 17]] = error[[4, 17]] = np.nan
    yield Case("a field", mag, error, points=2, tests="a field in which some stars have no magnitude (NaN)")


exercise.mistake(
    "axes-exchanged", "The axes are exchanged", edit={"plot(x, y,": "plot(y, x,"}, of="as most people write it",
    idea="What is looked up (the magnitude) goes on x, what is read off (its error) on y.",
    contrast="plot(mag, mag_error), not plot(mag_error, mag).")
exercise.mistake(
    "linear", "The errors are on a linear axis", edit={"log": "linear"}, of="as most people write it",
    idea="The errors run over two powers of ten. On a linear axis all but the faintest stars lie on the bottom line.",
    contrast="0.004 and 0.02 differ by a factor of five; beside 0.2 a linear axis shows them as the same.")
exercise.mistake(
    "joined", "The stars are joined by a line", edit={', "o"': ""}, of="as most people write it",
    idea="A line says that there is something between two points. Stars are separate, and their order in the table "
         "means nothing.",
    contrast='ax.plot(x, y, "o") draws points only.')
exercise.mistake(
    "no-labels", "The axes have no labels",
    edit={'ax.set_xlabel("magnitude (mag)")\n    ax.set_ylabel("error (mag)")': ""}, of="as most people write it",
    idea="A reader cannot know what is drawn. Each axis says what it shows and in which unit.",
    contrast="'magnitude (mag)' below, 'error of the magnitude (mag)' at the side.")
exercise.mistake(
    "no-units", "The labels do not give the units of what is drawn",
    edit={"magnitude (mag)": "magnitude", "error (mag)": "error"}, of="as most people write it",
    idea="An error may be in magnitudes or in per cent: the label says which.", contrast="'error (mag)', not 'error'.")
exercise.mistake(
    "sorted-apart", "Both lists are sorted, each for itself",
    edit={"np.asarray(mag), np.asarray(mag_error)": "np.sort(mag), np.sort(mag_error)[::-1]"},
    of="as most people write it",
    idea="Sorting the magnitudes and the errors separately pairs the magnitude of one star with the error of another.",
    contrast="order = np.argsort(mag); mag[order], mag_error[order] keeps the pairs together.")
exercise.mistake(
    "signal-to-noise", "The inverse of the error is drawn", edit={"plot(x, y,": "plot(x, 1.0857 / y,"},
    of="as most people write it",
    idea="1.0857 divided by the error is the signal-to-noise ratio. The label says error, and an error is asked.",
    contrast="An error of 0.11 mag is a signal-to-noise ratio of 10.")
exercise.mistake(
    "none-as-zero", "NaN is drawn as zero",
    edit={"np.asarray(mag), np.asarray(mag_error)": "np.nan_to_num(mag), np.nan_to_num(mag_error, nan=1e-3)"},
    of="as most people write it", fails=("a field",),
    idea="A star without a magnitude has no place in the plot. At magnitude 0 it would be the brightest of all.",
    contrast="matplotlib leaves NaN points out by itself.")
exercise.mistake(
    "log-twice", "The logarithm is taken twice", edit={"plot(x, y,": "plot(x, np.log10(y),"},
    of="as most people write it",
    idea="The axis is logarithmic already. The logarithm of an error below 1 is negative, and a logarithmic axis has "
         "no place for it: nothing is seen.",
    contrast="Either plot(mag, mag_error) on a logarithmic axis, or plot(mag, log10(mag_error)) on a linear one.")
exercise.mistake(
    "flux-on-x", "Fluxes are drawn where magnitudes are asked",
    edit={"np.asarray(mag),": "10 ** (-0.4 * np.asarray(mag)),"}, of="as most people write it",
    idea="10^(-0.4 m) is the flux. On a linear axis all but the brightest star lie at its left end; the magnitude is "
         "a logarithm already and spreads them out.",
    contrast="m = 14 and m = 19 are 5 magnitudes apart, and a factor of 100 in flux.")
exercise.mistake(
    "natural-log", "The natural logarithm is plotted",
    edit={"plot(x, y,": "plot(x, np.log(y),", 'ax.set_yscale("log")': ""}, of="as most people write it",
    idea="Decades are read off a logarithm to base 10. np.log is the natural one, 2.3 times as large.",
    contrast="np.log10(0.01) = -2, np.log(0.01) = -4.6.")
