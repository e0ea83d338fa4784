"""The live service's grading process, turn by turn: hand-ins from the exchange to verdicts, pages and jobs, with kernels forked here."""

from __future__ import annotations

import asyncio
import datetime
import os
import pathlib
import shutil
import signal
import time

import nbformat
import pytest

from photgrader import coursedir
from photgrader.coursedir import CourseError
from photgrader.coursedir.settings import Settings
from photgrader.gradebook import app, exchange, writer
from photgrader.grading.task import Task
from photgrader.runs import parallel
from photgrader.serve import formgrader, grader, pages, tries
from photgrader.serve.grader import ANEW, Grader, service_lock
from support import ASSIGNMENT, RIGHT

NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=2)


@pytest.fixture
def course(tiny_course, monkeypatch, here):
    """A course with an exchange."""
    exchange.make_exchange(tiny_course.parent / "exchange", "starlight", os.getuid(), os.getgid())
    monkeypatch.setenv("PHOTCOURSE_EXCHANGE", str(tiny_course.parent / "exchange"))
    monkeypatch.setattr(grader.time, "sleep", lambda seconds: None)
    return tiny_course


def hand_in(root: pathlib.Path, student: str, cells: dict[str, str], minutes: int = 0) -> str:
    notebook = nbformat.read(root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    inbound = root.parent / "exchange" / "starlight" / "inbound"
    files = {f"{ASSIGNMENT}.ipynb": nbformat.writes(notebook).encode()}
    return exchange.put_hand_in(inbound, student, ASSIGNMENT, files, NOW + datetime.timedelta(minutes=minutes)).name


def turns(root: pathlib.Path, most: int = 30, **how) -> Grader:
    """Let a grading process of its own work until nothing is left to do."""
    at_work = Grader(root, 1, **how)
    left = [most]

    def stop() -> bool:
        left[0] -= 1
        idle = not at_work._at_work and not at_work._ready and at_work.queue.counts().get("waiting", 0) == 0
        return left[0] < 0 or (idle and left[0] < most - 2)

    assert at_work.run(stop) == 0
    return at_work


def states(at_work: Grader, student: str) -> list[tuple[str, float | None, bool]]:
    found = at_work.queue.of_student(student, ASSIGNMENT)
    return [(i.state, (i.verdict or {}).get("points"), i.counts) for i in sorted(found, key=lambda i: i.id)]


def test_what_is_handed_in_is_graded_written_down_and_shown(course, here):
    (course / "live.toml").write_text('counts = "best"\nfresh_cases = true\n')
    hand_in(course, "ada", RIGHT)
    hand_in(course, "ben", {**RIGHT, "centroid": NO_OFFSET})
    at_work = turns(course)
    assert states(at_work, "ada") == [("graded", 7.0, True)] and states(at_work, "ben")[0][1] == pytest.approx(4.6)
    assert (course / "submitted" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").is_file()
    with app.gradebook(course) as gradebook:
        assert gradebook.find_submission(ASSIGNMENT, "ada").score == 7.0
    [record] = [r for r in coursedir.read_records(course, ASSIGNMENT) if r.student == "ben"]
    assert record.run == "1, try 1" and record.key, "cases of its own, and known to a batch run"
    assert at_work.queue.fact("roster") is not None and not at_work.queue.problems()
    # A worse try is graded and does not count; a better one does, in the place of what was handed in.
    for student, cells, minute in (("ada", {**RIGHT, "centroid": NO_OFFSET}, 5), ("ben", RIGHT, 5)):
        hand_in(course, student, cells, minute)
    at_work = turns(course)
    [_, second] = sorted(at_work.queue.of_student("ada", ASSIGNMENT), key=lambda i: i.id)
    assert (second.state, second.counts) == ("graded", False) and "An earlier try was better" in second.sentence
    assert [s[2] for s in states(at_work, "ben")] == [False, True] and states(at_work, "ben")[1][1] == 7.0
    assert not list((course / ".photgrader" / "live" / "incoming").glob("*")), "nothing is left of them"
    _pages_of(course, at_work)
    _asked_for_by_pages(course, at_work, here)


def _pages_of(course: pathlib.Path, at_work: Grader) -> None:
    maker = pages.PageMaker(course)
    made = 0
    while maker.turn():
        made += 1
    assert made >= 2 and not maker.turn()
    counting = at_work.queue.counting("ada", ASSIGNMENT)
    page = course / ".photgrader" / "live" / "pages" / str(counting.id) / f"{ASSIGNMENT}.html"
    assert "7 of 7 points" in page.read_text() or "centroid" in page.read_text()
    assert not (course / "feedback").exists(), "the instructor's own are not touched"
    shutil.rmtree(course / "autograded" / "ada")
    at_work.queue.page_due("ada", ASSIGNMENT)
    assert maker.turn() and "could not be made" in maker.queue.fact("problems of pages")[0]
    maker.queue.close()


def _asked_for_by_pages(course: pathlib.Path, at_work: Grader, here) -> None:
    def asked(kind: str, **body) -> str:
        number = at_work.queue.ask(kind, {"assignment": ASSIGNMENT, **body}, "prof")
        at_work._do_job()
        return at_work.queue.answer_of(number)

    assert "feedback pages are made anew" in asked("pages")
    marked = {"notebook": ASSIGNMENT, "question": "written-why", "students": ["ada", "ben"], "comment": "Well said."}
    assert asked("mark", score=1.5, **marked) == "written-why: 1.5 points for ada, ben, by prof."
    assert asked("mark", score=9, **marked) == "Not done: written-why is worth 2 points at most"
    with app.gradebook(course) as gradebook:
        grade = gradebook.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, "ben")
        assert grade.manual_score == 1.5 and not grade.needs_manual_grade
        assert gradebook.find_comment("written-why", ASSIGNMENT, ASSIGNMENT, "ben").manual_comment == "Well said."
    # ada's graded notebook is gone, so hers has changed; ben's has not.
    assert f"{ASSIGNMENT}: 1 of 2 submissions have changed and are graded again." == asked("grade")
    with writer.grading_lock(course):
        at_work.queue.ask("mark", {"assignment": ASSIGNMENT, "score": 1, **marked}, "prof")
        at_work._do_job()
        assert at_work._pause_until > time.monotonic(), "a batch run is at work: it waits"
    at_work._do_job()
    before = len(here.started)
    at_work = turns(course)
    assert len(here.started) > before and (course / "autograded" / "ada" / ASSIGNMENT).is_dir()


def test_what_cannot_be_taken_is_refused_with_a_reason(course, monkeypatch):
    inbound = course.parent / "exchange" / "starlight" / "inbound"
    (inbound / f"eve+{ASSIGNMENT}+never+x").mkdir()
    (inbound / f"mal+{ASSIGNMENT}+2026-11-28 10:00:00.000000 UTC+x").write_text("no folder")
    (inbound / "nonsense").mkdir()
    name = hand_in(course, "ada", RIGHT)
    at_work = Grader(course, 1)
    at_work.look()
    refused = {i.folder: i.sentence for i in at_work.queue.recent() if i.state == "refused"}
    assert sorted(s.partition("+")[0] for s in refused) == ["eve", "mal"] and all(
        i.student == "" for i in at_work.queue.recent() if i.state == "refused"
    )
    assert any("holds no time" in s for s in refused.values()) and any("is no folder" in s for s in refused.values())
    shutil.rmtree(inbound / name)
    pool = parallel.Pool(None, None)
    with pytest.raises(FileNotFoundError):
        exchange.HandIn.of(inbound / name).check_owner("same")
    at_work._begin(at_work.queue.next(), pool)
    [gone] = at_work.queue.of_student("ada", ASSIGNMENT)
    assert gone.state == "failed" and "could not be taken out of the exchange" in gone.sentence
    monkeypatch.setattr(at_work.queue, "room", lambda: 0)
    hand_in(course, "ben", RIGHT)
    at_work.look()
    assert "The queue is full; what is handed in now waits in the exchange." in at_work.queue.problems()
    shutil.rmtree(inbound)
    at_work.look()
    assert any("cannot be read" in p and "doctor" in p for p in at_work.queue.problems())


def test_a_try_that_has_no_result_is_told_and_a_gradebook_that_is_held_is_waited_for(course, monkeypatch):
    def work(task: Task):
        raise RuntimeError("no such luck")

    hand_in(course, "ada", RIGHT)
    at_work = turns(course, work=work)
    [failed] = at_work.queue.of_student("ada", ASSIGNMENT)
    assert (
        failed.state == "failed"
        and "grader fault" in failed.sentence
        and "Your instructor sees this too" in failed.sentence
    )
    hand_in(course, "ada", RIGHT, 5)
    merge, busy = writer.merge, [True]

    def held(*words, **more):
        if busy:
            busy.clear()
            raise writer.GradebookBusy("somebody else has it")
        merge(*words, **more)

    monkeypatch.setattr(writer, "merge", held)
    monkeypatch.setattr(grader, "PAUSE", 0.0)
    at_work = turns(course)
    assert not busy and states(at_work, "ada")[-1] == ("graded", 7.0, True)
    monkeypatch.setattr(
        writer, "merge", lambda *words, **more: (_ for _ in ()).throw(writer.Refused("The gradebook did not take ada."))
    )
    hand_in(course, "ada", RIGHT, 10)
    refused = turns(course).queue.of_student("ada", ASSIGNMENT)
    assert max(refused, key=lambda i: i.id).sentence.startswith("The gradebook did not take ada.")


def test_over_the_days_tries_the_rest_waits(course):
    (course / "live.toml").write_text("tries_a_day = 1\n")
    hand_in(course, "ada", RIGHT)
    turns(course)
    hand_in(course, "ada", RIGHT, 5)
    at_work = turns(course, most=8)
    assert [s[0] for s in states(at_work, "ada")] == ["graded", "held"]


def test_what_a_batch_run_graded_is_shown_and_a_changed_record_is_not(course):
    hand_in(course, "ada", RIGHT)
    hand_in(course, "ben", RIGHT)
    turns(course)
    shutil.rmtree(course / ".photgrader" / "live")
    path = coursedir.record_path(course, ASSIGNMENT, "ben")
    path.write_text(path.read_text().replace('"points": 7.0', '"points": 9.0'))
    at_work = Grader(course, 1)
    at_work._adopt_records()
    assert at_work.queue.counting("ada", ASSIGNMENT).verdict["points"] == 7.0
    assert at_work.queue.counting("ben", ASSIGNMENT) is None


def test_the_course_s_files_ask_for_a_new_process_and_one_service_is_enough(course, monkeypatch):
    at_work = Grader(course, 1)
    monkeypatch.setattr(grader, "COURSE", 0.0)
    (course / "live.toml").write_text("tries_a_day = 3\n")
    assert at_work.run() == ANEW
    with service_lock(course):
        assert grader.at_work(course)
        with pytest.raises(grader.AlreadyServed, match="at work on this course already"), service_lock(course):
            raise AssertionError
    assert not grader.at_work(course)
    shutil.rmtree(course / "release")
    with pytest.raises(CourseError, match="no release in this course yet"):
        Grader(course, 1).run()


def test_a_gradebook_that_cannot_be_read_is_told_while_hand_ins_are_taken(course, monkeypatch):
    at_work = Grader(course, 1)
    hand_in(course, "ada", RIGHT)

    def unreadable(*words):
        raise app.GradebookUnreadable("the gradebook is damaged")

    monkeypatch.setattr(grader, "skeleton_to_grade", unreadable)
    left = [1, 0]
    assert at_work.run(lambda: not left.pop(0)) == 0
    assert "Verdicts wait: the gradebook is damaged" in at_work.queue.problems()
    assert [i.state for i in at_work.queue.of_student("ada", ASSIGNMENT)] == ["waiting"]
    (course / "live.toml").write_text("tries_a_day = 3\n")
    assert at_work.run() == ANEW


def test_the_gradebook_is_backed_up_once_a_day_and_trouble_with_that_is_told(course, monkeypatch):
    at_work, asked = Grader(course, 1), []
    monkeypatch.setattr(grader.backups, "backup_gradebook", lambda root: asked.append(root))
    at_work._back_up()
    old = course / "old.db"
    old.touch()
    monkeypatch.setattr(grader.backups, "backups", lambda root: [old])
    at_work._back_up()
    assert len(asked) == 1, "there is one of today"
    os.utime(old, (0, 0))

    def full(root):
        raise CourseError("The disk is full")

    monkeypatch.setattr(grader.backups, "backup_gradebook", full)
    at_work._back_up()
    assert "The disk is full" in at_work.queue.problems()


def test_the_formgraders_button_hands_over_where_a_service_is_at_work(course):
    assert asyncio.run(formgrader.handed_over(course, ASSIGNMENT, "ada")) is None
    at_work = Grader(course, 1)
    with service_lock(course):
        late = asyncio.run(formgrader.handed_over(course, ASSIGNMENT, "ada", patience=0.0))
        assert not late["success"] and "has not graded it in time" in late["error"]

        async def pressed(state: str, sentence: str):
            asking = asyncio.create_task(formgrader.handed_over(course, ASSIGNMENT, state))
            for _ in range(100):
                await asyncio.sleep(0.01)
                if (item := at_work.queue.next()) is not None and item.student == state:
                    break
            at_work.queue.finish(item.id, state, sentence, {"points": 3.0, "state": "graded"})
            return await asking

        assert asyncio.run(pressed("graded", ""))["log"] == "graded was graded by the live service: 3 points, graded."
        failed = asyncio.run(pressed("failed", "No notebook."))
        assert failed == {"success": False, "log": "No notebook.", "error": "No notebook."}


def test_a_process_ends_with_its_service():
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop = grader.ended_with(os.getppid())
        assert not stop() and grader.ended_with(-1)()
    finally:
        # What comes after in this process is interrupted as before.
        for number, handler in heard.items():
            signal.signal(number, handler)


def test_a_try_without_cases_of_its_own_is_graded_as_everybody_s(monkeypatch):
    seen = []
    monkeypatch.setattr(
        tries, "grade_task", lambda task: seen.append(task.settings.run) or {"record": {"student": "ada"}}
    )
    one = tries.Try("ada", ASSIGNMENT, ASSIGNMENT, "", "", Settings(), b"")
    tries.grade_try(one)
    assert seen == ["1"]
