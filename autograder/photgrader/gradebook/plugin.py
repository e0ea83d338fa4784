"""The course inside nbgrader: configured by ``nbgrader_config.py``, no fork.

- A release carries the check files of its exercises (`FreezeChecks`).
- Autograding takes submissions in whatever state they are (`LenientExporter`, and `init_notebooks`, which finds
  submissions whose notebook is missing or renamed), runs them in the jail and writes verdicts made outside of
  it into the check cells (`TrustedExecute`), which nbgrader's own SaveAutoGrades then reads (`SaveVerdicts`).

Most of this is nbgrader's configuration. What has no setting is put in place of nbgrader's own (`install`): how submissions
are found (``Autograde.init_notebooks``), which files travel with them (``converters.base.find_all_files``), the time of a
submission (``CourseDirectory.get_existing_timestamp``), the layout of a new gradebook (``api.get_alembic_version``), the exporter of the formgrader's pages; while a result is merged, its
check of schemas (`photgrader.gradebook.writer`). `PRIVATE` lists them, and a test looks that nbgrader has them still.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import fnmatch
import gc
import importlib
import json
import os
import pathlib
import shutil
import sys
import warnings
from dataclasses import replace
from typing import Any

import nbformat
import nbgrader.api
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import base as nbgrader_base
from nbgrader.converters.autograde import Autograde
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.converters.generate_feedback import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import compute_checksum, is_grade, is_solution
from sqlalchemy.exc import SAWarning

from photcheck import wire
from photcheck.spec import ExerciseSpec
from photcheck.student import REHEARSAL
from photgrader import coursedir
from photgrader.coursedir import CourseError, trees
from photgrader.coursedir.deadlines import load_deadlines
from photgrader.coursedir.record import Record
from photgrader.coursedir.settings import SettingsError
from photgrader.exercise import Exercise, assignment_names, load_assignment, use_course
from photgrader.exercise.archive import archive_cases
from photgrader.gradebook import app
from photgrader.gradebook.hidden_tests import skeleton_to_grade
from photgrader.gradebook.readable import refuse_unreadable
from photgrader.gradebook.rubric import MarkingExporter
from photgrader.grading.cells import check_cells, template_names
from photgrader.grading.finding import known_time
from photgrader.grading.grade import Graded
from photgrader.grading.intake import OLD_MARKS, has_old_marks
from photgrader.grading.task import RunContext, Task
from photgrader.grading.worker import Hand
from photgrader.sandbox.jail import SandboxMissing, require_python, require_sandbox

#: Names of nbgrader's that this leans on and that are no public setting of it: module, then name.
PRIVATE = (
    ("nbgrader.api", "get_alembic_version"),
    ("nbgrader.converters.autograde", "Autograde.init_notebooks"),
    ("nbgrader.converters.autograde", "Autograde._sanitizing"),
    ("nbgrader.converters.base", "find_all_files"),
    ("nbgrader.converters.base", "BaseConverter._format_source"),
    ("nbgrader.converters.base", "BaseConverter.init_assignment"),
    ("nbgrader.coursedir", "CourseDirectory.get_existing_timestamp"),
    ("nbgrader.preprocessors", "SaveAutoGrades._add_score"),
    ("nbgrader.server_extensions.formgrader.formgrader", "HTMLExporter"),
    ("nbgrader.server_extensions.formgrader.handlers", "SubmissionFilesHandler.content_security_policy"),
    ("nbgrader.nbgraderformat.common", "jsonschema"),
)
#: What plain nbgrader puts in the place of a solution.
NBGRADERS_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
#: Results that a worker made beforehand, by (assignment, student, notebook); used once.
PREPARED: dict[tuple[str, str, str], Graded] = {}
#: Check files that are known to be what would be made now, by assignment: a file's path below the release to its content.
FROZEN: dict[str, dict[str, bytes]] = {}
#: Longest answers of mistakes that travel with the fresh cases of a release.
FEW_BYTES = 4000
#: The worker of this process: nbgrader's own commands and the formgrader open nothing of a student's either.
_HAND = Hand()
# As for our own commands: nothing of all that was imported is looked through for garbage when the process ends.
atexit.register(gc.freeze)
atexit.register(_HAND.close)


# --------------------------------------------------------------------------------------------- release
class RefuseUnreadable(NbGraderPreprocessor):
    """Refuses a notebook whose questions or contracts would not reach students (`photgrader.gradebook.readable`), whoever makes the release."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Leave the notebook as it is, or end the release."""
        try:
            refuse_unreadable(nb, resources["nbgrader"]["assignment"])
        except CourseError as problem:
            if resources["nbgrader"]["assignment"] in assignment_names():
                raise NbGraderException(str(problem)) from problem
            # An assignment with nbgrader's plain tests alone is released as its instructor is used to.
            self.log.warning("%s", str(problem).replace("is not released", "is released, but look at it again"))
        return nb, resources


