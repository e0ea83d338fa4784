"""What a record of a graded submission holds: its types, and the one place where they are read from plain data and written as such."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

#: 1: the first releases of the grader, in which some of today's fields are not there yet. 2: this one.
FORMAT = 2
FORMATS = (1, 2)


class NotARecord(ValueError):
    """Plain data that is no record, or one of a newer grader; the text says which."""


class _Plain:
    """What is read from plain data field by field, what is not there having its default, and what is unknown being left out."""

    @classmethod
    def read(cls, form: Any) -> Self:
        """Build from plain data.

        Raises
        ------
        NotARecord
            A field is missing that has no default, or has a value of another kind.
        """
        if not isinstance(form, dict):
            raise NotARecord(f"{cls.__name__}: plain data with names is expected, not {type(form).__name__}")
        try:
            return cls(
                **{
                    name: _value(kind, form[name])
                    for name, kind in _kinds(typing.cast(Any, cls)).items()
                    if name in form
                }
            )
        except (TypeError, ValueError, AttributeError) as problem:
            raise NotARecord(f"{cls.__name__}: {problem}") from problem


@functools.cache
def _kinds(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _value(kind: Any, value: Any) -> Any:
    """Return a field's value from plain data; `kind` is its type."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if type(None) in args:
        return None if value is None else _value(next(a for a in args if a is not type(None)), value)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_value(args[0], v) for v in value)
    if origin is dict and isinstance(value, dict):
        return {str(name): _value(args[1], v) for name, v in value.items()}
    if kind is Any:
        return value
    if isinstance(kind, type) and issubclass(kind, _Plain):
        return kind.read(value)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if kind is not float and isinstance(kind, type) and type(value) is kind:
        return value
    raise ValueError(f"{value!r:.40} is not of the kind {kind}")


@dataclass(frozen=True)
class CaseRecord(_Plain):
    """One case of an exercise: what was asked, and how the answer was.

    Parameters
    ----------
    name, tests : str
        The case's name, and what it tries.
    hidden : bool
        Whether students do not have it.
    weight, score : float
        Its share of the points, and the share of that which was earned, 0 to 1.
    kind, symptom : str
        As in `photcheck.comparators.Finding`.
    seconds : float
        Processor time of the call.
    """

    name: str
    tests: str = ""
    hidden: bool = False
    weight: float = 1.0
    score: float = 0.0
    kind: str = ""
    symptom: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class ExerciseRecord(_Plain):
    """The verdict on one exercise.

    Parameters
    ----------
    points, max_points : float
        Earned, and at most.
    state, sentence : str
        As in `photcheck.verdict.Verdict`.
    hint, hint_title, symptom : str
        The recognised mistake and its title; what is off.
    seed : int
        Of the hidden cases.
    notes : tuple of str
        What the grader should know.
    cases : tuple of CaseRecord
        Every case.
    extra : bool
        Whether it is extra credit.
    code : str
        Hash of the exercise (`photgrader.grading.hashes.exercise_hash`).
    """

    points: float = 0.0
    max_points: float = 0.0
    state: str = ""
    sentence: str = ""
    hint: str = ""
    hint_title: str = ""
    symptom: str = ""
    seed: int = 0
    notes: tuple[str, ...] = ()
    cases: tuple[CaseRecord, ...] = ()
    extra: bool = False
    code: str = ""


@dataclass(frozen=True)
class RepairRecord(_Plain):
    """What was put right on the way in, in words for the student and for the grader."""

    kind: str
    student: str = ""
    grader: str = ""


@dataclass(frozen=True)
class FaultRecord(_Plain):
    """A cell that did not end, and how."""

    cell: str
    state: str
    sentence: str = ""


@dataclass(frozen=True)
class Hashes(_Plain):
    """Which submission, which release and which judging code a verdict was made from."""

    submission: str
    release: str
    judge: str


@dataclass(frozen=True)
class BoardLine(_Plain):
    """A line of the leaderboard: a name of the student's choice, and figures."""

    name: str
    figures: dict[str, float]


