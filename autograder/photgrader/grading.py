"""Grade one submission from beginning to end: intake, cells, verdicts, record. No database here."""

from __future__ import annotations

import ast
import copy
import datetime
import functools
import hashlib
import importlib.metadata
import inspect
import itertools
import logging
import os
import pathlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from photcourse.check.render import verdict_html
from photcourse.check.spec import ExerciseSpec
from photcourse.check.verdict import CaseVerdict, Verdict
from photgrader.exercise import Assignment, exercises_of, load_assignment
from photgrader.intake import CHECK_CALL, Intake, grade_id_of
from photgrader.judge import REVIEW_STATES, Judge, follow_through, grading_spec, name_mistake, seed_for, told_given
from photgrader.sandbox.session import START_SECONDS, ColdKernel, KernelGone, Session, run_folder
from photgrader.sanitise import clean_outputs
from photgrader.settings import Settings, data_folder

log = logging.getLogger("photgrader")

#: Share of a notebook's time that its own cells may use; the rest is kept for the verdicts.
CELLS_SHARE = 0.6
RECORD_FORMAT = 1


@dataclass
class Submission:
    """What is graded.

    Parameters
    ----------
    student, assignment, notebook : str
        Names.
    intake : Intake
        The notebook in order.
    files : dict of str to bytes
        Further files of the submission, by relative path.
    """

    student: str
    assignment: str
    notebook: str
    intake: Intake
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Graded:
    """A graded submission: the notebook with verdicts in its check cells, the record, and what it was drawn from."""

    notebook: NotebookNode
    record: dict[str, Any]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    specs: dict[str, ExerciseSpec] = field(default_factory=dict)


KernelStarter = Callable[..., Any]


def cold(place: Any, uid: int, settings: Settings, data: str) -> ColdKernel:
    """Start a kernel from nothing."""
    return ColdKernel(place, uid, settings, data)


def default_starter(settings: Settings) -> KernelStarter:
    """Return how kernels are started: forked from this process's warm parent, unless the settings say cold."""
    if not (settings.warm and settings.sandbox):
        return cold
    from photgrader.sandbox import warm

    return warm.starter()


def check_cells(notebook: NotebookNode, assignment: Assignment) -> dict[str, tuple[NotebookNode, str, float]]:
    """Return the check cells: exercise name to (cell, grade_id, points)."""
    found = {}
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        call = CHECK_CALL.match(cell.source) if cell.cell_type == "code" and marks.get("grade") else None
        if call and call.group(1) in assignment.exercises:
            found[call.group(1)] = (cell, grade_id_of(cell), float(marks.get("points", 0)))
    return found


