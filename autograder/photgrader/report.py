"""The report of a class: one self-contained page with figures, and its tables as CSV beside it."""

from __future__ import annotations

import base64
import csv
import datetime
import html
import io
import math
import pathlib
from collections import Counter
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from photgrader import course
from photgrader.items import Item, analyse
from photgrader.sanitise import csv_cell

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"

_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #ffffff; --line: #c9c9c9; --soft: #f2f4f7; --link: #005a9c; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --page: #15181c; --line: #4a4f57; --soft: #20252b; --link: #8cc4ff; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: var(--link); }
h1 { font-size: 1.6rem; } h2 { font-size: 1.3rem; margin-top: 2.2rem; border-top: 1px solid var(--line); padding-top: 1rem; } h3 { font-size: 1.05rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; } th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; } figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { font-size: .92rem; } .flag { background: var(--soft); border-left: 4px solid #D55E00; padding: .4rem .8rem; margin: .4rem 0; }
"""


def write_report(root: pathlib.Path, assignments: list[str], path: pathlib.Path, names: bool = False) -> pathlib.Path:
    """Write the report of some assignments.

    Parameters
    ----------
    root : Path
        The course.
    assignments : list of str
        Which.
    path : Path
        The page; tables are written beside it, ``<stem>-<assignment>.csv``.
    names : bool
        Whether students are named; otherwise they are counted only.

    Returns
    -------
    Path
        `path`.
    """
    sections = []
    for name in assignments:
        records = course.read_records(root, name)
        if not records:
            sections.append(f"<h2>{_text(name)}</h2><p>Nothing is graded yet.</p>")
            continue
        items = analyse(records)
        sections.append(assignment_section(name, records, items, names))
        write_csv(path.with_name(f"{path.stem}-{name}.csv"), items)
    links = "".join(f'<li><a href="#{_text(n)}">{_text(n)}</a></li>' for n in assignments)
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>Report of the class</title><style>{_STYLE}</style></head><body><main><h1>Report of the class</h1>"
            f"<p>Made {when} from the records of grading. {'Students are named.' if names else 'No student is named.'}</p>"
            f'<nav aria-label="Assignments"><ul>{links}</ul></nav>{"".join(sections)}</main></body></html>\n')
    course.write_atomically(path, page)
    path.chmod(0o644)
    return path


def _text(value: Any) -> str:
    return html.escape(str(value))


def assignment_section(name: str, records: list[dict[str, Any]], items: list[Item], names: bool) -> str:
    """Return the report's part on one assignment."""
    states = Counter(r["state"] for r in records)
    parts = [f'<h2 id="{_text(name)}">{_text(name)}</h2>', summary(records, states)]
    unsafe = sum(not r["sandbox"] for r in records)
    if unsafe:
        parts.append(f'<p class="flag"><strong>{unsafe} submissions were graded without the sandbox.</strong> Do not trust their verdicts.</p>')
    plain = sorted({cell for r in records for cell in r.get("plain_tests", {})})
    if plain:
        parts.append(f'<p class="flag">Less trusted: {_text(", ".join(plain))} are plain nbgrader tests, which run in the student\'s own kernel.</p>')
    for item in items:
        parts += [f'<p class="flag"><strong>{_text(item.name)}</strong> looks broken: {_text(flag)}.</p>' for flag in item.flags]
    parts += [_figure(*scores_figure(records, name)), _figure(*items_figure(items, name)), _figure(*mistakes_figure(items, name)),
              _figure(*times_figure(records, name)), items_table(items)]
    parts += [leaderboard(records)]
    if names:
        parts.append(students_table(records))
    else:
        parts.append(states_table(states))
    return "".join(p for p in parts if p)


def summary(records: list[dict[str, Any]], states: Counter[str]) -> str:
    """Return the first sentences on an assignment."""
    share = [r["points"] / r["max_points"] for r in records if r["max_points"]]
    seconds = np.array([r["seconds"] for r in records])
    mended = states["repaired"]
    looked = sum(n for s, n in states.items() if s not in ("graded", "repaired"))
    return (f"<p>{len(records)} submissions, mean {np.mean(share):.0%} of the automatic points. {mended} were repaired on the way in, "
            f"{looked} need a person. Grading took {np.median(seconds):.1f} s in the median, {seconds.max():.1f} s at most.</p>")


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _figure(figure: Figure | None, alt: str, caption: str) -> str:
    if figure is None:
        return ""
    return (f'<figure><img src="data:image/png;base64,{_png(figure)}" alt="{_text(alt)}"><figcaption>{_text(caption)}</figcaption></figure>')


def _axes(height: float, columns: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8.2, height), layout="constrained")
    with matplotlib.rc_context({"font.size": 10.5, "axes.spines.top": False, "axes.spines.right": False}):
        axes = figure.subplots(1, columns)
    return figure, axes


