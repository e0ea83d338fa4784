"""Find a notebook among what a student handed in, and read it and the files beside it, whatever they are.

Nothing is unpacked to disk, no link is followed, and what is read is bounded in number, depth and size.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import io
import logging
import os
import pathlib
import re
import stat
import zipfile
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass

from photgrader.coursedir import CourseError, trees
from photgrader.coursedir.settings import Limits, Settings
from photgrader.coursedir.trees import NOTEBOOK_ENDINGS
from photgrader.grading.hashes import content_hash

log = logging.getLogger("photgrader")
#: Most files that are looked at for a notebook, and most members of an archive.
MAX_CANDIDATES, MAX_MEMBERS = 12, 5000
#: An archive unpacks to so much, and so many times its length, at most.
FREE_BYTES, TIMES_BYTES = 64_000_000, 8
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
#: How a file of a student's is opened.
OPENED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
MAX_FILES, MAX_FILE, MAX_FILES_BYTES = 200, 20_000_000, 50_000_000


@dataclass
class Repair:
    """Something that was put in order.

    Parameters
    ----------
    kind : str
        Short name: ``"check cell restored"``.
    student, grader : str
        A sentence for each.
    """

    kind: str
    student: str
    grader: str


class Unreadable(Exception):
    """A file that holds no notebook; `state` and a sentence for the student."""

    def __init__(self, state: str, sentence: str) -> None:
        super().__init__(sentence)
        self.state, self.sentence = state, sentence


class Forbidden(CourseError):
    """Whoever grades may not read something of a submission, which is no omission of the student's."""


def require_readable(folder: pathlib.Path) -> None:
    """Make sure that all of a submission may be read, before what may not is taken for missing.

    Raises
    ------
    Forbidden
        One sentence, without its full stop.
    """
    forbidden: list[str] = []
    for entry in trees.files_below(folder, forbidden=forbidden):
        try:
            os.close(os.open(entry.path, OPENED))
        except PermissionError:
            forbidden.append(entry.path)
        except OSError:
            # Gone since, or of a path that is longer than any: as every reader here takes it.
            pass
    if forbidden:
        raise Forbidden(f"{forbidden[0]} may not be read by you; put its permissions right")


@dataclass(frozen=True)
class Candidate:
    """A file that may be the notebook.

    Parameters
    ----------
    where : str
        Its path in the submission; empty for the notebook under its own name.
    content : bytes or Unreadable
        What is in it, or why that was not read.
    repairs : tuple of Repair
        What finding it took.
    """

    where: str
    content: bytes | Unreadable
    repairs: tuple[Repair, ...] = ()


def read_bounded(path: pathlib.Path, at_most: int) -> bytes:
    """Read a regular file without following links.

    Raises
    ------
    Unreadable
        No such file, a link or a pipe, or one that is too large.
    """
    try:
        handle = os.open(path, OPENED)
    except OSError as problem:
        raise Unreadable("missing", "The notebook could not be opened.") from problem
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise Unreadable("missing", "In place of the notebook there is something that is no file.")
    with os.fdopen(handle, "rb") as stream:
        if status.st_size > at_most:
            raise Unreadable(
                "too large",
                f"The notebook file has {status.st_size / 1e6:.0f} MB; at most {at_most / 1e6:.0f} MB "
                "are read. Clear its outputs (Edit, Clear Outputs of All Cells), save, and hand it in again.",
            )
        return stream.read(at_most)


