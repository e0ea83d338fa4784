"""Files of a course: how they are written, and the error that an instructor has to mend."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import stat
import tempfile
from collections.abc import Iterator

#: No file of a course that a person writes is larger.
MOST_BYTES = 20_000_000


class CourseError(Exception):
    """Something about the course that an instructor has to mend; the text says what to do."""


def in_words(problem: OSError) -> str:
    """Return what the system had against a file, as a sentence."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{f' ({problem.filename})' if problem.filename else ''}. Make room and run the command again."
    return f"{problem.filename or 'A file'} cannot be used: {problem.strerror or problem}."


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "student"), counted(0, "student")
    ('1 student', '0 students')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def text_if_there(path: pathlib.Path, encoding: str = "utf-8") -> str:
    """Return what a file that may be left out holds; nothing where there is none.

    Raises
    ------
    OSError
        It cannot be read, leads nowhere, is larger than any, or is a pipe or a device, which might be waited for without end.
    UnicodeDecodeError
        It is no text.
    """
    if not os.path.lexists(path):
        return ""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    if path.stat().st_size > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than any such file ({MOST_BYTES // 1_000_000} MB)", str(path))
    return path.read_text(encoding=encoding)


def write_atomically(path: pathlib.Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def as_before(folder: pathlib.Path) -> Iterator[None]:
    """Take away what came new below a folder where the work in it ends in an error; what was there stays."""
    before = set(folder.rglob("*"))
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for path in sorted(set(folder.rglob("*")) - before, reverse=True):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            for place in missing:
                place.rmdir()
        raise


def write_output(path: pathlib.Path, text: str) -> None:
    """Write a file that a person named: whole or not at all, and what is there keeps its permissions.

    A link is followed. What is no regular file (a device, a pipe) is written to and stays what it is.

    Raises
    ------
    CourseError
        Where it cannot be written; the text says why.
    """
    try:
        # /dev/stdout may be a regular file to which somebody else writes, too.
        if (path.exists() and not path.is_file()) or path.absolute().parts[1:2] in (("dev",), ("proc",)):
            with path.open("w", encoding="utf-8") as stream:
                stream.write(text)
            return
        target = path.resolve()
        if target.exists():
            if not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
            mode = stat.S_IMODE(target.stat().st_mode)
        else:
            umask = os.umask(0o077)
            os.umask(umask)
            mode = 0o666 & ~umask
        write_atomically(target, text)
        target.chmod(mode)
    except OSError as problem:
        problem.filename = str(path)
        raise CourseError(in_words(problem)) from problem
