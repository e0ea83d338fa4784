"""Where a class stands, from folders, gradebook, records and the exchange."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook
from nbgrader.utils import notebook_hash

from photgrader import coursedir
from photgrader.cli import main_group
from photgrader.gradebook import app
from photgrader.overview.status import course_status
from support import ASSIGNMENT, submit


@pytest.fixture(scope="module")
def standing(built_course, tmp_path_factory) -> pathlib.Path:
    """A course in the middle of its week; not to be written to. Each student is in another state."""
    root = tmp_path_factory.mktemp("week") / "course"
    shutil.copytree(built_course, root)
    exchange = root / "exchange" / "starlight"
    with Gradebook(app.database_url(root)) as book:
        for student in ("ada", "bob", "eve", "fay", "gus", "hal"):
            book.add_student(student)
        for student, stamp in (("ada", "2026-10-15 09:00:00 UTC"), ("bob", "2026-10-13 10:00:00 UTC")):
            path = submit(root, student)
            (path.parent / "timestamp.txt").write_text(stamp)
            book.add_submission(ASSIGNMENT, student, timestamp=stamp)
            for grade in book.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student).grades:
                grade.auto_score, grade.needs_manual_grade = (
                    (None, True) if grade.name == "written-why" and student == "ada" else (2, False)
                )
        book.db.commit()
    (submit(root, "eve").parent / "timestamp.txt").write_text("2026-10-12 10:00:00 UTC")
    submit(root, "zoe", text="{")
    for student, state, graded in (
        ("ada", "graded", "2026-10-16T08:00:00+00:00"),
        ("bob", "timeout", "2026-10-13T09:00:00+00:00"),
    ):
        coursedir.write_record(
            root,
            coursedir.Record(student=student, assignment=ASSIGNMENT, notebook=ASSIGNMENT, state=state, graded=graded),
        )
    for student, stamp in (("eve", "2026-10-14 10:00:00.000000 UTC"), ("gus", "2026-10-12 10:00:00.000000 UTC")):
        (exchange / "inbound" / f"{student}+{ASSIGNMENT}+{stamp}+abc").mkdir(parents=True)
    (root / "homes" / "hal").mkdir(parents=True)
    (root / "homes" / "fay" / "starlight" / ASSIGNMENT).mkdir(parents=True)
    page = root / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    page.parent.mkdir(parents=True)
    page.write_text("feedback")
    (page.parent / "submission_secret.txt").write_text("secret")
    other = root / "feedback" / "zoe" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    other.parent.mkdir(parents=True)
    other.write_text("feedback")
    (other.parent / "submission_secret.txt").write_bytes(b"\xff\xfe\xfd")
    (exchange / "feedback").mkdir()
    (exchange / "feedback" / f"{notebook_hash(secret='secret', notebook_id=ASSIGNMENT)}.html").write_text("feedback")
    (root / "deadlines.yaml").write_text(
        f"time_zone: UTC\nassignments: {{{ASSIGNMENT}: {{due: 2026-10-12 22:00, extensions: {{ada: 1 week}}}}}}\n"
    )
    return root


@pytest.fixture
def found(standing, monkeypatch):
    """Each student's standing."""
    monkeypatch.setenv("PHOTCOURSE_EXCHANGE", str(standing / "exchange"))
    status = course_status(standing, [ASSIGNMENT], homes=str(standing / "homes" / "{student}"))[0]
    return status, {s.student: s for s in status.students}


def test_everybody_is_in_it_who_is_enrolled_or_handed_something_in(found):
    assert set(found[1]) == {"ada", "bob", "eve", "fay", "gus", "hal", "zoe"}


def test_who_fetched_is_known_where_it_can_be_and_unknown_elsewhere(found, standing, monkeypatch):
    assert {s: v.fetched for s, v in found[1].items()} == {
        "ada": "yes",
        "bob": "yes",
        "eve": "yes",
        "fay": "yes",
        "gus": "yes",
        "hal": "no",
        "zoe": "yes",
    }
    without = {s.student: s.fetched for s in course_status(standing, [ASSIGNMENT])[0].students}
    assert without["fay"] == "unknown" and without["eve"] == "yes"


def test_being_late_counts_from_the_students_own_due_date(found):
    by = found[1]
    assert (by["ada"].hours_late, by["ada"].extended, by["ada"].due) == (0, True, "2026-10-19T22:00:00Z")
    assert (by["bob"].hours_late, by["bob"].extended) == (12, False)
    assert by["zoe"].submitted == "unknown" and by["zoe"].hours_late == 0


def test_what_lies_in_the_exchange_and_is_newer_waits_to_be_collected(found):
    assert {s for s, v in found[1].items() if v.waiting} == {"eve", "gus"}


def test_graded_is_told_from_graded_before_it_was_handed_in_again(found):
    by = found[1]
    assert (by["ada"].graded, by["bob"].graded, by["eve"].graded) == ("yes", "changed", "no")
    assert (by["ada"].state, by["bob"].state) == ("graded", "timeout")
    assert (by["ada"].points, by["ada"].max_points, by["ada"].to_mark) == (4, 9, 1)


def test_feedback_is_released_when_the_very_page_lies_in_the_exchange(found, standing):
    assert found[1]["ada"].feedback == "released"
    assert found[1]["zoe"].feedback == "made", "its secret is none that can be read"
    page = standing / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    page.write_text("made again")
    assert {s.student: s.feedback for s in course_status(standing, [ASSIGNMENT])[0].students}["ada"] == "made"
    page.write_text("feedback")


def test_the_counts_and_what_is_left_to_do_follow(found):
    status = found[0]
    counts = status.counts()
    assert (
        counts["students"],
        counts["submitted"],
        counts["waiting"],
        counts["late"],
        counts["graded"],
        counts["to_grade"],
        counts["to_mark"],
    ) == (7, 4, 2, 1, 1, 3, 1)
    assert [line.split(":")[1].split()[1] for line in status.work_left()] == ["collect", "grade", "assign"]


def test_the_command_prints_tables_and_json_and_ends_with_1_where_work_is_left(found, standing, monkeypatch, tmp_path):
    monkeypatch.chdir(standing)
    run = CliRunner()
    assert "time unknown" in run.invoke(main_group, ["status", ASSIGNMENT]).output
    assert ASSIGNMENT in run.invoke(main_group, ["status"]).output
    done = run.invoke(main_group, ["status", "--json", "-", "--check"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)[0]["counts"]["students"] == 7
    assert run.invoke(main_group, ["status", "--json", str(tmp_path / "status.json")]).exit_code == 0
    assert json.loads((tmp_path / "status.json").read_text())[0]["states"] == {"graded": 1, "timeout": 1}
    assert run.invoke(main_group, ["status", "ps77"]).exit_code == 2
    assert run.invoke(main_group, ["status", "--homes", "/home"]).exit_code == 2


def test_an_assignment_whose_source_is_gone_is_told_with_its_submissions_and_marks(standing, tmp_path, monkeypatch):
    root = tmp_path / "course"
    shutil.copytree(standing, root)
    monkeypatch.chdir(root)
    assert "source/" not in CliRunner().invoke(main_group, ["status"]).stderr
    (root / "source" / ASSIGNMENT).rename(root / "source" / "hw2")
    done = CliRunner().invoke(main_group, ["status", "--check"])
    assert (
        f"{ASSIGNMENT} has 4 submissions in submitted/ and 2 submissions in the gradebook, and no notebook"
        in done.stderr
    )
    assert done.exit_code == 1
