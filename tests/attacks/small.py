"""Small attacks on what reads students' data: bytes and values, given to the functions that read them, without a kernel or a submission."""

from __future__ import annotations

import base64
import io
import json
import stat
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from attacks.arena import Runs

from photcheck import wire
from photcheck.report import Report
from photgrader.grading import finding, intake, sanitise, sources

WIRE, ARCHIVES, MARKUP, TEXTS = "messages", "archives", "markup", "names and texts"
#: `2**61 - 1`: whole numbers that are multiples of it have one and the same hash.
PRIME = (1 << 61) - 1


@dataclass(frozen=True)
class Reading:
    """An attack on a reader.

    Parameters
    ----------
    name, kind : str
        Which, and its class.
    size : int
        Bytes that it says.
    act : callable
        Has the reader read it; returns what of it came through that must not.
    """

    name: str
    kind: str
    size: int
    act: Callable[[], list[str]]


def _message(name: str, form: Any) -> Reading:
    body = form if isinstance(form, bytes) else json.dumps(form).encode()

    def act() -> list[str]:
        try:
            value = wire.decode(wire.loads(body))
            Report.read(
                {"ok": True, "value": value if isinstance(value, (dict, list, str)) else None, "changed": value}
            )
        except (wire.WireError, ValueError):
            return []
        # What is taken can be told in words and compared.
        return [] if isinstance(repr(value)[:100], str) else ["no words"]

    return Reading(name, WIRE, len(body), act)


def _nested(kind: str, depth: int) -> Any:
    form: Any = 1.0
    for _ in range(depth):
        form = {"$": kind, "v": [form]}
    return form


def _array(dtype: str, shape: Any, raw: bytes = b"", packed: bool = False) -> dict[str, Any]:
    return {"$": "array", "dtype": dtype, "shape": shape, "z": packed, "b64": base64.b64encode(raw).decode()}


def _table(columns: list[Any], rows: Any = 2) -> dict[str, Any]:
    return {"$": "table", "kind": "Table", "rows": rows, "columns": columns}


