"""Extra credit in a student's notebook: what counts comes first, and nbgrader reads no points where there are none to read."""

from __future__ import annotations

import pytest

from photcheck.spec import ExerciseSpec
from photcheck.student import CheckResult, Progress
from photcheck.verdict import Verdict


def row(name: str, state: str, extra: bool) -> tuple[ExerciseSpec, Verdict]:
    spec = ExerciseSpec(name, "ps0", name, ("a",), [], points=5.0, extra=extra)
    return spec, Verdict(name, name, 5.0 if state == "right" else 0.0, 5.0, state)


@pytest.mark.parametrize(
    ("states", "step"),
    [
        (("not written", "not written"), "Next: write area."),
        (("wrong", "right"), "Next: mend area."),
        (("right", "not written"), "All that counts into the maximum is right. For extra credit: write extra."),
        (("right", "wrong"), "All that counts into the maximum is right. For extra credit: mend extra."),
        (("right", "right"), "All provided cases are right; check(..., rehearse=True) tries fresh ones."),
    ],
)
def test_what_counts_comes_before_what_is_extra(states, step):
    # The order of the notebook may be another.
    assert Progress([row("extra", states[1], True), row("area", states[0], False)]).next_step == step


@pytest.mark.parametrize(("extra", "plain"), [(True, "0"), (False, "5")])
def test_a_check_of_extra_credit_gives_nbgrader_no_points_to_read(extra, plain):
    spec, verdict = row("area", "right", extra)
    assert CheckResult(verdict, spec)._repr_mimebundle_()["text/plain"] == plain


def test_whether_points_are_extra_travels_with_the_check_file():
    spec, _ = row("area", "right", True)
    assert ExerciseSpec.from_json(spec.to_json()).extra
    # A check file made before there was such a thing.
    old = {k: v for k, v in spec.to_json().items() if k != "extra"}
    assert not ExerciseSpec.from_json(old).extra
