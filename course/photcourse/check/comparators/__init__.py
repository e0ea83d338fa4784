"""Ways to compare an answer with what is expected, each said in words when it fails.

A comparator is a small frozen dataclass. It is declared with an exercise, travels with a release as JSON
(`to_json`, `from_json`), and is the same object in a student's check and in the grader's process.
"""

from photcourse.check.comparators.aligned import AlignedStars, Shifts
from photcourse.check.comparators.background import Subtracted
from photcourse.check.comparators.base import Comparator, Finding, from_json, to_json
from photcourse.check.comparators.catalogue import Catalogue, PointSet
from photcourse.check.comparators.challenge import Challenge
from photcourse.check.comparators.closed import ClosedArray, ClosedNumber, ClosedNumbers
from photcourse.check.comparators.fields import RowsClose, StarCatalogue, ValueWithError
from photcourse.check.comparators.figure import FigureShows
from photcourse.check.comparators.fitsfile import FitsFile
from photcourse.check.comparators.numbers import (
    ArrayClose,
    ArrayRms,
    Number,
    Numbers,
    OneOf,
    QuantityClose,
)
from photcourse.check.comparators.tables import MeasuredTable, TableClose

__all__ = [
    "AlignedStars", "ArrayClose", "ArrayRms", "Catalogue", "Challenge", "ClosedArray", "ClosedNumber", "ClosedNumbers", "Comparator", "FigureShows", "Finding", "FitsFile",
    "MeasuredTable", "Number", "Numbers", "OneOf",
    "PointSet", "QuantityClose", "RowsClose", "Shifts", "StarCatalogue", "Subtracted", "TableClose", "ValueWithError", "from_json", "to_json",
]
