"""The command ``photgrader``: every module of `photgrader.commands` with a `command` is one subcommand."""

from __future__ import annotations

import importlib
import json
import pathlib
import pkgutil
import sys
from typing import Any

import click

from photgrader import commands
from photgrader.course import CourseError, find_root, scripts_on_path, write_atomically
from photgrader.sandbox.jail import SandboxMissing
from photgrader.settings import SettingsError

#: Exit codes: 0 done; 1 something is not as it should be; 2 the call or the course is wrong.
EXIT_FINDING, EXIT_USAGE = 1, 2


class _Commands(click.Group):
    """Finds subcommands by module name, importing only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(i.name.removesuffix("_").replace("_", "-") for i in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for module in (name.replace("-", "_"), name.replace("-", "_") + "_"):
            if any(i.name == module for i in pkgutil.iter_modules(commands.__path__)):
                return importlib.import_module(f"photgrader.commands.{module}").command
        return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="photgrader")
def main_group() -> None:
    """Grade a notebook course with verdicts made outside the student's process.

    Run it inside the course's folder. `photgrader COMMAND --help` shows examples; `photgrader completion` completes
    commands, options and the names of assignments in your shell.

    Exit codes: 0 done; 1 something is not as it should be, and is said; 2 the call or the course is wrong; 130 stopped
    by Ctrl-C.

    \b
    Example:
      photgrader status
    """


def root() -> pathlib.Path:
    """Return the course's root, with its own exercises known, or end with one sentence."""
    found = find_root()
    if (found / "exercises").is_dir():
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


def main(argv: list[str] | None = None) -> Any:
    """Run the command line; known problems end with one sentence and no traceback."""
    scripts_on_path()
    try:
        return main_group(args=argv, standalone_mode=True)
    except (CourseError, SandboxMissing, SettingsError) as problem:
        click.echo(f"photgrader: {problem}", err=True)
        sys.exit(EXIT_USAGE)
    except KeyError as problem:
        click.echo(f"photgrader: {problem.args[0] if problem.args else problem}", err=True)
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
