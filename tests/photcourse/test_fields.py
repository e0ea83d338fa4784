"""Comparators of source finding, and the simulated fields of ps5."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import QTable

from photcheck.comparators import from_json, to_json
from photcourse.comparators import RowsClose, StarCatalogue, ValueWithError
from photcourse.simulate.field_scenes import (
    CLUSTER_ZERO_POINT,
    PLATE_LIMIT,
    SATURATION,
    add_moffat_stars,
    cluster_field,
    nebula_field,
    plate_response,
)

TRUTH = {"x": np.array([10.2, 40.7, 71.0]), "y": np.array([5.5, 60.1, 33.3])}


def stars(x, y, names=("x_centroid", "y_centroid")):
    return QTable({names[0]: np.asarray(x, float), names[1]: np.asarray(y, float)})


def test_a_catalogue_in_any_order_is_right():
    finding = StarCatalogue(position=0.5).compare(stars(TRUTH["x"][::-1] + 0.2, TRUTH["y"][::-1]), TRUTH)
    assert finding.ok


def test_an_invented_star_costs_purity_but_not_inside_a_free_circle():
    answer = stars([*TRUTH["x"], 100.0], [*TRUTH["y"], 100.0])
    judge = StarCatalogue(purity=0.9)
    assert not judge.compare(answer, TRUTH).ok
    free = {**TRUTH, "free_x": [96.0], "free_y": [97.0], "free_r": [6.0]}
    assert judge.compare(answer, free).ok


def test_an_asked_star_counts_even_within_a_free_circle():
    free = {**TRUTH, "free_x": [11.0], "free_y": [6.0], "free_r": [9.0]}
    assert StarCatalogue(completeness=1.0).compare(stars(TRUTH["x"], TRUTH["y"]), free).ok
    assert not StarCatalogue(completeness=1.0).compare(stars(TRUTH["x"][1:], TRUTH["y"][1:]), free).ok


def test_old_column_names_are_told_from_other_wrong_names():
    judge = StarCatalogue()
    old = stars(TRUTH["x"], TRUTH["y"], ("xcentroid", "ycentroid"))
    assert judge.compare(old, TRUTH).kind == "columns"
    assert judge.alike(old, old.copy(), TRUTH)
    assert not judge.alike(stars(TRUTH["x"], TRUTH["y"], ("x", "y")), old, TRUTH)


def test_none_is_like_none_only():
    judge = StarCatalogue()
    assert judge.alike(None, None, TRUTH)
    assert not judge.alike(None, stars([], []), TRUTH)


@pytest.mark.parametrize("answer", [None, 3.0, "table", [1, 2], np.zeros((3, 2))])
def test_answers_of_other_kinds_are_wrong_and_no_error(answer):
    assert not StarCatalogue().compare(answer, TRUTH).ok
    assert not RowsClose(("x_centroid",)).compare(answer, stars([1], [2])).ok
    assert not ValueWithError().compare(answer, (20.0, 0.1)).ok


def test_rows_say_how_many_are_too_many():
    judge = RowsClose(("x_centroid", "y_centroid"), atols=(0.01, 0.01), noun="star")
    finding = judge.compare(stars([1, 2, 2], [3, 4, 4]), stars([1, 2], [3, 4]))
    assert not finding.ok
    assert "1 star too many" in finding.symptom


def test_rows_are_alike_only_with_the_same_wrong_numbers():
    judge = RowsClose(("x_centroid", "y_centroid"), atols=(0.01, 0.01))
    right, wrong = stars([1, 2], [3, 4]), stars([10, 20], [3, 4])
    assert judge.alike(wrong.copy(), wrong, right)
    assert not judge.alike(stars([11.9, 20], [3, 4]), wrong, right)


@pytest.mark.parametrize(
    "answer", [(20.0, 0.1), [20.0, 0.1], np.array([20.0, 0.1]), (np.array([20.0]), np.array([0.1]))]
)
def test_a_magnitude_comes_in_any_form(answer):
    assert ValueWithError().compare(answer, (20.0, 0.1)).ok


def test_nan_is_asked_where_nan_is_expected():
    want = (np.array([20.0, np.nan]), np.array([0.1, np.nan]))
    assert ValueWithError().compare(want, want).ok
    assert not ValueWithError().compare((np.array([20.0, 0.0]), np.array([0.1, np.nan])), want).ok
    assert not ValueWithError().compare((np.array([20.0, np.nan]), np.array([0.1, 0.3])), want).ok
    assert not ValueWithError().compare((np.array([np.nan, np.nan]), want[1]), want).ok


@pytest.mark.parametrize(
    "comparator", [StarCatalogue(parts=(0.4, 0.4, 0.2)), RowsClose(("a",), atols=(1.0,)), ValueWithError()]
)
def test_comparators_travel_as_json(comparator):
    assert from_json(to_json(comparator)) == comparator


def test_the_plate_is_linear_to_about_a_percent_up_to_four_fifths_of_its_limit_and_never_above_it():
    light = np.linspace(0, 0.8 * PLATE_LIMIT, 300)
    assert np.all(plate_response(light) >= 0.989 * light)
    assert plate_response(np.array([1e7])) == pytest.approx(PLATE_LIMIT, rel=1e-6)


def test_the_nebula_field_is_as_its_truth_says():
    image, truth = nebula_field()
    assert image.shape == (420, 460)
    assert image.max() <= PLATE_LIMIT
    again, _ = nebula_field()
    assert np.array_equal(image, again)
    # A lone, unsaturated star stands where truth puts it, and as high.
    lone = truth[~truth["saturated"] & (truth["peak"] > 2500) & (truth["x"] < 230) & (truth["y"] > 300)]
    assert len(lone)
    for star in lone:
        j, i = int(round(star["y"])), int(round(star["x"]))
        box = image[j - 8 : j + 9, i - 8 : i + 9].astype(float)
        assert box.max() - np.median(box) == pytest.approx(star["peak"], rel=0.25)


def test_the_cluster_has_the_fluxes_of_its_magnitudes_and_a_catalogue_with_three_variables():
    image, truth, catalogue = cluster_field()
    assert image.dtype == np.uint16
    assert image.max() <= SATURATION
    np.testing.assert_allclose(truth["flux"], 10 ** (-0.4 * (truth["mag"] - CLUSTER_ZERO_POINT)))
    names = np.array([int(str(n).split("-")[1]) for n in catalogue["name"]])
    pulls = (catalogue["mag"].value - truth["mag"][names - 1]) / catalogue["mag_err"].value
    assert np.sum(np.abs(pulls) > 8) == 3
    assert np.std(pulls[np.abs(pulls) < 8]) == pytest.approx(1.0, abs=0.25)


def test_a_star_beyond_the_edge_leaves_only_its_wing():
    image = add_moffat_stars(np.zeros((40, 70)), [-3.0, 35.2], [20.0, 20.7], 1000.0, 4.0)
    assert 0 < image[:, :5].sum() < 300
    assert image[:, 15:].sum() == pytest.approx(1000, rel=0.04)
    assert add_moffat_stars(np.zeros((40, 70)), -500.0, 20.0, 1000.0, 4.0).sum() == 0
