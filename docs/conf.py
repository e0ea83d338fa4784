"""Sphinx's settings for the course's site; the pages are laid out by ``docs/make_site.py``, which runs Sphinx too."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Any

from jinja2.sandbox import SandboxedEnvironment
from numpydoc import docscrape_sphinx

project = "Measuring starlight"
author = "the maintainers of Measuring starlight"
project_copyright = f"2026, {author}"
release = version = importlib.metadata.version("photcourse")
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_*", "downloads"]
suppress_warnings: list[str] = []

# Notebooks have been run before (docs/builder/notebooks.py), two at a time and kept.
nb_execution_mode = "off"
nb_merge_streams = True
# Widgets are not used, and their scripts would come from elsewhere.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

# One file, in the site itself. The menu would fetch further ones when opened.
mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {
    "options": {
        "enableMenu": False,
        "processHtmlClass": "tex2jax_process|mathjax_process|math|output_area",
        "ignoreHtmlClass": "tex2jax_ignore|mathjax_ignore|document",
    },
    "svg": {"fontCache": "global"},
}

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"show-inheritance": False}
# Blocks that do not say their language are for the terminal.
highlight_language = "none"
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
add_module_names = False
toc_object_entries = False
nitpicky = True
# Names of other projects, whose indices would have to be fetched; names in short form that docstrings of classes and
# type hints use.
nitpick_ignore_regex = [
    ("py:.*", r"(?!photcourse|photgrader).*"),
    ("py:.*", r".*(exercises|commands)\..*"),
    ("py:.*", r".*\._\w+"),
]

html_theme = "pydata_sphinx_theme"
html_title = "Measuring starlight"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None
html_context = {"default_mode": "auto"}
html_sidebars = {"index": []}
html_theme_options = {
    "logo": {"text": "Measuring starlight"},
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "search_bar_text": "Search the course",
    "navigation_with_keys": False,
}


def _skip_what_is_imported(app: Any, kind: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out of a module's page what another project wrote."""
    home = getattr(thing, "__module__", None)
    return True if isinstance(home, str) and not home.startswith(("photcheck", "photcourse", "photgrader")) else None


def _mend_plurals(app: Any, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Let a letter follow a name in backquotes, as in Markdown: `Finding`s."""
    lines[:] = [re.sub(r"(?<![`\w])(`[^`\s][^`]*`)(?=[A-Za-z])", r"\1\\ ", line) for line in lines]


def _one_environment(kept: list[Any] = [], **how: Any) -> Any:  # noqa: B006 - kept on purpose
    """Return the same environment of Jinja's each time; numpydoc makes one for each docstring, which compiles its template anew."""
    kept[:] = kept or [SandboxedEnvironment(**how)]
    return kept[0]


def setup(app: Any) -> None:
    """Register what is above."""
    docscrape_sphinx.SandboxedEnvironment = _one_environment
    app.connect("autodoc-skip-member", _skip_what_is_imported)
    app.connect("autodoc-process-docstring", _mend_plurals, priority=400)
