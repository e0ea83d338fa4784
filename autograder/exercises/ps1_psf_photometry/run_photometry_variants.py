"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: as most people write it
def run_photometry(image, threshold, psf_width):
    rows = []
    detection = gaussian_filter(image, psf_width, mode='constant')
    for px, py in zip(*find_peaks(detection, threshold)):
        x_start, y_start = max(0, px - 10), max(0, py - 10)
        cutout = image[y_start:py + 11, x_start:px + 11]
        x_c, y_c = centroid(cutout, x_start, y_start)
        x_w, y_w = second_moment(cutout, x_c, y_c, x_start, y_start)
        flux = psf_flux_gaussian(cutout, x_c, y_c, psf_width, x_start, y_start)
        rows.append([x_c, y_c, x_w, y_w, flux])
    return pd.DataFrame(rows, columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])

# %% variant: the notebook's own functions, a list of dictionaries
def run_photometry(image, threshold, psf_width):
    smooth = gaussian_filter(image, sigma=psf_width)
    xs, ys = find_peaks(smooth, threshold)
    table = []
    for x, y in zip(xs, ys):
        x0, y0 = max(int(x) - 7, 0), max(int(y) - 7, 0)
        cutout = image[y0:int(y) + 8, x0:int(x) + 8]
        cx, cy = centroid(cutout, x0, y0)
        mx, my = second_moment(cutout, cx, cy, x0, y0)
        table.append({"centroid_x": cx, "centroid_y": cy, "moment_x": mx, "moment_y": my,
                      "gaussian_flux": psf_flux_gaussian(cutout, cx, cy, psf_width, x0, y0)})
    return pd.DataFrame(table, columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])

# %% variant: everything inside, the smallest cut-out, sorted by flux
def run_photometry(image: np.ndarray, threshold: float, psf_width: float) -> pd.DataFrame:
    from astropy.convolution import Gaussian2DKernel, convolve

    smooth = convolve(image, Gaussian2DKernel(psf_width), boundary="extend")
    core = smooth[8:-8, 8:-8]
    is_peak = core > threshold
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dx or dy:
                is_peak &= core > smooth[8 + dy:smooth.shape[0] - 8 + dy, 8 + dx:smooth.shape[1] - 8 + dx]
    rows = {"centroid_x": [], "centroid_y": [], "moment_x": [], "moment_y": [], "gaussian_flux": [], "peak": []}
    for py, px in np.argwhere(is_peak) + 8:
        ys = slice(max(py - 5, 0), min(py + 6, image.shape[0]))
        xs = slice(max(px - 5, 0), min(px + 6, image.shape[1]))
        f = image[ys, xs]
        y, x = np.mgrid[ys, xs]
        cx, cy = np.average(x, weights=f), np.average(y, weights=f)
        psf = gaussian2D(np.hypot(x - cx, y - cy), psf_width)
        psf = psf / psf.sum()
        rows["centroid_x"].append(cx)
        rows["centroid_y"].append(cy)
        rows["moment_x"].append(np.sqrt(np.average((x - cx) ** 2, weights=f**2)))
        rows["moment_y"].append(np.sqrt(np.average((y - cy) ** 2, weights=f**2)))
        rows["gaussian_flux"].append(np.vdot(f, psf) / np.vdot(psf, psf))
        rows["peak"].append(smooth[py, px])
    return pd.DataFrame(rows).sort_values("gaussian_flux", ascending=False)

# %% variant: a cut-out helper in a cell of its own, the largest cut-out, a table grown row by row
def clipped_cutout(data, x, y, half=15):
    ny, nx = data.shape
    left, right = max(0, x - half), min(nx, x + half + 1)
    low, high = max(0, y - half), min(ny, y + half + 1)
    return data[low:high, left:right], left, low

# %%
import pandas
from scipy import ndimage

def run_photometry(image, threshold, psf_width):
    conv = ndimage.gaussian_filter(np.asarray(image, dtype=float), psf_width, truncate=5)
    peaks_x, peaks_y = find_peaks(conv, threshold)
    df = pandas.DataFrame(columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])
    for k in range(len(peaks_x)):
        stamp, x_start, y_start = clipped_cutout(image, peaks_x[k], peaks_y[k])
        position = centroid(stamp, x_start, y_start)
        widths = second_moment(stamp, position[0], position[1], x_start, y_start)
        flux = psf_flux_gaussian(stamp, *position, psf_width, x_start, y_start)
        df.loc[len(df)] = [position[0], position[1], widths[0], widths[1], flux]
    return df

