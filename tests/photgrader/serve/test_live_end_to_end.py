"""The live service as students and staff meet it, with the real sandbox: one start, the whole story."""

from __future__ import annotations

import contextlib
import datetime
import http.cookiejar
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator

import nbformat
import psutil
import pytest
from playwright.sync_api import sync_playwright

from photgrader import coursedir
from photgrader.gradebook import app, exchange
from photgrader.serve.access import Links, Viewer
from photgrader.serve.grader import at_work
from photgrader.serve.queue import Queue
from support import ASSIGNMENT, RIGHT, ROOT

pytestmark = pytest.mark.heavy
PATIENCE = 240
PICTURES = ROOT / "artefacts" / "live"
SWAPPED = RIGHT["centroid"].replace(
    "x_start, x_start + nx), np.arange(y_start, y_start + ny", "0, nx), np.arange(0, ny"
)
HOSTILE = (
    'import os\ntry:\n    open("/etc/stolen", "w").write("x")\nexcept OSError:\n    pass\n'
    + RIGHT["centroid"]
    + '\nprint("<script>alert(1)</script>")\nos._exit(3)'
)


class Person:
    """A browser with its cookies."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.get(f"enter?token={token}")

    def get(self, path: str, **form: str) -> str:
        """Return a page, or send a form."""
        try:
            with self.opener.open(
                self.address + path, data=urllib.parse.urlencode(form).encode() if form else None, timeout=120
            ) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as problem:
            return f"{problem.code} {problem.read().decode()}"

    def send(self, path: str, **form: str) -> str:
        """Fill in a form of a page."""
        found = re.search(r'name="_xsrf" value="([^"]+)"', self.get(path))
        assert found is not None
        return self.get(path.partition("?")[0], _xsrf=found[1], **form)


def hand_in(
    root: pathlib.Path,
    student: str,
    when: datetime.datetime,
    cells: dict[str, str] | None = None,
    text: str = "",
    owner: int = -1,
) -> None:
    """Put a hand-in into the exchange, whole or not at all, as the student's side does."""
    stamp, inbound = f"{when:%Y-%m-%d %H:%M:%S.%f} UTC", root.parent / "exchange" / "starlight" / "inbound"
    notebook = nbformat.read(root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = (cells or {}).get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    folder = inbound / f".{student}{when:%S%f}"
    folder.mkdir()
    (folder / f"{ASSIGNMENT}.ipynb").write_text(text or nbformat.writes(notebook))
    (folder / "timestamp.txt").write_text(stamp)
    (folder / "submission_secret.txt").write_text("s" * 64)
    if owner >= 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner, owner)
    folder.rename(inbound / f"{student}+{ASSIGNMENT}+{stamp}+{when:%f}abcdef")


