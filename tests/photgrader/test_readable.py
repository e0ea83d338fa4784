"""What is asked of students reaches them, or there is no release."""

from __future__ import annotations

import copy
import pathlib

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from photgrader.coursedir import CourseError
from photgrader.gradebook import app
from photgrader.gradebook.readable import readable_text, unreadable, wrong_points
from photgrader.release.build import build_release, source_assignments
from support import ASSIGNMENT, ROOT, check_cell, code_cell, solution_cell, tiny_notebook

CONTRACT = "### `centroid` (10 points)\n\n`image_cutout` holds the star; `x_start`, `y_start` are where it begins. Returns the centre."
QUESTION = "### Written answer (5 points)\n\nWhy does a wide cut-out make the centroid noisy?"
SCHEME = (
    "=== BEGIN MARK SCHEME ===\nFive points: the lever of far pixels. Do they also hold light?\n=== END MARK SCHEME ==="
)


def written(source: str, name: str = "written-why") -> NotebookNode:
    """Return the cell of a written answer as an instructor has it."""
    marks = {
        "grade": True,
        "solution": True,
        "locked": False,
        "points": 5,
        "grade_id": name,
        "schema_version": 3,
        "task": False,
    }
    return new_markdown_cell(source, metadata={"nbgrader": marks})


def task(source: str) -> NotebookNode:
    """Return a manually graded task."""
    marks = {
        "grade": False,
        "solution": False,
        "locked": False,
        "task": True,
        "points": 5,
        "grade_id": "task-draw",
        "schema_version": 3,
    }
    return new_markdown_cell(source, metadata={"nbgrader": marks})


def plain_test(source: str) -> NotebookNode:
    """Return an ordinary test cell of nbgrader."""
    return code_cell(source, grade=True, solution=False, locked=True, points=2, grade_id="test-area")


FUNCTION = solution_cell(
    "centroid",
    "def centroid(image_cutout, x_start, y_start):\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
)


@pytest.mark.parametrize(
    "cells",
    [
        [new_markdown_cell(QUESTION), written(SCHEME)],
        [new_markdown_cell(QUESTION), written(f"Because of the lever.\n\n{SCHEME}")],
        [new_markdown_cell(QUESTION), written("YOUR ANSWER HERE")],
        [
            new_markdown_cell("**Explain in three sentences** what a wide cut-out does to the centroid."),
            written("The lever."),
        ],
        [written(f"{QUESTION}\n\n### BEGIN SOLUTION\nThe lever.\n### END SOLUTION")],
        [written(f"{QUESTION}\n\nYOUR ANSWER HERE")],
        [task(f"Draw the growth curve of a star on paper.\n\n{SCHEME}")],
        [new_markdown_cell(CONTRACT), FUNCTION, check_cell("centroid", 4)],
        [new_markdown_cell("Write `area(r)`, which returns the area of a circle."), plain_test("assert area(1) > 3")],
        [plain_test('"""Is the area that of a circle of this radius?"""\nassert area(1) > 3')],
        [plain_test("# The area of a circle of radius one is pi.\nassert area(1) > 3")],
    ],
    ids=lambda value: value if isinstance(value, str) else "cells",
)
def test_what_is_said_above_an_answer_is_enough(cells):
    assert unreadable(new_notebook(cells=cells), ASSIGNMENT) == []


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        # The fault of the first releases: the question beside the rubric, text of another matter above.
        ([written(f"{QUESTION}\n\n{SCHEME}")], "written-why"),
        (
            [
                new_markdown_cell("The circle holds 72 % of the light of such a star, and so on."),
                written(f"{QUESTION}\n\n{SCHEME}"),
            ],
            "written-why",
        ),
        ([new_markdown_cell("## 5. Written answers"), written(SCHEME)], "written-why"),
        ([new_markdown_cell(QUESTION), new_code_cell("x = 1"), written(SCHEME)], "written-why"),
        ([new_markdown_cell(QUESTION), written(SCHEME), written(SCHEME, "written-second")], "written-second"),
        ([new_markdown_cell("![a question](question.png)"), written("YOUR ANSWER HERE")], "written-why"),
        (
            [new_markdown_cell("<!-- Why does a wide cut-out make the centroid noisy? -->"), written(SCHEME)],
            "written-why",
        ),
        ([task(SCHEME)], "task-draw"),
        ([FUNCTION, check_cell("centroid", 4)], "check-centroid"),
        (
            [new_markdown_cell(CONTRACT.replace("`y_start`", "the other one")), FUNCTION, check_cell("centroid", 4)],
            "check-centroid",
        ),
        ([FUNCTION, check_cell("centroid", 4), new_markdown_cell(CONTRACT)], "check-centroid"),
        ([plain_test("assert area(1) > 3")], "test-area"),
    ],
    ids=lambda value: value if isinstance(value, str) else "cells",
)
def test_what_a_student_cannot_read_is_told_by_its_cell(cells, name):
    [sentence] = unreadable(new_notebook(cells=cells), ASSIGNMENT)
    assert sentence.startswith(f"{name}: ") and sentence.endswith(".")


