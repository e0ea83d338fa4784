"""Whatever comes in: each graded thing is marked on the student's work, or a person is asked, and both are told."""

from __future__ import annotations

import copy
import datetime
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photcheck.verdict import Verdict
from photgrader.coursedir.settings import Limits, Settings
from photgrader.grading.answers import grade_id_of, work_without_function
from photgrader.grading.finding import known_time, submitted_at
from photgrader.grading.grade import _asked
from photgrader.grading.intake import Intake, read_submission, submission_hash, take_in
from photgrader.grading.sources import asked_check, parsed
from support import ASSIGNMENT, RIGHT, code_cell, task_cell, tiny_notebook

WORDS = {"written-why": "Because the sum of the wings counts.", "written-how": "By the second moment, along both axes."}
SETTINGS = Settings(limits=Limits(submission_mb=60))


def handed_out() -> nbformat.NotebookNode:
    """Two functions, and two written answers with a question before each."""
    notebook = tiny_notebook()
    for cell in notebook.cells:
        if grade_id_of(cell) in RIGHT:
            cell.source = "# YOUR CODE HERE\nraise NotImplementedError"
    notebook.cells[-1].source = "YOUR ANSWER HERE"
    second = copy.deepcopy(notebook.cells[-1])
    second.metadata["nbgrader"]["grade_id"], second["id"] = "written-how", "how"
    notebook.cells[-1:-1] = [nbformat.v4.new_markdown_cell("**Question.** Why?")]
    notebook.cells += [
        nbformat.v4.new_markdown_cell("**Question.** How?"),
        second,
        nbformat.v4.new_markdown_cell("## The end"),
    ]
    return notebook


def work() -> dict[str, Any]:
    """All of it answered, as plain JSON."""
    notebook = handed_out()
    for cell in notebook.cells:
        cell.source = (RIGHT | WORDS).get(grade_id_of(cell), cell.source)
    return json.loads(nbformat.writes(notebook))


