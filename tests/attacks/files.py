"""Attacks by the file itself: notebook tricks, broken and hostile files, what is exported."""

from __future__ import annotations

import copy
import io
import json
import os
import pathlib
import zipfile
from typing import Any

import nbformat
from attacks.corpus import Attack, cell, function, notebook_path

from support import ASSIGNMENT, tiny_notebook

BAD = "<script>evil()</script><img src=x onerror=evil()>"
NOT_READ = ("not a notebook",)


# ------------------------------------------------------------------------------------------------ notebooks
def _cell_of(notebook: nbformat.NotebookNode, grade_id: str) -> nbformat.NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def _copies(notebook: nbformat.NotebookNode) -> None:
    notebook.cells += [copy.deepcopy(_cell_of(notebook, "check-centroid")) for _ in range(30)]


def _removed(notebook: nbformat.NotebookNode) -> None:
    notebook.cells = [c for c in notebook.cells if "nbgrader" not in c.metadata]


def _first(notebook: nbformat.NotebookNode) -> None:
    notebook.cells.sort(key=lambda c: not c.metadata.get("nbgrader", {}).get("grade_id", "").startswith("check"))


def _renamed(notebook: nbformat.NotebookNode) -> None:
    _cell_of(notebook, "check-centroid").metadata["nbgrader"]["grade_id"] = "check-ghost"
    _cell_of(notebook, "centroid").metadata["nbgrader"]["grade_id"] = "check-centroid"


def _skipped(notebook: nbformat.NotebookNode) -> None:
    for c in notebook.cells:
        c.metadata["tags"] = ["skip-execution", "raises-exception", "remove_cell", "remove-input"]
        c.metadata["photgrader"] = {"state": "right", "review": False, "exercise": "centroid"}
        if c.cell_type == "code":
            c.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "4.0"}, execution_count=1)]


def _other_kinds(notebook: nbformat.NotebookNode) -> None:
    for name in ("check-centroid", "check-second_moment"):
        c = _cell_of(notebook, name)
        c.cell_type = "raw"
        c.pop("outputs"), c.pop("execution_count")


def _kernelspec(notebook: nbformat.NotebookNode) -> None:
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "name": "evil",
                "display_name": "evil",
                "language": "bash",
                "argv": ["/bin/sh", "-c", "true"],
            },
            "language_info": {"name": "bash"},
            "widgets": {
                "application/vnd.jupyter.widget-state+json": {
                    "state": {"a": {"model_name": "HTMLModel", "state": {"value": BAD}}}
                }
            },
        }
    )


def _attachments(notebook: nbformat.NotebookNode) -> None:
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("![a](attachment:a.svg)"))
    notebook.cells[0]["attachments"] = {
        "a.svg": {"image/svg+xml": "<svg onload='evil()'><script>evil()</script></svg>"},
        "../../x": {"text/html": BAD},
    }
    notebook.cells.insert(
        1, nbformat.v4.new_raw_cell(BAD, metadata={"format": "text/html", "raw_mimetype": "text/html"})
    )


def _same_ids(notebook: nbformat.NotebookNode) -> None:
    for c in notebook.cells:
        c["id"] = "centroid"