def candidates(folder: pathlib.Path, name: str, limits: Limits) -> list[Candidate]:
    """Return what may be the notebook of a submission, the likeliest first: by its name, renamed, in a folder below, in an archive."""
    at_most = limits.submission_mb * 1_000_000
    relative = {
        pathlib.Path(e.path).relative_to(folder).as_posix(): pathlib.Path(e.path) for e in trees.files_below(folder)
    }
    # macOS keeps what it knows of a file in another one, ._NAME; what other programs hide is no work either.
    shown = {
        where: path
        for where, path in relative.items()
        if not path.name.startswith(".") and "__MACOSX" not in path.parts
    }
    likeliest = functools.partial(_unlike, name=name)
    notebooks = sorted((w for w in shown if w.lower().endswith(NOTEBOOK_ENDINGS)), key=likeliest)[:MAX_CANDIDATES]
    archives = sorted((w for w in shown if w.lower().endswith(".zip")), key=likeliest)[:MAX_CANDIDATES]
    own = f"{name}.ipynb"
    found = []
    for where in notebooks:
        elsewhere = Repair(
            "notebook found elsewhere",
            f"Your notebook was taken from {where}; hand it in as {own}.",
            f"{own} is missing; {where} was graded in its place.",
        )
        content = _tried(functools.partial(read_bounded, shown[where], at_most))
        found.append(Candidate("", content, ()) if where == own else Candidate(where, content, (elsewhere,)))
    for where in archives:
        content = _tried(lambda where=where: _from_zip(read_bounded(shown[where], at_most), name, at_most))  # type: ignore[misc]
        found.append(
            Candidate(
                where,
                content,
                (
                    Repair(
                        "notebook in a zip file",
                        f"Your notebook was taken out of {pathlib.PurePath(where).name}; hand in {own} itself.",
                        f"the notebook was read from {pathlib.PurePath(where).name}.",
                    ),
                ),
            )
        )
    return found


def _unlike(where: str, name: str) -> tuple[bool, float, str]:
    """Return a key that puts the likeliest first: the notebook's own place, then names by how like they are."""
    stem = pathlib.PurePath(where).name.split(".")[0]
    return where != f"{name}.ipynb", -difflib.SequenceMatcher(None, stem[:200].lower(), name.lower()).ratio(), where


def _tried(read: Callable[[], bytes]) -> bytes | Unreadable:
    try:
        return read()
    except Unreadable as problem:
        return problem


def _from_zip(archive: bytes, name: str, at_most: int) -> bytes:
    nothing = Unreadable(
        "missing", f"The zip file that you handed in holds no notebook that can be read; hand in {name}.ipynb itself."
    )
    # Each entry of the directory takes many times its length in memory.
    if archive.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise nothing
    at_most = min(at_most, FREE_BYTES + TIMES_BYTES * len(archive))
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            # Of the methods those whose readers take no more memory than their own tables: a header of LZMA asks for gigabytes.
            members = [
                m
                for m in packed.infolist()
                if m.compress_type in METHODS
                and m.filename.lower().endswith(NOTEBOOK_ENDINGS)
                and m.file_size <= at_most
                and not pathlib.PurePath(m.filename).name.startswith(".")
                and "__MACOSX" not in m.filename
            ]
            best = min(members, key=lambda m: _unlike(m.filename, name))
            with packed.open(best) as stream:
                # The size in the header is the archive's own claim.
                content = stream.read(at_most + 1)
    except Exception as problem:
        # The module raises what its readers do: of zlib and lzma, of struct, of seeking to where nothing is.
        raise nothing from problem
    if len(content) > at_most:
        raise nothing
    return content


def find_notebook(folder: pathlib.Path, name: str, limits: Limits) -> tuple[bytes, list[Repair]]:
    """Return the likeliest notebook of a submission, and what finding it took.

    Raises
    ------
    Unreadable
        Where there is none, or it is too large.
    """
    found = candidates(folder, name, limits)
    for one in found:
        if isinstance(one.content, bytes):
            return one.content, list(one.repairs)
    raise why_none(found, name)


def why_none(found: list[Candidate], name: str) -> Unreadable:
    """Return why none of the candidates could be read."""
    for one in found:
        if isinstance(one.content, Unreadable) and one.content.state != "missing":
            return one.content
    return Unreadable(
        "missing", f"There is no notebook in what you handed in; {name}.ipynb was expected. Hand it in again."
    )


