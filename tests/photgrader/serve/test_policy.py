"""What is told, and when; a slip in the file is one sentence."""

from __future__ import annotations

import datetime

import pytest

from photgrader.coursedir.deadlines import Deadline
from photgrader.serve.policy import EXAMPLE, Policies, Policy, PolicyError, load_policies
from support import ROOT

DUE = datetime.datetime(2026, 12, 1, 23, 59, tzinfo=datetime.UTC)
LATER = DUE + datetime.timedelta(days=3)
PS1 = "ps1_psf_photometry"


def test_the_example_says_what_holds_without_a_file(tmp_path):
    assert load_policies(tmp_path, [PS1], {}) == Policies()
    (tmp_path / "live.toml").write_text(EXAMPLE)
    assert EXAMPLE.partition("\n")[2] in (ROOT / "docs" / "live.md").read_text()
    found = load_policies(tmp_path, [PS1], {})
    assert found.default == Policy() and found.of(PS1) == Policy(tries_a_day=5) and found.of("another") == Policy()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tell = 'everything'", "tell should be one of 'all'"),
        ("tell = 3", "tell should be one of"),
        ("tries_a_day = -1", "should not be negative"),
        ("tries_a_day = true", "should be a whole number"),
        ("tries_a_day = 2.5", "should be a whole number"),
        ("fresh_cases = 1", "should be true or false"),
        ("tries = 3", "'tries' is not a setting"),
        ("tell = ", "cannot be read"),
        ("assignments = 3", "should be sections"),
        ("[assignments.hw9]\ntell = 'all'", "there is no assignment 'hw9'; there are ps1"),
        (f"[assignments.{PS1}]\ncounts = 'first'", f"[assignments.{PS1}]: counts should be one of 'last', 'best'"),
        ("tell = 'after due'", "deadlines.yaml has none"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_slip_is_one_sentence_that_names_the_file(tmp_path, text, words):
    (tmp_path / "live.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PolicyError) as caught:
        load_policies(tmp_path, [PS1], {})
    assert words in str(caught.value) and str(caught.value).startswith("live.toml") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("moment", "level"), [(DUE, "nothing"), (LATER - datetime.timedelta(seconds=1), "nothing"), (LATER, "all")]
)
def test_after_the_due_date_is_after_everybodys(moment, level):
    assert (
        Policy(tell="after due").tells(
            Deadline(PS1, DUE, extensions={"ada": LATER, "ben": DUE - datetime.timedelta(days=1)}), moment
        )
        == level
    )
    assert Policy(tell="states").tells(None, moment) == "states"


def test_a_file_saved_with_a_mark_of_its_encoding_is_read(tmp_path):
    (tmp_path / "live.toml").write_bytes(b'\xef\xbb\xbftell = "states"\n')
    assert load_policies(tmp_path, [PS1], {}).of(PS1).tell == "states"
