"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: sums over rows and columns
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    squares = np.square(image_cutout, dtype=float)
    columns, rows = squares.sum(axis=0), squares.sum(axis=1)
    dx = np.arange(columns.size) + start_x - centroid_x
    dy = np.arange(rows.size) + start_y - centroid_y
    return [float(np.sqrt(np.average(dx**2, weights=columns))), float(np.sqrt(np.average(dy**2, weights=rows)))]

# %% variant: two loops
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    sum_x = sum_y = total = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            f = float(image_cutout[j, i])
            sum_x += (f * (start_x + i - centroid_x)) ** 2
            sum_y += (f * (start_y + j - centroid_y)) ** 2
            total += f * f
    return (sum_x / total) ** 0.5, (sum_y / total) ** 0.5

# %% variant: as the formula is written, indices, single precision out
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    j, i = np.indices(image_cutout.shape)
    x_width = np.sqrt(np.sum((image_cutout * (i + start_x - centroid_x)) ** 2) / np.sum(image_cutout**2))
    y_width = np.sqrt(np.sum((image_cutout * (j + start_y - centroid_y)) ** 2) / np.sum(image_cutout**2))
    return np.array([x_width, y_width], dtype=np.float32)

# %% variant: norms and a local centre
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    yy, xx = np.ogrid[:image_cutout.shape[0], :image_cutout.shape[1]]
    norm = np.linalg.norm(image_cutout)
    return (np.linalg.norm(image_cutout * (xx - (centroid_x - start_x))) / norm,
            np.linalg.norm(image_cutout * (yy - (centroid_y - start_y))) / norm)

# %% variant: moment expanded, prints and warns
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    import sys
    import warnings

    y, x = np.mgrid[:image_cutout.shape[0], :image_cutout.shape[1]].astype(float)
    w = image_cutout.astype(float) ** 2
    w /= w.sum()
    widths = []
    for grid, centre in ((x, centroid_x - start_x), (y, centroid_y - start_y)):
        widths.append(np.sqrt((w * grid**2).sum() - 2 * centre * (w * grid).sum() + centre**2))
    print("widths", widths)
    print("ratio", widths[0] / widths[1], file=sys.stderr)
    warnings.warn("elongated source", stacklevel=2)
    return tuple(widths)

# %% variant: lambda and matrix products
second_moment = lambda f, xc, yc, x0, y0: np.sqrt(np.array([
    (f.astype(float)**2).sum(axis=0) @ (np.arange(x0, x0 + f.shape[1]) - xc)**2,
    (f.astype(float)**2).sum(axis=1) @ (np.arange(y0, y0 + f.shape[0]) - yc)**2]) / (f.astype(float)**2).sum())

# %% variant: helper in a cell of its own, type hints
def rms_width(weights, distances):
    return np.sqrt(np.average(distances**2, weights=weights))

# %%
def second_moment(image_cutout: np.ndarray, centroid_x: float, centroid_y: float, start_x: int, start_y: int) -> tuple:
    x, y = np.meshgrid(range(start_x, start_x + image_cutout.shape[1]), range(start_y, start_y + image_cutout.shape[0]))
    weights = np.power(image_cutout, 2.0)
    return rms_width(weights, x - centroid_x), rms_width(weights, y - centroid_y)

# %% variant: object with __call__
class Moments:
    order = 2

    def one(self, image, grid, centre):
        power = image ** 2
        return (np.sum(power * np.abs(grid - centre) ** self.order) / np.sum(power)) ** (1 / self.order)

    def __call__(self, image_cutout, centroid_x, centroid_y, start_x, start_y):
        height, width = image_cutout.shape
        return (self.one(image_cutout, start_x + np.arange(width).reshape(1, -1), centroid_x),
                self.one(image_cutout, start_y + np.arange(height).reshape(-1, 1), centroid_y))

second_moment = Moments()

# %% variant: functools.partial of a general moment
from functools import partial

def general_moment(image, xc, yc, x0, y0, weight_power):
    weight = np.abs(image).astype(float) ** weight_power
    total = weight.sum()
    y, x = [axis.ravel() for axis in np.indices(image.shape)]
    flat = weight.ravel()
    return [np.sqrt(np.dot(flat, (x + x0 - xc) ** 2) / total), np.sqrt(np.dot(flat, (y + y0 - yc) ** 2) / total)]

second_moment = partial(general_moment, weight_power=2)

# %% variant: draws the profiles
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    import matplotlib.pyplot as plt

    squares = image_cutout.astype(np.float64) ** 2
    dx = start_x - centroid_x + np.arange(image_cutout.shape[1])
    dy = start_y - centroid_y + np.arange(image_cutout.shape[0])
    plt.figure()
    plt.plot(dx, squares.sum(axis=0))
    plt.plot(dy, squares.sum(axis=1))
    total = squares.sum()
    return np.sqrt((squares * dx[None, :] ** 2).sum() / total), np.sqrt((squares * dy[:, None] ** 2).sum() / total)
