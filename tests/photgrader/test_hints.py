"""What a student reads: numbers, one message first, steps to open, and sigma where an answer is an estimate."""

from __future__ import annotations

import re
import textwrap
import warnings

import numpy as np
import pytest
from astropy.table import Table

from photcheck.comparators import ArrayRms, MeasuredTable, Number
from photcheck.comparators.numbers import sigma_text
from photcheck.render import verdict_html
from photcheck.verdict import GENERAL_HINTS, Verdict
from photcourse.comparators import Catalogue, Subtracted
from photgrader.exercise import Exercise, Implementation, assignment_names, load_assignment
from photgrader.grading.judge import name_mistake
from photgrader.quality.authoring import judge_here

EXERCISES = [(a, e) for a in assignment_names() for e in load_assignment(a).exercises if a != "ps6_challenge"]
#: How many misconceptions of each exercise are tried here; `photgrader quality` tries all.
TRIED = 2


def verdicts_of(exercise: Exercise) -> list[tuple[str, Verdict, str]]:
    """Judge some misconceptions on the provided cases: id, verdict and page."""
    spec = exercise.spec(1.0, fingerprints=False)
    spec.cases = [c for c in spec.cases if c.origin == "embedded"]
    found = []
    for id, misconception in list(exercise.misconceptions.items()):
        if len(found) < TRIED and any(exercise.expected_to_fail(misconception, c.name) for c in spec.cases):
            verdict = name_mistake(exercise, spec, judge_here(exercise, spec, misconception))
            found.append((id, verdict, verdict_html(verdict, spec, picture=False)))
    return found


