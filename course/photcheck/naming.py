"""Which mistake is behind wrong answers: the one that explains most of the failing cases comes first, or none is named.

Three sorts of explanation compete. A *pattern* is seen in the answers alone (always empty, always the same). A
*misconception* of the exercise gives the very answers that came, on the very same inputs. A *general fault* is what a case
itself shows (nothing returned, a NaN, an error). Where most failing cases are explained by nothing, nothing is named first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from photcheck import wire
from photcheck.comparators.base import as_floats
from photcheck.judging import CaseVerdict, compare
from photcheck.spec import CaseSpec, ExerciseSpec, Hint
from photcheck.values import Sample

#: Share of the cases that gave an answer on which a misconception must agree with the student before it is named.
AGREEMENT = 0.75
#: Faults that a case itself shows, the more telling ones first.
GENERAL = ("leftover", "input-modified", "warning", "none", "nan", "shape", "type", "error", "timeout")
#: Faults that say nothing of the numbers: such a case is no evidence for or against a misconception.
_NO_EVIDENCE = ("leftover", "none", "timeout", "not tried", "not written", "error")
#: An answer with so many times the rows of the right one takes something else for what is asked, noise for stars.
FAR_MORE = 10
#: In the place of a misconception's answer: it was stopped, as it would have far more rows than any answer that is not far more itself.
CUT_OFF = object()
#: Faults of a case whose numbers are right.
_RIGHT_NUMBERS = ("input-modified", "warning")

GENERAL_HINTS: dict[str, Hint] = {
    "always-empty": Hint(
        "The answer is always empty",
        "Nothing comes back in any case, although something is asked for: an empty list or table is returned before it is "
        "filled, or a condition is never true.",
        "rows = []\nfor star in stars:\n    rows.append(measure(star))   # without this line the list stays empty",
    ),
    "always-same": Hint(
        "The answer is always the same",
        "The same number comes back whatever goes in: the function does not use what it is given, or returns the value "
        "that a variable had before the calculation.",
        "def total(image): return 0.0           # looks at nothing\ndef total(image): return image.sum()   # looks at its argument",
    ),
    "only-one": Hint(
        "Only one comes back where several are asked",
        "The answer holds a single row or number. Most often the `return` stands inside the loop, so that the first turn ends "
        "the function.",
        "for r in radii:\n    fluxes.append(flux(r))\n    return fluxes    # ends in the first turn\nreturn fluxes        # ends after the last one",
    ),
    "input-back": Hint(
        "The input comes back unchanged",
        "What is returned is what was given: the result is calculated and not kept, or the wrong variable is returned.",
        "image - level; return image            # the difference is thrown away\nresult = image - level; return result",
    ),
    "leftover": Hint(
        "The function reads a variable of the notebook",
        "A function should use what it is given and nothing else. Here its answer changes when a variable of the "
        "notebook outside the function changes, so it works only as long as that variable happens to hold the right thing.",
        "def total(image): return cutout.sum()   # reads the notebook's cutout\n"
        "def total(image): return image.sum()    # uses its argument",
    ),
    "input-modified": Hint(
        "The function changes its input",
        "Arrays are passed by reference: writing into an argument changes the caller's data, and the next cell "
        "works on something else than it thinks. Work on a copy.",
        "image -= level            # changes the caller's array\nimage = image - level     # makes a new one",
    ),
    "none": Hint(
        "Nothing is returned",
        "The function ends without a `return`, with a `print` in its place, or with a `return` that gives None: its value is None.",
        "print(flux)    # shows it and forgets it\nreturn flux    # hands it to the caller",
    ),
    "nan": Hint(
        "The answer is not finite",
        "A NaN or an infinity came out: a NaN pixel went into a sum or a maximum, something was divided by zero, "
        "or what was measured lies off the image.",
        "np.sum(image)      # NaN as soon as one pixel is NaN\nnp.nansum(image)   # leaves NaN pixels out",
    ),
    "type": Hint(
        "The answer is of another kind than asked",
        "Compare what your function returns with the contract "
        "above: how many values, in which order, and in which form.",
        "",
    ),
    "shape": Hint(
        "The answer has another shape than asked",
        "Images are indexed [y, x]: shape is (rows, columns), that is (ny, nx). Check which of the two you use first.",
        "ny, nx = image.shape",
    ),
    "warning": Hint(
        "The function warns",
        "The contract asks for an answer without a warning here: treat the special "
        "values before the calculation, not after it.",
        "",
    ),
    "error": Hint(
        "The function stops with an error",
        "Run the function in a cell of its own on the inputs of the "
        "failing case, and read the last line of the message first.",
        "",
    ),
    "timeout": Hint(
        "The function gives no answer in time",
        "A loop may have no end, or far more is calculated than is needed. "
        "Print how often the loop has turned, on a small input.",
        "",
    ),
}


@dataclass
class Evidence:
    """What the cases say for and against one misconception, gathered case by case; all are cases by their numbers.

    Parameters
    ----------
    explained : set of int
        Failing cases that it explains.
    right, further, against : set of int
        Cases where both are right; where the student alone is wrong (another mistake may be behind it); and where the
        mistake would show otherwise than it does.
    exact : set of int
        Those that it explains to the last digits: what tells two mistakes apart that are both near.
    """

    explained: set[int] = field(default_factory=set)
    right: set[int] = field(default_factory=set)
    further: set[int] = field(default_factory=set)
    against: set[int] = field(default_factory=set)
    exact: set[int] = field(default_factory=set)

    def add(self, number: int, verdict: CaseVerdict, key: str) -> None:
        """Take one case into account, and what a misconception in one of its spellings answers there."""
        kind, same = agreement(verdict, key)
        if kind:
            getattr(self, kind).add(number)
        if same:
            self.exact.add(number)

    def without(self, cases: Collection[int]) -> Evidence:
        """Return what is left without some cases, which another mistake explains."""
        return Evidence(**{name: found - set(cases) for name, found in vars(self).items()})

    @property
    def missed(self) -> int:
        """How many cases the misconception and the student disagree on."""
        return len(self.further) + len(self.against)

    def stands(self, left: int = 0) -> bool:
        """Tell whether the misconception may be named, were it to explain `left` cases more.

        That is where it agrees with the student on enough of the cases that gave an answer; or where it explains two
        cases, none speaks against it, and further failing cases have another reason.
        """
        explained = len(self.explained) + left
        known = explained + len(self.right)
        return explained > 0 and (
            known >= AGREEMENT * (known + self.missed) or (not self.against and explained >= max(2, len(self.further)))
        )


def agreement(verdict: CaseVerdict, key: str) -> tuple[str, bool]:
    """Say what one case tells of a misconception, and whether it explains the answer to the last digits.

    Parameters
    ----------
    verdict : CaseVerdict
        The verdict on the case; what was found is kept there.
    key : str
        The misconception in one of its spellings; as long as its answer is not known it counts as `CUT_OFF`.

    Returns
    -------
    str, bool
        ``"explained"``, ``"right"``, ``"further"``, ``"against"``, or nothing.
    """
    fingerprint = verdict.case.fingerprints.get(key, CUT_OFF)
    if fingerprint is CUT_OFF and key not in verdict.agreements:
        # More may be known later.
        return _agreement(verdict, key, fingerprint), False
    if key not in verdict.agreements:
        kind = _agreement(verdict, key, fingerprint)
        verdict.agreements[key] = kind, kind == "explained" and exact(verdict.case, verdict.answer, fingerprint)
    return verdict.agreements[key]


def _agreement(verdict: CaseVerdict, key: str, fingerprint: Any) -> str:
    case, kind = verdict.case, verdict.finding.kind
    if kind == "far more":
        return "explained" if far_more(case, fingerprint) else "against"
    if fingerprint is CUT_OFF:
        return "" if verdict.raised or kind in _NO_EVIDENCE else "against"
    if isinstance(fingerprint, dict) and "raises" in fingerprint:
        if verdict.raised:
            return "explained" if _same_error(verdict, fingerprint) else "against"
        return "" if kind in _NO_EVIDENCE else "against"
    if kind == "none" and fingerprint is None:
        return "explained"
    if verdict.raised or kind in _NO_EVIDENCE:
        return ""
    right = verdict.finding.ok or kind in _RIGHT_NUMBERS
    # The same for every answer to the case, and provided cases are asked of everybody.
    if key not in case.passes:
        case.passes[key] = _fingerprint_is_right(case, fingerprint)
    if case.passes[key]:
        return "right" if right else "further"
    if right:
        return "against"
    return "explained" if _alike(case, verdict.answer, fingerprint) else "against"


def _same_error(verdict: CaseVerdict, fingerprint: dict[str, Any]) -> bool:
    """Tell whether two errors are one: type, and the numbers in their words (shapes, indices), which tell one slip from another."""
    if verdict.raised != fingerprint["raises"]:
        return False
    words = fingerprint.get("message")
    if words is None:
        return True
    # The folder of the moment is no part of the mistake.
    mine, its = (re.sub(r"\S*/", "", text) for text in (verdict.message, words))
    numbers = [re.findall(r"\d+", text) for text in (mine, its)]
    return numbers[0] == numbers[1] if any(numbers) else mine == its


def _fingerprint_is_right(case: CaseSpec, fingerprint: Any) -> bool:
    if isinstance(fingerprint, Sample):
        expected = case.expected
        values = fingerprint.of_same(expected) if hasattr(expected, "shape") else None
        try:
            return values is not None and case.comparator.compare(fingerprint.values, values).ok
        except Exception:
            return False
    return compare(case, fingerprint, ()).ok


def _alike(case: CaseSpec, answer: Any, fingerprint: Any) -> bool:
    expected = case.expected
    if isinstance(fingerprint, Sample):
        values = fingerprint.of_same(answer) if hasattr(answer, "shape") else None
        if values is None:
            return False
        truth = fingerprint.of_same(expected) if hasattr(expected, "shape") else None
        answer, fingerprint, expected = values, fingerprint.values, truth
    try:
        return case.comparator.alike(answer, fingerprint, expected)
    except Exception:
        return False


def exact(case: CaseSpec, answer: Any, fingerprint: Any) -> bool:
    """Tell whether an answer is a misconception's but for rounding."""
    try:
        if not isinstance(fingerprint, Sample):
            return case.comparator.same(answer, fingerprint, case.expected)
        mine = fingerprint.of_same(answer)
        return mine is not None and np.allclose(mine, fingerprint.values, rtol=1e-6, atol=1e-9, equal_nan=True)
    except Exception:
        return False


