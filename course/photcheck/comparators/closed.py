"""Comparators of numbers from a closed formula, where mistakes can be told apart sharply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.numbers import ArrayClose, Number, Numbers

#: Two wrong answers are the same mistake's where they agree within this share of the larger one.
SHARP = 0.03
#: Below this share of the right number a wrong answer counts as nothing at all.
NOTHING = 1e-4


def sharply_alike(answer: np.ndarray, fingerprint: np.ndarray, expected: np.ndarray) -> bool:
    """Tell whether two sets of numbers agree closely, each in its own size."""
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(answer), np.abs(fingerprint))
        close = np.abs(answer - fingerprint) <= SHARP * size
        nothing = size <= NOTHING * np.abs(expected)
    return bool((close | nothing | ~np.isfinite(size)).all())


@dataclass(frozen=True)
class ClosedNumber(Number):
    """One number that a closed formula gives: every mistake in the formula has its own wrong number.

    Without noise in the comparison, an answer is a misconception's only where the two agree closely; 5000 / 18 and
    5000 / 36 are two mistakes, although both are far from 5000.
    """

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        values = [self.vector(value) for value in (answer, fingerprint, expected)]
        return super().alike(answer, fingerprint, expected) and sharply_alike(*values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ClosedNumbers(Numbers):
    """A few numbers that closed formulae give, as `ClosedNumber` is one."""

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        values = [self.vector(value) for value in (answer, fingerprint, expected)]
        return super().alike(answer, fingerprint, expected) and sharply_alike(*values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ClosedArray(ArrayClose):
    """An array that a closed formula gives element by element, as `ClosedNumber` is one."""

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        values = [self.vector(value) for value in (answer, fingerprint, expected)]
        return super().alike(answer, fingerprint, expected) and sharply_alike(*values)  # type: ignore[arg-type]
