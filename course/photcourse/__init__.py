"""Helper package of the course in measuring starlight: what a student's notebook needs.

==========================  ====================================================================
`photcourse.data`           the course's files: embedded stand-ins, real files, checksums
`photcourse.simulate`       stars, galaxies, noise and whole exposures with known truth
`photcourse.visit`          one calibrated exposure, from the course, a FITS file or a Butler
`photcourse.display`        pictures with labels, units and alternative text
`photcourse.ask`            guesses, and figures that follow a slider
`photcourse.check`          the check of one's own function in a notebook: the package `photcheck`
==========================  ====================================================================

Images are arrays indexed ``[y, x]``; positions are 0-based pixel coordinates ``(x, y)`` and whole numbers
are pixel centres. Modules are imported when they are asked for, so that ``import photcourse`` is quick.
Nothing here knows the grader.

How to add an embedded file: see `photcourse.simulate`.
"""

from __future__ import annotations

from typing import Any

from .begin import restart

__version__ = "1.1.0"

__all__ = ["__version__", "restart"]


def __getattr__(name: str) -> Any:
    """Give ``from photcourse import check``: notebooks know one package."""
    if name != "check":
        raise AttributeError(f"module 'photcourse' has no attribute {name!r}")
    import photcheck

    return photcheck
