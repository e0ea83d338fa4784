"""What a page says of a try, as the policy of the assignment allows it."""

from __future__ import annotations

import contextlib
import datetime
import pathlib
from dataclasses import dataclass, field
from typing import Any

from photgrader import coursedir
from photgrader.coursedir import deadlines
from photgrader.gradebook import penalties
from photgrader.serve import policy
from photgrader.serve.access import Viewer
from photgrader.serve.queue import Item, Queue

WAITING = {
    "waiting": "waits for its turn",
    "held": "waits for the next day",
    "grading": "is being graded",
    "graded": "graded",
    "replaced": "not graded",
    "refused": "refused",
    "failed": "not graded",
}
#: Why a student sees no feedback page at once.
HIDDEN_TESTS = "The feedback page comes from your instructor, later, because this assignment has hidden tests."


@dataclass
class Told:
    """A try as a page shows it.

    Parameters
    ----------
    item : Item
        The try.
    level : str
        ``"all"``, ``"states"`` or ``"nothing"``.
    words : str
        Where it is, in words.
    points : str
        Points and what was taken off; empty where they are not told.
    exercises : list of dict
        ``name``, ``state``, and where all is told ``points``, ``sentence``, ``symptom``.
    remarks : list of str
        What was mended or went wrong.
    feedback : bool
        Whether feedback pages may be opened.
    notebooks : list of str
        Of which notebooks there is one.
    instead : str
        What is said where it may not be.
    """

    item: Item
    level: str
    words: str
    points: str = ""
    exercises: list[dict[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    feedback: bool = False
    notebooks: list[str] = field(default_factory=list)
    instead: str = ""


class Course:
    """A course as the pages read it; its files are read again when they change.

    Parameters
    ----------
    root : Path
        The course.
    """

    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.queue = root, Queue.of(root)
        self._read: tuple[Any, ...] = ()
        self.trouble = ""
        self.assignments: list[str] = []
        #: Those with answers that a person marks.
        self.by_hand: set[str] = set()
        self.deadlines: dict[str, deadlines.Deadline] = {}
        self._policies = policy.Policies()
        self.refresh()

    def refresh(self) -> None:
        """Read due dates and policies, where they changed; with a slip in them nothing is told until it is mended."""
        names = ("release", deadlines.NAME, policy.NAME)
        stamp = tuple((self.root / n).stat().st_mtime_ns if (self.root / n).exists() else 0 for n in names)
        if stamp == self._read:
            return
        self._read = stamp
        self.assignments = coursedir.released(self.root)
        self.by_hand = {name for name in self.assignments if self._written(name)}
        try:
            self.deadlines = deadlines.load_deadlines(self.root)
            self._policies = policy.load_policies(self.root, self.assignments, self.deadlines)
            slips = penalties.slips(self.deadlines, self.assignments, set())
            self.trouble = f"{deadlines.NAME}: {'; '.join(slips)}. No date holds for it." if slips else ""
        except coursedir.CourseError as problem:
            self.trouble, self._policies = str(problem), policy.Policies(policy.Policy(tell="nothing", open=False))

    def _written(self, assignment: str) -> bool:
        with contextlib.suppress(coursedir.CourseError):
            for name in coursedir.notebooks(self.root, assignment):
                marks = [c.metadata.get("nbgrader", {}) for c in coursedir.skeleton(self.root, assignment, name).cells]
                if any(m.get("grade") and m.get("solution") for m in marks):
                    return True
        return False

    def policy(self, assignment: str) -> policy.Policy:
        """Return what is done and told of an assignment."""
        return self._policies.of(assignment)

    def level(self, assignment: str, viewer: Viewer) -> str:
        """Return what may be told now."""
        return (
            "all"
            if viewer.staff
            else self.policy(assignment).tells(self.deadlines.get(assignment), datetime.datetime.now(datetime.UTC))
        )

    def due(self, assignment: str, student: str) -> str:
        """Return when an assignment is due for a student, and what being late costs, in a sentence; empty where nothing is due."""
        deadline = self.deadlines.get(assignment)
        return deadlines.in_words(deadline, student) if deadline is not None else ""

    def taken(self, assignment: str, student: str, when: datetime.datetime) -> str:
        """Return what is said to a student whose hand-in is in the exchange."""
        words = f"{assignment} was handed in at {when:%H:%M:%S} ({when.tzname()})."
        deadline = self.deadlines.get(assignment)
        late = (when - deadline.due_for(student)).total_seconds() if deadline is not None else 0.0
        if deadline is not None and late > 0:
            percent = deadline.percent(late)
            words += (
                f" It is late, which takes {percent:g} % of the points."
                if percent
                else " It is late, which takes nothing."
            )
        return words + (
            " How it went stands here as soon as it is graded."
            if self.policy(assignment).open
            else " It is graded later, not here."
        )

    def rules(self, assignment: str) -> str:
        """Return what holds for tries of an assignment, in words."""
        rules = self.policy(assignment)
        words = [] if rules.open else ["What you hand in is graded later, not here."]
        if rules.tries_a_day:
            words.append(
                f"{rules.tries_a_day} {'try is' if rules.tries_a_day == 1 else 'tries are'} graded a day; further ones wait for the next."
            )
        words.append("The best try counts." if rules.counts == "best" else "The last try counts.")
        words += {
            "states": ["You are told which exercises are right; points and feedback come later."],
            "nothing": ["Results come later."],
            "after due": ["Results come after the last due date."],
        }.get(rules.tell, [])
        return " ".join(words)

    def told(self, item: Item, viewer: Viewer) -> Told:
        """Return a try as a viewer may see it."""
        level = self.level(item.assignment, viewer)
        found = Told(item, level, WAITING.get(item.state, item.state))
        if item.state != "graded" or not item.verdict or level == "nothing":
            if item.state == "graded" and level == "nothing":
                found.words = "graded; the result is told later"
            found.remarks = [item.sentence] if item.sentence and item.state != "graded" else []
            return found
        verdict, hints = (
            item.verdict,
            viewer.staff or item.number >= self.policy(item.assignment).hints_from_try or not item.number,
        )
        found.remarks = [
            w
            for w in (
                item.sentence if level == "all" else "",
                verdict["sentence"],
                *verdict["repairs"],
                *verdict["faults"],
            )
            if w
        ]
        if level == "all":
            deadline = self.deadlines.get(item.assignment)
            late = deadline.percent_of(item.student, verdict["submitted"]) if deadline is not None else 0.0
            found.points = _points(verdict, late)
            found.feedback = item.pages and hints
            found.notebooks = list(self.pages(item)) if found.feedback else []
            if verdict.get("hidden_tests") and not viewer.staff:
                # The page has these lines, and what they said of the answer.
                found.feedback, found.instead = False, HIDDEN_TESTS
        # Judged after the hidden lines were run in its kernel, a function can say them in its answers and errors.
        symptoms = hints and (viewer.staff or not verdict.get("hidden_tests"))
        for name, one in verdict["exercises"].items():
            line = {"name": name, "state": one["state"]}
            if level == "all":
                sentence = (
                    one["sentence"]
                    if hints or not one["hint_title"]
                    else one["sentence"].removesuffix(f" {one['hint_title']}.")
                )
                line |= {
                    "points": f"{points(one['points'])} of {points(one['max_points'])}{' (extra)' if one['extra'] else ''}",
                    "sentence": sentence,
                    "symptom": one["symptom"] if symptoms else "",
                }
            found.exercises.append(line)
        return found

    def pages(self, item: Item) -> dict[str, pathlib.Path]:
        """Return the newest feedback pages of a try, by notebook: the instructor's own where it was made after the verdict."""
        own, kept = (
            self.root / "feedback" / item.student / item.assignment,
            self.root / coursedir.folder.STATE / "live" / "pages" / str(item.id),
        )
        found = {page.stem: page for page in sorted(kept.glob("*.html"))}
        # A page by another name is none of a notebook's.
        for notebook in coursedir.notebooks(self.root, item.assignment) if item.counts else ():
            page, ours = own / f"{notebook}.html", found.get(notebook)
            if page.is_file() and page.stat().st_mtime > (ours.stat().st_mtime if ours else item.finished):
                found[notebook] = page
        return found


def points(value: float) -> str:
    """Return points as they are told: to a hundredth.

    Examples
    --------
    >>> points(70.33333), points(80.0)
    ('70.33', '80')
    """
    return f"{round(value, 2):g}"


def _points(verdict: dict[str, Any], percent_late: float) -> str:
    words = f"{points(verdict['points'])} of {points(verdict['max_points'])} points"
    if verdict["extra_points"]:
        words += f", and {points(verdict['extra_points'])} extra"
    if percent_late:
        words += f"; {percent_late:g} % less for being late"
    return words


def mistakes(items: list[Item]) -> list[tuple[str, str, int]]:
    """Return which mistake how many make in the tries that count: exercise, mistake, students; the most frequent first."""
    found: dict[tuple[str, str], int] = {}
    for item in items:
        for name, one in item.verdict.get("exercises", {}).items():
            if one["state"] not in ("right", "skipped"):
                words = (name, one["hint_title"] or f"{one['state']}, no known mistake")
                found[words] = found.get(words, 0) + 1
    return sorted(((name, what, n) for (name, what), n in found.items()), key=lambda row: (-row[2], row[0], row[1]))
