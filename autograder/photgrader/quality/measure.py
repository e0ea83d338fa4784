"""Measure the grader's own tests: are right answers accepted, wrong ones caught and named, mutants killed?

Every implementation is judged as a submission is: its cells run in the sandboxed kernel, forked anew for each variant and
each misconception, and the grader's judge asks it the provided and the hidden cases of several seeds. Only the rest of the
notebook is left out. Mutants of an exercise follow one another in one such kernel.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import dataclasses
import datetime
import inspect
import json
import multiprocessing
import os
import pathlib
import textwrap
import time
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat

from photcheck.call import decode_arguments
from photcheck.spec import ExerciseSpec
from photcheck.verdict import Verdict
from photgrader import coursedir
from photgrader.coursedir.settings import Settings, data_folder
from photgrader.exercise import (
    CHEAP_SHARE,
    Exercise,
    Implementation,
    assignment_names,
    exercise_file,
    load_assignment,
    sibling,
)
from photgrader.grading.grade import grading_spec
from photgrader.grading.hashes import exercise_hash, versions
from photgrader.grading.intake import Intake
from photgrader.grading.judge import Judge, name_mistake
from photgrader.grading.run import Run, Submission, default_starter
from photgrader.quality.mutation import Mutant, rewritten, spread, wrapped
from photgrader.quality.naming import highest_cheap, lost_though_green, told
from photgrader.sandbox.session import KernelGone, ProbeSilent, run_folder

#: Seeds of the hidden cases: each stands for one student's.
SEEDS = (20261121, 20261122)
#: What an exercise has to reach.
LEAST_NAMED, LEAST_KILLED = 0.95, 0.97
LEAST_VARIANTS, LEAST_MISCONCEPTIONS = 3, 6
#: References with fewer mutants than this (a library call or two) are joined by the mutants of a correct variant.
FEW_MUTANTS = 30
#: Most mutants of an exercise, and of one whose reference takes longer than `COSTLY_SECONDS` a call: taken evenly from all.
MOST_MUTANTS, MOST_COSTLY, COSTLY_SECONDS = 160, 24, 1.0
#: A mutant may take this many times what the reference takes, and not less than `LEAST_SECONDS`: then it is caught.
PATIENCE, LEAST_SECONDS = 20.0, 3.0
#: Where an exercise that was changed since is remembered, in the course's own folder.
CACHE = "quality.json"


@dataclass
class Quality:
    """What was measured of one exercise.

    Parameters
    ----------
    assignment, name : str
        Which exercise.
    key : str
        Hash of its module: the result holds for this text.
    variants, accepted : int
        Correct ones, and those that got full marks with every seed.
    misconceptions, caught, named : int
        Wrong ones, those that lost exactly what they should with every seed, and those whose hint came first.
    mutants, equivalent, killed : int
        All mutants, those marked as equivalent by hand, and those caught.
    survivors, equivalents : list of dict
        Mutants that passed: ``operator``, ``diff`` (and ``reason``).
    faults : list of str
        A sentence for everything that is not as it should be, survivors apart.
    seconds : float
        Time it took.
    date : str
        The day.
    left_out : int
        Mutants not tried because there are too many.
    told : dict
        Of mistakes in other words (``"held out"``), ``"pairs"`` of mistakes and ``"cheap"`` answers: how many are named, are
        called something else, and have no name (`photgrader.quality.naming`).
    cheapest : float
        The largest share of the marks that an answer without work earns.
    untold : list of str
        A sentence for each of them that is not named.
    cheapest_is : str
        Which answer that is.
    cheap_share : float
        The share that one may earn.
    green_loss : float
        The largest share of the marks that a mistake loses that is green in the student's check.
    green_loss_is : str
        Which one that is; empty where none is green.
    """

    assignment: str
    name: str
    key: str = ""
    variants: int = 0
    accepted: int = 0
    misconceptions: int = 0
    caught: int = 0
    named: int = 0
    mutants: int = 0
    equivalent: int = 0
    killed: int = 0
    left_out: int = 0
    survivors: list[dict[str, str]] = field(default_factory=list)
    equivalents: list[dict[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    date: str = ""
    told: dict[str, list[int]] = field(default_factory=dict)
    cheapest: float = 0.0
    untold: list[str] = field(default_factory=list)
    cheapest_is: str = ""
    cheap_share: float = CHEAP_SHARE
    green_loss: float = 0.0
    green_loss_is: str = ""

    @property
    def killed_share(self) -> float:
        """Share of the mutants that are not equivalent that was caught."""
        counted = self.mutants - self.equivalent
        return self.killed / counted if counted else 1.0

    @property
    def named_share(self) -> float:
        """Share of the misconceptions whose hint came first."""
        return self.named / self.misconceptions if self.misconceptions else 1.0

    def shortfalls(self) -> list[str]:
        """Return a sentence for each target that the exercise does not reach."""
        said = []
        if self.variants < LEAST_VARIANTS or self.misconceptions < LEAST_MISCONCEPTIONS:
            said.append(
                f"{self.variants} variants and {self.misconceptions} misconceptions, at least {LEAST_VARIANTS} and {LEAST_MISCONCEPTIONS} are asked"
            )
        if self.accepted < self.variants:
            said.append(f"{self.variants - self.accepted} of {self.variants} correct variants lose marks")
        if self.caught < self.misconceptions:
            said.append(
                f"{self.misconceptions - self.caught} of {self.misconceptions} misconceptions do not lose what they should"
            )
        if self.named_share < LEAST_NAMED:
            said.append(
                f"the right hint comes first for {self.named} of {self.misconceptions} misconceptions, {LEAST_NAMED:.0%} are asked"
            )
        if self.killed_share < LEAST_KILLED:
            said.append(
                f"{len(self.survivors)} of {self.mutants - self.equivalent} mutants survive, {LEAST_KILLED:.0%} have to be caught"
            )
        if self.cheapest > self.cheap_share + 1e-6:
            said.append(
                f"an answer without work ({self.cheapest_is}) earns {self.cheapest:.0%}, at most {self.cheap_share:.0%} is allowed"
            )
        marks = [f for f in self.faults if f.startswith("the mark ")]
        return said + marks


# ------------------------------------------------------------------------------------------------ what the kernel is given
def _given_line(name: str, value: Any) -> str:
    """Return a line that gives the kernel a name that the exercise's module, or the notebook, has."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}"
    if (getattr(value, "__module__", "") or "").startswith("photgrader"):
        return textwrap.dedent(inspect.getsource(value))
    if callable(value):
        return f"from {value.__module__} import {value.__qualname__} as {name}"
    return f"{name} = {value!r}"


