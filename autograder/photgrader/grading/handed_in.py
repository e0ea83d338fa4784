"""What a notebook's cells were handed in with: shown again as the student's own, and not drawn or run anew.

To draw the figures of a notebook and to run its functions for them is most of what grading it costs, and no mark hangs on it: figures
that are graded are judged by their data, and graded cells keep nothing of what came with them. Of a picture its bytes, width and
description are taken; texts and tables are cleaned as those of a cell that is run. A student can have put anything there.
"""

from __future__ import annotations

import html
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

from photgrader.grading.sanitise import clean_output, output_of

#: Most pictures of a cell, and characters of one; a larger one is drawn again.
MAX_PICTURES, MAX_PICTURE = 20, 4_000_000
#: Most outputs of a cell, and characters of its texts together; of one that has more everything is made anew.
MAX_OUTPUTS, MAX_TEXT = 200, 100_000
#: Most characters of a notebook's, which take microseconds each to clean; each output takes as long as so many.
MAX_TEXTS, AN_OUTPUT = 1_000_000, 100
NOTE = "[grader] Shown as handed in, not drawn again:\n"
NOT_RUN = "[grader] Shown as handed in, not run again (nothing that is graded needs it):\n"
#: As a picture of twice the page's resolution is written.
_SHARP = re.compile(r'<img alt="([^"<>]{0,4000})" width="(\d{1,4})" src="data:image/png;base64,')


def kept_of(outputs: Any, most: int = MAX_TEXT) -> list[NotebookNode]:
    """Return a cell's outputs as they were handed in, cleaned; none where one of them cannot be shown.

    Parameters
    ----------
    outputs : object
        Whatever a notebook's file says.
    most : int
        How many characters of texts they may have, as handed in and as shown.
    """
    if not isinstance(outputs, list) or len(outputs) > MAX_OUTPUTS or characters_of(outputs) > most:
        return []
    found: list[NotebookNode] = []
    characters = 0
    for output in outputs:
        kept = _kept(output) if isinstance(output, dict) else None
        if kept is None:
            return []
        characters += 0 if is_picture(kept) else len(str(kept))
        found.append(kept)
    return found if characters <= most and sum(map(is_picture, found)) <= MAX_PICTURES else []


def characters_of(outputs: Any) -> int:
    """Return how many characters the texts of a cell's outputs have; what stands beside a picture is not shown, and not counted."""
    total = AN_OUTPUT * len(outputs) if isinstance(outputs, list) else 0
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        data = data if isinstance(data, dict) else {}
        if "image/png" in data or "image/jpeg" in data:
            continue
        for value in (
            output.get("text"),
            output.get("ename"),
            output.get("evalue"),
            output.get("traceback"),
            *data.values(),
        ):
            total += sum(len(str(v)) for v in value) if isinstance(value, list) else len(str(value))
    return total


def is_picture(output: NotebookNode) -> bool:
    """Tell whether an output is a picture."""
    return any(kind in output.get("data", {}) for kind in ("image/png", "image/jpeg"))


def _kept(output: dict[str, Any]) -> NotebookNode | None:
    kind, data = output.get("output_type"), output.get("data")
    if kind == "error" or (kind == "stream" and isinstance(output.get("text"), (str, list))):
        return clean_output(nbformat.from_dict(output))
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    if "image/png" in data or "image/jpeg" in data:
        return _picture(data, output.get("metadata"))
    if not data or not set(data) <= {"text/plain", "text/html", "text/latex", "text/markdown"}:
        return None
    return clean_output(nbformat.from_dict({"output_type": "display_data", "data": data}))


def _picture(data: dict[str, Any], metadata: Any) -> NotebookNode | None:
    kind = "image/png" if "image/png" in data else "image/jpeg"
    text = "".join(map(str, data[kind])) if isinstance(data[kind], list) else data[kind]
    sharp = _sharp(data.get("text/html")) if kind == "image/png" else None
    if sharp is not None:
        text, metadata = sharp
    if not isinstance(text, str) or len(text) > MAX_PICTURE:
        return None
    picture = clean_output(
        nbformat.from_dict(
            {
                "output_type": "display_data",
                "data": {kind: text},
                "metadata": metadata if isinstance(metadata, dict) else {},
            }
        )
    )
    return picture if kind in picture.data else None


def _sharp(markup: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the sharper form of a picture of the course's, and its metadata, where the markup beside it has one."""
    text = "".join(map(str, markup)) if isinstance(markup, list) else markup
    if not isinstance(text, str):
        return None
    # The first picture alone is looked at: to look for one from each `<img` on would cost the square of what was handed in.
    found = _SHARP.match(text, text.find("<img ", 0, 10_000))
    if found is None:
        return None
    end = text.find('"', found.end())
    return text[found.end() : end], {"image/png": {"alt": html.unescape(found[1]), "width": int(found[2])}}


def shown(fresh: list[NotebookNode] | None, handed_in: list[NotebookNode]) -> list[NotebookNode]:
    """Return a cell's outputs: those that it was handed in with where it was not run (`fresh` is None); else what came of
    running it, and in place of its pictures those that it was handed in with."""
    if fresh is None:
        return [output_of("stream", name="stdout", text=NOT_RUN), *handed_in]
    pictures = [o for o in handed_in if is_picture(o)]
    if not pictures:
        return fresh
    kept = [o for o in fresh if not is_picture(o)]
    return [*kept, output_of("stream", name="stdout", text=NOTE), *pictures]
