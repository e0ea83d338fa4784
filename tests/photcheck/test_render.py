"""A verdict's words as HTML."""

from __future__ import annotations

from photcheck.comparators import Numbers
from photcheck.render import coded, verdict_html
from photcheck.spec import CaseSpec, ExerciseSpec, Hint
from photcheck.verdict import Verdict


def test_what_stands_between_backticks_is_code_and_stays_escaped():
    assert coded("Rows of `shape` & `a <b>`") == "Rows of <code>shape</code> &amp; <code>a &lt;b&gt;</code>"
    assert coded("one ` alone") == "one ` alone"
    spec = ExerciseSpec("f", "ps", "F", ("x",), [CaseSpec("c1", "a star", [1.0], 1.0, Numbers(("x",)))], {}, 1.0)
    hint = Hint("Rows of `shape`", "`shape` is (ny, nx).")
    shown = verdict_html(Verdict("f", "F", 0.0, 1.0, "wrong", "Rows of `shape`.", hint=hint), spec, picture=False)
    assert "`" not in shown and "<code>shape</code> is (ny, nx)." in shown