def _is_text(name: str) -> bool:
    """Tell whether a file's name is text: one of other bytes can be neither hashed nor sent as such."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_files(folder: pathlib.Path, settings: Settings, skip: str) -> dict[str, bytes]:
    """Read the further files of a submission, bounded in number and size, links and notebooks left out."""
    found: dict[str, bytes] = {}
    total = 0
    for entry in trees.files_below(folder):
        path = pathlib.Path(entry.path)
        relative = path.relative_to(folder)
        if (
            entry.name.lower().endswith((*NOTEBOOK_ENDINGS, ".zip"))
            or entry.name in (skip, "timestamp.txt")
            or entry.name.startswith("._")
            or "checks" in relative.parts[:-1]
        ):
            continue
        size = entry.stat(follow_symlinks=False).st_size
        if (
            len(found) >= MAX_FILES
            or size > MAX_FILE
            or total + size > MAX_FILES_BYTES
            or not _is_text(relative.as_posix())
        ):
            log.warning(
                "file %r of the submission was left out: too many, too large or oddly named", relative.as_posix()
            )
            continue
        try:
            found[relative.as_posix()] = read_bounded(path, MAX_FILE)
            total += size
        except Unreadable:
            continue
    return found


def content_key(found: list[Candidate], files: dict[str, bytes]) -> str:
    """Return the hash of all of a submission that its verdict can depend on."""
    notebooks = [
        part
        for one in found
        for part in (
            one.where.encode("utf-8", "surrogateescape"),
            one.content if isinstance(one.content, bytes) else one.content.sentence.encode(),
        )
    ]
    return content_hash(
        *notebooks, b"files", *(part for name, body in sorted(files.items()) for part in (name.encode(), body))
    )


# ------------------------------------------------------------------------------------------------ the time
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\d* ?"
    r"(UTC|GMT|Z|[+-]\d\d:?\d\d|[A-Za-z]{1,20}(?:[/_+-][A-Za-z0-9]{1,20}){0,6})?"
)


def _read_time(content: bytes) -> datetime.datetime | None:
    """Return the time that a file holds, in UTC without saying so, as nbgrader keeps it; None where it holds none."""
    text = content.decode(
        "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", errors="replace"
    ).strip("\x00 \t\r\n")
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, clock, zone = found.groups()
    try:
        if zone is None or zone in ("UTC", "GMT", "Z"):
            zone = "+00:00"
        # nbgrader takes the names of zones, too.
        named = zoneinfo.ZoneInfo(zone) if zone[0] not in "+-" else None
        when = datetime.datetime.fromisoformat(f"{day}T{clock}{'' if named else zone}")
        return (when.replace(tzinfo=named) if named else when).astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, KeyError, OSError):
        return None


def submitted_at(folder: str | pathlib.Path) -> tuple[datetime.datetime | None, bool]:
    """Return when a submission was made (UTC), and whether its ``timestamp.txt`` could be read.

    The file is the student's. Where it holds no time, the time that the system gives it is returned: told, and not
    held against anybody before a person has looked (`known_time`).
    """
    path = pathlib.Path(folder) / "timestamp.txt"
    if not os.path.lexists(path):
        return None, True
    try:
        content = read_bounded(path, 1000)
        when = _read_time(content)
    except Unreadable:
        content, when = b"?", None
    if not content.strip():
        # An empty file is as none: the system's time of it would be that of a copy, years after.
        return None, True
    if when is not None:
        return when, True
    return datetime.datetime.fromtimestamp(path.lstat().st_mtime, datetime.UTC).replace(
        tzinfo=None, microsecond=0
    ), False


def known_time(folder: str | pathlib.Path) -> datetime.datetime | None:
    """Return when a submission was made where its file says so; of a time that is guessed at nothing is taken off."""
    when, readable = submitted_at(folder)
    return when if readable else None
