"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: star by star, in sweeps
def photometry(image, variance, psf):
    from functools import lru_cache

    from astropy.table import Table
    from scipy import ndimage, signal

    THRESHOLD = 7.0
    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    @lru_cache(512)
    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in (3, 3, 5):
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    return result[result["flux"] > 5 * result["flux_err"]]

# %% variant: in sweeps, a DataFrame, single precision, further columns
def photometry(image, variance, psf):
    from functools import lru_cache

    from astropy.table import Table
    from scipy import ndimage, signal

    THRESHOLD = 7.0
    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    @lru_cache(512)
    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in (3, 3, 5):
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    frame = result[result["flux"] > 5 * result["flux_err"]].to_pandas().astype("float32")
    frame["snr"] = frame["flux"] / frame["flux_err"]
    return frame.sort_values("flux", ascending=False)

# %% variant: all at once, prints and warns
def photometry(image, variance, psf):
    from functools import lru_cache

    from astropy.table import QTable
    from scipy import ndimage, signal, sparse

    half = psf.shape[0] // 2
    ny, nx = image.shape
    noise, index = np.sqrt(variance), np.arange(image.size).reshape(image.shape)
    spline = ndimage.spline_filter(psf, order=5)
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1].astype(float)

    @lru_cache(512)
    def stamp(x, y):
        column, row = int(np.rint(x)), int(np.rint(y))
        rows, columns = slice(max(0, row - half), min(ny, row + half + 1)), slice(max(0, column - half), min(nx, column + half + 1))
        inner = np.s_[rows.start - row + half : rows.stop - row + half, columns.start - column + half : columns.stop - column + half]
        at = np.array([yy + half - (y - row), xx + half - (x - column)])

        def shifted(dx, dy):
            return ndimage.map_coordinates(spline, [at[0] - dy, at[1] - dx], order=5, prefilter=False, mode="constant")[inner]

        step = 0.05
        profile = shifted(0.0, 0.0)
        along_x = (shifted(step, 0.0) - shifted(-step, 0.0)) / (2 * step)
        along_y = (shifted(0.0, step) - shifted(0.0, -step)) / (2 * step)
        return (rows, columns), profile, along_x, along_y

    def model(stars):
        light = np.zeros_like(image)
        for x, y, flux in stars:
            window, profile, _, _ = stamp(x, y)
            light[window] += flux * profile
        return light

    def detect(residual, threshold, taken):
        matched = signal.fftconvolve(residual / variance, psf[::-1, ::-1], mode="same")
        norm = np.sqrt(np.maximum(signal.fftconvolve(1 / variance, psf[::-1, ::-1] ** 2, mode="same"), 1e-30))
        significance = matched / norm
        peak = (significance == ndimage.maximum_filter(significance, 3)) & (significance > threshold)
        found = []
        for y, x in zip(*np.nonzero(peak), strict=True):
            if all(np.hypot(x - a, y - b) > 2.0 for a, b, _ in taken):
                found.append([float(x), float(y), float(matched[y, x] / norm[y, x] ** 2)])
        return found

    def fit(stars, rounds):
        # Gauss-Newton on all stars at once: the normal matrix is built from the overlaps of the stamps.
        for _ in range(rounds):
            residual = image - model(stars)
            columns, windows = [], []
            for x, y, flux in stars:
                window, profile, along_x, along_y = stamp(x, y)
                windows.append(window)
                columns.append([profile, flux * along_x, flux * along_y])
            n = len(stars)
            rows, pixels, values = [], [], []
            for k, (window, parts) in enumerate(zip(windows, columns, strict=True)):
                for i, part in enumerate(parts):
                    pixels.append(index[window].ravel())
                    values.append((part / noise[window]).ravel())
                    rows.append(np.full(part.size, 3 * k + i))
            where = (np.concatenate(rows), np.concatenate(pixels))
            design = sparse.csr_array((np.concatenate(values), where), shape=(3 * n, image.size))
            normal = (design @ design.T).toarray()
            normal[np.diag_indices(3 * n)] *= 1 + 1e-9
            inverse = np.linalg.pinv(normal, hermitian=True)
            step = inverse @ (design @ (residual / noise).ravel())
            for k, star in enumerate(stars):
                star[2] += step[3 * k]
                star[0] += float(np.clip(step[3 * k + 1], -0.6, 0.6))
                star[1] += float(np.clip(step[3 * k + 2], -0.6, 0.6))
            errors = np.sqrt(np.diag(inverse)[::3])
            inside = [s[2] > 0 and -0.5 < s[0] < nx - 0.5 and -0.5 < s[1] < ny - 0.5 for s in stars]
            stars, errors = [s for s, keep in zip(stars, inside, strict=True) if keep], errors[inside]
        return stars, errors

    stars = detect(image, 7.0, [])
    if not stars:
        return QTable({name: np.array([]) for name in ("x", "y", "flux", "flux_err")})
    stars, _ = fit(stars, 2)
    stars += detect(image - model(stars), 6.5, stars)
    stars, _ = fit(stars, 2)
    stars += detect(image - model(stars), 6.0, stars)
    import sys, warnings
    print(len(stars), "stars")
    print("last fit", file=sys.stderr)
    warnings.warn("a crowded field")
    stars, errors = fit(stars, 3)
    x, y, flux = np.array(stars).T
    good = flux > 5 * errors
    return QTable({"x": x[good], "y": y[good], "flux": flux[good], "flux_err": errors[good]})

