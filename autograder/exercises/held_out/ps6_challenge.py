"""Mistakes in spellings that no fingerprint was made from; `-`: no mistake that is declared."""

# %% photometry: aperture
def photometry(image, variance, psf):
    # Circles of 6 pixels, masked by hand
    from astropy.table import Table
    from photutils.centroids import centroid_com
    from photutils.detection import find_peaks
    from scipy.ndimage import gaussian_filter, shift
    smooth = gaussian_filter(image, 1.0)
    peaks = find_peaks(smooth, 1.8 * np.sqrt(np.median(variance)), box_size=3)
    rows = []
    for i, j in zip(peaks["x_peak"], peaks["y_peak"]):
        if not (3 <= i < image.shape[1] - 3 and 3 <= j < image.shape[0] - 3):
            continue
        cut = smooth[j - 2:j + 3, i - 2:i + 3]
        x, y = centroid_com(np.clip(cut - cut.min(), 0, None)) + [i - 2, j - 2]
        yy, xx = np.indices(image.shape)
        inside = np.hypot(xx - x, yy - y) < 6
        flux, flux_err = image[inside].sum(), np.sqrt(variance[inside].sum())
        rows.append((x, y, flux, flux_err))
    return Table(rows=rows, names=("x", "y", "flux", "flux_err"))

# %% photometry: aperture
def photometry(image, variance, psf):
    # photutils, all stars of one search together, but the sums of circles in the end
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=6 * sky, fwhm=2.5, min_separation=3)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    from photutils.aperture import CircularAperture
    sums, errors = CircularAperture(np.column_stack([x, y]), 5.5).do_photometry(image, error=np.sqrt(variance))
    flux, flux_err = np.array(sums), np.array(errors)
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: alone
def photometry(image, variance, psf):
    # The maximum-likelihood flux of each star, one after the other
    from astropy.table import Table
    from photutils.centroids import centroid_com
    from photutils.detection import find_peaks
    from scipy.ndimage import gaussian_filter, shift
    smooth = gaussian_filter(image, 1.0)
    peaks = find_peaks(smooth, 1.8 * np.sqrt(np.median(variance)), box_size=3)
    rows = []
    for i, j in zip(peaks["x_peak"], peaks["y_peak"]):
        if not (3 <= i < image.shape[1] - 3 and 3 <= j < image.shape[0] - 3):
            continue
        cut = smooth[j - 2:j + 3, i - 2:i + 3]
        x, y = centroid_com(np.clip(cut - cut.min(), 0, None)) + [i - 2, j - 2]
        j0, i0 = max(0, j - 12), max(0, i - 12)
        window = np.s_[j0:j + 13, i0:i + 13]
        p = psf[j0 - j + 12:image.shape[0] - j + 12, i0 - i + 12:image.shape[1] - i + 12]
        p = shift(p, (y - j, x - i), order=3)
        weight = p / variance[window]
        flux, flux_err = (image[window] * weight).sum() / (p * weight).sum(), 1 / np.sqrt((p * weight).sum())
        rows.append((x, y, flux, flux_err))
    return Table(rows=rows, names=("x", "y", "flux", "flux_err"))

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
    # photutils, all stars of one search together
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=1.5 * sky, fwhm=4.0)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, grouper=SourceGrouper(10), aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    flux_err = np.sqrt(flux)
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: poisson-of-flux
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    flux_err = flux**0.5
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: error-squared
def photometry(image, variance, psf):
    # photutils, all stars of one search together
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=1.5 * sky, fwhm=4.0)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, grouper=SourceGrouper(10), aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    flux_err = np.square(flux_err)
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: error-squared
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.diag(inverse)
    x, y = np.array(stars).T
    keep = flux > 5 * np.sqrt(flux_err)
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: exchanged
def photometry(image, variance, psf):
    # photutils, all stars of one search together
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=1.5 * sky, fwhm=4.0)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, grouper=SourceGrouper(10), aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    x, y = y, x
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: exchanged
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    y, x = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: no-denominator
def photometry(image, variance, psf):
    # The pixels weighted with the PSF and added up
    from astropy.table import Table
    from photutils.centroids import centroid_com
    from photutils.detection import find_peaks
    from scipy.ndimage import gaussian_filter, shift
    smooth = gaussian_filter(image, 1.0)
    peaks = find_peaks(smooth, 1.8 * np.sqrt(np.median(variance)), box_size=3)
    rows = []
    for i, j in zip(peaks["x_peak"], peaks["y_peak"]):
        if not (3 <= i < image.shape[1] - 3 and 3 <= j < image.shape[0] - 3):
            continue
        cut = smooth[j - 2:j + 3, i - 2:i + 3]
        x, y = centroid_com(np.clip(cut - cut.min(), 0, None)) + [i - 2, j - 2]
        j0, i0 = max(0, j - 12), max(0, i - 12)
        window = np.s_[j0:j + 13, i0:i + 13]
        p = psf[j0 - j + 12:image.shape[0] - j + 12, i0 - i + 12:image.shape[1] - i + 12]
        p = shift(p, (y - j, x - i), order=3)
        weight = p
        flux, flux_err = (image[window] * weight).sum() , np.sqrt((p**2 * variance[window]).sum())
        rows.append((x, y, flux, flux_err))
    return Table(rows=rows, names=("x", "y", "flux", "flux_err"))

