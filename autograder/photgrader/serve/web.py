"""The pages of the live service: who may see what is decided in one place (`Page.viewer`, `Page.try_of`), everything else only shows it."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import datetime
import functools
import hmac
import pathlib
import re
import sqlite3
import time
import urllib.parse
from typing import Any

import jinja2
import markupsafe
from tornado import httputil, web
from tornado.iostream import StreamClosedError

from photcheck.render import coded
from photgrader import coursedir
from photgrader.coursedir import deadlines
from photgrader.gradebook import roster
from photgrader.serve import class_list, hand_in, marking, metrics
from photgrader.serve.access import Links, Viewer, of_hub
from photgrader.serve.queue import Item
from photgrader.serve.told import Course, mistakes, points

HERE = pathlib.Path(__file__).parent
#: Longest text of a doubt, an answer or a comment, and most doubts of a student without an answer.
LONGEST, MOST_DOUBTS = 4000, 10
#: Most streams of one person, and seconds between signs of life on one.
MOST_STREAMS, BEAT = 6, 20.0
#: Most hand-ins of a student by the page, each within so many seconds; bytes that all send at once; and of a form beside its files.
MOST_HAND_INS, MOST_UNDER_WAY, FORM = ((10, 600.0), (60, 86400.0)), 400_000_000, 20_000
#: Seconds between looks for what changed.
TICK = 0.25
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#: A feedback page has no script, and could run none: what a student wrote is in it.
FEEDBACK_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
COOKIE = "photgrader-live"


@functools.lru_cache
def templates() -> jinja2.Environment:
    """Return the pages' templates; what is put into them is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    made.filters["moment"] = lambda seconds: (
        time.strftime("%d %b %Y, %H:%M:%S UTC", time.gmtime(seconds)) if seconds else ""
    )
    made.filters["stamp"] = lambda text: f"{text[:10]} {text[11:19]} UTC" if text else ""
    made.filters["coded"] = lambda text: markupsafe.Markup(coded(text))  # noqa: S704 (escaped there)
    made.filters["points"] = points
    made.filters["quoted"] = lambda text: urllib.parse.quote(str(text), safe="")
    # An upgrade beneath a service that runs brings templates that its code does not know.
    for name in made.list_templates():
        made.get_template(name)
    return made


