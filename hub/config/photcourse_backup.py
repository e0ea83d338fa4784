"""Back up what a hub's people have made, and put it back: gradebooks, courses, exchange, homes, the hub's settings. As root.

    photcourse_backup.py make /srv/backup [--settings /etc/photcourse/hub.toml] [--keep 14]
    photcourse_backup.py restore /srv/backup/photcourse-20261128-230000.tar.gz [--into /]

A backup is taken while everything runs: gradebooks by SQLite's own backup, the rest as it is found. It is there whole or not at all, with
its checksum beside it. A restore puts nothing over what is there: a folder in the way is renamed first, and the names of the renamed ones
are said. Owners are restored by name: on a new machine make the accounts first (photcourse_people.py).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import pwd
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from photcourse_hub import Course, courses_of  # noqa: E402

#: What the archive holds beside files in their places: gradebooks, and what is where.
OWN = "photcourse-backup"


class BackupError(Exception):
    """One sentence on what is in the way, and what to do."""


def homes_of(courses: list[Course]) -> list[pathlib.Path]:
    """Return the home folders of all people of some courses that have one."""
    found = set()
    for name in {name for course in courses for name in (*course.students, *course.instructors)}:
        with contextlib.suppress(KeyError):
            found.add(pathlib.Path(pwd.getpwnam(name).pw_dir))
    return sorted(path for path in found if path.is_dir())


def make(target: pathlib.Path, settings: pathlib.Path, keep: int) -> tuple[pathlib.Path, list[str]]:
    """Write a backup into a folder and remove the oldest ones; return it, and the courses' folders that are not there to be in it.

    Raises
    ------
    BackupError
        Where it cannot be made (a full disk, a damaged gradebook); what is there already stays.
    """
    if settings.exists() and not settings.is_file():
        raise BackupError(f"{settings} is no file. No backup was made.")
    try:
        courses = [Course(**people) for people in courses_of(tomllib.loads(settings.read_text(encoding="utf-8")))]
    except (ValueError, LookupError, TypeError) as problem:
        raise BackupError(
            f"{settings} does not say which courses there are ({problem}). No backup was made."
        ) from problem
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"photcourse-{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}.tar.gz"
    with tempfile.TemporaryDirectory(dir=target, prefix=".making-") as work:
        own = pathlib.Path(work) / OWN
        own.mkdir()
        excluded: list[str] = []
        for course in courses:
            book = pathlib.Path(course.root) / "gradebook.db"
            if book.is_file():
                _snapshot(book, own / f"{course.course_id}.db")
                excluded += [f"--exclude={str(book)[1:]}{end}" for end in ("", "-wal", "-shm", "-journal")]
        (own / "contents.json").write_text(
            json.dumps({"settings": str(settings), "courses": {c.course_id: c.root for c in courses}}, indent=1) + "\n"
        )
        paths = {
            settings,
            *(
                pathlib.Path(p)
                for c in courses
                for p in (c.root, os.path.join(c.exchange, c.course_id), c.class_list)
                if p
            ),
            *homes_of(courses),
        }
        inside = sorted(str(p.resolve())[1:] for p in paths if p.exists())
        fresh = pathlib.Path(work) / name
        done = subprocess.run(
            [
                "tar",
                "--create",
                "--gzip",
                "--sparse",
                f"--file={fresh}",
                "--anchored",
                "--no-wildcards",
                *excluded,
                f"--directory={work}",
                OWN,
                "--directory=/",
                *inside,
            ],
            capture_output=True,
            text=True,
        )
        # 1: a file changed while it was read, which happens where people work.
        if done.returncode > 1:
            raise BackupError(
                f"No backup was made: {_reason(done.stderr)}. Make space in {target}, or name another folder."
            )
        fresh.chmod(0o600)
        (target / f"{name}.sha256").write_text(f"{_checksum(fresh)}  {name}\n")
        fresh.rename(target / name)
    for old in sorted(target.glob("photcourse-*.tar.gz"))[:-keep]:
        old.unlink()
        old.with_name(old.name + ".sha256").unlink(missing_ok=True)
    return target / name, [c.root for c in courses if not os.path.isdir(c.root)]


def _reason(said: str) -> str:
    """Return why tar failed: its last words are that it did."""
    lines = [
        line
        for line in said.strip().splitlines()
        if not any(words in line for words in ("Exiting with failure", "not recoverable", "Child returned"))
    ]
    return lines[-1] if lines else "tar failed"


def _snapshot(book: pathlib.Path, copy: pathlib.Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{book}?mode=ro", uri=True, timeout=60)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            answer = target.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as problem:
        answer = str(problem)
    if answer != "ok":
        raise BackupError(
            f"The gradebook {book} is damaged or in use ({answer}); photgrader doctor says more. No backup was made."
        )


def _checksum(path: pathlib.Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def restore(archive: pathlib.Path, into: pathlib.Path) -> list[str]:
    """Put a backup back; return what was renamed to make way.

    Raises
    ------
    BackupError
        Where the archive is not as it was written; nothing has changed then.
    """
    noted = archive.with_name(archive.name + ".sha256")
    if not archive.is_file() or not noted.is_file() or noted.read_text().split()[:1] != [_checksum(archive)]:
        raise BackupError(
            f"{archive} is not there, has no checksum beside it, or is not as it was written. Take another backup."
        )
    with tempfile.TemporaryDirectory(dir=into, prefix=".restoring-") as work:
        _untar(archive, pathlib.Path(work), [OWN])
        own = pathlib.Path(work) / OWN
        contents: dict[str, Any] = json.loads((own / "contents.json").read_text())
        moved = []
        stamp = f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}"
        for path in _folders(archive):
            there = into / path
            if os.path.lexists(there):
                aside = there.with_name(f"{there.name}.before-{stamp}")
                there.rename(aside)
                moved.append(str(aside))
        try:
            _untar(archive, into, [], "--anchored", f"--exclude={OWN}")
        except BackupError as problem:
            raise BackupError(
                f"{problem} What was there is now {', '.join(moved)}." if moved else str(problem)
            ) from problem
        for course, root in contents["courses"].items():
            book, folder = own / f"{course}.db", into / root[1:]
            if book.is_file():
                target = folder / "gradebook.db"
                target.write_bytes(book.read_bytes())
                target.chmod(0o600)
                os.chown(target, folder.stat().st_uid, folder.stat().st_gid)
    return moved


def _untar(archive: pathlib.Path, into: pathlib.Path, members: list[str], *options: str) -> None:
    done = subprocess.run(
        ["tar", "--extract", "--preserve-permissions", f"--file={archive}", f"--directory={into}", *options, *members],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupError(f"{archive} could not be unpacked ({_reason(done.stderr)}).")


def _folders(archive: pathlib.Path) -> list[str]:
    """Return what was put into the archive, each as a whole: nothing of it lies in another."""
    # One line a name, whatever is in it: what is no printing ASCII is written as escapes.
    listed = subprocess.run(
        ["tar", "--list", "--quoting-style=escape", f"--file={archive}"],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout.splitlines()
    tops: list[str] = []
    for line in listed:
        name = os.fsdecode(line.decode("unicode_escape").encode("latin-1")).rstrip("/")
        if name.split("/")[0] != OWN and not (tops and name.startswith(tops[-1] + "/")):
            tops.append(name)
    return tops


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("target", type=pathlib.Path)
    making.add_argument("--settings", type=pathlib.Path, default=pathlib.Path("/etc/photcourse/hub.toml"))
    making.add_argument("--keep", type=int, default=14, help="how many backups to keep")
    putting = commands.add_parser("restore")
    putting.add_argument("archive", type=pathlib.Path)
    putting.add_argument("--into", type=pathlib.Path, default=pathlib.Path("/"))
    options = parser.parse_args(arguments)
    if options.command == "make" and options.keep < 1:
        parser.error("at least one backup is kept")
    try:
        if options.command == "make":
            made, missing = make(options.target.resolve(), options.settings, options.keep)
            print(f"Made {made}")
            if missing:
                print(f"Not in it, because not there: {', '.join(missing)}. Mend {options.settings}.", file=sys.stderr)
                return 1
        else:
            moved = restore(options.archive, options.into)
            print("Restored." + (f" What was there is now {', '.join(moved)}." if moved else ""))
    except BackupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{problem.filename or options.command} cannot be used: {problem.strerror or problem}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
