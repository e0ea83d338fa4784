"""The report of a class: one self-contained page with figures, and its tables as CSV beside it.

The figures are drawn in HTML and small pieces of SVG whose positions are shares of the width: they are sharp at any
size, fit a phone, follow dark mode, and their text is text.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import functools
import io
import math
import pathlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup

from photcheck.render import coded
from photgrader import coursedir
from photgrader.coursedir.record import ExerciseRecord, Record
from photgrader.grading.sanitise import PAGE_POLICY, csv_cell
from photgrader.overview.items import FEWEST, Item, analyse

#: Most mistakes that are drawn; the table beside the page has all.
MISTAKES_SHOWN = 15
#: Label of the run that simulated classes are graded under.
SIMULATED_RUN = "simulated"


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
    records: dict[str, list[Record]] = {}
    proofs: dict[str, Proof] = {}
    for name in assignments:
        records[name], choices = simulate(root, name, students, workers, functools.partial(told, name))
        proofs[name] = proof_of(records[name], choices)
    words = (
        f"A simulated class of {students}: each student is made of correct variants and of misconceptions that the exercises know. "
        "It shows what the exercises do, not what people do; the times are real."
    )
    return _write(path, records, "Report of a simulated class", words, False, proofs=proofs)


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
    path: pathlib.Path,
    records: dict[str, list[Record]],
    title: str,
    words: str,
    names: bool,
    doubted: Mapping[str, tuple[str, str] | None] | None = None,
    proofs: Mapping[str, Proof] | None = None,
) -> pathlib.Path:
    sections = {}
    for name, found in records.items():
        items = analyse(found) if found else []
        sections[name] = assignment_section(
            name, found, items, names, (doubted or {}).get(name), (proofs or {}).get(name)
        )
        if found:
            write_csv(path.with_name(f"{path.stem}-{name}.csv"), items)
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = _templates().get_template("report.html")
    coursedir.write_output(
        path, page.render(title=title, words=words, when=when, policy=PAGE_POLICY, sections=sections)
    )
    return path


@functools.cache
def _templates() -> jinja2.Environment:
    """Return the page's templates; what is put into them is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["coded"] = lambda text: Markup(coded(text))  # noqa: S704 (escaped there)
    return made


def assignment_section(
    name: str,
    records: list[Record],
    items: list[Item],
    names: bool,
    doubted: tuple[str, str] | None = None,
    proof: Proof | None = None,
) -> Markup:
    """Return the report's part on one assignment.

    Parameters
    ----------
    name : str
        The assignment.
    records : list of Record
        Those that are trusted.
    items : list of Item
        Their analysis.
    names : bool
        Whether students are named.
    doubted : tuple of str, optional
        A warning of records that are left out (`doubtful`).
    proof : Proof, optional
        What was put into a simulated class.
    """
    return Markup(  # noqa: S704 (the template escapes what it is given)
        _templates()
        .get_template("assignment.html")
        .render(
            name=name,
            tiles=summary(records) if records else [],
            warnings=([doubted] if doubted else []) + warnings(records),
            proof=proof,
            broken=[(i.name, flag) for i in items for flag in i.flags],
            scores=scores_figure(records),
            hardness=items_figure(items),
            mistakes=mistakes_figure(items, len(records)),
            states=states_figure(records) if records else None,
            tables=[
                *([items_table(items)] if records else []),
                *leaderboard(records),
                *([students_table(records)] if records and names else []),
            ],
        )
    )


def summary(records: list[Record]) -> list[tuple[str, str, str]]:
    """Return the first figures on an assignment: what, how much, and a small remark."""
    states = Counter(r.state for r in records)
    share = [r.points / r.max_points for r in records if r.max_points]
    seconds = np.array([r.seconds for r in records])
    looked = sum(n for s, n in states.items() if s not in ("graded", "repaired"))
    return [
        ("submissions", str(len(records)), ""),
        ("mean of the automatic points", f"{100 * np.mean(share):.0f} %" if share else "none", ""),
        ("median", f"{100 * np.median(share):.0f} %" if share else "none", ""),
        ("repaired on the way in", str(states["repaired"]), ""),
        ("without a verdict", str(looked), "a person looks at these"),
        ("time to grade one", f"{np.median(seconds):.1f} s", f"at most {seconds.max():.1f} s"),
    ]


