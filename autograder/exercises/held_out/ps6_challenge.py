"""Mistakes in spellings that no fingerprint was made from; `-`: no mistake that is declared. What stands above the first is part of each."""


def table(x, y, flux, flux_err):
    from astropy.table import QTable
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})


def one_search(image, variance, psf, threshold=1.5, width=4.0, apart=None, groups=10):
    # photutils, all stars of one search together
    import warnings
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    more = {} if apart is None else {"min_separation": apart}
    finder = DAOStarFinder(threshold=threshold * np.sqrt(np.median(variance)), fwhm=width, **more)
    together = {} if groups is None else {"grouper": SourceGrouper(groups)}
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, aperture_radius=4, **together)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    return x[good], y[good], flux[good], flux_err[good]


def linear_fit(image, variance, psf, above=6, keep=5, peaks=None, first=0, variances=False):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > above * noise)) if peaks is None else peaks
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            across, along = left - 2 * mid + right, low - 2 * mid + high
            if peaks is not None:
                across, along = min(across, -abs(left - right)), min(along, -abs(low - high))
            stars.append((i + first + 0.5 * (left - right) / across, j + first + 0.5 * (low - high) / along))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        x, y = x - first, y - first
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    inverse = np.linalg.inv((weighted.T @ design).toarray())
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.diag(inverse) if variances else np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    good = flux > keep * np.sqrt(np.diag(inverse))
    return x[good], y[good], flux[good], flux_err[good]


def each_alone(image, variance, psf, measure):
    # Centroids of a slightly smoothed image; what is measured of each star is the caller's
    from astropy.table import Table
    from photutils.centroids import centroid_com
    from photutils.detection import find_peaks
    from scipy.ndimage import gaussian_filter
    smooth = gaussian_filter(image, 1.0)
    peaks = find_peaks(smooth, 1.8 * np.sqrt(np.median(variance)), box_size=3)
    rows = []
    for i, j in zip(peaks["x_peak"], peaks["y_peak"]):
        if 3 <= i < image.shape[1] - 3 and 3 <= j < image.shape[0] - 3:
            cut = smooth[j - 2:j + 3, i - 2:i + 3]
            x, y = centroid_com(np.clip(cut - cut.min(), 0, None)) + [i - 2, j - 2]
            rows.append((x, y, *measure(x, y, i, j)))
    return Table(rows=rows, names=("x", "y", "flux", "flux_err"))


def stamp_of(psf, shape, x, y, i, j):
    # The PSF at a star, on the part of it that the image holds
    from scipy.ndimage import shift
    j0, i0 = max(0, j - 12), max(0, i - 12)
    part = psf[j0 - j + 12:shape[0] - j + 12, i0 - i + 12:shape[1] - i + 12]
    return shift(part, (y - j, x - i), order=3), np.s_[j0:j + 13, i0:i + 13]


# %% photometry: aperture
def photometry(image, variance, psf):
    # Circles of 6 pixels, masked by hand
    def measure(x, y, i, j):
        yy, xx = np.indices(image.shape)
        inside = np.hypot(xx - x, yy - y) < 6
        return image[inside].sum(), np.sqrt(variance[inside].sum())
    return each_alone(image, variance, psf, measure)

# %% photometry: aperture
def photometry(image, variance, psf):
    # The sums of circles in the end
    from photutils.aperture import CircularAperture
    x, y, _, _ = one_search(image, variance, psf, 6, 2.5, apart=3, groups=None)
    sums, errors = CircularAperture(np.column_stack([x, y]), 5.5).do_photometry(image, error=np.sqrt(variance))
    return table(x, y, np.array(sums), np.array(errors))

# %% photometry: alone
def photometry(image, variance, psf):
    # The maximum-likelihood flux of each star, one after the other
    def measure(x, y, i, j):
        p, window = stamp_of(psf, image.shape, x, y, i, j)
        weight = p / variance[window]
        return (image[window] * weight).sum() / (p * weight).sum(), 1 / np.sqrt((p * weight).sum())
    return each_alone(image, variance, psf, measure)

