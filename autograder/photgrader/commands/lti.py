"""``photgrader lti``."""

from __future__ import annotations

import json

import click

from photgrader import coursedir
from photgrader.commands.common import ASSIGNMENT, EXIT_FINDING, root
from photgrader.gradebook import app, lti, roster


@click.group()
def command() -> None:
    """Take the class list from, and send marks to, a learning management system by LTI 1.3 (lti.toml in the course's folder).

    \b
    Examples:
      photgrader lti key
      photgrader lti roster --remove
      photgrader lti marks ps1_psf_photometry
    """


@command.command()
def key() -> None:
    """Show the tool's public key, as a key set that the system's administrator is given; it is made at the first use.

    \b
    Example:
      photgrader lti key > jwks.json
    """
    click.echo(json.dumps(lti.public_keys(root()), indent=1))


@command.command(name="roster")
@click.option("--remove", is_flag=True, help="Take students out who are no members any more and have nothing graded.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def roster_(remove: bool, dry_run: bool) -> None:
    """Bring the members of the system's course, who are students there, into the gradebook.

    \b
    Example:
      photgrader lti roster --dry-run
    """
    here = root()
    listed = roster.read_roster(lti.class_list(lti.Services(here)), "plain", lower=True)
    with app.gradebook(here) as gradebook:
        done = roster.import_roster(gradebook, here, listed, dry_run, remove)
    click.echo(
        f"{coursedir.counted(len(listed.people), 'student')}: {len(done.added)} {'would be ' if dry_run else ''}added, {len(done.changed)} changed, {len(done.same)} the same, "
        f"{len(done.removed)} removed."
    )
    for sentence in (
        *done.left_out,
        *([f"In the gradebook and no members: {', '.join(done.not_listed)}"] if done.not_listed else []),
    ):
        click.echo(f"{sentence}.")


@command.command()
@click.argument("assignment", type=ASSIGNMENT)
def marks(assignment: str) -> None:
    """Send the marks of ASSIGNMENT, late penalties taken off, into a column of the system's gradebook; the column is made where there is none.

    A mark of which a person still has to look at something is sent as pending. Exit code 1 where somebody is no member there.

    \b
    Example:
      photgrader lti marks ps1_psf_photometry
    """
    here = root()
    with app.gradebook(here) as gradebook:
        done = lti.send_marks(gradebook, lti.Services(here), assignment)
    click.echo(
        f"{assignment}: {coursedir.counted(len(done.sent) + len(done.pending), 'mark')} sent, {len(done.pending)} of them pending."
    )
    if done.unknown:
        click.echo(f"No members of the system's course: {', '.join(done.unknown)}.")
        raise SystemExit(EXIT_FINDING)
