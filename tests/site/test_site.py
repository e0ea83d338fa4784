"""The course's web site builds from the tree, and its pages hold what they should and nothing else."""

from __future__ import annotations

import ast
import html
import json
import pathlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import nbformat
import pytest

import make_site
from builder import check, notebooks, reference, results
from support import ROOT

#: Three pages that have formulas, pictures, tables, code; looked at in the browser, in both modes and on a phone.
LOOKED_AT = (
    "index.html",
    "lectures/index.html",
    "lectures/05_centroids_and_alignment.html",
    "exercises/ps1_psf_photometry.html",
    "results/load.html",
    "reference/modules/photcourse.display.html",
)
AXE = ROOT / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, str]:
    """The whole site and what its command said, its pages built anew; notebooks that were run before and are the same are not run again."""
    folder = tmp_path_factory.mktemp("site")
    out = folder / "site"
    # Run notebooks are kept where `make site` keeps them; their names are hashes of all that they are made from.
    (folder / "work").mkdir()
    kept = ROOT / ".build" / "site" / "notebooks"
    kept.mkdir(parents=True, exist_ok=True)
    (folder / "work" / "notebooks").symlink_to(kept, target_is_directory=True)
    # Sphinx runs in a process of its own: its handlers of logs and warnings stay out of this one.
    import subprocess

    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make_site.py"), "--out", str(out), "--work", str(folder / "work")],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return out, done.stdout


@pytest.fixture(scope="module")
def site(built: tuple[pathlib.Path, str]) -> pathlib.Path:
    """The site's folder."""
    return built[0]


# --------------------------------------------------------------------------------------------------- the whole site
@pytest.mark.heavy
def test_the_site_builds_with_warnings_as_errors_and_every_source_has_its_page(site):
    for path in (ROOT / "course" / "lectures").glob("*.ipynb"):
        assert (site / "lectures" / f"{path.stem}.html").is_file()
    for path in (ROOT / "release").glob("*/*.ipynb"):
        assert (site / "exercises" / f"{path.stem}.html").is_file()
        with zipfile.ZipFile(next((site / "_downloads").glob(f"*/{path.stem}.zip"))) as packed:
            assert {f"{path.stem}/{p.relative_to(path.parent)}" for p in path.parent.rglob("*") if p.is_file()} == set(
                packed.namelist()
            )
    for path in (ROOT / "docs").rglob("*.md"):
        assert (site / path.relative_to(ROOT / "docs").with_suffix(".html")).is_file()
    for package in ("photcheck", "photcourse", "photgrader"):
        for module in reference.modules(ROOT, package):
            assert (site / "reference" / "modules" / f"{module}.html").is_file()


@pytest.mark.heavy
def test_links_pictures_and_headings_are_in_order(built):
    site, said = built
    # The command looks at all that it has made (`check.check`), and ends with what is wrong.
    assert re.search(
        rf"^{len(list(site.rglob('*.html')))} pages in \d+ s: {re.escape(str(site))}/index.html$", said, re.M
    )


@pytest.mark.heavy
def test_a_lecture_shows_its_figures_with_their_words_and_no_error(site):
    pages = sorted((site / "lectures").glob("[0-9]*.html"))
    assert len(pages) >= 7
    for path in pages:
        page = path.read_text(encoding="utf-8")
        figures = re.findall(r'<img class="course-figure[^>]*?alt="([^"]{15,})"', page)
        assert len(figures) >= 3, path.stem
        assert "Traceback (most recent call last)" not in page
        assert "data:image/png" not in page, "figures are files of their own"


@pytest.mark.heavy
def test_no_solution_stands_anywhere_on_the_site(site):
    secret = solution_lines()
    assert len(secret) > 200
    text = {path: squeeze(words(path)) for path in site.rglob("*.html")}
    text |= {path: squeeze(path.read_text(encoding="utf-8")) for path in site.rglob("*.ipynb")}
    found = [(path.name, line) for path, page in text.items() for line in secret if line in page]
    assert found == []
    assert not [p for p in site.rglob("*") if "exercises" in p.name and p.name.startswith("photgrader")]


@pytest.mark.heavy
def test_the_search_for_solutions_finds_one_that_is_there():
    secret = solution_lines()
    release = next((ROOT / "solutions" / "ps1_psf_photometry").glob("*.ipynb"))
    page = squeeze("\n".join(c.source for c in nbformat.read(release, as_version=4).cells))
    assert sum(line in page for line in secret) > 20


