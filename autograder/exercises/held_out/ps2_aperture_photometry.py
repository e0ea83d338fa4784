"""Mistakes in spellings that no fingerprint was made from; `-`: no mistake that is declared."""

# %% growth_curve: rings
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture
    radii = np.asarray(radii, float)
    order = np.argsort(radii)
    sums = np.array([CircularAperture(position, r).do_photometry(image)[0][0] for r in radii[order]])
    out = np.empty(len(radii))
    out[order] = np.diff(sums, prepend=0)
    return out

# %% growth_curve: normalised
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture
    sums = np.array([CircularAperture(position, r).do_photometry(image)[0][0] for r in radii])
    return sums / sums[-1] if len(sums) else sums

# %% growth_curve: mean
def growth_curve(image, position, radii):
    from photutils.aperture import ApertureStats, CircularAperture
    return [float(ApertureStats(image, CircularAperture(position, r), sum_method="exact").mean) for r in radii]

# %% growth_curve: -
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture
    for r in radii:
        return CircularAperture(position, r).do_photometry(image)[0][0]

# %% growth_curve: at-the-peak
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return np.array([CircularAperture((x, y), r).do_photometry(image)[0][0] for r in radii])

# %% half_light_radius: index
def half_light_radius(radii, fluxes):
    return int(np.searchsorted(fluxes, fluxes[-1] / 2))

# %% half_light_radius: flux
def half_light_radius(radii, fluxes):
    return fluxes[-1] * 0.5

# %% half_light_radius: half-the-radius
def half_light_radius(radii, fluxes):
    return np.max(radii) / 2

# %% flux_and_error: linear
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture
    a = CircularAperture(position, radius)
    return a.do_photometry(image)[0][0], a.do_photometry(error)[0][0]

# %% flux_and_error: variance
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture
    mask = CircularAperture(position, radius).to_mask(method="exact")
    return np.sum(mask.multiply(image)), np.sum(mask.data * mask.cutout(error) ** 2)

# %% flux_and_error: root-of-flux
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture
    f = CircularAperture(position, radius).do_photometry(image)[0][0]
    return f, np.sqrt(f)

# %% flux_and_error: -
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture
    f, e = CircularAperture(position, 5.0).do_photometry(image, error=error)
    return f[0], e[0]

# %% peak_position: flat-index
def peak_position(image):
    k = int(np.nanargmax(image))
    return k, k

# %% peak_position: one-based
def peak_position(image):
    y, x = np.argwhere(image == np.nanmax(image))[0]
    return x + 1, y + 1

# %% peak_position: swapped
def peak_position(image):
    return tuple(int(v) for v in np.argwhere(image == np.nanmax(image))[0])

# %% peak_position: middle
def peak_position(image):
    return (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2

# %% sky_flux: mean
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import ApertureStats, SkyCircularAperture
    return float(ApertureStats(image, SkyCircularAperture(center, radius).to_pixel(wcs), sum_method="exact").mean)

# %% sky_flux: diameter
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import SkyCircularAperture, aperture_photometry
    return aperture_photometry(image, SkyCircularAperture(center, radius / 2), wcs=wcs)["aperture_sum"][0]

# %% sky_flux: -
def sky_flux(image, wcs, center, radius):
    return 1.0

# %% to_mjy: no-area
def to_mjy(aperture_sum, pixel_area):
    import astropy.units as u
    return aperture_sum.value * u.MJy.to(u.mJy) * u.mJy

# %% to_mjy: divided
def to_mjy(aperture_sum, pixel_area):
    import astropy.units as u
    return (aperture_sum / pixel_area.to(u.sr)).value * 1e9 * u.mJy

# %% to_mjy: squared
def to_mjy(aperture_sum, pixel_area):
    import astropy.units as u
    a = pixel_area.to_value(u.sr)
    return aperture_sum.value * a * a * 1e9 * u.mJy

# %% signal_to_noise: -
def signal_to_noise(*args):
    return 1.0

# %% signal_to_noise: zero-over-zero
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    star = np.sqrt(flux)
    sky = np.sqrt(np.multiply(sky_per_pixel, n_pixels))
    detector = np.sqrt(n_pixels) * read_noise
    return np.divide(flux, np.sqrt(np.square(star) + np.square(sky) + np.square(detector)))

# %% signal_to_noise: one-number-only
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    noise = np.sqrt(flux + n_pixels * sky_per_pixel + n_pixels * read_noise**2)
    return flux / noise if noise > 0 else 0.0

# %% peak_position: nan-wins
def peak_position(image):
    rows, columns = np.where(image == image.max())
    return int(columns[0]), int(rows[0])

# %% peak_position: nan-wins
def peak_position(image):
    order = np.argsort(image.ravel())
    return order[-1] % image.shape[1], order[-1] // image.shape[1]

# %% peak_position: absolute
def peak_position(image):
    high, low = np.nanmax(image), np.nanmin(image)
    extreme = high if high > -low else low
    row, column = np.argwhere(image == extreme)[0]
    return column, row

# %% flux_and_error: whole-pixels
def flux_and_error(image, error, position, radius):
    yy, xx = np.indices(image.shape)
    inside = np.hypot(xx - position[0], yy - position[1]) < radius
    return float(image[inside].sum()), float(np.sqrt((error[inside] ** 2).sum()))

# %% sky_flux: whole-pixels
def sky_flux(image, wcs, center, radius):
    from astropy.wcs.utils import proj_plane_pixel_scales
    x, y = wcs.world_to_pixel(center)
    pixels = radius.to_value("deg") / proj_plane_pixel_scales(wcs)[0]
    total = 0.0
    for j in range(image.shape[0]):
        for i in range(image.shape[1]):
            if (i - x) ** 2 + (j - y) ** 2 <= pixels**2:
                total += image[j, i]
    return float(total)

# %% to_mjy: degrees-once
def to_mjy(aperture_sum, pixel_area):
    from astropy import units as u
    steradians = pixel_area.to_value(u.arcsec**2) / 3600 / (180 / np.pi) ** 2
    return (aperture_sum.to_value(u.MJy / u.sr) * steradians * 1e9) * u.mJy

# %% plot_comparison: natural-log
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt
    fig, ax = plt.subplots()
    keep = np.asarray(measured_flux) > 0
    x, y = np.log(np.asarray(catalog_flux)[keep]), np.log(np.asarray(measured_flux)[keep])
    ax.scatter(x, y, s=6)
    ax.set_xlabel("log catalogue flux (mJy)")
    ax.set_ylabel("log measured flux (mJy)")
    return fig
