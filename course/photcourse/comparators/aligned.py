"""Comparators of registration: the shifts found, and the frames moved by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, array_text, as_floats, fault, nearness
from photcheck.comparators.numbers import not_a


def _pair(values: np.ndarray) -> str:
    return f"({values[0]:.2f}, {values[1]:.2f})"


@dataclass(frozen=True)
class Shifts(Comparator):
    """Shifts ``(dy, dx)`` of the frames of a cube, an array of shape ``(n, 2)``.

    Parameters
    ----------
    atol : float
        Largest error of each number, pixels.
    """

    atol: float = 0.1

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        floats = as_floats(value)
        return None if floats is None or floats.ndim != 2 or floats.shape[1] != 2 else floats.ravel()

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        want, got = np.asarray(as_floats(expected)), as_floats(answer)
        if got is None:
            return not_a(f"an array of shape {want.shape}, a row (dy, dx) for each frame", answer)
        if got.shape != want.shape:
            return fault(
                f"the shifts should have shape {want.shape}, a row (dy, dx) for each frame; "
                f"they have shape {got.shape}",
                "shape",
            )
        if not np.isfinite(got).all():
            return fault("some shifts are not finite", "nan")
        error = np.abs(got - want)
        if (error <= self.atol).all():
            return RIGHT
        frame = int(np.argmax(error.max(axis=1)))
        text = f"frame {frame + 1}: your (dy, dx) is {_pair(got[frame])} pixel where {_pair(want[frame])}"
        return fault(f"{text} is right{self._relation(got, want)}")

    def _relation(self, got: np.ndarray, want: np.ndarray) -> str:
        near = 2 * self.atol + 0.05 * np.abs(want).max()
        for candidate, words in (
            (-want, "every shift has the other sign"),
            (want[:, ::-1], "dy and dx are exchanged"),
            (-want[:, ::-1], "dy and dx are exchanged, with the other sign"),
            (np.diff(want, axis=0, prepend=want[:1]), "it is the shift from the frame before"),
            (np.zeros_like(want), "all shifts come out as zero"),
        ):
            if np.abs(got - candidate).max() <= near and np.abs(want - candidate).max() > 2 * near:
                return f"; {words}"
        whole = np.abs(got - np.rint(got)).max() < 1e-9
        if whole and np.abs(got - want).max() < 1.0:
            return "; these are whole pixels"
        return ""

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`; two estimates of one wrong thing may differ by half the tolerance."""
        a, f, e = self.vector(answer), self.vector(fingerprint), self.vector(expected)
        if a is None or f is None or e is None or not a.shape == f.shape == e.shape:
            return False
        with np.errstate(invalid="ignore"):
            return bool((np.abs(a - f) <= nearness(f, np.abs(f - e), np.full_like(f, self.atol / 2))).all())


def _measure(frame: np.ndarray, x: int, y: int, reach: int) -> tuple[float, float, float]:
    """Flux and centroid of one star in a box, above the median of the box's border; NaN off the frame."""
    ny, nx = frame.shape
    if not (reach <= x < nx - reach and reach <= y < ny - reach):
        return np.nan, np.nan, np.nan
    box = frame[y - reach : y + reach + 1, x - reach : x + reach + 1]
    border = np.concatenate([box[0], box[-1], box[1:-1, 0], box[1:-1, -1]])
    light = box - np.median(border)
    flux = float(light.sum())
    if not np.isfinite(flux) or flux <= 0:
        return flux, np.nan, np.nan
    offset = np.arange(-reach, reach + 1)
    return (flux, float((light.sum(axis=0) * offset).sum() / flux), float((light.sum(axis=1) * offset).sum() / flux))