# ------------------------------------------------------------------------------------------------ patterns in the answers alone
def _numbers(value: Any) -> np.ndarray | None:
    """Lay any answer out as numbers: of a table all columns that hold numbers, of a tuple all its parts."""
    if hasattr(value, "colnames"):
        columns = [as_floats(value[name]) for name in value.colnames]
        there = [c.ravel() for c in columns if c is not None]
        return np.concatenate(there) if there else np.empty(0)
    floats = as_floats(value)
    if floats is not None:
        return floats.ravel()
    if isinstance(value, (list, tuple)):
        parts = [_numbers(v) for v in value]
        if all(p is not None for p in parts):
            return np.concatenate([p for p in parts if p is not None]) if parts else np.empty(0)
    return None


def length(value: Any) -> int | None:
    """Return how many rows or numbers an answer holds along its first axis; a number is one."""
    if hasattr(value, "colnames"):
        return len(value)
    if isinstance(value, dict):
        return next((len(v) for v in value.values() if isinstance(v, (list, np.ndarray))), None)
    floats = as_floats(value)
    return None if floats is None else (len(floats) if floats.ndim else 1)


def far_more(case: CaseSpec, answer: Any) -> bool:
    """Tell whether an answer has `FAR_MORE` times the rows of the right one, whatever stands in them."""
    there, asked = length(answer), length(case.expected)
    return there is not None and asked is not None and there > FAR_MORE * (asked + 1)


