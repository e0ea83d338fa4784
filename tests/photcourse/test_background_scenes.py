"""The scenes for backgrounds hold what their truth says, and mislead a registration as the real frames do."""

import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from photcourse import data
from photcourse.simulate import background_scenes as scenes


@pytest.fixture(scope="module")
def m13():
    return data.load("m13", prefer="embedded")


def found(frames, **settings):
    return np.array([phase_cross_correlation(frames[0], f, **settings)[0] for f in frames[1:]])


def true_shifts(m13):
    return np.column_stack([m13.truth["dy"].value, m13.truth["dx"].value])[1:]


def test_a_ring_holds_all_its_light_and_has_a_hole():
    ring = scenes.ring_psf(3.0, 6.0, 1.0)
    middle = ring.shape[0] // 2
    assert ring.sum() == pytest.approx(1.0)
    assert ring[middle, middle] < 0.1 * ring[middle, middle + 4]
    np.testing.assert_allclose(ring, ring.T, atol=1e-12)


def test_a_star_is_drawn_where_the_shift_puts_it():
    stars = {"x": np.array([40.3]), "y": np.array([22.6]), "flux": np.array([500.0])}
    light = scenes.cluster_light(stars, (50, 90), (-2.5, 7.2), scenes.ring_psf(2.0, 4.0, 0.8))
    y, x = np.mgrid[:50, :90]
    assert light.sum() == pytest.approx(500.0, rel=1e-6)
    assert (light * x).sum() / light.sum() == pytest.approx(40.3 - 7.2, abs=1e-3)
    assert (light * y).sum() / light.sum() == pytest.approx(22.6 + 2.5, abs=1e-3)


def test_the_sky_of_each_frame_is_the_one_in_the_truth(m13):
    for frame, sky in zip(m13.cube, m13.truth["sky"], strict=True):
        corner = frame[:60, :90]
        # 5400 pixels of scatter 25.5: the median is good to 0.43 counts.
        assert sigma_clipped_stats(corner)[1] == pytest.approx(sky, abs=2.2)


def test_the_pattern_is_shared_by_all_frames(m13):
    a, b = m13.cube[0][:60, :90], m13.cube[3][:60, :90]
    one, pair = sigma_clipped_stats(a)[2], sigma_clipped_stats(a - b)[2] / np.sqrt(2)
    assert np.sqrt(one**2 - pair**2) == pytest.approx(scenes.PATTERN, rel=0.15)


def test_plain_registration_finds_the_pattern_and_not_the_drift(m13):
    assert np.abs(found(m13.cube - 486.0, upsample_factor=20)).max() < 0.2


@pytest.mark.parametrize(("level", "works"), [(486.0, True), (511.0, False)])
def test_the_mask_works_with_486_only(m13, level, works):
    frames = m13.cube - level
    mask = (frames > 50).any(axis=0)
    off = np.abs(found(frames, reference_mask=mask, moving_mask=mask) - true_shifts(m13)).max()
    assert (off < 2.5) == works


@pytest.mark.parametrize("smooth", [lambda f: ndimage.gaussian_filter(f, 1.5), lambda f: ndimage.median_filter(f, 3)])
def test_smoothing_without_phase_normalisation_finds_the_drift(m13, smooth):
    frames = np.array([smooth(f - 512.0) for f in m13.cube])
    off = found(frames, upsample_factor=20, normalization=None) - true_shifts(m13)
    assert np.abs(off).max() < 0.6


def test_smoothing_with_phase_normalisation_does_not(m13):
    frames = np.array([ndimage.gaussian_filter(f - 512.0, 1.5) for f in m13.cube])
    assert np.abs(found(frames) - true_shifts(m13))[:, 1].min() > 5


def test_the_gradient_rises_from_its_lowest_corner_by_what_is_asked():
    sky = scenes.sky_gradient((30, 41), 5.0, 25.0)
    assert sky.shape == (30, 41)
    assert sky[0, 0] == pytest.approx(5.0)
    assert 23.0 < sky[-1, -1] <= 25.0
    assert (np.diff(sky, axis=0) >= 0).all() and (np.diff(sky, axis=1) > 0).all()


def test_the_two_fields_differ_by_the_gradient_and_noise_alone():
    field = data.load("gaussians100")
    flat, sloped = field.planes["image"], field.planes["gradient"]
    rest = sloped - flat - (scenes.sky_gradient(flat.shape) - scenes.GAUSSIANS_SKY)
    assert rest.mean() == pytest.approx(0.0, abs=5 * 2.9 / np.sqrt(rest.size))
    assert rest.std() == pytest.approx(np.sqrt(2) * scenes.GAUSSIANS_NOISE, rel=0.02)
    assert len(field.truth) == 100 and (np.diff(field.truth["flux"]) <= 0).all()
