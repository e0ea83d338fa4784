"""Mistakes in spellings that no fingerprint was made from; `-`: no mistake that is declared."""

# %% instrumental_magnitude: natural-log
def instrumental_magnitude(flux, flux_error, zero_point):
    import math
    f, e = np.asarray(flux, float), np.asarray(flux_error, float)
    good = np.where(f > 0, f, np.nan)
    return zero_point - 2.5 * np.log(good), 2.5 / math.log(10) * e / good

# %% instrumental_magnitude: sign
def instrumental_magnitude(flux, flux_error, zero_point):
    f, e = np.asarray(flux, float), np.asarray(flux_error, float)
    good = np.where(f > 0, f, np.nan)
    return 2.5 * np.log10(good) + zero_point, 1.0857 * e / good

# %% instrumental_magnitude: factor-forgotten
def instrumental_magnitude(flux, flux_error, zero_point):
    f, e = np.asarray(flux, float), np.asarray(flux_error, float)
    good = np.where(f > 0, f, np.nan)
    return zero_point - 2.5 * np.log10(good), e / good

# %% instrumental_magnitude: zero-instead
def instrumental_magnitude(flux, flux_error, zero_point):
    f, e = np.atleast_1d(np.asarray(flux, float)), np.atleast_1d(np.asarray(flux_error, float))
    m, d = np.zeros(f.shape), np.zeros(f.shape)
    ok = f > 0
    m[ok] = zero_point - 2.5 * np.log10(f[ok])
    d[ok] = 1.0857 * e[ok] / f[ok]
    return (m, d) if np.ndim(flux) else (m[0], d[0])

# %% find_stars: swapped
def find_stars(image, fwhm, threshold):
    from astropy.table import Table
    from photutils.detection import DAOStarFinder
    import warnings
    warnings.simplefilter("ignore")
    t = DAOStarFinder(threshold=threshold, fwhm=fwhm)(np.nan_to_num(image))
    if t is None:
        return Table({"x_centroid": [], "y_centroid": []})
    return Table({"x_centroid": t["y_centroid"], "y_centroid": t["x_centroid"]})

# %% find_stars: every-pixel
def find_stars(image, fwhm, threshold):
    from astropy.table import Table
    y, x = np.nonzero(np.nan_to_num(image) > threshold)
    return Table({"x_centroid": x.astype(float), "y_centroid": y.astype(float)})

# %% find_stars: -
def find_stars(image, fwhm, threshold):
    from astropy.table import Table
    y, x = np.mgrid[4:image.shape[0]:6, 4:image.shape[1]:6]
    return Table({"x_centroid": x.ravel().astype(float), "y_centroid": y.ravel().astype(float)})

# %% merge_catalogs: duplicates
def merge_catalogs(first, second, radius):
    from astropy.table import vstack
    return vstack([first, second], metadata_conflicts="silent")

# %% merge_catalogs: square
def merge_catalogs(first, second, radius):
    from astropy.table import vstack
    x1, y1 = np.asarray(first["x_centroid"]), np.asarray(first["y_centroid"])
    keep = [not any(abs(x - a) <= radius and abs(y - b) <= radius for a, b in zip(x1, y1))
            for x, y in zip(second["x_centroid"], second["y_centroid"])]
    return vstack([first, second[np.array(keep, bool)]], metadata_conflicts="silent")

# %% merge_catalogs: second-first
def merge_catalogs(first, second, radius):
    from astropy.table import vstack
    keep = [not any(np.hypot(r["x_centroid"] - s["x_centroid"], r["y_centroid"] - s["y_centroid"]) <= radius for s in second) for r in first]
    return vstack([second, first[np.array(keep, bool)]], metadata_conflicts="silent")

# %% field_photometry: swapped
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)[:, ::-1]
    if not len(p):
        return QTable({n: [] for n in ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")})
    d = np.asarray(image, float)
    s, e = CircularAperture(p, r).do_photometry(d, error=np.sqrt(np.clip(d, 0, None)))
    b = np.atleast_1d(ApertureStats(d, CircularAnnulus(p, r_in, r_out)).median) * np.pi * r**2
    return QTable({"aperture_sum": s, "aperture_sum_err": e, "total_bkg": b, "aperture_sum_bkgsub": s - b})

# %% field_photometry: variance
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    if not len(p):
        return QTable({n: [] for n in ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")})
    d = np.asarray(image, float)
    s = CircularAperture(p, r).do_photometry(d)[0]
    b = np.atleast_1d(ApertureStats(d, CircularAnnulus(p, r_in, r_out)).median) * np.pi * r**2
    return QTable({"aperture_sum": s, "aperture_sum_err": s.copy(), "total_bkg": b, "aperture_sum_bkgsub": s - b})
