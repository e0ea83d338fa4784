"""``photgrader serve``."""

from __future__ import annotations

import asyncio

import click

from photgrader import coursedir
from photgrader.commands.common import root
from photgrader.coursedir import deadlines
from photgrader.sandbox.jail import require_sandbox


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port on the loopback address, without a hub; 0 for any that is free.",
)
@click.option(
    "--workers", type=click.IntRange(1), default=None, help="Processes that grade; by default one per processor."
)
def command(port: int, workers: int | None) -> None:
    """Grade hand-ins as they arrive, and show everybody how it went.

    Takes what students hand in from nbgrader's exchange, grades it in the sandbox as `photgrader grade` does, and writes it into the gradebook.
    Students see their own work, markers and instructors the class. live.toml says what is told at once and which try counts (docs/live.md).

    Started by a JupyterHub, the hub says who looks. Else the pages are on this machine alone, for whoever has the printed link.

    \b
    Examples:
      photgrader serve
      photgrader serve --port 9000 --workers 4
    """
    course_root = root()
    if coursedir.settings(course_root).sandbox:
        require_sandbox()
    from photgrader.serve import policy, server

    names = coursedir.released(course_root)
    if not names:
        raise coursedir.CourseError(
            "There is no release in this course yet, so nothing can be handed in. Make one first: photgrader build"
        )
    # A slip in a file of the course is told before anything is listened to.
    policy.load_policies(course_root, names, deadlines.load_deadlines(course_root))
    asyncio.run(server.serve(course_root, port, workers or 0, lambda words: click.echo(words)))
