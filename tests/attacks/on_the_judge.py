"""Attacks on the side that judges: on its memory, its time, its folders, its pages, and on what it can be asked."""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
import zipfile

import nbformat
from attacks.corpus import LOOT, Attack, cell, function, notebook_path
from attacks.doors import doors_code

JUDGE, ORACLE = "the judge", "the oracle"
STUB = {"centroid": "pass"}
#: Ends of a submission that is judged to its end, whatever was found.
ANY = ("graded", "repaired")


def _reply(form: str) -> dict[str, str]:
    """Return a cell after which every answer of the kernel is one form."""
    return cell(
        f"import photcheck.probe as p\nimport numpy\nv = {form}\np.call = p.call_twice = lambda *a, **k: {{'ok': True, 'value': v}}"
    )


def _raw(body: str) -> dict[str, str]:
    """Return a cell after which the probe's channel carries any bytes at all."""
    return cell(f"""import photcheck.probe as p, json, struct, socket
def serve_at(ns, path):
    ch = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); ch.connect(path)
    def read(n):
        b = b""
        while len(b) < n:
            c = ch.recv(n - len(b))
            if not c: raise EOFError
            b += c
        return b
    def send(b): ch.sendall(struct.pack(">Q", len(b)) + b)
    send(json.dumps({{"op": "ready", "id": None}}).encode())
    while True:
        r = json.loads(read(struct.unpack(">Q", read(8))[0]))
        send(b'{{"op":"report","id":"' + r["id"].encode() + b'","report":{{"ok":true,"value":1.0,"changed":[' + {body} + b"1]}}}}")
p.serve_at = serve_at""")


def _archive(method: int, damage: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("ps1_psf_photometry.ipynb", b'{"cells": []}' * 2000)
    raw = bytearray(packed.getvalue())
    if damage == 0:
        raw[58:90] = bytes(b ^ 0xFF for b in raw[58:90])
    else:
        at = raw.rindex(b"PK\x01\x02")
        raw[at + damage : at + damage + 4] = b"\xff\xff\xff\x7f"
    return bytes(raw)


def _as_zip(method: int, damage: int):
    def prepare(folder: pathlib.Path, root: pathlib.Path) -> None:
        notebook_path(folder).unlink()
        (folder / "work.zip").write_bytes(_archive(method, damage))

    return prepare


def _nine_thousand(folder: pathlib.Path, root: pathlib.Path) -> None:
    notebook_path(folder).unlink()
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(9000):
            archive.writestr(f"{n}/ps1_psf_photometry.ipynb", bytes(3000))


def _deep(folder: pathlib.Path, root: pathlib.Path) -> None:
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(1100):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)


def _extra(source: str, kind: str = "code"):
    def edit(notebook: nbformat.NotebookNode) -> None:
        notebook.cells.append((nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell)(source))

    return edit


def _verdict(words: str) -> str:
    return f'<div {words}><b style="color:#0072B2">right</b> Centroid <code>centroid</code> 4 of 4 points</div>'


HTML = "from IPython.display import HTML, display\ndisplay(HTML({}))"
LONG = "-" * 3000 + "1"
#: What browsers have run that was no plain script.
MARKUP = (
    "<svg><script>evil()</script><animate onbegin=evil() attributeName=x></svg><math><mtext><table><mglyph><style><img src=x onerror=evil()>"
    '</style></mglyph></table></mtext></math><a href="java&#10;script:evil()">x</a><noscript><p title="</noscript><img src=x onerror=evil()>">'
    "<form action=javascript:evil()><input type=submit autofocus onfocus=evil()></form>[x](javascript:evil()) $\\href{javascript:evil()}{x}$"
)

