"""What a course brings with it, found by entry points: `photcheck` itself imports no course.

==========================  ================================================================================
``photcheck.comparators``   a module whose comparators register themselves when it is imported
``photcheck.data``          a module with ``read(dataset, plane, region, origin)``, a piece of a data file; ``has(sha256)``; ``origin(dataset)``,
                            ``"archive"`` where its real files are here; and ``files(dataset)``, their sha256 by name
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


def data_source() -> Any:
    """Return the module that knows the course's data files.

    Raises
    ------
    LookupError
        No package with data files is installed.
    """
    found = load_all("photcheck.data")
    if not found:
        raise LookupError("no package with course data is installed")
    return found[0]
