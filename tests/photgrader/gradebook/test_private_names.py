"""What of nbgrader's insides this grader leans on."""

from __future__ import annotations

import functools
import importlib
import logging
import subprocess
import types

import nbgrader.api
import pytest
from nbgrader import dbutil
from nbgrader.converters.generate_feedback import GenerateFeedback

from photgrader.gradebook import app
from photgrader.gradebook.plugin import PRIVATE, install


@pytest.mark.parametrize(("module", "name"), PRIVATE, ids=[name for _, name in PRIVATE])
def test_nbgrader_has_still_what_is_leant_on(module, name):
    functools.reduce(getattr, name.split("."), importlib.import_module(module))


def test_a_new_gradebook_has_the_layout_that_nbgrader_itself_gives():
    app.scripts_on_path()
    with dbutil._temp_alembic_ini("sqlite://") as ini:
        said = subprocess.run(["alembic", "-c", ini, "heads"], capture_output=True, text=True, check=True).stdout
    install()
    assert nbgrader.api.get_alembic_version() == said.split()[0]


def test_beside_a_feedback_page_no_page_of_a_students_is_put(tmp_path):
    install()
    source, target = tmp_path / "autograded", tmp_path / "feedback"
    (source / "deep").mkdir(parents=True)
    for name in ("aaa.html", "deep/b.html", "timestamp.txt", "hw1.ipynb", "left.pyc"):
        (source / name).write_text(name)
    settings = types.SimpleNamespace(ignore=["*.pyc"])
    step = types.SimpleNamespace(
        coursedir=settings,
        log=logging.getLogger("a test"),
        _format_source=lambda *names: str(source),
        _format_dest=lambda *names: str(target),
    )
    GenerateFeedback.init_assignment(step, "hw1", "ada")
    assert [p.name for p in target.rglob("*")] == ["timestamp.txt"] and settings.ignore == ["*.pyc"]


def test_a_students_file_that_a_grader_opens_has_none_of_the_servers_rights():
    """The formgrader serves what lies beside a graded notebook, and a link in the notebook leads there: on the server's own address."""
    from nbgrader.server_extensions.formgrader import formgrader, handlers

    assert formgrader.handlers is handlers, "the server asks these"
    install()
    for own in ({}, {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}):
        asked = object.__new__(handlers.SubmissionFilesHandler)
        asked.application = types.SimpleNamespace(settings=own)
        said: dict[str, str] = {}
        asked.set_header = said.__setitem__
        asked.set_default_headers()
        assert said["Content-Security-Policy"].startswith("sandbox; default-src 'none';")
        assert said["X-Content-Type-Options"] == "nosniff"
