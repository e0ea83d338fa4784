"""Due dates, extensions and late penalties: the file, the arithmetic, nbgrader's gradebook."""

from __future__ import annotations

import contextlib
import datetime
import json
import pathlib
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.api import Gradebook

from photgrader.coursedir.deadlines import (
    EXAMPLE,
    Deadline,
    DeadlinesError,
    changed,
    in_words,
    parse_deadlines,
    rules_in,
    zone_of,
)
from photgrader.gradebook import app
from photgrader.gradebook.penalties import apply_deadlines
from support import ASSIGNMENT, RIGHT, submit

FILE = """
time_zone: Europe/Paris
grace: 15 minutes
penalty_per_day: 10 %
penalty_cap: 25 %
assignments:
  ps1_psf_photometry:
    due: 2026-10-12 23:59
    extensions: {ada: 2026-10-15 12:00, "0123": 3 days, no: 36 hours}
"""


def test_the_example_is_a_file_that_can_be_read():
    known = parse_deadlines(EXAMPLE)
    assert known["ps1_psf_photometry"].percent_per_day == 10 and known["ps2_aperture_photometry"].percent_per_day == 0
    assert known["ps1_psf_photometry"].due.isoformat() == "2026-10-12T23:59:00+02:00"
    assert known["ps1_psf_photometry"].due_for("bob").isoformat() == "2026-10-15T23:59:00+02:00"


def test_ids_that_yaml_would_take_for_numbers_or_booleans_stay_ids():
    deadline = parse_deadlines(FILE)["ps1_psf_photometry"]
    assert set(deadline.extensions) == {"ada", "0123", "no"}
    assert deadline.due_for("0123").isoformat() == "2026-10-15T23:59:00+02:00"
    assert deadline.due_for("eve") == deadline.due


def test_three_days_are_the_same_hour_where_the_clocks_change_in_between():
    text = "time_zone: Europe/Paris\nassignments: {ps1: {due: 2026-10-24 23:59, extensions: {bob: 3 days}}}"
    longer = parse_deadlines(text)["ps1"]
    assert longer.due_for("bob").isoformat() == "2026-10-27T23:59:00+01:00"
    assert longer.due_for("bob").timestamp() - longer.due.timestamp() == 73 * 3600


def test_an_hour_that_the_clocks_show_twice_is_its_second_time():
    due = parse_deadlines("time_zone: Europe/Paris\nassignments: {ps1: {due: 2026-10-25 02:30}}")["ps1"].due
    assert due.astimezone(datetime.UTC).hour == 1


