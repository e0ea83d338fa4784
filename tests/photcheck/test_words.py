"""What is said of an answer is said in right words, and a unit is not overlooked where none is asked."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u

from photcheck import wire
from photcheck.comparators import ArrayClose, Number
from photcheck.comparators.figure import FigureShows
from photcheck.values import FigureData

X = np.array([1.0, 2.0, 3.0])


def drawn(y: np.ndarray, label: str = "flux (mJy)", joined: bool = False) -> FigureData:
    """A figure with one series."""
    axes = {"lines": [{"x": X, "y": y, "joined": joined}], "points": [], "xlabel": "flux (mJy)", "ylabel": label}
    return FigureData([axes])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (drawn(np.array([1.0, 7.0, 3.0])), "the stars show (2, 7) where (2, 2) is right"),
        (drawn(3 * X), "the y values of the stars are all 3 times the right ones"),
        (drawn(X, joined=True), "the stars should be drawn as points, not joined by a line"),
        (drawn(X, "value (mJy)"), "which does not name what it shows (measured)"),
    ],
)
def test_a_figure_is_spoken_of_in_whole_sentences(given, words):
    judge = FigureShows(joined="points", y_words=("measured", "flux"), noun="stars")
    assert words in judge.compare(given, drawn(X)).symptom


def test_one_value_and_no_value_are_said_as_they_are():
    judge = ArrayClose(name="map")
    assert "has 1 value that is" in judge.compare(np.array([1.0, np.nan]), np.ones(2)).symptom
    assert "has 2 values that are" in judge.compare(np.full(2, np.inf), np.ones(2)).symptom
    assert judge.compare(np.zeros(3), np.ones(3)).symptom.count("every value is 0;") == 1


def test_a_number_without_a_unit_is_one_without_a_unit():
    judge = Number(rtol=1e-3, name="flux", unitless=True)
    given = wire.decode(wire.encode(5.0 * u.ct))
    finding = judge.compare(given, 5.0)
    assert not finding.ok and finding.symptom == "the flux should be a number without a unit; yours is in ct"
    assert judge.compare(5.0 * u.dimensionless_unscaled, 5.0).ok and judge.compare(np.float32(5), 5.0).ok
    assert Number(rtol=1e-3).compare(given, 5.0).ok
