"""The fresh cases that travel with a release: right answers pass them, none is one that grading takes, and they are small."""

from __future__ import annotations

import json

import numpy as np
import pytest

from photcheck.spec import ExerciseSpec
from photgrader.exercise import Exercise, Implementation, assignment_names, load_assignment
from photgrader.exercise.definition import edited, fewer_digits
from photgrader.gradebook.plugin import FEW_BYTES, rehearsal
from photgrader.quality.authoring import judge_here

#: The last exercise is on a scale and has a practice field; the slowest are tried by the heavy test of quality.
EXERCISES = [
    (a, n)
    for a in assignment_names()
    for n, e in load_assignment(a).exercises.items()
    if not hasattr(e.compare, "figures")
]


@pytest.mark.parametrize("key", EXERCISES, ids="/".join)
def test_right_answers_pass_and_the_file_is_small(key, monkeypatch):
    exercise = load_assignment(key[0]).exercises[key[1]]
    monkeypatch.setattr(Exercise, "fingerprint", lambda self, case, ids=None: None)
    spec = rehearsal(exercise, 5.0, ())
    assert spec.cases and not any(c.hidden for c in spec.cases) and all(c.tests for c in spec.cases)
    text = spec.dumps()
    assert len(text) < 1 << 20 and len(ExerciseSpec.from_json(json.loads(text)).cases) == len(spec.cases)
    for variant in [Implementation("reference", exercise.reference_code, "variant"), *exercise.variants.values()][:3]:
        if "from ." not in variant.code:
            verdict = judge_here(exercise, spec, variant)
            assert verdict.right, f"{variant.id}: {verdict.symptom}"


def test_its_seed_is_none_of_grading_s_and_each_build_makes_the_same(monkeypatch):
    exercise = load_assignment("ps1_psf_photometry").exercises["centroid"]
    monkeypatch.setattr(Exercise, "fingerprint", lambda self, case, ids=None: None)
    assert rehearsal(exercise, 5.0, ()).dumps() == rehearsal(exercise, 5.0, ()).dumps()
    grading = exercise.spec(5.0, 12345, fingerprints=False).cases
    assert not {json.dumps(c.args) for c in rehearsal(exercise, 5.0, ()).cases} & {json.dumps(c.args) for c in grading}


def test_the_mistake_that_only_a_fresh_case_shows_has_its_name_there():
    exercise = load_assignment("ps2_aperture_photometry").exercises["peak_position"]
    spec = rehearsal(exercise, 5.0, ())
    assert judge_here(exercise, spec, exercise.misconceptions["nan-zero"]).hint_id == "nan-zero"
    assert all(
        len(json.dumps(form)) <= FEW_BYTES for case in spec.to_json()["cases"] for form in case["fingerprints"].values()
    )


def test_an_image_loses_digits_and_nothing_else_does():
    image = np.random.default_rng(1).normal(500.0, 22.0, (40, 50))
    image[3, 4], image[5, 6] = np.nan, 0.0
    short = fewer_digits(image)
    assert short.dtype == image.dtype and np.isnan(short[3, 4]) and short[5, 6] == 0
    assert np.nanmax(np.abs(short / np.where(image == 0, 1, image) - (image != 0))) < 2e-4
    whole, few = np.arange(2000), np.linspace(0, 1, 50)
    assert fewer_digits(whole) is whole and fewer_digits(few) is few and fewer_digits("text") == "text"


#: Wrong answers that students' checks once called right: exercise, words of the variant, other words.
ONCE_GREEN = {
    "brightest on a smoothed image": (
        "ps3_background",
        "brightest_source",
        "weights as an image",
        {
            "np.nanargmax(image)": "__import__('scipy.ndimage').ndimage.gaussian_filter(np.nan_to_num(image), 1.0).argmax()"
        },
    ),
    "three by signal to noise": (
        "ps3_background",
        "three_brightest",
        "argsort, NaN as minus infinity",
        {
            'np.array(table["aperture_sum_bkgsub"])': 'np.array(table["aperture_sum_bkgsub"] / np.sqrt(np.abs(table["aperture_sum"])))'
        },
    ),
    "threshold of one's own": (
        "ps5_source_finding",
        "find_stars",
        "local maxima by hand",
        {"(smooth > threshold)": "(smooth > 5 * smooth.std())"},
    ),
    "a threshold of 100": (
        "ps5_source_finding",
        "find_stars",
        "local maxima by hand",
        {"(smooth > threshold)": "(smooth > 100)"},
    ),
    "a detection threshold of one's own": (
        "ps1_psf_photometry",
        "run_photometry",
        "as most people write it",
        {"find_peaks(detection, threshold)": "find_peaks(detection, 5 * np.std(detection))"},
    ),
    "the threshold on the raw image": (
        "ps1_psf_photometry",
        "run_photometry",
        "as most people write it",
        {"find_peaks(detection, threshold)": "find_peaks(image, threshold)"},
    ),
    "a width of one's own": (
        "ps1_psf_photometry",
        "run_photometry",
        "as most people write it",
        {"rows = []": "rows = []\n    psf_width = 1.8"},
    ),
}


@pytest.mark.parametrize("what", ONCE_GREEN)
def test_what_grading_calls_wrong_is_red_in_what_travels_with_the_release(what, monkeypatch):
    assignment, name, variant, edit = ONCE_GREEN[what]
    exercise = load_assignment(assignment).exercises[name]
    monkeypatch.setattr(Exercise, "fingerprint", lambda self, case, ids=None: None)
    wrong = Implementation(what, edited(exercise.variants[variant].code, edit), "variant")
    shown = judge_here(exercise, exercise.spec(1.0, fingerprints=False), wrong)
    assert not shown.right or not judge_here(exercise, rehearsal(exercise, 1.0, ()), wrong).right
