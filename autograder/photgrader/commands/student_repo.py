"""``photgrader student-repo``."""

from __future__ import annotations

import dataclasses
import pathlib

import click

from photgrader.commands.common import OUTPUT, root, write_json
from photgrader.release.student_repo import write_tree


@click.command()
@click.argument("directory", type=click.Path(file_okay=True, path_type=pathlib.Path))
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write what was done to FILE (- is the screen).")
def command(directory: pathlib.Path, json_file: pathlib.Path | None) -> None:
    """Write what students may have into DIRECTORY, and nothing else: to publish for nbgitpuller, Binder or a download.

    Lectures, releases with their check files, the course's packages, data manifest, environment, README, licences. A tree
    that this command made before is brought up to date; a folder with anything else in it is refused. The folder may be a
    git work tree; committing and publishing are yours.

    \b
    Examples:
      photgrader student-repo ../starlight-students
      cd ../starlight-students && git add --all && git commit --message "This week's assignment"
    """
    done = write_tree(root(), directory)
    if json_file is not None:
        write_json(json_file, dataclasses.asdict(done))
    if str(json_file) != "-":
        click.echo(
            f"{directory}: {len(done.added)} files added, {len(done.changed)} changed, {len(done.removed)} removed, {len(done.same)} as they were."
        )
        if done.others:
            click.echo(
                f"Not written by this command, and left as they are: {', '.join(done.others[:5])}{' ...' if len(done.others) > 5 else ''}."
            )
