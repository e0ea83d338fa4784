"""What quality says of hints: mistakes in other words, pairs of mistakes, answers without work; and where the lectures explain them."""

from __future__ import annotations

import collections
import json
import tomllib

import pytest

from photcheck.verdict import Verdict
from photgrader.coursedir import CourseError
from photgrader.exercise import Implementation, assignment_names, load_assignment
from photgrader.exercise.definition import edited
from photgrader.quality import naming
from photgrader.quality.authoring import judge_here
from support import ROOT

EXERCISES = [(a, n) for a in assignment_names() for n in load_assignment(a).exercises]


def test_every_exercise_is_explained_in_a_section_that_there_is():
    table = tomllib.loads((ROOT / "autograder" / "exercises" / "sections.toml").read_text(encoding="utf-8"))
    assert sorted((a, n) for a, names in table.items() for n in names) == sorted(EXERCISES)
    for names in table.values():
        for place in names.values():
            file, _, heading = place.partition("#")
            cells = json.loads((ROOT / "course" / "lectures" / file).read_text(encoding="utf-8"))["cells"]
            headings = {
                line.lstrip("# ").strip()
                for c in cells
                if c["cell_type"] == "markdown"
                for line in "".join(c["source"]).splitlines()
                if line.startswith("## ")
            }
            assert heading in headings, f"{file} has no section {heading!r}"


@pytest.mark.parametrize("key", EXERCISES, ids="/".join)
def test_what_is_held_out_is_about_mistakes_that_there_are(key):
    exercise = load_assignment(key[0]).exercises[key[1]]
    declared = {m.code for m in exercise.misconceptions.values()} | {
        s for m in exercise.misconceptions.values() for s in m.spellings
    }
    for id, code in naming.held_out(exercise):
        assert not id or id in exercise.misconceptions
        assert code.code not in declared, "a fingerprint was made from it"
    for id, code in naming.in_variants(exercise):
        assert id in exercise.misconceptions and code.code not in declared
        for cell in code.cells:
            compile(cell, "<cell>", "exec")
    for ids, code in naming.pairs(exercise):
        assert set(ids) <= set(exercise.misconceptions) and code.code != exercise.reference_code


@pytest.mark.parametrize("key", EXERCISES, ids="/".join)
def test_every_mistake_has_two_spellings_that_its_fingerprint_was_not_made_from(key):
    """In the held-out files: the mistake's own words made in a variant are not somebody else's."""
    exercise = load_assignment(key[0]).exercises[key[1]]
    apart = [(id, code.code) for id, code in naming.held_out(exercise) if code.kind == "held out"]
    apart += [(id, code.code) for id, code in naming.in_variants(exercise)]
    kept = collections.Counter(id for id, _ in set(apart))
    assert {id: kept[id] for id in exercise.misconceptions if kept[id] < 2} == {}


def test_a_name_is_right_misleading_or_missing_and_a_right_answer_counts_for_nothing():
    exercise = load_assignment("ps1_psf_photometry").exercises["centroid"]
    found = naming.Told()

    def verdict(state: str, hint: str) -> Verdict:
        return Verdict("centroid", "", 0.25, 1.0, state, hint_id=hint)

    for state, hint, wanted in (
        ("wrong", "swapped", "swapped"),
        ("wrong", "no-offset", "swapped"),
        ("wrong", "", "swapped"),
        ("wrong", "error", ""),
        ("right", "", "swapped"),
        ("wrong", "none", "printed"),
    ):
        found.count(exercise, "it", (wanted,) if wanted else (), verdict(state, hint))
    assert (found.named, found.misleading, found.unnamed) == (2, 1, 2) and found.highest == 0.25


def test_cheap_answers_to_a_measurement_have_no_mistake_s_name_and_earn_nothing():
    exercise = load_assignment("ps1_psf_photometry").exercises["aperture_flux"]
    found = naming.Told()
    for code in naming.cheap(exercise):
        found.count(exercise, code.id, (), naming._verdict(exercise, code, 5))
    # That the whole cut-out is summed is true of its sum, and worth little.
    assert [note for note in found.notes] == ["the sum is called 'whole-cutout'"] and found.highest <= 0.1


def test_what_is_lost_behind_a_green_check_is_told_of_green_answers_alone():
    exercise = load_assignment("ps1_psf_photometry").exercises["aperture_flux"]
    answers = {code.id: code for code in naming.cheap(exercise)}
    found = naming.Told()
    found.count(exercise, "zero", (), naming._verdict(exercise, answers["zero"], 5))
    assert (found.lost, found.lost_is) == (0.0, "")
    # Known by heart: right in the check, and nowhere else.
    found.count(exercise, "by heart", (), naming._verdict(exercise, answers["the provided cases played back"], 5))
    assert found.lost >= 0.9 and found.lost_is == "by heart"


