"""The scenes of aperture photometry obey the physics that the lecture teaches with them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

from photcourse import data
from photcourse.simulate.aperture_scenes import (
    add_compact_stars,
    airy_encircled_energy,
    airy_psf,
    galactic_wcs,
    high_contrast_psf,
    ring_nebula,
)


def test_the_airy_pattern_holds_the_light_of_the_closed_formula():
    pattern = airy_psf((301, 351), 180.0, 140.0, 15.0)
    for radius in (12.5, 18.3, 35.0, 100.0):
        inside = CircularAperture((180.0, 140.0), radius).do_photometry(pattern)[0][0]
        assert inside == pytest.approx(float(airy_encircled_energy(radius, 15.0)), abs=2e-3)
    # The first dark ring lies at 1.22 lambda/D and holds 83.8 % (Rayleigh).
    assert airy_encircled_energy(1.2197 * 6.0, 6.0) == pytest.approx(0.838, abs=1e-3)


def test_a_central_obscuration_keeps_the_light():
    assert airy_psf((1201, 1001), 500.3, 600.1, 3.0, obscuration=0.14).sum() == pytest.approx(1, abs=2e-3)


def test_speckles_leave_the_core_alone_and_the_halo_in_the_mean():
    smooth = high_contrast_psf((91, 121), 70.0, 40.0, 3.3)
    rough = high_contrast_psf((91, 121), 70.0, 40.0, 3.3, rng=np.random.default_rng(5))
    assert rough.sum() == pytest.approx(smooth.sum(), rel=0.02)
    assert rough[40, 70] == pytest.approx(smooth[40, 70], rel=0.02)


@pytest.mark.parametrize(("x", "y"), [(52.0, 44.0), (52.5, 43.25), (51.7, 44.9)])
def test_a_compact_star_keeps_flux_and_place_wherever_it_lies_in_its_pixel(x, y):
    image = add_compact_stars(np.zeros((93, 107)), x, y, 1000.0, 1.65, 2.4)
    yy, xx = np.indices(image.shape)
    assert image.sum() == pytest.approx(1000, rel=3e-4)
    assert (image * xx).sum() / image.sum() == pytest.approx(x, abs=2e-3)
    assert (image * yy).sum() / image.sum() == pytest.approx(y, abs=2e-3)


def test_a_star_over_the_edge_is_cut_off_and_one_outside_leaves_only_its_wings():
    image = add_compact_stars(np.zeros((60, 80)), [0.0, 200.0], [30.0, 30.0], [100.0, 100.0], 1.65, 2.4)
    assert 50 < image.sum() < 75


def test_the_galactic_coordinates_are_where_and_as_large_as_asked():
    wcs = galactic_wcs((120, 200), 18.3, 0.2, 1.2)
    middle = wcs.pixel_to_world(99.5, 59.5)
    assert middle.galactic.l.deg == pytest.approx(18.3)
    assert middle.galactic.b.deg == pytest.approx(0.2)
    assert middle.separation(wcs.pixel_to_world(100.5, 59.5)).arcsec == pytest.approx(1.2, rel=1e-4)


def test_the_nebula_ends_within_two_and_a_half_radii():
    nebula = ring_nebula((150, 180), 90.0, 70.0, 20.0)
    yy, xx = np.indices(nebula.shape)
    assert nebula[np.hypot(xx - 90, yy - 70) > 50].sum() < 1e-3 * nebula.sum()


def test_apertures_on_the_infrared_stand_in_fall_short_of_its_catalogue_as_on_the_real_field():
    field = data.load("spitzer", prefer="embedded")
    catalog = field.table("spitzer_example_catalog")
    x, y = field.wcs.world_to_pixel(SkyCoord(catalog["l"], catalog["b"], frame="galactic"))
    dead = ~np.isfinite(field.image)
    assert 3 <= dead.sum() <= 8
    places = np.column_stack([x, y])
    disc, ring = CircularAperture(places, 4), CircularAnnulus(places, 10, 16)
    sky = ApertureStats(field.image, ring, mask=dead).median
    sums = (disc.do_photometry(field.image, mask=dead)[0] - sky * disc.area) * field.unit
    measured = (sums * (1.2 * u.arcsec) ** 2).to(u.mJy)
    bright = catalog["f4_5"] > 5 * u.mJy
    # The real field gives 0.953 (measured).
    assert np.median((measured / catalog["f4_5"])[bright].value) == pytest.approx(0.95, abs=0.02)


def test_the_adaptive_optics_stand_in_carries_honest_errors():
    star = data.load("sphere_psf", prefer="embedded")
    corner = star.image[:25, :30] / star.planes["error"][:25, :30]
    assert corner.std() == pytest.approx(1, abs=0.1)
    assert star.image.sum() == pytest.approx(star.truth["flux_on_image"][0].value, rel=3e-3)