@pytest.mark.heavy
def test_pages_load_nothing_from_elsewhere_and_axe_finds_nothing_serious(site):
    from playwright.sync_api import sync_playwright

    if not AXE.is_file():
        pytest.skip("axe-core is not installed (tools/setup.sh tests)")
    pictures = ROOT / "artefacts" / "site"
    pictures.mkdir(parents=True, exist_ok=True)
    strayed, failed, faults = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else strayed.append(r.url))
        page.on("requestfailed", lambda r: failed.append(r.url))
        page.on("pageerror", lambda e: failed.append(f"{page.url}: {e}"))
        for name, width, mode in looks():
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=mode)
            page.goto((site / name).as_uri())
            if page.locator("span.math, div.math").count():
                page.wait_for_selector("mjx-container svg")
                page.wait_for_selector("mjx-container[display=true][tabindex]")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), (
                f"{name} is wider than a screen of {width} pixels"
            )
            page.add_script_tag(path=str(AXE))
            # Without preloading: axe would fetch the style sheets again, which a page from a file may not.
            report = page.evaluate(
                "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations'], preload: false})"
            )
            faults += [
                f"{name}, {width}, {mode}: {v['id']}: {v['nodes'][0]['html'][:150]}"
                for v in report["violations"]
                if v["impact"] in ("serious", "critical")
            ]
            page.screenshot(path=pictures / f"{name.replace('/', '-')[:-5]}-{width}-{mode}.png")
        browser.close()
    assert strayed == []
    assert failed == []
    assert faults == []


def looks() -> Iterator[tuple[str, int, str]]:
    """Which pages, how wide, in which mode."""
    for name in LOOKED_AT:
        yield name, 1400, "light"
        yield name, 390, "dark"


def words(path: pathlib.Path) -> str:
    """Return a page's text."""
    return html.unescape(re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")))


def squeeze(text: str) -> str:
    """Return text without white space, which a page may set otherwise."""
    return re.sub(r"\s+", "", text)


def solution_lines() -> set[str]:
    """Lines of solutions, references and model answers that nothing which students have says too, without white space."""
    own, said = [], []
    for path in (ROOT / "source").glob("*/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for part in re.findall(
                r"BEGIN (?:SOLUTION|MARK SCHEME)[^\n]*\n(.*?)\n[^\n]*END (?:SOLUTION|MARK SCHEME)", cell.source, re.S
            ):
                own += part.splitlines()
    for path in (ROOT / "autograder" / "exercises").glob("*/[!_]*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(d) == "exercise.reference" for d in node.decorator_list
            ):
                own += [line for part in node.body for line in (ast.get_source_segment(text, part) or "").splitlines()]
    given = [*(ROOT / "course").rglob("*.ipynb"), *(ROOT / "release").glob("*/*.ipynb")]
    said += [c.source for p in given for c in nbformat.read(p, as_version=4).cells]
    said += [p.read_text(encoding="utf-8") for p in (ROOT / "course" / "photcourse").rglob("*.py")]
    known = squeeze("\n".join(said))
    lines = {squeeze(line) for line in own}
    return {line for line in lines if len(line) >= 25 and line not in known}


def test_the_search_for_answers_knows_the_references():
    text = (ROOT / "autograder" / "exercises" / "ps5_source_finding" / "merge_catalogs.py").read_text(encoding="utf-8")
    (reference,) = [
        n
        for n in ast.parse(text).body
        if isinstance(n, ast.FunctionDef) and "exercise.reference" in map(ast.unparse, n.decorator_list)
    ]
    lines = {
        squeeze(line) for part in reference.body for line in (ast.get_source_segment(text, part) or "").splitlines()
    }
    assert lines & solution_lines(), "a reference on a page would be found"


# ------------------------------------------------------------------------------------------------ its parts, quickly
GOOD = '<!DOCTYPE html><html lang="en"><head><title>T</title></head><body><h1 id="a">A</h1>{}</body></html>'


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<img src='b.png'>", "no alternative text"),
        ("<img src='b.png' alt=' '>", "no alternative text"),
        ("<a href='gone.html'>x</a>", "leads nowhere"),
        ("<a href='#b'>x</a>", "names a place that is not there"),
        ("<a href='../../outside.html'>x</a>", "leads nowhere"),
        ("<a href='https://no address'>x</a>", "is no address"),
        ("<a href='#a'></a>", "links without words"),
        ("<script src='https://cdn.example.org/x.js'></script>", "from elsewhere"),
        ("<img src='//cdn.example.org/x.png' alt='a star'>", "from elsewhere"),
        ("<p id='a'>again</p>", "occurs more than once"),
        ("<h3>c</h3>", "follows one of level"),
        ("<h1>b</h1>", "2 main headings"),
    ],
)
def test_the_checker_names_a_fault(tmp_path, body, fault):
    (tmp_path / "index.html").write_text(GOOD.format(body))
    (problem,) = check.check(tmp_path)
    assert fault in problem


