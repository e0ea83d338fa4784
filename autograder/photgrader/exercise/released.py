"""What mistakes answer on provided cases, as the release's check files have it: to make those answers anew takes longer than to grade."""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any

from photcheck import wire
from photcheck.spec import CaseSpec
from photgrader.exercise.definition import Exercise

_folders: list[str] = []


def use_release(folder: str) -> None:
    """Name the folder of all releases to this process; it need not be there."""
    _folders[:] = [folder] if folder else []


def recall(exercise: Exercise, cases: list[CaseSpec]) -> None:
    """Fill in what mistakes answer on provided cases that have no such answers yet; in place.

    Only of a release with the very cases and mistakes that the exercise has now.
    """
    if not _folders or all(case.hidden or case.fingerprints for case in cases):
        return
    forms = _forms(_folders[0], exercise.assignment, exercise.name, exercise.mistakes_hash)
    for case in cases:
        form = forms.get(case.name)
        if form is None or case.hidden or case.fingerprints:
            continue
        if form["args"] == case.args and form["expected"] == wire.encode(case.expected):
            case.fingerprints.update((key, wire.decode(v, data=True)) for key, v in form["fingerprints"].items())


@functools.lru_cache(maxsize=64)
def _forms(folder: str, assignment: str, name: str, mistakes: str) -> dict[str, dict[str, Any]]:
    try:
        form = json.loads((pathlib.Path(folder) / assignment / "checks" / f"{name}.json").read_text(encoding="utf-8"))
        return {c["name"]: c for c in form["cases"]} if form["mistakes"] == mistakes else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