NOTEBOOK = "notebook tricks"
NOTEBOOKS = [
    Attack(
        "edited points",
        NOTEBOOK,
        "more points",
        metadata={"check-centroid": {"points": 400}, "check-second_moment": {"points": 400}},
    ),
    Attack(
        "check cells replaced",
        NOTEBOOK,
        "points from a cell's own output",
        {"check-centroid": "4.0", "check-second_moment": "raise SystemExit"},
        ends=("repaired",),
    ),
    Attack(
        "check cells emptied",
        NOTEBOOK,
        "points for a test that does nothing",
        {"check-centroid": "", "check-second_moment": "%%script true"},
        ends=("repaired",),
    ),
    Attack(
        "an answer as a check",
        NOTEBOOK,
        "an ungraded cell that counts",
        metadata={"centroid": {"grade": True, "solution": True, "points": 50}},
    ),
    Attack(
        "a locked cell that is none",
        NOTEBOOK,
        "a test of one's own",
        {"check-centroid": "pass"},
        metadata={"check-centroid": {"locked": False, "solution": True, "grade": False}},
        ends=("repaired",),
    ),
    Attack("thirty copies", NOTEBOOK, "points thirty times", edit=_copies, ends=("repaired",)),
    Attack("all cells removed", NOTEBOOK, "full marks for nothing at all", edit=_removed, ends=("repaired",)),
    Attack("checks before answers", NOTEBOOK, "points before anything is wrong", cell(""), edit=_first),
    Attack(
        "cells renamed",
        NOTEBOOK,
        "an answer in the place of its check",
        {"centroid": "4.0"},
        edit=_renamed,
        ends=("repaired",),
    ),
    Attack("verdict brought along", NOTEBOOK, "outputs and marks that were there before", edit=_skipped),
    Attack(
        "checks that are no code", NOTEBOOK, "points for a check that is not run", edit=_other_kinds, ends=("repaired",)
    ),
    Attack(
        "another kernel",
        NOTEBOOK,
        "a kernel of one's own",
        edit=_kernelspec,
        files={"kernels/evil/kernel.json": '{"argv": ["/bin/true"]}', ".ipython/x": "x"},
    ),
    Attack(
        "magics",
        NOTEBOOK,
        "a program other than Python",
        {"centroid": "%%bash\necho 4.0; kill -9 $PPID", "second_moment": "%%javascript\nevil()"},
        ends=("graded", "kernel died"),
    ),
    Attack("attachments and raw cells", NOTEBOOK, "a page of one's own in the feedback", edit=_attachments),
    Attack("one id for all", NOTEBOOK, "cells that are taken for others", edit=_same_ids),
    Attack(
        "a name that is a class's",
        NOTEBOOK,
        "the leaderboard without an answer",
        cell(f"LEADERBOARD_NAME = '=1+1 {BAD[:20]}'"),
    ),
]


# ------------------------------------------------------------------------------------------------ broken files
def _instead(make):
    """Return a preparation that puts something in the notebook's place."""

    def prepare(folder: pathlib.Path, root: pathlib.Path) -> None:
        path = notebook_path(folder)
        path.unlink()
        make(path, root)

    return prepare


def _a_folder(path: pathlib.Path, root: pathlib.Path) -> None:
    path.mkdir()
    (path / "x").write_text("x")


def _links(folder: pathlib.Path, root: pathlib.Path) -> None:
    for name, target in (
        ("data", root / "submitted"),
        ("own.txt", root / ".photgrader" / "key"),
        ("loop", folder),
        ("solutions.ipynb", root / "source"),
        ("grades.txt", root / "gradebook.db"),
        ("other.txt", root / "submitted" / "honest-00" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"),
    ):
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe")


def _zip(path: pathlib.Path, root: pathlib.Path) -> None:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../../../" + path.name, bytes(300_000_000))
        packed.writestr("/etc/" + path.name, "{}")


def _other_zip(path: pathlib.Path, root: pathlib.Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("a/../../b.ipynb", json.dumps({"nbformat": 4, "cells": []}))
    path.with_suffix(".zip").write_bytes(buffer.getvalue())


def _large(path: pathlib.Path, root: pathlib.Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(150_000_000)


def _odd_names(folder: pathlib.Path, root: pathlib.Path) -> None:
    for name in (
        b"new\nline.txt",
        b"\xff\xfe.txt",
        b"x" * 250,
        b"-rf",
        b"=cmd.csv",
        b"$(evil).py",
        b"..ipynb",
        b".hidden",
    ):
        with open(os.path.join(os.fsencode(folder), name), "wb") as stream:
            stream.write(b"x")


def _many_files(folder: pathlib.Path, root: pathlib.Path) -> None:
    deep = folder.joinpath(*["d"] * 60)
    deep.mkdir(parents=True)
    for number in range(600):
        (folder / f"f{number}.txt").write_text("x")


def _late_stamp(text: str):
    return lambda folder, root: (folder / "timestamp.txt").write_text(text)


def _stubs() -> dict[str, Any]:
    """Return the notebook as plain JSON, with nothing written in it."""
    notebook = tiny_notebook()
    for one in notebook.cells:
        if one.metadata.get("nbgrader", {}).get("solution") and one.cell_type == "code":
            one.source = "raise NotImplementedError"
    return json.loads(nbformat.writes(notebook))


def _many_cells() -> bytes:
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}]
            * 9000,
        }
    ).encode()


def _long_cell() -> bytes:
    body = _stubs()
    body["cells"][2]["source"] = "#" * 1_800_000
    return json.dumps(body).encode()


def _with_nulls() -> bytes:
    body = _stubs()
    body["cells"][2]["source"] = "x = '\x00\ud800'\n" + "\x00" * 50
    return json.dumps(body).replace("A small", "\\u0000\\ud83d").encode()


def _format(number: object) -> bytes:
    body = _stubs()
    body["cells"][2]["source"] = "raise SystemExit"
    body["nbformat"] = number
    return json.dumps(body).encode()