def doubtful(root: pathlib.Path, assignment: str, names: bool) -> tuple[str, str] | None:
    """Return a warning of records that are not as the grader wrote them (`photgrader.gradebook.backups`), or None where all are."""
    doubts = coursedir.untrusted(root, assignment)
    if not doubts:
        return None
    who = f" ({', '.join(d.student for d in doubts)})" if names else ""
    return (
        f"{len(doubts)} of the records were changed, damaged or are not signed{who}.",
        " They are left out here: photgrader doctor says which, and how to grade them again.",
    )


def trusted(root: pathlib.Path, assignment: str) -> list[Record]:
    """Return the records of an assignment that are as the grader wrote them."""
    doubted = {d.student for d in coursedir.untrusted(root, assignment)}
    return [r for r in coursedir.read_records(root, assignment) if r.student not in doubted]


def warnings(records: list[Record]) -> list[tuple[str, str]]:
    """Return what has to be known before the figures are believed: what stands out, and the rest of the sentence."""
    found = []
    unsafe = sum(not r.sandbox for r in records)
    if unsafe:
        found.append(
            (
                f"{coursedir.counted(unsafe, 'submission')} {'was' if unsafe == 1 else 'were'} graded without the sandbox.",
                " Do not trust these verdicts.",
            )
        )
    plain = sorted({cell for r in records for cell in r.plain_tests})
    if plain:
        found.append(
            ("", f"Less trusted: {', '.join(plain)} are plain nbgrader tests, which run in the student's own kernel.")
        )
    return found


# ------------------------------------------------------------------------------------------------ figures
def _share(x: float, start: float = 0.0, end: float = 1.0) -> str:
    """Return where `x` lies on a track from `start` to `end`."""
    return f"{100 * (min(max(x, start), end) - start) / (end - start):.2f}%"


def scores_figure(records: list[Record]) -> dict[str, Any] | None:
    """Return the distribution of scores, or None where there is none."""
    share = np.array([100 * r.points / r.max_points for r in records if r.max_points])
    if not len(share):
        return None
    counts, _ = np.histogram(share, bins=np.arange(0, 101, 10))
    return {
        "bars": [(int(c), f"{88 * c / counts.max():.1f}") for c in counts],
        "text": ", ".join(f"{c} between {10 * i} and {10 * i + 10} %" for i, c in enumerate(counts) if c),
        "words": f"How many submissions earned how much: mean {share.mean():.0f} %, median {np.median(share):.0f} %, "
        f"the middle half between {np.percentile(share, 25):.0f} and {np.percentile(share, 75):.0f} %.",
    }


def _interval(value: float, low: float, high: float, start: float, colour: str) -> dict[str, str | None]:
    """Return a point with its interval on a track from `start` to 1, with a mark at zero where that lies within."""
    return {
        "value": None if math.isnan(value) else _share(value, start),
        "low": None if math.isnan(value) or math.isnan(low) else _share(low, start),
        "high": None if math.isnan(high) else _share(high, start),
        "zero": _share(0.0, start) if start < 0 else None,
        "colour": f"var(--{colour})",
    }


def items_figure(items: list[Item]) -> dict[str, Any]:
    """Return difficulty and discrimination with their intervals."""
    return {
        "rows": [
            {
                "name": i.name,
                "easy": _interval(i.difficulty, i.difficulty_low, i.difficulty_high, 0, "blue"),
                "tells": _interval(i.discrimination, i.discrimination_low, i.discrimination_high, -1, "orange"),
                "difficulty": f"{i.difficulty:.2f}",
                "discrimination": _tells(i),
            }
            for i in items
        ],
        "text": "; ".join(f"{i.name}: share {i.difficulty:.2f}, correlation {_tells(i)}" for i in items),
    }


