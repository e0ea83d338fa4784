"""The check that a student runs: provided cases only, with words and a picture; it never stops with an error."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import difflib
import json
import pathlib
import re
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from photcheck.call import Interrupted, call, codes_of, decode_arguments, leftovers
from photcheck.comparators.base import fault
from photcheck.plugins import load_all
from photcheck.render import progress_html, verdict_html, verdict_text
from photcheck.report import Facts, Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import CaseVerdict, Verdict, conclude, judge_case

#: Folder beside the notebook that holds the check files, and within it that of the fresh cases.
FOLDER, REHEARSAL = "checks", "rehearsal"
MAX_FILE = 64 << 20


@dataclass
class CheckResult:
    """What a check found; shows itself in a notebook.

    Its plain text is the number of points, which is what nbgrader reads where a check is run by plain nbgrader: none of
    extra credit, whose cell has no points there, and which nobody fails for leaving it out.
    """

    verdict: Verdict
    spec: ExerciseSpec
    tries: int = 1
    rehearsed: bool = False

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        points = "0" if self.spec.extra else f"{self.verdict.points:.4f}".rstrip("0").rstrip(".") or "0"
        shown = verdict_html(self.verdict, self.spec, tries=self.tries, rehearsed=self.rehearsed)
        return {"text/plain": points, "text/html": shown}

    def __str__(self) -> str:
        return verdict_text(self.verdict)

    def __bool__(self) -> bool:
        return self.verdict.right


@dataclass
class CheckProblem:
    """Why there is nothing to check; shows itself in a notebook as one sentence."""

    sentence: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from photcheck.render import escape

        return {
            "text/plain": "0",
            "text/html": f'<p role="alert"><strong>No check:</strong> {escape(self.sentence)}</p>',
        }

    def __str__(self) -> str:
        return self.sentence

    def __bool__(self) -> bool:
        return False


def _user_namespace() -> dict[str, Any]:
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        if shell is not None:
            return shell.user_ns
    return getattr(sys.modules.get("__main__"), "__dict__", {})


def _name_of(function: Any, folder: pathlib.Path, namespace: dict[str, Any]) -> str:
    known = set(exercise_names(folder))
    own = getattr(function, "__name__", "")
    if own in known:
        return own
    # A lambda, a partial or an object: take the name that it is bound to in the notebook.
    bound = [n for n in sorted(known) if namespace.get(n) is function]
    return bound[0] if bound else own


def find_checks(start: pathlib.Path) -> pathlib.Path | None:
    """Return the folder of check files in `start` or above it."""
    for folder in (start, *start.parents[:3]):
        if (folder / FOLDER).is_dir():
            return folder / FOLDER
    return None


def _checks() -> pathlib.Path | None:
    """Return the folder of check files of this notebook, also after ``%cd``: IPython keeps where it began."""
    began = _user_namespace().get("_dh")
    places = (
        [pathlib.Path.cwd(), *(pathlib.Path(str(p)) for p in began[:1])]
        if isinstance(began, list)
        else [pathlib.Path.cwd()]
    )
    return next((found for place in places if (found := find_checks(place))), None)


def check_function(function: Any = None, name: str | None = None, rehearse: bool = False) -> CheckResult | CheckProblem:
    """Check a function on the provided cases of its exercise.

    Parameters
    ----------
    function : callable or str
        The student's function, or its name; anything else is told, not raised.
    name : str, optional
        Name of the exercise, where the function has another.
    rehearse : bool
        Whether to try the fresh cases of the rehearsal in place of the provided ones: as grading does, on inputs that the
        notebook has not shown.

    Returns
    -------
    CheckResult or CheckProblem
        Both show themselves; both are false unless everything is right.
    """
    folder, namespace = _checks(), _user_namespace()
    if folder is None:
        return CheckProblem(
            f"there is no folder {FOLDER!r} beside this notebook. Fetch the assignment again and work in its own folder."
        )
    if function is None and name is None:
        return CheckProblem(
            f"say which function: check({next(iter(exercise_names(folder)), 'centroid')}), or check.all() for every exercise."
        )
    if isinstance(function, str):
        name, function = function, namespace.get(function)
        if function is None and name in exercise_names(folder):
            return CheckProblem(f"{name} is not defined yet: run the cell that defines it, then check again.")
    name = name or _name_of(function, folder, namespace)
    spec = _read(folder, name or type(function).__name__, rehearse)
    if isinstance(spec, CheckProblem):
        return spec
    if not callable(function):
        sentence = f"{name} is {type(function).__name__}, not a function: was the name used again for something else?"
        return CheckResult(Verdict(spec.name, spec.title, 0.0, spec.points, "wrong", sentence), spec)
    others = set(exercise_names(folder)) - {spec.name}
    started = time.monotonic()
    try:
        verdict = judge_function(function, spec, namespace, others)
    except Interrupted as stop:
        where = f" It was in {stop.line}." if stop.line else ""
        sentence = f"Stopped by you after {time.monotonic() - started:.0f} s, and nothing was judged.{where}"
        return CheckResult(Verdict(spec.name, spec.title, 0.0, spec.points, "stopped", sentence), spec)
    older = broken_cell(spec.name)
    if older:
        verdict.notes.insert(0, older)
    if verdict.right:
        verdict.sentence += _what_else(spec, rehearse)
    elif leans := _leans_on(spec, function, others):
        verdict.notes.append(
            f"It calls {' and '.join(leans)}, not right at the last check: begin there. Where it is graded, right answers stand in for "
            "what it calls, where that can be done."
        )
    _last[spec.assignment, spec.name] = verdict.right
    return CheckResult(verdict, spec, tries=_tries(spec, function, verdict), rehearsed=rehearse)


def exercise_names(folder: pathlib.Path) -> list[str]:
    """Return the exercises of an assignment, in the order of their names."""
    return sorted(p.stem for p in folder.glob("*.json"))


def known_exercises() -> list[str]:
    """Return the exercises of this notebook's assignment; none where there are no check files."""
    folder = _checks()
    return exercise_names(folder) if folder else []