class Page(web.RequestHandler):
    """A page: knows its viewer, is safe by its headers, and says what is wrong in a sentence."""

    #: The least role that may see it (`photgrader.serve.access.ROLES`).
    least = "student"

    @property
    def course(self) -> Course:
        """The course."""
        return self.settings["course"]

    def set_default_headers(self) -> None:
        """Set the headers of every answer."""
        for name, value in {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Server": "photgrader",
        }.items():
            self.set_header(name, value)

    def get_current_user(self) -> Any:
        """Return who the link's cookie says it is (without a hub)."""
        links: Links = self.settings["links"]
        viewer = links.viewer(self.get_cookie(COOKIE, "") or "")
        return None if viewer is None else {"viewer": viewer}

    @property
    def viewer(self) -> Viewer:
        """Who looks; set for each request before anything else."""
        return self._viewer

    def prepare(self) -> None:
        """Find out who looks, and turn away whoever may not."""
        model = self.current_user
        if not model and self.settings["hub"] and self.request.method == "GET" and "events" not in self.request.path:
            self.redirect(self.get_login_url())
            return
        viewer = of_hub(model, self.settings["course_id"]) if self.settings["hub"] else model and model["viewer"]
        if viewer is None:
            raise web.HTTPError(
                403,
                "You have no part in this course. Ask your instructor to add you."
                if model
                else "Open this page by the link that photgrader serve printed."
                if not self.settings["hub"]
                else "Log in on the hub first.",
            )
        if not self.settings["hub"] and viewer.name in self.course.queue.fact("taken out", []):
            # A link is good for as long as its student takes part; on a hub the hub says who does.
            raise web.HTTPError(403, "You have no part in this course any more. Ask your instructor to add you.")
        self._viewer: Viewer = viewer
        if self.least != "student" and not viewer.staff or self.least == "instructor" and viewer.role != "instructor":
            raise web.HTTPError(403, "This page is for those who teach the course.")
        self.course.refresh()

    def show(self, name: str, **words: Any) -> None:
        """Send a page."""
        token, form_token = self.form_token()
        shared = {
            "base": self.settings["prefix"],
            "viewer": self.viewer,
            "token": token,
            "form_token": form_token,
            "course_id": self.settings["course_id"],
            "alive": self.alive(),
            "trouble": self.course.trouble if self.viewer.staff else "",
        }
        self.finish(templates().get_template(name).render({**shared, **words}))

    def form_token(self) -> tuple[str, markupsafe.Markup]:
        """Return what shows that a form is one of our pages', and the field of a form that holds it."""
        given: Any = self.xsrf_token
        token = given.decode() if isinstance(given, bytes) else given
        return token, markupsafe.Markup('<input type="hidden" name="_xsrf" value="{}">').format(token)

    def alive(self) -> bool:
        """Whether the grading process was heard of lately."""
        return time.time() - self.course.queue.fact("alive", {"time": 0})["time"] < 60

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong in a sentence."""
        problem = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(problem, sqlite3.OperationalError) and self.request.method == "POST":
            # Whatever was asked for goes into the queue first.
            self.set_status(507)
            self.say(
                "507",
                f"Nothing was done: the service cannot write to its disk ({problem}). Make room, and do it again.",
            )
            return
        # Tornado doubles the signs that its log would take for places to fill in.
        reason = (problem.log_message or "").replace("%%", "%") if isinstance(problem, web.HTTPError) else ""
        sentence = {
            404: "There is no such page, or it is not yours to see.",
            500: "The service failed on this page; its log says why.",
        }.get(status_code, reason)
        self.say(str(status_code), sentence or "This cannot be done.")

    def say(self, title: str, sentence: str) -> None:
        """Send a page of one sentence."""
        page = templates().get_template("said.html")
        self.finish(page.render(base=self.settings["prefix"], title=title, sentence=sentence))

    def try_of(self, number: str) -> Item:
        """Return a try that the viewer may see; any other is not there, whether there is one or not."""
        item = self.course.queue.get(int(number)) if len(number) < 12 else None
        if item is None or not self.viewer.sees(item.student):
            raise web.HTTPError(404)
        return item

    def assignment(self, name: str) -> str:
        """Return the name of an assignment that there is."""
        if name not in self.course.assignments:
            raise web.HTTPError(404)
        return name

    def words(self, name: str, longest: int = LONGEST) -> str:
        """Return a text from a form."""
        text = self.get_body_argument(name, "").replace("\r\n", "\n").strip()
        if len(text) > longest:
            raise web.HTTPError(400, f"Write {longest} characters at most; these are {len(text)}.")
        return text

    async def asked(self, kind: str, body: dict[str, Any]) -> None:
        """Ask the grading process, who alone writes, for something, and wait a little for its answer.

        Raises
        ------
        HTTPError
            Where it was not done, or not yet.
        """
        number = self.course.queue.ask(kind, body, self.viewer.name)
        for _ in range(100):
            if answer := self.course.queue.answer_of(number):
                if answer.startswith("Not done"):
                    raise web.HTTPError(409, answer)
                return
            await asyncio.sleep(0.1)
        raise web.HTTPError(
            409, "This is kept, and not done yet: another run holds the gradebook. Open the page again in a moment."
        )


class Enter(Page):
    """Takes the link that the service printed (without a hub) and gives a cookie for it, so that it is in no address any more."""

    def prepare(self) -> None:
        """Anybody may try."""

    def get(self) -> None:
        """Look at the link; ask first where another page led here, or somebody else is logged in.

        Who is logged in by a link of somebody else's, without seeing it, would hand in their work as that person's.
        """
        viewer, there = self._asked(self.get_query_argument("token", "")), self.current_user
        led = self.request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        if not led and (there is None or there["viewer"] == viewer):
            self._let_in(viewer)
            return
        page, base = templates().get_template("enter.html"), self.settings["prefix"]
        link, who = self.settings["links"].token(viewer), there and there["viewer"].name
        self.finish(page.render(base=base, viewer=viewer, link=link, there=who, form_token=self.form_token()[1]))

    def post(self) -> None:
        """Take the word of whoever saw who the link is for; the form's token says that it was this page's."""
        self._let_in(self._asked(self.words("token", 1000)))

    def _asked(self, token: str) -> Viewer:
        viewer: Viewer | None = None if self.settings["hub"] else self.settings["links"].viewer(token)
        if viewer is None:
            raise web.HTTPError(
                403, "This link is not, or no longer, one of this service; it prints its own when it starts."
            )
        return viewer

    def _let_in(self, viewer: Viewer) -> None:
        token = self.settings["links"].token(viewer)
        self.set_cookie(COOKIE, token, path=self.settings["prefix"], httponly=True, samesite="Strict")
        self.redirect(self.settings["prefix"])


class Home(Page):
    """A student's page; the staff's first page is the class."""

    def get(self) -> None:
        """Show it."""
        if self.viewer.staff:
            self.redirect(self.settings["prefix"] + "class")
            return
        _student_page(self, self.viewer.name)


class OfStudent(Page):
    """A student's page as the staff sees it."""

    def get(self, name: str) -> None:
        """Show it."""
        if not self.viewer.sees(name):
            raise web.HTTPError(404)
        _student_page(self, name)


