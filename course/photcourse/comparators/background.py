"""Comparator of a background-subtracted image with the level that was taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, array_text, as_floats, brief, fault, number_text
from photcheck.comparators.numbers import ArrayClose, Number, not_a

#: A level within this share of the right one is a level; farther off, nothing was subtracted that counts.
NEAR = 0.25


@dataclass(frozen=True)
class Subtracted(Comparator):
    """A pair: an image without its background, in floating point, and the level that was subtracted.

    The level earns three quarters of the points: it is what is to be estimated. The image earns the rest where it is the input less the level
    *returned*, so that a level that is somewhat off is not held against the subtraction too; a level that is not even near
    subtracts nothing; NaN pixels of the input are not
    graded in the image.

    Parameters
    ----------
    atol : float
        Largest error of the level, in `unit`.
    unit : str
        For the words.
    sigma : float
        One standard deviation of the level, where the noise is known: it is then told in sigma.
    """

    atol: float = 0.0
    unit: str = "counts"
    sigma: float = 0.0

    def parts(self, value: Any) -> tuple[np.ndarray, float, bool] | None:
        """Return image, level and whether they came in the other order; None where they are no such pair."""
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            return None
        first, second = as_floats(value[0]), as_floats(value[1])
        if first is None or second is None:
            return None
        if second.size == 1 and first.ndim == 2:
            return first, float(second.ravel()[0]), False
        if first.size == 1 and second.ndim == 2:
            return second, float(first.ravel()[0]), True
        return None

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`: whether exchanged, whether whole numbers, the level, then the image."""
        parts = self.parts(value)
        if parts is None:
            return None
        image, level, exchanged = parts
        whole = np.asarray(getattr(value[exchanged], "value", value[exchanged])).dtype.kind != "f"
        return np.concatenate([[exchanged, whole, level], image.ravel()])

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`: of the level, and so of every pixel, what it may be off."""
        return np.where(np.arange(values.size) < 2, 0.0, self.atol)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        got, want = self.parts(answer), self.parts(expected)
        assert want is not None
        if got is None:
            return self._not_a_pair(answer, want[0])
        if got[2]:
            return fault("the level comes first and the image second: the other order is asked for", "order")
        level = Number(atol=self.atol, unit=self.unit, name="level", sigma=self.sigma).compare(got[1], want[1], named)
        image = self._image(answer[0], got, want)
        if level.ok and image.ok:
            return RIGHT
        words = "; ".join(f.symptom for f in (level, image) if not f.ok)
        kinds = [f.kind for f in (level, image) if not f.ok]
        near = abs(got[1] - want[1]) <= max(self.atol, NEAR * abs(want[1]))
        return Finding(0.75 * level.ok + 0.25 * (image.ok and near), words, kinds[0])

    def _not_a_pair(self, answer: Any, image: np.ndarray) -> Finding:
        if answer is None:
            return not_a("", None)
        text = f"two things, (subtracted, level): {array_text(image)} and one number"
        pair = isinstance(answer, (tuple, list)) and len(answer) == 2
        return fault(f"the answer should be {text}; it is {brief(answer)}", "shape" if pair else "type")

    def _image(self, given: Any, got: tuple[Any, ...], want: tuple[Any, ...]) -> Finding:
        image, level, _ = got
        if image.shape != want[0].shape:
            return ArrayClose(name="subtracted image").compare(image, want[0])
        if np.asarray(getattr(given, "value", given)).dtype.kind != "f":
            return fault("the subtracted image should hold floating-point numbers; it holds whole numbers", "dtype")
        if not np.isfinite(level):
            return fault("the subtracted image is not finite", "nan")
        # The input is the expected image plus the expected level; NaN pixels are left out.
        right = want[0] + want[1] - level
        # Single precision rounds 16-bit counts by at most 0.004.
        off = np.abs(np.nan_to_num(image, nan=np.inf, posinf=np.inf, neginf=np.inf) - right)
        off[~np.isfinite(want[0])] = 0.0
        worst = np.unravel_index(int(np.argmax(off)), off.shape)
        if off[worst] <= 0.01 + 1e-6 * abs(level):
            return RIGHT
        kind = "value" if np.isfinite(image[worst]) else "nan"
        return fault(
            f"the subtracted image is {number_text(float(image[worst]))} at [{worst[0]}, {worst[1]}], where "
            f"the image less your level is {number_text(float(right[worst]))}",
            kind,
        )
