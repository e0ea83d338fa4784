"""Attacks as students could hand them in: each a real submission, its class, the gain it tries for and how it must end.

A function that tries something gives the right answer nowhere: any point above what the stub earns (none) is a gain.
What an attack has got hold of it prints behind `LOOT`. The corpus itself is in `forged`, `jail`, `files` and `on_the_judge`, by class.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field

import nbformat

from support import ASSIGNMENT, submit

#: Printed in front of what an attack has got hold of.
LOOT = "LOOT:"
#: What an attack leaves behind for the next student.
MARK = "n4l-was-here"
#: Stand in sources for the course's folder, a port that somebody on the machine listens at, an abstract socket.
ROOT_WORD, PORT_WORD, SOCKET_WORD = "@ROOT@", "@PORT@", "@SOCKET@"
#: Classes in which loot is a breach whatever it says: the attempt itself has to fail.
BREACH = ("network", "writing", "doors")


@dataclass(frozen=True)
class Attack:
    """An attack.

    Parameters
    ----------
    name, kind : str
        Which, and its class.
    gain : str
        What it tries for.
    cells : dict of str to str
        Sources by grade_id; what is not given stays the stub.
    ends : tuple of str
        States in which the record may end.
    metadata : dict
        Marks to change, by grade_id.
    edit : callable, optional
        Changes the notebook further.
    prepare : callable, optional
        Changes the submission's folder: called with the folder and the course's root.
    content : bytes
        The whole file, where it is no notebook.
    files : dict of str to str
        Further files of the submission.
    student : str
        The student's id, where it is part of the attack.
    stock : str
        Why it is not run on stock nbgrader; empty where it is.
    stock_cells : dict of str to str
        Sources for stock nbgrader, where the same idea needs other code there.
    """

    name: str
    kind: str
    gain: str
    cells: dict[str, str] = field(default_factory=dict)
    ends: tuple[str, ...] = ("graded",)
    metadata: dict[str, dict[str, object]] = field(default_factory=dict)
    edit: Callable[[nbformat.NotebookNode], None] | None = None
    prepare: Callable[[pathlib.Path, pathlib.Path], None] | None = None
    content: bytes = b""
    files: dict[str, str] = field(default_factory=dict)
    student: str = ""
    stock: str = ""
    stock_cells: dict[str, str] = field(default_factory=dict)

    def hand_in(self, root: pathlib.Path, student: str, words: dict[str, str], *, stock: bool = False) -> None:
        """Write the submission into a course; `words` are what stands in sources for this machine's names."""

        def here(text: str) -> str:
            for word, value in {ROOT_WORD: str(root), **words}.items():
                text = text.replace(word, value)
            return text

        cells = self.stock_cells or self.cells if stock else self.cells
        path = submit(root, student, {name: here(source) for name, source in cells.items()})
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            marks.update(self.metadata.get(marks.get("grade_id"), {}))
        if self.edit is not None:
            self.edit(notebook)
        if self.metadata or self.edit is not None:
            path.write_text(nbformat.v4.nbjson.writes(notebook), encoding="utf-8")
        if self.content:
            path.write_bytes(self.content)
        for name, text in self.files.items():
            (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / name).write_text(here(text))
        if self.prepare is not None:
            self.prepare(path.parent, root)


def function(body: str, before: str = "") -> dict[str, str]:
    """Return a centroid whose body is the attack, and what runs before it."""
    lines = "\n".join("    " + line for line in body.splitlines())
    return {"centroid": f"{before}\ndef centroid(image_cutout, x_start, y_start):\n{lines}\n"}


def cell(code: str) -> dict[str, str]:
    """Return a cell that is the attack, with a function that is wrong behind it."""
    return {"centroid": f"{code}\ndef centroid(image_cutout, x_start, y_start):\n    return 0.0, 0.0\n"}


def reads(*expressions: str) -> dict[str, str]:
    """Return a cell that prints what expressions give, whatever becomes of the others, and goes on."""
    tries = "".join(
        f"try:\n    print({LOOT!r}, {e})\nexcept BaseException as e:\n    print('refused', type(e).__name__)\n"
        for e in expressions
    )
    return cell(f"import os, glob, socket, subprocess, sys, pathlib, json\n{tries}")


def notebook_path(folder: pathlib.Path) -> pathlib.Path:
    """Return the notebook's place in a submission's folder."""
    return folder / f"{ASSIGNMENT}.ipynb"


def corpus() -> list[Attack]:
    """Return all attacks, by class."""
    from attacks import files, forged, jail, on_the_judge

    return [*forged.ATTACKS, *jail.ATTACKS, *files.ATTACKS, *on_the_judge.ATTACKS]
