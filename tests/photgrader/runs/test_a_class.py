"""A class from its folders to gradebook, feedback and records, command by command, with kernels forked in this process."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import shutil
import signal
import sqlite3

import nbformat
import pytest
from click.testing import CliRunner, Result
from nbgrader.api import Gradebook

from photcheck.comparators import Numbers
from photgrader import coursedir
from photgrader.cli import main_group
from photgrader.coursedir import Record, trees
from photgrader.exercise import load_assignment
from photgrader.gradebook import app, backups, plugin, writer
from photgrader.grading import judge, task
from photgrader.grading.run import MOST_HARMFUL
from photgrader.runs import cluster, parallel
from photgrader.runs.run import grade_assignment
from photgrader.sandbox.session import KernelGone, Session
from plain_kernel import in_this_process
from support import ASSIGNMENT, RIGHT, submit

NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"
DIES = "import os\nos._exit(3)"
NOISY = RIGHT["second_moment"] + "\nprint('seen')\nquit()"


def command(root: pathlib.Path, *words: str, answer: str = "") -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return CliRunner().invoke(main_group, list(words), input=answer)


@pytest.fixture(scope="module")
def whole(built_course: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Four students: all right; the offset forgotten; a cell that ends the kernel; a file that is no notebook."""
    root = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(built_course, root)
    submit(root, "ada", {**RIGHT, "second_moment": NOISY, "written-why": "Because of the wings."})
    submit(root, "ben", {**RIGHT, "centroid": NO_OFFSET})
    submit(root, "cyd", {**RIGHT, "second_moment": DIES})
    submit(root, "dan", text='{"cells": [')
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        done = command(root, "grade", ASSIGNMENT, "--workers", "1")
    assert done.exit_code == 0 and "4 graded" in done.output, done.output
    return root