def _read(folder: pathlib.Path, name: str, rehearse: bool = False) -> ExerciseSpec | CheckProblem:
    """Read a check file, with the cases of the rehearsal where they are asked for; say in one sentence why that cannot be done."""
    path, known = folder / f"{name}.json", exercise_names(folder)
    if not path.is_file():
        near = difflib.get_close_matches(name, known, 1)
        rest = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
        return CheckProblem(f"{name!r} is not an exercise of this assignment; {rest}")
    try:
        spec = ExerciseSpec.read(path)
        if rehearse:
            fresh = folder / REHEARSAL / f"{name}.json"
            if not fresh.is_file():
                return CheckProblem(
                    f"there are no fresh cases for {name} in this assignment; check({name}) tries the provided ones."
                )
            spec = dataclasses.replace(spec, cases=ExerciseSpec.read(fresh).cases)
    except Exception as problem:
        return CheckProblem(f"the check file {path.name} cannot be read ({problem}). Fetch the assignment again.")
    return spec


def _what_else(spec: ExerciseSpec, rehearse: bool) -> str:
    """Say what a green check does not know yet."""
    if rehearse:
        return " They are not the ones that grading takes, but of the same kinds."
    if not spec.also:
        return ""
    return f" Grading also tries: {'; '.join(spec.also)}. check({spec.name}, rehearse=True) tries your function on fresh cases of these kinds."


