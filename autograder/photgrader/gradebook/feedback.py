"""Feedback pages of our own look: one file, no script, readable on a phone, at night and by a screen reader."""

from __future__ import annotations

import datetime
import functools
import pathlib
from typing import Any

from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy import create_engine
from sqlalchemy.orm import configure_mappers
from traitlets import List
from traitlets.config import Config

from photgrader.coursedir.deadlines import load_deadlines
from photgrader.gradebook.mathml import OfflineHTMLExporter

#: What nbgrader writes as a comment on an answer that is as it was handed out: nobody has said that.
UNTOUCHED = "No response."
TEMPLATES = pathlib.Path(__file__).parent / "templates"


@functools.cache
def ready_database(db_url: str) -> None:
    """Make here what each page's own process would make anew before it reads the gradebook: the mappers, the database's driver."""
    configure_mappers()
    create_engine(db_url).dispose()


class FeedbackExporter(OfflineHTMLExporter):
    """nbconvert's HTML exporter with the template ``photgrader_feedback``.

    nbgrader sets its own template for `HTMLExporter`; what is set for this class comes after that. Who wants nbgrader's
    page back writes ``c.GenerateFeedback.exporter_class = "photgrader.gradebook.mathml.OfflineHTMLExporter"``.
    """

    @property
    def default_config(self) -> Config:
        """The template and where it is."""
        found = Config(
            {"FeedbackExporter": {"template_name": "photgrader_feedback", "extra_template_basedirs": [str(TEMPLATES)]}}
        )
        parents: Any = super().default_config
        parents.merge(found)
        return parents

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Convert a notebook, which stays as it is."""
        if resources and "db_url" in resources.get("nbgrader", {}):
            ready_database(resources["nbgrader"]["db_url"])
        return super().from_notebook_node(nb, resources, **kwargs)

    def _made(self, nb: NotebookNode, resources: dict[str, Any] | None, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; what may be wider than a phone scrolls in a frame that the keyboard reaches."""
        page, back = super()._made(nb, resources, **kwargs)
        soup = BeautifulSoup(page, features="html.parser")
        for kind, label in (("table", "Table"), ("math[display=block]", "Formula")):
            for number, wide in enumerate(soup.select(kind), 1):
                if wide.find_parent(attrs={"tabindex": True}) is None:
                    wide.wrap(
                        soup.new_tag(
                            "div",
                            attrs={
                                "class": "wide",
                                "tabindex": "0",
                                "role": "group",
                                "aria-label": f"{label} {number}",
                            },
                        )
                    )
        for cell in soup.select("th"):
            if not cell.get_text(strip=True):
                # The corner of a table heads nothing.
                cell.name = "td"
        return str(soup), back


class TellReasons(NbGraderPreprocessor):
    """Before the page is made: why marks are missing, what waits for a person, and when the work was handed in."""

    display_data_priority: Any = List(help="nbconvert's, which sets it for every preprocessor.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Write into each counted cell's metadata the line that the summary shows; the cells stay as they are."""
        names = resources["nbgrader"]
        waiting = 0.0
        for cell in nb.cells:
            marks = cell.metadata.get("nbgrader", {})
            untouched = marks.get("comment") == UNTOUCHED
            if untouched:
                marks["comment"] = None
            if not (marks.get("grade") or marks.get("task")):
                continue
            waiting += float(marks.get("points", 0)) if marks.get("waits") else 0.0
            marks["reason"] = _reason(cell, untouched)
        names["waiting"] = waiting
        with Gradebook(names["db_url"]) as gradebook:
            names["handed_in"], names["late"] = _when(
                gradebook.find_submission(names["assignment"], names["student"]), self._root, names
            )
        return nb, resources

    @property
    def _root(self) -> pathlib.Path:
        return pathlib.Path(self.parent.parent.coursedir.root)


def _reason(cell: NotebookNode, untouched: bool) -> str:
    marks, verdict = cell.metadata["nbgrader"], cell.metadata.get("photgrader", {})
    if marks.get("waits"):
        return "a person has not marked it yet"
    if untouched:
        return "left as it was handed out"
    if float(marks.get("score") or 0) >= float(marks.get("points") or 0) and not verdict.get("reason"):
        return ""
    if verdict.get("reason"):
        return str(verdict["reason"])
    error = next((o for o in cell.get("outputs", ()) if o.output_type == "error"), None)
    if error is not None:
        return f"the test says {error.get('ename', 'Error')}: {error.get('evalue', '')}"[:200].rstrip(": ")
    return "see the comment" if marks.get("comment") else "marked by a person"


def _when(submission: Any, root: pathlib.Path, names: dict[str, Any]) -> tuple[str, str]:
    """Return when a submission came in, in the course's time zone, and how late that was, in words."""
    if submission.timestamp is None:
        return "", ""
    deadline = load_deadlines(root).get(names["assignment"])
    zone = deadline.due.tzinfo if deadline is not None else datetime.UTC
    came = submission.timestamp.replace(tzinfo=datetime.UTC).astimezone(zone)
    words = f"{came.day} {came:%B %Y, %H:%M} ({came.tzname() or zone})"
    return words, _span(submission.total_seconds_late)


def _span(seconds: float) -> str:
    """Return a time in words, in its two largest units; empty for none.

    Examples
    --------
    >>> _span(0), _span(59), _span(3 * 3600), _span(90061)
    ('', '59 seconds', '3 hours', '1 day 1 hour')
    """
    parts, left = [], int(seconds)
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {name}{'s' if number != 1 else ''}")
    return " ".join(parts[:2])
