"""The demonstration's class: taken away whole, and never anybody else's."""

from __future__ import annotations

import nbformat
import pytest
from nbgrader.api import Gradebook

from photgrader.cli import main
from photgrader.gradebook import app
from photgrader.simulate.make_class import make_class
from support import ASSIGNMENT, ROOT, submit


def everything(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name != "grading.lock"}


def test_cleaning_takes_the_simulated_class_away_and_leaves_the_course(tiny_course, monkeypatch, capsys):
    monkeypatch.chdir(tiny_course)
    before = everything(tiny_course)
    made = make_class(tiny_course, ASSIGNMENT, 2)
    with Gradebook(app.database_url(tiny_course)) as gradebook:
        for student in made:
            gradebook.update_or_create_student(student.id)
    for student in made:
        for place in (
            f"autograded/{student.id}",
            f"feedback/{student.id}",
            f".photgrader/records/{ASSIGNMENT}",
            f".photgrader/logs/{ASSIGNMENT}",
        ):
            (tiny_course / place).mkdir(parents=True, exist_ok=True)
        (tiny_course / f".photgrader/records/{ASSIGNMENT}/{student.id}.json").write_text("{}")
        (tiny_course / f".photgrader/logs/{ASSIGNMENT}/{student.id}.log").write_text("graded")
    with pytest.raises(SystemExit) as end:
        main(["demo", "--clean"])
    assert not end.value.code and f"{len(made)} simulated students are gone" in capsys.readouterr().out
    left = everything(tiny_course)
    assert {p for p in left if p.name != "gradebook.db"} == {p for p in before if p.name != "gradebook.db"}
    assert not list((tiny_course / "submitted").glob("*")) and not list((tiny_course / "autograded").glob("*"))
    with Gradebook(app.database_url(tiny_course)) as gradebook:
        assert gradebook.students == [] and [a.name for a in gradebook.assignments] == [ASSIGNMENT]


@pytest.mark.parametrize("where", ["gradebook", "submitted"])
def test_a_real_class_is_never_taken_away_nor_mixed_with_a_simulated_one(tiny_course, monkeypatch, capsys, where):
    monkeypatch.chdir(tiny_course)
    make_class(tiny_course, ASSIGNMENT, 1)
    if where == "gradebook":
        with Gradebook(app.database_url(tiny_course)) as gradebook:
            gradebook.update_or_create_student("ada")
    else:
        submit(tiny_course, "ada")
    before = everything(tiny_course)
    for call in (["demo", "--clean"], ["demo", "--unsafe-no-sandbox"]):
        with pytest.raises(SystemExit) as end:
            main(call)
        assert end.value.code == 2 and "1 real students" in capsys.readouterr().err
        assert everything(tiny_course) == before


def test_cleaning_where_nothing_is_makes_nothing(tiny_course, monkeypatch, capsys):
    monkeypatch.chdir(tiny_course)
    (tiny_course / "gradebook.db").unlink(missing_ok=True)
    with pytest.raises(SystemExit) as end:
        main(["demo", "--clean"])
    assert (
        not end.value.code
        and "no simulated students" in capsys.readouterr().out
        and not (tiny_course / "gradebook.db").exists()
    )


def test_the_proof_holds_the_whole_record_of_a_student(monkeypatch):
    from photgrader.coursedir import Record
    from photgrader.overview import demo

    full = {"points": 5.0, "max_points": 5.0, "symptom": "", "hint": "", "notes": [], "cases": []}
    lost = {**full, "points": 0.0, "symptom": "all cases are wrong"}
    record = {"student": "sim-01", "exercises": {"centroid": full, "second_moment": lost}, "faults": []}
    monkeypatch.setattr(
        demo,
        "read_truth",
        lambda root, name: {"sim-01": {"kind": "ordinary", "choices": {"centroid": "variant: loops"}}},
    )
    monkeypatch.setattr(demo.coursedir, "read_records", lambda root, name: [Record.read(record)])
    problems, summary = demo.proof(None, [ASSIGNMENT])
    assert (
        len(problems) == 1
        and "second_moment lost marks: all cases are wrong" in problems[0]
        and "1 correct answers" in summary
    )
    record["exercises"]["second_moment"] = full
    record["faults"] = [{"cell": "3", "state": "kernel died", "sentence": "This cell ended the kernel."}]
    assert demo.proof(None, [ASSIGNMENT])[0] == [f"{ASSIGNMENT} sim-01: This cell ended the kernel."]


def test_the_first_student_hands_in_the_solutions_and_nobody_calls_a_function_for_another_kind_of_answer(tiny_course):
    import json

    made = make_class(tiny_course, ASSIGNMENT, 8, special=False)
    assert made[0].choices == {} and all(s.choices for s in made[1:])
    first = json.loads((tiny_course / "submitted" / made[0].id / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text())
    assert not any("NotImplementedError" in "".join(c["source"]) for c in first["cells"])


def test_a_variant_goes_where_a_solution_that_stays_calls_it():
    from types import SimpleNamespace as Record

    from photgrader.simulate.make_class import _consistent

    exercises = {"width": Record(depends=()), "flux": Record(depends=("width",)), "fit": Record(depends=("flux",))}
    chosen = {
        name: Record(code=code, kind="variant")
        for name, code in {"width": "def width(): ...", "flux": "def flux(): ...", "fit": "def fit(): flux()"}.items()
    }
    solutions = {"width": "", "flux": "def flux(): width()", "fit": ""}
    # `fit` calls `flux`, whose variant goes; the solution in its place calls `width`, whose variant goes too.
    assert list(_consistent(Record(exercises=exercises), chosen, solutions)) == ["fit"]


def test_simulated_students_hand_in_what_their_cells_show(tmp_path):
    from photgrader.grading.handed_in import is_picture, kept_of
    from photgrader.simulate.make_class import _as_run, solved

    shown = [c for c in solved(ROOT, ASSIGNMENT, ASSIGNMENT).cells if c.get("outputs")]
    assert all(len(kept_of(c.outputs)) == len(c.outputs) for c in shown)
    drawn = [c for c in shown if any(map(is_picture, c.outputs))]
    assert 8 < len(drawn) < len(shown) - 3
    assert all("plt." in c.source or "display." in c.source for c in drawn)
    assert not any(c.metadata.get("nbgrader", {}).get("grade") for c in shown)
    release = nbformat.read(ROOT / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    _as_run(release, tmp_path / "none.ipynb")
    assert not any(c.get("outputs") for c in release.cells)
