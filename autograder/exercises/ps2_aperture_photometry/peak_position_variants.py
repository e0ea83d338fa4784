"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: loops
def peak_position(image):
    best, where = -np.inf, None
    for j in range(image.shape[0]):
        for i in range(image.shape[1]):
            if image[j, i] > best:
                best, where = image[j, i], (i, j)
    return where

# %% variant: where it equals the maximum
def peak_position(image):
    rows, columns = np.where(image == np.nanmax(image))
    return [columns[0], rows[0]]

# %% variant: divmod, floats
def peak_position(image: np.ndarray) -> tuple[float, float]:
    filled = np.where(np.isnan(image), -np.inf, image)
    y, x = divmod(filled.argmax(), image.shape[1])
    print("peak", x, y)
    return float(x), float(y)

# %% variant: profiles of maxima
def peak_position(image):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([np.nanargmax(np.nanmax(image, axis=0)), np.nanargmax(np.nanmax(image, axis=1))])

# %% variant: scipy
def peak_position(image):
    from scipy import ndimage

    row, column = ndimage.maximum_position(np.nan_to_num(image, nan=np.nanmin(image)))
    return column, row

# %% variant: masked array, float32 answer
def peak_position(image):
    masked = np.ma.masked_invalid(image)
    return np.array(np.unravel_index(masked.argmax(), masked.shape)[::-1], dtype=np.float32)

# %% variant: reversed index and a figure
def peak_position(image):
    import matplotlib.pyplot as plt

    index = np.unravel_index(np.nanargmax(image), image.shape)
    plt.imshow(image)
    plt.plot(*index[::-1], "rx")
    return index[::-1]

# %% variant: lambda
peak_position = lambda image: tuple(np.argwhere(image == np.nanmax(image))[0][::-1])

# %% variant: a helper in another cell, with a warning
import sys
import warnings

def brightest(image):
    return np.nanargmax(image.ravel())
# %%
def peak_position(image):
    warnings.warn("looking for the peak")
    print("looking", file=sys.stderr)
    flat = brightest(image)
    ny, nx = image.shape
    return flat % nx, flat // nx

# %% variant: callable object
class Peak:
    """Finds the brightest pixel."""

    def __call__(self, image):
        order = np.argsort(np.where(np.isfinite(image), image, -1e300), axis=None)
        y, x = np.unravel_index(order[-1], image.shape)
        return x, y

peak_position = Peak()
