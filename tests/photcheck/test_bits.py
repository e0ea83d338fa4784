"""How much a hostile function can have a verdict say of hidden cases: it knows their inputs, and may choose what it answers."""

from __future__ import annotations

import itertools

import pytest

from photcheck.comparators import Numbers
from photcheck.judging import judge_case
from photcheck.render import verdict_html, verdict_text
from photcheck.report import Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import conclude


def _case(number: int, hidden: bool) -> CaseSpec:
    case = CaseSpec(f"c{number}", f"star {number}", [1.0 * number], 10.0 + number, Numbers(("x",), atol=1e-3))
    case.hidden = hidden
    return case


CASES = [_case(k, k > 2) for k in (1, 2, 3, 4)]
SPEC = ExerciseSpec("f", "ps", "F", ("x",), CASES, {}, 10.0)


def _error(kind: str, words: str = "12.75") -> dict[str, object]:
    return {"ok": False, "error": {"type": kind, "message": words, "blame": words}}


#: What may be answered in a hidden case beside what is right: numbers, kinds, errors of every name, and what a kernel says of itself.
CHOICES = [
    {"ok": True, "value": 3.25},
    {"ok": True, "value": -7e300},
    {"ok": True, "value": None},
    {"ok": True, "value": {"$": "float", "v": "nan"}},
    {"ok": True, "value": {"$": "float", "v": "inf"}},
    {"ok": True, "value": "12.75"},
    {"ok": True, "value": {"$": "list", "v": [1, 2, 3]}},
    {"ok": True, "value": {"$": "opaque", "type": "n12_75", "text": "12.75"}},
    {"ok": True, "value": 3.25, "warnings": ["12.75"]},
    {"ok": True, "value": 3.25, "changed": [0]},
    {"ok": True, "value": 3.25, "leftovers": ["n12_75"], "again": {"ok": False, "error": {"type": "NameError", "message": "x"}}},
    *(_error(name) for name in ("ValueError", "KeyError", "NameError", "NotImplementedError", "n12_75", "TimeoutError", "MemoryError")),
]  # fmt: skip
PROVIDED = {
    "right": None,
    "wrong": {"ok": True, "value": 1.0},
    "nothing": {"ok": True, "value": None},
    "error": _error("ValueError", "x"),
}


@pytest.mark.parametrize("provided", PROVIDED)
def test_a_hidden_case_tells_one_bit_whatever_is_answered(provided):
    pages = set()
    for answers in itertools.product([None, *CHOICES], repeat=2):
        reports = [PROVIDED[provided]] * 2 + list(answers)
        verdicts = [
            judge_case(case, Report.read(report or {"ok": True, "value": case.expected}), SPEC.params)
            for case, report in zip(CASES, reports, strict=True)
        ]
        whole = conclude(SPEC, verdicts)
        pages.add(
            (whole.points, whole.state, verdict_text(whole), verdict_html(whole, SPEC, graded=True, picture=False))
        )
    hidden = sum(case.hidden for case in CASES)
    # Where the provided cases, and their points, are given away, one thing more of all hidden cases together: whether they fail alike.
    assert len(pages) <= 2 ** (hidden + (provided != "right")), sorted(text for _, _, text, _ in pages)
    assert not any("12.75" in page or "n12_75" in page for _, _, _, page in pages)
