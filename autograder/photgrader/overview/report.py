"""The report of a class: one self-contained page with figures, and its tables as CSV beside it.

The figures are drawn in HTML and small pieces of SVG whose positions are shares of the width: they are sharp at any
size, fit a phone, follow dark mode, and their text is text.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import functools
import html
import io
import math
import pathlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from photgrader import coursedir
from photgrader.coursedir.record import ExerciseRecord, Record
from photgrader.grading.sanitise import PAGE_POLICY, csv_cell
from photgrader.overview.items import Item, analyse

#: Most mistakes that are drawn; the table beside the page has all.
MISTAKES_SHOWN = 15
#: Label of the run that simulated classes are graded under.
SIMULATED_RUN = "simulated"

_STYLE = """
:root { color-scheme: light dark; --text: #1d2329; --soft-text: #55606b; --page: #fbfbfc; --card: #ffffff; --line: #d7dce1; --track: #e9edf1;
  --blue: #0072b2; --orange: #b85000; --grey: #7b858f; --link: #005a9c; --flag: #fff4ea; }
@media (prefers-color-scheme: dark) { :root { --text: #e7eaee; --soft-text: #a9b3bd; --page: #12161a; --card: #1a2026; --line: #323a43; --track: #28303a;
  --blue: #56b4e9; --orange: #f0954a; --grey: #8b96a1; --link: #8cc4ff; --flag: #33261a; } }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--text); background: var(--page); margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
a { color: var(--link); } h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; } .soft { color: var(--soft-text); }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .8rem; overflow-wrap: anywhere; } h3 { font-size: 1.05rem; margin: 0 0 .2rem; }
section.card, .tiles > div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
section.card { padding: 1rem 1.1rem 1.1rem; margin: 1rem 0; } section.card > p.soft { margin: .1rem 0 .9rem; font-size: .93rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem; margin: 1rem 0; padding: 0; }
.tiles > div { padding: .6rem .9rem .7rem; } .tiles dt { color: var(--soft-text); font-size: .88rem; } .tiles dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.25; }
.tiles small { display: block; font-size: .85rem; font-weight: 400; color: var(--soft-text); }
.flag { background: var(--flag); border-left: 4px solid var(--orange); border-radius: 0 6px 6px 0; padding: .5rem .8rem; margin: .5rem 0; overflow-wrap: anywhere; }
.histogram { display: grid; grid-template-columns: repeat(10, 1fr); gap: 3px; align-items: end; height: 10rem; border-bottom: 1px solid var(--line); }
.histogram > div { display: flex; flex-direction: column; justify-content: flex-end; height: 100%; text-align: center; font-size: .85rem; }
.histogram i { display: block; background: var(--blue); border-radius: 3px 3px 0 0; }
.ticks { display: flex; justify-content: space-between; font-size: .82rem; color: var(--soft-text); } .axis { text-align: center; font-size: .88rem; color: var(--soft-text); }
.rows { display: grid; gap: .55rem; } .items .row { display: grid; grid-template-columns: 13rem 1fr 1fr; gap: .2rem 1.2rem; align-items: center; }
.row .name { overflow-wrap: anywhere; font-size: .95rem; } .measure { display: grid; grid-template-columns: 1fr 3.4rem; gap: .5rem; align-items: center; }
.measure b { font-weight: 500; font-variant-numeric: tabular-nums; font-size: .92rem; text-align: right; }
.measure .ticks { padding: 0; } svg { display: block; width: 100%; height: 18px; overflow: visible; }
.bars .row { display: grid; grid-template-columns: minmax(0, 26rem) 1fr; gap: .1rem 1rem; align-items: center; } .bars .measure { grid-template-columns: 1fr 5.2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; } th { color: var(--soft-text); font-weight: 500; }
td:last-child, th:last-child { min-width: 13rem; } td.number, th.number { min-width: 0; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 42rem) { .items .row, .bars .row { grid-template-columns: 1fr; } .row .name { margin-top: .35rem; } .items .row.wide, .bars .wide { display: none; }
  .items .measure::before { content: attr(data-label); grid-column: 1 / -1; font-size: .82rem; color: var(--soft-text); margin-bottom: -.35rem; } }
