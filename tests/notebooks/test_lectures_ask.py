"""Lectures ask before they tell: something to do in every section, an answer to every question, one form for all."""

from __future__ import annotations

import ast
import pathlib
import re

import nbformat
import pytest

from support import ROOT

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
#: Lectures that do not keep the rules yet; nothing may be added here.
TO_DO: set[str] = set()
DONE = [path for path in LECTURES if path.stem not in TO_DO]
#: The first lectures are for beginners.
BEGINNERS = [path for path in DONE if path.stem[:2] in ("00", "01", "02")]
ROWS = ["Goals", "Time", "Before", "Data", "Versions", "Last verified", "Then"]
#: Sections that sum up, or ask nothing but questions.
CLOSING = re.compile(r"Key points|References|Credits|Questions")
MOST_WORDS, MOST_LINES, WIDTH, MOST_MINUTES = 2000, 20, 110, 45


def sections(path: pathlib.Path) -> list[tuple[str, list[nbformat.NotebookNode]]]:
    """Return each section's title and cells; a text cell that holds several headings is cut at them."""
    found: list[tuple[str, list[nbformat.NotebookNode]]] = []
    for cell in nbformat.read(path, as_version=4).cells[1:]:
        pieces = re.split(r"^(?=## )", cell.source, flags=re.M) if cell.cell_type == "markdown" else [cell.source]
        for piece in pieces:
            if cell.cell_type == "markdown" and piece.startswith("## "):
                found.append((piece.partition("\n")[0][3:], []))
            if found and piece.strip():
                found[-1][1].append(nbformat.from_dict({**cell, "source": piece}))
    return found


def asks(cell: nbformat.NotebookNode) -> bool:
    calls = r"\b(?:ask\.)?(?:guess|explore)\(" if cell.cell_type == "code" else "<details>"
    return re.search(calls, cell.source) is not None


def header(path: pathlib.Path) -> dict[str, str]:
    first = nbformat.read(path, as_version=4).cells[0].source
    return dict(re.findall(r"^\| \*\*([^*]+)\*\* \| (.+) \|$", first, re.M))


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_every_section_has_something_to_do(path):
    assert [title for title, cells in sections(path) if not CLOSING.search(title) and not any(map(asks, cells))] == []


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_every_question_has_a_folded_answer_that_a_browser_can_open(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "markdown":
            continue
        folds = re.findall(r"<details>\s*<summary>[^<]+</summary>\n\n.+?\n\n\s*</details>", cell.source, re.S)
        asked = len(re.findall(r"^\*\*(?:Try it|Question|Predict)\.\*\*", cell.source, re.M))
        if re.search(r"^## Questions", cell.source, re.M):
            asked += len(re.findall(r"^\d+\. ", cell.source.partition("## Questions")[2], re.M))
        assert len(folds) == cell.source.count("<details>") == cell.source.count("</details>"), cell.source[:200]
        assert asked <= len(folds), cell.source[:200]


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_there_are_three_to_five_sliders(path):
    code = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    assert 3 <= len(re.findall(r"\bask\.explore\(", code)) <= 5


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_every_guess_is_compared_with_the_answer(path):
    code = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    kept = re.findall(r"^(\w+) = ask\.guess\(", code, re.M)
    assert kept and [name for name in kept if not re.search(rf"\b{name}\.(?:draw|against)\(", code)] == []


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_every_goal_is_tested_by_something_to_do(path):
    goals = re.findall(r"\((\d+)\)", header(path)["Goals"])
    tested = {g for c in nbformat.read(path, as_version=4).cells if asks(c) for g in c.metadata.get("goals", [])}
    assert len(goals) >= 3 and [int(g) for g in goals] == list(range(1, len(goals) + 1))
    assert tested == set(map(int, goals))


def breakable(cell: nbformat.NotebookNode) -> list[str]:
    """Return a cell's lines; rows of tables, formulas and addresses cannot be broken."""
    text = cell.source if cell.cell_type == "code" else re.sub(r"\$\$.*?\$\$", "", cell.source, flags=re.S)
    return [line for line in text.splitlines() if cell.cell_type == "code" or not re.search(r"^\||\]\(http", line)]


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_headers_and_lines_have_one_form(path):
    notebook = nbformat.read(path, as_version=4)
    number = re.match(r"0*(\d+[a-z]?)", path.stem)[1]
    assert notebook.cells[0].source.startswith(f"# {number} · ")
    assert list(header(path)) == ROWS
    titles = [title for title, _ in sections(path)]
    numbered = [title for title in titles if not CLOSING.search(title)]
    assert [t.split()[0] for t in numbered] == [f"{number}.{k}" for k in range(1, len(numbered) + 1)]
    wide = [line for c in notebook.cells for line in breakable(c) if len(line) > WIDTH]
    assert wide == []


@pytest.mark.parametrize("path", DONE, ids=lambda p: p.stem)
def test_code_cells_are_python_and_manuals_are_linked(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
    links = re.findall(
        r"\]\((https://[^)\s]+)\)", "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    )
    assert len(links) >= 3


@pytest.mark.parametrize("path", BEGINNERS, ids=lambda p: p.stem)
def test_a_beginners_lecture_is_short(path):
    notebook = nbformat.read(path, as_version=4)
    words = sum(
        len(re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "x", c.source, flags=re.S).split())
        for c in notebook.cells
        if c.cell_type == "markdown"
    )
    assert words <= MOST_WORDS
    assert [
        k for k, c in enumerate(notebook.cells) if c.cell_type == "code" and len(c.source.splitlines()) > MOST_LINES
    ] == []
    assert int(re.search(r"\d+", header(path)["Time"])[0]) <= MOST_MINUTES
