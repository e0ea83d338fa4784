"""What a check needs to know of an exercise, as data: cases, right answers, fingerprints, hints."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass, field
from typing import Any

from photcheck import wire
from photcheck.comparators import Comparator, from_json, to_json

FORMAT = 1


@dataclass(frozen=True)
class Hint:
    """A mistake in the words of the course, to be opened step by step.

    Parameters
    ----------
    title : str
        The mistake's name: "x and y exchanged".
    idea : str
        What goes wrong and why, in a few sentences; no solution.
    contrast : str
        A small worked contrast: numbers or a line of code, the wrong beside the right.
    """

    title: str
    idea: str = ""
    contrast: str = ""


@dataclass
class CaseSpec:
    """One case of an exercise, ready to be judged.

    Parameters
    ----------
    name : str
        Short name.
    tests : str
        What the case tests, in words that may be shown to a student.
    args : list
        Plain forms of the arguments (`photcheck.wire`).
    expected : object
        The right answer (decoded); see `comparator`.
    comparator : Comparator
        How answers are compared.
    points : float
        Weight within the exercise.
    hidden : bool
        Whether the case was made for this grading run; its inputs are then shown to nobody.
    fingerprints : dict
        Misconception id to the (thinned) answer it gives here, or ``{"raises": type name}``.
    no_warnings : bool
        Whether a warning from the function is a fault.
    output : str
        Name of the file the function writes, where that file is the answer.
    origin : str
        ``"embedded"`` or ``"archive"``; cases on archive files are run where the file is there.
    needs : dict
        For archive cases: file name to sha256.

    Attributes
    ----------
    passes : dict
        Whether a misconception's answer is right here (`photcheck.naming`), as far as that was asked; copies share it.
    """

    name: str
    tests: str
    args: list[Any]
    expected: Any
    comparator: Comparator
    points: float = 1.0
    hidden: bool = False
    fingerprints: dict[str, Any] = field(default_factory=dict)
    no_warnings: bool = False
    output: str = ""
    origin: str = "embedded"
    needs: dict[str, str] = field(default_factory=dict)
    passes: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the plain form."""
        return {
            "name": self.name,
            "tests": self.tests,
            "args": self.args,
            "expected": wire.encode(self.expected),
            "comparator": to_json(self.comparator),
            "points": self.points,
            "fingerprints": {k: wire.encode(v) for k, v in self.fingerprints.items()},
            "no_warnings": self.no_warnings,
            "output": self.output,
            "origin": self.origin,
            "needs": self.needs,
            "hidden": self.hidden,
        }

    @classmethod
    def from_json(cls, form: dict[str, Any]) -> CaseSpec:
        """Rebuild from the plain form."""
        return cls(
            form["name"],
            form["tests"],
            form["args"],
            wire.decode(form["expected"], data=True),
            from_json(form["comparator"]),
            form["points"],
            bool(form.get("hidden", False)),
            {k: wire.decode(v, data=True) for k, v in form["fingerprints"].items()},
            form["no_warnings"],
            form["output"],
            form["origin"],
            form["needs"],
        )


@dataclass
class ExerciseSpec:
    """An exercise as its check sees it.

    Parameters
    ----------
    name, assignment, title : str
        The function's name, the assignment's, and a title for people.
    params : tuple of str
        Names of the parameters.
    cases : list of CaseSpec
        What to call the function on.
    hints : dict of str to Hint
        By misconception id, in order of priority.
    points : float
        What the check is worth.
    picture : str
        Which picture shows a wrong answer, see `photcheck.pictures`.
    figure : bool
        Whether the answer is a figure.
    template_names : tuple of str
        Variables that the notebook as handed out defines.
    extra : bool
        Whether the points lie on top of the assignment's maximum.
    factors : tuple of (float, str)
        Factors that answers in this course's subject are often off by, and their names.
    seconds : float
        How long one call may take.
    also : tuple of str
        What grading tries besides the cases that are here, in words.
    section : str
        Where the course explains this: a lecture's section.
    place : int
        Which of the assignment's exercises it is, in the order of the notebook.
    mistakes : str
        Hash of the mistakes that the cases' fingerprints are answers of.
    """

    name: str
    assignment: str
    title: str
    params: tuple[str, ...]
    cases: list[CaseSpec]
    hints: dict[str, Hint] = field(default_factory=dict)
    points: float = 1.0
    picture: str = ""
    figure: bool = False
    template_names: tuple[str, ...] = ()
    extra: bool = False
    factors: tuple[tuple[float, str], ...] = ()
    seconds: float = 15.0
    also: tuple[str, ...] = ()
    section: str = ""
    place: int = 0
    mistakes: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the plain form."""
        return {
            "format": FORMAT,
            "name": self.name,
            "assignment": self.assignment,
            "title": self.title,
            "extra": self.extra,
            "params": list(self.params),
            "points": self.points,
            "picture": self.picture,
            "figure": self.figure,
            "template_names": sorted(self.template_names),
            "cases": [c.to_json() for c in self.cases],
            "hints": {k: [h.title, h.idea, h.contrast] for k, h in self.hints.items()},
            "factors": [list(f) for f in self.factors],
            "seconds": self.seconds,
            "also": list(self.also),
            "section": self.section,
            "place": self.place,
            "mistakes": self.mistakes,
        }

    @classmethod
    def from_json(cls, form: dict[str, Any]) -> ExerciseSpec:
        """Rebuild from the plain form.

        Raises
        ------
        ValueError
            Where the form is of another version.
        """
        if form.get("format") != FORMAT:
            raise ValueError("this check file is of another version; fetch the assignment again or update photcourse")
        return cls(
            form["name"],
            form["assignment"],
            form["title"],
            tuple(form["params"]),
            [CaseSpec.from_json(c) for c in form["cases"]],
            {k: Hint(*h) for k, h in form["hints"].items()},
            form["points"],
            form["picture"],
            form["figure"],
            tuple(form["template_names"]),
            form.get("extra", False),
            tuple((float(v), str(n)) for v, n in form.get("factors", ())),
            float(form.get("seconds", 15.0)),
            tuple(form.get("also", ())),
            str(form.get("section", "")),
            int(form.get("place", 0)),
            str(form.get("mistakes", "")),
        )

    def write(self, folder: pathlib.Path) -> pathlib.Path:
        """Write the check file of this exercise into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(self.dumps(), encoding="utf-8")
        return path

    def dumps(self) -> str:
        """Return the check file's text."""
        return json.dumps(self.to_json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: pathlib.Path) -> ExerciseSpec:
        """Read a check file."""
        return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
