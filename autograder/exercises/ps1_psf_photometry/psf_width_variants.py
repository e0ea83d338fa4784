"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: the fullest bin of a fine histogram
def psf_width(table):
    size = np.sqrt(table["moment_x"] ** 2 + table["moment_y"] ** 2)
    counts, edges = np.histogram(size, bins=np.arange(0, 10, 0.1))
    best = np.argmax(counts)
    return 0.5 * (edges[best] + edges[best + 1])

# %% variant: the median of the sources in and beside the fullest bin
def psf_width(table):
    size = np.hypot(table.moment_x, table.moment_y).to_numpy()
    counts, edges = np.histogram(size[size < 6], bins=60)
    k = int(counts.argmax())
    near = (size >= edges[k] - 0.05) & (size <= edges[k + 1] + 0.05)
    return np.median(size[near])

# %% variant: a kernel density estimate
def psf_width(table: pd.DataFrame) -> float:
    from scipy.stats import gaussian_kde

    size = np.hypot(table["moment_x"].values, table["moment_y"].values)
    grid = np.linspace(0.5, 6, 2000)
    density = gaussian_kde(size, bw_method=0.06)(grid)
    return grid[density.argmax()]

# %% variant: loops: the window with the most sources
def psf_width(table):
    sizes = []
    for i in range(len(table)):
        row = table.iloc[i]
        sizes.append((row["moment_x"] ** 2 + row["moment_y"] ** 2) ** 0.5)
    best_count, best = 0, 0.0
    for centre in sizes:
        inside = [s for s in sizes if abs(s - centre) < 0.04 * centre]
        if len(inside) > best_count:
            best_count, best = len(inside), sum(inside) / len(inside)
    print(best_count, "of", len(sizes), "sources in the peak")
    return best

# %% variant: shrinking clip about the mode of the bright ones
def psf_width(table):
    bright = table[table["gaussian_flux"] > table["gaussian_flux"].median()]
    size = np.sqrt(bright["moment_x"] ** 2 + bright["moment_y"] ** 2)
    centre = size.quantile(0.25)
    for width in (0.3, 0.15, 0.08):
        centre = size[(size / centre - 1).abs() < width].median()
    return np.float32(centre)

# %% variant: the steepest part of the cumulative distribution
def psf_width(table):
    size = np.sort(np.hypot(np.asarray(table["moment_x"]), np.asarray(table["moment_y"])))
    n = max(5, len(size) // 6)
    start = np.argmin(size[n:] - size[:-n])
    return np.array([size[start + n // 2]])

# %% variant: a histogram drawn with matplotlib, refined by a parabola
import matplotlib.pyplot as plt

def parabola(left, middle, right):
    return 0.5 * (left - right) / (left - 2 * middle + right)

# %%
def psf_width(table):
    size = np.hypot(table["moment_x"], table["moment_y"])
    counts, edges, _ = plt.hist(size, bins=np.arange(0.0, 8.0, 0.12))
    plt.xlabel("size (pixel)")
    k = int(np.argmax(counts))
    shift = parabola(*counts[k - 1:k + 2])
    return edges[k] + (0.5 + shift) * (edges[1] - edges[0])

# %% variant: pandas only, a lambda
psf_width = lambda table: (
    ((table["moment_x"]**2 + table["moment_y"]**2)**0.5)
    .pipe(lambda s: s[s.round(1) == s.round(1).mode().iloc[0]])
    .mean()
)

# %% variant: a callable object with a smoothed histogram, warning on the way
from scipy.ndimage import gaussian_filter1d
import warnings

class Mode:
    step = 0.02

    def __call__(self, table):
        size = np.hypot(table["moment_x"].to_list(), table["moment_y"].to_list())
        if (size > 10).any():
            warnings.warn("some sources are larger than 10 pixels")
        counts, edges = np.histogram(size, bins=np.arange(0, 10, self.step))
        smooth = gaussian_filter1d(counts.astype(float), 2.5)
        return float(edges[smooth.argmax()] + self.step / 2)

psf_width = Mode()
