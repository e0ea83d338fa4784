"""Extra credit is extra: outside of the maximum, in nbgrader's own field, and nobody is failed for leaving it out."""

from __future__ import annotations

import pathlib

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.validator import Validator

from photgrader import coursedir
from photgrader.exercise import load_assignment
from photgrader.gradebook import app
from photgrader.grading.cells import check_cells
from photgrader.release.build import build_release
from photgrader.runs import parallel
from plain_kernel import in_this_process
from support import ASSIGNMENT, RIGHT, check_cell, make_course, solution_cell, submit

EXTRA = """def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    ### BEGIN SOLUTION
    y, x = np.indices(image_cutout.shape)
    return image_cutout[np.hypot(x + x_start - centroid_x, y + y_start - centroid_y) <= radius].sum()
    ### END SOLUTION"""
WITHOUT = {**RIGHT, "written-why": "The lever of far pixels is long, and most of them hold noise alone."}
DONE = {**WITHOUT, "aperture_flux": "\n".join(line for line in EXTRA.splitlines() if "###" not in line)}
CONTRACT = (
    "`aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start)`: the flux inside the circle."
)


@pytest.fixture(scope="module")
def course_with_extra(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A small course, 9 points, with 5 points of extra credit; ada does everything, bob leaves the extra credit out, eve gets it wrong."""
    root = make_course(tmp_path_factory.mktemp("extra"))
    path = root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [
        new_markdown_cell(CONTRACT),
        solution_cell("aperture_flux", EXTRA),
        check_cell("aperture_flux", 0),
    ]
    nbformat.write(notebook, path)
    build_release(root, ASSIGNMENT)
    submit(root, "ada", DONE)
    submit(root, "bob", WITHOUT)
    submit(root, "eve", {**WITHOUT, "aperture_flux": DONE["aperture_flux"].replace("<= radius", "<= 2 * radius")})
    grade(root)
    return root


def grade(root: pathlib.Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        for _, result in parallel.run_here(parallel.submissions(root, ASSIGNMENT), 2):
            parallel.merge(root, result)


def grades(root: pathlib.Path, student: str) -> tuple[float, float, dict[str, float | None], dict[str, bool]]:
    """Return score, maximum, extra credit and what waits for a person, of the code cells."""
    with Gradebook(app.database_url(root)) as gradebook:
        found = gradebook.find_submission(ASSIGNMENT, student)
        cells = [g for n in found.notebooks for g in n.grades if g.cell.cell_type == "code"]
        return (
            found.score,
            found.max_score,
            {g.name: g.extra_credit for g in cells},
            {g.name: g.needs_manual_grade for g in cells},
        )


def test_the_maximum_is_that_without_extra_credit_and_a_score_may_lie_above_it(course_with_extra):
    score, maximum, extra, waits = grades(course_with_extra, "ada")
    assert (score, maximum) == (pytest.approx(4 + 3 + 5), 4 + 3 + 2)
    assert extra == {"check-centroid": None, "check-second_moment": None, "check-aperture_flux": 5.0}
    assert not any(waits.values())


def test_leaving_it_out_costs_nothing_and_is_nothing_to_look_at(course_with_extra):
    score, _, extra, waits = grades(course_with_extra, "bob")
    assert score == pytest.approx(7) and extra["check-aperture_flux"] == 0 and not any(waits.values())


def test_a_wrong_answer_to_it_takes_nothing_away(course_with_extra):
    score, _, extra, _ = grades(course_with_extra, "eve")
    assert score == pytest.approx(7 + extra["check-aperture_flux"]) and 0 <= extra["check-aperture_flux"] < 5


def test_the_record_counts_it_apart(course_with_extra):
    record = coursedir.read_record(coursedir.record_path(course_with_extra, ASSIGNMENT, "ada")).source
    assert (record["points"], record["max_points"], record["extra_points"]) == (7.0, 7.0, 5.0)
    assert [n for n, e in record["exercises"].items() if e["extra"]] == ["aperture_flux"]


def test_the_check_and_the_feedback_say_the_points(course_with_extra):
    notebook = coursedir.skeleton(course_with_extra, ASSIGNMENT, ASSIGNMENT)
    assert check_cells(notebook, load_assignment(ASSIGNMENT))["aperture_flux"][2] == 5
    result = app.nbgrader_api(course_with_extra).generate_feedback(ASSIGNMENT, "ada", force=True)
    assert result["success"], result
    page = (course_with_extra / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    assert "5 of 5 points" in page and "of 0 points" not in page
    assert "5 on top (extra credit, up to 5)" in page


@pytest.mark.heavy
@pytest.mark.parametrize(("student", "failed"), [("bob", 0), ("ada", 0), ("eve", 0), ("none", 3)])
def test_validate_fails_nobody_for_it(course_with_extra, student, failed):
    submit(course_with_extra, "none")
    folder = course_with_extra / "submitted" / student / ASSIGNMENT
    if not (folder / "checks").exists():
        (folder / "checks").symlink_to(course_with_extra / "release" / ASSIGNMENT / "checks")
    results = Validator().validate(str(folder / f"{ASSIGNMENT}.ipynb"))
    assert len(results.get("failed", [])) == failed, results
    assert not any("aperture_flux" in f["source"] for f in results.get("failed", []))


def test_what_a_person_gave_stays_when_it_is_graded_again(course_with_extra):
    with Gradebook(app.database_url(course_with_extra)) as gradebook:
        gradebook.find_grade("check-aperture_flux", ASSIGNMENT, ASSIGNMENT, "bob").extra_credit = 2.5
        gradebook.db.commit()
    submit(
        course_with_extra, "ada", {**DONE, "aperture_flux": DONE["aperture_flux"].replace("<= radius", "<= 2 * radius")}
    )
    grade(course_with_extra)
    assert grades(course_with_extra, "bob")[2]["check-aperture_flux"] == 2.5
    ada = grades(course_with_extra, "ada")[2]["check-aperture_flux"]
    assert ada == grades(course_with_extra, "eve")[2]["check-aperture_flux"] < 5
