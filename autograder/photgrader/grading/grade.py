"""Grade one submission from beginning to end: intake, cells, verdicts, record. No database here."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from photcheck.spec import ExerciseSpec
from photcheck.verdict import Verdict
from photgrader.coursedir.packages import imports_for
from photgrader.coursedir.record import Hashes, Record
from photgrader.coursedir.settings import Settings, data_folder
from photgrader.exercise import Assignment, exercises_of
from photgrader.grading.answers import by_hand, grade_id_of, left_empty, work_without_function
from photgrader.grading.cells import (
    _guard_plain_tests,
    _tell_repairs,
    check_cells,
    stopped_definitions,
    template_names,
    write_verdict,
)
from photgrader.grading.finding import Repair
from photgrader.grading.hashes import code_hash, judge_hash, written_answers
from photgrader.grading.intake import Intake, written_files
from photgrader.grading.judge import Judge, grading_spec, judge_all, name_mistake, note_supplied, seed_for
from photgrader.grading.record import leaderboard_entry, make_record
from photgrader.grading.run import KernelStarter, Run, Submission, default_starter
from photgrader.grading.whole_tests import put_in_whole_tests, release_hash
from photgrader.sandbox.session import KernelGone, run_folder

log = logging.getLogger("photgrader")


@dataclass
class Graded:
    """A graded submission: the notebook with verdicts in its check cells, the record, what it was drawn from, and the files that it wrote."""

    notebook: NotebookNode
    record: Record
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    specs: dict[str, ExerciseSpec] = field(default_factory=dict)
    wrote: dict[str, bytes] = field(default_factory=dict)


def grade(
    submission: Submission,
    settings: Settings,
    key: bytes,
    start: KernelStarter | None = None,
    skeleton: NotebookNode | None = None,
    seeds: dict[str, int] | None = None,
) -> Graded:
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
    notebook = submission.intake.notebook
    # The warm parent imports while we compute references.
    base = start.prepare(settings, data_folder(), imports_for(_code(submission))) if hasattr(start, "prepare") else None
    assignment = exercises_of(submission.assignment)
    names = template_names(skeleton) if skeleton is not None else ()
    seeds = {
        name: seed_for(key, settings.run, assignment.name, assignment.exercises[name], submission.student)
        for name in check_cells(notebook, assignment)
    } | (seeds or {})
    specs = {
        name: grading_spec(assignment.exercises[name], points, seeds[name], names)
        for name, (_, _, points) in check_cells(notebook, assignment).items()
    }
    submitted = code_hash(notebook, submission.files)
    hidden = put_in_whole_tests(notebook, skeleton)
    verdicts: dict[str, Verdict] = {}
    faults: list[dict[str, str]] = []
    wrote: dict[str, bytes] = {}
    kind = "none"
    if submission.intake.readable:
        # What running changes of a cell is given to it anew, never altered in place.
        sources = [copy.copy(cell) for cell in notebook.cells]
        losses = getattr(start, "losses", int)
        for attempt in range(3):
            before = losses()
            with run_folder(submission.files, base) as (place, uid):
                run = Run(submission, assignment, settings, start, place, uid)
                verdicts = _judge_all(run, assignment, specs, settings)
                faults, kind = run.faults, run.kernel_kind
                wrote = written_files(place.folder, settings, submission.files, f"{submission.notebook}.ipynb")
            if attempt == 2 or losses() == before:
                break
            # Somebody killed the parent of this kernel: that is no fault of the submission's.
            base = start.prepare(settings, data_folder(), ())  # type: ignore[attr-defined]
            notebook.cells = [copy.copy(cell) for cell in sources]
    else:
        state = "missing notebook" if submission.intake.state == "missing" else submission.intake.state
        verdicts = {
            name: Verdict(
                name, spec.title, 0.0, spec.points, state, f"{submission.intake.sentence} A person will look at it."
            )
            for name, spec in specs.items()
        }
    asked = _asked(submission.intake, verdicts, skeleton)
    for name, (cell, _, _) in check_cells(notebook, assignment).items():
        write_verdict(cell, verdicts[name], specs[name], name in asked)
    for cell in notebook.cells:
        # Where nothing could be read, nobody knows what was answered: a person looks at these too.
        if grade_id_of(cell) in submission.intake.asks or (not submission.intake.readable and _for_a_person(cell)):
            cell.metadata["photgrader"] = {"state": "empty", "review": True}
    plain = _guard_plain_tests(notebook, assignment)
    _tell_repairs(notebook, submission.intake)
    extra = {name for name, spec in specs.items() if spec.extra}
    record = make_record(submission, settings, verdicts, seeds, faults, kind, time.perf_counter() - started, extra)
    record = replace(
        record,
        plain_tests=plain,
        hidden_tests=hidden,
        answers=written_answers(notebook),
        hashes=Hashes(submitted, release_hash(skeleton) if skeleton is not None else "", judge_hash()),
        leaderboard=leaderboard_entry(notebook, verdicts),
    )
    return Graded(notebook, record, verdicts, specs, wrote)


def _code(submission: Submission) -> str:
    """Return all code of a submission: of its notebook, and of the modules beside it."""
    modules = [body.decode("utf-8", "replace") for name, body in submission.files.items() if name.endswith(".py")]
    return "\n".join([*(c.source for c in submission.intake.notebook.cells if c.cell_type == "code"), *modules])


def _for_a_person(cell: NotebookNode) -> bool:
    return by_hand(cell) or bool(cell.metadata.get("nbgrader", {}).get("task"))


def _asked(intake: Intake, verdicts: dict[str, Verdict], skeleton: NotebookNode | None) -> set[str]:
    """Return the exercises of which nothing was found while there is work that could be them, and say so: a person looks at them."""
    asked = set()
    for name, verdict in verdicts.items():
        found = (
            work_without_function(name, intake.notebook, skeleton)
            if skeleton is not None
            and (
                verdict.state in ("missing", "not written")
                or (not verdict.points and left_empty(name, intake.notebook))
            )
            else ""
        )
        if found:
            asked.add(name)
            verdict.sentence += f" But {found}: a person will look at it."
            intake.repairs.append(
                Repair(
                    "person asked",
                    f"{name}: nothing to judge was found, but {found}. A person will look at it.",
                    f"{name}: {verdict.state}, but {found}. Please look at it.",
                )
            )
    return asked


def _judge_all(
    run: Run, assignment: Assignment, specs: dict[str, ExerciseSpec], settings: Settings
) -> dict[str, Verdict]:
    try:
        session = run.cells()
    except KernelGone as gone:
        session = None
        run.faults.append({"cell": "start", "state": gone.state, "sentence": "The kernel could not be started."})
    judge = Judge(assignment, settings, run.again, session)
    try:
        verdicts, given = judge_all(judge, specs, stopped_definitions(run.submission.intake.notebook))
        if judge.session is not None:
            # Nothing is asked any more: it ends while its answers are looked at.
            judge.session.kernel.kill()
        verdicts = {name: verdicts[name] for name in specs}
        for name, spec in specs.items():
            verdicts[name] = name_mistake(assignment.exercises[name], spec, verdicts[name])
            if name in given:
                verdicts[name] = note_supplied(verdicts[name], given[name])
    finally:
        judge.close()
    return verdicts
