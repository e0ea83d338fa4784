"""What cells show stays as it was handed in, marked so, and is neither drawn nor run again where nothing needs it."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import nbformat
import pytest
from PIL import Image

from photgrader.grading import handed_in, intake
from photgrader.grading.handed_in import (
    AN_OUTPUT,
    MAX_OUTPUTS,
    MAX_PICTURES,
    MAX_TEXT,
    MAX_TEXTS,
    NOT_RUN,
    NOTE,
    kept_of,
)
from photgrader.grading.sanitise import MAX_SIDE, clean_attachments, clean_html, clean_output
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, code_cell, submit


def a_png(colour: str = "red", size: tuple[int, int] = (7, 5)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def output(data: dict, **more: object) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": {}, **more}


def test_a_picture_is_kept_with_its_width_and_description_and_nothing_else_is():
    found = kept_of(
        [
            output(
                {"image/png": a_png(), "text/html": "<b>10 of 10 points</b>", "text/plain": "10 of 10 points"},
                metadata={"image/png": {"alt": "a red field", "width": 300, "onload": "x"}, "trusted": True},
            )
        ]
    )
    assert [o.data for o in found] == [{"image/png": a_png()}]
    assert found[0].metadata == {"image/png": {"alt": "a red field", "width": 300}}


def test_of_a_figure_of_the_course_the_sharp_form_is_kept():
    from photcourse.display import FigureText, as_output

    shown = Image.new("RGB", (40, 20), "blue")
    bundle, metadata = as_output(shown, FigureText("ps1.4", "A caption.", 'A "blue" field & more'))
    (kept,) = kept_of([output(bundle, metadata=metadata)])
    assert Image.open(io.BytesIO(base64.b64decode(kept.data["image/png"]))).size == (40, 20)
    assert (
        kept.metadata["image/png"]["width"] == 20
        and "blue" in kept.metadata["image/png"]["alt"]
        and set(kept.data) == {"image/png"}
    )


def test_of_markup_the_first_picture_alone_is_looked_at():
    markup = '<img alt="without end ' * 200 + f'<img alt="a" width="9" src="data:image/png;base64,{a_png("blue")}">'
    (kept,) = kept_of([output({"image/png": a_png(), "text/html": markup})])
    assert kept.data == {"image/png": a_png()}


def test_texts_tables_and_errors_are_kept_cleaned():
    table = {"text/plain": "  x", "text/html": "<table onclick='f()'><tr><td>7</td></tr></table><script>f()</script>"}
    error = {"output_type": "error", "ename": "NameError", "evalue": "no x", "traceback": ["\x1b[2Jno x"]}
    found = kept_of(
        [
            {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
            {"output_type": "execute_result", "data": table, "metadata": {"trusted": True}, "execution_count": 7},
            error,
        ]
    )
    assert [o.output_type for o in found] == ["stream", "display_data", "error"]
    assert found[0].text == "one\ntwo\n" and found[1].metadata == {} and found[2].traceback == ["[2Jno x"]
    assert "<td>7</td>" in found[1].data["text/html"] and "f()" not in found[1].data["text/html"]


def bomb() -> str:
    whole = bytearray(base64.b64decode(a_png()))
    whole[16:20] = (MAX_SIDE + 1).to_bytes(4, "big")
    return base64.b64encode(bytes(whole)).decode()


def picture(kind: str, width: int, height: int) -> str:
    """Return the base64 of a file of Pillow's whose header says another size."""
    file = io.BytesIO()
    Image.new("RGB", (9, 7)).save(file, kind)
    small, large = (
        [n.to_bytes(2, "little" if kind == "gif" else "big") for n in size] for size in ((9, 7), (width, height))
    )
    # A JPEG says the height first, and a PNG each with two bytes more.
    order, gap = (slice(None, None, -1), b"") if kind == "jpeg" else (slice(None), b"\0\0" if kind == "png" else b"")
    whole = file.getvalue().replace(gap.join(small[order]), gap.join(large[order]), 1)
    return base64.b64encode(whole).decode()


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
def test_a_picture_that_no_page_bears_is_not_shown_wherever_it_stands(kind):
    for size, there in (
        ((9, 7), True),
        ((MAX_SIDE, 8), True),
        ((MAX_SIDE + 1, 8), False),
        ((8, MAX_SIDE + 1), False),
        ((0, 8), False),
    ):
        text = picture(kind, *size)
        assert ("src" in clean_html(f'<img src="data:image/{kind};base64,{text}">')) == there
        if kind != "gif":
            shown = clean_output(nbformat.v4.new_output("display_data", {f"image/{kind}": text}))
            assert (f"image/{kind}" in shown.data) == there
            assert bool(clean_attachments({"a": {f"image/{kind}": text}})) == there


