"""A course on disk: its root, its settings, its releases, its key."""

from __future__ import annotations

import collections
import contextlib
import fnmatch
import functools
import itertools
import json
import os
import pathlib
import re
import secrets
import stat
import tempfile
import unicodedata
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from photgrader.coursedir import trees
from photgrader.coursedir.files import CourseError, in_words, text_if_there
from photgrader.coursedir.settings import Settings, load_settings

if TYPE_CHECKING:
    pass

STATE = ".photgrader"
#: Settings that a command line lays over those of the file, for this process.
_OVERRIDE: list[Settings] = []


def find_root(start: pathlib.Path | None = None) -> pathlib.Path:
    """Return the course's root: the folder with ``nbgrader_config.py`` and ``source/``, here or above.

    Raises
    ------
    CourseError
        Where there is none.
    """
    try:
        here = (start or pathlib.Path.cwd()).resolve()
    except FileNotFoundError:
        raise CourseError("The folder that you are in is gone. Change into the course's folder first.") from None
    for folder in (here, *here.parents):
        if (folder / "nbgrader_config.py").is_file() and (folder / "source").is_dir():
            return folder
    raise CourseError(
        f"{here} is not in a course (no nbgrader_config.py with a source/ beside it). Change into the course's folder first."
    )


def settings(root: pathlib.Path) -> Settings:
    """Return the course's settings, with what the command line laid over them."""
    return _OVERRIDE[-1] if _OVERRIDE else load_settings(root)


@contextlib.contextmanager
def settings_override(changed: Settings) -> Any:
    """Use other settings for a time, in this process."""
    _OVERRIDE.append(changed)
    try:
        yield
    finally:
        _OVERRIDE.pop()


def left_out(root: pathlib.Path, assignment: str) -> dict[str, str]:
    """Return what lies in ``submitted/`` for an assignment and `submitted` leaves out: whose, and why, as a part of a sentence.

    Of what lies beside a submission that can be graded, that is said in place of the student's name.
    """
    known = _known(root)
    found = {}
    for name in _students(root):
        place = root / "submitted" / name
        # As Python writes bytes: 'b\xe9n'.
        said = repr(name) if _is_text(name) else repr(os.fsencode(name))[1:]
        said = said if _unnameable(name) else name
        try:
            graded, why = _left_out(place, assignment, known)
        except OSError as problem:
            graded, why = False, f"{in_words(problem).removesuffix('.')}; put that right"
        if why:
            found[f"What {said} has beside {assignment}" if graded else said] = why
    return found


def _left_out(place: pathlib.Path, assignment: str, known: dict[str, list[str]]) -> tuple[bool, str]:
    """Tell whether a place in ``submitted/`` holds a submission that can be graded, and why something of it is left out; empty where nothing is."""
    if place.is_symlink() and not place.is_file():
        return (
            False,
            "their folder in submitted/ is a link, perhaps to somebody else's work; put the folder itself there",
        )
    if not place.is_dir():
        if not _may_be_work(place.name) or _is_anothers(place.name, assignment, known):
            return False, ""
        return False, f"whose it is nobody knows; put it into STUDENT/{assignment} in submitted/"
    try:
        mode = (place / assignment).lstat().st_mode
    except FileNotFoundError:
        mode = 0
    if mode and not stat.S_ISDIR(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "a file"
        why = f"{assignment} in their folder is {kind}, and a submission is a folder; put the folder itself there"
        return False, why
    if mode and (why := _unnameable(place.name)):
        return False, f"the name of its folder in submitted/ {why}; rename it as the student is called"
    if place.name in known and not mode:
        why = f"a folder in submitted/ is a student's; put theirs there as STUDENT/{assignment}"
        return False, why if place.name == assignment else ""
    try:
        with os.scandir(place) as entries:
            names = sorted(e.name for e in itertools.islice(entries, trees.MOST_ENTRIES))
    except PermissionError:
        if not mode:
            raise
        return True, ""
    like = [n for n in names if n not in known and _words(n) == _words(assignment)]
    if like and not mode:
        return False, f"their folder holds {like[0]!r}, and the assignment is called {assignment!r}; rename it"
    below = (pathlib.PurePath(e.path).relative_to(place).as_posix() for e in trees.files_below(place, skip=known))
    for path in (p for p in itertools.chain(names, below) if p not in known):
        if _may_be_work(path) and not _is_anothers(path, assignment, known):
            why = f"{path!r} lies in their folder, and belongs into {assignment!r} there; move it, or put it aside"
            return bool(mode), why
    return bool(mode), ""


def alike(root: pathlib.Path) -> list[str]:
    """Return a sentence for the folders in ``submitted/`` whose names differ only in capitals or in how their letters are encoded."""
    same = collections.defaultdict(list)
    for name in _students(root):
        place = root / "submitted" / name
        if os.path.isdir(place) and not os.path.islink(place):
            same[unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())].append(name)
    return [
        f"{' and '.join(map(ascii, names))} in submitted/ are probably one person, and each is graded alone: put what is theirs into one folder."
        for names in same.values()
        if len(names) > 1
    ]


