"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: imshow, figure returned
import matplotlib.pyplot as plt

def plot_subtracted(image, background):
    fig, ax = plt.subplots()
    shown = ax.imshow(image - background, origin="lower")
    fig.colorbar(shown, ax=ax, label="counts")
    ax.set_xlabel("x (pixel)")
    ax.set_ylabel("y (pixel)")
    return fig

# %% variant: display.show
from photcourse import display
# %%
plot_subtracted = lambda image, background: display.show(image - background, unit="counts", title="without background")

# %% variant: pyplot only, nothing returned
def plot_subtracted(image, background):
    import matplotlib.pyplot as plt

    plt.figure(figsize=(4, 3))
    plt.imshow(image - background, origin="lower", cmap="gray", vmin=-2, vmax=20)
    plt.xlabel("x [pix]")
    plt.ylabel("y [pix]")
    plt.title("background subtracted")
    plt.colorbar().set_label("ADU")
    print("drawn")

# %% variant: pcolormesh
def plot_subtracted(image, background):
    import warnings

    import matplotlib.pyplot as plt

    warnings.warn("drawing", stacklevel=2)
    ax = plt.figure().add_subplot()
    mesh = ax.pcolormesh(np.subtract(image, background))
    ax.set(xlabel="x in pixels", ylabel="y in pixels")
    ax.figure.colorbar(mesh, label="flux (counts)")
    return ax

# %% variant: arcsinh stretch from astropy
def plot_subtracted(image: np.ndarray, background: np.ndarray):
    import matplotlib.pyplot as plt
    from astropy.visualization import simple_norm

    rest = image - background
    fig, ax = plt.subplots(layout="constrained")
    drawn = ax.imshow(rest, origin="lower", norm=simple_norm(rest, "asinh", percent=99.0))
    fig.colorbar(drawn, label="counts per pixel")
    ax.set_xlabel("x position (px)")
    ax.set_ylabel("y position (px)")
    return fig, ax

# %% variant: three panels
def plot_subtracted(image, background):
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(12, 4))
    for ax, picture, title in zip(axes, (image, background, image - background), ("image", "background", "rest")):
        drawn = ax.imshow(picture, origin="lower")
        fig.colorbar(drawn, ax=ax, label="counts")
        ax.set(title=title, xlabel="x (pixel)", ylabel="y (pixel)")

# %% variant: axis inverted by hand, helper in another cell
import matplotlib.pyplot as plt

def labels(ax):
    ax.set_xlabel("x / pixel")
    ax.set_ylabel("y / pixel")
    ax.invert_yaxis()
# %%
def plot_subtracted(image, background):
    plt.imshow(image - background, origin="upper")
    labels(plt.gca())
    plt.colorbar(label="counts")
    return plt.gcf()

# %% variant: partial of a callable object
import functools
import matplotlib.pyplot as plt

class Picture:
    def __call__(self, colours, image, background):
        fig, ax = plt.subplots()
        half = np.arange(2) - 0.5
        extent = (half[0], image.shape[1] + half[0], half[0], image.shape[0] + half[0])
        drawn = ax.imshow(image - background, origin="lower", cmap=colours, extent=extent)
        fig.colorbar(drawn, ax=ax, orientation="horizontal", label="net counts")
        ax.set_xlabel("column x, pixel")
        ax.set_ylabel("row y, pixel")
        return ax
# %%
plot_subtracted = functools.partial(Picture(), "magma")
