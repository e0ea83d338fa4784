"""A verdict is repeated from its record, and whatever is not as it was is said."""

from __future__ import annotations

import json
import pathlib
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from photcheck import wire
from photcheck.comparators import Number, Numbers, OneOf
from photgrader import coursedir
from photgrader.commands.replay import command
from photgrader.coursedir import Record, signatures
from photgrader.runs import parallel
from photgrader.runs import replay as replaying
from plain_kernel import in_this_process
from support import ASSIGNMENT, RIGHT, submit

NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"


def test_an_input_is_told_by_shape_and_range():
    image = np.arange(12.0).reshape(3, 4)
    image[1, 2] = np.nan
    assert replaying.describe_input(wire.encode(image)) == "float64 array of shape (3, 4), 0 to 11, 1 not finite"
    assert replaying.describe_input(wire.encode(2.5)) == "2.5"


def test_a_tolerance_is_told_by_what_is_set():
    assert (
        replaying.describe_tolerance(Number(rtol=0.02, unit="nJy", name="flux"))
        == "Number with rtol = 0.02; unit = nJy; name = flux"
    )
    assert replaying.describe_tolerance(Numbers(("x", "y"), atols=(0.1, 0.2))) == "Numbers with atols = (0.1, 0.2)"
    assert replaying.describe_tolerance(OneOf(Number(atol=3.0))) == "OneOf with Number with atol = 3.0"


def test_a_record_that_somebody_changed_is_not_trusted(tmp_path):
    assert replaying.check_signature(tmp_path, Record("ada")) == ("", True)
    record = signatures.signed({"student": "ada", "points": 3.0}, coursedir.key(tmp_path))
    assert replaying.check_signature(tmp_path, Record.read(record))[1] is True
    words, trusted = replaying.check_signature(tmp_path, Record.read({**record, "points": 4.0}))
    assert not trusted and "SIGNATURE IS WRONG" in words


def test_what_is_no_record_ends_with_one_sentence(tmp_path):
    (tmp_path / ".photgrader").mkdir()
    (tmp_path / "other.json").write_text("[1, 2]")
    with pytest.raises(coursedir.CourseError, match="There is no record"):
        replaying.find_record(tmp_path, "ps1/../../etc/passwd")
    with pytest.raises(coursedir.CourseError, match="not a record"):
        replaying.find_record(tmp_path, str(tmp_path / "other.json"))


@pytest.fixture(scope="module")
def graded(built_course: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("replay") / "course"
    shutil.copytree(built_course, root)
    submit(root, "ben", {**RIGHT, "centroid": NO_OFFSET})
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        for _, result in parallel.run_here(parallel.submissions(root, ASSIGNMENT), 1):
            assert isinstance(result, dict), result
            coursedir.write_record(root, Record.read(result["record"]))
    return root


def run(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *words: str):
    monkeypatch.chdir(root)
    return CliRunner().invoke(command, list(words))


def test_a_verdict_is_repeated_and_laid_open(graded, here, tmp_path, monkeypatch):
    before = coursedir.record_path(graded, ASSIGNMENT, "ben").read_text()
    done = run(
        graded, monkeypatch, f"{ASSIGNMENT}/ben", "--exercise", "centroid", "--json", str(tmp_path / "appeal.json")
    )
    assert done.exit_code == 0, done.output
    seed = str(json.loads(before)["exercises"]["centroid"]["seed"])
    for words in (
        "The repeated verdict is the recorded one.",
        seed,
        "image_cutout: float64 array of shape",
        "expected: x =",
        "answer: x =",
        "atol = 0.002",
    ):
        assert words in done.output, words
    assert "second_moment" not in done.output and "Note:" not in done.output
    found = json.loads((tmp_path / "appeal.json").read_text())["exercises"]["centroid"]
    hidden = next(c for c in found["cases"] if c["hidden"] and c["score"] == 0)
    start = wire.decode(hidden["inputs"]["x_start"])
    off = wire.decode(hidden["expected"])[0] - wire.decode(hidden["answer"])[0]
    assert off == pytest.approx(start, abs=0.01), "the offset forgotten, on the very inputs"
    assert found["differences"] == []
    assert coursedir.record_path(graded, ASSIGNMENT, "ben").read_text() == before


def test_what_is_not_as_it_was_is_said(graded, here, tmp_path, monkeypatch):
    record = json.loads(coursedir.record_path(graded, ASSIGNMENT, "ben").read_text())
    record["exercises"]["centroid"].update(points=4.0, state="right", code="another")
    record["versions"]["numpy"] = "1.26.4"
    record["hashes"]["submission"] = "another"
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    done = run(graded, monkeypatch, str(path), "--exercise", "centroid", "--case", "noise")
    assert done.exit_code == 1, done.output
    for words in (
        "points: 4 then, 1.6 now",
        "state: 'right' then, 'partly right' now",
        "numpy was 1.26.4",
        "the exercise centroid has changed",
        "the submission in submitted/ is not the one that was graded",
        "'noise' (hidden)",
    ):
        assert words in done.output, words
    assert "a cut-out at the corner" not in done.output, "one case was asked for"
