"""Marks for a learning management system, as export plugins of nbgrader.

``nbgrader export --exporter photgrader.gradebook.exporters.Canvas --to canvas.csv`` (or `Moodle`,
`Brightspace`, `Blackboard`, `Gradescope`, `Csv`). Options are
nbgrader's own, and those of `_Table`, in ``nbgrader_config.py`` or on the command line (``--Canvas.missing=zero``).

Layouts are those that the systems import:

- Canvas: ``Student, ID, SIS User ID, SIS Login ID, Section``, one column an assignment headed ``Title (number)``, and under
  the heading the row ``Points Possible``. Without the number Canvas makes a new assignment (canvas-lms,
  ``lib/gradebook_importer.rb``).
- Moodle: ``First name, Last name, ID number, Institution, Department, Email address``, then the grade items; columns are
  mapped by hand at the import, students by their address, which Moodle holds case-sensitively (Moodle's documentation, "Grade import").
- Brightspace: ``OrgDefinedId, Username``, one column an item headed ``Name Points Grade``, and last ``End-of-Line Indicator``
  with ``#`` in every row; no names and no addresses (D2L's help, "Importing grades").
- Blackboard: ``Last Name, First Name, Username, Student ID``, one column an item headed ``Title [Total Pts: 10 Score] |number``;
  without the number Blackboard makes a new column (Blackboard's help, "Grade Center: work offline").
- Gradescope: the columns of its own download of grades, for tools that read that; it imports class lists and no marks.

Every text goes through `photgrader.grading.sanitise.csv_cell`: these files are opened in spreadsheets. An id that begins as a
formula does would be altered by that, and the system would not find the student: the log says so.
"""

from __future__ import annotations

import contextlib
import csv
import io
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook, MissingEntry, Student
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Dict, Enum

from photgrader import coursedir
from photgrader.gradebook import app
from photgrader.gradebook.penalties import apply_deadlines
from photgrader.gradebook.roster import read_columns, system_id
from photgrader.grading.sanitise import csv_cell


@dataclass(frozen=True)
class Mark:
    """What a student has for an assignment.

    Parameters
    ----------
    raw, penalty, score : float
        Points earned, points taken for being late, and what is left (not below zero).
    handed_in : bool
        Whether there is a submission.
    finished : bool
        Whether no written answer waits for a person.
    timestamp : str
        When it was handed in, UTC.
    state : str
        What kept the grader from a verdict that it could stand by, where something did (a file that is no notebook, say).
    """

    raw: float = 0.0
    penalty: float = 0.0
    score: float = 0.0
    handed_in: bool = False
    finished: bool = True
    timestamp: str = ""
    state: str = ""


#: Marks by student and assignment.
Marks = dict[tuple[str, str], Mark]
#: What class lists of systems say of students, by student and system.
Lists = dict[str, dict[str, Any]]