def _code_names(code: types.CodeType) -> set[str]:
    return set(code.co_names).union(*(_code_names(c) for c in code.co_consts if isinstance(c, types.CodeType)))


def preamble(exercise: Exercise) -> list[str]:
    """Return cells that give what a notebook gives before the function's own cell: imports, helpers, the exercises it calls."""
    function = exercise.solve_by
    given = dict(exercise._namespace())
    names = _code_names(function.__code__) - {exercise.name, "np"} - set(exercise.depends)
    given.update({n: function.__globals__[n] for n in sorted(names) if n in function.__globals__ and n not in given})
    cells = ["import numpy as np\n" + "\n".join(_given_line(n, v) for n, v in given.items())]
    for name in exercise.depends:
        other = sibling(exercise, name)
        cells += [*preamble(other), reference_text(other)]
    return list(dict.fromkeys(cells))


def reference_text(exercise: Exercise) -> str:
    """Return the reference as a cell: what it takes from other exercises is there by name."""
    lines = exercise.reference_code.splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith(("from photgrader", "from .")))


class Sandboxed:
    """Judges implementations of one exercise in the sandbox.

    Parameters
    ----------
    exercise : Exercise
        Which.
    settings : Settings
        Limits, and whether kernels are jailed and warm.
    """

    def __init__(self, exercise: Exercise, settings: Settings) -> None:
        self.exercise, self.settings = exercise, settings
        self.assignment = load_assignment(exercise.assignment)
        self.before = preamble(exercise)
        self._start = default_starter(settings)

    def specs(self) -> list[ExerciseSpec]:
        """Return what the exercise is judged by, a student's seed after the other."""
        return [grading_spec(self.exercise, 1.0, seed, ()) for seed in SEEDS]

    @contextlib.contextmanager
    def _run(self, cells: list[str], settings: Settings) -> Iterator[Judge]:
        """Run cells in a kernel of their own and give the judge of what they define."""
        base = self._start.prepare(settings, data_folder()) if hasattr(self._start, "prepare") else None  # type: ignore[attr-defined]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in [*self.before, *cells]])
        check = nbformat.v4.new_code_cell(f"check({self.exercise.name})")
        check.metadata["nbgrader"] = {"grade": True, "points": 1, "grade_id": f"check-{self.exercise.name}"}
        notebook.cells.append(check)
        submission = Submission("quality", self.exercise.assignment, "quality", Intake(notebook))
        with run_folder({}, base) as (place, uid):
            run = Run(submission, self.assignment, settings, self._start, place, uid)
            judge = Judge(self.assignment, settings, run.again, run.cells())
            try:
                yield judge
            finally:
                judge.close()

    def verdicts(self, implementation: Implementation) -> list[Verdict]:
        """Return the verdicts on an implementation in a kernel of its own, a seed after the other."""
        with self._run(implementation.cells, self.settings) as judge:
            return [name_mistake(self.exercise, spec, judge.judge(self.exercise, spec)) for spec in self.specs()]

    def first_wrong(self, mutants: list[Mutant], seconds: float) -> Iterator[str]:
        """Yield, for each mutant, the name of the first case that it fails; empty where it passes them all.

        Mutants follow one another in one kernel, each defined after what the one before has defined was taken away: to
        start a kernel for each would take most of the time. One that hangs or ends the kernel costs a fresh one.
        """
        # The time of a call is the mutant's, not the exercise's: one that hangs must not cost a minute.
        hurried = copy.copy(self.exercise)
        hurried.seconds = 0.0
        limits = dataclasses.replace(self.settings.limits, call_seconds=seconds, notebook_seconds=3600.0)
        settings = dataclasses.replace(self.settings, limits=limits)
        # A provided case is the same for every seed.
        cases = list(
            {
                id(case): dataclasses.replace(spec, cases=[case], hints={})
                for spec in self.specs()
                for case in spec.cases
            }.values()
        )
        waiting = list(mutants)
        while waiting:
            with self._run([], settings) as judge:
                first = True
                while waiting and judge.session is not None or first:
                    name = self._next(judge, hurried, waiting[0], cases)
                    if name is None and not first:
                        break
                    waiting.pop(0)
                    # One that ends a fresh kernel before it can be asked is caught.
                    yield "the kernel ended" if name is None else name
                    first = False

    def _next(self, judge: Judge, exercise: Exercise, mutant: Mutant, cases: list[ExerciseSpec]) -> str | None:
        """Judge one mutant in a kernel that is there; None where the kernel is there no more."""
        if judge.session is None:
            return None
        parts = [part.strip("\n") for part in mutant.code.split("# %%\n") if part.strip()]
        try:
            if judge.probe is not None:
                judge.probe.stop()
                judge.probe = None
            for cell in (
                _FORGET.format(name=exercise.name),
                *parts,
                f"import photcheck.probe as _p; _p.stash(globals(), {exercise.name!r})",
            ):
                judge.session.run(cell, keep=False)
        except (KernelGone, ProbeSilent):
            return None
        for spec in cases:
            if not judge.judge(exercise, spec).right:
                return spec.cases[0].name
        return ""