class FreezeChecks(NbGraderPreprocessor):
    """Write the check file of every check cell into the release (`photcheck.spec`)."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Add the files to what nbgrader writes beside the notebook."""
        name = resources["nbgrader"]["assignment"]
        if name in assignment_names():
            resources.setdefault("outputs", {})
            made = FROZEN.get(name) or {
                f"checks/{file_name}": text.encode("utf-8") for file_name, text in frozen_checks(nb, name).items()
            }
            resources["outputs"].update(made)
        return nb, resources


def frozen_checks(notebook: NotebookNode, assignment_name: str) -> dict[str, str]:
    """Return the check files of a notebook's check cells: file name to text."""
    assignment = load_assignment(assignment_name)
    names = template_names(notebook)
    files = {}
    for place, (name, (_, _, points)) in enumerate(check_cells(notebook, assignment).items()):
        exercise = assignment.exercises[name]
        spec = exercise.spec(points, template_names=names)
        spec.cases = [c for c in spec.cases if c.origin != "archive"] + archive_cases(assignment_name, name)
        fresh = rehearsal(exercise, points, names)
        spec.place, spec.also = (
            place,
            tuple(dict.fromkeys(c.tests for c in fresh.cases if c.name not in exercise.shown)),
        )
        files[f"{name}.json"] = spec.dumps()
        if fresh.cases:
            files[f"{REHEARSAL}/{name}.json"] = fresh.dumps()
    return files


def rehearsal(exercise: Exercise, points: float, names: tuple[str, ...]) -> ExerciseSpec:
    """Return an exercise with fresh cases of the kinds that grading takes, to travel with the release.

    Their seed is none of grading's, which come from the course's key (`photgrader.grading.judge.seed_for`).
    """
    # What is judged on a scale has a practice field of its own.
    made = [] if hasattr(exercise.compare, "figures") else exercise.public_cases("rehearsal")
    cases = [exercise.case_spec(c, False) for c in made]
    for kept in cases:
        exercise.fingerprint(kept)
        # Long answers of mistakes would be the larger part of the release.
        kept.fingerprints = {k: v for k, v in kept.fingerprints.items() if len(json.dumps(wire.encode(v))) <= FEW_BYTES}
    return exercise.spec_of(cases, points, names)


