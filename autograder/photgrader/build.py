"""Make ``release/`` and ``solutions/`` from ``source/``: only what changed, and prove that nothing is stale."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from photgrader import course
from photgrader.grading import content_hash

#: Longest time of one cell of a solution.
CELL_SECONDS = 120


@dataclass
class Built:
    """What was done for one assignment: ``"made"`` or ``"fresh"``, for release and solution."""

    assignment: str
    release: str
    solution: str
    seconds: float = 0.0


def source_assignments(root: pathlib.Path) -> list[str]:
    """Return the names of the assignments in ``source/``."""
    return sorted(p.name for p in (root / "source").iterdir() if p.is_dir() and any(p.glob("*.ipynb")))


def build_release(root: pathlib.Path, assignment: str) -> None:
    """Make the release of one assignment with nbgrader itself (and so enter it in the gradebook).

    Raises
    ------
    CourseError
        Where nbgrader could not make it.
    """
    result = course.nbgrader_api(root).generate_assignment(assignment, force=True, create=True)
    if not result["success"]:
        raise course.CourseError(f"The release of {assignment} could not be made:\n{result.get('log', '')}{result.get('error', '')}")
    _normalise(root / "release" / assignment)


def _normalise(folder: pathlib.Path) -> None:
    """Write a release's notebooks in one form, so that differences are small and mean something."""
    for path in folder.glob("*.ipynb"):
        body = json.loads(path.read_text(encoding="utf-8"))
        seen: set[str] = set()
        for index, cell in enumerate(body["cells"]):
            name = cell["metadata"].get("nbgrader", {}).get("grade_id") or f"{cell['cell_type']}-{index:03d}"
            cell["id"] = name if name not in seen else f"{name}-{index:03d}"
            seen.add(cell["id"])
        body["nbformat_minor"] = 5
        path.write_text(json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def solution_notebook(root: pathlib.Path, assignment: str, notebook: str) -> NotebookNode:
    """Return a source notebook executed, with figures, in a folder that has the release's check files.

    Raises
    ------
    CourseError
        Where a cell stops with an error.
    """
    from nbclient.exceptions import CellExecutionError

    path = root / "source" / assignment / f"{notebook}.ipynb"
    nb = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        checks = root / "release" / assignment / "checks"
        if checks.is_dir():
            shutil.copytree(checks, pathlib.Path(folder) / "checks")
        client = NotebookClient(nb, timeout=CELL_SECONDS, kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=40"], resources={"metadata": {"path": folder}})
        with _quiet_environment():
            try:
                client.execute()
            except CellExecutionError as problem:
                raise course.CourseError(f"The solution of {assignment} does not run: {problem}") from problem
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
    nb.metadata = nbformat.from_dict({"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                                      "language_info": {"name": "python"}})
    return nb


class _quiet_environment:
    """Embedded data, no colours: a solution looks the same wherever it is made."""

    _SET = {"PHOTCOURSE_DATA": "", "PHOTCOURSE_CACHE": "", "JUPYTER_PLATFORM_DIRS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def __enter__(self) -> None:
        self._kept = {name: os.environ.get(name) for name in self._SET}
        self._folder = tempfile.TemporaryDirectory()
        os.environ.update({**self._SET, "PHOTCOURSE_CACHE": self._folder.name})
        del os.environ["PHOTCOURSE_DATA"]

    def __exit__(self, *args: Any) -> None:
        for name, value in self._kept.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self._folder.cleanup()


def build_solution(root: pathlib.Path, assignment: str) -> None:
    """Make the executed solution of one assignment."""
    for notebook in course.notebooks(root, assignment):
        nb = solution_notebook(root, assignment, notebook)
        target = root / "solutions" / assignment / f"{notebook}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        course.write_atomically(target, json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        target.chmod(0o644)


def _inputs_hash(root: pathlib.Path, assignment: str) -> str:
    """Return the hash of all that a release and a solution are made of."""
    from photgrader.nbgrader_plugin import exercises_hash

    files = sorted(p for p in (root / "source" / assignment).rglob("*") if p.is_file())
    config = root / "nbgrader_config.py"
    parts = [p.relative_to(root).as_posix().encode() + b"\0" + p.read_bytes() for p in [*files, config]]
    return content_hash(exercises_hash(assignment).encode(), *parts)


def _stamps(root: pathlib.Path) -> pathlib.Path:
    return course.state_folder(root) / "built.json"


def _read_stamps(root: pathlib.Path) -> dict[str, str]:
    path = _stamps(root)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _registered(root: pathlib.Path, assignment: str) -> bool:
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(course.database_url(root)) as gradebook:
        try:
            return bool(gradebook.find_assignment(assignment).notebooks)
        except MissingEntry:
            return False


def build(root: pathlib.Path, assignments: list[str], *, force: bool = False, solutions: bool = True) -> Iterator[Built]:
    """Make releases and solutions that are not fresh; yield what was done, one assignment after the other.

    A release counts as fresh where source, exercises and configuration have not changed since it was made
    here; in a fresh clone everything is made once.
    """
    import time

    stamps = _read_stamps(root)
    for assignment in assignments:
        started = time.perf_counter()
        now = _inputs_hash(root, assignment)
        done = Built(assignment, "fresh", "fresh")
        if force or stamps.get(f"release/{assignment}") != now or not (root / "release" / assignment).is_dir() or not _registered(root, assignment):
            build_release(root, assignment)
            done.release = "made"
            stamps[f"release/{assignment}"] = now
        if solutions and (force or stamps.get(f"solutions/{assignment}") != now or not (root / "solutions" / assignment).is_dir()):
            build_solution(root, assignment)
            done.solution = "made"
            stamps[f"solutions/{assignment}"] = now
        course.write_atomically(_stamps(root), json.dumps(stamps, indent=1, sort_keys=True) + "\n")
        done.seconds = time.perf_counter() - started
        yield done
