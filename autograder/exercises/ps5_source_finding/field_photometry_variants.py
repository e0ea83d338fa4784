"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: as most people write it
from astropy.table import QTable
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry

def field_photometry(image, positions, r, r_in, r_out):
    positions = np.asarray(positions, dtype=float).reshape(-1, 2)
    names = ["aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub"]
    if len(positions) == 0:
        return QTable({name: np.zeros(0) for name in names})
    data = np.asarray(image, dtype=float)
    apertures = CircularAperture(positions, r=r)
    annuli = CircularAnnulus(positions, r_in=r_in, r_out=r_out)
    total = aperture_photometry(data, apertures)["aperture_sum"].value
    level = ApertureStats(data, annuli).median
    background = level * apertures.area
    variance = aperture_photometry(np.clip(data, 0, None), apertures)["aperture_sum"].value
    error = np.sqrt(variance)
    return QTable([total, error, background, total - background], names=names)

# %% variant: annulus masks one by one
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture

    positions = np.atleast_2d(positions) if len(positions) else np.zeros((0, 2))
    rows = []
    for position in positions:
        aperture = CircularAperture(position, r)
        ring = CircularAnnulus(position, r_in, r_out).to_mask(method="center")
        level = np.median(ring.get_values(image))
        total, error = aperture.do_photometry(image, error=np.sqrt(np.maximum(image, 0)))
        rows.append((total[0], error[0], level * aperture.area, total[0] - level * aperture.area))
    names = ["aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub"]
    return QTable(rows=rows, names=names) if rows else QTable(names=names, dtype=[float] * 4)

# %% variant: sigma-clipped annuli
def field_photometry(image, positions, r, r_in, r_out):
    from astropy.stats import SigmaClip
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

    if np.size(positions) == 0:
        return QTable({"aperture_sum": [], "aperture_sum_err": [], "total_bkg": [], "aperture_sum_bkgsub": []})
    if np.ndim(positions) == 1:
        positions = [positions]
    annuli = ApertureStats(image, CircularAnnulus(positions, r_in, r_out), sigma_clip=SigmaClip(sigma=3.0, maxiters=10))
    stars = ApertureStats(image, CircularAperture(positions, r), error=np.sqrt(np.maximum(image, 0)))
    total_bkg = annuli.median * np.pi * r**2
    print("photometry of", len(positions), "stars")
    return QTable({"aperture_sum": stars.sum, "aperture_sum_err": stars.sum_err, "total_bkg": total_bkg,
                   "aperture_sum_bkgsub": stars.sum - total_bkg})

# %% variant: rings by hand, a DataFrame
def field_photometry(image, positions, r, r_in, r_out):
    import pandas as pd
    from photutils.aperture import CircularAperture, aperture_photometry

    positions = np.array(positions, dtype=float).reshape(-1, 2)
    yy, xx = np.indices(image.shape)
    rows = []
    for x, y in positions:
        distance = np.hypot(xx - x, yy - y)
        level = float(np.median(image[(distance >= r_in) & (distance <= r_out)]))
        one = aperture_photometry(image, CircularAperture((x, y), r=r), error=np.sqrt(np.maximum(image.astype(float), 0)))
        background = level * np.pi * r ** 2
        rows.append({"aperture_sum": one["aperture_sum"][0], "aperture_sum_err": one["aperture_sum_err"][0],
                     "total_bkg": background, "aperture_sum_bkgsub": one["aperture_sum"][0] - background, "x": x, "y": y})
    return pd.DataFrame(rows, columns=["x", "y", "aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub"])

# %% variant: weights from the geometry module, w squared in the error
from astropy.table import Table
from photutils.geometry import circular_overlap_grid

def weights(shape, x, y, r):
    ny, nx = shape
    return circular_overlap_grid(-0.5 - x, nx - 0.5 - x, -0.5 - y, ny - 0.5 - y, nx, ny, r, 1, 1)
# %%
def field_photometry(image, positions, r, r_in, r_out):
    if len(positions) == 0:
        positions = np.empty((0, 2))
    columns = {"aperture_sum": [], "aperture_sum_err": [], "total_bkg": [], "aperture_sum_bkgsub": []}
    for x, y in np.reshape(positions, (-1, 2)):
        w = weights(image.shape, x, y, r)
        ring = (weights(image.shape, x, y, r_out) - weights(image.shape, x, y, r_in)) > 0.5
        flux, background = (w * image).sum(), np.median(image[ring]) * w.sum()
        for name, value in zip(columns, (flux, np.sqrt((w**2 * image.clip(0)).sum()), background, flux - background)):
            columns[name].append(value)
    return Table(columns)

