"""What the commands share: exit codes, the course's root, names of assignments, JSON."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import click

from photgrader.coursedir import CourseError, find_root, write_output
from photgrader.coursedir.packages import use_packages
from photgrader.coursedir.settings import Packages, load_settings

#: Exit codes: 0 done; 1 something is not as it should be; 2 the call or the course is wrong.
EXIT_FINDING, EXIT_USAGE = 1, 2


def root() -> pathlib.Path:
    """Return the course's root, with its own exercises known, or end with one sentence."""
    found = find_root()
    settings = load_settings(found)
    if settings.packages != Packages():
        use_packages(settings.packages)
    if (found / settings.exercises).is_dir():
        # Only then: exercises are a second's import.
        from photgrader.exercise import use_course

        use_course(found)
    return found


class _Assignment(click.ParamType):  # type: ignore[type-arg]
    """The name of an assignment, completed from the course's ``source/``; the command says whether it is one."""

    name = "assignment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, without the slash that a shell's completion of a folder leaves."""
        return str(value).rstrip("/")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names that begin as typed; none outside of a course."""
        from click.shell_completion import CompletionItem

        try:
            names = [p.name for p in sorted((find_root() / "source").iterdir()) if p.is_dir()]
        except CourseError:
            return []
        return [CompletionItem(n) for n in names if n.startswith(incomplete)]


#: Type of an argument that names an assignment.
ASSIGNMENT = _Assignment()


class _Output(click.ParamType):  # type: ignore[type-arg]
    """A file that a command writes at its end: whether it can be is asked before the work begins. ``-`` is the screen."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> pathlib.Path:
        """Return the path, or end with one sentence."""
        path = pathlib.Path(value)
        if str(path) == "-":
            return path
        if path.is_dir():
            self.fail(f"{value} is a folder; name a file.", param, ctx)
        # What is written: the file itself, or the nearest folder that is there.
        place = path if path.exists() else next(p for p in path.absolute().parents if p.exists())
        if place != path and not place.is_dir():
            self.fail(f"{value} cannot be made: {place} is no folder.", param, ctx)
        if not os.access(place, os.W_OK):
            self.fail(
                f"{value} cannot be written: you may not write {'to it' if place == path else f'into {place}'}.",
                param,
                ctx,
            )
        return path


#: Type of an option that names a file to write.
OUTPUT = _Output()


def check_assignment(name: str, known: list[str]) -> None:
    """End with one sentence where a course has no assignment of a name."""
    if name not in known:
        there = (
            f"there are {', '.join(known)}"
            if known
            else "there is none yet: an assignment is a notebook source/NAME/NAME.ipynb"
        )
        raise click.UsageError(f"there is no source/{name}; {there}")


def write_json(path: pathlib.Path, body: Any) -> None:
    """Write what ``--json FILE`` asks for; ``-`` is the screen."""
    text = json.dumps(body, indent=1, ensure_ascii=False, default=str) + "\n"
    if str(path) == "-":
        click.echo(text, nl=False)
    else:
        write_output(path, text)


def screen(stderr: bool = False) -> Any:
    """Return a console as wide as the terminal, or wide enough for a table where the output goes into a file.

    What stands in brackets or between colons is a name as any other, and no style.
    """
    from rich.console import Console

    console = Console(stderr=stderr, markup=False, emoji=False)
    return console if console.is_terminal else Console(stderr=stderr, width=150, markup=False, emoji=False)
