"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: maximum, then root
def poisson_error(image):
    return np.sqrt(np.maximum(image, 0))

# %% variant: root first, with warnings, NaN replaced
def poisson_error(image):
    import warnings
    warnings.warn("taking roots of negative numbers", stacklevel=2)
    return np.nan_to_num(np.sqrt(image))

# %% variant: loops
def poisson_error(image):
    rows = []
    for row in image:
        new = []
        for value in row:
            if value > 0:
                new.append(float(value) ** 0.5)
            else:
                new.append(0.0)
        rows.append(new)
    print("done", len(rows))
    return rows

# %% variant: where, single precision
def poisson_error(image: np.ndarray) -> np.ndarray:
    good = image > 0
    return np.where(good, np.abs(image) ** 0.5, 0).astype(np.float32)

# %% variant: fill an empty array
def poisson_error(image):
    import sys
    error = np.zeros(image.shape)
    bright = image > 0
    error[bright] = np.sqrt(image[bright])
    sys.stderr.write(f"pixels without counts: {np.sum(~bright)}\n")
    return error

# %% variant: lambda
poisson_error = lambda image: np.sqrt(image * (image > 0.0))

# %% variant: photutils total error
from photutils.utils import calc_total_error
# %%
def poisson_error(image):
    counts = np.where(image > 0, image, 0.0)
    return calc_total_error(counts, np.zeros(image.shape), 1.0)

# %% variant: callable object
class PoissonError:
    """Error of each pixel."""

    def __init__(self, lowest):
        self.lowest = lowest

    def __call__(self, image):
        return np.sqrt(np.where(image < self.lowest, self.lowest, image))
# %%
poisson_error = PoissonError(0)

# %% variant: helper, partial and a figure
import functools
import matplotlib.pyplot as plt
# %%
def root_above(floor, image):
    plt.figure()
    plt.imshow(image, origin="lower")
    return np.power(np.fmax(image, floor), 0.5)
# %%
poisson_error = functools.partial(root_above, 0)

# %% variant: quantity and masked
from astropy import units as u
# %%
def poisson_error(image):
    masked = np.ma.masked_less(image, 0)
    error = np.ma.sqrt(np.ma.masked_invalid(masked)).filled(0)
    return error * u.adu
