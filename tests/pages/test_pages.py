"""What students and instructors read, in a real browser: on a phone and a desk, by day and by night, by keyboard and by ear."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from nbgrader.api import Gradebook
from playwright.sync_api import Page, Request, sync_playwright

from photgrader.gradebook import app
from support import ASSIGNMENT, MOMENT, RIGHT, ROOT, make_course, right, submit, tiny_notebook

pytestmark = pytest.mark.heavy

AXE = ROOT / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "artefacts" / "pages"
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
#: A centroid that forgets where the cut-out begins: a verdict with a hint, a picture and a table.
WRONG = (
    RIGHT["centroid"]
    .replace("x_start + nx", "nx")
    .replace("y_start + ny", "ny")
    .replace("np.arange(x_start, ", "np.arange(")
    .replace("np.arange(y_start, ", "np.arange(")
)
PROSE = r"""# A small assignment

The **centroid** is $x_c = \sum f x / \sum f$, and its likelihood, which is wider than a telephone,

$$\ln L(x, y, F, b) = -\frac{1}{2} \sum_{i} \left[ \frac{(f_i - F p_i(x, y) - b)^2}{\sigma_i^2} + \ln(2 \pi \sigma_i^2) \right] - \frac{(b - b_0)^2}{2 \sigma_b^2} - \ln \sigma_b$$

