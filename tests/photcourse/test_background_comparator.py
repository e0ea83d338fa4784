"""The comparator of an image and the level that was taken off it."""

import numpy as np
import pytest

from photcheck import wire
from photcheck.comparators import from_json, to_json
from photcourse.comparators import Subtracted

IMAGE = np.arange(12.0).reshape(3, 4) - 5.5
EXPECTED = (IMAGE, 100.0)
COMPARE = Subtracted(atol=0.3)


@pytest.mark.parametrize(
    "answer",
    [
        (IMAGE, 100.0),
        [IMAGE - 0.2, np.float32(100.2)],
        (IMAGE.astype(np.float32), np.array([100.0])),
        (IMAGE - 0.2, 100.2),
        (IMAGE.tolist(), 100.0),
    ],
)
def test_right_pairs_are_right_in_any_container(answer):
    assert COMPARE.compare(wire.decode(wire.encode(answer)), EXPECTED).ok


def test_a_wrong_level_costs_three_quarters_where_the_subtraction_agrees_with_it():
    finding = COMPARE.compare((IMAGE - 4.0, 104.0), EXPECTED)
    assert finding.score == 0.25 and "level" in finding.symptom


def test_a_wrong_image_costs_a_quarter_where_the_level_is_right():
    finding = COMPARE.compare((np.clip(IMAGE, 0, None), 100.0), EXPECTED)
    assert finding.score == 0.75 and "[0, 0]" in finding.symptom


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "none"),
        (IMAGE, "type"),
        ((IMAGE, IMAGE), "shape"),
        ((100.0, IMAGE), "order"),
        ("text", "type"),
        ((IMAGE.T, 100.0), "shape"),
        ((np.full((3, 4), np.nan), np.nan), "nan"),
        ((IMAGE.astype(int), 100), "dtype"),
        ((1.0, 2.0), "shape"),
        ((IMAGE, 100.0, 3.0), "type"),
    ],
)
def test_wrong_kinds_are_named(answer, kind):
    finding = COMPARE.compare(answer, EXPECTED)
    assert finding.kind == kind and not finding.ok and finding.symptom


def test_nan_pixels_of_the_input_are_not_graded():
    holed = IMAGE.copy()
    holed[1, 2] = np.nan
    for value in (np.nan, 0.0, -100.0):
        answer = IMAGE.copy()
        answer[1, 2] = value
        assert COMPARE.compare((answer, 100.0), (holed, 100.0)).ok


def test_a_nan_where_the_input_is_finite_is_wrong():
    answer = IMAGE.copy()
    answer[1, 2] = np.nan
    assert COMPARE.compare((answer, 100.0), EXPECTED).kind == "nan"


def test_wrapped_counts_are_told_from_a_wrong_level():
    wrapped = ((IMAGE + 100).astype(np.uint16) - np.uint16(100), 100.0)
    assert COMPARE.alike(wrapped, wrapped, EXPECTED)
    assert not COMPARE.alike((IMAGE, 100.0), wrapped, EXPECTED)
    assert not COMPARE.alike((100.0, IMAGE), (IMAGE, 100.0), EXPECTED)


def test_it_travels():
    assert from_json(to_json(COMPARE)) == COMPARE
