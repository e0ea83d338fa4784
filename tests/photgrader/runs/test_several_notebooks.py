"""An assignment of several notebooks: one submission, by the command and by the live service; each notebook has a verdict, and the sum is the student's."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import shutil

import nbformat
import pytest
from click.testing import CliRunner
from live_site import ADA, MARK, Site

from photgrader import coursedir
from photgrader.commands import grade as grade_command
from photgrader.gradebook import app, exchange
from photgrader.release.build import build_release
from photgrader.runs import parallel, replay
from photgrader.runs.regrade import grade_beside, write
from photgrader.runs.run import grade_assignment
from photgrader.serve import grader, pages
from photgrader.serve.grader import Grader
from support import ASSIGNMENT, RIGHT, tiny_notebook

TWO = "second_part"
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=2)
#: The moment's width of the whole picture: wrong.
WRONG = {**RIGHT, "second_moment": "def second_moment(c, x, y, a, b):\n    return 1.0, 1.0"}


@pytest.fixture(scope="module")
def built(built_course, tmp_path_factory) -> pathlib.Path:
    """The small course, its second function in a notebook of its own."""
    root = tmp_path_factory.mktemp("two") / "course"
    shutil.copytree(built_course, root, ignore=shutil.ignore_patterns("gradebook.db", "release"))
    whole = tiny_notebook()
    parts = {ASSIGNMENT: [*whole.cells[:4], *whole.cells[6:]], TWO: [whole.cells[0], whole.cells[1], *whole.cells[4:6]]}
    for name, cells in parts.items():
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "source" / ASSIGNMENT / f"{name}.ipynb")
    build_release(root, ASSIGNMENT)
    return root


@pytest.fixture
def course(built, tmp_path, monkeypatch, here) -> pathlib.Path:
    """A course of one's own, with an exchange."""
    shutil.copytree(built, tmp_path / "course")
    exchange.make_exchange(tmp_path / "exchange", "starlight", os.getuid(), os.getgid())
    monkeypatch.setenv("PHOTCOURSE_EXCHANGE", str(tmp_path / "exchange"))
    monkeypatch.setattr(grader.time, "sleep", lambda seconds: None)
    return tmp_path / "course"


