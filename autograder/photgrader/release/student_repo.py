"""The public tree: what students may have, and nothing else, as a folder to publish.

It is made from a list of what belongs in it, so that a new file of the course stays out until somebody puts it on the list.
A listing with checksums in the tree itself says what was written: an update replaces and removes those files alone, and a
folder that holds anything unknown to it is left as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from photgrader import coursedir
from photgrader.coursedir.settings import load_settings
from photgrader.release.build import source_assignments

LISTING = ".photcourse-tree.json"
_PACKAGE_SUFFIXES = {".py", ".json", ".yaml", ".fits", ".html", ".typed"}
#: What is copied as it is: path in the course, path in the tree.
_SINGLE = {
    "LICENSE": "LICENSE",
    "LICENSE-text": "LICENSE-text",
    "CITATION.cff": "CITATION.cff",
    "environment.yml": "environment.yml",
    "data_manifest.yaml": "data_manifest.yaml",
    "course/pyproject.toml": "course/pyproject.toml",
    "course/photcheck/pyproject.toml": "course/photcheck/pyproject.toml",
    "course/LICENSE": "course/LICENSE",
    "course/photcheck/LICENSE": "course/photcheck/LICENSE",
    "course/README.md": "course/README.md",
}


class TreeError(coursedir.CourseError):
    """The tree cannot be written where it is asked for; the text says why."""


@dataclass
class Written:
    """What was done to a tree: paths in it."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    #: Files that the tree did not write, such as those of git, or of an instructor; they stay.
    others: list[str] = field(default_factory=list)


def public_files(root: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Yield what belongs in the tree: its path there, and the file of the course.

    Raises
    ------
    TreeError
        Where something of it is missing.
    """
    # A course of one's own may have no package and no lectures; photcheck then comes from where packages come from.
    whole = (root / "course").is_dir()
    own = root / "course" / "students.md"
    yield "README.md", own if own.is_file() else pathlib.Path(__file__).parent / "student_tree" / "assignments.md"
    for source, target in _SINGLE.items():
        if (root / source).is_file():
            yield target, root / source
        elif whole:
            raise TreeError(f"The course has no {source}, which belongs in the students' tree.")
    for package in ("photcheck", *load_settings(root).packages.own):
        for path in _visible(root / "course" / package, _PACKAGE_SUFFIXES):
            yield path.relative_to(root).as_posix(), path
    for path in _visible(root / "course" / "lectures", {".ipynb"}):
        yield f"lectures/{path.name}", path
    names = source_assignments(root)
    for name in names:
        notebooks = sorted((root / "release" / name).glob("*.ipynb"))
        if not notebooks:
            raise TreeError(f"There is no release of {name}; make it with: photgrader build {name}")
        for path in (*notebooks, *sorted((root / "release" / name / "checks").rglob("*.json"))):
            yield f"assignments/{path.relative_to(root / 'release').as_posix()}", path


def _visible(folder: pathlib.Path, suffixes: set[str]) -> list[pathlib.Path]:
    return [
        p
        for p in sorted(folder.rglob("*"))
        if p.is_file()
        and p.suffix in suffixes
        and not any(part.startswith(".") or part == "__pycache__" for part in p.relative_to(folder).parts)
    ]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_tree(root: pathlib.Path, target: pathlib.Path) -> Written:
    """Write the public tree, or bring one up to date.

    Parameters
    ----------
    root : Path
        The course.
    target : Path
        Where; not there yet, empty (but for ``.git``), or a tree that this wrote before.

    Raises
    ------
    TreeError
        Where `target` is neither, or holds or is inside of the course, or a file of the tree was edited there.
    """
    if target.resolve() == root.resolve() or root.resolve().is_relative_to(target.resolve()):
        raise TreeError(f"{target} is the course itself, or holds it; choose a folder beside it.")
    if any(
        target.resolve().is_relative_to((root / part).resolve())
        for part in ("source", "release", "solutions", "course", "autograder", "submitted")
    ):
        raise TreeError(f"{target} is inside of the course; choose a folder beside it.")
    before = _listing(target)
    wanted = {name: path.read_bytes() for name, path in public_files(root)}
    _refuse_edited(target, before, wanted)
    done = Written()
    listing = (
        json.dumps(
            {"made_by": "the course's own tools", "files": {n: _digest(c) for n, c in sorted(wanted.items())}}, indent=1
        )
        + "\n"
    )
    with coursedir.as_before(target):
        for name, content in wanted.items():
            _put(target, name, content, before, done)
        for name in sorted(set(before) - set(wanted)):
            (target / name).unlink(missing_ok=True)
            _remove_empty(target, (target / name).parent)
            done.removed.append(name)
        coursedir.write_atomically(target / LISTING, listing)
        (target / LISTING).chmod(0o644)
    done.others = sorted(
        p.relative_to(target).as_posix()
        for p in target.rglob("*")
        if p.is_file()
        and p.relative_to(target).parts[0] != ".git"
        and p.relative_to(target).as_posix() not in {*wanted, LISTING}
    )
    return done


def _listing(target: pathlib.Path) -> dict[str, str]:
    if target.exists() and not target.is_dir():
        raise TreeError(f"{target} is a file, not a folder.")
    path = target / LISTING
    if not path.is_file():
        if target.is_dir() and any(p.name != ".git" for p in target.iterdir()):
            raise TreeError(
                f"{target} is not empty and was not made by this command; nothing was changed. Choose another folder."
            )
        return {}
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        inside = all(isinstance(d, str) and _is_of_a_tree(n) for n, d in files.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        inside = False
    if not inside:
        raise TreeError(f"{path} cannot be read; nothing was changed. Make the tree anew in another folder.")
    return files


def _is_of_a_tree(name: str) -> bool:
    """Tell whether a listing, which may have come back from anybody's copy, names a file that this command would write."""
    path = pathlib.PurePosixPath(name)
    outside = path.is_absolute() or not path.parts or not name.isprintable()
    return not outside and not any(part == ".." or part.casefold() == ".git" for part in path.parts)


def _refuse_edited(target: pathlib.Path, before: dict[str, str], wanted: dict[str, bytes]) -> None:
    """Refuse before anything is written: what somebody changed or put there by hand is not overwritten."""
    edited = []
    for name in (*before, *(n for n in wanted if n not in before)):
        path = target / name
        above = [p for p in path.parents if p != target and p.is_relative_to(target)]
        other = any(p.is_symlink() for p in (path, *above)) or any(p.exists() and not p.is_dir() for p in above)
        if other or (path.exists() and not path.is_file()):
            edited.append(name)
        elif path.is_file() and _digest(path.read_bytes()) not in (before.get(name), _digest(wanted.get(name, b""))):
            edited.append(name)
    if edited:
        raise TreeError(
            f"In {target} somebody changed {', '.join(edited[:5])}; nothing was written. Put the change into the course, remove the file "
            "there, and run the command again."
        )


def _put(target: pathlib.Path, name: str, content: bytes, before: dict[str, str], done: Written) -> None:
    path = target / name
    if path.is_file() and path.read_bytes() == content:
        done.same.append(name)
        return
    (done.changed if name in before else done.added).append(name)
    coursedir.write_atomically(path, content)
    path.chmod(0o644)


def _remove_empty(target: pathlib.Path, folder: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        while folder != target:
            folder.rmdir()
            folder = folder.parent
