"""The vectorised pipeline: each step beside its plain form, and the whole beside the truth and the bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from photcourse import pipeline
from photcourse.simulate import add_stars, gaussian_psf, visit_image

SIGMA, GAIN, READ_NOISE, SKY = 1.8, 2.1, 6.0, 480.0
PIXEL_VARIANCE = (SKY * GAIN + READ_NOISE**2) / GAIN**2


def tilted(shape: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 300 + 0.02 * x - 0.03 * y


@pytest.mark.parametrize("shape", [(97, 131), (64, 200), (300, 41)])
@pytest.mark.parametrize("sigma", [1.1, 2.3])
def test_the_matched_filter_by_matrices_is_the_convolution(shape, sigma):
    image = np.random.default_rng(1).normal(size=shape)
    reach = int(np.ceil(4 * sigma))
    plain = ndimage.gaussian_filter(image, sigma, mode="constant", radius=reach)
    assert pipeline.matched_filter(image, sigma) == pytest.approx(plain, abs=2e-6)


def test_crests_are_the_pixels_that_beat_all_eight_neighbours():
    image = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(83, 57)), 1.0)
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    plain = (image > ndimage.maximum_filter(image, footprint=ring)) & (image > 0.05)
    plain[:6], plain[-6:], plain[:, :6], plain[:, -6:] = False, False, False, False
    assert plain.sum() > 10
    assert np.array_equal(pipeline.crests(image, 0.05, border=6), np.argwhere(plain))


def test_a_flat_top_has_no_crest():
    image = np.zeros((40, 50))
    image[20, 30:32] = 5
    assert pipeline.crests(image, 1.0).shape == (0, 2)


def test_the_sky_follows_a_slope_and_its_noise_under_stars_and_dead_pixels():
    rng = np.random.default_rng(3)
    shape = (330, 410)
    image = tilted(shape) + rng.normal(0, 4, shape)
    x, y = rng.uniform(10, 400, 60), rng.uniform(10, 320, 60)
    add_stars(image, x, y, rng.uniform(1e3, 1e5, 60), SIGMA)
    image[100:140, 50:70], image[:66, 340:] = np.nan, np.nan  # some pixels, and a whole box
    sky = pipeline.fit_sky(image, step=1)
    residual = (sky.map(shape) - tilted(shape))[40:-40, 40:-40]
    # A median of 4096 pixels is good to 1.25 x 4 / 64; stars lift it a little.
    assert abs(residual.mean()) < 0.25 and residual.std() < 0.25
    assert np.median(sky.noise) == pytest.approx(4, rel=0.03)
    level, noise = sky.at(np.array([205.0]), np.array([165.0]))
    assert level == pytest.approx(sky.map(shape)[165, 205], abs=0.01)
    assert noise == pytest.approx(4, rel=0.1)


def test_an_image_without_a_finite_pixel_is_said():
    with pytest.raises(ValueError, match="no finite pixel"):
        pipeline.fit_sky(np.full((70, 80), np.nan))


def test_windows_at_the_edge_move_inwards():
    image = np.arange(30 * 40.0).reshape(30, 40)
    stamps, corner = pipeline.cut_stamps(image, np.array([[1, 38], [15, 20]]), 5)
    assert stamps.shape == (2, 11, 11) and corner.tolist() == [[0, 29], [10, 15]]
    assert stamps[1, 5, 5] == image[15, 20] and stamps[0, 0, -1] == image[0, 39]


def noisy_stars(snr: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Stamps of stars of one signal-to-noise ratio: stamps, x, y, true flux and its bound."""
    rng = np.random.default_rng(seed)
    shape, flux = (19, 21), snr * np.sqrt(4 * np.pi * PIXEL_VARIANCE) * SIGMA
    x, y = rng.uniform(9.3, 10.7, count), rng.uniform(8.3, 9.7, count)
    light = flux * np.array([gaussian_psf(shape, *xy, SIGMA) for xy in zip(x, y, strict=True)])
    stamps = (rng.poisson((light + SKY) * GAIN) + rng.normal(0, READ_NOISE, light.shape)) / GAIN - SKY
    p = gaussian_psf(shape, 10.0, 9.0, SIGMA)
    return stamps.astype(np.float32), x, y, flux, float(1 / np.sqrt((p**2 / (flux * p / GAIN + PIXEL_VARIANCE)).sum()))


@pytest.mark.parametrize("snr", [12.0, 60.0, 1500.0])
def test_fluxes_and_positions_lie_on_the_bound_with_known_and_with_found_positions(snr):
    stamps, x, y, flux, bound = noisy_stars(snr, 1500, seed=int(snr))
    # The scatter of 1500 numbers is itself known to 1 / sqrt(2 x 1500) = 1.8 %: four of that.
    tolerance = 0.075
    for fixed, first in ((True, (x, y)), (False, (np.rint(x), np.rint(y)))):
        stars = pipeline.fit_stars(stamps, *first, SIGMA, np.sqrt(PIXEL_VARIANCE), gain=GAIN, fixed=fixed)
        error = (stars.flux - flux) / bound
        assert error.std() == pytest.approx(1, abs=tolerance)
        # Fitted positions chase the noise: the flux gains about 1 / (S/N) of its error, for each coordinate one half.
        assert abs(error.mean()) < 4 / np.sqrt(1500) + (0 if fixed else 1 / snr)
        assert stars.flux_err == pytest.approx(bound, rel=0.05)
        if not fixed:
            for pull in ((stars.x - x) / stars.x_err, (stars.y - y) / stars.y_err):
                assert abs(pull.mean()) < 4 / np.sqrt(1500)
                assert pull.std() == pytest.approx(1, abs=tolerance + 2 / snr)


