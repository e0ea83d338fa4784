"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: photutils
def center_of_mass(image):
    from photutils.centroids import centroid_com

    light = np.array(image, dtype=float)
    light[~(light > 0)] = 0
    return centroid_com(light)

# %% variant: scipy, turned round
def center_of_mass(image):
    from scipy import ndimage

    clean = np.nan_to_num(np.clip(image, 0, None))
    row, column = ndimage.center_of_mass(clean)
    return [column, row]

# %% variant: two loops
def center_of_mass(image):
    total = sum_x = sum_y = 0.0
    for j in range(image.shape[0]):
        for i in range(image.shape[1]):
            value = image[j, i]
            if value > 0:
                total += value
                sum_x += value * i
                sum_y += value * j
    return sum_x / total, sum_y / total

# %% variant: sums along the axes, with type hints
def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    """Centre of the positive light."""
    positive = np.nan_to_num(image.astype(float))
    positive = positive * (positive > 0)
    along_x, along_y = positive.sum(axis=0), positive.sum(axis=1)
    return (float(np.average(np.arange(along_x.size), weights=along_x)),
            float(np.average(np.arange(along_y.size), weights=along_y)))

# %% variant: only the good pixels, single precision
def center_of_mass(image):
    good = np.isfinite(image) & (image > 0)
    y, x = np.nonzero(good)
    weights = image[good].astype(float)
    return np.array([np.dot(x, weights), np.dot(y, weights)], dtype=np.float32) / np.float32(weights.sum())

# %% variant: masked array, with a print and a figure
def center_of_mass(image):
    import matplotlib.pyplot as plt

    masked = np.ma.masked_invalid(image)
    masked = np.ma.masked_less_equal(masked, 0)
    y, x = np.mgrid[0:image.shape[0], 0:image.shape[1]]
    x_center = np.ma.average(x, weights=masked.filled(0))
    y_center = np.ma.average(y, weights=masked.filled(0))
    plt.imshow(image, origin="lower")
    plt.plot(x_center, y_center, "r+")
    print("centre", x_center, y_center)
    return x_center, y_center

# %% variant: helper in another cell, matrix product
import sys
def positive_part(image):
    return np.maximum(np.nan_to_num(image, nan=0.0), 0)
# %%
def center_of_mass(image):
    w = positive_part(image)
    print("sum", w.sum(), file=sys.stderr)
    ones_y, ones_x = np.ones(w.shape[0]), np.ones(w.shape[1])
    norm = ones_y @ w @ ones_x
    return (ones_y @ w @ np.arange(w.shape[1])) / norm, (np.arange(w.shape[0]) @ w @ ones_x) / norm

# %% variant: lambda
clip = lambda a: np.where(np.isnan(a) | (a < 0), 0, a)
center_of_mass = lambda image: tuple(
    (clip(image) * grid).sum() / clip(image).sum() for grid in np.indices(image.shape)[::-1])

# %% variant: callable object that warns
import warnings

class Center:
    def __call__(self, image):
        warnings.warn("negative pixels are left out")
        w = np.array(image, dtype=float, copy=True)
        w[np.isnan(w)] = 0
        w[w < 0] = 0
        y, x = np.ogrid[:w.shape[0], :w.shape[1]]
        return np.float64((w * x).sum() / w.sum()), np.float64((w * y).sum() / w.sum())

center_of_mass = Center()

# %% variant: functools.partial
from functools import partial

def moment(image, floor):
    w = np.where(image > floor, image, 0)
    y, x = np.indices(w.shape, dtype=float)
    return np.sum(x * w) / np.sum(w), np.sum(y * w) / np.sum(w)

center_of_mass = partial(moment, floor=0)
