"""Due dates and the class list as an instructor's pages: read and changed where the commands read and change them."""

from __future__ import annotations

import datetime
import html
import json
import re

import pytest
from live_site import ADA, MARK, PROF, Site

from photgrader.coursedir.deadlines import load_deadlines
from photgrader.gradebook import app
from photgrader.serve.access import Viewer
from support import ASSIGNMENT

YAML = f"""\
# Ours, by hand.
time_zone: Europe/Paris
penalty_per_day: 10 %   # for all
assignments:
  {ASSIGNMENT}:
    due: 2026-11-28 10:30   # a Saturday
"""


@pytest.fixture
def site(tiny_course):
    """A course with two students and due dates; ada has handed in."""
    (tiny_course / "deadlines.yaml").write_text(YAML)
    with app.gradebook(tiny_course) as gradebook:
        for name in ("ada", "ben"):
            gradebook.add_student(name)
        submission = gradebook.add_submission(ASSIGNMENT, "ada")
        submission.timestamp = datetime.datetime(2026, 11, 28, 11)
        gradebook.db.commit()
    made = Site(tiny_course)
    yield made
    made.queue.close()


def sentence(answer) -> str:
    return answer.body.decode().partition("<h1>")[2].partition("</h1>")[0]


def test_a_due_date_is_changed_in_the_file_and_everywhere(site):
    page = site.get("/live/deadlines", PROF).body.decode()
    assert "Due 28 November 2026, 10:30 (CET). Being late takes 10 % of the points for each day begun." in page
    assert 'value="2026-11-28T10:30"' in page and "by the clock of <strong>Europe/Paris</strong>" in page
    # Handed in at 10:01 UTC, which is 11:01 in Paris: late, until the date is another one.
    assert "10 % less for being late" in site.get("/live/", ADA).body.decode()
    with site.at_work():
        assert site.post("/live/deadlines", PROF, assignment=ASSIGNMENT, until="2026-11-28T12:00").code == 302
        assert (site.root / "deadlines.yaml").read_text() == YAML.replace("10:30", "12:00"), "all else stays as written"
        own = site.get("/live/", ADA).body.decode()
        assert "Due 28 November 2026, 12:00 (CET)" in own and "less for being late" not in own
        with app.gradebook(site.root) as gradebook:
            assert gradebook.find_assignment(ASSIGNMENT).duedate == datetime.datetime(2026, 11, 28, 11)
        # An extension, and another one in its place, and none.
        for until in ("2026-11-30T12:00", "2026-12-01T09:00"):
            assert site.post("/live/deadlines", PROF, assignment=ASSIGNMENT, student="ada", until=until).code == 302
            assert f"{load_deadlines(site.root)[ASSIGNMENT].extensions['ada']:%Y-%m-%dT%H:%M}" == until
        with app.gradebook(site.root) as gradebook:
            assert gradebook.find_submission(ASSIGNMENT, "ada").extension == datetime.timedelta(days=2, hours=21)
        assert "ada has until 01 December 2026, 09:00 CET" in site.get("/live/deadlines", PROF).body.decode()
        assert "Due 1 December" in site.get("/live/", ADA).body.decode()
        assert site.post("/live/deadlines", PROF, assignment=ASSIGNMENT, student="ada", take="yes").code == 302
        assert load_deadlines(site.root)[ASSIGNMENT].extensions == {}
        assert "Kept by prof" in site.get("/live/deadlines", PROF).body.decode()


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"until": ""}, 400, "Give a day and a time of day."),
        ({"until": "soon"}, 400, "should be a day and a time of day"),
        ({"until": "2026-11-28 10:30\nevil: 1"}, 400, "should be a day and a time of day"),
        ({"until": "2026-02-30T10:00"}, 400, "should be a date and a time of day"),
        ({"until": "2027-03-28T02:30"}, 400, "the clocks skip it"),
        ({"until": "2026-11-27T10:00", "student": "ada"}, 400, "ends before the assignment is due"),
        ({"until": "2026-12-01T10:00", "student": "nobody"}, 400, "nobody is not in the class list"),
        ({"until": "2026-12-01T10:00", "assignment": "ps0_none"}, 404, "no such page"),
    ],
)
def test_what_is_no_date_changes_nothing_and_is_told(site, form, status, words):
    answer = site.post("/live/deadlines", PROF, **{"assignment": ASSIGNMENT, **form})
    assert answer.code == status and words in sentence(answer), sentence(answer)
    assert (site.root / "deadlines.yaml").read_text() == YAML and site.queue.job() is None