class LenientExporter(NotebookExporter):
    """Takes submissions from the worker that reads and grades them, in whatever state they are (`photgrader.grading.worker`)."""

    def from_filename(self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Read a submission in the first pass; anything else as usual."""
        if not getattr(self.parent, "_sanitizing", False):
            return super().from_filename(filename, resources, **kwargs)
        assert resources is not None
        names = resources["nbgrader"]
        assert self.parent is not None
        if _key(names) not in PREPARED:
            folder = pathlib.Path(filename).parent
            graded = _graded(
                pathlib.Path(self.parent.coursedir.root), names, folder, str(self.config.Execute.get("timeout") or "")
            )
            if any(r.kind == OLD_MARKS for r in graded.record.repairs):
                # As nbgrader's own command does; `photgrader grade` takes it as it is, since nothing hangs on these marks.
                raise NbGraderException(
                    f"{names['student']} was not graded: the marks in {filename} are of an older nbgrader. Back the course up, then "
                    f"bring them up to date with: nbgrader update {folder}"
                )
            PREPARED[_key(names)] = graded
        # Graded already: of what this pass reads and cleans, the next one uses nothing (`TrustedExecute`), least of all pictures.
        graded_one = PREPARED[_key(names)].notebook
        cells = [NotebookNode({**c, "outputs": []}) if "outputs" in c else c for c in graded_one.cells]
        return json.dumps({**graded_one, "cells": cells}), self._init_resources(resources)


def _graded(root: pathlib.Path, names: dict[str, str], folder: pathlib.Path, seconds: str = "") -> Graded:
    """Let a worker grade a submission, as `photgrader grade` does: the same path, the same limits, the same states."""
    settings = coursedir.settings(root)
    # nbgrader's own setting says how long a cell may take; from the command line it comes as text.
    if seconds.isdecimal():
        whole = max(settings.limits.notebook_seconds, float(seconds))
        settings = replace(
            settings, limits=replace(settings.limits, cell_seconds=float(seconds), notebook_seconds=whole)
        )
    try:
        if settings.sandbox:
            require_sandbox()
            require_python(settings.python)
    except (SandboxMissing, SettingsError) as problem:
        raise NbGraderException(str(problem)) from problem
    handed_out = skeleton_to_grade(root, names["assignment"], names["notebook"], names.get("db_url", ""))
    if has_old_marks(handed_out.cells):
        MetadataValidator().upgrade_notebook_metadata(handed_out)
    skeleton = nbformat.writes(handed_out)
    task = Task(
        names["student"],
        names["assignment"],
        names["notebook"],
        str(folder.absolute()),
        skeleton,
        settings,
        coursedir.key(root),
        releases=str(root / "release"),
        others=coursedir.other_notebooks(root, names["assignment"], names["notebook"]),
    )
    result = _HAND.do(task, RunContext.of([task]))
    if isinstance(result, str):
        raise NbGraderException(f"{names['student']} was not graded: {result}.")
    wrote = {file: base64.b64decode(text) for file, text in result.get("files", {}).items()}
    return Graded(nbformat.reads(result["notebook"], as_version=4), Record.read(result["record"]), wrote=wrote)


def _key(names: dict[str, str]) -> tuple[str, str, str]:
    return names["assignment"], names["student"], names["notebook"]


class TrustedExecute(NbGraderPreprocessor):
    """Runs a submission in the jail and writes verdicts into its check cells."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Replace the notebook's cells by the graded ones and keep the record."""
        names = resources["nbgrader"]
        root = pathlib.Path(self.parent.parent.coursedir.root)
        graded = PREPARED.pop(_key(names))
        nb.cells = graded.notebook.cells
        before = coursedir.read_record(
            coursedir.record_path(root, names["assignment"], names["student"], names["notebook"])
        )
        resources["photgrader_before"] = {n: e.points for n, e in before.exercises.items()} if before else {}
        # A person's mark stands as long as the answer is the one that was marked.
        known, now = before.answers if before else {}, graded.record.answers
        resources["photgrader_same"] = {name for name, text in now.items() if known.get(name) == text}
        coursedir.write_record(root, graded.record)
        # As with plain nbgrader, what a notebook wrote is kept beside it.
        resources["outputs"] = {**(resources.get("outputs") or {}), **graded.wrote}
        return nb, resources


class SaveVerdicts(SaveAutoGrades):
    """Saves scores as nbgrader does, extra credit in its own field, and asks for a person where no verdict could be had."""

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        name = cell.metadata["nbgrader"]["grade_id"]
        score = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        waited = bool(score.needs_manual_grade)
        super()._add_score(cell, resources)
        verdict = cell.metadata.get("photgrader", {})
        if verdict.get("review"):
            score.needs_manual_grade = True
        elif score.manual_score is not None and name in resources.get("photgrader_same", ()):
            score.needs_manual_grade = waited
        if "extra" in verdict:
            written = resources.get("photgrader_before", {}).get(verdict["exercise"])
            # What neither the last grading wrote nor nobody, a person has put there: it stays.
            if score.extra_credit in (None, written):
                score.extra_credit = verdict["extra"]["points"]
        self.gradebook.db.commit()

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Save a cell's score; a warning printed by a plain test cell costs nothing, and nbgrader's own stub is no answer."""
        if is_solution(cell) and cell.source.strip() == NBGRADERS_STUB:
            # From a release that plain nbgrader made: to the gradebook it is as untouched as our own stub.
            cell.metadata["nbgrader"]["checksum"] = compute_checksum(cell)
        if is_grade(cell) and cell.cell_type == "code" and not any(o.output_type == "error" for o in cell.outputs):
            cell.outputs = [o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")]
        return super().preprocess_cell(cell, resources, cell_index)


# --------------------------------------------------------------------------------------------- overrides
#: A file of a student's that a grader opens from the formgrader's page, a page with scripts perhaps, has none of the server's rights.
FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
#: Of a submission's further files, what is copied beside the graded notebook.
MAX_COPIED, MAX_COPIED_BYTES = 200, 50_000_000


def _regular_files(path: str, exclude: list[str] | None = None) -> list[str]:
    """Return the regular files below a folder as nbgrader's own function does, without links, recursion or an end that a student sets."""
    found: list[str] = []
    total = 0
    for entry in trees.files_below(path, hidden=True):
        parts = pathlib.Path(entry.path).relative_to(path).parts
        if any(fnmatch.fnmatch(part, pattern) for part in parts for pattern in exclude or ()):
            continue
        total += entry.stat(follow_symlinks=False).st_size
        if len(found) >= MAX_COPIED or total > MAX_COPIED_BYTES:
            break
        found.append(entry.path)
    return found


def _init_feedback(self: GenerateFeedback, assignment_id: str, student_id: str) -> None:
    """Put beside a feedback page what was handed in and written, as nbgrader does, but for pages: a student's would be shown and released as ours."""
    ignored = self.coursedir.ignore
    self.coursedir.ignore = [*ignored, "*.html"]
    try:
        BaseConverter.init_assignment(self, assignment_id, student_id)
    finally:
        self.coursedir.ignore = ignored


def _init_notebooks(self: Autograde) -> None:
    """Find submissions by their folders: a missing or renamed notebook is a state, not a reason to stop."""
    self.assignments, self.notebooks = {}, []
    root = pathlib.Path(self.coursedir.root)
    try:
        # Before anything is graded, not at the first submission.
        load_deadlines(root)
        if self.config.Execute.get("enabled") is False:
            self.log.warning(
                "--no-execute is not followed: it would take marks from outputs that students wrote themselves, and this grader runs every submission."
            )
        for notebook in coursedir.notebooks(root, self.coursedir.assignment_id):
            with contextlib.suppress(FileNotFoundError):
                coursedir.require_python_notebook(
                    coursedir.skeleton(root, self.coursedir.assignment_id, notebook), notebook
                )
        # Listed, not matched: names may hold what a pattern would read as its own.
        places = coursedir.submitted(root, self.coursedir.assignment_id, self.coursedir.student_id)
    except CourseError as problem:
        self.log.error(str(problem))
        raise NbGraderException(str(problem)) from problem
    remove_empty(root, self.coursedir.assignment_id, self.coursedir.student_id)
    pattern = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
    for place in places:
        folder = self._format_source(place.name, place.parent.name)
        wanted = [
            n for n in coursedir.notebooks(root, place.name) if fnmatch.fnmatchcase(n, self.coursedir.notebook_id)
        ]
        if wanted:
            self.assignments[folder] = [os.path.join(folder, f"{n}.ipynb") for n in wanted]
    if not self.assignments:
        message = (
            f"No notebooks were matched by {pattern}. Collect them first (nbgrader collect {self.coursedir.assignment_id}), and make the "
            "release if there is none (nbgrader generate_assignment)."
        )
        self.log.error(message)
        raise NbGraderException(message)


def remove_empty(root: pathlib.Path, assignment: str, student: str = "*") -> None:
    """Remove autograded folders without a notebook: an interrupted run leaves them, and nbgrader takes them for graded.

    Of one student's merge only that student's: to look through a class with each of its merges costs the square of its size.
    """
    one = os.path.isdir(root / "submitted" / student)
    for folder in (
        [root / "autograded" / student / assignment] if one else (root / "autograded").glob(f"*/{assignment}")
    ):
        if folder.is_dir() and not folder.is_symlink() and not any(folder.glob("*.ipynb")):
            shutil.rmtree(folder)


def install() -> None:
    """Put the overrides in place (see `PRIVATE`); doing it twice does no harm."""
    # nbgrader's own handling of its database sessions; nothing a grader can act on.
    warnings.filterwarnings("ignore", category=SAWarning)
    if Autograde.init_notebooks is not _init_notebooks:
        Autograde.init_notebooks = _init_notebooks
        GenerateFeedback.init_assignment = _init_feedback
        nbgrader_base.find_all_files = _regular_files
        # nbgrader ends the run where a student's file holds no time.
        CourseDirectory.get_existing_timestamp = lambda self, path: known_time(path)
        nbgrader.api.get_alembic_version = app.layout
    formgrader = sys.modules.get("nbgrader.server_extensions.formgrader.formgrader")
    if formgrader is not None:
        # In a formgrader, its pages load no script from elsewhere either, and the rubric stands beside the answer.
        formgrader.HTMLExporter = MarkingExporter  # type: ignore[attr-defined]
        handlers = importlib.import_module("nbgrader.server_extensions.formgrader.handlers")
        handlers.SubmissionFilesHandler.content_security_policy = property(lambda self: FILE_POLICY)  # type: ignore[attr-defined]


def configure(c: Any, root: pathlib.Path) -> None:
    """Configure nbgrader for a course; called by its ``nbgrader_config.py``.

    Parameters
    ----------
    c : traitlets.config.Config
        nbgrader's configuration.
    root : Path
        The course's root.
    """
    install()
    use_course(root)
    app.scripts_on_path()
    here = "photgrader.gradebook.plugin"
    p = "nbgrader.preprocessors"
    c.CourseDirectory.root = str(root)
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache"]
    c.ClearSolutions.code_stub = {
        "python": '# YOUR CODE HERE\nraise NotImplementedError("Write your code here in place of this line, then run the cell again.")'
    }
    c.GenerateAssignment.preprocessors = [
        f"{here}.RefuseUnreadable",
        f"{p}.IncludeHeaderFooter",
        f"{p}.InstantiateTests",
        f"{p}.LockCells",
        f"{here}.FreezeChecks",
        f"{p}.ClearSolutions",
        f"{p}.ClearOutput",
        f"{p}.CheckCellMetadata",
        f"{p}.ComputeChecksums",
        f"{p}.SaveCells",
        f"{p}.ClearHiddenTests",
        f"{p}.ClearMarkScheme",
        f"{p}.ComputeChecksums",
        f"{p}.CheckCellMetadata",
        f"{here}.NormaliseRelease",
    ]
    c.Autograde.exporter_class = f"{here}.LenientExporter"
    # A notebook is validated after all of a pass's steps, not after each.
    c.LenientExporter.optimistic_validation = True
    c.GenerateFeedback.exporter_class = "photgrader.gradebook.feedback.FeedbackExporter"
    c.GenerateFeedback.preprocessors = [
        "photgrader.gradebook.penalties.RefreshPenalties",
        f"{p}.GetGrades",
        "photgrader.gradebook.feedback.TellReasons",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    c.ExchangeFactory.collect = "photgrader.gradebook.exchange.CheckedCollect"
    c.ExchangeFactory.release_feedback = "photgrader.gradebook.exchange.CarefulReleaseFeedback"
    c.CheckedCollect.accounts = os.environ.get("PHOTCOURSE_ACCOUNTS", "same")
    c.AssignLatePenalties.plugin_class = "photgrader.gradebook.penalties.DeadlinePenalty"
    c.Autograde.sanitize_preprocessors = [
        f"{p}.ClearOutput",
        f"{p}.DeduplicateIds",
        f"{p}.OverwriteKernelspec",
        f"{p}.OverwriteCells",
        f"{p}.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = [
        f"{here}.TrustedExecute",
        f"{p}.IgnorePattern",
        f"{p}.LimitOutput",
        f"{here}.SaveVerdicts",
        "photgrader.gradebook.penalties.ApplyDeadlines",
        f"{p}.CheckCellMetadata",
    ]


class NormaliseRelease(NbGraderPreprocessor):
    """Make a release's notebook the same every time: cell ids from the marks, one kernel specification."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Normalise metadata and cell ids."""
        if not coursedir.is_python(nb):
            # Not for this grader, which says so; students get the kernel that the instructor chose.
            return nb, resources
        nb.metadata = nbformat.from_dict(
            {
                "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            }
        )
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.execution_count = None
        return nb, resources
