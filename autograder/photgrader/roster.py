"""The class list: read from what a learning management system exports, written into nbgrader's gradebook.

Layouts, as the systems' own sources and help pages have them:

- Canvas: a gradebook export begins with ``Student, ID, SIS User ID, SIS Login ID, Section`` (or ``LastName, FirstName`` in
  place of ``Student``), has perhaps a row of posting policies and then the row ``Points Possible``
  (canvas-lms, ``lib/gradebook_exporter.rb``).
- Moodle: a grade export as plain text begins with ``First name, Last name`` (``Surname`` before Moodle 4.0), ``ID number,
  Institution, Department, Email address`` and ends with ``Last downloaded from this course``; the list of participants has
  ``First name, Last name, Email address, Groups`` (moodle, ``grade/export/txt/grade_export_txt.php``).
- Brightspace: ``OrgDefinedId, Username, Last Name, First Name, Email`` and ``End-of-Line Indicator``, with a ``#`` before the
  two ids so that a spreadsheet takes them for text (D2L's help, "Importing grades").
- Plain: ``id, first_name, last_name, email, lms_user_id``, which is also what ``nbgrader db student import`` takes.

The columns that an export back to the system needs (Canvas's section, Moodle's ID number) are kept beside the gradebook.
"""

from __future__ import annotations

import csv
import io
import json
import pathlib
import re
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import Gradebook

from photgrader import course

#: By which columns a layout is known, from the most particular to the least.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "canvas": ("ID", "SIS Login ID", "Section"),
    "brightspace": ("Username", "End-of-Line Indicator"),
    "moodle": ("First name", "Email address"),
    "plain": ("id",),
}
#: Which column is nbgrader's id of a student, first choice first.
_IDS = {"canvas": ("SIS Login ID",), "brightspace": ("Username",), "moodle": ("Username", "Email address"), "plain": ("id",)}
_SAFE = re.compile(r"[^\W_][\w.@-]{0,99}\Z")


class RosterError(course.CourseError):
    """A class list that cannot be used; the text says which line and why."""


@dataclass
class Person:
    """One student of a class list.

    Parameters
    ----------
    id : str
        nbgrader's id, which is the account on the hub.
    first_name, last_name, email : str
        As the list has them.
    lms_user_id : str
        The system's own id of the person.
    columns : dict
        The further identifying columns of the list, for an export back.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    columns: dict[str, str] = field(default_factory=dict)


def decode(content: bytes) -> str:
    """Return the text of a CSV file as spreadsheets write them: UTF-8, UTF-16 with its mark, or Windows' Latin letters."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _rows(text: str) -> list[list[str]]:
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    separator = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=separator) if any(c.strip() for c in row)]
    except csv.Error as problem:
        raise RosterError(f"The class list is not CSV: {problem}.") from problem


def guess_layout(head: list[str]) -> str:
    """Return the layout that a heading is of.

    Raises
    ------
    RosterError
        Where it is of none.
    """
    known = {h.casefold() for h in head}
    for name, needed in LAYOUTS.items():
        if all(n.casefold() in known for n in needed):
            return name
    wanted = "; ".join(f"{n}: {', '.join(c)}" for n, c in LAYOUTS.items())
    raise RosterError(f"The heading {', '.join(head)[:200]!r} is of no known layout. What a layout needs at least: {wanted}.")


