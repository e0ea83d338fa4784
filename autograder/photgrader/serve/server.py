"""The process of the live service that has the pages, and keeps those that grade and make feedback alive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import secrets
import signal
import sys
import urllib.parse
from collections.abc import Callable

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from photgrader import coursedir
from photgrader.gradebook import app, exchange
from photgrader.serve.access import Links, Viewer
from photgrader.serve.grader import ANEW, AlreadyServed, at_work
from photgrader.serve.queue import place
from photgrader.serve.told import Course
from photgrader.serve.web import application

#: Longest body of a request, which is a form, perhaps with a class list (`photgrader.serve.web.HandIn` has a limit of its own); and seconds between tries to start the grading process again.
LARGEST, AGAIN = 1_000_000, (1, 2, 5, 10, 30)


def metrics_token(root: pathlib.Path) -> str:
    """Return the token for the metrics, made at first use: ``.photgrader/live/metrics.token``."""
    path = place(root) / "metrics.token"
    if not path.exists():
        coursedir.write_atomically(path, secrets.token_urlsafe(24) + "\n")
        path.chmod(0o600)
    return path.read_text(encoding="utf-8").strip()


class Supervisor:
    """Keeps a process running.

    Parameters
    ----------
    kind : str
        ``"grading"`` or ``"pages"``.
    root : Path
        The course.
    workers : int
        Processes that grade; 0 for one a processor.
    course : Course
        Where what went wrong is noted.
    """

    def __init__(self, kind: str, root: pathlib.Path, workers: int, course: Course) -> None:
        self.kind, self.root, self.workers, self.course = kind, root, workers, course
        self.process: asyncio.subprocess.Process | None = None
        self._said = ""

    async def keep(self, stop: asyncio.Event) -> None:
        """Start the process, and start it again when it ends, until told to stop."""
        failures = 0
        while not stop.is_set():
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "photgrader.serve",
                self.kind,
                str(self.root),
                str(self.workers),
                str(os.getpid()),
                cwd=self.root,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            # What it started may hold its stderr open for longer than it lives, where it was killed.
            told = asyncio.create_task(self._tell(self.process))
            code = await self.process.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(told, 1)
            said = self._said
            if stop.is_set():
                break
            if code == ANEW:
                failures = 0
                continue
            reason = said.removeprefix("photgrader: ") if said.startswith("photgrader: ") else f"code {code}"
            self.course.queue.note(
                f"problems of {self.kind}", [f"The process for {self.kind} ended and is started again: {reason}"]
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), AGAIN[min(failures, len(AGAIN) - 1)])
            failures += 1

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        """Pass on what the process says, and remember the last line."""
        assert process.stderr is not None
        self._said = ""
        while line := await process.stderr.readline():
            sys.stderr.buffer.write(line)
            sys.stderr.flush()
            self._said = line.decode("utf-8", "replace").strip() or self._said

    async def end(self) -> None:
        """End the process."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 15)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


async def serve(root: pathlib.Path, port: int, workers: int, say: Callable[[str], None]) -> None:
    """Serve a course until the process is asked to end.

    Under JupyterHub, which says so in the environment, it listens where the hub wants it and the hub says who looks; else on the loopback address, for
    whoever has a link.

    Parameters
    ----------
    root : Path
        The course.
    port : int
        Where to listen, without a hub; 0 for any that is free.
    workers : int
        Processes that grade; 0 for one a processor.
    say : callable
        Told where the pages are.

    Raises
    ------
    CourseError
        One sentence: another service is at work, or the port is taken.
    """
    if at_work(root):
        raise AlreadyServed("A live service is at work on this course already; end that one first.")
    prefix, hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/"), "JUPYTERHUB_SERVICE_PREFIX" in os.environ
    address = urllib.parse.urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")) if hub else None
    host, port = (address.hostname or "127.0.0.1", address.port or port) if address else ("127.0.0.1", port)
    try:
        sockets = bind_sockets(port, host)
    except OSError as problem:
        raise coursedir.CourseError(
            f"The service cannot listen on port {port} ({problem.strerror}); end what does, or name another port."
        ) from problem
    # nbgrader reads its configuration once, here; a page that needs the gradebook finds it read.
    app.database_url(root)
    course_id = str(app.nbgrader_app(root).config.CourseDirectory.get("course_id", "")) or os.environ.get(
        "PHOTCOURSE_COURSE_ID", "course"
    )
    course, key = Course(root), coursedir.key(root)
    inbound = exchange.inbound_of(app.nbgrader_app(root).config)
    exchange.clear_unfinished(inbound)
    pages = application(
        course, course_id=course_id, prefix=prefix, key=key, hub=hub, metrics_token=metrics_token(root), inbound=inbound
    )
    server = HTTPServer(
        pages,
        xheaders=hub,
        max_body_size=LARGEST,
        max_buffer_size=LARGEST,
        idle_connection_timeout=600,
        body_timeout=300,
    )
    server.add_sockets(sockets)
    stop: asyncio.Event = pages.settings["stop"]
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    place_of = f"http://127.0.0.1:{sockets[0].getsockname()[1]}{prefix}"
    say(
        f"The service of {course_id} listens behind the hub, at {prefix}."
        if hub
        else f"Open {place_of}enter?token={Links(key).token(Viewer('instructor', 'instructor'))} (whoever has this link is an instructor). Ctrl-C ends the service."
    )
    supervisors = [Supervisor(kind, root, workers, course) for kind in ("grading", "pages")]
    keeping = [asyncio.create_task(s.keep(stop)) for s in supervisors]
    try:
        await stop.wait()
    finally:
        server.stop()
        await asyncio.gather(*(s.end() for s in supervisors))
        await asyncio.gather(*keeping)
        await server.close_all_connections()