| name | what it is | in which unit it comes and goes |
|---|---|---|
| `image_cutout_of_the_background_subtracted_exposure` | the cut-out | nJy |
"""
SHOWN = """import matplotlib.pyplot as plt
from astropy.table import Table
from photcourse import display
figure, ax = plt.subplots(figsize=(9, 3))
ax.plot([1, 2, 3])
display.publish(figure, alt="A straight line through three points.")
Table({f"a_column_with_a_long_name_{n}": [1.5, 2.5] for n in range(9)})"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A course with two graded submissions, a comment, a late penalty, feedback and a report."""
    from photgrader.release.build import build_release

    root = make_course(tmp_path_factory.mktemp("pages"))
    import nbformat

    notebook = tiny_notebook()
    notebook.cells[0].source = f"{PROSE}\n{notebook.cells[0].source}"
    notebook.cells.insert(2, nbformat.v4.new_code_cell(SHOWN, id="shown"))
    nbformat.write(notebook, root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    build_release(root, ASSIGNMENT)
    broken = right(MOMENT).replace("ny, nx = image_cutout.shape", "ny, nx = image_cutout.form")
    for student, cells in (
        ("ada", {"centroid": WRONG, "second_moment": broken, "written-why": "Because $F$ has noise."}),
        ("bob", RIGHT),
    ):
        (submit(root, student, cells).parent / "timestamp.txt").write_text("2026-10-14 08:00:00 UTC")
    (root / "deadlines.yaml").write_text(
        f"time_zone: UTC\npenalty_per_day: 5 %\nassignments: {{{ASSIGNMENT}: {{due: 2026-10-12 22:00}}}}\n"
    )
    _run(root, "photgrader", "grade", ASSIGNMENT)
    with Gradebook(app.database_url(root)) as book:
        grade = book.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.find_comment(
            "written-why", ASSIGNMENT, ASSIGNMENT, "ada"
        ).manual_comment = "Say also what the *wings* hold: $1 - e^{-r^2/2\\sigma^2}$."
        book.db.commit()
    _run(root, "nbgrader", "generate_feedback", ASSIGNMENT)
    _run(root, "photgrader", "report", ASSIGNMENT, "--names", "--out", "report.html")
    return root


def _run(root: pathlib.Path, *words: str) -> None:
    program = pathlib.Path(sys.executable).parent / words[0]
    done = subprocess.run([str(program), *words[1:]], cwd=root, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def pages(graded: pathlib.Path) -> dict[str, pathlib.Path]:
    """The pages by name."""
    found = {
        "feedback": graded / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html",
        "feedback of all right": graded / "feedback" / "bob" / ASSIGNMENT / f"{ASSIGNMENT}.html",
        "report": graded / "report.html",
    }
    check = graded / "check.html"
    check.write_text(_check_page(graded))
    return {**found, "check": check}


def _check_page(root: pathlib.Path) -> str:
    """Return a check's output as JupyterLab shows it: its HTML in a page that is dark without telling the browser."""
    script = (
        "import numpy as np\n" + WRONG + "\nfrom photcourse import check\n"
        "def second_moment(image_cutout, centroid_x, centroid_y, start_x, start_y):\n    raise NotImplementedError\n"
        "print(check(centroid)._repr_mimebundle_()['text/html'] + check(second_moment)._repr_mimebundle_()['text/html'])\n"
    )
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root / "release" / ASSIGNMENT,
        capture_output=True,
        text=True,
        env=environment,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'><title>A check</title>"
        "<style>body { font: 14px/1.5 system-ui; margin: 8px; background: #fff; color: rgba(0,0,0,.87) }"
        "@media (prefers-color-scheme: dark) { body { background: #111; color: #fff } }</style></head><body><main><h1>Notebook</h1>"
        + done.stdout
        + "</main></body></html>"
    )


@pytest.fixture(scope="module")
def window() -> Iterator[Page]:
    """A page of Chromium's for all tests: to open one takes a second of processor time."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield running.new_page()
        running.close()


@pytest.fixture
def visit(window: Page, pages: dict[str, pathlib.Path]) -> Iterator[Any]:
    """Show a page, with requests that go elsewhere noted and failing the test."""
    strayed: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            strayed.append(request.url)

    def show(name: str, size: str = "desk", scheme: Any = "light") -> Page:
        width, height = SIZES[size]
        window.set_viewport_size({"width": width, "height": height})
        window.emulate_media(color_scheme=scheme)
        window.goto(pages[name].as_uri())
        return window

    window.on("request", note)
    yield show
    window.remove_listener("request", note)
    assert strayed == []


def violations(page: Page) -> list[str]:
    """Return what axe finds that is serious, with the first place of each."""
    assert AXE.is_file(), "axe-core is missing; tools/setup.sh tests installs it"
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['help']} ({len(v['nodes'])}) {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


NAMES = ("feedback", "feedback of all right", "report", "check")


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(name, visit):
    for size in SIZES:
        page = visit(name, size)
        for scheme in ("light", "dark"):
            # As when a system turns dark in the evening: the pages have no script that could miss it.
            page.emulate_media(color_scheme=scheme)
            for opened in (False, True):
                page.evaluate(f"document.querySelectorAll('details').forEach(d => d.open = {json.dumps(opened)})")
                wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wider <= 0, f"{name}, {size}: {wider} pixels too wide"
            assert violations(page) == [], f"{name}, {size}, {scheme}"
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=PICTURES / f"{name.replace(' ', '-')}-{size}-{scheme}.png", full_page=True)


def test_axe_finds_what_is_wrong_on_purpose(visit):
    page = visit("check")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"data:,\"><p style=\"color:#bbb;background:#fff\">faint</p>')"
    )
    assert {v.split(":")[0] for v in violations(page)} == {"image-alt", "color-contrast"}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_dark_where_the_system_is_and_every_picture_has_words(name, visit):
    brightness = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3"
    assert visit(name, "phone", "dark").evaluate(brightness) < 60
    light = visit(name, "phone")
    assert light.evaluate(brightness) > 200
    assert light.evaluate("document.documentElement.lang") == "en" and light.title()
    assert light.evaluate("[...document.images].every(i => i.alt.length > 10 && i.naturalWidth > 0)")


def test_the_feedback_says_points_comment_penalty_and_what_waits(visit):
    page = visit("feedback", "phone")
    text = page.locator("body").inner_text()
    assert "1.5 of 2 points" in page.get_by_role("navigation").inner_text()
    assert (
        "Say also what the wings hold" in page.get_by_role("note").inner_text()
        and page.get_by_role("note").locator("math").count() == 1
    )
    assert "Handed in late" in text and "AttributeError" in text
    assert "points" in page.locator(".total").inner_text() and page.locator("math[display=block]").count() == 1
    assert page.locator("script").count() == 0
    # Nobody has marked bob's answer, which is not the same as no points.
    waiting = visit("feedback of all right").get_by_role("navigation").inner_text()
    assert "0 of 2 points" in waiting or "not marked yet (of 2 points)" in waiting


def test_everything_that_opens_or_scrolls_is_reached_and_used_by_the_keyboard(visit):
    page = visit("feedback", "phone")
    summaries = page.locator("summary").count()
    assert summaries >= 3
    seen = []
    for _ in range(200):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? null : [e.tagName, e.className, getComputedStyle(e).outlineStyle] }"
        )
        if focus is None:
            break
        assert focus[2] != "none", f"focus on {focus} cannot be seen"
        seen.append(focus[0] + "." + focus[1])
        if focus[0] == "SUMMARY":
            page.keyboard.press("Enter")
    assert seen.count("SUMMARY.") == summaries and page.locator("details[open]").count() == summaries
    # The wide formula and both wide tables.
    assert sum(s == "DIV.wide" for s in seen) >= 3
    page.locator("nav a").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("!!document.querySelector(':target')")


def test_a_screen_reader_hears_what_each_part_is(visit):
    page = visit("feedback")
    assert page.get_by_role("main").count() == 1 and page.get_by_role("heading", level=1).first.inner_text().startswith(
        "Feedback"
    )
    assert page.get_by_role("region", name="Check: centroid").count() == 1
    check = page.get_by_role("group", name="Check of centroid")
    assert check.count() == 1 and "points" in check.inner_text()
    assert page.get_by_role("region", name="Written answer: why").count() == 1
    assert page.get_by_role("group", name="Formula 1").count() == 1
