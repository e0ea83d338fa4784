"""The course as its users meet it: a real hub, real accounts, a real browser; nothing is called behind the pages' back."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import re
import shutil
import urllib.parse
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from hub.browser import Person
from nbgrader.api import Gradebook
from playwright.sync_api import Browser, Frame, Page, sync_playwright

from photgrader.exercise import load_assignment
from photgrader.simulate.make_class import solved
from support import ASSIGNMENT, ROOT

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("hub")]
PICTURES = ROOT / "artefacts" / "hub"
LECTURE = "01a_looking_at_an_image.ipynb"
WRITTEN = "The PSF flux misses the light in the galaxy's wings: $F_\\mathrm{psf} = \\sum f p / \\sum p^2$ is right for a point source only."
COMMENT = "Right: the wings of $p(r)$ are what is missed."

HOSTILE = """import builtins, glob, os, socket
import numpy as np

found = []
for place in ("/opt/photcourse", "/home", "/root", "/srv"):
    found += [p for p in glob.glob(place + "/**/gradebook.db", recursive=True) if "/nbgrader/tests/" not in p]
for port in PORTS:
    try:
        socket.create_connection(("127.0.0.1", port), 1)
        found.append(f"port {port}")
    except OSError:
        pass
try:
    import photgrader
    found.append(photgrader.__file__)
except ImportError:
    pass
print("FOUND", found, "as", os.getuid())

