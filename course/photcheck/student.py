"""The check that a student runs: provided cases only, with words and a picture; it never stops with an error."""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from photcheck.call import call_twice
from photcheck.plugins import load_all
from photcheck.render import verdict_html, verdict_text
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import Verdict, conclude, judge_case

#: Folder beside the notebook that holds the check files.
FOLDER = "checks"
MAX_FILE = 64 << 20


@dataclass
class CheckResult:
    """What a check found; shows itself in a notebook.

    Its plain text is the number of points, which is what nbgrader reads where a check is run by plain nbgrader: none of
    extra credit, whose cell has no points there, and which nobody fails for leaving it out.
    """

    verdict: Verdict
    spec: ExerciseSpec

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        points = "0" if self.spec.extra else f"{self.verdict.points:.4f}".rstrip("0").rstrip(".") or "0"
        return {"text/plain": points, "text/html": verdict_html(self.verdict, self.spec)}

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

        return {"text/plain": "0", "text/html": f'<p role="alert"><strong>No check:</strong> {escape(self.sentence)}</p>'}

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
    known = {p.stem for p in folder.glob("*.json")}
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


def check_function(function: Any, name: str | None = None) -> CheckResult | CheckProblem:
    """Check a function on the provided cases of its exercise.

    Parameters
    ----------
    function : callable
        The student's function; anything else is told, not raised.
    name : str, optional
        Name of the exercise, where the function has another.

    Returns
    -------
    CheckResult or CheckProblem
        Both show themselves; both are false unless everything is right.
    """
    folder = find_checks(pathlib.Path.cwd())
    if folder is None:
        return CheckProblem(f"there is no folder {FOLDER!r} beside this notebook. Fetch the assignment again and work in its own folder.")
    namespace = _user_namespace()
    name = name or _name_of(function, folder, namespace)
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.json")))
        return CheckProblem(f"{name or type(function).__name__!r} is not an exercise of this assignment; there are {known}.")
    try:
        spec = ExerciseSpec.read(path)
    except Exception as problem:
        return CheckProblem(f"the check file {path.name} cannot be read ({problem}). Fetch the assignment again.")
    if not callable(function):
        sentence = f"{name} is {type(function).__name__}, not a function: was the name used again for something else?"
        return CheckResult(Verdict(spec.name, spec.title, 0.0, spec.points, "wrong", sentence), spec)
    others = {p.stem for p in folder.glob("*.json")} - {spec.name}
    return CheckResult(judge_function(function, spec, namespace, others), spec)


def _runnable(case: CaseSpec) -> bool:
    if case.origin != "archive":
        return True
    return all(any(source.has(sha) for source in load_all("photcheck.data")) for sha in case.needs.values())


def judge_function(function: Any, spec: ExerciseSpec, namespace: dict[str, Any], others: Collection[str] = ()) -> Verdict:
    """Judge a function in this process on the cases of a specification; `others` are the assignment's other exercises."""
    verdicts = []
    for case in spec.cases:
        if not _runnable(case):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                report = call_twice(function, case.args, spec.params, namespace, set(spec.template_names), folder=folder, figure=spec.figure)
                report = json.loads(json.dumps(report))
            except Exception as problem:
                report = {"ok": False, "error": {"type": type(problem).__name__, "message": str(problem)[:300], "line": ""}}
            if case.output and report.get("ok"):
                path = pathlib.Path(folder) / case.output
                small = path.is_file() and path.stat().st_size <= MAX_FILE
                report["file"] = path.read_bytes() if small else None
        verdicts.append(judge_case(case, report, spec.params))
    return conclude(spec, verdicts, others)
