"""A course with secrets in it, honest students, and the search of all that a student can see for what they must not."""

from __future__ import annotations

import collections
import contextlib
import functools
import html.parser
import inspect
import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat
import numpy as np
import sandbox_facts
from attacks.corpus import BREACH, LOOT, MARK, PORT_WORD, SOCKET_WORD, Attack, corpus
from nbgrader.api import Gradebook

from benchmarks.grading import local_cluster
from photgrader import coursedir
from photgrader.coursedir.settings import Limits
from photgrader.exercise import load_assignment
from photgrader.gradebook import app
from photgrader.gradebook.mathml import OfflineHTMLExporter
from photgrader.gradebook.writer import log_path
from photgrader.grading.judge import REVIEW_STATES, grading_spec
from photgrader.grading.task import STOPPED
from support import ASSIGNMENT, RIGHT, ROOT, submit, task_cell, tiny_notebook

#: Secrets: where they are, and the word to be searched for.
CANARIES = {
    place: f"canary-{word}-of-{place.replace(' ', '-')}"
    for place, word in {
        "the solution": "5d01",
        "the marking scheme": "91bc",
        "the environment": "e77a",
        "the gradebook": "06f3",
        "another submission": "7f3a",
    }.items()
}
VARIABLE = "PHOTGRADER_TEST_CANARY"
#: What a worker has beside a notebook's own time before it is killed: for the judge, and for kernels to start, which is no part of a
#: notebook's time (ten cold ones took 50 s once, beside a hub's tests). Beyond it the limit from outside has not held.
SLACK_SECONDS = Limits().judge_seconds
#: Seconds of a notebook, by mode: a cold kernel imports what a warm one has, in the first cell.
NOTEBOOK_SECONDS = {"warm": 10.0, "cold": 25.0}


def limits(mode: str) -> str:
    """Return the settings of a mode."""
    seconds = {"warm": (2.0, 2.0), "cold": (8.0, 5.0)}[mode]
    return (
        f"warm = {str(mode == 'warm').lower()}\n[limits]\ncell_seconds = {seconds[0]}\ncall_seconds = {seconds[1]}\nnotebook_seconds = {NOTEBOOK_SECONDS[mode]}\n"
        "memory_mb = 1200\nprocesses = 60\nfiles = 1000\nfolder_mb = 64\noutput_kb = 200\nsubmission_mb = 2\n"
    )


POINTS = 7.0


def make_arena(folder: pathlib.Path) -> pathlib.Path:
    """Make a small course whose source holds secrets; return its root."""
    from photgrader.release.build import build_release

    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    notebook = tiny_notebook()
    for cell in notebook.cells:
        cell.source = cell.source.replace("### BEGIN SOLUTION", f"### BEGIN SOLUTION\n    # {CANARIES['the solution']}")
    notebook.cells.append(
        task_cell(
            f"Draw the centroid on the image, and say in a sentence what the drawing shows you.\n\n=== BEGIN MARK SCHEME ===\n{CANARIES['the marking scheme']}\n=== END MARK SCHEME ==="
        )
    )
    nbformat.write(notebook, source / f"{ASSIGNMENT}.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "photgrader.toml").write_text(limits("warm"))
    build_release(folder, ASSIGNMENT)
    coursedir.key(folder)
    return folder


def hand_in_honestly(root: pathlib.Path, student: str) -> None:
    """Hand in right work, with a secret in it."""
    submit(root, student, {**RIGHT, "written-why": f"My own words: {CANARIES['another submission']}"})


def comment(root: pathlib.Path, student: str) -> None:
    """Have a person mark a student's writing, with words for that student's eyes only."""
    with Gradebook(app.database_url(root)) as gradebook:
        gradebook.find_comment("written-why", ASSIGNMENT, ASSIGNMENT, student).manual_comment = CANARIES[
            "the gradebook"
        ]
        gradebook.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, student).manual_score = 1.5
        gradebook.db.commit()


# ------------------------------------------------------------------------------------------------ what must not be seen
@functools.cache
def secrets(root: pathlib.Path) -> list[str]:
    """Return the words that nobody but the grader may see: the canaries, the key, lines of the references."""
    references = [
        line.strip()
        for e in load_assignment(ASSIGNMENT).exercises.values()
        for line in inspect.getsource(inspect.getmodule(e.solve_by)).splitlines()
        if line.strip().startswith(("@exercise.", "yield Case(", "from photgrader"))
    ]
    return [*CANARIES.values(), coursedir.key(root).hex(), *sorted(set(references))]