class _Table(ExportPlugin):
    """What the exports have in common: one row a student, one column an assignment."""

    columns = Dict(help="Headings of assignments in the system, as {'ps1': 'PSF photometry (48291)'}.").tag(config=True)
    missing = Enum(
        ("blank", "zero"),
        default_value="blank",
        help="What stands for a student who handed nothing in. What a system makes of a blank is its own affair; Canvas's import takes a mark away that it had.",
    ).tag(config=True)
    unfinished = Bool(False, help="Whether to export marks while written answers still wait for a person.").tag(
        config=True
    )
    default_name = "marks.csv"
    #: The columns by which the system finds a student, one of which has to be filled.
    keys: tuple[str, ...] = ()

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        if self.parent is not None:
            # Before nbgrader opens it, which adds what is missing.
            with self._told():
                app.check_layout(self.parent.coursedir.db_url)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except coursedir.CourseError as problem:
            self.log.error(str(problem))
            raise SystemExit(1) from problem

    def export(self, gradebook: Gradebook) -> None:
        """Write the file; end with one sentence where that cannot be."""
        with self._told():
            self._export(gradebook, pathlib.Path(self.parent.coursedir.root))

    def _export(self, gradebook: Gradebook, root: pathlib.Path) -> None:
        apply_deadlines(gradebook, root, self.config)
        gradebook.db.expire_all()
        wanted, whose = named(self.assignment), named(self.student)
        assignments = [a for a in sorted(gradebook.assignments, key=lambda a: a.name) if not wanted or a.name in wanted]
        students = [s for s in sorted(gradebook.students, key=lambda s: s.id) if not whose or s.id in whose]
        unknown = [n for n in wanted if n not in {a.name for a in assignments}] + [
            n for n in whose if n not in {s.id for s in students}
        ]
        if unknown:
            raise coursedir.CourseError(f"The gradebook does not know {', '.join(unknown)}; nothing was written.")
        marks = {(s.id, a.name): self._mark(gradebook, s, a.name) for s in students for a in assignments}
        self._tell_blank({key: m for key, m in marks.items() if not m.finished})
        path = pathlib.Path(self.to or self.default_name)
        buffer = io.StringIO(newline="")
        table = self.rows(students, assignments, marks, read_columns(root))
        self._tell_nameless(table, students)
        csv.writer(buffer, lineterminator="\r\n").writerows(table)
        coursedir.write_output(path, buffer.getvalue())
        self.log.info("Marks of %d students in %d assignments are in %s", len(students), len(assignments), path)

    def _tell_nameless(self, table: list[list[str]], students: list[Student]) -> None:
        """Say whose row the system cannot know: no class list of that system was imported, or it does not name them."""
        places = [table[0].index(key) for key in self.keys]
        rows = table[len(table) - len(students) :]
        nameless = [s.id for s, row in zip(students, rows, strict=True) if not any(row[p] for p in places)]
        if places and nameless:
            self.log.warning(
                "Nothing in the file tells %s who these are (no %s): %s. Import its class list (photgrader roster import) and export again.",
                type(self).__name__,
                " or ".join(self.keys),
                ", ".join(nameless),
            )

    def _tell_blank(self, waiting: Marks) -> None:
        """Say whose marks are left blank, and why."""
        if self.unfinished:
            return
        answers = sorted({student for (student, _), mark in waiting.items() if not mark.state})
        broken = sorted(
            f"{student} in {assignment} ({mark.state})" for (student, assignment), mark in waiting.items() if mark.state
        )
        if answers:
            self.log.warning(
                "Left blank, because written answers still wait for a person: %s. Mark them and export again, or set %s.unfinished=True.",
                ", ".join(answers),
                type(self).__name__,
            )
        if broken:
            self.log.warning(
                "Left blank, because no full verdict could be had and a person should look: %s. Give the marks in the formgrader and export "
                "again, or set %s.unfinished=True.",
                ", ".join(broken),
                type(self).__name__,
            )

    def _mark(self, gradebook: Gradebook, student: Student, assignment: str) -> Mark:
        try:
            found = gradebook.find_submission(assignment, student.id)
        except MissingEntry:
            return Mark()
        penalty = found.late_submission_penalty or 0.0
        return Mark(
            found.score,
            penalty,
            max(0.0, found.score - penalty),
            True,
            not found.needs_manual_grade,
            f"{found.timestamp:%Y-%m-%d %H:%M:%S}" if found.timestamp else "",
            self._state(found),
        )

    def _state(self, submission: Any) -> str:
        """Return what kept the grader from a verdict; empty where it is a written answer alone that waits."""
        # Code that a person marks is a student's own cell: it has an entry among the solutions too.
        automatic = [
            g
            for n in submission.notebooks
            for g in n.grades
            if g.needs_manual_grade
            and g.cell.cell_type == "code"
            and g.cell.name not in {s.name for s in n.notebook.solution_cells}
        ]
        if not automatic:
            return ""
        root = self.parent and pathlib.Path(self.parent.coursedir.root)
        record = coursedir.student_record(root, submission.assignment.name, submission.student_id) if root else None
        return record.state if record else "not graded"

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return the table, heading first."""
        raise NotImplementedError

    def cell(self, mark: Mark) -> str:
        """Return a mark as it is written: two digits after the point, a blank where there is none to give."""
        if not mark.handed_in:
            return "0" if self.missing == "zero" else ""
        return number(mark.score) if mark.finished or self.unfinished else ""

    def title(self, assignment: str) -> str:
        """Return the heading of an assignment."""
        return csv_cell(str(self.columns.get(assignment, assignment)))

    def ids(self, *texts: str) -> list[str]:
        """Return identifying texts, safe in a spreadsheet; say where that alters one."""
        altered = [t for t in texts if csv_cell(t) != t]
        for text in altered:
            self.log.warning(
                "%r would be a formula in a spreadsheet and was altered; the system may not know this student by it.",
                text,
            )
        return [csv_cell(t) for t in texts]


def named(names: list[Any]) -> list[str]:
    """Return names that came as nbgrader's command line takes them.

    Examples
    --------
    >>> named(["[ps1, ps2]"]), named(["ps1"]), named([])
    (['ps1', 'ps2'], ['ps1'], [])
    """
    return [part for name in names for part in re.split(r"[\[\]'\",\s]+", str(name)) if part]


def number(value: float) -> str:
    """Return points with at most two digits after the point.

    Examples
    --------
    >>> [number(v) for v in (7.0, 6.666666, 0.005, 10.5)]
    ['7', '6.67', '0.01', '10.5']
    """
    # Half a hundredth goes up, as people expect of marks.
    text = f"{int(value * 100 + 0.5 + 1e-9) / 100:.2f}"
    return text.rstrip("0").rstrip(".")


class Canvas(_Table):
    """Marks in the layout of Canvas's gradebook import."""

    default_name = "canvas.csv"
    keys = ("ID", "SIS User ID", "SIS Login ID")

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return heading, points possible, students."""
        names = [a.name for a in assignments]
        table = [
            ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(self.title(n) for n in names)],
            ["    Points Possible", "", "", "", "", *(number(a.max_score) for a in assignments)],
        ]
        for s in students:
            own = lists.get(s.id, {}).get("canvas", {})
            name = own.get("Student") or ", ".join(n for n in (s.last_name, s.first_name) if n) or s.id
            table.append(
                [
                    csv_cell(name),
                    *self.ids(
                        system_id(s, lists.get(s.id, {}), "canvas"),
                        own.get("SIS User ID", ""),
                        own.get("SIS Login ID", "" if own else s.id),
                    ),
                    csv_cell(own.get("Section", "")),
                    *(self.cell(marks[s.id, n]) for n in names),
                ]
            )
        return table


class Moodle(_Table):
    """Marks in the layout of Moodle's grade export, for its import from CSV."""

    default_name = "moodle.csv"
    keys = ("Email address", "ID number")

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return heading, students."""
        names = [a.name for a in assignments]
        table = [
            [
                "First name",
                "Last name",
                "ID number",
                "Institution",
                "Department",
                "Email address",
                *(self.title(n) for n in names),
            ]
        ]
        for s in students:
            own = lists.get(s.id, {}).get("moodle", {})
            table.append(
                [
                    csv_cell(s.first_name or ""),
                    csv_cell(s.last_name or ""),
                    *self.ids(system_id(s, lists.get(s.id, {}), "moodle")),
                    csv_cell(own.get("Institution", "")),
                    csv_cell(own.get("Department", "")),
                    *self.ids(s.email or ""),
                    *(self.cell(marks[s.id, n]) for n in names),
                ]
            )
        return table


class Brightspace(_Table):
    """Marks in the layout of Brightspace's grade import."""

    default_name = "brightspace.csv"
    keys = ("OrgDefinedId", "Username")

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return heading, students."""
        names = [a.name for a in assignments]
        table = [
            ["OrgDefinedId", "Username", *(f"{self.title(n)} Points Grade" for n in names), "End-of-Line Indicator"]
        ]
        for s in students:
            # Written as Brightspace writes them itself: the sign keeps a spreadsheet from making a number of an id.
            own = lists.get(s.id, {})
            org, user = (
                f"#{text}" if text else ""
                for text in (
                    system_id(s, own, "brightspace"),
                    own.get("brightspace", {"Username": s.id}).get("Username", "").removeprefix("#"),
                )
            )
            table.append([*self.ids(org, user), *(self.cell(marks[s.id, n]) for n in names), "#"])
        return table


class Blackboard(_Table):
    """Marks in the layout of Blackboard's offline grading."""

    default_name = "blackboard.csv"
    keys = ("Username",)

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return heading, students."""
        names = [a.name for a in assignments]
        titles = {a.name: self.title(a.name) for a in assignments}
        heads = [
            t if "[Total Pts" in t else f"{t} [Total Pts: {number(a.max_score)} Score]"
            for a in assignments
            for t in (titles[a.name],)
        ]
        table = [["Last Name", "First Name", "Username", "Student ID", *heads]]
        for s in students:
            own = lists.get(s.id, {})
            table.append(
                [
                    csv_cell(s.last_name or ""),
                    csv_cell(s.first_name or ""),
                    *self.ids(
                        own.get("blackboard", {"Username": s.id}).get("Username", ""), system_id(s, own, "blackboard")
                    ),
                    *(self.cell(marks[s.id, n]) for n in names),
                ]
            )
        return table


class Gradescope(_Table):
    """Marks in the columns of Gradescope's own download of grades."""

    default_name = "gradescope.csv"
    keys = ("Email", "SID")

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return heading, students."""
        heads = [
            h
            for a in assignments
            for t in (self.title(a.name),)
            for h in (t, f"{t} - Max Points", f"{t} - Submission Time")
        ]
        table = [["First Name", "Last Name", "SID", "Email", "Sections", *heads]]
        for s in students:
            own = lists.get(s.id, {})
            row = [
                csv_cell(s.first_name or ""),
                csv_cell(s.last_name or ""),
                *self.ids(system_id(s, own, "gradescope"), s.email or ""),
                csv_cell(own.get("gradescope", {}).get("Sections", own.get("gradescope", {}).get("Section", ""))),
            ]
            for a in assignments:
                mark = marks[s.id, a.name]
                row += [self.cell(mark), number(a.max_score), f"{mark.timestamp} +0000" if mark.timestamp else ""]
            table.append(row)
        return table


class Csv(_Table):
    """One row for each student and assignment, with everything that makes up the mark."""

    default_name = "marks.csv"

    def rows(self, students: list[Student], assignments: list[Any], marks: Marks, lists: Lists) -> list[list[str]]:
        """Return heading, students by assignment."""
        table = [
            [
                "assignment",
                "student_id",
                "last_name",
                "first_name",
                "email",
                "lms_user_id",
                "handed_in_utc",
                "due_utc",
                "raw_score",
                "late_penalty",
                "score",
                "max_score",
                "finished",
            ]
        ]
        for a in assignments:
            for s in students:
                m = marks[s.id, a.name]
                table.append(
                    [
                        self.title(a.name),
                        *self.ids(s.id),
                        csv_cell(s.last_name or ""),
                        csv_cell(s.first_name or ""),
                        csv_cell(s.email or ""),
                        *self.ids(s.lms_user_id or ""),
                        m.timestamp,
                        f"{a.duedate:%Y-%m-%d %H:%M:%S}" if a.duedate else "",
                        *((number(m.raw), number(m.penalty)) if m.handed_in else ("", "")),
                        self.cell(m),
                        number(a.max_score),
                        "yes" if m.finished and m.handed_in else "no",
                    ]
                )
        return table
