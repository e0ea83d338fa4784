"""The queue: fair, bounded, and nothing lost or graded twice when the service is killed."""

from __future__ import annotations

import collections
import multiprocessing
import os
import pathlib
import random
import signal
import time

import pytest

from photgrader.serve import queue as queues
from photgrader.serve.queue import LATER, SOON, Queue


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path / "queue.sqlite")
    yield made
    made.close()


def stamp(number: int) -> str:
    return f"2026-11-28T10:{number // 60:02}:{number % 60:02}+00:00"


def put(queue: Queue, student: str, number: int, assignment: str = "ps1", **more) -> bool:
    return queue.add(f"{student}+{assignment}+{number}", student, assignment, stamp(number), **more)


def verdict(points: float = 1.0) -> dict:
    return {"state": "graded", "points": points, "graded": "x", "exercises": {}}


def drain(queue: Queue) -> list[str]:
    order = []
    while (item := queue.next()) is not None:
        order.append(item.student)
        queue.finish(item.id, "graded", "", verdict(), True)
    return order


def test_who_hands_in_often_does_not_keep_the_others_waiting(queue):
    for number in range(10):
        put(queue, "eager", number)
    for number, student in enumerate(("ada", "ben")):
        put(queue, student, 20 + number)
    order = drain(queue)
    assert order[:3] == ["eager", "ada", "ben"] and order[3:] == ["eager"] * 9
    put(queue, "eager", 50)
    put(queue, "ada", 51)
    assert drain(queue) == ["ada", "eager"]


def test_of_one_student_one_is_graded_at_a_time_and_the_oldest_first(queue):
    for number in (3, 1, 2):
        put(queue, "ada", number)
    first = queue.next()
    assert first is not None and first.handed_in == stamp(1) and queue.next() is None
    queue.finish(first.id, "graded", "", verdict(), True)
    assert queue.next().handed_in == stamp(2)


def test_what_is_graded_again_as_a_whole_waits_for_hand_ins(queue):
    for student in ("ada", "ben"):
        queue.again(student, "ps1", LATER, "all")
    put(queue, "cleo", 1)
    queue.again("dora", "ps1", SOON)
    order = drain(queue)
    assert set(order[:2]) == {"cleo", "dora"} and set(order[2:]) == {"ada", "ben"}


def test_asking_twice_for_the_same_is_asking_once(queue):
    assert queue.again("ada", "ps1") == queue.again("ada", "ps1", SOON, "all") and len(queue.under_way()) == 1
    assert queue.batches() == [("all", 0, 1)]
    assert put(queue, "ada", 1) and not put(queue, "ada", 1)


def test_the_queue_is_bounded_in_all_and_for_one(queue, monkeypatch):
    monkeypatch.setattr(queues, "MOST_OF_ONE", 3)
    monkeypatch.setattr(queues, "MOST_WAITING", 5)
    for number in range(8):
        put(queue, "ada", number)
    assert (
        [i.handed_in for i in queue.under_way()] == [stamp(5), stamp(6), stamp(7)]
        and queue.counts()["replaced"] == 5
        and queue.room() == 2
    )
    assert "again" in queue.of_student("ada")[-1].sentence


def test_a_verdict_stands_and_the_last_that_counts_is_the_only_one(queue):
    for number in (1, 2):
        put(queue, "ada", number)
        item = queue.next()
        queue.finish(item.id, "graded", "", verdict(number), True)
        queue.finish(item.id, "failed", "too late")
    tries = queue.of_student("ada")
    assert [(t.number, t.state, t.counts, t.verdict["points"]) for t in tries] == [
        (2, "graded", True, 2),
        (1, "graded", False, 1),
    ]


def test_graded_again_is_the_try_that_counts_already(queue):
    put(queue, "ada", 1)
    drain(queue)
    queue.page_made(queue.without_page())
    assert queue.counting("ada", "ps1").pages and queue.without_page() is None
    queue.again("ada", "ps1")
    item = queue.next()
    queue.finish(item.id, "graded", "", verdict(7.0), True)
    counting = queue.counting("ada", "ps1")
    assert (counting.folder, counting.verdict["points"], counting.pages) == ("ada+ps1+1", 7.0, False) and len(
        queue.standing("ps1")
    ) == 1
    queue.adopt("ada", "ps1", {**verdict(8.0), "graded": "y", "submitted": ""})
    assert queue.counting("ada", "ps1").verdict["points"] == 8.0
    begun = queue.without_page()
    queue.page_due("ada", "ps1")
    queue.page_made(begun)
    assert not queue.counting("ada", "ps1").pages, "a mark came while the page was being made"
    queue.adopt("ben", "ps1", {**verdict(2.0), "submitted": "2026-11-28T10:00:00"})
    assert queue.counting("ben", "ps1").handed_in == "2026-11-28T10:00:00"


