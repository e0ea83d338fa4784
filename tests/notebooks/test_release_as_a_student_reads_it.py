"""Each release, read and run as a new student does: everything that is marked is asked in words, and Run All goes through."""

from __future__ import annotations

import pathlib
import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from photcourse.data import read_manifest
from photgrader.coursedir.settings import load_settings
from photgrader.exercise import load_assignment, use_course
from photgrader.gradebook.readable import unreadable
from photgrader.grading.sources import asked_check
from photgrader.release.build import source_assignments
from support import ROOT, run_notebook

use_course(ROOT)
NAMES = source_assignments(ROOT)
MAXIMA = {
    "ps1_psf_photometry": 100,
    "ps2_aperture_photometry": 90,
    "ps3_background": 100,
    "ps4_alignment": 100,
    "ps5_source_finding": 100,
    "ps6_challenge": 70,
}
#: A line of its own in bold.
STANDS_OUT = re.compile(r"^\*\*[^\n]{20,}\*\*$", re.MULTILINE)


def release(name: str) -> NotebookNode:
    return nbformat.read(ROOT / "release" / name / f"{name}.ipynb", as_version=4)


def marks(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def sections(notebook: NotebookNode) -> dict[str, str]:
    """Return the text of each exercise: from the last heading that names it to its check."""
    found, text = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not marks(cell).get("solution"):
            text += f"\n{cell.source}"
        name = asked_check(cell.source) if marks(cell).get("grade") and cell.cell_type == "code" else ""
        if name:
            own = [m.start() for m in re.finditer(rf"^#+ [^\n]*\b{name}\b", text, re.MULTILINE)]
            assert own, f"no heading above check({name}) names it"
            found[name] = text[own[-1] :]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_points_of_a_release_add_up_and_extra_credit_is_extra(name):
    notebook, exercises = release(name), load_assignment(name).exercises
    assert sum(marks(c)["points"] for c in notebook.cells if marks(c).get("grade")) == MAXIMA[name]
    extra = sum(exercises[e].extra_credit for e in exercises)
    header = notebook.cells[0].source
    assert re.search(rf"\b{MAXIMA[name]} points", header)
    assert not extra or re.search(rf"up to {extra:g} more", header)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_has_its_contract_and_the_rule_that_costs_most_stands_out(name):
    notebook, exercises = release(name), load_assignment(name).exercises
    assert unreadable(notebook, name) == []
    texts = sections(notebook)
    assert set(texts) == set(exercises)
    points = {
        asked_check(c.source): marks(c)["points"]
        for c in notebook.cells
        if marks(c).get("grade") and c.cell_type == "code"
    }
    for exercise, text in texts.items():
        for parameter in exercises[exercise].params:
            assert re.search(rf"`[^`]*\b{parameter}\b[^`]*`", text), f"{exercise}: nothing is said of {parameter}"
        assert STANDS_OUT.search(text), f"{exercise}: no rule stands out"
        number, on_top = re.findall(r"\((\d+) points( on top)?", text.split("\n", 1)[0])[0]
        extra = exercises[exercise].extra_credit
        assert (float(number), bool(on_top)) == ((extra, True) if extra else (points[exercise], False))


@pytest.mark.parametrize("name", NAMES)
def test_every_written_answer_has_its_question_in_a_cell_that_cannot_be_lost(name):
    notebook = release(name)
    written = [i for i, c in enumerate(notebook.cells) if marks(c).get("grade") and marks(c).get("solution")]
    assert written
    for index in written:
        answer, question = notebook.cells[index], notebook.cells[index - 1]
        assert answer.source.strip() == "YOUR ANSWER HERE"
        assert question.cell_type == "markdown" and marks(question)["locked"] and not marks(question)["grade"]
        assert "?" in question.source or "Explain" in question.source
        assert f"({marks(answer)['points']:g} points)" in question.source
    everything = "\n".join(c.source for c in notebook.cells)
    assert "MARK SCHEME" not in everything and "odel answer" not in everything and "Rubric" not in everything


@pytest.mark.parametrize("name", NAMES)
def test_limits_real_files_and_handing_in_are_told_and_true(name):
    limits = load_settings(ROOT).limits
    [text] = [c.source for c in release(name).cells if c.source.startswith("## Before you begin")]
    call = max(e.seconds or limits.call_seconds for e in load_assignment(name).exercises.values())
    assert f"a cell may run for {limits.cell_seconds:g} seconds" in text and f"for {call:g} seconds" in text
    assert (
        f"the whole notebook for {limits.notebook_seconds:g} seconds" in text
        and f"{limits.memory_mb / 1000:g} GB of memory" in text
    )
    assert "Assignment List → Submit" in text and "Restart Kernel and Run All" in text
    fetched = re.findall(r"photcourse data fetch ([\w ]+)`", text)
    assert fetched or name == "ps6_challenge"
    known = read_manifest().datasets
    assert all(word in known for line in fetched for word in line.split())


@pytest.mark.parametrize("name", NAMES)
def test_what_may_stop_has_the_tag_that_lets_the_rest_run(name):
    for cell in release(name).cells:
        if cell.cell_type == "code" and ("NotImplementedError" in cell.source or marks(cell).get("grade")):
            assert "raises-exception" in cell.metadata.get("tags", []), cell.source


@pytest.mark.parametrize("name", NAMES)
def test_the_lectures_that_come_before_are_called_by_their_titles(name):
    firsts = [
        nbformat.read(p, as_version=4).cells[0].source.splitlines()[0]
        for p in (ROOT / "course" / "lectures").glob("*.ipynb")
    ]
    titles = {re.sub(r"^# (\w+ · )?", "", first) for first in firsts}
    [before] = re.findall(r"^\| \**Before\** \| (.*) \|$", release(name).cells[0].source, re.MULTILINE)
    named = re.findall(r"\*([^*]+)\*", before)
    assert set(named) <= titles and (named or "all the lectures" in before)


def errors_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]


