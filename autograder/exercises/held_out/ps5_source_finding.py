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

# %% field_photometry: level-error-added
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAperture
    data = np.asarray(image, float)
    yy, xx = np.indices(data.shape)
    columns = {n: [] for n in ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")}
    for x, y in np.reshape(positions, (-1, 2)):
        distance = np.hypot(xx - x, yy - y)
        ring = data[(distance >= r_in) & (distance <= r_out)]
        area = np.pi * r**2
        total = CircularAperture((x, y), r).do_photometry(data)[0][0]
        photons = CircularAperture((x, y), r).do_photometry(np.maximum(data, 0))[0][0]
        sky, sky_error = np.median(ring) * area, area * ring.std() / np.sqrt(ring.size)
        for name, value in zip(columns, (total, np.hypot(np.sqrt(photons), sky_error), sky, total - sky)):
            columns[name].append(value)
    return QTable(columns)

# %% field_photometry: level-error-added
def field_photometry(image, positions, r, r_in, r_out):
    # As IRAF's phot does it: photons, the sky's scatter in the aperture, and the error of the level.
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    if not len(p):
        return QTable({n: [] for n in ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")})
    data, circle, annulus = np.asarray(image, float), CircularAperture(p, r), CircularAnnulus(p, r_in, r_out)
    total, ring = circle.do_photometry(data)[0], ApertureStats(data, annulus)
    net = total - ring.median * circle.area
    error = np.sqrt(np.maximum(net, 0) + circle.area * ring.std**2 + circle.area**2 * ring.std**2 / annulus.area)
    return QTable({"aperture_sum": total, "aperture_sum_err": error, "total_bkg": ring.median * circle.area,
                   "aperture_sum_bkgsub": net})

# %% instrumental_magnitude: no-zero-point
def instrumental_magnitude(flux, flux_error, zero_point):
    flux, flux_error = np.broadcast_arrays(np.asarray(flux, float), np.asarray(flux_error, float))
    mag, error = np.full(flux.shape, np.nan), np.full(flux.shape, np.nan)
    good = flux > 0
    mag[good] = np.log10(flux[good]) / -0.4
    error[good] = flux_error[good] / flux[good] * 2.5 / np.log(10)
    return (mag, error) if mag.ndim else (float(mag), float(error))

# %% magnitude_plot: natural-log
def magnitude_plot(mag, mag_error):
    import matplotlib.pyplot as plt
    known = np.isfinite(mag) & np.isfinite(mag_error)
    fig, ax = plt.subplots(figsize=(5, 4))
    ax.plot(np.asarray(mag)[known], np.log(np.asarray(mag_error)[known]), ".")
    ax.set(xlabel="magnitude [mag]", ylabel="log of the error [mag]")
    return fig

# %% merge_catalogs: new-only
def merge_catalogs(first, second, radius):
    from astropy.table import Table
    from scipy.spatial import cKDTree
    here = np.column_stack([second["x_centroid"], second["y_centroid"]])
    if len(first) == 0 or len(here) == 0:
        return second
    distance, _ = cKDTree(np.column_stack([first["x_centroid"], first["y_centroid"]])).query(here)
    return second[distance > radius]

# %% field_photometry: corners-as-zeros
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture
    data, rows = np.asarray(image, float), []
    for place in np.reshape(positions, (-1, 2)):
        circle = CircularAperture(place, r)
        cutout = CircularAnnulus(place, r_in, r_out).to_mask(method="exact").multiply(data)
        (total,), (error,) = circle.do_photometry(data, error=np.sqrt(np.maximum(data, 0)))
        sky = np.median(cutout) * circle.area
        rows.append([total, error, sky, total - sky])
    return QTable(np.reshape(rows, (-1, 4)), names=("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub"))

# %% field_photometry: corners-as-zeros
def field_photometry(image, positions, r, r_in, r_out):
    import pandas as pd
    from photutils.aperture import CircularAperture
    data = np.asarray(image, float)
    yy, xx = np.indices(data.shape)
    table = {n: [] for n in ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")}
    for x, y in np.reshape(positions, (-1, 2)):
        distance = np.hypot(xx - x, yy - y)
        ring = np.where((distance >= r_in) & (distance <= r_out), data, 0)
        total, error = CircularAperture((x, y), r).do_photometry(data, error=np.sqrt(np.clip(data, 0, None)))
        sky = np.median(ring) * np.pi * r**2
        for name, value in zip(table, (total[0], error[0], sky, total[0] - sky)):
            table[name].append(value)
    return pd.DataFrame(table)

# %% instrumental_magnitude: negative-error
def instrumental_magnitude(flux, flux_error, zero_point):
    flux, flux_error = np.asarray(flux, float), np.asarray(flux_error, float)
    safe = np.where(flux > 0, flux, np.nan)
    derivative = -2.5 / (safe * np.log(10))
    return zero_point - 2.5 * np.log10(safe), derivative * flux_error

# %% instrumental_magnitude: negative-error
def instrumental_magnitude(flux, flux_error, zero_point):
    import math
    def one(f, e):
        if f <= 0:
            return math.nan, math.nan
        return zero_point - 2.5 * math.log10(f), -1.0857 * e / f
    if np.ndim(flux) == 0:
        return one(flux, flux_error)
    pairs = [one(f, e) for f, e in zip(flux, np.broadcast_to(flux_error, np.shape(flux)))]
    return np.array([m for m, _ in pairs]), np.array([d for _, d in pairs])

# %% merge_catalogs: any-for-all
def merge_catalogs(first, second, radius):
    from astropy.table import vstack
    if len(first) == 0:
        return second[:0]
    new = []
    for k, row in enumerate(second):
        for star in first:
            if (row["x_centroid"] - star["x_centroid"]) ** 2 + (row["y_centroid"] - star["y_centroid"]) ** 2 > radius**2:
                new.append(k)
                break
    return vstack([first, second[np.array(new, int)]], metadata_conflicts="silent")

# %% merge_catalogs: any-for-all
def merge_catalogs(first, second, radius):
    from astropy.table import vstack
    from scipy.spatial.distance import cdist
    here, there = (np.column_stack([t["x_centroid"], t["y_centroid"]]).reshape(-1, 2) for t in (second, first))
    near = np.all(cdist(here, there) <= radius, axis=1)
    return vstack([first, second[~near]], metadata_conflicts="silent")

# %% merge_catalogs: sorted
def merge_catalogs(first, second, radius):
    from astropy.table import vstack
    keep = [all(np.hypot(row["x_centroid"] - s["x_centroid"], row["y_centroid"] - s["y_centroid"]) > radius for s in first) for row in second]
    merged = vstack([first, second[np.array(keep, bool)]], metadata_conflicts="silent")
    merged.sort("x_centroid")
    return merged

# %% merge_catalogs: sorted
def merge_catalogs(first, second, radius):
    import pandas as pd
    one, two = (pd.DataFrame({n: np.asarray(t[n], float) for n in ("x_centroid", "y_centroid")}) for t in (first, second))
    far = [not ((one.x_centroid - x) ** 2 + (one.y_centroid - y) ** 2 <= radius**2).any() for x, y in two.itertuples(index=False)]
    return pd.concat([one, two[far]]).sort_values("y_centroid", ignore_index=True)

# %% field_photometry: subtracted-first
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.stats import sigma_clipped_stats
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    if not len(p):
        return QTable({n: [] for n in ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")})
    sky = sigma_clipped_stats(image)[1]
    flat = np.asarray(image, float) - sky
    circle = CircularAperture(p, r)
    total, error = circle.do_photometry(flat, error=np.sqrt(np.clip(flat, 0, None)))
    local = ApertureStats(flat, CircularAnnulus(p, r_in, r_out)).median * circle.area
    return QTable({"aperture_sum": total, "aperture_sum_err": error, "total_bkg": local, "aperture_sum_bkgsub": total - local})
