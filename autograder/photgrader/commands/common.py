"""What the commands share: exit codes, the course's root, names of assignments, JSON."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import click

from photgrader.coursedir import CourseError, find_root, write_atomically
from photgrader.coursedir.settings import load_settings

#: Exit codes: 0 done; 1 something is not as it should be; 2 the call or the course is wrong.
EXIT_FINDING, EXIT_USAGE = 1, 2


def root() -> pathlib.Path:
    """Return the course's root, with its own exercises known, or end with one sentence."""
    found = find_root()
    if (found / load_settings(found).exercises).is_dir():
        # Only then: exercises are a second's import.
        from photgrader.exercise import use_course

        use_course(found)
    return found


class _Assignment(click.ParamType):
    """The name of an assignment, completed from the course's ``source/``; the command says whether it is one."""

    name = "assignment"

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


def write_json(path: pathlib.Path, body: Any) -> None:
    """Write what ``--json FILE`` asks for; ``-`` is the screen."""
    text = json.dumps(body, indent=1, ensure_ascii=False, default=str) + "\n"
    if str(path) == "-":
        click.echo(text, nl=False)
    else:
        write_atomically(path, text)


def screen() -> Any:
    """Return a console as wide as the terminal, or wide enough for a table where the output goes into a file."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=150)
