"""Comparators of photometry: catalogues, frames brought onto each other, backgrounds, FITS files, the challenge."""

from photcourse.comparators.aligned import AlignedStars, Shifts
from photcourse.comparators.background import Subtracted
from photcourse.comparators.catalogue import Catalogue, PointSet
from photcourse.comparators.challenge import Challenge
from photcourse.comparators.fields import RowsClose, StarCatalogue, ValueWithError
from photcourse.comparators.fitsfile import FitsFile

__all__ = [
    "AlignedStars",
    "Catalogue",
    "Challenge",
    "FitsFile",
    "PointSet",
    "RowsClose",
    "Shifts",
    "StarCatalogue",
    "Subtracted",
    "ValueWithError",
]
