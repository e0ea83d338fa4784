"""Plot: the error of each star's magnitude against its magnitude."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "magnitude_plot",
    params=("mag", "mag_error"),
    title="Plot of errors against magnitudes",
    # Numbers are drawn as they are; the words are those that people use.
    compare=FigureShows(
        series=1, joined="points", y_scale="log", noun="stars",
        x_words=("magnitude", "mag", "m", "brightness"), x_units=("mag",),
        y_words=("error", "err", "uncertainty", "uncertainties", "sigma", "sigmam", "σ", "magerr", "magerror", "noise"),
        y_units=("mag",)),
    picture="figure",
    figure=True,
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
    mag = np.array([14.1, 15.8, 16.2, 17.9, 18.4, 19.6, 20.3])
    yield Case("seven stars", (mag, np.array([0.004, 0.009, 0.011, 0.03, 0.042, 0.11, 0.21])), tests="a short list")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    mag = rng.uniform(13, 21, 40)
    error = 0.003 + 0.0011 * 10 ** (0.3 * (mag - 13)) * rng.uniform(0.9, 1.1, 40)
    mag[[4, 17]] = error[[4, 17]] = np.nan
    yield Case("a field", (mag, error), points=2, tests="a field in which some stars have no magnitude (NaN)")


# ------------------------------------------------------------------------------------------------ variants
@exercise.variant("the plain functions of pyplot")
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt

    plt.figure(figsize=(6, 4))
    plt.scatter(mag, mag_error, s=9, c="tab:blue")
    plt.yscale("log")
    plt.xlabel("mag")
    plt.ylabel("uncertainty [mag]")
    plt.grid(True)


@exercise.variant("semilogy, bright stars on the left")
def magnitude_plot(mag, mag_error):
    from matplotlib import pyplot

    figure = pyplot.figure()
    axes = figure.add_subplot(111)
    axes.semilogy(mag, mag_error, linestyle="none", marker=".")
    axes.set(xlabel=r"$m$ / mag", ylabel=r"$\sigma_m$ / mag", title="Errors")
    return figure


@exercise.variant("axes turned round, stars without magnitudes left out")
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt

    seen = np.isfinite(mag) & np.isfinite(mag_error)
    fig, ax = plt.subplots(layout="constrained")
    ax.loglog(np.asarray(mag)[seen], np.asarray(mag_error)[seen], "k+")
    ax.set_xscale("linear")
    ax.invert_xaxis()
    ax.set_xlabel("Magnitude (mag)")
    ax.set_ylabel("Magnitude error (mag)")
    print("stars:", seen.sum())
    return fig, ax


@exercise.variant("one star at a time")
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt

    for m, e in zip(mag, mag_error):
        plt.plot(m, e, "o", color="tab:orange")
    plt.gca().set_yscale("log")
    plt.xlabel("instrumental magnitude [mag]")
    plt.ylabel("mag_err [mag]")
    plt.show()


@exercise.variant("the logarithm plotted")
def magnitude_plot(mag, mag_error):
    import warnings

    import matplotlib.pyplot as plt

    warnings.warn("drawing", stacklevel=2)
    fig, ax = plt.subplots()
    ax.plot(mag, np.log10(mag_error), "s")
    ax.set_xlabel("magnitude (mag)")
    ax.set_ylabel("log10 of the error (mag)")
    return ax


exercise.variant_source("a helper in another cell, a lambda", """
    import matplotlib.pyplot as plt

    def labelled(ax):
        ax.set_xlabel("brightness / mag")
        ax.set_ylabel("1-sigma error / mag")
        ax.set_yscale("log")
        return ax
    # %%
    magnitude_plot = lambda mag, mag_error: labelled(plt.figure().gca().scatter(mag, mag_error, marker="x").axes)
    """)


@exercise.variant("error bars of no length, a frame of pandas, type hints")
def magnitude_plot(mag: np.ndarray, mag_error: np.ndarray):
    import matplotlib.pyplot as plt
    import pandas as pd

    stars = pd.DataFrame({"m": mag, "err": mag_error}).dropna()
    fig, ax = plt.subplots(figsize=(7, 3))
    ax.errorbar(stars["m"], stars["err"], fmt="D", ms=3)
    ax.set(xlabel="m [mag]", ylabel="err [mag]", yscale="log")
    return fig


exercise.variant_source("functools.partial of an object with __call__", """
    from functools import partial

    from matplotlib import pyplot as plt

    class Scatter:
        def __init__(self, scale):
            self.scale = scale

        def __call__(self, mag, mag_error, unit):
            plt.figure()
            plt.plot(list(mag), list(mag_error), linestyle="", marker="^", mfc="none")
            plt.yscale(self.scale)
            plt.xlabel(f"magnitude [{unit}]")
            plt.ylabel(f"uncertainty of the magnitude [{unit}]")
            return plt.gca()
    # %%
    magnitude_plot = partial(Scatter("log"), unit="mag")
    """)

# ------------------------------------------------------------------------------------ misconceptions
_RIGHT = """
import matplotlib.pyplot as plt