def template_names(notebook: NotebookNode) -> tuple[str, ...]:
    """Return the variables that the cells of a notebook assign at the top level."""
    names: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        for node in tree.body:
            for inner in ast.walk(node) if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With)) else ():
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    names.add(inner.id)
    return tuple(sorted(names))


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that a verdict depends on."""
    names = ("photgrader", "photcourse", "numpy", "scipy", "astropy", "photutils", "scikit-image", "nbgrader")
    return {name: importlib.metadata.version(name) for name in names}


class Run:
    """The run of one submission's cells, with the kernel started again where it dies."""

    def __init__(self, submission: Submission, assignment: Assignment, settings: Settings, start: KernelStarter, place: Any, uid: int) -> None:
        self.submission, self.assignment, self.settings = submission, assignment, settings
        self._start, self._place, self._uid = start, place, uid
        self.deadline = time.monotonic() + settings.limits.notebook_seconds
        self.cells_until = time.monotonic() + CELLS_SHARE * settings.limits.notebook_seconds
        self.faults: list[dict[str, str]] = []
        self._harmful: set[int] = set()
        self.kernel_kind = ""

    def session(self) -> Session:
        """Start a kernel; how long that takes on a busy machine is no part of the submission's time."""
        began = time.monotonic()
        kernel = self._start(self._place, self._uid, self.settings, data_folder())
        self.kernel_kind = getattr(kernel, "kind", type(kernel).__name__)
        session = Session(kernel, self._place, self.settings, max(self.deadline, time.monotonic() + START_SECONDS))
        try:
            session.wait_ready()
            spent = time.monotonic() - began
            self.deadline, self.cells_until = self.deadline + spent, self.cells_until + spent
            session.deadline = self.deadline
            if not kernel.has_probe:
                session.run("import photcourse.check.probe", keep=False)
        except BaseException:
            session.close()
            raise
        return session

    def cells(self) -> Session | None:
        """Run all cells, writing their outputs into the notebook; return the session, or None if none lives."""
        session: Session | None = self.session()
        graded = check_cells(self.submission.intake.notebook, self.assignment)
        checks = {id(cell): name for name, (cell, _, _) in graded.items()}
        cells = [(i, c) for i, c in enumerate(self.submission.intake.notebook.cells) if c.cell_type == "code" and c.source.strip()]
        stashed: set[str] = set()
        for (index, cell), (_, following) in itertools.pairwise([*cells, (-1, None)]):
            if session is None or time.monotonic() > self.cells_until:
                self._not_run(cell)
                continue
            try:
                if id(cell) in checks:
                    if checks[id(cell)] not in stashed:
                        session.run(_stash(checks[id(cell)]), keep=False)
                elif not CHECK_CALL.match(cell.source):
                    name = checks.get(id(following), "")
                    if self._run_cell(session, cell, index, _stash(name) if name else ""):
                        stashed.add(name)
            except KernelGone as gone:
                session.close()
                session = self._after_death(gone, cell, index)
        return session

    def _run_cell(self, session: Session, cell: NotebookNode, index: int, after: str) -> bool:
        """Run a cell; return whether it ended well, which is when the expression after it is evaluated."""
        run = session.run(cell.source, min(self.settings.limits.cell_seconds, max(1.0, self.cells_until - time.monotonic())), after=after)
        # What is shown of a student's is harmless from here on; our own verdicts are written later.
        cell.outputs, cell.execution_count = clean_outputs(run.outputs), run.execution_count
        if run.status == "timeout":
            self._harmful.add(index)
            self._fault(cell, index, "timeout", f"This cell was stopped after {run.seconds:.0f} s.")
        if run.cut:
            self._fault(cell, index, "output too long", "The output of this cell was cut: there is too much of it.")
        return run.status == "ok"

    def _fault(self, cell: NotebookNode, index: int, state: str, sentence: str) -> None:
        self.faults.append({"cell": str(index), "state": state, "sentence": sentence})
        cell.outputs = [*cell.outputs, nbformat.v4.new_output("stream", name="stdout", text=f"[grader] {sentence}\n")]

    def _not_run(self, cell: NotebookNode) -> None:
        if not CHECK_CALL.match(cell.source):
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="[grader] This cell was not run: no time was left.\n")]
            if not any(f["state"] == "timeout" and f["cell"] == "rest" for f in self.faults):
                self.faults.append({"cell": "rest", "state": "timeout", "sentence": "The time for the whole notebook was used up."})

    def _after_death(self, gone: KernelGone, cell: NotebookNode, index: int) -> Session | None:
        self._harmful.add(index)
        words = {"out of memory": "used more memory than there is", "too many files": "wrote more files than it may",
                 "timeout": "could not be stopped after its time"}.get(gone.state, "ended the kernel")
        self._fault(cell, index, gone.state, f"This cell {words}; the rest of the notebook was run in a fresh kernel without it.")
        return self.again(index) if len(self._harmful) <= 3 else None

    def again(self, upto: int | None = None) -> Session | None:
        """Start a fresh kernel and bring it to where the notebook was, leaving out the cells that did harm."""
        if time.monotonic() > self.deadline - 2:
            return None
        session = None
        try:
            session = self.session()
            graded = check_cells(self.submission.intake.notebook, self.assignment)
            checks = {id(cell): name for name, (cell, _, _) in graded.items()}
            for index, cell in enumerate(self.submission.intake.notebook.cells[:upto]):
                if cell.cell_type != "code" or index in self._harmful or not cell.source.strip():
                    continue
                if id(cell) in checks:
                    session.run(_stash(checks[id(cell)]), keep=False)
                elif not CHECK_CALL.match(cell.source):
                    session.run(cell.source, keep=False)
            return session
        except KernelGone:
            if session is not None:
                session.close()
            return None


def _stash(name: str) -> str:
    return f"__import__('photcourse.check.probe', fromlist=['stash']).stash(get_ipython().user_ns, {name!r})"