def _students(root: pathlib.Path) -> list[str]:
    """Return the names of what lies in ``submitted/``.

    Raises
    ------
    CourseError
        Where that cannot be looked into.
    """
    try:
        return sorted(os.listdir(root / "submitted"))
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise CourseError(in_words(problem)) from problem


def _known(root: pathlib.Path) -> dict[str, list[str]]:
    """Return the assignments of the course, and those that it had and graded; each that has notebooks with its name and theirs."""
    known: dict[str, list[str]] = {p.name: [] for p in (root / STATE / "records").glob("*/")}
    there = {p.name for kind in ("source", "release") for p in (root / kind).glob("*/")}
    return known | {name: [name, *found] if (found := notebooks(root, name)) else [] for name in there}


def _is_anothers(path: str, assignment: str, known: dict[str, list[str]]) -> bool:
    """Tell whether a path names another assignment of the course, or its notebook, and not this one."""
    words = _words(path)
    named = {a for a, names in known.items() if any(_words(name) in words for name in names)}
    return bool(named) and assignment not in named


def _may_be_work(path: str) -> bool:
    name = pathlib.PurePath(path).name
    return name.strip().lower().endswith((*trees.NOTEBOOK_ENDINGS, ".zip")) and not name.startswith(".")


def _words(name: str) -> str:
    """Return the words and numbers of a name, whatever stands between them.

    Examples
    --------
    >>> _words("Hw_1 (2).ipynb"), _words("hw12")
    (' hw 1 2 ipynb ', ' hw 12 ')
    """
    words = re.findall(r"[0-9]+|[^\W\d_]+", unicodedata.normalize("NFKC", name).casefold())
    return f" {' '.join(words)} "


def _unnameable(name: str) -> str:
    """Return why a student cannot be called so; empty where they can."""
    if not _is_text(name):
        return "is not UTF-8"
    if name != name.strip() or len(name.splitlines()) > 1:
        # nbgrader takes the blanks away, and grades whoever is called so.
        return "begins or ends with a blank, or has several lines"
    return "is *, which means everybody" if name == "*" else ""


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def submitted(root: pathlib.Path, assignment: str, student: str = "*") -> list[pathlib.Path]:
    """Return the folders of an assignment's submissions, by student; what is in them is not looked at.

    Left out is what nbgrader could not hold, or would take for somebody else's (`left_out`).

    Parameters
    ----------
    root : Path
        The course.
    assignment : str
        Which.
    student : str
        One student's id, whatever characters it has, or ``"*"``.

    Raises
    ------
    CourseError
        Where ``submitted/`` cannot be looked into.
    """
    place = root / "submitted"
    # An id is a pattern only where nobody is called so, which is asked of the disk: each merge of a class asks for one student.
    if student != "*" and student == pathlib.PurePath(student).name and os.path.isdir(place / student):
        found = [student]
    else:
        found = [name for name in _students(root) if fnmatch.fnmatchcase(name, student)]
    folders = [place / name / assignment for name in found if not _unnameable(name)]
    # One that may not be looked into is told (`left_out`), and is no reason to lose the others.
    return [f for f in folders if os.path.isdir(f) and not os.path.islink(f) and not os.path.islink(f.parent)]


