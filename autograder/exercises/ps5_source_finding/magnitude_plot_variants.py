"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: as most people write it
import matplotlib.pyplot as plt

def magnitude_plot(mag, mag_error):
    fig, ax = plt.subplots()
    x, y = np.asarray(mag), np.asarray(mag_error)
    ax.plot(x, y, "o")
    ax.set_yscale("log")
    ax.set_xlabel("magnitude (mag)")
    ax.set_ylabel("error (mag)")
    return ax

# %% variant: the plain functions of pyplot
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt

    plt.figure(figsize=(6, 4))
    plt.scatter(mag, mag_error, s=9, c="tab:blue")
    plt.yscale("log")
    plt.xlabel("mag")
    plt.ylabel("uncertainty [mag]")
    plt.grid(True)

# %% variant: semilogy, bright stars on the left
def magnitude_plot(mag, mag_error):
    from matplotlib import pyplot

    figure = pyplot.figure()
    axes = figure.add_subplot(111)
    axes.semilogy(mag, mag_error, linestyle="none", marker=".")
    axes.set(xlabel=r"$m$ / mag", ylabel=r"$\sigma_m$ / mag", title="Errors")
    return figure

# %% variant: axes turned round, stars without magnitudes left out
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

# %% variant: one star at a time
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt

    for m, e in zip(mag, mag_error):
        plt.plot(m, e, "o", color="tab:orange")
    plt.gca().set_yscale("log")
    plt.xlabel("instrumental magnitude [mag]")
    plt.ylabel("mag_err [mag]")
    plt.show()

# %% variant: the logarithm plotted
def magnitude_plot(mag, mag_error):
    import warnings

    import matplotlib.pyplot as plt

    warnings.warn("drawing", stacklevel=2)
    fig, ax = plt.subplots()
    ax.plot(mag, np.log10(mag_error), "s")
    ax.set_xlabel("magnitude (mag)")
    ax.set_ylabel("log10 of the error (mag)")
    return ax

# %% variant: a helper in another cell, a lambda
import matplotlib.pyplot as plt

def labelled(ax):
    ax.set_xlabel("brightness / mag")
    ax.set_ylabel("1-sigma error / mag")
    ax.set_yscale("log")
    return ax
# %%
magnitude_plot = lambda mag, mag_error: labelled(plt.figure().gca().scatter(mag, mag_error, marker="x").axes)

# %% variant: error bars of no length, a frame of pandas, type hints
def magnitude_plot(mag: np.ndarray, mag_error: np.ndarray):
    import matplotlib.pyplot as plt
    import pandas as pd

    stars = pd.DataFrame({"m": mag, "err": mag_error}).dropna()
    fig, ax = plt.subplots(figsize=(7, 3))
    ax.errorbar(stars["m"], stars["err"], fmt="D", ms=3)
    ax.set(xlabel="m [mag]", ylabel="err [mag]", yscale="log")
    return fig

# %% variant: functools.partial of an object with __call__
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
