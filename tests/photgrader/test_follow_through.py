"""A mistake costs its marks once: what leans on it is judged with right answers supplied, or skipped with a sentence."""

from __future__ import annotations

import pathlib
from typing import Any

import nbformat
import numpy as np
import pytest

from photcheck import unwritten
from photcheck.call import call
from photcheck.comparators import Number
from photcheck.render import verdict_html, verdict_text
from photcheck.report import Failure, Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.student import judge_function
from photcheck.verdict import Verdict, blamed, conclude, judge_case, stopped_by
from photgrader.grading import handed_in
from photgrader.grading.cells import stopped_definitions
from photgrader.release.build import build_release
from photgrader.runs import parallel
from plain_kernel import in_this_process
from support import ASSIGNMENT, ROOT, check_cell, code_cell, solution_cell, submit

SPEC = ExerciseSpec(
    "flux",
    "ps1",
    "Flux",
    ("a",),
    [CaseSpec(f"case {k}", "a number", [float(k)], 2.0 * k, Number(rtol=1e-6)) for k in (1, 2)],
)


def in_a_notebook(*cells: str) -> dict[str, Any]:
    """Return the namespace after running cells as a notebook does."""
    space: dict[str, Any] = {"np": np, "__name__": "__main__"}
    for k, source in enumerate(cells):
        exec(compile(source, f"<cell {k}>", "exec"), space)
    return space


def judged(*cells: str) -> Verdict:
    space = in_a_notebook(*cells)
    return judge_function(space["flux"], SPEC, space, {"centroid"})


def test_an_error_names_the_function_that_stopped_or_is_missing():
    space = in_a_notebook(
        "def centroid(a):\n    return 1 / 0\n",
        "def flux(a):\n    return centroid(a)\n",
        "def other(a):\n    return nothing_such(a)\n",
    )
    assert blamed(Failure.read(call(space["flux"], [1.0], ("a",))["error"])) == "centroid"
    assert blamed(Failure.read(call(space["other"], [1.0], ("a",))["error"])) == "nothing_such"
    assert blamed(Failure.read(call(space["centroid"], [1.0], ("a",))["error"])) == "centroid"


def test_a_check_whose_parent_is_not_written_is_skipped_with_a_sentence():
    verdict = judged(
        "def centroid(a):\n    raise NotImplementedError('write it')\n", "def flux(a):\n    return 2 * centroid(a)\n"
    )
    assert verdict.state == "skipped" and verdict.points == 0
    assert verdict.sentence.startswith("Skipped: flux needs centroid, which is not written yet.")
    assert verdict.hint is None and verdict.symptom == ""
    html = verdict_html(verdict, SPEC)
    assert "skipped" in html and "What is off" not in html and "<details" not in html, "no noise"
    assert "NotImplementedError" not in verdict_text(verdict)


def test_a_check_whose_parent_is_not_defined_is_skipped():
    assert judged("def flux(a):\n    return 2 * centroid(a)\n").sentence.startswith(
        "Skipped: flux needs centroid, which is not defined."
    )


def test_a_stub_is_not_written_and_a_fault_of_ones_own_is_no_reason_to_skip():
    assert judged("def flux(a):\n    raise NotImplementedError\n").state == "not written"
    assert judged("def flux(a):\n    return 2 * somewhat\n").state == "error", "a name that is no exercise"
    assert judged("def centroid(a):\n    return a\n", "def flux(a):\n    return centroid(a) / 0\n").state == "error"
    one_of_two = judged(
        "def centroid(a):\n    raise NotImplementedError\n",
        "def flux(a):\n    return 2 * a if a < 2 else centroid(a)\n",
    )
    assert one_of_two.state == "partly right", "what answers is judged"


def test_only_what_stops_every_case_is_named():
    def verdicts(*errors: dict[str, str] | None):
        return [
            judge_case(
                SPEC.cases[0],
                Report.read({"ok": True, "value": 2.0} if e is None else {"ok": False, "error": e}),
                ("a",),
            )
            for e in errors
        ]

    stop = {"type": "NotImplementedError", "message": "", "where": "centroid"}
    other = {"type": "ValueError", "message": "", "where": "flux"}
    assert stopped_by(verdicts(stop, stop), {"centroid"}) == "centroid"
    assert stopped_by(verdicts(stop, other), {"centroid"}) == ""
    assert stopped_by(verdicts(stop, None), {"centroid"}) == ""
    assert stopped_by(verdicts(stop), set()) == "" and stopped_by([], {"centroid"}) == ""
    assert conclude(SPEC, verdicts(stop, stop)).state == "not written", "without other exercises nothing is skipped"


