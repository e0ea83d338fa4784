"""The class list: read from what a learning management system exports, written into nbgrader's gradebook.

Layouts, as the systems' own sources and help pages have them:

- Canvas: a gradebook export begins with ``Student, ID, SIS User ID, SIS Login ID, Section`` (or ``LastName, FirstName`` in
  place of ``Student``), has perhaps a row of posting policies and then the row ``Points Possible``
  (canvas-lms, ``lib/gradebook_exporter.rb``).
- Moodle: a grade export as plain text begins with ``First name, Last name`` (``Surname`` before Moodle 4.0), ``ID number,
  Institution, Department, Email address`` and ends with ``Last downloaded from this course``; the list of participants has
  ``First name, Last name, Email address, Groups`` (moodle, ``grade/export/txt/grade_export_txt.php``). The headings are in the
  site's language and the order is always this one, so that a list whose third or sixth column holds addresses is known by it.
- Brightspace: ``OrgDefinedId, Username`` (or one of them, as the export was asked for), ``Last Name, First Name, Email`` and
  ``End-of-Line Indicator``, with a ``#`` before the ids so that a spreadsheet takes them for text (D2L's help, "Importing grades").
- Blackboard: ``Last Name, First Name, Username, Student ID, Last Access, Availability``, between commas or tabs (Blackboard's
  help, "Grade Center: work offline").
- Gradescope: ``First Name, Last Name`` (or ``Name``), ``SID, Email, Sections``, perhaps with ``Role`` (Gradescope's help, "Adding
  students and staff").
- Plain: ``id, first_name, last_name, email, lms_user_id``, which is also what ``nbgrader db student import`` takes.

The columns that an export back to the system needs (Canvas's section, Moodle's ID number) are kept beside the gradebook.
"""

from __future__ import annotations

import collections
import csv
import io
import json
import pathlib
import re
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import Gradebook, Student

from photgrader import coursedir

#: By which columns a layout is known, from the most particular to the least.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "canvas": ("ID", "SIS Login ID", "Section"),
    "brightspace": ("End-of-Line Indicator",),
    "blackboard": ("Last Name", "First Name", "Username", "Student ID"),
    "gradescope": ("SID", "Email"),
    "moodle": ("First name", "Email address"),
    "plain": ("id",),
}
#: Which column is nbgrader's id of a student, first choice first.
_IDS = {
    "canvas": ("SIS Login ID",),
    "brightspace": ("Username", "OrgDefinedId"),
    "blackboard": ("Username",),
    "gradescope": ("Email",),
    "moodle": ("Username", "Email address"),
    "plain": ("id",),
}
#: Which column is the system's own id of a person.
SYSTEM_IDS = {
    "canvas": "ID",
    "brightspace": "OrgDefinedId",
    "blackboard": "Student ID",
    "gradescope": "SID",
    "moodle": "ID number",
    "plain": "lms_user_id",
}
#: Moodle's columns in the order in which it writes them, by the place of the address.
_MOODLE = {
    2: ("First name", "Last name", "Email address"),
    5: ("First name", "Last name", "ID number", "Institution", "Department", "Email address"),
}
#: The identifying columns that are kept for an export back, as they are written there.
_KEPT = {
    name.casefold(): name
    for name in (
        "Student",
        "LastName",
        "FirstName",
        "ID",
        "SIS User ID",
        "SIS Login ID",
        "Integration ID",
        "Root Account",
        "Section",
        "Username",
        "First name",
        "Last name",
        "Surname",
        "ID number",
        "Institution",
        "Department",
        "Email address",
        "OrgDefinedId",
        "Email",
        "Name",
        "Student ID",
        "SID",
        "Sections",
    )
}
#: What `--map` can name.
FIELDS = ("id", "first_name", "last_name", "email", "lms_user_id")
_SAFE = re.compile(r"[^\W_][\w.@'-]{0,99}\Z")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")


#: No class list is larger.
MAX_BYTES = 20_000_000


class RosterError(coursedir.CourseError):
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


