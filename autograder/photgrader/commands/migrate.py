"""``photgrader migrate``."""

from __future__ import annotations

import click

from photgrader.commands.common import root
from photgrader.gradebook import backups


@click.command()
def command() -> None:
    """Bring the gradebook to the layout of the nbgrader that is installed, after a backup. Where nothing has to be done, nothing is.

    \b
    Example:
      photgrader migrate
    """
    done = backups.migrate(root())
    if done is None:
        click.echo("The gradebook has the installed nbgrader's layout.")
    else:
        click.echo(
            f"The gradebook was of layout {done[0] or 'none'} and is of {done[1]} now; the backup before is in .photgrader/backups."
        )
