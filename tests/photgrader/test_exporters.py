"""Marks in the layouts of learning management systems, and as a plain table."""

from __future__ import annotations

import csv
import io
import logging
import pathlib
import shutil
import subprocess
import sys

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets.config import Config

from lms_layouts import BLACKBOARD, BRIGHTSPACE, BRIGHTSPACE_ONE_KEY, CANVAS, GRADESCOPE, MOODLE
from photgrader.gradebook import app
from photgrader.gradebook.exporters import Blackboard, Brightspace, Canvas, Csv, Gradescope, Moodle
from photgrader.gradebook.plugin import configure
from photgrader.gradebook.roster import guess_layout, import_roster, read_roster
from support import ASSIGNMENT

EXPORTERS = (Canvas, Moodle, Brightspace, Blackboard, Gradescope, Csv)


@pytest.fixture
def book(tmp_path, empty_gradebook):
    """Two assignments; ada has 6.6666 and 2 for being late, bob an unmarked answer, a formula for a name handed nothing in."""
    with Gradebook(f"sqlite:///{shutil.copy(empty_gradebook, tmp_path)}") as gradebook:
        for name, points in (("ps1", 10), ("ps2", 7.5)):
            gradebook.add_assignment(name, duedate="2026-10-12 21:59:00 UTC")
            gradebook.add_notebook("nb", name)
            gradebook.add_grade_cell("check-a", "nb", name, max_score=points, cell_type="code")
        for student in ("ada", "bob"):
            gradebook.add_student(
                student,
                first_name=student.title(),
                last_name="L.",
                email=f"{student}@example.org",
                lms_user_id=f"70{len(student)}{student[0]}",
            )
            gradebook.add_submission("ps1", student, timestamp="2026-10-13 08:00:00 UTC")
        gradebook.add_student(
            "eve",
            first_name='=HYPERLINK("http://x")',
            last_name="@SUM(A1)",
            email="+cmd|' /C calc'!A0",
            lms_user_id="-3+4",
        )
        gradebook.find_grade("check-a", "nb", "ps1", "ada").auto_score = 6.6666
        gradebook.find_submission_notebook("nb", "ps1", "ada").late_submission_penalty = 2.0
        gradebook.find_grade("check-a", "nb", "ps1", "ada").needs_manual_grade = False
        gradebook.db.commit()
        yield gradebook


def export(kind, gradebook, root: pathlib.Path, **options) -> list[list[str]]:
    """Export as nbgrader does; return the rows of the file."""
    config = Config()
    configure(config, root)
    kind(config=config, to=str(root / "out.csv"), **options)._export(gradebook, root)
    content = (root / "out.csv").read_bytes()
    assert content.endswith(b"\r\n")
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


def test_every_export_is_a_plugin_of_nbgrader():
    assert all(issubclass(kind, ExportPlugin) for kind in EXPORTERS)


def test_canvas_has_its_five_columns_its_row_of_points_and_numbered_titles(book, tmp_path):
    import_roster(book, tmp_path, read_roster(CANVAS.encode()))
    book.add_submission("ps2", "alovelace")
    book.find_grade("check-a", "nb", "ps2", "alovelace").auto_score = 7.5
    book.find_grade("check-a", "nb", "ps2", "alovelace").needs_manual_grade = False
    book.db.commit()
    rows = export(
        Canvas,
        book,
        tmp_path,
        columns={"ps2": "PSF photometry (48291)"},
        assignment=["ps2"],
        student=["alovelace", "ghopper"],
    )
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "PSF photometry (48291)"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "7.5"]
    assert rows[2:] == [
        ["Lovelace, Ada", "7001", "S-100", "alovelace", "Astro 101, group A", "7.5"],
        ["Hopper, Grace", "7002", "S-101", "ghopper", "Astro 101", ""],
    ]
    # And it is a class list again.
    assert [p.id for p in read_roster((tmp_path / "out.csv").read_bytes()).people] == ["alovelace", "ghopper"]


