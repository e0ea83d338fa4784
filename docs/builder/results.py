"""Tables of the results' pages, made from the JSON files of real runs; a file that is not there is said to be absent."""

from __future__ import annotations

import ast
import json
import pathlib
from collections.abc import Callable
from typing import Any

import nbformat

#: Which figure of a notebook stands on its card, counted from 0; the first one where nothing is said.
COVERS = {
    "02a_finding_stars": 4,
    "03_aperture_photometry": 5,
    "05_centroids_and_alignment": 1,
    "07_psf_fitting_and_calibration": 3,
}
#: Pages, their file of results, and the command that makes it.
FILES = {
    "quality": ("docs/results/quality.json", "photgrader quality --json docs/results/quality.json"),
    "attacks": ("docs/results/attacks.json", "python tests/attacks/measure.py warm"),
    "speed": ("docs/results/bench.json", "photgrader bench --students 60 --json docs/results/bench.json"),
    "load": ("docs/load.json", "hub/load.py --students 30 --json docs/load.json"),
    "photometry": ("docs/results/photometry.json", "photgrader photometry-bench --json docs/results/photometry.json"),
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
        return (
            f"This has not been measured for this copy of the course: there is no `{file}`. The command is `{command}`."
        )
    return f"{origin(name, body)}\n\n{MAKERS[name](body)}{sizes(root) + memory(root) if name == 'speed' else ''}"


def sizes(root: pathlib.Path) -> str:
    """Return the sections on classes of several sizes and on several workers, where they have been measured."""
    text = ""
    if (path := root / "docs" / "results" / "sizes.json").is_file():
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
        text += (
            f"\n\n## Does a submission cost more in a large class?\n\nSubmissions of one exercise, each size in one run with two workers (`benchmarks/memory.py`, "
            f"measured {day(runs[0])}); the command's start is left out.\n\n"
            + table(
                ["submissions", "s a submission", "writer, processor s", "leading process (MB)", "all processes (MB)"],
                [
                    [f"{r['students']:,}", r["seconds_per_submission"], r["writer_cpu_seconds_per_submission"]]
                    + [max(r["peak_mb_by_tenths"][who]) for who in ("leader", "all")]
                    for r in runs
                ],
            )
        )
    if (path := root / "docs" / "results" / "cluster.json").is_file():
        body = json.loads(path.read_text(encoding="utf-8"))
        ways: dict[str, list[float]] = {}
        for run in body["runs"]:
            ways.setdefault(run["way"], []).append(run["seconds"])
        counts = sorted({r["workers"] for r in body["runs"]})
        text += (
            f"\n\n## Processes and a Dask cluster\n\n{body['students']} submissions with mistakes, small notebook, {body['processors']} processors (`benchmarks/cluster.py`, "
            f"measured {day(body)}); seconds a submission, the command's start left out.\n\n"
            + table(
                ["workers", "processes", "Dask"],
                [[n, *(sum(v) / len(v) for v in (ways[f"processes, {n}"], ways[f"Dask, {n}"]))] for n in counts],
            )
            + "\n\nA task moves "
            + ", ".join(f"{what}: {count:,} bytes" for what, count in body["bytes"].items())
            + " (what goes once goes to each worker)."
        )
    return text


def memory(root: pathlib.Path) -> str:
    """Return the section on the memory of a long run, where it has been measured."""
    path = root / "docs" / "results" / "memory.json"
    if not path.is_file():
        return ""
    body = json.loads(path.read_text(encoding="utf-8"))
    peaks = body["peak_mb_by_tenths"]
    rows = [
        [f"{10 * k} to {10 * k + 10} %", leader, every]
        for k, (leader, every) in enumerate(zip(peaks["leader"], peaks["all"], strict=True))
    ]
    return (
        f"\n\n## Memory of a long run\n\n{body['graded']} submissions of one exercise, graded in one run of {body['seconds']} s with two workers (`benchmarks/memory.py`, "
        f"measured {day(body)}): the largest memory in each tenth of the run, pages that processes share counted once.\n\n"
        + table(["part of the run", "leading process (MB)", "all processes (MB)"], rows)
    )


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
    return f":::{{admonition}} Where these numbers come from\n:class: note\n\nFrom `{file}`, measured {day(body)}{on}. To measure it again: `{command}`.\n:::"


def day(body: dict[str, Any]) -> str:
    """Return the day of a measurement."""
    # The attacks' file holds a day for each way that was measured.
    when = str(body.get("when") or body.get("date") or max(body.get("measured", {}).values(), default=""))
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
    text = (
        f"{body['students']} students, `{body['assignment']}`: all done {body['all_done_s']:.0f} s after the first began "
        f"(they began over {body['window_s']:.0f} s); **{lost} submissions lost, {failed} steps failed**. "
        f"A student's server and kernel held {body['memory_mb_per_student']:.0f} MB on average."
    )
    rows = [[step, v["median_s"], v["p95_s"], v["max_s"]] for step, v in body["latency"].items()]
    return text + "\n\n" + table(["step", "median (s)", "95 % within (s)", "longest (s)"], rows)


def _speed(body: dict[str, Any]) -> str:
    text = (
        f"Compared are {body['compared'].replace('; ours', '; this grader')}. "
        "Memory is that of a command and of what it starts; with Dask the workers are started before, and are not in it.\n\n"
        "## A class that has everything right\n\nEach function is written in one of the ways that the exercises know to be right: no mistake to "
        f"name, no picture of a wrong answer to draw.\n\n{_ways(body)}"
    )
    if "mistakes" in body:
        text += (
            "\n\n## A class with mistakes\n\nThe same notebook; nearly everybody has a mistake somewhere, which is followed through, named and "
            f"drawn. The floor draws it too, as a student's own check does.\n\n{_ways(body['mistakes'])}"
        )
    if "whole_notebook" in body:
        text += (
            "\n\n## The whole notebook\n\nHanded in by a class that has run it: stock draws all its figures again, this grader keeps the pictures of "
            "cells that nothing else builds on, and says so.\n\n"
            f"{_ways(body['whole_notebook'])}"
        )
    parts = body["breakdown"]["seconds"]
    classes = {
        "all right": parts,
        **{
            words: body[name]["breakdown"]["seconds"]
            for name, words in (("mistakes", "mistakes"), ("whole_notebook", "whole notebook"))
            if name in body
        },
    }
    where = table(
        ["part", *(f"{name} (s a submission)" for name in classes)],
        [
            [n, *(c.get(n, 0.0) for c in classes.values())]
            for n in sorted(parts, key=lambda n: -max(c.get(n, 0.0) for c in classes.values()))
        ],
    )
    return (
        f"{text}\n\n## Where the time goes\n\nWith one worker, without the command's start. "
        f"A kernel is ready after {body['breakdown']['kernel_ready_median_ms']:.0f} ms (median).\n\n{where}"
    )


def _ways(body: dict[str, Any]) -> str:
    """Return the table of all ways of grading one class."""
    names = {
        "workers": f"{body['workers']} workers",
        "dask": f"Dask, {body['workers']} workers",
        "stock": "stock nbgrader",
        "floor": "the floor: the cells alone",
        "limit": "the limit: the functions on their cases",
    }
    rows = [
        [
            names.get(n, n),
            s,
            body["cpu_seconds_per_submission"].get(n),
            body["times_faster_than_stock"].get(n),
            body.get("times_the_limit", {}).get(n),
            body["peak_memory_mb"].get(n),
        ]
        for n, s in body["seconds_per_submission"].items()
    ]
    equal = "are equal row by row" if body["gradebooks_equal"] else "**differ**"
    return (
        f"{body['students']} submissions of `{body['assignment']}`, {body['notebook']} notebook ({body['code_cells']} code cells, "
        f"{body['graded_functions']} graded functions). The gradebooks of one worker, of several and of Dask {equal}.\n\n"
        + table(
            ["way", "s a submission", "CPU s", "times faster than stock", "times the limit", "peak memory (MB)"], rows
        )
    )


def _quality(body: dict[str, Any]) -> str:
    t = body["total"]
    counted = t["mutants"] - t["equivalent"]
    text = f"{t['exercises']} exercises, each with the hidden cases of {len(body['seeds'])} students.\n\n" + table(
        ["question", "answer", "target"],
        [
            ["correct variants that earn everything", f"{t['accepted']} of {t['variants']}", "all"],
            ["misconceptions that lose exactly what they should", f"{t['caught']} of {t['misconceptions']}", "all"],
            [
                "misconceptions whose hint comes first",
                f"{t['named']} of {t['misconceptions']} ({t['named_share']:.1%})",
                f"{body['targets']['named']:.0%}",
            ],
            [
                "mutants that are caught",
                f"{t['killed']} of {counted} ({t['killed_share']:.1%})",
                f"{body['targets']['killed']:.0%}",
            ],
        ],
    )
    text += (
        f"\n\n{t['equivalent']} further mutants are as right as the reference (they compute the same, or choose "
        f"what the contract leaves free) and were marked so by hand, each with its reason."
    )
    if t["left_out"]:
        text += f" {t['left_out']} more were not tried: an exercise gets no more than {body['most_mutants']} of them, taken evenly."
    kinds = {
        "held out": "mistakes in words that no hint was made from",
        "in variants": "mistakes made in right variants",
        "pairs": "two mistakes at once",
    }
    told = []
    for kind, words in kinds.items():
        named, misleading, unnamed = t["told"][kind]
        number = max(1, named + misleading + unnamed)
        told.append([words, f"{named} ({named / number:.0%})", f"{misleading} ({misleading / number:.1%})", unnamed])
    text += (
        "\n\n## What a student is told\n\n"
        + table(["wrong answers", "named", "called something else", "without a name"], told)
        + f"\n\nThe best of the answers without work earns {t['cheapest']:.0%} of an exercise. The most that a mistake loses in grading "
        f"while the student's own check is green: {t['green_loss']:.0%}."
    )
    rows = [
        [
            f"`{e['name']}`",
            e["assignment"].split("_")[0],
            f"{e['accepted']} of {e['variants']}",
            f"{e['caught']} of {e['misconceptions']}",
            e["named"],
            f"{e['killed']} of {e['mutants'] - e['equivalent']}",
            e["equivalent"],
        ]
        for e in body["exercises"]
    ]
    text += (
        "\n\n## Exercise by exercise\n\nVariants accepted, misconceptions caught and named first, mutants caught, mutants equivalent to the "
        "reference.\n\n"
    ) + table(["function", "in", "variants", "misconceptions", "named", "mutants", "equivalent"], rows, left=2)
    short = [
        f"- `{e['assignment']}/{e['name']}`: {', '.join(e['shortfalls'])}" for e in body["exercises"] if e["shortfalls"]
    ]
    return (
        text
        + "\n\n## What falls short\n\n"
        + ("\n".join(short) if short else "Nothing: every exercise reaches every target.")
    )


def _photometry(body: dict[str, Any]) -> str:
    rows_, columns = body["shape"]
    names = list(body["seconds"])
    text = (
        f"One simulated detector of {rows_} × {columns} pixels with {body['stars']} stars; all ways in turns, times are medians of {body['repeat']}. "
        f"Threads: {body['threads']}.\n\n## Time and memory\n\n"
    )
    rows = [
        [n, v["sky"], v["all but the sky"], v["all"], body["cpu_seconds"][n], body["memory_mb"][n]]
        for n, v in body["seconds"].items()
    ]
    rows.append(["the loops of the lectures", None, body["loops"]["total"], body["loops"]["total"], None, None])
    text += table(["way", "sky (s)", "find and measure (s)", "all (s)", "processor (s)", "memory (MB)"], rows)
    text += f"\n\nThe loops were {body['loops']['how']} ({body['loops']['share_of_pixels']:.2%} of the pixels, {body['loops']['stars_run']} stars).\n\n"
    text += table(["the course's way is faster than", "times"], [[n, r] for n, r in body["times_faster_than"].items()])
    if limit := body.get("reading"):
        text += (
            f"\n\nNo photometry takes less than reading the pixels once: {limit['seconds'] * 1000:.0f} ms here, {limit['gigabytes_per_second']:.1f} GB/s. "
            f"The course's way takes {limit['times_the_limit']:.0f} times that."
        )
    same = body["same_stars"]
    text += f"\n\n## The same stars?\n\n{same['sure_stars']} stars count as sure: {same['sure_means']}.\n\n" + table(
        ["way", "rows", "completeness", "purity"],
        [[n, same[n]["rows"], f"{same[n]['completeness']:.4f}", f"{same[n]['purity']:.4f}"] for n in names],
    )
    if body["accuracy"]:
        ways = list(body["accuracy"][0]["scatter_over_bound"])
        text += (
            "\n\n## How far from the best possible?\n\nScatter of the fluxes of isolated stars over the Cramér-Rao bound: 1 is the best that any "
            "unbiased method can do. *Position* is the scatter of x over its bound, *pull* that of the flux over the error that the pipeline quotes.\n\n"
            + table(
                ["magnitude", "stars", "median S/N", *ways],
                [
                    [f"{r['magnitude']:.1f}", r["stars"], r["median_snr"], *(r["scatter_over_bound"][w] for w in ways)]
                    for r in body["accuracy"]
                ],
            )
        )
    checks = "\n".join(f"- {'yes' if good else '**no**'}: {text_}" for text_, good in body["checks"].items())
    return text + "\n\n## Targets\n\n" + checks


#: What the columns of the attacks' table are called; the ways that may have been measured.
_COUNTED = {
    "attacks": "attacks",
    "gained": "gained",
    "leaked": "leaked",
    "disturbed": "disturbed",
    "over": "over limits",
    "crashed": "crashed",
}
_WAYS = {
    "warm": "This grader, warm kernels",
    "cold": "This grader, cold kernels",
    "dask": "This grader, on a Dask cluster",
    "user": "This grader, as an ordinary user",
    "stock": "Stock nbgrader",
}


def _attacks(body: dict[str, Any]) -> str:
    parts = []
    for way, title in _WAYS.items():
        found = {kind: ways[way] for kind, ways in body["classes"].items() if way in ways}
        if not found:
            continue
        # Of stock nbgrader, which limits nothing but a cell's time, some columns were not measured.
        words = [c for c in _COUNTED if all(c in counts for counts in found.values())]
        rows = [[kind, *(counts[c] for c in words)] for kind, counts in found.items()]
        rows.append(["**all**", *(f"**{sum(counts[c] for counts in found.values())}**" for c in words)])
        parts.append(
            f"## {title}\n\nMeasured {body['measured'][way]}.\n\n"
            + table(["class of attack", *(_COUNTED[c] for c in words)], rows)
        )
    return "\n\n".join(parts)


MAKERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "load": _load,
    "speed": _speed,
    "quality": _quality,
    "attacks": _attacks,
    "photometry": _photometry,
}


