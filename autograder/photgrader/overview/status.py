"""Where a class stands: who fetched, handed in, was late, is graded, waits for a person, has feedback.

Nothing is guessed. Whether an assignment was fetched is known of those who handed in, and of the others only where their
home folders may be read (nbgrader keeps no list); otherwise it is unknown, and said to be.
"""

from __future__ import annotations

import contextlib
import datetime
import pathlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import notebook_hash, parse_utc

from photgrader import coursedir
from photgrader.coursedir.deadlines import Deadline, load_deadlines, utc
from photgrader.coursedir.record import Record
from photgrader.gradebook import app
from photgrader.gradebook.exchange import ExchangeProblem, hand_ins
from photgrader.grading.finding import known_time
from photgrader.runs import parallel

YES, NO, UNKNOWN, GONE, OLD = "yes", "no", "unknown", "gone", "old"


@dataclass
class Standing:
    """Where one student stands with one assignment.

    Parameters
    ----------
    student : str
        Their id.
    fetched : str
        ``"yes"``, ``"no"`` or ``"unknown"``.
    submitted : str
        When it was handed in (UTC, ISO 8601); empty where it was not, ``"unknown"`` where the time is missing.
    waiting : bool
        Whether something lies in the exchange that is not collected yet (or newer than what is).
    due : str
        When it is due for this student (UTC); empty where nothing is due.
    extended : bool
        Whether that is a due date of their own.
    hours_late : float
        Hours after the due date, grace or not; zero where it came in time.
    graded : str
        ``"no"``, ``"yes"``, ``"changed"`` where the submission, the assignment or the grader changed since, or ``"gone"`` where
        the gradebook has marks, and ``submitted/`` the submission no more.
    state : str
        State of the grading record.
    points, max_points : float
        What the gradebook has, penalty not taken off; and the penalty.
    penalty : float
        Points taken for being late.
    to_mark : int
        Answers that wait for a person.
    feedback : str
        ``"no"``, ``"made"``, ``"released"``, or ``"old"`` where it was graded again since.
    """

    student: str
    fetched: str = UNKNOWN
    submitted: str = ""
    waiting: bool = False
    due: str = ""
    extended: bool = False
    hours_late: float = 0.0
    graded: str = NO
    state: str = ""
    points: float = 0.0
    max_points: float = 0.0
    penalty: float = 0.0
    to_mark: int = 0
    feedback: str = NO


