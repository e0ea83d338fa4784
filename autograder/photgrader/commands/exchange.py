"""``photgrader exchange``."""

from __future__ import annotations

import pathlib
import pwd
import re

import click

from photgrader.coursedir import CourseError
from photgrader.gradebook import app
from photgrader.gradebook import exchange as exchange_


@click.command()
@click.option(
    "--root",
    "folder",
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    help="The exchange; by default the course's own setting.",
)
@click.option(
    "--course", "course_id", default="", metavar="NAME", help="The course; by default the course's own setting."
)
@click.option(
    "--grader",
    default="",
    metavar="ACCOUNT",
    help="The account that collects; by default the owner of the course's folder.",
)
def command(folder: pathlib.Path | None, course_id: str, grader: str) -> None:
    """Make nbgrader's exchange, and the course's folders in it, so that no student can touch another's; or put right what is there.

    The exchange gets mode 1777 (what is another's can be neither renamed nor removed), the course's folders belong to the grader,
    and students can put hand-ins into inbound/ and not list it. Run it as root where the exchange is root's; at each start of a hub
    it does no harm.

    \b
    Examples:
      photgrader exchange
      sudo "$(command -v photgrader)" exchange --root /srv/nbgrader/exchange --course starlight --grader grader-starlight
    """
    if folder is None or not course_id or not grader:
        from photgrader.commands.common import root

        here = root()
        config = app.nbgrader_app(here).config
        folder = folder or pathlib.Path(str(config.Exchange.get("root", "/usr/local/share/nbgrader/exchange")))
        course_id = course_id or str(config.CourseDirectory.get("course_id", ""))
        owner, group = here.stat().st_uid, here.stat().st_gid
    if grader:
        try:
            entry = pwd.getpwnam(grader)
        except KeyError:
            raise CourseError(
                f"There is no account {grader!r} on this machine. Make it, or name another one with --grader."
            ) from None
        owner, group = entry.pw_uid, entry.pw_gid
    if not course_id:
        raise CourseError(
            "The course has no name (c.CourseDirectory.course_id in nbgrader_config.py); name one with --course."
        )
    if not re.fullmatch(r"[^./\x00][^/\x00]*", course_id):
        raise CourseError(f"{course_id!r} cannot be a course's name: it names a folder of the exchange.")
    if (folder / "nbgrader_config.py").exists():
        raise CourseError(
            f"{folder} is a course's folder, where everybody could write then; name another one with --root."
        )
    try:
        done = exchange_.make_exchange(folder, course_id, owner, group)
    except exchange_.ExchangeProblem as problem:
        raise CourseError(str(problem)) from problem
    for sentence in done or [f"{folder} is as it should be for {course_id}."]:
        click.echo(sentence)