# %% variant: local background subtracted through ApertureStats
from astropy.table import QTable
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
import warnings

def as_list(positions):
    positions = np.asarray(positions, dtype=float)
    return positions[np.newaxis, :] if positions.ndim == 1 and positions.size == 2 else positions

def field_photometry(image, positions, r, r_in, r_out):
    positions = as_list(positions)
    table = QTable()
    warnings.warn("photometry")
    if len(positions) == 0:
        for name in ["aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub"]:
            table[name] = np.zeros(0)
        return table
    level = ApertureStats(image, CircularAnnulus(positions, r_in=r_in, r_out=r_out)).median
    aperture = CircularAperture(positions, r=r)
    raw = ApertureStats(image, aperture, error=np.sqrt(np.maximum(image, 0)))
    net = ApertureStats(image, aperture, local_bkg=level)
    table["aperture_sum"], table["aperture_sum_err"] = raw.sum, raw.sum_err
    table["aperture_sum_bkgsub"] = net.sum
    table["total_bkg"] = raw.sum - net.sum
    return table

# %% variant: a background estimator and a partial
import functools
import matplotlib.pyplot as plt
from astropy.table import Table
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.background import LocalBackground, MedianBackground

def measure(estimator, image, positions, r, r_in, r_out):
    plt.imshow(image, origin="lower")
    xy = np.array(positions, dtype=float).reshape(-1, 2)
    if not xy.size:
        return Table({"aperture_sum": [], "aperture_sum_err": [], "total_bkg": [], "aperture_sum_bkgsub": []})
    level = np.atleast_1d(LocalBackground(r_in, r_out, bkg_estimator=estimator)(image, xy[:, 0], xy[:, 1]))
    apertures = CircularAperture(xy, r)
    table = Table(aperture_photometry(image, apertures, error=np.sqrt(np.maximum(image, 0))))
    table["total_bkg"] = level * apertures.area_overlap(image)
    table["aperture_sum_bkgsub"] = table["aperture_sum"] - table["total_bkg"]
    return table

field_photometry = functools.partial(measure, MedianBackground())

# %% variant: a class, in single precision
import sys
from astropy.table import QTable
from photutils.aperture import CircularAnnulus, CircularAperture

class Photometry:
    names = ("aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub")

    def one(self, image, position, r, r_in, r_out):
        mask = CircularAperture(position, r).to_mask(method="exact")
        values = mask.get_values(image)
        inside = mask.multiply(image)
        level = np.nanmedian(CircularAnnulus(position, r_in, r_out).to_mask(method="center").get_values(image))
        total = inside.sum()
        return total, np.sqrt(mask.multiply(np.where(image > 0, image, 0)).sum()), level * mask.data.sum(), total - level * mask.data.sum()

    def __call__(self, image, positions, r, r_in, r_out):
        print("stars:", len(positions), file=sys.stderr)
        positions = np.asarray(positions).reshape((-1, 2))
        rows = [self.one(image.astype(np.float32), tuple(p), r, r_in, r_out) for p in positions]
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        return QTable(list(columns), names=self.names)

field_photometry = Photometry()

# %% variant: errors by a second sum
def field_photometry(image: np.ndarray, positions, r: float, r_in: float, r_out: float):
    # The variance of each pixel is its count, so the variance of the sum is the sum; below zero there is none.
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry

    xy = [positions] if np.shape(positions) == (2,) else list(positions)
    if not xy:
        return QTable([np.array([])] * 4, names=["aperture_sum", "aperture_sum_err", "total_bkg", "aperture_sum_bkgsub"])
    data = image * 1.0
    sums = np.array(aperture_photometry(data, CircularAperture(xy, r))["aperture_sum"])
    variance = np.array(aperture_photometry(np.where(data < 0, 0, data), CircularAperture(xy, r))["aperture_sum"])
    background = np.array([ApertureStats(data, CircularAnnulus(p, r_in, r_out)).median for p in xy]) * np.pi * r * r
    return QTable({"aperture_sum_bkgsub": sums - background, "total_bkg": background,
                   "aperture_sum_err": variance**0.5, "aperture_sum": sums})
