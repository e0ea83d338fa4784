"""Class lists in the layouts that learning management systems export, in any language."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook

from lms_layouts import (
    BLACKBOARD,
    BRIGHTSPACE,
    BRIGHTSPACE_ONE_KEY,
    CANVAS,
    CANVAS_AUDITOR,
    CANVAS_TWO_NAMES,
    GRADESCOPE,
    GRADESCOPE_ONE_NAME,
    GRADESCOPE_ROSTER,
    MOODLE,
    MOODLE_FRENCH,
    MOODLE_GERMAN,
    PLAIN,
)
from photgrader.cli import main_group
from photgrader.gradebook.roster import RosterError, import_roster, read_columns, read_roster


@pytest.mark.parametrize(
    "text, layout, facts",
    [
        (CANVAS, "canvas", [("alovelace", "Ada", "Lovelace", "", "7001"), ("ghopper", "Grace", "Hopper", "", "7002")]),
        (CANVAS_TWO_NAMES, "canvas", [("alovelace", "Ada", "Lovelace", "", "7001")]),
        (
            MOODLE,
            "moodle",
            [
                ("ada@example.org", "Ada", "Lovelace", "ada@example.org", "100"),
                ("jose@example.org", "José", "Núñez", "jose@example.org", "101"),
            ],
        ),
        (BRIGHTSPACE, "brightspace", [("ada.lovelace", "Ada", "Lovelace", "ada@example.org", "100200")]),
        (BRIGHTSPACE_ONE_KEY, "brightspace", [("100200", "Ada", "Lovelace", "ada@example.org", "100200")]),
        (PLAIN, "plain", [("ada", "Ada", "Lovelace", "ada@example.org", "100")]),
        (MOODLE_GERMAN, "moodle", [("jürgen.groß@example.org", "Jürgen", "Groß", "jürgen.groß@example.org", "")]),
        (
            MOODLE_FRENCH,
            "moodle",
            [
                ("zoe@example.org", "Zoé", "L'Hôpital", "zoe@example.org", "200"),
                ("o'brien@example.org", "Flann", "O'Brien", "o'brien@example.org", ""),
            ],
        ),
        (BLACKBOARD, "blackboard", [("alovelace", "Ada", "Lovelace", "", "S-100")]),
        (GRADESCOPE, "gradescope", [("ada@example.org", "Ada", "Lovelace", "ada@example.org", "100")]),
        (GRADESCOPE_ONE_NAME, "gradescope", [("ada@example.org", "Ada King", "Lovelace", "ada@example.org", "100")]),
    ],
)
def test_a_list_is_known_by_its_heading_and_gives_the_students(text, layout, facts):
    found = read_roster(text.encode())
    assert (found.layout, found.left_out) == (layout, [])
    assert [(p.id, p.first_name, p.last_name, p.email, p.lms_user_id) for p in found.people] == facts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_list_may_come_in_any_encoding_that_spreadsheets_write(encoding):
    assert read_roster(MOODLE.encode(encoding)).people[1].last_name == "Núñez"


def test_another_column_may_hold_the_accounts():
    assert [p.id for p in read_roster(CANVAS.encode(), id_column="SIS User ID").people] == ["S-100", "S-101"]
    assert [p.id for p in read_roster(CANVAS.encode(), id_column="sis user id", lower=True).people] == [
        "s-100",
        "s-101",
    ]


@pytest.mark.parametrize(
    "text, options, said",
    [
        ("", {}, "empty"),
        ("name,mark\nAda,3\n", {}, "no known layout"),
        ("id\n../ada\n", {}, "'../ada'"),
        ("id\nada+1@example.org\n", {}, "folders"),
        ("id\n.ada\n", {}, "'.ada'"),
        ("id\nada\nada\n", {}, "Line 3"),
        ("id,first_name\n,Ada\n", {}, "Line 2"),
        (PLAIN, {"id_column": "account"}, "no column"),
        (PLAIN, {"layout": "moodle"}, "Name one with --id"),
        (PLAIN, {"mapped": {"id": "Konto"}}, "no column 'Konto'"),
        ("Name,Konto\nLovelace, Ada,ada\n", {"mapped": {"id": "Konto"}}, "Line 2"),
        ("Nom,Compte\nLovelace,ada\n", {}, "--map"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_as_a_whole_with_one_sentence(text, options, said):
    with pytest.raises(RosterError) as caught:
        read_roster(text.encode(), **options)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    try:
        found = read_roster(content)
    except RosterError:
        return
    assert found.layout and all("/" not in p.id and not p.id.startswith(".") for p in found.people)


def test_an_import_adds_changes_and_names_but_never_removes(tmp_path, empty_gradebook):
    with Gradebook(f"sqlite:///{shutil.copy(empty_gradebook, tmp_path)}") as book:
        book.add_student("alovelace", first_name="Augusta", email="ada@example.org")
        book.add_student("guest")
        listed = read_roster(CANVAS.encode())
        tried = import_roster(book, tmp_path, listed, dry_run=True)
        assert {s.id for s in book.students} == {"alovelace", "guest"} and read_columns(tmp_path) == {}
        done = import_roster(book, tmp_path, listed)
        assert tried == done
        assert (done.added, done.changed, done.same, done.not_listed) == (["ghopper"], ["alovelace"], [], ["guest"])
        ada = book.find_student("alovelace")
        assert (ada.first_name, ada.email, ada.lms_user_id) == ("Ada", "ada@example.org", "7001")
        assert import_roster(book, tmp_path, listed).same == ["alovelace", "ghopper"]
    assert read_columns(tmp_path)["alovelace"]["canvas"]["Section"] == "Astro 101, group A"


def test_who_has_no_account_is_left_out_by_name_and_nobody_elses_list_is_refused():
    found = read_roster(CANVAS_AUDITOR.encode())
    assert [p.id for p in found.people] == ["alovelace", "ghopper"]
    assert [p.columns.get("Student") for p in found.people] == ["Lovelace, Ada", "Hopper, Grace"]
    assert (
        len(found.left_out) == 2
        and "Line 5" in found.left_out[0]
        and "Emmy Noether" in found.left_out[0]
        and "a+b@example.org" in found.left_out[1]
    )
    # Everybody in the file is in one list or the other.
    assert len(found.people) + len(found.left_out) == 4


def test_who_teaches_is_no_student_and_is_named():
    found = read_roster(GRADESCOPE_ROSTER.encode())
    assert [p.id for p in found.people] == ["ada@example.org"]
    assert len(found.left_out) == 1 and "mary@example.org" in found.left_out[0] and "Instructor" in found.left_out[0]


def test_a_mapped_list_of_a_known_system_keeps_that_systems_id_for_the_way_back():
    text = "Vorname,Nachname,Benutzername,ID-Nummer,E-Mail\nIda,Groß,ida,700,ida@example.org\n"
    names = ("first_name", "last_name", "id", "lms_user_id", "email")
    mapped = dict(zip(names, text.split("\n")[0].split(","), strict=True))
    (ida,) = read_roster(text.encode(), layout="moodle", mapped=mapped).people
    assert (ida.id, ida.lms_user_id, ida.columns.get("ID number")) == ("ida", "700", "700")


def test_a_list_of_no_known_layout_is_taken_as_the_map_says():
    text = "sep=;\nNachname;Rufname;Konto;Post;Nr\nGroß;Ida;ida;ida@example.org;7\n"
    found = read_roster(
        text.encode("cp1252"),
        mapped={"id": "konto", "last_name": "Nachname", "first_name": "Rufname", "email": "Post", "lms_user_id": "Nr"},
    )
    (ida,) = found.people
    assert (found.layout, ida.id, ida.first_name, ida.last_name, ida.email, ida.lms_user_id) == (
        "plain",
        "ida",
        "Ida",
        "Groß",
        "ida@example.org",
        "7",
    )


def test_the_command_says_who_was_left_out_and_takes_a_map(tiny_course, monkeypatch, capsys):
    from photgrader.cli import main

    monkeypatch.chdir(tiny_course)
    (tiny_course / "class.csv").write_text(CANVAS_AUDITOR)
    for words, code, said in (
        (["class.csv"], 0, "Emmy Noether was left out"),
        (["class.csv", "--map", "account=ID"], 2, "with a FIELD of id"),
        (["class.csv", "--map", "id=SIS User ID", "--map", "last_name=Student", "--dry-run"], 0, "would be added"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["roster", "import", *words])
        told = capsys.readouterr()
        assert (end.value.code or 0) == code and said in told.out + told.err, told


def test_a_list_with_two_columns_of_ids_is_refused_unless_one_is_named():
    text = b"id,name,ID,number\nada,Ada Lovelace,17,a1\n"
    with pytest.raises(RosterError, match="more than one column 'id'"):
        read_roster(text)
    assert [p.id for p in read_roster(text, mapped={"id": "number"}).people] == ["a1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,first_name\n", "There is nobody in the class list"),
        (b"Student,ID,SIS User ID,SIS Login ID,Section\nPoints Possible,,,,\n", "There is nobody in the class list"),
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as CSV"),
    ],
)
def test_a_list_of_nobody_and_a_spreadsheet_take_nobody_out(content, said):
    with pytest.raises(RosterError, match=said):
        read_roster(content)


def test_one_student_is_one(tiny_course, monkeypatch):
    monkeypatch.chdir(tiny_course)
    (tiny_course / "one.csv").write_text("id\nada\n")
    said = CliRunner().invoke(main_group, ["roster", "import", "one.csv"]).output
    assert "A plain list with 1 student: 1 added" in said
    assert CliRunner().invoke(main_group, ["roster", "list"]).output.endswith("\n1 student.\n")