def test_moodle_has_the_columns_of_its_export(book, tmp_path):
    import_roster(book, tmp_path, read_roster(MOODLE.encode()))
    rows = export(Moodle, book, tmp_path, student=["ada@example.org"], assignment=["ps1"], missing="zero")
    assert rows == [
        ["First name", "Last name", "ID number", "Institution", "Department", "Email address", "ps1"],
        ["Ada", "Lovelace", "100", "Observatory", "Physics", "ada@example.org", "0"],
    ]


def test_brightspace_has_its_keys_its_points_grade_and_its_end_of_line(book, tmp_path):
    import_roster(book, tmp_path, read_roster(BRIGHTSPACE.encode()))
    rows = export(Brightspace, book, tmp_path, student=["ada.lovelace", "ada"], columns={"ps1": "PSF"})
    assert rows[0] == ["OrgDefinedId", "Username", "PSF Points Grade", "ps2 Points Grade", "End-of-Line Indicator"]
    assert rows[1] == ["#703a", "#ada", "4.67", "", "#"]
    assert rows[2] == ["#100200", "#ada.lovelace", "", "", "#"]


def test_a_key_that_a_system_never_gave_is_not_invented_for_it(book, tmp_path):
    import_roster(book, tmp_path, read_roster(BRIGHTSPACE_ONE_KEY.encode()))
    assert export(Brightspace, book, tmp_path, student=["100200"])[1][:2] == ["#100200", ""]
    import_roster(book, tmp_path, read_roster(CANVAS.replace(",ghopper,", ",,").encode(), id_column="SIS User ID"))
    assert export(Canvas, book, tmp_path, student=["S-101"])[2][:4] == ["Hopper, Grace", "7002", "S-101", ""]


@pytest.mark.parametrize("kind", EXPORTERS)
def test_whose_row_the_system_cannot_know_is_said(kind, book, tmp_path, caplog):
    book.add_student("fay")
    book.db.commit()
    export(kind, book, tmp_path)
    told = [r.message for r in caplog.records if "tell" in r.message and "who these are" in r.message]
    assert [": fay. Import" in t for t in told] == [True] * (kind in (Moodle, Gradescope)), told


def test_blackboard_and_gradescope_have_the_columns_of_their_own_downloads(book, tmp_path):
    import_roster(book, tmp_path, read_roster(BLACKBOARD.encode()))
    rows = export(
        Blackboard, book, tmp_path, student=["alovelace", "ada"], columns={"ps1": "PSF [Total Pts: 10 Score] |48291"}
    )
    assert rows == [
        [
            "Last Name",
            "First Name",
            "Username",
            "Student ID",
            "PSF [Total Pts: 10 Score] |48291",
            "ps2 [Total Pts: 7.5 Score]",
        ],
        ["L.", "Ada", "ada", "703a", "4.67", ""],
        ["Lovelace", "Ada", "alovelace", "S-100", "", ""],
    ]
    assert [p.id for p in read_roster((tmp_path / "out.csv").read_bytes()).people] == ["ada", "alovelace"]
    import_roster(book, tmp_path, read_roster(GRADESCOPE.encode()))
    rows = export(Gradescope, book, tmp_path, student=["ada@example.org", "ada"], assignment=["ps1"])
    assert rows == [
        ["First Name", "Last Name", "SID", "Email", "Sections", "ps1", "ps1 - Max Points", "ps1 - Submission Time"],
        ["Ada", "L.", "703a", "ada@example.org", "", "4.67", "10", "2026-10-13 08:00:00 +0000"],
        ["Ada", "Lovelace", "100", "ada@example.org", "A", "", "10", ""],
    ]
    assert guess_layout(rows[0]) == "gradescope"


@pytest.mark.parametrize("kind", [Canvas, Moodle, Brightspace, Blackboard, Gradescope])
def test_an_id_of_one_system_is_no_id_of_another(kind, book, tmp_path):
    import_roster(book, tmp_path, read_roster(CANVAS.encode()))
    import_roster(book, tmp_path, read_roster(BRIGHTSPACE.replace("#ada.lovelace", "#alovelace").encode()))
    cells = [cell.lstrip("#") for row in export(kind, book, tmp_path, student=["alovelace", "ghopper"]) for cell in row]
    assert [i for i in ("7001", "7002", "100200") if i in cells] == {
        Canvas: ["7001", "7002"],
        Brightspace: ["100200"],
    }.get(kind, [])


