#!/usr/bin/env python3
"""Fold the code of lectures' cells that only draw: nothing later needs what they make, and no function is written.

Usage: fold_plots.py [--check] NOTEBOOK...

A folded cell shows its figure and a bar to open the code (JupyterLab's ``source_hidden``, the site's ``hide-input``).
A cell with ``"fold": false`` in its metadata stays open: its code is what is taught.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import nbformat

from photcourse.begin import made_and_needed

#: Shorter code is no burden to a reader.
LONG = 12


def only_draws(notebook: nbformat.NotebookNode) -> set[int]:
    """Return the places of the cells whose code is to be folded."""
    code = [(place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    needed_later: set[str] = set()
    found = set()
    for place, cell in reversed(code):
        made, needed = made_and_needed(cell.source)
        draws = "display.publish(" in cell.source and "def " not in cell.source
        if (
            draws
            and len(cell.source.splitlines()) >= LONG
            and not made & needed_later
            and cell.metadata.get("fold") is not False
        ):
            found.add(place)
        needed_later = (needed_later - made) | needed
    return found


def fold(notebook: nbformat.NotebookNode) -> None:
    """Set the marks of folded cells in place, and take those of others away."""
    folded = only_draws(notebook)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != "hide-input"]
        jupyter = {key: value for key, value in cell.metadata.get("jupyter", {}).items() if key != "source_hidden"}
        if place in folded:
            tags, jupyter = [*tags, "hide-input"], {**jupyter, "source_hidden": True}
        for key, value in (("tags", tags), ("jupyter", jupyter)):
            cell.metadata.pop(key, None)
            if value:
                cell.metadata[key] = value


def main() -> int:
    """Fold the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where something would change")
    options = parser.parse_args()
    stale = 0
    for path in options.notebooks:
        notebook = nbformat.read(path, as_version=4)
        before = nbformat.writes(notebook)
        fold(notebook)
        after = nbformat.writes(notebook)
        if before != after:
            stale += 1
            if not options.check:
                path.write_text(after.rstrip("\n") + "\n", encoding="utf-8")
        print(
            f"{path.name}: {len(only_draws(notebook))} of {sum(c.cell_type == 'code' for c in notebook.cells)} code cells are folded"
        )
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
