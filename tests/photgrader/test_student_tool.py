"""The check as a tool in a student's hands: a limit of time, one interrupt, arguments by hand, progress, a rehearsal."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import photcheck as check
from photcheck import student, wire
from photcheck.comparators import Number
from photcheck.comparators.base import RIGHT, Comparator, Finding, fault
from photcheck.report import Facts, Report
from photcheck.spec import CaseSpec, ExerciseSpec, Hint
from photcheck.verdict import judge_case


class FileIs(Comparator):
    """Bytes, as they are."""

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        return RIGHT if answer == expected else fault("another file", "file")


IMAGE = np.arange(12.0).reshape(3, 4)


def spec_of(name: str, factor: float, **named: Any) -> ExerciseSpec:
    """Return an exercise that asks for the sum of an image times a factor."""
    images = [(f"image {k}", IMAGE + k) for k in (1, 2, 3)]
    cases = [
        CaseSpec(
            n,
            f"the {n}",
            [wire.encode(i), 2.0],
            factor * float(i.sum()),
            Number(rtol=1e-9, name="total"),
            fingerprints={"mean": factor * float(i.mean())},
        )
        for n, i in images
    ]
    return ExerciseSpec(
        name,
        "ps0",
        name.title(),
        ("image", "radius"),
        cases,
        {"mean": Hint("The mean is returned", "Add up.", "a\nb")},
        5.0,
        **named,
    )


@pytest.fixture
def notebook(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A folder as a student has it, and the notebook's namespace."""
    folder = tmp_path / "ps0" / "checks"
    spec_of("total", 1.0, seconds=1.0, also=("dead pixels",), section="lecture 3, Sums", place=0).write(folder)
    spec_of("double", 2.0, seconds=1.0, section="lecture 4, Twice", place=1).write(folder)
    fresh = spec_of("total", 1.0, seconds=1.0)
    fresh.cases = [
        CaseSpec("dead", "dead pixels", [wire.encode(np.where(IMAGE > 5, np.nan, IMAGE)), 2.0], 15.0, Number(rtol=1e-9))
    ]
    fresh.write(folder / "rehearsal")
    monkeypatch.chdir(tmp_path / "ps0")
    space: dict[str, Any] = {"np": np, "__name__": "__main__"}
    monkeypatch.setattr(student, "_user_namespace", lambda: space)
    student._tried.clear()
    student._last.clear()
    yield space


def define(space: dict[str, Any], source: str) -> None:
    """Run a cell; its lines can be looked up, as those of a notebook can."""
    import linecache

    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), space)


ENDLESS = "def total(image, radius):\n    x = 0\n    while x < image.shape[1]:\n        y = 0\n    return x\n"


def test_a_loop_without_an_end_is_ended_and_named_and_the_other_cases_are_not_tried(notebook):
    define(notebook, ENDLESS)
    verdict = check(notebook["total"]).verdict
    assert verdict.state == "timeout" and "line 3: while x < image.shape[1]:" in verdict.symptom
    assert "1 of 3 cases is wrong, 2 were not tried" in verdict.sentence and verdict.points == 0