ATTACKS = [
    Attack(
        "texts as long as the longest",
        JUDGE,
        "the grader's memory",
        _reply("{'$': 'texts', 'shape': [150000], 'v': ['x' * 5000] + [''] * 149999}"),
        ends=ANY,
    ),
    Attack(
        "columns of nothing",
        JUDGE,
        "the grader's memory",
        _reply(
            "{'$': 'table', 'kind': 'Table', 'rows': 1000000, 'columns': [[f'c{i}', {'$': 'opaque', 'type': 'x' * 20}] for i in range(400)]}"
        ),
        ends=ANY,
    ),
    Attack(
        "files by their names",
        JUDGE,
        "the grader's memory and disk",
        _reply(
            "{'$': 'list', 'v': [{'$': 'data', 'dataset': 'visit', 'plane': 'image', 'region': [], 'origin': 'embedded', 'minus': 0}] * 5000}"
        ),
        ends=ANY,
    ),
    Attack(
        "well packed arrays",
        JUDGE,
        "the grader's memory",
        _reply(
            "{'$': 'list', 'v': [{'$': 'array', 'dtype': '<f8', 'shape': [4000000], 'z': True, 'b64': __import__('base64').b64encode(__import__('zlib').compress(bytes(32000000), 9)).decode()}] * 50}"
        ),
        ends=(*ANY, "timeout"),
    ),
    Attack(
        "three million lists", JUDGE, "the grader's memory and time", _raw('b"[]," * 3000000'), ends=(*ANY, "timeout")
    ),
    Attack(
        "a header of a million cards",
        JUDGE,
        "the grader's time",
        _reply("{'$': 'header', 'text': 'A = 1\\n' * 150000}"),
        ends=ANY,
    ),
    Attack(
        "code that the parser cannot bear",
        JUDGE,
        "a stop of the run",
        {"centroid": f"x = {LONG}\ndef centroid(a, b, c):\n    return 0.0, 0.0"},
        ends=(*ANY, "timeout"),
    ),
    Attack(
        "code nested without end",
        JUDGE,
        "a stop of the run",
        STUB,
        edit=_extra("1" + "+1" * 60_000),
        ends=(*ANY, "kernel died", "timeout"),
    ),
    Attack(
        "a check and sixty thousand blanks",
        JUDGE,
        "the grader's time",
        STUB,
        edit=_extra("check(a)" + " " * 60_000 + "x"),
        ends=ANY,
    ),
    Attack(
        "elements left open",
        JUDGE,
        "the gradebook's size",
        cell(HTML.format("'<p>' + ''.join(f'<b class=x{i}>' for i in range(380)) + '<p>x' * 13000")),
        ends=ANY,
    ),
    Attack(
        "a flood of colours",
        JUDGE,
        "the time of the feedback",
        cell("print('\\x1b[31mx' * 20000)\nprint('\\x1b[' * 30000)"),
        ends=ANY,
    ),
    Attack(
        "environments without an end",
        JUDGE,
        "the time of the feedback",
        {**STUB, "written-why": "\\begin{a}" * 20_000},
        ends=ANY,
    ),
    Attack(
        "a zip that is no deflate stream",
        JUDGE,
        "a stop of the run",
        STUB,
        prepare=_as_zip(zipfile.ZIP_DEFLATED, 0),
        ends=("missing notebook",),
    ),
    Attack(
        "a zip that is no lzma stream",
        JUDGE,
        "a stop of the run",
        STUB,
        prepare=_as_zip(zipfile.ZIP_LZMA, 0),
        ends=("missing notebook",),
    ),
    Attack(
        "a zip that begins behind its end",
        JUDGE,
        "a stop of the run",
        STUB,
        prepare=_as_zip(zipfile.ZIP_DEFLATED, 42),
        ends=("missing notebook",),
    ),
    Attack("1100 folders handed in", JUDGE, "a stop of the run", cell(""), prepare=_deep, ends=ANY),
    Attack(
        "1100 folders made",
        JUDGE,
        "a stop of this run and all later ones",
        cell("import os\nhome = os.getcwd()\nfor _ in range(900):\n    os.mkdir('d'); os.chdir('d')\nos.chdir(home)"),
        ends=(*ANY, "too many files"),
    ),
    Attack("ends that are asked for", JUDGE, "the rest of the notebook", cell("quit()\nexit()"), ends=ANY),
    Attack(
        "a verdict in the page's own classes",
        JUDGE,
        "a false verdict over the true one",
        {
            **cell(
                HTML.format(
                    repr(
                        _verdict(
                            'class="jp-HoverBox photcourse-check" style="margin:-900px 0 0 0;background-color:#fff"'
                        )
                    )
                )
            ),
            "written-why": _verdict('class="jp-Dialog" id="top" style="background-color:white"'),
        },
        ends=ANY,
    ),
    # ------------------------------------------------------------------------------------------------ questions
    Attack(
        "an error a case",
        ORACLE,
        "the hidden inputs, in the names of errors",
        function(
            "import builtins\nes = [e for e in vars(builtins).values() if isinstance(e, type) and issubclass(e, Exception)]\nraise es[int(x_start) % len(es)](repr(float(x_start)))"
        ),
        ends=ANY,
    ),
    Attack(
        "a kind of answer a case",
        ORACLE,
        "the hidden inputs, in what an answer is not",
        function("return [None, 1.0, (float('nan'), 1.0), 'x', [1, 2, 3], {}][int(x_start) % 6]"),
        ends=ANY,
    ),
    Attack(
        "a warning a case",
        ORACLE,
        "the hidden inputs, in warnings",
        function("import warnings\nwarnings.warn(repr(float(x_start)))\nreturn 0.0, 0.0"),
        ends=ANY,
    ),
    Attack(
        "a variable's name a case",
        ORACLE,
        "the hidden inputs, in the names of variables",
        {
            "centroid": "def centroid(image_cutout, x_start, y_start):\n    globals()[f'v{float(x_start):.4f}'.replace('.', '_')] = 1\n    return 0.0, 0.0"
        },
        ends=ANY,
    ),
    Attack(
        "questions without a question",
        ORACLE,
        "answers of the references",
        cell("""import photcheck.probe as p
usual = p._call
def asks(ns, request, ask):
    for name in ("centroid", "second_moment"):
        print(ask({"op": "upstream", "name": name, "args": request["args"], "kwargs": {}}))
    return usual(ns, request, ask)
p._call = asks"""),
        ends=ANY,
    ),
    # ------------------------------------------------------------------------------------------------ what readers get, handed in
    Attack(
        "all doors tried", "doors", "the machine", cell(f"{doors_code()}\nif opened: print({LOOT!r}, opened)"), ends=ANY
    ),
    Attack(
        "a reply of one hash",
        "messages",
        "the grader's time",
        _reply("{'$': 'set', 'v': [{'$': 'int', 'v': hex(k * ((1 << 61) - 1))} for k in range(1, 30_000)]}"),
        ends=ANY,
    ),
    Attack(
        "a zip of nine thousand notebooks",
        "archives",
        "the grader's memory and time",
        STUB,
        prepare=_nine_thousand,
        ends=("missing notebook",),
    ),
    Attack(
        "markup in every place",
        "markup",
        "a script in the page",
        {
            **cell(
                HTML.format(repr(MARKUP)) + f"\nfrom IPython.display import Markdown\ndisplay(Markdown({MARKUP!r}))"
            ),
            "written-why": MARKUP,
        },
        ends=ANY,
    ),
    Attack(
        "a time of a million figures and a name of all signs",
        "names and texts",
        "a stop of the run",
        cell("raise type('\\u202e<script>evil()</script>' * 400, (Exception,), {})('=cmd|\\x1b[31m' * 4000)"),
        files={"timestamp.txt": "9" * 1_000_000 + " UTC", "-rf \u202e*": "x"},
        ends=ANY,
    ),
]

#: They aim at parts that stock nbgrader does not have, or at what it does to itself (the feedback of the last ones is not made there).
ATTACKS = [dataclasses.replace(a, stock="aimed at parts that stock nbgrader does not have") for a in ATTACKS]
