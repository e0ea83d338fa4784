"""The command ``photgrader``: every module of `photgrader.commands` with a `command` is one subcommand."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import pkgutil
import signal
import sys
from typing import Any

import click

from photgrader import commands
from photgrader.commands.common import EXIT_USAGE
from photgrader.coursedir import CourseError, find_root
from photgrader.coursedir.files import in_words
from photgrader.coursedir.settings import SettingsError
from photgrader.gradebook.app import scripts_on_path
from photgrader.sandbox.jail import SandboxMissing


class _Commands(click.Group):
    """Finds subcommands by module name, importing only the one that is called; a checkout adds those of its ``benchmarks/``."""

    @staticmethod
    def _modules() -> dict[str, str]:
        """Return the modules of the subcommands by the names that people type."""
        packages = {commands.__name__: list(commands.__path__)}
        with contextlib.suppress(CourseError):
            root = find_root()
            if (root / "benchmarks" / "commands").is_dir():
                packages["benchmarks.commands"] = [str(root / "benchmarks" / "commands")]
                sys.path[:] = [*sys.path, *([str(root)] if str(root) not in sys.path else [])]
        return {
            info.name.removesuffix("_").replace("_", "-"): f"{package}.{info.name}"
            for package, path in packages.items()
            for info in pkgutil.iter_modules(path)
            if info.name != "common"
        }

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)
            raise SystemExit(130) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._modules())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        module = self._modules().get(name.replace("_", "-"))
        return importlib.import_module(module).command if module else None


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


def main(argv: list[str] | None = None) -> Any:
    """Run the command line; known problems end with one sentence and no traceback."""
    # What commands import is no garbage: it is looked through for some seldom while it grows, and never when the process ends. That
    # was three tenths of a short command's time. Of what is registered, what came first runs last.
    gc.set_threshold(10_000, 20, 20)
    atexit.register(gc.freeze)
    scripts_on_path()
    # Whoever starts us may have had ends of processes ignored or held back, which workers are waited for by.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM})
    try:
        return main_group(args=argv, standalone_mode=True)
    except (CourseError, SandboxMissing, SettingsError) as problem:
        click.echo(f"photgrader: {problem}", err=True)
        sys.exit(EXIT_USAGE)
    except OSError as problem:
        click.echo(f"photgrader: {in_words(problem)}", err=True)
        sys.exit(EXIT_USAGE)
    except KeyError as problem:
        click.echo(f"photgrader: {problem.args[0] if problem.args else problem}", err=True)
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
