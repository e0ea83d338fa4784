"""Signatures show what was changed; the gradebook is copied before a run and the copy is whole."""

from __future__ import annotations

import contextlib
import json
import pathlib
import sqlite3
import threading

import pytest
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.coursedir import signatures
from photgrader.gradebook import app, backups, writer
from photgrader.overview.report import write_report
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, submit

KEY = b"k" * 32
RECORD = {
    "student": "ada",
    "assignment": ASSIGNMENT,
    "points": 3.25,
    "faults": [],
    "exercises": {"centroid": {"points": 3.25, "notes": ["ünïcode \ud800"]}},
}


def test_a_signed_record_verifies_and_any_change_of_it_does_not():
    record = signatures.signed(RECORD, KEY)
    assert signatures.verify(record, KEY)
    assert signatures.verify(json.loads(json.dumps(record, indent=3, sort_keys=True)), KEY), (
        "the form of the file does not matter"
    )
    assert not signatures.verify(record, b"another" * 5)
    for change in (
        {"points": 3.26},
        {"student": "bob"},
        {"points": "3.25"},
        {"more": 1},
        {"faults": [{}]},
        {"signature": ""},
        {"signature": None},
        {"signature": "é"},
    ):
        assert not signatures.verify({**record, **change}, KEY), change
    assert not signatures.verify({k: v for k, v in record.items() if k != "faults"}, KEY)
    assert not signatures.verify(RECORD, KEY), "no signature is no good one"


def test_a_signature_is_the_same_every_time_and_says_nothing_of_the_key():
    assert signatures.signature(RECORD, KEY) == signatures.signature(dict(reversed(RECORD.items())), KEY)
    assert (
        signatures.signature(RECORD, KEY) != signatures.signature(RECORD, b"j" * 32)
        and len(signatures.signature(RECORD, KEY)) == 64
    )
    assert KEY.hex() not in json.dumps(signatures.signed(RECORD, KEY))


