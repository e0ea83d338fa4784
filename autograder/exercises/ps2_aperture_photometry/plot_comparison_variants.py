"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: loglog
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    plt.figure()
    plt.loglog(catalog_flux, measured_flux, "k.")
    plt.xlabel("Catalog flux [mJy]")
    plt.ylabel("Aperture flux [mJy]")
    plt.show()

# %% variant: scatter and a one-to-one line
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.scatter(catalog_flux, measured_flux, s=8, alpha=0.7, label="sources")
    ax.axline((1, 1), (10, 10), color="grey", label="equal")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"$F_\mathrm{catalogue}$ / mJy")
    ax.set_ylabel(r"$F_\mathrm{aperture}$ / mJy")
    ax.legend()
    return fig

# %% variant: logarithms on linear axes
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    good = measured_flux > 0
    _, ax = plt.subplots()
    ax.plot(np.log10(catalog_flux[good]), np.log10(measured_flux[good]), "x")
    ax.set(xlabel="log10(catalogue flux / mJy)", ylabel="log10(measured flux / mJy)")
    return ax

# %% variant: error bars without a line
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(5, 5))
    ax.errorbar(catalog_flux, measured_flux, yerr=0.05 * np.abs(measured_flux), fmt="s", ms=3)
    ax.plot([0.5, 300], [0.5, 300])
    ax.set(xscale="log", yscale="log", title="4.5 micron")
    ax.set_xlabel("published flux in mJy")
    ax.set_ylabel("my flux in mJy")

# %% variant: point by point
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    ax = plt.gca()
    for x, y in zip(catalog_flux, measured_flux):
        ax.plot(x, y, marker="o", color="C0")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("GLIMPSE 4.5 µm [mJy]")
    ax.set_ylabel("This work [mJy]")
    return ax

# %% variant: two panels with the ratio
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    fig, (top, bottom) = plt.subplots(2, 1, sharex=True)
    top.loglog(catalog_flux, measured_flux, "o")
    top.set(xlabel="catalogue flux (mJy)", ylabel="measured flux (mJy)")
    bottom.semilogx(catalog_flux, measured_flux / catalog_flux, "o")
    bottom.set(xlabel="catalogue flux (mJy)", ylabel="ratio")
    return fig

# %% variant: sorted together, published
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    from photcourse import display

    order = np.argsort(catalog_flux)
    good = order[np.isfinite(measured_flux[order]) & (measured_flux[order] > 0)]
    fig, ax = plt.subplots()
    ax.scatter(catalog_flux[good], measured_flux[good], marker="+")
    ax.set(xscale="log", yscale="log", xlabel="reference flux [mJy]", ylabel="aperture photometry [mJy]")
    print(len(good), "sources")
    display.publish(fig, alt="Measured against catalogue fluxes, close to the line of equality.")

# %% variant: helper in another cell, with a warning
import warnings

import matplotlib.pyplot as plt

def log_axes(xlabel, ylabel):
    warnings.warn("making axes")
    fig, ax = plt.subplots()
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    return ax
# %%
def plot_comparison(catalog_flux, measured_flux):
    ax = log_axes("Catalogue (mJy)", "Measured (mJy)")
    ax.plot(catalog_flux, measured_flux, ls="", marker="D", mfc="none")
    return ax
