"""What a marker is shown, and who gets the mark."""

from __future__ import annotations

import shutil

from photgrader.runs.run import grade_assignment
from photgrader.serve import marking
from support import ASSIGNMENT, RIGHT, submit


def test_a_verdict_that_asks_for_a_person_is_shown_with_the_students_code_and_shared_with_nobody(
    built_course, tmp_path, here
):
    shutil.copytree(built_course, tmp_path / "course")
    root = tmp_path / "course"
    dies = "import os\nos._exit(3)"
    for student in ("ada", "ben"):
        submit(root, student, {**RIGHT, "second_moment": dies, "written-why": "Because of the wings."})
    submit(root, "dan", text="{")
    grade_assignment(root, ASSIGNMENT, "*", 1, False)
    found = {q.name: q for q in marking.questions(root, ASSIGNMENT)}
    groups = found["check-second_moment"].groups
    assert sorted(g.students for g in groups) == [["ada"], ["ben"], ["dan"]], "one mark is not given to the others"
    assert groups[0].text == dies and "a person will look at it" in groups[0].why
    [broken] = [g for g in groups if g.students == ["dan"]]
    assert broken.why.count("not a notebook") == 1
    assert [g.students for g in found["written-why"].groups][0] == ["ada", "ben"], "equal words are marked together"