def notebooks(root: pathlib.Path, assignment: str) -> list[str]:
    """Return the names of an assignment's notebooks, from its release (or its source)."""
    for folder in ("release", "source"):
        found = sorted(p.stem for p in (root / folder / assignment).glob("*.ipynb"))
        if found:
            return found
    return []


def other_notebooks(root: pathlib.Path, assignment: str, notebook: str) -> dict[str, frozenset[str]]:
    """Return the marks (grade_id) that an assignment's other notebooks have, by name."""
    others = [n for n in notebooks(root, assignment) if n != notebook]
    marked = {n: (c.metadata.get("nbgrader", {}) for c in skeleton(root, assignment, n).cells) for n in others}
    return {n: frozenset(str(m["grade_id"]) for m in marks if "grade_id" in m) for n, marks in marked.items()}


def released(root: pathlib.Path) -> list[str]:
    """Return the names of the assignments that have a release."""
    folder = root / "release"
    return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def released_code(root: pathlib.Path, assignment: str) -> str:
    """Return the code of an assignment's released notebooks; nothing of one that cannot be read, which is told when it is graded."""
    code = []
    for path in (root / "release" / assignment).glob("*.ipynb"):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            code += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n".join(code)


def skeleton(root: pathlib.Path, assignment: str, notebook: str) -> NotebookNode:
    """Return a notebook as handed out.

    Raises
    ------
    CourseError
        Where there is no release.
    """
    path = root / "release" / assignment / f"{notebook}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"There is no release of {assignment} ({path.name} is missing); make it with: photgrader build {assignment}"
        )
    try:
        return nbformat.reads(_skeleton_text(str(path), path.stat().st_mtime_ns), as_version=4)
    except Exception as problem:
        # nbformat raises many kinds.
        raise CourseError(
            f"The release of {assignment} is damaged ({path.name}: {' '.join(str(problem).split())[:120]}); make it anew with: photgrader build "
            f"{assignment} --force"
        ) from problem


def is_python(notebook: NotebookNode) -> bool:
    """Tell whether a notebook is for Python, as its kernel says; one without a kernel is."""
    kernel = notebook.metadata.get("kernelspec", {})
    language = kernel.get("language") or notebook.metadata.get("language_info", {}).get("name") or ""
    return str(language or kernel.get("name") or "python").lower().startswith(("python", "ipython"))


def require_python_notebook(notebook: NotebookNode, name: str) -> None:
    """Refuse a notebook for another language, which would be run as Python.

    Raises
    ------
    CourseError
        One sentence that names the kernel.
    """
    if not is_python(notebook):
        raise CourseError(
            f"{name}.ipynb is for the kernel {notebook.metadata.get('kernelspec', {}).get('name', '?')!r}, and this grader runs Python alone. Grade it "
            "with plain nbgrader, in a course whose nbgrader_config.py does not call photgrader's configure."
        )


@functools.lru_cache(maxsize=32)
def _skeleton_text(path: str, changed: int) -> str:
    return pathlib.Path(path).read_text(encoding="utf-8")


def state_folder(root: pathlib.Path) -> pathlib.Path:
    """Return the grader's own folder in the course, private to the grader."""
    folder = root / STATE
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        raise CourseError(f"{folder} is no folder; the grader keeps its records there. Put it aside.") from None
    return folder


def key(root: pathlib.Path) -> bytes:
    """Return the course's secret key, made at first use; seeds and signatures come from it."""
    path = state_folder(root) / "key"
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            # link() fails where another process was faster, so that there is one key.
            os.link(name, path)
        os.unlink(name)
    try:
        return bytes.fromhex(text_if_there(path).strip())
    except ValueError:
        raise CourseError(
            f"The course's key, {path}, is damaged. Put it back from a backup, or remove it for a new one: records made before are then "
            "no longer known as the grader's own, and everything is graded again with other hidden cases."
        ) from None
