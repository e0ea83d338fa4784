"""Written answers shared out among graders."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook

from photgrader.cli import main_group
from photgrader.gradebook import app
from photgrader.gradebook.assign import (
    Answer,
    AssignError,
    answers,
    progress,
    read_sharing,
    share,
    worklist,
    worklist_csv,
    write_sharing,
)
from support import ASSIGNMENT

KEY = b"key"


def some(students, questions=("why", "how"), done=()):
    return [Answer(s, "nb", q, s in done, f"submissions/{s}/") for s in students for q in questions]


def loads(sharing, found):
    return Counter(sharing.grader_of(a) for a in found)


@given(st.integers(0, 40), st.integers(1, 7))
def test_shares_are_even(students, graders):
    found = some([f"s{n:02d}" for n in range(students)])
    names = [f"g{n}" for n in range(graders)]
    counts = loads(share(None, found, "ps1", names, "student", KEY), found)
    assert (
        "" not in counts
        and max((counts[g] for g in names), default=0) - min((counts[g] for g in names), default=0) <= 2
    )


@given(st.lists(st.integers(0, 60), unique=True), st.lists(st.integers(0, 60), unique=True))
def test_what_was_given_stays_given_when_more_come_in(first, more):
    before = share(None, some([f"s{n}" for n in first]), "ps1", ["ada", "bob", "eve"], "student", KEY)
    everybody = some([f"s{n}" for n in {*first, *more}])
    now = share(before, everybody, "ps1", ["ada", "bob", "eve"], "student", KEY)
    assert {u: g for u, g in now.given.items() if u in before.given} == before.given
    assert share(now, everybody, "ps1", ["ada", "bob", "eve"], "student", KEY) == now
    counts = loads(now, everybody)
    assert max(counts[g] for g in ("ada", "bob", "eve")) - min(counts[g] for g in ("ada", "bob", "eve")) <= 2


def test_where_a_grader_leaves_only_the_unmarked_go_to_the_others():
    found = some([f"s{n}" for n in range(12)])
    before = share(None, found, "ps1", ["ada", "bob", "eve"], "student", KEY)
    hers = [s for s, g in before.given.items() if g == "ada"]
    marked = some([f"s{n}" for n in range(12)], done=hers[:2])
    now = share(before, marked, "ps1", ["bob", "eve"], "student", KEY)
    assert {s for s, g in now.given.items() if g == "ada"} == set(hers[:2])
    assert all(now.given[s] in ("bob", "eve") for s in hers[2:]) and progress(now, marked)["ada"] == {
        "answers": 4,
        "done": 4,
    }


def test_who_gets_whose_answers_is_no_matter_of_the_alphabet():
    found = some([f"s{n:02d}" for n in range(40)])
    first = [share(None, found, f"ps{n}", ["ada", "bob"], "student", KEY).given["s00"] for n in range(20)]
    assert {"ada", "bob"} == set(first)


def test_one_question_may_be_one_graders_for_everybody():
    found = some([f"s{n}" for n in range(5)], ("why", "how", "what"))
    now = share(None, found, "ps1", ["ada", "bob"], "question", KEY)
    assert set(now.given) == {"why", "how", "what"} and sorted(loads(now, found).values()) == [5, 10]


def test_the_largest_units_are_given_first_so_that_the_small_ones_even_out():
    found = some(["s1", "s2", "s3"], ("long",)) + [a for q in ("a", "b", "c") for a in some(["s1"], (q,))]
    assert sorted(loads(share(None, found, "ps1", ["ada", "bob"], "question", KEY), found).values()) == [3, 3]


def test_the_way_of_sharing_does_not_change_once_marking_has_begun():
    before = share(None, some(["s1", "s2"]), "ps1", ["ada"], "student", KEY)
    assert share(before, some(["s1", "s2"]), "ps1", ["ada"], "question", KEY).by == "question"
    with pytest.raises(AssignError, match="marking has begun"):
        share(before, some(["s1", "s2"], done=["s1"]), "ps1", ["ada"], "question", KEY)


def test_without_a_grader_nothing_is_shared():
    with pytest.raises(AssignError, match="at least one"):
        share(None, some(["s1"]), "ps1", [" ", ""], "student", KEY)


def test_a_list_has_what_is_to_be_marked_first_and_is_safe_in_a_spreadsheet():
    found = some(["=cmd()", "s2"], ("why",), done=["=cmd()"])
    now = share(None, found, "ps1", ["ada"], "student", KEY)
    mine = worklist(now, found, "ada")
    assert [a.done for a in mine] == [False, True]
    rows = list(csv.reader(io.StringIO(worklist_csv(mine, {a: "ada" for a in mine}, "http://127.0.0.1/formgrader/"))))
    assert (
        rows[1] == ["ada", "s2", "nb", "why", "no", "http://127.0.0.1/formgrader/submissions/s2/"]
        and rows[2][1] == "'=cmd()"
    )


def test_the_gradebook_says_which_answers_a_person_marks(tmp_path, empty_gradebook):
    with Gradebook(f"sqlite:///{shutil.copy(empty_gradebook, tmp_path)}") as book:
        book.add_assignment("ps1")
        book.add_notebook("nb", "ps1")
        for name, kind in (("check-a", "code"), ("why", "markdown"), ("how", "markdown")):
            book.add_grade_cell(name, "nb", "ps1", max_score=3, cell_type=kind)
        for student in ("ada", "bob"):
            book.add_student(student)
            book.add_submission("ps1", student)
            facts = {
                "check-a": (3, None, False),
                "why": (None, 2.0 if student == "bob" else None, student == "ada"),
                "how": (0, None, False),
            }
            for name, (auto, manual, waits) in facts.items():
                grade = book.find_grade(name, "nb", "ps1", student)
                grade.auto_score, grade.manual_score, grade.needs_manual_grade = auto, manual, waits
        # A verdict that asks for a person.
        book.find_grade("check-a", "nb", "ps1", "bob").needs_manual_grade = True
        book.db.commit()
        found = answers(book, "ps1")
    # An answer that was not written ("how") has a zero and no work in it.
    assert [(a.student, a.question, a.done) for a in found] == [
        ("ada", "why", False),
        ("bob", "check-a", False),
        ("bob", "why", True),
    ]
    assert all(a.page.startswith("submissions/") and len(a.page) > 20 for a in found)


def test_the_command_shares_out_lists_and_remembers(tiny_course, monkeypatch, tmp_path):
    with Gradebook(app.database_url(tiny_course)) as book:
        for student in ("s1", "s2", "s3", "s4"):
            book.add_student(student)
            book.add_submission(ASSIGNMENT, student)
            for grade in book.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student).grades:
                grade.auto_score, grade.needs_manual_grade = (None, True) if grade.name == "written-why" else (1, False)
        book.db.commit()
    monkeypatch.chdir(tiny_course)
    run = CliRunner()
    assert run.invoke(main_group, ["assign", ASSIGNMENT]).exit_code == 2
    assert (
        run.invoke(
            main_group, ["assign", ASSIGNMENT, "--graders", "ada,bob", "--csv", str(tmp_path / "list.csv")]
        ).exit_code
        == 0
    )
    assert f"{ASSIGNMENT}: who marks, by student\n" in run.invoke(main_group, ["assign", ASSIGNMENT]).output
    done = run.invoke(main_group, ["assign", ASSIGNMENT, "--json", "-", "--list", "ada"])
    body = json.loads(done.stdout)
    assert len(body["answers"]) == 2 and body["progress"]["ada"] == {"answers": 2, "done": 0}
    assert len((tmp_path / "list.csv").read_text().splitlines()) == 5
    assert run.invoke(main_group, ["assign", ASSIGNMENT, "--list", "zoe"]).exit_code == 2
    kept = read_sharing(tiny_course, ASSIGNMENT)
    assert kept is not None and kept.graders == ["ada", "bob"]
    write_sharing(tiny_course, kept)
    assert read_sharing(tiny_course, ASSIGNMENT) == kept