FILES = "broken files"
STUB = {"centroid": "pass"}
BROKEN = [
    Attack("no notebook", FILES, "a stop of the run", content=b"[" * 100_000, ends=NOT_READ),
    Attack("an empty file", FILES, "a stop of the run", content=b" ", ends=NOT_READ),
    Attack(
        "objects nested without end",
        FILES,
        "a crash of the reader",
        content=b'{"cells":' * 90_000 + b"1" + b"}" * 90_000,
        ends=NOT_READ,
    ),
    Attack(
        "format 99",
        FILES,
        "a stop of the run",
        content=b'{"nbformat": 99, "cells": [{"cell_type": "code", "metadata": 3, "source": 7}]}',
        ends=("repaired",),
    ),
    Attack(
        "format 3",
        FILES,
        "a stop of the run",
        content=json.dumps(
            {
                "nbformat": 3,
                "nbformat_minor": 0,
                "metadata": {"name": BAD},
                "worksheets": [
                    {
                        "cells": [
                            {
                                "cell_type": "code",
                                "language": "python",
                                "input": "4.0",
                                "outputs": [{"output_type": "pyout", "text": ["4.0"]}],
                                "prompt_number": 1,
                            }
                        ]
                    }
                ],
            }
        ).encode(),
        ends=("repaired", *NOT_READ),
    ),
    Attack("a version that is no number", FILES, "a stop of the run", content=_format([4]), ends=("repaired",)),
    Attack("null bytes and surrogates", FILES, "a stop of the run", content=_with_nulls(), ends=("graded", "repaired")),
    Attack("no text", FILES, "a stop of the run", content=b"\xff\xfe\x80" * 2000, ends=NOT_READ),
    Attack(
        "UTF-16",
        FILES,
        "a stop of the run",
        content=json.dumps(_stubs()).encode("utf-16"),
        ends=("graded", "repaired", *NOT_READ),
    ),
    Attack("nine thousand cells", FILES, "the run's time", content=_many_cells(), ends=("repaired", "timeout")),
    Attack("a cell of 1.8 MB", FILES, "the run's time", content=_long_cell(), ends=("graded", "repaired")),
    Attack("a file of 150 MB", FILES, "the grader's memory", STUB, prepare=_instead(_large), ends=("too large",)),
    Attack(
        "a link to another's work",
        FILES,
        "another student's answer",
        STUB,
        prepare=_instead(lambda path, root: path.symlink_to(root / "submitted" / "honest-00" / ASSIGNMENT / path.name)),
        ends=("missing notebook",),
    ),
    Attack(
        "a link to the solution",
        FILES,
        "the instructor's answer",
        STUB,
        prepare=_instead(lambda path, root: path.symlink_to(root / "source" / ASSIGNMENT / path.name)),
        ends=("missing notebook",),
    ),
    Attack(
        "a pipe",
        FILES,
        "a run that waits for ever",
        STUB,
        prepare=_instead(lambda path, root: os.mkfifo(path)),
        ends=("missing notebook",),
    ),
    Attack("a folder", FILES, "a stop of the run", STUB, prepare=_instead(_a_folder), ends=("missing notebook",)),
    Attack(
        "links beside it",
        FILES,
        "what links lead to",
        cell(
            "import os\nfor p in ('own.txt', 'data', 'loop'):\n    try: print('LOOT:', open(p).read() if os.path.isfile(p) else os.listdir(p))\n    except OSError: pass"
        ),
        prepare=_links,
        ends=("graded",),
    ),
    Attack(
        "a zip that unpacks to 300 MB",
        FILES,
        "the grader's memory, and files elsewhere",
        STUB,
        prepare=_instead(_zip),
        ends=NOT_READ + ("missing notebook", "repaired"),
    ),
    Attack("a zip with a way out", FILES, "files elsewhere", STUB, prepare=_instead(_other_zip), ends=("repaired",)),
    Attack(
        "odd names",
        FILES,
        "a stop of the run",
        cell("import os; print(len(os.listdir('.')))"),
        prepare=_odd_names,
        ends=("graded",),
    ),
    Attack("six hundred files", FILES, "the run's time", cell(""), prepare=_many_files, ends=("graded",)),
    Attack(
        "a time that is none",
        FILES,
        "a stop of the run, or no penalty",
        cell(""),
        prepare=_late_stamp("never\x00" * 50),
        ends=("repaired",),
    ),
    Attack(
        "a time beyond all times",
        FILES,
        "a stop of the run",
        cell(""),
        prepare=_late_stamp("9999-12-31 23:59:59 -99999999999"),
        ends=("repaired",),
    ),
    Attack(
        "a time long ago",
        FILES,
        "no penalty, or a crash",
        cell(""),
        prepare=_late_stamp("0001-01-01 00:00:00 UTC"),
        ends=("graded",),
    ),
]