# %% variant: a helper in a cell of its own
def strong(table, times):
    return table[table["flux"] > times * table["flux_err"]]
# %%
def photometry(image, variance, psf):
    from functools import lru_cache

    from astropy.table import Table
    from scipy import ndimage, signal

    THRESHOLD = 7.0
    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    @lru_cache(512)
    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in (3, 3, 5):
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    return strong(result, 5)

# %% variant: an object with __call__, photutils finds the peaks
from photutils.detection import find_peaks
# %%
class Photometer:
    def __init__(self, floor):
        self.floor = floor

    def __call__(self, image, variance, psf):
        found = measure(image, variance, psf)
        found.sort("y")
        return found[found["flux"] / found["flux_err"] > self.floor]
# %%
def measure(image, variance, psf):
    from functools import lru_cache

    from astropy.table import Table
    from scipy import ndimage, signal

    THRESHOLD = 7.0
    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    @lru_cache(512)
    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        table = find_peaks(signal_to_noise, THRESHOLD, box_size=3)
        found = [] if table is None else zip(table["x_peak"].tolist(), table["y_peak"].tolist())
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for i, j in found
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in (3, 3, 5):
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    return result

# %%
photometry = Photometer(floor=5)

# %% variant: functools.partial of a general function, type hints
from functools import partial
# %%
def in_sweeps(image: np.ndarray, variance: np.ndarray, psf: np.ndarray, *, THRESHOLD: float, rounds: tuple[int, ...]):
    from functools import lru_cache

    from astropy.table import Table
    from scipy import ndimage, signal

    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    @lru_cache(512)
    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in rounds:
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    return result[result["flux"] > 5 * result["flux_err"]]

# %%
photometry = partial(in_sweeps, THRESHOLD=6.5, rounds=(3, 3, 3, 3))