def test_what_being_late_costs_is_changed_in_the_file_and_everywhere(site):
    def rules(assignment: str, grace: str = "", day: str = "", cap: str = "") -> int:
        form = {"assignment": assignment, "grace": grace, "penalty_per_day": day, "penalty_cap": cap}
        return site.post("/live/deadlines", PROF, **form).code

    def taken() -> str:
        return "".join(re.findall(r"(\S+) % less for being late", site.get("/live/", ADA).body.decode())[:1])

    page = site.get("/live/deadlines", PROF).body.decode()
    assert 'id="day-0" name="penalty_per_day" type="number" min="0" max="100" step="any" value="10"' in page
    assert (
        'id="day-1" name="penalty_per_day" type="number" min="0" max="100" step="any" value="" placeholder="10"' in page
    )
    assert taken() == "10"
    with site.at_work():
        # For all: the one line, and its comment stays.
        assert rules("", day="12.5") == 302 and taken() == "12.5"
        assert (site.root / "deadlines.yaml").read_text() == YAML.replace("10 % ", "12.5 % ")
        # For one: below it, what is left empty as for all; ada was 29 minutes late.
        assert rules(ASSIGNMENT, day="40", cap="30") == 302 and taken() == "30"
        assert (site.root / "deadlines.yaml").read_text() == (
            YAML.replace("10 % ", "12.5 % ") + "    penalty_per_day: 40 %\n    penalty_cap: 30 %\n"
        )
        assert rules(ASSIGNMENT, grace="29") == 302 and taken() == ""
        assert rules(ASSIGNMENT, grace="28") == 302 and taken() == "12.5"
        assert "late by more than 28 minutes takes 12.5 %" in site.get("/live/deadlines", PROF).body.decode()
        # And none anywhere.
        assert rules(ASSIGNMENT) == rules("") == 302 and taken() == ""
        assert (site.root / "deadlines.yaml").read_text() == YAML.replace("penalty_per_day: 10 %   # for all\n", "")
        assert "What being late costs is changed. Kept by prof." in site.get("/live/deadlines", PROF).body.decode()


@pytest.mark.parametrize("assignment", ["", ASSIGNMENT])
@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        ("grace", "soon", "grace should be a number of whole minutes, as 15; it is 'soon'"),
        ("grace", "1.5", "whole minutes"),
        ("grace", "-5", "whole minutes"),
        ("grace", "9999999", "no more than ten years"),
        ("penalty_per_day", "10\nevil: 1", "should be a number of per cent, as 10"),
        ("penalty_per_day", "101", "a percentage from 0 to 100"),
        ("penalty_cap", "1e1", "per cent, as 10"),
        ("penalty_cap", "٣", "per cent, as 10"),
    ],
)
def test_what_is_no_rule_of_being_late_changes_nothing_and_is_told(site, assignment, rule, value, words):
    answer = site.post("/live/deadlines", PROF, **{"assignment": assignment, rule: value})
    assert answer.code == 400 and words in html.unescape(sentence(answer)), sentence(answer)
    assert (site.root / "deadlines.yaml").read_text() == YAML and site.queue.job() is None


def test_rules_of_an_assignment_that_is_none_or_by_somebody_else_are_refused(site):
    form = {"grace": "5"}
    assert site.post("/live/deadlines", PROF, assignment="ps0_none", **form).code == 404
    for who in (MARK, ADA):
        assert site.post("/live/deadlines", who, assignment="", **form).code == 403
    assert (site.root / "deadlines.yaml").read_text() == YAML and site.queue.job() is None


