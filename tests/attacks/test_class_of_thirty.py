"""A class of thirty, honest students with one attack of each class between them, in each way of grading; and the counts can fail."""

from __future__ import annotations

import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import replace

import pytest
from attacks import arena
from attacks.arena import CANARIES, NOTEBOOK_SECONDS, WAYS, WORDS, Outcome, grade_class, make_arena, one_of_each
from attacks.corpus import corpus

from photgrader.coursedir.trees import remove_tree
from photgrader.grading import grade
from photgrader.grading import task as grading_task
from photgrader.grading.task import Task
from photgrader.grading.worker import tried_again
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, submit

HONEST = 12


@pytest.fixture(scope="module")
def place():
    """A folder that ordinary users get at, which those of the tests are not; with a course in it that holds secrets."""
    patch = pytest.MonkeyPatch()
    patch.setenv(arena.VARIABLE, CANARIES["the environment"])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="class-"))
    folder.chmod(0o755)
    make_arena(folder / "built")
    yield folder
    patch.undo()
    assert remove_tree(folder)


@pytest.fixture(scope="module")
def alone(place):
    """The rows of the honest where nobody attacks, and the time that the run takes."""
    shutil.copytree(place / "built", place / "alone")
    rows, outcome = grade_class(place / "alone", [], HONEST)
    assert not outcome.faults, outcome.faults
    scores = {sum(row[1] or 0 for row in student) for student in rows.values()}
    assert len(rows) == HONEST and {0, arena.POINTS} < scores and len(scores) >= 4, "right and wrong work"
    return rows, outcome.seconds


@pytest.mark.heavy
@pytest.mark.xdist_group("attacks")
@pytest.mark.parametrize("way", WAYS)
def test_a_class_of_thirty_with_an_attack_of_each_class_has_the_marks_that_it_has_without(place, alone, way, capsys):
    if way == "user" and os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user themselves: the other cases are this one")
    rows, seconds = alone
    attacks = one_of_each()
    shutil.copytree(place / "built", place / way)
    found, outcome = grade_class(place / way, attacks, HONEST + len(attacks), way)
    bound = seconds + len(attacks) * NOTEBOOK_SECONDS["warm"]
    with capsys.disabled():
        print(
            f"\n{outcome.table()}\nthe honest alone: {seconds:.1f} s; with attacks: {outcome.seconds:.1f} s of {bound:.0f} s"
        )
    assert len(attacks) == len({a.kind for a in corpus()}) >= 16 and HONEST + len(attacks) == 30
    for student, before in rows.items():
        assert found[student] == before, student
    assert not outcome.faults, "\n".join(outcome.faults)
    assert sum(outcome.states.values()) == HONEST + len(attacks) and set(outcome.states) <= arena.NAMED
    assert outcome.seconds <= bound


# ------------------------------------------------------------------------------------------------ the counts can fail
@pytest.fixture
def counted(tiny_course, monkeypatch):
    """Gives the counts of one submission, graded here, without a kernel, with a fault planted in what reads it."""

    def count(planted, judge_mb: int = arena.Limits().judge_mb, limit: float = 10.0) -> dict[str, int]:
        (tiny_course / "submitted" / "ada" / ASSIGNMENT).mkdir(parents=True, exist_ok=True)
        [task] = parallel.submissions(tiny_course, ASSIGNMENT)
        usual = grading_task.read_submission

        def read(*words):
            planted()
            return usual(*words)

        with monkeypatch.context() as patch:
            patch.setattr(grading_task, "read_submission", read)
            answer = grading_task._answer(task, grading_task.grade_task)
        if isinstance(answer, str):
            # As a run does with what has no result.
            again = tried_again(task, answer, 0)
            answer = grading_task.grade_task(again) if isinstance(again, Task) else {"failed": again}
        outcome = Outcome("planted", limit, judge_mb=judge_mb)
        arena._watch(outcome, "planted", "planted", answer)
        assert bool(outcome.faults) == any(outcome.counts["planted"].values())
        assert all(word in outcome.table() for word in WORDS)
        return {word: outcome.counts["planted"][word] for word in WORDS if outcome.counts["planted"][word]}

    return count


def test_nothing_is_counted_where_nothing_is_wrong(counted):
    assert counted(lambda: None) == {}


def test_memory_and_time_beyond_the_limits_of_who_grades_are_counted(counted, monkeypatch):
    held = grading_task._most_held_mb()
    assert held > 50
    grading_task._forget_most_held()
    now = grading_task._most_held_mb()
    # What is given back again counts too.
    assert counted(lambda: len(b"x" * 400_000_000), judge_mb=now + 250) == {"over": 1}
    assert counted(lambda: None, judge_mb=now + 250) == {}, "and of the next one no more"
    monkeypatch.setattr(arena, "SLACK_SECONDS", 0.1)
    assert counted(lambda: time.sleep(0.6), limit=0.2) == {"over": 1}


def test_a_failure_of_the_grader_s_own_is_counted_and_one_that_is_named_is_not(counted):
    def fails() -> None:
        raise RecursionError("too deep")

    def full() -> None:
        raise MemoryError

    def told() -> None:
        try:
            fails()
        except RecursionError:
            logging.getLogger("photgrader").error("%s", traceback.format_exc())

    assert counted(fails) == {"crashed": 1}, "its state says that the grader has failed"
    assert counted(full) == {}, "took too much memory"
    assert counted(told) == {"crashed": 1}, "a traceback of ours in its log"


ALL_WELL = "open('run.json', 'w').write('{\"failed\": {}}')\n"


@pytest.mark.parametrize(
    ("code", "crashed"),
    [
        (ALL_WELL, 0),
        (f"{ALL_WELL}import traceback\ntry: 1 / 0\nexcept ArithmeticError: traceback.print_exc()", 1),
        (f"{ALL_WELL}raise RecursionError", 1),
        ("import os; os._exit(9)", 1),
        ("pass", 1),
    ],
    ids=["all well", "a traceback", "an error", "killed", "nothing"],
)
def test_how_a_run_s_command_ends_is_counted_and_so_is_each_that_has_no_result(tiny_course, code, crashed):
    submit(tiny_course, "ada", RIGHT)
    outcome = Outcome("planted")
    results = arena.run_course(
        tiny_course,
        outcome,
        [("ada", None, "planted")],
        lambda root: subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True),
    )
    assert outcome.counts["planted"]["crashed"] == crashed
    assert not arena._watch(outcome, "ada", "planted", results["ada"])
    assert outcome.counts["planted"]["crashed"] == crashed + 1


def test_a_state_without_a_name_is_counted(counted, monkeypatch):
    usual = grade.make_record
    monkeypatch.setattr(grade, "make_record", lambda *words: replace(usual(*words), state="odd"))
    assert counted(lambda: None) == {"crashed": 1}