def of(body: dict[str, Any], grade_id: str) -> dict[str, Any]:
    return next(c for c in body["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def answer(intake: Intake, grade_id: str) -> str:
    return next(c.source for c in intake.notebook.cells if grade_id_of(c) == grade_id)


def whole(intake: Intake) -> bool:
    """Tell whether all of the work is where it is marked."""
    code = "\n".join(c.source for c in intake.notebook.cells if c.cell_type == "code")
    return all(WORDS[n] in answer(intake, n) for n in WORDS) and all(f"def {n}(" in code for n in RIGHT)


def read(folder: pathlib.Path) -> Intake:
    return read_submission(folder, ASSIGNMENT, handed_out(), SETTINGS, submitted_at(folder))[0]


# ------------------------------------------------------------------------------------------------ files as programs save them
def _write(name: str, change: Callable[[str], str] = lambda text: text) -> Callable[[pathlib.Path], None]:
    return lambda folder: (folder / name).write_text(change(json.dumps(work(), indent=1)), encoding="utf-8", newline="")


def _conflict(text: str) -> str:
    output = '   "outputs": [],'
    return text.replace(
        output,
        '<<<<<<< HEAD\n   "outputs": [],\n=======\n   "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],\n>>>>>>> other',
        1,
    )


def _zip(folder: pathlib.Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"__MACOSX/._{ASSIGNMENT}.ipynb", b"\x00\x05\x16\x07Mac OS X")
        archive.writestr("my work/homework.IPYNB", json.dumps(work()))
    (folder / "work.ZIP").write_bytes(packed.getvalue())


def _mac(folder: pathlib.Path) -> None:
    (folder / "._homework.ipynb").write_bytes(b"\x00\x05\x16\x07" + b"\x00" * 100)
    _write("homework.ipynb")(folder)


def _copy_beside(folder: pathlib.Path) -> None:
    (folder / f"{ASSIGNMENT}.ipynb").write_text(nbformat.writes(handed_out()))
    _write(f"{ASSIGNMENT}-Copy1.ipynb")(folder)


def _unreadable_beside(folder: pathlib.Path) -> None:
    (folder / f"{ASSIGNMENT}.ipynb").write_text('{"cells": [')
    _write("rescued.ipynb")(folder)


def _outputs(text: str) -> str:
    return text.replace(
        '"outputs": []',
        '"outputs": [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "'
        + "A" * 50_000_000
        + '"}}]',
        1,
    )


FILES: dict[str, tuple[Callable[[pathlib.Path], None], str]] = {
    "carriage returns": (_write(f"{ASSIGNMENT}.ipynb", lambda t: t.replace("\\n", "\\r\\n").replace("\n", "\r\n")), ""),
    "upper case": (_write(f"{ASSIGNMENT}.IPYNB"), "was taken from"),
    "json behind it": (_write(f"{ASSIGNMENT}.ipynb.json"), "was taken from"),
    "text behind the end": (_write(f"{ASSIGNMENT}.ipynb", lambda t: t + "\n}\nsaved twice"), "behind the end"),
    "nulls behind the end": (_write(f"{ASSIGNMENT}.ipynb", lambda t: t + "\x00" * 4096), "behind the end"),
    "conflict of git": (_write(f"{ASSIGNMENT}.ipynb", _conflict), "conflict"),
    "50 MB of outputs": (_write(f"{ASSIGNMENT}.ipynb", _outputs), ""),
    "zip of a Mac": (_zip, "taken out of work.ZIP"),
    "twin of a Mac": (_mac, "was taken from homework.ipynb"),
    "work in a copy": (_copy_beside, "is as it was handed out; your work was found in"),
    "the original unreadable": (_unreadable_beside, "itself could not be read; rescued.ipynb was graded"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_as_real_programs_leave_it_is_read_whole(tmp_path, name):
    make, said = FILES[name]
    make(tmp_path)
    intake = read(tmp_path)
    assert intake.readable and whole(intake), (intake.state, intake.sentence, intake.repairs)
    words = " ".join(r.student for r in intake.repairs)
    assert said in words and "not meant to be edited" not in words and all(r.grader for r in intake.repairs)
    assert not intake.asks


# ------------------------------------------------------------------------------------------------ notebooks
def _strip(body: dict[str, Any]) -> None:
    for cell in body["cells"]:
        cell["metadata"] = {}


def _retyped(body: dict[str, Any]) -> None:
    for name in WORDS:
        of(body, name)["metadata"] = {}


def _below(body: dict[str, Any]) -> None:
    for name, words in WORDS.items():
        cell = of(body, name)
        cell["source"] = "YOUR ANSWER HERE"
        body["cells"].insert(body["cells"].index(cell) + 1, {"cell_type": "markdown", "metadata": {}, "source": words})


def _above_in_code(body: dict[str, Any]) -> None:
    cell = of(body, "written-why")
    cell["source"] = "YOUR ANSWER HERE"
    body["cells"].insert(
        body["cells"].index(cell),
        {"cell_type": "code", "metadata": {}, "source": WORDS["written-why"], "outputs": [], "execution_count": None},
    )


@pytest.mark.parametrize("change", [_strip, _retyped, _below, _above_in_code], ids=lambda f: f.__name__)
def test_a_written_answer_is_recognised_by_its_place(change):
    body = work()
    change(body)
    intake = take_in(json.dumps(body).encode(), handed_out())
    assert whole(intake) and "answer recognised" in {r.kind for r in intake.repairs}
    assert all(answer(intake, n).strip() == words for n, words in WORDS.items()), "and nothing else with it"


def test_work_that_belongs_nowhere_is_shown_to_a_person_and_both_are_told():
    body = work()
    body["cells"].remove(of(body, "written-why"))
    body["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": "My answer to the why: the wings."})
    intake = take_in(json.dumps(body).encode(), handed_out())
    assert intake.asks == ["written-why"]
    [told] = [r for r in intake.repairs if r.kind == "person asked"]
    assert "a person will look" in told.student and "written-why" in told.grader


def test_who_hands_in_an_untouched_notebook_is_asked_nothing():
    intake = take_in(nbformat.writes(handed_out()).encode(), handed_out())
    assert intake.state == "ok" and not intake.asks and not intake.repairs
    assert not work_without_function("centroid", intake.notebook, handed_out())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def centriod(a, b, c):\n    return 1", "centriod"),
        ("import math", "holds other code"),
        ("# YOUR CODE HERE\nraise NotImplementedError", ""),
    ],
)
def test_a_function_that_is_not_there_beside_other_work_is_a_question_to_a_person(source, found):
    body = work()
    of(body, "centroid")["source"] = source
    intake = take_in(json.dumps(body).encode(), handed_out())
    assert (found in work_without_function("centroid", intake.notebook, handed_out())) and bool(found) == bool(
        work_without_function("centroid", intake.notebook, handed_out())
    )


def test_a_function_in_a_cell_of_its_own_is_seen_and_one_that_only_imports_is_no_work():
    body = work()
    of(body, "centroid")["source"] = "# YOUR CODE HERE\nraise NotImplementedError"
    extra = {
        "cell_type": "code",
        "metadata": {},
        "source": "%pip install x\nimport scipy  # mine",
        "outputs": [],
        "execution_count": None,
    }
    body["cells"].append(extra)
    assert not work_without_function(
        "centroid", take_in(json.dumps(body).encode(), handed_out()).notebook, handed_out()
    )
    extra["source"] = "def middle(a):\n    return a.mean()"
    assert "def middle" in work_without_function(
        "centroid", take_in(json.dumps(body).encode(), handed_out()).notebook, handed_out()
    )


def test_a_deleted_task_comes_back():
    skeleton = handed_out()
    skeleton.cells.append(task_cell("Draw it."))
    body = work()
    body["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "Here is my drawing."})
    intake = take_in(json.dumps(body).encode(), skeleton)
    assert answer(intake, "task-draw") == "Draw it."
    assert any(c.source == "Here is my drawing." for c in intake.notebook.cells)


# ------------------------------------------------------------------------------------------------ any hand-in
MOVES = [
    "unmark",
    "remark",
    "empty and below",
    "to code",
    "to raw",
    "twice",
    "move",
    "split",
    "carriage returns",
    "blank lines",
]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A notebook with all the work in it, after what people and programs do to notebooks."""
    body = work()
    for _ in range(draw(st.integers(1, 6))):
        cells = body["cells"]
        name = draw(st.sampled_from([*WORDS, *RIGHT, "check-centroid"]))
        cell = next(
            (c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == name),
            draw(st.sampled_from(cells)),
        )
        at, how = cells.index(cell), draw(st.sampled_from(MOVES))
        own = {
            "cell_type": cell["cell_type"],
            "metadata": {},
            "source": cell["source"],
            **({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}),
        }
        if how == "unmark":
            cell["metadata"] = {}
        elif how == "remark":
            cell["metadata"] = {"nbgrader": {"grade_id": draw(st.sampled_from(["cell-17", "written-what", ""]))}}
        elif how == "empty and below" and name in WORDS:
            cell["source"] = draw(st.sampled_from(["YOUR ANSWER HERE", "", "\n"]))
            cells.insert(at + 1, own)
        elif how in ("to code", "to raw") and name in WORDS:
            cell.update(cell_type=how[3:], **({"outputs": [], "execution_count": None} if how == "to code" else {}))
        elif how == "twice":
            cells.insert(draw(st.integers(0, len(cells))), copy.deepcopy(cell))
        elif how == "move":
            cells.insert(draw(st.integers(0, len(cells) - 1)), cells.pop(at))
        elif how == "split" and name in RIGHT:
            cell["source"] = "import math"
            cells.insert(at + 1, own)
        elif how == "carriage returns":
            cell["source"] = str(
                cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            ).replace("\n", "\r\n")
        elif how == "blank lines":
            cell["source"] = (
                "\n\n" + (cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])) + "  \n"
            )
    return body


@settings(max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(damaged())
def test_no_work_is_lost_without_a_word(body):
    """Where a graded thing has no work of the student's in it, a person is asked, or none is left in the notebook."""
    before = "\n".join(
        str(c["source"] if isinstance(c["source"], str) else "".join(c["source"])).replace("\r\n", "\n")
        for c in body["cells"]
    )
    intake = take_in(json.dumps(body).encode(), handed_out())
    code = [c.source for c in intake.notebook.cells if c.cell_type == "code"]
    for name, words in WORDS.items():
        assert (
            words in answer(intake, name)
            or name in intake.asks
            or words not in before
            or answer(intake, name).strip() not in ("", "YOUR ANSWER HERE")
        ), name
    for name in RIGHT:
        assert (
            any(f"def {name}(" in source for source in code)
            or f"def {name}(" not in before
            or work_without_function(name, intake.notebook, handed_out())
        ), name
    for words in WORDS.values():
        assert words not in before or any(words in c.source for c in intake.notebook.cells), (
            "nothing that was written is gone"
        )


# ------------------------------------------------------------------------------------------------ times and names
@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf2026-10-12 21:59:30 UTC\r\n",
        "2026-10-12 21:59:30 UTC".encode("utf-16"),
        b"2026-10-12T21:59:30Z",
        b"2026-10-12 23:59:30.000000 +0200",
        b"2026-10-12 21:59:30.0000001 UTC",
        b"2026-10-12 21:59:30 UTC\x00\x00",
    ],
    ids=repr,
)
def test_a_time_is_read_however_an_editor_has_saved_it(tmp_path, content):
    (tmp_path / "timestamp.txt").write_bytes(content)
    assert submitted_at(tmp_path) == (datetime.datetime(2026, 10, 12, 21, 59, 30), True)


