"""A plug-in of pytest: nbgrader's own tests, in courses that use this grader.

A test of `MEANT` has to fail here, at an assertion: it holds nbgrader to what this grader does otherwise on purpose. Whatever
else fails, and whatever of `MEANT` passes, is a fault.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

_MISSING = "a missing notebook is a state of the submission, told to its student and to a person, and no failure"
#: What is otherwise on purpose: module, test, reason.
MEANT: dict[str, dict[str, str]] = {
    "test_nbgrader_autograde": {
        "test_grade_empty_timestamp": "a time that cannot be read is told and costs nothing; nbgrader ends the run for everybody",
        "test_handle_failure": "marks that the release does not know are left out, and the rest is graded",
        "test_handle_failure_single_notebook": "marks that the release does not know are left out, and the rest is graded",
        "test_missing_source_kernelspec": "the kernel is the release's; what a student's file says of it starts nothing",
        "test_no_execute": "outputs are the student's own to write: every submission is run, and a warning says so",
        "test_missing_files": _MISSING,
        "test_grade_missing_notebook": _MISSING,
    },
    "test_api": {"test_filter_existing_notebooks": _MISSING, "test_get_student_notebook_submissions": _MISSING},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests of `MEANT` fail; a name that nbgrader does not have any more ends the run."""
    for module, meant in MEANT.items():
        there = [item for item in items if item.path.stem == module]
        unknown = set(meant) - {item.originalname for item in there if isinstance(item, pytest.Function)}
        if there and unknown:
            raise pytest.UsageError(f"nbgrader has no {', '.join(sorted(unknown))} in {module}")
        for item in there:
            if isinstance(item, pytest.Function) and item.originalname in meant:
                item.add_marker(pytest.mark.xfail(reason=meant[item.originalname], raises=AssertionError, strict=True))


@pytest.fixture(autouse=True)
def on_this_grader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the configuration of a test's course call ours; tests without a course are as they are."""
    if {"temp_cwd", "course_dir"} <= set(request.fixturenames):
        request.getfixturevalue("temp_cwd")
        root = request.getfixturevalue("course_dir")
        with pathlib.Path("nbgrader_config.py").open("a", encoding="utf-8") as config:
            config.write(
                f"\nimport pathlib\nfrom photgrader.gradebook.plugin import configure\nconfigure(c, pathlib.Path({root!r}))\n"
            )
    yield
