"""A hand-in by way of a student's own page: looked at as far as an answer needs, and put into the exchange as theirs, whole or not at all.

The service's account can read no student's home, and need not: the browser sends the notebook. From there on it is a hand-in like any other,
in the exchange's ``inbound/``, with the service's account as the owner (`photgrader.gradebook.exchange.HandIn.check_owner`).
"""

from __future__ import annotations

import collections
import datetime
import errno
import pathlib
import re
from dataclasses import dataclass

from photgrader import coursedir
from photgrader.coursedir.deadlines import Deadline
from photgrader.gradebook import exchange
from photgrader.grading import bounded
from photgrader.grading.answers import grade_id_of
from photgrader.grading.finding import NOTEBOOK_ENDINGS, Unreadable
from photgrader.grading.intake import parse

#: Most files of one hand-in; the notebooks, and what they read.
MOST_FILES = 20
#: What reading a notebook may take.
SECONDS, MEGABYTES = 8.0, 1000
NOTHING = "Nothing was handed in; what you handed in before still counts."
_NAME = re.compile(r"\w[\w .()-]{0,99}")
#: What the exchange writes beside a notebook itself.
_OURS = ("timestamp.txt", "submission_secret.txt")


class NotTaken(Exception):
    """Why something was not handed in.

    Parameters
    ----------
    sentence : str
        For the student.
    status : int
        Of the answer, by HTTP.
    """

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence, self.status = sentence, status


@dataclass(frozen=True)
class Sent:
    """A file that a browser sent.

    Parameters
    ----------
    name : str
        As the browser calls it.
    body : bytes
        What is in it.
    """

    name: str
    body: bytes


def most_bytes(root: pathlib.Path, assignment: str) -> int:
    """Return how much a hand-in of an assignment may have, all files together."""
    return (
        coursedir.settings(root).limits.submission_mb * 1_000_000 * max(1, len(coursedir.notebooks(root, assignment)))
    )


def too_large(most: int) -> str:
    """Say that something is too large."""
    return (
        f"What you chose is too large: at most {most / 1e6:g} MB are taken. Clear the notebook's outputs (Edit, Clear Outputs of All Cells), "
        f"save, and hand in again. {NOTHING}"
    )


def check_day(deadline: Deadline | None, student: str, now: datetime.datetime) -> None:
    """Refuse what can earn nothing any more.

    Raises
    ------
    NotTaken
        Where being late takes all of the points by now.
    """
    last = deadline.last_moment(student) if deadline is not None else None
    if last is not None and now > last:
        raise NotTaken(
            f"The last day is over: since {last.day} {last:%B %Y, %H:%M} ({last.tzname()}) being late takes all of the points. {NOTHING} "
            "Where you had a reason, ask your instructor for an extension.",
            403,
        )


def files_of(root: pathlib.Path, assignment: str, sent: list[Sent]) -> dict[str, bytes]:
    """Return the files of a hand-in by the names that they have in it: each notebook of the assignment, and what comes with them.

    Parameters
    ----------
    root : Path
        The course.
    assignment : str
        What it is to be.
    sent : list of Sent
        What the browser sent.

    Raises
    ------
    NotTaken
        One sentence: no notebook, not one that can be read, another assignment's, too large, oddly named.
    """
    if not sent:
        raise NotTaken(f"Choose your notebook first. {NOTHING}")
    if len(sent) > MOST_FILES:
        raise NotTaken(f"You chose {len(sent)} files; at most {MOST_FILES} are taken at once. {NOTHING}")
    most = most_bytes(root, assignment)
    if sum(len(one.body) for one in sent) > most:
        raise NotTaken(too_large(most), 413)
    wanted, found = coursedir.notebooks(root, assignment), {}
    for one in sent:
        if one.name.lower().endswith(NOTEBOOK_ENDINGS):
            name = f"{_which(root, assignment, wanted, one)}.ipynb"
        else:
            name = one.name
            if not _NAME.fullmatch(name) or len(name.encode()) > 200 or name in _OURS:
                raise NotTaken(f"A file called {name[:100]!r} cannot be taken; give it another name. {NOTHING}")
        if name in found:
            raise NotTaken(f"Two of the files that you chose would be {name}; choose one of them. {NOTHING}")
        found[name] = one.body
    missing = [f"{n}.ipynb" for n in wanted if f"{n}.ipynb" not in found]
    if missing:
        raise NotTaken(
            f"{missing[0]} is not among what you chose; choose all that belongs to {assignment} together. {NOTHING}"
        )
    return found