def written(root: pathlib.Path, cells: dict[str, str]) -> dict[str, bytes]:
    """Return a student's notebooks."""
    files = {}
    for path in sorted((root / "release" / ASSIGNMENT).glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        files[path.name] = nbformat.writes(notebook).encode()
    return files


def submit(root: pathlib.Path, student: str, cells: dict[str, str]) -> None:
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in written(root, cells).items():
        (folder / name).write_bytes(text)


def score(root: pathlib.Path, student: str) -> float:
    with app.gradebook(root) as gradebook:
        return gradebook.find_submission(ASSIGNMENT, student).score


def served(root: pathlib.Path) -> Grader:
    """Let the service's grading process work until nothing waits."""
    at_work, left = Grader(root, 1), [40]

    def stop() -> bool:
        left[0] -= 1
        idle = not at_work._at_work and not at_work._ready and not at_work.queue.counts().get("waiting")
        return left[0] < 0 or (idle and left[0] < 38)

    assert at_work.run(stop) == 0
    return at_work


def test_the_students_page_has_all_of_it(course):
    inbound = course.parent / "exchange" / "starlight" / "inbound"
    exchange.put_hand_in(inbound, "ada", ASSIGNMENT, written(course, WRONG), NOW)
    at_work = served(course)
    item = at_work.queue.counting("ada", ASSIGNMENT)
    assert (item.verdict["points"], item.verdict["max_points"]) == (4.0, 7.0) and score(course, "ada") == 4.0
    assert {n: e["state"] for n, e in item.verdict["exercises"].items()} == {
        "centroid": "right",
        "second_moment": "wrong",
    }
    # What it wrote itself is no batch run's.
    at_work._records.clear()
    at_work._adopt_records()
    assert at_work.queue.counting("ada", ASSIGNMENT).id == item.id and len(at_work.queue.of_student("ada")) == 1
    maker = pages.PageMaker(course)
    assert maker.turn()
    maker.queue.close()
    site = Site(course)
    site.queue.doubt(item, "second_moment", "It is right.")
    shown = site.get(f"/live/try/{item.id}", ADA).body.decode()
    assert "4 of 7 points" in shown
    assert all(f"try/{item.id}/feedback/{name}" in shown for name in (ASSIGNMENT, TWO))
    for name, function, other in ((ASSIGNMENT, "centroid", "second_moment"), (TWO, "second_moment", "centroid")):
        page = re.sub(r"<[^>]*>", "", site.get(f"/live/try/{item.id}/feedback/{name}", ADA).body.decode())
        assert f"def {function}(" in page and f"def {other}(" not in page
    assert site.get(f"/live/try/{item.id}/feedback/nothing", ADA).code == 404
    # A doubt comes with the record that has the exercise, and that repeats the verdict.
    record = f".photgrader/live/records/{item.id}-{TWO}.json"
    assert f"photgrader replay {record} --exercise second_moment" in site.get("/live/doubts", MARK).body.decode()
    assert record in site.get(f"/live/try/{item.id}", MARK).body.decode()
    again = replay.replay(course, replay.find_record(course, str(course / record)))
    assert again.trusted and not again.differences("second_moment") and not again.notes
    site.queue.close()
    # Better: the best counts by the sum.
    (course / "live.toml").write_text('counts = "best"\n')
    for minute, cells in ((5, RIGHT), (10, {})):
        exchange.put_hand_in(
            inbound, "ada", ASSIGNMENT, written(course, cells), NOW + datetime.timedelta(minutes=minute)
        )
    at_work = served(course)
    assert at_work.queue.counting("ada", ASSIGNMENT).verdict["points"] == 7.0 and score(course, "ada") == 7.0


def test_each_notebook_is_graded_once_and_known_the_next_time(course, here, monkeypatch):
    monkeypatch.chdir(course)
    submit(course, "ada", WRONG)
    submit(course, "ben", RIGHT)

    def run(*more: str) -> dict:
        done = CliRunner().invoke(
            grade_command.command, [ASSIGNMENT, "--unsafe-no-sandbox", "--workers", "1", *more, "--json", "out.json"]
        )
        assert done.exit_code == 0, done.output
        return json.loads(pathlib.Path("out.json").read_text())

    first = run()
    assert (first["graded"], len(here.started)) == (4, 4), "none is graded on the way into the gradebook"
    assert sorted((r["student"], r["notebook"], r["points"]) for r in first["records"]) == [
        ("ada", ASSIGNMENT, 4.0),
        ("ada", TWO, 0.0),
        ("ben", ASSIGNMENT, 4.0),
        ("ben", TWO, 3.0),
    ]
    assert [(r.student, r.points, r.max_points) for r in coursedir.read_records(course, ASSIGNMENT)] == [
        ("ada", 4.0, 7.0),
        ("ben", 7.0, 7.0),
    ]
    assert not coursedir.untrusted(course, ASSIGNMENT)
    again = run()
    assert (again["graded"], again["unchanged"]) == (0, 4) and len(here.started) == 4
    # A person's mark stays asked for by nobody when another notebook is handed in anew.
    with app.gradebook(course) as gradebook:
        grade = gradebook.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        gradebook.db.commit()
    submit(course, "ada", RIGHT)
    run()
    assert score(course, "ada") == 9.0
    with app.gradebook(course) as gradebook:
        assert not gradebook.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, "ada").needs_manual_grade


