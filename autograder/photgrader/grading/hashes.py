"""What a verdict depends on, as hashes: one answer for grading, building, quality, regrading, replaying and published results."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import inspect
import pathlib
from collections.abc import Callable, Iterator

import nbformat
from nbformat import NotebookNode

from photgrader.coursedir.packages import judging_files, packages_in_use, versions
from photgrader.coursedir.settings import Packages, Settings
from photgrader.exercise import assignment_names, exercise_folder, load_assignment

#: The code that makes cases, asks a function and compares its answers: of these packages all but what is left out, and of the course's
#: own what its settings name. How a verdict is drawn and said decides nothing.
JUDGING: dict[str, Callable[[pathlib.Path], bool]] = {
    "photcheck": lambda p: p.name not in ("pictures.py", "picture_file.py", "svg.py", "render.py", "student.py"),
    "photgrader": lambda p: p.parts[0] in ("exercise", "grading", "sandbox"),
}


def code_hash(notebook: NotebookNode, files: dict[str, bytes] | None = None) -> str:
    """Return the hash of what runs of a notebook: the sources of its code cells, in order, and the files beside it."""
    sources = [c.source.encode("utf-8", "backslashreplace") for c in notebook.cells if c.cell_type == "code"]
    return content_hash(
        *sources, *(part for name, body in sorted((files or {}).items()) for part in (name.encode(), body))
    )


def written_answers(notebook: NotebookNode) -> dict[str, str]:
    """Return the hash of each answer that a person marks: a mark holds as long as the answer is the same."""
    found = {}
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if (marks.get("grade") and marks.get("solution")) or marks.get("task"):
            found[str(marks.get("grade_id"))] = content_hash(cell.source.encode("utf-8", "backslashreplace"))
    return found


def content_hash(*parts: bytes) -> str:
    """Return the hash that names a submission's content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _judging_files() -> Iterator[pathlib.Path]:
    for name, counts in JUDGING.items():
        folder = pathlib.Path(str(importlib.import_module(name).__file__)).parent
        yield from (p for p in sorted(folder.rglob("*.py")) if counts(p.relative_to(folder)))
    yield from judging_files()


def judge_hash() -> str:
    """Return the hash of the code that makes cases, asks functions and compares answers, and of the lists of data files beside it."""
    return _judge_hash(packages_in_use())


@functools.cache
def _judge_hash(packages: Packages) -> str:
    return content_hash(*(p.read_bytes() for p in _judging_files()))


@functools.cache
def exercise_hash(assignment: str, name: str) -> str:
    """Return the hash of all that a verdict on an exercise depends on, but the submission and the versions of libraries.

    That is its module, the modules that help to make its cases, and the code that judges (`judge_hash`).
    """
    module = pathlib.Path(inspect.getsourcefile(load_assignment(assignment).exercises[name].solve_by) or "")
    parts = [module, *sorted(module.parent.glob(f"{module.stem}_*.py")), *sorted(module.parent.glob("_*.py"))]
    return content_hash(*(p.read_bytes() for p in parts), judge_hash().encode())


def exercises_hash(assignment: str) -> str:
    """Return the hash of all that verdicts on an assignment depend on: `exercise_hash` of its exercises, and what is kept beside them."""
    exercises = load_assignment(assignment).exercises
    beside = sorted((exercise_folder() or pathlib.Path()).glob(f"{assignment}/*.json"))
    return content_hash(
        *(exercise_hash(assignment, name).encode() for name in sorted(exercises)), *(p.read_bytes() for p in beside)
    )


def grading_key(content: str, assignment: str, skeleton: NotebookNode | str, settings: Settings) -> str:
    """Return the hash of everything that the verdicts on a submission depend on: itself, the assignment, exercises, versions, the run.

    `warm` says how kernels are started, and no verdict depends on it; of the packages the versions and the code count.
    """
    text = skeleton if isinstance(skeleton, str) else nbformat.writes(skeleton)
    code = exercises_hash(assignment) if assignment in assignment_names() else judge_hash()
    parts = [
        content,
        assignment,
        text,
        code,
        repr(sorted(versions().items())),
        repr(dataclasses.replace(settings, warm=True, packages=Packages())),
    ]
    return content_hash(*(p.encode() for p in parts))
