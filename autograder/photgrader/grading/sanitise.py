"""Make what a student wrote harmless to show: in feedback, formgrader and report, and in a spreadsheet.

The work of parsing and cleaning HTML is that of `nh3` (ammonia, html5ever); here is only what is let through.
A verdict is written by the grader after a student's outputs are cleaned, and escapes what it quotes.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import nbformat
import nh3
from nbformat import NotebookNode

#: What a page may fetch: nothing, but for the pictures in it and its own styles.
PAGE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'"
)
MATHML_TAGS = frozenset(
    """math mrow mi mo mn mfrac msqrt mroot msub msup msubsup mtext mstyle mtable mtr mtd mlabeledtr mspace mover munder
munderover mpadded mphantom menclose mmultiscripts mprescripts mfenced semantics""".split()
)
_MATHML_ATTRIBUTES = {
    "display",
    "displaystyle",
    "scriptlevel",
    "mathvariant",
    "stretchy",
    "fence",
    "separator",
    "accent",
    "accentunder",
    "form",
    "lspace",
    "rspace",
    "minsize",
    "maxsize",
    "linethickness",
    "columnalign",
    "rowspacing",
    "columnspacing",
    "columnlines",
    "rowlines",
    "width",
    "height",
    "depth",
    "voffset",
    "notation",
    "open",
    "close",
    "movablelimits",
    "largeop",
    "xmlns",
}
_TAGS = {*(nh3.ALLOWED_TAGS - {"map", "area"}), "figure", "figcaption", "details", "summary", "section"}
_ATTRIBUTES: dict[str, set[str]] = {
    # No class and no id: the page's own styles and links belong to the page's own parts.
    "*": {"style", "title", "aria-hidden", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "details": {"open"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    **{tag: _MATHML_ATTRIBUTES for tag in MATHML_TAGS},
}
#: Nothing that could lay one thing over another or fetch anything.
_STYLES = {
    "text-align",
    "color",
    "background-color",
    "font-weight",
    "font-style",
    "font-family",
    "font-size",
    "white-space",
    "overflow-wrap",
    "padding",
    "border",
    "border-left",
    "border-collapse",
    "max-width",
    "width",
}
_PICTURE = re.compile(r"data:(image/(?:png|jpeg|gif));base64,([A-Za-z0-9+/=\s]*)\Z")
#: html5ever takes time that grows with the square of the depth.
MAX_DEPTH = 400
#: Elements that a parser opens again in every paragraph, cell and block until they are closed.
_REOPENED = frozenset("a b big code em font i nobr s small strike strong tt u".split())
#: Cleaned HTML has at most so many characters, and so many times those that came.
FREE_HTML, TIMES_HTML = 100_000, 8
#: Colours of a terminal: as many as are shown, and their form; nbconvert's own search takes the square of their number.
MAX_COLOURS = 500
_NO_COLOUR, _COLOUR = re.compile(r"\x1b(?!\[[0-9;]{0,20}m)"), re.compile(r"\x1b\[[0-9;]{0,20}m")
_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_BEGINNINGS = {**_PICTURES, "image/gif": b"GIF8"}
#: The larger side of a picture in pixels: a small file can hold a picture that no browser bears.
MAX_SIDE = 10_000
_TEXTS = ("text/plain", "text/latex", "text/markdown")


def _attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "img" and name == "src":
        # A picture fetched from elsewhere tells somebody who reads the page, and when.
        found = _PICTURE.match(value)
        return value if found and _picture(found[1], found[2]) is not None else None
    if name == "href" and value.strip().lower().startswith("data:"):
        return None
    return value


#: What the grader's own lines begin with, and what can stand between its letters unseen.
_UNSEEN = (
    r"(?:\x1b\[[0-9;]{0,20}m|<[^<>]{0,200}>|"
    r"[\s\u00ad\u0300-\u036f\u115f\u200b-\u200f\u202a-\u202c\u2060-\u2069\u3164\ufe00-\ufe0f\ufeff]){0,8}"
)
_OURS = re.compile(r"\[(?=" + _UNSEEN + _UNSEEN.join("grader]") + ")", re.I)
#: What looks like these letters and brackets, beside what Unicode itself calls another form of them.
_LIKE = str.maketrans(
    "\u0410\u0391\u0415\u0395\u0430\u0251\u03b1\u1d00\u0435\u0454\u1d07\u0501\u1d05\u0261\u0262\u0433\u0280\u1d26\u3010\u3014\u3016\u27e6\u2045\u2772\u3011\u3015\u3017\u27e7\u2046\u2773",
    "AAEEaaaaeeeddggrrr[[[[[[]]]]]]",
)
#: What has letters shown in the other order than they are written in.
_TURNED = str.maketrans("", "", "\u202d\u202e")


def _not_ours(text: str) -> str:
    seen = text
    if not text.isascii():
        seen = text = text.translate(_TURNED)
        forms = {c: unicodedata.normalize("NFKC", c) for c in set(text)}
        # Letter for letter, so that what is found is found in the text too.
        seen = text.translate({ord(c): form for c, form in forms.items() if len(form) == 1}).translate(_LIKE)
    starts = [m.start() for m in _OURS.finditer(seen)]
    parts = [text[i:j] for i, j in itertools.pairwise([0, *starts, len(text)])]
    return parts[0] + "".join(f"[not the {part[1:]}" for part in parts[1:])


def clean_html(text: str) -> str:
    """Return HTML with nothing in it that runs, fetches, submits or covers.

    Tables, lists, text, formulas (MathML) and pictures that are in the page itself stay; scripts, styles, frames, forms,
    SVG, event handlers and links other than http(s) and mailto go.

    Examples
    --------
    >>> clean_html('<b onclick="f()">17</b><script>f()</script>')
    '<b>17</b>'
    """
    deepest, reopened = _cost(text)
    if deepest > MAX_DEPTH:
        return "<p>(HTML nested this deep is not shown)</p>"
    if reopened > FREE_HTML + TIMES_HTML * len(text):
        return "<p>(HTML with this many elements left open is not shown)</p>"
    # Lone surrogates are no text; the entity below is one that XML, and so MathML, does not know.
    text = _joined(text)
    cleaned = nh3.clean(
        text,
        tags=_TAGS | MATHML_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "data"},
        clean_content_tags={"script", "style", "template", "title"},
    )
    if len(cleaned) > FREE_HTML + TIMES_HTML * len(text):
        return "<p>(HTML that grows this much is not shown)</p>"
    return _not_ours(cleaned).replace("&nbsp;", "\u00a0")


def _cost(text: str) -> tuple[int, int]:
    """Return bounds on what parsing HTML can cost: the depth, and how many characters of elements left open are written again."""
    depth = deepest = reopened = 0
    waiting: list[int] = []
    length = 0
    for tag in re.finditer(r"<(/?)([a-zA-Z][^\s/>]{0,40})[^<>]*", text):
        name = tag[2].lower()
        if name in _REOPENED:
            if tag[1] and waiting:
                length -= waiting.pop()
            elif not tag[1]:
                waiting.append(len(tag[0]))
                length += len(tag[0])
        reopened += length
        if name in ("br", "img", "hr", "wbr", "col", "input", "p", "li", "td", "tr", "th"):
            continue
        depth = max(0, depth - 1) if tag[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest, reopened


def calm(text: str) -> str:
    """Return what a terminal would show with a bounded number of colours and no other code, and no line that is the grader's."""
    text = _NO_COLOUR.sub("", text)
    return _not_ours(_COLOUR.sub("", text) if text.count("\x1b") > MAX_COLOURS else text)


