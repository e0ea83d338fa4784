"""A simulated class: students made of the exercises' own variants and misconceptions, with known truth."""

from __future__ import annotations

import copy
import json
import pathlib
import re
from dataclasses import asdict, dataclass, field
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode

from photgrader import coursedir
from photgrader.exercise import Assignment, Implementation, load_assignment
from photgrader.grading.answers import grade_id_of

TIMESTAMP = "2026-11-20 17:00:00 UTC"


#: Range of the share of functions that an ordinary student has right.
SKILL = (0.45, 0.95)


@dataclass
class SimulatedStudent:
    """A student whose work is known.

    Parameters
    ----------
    id : str
        Student id.
    kind : str
        ``"ordinary"``, or what is special about the file handed in.
    choices : dict
        Exercise to ``"variant: ..."`` or ``"misconception: ..."``.
    """

    id: str
    kind: str = "ordinary"
    choices: dict[str, str] = field(default_factory=dict)


SPECIAL = {
    "infinite-loop": "a function without an end",
    "broken-json": "a notebook file cut off in the middle",
    "deleted-check": "a check cell deleted",
}


def solved(root: pathlib.Path, assignment: str, notebook: str) -> NotebookNode:
    """Return the release's notebook with the instructor's solutions filled in, and with what they show where they have been run."""
    skeleton = coursedir.skeleton(root, assignment, notebook)
    source = nbformat.read(root / "source" / assignment / f"{notebook}.ipynb", as_version=4)
    answers = {grade_id_of(c): _without_markers(c.source) for c in source.cells if grade_id_of(c)}
    for cell in skeleton.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution") and cell.cell_type == "code":
            cell.source = answers[grade_id_of(cell)]
        elif marks.get("solution"):
            cell.source = "A galaxy is wider than the PSF, so that the PSF flux misses the light in its wings; the aperture holds it."
    _as_run(skeleton, root / "solutions" / assignment / f"{notebook}.ipynb")
    return skeleton