#: What takes a function away that an earlier cell has defined.
_FORGET = "import photcheck.probe as _p; globals().pop({name!r}, None); _p._stash.pop({name!r}, None)"


# ------------------------------------------------------------------------------------------------ measuring
def all_mutants(exercise: Exercise) -> list[Mutant]:
    """Return all mutants of an exercise: of its reference, of a variant where that has few, and from outside."""
    code = reference_text(exercise)
    # Within a method that is judged on a scale most changes leave the answer as good as it was: no mistake, and full marks.
    on_a_scale = hasattr(exercise.compare, "figures")
    found = [] if on_a_scale else rewritten(exercise.name, code, exercise.figure)
    # How a figure is drawn is free, and a variant's drawing is full of such choices.
    if len(found) < FEW_MUTANTS and not on_a_scale and not exercise.figure:
        others = [_of_variant(exercise.name, variant) for variant in exercise.variants.values()]
        near = sorted((abs(len(mutants) - FEW_MUTANTS), k) for k, mutants in enumerate(others) if mutants)
        found += others[near[0][1]] if near else []
    case = next(c for c, _ in exercise.cases(None) if not c.dataset)
    forms = exercise.encode_args(case)
    expected: Any = None if exercise.figure or exercise.output else exercise.run(exercise.solve_by, forms)
    if hasattr(expected, "colnames"):
        # Columns that nobody asks for are free.
        expected = expected[[n for n in expected.colnames if on_a_scale or repr(n) in repr(exercise.compare)]]
    for operator, text, line in wrapped(
        exercise.name, exercise.params, code, decode_arguments(forms, ""), forms, expected, exercise.picture
    ):
        found.append(Mutant(operator, text, line))
    return found


