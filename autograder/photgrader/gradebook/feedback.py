"""Feedback pages of our own look: one file, no script, readable on a phone, at night and by a screen reader."""

from __future__ import annotations

import pathlib
from typing import Any

from bs4 import BeautifulSoup
from nbformat import NotebookNode
from traitlets.config import Config

from photgrader.gradebook.mathml import OfflineHTMLExporter

TEMPLATES = pathlib.Path(__file__).parent / "templates"


class FeedbackExporter(OfflineHTMLExporter):
    """nbconvert's HTML exporter with the template ``photgrader_feedback``.

    nbgrader sets its own template for `HTMLExporter`; what is set for this class comes after that. Who wants nbgrader's
    page back writes ``c.GenerateFeedback.exporter_class = "photgrader.gradebook.mathml.OfflineHTMLExporter"``.
    """

    @property
    def default_config(self) -> Config:
        """The template and where it is."""
        found = Config({"FeedbackExporter": {"template_name": "photgrader_feedback", "extra_template_basedirs": [str(TEMPLATES)]}})
        parents: Any = super().default_config
        parents.merge(found)
        return parents

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Convert a notebook; what may be wider than a phone scrolls in a frame that the keyboard reaches."""
        page, resources = super().from_notebook_node(nb, resources, **kwargs)
        soup = BeautifulSoup(page, features="html.parser")
        for kind, label in (("table", "Table"), ("math[display=block]", "Formula")):
            for number, wide in enumerate(soup.select(kind), 1):
                if wide.find_parent(attrs={"tabindex": True}) is None:
                    wide.wrap(soup.new_tag("div", attrs={"class": "wide", "tabindex": "0", "role": "group", "aria-label": f"{label} {number}"}))
        for cell in soup.select("th"):
            if not cell.get_text(strip=True):
                # The corner of a table heads nothing.
                cell.name = "td"
        return str(soup), resources