@media print { body { background: #fff; } section.card { break-inside: avoid; } }
"""


# ------------------------------------------------------------------------------------------------ the page
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
    records = {name: trusted(root, name) for name in assignments}
    said = "Students are named." if names else "No student is named."
    return _write(
        path,
        records,
        "Report of the class",
        f"From the records of grading. {said}",
        names,
        {n: doubtful(root, n, names) for n in assignments},
    )


def write_simulated_report(
    root: pathlib.Path,
    assignments: list[str],
    path: pathlib.Path,
    students: int,
    workers: int,
    told: Callable[[str, int, int], None] = lambda assignment, done, total: None,
) -> pathlib.Path:
    """Make and grade a simulated class in a temporary place, before a release, and write the report on it.

    Neither the course's submissions nor its gradebook are touched; the same call gives the same class and the same
    hidden cases again.

    Raises
    ------
    CourseError
        Where there is no release, or a submission could not be graded.
    """
    records, proofs = {}, {}
    for name in assignments:
        records[name], choices = simulate(root, name, students, workers, functools.partial(told, name))
        proofs[name] = proof_section(records[name], choices)
    words = (
        f"A simulated class of {students}: each student is made of correct variants and of misconceptions that the exercises know. "
        "It shows what the exercises do, not what people do; the times are real."
    )
    return _write(path, records, "Report of a simulated class", words, False, proofs)


def simulate(
    root: pathlib.Path, assignment: str, students: int, workers: int, told: Callable[[int, int], None]
) -> tuple[list[Record], dict[str, dict[str, str]]]:
    """Return records of a simulated class, and what each student was made of (student to exercise to choice)."""
    from photgrader.runs import parallel
    from photgrader.simulate.make_class import make_class

    with tempfile.TemporaryDirectory(prefix="pg-simulated-") as folder:
        place = pathlib.Path(folder)
        for part in ("source", "release"):
            coursedir.skeleton(root, assignment, coursedir.notebooks(root, assignment)[0])
            shutil.copytree(root / part / assignment, place / part / assignment)
        for part in ("nbgrader_config.py", "photgrader.toml"):
            if (root / part).is_file():
                shutil.copy(root / part, place)
        made = make_class(place, assignment, students, special=False)
        settings = dataclasses.replace(coursedir.settings(root), run=SIMULATED_RUN)
        # A key that is no secret: hidden cases of a class that does not exist.
        tasks = [
            dataclasses.replace(t, settings=settings, key=b"simulated") for t in parallel.submissions(place, assignment)
        ]
        records = []
        for number, (task, result) in enumerate(parallel.run_here(tasks, workers), 1):
            if isinstance(result, str):
                raise coursedir.CourseError(f"{task.student} of the simulated class could not be graded: {result}")
            records.append(Record.read(result["record"]))
            told(number, len(tasks))
    return sorted(records, key=lambda r: r.student), {s.id: s.choices for s in made}


def _write(
    path: pathlib.Path, records: dict[str, list[Record]], title: str, words: str, names: bool, further: dict[str, str]
) -> pathlib.Path:
    sections = []
    for name, found in records.items():
        if not found:
            sections.append(
                f'<h2 id="{_text(name)}">{_text(name)}</h2><p>Nothing is graded yet.</p>{further.get(name, "")}'
            )
            continue
        items = analyse(found)
        sections.append(assignment_section(name, found, items, names, further.get(name, "")))
        write_csv(path.with_name(f"{path.stem}-{name}.csv"), items)
    links = "".join(f'<li><a href="#{_text(n)}">{_text(n)}</a></li>' for n in records)
    nav = f'<nav aria-label="Assignments"><ul>{links}</ul></nav>' if len(records) > 1 else ""
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{PAGE_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body><main><h1>{_text(title)}</h1>"
        f'<p class="soft">{_text(words)} Made {when}.</p>{nav}{"".join(sections)}</main></body></html>\n'
    )
    coursedir.write_output(path, page)
    return path


def _text(value: Any) -> str:
    return html.escape(str(value))


def assignment_section(name: str, records: list[Record], items: list[Item], names: bool, further: str = "") -> str:
    """Return the report's part on one assignment."""
    parts = [
        f'<h2 id="{_text(name)}">{_text(name)}</h2>',
        summary(records),
        *warnings(records),
        further,
        broken_section(items),
        scores_figure(records),
        items_figure(items),
        mistakes_figure(items, len(records)),
        states_figure(records),
        items_table(items),
        leaderboard(records),
    ]
    return "".join(p for p in [*parts, students_table(records) if names else ""] if p)


def _card(title: str, words: str, body: str) -> str:
    return f'<section class="card"><h3>{_text(title)}</h3><p class="soft">{_text(words)}</p>{body}</section>'


def summary(records: list[Record]) -> str:
    """Return the first figures on an assignment."""
    states = Counter(r.state for r in records)
    share = [r.points / r.max_points for r in records if r.max_points]
    seconds = np.array([r.seconds for r in records])
    looked = sum(n for s, n in states.items() if s not in ("graded", "repaired"))
    tiles = [
        ("submissions", str(len(records)), ""),
        ("mean of the automatic points", f"{np.mean(share):.0%}" if share else "none", ""),
        ("median", f"{np.median(share):.0%}" if share else "none", ""),
        ("repaired on the way in", str(states["repaired"]), ""),
        ("need a person", str(looked), ""),
        ("time to grade one", f"{np.median(seconds):.1f} s", f"at most {seconds.max():.1f} s"),
    ]
    return (
        '<dl class="tiles">'
        + "".join(f"<div><dt>{_text(t)}</dt><dd>{_text(v)}<small>{_text(s)}</small></dd></div>" for t, v, s in tiles)
        + "</dl>"
    )


def doubtful(root: pathlib.Path, assignment: str, names: bool) -> str:
    """Return a warning of records that are not as the grader wrote them (`photgrader.gradebook.backups`); empty where all are."""
    doubts = coursedir.doubts(root, assignment)
    if not doubts:
        return ""
    who = f" ({_text(', '.join(d.student for d in doubts))})" if names else ""
    return (
        f'<p class="flag"><strong>{len(doubts)} of the records were changed, damaged or are not signed{who}.</strong> They are left out here: '
        f"photgrader doctor says which, and how to grade them again.</p>"
    )


def trusted(root: pathlib.Path, assignment: str) -> list[Record]:
    """Return the records of an assignment that are as the grader wrote them."""
    doubted = {d.student for d in coursedir.doubts(root, assignment)}
    return [r for r in coursedir.read_records(root, assignment) if r.student not in doubted]


def warnings(records: list[Record]) -> list[str]:
    """Return what has to be known before the figures are believed."""
    found = []
    unsafe = sum(not r.sandbox for r in records)
    if unsafe:
        found.append(
            f'<p class="flag"><strong>{unsafe} submissions were graded without the sandbox.</strong> Do not trust their verdicts.</p>'
        )
    plain = sorted({cell for r in records for cell in r.plain_tests})
    if plain:
        found.append(
            f'<p class="flag">Less trusted: {_text(", ".join(plain))} are plain nbgrader tests, which run in the student\'s own kernel.</p>'
        )
    return found


def broken_section(items: list[Item]) -> str:
    """Return the exercises that look broken, and why; or that none does."""
    flags = "".join(
        f'<p class="flag"><strong>{_text(i.name)}</strong>: {_text(flag)}.</p>' for i in items for flag in i.flags
    )
    return _card(
        "Exercises that look broken",
        "Hardly anybody or everybody earns the points; strong students lose them; most mistakes have no name; or a single "
        "case stops those who have everything else right.",
        flags or "<p>None.</p>",
    )


# ------------------------------------------------------------------------------------------------ figures
def scores_figure(records: list[Record]) -> str:
    """Return the distribution of scores."""
    share = np.array([100 * r.points / r.max_points for r in records if r.max_points])
    if not len(share):
        return ""
    counts, _ = np.histogram(share, bins=np.arange(0, 101, 10))
    top = counts.max()
    bars = "".join(f'<div>{c or ""}<i style="height:{88 * c / top:.1f}%"></i></div>' for c in counts)
    text = ", ".join(f"{int(c)} between {10 * i} and {10 * i + 10} %" for i, c in enumerate(counts) if c)
    body = (
        f'<div role="img" aria-label="Histogram of the scores: {_text(text)}."><div class="histogram">{bars}</div>'
        f'<div class="ticks">{"".join(f"<span>{t}</span>" for t in range(0, 101, 20))}</div><div class="axis">automatic points earned (%)</div></div>'
    )
    return _card(
        "Scores",
        f"How many submissions earned how much: mean {share.mean():.0f} %, median {np.median(share):.0f} %, "
        f"the middle half between {np.percentile(share, 25):.0f} and {np.percentile(share, 75):.0f} %.",
        body,
    )


def _interval(value: float, low: float, high: float, start: float, end: float, colour: str, zero: bool = False) -> str:
    """Return a point with its interval on a track from `start` to `end`."""

    def at(x: float) -> str:
        return f"{100 * (min(max(x, start), end) - start) / (end - start):.2f}%"

    track = '<line x1="0" x2="100%" y1="9" y2="9" stroke="var(--track)" stroke-width="8" stroke-linecap="round"/>'
    middle = f'<line x1="{at(0)}" x2="{at(0)}" y1="2" y2="16" stroke="var(--grey)" stroke-width="1"/>' if zero else ""
    if math.isnan(value):
        return f'<svg aria-hidden="true">{track}{middle}</svg>'
    bar = (
        ""
        if math.isnan(low)
        else f'<line x1="{at(low)}" x2="{at(high)}" y1="9" y2="9" stroke="{colour}" stroke-opacity=".45" stroke-width="6"/>'
    )
    return f'<svg aria-hidden="true">{track}{middle}{bar}<circle cx="{at(value)}" cy="9" r="6" fill="{colour}"/></svg>'


def items_figure(items: list[Item]) -> str:
    """Return difficulty and discrimination with their intervals."""
    if not items:
        return ""
    rows = []
    for i in items:
        easy = _interval(i.difficulty, i.difficulty_low, i.difficulty_high, 0, 1, "var(--blue)")
        tells = _interval(
            i.discrimination, i.discrimination_low, i.discrimination_high, -1, 1, "var(--orange)", zero=True
        )
        rows.append(
            f'<div class="row"><div class="name">{_text(i.name)}</div><div class="measure" data-label="mean share of the points">{easy}<b>{i.difficulty:.2f}</b></div>'
            f'<div class="measure" data-label="correlation with the rest">{tells}<b>{_number(i.discrimination)}</b></div></div>'
        )
    ticks = (
        '<div class="row wide"><div></div><div class="measure"><div class="ticks"><span>0</span><span>0.5</span><span>1</span></div></div>'
        '<div class="measure"><div class="ticks"><span>-1</span><span>0</span><span>1</span></div></div></div>'
        '<div class="row wide"><div></div><div class="axis">mean share of the points</div><div class="axis">correlation with the rest</div></div>'
    )
    text = "; ".join(f"{i.name}: share {i.difficulty:.2f}, correlation {_number(i.discrimination)}" for i in items)
    body = f'<div role="img" aria-label="Difficulty and discrimination. {_text(text)}." class="rows items">{"".join(rows)}{ticks}</div>'
    return _card(
        "Difficulty and discrimination",
        "Blue: the mean share of the points, the further right the easier. Orange: how well an exercise tells strong students from "
        "weak, its correlation with the rest of the assignment (the point-biserial coefficient where it is all or nothing); near or below 0 it does not. Pale bars are 95 % "
        "intervals; with few students they are wide.",
        body,
    )


def _bar(name: str, share: float, words: str, colour: str = "var(--blue)") -> str:
    bar = (
        '<svg aria-hidden="true"><line x1="0" x2="100%" y1="9" y2="9" stroke="var(--track)" stroke-width="10"/>'
        f'<line x1="0" x2="{100 * share:.2f}%" y1="9" y2="9" stroke="{colour}" stroke-width="10"/></svg>'
    )
    return f'<div class="row"><div class="name">{name}</div><div class="measure">{bar}<b>{_text(words)}</b></div></div>'


def mistakes_figure(items: list[Item], students: int) -> str:
    """Return how often each mistake was recognised."""
    counts = Counter({(i.name, title): n for i in items for title, n in i.mistakes.items()})
    shown = counts.most_common(MISTAKES_SHOWN)
    if not shown:
        return ""
    top = shown[0][1]
    rows = "".join(
        _bar(
            f'{_text(title)} <span class="soft">{_text(exercise)}</span>',
            n / top,
            f"{n} ({n / students:.0%})",
            "var(--grey)" if title == "not recognised" else "var(--blue)",
        )
        for (exercise, title), n in shown
    )
    text = "; ".join(f"{title} in {exercise}: {n}" for (exercise, title), n in shown)
    rest = len(counts) - len(shown)
    more = f" {rest} rarer ones are in the CSV file." if rest else ""
    return _card(
        "Mistakes",
        f"The most frequent mistakes by the name that students saw, and the share of the class; grey where no misconception explains the answers.{more}",
        f'<div role="img" aria-label="Mistakes by frequency: {_text(text)}." class="rows bars">{rows}</div>',
    )


def states_figure(records: list[Record]) -> str:
    """Return how long grading took, by state; a dot is a submission."""
    by_state: dict[str, list[float]] = {}
    for record in records:
        by_state.setdefault(record.state, []).append(max(record.seconds, 1e-3))
    all_times = np.array([t for v in by_state.values() for t in v])
    low, high = 10 ** np.floor(np.log10(all_times.min())), 10 ** np.ceil(np.log10(all_times.max()) + 1e-9)
    decades = int(round(math.log10(high / low)))
    rows = []
    for state, times in sorted(by_state.items(), key=lambda s: -len(s[1])):
        dots = "".join(
            f'<circle cx="{100 * math.log10(t / low) / decades:.2f}%" cy="{9 + 3 * ((k % 3) - 1)}" r="4" fill="var(--blue)" fill-opacity=".6"/>'
            for k, t in enumerate(times)
        )
        rows.append(
            f'<div class="row"><div class="name">{_text(state)} <span class="soft">{len(times)} submission{"s" if len(times) != 1 else ""}</span></div><div class="measure">'
            f'<svg aria-hidden="true"><line x1="0" x2="100%" y1="9" y2="9" stroke="var(--track)" stroke-width="10"/>{dots}</svg><b>{np.median(times):.1f} s</b></div></div>'
        )
    ticks = "".join(f"<span>{low * 10**k:g} s</span>" for k in range(decades + 1))
    axis = f'<div class="row"><div class="wide"></div><div class="measure"><div class="ticks">{ticks}</div></div></div>'
    text = "; ".join(
        f"{s}: {len(v)} submissions, median {np.median(v):.1f} s, at most {max(v):.1f} s" for s, v in by_state.items()
    )
    return _card(
        "States and times",
        "Every submission by its state, a dot at the seconds that its grading took (logarithmic), with the median at the right.",
        f'<div role="img" aria-label="States and times. {_text(text)}." class="rows bars">{"".join(rows)}{axis}</div>',
    )


def _number(value: float) -> str:
    return "too few" if math.isnan(value) else f"{value:.2f}"


# ------------------------------------------------------------------------------------------------ tables
def _table(head: list[str], rows: list[list[str]], numbers: set[int], title: str, words: str = "") -> str:
    cells = "".join(
        f'<th scope="col"{" class=number" if i in numbers else ""}>{_text(h)}</th>' for i, h in enumerate(head)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=number' if i in numbers else ''}>{_text(c)}</td>" for i, c in enumerate(r))
        + "</tr>"
        for r in rows
    )
    return _card(
        title,
        words,
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(title)}"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>',
    )


def items_table(items: list[Item]) -> str:
    """Return the exercises as a table."""
    rows = [
        [
            i.name,
            str(len(i.scores)),
            f"{i.difficulty:.2f}",
            f"{_number(i.difficulty_low)} to {_number(i.difficulty_high)}",
            _number(i.discrimination),
            "" if math.isnan(i.discrimination) else f"{i.discrimination_low:.2f} to {i.discrimination_high:.2f}",
            "; ".join(f"{n} {s}" for s, n in i.states.most_common()),
        ]
        for i in items
    ]
    return _table(
        ["exercise", "judged", "mean share", "95 %", "discrimination", "95 %", "states"],
        rows,
        {1, 2, 3, 4, 5},
        "Exercises in numbers",
        "Who was skipped is not counted: there was nothing of theirs to judge.",
    )


def students_table(records: list[Record]) -> str:
    """Return the students as a table, with what a grader has to know of each."""
    rows = []
    for record in sorted(records, key=lambda r: r.student):
        notes = [r.grader for r in record.repairs] + [f"cell {f.cell}: {f.state}" for f in record.faults]
        given = [
            f"{n}: {note}"
            for n, e in record.exercises.items()
            for note in [*e.notes, *(["skipped"] if e.state == "skipped" else [])]
        ]
        rows.append(
            [
                record.student,
                f"{record.points:.4g} / {record.max_points:g}"
                + (f" + {record.extra_points:.4g}" if record.extra_points else ""),
                record.state,
                f"{record.seconds:.1f}",
                "; ".join(notes + given + ([record.sentence] if record.sentence else [])),
            ]
        )
    return _table(["student", "points", "state", "seconds", "what the grader should know"], rows, {1, 3}, "Students")


def leaderboard(records: list[Record]) -> str:
    """Return the leaderboard of a challenge, of those who gave a name for it; empty where there is none."""
    shown = [r.leaderboard for r in sorted(records, key=lambda r: -r.points) if r.leaderboard is not None]
    if not shown:
        return ""
    rows = [[line.name, *(f"{v:.4g}" for v in line.figures.values())] for line in shown]
    head = ["name", *shown[0].figures]
    return _table(head, rows, set(range(1, len(head))), "Leaderboard", "Names that students chose to show.")


def proof_section(records: list[Record], choices: dict[str, dict[str, str]]) -> str:
    """Return how what came out of a simulated class compares with what was put in."""
    right = wrong = kept = caught = named = 0
    misses = []
    for record in records:
        for name, choice in choices.get(record.student, {}).items():
            kind, _, id = choice.partition(": ")
            got = record.exercises.get(name)
            if got is None or kind not in ("variant", "misconception"):
                continue
            full = got.points >= got.max_points
            if kind == "variant":
                right, kept = right + 1, kept + full
                misses += (
                    [] if full else [f"{name}: the correct variant {id!r} loses marks ({got.symptom or got.sentence})"]
                )
            else:
                wrong, caught, named = (
                    wrong + 1,
                    caught + (not full),
                    named + (got.hint == id or (not full and _raises(record, name, id, got))),
                )
                misses += [f"{name}: the misconception {id!r} loses nothing"] if full else []
    words = f"{kept} of {right} correct variants keep every mark; {caught} of {wrong} misconceptions lose marks, and {named} of those are called by their own name first."
    return _card(
        "What was put in, and what came out", words, "".join(f'<p class="flag">{_text(m)}.</p>' for m in misses)
    )


def _raises(record: Record, name: str, id: str, got: ExerciseRecord) -> bool:
    """Tell whether a misconception shows as a general fault, and was called so."""
    from photgrader.exercise import load_assignment

    known = load_assignment(record.assignment).exercises[name].misconceptions.get(id)
    return known is not None and bool(known.raises) and got.hint == known.raises


def write_csv(path: pathlib.Path, items: list[Item]) -> None:
    """Write the table of exercises, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        [
            "exercise",
            "students",
            "mean_share",
            "mean_low",
            "mean_high",
            "discrimination",
            "discrimination_low",
            "discrimination_high",
            "states",
            "mistakes",
            "flags",
        ]
    )
    for i in items:
        numbers = (
            i.difficulty,
            i.difficulty_low,
            i.difficulty_high,
            i.discrimination,
            i.discrimination_low,
            i.discrimination_high,
        )
        writer.writerow(
            [
                csv_cell(i.name),
                len(i.scores),
                *(f"{v:.4f}" for v in numbers),
                csv_cell("; ".join(f"{s} ({n})" for s, n in i.states.most_common())),
                csv_cell("; ".join(f"{t} ({n})" for t, n in i.mistakes.most_common())),
                csv_cell("; ".join(i.flags)),
            ]
        )
    coursedir.write_output(path, buffer.getvalue())