def test_notebooks_under_each_other_s_names_are_told_apart_by_their_marks(course):
    submit(course, "ada", RIGHT)
    folder = course / "submitted" / "ada" / ASSIGNMENT
    (folder / f"{TWO}.ipynb").rename(folder / "aside")
    (folder / f"{ASSIGNMENT}.ipynb").rename(folder / f"{TWO}.ipynb")
    (folder / "aside").rename(folder / f"{ASSIGNMENT}.ipynb")
    # The first one under both names is no second one.
    submit(course, "ben", RIGHT)
    shutil.copy(folder / f"{TWO}.ipynb", course / "submitted" / "ben" / ASSIGNMENT / f"{TWO}.ipynb")
    grade_assignment(course, ASSIGNMENT, "*", 1, False)
    assert [(r.student, r.points) for r in coursedir.read_records(course, ASSIGNMENT)] == [("ada", 7.0), ("ben", 4.0)]
    two = coursedir.read_record(coursedir.record_path(course, ASSIGNMENT, "ada", TWO))
    assert [r.grader for r in two.repairs] == [f"{TWO}.ipynb holds another notebook; {ASSIGNMENT}.ipynb was graded."]


def test_regrading_compares_and_writes_both(course):
    submit(course, "ada", RIGHT)
    for task in parallel.submissions(course, ASSIGNMENT):
        parallel.merge(course, parallel.grade_task(task))
    submit(course, "ada", WRONG)
    place = course.parent / "again"
    place.mkdir()
    found = grade_beside(course, ASSIGNMENT, place)
    assert [(c.exercise, c.after) for c in found.compared["ada"]] == [("second_moment", 0.0)]
    assert write(course, found) == ["ada"] and score(course, "ada") == 4.0


def test_a_notebook_for_another_language_keeps_nobody_waiting(course):
    path = course / "release" / ASSIGNMENT / f"{TWO}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    nbformat.write(notebook, path)
    # Another assignment goes on.
    shutil.copytree(course / "release" / ASSIGNMENT, course / "release" / "ps2")
    (course / "release" / "ps2" / f"{TWO}.ipynb").unlink()
    inbound = course.parent / "exchange" / "starlight" / "inbound"
    exchange.put_hand_in(inbound, "ada", ASSIGNMENT, written(course, RIGHT), NOW)
    at_work = served(course)
    [item] = at_work.queue.of_student("ada")
    assert item.state == "failed" and "runs Python alone" in item.sentence
    assert any("runs Python alone" in p for p in at_work.queue.problems())


def by_the_command(root: pathlib.Path) -> None:
    grade_assignment(root, ASSIGNMENT, "*", 1, False)


def by_nbgrader(root: pathlib.Path) -> None:
    done = app.nbgrader_api(root).autograde(ASSIGNMENT, "ada", create=True)
    assert done["success"], done


def by_the_service(root: pathlib.Path) -> None:
    files = {p.name: p.read_bytes() for p in (root / "submitted" / "ada" / ASSIGNMENT).iterdir()}
    exchange.put_hand_in(root.parent / "exchange" / "starlight" / "inbound", "ada", ASSIGNMENT, files, NOW)
    served(root)


@pytest.mark.parametrize("way", [by_the_command, by_nbgrader, by_the_service])
def test_what_was_handed_in_as_one_notebook_counts_for_no_other_whose_marks_have_the_same_names(course, way):
    for name in (ASSIGNMENT, TWO):
        nbformat.write(tiny_notebook(), course / "source" / ASSIGNMENT / f"{name}.ipynb")
    build_release(course, ASSIGNMENT)
    submit(course, "ada", RIGHT)
    (course / "submitted" / "ada" / ASSIGNMENT / f"{TWO}.ipynb").unlink()
    way(course)
    one, two = (coursedir.read_record(coursedir.record_path(course, ASSIGNMENT, "ada", n)) for n in (ASSIGNMENT, TWO))
    assert (one.state, one.points, two.state, two.points) == ("graded", 7.0, "missing notebook", 0.0)
    assert score(course, "ada") == 7.0
    again = replay.replay(course, two)
    assert again.trusted and not again.differences("centroid")
