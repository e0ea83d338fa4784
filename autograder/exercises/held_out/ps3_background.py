"""Mistakes in spellings that no fingerprint was made from; `-`: no mistake that is declared."""

# %% poisson_error: variance
def poisson_error(image):
    d = np.array(image, dtype=float)
    d[d < 0] = 0
    return d

# %% poisson_error: absolute
def poisson_error(image):
    return np.abs(np.asarray(image, float)) ** 0.5

# %% poisson_error: floor-of-one
def poisson_error(image):
    return np.maximum(1, np.sqrt(np.clip(np.asarray(image, float), 0, None)))

# %% poisson_error: whole-numbers
def poisson_error(image):
    return np.floor(np.sqrt(np.clip(np.asarray(image, float), 0, None)))

# %% poisson_error: relative
def poisson_error(image):
    d = np.clip(np.asarray(image, float), 0, None)
    with np.errstate(all="ignore"):
        return np.where(d > 0, d ** -0.5, 0)

# %% subtract_background: mean
def subtract_background(image, sigma=3.0):
    d = np.asarray(image, float)
    m = d[np.isfinite(d)].mean()
    return d - m, m

# %% subtract_background: no-clipping
def subtract_background(image, sigma=3.0):
    d = np.asarray(image, float)
    m = np.nanpercentile(d, 50)
    return d - m, m

# %% subtract_background: threshold-ignored
def subtract_background(image, sigma=3.0):
    from astropy.stats import sigma_clipped_stats
    d = np.asarray(image, float)
    m = sigma_clipped_stats(d[np.isfinite(d)], sigma=3.0, maxiters=20)[1]
    return d - m, m

# %% subtract_background: -
def subtract_background(image, sigma=3.0):
    d = np.asarray(image, float)
    m = np.nanpercentile(d, 15)
    return d - m, m

# %% brightest_source: aperture-swapped
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture
    d = np.nan_to_num(image, nan=-1e30)
    y, x = np.unravel_index(d.argmax(), d.shape)
    f, e = CircularAperture((y, x), radius).do_photometry(np.nan_to_num(image), error=np.nan_to_num(error))
    return x, y, f[0], e[0]

# %% brightest_source: diameter
def brightest_source(image, error, radius=4.0):
    d = np.where(np.isnan(image), -np.inf, image)
    y, x = np.unravel_index(d.argmax(), d.shape)
    from photutils.aperture import CircularAperture
    f, e = CircularAperture((x, y), 0.5 * radius).do_photometry(np.nan_to_num(image), error=np.nan_to_num(error))
    return int(x), int(y), float(f[0]), float(e[0])

# %% brightest_source: flat-index
def brightest_source(image, error, radius=4.0):
    k = int(np.nanargmax(image))
    return k, 0, float(np.nanmax(image)), float(error.ravel()[k])

# %% brightest_source: peak-only
def brightest_source(image, error, radius=4.0):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return x, y, image[y, x], error[y, x]

# %% annulus_photometry: row-column
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.atleast_2d(np.asarray(positions, float).reshape(-1, 2))[:, ::-1]
    if not len(p):
        return QTable({n: [] for n in ("aperture_sum", "total_bkg", "aperture_sum_bkgsub")})
    a = CircularAperture(p, r)
    s = a.do_photometry(np.nan_to_num(image))[0]
    b = ApertureStats(image, CircularAnnulus(p, r_in, r_out)).median * np.pi * r**2
    return QTable({"aperture_sum": s, "total_bkg": b, "aperture_sum_bkgsub": s - b})

# %% annulus_photometry: not-times-area
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    if not len(p):
        return QTable({n: [] for n in ("aperture_sum", "total_bkg", "aperture_sum_bkgsub")})
    s = CircularAperture(p, r).do_photometry(np.nan_to_num(image))[0]
    b = np.atleast_1d(ApertureStats(image, CircularAnnulus(p, r_in, r_out)).median)
    return QTable({"aperture_sum": s, "total_bkg": b, "aperture_sum_bkgsub": s - b})