def run_all(
    notebook: NotebookNode, name: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> list[NotebookNode]:
    """Run a notebook beside its check files as JupyterLab's Run All does; return its errors."""
    shutil.copytree(ROOT / "release" / name / "checks", folder / "checks")
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(folder / "cache"))
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    # It stops at an error in a cell without the tag.
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return errors_of(notebook)


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_an_untouched_notebook_runs_to_its_end_and_says_in_one_line_what_is_not_written(name):
    # It would have stopped at an error in a cell without the tag.
    notebook = run_notebook(ROOT / "release" / name / f"{name}.ipynb")
    errors = errors_of(notebook)
    assert errors and {e.ename for e in errors} == {"NotImplementedError"}
    assert all(
        len(e.traceback) == 1 and "\n" not in e.traceback[0] and "not written yet" in e.traceback[0] for e in errors
    )
    shown = [
        o
        for c in notebook.cells
        if "NotImplementedError" in c.source or any(e in c.get("outputs", []) for e in errors)
        for o in c.outputs
    ]
    assert not any("image/png" in o.get("data", {}) for o in shown), "no empty axes"
    checks = [c for c in notebook.cells if asked_check(c.source)]
    assert len(checks) == len(load_assignment(name).exercises)
    assert all("not written yet" in o.data["text/html"] for c in checks for o in c.outputs)


@pytest.mark.heavy
def test_a_half_done_notebook_with_mistakes_runs_to_its_end(tmp_path, monkeypatch):
    name = "ps1_psf_photometry"
    notebook = release(name)
    answers = {
        "centroid": "def centroid(image_cutout, x_start, y_start):\n    return image_cutout.middle",
        "gaussian_psf_image": "def gaussian_psf_image(shape, centroid_x",
        "prototype-flux": "1 / 0",
        "find_peaks": "def find_peaks(image, threshold):\n    return None",
    }
    for cell in notebook.cells:
        cell.source = answers.get(marks(cell).get("grade_id"), cell.source)
    errors = run_all(notebook, name, tmp_path, monkeypatch)
    assert {"AttributeError", "SyntaxError", "ZeroDivisionError", "TypeError", "NotImplementedError"} <= {
        e.ename for e in errors
    }
    assert notebook.cells[-1].cell_type == "markdown" and all(
        c.execution_count for c in notebook.cells if c.cell_type == "code"
    )
