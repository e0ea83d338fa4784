#!/usr/bin/env python3
"""Take the pictures of docs/live-in-pictures.md: a small class of ps1 at the live service, in a browser.

Usage: python tools/live_pictures.py [FOLDER]

Nothing is laid out for the camera: a copy of the course, `photgrader serve`, the real sandbox, students of
`photgrader.simulate` and Chromium. By default the pictures go to docs/images.
"""

from __future__ import annotations

import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import nbformat
from playwright.sync_api import Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.grading import _course  # noqa: E402
from benchmarks.live import hand_in  # noqa: E402
from photgrader import coursedir  # noqa: E402
from photgrader.exercise import use_course  # noqa: E402
from photgrader.gradebook.app import gradebook  # noqa: E402
from photgrader.gradebook.exchange import make_exchange  # noqa: E402
from photgrader.serve.access import Links, Viewer  # noqa: E402
from photgrader.serve.queue import Queue  # noqa: E402
from photgrader.simulate.make_class import make_class, solved  # noqa: E402

ASSIGNMENT = "ps1_psf_photometry"
NAMES = ("Ada Lovelace", "Vera Rubin", "Jocelyn Bell", "Cecilia Payne", "Henrietta Leavitt", "Subra Chandra")
#: What the first student has wrong at first.
SLIP = ("centroid", "np.arange(nx) + x_start, np.arange(ny) + y_start", "np.arange(nx), np.arange(ny)")


def course(base: pathlib.Path) -> pathlib.Path:
    """Make a copy of the course with one assignment, a class list and a due date."""
    use_course(ROOT)
    root = _course(base / "course", ROOT, ASSIGNMENT, False)
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, root / "solutions" / ASSIGNMENT)
    due = datetime.datetime.now() + datetime.timedelta(days=2)
    (root / "deadlines.yaml").write_text(
        f"time_zone: UTC\npenalty_per_day: 10 %\nassignments:\n  {ASSIGNMENT}:\n    due: {due:%Y-%m-%d} 23:59\n"
    )
    with gradebook(root) as book:
        for name in NAMES:
            first, last = name.split()
            book.add_student(first.lower(), first_name=first, last_name=last, email=f"{first.lower()}@example.org")
    return root


@contextmanager
def service(root: pathlib.Path, base: pathlib.Path) -> Iterator[str]:
    """Start `photgrader serve`; yield its address."""
    environment = {**os.environ, "PHOTCOURSE_EXCHANGE": str(base / "exchange"), "PHOTCOURSE_COURSE_ID": "starlight"}
    command = [sys.executable, "-m", "photgrader.cli", "serve", "--port", "0", "--workers", "2"]
    started = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", started.stdout.readline())
        if found is None:
            raise SystemExit("The live service did not start; its own words are above.")
        yield found[0]
    finally:
        started.terminate()
        started.wait(60)


def until(what: Callable[[], object]) -> None:
    """Wait for something, ten minutes at most."""
    end = time.monotonic() + 600
    while not what():
        if time.monotonic() > end:
            raise SystemExit("The verdict did not come within ten minutes.")
        time.sleep(0.2)


def slipped(notebook: str) -> str:
    """Return a solved notebook's text with the mistake of `SLIP` in it."""
    name, old, new = SLIP
    if old not in notebook:
        raise SystemExit(f"The solution of {name} has no {old!r} any more: choose another slip.")
    return notebook.replace(old, new, 1)


def main(folder: pathlib.Path) -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(prefix="pg-pictures-") as name, sync_playwright() as tool:
        base = pathlib.Path(name)
        root = course(base)
        inbound = base / "exchange" / "starlight" / "inbound"
        make_exchange(base / "exchange", "starlight", os.geteuid(), os.getegid())
        make_class(root, ASSIGNMENT, len(NAMES), special=False, folder=base / "class", skill=(0.6, 0.9))
        right = nbformat.writes(solved(root, ASSIGNMENT, ASSIGNMENT))
        links, queue = Links(coursedir.key(root)), Queue.of(root)
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with service(root, base) as address:

            def page_of(who: str, role: str, width: int = 900) -> Page:
                page = browser.new_page(viewport={"width": width, "height": 1200}, device_scale_factor=1.25)
                page.set_default_timeout(600_000)
                page.goto(f"{address}enter?token={links.token(Viewer(who, role))}")
                return page

            def taken(page: Page, what: str, most: int = 900) -> None:
                size = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
                clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], most)}
                page.screenshot(path=folder / f"live-{what}.png", full_page=True, clip=clip)

            def button(page: Page, text: str) -> None:
                sent = {"name": f"{ASSIGNMENT}.ipynb", "mimeType": "application/x-ipynb+json", "buffer": text.encode()}
                page.set_input_files("input[type=file]", files=[sent])
                page.click("button:has-text('Hand in')")
                page.locator("form [role=status]").get_by_text("was handed in at").wait_for()

            ada, prof = page_of("ada", "student"), page_of("prof", "instructor", 1200)
            ada.get_by_text("The grading process does not answer").wait_for(state="hidden")
            button(ada, slipped(right))
            taken(ada, "1-handed-in", 640)
            until(lambda: queue.counting("ada", ASSIGNMENT))
            ada.get_by_text("of 80 points").first.wait_for()
            taken(ada, "2-verdict", 1150)
            until(lambda: queue.counting("ada", ASSIGNMENT).pages)  # type: ignore[union-attr]
            ada.click("text=Feedback, and a doubt")
            ada.frame_locator("iframe").locator("text=centroid").first.wait_for()
            ada.wait_for_timeout(4000)
            taken(ada, "3-feedback", 1100)
            ada.fill("#text", "I add x_start at the end, in run_photometry. Is that not the same?")
            ada.click("text=Send it to the graders")
            ada.wait_for_selector("text=Nobody has answered yet")
            others = sorted(p.name for p in (base / "class").iterdir())[1:]
            for who, whose in zip(NAMES[1:], others, strict=True):
                (base / "class" / whose).rename(base / "class" / who.split()[0].lower())
                now = datetime.datetime.now(datetime.UTC)
                hand_in(base / "class", inbound, who.split()[0].lower(), ASSIGNMENT, now)
            until(lambda: queue.counts().get("grading", 0) >= 2 and queue.counts().get("graded", 0) >= 2)
            taken(prof, "4-class", 1000)
            until(lambda: queue.counts().get("graded", 0) == len(NAMES))
            prof.goto(f"{address}doubts")
            taken(prof, "5-doubt", 440)
            prof.fill(
                "textarea", "It is not: centroid alone is called by the next exercises too, as its contract says."
            )
            prof.click("text=Send the answer")
            prof.goto(f"{address}marking/{ASSIGNMENT}")
            prof.locator("table a").first.click()
            taken(prof, "6-marking", 800)
            ada.goto(address)
            button(ada, right)
            until(lambda: len([t for t in queue.of_student("ada") if t.state == "graded"]) == 2)
            ada.get_by_text("All hand-ins (2)").wait_for()
            ada.locator("summary").first.click()
            taken(ada, "7-better", 1000)
        queue.close()
        browser.close()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