def grade(submission: Submission, settings: Settings, key: bytes, start: KernelStarter | None = None, skeleton: NotebookNode | None = None,
          seeds: dict[str, int] | None = None) -> Graded:
    """Grade a submission.

    Parameters
    ----------
    submission : Submission
        What came in.
    settings : Settings
        Limits and the run's label.
    key : bytes
        The course's key, for the seeds of hidden cases.
    start : callable
        Starts a kernel; by default forked from a warm parent, where the settings and the system allow it.
    skeleton : NotebookNode, optional
        The notebook as handed out, for the names of its variables.
    seeds : dict of str to int, optional
        Seeds of the hidden cases by exercise, to repeat a verdict; by default made from `key`.

    Returns
    -------
    Graded
        Always: whatever happens has a named state.
    """
    started = time.perf_counter()
    start = start or default_starter(settings)
    # The warm parent imports while we compute references.
    base = start.prepare(settings, data_folder()) if hasattr(start, "prepare") else None
    assignment = exercises_of(submission.assignment)
    notebook = submission.intake.notebook
    names = template_names(skeleton) if skeleton is not None else ()
    seeds = {name: seed_for(key, settings.run, assignment.name, assignment.exercises[name], submission.student)
             for name in check_cells(notebook, assignment)} | (seeds or {})
    specs = {name: grading_spec(assignment.exercises[name], points, seeds[name], names)
             for name, (_, _, points) in check_cells(notebook, assignment).items()}
    submitted = code_hash(notebook, submission.files)
    verdicts: dict[str, Verdict] = {}
    faults: list[dict[str, str]] = []
    kind = "none"
    if submission.intake.readable:
        sources = copy.deepcopy(notebook)
        losses = getattr(start, "losses", int)
        for attempt in range(3):
            before = losses()
            with run_folder(submission.files, base) as (place, uid):
                run = Run(submission, assignment, settings, start, place, uid)
                verdicts = _judge_all(run, assignment, specs, settings)
                faults, kind = run.faults, run.kernel_kind
            if attempt == 2 or losses() == before:
                break
            # Somebody killed the parent of this kernel: that is no fault of the submission's.
            base = start.prepare(settings, data_folder())  # type: ignore[attr-defined]
            notebook.cells = copy.deepcopy(sources.cells)
    else:
        state = "missing notebook" if submission.intake.state == "missing" else submission.intake.state
        verdicts = {name: Verdict(name, spec.title, 0.0, spec.points, state, f"{submission.intake.sentence} A person will look at it.")
                    for name, spec in specs.items()}
    for name, (cell, _, _) in check_cells(notebook, assignment).items():
        write_verdict(cell, verdicts[name], specs[name])
    plain = _guard_plain_tests(notebook, assignment)
    _tell_repairs(notebook, submission.intake)
    record = make_record(submission, settings, verdicts, seeds, faults, kind, time.perf_counter() - started)
    record["plain_tests"] = plain
    record["hashes"] = {"submission": submitted, "release": code_hash(skeleton) if skeleton is not None else "", "judge": judge_hash()}
    board = leaderboard_entry(notebook, verdicts)
    if board:
        record["leaderboard"] = board
    return Graded(notebook, record, verdicts, specs)


def code_hash(notebook: NotebookNode, files: dict[str, bytes] | None = None) -> str:
    """Return the hash of what runs of a notebook: the sources of its code cells, in order, and the files beside it."""
    sources = [c.source.encode("utf-8", "backslashreplace") for c in notebook.cells if c.cell_type == "code"]
    return content_hash(*sources, *(part for name, body in sorted((files or {}).items()) for part in (name.encode(), body)))


@functools.cache
def exercise_hash(assignment: str, name: str) -> str:
    """Return the hash of an exercise's module and of the modules that make its cases."""
    module = pathlib.Path(inspect.getsourcefile(load_assignment(assignment).exercises[name].solve_by) or "")
    return content_hash(*(p.read_bytes() for p in [module, *sorted(module.parent.glob("_*.py"))]))


@functools.cache
def judge_hash() -> str:
    """Return the hash of the code that compares answers and draws verdicts."""
    import photcourse.check

    folder = pathlib.Path(str(photcourse.check.__file__)).parent
    return content_hash(*(p.read_bytes() for p in [*sorted(folder.rglob("*.py")), pathlib.Path(__file__).with_name("judge.py")]))