def overview(root: pathlib.Path) -> str:
    """Return the table of what has been measured and when."""
    titles = {
        "quality": "Does the grader grade well?",
        "attacks": "Can the grader be beaten?",
        "speed": "What does grading cost?",
        "load": "Does the hub hold a class?",
        "photometry": "How well, and how fast, is a star measured?",
    }
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
    exercises = [p for p in (root / "autograder" / "exercises").glob("*/[!_]*.py") if _defines_exercise(p)]
    points = sum(sum(_points(nbformat.read(p, as_version=4))) for p in releases)
    facts = [
        (lectures, "lectures"),
        (len(releases), "assignments"),
        (len(exercises), "functions to write"),
        (f"{points:g}", "points"),
    ]
    items = "\n".join(f"::::{{container}} fact\n**{n}** {what}\n::::" for n, what in facts)
    return f":::::{{container}} facts\n{items}\n:::::"


def _defines_exercise(path: pathlib.Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(n, ast.Assign | ast.AnnAssign)
        and "exercise" in ast.unparse(n.targets[0] if isinstance(n, ast.Assign) else n.target)
        for n in tree.body
    )


def _points(notebook: nbformat.NotebookNode) -> list[float]:
    return [
        float(c.metadata["nbgrader"].get("points", 0))
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade")
    ]


def marks(notebook: nbformat.NotebookNode) -> str:
    """Return a sentence on an assignment's points."""
    marked = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    functions = [c for c in marked if c.cell_type == "code"]
    written = [c for c in marked if c.cell_type == "markdown"]
    text = f"{len(functions)} function{'s' * (len(functions) != 1)}"
    if written:
        text += f", {len(written)} written answer{'s' * (len(written) != 1)}"
    return f"{text}; {sum(_points(notebook)):g} points"
