"""Simulated light: fluxes, shapes, noise and coordinates are what the numbers say."""

from __future__ import annotations

import time

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammainc, gammaincinv

from photcourse import simulate

SHAPE = (61, 83)


def moments(image):
    """Flux, centroid and variances of an image."""
    yy, xx = np.mgrid[: image.shape[0], : image.shape[1]]
    flux = image.sum()
    x, y = (image * xx).sum() / flux, (image * yy).sum() / flux
    return flux, x, y, (image * (xx - x) ** 2).sum() / flux, (image * (yy - y) ** 2).sum() / flux


# ------------------------------------------------------------------------------------------- the profiles
@settings(max_examples=25, deadline=None)
@given(x=st.floats(30, 50), y=st.floats(22, 38), sigma=st.floats(1.2, 3.0))
def test_a_sampled_gaussian_has_unit_flux_its_centre_and_its_width(x, y, sigma):
    flux, xc, yc, vx, vy = moments(simulate.gaussian_psf(SHAPE, x, y, sigma))
    assert flux == pytest.approx(1, abs=1e-6)
    assert (xc, yc) == pytest.approx((x, y), abs=1e-5)
    assert (vx, vy) == pytest.approx((sigma**2, sigma**2), rel=1e-4)


def test_a_gaussian_peaks_at_one_over_two_pi_sigma_squared_and_lies_along_y_first():
    psf = simulate.gaussian_psf(SHAPE, 40, 25, 2.0)
    assert psf.shape == SHAPE
    assert psf[25, 40] == psf.max() == pytest.approx(1 / (2 * np.pi * 4))


def test_integrating_over_pixels_adds_a_twelfth_to_the_variance():
    flux, x, _, vx, vy = moments(simulate.gaussian_psf(SHAPE, 40.3, 25.8, 1.5, integrate=True))
    assert flux == pytest.approx(1, abs=1e-9) and x == pytest.approx(40.3, abs=1e-9)
    assert (vx, vy) == pytest.approx((2.25 + 1 / 12,) * 2, rel=1e-6)


@pytest.mark.parametrize("beta", [2.5, 3.0, 4.765])
def test_a_moffat_profile_has_its_full_width_at_half_maximum_and_the_flux_of_its_curve_of_growth(beta):
    psf = simulate.moffat_psf((401, 301), 150, 200, 6.0, beta)
    assert psf[200, 153] == pytest.approx(psf[200, 150] / 2, rel=1e-12)
    yy, xx = np.mgrid[:401, :301]
    a = 3 / np.sqrt(2 ** (1 / beta) - 1)
    inside = psf[np.hypot(xx - 150, yy - 200) < 100].sum()
    assert inside == pytest.approx(1 - (1 + (100 / a) ** 2) ** (1 - beta), abs=2e-4)


def test_a_moffat_profile_of_infinite_flux_is_refused():
    with pytest.raises(ValueError, match="beta > 1"):
        simulate.moffat_psf(SHAPE, 20, 20, 4.0, beta=1.0)


@pytest.mark.parametrize(("n", "tolerance"), [(0.5, 0.005), (1.0, 0.001), (2.5, 0.005), (4.0, 0.03)])
def test_a_sersic_mixture_follows_the_curve_of_growth(n, tolerance):
    weights, sigmas = simulate.sersic_mixture(n)
    radii = np.geomspace(0.05, 2.5, 60)
    model = (weights * (1 - np.exp(-0.5 * (radii[:, None] / sigmas) ** 2))).sum(axis=1)
    truth = gammainc(2 * n, gammaincinv(2 * n, 0.5) * radii ** (1 / n))
    assert weights.sum() == pytest.approx(1) and weights.min() > 0
    assert np.abs(model - truth).max() < tolerance


def test_a_sersic_index_beyond_the_profiles_of_galaxies_is_refused():
    with pytest.raises(ValueError, match="Sersic index"):
        simulate.sersic_mixture(8.0)


