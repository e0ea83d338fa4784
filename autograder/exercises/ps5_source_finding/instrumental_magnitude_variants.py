"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: masks and np.full
def instrumental_magnitude(flux, flux_error, zero_point):
    flux = np.atleast_1d(np.asarray(flux, dtype=float))
    flux_error = np.atleast_1d(np.asarray(flux_error, dtype=float))
    mag = np.full(flux.shape, np.nan)
    error = np.full(flux.shape, np.nan)
    ok = flux > 0
    mag[ok] = zero_point - 2.5 * np.log10(flux[ok])
    error[ok] = 1.0857 * flux_error[ok] / flux[ok]
    return mag, error

# %% variant: a loop over numbers
def instrumental_magnitude(flux, flux_error, zero_point):
    import math

    if np.ndim(flux) == 0:
        if flux <= 0:
            return math.nan, math.nan
        return zero_point - 2.5 * math.log10(flux), 1.086 * flux_error / flux
    mags, errors = [], []
    for f, e in zip(flux, flux_error):
        m, s = instrumental_magnitude(f, e, zero_point)
        mags.append(m)
        errors.append(s)
    print(mags)
    return mags, errors

# %% variant: warnings kept quiet
def instrumental_magnitude(flux, flux_error, zero_point):
    import warnings

    flux = np.array(flux, dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mag = zero_point - 2.5 * np.log10(flux)
        error = 1.0857362 * flux_error / flux
    return np.where(flux > 0, mag, np.nan), np.where(flux > 0, error, np.nan)

# %% variant: natural logarithm, converted
def instrumental_magnitude(flux: np.ndarray, flux_error: np.ndarray, zero_point: float) -> list:
    pogson = 2.5 / np.log(10)
    with np.errstate(divide="ignore", invalid="ignore"):
        mag = zero_point - pogson * np.log(flux)
        error = pogson * np.divide(flux_error, flux)
    bad = np.less_equal(flux, 0)
    return [np.where(bad, np.nan, mag), np.where(bad, np.nan, error)]

# %% variant: astropy's magnitudes
from astropy import units as u

def instrumental_magnitude(flux, flux_error, zero_point):
    flux = np.asarray(flux, dtype=float)
    positive = np.where(flux > 0, flux, np.nan)
    mag = u.Magnitude(positive * u.ct).value + zero_point
    return mag * u.mag, 2.5 * np.log10(np.e) * (np.asarray(flux_error) / positive) * u.mag

# %% variant: a partial of np.vectorize with a helper
import functools

def one(flux, flux_error, zero_point, factor):
    if not flux > 0:
        return np.nan, np.nan
    return zero_point - factor * np.log10(flux), factor * flux_error / flux / np.log(10)
# %%
def many(flux, flux_error, zero_point, factor):
    if np.size(flux) == 0:
        return np.zeros(0), np.zeros(0)
    return np.vectorize(one, otypes=[float, float])(flux, flux_error, zero_point, factor)

instrumental_magnitude = functools.partial(many, factor=2.5)

# %% variant: a lambda over masked arrays
import numpy.ma as ma
masked = lambda f: ma.masked_less_equal(np.asarray(f, dtype=float), 0)
instrumental_magnitude = lambda flux, flux_error, zero_point: np.array([
    ma.filled(zero_point - 2.5 * ma.log10(masked(flux)), np.nan),
    ma.filled(1.0857 * np.asarray(flux_error) / masked(flux), np.nan)])

# %% variant: single precision, a class, a figure
import sys
import matplotlib.pyplot as plt

class Magnitudes:
    POGSON = 1.085736

    def __call__(self, flux, flux_error, zero_point):
        f = np.where(np.asarray(flux) > 0, flux, np.nan).astype(np.float32)
        mag = np.float32(zero_point) - np.float32(2.5) * np.log10(f)
        error = np.float32(self.POGSON) * np.asarray(flux_error, dtype=np.float32) / f
        plt.plot(mag, error, ".")
        print("done", file=sys.stderr)
        return mag, error

instrumental_magnitude = Magnitudes()