# %% variant: prints its progress and warns
def run_photometry(image, threshold, psf_width):
    import sys
    import warnings

    from scipy.signal import fftconvolve

    r = np.arange(-10, 11)
    kernel = np.exp(-(r[:, None] ** 2 + r[None, :] ** 2) / (2 * psf_width**2))
    detection = fftconvolve(image, kernel / kernel.sum(), mode="same")
    xs, ys = find_peaks(detection, threshold)
    print("found", len(xs), "peaks")
    print("measuring ...", file=sys.stderr)
    warnings.warn("sources near the edge are clipped", stacklevel=1)
    out = np.full((len(xs), 5), np.nan)
    for row, (x, y) in enumerate(zip(xs, ys)):
        top, left = max(0, y - 9), max(0, x - 9)
        stamp = image[top:y + 10, left:x + 10].copy()
        out[row, :2] = centroid(stamp, left, top)
        out[row, 2:4] = second_moment(stamp, out[row, 0], out[row, 1], left, top)
        out[row, 4] = psf_flux_gaussian(stamp, out[row, 0], out[row, 1], psf_width, left, top)
    return pd.DataFrame({"id": np.arange(len(xs)), "centroid_x": out[:, 0], "centroid_y": out[:, 1],
                         "moment_x": out[:, 2], "moment_y": out[:, 3], "gaussian_flux": out[:, 4].astype(np.float32)})

# %% variant: a class that holds the settings, used as a function
class Pipeline:
    COLUMNS = ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]

    def __init__(self, half_size):
        self.half_size = half_size

    def measure(self, image, x, y, psf_width):
        h = self.half_size
        x0, y0 = max(0, x - h), max(0, y - h)
        stamp = image[y0:y + h + 1, x0:x + h + 1]
        xc, yc = centroid(stamp, x0, y0)
        return [xc, yc, *second_moment(stamp, xc, yc, x0, y0), psf_flux_gaussian(stamp, xc, yc, psf_width, x0, y0)]

    def __call__(self, image, threshold, psf_width):
        xs, ys = find_peaks(gaussian_filter(image, psf_width), threshold)
        measured = [self.measure(image, x, y, psf_width) for x, y in zip(xs, ys)]
        return pd.DataFrame(measured, columns=self.COLUMNS)

# %%
run_photometry = Pipeline(half_size=12)

# %% variant: functools.partial of a general function, a QTable converted at the end
from functools import partial
from astropy.table import Table

def general(image, threshold, psf_width, size):
    found = Table(names=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])
    half = size // 2
    for x, y in zip(*find_peaks(gaussian_filter(image, psf_width, mode="nearest"), threshold)):
        x_lo, y_lo = max(0, x - half), max(0, y - half)
        part = image[y_lo:y + half + 1, x_lo:x + half + 1]
        c = centroid(part, x_lo, y_lo)
        found.add_row([*c, *second_moment(part, *c, x_lo, y_lo), psf_flux_gaussian(part, *c, psf_width, x_lo, y_lo)])
    return found.to_pandas()

run_photometry = partial(general, size=17)

# %% variant: draws a figure of its peaks, whole image scanned with maximum_filter
import matplotlib.pyplot as plt
from scipy.ndimage import convolve, maximum_filter

# %%
def run_photometry(image, threshold, psf_width):
    side = np.arange(-int(4 * psf_width + 1), int(4 * psf_width + 1) + 1)
    xx, yy = np.meshgrid(side, side)
    kernel = gaussian2D(np.sqrt(xx**2 + yy**2), psf_width)
    detection = convolve(image, kernel / kernel.sum(), mode="constant")
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    good = (detection > threshold) & (detection > maximum_filter(detection, footprint=ring))
    y_peak, x_peak = np.nonzero(good)
    inside = (x_peak >= 10) & (y_peak >= 10) & (x_peak < image.shape[1] - 10) & (y_peak < image.shape[0] - 10)
    x_peak, y_peak = x_peak[inside], y_peak[inside]
    plt.figure()
    plt.imshow(detection, origin="lower")
    plt.plot(x_peak, y_peak, "r+")
    columns = {name: np.empty(len(x_peak)) for name in
               ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]}
    for n, (px, py) in enumerate(zip(x_peak, y_peak)):
        x0, y0 = max(px - 10, 0), max(py - 10, 0)
        cut = image[y0:py + 10, x0:px + 10]
        cx, cy = centroid(cut, x0, y0)
        columns["centroid_x"][n], columns["centroid_y"][n] = cx, cy
        columns["moment_x"][n], columns["moment_y"][n] = second_moment(cut, cx, cy, x0, y0)
        columns["gaussian_flux"][n] = psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0)
    return pd.DataFrame(columns)

# %% variant: a lambda over helpers, peaks as lists, columns named in another order
def _row(image, x, y, psf_width, n=13):
    x0, y0 = max(x - n // 2, 0), max(y - n // 2, 0)
    cut = image[y0:y + n // 2 + 1, x0:x + n // 2 + 1]
    cx, cy = centroid(cut, x0, y0)
    mx, my = second_moment(cut, cx, cy, x0, y0)
    return dict(gaussian_flux=psf_flux_gaussian(cut, cx, cy, psf_width, x0, y0), moment_y=my, moment_x=mx,
                centroid_y=cy, centroid_x=cx)

# %%
NAMES = ["gaussian_flux", "moment_y", "moment_x", "centroid_y", "centroid_x"]
run_photometry = lambda image, threshold, psf_width: pd.DataFrame(
    [_row(image, int(x), int(y), psf_width) for x, y in zip(*map(list, find_peaks(gaussian_filter(image, psf_width), threshold)))],
    columns=NAMES)
