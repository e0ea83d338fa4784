"""A plug-in of pytest: nbgrader's own tests, in courses that use this grader."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest


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
