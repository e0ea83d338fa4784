"""The rubric beside the answer: what the marker of a written answer sees in the formgrader, and no student anywhere.

A rubric stands in the instructor's notebook, in the answer's cell, and is cleared from the release; nothing of it is in the gradebook or
in what is graded. So it is taken from ``source/`` when the page is made, and a rubric that is mended is mended at once.
"""

from __future__ import annotations

import copy
import pathlib
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

from photgrader import coursedir
from photgrader.gradebook.mathml import OfflineHTMLExporter
from photgrader.grading.answers import grade_id_of

_SCHEME = re.compile(r"^[^\n]*BEGIN MARK SCHEME[^\n]*\n(.*?)^[^\n]*END MARK SCHEME", re.DOTALL | re.MULTILINE)


def rubrics(root: pathlib.Path, assignment: str, notebook: str) -> dict[str, str]:
    """Return the rubrics of a notebook's written answers: grade_id to Markdown; nothing where there is no source.

    Parameters
    ----------
    root : Path
        The course.
    assignment, notebook : str
        Names.
    """
    path = root / "source" / assignment / f"{notebook}.ipynb"
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception:  # noqa: BLE001 - a page for marking is worth having without its rubric
        return {}
    found = {grade_id_of(c): _SCHEME.search(c.source) for c in cells if c.metadata.get("nbgrader", {}).get("solution")}
    return {name: scheme[1].strip() for name, scheme in found.items() if scheme}


def with_rubrics(nb: NotebookNode, scheme: dict[str, str]) -> NotebookNode:
    """Return a copy of a notebook with each rubric in a cell below its answer."""
    nb = copy.deepcopy(nb)
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        text = scheme.get(grade_id_of(cell))
        if text:
            cells.append(
                nbformat.v4.new_markdown_cell(
                    f"**For the marker** (students do not see this)\n\n{text}\n\n---", id=f"rubric-{len(cells)}"
                )
            )
    nb.cells = cells
    return nb


class MarkingExporter(OfflineHTMLExporter):
    """The formgrader's page of a submission, with the rubric of each written answer below it."""

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Convert a notebook, which stays as it is."""
        folder = (resources or {}).get("metadata", {}).get("path", "")
        if folder:
            # autograded/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb
            place = pathlib.Path(folder).resolve()
            try:
                nb = with_rubrics(
                    nb, rubrics(coursedir.find_root(place), place.name, (resources or {})["metadata"]["name"])
                )
            except coursedir.CourseError:
                # Not in a course's folder: there is no source to take a rubric from.
                pass
        return super().from_notebook_node(nb, resources, **kwargs)