def test_what_is_missing_of_a_contract_is_named():
    text = CONTRACT.replace("`x_start`, `y_start` are", "the others say")
    [sentence] = unreadable(
        new_notebook(cells=[new_markdown_cell(text), FUNCTION, check_cell("centroid", 4)]), ASSIGNMENT
    )
    assert "what x_start and y_start are" in sentence


def test_a_cell_that_is_cleared_says_nothing():
    assert readable_text(written(f"Because of the lever.\n{SCHEME}")) == ""
    assert readable_text(solution_cell("f", "# How it is done\nx = 1")) == ""
    assert readable_text(code_cell("%matplotlib inline\n# A figure")) == "A figure"


@pytest.mark.parametrize("name", source_assignments(ROOT))
def test_every_assignment_of_the_course_asks_in_words(name):
    notebook = nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)
    assert unreadable(notebook, name) == [] and wrong_points(notebook, name) == []
    # And a question that is taken away is missed, whichever it is.
    for index, cell in enumerate(notebook.cells):
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("question-"):
            without = copy.deepcopy(notebook)
            del without.cells[index]
            assert len(unreadable(without, name)) == 1


def test_extra_credit_has_no_points_in_its_cell():
    cells = [
        new_markdown_cell("`psf_width(table)`"),
        check_cell("psf_width", 5),
        new_markdown_cell(CONTRACT),
        check_cell("centroid", 4),
    ]
    [sentence] = wrong_points(new_notebook(cells=cells), ASSIGNMENT)
    assert sentence.startswith("check-psf_width: ") and "0 points" in sentence


def write_source(root: pathlib.Path, notebook: NotebookNode) -> None:
    nbformat.write(notebook, root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")


def test_the_build_refuses_in_a_sentence_and_leaves_the_release_as_it_was(tiny_course):
    release = tiny_course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    before = release.read_bytes()
    notebook = tiny_notebook()
    notebook.cells = [c for c in notebook.cells if "far pixels" not in c.source]
    write_source(tiny_course, notebook)
    with pytest.raises(
        CourseError, match=r"^ps1_psf_photometry is not released\. written-why: its question does not reach students"
    ):
        build_release(tiny_course, ASSIGNMENT)
    assert release.read_bytes() == before


def test_nbgraders_own_command_and_the_formgraders_button_refuse_as_well(tiny_course):
    notebook = tiny_notebook()
    notebook.cells = [c for c in notebook.cells if "far pixels" not in c.source]
    write_source(tiny_course, notebook)
    result = app.nbgrader_api(tiny_course).generate_assignment(ASSIGNMENT, force=True, create=True)
    assert not result["success"] and "written-why: its question does not reach students" in result["log"]
