"""Every lecture runs from clean, every solution earns all automatic marks, every untouched release none."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from builder import notebooks
from support import ROOT, run_notebook

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
SOURCES = sorted((ROOT / "source").glob("*/*.ipynb"))
DATA = os.environ.get("PHOTCOURSE_DATA", "")
#: Longest run of a lecture on a quiet machine; the tests' machine runs two at a time.
LECTURE_SECONDS, SLACK = 60, 3


def execute(path: pathlib.Path, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """Run a notebook from clean on real data in a kernel of its own, with warnings as errors."""
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(folder / "cache"))
    monkeypatch.setenv("PHOTCOURSE_DATA", DATA)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(notebooks.WARNINGS))
    client = NotebookClient(
        notebook, timeout=LECTURE_SECONDS * SLACK, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    # A cell that may stop in students' hands (`raises-exception`) ends no run.
    assert errors(notebook) == []
    return notebook


def errors(notebook: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    """Return what ended cells."""
    return [
        (c.get("id"), o.ename, o.evalue)
        for c in notebook.cells
        for o in c.get("outputs", [])
        if o.output_type == "error"
    ]


def seconds(notebook: nbformat.NotebookNode) -> float:
    """Return how long a notebook ran, by what its cells note."""
    times = [
        datetime.datetime.fromisoformat(when)
        for c in notebook.cells
        for when in c.metadata.get("execution", {}).values()
    ]
    return (max(times) - min(times)).total_seconds()


def pictures_without_words(notebook: nbformat.NotebookNode) -> list[int]:
    """Return the numbers of cells that show a picture without alternative text."""
    guilty = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            html = "".join(data.get("text/html", ""))
            if any(not re.search(r'\balt="[^"]{15,}"', tag) for tag in re.findall(r"<img\b[^>]*>", html)):
                guilty.append(number)
            if (
                "image/png" in data
                and not html
                and len(output.get("metadata", {}).get("image/png", {}).get("alt", "")) < 15
            ):
                guilty.append(number)
    return guilty


def untidy(notebook: nbformat.NotebookNode) -> list[tuple[int, str]]:
    """Return what cells show that is not for readers: ten digits and more, names of classes on their way out, warnings."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            shown = "".join([output.get("text", ""), *data.get("text/plain", ""), *data.get("text/html", "")])
            shown = re.sub(r'base64,[^"]*', "", shown)
            found += [(number, odd) for odd in re.findall(r"\d\.\d{10,}|Deprecated\w*|np\.\w+\(", shown)]
            found += [(number, output["text"])] if output.get("name") == "stderr" else []
    return found


def figures(notebook: nbformat.NotebookNode) -> int:
    """Count the pictures that a notebook shows."""
    return sum(
        "image/png" in o.get("data", {}) or "<img" in "".join(o.get("data", {}).get("text/html", ""))
        for c in notebook.cells
        for o in c.get("outputs", [])
    )


@pytest.mark.heavy
@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_lecture_runs_alone_offline_on_embedded_data(path):
    notebook = run_notebook(path)
    assert errors(notebook) == []
    assert 0 < seconds(notebook) < LECTURE_SECONDS * SLACK
    assert figures(notebook) >= 3
    assert pictures_without_words(notebook) == []
    assert untidy(notebook) == []


@pytest.mark.heavy
def test_a_lecture_is_run_once_for_all_and_a_warning_ends_its_run(tmp_path):
    lecture = tmp_path / "lecture.ipynb"
    cells = [
        "import os, uuid\nprint(uuid.uuid4(), os.environ.get('PHOTCOURSE_DATA'))",
        "import warnings\nprint('told')",
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells))), lecture)
    kept = notebooks.run_one(lecture, "", tmp_path / "kept")
    before = kept.read_bytes()
    assert notebooks.run_one(lecture, "", tmp_path / "kept") == kept and kept.read_bytes() == before
    assert notebooks.run_one(lecture, "another package", tmp_path / "kept") != kept
    shown = nbformat.read(kept, as_version=4).cells
    assert shown[0].execution_count == 1 and shown[0].outputs[0].text.endswith(" None\n"), "no real data are seen"
    assert seconds(nbformat.read(kept, as_version=4)) > 0
    lecture.write_text(lecture.read_text().replace("print('told')", "warnings.warn('odd')"))
    with pytest.raises(CellExecutionError, match="UserWarning"):
        notebooks.run_one(lecture, "", tmp_path / "kept")
    assert len(list((tmp_path / "kept").glob("*.ipynb"))) == 2, "what did not run is not kept"


@pytest.mark.heavy
@pytest.mark.real
@pytest.mark.skipif(not DATA, reason="PHOTCOURSE_DATA is not set: no real images here")
@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_an_assignment_runs_on_the_real_files(path, tmp_path, monkeypatch):
    import shutil

    checks = ROOT / "release" / path.stem / "checks"
    if checks.is_dir():
        shutil.copytree(checks, tmp_path / "checks")
    notebook = execute(path, tmp_path, monkeypatch)
    assert pictures_without_words(notebook) == []


@pytest.mark.parametrize("path", [*LECTURES, *SOURCES], ids=lambda p: p.stem)
def test_a_notebook_is_normalised_holds_no_outputs_and_has_a_header(path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "normalise_notebooks.py"), "--check", str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    notebook = nbformat.read(path, as_version=4)
    assert not any(c.get("outputs") for c in notebook.cells)
    header = notebook.cells[0]
    assert (
        header.cell_type == "markdown"
        and re.search(r"minutes", header.source, re.I)
        and re.search(r"data", header.source, re.I)
    )


@pytest.mark.parametrize("path", [*LECTURES, *SOURCES], ids=lambda p: p.stem)
def test_a_notebook_uses_public_and_current_names_only(path):
    code = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    old = re.findall(
        r"\b(xcentroid|ycentroid|FittableImageModel|IntegratedGaussianPRF|from \S+ import _\w+|\w+\._[a-z]\w+\()", code
    )
    assert old == []


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*/*.ipynb")), ids=lambda p: p.stem)
def test_a_committed_solution_shows_its_figures_with_words(path):
    notebook = nbformat.read(path, as_version=4)
    assert figures(notebook) >= 2
    assert pictures_without_words(notebook) == []
    assert not any(o.output_type == "error" for c in notebook.cells for o in c.get("outputs", []))
    checks = [o for c in notebook.cells if c.source.startswith("check(") for o in c.outputs]
    assert checks
    for output in checks:
        assert "partly" not in "".join(output["data"]["text/html"])


def test_every_assignment_has_source_release_and_solution():
    names = {p.stem for p in SOURCES}
    assert (
        names
        == {p.name for p in (ROOT / "release").iterdir()}
        == {p.name for p in (ROOT / "solutions").iterdir() if p.is_dir()}
    )
    for path in SOURCES:
        cells = [c.metadata.get("nbgrader", {}) for c in nbformat.read(path, as_version=4).cells]
        assert any(m.get("grade") and m.get("solution") for m in cells), f"{path.stem} has no written question"


def plain(path: pathlib.Path) -> object:
    """Return a notebook's cells without what may differ from run to run."""
    body = json.loads(path.read_text(encoding="utf-8"))
    return [(c["cell_type"], "".join(c["source"]), c["metadata"].get("nbgrader"), c["id"]) for c in body["cells"]]
