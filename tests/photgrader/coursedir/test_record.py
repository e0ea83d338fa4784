"""A record has a type, one reader and one writer; those of the first releases still open, and those of later ones are refused."""

from __future__ import annotations

import ast
import dataclasses
import json
import pathlib
import re

import pytest

from photgrader import coursedir
from photgrader.coursedir import NotARecord, Record, record, signatures
from photgrader.overview.items import analyse
from photgrader.overview.report import assignment_section
from photgrader.runs import replay
from photgrader.serve.grader import summary
from support import ROOT

OLD = pathlib.Path(__file__).with_name("record_of_1.0.json")
FULL = Record(
    student="ada",
    assignment="hw1",
    notebook="hw1",
    state="graded",
    repairs=(record.RepairRecord("renamed", "yours", "theirs"),),
    faults=(record.FaultRecord("3", "timeout", "It took too long."),),
    versions={"numpy": "2.4"},
    points=1.5,
    max_points=4.0,
    exercises={
        "scaled": record.ExerciseRecord(
            1.5, 4.0, "wrong", hint="added", seed=7, notes=("a note",), cases=(record.CaseRecord("a", hidden=True, score=0.5),), code="c0"
        )
    },
    answers={"why": "a1"},
    hashes=record.Hashes("s", "r", "j"),
    leaderboard=record.BoardLine("me", {"rms": 0.1}),
    key="k",
)  # fmt: skip


def test_what_is_written_is_read_again_and_is_plain():
    text = json.dumps(FULL.write())
    again = Record.read(json.loads(text))
    assert again == FULL and json.dumps(again.write()) == text
    assert again.exercises["scaled"].cases[0] == record.CaseRecord("a", hidden=True, score=0.5)
    assert FULL.write()["format"] == record.FORMAT == 2


def test_a_record_without_a_key_says_none_and_an_empty_key_is_kept():
    assert "key" not in dataclasses.replace(FULL, key=None).write() and "signature" not in FULL.write()
    assert Record.read(dataclasses.replace(FULL, key="").write()).key == ""
    assert Record.read(dataclasses.replace(FULL, key=None).write()).key is None


def test_a_record_of_the_first_release_opens_and_is_as_it_was_signed(tmp_path):
    old = Record.read(json.loads(OLD.read_text()))
    assert (old.format, old.student, old.points, old.max_points) == (1, "ada", 1.6, 4.0)
    assert old.exercises["centroid"].hint == "no-offset" and len(old.exercises["centroid"].cases) == 6
    assert old.hashes is None and old.key is None and old.extra_points == 0 and old.repairs[0].kind == "renamed"
    assert signatures.verify(old.source, b"kept") and not signatures.verify({**old.source, "points": 4.0}, b"kept")
    # What looks at records takes it as any other.
    assert analyse([old])[0].name == "centroid"
    assert "no-offset" not in assignment_section(old.assignment, [old], analyse([old]), False)
    assert summary([old])["exercises"]["centroid"]["points"] == 1.6
    assert replay.what_differs(old, FULL, None)[-1].startswith("the record is of an older grader")
    found = replay.find_record(tmp_path, str(OLD))
    assert found == old
    # Written again it is one of today's.
    assert Record.read(old.write()).format == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 3}, "its format is 3, and this grader reads 1, 2"),
        ({"format": "2"}, "its format is '2'"),
        ({"points": "4"}, "not of the kind"),
        ({"sandbox": 1}, "not of the kind"),
        ({"exercises": []}, "not of the kind"),
        ({"exercises": {"a": {"cases": [{"score": 1.0}]}}}, "name"),
        ({"student": None}, "not of the kind"),
    ],
)
def test_what_is_no_record_of_ours_is_refused_with_its_reason(tmp_path, change, words):
    form = {**FULL.write(), **change}
    with pytest.raises(NotARecord, match=words):
        Record.read(form)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(form))
    assert coursedir.read_record(path) is None
    with pytest.raises(coursedir.CourseError, match="not a record of grading that this grader reads"):
        replay.find_record(tmp_path, str(path))


@pytest.mark.parametrize("form", [None, [], "ada", {}, {"assignment": "hw1"}])
def test_what_is_no_record_at_all_is_refused(form):
    with pytest.raises(NotARecord):
        Record.read(form)


def test_a_file_cannot_name_what_was_signed():
    forged = {**FULL.write(), "source": {"student": "eve"}, "unknown": 1}
    assert Record.read(forged).source == forged and "source" not in Record.read(forged).write()


def test_only_one_module_spells_the_names_of_a_record():
    names = {f.name for kind in (Record, record.ExerciseRecord, record.CaseRecord) for f in dataclasses.fields(kind)}
    taken = re.compile(r"\b(record|records\[[^]]*\]|graded\.record)\b")
    found = []
    for path in (ROOT / "autograder" / "photgrader").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in names:
                if taken.search(ast.unparse(node.value)):
                    found.append(f"{path.name}: {ast.unparse(node)}")
    assert found == []
