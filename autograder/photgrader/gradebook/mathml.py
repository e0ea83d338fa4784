"""Pages that need nothing from elsewhere: formulas as MathML instead of scripts fetched from a server.

nbgrader's feedback pages and its formgrader load MathJax from the network. A feedback page is read months later, in
JupyterLab's viewer (which runs no scripts) or on a train, so its formulas are written into it; browsers and screen readers
read MathML themselves.
"""

from __future__ import annotations

import copy
import html
import re
from typing import Any

import latex2mathml.converter
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from photgrader.grading.sanitise import clean_html

_MATHJAX = re.compile(r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->", re.DOTALL)
#: In place of the script: wide figures and formulas stay inside the page, on a phone too.
_FITTING = "<style>img, svg { max-width: 100%; height: auto; } math[display=block] { overflow-x: auto; max-width: 100%; }</style>"
_DELIMITED = re.compile(r"^\s*(\$\$|\$|\\\[|\\\()(?P<body>.*?)(\$\$|\$|\\\]|\\\))\s*$", re.DOTALL)


def to_mathml(tex: str, block: bool = False) -> str:
    r"""Return a formula as MathML; as text where it cannot be read.

    Parameters
    ----------
    tex : str
        LaTeX without delimiters.
    block : bool
        Whether it stands on a line of its own.

    Examples
    --------
    >>> to_mathml(r"\sigma").startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    True
    """
    try:
        # A formula may hold text and links (\text, \href), which come out as they went in.
        return clean_html(latex2mathml.converter.convert(tex.strip(), display="block" if block else "inline"))
    except Exception:  # noqa: BLE001 - its parser raises many kinds, and a student's formula must not cost the page
        return f"<code>{html.escape(tex.strip())}</code>"


class MathRenderer(IPythonRenderer):
    """Renders a Markdown cell with its formulas as MathML."""

    def block_math(self, body: str) -> str:
        """Render a formula on a line of its own."""
        return to_mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        """Render a formula in the text."""
        return to_mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        """Render a LaTeX environment."""
        name = name.rstrip("*")
        tex = body if name in ("equation", "displaymath", "math") else rf"\begin{{{name}}}{body}\end{{{name}}}"
        return to_mathml(tex, block=True)

    def _embed_image_or_attachment(self, src: str) -> str:
        """Return where a picture comes from; one that is not attached is no reason to make no page."""
        missing = src.startswith("attachment:") and not self.attachments.get(src.removeprefix("attachment:"))
        return "" if missing else super()._embed_image_or_attachment(src)


class OfflineHTMLExporter(HTMLExporter):
    """nbconvert's HTML exporter with formulas as MathML and no script from elsewhere."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render Markdown."""
        cell = context.get("cell", {})
        renderer = MathRenderer(
            escape=False, attachments=cell.get("attachments", {}), embed_images=self.embed_images,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""), anchor_link_text=self.anchor_link_text,
            exclude_anchor_links=self.exclude_anchor_links)
        try:
            return clean_html(str(MarkdownWithMath(renderer=renderer).render(source)))
        except Exception:  # noqa: BLE001 - nested beyond what the parser bears, say: the rest of the page is worth having
            return f"<pre>{html.escape(source)}</pre>"

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Convert a notebook, which stays as it is."""
        nb = copy.deepcopy(nb)
        for cell in nb.cells:
            for output in cell.get("outputs", []):
                _latex_output(output)
        page, resources = super().from_notebook_node(nb, resources, **kwargs)
        return _MATHJAX.sub(_FITTING, page), resources


def _latex_output(output: NotebookNode) -> None:
    """Give an output that is a formula (a quantity of astropy, say) a form that needs no script, in place."""
    data = output.get("data", {})
    tex = data.get("text/latex")
    if tex is None or "text/html" in data:
        return
    found = _DELIMITED.match("".join(tex))
    if found:
        data["text/html"] = to_mathml(found["body"], block=found[1] in ("$$", r"\["))
