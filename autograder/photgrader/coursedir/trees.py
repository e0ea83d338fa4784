"""Folders that others have filled: walked and removed whatever their depth, their names and their number."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import stat
from collections.abc import Collection, Iterator

#: What programs that save, send or download a notebook call it.
NOTEBOOK_ENDINGS = (".ipynb", ".ipynb.json", ".ipynb.txt")
#: A hand-in with more entries than this, or deeper ones, is looked at no further.
MOST_ENTRIES, DEEPEST = 5000, 32


def files_below(
    folder: str | pathlib.Path, hidden: bool = False, forbidden: list[str] | None = None, skip: Collection[str] = ()
) -> Iterator[os.DirEntry[str]]:
    """Yield the regular files below a folder, by path; links are not followed.

    Never deeper than `DEEPEST`, never more entries than `MOST_ENTRIES`, and what cannot be read is passed over: whoever
    filled the folder has no say in what that costs.

    Parameters
    ----------
    folder : path
        Where to look.
    hidden : bool
        Whether folders whose names begin with a dot are entered.
    forbidden : list, optional
        Takes the folders that whoever asks has no right to look into.
    skip : collection of str
        Folders directly below it that are not entered.
    """
    waiting, seen = [(str(folder), 0)], 0
    while waiting and seen < MOST_ENTRIES:
        here, depth = waiting.pop()
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(here) as found:
                for entry in found:
                    seen += 1
                    if seen > MOST_ENTRIES:
                        break
                    entries.append(entry)
        except OSError as problem:
            if forbidden is not None and isinstance(problem, PermissionError):
                forbidden.append(here)
        for entry in sorted(entries, key=lambda e: e.name):
            with contextlib.suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    yield entry
                elif (
                    entry.is_dir(follow_symlinks=False)
                    and depth < DEEPEST
                    and (hidden or not entry.name.startswith("."))
                    and (depth or entry.name not in skip)
                ):
                    waiting.append((entry.path, depth + 1))


def remove_tree(folder: str | pathlib.Path) -> bool:
    """Remove a folder and all that is in it; tell whether it is gone. Raises nothing.

    Neither recursive nor by paths, which may be longer than the system takes: a folder within a folder is moved up to the
    top, one level at a time, and no more than two are open at once.

    Parameters
    ----------
    folder : path
        What to remove; a link is removed, not followed.
    """
    path = os.fspath(folder)
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return True
    with contextlib.suppress(OSError):
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchmod(top, 0o700)
            kept: set[str] = set()
            while left := [name for name in os.listdir(top) if name not in kept]:
                for name in left:
                    if not _remove_entry(top, name, top):
                        kept.add(name)
        finally:
            os.close(top)
        os.rmdir(path)
    return not os.path.lexists(path)


def _remove_entry(parent: int, name: str, top: int) -> bool:
    """Remove an entry of a folder; the folders in it come up to `top`. Tell whether it is gone."""
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return True
        # Its owner may have taken its permissions away.
        os.chmod(name, 0o700, dir_fd=parent)
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError:
        return False
    try:
        for inner in os.listdir(handle):
            with contextlib.suppress(OSError):
                if stat.S_ISDIR(os.stat(inner, dir_fd=handle, follow_symlinks=False).st_mode):
                    os.chmod(inner, 0o700, dir_fd=handle)
                    os.rename(inner, f".{secrets.token_hex(12)}", src_dir_fd=handle, dst_dir_fd=top)
                else:
                    os.unlink(inner, dir_fd=handle)
    except OSError:
        return False
    finally:
        os.close(handle)
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError:
        return False
    return True