def mistakes_figure(items: list[Item], students: int) -> dict[str, Any] | None:
    """Return how often each mistake was recognised, or None where there was none."""
    counts = Counter({(i.name, title): n for i in items for title, n in i.mistakes.items()})
    shown = counts.most_common(MISTAKES_SHOWN)
    if not shown:
        return None
    rest = len(counts) - len(shown)
    more = f" {rest} rarer ones are in the CSV file." if rest else ""
    return {
        "rows": [
            {
                "title": title,
                "exercise": exercise,
                "width": _share(n / students),
                "words": f"{n} ({100 * n / students:.0f} %)",
                "colour": "grey" if title == "not recognised" else "blue",
            }
            for (exercise, title), n in shown
        ],
        "text": "; ".join(f"{title} in {exercise}: {n}" for (exercise, title), n in shown),
        "words": "The most frequent mistakes by the name that students saw, and the share of the class; grey where no misconception "
        f"explains the answers.{more}",
    }


def states_figure(records: list[Record]) -> dict[str, Any]:
    """Return how long grading took, by state; a dot is a submission."""
    by_state: dict[str, list[float]] = {}
    for record in records:
        by_state.setdefault(record.state, []).append(max(record.seconds, 1e-3))
    all_times = np.array([t for v in by_state.values() for t in v])
    low, high = math.floor(np.log10(all_times.min())), math.ceil(np.log10(all_times.max()) + 1e-9)
    return {
        "rows": [
            {
                "state": state,
                "count": len(times),
                "dots": [_share(math.log10(t), low, high) for t in times],
                "median": f"{np.median(times):.1f} s",
            }
            for state, times in sorted(by_state.items(), key=lambda s: -len(s[1]))
        ],
        "ticks": [f"{10.0**k:g} s" for k in range(low, high + 1)],
        "text": "; ".join(
            f"{s}: {coursedir.counted(len(v), 'submission')}, median {np.median(v):.1f} s, at most {max(v):.1f} s"
            for s, v in by_state.items()
        ),
    }


def _tells(item: Item) -> str:
    """Return an exercise's discrimination, or why there is none."""
    if math.isnan(item.discrimination):
        return "too few" if len(item.scores) < FEWEST else "all alike"
    return f"{item.discrimination:.2f}"


# ------------------------------------------------------------------------------------------------ tables
class Table(NamedTuple):
    """A table of the page; `numbers` are the columns that are set as such."""

    title: str
    head: list[str]
    rows: list[list[str]]
    numbers: set[int]
    words: str = ""


def items_table(items: list[Item]) -> Table:
    """Return the exercises as a table."""
    rows = [
        [
            i.name,
            str(len(i.scores)),
            f"{i.difficulty:.2f}",
            "" if math.isnan(i.difficulty_low) else f"{i.difficulty_low:.2f} to {i.difficulty_high:.2f}",
            _tells(i),
            "" if math.isnan(i.discrimination) else f"{i.discrimination_low:.2f} to {i.discrimination_high:.2f}",
            "; ".join(f"{n} {s}" for s, n in i.states.most_common()),
        ]
        for i in items
    ]
    return Table(
        "Exercises in numbers",
        ["exercise", "judged", "mean share", "95 %", "discrimination", "95 %", "states"],
        rows,
        {1, 2, 3, 4, 5},
        "Who was skipped is not counted: there was nothing of theirs to judge.",
    )


def students_table(records: list[Record]) -> Table:
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
    return Table("Students", ["student", "points", "state", "seconds", "what the grader should know"], rows, {1, 3})


def leaderboard(records: list[Record]) -> list[Table]:
    """Return the leaderboard of a challenge, of those who gave a name for it; none where there is none."""
    shown = [r.leaderboard for r in sorted(records, key=lambda r: -r.points) if r.leaderboard is not None]
    if not shown:
        return []
    rows = [[line.name, *(f"{v:.4g}" for v in line.figures.values())] for line in shown]
    head = ["name", *shown[0].figures]
    return [Table("Leaderboard", head, rows, set(range(1, len(head))), "Names that students chose to show.")]


class Proof(NamedTuple):
    """What was put into a simulated class and what came out: in words, and what did not come out as it should."""

    words: str
    misses: list[str]


def proof_of(records: list[Record], choices: dict[str, dict[str, str]]) -> Proof:
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
    return Proof(words, misses)


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
