"""Every number in a lecture's text is what the lecture computes, on embedded and on real data."""

from __future__ import annotations

import os
import pathlib

import nbformat
import pytest

from support import ROOT, claims_tool

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
#: Lectures whose numbers are not all claimed yet; nothing may be added here.
TO_DO: set[str] = set()


tool = claims_tool()


def lecture(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells))


def text(source: str, *claims: str, **metadata) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"claims": list(claims), **metadata})


def code(source: str, *claims: str, **metadata) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"claims": list(claims), **metadata})


# ------------------------------------------------------------------------------------------------ the lectures
@pytest.mark.parametrize("path", [p for p in LECTURES if p.stem not in TO_DO], ids=lambda p: p.stem)
def test_a_lecture_holds_no_number_without_a_claim(path: pathlib.Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert [f"cell {k}: {what}" for k, cell in enumerate(cells) if k for what in tool.unclaimed(cell)] == []


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_lectures_given_numbers_stand_in_its_text(path: pathlib.Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert [
        pattern.pattern
        for cell in cells
        for pattern, _ in tool.given_in(cell)
        if not pattern.search(tool.text_of(cell))
    ] == []


# ------------------------------------------------------------------------------------------------ the tool
@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        ("error of {26} % := 100 * share", ""),
        ("error of {26} % := 100 * share + 1", "the text says 26, the lecture computes 27"),
        ("error of {26} % := 100 * share + 1 ± 2", ""),
        ("error of {26} % := 100 * missing", "missing fails: NameError"),
        ("error of {25} % := 25 * 1", "the text does not say"),
        ("{more than a fifth} := share > 0.2", ""),
        ("{more than a fifth} := share > 0.3", "is false"),
        ("{26} % with {12} stars := 100 * share, stars", ""),
        ("{26} % with {12} stars := 100 * share", "has 2 numbers"),
        ("{twelve} times := stars", ""),
        ("{twelve} times := stars + 1", "says twelve"),
    ],
)
def test_a_claim_is_compared_with_what_the_lecture_computes(claim: str, fault: str) -> None:
    said = "An error of 26 % with\n12 stars, more than a fifth and twelve times."
    wrong, _ = tool.contradictions(lecture(code("share, stars = 0.26, 12"), text(said, claim)))
    assert wrong == [] if not fault else len(wrong) == 1 and fault in wrong[0]


def test_a_claim_is_read_at_its_place_and_a_marked_one_after_the_next_cell_or_at_the_end() -> None:
    cells = (
        code("x = 1"),
        text("It is 1, then 2, then 3.", "is {1} := x", "[next] then {2} := x", "[end] then {3} := x"),
        code("x = 2"),
        code("x = 3"),
    )
    assert tool.contradictions(lecture(*cells))[0] == []
    late = (cells[0], text("It is 1.", "[next] is {1} := x"), *cells[2:])
    assert len(tool.contradictions(lecture(*late))[0]) == 1


def test_a_claim_can_be_for_one_kind_of_data(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    cells = (
        code("import os\nreal = 'PHOTCOURSE_DATA' in os.environ"),
        text(
            "Shifts of 3 here, of 46 on the real frames.",
            "[embedded] of {3} := 3 if not real else 0",
            "[real] of {46} := 46 if real else 0",
        ),
    )
    monkeypatch.setenv("PHOTCOURSE_DATA", str(tmp_path))
    assert tool.contradictions(lecture(*cells), "embedded")[0] == tool.contradictions(lecture(*cells), "real")[0] == []
    assert os.environ["PHOTCOURSE_DATA"] == str(tmp_path)


def test_the_words_with_a_figure_are_read_and_numbers_that_code_puts_there_are_right() -> None:
    cell = code("share = 0.3\npublish(fig, alt=f'A curve that ends at {share:.1f} after '\n        '12 steps')")
    assert tool.unclaimed(cell) == ["'12' in “A curve that ends at … after 12 steps”"]


@pytest.mark.parametrize(
    "said",
    [
        "about 26 % of it",
        "several per cent",
        "a factor of $4.3 \\times 10^{10}$",
        "twelve times longer",
        "of 2,000 words",
        "at S/N 40",
        "by −47 counts",
        "three pixels wide",
        "within 0.05",
        "smaller: a < b, 7 counts, b > c,",
    ],
)
def test_a_new_number_without_a_claim_is_found(said: str) -> None:
    assert len(tool.unclaimed(text(f"It is {said} here."))) == 1


@pytest.mark.parametrize(
    "said",
    [
        "## 1.3 A heading",
        "see section 4.2 and lecture 7",
        "M13 and NGC 7293",
        "$x^2 + 3y = 10$",
        "`r = 5`",
        "```\n5\n```",
        "on 2026-11-21",
        "uint16 wraps",
        "PSF FWHM = 2.355 σ",
        "$-2.5\\log_{10} F$",
        "<summary>Answer to 2</summary>",
        "[a page](https://x.org/12)",
        "two shapes",
        "## References\n- Stetson 1987, PASP 99, 191",
    ],
)
def test_what_measures_nothing_needs_no_claim(said: str) -> None:
    assert tool.unclaimed(text(said)) == []


def test_a_claim_behind_a_formula_covers_its_number() -> None:
    assert tool.unclaimed(text("It is $(150 + 20) / 2 + 500$ = 585 counts.", "= {585} counts := 170 / 2 + 500")) == []


def test_a_given_number_needs_a_reason() -> None:
    assert tool.unclaimed(text("Use 5 pixels.", given=["Use {5} pixels # the reader's task"])) == []
    with pytest.raises(ValueError, match="reason"):
        tool.unclaimed(text("Use 5 pixels.", given=["Use {5} pixels"]))


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        ("holds 72 % := x", "with {number}"),
        ("holds {72} % = x", "with {number}"),
        ("[never] holds {72} := x", "marks are"),
        ("holds {72} := 72", "given, with its reason"),
        ("{72} of {3} := share, 3", "given, with its reason"),
    ],
)
def test_a_claim_that_cannot_be_read_says_how_it_is_written(claim: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        tool.read_claim(claim)


def test_work_before_a_claim_changes_nothing_in_the_lecture() -> None:
    cells = (
        code("x = 2"),
        text("The square is 4.", "is {4} := y", work=["y = x ** 2", "x = 9"]),
        text("It is 2.", "is {2} := x"),
    )
    assert tool.contradictions(lecture(*cells))[0] == []