def _as_run(notebook: NotebookNode, solution: pathlib.Path) -> None:
    """Give the cells of a notebook what they show in the solution, in place: who hands in has run their notebook before."""
    if not solution.is_file():
        return
    run = {c["id"]: c for c in json.loads(solution.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"}
    for cell in (c for c in notebook.cells if c.id in run and not c.metadata.get("nbgrader", {}).get("grade")):
        cell.outputs = nbformat.from_dict([_shown(output) for output in run[cell.id]["outputs"]])


def _shown(output: dict[str, Any]) -> dict[str, Any]:
    """Return an output, of a picture the smaller form."""
    picture = output.get("data", {}).get("image/png")
    return output if picture is None else {**output, "data": {"image/png": picture}}


def _without_markers(source: str) -> str:
    return "\n".join(
        line for line in source.splitlines() if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")
    )


def insert(notebook: NotebookNode, exercise: str, implementation: Implementation) -> None:
    """Put an implementation into a notebook in place of the function's cell, in place."""
    index = next(i for i, c in enumerate(notebook.cells) if grade_id_of(c) == exercise)
    *helpers, last = implementation.cells
    notebook.cells[index].source = last
    notebook.cells[index].outputs = []
    for number, helper in reversed(list(enumerate(helpers))):
        # An id of its own choosing would be another in every run, and the same student's work look like new work.
        notebook.cells.insert(index, nbformat.v4.new_code_cell(helper, id=f"{exercise[:50]}-helper-{number}"))


def choose(
    assignment: Assignment, skill: float, rng: np.random.Generator, solutions: dict[str, str]
) -> dict[str, Implementation]:
    """Choose an implementation for every graded exercise: a misconception with probability ``1 - skill``.

    Parameters
    ----------
    assignment : Assignment
        The exercises.
    skill : float
        Share of the functions that the student has right.
    rng : Generator
        For the choices.
    solutions : dict of str to str
        The instructor's solution of each graded cell, which stays where nothing is chosen.
    """
    chosen = {}
    for name, exercise in assignment.exercises.items():
        pool = exercise.variants if rng.random() < skill or not exercise.misconceptions else exercise.misconceptions
        if name in solutions and pool:
            chosen[name] = list(pool.values())[int(rng.integers(len(pool)))]
    return _consistent(assignment, chosen, solutions)


def _consistent(
    assignment: Assignment, chosen: dict[str, Implementation], solutions: dict[str, str]
) -> dict[str, Implementation]:
    """Leave out variants that what else is in the notebook calls by name: nobody calls a function of their own for a kind of answer it does not give."""
    while True:
        codes = {
            name: chosen[name].code if name in chosen else solutions.get(name, "") for name in assignment.exercises
        }
        called = {
            d
            for name, code in codes.items()
            for d in assignment.exercises[name].depends
            if re.search(rf"\b{d}\(", code)
        }
        kept = {name: c for name, c in chosen.items() if name not in called or c.kind == "misconception"}
        if kept.keys() == chosen.keys():
            return kept
        # What stands in a variant's place may call others.
        chosen = kept


def make_class(
    root: pathlib.Path,
    assignment_name: str,
    students: int = 12,
    *,
    seed: int = 20261121,
    special: bool = True,
    prefix: str = "sim",
    folder: pathlib.Path | None = None,
    skill: tuple[float, float] = SKILL,
) -> list[SimulatedStudent]:
    """Write a class's submissions and the truth about them.

    Parameters
    ----------
    root : Path
        The course.
    assignment_name : str
        Which assignment.
    students : int
        How many ordinary students.
    seed : int
        For the choices.
    special : bool
        Whether to add the students of `SPECIAL`.
    prefix : str
        First letters of the students' ids.
    folder : Path, optional
        Where to write ``<student>/<assignment>/``; by default the course's ``submitted/``.
    skill : tuple of float
        Range of the share of functions that a student has right.

    Returns
    -------
    list of SimulatedStudent
        Also written to ``.photgrader/simulated/<assignment>.json``.
    """
    assignment = load_assignment(assignment_name)
    folder = folder or root / "submitted"
    rng = np.random.default_rng(seed)
    names = coursedir.notebooks(root, assignment_name)
    bases = {n: solved(root, assignment_name, n) for n in names}
    made: list[SimulatedStudent] = []
    for number in range(1, students + 1):
        made.append(
            _ordinary(
                f"{prefix}-{number:02d}",
                assignment,
                bases,
                float(rng.uniform(*skill)),
                rng,
                folder,
                perfect=number == 1,
            )
        )
    if special:
        made += [_special(f"{prefix}-{kind}", kind, assignment, bases, folder) for kind in SPECIAL]
    truth = coursedir.state_folder(root) / "simulated" / f"{assignment_name}.json"
    coursedir.write_atomically(truth, json.dumps([asdict(s) for s in made], indent=1) + "\n")
    return made


def _graded(notebook: NotebookNode) -> dict[str, str]:
    return {grade_id_of(c): c.source for c in notebook.cells if grade_id_of(c)}


def _ordinary(
    id: str,
    assignment: Assignment,
    bases: dict[str, NotebookNode],
    skill: float,
    rng: np.random.Generator,
    folder: pathlib.Path,
    perfect: bool = False,
) -> SimulatedStudent:
    student = SimulatedStudent(id)
    for name, base in bases.items():
        notebook = copy.deepcopy(base)
        chosen = choose(assignment, skill, rng, _graded(base))
        # The first student hands in the instructor's solutions, so that full marks are seen, too.
        for exercise, implementation in ({} if perfect else chosen).items():
            insert(notebook, exercise, implementation)
            student.choices[exercise] = f"{implementation.kind}: {implementation.id}"
        _write(folder, id, assignment.name, name, json.dumps(notebook))
    return student


def _special(
    id: str, kind: str, assignment: Assignment, bases: dict[str, NotebookNode], folder: pathlib.Path
) -> SimulatedStudent:
    student = SimulatedStudent(id, kind)
    first = next(iter(assignment.exercises))
    for name, base in bases.items():
        notebook = copy.deepcopy(base)
        present = [e for e in assignment.exercises if e in _graded(base)]
        first = present[0] if present else first
        if kind == "infinite-loop":
            params = ", ".join(assignment.exercises[first].params)
            insert(
                notebook,
                first,
                Implementation("loop", f"def {first}({params}):\n    while True:\n        pass\n", "special"),
            )
        if kind == "deleted-check":
            notebook.cells = [c for c in notebook.cells if grade_id_of(c) != f"check-{first}"]
        text = json.dumps(notebook)
        _write(folder, id, assignment.name, name, text[: len(text) // 2] if kind == "broken-json" else text)
        student.choices[first] = f"special: {SPECIAL[kind]}"
    return student


def _write(folder: pathlib.Path, student: str, assignment: str, notebook: str, text: str) -> None:
    target = folder / student / assignment
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{notebook}.ipynb").write_text(text, encoding="utf-8")
    (target / "timestamp.txt").write_text(TIMESTAMP, encoding="utf-8")


def read_truth(root: pathlib.Path, assignment: str) -> dict[str, dict[str, Any]]:
    """Return what is known of a simulated class, by student; empty where there is none."""
    path = coursedir.state_folder(root) / "simulated" / f"{assignment}.json"
    return {s["id"]: s for s in json.loads(path.read_text(encoding="utf-8"))} if path.is_file() else {}
