"""Hidden tests of nbgrader's plain cells: in no release, and run all the same, from the gradebook's own copy."""

from __future__ import annotations

import pathlib

from nbformat import NotebookNode

from photgrader import coursedir
from photgrader.gradebook import app
from photgrader.grading.answers import grade_id_of
from photgrader.grading.sources import asked_check
from photgrader.grading.whole_tests import WHOLE_TEST


def skeleton_to_grade(root: pathlib.Path, assignment: str, notebook: str, url: str = "") -> NotebookNode:
    """Return a notebook as handed out, with what its plain tests are in whole beside them, where a part of them is hidden.

    The gradebook is not asked where no cell is tested in nbgrader's plain way, and not made where there is none.

    Parameters
    ----------
    root : Path
        The course.
    assignment, notebook : str
        Which.
    url : str
        The gradebook's address, where it is not the one of the course's own configuration.

    Raises
    ------
    CourseError
        Where there is no release, or the gradebook cannot be read.
    """
    skeleton = coursedir.skeleton(root, assignment, notebook)
    tests = {
        grade_id_of(cell): cell
        for cell in skeleton.cells
        if cell.cell_type == "code"
        and (marks := cell.metadata.get("nbgrader", {})).get("grade")
        and not marks.get("solution")
        and not asked_check(cell.source)
    }
    if not tests or not _is_there(root, url):
        return skeleton
    for name, (source, checksum) in _known(root, assignment, notebook, url).items():
        cell = tests.get(name)
        if cell is not None and source != cell.source and _begin(root) in source:
            cell.metadata[WHOLE_TEST] = source
            cell.metadata["nbgrader"]["checksum"] = checksum
    return skeleton


def _is_there(root: pathlib.Path, url: str) -> bool:
    """Tell whether there is a gradebook: to open one makes it."""
    from sqlalchemy.engine import make_url

    if not url and not (root / "nbgrader_config.py").is_file():
        return False
    address = make_url(url or app.database_url(root))
    return not address.drivername.startswith("sqlite") or pathlib.Path(address.database or "").is_file()


def _known(root: pathlib.Path, assignment: str, notebook: str, url: str) -> dict[str, tuple[str, str]]:
    """Return the cells that the gradebook knows of a notebook: name to source and checksum."""
    from nbgrader.api import MissingEntry

    with app.gradebook(root, url) as gradebook:
        try:
            cells = gradebook.find_notebook(notebook, assignment).source_cells
        except MissingEntry:
            return {}
        return {cell.name: (cell.source or "", cell.checksum) for cell in cells}


def _begin(root: pathlib.Path) -> str:
    """Return what a line says from which on lines are hidden."""
    from nbgrader.preprocessors import ClearHiddenTests

    default = ClearHiddenTests.begin_test_delimeter.default_value
    return str(app.nbgrader_app(root).config.ClearHiddenTests.get("begin_test_delimeter", default))
