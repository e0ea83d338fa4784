"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: IRAF's finder
def find_stars(image, fwhm, threshold):
    import warnings

    from astropy.table import Table
    from photutils.detection import IRAFStarFinder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = IRAFStarFinder(threshold=threshold, fwhm=fwhm, roundness_range=(-0.5, 0.5))(image)
    if found is None:
        return Table(names=("x_centroid", "y_centroid"))
    print("found", len(found))
    return found

# %% variant: a kernel of one's own
def find_stars(image, fwhm, threshold):
    import warnings

    from astropy.convolution import Gaussian2DKernel
    from astropy.table import QTable
    from photutils.detection import StarFinder

    kernel = Gaussian2DKernel(fwhm / 2.3548).array
    with warnings.catch_warnings(action="ignore"):
        table = StarFinder(threshold=threshold, kernel=kernel, min_separation=fwhm).find_stars(image)
    if table is None:
        table = QTable([[], []], names=["x_centroid", "y_centroid"])
    return table

# %% variant: find_peaks and centroids
def find_stars(image, fwhm, threshold):
    import warnings

    import pandas as pd
    from photutils.centroids import centroid_com
    from photutils.detection import find_peaks

    box = 2 * int(round(fwhm / 2)) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peaks = find_peaks(image, threshold, box_size=box, centroid_func=centroid_com)
    if peaks is None:
        return pd.DataFrame({"x_centroid": [], "y_centroid": []}, dtype=float)
    return peaks[["x_centroid", "y_centroid"]].to_pandas()

# %% variant: local maxima by hand
def find_stars(image: np.ndarray, fwhm: float, threshold: float):
    from astropy.table import Table
    from scipy.ndimage import gaussian_filter, maximum_filter

    smooth = gaussian_filter(np.asarray(image, dtype=float), fwhm / 2.355)
    size = int(2 * fwhm) | 1
    is_peak = (smooth == maximum_filter(smooth, size=size)) & (smooth > threshold)
    rows, columns = np.nonzero(is_peak)
    return Table({"x_centroid": columns, "y_centroid": rows})

# %% variant: loops, with a helper in another cell
def is_peak(picture, j, i, reach):
    box = picture[max(0, j - reach):j + reach + 1, max(0, i - reach):i + reach + 1]
    return picture[j, i] == box.max()
# %%
from astropy.table import QTable

def find_stars(image, fwhm, threshold):
    reach = int(round(1.2 * fwhm))
    xs, ys = [], []
    for j, i in np.argwhere(image > threshold):
        if is_peak(image, j, i, reach):
            # Centre of light in the neighbourhood, negative pixels left out.
            cut = np.clip(image[max(0, j - 2):j + 3, max(0, i - 2):i + 3], 0, None)
            yy, xx = np.indices(cut.shape)
            xs.append(max(0, i - 2) + (xx * cut).sum() / cut.sum())
            ys.append(max(0, j - 2) + (yy * cut).sum() / cut.sum())
    return QTable({"x_centroid": np.array(xs), "y_centroid": np.array(ys)})

# %% variant: segmentation
def find_stars(image, fwhm, threshold):
    import warnings

    from astropy.table import QTable
    from photutils.segmentation import SourceCatalog, detect_sources

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segments = detect_sources(image, threshold, n_pixels=3)
    if segments is None:
        return QTable({"x_centroid": np.zeros(0), "y_centroid": np.zeros(0)})
    return SourceCatalog(image, segments).to_table(columns=["label", "x_centroid", "y_centroid"])

# %% variant: a callable object
import warnings
from astropy.table import QTable
from photutils.detection import DAOStarFinder

class Finder:
    def __call__(self, image, fwhm, threshold):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = DAOStarFinder(threshold, fwhm, scale_threshold=False, min_separation=0)(image)
        empty = QTable({"x_centroid": [], "y_centroid": []})
        return empty if table is None else table["x_centroid", "y_centroid"]

find_stars = Finder()

# %% variant: a partial that warns and draws
from functools import partial
import warnings
import matplotlib.pyplot as plt
from astropy.table import QTable
from photutils.detection import DAOStarFinder

def search(finder, image, fwhm, threshold):
    plt.imshow(image, origin="lower")
    warnings.warn("searching")
    table = finder(threshold=threshold, fwhm=fwhm, exclude_border=True).find_stars(image)
    return table if table is not None else QTable(names=["x_centroid", "y_centroid"], dtype=[float, float])

find_stars = partial(search, DAOStarFinder)

# %% variant: labelled pixels, in single precision
def find_stars(image, fwhm, threshold):
    from astropy.table import Table
    from scipy import ndimage as ndi

    labels, count = ndi.label(image >= threshold)
    centres = np.array(ndi.center_of_mass(image, labels, np.arange(1, count + 1)), dtype=np.float32).reshape(-1, 2)
    return Table({"y_centroid": centres[:, 0], "x_centroid": centres[:, 1], "height": np.zeros(count)})
