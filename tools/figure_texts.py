#!/usr/bin/env python3
"""Move the words of figures out of a notebook's cells, number the figures, and keep both in step.

Usage: figure_texts.py [--check] NOTEBOOK...

Every ``publish(fig, alt="...")`` and ``explore(draw, alt="...")`` becomes ``publish(fig, "3.2")``: the figures of
lecture 3 are numbered in their order, and caption and alternative text go to ``course/photcourse/figures/3.yaml``,
where they are edited. After cells were moved, run it again: numbers, words and the text's references ("Figure 3.2")
follow. A caption that is still missing is listed. Cells in which a student writes are left alone.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import pathlib
import re
import sys
from dataclasses import dataclass

import nbformat
import yaml

FIGURES = pathlib.Path(__file__).resolve().parent.parent / "course" / "photcourse" / "figures"
#: Words that are so alike belong to the same figure, though somebody mended them.
ALIKE = 0.6


@dataclass
class Figure:
    """One call that shows a figure: where it stands, and its words."""

    cell: nbformat.NotebookNode
    call: ast.Call
    number: str
    caption: str
    alt: str
    values: dict[str, str]
    named: ast.stmt | None = None


def prefix_of(path: pathlib.Path) -> str:
    """Return what a notebook's figures are numbered with: ``"3"`` of ``03_aperture_photometry``, ``"ps1"``."""
    found = re.match(r"0*(\d+[a-z]?)_|([a-z]+\d+)_", path.name)
    if found is None:
        raise SystemExit(f"{path.name}: its figures have no number; a name begins with 03_ or ps1_")
    return found[1] or found[2]


def words_of(node: ast.expr | None) -> tuple[str, dict[str, str]] | None:
    """Return the words of a string or an f-string with the values in it as names in braces, None for anything else."""
    if node is None:
        return "", {}
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("{", "{{").replace("}", "}}"), {}
    if not isinstance(node, ast.JoinedStr):
        return None
    words, values = "", {}
    for part in node.values:
        if isinstance(part, ast.Constant):
            words += str(part.value).replace("{", "{{").replace("}", "}}")
            continue
        assert isinstance(part, ast.FormattedValue)
        expression = ast.unparse(part.value)
        name = expression if expression.isidentifier() else f"value{len(values) + 1}"
        form = (
            part.format_spec.values[0].value
            if isinstance(part.format_spec, ast.JoinedStr) and part.format_spec.values
            else ""
        )  # type: ignore[attr-defined]
        words += "{" + name + (f":{form}" if form else "") + "}"
        values[name] = expression
    return words, values


def figures_of(notebook: nbformat.NotebookNode, known: dict[str, dict[str, str]]) -> tuple[list[Figure], list[str]]:
    """Return the figures in their order, and what could not be moved."""
    found, left = [], []
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        tree = ast.parse(re.sub(r"^([%!].*)$", "pass", cell.source, flags=re.M))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)
                 and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("publish", "explore")]  # fmt: skip
        for call in sorted(calls, key=lambda node: node.lineno):
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            number = call.args[1].value if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) else ""
            given, named = keywords.get("alt"), None
            if isinstance(given, ast.Name):
                # words = "..." on a line of its own, because the line would be too long.
                named = next((s for s in reversed(tree.body) if s.lineno < call.lineno and isinstance(s, ast.Assign)
                              and isinstance(s.targets[0], ast.Name) and s.targets[0].id == given.id), None)  # fmt: skip
                given = named.value if named is not None else given
            alt, caption = words_of(given), words_of(keywords.get("caption"))
            if alt is None or caption is None or (len(call.args) > 1 and not number):
                left.append(f"cell {place}: the words are made by code and stay where they are")
                continue
            if number:
                words = known.get(str(number), {})
                found.append(Figure(cell, call, str(number), words.get("caption", ""), words.get("alt", ""), {}))
            else:
                found.append(
                    Figure(
                        cell,
                        call,
                        "",
                        " ".join(caption[0].split()),
                        " ".join(alt[0].split()),
                        caption[1] | alt[1],
                        named,
                    )
                )
    return found, left


