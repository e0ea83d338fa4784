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

# %% signal_to_noise: unit-kept
import astropy.units as u
# %% cell
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    signal = np.asarray(flux, dtype=float) * u.electron
    variance = signal.value + np.multiply(n_pixels, np.add(sky_per_pixel, np.square(read_noise)))
    return signal / np.sqrt(np.where(variance == 0, 1.0, variance))

# %% signal_to_noise: unit-kept
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    from astropy.units import Quantity
    light = Quantity(flux, "electron", dtype=float)
    noise2 = light + Quantity(sky_per_pixel, "electron") * n_pixels + Quantity(n_pixels * np.square(read_noise), "electron")
    ratio = light / np.sqrt(np.maximum(noise2, Quantity(1e-30, "electron")))
    return ratio

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

# %% flux_and_error: typical-error
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture, aperture_photometry
    total = aperture_photometry(image, CircularAperture(position, r=radius))["aperture_sum"][0]
    return total, np.nanmedian(error) * radius * np.sqrt(np.pi)

# %% flux_and_error: typical-error
def flux_and_error(image, error, position, radius):
    from photutils.aperture import ApertureStats, CircularAperture
    circle = CircularAperture(position, radius)
    typical = ApertureStats(error, circle).mean
    return float(ApertureStats(image, circle).sum), float(np.sqrt(circle.area * typical**2))

# %% flux_and_error: photon-noise-added
def flux_and_error(image, error, position, radius):
    from photutils.aperture import ApertureStats, CircularAperture
    from photutils.utils import calc_total_error
    stats = ApertureStats(image, CircularAperture(position, radius), error=calc_total_error(image, error, 1.0))
    return stats.sum, stats.sum_err

# %% flux_and_error: photon-noise-added
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture
    weights = CircularAperture(position, radius).to_mask(method="exact").to_image(image.shape)
    flux = np.sum(weights * image)
    counts = np.sum(weights * np.maximum(image, 0))
    return float(flux), float((np.sum(weights * error**2) + counts) ** 0.5)

# %% flux_and_error: error-squared-before
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture, aperture_photometry
    variance = np.square(error)
    row = aperture_photometry(image, CircularAperture([position], r=radius), error=variance)[0]
    return float(row["aperture_sum"]), float(row["aperture_sum_err"])

# %% flux_and_error: error-squared-before
def flux_and_error(image, error, position, radius):
    from photutils.aperture import CircularAperture
    mask = CircularAperture(position, radius).to_mask(method="subpixel", subpixels=20)
    weights, variance = mask.to_image(image.shape), error**2
    return float((weights * image).sum()), float(np.sqrt((weights * variance**2).sum()))

# %% plot_aperture: no-circle
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from matplotlib.patches import Circle
    fig, ax = plt.subplots(figsize=(6, 5))
    ax.imshow(image, origin="lower", cmap="viridis")
    circle = Circle(position, radius, fill=False, color="red")
    ax.set_xlabel("x [pixel]")
    ax.set_ylabel("y [pixel]")
    return fig

# %% plot_aperture: no-circle
def plot_aperture(image, position, radius):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture
    aperture = CircularAperture(position, r=radius)
    plt.figure()
    plt.imshow(image, origin="lower", vmin=np.nanpercentile(image, 1), vmax=np.nanpercentile(image, 99))
    plt.colorbar()
    plt.xlabel("x (pix)")
    plt.ylabel("y (pix)")
    plt.title(f"{aperture.area:.0f} pixels")
    return plt.gcf()

# %% sky_flux: background-taken
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import ApertureStats, SkyCircularAperture
    circle = SkyCircularAperture(center, r=radius)
    stats = ApertureStats(image, circle, wcs=wcs)
    return float(np.ravel(stats.sum)[0] - np.median(image) * np.ravel(stats.sum_aper_area.value)[0])

# %% sky_flux: background-taken
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import SkyCircularAperture, aperture_photometry
    level = np.sort(image, axis=None)[image.size // 2]
    table = aperture_photometry(image.astype(float) - level, SkyCircularAperture(center, radius), wcs=wcs)
    return float(table["aperture_sum"][0])

# %% sky_flux: whole-positions
def sky_flux(image, wcs, center, radius):
    from astropy.wcs.utils import proj_plane_pixel_scales
    from photutils.aperture import CircularAperture
    row, column = wcs.world_to_array_index(center)
    scale = np.mean(proj_plane_pixel_scales(wcs))
    return float(CircularAperture((column, row), radius.to_value("deg") / scale).do_photometry(image)[0][0])

# %% sky_flux: whole-positions
def sky_flux(image, wcs, center, radius):
    from astropy.wcs.utils import proj_plane_pixel_area
    from photutils.aperture import CircularAperture, aperture_photometry
    x, y = (int(np.round(v)) for v in wcs.world_to_pixel(center))
    r = radius.to("deg").value / np.sqrt(proj_plane_pixel_area(wcs))
    return aperture_photometry(image, CircularAperture((x, y), r=r))["aperture_sum"][0].item()

# %% sky_flux: cdelt
def sky_flux(image, wcs, center, radius):
    from astropy import units as u
    from photutils.aperture import CircularAperture, aperture_photometry
    degrees = np.abs(wcs.wcs.cdelt)
    pixels = (radius / (degrees[1] * u.deg)).to_value(u.dimensionless_unscaled)
    place = wcs.world_to_pixel(center)
    return float(aperture_photometry(image, CircularAperture(np.transpose(place), pixels))["aperture_sum"].sum())

# %% sky_flux: cdelt
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import CircularAperture
    x, y = wcs.world_to_pixel(center)
    header = wcs.to_header()
    scale = abs(header["CDELT1"])
    mask = CircularAperture((float(x), float(y)), radius.to("deg").value / scale).to_mask(method="exact")
    return float(np.sum(mask.multiply(image)))

# %% sky_flux: no-scale
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import CircularAperture, aperture_photometry
    x, y = wcs.world_to_pixel(center)
    return float(aperture_photometry(image, CircularAperture((x, y), r=radius.to("arcsec").value))["aperture_sum"][0])

# %% sky_flux: no-scale
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import CircularAperture
    x, y = wcs.world_to_pixel(center)
    weights = CircularAperture((float(x), float(y)), 3600 * radius.to_value("deg")).to_mask().to_image(image.shape)
    return float((weights * image).sum())

# %% signal_to_noise: unit-kept
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    import astropy.units as u
    signal = np.asarray(flux, float) * u.electron
    noise = np.sqrt(np.asarray(flux, float) + np.multiply(n_pixels, sky_per_pixel + read_noise**2))
    return signal / np.where(noise == 0, 1, noise)

# %% signal_to_noise: unit-kept
def signal_to_noise(flux, sky_per_pixel, n_pixels, read_noise):
    from astropy import units as u
    f, s, n, r = (np.asarray(v, float) for v in (flux, sky_per_pixel, n_pixels, read_noise))
    noise = np.sqrt(f * u.electron + n * (s + r**2) * u.electron)
    return f * u.electron / np.maximum(noise, 1e-30 * u.electron**0.5)