def hidden_values(record: dict[str, Any]) -> list[str]:
    """Return the numbers of a student's hidden cases, inputs and answers, written out as Python does."""
    assignment, words = load_assignment(ASSIGNMENT), set()
    for name, exercise in record["exercises"].items():
        for case in grading_spec(assignment.exercises[name], 1.0, exercise["seed"], ()).cases:
            if case.hidden:
                from photcheck import wire

                values = [np.ravel(np.asarray(wire.decode(form), dtype=float))[:40] for form in case.args] + [
                    np.ravel(np.asarray(case.expected, dtype=float))
                ]
                words |= {repr(float(v))[:9] for part in values for v in part}
    return [w for w in words if len(w) == 9 and "e" not in w]


class Runs(html.parser.HTMLParser):
    """Collects what a page would run, fetch or submit of a student's, by the standard library's reading of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        for name, value in attrs:
            link = name in ("href", "src", "data", "action", "content", "style") and "script:" in (value or "").lower()
            if link or (name.startswith("on") and "evil" in (value or "")) or name == "srcdoc":
                self.found.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and "evil" in data:
            self.found.append(f"script {data}")

    @classmethod
    def of(cls, page: str) -> list[str]:
        """Return what a page would run."""
        reader = cls()
        reader.feed(page)
        return reader.found


def page_of(notebook: str) -> str:
    """Return the page that a student gets."""
    return OfflineHTMLExporter().from_notebook_node(nbformat.reads(notebook, as_version=4))[0]


def others_in(folder: pathlib.Path) -> str:
    """Return the text of the further files of a feedback folder: what is in it goes back to the student."""
    files = [
        p
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix not in (".html", ".zip") and p.stat().st_size < 2_000_000
    ]
    return "".join(p.read_bytes().decode("utf-8", "replace") for p in files)


def loot(notebook: str) -> list[str]:
    """Return what an attack says it has got hold of, in its outputs."""
    texts = [o.get("text", "") for c in nbformat.reads(notebook, as_version=4).cells for o in c.get("outputs", [])]
    return [line for text in texts for line in text.splitlines() if LOOT in line]


# ------------------------------------------------------------------------------------------------ who listens outside
class Listener:
    """Listens at a port and at an abstract socket of this machine, as a helper of an attacker would; counts who comes."""

    def __init__(self) -> None:
        self.name = f"n4l-{os.getpid()}"
        self.heard = 0
        self._open = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self._open[1].bind("\0" + self.name)
        self._open[1].listen()
        self.port = self._open[0].getsockname()[1]
        for sock in self._open:
            threading.Thread(target=self._wait, args=(sock,), daemon=True).start()

    def _wait(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock.accept()[0].close()
                self.heard += 1

    @property
    def words(self) -> dict[str, str]:
        """What stands in sources for what it listens at."""
        return {PORT_WORD: str(self.port), SOCKET_WORD: self.name}

    def close(self) -> None:
        """Listen no more."""
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


# ------------------------------------------------------------------------------------------------ the run
#: What a table counts of each class, beside the attacks.
WORDS = ("gained", "leaked", "disturbed", "over", "crashed")
#: How a course is graded: by `photgrader grade` of this user, with its tasks on a Dask cluster of two workers, by an ordinary user.
WAYS = {"here": "", "dask": ", Dask cluster", "user": ", ordinary user"}
#: States that a submission may end in: all that there are but the one that says that the grader itself has failed.
NAMED = {"graded", "repaired", *REVIEW_STATES} - {"grader fault"}
TRACEBACK = "Traceback (most recent call last)"
#: What the log of a submission says of the process that graded it.
OWN_USE = re.compile(r"the grader's own process: ([\d.]+) s, (\d+) MB at most")


@dataclass
class Outcome:
    """What became of a run of the corpus: counts by class, and each fault in words."""

    mode: str
    limit: float = NOTEBOOK_SECONDS["warm"]
    counts: dict[str, collections.Counter[str]] = field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    honest: int = 0
    judge_mb: int = Limits().judge_mb
    held_mb: int = 0
    states: collections.Counter[str] = field(default_factory=collections.Counter)

    def count(self, kind: str, name: str, **found: bool) -> None:
        """Count an attack or an honest student; every word that is true is a fault."""
        self.counts[kind].update({word: int(value) for word, value in found.items()})
        self.faults += [f"{kind}, {name}: {word}" for word, value in found.items() if value]

    def table(self) -> str:
        """Return the counts by class."""
        lines = [
            f"{self.mode}: {sum(c['attacks'] for c in self.counts.values())} attacks in {sum(c['attacks'] > 0 for c in self.counts.values())} classes and {self.honest} honest students "
            f"in {self.seconds:.0f} s; a process that grades held {self.held_mb} MB of {self.judge_mb} at most",
            f"{'class':<18}{'attacks':>8}" + "".join(f"{word:>10}" for word in WORDS),
        ]
        lines += [
            f"{kind:<18}{c['attacks']:>8}" + "".join(f"{c[word]:>10}" for word in WORDS)
            for kind, c in self.counts.items()
        ]
        return "\n".join(lines)


def lineup(attacks: list[Attack]) -> list[tuple[str, Attack | None, str]]:
    """Return who is graded in which order: (student, attack or None, class).

    Honest students come first and after each class; after each attack of the class that aims at the next student.
    """
    # Two at first, so that neither worker's start is counted as an attack's. They are graded in the order of their names.
    order: list[tuple[str, Attack | None, str]] = [(f"{n:03d}-honest", None, attacks[0].kind) for n in range(2)]
    for number, attack in enumerate(attacks):
        order.append((attack.student or f"{len(order):03d}-attack", attack, attack.kind))
        last = number + 1 == len(attacks) or attacks[number + 1].kind != attack.kind
        if last or attack.kind == "persistence":
            order.append((f"{len(order):03d}-honest", None, attack.kind))
    return order


@contextlib.contextmanager
def grading_by(way: str) -> Iterator[Callable[[pathlib.Path], subprocess.CompletedProcess[str]]]:
    """Give what grades a course by `photgrader grade` in a process of its own, in one of the `WAYS`."""
    command = [sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT, "--workers", "2", "--json", "run.json"]

    def here(root: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *words], cwd=root, capture_output=True, text=True, errors="replace")

    def user(root: pathlib.Path) -> subprocess.CompletedProcess[str]:
        subprocess.run(["chown", "-R", "-h", "65534:65534", str(root)], check=True)
        line = f"cd {shlex.quote(str(root))} && HOME={shlex.quote(str(root))} {shlex.join(command)}"
        return sandbox_facts.as_ordinary_user(["bash", "-c", line], 3600)

    if way == "dask":
        with tempfile.TemporaryDirectory(prefix="cluster-") as name, local_cluster(2, pathlib.Path(name)) as address:
            yield lambda root: here(root, "--scheduler", address)
    else:
        yield here if way == "here" else user


def result_of(root: pathlib.Path, student: str, failed: dict[str, str]) -> dict[str, Any]:
    """Return what a run has left of a submission: ``record``, ``notebook``, ``log``; or ``failed``, and why."""
    record = coursedir.record_path(root, ASSIGNMENT, student)
    notebook = root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    if student in failed or not record.is_file() or not notebook.is_file():
        return {"failed": failed.get(student, "no result")}
    return {
        "record": json.loads(record.read_text(encoding="utf-8")),
        "notebook": notebook.read_text(encoding="utf-8"),
        "log": log_path(root, ASSIGNMENT, student).read_text(encoding="utf-8"),
    }


def run_course(
    root: pathlib.Path,
    outcome: Outcome,
    order: list[tuple[str, Attack | None, str]],
    grades: Callable[[pathlib.Path], subprocess.CompletedProcess[str]],
) -> dict[str, dict[str, Any]]:
    """Grade what is handed in; return what is left of each, by student, and count how the command itself ended."""
    run = root / "run.json"
    run.unlink(missing_ok=True)
    started = time.monotonic()
    done = grades(root)
    outcome.seconds += time.monotonic() - started
    failed = json.loads(run.read_text(encoding="utf-8"))["failed"] if run.is_file() else {}
    said = done.stdout + done.stderr
    if not run.is_file() or done.returncode or TRACEBACK in said:
        outcome.count(order[-1][2], f"the run ended with {done.returncode}: {said[-3000:]}", crashed=True)
    return {student: result_of(root, student, failed) for student, _, _ in order}


def grade_ours(
    root: pathlib.Path, mode: str, attacks: list[Attack] | None = None, merge: bool = True, way: str = "here"
) -> Outcome:
    """Grade the corpus with honest students, and search what comes out.

    Parameters
    ----------
    root : Path
        A course of `make_arena`.
    mode : str
        ``"warm"`` or ``"cold"``.
    attacks : list of Attack, optional
        By default all.
    merge : bool
        Whether the results become feedback.
    way : str
        One of the `WAYS`.
    """
    attacks = corpus() if attacks is None else attacks
    os.environ[VARIABLE] = CANARIES["the environment"]
    (root / "photgrader.toml").write_text(limits(mode))
    listener, order = Listener(), lineup(attacks)
    outcome = Outcome(f"{mode} kernels{WAYS[way]}", NOTEBOOK_SECONDS[mode])
    # The first honest student is in the gradebook, with a person's words, before anybody attacks.
    hand_in_honestly(root, "honest-00")
    with grading_by("here") as grades:
        run_course(root, outcome, [("honest-00", None, attacks[0].kind)], grades)
    comment(root, "honest-00")
    before = rows(root, "honest-00")
    hand_in(root, order, listener)
    with grading_by(way) as grades:
        results = run_course(root, outcome, order, grades)
    if merge:
        _feedback(root, outcome)
    for student, attack, kind in order:
        _judge(outcome, root, student, attack, kind, results[student], merge)
    outcome.honest = 1 + sum(a is None for _, a, _ in order)
    if rows(root, "honest-00") != before:
        outcome.count("writing", "the gradebook's rows of the first honest student", disturbed=True)
    look_around(outcome, listener)
    return outcome


def hand_in(root: pathlib.Path, order: list[tuple[str, Attack | None, str]], listener: Listener) -> None:
    """Hand in what is graded."""
    for student, attack, _ in order:
        if attack is None:
            hand_in_honestly(root, student)
        else:
            attack.hand_in(root, student, listener.words)


def look_around(outcome: Outcome, listener: Listener) -> None:
    """Count what is left of a run on the machine, and who has called from inside."""
    if listener.heard:
        outcome.count("network", "somebody called from inside", leaked=True)
    left = subprocess.run(["pgrep", "-f", f"^{MARK}"], capture_output=True, text=True).stdout.split()
    if left:
        outcome.count("persistence", f"processes outlive the run: {left}", disturbed=True)
    listener.close()


# ------------------------------------------------------------------------------------------------ a class of thirty
#: Work that honest students hand in: all right, a mistake in one function, a function that is not written yet, nothing.
HONEST: list[dict[str, str]] = [
    RIGHT,
    {**RIGHT, "centroid": RIGHT["centroid"].replace("np.arange(x_start, x_start + nx)", "np.arange(nx)")},
    {"centroid": RIGHT["centroid"]},
    {**RIGHT, "second_moment": RIGHT["second_moment"].replace("image_cutout**2", "image_cutout")},
    {},
]


#: Attacks that cost a run the most; of the other classes the one that was made last stands for all.
COSTLY = ("a message of 120 MB", "never idle", "deaf in C", "killed parent", "1100 folders made", "nine thousand cells")


def one_of_each() -> list[Attack]:
    """Return one attack of each class."""
    # The last of a class wins, and a costly one over all.
    ordered = sorted(corpus(), key=lambda attack: attack.name in COSTLY)
    return list({attack.kind: attack for attack in ordered}.values())


def grade_class(
    root: pathlib.Path, attacks: list[Attack], size: int, way: str = "here"
) -> tuple[dict[str, list[tuple[object, ...]]], Outcome]:
    """Grade a class of honest students, right and wrong ones, with attacks between them.

    Returns
    -------
    dict, Outcome
        The gradebook's rows of the honest, by student, and what became of the attacks.
    """
    os.environ[VARIABLE] = CANARIES["the environment"]
    (root / "photgrader.toml").write_text(limits("warm"))
    honest = [(f"honest-{n:02d}", HONEST[n % len(HONEST)]) for n in range(size - len(attacks))]
    # In the order of their names, in which they are graded, attacks come between the honest.
    order: list[tuple[str, Attack | None, str]] = [
        (attack.student or f"honest-{n % max(1, len(honest)):02d}-and-{n:02d}", attack, attack.kind)
        for n, attack in enumerate(attacks)
    ]
    listener, outcome = Listener(), Outcome(f"a class of {size}{WAYS[way]}", NOTEBOOK_SECONDS["warm"])
    for student, cells in honest:
        submit(root, student, cells)
    hand_in(root, order, listener)
    everybody = [*order, *((student, None, "honest") for student, _ in honest)]
    with grading_by(way) as grades:
        results = run_course(root, outcome, everybody, grades)
    for student, attack, kind in order:
        _judge(outcome, root, student, attack, kind, results[student], False)
    for student, _ in honest:
        _watch(outcome, student, "honest", results[student])
    outcome.honest = len(honest)
    look_around(outcome, listener)
    return {student: rows(root, student) for student, _ in honest}, outcome


def rows(root: pathlib.Path, student: str) -> list[tuple[object, ...]]:
    """Return what the gradebook holds of a student."""
    with Gradebook(app.database_url(root)) as gradebook:
        submission = gradebook.find_submission(ASSIGNMENT, student)
        return sorted(
            (g.name, g.auto_score, g.manual_score, g.needs_manual_grade, g.max_score)
            for n in submission.notebooks
            for g in n.grades
        )


def _feedback(root: pathlib.Path, outcome: Outcome) -> None:
    """Make everybody's feedback with nbgrader itself."""
    done = app.nbgrader_api(root).generate_feedback(ASSIGNMENT, force=True)
    if not done["success"]:
        outcome.count("exports", f"feedback could not be made: {str(done.get('log'))[-2000:]}", disturbed=True)


