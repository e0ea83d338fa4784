"""Written answers shared out among several graders: evenly, once and for all, with a list for each of them.

What was given to a grader stays with that grader when more submissions come in; only where a grader leaves, what they have
not marked goes to the others. Who gets whose answers depends on the course's key, so that no grader always has the first
letters of the alphabet.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import hmac
import io
import json
import pathlib
from dataclasses import asdict, dataclass
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

from photgrader import coursedir
from photgrader.grading.sanitise import csv_cell


class AssignError(coursedir.CourseError):
    """Answers cannot be shared out as asked; the text says why."""


@dataclass(frozen=True)
class Answer:
    """One answer that a person marks.

    Parameters
    ----------
    student, notebook, question : str
        Whose, and which cell.
    done : bool
        Whether it is marked.
    page : str
        Its page in the formgrader, below the formgrader's address.
    """

    student: str
    notebook: str
    question: str
    done: bool
    page: str


@dataclass
class Sharing:
    """Who marks what of an assignment.

    Parameters
    ----------
    assignment : str
        Its name.
    by : str
        ``"student"``: a grader marks all answers of a student; ``"question"``: one question of all students.
    graders : list of str
        Who takes part.
    given : dict
        Grader of each student or each question.
    """

    assignment: str
    by: str
    graders: list[str]
    given: dict[str, str]

    def grader_of(self, answer: Answer) -> str:
        """Return who marks an answer; empty where nobody was asked to."""
        return self.given.get(answer.student if self.by == "student" else answer.question, "")


def answers(gradebook: Gradebook, assignment: str) -> list[Answer]:
    """Return the answers of an assignment that a person marks or has marked, by student and place in the notebook.

    An answer that was handed in as it was handed out has no points and no work in it, and is not among them; an automatic
    verdict that asks for a person is.
    """
    found = []
    with contextlib.suppress(MissingEntry):
        gradebook.find_assignment(assignment)
        for submission in gradebook.assignment_submissions(assignment):
            for notebook in submission.notebooks:
                page = f"submissions/{notebook.id}/"
                # A mark that a person gave over an automatic one is no work that waited for them.
                found += [
                    Answer(submission.student_id, notebook.name, g.name, not g.needs_manual_grade, page)
                    for g in notebook.grades
                    if g.needs_manual_grade or (g.auto_score is None and g.manual_score is not None)
                ]
    return sorted(found, key=lambda a: (a.student, a.notebook, a.question))


def share(
    before: Sharing | None, found: list[Answer], assignment: str, graders: list[str], by: str, key: bytes
) -> Sharing:
    """Share answers out; what was given stays where it is, as long as its grader takes part.

    Parameters
    ----------
    before : Sharing or None
        As it is now.
    found : list of Answer
        All answers of the assignment.
    assignment : str
        Its name.
    graders : list of str
        Who takes part from now on.
    by : str
        ``"student"`` or ``"question"``.
    key : bytes
        The course's key, for the order.

    Raises
    ------
    AssignError
        Where nobody takes part, or the way of sharing changes after marking has begun.
    """
    graders = list(dict.fromkeys(g.strip() for g in graders if g.strip()))
    if not graders:
        raise AssignError("Name at least one grader: --graders ada,bob")
    if before is not None and before.by != by:
        if any(a.done for a in found):
            raise AssignError(f"{assignment} is shared out by {before.by}, and marking has begun; it stays so.")
        before = None
    given = dict(before.given) if before else {}
    now = Sharing(assignment, by, graders, given)
    units: dict[str, list[Answer]] = {}
    for answer in found:
        units.setdefault(answer.student if by == "student" else answer.question, []).append(answer)
    for unit in list(given):
        # What a grader who left has finished stays in their name.
        if given[unit] not in graders and not all(a.done for a in units.get(unit, [])):
            del given[unit]
    load = {g: sum(len(units.get(u, ())) for u, who in given.items() if who == g) for g in graders}
    free = sorted((u for u in units if u not in given), key=lambda u: (-len(units[u]), _order(key, assignment, u)))
    for unit in free:
        # The largest first, each to who has least: no two graders differ by more than one unit.
        least = min(graders, key=lambda g: (load[g], graders.index(g)))
        given[unit] = least
        load[least] += len(units[unit])
    return now


def _order(key: bytes, assignment: str, unit: str) -> str:
    return hmac.new(key, f"assign\0{assignment}\0{unit}".encode(), hashlib.sha256).hexdigest()


# ------------------------------------------------------------------------------------------------ on disk
def _path(root: pathlib.Path, assignment: str) -> pathlib.Path:
    return coursedir.state_folder(root) / "marking" / f"{assignment}.json"


def read_sharing(root: pathlib.Path, assignment: str) -> Sharing | None:
    """Return who marks what, or None where nothing was shared out yet."""
    path = _path(root, assignment)
    try:
        return Sharing(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
    except (ValueError, TypeError) as problem:
        raise AssignError(f"{path} is damaged ({problem}); remove it and name the graders again.") from problem


def write_sharing(root: pathlib.Path, sharing: Sharing) -> None:
    """Keep who marks what."""
    coursedir.write_atomically(
        _path(root, sharing.assignment), json.dumps(asdict(sharing), indent=1, ensure_ascii=False) + "\n"
    )


# ------------------------------------------------------------------------------------------------ lists and progress
def progress(sharing: Sharing, found: list[Answer]) -> dict[str, dict[str, int]]:
    """Return for each grader how many answers are theirs and how many of these are marked; ``""`` is nobody's."""
    names = list(dict.fromkeys([*sharing.graders, *(sharing.grader_of(a) for a in found)]))
    return {
        name: {
            "answers": sum(sharing.grader_of(a) == name for a in found),
            "done": sum(sharing.grader_of(a) == name and a.done for a in found),
        }
        for name in names
    }


def worklist(sharing: Sharing, found: list[Answer], grader: str) -> list[Answer]:
    """Return the answers of one grader, those to be marked first."""
    return sorted((a for a in found if sharing.grader_of(a) == grader), key=lambda a: a.done)


def worklist_csv(found: list[Answer], grader: dict[Answer, str], address: str) -> str:
    """Return answers as CSV, with the address of each one's page in the formgrader."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["grader", "student", "notebook", "question", "marked", "page"])
    for a in found:
        writer.writerow(
            [
                csv_cell(grader[a]),
                csv_cell(a.student),
                csv_cell(a.notebook),
                csv_cell(a.question),
                "yes" if a.done else "no",
                csv_cell(address.rstrip("/") + "/" + a.page),
            ]
        )
    return buffer.getvalue()


def as_json(sharing: Sharing, found: list[Answer]) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "assignment": sharing.assignment,
        "by": sharing.by,
        "graders": sharing.graders,
        "progress": progress(sharing, found),
        "answers": [{**asdict(a), "grader": sharing.grader_of(a)} for a in found],
    }
