"""nbgrader's formgrader on a gradebook that this grader filled: its pages and its interface say what is in the records.

A person's clicks on the same pages, on a hub, are in `tests/hub/test_end_to_end.py`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader.formgrader import load_jupyter_server_extension
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

import plain_kernel
from photgrader import coursedir
from photgrader.runs.run import grade_assignment
from support import ASSIGNMENT, RIGHT, submit

WRITTEN = "It adds noise and no light, so every estimate is pulled."
WRONG = "def second_moment(*given):\n    return 1.0, 2.0"


class Site:
    """A server with the formgrader, in this process."""

    def __init__(self, root: Any) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.app = ServerApp(
            root_dir=str(root), disable_check_xsrf=True, allow_root=True, open_browser=False, log_level="ERROR"
        )
        self.app.identity_provider_class.token.default_value = ""
        self.app.initialize(argv=[], find_extensions=False, new_httpserver=False)
        self.app.identity_provider.token = ""
        load_jupyter_server_extension(self.app)
        socket, port = bind_unused_port()
        self.address = f"http://127.0.0.1:{port}/formgrader/"
        self.server = HTTPServer(self.app.web_app)
        self.server.add_socket(socket)

    def ask(self, path: str, method: str = "GET", **body: Any) -> tuple[int, str]:
        """Return an answer's status and its text."""
        sent = None if method == "GET" else json.dumps(body)

        async def asked() -> Any:
            return await AsyncHTTPClient().fetch(
                self.address + path, method=method, body=sent, raise_error=False, request_timeout=120
            )

        answer = self.loop.run_until_complete(asked())
        return answer.code, answer.body.decode()

    def api(self, path: str, method: str = "GET", **body: Any) -> Any:
        """Return what the interface says."""
        code, text = self.ask(f"api/{path}", method, **body)
        assert code == 200, (path, code, text)
        return json.loads(text) if text else None

    def close(self) -> None:
        """End the server."""
        self.server.stop()
        self.loop.run_until_complete(self.server.close_all_connections())
        book = self.app.web_app.settings["nbgrader_gradebook"]
        if book is not None:
            book.close()
        self.loop.close()
        asyncio.set_event_loop(None)


@pytest.fixture(scope="module")
def graded(built_course, tmp_path_factory):
    """A graded class of four: a right one with a written answer, one mistake, a file that cannot be read, no file; not to be written to."""
    root = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(built_course, root)
    submit(root, "ada", {**RIGHT, "written-why": WRITTEN})
    submit(root, "ben", {**RIGHT, "centroid": WRONG.replace("second_moment", "centroid")})
    submit(root, "cleo", text='{"cells": [')
    submit(root, "dan").unlink()
    with pytest.MonkeyPatch.context() as patch:
        plain_kernel.in_this_process(patch)
        grade_assignment(root, ASSIGNMENT, "*", 1, False)
    return root


@pytest.fixture
def course(graded, tmp_path, monkeypatch):
    """A graded course of one's own, where a server would be started."""
    root = tmp_path / "course"
    shutil.copytree(graded, root)
    monkeypatch.chdir(root)
    # Nothing of this account's own is read or written.
    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name.lower()))
    return root


@pytest.fixture
def site(course):
    """The course's formgrader."""
    made = Site(course)
    yield made
    made.close()