def _student_page(page: Page, student: str) -> None:
    course, tries = page.course, page.course.queue.of_student(student)
    rows = []
    for name in course.assignments:
        own = [t for t in tries if t.assignment == name and not (t.state == "graded" and not t.folder and not t.counts)]
        counting = next((t for t in own if t.counts), None)
        rows.append(
            {
                "name": name,
                "due": course.due(name, student),
                "notebooks": coursedir.notebooks(course.root, name),
                "most": hand_in.most_bytes(course.root, name),
                "too_large": hand_in.too_large(hand_in.most_bytes(course.root, name)),
                "rules": course.rules(name),
                "counting": counting and course.told(counting, page.viewer),
                "tries": [course.told(t, page.viewer) for t in own],
            }
        )
    page.show("student.html", student=student, rows=rows, doubts=course.queue.doubts(student), hub=page.settings["hub"])


class Try(Page):
    """One try: what was right, hints, the feedback page in place, and a doubt about it."""

    def get(self, number: str) -> None:
        """Show it."""
        item = self.try_of(number)
        told = self.course.told(item, self.viewer)
        doubts = [d for d in self.course.queue.doubts(item.student) if d["try"] == item.id]
        self.show(
            "try.html", told=told, item=item, written=item.assignment in self.course.by_hand, doubts=doubts, said=""
        )

    def post(self, number: str) -> None:
        """Keep a doubt about a mark."""
        item = self.try_of(number)
        if item.student != self.viewer.name or item.state != "graded":
            raise web.HTTPError(403, "Doubts are the student's own, about a try that is graded.")
        exercise, text = self.words("exercise", 200), self.words("text")
        if exercise not in item.verdict["exercises"] and exercise:
            raise web.HTTPError(400, "There is no such exercise in this try.")
        if not text:
            raise web.HTTPError(400, "Say in a sentence what you doubt.")
        if sum(d["answered"] is None for d in self.course.queue.doubts(item.student)) >= MOST_DOUBTS:
            raise web.HTTPError(429, f"{MOST_DOUBTS} of your doubts wait for an answer; wait for these first.")
        self.course.queue.doubt(item, exercise, text)
        self.redirect(f"{self.settings['prefix']}try/{item.id}#doubts")


def form_with_files(
    headers: httputil.HTTPHeaders, body: bytes, otherwise: str = ""
) -> tuple[dict[str, list[bytes]], dict[str, list[httputil.HTTPFile]]]:
    """Return the fields and the files of a form.

    What parts a form is chosen by who sends it. Looked for in what is made for it, a long one takes minutes, so one of more
    than the 70 signs of RFC 2046, or one that does not end the form, is not looked for at all; no other page takes such forms.

    Raises
    ------
    HTTPError
        One sentence, and `otherwise` behind it.
    """
    kind = headers.get("Content-Type", "")
    marks = [v.strip('"') for k, _, v in (part.strip().partition("=") for part in kind.split(";")) if k == "boundary"]
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[httputil.HTTPFile]] = {}
    try:
        end = f"--{marks[0]}--".encode("latin-1")
        if len(end) > 74 or not body.rstrip(b"\r\n").endswith(end):
            raise ValueError
        httputil.parse_body_arguments(kind, body, fields, files, config=httputil.ParseBodyConfig())
    except (IndexError, ValueError, httputil.HTTPInputError):
        raise web.HTTPError(400, f"What came is no form of this page. {otherwise}".strip()) from None
    return fields, files


