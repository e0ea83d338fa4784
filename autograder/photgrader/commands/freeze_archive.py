"""``photgrader freeze-archive``."""

from __future__ import annotations

import click

from photgrader.commands.common import root
from photgrader.exercise.archive import freeze_all


@click.command()
def command() -> None:
    """Freeze the answers of cases on real files, where those files are (PHOTCOURSE_DATA or the cache).

    The answers are kept beside the exercises and go into the next release, so that students who have the real
    files can check themselves on them. Run it after a change of a reference.

    \b
    Example:
      PHOTCOURSE_DATA=/srv/course/data photgrader freeze-archive
    """
    root()
    for line in freeze_all():
        click.echo(line)