def leaderboard_entry(notebook: NotebookNode, verdicts: dict[str, Verdict]) -> dict[str, Any] | None:
    """Return a student's line on the leaderboard of an exercise on a scale, where the student asked for one.

    A student asks by a cell ``LEADERBOARD_NAME = "..."``, read as text and not run. The figures are the means
    over the hidden cases.
    """
    name = ""
    for cell in notebook.cells:
        found = re.search(r"""^LEADERBOARD_NAME\s*=\s*(["'])(.{1,40}?)\1\s*(?:#.*)?$""", cell.source, re.M) if cell.cell_type == "code" else None
        name = found.group(2) if found else name
    for verdict in verdicts.values():
        judged: list[tuple[Any, CaseVerdict]] = [(getattr(v.case.comparator, "figures", None), v) for v in verdict.cases if v.case.hidden]
        scaled = [(figures, v) for figures, v in judged if figures is not None and hasattr(v.answer, "colnames")]
        if name and scaled:
            try:
                rows = [figures(v.answer, v.case.expected, v.seconds) for figures, v in scaled]
            except ValueError:
                continue
            return {"name": name, "figures": {k: round(sum(r[k] for r in rows) / len(rows), 4) for k in rows[0]}}
    return None


def _guard_plain_tests(notebook: NotebookNode, assignment: Assignment) -> dict[str, str]:
    """See to it that a graded cell without a verdict earns nothing, and that a person looks at it.

    nbgrader gives full marks to a test cell without outputs, be it that the cell was never run. Returns the
    cells that an instructor tests in nbgrader's plain way, in the student's own kernel: ``"run"`` or why not.
    """
    judged = {id(cell) for cell, _, _ in check_cells(notebook, assignment).values()}
    states = {}
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not marks.get("grade") or marks.get("solution") or id(cell) in judged:
            continue
        run = cell.execution_count is not None
        states[grade_id_of(cell)] = "run" if run else "not run"
        if not run:
            known = CHECK_CALL.match(cell.source)
            why = f"there is no exercise {known.group(1)!r}; tell your instructor" if known else "this test could not be run"
            cell.outputs = [*cell.outputs, nbformat.v4.new_output("error", ename="NotGraded", evalue=why, traceback=[f"NotGraded: {why}. A person will look at it."])]
            cell.metadata["photgrader"] = {"state": "not run", "review": True}
    return states


def _judge_all(run: Run, assignment: Assignment, specs: dict[str, ExerciseSpec], settings: Settings) -> dict[str, Verdict]:
    try:
        session = run.cells()
    except KernelGone as gone:
        session = None
        run.faults.append({"cell": "start", "state": gone.state, "sentence": "The kernel could not be started."})
    judge = Judge(assignment, settings, run.again, session)
    verdicts: dict[str, Verdict] = {}
    given: dict[str, tuple[str, ...]] = {}
    try:
        for name, spec in specs.items():
            # What calls a function without an end would not end either; it is judged with that one supplied.
            endless = tuple(d for d in assignment.exercises[name].depends if d in verdicts and verdicts[d].state == "timeout")
            verdicts[name] = judge.judge(assignment.exercises[name], spec, supply=endless)
            verdicts[name].notes += [f"judged, given your {d}" for d in endless]
        given = follow_through(judge, verdicts, specs, stopped_definitions(run.submission.intake.notebook))
    finally:
        judge.close()
    for name, spec in specs.items():
        verdicts[name] = name_mistake(assignment.exercises[name], spec, verdicts[name])
        if name in given:
            verdicts[name] = told_given(verdicts[name], given[name])
    return verdicts


def stopped_definitions(notebook: NotebookNode) -> dict[str, str]:
    """Return the functions whose defining cell ended in an error: name to the name that the error is about."""
    found = {}
    for cell in notebook.cells:
        error = next((o for o in cell.get("outputs", ()) if o.output_type == "error"), None) if cell.cell_type == "code" else None
        if error is None:
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        over = _error_is_about(error)
        for node in tree.body:
            names = [node.name] if isinstance(node, ast.FunctionDef) else [t.id for t in getattr(node, "targets", ()) if isinstance(t, ast.Name)]
            found.update({name: over for name in names})
    return found


