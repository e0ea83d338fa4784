"""Small courses and submissions for the tests."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import os
import pathlib
import shutil
import sys
import types

import nbformat

from photgrader.coursedir.packages import packages_in_use
from photgrader.exercise import use_course

ROOT = pathlib.Path(__file__).resolve().parent.parent
ASSIGNMENT = "ps1_psf_photometry"

os.environ.setdefault("MPLBACKEND", "Agg")
# The small courses of the tests use this course's exercises.
use_course(ROOT)
#: The packages of the small courses, for their settings: this course's, but that kernels have imported what their notebooks need.
#: All that this course's kernels have imported costs each warm parent 1.5 s.
PACKAGES = "[packages]\n" + "".join(
    f"{name} = {json.dumps(value)}\n"
    for name, value in {**dataclasses.asdict(packages_in_use()), "imports": ["numpy", "photcourse"]}.items()
)


def code_cell(source: str, **marks: object) -> nbformat.NotebookNode:
    """Return a code cell, with nbgrader's marks where there are any."""
    cell = nbformat.v4.new_code_cell(source)
    if marks:
        cell.metadata["nbgrader"] = {"schema_version": 3, "task": False, **marks}
    return cell


def solution_cell(name: str, source: str) -> nbformat.NotebookNode:
    """Return the cell of a function, to be written by a student."""
    return code_cell(source, grade=False, solution=True, locked=False, grade_id=name)


def check_cell(name: str, points: float) -> nbformat.NotebookNode:
    """Return the check cell of a function."""
    return code_cell(f"check({name})", grade=True, solution=False, locked=True, points=points, grade_id=f"check-{name}")


def task_cell(text: str) -> nbformat.NotebookNode:
    """Return a task of one point that a person marks: the student adds cells of their own."""
    marks = {"task": True, "grade": False, "solution": False, "locked": True, "points": 1, "grade_id": "task-draw"}
    return nbformat.v4.new_markdown_cell(text, metadata={"nbgrader": {"schema_version": 3, **marks}})


def told_of_a_verdict(**more: object) -> dict[str, object]:
    """Return what pages of the live service are told of a verdict, with other values where some are given."""
    told = {
        "state": "graded",
        "points": 3.0,
        "max_points": 7,
        "extra_points": 0,
        "sentence": "",
        "seconds": 1.0,
        "run": "1",
    }
    when = {"graded": "2026-11-28T10:00:00", "submitted": "2026-11-28T09:59:00"}
    return {**told, **when, "repairs": [], "faults": [], "exercises": {}, **more}


CENTROID = '''def centroid(image_cutout, x_start, y_start):
    """Flux-weighted centroid."""
    ### BEGIN SOLUTION
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(x_start, x_start + nx), np.arange(y_start, y_start + ny))
    total = image_cutout.sum()
    return (image_cutout * x).sum() / total, (image_cutout * y).sum() / total
    ### END SOLUTION'''

MOMENT = '''def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):
    """Widths weighted by the squared flux."""
    ### BEGIN SOLUTION
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(start_x, start_x + nx), np.arange(start_y, start_y + ny))
    weight = image_cutout**2 / (image_cutout**2).sum()
    return np.sqrt((weight * (x - centroid_x)**2).sum()), np.sqrt((weight * (y - centroid_y)**2).sum())
    ### END SOLUTION'''


def tiny_notebook() -> nbformat.NotebookNode:
    """Return a small source notebook of the first assignment: two functions and a written answer."""
    written = nbformat.v4.new_markdown_cell(
        "Your answer here.\n\n=== BEGIN MARK SCHEME ===\nTwo points: it pulls every estimate.\n=== END MARK SCHEME ===",
        metadata={
            "nbgrader": {
                "schema_version": 3,
                "task": False,
                "grade": True,
                "solution": True,
                "locked": False,
                "points": 2,
                "grade_id": "written-why",
            }
        },
    )
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(
                "# A small assignment\n\n`centroid(image_cutout, x_start, y_start)`: the flux-weighted centre, in whole-image coordinates.\n\n"
                "`second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y)`: the widths, weighted by the squared flux."
            ),
            code_cell("import numpy as np\nfrom photcourse import check"),
            solution_cell("centroid", CENTROID),
            check_cell("centroid", 4),
            solution_cell("second_moment", MOMENT),
            check_cell("second_moment", 3),
            nbformat.v4.new_markdown_cell("Why does the noise of far pixels matter so much?"),
            written,
        ]
    )


def make_course(folder: pathlib.Path) -> pathlib.Path:
    """Write a course with the small assignment into a folder, and build its release."""
    from photgrader.release.build import build_release

    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(tiny_notebook(), source / f"{ASSIGNMENT}.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "photgrader.toml").write_text(
        f"{PACKAGES}[limits]\ncell_seconds = 6.0\ncall_seconds = 4.0\nnotebook_seconds = 40.0\n"
    )
    build_release(folder, ASSIGNMENT)
    return folder


def submit(
    course_root: pathlib.Path,
    student: str,
    cells: dict[str, str] | None = None,
    *,
    text: str | None = None,
    drop: tuple[str, ...] = (),
    assignment: str = ASSIGNMENT,
) -> pathlib.Path:
    """Write a submission: the release with some cells' sources replaced (by grade_id), or any text at all."""
    folder = course_root / "submitted" / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{assignment}.ipynb"
    if text is not None:
        path.write_text(text, encoding="utf-8")
        return path
    notebook = nbformat.read(course_root / "release" / assignment / f"{assignment}.ipynb", as_version=4)
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in drop]
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cells and grade_id in cells:
            cell.source = cells[grade_id]
    nbformat.write(notebook, path)
    return path


def right(source: str) -> str:
    """Return a solution without the marks of nbgrader."""
    return "\n".join(line for line in source.splitlines() if not line.strip().startswith("###"))


RIGHT = {"centroid": right(CENTROID), "second_moment": right(MOMENT)}


@functools.cache
def _package_hash() -> str:
    from builder import notebooks

    return notebooks.package_hash(ROOT)


def run_notebook(path: pathlib.Path) -> nbformat.NotebookNode:
    """Return a lecture or a release that ran from clean on embedded data in a kernel of its own: once for all tests and the site, which shows it."""
    from builder import notebooks

    return nbformat.read(notebooks.run_one(path, _package_hash(), ROOT / ".build" / "site" / "notebooks"), as_version=4)


def tool(name: str) -> types.ModuleType:
    """Return ``tools/NAME.py`` as a module; the folder is no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def claims_tool() -> types.ModuleType:
    """Return ``tools/lecture_claims.py`` as a module."""
    return tool("lecture_claims")
