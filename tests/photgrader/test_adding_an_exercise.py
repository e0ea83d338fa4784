"""The how-to on adding an exercise shows the exercise that was added, and nothing that has drifted from it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import photcheck.comparators
import photcourse.comparators
from photgrader.exercise import load_assignment
from photgrader.quality.measure import LEAST_MISCONCEPTIONS, LEAST_VARIANTS
from support import ROOT

KNOWN = {*photcheck.comparators.__all__, *photcourse.comparators.__all__}
PAGE = (ROOT / "docs" / "adding-an-exercise.md").read_text(encoding="utf-8")
FOLDER = ROOT / "autograder" / "exercises" / "ps2_aperture_photometry"
MODULE = "".join((FOLDER / f"signal_to_noise{part}.py").read_text(encoding="utf-8") for part in ("", "_variants"))
EXERCISE = load_assignment("ps2_aperture_photometry").exercises["signal_to_noise"]


@pytest.mark.parametrize(
    "piece",
    re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S),
    ids=lambda text: text.strip().splitlines()[0][:40],
)
def test_every_piece_shown_stands_in_the_file(piece):
    assert piece in MODULE


def test_the_page_asks_for_as_many_as_the_build():
    asked = re.findall(r"The build asks for at least (\d+) (variants|misconceptions)", PAGE)
    assert asked == [(str(LEAST_VARIANTS), "variants"), (str(LEAST_MISCONCEPTIONS), "misconceptions")]


def test_comparators_named_are_there():
    named = set(re.findall(r"`([A-Z]\w+)`", PAGE.split("| answer | comparator |")[1].split("A tolerance")[0]))
    assert len(named) > 10 and named <= KNOWN, named - KNOWN


def test_the_notebook_asks_for_it_as_the_page_says():
    for folder in ("source", "release"):
        body = json.loads((ROOT / folder / "ps2_aperture_photometry" / "ps2_aperture_photometry.ipynb").read_text())
        cells = {c["metadata"].get("nbgrader", {}).get("grade_id"): c for c in body["cells"]}
        assert "".join(cells["check-signal_to_noise"]["source"]) == "check(signal_to_noise)"
        assert cells["check-signal_to_noise"]["metadata"]["nbgrader"]["points"] == 0 and EXERCISE.extra_credit == 5
        assert cells["signal_to_noise"]["metadata"]["nbgrader"]["solution"] is True
    assert len(EXERCISE.variants) >= 8 and len(EXERCISE.misconceptions) >= 10 and EXERCISE.extra_credit


def test_the_ccd_equation_by_hand_and_its_best_radius():
    # 10 000 electrons, 50 pixels with 100 of sky and 8 of read noise: variance 10 000 + 50 (100 + 64) = 18 200.
    assert EXERCISE.solve(10000.0, 100.0, 50, 8.0) == pytest.approx(10000 / np.sqrt(18200))
    assert EXERCISE.solve(900.0, 100.0, 0, 8.0) == pytest.approx(30.0)
    assert EXERCISE.solve(0.0, 100.0, 0, 8.0) == 0.0
    # A faint Gaussian star on a bright sky: exp(t) = 1 + 2 t with t = r^2 / 2 sigma^2.
    r = np.linspace(0.1, 8, 8001)
    best = r[np.argmax(EXERCISE.solve(1.0 * (1 - np.exp(-(r**2) / 2)), 1e6, np.pi * r**2, 5.0))]
    assert best == pytest.approx(1.585, abs=2e-3)
    assert np.exp(best**2 / 2) == pytest.approx(1 + best**2, rel=3e-3)


def test_the_noise_of_simulated_apertures_is_what_the_equation_says():
    rng = np.random.default_rng(20261121)
    flux, sky, n, read = 3000.0, 60.0, 40, 6.0
    sums = rng.poisson(flux, 40000) + rng.poisson(sky * n, 40000) - sky * n + rng.normal(0, read * np.sqrt(n), 40000)
    # The scatter of 40 000 sums is known to 1 / sqrt(80 000) = 0.35 %.
    assert flux / sums.std() == pytest.approx(float(EXERCISE.solve(flux, sky, n, read)), rel=4 * 0.0035)


def test_a_named_folder_of_exercises_that_is_not_there_is_told(tmp_path, monkeypatch):
    from photgrader.coursedir import CourseError
    from photgrader.exercise import catalogue

    (tmp_path / "source").mkdir()
    (tmp_path / "photgrader.toml").write_text('exercises = "autograder/exercises"\n')
    catalogue.use_course(tmp_path)  # others are known here, and stay
    monkeypatch.setattr(catalogue, "exercise_folder", lambda: None)
    with pytest.raises(CourseError, match="exercises are in autograder/exercises, and there is no such folder"):
        catalogue.use_course(tmp_path)