@web.stream_request_body
class HandIn(Page):
    """Takes a hand-in from a student's own page, and answers in one sentence.

    The form's token is in its address: who sends is known, and may, before anything of the body is read.
    """

    def prepare(self) -> None:
        """Turn away who may not hand in, or sends too much, before it is sent."""
        self._parts: list[bytes] = []
        self._over = self._crowded = False
        super().prepare()
        if self._finished or self.request.method != "POST":
            return
        name = self.assignment(self.path_args[0])
        if self.viewer.role != "student":
            raise web.HTTPError(403, "Students hand in here, each for themselves.")
        under_way: dict[str, int] = self.settings["uploads"]
        times: collections.deque[float] = self.settings["handed_in"].setdefault(
            self.viewer.name, collections.deque(maxlen=max(most for most, _ in MOST_HAND_INS))
        )
        now = time.monotonic()
        for most, seconds in MOST_HAND_INS:
            if len(times) >= most and now - times[-most] < seconds:
                minutes = int((seconds - now + times[-most]) // 60) + 1
                raise web.HTTPError(
                    429,
                    f"You handed in {most} times just now; wait {minutes} minute{'s' * (minutes > 1)}. {hand_in.NOTHING}",
                )
        if self.viewer.name in under_way:
            raise web.HTTPError(429, f"Another hand-in of yours is under way; wait for its answer. {hand_in.NOTHING}")
        try:
            length = int(self.request.headers.get("Content-Length", ""))
        except ValueError:
            raise web.HTTPError(411, f"The browser did not say how much it sends. {hand_in.NOTHING}") from None
        self._most = hand_in.most_bytes(self.course.root, name) + FORM
        # What is somewhat too large is read and dropped, so that the browser stays for the sentence.
        connection: Any = self.request.connection
        connection.set_max_body_size(4 * self._most)
        if length > 4 * self._most:
            raise web.HTTPError(413, hand_in.too_large(self._most - FORM))
        self._over = length > self._most
        under_way[self.viewer.name] = 0
        self._counted = True
        times.append(now)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body."""
        if self._over or self._crowded:
            return
        # What has come counts, and not what somebody says will come.
        under_way: dict[str, int] = self.settings["uploads"]
        self._crowded = sum(under_way.values()) + len(chunk) > MOST_UNDER_WAY
        if self._crowded:
            self._parts, under_way[self.viewer.name] = [], 0
        else:
            self._parts.append(chunk)
            under_way[self.viewer.name] += len(chunk)

    def on_finish(self) -> None:
        """Make room for the next one."""
        self._parts = []
        if getattr(self, "_counted", False):
            self._counted = False
            self.settings["uploads"].pop(self.viewer.name, None)

    def on_connection_close(self) -> None:
        """Make room where the browser went away."""
        self.on_finish()

    def get(self, assignment: str) -> None:
        """Lead whoever opens the address by itself to the page."""
        self.redirect(self.settings["prefix"])

    async def post(self, assignment: str) -> None:
        """Hand in, and say so."""
        course, most = self.course, self._most - FORM
        if self._over:
            raise web.HTTPError(413, hand_in.too_large(most))
        if self._crowded:
            raise web.HTTPError(503, f"Many hand in at this moment; hand in again in a minute. {hand_in.NOTHING}")
        files = form_with_files(self.request.headers, b"".join(self._parts), hand_in.NOTHING)[1]
        self._parts = []
        sent = [hand_in.Sent(_base_name(f.filename), f.body) for f in files.get("files", [])]
        # Who hands in at the last minute does not wait for others' notebooks being read.
        now, deadline = datetime.datetime.now(datetime.UTC), course.deadlines.get(assignment)
        try:
            await asyncio.get_running_loop().run_in_executor(
                self.settings["readers"],
                hand_in.hand_in,
                course.root,
                self.settings["inbound"],
                self.viewer.name,
                assignment,
                sent,
                now,
                deadline,
            )
        except hand_in.NotTaken as problem:
            raise web.HTTPError(problem.status, problem.sentence) from None
        self.say("Handed in", course.taken(assignment, self.viewer.name, now))


def _base_name(name: str) -> str:
    """Return a file's name without the folders that some browsers send."""
    return re.split(r"[/\\]", name)[-1]


class Feedback(Page):
    """The feedback page of one notebook, for a frame that runs nothing."""

    def get(self, number: str, notebook: str | None = None) -> None:
        """Send it; that of the first notebook where none is named."""
        item = self.try_of(number)
        pages = self.course.pages(item) if self.course.told(item, self.viewer).feedback else {}
        page = pages.get(notebook or next(iter(pages), ""))
        if page is None:
            raise web.HTTPError(404)
        self.set_header("Content-Security-Policy", FEEDBACK_POLICY)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page.read_bytes())


