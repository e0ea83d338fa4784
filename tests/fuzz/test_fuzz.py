"""Submissions and replies mutated at random: never a traceback of ours, never a full mark for a wrong answer."""

from __future__ import annotations

import copy
import functools
import json
import math
from typing import Any

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.preprocessors import CheckCellMetadata

from photcheck import wire
from photcheck.comparators import Numbers
from photcheck.render import verdict_html
from photcheck.report import Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import conclude, judge_case
from photgrader.grading.answers import grade_id_of
from photgrader.grading.intake import take_in
from photgrader.grading.sanitise import clean_html, clean_output
from support import RIGHT, tiny_notebook

STATES = {"ok", "repaired", "not a notebook"}
few = functools.partial(
    settings, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -1, 2**63, 4, 3]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "code",
            "markdown",
            "raw",
            "centroid",
            "check-centroid",
            "check(centroid)",
            "$",
            "\ud800",
            "\x00",
            "nan",
            "array",
            "<f8",
        ]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "$",
                    "v",
                    "b64",
                    "shape",
                    "dtype",
                    "z",
                    "cells",
                    "cell_type",
                    "source",
                    "metadata",
                    "nbgrader",
                    "grade_id",
                    "points",
                    "ok",
                    "value",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def places(body: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON body."""
    found = [here] if here else []
    for key, value in body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ():
        found += places(value, (*here, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """A JSON body with up to five values replaced, removed, doubled or exchanged."""
    body = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 5))):
        paths = places(body)
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        parent = functools.reduce(lambda b, k: b[k], path[:-1], body)
        way = draw(st.sampled_from(["replace", "remove", "double", "exchange"]))
        if way == "replace":
            parent[path[-1]] = draw(JSON)
        elif way == "remove":
            del parent[path[-1]]
        elif way == "double" and isinstance(parent, list):
            parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(parent[path[-1]]))
        elif len(parent) > 1:
            other = draw(st.sampled_from(list(parent) if isinstance(parent, dict) else list(range(len(parent)))))
            parent[path[-1]], parent[other] = parent[other], parent[path[-1]]
    return body


def _submission() -> Any:
    notebook = tiny_notebook()
    for cell in notebook.cells:
        cell.source = RIGHT.get(grade_id_of(cell), cell.source)
    return json.loads(nbformat.writes(notebook))


def takes(content: bytes) -> None:
    """Assert that a submission comes out in order, with a named state, and as nbgrader wants it."""
    skeleton = tiny_notebook()
    intake = take_in(content, skeleton)
    assert intake.state in STATES
    assert intake.readable or len(intake.sentence) > 20, "no silent zero: the student is told"
    nbformat.validate(intake.notebook)
    nbformat.writes(intake.notebook).encode("utf-8")
    CheckCellMetadata().preprocess(copy.deepcopy(intake.notebook), {})
    graded = {
        grade_id_of(c): c.metadata["nbgrader"]
        for c in intake.notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade")
    }
    assert graded == {
        grade_id_of(c): c.metadata["nbgrader"] for c in skeleton.cells if c.metadata.get("nbgrader", {}).get("grade")
    }
    ids = [grade_id_of(c) for c in intake.notebook.cells if grade_id_of(c)]
    assert len(ids) == len(set(ids)), "no cell counts twice"


@few(max_examples=250)
@given(mutated(_submission()))
def test_a_mutated_notebook_comes_out_in_order_with_the_marks_of_the_handed_out_one(body):
    takes(json.dumps(body).encode("utf-8", "surrogatepass"))


@few(max_examples=150)
@given(st.data())
def test_a_notebook_with_mutated_bytes_comes_out_in_order(data):
    content = bytearray(json.dumps(_submission()).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    takes(bytes(content))


@few(max_examples=200)
@given(JSON)
def test_any_json_at_all_has_a_named_state(body):
    takes(json.dumps(body).encode("utf-8", "surrogatepass"))


# ------------------------------------------------------------------------------------------------ replies
EXPECTED = (151.25, 236.75)
CASES = [
    CaseSpec(
        f"case {i}",
        "a star",
        [i],
        (EXPECTED[0] + i, EXPECTED[1] - i),
        Numbers(("x", "y"), atol=2e-3, unit="pixel"),
        hidden=bool(i),
    )
    for i in range(3)
]
SPEC = ExerciseSpec("centroid", "ps1", "Centroid", ("start",), CASES, {}, 4.0)
REPLY = {
    "ok": True,
    "value": wire.encode((151.0, 236.0)),
    "changed": [],
    "warnings": ["UserWarning: x"],
    "seconds": 0.1,
    "cpu": 0.1,
    "leftovers": ["total"],
    "again": {"ok": True, "value": wire.encode((151.0, 236.0)), "changed": [], "warnings": []},
}
VALUES = [
    np.arange(6.0).reshape(2, 3),
    np.ma.MaskedArray([1.0, 2.0], [True, False]),
    {"a": [1, (2.5, None)]},
    float("nan"),
    2**70,
    1 + 2j,
    b"abc",
    "text",
    np.array(["a", "b"]),
    wire.Opaque("object"),
    wire.Sample((4, 5), 3, np.arange(7.0)),
]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def near(answer: Any, expected: tuple[float, float]) -> bool:
    """Tell, by our own reading, whether an answer is the expected one."""
    values = np.ravel(np.asarray(list(answer.values()) if isinstance(answer, dict) else answer, dtype=object))
    return len(values) == 2 and all(abs(_number(v) - e) < 3e-3 for v, e in zip(values, expected, strict=True))


@few(max_examples=1200)
@given(st.one_of(*[mutated(wire.encode(v)) for v in VALUES], JSON))
def test_a_mutated_message_is_a_value_or_a_refusal(form):
    try:
        wire.decode(form)
    except wire.WireError:
        pass


@few(max_examples=600)
@given(
    st.one_of(
        mutated(REPLY),
        st.fixed_dictionaries({"ok": st.just(True), "value": JSON}),
        mutated({"ok": False, "error": {"type": "ValueError", "message": "m"}}),
    )
)
def test_a_mutated_reply_has_a_verdict_and_no_wrong_answer_has_full_marks(report):
    verdicts = [judge_case(case, Report.read(report), SPEC.params) for case in CASES]
    for verdict in verdicts:
        assert math.isfinite(verdict.finding.score) and 0 <= verdict.finding.score <= 1
        assert math.isfinite(verdict.seconds) and verdict.seconds >= 0
        assert verdict.finding.score < 1 or near(verdict.answer, verdict.case.expected), report
    # The three cases have three answers: one reply cannot be right for all.
    whole = conclude(SPEC, verdicts)
    assert 0 <= whole.points < SPEC.points and whole.state not in ("right", "")
    page = verdict_html(whole, SPEC, graded=True, picture=False)
    assert clean_html(page).count("<script") == page.count("<script") == 0


@few(max_examples=300)
@given(
    mutated(
        {
            "output_type": "display_data",
            "metadata": {"image/png": {"width": 3}},
            "data": {"text/plain": "x", "text/html": "<b>x</b>", "image/png": "iVBORw0KGgo="},
        }
    )
)
def test_a_mutated_output_is_one_that_nbformat_takes(body):
    cell = nbformat.v4.new_code_cell(
        "", outputs=[clean_output(nbformat.from_dict(body))] if isinstance(body, dict) else []
    )
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


# ------------------------------------------------------------------------------------------------ coordinate systems
def _header(*cards: str) -> dict[str, str]:
    return {"$": "wcs", "header": "".join(f"{card:<80}" for card in cards)}


@pytest.mark.parametrize(
    "cards",
    [
        ["NAXIS   = 999999"],
        ["WCSAXES = 99999999"],
        ["CTYPE1  = 'RA---TAB'", "PS1_0   = 'x'"],
        ["NAXIS   = -5"],
        ["A_ORDER = 9999999"],
        ["B_ORDER = -1"],
        ["CPDIS1  = 'LOOKUP'", "DP1     = 'EXTVER: 1'"],
        ["CD9999_1= 1.0"],
        ["WCSAXES = 2.5"],
        ["CRPIX1  = 1.0"] * 600,
    ],
    ids=lambda cards: cards[0],
)
def test_a_header_that_its_library_could_not_bear_is_refused(cards):
    with pytest.raises(wire.WireError):
        wire.decode(_header(*cards))


def test_a_coordinate_system_of_a_picture_travels_distortion_and_all():
    from astropy.wcs import WCS, Sip

    system = WCS(naxis=2)
    system.wcs.ctype, system.wcs.crval, system.wcs.crpix, system.wcs.cdelt = (
        ["RA---TAN-SIP", "DEC--TAN-SIP"],
        [120.5, -30.25],
        [51, 80],
        [-1e-4, 1e-4],
    )
    a = np.zeros((4, 4))
    a[2, 0] = 1e-6
    system.sip = Sip(a, a.T, None, None, [51, 80])
    there = wire.decode(json.loads(json.dumps(wire.encode(system))))
    assert np.allclose(
        there.all_pix2world([[10.0, 90.0]], 0), system.all_pix2world([[10.0, 90.0]], 0), rtol=0, atol=1e-10
    )