@dataclass
class ClassList:
    """What a class list says.

    Parameters
    ----------
    layout : str
        One of `LAYOUTS`.
    people : list of Person
        The students, in the order of the list.
    left_out : list of str
        A sentence for each row with somebody in it who could not be taken; nobody vanishes in silence.
    """

    layout: str
    people: list[Person] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_file(path: pathlib.Path) -> bytes:
    """Return what is in a class list's file.

    Raises
    ------
    RosterError
        Where it is larger than any class list, or a pipe that has a name, which might be waited for without end; a shell's own
        (``<(...)``, ``/dev/stdin``) is read.
    """
    if path.is_fifo() and path.absolute().parts[1:2] not in (("dev",), ("proc",)):
        raise RosterError(
            f"{path} is a pipe and no file; nothing was read. Name a file, or /dev/stdin for what comes through a pipe."
        )
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise RosterError(f"{path} is larger than any class list ({MAX_BYTES // 1_000_000} MB); nothing was read.")
    return content


def decode(content: bytes) -> str:
    """Return the text of a CSV file as spreadsheets write them: UTF-8, UTF-16, or Windows' Latin letters."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if content[1:2] == b"\0":
        return content.decode("utf-16-le", "replace")
    if content[:1] == b"\0":
        return content.decode("utf-16-be", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows with something in them, each with the number of its line."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Excel's own note of its separator.
    told = re.match(r'"?sep=(.)"?\n', text, re.IGNORECASE)
    skipped, text = (1, text[told.end() :]) if told else (0, text)
    separator = told[1] if told else max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        # A quote that is left open would take all that follows into one cell.
        collections.deque(csv.reader(io.StringIO(text), delimiter=separator, strict=True), maxlen=0)
    except csv.Error as problem:
        if "unexpected end" in str(problem):
            raise RosterError(
                "The class list ends within quotes: a quotation mark is left open in it. Close it, or take it out."
            ) from problem
    try:
        reader = csv.reader(io.StringIO(text), delimiter=separator)
        return [(reader.line_num + skipped, cells) for row in reader if any(cells := [cell.strip() for cell in row])]
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
    raise RosterError(
        f"The heading {', '.join(head)[:200]!r} is of no known layout. What a layout needs at least: {wanted}. Or say what is what: --map "
        "id=COLUMN --map last_name=COLUMN ..."
    )


def _translated(head: list[str], body: list[list[str]]) -> list[str]:
    """Return the heading of a Moodle list in English, known by its columns' order and content; any other as it is."""
    for place, names in _MOODLE.items():
        cells = [row[place] for row in body if len(row) > place]
        others = [cell for row in body for cell in row[:place]]
        if (
            cells
            and len(head) > place
            and all(_ADDRESS.match(c) for c in cells if c)
            and any(cells)
            and not any("@" in c for c in others)
        ):
            return [*names, *head[place + 1 :]]
    return head


