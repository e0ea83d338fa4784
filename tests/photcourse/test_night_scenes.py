"""The simulated night holds what its truth says: light is conserved, repulsion does what it is called after, nights differ by seed."""

import numpy as np
import pytest

from photcourse.simulate import night_scenes as scenes
from photcourse.simulate.psf import add_stars


@pytest.fixture(scope="module")
def night():
    return scenes.observe_night(exposures=7)


def star(flux, sigma=1.7, shape=(61, 67)):
    return add_stars(np.zeros(shape), 33.3, 29.6, flux, sigma)


def variance(image):
    """Second moment in x of a star's light, pixels squared."""
    x = np.arange(image.shape[1])
    share = image.sum(axis=0) / image.sum()
    return (share * (x - (share * x).sum()) ** 2).sum()


def test_charge_that_is_pushed_away_is_not_lost():
    light = star(8e5)
    assert scenes.brighter_fatter(light, 3e-6).sum() == pytest.approx(light.sum(), rel=1e-12)


def test_a_star_becomes_fatter_in_proportion_to_its_light_and_not_at_all_without_repulsion():
    growth = [variance(scenes.brighter_fatter(star(flux), 3e-6)) - variance(star(flux)) for flux in (2e5, 4e5, 8e5)]
    assert growth[0] > 0
    assert growth[1] / growth[0] == pytest.approx(2, rel=1e-6) and growth[2] / growth[1] == pytest.approx(2, rel=1e-6)
    assert variance(scenes.brighter_fatter(star(8e5), 0.0)) == pytest.approx(variance(star(8e5)))


def test_a_flat_field_keeps_its_mean_and_loses_variance_with_its_level():
    rng = np.random.default_rng(3)
    ratios = []
    for level in (2e3, 2e4, 1e5):
        flat = scenes.brighter_fatter(rng.poisson(level, (300, 310)).astype(float), scenes.REPULSION)
        assert flat.mean() == pytest.approx(level, rel=1e-3)
        ratios.append(flat.var() / level)
    assert ratios[0] == pytest.approx(1, abs=0.03) and ratios[0] > ratios[1] > ratios[2]


def test_a_frame_holds_each_stars_light_as_extinction_colour_and_cloud_leave_it(night):
    number = 0
    row = night.log[number]
    picture = (night.frame(number, repulsion=0.0) - np.median(night.frame(number))) * scenes.GAIN
    at = int(np.argmin(np.where(night.truth["what"] == "", night.truth["V"], 99)))
    colour = night.truth["B"][at] - night.truth["V"][at]
    expected = (
        night.truth["V"][at]
        - scenes.ZERO_POINT["V"]
        + scenes.EXTINCTION["V"] * row["airmass"]
        - scenes.COLOUR_TERM["V"] * colour
        + night.conditions["cloud"][number]
    )
    y, x = np.indices(picture.shape)
    disc = (
        np.hypot(
            x - night.truth["x"][at] - night.conditions["dx"][number],
            y - night.truth["y"][at] - night.conditions["dy"][number],
        )
        < 8
    )
    assert -2.5 * np.log10(picture[disc].sum() / row["seconds"]) == pytest.approx(expected, abs=0.02)


def test_what_is_special_changes_and_nothing_else_does(night):
    last = len(night.log) - 1
    while night.log["band"][last] != "V":
        last -= 1
    change = night.magnitude(last) - night.magnitude(0)
    assert np.all(change[night.truth["what"] == ""] == 0)
    assert change[night.truth["what"] == "fades"][0] > 2 and abs(change[night.truth["what"] == "pulsates"][0]) < 0.4


def test_the_catalogue_is_right_but_for_two_stars(night):
    where = [
        int(np.argmin(np.hypot(night.truth["x"] - row["x"], night.truth["y"] - row["y"]))) for row in night.catalogue
    ]
    off = np.abs(night.catalogue["V"] - night.truth["V"][where])
    assert np.sum(off > 0.25) == 2 and np.sum(off > 0.06) == 2


def test_a_night_comes_again_with_its_seed_and_differs_with_another(night):
    again = scenes.observe_night(exposures=7)
    assert np.array_equal(again.frame(3), night.frame(3))
    assert not np.array_equal(scenes.observe_night(5, exposures=7).frame(3), night.frame(3))


def test_the_airmass_is_least_at_the_meridian():
    airmass = scenes._airmass(np.array([-2.0, -1.0, 0.0, 1.0, 4.8]))
    assert airmass.argmin() == 2 and airmass[1] == pytest.approx(airmass[3])
    assert airmass[2] == pytest.approx(1 / np.cos(np.deg2rad(40.2 - 32.0)))
