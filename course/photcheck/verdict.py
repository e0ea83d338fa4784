"""From reports of calls to a verdict: cases right and wrong, points, and the one most useful hint."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from photcheck.judging import CaseVerdict, blamed, judge_case, stopped_by
from photcheck.naming import GENERAL, GENERAL_HINTS, Explanation, agreement, explanations, hint_of, is_of, recognise
from photcheck.relations import in_every_case
from photcheck.spec import ExerciseSpec, Hint

__all__ = [
    "GENERAL_HINTS",
    "CaseVerdict",
    "Verdict",
    "blamed",
    "conclude",
    "judge_case",
    "recognise",
    "skipped",
    "stopped_by",
    "told",
]


@dataclass
class Verdict:
    """The verdict on one exercise.

    Parameters
    ----------
    exercise, title : str
        Which exercise.
    points, max_points : float
        Earned and possible.
    state : str
        ``"right"``, ``"partly right"``, ``"wrong"``, ``"not written"``, ``"missing"``, ``"error"``,
        ``"timeout"``, ``"skipped"`` (what it calls gave nothing, so that there is nothing to judge), or a state of
        the whole notebook.
    sentence : str
        The verdict in one sentence for the student.
    hint_id : str
        Which misconception or general fault was recognised; empty for none.
    hint : Hint or None
        Its words.
    symptom : str
        What is off, with numbers, in the case `shown`.
    shown : CaseVerdict or None
        The case that text and picture are about.
    further : list of str
        A line for each further mistake.
    cases : list of CaseVerdict
        One per case.
    notes : list of str
        What else the record says: "correct, given your centroid".
    """

    exercise: str
    title: str
    points: float
    max_points: float
    state: str
    sentence: str = ""
    hint_id: str = ""
    hint: Hint | None = None
    symptom: str = ""
    cases: list[CaseVerdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shown: CaseVerdict | None = None
    further: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether every point is earned."""
        return self.state == "right"


def conclude(
    spec: ExerciseSpec, verdicts: list[CaseVerdict], upstream: Collection[str] = (), *, explained: bool = True
) -> Verdict:
    """Draw the verdict on an exercise from the verdicts on its cases.

    Points are split over the cases by their weights. One message comes first: the mistake that explains most of the
    failing cases (`photcheck.naming`), else the first symptom; further mistakes have a line each.
    A function that cannot answer because one of `upstream`, the other exercises, is not there yet is skipped: it
    is neither right nor wrong.

    Parameters
    ----------
    spec : ExerciseSpec
        The exercise.
    verdicts : list of CaseVerdict
        One per case.
    upstream : collection of str
        Functions that it may call.
    explained : bool
        Whether to say what is wrong; points and state alone take less time.

    Returns
    -------
    Verdict
        On all of them together.
    """
    weights = sum(v.case.points for v in verdicts) or 1.0
    earned = sum(v.case.points * v.finding.score for v in verdicts)
    failing = [v for v in verdicts if not v.finding.ok]
    points = round(spec.points * earned / weights, 4)
    verdict = Verdict(spec.name, spec.title, points, spec.points, "right", cases=verdicts)
    if not failing:
        verdict.points = spec.points
        verdict.sentence = f"All {len(verdicts)} cases are right." if len(verdicts) > 1 else "Its one case is right."
        return verdict
    blocker = stopped_by(verdicts, upstream)
    if blocker and {v.raised for v in verdicts} <= {"NotImplementedError", "NameError"}:
        return skipped(verdict, blocker, next(v for v in verdicts if v.blame == blocker))
    if all(v.finding.kind == "not written" for v in failing) and len(failing) == len(verdicts):
        verdict.state, verdict.sentence = "not written", f"{spec.name} is not written yet."
        return verdict
    verdict.state = _state(verdicts, {v.finding.kind for v in failing})
    if explained:
        _explain(spec, verdict, failing)
    return verdict


def _state(verdicts: list[CaseVerdict], kinds: set[str]) -> str:
    if kinds <= {"error"} and all(not v.finding.ok for v in verdicts):
        return "error"
    if kinds <= {"timeout", "not tried"}:
        return "timeout"
    return "wrong" if all(v.finding.score == 0 for v in verdicts) else "partly right"


def skipped(verdict: Verdict, blocker: str, case: CaseVerdict | None = None) -> Verdict:
    """Turn a verdict into one that says only why there is nothing to judge.

    Parameters
    ----------
    verdict : Verdict
        Changed in place.
    blocker : str
        The function that it needs.
    case : CaseVerdict, optional
        A case in which that was missing.

    Returns
    -------
    Verdict
        The same one.
    """
    why = "is not written yet" if case is None or case.raised == "NotImplementedError" else "is not defined"
    verdict.state, verdict.points = "skipped", 0.0
    verdict.sentence = (
        f"Skipped: {verdict.exercise} needs {blocker}, which {why}. Write {blocker} first, then check this one again."
    )
    verdict.hint_id, verdict.hint, verdict.symptom, verdict.shown, verdict.further = "", None, "", None, []
    return verdict


