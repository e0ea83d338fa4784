"""Mistakes in spellings that no fingerprint was made from; `photgrader quality` tells which of them are named. `-`: no mistake that is declared."""

# %% aperture_flux: mean
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    yy, xx = np.indices(image_cutout.shape)
    inside = np.hypot(xx + x_start - centroid_x, yy + y_start - centroid_y) < radius
    return np.mean(image_cutout[inside])

# %% aperture_flux: diameter
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    yy, xx = np.indices(image_cutout.shape)
    inside = np.hypot(xx + x_start - centroid_x, yy + y_start - centroid_y) <= radius / 2
    return image_cutout[inside].sum()

# %% aperture_flux: no-offset
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    total = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            if (i - centroid_x) ** 2 + (j - centroid_y) ** 2 <= radius**2:
                total += image_cutout[j, i]
    return total

# %% aperture_flux: square
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    cx, cy = int(round(centroid_x - x_start)), int(round(centroid_y - y_start))
    r = int(round(radius))
    return image_cutout[max(cy - r, 0):cy + r + 1, max(cx - r, 0):cx + r + 1].sum()

# %% aperture_flux: whole-cutout
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    return float(sum(sum(row) for row in image_cutout))

# %% aperture_flux: -
image = np.random.default_rng(1).normal(5, 2, (40, 50))
# %% cell
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    yy, xx = np.indices(image.shape)
    return image[np.hypot(xx + x_start - centroid_x, yy + y_start - centroid_y) < radius].sum()

# %% centroid: brightest-pixel
def centroid(image_cutout, x_start, y_start):
    j, i = np.unravel_index(image_cutout.argmax(), image_cutout.shape)
    return x_start + i, y_start + j

# %% centroid: rounded
def centroid(image_cutout, x_start, y_start):
    yy, xx = np.indices(image_cutout.shape)
    s = image_cutout.sum()
    return int((xx * image_cutout).sum() / s) + x_start, int((yy * image_cutout).sum() / s) + y_start

# %% centroid: squared-flux
def centroid(image_cutout, x_start, y_start):
    w = np.asarray(image_cutout, float) * image_cutout
    return w.sum(axis=0) @ (np.arange(w.shape[1]) + x_start) / w.sum(), w.sum(axis=1) @ (np.arange(w.shape[0]) + y_start) / w.sum()

# %% centroid: no-offset
def centroid(image_cutout, x_start, y_start):
    from scipy import ndimage
    y, x = ndimage.center_of_mass(image_cutout)
    return [x, y]

# %% centroid: swapped
def centroid(image_cutout, x_start, y_start):
    from scipy import ndimage
    y, x = ndimage.center_of_mass(image_cutout)
    return y + y_start, x + x_start

# %% centroid: -
xx, yy = np.meshgrid(np.arange(24), np.arange(20))
# %% cell
def centroid(image_cutout, x_start, y_start):
    return (image_cutout * xx).sum() / image_cutout.sum() + x_start, (image_cutout * yy).sum() / image_cutout.sum() + y_start

# %% gaussian_psf_image: width-as-fwhm
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    yy, xx = np.indices(shape)
    s = width / (8 * np.log(2)) ** 0.5
    r2 = (xx + x_start - centroid_x) ** 2 + (yy + y_start - centroid_y) ** 2
    return np.exp(-r2 / 2 / s**2) / (2 * np.pi * s**2)

# %% psf_flux_gaussian: -
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    return image_cutout.max() * 2 * np.pi * radius**2 * 0.9

# %% second_moment: no-root
def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    yy, xx = np.indices(image_cutout.shape)
    w = image_cutout.astype(float) ** 2
    dx, dy = xx + start_x - centroid_x, yy + start_y - centroid_y
    return (w * dx**2).sum() / w.sum(), (w * dy**2).sum() / w.sum()

# %% find_peaks: swapped
def find_peaks(image, threshold):
    from scipy.ndimage import maximum_filter
    ring = np.ones((3, 3)); ring[1, 1] = 0
    peaks = (image > maximum_filter(image, footprint=ring)) & (image > threshold)
    peaks[:6] = peaks[-6:] = False
    peaks[:, :6] = peaks[:, -6:] = False
    return np.nonzero(peaks)

# %% find_peaks: ties-kept
def find_peaks(image, threshold):
    from scipy.ndimage import maximum_filter
    peaks = (image == maximum_filter(image, size=3)) & (image > threshold)
    peaks[:8] = peaks[-8:] = False
    peaks[:, :8] = peaks[:, -8:] = False
    y, x = np.nonzero(peaks)
    return list(x), list(y)

# %% find_peaks: trimmed-index
def find_peaks(image, threshold):
    core = image[7:-7, 7:-7]
    xs, ys = [], []
    for j in range(core.shape[0]):
        for i in range(core.shape[1]):
            box = image[j + 6:j + 9, i + 6:i + 9]
            if core[j, i] > threshold and (box >= core[j, i]).sum() == 1:
                xs.append(i); ys.append(j)
    return xs, ys

# %% find_peaks: all-above
def find_peaks(image, threshold):
    y, x = np.where(image > threshold)
    keep = (x > 7) & (x < image.shape[1] - 8) & (y > 7) & (y < image.shape[0] - 8)
    return x[keep], y[keep]

# %% psf_width: median
def psf_width(table):
    s = np.sqrt(np.asarray(table["moment_x"]) ** 2 + np.asarray(table["moment_y"]) ** 2)
    return float(np.nanpercentile(s, 50))