def test_nothing_is_taken_off_for_a_time_that_is_guessed(tmp_path):
    _write(f"{ASSIGNMENT}.ipynb")(tmp_path)
    (tmp_path / "timestamp.txt").write_text("yesterday")
    os.utime(tmp_path / "timestamp.txt", (1_790_000_000, 1_790_000_000))
    assert known_time(tmp_path) is None
    [told] = [r for r in read(tmp_path).repairs if r.kind == "time of submission"]
    assert "Nothing is taken off" in told.student and "2026-09-21 14:13" in told.grader


def test_the_hash_of_a_submission_is_that_of_all_that_could_be_graded(tmp_path):
    _copy_beside(tmp_path)
    _, _, key = read_submission(tmp_path, ASSIGNMENT, handed_out(), SETTINGS)
    assert submission_hash(tmp_path, ASSIGNMENT, SETTINGS) == key
    (tmp_path / f"{ASSIGNMENT}-Copy1.ipynb").write_text("{}")
    assert submission_hash(tmp_path, ASSIGNMENT, SETTINGS) != key


# ------------------------------------------------------------------------------------------------ texts
@pytest.mark.parametrize(
    "source",
    [
        "-" * 200_000 + "1",
        "a" + ".b" * 100_000,
        "(" * 150 + ")" * 150,
        "f" + "()" * 100_000,
        "lambda:" * 50_000 + "1",
        "not " * 100_000 + "1",
        "1 if 1 else " * 50_000 + "1",
        "1" + "+1" * 200_000,
        "x\x00",
        "\ud800",
        "x" * 2_000_000,
        "def f(:",
    ],
    ids=lambda s: s[:12],
)
def test_code_that_the_parser_cannot_bear_is_none(source):
    tree = parsed(source)
    assert tree is None or code_cell(source).source == source