@pytest.mark.parametrize(
    "text, said",
    [
        ("assignments: {ps1: {due: 2026-10-12 23:59}}", "time_zone"),
        ("time_zone: Mars/Olympus\nassignments: {}", "Mars/Olympus"),
        ("time_zone: UTC\nassignments: {ps1: {due: 2026-10-12}}", "time of day"),
        ("time_zone: UTC\nassignments: {ps1: {due: 12.10.2026 23:59}}", "date and a time"),
        ("time_zone: UTC\nassignments: {ps1: {due: 2026-02-30 23:59}}", "date and a time"),
        ("time_zone: Europe/Paris\nassignments: {ps1: {due: 2026-03-29 02:30}}", "does not exist"),
        ("time_zone: UTC\nassignments: {ps1: {extensions: {}}}", "no due date"),
        ("time_zone: UTC\nassignments: {ps1: {due: 2026-10-12 23:59, late: 1}}", "'late'"),
        ("time_zone: UTC\npenalty: 3\nassignments: {}", "'penalty'"),
        ("time_zone: UTC\npenalty_per_day: much\nassignments: {ps1: {due: 2026-10-12 23:59}}", "percentage"),
        ("time_zone: UTC\npenalty_cap: 130 %\nassignments: {ps1: {due: 2026-10-12 23:59}}", "0 to 100"),
        ("time_zone: UTC\ngrace: 15\nassignments: {ps1: {due: 2026-10-12 23:59}}", "minutes, hours"),
        (
            "time_zone: UTC\nassignments: {ps1: {due: 2026-10-12 23:59, extensions: {ada: 2026-10-11 10:00}}}",
            "ends before",
        ),
        ("time_zone: UTC\nassignments: {ps1: {due: 2026-10-12 23:59}, ps1: {due: 2026-10-13 23:59}}", "twice"),
        ("assignments: [ps1]", "name: value"),
        ("assignments: {ps1: {due: [", "not YAML"),
        ("!!python/object/apply:os.system [true]", "deadlines.yaml"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(text, said):
    with pytest.raises(DeadlinesError) as caught:
        parse_deadlines(text)
    assert said in str(caught.value) and "deadlines.yaml" in str(caught.value)


def test_an_empty_file_names_nothing():
    assert parse_deadlines("") == {} == parse_deadlines("# nothing yet\n")


@given(
    late=st.floats(0, 1e7),
    more=st.floats(0, 1e6),
    score=st.floats(0, 100),
    rate=st.floats(0, 100),
    cap=st.floats(0, 100),
    grace=st.floats(0, 7200),
)
def test_a_penalty_never_falls_with_time_and_never_exceeds_the_cap_or_the_score(late, more, score, rate, cap, grace):
    rule = Deadline(
        "ps1", datetime.datetime(2026, 10, 12, tzinfo=datetime.UTC), datetime.timedelta(seconds=grace), rate, cap
    )
    assert 0 <= rule.penalty(score, late) <= rule.penalty(score, late + more) <= score * cap / 100 + 1e-9
    assert rule.penalty(score, rule.grace.total_seconds()) == 0


# ------------------------------------------------------------------------------------------------ the gradebook
@pytest.fixture
def gradebook(tmp_path, empty_gradebook):
    """An assignment of one test cell (10 points) and one written answer (10 points); three students handed in."""
    with Gradebook(f"sqlite:///{shutil.copy(empty_gradebook, tmp_path)}") as book:
        book.add_assignment(ASSIGNMENT)
        book.add_notebook("nb", ASSIGNMENT)
        for name, kind in (("check-a", "code"), ("written", "markdown")):
            book.add_grade_cell(name, "nb", ASSIGNMENT, max_score=10, cell_type=kind)
        for student, stamp in (
            ("ada", "2026-10-15 09:00:00 UTC"),
            ("bob", "2026-10-12 22:05:00 UTC"),
            ("eve", "2026-10-14 08:00:00 UTC"),
        ):
            book.add_student(student)
            book.add_submission(ASSIGNMENT, student, timestamp=stamp)
            book.find_grade("check-a", "nb", ASSIGNMENT, student).auto_score = 8
        book.db.commit()
        (tmp_path / "deadlines.yaml").write_text(FILE)
        yield book


def _penalties(book):
    return {s.student_id: s.late_submission_penalty for s in book.assignment_submissions(ASSIGNMENT)}


def _config(root: pathlib.Path):
    from traitlets.config import Config

    from photgrader.gradebook.plugin import configure

    config = Config()
    configure(config, root)
    return config


def test_dates_extensions_and_penalties_come_into_the_gradebook(gradebook, tmp_path):
    changes = apply_deadlines(gradebook, tmp_path, _config(tmp_path))
    gradebook.db.expire_all()
    assert gradebook.find_assignment(ASSIGNMENT).duedate == datetime.datetime(2026, 10, 12, 21, 59)
    assert gradebook.find_submission(ASSIGNMENT, "ada").duedate == datetime.datetime(2026, 10, 15, 10, 0)
    # Ada is in time by her extension, bob within the grace, eve on the second day: 20 % of 8.
    assert _penalties(gradebook) == {"ada": 0, "bob": 0, "eve": pytest.approx(1.6)}
    assert [(c.student, round(c.now, 9)) for c in changes] == [("eve", 1.6)]


def test_a_penalty_follows_the_marks_that_a_person_gives(gradebook, tmp_path):
    apply_deadlines(gradebook, tmp_path, _config(tmp_path))
    gradebook.find_grade("written", "nb", ASSIGNMENT, "eve").manual_score = 7
    gradebook.db.commit()
    gradebook.db.expire_all()
    apply_deadlines(gradebook, tmp_path, _config(tmp_path))
    gradebook.db.expire_all()
    assert _penalties(gradebook)["eve"] == pytest.approx(0.2 * 15)


def test_an_extension_taken_out_of_the_file_is_taken_away_and_one_put_in_is_given(gradebook, tmp_path):
    apply_deadlines(gradebook, tmp_path, _config(tmp_path))
    (tmp_path / "deadlines.yaml").write_text(FILE.replace("ada: 2026-10-15 12:00", "eve: 1 week"))
    apply_deadlines(gradebook, tmp_path, _config(tmp_path))
    gradebook.db.expire_all()
    assert _penalties(gradebook) == {"ada": pytest.approx(0.25 * 8), "bob": 0, "eve": 0}


def test_an_assignment_that_the_file_does_not_name_keeps_its_dates(gradebook, tmp_path):
    gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-01-01 00:00:00 UTC")
    (tmp_path / "deadlines.yaml").write_text(FILE.replace("ps1_psf_photometry", "ps9"))
    assert apply_deadlines(gradebook, tmp_path, _config(tmp_path)) == []
    assert gradebook.find_assignment(ASSIGNMENT).duedate == datetime.datetime(2026, 1, 1)


def test_an_instructors_own_plugin_is_asked_in_place_of_ours(gradebook, tmp_path):
    config = _config(tmp_path)
    config.AssignLatePenalties.plugin_class = "nbgrader.plugins.LateSubmissionPlugin"
    config.LateSubmissionPlugin.penalty_method = "zero"
    apply_deadlines(gradebook, tmp_path, config)
    gradebook.db.expire_all()
    assert _penalties(gradebook) == {"ada": 0, "bob": 8, "eve": 8}


# ------------------------------------------------------------------------------------------------ in grading
@pytest.mark.heavy
def test_nbgrader_autograde_and_photgrader_grade_take_the_same_for_being_late(tiny_course):
    for student, stamp in (("ada", "2026-10-15 09:00:00 UTC"), ("eve", "2026-10-14 08:00:00 UTC")):
        path = submit(tiny_course, student, RIGHT)
        (path.parent / "timestamp.txt").write_text(stamp)
    (tiny_course / "deadlines.yaml").write_text(FILE)
    scripts = pathlib.Path(sys.executable).parent
    found = []
    for command in (["nbgrader", "autograde", ASSIGNMENT], ["photgrader", "grade", ASSIGNMENT, "--force"]):
        done = subprocess.run(
            [str(scripts / command[0]), *command[1:]], cwd=tiny_course, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr[-2000:]
        with Gradebook(app.database_url(tiny_course)) as book:
            found.append(
                {s.student_id: (s.score, s.late_submission_penalty) for s in book.assignment_submissions(ASSIGNMENT)}
            )
            for n in (n for s in book.assignment_submissions(ASSIGNMENT) for n in s.notebooks):
                n.late_submission_penalty = 5.0
            book.db.commit()
    assert found[0] == found[1] == {"ada": (7, 0), "eve": (7, pytest.approx(1.4))}
    # What has not changed is not graded again, but what a changed file says of it counts.
    (tiny_course / "deadlines.yaml").write_text(FILE.replace("10 %", "5 %"))
    done = subprocess.run(
        [str(scripts / "photgrader"), "grade", ASSIGNMENT], cwd=tiny_course, capture_output=True, text=True, timeout=200
    )
    assert "0 graded, 2 unchanged" in " ".join(done.stderr.split()), done.stderr[-2000:]
    shown = subprocess.run(
        [str(scripts / "photgrader"), "deadlines", "--apply", "--json", "-"],
        cwd=tiny_course,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert shown.returncode == 1 and json.loads(shown.stdout)["changes"] == []
    assert {d.split(",")[0] for d in json.loads(shown.stdout)["doubts"]} == {"0123", "no"}
    with Gradebook(app.database_url(tiny_course)) as book:
        assert book.find_submission(ASSIGNMENT, "eve").late_submission_penalty == pytest.approx(0.7)
    status = json.loads(
        subprocess.run(
            [str(scripts / "photgrader"), "status", "--json", "-"],
            cwd=tiny_course,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )[0]
    assert status["states"] == {"graded": 2} and status["counts"]["graded"] == 2 and status["counts"]["late"] == 1
    assert {s["student"]: (s["graded"], s["penalty"], s["hours_late"]) for s in status["students"]} == {
        "ada": ("yes", 0, 0),
        "eve": ("yes", pytest.approx(0.7), 34.02),
    }
    (tiny_course / "deadlines.yaml").write_text("assignments: {ps1: {}}")
    done = subprocess.run(
        [str(scripts / "nbgrader"), "autograde", ASSIGNMENT, "--force"],
        cwd=tiny_course,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode != 0 and "no due date" in done.stderr


# ------------------------------------------------------------------------------------------------ changing the file
BLOCK = """# ours
penalty_per_day: 10 %
time_zone: UTC        # of the observatory
assignments:
    # the first
    "ps 1":
        due: '2026-10-12 23:59'   # a Monday

    # the second
    ps2:
        extensions: {bob: 3 days}
        due: 2026-10-26 23:59
        grace: 5 minutes

# the end
"""
BRACES = "{time_zone: UTC, assignments: {ps2: {due: 2026-10-26 23:59}, new: {extensions: {}, due: 2026-10-26 23:59}}}\n"
NAMES = st.sampled_from(
    ["ada", "0123", "no", "a: b", "#x", "o'hara", 'say "x"', "-", "null", "~", "café", "[x]", "x" * 60]
)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(
        [
            BLOCK,
            BLOCK.rstrip(),
            EXAMPLE,
            FILE,
            BRACES,
            "time_zone: UTC\n",
            "time_zone: UTC\nassignments:\n",
            "time_zone: UTC\nassignments:   # none",
        ]
    ),
    st.sampled_from(["ps 1", "ps2", "ps1_psf_photometry", "new one", "new"]),
    st.lists(st.tuples(NAMES, st.sampled_from(["2026-12-24 12:00", "2 days", ""])), max_size=4),
)
def test_a_change_of_the_file_changes_what_it_should_and_nothing_else(text, name, changes):
    before = parse_deadlines(text)
    now = changed(
        text,
        name,
        "2026-11-01 12:00",
        {s: "" for s in ("ada", "no") if name in before and s in before[name].extensions},
    )
    wanted = set(parse_deadlines(now)[name].extensions)
    for student, until in changes:
        now = changed(now, name, extensions={student: until})
        wanted = wanted | {student} if until else wanted - {student}
    after = parse_deadlines(now)
    assert {n: d for n, d in after.items() if n != name} == {n: d for n, d in before.items() if n != name}
    assert f"{after[name].due:%Y-%m-%d %H:%M}" == "2026-11-01 12:00" and set(after[name].extensions) == wanted, now
    assert [c for c in text.splitlines() if c.strip().startswith("#")] == [
        c for c in now.splitlines() if c.strip().startswith("#")
    ]


@given(
    st.sampled_from([BLOCK, FILE, BRACES, "", "time_zone: UTC\n", "grace: 5 minutes\nassignments:   # none"]),
    st.sampled_from(["", "ps2", "ps1_psf_photometry"]),
    st.lists(
        st.dictionaries(st.sampled_from(["grace", "penalty_per_day", "penalty_cap"]), st.sampled_from(["7", "30", ""])),
        max_size=3,
    ),
)
def test_a_changed_rule_of_being_late_is_the_only_change(text, name, changes):
    before = parse_deadlines(text)
    if name and name not in before:
        with pytest.raises(DeadlinesError, match="has no due date yet"):
            changed(text, name, rules={"grace": "7"})
        return
    now, wanted = text, rules_in(text, name)
    for rules in changes:
        now = changed(now, name, rules=rules)
        wanted = {r: v for r, v in wanted.items() if r not in rules} | {r: float(v) for r, v in rules.items() if v}
    assert rules_in(now, name) == wanted, now
    after = parse_deadlines(now)
    assert {n: (d.due, d.extensions) for n, d in after.items()} == {n: (d.due, d.extensions) for n, d in before.items()}
    assert not name or {n: d for n, d in after.items() if n != name} == {n: d for n, d in before.items() if n != name}
    assert [c for c in text.splitlines() if c.strip().startswith("#")] == [
        c for c in now.splitlines() if c.strip().startswith("#")
    ]


def test_a_length_beyond_all_calendars_is_a_sentence():
    for text in ("grace: 99999999999 weeks", "grace: 3654 days"):
        with pytest.raises(DeadlinesError, match="no more than ten years"):
            parse_deadlines(f"time_zone: UTC\n{text}\nassignments: {{ps1: {{due: 2026-10-12 23:59}}}}")


@pytest.mark.parametrize(
    "text", [BRACES, "time_zone: UTC\nassignments:\n  new:\n    due: 2026-10-26 23:59\n    extensions: {}\n"]
)
def test_empty_braces_are_filled(text):
    assert set(parse_deadlines(changed(text, "new", extensions={"ada": "2 days"}))["new"].extensions) == {"ada"}


@pytest.mark.parametrize(
    "value", ["2026-12-24 12:00 # x", "2026-12-24\n  evil: 1", "{}", "*x", "1e5 days", "24.12.2026 12:00"]
)
def test_what_is_no_date_is_not_written(value):
    for given_ in ({"due": value}, {"extensions": {"ada": value}}):
        with pytest.raises(DeadlinesError, match="should be a day and a time of day"):
            changed(BLOCK, "ps2", **given_)


@pytest.mark.parametrize("year", ["0026", "0001", "1026", "9999"])
def test_a_year_of_another_millennium_is_a_slip(year):
    with pytest.raises(DeadlinesError, match="should be a date and a time of day, as 2026-10-12 23:59"):
        changed("time_zone: Europe/Paris\n", "ps1", due=f"{year}-10-12 23:59")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("---\n", "UTC"),
        ("!!python/object:os.system {}", "UTC"),
        ("time_zone: UTC\nassignments:\n  ps1: &a\n    due: 2026-10-12 23:59\n  ps2: *a\n", ""),
        ("\t", ""),
        ("a: &x [*x]", ""),
        ("assignments: null\n", ""),
    ],
)
def test_a_file_that_no_line_can_be_put_into_is_a_sentence(text, zone):
    for asked in (lambda: zone_of(text), lambda: rules_in(text, "ps1"), lambda: parse_deadlines(text)):
        with contextlib.suppress(DeadlinesError):
            asked()
    with pytest.raises(DeadlinesError):
        changed(text, "", rules={"grace": "15", "penalty_per_day": "10"}, zone=zone)


def test_where_nothing_is_taken_at_most_nothing_is_said_of_it():
    text = "time_zone: UTC\npenalty_per_day: 10 %\npenalty_cap: 0 %\nassignments: {ps1: {due: 2026-10-12 23:59}}"
    assert in_words(parse_deadlines(text)["ps1"]) == "Due 12 October 2026, 23:59 (UTC)."


def test_what_costs_nearly_nothing_has_no_last_moment():
    text = "time_zone: UTC\npenalty_per_day: 0.00000001 %\nassignments: {ps1: {due: 2026-10-12 23:59}}"
    assert parse_deadlines(text)["ps1"].last_moment("ada") is None
