"""The pages: who may see what, by any address; what is told; forms that are the page's own; nothing of a student's runs."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import re
import shutil
import sqlite3

import nbformat
import pytest
from live_site import ADA, BEN, EVIL, MARK, PROF, Site
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from photgrader.serve import marking, web
from photgrader.serve.access import Viewer, of_hub, role_of
from support import ASSIGNMENT, ROOT


@pytest.fixture
def site(tmp_path):
    """A service of a course of which pages need no more than that there is a release."""
    (tmp_path / "release" / ASSIGNMENT).mkdir(parents=True)
    made = Site(tmp_path)
    yield made
    made.queue.close()


def test_every_page_by_everybody(tiny_course):
    """The table of who may see what: nobody, the student whose it is, another student, a marker, an instructor."""
    site = Site(tiny_course)
    ada = site.number("ada")
    table = {
        "/live/": (403, 200, 200, 302, 302),
        f"/live/try/{ada}": (403, 200, 404, 200, 200),
        f"/live/try/{ada}/feedback": (403, 200, 404, 200, 200),
        "/live/student/ada": (403, 200, 404, 200, 200),
        "/live/class": (403, 403, 403, 200, 200),
        "/live/doubts": (403, 403, 403, 200, 200),
        f"/live/marking/{ASSIGNMENT}": (403, 403, 403, 200, 200),
        "/live/metrics": (403, 403, 403, 403, 200),
        "/live/deadlines": (403, 403, 403, 403, 200),
        "/live/roster": (403, 403, 403, 403, 200),
        "/live/roster/list": (403, 403, 403, 403, 302),
        f"/live/hand-in/{ASSIGNMENT}": (403, 302, 302, 302, 302),
    }
    assert {re.sub(r"\\", "", p) for p, _ in web.ROUTES} - {"enter", "events"} == {
        "",
        "try/(d+)",
        "try/(d+)/feedback(?:/([^/]+))?",
        "hand-in/([^/]+)",
        "deadlines",
        "roster",
        "roster/list",
        "student/([^/]+)",
        "class",
        "doubts",
        "marking/([^/]+)",
        "metrics",
    }
    for path, codes in table.items():
        found = tuple(site.get(path, who).code for who in (None, ADA, BEN, MARK, PROF))
        assert found == codes, path


@pytest.mark.parametrize(
    "path",
    [
        "try/999",
        "try/-1",
        "try/1e3",
        "try/99999999999999999999999",
        "try/1/../2",
        "try/%32/feedback/..",
        "try/1/feedback/../../../key",
        "static/../web.py",
        "static/%2e%2e/web.py",
        "static//etc/passwd",
        ".photgrader/key",
        "student/..",
        "student/%2e%2e%2fben",
        "student/ben%00",
        "student/BEN",
        "marking/../class",
        "marking/..%2f..",
        "try/1%0d%0aSet-Cookie:x",
        "..",
        "%2e%2e/live/class",
        "student/ada/../ben",
    ],
)
def test_a_tampered_address_shows_nothing(site, path):
    answer = site.get(f"/live/{path}", BEN)
    text = answer.body.decode()
    assert (
        answer.code in (301, 400, 403, 404) and "of ada" not in text and "ada" not in text.lower().replace("load", "")
    ), (answer.code, text)


def test_anothers_page_says_the_same_as_one_that_there_is_not(site):
    assert site.get(f"/live/try/{site.number('ada')}", BEN).body == site.get("/live/try/4711", BEN).body


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "instructor.ben.0",
        "instructor.prof",
        "x" * 10_000,
        "student.ada.",
        "..",
        "student.ada.=;",
        "marker.ben.{}",
        "instructor.ben.{}",
    ],
)
def test_a_cookie_that_is_none_of_ours_is_nobodys(site, cookie):
    own = site.app.settings["links"].token(BEN).rpartition(".")[2]
    assert site.get("/live/", Cookie=f"{web.COOKIE}={cookie.format(own)}").code == 403


def test_the_link_gives_a_cookie_and_goes_out_of_the_address(site):
    token = site.app.settings["links"].token(ADA)
    answer = site.get(f"/live/enter?token={token}")
    assert (
        answer.code == 302
        and answer.headers["Location"] == "/live/"
        and "HttpOnly" in answer.headers["Set-Cookie"]
        and "SameSite=Strict" in answer.headers["Set-Cookie"]
    )
    assert site.get(f"/live/enter?token={token[:-1]}x").code == 403


@pytest.mark.parametrize("who, led", [(None, "cross-site"), (None, "same-site"), (BEN, "none"), (PROF, "same-origin")])
def test_nobody_is_logged_in_as_somebody_else_by_a_page_that_leads_them_there(site, who, led):
    """Their work would be handed in as that person's, who reads its page."""
    token = site.app.settings["links"].token(ADA)
    answer = site.get(f"/live/enter?token={token}", who, **{"Sec-Fetch-Site": led})
    page = answer.body.decode()
    assert answer.code == 200 and web.COOKIE not in str(answer.headers.get_list("Set-Cookie"))
    assert "This link is for ada, student" in page and 'name="_xsrf"' in page
    assert ("is logged in" in page) == (who is not None)
    # The page's own form lets in; one of another page's does not, nor does a link that is none.
    assert asyncio.run(site.ask("/live/enter", BEN, {"token": token}, token=False)).code == 403
    assert asyncio.run(site.ask("/live/enter", BEN, {"token": f"{token}x"})).code == 403
    let_in = asyncio.run(site.ask("/live/enter", BEN, {"token": token}))
    assert let_in.code == 302 and f"{web.COOKIE}={token}" in let_in.headers["Set-Cookie"]


