"""The reference: a page for each public module of the three packages, and one for the commands.

The exercises of `photgrader` stay out: their modules hold the references, which are the solutions.
"""

from __future__ import annotations

import ast
import io
import pathlib
import re
from contextlib import redirect_stdout

from .notebooks import write_text

#: Left out, with the reason in the docstring of the page on photgrader.
LEFT_OUT = ("photgrader.exercises", "photgrader.commands")


def modules(root: pathlib.Path, package: str) -> dict[str, str]:
    """Return the public modules of a package, each with the first sentence of its docstring, without importing them."""
    folder = root / {"photcheck": "course", "photcourse": "course", "photgrader": "autograder"}[package]
    found = {}
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        name = ".".join(parts)
        if any(p.startswith("_") for p in parts) or name.startswith(LEFT_OUT):
            continue
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if text:
            found[name] = first_sentence(text)
    return found


def first_sentence(text: str) -> str:
    """Return the first line of a docstring, which is a sentence."""
    return " ".join(text.split("\n\n")[0].split())


def write_reference(root: pathlib.Path, folder: pathlib.Path, package: str) -> list[pathlib.Path]:
    """Write the pages of a package's modules; return the files."""
    pages = []
    every = modules(root, package)
    for name in every:
        # A function that a package passes on and that has a module's name would be described twice.
        below = ", ".join(n.removeprefix(f"{name}.") for n in every if n.rpartition(".")[0] == name)
        title = name.replace("_", r"\_")
        text = f"{title}\n{'=' * len(title)}\n\n.. automodule:: {name}\n   :members:\n   :member-order: bysource\n"
        text += f"   :exclude-members: {below}\n" if below else ""
        pages.append(folder / "modules" / f"{name}.rst")
        write_text(pages[-1], text)
    return pages


def module_table(root: pathlib.Path, package: str) -> str:
    """Return the table of a package's modules, as Markdown."""
    rows = [
        f"| [`{name}`](modules/{name}.rst) | {_markdown(sentence)} |"
        for name, sentence in modules(root, package).items()
    ]
    return "\n".join(["| module | what it is |", "|---|---|", *rows])


def module_toctree(root: pathlib.Path, package: str) -> str:
    """Return the hidden table of contents of a package's modules."""
    return "\n".join(["```{toctree}", ":hidden:", "", *(f"modules/{name}" for name in modules(root, package)), "```"])


def _markdown(sentence: str) -> str:
    # A docstring is reStructuredText: double backquotes, and single ones for names.
    return (
        re.sub(r"`{1,2}([^`]+)`{1,2}", r"`\1`", sentence).replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    )


def commands() -> str:
    """Return the help of every command, as Markdown."""
    return "\n\n".join([*_photgrader(), *_photcourse()])


def _photgrader() -> list[str]:
    import click

    from photgrader.cli import main_group

    def block(path: str, command: click.Command, parent: click.Context | None, depth: int) -> list[str]:
        with click.Context(
            command, parent=parent, info_name=path.split()[-1], max_content_width=100, terminal_width=100
        ) as context:
            parts = [f"{'#' * depth} `{path}`\n\n```text\n{context.get_help()}\n```"]
            if isinstance(command, click.Group):
                for name in command.list_commands(context):
                    below = command.get_command(context, name)
                    if below is not None and not below.hidden:
                        parts += block(f"{path} {name}", below, context, 3 if depth == 2 else 4)
            return parts

    return block("photgrader", main_group, None, 2)


def _photcourse() -> list[str]:
    from photcourse.cli import main

    parts = []
    for words in (["--help"], ["data", "--help"]):
        screen = io.StringIO()
        with redirect_stdout(screen):
            try:
                main(words)
            except SystemExit:
                pass
        title = " ".join(["photcourse", *words[:-1]])
        parts.append(f"{'##' if len(words) == 1 else '###'} `{title}`\n\n```text\n{screen.getvalue().rstrip()}\n```")
    return parts