def test_what_the_formgrader_says_is_what_is_in_the_records(site, course):
    records = {r.student: r for r in coursedir.read_records(course, ASSIGNMENT)}
    assert {n: r.points for n, r in records.items()} == {"ada": 7, "ben": 3, "cleo": 0, "dan": 0}
    (assignment,) = site.api("assignments")
    assert (assignment["num_submissions"], assignment["max_score"], assignment["average_code_score"]) == (4, 9, 2.5)
    told = {one["student"]: one for one in site.api(f"submissions/{ASSIGNMENT}")}
    assert {name: one["score"] for name, one in told.items()} == {name: r.points for name, r in records.items()}
    waits = {name for name, one in told.items() if one["needs_manual_grade"]}
    assert waits == {"ada", "cleo", "dan"}, "a written answer, and two states of a file"
    assert all(one["autograded"] and one["submitted"] for one in told.values())
    assert {one["id"]: one["score"] for one in site.api("students")} == {name: r.points for name, r in records.items()}
    failed = {n["student"]: n["failed_tests"] for n in site.api(f"submitted_notebooks/{ASSIGNMENT}/{ASSIGNMENT}")}
    assert failed == {"ada": False, "ben": True, "cleo": True, "dan": True}
    of_ben = site.api(f"student_notebook_submissions/ben/{ASSIGNMENT}")
    assert [(n["name"], n["code_score"], n["max_code_score"]) for n in of_ben] == [(ASSIGNMENT, 3, 7)]


PAGES = [
    *("manage_assignments", "manage_submissions/{}", "gradebook", "gradebook/{}", "gradebook/{}/{}"),
    *("manage_students", "manage_students/ada", "manage_students/ada/{}"),
]


def test_every_page_opens_and_so_does_each_submission_in_whatever_state_it_is(site):
    for page in PAGES:
        code, text = site.ask(page.format(ASSIGNMENT, ASSIGNMENT))
        assert code == 200 and '<ol class="breadcrumb">' in text, page
    said = {
        n["student"]: site.ask(f"submissions/{n['id']}/")
        for n in site.api(f"submitted_notebooks/{ASSIGNMENT}/{ASSIGNMENT}")
    }
    assert {name: code for name, (code, _) in said.items()} == dict.fromkeys(("ada", "ben", "cleo", "dan"), 200)
    assert all(text.count("For the marker") == 1 for _, text in said.values())
    assert WRITTEN in said["ada"][1] and "is not a notebook that can be read" in said["cleo"][1]
    assert "no notebook" in said["dan"][1].lower()


def test_a_mark_and_a_comment_given_there_are_in_the_gradebook_and_outlast_another_grading(site, course, here):
    (mine,) = (n["id"] for n in site.api(f"submitted_notebooks/{ASSIGNMENT}/{ASSIGNMENT}") if n["student"] == "ada")
    (written,) = (g for g in site.api(f"grades?submission_id={mine}") if g["name"] == "written-why")
    assert written["needs_manual_grade"] and written["max_score"] == 2
    site.api(f"grade/{written['id']}", "PUT", manual_score=1.5, extra_credit=0.5)
    (comment,) = (c for c in site.api(f"comments?submission_id={mine}") if c["name"] == "written-why")
    site.api(f"comment/{comment['id']}", "PUT", manual_comment="Right: noise and no light.")

    def now() -> tuple[float, bool]:
        (told,) = (s for s in site.api(f"submissions/{ASSIGNMENT}") if s["student"] == "ada")
        with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
            there = book.find_submission(ASSIGNMENT, "ada")
            assert (told["score"], told["needs_manual_grade"]) == (there.score, there.needs_manual_grade)
            assert there.notebooks[0].comments[-1].comment == "Right: noise and no light."
        return told["score"], told["needs_manual_grade"]

    assert now() == (9.0, False)
    # By the button, and by a command beside the server, which keeps its gradebook open.
    done = site.api(f"submission/{ASSIGNMENT}/ada/autograde", "POST")
    assert done["success"], done
    assert now() == (9.0, False)
    submit(course, "ada", {**RIGHT, "second_moment": WRONG, "written-why": WRITTEN})
    grade_assignment(course, ASSIGNMENT, "ada", 1, False)
    assert now() == (6.0, False)
    (n,) = (n for n in site.api(f"submitted_notebooks/{ASSIGNMENT}/{ASSIGNMENT}") if n["student"] == "ada")
    assert (n["code_score"], n["failed_tests"]) == (4, True)
    checks = {g["name"]: g["auto_score"] for g in site.api(f"grades?submission_id={mine}")}
    assert checks["check-second_moment"] == 0 and checks["check-centroid"] == 4