# %% photometry: alone
def photometry(image, variance, psf):
    # photutils, started at the peaks of a slightly smoothed image, and no groups
    import warnings
    from astropy.convolution import Gaussian2DKernel, convolve
    from astropy.table import QTable
    from photutils.detection import find_peaks
    from photutils.psf import ImagePSF, PSFPhotometry
    warnings.simplefilter("ignore")
    peaks = find_peaks(convolve(image, Gaussian2DKernel(1)), 15.0, box_size=3)
    start = QTable({"x": peaks["x_peak"], "y": peaks["y_peak"], "flux": peaks["peak_value"] / psf.max()})
    found = PSFPhotometry(ImagePSF(psf), (9, 9), aperture_radius=4)(image, error=np.sqrt(variance), init_params=start)
    found = found[found["flux_fit"] > 5 * found["flux_err"]]
    return QTable([found[n] for n in ("x_fit", "y_fit", "flux_fit", "flux_err")], names=("x", "y", "flux", "flux_err"))

# %% photometry: poisson-of-flux
def photometry(image, variance, psf):
    x, y, flux, _ = one_search(image, variance, psf)
    return table(x, y, flux, np.sqrt(flux))

# %% photometry: poisson-of-flux
def photometry(image, variance, psf):
    x, y, flux, _ = linear_fit(image, variance, psf)
    return table(x, y, flux, flux**0.5)

# %% photometry: error-squared
def photometry(image, variance, psf):
    x, y, flux, flux_err = one_search(image, variance, psf)
    return table(x, y, flux, np.square(flux_err))

# %% photometry: error-squared
def photometry(image, variance, psf):
    return table(*linear_fit(image, variance, psf, variances=True))

# %% photometry: exchanged
def photometry(image, variance, psf):
    x, y, flux, flux_err = one_search(image, variance, psf)
    return table(y, x, flux, flux_err)

# %% photometry: exchanged
def photometry(image, variance, psf):
    y, x, flux, flux_err = linear_fit(image, variance, psf)
    return table(x, y, flux, flux_err)

# %% photometry: no-denominator
def photometry(image, variance, psf):
    # The pixels weighted with the PSF and added up
    def measure(x, y, i, j):
        p, window = stamp_of(psf, image.shape, x, y, i, j)
        return (image[window] * p).sum(), np.sqrt((p**2 * variance[window]).sum())
    return each_alone(image, variance, psf, measure)

# %% photometry: no-denominator
def photometry(image, variance, psf):
    # Scaled as the filtered image is
    x, y, flux, flux_err = linear_fit(image, variance, psf)
    return table(x, y, flux * np.sum(psf**2), flux_err * np.sum(psf**2))

# %% photometry: noise-for-stars
def photometry(image, variance, psf):
    # Positions from every pixel at 2.5 sigma
    from photutils.detection import find_peaks
    peaks = find_peaks(image, 2.5 * np.sqrt(np.median(variance)), box_size=5)
    return table(*linear_fit(image, variance, psf, keep=1, peaks=(peaks["y_peak"], peaks["x_peak"])))

# %% photometry: noise-for-stars
def photometry(image, variance, psf):
    return table(*linear_fit(image, variance, psf, above=0.8, keep=0.5))

# %% photometry: bright-only
def photometry(image, variance, psf):
    return table(*one_search(image, variance, psf, threshold=20))

# %% photometry: bright-only
def photometry(image, variance, psf):
    return table(*linear_fit(image, variance, psf, above=50))

# %% photometry: one-based
def photometry(image, variance, psf):
    x, y, flux, flux_err = one_search(image, variance, psf)
    return table(x + 1, y + 1, flux, flux_err)

# %% photometry: one-based
def photometry(image, variance, psf):
    return table(*linear_fit(image, variance, psf, first=1))

# %% photometry: peak-pixel
def photometry(image, variance, psf):
    # The brightest of nine pixels over the PSF's own
    def measure(x, y, i, j):
        return image[j - 1:j + 2, i - 1:i + 2].max() / psf.max(), np.sqrt(variance[j, i]) / psf.max()
    return each_alone(image, variance, psf, measure)

# %% photometry: peak-pixel
def photometry(image, variance, psf):
    # The flux from the middle pixel
    x, y, _, flux_err = linear_fit(image, variance, psf)
    return table(x, y, image[np.rint(y).astype(int), np.rint(x).astype(int)] / psf[12, 12], flux_err)

# %% photometry: -
def photometry(image, variance, psf):
    return table(*one_search(image, variance, psf))

# %% photometry: -
def photometry(image, variance, psf):
    return table(*linear_fit(image, variance, psf))
