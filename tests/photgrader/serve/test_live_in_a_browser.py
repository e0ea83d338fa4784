"""The live pages in a real browser: they refresh by themselves, are read on a phone, in the dark and by a screen reader, and ask nobody else for anything."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading

import pytest
from playwright.sync_api import sync_playwright
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from photgrader.gradebook.app import gradebook as gradebook_of
from photgrader.serve.access import Viewer
from photgrader.serve.told import Course
from photgrader.serve.web import application
from support import ASSIGNMENT, ROOT

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed (tools/setup.sh tests)"),
]
AXE = ROOT / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "artefacts" / "live"
ADA, PROF = Viewer("ada", "student"), Viewer("prof", "instructor")
EVIL = "<p>feedback</p><script>document.body.textContent = 'ran'; parent.document.title = 'ran'</script><img src='http://127.0.0.1:{port}/stray.png'>"


def verdict(points: float, state: str, title: str) -> dict:
    return {
        "state": "graded",
        "points": points,
        "max_points": 7,
        "extra_points": 0,
        "sentence": "",
        "graded": f"at {points}",
        "seconds": 1.0,
        "run": "1",
        "submitted": "2026-11-28T09:59:00",
        "repairs": [],
        "faults": [],
        "exercises": {
            "centroid": {
                "points": points,
                "max_points": 4,
                "state": state,
                "sentence": f"2 of 5 cases are wrong. {title}.",
                "symptom": "x is too small by 12",
                "hint_title": title,
                "extra": False,
            }
        },
    }


def grade(course: Course, elsewhere: int, number: int, points: float, state: str, title: str) -> None:
    """Be the grading process, for one hand-in."""
    queue = course.queue
    queue.add(f"ada+{ASSIGNMENT}+{number}", "ada", ASSIGNMENT, f"2026-11-28T10:0{number}:00+00:00")
    item = queue.next()
    queue.finish(item.id, "graded", "", verdict(points, state, title), True)
    folder = course.root / ".photgrader" / "live" / "pages" / str(item.id)
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.html").write_text(
        f"<!doctype html><html lang=en><title>x</title><body>{EVIL.format(port=elsewhere)}</body></html>"
    )
    queue.page_made(queue.without_page())


def test_pages_refresh_and_read_well(tiny_course):
    root = tiny_course
    (root / "inbound").mkdir()
    (root / "deadlines.yaml").write_text(
        f"time_zone: Europe/Paris\npenalty_per_day: 10 %\nassignments:\n  {ASSIGNMENT}:\n    due: 2099-11-28 23:59\n    extensions:\n"
        "      ada: 3 days\n"
    )
    with gradebook_of(root) as gradebook:
        for name in ("ada", "ben"):
            gradebook.add_student(name, first_name=name.title(), email=f"{name}@example.org")
    PICTURES.mkdir(parents=True, exist_ok=True)
    started, box = threading.Event(), {}

    def serve() -> None:
        async def main() -> None:
            course = Course(root)
            course.queue.note("roster", {"ada": "Ada Lovelace", "ben": ""})
            app = application(
                course,
                course_id="starlight",
                prefix="/live/",
                key=b"k" * 32,
                hub=False,
                metrics_token="m" * 30,
                inbound=root / "inbound",
            )
            listening, number = bind_unused_port()
            server = HTTPServer(app)
            server.add_socket(listening)
            box.update(app=app, port=number, loop=asyncio.get_running_loop())
            started.set()
            await app.settings["stop"].wait()
            server.stop()
            await server.close_all_connections()
            course.queue.close()

        asyncio.run(main())

    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(60)
    course, address, links = Course(root), f"http://127.0.0.1:{box['port']}/live/", box["app"].settings["links"]
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.setblocking(False)
    port = elsewhere.getsockname()[1]
    try:
        with sync_playwright() as tool:
            browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            people, strayed, spoken = {}, [], []
            for viewer in (ADA, PROF):
                context = browser.new_context(
                    viewport={"width": 390, "height": 844} if viewer is ADA else {"width": 1280, "height": 900},
                    bypass_csp=False,
                )
                context.set_default_timeout(60_000)
                context.on("request", lambda r: strayed.append(r.url) if not r.url.startswith(address) else None)
                page = people[viewer.name] = context.new_page()
                page.on("console", lambda m: spoken.append(m.text) if m.type == "error" else None)
                page.goto(f"{address}enter?token={links.token(viewer)}")
                assert "token" not in page.url
            ada, prof = people["ada"], people["prof"]
            # A verdict comes in while the pages are open, then a better one; nobody loads anything again.
            ada.wait_for_selector("text=Nothing was handed in yet")
            # Handed in by the button: the answer stands on the page, and nothing but a plain file of this name can come of it.
            ada.set_input_files("input[type=file]", root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
            ada.click("button:has-text('Hand in')")
            ada.wait_for_selector("[role=status] >> text=was handed in at")
            assert len(list((root / "inbound").iterdir())) == 1
            ada.evaluate("document.querySelector('form[data-most]').dataset.most = 10")
            ada.set_input_files("input[type=file]", root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
            ada.click("button:has-text('Hand in')")
            ada.wait_for_selector("[role=status] >> text=too large")
            assert len(list((root / "inbound").iterdir())) == 1, "what is too large is not even sent"
            ada.wait_for_selector("text=The grading process does not answer")
            # Nothing else changes when it is back.
            course.queue.note("alive", {"time": 4e9, "process": 1})
            ada.wait_for_selector("text=The grading process does not answer", state="hidden")
            grade(course, port, 1, 2.0, "partly right", "The cut-out's start is left out")
            ada.wait_for_selector("text=2 of 7 points")
            ada.wait_for_selector("text=The cut-out's start is left out")
            prof.wait_for_selector("#assignment-1 >> text=The cut-out's start is left out")
            ada.locator("summary").click()
            grade(course, port, 2, 4.0, "right", "")
            ada.wait_for_selector("text=4 of 7 points")
            ada.wait_for_selector("text=All hand-ins (2)")
            assert ada.locator("details[open]").count() == 1, "what was open stays open"
            assert ada.evaluate("document.activeElement.tagName") == "SUMMARY", (
                "who goes by keyboard stays where they were"
            )
            # The feedback opens in place and runs nothing, a doubt is typed while the page goes on being live.
            ada.click("text=Feedback, and a doubt")
            frame = ada.frame_locator("iframe")
            frame.locator("text=feedback").wait_for()
            assert "ran" not in frame.locator("body").inner_text() and ada.title().startswith(ASSIGNMENT)
            ada.fill("#text", "My centroid is right.")
            course.queue.note("roster", {"ada": "Ada Lovelace"})
            ada.click("text=Send it to the graders")
            ada.wait_for_selector("text=Nobody has answered yet")
            prof.wait_for_selector("text=1 doubt without an answer")
            prof.click("text=1 doubt without an answer")
            prof.fill("textarea", "It is, and you have its points.")
            course.queue.add("late", "ben", ASSIGNMENT, "2026-11-28T11:00:00+00:00")
            prof.wait_for_timeout(1000)
            assert prof.input_value("textarea").startswith("It is"), "what is being written stays"
            prof.click("text=Send the answer")
            ada.wait_for_selector("text=It is, and you have its points.") if "try/" not in ada.url else ada.goto(
                address
            )
            ada.wait_for_selector("text=It is, and you have its points.")
            # Read by axe, in both schemes; nothing is wider than the page.
            for scheme in ("light", "dark"):
                for name, page, paths in (
                    ("ada", ada, ["", f"try/{course.queue.counting('ada', ASSIGNMENT).id}"]),
                    ("prof", prof, ["class", "doubts", "deadlines", "roster"]),
                ):
                    page.emulate_media(color_scheme=scheme)
                    for path in paths:
                        page.goto(address + path)
                        for width in (1280, 390):
                            page.set_viewport_size({"width": width, "height": 844})
                            page.screenshot(
                                path=PICTURES / f"{name}-{path.replace('/', '-') or 'home'}-{width}-{scheme}.png",
                                full_page=True,
                            )
                            assert page.evaluate(
                                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
                            ), (path, scheme, width)
                        # By the tool's own channel: the page's policy lets no script of ours in.
                        found = page.evaluate(
                            AXE.read_text()
                            + "\n; axe.run(document, {iframes: false}).then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)])))"
                        )
                        assert json.loads(found) == [], (path, scheme, found)
            browser.close()
        # The browser tells of the picture that the feedback page wants, and its policy kept it from being asked for.
        assert set(strayed) == {f"http://127.0.0.1:{port}/stray.png"}
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
        assert [
            w for w in spoken if "stray.png" not in w and "sandboxed" not in w and "Blocked script" not in w
        ] == [], spoken
    finally:
        box["loop"].call_soon_threadsafe(box["app"].settings["stop"].set)
        thread.join(60)
        elsewhere.close()
        course.queue.close()
