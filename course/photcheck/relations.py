"""Find the simple relation between wrong numbers and right ones: an argument left out, a known factor.

A relation is said only where it holds to rounding in all wrong cases: what fits once, nearly, is chance more often than cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from photcheck.judging import CaseVerdict
from photcheck.spec import ExerciseSpec
from photcheck.values import Sample

#: Factors of mathematics; those of a subject are for its course to declare (`photcheck.spec.ExerciseSpec.factors`).
FACTORS: tuple[tuple[float, str], ...] = (
    (2.0, "two"),
    (math.sqrt(2), "the square root of 2"),
    (math.pi, "pi"),
    (2 * math.pi, "2 pi"),
    (math.sqrt(2 * math.pi), "the square root of 2 pi"),
    (math.log(10), "ln 10"),
    (10.0, "ten"),
)
#: Largest relative difference that is rounding.
ROUNDING = 2e-6


def relations(
    got: float, want: float, named: dict[str, float], factors: Iterable[tuple[float, str]] = FACTORS, unit: str = ""
) -> set[str]:
    """Return the relations that hold to rounding between a wrong number and the right one.

    Parameters
    ----------
    got, want : float
        The wrong and the right number.
    named : dict
        The call's arguments that are single numbers, by name.
    factors : iterable of (float, str)
        Factors that are worth a name.
    unit : str
        The unit of the numbers.

    Returns
    -------
    set of str
        Words that follow "in every wrong case"; empty where nothing holds.

    Examples
    --------
    >>> sorted(relations(5.0, 10.0, {}))
    ['it is the right number times one over two']
    """
    if not (math.isfinite(got) and math.isfinite(want)) or got == want:
        return set()
    near = ROUNDING * max(abs(got), abs(want))
    found = set()
    for name, value in named.items():
        for times, words in ((1, "exactly"), (2, "exactly twice")):
            if value and abs(abs(got - want) - times * abs(value)) <= near:
                found.add(f"the difference is {words} {name}")
    if abs(got + want) <= near:
        found.add("it is the right number with the other sign")
    for value, name in factors if want else ():
        for power, shown in ((value, name), (1 / value, f"one over {name}")):
            for sign, words in ((1, ""), (-1, "minus ")):
                if abs(got - sign * power * want) <= near:
                    found.add(f"it is the right number times {words}{shown}")
    if want > 0 and got > 0 and want != 1:
        if abs(got - want**2) <= near:
            found.add("it is the square of the right number")
        if abs(got - math.sqrt(want)) <= near:
            found.add("it is the square root of the right number")
    if unit == "pixel" and abs(abs(got - want) - 0.5) <= near:
        found.add("the difference is half a pixel")
    return found


def in_every_case(spec: ExerciseSpec, cases: list[CaseVerdict], shown: CaseVerdict) -> str:
    """Return the relations that hold in all of some wrong cases, as the end of a symptom; empty where there are none.

    One case alone is evidence only where its numbers are no whole ones: 34 is twice 17 by chance more often than by cause.
    """
    if shown.case.hidden or shown.finding.kind != "value":
        return ""
    names = tuple(getattr(_inner(shown), "names", ())) or ("",)
    tables = [_relations_of(case, spec, len(names)) for case in cases if case.finding.kind == "value"]
    said = []
    for k, name in enumerate(names):
        seen = [
            (found, whole) for table in tables if table is not None for found, whole in [table[k]] if found is not None
        ]
        if None in tables or not seen or (len(seen) == 1 and seen[0][1]):
            continue
        common = set.intersection(*(found for found, _ in seen))
        if common:
            # With the shortest words: "twice" an argument and a factor of two may be one.
            said.append((f"for {name} " if name else "") + min(common, key=lambda w: (len(w), w)))
    every = "in every wrong case " if len(cases) > 1 else ""
    return f"; {every}{', '.join(said)}" if said else ""


def _inner(case: CaseVerdict) -> Any:
    return getattr(case.case.comparator, "inner", case.case.comparator)


def _relations_of(case: CaseVerdict, spec: ExerciseSpec, parts: int) -> list[tuple[set[str] | None, bool]] | None:
    """Return, for each named number of an answer, its relations and whether it is whole; of an array as one number. None: no numbers."""
    expected = case.case.expected
    if isinstance(expected, list) and hasattr(case.case.comparator, "inner") and expected:
        expected = expected[0]
    if isinstance(expected, Sample):
        return None
    got, want = (case.case.comparator.vector(v) for v in (case.answer, expected))
    if got is None or want is None or got.shape != want.shape:
        return None
    named = {
        n: float(a)
        for n, a in zip(spec.params, case.case.args, strict=False)
        if isinstance(a, (int, float)) and not isinstance(a, bool)
    }
    unit = str(getattr(_inner(case), "unit", ""))
    factors = (*FACTORS, *spec.factors)
    groups = [got[k : k + 1] for k in range(parts)] if got.size == parts else [got] * parts
    targets = [want[k : k + 1] for k in range(parts)] if got.size == parts else [want] * parts
    found: list[tuple[set[str] | None, bool]] = []
    for mine, right in zip(groups, targets, strict=True):
        with np.errstate(all="ignore"):
            off = np.flatnonzero(~(abs(mine - right) <= ROUNDING * np.maximum(abs(mine), abs(right))))
        if not off.size:
            # What is right in this case says nothing of what is wrong in the others.
            found.append((None, True))
            continue
        # A long array is told by some of its numbers: a relation that these have by chance there is none.
        some = [(float(mine[k]), float(right[k])) for k in off[:: max(1, off.size // 50)]]
        common = set.intersection(*(relations(a, b, named, factors, unit) for a, b in some))
        found.append((common, len(some) == 1 and all(float(v).is_integer() for v in some[0])))
    return found
