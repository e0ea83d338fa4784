#!/usr/bin/env python3
"""Build the course's web site into ``site/``: lectures, exercises, how-to pages, reference, results.

Usage: python docs/make_site.py [--out DIR] [--work DIR] [--fresh]

Everything is laid out for Sphinx in a work folder first (``.build/site``): the pages of ``docs/``, the lectures with
their outputs, the releases, the reference's stubs, the tables. Notebooks that were run before and have not changed since
are not run again. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import gc
import os
import pathlib
import re
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

from builder import check, hero, notebooks, reference, results  # noqa: E402

#: Where the node part of tools/setup.sh puts MathJax.
PLACES = ["{root}/.venv/node/node_modules/mathjax-3/es5/tex-svg.js", "{root}/node_modules/mathjax-3/es5/tex-svg.js"]


class SiteError(Exception):
    """The site cannot be built; the message says why and what to do."""


def find_mathjax(root: pathlib.Path = ROOT) -> pathlib.Path:
    """Return the file of MathJax that the pages get."""
    places = (
        [pathlib.Path(os.environ["PHOTCOURSE_MATHJAX"])]
        if "PHOTCOURSE_MATHJAX" in os.environ
        else [pathlib.Path(p.format(root=root)) for p in PLACES]
    )
    for place in places:
        if place.is_file():
            return place
    raise SiteError(
        "MathJax is not here; tools/setup.sh site installs it (or name its tex-svg.js in PHOTCOURSE_MATHJAX)."
    )


class Layout:
    """What Sphinx gets: writes files where they are new, and takes away what no longer belongs there."""

    def __init__(self, source: pathlib.Path) -> None:
        self.source = source
        self.written: set[pathlib.Path] = set()

    def text(self, name: str, text: str) -> None:
        """Write a text file."""
        self.written.add(self.source / name)
        notebooks.write_text(self.source / name, text)

    def copy(self, path: pathlib.Path, name: str) -> None:
        """Copy a file."""
        self.written.add(self.source / name)
        notebooks.write_bytes(self.source / name, path.read_bytes())

    def keep(self, path: pathlib.Path) -> None:
        """Say that a file belongs there."""
        self.written.add(path)

    def tidy(self) -> None:
        """Take away what was not written this time."""
        for path in sorted(self.source.rglob("*"), reverse=True):
            if path.is_file() and path not in self.written:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def lay_out(source: pathlib.Path, cache: pathlib.Path) -> None:
    """Write everything that Sphinx reads.

    Parameters
    ----------
    source : Path
        Sphinx's source folder.
    cache : Path
        Folder of run notebooks.
    """
    layout = Layout(source)
    lectures = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
    releases = sorted((ROOT / "release").glob("*/*.ipynb"))
    run = notebooks.run_all([*lectures, *releases], ROOT, cache)
    values = {
        "lectures": _notebook_pages(layout, lectures, run, "lectures"),
        "exercises": _notebook_pages(layout, releases, run, "exercises"),
        "counts": results.counts(ROOT),
        "reference_photcheck": _reference(layout, "photcheck"),
        "reference_photcourse": _reference(layout, "photcourse"),
        "reference_photgrader": _reference(layout, "photgrader"),
        "commands": reference.commands(),
        **results.tables(ROOT),
    }
    for path in sorted(DOCS.rglob("*.md")):
        name = path.relative_to(DOCS).as_posix()
        layout.text(name, fill(path.read_text(encoding="utf-8"), values, path.parent))
    for path in sorted([*DOCS.glob("_static/*"), *DOCS.glob("images/*"), DOCS / "conf.py"]):
        layout.copy(path, path.relative_to(DOCS).as_posix())
    layout.copy(find_mathjax(), "_static/mathjax/tex-svg.js")
    notebooks.write_bytes(source / "_static" / "field.jpg", hero.picture())
    layout.keep(source / "_static" / "field.jpg")
    layout.tidy()


def _notebook_pages(layout: Layout, paths: list[pathlib.Path], run: dict, section: str) -> str:
    """Write the pages of lectures or exercises; return the gallery that stands on the section's first page."""
    cards = []
    for path in paths:
        notebook = run[path]
        if section == "exercises":
            notebooks.without_students_outputs(notebook)
        stem = path.stem
        figures = layout.source / "_static" / "figures"
        pictures = notebooks.take_figures_out(notebook, stem, figures, "../_static/figures/")
        for picture in pictures:
            layout.keep(figures / picture.file)
        facts = notebooks.header(notebook)
        number = re.match(r"(?:ps)?0*(\d+[a-z]?)", stem)
        short = f"{'Lecture' if section == 'lectures' else 'Assignment'} {number[1] if number else ''}".strip()
        if section == "exercises":
            target = layout.source / "downloads" / f"{stem}.zip"
            notebooks.pack(path.parent, target)
            layout.keep(target)
            note = f"{{download}}`The assignment with its checks (zip) <../downloads/{stem}.zip>`"
        else:
            layout.copy(path, f"downloads/{stem}.ipynb")
            note = f"{{download}}`The notebook, to run and change <../downloads/{stem}.ipynb>`"
        page = layout.source / section / f"{stem}.ipynb"
        notebooks.write_page(
            page, notebooks.as_page(notebook, f"{number[1]} · {facts['title']}" if number else facts["title"], note)
        )
        layout.keep(page)
        cards.append(_card(stem, short, facts, pictures, results.marks(notebook) if section == "exercises" else ""))
    contents = "\n".join(["```{toctree}", ":hidden:", "", *(p.stem for p in paths), "```"])
    return "\n".join([contents, "", "::::{container} gallery", *cards, "::::"])


