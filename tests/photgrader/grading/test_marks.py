"""What an answer earns: known cases weigh little, a single slip that is known keeps its part, right numbers with a fault beside keep half."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from photutils.aperture import PixelAperture

from photcheck import wire
from photgrader.exercise import assignment_names, load_assignment
from photgrader.grading.judge import PROVIDED_SHARE, grading_spec, name_mistake
from photgrader.quality import naming
from photgrader.quality.authoring import judge_here

CENTROID = load_assignment("ps1_psf_photometry").exercises["centroid"]


def marks(code_of: str = "", edit: dict[str, str] | None = None) -> tuple[float, str]:
    """Return what the reference of centroid earns of 10 points after an edit, or a declared mistake, and the hint's id."""
    spec = grading_spec(CENTROID, 10.0, 7, ())
    made = (
        CENTROID.misconceptions[code_of]
        if code_of
        else type(next(iter(CENTROID.variants.values())))("tried", CENTROID.reference_code, "variant")
    )
    if edit:
        from photgrader.exercise.definition import edited

        made = type(made)("tried", edited(CENTROID.reference_code, edit), "variant")
    verdict = name_mistake(CENTROID, spec, judge_here(CENTROID, spec, made))
    return verdict.points, verdict.hint_id


@pytest.mark.parametrize("assignment", [a for a in assignment_names() if a != "ps6_challenge"])
def test_provided_cases_carry_at_most_a_tenth_of_what_has_hidden_ones(assignment):
    for name, exercise in load_assignment(assignment).exercises.items():
        cases = grading_spec(exercise, 1.0, 3, ()).cases
        known = sum(c.points for c in cases if not c.hidden)
        assert not any(c.hidden for c in cases) or known <= (PROVIDED_SHARE + 1e-3) * sum(c.points for c in cases), name


def test_a_right_answer_earns_all():
    assert marks() == (10.0, "")


def test_a_single_slip_that_is_known_keeps_what_it_declares():
    points, hint = marks("swapped")
    assert hint == "swapped" and points == pytest.approx(10 * CENTROID.misconceptions["swapped"].keeps)


def test_right_numbers_with_the_input_changed_keep_half():
    points, hint = marks(edit={"total = image_cutout.sum()": "image_cutout *= 2\n    total = image_cutout.sum()"})
    assert hint == "input-modified" and points == pytest.approx(5.0, abs=0.6)


def test_what_is_neither_right_nor_a_known_slip_keeps_nothing():
    points, _ = marks(edit={"return ": "return image_cutout.max(), image_cutout.min()  # "})
    assert points == 0


def test_the_challenge_leaves_room_above_what_a_library_does_as_it_comes():
    """photutils' PSF photometry in a few lines earns half of the scale; what works at the bound earns all of it."""
    from astropy.table import QTable
    from photutils.detection import DAOStarFinder
    from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper

    from photcourse import challenge

    exercise = load_assignment("ps6_challenge").exercises["photometry"]
    earned = []
    for case, _ in exercise.cases(3):
        spec = exercise.case_spec(case, False)
        image, variance, psf = (wire.decode(form, data=True) for form in spec.args)
        finder = DAOStarFinder(threshold=4 * np.sqrt(np.median(variance)), fwhm=4.6)
        fit = PSFPhotometry(ImagePSF(psf), (9, 9), finder=finder, aperture_radius=4, grouper=SourceGrouper(8))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fit(image, error=np.sqrt(variance))
        pasted = QTable({n: found[f"{n}_fit"] for n in ("x", "y", "flux")} | {"flux_err": found["flux_err"]})
        best = exercise.solve(image, variance, psf)
        earned.append([challenge.total(challenge.figures(t, spec.expected)) for t in (pasted, best)])
    pasted, at_the_bound = np.mean(earned, axis=0)
    assert 0.3 < pasted < 0.65 and at_the_bound == 1.0
    # Places everywhere find every star; a list of the same stars with two rows in five that are none is worth less.
    y, x = (v.ravel() for v in np.mgrid[0 : image.shape[0] : 0.8, 0 : image.shape[1] : 0.8])
    everywhere = QTable({"x": x, "y": y, "flux": np.full(x.size, 100.0), "flux_err": np.full(x.size, 10.0)})
    values = challenge.figures(everywhere, spec.expected)
    assert values["complete_faint"] > 0.95 and challenge.total(values) < 0.01
    assert challenge.marks({**challenge.figures(best, spec.expected), "pure": 0.6})["bias"] == pytest.approx(0.75)


def test_what_provided_cases_show_is_named_though_a_hidden_one_fails_otherwise():
    """On whole numbers in place is an error; which one a hidden case shows is kept back, and the name is not."""
    exercise = load_assignment("ps1_psf_photometry").exercises["psf_flux_gaussian"]
    spec = grading_spec(exercise, 10.0, 1, ())
    verdict = name_mistake(exercise, spec, judge_here(exercise, spec, exercise.misconceptions["weighted-in-place"]))
    assert {c.finding.kind for c in verdict.cases} == {"input-modified", "error"}
    assert verdict.hint_id == "input-modified" and "image_cutout" in verdict.symptom
    assert "error" not in str(verdict.further).lower()


def test_a_width_that_is_right_for_some_students_by_luck_is_right_in_two_cases_at_most():
    exercise = load_assignment("ps1_psf_photometry").exercises["psf_width"]
    made = type(next(iter(exercise.variants.values())))("tried", "def psf_width(table):\n    return {}", "variant")
    shares = []
    for width in (1.55, 2.0, 2.8):
        code = dataclasses.replace(made, code=made.code.format(width))
        for seed in range(6):
            verdict = judge_here(exercise, grading_spec(exercise, 1.0, seed, ()), code)
            shares.append(verdict.points)
    assert np.mean(shares) < 0.25 and max(shares) < 0.55


def test_the_provided_answers_played_back_earn_a_tenth():
    (played,) = (code for code in naming.cheap(CENTROID) if "played back" in code.id)
    spec = grading_spec(CENTROID, 10.0, 7, ())
    verdict = judge_here(CENTROID, spec, played)
    assert all(v.finding.ok for v in verdict.cases if not v.case.hidden)
    assert verdict.points == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    "name",
    [
        "ps2_aperture_photometry/growth_curve",
        "ps2_aperture_photometry/flux_and_error",
        "ps2_aperture_photometry/sky_flux",
        "ps3_background/brightest_source",
        "ps3_background/annulus_photometry",
        "ps5_source_finding/field_photometry",
    ],
)
def test_pixels_cut_into_15_by_15_parts_or_more_are_right_as_the_contracts_say(name, monkeypatch):
    assignment, _, function = name.partition("/")
    exercise = load_assignment(assignment).exercises[function]
    spec = grading_spec(exercise, 1.0, 3, ())
    by_parts = dataclasses.replace(next(iter(exercise.variants.values())), id="parts", code=exercise.reference_code)
    exact = PixelAperture.do_photometry
    for parts in (15, 16, 20, 32):

        def cut(self, data, error=None, mask=None, method="exact", subpixels=5, parts=parts):
            return exact(self, data, error=error, mask=mask, method="subpixel", subpixels=parts)

        with monkeypatch.context() as patch:
            patch.setattr(PixelAperture, "do_photometry", cut)
            verdict = judge_here(exercise, spec, by_parts)
        assert verdict.right, (parts, verdict.symptom)