def test_the_checker_is_content_with_a_good_page(tmp_path):
    (tmp_path / "index.html").write_text(
        GOOD.format(
            "<h2 id='b'>B</h2><a href='#b'>x</a> <a href='other.html#a'>y</a> <a href='https://example.org/z'>z</a> <img src='s.png' alt='a star'>"
        )
    )
    (tmp_path / "other.html").write_text(GOOD.format(""))
    assert check.check(tmp_path) == []


def test_a_figure_without_words_is_refused(tmp_path):
    cell = nbformat.v4.new_code_cell("plot()")
    cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})]
    with pytest.raises(ValueError, match="no alternative text"):
        notebooks.take_figures_out(nbformat.v4.new_notebook(cells=[cell]), "page", tmp_path, "")


@pytest.mark.parametrize(("width", "scrolls"), [(900, True), (700, False)])
def test_only_a_figure_whose_letters_would_be_too_small_scrolls_on_a_phone(width, scrolls):
    picture = notebooks.Picture("a.png", "A star and its neighbours.", width, 300)
    assert (' class="course-figure wide ' in notebooks.image_tag(picture, "")) == scrolls
    assert " wide" not in notebooks.image_tag(picture, "", "cover")
    assert "img.course-figure.wide" in (ROOT / "docs" / "_static" / "site.css").read_text()


def test_outputs_of_cells_that_students_write_do_not_become_pages():
    marks = {"schema_version": 3, "task": False, "locked": False, "solution": True, "grade": False, "grade_id": "f"}
    cells = [
        nbformat.v4.new_code_cell("f()", metadata={"nbgrader": marks}),
        nbformat.v4.new_code_cell("look()"),
        nbformat.v4.new_code_cell("g()"),
    ]
    for cell in cells:
        cell.outputs = [nbformat.v4.new_output("stream", text="something")]
    cells[2].outputs.append(nbformat.v4.new_output("error", ename="NotImplementedError", evalue="", traceback=[]))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebooks.without_students_outputs(notebook)
    assert [len(c.outputs) for c in notebook.cells] == [0, 1, 0]


def test_results_that_are_not_there_are_said_to_be_absent_and_how_to_make_them(tmp_path):
    for name, (file, command) in results.FILES.items():
        assert file in results.page(tmp_path, name) and command in results.page(tmp_path, name)
    assert results.overview(tmp_path).count("not here") == len(results.FILES)


def test_every_number_of_a_results_page_comes_from_its_file(tmp_path):
    body = json.loads((ROOT / "docs" / "load.json").read_text())
    body["students"], body["lost"], body["latency"]["submit"]["max_s"] = 987, ["ps1 of student5"], 65.4
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "load.json").write_text(json.dumps(body))
    page = results.page(tmp_path, "load")
    assert "987 students" in page and "1 submissions lost" in page and "65.4" in page and body["when"] in page


@pytest.mark.parametrize("name", list(results.FILES))
def test_the_results_of_this_tree_become_a_page(name):
    page = results.page(ROOT, name)
    assert not re.search(r"\{_?\w+\(", page), "a part of the page was not filled in"
    body = results.read(ROOT, name)
    assert body is not None, f"{results.FILES[name][0]} is a part of the project"
    assert results.day(body) in page and re.search(r"^\|.*\d.*\|$", page, re.M)
    if (ROOT / ".git").exists():
        # A file of results that git passes over is there for its author only.
        known = subprocess.run(
            ["git", "ls-files", "--error-unmatch", results.FILES[name][0]], cwd=ROOT, capture_output=True
        )
        assert known.returncode == 0, f"{results.FILES[name][0]} is not committed"


def test_a_page_whose_file_is_not_there_says_how_to_measure_it(tmp_path):
    for name, (file, command) in results.FILES.items():
        page = results.page(tmp_path, name)
        assert "has not been measured" in page and file in page and command in page


def test_no_page_of_the_reference_is_about_an_exercise():
    names = reference.modules(ROOT, "photgrader")
    assert "photgrader.grading.grade" in names and not any("exercises" in n for n in names)


def test_a_folder_that_is_no_site_is_not_written_over(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(make_site.SiteError, match="no site of this kind"):
        make_site.build(tmp_path, tmp_path / "work")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
