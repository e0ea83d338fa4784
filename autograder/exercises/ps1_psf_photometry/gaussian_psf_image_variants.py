"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: two loops
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    psf = np.zeros(shape)
    for j in range(shape[0]):
        for i in range(shape[1]):
            distance = np.sqrt((x_start + i - centroid_x) ** 2 + (y_start + j - centroid_y) ** 2)
            psf[j, i] = gaussian2D(distance, width)
    return psf

# %% variant: re-normalised on the cut-out
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    y, x = np.indices(shape)
    r2 = (x + x_start - centroid_x) ** 2 + (y + y_start - centroid_y) ** 2
    psf = np.exp(-0.5 * r2 / width**2)
    psf /= psf.sum()
    return psf

# %% variant: outer product of two profiles, single precision
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from scipy.stats import norm

    column = norm.pdf(np.arange(y_start, y_start + shape[0]), loc=centroid_y, scale=width)
    row = norm.pdf(np.arange(x_start, x_start + shape[1]), loc=centroid_x, scale=width)
    return np.outer(column, row).astype(np.float32)

# %% variant: astropy model
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from astropy.modeling.models import Gaussian2D

    model = Gaussian2D(1 / (2 * np.pi * width**2), centroid_x, centroid_y, width, width)
    y, x = np.mgrid[y_start:y_start + shape[0], x_start:x_start + shape[1]]
    return model(x, y)

# %% variant: photutils model
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from photutils.psf import CircularGaussianPSF

    model = CircularGaussianPSF(flux=1, x_0=centroid_x - x_start, y_0=centroid_y - y_start, fwhm=2 * np.sqrt(2 * np.log(2)) * width)
    yy, xx = np.mgrid[:shape[0], :shape[1]]
    return model(xx, yy)

# %% variant: list of lists
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    from math import exp, pi

    ny, nx = shape
    return [[exp(-((x - centroid_x) ** 2 + (y - centroid_y) ** 2) / (2 * width * width)) / (2 * pi * width * width)
             for x in range(x_start, x_start + nx)] for y in range(y_start, y_start + ny)]

# %% variant: lambda with ogrid and a complex distance
gaussian_psf_image = lambda shape, cx, cy, width, x0, y0: gaussian2D(
    abs((np.arange(shape[1]) + x0 - cx)[None, :] + 1j * (np.arange(shape[0]) + y0 - cy)[:, None]), width)

# %% variant: helpers in cells of their own, type hints
from typing import Sequence

def pixel_grid(shape: Sequence[int], x_start: int, y_start: int):
    return np.meshgrid(x_start + np.arange(shape[1]), y_start + np.arange(shape[0]))

# %%
def distance(x, y, x0: float, y0: float) -> np.ndarray:
    return ((x - x0)**2 + (y - y0)**2)**0.5

# %%
def gaussian_psf_image(shape: Sequence[int], centroid_x: float, centroid_y: float, width: float,
                       x_start: int, y_start: int) -> np.ndarray:
    x, y = pixel_grid(shape, x_start, y_start)
    return gaussian2D(distance(x, y, centroid_x, centroid_y), width)

# %% variant: object with __call__
class GaussianPSF:
    normalisation = 2 * np.pi

    def __call__(self, shape, centroid_x, centroid_y, width, x_start, y_start):
        self.width = width
        return np.fromfunction(lambda j, i: self.value(i + x_start - centroid_x, j + y_start - centroid_y), shape)

    def value(self, dx, dy):
        return np.exp(-(dx * dx + dy * dy) / (2 * self.width**2)) / (self.normalisation * self.width**2)

gaussian_psf_image = GaussianPSF()

# %% variant: functools.partial, prints and warns
import functools
import sys
import warnings

def any_psf(shape, cx, cy, width, x0, y0, profile):
    y, x = np.mgrid[:shape[0], :shape[1]].astype(float)
    psf = profile(np.hypot(x - (cx - x0), y - (cy - y0)), width)
    print("sum", psf.sum())
    print("maximum", psf.max(), file=sys.stderr)
    if abs(psf.sum() - 1) > 1e-9:
        warnings.warn("the PSF does not sum to 1 exactly")
    return psf

gaussian_psf_image = functools.partial(any_psf, profile=gaussian2D)

# %% variant: draws a figure
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    import matplotlib.pyplot as plt

    xx, yy = np.meshgrid(np.linspace(x_start, x_start + shape[1] - 1, shape[1]), np.linspace(y_start, y_start + shape[0] - 1, shape[0]))
    psf = gaussian2D(np.sqrt((xx - centroid_x) ** 2 + (yy - centroid_y) ** 2), width)
    fig, ax = plt.subplots()
    ax.imshow(psf, origin="lower", extent=(x_start - 0.5, x_start + shape[1] - 0.5, y_start - 0.5, y_start + shape[0] - 0.5))
    return psf