def test_a_course_without_due_dates_gets_them_with_a_time_zone(site):
    (site.root / "deadlines.yaml").unlink()
    page = site.get("/live/deadlines", PROF).body.decode()
    assert "No due date: nothing is late." in page and 'name="zone" required' in page and "Extension for" not in page
    form = {"assignment": ASSIGNMENT, "until": "2026-12-24T18:00"}
    assert "has no time zone" in sentence(site.post("/live/deadlines", PROF, **form))
    assert "there is no time zone" in sentence(site.post("/live/deadlines", PROF, **form, zone="Mars/Olympus"))
    with site.at_work():
        assert site.post("/live/deadlines", PROF, **form, zone="Europe/Paris").code == 302
    assert load_deadlines(site.root)[ASSIGNMENT].due.isoformat() == "2026-12-24T18:00:00+01:00"


def test_a_file_in_another_style_is_left_for_a_hand(site):
    text = f"time_zone: UTC\nassignments:\n  ? {ASSIGNMENT}\n  : &x {{due: &d 2026-11-28 10:30}}\n  ps2: *x\n"
    (site.root / "deadlines.yaml").write_text(text)
    answer = site.post("/live/deadlines", PROF, assignment=ASSIGNMENT, until="2026-12-24T18:00")
    assert answer.code == 400 and "change it by hand" in sentence(answer)


def test_students_are_added_and_taken_out_by_the_rules_of_the_command(site):
    page = site.get("/live/roster", PROF).body.decode()
    assert "2 students in the gradebook" in page and "has marks, stays" in page
    assert 'name="out" value="ben"' in page and 'name="out" value="ada"' not in page
    eve = Viewer("eve", "student")
    with site.at_work():
        added = site.post(
            "/live/roster", PROF, id="eve", first_name='Eve, "E"', last_name="<b>Noether", email="e@x.org"
        )
        assert added.code == 302
        page = site.get("/live/roster", PROF).body.decode()
        assert (
            "3 students" in page and "&lt;b&gt;Noether" in page and "1 added, 0 changed, 0 the same, by prof." in page
        )
        assert site.get("/live/", eve).code == 200
        kept = json.loads((site.root / ".photgrader" / "roster.json").read_text())
        assert "eve" in kept, "kept as the command keeps it"
        # Who has marks stays, whoever asks.
        refused = site.post("/live/roster", PROF, out="ada")
        assert refused.code == 409 and "ada has marks, and stays" in sentence(refused)
        assert "is not in the gradebook" in sentence(site.post("/live/roster", PROF, out="nobody"))
        # Who is out is out: the link too. And back in.
        assert site.post("/live/roster", PROF, out="eve").code == 302 and site.get("/live/", eve).code == 403
        assert site.hand_in(eve, [("x.ipynb", b"{}")])[0] == 403
        assert site.post("/live/roster", PROF, id="eve").code == 302 and site.get("/live/", eve).code == 200
        # A list as a file, read as the command reads it.
        assert site.send("roster/list", PROF, [("class.csv", b"id\nfay\ngus\n")], field="list")[0] == 302
        assert "5 students in the gradebook" in site.get("/live/roster", PROF).body.decode()
        assert "cannot be an account" in site.send("roster/list", PROF, [("c.csv", b"id\n../x\n")], field="list")[1]
    with app.gradebook(site.root) as gradebook:
        assert {s.id for s in gradebook.students} == {"ada", "ben", "eve", "fay", "gus"}
    for name in ("../x", "a/b", "", "x y", "=cmd"):
        answer = site.post("/live/roster", PROF, id=name, first_name="A")
        assert answer.code == 400, name
    assert site.queue.job() is None


def test_who_marks_changes_neither(site):
    for path, form in (
        ("deadlines", {"assignment": ASSIGNMENT, "until": "2026-12-24T18:00"}),
        ("roster", {"id": "x"}),
        ("roster", {"out": "ben"}),
        ("roster/list", {"list": "id"}),
    ):
        for who in (MARK, ADA):
            assert site.post(f"/live/{path}", who, **form).code == 403
    page = site.get("/live/class", MARK).body.decode()
    assert "live/deadlines" not in page and "live/roster" not in page and site.queue.job() is None
