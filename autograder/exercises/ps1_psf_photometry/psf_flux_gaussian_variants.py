"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: from the PSF image
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    psf = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
    return (image_cutout * psf).sum() / (psf**2).sum()

# %% variant: one loop over pixels
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    above = below = 0.0
    for (j, i), f in np.ndenumerate(image_cutout):
        p = gaussian2D(np.sqrt((i + x_start - centroid_x) ** 2 + (j + y_start - centroid_y) ** 2), radius)
        above += f * p
        below += p * p
    return float(above / below)

# %% variant: re-normalised PSF, single precision
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    j, i = np.indices(image_cutout.shape)
    psf = np.exp(-((i - (centroid_x - x_start)) ** 2 + (j - (centroid_y - y_start)) ** 2) / (2 * radius**2))
    psf = (psf / psf.sum()).astype(np.float32)
    return np.float32(np.vdot(image_cutout, psf) / np.vdot(psf, psf))

# %% variant: linear least squares
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    psf = np.asarray(gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start))
    solution, *_ = np.linalg.lstsq(psf.reshape(-1, 1), image_cutout.ravel(), rcond=None)
    return solution

# %% variant: minimises chi squared numerically, prints to both streams
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    import sys

    from scipy.optimize import curve_fit

    y, x = np.mgrid[y_start:y_start + image_cutout.shape[0], x_start:x_start + image_cutout.shape[1]]
    psf = gaussian2D(np.hypot(x - centroid_x, y - centroid_y), radius).ravel()
    (flux,), covariance = curve_fit(lambda p, amplitude: amplitude * p, psf, image_cutout.ravel().astype(float), p0=[1000.0])
    print("flux:", flux)
    print("variance:", covariance, file=sys.stderr)
    return flux

# %% variant: lambda on separable profiles
profile = lambda n, start, centre, sigma: np.exp(-0.5 * ((np.arange(start, start + n) - centre) / sigma)**2) / (np.sqrt(2 * np.pi) * sigma)

# %%
psf_flux_gaussian = lambda cut, cx, cy, s, x0, y0: (
    profile(cut.shape[0], y0, cy, s) @ cut @ profile(cut.shape[1], x0, cx, s)
    / (np.sum(profile(cut.shape[0], y0, cy, s)**2) * np.sum(profile(cut.shape[1], x0, cx, s)**2)))

# %% variant: object with __call__ and warnings
import warnings

class MaximumLikelihood:
    def __init__(self):
        self.calls = 0

    def model(self, shape, x, y, sigma):
        jj, ii = np.ogrid[:shape[0], :shape[1]]
        return gaussian2D(np.sqrt((ii - x)**2 + (jj - y)**2), sigma)

    def __call__(self, image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
        self.calls += 1
        p = self.model(image_cutout.shape, centroid_x - x_start, centroid_y - y_start, radius)
        warnings.warn(f"call number {self.calls}")
        return np.array(np.einsum("ij,ij->", image_cutout, p) / np.einsum("ij,ij->", p, p))

psf_flux_gaussian = MaximumLikelihood()

# %% variant: functools.partial with a noise that cancels
from functools import partial

def weighted_flux(image, x, y, sigma, x0, y0, noise):
    psf = np.array(gaussian_psf_image(np.shape(image), x, y, sigma, x0, y0), dtype=float)
    weight = np.full(psf.shape, 1 / noise**2)
    return [float(np.sum(weight * psf * image) / np.sum(weight * psf**2))]

psf_flux_gaussian = partial(weighted_flux, noise=12.5)

# %% variant: draws model and residual
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    import matplotlib.pyplot as plt

    psf = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
    flux = np.sum(image_cutout * psf) / np.sum(np.square(psf))
    fig, axes = plt.subplots(1, 2)
    axes[0].imshow(flux * psf, origin="lower")
    axes[1].imshow(image_cutout - flux * psf, origin="lower")
    return flux
