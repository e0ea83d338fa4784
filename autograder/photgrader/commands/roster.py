"""``photgrader roster``."""

from __future__ import annotations

import pathlib
from dataclasses import asdict

import click

from photgrader import coursedir
from photgrader.commands.common import OUTPUT, root, write_json
from photgrader.gradebook import app, roster

_JSON = click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write it to FILE (- is the screen).")


@click.group()
def command() -> None:
    """Bring the class list of a learning management system into the gradebook, and show it.

    \b
    Examples:
      photgrader roster import canvas-gradebook.csv
      photgrader roster list
    """


@command.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path))
@click.option(
    "--from",
    "layout",
    type=click.Choice(["auto", *roster.LAYOUTS]),
    default="auto",
    show_default=True,
    help="Which system the file is from.",
)
@click.option(
    "--id",
    "id_column",
    default="",
    metavar="COLUMN",
    help="Column that holds the students' accounts, where it is not the usual one.",
)
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="What a column holds, in a list of no known layout; may be given more than once. "
    f"FIELD is one of {', '.join(roster.FIELDS)}.",
)
@click.option("--lower", is_flag=True, help="Write accounts in small letters, as JupyterHub does.")
@click.option("--remove", is_flag=True, help="Take students out who are not in FILE and have nothing graded.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@_JSON
def import_(
    file: pathlib.Path,
    layout: str,
    id_column: str,
    mapped: tuple[str, ...],
    lower: bool,
    remove: bool,
    dry_run: bool,
    json_file: pathlib.Path | None,
) -> None:
    """Read FILE, a CSV that Canvas, Moodle (in any language), Brightspace, Blackboard or Gradescope exports, or a plain one, into the gradebook.

    The usual column of accounts is Canvas's "SIS Login ID", Moodle's "Username" or "Email address", Brightspace's and
    Blackboard's "Username", Gradescope's "Email", and "id" in a plain file (id,first_name,last_name,email,lms_user_id). The
    system's own ids are kept for the export of marks. Who has no account in the list is left out and named. Nobody with
    marks is ever removed; students who are not in FILE are named.

    \b
    Examples:
      photgrader roster import canvas-gradebook.csv --dry-run
      photgrader roster import moodle-grades.csv --from moodle --id "ID number"
      photgrader roster import liste.csv --map id=Konto --map last_name=Name --map email=Post
      photgrader roster import class.csv --json -
    """
    course_root = root()
    for what in zip(*(pair.partition("=")[::2] for pair in mapped), strict=True):
        twice = next((w for w in what if w and what.count(w) > 1), None)
        if twice is not None:
            raise click.UsageError(f"--map names {twice!r} twice; each FIELD has one COLUMN, and each COLUMN one FIELD")
    columns = {pair.partition("=")[0]: pair.partition("=")[2] for pair in mapped}
    if set(columns) - set(roster.FIELDS) or not all(columns.values()):
        raise click.UsageError(f"--map takes FIELD=COLUMN, with a FIELD of {', '.join(roster.FIELDS)}")
    listed = roster.read_roster(roster.read_file(file), layout, id_column, lower, columns)
    with app.gradebook(course_root) as gradebook:
        done = roster.import_roster(gradebook, course_root, listed, dry_run, remove)
    if json_file is not None:
        write_json(json_file, {**asdict(done), "dry_run": dry_run})
    if str(json_file) == "-":
        return
    would = "would be " if dry_run else ""
    click.echo(
        f"A {listed.layout} list with {coursedir.counted(len(listed.people), 'student')}: {len(done.added)} {would}added, {len(done.changed)} {would}changed, {len(done.same)} the same."
    )
    for sentence in done.left_out:
        click.echo(sentence + ".")
    if done.removed:
        click.echo(f"Not in the list, and nothing graded: {', '.join(done.removed)} {would}removed.")
    if done.not_listed:
        click.echo(f"In the gradebook and not in the list (they stay): {', '.join(done.not_listed)}.")


@command.command(name="list")
@_JSON
def list_(json_file: pathlib.Path | None) -> None:
    """Show the students in the gradebook.

    \b
    Examples:
      photgrader roster list
      photgrader roster list --json class.json
    """
    with app.gradebook(root()) as gradebook:
        people = [
            {k: getattr(s, k) or "" for k in ("id", "first_name", "last_name", "email", "lms_user_id")}
            for s in sorted(gradebook.students, key=lambda s: s.id)
        ]
    if json_file is not None:
        write_json(json_file, people)
    if str(json_file) != "-":
        for p in people:
            click.echo(
                f"{p['id']:<20} {p['last_name']}, {p['first_name']}  {p['email']}  {p['lms_user_id']}".rstrip(" ,")
            )
        click.echo(f"{coursedir.counted(len(people), 'student')}.")
