"""Records for research: pseudonyms that only the course can make, and not one word of a student's."""

from __future__ import annotations

import json
import stat

import pytest
from click.testing import CliRunner

from photgrader import coursedir
from photgrader.cli import main_group
from photgrader.coursedir import Record
from photgrader.exercise import load_assignment
from photgrader.overview.anonymise import anonymise, anonymous_record, as_csv, as_lines, pseudonym, study_key
from photgrader.overview.status import Standing
from support import ASSIGNMENT

SECRET = "Canary O'Student"


def record(student=SECRET):
    """A record in which every text that a student can reach is a canary."""
    misconception = next(iter(load_assignment(ASSIGNMENT).exercises["centroid"].misconceptions))
    return {
        "format": 1,
        "student": student,
        "assignment": ASSIGNMENT,
        "notebook": f"{SECRET} nb",
        "run": "2",
        "graded": "2026-11-21T10:00:00+00:00",
        "state": "repaired",
        "intake": "repaired",
        "sandbox": True,
        "kernel": SECRET,
        "sentence": SECRET,
        "key": "deadbeef",
        "repairs": [{"kind": "renamed", "student": SECRET, "grader": SECRET}],
        "faults": [{"cell": SECRET, "state": "timeout", "sentence": SECRET}],
        "seconds": 3.2,
        "versions": {"numpy": "2"},
        "points": 4.0,
        "max_points": 7.0,
        "plain_tests": {SECRET: "run"},
        "leaderboard": {"name": SECRET, "figures": {}},
        "exercises": {
            "centroid": {
                "points": 1.5,
                "max_points": 4.0,
                "state": "wrong",
                "sentence": SECRET,
                "hint": misconception,
                "hint_title": SECRET,
                "symptom": SECRET,
                "seed": 7,
                "notes": [SECRET],
                "cases": [
                    {
                        "name": SECRET,
                        "tests": SECRET,
                        "hidden": True,
                        "weight": 1.0,
                        "score": 0.5,
                        "kind": SECRET,
                        "symptom": SECRET,
                        "seconds": 1,
                    }
                ],
            },
            SECRET: {"points": 1, "max_points": 1, "state": "right", "hint": "", "cases": []},
        },
    }


def test_no_text_of_a_student_is_in_it_wherever_it_stood():
    made = anonymous_record(Record.read(record()), load_assignment(ASSIGNMENT), b"key", True)
    text = as_lines([made]) + as_csv([made])
    assert SECRET not in text and "Canary" not in text and "deadbeef" not in text and "2026" not in text
    assert (
        made["state"] == "repaired"
        and made["repairs"] == ["renamed"]
        and made["faults"] == ["timeout"]
        and made["late"] is True
        and made["run"] == "2"
    )
    assert list(made["exercises"]) == ["centroid"] and made["exercises"]["centroid"]["hint"]
    assert made["exercises"]["centroid"]["cases"] == [
        {"case": 1, "hidden": True, "weight": 1.0, "score": 0.5, "kind": ""}
    ]


def test_a_hint_that_is_none_of_the_courses_is_left_out():
    forged = record()
    forged["exercises"]["centroid"]["hint"] = "canary-hint"
    forged["state"] = "Canary: my name"
    made = anonymous_record(Record.read(forged), load_assignment(ASSIGNMENT), b"key", None)
    assert made["exercises"]["centroid"]["hint"] == "" and made["state"] == ""


def test_a_pseudonym_is_the_same_in_a_study_and_another_in_another_and_needs_the_key(tmp_path):
    (tmp_path / ".photgrader").mkdir()
    one, two = study_key(tmp_path, "hints"), study_key(tmp_path, "drop-out")
    assert one == study_key(tmp_path, "hints") != two
    assert pseudonym(one, "ada") == pseudonym(one, "ada") != pseudonym(two, "ada")
    assert pseudonym(one, "ada") != pseudonym(one, "bob") and "ada" not in pseudonym(one, "ada")
    assert stat.S_IMODE((tmp_path / ".photgrader" / "studies" / "hints").stat().st_mode) == 0o600
    with pytest.raises(coursedir.CourseError, match="letters"):
        study_key(tmp_path, "../key")
    (tmp_path / ".photgrader/studies/hints").write_text("zz")
    with pytest.raises(coursedir.CourseError, match="hints is damaged"):
        study_key(tmp_path, "hints")


def test_the_order_tells_nothing_and_lateness_is_yes_no_or_unknown(tmp_path):
    for student in ("ada", "bob", "eve", "fay", "gus", "ida"):
        coursedir.write_record(tmp_path, Record.read(record(student)))
    standings = {
        ASSIGNMENT: [
            Standing("ada", submitted="2026-10-13T10:00:00Z", due="2026-10-12T22:00:00Z", hours_late=12),
            Standing("bob", submitted="2026-10-12T10:00:00Z", due="2026-10-12T22:00:00Z"),
            Standing("eve", submitted="unknown", due="x"),
        ]
    }
    made = anonymise(tmp_path, [ASSIGNMENT], "hints", standings)
    key = study_key(tmp_path, "hints")
    assert [m["student"] for m in made] == sorted(pseudonym(key, s) for s in ("ada", "bob", "eve", "fay", "gus", "ida"))
    late = {m["student"]: m["late"] for m in made}
    assert [late[pseudonym(key, s)] for s in ("ada", "bob", "eve", "fay")] == [True, False, None, None]


def test_the_command_writes_lines_or_a_table_and_warns_of_a_small_class(tiny_course, monkeypatch, tmp_path):
    monkeypatch.chdir(tiny_course)
    run = CliRunner()
    words = ["anonymise", "--study", "hints", "--out"]
    assert isinstance(run.invoke(main_group, [*words, str(tmp_path / "a.jsonl")]).exception, coursedir.CourseError)
    coursedir.write_record(tiny_course, Record.read(record("ada")))
    done = run.invoke(main_group, [*words, str(tmp_path / "a.jsonl")])
    assert done.exit_code == 0 and "recognised" in done.stderr
    assert json.loads((tmp_path / "a.jsonl").read_text())["exercises"]["centroid"]["points"] == 1.5
    assert run.invoke(main_group, [*words, str(tmp_path / "a.csv")]).exit_code == 0
    assert (tmp_path / "a.csv").read_text().splitlines()[1].split(",")[5:8] == ["centroid", "1.5", "4.0"]
    assert run.invoke(main_group, [*words, str(tmp_path / "a.txt")]).exit_code == 2
    assert run.invoke(main_group, ["anonymise", "ps77", *words[1:], "x.csv"]).exit_code == 2
