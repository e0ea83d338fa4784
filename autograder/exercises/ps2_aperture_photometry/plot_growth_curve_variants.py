"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: plain plot and labels
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    plt.figure()
    plt.plot(radii, fluxes / fluxes[-1])
    plt.xlabel("Radius [pix]")
    plt.ylabel("Encircled energy")
    plt.show()

# %% variant: starts at zero, grid, half marked
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

# %% variant: two panels
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2)
    left.plot(radii, fluxes, "s-")
    left.set(xlabel="radius [px]", ylabel="flux [counts]")
    right.plot(radii, fluxes / fluxes[-1], color="tab:orange")
    right.set(xlabel="radius [px]", ylabel="fraction of the light")
    return left, right

# %% variant: object-oriented, without pyplot state
def plot_growth_curve(radii, fluxes):
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    ax.plot(np.array(radii), np.array(fluxes) / np.array(fluxes)[-1])
    ax.set_xlabel("r / pixel")
    ax.set_ylabel("enclosed flux, normalised")
    return ax

# %% variant: pandas
def plot_growth_curve(radii, fluxes):
    import pandas as pd

    frame = pd.DataFrame({"radius": radii, "share": fluxes / fluxes[-1]})
    ax = frame.plot(x="radius", y="share", legend=False)
    ax.set_xlabel("radius in pixels")
    ax.set_ylabel("share of the last flux")
    print(frame.tail(1))
    return ax

# %% variant: error bars joined by a line
def plot_growth_curve(radii, fluxes):
    import matplotlib.pyplot as plt

    fig = plt.figure()
    ax = fig.add_axes([0.15, 0.15, 0.8, 0.8])
    ax.errorbar(radii, fluxes / fluxes[-1], yerr=np.sqrt(np.abs(fluxes)) / fluxes[-1], fmt="o-", capsize=2)
    fig.supxlabel("Radius (pixels)")
    fig.supylabel("Encircled fraction")

# %% variant: line and points separately, published
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

# %% variant: a helper in another cell, with a warning
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
