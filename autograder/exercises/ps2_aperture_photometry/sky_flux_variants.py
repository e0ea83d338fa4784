"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: aperture_photometry with a sky aperture
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import SkyCircularAperture, aperture_photometry

    table = aperture_photometry(image, SkyCircularAperture(center, r=radius), wcs=wcs)
    return table["aperture_sum"][0]

# %% variant: pixel position and scale of the header
def sky_flux(image, wcs, center, radius):
    from astropy.wcs.utils import proj_plane_pixel_scales
    from photutils.aperture import CircularAperture

    x, y = wcs.world_to_pixel(center)
    scale = np.mean(proj_plane_pixel_scales(wcs))
    aperture = CircularAperture((float(x), float(y)), radius.to_value("deg") / scale)
    return aperture.do_photometry(image)[0][0]

# %% variant: pixel area of the header
def sky_flux(image, wcs, center, radius):
    import astropy.units as u
    from photutils.aperture import CircularAperture, aperture_photometry

    x, y = center.to_pixel(wcs)
    side = np.sqrt(wcs.proj_plane_pixel_area()).to(u.arcsec)
    r = float(radius / side)
    return float(aperture_photometry(image, CircularAperture((x, y), r))["aperture_sum"].item())

# %% variant: ApertureStats, array
def sky_flux(image: np.ndarray, wcs, center, radius) -> np.ndarray:
    from photutils.aperture import ApertureStats, SkyCircularAperture

    return np.array([ApertureStats(image, SkyCircularAperture(center, radius), wcs=wcs).sum])

# %% variant: scale measured by a step of one pixel
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import CircularAperture

    x, y = (float(v) for v in wcs.world_to_pixel(center))
    step = wcs.pixel_to_world(x, y).separation(wcs.pixel_to_world(x + 1, y))
    print("a pixel is", step.arcsec, "arcsec")
    return CircularAperture((x, y), (radius / step).decompose().value).do_photometry(image)[0][0]

# %% variant: all_world2pix after a change of frame
def sky_flux(image, wcs, center, radius):
    from astropy.wcs.utils import wcs_to_celestial_frame
    from photutils.aperture import CircularAperture

    own = center.transform_to(wcs_to_celestial_frame(wcs))
    x, y = wcs.all_world2pix(own.spherical.lon.deg, own.spherical.lat.deg, 0)
    scale = np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))
    return np.float64(CircularAperture((x, y), radius.to("deg").value / scale).do_photometry(image)[0].sum())

# %% variant: mask of the sky aperture
def sky_flux(image, wcs, center, radius):
    from photutils.aperture import SkyCircularAperture

    mask = SkyCircularAperture(center, radius).to_pixel(wcs).to_mask(method="exact")
    mask = mask[0] if isinstance(mask, list) else mask
    return np.nansum(mask.multiply(image))

# %% variant: helper in another cell, with a warning
import warnings

from photutils.aperture import SkyCircularAperture

def on_pixels(center, radius, wcs):
    warnings.warn("going to pixels")
    return SkyCircularAperture(center, radius).to_pixel(wcs)
# %%
def sky_flux(image, wcs, center, radius):
    (flux,), _ = on_pixels(center.reshape(1), radius, wcs).do_photometry(image)
    return flux

# %% variant: lambda
from photutils.aperture import SkyCircularAperture, aperture_photometry

sky_flux = lambda image, wcs, center, radius: float(
    aperture_photometry(image, SkyCircularAperture(center, radius), wcs=wcs)["aperture_sum"][0])

# %% variant: a mask as large as the image, multiplied
from photutils.aperture import SkyCircularAperture

def sky_flux(image, wcs, center, radius):
    mask = SkyCircularAperture(center, radius).to_pixel(wcs).to_mask(method="exact").to_image(image.shape)
    return (image * mask).sum()