# %% photometry: no-denominator
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit, scaled as the filtered image is
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    flux = flux * np.sum(psf**2)
    flux_err = flux_err * np.sum(psf**2)
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: noise-for-stars
def photometry(image, variance, psf):
    # Positions from every pixel at 2.5 sigma, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    from photutils.detection import find_peaks
    peaks = find_peaks(image, 2.5 * np.sqrt(np.median(variance)), box_size=5)
    ys, xs = peaks["y_peak"], peaks["x_peak"]
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / min(left - 2 * mid + right, -abs(left - right)), j + 0.5 * (low - high) / min(low - 2 * mid + high, -abs(low - high))))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 1 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: noise-for-stars
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 0.8 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 0.5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: bright-only
def photometry(image, variance, psf):
    # photutils, all stars of one search together
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=20 * sky, fwhm=4.0)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, grouper=SourceGrouper(10), aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: bright-only
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 50 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: one-based
def photometry(image, variance, psf):
    # photutils, all stars of one search together
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=1.5 * sky, fwhm=4.0)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, grouper=SourceGrouper(10), aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    x, y = x + 1, y + 1
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: one-based
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 1 + 0.5 * (left - right) / (left - 2 * mid + right), j + 1 + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        x, y = x - 1, y - 1
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: peak-pixel
def photometry(image, variance, psf):
    # The brightest of nine pixels over the PSF's own
    from astropy.table import Table
    from photutils.centroids import centroid_com
    from photutils.detection import find_peaks
    from scipy.ndimage import gaussian_filter, shift
    smooth = gaussian_filter(image, 1.0)
    peaks = find_peaks(smooth, 1.8 * np.sqrt(np.median(variance)), box_size=3)
    rows = []
    for i, j in zip(peaks["x_peak"], peaks["y_peak"]):
        if not (3 <= i < image.shape[1] - 3 and 3 <= j < image.shape[0] - 3):
            continue
        cut = smooth[j - 2:j + 3, i - 2:i + 3]
        x, y = centroid_com(np.clip(cut - cut.min(), 0, None)) + [i - 2, j - 2]
        flux, flux_err = image[j - 1:j + 2, i - 1:i + 2].max() / psf.max(), np.sqrt(variance[j, i]) / psf.max()
        rows.append((x, y, flux, flux_err))
    return Table(rows=rows, names=("x", "y", "flux", "flux_err"))

# %% photometry: peak-pixel
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit, the flux from the middle pixel
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    flux = image[np.rint(y).astype(int), np.rint(x).astype(int)] / psf[12, 12]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: -
def photometry(image, variance, psf):
    # photutils, all stars of one search together, as they come
    import warnings
    from astropy.nddata import NDData
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper
    warnings.simplefilter("ignore")
    sky = np.sqrt(np.median(variance))
    finder = DAOStarFinder(threshold=1.5 * sky, fwhm=4.0)
    fitter = PSFPhotometry(ImagePSF(psf), (11, 11), finder=finder, grouper=SourceGrouper(10), aperture_radius=4)
    found = fitter(image, error=np.sqrt(variance))
    x, y, flux, flux_err = (np.array(found[n], float) for n in ("x_fit", "y_fit", "flux_fit", "flux_err"))
    good = np.isfinite(flux_err) & (flux > 5 * flux_err)
    x, y, flux, flux_err = x[good], y[good], flux[good], flux_err[good]
    return QTable({"x": x, "y": y, "flux": flux, "flux_err": flux_err})

# %% photometry: -
def photometry(image, variance, psf):
    # Positions from the peaks of the matched filter, all fluxes in one linear fit
    import pandas as pd
    from scipy.ndimage import correlate, maximum_filter, shift
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve
    sharp = correlate(image, psf, mode="constant") / (psf**2).sum()
    noise = np.sqrt(correlate(variance, psf**2, mode="constant")) / (psf**2).sum()
    ys, xs = np.nonzero((sharp == maximum_filter(sharp, 3)) & (sharp > 6 * noise))
    stars = []
    for j, i in zip(ys, xs):
        if 1 <= j < image.shape[0] - 1 and 1 <= i < image.shape[1] - 1:
            left, mid, right = sharp[j, i - 1], sharp[j, i], sharp[j, i + 1]
            low, high = sharp[j - 1, i], sharp[j + 1, i]
            stars.append((i + 0.5 * (left - right) / (left - 2 * mid + right), j + 0.5 * (low - high) / (low - 2 * mid + high)))
    columns = lil_matrix((image.size, len(stars)))
    index = np.pad(np.arange(image.size).reshape(image.shape), 12, constant_values=-1)
    for k, (x, y) in enumerate(stars):
        i, j = round(x), round(y)
        stamp, where = shift(psf, (y - j, x - i), order=3), index[j:j + 25, i:i + 25]
        columns[where[where >= 0], k] = stamp[where >= 0]
    design = columns.tocsr()
    weighted = design.multiply(1 / variance.ravel()[:, None]).tocsr()
    normal = (weighted.T @ design).toarray()
    inverse = np.linalg.inv(normal)
    flux = inverse @ (weighted.T @ image.ravel())
    flux_err = np.sqrt(np.diag(inverse))
    x, y = np.array(stars).T
    keep = flux > 5 * flux_err
    x, y, flux, flux_err = x[keep], y[keep], flux[keep], flux_err[keep]
    return pd.DataFrame({"x": x, "y": y, "flux": flux, "flux_err": flux_err})