@dataclass
class AssignmentStatus:
    """Where a class stands with one assignment; `left_out` are the submissions that cannot be graded, and why."""

    assignment: str
    due: str = ""
    students: list[Standing] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Return how many students are where."""
        all = self.students
        return {
            "students": len(all),
            "fetched": sum(s.fetched == YES for s in all),
            "fetched_unknown": sum(s.fetched == UNKNOWN for s in all),
            "submitted": sum(bool(s.submitted) for s in all),
            "waiting": sum(s.waiting for s in all),
            "late": sum(s.hours_late > 0 for s in all),
            "graded": sum(s.graded == YES for s in all),
            "to_grade": sum(bool(s.submitted) and s.graded != YES for s in all),
            "to_mark": sum(s.to_mark > 0 for s in all),
            "feedback": sum(s.feedback != NO for s in all),
            "released": sum(s.feedback == "released" for s in all),
        }

    def states(self) -> dict[str, int]:
        """Return how many records are in which state."""
        return dict(Counter(s.state for s in self.students if s.state).most_common())

    def work_left(self) -> list[str]:
        """Return what a person has to do next, with the command that does it."""
        c, name = self.counts(), self.assignment
        left = [
            (c["waiting"], "to collect", f"photgrader collect {name}"),
            (c["to_grade"], "to grade", f"photgrader grade {name}"),
            (len(self.left_out), "in submitted/ that cannot be graded, and why", f"photgrader grade {name}"),
            (
                sum(s.graded == GONE for s in self.students),
                "with marks whose submission is no longer in submitted/",
                f"photgrader collect {name}",
            ),
            (c["to_mark"], "with answers that a person has to mark", f"photgrader assign {name}"),
            (
                c["graded"] - c["feedback"] if not c["to_mark"] else 0,
                "without feedback",
                f"nbgrader generate_feedback {name}",
            ),
            (
                sum(s.feedback == OLD for s in self.students) if not c["to_mark"] else 0,
                "with feedback from before the last grading",
                f"nbgrader generate_feedback {name} --force",
            ),
            (
                sum(s.feedback == "made" for s in self.students) if not c["to_mark"] else 0,
                "with feedback not released",
                f"nbgrader release_feedback {name}",
            ),
        ]
        return [f"{n} {what}: {command}" for n, what, command in left if n > 0]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "assignment": self.assignment,
            "due": self.due,
            "counts": self.counts(),
            "states": self.states(),
            "left_out": self.left_out,
            "students": [asdict(s) for s in self.students],
            "work_left": self.work_left(),
        }


def course_status(root: pathlib.Path, assignments: Iterable[str], homes: str = "") -> list[AssignmentStatus]:
    """Return where the class stands with some assignments.

    Parameters
    ----------
    root : Path
        The course.
    assignments : iterable of str
        Which.
    homes : str
        Pattern of the students' home folders, with ``{student}`` in it; empty where they may not be read.
    """
    deadlines = load_deadlines(root)
    exchange = Exchange.of(root)
    with app.gradebook(root) as gradebook:
        enrolled = {s.id for s in gradebook.students}
        return [
            _assignment(root, gradebook, name, enrolled, deadlines.get(name), exchange, homes) for name in assignments
        ]


def without_source(root: pathlib.Path, known: Iterable[str]) -> list[str]:
    """Return a sentence for each assignment that has hand-ins or marks and is none of `known`: one that was renamed, or taken out.

    Raises
    ------
    CourseError
        Where ``submitted/`` cannot be looked into.
    """
    places = (root / "release", coursedir.state_folder(root) / "records")
    names = {p.name for place in places for p in place.glob("*/")}
    said = []
    with app.gradebook(root) as gradebook:
        entered = {a.name for a in gradebook.assignments}
        for name in sorted((names | entered).difference(known)):
            marked = len(gradebook.assignment_submissions(name)) if name in entered else 0
            handed_in = len(coursedir.submitted(root, name))
            if handed_in or marked:
                said.append(
                    f"{name} has {coursedir.counted(handed_in, 'submission')} in submitted/ and {coursedir.counted(marked, 'submission')} in the gradebook, and no "
                    f"notebook in source/{name}: put it back, or give it its name back where it was renamed."
                )
    return said


@dataclass(frozen=True)
class Exchange:
    """nbgrader's exchange folder of the course, as far as it can be read."""

    folder: pathlib.Path
    course_id: str
    accounts: str = "same"

    @classmethod
    def of(cls, root: pathlib.Path) -> Exchange:
        """Return the exchange that the course's configuration names."""
        config = app.nbgrader_app(root).config
        return cls(
            pathlib.Path(str(config.Exchange.get("root", "/usr/local/share/nbgrader/exchange"))),
            str(config.CourseDirectory.get("course_id", "")),
            str(config.CheckedCollect.get("accounts", "same")),
        )

    def inbound(self, assignment: str) -> dict[str, datetime.datetime]:
        """Return when each student last handed in; empty where that cannot be read."""
        last: dict[str, datetime.datetime] = {}
        with contextlib.suppress(OSError):
            for hand_in in hand_ins(self.folder / self.course_id / "inbound", assignment):
                # What is refused when it is collected does not wait for that.
                with contextlib.suppress(OSError, ExchangeProblem):
                    hand_in.check_owner(self.accounts)
                    last[hand_in.student] = max(hand_in.when, last.get(hand_in.student, hand_in.when))
        return last

    def has_released(self, page: pathlib.Path, secret: str) -> bool:
        """Tell whether a feedback page lies in the exchange as it is now; nbgrader names it after the submission's secret."""
        there = (
            self.folder / self.course_id / "feedback" / f"{notebook_hash(secret=secret, notebook_id=page.stem)}.html"
        )
        return there.read_bytes() == page.read_bytes()