def test_a_check_is_asked_for_in_a_short_cell_only():
    assert (
        asked_check("check(centroid)")
        == asked_check("photcourse.check( centroid ) ;")
        == asked_check('check("centroid")')
        == "centroid"
    )
    assert asked_check("check(a)" + " " * 1_000_000) == "a", "blanks around it are none of it"
    assert (
        asked_check("check(a)" + " " * 500 + "x")
        == asked_check("check(" + " " * 500 + "a)")
        == ""
        == asked_check("x = check(a)")
    )


# ------------------------------------------------------------------------------------------------ work that reading would lose
STUB = "# YOUR CODE HERE\nraise NotImplementedError"
PASS = "def centroid(image, background, mask=None):\n    pass"


def asked(body: dict[str, Any] | bytes) -> str:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return work_without_function("centroid", take_in(content, handed_out()).notebook, handed_out())


@pytest.mark.parametrize("left", [STUB, "", PASS])
@pytest.mark.parametrize("check", ["\ncheck(centroid)", ""])
def test_a_function_in_the_locked_check_cell_is_work_for_a_person(left, check):
    body = work()
    of(body, "check-centroid")["source"] = RIGHT["centroid"] + check
    of(body, "centroid")["source"] = left
    assert "begins with" in asked(body)
    [told] = [r for r in take_in(json.dumps(body).encode(), handed_out()).repairs if r.kind == "locked cell edited"]
    assert "move it to the cell meant for it" in told.student and "raw cell above" in told.grader