def _whole_offset(got: np.ndarray, want: np.ndarray) -> tuple[int, int]:
    """Whole-pixel offset (dy, dx) of one frame against another: the peak of their cross-correlation."""
    transforms = [np.fft.rfft2(np.nan_to_num(frame - np.nanmedian(frame))) for frame in (got, want)]
    product = transforms[0] * np.conj(transforms[1])
    correlation = np.fft.irfft2(product, s=want.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), want.shape)
    dy, dx = (int(p) - n if p > n // 2 else int(p) for p, n in zip(peak, want.shape, strict=True))
    return dy, dx


@dataclass(frozen=True)
class AlignedStars(Comparator):
    """Frames moved onto the first one, judged by position and flux of given stars; the edges are free.

    `expected` is the aligned cube of the reference.

    Parameters
    ----------
    x, y : tuple of float
        Stars of the first frame that are whole, and alone within `reach`, in all frames.
    position : float
        Largest median offset of a frame's stars in each axis, pixels.
    flux : float
        Largest median relative error of their fluxes.
    reach : int
        Half the side of the box in which a star is measured, pixels.
    """

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    position: float = 0.06
    flux: float = 0.01
    reach: int = 6

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        floats = as_floats(value)
        return None if floats is None else floats.ravel()

    def _stars(self, frame: np.ndarray, dy: int = 0, dx: int = 0) -> np.ndarray:
        places = ((round(x) + dx, round(y) + dy) for x, y in zip(self.x, self.y, strict=True))
        return np.array([_measure(frame, x, y, self.reach) for x, y in places])

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        want, got = np.asarray(as_floats(expected)), as_floats(answer)
        if got is None:
            return not_a(array_text(want), answer)
        if got.shape != want.shape:
            return fault(f"the aligned cube should have shape {want.shape}; it has shape {got.shape}", "shape")
        if want.ndim == 1:
            # A thinned cube, which has no stars to measure.
            alike = _distance(got, want) <= 0.02 * _distance(want, 0 * want)
            return RIGHT if alike else fault("the cubes differ")
        for number, (g, w) in enumerate(zip(got, want, strict=True), start=1):
            words = self._frame(g, w)
            if words:
                return fault(f"frame {number}: {words}", "value" if "finite" not in words else "nan")
        return RIGHT

    def _frame(self, got: np.ndarray, want: np.ndarray) -> str:
        """Say what is wrong with one frame; nothing where it is right."""
        here, right = self._stars(got), self._stars(want)
        if not np.isfinite(here[:, 0]).all():
            return "pixels around its stars are not finite; only the edges may be"
        ratio = float(np.median(here[:, 0] / right[:, 0]))
        offset = np.median(here[:, 1:] - right[:, 1:], axis=0)
        lost = not np.isfinite(offset).all() or ratio < 0.5
        if not lost and (np.abs(offset) <= self.position).all():
            return "" if abs(ratio - 1) <= self.flux else f"its stars hold {100 * ratio:.1f} % of their flux"
        return (
            self._far(got, want, right)
            if lost or np.abs(offset).max() > 1
            else (f"its stars lie (dx, dy) = {_pair(offset)} pixel from where they are in the first frame")
        )

    def _far(self, got: np.ndarray, want: np.ndarray, right: np.ndarray) -> str:
        dy, dx = _whole_offset(got, want)
        there = self._stars(got, dy, dx)
        rest = there[:, 1:] - right[:, 1:]
        seen = rest[np.isfinite(rest).all(axis=1)]
        rest = np.median(seen, axis=0) if len(seen) else np.zeros(2)
        return f"its stars lie about (dx, dy) = {_pair(rest + (dx, dy))} pixel from where they are in the first frame"

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """Tell whether two cubes are wrong in the same way, whatever the interpolation."""
        a, f, e = self.vector(answer), self.vector(fingerprint), self.vector(expected)
        if a is None or f is None or e is None or not a.shape == f.shape == e.shape:
            return False
        # Edges may be NaN, but a cube that is mostly NaN looks like nothing.
        if np.isfinite(a + f + e).mean() < 0.5:
            return False
        return bool(_distance(a, f) <= 0.4 * _distance(f, e))


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Root of the summed squares of a difference, without the edges that are not finite."""
    return float(np.sqrt(np.nansum((a - b) ** 2)))