def read_roster(
    content: bytes, layout: str = "auto", id_column: str = "", lower: bool = False, mapped: dict[str, str] | None = None
) -> ClassList:
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
    mapped : dict, optional
        Which column holds which of `FIELDS`, for a list of no known layout.

    Returns
    -------
    ClassList
        The students, and who of the list could not be taken.

    Raises
    ------
    RosterError
        One sentence: which line, and why.
    """
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise RosterError("The class list is a spreadsheet or an archive; save it as CSV first.")
    numbered = _rows(decode(content))
    if not numbered:
        raise RosterError("The class list is empty.")
    (_, head), body = numbered[0], numbered[1:]
    if mapped:
        missing = [c for c in mapped.values() if c.casefold() not in {h.casefold() for h in head}]
        if missing:
            raise RosterError(f"The class list has no column {missing[0]!r}; it has {', '.join(head)}.")
        fields = {column.casefold(): name for name, column in mapped.items()}
        # A column that has the name of a field another one was named for is none.
        head = [fields.get(h.casefold(), f"not {h}" if h.casefold() in mapped else h) for h in head]
        layout = "plain" if layout == "auto" else layout
        id_column = "id" if "id" in mapped else id_column
    elif layout == "moodle" or (layout == "auto" and not _known(head)):
        known = {h.casefold() for h in head}
        if not all(c.casefold() in known for c in LAYOUTS["moodle"]):
            head = _translated(head, [row for _, row in body])
    layout = guess_layout(head) if layout == "auto" else layout
    wanted = next(
        (c for c in ((id_column,) if id_column else _IDS[layout]) if c.casefold() in {h.casefold() for h in head}), None
    )
    if wanted is None:
        raise RosterError(
            f"The class list has no column {id_column or ' or '.join(_IDS[layout])!r}; it has {', '.join(head)}. Name one with --id."
        )
    if [h.casefold() for h in head].count(wanted.casefold()) > 1:
        raise RosterError(f"The class list has more than one column {wanted!r}; name another one with --id.")
    found = ClassList(layout)
    taken: dict[str, str] = {}
    for number, row in body:
        if any(row[len(head) :]):
            raise RosterError(
                f"Line {number} of the class list has {len(row)} cells and the heading {len(head)}: is there a separator in a name, without quotes?"
            )
        cells = dict(zip((h.casefold() for h in head), row, strict=False))
        if layout == "canvas" and _no_student(cells):
            continue
        person = _person(cells, head, layout, wanted)
        if any("\n" in text for text in (person.first_name, person.last_name, person.email)):
            raise RosterError(
                f"Line {number} of the class list ends a name or an address of several lines: is a quotation mark left open before it?"
            )
        person.first_name, person.last_name, person.email = map(
            _printable, (person.first_name, person.last_name, person.email)
        )
        if layout == "gradescope" and cells.get("role", "").casefold() not in ("", "student"):
            found.left_out.append(
                f"Line {number} of the class list: {person.email or person.id} was left out, because the role is {cells['role']!r}"
            )
            continue
        person.id = person.id.lower() if lower else person.id
        if not _SAFE.match(person.id):
            who = (
                " ".join(n for n in (person.first_name, person.last_name) if n)
                or cells.get("student")
                or person.email
                or "somebody"
            )
            found.left_out.append(
                f"Line {number} of the class list: {who} was left out, because {person.id!r} in {wanted!r} cannot be an account (letters, "
                "digits, . _ @ ' - only; it names folders)"
            )
            continue
        if (other := taken.get(person.id.lower())) is not None:
            raise RosterError(
                f"Line {number} of the class list: {person.id!r} is there twice; {wanted!r} should tell students apart."
                if person.id == other
                else f"Line {number} of the class list: {person.id!r} and {other!r} differ in capitals only, which accounts and folders may not; mend the "
                "list, or choose another column with --id."
            )
        taken[person.id.lower()] = person.id
        found.people.append(person)
    if found.left_out and not found.people:
        raise RosterError(
            f"{found.left_out[0]}, and so is everybody. Choose another column with --id, or mend the list."
        )
    if not found.people:
        # Taking out who is not in it would take out everybody.
        raise RosterError("There is nobody in the class list.")
    return found


def _printable(text: str) -> str:
    """Return a text without what steers a terminal or turns its letters round."""
    return re.sub("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]", "", text)


def _known(head: list[str]) -> bool:
    try:
        return bool(guess_layout(head))
    except RosterError:
        return False


def _no_student(cells: dict[str, str]) -> bool:
    """Tell Canvas's rows of posting policies, points and its test student from those of students."""
    name = cells.get("student", cells.get("lastname", "")).strip().casefold()
    nobody = not name and not cells.get("id") and not cells.get("sis login id")
    return nobody or name.startswith("points possible") or name in ("student, test", "test student")


def _person(cells: dict[str, str], head: list[str], layout: str, id_column: str) -> Person:
    def get(*names: str) -> str:
        return next((cells[n] for n in names if cells.get(n)), "")

    id = cells.get(id_column.casefold(), "")
    if layout == "brightspace":
        id = id.removeprefix("#")
    first, last = get("first name", "firstname", "first_name"), get("last name", "surname", "lastname", "last_name")
    if not (first or last):
        # One column with the whole name: "Lovelace, Ada" in Canvas, "Ada Lovelace" in Gradescope.
        whole = get("student", "name")
        last, first = (
            (p.strip() for p in whole.split(",", 1))
            if "," in whole
            else reversed([p.strip() for p in ("", *whole.rsplit(" ", 1))[-2:]])
        )
    kept = {
        _KEPT[h.casefold()]: cells[h.casefold()] for h in head[:8] if h.casefold() in _KEPT and cells.get(h.casefold())
    }
    system = get("lms_user_id", SYSTEM_IDS[layout].casefold())
    if system and layout != "plain":
        # A column that `--map` names is the system's own, whatever it is called.
        kept[SYSTEM_IDS[layout]] = system
    return Person(id, first, last, get("email address", "email"), system.removeprefix("#"), kept)