def _span(source: str, node: ast.Call | ast.stmt) -> tuple[int, int]:
    """First and last character of a piece of code; columns count bytes."""
    lines = source.splitlines(keepends=True)

    def at(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    return at(node.lineno, node.col_offset), at(node.end_lineno or 0, node.end_col_offset or 0)


def rewrite(figure: Figure, number: str) -> str:
    """Return the call with the figure's number in place of its words."""
    call = figure.call
    arguments = [ast.unparse(call.args[0]), f'"{number}"']
    arguments += [f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords if k.arg not in ("alt", "caption")]
    arguments += [f"{name}={expression}" for name, expression in figure.values.items()]
    text = f"{ast.unparse(call.func)}({', '.join(arguments)})"
    return text if len(text) <= 104 else f"{ast.unparse(call.func)}(\n    " + ",\n    ".join(arguments) + ",\n)"


def renumber(
    notebook: nbformat.NotebookNode, prefix: str, known: dict[str, dict[str, str]]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Change a notebook in place; return the words of its figures by number, and what is not done."""
    figures, notes = figures_of(notebook, known)
    taken = {figure.number for figure in figures}
    spare = {number: words for number, words in known.items() if number not in taken}
    numbers: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    for place, figure in enumerate(figures, 1):
        number = f"{prefix}.{place}"
        if figure.number:
            numbers[figure.number] = number
        elif not figure.caption:
            close = max(spare, key=lambda n: _likeness(spare[n].get("alt", ""), figure.alt), default=None)
            if close is not None and _likeness(spare[close].get("alt", ""), figure.alt) >= ALIKE:
                figure.caption = spare.pop(close).get("caption", "")
                numbers[close] = number
        words[number] = {"caption": figure.caption, "alt": figure.alt}
        notes += [f"figure {number} has no {part}" for part in ("caption", "alt") if not words[number][part]]
    # From the last one, so that places further up stay true.
    for place, figure in reversed(list(enumerate(figures, 1))):
        start, end = _span(figure.cell.source, figure.call)
        new = rewrite(figure, f"{prefix}.{place}")
        indent = " " * (start - (figure.cell.source.rfind("\n", 0, start) + 1))
        figure.cell.source = figure.cell.source[:start] + new.replace("\n", "\n" + indent) + figure.cell.source[end:]
        if figure.named is not None:
            start, end = _span(figure.cell.source, figure.named)
            figure.cell.source = figure.cell.source[:start] + figure.cell.source[end:].lstrip("\n")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\b([Ff]igures? )(\w+\.\d+)\b", lambda m: m[1] + numbers.get(m[2], m[2]), cell.source)
    return words, notes


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() if one and other else 0.0


def read_words(prefix: str) -> dict[str, dict[str, str]]:
    """Return the words that are kept, by number."""
    path = FIGURES / f"{prefix}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}


def main() -> int:
    """Renumber the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail where something would change or is missing"
    )
    options = parser.parse_args()
    faults = 0
    for path in options.notebooks:
        prefix = prefix_of(path)
        before = path.read_text(encoding="utf-8")
        notebook, known = nbformat.reads(before, as_version=4), read_words(prefix)
        words, notes = renumber(notebook, prefix, known)
        # As tools/normalise_notebooks.py writes them.
        after = nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"
        changed = words != known or nbformat.reads(after, as_version=4) != nbformat.reads(before, as_version=4)
        if options.check:
            notes += ["its figures and their words are out of step; run tools/figure_texts.py on it"] * changed
        elif changed:
            path.write_text(after, encoding="utf-8")
            FIGURES.mkdir(exist_ok=True)
            text = yaml.safe_dump(words, allow_unicode=True, sort_keys=False, width=110)
            (FIGURES / f"{prefix}.yaml").write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(words)} figures", *notes, sep="\n  ")
        faults += len(notes)
    return 1 if faults and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
