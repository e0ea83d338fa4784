"""The grader's own tests are measured: targets are met, and a weaker tolerance or a missing case does not go unseen."""

from __future__ import annotations

import json
import pathlib

import nbformat
import pytest
from click.testing import CliRunner

from photcheck.comparators import Numbers
from photgrader import coursedir
from photgrader.cli import main_group
from photgrader.coursedir.settings import Settings
from photgrader.exercise import Exercise, assignment_names, load_assignment
from photgrader.grading import judge
from photgrader.quality import measure as quality
from photgrader.release import build
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, ROOT, code_cell, submit

PEAK = ("ps2_aperture_photometry", "peak_position")
#: Functions that the seeds name: each has at least so many variants and misconceptions.
VARIANTS, MISCONCEPTIONS = 8, 10
#: Exercises that the seeds do not name.
OTHERS = {"signal_to_noise"}


@pytest.fixture
def peak() -> Exercise:
    """An exercise to spoil: what was kept of it is forgotten before and after."""
    exercise = load_assignment(PEAK[0]).exercises[PEAK[1]]
    kept = exercise.compare, exercise._hidden
    judge._provided.cache_clear()
    judge._hidden.cache_clear()
    yield exercise
    exercise.compare, exercise._hidden = kept
    judge._provided.cache_clear()
    judge._hidden.cache_clear()


@pytest.mark.heavy
def test_an_exercise_meets_the_targets_through_the_sandbox(peak):
    found = quality.measure(*PEAK, Settings())
    assert found.shortfalls() == [] and found.faults == []
    assert (
        found.accepted == found.variants >= VARIANTS
        and found.caught == found.named == found.misconceptions >= MISCONCEPTIONS
    )
    assert found.mutants > 25 and found.killed_share >= 0.97


@pytest.mark.heavy
def test_a_hidden_case_that_is_dropped_makes_an_exercise_fall_short(peak):
    whole = peak._hidden
    peak._hidden = lambda rng: (case for case in whole(rng) if case.name != "in the corner")
    found = quality.Quality(*PEAK, variants=10, accepted=10, misconceptions=12, caught=12, named=12)
    quality._measure_mutants(quality.Sandboxed(peak, Settings()), found)
    assert any("mutants survive" in text for text in found.shortfalls()), found


@pytest.mark.heavy
def test_a_tolerance_that_is_weakened_makes_an_exercise_fall_short(peak):
    peak.compare = Numbers(("x", "y"), atol=1.5, unit="pixel")
    found = quality.Quality(*PEAK)
    sandboxed = quality.Sandboxed(peak, Settings())
    quality._measure_misconceptions(sandboxed, found)
    assert any("do not lose what they should" in text for text in found.shortfalls()), found


def test_build_refuses_an_exercise_that_falls_short_in_one_sentence_and_makes_it_anyway_when_told(
    tiny_course, tmp_path, monkeypatch
):
    monkeypatch.setattr(quality, "saved_file", lambda: tmp_path / "nothing.json")
    exercise = load_assignment(ASSIGNMENT).exercises["centroid"]
    monkeypatch.setattr(exercise, "compare", Numbers(("x", "y"), atol=40.0, unit="pixel"))
    with pytest.raises(coursedir.CourseError, match=r"centroid falls short and is not released: .*--anyway") as refusal:
        list(build.build(tiny_course, [ASSIGNMENT], force=True, solutions=False))
    assert "\n" not in str(refusal.value)
    made = []
    monkeypatch.setattr(build, "build_release", lambda root, assignment, fresh: made.append((assignment, fresh)))
    list(build.build(tiny_course, [ASSIGNMENT], force=True, solutions=False, anyway=True))
    assert made == [(ASSIGNMENT, False)]


