"""Plain tests are graded whole, from the gradebook's copy; a course without hidden lines has nothing else than its release."""

from __future__ import annotations

import contextlib
import sqlite3

import nbformat
import pytest
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.coursedir.settings import Settings
from photgrader.gradebook import app
from photgrader.gradebook.hidden_tests import skeleton_to_grade
from photgrader.grading.hashes import code_hash, grading_key
from photgrader.grading.intake import take_in
from photgrader.grading.whole_tests import WHOLE_TEST, put_in_whole_tests, release_hash
from photgrader.serve.grader import Grader
from support import code_cell, solution_cell

SEEN = "assert f(1) == 2"
WHOLE = f"{SEEN}\n### BEGIN HIDDEN TESTS\nassert f(2) == 3\n### END HIDDEN TESTS"


def test_marks(name: str) -> dict[str, object]:
    return {"grade": True, "solution": False, "locked": True, "points": 1, "grade_id": name}


test_marks.__test__ = False


@pytest.fixture
def course(tmp_path):
    cells = [solution_cell("f", "pass"), code_cell(SEEN, **test_marks("seen")), code_cell(SEEN, **test_marks("whole"))]
    (tmp_path / "release" / "hw1").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "release" / "hw1" / "hw1.ipynb")
    (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.root = {str(tmp_path)!r}\n")
    return tmp_path


def known(root, **cells: str) -> None:
    """Have the gradebook know the cells of a notebook."""
    with Gradebook(app.database_url(root)) as book:
        book.update_or_create_assignment("hw1")
        book.update_or_create_notebook("hw1", "hw1")
        for name, source in cells.items():
            words = {"cell_type": "code", "source": source, "checksum": f"sum of {len(source)}"}
            book.update_or_create_source_cell(name, "hw1", "hw1", **words)


def text(root) -> str:
    return nbformat.writes(skeleton_to_grade(root, "hw1", "hw1"))


def test_without_hidden_lines_it_is_the_release_and_no_gradebook_is_made(course):
    released = nbformat.writes(coursedir.skeleton(course, "hw1", "hw1"))
    assert text(course) == released and not (course / "gradebook.db").exists()
    (course / "nbgrader_config.py").rename(course / "config")
    assert text(course) == released
    (course / "config").rename(course / "nbgrader_config.py")
    with Gradebook(app.database_url(course)):
        pass
    assert text(course) == released, "the gradebook knows nothing of it"
    known(course, seen=SEEN, whole="assert f(1) == 20  # of another release")
    assert text(course) == released
    skeleton = skeleton_to_grade(course, "hw1", "hw1")
    assert release_hash(skeleton) == code_hash(skeleton) and not put_in_whole_tests(skeleton, skeleton)


def test_a_gradebook_that_cannot_be_read_is_told_in_a_sentence_and_asked_for_plain_tests_alone(course):
    (course / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(app.GradebookUnreadable, match="gradebook.db cannot be used"):
        skeleton_to_grade(course, "hw1", "hw1")
    path = course / "release" / "hw1" / "hw1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells[1:]:
        cell.source = "check(f)"
    nbformat.write(notebook, path)
    assert skeleton_to_grade(course, "hw1", "hw1").cells[1].source == "check(f)"


def test_hidden_lines_are_part_of_what_a_verdict_depends_on_and_of_nothing_that_a_student_says(course):
    known(course, seen=SEEN, whole=WHOLE)
    skeleton = skeleton_to_grade(course, "hw1", "hw1")
    assert [c.metadata.get(WHOLE_TEST) for c in skeleton.cells] == [None, None, WHOLE]
    assert [c.source for c in skeleton.cells[1:]] == [SEEN, SEEN], "what is handed in is compared with the release"
    before = grading_key("content", "hw1", text(course), Settings()), release_hash(skeleton)

    handed_in = coursedir.skeleton(course, "hw1", "hw1")
    for cell in handed_in.cells:
        cell.metadata[WHOLE_TEST] = 7
    handed_in.cells.append(nbformat.v4.new_code_cell("mine = 1", metadata={WHOLE_TEST: ["x"]}))
    taken = take_in(nbformat.writes(handed_in).encode(), skeleton)
    assert taken.readable and not taken.repairs
    assert put_in_whole_tests(taken.notebook, skeleton)
    assert [c.source for c in taken.notebook.cells[1:]] == [SEEN, WHOLE, "mine = 1"]
    assert WHOLE_TEST not in nbformat.writes(taken.notebook)

    known(course, whole=WHOLE.replace("== 3", "== 4"))
    after = (
        grading_key("content", "hw1", text(course), Settings()),
        release_hash(skeleton_to_grade(course, "hw1", "hw1")),
    )
    assert before[0] != after[0] and before[1] != after[1]


def test_a_delimiter_of_the_courses_own_is_followed(course):
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("c.ClearHiddenTests.begin_test_delimeter = 'SECRET'\n")
    known(course, seen=f"{SEEN}\n# SECRET\nassert f(3) == 4\n# END HIDDEN TESTS", whole=WHOLE)
    assert [WHOLE_TEST in c.metadata for c in skeleton_to_grade(course, "hw1", "hw1").cells] == [False, True, False]


def test_the_live_service_waits_for_a_gradebook_that_is_held(course, monkeypatch):
    known(course, seen=SEEN, whole=WHOLE)
    grader = Grader(course, 1)
    monkeypatch.setattr("photgrader.serve.grader.PAUSE", 0.0)
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as holder:
        holder.execute("begin exclusive")
        assert grader._texts() is None
        turns = iter([False, True])
        assert grader.run(lambda: next(turns)) == 0, "it goes on being alive until it is told to stop"
        said = " ".join(grader.queue.fact("problems of grading", []))
        assert "held by another program" in said and grader.queue.fact("alive", {})["time"] > 0
        holder.rollback()
    assert "assert f(2) == 3" in grader._texts()["hw1", "hw1"]
    assert "held by another program" not in " ".join(grader.queue.fact("problems of grading", []))
    grader.queue.close()