# %% annulus_photometry: whole-image
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.stats import sigma_clipped_stats
    from astropy.table import QTable
    from photutils.aperture import CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    level = sigma_clipped_stats(image)[1]
    s = CircularAperture(p, r).do_photometry(np.nan_to_num(image))[0] if len(p) else np.array([])
    b = np.full(len(p), level * np.pi * r**2)
    return QTable({"aperture_sum": s, "total_bkg": b, "aperture_sum_bkgsub": s - b})

# %% background_map: constant
def background_map(image, box_size, filter_size):
    return np.ones(image.shape) * np.nanmean(image)

# %% background_map: upside-down
def background_map(image, box_size, filter_size):
    from astropy.stats import SigmaClip
    from photutils.background import Background2D
    return Background2D(image, box_size, filter_size=filter_size, sigma_clip=SigmaClip(3.0)).background[::-1]

# %% background_map: turned
def background_map(image, box_size, filter_size):
    from photutils.background import Background2D, SExtractorBackground
    return np.swapaxes(Background2D(image, box_size, filter_size=filter_size, bkg_estimator=SExtractorBackground()).background, 0, 1)

# %% background_map: subtracted
def background_map(image, box_size, filter_size):
    from photutils.background import Background2D
    return image - Background2D(image, box_size, filter_size=filter_size).background