def test_a_galaxy_is_convolved_exactly():
    """Against a brute-force convolution on pixels five times finer."""
    fine, size = 5, 45
    yy, xx = np.mgrid[: size * fine, : size * fine * 1]
    x0, y0 = 22.4, 21.3
    middle_x, middle_y = (x0 + 0.5) * fine - 0.5, (y0 + 0.5) * fine - 0.5
    theta, q, hlr = 0.7, 0.5, 3.0
    dx, dy = (xx - middle_x) / fine, (yy - middle_y) / fine
    radius = np.hypot(dx * np.cos(theta) + dy * np.sin(theta), (dy * np.cos(theta) - dx * np.sin(theta)) / q)
    b = gammaincinv(2, 0.5)
    exponential = b**2 / (2 * np.pi * hlr**2 * q) * np.exp(-b * radius / hlr) / fine**2
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(exponential, 2.0 * fine, truncate=6)
    # The value at a coarse pixel's centre is the middle one of its fine pixels, times their number.
    expected = smooth[fine // 2 :: fine, fine // 2 :: fine] * fine**2
    got = simulate.sersic_galaxy((size, size), x0, y0, hlr, n=1, q=q, theta=theta, sigma_psf=2.0)
    assert np.abs(got - expected).max() < 0.01 * expected.max()
    assert got.sum() == pytest.approx(1, abs=0.01)


def test_a_galaxy_s_major_axis_turns_from_x_towards_y():
    along_y = simulate.sersic_galaxy(SHAPE, 40, 30, 4, q=0.4, theta=np.pi / 2, sigma_psf=1.5)
    _, _, _, vx, vy = moments(along_y)
    assert vy > 2 * vx


# ------------------------------------------------------------------------------------------- many sources
def test_stars_add_up_where_they_overlap_and_are_clipped_at_edges():
    image = np.full(SHAPE, 7.0)
    result = simulate.add_stars(image, [40.2, 42.0, -1.0], [30.0, 31.5, 10.0], [1e4, 2e4, 500.0], 2.0)
    assert result is image
    expected = 7 + 1e4 * simulate.gaussian_psf(SHAPE, 40.2, 30.0, 2.0)
    expected += 2e4 * simulate.gaussian_psf(SHAPE, 42.0, 31.5, 2.0)
    expected += 500 * simulate.gaussian_psf(SHAPE, -1.0, 10.0, 2.0)
    assert np.abs(image - expected).max() < 1e-6 * 2e4


def test_a_source_far_outside_adds_nothing():
    image = np.zeros(SHAPE)
    simulate.add_stars(image, [-500.0, 900.0], [20.0, 20.0], 1e6, 2.0)
    simulate.add_galaxies(image, [-500.0], [5000.0], 1e6, 3.0, sigma_psf=2.0)
    assert not image.any()


def test_galaxies_on_stamps_hold_their_flux():
    image = np.zeros((300, 340))
    simulate.add_galaxies(
        image, [90.3, 250.1], [120.7, 100.0], [1e4, 3e4], [3.0, 6.0], n=[1.0, 2.5], q=0.6, sigma_psf=2.0
    )
    assert image.sum() == pytest.approx(4e4, rel=0.01)


def test_scattered_sources_keep_their_distance_from_each_other_from_others_and_from_the_edge():
    rng = np.random.default_rng(3)
    taken = np.array([[50.0, 40.0]])
    places = simulate.scatter(rng, 60, (200, 300), separation=18, margin=9, avoid=taken)
    assert places.shape == (60, 2)
    assert simulate.nearest_neighbour(*np.vstack([taken, places]).T).min() >= 18
    assert places[:, 0].min() >= 9 and places[:, 0].max() <= 290 and places[:, 0].max() > 200
    assert places[:, 1].min() >= 9 and places[:, 1].max() <= 190


def test_too_many_sources_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        simulate.scatter(np.random.default_rng(3), 40, (60, 70), separation=20)


def test_places_that_leave_no_room_for_the_rest_are_chosen_anew():
    # Four fit, but three of them often lie so that no fourth does: one try in a hundred failed.
    for seed in range(20):
        places = simulate.scatter(np.random.default_rng(seed), 4, (56, 75), separation=24, margin=12)
        assert len(places) == 4 and simulate.nearest_neighbour(*places.T).min() >= 24


def test_a_lone_source_has_no_neighbour():
    assert simulate.nearest_neighbour(np.array([3.0]), np.array([4.0])).tolist() == [np.inf]


# --------------------------------------------------------------------------------------- noise and the sky
def test_the_variance_plane_is_the_scatter_of_many_exposures():
    rng = np.random.default_rng(11)
    light = np.array([[0.0, 50.0, 4000.0]])
    many = np.stack([simulate.observe(rng, light, gain=2.1, read_noise=6.0) for _ in range(20_000)])
    variance = simulate.expected_variance(light, gain=2.1, read_noise=6.0)
    # The relative error of a variance from N draws is sqrt(2/N) = 1 %: four sigma.
    assert many.var(axis=0) == pytest.approx(variance, rel=0.04)
    assert many.mean(axis=0) == pytest.approx(light, abs=4 * np.sqrt(variance.max() / 20_000))


def test_north_is_turned_counter_clockwise_and_east_is_left_of_it():
    wcs = simulate.tan_wcs((400, 600), 53.13, -28.1, pixel_scale=0.2, rotation=23.0)
    middle = wcs.pixel_to_world(299.5, 199.5)
    assert middle.separation(SkyCoord(53.13, -28.1, unit="deg")).arcsec < 1e-6
    x, y = wcs.world_to_pixel(middle.directional_offset_by(0 * middle.ra.unit, 10 / 3600 * middle.ra.unit))
    assert (x - 299.5, y - 199.5) == pytest.approx(
        (-50 * np.sin(np.deg2rad(23)), 50 * np.cos(np.deg2rad(23))), abs=1e-3
    )
    x, y = wcs.world_to_pixel(middle.directional_offset_by(90 * middle.ra.unit, 10 / 3600 * middle.ra.unit))
    assert (x - 299.5, y - 199.5) == pytest.approx(
        (-50 * np.cos(np.deg2rad(23)), -50 * np.sin(np.deg2rad(23))), abs=1e-3
    )


# --------------------------------------------------------------------------------------- a whole exposure
@pytest.fixture(scope="module")
def exposure():
    return simulate.visit_image((420, 510), seed=5)


def test_an_exposure_has_the_planes_header_and_truth_of_a_visit_image(exposure):
    assert exposure.image.shape == exposure.variance.shape == exposure.mask.shape == (420, 510)
    assert str(exposure.unit) == "nJy" and exposure.header["BUNIT"] == "nJy"
    assert exposure.header["VISIT"] == 2026112100001 and exposure.header["DETECTOR"] == 0
    assert {"BAD", "SAT", "EDGE", "CR", "DETECTED"} <= set(exposure.mask_planes)
    assert exposure.wcs.proj_plane_pixel_scales()[0].to_value("arcsec") == pytest.approx(0.2)
    assert set(exposure.truth.colnames) == {
        "id", "x", "y", "ra", "dec", "flux", "kind", "sigma", "hlr", "q", "theta", "n", "isolated",
        "saturated", "pair",
    }  # fmt: skip


def test_the_truth_s_sky_positions_are_those_of_its_pixels(exposure):
    sky = exposure.wcs.pixel_to_world(exposure.truth["x"], exposure.truth["y"])
    assert sky.separation(SkyCoord(exposure.truth["ra"], exposure.truth["dec"])).arcsec.max() < 1e-6


def test_the_noise_of_empty_sky_is_that_of_the_variance_plane(exposure):
    empty = exposure.mask == 0
    pulls = exposure.image[empty] / np.sqrt(exposure.variance[empty])
    # 170 000 pixels: mean to 0.0024, scatter to 0.0017. Sources below the detection limit add a little.
    assert empty.sum() > 150_000
    assert pulls.mean() == pytest.approx(0.0, abs=0.03)
    assert pulls.std() == pytest.approx(1.0, abs=0.01)


def test_isolated_stars_give_back_their_truth_within_the_noise(exposure):
    """Maximum-likelihood flux with the true PSF: pulls of mean 0 and width 1."""
    t = exposure.truth
    inside = (t["x"] > 16) & (t["x"] < 493) & (t["y"] > 16) & (t["y"] < 403)
    stars = t[(t["kind"] == "star") & t["isolated"] & ~t["saturated"] & inside]
    assert len(stars) > 20
    pulls = []
    for star in stars:
        x0, y0 = round(star["x"]) - 9, round(star["y"]) - 9
        cut = np.s_[y0 : y0 + 19, x0 : x0 + 19]
        psf = simulate.gaussian_psf((19, 19), star["x"] - x0, star["y"] - y0, exposure.psf_sigma)
        weight = psf / exposure.variance[cut]
        flux = (weight * exposure.image[cut]).sum() / (weight * psf).sum()
        pulls.append((flux - star["flux"].value) * np.sqrt((weight * psf).sum()))
    assert np.mean(pulls) == pytest.approx(0, abs=4 / np.sqrt(len(pulls)))
    assert np.std(pulls) == pytest.approx(1, abs=4 / np.sqrt(2 * len(pulls)))


def test_the_saturated_star_is_full_bleeds_along_its_column_and_is_flagged(exposure):
    (star,) = exposure.truth[exposure.truth["saturated"]]
    full = exposure.flagged("SAT")
    y, x = round(star["y"]), round(star["x"])
    level = exposure.header["SATURATE"]
    assert full[y, x] and exposure.image[y, x] == pytest.approx(level, rel=0.02)
    assert full[:, x].sum() > 2 * full[y].sum()
    assert exposure.image.max() < 1.02 * level
    assert not star["isolated"]


def test_the_close_pair_is_two_peaks_that_the_convolved_image_merges(exposure):
    from scipy.ndimage import gaussian_filter

    pair = exposure.truth[exposure.truth["pair"]]
    assert len(pair) == 2 and not pair["isolated"].any()
    distance = np.hypot(*(pair["x"][1] - pair["x"][0], pair["y"][1] - pair["y"][0]))
    assert distance == pytest.approx(2.6 * exposure.psf_sigma)
    x0, y0 = round(pair["x"].mean()) - 10, round(pair["y"].mean()) - 10

    def peaks(image):
        window = image[y0 : y0 + 21, x0 : x0 + 21]
        inner = window[1:-1, 1:-1]
        around = [window[1 + dy : 20 + dy, 1 + dx : 20 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy]
        return int(np.sum(np.all([inner > n for n in around], axis=0) & (inner > 200)))

    assert peaks(exposure.image) >= 2
    assert peaks(gaussian_filter(exposure.image, exposure.psf_sigma)) == 1


def test_the_edge_artefact_looks_like_sources_and_stays_within_five_pixels_of_the_edge(exposure):
    edge = exposure.image[:, -4:]
    sigma = np.sqrt(np.median(exposure.variance))
    assert np.median(edge[:, -1]) > 20 * sigma
    assert edge[:, -1].max() > 1.4 * np.median(edge[:, -1])
    assert abs(np.median(exposure.image[:, -9:-4])) < 0.2 * sigma
    assert np.median(exposure.variance[:, -1]) > 2 * np.median(exposure.variance)
    assert exposure.flagged("EDGE")[:, -5:].all() and not exposure.flagged("EDGE")[5:-5, 5:-5].any()


def test_cosmic_rays_and_the_bad_column_are_flagged_and_repaired(exposure):
    sigma = np.sqrt(np.median(exposure.variance))
    for plane in ("CR", "BAD"):
        where = exposure.flagged(plane) & ~exposure.flagged("DETECTED", "EDGE")
        assert where.any() and exposure.flagged("INTRP")[where].all()
        assert np.abs(exposure.image[where]).max() < 6 * sigma
    columns = np.flatnonzero(exposure.flagged("BAD").any(axis=0))
    assert len(columns) == 1


def test_every_bright_source_lies_in_a_detected_footprint(exposure):
    bright = exposure.truth[exposure.truth["flux"].value > 5000]
    stars = bright[bright["kind"] == "star"]
    found = exposure.flagged("DETECTED")[np.rint(stars["y"]).astype(int), np.rint(stars["x"]).astype(int)]
    assert len(stars) > 20 and found.all()
    assert 0.02 < exposure.flagged("DETECTED").mean() < 0.3


def test_a_seed_gives_the_same_exposure_and_another_seed_another():
    a, b, c = (simulate.visit_image((150, 180), seed=s) for s in (8, 8, 9))
    assert np.array_equal(a.image, b.image) and np.array_equal(a.mask, b.mask)
    assert not np.array_equal(a.image, c.image)


def test_settings_change_what_is_put_in():
    plain = simulate.visit_image((150, 180), seed=2, defects=False, stars=9, galaxies=0, sigma_psf=1.8)
    assert len(plain.truth) == 9 and set(plain.truth["kind"]) == {"star"}
    assert plain.psf_sigma == plain.header["PSFSIGMA"] == 1.8
    assert not plain.flagged("SAT", "CR", "BAD").any() and not plain.truth["pair"].any()
    with pytest.raises(TypeError, match="moons"):
        simulate.visit_image((150, 180), moons=3)


def test_a_mask_plane_that_is_not_there_is_named(exposure):
    with pytest.raises(KeyError, match="no plane 'FOO'"):
        exposure.flagged("FOO")
    # No name is no plane: a list of names that came out empty must not mean every bit.
    assert not exposure.flagged().any() and (exposure.mask != 0).any()


@pytest.mark.heavy
def test_a_whole_detector_with_ten_thousand_sources_takes_seconds():
    began = time.process_time()
    whole = simulate.visit_image(simulate.FULL_DETECTOR, seed=4, stars=9800, galaxies=200)
    assert time.process_time() - began < 30
    assert whole.shape == (4000, 4072) and len(whole.truth) == 10_003
