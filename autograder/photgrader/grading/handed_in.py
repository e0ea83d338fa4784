"""The pictures that a notebook was handed in with: shown again as the student's own, and not drawn anew.

To draw the figures of a notebook is most of what grading it costs, and no mark hangs on it: figures that are graded are
judged by their data, and graded cells keep nothing of what came with them. Of an output that came with a cell only a
picture is taken, its bytes, width and description, and no markup: a student can have put any picture there.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

from photgrader.grading.sanitise import clean_output

#: Most pictures of a cell, and characters of one; a larger one is drawn again.
MAX_PICTURES, MAX_PICTURE = 20, 4_000_000
#: The larger side of a picture in pixels: a small file can hold a picture that no browser bears.
MAX_SIDE = 10_000
NOTE = "[grader] Shown as handed in, not drawn again:\n"
NOT_RUN = "[grader] Shown as handed in, not run again (nothing that is graded needs it):\n"
#: As a picture of twice the page's resolution is written.
_SHARP = re.compile(r'<img alt="([^"<>]{0,4000})" width="(\d{1,4})" src="data:image/png;base64,')


def pictures_of(outputs: Any) -> list[NotebookNode]:
    """Return the pictures among a cell's outputs as they were handed in, cleaned; none where one of them cannot be shown.

    Parameters
    ----------
    outputs : object
        Whatever a notebook's file says.
    """
    found: list[NotebookNode] = []
    for output in outputs if isinstance(outputs, list) else ():
        data = (
            output.get("data")
            if isinstance(output, dict) and output.get("output_type") in ("display_data", "execute_result")
            else None
        )
        if not isinstance(data, dict) or not ("image/png" in data or "image/jpeg" in data):
            continue
        picture = _picture(data, output.get("metadata"))
        if picture is None or len(found) == MAX_PICTURES:
            return []
        found.append(picture)
    return found


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
    return picture if kind in picture.data and _bearable(picture.data[kind], kind) else None


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


def _bearable(encoded: str, kind: str) -> bool:
    """Tell whether a picture is no larger than a page can show; a JPEG's size is bounded by its format."""
    if kind != "image/png":
        return True
    try:
        head = base64.b64decode(encoded[:32])
    except (binascii.Error, ValueError):
        return False
    sides = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return 0 < min(sides) and max(sides) <= MAX_SIDE


def shown(fresh: list[NotebookNode] | None, handed_in: list[NotebookNode]) -> list[NotebookNode]:
    """Return a cell's outputs: what came of running it (None where it was not run), without pictures, and behind that those that
    it was handed in with."""
    if fresh is None:
        return [nbformat.v4.new_output("stream", name="stdout", text=NOT_RUN), *handed_in]
    kept = [o for o in fresh if not any(kind in o.get("data", {}) for kind in ("image/png", "image/jpeg"))]
    return [*kept, nbformat.v4.new_output("stream", name="stdout", text=NOTE), *handed_in]
