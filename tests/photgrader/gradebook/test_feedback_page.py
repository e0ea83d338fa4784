"""What a student reads on the feedback page: reasons, what waits, when and how late; and that a person's mark stays."""

from __future__ import annotations

import pathlib
import re
import shutil
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from nbgrader.api import Gradebook

from photgrader.cli import main_group
from photgrader.gradebook import app, feedback
from plain_kernel import in_this_process
from support import ASSIGNMENT, RIGHT, submit

ANSWER = "written-why"


def run(root: pathlib.Path, *words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        patch.chdir(root)
        done = CliRunner().invoke(main_group, list(words))
    assert done.exit_code == 0, (done.output[-1500:], done.exception)


def page_of(root: pathlib.Path, student: str) -> Any:
    text = (root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, features="html.parser")


@pytest.fixture(scope="module")
def graded(built_course: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A class of two: one late, wrong and marked by a person; one in time, all right but for an answer left empty."""
    root = tmp_path_factory.mktemp("feedback") / "course"
    shutil.copytree(built_course, root)
    cells = {
        "ada": {
            **RIGHT,
            "centroid": RIGHT["centroid"]
            .replace("np.arange(x_start, x_start + nx)", "np.arange(nx)")
            .replace("np.arange(y_start, y_start + ny)", "np.arange(ny)"),
            ANSWER: "Because of the wings.",
        },
        "bob": {k: v for k, v in RIGHT.items() if k != ANSWER},
    }
    for student, when in (("ada", "2026-10-14 08:00:00 UTC"), ("bob", "2026-10-12 08:00:00 UTC")):
        folder = submit(root, student, cells[student]).parent
        (folder / "timestamp.txt").write_text(when)
        (folder / "aaa.html").write_text("<script>evil()</script><h1>right 10 of 10</h1>")
        (folder / "notes.txt").write_text("mine")
    (root / "deadlines.yaml").write_text(
        f"time_zone: Europe/Zurich\npenalty_per_day: 5 %\nassignments: {{{ASSIGNMENT}: {{due: 2026-10-12 22:00}}}}\n"
    )
    run(root, "grade", ASSIGNMENT)
    done = app.nbgrader_api(root).generate_feedback(ASSIGNMENT)
    assert done["success"], done
    return root


def test_what_pages_need_to_read_the_gradebook_is_made_ready_once_for_all_of_them(graded):
    before = feedback.ready_database.cache_info()
    assert app.nbgrader_api(graded).generate_feedback(ASSIGNMENT, force=True)["success"]
    now = feedback.ready_database.cache_info()
    assert now.misses == before.misses and now.hits == before.hits + 2


def test_a_page_that_a_student_made_is_none_of_the_feedback(graded):
    for student in ("ada", "bob"):
        assert (graded / "autograded" / student / ASSIGNMENT / "aaa.html").is_file(), "kept beside what was graded"
        there = {p.name for p in (graded / "feedback" / student / ASSIGNMENT).iterdir()}
        assert there == {f"{ASSIGNMENT}.html", "timestamp.txt", "notes.txt"} | ({"checks"} & there)


def test_each_line_of_the_summary_has_its_reason(graded):
    lines = [li.get_text(" ", strip=True) for li in page_of(graded, "ada").select("nav li")]
    assert all(
        re.search(r"(\d+(?:\.\d+)?) of \1 points", line) or len(line.split("points")[1]) > 10
        for line in lines
        if "points" in line
    ), lines
    centroid = next(line for line in lines if "centroid" in line)
    assert "explained in 1a.6 Where is the star?" in centroid


def test_what_waits_for_a_person_is_not_lost_and_says_so(graded):
    page = page_of(graded, "ada")
    assert "of them not marked yet" in page.select_one(".total").get_text()
    why = next(li.get_text(" ", strip=True) for li in page.select("nav li") if "why" in li.get_text())
    assert "not marked yet (of 2 points)" in why and "a person has not marked it yet" in why and "0 of 2" not in why


def test_nobody_is_made_to_say_no_response(graded):
    page = page_of(graded, "bob")
    assert "No response" not in page.get_text() and not page.select(".comment")
    why = next(li.get_text(" ", strip=True) for li in page.select("nav li") if "why" in li.get_text())
    assert "left as it was handed out" in why


def test_when_it_came_how_late_and_what_that_costs(graded):
    late, early = (page_of(graded, s).select_one("header").get_text(" ", strip=True) for s in ("ada", "bob"))
    assert (
        "Handed in late: 14 October 2026, 10:00 (CEST) , 1 day 12 hours after the deadline. That costs"
        in late.replace("CEST),", "CEST) ,")
    )
    assert "Handed in 12 October 2026, 10:00 (CEST)" in early and "late" not in early


def test_a_person_s_mark_outlives_the_next_grading_as_long_as_the_answer_is_the_same(graded):
    with Gradebook(app.database_url(graded)) as book:
        grade = book.find_grade(ANSWER, ASSIGNMENT, ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.db.commit()
    run(graded, "grade", ASSIGNMENT, "--force")
    with Gradebook(app.database_url(graded)) as book:
        grade = book.find_grade(ANSWER, ASSIGNMENT, ASSIGNMENT, "ada")
        assert grade.manual_score == 1.5 and not grade.needs_manual_grade
    path = graded / "submitted" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == ANSWER
    ).source = "Another answer."
    nbformat.write(notebook, path)
    run(graded, "grade", ASSIGNMENT)
    with Gradebook(app.database_url(graded)) as book:
        assert book.find_grade(ANSWER, ASSIGNMENT, ASSIGNMENT, "ada").needs_manual_grade, (
            "another answer is marked again"
        )