@pytest.mark.parametrize(
    "outputs",
    [
        "no list",
        [None, 7],
        [output({"image/png": "no base64!"})],
        [output({"image/png": base64.b64encode(b"<svg/>").decode()})],
        [output({"image/png": 5})],
        [output({"image/png": bomb()})],
        [output({"image/png": a_png()})] * (MAX_PICTURES + 1),
        [output({"image/png": a_png()}), output({"image/jpeg": a_png()})],
        [output({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"})],
        [output({"text/plain": "a figure", "application/vnd.plotly.v1+json": {}})],
        [output({"text/plain": "x" * MAX_TEXT})],
        [output({"text/plain": "x"})] * (MAX_OUTPUTS + 1),
        [output({})],
        [output({"image/png": "A" * 4_000_004})],
        [{"output_type": "stream", "data": {"image/png": a_png()}}],
    ],
)
def test_what_cannot_be_kept_as_it_is_leaves_the_cell_to_be_run(outputs):
    assert kept_of(outputs) == []


def test_what_is_cleaned_of_a_notebook_is_bounded_whatever_comes_of_it(monkeypatch):
    cleaned = []
    whole = handed_in.clean_output
    monkeypatch.setattr(handed_in, "clean_output", lambda o: cleaned.append(len(str(o))) or whole(o))
    half = MAX_TEXT // 2
    shapes = {
        "as it came": [output({"text/html": "x" * half})],
        "longer when it is clean": [output({"text/html": "<b>" + "<p>x" * (half // 4)})],
        "too long": [output({"text/html": "x" * (MAX_TEXT + 1)})],
        "many": [output({"text/html": "x"})] * MAX_OUTPUTS,
        "errors": [{"output_type": "error", "ename": "x" * half, "evalue": "", "traceback": []}],
        "too many": [output({"text/html": "x"})] * (MAX_OUTPUTS + 1),
    }
    for name, outputs in shapes.items():
        cells = [{"cell_type": "code", "source": "1", "outputs": outputs}] * 100
        read, _ = intake.parse(json.dumps({"nbformat": 4, "cells": cells}).encode())
        assert sum(cleaned) < 2 * MAX_TEXTS and len(cleaned) <= MAX_TEXTS // AN_OUTPUT, name
        shown = [bool(c.outputs) for c in read.cells]
        assert any(shown) == (name in ("as it came", "many", "errors")) and not all(shown), name
        cleaned.clear()


HANDED_IN = a_png("green", (31, 17))
PLAIN = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2, 3])\nax.set_xlim(0, 5)\nprint('plotted')\n"


def drawing(source: str, *, picture: bool, **marks: object) -> nbformat.NotebookNode:
    cell = code_cell(source, **marks)
    if picture:
        cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": HANDED_IN})]
    return cell


def test_only_what_was_handed_in_without_a_picture_is_drawn(tiny_course, here):
    skeleton_path = tiny_course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    skeleton = nbformat.read(skeleton_path, as_version=4)
    test_marks = {"grade": True, "solution": False, "locked": True, "points": 1, "grade_id": "plain-test"}
    skeleton.cells.append(code_cell(f"{PLAIN}plt.show()\nassert True", **test_marks))
    nbformat.write(skeleton, skeleton_path)
    path = submit(tiny_course, "ann", RIGHT)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].outputs = drawing("", picture=True).outputs
    for cell in notebook.cells:
        if cell.source.startswith("check("):
            cell.outputs = drawing("", picture=True).outputs
    course = "from photcourse import display\nfig, ax = plt.subplots()\ndisplay.publish(fig, alt='An empty frame.')"
    # Decorated with matplotlib's own marks for the canvas, as the original is.
    counting = (
        "import functools\nfrom matplotlib.figure import Figure\ntimes = []\nwhole = Figure.draw\n"
        "Figure.draw = functools.wraps(whole)(lambda self, *a, **k: times.append(1) or whole(self, *a, **k))"
    )
    drawings = {
        "at the end": drawing(PLAIN, picture=True),
        "shown": drawing(f"{PLAIN}plt.show()", picture=True),
        "returned": drawing(f"{PLAIN}fig", picture=True),
        "displayed": drawing(f"%matplotlib inline\n{PLAIN}display(fig)", picture=True),
        "published": drawing(course, picture=True),
        "counted": drawing("print(len(times))", picture=False),
        "drawn anew": drawing(PLAIN, picture=False),
        "published anew": drawing(course, picture=False),
        "afterwards": drawing(
            "print(ax.get_xlim(), plt.get_fignums())\nfig.savefig('mine.png')\nimport os\nprint(os.path.getsize('mine.png') > 1000)",
            picture=False,
        ),
        "with an error": drawing(f"{PLAIN}1/0", picture=True),
        "no drawing": drawing("print(6 * 7)", picture=True),
    }
    notebook.cells[2:2] = [code_cell(counting), *drawings.values()]
    nbformat.write(notebook, path)
    (task,) = parallel.submissions(tiny_course, ASSIGNMENT)
    ((_, result),) = parallel.run_here([task], 1)
    cells = nbformat.reads(result["notebook"], as_version=4).cells
    first = next(k for k, c in enumerate(cells) if c.source == PLAIN)
    shown = {name: cells[first + k].outputs for k, name in enumerate(drawings)}
    for name in ("at the end", "shown", "returned", "displayed", "published", "with an error", "no drawing"):
        pictures = [o.data["image/png"] for o in shown[name] if "image/png" in o.get("data", {})]
        assert pictures == [HANDED_IN], name
        assert any(o.get("text") == NOTE for o in shown[name]) or NOTE in shown[name][0].text, name
        assert not any("Figure size" in o.get("data", {}).get("text/plain", "") for o in shown[name]), name
    assert "plotted" in shown["shown"][0].text and "42" in shown["no drawing"][0].text
    assert any(o.output_type == "error" for o in shown["with an error"])
    for name in ("drawn anew", "published anew"):
        pictures = [o.data["image/png"] for o in shown[name] if "image/png" in o.get("data", {})]
        assert len(pictures) == 1 and pictures != [HANDED_IN], name
        assert not any(NOTE in o.get("text", "") for o in shown[name])
    assert shown["counted"][0].text == "0\n"
    assert "[]" in shown["afterwards"][0].text and "True" in shown["afterwards"][0].text
    graded = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade") and c.cell_type == "code"]
    assert len(graded) == 3 and HANDED_IN not in str([c.outputs for c in graded])
    # A plain test's figure is what its code draws, whatever came with it.
    assert any("image/png" in o.get("data", {}) for o in graded[-1].outputs)
    assert result["record"]["points"] == 7


def test_a_cell_with_its_picture_is_run_where_something_builds_on_it_and_nowhere_else(tiny_course, here):
    path = submit(tiny_course, "ann", RIGHT)
    notebook = nbformat.read(path, as_version=4)
    added = {
        "for nothing": drawing("fig = 1/0", picture=True),
        "for a function": drawing("half = 0.5", picture=True),
        "a function": drawing("def halved(x):\n    return x * half", picture=False),
        "for its file": drawing("open('kept.txt', 'w').write('kept')", picture=True),
        "an end": drawing("import os\nos._exit(1)", picture=False),
        "behind it": drawing("print(halved(8), open('kept.txt').read())", picture=False),
        "without a picture": drawing("1/0", picture=False),
        "a text": drawing("print(1/0)", picture=False),
        "a text for a function": drawing("third = 1/3\nprint('made anew')", picture=False),
        "an error": drawing("time.sleep(1e6)", picture=False),
        "another function": drawing("def a_third(x):\n    return x * third", picture=False),
    }
    told = nbformat.v4.new_output("stream", text="as handed in\n")
    error = nbformat.v4.new_output("error", ename="NameError", evalue="time", traceback=["time is not defined"])
    added["a text"].outputs = added["a text for a function"].outputs = [told]
    added["an error"].outputs = [told, error]
    notebook.cells[2:2] = added.values()
    nbformat.write(notebook, path)
    (task,) = parallel.submissions(tiny_course, ASSIGNMENT)
    ((_, result),) = parallel.run_here([task], 1)
    cells = nbformat.reads(result["notebook"], as_version=4).cells
    first = next(k for k, c in enumerate(cells) if c.source == "fig = 1/0")
    shown = {name: cells[first + k].outputs for k, name in enumerate(added)}
    assert [o.get("text") for o in shown["for nothing"]] == [NOT_RUN, None]
    assert shown["for nothing"][1].data == {"image/png": HANDED_IN}
    for name in ("for a function", "for its file"):
        assert NOTE in [o.get("text") for o in shown[name]], name
    assert "ended the kernel" in str(shown["an end"])
    assert shown["behind it"][0].text == "4.0 kept\n"
    assert shown["without a picture"][0].ename == "ZeroDivisionError"
    assert [o.text for o in shown["a text"]] == [NOT_RUN, "as handed in\n"]
    assert [o.text for o in shown["a text for a function"]] == ["made anew\n"]
    assert shown["an error"][0].text == NOT_RUN and shown["an error"][2].ename == "NameError"
    assert result["record"]["points"] == 7


def test_a_given_cell_does_not_wait_again_for_what_was_stopped(tiny_course, here):
    release = tiny_course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    marks = {"grade": False, "solution": False, "locked": True}
    given = {
        "given-same": "print('again', centroid(np.ones((3, 3)), 0, 0))",
        "given-other": "print('other', second_moment(np.ones((3, 3)), 1, 1, 0, 0))",
    }
    skeleton = nbformat.read(release, as_version=4)
    skeleton.cells += [code_cell(source, grade_id=name, **marks) for name, source in given.items()]
    nbformat.write(skeleton, release)
    path = submit(tiny_course, "ann", RIGHT)
    notebook = nbformat.read(path, as_version=4)
    place = next(k for k, c in enumerate(notebook.cells) if "given-same" in str(c.metadata))
    mine = "print('mine', centroid(np.ones((3, 3)), 0, 0))"
    notebook.cells[place:place] = [code_cell("while True:\n    centroid(np.ones((3, 3)), 0, 0)"), code_cell(mine)]
    nbformat.write(notebook, path)
    (task,) = parallel.submissions(tiny_course, ASSIGNMENT)
    limits = replace(task.settings.limits, cell_seconds=2.0)
    ((_, result),) = parallel.run_here([replace(task, settings=replace(task.settings, limits=limits))], 1)
    shown = {c.source: str(c.get("outputs")) for c in nbformat.reads(result["notebook"], as_version=4).cells}
    assert "was not run: a cell above that calls centroid was stopped" in shown[given["given-same"]]
    assert "other" in shown[given["given-other"]] and "mine" in shown[mine]
    assert result["record"]["points"] == 7
