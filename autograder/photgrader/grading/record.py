"""The record of a graded submission."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection
from typing import Any

from nbformat import NotebookNode

from photcheck.verdict import CaseVerdict, Verdict
from photgrader.coursedir.record import BoardLine, CaseRecord, ExerciseRecord, FaultRecord, Record, RepairRecord
from photgrader.coursedir.settings import Settings
from photgrader.grading.hashes import exercise_hash, versions
from photgrader.grading.intake import Intake
from photgrader.grading.run import Submission


def leaderboard_entry(notebook: NotebookNode, verdicts: dict[str, Verdict]) -> BoardLine | None:
    """Return a student's line on the leaderboard of an exercise on a scale, where the student asked for one.

    A student asks by a cell ``LEADERBOARD_NAME = "..."``, read as text and not run. The figures are the means
    over the hidden cases.
    """
    name = ""
    for cell in notebook.cells:
        found = (
            re.search(r"""^LEADERBOARD_NAME\s*=\s*(["'])(.{1,40}?)\1\s*(?:#.*)?$""", cell.source, re.M)
            if cell.cell_type == "code"
            else None
        )
        name = found.group(2) if found else name
    for verdict in verdicts.values():
        judged: list[tuple[Any, CaseVerdict]] = [
            (getattr(v.case.comparator, "figures", None), v) for v in verdict.cases if v.case.hidden
        ]
        scaled = [(figures, v) for figures, v in judged if figures is not None and hasattr(v.answer, "colnames")]
        if name and scaled:
            try:
                rows = [figures(v.answer, v.case.expected, v.seconds) for figures, v in scaled]
            except ValueError:
                continue
            return BoardLine(name, {k: round(sum(r[k] for r in rows) / len(rows), 4) for k in rows[0]})
    return None


def make_record(
    submission: Submission,
    settings: Settings,
    verdicts: dict[str, Verdict],
    seeds: dict[str, int],
    faults: list[dict[str, str]],
    kernel: str,
    seconds: float,
    extra: Collection[str] = (),
) -> Record:
    """Return the record of a graded submission: enough to repeat each verdict; `extra` names what is extra credit."""
    intake = submission.intake
    counted = [v for name, v in verdicts.items() if name not in extra]
    return Record(
        student=submission.student,
        assignment=submission.assignment,
        notebook=submission.notebook,
        run=settings.run,
        graded=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        state=_overall(intake, verdicts, faults),
        intake=intake.state,
        sandbox=settings.sandbox,
        kernel=kernel,
        repairs=tuple(RepairRecord(r.kind, r.student, r.grader) for r in intake.repairs),
        sentence=intake.sentence,
        faults=tuple(FaultRecord(**f) for f in faults),
        seconds=round(seconds, 3),
        versions=versions(),
        points=round(sum(v.points for v in counted), 4),
        max_points=sum(v.max_points for v in counted),
        extra_points=round(sum(verdicts[name].points for name in extra), 4),
        exercises={
            name: _exercise_record(v, seeds[name], name in extra, exercise_hash(submission.assignment, name))
            for name, v in verdicts.items()
        },
    )


def _overall(intake: Intake, verdicts: dict[str, Verdict], faults: list[dict[str, str]]) -> str:
    if not intake.readable:
        return "missing notebook" if intake.state == "missing" else intake.state
    for state in ("kernel died", "out of memory", "too many files", "timeout"):
        if any(f["state"] == state for f in faults) or any(v.state == state for v in verdicts.values()):
            return state
    return intake.state if intake.state == "repaired" else "graded"


def _exercise_record(verdict: Verdict, seed: int, extra: bool, code: str) -> ExerciseRecord:
    return ExerciseRecord(
        points=verdict.points,
        max_points=verdict.max_points,
        state=verdict.state,
        sentence=verdict.sentence,
        hint=verdict.hint_id,
        hint_title=verdict.hint.title if verdict.hint else "",
        symptom=verdict.symptom,
        seed=seed,
        notes=tuple(verdict.notes),
        cases=tuple(
            CaseRecord(
                name=v.case.name,
                tests=v.case.tests,
                hidden=v.case.hidden,
                weight=v.case.points,
                score=round(v.finding.score, 6),
                kind=v.finding.kind,
                symptom=v.finding.symptom,
                seconds=round(v.seconds, 4),
            )
            for v in verdict.cases
        ),
        extra=extra,
        code=code,
    )
