"""Find the simple relation between a wrong number and the right one: an argument left out, a known factor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: Factors that wrong photometry is off by, and where they come from.
KNOWN_FACTORS: tuple[tuple[float, str], ...] = (
    (2 * math.sqrt(2 * math.log(2)), "2.3548, FWHM over sigma of a Gaussian"),
    (math.sqrt(2), "the square root of 2"),
    (math.sqrt(2 * math.pi), "the square root of 2 pi"),
    (2 * math.pi, "2 pi"),
    (math.pi, "pi"),
    (2.5 / math.log(10), "1.0857, that is 2.5 / ln 10"),
    (math.log(10), "ln 10"),
    (60.0, "minutes for degrees, or seconds for minutes"),
    (3600.0, "arcseconds for degrees"),
    (4.0, "a diameter for a radius, squared"),
    (2.0, "two"),
)


def factor_name(factor: float, rtol: float = 2e-3) -> str:
    """Return the name of a known factor (or of its inverse), or an empty text."""
    for value, name in KNOWN_FACTORS:
        for power, shown in ((value, name), (1 / value, "one over " + name)):
            if abs(factor - power) <= rtol * power:
                return shown
            if abs(factor + power) <= rtol * power:
                return "minus " + shown
    return ""


def _scalars(named: dict[str, Any]) -> dict[str, float]:
    scalars = {}
    for name, value in named.items():
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and np.isfinite(float(value)):
            scalars[name] = float(value)
    return scalars


def relation(got: float, want: float, named: dict[str, Any]) -> str:
    """Say in words how a wrong number follows from the right one, or return an empty text.

    Parameters
    ----------
    got, want : float
        The wrong and the right number.
    named : dict
        The call's arguments by name; only single numbers are used.
    """
    if not (math.isfinite(got) and math.isfinite(want)) or got == want:
        return ""
    difference = got - want
    near = 1e-6 * max(abs(got), abs(want), 1e-300)
    for name, value in _scalars(named).items():
        for times, words in ((1, "exactly"), (2, "exactly twice")):
            if value and abs(abs(difference) - times * abs(value)) <= near:
                return f"the difference is {words} {name}"
    if want != 0:
        if abs(got + want) <= near:
            return "it is the right number with the other sign"
        name = factor_name(got / want)
        if name:
            return f"it is the right number times {name}"
    if want > 0 and got > 0:
        if abs(got - want**2) <= 1e-6 * got:
            return "it is the square of the right number"
        if abs(got - math.sqrt(want)) <= 1e-6 * got:
            return "it is the square root of the right number"
    if abs(abs(difference) - 0.5) <= 1e-6:
        return "the difference is half a pixel"
    return ""
