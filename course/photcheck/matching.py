"""Positions of one list matched with those of another."""

from __future__ import annotations

import numpy as np


def match_one_to_one(x: np.ndarray, y: np.ndarray, x_true: np.ndarray, y_true: np.ndarray, radius: float) -> np.ndarray:
    """Match each true position with at most one found position, nearest pairs first.

    Returns
    -------
    ndarray of int, shape (n_true,)
        Index of the found position, -1 where there is none within `radius` pixels.
    """
    matched = np.full(len(x_true), -1)
    if len(x) == 0 or len(x_true) == 0:
        return matched
    # Not at the top: it takes a third of a second to import, and few processes match positions.
    from scipy.spatial import cKDTree

    found, true = cKDTree(np.column_stack([x, y])), cKDTree(np.column_stack([x_true, y_true]))
    pairs = true.sparse_distance_matrix(found, radius, output_type="ndarray")
    used: set[int] = set()
    for distance_index in np.argsort(pairs["v"], kind="stable"):
        i, j = int(pairs["i"][distance_index]), int(pairs["j"][distance_index])
        if matched[i] < 0 and j not in used:
            matched[i] = j
            used.add(j)
    return matched