def notebook_of(root: pathlib.Path, cells: dict[str, str]) -> dict[str, object]:
    """Return a student's notebook as a browser sends it."""
    notebook = nbformat.read(root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    text = nbformat.writes(notebook).encode()
    return {"name": f"{ASSIGNMENT} (1).ipynb", "mimeType": "application/x-ipynb+json", "buffer": text}


@contextlib.contextmanager
def no_room(folder: pathlib.Path) -> Iterator[bool]:
    """Lay a disk with no room over a folder; False where this account may not."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k,mode=1733", "tmpfs", str(folder)]
    done = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", str(folder)], check=True)


def hands_in_by_the_button(
    root: pathlib.Path, queue: Queue, address: str, token: str, again: Callable[[], None]
) -> None:
    """A student in a browser: hands in, better, and again while the service is killed; nobody loads anything."""
    inbound = root.parent / "exchange" / "starlight" / "inbound"
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}enter?token={token}")
        page.evaluate("window.loadedOnce = true")
        said = page.locator("form [role=status]")

        def hand_in_of(cells: dict[str, str]) -> None:
            page.set_input_files("input[type=file]", files=[notebook_of(root, cells)])
            page.click("button:has-text('Hand in')")

        hand_in_of({"centroid": SWAPPED})
        said.get_by_text(f"{ASSIGNMENT} was handed in at").wait_for()
        page.locator(".card .points").get_by_text("of 7 points").first.wait_for()
        page.get_by_text("cut-out").first.wait_for()
        hand_in_of(RIGHT)
        page.get_by_text("7 of 7 points").first.wait_for()
        page.get_by_text("All hand-ins (2)").wait_for()
        page.screenshot(path=PICTURES / "by-the-button.png", full_page=True)

        # What is no notebook, and a disk without room: one sentence, and nothing in the exchange.
        before = sorted(p.name for p in inbound.iterdir())
        page.set_input_files("input[type=file]", files=[{"name": "x.ipynb", "mimeType": "", "buffer": b"{ no"}])
        page.click("button:has-text('Hand in')")
        said.get_by_text("not a notebook that can be read").wait_for()
        with no_room(inbound) as full:
            if full:
                hand_in_of(RIGHT)
                said.get_by_text("The disk of the course is full").wait_for()
                assert list(inbound.iterdir()) == []
        page.screenshot(path=PICTURES / "refused-in-a-sentence.png", full_page=True)
        assert sorted(p.name for p in inbound.iterdir()) == before

        # The service is killed with a queue, and another one takes its place: nothing is lost, each is graded once.
        hand_in_of({"centroid": SWAPPED})
        said.get_by_text(f"{ASSIGNMENT} was handed in at").wait_for()
        again()
        page.get_by_text("All hand-ins (3)").wait_for()
        until(lambda: len([t for t in queue.of_student("fay") if t.state == "graded"]) == 3, "lost")
        page.locator("summary").click()
        page.get_by_text("An earlier try was better").wait_for()
        assert len(queue.of_student("fay")) == 3 and page.evaluate("window.loadedOnce")
        browser.close()


def until(what: Callable[[], object], why: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.2)


def test_the_whole_story(tiny_course, tmp_path, monkeypatch):
    root, now = tiny_course, datetime.datetime.now(datetime.UTC)
    exchange.make_exchange(root.parent / "exchange", "starlight", os.getuid(), os.getgid())
    monkeypatch.setenv("PHOTCOURSE_EXCHANGE", str(root.parent / "exchange"))
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    due = now + datetime.timedelta(hours=1)
    (root / "deadlines.yaml").write_text(
        f"time_zone: UTC\npenalty_per_day: 10 %\nassignments:\n  {ASSIGNMENT}:\n    due: {due:%Y-%m-%d %H:%M}\n"
    )
    (root / "live.toml").write_text('counts = "best"\nfresh_cases = true\n')
    queue = Queue.of(root)
    photgrader = [str(ROOT / ".venv" / "bin" / "photgrader")]
    log = (tmp_path / "log").open("w")

    def started(port: str = "0") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*photgrader, "serve", "--port", port, "--workers", "2"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    service = started()
    processes: list[psutil.Process] = []
    assert service.stdout is not None
    try:
        found = re.search(r"(http://127\.0\.0\.1:\d+/)enter\?token=(\S+)", service.stdout.readline())
        assert found is not None, (tmp_path / "log").read_text()
        links = Links(coursedir.key(root))
        prof, ada, ben, mark = (
            Person(found[1], t)
            for t in (
                found[2],
                *(links.token(Viewer(n, r)) for n, r in (("ada", "student"), ("ben", "student"), ("mark", "marker"))),
            )
        )
        assert "Nothing was handed in yet" in ada.get("") and "Due" in ada.get("")

        # Two students at once; one has a mistake with a name, and the other's name on a folder that is not theirs changes nothing.
        minutes = [now - datetime.timedelta(minutes=m) for m in range(30, 0, -1)]
        hand_in(root, "ada", minutes[0], {"centroid": SWAPPED})
        hand_in(root, "ben", minutes[0], RIGHT | {"written-why": "It pulls."})
        if os.geteuid() == 0:
            hand_in(root, "ada", minutes[1], {}, owner=400_001)
        until(lambda: queue.counting("ada", ASSIGNMENT) and queue.counting("ben", ASSIGNMENT), "no verdicts")
        page = ada.get("")
        assert "7 of 7 points" in ben.get("") and "7 of 7" not in page and "not written" in page
        assert "cut-out" in page, "the mistake's name"
        if os.geteuid() == 0:
            until(lambda: queue.counts().get("refused") == 1, "another's hand-in was taken")
            assert "says that it is by ada" in prof.get("class") and "belongs to" not in page
        tries = queue.of_student("ada")
        assert f"try/{tries[0].id}" in page and ben.get(f"try/{tries[0].id}").startswith("404")

        # Feedback opens in place, a frame that runs nothing.
        until(lambda: queue.counting("ada", ASSIGNMENT).pages, "no feedback page")
        assert (
            "iframe" in ada.get(f"try/{tries[0].id}")
            and "centroid" in ada.get(f"try/{tries[0].id}/feedback")
            and ben.get(f"try/{tries[0].id}/feedback").startswith("404")
        )

        # Better, and better counts; worse, and the better one stays; each try with cases of its own.
        hand_in(root, "ada", minutes[2], {"centroid": RIGHT["centroid"]})
        hand_in(root, "ada", minutes[3], {"centroid": SWAPPED})
        until(lambda: [t.state for t in queue.of_student("ada")].count("graded") == 3, "tries are missing")
        third, second, _ = [t for t in queue.of_student("ada") if t.state == "graded"]
        assert (
            second.counts
            and not third.counts
            and "4 of 7 points" in ada.get("")
            and "An earlier try was better" in ada.get("")
        )
        assert (second.verdict["run"], third.verdict["run"]) == ("1, try 2", "1, try 3")

        # Broken, hostile, late: each a verdict or a sentence, and nobody waits for them.
        hand_in(root, "ben", minutes[4], text="{ no notebook")
        hand_in(root, "eve", minutes[4], {"centroid": HOSTILE})
        hand_in(root, "late", due + datetime.timedelta(days=1, minutes=1), RIGHT)
        until(
            lambda: (
                queue.counting("eve", ASSIGNMENT)
                and queue.counting("late", ASSIGNMENT)
                and len(queue.of_student("ben")) == 2
                and queue.of_student("ben")[0].finished
            ),
            "no verdicts",
        )
        assert (
            queue.of_student("ben")[0].verdict["state"] == "not a notebook"
            and not queue.of_student("ben")[0].counts
            and "7 of 7 points" in ben.get("")
        )
        assert queue.counting("eve", ASSIGNMENT).verdict["state"] == "kernel died" and not os.path.exists("/etc/stolen")
        assert "20 % less for being late" in Person(found[1], links.token(Viewer("late", "student"))).get("")

        # The grading process is killed while it has work: another one takes its place, and nothing is lost.
        processes = psutil.Process(service.pid).children(recursive=True)
        hand_in(root, "cleo", minutes[5], RIGHT)
        until(lambda: queue.of_student("cleo"), "not seen")
        os.kill(queue.fact("alive")["process"], signal.SIGKILL)
        until(lambda: queue.counting("cleo", ASSIGNMENT), "lost")
        assert [t.state for t in queue.of_student("cleo")] == ["graded"]

        # A batch run beside it waits its turn, finds all graded, and changes no mark.
        done = subprocess.run([*photgrader, "grade", ASSIGNMENT], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0 and "0 graded, 5 unchanged" in " ".join(done.stderr.split()), done.stderr
        assert queue.counting("ada", ASSIGNMENT).id == second.id

        # A marker marks with the rubric, the student's page of feedback follows; a doubt is answered.
        text = mark.get(f"marking/{ASSIGNMENT}")
        assert "It pulls." in text and "Two points: it pulls every estimate." in text
        group = re.search(r'name="group" value="(\w+)"', text)
        assert group is not None
        question = f"{ASSIGNMENT}/written-why"
        assert "should be from 0 to 2" in mark.send(
            f"marking/{ASSIGNMENT}", question=question, group=group[1], score="3", comment=""
        )
        mark.send(
            f"marking/{ASSIGNMENT}", question=question, group=group[1], score="1.5", comment="Say why.", all="yes"
        )
        with app.gradebook(root) as gradebook:
            assert gradebook.find_submission(ASSIGNMENT, "ben").score == 8.5
            assert gradebook.find_comment("written-why", ASSIGNMENT, ASSIGNMENT, "ben").comment == "Say why."
        until(
            lambda: (
                queue.counting("ben", ASSIGNMENT).pages
                and "Say why." in ben.get(f"try/{queue.counting('ben', ASSIGNMENT).id}/feedback")
            ),
            "no page after the mark",
        )
        ada.send(f"try/{second.id}", exercise="second_moment", text="I did not write it, I know.")
        mark.send("doubts", number="1", answer="Then do.")
        assert "Then do." in ada.get("")
        replay = subprocess.run(
            [*photgrader, "replay", f".photgrader/live/records/{second.id}.json", "--exercise", "centroid"],
            cwd=root,
            capture_output=True,
            text=True,
        )
        assert replay.returncode == 0, replay.stdout + replay.stderr

        # An instructor has all graded again that changed: a file that a person put there.
        notebook = root / "submitted" / "cleo" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        notebook.write_text(notebook.read_text().replace("return (image_cutout * x)", "return 2 * (image_cutout * x)"))
        prof.send("class", kind="grade", assignment=ASSIGNMENT)
        until(lambda: any("1 of 5 submissions have changed" in j["answer"] for j in queue.jobs()), "no run")
        until(lambda: queue.batches() and queue.batches()[0][1:] == (1, 1), "not graded again")
        assert queue.counting("cleo", ASSIGNMENT).verdict["points"] < 7 and queue.verdict_states()["kernel died"] == 1

        # By the button, in a browser, while the service is killed and started anew.
        def again() -> None:
            nonlocal service, processes
            processes = psutil.Process(service.pid).children(recursive=True)
            service.kill()
            service.wait()
            service.stdout.close()
            until(lambda: not at_work(root), "the grading process goes on without its service")
            service = started(found[1].rpartition(":")[2].strip("/"))
            assert "enter?token=" in service.stdout.readline(), (tmp_path / "log").read_text()

        if shutil.which("chromium"):
            hands_in_by_the_button(root, queue, found[1], links.token(Viewer("fay", "student")), again)
        # Another service on the same course is refused in one sentence.
        second_service = subprocess.run(
            [*photgrader, "serve", "--port", "0"], cwd=root, capture_output=True, text=True, timeout=120
        )
        assert (
            second_service.returncode == 2
            and "at work on this course already" in second_service.stderr
            and "Traceback" not in second_service.stderr
        )
    finally:
        processes += psutil.Process(service.pid).children(recursive=True) if service.poll() is None else []
        service.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.wait(60)
        service.kill()
        service.wait()
        service.stdout.close()
        log.close()
    assert service.returncode == 0
    assert psutil.wait_procs(processes, timeout=30)[1] == [], "processes are left"
    # A worker of the killed process may have said how it ended.
    assert "Uncaught exception" not in (tmp_path / "log").read_text()