def test_a_link_that_is_typed_or_ones_own_lets_in_at_once(site):
    token = site.app.settings["links"].token(ADA)
    for who, led in ((None, "none"), (None, "same-origin"), (ADA, "none")):
        assert site.get(f"/live/enter?token={token}", who, **{"Sec-Fetch-Site": led}).code == 302


def test_what_a_student_wrote_is_text_and_a_feedback_page_can_run_nothing(site):
    number = site.number("ada")
    assert site.post(f"/live/try/{number}", ADA, exercise="centroid", text=f"I doubt {EVIL}").code == 302
    for path, who in (("/live/", ADA), (f"/live/try/{number}", ADA), ("/live/doubts", MARK), ("/live/class", PROF)):
        text = site.get(path, who).body.decode()
        assert EVIL not in text and text.count("<script") == 1, path
    page, frame = site.get(f"/live/try/{number}", ADA), site.get(f"/live/try/{number}/feedback", ADA)
    assert "sandbox></iframe>" in page.body.decode() and EVIL in frame.body.decode()
    assert (
        frame.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        and "script" not in frame.headers["Content-Security-Policy"]
    )
    for name, words in (
        ("Content-Security-Policy", "default-src 'none'; script-src 'self'"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ):
        assert words in page.headers[name]


def test_a_form_of_another_page_does_nothing(site):
    number = site.number("ada")
    for path, who, form in (
        (f"/live/try/{number}", ADA, {"text": "x", "exercise": ""}),
        ("/live/doubts", MARK, {"number": "1", "answer": "x"}),
        ("/live/class", PROF, {"kind": "grade", "assignment": ASSIGNMENT}),
        ("/live/deadlines", PROF, {"until": "2026-12-24T12:00", "zone": "UTC", "assignment": ASSIGNMENT}),
        ("/live/roster", PROF, {"id": "dora"}),
    ):
        assert site.post(path, who, token=False, **form).code == 403, path
    assert site.queue.doubts() == [] and site.queue.job() is None


def test_a_doubt_reaches_the_markers_with_the_replay_and_the_answer_the_student(site):
    number = site.number("ada")
    assert site.post(f"/live/try/{number}", BEN, text="not mine", exercise="").code == 404
    assert site.post(f"/live/try/{number}", MARK, text="not mine", exercise="").code == 403
    assert site.post(f"/live/try/{number}", ADA, text=" ", exercise="").code == 400
    assert site.post(f"/live/try/{number}", ADA, text="x", exercise="no such").code == 400
    assert site.post(f"/live/try/{number}", ADA, text="x" * 4001, exercise="").code == 400
    assert site.post(f"/live/try/{number}", ADA, text="My peak is right.", exercise="centroid").code == 302
    text = site.get("/live/doubts", MARK).body.decode()
    assert (
        "My peak is right." in text
        and f"photgrader replay .photgrader/live/records/{number}.json --exercise centroid" in text
    )
    assert site.post("/live/doubts", ADA, number="1", answer="I agree").code == 403
    assert (
        site.post("/live/doubts", MARK, number="7", answer="?").code == 400
        and site.post("/live/doubts", MARK, number="x", answer="?").code == 400
    )
    assert site.post("/live/doubts", MARK, number="1", answer="It is not.").code == 302
    assert (
        "It is not." in site.get("/live/", ADA).body.decode()
        and "It is not." not in site.get("/live/", BEN).body.decode()
    )
    for n in range(web.MOST_DOUBTS):
        assert site.post(f"/live/try/{number}", ADA, text=f"and {n}", exercise="").code == 302
    assert site.post(f"/live/try/{number}", ADA, text="too many", exercise="").code == 429


def test_a_marker_starts_no_run_and_an_instructor_does(site):
    assert site.post("/live/class", MARK, kind="grade", assignment=ASSIGNMENT).code == 403
    assert (
        site.post("/live/class", PROF, kind="format", assignment=ASSIGNMENT).code == 400
        and site.post("/live/class", PROF, kind="grade", assignment="../x").code == 404
    )
    assert site.post("/live/class", PROF, kind="grade", assignment=ASSIGNMENT).code == 302
    assert site.queue.job()[1:] == ("grade", {"assignment": ASSIGNMENT}, "prof")
    assert (
        "enter?token=" in site.get("/live/class", PROF).body.decode()
        and "enter?token=" not in site.get("/live/class", MARK).body.decode()
    )


@pytest.mark.parametrize(
    ("text", "seen", "unseen"),
    [
        ("", ["3 of 7 points", "x and y exchanged", "x is off", "All hand-ins"], []),
        ("tell = 'states'", ["partly right"], ["3 of 7", "exchanged", "x is off", "frame"]),
        ("tell = 'nothing'", ["the result is told later"], ["partly right", "3 of 7", "exchanged"]),
        ("hints_from_try = 2", ["3 of 7", "2 of 5 cases are wrong."], ["exchanged", "x is off", "frame"]),
        ("tell = 3", ["the result is told later"], ["3 of 7"]),
        ("tries_a_day = 2\ncounts = 'best'", ["2 tries are graded a day", "The best try counts"], []),
    ],
)
def test_what_is_told_is_what_the_instructor_chose(site, text, seen, unseen):
    (site.root / "live.toml").write_text(text)
    number = site.number("ada")
    pages = site.get("/live/", ADA).body.decode() + site.get(f"/live/try/{number}", ADA).body.decode()
    assert [w for w in seen if w not in pages] == [] and [w for w in unseen if w in pages] == []
    assert site.get(f"/live/try/{number}/feedback", ADA).code == (
        404 if "frame" in unseen or "nothing" in text or "= 3" in text else 200
    )
    assert "3 of 7 points" in site.get(f"/live/try/{number}", MARK).body.decode() and (
        "Nothing is told" in site.get("/live/class", PROF).body.decode()
    ) == (text == "tell = 3")


def test_after_the_last_due_date_extensions_too(site):
    soon, past = (
        (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=h)).strftime("%Y-%m-%d %H:%M") for h in (1, -30)
    )
    (site.root / "live.toml").write_text("tell = 'after due'")
    for extension, told in ((f"      ben: {soon}\n", False), ("      ben: 1 day\n", True)):
        (site.root / "deadlines.yaml").write_text(
            f"time_zone: UTC\npenalty_per_day: 10 %\nassignments:\n  {ASSIGNMENT}:\n    due: {past}\n    extensions:\n{extension}"
        )
        text = site.get("/live/", ADA).body.decode()
        assert ("3 of 7 points" in text) is told and "Being late takes 10 %" in text, extension