TWO = _array("<f8", [2], bytes(16))
MESSAGES = [
    _message("brackets without end", b"[" * 100_000),
    _message("objects without end", b'{"a":' * 50_000),
    _message("lists in lists", _nested("list", 400)),
    _message("sets in sets", _nested("set", 30)),
    _message("a number of 400,000 digits", b"1" * 400_000),
    _message("a whole number in a million figures", {"$": "int", "v": "0x" + "f" * 1_000_000}),
    _message("whole numbers of one hash", {"$": "set", "v": [{"$": "int", "v": hex(k * PRIME)} for k in range(1, 30_000)]}),
    _message("fractions of one hash", {"$": "set", "v": [{"$": "complex", "re": 1000003.0 * k, "im": -1.0 * k} for k in range(20_000)]}),
    _message("numbers that are none", b'{"$": "list", "v": [NaN, Infinity, -Infinity, 1e400]}'),
    _message("an array of objects", _array("|O", [1], bytes(8))),
    _message("an array of records", _array("f8,f8", [1], bytes(16))),
    _message("an array of times", _array("<M8[s]", [1], bytes(8))),
    _message("a kind of array that is a program", _array("eval(1)", [1], bytes(8))),
    _message("a shape below nothing", _array("<f8", [-2, -1], bytes(16))),
    _message("a shape beyond counting", _array("<f8", [2**62, 4], bytes(16))),
    _message("a shape of nothing and everything", _array("<f8", [0, 2**62], b"")),
    _message("a shape of 400 sides", _array("<f8", [1] * 400, bytes(8))),
    _message("a shape in words", _array("<f8", ["9" * 5000], bytes(8))),
    _message("a packed array in a packed array", _array("|u1", [10**8], zlib.compress(zlib.compress(bytes(10**7))), True)),
    _message("a packed array cut off", _array("|u1", [10**8], zlib.compress(bytes(10**7))[:200], True)),
    _message("an array whose bytes are a list", {**TWO, "b64": ["A"] * 1000}),
    _message("texts of another shape", {"$": "texts", "shape": [10**9, 10**9], "v": ["a"]}),
    _message("half of a letter", b'{"$": "texts", "shape": [1], "v": ["\\ud800"]}'),
    _message("names of Python's own", {"$": "dict", "v": [["__class__", 1], ["__reduce__", 2]]}),
    _message("pairs that are none", {"$": "dict", "v": [["a"], ["b", 1, 2], 3]}),
    _message("a unit to a power beyond all", {"$": "quantity", "unit": "m**999999999", "v": 1.0}),
    _message("a unit within units", {"$": "quantity", "unit": "mag(" * 24 + "Jy" + ")" * 24, "v": 1.0}),
    _message("a unit that is a number", {"$": "quantity", "unit": "1e308 1e308 m", "v": TWO}),
    _message("a table in a table", _table([["a", _table([["b", TWO]])]])),
    _message("a table of 500 nothings", _table([[f"c{k}", {"$": "opaque", "type": "x", "text": ""}] for k in range(500)], 10**6)),
    _message("a table of one name", _table([["a", TWO]] * 400)),
    _message("a table with rows in words", _table([["a", TWO]], "0x2")),
    _message("a sky that is not known", {"$": "skycoord", "frame": "altaz", "lon": TWO, "lat": TWO}),
    _message("a sky of all numbers", {"$": "skycoord", "frame": "galactic", "lon": {"$": "float", "v": "inf"}, "lat": {"$": "float", "v": "nan"}}),
    _message("a latitude beyond the pole", {"$": "skycoord", "frame": "icrs", "lon": 1e300, "lat": 1e300}),
    _message("a header of 20,000 continued cards", {"$": "header", "text": "A = 'x&'\n" + "CONTINUE  'y&'\n" * 20_000}),
    _message("a coordinate system of a billion axes", {"$": "wcs", "header": "WCSAXES =           1000000000" + " " * 50}),
    _message("a mask of another shape", {"$": "masked", "v": TWO, "mask": _array("|b1", [3], bytes(3))}),
    _message("a sample of nothing", {"$": "sample", "shape": [10**12], "stride": 0, "v": TWO}),
    _message("a figure that is a number", {"$": "figure", "axes": 7}),
    _message("a file of the grader's", {"$": "data", "dataset": "../../etc/passwd", "plane": "image", "region": [], "origin": "x", "minus": 0}),
    _message("a kind that is a list", {"$": ["array"], "v": 1}),
    _message("bytes of no text", bytes(range(256)) * 100),
]  # fmt: skip


# ------------------------------------------------------------------------------------------------ archives and notebooks
def _archive(
    name: str, make: Callable[[zipfile.ZipFile], None], damage: Callable[[bytes], bytes] = lambda b: b
) -> Reading:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        make(archive)
    raw = damage(packed.getvalue())

    def act() -> list[str]:
        try:
            body = finding._from_zip(raw, "ps1", 2_000_000)
        except finding.Unreadable as problem:
            return [] if str(problem) or problem.sentence else ["no sentence"]
        return ["more than may be"] if len(body) > 2_000_000 else []

    return Reading(name, ARCHIVES, len(raw), act)


def _link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("ps1.ipynb")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def _twice(archive: zipfile.ZipFile) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(300):
            archive.writestr(f"{'ps1' if k < 2 else k}.ipynb", json.dumps({"cells": [k]}))


def _notebook(name: str, content: bytes) -> Reading:
    def act() -> list[str]:
        try:
            found, _ = intake.parse(content)
        except finding.Unreadable as problem:
            return [] if problem.sentence else ["no sentence"]
        return [] if isinstance(found.cells, list) else ["no cells"]

    return Reading(name, ARCHIVES, len(content), act)