def scores_figure(records: list[dict[str, Any]], name: str) -> tuple[Figure, str, str]:
    """Return the distribution of scores."""
    share = np.array([100 * r["points"] / r["max_points"] for r in records if r["max_points"]])
    figure, ax = _axes(2.7)
    counts, _, _ = ax.hist(share, bins=np.arange(0, 101, 10), color=BLUE, edgecolor="white")
    ax.set(xlabel="automatic points earned (%)", ylabel="submissions", xlim=(0, 100))
    ax.yaxis.get_major_locator().set_params(integer=True)
    if len(share):
        ax.axvline(np.median(share), color=ORANGE, lw=2)
        ax.annotate(f"median {np.median(share):.0f} %", (np.median(share), 1), xycoords=("data", "axes fraction"), xytext=(-4, -3),
                    textcoords="offset points", ha="right" if np.median(share) > 50 else "left", va="top", color=ORANGE)
    text = ", ".join(f"{int(c)} between {10 * i} and {10 * i + 10} %" for i, c in enumerate(counts) if c)
    return figure, f"Histogram of the automatic points of {name}: {text}.", "How many submissions earned how much."


def items_figure(items: list[Item], name: str) -> tuple[Figure | None, str, str]:
    """Return difficulty and discrimination with their intervals."""
    if not items:
        return None, "", ""
    figure, (left, right) = _axes(0.9 + 0.42 * len(items), 2)
    rows = np.arange(len(items))[::-1]
    for ax, attribute, colour in ((left, "difficulty", BLUE), (right, "discrimination", ORANGE)):
        middle = np.array([getattr(i, attribute) for i in items])
        low, high = (np.array([getattr(i, f"{attribute}_{end}") for i in items]) for end in ("low", "high"))
        ax.errorbar(middle, rows, xerr=np.nan_to_num(np.abs([middle - low, high - middle])), fmt="o", color=colour, capsize=3)
        ax.set_yticks(rows, [i.name for i in items] if ax is left else [""] * len(items))
        ax.set_ylim(-0.6, len(items) - 0.4)
        ax.grid(axis="x", color="#dddddd")
        ax.set_axisbelow(True)
    left.set(xlim=(0, 1.02), xlabel="mean share of the points")
    right.set(xlim=(-1, 1.02), xlabel="correlation with the rest")
    right.axvline(0, color=GREY, lw=1)
    text = "; ".join(f"{i.name}: share {i.difficulty:.2f}, correlation {_number(i.discrimination)}" for i in items)
    return figure, f"Difficulty and discrimination of the exercises of {name}. {text}.", (
        "Left: the mean share of the points, the further right the easier. Right: how well an exercise tells strong students from weak "
        "(its correlation with the rest of the assignment). Bars are 95 % intervals; with few students they are wide.")


def mistakes_figure(items: list[Item], name: str, at_most: int = 14) -> tuple[Figure | None, str, str]:
    """Return how often each mistake was recognised."""
    counts = Counter({f"{i.name}: {title}": n for i in items for title, n in i.mistakes.items()})
    shown = counts.most_common(at_most)
    if not shown:
        return None, "", ""
    figure, ax = _axes(0.8 + 0.32 * len(shown))
    rows = np.arange(len(shown))[::-1]
    ax.barh(rows, [n for _, n in shown], color=[GREY if k.endswith("not recognised") else BLUE for k, _ in shown])
    ax.set_yticks(rows, [k if len(k) < 74 else k[:71] + "..." for k, _ in shown], fontsize=9)
    ax.set_xlabel("submissions")
    ax.xaxis.get_major_locator().set_params(integer=True)
    text = "; ".join(f"{k}, {n}" for k, n in shown)
    return figure, f"Mistakes in {name} by frequency: {text}.", "The most frequent mistakes; grey where no misconception explains the answers."