def test_equal_weights_cost_a_bright_star_what_the_integrals_say():
    stamps, x, y, flux, bound = noisy_stars(8000.0, 1500, seed=5)
    flat = pipeline.fit_stars(stamps, x, y, SIGMA, np.sqrt(PIXEL_VARIANCE), fixed=True)
    assert np.std(flat.flux - flux) / bound == pytest.approx(np.sqrt(4 / 3), abs=0.08)


def test_the_width_of_a_star_is_found_when_the_assumed_one_is_wrong():
    stamp = 1e5 * gaussian_psf((31, 33), 15.7, 14.4, 2.2)[None].astype(np.float32)
    for assumed in (1.8, 2.6):
        stars = pipeline.fit_stars(stamp, np.array([15.7]), np.array([14.4]), assumed, 1.0, fixed=True)
        assert stars.width == pytest.approx(2.2, rel=1e-3)


def test_a_bad_column_through_a_star_is_left_out_and_its_share_told():
    stamp = 1e5 * gaussian_psf((19, 19), 9.2, 8.9, SIGMA)[None].astype(np.float32)
    good = np.ones(stamp.shape, bool)
    good[:, :, 10] = False
    stamp[:, :, 10] = 7777
    stars = pipeline.fit_stars(stamp, np.array([9.0]), np.array([9.0]), SIGMA, 1.0, good=good)
    assert stars.flux == pytest.approx(1e5, rel=1e-3)
    assert stars.x == pytest.approx(9.2, abs=0.01)
    assert 0.6 < stars.share[0] < 0.9


@pytest.fixture(scope="module")
def field():
    exposure = visit_image(
        (400, 470), seed=8, stars=120, galaxies=0, defects=False, sigma_psf=SIGMA, faint=700.0, separation=14.0
    )
    exposure.image += tilted((400, 470))
    return exposure


@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">f4"])
def test_a_detector_gives_its_stars_whatever_the_number_type(field, dtype):
    image = field.image.astype(dtype)
    before = image.copy()
    table = pipeline.measure_detector(image, SIGMA, gain=GAIN)
    assert tuple(table.columns) == pipeline.COLUMNS
    assert np.array_equal(image, before)
    truth = field.truth
    error = np.sqrt(4 * np.pi * PIXEL_VARIANCE) * SIGMA
    sure = (
        (truth["flux"].value > 8 * error)
        & (np.minimum(truth["x"], truth["y"]) > 12)
        & (truth["x"] < 457)
        & (truth["y"] < 387)
    )
    distance, _ = cKDTree(table[["x", "y"]]).query(np.column_stack([truth["x"], truth["y"]])[sure])
    assert sure.sum() > 60 and distance.max() < 1
    back, which = cKDTree(np.column_stack([truth["x"], truth["y"]])).query(table[["x", "y"]])
    # Between 5 and 6 sigma a false row in such a field is one in a hundred; stars only then.
    assert (back > 2).sum() <= 1
    pulls = ((table["flux"] - truth["flux"].value[which]) / table["flux_err"])[back < 1]
    assert abs(np.median(pulls)) < 0.5
    assert np.subtract(*np.percentile(pulls, [84.1, 15.9])) / 2 == pytest.approx(1, abs=0.3)


def test_bad_and_dead_pixels_do_no_harm(field):
    image, bad = field.image.copy(), np.zeros(field.image.shape, bool)
    bad[:, 211] = True
    image[:, 211], image[50:60, 300:320] = 6e4, np.nan
    table = pipeline.measure_detector(image, SIGMA, gain=GAIN, bad=bad)
    plain = pipeline.measure_detector(field.image, SIGMA, gain=GAIN)
    assert np.isfinite(table[["x", "y", "flux", "flux_err"]]).all().all()
    clean = table[table["share"] == 1]
    distance, which = cKDTree(plain[["x", "y"]]).query(clean[["x", "y"]])
    same = distance < 0.5
    assert same.mean() > 0.97
    assert clean["flux"][same].to_numpy() == pytest.approx(plain["flux"].to_numpy()[which[same]], rel=0.03, abs=60)
    assert (table["share"] < 1).any()


def test_an_empty_sky_gives_an_empty_table():
    image = np.random.default_rng(4).normal(500, 3, (150, 210))
    table = pipeline.measure_detector(image, SIGMA, threshold=8)
    assert len(table) == 0 and tuple(table.columns) == pipeline.COLUMNS


def test_nothing_here_answers_an_exercise():
    from photgrader.exercise import assignment_names, load_assignment

    contracts = {name for a in assignment_names() for name in load_assignment(a).exercises}
    assert contracts and not contracts & set(vars(pipeline))