def test_a_page_waits_for_the_verdicts_of_others_and_not_for_ever(queue):
    put(queue, "ada", 1)
    drain(queue)
    put(queue, "ben", 1)
    assert queue.without_page(60.0) is None, "ben waits for a verdict"
    item = queue.next()
    assert queue.without_page(60.0) is None, "ben is being graded"
    assert queue.without_page(0.0).student == "ada", "ada has waited long enough"
    queue.recover_pages()
    queue.finish(item.id, "graded", "", verdict(1.0), True)
    assert queue.without_page(60.0).student == "ada", "nobody waits"


def test_over_the_days_tries_the_newest_waits_for_the_next_day(queue):
    for number in (1, 2, 3):
        put(queue, "ada", number)
    put(queue, "ada", 1, "ps2")
    drawn = queue.next()
    queue.hold("ada", drawn.assignment, time.time() + 3600)
    queue.release()
    assert queue.counts()["held"] == 3 and queue.next().assignment == "ps2"
    queue.finish(queue.under_way()[0].id, "graded", "", verdict(), True)
    queue.hold("ada", "ps1", 0)
    queue._db.execute("UPDATE tries SET not_before = 1 WHERE state = 'held'")
    queue.release()
    item = queue.next()
    assert item.handed_in == stamp(3) and queue.counts()["replaced"] == 2


def test_changes_are_told_to_whom_they_concern(queue):
    seen = queue.last_change()
    put(queue, "ada", 1)
    assert queue.changed_since(seen) == {"ada"}
    seen = queue.last_change()
    queue.note("alive", 1)
    queue.note("problems", ["x"])
    queue.note("problems", ["x"])
    assert queue.changed_since(seen) == {""} and queue.last_change() == seen + 1


# ------------------------------------------------------------------------------------------------ killed in the middle
def serve(path: pathlib.Path, graded: pathlib.Path) -> None:
    """Be a grader with a false judge: takes, "grades", notes that it did, finishes."""
    queue = Queue(path)
    queue.recover()
    while True:
        item = queue.next()
        if item is None:
            time.sleep(0.005)
            continue
        with graded.open("a") as stream:
            stream.write(f"{item.folder}\n")
        time.sleep(0.002)
        queue.finish(item.id, "graded", "", verdict(len(item.folder)), True)


def test_three_hundred_hand_ins_with_the_service_killed_twice_are_all_graded_and_none_counts_twice(tmp_path):
    path, graded = tmp_path / "queue.sqlite", tmp_path / "graded"
    graded.touch()
    queue, chance = Queue(path), random.Random(4)
    fork = multiprocessing.get_context("fork")
    hand_ins = [(f"student{n % 60}", n) for n in range(300)]
    chance.shuffle(hand_ins)
    process, killed = fork.Process(target=serve, args=(path, graded)), 0
    process.start()
    try:
        for place, (student, number) in enumerate(hand_ins):
            put(queue, student, number)
            if place in (90, 210):
                # In the middle of whatever it does.
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    os.kill(process.pid, signal.SIGSTOP)
                    # It goes on for a moment after that was sent.
                    os.waitpid(process.pid, os.WUNTRACED)
                    if queue.counts().get("grading"):
                        break
                    os.kill(process.pid, signal.SIGCONT)
                    time.sleep(0.001)
                assert queue.counts()["grading"] == 1
                os.kill(process.pid, signal.SIGKILL)
                process.join()
                killed += 1
                process = fork.Process(target=serve, args=(path, graded))
                process.start()
        deadline = time.monotonic() + 120
        while queue.counts().get("graded", 0) < 300 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        process.kill()
        process.join()
    assert killed == 2 and queue.counts() == {"graded": 300}
    times = collections.Counter(graded.read_text().split())
    # One that was under way when the service was killed may have been begun twice; it has one verdict.
    assert len(times) == 300 and sum(times.values()) <= 302
    for student in range(60):
        tries = queue.of_student(f"student{student}")
        assert (
            len(tries) == 5 and sorted(t.number for t in tries) == [1, 2, 3, 4, 5] and sum(t.counts for t in tries) == 1
        )
