"""Due dates, extensions and late penalties of a course, from ``deadlines.yaml`` at its root.

nbgrader assigns a penalty by a plugin that is asked when a submission is late. `ApplyDeadlines` stands in the place of
nbgrader's own preprocessor: it first writes what the file says (due date, this student's extension) into the gradebook, so
that the formgrader and the exports show the same dates, and then lets nbgrader ask the plugin, by default `DeadlinePenalty`.
Plain ``nbgrader autograde``, the formgrader's button and ``photgrader grade`` come through here alike. An assignment that
the file does not name keeps what its gradebook says.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import pathlib
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor
from traitlets import List
from traitlets.config import Config

from photgrader import course

NAME = "deadlines.yaml"
DAY = 86400.0
_RULES = {"grace", "penalty_per_day", "penalty_cap"}
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": DAY, "week": 7 * DAY}

EXAMPLE = """\
# deadlines.yaml: due dates, extensions, late penalties. An assignment that is not named here has none of them.
# A time is a date and an hour of the day, 2026-10-12 23:59, in the time zone below; or with an offset of its own,
# 2026-10-12T23:59+02:00. A length of time is a number and minutes, hours, days or weeks.
time_zone: Europe/Paris

# For every assignment that does not say otherwise:
grace: 15 minutes         # nothing is taken for being late by no more than this
penalty_per_day: 10 %     # of the marks earned, for each day begun after the due date
penalty_cap: 50 %         # no more than this is taken

assignments:
  ps1_psf_photometry:
    due: 2026-10-12 23:59
    extensions:
      ada: 2026-10-15 12:00   # a due date of her own
      bob: 3 days             # that much later than the others
  ps2_aperture_photometry:
    due: 2026-10-26 23:59
    penalty_per_day: 0 %      # late work is welcome
