"""Ways to compare an answer with what is expected, each said in words when it fails.

A comparator is a small frozen dataclass. It is declared with an exercise, travels with a release as JSON
(`to_json`, `from_json`), and is the same object in a student's check and in the grader's process. A course
brings its own by an entry point of the group ``photcheck.comparators`` that names a module of them.
"""

from photcheck.comparators.base import Comparator, Finding, from_json, to_json
from photcheck.comparators.closed import ClosedArray, ClosedNumber, ClosedNumbers
from photcheck.comparators.figure import FigureShows
from photcheck.comparators.numbers import ArrayClose, ArrayRms, Number, Numbers, OneOf, QuantityClose
from photcheck.comparators.plain import PlainData
from photcheck.comparators.tables import MeasuredTable, TableClose

__all__ = [
    "ArrayClose",
    "ArrayRms",
    "ClosedArray",
    "ClosedNumber",
    "ClosedNumbers",
    "Comparator",
    "FigureShows",
    "Finding",
    "MeasuredTable",
    "Number",
    "Numbers",
    "OneOf",
    "PlainData",
    "QuantityClose",
    "TableClose",
    "from_json",
    "to_json",
]
