"""From the report of one call to the verdict on one case."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from photcheck import wire
from photcheck.comparators import Finding
from photcheck.comparators.base import fault
from photcheck.report import Facts, Failure, Report
from photcheck.spec import CaseSpec


@dataclass
class CaseVerdict:
    """The verdict on one case.

    Parameters
    ----------
    case : CaseSpec
        What was asked.
    finding : Finding
        Score and symptom.
    answer : object
        What came back, decoded; None where nothing did.
    raised, message : str
        The error's type and its words, where the call raised.
    seconds : float
        How long the call took.
    blame : str
        The function that stopped, or that was missing.

    Attributes
    ----------
    agreements : dict
        What `photcheck.naming.agreement` found, by misconception.
    """

    case: CaseSpec
    finding: Finding
    answer: Any = None
    raised: str = ""
    seconds: float = 0.0
    blame: str = ""
    message: str = ""
    agreements: dict[str, tuple[str, bool]] = field(default_factory=dict, init=False, repr=False, compare=False)


#: Share of a case's marks for right numbers with a fault beside them: the input is changed, a warning where none may be.
RIGHT_NUMBERS_KEEP = 0.5


def judge_case(case: CaseSpec, report: Report, params: tuple[str, ...], facts: Facts | None = None) -> CaseVerdict:
    """Judge one case from the report of its call and from what is known of the call without asking the kernel.

    The report comes from the student's process and is not trusted: whatever it holds, a verdict comes out.

    Parameters
    ----------
    case : CaseSpec
        What was asked.
    report : Report
        What the kernel says of the call.
    params : tuple of str
        The function's parameters.
    facts : Facts, optional
        What the asker knows of the call.

    Returns
    -------
    CaseVerdict
        Always.
    """
    facts = facts or Facts()
    if facts.waited:
        return CaseVerdict(
            case,
            fault(f"the function gave no answer within {facts.waited:.0f} s", "timeout"),
            None,
            "TimeoutError",
            facts.seconds,
        )
    verdict = _judge_call(case, report, params, facts)
    if report.again is not None:
        again = facts.again or Facts()
        leans = _leans(case, verdict, report, again, params)
        if leans and verdict.finding.kind not in ("input-modified", "warning"):
            names = ", ".join(n[:40] for n in report.leftovers[:4])
            kept = 0.0 if verdict.finding.ok else verdict.finding.score
            what = "the answer depends" if verdict.finding.ok else "the answer is wrong, and depends"
            verdict.finding = fault(
                f"{what} on the notebook's variable {names}, which the function reads instead of an argument",
                "leftover",
                kept,
            )
    return verdict


def _judge_call(case: CaseSpec, report: Report, params: tuple[str, ...], facts: Facts) -> CaseVerdict:
    if not report.ok:
        return _raised(case, report.error, facts.seconds)
    try:
        answer = facts.file if case.output else wire.decode(report.value)
    except (wire.WireError, KeyError) as problem:
        return CaseVerdict(case, fault(f"the answer cannot be read: {problem}", "type"), None, "", facts.seconds)
    finding = compare(case, answer, params, facts.cpu or facts.seconds)
    changed = ", ".join(name for name in report.changed if name in params)
    if finding.ok:
        finding = _side_effects(case, report, changed) or finding
    elif changed and finding.score > 0 and not case.hidden:
        # On a scale hardly an answer is right altogether, and nobody would read of it.
        finding = replace(finding, symptom=f"{finding.symptom}; and the function changes its input {changed}")
    return CaseVerdict(case, finding, answer, "", facts.seconds)


def _leans(case: CaseSpec, verdict: CaseVerdict, report: Report, again: Facts, params: tuple[str, ...]) -> bool:
    """Tell whether an answer, right or wrong, hangs on the notebook's variables: the second call's is another.

    A function that stops both times leans on them where the line that it stops in names one.
    """
    assert report.again is not None
    second = _judge_call(case, report.again, params, again)
    if verdict.finding.ok:
        return not second.finding.ok
    if verdict.raised or second.raised:
        named = any(re.search(rf"\b{re.escape(name)}\b", report.error.line) for name in report.leftovers)
        return bool(verdict.raised) and named or bool(verdict.raised) != bool(second.raised)
    return not _same_answer(case, verdict.answer, second.answer)


def _same_answer(case: CaseSpec, first: Any, second: Any) -> bool:
    """Tell whether two answers to the same call are one, but for rounding."""
    try:
        a, b = (case.comparator.vector(v) for v in (first, second))
        if a is not None and b is not None:
            return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=0, equal_nan=True))
        return (
            first == second
            if isinstance(first, bytes | None)
            else json.dumps(wire.encode(first)) == json.dumps(wire.encode(second))
        )
    except (TypeError, ValueError, wire.WireError):
        return True


def compare(case: CaseSpec, answer: Any, params: tuple[str, ...], seconds: float = 0.0) -> Finding:
    """Compare an answer with the right one; never an exception, whatever the answer is."""
    named: dict[str, Any] = {"seconds": seconds} if hasattr(case.comparator, "figures") else {}
    for name, form in zip(params, case.args, strict=False):
        if isinstance(form, (int, float)):
            named[name] = form
    try:
        return case.comparator.compare(answer, case.expected, named)
    except Exception as problem:
        # An answer of a kind nobody thought of must not stop the run.
        return fault(f"the answer is of a kind that cannot be compared ({type(problem).__name__})", "type")


def _raised(case: CaseSpec, error: Failure, seconds: float) -> CaseVerdict:
    name, message = error.type or "Error", error.message[:300]
    blame = blamed(error)
    if name == "NotImplementedError":
        return CaseVerdict(case, fault("not written yet", "not written"), None, name, seconds, blame, message)
    line = error.line[:200]
    text = f"the function stopped with {name}: {message}".rstrip(": ") + (f" ({line})" if line else "")
    return CaseVerdict(case, fault(text, "error"), None, name, seconds, blame, message)


def blamed(error: Failure) -> str:
    """Return the name of the function that an error is about: the one that is missing, else the one that stopped.

    Parameters
    ----------
    error : Failure
        How the call stopped.

    Returns
    -------
    str
        A name; empty where the error says none.
    """
    about = re.match(r"name '(\w+)' is not defined", error.message[:300]) if error.type == "NameError" else None
    return about.group(1) if about else error.where


def stopped_by(verdicts: list[CaseVerdict], upstream: Collection[str]) -> str:
    """Return which of the functions in `upstream` kept a function from answering in every case; empty where none did.

    Parameters
    ----------
    verdicts : list of CaseVerdict
        One per case.
    upstream : collection of str
        Names of functions.

    Returns
    -------
    str
        A name of `upstream`.
    """
    names = {v.blame for v in verdicts if v.raised}
    if not verdicts or not all(v.raised for v in verdicts) or not names <= set(upstream):
        return ""
    return min(names, key=lambda name: [v.blame for v in verdicts].index(name))


def _side_effects(case: CaseSpec, report: Report, changed: str) -> Finding | None:
    if changed:
        return fault(
            f"the answer is right, but the function changes its input {changed}", "input-modified", RIGHT_NUMBERS_KEEP
        )
    if case.no_warnings and report.warnings:
        return fault(
            f"the answer is right, but the function warns: {report.warnings[0][:150]}", "warning", RIGHT_NUMBERS_KEEP
        )
    return None