def told(verdict: CaseVerdict) -> str:
    """Return what a student is told of a wrong case: of a hidden one that it is wrong, and nothing else.

    A right number would give the case away, and whatever else a function can choose (its error, a warning, the kind of its
    answer, the names of its variables) could carry the hidden inputs out: one case says one bit. That a function did not end is
    said, as it is the last thing that it can say. The figures of a scale are those of the exercise.

    Parameters
    ----------
    verdict : CaseVerdict
        Of a wrong case.

    Returns
    -------
    str
        A symptom, or that it is wrong.
    """
    kind, case = verdict.finding.kind, verdict.case
    if not case.hidden or hasattr(case.comparator, "figures") or kind in ("timeout", "not tried"):
        return verdict.finding.symptom
    return f"wrong in a hidden case ({case.tests})"


def _explain(spec: ExerciseSpec, verdict: Verdict, failing: list[CaseVerdict]) -> None:
    """Say what comes first: the mistake that explains most of the failing cases, on a case that it explains; then the rest, a line each."""
    first, *others = _unspoken(verdict.cases, explanations(spec, verdict.cases))
    verdict.hint_id, verdict.hint = first.id, hint_of(spec, first.id)
    # What a student may see whole comes first, and what shows numbers before what does not.
    order = sorted(
        (verdict.cases[k] for k in first.cases),
        key=lambda v: (v.case.hidden, not v.case.hidden and v.finding.kind != "value"),
    )
    verdict.shown = order[0]
    verdict.symptom = told(verdict.shown) + in_every_case(
        spec, [verdict.cases[k] for k in sorted(first.cases)], verdict.shown
    )
    untried = sum(v.finding.kind == "not tried" for v in failing)
    tried = len(failing) - untried
    counted = (
        f"{tried} of {len(verdict.cases)} cases {'is' if tried == 1 else 'are'} wrong"
        if len(verdict.cases) > 1
        else "Its one case is wrong"
    )
    counted += f", {untried} {'was' if untried == 1 else 'were'} not tried." if untried else "."
    verdict.sentence = f"{counted} {verdict.hint.title}." if verdict.hint else counted
    verdict.further = [_further(spec, verdict, other) for other in others]
    if first.others and not any(v.case.hidden for v in verdict.cases):
        verdict.further[:0] = _rivals(spec, verdict.shown, first)


def _rivals(spec: ExerciseSpec, shown: CaseVerdict, first: Explanation) -> list[str]:
    """Say which mistakes explain the very same cases: those that are there as well, and those that may be meant instead."""
    parts = {id: _parts_of(shown, id) for id in (first.id, *first.others)}
    besides = [id for id in first.others if parts[id] - parts[first.id]]
    instead = [id for id in first.others if parts[id] == parts[first.id]]
    # What is a part of the first is said by the first.
    titles = {id: hint.title for id in first.others if (hint := hint_of(spec, id))}
    lines = [f"In the same cases: {titles[id]}." for id in besides[:2] if id in titles]
    if instead:
        others = " Or: ".join(titles[id] for id in instead[:2] if id in titles)
        lines.append(f"These cases do not tell it from another mistake. Or: {others}.")
    return lines


def _parts_of(verdict: CaseVerdict, id: str) -> frozenset[Any]:
    """Return what of a wrong answer a mistake stands for, in the spelling that explains it."""
    case = verdict.case
    known = [f for key, f in case.fingerprints.items() if is_of(key, id) and agreement(verdict, key)[0] == "explained"]
    return case.comparator.faults_of(known[0], case.expected) if known else frozenset()


def _unspoken(verdicts: list[CaseVerdict], found: list[Explanation]) -> list[Explanation]:
    """Return explanations without the names of faults that a function may choose in hidden cases (an error, a NaN, nothing).

    One fault that provided cases show too, and all hidden ones that are wrong, is named; of others each hidden case could carry
    out which one it is.
    """

    def open_to_choice(explanation: Explanation) -> set[int]:
        chosen = explanation.id in GENERAL and explanation.id != "timeout"
        return {k for k in explanation.cases if verdicts[k].case.hidden} if chosen else set()

    hiding = [e for e in found if open_to_choice(e)]
    hidden = {k for e in found for k in e.cases if verdicts[k].case.hidden}
    if len(hiding) == 1 and hidden < hiding[0].cases:
        return found
    nameless = frozenset().union(*(e.cases for e in found if not e.id))
    unspoken = nameless.union(*map(open_to_choice, hiding))
    named = [replace(e, cases=frozenset(e.cases - open_to_choice(e))) for e in found if e.id]
    rest = [Explanation("", unspoken)] if unspoken else []
    # What is kept back does not come before what provided cases show.
    return sorted([e for e in named if e.cases] + rest, key=lambda e: (-len(e.cases if e.id else nameless), not e.id))


def _further(spec: ExerciseSpec, verdict: Verdict, other: Explanation) -> str:
    cases = sorted((verdict.cases[k] for k in other.cases), key=lambda v: v.case.hidden)
    hint, number = hint_of(spec, other.id), len(cases)
    where = f"In {number} more case{'s' if number > 1 else ''}"
    return f"{where}: {hint.title}." if hint is not None else f"{where} something else is off: {told(cases[0])}."