def _asked_for(case: CaseSpec) -> Any:
    several = isinstance(case.expected, list) and hasattr(case.comparator, "inner")
    return case.expected[0] if several and case.expected else case.expected


def patterns(verdicts: list[CaseVerdict]) -> dict[str, set[int]]:
    """Return what is seen in the answers alone: name of the pattern to the failing cases that it explains."""
    answered = {
        k: v
        for k, v in enumerate(verdicts)
        if not v.raised
        and v.answer is not None
        and not isinstance(v.answer, bytes)
        and v.finding.kind not in ("leftover", "timeout", "not tried")
    }
    failing = {k for k, v in answered.items() if not v.finding.ok and v.finding.kind not in _RIGHT_NUMBERS}
    numbers = {k: _numbers(v.answer) for k, v in answered.items()}
    found: dict[str, set[int]] = {}
    if not failing:
        return found
    if all(n is not None and n.size == 0 for n in numbers.values()):
        found["always-empty"] = failing
    elif _constant(answered, numbers):
        found["always-same"] = failing
    elif ones := _one_only(answered, failing):
        found["only-one"] = ones
    elif all(_is_input(v, numbers[k]) for k, v in answered.items()):
        found["input-back"] = failing
    return found


def _constant(answered: dict[int, CaseVerdict], numbers: dict[int, np.ndarray | None]) -> bool:
    """Tell whether all answers are one: the same numbers in every case, or one number everywhere in every case."""
    there = [n for n in numbers.values() if n is not None]
    if len(there) < len(numbers) or not all(n.size for n in there):
        return False
    flat = [bool((n == n[0]).all()) or bool(np.isnan(n).all()) for n in there]
    wanted = [_numbers(_asked_for(v.case)) for v in answered.values()]
    varied = [w is None or w.size == 0 or not bool((w == w[0]).all()) for w in wanted]
    if len(there) == 1:
        return flat[0] and there[0].size > 3 and varied[0]
    first = there[0]
    same = all(n.shape == first.shape and np.array_equal(n, first, equal_nan=True) for n in there)
    one_number = all(flat) and all(np.array_equal(n[:1], first[:1], equal_nan=True) for n in there) and any(varied)
    alike_asked = all(
        w is not None
        and wanted[0] is not None
        and w.shape == wanted[0].shape
        and np.allclose(w, wanted[0], equal_nan=True)
        for w in wanted
    )
    return (same or one_number) and not alike_asked and not np.isnan(first).all()