# %% three_brightest: not-sorted
def three_brightest(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    good = [i for i in range(len(p)) if np.isfinite(image[int(round(p[i][1])), int(round(p[i][0]))])][:3]
    p = p[good]
    s = CircularAperture(p, r).do_photometry(np.nan_to_num(image))[0]
    b = np.atleast_1d(ApertureStats(image, CircularAnnulus(p, r_in, r_out)).median) * np.pi * r**2
    return QTable({"x": p[:, 0], "y": p[:, 1], "aperture_sum": s, "total_bkg": b, "aperture_sum_bkgsub": s - b})

# %% annulus_photometry: whole-pixels
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    image = np.asarray(image, float)
    yy, xx = np.indices(image.shape)
    rows = []
    for x, y in np.reshape(positions, (-1, 2)):
        distance = np.hypot(xx - x, yy - y)
        level = np.nanmedian(image[(distance >= r_in) & (distance < r_out)])
        inside = distance < r
        total, sky = image[inside].sum(), level * inside.sum()
        rows.append((total, sky, total - sky))
    return QTable(rows=rows or None, names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"), dtype=(float,) * 3)

# %% annulus_photometry: not-subtracted
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    p = np.asarray(positions, float).reshape(-1, 2)
    if len(p) == 0:
        return QTable({"aperture_sum": [], "total_bkg": [], "aperture_sum_bkgsub": []})
    circle = CircularAperture(p, r)
    total = np.array([np.nansum(mask.multiply(np.asarray(image, float))) for mask in circle.to_mask(method="exact")])
    sky = ApertureStats(np.asarray(image, float), CircularAnnulus(p, r_in, r_out)).median * circle.area
    return QTable({"aperture_sum": total, "total_bkg": sky, "aperture_sum_bkgsub": total})

# %% annulus_photometry: ring-elsewhere
def annulus_photometry(image, positions, r, r_in, r_out):
    # r_in and r_out are taken from the aperture's rim.
    from astropy.table import QTable
    from photutils.aperture import CircularAperture
    image = np.asarray(image, float)
    yy, xx = np.indices(image.shape)
    rows = []
    for x, y in np.reshape(positions, (-1, 2)):
        from_rim = np.hypot(xx - x, yy - y) - r
        level = np.nanmedian(image[(from_rim > r_in) & (from_rim < r_out)])
        total = float(CircularAperture((x, y), r).do_photometry(image)[0][0])
        rows.append((total, level * np.pi * r**2, total - level * np.pi * r**2))
    return QTable(rows=rows or None, names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"), dtype=(float,) * 3)

# %% annulus_photometry: ring-elsewhere
def annulus_photometry(image, positions, r, r_in, r_out):
    # r_out is taken for the width of the ring.
    from astropy.stats import sigma_clipped_stats
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture
    data = np.asarray(image, float)
    sums, skies = [], []
    for place in np.reshape(positions, (-1, 2)):
        ring = CircularAnnulus(place, r_in, r_in + r_out).to_mask(method="center").get_values(data)
        circle = CircularAperture(place, r)
        sums.append(circle.do_photometry(data)[0][0])
        skies.append(sigma_clipped_stats(ring[np.isfinite(ring)])[1] * circle.area)
    return QTable({"aperture_sum": np.array(sums), "total_bkg": np.array(skies),
                   "aperture_sum_bkgsub": np.array(sums) - np.array(skies)})

# %% subtract_background: nan-spoils
def subtract_background(image, sigma=3.0):
    data = np.array(image, dtype=float)
    keep = np.ones(data.shape, dtype=bool)
    for _ in range(10):
        middle, spread = np.median(data[keep]), np.std(data[keep])
        keep = np.abs(data - middle) < sigma * spread
    return data - middle, float(middle)

# %% subtract_background: input-modified
def subtract_background(image, sigma=3.0):
    from astropy.stats import sigma_clipped_stats
    level = sigma_clipped_stats(image, sigma=sigma)[1]
    for row in image:
        row[:] = row - level
    return image, level

# %% annulus_photometry: one-for-all
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture
    data = np.asarray(image, float)
    places = [tuple(p) for p in np.reshape(positions, (-1, 2))]
    names = ("aperture_sum", "total_bkg", "aperture_sum_bkgsub")
    if not places:
        return QTable({name: [] for name in names})
    rings = [CircularAnnulus(p, r_in, r_out).to_mask(method="center").get_values(data) for p in places]
    level = float(np.nanmedian(np.hstack(rings)))
    sums = np.array([CircularAperture(p, r).do_photometry(data)[0][0] for p in places])
    sky = np.full(len(places), level * np.pi * r**2)
    return QTable([sums, sky, sums - sky], names=names)

# %% annulus_photometry: one-for-all
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry
    p = np.array(positions, float).reshape(-1, 2)
    if len(p) == 0:
        return QTable(names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"), dtype=(float,) * 3)
    table = aperture_photometry(image, CircularAperture(p, r))
    levels = [float(np.ravel(ApertureStats(image, CircularAnnulus(place, r_in, r_out)).median)[0]) for place in p]
    table["total_bkg"] = sum(levels) / len(levels) * CircularAperture(p, r).area
    table["aperture_sum_bkgsub"] = table["aperture_sum"] - table["total_bkg"]
    return table

# %% annulus_photometry: corners-as-zeros
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture
    data = np.asarray(image, float)
    rows = []
    for place in np.reshape(positions, (-1, 2)):
        cutout = CircularAnnulus(place, r_in, r_out).to_mask(method="exact").multiply(np.where(np.isnan(data), 0, data))
        circle = CircularAperture(place, r)
        sky = np.median(cutout) * circle.area
        total = circle.do_photometry(data)[0][0]
        rows.append([total, sky, total - sky])
    return QTable(np.reshape(rows, (-1, 3)), names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"))

# %% annulus_photometry: corners-as-zeros
def annulus_photometry(image, positions, r, r_in, r_out):
    import pandas as pd
    from photutils.aperture import CircularAperture
    data = np.nan_to_num(np.asarray(image, float))
    yy, xx = np.indices(data.shape)
    sums, levels = [], []
    for x, y in np.reshape(positions, (-1, 2)):
        distance = np.hypot(xx - x, yy - y)
        ring = data * ((distance > r_in) & (distance < r_out))
        levels.append(np.median(ring))
        sums.append(CircularAperture((x, y), r).do_photometry(data)[0][0])
    sky = np.array(levels, float) * np.pi * r**2
    return pd.DataFrame({"aperture_sum": sums, "total_bkg": sky, "aperture_sum_bkgsub": np.array(sums, float) - sky})