class Events(Page):
    """Tells a page that something on it changed, as it happens (server-sent events); what, the page asks for itself."""

    _gone = False

    def on_connection_close(self) -> None:
        """End with the page: who goes through many pages has one open, and not all of them."""
        self._gone = True

    def state(self) -> tuple[bool, list[str]]:
        """Return what every page says of the service itself."""
        return self.alive(), self.course.queue.problems() if self.viewer.staff else []

    async def get(self) -> None:
        """Stay, and tell."""
        streams: dict[str, int] = self.settings["streams"]
        name = self.viewer.name
        if streams.get(name, 0) >= MOST_STREAMS:
            raise web.HTTPError(429, "Too many of your pages are open at once.")
        streams[name] = streams.get(name, 0) + 1
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        try:
            seen, beat, state = self.course.queue.last_change(), 0.0, self.state()
            while not self.settings["stop"].is_set() and not self._gone:
                now = time.monotonic()
                last = self.course.queue.last_change()
                whose = self.course.queue.changed_since(seen) if last != seen else set()
                before, seen, state = state, last, self.state()
                if (whose and (self.viewer.staff or name in whose)) or state != before:
                    self.write(f"event: change\ndata: {last}\n\n")
                    await self.flush()
                    # A burst is one change.
                    await asyncio.sleep(TICK)
                elif now - beat > BEAT:
                    beat = now
                    self.write(": here\n\n")
                    await self.flush()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.settings["stop"].wait(), TICK)
        except StreamClosedError:
            pass
        finally:
            streams[name] -= 1