def magnitude_plot(mag, mag_error):
    fig, ax = plt.subplots()
    x, y = np.asarray(mag), np.asarray(mag_error)
    ax.plot(x, y, "o")
    ax.set_yscale("log")
    ax.set_xlabel("magnitude (mag)")
    ax.set_ylabel("error (mag)")
    return ax
"""


def _changed(old: str, new: str) -> str:
    if old not in _RIGHT:
        raise ValueError(f"{old!r} is not in the code")
    return _RIGHT.replace(old, new)


exercise.misconception_source(
    "axes-exchanged", "The axes are exchanged", _changed("ax.plot(x, y,", "ax.plot(y, x,"),
    idea="What is looked up (the magnitude) goes on x, what is read off (its error) on y.",
    contrast="plot(mag, mag_error), not plot(mag_error, mag).")

exercise.misconception_source(
    "linear", "The errors are on a linear axis", _changed('ax.set_yscale("log")', 'ax.set_yscale("linear")'),
    idea="The errors run over two powers of ten. On a linear axis all but the faintest stars lie on the "
         "bottom line.",
    contrast="0.004 and 0.02 differ by a factor of five; beside 0.2 a linear axis shows them as the same.")

exercise.misconception_source(
    "joined", "The stars are joined by a line", _changed('ax.plot(x, y, "o")', "ax.plot(x, y)"),
    idea="A line says that there is something between two points. Stars are separate, and their order in "
         "the table means nothing.",
    contrast='ax.plot(x, y, "o") draws points only.')

exercise.misconception_source(
    "no-labels", "The axes have no labels",
    _changed('    ax.set_xlabel("magnitude (mag)")\n    ax.set_ylabel("error (mag)")\n', ""),
    idea="A reader cannot know what is drawn. Each axis says what it shows and in which unit.",
    contrast="'magnitude (mag)' below, 'error of the magnitude (mag)' at the side.")

exercise.misconception_source(
    "no-units", "The labels have no unit",
    _changed('"magnitude (mag)")\n    ax.set_ylabel("error (mag)")', '"magnitude")\n    ax.set_ylabel("error")'),
    idea="An error may be in magnitudes or in per cent: the label says which.", contrast="'error (mag)', not 'error'.")

exercise.misconception_source(
    "sorted-apart", "Both lists are sorted, each for itself",
    _changed("x, y = np.asarray(mag), np.asarray(mag_error)", "x, y = np.sort(mag), "
                                                              "np.sort(mag_error)[::-1]"),
    idea="Sorting the magnitudes and the errors separately pairs the magnitude of one star with the error "
         "of another.",
    contrast="order = np.argsort(mag); mag[order], mag_error[order] keeps the pairs together.")

exercise.misconception_source(
    "signal-to-noise", "The inverse of the error is drawn",
    _changed("ax.plot(x, y,", "ax.plot(x, 1.0857 / y,"),
    idea="1.0857 divided by the error is the signal-to-noise ratio. The label says error, and an error is "
         "asked.",
    contrast="An error of 0.11 mag is a signal-to-noise ratio of 10.")

exercise.misconception_source(
    "none-as-zero", "NaN is drawn as zero",
    _changed("x, y = np.asarray(mag), np.asarray(mag_error)", "x, y = np.nan_to_num(mag), "
                                                              "np.nan_to_num(mag_error, nan=1e-3)"),
    idea="A star without a magnitude has no place in the plot. At magnitude 0 it would be the brightest of "
         "all.",
    contrast="matplotlib leaves NaN points out by itself.", fails=("a field",))

exercise.misconception_source(
    "log-twice", "The logarithm is taken twice",
    _changed("ax.plot(x, y,", "ax.plot(x, np.log10(y),"),
    idea="The axis is logarithmic already. The logarithm of an error below 1 is negative, and a logarithmic axis has no "
         "place for it: nothing is seen.",
    contrast="Either plot(mag, mag_error) on a logarithmic axis, or plot(mag, log10(mag_error)) on a linear one.")

exercise.misconception_source(
    "flux-on-x", "Fluxes are drawn where magnitudes are asked",
    _changed("x, y = np.asarray(mag), np.asarray(mag_error)", "x, y = 10 ** (-0.4 * np.asarray(mag)), np.asarray(mag_error)"),
    idea="10^(-0.4 m) is the flux. On a linear axis all but the brightest star lie at its left end; the magnitude "
         "is a logarithm already and spreads them out.",
    contrast="m = 14 and m = 19 are 5 magnitudes apart, and a factor of 100 in flux.")