def test_a_run_is_concluded_in_words_for_every_kind_of_wrong_answer_and_kept_before_it_is_printed(
    monkeypatch, tmp_path
):
    from click.testing import CliRunner

    from photgrader.commands import quality as command
    from photgrader.quality import naming

    monkeypatch.chdir(ROOT)
    found = quality.Quality(*PEAK, "key", variants=8, accepted=8, misconceptions=10, caught=10, named=10)
    found.told = {kind: [1, 2, 3] for kind in naming.KINDS}
    monkeypatch.setattr(command, "require_sandbox", lambda: None)
    monkeypatch.setattr(quality, "run", lambda keys, settings, workers: iter([found]))
    saved = []
    monkeypatch.setattr(quality, "save", saved.append)
    done = CliRunner().invoke(command.command, [PEAK[0], "--exercise", PEAK[1], "--save"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert (
        done.output.count("1 named (17%), 2 called something else (33.3%), 3 without a name") == len(naming.KINDS) == 5
    )
    assert saved == [[found]]
    monkeypatch.setattr(command, "_conclude", lambda results, seconds: 1 / 0)
    CliRunner().invoke(command.command, [PEAK[0], "--exercise", PEAK[1], "--save"])
    assert len(saved) == 2, "what took long is kept, whatever is wrong with its words"


def test_what_was_found_holds_for_the_same_text_and_no_other(tiny_course, tmp_path, monkeypatch):
    saved = tmp_path / "kept.json"
    monkeypatch.setattr(quality, "saved_file", lambda: saved)
    tried = []
    monkeypatch.setattr(quality, "_quick", lambda assignment, name: tried.append(name) or [])
    right = [
        quality.Quality(
            ASSIGNMENT,
            name,
            quality.exercise_hash(ASSIGNMENT, name),
            variants=8,
            accepted=8,
            misconceptions=10,
            caught=10,
            named=10,
        )
        for name in ("centroid", "second_moment")
    ]
    quality.save(right, saved)
    quality.require_quality(tiny_course, ASSIGNMENT)
    assert tried == [], "known to be fine"
    right[1].key = "another text"
    quality.save(right, saved)
    quality.require_quality(tiny_course, ASSIGNMENT)
    quality.require_quality(tiny_course, ASSIGNMENT)
    assert tried == ["second_moment"], "tried once, then remembered"
    right[0].accepted = 7
    quality.save(right, saved)
    with pytest.raises(coursedir.CourseError, match="centroid falls short"):
        quality.require_quality(tiny_course, ASSIGNMENT)


def test_targets_are_told_one_by_one():
    short = quality.Quality(
        "ps",
        "f",
        variants=8,
        accepted=7,
        misconceptions=20,
        caught=19,
        named=18,
        mutants=50,
        equivalent=10,
        killed=38,
        survivors=[{"operator": "a", "diff": "+ b"}] * 2,
        faults=["the mark 'c' is on no mutant any more"],
    )
    said = " ".join(short.shortfalls())
    for words in (
        "1 of 8 correct variants",
        "1 of 20 misconceptions",
        "18 of 20",
        "2 of 40 mutants survive",
        "no mutant any more",
    ):
        assert words in said
    fine = quality.Quality(
        "ps", "f", variants=8, accepted=8, misconceptions=20, caught=20, named=19, mutants=50, equivalent=10, killed=39
    )
    assert fine.shortfalls() == []


def test_every_function_that_the_seeds_name_has_enough_variants_and_misconceptions():
    for assignment in assignment_names():
        for exercise in load_assignment(assignment).exercises.values():
            if exercise.name not in OTHERS:
                assert len(exercise.variants) >= VARIANTS and len(exercise.misconceptions) >= MISCONCEPTIONS, (
                    exercise.name
                )


def test_the_published_figures_are_of_a_whole_run_that_met_the_targets():
    body = json.loads((ROOT / "docs" / "results" / "quality.json").read_text(encoding="utf-8"))
    names = {(e["assignment"], e["name"]) for e in body["exercises"]}
    assert names == {(a, e) for a in assignment_names() for e in load_assignment(a).exercises}
    for e in body["exercises"]:
        assert e["shortfalls"] == [], e["name"]
        assert e["accepted"] == e["variants"] and e["caught"] == e["misconceptions"]
        assert e["killed"] + e["equivalent"] + e["survived"] == e["mutants"]
        assert all(len(m["reason"]) > 15 for m in e["equivalents"])
    assert body["total"]["killed_share"] >= 0.97 and body["total"]["named_share"] >= 0.95


def test_an_exercise_that_does_not_exist_is_refused_with_one_sentence(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main_group, ["quality", "ps9"])
    assert result.exit_code == 2 and "there is no assignment 'ps9'" in result.output
    with pytest.raises(coursedir.CourseError, match="no exercise 'nothing'"):
        quality.chosen_exercises([], "nothing")


# ------------------------------------------------------------------------------------------------ habits of real people
HABITS = [
    "%matplotlib inline\n%config InlineBackend.figure_format = 'png'",
    "from functools import partial\nimport sys, warnings, math",
    # Written before the function is: the order of cells is free as long as it runs.
    "class Widths:\n    digits = 9\n    def __call__(self, image_cutout, centroid_x, centroid_y, start_x, start_y):\n"
    "        return tuple(round(w, self.digits) for w in widths(image_cutout, (centroid_x, centroid_y), (start_x, start_y)))",
    "def grids(shape, x0, y0):\n    '''Coordinates of every pixel.'''\n    return numpy.meshgrid(numpy.arange(shape[1]) + x0, numpy.arange(shape[0]) + y0)",
]
GENERAL = """%%time
def weighted(cut, x0, y0, *, power):
    print("cut-out of", cut.shape)
    print("careful", file=sys.stderr)
    warnings.warn("a warning of mine")
    import matplotlib.pyplot as plt
    plt.imshow(cut)
    weight = cut ** power
    return [float((weight * g).sum() / weight.sum()) for g in grids(cut.shape, x0, y0)]
"""
PARTIAL = "import numpy\ncentroid = partial(weighted, power=1)\n%time centroid(np.ones((3, 5)), 10, 20)"
SPREAD = """%%capture said
def widths(cut: "np.ndarray", centre, start) -> list:
    weight = cut.astype(float) ** 2
    return [math.sqrt((weight * (g - c) ** 2).sum() / weight.sum()) for g, c in zip(grids(cut.shape, *start), centre)]
second_moment = Widths()
"""


def habits(root: pathlib.Path) -> None:
    """Hand in a notebook with magics, cells split and put elsewhere, late imports, partial and callable objects."""
    path = submit(root, "habits", {"centroid": PARTIAL, "second_moment": SPREAD})
    notebook = nbformat.read(path, as_version=4)
    marks = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
    at = marks.index("centroid")
    notebook.cells[at:at] = [*(code_cell(text) for text in HABITS), code_cell(GENERAL)]
    nbformat.write(notebook, path)


@pytest.mark.heavy
def test_magics_split_cells_late_imports_and_callable_objects_cost_no_mark(tiny_course):
    habits(tiny_course)
    submit(tiny_course, "plain", RIGHT)
    records = {
        task.student: result["record"]
        for task, result in parallel.run_here(parallel.submissions(tiny_course, ASSIGNMENT), 1)
    }
    for student in ("habits", "plain"):
        points = {name: (e["points"], e["max_points"], e["hint"]) for name, e in records[student]["exercises"].items()}
        assert points == {"centroid": (4.0, 4.0, ""), "second_moment": (3.0, 3.0, "")}, student
