"""Files of a course: how they are written, and the error that an instructor has to mend."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile


class CourseError(Exception):
    """Something about the course that an instructor has to mend; the text says what to do."""


def write_atomically(path: pathlib.Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