def test_the_plain_table_says_how_a_mark_is_made_up(book, tmp_path):
    rows = export(Csv, book, tmp_path, assignment=["ps1"])
    by_student = {r[1]: dict(zip(rows[0], r, strict=True)) for r in rows[1:]}
    ada = by_student["ada"]
    assert (ada["raw_score"], ada["late_penalty"], ada["score"], ada["max_score"], ada["finished"]) == (
        "6.67",
        "2",
        "4.67",
        "10",
        "yes",
    )
    assert (ada["handed_in_utc"], ada["due_utc"]) == ("2026-10-13 08:00:00", "2026-10-12 21:59:00")
    assert by_student["bob"]["score"] == "" and by_student["bob"]["finished"] == "no"


@pytest.mark.parametrize("kind", EXPORTERS)
def test_no_cell_of_any_export_is_a_formula(kind, book, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        rows = export(kind, book, tmp_path, columns={"ps1": "=1+1"})
    cells = [cell for row in rows for cell in row]
    assert any("HYPERLINK" in cell or "SUM" in cell or "=1+1" in cell for cell in cells)
    assert [c for c in cells if c.lstrip()[:1] in ("=", "+", "-", "@", "\t", "\r")] == []


@pytest.mark.parametrize("kind", EXPORTERS)
def test_a_mark_that_waits_for_a_person_is_left_out_and_said_unless_asked_for(kind, book, tmp_path, caplog):
    plugin_log = logging.getLogger("traitlets")
    plugin_log.propagate = True
    with caplog.at_level(logging.WARNING, "traitlets"):
        without = export(kind, book, tmp_path, student=["bob"], assignment=["ps1"])
    assert "bob" in caplog.text and "person should look" in caplog.text
    with_it = export(kind, book, tmp_path, student=["bob"], assignment=["ps1"], unfinished=True)
    column = (
        with_it[0].index("score")
        if kind is Csv
        else next(i for i, head in enumerate(with_it[0]) if head.startswith("ps1"))
    )
    assert (without[-1][column], with_it[-1][column]) == ("", "0")


def test_code_that_a_person_marks_is_an_answer_that_waits(book, tmp_path, caplog):
    book.add_solution_cell("check-a", "nb", "ps1")
    book.find_grade("check-a", "nb", "ps1", "bob").needs_manual_grade = True
    book.db.commit()
    export(Csv, book, tmp_path, student=["bob"])
    assert "written answers still wait for a person: bob" in caplog.text and "no full verdict" not in caplog.text


def test_penalties_follow_the_deadlines_as_they_are_now(book, tmp_path):
    (tmp_path / "deadlines.yaml").write_text(
        "time_zone: UTC\npenalty_per_day: 50 %\nassignments: {ps1: {due: 2026-10-13 07:00}}\n"
    )
    rows = export(Csv, book, tmp_path, student=["ada"], assignment=["ps1"])
    assert rows[1][rows[0].index("score")] == "3.33"


def test_nbgraders_own_command_runs_an_export_with_its_options(tiny_course):
    with Gradebook(app.database_url(tiny_course)) as gradebook:
        gradebook.add_student("ada", lms_user_id="7001")
    nbgrader = pathlib.Path(sys.executable).parent / "nbgrader"
    words = [
        str(nbgrader),
        "export",
        "--exporter",
        "photgrader.gradebook.exporters.Canvas",
        "--to",
        "canvas.csv",
        "--Canvas.missing=zero",
    ]
    done = subprocess.run(words, cwd=tiny_course, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert (tiny_course / "canvas.csv").read_text().splitlines()[2] == "ada,7001,,ada,,0"
    done = subprocess.run(
        [*words, "--assignment", "[ps77]"], cwd=tiny_course, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1 and "does not know ps77" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert ASSIGNMENT not in (tiny_course / "canvas.csv").read_text().splitlines()[2]