def _of_variant(name: str, variant: Implementation) -> list[Mutant]:
    if len(variant.cells) > 1 or not variant.code.lstrip().startswith(f"def {name}("):
        return []
    return [
        dataclasses.replace(m, diff=f"(of the variant {variant.id!r})\n{m.diff}") for m in rewritten(name, variant.code)
    ]


def measure(assignment: str, name: str, settings: Settings) -> Quality:
    """Measure one exercise through the sandbox."""
    exercise = load_assignment(assignment).exercises[name]
    result = Quality(assignment, name, exercise_hash(assignment, name))
    started = time.perf_counter()
    sandboxed = Sandboxed(exercise, settings)
    _measure_variants(sandboxed, result)
    _measure_misconceptions(sandboxed, result)
    _measure_naming(exercise, result)
    _measure_mutants(sandboxed, result)
    result.seconds = round(time.perf_counter() - started, 1)
    result.date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return result


def _wrong_cases(verdict: Verdict) -> list[str]:
    return [v.case.name for v in verdict.cases if not v.finding.ok]


def _measure_variants(sandboxed: Sandboxed, result: Quality) -> None:
    for title, variant in sandboxed.exercise.variants.items():
        verdicts = sandboxed.verdicts(variant)
        result.variants += 1
        result.accepted += all(v.right and v.points == v.max_points and not v.hint_id for v in verdicts)
        for verdict in verdicts:
            if not verdict.right:
                result.faults.append(
                    f"variant {title!r} loses marks in {', '.join(_wrong_cases(verdict)) or verdict.state}: {verdict.symptom or verdict.sentence}"
                )
                break


def _measure_misconceptions(sandboxed: Sandboxed, result: Quality) -> None:
    for id, misconception in sandboxed.exercise.misconceptions.items():
        verdicts = sandboxed.verdicts(misconception)
        result.misconceptions += 1
        faults = [f for v in verdicts if (f := _not_caught(sandboxed.exercise, misconception, v))]
        result.caught += not faults
        wanted = misconception.raises or id
        others = [v.hint_id for v in verdicts if v.hint_id != wanted]
        result.named += not others
        for verdict in verdicts:
            _note_green(result, lost_though_green(verdict), id)
        if faults:
            result.faults.append(f"misconception {id!r} {faults[0]}")
        if others:
            result.faults.append(f"misconception {id!r} is called {others[0]!r}")


def _measure_naming(exercise: Exercise, result: Quality) -> None:
    found = told(exercise, SEEDS[0])
    result.told = {kind: [t.named, t.misleading, t.unnamed] for kind, t in found.items()}
    result.cheapest, result.cheapest_is = round(found["cheap"].highest, 4), found["cheap"].highest_is
    result.cheap_share = exercise.cheap_share
    result.untold = [f"{kind}: {note}" for kind, t in found.items() for note in t.notes]
    # The provided cases played back are green, of course.
    for told_of in (t for kind, t in found.items() if kind != "cheap"):
        _note_green(result, told_of.lost, told_of.lost_is)


def _note_green(result: Quality, loss: float, what: str) -> None:
    if round(loss, 4) > result.green_loss:
        result.green_loss, result.green_loss_is = round(loss, 4), what


def _not_caught(exercise: Exercise, misconception: Implementation, verdict: Verdict) -> str:
    """Return what is wrong with the marks that a misconception loses; empty where nothing is."""
    failing = set(_wrong_cases(verdict))
    declared = {v.case.name for v in verdict.cases if exercise.expected_to_fail(misconception, v.case.name)}
    if not failing or verdict.points >= verdict.max_points:
        return "loses nothing"
    return "" if failing == declared else f"fails {sorted(failing)}, declared are {sorted(declared)}"