class Class(Page):
    """The staff's page: queue, states, troubles, mistakes of now, who stands where, doubts."""

    least = "marker"

    def get(self) -> None:
        """Show it."""
        queue, course = self.course.queue, self.course
        roster = queue.fact("roster", {})
        standing = {name: queue.standing(name) for name in course.assignments}
        students = sorted({*roster, *(i.student for items in standing.values() for i in items)})
        by = {(i.student, i.assignment): i for items in standing.values() for i in items}
        seconds = [s for s, _ in queue.seconds(100)]
        links = {}
        if not self.settings["hub"] and self.viewer.role == "instructor":
            links = {
                s: f"{self.settings['prefix']}enter?token={self.settings['links'].token(Viewer(s, 'student'))}"
                for s in students
            }
        self.show(
            "class.html",
            counts=queue.counts(),
            under_way=queue.under_way(30),
            recent=queue.recent(15),
            problems=queue.problems(),
            assignments=[
                {
                    "name": n,
                    "due": course.deadlines[n].due if n in course.deadlines else None,
                    "rules": course.rules(n),
                    "extensions": sorted(course.deadlines[n].extensions.items()) if n in course.deadlines else [],
                    "handed_in": len(standing[n]),
                    "mistakes": mistakes(standing[n])[:8],
                    "states": _states(standing[n]),
                }
                for n in course.assignments
            ],
            students=students,
            roster=roster,
            by=by,
            batches=queue.batches(),
            jobs=queue.jobs(6),
            doubts=sum(d["answered"] is None for d in queue.doubts()),
            median=sorted(seconds)[len(seconds) // 2] if seconds else None,
            links=links,
        )

    def post(self) -> None:
        """Ask for a run over all that changed, or for feedback pages anew."""
        if self.viewer.role != "instructor":
            raise web.HTTPError(403, "Only an instructor starts a run.")
        kind = self.words("kind", 20)
        if kind not in ("grade", "pages"):
            raise web.HTTPError(400, "There is no such thing to do.")
        self.course.queue.ask(kind, {"assignment": self.assignment(self.words("assignment", 200))}, self.viewer.name)
        self.redirect(self.settings["prefix"] + "class")


def _states(items: list[Item]) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for item in items:
        state = item.verdict.get("state", "?")
        found[state] = found.get(state, 0) + 1
    return sorted(found.items(), key=lambda row: -row[1])


class Doubts(Page):
    """Doubts of students, with what repeats the verdict, and their answers."""

    least = "marker"

    def get(self) -> None:
        """Show them."""
        queue = self.course.queue
        doubts = [
            d | {"record": item.record_of(d["exercise"])} for d in queue.doubts() if (item := queue.get(d["try"]))
        ]
        self.show("doubts.html", doubts=doubts)

    def post(self) -> None:
        """Answer one."""
        number, text = self.words("number", 12), self.words("answer")
        if (
            not text
            or not re.fullmatch(r"\d{1,11}", number)
            or not self.course.queue.answer_doubt(int(number), text, self.viewer.name)
        ):
            raise web.HTTPError(400, "Say which doubt, and the answer in a sentence.")
        self.redirect(self.settings["prefix"] + "doubts")


class Marking(Page):
    """Answers that a person marks: the rubric beside the answer, equal answers together, the next unmarked first."""

    least = "marker"

    async def get(self, assignment: str) -> None:
        """Show the questions of an assignment, and the next answer to one of them."""
        name, question = self.assignment(assignment), self.get_query_argument("question", "")
        # nbgrader reads the gradebook by itself, and other pages do not wait for it.
        questions = await asyncio.get_running_loop().run_in_executor(None, marking.questions, self.course.root, name)
        found = next((q for q in questions if q.id == question), None) or next((q for q in questions if q.open), None)
        at = self.get_query_argument("group", "")
        group = found and (
            next((g for g in found.groups if g.id == at), None) or next((g for g in found.groups if not g.done), None)
        )
        self.show("marking.html", assignment=name, questions=questions, question=found, group=group)

    async def post(self, assignment: str) -> None:
        """Give marks to a group of equal answers."""
        name, question, group = self.assignment(assignment), self.words("question", 400), self.words("group", 80)
        questions = await asyncio.get_running_loop().run_in_executor(None, marking.questions, self.course.root, name)
        found = next((q for q in questions if q.id == question), None)
        answers = next((g for g in found.groups if g.id == group), None) if found is not None else None
        if found is None or answers is None:
            raise web.HTTPError(
                409, "This answer is another one by now: somebody handed in again, or it is gone. Open the page again."
            )
        try:
            score = float(self.words("score", 20).replace(",", "."))
        except ValueError:
            raise web.HTTPError(400, "The points should be a number.") from None
        if not 0 <= score <= found.most:
            raise web.HTTPError(400, f"The points should be from 0 to {found.most:g}.")
        students = answers.students if self.words("all", 5) else answers.students[:1]
        await self.asked(
            "mark",
            {
                "assignment": name,
                "notebook": found.notebook,
                "question": found.name,
                "students": students,
                "score": score,
                "comment": self.words("comment"),
            },
        )
        self.redirect(
            f"{self.settings['prefix']}marking/{urllib.parse.quote(name)}?question={urllib.parse.quote(question)}"
        )


class Deadlines(Page):
    """Due dates, extensions and what being late costs, read and changed where the commands read them: in ``deadlines.yaml``."""

    least = "instructor"

    def get(self) -> None:
        """Show them."""
        course = self.course
        text = "" if course.trouble else deadlines.read_text(course.root)
        self.show(
            "deadlines.html",
            assignments=[
                {
                    "name": n,
                    "words": course.due(n, ""),
                    "deadline": course.deadlines.get(n),
                    "extensions": sorted(course.deadlines[n].extensions.items()) if n in course.deadlines else [],
                    "rules": {r: f"{v:g}" for r, v in deadlines.rules_in(text, n).items()},
                }
                for n in course.assignments
            ],
            common={r: f"{v:g}" for r, v in deadlines.rules_in(text).items()},
            zone=deadlines.zone_of(text),
            students=sorted(course.queue.fact("roster", {})),
            answers=_answers(course, "deadline"),
        )

    async def post(self) -> None:
        """Change a due date, an extension, or what being late costs."""
        name, student = self.words("assignment", 200), self.words("student", 200)
        if rules := {r: self.words(r, 40) for r in deadlines.RULES if self.get_body_arguments(r)}:
            await self._change(name and self.assignment(name), rules=rules)
            return
        self.assignment(name)
        if student and student not in self.course.queue.fact("roster", {}):
            raise web.HTTPError(400, f"{student} is not in the class list, so no extension is given.")
        until, zone = self.words("until", 40), self.words("zone", 60)
        if not until and (not student or not self.words("take", 5)):
            raise web.HTTPError(400, "Give a day and a time of day.")
        due, extensions = ("", {student: until}) if student else (until, {})
        await self._change(name, due=due, extensions=extensions, zone=zone)

    async def _change(self, name: str, **wanted: Any) -> None:
        try:
            # A slip is told before anything is asked of the grading process, which alone writes.
            deadlines.changed(deadlines.read_text(self.course.root), name, **wanted)
        except coursedir.CourseError as problem:
            raise web.HTTPError(400, str(problem)) from None
        await self.asked("deadline", {"assignment": name, **wanted})
        self.redirect(self.settings["prefix"] + "deadlines")


def _answers(course: Course, kind: str) -> list[str]:
    """Return how the last things of a kind went that were asked for; what waits says so."""
    return [
        job["answer"] if job["done"] else f"Asked for by {job['asked_by']}; it waits for the grading process."
        for job in course.queue.jobs(50)
        if job["kind"] == kind
    ][:3]


class Roster(Page):
    """The class list: who is in the gradebook, who may log in on the hub; students are added and taken out."""

    least = "instructor"

    async def get(self) -> None:
        """Show it."""
        loop = asyncio.get_running_loop()
        people = await loop.run_in_executor(None, class_list.people, self.course.root)
        on_hub = await class_list.on_hub(self.settings["course_id"]) if self.settings["hub"] else None
        self.show(
            "roster.html",
            people=people,
            on_hub=on_hub,
            missing=sorted((on_hub or set()) - {p.id for p in people}),
            hub=self.settings["hub"],
            answers=_answers(self.course, "roster"),
        )

    async def post(self) -> None:
        """Add students, one or a list of them, or take one out."""
        body: dict[str, Any]
        if out := self.words("out", 200):
            body = {"out": out}
        else:
            body = listed(class_list.one({f: self.words(f, 200) for f in roster.FIELDS}))
        await self.asked("roster", body)
        self.redirect(self.settings["prefix"] + "roster")


def listed(text: bytes, remove: bool = False) -> dict[str, Any]:
    """Return what is asked of the grading process with a class list.

    Raises
    ------
    HTTPError
        One sentence: what is wrong with the list.
    """
    try:
        found = roster.read_roster(text)
    except coursedir.CourseError as problem:
        raise web.HTTPError(400, str(problem)) from None
    if found.left_out:
        raise web.HTTPError(400, f"{found.left_out[0]}. Nobody was added.")
    return {"layout": found.layout, "people": [dataclasses.asdict(p) for p in found.people], "remove": remove}


@web.stream_request_body
class ClassFile(Page):
    """Takes a class list as a file; as with `HandIn` the form's token is in its address."""

    least = "instructor"

    def prepare(self) -> None:
        """Let an instructor send."""
        self._parts: list[bytes] = []
        super().prepare()

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body, which the server bounds."""
        self._parts.append(chunk)

    def get(self) -> None:
        """Lead whoever opens the address by itself to the page."""
        self.redirect(self.settings["prefix"] + "roster")

    async def post(self) -> None:
        """Add those who are in it."""
        fields, files = form_with_files(self.request.headers, b"".join(self._parts))
        if not files.get("list"):
            raise web.HTTPError(400, "Choose the file first.")
        await self.asked("roster", listed(files["list"][0].body, bool(fields.get("remove"))))
        self.redirect(self.settings["prefix"] + "roster")


class Metrics(Page):
    """Numbers for Prometheus, by the token in ``.photgrader/live/metrics.token`` or for an instructor."""

    least = "instructor"

    def prepare(self) -> None:
        """Let the one in who has the token."""
        given = self.request.headers.get("Authorization", "")
        if not hmac.compare_digest(
            given.encode("utf-8", "replace"), f"Bearer {self.settings['metrics_token']}".encode()
        ):
            super().prepare()

    def get(self) -> None:
        """Send them."""
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(metrics.text(self.course.queue))


class Static(web.StaticFileHandler):
    """The style and the script, which are no secret."""

    def set_extra_headers(self, path: str) -> None:
        """Set the headers."""
        self.set_header("X-Content-Type-Options", "nosniff")


class Missing(Page):
    """Any other address."""

    def prepare(self) -> None:
        """Nobody needs to be known."""
        raise web.HTTPError(404)


#: Which page is where; `STUDENT` may hold whatever a name may, quoted.
ROUTES: list[tuple[str, type[Page]]] = [
    ("", Home),
    ("enter", Enter),
    ("events", Events),
    ("student/([^/]+)", OfStudent),
    (r"try/(\d+)", Try),
    (r"try/(\d+)/feedback(?:/([^/]+))?", Feedback),
    ("hand-in/([^/]+)", HandIn),
    ("class", Class),
    ("doubts", Doubts),
    ("marking/([^/]+)", Marking),
    ("deadlines", Deadlines),
    ("roster", Roster),
    ("roster/list", ClassFile),
    ("metrics", Metrics),
]


def application(
    course: Course, *, course_id: str, prefix: str, key: bytes, hub: bool, metrics_token: str, inbound: pathlib.Path
) -> web.Application:
    """Return the service's application.

    Parameters
    ----------
    course : Course
        The course.
    course_id : str
        Its name, from which the hub's groups have theirs.
    prefix : str
        Where the pages are, as ``/services/starlight-live/``.
    key : bytes
        The course's key, from which links and cookies are made.
    hub : bool
        Whether JupyterHub says who looks.
    metrics_token : str
        Who shows it may read the metrics.
    inbound : Path
        Where the exchange has hand-ins.
    """
    templates()
    dressed: list[Any] = []
    for path, page in ROUTES:
        kind: Any = page
        if hub:
            from jupyterhub.services.auth import HubOAuthenticated

            # The hub's own class comes first: it says who it is, and checks the token of forms in the hub's way.
            kind = type(page.__name__, (HubOAuthenticated, page), {})
        dressed.append((re.escape(prefix) + path, kind))
    if hub:
        from jupyterhub.services.auth import HubOAuthCallbackHandler

        dressed.append((re.escape(prefix) + "oauth_callback", HubOAuthCallbackHandler))
    dressed += [(re.escape(prefix) + "static/(style.css|live.js|favicon.svg)", Static, {"path": str(HERE / "static")})]
    # Forms with files are read by `form_with_files`, where one is expected, and nowhere else.
    httputil.set_parse_body_config(httputil.ParseBodyConfig(multipart=httputil.ParseMultipartConfig(enabled=False)))
    secret = hmac.new(key, b"photgrader live cookies 1", "sha256").hexdigest()
    return web.Application(
        dressed,
        default_handler_class=Missing,
        course=course,
        course_id=course_id,
        prefix=prefix,
        hub=hub,
        links=Links(key),
        streams={},
        stop=asyncio.Event(),
        metrics_token=metrics_token,
        inbound=inbound,
        uploads={},
        handed_in={},
        # What a student sends is read by two at a time, each in a process of its own.
        readers=concurrent.futures.ThreadPoolExecutor(2),
        cookie_secret=secret,
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"path": prefix, "samesite": "Strict" if not hub else "Lax", "httponly": True},
    )


__all__ = ["ROUTES", "Page", "application"]