def _assignment(
    root: pathlib.Path,
    gradebook: Gradebook,
    name: str,
    enrolled: set[str],
    deadline: Deadline | None,
    exchange: Exchange,
    homes: str,
) -> AssignmentStatus:
    collected = {p.parent.name: p for p in coursedir.submitted(root, name)}
    records = {r.student: r for r in coursedir.read_records(root, name)}
    inbound = exchange.inbound(name)
    tasks: dict[str, list[parallel.Task]] = {}
    if collected and (root / "release" / name).is_dir():
        for task in parallel.submissions(root, name, "*"):
            tasks.setdefault(task.student, []).append(task)
    unchanged = parallel.unchanged(root, [task for own in tasks.values() for task in own])
    status = AssignmentStatus(name, deadline.due.isoformat() if deadline else _due(gradebook, name))
    status.left_out = coursedir.left_out(root, name)
    for student in sorted(enrolled | set(collected) | set(records) | set(inbound)):
        one = Standing(student)
        _handed_in(one, collected.get(student), inbound.get(student))
        _fetched(one, name, exchange.course_id, homes)
        _in_gradebook(one, gradebook, name, deadline)
        one.state = records[student].state if student in records else ""
        if student in collected and student in records:
            one.graded = _graded(one, records[student], all(task.name in unchanged for task in tasks.get(student, [])))
        elif one.max_points and student not in collected:
            one.graded = GONE
        _feedback(one, root, name, exchange)
        status.students.append(one)
    return status


def _due(gradebook: Gradebook, name: str) -> str:
    with contextlib.suppress(MissingEntry):
        due = gradebook.find_assignment(name).duedate
        return due.isoformat() + "Z" if due else ""
    return ""


def _handed_in(one: Standing, folder: pathlib.Path | None, inbound: datetime.datetime | None) -> None:
    when = None
    if folder is not None:
        when = known_time(folder)
        one.submitted = when.isoformat(timespec="seconds") + "Z" if when else UNKNOWN
    one.waiting = inbound is not None and (folder is None or inbound > (when or _collected(folder)))


def _collected(folder: pathlib.Path) -> datetime.datetime:
    """Return when a submission without a time was collected, as its folder's own change says (UTC)."""
    return datetime.datetime.fromtimestamp(folder.stat().st_ctime, datetime.UTC).replace(tzinfo=None)


def _fetched(one: Standing, assignment: str, course_id: str, homes: str) -> None:
    if one.submitted or one.waiting:
        one.fetched = YES
    elif homes:
        home = pathlib.Path(homes.replace("{student}", one.student))
        try:
            # A folder that may not be looked into is no answer.
            there = {p.name for p in home.iterdir()}
            one.fetched = (
                YES
                if assignment in there
                or (course_id in there and assignment in {p.name for p in (home / course_id).iterdir()})
                else NO
            )
        except OSError:
            one.fetched = UNKNOWN


def _in_gradebook(one: Standing, gradebook: Gradebook, name: str, deadline: Deadline | None) -> None:
    due = utc(deadline.due_for(one.student)) if deadline else None
    one.extended = deadline is not None and one.student in deadline.extensions
    with contextlib.suppress(MissingEntry):
        found = gradebook.find_submission(name, one.student)
        due = due or found.duedate
        one.points, one.max_points, one.penalty = (
            round(found.score, 4),
            found.max_score,
            round(found.late_submission_penalty or 0.0, 4),
        )
        one.to_mark = sum(g.needs_manual_grade for n in found.notebooks for g in n.grades)
    if due is None:
        with contextlib.suppress(MissingEntry):
            due = gradebook.find_assignment(name).duedate
    if due is not None:
        one.due = due.isoformat() + "Z"
        if re.match(r"\d", one.submitted):
            late = (parse_utc(one.submitted.removesuffix("Z")) - due).total_seconds()
            one.hours_late = round(max(0.0, late) / 3600, 2)


def _feedback(one: Standing, root: pathlib.Path, name: str, exchange: Exchange) -> None:
    folder = root / "feedback" / one.student / name
    pages = sorted(folder.glob("*.html"))
    if pages:
        one.feedback = "made"
        # A student may have put anything there.
        with contextlib.suppress(OSError, UnicodeError):
            secret = (folder / "submission_secret.txt").read_text(encoding="utf-8")
            if all(exchange.has_released(page, secret) for page in pages):
                one.feedback = "released"
        graded = [root / "autograded" / one.student / name / f"{page.stem}.ipynb" for page in pages]
        if any(g.is_file() and g.stat().st_mtime > p.stat().st_mtime for g, p in zip(graded, pages, strict=True)):
            one.feedback = OLD


def _graded(one: Standing, record: Record, fresh: bool) -> str:
    """Tell whether a record is of what was handed in last; plain nbgrader's runs leave no key to compare."""
    if record.key:
        return YES if fresh else "changed"
    return "changed" if re.match(r"\d", one.submitted) and one.submitted.removesuffix("Z") > record.graded[:19] else YES
