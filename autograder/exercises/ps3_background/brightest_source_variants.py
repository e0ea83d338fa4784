"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: aperture_photometry
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture, aperture_photometry

    peak = np.nanmax(image)
    rows, columns = np.where(image == peak)
    position = (columns[0], rows[0])
    mask = np.isnan(image)
    table = aperture_photometry(np.nan_to_num(image), CircularAperture(position, r=radius),
                                error=np.nan_to_num(error), mask=mask)
    return position[0], position[1], table["aperture_sum"][0], table["aperture_sum_err"][0]

# %% variant: ApertureStats, which leaves NaN out
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import ApertureStats, CircularAperture

    iy, ix = np.unravel_index(np.argmax(np.where(np.isfinite(image), image, -np.inf)), image.shape)
    stats = ApertureStats(image.astype(float), CircularAperture((ix, iy), radius), error=error)
    return np.array([ix, iy, stats.sum, stats.sum_err])

# %% variant: weights by hand, squared weights
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture

    index = int(np.nanargmax(image))
    y, x = index // image.shape[1], index % image.shape[1]
    weights = CircularAperture((x, y), radius).to_mask(method="exact").to_image(image.shape)
    flux = np.nansum(weights * image)
    variance = np.nansum(weights**2 * error**2)
    print("flux", flux)
    return [x, y, flux, variance**0.5]

# %% variant: loops over the weights
def brightest_source(image: np.ndarray, error: np.ndarray, radius: float = 4.0) -> tuple:
    from photutils.geometry import circular_overlap_grid

    best, x, y = -1e30, 0, 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if image[row, column] > best:
                best, x, y = image[row, column], column, row
    half = int(radius) + 2
    grid = circular_overlap_grid(-half - 0.5, half + 0.5, -half - 0.5, half + 0.5, 2 * half + 1, 2 * half + 1, radius, 1, 1)
    flux = variance = 0.0
    for j in range(-half, half + 1):
        for i in range(-half, half + 1):
            if not 0 <= y + j < image.shape[0] or not 0 <= x + i < image.shape[1]:
                continue
            value, sigma = image[y + j, x + i], error[y + j, x + i]
            if value == value and sigma == sigma:
                flux += grid[j + half, i + half] * value
                variance += grid[j + half, i + half] * sigma**2
    return x, y, flux, variance**0.5

# %% variant: astropy units and a warning
def brightest_source(image, error, radius=4.0):
    import warnings

    from astropy import units as u
    from photutils.aperture import ApertureStats, CircularAperture

    warnings.warn("using the brightest pixel", stacklevel=2)
    y, x = np.argwhere(image == np.nanmax(image))[0]
    stats = ApertureStats(image * u.adu, CircularAperture((x, y), radius), error=error * u.adu)
    return float(x), float(y), stats.sum.value, stats.sum_err.value

# %% variant: helpers in other cells
from photutils.aperture import CircularAperture, aperture_photometry

def brightest_pixel(image):
    y, x = np.unravel_index(np.nanargmax(image), np.shape(image))
    return x, y
# %%
def brightest_source(image, error, radius=4.0):
    x, y = brightest_pixel(image)
    masked = np.isnan(image)
    result = aperture_photometry(image, CircularAperture((x, y), r=radius), error=error, mask=masked)
    return np.int64(x), np.int64(y), result["aperture_sum"][0], result["aperture_sum_err"][0]

# %% variant: callable object that draws
import matplotlib.pyplot as plt
from photutils.aperture import CircularAperture

class Brightest:
    def __call__(self, image, error, radius=4.0):
        flat = np.nan_to_num(image, nan=-1e9).argmax()
        y, x = divmod(int(flat), image.shape[1])
        aperture = CircularAperture((x, y), r=radius)
        plt.imshow(image, origin="lower")
        aperture.plot(color="w")
        weights = aperture.to_mask()
        keep = np.isfinite(weights.cutout(image, fill_value=np.nan))
        values, sigmas = weights.cutout(image)[keep], weights.cutout(error)[keep]
        w = weights.data[keep]
        return x, y, float((w * values).sum()), float(np.sqrt((w * sigmas**2).sum()))
# %%
brightest_source = Brightest()

# %% variant: lambda and partial
import functools
from photutils.aperture import ApertureStats, CircularAperture

def measure(finder, image, error, radius=4.0):
    y, x = finder(image)
    stats = ApertureStats(image, CircularAperture((x, y), radius), error=error, sum_method="exact")
    return x, y, np.float32(stats.sum), np.float32(stats.sum_err)
# %%
where = lambda image: np.unravel_index(np.nanargmax(image), image.shape)
brightest_source = functools.partial(measure, where)

# %% variant: weights as an image
def brightest_source(image, error, radius=4.0):
    from photutils.aperture import CircularAperture

    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    bad = ~np.isfinite(image)
    weights = CircularAperture((x, y), radius).to_mask().to_image(image.shape)
    values = np.where(bad, 0.0, image)
    errors = np.where(bad, 0.0, error)
    flux = np.sum(weights * values)
    flux_error = np.sqrt(np.sum(weights * errors**2))
    return x, y, flux, flux_error