def test_the_instructors_own_feedback_comes_before_the_services(site):
    folder = site.root / "feedback" / "ada" / ASSIGNMENT
    folder.mkdir(parents=True)
    (site.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").touch()
    (folder / f"{ASSIGNMENT}.html").write_text("marked by a person")
    (folder / "aaa.html").write_text("<h1>right 10 of 10</h1> says a file of ada's")
    assert site.get(f"/live/try/{site.number('ada')}/feedback", ADA).body == b"marked by a person"


def test_metrics_are_numbers_in_prometheus_format_and_name_nobody(site):
    answer = site.get("/live/metrics", Authorization=f"Bearer {'m' * 30}")
    text = answer.body.decode()
    assert (
        answer.code == 200
        and 'photgrader_hand_ins_total{state="graded"} 2' in text
        and 'photgrader_queue_length{state="waiting"} 0' in text
    )
    assert (
        'photgrader_verdicts{state="graded"} 2' in text
        and 'photgrader_verdict_seconds_bucket{le="+Inf"} 2' in text
        and "ada" not in text.replace("data", "")
    )
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) photgrader_\w+ .+|photgrader_\w+(\{\w+=\"[^\"]*\"\})? [0-9.]+", line), line
    assert site.get("/live/metrics", Authorization="Bearer x").code == 403


def test_the_board_and_the_alerts_ask_for_metrics_that_there_are(site):
    text = site.get("/live/metrics", PROF).body.decode()
    there = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    board = json.loads((ROOT / "hub" / "grafana" / "photgrader.json").read_text())
    alerts = (ROOT / "hub" / "grafana" / "alerts.yaml").read_text()
    asked = set(
        re.findall(r"photgrader_\w+", " ".join(t["expr"] for p in board["panels"] for t in p["targets"]) + alerts)
    )
    assert asked and asked <= there and len(board["panels"]) >= 5


def test_a_change_is_told_to_whom_it_concerns(site):
    async def story() -> dict[str, str]:
        server, (socket, port) = HTTPServer(site.app), bind_unused_port()
        server.add_socket(socket)
        heard = {"ada": "", "ben": "", "mark": ""}

        async def listen(viewer: Viewer) -> None:
            def take(part: bytes) -> None:
                heard[viewer.name] += part.decode()

            with contextlib.suppress(Exception):
                await AsyncHTTPClient(force_instance=True).fetch(
                    f"http://127.0.0.1:{port}/live/events",
                    streaming_callback=take,
                    request_timeout=60,
                    headers={"Cookie": f"{web.COOKIE}={site.app.settings['links'].token(viewer)}"},
                )

        people = [asyncio.create_task(listen(v)) for v in (ADA, BEN, MARK)]
        while "" in heard.values():
            await asyncio.sleep(0.02)
        site.queue.add("x", "ada", ASSIGNMENT, "2026-11-28T11:00:00+00:00")
        while not all("change" in heard[name] for name in ("ada", "mark")):
            await asyncio.sleep(0.02)
        await asyncio.sleep(3 * web.TICK)
        site.app.settings["stop"].set()
        await asyncio.gather(*people)
        server.stop()
        return heard

    heard = asyncio.run(asyncio.wait_for(story(), 60))
    assert "change" not in heard["ben"] and heard["ada"].count("event: change") == 1


def test_groups_of_the_hub_give_roles_of_their_own_course_alone():
    assert [
        role_of(g, "starlight")
        for g in (
            ["formgrade-starlight", "nbgrader-starlight"],
            ["mark-starlight"],
            ["nbgrader-starlight"],
            ["formgrade-other"],
            [],
            ["formgrade-starlight2"],
        )
    ] == ["instructor", "marker", "student", "", "", ""]
    assert (
        of_hub({"name": "x", "kind": "service", "groups": ["formgrade-starlight"]}, "starlight") is None
        and of_hub(None, "starlight") is None
    )
    assert of_hub({"name": "ada", "kind": "user", "groups": ["nbgrader-starlight"]}, "starlight") == ADA


def test_a_disk_that_is_full_is_a_sentence_on_every_page_that_keeps_something(site, monkeypatch):
    def full(*args, **named):
        raise sqlite3.OperationalError("database or disk is full")

    number = site.number("ada")
    for name in ("ask", "doubt"):
        monkeypatch.setattr(type(site.queue), name, full)
    for path, who, form in (
        (f"try/{number}", ADA, {"exercise": "centroid", "text": "why?"}),
        ("class", PROF, {"kind": "grade", "assignment": ASSIGNMENT}),
        ("roster", PROF, {"id": "eve"}),
    ):
        answer = site.post(f"/live/{path}", who, **form)
        assert (
            answer.code == 507 and "Nothing was done: the service cannot write to its disk" in answer.body.decode()
        ), path


def test_a_page_with_hidden_tests_is_no_students_before_the_instructor_gives_it(site):
    number = site.graded("ada", 2, hidden_tests=True)
    said = "The feedback page comes from your instructor, later, because this assignment has hidden tests."
    page = site.get(f"/live/try/{number}", ADA).body.decode()
    assert said in page and "3 of 7 points" in page and "<iframe" not in page and "is being made" not in page
    assert site.get(f"/live/try/{number}/feedback", ADA).code == 404
    symptom = "x is off"
    assert "centroid" in page and symptom not in page, "what a function answers may carry the hidden lines out"
    assert said not in (whole := site.get(f"/live/try/{number}", MARK).body.decode()) and symptom in whole
    assert site.get(f"/live/try/{number}/feedback", MARK).code == 200
    assert said not in site.get(f"/live/try/{site.number('ben')}", BEN).body.decode()


def test_pages_stay_those_that_the_service_began_with(tmp_path, monkeypatch):
    shutil.copytree(web.HERE / "templates", tmp_path / "templates")
    monkeypatch.setattr(web, "HERE", tmp_path)
    made = web.templates.__wrapped__()
    for path in (tmp_path / "templates").glob("*.html"):
        path.write_text("{{ 1 | not_known_yet }}")
    assert all(made.get_template(path.name) for path in (tmp_path / "templates").glob("*.html"))


def test_written_answers_are_spoken_of_where_there_are_some(site):
    said = "Written answers are marked by a person"
    path = f"/live/try/{site.number('ada')}"
    assert said not in site.get(path, ADA).body.decode()
    cell = nbformat.v4.new_markdown_cell("Why?", metadata={"nbgrader": {"grade": True, "solution": True}})
    released = site.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), released)
    (site.root / "live.toml").write_text("")
    assert said in site.get(path, ADA).body.decode()


def test_a_hand_in_whose_time_nobody_knows_is_given_none(site):
    # As of one that a batch run graded, without a timestamp.txt.
    site.queue._db.execute("UPDATE tries SET handed_in = '' WHERE student = 'ada'")
    page = site.get("/live/", ADA).body.decode()
    assert '<span class="quiet">graded ' in page and "handed in ," not in page and "hand-in of :" not in page


def test_where_extra_credit_is_marked_is_said(site, monkeypatch):
    for most in (0.0, 4.0):
        group = marking.Group("g", "def x():\n    pass", ["ada"], done=False)
        found = [marking.Question("nb/check-x", "check-x", "nb", most, "", [group])]
        monkeypatch.setattr(marking, "questions", lambda root, name, found=found: found)
        page = site.get(f"/live/marking/{ASSIGNMENT}", MARK).body.decode()
        assert ("the formgrader's own field for it" in page) == (most == 0) and "def x()" in page
