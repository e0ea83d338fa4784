"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: to the unit by name
def to_mjy(aperture_sum, pixel_area):
    flux = aperture_sum * pixel_area
    return flux.to("mJy")

# %% variant: both converted by hand
def to_mjy(aperture_sum, pixel_area):
    from astropy import units as u

    per_steradian = aperture_sum.to_value(u.mJy / u.sr)
    steradians = pixel_area.to_value(u.sr)
    return per_steradian * steradians * u.mJy

# %% variant: left in jansky
def to_mjy(aperture_sum, pixel_area):
    return (aperture_sum * pixel_area.to("sr")).to("Jy")

# %% variant: left in MJy
def to_mjy(aperture_sum, pixel_area):
    import astropy.units as u

    return aperture_sum * pixel_area.to(u.steradian)

# %% variant: brightness per square arcsecond first, type hints
import astropy.units as u

# %%
def to_mjy(aperture_sum: u.Quantity, pixel_area: u.Quantity) -> u.Quantity:
    brightness = aperture_sum.to(u.mJy / u.arcsec**2)
    area = pixel_area.to(u.arcsec**2)
    print(brightness, area)
    return brightness * area

# %% variant: undecomposed product
def to_mjy(aperture_sum, pixel_area):
    return aperture_sum * pixel_area

# %% variant: loop over the sums
def to_mjy(aperture_sum, pixel_area):
    import astropy.units as u

    if aperture_sum.isscalar:
        return (aperture_sum * pixel_area).to(u.mJy)
    fluxes = []
    for one in aperture_sum:
        fluxes.append((one * pixel_area).to_value(u.mJy))
    return u.Quantity(fluxes, u.mJy)

# %% variant: decomposed to SI
def to_mjy(aperture_sum, pixel_area):
    import warnings

    warnings.warn("SI units", stacklevel=1)
    return (aperture_sum * pixel_area).to("W / (m2 Hz)")

# %% variant: lambda
to_mjy = lambda aperture_sum, pixel_area: (aperture_sum * pixel_area) << 'mJy'

# %% variant: partial with a unit
import functools

import astropy.units as u

def convert(unit, brightness, area):
    return (brightness * area).to(unit)
# %%
to_mjy = functools.partial(convert, u.mJy)