def test_a_slip_in_the_held_out_file_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "ps1_psf_photometry.py").write_text("# %% centroid: no-such-mistake\ndef centroid(a, b, c): pass\n")
    monkeypatch.setattr(naming, "exercise_file", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(CourseError, match="centroid has no mistake 'no-such-mistake'"):
        list(naming.held_out(load_assignment("ps1_psf_photometry").exercises["centroid"]))
    (tmp_path / "ps1_psf_photometry.edits").write_text("[centroid | two loops]\nswapped: no such words => others\n")
    with pytest.raises(CourseError, match="line 2: the code to edit has no 'no such words'"):
        list(naming.in_variants(load_assignment("ps1_psf_photometry").exercises["centroid"]))
    assert isinstance(next(naming.cheap(load_assignment("ps1_psf_photometry").exercises["centroid"])), Implementation)


@pytest.mark.parametrize("name", ["aperture_flux", "centroid", "psf_flux_gaussian", "second_moment"])
def test_mistakes_made_in_right_variants_are_named_nine_times_of_ten(name):
    """What `photgrader quality` measures for all exercises, here for four that are quick."""
    exercise = load_assignment("ps1_psf_photometry").exercises[name]
    found = naming.Told()
    for id, code in naming.in_variants(exercise):
        found.count(exercise, code.id, (id,), naming._verdict(exercise, code, 5))
    assert found.misleading == 0, found.notes
    assert found.named >= 0.9 * (found.named + found.unnamed), found.notes


def test_an_exercise_in_which_an_answer_without_work_earns_more_than_a_tenth_is_not_released(monkeypatch):
    from photgrader.quality import measure

    exercise = load_assignment("ps5_source_finding").exercises["merge_catalogs"]
    share, which = naming.highest_cheap(exercise, 5)
    assert 0.0 < share <= 0.1 and which in ("the input", "the provided cases played back")
    monkeypatch.setattr(measure, "highest_cheap", lambda exercise, seed: (0.3, "a grid"))
    monkeypatch.setattr("photgrader.quality.authoring.shortcomings", lambda exercise, seed: iter(()))
    words = "an answer without work (a grid) earns 30%, at most 10% is allowed"
    assert measure._quick("ps5_source_finding", "merge_catalogs") == [words]
    monkeypatch.setattr(exercise, "cheap_share", 0.4)
    assert measure._quick("ps5_source_finding", "merge_catalogs") == []
    with pytest.raises(ValueError, match="why may an answer without work earn more than 10%"):
        type(exercise)("Anything", compare=exercise.compare, cheap=(0.5, ""))


#: What a rule in bold asks for, left out of a right variant, and the words that are left out.
RULES = {
    "ps1_psf_photometry/run_photometry": (
        "as most people write it",
        {"max(0, px - 10), max(0, py - 10)": "px - 10, py - 10"},
    ),
    "ps2_aperture_photometry/growth_curve": ("many apertures, one table", {"if len(radii) == 0:": "if False:"}),
    "ps3_background/annulus_photometry": (
        "aperture_photometry and the median",
        {"if positions.size == 0:": "if False:"},
    ),
    "ps3_background/subtract_background": ("by hand, three rounds", {"range(3)": "range(0)"}),
    "ps3_background/three_brightest": (
        "own photometry, three times the maximum",
        {"while rows and len(": "while len("},
    ),
    "ps5_source_finding/field_photometry": ("as most people write it", {"if len(positions) == 0:": "if False:"}),
    "ps5_source_finding/find_stars": ("a callable object", {"empty if table is None else ": ""}),
    "ps5_source_finding/instrumental_magnitude": ("a loop over numbers", {"if flux <= 0": "if flux < 0"}),
    "ps5_source_finding/merge_catalogs": ("a helper in another cell", {"len(first) == 0 or ": ""}),
}


@pytest.mark.parametrize("key", RULES)
def test_what_a_rule_in_bold_asks_is_tried_by_the_student_s_own_check(key):
    """A check without hidden cases is green for the right variant, and is not where the rule is broken."""
    assignment, _, name = key.partition("/")
    exercise = load_assignment(assignment).exercises[name]
    title, edit = RULES[key]
    right = exercise.variants[title]
    spec = exercise.spec(10.0, fingerprints=False)
    spec.cases = [case for case in spec.cases if case.origin == "embedded"]
    assert judge_here(exercise, spec, right).right
    broken = judge_here(exercise, spec, Implementation("broken", edited(right.code, edit), "variant"))
    assert not broken.right and broken.points <= 9.5
