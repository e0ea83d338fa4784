"""Freeze the answers of cases on real files: numbers only, keyed by the files' checksums, no pixel of theirs."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any

from photcheck.plugins import data_source
from photgrader import coursedir
from photgrader.exercise.catalogue import assignment_names, exercise_file, load_assignment
from photgrader.exercise.definition import Exercise

if TYPE_CHECKING:
    from photcheck.spec import CaseSpec

#: A frozen answer, or an argument that is not the file's name, longer than this could hand out a real image.
MAX_TEXT = 2_000


def _refers_only(form: Any) -> bool:
    """Tell whether a case's arguments name real files instead of holding their pixels."""
    return not isinstance(form, dict) or form.get("$") != "array" or len(str(form.get("b64", ""))) < MAX_TEXT


def freeze_exercise(exercise: Exercise) -> list[dict[str, Any]]:
    """Return the frozen archive cases of an exercise, of the real files that are here.

    Raises
    ------
    CourseError
        Where a case would put pixels of a real file into the project.
    """
    frozen = []
    for case, _ in exercise.cases(None):
        if not case.dataset or data_source().origin(case.dataset) != "archive":
            continue
        spec = exercise.case_spec(case, False)
        exercise.fingerprint(spec)
        form = spec.to_json()
        if not all(_refers_only(a) for a in spec.args) or len(json.dumps(form["expected"])) > MAX_TEXT:
            raise coursedir.CourseError(
                f"{exercise.assignment}/{exercise.name}, case {case.name!r}: it would copy pixels of a real file; "
                "name the file with a DataRef, and let the answer be small."
            )
        form["fingerprints"] = {k: v for k, v in form["fingerprints"].items() if len(json.dumps(v)) <= MAX_TEXT}
        frozen.append(form)
    return frozen


def freeze_assignment(name: str) -> tuple[pathlib.Path, dict[str, list[dict[str, Any]]]]:
    """Return where an assignment's archive cases are kept, and what they are."""
    path = exercise_file(name, "archive_cases.json")
    cases = {e.name: freeze_exercise(e) for e in load_assignment(name).exercises.values()}
    return path, {n: c for n, c in cases.items() if c}


def freeze_all() -> list[str]:
    """Write the archive cases of all assignments; return a line for each."""
    lines = []
    for name in assignment_names():
        path, cases = freeze_assignment(name)
        if cases:
            coursedir.write_atomically(path, json.dumps(cases, indent=1, sort_keys=True) + "\n")
            path.chmod(0o644)
        lines.append(f"{name}: {sum(map(len, cases.values()))} cases on real files")
    return lines


def archive_cases(assignment: str, exercise: str) -> list[CaseSpec]:
    """Return the frozen cases on real files of an exercise: answers only, keyed by the files' checksums.

    They are made where the real files are (``photgrader freeze-archive``) and kept beside the exercises.
    """
    # The comparators import half of scipy; what only looks for the course's folder can do without.
    from photcheck.spec import CaseSpec

    path = exercise_file(assignment, "archive_cases.json")
    if not path.is_file():
        return []
    return [CaseSpec.from_json(c) for c in json.loads(path.read_text(encoding="utf-8")).get(exercise, [])]