@pytest.fixture
def recorded(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with three records."""
    for student in ("ada", "ben", "cyd"):
        coursedir.write_record(tmp_path, coursedir.Record.read({**RECORD, "student": student}))
    return tmp_path


def test_records_are_signed_when_they_are_written(recorded):
    assert [
        signatures.verify(r.source, coursedir.key(recorded)) for r in coursedir.read_records(recorded, ASSIGNMENT)
    ] == [True] * 3
    assert coursedir.untrusted(recorded, ASSIGNMENT) == []


def test_each_way_to_spoil_a_record_is_found_and_the_others_stay(recorded):
    paths = {s: coursedir.record_path(recorded, ASSIGNMENT, s) for s in ("ada", "ben", "cyd")}
    body = json.loads(paths["ada"].read_text())
    paths["ada"].write_text(json.dumps({**body, "points": 7.0}))
    paths["ben"].write_text(paths["ben"].read_text()[:100])
    assert {(d.student, d.what) for d in coursedir.untrusted(recorded, ASSIGNMENT)} == {
        ("ada", "changed"),
        ("ben", "damaged"),
    }
    assert [r.student for r in coursedir.read_records(recorded, ASSIGNMENT)] == ["ada", "cyd"], (
        "a damaged record stops nobody"
    )
    # Signed by the grader, and in the wrong place.
    paths["ben"].write_text(paths["cyd"].read_text())
    del body["signature"]
    paths["ada"].write_text(json.dumps(body))
    doubts = {d.student: d for d in coursedir.untrusted(recorded, ASSIGNMENT)}
    assert {s: d.what for s, d in doubts.items()} == {"ada": "unsigned", "ben": "changed"}
    assert "--student ada --force" in doubts["ada"].sentence


# ------------------------------------------------------------------------------------------------ backups
def scores(path: pathlib.Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("select count(*) from student").fetchone()[0]


def enrol(root: pathlib.Path, student: str) -> None:
    with Gradebook(app.database_url(root)) as gradebook:
        gradebook.add_student(student)


def test_a_backup_is_whole_private_and_made_only_after_a_change(tiny_course):
    first = backups.backup_gradebook(tiny_course)
    assert (
        first is not None
        and backups.damage(first) == ""
        and first.stat().st_mode & 0o077 == 0
        and first.parent.stat().st_mode & 0o077 == 0
    )
    assert backups.backup_gradebook(tiny_course) == first, "nothing has changed"
    enrol(tiny_course, "ada")
    second = backups.backup_gradebook(tiny_course)
    assert second != first and scores(second) == scores(first) + 1
    assert backups.backups(tiny_course) == [first, second] and "UTC" in backups.backup_time(second)


def test_only_the_last_backups_are_kept(tiny_course):
    for number in range(5):
        enrol(tiny_course, f"s{number}")
        backups.backup_gradebook(tiny_course, keep=3)
    kept = backups.backups(tiny_course)
    assert len(kept) == 3 and [scores(p) for p in kept] == [3, 4, 5]


def test_a_backup_waits_for_a_writer_and_holds_all_or_nothing_of_what_is_written(tiny_course):
    enrol(tiny_course, "ada")
    path = backups.gradebook_file(tiny_course)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("begin exclusive")
    holder.execute("insert into student (id) values ('ghost')")
    threading.Timer(1.0, lambda: holder.execute("rollback")).start()
    made = backups.backup_gradebook(tiny_course)
    holder.close()
    assert scores(made) == 1


def test_a_gradebook_that_somebody_holds_is_not_waited_for_without_end(tiny_course, monkeypatch, caplog):
    monkeypatch.setattr(backups, "PATIENCE_SECONDS", 0.3)
    with contextlib.closing(sqlite3.connect(backups.gradebook_file(tiny_course), isolation_level=None)) as holder:
        holder.execute("begin exclusive")
        assert backups.backup_gradebook(tiny_course) is None and "was not backed up" in caplog.text
        holder.execute("rollback")
    assert backups.backup_gradebook(tiny_course) is not None


def test_a_gradebook_that_is_none_is_not_touched_and_it_is_said(tiny_course):
    path = backups.gradebook_file(tiny_course)
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(coursedir.CourseError, match="could not be backed up"):
        backups.backup_gradebook(tiny_course)
    assert backups.backups(tiny_course) == [] and list((tiny_course / ".photgrader" / "backups").iterdir()) == []


def test_a_gradebook_on_a_server_has_its_backup_there(tmp_path, monkeypatch):
    monkeypatch.setattr(app, "database_url", lambda root: "postgresql://somebody@somewhere/grades")
    assert backups.gradebook_file(tmp_path) is None and backups.backup_gradebook(tmp_path) is None


# ------------------------------------------------------------------------------------------------ a run
def test_a_grading_run_backs_up_first_and_a_changed_record_is_graded_again(tiny_course, here):
    from photgrader.runs.run import grade_assignment

    submit(tiny_course, "ada", RIGHT)
    assert grade_assignment(tiny_course, ASSIGNMENT, "*", 1, False)["graded"] == 1
    (backup,) = backups.backups(tiny_course)
    assert scores(backup) == 0, "the backup is of the time before"
    path = coursedir.record_path(tiny_course, ASSIGNMENT, "ada")
    path.write_text(path.read_text().replace('"points": 7.0', '"points": 9.0'))
    assert not parallel.unchanged(tiny_course, parallel.submissions(tiny_course, ASSIGNMENT))
    page = write_report(tiny_course, [ASSIGNMENT], tiny_course / "report.html", names=True).read_text()
    assert "1 of the records were changed, damaged or are not signed (ada)" in page and "Nothing is graded yet" in page
    assert "ada" not in write_report(tiny_course, [ASSIGNMENT], tiny_course / "report.html").read_text()
    assert grade_assignment(tiny_course, ASSIGNMENT, "*", 1, False)["graded"] == 1
    assert coursedir.untrusted(tiny_course, ASSIGNMENT) == []
    assert "were changed" not in write_report(tiny_course, [ASSIGNMENT], tiny_course / "report.html").read_text()


def test_a_submission_that_the_gradebook_refuses_is_told_and_the_others_are_graded(tmp_path, monkeypatch):
    from rich.console import Console

    from photgrader.runs.run import GradingRun

    def merge(root, result, *, patience):
        if result["record"]["student"] == "ada":
            raise writer.Refused("The gradebook did not take ada: no reason given")

    monkeypatch.setattr(writer, "merge", merge)
    run = GradingRun(tmp_path, ASSIGNMENT, Console(quiet=True))
    for student in ("ada", "ben"):
        run._held[student] = [{"record": {"student": student, "state": "graded"}}]
        run._merge(student)
    assert run.merged == 1 and list(run.failed) == ["ada"] and run.states == {"failed": 1, "graded": 1}


def test_marks_that_nbgraders_schema_refuses_are_refused_while_a_result_is_merged_too():
    import jsonschema
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator, ValidationError

    def cell(**wrong: object) -> nbformat.NotebookNode:
        marks = {
            "grade_id": "a",
            "grade": True,
            "points": 2,
            "locked": True,
            "solution": False,
            "task": False,
            "schema_version": 3,
            **wrong,
        }
        return nbformat.v4.new_code_cell("1", metadata={"nbgrader": marks})

    real = jsonschema.validate
    with writer._read_once():
        MetadataValidator().validate_cell(cell())
        for wrong in ({"grade": "yes"}, {"grade_id": 7}, {"points": -1}, {"locked": None}):
            with pytest.raises(ValidationError) as ours:
                MetadataValidator().validate_cell(cell(**wrong))
            with pytest.raises(ValidationError) as theirs:
                real(cell(**wrong).metadata["nbgrader"], MetadataValidator().schema)
            assert ours.value.message == theirs.value.message
    from nbgrader.nbgraderformat import common

    assert common.jsonschema is jsonschema, "nbgrader's own again"


def test_a_submission_looks_once_for_each_course_in_the_gradebook(tmp_path, monkeypatch):
    from nbgrader.api import Gradebook

    url, asked, usual = f"sqlite:///{tmp_path}/grades.db", [], Gradebook.check_course

    def check_course(self, course_id="default_course"):
        asked.append(course_id)
        return usual(self, course_id)

    monkeypatch.setattr(Gradebook, "check_course", check_course)
    for _ in range(2):
        with writer._read_once():
            for course in ("stars", "default_course", "stars", "stars"):
                Gradebook(url, course).close()
    assert asked == ["stars", "default_course"] * 2 and Gradebook.check_course is check_course
    with Gradebook(url, "stars") as book:
        assert {c.id for c in book.db.query(type(book.check_course()))} == {"stars", "default_course"}


def test_a_result_that_waits_for_the_gradebook_is_not_merged_when_somebody_has_changed_it(tiny_course):
    record = {"student": "ada", "assignment": ASSIGNMENT, "notebook": ASSIGNMENT, "key": "k", "points": 1.0}
    writer.spool(tiny_course, {"record": record, "notebook": "{}", "log": ""})
    name = (tiny_course, ASSIGNMENT, "ada", ASSIGNMENT, "k")
    assert writer.spooled_result(*name)["record"]["points"] == 1.0
    (path,) = (tiny_course / ".photgrader" / "graded").rglob("*.json")
    path.write_text(path.read_text().replace('"points": 1.0', '"points": 4.0'))
    assert writer.spooled_result(*name) is None


def test_what_the_grader_failed_on_is_told_at_the_end_of_the_run(tiny_course, monkeypatch):
    from rich.console import Console

    from photgrader.runs.run import GradingRun

    monkeypatch.setattr(writer, "merge", lambda root, *results, patience: None)
    run = GradingRun(tiny_course, ASSIGNMENT, Console())
    for student, state in (("ada", "graded"), ("bob", "grader fault")):
        run._held[student] = [
            {"record": {"student": student, "assignment": ASSIGNMENT, "notebook": ASSIGNMENT, "state": state}}
        ]
        run._merge(student)
    assert run.states == {"graded": 1, "grader fault": 1} and list(run.failed) == ["bob"]
    assert f".photgrader/logs/{ASSIGNMENT}" in run.failed["bob"]
