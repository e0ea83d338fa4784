"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: as most people write it
def find_peaks(image, threshold):
    ny, nx = image.shape
    x_values, y_values = [], []
    for j in range(7, ny - 7):
        for i in range(7, nx - 7):
            value = image[j, i]
            box = image[j - 1:j + 2, i - 1:i + 2]
            if value > threshold and np.sum(box >= value) == 1:
                x_values.append(i)
                y_values.append(j)
    return np.array(x_values, dtype=int), np.array(y_values, dtype=int)

# %% variant: vectorised with slices
def find_peaks(image, threshold):
    middle = image[1:-1, 1:-1]
    good = middle > threshold
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            if (dy, dx) != (1, 1):
                good &= middle > image[dy:dy + image.shape[0] - 2, dx:dx + image.shape[1] - 2]
    y, x = np.nonzero(good)
    x, y = x + 1, y + 1
    inside = (x >= 5) & (y >= 5) & (x < image.shape[1] - 5) & (y < image.shape[0] - 5)
    return x[inside], y[inside]

# %% variant: loops and eight comparisons, lists of Python integers
def find_peaks(image, threshold):
    xs = []
    ys = []
    for y in range(10, len(image) - 10):
        for x in range(10, len(image[0]) - 10):
            v = image[y][x]
            if v > threshold:
                if v > image[y - 1][x - 1] and v > image[y - 1][x] and v > image[y - 1][x + 1]:
                    if v > image[y][x - 1] and v > image[y][x + 1]:
                        if v > image[y + 1][x - 1] and v > image[y + 1][x] and v > image[y + 1][x + 1]:
                            xs.append(x)
                            ys.append(y)
    return xs, ys

# %% variant: maximum filter with a ring
def find_peaks(image, threshold):
    from scipy.ndimage import maximum_filter

    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
    rows, columns = np.where((image > threshold) & (image > maximum_filter(image, footprint=ring, mode="nearest")))
    keep = [6 <= r < image.shape[0] - 6 and 6 <= c < image.shape[1] - 6 for r, c in zip(rows, columns)]
    return np.array([columns[keep], rows[keep]], dtype=float)

# %% variant: rolled copies
def find_peaks(image, threshold):
    peak = image > threshold
    for shift in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]:
        peak = peak & (image > np.roll(image, shift, axis=(0, 1)))
    edge = 8
    peak[:edge] = peak[-edge:] = False
    peak[:, :edge] = peak[:, -edge:] = False
    yx = np.argwhere(peak)
    return list(yx[:, 1]), list(yx[:, 0])

# %% variant: brightest first, ties sorted out by rank
def find_peaks(image, threshold):
    found = []
    candidates = np.argwhere(image > threshold)
    for y, x in candidates:
        if min(x, y, image.shape[1] - 1 - x, image.shape[0] - 1 - y) < 9:
            continue
        box = np.sort(image[y - 1:y + 2, x - 1:x + 2], axis=None)
        if image[y, x] == box[-1] and box[-1] > box[-2]:
            found.append((image[y, x], x, y))
    found.sort(reverse=True)
    return tuple(x for _, x, y in found), tuple(y for _, x, y in found)

# %% variant: sliding windows, one expression
from numpy.lib.stride_tricks import sliding_window_view

find_peaks = lambda image, threshold: tuple(
    index + 7 for index in np.nonzero(
        (image[7:-7, 7:-7] > threshold)
        & ((sliding_window_view(image, (3, 3))[6:-6, 6:-6] >= image[7:-7, 7:-7, None, None]).sum(axis=(2, 3)) == 1))[::-1])

# %% variant: helpers in cells of their own, type hints
def neighbours(image: np.ndarray, x: int, y: int) -> list[float]:
    return [image[y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy]

# %%
def is_peak(image, x, y) -> bool:
    return all(image[y, x] > n for n in neighbours(image, x, y))

# %%
BORDER = 5

def find_peaks(image: np.ndarray, threshold: float) -> tuple[list[int], list[int]]:
    ny, nx = image.shape
    found = [(x, y) for x in range(BORDER, nx - BORDER) for y in range(BORDER, ny - BORDER)
             if image[y, x] > threshold and is_peak(image, x, y)]
    return [x for x, y in found], [y for x, y in found]

# %% variant: photutils, with ties taken out, prints and warns
import sys
import warnings
from photutils.detection import find_peaks as photutils_peaks

def find_peaks(image, threshold):
    table = photutils_peaks(np.asarray(image, dtype=float), threshold, box_size=3, border_width=7)
    if table is None:
        warnings.warn("no peaks")
        return [], []
    xs, ys = [], []
    for row in table:
        x, y = int(row["x_peak"]), int(row["y_peak"])
        if np.count_nonzero(image[y - 1:y + 2, x - 1:x + 2] == image[y, x]) == 1:
            xs.append(x)
            ys.append(y)
    print(len(xs), "peaks")
    print("of", len(table), file=sys.stderr)
    return np.array(xs), np.array(ys)

# %% variant: object with __call__ that walks the image flat
class PeakFinder:
    def __init__(self, border):
        self.border = border

    def __call__(self, image, threshold):
        ny, nx = image.shape
        flat = image.ravel()
        around = [dy * nx + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dx, dy) != (0, 0)]
        found = []
        for k in np.flatnonzero(flat > threshold):
            x, y = k % nx, k // nx
            if self.border <= x < nx - self.border and self.border <= y < ny - self.border:
                if flat[k] > max(flat[k + step] for step in around):
                    found.append(k)
        found = np.array(found, dtype=np.int64)
        return found % nx, found // nx

find_peaks = PeakFinder(border=6)

# %% variant: functools.partial, draws a figure
from functools import partial
import matplotlib.pyplot as plt

def peaks_with_border(image, threshold, border):
    padded = np.pad(image.astype(float), 1, constant_values=-np.inf)
    highest = np.max([padded[1 + b:padded.shape[0] - 1 + b, 1 + a:padded.shape[1] - 1 + a]
                      for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b], axis=0)
    y, x = np.nonzero((image > highest) & (image > threshold))
    ok = (x >= border) & (x < image.shape[1] - border) & (y >= border) & (y < image.shape[0] - border)
    plt.imshow(image, origin="lower")
    plt.scatter(x[ok], y[ok], facecolors="none", edgecolors="r")
    return x[ok].astype(np.int16), y[ok].astype(np.int16)

find_peaks = partial(peaks_with_border, border=10)
