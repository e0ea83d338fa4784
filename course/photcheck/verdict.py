"""From reports of calls to a verdict: cases right and wrong, points, and the one most useful hint."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from photcheck import wire
from photcheck.comparators import Finding
from photcheck.comparators.base import wrong
from photcheck.spec import CaseSpec, ExerciseSpec, Hint

#: Share of cases on which a misconception must agree with the student before it is named.
AGREEMENT = 0.75


@dataclass
class CaseVerdict:
    """The verdict on one case.

    `finding` holds score and symptom; `answer` is what came back (decoded), None where nothing did; `blame` is the
    name of the function that stopped, or that was missing, where the call raised.
    """

    case: CaseSpec
    finding: Finding
    answer: Any = None
    raised: str = ""
    seconds: float = 0.0
    blame: str = ""


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
        What is off, with numbers.
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

    @property
    def right(self) -> bool:
        """Whether every point is earned."""
        return self.state == "right"


GENERAL_HINTS: dict[str, Hint] = {
    "leftover": Hint(
        "The function reads a variable of the notebook",
        "A function should use what it is given and nothing else. Here its answer changes when a variable of the "
        "notebook outside the function changes, so it works only as long as that variable happens to hold the right thing.",
        "def total(image): return cutout.sum()   # reads the notebook's cutout\n"
        "def total(image): return image.sum()    # uses its argument"),
    "input-modified": Hint(
        "The function changes its input",
        "Arrays are passed by reference: writing into an argument changes the caller's data, and the next cell "
        "works on something else than it thinks. Work on a copy.",
        "image -= level            # changes the caller's array\nimage = image - level     # makes a new one"),
    "none": Hint(
        "Nothing is returned",
        "The function ends without a `return`, or with a `print` in its place, so that its value is None.",
        "print(flux)    # shows it and forgets it\nreturn flux    # hands it to the caller"),
    "nan": Hint(
        "The answer is not finite",
        "A NaN or an infinity came out: a NaN pixel went into a sum or a maximum, or something was divided by zero.",
        "np.sum(image)      # NaN as soon as one pixel is NaN\nnp.nansum(image)   # leaves NaN pixels out"),
    "type": Hint("The answer is of another kind than asked", "Compare what your function returns with the contract "
                 "above: how many values, in which order, and in which form.", ""),
    "shape": Hint("The answer has another shape than asked", "Images are indexed [y, x]: shape is (rows, columns), "
                  "that is (ny, nx). Check which of the two you use first.", "ny, nx = image.shape"),
    "warning": Hint("The function warns", "The contract asks for an answer without a warning here: treat the special "
                    "values before the calculation, not after it.", ""),
    "error": Hint("The function stops with an error", "Run the function in a cell of its own on the inputs of the "
                  "failing case, and read the last line of the message first.", ""),
}


def judge_case(case: CaseSpec, report: dict[str, Any], params: tuple[str, ...]) -> CaseVerdict:
    """Judge one case from the report of its call (see `photcheck.call`).

    The report comes from the student's process and is not trusted: whatever it holds, a verdict comes out.
    """
    seconds = _time(report.get("seconds"), 0.0)
    if not report.get("ok"):
        return _raised(case, report.get("error"), seconds)
    try:
        answer = report["file"] if case.output else wire.decode(report.get("value"))
    except (wire.WireError, KeyError) as problem:
        return CaseVerdict(case, wrong(f"the answer cannot be read: {problem}", "type"), None, "", seconds)
    finding = _compare(case, answer, params, _cpu(report, seconds))
    if finding.ok:
        finding = _side_effects(case, report, params) or finding
    return CaseVerdict(case, finding, answer, "", seconds)


def _cpu(report: dict[str, Any], seconds: float) -> float:
    """Return the processor time of a call: a busy machine must not cost a mark."""
    return _time(report.get("cpu"), seconds)


def _time(value: Any, otherwise: float) -> float:
    """Return a time from a report where it is one: a number, finite, not negative (an integer may be of any size)."""
    return float(value) if type(value) in (int, float) and 0 <= value < 1e9 else otherwise


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _compare(case: CaseSpec, answer: Any, params: tuple[str, ...], seconds: float = 0.0) -> Finding:
    named: dict[str, Any] = {"seconds": seconds} if hasattr(case.comparator, "figures") else {}
    for name, form in zip(params, case.args, strict=False):
        if isinstance(form, (int, float)):
            named[name] = form
    try:
        return case.comparator.compare(answer, case.expected, named)
    except Exception as problem:
        # An answer of a kind nobody thought of must not stop the run.
        return wrong(f"the answer is of a kind that cannot be compared ({type(problem).__name__})", "type")


def _raised(case: CaseSpec, error: Any, seconds: float) -> CaseVerdict:
    error = error if isinstance(error, dict) else {}
    name, message = str(error.get("type", "Error"))[:80], str(error.get("message", ""))[:300]
    blame = blamed(error)
    if name == "NotImplementedError":
        return CaseVerdict(case, wrong("not written yet", "not written"), None, name, seconds, blame)
    if name == "TimeoutError" and message.startswith("no answer within"):
        return CaseVerdict(case, wrong(f"the function gave {message}", "timeout"), None, name, seconds)
    line = str(error.get("line", ""))[:200]
    text = f"the function stopped with {name}: {message}".rstrip(": ") + (f" ({line})" if line else "")
    return CaseVerdict(case, wrong(text, "error"), None, name, seconds, blame)


def blamed(error: dict[str, Any]) -> str:
    """Return the name of the function that an error is about: the one that is missing, else the one that stopped."""
    message = str(error.get("message", ""))[:300]
    about = re.match(r"name '(\w+)' is not defined", message) if error.get("type") == "NameError" else None
    return about.group(1) if about else str(error.get("where", ""))[:80]


def stopped_by(verdicts: list[CaseVerdict], upstream: Collection[str]) -> str:
    """Return which of the functions in `upstream` kept a function from answering in every case; empty where none did."""
    names = {v.blame for v in verdicts if v.raised}
    if not verdicts or not all(v.raised for v in verdicts) or not names <= set(upstream):
        return ""
    return min(names, key=lambda name: [v.blame for v in verdicts].index(name))


def _side_effects(case: CaseSpec, report: dict[str, Any], params: tuple[str, ...]) -> Finding | None:
    changed = [str(c) for c in _listed(report.get("changed")) if isinstance(c, str) and c in params]
    if changed:
        return wrong(f"the answer is right, but the function changes its input {', '.join(changed)}", "input-modified")
    warned = _listed(report.get("warnings"))
    if case.no_warnings and warned:
        return wrong(f"the answer is right, but the function warns: {str(warned[0])[:150]}", "warning")
    again = report.get("again")
    if isinstance(again, dict):
        # A second call has no second call of its own: a forged report may be nested without end.
        second = judge_case(case, {k: v for k, v in again.items() if k != "again"}, params)
        if not second.finding.ok:
            names = ", ".join(str(n)[:40] for n in _listed(report.get("leftovers"))[:4])
            return wrong(f"the answer depends on the notebook's variable {names}, which the function reads "
                         f"instead of an argument", "leftover")
    return None


def agrees_with(verdict: CaseVerdict, fingerprint: Any) -> bool | None:
    """Tell whether a misconception explains one case; None where it says nothing of it."""
    case = verdict.case
    if isinstance(fingerprint, dict) and "raises" in fingerprint:
        return verdict.raised == fingerprint["raises"]
    fingerprint_right = _fingerprint_is_right(case, fingerprint)
    if verdict.finding.ok:
        return fingerprint_right
    if fingerprint_right or verdict.raised:
        return False
    return _alike(case, verdict.answer, fingerprint)


def _fingerprint_is_right(case: CaseSpec, fingerprint: Any) -> bool:
    if isinstance(fingerprint, wire.Sample):
        expected = case.expected
        values = fingerprint.of_same(expected) if hasattr(expected, "shape") else None
        return values is not None and _compare_arrays(case, fingerprint.values, values)
    return _compare(case, fingerprint, ()).ok


def _compare_arrays(case: CaseSpec, got: Any, want: Any) -> bool:
    try:
        return case.comparator.compare(got, want).ok
    except Exception:
        return False


def _alike(case: CaseSpec, answer: Any, fingerprint: Any) -> bool:
    expected = case.expected
    if isinstance(fingerprint, wire.Sample):
        values = fingerprint.of_same(answer) if hasattr(answer, "shape") else None
        if values is None:
            return False
        truth = fingerprint.of_same(expected) if hasattr(expected, "shape") else None
        answer, fingerprint, expected = values, fingerprint.values, truth
    try:
        return case.comparator.alike(answer, fingerprint, expected)
    except Exception:
        return False


def recognise(spec: ExerciseSpec, verdicts: list[CaseVerdict]) -> str:
    """Return the id of the misconception that explains a student's answers best, or an empty text.

    A misconception explains a case where both are right, or both are wrong and alike. It is named where it
    explains at least `AGREEMENT` of all cases and at least one wrong one; ties go to the one declared first.
    """
    best, best_share = "", 0.0
    for hint_id in spec.hints:
        agreements, explained = [], 0
        for verdict in verdicts:
            if hint_id not in verdict.case.fingerprints:
                continue
            agrees = agrees_with(verdict, verdict.case.fingerprints[hint_id])
            agreements.append(bool(agrees))
            explained += bool(agrees) and not verdict.finding.ok
        if not agreements or not explained:
            continue
        share = sum(agreements) / len(agreements)
        if share >= AGREEMENT and share > best_share + 1e-9:
            best, best_share = hint_id, share
    return best


def conclude(spec: ExerciseSpec, verdicts: list[CaseVerdict], upstream: Collection[str] = ()) -> Verdict:
    """Draw the verdict on an exercise from the verdicts on its cases.

    Points are split over the cases by their weights. One message comes first: a recognised misconception,
    else a general fault (leftover variable, changed input, nothing returned, ...), else the first symptom.
    A function that cannot answer because one of `upstream`, the other exercises, is not there yet is skipped: it
    is neither right nor wrong.
    """
    weights = sum(v.case.points for v in verdicts) or 1.0
    earned = sum(v.case.points * v.finding.score for v in verdicts)
    failing = [v for v in verdicts if not v.finding.ok]
    points = round(spec.points * earned / weights, 4)
    verdict = Verdict(spec.name, spec.title, points, spec.points, "right", cases=verdicts)
    if not failing:
        verdict.points = spec.points
        verdict.sentence = f"All {len(verdicts)} cases are right."
        return verdict
    blocker = stopped_by(verdicts, upstream)
    if blocker and {v.raised for v in verdicts} <= {"NotImplementedError", "NameError"}:
        return skipped(verdict, blocker, next(v for v in verdicts if v.blame == blocker))
    if all(v.finding.kind == "not written" for v in failing) and len(failing) == len(verdicts):
        verdict.state, verdict.sentence = "not written", f"{spec.name} is not written yet."
        return verdict
    _explain(spec, verdict, failing)
    return verdict


def skipped(verdict: Verdict, blocker: str, case: CaseVerdict | None = None) -> Verdict:
    """Turn a verdict into one that says only why there is nothing to judge."""
    why = "is not written yet" if case is None or case.raised == "NotImplementedError" else "is not defined"
    verdict.state, verdict.points = "skipped", 0.0
    verdict.sentence = f"Skipped: {verdict.exercise} needs {blocker}, which {why}. Write {blocker} first, then check this one again."
    verdict.hint_id, verdict.hint, verdict.symptom = "", None, ""
    return verdict


def told(verdict: CaseVerdict) -> str:
    """Return what a student is told of a wrong case: of a hidden one no number of its answer and no message.

    A right number would give the case away, and an error's name and message, like the names of variables, are the
    student's to choose: they could carry the hidden inputs out. The figures of a scale say nothing of either.
    """
    kind, case = verdict.finding.kind, verdict.case
    if not case.hidden or hasattr(case.comparator, "figures") or kind in ("input-modified", "none", "timeout"):
        return verdict.finding.symptom
    known = isinstance(getattr(builtins, verdict.raised, None), type)
    what = f"the function stopped with {verdict.raised if known else 'an error'}" if kind == "error" else (
        "the answer depends on a variable of the notebook" if kind == "leftover" else "wrong")
    return f"{what} in a hidden case ({case.tests})"


def _explain(spec: ExerciseSpec, verdict: Verdict, failing: list[CaseVerdict]) -> None:
    kinds = {v.finding.kind for v in failing}
    verdict.state = "wrong" if all(v.finding.score == 0 for v in verdict.cases) else "partly right"
    if kinds <= {"error"} and len(failing) == len(verdict.cases):
        verdict.state = "error"
    elif kinds == {"timeout"}:
        verdict.state = "timeout"
    # What a student may see whole comes first.
    failing = sorted(failing, key=lambda v: v.case.hidden)
    verdict.symptom = told(failing[0])
    verdict.hint_id = recognise(spec, verdict.cases)
    if verdict.hint_id:
        verdict.hint = spec.hints[verdict.hint_id]
        shown = [v for v in failing if v.finding.kind == "value"]
        verdict.symptom = told((shown or failing)[0])
    else:
        for kind in ("leftover", "input-modified", "warning", "none", "nan", "shape", "type", "error"):
            if kind in kinds:
                verdict.hint_id, verdict.hint = kind, GENERAL_HINTS[kind]
                verdict.symptom = told(next(v for v in failing if v.finding.kind == kind))
                break
    wrong_count = f"{len(failing)} of {len(verdict.cases)} cases {'is' if len(failing) == 1 else 'are'} wrong."
    verdict.sentence = f"{wrong_count} {verdict.hint.title}." if verdict.hint else wrong_count
