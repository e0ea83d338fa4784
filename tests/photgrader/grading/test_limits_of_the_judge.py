"""The side that judges has limits too: what a submission can make the grader hold, and how long it can keep it, is bounded."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import os
import pathlib
import time
import tracemalloc
import zipfile
from typing import Any

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photcheck import wire
from photgrader.coursedir import CourseError, trees
from photgrader.coursedir.settings import Limits, Settings
from photgrader.exercise import load_assignment
from photgrader.gradebook import mathml
from photgrader.gradebook.mathml import OfflineHTMLExporter
from photgrader.grading import bounded, finding, judge, sanitise, task, worker
from photgrader.grading.finding import Unreadable
from photgrader.grading.task import STOPPED, RunContext, Task, grade_task, look_task
from photgrader.sandbox.session import run_folder
from support import ASSIGNMENT, RIGHT, tiny_notebook

few = functools.partial(
    settings, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
#: What the judge may hold for what n bytes say: so much, and so many times n.
FREE, TIMES = 300_000_000, 12


def held(work: Any) -> int:
    """Return how much memory a call takes at most, without what is imported at its first use."""
    import astropy.coordinates
    import astropy.io.fits
    import astropy.table
    import astropy.wcs  # noqa: F401

    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------------ replies
BIG = st.sampled_from([0, 1, 3, 2000, 200_000, 8_000_000])
TEXT = st.builds(lambda n: "x" * n, st.sampled_from([0, 1, 3, 2000, 100_000]))


def _packed(n: int) -> str:
    import base64
    import zlib

    return base64.b64encode(zlib.compress(bytes(n), 9)).decode()


ARRAY = st.builds(
    lambda n, kind: {
        "$": "array",
        "dtype": kind,
        "shape": [n // np.dtype(kind).itemsize],
        "z": True,
        "b64": _packed(n),
    },
    BIG,
    st.sampled_from(["<f8", "|u1", "<c16"]),
)
TEXTS = st.builds(
    lambda text, n: {"$": "texts", "shape": [n], "v": [text] + [""] * (n - 1)}, TEXT, st.sampled_from([1, 50, 20_000])
)
OPAQUE = st.builds(lambda text: {"$": "opaque", "type": text, "text": text}, TEXT)
LEAF = st.one_of(
    ARRAY,
    TEXTS,
    OPAQUE,
    TEXT,
    st.just({"$": "data", "dataset": "m13", "plane": "image", "region": [], "origin": "embedded", "minus": 0}),
    st.builds(lambda v: {"$": "bytes", "b64": _packed(v)}, st.sampled_from([0, 3, 2000])),
    st.just({"$": "header", "text": "A = 1\n" * 12_000}),
    st.just(1.5),
)
FORM = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(lambda v, n: {"$": "list", "v": [v] * n}, inner, st.sampled_from([1, 5, 60])),
        st.builds(
            lambda v, n, rows: {
                "$": "table",
                "kind": "Table",
                "rows": rows,
                "columns": [[f"c{k}", v] for k in range(n)],
            },
            inner,
            st.sampled_from([1, 30]),
            BIG,
        ),
        st.builds(lambda v: {"$": "quantity", "unit": "Jy", "v": v}, inner),
        st.builds(lambda v, m: {"$": "masked", "v": v, "mask": m}, inner, inner),
        st.builds(lambda v: {"$": "sample", "shape": [10**9], "stride": 1, "v": v}, inner),
        st.builds(lambda v: {"$": "skycoord", "frame": "icrs", "lon": v, "lat": v}, inner),
        st.builds(lambda v: {"$": "figure", "axes": v}, inner),
        st.builds(lambda v: {"$": "dict", "v": [["a", v], ["b", v]]}, inner),
    ),
    max_leaves=3,
)


@few(max_examples=60)
@given(FORM)
def test_no_reply_makes_the_judge_hold_more_than_a_multiple_of_its_length(form):
    body = json.dumps(form).encode()
    if len(body) > 2_000_000:
        return

    def read() -> None:
        try:
            judge.size_of(wire.decode(wire.loads(body)))
        except (wire.WireError, ValueError):
            pass

    assert held(read) < FREE + TIMES * len(body), (len(body), str(form)[:200])


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b"[]," * 3_000_000 + b"1]}",
        b"[" + b"{}," * 2_000_000 + b"1]",
        b'["' + b'","' * 4_000_000 + b'"]',
        b"[" + b"0," * 20_000_000 + b"0]",
    ],
    ids=lambda b: b[:12].decode(),
)
def test_a_message_of_very_many_parts_is_refused_before_it_is_read(body):
    def read() -> None:
        with pytest.raises(wire.WireError):
            wire.loads(body)

    assert held(read) < 1_000_000


@pytest.mark.parametrize("sets", [1, 40])
def test_numbers_made_to_have_one_hash_do_not_cost_their_square(sets):
    """Multiples of 2**61 - 1 have one hash in Python, and each is compared with all before it."""
    numbers = [{"$": "int", "v": hex(k * ((1 << 61) - 1))} for k in range(1, 12_000 if sets == 1 else 3000)]
    with pytest.raises(wire.WireError, match="message this large"):
        wire.decode({"$": "list", "v": [{"$": "set", "v": numbers}] * sets})
    assert len(wire.decode({"$": "set", "v": numbers[:2000]})) == min(2000, len(numbers))


def test_what_a_pipeline_honestly_answers_is_read():
    for value in (
        np.zeros((2000, 2000)),
        list(np.linspace(0, 1, 100_000)),
        np.array(["star", "galaxy"] * 20_000),
        {"x": np.arange(1e6)},
        ["a" * 20] * 20_000,
    ):
        assert wire.decode(wire.loads(json.dumps(wire.encode(value)).encode())) is not None


def test_what_one_function_did_to_the_last_kernel_is_not_told_of_the_next():
    import types

    session = types.SimpleNamespace(close=lambda: None)
    one = judge.Judge(None, Settings(), lambda: None, session)  # type: ignore[arg-type]
    one._forget("out of memory")
    spec = load_assignment(ASSIGNMENT).exercises["centroid"].spec(4.0, 1, fingerprints=False)
    assert one.judge(load_assignment(ASSIGNMENT).exercises["centroid"], spec).state == "no answer"


def test_an_answer_is_never_a_file_by_its_name():
    with pytest.raises(wire.WireError):
        wire.decode({"$": "data", "dataset": "m13", "plane": "image", "region": [], "origin": "embedded", "minus": 0})


def test_answers_that_hold_too_much_are_dropped_once_compared():
    from photcheck.comparators import Numbers
    from photcheck.comparators.base import fault
    from photcheck.spec import CaseSpec
    from photcheck.verdict import CaseVerdict

    one = judge.Judge(None, Settings(), lambda: None)  # type: ignore[arg-type]
    case = CaseSpec("c", "a star", [], 1.0, Numbers(("x",), atol=1))
    big = np.zeros(judge.HELD_BYTES // 20)
    kept = [one._lighter(CaseVerdict(case, fault("w", "value"), [big, {"a": "x"}])) for _ in range(6)]
    assert [v.answer is not None for v in kept] == [True, True, False, False, False, False]
    assert judge.size_of({"t": (b"12", "345", big)}) >= big.nbytes + 5


# ------------------------------------------------------------------------------------------------ HTML and colours
PIECES = st.sampled_from(
    [
        "<b class=x>",
        "<i style='color:red'>",
        "<a href=x>",
        "<font>",
        "<u>",
        "</b>",
        "<p>",
        "</p>",
        "<td>",
        "<table>",
        "<div>",
        "</div>",
        "x",
        "<b ",
        "&",
        "<!--",
        "\x1b[31m",
        "\x1b[",
        "\x1b]8;;",
    ]
)


@few(max_examples=120)
@given(st.lists(st.tuples(PIECES, st.sampled_from([1, 20, 300, 3000])), min_size=1, max_size=5))
def test_no_html_grows_by_more_than_a_multiple(parts):
    text = "".join(piece * n for piece, n in parts)
    assert len(sanitise.clean_html(text)) <= sanitise.FREE_HTML + sanitise.TIMES_HTML * len(text)
    calmed = sanitise.calm(text)
    assert calmed.count("\x1b") <= sanitise.MAX_COLOURS and len(calmed) <= len(text)


def test_elements_left_open_are_not_written_again_in_every_paragraph():
    text = "<p>" + "".join(f"<b class=x{i}>" for i in range(380)) + "<p>x" * 13_000
    assert held(lambda: sanitise.clean_html(text)) < 50_000_000
    assert "not shown" in sanitise.clean_html(text)
    assert sanitise.clean_html("<p><b>one</b> <i>two</i></p>" * 2000).count("<b>one</b>") == 2000, (
        "what honest tables and texts do is shown"
    )


def test_colours_of_a_terminal_stay_and_a_flood_of_them_goes():
    assert (
        sanitise.calm("\x1b[31mred\x1b[0m \x1b]8;;javascript:x\x1b\\ \x1b[2J")
        == "\x1b[31mred\x1b[0m ]8;;javascript:x\\ [2J"
    )
    assert sanitise.calm("\x1b[31mx" * 100_000) == "x" * 100_000


def test_a_page_that_takes_too_long_is_made_of_plain_text_and_the_verdict_stays(monkeypatch):
    from photgrader.gradebook import mathml

    monkeypatch.setattr(mathml, "PAGE_SECONDS", 4.0)
    hostile = nbformat.v4.new_markdown_cell("\\begin{a}" * 30_000, id="a")
    verdict = nbformat.v4.new_code_cell(
        "check(centroid)",
        id="b",
        metadata={"photgrader": {"exercise": "centroid"}},
        outputs=[
            nbformat.v4.new_output(
                "execute_result", {"text/html": "<p>the verdict</p>", "text/plain": "0"}, execution_count=1
            )
        ],
    )
    slow = OfflineHTMLExporter()
    usual = slow._made

    def made(nb: Any, resources: Any, **kwargs: Any) -> Any:
        if not slow._plain:
            time.sleep(60)
        return usual(nb, resources, **kwargs)

    monkeypatch.setattr(slow, "_made", made)
    page = slow.from_notebook_node(nbformat.v4.new_notebook(cells=[hostile, verdict]))[0]
    assert "<p>the verdict</p>" in page and "\\begin{a}\\begin{a}" in page


def test_a_slip_of_the_courses_is_a_sentence_and_no_fault_of_a_submission():
    def broken(given):
        raise CourseError("scaled.py, line 48: SyntaxError")

    one = Task("ada", ASSIGNMENT, ASSIGNMENT, "", "", Settings(), b"")
    assert task._answer(one, broken) == "the grader failed (scaled.py, line 48: SyntaxError)"


@pytest.mark.parametrize(
    "hostile",
    [
        "\\begin{a}" * 200,
        "\\begin{a}" * 200 + "\\end{b}" * 200,
        "\\end{a}" * 200 + "\\begin{a}" * 200,
        "\\\\[x " * 200,
        "\\\\[x " * 200 + "\\\\\\]",
        "\\\\(x " * 200 + "\\\\]",
    ],
)
def test_a_text_whose_formulas_do_not_end_is_shown_as_it_is(hostile):
    assert mathml.text_to_html(hostile) == f"<pre>{hostile}</pre>"


def test_what_a_page_would_take_long_for_is_shown_as_it_is_and_the_rest_as_ever():
    new = nbformat.v4
    texts = [
        "\\begin{a}" * 20_000,
        "**bold** \\begin{align}x\\end{align}",
        "\\begin{align}x\\end{align}\n\n" * 150,
        "\\\\(y\\\\) " * 150,
    ]
    cells = [new.new_markdown_cell(t) for t in texts] + [new.new_code_cell(c) for c in ("1" + "+1" * 60_000, "y = 1")]
    page = OfflineHTMLExporter()._made(new.new_notebook(cells=cells), None)[0]
    assert "\\begin{a}\\begin{a}" in page and "1+1+1" in page and page.count("<span") < 200
    assert "<strong>bold</strong>" in page and page.count("<math") == 301 and '<span class="n">y</span>' in page


def test_what_does_not_end_needs_too_much_or_fails_gives_nothing():
    assert bounded.call(lambda: "done", 20, 200) == "done"
    assert bounded.call(lambda: time.sleep(60), 0.3, 200) is None
    assert bounded.call(lambda: len(bytearray(2_000_000_000)), 20, 200) is None
    assert bounded.call(lambda: 1 / 0, 20, 200) is None


# ------------------------------------------------------------------------------------------------ archives
def _archive(method: int) -> bytearray:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr(f"{ASSIGNMENT}.ipynb", b'{"cells": []}' * 2000)
    return bytearray(packed.getvalue())


@few(max_examples=200)
@given(
    st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED]),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4),
)
def test_a_damaged_archive_is_read_or_refused(method, damages):
    raw = _archive(method)
    for where, new in damages:
        at = int(where * (len(raw) - 1))
        raw[at : at + len(new)] = new
    try:
        finding._from_zip(bytes(raw), ASSIGNMENT, 1_000_000)
    except Unreadable as problem:
        assert problem.state == "missing" and ASSIGNMENT in problem.sentence


def test_an_archive_unpacks_to_a_multiple_of_its_length_and_lists_a_bounded_number():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{ASSIGNMENT}.ipynb", bytes(150_000_000))
    raw = packed.getvalue()
    assert (
        held(lambda: pytest.raises(Unreadable, finding._from_zip, raw, ASSIGNMENT, 10**9))
        < finding.FREE_BYTES + finding.TIMES_BYTES * len(raw) + 20_000_000
    )
    with pytest.raises(Unreadable):
        finding._from_zip(b"PK\x01\x02" + bytes(42) + b"PK\x01\x02" * 6000 + raw, ASSIGNMENT, 10**9)


# ------------------------------------------------------------------------------------------------ folders
def _deep(folder: pathlib.Path, depth: int, name: str = "d") -> None:
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(depth):
            os.mkdir(name)
            os.chdir(name)
        pathlib.Path("last.txt").write_text("x")
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("depth", "name"), [(1500, "d"), (40, "d" * 200)], ids=["1500 folders", "a path beyond PATH_MAX"]
)
def test_folders_in_folders_are_walked_to_a_depth_and_removed_to_the_end(tmp_path, depth, name):
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "note.txt").write_text("x")
    (folder / "locked").mkdir()
    (folder / "locked" / "f").write_text("x")
    (folder / "locked").chmod(0)
    (folder / "link").symlink_to(tmp_path)
    _deep(folder, depth, name)
    assert [e.name for e in trees.files_below(folder) if e.name != "f"] == ["note.txt"]
    assert finding.read_files(folder, Settings(), "x.ipynb")["a/note.txt"] == b"x"
    assert trees.remove_tree(folder) and not folder.exists() and tmp_path.is_dir()


def test_the_folder_of_a_run_goes_whatever_was_made_in_it(tmp_path, monkeypatch):
    with run_folder({"a.txt": b"x"}, tmp_path) as (place, _):
        _deep(place.work, 1200)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_grader_left_is_swept_and_a_sweep_raises_nothing(tmp_path, monkeypatch):
    from photgrader.sandbox import warm

    monkeypatch.setattr(warm.tempfile, "gettempdir", lambda: str(tmp_path))
    for name in ("pgw-999999999-x", "pg-999999999-y", f"pgw-{os.getpid()}-z", "pg-other"):
        (tmp_path / name).mkdir()
    _deep(tmp_path / "pgw-999999999-x", 1100)
    warm._sweep()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pg-other", f"pgw-{os.getpid()}-z"]


def test_a_removal_that_cannot_be_done_says_so(tmp_path, monkeypatch):
    (tmp_path / "in" / "kept").mkdir(parents=True)
    monkeypatch.setattr(trees.os, "rmdir", lambda *a, **k: (_ for _ in ()).throw(PermissionError()))
    assert trees.remove_tree(tmp_path / "in") is False


# ------------------------------------------------------------------------------------------------ workers
def _task(folder: pathlib.Path, **limits: Any) -> Task:
    (folder / f"{ASSIGNMENT}.ipynb").write_text(nbformat.writes(tiny_notebook()))
    return Task(
        "ada",
        ASSIGNMENT,
        ASSIGNMENT,
        str(folder),
        nbformat.writes(tiny_notebook()),
        Settings(limits=Limits(**limits)),
        b"k" * 32,
    )


def never_ends(task: Task) -> dict[str, Any]:
    if task.stopped:
        return {"stopped": task.stopped}
    time.sleep(600)
    return {}


def eats(task: Task) -> dict[str, Any]:
    return {"stopped": task.stopped} if task.stopped else {"size": len(bytearray(6_000_000_000))}


def fails(task: Task) -> dict[str, Any]:
    if task.stopped:
        return {"stopped": task.stopped}
    raise RecursionError("too deep")


def dies(task: Task) -> dict[str, Any]:
    if task.stopped:
        return {"stopped": task.stopped}
    os._exit(9)


def goes_on(task: Task) -> dict[str, Any]:
    return never_ends(task) if task.student == "ada" else {"student": task.student}


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("work", "state"),
    [(never_ends, "took too long"), (eats, "took too much memory"), (fails, "grader fault"), (dies, "grader fault")],
)
def test_a_worker_s_end_has_a_named_state_in_a_run_and_by_hand(tmp_path, work, state, monkeypatch):
    from photgrader.runs import parallel

    monkeypatch.setattr(worker, "grade_task", work)
    task = _task(tmp_path, notebook_seconds=1.0, judge_seconds=4.0)
    assert [result for _, result in parallel.run_here([task], 1, work)] == [{"stopped": state}]
    hand = worker.Hand()
    try:
        assert hand.do(task, RunContext.of([task]), work) == {"stopped": state}
    finally:
        hand.close()


@pytest.mark.heavy
def test_the_next_one_goes_on_while_one_is_ended(tmp_path):
    from dataclasses import replace

    from photgrader.runs import parallel

    task = _task(tmp_path, notebook_seconds=1.0, judge_seconds=4.0)
    found = {
        t.student: result
        for t, result in parallel.run_here([task, *(replace(task, student=f"s{n}") for n in range(5))], 2, goes_on)
    }
    assert found == {"ada": {"stopped": "took too long"}, **{f"s{n}": {"student": f"s{n}"} for n in range(5)}}


@pytest.mark.parametrize("state", STOPPED)
def test_what_is_put_aside_has_a_record_with_a_sentence_and_a_person_and_no_key(tmp_path, state):
    from dataclasses import replace

    task = replace(_task(tmp_path), stopped=state, folder="/nowhere")
    result = grade_task(task)
    record = result["record"]
    assert record["state"] == state and not record["key"] and record["points"] == 0
    assert "A person will look at it" in record["exercises"]["centroid"]["sentence"]
    cells = nbformat.reads(result["notebook"], as_version=4).cells
    assert all(c.metadata["photgrader"]["review"] for c in cells if c.metadata.get("photgrader", {}).get("exercise"))


def test_the_leading_process_reads_nothing_of_a_student_s(tmp_path, tiny_course, monkeypatch):
    """Neither to list submissions, nor to tell whether they have changed: opening one of them here would fail this test."""
    import builtins

    from photgrader.runs import parallel
    from support import submit

    submit(tiny_course, "ada", RIGHT)
    place = str(tiny_course / "submitted")
    opened: list[str] = []
    real, real_os = builtins.open, os.open
    monkeypatch.setattr(builtins, "open", lambda f, *a, **k: opened.append(str(f)) or real(f, *a, **k))
    monkeypatch.setattr(os, "open", lambda f, *a, **k: opened.append(str(f)) or real_os(f, *a, **k))
    tasks = parallel.submissions(tiny_course, ASSIGNMENT)
    keys = parallel.keys_of(tasks)
    assert keys[tasks[0].name] == look_task(tasks[0])["key"] and any(place in f for f in opened), (
        "read here, it is seen"
    )
    opened.clear()
    assert parallel.keys_of(parallel.submissions(tiny_course, ASSIGNMENT)) == keys
    assert not [f for f in opened if place in f]


@pytest.mark.parametrize("name", ["[ada]", "ada*", "a?a", "{a}"])
def test_a_student_s_id_is_no_pattern(tiny_course, name):
    from photgrader.runs import parallel
    from support import submit

    submit(tiny_course, name, RIGHT)
    submit(tiny_course, "aXa", RIGHT)
    assert [t.student for t in parallel.submissions(tiny_course, ASSIGNMENT, name)] == [name]
    assert len(parallel.submissions(tiny_course, ASSIGNMENT)) == 2


# ------------------------------------------------------------------------------------------------ questions to the references
def test_what_is_asked_of_a_reference_is_bounded_in_number_size_and_time():
    budget = judge.Budget()
    with pytest.raises(judge.TooMuchAsked), budget.spend([(9000, 9000), 4500.0]):
        pass
    with pytest.raises(judge.TooMuchAsked), budget.spend([np.array([9000, 9000])]):
        pass
    with pytest.raises(judge.TooMuchAsked), judge.time_limit(0.2):
        while True:
            pass
    budget = judge.Budget(questions=judge.MAX_UPSTREAM)
    with pytest.raises(judge.TooMuchAsked), budget.spend([1.0]):
        pass
    budget = judge.Budget(nbytes=judge.UPSTREAM_BYTES - 10)
    with pytest.raises(judge.TooMuchAsked), budget.spend([np.zeros(100)]):
        pass
    with judge.Budget().spend([np.zeros((40, 50)), 20.5, 3, (40, 50)]) as spent:
        spent(5000.0)


@pytest.mark.parametrize(
    "assignment",
    ["ps1_psf_photometry", "ps2_aperture_photometry", "ps3_background", "ps4_alignment", "ps5_source_finding"],
)
def test_an_exercise_is_judged_after_all_that_it_leans_on(assignment):
    exercises = load_assignment(assignment)
    order = judge.in_order(exercises)
    assert sorted(order) == sorted(exercises.exercises)
    for name, exercise in exercises.exercises.items():
        assert all(order.index(d) < order.index(name) for d in exercise.depends if d in order)


class Recorded:
    """A judge of whom it is kept what was judged, with what supplied; every answer is one that a table says."""

    def __init__(self, worth: Any) -> None:
        self.assignment, self.worth, self.asked = load_assignment(ASSIGNMENT), worth, 0
        self.judged: list[tuple[str, tuple[str, ...]]] = []

    def judge(self, exercise: Any, spec: Any, supply: tuple[str, ...] = (), before: Any = (), than: Any = None) -> Any:
        from photcheck.comparators.base import fault
        from photcheck.verdict import CaseVerdict, Verdict

        self.judged.append((exercise.name, supply))
        self.asked = len(supply)
        points = self.worth(exercise.name, supply)
        cases = [CaseVerdict(spec.cases[0], fault("w", "value"))]
        state = "right" if points == 10 else "partly right" if points else "wrong"
        return Verdict(exercise.name, exercise.name, points, 10.0, state, cases=cases)

    def given(self, exercise: Any, spec: Any, supply: tuple[str, ...]) -> Any:
        return self.judge(exercise, spec, supply)

    def all(self) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
        from photcheck.comparators import Numbers
        from photcheck.spec import CaseSpec, ExerciseSpec

        case = CaseSpec("c", "a star", [], 1.0, Numbers(("x",), atol=1))
        specs = {n: ExerciseSpec(n, ASSIGNMENT, n, (), [case], {}, 10.0) for n in self.assignment.exercises}
        return judge.judge_all(self, specs)  # type: ignore[arg-type]


def test_what_was_supplied_is_not_judged_afterwards():
    """Whoever is given right answers for a function could keep them, with the hidden inputs that it was asked with before."""
    one = Recorded(lambda name, supply: 0.0)
    verdicts, given = one.all()
    assert set(verdicts) == set(one.assignment.exercises)
    assert set(given) == {n for n, e in one.assignment.exercises.items() if e.depends}, (
        "of equals the one without the others' mistakes"
    )
    supplied: set[str] = set()
    for name, supply in one.judged:
        assert name not in supplied, f"{name} is judged after it was supplied"
        supplied |= set(supply)
    assert "psf_flux_gaussian" in supplied


def test_what_leans_on_something_wrong_is_judged_given_the_right_one_first_and_on_its_own_only_where_that_is_not_enough():
    def worth(wrong: str = "", own: float = 0.0, given: float = 10.0) -> Any:
        return lambda name, supply: 0.0 if name == "centroid" else (given if supply else own) if name == wrong else 10.0

    one = Recorded(worth("run_photometry"))
    verdicts, given = one.all()
    assert verdicts["run_photometry"].right and given["run_photometry"] == ("centroid",)
    assert [s for n, s in one.judged if n == "run_photometry"] == [("centroid",)], "once, on the right answers"
    one = Recorded(worth("run_photometry", own=4.0, given=6.0))
    verdicts, given = one.all()
    assert verdicts["run_photometry"].points == 6.0 and given["run_photometry"] == ("centroid",)
    assert [s for n, s in one.judged if n == "run_photometry"] == [("centroid",), ()]
    one = Recorded(worth("run_photometry", own=7.0, given=6.0))
    verdicts, given = one.all()
    # It may have kept what it was given first.
    assert verdicts["run_photometry"].points == 7.0 and given["run_photometry"] == ("centroid",), "the better counts"


def test_what_ends_its_kernel_with_right_answers_is_not_asked_to_end_another_one_on_its_own():
    class Dies(Recorded):
        def given(self, exercise: Any, spec: Any, supply: tuple[str, ...]) -> Any:
            verdict = super().given(exercise, spec, supply)
            return (
                dataclasses.replace(verdict, state="kernel died", cases=[])
                if exercise.name == "run_photometry"
                else verdict
            )

    one = Dies(lambda name, supply: 0.0 if name == "centroid" else 10.0)
    verdicts, _ = one.all()
    assert verdicts["run_photometry"].state == "kernel died"
    assert [s for n, s in one.judged if n == "run_photometry"] == [("centroid",)]


RIGHT_ONE, NOTHING, NOISE = np.array([10.0, 20.0]), np.zeros(2), np.zeros(500)


@pytest.mark.parametrize(
    ("lost", "answer", "calls"),
    [
        ((0, 1), RIGHT_ONE, [0, 1, 3, 2]),
        # The one case that the other lost is asked first, and then it cannot earn as much any more.
        ((2,), NOTHING, [2]),
        ((1, 3), NOTHING, [3, 1]),
        ((0, 1, 2, 3), NOTHING, [0, 3, 1, 2]),
        ((0, 1, 2, 3), NOISE, [0]),
    ],
    ids=["right", "one", "two", "all", "noise for stars"],
)
def test_a_function_is_followed_on_its_own_only_as_long_as_it_can_earn_more(lost, answer, calls):
    import types

    from photcheck import probe
    from photcheck.comparators import ArrayClose
    from photcheck.comparators.base import Finding, fault
    from photcheck.spec import CaseSpec, ExerciseSpec
    from photcheck.verdict import CaseVerdict, conclude

    cases = [
        CaseSpec(f"c{k}", "t", [k], RIGHT_ONE, ArrayClose(atol=0.1), weight)
        for k, weight in enumerate((5.0, 1.0, 1.0, 3.0))
    ]
    spec = ExerciseSpec("find_peaks", ASSIGNMENT, "t", ("k",), cases, {}, 10.0)
    seen: list[int] = []

    class InProcess:
        def ask(self, request: Any, seconds: float, upstream: Any = None) -> Any:
            seen.append(request["args"][0])
            return {"report": probe._call({"find_peaks": lambda k: answer}, request, lambda: {})}

    session = types.SimpleNamespace(full=lambda: False, cpu_seconds=lambda: 0.0)
    at_work = judge.Judge(load_assignment(ASSIGNMENT), Settings(), lambda: None, session, InProcess())  # type: ignore[arg-type]
    than = conclude(
        spec, [CaseVerdict(c, fault("w", "value") if k in lost else Finding(1.0)) for k, c in enumerate(cases)]
    )
    verdict = at_work.judge(at_work.assignment.exercises["find_peaks"], spec, than=than)
    assert seen == calls
    if answer is RIGHT_ONE:
        assert verdict.right and [v.case.name for v in verdict.cases] == ["c0", "c1", "c2", "c3"]
    else:
        assert verdict is than


@pytest.mark.filterwarnings("ignore:.*(divide|invalid value):RuntimeWarning")
@pytest.mark.parametrize(("pipeline", "named"), [("", ""), ("raw-threshold", "raw-threshold")])
def test_a_pipeline_that_takes_noise_for_stars_is_cut_off_and_named_and_an_honest_one_asks_a_tenth(pipeline, named):
    """Its verdict is known long before its fifteen-thousandth question."""
    import types

    from photcheck import probe
    from photcheck.verdict import Verdict

    assignment = load_assignment(ASSIGNMENT)
    exercise = assignment.exercises["run_photometry"]
    function = exercise.callable_of(exercise.misconceptions[pipeline]) if pipeline else exercise.solve_by
    namespace = function.__globals__
    wrong_centroid = assignment.exercises["centroid"]
    wrong_centroid = wrong_centroid.callable_of(wrong_centroid.misconceptions["coordinate-sum"])
    asked: list[int] = []

    class InProcess:
        """The probe's own code on functions of this process."""

        def ask(self, request: Any, seconds: float, upstream: Any = None) -> Any:
            asked.append(0)

            def ask(question: Any) -> Any:
                asked[-1] += 1
                return upstream(question)

            return {"report": probe._call(namespace, request, ask)}

    def judged() -> Any:
        session = types.SimpleNamespace(full=lambda: False, cpu_seconds=lambda: 0.0, read_file=lambda *a: b"")
        return judge.Judge(assignment, Settings(), lambda: None, session, InProcess())  # type: ignore[arg-type]

    spec = exercise.spec(25.0, 1, fingerprints=False)
    with probe._bound(namespace, {"run_photometry": function, "centroid": wrong_centroid}):
        first = judged().judge(exercise, spec)
        asked.clear()
        at_work = judged()
        own = at_work.judge
        wrong = Verdict("centroid", "centroid", 0.0, 10.0, "wrong")
        at_work.judge = lambda e, *args, **named: wrong if e.name == "centroid" else own(e, *args, **named)
        verdicts, given = judge.judge_all(at_work, {"centroid": dataclasses.replace(spec), "run_photometry": spec})
    assert given == {"run_photometry": ("centroid",)} and verdicts["run_photometry"].points > first.points
    most = max(judge.FAR_MORE * (len(c.expected) + 1) for c in spec.cases)
    if pipeline:
        assert most < max(asked) <= most + 3000, "noise is asked for, and not answered"
        cut = [v for v in verdicts["run_photometry"].cases if v.finding.kind == "far more"]
        assert cut and all(v.finding.score < 0.2 for v in cut)
    else:
        assert 0 < sum(asked) <= judge.MAX_UPSTREAM / 10 and verdicts["run_photometry"].right
    assert judge.name_mistake(exercise, spec, verdicts["run_photometry"]).hint_id == named
    if pipeline:
        # What the mistake itself would have answered there is not worked out: that it is far more is all that is compared.
        fresh = [v for v in cut if v.case.hidden]
        assert fresh and not any(pipeline in v.case.fingerprints for v in fresh)


def test_two_mistakes_that_take_noise_for_stars_together_are_named_though_they_are_stopped():
    import types

    from photcheck.comparators import ArrayClose
    from photcheck.comparators.base import fault
    from photcheck.spec import CaseSpec, ExerciseSpec, Hint
    from photcheck.verdict import CaseVerdict, conclude

    cases = [CaseSpec(f"c{k}", "t", [k], RIGHT_ONE, ArrayClose(atol=0.1), 1.0) for k in range(2)]
    hints = {id: Hint(id, "", "") for id in ("low", "wide")}
    spec = ExerciseSpec("find_peaks", ASSIGNMENT, "t", ("k",), cases, hints, 10.0)
    asked: list[float] = []
    # Each of both stops at once: it asks for more than is answered.
    exercise = types.SimpleNamespace(
        pairs=["low+wide"], depends=("centroid",), fingerprint=lambda case, keys, questions: asked.append(questions)
    )
    verdict = conclude(spec, [CaseVerdict(c, fault("w", "far more"), NOISE) for c in cases], explained=False)
    judge._name_two(exercise, spec, verdict)  # type: ignore[arg-type]
    assert verdict.hint_id == "low" and "wide" in verdict.further[0] and all(np.isfinite(asked))