def read_roster(content: bytes, layout: str = "auto", id_column: str = "", lower: bool = False) -> tuple[str, list[Person]]:
    """Read a class list.

    Parameters
    ----------
    content : bytes
        The CSV file.
    layout : str
        One of `LAYOUTS`, or ``"auto"``.
    id_column : str
        Column that is to be nbgrader's id, where it is not the usual one.
    lower : bool
        Whether to write ids in small letters, as JupyterHub does with the names of accounts.

    Returns
    -------
    str, list of Person
        The layout, and the students in the order of the list.

    Raises
    ------
    RosterError
        One sentence: which line, and why.
    """
    rows = _rows(decode(content))
    if not rows:
        raise RosterError("The class list is empty.")
    head, body = rows[0], rows[1:]
    layout = guess_layout(head) if layout == "auto" else layout
    wanted = next((c for c in ((id_column,) if id_column else _IDS[layout]) if c.casefold() in {h.casefold() for h in head}), None)
    if wanted is None:
        raise RosterError(f"The class list has no column {id_column or ' or '.join(_IDS[layout])!r}; it has {', '.join(head)}. Name one with --id.")
    people: dict[str, Person] = {}
    for number, row in enumerate(body, 2):
        cells = dict(zip((h.casefold() for h in head), row, strict=False))
        if layout == "canvas" and _no_student(cells):
            continue
        person = _person(cells, head, layout, wanted)
        person.id = person.id.lower() if lower else person.id
        if not _SAFE.match(person.id):
            raise RosterError(f"Line {number} of the class list: {person.id!r} in {wanted!r} cannot be a student's id (letters, digits, . _ @ - only; it "
                              "names folders). Choose another column with --id, or mend the list.")
        if person.id in people:
            raise RosterError(f"Line {number} of the class list: {person.id!r} is there twice; {wanted!r} should tell students apart.")
        people[person.id] = person
    return layout, list(people.values())


def _no_student(cells: dict[str, str]) -> bool:
    """Tell Canvas's rows of posting policies, points and its test student from those of students."""
    name = cells.get("student", cells.get("lastname", "")).strip().casefold()
    return not cells.get("id") or name.startswith("points possible") or name in ("student, test", "test student")


def _person(cells: dict[str, str], head: list[str], layout: str, id_column: str) -> Person:
    def get(*names: str) -> str:
        return next((cells[n] for n in names if cells.get(n)), "")

    id = cells.get(id_column.casefold(), "")
    if layout == "brightspace":
        id = id.removeprefix("#")
    first, last = get("first name", "firstname", "first_name"), get("last name", "surname", "lastname", "last_name")
    if layout == "canvas" and not last:
        last, _, first = (part.strip() for part in cells.get("student", "").partition(","))
    lms = {"canvas": ("id",), "brightspace": ("orgdefinedid",), "moodle": ("id number",), "plain": ("lms_user_id",)}[layout]
    kept = {h: cells[h.casefold()] for h in head[:8] if _identifying(h) and cells.get(h.casefold())}
    return Person(id, first, last, get("email address", "email"), get(*lms).removeprefix("#"), kept)


def _identifying(name: str) -> bool:
    return name.casefold() in {"student", "lastname", "firstname", "id", "sis user id", "sis login id", "integration id", "root account", "section",
                               "username", "first name", "last name", "surname", "id number", "institution", "department", "email address",
                               "orgdefinedid", "email"}


# ------------------------------------------------------------------------------------------------ into the course
@dataclass
class Imported:
    """What an import did: ids, by what became of them."""

    layout: str
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    not_listed: list[str] = field(default_factory=list)


def import_roster(gradebook: Gradebook, root: pathlib.Path, layout: str, people: list[Person], dry_run: bool = False) -> Imported:
    """Write a class list into the gradebook. Nobody is removed: who is not listed any more is named.

    Parameters
    ----------
    gradebook : Gradebook
        Open.
    root : Path
        The course, which keeps the columns for an export back.
    layout : str
        Where the list comes from.
    people : list of Person
        The list.
    dry_run : bool
        Whether to change nothing.
    """
    there = {s.id: s for s in gradebook.students}
    done = Imported(layout, not_listed=sorted(set(there) - {p.id for p in people}))
    for person in people:
        facts = {k: getattr(person, k) for k in ("first_name", "last_name", "email", "lms_user_id") if getattr(person, k)}
        known = there.get(person.id)
        same = known is not None and all(getattr(known, k) == v for k, v in facts.items())
        (done.added if known is None else done.same if same else done.changed).append(person.id)
        if not dry_run and not same:
            gradebook.update_or_create_student(person.id, **facts)
    if not dry_run:
        kept = read_columns(root)
        for person in people:
            kept.setdefault(person.id, {})[layout] = person.columns
        course.write_atomically(_columns_path(root), json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return done


def _columns_path(root: pathlib.Path) -> pathlib.Path:
    return course.state_folder(root) / "roster.json"


def read_columns(root: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the identifying columns of each student, by layout; empty where no list was imported."""
    path = _columns_path(root)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
