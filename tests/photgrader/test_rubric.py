"""The marker of a written answer sees its rubric; what is handed in, graded and handed back holds nothing of it."""

from __future__ import annotations

import json
import pathlib

import nbformat
import pytest

from photgrader.gradebook.rubric import MarkingExporter, rubrics
from photgrader.release.build import source_assignments
from support import ASSIGNMENT, ROOT, tiny_notebook

RUBRIC = "it pulls every estimate"


@pytest.fixture
def graded(tmp_path: pathlib.Path) -> pathlib.Path:
    """A course's folder with its source, and an autograded notebook in it."""
    (tmp_path / "nbgrader_config.py").touch()
    source = tmp_path / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(tiny_notebook(), source / f"{ASSIGNMENT}.ipynb")
    notebook = tiny_notebook()
    answer = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "written-why")
    answer.source = "The lever of far pixels is long."
    path = tmp_path / "autograded" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return path


def page_of(path: pathlib.Path) -> str:
    return str(MarkingExporter(template_name="classic").from_filename(str(path))[0])


def test_the_rubric_stands_below_the_answer_on_the_page_and_in_no_file(graded):
    before = graded.read_bytes()
    page = page_of(graded)
    assert 0 < page.index("The lever of far pixels") < page.index("For the marker") < page.index(RUBRIC)
    assert graded.read_bytes() == before and RUBRIC.encode() not in before


def test_a_rubric_that_is_mended_is_mended_at_once(graded):
    source = next((graded.parents[3] / "source").rglob("*.ipynb"))
    source.write_text(source.read_text().replace(RUBRIC, "it weighs them by distance"))
    assert "it weighs them by distance" in page_of(graded)


@pytest.mark.parametrize("content", [None, "{", json.dumps({"cells": 3})], ids=["gone", "no JSON", "no notebook"])
def test_without_a_source_the_page_is_made_all_the_same(graded, content):
    source = next((graded.parents[3] / "source").rglob("*.ipynb"))
    source.unlink() if content is None else source.write_text(content)
    page = page_of(graded)
    assert "The lever of far pixels" in page and "For the marker" not in page


def test_outside_of_a_course_there_is_no_rubric_and_a_page(graded, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / graded.name
    elsewhere.write_bytes(graded.read_bytes())
    assert "For the marker" not in page_of(elsewhere)


@pytest.mark.parametrize("name", source_assignments(ROOT))
def test_every_written_answer_of_the_course_has_a_rubric_that_adds_up(name):
    notebook = nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)
    written = [
        c.metadata.nbgrader.grade_id
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade") and c.metadata.nbgrader.solution
    ]
    found = rubrics(ROOT, name, name)
    assert written and set(found) == set(written)
    assert all(len(text.split()) > 60 and "odel answer" in text for text in found.values())
