"""Pieces of the course's files for `photcheck`, which finds this module by its entry point (`photcheck.plugins`)."""

from __future__ import annotations

import numpy as np

from photcourse import data
from photcourse.data.dataset import kept_plane


def read(dataset: str, plane: str, region: tuple[tuple[int, int], ...], origin: str) -> np.ndarray:
    """Return a piece of a dataset's plane; it is not to be written to.

    Parameters
    ----------
    dataset, plane : str
        As in `photcourse.data.load` and `photcourse.data.Dataset.planes`.
    region : tuple of (start, stop)
        One pair per axis, in numpy's order; empty for the whole plane.
    origin : str
        ``"embedded"`` or ``"archive"``.
    """
    values = kept_plane(data.load(dataset, prefer=origin).files, plane)
    return values[tuple(slice(a, b) for a, b in region)] if region else values


def has(sha256: str) -> bool:
    """Tell whether a file with this checksum is here."""
    return data.find_by_sha256(sha256) is not None
