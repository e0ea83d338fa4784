#!/usr/bin/env python3
"""Count what a lecture asks of its reader and gives: words, prompts, answers, sliders, sections, figures, claims.

Usage: lecture_counts.py [FOLDER]     by default this course's lectures

The page `docs/lectures-in-figures.md` shows these numbers; `tests/notebooks/test_lecture_counts.py` holds them true.
"""

from __future__ import annotations

import ast
import builtins
import json
import pathlib
import re
import symtable
import sys
from dataclasses import astuple, dataclass, fields

ROOT = pathlib.Path(__file__).resolve().parent.parent
LECTURES = ROOT / "course" / "lectures"


@dataclass(frozen=True)
class Counts:
    """Numbers of one lecture, or of several.

    Attributes
    ----------
    words : int
        Words of prose; a formula is one.
    prompts : int
        Guesses, sliders, and questions in the text.
    answers : int
        Folded answers.
    sliders : int
        Figures that follow a slider.
    sections : int
        Numbered sections.
    figures : int
        Figures that are shown.
    claims : int
        Sentences whose numbers are computed.
    leaning : int
        Functions that read a variable of the notebook (constants in capitals and other functions are none).
    """

    words: int
    prompts: int
    answers: int
    sliders: int
    sections: int
    figures: int
    claims: int
    leaning: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def counts(path: pathlib.Path) -> Counts:
    """Count one lecture.

    Parameters
    ----------
    path : Path
        The notebook.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = {kind: ["".join(c["source"]) for c in cells if c["cell_type"] == kind] for kind in ("markdown", "code")}
    text, code = "\n".join(sources["markdown"]), "\n".join(sources["code"])
    sliders = len(re.findall(r"\bask\.explore\(", code))
    asked = (
        len(re.findall(r"\bask\.guess\(", code))
        + sliders
        + len(re.findall(r"^\*\*(?:Try it|Question|Predict)\.\*\*", text, re.M))
    )
    for cell in sources["markdown"]:
        # Older lectures ended in questions below other headings.
        asked += (
            len(
                re.findall(
                    r"^\d+\. (?:(?!\n\n|\n\d+\. ).)*\?",
                    re.split(r"^#+ .*Questions.*$", cell, maxsplit=1, flags=re.M)[-1],
                    re.M | re.S,
                )
            )
            if "Questions" in cell
            else 0
        )
    return Counts(
        words=len(re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "x", text, flags=re.S).split()),
        prompts=asked,
        answers=text.count("<details>"),
        sliders=sliders,
        sections=len(re.findall(r"^## \d", text, re.M)),
        figures=sliders + len(re.findall(r"\bpublish\(", code)),
        claims=sum(len(c["metadata"].get("claims", [])) for c in cells),
        leaning=len(leaning(sources["code"])),
    )  # fmt: skip


def leaning(cells: list[str]) -> dict[str, list[str]]:
    """Return the functions of a lecture that read variables of the notebook, and which.

    Parameters
    ----------
    cells : list of str
        Its code cells.
    """
    plain = [re.sub(r"^(\s*)[%!].*$", r"\1pass", cell, flags=re.M) for cell in cells]
    known = set(dir(builtins))
    for tree in map(ast.parse, plain):
        known |= {
            (a.asname or a.name).partition(".")[0]
            for n in ast.walk(tree)
            if isinstance(n, ast.Import | ast.ImportFrom)
            for a in n.names
        }
        known |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    found: dict[str, list[str]] = {}
    for cell in plain:
        for function in symtable.symtable(cell, "cell", "exec").get_children():
            if function.get_type() != "function" or function.get_name() in (
                "lambda",
                "genexpr",
                "listcomp",
                "dictcomp",
                "setcomp",
            ):
                continue
            names = {name for name in _globals(function) if name not in known and not name.isupper()}
            if names:
                found[function.get_name()] = sorted(names)
    return found


def _globals(table: symtable.SymbolTable) -> set[str]:
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return names.union(*map(_globals, table.get_children()))


def main() -> int:
    """Print a table of a folder of lectures."""
    folder = pathlib.Path(sys.argv[1]) if sys.argv[1:] else LECTURES
    paths = sorted(folder.glob("*.ipynb"))
    print("lecture", *(field.name for field in fields(Counts)), sep="\t")
    rows = {re.match(r"0*(\d+[a-z]?)", path.stem)[1]: counts(path) for path in paths}  # type: ignore[index]
    for name, row in {**rows, "all": sum(list(rows.values())[1:], next(iter(rows.values())))}.items():
        print(name, *astuple(row), sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
