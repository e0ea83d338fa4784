"""``photgrader doctor``."""

from __future__ import annotations

import dataclasses
import pathlib

import click

from photgrader.commands.common import EXIT_FINDING, OUTPUT, root, write_json
from photgrader.overview.doctor import examine

SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "fault": ("✗", "red")}


@click.command()
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write all findings to FILE (- is the screen).")
def command(json_file: pathlib.Path | None) -> None:
    """Look the course over and say what to do: sandbox, settings, releases, exercises, secrets, permissions, packages,
    gradebook and records.

    Changes nothing. Ends with 1 where something is wrong, with 0 where there are warnings only.

    \b
    Examples:
      photgrader doctor
      photgrader doctor --json doctor.json
    """
    found = []
    for finding in examine(root()):
        found.append(finding)
        if str(json_file) != "-":
            sign, colour = SIGNS[finding.level]
            click.echo(
                f"{click.style(sign, fg=colour)} {finding.area}: {finding.sentence}"
                + (f"\n    do: {finding.todo}" if finding.todo else "")
            )
    faults = sum(f.level == "fault" for f in found)
    if json_file is not None:
        write_json(json_file, {"ok": not faults, "findings": [dataclasses.asdict(f) for f in found]})
    if faults:
        raise SystemExit(EXIT_FINDING)
