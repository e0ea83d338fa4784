"""Plain data: texts, booleans, numbers, and lists, sets and dictionaries of these."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photcheck import wire
from photcheck.comparators import PlainData, from_json, to_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, width=32)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_is_itself_also_after_travelling(value):
    if value is not None:
        assert PlainData().compare(wire.decode(wire.encode(value)), value).ok


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        np.float64(-0.1),
        np.float64("nan"),
        np.float64("inf"),
        np.float32(1.5),
        np.int64(-(2**63)),
        np.uint8(7),
        np.bool(True),
    ],
)
def test_a_number_of_numpys_stays_one(value, packed):
    there = wire.decode(json.loads(json.dumps(wire.encode(value, packed=packed))))
    assert type(there) is type(value) and (there == value or np.isnan(value))


@pytest.mark.parametrize(
    "form",
    [
        {"dtype": "f8", "v": "1"},
        {"dtype": "i8", "v": 2**63},
        {"dtype": "i8", "v": 1.5},
        {"dtype": "f8", "v": [1.0]},
        {"v": 1.0},
    ],
)
def test_a_number_that_is_none_is_refused(form):
    with pytest.raises(wire.WireError):
        wire.decode({"$": "number", **form})


@given(st.frozensets(st.integers() | st.text(max_size=5), max_size=6))
def test_a_set_travels(value):
    assert (
        wire.decode(wire.encode(value)) == value and PlainData().compare(wire.decode(wire.encode(set(value))), value).ok
    )


@pytest.mark.parametrize(
    ("got", "want", "score", "words"),
    [
        ("Yes", "yes", 0.0, "only capitals"),
        ("4", 4, 0.0, "a text, not a int"),
        (True, 1, 0.0, "should be 1; it is True"),
        (None, "yes", 0.0, "gives None"),
        ({"a": 1, "b": 3}, {"a": 1, "b": 2}, 0.5, "['b'] should be 2; it is 3"),
        ({"a": 1}, {"a": 1, "b": 2}, 0.5, "has no 'b'"),
        ({"a": 1, "c": 0}, {"a": 1}, 0.5, "not asked for"),
        ([1, 2], [1, 2, 3], 0.0, "should have 3 parts; it has 2"),
        ({1, 2}, {1, 3}, 0.0, "should be"),
    ],
)
def test_what_is_wrong_is_said_and_credit_goes_by_part(got, want, score, words):
    finding = PlainData().compare(got, want)
    assert finding.score == pytest.approx(score) and words in finding.symptom


def test_kinds_that_are_one_are_one():
    assert (
        PlainData()
        .compare((np.int64(3), np.array([1.0, 2.0]), np.bool_(True), np.str_("a")), [3, [1, 2], True, "a"])
        .ok
    )
    assert (
        PlainData(ordered=False).compare(["b", "a"], ["a", "b"]).ok
        and not PlainData().compare(["b", "a"], ["a", "b"]).ok
    )
    assert PlainData(rtol=1e-3).compare([1.0004], [1.0]).ok and not PlainData().compare([1.0004], [1.0]).ok


def test_a_mistake_is_alike_where_it_is_the_same_and_not_right():
    same = PlainData()
    assert (
        same.alike("no", "no", "yes") and not same.alike("yes", "yes", "yes") and not same.alike("perhaps", "no", "yes")
    )


def test_it_travels_with_a_release():
    assert from_json(to_json(PlainData(rtol=0.01, noun="entry"))) == PlainData(rtol=0.01, noun="entry")