@pytest.fixture
def graded(whole: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of it, to be written to."""
    shutil.copytree(whole, tmp_path / "course", symlinks=True)
    return tmp_path / "course"


def grades(root: pathlib.Path, student: str) -> dict[str, tuple[float | None, float | None, bool]]:
    with Gradebook(app.database_url(root)) as gradebook:
        found = gradebook.find_submission(ASSIGNMENT, student)
        return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for n in found.notebooks for g in n.grades}


def record(root: pathlib.Path, student: str) -> Record:
    return next(r for r in coursedir.read_records(root, ASSIGNMENT) if r.student == student)


# ------------------------------------------------------------------------------------------------ a run
def test_records_say_what_happened_and_the_gradebook_agrees(whole):
    records = {r.student: r for r in coursedir.read_records(whole, ASSIGNMENT)}
    assert {s: (r.state, r.points) for s, r in records.items()} == {
        "ada": ("graded", 7.0),
        "ben": ("graded", 4.6),
        "cyd": ("kernel died", 4.0),
        "dan": ("not a notebook", 0.0),
    }
    assert records["ben"].exercises["centroid"].hint == "no-offset" and records["ada"].kernel == "PlainKernel"
    assert [f.state for f in records["ada"].faults] == ["asked to end"]
    assert "ended the kernel; the rest of the notebook was run in a fresh kernel" in records["cyd"].faults[0].sentence
    assert all(r.key for r in records.values()) and coursedir.untrusted(whole, ASSIGNMENT) == []
    assert grades(whole, "ada")["check-centroid"] == (4.0, None, False)
    assert grades(whole, "ada")["written-why"][2] and not grades(whole, "ben")["written-why"][2]
    assert grades(whole, "cyd")["check-second_moment"] == (0.0, None, True), "no silent zero: a person looks"
    assert grades(whole, "dan")["check-centroid"] == (0.0, None, True)
    log = writer.log_path(whole, ASSIGNMENT, "cyd").read_text()
    assert "kernel died  4 of 7" in log and "centroid: 4 of 4, right" in log and "the grader's own process" in log
    assert not list((whole / ".photgrader" / "graded").rglob("*.json")), "nothing waits"


def test_what_has_not_changed_is_not_graded_again_and_what_has_is(graded, here):
    assert "0 graded, 4 unchanged" in command(graded, "grade", ASSIGNMENT).output and here.started == []
    submit(graded, "ben", RIGHT)
    assert "1 graded" in command(graded, "grade", ASSIGNMENT).output and record(graded, "ben").points == 7.0
    # The label of the run belongs to what a verdict depends on.
    (graded / "photgrader.toml").write_text('run = "2"\n' + (graded / "photgrader.toml").read_text())
    assert "0 unchanged" in command(graded, "grade", ASSIGNMENT, "--student", "ben").output


def test_nbgraders_own_autograde_gives_the_same_marks_and_keeps_a_person_s(graded, here):
    before = {s: grades(graded, s) for s in ("ada", "ben")}
    with Gradebook(app.database_url(graded)) as gradebook:
        gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, "ben").manual_score = 3.0
        gradebook.db.commit()
    for student in before:
        done = app.nbgrader_api(graded).autograde(ASSIGNMENT, student, force=True)
        assert done["success"], done
    assert grades(graded, "ada") == before["ada"] and len(here.started) >= 2
    assert grades(graded, "ben")["check-centroid"][:2] == (before["ben"]["check-centroid"][0], 3.0)


def test_what_a_killed_run_had_graded_is_merged_without_being_graded_again(graded, here):
    [one] = parallel.submissions(graded, ASSIGNMENT, "ben")
    result = task.grade_task(one)
    kept = len(here.started)
    coursedir.record_path(graded, ASSIGNMENT, "ben").unlink()
    writer.spool(graded, result)
    assert writer.has_spooled(graded, *one.name)
    done = command(graded, "grade", ASSIGNMENT, "--student", "ben")
    assert "1 graded" in done.output and len(here.started) == kept and record(graded, "ben").points == 4.6
    assert not writer.has_spooled(graded, *one.name)


def test_what_a_killed_run_had_graded_of_a_submission_that_is_gone_waits_no_more(graded, here):
    [one] = parallel.submissions(graded, ASSIGNMENT, "ben")
    writer.spool(graded, task.grade_task(one))
    shutil.rmtree(graded / "submitted" / "ben")
    command(graded, "grade", ASSIGNMENT, "--student", "ada")
    assert writer.has_spooled(graded, *one.name), "of who was not asked for nothing is removed"
    command(graded, "grade", ASSIGNMENT)
    assert not writer.has_spooled(graded, *one.name)


def test_a_gradebook_that_is_held_keeps_what_was_graded_and_one_that_refuses_is_told(graded, here, monkeypatch):
    monkeypatch.setattr(writer, "PATIENCE", (0.0,))
    said: dict[str, object] = {"success": False, "log": "OperationalError: database is locked"}
    api = writer._api(graded, (graded / "nbgrader_config.py").stat().st_mtime_ns)
    asked = []
    path = coursedir.record_path(graded, ASSIGNMENT, "ada")
    path.unlink()
    monkeypatch.setattr(api, "autograde", lambda *words, **named: asked.append(words) or said)
    done = command(graded, "grade", ASSIGNMENT, "--student", "ada", "--force")
    assert isinstance(done.exception, writer.GradebookBusy) and len(asked) == 2, "it is tried again"
    assert writer.has_spooled(graded, ASSIGNMENT, "ada", ASSIGNMENT)
    said["log"] = "first line\n\nnbgrader says no\n"
    done = command(graded, "grade", ASSIGNMENT, "--student", "ada", "--force")
    assert "ada was not graded: The gradebook did not take ada: nbgrader says no" in done.output
    assert "1 failed" in done.output and not path.exists(), "what the gradebook does not have is not graded"
    said["log"] = "sqlite3.OperationalError: database or disk is full"
    with pytest.raises(coursedir.CourseError, match=r"The disk is full; .* goes on where it stopped"):
        grade_assignment(graded, ASSIGNMENT, "ada", 1, True)


@pytest.mark.parametrize("what", ["records", "logs"])
def test_what_is_in_the_way_of_one_students_result_is_named_and_the_others_are_graded(what, graded, here):
    path = (
        coursedir.record_path(graded, ASSIGNMENT, "ada")
        if what == "records"
        else writer.log_path(graded, ASSIGNMENT, "ada")
    )
    path.unlink()
    path.mkdir()
    for _ in range(2):
        done = command(graded, "grade", ASSIGNMENT, "--student", "[ab]*", "--force")
        told = " ".join(done.output.split())
        assert (
            f"{path} cannot be used: Is a directory; put that right. Run the command again." in told
            and done.exit_code == 1
        )
        assert "1 graded" in told and "1 failed" in told
    path.rmdir()
    done = command(graded, "grade", ASSIGNMENT, "--student", "ada")
    assert "1 graded" in done.output and path.is_file()


def test_a_folder_whose_name_is_no_text_is_told_and_the_others_are_graded(graded, here):
    (graded / "submitted/ben").rename(graded / "submitted" / os.fsdecode(b"b\xe9n"))
    done = command(graded, "grade", ASSIGNMENT)
    assert r"'b\xe9n' was not graded: the name of its folder" in done.output and done.exit_code == 1
    assert "0 graded, 3 unchanged" in done.output and command(graded, "status", ASSIGNMENT).exit_code == 0


def test_a_held_gradebook_is_waited_for_once_and_not_with_each_submission(graded, here, monkeypatch):
    monkeypatch.setattr(writer, "PATIENCE", (0.0,))
    api, asked = writer._api(graded, (graded / "nbgrader_config.py").stat().st_mtime_ns), []
    with contextlib.closing(sqlite3.connect(graded / "gradebook.db", isolation_level=None)) as holder:

        def held(*words, **named):
            if not asked:
                holder.execute("BEGIN EXCLUSIVE")
            asked.append(words[1])
            return {"success": False, "log": "OperationalError: database is locked"}

        monkeypatch.setattr(api, "autograde", held)
        done = command(graded, "grade", ASSIGNMENT, "--force", "--workers", "1")
    assert isinstance(done.exception, writer.GradebookBusy) and len(asked) == 2 and len(set(asked)) == 1
    assert all(writer.has_spooled(graded, ASSIGNMENT, name, ASSIGNMENT) for name in ("ada", "ben", "cyd", "dan"))


def test_a_submission_that_has_no_result_is_told_and_the_others_are_graded(graded, here, monkeypatch):
    def work(one: task.Task):
        return "it took too long" if one.student == "ada" else task.grade_task(one)

    monkeypatch.setattr(task, "_answer", lambda one, asked: work(one) if asked is parallel.grade_task else asked(one))
    done = command(graded, "grade", ASSIGNMENT, "--force", "--student", "a*")
    assert "ada was not graded: it took too long. Run the command again." in done.output and "1 failed" in done.output


def test_a_scheduler_gets_what_is_to_do_and_its_results_are_merged(graded, here, monkeypatch):
    asked = []

    def run_on_cluster(tasks, address):
        asked.append(address)
        for one in tasks:
            yield one, task.grade_task(one)

    monkeypatch.setattr(cluster, "run_on_cluster", run_on_cluster)
    done = command(graded, "grade", ASSIGNMENT, "--force", "--student", "ben", "--scheduler", "tcp://there:8786")
    assert "1 graded" in done.output and asked == ["tcp://there:8786"], done.output


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: shutil.rmtree(root / "submitted"), "There are no submissions of"),
        (lambda root: backups.gradebook_file(root).write_bytes(b"x" * 4096), "is damaged"),
        (lambda root: (root / "nbgrader_config.py").write_text("c = get_config()\n"), "without the sandbox"),
    ],
    ids=["nobody", "damaged", "not ours"],
)
def test_a_run_that_cannot_begin_ends_with_one_sentence_and_nothing_changed(graded, here, spoil, words):
    spoil(graded)
    with pytest.raises(coursedir.CourseError, match=words) as refusal:
        grade_assignment(graded, ASSIGNMENT, "*", 1, True)
    assert "\n" not in str(refusal.value) and here.started == []


def test_an_assignment_that_the_gradebook_does_not_know_is_named(whole):
    with pytest.raises(coursedir.CourseError, match=r"does not know ps9 .*photgrader build ps9"):
        writer.require_assignment(whole, "ps9")


def test_of_one_students_merge_only_that_students_folder_is_looked_at(graded):
    left = [graded / "autograded" / name / ASSIGNMENT for name in ("ada", "ben")]
    for folder in left:
        shutil.rmtree(folder)
        folder.mkdir()
    plugin.remove_empty(graded, ASSIGNMENT, "ada")
    assert [f.exists() for f in left] == [False, True]
    plugin.remove_empty(graded, ASSIGNMENT)
    assert not any(f.exists() for f in left)


@pytest.mark.parametrize("held", [False, True])
def test_nbgrader_finds_a_submissions_rows_without_reading_the_class(graded, held):
    path = backups.gradebook_file(graded)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as book:
        for table, column in writer.INDEXED:
            book.execute(f"DROP INDEX photgrader_{table}_{column}")
        if held:
            book.execute("BEGIN IMMEDIATE")
        writer.index_gradebook(graded)
        if held:
            book.execute("ROLLBACK")
            writer.index_gradebook(graded)
    with contextlib.closing(sqlite3.connect(path)) as book:
        for table, column in writer.INDEXED:
            (*_, plan), *more = book.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = ?", ["x"])
            assert f"USING INDEX photgrader_{table}_{column}" in plan and not more


def test_two_runs_at_once_are_one_too_many(graded, monkeypatch):
    with writer.grading_lock(graded):
        with pytest.raises(writer.AlreadyGrading, match=r"being graded already \(process \d+, since"):
            with writer.grading_lock(graded):
                raise AssertionError
    waited = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        live.close()

    live = contextlib.ExitStack()
    live.enter_context(writer.grading_lock(graded, writer.LIVE))
    monkeypatch.setattr(writer.time, "sleep", wait)
    with writer.grading_lock(graded):
        assert waited == [0.1], "the live service is waited for"


def test_ctrl_c_waits_until_a_submission_is_merged():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with writer._interrupt_later():
            signal.raise_signal(signal.SIGINT)
            done.append("merged")
    assert done == ["merged"]


def test_a_full_disk_is_a_sentence_and_another_fault_is_not():
    for number, kind in (
        (errno.ENOSPC, coursedir.CourseError),
        (errno.EDQUOT, coursedir.CourseError),
        (errno.EIO, OSError),
    ):
        with pytest.raises(kind) as raised, writer.disk_full_told():
            raise OSError(number, "x")
        assert isinstance(raised.value, OSError) == (number == errno.EIO)


# ------------------------------------------------------------------------------------------------ grading again
@pytest.fixture
def lenient(monkeypatch):
    """The exercises after a change: a centroid may be anywhere within 10,000 pixels."""
    exercise = load_assignment(ASSIGNMENT).exercises["centroid"]
    monkeypatch.setattr(exercise, "compare", Numbers(("x", "y"), atol=10_000.0, unit="pixel"))
    for kept in (judge._provided, judge._hidden):
        kept.cache_clear()
    yield
    for kept in (judge._provided, judge._hidden):
        kept.cache_clear()


def test_grading_again_changes_nothing_where_nothing_has_changed(graded, here):
    before = {p: p.read_bytes() for p in graded.rglob("*.json")}
    done = command(graded, "regrade", ASSIGNMENT, "--dry-run", "--workers", "1")
    assert done.exit_code == 0 and "0 with changes, 4 without" in done.output, done.output
    assert {p: p.read_bytes() for p in graded.rglob("*.json")} == before
    done = command(graded, "regrade", ASSIGNMENT, "--workers", "1")
    assert "The gradebook is as it was." in done.output


def test_who_is_gone_when_marks_are_written_again_stops_nobody_else(graded, here, lenient, monkeypatch):
    submit(graded, "eve", {**RIGHT, "centroid": NO_OFFSET})
    merge = writer.merge

    def gone_by_then(*words, **named):
        shutil.rmtree(graded / "submitted" / "ben", ignore_errors=True)
        merge(*words, **named)

    monkeypatch.setattr(writer, "merge", gone_by_then)
    done = command(graded, "regrade", ASSIGNMENT, "--yes")
    assert "ben was not written: the submission went from submitted/" in done.output, done.output
    assert "1 student has new entries" in done.output and done.exit_code == 1
    assert record(graded, "ben").points == 4.6 and record(graded, "eve").points == 7.0


def test_who_would_gain_is_shown_and_written_only_after_yes(graded, here, lenient, tmp_path):
    with Gradebook(app.database_url(graded)) as gradebook:
        gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, "ben").manual_score = 2.5
        gradebook.db.commit()
    submit(graded, "eve", RIGHT)
    done = command(graded, "regrade", ASSIGNMENT, "--json", str(tmp_path / "changes.json"), answer="n\n")
    assert done.exit_code == 1 and "Nothing was written." in done.output and record(graded, "ben").points == 4.6
    assert (
        "2 with changes, 3 without, 1 graded for the first time" in done.output and "set by hand, stays" in done.output
    )
    found = json.loads((tmp_path / "changes.json").read_text())
    assert found["changed"] == ["ben", "eve"] and found["first_time"] == ["eve"] and found["failed"] == {}
    [gain] = [c for c in found["changes"] if c["student"] == "ben"]
    assert (gain["before"], gain["after"], gain["difference"], gain["by_hand"]) == (1.6, 4.0, 2.4, True)
    done = command(graded, "regrade", ASSIGNMENT, "--yes")
    assert "2 students have new entries" in done.output, done.output
    assert record(graded, "ben").points == 7.0 == record(graded, "eve").points
    assert grades(graded, "ben")["check-centroid"][:2] == (4.0, 2.5), "a mark set by hand stays"


def test_who_cannot_be_graded_again_is_told_and_keeps_what_there_is(graded, here, monkeypatch):
    monkeypatch.setattr(task, "_answer", lambda one, asked: "took too long" if one.student == "ben" else asked(one))
    done = command(graded, "regrade", ASSIGNMENT, "--yes")
    assert done.exit_code == 1 and "ben could not be graded: took too long" in done.output
    assert record(graded, "ben").points == 4.6


# ------------------------------------------------------------------------------------------------ feedback
def test_a_page_of_feedback_has_the_verdict_and_nothing_hidden(graded):
    done = app.nbgrader_api(graded).generate_feedback(ASSIGNMENT, "ben", force=True)
    assert done["success"], done
    page = (graded / "feedback" / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    hidden = [c for c in record(graded, "ben").exercises["centroid"].cases if c.hidden]
    assert "exactly x_start" in page and "Traceback (most recent call last)" not in page
    assert str(record(graded, "ben").exercises["centroid"].seed) not in page
    assert hidden and all(c.symptom not in page for c in hidden if c.symptom)


def test_an_autograde_whose_worker_has_no_result_says_why(graded, monkeypatch):
    monkeypatch.setattr(plugin._HAND, "do", lambda *words: "its worker was killed again and again")
    done = app.nbgrader_api(graded).autograde(ASSIGNMENT, "ada", force=True)
    assert not done["success"] and "ada was not graded: its worker was killed again and again." in done["log"]


def add_cells(root: pathlib.Path, student: str, *sources: str) -> None:
    path = root / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in sources]
    path.write_text(json.dumps(notebook), encoding="utf-8")


def test_two_cells_that_end_the_kernel_cost_only_themselves(graded, here):
    submit(graded, "eve", {"centroid": DIES, "second_moment": "import os\nos._exit(4)", "written-why": ""})
    add_cells(graded, "eve", "print('reached')")
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    result = task.grade_task(one)
    assert [f["state"] for f in result["record"]["faults"]] == ["kernel died", "kernel died"]
    assert "reached" in str(json.loads(result["notebook"])["cells"][-1]["outputs"]) and len(here.started) == 3


def test_what_cannot_be_graded_by_its_name_or_kind_is_told_and_nobody_elses_marks_are_touched(graded, here):
    submitted, before = graded / "submitted", grades(graded, "ada")
    for name in ("ada ", "*", "a\nb"):
        shutil.copytree(submitted / "ben", submitted / name)
    for name in ("eve", "fay"):
        (submitted / name).mkdir()
    (submitted / "eve" / ASSIGNMENT).symlink_to(submitted / "ben" / ASSIGNMENT)
    (submitted / "fay" / ASSIGNMENT).write_text("no folder")
    shutil.copytree(submitted / "ben" / ASSIGNMENT, submitted / "gus" / ASSIGNMENT.upper())
    # What one puts there by hand the first time.
    shutil.copytree(submitted / "ben" / ASSIGNMENT, submitted / "hal")
    shutil.copytree(submitted / "ben" / ASSIGNMENT, submitted / ASSIGNMENT / "ivy")
    shutil.copy(submitted / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", submitted)
    done = command(graded, "grade", ASSIGNMENT)
    told = " ".join(done.output.split())
    for who in ("'ada '", "'*'", r"'a\nb'"):
        assert f"{who} was not graded: the name of its folder in submitted/" in told
    assert f"eve was not graded: {ASSIGNMENT} in their folder is a link" in told
    assert f"fay was not graded: {ASSIGNMENT} in their folder is a file" in told
    assert f"their folder holds '{ASSIGNMENT.upper()}', and the assignment is called '{ASSIGNMENT}'" in told
    assert (
        f"hal was not graded: '{ASSIGNMENT}.ipynb' lies in their folder, and belongs into '{ASSIGNMENT}' there" in told
    )
    assert f"{ASSIGNMENT} was not graded: a folder in submitted/ is a student's" in told
    assert f"{ASSIGNMENT}.ipynb was not graded: whose it is nobody knows" in told
    assert "0 graded, 4 unchanged" in told and "9 failed" in told and done.exit_code == 1
    assert grades(graded, "ada") == before
    left = command(graded, "status", ASSIGNMENT).output
    assert f"9 in submitted/ that cannot be graded, and why: photgrader grade {ASSIGNMENT}" in left
    assert "gus: their folder holds" in str(command(graded, "grade", ASSIGNMENT, "--student", "gus").exception)


def test_work_that_lies_beside_an_assignment_is_named_once_and_only_where_it_belongs(graded, here):
    submitted = graded / "submitted"
    work = submitted / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    (graded / "source" / "hw2").mkdir()
    shutil.copy(work, graded / "source" / "hw2" / "hw2.ipynb")
    # Pictures of the notebooks are no assignment.
    (graded / "source" / "my").mkdir()

    def put(where: str) -> None:
        (submitted / where).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(work, submitted / where)

    beside = {
        "s1": f"{ASSIGNMENT}-1/x.ipynb",
        "s2": f"{ASSIGNMENT} (1)/x.ipynb",
        "s3": f"deep/{ASSIGNMENT}/x.ipynb",
        "s4": f"{ASSIGNMENT}.ipynb.ipynb",
        "s5": "my-homework.ipynb",
        "s6": "hw.zip",
        "s7": "x.ipynb.json",
    }
    for student, where in beside.items():
        put(f"{student}/{where}")
    put(f"s8/{ASSIGNMENT.replace('_', '-').title()}/x.ipynb")
    put("s9.zip")
    # Of another assignment, of none, or of nobody's: not followed, not named.
    for where in ("t1/hw2/x.ipynb", "t2/hw2-late/x.ipynb", "t3/notes.txt", "t4/.hidden/x.ipynb", "hw2_t5.ipynb"):
        put(where)
    (submitted / "t6").mkdir()
    (submitted / "t6" / "elsewhere").symlink_to(submitted / "s5")
    # Beside what is graded it holds nobody's marks up.
    put("ada/more.zip")
    (submitted / "link").symlink_to(submitted / "ben")
    found = coursedir.left_out(graded, ASSIGNMENT)
    for student, where in beside.items():
        assert found[student].startswith(f"{where!r} lies in their folder, and belongs into {ASSIGNMENT!r} there")
    assert found["s8"].endswith("rename it") and found["s9.zip"].startswith("whose it is nobody knows")
    assert "is a link" in found["link"] and "more.zip" in found[f"What ada has beside {ASSIGNMENT}"]
    assert len(found) == len(beside) + 4
    others = {"s5", "s6", "s7", "s9.zip", "t2", "hw2_t5.ipynb", "ada", "link"}
    assert set(coursedir.left_out(graded, "hw2")) == others
    assert coursedir.submitted(graded, ASSIGNMENT, "link") == []
    submit(graded, "ada", RIGHT)
    done = command(graded, "grade", ASSIGNMENT, "--workers", "1")
    assert "1 graded" in done.output and "3 unchanged" in done.output and done.exit_code == 1


def test_how_much_is_looked_at_beside_an_assignment_is_bounded(graded, monkeypatch):
    monkeypatch.setattr(trees, "MOST_ENTRIES", 20)
    for number in range(30):
        (graded / "submitted" / "ada" / f"d{number:02}" / "e").mkdir(parents=True)
    looked, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda place: looked.append(place) or scandir(place))
    assert coursedir.left_out(graded, ASSIGNMENT) == {}
    assert 0 < sum(f"{os.sep}ada" in str(place) for place in looked) <= 30


def test_names_that_differ_in_capitals_or_encoding_are_probably_one_person(graded, here):
    for name in ("Ada", "ren\u00e9", "rene\u0301"):
        (graded / "submitted" / name).mkdir()
    (graded / "submitted" / "BEN").symlink_to("ben")
    told = " ".join(command(graded, "grade", ASSIGNMENT).output.split())
    assert "'Ada' and 'ada' in submitted/ are probably one person" in told
    assert r"'rene\u0301' and 'ren\xe9' in submitted/ are probably" in told and told.count("are probably") == 2


def test_a_submission_that_goes_away_keeps_its_marks_and_is_told(graded, here, monkeypatch):
    ben, before, merge = graded / "submitted" / "ben" / ASSIGNMENT, grades(graded, "ben"), writer.merge

    def gone_by_then(*words, **named):
        shutil.rmtree(ben)
        merge(*words, **named)

    monkeypatch.setattr(writer, "merge", gone_by_then)
    done = command(graded, "grade", ASSIGNMENT, "--student", "ben", "--force")
    assert "ben was not graded: the submission went from submitted/ while it was graded; put it back" in " ".join(
        done.output.split()
    )
    assert not writer.has_spooled(graded, ASSIGNMENT, "ben", ASSIGNMENT), (
        "doctor would ask for it to be merged for ever"
    )
    assert grades(graded, "ben") == before
    [line] = [line for line in command(graded, "status", ASSIGNMENT).output.splitlines() if "ben" in line]
    assert "gone" in line and "4.6 / 9" in line
    told = command(graded, "status", ASSIGNMENT).output
    assert "1 with marks whose submission is no longer in submitted/" in told


def test_feedback_from_before_the_last_grading_is_told(graded, here):
    page = graded / "feedback" / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    page.parent.mkdir(parents=True)
    page.write_text("feedback")
    when = (graded / "autograded" / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").stat().st_mtime
    for later, told in ((1, "made"), (-1, "old")):
        os.utime(page, (when + later, when + later))
        [line] = [line for line in command(graded, "status", ASSIGNMENT).output.splitlines() if "ben" in line]
        assert told in line


@pytest.fixture
def ran(monkeypatch):
    """What kernels have run, cell by cell, with how it ended."""
    found, run = [], Session.run

    def told(self, source, *args, **more):
        cell = run(self, source, *args, **more)
        found.append((source, cell.status))
        return cell

    monkeypatch.setattr(Session, "run", told)
    return found


def test_definitions_that_take_long_are_run_again_once(graded, here, ran):
    (graded / "photgrader.toml").write_text(
        "[limits]\ncell_seconds = 1.0\ncall_seconds = 4.0\nnotebook_seconds = 40.0\n"
    )
    slow = "import time\ndef f(x=time.sleep(1000)): pass"
    submit(graded, "eve", RIGHT)
    add_cells(graded, "eve", slow, *["import os\nos._exit(3)"] * 4)
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    record = task.grade_task(one)["record"]
    assert record["points"] == 7 and [f["state"] for f in record["faults"]] == ["timeout"] + ["kernel died"] * 4
    assert [status for source, status in ran if source == slow] == ["timeout"] * 2, "its own run, and one more"


def test_given_cells_that_would_not_end_are_not_run_in_a_fresh_kernel_either(graded, here, ran):
    (graded / "photgrader.toml").write_text(
        "[limits]\ncell_seconds = 1.0\ncall_seconds = 1.0\nnotebook_seconds = 40.0\n"
    )
    release = graded / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(release, as_version=4)
    marks = {"schema_version": 3, "task": False, "grade": False, "solution": False, "locked": True}
    for number in range(6):
        notebook.cells.append(nbformat.v4.new_code_cell("centroid(0, 0, 0)"))
        notebook.cells[-1].metadata["nbgrader"] = {**marks, "grade_id": f"given-{number}"}
    nbformat.write(notebook, release)
    submit(graded, "eve", {**RIGHT, "centroid": "def centroid(*a):\n    while True: pass"})
    add_cells(graded, "eve", "import os\nos._exit(3)")
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    record = task.grade_task(one)["record"]
    assert record["points"] == 3 and [f["state"] for f in record["faults"]] == ["timeout", "kernel died"]
    assert [status for source, status in ran if source == "centroid(0, 0, 0)"] == ["timeout"]


def test_where_no_kernel_is_started_any_more_that_is_said_and_the_functions_are_judged(graded, here):
    submit(graded, "eve", RIGHT)
    add_cells(graded, "eve", *["import os\nos._exit(3)"] * (3 * MOST_HARMFUL))
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    result = task.grade_task(one)
    said = [f["sentence"] for f in result["record"]["faults"]]
    assert said[MOST_HARMFUL - 1].endswith("the rest of the notebook was run in a fresh kernel without it.")
    assert said[MOST_HARMFUL:] == [
        "This cell ended the kernel; no cell was run after it.",
        f"The kernel ended {MOST_HARMFUL + 1} times; from here on no cell was run.",
    ]
    assert result["record"]["points"] == 7


def test_a_cell_that_ends_the_kernel_only_when_it_is_run_again_is_told_and_costs_only_itself(graded, here):
    submit(graded, "eve", RIGHT)
    twice = "import os, pathlib\nif pathlib.Path('seen').exists():\n    os._exit(3)\npathlib.Path('seen').touch()"
    add_cells(graded, "eve", twice, "import os\nos._exit(3)")
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    record = task.grade_task(one)["record"]
    assert record["points"] == 7 and record["faults"][0]["sentence"] == (
        "This cell ended the kernel when the notebook was run again."
    )


@pytest.fixture
def full_once_told(monkeypatch):
    """A kernel counts as full, once, after a cell that leaves a file named so."""

    def full(self):
        mark = self.place.work / "full"
        return mark.exists() and not mark.unlink()

    monkeypatch.setattr(Session, "full", full)


def test_what_a_cell_showed_that_filled_the_memory_is_shown(graded, here, full_once_told):
    submit(graded, "eve", RIGHT)
    add_cells(graded, "eve", "print('seen')\nopen('full', 'w').close()\nraise MemoryError('no more')")
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    result = task.grade_task(one)
    shown = json.loads(result["notebook"])["cells"][-1]["outputs"]
    assert [o["output_type"] for o in shown] == ["stream", "error", "stream"] and shown[1]["evalue"] == "no more"
    assert "in a fresh kernel without it" in str(shown[2]) and result["record"]["points"] == 7


def test_of_a_cell_that_filled_the_memory_its_own_traceback_is_shown_and_not_ipythons(graded, here, full_once_told):
    """IPython finds no room to show the error in colours then, and Python shows how both failed."""
    submit(graded, "eve", RIGHT)
    add_cells(
        graded,
        "eve",
        "class NoRoom(MemoryError):\n    def _render_traceback_(self): raise MemoryError('in IPython')\n"
        "print('seen')\nopen('full', 'w').close()\nraise NoRoom('no more')",
    )
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    shown = json.loads(task.grade_task(one)["notebook"])["cells"][-1]["outputs"]
    assert shown[0]["text"] == "seen\n" and "NoRoom: no more" in str(shown[1]) and "IPython'" not in str(shown)
    assert "Unexpected" not in str(shown) and "another exception" not in str(shown)


class NoStart:
    """A starter of kernels that starts none while a file lies beside the notebook."""

    kind = "none"

    def __init__(self, usual):
        self.usual = usual

    def __call__(self, place, *more):
        if (place.work / "zmq.py").is_file():
            raise KernelGone("kernel died")
        return self.usual(place, *more)


def test_a_file_with_which_no_kernel_starts_is_the_submissions_own(graded, here, monkeypatch):
    """Without it one does: a person looks, and the run has no fault of its own."""
    monkeypatch.setattr("photgrader.grading.grade.default_starter", lambda settings: NoStart(here))
    submit(graded, "eve", RIGHT)
    folder = graded / "submitted" / "eve" / ASSIGNMENT
    (folder / "zmq.py").write_text("")
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    record = task.grade_task(one)["record"]
    assert record["points"] == 0 and record["faults"][0]["sentence"] == "The kernel could not be started."
    (folder / "zmq.py").rename(folder / "notes.py")
    assert task.grade_task(one)["record"]["points"] == 7


def test_how_a_cell_ends_tells_nothing_of_what_a_function_was_given(graded, here):
    """A function that is called has the hidden inputs: a cell that is run after it could say one in how it ends."""
    submit(
        graded,
        "eve",
        {
            **RIGHT,
            "centroid": "import os, pathlib\ndef centroid(*a):\n    pathlib.Path('seen').touch()\n    os._exit(3)",
        },
    )
    add_cells(graded, "eve", "if pathlib.Path('seen').exists():\n    os._exit(3)")
    [one] = parallel.submissions(graded, ASSIGNMENT, "eve")
    record = task.grade_task(one)["record"]
    assert record["points"] == 3 and not record["faults"]
