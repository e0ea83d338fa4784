"""Checks of the built site: links, alternative texts, identifiers, headings, nothing loaded from elsewhere."""

from __future__ import annotations

import itertools
import pathlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

#: Elements that load something by themselves, and the attribute that says from where.
LOADS = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
    ("object", "data"),
    ("embed", "src"),
    ("input", "src"),
    ("img", "srcset"),
    ("source", "srcset"),
}
#: Of links in the head, these load nothing.
HARMLESS = {
    "canonical",
    "next",
    "prev",
    "index",
    "search",
    "help",
    "author",
    "copyright",
    "license",
    "top",
    "alternate",
}
ADDRESS = re.compile(r"https?://[^\s/]+\.[^\s/]+(/\S*)?$")


@dataclass
class Page:
    """What a page holds, as far as the checks ask."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    images: list[tuple[str, str | None]] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    empty_links: int = 0
    language: str = ""
    title: str = ""


class _Reader(HTMLParser):
    """Fills a `Page`."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_title = False
        self._link: dict[str, str | None] | None = None
        self._words = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        page = self.page
        if given.get("id"):
            page.ids.append(str(given["id"]))
        if tag == "html":
            page.language = given.get("lang") or ""
        elif tag == "title":
            # Drawings have titles too; the page's comes first.
            self._in_title = not page.title
        elif tag == "a" and given.get("href") is not None:
            page.links.append(str(given["href"]))
            self._link, self._words = given, ""
        elif tag == "img":
            page.images.append((given.get("src") or "", given.get("alt")))
            self._words += given.get("alt") or ""
        elif re.fullmatch("h[1-6]", tag):
            page.headings.append(int(tag[1]))
        harmless = tag == "link" and set((given.get("rel") or "").split()) & HARMLESS
        page.loads += [str(given[name]) for name in given if (tag, name) in LOADS and given[name] and not harmless]

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.page.title += data
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag == "a" and self._link is not None:
            if not self._words.strip() and not self._link.get("aria-label") and not self._link.get("title"):
                self.page.empty_links += 1
            self._link = None


def read(path: pathlib.Path) -> Page:
    """Return what a page holds."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def check(site: pathlib.Path) -> list[str]:
    """Return what is wrong with a site, a sentence each; an empty list where all is well.

    Links within the site must lead to a file, and to a place in it where they name one. Links to other sites are
    checked for their form only: the checker, as the site, needs no network.
    """
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    problems = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve()).as_posix()
        problems += [f"{name}: {what}" for what in _of_page(page)]
        problems += [f"{name}: {what}" for what in _of_links(page, path, pages, site.resolve())]
    for sheet in sorted(site.rglob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
        problems += [
            f"{sheet.relative_to(site)}: loads {found}"
            for found in re.findall(r"(?:url\(|@import)\s*[\"']?(https?:)?//[^)\"']+", text)
        ]
    return problems


def _of_page(page: Page) -> list[str]:
    problems = [
        f"the picture {src[:60]} has no alternative text" for src, alt in page.images if not (alt or "").strip()
    ]
    problems += [f"loads {address} from elsewhere" for address in page.loads if re.match(r"(https?:)?//", address)]
    problems += [f"the id {i!r} occurs more than once" for i in sorted({i for i in page.ids if page.ids.count(i) > 1})]
    if page.language != "en":
        problems.append("does not say its language")
    if not page.title.strip():
        problems.append("has no title")
    if page.headings.count(1) != 1:
        problems.append(f"has {page.headings.count(1)} main headings")
    problems += [
        f"a heading of level {b} follows one of level {a}" for a, b in itertools.pairwise(page.headings) if b > a + 1
    ]
    if page.empty_links:
        problems.append(f"has {page.empty_links} links without words")
    return problems


def _of_links(page: Page, path: pathlib.Path, pages: dict[pathlib.Path, Page], site: pathlib.Path) -> list[str]:
    problems = []
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme in ("http", "https"):
            if not ADDRESS.match(link):
                problems.append(f"{link} is no address")
            continue
        if parts.scheme in ("mailto", "javascript") or parts.netloc:
            problems.append(f"the link {link} is not expected here")
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file() or site not in target.parents:
            problems.append(f"the link {link} leads nowhere")
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
            problems.append(f"the link {link} names a place that is not there")
    return problems
