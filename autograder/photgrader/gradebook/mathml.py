"""Pages that need nothing from elsewhere: formulas as MathML instead of scripts fetched from a server.

nbgrader's feedback pages and its formgrader load MathJax from the network. A feedback page is read months later, in
JupyterLab's viewer (which runs no scripts) or on a train, so its formulas are written into it; browsers and screen readers
read MathML themselves.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import html
import json
import logging
import re
from typing import Any

import latex2mathml.converter
from jinja2 import BytecodeCache, Environment, TemplateNotFound, meta, pass_context
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter, ResourcesDict
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from photgrader.grading import bounded
from photgrader.grading.sanitise import PAGE_POLICY, clean_html

log = logging.getLogger("photgrader")
_MATHJAX = re.compile(r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->", re.DOTALL)
#: In place of the script: wide figures and formulas stay inside the page, on a phone too; and what students fill paints nothing
#: outside of its own frame, so that no verdict is covered.
_FITTING = (
    "<style>img, svg { max-width: 100%; height: auto; } math[display=block] { overflow-x: auto; max-width: 100%; } "
    ".jp-RenderedHTMLCommon, .jp-OutputArea-child, .jp-InputArea, .output_subarea, .text_cell_render, .outputs > *, .text, .code "
    "{ contain: paint; overflow-x: auto; }</style>"
)
#: A page of the formgrader has its own scripts; nothing comes from or goes anywhere else.
FORMGRADER_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-src 'none'; object-src 'none'"
)
#: A page takes so long and so much memory at most, and so much more for each million characters.
PAGE_SECONDS, PAGE_MB = 30.0, 1500
#: A longer formula is shown as it was written: to read one takes up to half a millisecond a sign.
LONGEST_FORMULA = 5000
#: Formulas that begin and do not end in one text: for each of them the whole rest is searched for its end.
MOST_OPEN = 100
#: Longer code is shown without colours: each word of it would be an element of the page.
LONGEST_CODE = 50_000
_BEGINS = re.compile(r"\\begin\{[a-z]*\*?\}|\\\\[\[(]")
_ENDS = re.compile(r"\\end\{[a-z]*\*?\}|(?<!\\)\\\\[\])]")
_OTHER_SIDE = str.maketrans("])", "[(")
_DELIMITED = re.compile(r"^\s*(\$\$|\$|\\\[|\\\()(?P<body>.*?)(\$\$|\$|\\\]|\\\))\s*$", re.DOTALL)


def to_mathml(tex: str, block: bool = False) -> str:
    r"""Return a formula as MathML; as text where it cannot be read, or is longer than any formula.

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
    if len(tex) > LONGEST_FORMULA:
        return f"<code>{html.escape(tex.strip())}</code>"
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


class _Compiled(BytecodeCache):
    """Templates that this process has compiled: nbgrader makes an exporter for each student, which would compile them anew."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, where it is known."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code."""
        self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()
#: What a template leans on, by its file and the folders that it is looked for in.
_LEANED_ON: dict[tuple[str, ...], list[str]] = {}


@functools.cache
def _first_page() -> None:
    """Make one page here, of a notebook of ours: what it imports, each page's own process would import anew."""
    cells = [new_markdown_cell("A $1$, and `code`."), new_code_cell("x = 1")]
    OfflineHTMLExporter()._made(new_notebook(cells=cells), None)


def text_to_html(text: str) -> str:
    """Return an instructor's Markdown as clean HTML, formulas as MathML.

    Examples
    --------
    >>> text_to_html("**Half** of the light.")
    '<p><strong>Half</strong> of the light.</p>\\n'
    """
    return _clean(text, MathRenderer(escape=False))


def _unended(text: str) -> int:
    """Count what begins a formula after the last end of its kind."""
    last = {end[0].replace(r"\end", r"\begin").translate(_OTHER_SIDE): end.start() for end in _ENDS.finditer(text)}
    return sum(begin.start() > last.get(begin[0], -1) for begin in _BEGINS.finditer(text))


def _clean(text: str, renderer: MathRenderer) -> str:
    if _unended(text) > MOST_OPEN:
        return f"<pre>{html.escape(text)}</pre>"
    try:
        return clean_html(str(MarkdownWithMath(renderer=renderer).render(text)))
    except Exception:  # noqa: BLE001 - nested beyond what the parser bears, say: the rest of the page is worth having
        return f"<pre>{html.escape(text)}</pre>"