class Equal(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return Equal(0)
    def __rsub__(self, other): return Equal(0)
    def __abs__(self): return Equal(0)

np.allclose = np.isclose = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
builtins.check = check = lambda *a, **k: print("10 / 10")

def centroid(image_cutout, x_start, y_start):
    return Equal(0), Equal(0)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def person(browser: Browser, plan: dict[str, Any], name: str) -> Person:
    return Person(browser, plan["address"], name, plan["passwords"][name], PICTURES)


@pytest.fixture(scope="module")
def logged_in(hub, plan, browser) -> Iterator[Person]:
    """A student who has logged in, for tests that look at nothing of JupyterLab."""
    student = person(browser, plan, plan["course"]["students"][0])
    student.log_in()
    yield student
    student.close()


def home(plan: dict[str, Any], name: str) -> pathlib.Path:
    return pathlib.Path(pwd.getpwnam(name).pw_dir)


def indices(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """Return where the marked cells are."""
    return {c.metadata["nbgrader"]["grade_id"]: i for i, c in enumerate(notebook.cells) if "nbgrader" in c.metadata}


def test_a_class_works_from_the_lecture_to_the_feedback(hub, plan, browser):
    course = pathlib.Path(plan["course"]["root"])
    one, two, three = plan["course"]["students"]
    people = []
    try:
        first = person(browser, plan, one)
        people.append(first)
        first.log_in()
        _opens_the_live_page(first)
        _reads_the_lecture(first)
        _solves_and_submits(first, course)
        first.close()
        for name, hostile in ((two, False), (three, True)):
            other = person(browser, plan, name)
            people.append(other)
            _submits_something_else(other, plan, hostile)
            other.close()
        teacher = person(browser, plan, plan["course"]["instructors"][0])
        people.append(teacher)
        _grades(teacher, plan, [one, two, three])
        teacher.close()
        _gradebook_is_right(course, one, two, three)
        for name in (one, two):
            reader = person(browser, plan, name)
            people.append(reader)
            _reads_the_feedback(reader, whole=name == one)
            reader.close()
    except BaseException:
        for page in people[-1].context.pages:
            people[-1].picture("stopped here", page)
        raise
    assert [url for p in people for url in p.strayed] == []


def _opens_the_live_page(student: Person) -> None:
    """By the card in JupyterLab's launcher, which asks nbgrader for the courses and the hub for its services."""
    card = student.page.locator(".jp-LauncherCard", has_text="Hand-ins: starlight")
    card.wait_for()
    student.picture("launcher")
    with student.context.expect_page() as opened:
        card.click()
    page = opened.value
    page.get_by_text("My assignments").first.wait_for()
    assert page.url == f"{student.address}services/starlight-live/"
    assert page.get_by_text(f"{student.name}, student").count() == 1
    student.picture("the live page", page)
    page.close()


def _reads_the_lecture(student: Person) -> None:
    student.open_notebook(f"lectures/{LECTURE}")
    student.picture("lecture")
    student.run_all()
    student.picture("lecture run")
    assert student.errors() == []
    figures = student.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output img")
    assert figures.count() >= 3
    assert (
        student.page.locator(
            ".jp-NotebookPanel:not(.lm-mod-hidden) mjx-container, .jp-NotebookPanel:not(.lm-mod-hidden) .MathJax"
        ).count()
        > 0
    )


def _solves_and_submits(student: Person, course: pathlib.Path) -> None:
    student.assignments()
    student.picture("assignment list")
    student.fetch(ASSIGNMENT)
    student.picture("fetched")
    release = nbformat.read(course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    answers = solved(course, ASSIGNMENT, ASSIGNMENT)
    where = indices(release)
    student.open_notebook(f"starlight/{ASSIGNMENT}/{ASSIGNMENT}.ipynb")
    student.picture("assignment opened")
    assert "passes all" not in student.validate()
    _runs_all_of_the_untouched_notebook(student, where)
    _meets_a_failing_check(student, where)
    for name, index in where.items():
        marks = release.cells[index].metadata["nbgrader"]
        if marks["solution"]:
            student.write(index, WRITTEN if name.startswith("written") else answers.cells[index].source)
    student.run_all()
    assert student.errors() == []
    student.cell(where["check-centroid"]).scroll_into_view_if_needed()
    student.picture("right answer")
    student.save()
    assert "Success! Your notebook passes all the tests." in student.validate()
    student.assignments()
    student.submit(ASSIGNMENT)
    student.picture("submitted")


def _runs_all_of_the_untouched_notebook(student: Person, where: dict[str, int]) -> None:
    """Run All goes through to the last check, and what is not written yet says so in a line."""
    student.run_all()
    student.picture("untouched run")
    errors: list[str] = []
    for name in ("check-centroid", "check-aperture_flux"):
        student.cell(where[name]).scroll_into_view_if_needed()
        student.cell(where[name]).get_by_text("not written yet").first.wait_for()
        # Of cells far from what is seen JupyterLab draws none.
        errors += student.errors()
    student.picture("untouched run, the last check")
    assert errors and all("not written yet" in text and len(text.strip().splitlines()) == 1 for text in errors)


def _meets_a_failing_check(student: Person, where: dict[str, int]) -> None:
    """Give an answer with a well-known mistake: the start of the cut-out is left out."""
    wrong = load_assignment(ASSIGNMENT).exercises["centroid"].misconceptions["no-offset"]
    student.write(where["centroid"], wrong.cells[-1])
    for name in ("given-imports", "given-load", "centroid", "check-centroid"):
        student.run_cell(where[name])
    output = student.cell(where["check-centroid"]).locator(".jp-OutputArea")
    pictures = output.locator("svg[role=img]")
    pictures.first.wait_for()
    student.cell(where["check-centroid"]).scroll_into_view_if_needed()
    student.picture("failing check")
    assert wrong.hint is not None and wrong.hint.title.lower() in output.inner_text().lower()
    assert pictures.evaluate_all(
        "found => found.every(p => p.querySelector('title').textContent && p.querySelector('desc').textContent)"
    )


def _submits_something_else(student: Person, plan: dict[str, Any], hostile: bool) -> None:
    """Fetch by click, spoil the file as its owner could with any editor, submit by click."""
    student.log_in()
    student.assignments(anew=False)
    student.fetch(ASSIGNMENT)
    path = home(plan, student.name) / "starlight" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    text = path.read_text(encoding="utf-8")
    if hostile:
        notebook = nbformat.reads(text, as_version=4)
        ports = [*plan["ports"].values(), plan["course"]["port"]]
        notebook.cells[indices(notebook)["centroid"]].source = HOSTILE.replace("PORTS", str(ports))
        path.write_text(nbformat.writes(notebook), encoding="utf-8")
    else:
        path.write_text(text[: len(text) // 2], encoding="utf-8")
    student.submit(ASSIGNMENT)
    student.picture("submitted")


def _row(frame: Frame, kind: str, name: str) -> Any:
    return frame.locator("tr", has=frame.locator(f"td.{kind}", has_text=name))


def _press(frame: Frame, link: Any, pictured: Person, page: Page, what: str) -> None:
    """Press a button of the formgrader and wait for its message."""
    link.click()
    modal = frame.locator(".modal.in")
    modal.get_by_text(re.compile("Success|Error", re.IGNORECASE)).first.wait_for()
    pictured.picture(what, page)
    assert "error" not in modal.locator(".modal-title").inner_text().lower(), modal.inner_text()
    modal.locator("button", has_text=re.compile("OK|Close")).last.click()
    modal.wait_for(state="hidden")


def _grades(teacher: Person, plan: dict[str, Any], students: list[str]) -> None:
    teacher.log_in()
    page, frame = teacher.open_formgrader("starlight")
    frame.locator("td.name", has_text=ASSIGNMENT).wait_for()
    teacher.picture("formgrader", page)
    _press(frame, _row(frame, "name", ASSIGNMENT).locator("td.collect a"), teacher, page, "collected")
    _row(frame, "name", ASSIGNMENT).locator("td.num-submissions a").click()
    for name in students:
        frame.locator("td.student-id", has_text=name).first.wait_for()
        _press(frame, _row(frame, "student-id", name).locator("td.autograde a"), teacher, page, "autograded")
    frame.locator("td.score", has_text=re.compile(r"\d")).first.wait_for()
    teacher.picture("scores", page)
    _grades_the_written_answers(teacher, page, frame, plan)
    frame.goto(f"{plan['address']}services/starlight/formgrader/")
    frame.locator("td.name", has_text=ASSIGNMENT).wait_for()
    for what in ("generate-feedback", "release-feedback"):
        _press(frame, _row(frame, "name", ASSIGNMENT).locator(f"td.{what} a"), teacher, page, what)


def _grades_the_written_answers(teacher: Person, page: Page, frame: Frame, plan: dict[str, Any]) -> None:
    frame.goto(f"{plan['address']}services/starlight/formgrader/gradebook/{ASSIGNMENT}/{ASSIGNMENT}")
    # Whose work it is does not stand there: answers are graded without names.
    links = frame.locator("td.name a")
    links.first.wait_for()
    assert not any(name in frame.locator("body").inner_text() for name in plan["course"]["students"])
    for address in [links.nth(i).get_attribute("href") for i in range(links.count())]:
        frame.goto(urllib.parse.urljoin(plan["address"], address))
        frame.locator("#notebook").first.wait_for()
        if frame.get_by_text("misses the light in the galaxy").count():
            break
    assert frame.locator("math").count() > 5, "formulas of the submission are drawn in the formgrader"
    assert frame.get_by_text("For the marker").count() == 2, "the rubric stands beside each written answer"
    for name, points in (("written-psf-aperture", 9), ("written-faint-end", 8)):
        field = frame.locator(f"input#{name}")
        field.scroll_into_view_if_needed()
        field.fill(str(points))
        field.press("Tab")
    comment = frame.locator("textarea#written-faint-end-comment")
    comment.scroll_into_view_if_needed()
    comment.fill(COMMENT)
    comment.press("Tab")
    page.wait_for_timeout(1500)
    teacher.picture("written answer graded", page)


def _gradebook_is_right(course: pathlib.Path, right: str, broken: str, hostile: str) -> None:
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        full = sum(
            c.max_score
            for c in gradebook.find_notebook(ASSIGNMENT, ASSIGNMENT).grade_cells
            if c.name.startswith("check-")
        )
        good = gradebook.find_submission(ASSIGNMENT, right)
        extra = sum(e.extra_credit for e in load_assignment(ASSIGNMENT).exercises.values())
        assert extra and good.score == pytest.approx(full + 9 + 8 + extra)
        assert not good.needs_manual_grade
        bad = gradebook.find_submission(ASSIGNMENT, broken)
        assert bad.score == 0 and bad.needs_manual_grade, "a submission that cannot be read is looked at by a person"
        assert gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, hostile).score == 0
    record = json.loads((course / ".photgrader" / "records" / ASSIGNMENT / f"{hostile}.json").read_text())
    assert record["exercises"]["centroid"]["points"] == 0
    graded = (course / "autograded" / hostile / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text()
    assert "FOUND [] as" in graded, "student code saw no gradebook, no port, no grader"


def _reads_the_feedback(student: Person, whole: bool) -> None:
    # Without what was open when this student was here before.
    student.log_in(f"user/{student.name}/lab?reset")
    student.assignments(anew=False)
    fetch = student.page.locator("#submitted_assignments_list button", has_text="Fetch Feedback").first
    fetch.wait_for()
    fetch.click()
    student.page.locator("#submitted_assignments_list a", has_text="view feedback").first.wait_for()
    student.picture("feedback fetched")
    account = pwd.getpwnam(student.name)
    pages = sorted(pathlib.Path(account.pw_dir).glob(f"starlight/{ASSIGNMENT}/feedback/*/{ASSIGNMENT}.html"))
    assert len(pages) == 1
    path = pages[0].relative_to(account.pw_dir)
    student.lab(str(path).replace(os.sep, "/"))
    view = student.page.frame_locator(".jp-HTMLViewer iframe")
    view.locator("#notebook, body h1, body h2").first.wait_for()
    student.picture("feedback")
    body = view.locator("body").inner_text()
    if not whole:
        assert "is not a notebook that can be read" in body
        return
    assert view.locator("math").count() > 5 and "\\frac" not in body
    pictures = view.locator("img")
    assert pictures.evaluate_all(
        "images => images.every(i => i.alt && i.getBoundingClientRect().right <= window.innerWidth)"
    )
    assert pictures.count() >= 3 and pictures.evaluate_all(
        "images => images.every(i => i.complete && i.naturalWidth > 0)"
    )
    view.get_by_text("is what is missed").or_(view.get_by_text("are what is missed")).first.scroll_into_view_if_needed()
    student.picture("comment in the feedback")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("services/starlight/formgrader", 403),
        ("user/test-instructor/lab", 403),
        ("hub/admin", 403),
        ("user/{me}/formgrader", 404),
    ],
)
def test_a_student_is_refused_where_others_work(logged_in, plan, path, status):
    student = logged_in
    response = student.page.goto(plan["address"] + path.format(me=student.name))
    assert response is not None and response.status in (status, 404), response.status if response else None
    assert student.strayed == []


def test_a_students_account_sees_no_answer_on_the_disk(hub, plan):
    import subprocess

    import localhub

    account = pwd.getpwnam(plan["course"]["students"][0])
    course = plan["course"]

    def as_student(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", script],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
        )

    for secret in (
        course["root"],
        f"{localhub.BASE}/grader/bin",
        str(hub.instance.state / "hub.json"),
        str(hub.log),
        str(home(plan, course["students"][1])),
    ):
        assert as_student(f"ls '{secret}'/* || cat '{secret}'").returncode != 0, f"a student reads {secret}"
    inside = as_student(f"{localhub.BASE}/student/bin/python -c 'import photcourse; import photgrader'")
    assert "No module named 'photgrader'" in inside.stderr
    assert as_student(f"cat {course['exchange']}/starlight/inbound/*/*").returncode != 0
