"""Class lists in the layouts that Canvas, Moodle and Brightspace export."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook

from lms_layouts import BRIGHTSPACE, CANVAS, CANVAS_TWO_NAMES, MOODLE, PLAIN
from photgrader.roster import RosterError, import_roster, read_columns, read_roster


@pytest.mark.parametrize("text, layout, facts", [
    (CANVAS, "canvas", [("alovelace", "Ada", "Lovelace", "", "7001"), ("ghopper", "Grace", "Hopper", "", "7002")]),
    (CANVAS_TWO_NAMES, "canvas", [("alovelace", "Ada", "Lovelace", "", "7001")]),
    (MOODLE, "moodle", [("ada@example.org", "Ada", "Lovelace", "ada@example.org", "100"), ("jose@example.org", "José", "Núñez", "jose@example.org", "101")]),
    (BRIGHTSPACE, "brightspace", [("ada.lovelace", "Ada", "Lovelace", "ada@example.org", "100200")]),
    (PLAIN, "plain", [("ada", "Ada", "Lovelace", "ada@example.org", "100")]),
])
def test_a_list_is_known_by_its_heading_and_gives_the_students(text, layout, facts):
    found, people = read_roster(text.encode())
    assert found == layout
    assert [(p.id, p.first_name, p.last_name, p.email, p.lms_user_id) for p in people] == facts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_list_may_come_in_any_encoding_that_spreadsheets_write(encoding):
    _, people = read_roster(MOODLE.encode(encoding))
    assert people[1].last_name == "Núñez"


def test_another_column_may_hold_the_accounts():
    _, people = read_roster(CANVAS.encode(), id_column="SIS User ID")
    assert [p.id for p in people] == ["S-100", "S-101"]
    _, people = read_roster(CANVAS.encode(), id_column="sis user id", lower=True)
    assert [p.id for p in people] == ["s-100", "s-101"]


@pytest.mark.parametrize("text, options, said", [
    ("", {}, "empty"),
    ("name,mark\nAda,3\n", {}, "no known layout"),
    ("id\n../ada\n", {}, "'../ada'"),
    ("id\nada+1@example.org\n", {}, "folders"),
    ("id\n.ada\n", {}, "'.ada'"),
    ("id\nada\nada\n", {}, "Line 3"),
    ("id,first_name\n,Ada\n", {}, "Line 2"),
    (PLAIN, {"id_column": "account"}, "no column"),
    (PLAIN, {"layout": "moodle"}, "Name one with --id"),
])
def test_a_list_that_cannot_be_used_is_refused_as_a_whole_with_one_sentence(text, options, said):
    with pytest.raises(RosterError) as caught:
        read_roster(text.encode(), **options)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    try:
        layout, people = read_roster(content)
    except RosterError:
        return
    assert layout and all("/" not in p.id and not p.id.startswith(".") for p in people)


def test_an_import_adds_changes_and_names_but_never_removes(tmp_path, empty_gradebook):
    with Gradebook(f"sqlite:///{shutil.copy(empty_gradebook, tmp_path)}") as book:
        book.add_student("alovelace", first_name="Augusta", email="ada@example.org")
        book.add_student("guest")
        layout, people = read_roster(CANVAS.encode())
        tried = import_roster(book, tmp_path, layout, people, dry_run=True)
        assert {s.id for s in book.students} == {"alovelace", "guest"} and read_columns(tmp_path) == {}
        done = import_roster(book, tmp_path, layout, people)
        assert tried == done
        assert (done.added, done.changed, done.same, done.not_listed) == (["ghopper"], ["alovelace"], [], ["guest"])
        ada = book.find_student("alovelace")
        assert (ada.first_name, ada.email, ada.lms_user_id) == ("Ada", "ada@example.org", "7001")
        assert import_roster(book, tmp_path, layout, people).same == ["alovelace", "ghopper"]
    assert read_columns(tmp_path)["alovelace"]["canvas"]["Section"] == "Astro 101, group A"
