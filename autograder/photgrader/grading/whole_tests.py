"""Plain tests with the lines that their release does not have, on their way from the gradebook to where they are run."""

from __future__ import annotations

from nbformat import NotebookNode

from photgrader.grading.answers import grade_id_of
from photgrader.grading.hashes import content_hash

#: Where a plain test's cell has what is hidden in its release (`photgrader.gradebook.hidden_tests`).
WHOLE_TEST = "photgrader_whole_test"


def put_in_whole_tests(notebook: NotebookNode, skeleton: NotebookNode | None) -> bool:
    """Give plain tests the lines that are hidden in the release, to be run; tell whether there are any.

    What they are says the skeleton alone: what a submission says under that name is a student's.
    """
    cells = skeleton.cells if skeleton is not None else ()
    whole = {grade_id_of(c): c.metadata[WHOLE_TEST] for c in cells if WHOLE_TEST in c.metadata}
    for cell in notebook.cells:
        cell.metadata.pop(WHOLE_TEST, None)
        cell.source = whole.get(grade_id_of(cell), cell.source)
    return bool(whole)


def release_hash(skeleton: NotebookNode) -> str:
    """Return `photgrader.grading.hashes.code_hash` of a release with what is hidden of its tests."""
    sources = [c.metadata.get(WHOLE_TEST, c.source) for c in skeleton.cells if c.cell_type == "code"]
    return content_hash(*(s.encode("utf-8", "backslashreplace") for s in sources))