@dataclass(frozen=True)
class Record(_Plain):
    """The record of a graded submission: enough to repeat each verdict.

    Parameters
    ----------
    student, assignment, notebook : str
        Names.
    run : str
        Label of the grading run.
    graded, submitted : str
        When, in ISO 8601.
    state, intake, sentence : str
        How it came out, how it came in, and what is said of that.
    sandbox : bool
        False where it was graded without one.
    kernel : str
        How the kernel was started.
    repairs, faults : tuple
        What was put right, and which cells did not end.
    seconds : float
        What grading took.
    versions : dict
        Of the packages that a verdict depends on.
    points, max_points, extra_points : float
        Sums over the exercises.
    exercises : dict
        The verdicts by exercise.
    plain_tests : dict
        Cells of plain nbgrader's tests, whose points the notebook itself decides: ``"run"`` or why not.
    hidden_tests : bool
        Whether lines of these tests were run that the release does not have.
    answers : dict
        Hashes of the answers that a person marks.
    hashes : Hashes, optional
        What it was made from; None in records of format 1 that do not say.
    leaderboard : BoardLine, optional
        Where the student asked for it.
    key : str, optional
        Of everything that the verdicts depend on; None until the gradebook has it, empty where it is to be tried again.
    signature : str
        The grader's (`photgrader.coursedir.signatures`).
    format : int
        Of the plain data.
    source : dict
        The plain data as it was read, which is what was signed.
    """

    student: str
    assignment: str = ""
    notebook: str = ""
    run: str = "1"
    graded: str = ""
    state: str = ""
    intake: str = ""
    sandbox: bool = True
    kernel: str = ""
    repairs: tuple[RepairRecord, ...] = ()
    sentence: str = ""
    faults: tuple[FaultRecord, ...] = ()
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    points: float = 0.0
    max_points: float = 0.0
    extra_points: float = 0.0
    exercises: dict[str, ExerciseRecord] = field(default_factory=dict)
    plain_tests: dict[str, str] = field(default_factory=dict)
    hidden_tests: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    hashes: Hashes | None = None
    leaderboard: BoardLine | None = None
    key: str | None = None
    submitted: str = ""
    signature: str = ""
    format: int = FORMAT
    source: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, form: Any) -> Record:
        """Build from plain data, of any format that this grader knows.

        Raises
        ------
        NotARecord
            It is no record, or one of a newer grader.
        """
        if isinstance(form, dict) and form.get("format", 1) not in FORMATS:
            raise NotARecord(f"its format is {form['format']!r}, and this grader reads {', '.join(map(str, FORMATS))}")
        # What was read is kept apart, under a name that no file can give.
        record = super().read({k: v for k, v in form.items() if k != "source"} if isinstance(form, dict) else form)
        return dataclasses.replace(record, source=form)

    @property
    def name(self) -> tuple[str, str, str]:
        """Assignment, student, notebook."""
        return self.assignment, self.student, self.notebook

    def write(self) -> dict[str, Any]:
        """Return plain data, in today's format; what is not set is left out."""
        form = dataclasses.asdict(dataclasses.replace(self, format=FORMAT, source={}))
        del form["source"]
        return {k: v for k, v in form.items() if v is not None and (k != "signature" or v)}


def together(records: Sequence[Record]) -> Record:
    """Return one record of a submission of several notebooks: points summed, what is said of each by its name.

    The first one's seeds, hashes and signature stand in it; a verdict is repeated from its own record.
    """
    first = records[0]
    if len(records) == 1:
        return first
    return dataclasses.replace(
        first,
        notebook=", ".join(r.notebook for r in records),
        graded=max(r.graded for r in records),
        state=next((r.state for r in records if r.state != "graded"), "graded"),
        sandbox=all(r.sandbox for r in records),
        repairs=tuple(
            dataclasses.replace(p, student=f"{r.notebook}: {p.student}" if p.student else "")
            for r in records
            for p in r.repairs
        ),
        sentence=" ".join(f"{r.notebook}: {r.sentence}" for r in records if r.sentence),
        faults=tuple(dataclasses.replace(f, sentence=f"{r.notebook}: {f.sentence}") for r in records for f in r.faults),
        seconds=sum(r.seconds for r in records),
        points=sum(r.points for r in records),
        max_points=sum(r.max_points for r in records),
        extra_points=sum(r.extra_points for r in records),
        exercises={name: e for r in records for name, e in r.exercises.items()},
        plain_tests={name: what for r in records for name, what in r.plain_tests.items()},
        hidden_tests=any(r.hidden_tests for r in records),
        answers={name: text for r in records for name, text in r.answers.items()},
        leaderboard=next((r.leaderboard for r in records if r.leaderboard is not None), None),
        # It is graded where all of it is.
        key=first.key if all(r.key for r in records) else next(r.key for r in records if not r.key),
    )
