"""Tables of the results' pages, made from the JSON files of real runs; a file that is not there is said to be absent."""

from __future__ import annotations

import ast
import json
import pathlib
from collections.abc import Callable
from typing import Any

import nbformat

#: Which figure of a notebook stands on its card, counted from 0; the first one where nothing is said.
COVERS: dict[str, int] = {}
#: Pages, their file of results, and the command that makes it.
FILES = {
    "quality": ("docs/results/quality.json", "photgrader quality --json docs/results/quality.json"),
    "attacks": ("docs/results/attacks.json", "make attacks"),
    "speed": ("docs/results/bench.json", "photgrader bench --students 60 --json docs/results/bench.json"),
    "load": ("docs/load.json", "hub/load.py --students 30 --json docs/load.json"),
    "photometry": ("docs/results/photometry.json", "make photometry"),
}


def tables(root: pathlib.Path) -> dict[str, str]:
    """Return the generated part of each page of results, by its name, and the overview."""
    found = {name: page(root, name) for name in FILES}
    return {**found, "overview": overview(root)}


def read(root: pathlib.Path, name: str) -> dict[str, Any] | None:
    """Return a file of results, or None where it is not there."""
    path = root / FILES[name][0]
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def page(root: pathlib.Path, name: str) -> str:
    """Return the generated part of one page: where its numbers come from, and the tables."""
    file, command = FILES[name]
    body = read(root, name)
    if body is None:
        return f"This has not been measured for this copy of the course: there is no `{file}`. The command is `{command}`."
    return f"{origin(name, body)}\n\n{MAKERS[name](body)}"


def origin(name: str, body: dict[str, Any]) -> str:
    """Return the sentences that say where a page's numbers come from and when."""
    file, command = FILES[name]
    machine = []
    if "processors" in body:
        machine.append(f"{body['processors']} processors")
    if "python" in body:
        machine.append(f"Python {body['python']}")
    if "load_before" in body:
        machine.append(f"load of the machine before the start {body['load_before']}")
    on = f" on {', '.join(machine)}" if machine else ""
    return f":::{{note}}\nFrom `{file}`, measured {day(body)}{on}. To measure it again: `{command}`.\n:::"


def day(body: dict[str, Any]) -> str:
    """Return the day of a measurement."""
    when = str(body.get("when") or body.get("date") or "")
    return when[:10] or "on an unknown day"


def table(heads: list[str], rows: list[list[Any]], left: int = 1) -> str:
    """Return a Markdown table; the first `left` columns are text, the others numbers."""
    if not rows:
        return "*Nothing.*"
    marks = ["---" if k < left else "---:" for k in range(len(heads))]
    lines = [heads, marks, *[[show(v) for v in row] for row in rows]]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def show(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value).replace("|", "\\|").replace("\n", " ")


# ------------------------------------------------------------------------------------------------------- the pages
def _load(body: dict[str, Any]) -> str:
    lost, failed = len(body["lost"]), len(body["failed"])
    text = (f"{body['students']} students, `{body['assignment']}`: all done {body['all_done_s']:.0f} s after the first began "
            f"(they began over {body['window_s']:.0f} s); **{lost} submissions lost, {failed} steps failed**. "
            f"A student's server and kernel held {body['memory_mb_per_student']:.0f} MB on average.")
    rows = [[step, v["median_s"], v["p95_s"], v["max_s"]] for step, v in body["latency"].items()]
    return text + "\n\n" + table(["step", "median (s)", "95 % within (s)", "longest (s)"], rows)


def _speed(body: dict[str, Any]) -> str:
    names = {"workers": f"{body['workers']} workers", "dask": f"Dask, {body['workers']} workers", "stock": "stock nbgrader",
             "floor": "the floor: the cells alone"}
    rows = [[names.get(n, n), s, body["cpu_seconds_per_submission"].get(n), body["times_faster_than_stock"].get(n), body["peak_memory_mb"].get(n)]
            for n, s in body["seconds_per_submission"].items()]
    text = (f"{body['students']} submissions of `{body['assignment']}`. Compared are {body['compared'].replace('; ours', '; this grader')}.\n\n"
            + table(["way", "s a submission", "CPU s", "times stock", "peak memory (MB)"], rows))
    parts = body["breakdown"]
    where = table(["part", "s a submission"], [[n, s] for n, s in sorted(parts["seconds"].items(), key=lambda kv: -kv[1])])
    equal = "are equal row by row" if body["gradebooks_equal"] else "**differ**"
    return (f"{text}\n\nThe gradebooks of one worker, of several and of Dask {equal}. A kernel is ready after "
            f"{parts['kernel_ready_median_ms']:.0f} ms (median).\n\n## Where the time goes\n\n{parts['submissions']} submissions, one worker.\n\n{where}")


def _generic(body: dict[str, Any]) -> str:
    return ""


MAKERS: dict[str, Callable[[dict[str, Any]], str]] = {"load": _load, "speed": _speed, "quality": _generic, "attacks": _generic, "photometry": _generic}


def overview(root: pathlib.Path) -> str:
    """Return the table of what has been measured and when."""
    titles = {"quality": "Does the grader grade well?", "attacks": "Can the grader be beaten?", "speed": "What does grading cost?",
              "load": "Does the hub hold a class?", "photometry": "How well, and how fast, is a star measured?"}
    rows = []
    for name, (file, _) in FILES.items():
        body = read(root, name)
        rows.append([f"[{titles[name]}]({name}.md)", f"`{file}`", "not here" if body is None else day(body)])
    return table(["question", "file", "measured"], rows, left=3)


# ----------------------------------------------------------------------------------------------- the course in numbers
def counts(root: pathlib.Path) -> str:
    """Return the course in numbers, counted from its files."""
    lectures = len(list((root / "course" / "lectures").glob("*.ipynb")))
    releases = sorted((root / "release").glob("*/*.ipynb"))
    exercises = [p for p in (root / "autograder" / "photgrader" / "exercises").glob("*/[!_]*.py") if _defines_exercise(p)]
    points = sum(sum(_points(nbformat.read(p, as_version=4))) for p in releases)
    facts = [(lectures, "lectures"), (len(releases), "assignments"), (len(exercises), "functions to write"), (f"{points:g}", "points")]
    items = "\n".join(f"::::{{container}} fact\n**{n}** {what}\n::::" for n, what in facts)
    return f":::::{{container}} facts\n{items}\n:::::"


def _defines_exercise(path: pathlib.Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(n, ast.Assign | ast.AnnAssign) and "exercise" in ast.unparse(n.targets[0] if isinstance(n, ast.Assign) else n.target)
               for n in tree.body)


def _points(notebook: nbformat.NotebookNode) -> list[float]:
    return [float(c.metadata["nbgrader"].get("points", 0)) for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]


def marks(notebook: nbformat.NotebookNode) -> str:
    """Return a sentence on an assignment's points."""
    marked = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    functions = [c for c in marked if c.cell_type == "code"]
    written = [c for c in marked if c.cell_type == "markdown"]
    text = f"{len(functions)} function{'s' * (len(functions) != 1)}"
    if written:
        text += f", {len(written)} written answer{'s' * (len(written) != 1)}"
    return f"{text}; {sum(_points(notebook)):g} points"