# ------------------------------------------------------------------------------------------------ into the course
@dataclass
class Imported:
    """What an import did: ids, by what became of them."""

    layout: str
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    not_listed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def import_roster(
    gradebook: Gradebook, root: pathlib.Path, listed: ClassList, dry_run: bool = False, remove: bool = False
) -> Imported:
    """Write a class list into the gradebook. Nobody with marks is ever removed: who is not listed any more is named.

    Parameters
    ----------
    gradebook : Gradebook
        Open.
    root : Path
        The course, which keeps the columns for an export back.
    listed : ClassList
        The list.
    dry_run : bool
        Whether to change nothing.
    remove : bool
        Whether to take out who is not listed and has nothing graded.

    Raises
    ------
    RosterError
        Somebody of the list is in the gradebook with other capitals; nothing has changed.
    """
    there, people = {s.id: s for s in gradebook.students}, listed.people
    known_as = {name.lower(): name for name in there}
    for person in people:
        before = known_as.get(person.id.lower(), person.id)
        if person.id not in there and before != person.id:
            raise RosterError(
                f"The class list has {person.id!r} and the gradebook {before!r}: they differ in capitals only, and would be two students. Nothing was "
                f"changed; {'import it with --lower' if before == person.id.lower() else 'mend the list'}."
            )
    kept = read_columns(root)
    done = Imported(listed.layout, not_listed=sorted(set(there) - {p.id for p in people}), left_out=listed.left_out)
    for person in people:
        facts = {
            k: getattr(person, k) for k in ("first_name", "last_name", "email", "lms_user_id") if getattr(person, k)
        }
        known = there.get(person.id)
        same = known is not None and all(getattr(known, k) == v for k, v in facts.items())
        (done.added if known is None else done.same if same else done.changed).append(person.id)
        if not dry_run and not same:
            student = known or Student(id=person.id)
            for name, value in facts.items():
                setattr(student, name, value)
            gradebook.db.add(student)
    if remove:
        done.removed = [name for name in done.not_listed if not there[name].submissions]
        done.not_listed = [name for name in done.not_listed if name not in done.removed]
        for name in done.removed if not dry_run else ():
            take_out(gradebook, name)
    if not dry_run:
        # All of the list or nothing of it; nbgrader's own way commits student by student.
        gradebook.db.commit()
        for person in people:
            kept.setdefault(person.id, {})[listed.layout] = person.columns
        coursedir.write_atomically(
            _columns_path(root), json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        )
    return done


def take_out(gradebook: Gradebook, name: str) -> None:
    """Take a student out of the gradebook who has nothing graded.

    Raises
    ------
    RosterError
        Where there is none of this name, or one with marks.
    """
    there = next((s for s in gradebook.students if s.id == name), None)
    if there is None:
        raise RosterError(f"{name!r} is not in the gradebook.")
    if there.submissions:
        raise RosterError(f"{name} has marks, and stays: nobody with marks is ever taken out.")
    gradebook.remove_student(name)


def _columns_path(root: pathlib.Path) -> pathlib.Path:
    return coursedir.state_folder(root) / "roster.json"


def read_columns(root: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the identifying columns of each student, by layout; empty where no list was imported."""
    path = _columns_path(root)
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if not isinstance(found, dict) or not all(isinstance(own, dict) for own in found.values()):
            raise ValueError("it holds no table of students")
        return found
    except ValueError as problem:
        raise RosterError(f"{path} is damaged ({problem}); remove it and import the class list again.") from problem


def system_id(student: Any, columns: dict[str, dict[str, str]], layout: str) -> str:
    """Return a system's own id of a student: as its list had it, or as it was given by hand where no other system's list was imported.

    Parameters
    ----------
    student : nbgrader.api.Student
        Of the gradebook, which has room for one system's id.
    columns : dict
        What `read_columns` has of this student.
    layout : str
        Which system.
    """
    if layout in columns:
        return str(columns[layout].get(SYSTEM_IDS[layout], "")).removeprefix("#")
    return "" if set(columns) - {"plain"} else student.lms_user_id or ""