def _measure_mutants(sandboxed: Sandboxed, result: Quality) -> None:
    exercise = sandboxed.exercise
    began = time.perf_counter()
    reference = Implementation("reference", reference_text(exercise), "reference")
    right = sandboxed.verdicts(reference)
    if not all(v.right for v in right):
        result.faults.append(
            f"the reference itself loses marks in {', '.join(_wrong_cases(next(v for v in right if not v.right)))}"
        )
    call_seconds = (time.perf_counter() - began) / sum(len(v.cases) for v in right)
    every = all_mutants(exercise)
    chosen = spread(every, MOST_COSTLY if call_seconds > COSTLY_SECONDS else MOST_MUTANTS)
    result.left_out = len(every) - len(chosen)
    marks = dict(exercise.equivalent_mutants)
    lines = {line for mutant in every for line in _added(mutant)}
    used: set[str] = set()
    for mutant, wrong in zip(
        chosen, sandboxed.first_wrong(chosen, max(LEAST_SECONDS, PATIENCE * call_seconds)), strict=True
    ):
        mark = _mark_of(mutant, marks, lines)
        used.add(mark)
        result.mutants += 1
        told = {"operator": mutant.operator, "diff": mutant.diff}
        if wrong and mark:
            result.faults.append(f"the mark {mark!r} is on a mutant that is caught (in {wrong})")
        if wrong:
            result.killed += 1
        elif mark:
            result.equivalent += 1
            result.equivalents.append({**told, "reason": marks[mark]})
        else:
            result.survivors.append(told)
    if not result.left_out:
        result.faults += [f"the mark {mark!r} is on no mutant any more" for mark in marks if mark not in used]


def _added(mutant: Mutant) -> list[str]:
    return [line[1:].strip() for line in mutant.diff.splitlines() if line.startswith("+")]


def _mark_of(mutant: Mutant, marks: Iterable[str], lines: set[str]) -> str:
    """Return the mark that a mutant bears: a line of its own, else a part of its lines; where a statement is left out, all of them.

    A mark that is a line of some mutant (`lines`) stands for that line alone, whatever other lines begin with it.
    """
    own = _added(mutant)
    return next(
        (
            m
            for m in marks
            if m == mutant.diff or m in own or m not in lines and not m.startswith("-") and m in mutant.diff
        ),
        "",
    )


# ------------------------------------------------------------------------------------------------ a whole run
def chosen_exercises(assignments: list[str], only: str = "") -> list[tuple[str, str]]:
    """Return which exercises to measure, the costly ones first.

    Raises
    ------
    CourseError
        Where there is no such exercise.
    """
    found = [(a, e) for a in assignments or assignment_names() for e in load_assignment(a).exercises if only in ("", e)]
    if not found:
        raise coursedir.CourseError(f"There is no exercise {only!r} in {', '.join(assignments or assignment_names())}.")
    return sorted(found, key=lambda key: -load_assignment(key[0]).exercises[key[1]].seconds)


def _measure_apart(key: tuple[str, str], settings: Settings) -> Quality:
    import warnings

    # Misconceptions and mutants divide by zero and worse; that is what they are for.
    warnings.simplefilter("ignore")
    return measure(*key, settings)


def run(keys: list[tuple[str, str]], settings: Settings, workers: int) -> Iterator[Quality]:
    """Measure exercises in several processes; yield each result when it is there."""
    if workers <= 1 or len(keys) == 1:
        yield from (_measure_apart(key, settings) for key in keys)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in concurrent.futures.as_completed([pool.submit(_measure_apart, key, settings) for key in keys]):
            yield future.result()


def known(path: pathlib.Path, keys: list[tuple[str, str]]) -> list[Quality]:
    """Return the results in a file of an earlier run that hold still: the exercise's module is the same."""
    body: Any = _measured_before(path).get("exercises", [])
    names = {f.name for f in dataclasses.fields(Quality)}
    found = [Quality(**{k: v for k, v in e.items() if k in names}) for e in body]
    return [r for r in found if (r.assignment, r.name) in keys and r.key == exercise_hash(r.assignment, r.name)]


def totals(results: list[Quality]) -> dict[str, Any]:
    """Return the sums over all exercises."""
    names = ("variants", "accepted", "misconceptions", "caught", "named", "mutants", "equivalent", "killed", "left_out")
    body: dict[str, Any] = {name: sum(getattr(r, name) for r in results) for name in names}
    counted = body["mutants"] - body["equivalent"]
    kinds = sorted({kind for r in results for kind in r.told})
    body["told"] = {kind: [sum(r.told.get(kind, [0, 0, 0])[k] for r in results) for k in range(3)] for kind in kinds}
    body["cheapest"] = max((r.cheapest for r in results), default=0.0)
    body["green_loss"] = max((r.green_loss for r in results), default=0.0)
    return {
        **body,
        "exercises": len(results),
        "survived": sum(len(r.survivors) for r in results),
        "named_share": round(body["named"] / max(1, body["misconceptions"]), 4),
        "killed_share": round(body["killed"] / max(1, counted), 4),
    }