def _error_is_about(error: NotebookNode) -> str:
    """Return the function that an error of a cell comes from: the missing name, or the innermost function of its traceback."""
    missing = re.match(r"name '(\w+)' is not defined", str(error.get("evalue", "")))
    if missing:
        return missing.group(1)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(str(line) for line in error.get("traceback", ())))
    inside = re.findall(r"^(?:Cell In\s?\[?\d+\]?|File [^\n]*?), (?:line \d+, in )?(\w+)\(", plain, re.M)
    return inside[-1] if inside else ""


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def write_verdict(cell: NotebookNode, verdict: Verdict, spec: ExerciseSpec) -> None:
    """Replace a check cell's outputs by the verdict, in the form that nbgrader reads."""
    html = verdict_html(verdict, spec, graded=True)
    data = {"text/plain": _number(verdict.points), "text/html": html}
    cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=1, metadata={})]
    cell.execution_count = 1
    cell.metadata["photgrader"] = {"state": verdict.state, "review": verdict.state in REVIEW_STATES | {"skipped"}, "exercise": verdict.exercise}


def _tell_repairs(notebook: NotebookNode, intake: Intake) -> None:
    sentences = [r.student for r in intake.repairs] + ([intake.sentence] if intake.sentence else [])
    if not sentences:
        return
    text = "**What the grader found in your file**\n\n" + "\n".join(f"- {s}" for s in sentences)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id="grader-note"))


def make_record(submission: Submission, settings: Settings, verdicts: dict[str, Verdict], seeds: dict[str, int],
                faults: list[dict[str, str]], kernel: str, seconds: float) -> dict[str, Any]:
    """Return the record of a graded submission: plain data, enough to repeat each verdict."""
    intake = submission.intake
    return {
        "format": RECORD_FORMAT, "student": submission.student, "assignment": submission.assignment, "notebook": submission.notebook,
        "run": settings.run, "graded": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "state": _overall(intake, verdicts, faults), "intake": intake.state, "sandbox": settings.sandbox, "kernel": kernel,
        "repairs": [{"kind": r.kind, "student": r.student, "grader": r.grader} for r in intake.repairs], "sentence": intake.sentence,
        "faults": faults, "seconds": round(seconds, 3), "versions": versions(),
        "points": round(sum(v.points for v in verdicts.values()), 4), "max_points": sum(v.max_points for v in verdicts.values()),
        "exercises": {name: {**_exercise_record(v, seeds[name]), "code": exercise_hash(submission.assignment, name)} for name, v in verdicts.items()},
    }


def _overall(intake: Intake, verdicts: dict[str, Verdict], faults: list[dict[str, str]]) -> str:
    if not intake.readable:
        return "missing notebook" if intake.state == "missing" else intake.state
    for state in ("kernel died", "out of memory", "too many files", "timeout"):
        if any(f["state"] == state for f in faults) or any(v.state == state for v in verdicts.values()):
            return state
    return intake.state if intake.state == "repaired" else "graded"


def _exercise_record(verdict: Verdict, seed: int) -> dict[str, Any]:
    return {
        "points": verdict.points, "max_points": verdict.max_points, "state": verdict.state, "sentence": verdict.sentence,
        "hint": verdict.hint_id, "hint_title": verdict.hint.title if verdict.hint else "", "symptom": verdict.symptom,
        "seed": seed, "notes": verdict.notes,
        "cases": [{"name": v.case.name, "tests": v.case.tests, "hidden": v.case.hidden, "weight": v.case.points,
                   "score": round(v.finding.score, 6), "kind": v.finding.kind, "symptom": v.finding.symptom, "seconds": round(v.seconds, 4)}
                  for v in verdict.cases],
    }


def content_hash(*parts: bytes) -> str:
    """Return the hash that names a submission's content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _is_text(name: str) -> bool:
    """Tell whether a file's name is text: one of other bytes can be neither hashed nor sent as such."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_files(folder: pathlib.Path, settings: Settings, skip: str) -> dict[str, bytes]:
    """Read the further files of a submission, bounded in number and size, links and notebooks left out."""
    found: dict[str, bytes] = {}
    total = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [f for f in sorted(folders) if f not in (".ipynb_checkpoints", "checks") and not f.startswith(".")]
        for name in sorted(names):
            path = pathlib.Path(root) / name
            relative = path.relative_to(folder).as_posix()
            if name.endswith((".ipynb", ".zip")) or name in (skip, "timestamp.txt") or path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
            if len(found) >= 200 or size > 20_000_000 or total + size > 50_000_000 or not _is_text(relative):
                log.warning("file %r of the submission was left out: too many, too large or oddly named", relative)
                continue
            total += size
            found[relative] = path.read_bytes()
    return found
