"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: sums over rows and columns
def centroid(image_cutout, x_start, y_start):
    profile_x = np.sum(image_cutout, axis=0)
    profile_y = np.sum(image_cutout, axis=1)
    x = np.arange(len(profile_x)) + x_start
    y = np.arange(len(profile_y)) + y_start
    return [float(np.average(x, weights=profile_x)), float(np.average(y, weights=profile_y))]

# %% variant: two loops
def centroid(image_cutout, x_start, y_start):
    sum_f = sum_x = sum_y = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            sum_f += image_cutout[j, i]
            sum_x += image_cutout[j, i] * (x_start + i)
            sum_y += image_cutout[j, i] * (y_start + j)
    return sum_x / sum_f, sum_y / sum_f

# %% variant: library call
def centroid(image_cutout, x_start, y_start):
    from scipy import ndimage

    row, column = ndimage.center_of_mass(image_cutout)
    return np.array([column + x_start, row + y_start], dtype=np.float32)

# %% variant: type hints, np.indices, a pair of numpy scalars
def centroid(image_cutout: np.ndarray, x_start: int, y_start: int) -> tuple[np.float64, np.float64]:
    rows, columns = np.indices(image_cutout.shape, dtype=float)
    weights = image_cutout / np.sum(image_cutout)
    return np.sum(weights * columns) + x_start, np.sum(weights * rows) + y_start

# %% variant: lambda and matrix products
centroid = lambda cut, x0, y0: (cut.sum(axis=0) @ np.arange(x0, x0 + cut.shape[1]) / cut.sum(),
                                cut.sum(axis=1) @ np.arange(y0, y0 + cut.shape[0]) / cut.sum())

# %% variant: helper in a cell of its own
def weighted_mean(values, weights):
    return sum(v * w for v, w in zip(values, weights)) / sum(weights)

# %%
def centroid(image_cutout, x_start, y_start):
    height, width = np.shape(image_cutout)
    xs = [x_start + i for i in range(width) for _ in range(height)]
    ys = [y_start + j for _ in range(width) for j in range(height)]
    flat = list(image_cutout.T.ravel())
    return weighted_mean(xs, flat), weighted_mean(ys, flat)

# %% variant: object with __call__
class Centroid:
    def __init__(self, digits):
        self.digits = digits

    def along(self, image, axis, start):
        profile = image.sum(axis=axis)
        return round(float((profile * np.arange(profile.size)).sum() / profile.sum()) + start, self.digits)

    def __call__(self, image_cutout, x_start, y_start):
        return self.along(image_cutout, 0, x_start), self.along(image_cutout, 1, y_start)

centroid = Centroid(digits=5)

# %% variant: functools.partial of a general function
from functools import partial

def moment_centre(image, x0, y0, power):
    grid_y, grid_x = np.ogrid[y0:y0 + image.shape[0], x0:x0 + image.shape[1]]
    weight = image ** power
    return np.array([(weight * grid_x).sum(), (weight * grid_y).sum()]) / weight.sum()

centroid = partial(moment_centre, power=1)

# %% variant: prints to both streams and warns
def centroid(image_cutout, x_start, y_start):
    import sys
    import warnings

    if image_cutout.min() < 0:
        warnings.warn("negative pixels in the cut-out", stacklevel=2)
    print("cut-out:", image_cutout.shape)
    y, x = np.mgrid[0:image_cutout.shape[0], 0:image_cutout.shape[1]]
    x_center = np.average(x, weights=image_cutout) + x_start
    y_center = np.average(y, weights=image_cutout) + y_start
    print("centroid at", x_center, y_center, file=sys.stderr)
    return x_center, y_center

# %% variant: draws the star while it is there, photutils
def centroid(image_cutout, x_start, y_start):
    import matplotlib.pyplot as plt
    from photutils.centroids import centroid_com

    local = centroid_com(image_cutout)
    plt.imshow(image_cutout, origin="lower")
    plt.plot(*local, "r+")
    return local + np.array([x_start, y_start])
