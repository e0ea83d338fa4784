"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: the course's display
def plot_aperture(image, position, radius):
    from photcourse import display

    ax = display.show(image, unit="counts")
    display.mark(ax, position, radius=radius)
    return ax

# %% variant: logarithmic stretch
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

# %% variant: a patch on a stretched image
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

# %% variant: a line drawn round the star
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

# %% variant: astropy's stretches
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

# %% variant: axis turned by hand
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

# %% variant: published with its text
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt

    from photcourse import display

    fig, ax = plt.subplots()
    display.show(np.log10(np.maximum(image, 1)), ax=ax, unit="log10 counts", cmap="magma")
    display.mark(ax, [position], radius=radius, label="aperture")
    display.publish(fig, alt="A star with a circle round it.")

# %% variant: helpers in other cells, with a warning
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
