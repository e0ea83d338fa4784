"""Answers that a person marks, question by question, equal ones together; automatic verdicts that ask for a person, each by itself."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
from dataclasses import dataclass, field

import nbformat
from nbgrader.api import MissingEntry

from photgrader import coursedir
from photgrader.gradebook import app
from photgrader.gradebook.assign import answers
from photgrader.gradebook.mathml import text_to_html
from photgrader.gradebook.rubric import rubrics
from photgrader.grading.answers import grade_id_of


@dataclass
class Group:
    """Equal answers to a question.

    Parameters
    ----------
    id : str
        Named by what they say.
    text : str
        What they say.
    students : list of str
        Whose they are.
    done : bool
        Whether all of them are marked.
    score, comment : str
        What was given, where all were given the same.
    why : str
        Of an automatic verdict: what it says.
    """

    id: str
    text: str
    students: list[str] = field(default_factory=list)
    done: bool = True
    score: str = ""
    comment: str = ""
    why: str = ""


@dataclass
class Question:
    """A question that a person marks.

    Parameters
    ----------
    id, name, notebook : str
        Its own name, of both of the others.
    most : float
        Points.
    rubric : str
        For the marker, as clean HTML.
    groups : list of Group
        The answers; those of most students first.
    """

    id: str
    name: str
    notebook: str
    most: float
    rubric: str
    groups: list[Group] = field(default_factory=list)

    @property
    def open(self) -> int:
        """How many answers are not marked."""
        return sum(len(g.students) for g in self.groups if not g.done)


def questions(root: pathlib.Path, assignment: str) -> list[Question]:
    """Return the questions of an assignment with the answers to them."""
    found: dict[str, Question] = {}
    texts: dict[tuple[str, str], dict[str, tuple[str, bool]]] = {}
    schemes: dict[str, dict[str, str]] = {}
    with app.gradebook(root) as gradebook:
        for answer in answers(gradebook, assignment):
            place = (answer.student, answer.notebook)
            if place not in texts:
                texts[place] = _texts(root / "autograded" / answer.student / assignment / f"{answer.notebook}.ipynb")
            grade = gradebook.find_grade(answer.question, answer.notebook, assignment, answer.student)
            name = f"{answer.notebook}/{answer.question}"
            if answer.notebook not in schemes:
                schemes[answer.notebook] = rubrics(root, assignment, answer.notebook)
            if name not in found:
                rubric = text_to_html(schemes[answer.notebook].get(answer.question, ""))
                found[name] = Question(name, answer.question, answer.notebook, float(grade.max_score or 0), rubric)
            question = found[name]
            exercise, (text, automatic) = answer.question, texts[place].get(answer.question, ("", False))
            # The cell of a verdict is ours, and the same for all; what a person has to look at is not the same in equal code either.
            alone = answer.student if automatic else ""
            if automatic:
                exercise = exercise.removeprefix("check-")
                text = texts[place].get(exercise, (text, False))[0]
            digest = hashlib.sha256(f"{alone}{' '.join(text.split())}".encode("utf-8", "backslashreplace")).hexdigest()[
                :24
            ]
            group = next((g for g in question.groups if g.id == digest), None)
            if group is None:
                group = Group(digest, text, why=_why(root, assignment, answer.student, exercise) if automatic else "")
                question.groups.append(group)
            group.students.append(answer.student)
            group.done = group.done and answer.done
            if answer.done and not group.score and grade.manual_score is not None:
                group.score = f"{grade.manual_score:g}"
                with contextlib.suppress(MissingEntry):
                    group.comment = (
                        gradebook.find_comment(
                            answer.question, answer.notebook, assignment, answer.student
                        ).manual_comment
                        or ""
                    )
    for question in found.values():
        question.groups.sort(key=lambda g: (g.done, -len(g.students), g.students))
    return list(found.values())


def _why(root: pathlib.Path, assignment: str, student: str, exercise: str) -> str:
    """Return what the record says of a verdict that asks for a person."""
    record = coursedir.student_record(root, assignment, student)
    if record is None:
        return ""
    verdict = record.exercises.get(exercise)
    return (verdict.sentence if verdict is not None else "") or record.sentence


def _texts(path: pathlib.Path) -> dict[str, tuple[str, bool]]:
    """Return what a graded notebook, which the grader wrote, has in its marked cells, and whether that is marked by itself, by grade_id."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception:  # noqa: BLE001 - nbformat raises many kinds; an answer that is not there is shown as empty
        return {}
    marks = [(c, c.metadata["nbgrader"]) for c in cells if c.metadata.get("nbgrader")]
    return {str(grade_id_of(c)): (c.source, bool(m.get("grade") and not m.get("solution"))) for c, m in marks}
