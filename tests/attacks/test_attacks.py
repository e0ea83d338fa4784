"""The corpus of attacks, graded with honest students: nothing gained or leaked, nobody disturbed, nothing over its limits, no crash."""

from __future__ import annotations

import collections
import csv
import dataclasses
import os
import shutil

import pytest
from attacks import arena
from attacks.arena import CANARIES, Runs, grade_ours, make_arena
from attacks.corpus import LOOT, Attack, corpus

from photgrader import coursedir
from photgrader.coursedir.trees import remove_tree
from photgrader.overview.report import write_report
from photgrader.runs import parallel
from support import ASSIGNMENT

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("attacks")]


@pytest.fixture(scope="module")
def built(tmp_path_factory, request):
    """A course with secrets in it, and in the environment of all that is started."""
    patch = pytest.MonkeyPatch()
    patch.setenv(arena.VARIABLE, CANARIES["the environment"])
    request.addfinalizer(patch.undo)
    return make_arena(tmp_path_factory.mktemp("arena"))


@pytest.fixture
def root(built, tmp_path):
    shutil.copytree(built, tmp_path / "course")
    yield tmp_path / "course"
    # pytest itself cannot clear away what some attacks hand in: 1,100 folders, one in the other.
    assert remove_tree(tmp_path / "course")


def test_no_attack_gains_leaks_disturbs_passes_limits_or_crashes_where_kernels_are_warm(root, capsys):
    outcome = grade_ours(root, "warm")
    with capsys.disabled():
        print("\n" + outcome.table())
    assert not outcome.faults, "\n".join(outcome.faults)
    # What is made of the class for graders, from the same run.
    page = write_report(root, [ASSIGNMENT], root / "report.html", names=True)
    assert Runs.of(page.read_text()) == []
    with (root / f"report-{ASSIGNMENT}.csv").open() as stream:
        assert not [c for row in csv.reader(stream) for c in row if c.startswith(("=", "+", "@"))]
    written = dict(arena.told(root))
    assert any(p.suffix == ".log" for p in written) and outcome.held_mb > 0
    unknown = {
        coursedir.key(root).hex(),
        *(CANARIES[w] for w in ("the environment", "the gradebook", "the solution", "the marking scheme")),
    }
    assert not [(p, w) for p, text in written.items() for w in unknown if w in text], "no secret in a log or a record"


def a_third_of_each_class() -> list[Attack]:
    """Return a third of each class that reaches a kernel: the rest of the work is the same whichever kernel it is.

    With PHOTGRADER_ALL_ATTACKS in the environment all of them; a cold kernel takes seconds to start.
    """
    if os.environ.get("PHOTGRADER_ALL_ATTACKS"):
        return corpus()
    kinds = collections.defaultdict(list)
    for attack in corpus():
        kinds[attack.kind].append(attack)
    return [
        a
        for kind, attacks in kinds.items()
        if kind not in ("broken files", "exports", "the judge", "archives", "markup", "names and texts")
        for a in attacks[::3]
    ]


def test_no_attack_gains_leaks_disturbs_passes_limits_or_crashes_where_kernels_are_cold(root, capsys):
    chosen = a_third_of_each_class()
    assert len(chosen) >= 40
    outcome = grade_ours(root, "cold", chosen, merge=False)
    with capsys.disabled():
        print("\n" + outcome.table())
    assert not outcome.faults, "\n".join(outcome.faults)


def test_without_the_sandbox_the_search_finds_what_attacks_get_hold_of(root):
    """The search itself can fail: where nothing holds the readers back, their loot is found."""
    settings = dataclasses.replace(coursedir.settings(root), sandbox=False)
    readers = {
        a.name: a
        for a in corpus()
        if a.name in ("environment", "solutions", "other students", "the key and the gradebook", "references by import")
    }
    arena.hand_in_honestly(root, "honest-00")
    with coursedir.settings_override(settings):
        first = parallel.grade_task(parallel.submissions(root, ASSIGNMENT, "honest-00")[0])
        parallel.merge(root, first)
        arena.comment(root, "honest-00")
        for number, attack in enumerate(readers.values()):
            attack.hand_in(root, f"reader-{number}", {})
        outcome = arena.Outcome("no sandbox")
        for number, attack in enumerate(readers.values()):
            result = parallel.grade_task(parallel.submissions(root, ASSIGNMENT, f"reader-{number}")[0])
            parallel.merge(root, result)
            arena._judge(outcome, root, f"reader-{number}", attack, attack.kind, result, False)
    assert len(readers) == 5 and outcome.counts["reading"]["leaked"] == 5, outcome.faults


def test_the_search_for_scripts_finds_them():
    for text in (
        "<script>evil()</script>",
        "<img src=x onerror=evil()>",
        '<a href="javascript:evil()">x</a>',
        "<iframe srcdoc='x'></iframe>",
    ):
        assert Runs.of(text)
    assert LOOT not in Runs.of("<p>evil()</p>")
