"""The live service's pages without a grading process, and people's browsers, for the tests."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
import secrets
import threading
import urllib.parse
from collections.abc import Iterator

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from photgrader import coursedir
from photgrader.serve import web
from photgrader.serve.access import Viewer
from photgrader.serve.grader import Grader
from photgrader.serve.server import LARGEST
from photgrader.serve.told import Course
from support import ASSIGNMENT, told_of_a_verdict

ADA, BEN, MARK, PROF = (
    Viewer("ada", "student"),
    Viewer("ben", "student"),
    Viewer("mark", "marker"),
    Viewer("prof", "instructor"),
)
#: A token of a form, as Tornado makes them, and its cookie.
MARK_OF_A_PAGE = "2|" + "00000000|" + "ab" * 16 + "|1790000000"
EVIL = "<script>alert(1)</script>"


def verdict(points: float = 3.0, **more) -> dict:
    exercises = {
        "centroid": {
            "points": points,
            "max_points": 4,
            "state": "partly right",
            "sentence": "2 of 5 cases are wrong. x and y exchanged.",
            "symptom": f"x is off {EVIL}",
            "hint_title": "x and y exchanged",
            "extra": False,
        }
    }
    repairs = [f"a cell {EVIL} was mended"]
    return told_of_a_verdict(points=points, repairs=repairs, exercises=exercises, **more)


class Site:
    """A service without a grading process, and people's browsers."""

    def __init__(self, root) -> None:
        self.root, self.course = root, Course(root)
        self.queue = self.course.queue
        self.app = web.application(
            self.course,
            course_id="starlight",
            prefix="/live/",
            key=coursedir.key(root),
            hub=False,
            metrics_token="m" * 30,
            inbound=root / "inbound",
        )
        for student in ("ada", "ben"):
            self.graded(student)
        self.queue.note("roster", {"ada": "Ada L", "ben": ""})

    def graded(self, student: str, number: int = 1, counts: bool = True, page: str = "<p>feedback</p>", **more) -> int:
        self.queue.add(f"{student}+{ASSIGNMENT}+{number}", student, ASSIGNMENT, f"2026-11-28T10:0{number}:00+00:00")
        item = self.queue.next()
        self.queue.finish(item.id, "graded", "", verdict(**more), counts)
        folder = self.root / ".photgrader" / "live" / "pages" / str(item.id)
        folder.mkdir(parents=True)
        (folder / f"{ASSIGNMENT}.html").write_text(f"{page}{EVIL} of {student}")
        while (due := self.queue.without_page()) is not None:
            self.queue.page_made(due)
        return item.id

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Have the grading process's own object do what pages ask for, in a thread; nothing is graded."""
        ready, stop = threading.Event(), threading.Event()

        def work() -> None:
            grader = Grader(self.root)
            ready.set()
            while not stop.wait(0.02):
                grader._do_job()
            grader.queue.close()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            # On a busy machine to begin takes longer than a page waits.
            assert ready.wait(120)
            yield
        finally:
            stop.set()
            thread.join()

    def number(self, student: str) -> int:
        return self.queue.counting(student, ASSIGNMENT).id

    async def ask(
        self, path: str, viewer: Viewer | None = None, form: dict | None = None, token: bool = True, **headers: str
    ):
        server, (socket, port) = (
            HTTPServer(self.app, max_body_size=LARGEST, max_buffer_size=LARGEST),
            bind_unused_port(),
        )
        server.add_socket(socket)
        try:
            cookie = [f"{web.COOKIE}={self.app.settings['links'].token(viewer)}"] if viewer else []
            if form is not None:
                cookie.append(f'_xsrf="{MARK_OF_A_PAGE}"')
                body = urllib.parse.urlencode({**form, **({"_xsrf": MARK_OF_A_PAGE} if token else {})})
            return await AsyncHTTPClient(force_instance=True).fetch(
                f"http://127.0.0.1:{port}{path}",
                method="GET" if form is None else "POST",
                body=None if form is None else body,
                raise_error=False,
                follow_redirects=False,
                connect_timeout=120,
                request_timeout=120,
                headers={**({"Cookie": "; ".join(cookie)} if cookie else {}), **headers},
            )
        finally:
            server.stop()

    def get(self, path: str, viewer: Viewer | None = None, **headers: str):
        return asyncio.run(self.ask(path, viewer, **headers))

    def post(self, path: str, viewer: Viewer, token: bool = True, **form: str):
        return asyncio.run(self.ask(path, viewer, form, token))

    def hand_in(
        self, viewer: Viewer, files: list[tuple[str, bytes]], assignment: str = ASSIGNMENT, token: bool = True
    ) -> tuple[int, str]:
        """Send files by the form of a student's page; return the status, and the sentence that the student reads."""
        return self.send(f"hand-in/{urllib.parse.quote(assignment, safe='')}", viewer, files, token)

    def send(
        self,
        path: str,
        viewer: Viewer,
        files: list[tuple[str, bytes]],
        token: bool = True,
        field: str = "files",
        border: str = "",
    ) -> tuple[int, str]:
        """Send files by a form; return the status, and the sentence of the answer."""

        async def send():
            server, (socket, port) = (
                HTTPServer(self.app, max_body_size=LARGEST, max_buffer_size=LARGEST),
                bind_unused_port(),
            )
            server.add_socket(socket)
            parted = border or secrets.token_hex(8)
            parts = [
                f'--{parted}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
                + text
                + b"\r\n"
                for name, text in files
            ]
            cookies = f'{web.COOKIE}={self.app.settings["links"].token(viewer)}; _xsrf="{MARK_OF_A_PAGE}"'
            query = "?" + urllib.parse.urlencode({"_xsrf": MARK_OF_A_PAGE}) if token else ""
            try:
                return await AsyncHTTPClient(force_instance=True).fetch(
                    f"http://127.0.0.1:{port}/live/{path}{query}",
                    method="POST",
                    body=b"".join(parts) + f"--{parted}--\r\n".encode(),
                    raise_error=False,
                    follow_redirects=False,
                    connect_timeout=120,
                    request_timeout=120,
                    headers={"Cookie": cookies, "Content-Type": f"multipart/form-data; boundary={parted}"},
                )
            finally:
                server.stop()

        answer = asyncio.run(send())
        said = re.findall("<h1>(.*)</h1>", answer.body.decode())
        return answer.code, html.unescape(said[0]) if said else ""