def as_json(results: list[Quality], workers: int) -> dict[str, Any]:
    """Return a whole run as plain data; its seconds are those of all exercises, one after the other."""
    ordered = sorted(results, key=lambda r: (r.assignment, r.name))
    exercises = [
        {
            **dataclasses.asdict(r),
            "survived": len(r.survivors),
            "named_share": round(r.named_share, 4),
            "killed_share": round(r.killed_share, 4),
            "shortfalls": r.shortfalls(),
        }
        for r in ordered
    ]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(sum(r.seconds for r in results), 1),
        "workers": workers,
        "seeds": list(SEEDS),
        "targets": {"accepted": 1.0, "caught": 1.0, "named": LEAST_NAMED, "killed": LEAST_KILLED},
        "versions": versions(),
        "most_mutants": MOST_MUTANTS,
        "most_mutants_of_a_costly_exercise": MOST_COSTLY,
        "total": totals(results),
        "exercises": exercises,
    }


# ------------------------------------------------------------------------------------------------ before a release
def _measured_before(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def saved_file() -> pathlib.Path:
    """Return where the results of the last whole run are kept, beside the exercises: they hold for the texts that they name."""
    return exercise_file("quality.json")


def require_saving() -> None:
    """Refuse, before minutes of measuring, to keep results where this account may not write.

    Raises
    ------
    CourseError
        One sentence: where, and what to do.
    """
    place = saved_file().parent
    if not os.access(place, os.W_OK):
        raise coursedir.CourseError(
            f"The results would be kept in {place}, where this account may not write: leave out --save, or run it as who owns the course."
        )


def save(results: list[Quality], path: pathlib.Path | None = None) -> None:
    """Keep what was found, for the next build: hash of the module, and where the exercise falls short."""
    path = path or saved_file()
    body = _measured_before(path)
    body.update({f"{r.assignment}/{r.name}": {"key": r.key, "shortfalls": r.shortfalls()} for r in results})
    coursedir.write_atomically(path, json.dumps(body, indent=1, sort_keys=True) + "\n")
    os.chmod(path, 0o644)


def require_quality(root: pathlib.Path, assignment: str, anyway: bool = False) -> None:
    """Refuse to release an assignment with an exercise that falls short.

    What `photgrader quality` found of an exercise holds as long as its module is the same. An exercise that was changed
    since is tried here, quickly: every variant and every misconception in this process, with no mutants; the result is
    kept in the course's own folder.

    Raises
    ------
    CourseError
        One sentence: which exercise, and what it lacks.
    """
    if anyway or assignment not in assignment_names():
        return
    cache = coursedir.state_folder(root) / CACHE
    saved, fresh = _measured_before(saved_file()), _measured_before(cache)
    for name in _asked(root, assignment):
        key, label = exercise_hash(assignment, name), f"{assignment}/{name}"
        known = next((body[label] for body in (saved, fresh) if body.get(label, {}).get("key") == key), None)
        if known is None:
            known = {"key": key, "shortfalls": _quick(assignment, name)}
            fresh[label] = known
            coursedir.write_atomically(cache, json.dumps(fresh, indent=1, sort_keys=True) + "\n")
        if known["shortfalls"]:
            raise coursedir.CourseError(
                f"{label} falls short and is not released: {known['shortfalls'][0]}. Mend it (photgrader quality {assignment} "
                f"--exercise {name} shows all), or build with --anyway."
            )


def _asked(root: pathlib.Path, assignment: str) -> list[str]:
    """Return the exercises that an assignment's source asks for."""
    exercises = load_assignment(assignment).exercises
    text = "".join(
        p.read_text(encoding="utf-8", errors="replace") for p in (root / "source" / assignment).glob("*.ipynb")
    )
    return [name for name in exercises if f"check({name})" in text]


def _quick(assignment: str, name: str) -> list[str]:
    import warnings

    from photgrader.quality.authoring import shortcomings

    exercise = load_assignment(assignment).exercises[name]
    few = Quality(assignment, name, variants=len(exercise.variants), misconceptions=len(exercise.misconceptions))
    few.accepted, few.caught, few.named, few.cheap_share = (
        few.variants,
        few.misconceptions,
        few.misconceptions,
        exercise.cheap_share,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few.cheapest, few.cheapest_is = highest_cheap(exercise, SEEDS[0])
        return [*few.shortfalls(), *shortcomings(exercise, SEEDS[0])]
