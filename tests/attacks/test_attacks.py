"""The corpus of attacks, graded with honest students: nothing gained, nothing leaked, nobody disturbed."""

from __future__ import annotations

import collections
import html.parser
import json
import pathlib
import shutil
import subprocess
import time

import nbformat
import pytest
from attacks.corpus import ATTACKS, LOOT, MARK, Attack
from nbgrader.api import Gradebook

from photgrader import course, parallel
from photgrader.mathml import OfflineHTMLExporter
from support import ASSIGNMENT, RIGHT, submit

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("attacks")]

HONEST = ("honest-a", "honest-b", "honest-c")
CANARY = "canary-7f3a-of-another-student"
CONFIGURATION = ("warm = {warm}\n[limits]\ncell_seconds = 4.0\ncall_seconds = 3.0\nnotebook_seconds = 30.0\nmemory_mb = 1500\nprocesses = 60\n"
                 "files = 1000\noutput_kb = 200\n")
#: The kernel modes, and which attacks run in each: cold kernels take seconds to start.
MODES = {"warm": ATTACKS, "cold": [a for a in ATTACKS if not a.slow][::4]}


def hand_in(root: pathlib.Path, number: int, attack: Attack) -> str:
    """Write an attack's submission; return the student's name."""
    student = f"attack-{number:02d}"
    path = submit(root, student, attack.cells, text=attack.text or None)
    if attack.metadata:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            marks.update(attack.metadata.get(marks.get("grade_id"), {}))
        nbformat.write(notebook, path)
    for name, text in attack.files.items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).write_text(text)
    return student


def secrets_of(root: pathlib.Path) -> list[str]:
    """Return what nobody may read: the key, a canary in another student's work, the grader's own code."""
    return [course.key(root).hex(), CANARY, "@exercise.reference", "exercise.hidden"]


def seen_by(result: dict) -> str:
    """Return all that a student sees: the notebook with its outputs, and the page made of it."""
    notebook = nbformat.reads(result["notebook"], as_version=4)
    return result["notebook"] + OfflineHTMLExporter().from_notebook_node(notebook)[0]


def got_through(result: dict, attack: Attack) -> bool:
    """Tell whether an attack on the network or on files did what it tried: it says so in its output."""
    outputs = [o.get("text", "") for c in nbformat.reads(result["notebook"], as_version=4).cells for o in c.get("outputs", [])]
    return attack.kind in ("network", "writing") and any(LOOT in text for text in outputs)


class _Runs(html.parser.HTMLParser):
    """Collects what a page would run of a student's, by the standard library's reading of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        for name, value in attrs:
            link = name in ("href", "src", "data", "action") and "script:" in (value or "").lower()
            if link or (name.startswith("on") and "evil" in (value or "")) or name == "srcdoc":
                self.found.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and "evil" in data:
            self.found.append(f"script {data}")


def scripts_in(result: dict) -> list[str]:
    """Return what a page of the student's notebook would run of theirs."""
    reader = _Runs()
    reader.feed(OfflineHTMLExporter().from_notebook_node(nbformat.reads(result["notebook"], as_version=4))[0])
    return reader.found


def test_the_search_for_scripts_finds_them():
    for text in ("<script>evil()</script>", "<img src=x onerror=evil()>", '<a href="javascript:evil()">x</a>'):
        reader = _Runs()
        reader.feed(text)
        assert reader.found


@pytest.mark.parametrize("mode", MODES)
def test_no_attack_gains_leaks_or_disturbs(tiny_course, mode, capsys):
    (tiny_course / "photgrader.toml").write_text(CONFIGURATION.format(warm=str(mode == "warm").lower()))
    attacks = {hand_in(tiny_course, n, a): a for n, a in enumerate(MODES[mode])}
    for name in HONEST:
        submit(tiny_course, name, {**RIGHT, "written-why": CANARY})
    tasks = parallel.submissions(tiny_course, ASSIGNMENT)
    # Honest students before, between and after.
    order = [t for t in tasks if t.student in attacks]
    for place, task in zip((0, len(order) // 2, len(order)), [t for t in tasks if t.student in HONEST], strict=True):
        order.insert(place, task)
    results: dict[str, dict] = {}
    started = time.monotonic()
    for task, result in parallel.run_here(order, 2):
        assert isinstance(result, dict), f"{attacks.get(task.student)}: {result}"
        results[task.student] = result
    seconds = time.monotonic() - started
    assert set(results) == {*attacks, *HONEST}, "the run goes on to its end"
    for name in ("attack-00", "attack-05", *HONEST):
        parallel.merge(tiny_course, results[name])

    hidden = secrets_of(tiny_course)
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    faults = []
    for student, attack in attacks.items():
        record = results[student]["record"]
        seen = seen_by(results[student])
        found = {"gained": record["points"] > 0 or any(e["max_points"] not in (3, 4) for e in record["exercises"].values()),
                 "leaked": any(s in seen for s in hidden) or bool(scripts_in(results[student])) or got_through(results[student], attack),
                 "slow": record["seconds"] > 60}
        counts[attack.kind].update({"attacks": 1, **{k: int(v) for k, v in found.items()}})
        faults += [f"{attack.name}: {k} ({json.dumps(record['exercises'])[:600]})" for k, v in found.items() if v]
    disturbed = [n for n in HONEST if results[n]["record"]["points"] != 7.0 or MARK in results[n]["notebook"]]
    left = subprocess.run(["pgrep", "-f", f"^{MARK}"], capture_output=True, text=True).stdout.split()
    with capsys.disabled():
        print(f"\n{mode} kernels, {len(attacks)} attacks and {len(HONEST)} honest students in {seconds:.0f} s")
        print(f"{'class':<13}{'attacks':>8}{'gained':>8}{'leaked':>8}{'disturbed':>10}")
        for kind, count in counts.items():
            print(f"{kind:<13}{count['attacks']:>8}{count['gained']:>8}{count['leaked']:>8}{len(disturbed):>10}")
    assert not faults
    assert not disturbed, {n: results[n]["record"] for n in disturbed}
    assert not left, "no process outlives the run"
    with Gradebook(course.database_url(tiny_course)) as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions(ASSIGNMENT)}
    assert scores["attack-00"] == scores["attack-05"] == 0 and all(scores[n] == 7 for n in HONEST)


def test_an_attack_that_reads_says_what_it_got_hold_of():
    """The corpus itself can fail: its loot is printed where the test looks for it."""
    readers = [a for a in ATTACKS if a.kind in ("reading", "network", "writing") and LOOT in str(a.cells)]
    assert len(readers) >= 10
    assert len(ATTACKS) >= 40 and len({a.kind for a in ATTACKS}) == 8 and len({a.name for a in ATTACKS}) == len(ATTACKS)
    assert shutil.which("pgrep"), "needed to look for processes that are left over"
