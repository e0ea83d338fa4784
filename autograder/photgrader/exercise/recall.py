"""Answers that references gave already, kept by their arguments for a while.

The mistakes of a pipeline are found out by running it with each of them on the same cases: all ask the functions that they lean
on for nearly the same things.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np

#: What the kept answers and their arguments may hold in a process; what was asked for longest ago goes first.
BYTES = 64_000_000
#: What a kept answer takes beside its numbers.
_OVERHEAD = 500


class NotKept(Exception):
    """A value of a kind that is not kept."""


class EnoughAsked(Exception):
    """More was asked than whoever wants to know is interested in."""


class Recall:
    """Calls functions, each only once with the same arguments.

    What is given is a copy: who asked may write into it. Nothing is kept of a call that stops, or of one with arguments or an
    answer of other kinds than numbers, texts and numpy's arrays, alone or in tuples and lists.
    """

    def __init__(self, at_most: int = BYTES) -> None:
        self.at_most, self.held = at_most, 0
        self.questions_left = math.inf
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    @contextlib.contextmanager
    def questions(self, at_most: float) -> Iterator[None]:
        """Answer no more than so many questions meanwhile, old and new; then `EnoughAsked`."""
        self.questions_left = at_most
        try:
            yield
        finally:
            self.questions_left = math.inf

    def __call__(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Return what a function answers."""
        self.questions_left -= 1
        if self.questions_left < 0:
            raise EnoughAsked
        try:
            size, key = _key([*args, *named.values()])
        except NotKept:
            return function(*args, **named)
        key = (function, tuple(named), key)
        if key in self._kept:
            self._kept.move_to_end(key)
            return copy.deepcopy(self._kept[key][0])
        answer = function(*args, **named)
        try:
            size += _key(answer)[0] + _OVERHEAD
        except NotKept:
            return answer
        self._kept[key] = copy.deepcopy(answer), size
        self.held += size
        while self.held > self.at_most:
            self.held -= self._kept.popitem(last=False)[1][1]
        return answer


def _key(value: Any) -> tuple[int, Hashable]:
    """Return how many bytes a value holds, and what is equal for equal values of one type only."""
    if type(value) is np.ndarray and value.dtype.kind in "biufc" or isinstance(value, np.number | np.bool):
        data = value.tobytes()
        return len(data), (type(value), value.dtype.str, value.shape, data)
    if type(value) in (tuple, list):
        parts = [_key(v) for v in value]
        return sum(size for size, _ in parts), (type(value), tuple(key for _, key in parts))
    if value is None or type(value) in (bool, int, float, str):
        return 50, (type(value), repr(value))
    raise NotKept