FILES = [
    _archive("a way out of the folder", lambda z: z.writestr("../../ps1.ipynb", "{}")),
    _archive("a name from the top", lambda z: z.writestr("/etc/ps1.ipynb", "{}")),
    _archive("a link for a notebook", _link),
    _archive("two notebooks of one name, and 300 more", _twice),
    _archive("locked", lambda z: z.writestr("ps1.ipynb", "{}"), lambda b: b.replace(b"\x08\x00", b"\x08\x00", 1)[:6] + b"\x01" + b[7:]),
    _archive("a length that is a lie", lambda z: z.writestr("ps1.ipynb", bytes(9_000_000))),
    _archive("no way of packing", lambda z: z.writestr("ps1.ipynb", "{}" * 50), lambda b: b[:8] + b"\x63\x00" + b[10:]),
    _archive("half of it", lambda z: z.writestr("ps1.ipynb", "{}" * 5000), lambda b: b[: len(b) // 2]),
    _archive("a comment that begins again", lambda z: setattr(z, "comment", b"PK\x05\x06" * 5000)),
    _archive("nothing in it", lambda z: None),
    _notebook("cells in cells in cells", b'{"nbformat": 4, "cells": ' + b"[" * 9000 + b"]" * 9000 + b"}"),
    _notebook("cells by name", b'{"nbformat": 4, "cells": {"0": {"cell_type": "code"}}}'),
    _notebook("a version beyond numbers", b'{"nbformat": 1e999, "nbformat_minor": -1e999, "cells": []}'),
    _notebook("one key 100,000 times", b'{"nbformat": 4, "cells": [], ' + b", ".join([b'"a": 1'] * 100_000) + b"}"),
    _notebook("a source of 200,000 lines in lists", json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": ["x\n"] * 200_000}]}).encode()),
    _notebook("a conflict 20,000 times", (b"<<<<<<< a\n=======\n>>>>>>> b\n" * 20_000) + b'{"nbformat": 4, "cells": []}'),
    _notebook("a conflict without an end", b"<<<<<<< a\n" * 60_000),
    _notebook("letters of four kinds", b"\xff\xfe\x00\x00" + '{"cells": []}'.encode("utf-32-le")),
    _notebook("a source that is a number", b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 1e308, "outputs": 7, "metadata": []}]}'),
]  # fmt: skip


# ------------------------------------------------------------------------------------------------ markup
def _markup(name: str, text: str) -> Reading:
    def act() -> list[str]:
        page = sanitise.clean_html(text)
        kept = [
            w
            for w in (
                " class=",
                " id=",
                "position:",
                "url(",
                "@import",
                "http-equiv",
                "<form",
                "<base",
                "<iframe",
                "<object",
            )
            if w in page.lower()
        ]
        return Runs.of(page) + kept + (["longer"] if len(page) > 20 * len(text) + 10_000 else [])

    return Reading(name, MARKUP, len(text), act)


PAGES = [
    _markup("a picture that fails", "<img src=x onerror=evil()>"),
    _markup("a drawing that loads", "<svg><animate onbegin=evil() attributeName=x dur=1s>"),
    _markup("a formula with a script in it", "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=evil()&gt;'>"),
    _markup("a script by half", "<scr<script>ipt>evil()</scr</script>ipt>"),
    _markup("a link with a tab in it", "<a href='java&#x09;script:evil()'>x</a><a href=' &#1;javascript:evil()'>y</a>"),
    _markup("a link to data", "<a href='data:text/html,<script>evil()</script>'>x</a>"),
    _markup("a page in a page", "<iframe srcdoc='<script>evil()</script>'></iframe><object data='x'></object><embed src=x>"),
    _markup("another base", "<base href='https://n4l.example/'><form action='/x'><input name=_xsrf></form>"),
    _markup("a page that goes elsewhere", "<meta http-equiv=refresh content='0;url=javascript:evil()'>"),
    _markup("a style that fetches", "<style>@import 'https://n4l.example';</style><p style='background:url(https://n4l.example)'>x</p>"),
    _markup("over the verdict", "<div style='position:fixed;top:0' class='jp-Dialog' id=verdict>right</div>"),
    _markup("out of a title", "<noscript><p title='</noscript><img src=x onerror=evil()>'>"),
    _markup("out of a style in a drawing", "<svg></p><style><a id='</style><img src=1 onerror=evil()>'>"),
    _markup("a comment that is left open", "<!--><script>evil()</script><!-- x" + "-" * 50_000),
    _markup("bytes of nothing in a tag", "<im\0g src=x on\0error=evil()><\0script>evil()</script>"),
    _markup("a template", "<template><script>evil()</script></template><details open ontoggle=evil()>"),
    _markup("100,000 signs of less", "<" * 100_000),
    _markup("50,000 things left open", "<b>" * 50_000),
    _markup("a thing of 20,000 words", "<p " + " ".join(f"a{k}=1" for k in range(20_000)) + ">"),
    _markup("characters by number", "&#x3C;script&#x3E;evil()&#x3C;/script&#x3E;" * 2000),
]  # fmt: skip


# ------------------------------------------------------------------------------------------------ names and texts
def _formula(name: str, text: str) -> Reading:
    return Reading(name, TEXTS, len(text), lambda: [] if sanitise.csv_cell(text)[:1] == "'" else ["a formula"])


def _source(name: str, text: str) -> Reading:
    def act() -> list[str]:
        found = [sources.asked_check(text)], sources.parsed(text), sources.defined(text), sources.plain(text)
        return [] if found[2] <= {"f"} else ["a function that is none"]

    return Reading(name, TEXTS, len(text), act)


def _time(name: str, content: bytes) -> Reading:
    def act() -> list[str]:
        found = finding._read_time(content)
        return [] if found is None or found.year >= 1 else ["no time"]

    return Reading(name, TEXTS, len(content), act)


def _colours(name: str, text: str) -> Reading:
    return Reading(name, TEXTS, len(text), lambda: ["longer"] if len(sanitise.calm(text)) > len(text) + 1000 else [])


WORDS = [
    _formula("a formula", "=1+1"),
    _formula("a formula behind a tab", "\t=cmd|' /C calc'!A0"),
    _formula("a formula behind a line's end", "\r=1+1"),
    _formula("a formula by a plus", "+1+cmd|'x'!A0"),
    _formula("a formula by an at", "@SUM(1)"),
    _formula("a formula by a minus", "-2+3+cmd|'x'!A0"),
    _source("a million blanks in a check", "check(" + " " * 1_000_000 + "x"),
    _source("100,000 signs of minus", "-" * 100_000 + "1"),
    _source("100,000 brackets", "(" * 100_000),
    _source("functions in functions", "".join(" " * k + "def f():\n" for k in range(150)) + " " * 150 + "pass"),
    _source("a number of 100,000 digits", "x = " + "9" * 100_000),
    _source("a line that goes on", "x = 1 + \\\n" * 50_000),
    _source("letters that are not seen", "\u202e\u2066def f(): pass\0\ufeff"),
    _time("a year of 5,000 figures", b"9" * 5000 + b"-01-01 00:00:00 UTC"),
    _time("a zone beyond the day", b"2026-01-01 00:00:00.000000 UTC+99:99"),
    _time("the first day of all", b"0001-01-01 00:00:00 UTC+14:00"),
    _time("a time of blanks", b" " * 999 + b"UTC"),
    _colours("100,000 colours begun", "\x1b[" * 100_000),
    _colours("a colour of 100,000 numbers", "\x1b[" + "1;" * 100_000 + "m"),
]  # fmt: skip

READERS: list[Reading] = [*MESSAGES, *FILES, *PAGES, *WORDS]