def _card(stem: str, short: str, facts: dict[str, str], pictures: list[notebooks.Picture], marks: str) -> str:
    """Return one notebook's entry in the gallery."""
    lines = [":::{container} card-of-course"]
    if pictures:
        cover = pictures[min(results.COVERS.get(stem, 0), len(pictures) - 1)]
        lines += ["```{raw} html", notebooks.image_tag(cover, "../_static/figures/", "cover"), "```", ""]
    lines += [f"**{short}**", "", f"[{facts['title']}]({stem}.ipynb)", "", facts["summary"], ""]
    needed = facts.get("Time", facts.get("Minutes", ""))
    needed = needed if "minutes" in needed else re.sub(r"^(\d+)", r"\1 minutes", needed)
    lines += [f"*{'; '.join(t for t in (marks, needed) if t)}*", ""]
    return "\n".join([*lines, ":::"])


def _reference(layout: Layout, package: str) -> str:
    for page in reference.write_reference(ROOT, layout.source / "reference", package):
        layout.keep(page)
    return reference.module_toctree(ROOT, package) + "\n\n" + reference.module_table(ROOT, package)


def fill(text: str, values: dict[str, str], folder: pathlib.Path) -> str:
    """Return a page with its generated parts, and without entries of tables of contents that lead nowhere.

    Parameters
    ----------
    text : str
        Markdown; ``<!-- put: NAME -->`` stands for a part.
    values : dict
        The parts.
    folder : Path
        Where the page is.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise SiteError(f"a page asks for {found[1]!r}, which nothing makes")
        return values[found[1]]

    def contents(found: re.Match[str]) -> str:
        lines = found[0].splitlines()
        kept = [line for line in lines if not re.fullmatch(r"[\w./-]+", line) or _is_page(folder / line)]
        return "\n".join(kept)

    text = re.sub(r"^```\{toctree\}.*?^```$", contents, text, flags=re.M | re.S)
    return re.sub(r"<!-- put: ([\w.-]+) -->", value, text)


def _is_page(path: pathlib.Path) -> bool:
    return any(path.with_name(path.name + ending).is_file() for ending in (".md", ".rst", ".ipynb"))


def build(out: pathlib.Path, work: pathlib.Path, fresh: bool = False) -> list[str]:
    """Build the site; return what is wrong with it, a sentence each.

    Parameters
    ----------
    out : Path
        Where the site goes.
    work : Path
        Folder for what is kept between runs.
    fresh : bool
        Build all pages anew; run notebooks are kept.
    """
    from sphinx.cmd.build import build_main

    _refuse_to_write_over(out)
    # Built beside the work and copied: myst-nb writes into the folder above the pages.
    pages = work / "html" / "pages"
    if fresh:
        shutil.rmtree(work / "doctrees", ignore_errors=True)
        shutil.rmtree(pages, ignore_errors=True)
    lay_out(work / "source", work / "notebooks")
    status = build_main(
        ["-b", "html", "-W", "--keep-going", "-n", "-q", "-d", str(work / "doctrees"), str(work / "source"), str(pages)]
    )
    if status:
        return ["Sphinx found fault with the pages; its messages stand above."]
    shutil.rmtree(out, ignore_errors=True)
    # The macros are a part of the theme's own building, no page.
    shutil.copytree(pages, out, ignore=shutil.ignore_patterns("webpack-macros.html"))
    return check.check(out)


def _refuse_to_write_over(out: pathlib.Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not (out / "objects.inv").is_file():
        raise SiteError(f"{out} holds something that is no site of this kind; name an empty folder.")


def main() -> int:
    """Build, and say what was built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "site", help="where the site goes (default: site/)")
    parser.add_argument(
        "--work", type=pathlib.Path, default=ROOT / ".build" / "site", help="folder for what is kept between runs"
    )
    parser.add_argument("--fresh", action="store_true", help="build all pages anew")
    options = parser.parse_args()
    # Pages are trees of hundreds of thousands of nodes, none of them garbage: a sixth of the time was spent on looking for some.
    gc.set_threshold(1_000_000)
    started = time.monotonic()
    try:
        problems = build(options.out.resolve(), options.work.resolve(), options.fresh)
    except SiteError as problem:
        print(f"make_site: {problem}", file=sys.stderr)
        return 2
    for problem in problems:
        print(problem, file=sys.stderr)
    pages = len(list(options.out.rglob("*.html")))
    print(
        f"{pages} pages in {time.monotonic() - started:.0f} s: {options.out / 'index.html'}"
        + (f"; {len(problems)} problems" if problems else "")
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