# %% variant: all at once, another inverse, draws what is left
def photometry(image, variance, psf):
    from functools import lru_cache

    from astropy.table import QTable
    from scipy import ndimage, signal, sparse

    half = psf.shape[0] // 2
    ny, nx = image.shape
    noise, index = np.sqrt(variance), np.arange(image.size).reshape(image.shape)
    spline = ndimage.spline_filter(psf, order=5)
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1].astype(float)

    @lru_cache(512)
    def stamp(x, y):
        column, row = int(np.rint(x)), int(np.rint(y))
        rows, columns = slice(max(0, row - half), min(ny, row + half + 1)), slice(max(0, column - half), min(nx, column + half + 1))
        inner = np.s_[rows.start - row + half : rows.stop - row + half, columns.start - column + half : columns.stop - column + half]
        at = np.array([yy + half - (y - row), xx + half - (x - column)])

        def shifted(dx, dy):
            return ndimage.map_coordinates(spline, [at[0] - dy, at[1] - dx], order=5, prefilter=False, mode="constant")[inner]

        step = 0.05
        profile = shifted(0.0, 0.0)
        along_x = (shifted(step, 0.0) - shifted(-step, 0.0)) / (2 * step)
        along_y = (shifted(0.0, step) - shifted(0.0, -step)) / (2 * step)
        return (rows, columns), profile, along_x, along_y

    def model(stars):
        light = np.zeros_like(image)
        for x, y, flux in stars:
            window, profile, _, _ = stamp(x, y)
            light[window] += flux * profile
        return light

    def detect(residual, threshold, taken):
        matched = signal.fftconvolve(residual / variance, psf[::-1, ::-1], mode="same")
        norm = np.sqrt(np.maximum(signal.fftconvolve(1 / variance, psf[::-1, ::-1] ** 2, mode="same"), 1e-30))
        significance = matched / norm
        peak = (significance == ndimage.maximum_filter(significance, 3)) & (significance > threshold)
        found = []
        for y, x in zip(*np.nonzero(peak), strict=True):
            if all(np.hypot(x - a, y - b) > 2.0 for a, b, _ in taken):
                found.append([float(x), float(y), float(matched[y, x] / norm[y, x] ** 2)])
        return found

    def fit(stars, rounds):
        # Gauss-Newton on all stars at once: the normal matrix is built from the overlaps of the stamps.
        for _ in range(rounds):
            residual = image - model(stars)
            columns, windows = [], []
            for x, y, flux in stars:
                window, profile, along_x, along_y = stamp(x, y)
                windows.append(window)
                columns.append([profile, flux * along_x, flux * along_y])
            n = len(stars)
            rows, pixels, values = [], [], []
            for k, (window, parts) in enumerate(zip(windows, columns, strict=True)):
                for i, part in enumerate(parts):
                    pixels.append(index[window].ravel())
                    values.append((part / noise[window]).ravel())
                    rows.append(np.full(part.size, 3 * k + i))
            where = (np.concatenate(rows), np.concatenate(pixels))
            design = sparse.csr_array((np.concatenate(values), where), shape=(3 * n, image.size))
            normal = (design @ design.T).toarray()
            normal[np.diag_indices(3 * n)] *= 1 + 1e-9
            inverse = np.linalg.inv(normal)
            step = inverse @ (design @ (residual / noise).ravel())
            for k, star in enumerate(stars):
                star[2] += step[3 * k]
                star[0] += float(np.clip(step[3 * k + 1], -0.6, 0.6))
                star[1] += float(np.clip(step[3 * k + 2], -0.6, 0.6))
            errors = np.sqrt(np.diag(inverse)[::3])
            inside = [s[2] > 0 and -0.5 < s[0] < nx - 0.5 and -0.5 < s[1] < ny - 0.5 for s in stars]
            stars, errors = [s for s, keep in zip(stars, inside, strict=True) if keep], errors[inside]
        return stars, errors

    stars = detect(image, 7.0, [])
    if not stars:
        return QTable({name: np.array([]) for name in ("x", "y", "flux", "flux_err")})
    stars, _ = fit(stars, 2)
    stars += detect(image - model(stars), 6.5, stars)
    stars, _ = fit(stars, 2)
    stars += detect(image - model(stars), 6.0, stars)
    stars, errors = fit(stars, 3)
    import matplotlib.pyplot as plt
    plt.imshow(image - model(stars), origin="lower")
    plt.colorbar()
    plt.show()
    x, y, flux = np.array(stars).T
    good = flux > 5 * errors
    return QTable({"x": x[good], "y": y[good], "flux": flux[good], "flux_err": errors[good]})

# %% variant: a lambda, a dictionary of lists made into a DataFrame
import pandas as pd
# %%
def as_lists(image, variance, psf):
    from functools import lru_cache

    from astropy.table import Table
    from scipy import ndimage, signal

    THRESHOLD = 7.0
    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    @lru_cache(512)
    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in (3, 3, 5):
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    strong = [k for k in range(len(result)) if result["flux"][k] > 5 * result["flux_err"][k]]
    return {name: [float(result[name][k]) for k in strong] for name in ("flux", "flux_err", "x", "y")}

# %%
photometry = lambda image, variance, psf: pd.DataFrame(as_lists(image, variance, psf))
