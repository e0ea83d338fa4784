"""The build makes what is stale and nothing else, in a clone too."""

from __future__ import annotations

import os
import pathlib
import shutil

import nbformat
import pytest

from photgrader.coursedir import CourseError, packages
from photgrader.gradebook import plugin
from photgrader.release import build as builder
from photgrader.release.build import build, solution_notebook, stale
from support import ASSIGNMENT

pytestmark = pytest.mark.heavy


def made(root: pathlib.Path, **how: bool) -> tuple[str, str]:
    (done,) = build(root, [ASSIGNMENT], anyway=True, **how)
    return done.release, done.solution


@pytest.fixture(scope="module")
def with_solution(built_course: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A course whose release and solution are made; to be copied."""
    root = shutil.copytree(built_course, tmp_path_factory.mktemp("solved") / "course")
    with pytest.MonkeyPatch.context() as patch:
        # Its packages come into use here; those of other tests are as they were.
        patch.setenv(packages.VARIABLE, os.environ[packages.VARIABLE])
        assert made(root) == ("made", "made")
    return root


@pytest.fixture
def built(with_solution: pathlib.Path, tiny_course: pathlib.Path) -> pathlib.Path:
    """A copy of it, of one's own."""
    shutil.rmtree(tiny_course)
    return shutil.copytree(with_solution, tiny_course)


def test_a_second_build_makes_nothing_and_a_clone_only_enters_the_release_in_its_gradebook(built, monkeypatch):
    assert made(built) == ("fresh", "fresh")
    before = {
        p: p.read_bytes() for folder in ("release", "solutions") for p in (built / folder).rglob("*") if p.is_file()
    }
    # What is not committed is not in a clone.
    (built / "gradebook.db").unlink()
    shutil.rmtree(built / ".photgrader", ignore_errors=True)
    with monkeypatch.context() as patch:
        patch.setattr(plugin, "frozen_checks", lambda *_: pytest.fail("what mistakes answer is known already"))
        assert made(built) == ("made", "fresh")
    assert {p: p.read_bytes() for p in before} == before, "a clone's work tree stays clean"
    # What is not fresh is computed, whatever lies there.
    (check,) = (built / "release" / ASSIGNMENT / "checks").glob("centroid.json")
    check.write_text("{}")
    assert made(built) == ("made", "fresh")
    assert check.read_bytes() == before[check]


def test_an_edited_source_or_an_edited_release_is_made_again(built):
    release = built / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    release.write_text(release.read_text().replace("A small assignment", "An edited assignment"))
    assert stale(built, [ASSIGNMENT]) == [f"release/{ASSIGNMENT}"]
    assert made(built) == ("made", "fresh")
    assert "A small assignment" in release.read_text()
    source = built / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    source.write_text(source.read_text().replace("A small assignment", "A small changed assignment"))
    assert stale(built, [ASSIGNMENT]) == [f"release/{ASSIGNMENT}", f"solutions/{ASSIGNMENT}"]
    assert made(built, solutions=False) == ("made", "fresh")
    assert "A small changed assignment" in release.read_text()


def test_a_solution_is_the_same_every_time(built):
    first, second = (solution_notebook(built, ASSIGNMENT, ASSIGNMENT) for _ in range(2))
    assert nbformat.writes(first) == nbformat.writes(second)


def test_printed_text_is_put_together_and_table_ids_are_steady():
    stream = {"output_type": "stream", "name": "stdout", "text": "one\n"}
    table = {"output_type": "display_data", "metadata": {}, "data": {"text/html": '<table id="table140491279944656">'}}
    cell = nbformat.v4.new_code_cell(
        "x", id="abc", outputs=[nbformat.from_dict(o) for o in (stream, {**stream, "text": "two\n"}, table)]
    )
    builder._same_every_time(cell)
    assert [o.get("text") for o in cell.outputs] == ["one\ntwo\n", None]
    assert cell.outputs[1].data["text/html"] == '<table id="table-abc">'


def test_a_solution_with_a_cell_that_stops_is_none_though_students_may_run_on(built):
    path = built / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    broken = nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}, id="given-broken")
    notebook.cells.insert(2, broken)
    nbformat.write(notebook, path)
    with pytest.raises(CourseError, match="cell given-broken ends with ZeroDivisionError"):
        solution_notebook(built, ASSIGNMENT, ASSIGNMENT)


def test_what_a_release_is_made_from_is_the_same_wherever_the_packages_are_installed(
    tiny_course, tmp_path, monkeypatch
):
    """A hub's grader has them elsewhere than a clone, and would measure and make for minutes what is committed."""
    found = {builder._inputs_hash(tiny_course, ASSIGNMENT)}
    usual, grader = builder.package_folder, pathlib.Path(builder.photgrader.__file__).parent
    for name in ("a", "z"):
        place = tmp_path / f"{name}-packages"
        for package in ("photcheck", "photcourse"):
            shutil.copytree(usual(package), place / package)
        shutil.copytree(grader, tmp_path / "m-grader" / name / "photgrader")
        monkeypatch.setattr(builder, "package_folder", lambda package, place=place: place / package)
        monkeypatch.setattr(builder.photgrader, "__file__", str(tmp_path / "m-grader" / name / "photgrader" / "x.py"))
        found.add(builder._inputs_hash(tiny_course, ASSIGNMENT))
    assert len(found) == 1