"""


class DeadlinesError(course.CourseError):
    """Something in ``deadlines.yaml`` that cannot be used; the text says where and what it should be."""


@dataclass(frozen=True)
class Deadline:
    """When one assignment is due, and what being late costs.

    Parameters
    ----------
    assignment : str
        Its name.
    due : datetime
        For everybody without an extension; knows its time zone.
    grace : timedelta
        Being late by no more than this costs nothing. It moves no date: what is later counts from the due date.
    percent_per_day, cap_percent : float
        Share of the marks earned that each begun day costs, and the most that is taken.
    extensions : dict
        Students with a due date of their own.
    """

    assignment: str
    due: datetime.datetime
    grace: datetime.timedelta = datetime.timedelta()
    percent_per_day: float = 0.0
    cap_percent: float = 100.0
    extensions: dict[str, datetime.datetime] = field(default_factory=dict)

    def due_for(self, student: str) -> datetime.datetime:
        """Return when the assignment is due for a student."""
        return self.extensions.get(student, self.due)

    def percent(self, seconds_late: float) -> float:
        """Return the share of the marks, in per cent, that being late by so many seconds costs.

        Examples
        --------
        >>> rule = Deadline("ps1", datetime.datetime(2026, 10, 12), datetime.timedelta(minutes=15), 10.0, 25.0)
        >>> [rule.percent(s) for s in (900, 901, 86400, 86401, 3 * 86400)]
        [0.0, 10.0, 10.0, 20.0, 25.0]
        """
        if seconds_late <= max(0.0, self.grace.total_seconds()):
            return 0.0
        return min(self.cap_percent, self.percent_per_day * math.ceil(seconds_late / DAY))

    def penalty(self, score: float, seconds_late: float) -> float:
        """Return the points that are taken from a score."""
        return score * self.percent(seconds_late) / 100.0


# ------------------------------------------------------------------------------------------------ reading the file
class _Text(yaml.BaseLoader):
    """Everything is text: a student called 0123, no or 1e5 stays who they are; and no key comes twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return a mapping, refusing a key that comes twice (YAML would drop the first)."""
        keys = [k.value for k, _ in node.value]
        twice = next((k for k in keys if keys.count(k) > 1), None)
        if twice is not None:
            raise DeadlinesError(f"{NAME}, line {node.start_mark.line + 1}: {twice!r} is there twice; keep one of them.")
        return super().construct_mapping(node, deep)


def load_deadlines(root: pathlib.Path) -> dict[str, Deadline]:
    """Read ``deadlines.yaml`` of a course.

    Returns
    -------
    dict
        Deadlines by assignment; empty where there is no file.

    Raises
    ------
    DeadlinesError
        One sentence: where, and what it should be.
    """
    path = root / NAME
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DeadlinesError(f"{NAME} cannot be read: {problem}.") from problem
    return parse_deadlines(text)


def parse_deadlines(text: str) -> dict[str, Deadline]:
    """Return the deadlines that a text in the format of ``deadlines.yaml`` gives; see `EXAMPLE`."""
    try:
        body = yaml.load(text, Loader=_Text)  # noqa: S506 - a subclass of BaseLoader, which makes text only
    except yaml.YAMLError as problem:
        raise DeadlinesError(f"{NAME} is not YAML: {' '.join(str(problem).split())}. `photgrader deadlines --example` shows one that is.") from problem
    if not body:
        return {}
    _known(_mapping(body, NAME), {"time_zone", "assignments"} | _RULES, NAME)
    zone = _zone(body.get("time_zone"))
    defaults = {k: body[k] for k in _RULES if k in body}
    assignments = _mapping(body.get("assignments") or {}, "assignments")
    return {name: _deadline(name, {**defaults, **_mapping(entry, name)}, zone) for name, entry in assignments.items()}


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DeadlinesError(f"{NAME}: {where} should hold lines of `name: value`; it is {value!r}.")
    return value


def _known(entry: dict[str, Any], names: set[str], where: str) -> None:
    wrong = next((k for k in entry if k not in names), None)
    if wrong is not None:
        raise DeadlinesError(f"{NAME}: {where} has {wrong!r}, which means nothing here; known are {', '.join(sorted(names))}.")


def _zone(name: Any) -> datetime.tzinfo | None:
    if name is None:
        return None
    try:
        return zoneinfo.ZoneInfo(str(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise DeadlinesError(f"{NAME}: there is no time zone {name!r}; write it as Europe/Paris or UTC.") from problem


def _deadline(name: str, entry: dict[str, Any], zone: datetime.tzinfo | None) -> Deadline:
    _known(entry, {"due", "extensions"} | _RULES, name)
    if "due" not in entry:
        raise DeadlinesError(f"{NAME}: {name} has no due date; write `due: 2026-10-12 23:59`.")
    due = _time(entry["due"], zone, f"due of {name}")
    extensions = {student: _extension(value, due, zone, f"extension of {student} for {name}")
                  for student, value in _mapping(entry.get("extensions") or {}, f"extensions of {name}").items()}
    return Deadline(name, due, _length(entry.get("grace", "0 minutes"), f"grace of {name}"),
                    _percent(entry.get("penalty_per_day", "0"), f"penalty_per_day of {name}"),
                    _percent(entry.get("penalty_cap", "100"), f"penalty_cap of {name}"), extensions)


def _extension(value: Any, due: datetime.datetime, zone: datetime.tzinfo | None, where: str) -> datetime.datetime:
    # Three days later is the same hour of the day, also where the clocks change in between.
    longer = due + _length(value, where) if re.search(r"[a-z]\s*$", str(value)) else _time(value, zone, where)
    if longer.timestamp() < due.timestamp():
        raise DeadlinesError(f"{NAME}: the {where} ends before the assignment is due for everybody.")
    return longer


def _time(value: Any, zone: datetime.tzinfo | None, where: str) -> datetime.datetime:
    text = str(value).strip()
    try:
        if not re.match(r"\d{4}-\d{2}-\d{2}[ T]+\d{1,2}:\d{2}", text):
            raise ValueError
        found = datetime.datetime.fromisoformat(re.sub(r"[ T]+(\d):", r" 0\1:", text, count=1).replace("Z", "+00:00"))
    except ValueError:
        raise DeadlinesError(f"{NAME}: the {where} should be a date and a time of day, as 2026-10-12 23:59; it is {text!r}.") from None
    if found.tzinfo is not None:
        return found
    if zone is None:
        raise DeadlinesError(f"{NAME}: the {where} has no time zone; add a line `time_zone: Europe/Paris` to the file.")
    # The hour that the clocks show twice: its second time, in the student's favour.
    there = found.replace(tzinfo=zone, fold=1)
    if there.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) != found:
        raise DeadlinesError(f"{NAME}: the {where}, {text}, does not exist: the clocks skip it in that night.")
    return there


def _length(value: Any, where: str) -> datetime.timedelta:
    found = re.fullmatch(r"\s*\+?(\d+(?:\.\d+)?)\s*(minute|hour|day|week)s?\s*", str(value))
    if found is None:
        raise DeadlinesError(f"{NAME}: the {where} should be a number and minutes, hours, days or weeks, as `15 minutes`; it is {value!r}.")
    return datetime.timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _percent(value: Any, where: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", str(value))
    if found is None or float(found[1]) > 100:
        raise DeadlinesError(f"{NAME}: the {where} should be a percentage from 0 to 100, as `10 %`; it is {value!r}.")
    return float(found[1])


# ------------------------------------------------------------------------------------------------ into the gradebook
def utc(moment: datetime.datetime) -> datetime.datetime:
    """Return a time as nbgrader keeps it: UTC without a time zone."""
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)


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
        with _told():
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
            asked = self.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late) if late > 0 else None
            notebook.late_submission_penalty = None if asked is None else self._check_late_penalty(notebook, asked)
        return sum(n.late_submission_penalty or 0.0 for n in submission.notebooks)


class RefreshPenalties(NbGraderPreprocessor):
    """Before feedback: penalties on the marks as they are now, those of a person included; and what nobody has marked yet."""

    display_data_priority: Any = List(help="nbconvert's, which sets it for every preprocessor.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Handle one notebook; it stays as it is."""
        names = resources["nbgrader"]
        root = _root_of(self)
        with _told(), Gradebook(names["db_url"]) as gradebook:
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
def _told() -> Iterator[None]:
    """Say what is wrong in nbgrader's way, inside of nbgrader."""
    try:
        yield
    except DeadlinesError as problem:
        raise NbGraderException(str(problem)) from problem


@dataclass(frozen=True)
class Change:
    """A penalty that is another one now."""

    assignment: str
    student: str
    before: float
    now: float


def apply_deadlines(gradebook: Gradebook, root: pathlib.Path, config: Any, assignment: str = "*", student: str = "*") -> list[Change]:
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
    list of Change
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
                        changes.append(Change(name, submission.student_id, before, now))
    gradebook.db.commit()
    return changes


def doubts(deadlines: dict[str, Deadline], assignments: list[str], students: set[str]) -> list[str]:
    """Return what looks like a slip of the pen: names of assignments and students that the course does not know."""
    found = [f"{name} is no assignment of this course" for name in deadlines if name not in assignments]
    if students:
        found += [f"{student}, who has an extension for {name}, is not in the gradebook"
                  for name, d in deadlines.items() for student in d.extensions if student not in students]
    return found
