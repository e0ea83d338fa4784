"""Due dates, extensions and late penalties of a course, from ``deadlines.yaml`` at its root.

nbgrader assigns a penalty by a plugin that is asked when a submission is late. `ApplyDeadlines` stands in the place of
nbgrader's own preprocessor: it first writes what the file says (due date, this student's extension) into the gradebook, so
that the formgrader and the exports show the same dates, and then lets nbgrader ask the plugin, by default `DeadlinePenalty`.
Plain ``nbgrader autograde``, the formgrader's button and ``photgrader grade`` come through here alike. An assignment that
the file does not name keeps what its gradebook says.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor
from traitlets import List
from traitlets.config import Config

from photgrader.coursedir.deadlines import Deadline, DeadlinesError, load_deadlines, utc


def set_dates(submission: SubmittedAssignment, deadline: Deadline) -> None:
    """Write a deadline and the student's extension into the gradebook's objects (not yet committed).

    The file is the authority: an extension that it does not name is taken away.
    """
    submission.assignment.duedate = utc(deadline.due)
    longer = utc(deadline.due_for(submission.student_id)) - utc(deadline.due)
    submission.extension = longer if longer else None


class DeadlinePenalty(LateSubmissionPlugin):
    """nbgrader's plugin for late penalties, by the course's ``deadlines.yaml``; as nbgrader's own where it is silent."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Return the points to take, or None."""
        assert self.parent is not None
        deadline = load_deadlines(self.parent.root).get(self.parent.assignment_id)
        if deadline is None:
            return super().late_submission_penalty(student_id, score, total_seconds_late)
        return deadline.penalty(score, total_seconds_late)


class ApplyDeadlines(AssignLatePenalties):
    """Writes dates and extensions of ``deadlines.yaml`` into the gradebook, then assigns penalties as nbgrader does."""

    #: Where the course is; from the converter, or set by who uses this outside of one.
    _root: pathlib.Path | None = None
    assignment_id = ""

    @property
    def root(self) -> pathlib.Path:
        """The course's root."""
        return self._root if self._root is not None else _root_of(self)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Handle one notebook; it stays as it is."""
        names = resources["nbgrader"]
        with _as_nbgrader_says():
            deadline = load_deadlines(self.root).get(names["assignment"])
            if deadline is not None:
                with Gradebook(names["db_url"]) as gradebook:
                    set_dates(gradebook.find_submission(names["assignment"], names["student"]), deadline)
                    gradebook.db.commit()
            return super().preprocess(nb, resources)

    def assign(self, submission: SubmittedAssignment) -> float:
        """Give the notebooks of a submission their penalties (not yet committed); return their sum."""
        self.assignment_id = submission.name
        self.init_plugin()
        late = submission.total_seconds_late
        for notebook in submission.notebooks:
            asked = (
                self.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late)
                if late > 0
                else None
            )
            notebook.late_submission_penalty = None if asked is None else self._check_late_penalty(notebook, asked)
        return sum(n.late_submission_penalty or 0.0 for n in submission.notebooks)


class RefreshPenalties(NbGraderPreprocessor):
    """Before feedback: penalties on the marks as they are now, those of a person included; and what nobody has marked yet."""

    display_data_priority: Any = List(help="nbconvert's, which sets it for every preprocessor.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Handle one notebook; it stays as it is."""
        names = resources["nbgrader"]
        root = _root_of(self)
        with _as_nbgrader_says(), Gradebook(names["db_url"]) as gradebook:
            apply_deadlines(gradebook, root, self.config, names["assignment"], names["student"])
            found = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
            waiting = {g.name for g in found.grades if g.needs_manual_grade}
        for cell in nb.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") in waiting:
                cell.metadata["nbgrader"]["waits"] = True
        return nb, resources


def _root_of(preprocessor: Any) -> pathlib.Path:
    return pathlib.Path(preprocessor.parent.parent.coursedir.root)


@contextlib.contextmanager
def _as_nbgrader_says() -> Iterator[None]:
    """Say what is wrong in nbgrader's way, inside of nbgrader."""
    try:
        yield
    except DeadlinesError as problem:
        raise NbGraderException(str(problem)) from problem


@dataclass(frozen=True)
class PenaltyChange:
    """A penalty that is another one now."""

    assignment: str
    student: str
    before: float
    now: float


def apply_deadlines(
    gradebook: Gradebook, root: pathlib.Path, config: Any, assignment: str = "*", student: str = "*"
) -> list[PenaltyChange]:
    """Bring dates, extensions and penalties of what is graded up to date, without grading anything again.

    Penalties are shares of the marks, and these change when a person marks a written answer.

    Parameters
    ----------
    gradebook : Gradebook
        Open.
    root : Path
        The course.
    config : traitlets.config.Config
        nbgrader's configuration, which names the plugin.
    assignment, student : str
        Which; ``"*"`` is all that the file names.

    Returns
    -------
    list of PenaltyChange
        What is different now.
    """
    changes = []
    # Inside of a conversion the configuration has a section of nbconvert's own, with options that only its filters know.
    late = ApplyDeadlines(config=Config({name: section for name, section in config.items() if name != "NbConvertBase"}))
    late._root = root
    for name, deadline in load_deadlines(root).items():
        if assignment not in ("*", name):
            continue
        with contextlib.suppress(MissingEntry):
            gradebook.find_assignment(name).duedate = utc(deadline.due)
            for submission in gradebook.assignment_submissions(name):
                if student in ("*", submission.student_id):
                    before = sum(n.late_submission_penalty or 0.0 for n in submission.notebooks)
                    set_dates(submission, deadline)
                    now = late.assign(submission)
                    if abs(now - before) > 1e-9:
                        changes.append(PenaltyChange(name, submission.student_id, before, now))
    gradebook.db.commit()
    return changes


def slips(deadlines: dict[str, Deadline], assignments: list[str], students: set[str]) -> list[str]:
    """Return what looks like a slip of the pen: names of assignments and students that the course does not know."""
    found = [f"{name} is no assignment of this course" for name in deadlines if name not in assignments]
    if students:
        found += [
            f"{student}, who has an extension for {name}, is not in the gradebook"
            for name, d in deadlines.items()
            for student in d.extensions
            if student not in students
        ]
    return found
