"""Graded in the sandbox: each solution earns every automatic mark, each untouched release none."""

from __future__ import annotations

import pathlib
import shutil

import nbformat
import pytest

from photgrader import coursedir
from photgrader.release.build import source_assignments
from photgrader.runs import parallel
from photgrader.simulate.make_class import solved
from support import ROOT

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict]:
    """Records of two students in every assignment: the instructor's solution and the untouched release."""
    folder = tmp_path_factory.mktemp("marks")
    for name in ("source", "release"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("nbgrader_config.py", "photgrader.toml"):
        shutil.copy(ROOT / name, folder)
    for assignment in source_assignments(folder):
        hand_in(folder, "solution", assignment, solved(folder, assignment, assignment))
        hand_in(folder, "untouched", assignment, coursedir.skeleton(folder, assignment, assignment))
    tasks = [t for a in source_assignments(folder) for t in parallel.submissions(folder, a)]
    found = {}
    for task, result in parallel.run_here(tasks, 2):
        assert isinstance(result, dict), f"{task.assignment}: {result}"
        found[task.student, task.assignment] = result["record"]
    return found


def hand_in(folder: pathlib.Path, student: str, assignment: str, notebook: nbformat.NotebookNode) -> None:
    target = folder / "submitted" / student / assignment
    target.mkdir(parents=True)
    nbformat.write(notebook, target / f"{assignment}.ipynb")


@pytest.mark.parametrize("assignment", source_assignments(ROOT))
def test_the_solution_earns_every_automatic_mark(records, assignment):
    record = records["solution", assignment]
    lost = {
        name: (e["points"], e["max_points"], e["symptom"])
        for name, e in record["exercises"].items()
        if e["points"] < e["max_points"]
    }
    assert lost == {} and record["state"] == "graded", (record["state"], record["faults"])
    assert record["max_points"] > 0


@pytest.mark.parametrize("assignment", source_assignments(ROOT))
def test_the_untouched_release_earns_nothing_and_stops_nowhere(records, assignment):
    record = records["untouched", assignment]
    assert record["points"] == 0 and not record["faults"]
    assert {e["state"] for e in record["exercises"].values()} == {"not written"}