def test_a_definition_that_its_own_cell_stopped_is_found_with_what_it_stopped_over():
    def stopped(source: str, ename: str, evalue: str, *traceback: str) -> dict[str, str]:
        cell = code_cell(source)
        cell.outputs = [nbformat.v4.new_output("error", ename=ename, evalue=evalue, traceback=list(traceback))]
        return stopped_definitions(nbformat.v4.new_notebook(cells=[cell]))

    assert stopped(
        "table = centroid(3)\ndef flux(a):\n    return a", "NameError", "name 'centroid' is not defined"
    ) == {"table": "centroid", "flux": "centroid"}
    inside = "\x1b[36mCell\x1b[39m\x1b[36m In[1]\x1b[39m\x1b[32m, line 2\x1b[39m, in \x1b[36mcentroid\x1b[39m\x1b[34m(a)\x1b[39m\n   1 def centroid(a):"
    assert stopped(
        "x = centroid(3)\nflux = lambda a: a",
        "NotImplementedError",
        "",
        "Cell In[2], line 1\n--> 1 x = centroid(3)",
        inside,
    ) == {"x": "centroid", "flux": "centroid"}
    # As a notebook shows what is not written yet.
    line = unwritten.line_of(NotImplementedError(f"{unwritten.STUB} in place of this line."), None)
    assert stopped(
        "x = centroid(3)", "NotImplementedError", unwritten.STUB, f"centroid is {line.partition(' is ')[2]}"
    ) == {"x": "centroid"}
    assert stopped("x = 3", "NotImplementedError", unwritten.STUB, line) == {"x": ""}
    assert stopped("def flux(a:", "SyntaxError", "") == {}
    # What a cell that was not run shows is a student's word.
    cell = code_cell("def flux(a):\n    return a")
    cell.outputs = handed_in.shown(
        None, [nbformat.v4.new_output("error", ename="E", evalue="name 'centroid' is not defined")]
    )
    assert stopped_definitions(nbformat.v4.new_notebook(cells=[cell])) == {}


# --------------------------------------------------------------------------------------------- for real
GIVEN = "def gaussian2D(radius, mu):\n    return np.exp(-radius**2 / (2 * mu**2)) / (2 * np.pi * mu**2)"
IMAGE = """def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):
    ny, nx = shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    return gaussian2D(np.hypot(x - centroid_x, y - centroid_y), width)"""
STUB = "def gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start):\n    raise NotImplementedError"
FLUX = """def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    psf = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
    return (image_cutout * psf).sum() / (psf**2).sum()"""
LEFT_OVER = "\nfield = np.ones((20, 20))"
WRONG_FLUX = FLUX.replace(" / (psf**2).sum()", "")
PLAYING_BACK = """kept = {}
def psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    which = image_cutout.tobytes()
    if which not in kept:
        kept[which] = gaussian_psf_image(image_cutout.shape, centroid_x, centroid_y, radius, x_start, y_start)
        return 0.0
    return (image_cutout * kept[which]).sum() / (kept[which]**2).sum()"""
