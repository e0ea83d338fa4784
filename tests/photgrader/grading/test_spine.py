"""The spine of grading without a kernel: seeds, weights, hashes, plain tests, and what becomes a record."""

from __future__ import annotations

import copy
import dataclasses
import pathlib

import nbformat
import pytest
from nbgrader.utils import determine_grade

from photcheck.comparators import Finding, Number
from photcheck.judging import CaseVerdict
from photcheck.spec import CaseSpec
from photcheck.verdict import Verdict
from photgrader.coursedir.settings import Settings
from photgrader.exercise import load_assignment
from photgrader.grading import hashes
from photgrader.grading.cells import _guard_plain_tests, check_cells, template_names
from photgrader.grading.intake import Intake
from photgrader.grading.judge import PROVIDED_SHARE, _light, seed_for
from photgrader.grading.record import leaderboard_entry, make_record
from photgrader.grading.run import Submission
from support import ASSIGNMENT, check_cell, code_cell, solution_cell

EXERCISES = load_assignment(ASSIGNMENT).exercises


def case(name: str, points: float = 1.0, hidden: bool = False) -> CaseSpec:
    return CaseSpec(name, "a star", [1.0], 2.0, Number(atol=0.1), points, hidden)


# ------------------------------------------------------------------------------------------------ seeds and weights
def test_a_seed_hangs_on_key_run_assignment_exercise_and_student_and_on_nothing_else():
    one = EXERCISES["centroid"]
    seed = seed_for(b"key", "1", ASSIGNMENT, one, "ada")
    assert seed == seed_for(b"key", "1", ASSIGNMENT, one, "ada") and 0 <= seed < 2**48
    others = [
        seed_for(b"kex", "1", ASSIGNMENT, one, "ada"),
        seed_for(b"key", "2", ASSIGNMENT, one, "ada"),
        seed_for(b"key", "1", "ps9", one, "ada"),
        seed_for(b"key", "1", ASSIGNMENT, EXERCISES["second_moment"], "ada"),
        seed_for(b"key", "1", ASSIGNMENT, one, "bob"),
    ]
    assert len({seed, *others}) == 6


def test_a_shared_exercise_has_one_seed_for_everybody():
    shared = copy.copy(EXERCISES["centroid"])
    shared.shared = True
    assert seed_for(b"key", "1", ASSIGNMENT, shared, "ada") == seed_for(b"key", "1", ASSIGNMENT, shared, "bob")
    assert seed_for(b"key", "1", ASSIGNMENT, shared, "ada") != seed_for(b"key", "2", ASSIGNMENT, shared, "ada")


def test_provided_cases_weigh_a_tenth_at_most_and_all_where_nothing_is_hidden():
    provided, hidden = [case("a", 2.0), case("b", 1.0)], [case("h", 4.5, True)]
    light = _light(provided, hidden)
    assert sum(c.points for c in light) == pytest.approx(0.5, abs=1e-3) and light[0].points == pytest.approx(
        2 * light[1].points, abs=1e-3
    )
    assert (
        sum(c.points for c in light) / (sum(c.points for c in light) + 4.5)
        == pytest.approx(PROVIDED_SHARE, abs=1e-3)
        == 0.1
    )
    assert _light(provided, []) == provided
    assert _light([case("a", 0.1)], hidden)[0].points == 0.1, "what weighs less stays"


# ------------------------------------------------------------------------------------------------ what verdicts depend on
def test_an_exercise_s_hash_holds_its_module_what_helps_it_and_what_judges(monkeypatch):
    read = pathlib.Path.read_bytes
    module = pathlib.Path(hashes.inspect.getsourcefile(EXERCISES["centroid"].solve_by))

    def hash_with(name: str) -> str:
        monkeypatch.setattr(pathlib.Path, "read_bytes", lambda p: read(p) + (b"# edited" if p.name == name else b""))
        hashes._judge_hash.cache_clear()
        hashes.exercise_hash.cache_clear()
        return hashes.exercise_hash(ASSIGNMENT, "centroid")

    names = (
        module.name,
        f"{module.stem}_variants.py",
        "judging.py",
        "numbers.py",
        "judge.py",
        "jail.py",
        "catalogue.py",
        "manifest.yaml",
    )
    made = {name: hash_with(name) for name in ("nothing", *names)}
    beside = {
        name: hash_with(name) for name in ("pictures.py", "report.html", "second_moment.py", "student.py", "items.py")
    }
    monkeypatch.undo()
    hashes._judge_hash.cache_clear()
    hashes.exercise_hash.cache_clear()
    assert len(set(made.values())) == len(made), "each of these makes a verdict stale"
    assert set(beside.values()) == {made["nothing"]}, (
        "none of these does: how it is drawn, other exercises, what is looked at"
    )