class OfflineHTMLExporter(HTMLExporter):
    """nbconvert's HTML exporter with formulas as MathML and no script from elsewhere, each page made within limits."""

    _plain = False

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _COMPILED
        return environment

    def register_filter(self, name: str, jinja_filter: Any) -> Any:
        """Register a filter; that which colours code leaves what is too long as it is."""
        if name != "highlight_code":
            return super().register_filter(name, jinja_filter)

        def coloured(source: str, **more: Any) -> str:
            if len(source) > LONGEST_CODE:
                return f'<div class="highlight"><pre>{html.escape(source)}</pre></div>'
            return str(jinja_filter(source, **more))

        return super().register_filter(name, coloured)

    def _load_templates(self) -> None:
        """Load the page's template here, with all that it leans on: done once, and not in each page's own process."""
        environment, place = self.environment, (str(self.template_file), *self.template_paths)
        # Compiling asks that there be one; what it does is said when a page is made.
        environment.filters.setdefault("highlight_code", str)
        if place not in _LEANED_ON:
            found: list[str] = []
            left = [self.template.name]
            while left:
                name = left.pop()
                # What may be missing is missed when a page is made, if it is.
                with contextlib.suppress(TemplateNotFound):
                    if name is not None and name not in found:
                        source = environment.loader.get_source(environment, name)[0]
                        found.append(name)
                        left += meta.find_referenced_templates(environment.parse(source))
            _LEANED_ON[place] = found
        for name in _LEANED_ON[place]:
            environment.get_template(name)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render Markdown."""
        if self._plain:
            return f"<pre>{html.escape(source)}</pre>"
        cell = context.get("cell", {})
        renderer = MathRenderer(
            escape=False,
            attachments=cell.get("attachments", {}),
            embed_images=self.embed_images,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            exclude_anchor_links=True,
        )
        return _clean(source, renderer)

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Convert a notebook, which stays as it is."""
        nb = copy.deepcopy(nb)
        for cell in nb.cells:
            for output in cell.get("outputs", []):
                _latex_output(output)
        _first_page()
        self._load_templates()
        made = bounded.call(
            lambda: self._made(nb, resources, **kwargs), PAGE_SECONDS + len(json.dumps(nb)) / 100_000, PAGE_MB
        )
        if made is None:
            # Whatever it is that takes that long, one submission's page is no reason to make no other.
            log.warning("a notebook could not be shown in full; its texts are shown as they are")
            self._plain = True
            try:
                made = bounded.call(lambda: self._made(_plainly(nb), resources, **kwargs), 2 * PAGE_SECONDS, PAGE_MB)
            finally:
                self._plain = False
        if made is None:
            raise ValueError("no page could be made of this notebook")
        page, back = made
        found = ResourcesDict()
        found.update({**(resources or {}), **back})
        return page, found

    def _made(self, nb: NotebookNode, resources: dict[str, Any] | None, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Return the page, and what of the resources a writer needs and can be sent from one process to another."""
        page, back = super().from_notebook_node(nb, copy.deepcopy(resources), **kwargs)
        page = _with_policy(
            _MATHJAX.sub(lambda _: _FITTING, page),
            FORMGRADER_POLICY if self.template_name == "formgrade" else PAGE_POLICY,
        )
        return page, {
            name: back[name]
            for name in ("metadata", "outputs", "output_extension", "output_files_dir", "unique_key", "nbgrader")
            if name in back
        }


def _with_policy(page: str, policy: str) -> str:
    """Return a page that says itself what it may fetch."""
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return re.sub(r"<head>", lambda found: found[0] + "\n" + tag, page, count=1)


def _plainly(nb: NotebookNode) -> NotebookNode:
    """Return a notebook whose outputs are text, a bounded part of it; verdicts stay."""
    for cell in nb.cells:
        if cell.metadata.get("photgrader", {}).get("exercise"):
            continue
        cell.source = cell.source[:100_000]
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = {k: v for k, v in output.data.items() if k.startswith("image/")} or {
                    "text/plain": "(this output is not shown)"
                }
            elif output.output_type == "stream":
                output.text = output.text[:20_000]
            else:
                output.update(evalue=output.evalue[:1000], traceback=[line[:1000] for line in output.traceback[:50]])
    return nb


def _latex_output(output: NotebookNode) -> None:
    """Give an output that is a formula (a number with its unit, say) a form that needs no script, in place."""
    data = output.get("data", {})
    tex = data.get("text/latex")
    if tex is None or "text/html" in data:
        return
    found = _DELIMITED.match("".join(tex))
    if found:
        data["text/html"] = to_mathml(found["body"], block=found[1] in ("$$", r"\["))
