"""Plain data: texts, booleans, whole and real numbers, None, and lists, tuples, sets and dictionaries of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import RIGHT, Comparator, Finding, brief, fault

#: Most parts of an answer that are looked at.
MAX_PARTS = 10_000


@dataclass(frozen=True)
class PlainData(Comparator):
    """Plain data, compared part by part; credit goes by part.

    Numbers agree within the tolerance, everything else is the same or is not. A list, a tuple and an array are one kind, as are
    Python's and numpy's scalars; True and 1 are not the same.

    Parameters
    ----------
    rtol, atol : float
        Tolerance of numbers.
    ordered : bool
        Whether the order of a list counts.
    noun : str
        What the answer is, in words.

    Examples
    --------
    >>> PlainData().compare({"name": "M13", "stars": [1, 2]}, {"name": "M13", "stars": (1.0, 2.0)}).ok
    True
    >>> PlainData(noun="entry").compare({"name": "M31"}, {"name": "M13"}).symptom
    "entry ['name'] should be 'M13'; it is 'M31'"
    """

    rtol: float = 1e-9
    atol: float = 0.0
    ordered: bool = True
    noun: str = "answer"

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """Compare part by part; see `Comparator.compare`."""
        if answer is None and expected is not None:
            return fault("nothing is returned: the function gives None", "none")
        faults, parts = [], 0
        for one in self._parts(_plain(answer), _plain(expected), ""):
            parts += 1
            if one:
                faults.append(one)
            if parts > MAX_PARTS:
                return fault("the answer has more parts than can be looked at", "type")
        if not faults:
            return RIGHT
        more = f"; {len(faults) - 1} more part{'s are' if len(faults) > 2 else ' is'} wrong" if len(faults) > 1 else ""
        return fault(faults[0] + more, "value", 1 - len(faults) / parts)

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """Tell whether an answer is the one that a misconception gives, which is not the right one."""
        return self.compare(answer, fingerprint).ok and not self.compare(fingerprint, expected).ok

    def _parts(self, got: Any, want: Any, where: str) -> Iterator[str]:
        """Yield an empty text for every part that is right, and a sentence for every one that is not."""
        name = f"{self.noun}{f' {where}' if where else ''}"
        if isinstance(want, dict) and isinstance(got, dict):
            for key, value in want.items():
                if key in got:
                    yield from self._parts(got[key], value, f"{where}[{key!r}]")
                else:
                    yield f"{name} has no {key!r}"
            yield from (f"{name} has {key!r}, which is not asked for" for key in got if key not in want)
        elif isinstance(want, list) and isinstance(got, list):
            if len(want) != len(got):
                yield f"{name} should have {len(want)} parts; it has {len(got)}"
                return
            pairs = zip(got, want, strict=True) if self.ordered else zip(_sorted(got), _sorted(want), strict=True)
            if not want:
                yield ""
            for number, (a, b) in enumerate(pairs):
                yield from self._parts(a, b, f"{where}[{number}]" if self.ordered else where)
        elif isinstance(want, frozenset) and isinstance(got, frozenset):
            yield "" if want == got else f"{name} should be {brief(set(want))}; it is {brief(set(got))}"
        elif self._same(got, want):
            yield ""
        else:
            yield f"{name} should be {brief(want)}; it is {brief(got)}{_nearly(got, want)}"

    def _same(self, got: Any, want: Any) -> bool:
        numbers = [isinstance(v, (int, float, complex)) and not isinstance(v, bool) for v in (got, want)]
        if all(numbers):
            return bool(np.isclose(got, want, rtol=self.rtol, atol=self.atol, equal_nan=True))
        return type(got) is type(want) and bool(got == want)


def _plain(value: Any) -> Any:
    """Return a value with one kind for each of what is one kind."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return frozenset(_plain(v) if not isinstance(v, tuple) else v for v in value)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return value


def _sorted(values: list[Any]) -> list[Any]:
    return sorted(
        values,
        key=lambda v: (
            type(v).__name__ if isinstance(v, (bool, str)) else "number",
            v if isinstance(v, (int, float, str)) else repr(v),
        ),
    )


def _nearly(got: Any, want: Any) -> str:
    if isinstance(got, str) and isinstance(want, str) and got.strip().casefold() == want.strip().casefold():
        return " (only capitals or blanks at the ends differ)"
    if isinstance(got, str) != isinstance(want, str):
        return f" (a {'text' if isinstance(got, str) else type(got).__name__}, not a {'text' if isinstance(want, str) else type(want).__name__})"
    return ""