def test_where_interrupts_are_ignored_a_loop_without_end_is_stopped_all_the_same(notebook):
    """As in a script that nohup started in the background."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        define(
            notebook,
            "import time\nnotes = []\n\ndef total(image, radius):\n    end = time.monotonic() + 10\n    while time.monotonic() < end:\n"
            "        pass\n    notes.append('to its end')\n    return image.sum()\n",
        )
        assert check(notebook["total"]).verdict.state == "timeout" and notebook["notes"] == []
        # Somebody else's interrupt is ignored as before.
        define(
            notebook,
            "import os, signal\n\ndef total(image, radius):\n    os.kill(os.getpid(), signal.SIGINT)\n    return image.sum()\n",
        )
        assert check(notebook["total"]).verdict.right
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, heard)


def test_an_interrupt_that_is_swallowed_comes_again(notebook):
    define(
        notebook,
        "def total(image, radius):\n    n = 0\n    while n < 2:\n        try:\n            while True:\n                pass\n"
        "        except BaseException:\n            n += 1\n    return image.sum()\n",
    )
    assert check(notebook["total"]).verdict.state == "timeout"


def test_one_interrupt_ends_the_whole_check_and_names_the_loop(notebook):
    spec_of("total", 1.0, seconds=60.0).write(pathlib.Path("checks"))
    define(notebook, ENDLESS)
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    result = check(notebook["total"])
    timer.join()
    assert result.verdict.state == "stopped" and "line 3: while x < image.shape[1]:" in result.verdict.sentence
    assert not result and "stopped" in result._repr_mimebundle_()["text/html"]


def test_an_answer_in_time_is_not_disturbed_by_the_limit(notebook):
    define(notebook, "def total(image, radius):\n    return image.sum()\n")
    assert all(check(notebook["total"]) for _ in range(20))
    assert not [t for t in threading.enumerate() if "watch" in t.name], "no watcher is left behind"


def test_an_exercise_may_be_named_and_a_slip_of_the_name_is_asked_about(notebook):
    assert "total is not defined yet" in str(check("total"))
    define(notebook, "def total(image, radius):\n    return image.sum()\n")
    assert check("total") and check(notebook["total"], "total")
    assert "did you mean total?" in str(check("totla"))
    assert "there are double, total" in str(check("something else"))
    assert "say which function: check(double)" in str(check())


def test_a_case_to_try_by_hand_is_counted_as_the_check_that_was_read(notebook):
    define(notebook, "def total(image, radius):\n    return image.mean()\n")
    assert check.case(notebook["total"], 2)[1:] == check.case("total", 2)[1:] and len(check.case("total")) == 2
    shown = check(notebook["total"])._repr_mimebundle_()["text/html"]
    fresh = check(notebook["total"], rehearse=True)._repr_mimebundle_()["text/html"]
    assert "0 of 3 provided cases right" in shown and ", 1))" in shown
    assert "0 of 1 fresh cases right" in fresh and ", 1, rehearse=True))" in fresh
    assert np.isnan(check.case("total", 1, rehearse=True)[0]).any()
    assert "Its one case is wrong." in fresh


def test_the_arguments_of_a_case_are_fresh_and_may_be_tried_by_hand(notebook):
    image, radius = check.case("total", 2)
    assert np.array_equal(image, IMAGE + 2) and radius == 2.0
    image[:] = 0
    assert check.case("total", 2)[0].any()
    for name, number in (("total", 0), ("total", 4), ("total", "x"), ("totla", 1)):
        with pytest.raises(LookupError, match="no case|did you mean"):
            check.case(name, number)
    assert np.isnan(check.case("total", 1, rehearse=True)[0]).any()


def test_a_green_check_says_what_it_has_not_tried_and_the_rehearsal_tries_it(notebook):
    define(notebook, "def total(image, radius):\n    return image.sum()\n")
    green = check(notebook["total"])
    assert (
        green
        and "Grading also tries: dead pixels." in green.verdict.sentence
        and "rehearse=True" in green.verdict.sentence
    )
    rehearsed = check(notebook["total"], rehearse=True)
    assert not rehearsed and rehearsed.verdict.hint_id == "nan"
    define(notebook, "def total(image, radius):\n    return np.nansum(image)\n")
    assert check(notebook["total"], rehearse=True)
    define(notebook, "def double(image, radius):\n    return 2 * image.sum()\n")
    assert "no fresh cases for double" in str(check(notebook["double"], rehearse=True))


def test_progress_tells_state_points_next_step_and_where_to_read(notebook):
    assert check.progress().next_step == "Next: write total; read lecture 3, Sums again."
    define(
        notebook,
        "def total(image, radius):\n    return image.sum()\ndef double(image, radius):\n    return 2 * image.mean()\n",
    )
    progress = check.all()
    assert [v.state for _, v in progress.rows] == ["right", "wrong"]
    assert progress.next_step == "Next: mend double; read lecture 4, Twice again."
    page = progress._repr_mimebundle_()["text/html"]
    assert "The mean is returned" in page and "3 of 3" in page and "0 of 3" in page
    define(notebook, "def double(image, radius):\n    return 2 * image.sum()\n")
    assert "All provided cases are right" in check.progress().next_step


def test_hints_open_by_tries_and_the_same_code_twice_is_one_try(notebook):
    opened = []
    for code in ("image.mean()", "image.mean()", "image.mean() + 0 * radius", "1 * image.mean()"):
        define(notebook, f"def total(image, radius):\n    return {code}\n")
        opened.append(check(notebook["total"])._repr_mimebundle_()["text/html"].count("<details open"))
    assert opened == [0, 0, 1, 2]


def test_a_cell_with_a_syntax_error_is_said_to_leave_the_older_function_in_place(notebook, monkeypatch):
    define(notebook, "def total(image, radius):\n    return image.sum()\n")
    cells = [
        "",
        "def total(image, radius):\n    return image.sum()\n",
        "def total(image, radius)\n    return 0\n",
        "check(total)",
    ]
    shell = types.SimpleNamespace(user_ns={"In": cells})
    monkeypatch.setitem(__import__("sys").modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    result = check(notebook["total"])
    assert "older total" in result.verdict.notes[0] and "SyntaxError (line 1" in str(result)
    cells[2:3] = ["def total(image, radius):\n    return 0\n"]
    assert not check(notebook["total"]).verdict.notes


def test_each_call_is_judged_by_the_file_that_it_wrote_itself():
    case = CaseSpec("c", "a file", [1], b"right", FileIs(), output="x.txt")
    said = Report.read({"ok": True, "leftovers": ["cube"], "again": {"ok": True}})
    same = Facts(file=b"right", again=Facts(file=b"right"))
    assert judge_case(case, said, (), same).finding.ok
    assert judge_case(case, said, (), Facts(file=b"right", again=Facts(file=b"wrong"))).finding.kind == "leftover"
    assert judge_case(case, said, (), Facts(file=b"right", again=Facts(file=None))).finding.kind == "leftover"


def test_what_leans_on_a_function_that_is_not_right_yet_says_so(notebook):
    define(notebook, "def total(image, radius):\n    return image.mean()\n")
    define(notebook, "def double(image, radius):\n    return 2 * total(image, radius)\n")
    assert not check(notebook["double"]).verdict.notes, "nothing is known of it yet"
    check(notebook["total"])
    [note] = check(notebook["double"]).verdict.notes
    assert note.startswith("It calls total, not right at the last check: begin there.")
    define(notebook, "def total(image, radius):\n    return 3 * image.sum()\n")
    check(notebook["total"])
    define(notebook, "def total(image, radius):\n    return image.sum()\n")
    check(notebook["total"])
    define(notebook, "def double(image, radius):\n    return total(image, radius)\n")
    assert not check(notebook["double"]).verdict.notes