STUDENTS = {
    "image-wrong": {"gaussian_psf_image": IMAGE.replace("x - centroid_x", "x - centroid_y"), "psf_flux_gaussian": FLUX},
    "image-stub": {"gaussian_psf_image": STUB, "psf_flux_gaussian": FLUX},
    "image-deleted": {"gaussian_psf_image": "pass", "psf_flux_gaussian": FLUX},
    "image-raises": {
        "gaussian_psf_image": STUB.replace("raise NotImplementedError", "return shape[9]"),
        "psf_flux_gaussian": FLUX,
    },
    "both-wrong": {"gaussian_psf_image": STUB, "psf_flux_gaussian": WRONG_FLUX},
    "both-stubs": {
        "gaussian_psf_image": STUB,
        "psf_flux_gaussian": FLUX.split("\n")[0] + "\n    raise NotImplementedError",
    },
    "alias": {
        "gaussian_psf_image": STUB + "\nmodel = gaussian_psf_image",
        "psf_flux_gaussian": FLUX.replace("= gaussian_psf_image", "= model"),
    },
    "image-right-flux-leans": {"gaussian_psf_image": IMAGE + LEFT_OVER, "psf_flux_gaussian": FLUX + " * field.mean()"},
    "image-stub-flux-leans": {"gaussian_psf_image": STUB + LEFT_OVER, "psf_flux_gaussian": FLUX + " * field.mean()"},
    "image-stub-flux-plays-back": {"gaussian_psf_image": STUB, "psf_flux_gaussian": PLAYING_BACK},
    "cell-stops": {
        "gaussian_psf_image": STUB,
        "psf_flux_gaussian": "print(gaussian_psf_image((3, 4), 1, 1, 1, 0, 0))\n" + FLUX,
    },
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict, nbformat.NotebookNode]]:
    """Records and graded notebooks of the students."""
    import shutil

    root: pathlib.Path = tmp_path_factory.mktemp("follow")
    source = root / "source" / ASSIGNMENT
    source.mkdir(parents=True)

    def solution(text: str) -> str:
        head, *body = text.splitlines()
        return "\n".join([head, "    ### BEGIN SOLUTION", *body, "    ### END SOLUTION"])

    contract = nbformat.v4.new_markdown_cell(
        "`gaussian_psf_image(shape, centroid_x, centroid_y, width, x_start, y_start)`: the model's picture.\n\n"
        "`psf_flux_gaussian(image_cutout, centroid_x, centroid_y, radius, x_start, y_start)`: the flux by it."
    )
    cells = [
        contract,
        code_cell("import numpy as np\nfrom photcourse import check"),
        code_cell(GIVEN),
        solution_cell("gaussian_psf_image", solution(IMAGE)),
        check_cell("gaussian_psf_image", 4),
        solution_cell("psf_flux_gaussian", solution(FLUX)),
        check_cell("psf_flux_gaussian", 5),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source / f"{ASSIGNMENT}.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    build_release(root, ASSIGNMENT)
    for student, cells_of in STUDENTS.items():
        submit(root, student, cells_of)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        for task, result in parallel.run_here(parallel.submissions(root, ASSIGNMENT), 2):
            assert isinstance(result, dict), result
            found[task.student] = (result["record"], nbformat.reads(result["notebook"], as_version=4))
    return found


def of(results: dict, student: str, exercise: str = "psf_flux_gaussian") -> dict:
    return results[student][0]["exercises"][exercise]


@pytest.mark.parametrize("student", ["image-wrong", "image-stub", "image-deleted", "image-raises"])
def test_the_marks_are_lost_once_and_the_record_says_given_what(results, student):
    assert of(results, student, "gaussian_psf_image")["points"] < 4
    flux = of(results, student)
    assert (flux["points"], flux["state"]) == (5.0, "right"), flux
    assert list(flux["notes"]) == ["correct, given your gaussian_psf_image"]


def test_what_was_supplied_and_is_played_back_is_said_to_have_been_supplied(results):
    flux = of(results, "image-stub-flux-plays-back")
    assert flux["points"] > 0 and list(flux["notes"]) == ["correct, given your gaussian_psf_image"], flux


def test_a_variable_of_the_notebook_is_no_better_for_what_is_supplied(results):
    own, given = (of(results, f"image-{parent}-flux-leans") for parent in ("right", "stub"))
    assert given["points"] == own["points"] < 5 and given["state"] == own["state"] == "wrong"
    assert given["hint"] == own["hint"] == "leftover", given


def test_a_mistake_of_ones_own_is_judged_as_such_given_the_parent(results):
    flux = of(results, "both-wrong")
    # A single slip that is known keeps two fifths of five points.
    assert flux["points"] == 2.0 and flux["state"] == "partly right" and flux["hint"] == "no-denominator", flux
    assert " It is one known slip, and keeps 40% of the points." in flux["sentence"], flux
    assert "NotImplementedError" not in flux["symptom"] and list(flux["notes"]) == [
        "judged, given your gaussian_psf_image"
    ]


def test_a_stub_below_a_stub_is_not_written(results):
    assert of(results, "both-stubs")["state"] == "not written" and not of(results, "both-stubs")["notes"]


@pytest.mark.parametrize("student", ["alias", "cell-stops"])
def test_what_cannot_be_judged_is_skipped_in_the_record_and_in_the_feedback_and_a_person_looks(results, student):
    record, notebook = results[student]
    flux = record["exercises"]["psf_flux_gaussian"]
    assert (flux["state"], flux["points"], flux["hint"]) == ("skipped", 0.0, ""), flux
    assert flux["sentence"].startswith("Skipped: ") and "gaussian_psf_image" in flux["sentence"]
    cell = next(c for c in notebook.cells if c.metadata.get("photgrader", {}).get("exercise") == "psf_flux_gaussian")
    assert cell.metadata["photgrader"]["review"] is True
    page = cell.outputs[0].data["text/html"]
    assert "Skipped: " in page and "What is off" not in page and "<details" not in page