def _one_only(answered: dict[int, CaseVerdict], failing: set[int]) -> set[int]:
    """Return the failing cases with one row or number where several are asked; none where another case gave several."""
    lengths = {k: (length(v.answer), length(_asked_for(v.case))) for k, v in answered.items()}
    several = {k for k, (_, asked) in lengths.items() if asked is not None and asked > 1}
    ones = {k for k in several & failing if lengths[k][0] == 1 and answered[k].finding.kind != "type"}
    return ones if ones and ones == several else set()


def _is_input(verdict: CaseVerdict, numbers: np.ndarray | None) -> bool:
    if numbers is None or not numbers.size:
        return False
    for form in verdict.case.args[:1]:
        try:
            given = as_floats(wire.decode(form, data=True))
        except Exception:
            return False
        return (
            given is not None and given.size == numbers.size and np.array_equal(given.ravel(), numbers, equal_nan=True)
        )
    return False


# ------------------------------------------------------------------------------------------------ all explanations together
@dataclass(frozen=True)
class Explanation:
    """A mistake and the failing cases that it explains, by their numbers; no name where nothing explains them.

    `others` are mistakes that explain the very same as well.
    """

    id: str
    cases: frozenset[int]
    others: tuple[str, ...] = ()


def evidence(spec: ExerciseSpec, verdicts: list[CaseVerdict]) -> list[tuple[str, Evidence]]:
    """Return, for each misconception and each of its spellings, what the cases say of it as far as its answers are known."""
    found = []
    # What was stopped has no answer, and where that tells something it was told then.
    known = [{*v.case.fingerprints, *v.agreements} for v in verdicts]
    for id in spec.hints:
        for key in sorted({k for keys in known for k in keys if is_of(k, id)}):
            of_one = Evidence()
            for number, verdict in enumerate(verdicts):
                if key in known[number]:
                    of_one.add(number, verdict, key)
            found.append((id, of_one))
    return found