def test_a_key_hangs_on_the_submission_the_notebook_handed_out_the_run_and_the_limits():
    plain = Settings()
    key = hashes.grading_key("content", ASSIGNMENT, "{}", plain)
    assert key == hashes.grading_key("content", ASSIGNMENT, "{}", dataclasses.replace(plain, warm=False))
    others = [
        hashes.grading_key("other", ASSIGNMENT, "{}", plain),
        hashes.grading_key("content", "none", "{}", plain),
        hashes.grading_key("content", ASSIGNMENT, '{"a": 1}', plain),
        hashes.grading_key("content", ASSIGNMENT, "{}", dataclasses.replace(plain, run="2")),
        hashes.grading_key("content", ASSIGNMENT, "{}", dataclasses.replace(plain, sandbox=False)),
        hashes.grading_key(
            "content",
            ASSIGNMENT,
            "{}",
            dataclasses.replace(plain, limits=dataclasses.replace(plain.limits, call_seconds=1)),
        ),
    ]
    assert len({key, *others}) == 7


# ------------------------------------------------------------------------------------------------ cells
def test_a_plain_test_that_was_not_run_earns_nothing_and_a_person_looks():
    ran = code_cell("assert f(1) == 2", grade=True, solution=False, locked=True, points=1, grade_id="ran")
    ran.execution_count = 3
    idle = code_cell("assert f(1) == 2", grade=True, solution=False, locked=True, points=1, grade_id="idle")
    unknown = code_cell(
        "check(no_such_exercise)", grade=True, solution=False, locked=True, points=1, grade_id="unknown"
    )
    judged = check_cell("centroid", 4)
    notebook = nbformat.v4.new_notebook(cells=[solution_cell("centroid", "pass"), judged, ran, idle, unknown])
    assert list(check_cells(notebook, load_assignment(ASSIGNMENT))) == ["centroid"]
    assert _guard_plain_tests(notebook, load_assignment(ASSIGNMENT)) == {
        "ran": "run",
        "idle": "not run",
        "unknown": "not run",
    }
    assert not ran.outputs and not judged.outputs
    assert idle.outputs[0].output_type == "error" and idle.metadata["photgrader"]["review"]
    assert "there is no exercise 'no_such_exercise'" in unknown.outputs[0].evalue


def result(text: str | None) -> nbformat.NotebookNode:
    data = {"text/html": "<b>4</b>"} if text is None else {"text/plain": text}
    return nbformat.v4.new_output("execute_result", data=data, execution_count=1)


FAILED = nbformat.v4.new_output("error", ename="AssertionError", evalue="", traceback=[])


@pytest.mark.parametrize(
    "outputs, points",
    [
        ([], 4.0),
        ([result("1.5")], 1.5),
        ([result("right")], 4.0),
        ([result("4"), FAILED], 0.0),
        ([result("4"), result("1.5")], 1.5),
        ([result("5")], 0.0),
        ([result("inf"), result("4")], 4.0),
        ([result("inf")], 0.0),
        ([result(None)], 0.0),
        ([result("")], 0.0),
    ],
)
def test_what_a_function_shows_by_itself_is_no_mark_and_keeps_no_mark_from_the_gradebook(outputs, points):
    cell = code_cell("assert f(1) == 2", grade=True, solution=False, locked=True, points=4, grade_id="test")
    cell.execution_count, cell.outputs = 3, copy.deepcopy(outputs)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert _guard_plain_tests(notebook, load_assignment(ASSIGNMENT)) == {"test": "run"}
    assert determine_grade(cell) == (points, 4.0)
    refused = points == 0.0 and FAILED not in outputs
    assert bool(cell.metadata.get("photgrader", {}).get("review")) == refused == ("NotGraded" in str(cell.outputs))


