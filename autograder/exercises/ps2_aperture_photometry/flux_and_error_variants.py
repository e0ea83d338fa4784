"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: aperture_photometry, table columns
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture, aperture_photometry

    table = aperture_photometry(image, CircularAperture(position, r=radius), error=error)
    return table["aperture_sum"][0], table["aperture_sum_err"][0]

# %% variant: ApertureStats, list
def flux_and_error(image, error, position, radius):
    from photutils.aperture import ApertureStats, CircularAperture

    stats = ApertureStats(image, CircularAperture(position, radius), error=error)
    return [stats.sum, stats.sum_err]

# %% variant: variance image through the same aperture
def flux_and_error(image: np.ndarray, error: np.ndarray, position, radius: float) -> np.ndarray:
    from photutils.aperture import CircularAperture

    aperture = CircularAperture(position, radius)
    flux = aperture.do_photometry(image)[0]
    variance = aperture.do_photometry(error**2)[0]
    return np.array([flux[0], np.sqrt(variance[0])])

# %% variant: weights squared in the variance
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    weights = CircularAperture(position, radius).to_mask().to_image(image.shape)
    return (weights * image).sum(), np.sqrt(np.sum((weights * error) ** 2))

# %% variant: aperture mask, loop over pixels
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    mask = CircularAperture(position, radius).to_mask(method="exact")
    cut, cut_error = mask.cutout(image), mask.cutout(error)
    flux = variance = 0.0
    for j in range(mask.shape[0]):
        for i in range(mask.shape[1]):
            flux += mask.data[j, i] * cut[j, i]
            variance += mask.data[j, i] * cut_error[j, i] ** 2
    print(f"{flux:.1f} +- {variance**0.5:.1f}")
    return flux, variance**0.5

# %% variant: float32 arrays
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture

    flux, flux_error = CircularAperture(position, radius).do_photometry(image, error)
    return flux.astype(np.float32), flux_error.astype(np.float32)

# %% variant: error as a plain image, with a figure
def flux_and_error(image, error, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture, aperture_photometry

    aperture = CircularAperture(position, radius)
    plt.imshow(image, origin="lower")
    aperture.plot()
    row = aperture_photometry(image, aperture, error=np.asarray(error, dtype=float))[0]
    return float(row["aperture_sum"]), float(row["aperture_sum_err"])

# %% variant: helpers in other cells
from photutils.aperture import CircularAperture

def add_up(values, aperture):
    return float(aperture.do_photometry(values)[0][0])
# %%
def quadrature(errors, aperture):
    return add_up(np.square(errors), aperture) ** 0.5
# %%
def flux_and_error(image, error, position, radius):
    aperture = CircularAperture(position, radius)
    return add_up(image, aperture), quadrature(error, aperture)

# %% variant: lambda
from photutils.aperture import CircularAperture

flux_and_error = lambda image, error, position, radius: tuple(
    v[0] for v in CircularAperture(position, radius).do_photometry(image, error=error))