def times_figure(records: list[dict[str, Any]], name: str) -> tuple[Figure, str, str]:
    """Return how long grading took, by state."""
    figure, ax = _axes(2.5)
    by_state: dict[str, list[float]] = {}
    for record in records:
        by_state.setdefault(record["state"], []).append(record["seconds"])
    states = sorted(by_state, key=lambda s: -len(by_state[s]))
    for row, state in enumerate(reversed(states)):
        values = by_state[state]
        ax.plot(values, np.full(len(values), row) + np.linspace(-0.18, 0.18, len(values)), "o", color=BLUE, alpha=0.7)
    ax.set_yticks(range(len(states)), [f"{s} ({len(by_state[s])})" for s in reversed(states)])
    ax.set_ylim(-0.6, len(states) - 0.4)
    ax.set(xlabel="seconds to grade one submission", xscale="log")
    ax.grid(axis="x", color="#dddddd")
    text = "; ".join(f"{s}: {len(v)} submissions, median {np.median(v):.1f} s" for s, v in by_state.items())
    return figure, f"Time to grade submissions of {name} by state. {text}.", "Time and state of every submission."


def _number(value: float) -> str:
    return "too few" if math.isnan(value) else f"{value:.2f}"


def _table(head: list[str], rows: list[list[str]], numbers: set[int], label: str) -> str:
    cells = "".join(f'<th scope="col"{" class=number" if i in numbers else ""}>{_text(h)}</th>' for i, h in enumerate(head))
    body = "".join("<tr>" + "".join(f'<td{" class=number" if i in numbers else ""}>{_text(c)}</td>' for i, c in enumerate(r)) + "</tr>" for r in rows)
    return f'<h3>{_text(label)}</h3><div class="scroll" tabindex="0" role="region" aria-label="{_text(label)}"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def items_table(items: list[Item]) -> str:
    """Return the exercises as a table."""
    rows = [[i.name, f"{i.difficulty:.2f}", f"{_number(i.difficulty_low)} to {_number(i.difficulty_high)}", _number(i.discrimination),
             f"{_number(i.discrimination_low)} to {_number(i.discrimination_high)}", "; ".join(f"{t} ({n})" for t, n in i.mistakes.most_common(2))]
            for i in items]
    return _table(["exercise", "mean share", "95 %", "discrimination", "95 %", "most frequent mistakes"], rows, {1, 3}, "Exercises")


def states_table(states: Counter[str]) -> str:
    """Return how many submissions were in which state."""
    return _table(["state", "submissions"], [[s, str(n)] for s, n in states.most_common()], {1}, "States")


def students_table(records: list[dict[str, Any]]) -> str:
    """Return the students as a table, with what a grader has to know of each."""
    rows = []
    for record in sorted(records, key=lambda r: r["student"]):
        notes = [r["grader"] for r in record["repairs"]] + [f"cell {f['cell']}: {f['state']}" for f in record["faults"]]
        given = [f"{n}: {note}" for n, e in record["exercises"].items() for note in e["notes"]]
        rows.append([record["student"], f"{record['points']:.4g} / {record['max_points']:g}", record["state"], f"{record['seconds']:.1f}",
                     "; ".join(notes + given + ([record["sentence"]] if record["sentence"] else []))])
    return _table(["student", "points", "state", "seconds", "what the grader should know"], rows, {3}, "Students")


def leaderboard(records: list[dict[str, Any]]) -> str:
    """Return the leaderboard of a challenge, of those who gave a name for it; empty where there is none."""
    rows = [[r["leaderboard"]["name"], *(f"{v:.4g}" for v in r["leaderboard"]["figures"].values())] for r in
            sorted((r for r in records if r.get("leaderboard")), key=lambda r: -r["points"])]
    if not rows:
        return ""
    head = ["name", *next(r for r in records if r.get("leaderboard"))["leaderboard"]["figures"]]
    return _table(head, rows, set(range(1, len(head))), "Leaderboard (names that students chose to show)")


def write_csv(path: pathlib.Path, items: list[Item]) -> None:
    """Write the table of exercises, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["exercise", "students", "mean_share", "mean_low", "mean_high", "discrimination", "discrimination_low", "discrimination_high",
                     "mistakes", "flags"])
    for i in items:
        numbers = (i.difficulty, i.difficulty_low, i.difficulty_high, i.discrimination, i.discrimination_low, i.discrimination_high)
        writer.writerow([csv_cell(i.name), len(i.scores), *(f"{v:.4f}" for v in numbers),
                         csv_cell("; ".join(f"{t} ({n})" for t, n in i.mistakes.most_common())), csv_cell("; ".join(i.flags))])
    course.write_atomically(path, buffer.getvalue())
    path.chmod(0o644)