def test_names_of_a_template_are_what_its_cells_assign_however_they_do():
    cells = ["image = load()\nx, y = 1, 2", "for row in rows:\n    total = 0", "with open('f') as handle:\n    pass", "def f():\n    inner = 1",
             "gain: float = 2.0\ncount += 1", "this is no python"]  # fmt: skip
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in cells] + [nbformat.v4.new_markdown_cell("a = 1")]
    )
    assert template_names(notebook) == ("count", "gain", "handle", "image", "row", "total", "x", "y")


# ------------------------------------------------------------------------------------------------ records
def submission(state: str = "ok") -> Submission:
    intake = Intake(nbformat.v4.new_notebook(), state=state, sentence="a sentence")
    return Submission("ada", ASSIGNMENT, ASSIGNMENT, intake, {})


def verdict(name: str, points: float, state: str = "right") -> Verdict:
    judged = CaseVerdict(case("a case", 2.0, True), Finding(points / 4, "off", "value"), None, "", 0.123456)
    return Verdict(name, name.title(), points, 4.0, state, cases=[judged], hint_id="swapped", notes=["a note"])


def made(verdicts: dict[str, Verdict], faults=(), extra=(), **how):
    return make_record(
        submission(**how),
        Settings(run="3"),
        verdicts,
        dict.fromkeys(verdicts, 7),
        list(faults),
        "WarmKernel",
        1.23456,
        extra,
    )


def test_a_record_holds_every_verdict_and_counts_extra_credit_apart():
    found = made(
        {"centroid": verdict("centroid", 4.0), "second_moment": verdict("second_moment", 1.0, "wrong")},
        extra={"second_moment"},
    )
    assert (found.points, found.max_points, found.extra_points) == (4.0, 4.0, 1.0)
    assert (found.state, found.run, found.seconds, found.kernel, found.intake) == (
        "graded",
        "3",
        1.235,
        "WarmKernel",
        "ok",
    )
    one = found.exercises["second_moment"]
    assert (one.points, one.max_points, one.state, one.hint, one.seed, one.notes, one.extra) == (
        1.0,
        4.0,
        "wrong",
        "swapped",
        7,
        ("a note",),
        True,
    )
    assert one.code == hashes.exercise_hash(ASSIGNMENT, "second_moment") and not found.exercises["centroid"].extra
    [judged] = one.cases
    assert (judged.name, judged.hidden, judged.weight, judged.score, judged.kind, judged.seconds) == (
        "a case",
        True,
        2.0,
        0.25,
        "value",
        0.1235,
    )


@pytest.mark.parametrize(
    ("how", "faults", "states", "state"),
    [
        ({"state": "repaired"}, [], ["right"], "repaired"),
        ({"state": "missing"}, [], ["right"], "missing notebook"),
        ({"state": "not a notebook"}, [], ["right"], "not a notebook"),
        ({}, [{"cell": "3", "state": "timeout", "sentence": "x"}], ["right"], "timeout"),
        ({}, [{"cell": "3", "state": "timeout", "sentence": "x"}], ["kernel died"], "kernel died"),
        ({"state": "repaired"}, [], ["timeout"], "timeout"),
        ({}, [], ["out of memory"], "out of memory"),
    ],
)
def test_the_state_of_a_record_is_the_worst_that_happened(how, faults, states, state):
    assert made({"centroid": verdict("centroid", 0.0, states[0])}, faults, **how).state == state


def test_a_line_of_the_leaderboard_is_asked_for_by_a_name_and_needs_an_exercise_on_a_scale():
    named = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('LEADERBOARD_NAME = "nova"')])
    assert leaderboard_entry(named, {"centroid": verdict("centroid", 4.0)}) is None

    class Scale(Number):
        def figures(self, answer, expected, seconds=0.0):
            return {"rms": float(seconds)}

    class Table:
        colnames = ["x"]

    def judged(seconds: float) -> CaseVerdict:
        one = CaseSpec("a", "b", [], 1.0, Scale(), 1.0, True)
        return CaseVerdict(one, Finding(1.0), Table(), "", seconds)

    scaled = {"challenge": Verdict("challenge", "C", 1.0, 1.0, "right", cases=[judged(1.0), judged(2.0)])}
    line = leaderboard_entry(named, scaled)
    assert line is not None and (line.name, line.figures) == ("nova", {"rms": 1.5})
    assert leaderboard_entry(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), scaled) is None