def _joined(value: Any) -> str:
    text = "".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)
    # Lone surrogates cannot be written to a file.
    return text.encode("utf-8", "replace").decode("utf-8")


def _picture(kind: str, value: Any) -> str | None:
    """Return a picture's base64 where it is one of that kind, and no larger than a page can show."""
    try:
        content = binascii.a2b_base64("".join(_joined(value).split()), strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    sides = _sides(content, kind) if content.startswith(_BEGINNINGS[kind]) else (0, 0)
    return base64.b64encode(content).decode("ascii") if 0 < min(sides) and max(sides) <= MAX_SIDE else None


def _sides(content: bytes, kind: str) -> tuple[int, int]:
    """Return a picture's width and height in pixels, as its file says; zeros where it does not."""
    if kind == "image/png":
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if kind == "image/gif":
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    # A JPEG is segments: a marker, a length, its content. The one that begins a frame says its size.
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(content[at + 7 : at + 9], "big"), int.from_bytes(content[at + 5 : at + 7], "big")
        # Any marker may be preceded by further such bytes.
        at += 1 if marker == 0xFF else 2 + length
    return 0, 0


def _clean_data(data: dict[str, Any]) -> dict[str, str]:
    clean = {kind: calm(_joined(data[kind])) for kind in _TEXTS if kind in data}
    if "text/html" in data:
        clean["text/html"] = clean_html(_joined(data["text/html"]))
    for kind in _PICTURES:
        picture = _picture(kind, data[kind]) if kind in data else None
        if picture is not None:
            clean[kind] = picture
    if not clean:
        kinds = ", ".join(str(kind)[:60] for kind in list(data)[:4]) or "no known kind"
        clean["text/plain"] = f"(an output of {kinds} is not shown)"
    return clean


def output_of(kind: str, **fields: Any) -> NotebookNode:
    """Return an output of these fields; nbformat's own function compares each with its schema, which is most of what one costs."""
    made: NotebookNode = nbformat.from_dict({"output_type": kind, **fields})
    return made


def clean_output(output: NotebookNode) -> NotebookNode:
    """Return an output of a student's cell with what may be shown of it.

    Script, SVG, widgets and unknown kinds go; HTML is cleaned; metadata goes, but for the size of a picture and its
    description.
    """
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return output_of("stream", name=name, text=calm(_joined(output.get("text", ""))))
    if kind == "error":
        lines = output.get("traceback")
        # One text: the number of colours is bounded for all of its lines together.
        text = calm("\n".join(_joined(line) for line in lines)) if isinstance(lines, list) else ""
        return output_of(
            "error",
            ename=_joined(output.get("ename", ""))[:200],
            evalue=calm(_joined(output.get("evalue", ""))),
            traceback=text.split("\n") if text else [],
        )
    data = output.get("data")
    clean = _clean_data(data if isinstance(data, dict) else {})
    metadata = {k: m for k in _PICTURES if k in clean and (m := _picture_metadata(output.get("metadata"), k))}
    made = output_of("execute_result" if kind == "execute_result" else "display_data", data=clean, metadata=metadata)
    if kind == "execute_result":
        count = output.get("execution_count")
        made.execution_count = count if type(count) is int and 0 <= count < 10**6 else None
    return made


def _picture_metadata(metadata: Any, kind: str) -> dict[str, Any]:
    known = metadata.get(kind) if isinstance(metadata, dict) else None
    if not isinstance(known, dict):
        return {}
    sizes: dict[str, Any] = {
        k: known[k] for k in ("width", "height") if type(known.get(k)) is int and 0 < known[k] < 10_000
    }
    if isinstance(known.get("alt"), str):
        sizes["alt"] = re.sub(r"[<>&\"']", " ", known["alt"])[:2000]
    return sizes


def clean_outputs(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Return outputs with what may be shown of them (`clean_output`)."""
    return [clean_output(o) for o in outputs]


def clean_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the pictures that a student has pasted into a Markdown cell; what is no picture goes."""
    found: dict[str, dict[str, str]] = {}
    for name, kinds in list(attachments.items())[:50] if isinstance(attachments, dict) else ():
        pictures = {
            kind: picture
            for kind in _PICTURES
            if isinstance(kinds, dict) and kind in kinds and (picture := _picture(kind, kinds[kind]))
        }
        if pictures and isinstance(name, str) and len(name) < 200:
            found[_joined(name)] = pictures
    return found


#: What begins a formula, and what keeps a spreadsheet from a cell's text: other separators than ours part it where people write 1,5.
_FORMULA = re.compile(
    "(?:^|(?<=[;\t\r\n]))(?=[\x00 \u00a0\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20-])|^(?=[\x00 \u00a0\ufeff]*[\t\r\n])"
)


def csv_cell(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula (OWASP, CSV injection).

    Examples
    --------
    >>> csv_cell('=HYPERLINK("x")'), csv_cell("centroid")
    ('\\'=HYPERLINK("x")', 'centroid')
    >>> csv_cell("Bobby; =1+1")
    "Bobby;' =1+1"
    """
    return _FORMULA.sub("'", text)
