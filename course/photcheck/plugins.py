"""What a course brings with it, found by entry points: `photcheck` itself imports no course.

==========================  ================================================================================
``photcheck.comparators``   a module whose comparators register themselves when it is imported
``photcheck.data``          a module with ``read(dataset, plane, region, origin)``, a piece of a data file, and ``has(sha256)``
==========================  ================================================================================
"""

from __future__ import annotations

import functools
from importlib.metadata import entry_points
from typing import Any


@functools.cache
def load_all(group: str) -> tuple[Any, ...]:
    """Import and return everything that installed packages declare for a group.

    Parameters
    ----------
    group : str
        ``"photcheck.comparators"`` or ``"photcheck.data"``.

    Returns
    -------
    tuple
        The modules or functions, sorted by their names.
    """
    return tuple(entry.load() for entry in sorted(entry_points(group=group), key=lambda e: e.name))
