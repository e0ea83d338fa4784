"""What mistakes answer on provided cases is taken from the release, where it is of the very cases and mistakes of now."""

from __future__ import annotations

import json
import pathlib

import pytest

from photgrader.exercise import load_assignment
from photgrader.exercise.released import recall, use_release
from support import ASSIGNMENT

EXERCISE = load_assignment(ASSIGNMENT).exercises["centroid"]
MISTAKE = next(iter(EXERCISE.spellings_of(next(iter(EXERCISE.misconceptions)))))


@pytest.fixture
def release(tmp_path: pathlib.Path):
    """A release whose kept answers cannot be mistaken for computed ones."""
    spec = EXERCISE.spec(10.0, fingerprints=False)
    for case in spec.cases:
        case.fingerprints = {MISTAKE: (17.0, 4.0)}
    (tmp_path / ASSIGNMENT).mkdir()
    path = spec.write(tmp_path / ASSIGNMENT / "checks")
    use_release(str(tmp_path))
    yield path
    use_release("")


def recalled() -> list[dict[str, object]]:
    cases = EXERCISE.spec(10.0, 5, fingerprints=False).cases
    recall(EXERCISE, cases)
    assert not any(case.fingerprints for case in cases if case.hidden), "a hidden case is in no release"
    return [case.fingerprints for case in cases if not case.hidden]


def test_kept_answers_are_taken_from_the_release(release):
    found = recalled()
    assert len(found) > 1 and all(f == {MISTAKE: (17.0, 4.0)} for f in found)


@pytest.mark.parametrize("change", ["mistakes", "args", "expected", "damaged", "missing", "older"])
def test_nothing_is_taken_of_other_cases_or_mistakes_or_a_damaged_file(release, change):
    form = json.loads(release.read_text())
    if change == "mistakes":
        form["mistakes"] = "of another day"
    elif change == "older":
        del form["mistakes"]
    elif change in ("args", "expected"):
        for case in form["cases"]:
            case[change] = case[change][::-1] if isinstance(case[change], list) else [case[change]]
    text = json.dumps(form)
    release.write_text(text[: len(text) // 2] if change == "damaged" else text)
    if change == "missing":
        release.unlink()
    assert not any(recalled())
