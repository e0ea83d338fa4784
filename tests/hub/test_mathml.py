"""Formulas in feedback and formgrader: drawn by the browser itself, no script from elsewhere."""

from __future__ import annotations

import re
import xml.dom.minidom

import nbformat
import pytest

from photgrader.gradebook.mathml import OfflineHTMLExporter, to_mathml
from support import ROOT

NOTEBOOKS = sorted([*ROOT.glob("source/*/*.ipynb"), *ROOT.glob("course/lectures/*.ipynb")])
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)


def formulas(path):
    cells = nbformat.read(path, as_version=4).cells
    return [(a or b) for c in cells if c.cell_type == "markdown" for a, b in FORMULA.findall(c.source)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_formula_of_the_course_becomes_mathml(path):
    for tex in formulas(path):
        made = to_mathml(tex)
        xml.dom.minidom.parseString(made)
        assert made.startswith("<math") and "\\" not in made, tex


def test_the_course_has_formulas_to_speak_of():
    assert sum(len(formulas(p)) for p in NOTEBOOKS) > 100


def test_a_formula_that_cannot_be_read_stays_as_text_and_harms_nothing():
    assert to_mathml(r"\frac{1}{<script>") == r"<code>\frac{1}{&lt;script&gt;</code>" or "<script>" not in to_mathml(
        r"\frac{1}{<script>"
    )


def test_a_page_draws_formulas_of_text_and_outputs_and_loads_nothing():
    quantity = nbformat.v4.new_output(
        "execute_result", {"text/latex": r"$3.2 \; \mathrm{mJy}$", "text/plain": "3.2 mJy"}
    )
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(
                "The flux $F = \\sum f p$ and\n\n$$\\sigma_F = \\frac{s}{\\sqrt{\\sum p^2}}$$\n\nfor 5 \\$ a star."
            ),
            nbformat.v4.new_code_cell("flux", outputs=[quantity]),
        ]
    )
    page, _ = OfflineHTMLExporter(template_name="classic").from_notebook_node(notebook)
    assert page.count("<math ") == 3 and 'display="block"' in page
    assert "MathJax.Hub" not in page and "/mathjax/" not in page
    assert "text/html" not in notebook.cells[1].outputs[0].data, "the notebook stays as it is"


@pytest.mark.parametrize("template", ["lab", "classic"])
def test_a_page_is_made_without_compiling_a_template_again(monkeypatch, template):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("$x$"), nbformat.v4.new_code_cell("print(1)")]
    )
    first = OfflineHTMLExporter(template_name=template).from_notebook_node(notebook)[0]

    def compiled(*words, **more):
        raise AssertionError("compiled anew")

    monkeypatch.setattr("jinja2.Environment.compile", compiled)
    assert OfflineHTMLExporter(template_name=template).from_notebook_node(notebook)[0] == first and "<math" in first