def _which(root: pathlib.Path, assignment: str, wanted: list[str], one: Sent) -> str:
    """Return which notebook of the assignment a file is."""
    most = coursedir.settings(root).limits.submission_mb * 1_000_000
    if len(one.body) > most:
        raise NotTaken(too_large(most), 413)
    read = bounded.call(lambda: _marks(one.body), SECONDS, MEGABYTES)
    if not isinstance(read, list):
        raise NotTaken(f"{read or 'Your notebook takes too long to read.'} {NOTHING}")
    marks, alike = set(read), {}
    for name, own in _own_marks(root).items():
        alike[name] = len(marks & own) / len(own) if own else 0.0
    best = max(alike, key=lambda name: (alike[name], name[0] == assignment))
    if best[0] != assignment and alike[best] >= 0.5:
        raise NotTaken(f"{one.name[:100]} is the notebook of {best[0]}, and not of {assignment}. {NOTHING}")
    if len(wanted) == 1:
        return wanted[0]
    stem = one.name.split(".")[0]
    if stem in wanted:
        return stem
    if best[0] == assignment and alike[best]:
        return best[1]
    raise NotTaken(f"{one.name[:100]} is none of {', '.join(f'{n}.ipynb' for n in wanted)}. {NOTHING}")


def _marks(body: bytes) -> list[str] | str:
    try:
        notebook, _ = parse(body)
    except Unreadable as problem:
        return problem.sentence
    return [name for cell in notebook.cells if (name := grade_id_of(cell))]


def _own_marks(root: pathlib.Path) -> dict[tuple[str, str], set[str]]:
    """Return, of each released notebook, the marks of cells that no other one has: by these a notebook is known."""
    marks = {
        (a, n): {name for cell in coursedir.skeleton(root, a, n).cells if (name := grade_id_of(cell))}
        for a in coursedir.released(root)
        for n in coursedir.notebooks(root, a)
    }
    often = collections.Counter(mark for own in marks.values() for mark in own)
    return {name: {mark for mark in own if often[mark] == 1} for name, own in marks.items()}


def hand_in(
    root: pathlib.Path,
    inbound: pathlib.Path,
    student: str,
    assignment: str,
    sent: list[Sent],
    now: datetime.datetime,
    deadline: Deadline | None = None,
) -> None:
    """Hand in what a browser sent, whole or not at all.

    Parameters
    ----------
    root : Path
        The course.
    inbound : Path
        Where the exchange has hand-ins.
    student, assignment : str
        Whose, as the log-in says, and of what.
    sent : list of Sent
        What the browser sent.
    now : datetime
        When all of it had come (UTC).
    deadline : Deadline, optional
        Of the assignment.

    Raises
    ------
    NotTaken
        One sentence: why not. Nothing is in the exchange then.
    """
    check_day(deadline, student, now)
    try:
        files = files_of(root, assignment, sent)
    except coursedir.CourseError as problem:
        raise NotTaken(
            f"The course has a fault, so nothing can be handed in: tell your instructor. {NOTHING}", 503
        ) from problem
    try:
        exchange.put_hand_in(inbound, student, assignment, files, now)
    except exchange.ExchangeProblem as problem:
        raise NotTaken(f"{problem} {NOTHING}") from problem
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotTaken(
                f"The disk of the course is full: tell your instructor, and hand in again later. {NOTHING}", 507
            ) from problem
        raise NotTaken(
            f"The course's exchange cannot be written to ({problem.strerror or type(problem).__name__}): tell your instructor. {NOTHING}",
            503,
        ) from problem
