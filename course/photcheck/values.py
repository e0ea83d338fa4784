"""Values that are named rather than copied, or that cannot be copied: data files, samples, figures, opaque objects."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from photcheck.plugins import data_source


@dataclass(frozen=True)
class Opaque:
    """A value of a kind that does not travel: only its type's name and a short text do."""

    type_name: str
    text: str = ""


@dataclass(frozen=True)
class Sample:
    """A large array thinned out: its shape and every `stride`-th value of the flattened array."""

    shape: tuple[int, ...]
    stride: int
    values: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray, at_most: int = 1500) -> Sample:
        """Thin `array` to at most `at_most` values; the stride is odd so that columns are all visited."""
        flat = np.asarray(array, dtype=float).ravel()
        stride = max(1, math.ceil(flat.size / at_most)) | 1
        return cls(tuple(np.shape(array)), stride, flat[::stride])

    def of_same(self, array: np.ndarray) -> np.ndarray | None:
        """The values of `array` at the sampled places, or None where the shapes differ."""
        if tuple(np.shape(array)) != tuple(self.shape):
            return None
        return np.asarray(array, dtype=float).ravel()[:: self.stride]


@dataclass(frozen=True)
class FigureData:
    """What a matplotlib figure shows: a list of axes, each a plain dictionary.

    Keys of an axes: ``title, xlabel, ylabel, xscale, yscale, xlim, ylim, legend`` (list of texts), ``lines``
    (``x, y, label``), ``points`` (scatter; ``x, y, label``), ``images`` (``shape, origin, extent, clim, cmap,
    label, values`` with `values` a `Sample`), ``bars`` (``x, height, width``), ``patches``
    (``kind, x, y, radius, width, height``), ``errorbars`` (number).
    """

    axes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class DataRef:
    """A piece of a course data file, named instead of copied.

    Parameters
    ----------
    dataset : str
        Name of a dataset of the course.
    plane : str
        Which plane: ``"image"``, ``"cube"``, ``"variance"``, ....
    region : tuple of (start, stop)
        One pair per axis, in numpy's order; empty for the whole plane.
    origin : str
        ``"embedded"`` or ``"archive"``: a frozen answer holds for one of them only.
    minus : float
        A constant subtracted after reading (a background level).
    """

    dataset: str
    plane: str = "image"
    region: tuple[tuple[int, int], ...] = ()
    origin: str = "embedded"
    minus: float = 0.0

    def __getitem__(self, region: slice | tuple[slice, ...]) -> DataRef:
        """Return a piece of the plane, written as one cuts an array; starts and stops are whole numbers.

        Examples
        --------
        >>> DataRef("visit_image")[148:168, 73:97].region
        ((148, 168), (73, 97))
        """
        slices = region if isinstance(region, tuple) else (region,)
        return replace(self, region=tuple((s.start, s.stop) for s in slices))

    def read(self) -> np.ndarray:
        """Return a fresh array of the values referred to."""
        values = data_source().read(self.dataset, self.plane, self.region, self.origin)
        values = np.array(values, copy=True)
        return values - self.minus if self.minus else values