def is_of(key: str, id: str) -> bool:
    """Tell whether a fingerprint is a misconception's: its own, or that of another spelling (``"id~1"``)."""
    return key == id or key.startswith(f"{id}~")


def explanations(spec: ExerciseSpec, verdicts: list[CaseVerdict]) -> list[Explanation]:
    """Return what explains the failing cases, what explains most of them first; each case stands in one of them."""
    failing = {k for k, v in enumerate(verdicts) if not v.finding.ok and v.finding.kind != "not tried"}
    seen = patterns(verdicts)
    general = {kind: {k for k, v in enumerate(verdicts) if v.finding.kind == kind} for kind in GENERAL}
    every = evidence(spec, verdicts)
    found: list[Explanation] = []
    done: set[int] = set()
    while failing - done:
        # A further mistake is looked for where the ones before it explain nothing. Of equals the one that is exact is taken, then the first.
        left = sorted(
            ((id, e.without(done)) for id, e in every), key=lambda item: (item[1].missed, -len(item[1].exact))
        )
        candidates = [
            ("leftover", general["leftover"]),
            *((id, seen[id]) for id in ("always-empty", "always-same", "input-back") if id in seen),
            *((id, e.explained) for id, e in left if e.stands()),
            *((id, seen[id]) for id in ("only-one",) if id in seen),
            *general.items(),
        ]
        id, cases = max(candidates, key=lambda c: len(c[1] & failing - done))
        cases = cases & failing - done
        if not cases:
            found.append(Explanation("", frozenset(failing - done)))
            break
        alike = next((e for other, e in left if other == id and e.stands()), None)
        others = dict.fromkeys(
            other
            for other, e in left
            if alike is not None
            and other != id
            and e.stands()
            and (e.explained & failing - done, e.missed, len(e.exact)) == (cases, alike.missed, len(alike.exact))
        )
        found.append(Explanation(id, frozenset(cases), tuple(others)))
        done |= cases
    # What is explained by nothing may be the larger part: then no name comes first.
    return sorted(found, key=lambda e: (-len(e.cases), not e.id))


def recognise(spec: ExerciseSpec, verdicts: list[CaseVerdict]) -> str:
    """Return the id of the mistake that comes first; empty where none does.

    Parameters
    ----------
    spec : ExerciseSpec
        The exercise.
    verdicts : list of CaseVerdict
        One per case.

    Returns
    -------
    str
        An id of `spec.hints` or of `GENERAL_HINTS`.
    """
    found = explanations(spec, verdicts)
    return found[0].id if found else ""


def hint_of(spec: ExerciseSpec, id: str) -> Hint | None:
    """Return the words for a mistake."""
    return spec.hints.get(id) or GENERAL_HINTS.get(id)


def unexplained(verdicts: list[CaseVerdict], explained: Iterable[int]) -> set[int]:
    """Return the failing cases that a misconception might explain and none known so far does."""
    settled = ("leftover", "timeout", "not tried", "not written", *_RIGHT_NUMBERS)
    return {k for k, v in enumerate(verdicts) if not v.finding.ok and v.finding.kind not in settled} - set(explained)