@pytest.mark.parametrize(
    "edited", ["check(centroid)  # ok?", "\n\ncheck(centroid)\n# mine", "print(check(centroid))", "4.0"]
)
def test_a_check_that_was_only_changed_is_no_work(edited):
    body = work()
    of(body, "check-centroid")["source"] = edited
    of(body, "centroid")["source"] = STUB
    assert not asked(body)


def test_a_function_under_the_mark_of_the_check_is_work_for_a_person():
    body = work()
    of(body, "centroid")["metadata"]["nbgrader"]["grade_id"] = "check-centroid"
    assert "begins with" in asked(body)


@pytest.mark.parametrize("empty", [STUB, "", PASS])
@pytest.mark.parametrize("behind", [0, 1])
def test_a_copy_with_nothing_in_it_does_not_undo_the_answer(empty, behind):
    body = work()
    cell = of(body, "centroid")
    twin = copy.deepcopy(cell) | {"source": empty}
    body["cells"].insert(body["cells"].index(cell) + behind, twin)
    intake = take_in(json.dumps(body).encode(), handed_out())
    assert answer(intake, "centroid") == RIGHT["centroid"]
    assert sum(c.source in (empty, RIGHT["centroid"]) for c in intake.notebook.cells if c.source) == 1


def test_a_known_kind_in_another_case_is_that_kind():
    body = work()
    for cell in body["cells"]:
        cell["cell_type"] = cell["cell_type"].upper()
    intake = take_in(json.dumps(body).encode(), handed_out())
    assert whole(intake) and intake.state == "ok"


def test_a_cell_of_an_unknown_kind_is_named_and_counts():
    body = work()
    own = {"cell_type": "weird", "metadata": {}, "source": RIGHT["centroid"]}
    of(body, "centroid")["source"] = STUB
    body["cells"].append(own)
    assert "begins with" in asked(body)
    del own["cell_type"]
    intake = take_in(json.dumps(body).encode(), handed_out())
    [told] = [r for r in intake.repairs if r.kind == "unknown kind of cell"]
    assert str(len(body["cells"])) in told.student and "begins with" in asked(body)


def test_a_marked_cell_without_a_kind_is_that_of_the_release():
    body = work()
    del of(body, "centroid")["cell_type"]
    assert whole(take_in(json.dumps(body).encode(), handed_out()))


def test_of_a_key_that_is_there_twice_neither_is_lost_without_a_word():
    text = json.dumps(work())
    source = json.dumps(RIGHT["centroid"].splitlines(keepends=True))
    assert source in text
    for twice in (
        text[:-1] + ', "cells": []}',
        text.replace(f'"source": {source}', f'"source": {source}, "source": ""'),
    ):
        intake = take_in(twice.encode(), handed_out())
        [told] = [r for r in intake.repairs if r.kind == "said twice"]
        assert told.student and told.grader and "begins with" in asked(twice.encode())
    assert not [r for r in take_in(text.encode(), handed_out()).repairs if r.kind == "said twice"]


@pytest.mark.parametrize(("points", "elsewhere"), [(0.0, True), (0.0, False), (1.0, True)])
def test_a_body_of_pass_beside_work_elsewhere_is_a_question_to_a_person(points, elsewhere):
    body = work()
    of(body, "centroid")["source"] = PASS
    if elsewhere:
        of(body, "check-centroid")["source"] = RIGHT["centroid"]
    intake = take_in(json.dumps(body).encode(), handed_out())
    verdicts = {"centroid": Verdict("centroid", "", points, 2.0, "wrong", "It gives None.")}
    assert _asked(intake, verdicts, handed_out()) == ({"centroid"} if elsewhere and not points else set())
