"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: aperture_photometry and the median
from astropy.table import QTable
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry

def annulus_photometry(image, positions, r, r_in, r_out):
    positions = np.atleast_2d(np.asarray(positions, dtype=float))
    if positions.size == 0:
        return QTable({"aperture_sum": [], "total_bkg": [], "aperture_sum_bkgsub": []})
    image = np.asarray(image, dtype=float)
    apertures = CircularAperture(positions, r)
    annuli = CircularAnnulus(positions, r_in, r_out)
    levels = np.atleast_1d(ApertureStats(image, annuli).median)
    table = aperture_photometry(image, apertures)
    table["total_bkg"] = levels * apertures.area
    table["aperture_sum_bkgsub"] = table["aperture_sum"] - table["total_bkg"]
    return table

# %% variant: masks and np.nanmedian, star by star
def annulus_photometry(image, positions, r, r_in, r_out):
    from astropy.table import QTable
    from photutils.aperture import CircularAnnulus, CircularAperture

    if np.ndim(positions) == 1 and len(positions) == 2:
        positions = [positions]
    sums, backgrounds = [], []
    for position in positions:
        aperture = CircularAperture(position, r=r)
        annulus_mask = CircularAnnulus(position, r_in=r_in, r_out=r_out).to_mask(method="center")
        pixels = annulus_mask.get_values(image)
        sums.append(aperture.to_mask().multiply(image).sum())
        backgrounds.append(np.nanmedian(pixels) * np.pi * r**2)
    print(len(sums), "stars")
    return QTable([sums, backgrounds, list(np.array(sums) - np.array(backgrounds))],
                  names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"))

# %% variant: distances from the star, whole pixels in the annulus
def annulus_photometry(image: np.ndarray, positions, r: float, r_in: float, r_out: float):
    import pandas as pd
    from photutils.aperture import CircularAperture

    yy, xx = np.indices(image.shape)
    rows = []
    for x, y in np.reshape(positions, (-1, 2)):
        distance = np.hypot(xx - x, yy - y)
        ring = image[(distance >= r_in) & (distance <= r_out)].astype(float)
        ring = ring[np.isfinite(ring)]
        for _ in range(4):
            ring = ring[np.abs(ring - np.median(ring)) < 3 * ring.std() + 1e-9]
        flux = CircularAperture((x, y), r).do_photometry(image.astype(float))[0][0]
        rows.append({"aperture_sum": flux, "total_bkg": np.median(ring) * np.pi * r * r})
    frame = pd.DataFrame(rows, columns=["aperture_sum", "total_bkg"], dtype=float)
    frame["aperture_sum_bkgsub"] = frame["aperture_sum"] - frame["total_bkg"]
    return frame

# %% variant: photutils LocalBackground
def annulus_photometry(image, positions, r, r_in, r_out):
    import sys

    from astropy.table import Table
    from photutils.aperture import CircularAperture
    from photutils.background import LocalBackground

    xy = np.array(positions, dtype=float).reshape(-1, 2)
    sys.stderr.write("local background\n")
    if len(xy) == 0:
        return Table(names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"))
    level = np.atleast_1d(LocalBackground(r_in, r_out)(image.astype(float), xy[:, 0], xy[:, 1]))
    aperture = CircularAperture(xy, r)
    total = level * aperture.area_overlap(image)
    flux, _ = aperture.do_photometry(image.astype(float))
    return Table({"id": np.arange(len(xy)), "aperture_sum": flux, "total_bkg": total, "aperture_sum_bkgsub": flux - total})

# %% variant: clipped mean, single precision
def annulus_photometry(image, positions, r, r_in, r_out):
    import warnings

    from astropy.stats import SigmaClip
    from astropy.table import QTable
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

    warnings.warn("single precision", stacklevel=2)
    result = QTable(names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"), dtype=("f4", "f4", "f4"))
    for p in np.asarray(positions).reshape(-1, 2):
        star = ApertureStats(image, CircularAperture(p, r))
        local = ApertureStats(image, CircularAnnulus(p, r_in, r_out), sigma_clip=SigmaClip(2.5, maxiters=None))
        total = local.mean * np.pi * r**2
        result.add_row((star.sum, total, star.sum - total))
    return result

# %% variant: helper functions in other cells
from astropy.stats import sigma_clipped_stats
from astropy.table import QTable
from photutils.aperture import CircularAnnulus, CircularAperture
# %%
def local_level(image, position, r_in, r_out):
    pixels = CircularAnnulus(position, r_in, r_out).to_mask("center").get_values(image)
    return sigma_clipped_stats(pixels[np.isfinite(pixels)], sigma=3.0)[1]

def flux_of(image, position, r):
    return CircularAperture(position, r).do_photometry(np.asarray(image, dtype=float))[0][0]
# %%
def annulus_photometry(image, positions, r, r_in, r_out):
    positions = [positions] if len(np.shape(positions)) == 1 and len(positions) else list(positions)
    table = QTable()
    table["aperture_sum"] = np.array([flux_of(image, p, r) for p in positions], dtype=float)
    table["total_bkg"] = np.array([local_level(image, p, r_in, r_out) for p in positions], dtype=float) * np.pi * r**2
    table["aperture_sum_bkgsub"] = table["aperture_sum"] - table["total_bkg"]
    return table

# %% variant: callable object that draws
import matplotlib.pyplot as plt
from astropy.table import QTable
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

class Photometry:
    names = ("aperture_sum", "total_bkg", "aperture_sum_bkgsub")

    def __call__(self, image, positions, r, r_in, r_out):
        image = image.astype(float)
        if np.size(positions) == 0:
            return QTable(names=self.names)
        plt.figure()
        plt.imshow(image, origin="lower")
        aperture = CircularAperture(positions, r)
        aperture.plot(color="w")
        flux = np.atleast_1d(ApertureStats(image, aperture).sum)
        level = np.atleast_1d(ApertureStats(image, CircularAnnulus(positions, r_in, r_out)).biweight_location)
        total = level * aperture.area
        return QTable([flux, total, flux - total], names=self.names)
# %%
annulus_photometry = Photometry()

# %% variant: lambda and partial
import functools
from astropy.stats import SigmaClip
from astropy.table import QTable
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

def one(image, clip, r, r_in, r_out, position):
    total = ApertureStats(image, CircularAnnulus(position, r_in, r_out), sigma_clip=clip).median * np.pi * r**2
    flux = CircularAperture(position, r).do_photometry(1.0 * image)[0].item()
    return flux, total, flux - total
# %%
annulus_photometry = lambda image, positions, r, r_in, r_out: QTable(
    rows=list(map(functools.partial(one, image, SigmaClip(3), r, r_in, r_out), np.reshape(positions, (-1, 2)))),
    names=("aperture_sum", "total_bkg", "aperture_sum_bkgsub"), dtype=(float,) * 3)