def broken_cell(name: str) -> str:
    """Say that a function is an older one, where the last cell that defines it did not come through; else nothing.

    A cell with a SyntaxError changes nothing: the function of that name is still the one from before.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    sources = list(getattr(shell, "user_ns", {}).get("In", ()))[:-1] if shell is not None else []
    for source in reversed(sources):
        if not re.search(rf"^\s*(?:def\s+{re.escape(name)}\b|{re.escape(name)}\s*=)", source, re.M):
            continue
        try:
            ast.parse(source)
        except SyntaxError as problem:
            return (
                f"This is about an older {name}: the last cell that defines it has a SyntaxError (line {problem.lineno}: {problem.msg}), "
                f"so that nothing in it counts. Mend that cell, run it, then check again."
            )
        return ""
    return ""


#: Exercise to whether its last check in this session was right.
_last: dict[tuple[str, str], bool] = {}


def _leans_on(spec: ExerciseSpec, function: Any, others: set[str]) -> list[str]:
    """Return the other exercises that a function calls by name and that were not right when they were last checked."""
    called = {name for code in codes_of(function) for name in code.co_names}
    return sorted(name for name in called & others if _last.get((spec.assignment, name)) is False)


#: Exercise to the codes that were tried in this session and were wrong.
_tried: dict[tuple[str, str], list[int]] = {}


def _tries(spec: ExerciseSpec, function: Any, verdict: Verdict) -> int:
    """Count how often a function was changed and checked again without being right: hints open one by one."""
    seen = _tried.setdefault((spec.assignment, spec.name), [])
    if verdict.right or verdict.state in ("skipped", "not written", "stopped"):
        return len(seen)
    code = hash(tuple((c.co_code, repr(c.co_consts)) for c in codes_of(function)))
    if code not in seen:
        seen.append(code)
    return len(seen)


def arguments_of(name: Any, number: int = 1, rehearse: bool = False) -> tuple[Any, ...]:
    """Return fresh arguments of one case, to try a function on: ``centroid(*check.case("centroid", 2))``.

    Parameters
    ----------
    name : str or callable
        The exercise, or the function.
    number : int
        Which case, as the check counts them, from 1.
    rehearse : bool
        Whether to count the cases of the rehearsal.

    Raises
    ------
    LookupError
        One sentence, where there is no such case.
    """
    folder = _checks()
    if folder is not None and not isinstance(name, str):
        name = _name_of(name, folder, _user_namespace())
    spec = (
        CheckProblem("there is no folder of checks beside this notebook.")
        if folder is None
        else _read(folder, name, rehearse)
    )
    if isinstance(spec, CheckProblem):
        raise LookupError(spec.sentence)
    cases = [c for c in spec.cases if _runnable(c)]
    if not isinstance(number, int) or not 1 <= number <= len(cases):
        raise LookupError(f"{name} has {len(cases)} cases, counted from 1; there is no case {number!r}.")
    return tuple(decode_arguments(cases[number - 1].args, tempfile.gettempdir()))


@dataclass
class Progress:
    """The state of all exercises of an assignment; shows itself as a table."""

    rows: list[tuple[ExerciseSpec, Verdict]]

    @property
    def next_step(self) -> str:
        """What to do next, in one sentence."""
        for spec, verdict in sorted(self.rows, key=lambda row: row[0].extra):
            if verdict.state == "skipped":
                continue
            if not verdict.right:
                what = "write" if verdict.state in ("not written", "missing") else "mend"
                step = (
                    f"{what} {spec.name}"
                    + (f"; read {spec.section.partition('#')[2] or spec.section} again" if spec.section else "")
                    + "."
                )
                return (
                    f"All that counts into the maximum is right. For extra credit: {step}"
                    if spec.extra
                    else f"Next: {step}"
                )
        return "All provided cases are right; check(..., rehearse=True) tries fresh ones."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": progress_html(self.rows, self.next_step)}

    def __str__(self) -> str:
        lines = [
            f"{s.name}: {v.state}, {sum(c.finding.ok for c in v.cases)} of {len(v.cases)} cases, {s.points:g} points"
            for s, v in self.rows
        ]
        return "\n".join([*lines, self.next_step])


def check_all() -> Progress | CheckProblem:
    """Check every exercise of the assignment as the notebook is now.

    Returns
    -------
    Progress or CheckProblem
        Each exercise with its state, its points, and what to do next; it shows itself.
    """
    folder, namespace = _checks(), _user_namespace()
    if folder is None:
        return CheckProblem(
            f"there is no folder {FOLDER!r} beside this notebook. Fetch the assignment again and work in its own folder."
        )
    rows = []
    names = exercise_names(folder)
    for name in names:
        spec = _read(folder, name)
        if isinstance(spec, CheckProblem):
            return spec
        function = namespace.get(name)
        if not callable(function):
            rows.append(
                (
                    spec,
                    Verdict(
                        name,
                        spec.title,
                        0.0,
                        spec.points,
                        "missing",
                        f"{name} is not defined: its cell has not been run.",
                    ),
                )
            )
            continue
        try:
            rows.append((spec, judge_function(function, spec, namespace, set(names) - {name})))
        except Interrupted as stop:
            return CheckProblem(
                f"stopped by you while {name} ran"
                + (f", in {stop.line}" if stop.line else "")
                + ". Nothing after it was tried."
            )
    return Progress(sorted(rows, key=lambda row: row[0].place))


def _runnable(case: CaseSpec) -> bool:
    if case.origin != "archive":
        return True
    return all(any(source.has(sha) for source in load_all("photcheck.data")) for sha in case.needs.values())


def judge_function(
    function: Any, spec: ExerciseSpec, namespace: dict[str, Any], others: Collection[str] = ()
) -> Verdict:
    """Judge a function in this process on the cases of a specification; `others` are the assignment's other exercises.

    Raises
    ------
    Interrupted
        Where somebody interrupts it: one interrupt ends the whole check.
    """
    verdicts: list[CaseVerdict] = []
    cases = [c for c in spec.cases if _runnable(c)]
    for case in cases:
        report, facts = called(function, case, spec, namespace)
        verdicts.append(judge_case(case, report, spec.params, facts))
        if verdicts[-1].finding.kind == "timeout":
            # One call without an end says enough: the others would cost as much time again.
            where = f"; it was in {report.error.line}" if report.error.line else ""
            verdicts[-1].finding = fault(verdicts[-1].finding.symptom + where, "timeout")
            verdicts += [
                CaseVerdict(c, fault("not tried: a case before gave no answer in its time", "not tried"))
                for c in cases[len(verdicts) :]
            ]
            break
    return conclude(spec, verdicts, others)


def called(function: Any, case: CaseSpec, spec: ExerciseSpec, namespace: dict[str, Any]) -> tuple[Report, Facts]:
    """Call a function in this process, and again with the leftovers that it reads rebound; each call in a folder of its own.

    Raises
    ------
    Interrupted
        Where somebody interrupts it.
    """
    report, facts = _once(function, case, spec)
    used = leftovers(function, namespace, set(spec.template_names))
    if not used or facts.waited:
        return report, facts
    again, known = _once(function, case, spec, namespace=namespace, poison=used)
    return dataclasses.replace(report, leftovers=tuple(sorted(used)), again=again), dataclasses.replace(
        facts, again=known
    )


def _once(function: Any, case: CaseSpec, spec: ExerciseSpec, **rebinding: Any) -> tuple[Report, Facts]:
    # Where a file is asked for, the working folder is the file's, as when it is graded: what gets another name leaves nothing behind.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder) if case.output else contextlib.nullcontext():
        try:
            form = call(
                function,
                case.args,
                spec.params,
                folder=folder,
                figure=spec.figure,
                seconds=spec.seconds,
                packed=False,
                **rebinding,
            )
            form = json.loads(json.dumps(form))
        except Interrupted:
            raise
        except Exception as problem:
            form = {"ok": False, "error": {"type": type(problem).__name__, "message": str(problem)[:300], "line": ""}}
        path = pathlib.Path(folder) / case.output
        content = path.read_bytes() if case.output and path.is_file() and path.stat().st_size <= MAX_FILE else None
    waited = spec.seconds if form.get("late") else 0.0
    return Report.read(form), Facts(form.get("seconds", 0.0), form.get("cpu", 0.0), content, waited=waited)