def _watch(outcome: Outcome, name: str, kind: str, result: dict[str, Any]) -> bool:
    """Count what a submission did to whoever graded it; tell whether there is a result."""
    if "failed" in result:
        outcome.count(kind, f"{name}: {result['failed']}", crashed=True)
        return False
    record, (seconds, held) = result["record"], OWN_USE.findall(result["log"])[-1]
    outcome.states[record["state"]] += 1
    outcome.held_mb = max(outcome.held_mb, int(held))
    stopped = record["state"] in STOPPED
    outcome.count(
        kind,
        f"{name}: ended as {record['state']!r} after {seconds} s within {outcome.limit:.0f} s, {held} MB of {outcome.judge_mb}",
        over=not stopped and (float(seconds) > outcome.limit + SLACK_SECONDS or int(held) > outcome.judge_mb),
        crashed=record["state"] not in NAMED or TRACEBACK in result["log"],
    )
    return True


def _judge(
    outcome: Outcome,
    root: pathlib.Path,
    student: str,
    attack: Attack | None,
    kind: str,
    result: dict[str, Any],
    merged: bool,
) -> None:
    """Count one submission."""
    outcome.counts[kind]["attacks"] += attack is not None
    if not _watch(outcome, attack.name if attack else student, kind, result):
        return
    record, notebook = result["record"], result["notebook"]
    feedback = root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    if merged and not feedback.is_file():
        outcome.count(kind, f"{student}: no feedback", disturbed=True)
    page = (
        feedback.read_text(encoding="utf-8") + others_in(feedback.parent)
        if merged and feedback.is_file()
        else page_of(notebook)
    )
    if attack is None:
        # A student sees the own words.
        seen = (notebook + page).replace(CANARIES["another submission"], "")
        known = [w for w in secrets(root) if w in seen]
        outcome.count(
            kind,
            f"{student}: {record['state']}, {record['points']} points, {known}",
            leaked=bool(known),
            disturbed=record["points"] != POINTS
            or record["state"] != "graded"
            or MARK in notebook
            or scored(root, student) != POINTS,
        )
        return
    seen = notebook + page
    known = [w for w in secrets(root) + hidden_values(record) if w in seen]
    runs, breach = Runs.of(page), attack.kind in BREACH and loot(notebook)
    marks = {n: (e["points"], e["max_points"]) for n, e in record["exercises"].items()}
    right_marks = marks == {"centroid": (0, 4), "second_moment": (0, 3)} and scored(root, student) == 0
    outcome.count(
        kind,
        f"{attack.name} ({student}): {marks}, known {known[:3]}, runs {runs[:2]}, {breach}",
        gained=not right_marks,
        leaked=bool(known or runs or breach),
    )
    outcome.count(
        kind,
        f"{attack.name}: ended as {record['state']!r}, not as {attack.ends}",
        disturbed=record["state"] not in attack.ends or MARK in printed(notebook),
    )


def printed(notebook: str) -> str:
    """Return what a notebook's cells gave out, without their sources."""
    return json.dumps([c.get("outputs", []) for c in nbformat.reads(notebook, as_version=4).cells])


def scored(root: pathlib.Path, student: str) -> float:
    """Return a student's automatic points in the gradebook."""
    with Gradebook(app.database_url(root)) as gradebook:
        return sum(
            g.auto_score or 0 for n in gradebook.find_submission(ASSIGNMENT, student).notebooks for g in n.grades
        )


def told(root: pathlib.Path) -> Iterator[tuple[pathlib.Path, str]]:
    """Yield what the grader writes down of a run and shows to nobody but graders: logs and records."""
    for path in coursedir.state_folder(root).rglob("*"):
        if path.is_file() and path.suffix in (".log", ".json"):
            yield path, path.read_text(encoding="utf-8")