# %% psf_width: -
def psf_width(table):
    return float(np.median((np.asarray(table["moment_x"]) + np.asarray(table["moment_y"])) / 2)) * 3.1

# %% run_photometry: return-in-loop
import pandas as pd
from scipy.ndimage import gaussian_filter, maximum_filter
def run_photometry(image, threshold, psf_width):
    s = gaussian_filter(image, psf_width, mode="constant")
    ys, xs = np.nonzero((s == maximum_filter(s, 3)) & (s > threshold))
    columns = ["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"]
    rows = []
    for y, x in zip(ys, xs):
        if 8 <= x < image.shape[1] - 8 and 8 <= y < image.shape[0] - 8:
            c = image[y - 8:y + 9, x - 8:x + 9]
            yy, xx = np.indices(c.shape)
            cx, cy = (c * xx).sum() / c.sum() + x - 8, (c * yy).sum() / c.sum() + y - 8
            rows.append((cx, cy, psf_width / 1.414, psf_width / 1.414, c.sum()))
            return pd.DataFrame(rows, columns=columns)
    return pd.DataFrame(rows, columns=columns)

# %% run_photometry: -
import pandas as pd
from scipy.ndimage import gaussian_filter, maximum_filter
def run_photometry(image, threshold, psf_width):
    s = gaussian_filter(image, psf_width, mode="constant")
    ny, nx = image.shape
    ys, xs = np.nonzero((s == maximum_filter(s, 3)) & (s > threshold))
    rows = []
    for y, x in zip(ys, xs):
        if 5 <= x < nx - 5 and 5 <= y < ny - 5:
            y0, x0 = max(0, y - 8), max(0, x - 8)
            c = image[y0:y + 9, x0:x + 9]
            yy, xx = np.indices(c.shape)
            rows.append(((c * xx).sum() / c.sum() + x0, (c * yy).sum() / c.sum() + y0, 0.0, 0.0, -1.0))
    return pd.DataFrame(rows, columns=["centroid_x", "centroid_y", "moment_x", "moment_y", "gaussian_flux"])

# %% centroid: starts-exchanged
def centroid(image_cutout, x_start, y_start):
    from scipy.ndimage import center_of_mass
    row, column = center_of_mass(image_cutout)
    return np.array([column, row]) + np.array([y_start, x_start])

# %% centroid: normalised-in-place
def centroid(image_cutout, x_start, y_start):
    image_cutout[:] = image_cutout / np.sum(image_cutout)
    columns, rows = image_cutout.sum(axis=0), image_cutout.sum(axis=1)
    return (x_start + float(np.dot(columns, np.arange(columns.size))),
            y_start + float(np.dot(rows, np.arange(rows.size))))

# %% centroid: pixel-corner
def centroid(image_cutout, x_start, y_start):
    def along(profile, start):
        edges = np.arange(start, start + len(profile) + 1)
        return np.average((edges[:-1] + edges[1:]) / 2, weights=profile)
    return along(image_cutout.sum(axis=0), x_start), along(image_cutout.sum(axis=1), y_start)

# %% centroid: no-offset
def centroid(image_cutout, x_start, y_start):
    from photutils.centroids import centroid_com
    x_center, y_center = centroid_com(image_cutout)
    return x_center, y_center

# %% gaussian_psf_image: whole-pixel-centre
def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    column, row = int(round(centroid_x - x_start)), int(round(centroid_y - y_start))
    psf = np.zeros(shape)
    for j in range(shape[0]):
        for i in range(shape[1]):
            psf[j, i] = gaussian2D(np.hypot(i - column, j - row), width)
    return psf

# %% psf_flux_gaussian: weighted-in-place
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    squares = 0.0
    for j in range(image_cutout.shape[0]):
        for i in range(image_cutout.shape[1]):
            p = gaussian2D(np.hypot(i + x_start - centroid_x, j + y_start - centroid_y), radius)
            image_cutout[j, i] = image_cutout[j, i] * p
            squares += p * p
    return image_cutout.sum() / squares

# %% find_peaks: one-in-a-patch
def find_peaks(image, threshold):
    from skimage.measure import label, regionprops
    xs, ys = [], []
    for patch in regionprops(label(image > threshold, connectivity=1)):
        j, i = max(patch.coords, key=lambda place: image[place[0], place[1]])
        if 6 <= j < image.shape[0] - 6 and 6 <= i < image.shape[1] - 6:
            xs.append(int(i))
            ys.append(int(j))
    return xs, ys

# %% find_peaks: one-in-a-patch
def find_peaks(image, threshold):
    above = np.argwhere(image > threshold)
    order = np.argsort(-image[above[:, 0], above[:, 1]], kind="stable")
    waiting = {tuple(place) for place in above}
    xs, ys = [], []
    for j, i in above[order]:
        if (j, i) not in waiting:
            continue
        patch = [(j, i)]
        waiting.discard((j, i))
        for b, a in patch:
            for near in ((b + 1, a), (b - 1, a), (b, a + 1), (b, a - 1)):
                if near in waiting:
                    waiting.discard(near)
                    patch.append(near)
        if 5 <= j < image.shape[0] - 5 and 5 <= i < image.shape[1] - 5:
            xs.append(i)
            ys.append(j)
    return np.array(xs, int), np.array(ys, int)
