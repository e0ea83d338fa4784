"""Shifts and aligned frames are judged by what the stars do, not by pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from photcheck import wire
from photcheck.comparators import from_json, to_json
from photcourse import data
from photcourse.comparators import AlignedStars, Shifts
from photcourse.simulate.alignment_scenes import SHIFTS, cluster, detector_pattern, drifting_stars, stars_cube

TRUE = np.array([[0.0, 0.0], [-1.4, 3.7], [2.6, -4.4]])
STARS = {"x": np.array([16.2, 32.7]), "y": np.array([14.1, 21.6]), "flux": np.array([9000.0, 5000.0])}
FRAMES = drifting_stars(STARS, TRUE, (37, 50), 1.4)  # type: ignore[arg-type]
JUDGE = AlignedStars(tuple(STARS["x"]), tuple(STARS["y"]))


def moved(order: int = 3, shifts: np.ndarray = TRUE, **settings) -> np.ndarray:
    return np.array([ndimage.shift(f, s, order=order, **settings) for f, s in zip(FRAMES, shifts, strict=True)])


def test_a_star_lies_where_the_shift_brings_it_back_from():
    for frame, (dy, dx) in zip(FRAMES, TRUE, strict=True):
        one = frame[:, :25]
        y, x = np.indices(one.shape)
        assert (x * one).sum() / one.sum() == pytest.approx(16.2 - dx, abs=0.01)
        assert (y * one).sum() / one.sum() == pytest.approx(14.1 - dy, abs=0.01)


def test_stars_of_a_cluster_keep_away_from_the_edges():
    stars = cluster(np.random.default_rng(3), 200, (80, 120), margin=16)
    assert len(stars) == 200
    assert (stars["x"] > 16).all() and (stars["x"] < 119 - 16).all()
    assert (stars["y"] > 16).all() and (stars["y"] < 79 - 16).all()


def test_a_detector_pattern_has_the_asked_scatter_and_hot_pixels():
    pattern = detector_pattern(np.random.default_rng(1), (300, 200), pixels=10.0, columns=5.0, hot=7)
    assert (pattern > 120).sum() == 7
    assert np.median(np.abs(pattern)) / 0.6745 == pytest.approx(np.hypot(10, 5), rel=0.05)


def test_the_embedded_frames_are_the_simulated_ones():
    clean, patterned, _ = stars_cube()
    loaded = data.load("stars_cube")
    assert np.array_equal(loaded.raw["cube"], clean)
    assert np.array_equal(loaded.raw["patterned"], patterned)
    assert np.allclose(np.column_stack([loaded.truth["dy"].value, loaded.truth["dx"].value]), SHIFTS)


def test_interpolation_and_edges_are_free():
    want = moved()
    for answer in (moved(1), moved(5), moved(cval=np.nan), moved(1, mode="nearest"), moved().astype(np.float32)):
        assert JUDGE.compare(answer, want).ok
    fourier = [np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(f), s)).real for f, s in zip(FRAMES, TRUE, strict=True)]
    assert JUDGE.compare(fourier, want).ok


def test_the_wrong_way_is_measured_in_pixels_of_x_and_y():
    finding = JUDGE.compare(moved(shifts=-TRUE), moved())
    assert finding.score == 0
    assert "frame 2: its stars lie about (dx, dy) = (-7.4" in finding.symptom


def test_whole_pixels_are_not_enough():
    rolled = np.array([np.roll(f, tuple(np.rint(s).astype(int)), (0, 1)) for f, s in zip(FRAMES, TRUE, strict=True)])
    finding = JUDGE.compare(rolled, moved())
    assert "frame 2: its stars lie (dx, dy) = (0.30, 0.40)" in finding.symptom


def test_lost_flux_is_told_in_percent():
    assert "hold 90.0 % of their flux" in JUDGE.compare(0.9 * moved(), moved()).symptom


@pytest.mark.parametrize("answer", [None, 3.0, "cube", moved()[0], np.full((3, 37, 50), np.nan), np.zeros((3, 37, 50))])
def test_answers_of_any_kind_get_a_sentence(answer):
    finding = JUDGE.compare(answer, moved())
    assert finding.score == 0 and finding.symptom


def test_the_same_mistake_is_alike_whatever_the_interpolation():
    wrong_way, exchanged = moved(1, -TRUE), moved(3, TRUE[:, ::-1])
    assert JUDGE.alike(wrong_way, moved(3, -TRUE), moved())
    assert not JUDGE.alike(wrong_way, exchanged, moved())
    thin = [wire.Sample.of(c, 600).values for c in (wrong_way, moved(3, -TRUE), moved())]
    assert JUDGE.alike(*thin)
    assert not JUDGE.alike(np.full((3, 37, 50), np.nan), moved(3, -TRUE), moved())


def test_shifts_may_be_lists_and_must_have_a_row_a_frame():
    judge = Shifts(atol=0.1)
    assert judge.compare(TRUE.tolist(), TRUE).ok
    assert judge.compare(TRUE + 0.09, TRUE).ok
    assert judge.compare(TRUE[1:], TRUE).kind == "shape"
    assert judge.compare(np.full((3, 2), np.nan), TRUE).kind == "nan"
    assert judge.compare(None, TRUE).kind == "none"
    assert judge.compare([[0, 0], [1]], TRUE).score == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (-TRUE, "every shift has the other sign"),
        (TRUE[:, ::-1], "dy and dx are exchanged"),
        (0 * TRUE, "all shifts come out as zero"),
        (np.rint(TRUE), "these are whole pixels"),
        (np.diff(TRUE, axis=0, prepend=TRUE[:1]), "it is the shift from the frame before"),
    ],
)
def test_known_mistakes_of_shifts_are_named(answer, words):
    assert words in Shifts(atol=0.1).compare(answer, TRUE).symptom


def test_both_survive_the_journey_through_json():
    for judge in (JUDGE, Shifts(atol=0.25)):
        assert from_json(to_json(judge)) == judge