@pytest.mark.parametrize("key", EXERCISES, ids="/".join)
def test_one_message_comes_first_with_numbers_and_the_rest_opens_step_by_step(key):
    exercise = load_assignment(key[0]).exercises[key[1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = verdicts_of(exercise)
    assert found
    for id, verdict, page in found:
        assert verdict.symptom, id
        general = verdict.hint_id in GENERAL_HINTS
        numbers = re.search(r"\d", verdict.symptom) or "NaN" in verdict.symptom
        # Of a figure, a file or a unit it may be a name that is off: a label, a card, an axis.
        named = (exercise.figure or exercise.output or exercise.name == "to_mjy") and re.search(
            r"label|axis|axes|drawn|shown|unit|card|HISTORY|COMMENT|header|line|order", verdict.symptom
        )
        assert numbers or general or named, f"{id}: {verdict.symptom}"
        assert page.count("What is off:") == 1 and len(re.findall(r"[.!?] ", verdict.sentence)) <= 2, id
        assert "<details open" not in page, "nothing is given away before it is asked for"
        steps = re.findall(r"<summary[^>]*>(.*?)</summary>", page)
        assert steps[0] == "The idea" and steps[-1] == "All cases", steps
        assert (
            verdict.hint is not None
            and verdict.hint.idea
            and page.count(verdict.hint.title[:20].split("'")[0].split("<")[0].split("$")[0]) >= 1
        )
        before = page.split("<details")[0]
        assert verdict.hint.idea[:40] not in before


def test_an_offset_is_told_with_its_relation_to_an_argument():
    exercise = load_assignment("ps1_psf_photometry").exercises["centroid"]
    verdict = judge_here(exercise, exercise.spec(1.0), exercise.misconceptions["no-offset"])
    assert re.search(r"your x is [\d.]+ pixel, [\d.]+ too small \([\d.]+ is right\); ", verdict.symptom)
    assert verdict.symptom.endswith(
        "in every wrong case for x the difference is exactly x_start, for y the difference is exactly y_start"
    )


def test_two_numbers_in_the_other_order_are_told_as_such():
    exercise = load_assignment("ps2_aperture_photometry").exercises["peak_position"]
    verdict = judge_here(exercise, exercise.spec(1.0), exercise.misconceptions["swapped"])
    assert verdict.symptom.endswith("x and y are the right numbers, exchanged")


# ------------------------------------------------------------------------------------------------ sigma
def test_an_estimate_is_told_in_sigma_and_beyond_three_it_is_a_bias():
    finding = Number(atol=0.1, sigma=0.1, unit="nJy", name="flux").compare(4.59, 5.0)
    assert "4.1 sigma too low: a bias, not noise" in finding.symptom
    assert "is right" not in finding.symptom, "a right number would be taken for the truth"
    close = Number(atol=0.1, sigma=0.1, name="flux").compare(5.25, 5.0)
    assert "2.5 sigma too high" in close.symptom and "a bias, not noise" not in close.symptom
    assert sigma_text(-3.01).endswith("a bias, not noise") and "now and then" in sigma_text(2.99)


def test_a_level_is_told_in_its_own_scatter():
    rng = np.random.default_rng(8)
    image = rng.normal(120.0, 6.0, (57, 43))
    sigma = 1.25 * 6 / np.sqrt(image.size)
    level = float(np.median(image))
    high = level + 5 * sigma
    finding = Subtracted(atol=0.3, sigma=sigma).compare((image - high, high), (image - level, level))
    assert "5.0 sigma too high: a bias, not noise" in finding.symptom and finding.score == 0.25
    # The scatter that is claimed is the one that medians have.
    medians = [np.median(rng.normal(0, 6.0, (57, 43))) for _ in range(400)]
    assert np.std(medians) == pytest.approx(sigma, rel=0.12)


def test_a_measured_column_is_told_in_sigma_and_a_formula_is_not():
    judge = MeasuredTable(
        ("aperture_sum", "total_bkg"), atols=(0.05, 30.0), units=("counts", "counts"), sigmas=(0.0, 6.0)
    )
    right = Table({"aperture_sum": [900.0, 800.0], "total_bkg": [400.0, 380.0]})
    assert judge.compare(right.copy(), right).ok
    finding = judge.compare(Table({"aperture_sum": [900.0, 800.0], "total_bkg": [400.0, 329.0]}), right)
    assert "column total_bkg" in finding.symptom and "at worst 8.5 sigma too low: a bias, not noise" in finding.symptom
    assert (
        "sigma"
        not in judge.compare(Table({"aperture_sum": [901.0, 800.0], "total_bkg": [400.0, 380.0]}), right).symptom
    )
    assert "sigma" not in judge.compare(Table({"aperture_sum": [900.0]}), right).symptom


def test_positions_that_all_lie_to_one_side_are_a_bias_and_scatter_is_not():
    rng = np.random.default_rng(9)
    x, y = rng.uniform(10, 90, 40), rng.uniform(10, 60, 40)
    judge = Catalogue(radius=3.0, position=0.2)
    shifted = judge.compare(Table({"x": x + 0.5, "y": y + 0.5}), {"x": x, "y": y})
    assert "to the same side everywhere, (dx, dy) = (0.50, 0.50): a bias, not noise" in shifted.symptom
    noisy = judge.compare(Table({"x": x + rng.normal(0, 0.6, 40), "y": y + rng.normal(0, 0.6, 40)}), {"x": x, "y": y})
    assert "positions are off by" in noisy.symptom and "same side" not in noisy.symptom


def test_a_map_is_told_by_what_most_of_the_difference_is():
    yy, xx = np.mgrid[:31, :47]
    truth = 100 + 0.5 * xx
    rng = np.random.default_rng(10)
    judge = ArrayRms(limit=1.0, unit="counts", name="background")
    assert "the same everywhere, 4 too low: a bias, not noise" in judge.compare(truth - 4, truth).symptom
    assert (
        "3.9" in judge.compare(truth - 3.9, truth).symptom
        and "3.9 times what is allowed" in judge.compare(truth - 3.9, truth).symptom
    )
    assert (
        "a slope from one side to the other" in judge.compare(truth - 0.5 * (xx - 23) + 0.3 * (yy - 15), truth).symptom
    )
    assert "patchy" in judge.compare(truth + rng.normal(0, 5, truth.shape), truth).symptom


#: What a student draws, the mistake that is named, and the lines below it.
DRAWN = {
    "two faults at once": (
        "magnitude_plot",
        "plt.figure()\nplt.semilogy(mag, mag_error)\nplt.xlabel('magnitude')\nplt.ylabel('error')",
        "joined",
        ["In the same cases: The labels do not give the units of what is drawn."],
    ),
    "labels and scale go along with their data": (
        "magnitude_plot",
        "plt.figure()\nplt.scatter(mag_error, mag)\nplt.xscale('log')\nplt.xlabel('error (mag)')\nplt.ylabel('magnitude (mag)')",
        "axes-exchanged",
        [],
    ),
    "labels go along with their data": (
        "plot_growth_curve",
        "plt.figure()\nplt.plot(fluxes / fluxes[-1], radii)\nplt.xlabel('flux share')\nplt.ylabel('radius (pixel)')",
        "exchanged",
        [],
    ),
    "no aperture": (
        "plot_aperture",
        "plt.figure()\nplt.imshow(image, origin='lower')\nplt.xlabel('x (pixel)')\nplt.ylabel('y (pixel)')",
        "no-circle",
        [],
    ),
    "the size of a marker": (
        "plot_aperture",
        "plt.figure()\nplt.imshow(image, origin='lower')\nplt.scatter(*position, s=radius**2)\n"
        "plt.xlabel('x (pixel)')\nplt.ylabel('y (pixel)')",
        "marker",
        [],
    ),
    "labels that name neither axis": (
        "plot_subtracted",
        "plt.figure()\nplt.imshow(image - background, origin='lower')\nplt.colorbar(label='counts')\n"
        "plt.xlabel('counts')\nplt.ylabel('counts')",
        "",
        [],
    ),
}


@pytest.mark.parametrize("title", DRAWN)
def test_of_a_figure_what_is_there_is_said_and_nothing_else(title):
    name, body, named, further = DRAWN[title]
    exercise = next(e for a in assignment_names() for e in load_assignment(a).exercises.values() if e.name == name)
    code = f"import matplotlib.pyplot as plt\ndef {name}({', '.join(exercise.params)}):\n"
    spec = exercise.spec(1.0)
    spec.cases = [c for c in spec.cases if c.origin == "embedded"]
    verdict = judge_here(exercise, spec, Implementation(title, code + textwrap.indent(body, "    "), "test"))
    assert (verdict.hint_id, verdict.further) == (named, further)
