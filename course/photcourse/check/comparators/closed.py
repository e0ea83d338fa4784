"""Comparator of a number from a closed formula, where mistakes can be told apart sharply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from photcourse.check.comparators.numbers import Number

#: Two wrong answers are the same mistake's where they agree within this share of the larger one.
SHARP = 0.03
#: Below this share of the right number a wrong answer counts as nothing at all.
NOTHING = 1e-4


@dataclass(frozen=True)
class ClosedNumber(Number):
    """One number that a closed formula gives: every mistake in the formula has its own wrong number.

    Without noise in the comparison, an answer is a misconception's only where the two agree closely; 5000 / 18 and
    5000 / 36 are two mistakes, although both are far from 5000.
    """

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        if not super().alike(answer, fingerprint, expected):
            return False
        a, f, e = self.vector(answer), self.vector(fingerprint), self.vector(expected)
        assert a is not None and f is not None
        size = max(abs(a[0]), abs(f[0]))
        if not size < float("inf") or (e is not None and size <= NOTHING * abs(e[0])):
            return True
        return bool(abs(a[0] - f[0]) <= SHARP * size)