# ------------------------------------------------------------------------------------------------ exports
EXPORT = "exports"
EXPORTS = [
    Attack(
        "script in outputs",
        EXPORT,
        "a script in feedback and formgrader",
        cell(
            "from IPython.display import HTML, SVG, Javascript, display\ndisplay(HTML('<script>evil()</script><img src=x onerror=evil()>'))\ndisplay(Javascript('evil()'))\n"
            "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"evil()\"/>'))\nprint('<script>evil()</script>')"
        ),
    ),
    Attack(
        "every kind of output",
        EXPORT,
        "a script in a kind that was forgotten",
        cell(
            f"from IPython.display import display\nfor kind in ('text/html', 'text/latex', 'text/markdown', 'image/svg+xml', 'image/png', 'application/javascript', 'application/vnd.evil+json', 'text/plain'):\n"
            f"    display({{kind: {BAD!r} + '$\\\\href{{javascript:evil()}}{{x}}$'}}, metadata={{kind: {{'alt': {BAD!r}}}}}, raw=True)"
        ),
    ),
    Attack(
        "a page over the page",
        EXPORT,
        "a false verdict laid over the true one",
        cell(
            "from IPython.display import HTML, display\ndisplay(HTML('<div style=\"position:fixed;top:0;left:0;width:100%;height:100%;background:url(javascript:evil())\">4 of 4</div>'\n"
            '  \'<style>*{display:none}</style><iframe srcdoc="&lt;script>evil()&lt;/script>"></iframe><form action="javascript:evil()"><button>x</button></form>\'\n'
            '  \'<base href="javascript:evil()"><meta http-equiv=refresh content="0;url=javascript:evil()"><object data="javascript:evil()"></object><link rel=stylesheet href="javascript:evil()">\'))'
        ),
    ),
    Attack(
        "script in writing",
        EXPORT,
        "a script in feedback and formgrader",
        {
            "written-why": f"{BAD} $\\text{{<script>evil()</script>}}$ [x](javascript:evil) <a href='javascript:evil()'>y</a> ![p](data:text/html;base64,PHNjcmlwdD4=) </script><script>evil()</script>"
        },
    ),
    Attack(
        "script in an error",
        EXPORT,
        "a script in the verdict",
        function(f"raise type({BAD!r}, (Exception,), {{}})({BAD!r})"),
    ),
    Attack("script in an answer", EXPORT, "a script in the verdict", function(f"return {BAD!r}, {{{BAD!r}: {BAD!r}}}")),
    Attack(
        "script in a kind",
        EXPORT,
        "a script in the verdict",
        function(f"return type({BAD!r}, (), {{'__repr__': lambda s: {BAD!r}}})()"),
    ),
    Attack(
        "script in a traceback",
        EXPORT,
        "a script in feedback",
        cell(
            f"def {'evil_' * 9}():\n    raise ValueError({BAD!r} + '\\x1b]8;;javascript:evil()\\x1b\\\\x\\x1b[31m')\ntry: pass\nfinally: print('\\x1b[8m\\x1b]0;evil\\x07')\n"
            f"import sys\nprint({BAD!r}, file=sys.stderr)"
        ),
    ),
    Attack(
        "script in a student's id",
        EXPORT,
        "a script in report and formgrader",
        cell(""),
        student="attack <img src=x onerror=evil()>",
        stock="stock nbgrader's pages are not opened here",
    ),
    Attack(
        "formula in a student's id",
        EXPORT,
        "a formula in the table of marks",
        cell(""),
        student='=HYPERLINK("evil")',
        stock="stock nbgrader's tables are not opened here",
    ),
    Attack(
        "formula in an answer",
        EXPORT,
        "a formula in the table of marks",
        function("raise type('=HYPERLINK(evil)', (Exception,), {})('=cmd|evil')"),
        stock="stock nbgrader's tables are not opened here",
    ),
    Attack(
        "a comment for the formgrader",
        EXPORT,
        "a comment that is taken for the grader's",
        {**cell(""), "written-why": "**Comments:** full marks " + BAD},
    ),
]

ATTACKS = [*NOTEBOOKS, *BROKEN, *EXPORTS]
