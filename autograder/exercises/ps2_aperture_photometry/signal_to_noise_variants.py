"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: where, warnings silenced
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    noise = np.sqrt(flux + n_pixels * (sky_per_pixel + read_noise**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(noise == 0, 0.0, flux / noise)

# %% variant: loop over elements, list
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import math

    grids = np.broadcast_arrays(flux, sky_per_pixel, n_pixels, read_noise)
    ratios = []
    for f, s, n, r in zip(*(g.ravel() for g in grids)):
        variance = f + n * s + n * r * r
        ratios.append(f / math.sqrt(variance) if variance > 0 else 0.0)
    return np.reshape(ratios, grids[0].shape).tolist()

# %% variant: three noises in quadrature, prints to both streams
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import sys

    photons = np.sqrt(flux)
    sky = np.sqrt(np.multiply(n_pixels, sky_per_pixel))
    detector = np.sqrt(n_pixels) * read_noise
    noise = np.hypot(np.hypot(photons, sky), detector)
    print("noise", noise)
    print("careful: dark current is left out", file=sys.stderr)
    return flux / np.maximum(noise, 1e-30)

# %% variant: vectorised scalar function
def signal_to_noise(flux: float | np.ndarray, sky_per_pixel: float, n_pixels: float, read_noise: float) -> np.ndarray:
    def one(f: float, s: float, n: float, r: float) -> float:
        if f == 0:
            return 0.0
        return float(f) / (f + n * (s + r**2)) ** 0.5

    return np.vectorize(one, otypes=[float])(flux, sky_per_pixel, n_pixels, read_noise)

# %% variant: single precision
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    f, s, n, r = (np.asarray(v, dtype=np.float32) for v in (flux, sky_per_pixel, n_pixels, read_noise))
    variance = f + n * s + n * r * r
    variance = np.where(variance > 0, variance, np.float32(1))
    return (f / np.sqrt(variance)).astype(np.float32)

# %% variant: root of the flux times a share
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    # S/N = sqrt(F) / sqrt(1 + n (s + R^2) / F), with F kept from zero.
    safe = np.maximum(flux, 1e-200)
    return np.sqrt(flux) / np.sqrt(1 + n_pixels * (sky_per_pixel + np.square(read_noise)) / safe)

# %% variant: helpers in other cells
def variance_of_pixel(sky, read_noise):
    return sky + read_noise * read_noise
# %%
from math import inf

def divide(a, b):
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) > 0)
# %%
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    flux = np.asarray(flux, dtype=float)
    return divide(flux, np.sqrt(flux + n_pixels * variance_of_pixel(sky_per_pixel, read_noise)))

# %% variant: lambda
signal_to_noise = lambda flux, sky_per_pixel, n_pixels, read_noise: np.nan_to_num(
    flux / np.sqrt(np.clip(flux + n_pixels * (sky_per_pixel + read_noise**2), 1e-300, None)))

# %% variant: object with __call__
class CCD:
    def __init__(self, dark_current=0.0):
        self.dark_current = dark_current

    def __call__(self, flux, sky_per_pixel, n_pixels, read_noise):
        variance = np.add(flux, np.multiply(n_pixels, sky_per_pixel + self.dark_current + np.power(read_noise, 2)))
        ratio = np.zeros(np.shape(variance))
        np.divide(flux, np.sqrt(variance), out=ratio, where=variance > 0)
        return ratio if ratio.ndim else float(ratio)

signal_to_noise = CCD()

# %% variant: functools.partial
import functools

def ratio(gain, flux, sky_per_pixel, n_pixels, read_noise):
    noise = (gain * flux + n_pixels * (gain * sky_per_pixel + read_noise**2))**0.5
    return gain * flux / (noise + (noise == 0))

signal_to_noise = functools.partial(ratio, 1.0)

# %% variant: draws the noise
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import matplotlib.pyplot as plt

    flux = np.array(flux, dtype=float)
    noise = np.linalg.norm(np.stack(np.broadcast_arrays(np.sqrt(flux), np.sqrt(np.asarray(n_pixels) * sky_per_pixel),
                                                        np.sqrt(n_pixels) * read_noise)), axis=0)
    plt.plot(np.ravel(noise), "o")
    return flux / np.where(noise > 0, noise, 1.0)
