"""The public tree: everything that students need, nothing that they must not have, and nobody's work overwritten."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml

from photgrader.exercise import assignment_names, load_assignment
from photgrader.exercise.archive import archive_cases
from photgrader.release.student_repo import LISTING, TreeError, write_tree
from support import ROOT


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> pathlib.Path:
    """The tree of the course; not to be written to."""
    target = tmp_path_factory.mktemp("public") / "tree"
    write_tree(ROOT, target)
    return target


@pytest.fixture
def own(tree, tmp_path) -> pathlib.Path:
    """A tree of one's own."""
    return pathlib.Path(shutil.copytree(tree, tmp_path / "tree"))


def _files(folder: pathlib.Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# --------------------------------------------------------------------------------------------- what is in it
def test_the_tree_holds_what_students_need_and_nothing_else(tree):
    tops = {
        "README.md",
        "LICENSE",
        "LICENSE-text",
        "CITATION.cff",
        "environment.yml",
        "data_manifest.yaml",
        "lectures",
        "assignments",
        "course",
        LISTING,
    }
    assert {p.name for p in tree.iterdir()} == tops
    allowed = re.compile(
        r"lectures/\d\d[ab]?_\w+\.ipynb|assignments/(\w+)/(\1\.ipynb|checks/(rehearsal/)?\w+\.json)|course/(pyproject\.toml|README\.md)"
        r"|course/(photcheck/)?LICENSE|course/photcheck/pyproject\.toml|course/phot(check|course)/(\w+/)*\w+\.(py|json|yaml|fits|html|typed)"
    )
    assert [n for n in _files(tree) if "/" in n and not allowed.fullmatch(n)] == []
    assert {p.name for p in (tree / "assignments").iterdir()} == {
        p.name for p in (ROOT / "source").iterdir() if p.is_dir()
    }
    assert (
        len(list((tree / "lectures").glob("*.ipynb"))) == len(list((ROOT / "course" / "lectures").glob("*.ipynb"))) > 0
    )
    assert not any(p.is_symlink() for p in tree.rglob("*"))


def _code(text: str) -> str:
    """Return code without comments, docstrings and layout, so that another spelling of the same is found."""
    try:
        module = ast.parse(text)
    except SyntaxError:
        return re.sub(r"\s+", "", text)
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return re.sub(r"\s+", "", ast.unparse(module))


def _bodies(text: str) -> set[str]:
    """Return the bodies of all functions in a text of Python that are long enough to be an answer."""
    try:
        module = ast.parse(text)
    except SyntaxError:
        return set()
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            body = _code(ast.unparse(ast.Module(body=node.body, type_ignores=[])))
            if len(body) > 60:
                found.add(body)
    return found


def test_no_answer_no_hidden_case_no_marking_scheme_and_nothing_of_the_grader_is_in_it(tree):
    texts = {n: c.decode("utf-8") for n, c in _files(tree).items() if not n.endswith(".fits")}
    code: dict[str, str] = {}
    for name, text in texts.items():
        if name.endswith(".ipynb"):
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n\n".join(c.source for c in cells)
            code[name] = "".join(_code(c.source) for c in cells if c.cell_type == "code")
        elif name.endswith(".py"):
            code[name] = _code(text)
        for mark in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME"):
            assert mark not in text, f"{mark} is in {name}"
        assert not re.search(r"^\s*(import|from)\s+photgrader", text, re.MULTILINE), name
        # A lecture may say in its prose that instructors have a tool; nothing else names the grader.
        told = (
            code[name]
            if name.startswith("lectures/")
            else ""
            if pathlib.PurePath(name).name.startswith("LICENSE")
            else text
        )
        assert "photgrader" not in told, f"the grader is named in {name}"
    searched = 0
    for assignment in assignment_names():
        for exercise in load_assignment(assignment).exercises.values():
            answers = _bodies(exercise.reference_code)
            for implementation in (*exercise.variants.values(), *exercise.misconceptions.values()):
                answers |= _bodies(implementation.code)
            # Cases on real files are in a release wherever it is made; their answers are frozen.
            provided = {case.name for case, _ in exercise.cases(None)} | {
                case.name for case in archive_cases(assignment, exercise.name)
            }
            searched += len(answers)
            for name, text in code.items():
                if name.startswith("assignments/"):
                    assert not [a for a in answers if a in text], f"an answer to {exercise.name} is in {name}"
            for name in (n for n in texts if n.endswith(f"checks/{exercise.name}.json")):
                body = json.loads(texts[name])
                assert (
                    body["cases"]
                    and {c["name"] for c in body["cases"]} <= provided
                    and not any(c.get("hidden") for c in body["cases"])
                ), name
    assert searched > 200


def test_the_search_for_answers_finds_one_that_is_there():
    reference = next(iter(load_assignment("ps1_psf_photometry").exercises.values())).reference_code
    spelt_otherwise = "# a comment\n" + reference.replace("    ", "  ")
    assert _bodies(reference) and all(body in _code(spelt_otherwise) for body in _bodies(reference))


def test_a_student_can_load_data_and_check_from_the_tree_alone(tree):
    script = """if True:
        import numpy as np, photcourse
        from photcourse import check, data
        def centroid(image_cutout, x_start, y_start):
            ny, nx = image_cutout.shape
            x, y = np.meshgrid(np.arange(nx), np.arange(ny))
            return (image_cutout * x).sum() / image_cutout.sum(), (image_cutout * y).sum() / image_cutout.sum()
        print(photcourse.__path__[0], data.load("m13") is not None)
        print(check(centroid))
        print(*(shown._repr_mimebundle_()["text/html"][:40] for shown in (check(centroid), check.progress())))
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PHOTCOURSE")} | {
        "PYTHONPATH": str(tree / "course"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tree / "assignments" / "ps1_psf_photometry",
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{tree / 'course' / 'photcourse'} True" and "x_start" in done.stdout, (
        done.stdout
    )
    assert '<div class="photcourse-check"' in done.stdout and "<table" in done.stdout, "as a notebook shows it"


def test_conda_binder_and_the_citation_find_what_they_read(tree):
    environment = yaml.safe_load((tree / "environment.yml").read_text())
    assert {"pip": ["./course/photcheck", "./course"]} in environment["dependencies"] and (
        tree / "course" / "pyproject.toml"
    ).is_file()
    citation = yaml.safe_load((tree / "CITATION.cff").read_text())
    assert (
        citation["cff-version"] == "1.2.0"
        and {"message", "title", "authors"} <= set(citation)
        and citation["license"] == ["BSD-3-Clause", "CC-BY-4.0"]
    )
    assert "Redistribution and use in source and binary forms" in " ".join((tree / "LICENSE").read_text().split())
    assert "Section 8" in (tree / "LICENSE-text").read_text()


# --------------------------------------------------------------------------------------------- update and refusal
def test_an_update_changes_only_what_changed_and_removes_what_is_gone(own):
    before = _files(own)
    listing = json.loads((own / LISTING).read_text())
    for name, content in (("lectures/99_gone.ipynb", b"{}"), ("README.md", b"an older README")):
        (own / name).write_bytes(content)
        listing["files"][name] = hashlib.sha256(content).hexdigest()
    (own / LISTING).write_text(json.dumps(listing))
    done = write_tree(ROOT, own)
    assert (done.added, done.changed, done.removed, done.others) == ([], ["README.md"], ["lectures/99_gone.ipynb"], [])
    assert _files(own) == before


def test_the_files_of_git_and_of_an_instructor_stay(own):
    (own / ".git").mkdir()
    (own / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "CNAME").write_text("stars.example.org\n")
    assert write_tree(ROOT, own).others == ["CNAME"]
    assert (own / "CNAME").is_file() and (own / ".git" / "HEAD").is_file()


def test_an_empty_clone_of_git_may_be_filled(tmp_path):
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    assert len(write_tree(ROOT, tmp_path / "clone").added) > 50


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda t: (t / LISTING).unlink(), "not empty"),
        (lambda t: (t / LISTING).write_text("{"), "cannot be read"),
        (lambda t: (t / LISTING).write_text('{"files": {"../../outside": "0"}}'), "cannot be read"),
        (lambda t: (t / LISTING).write_text('{"files": {"./.GIT/config": "0"}}'), "cannot be read"),
        (lambda t: (t / LISTING).write_text('{"files": {".": "0"}}'), "cannot be read"),
        (lambda t: (t / LISTING).write_text('{"files": {"a\\u0000b": "0"}}'), "cannot be read"),
        (lambda t: ((t / "README.md").unlink(), (t / "README.md").mkdir()), "somebody changed README.md"),
        (lambda t: ((t / "README.md").unlink(), os.mkfifo(t / "README.md")), "somebody changed README.md"),
        (lambda t: (shutil.rmtree(t / "lectures"), (t / "lectures").touch()), "somebody changed lectures/0"),
        (
            lambda t: (t / "lectures" / "01a_looking_at_an_image.ipynb").write_text("my notes"),
            "somebody changed lectures/01",
        ),
    ],
)
def test_a_folder_that_holds_anything_else_is_refused_and_stays_as_it_is(own, spoil, said):
    spoil(own)
    before = _files(own)
    with pytest.raises(TreeError, match=said):
        write_tree(ROOT, own)
    assert _files(own) == before


def test_a_link_in_the_tree_is_not_written_through(own, tmp_path):
    outside = tmp_path / "outside"
    shutil.move(own / "lectures", outside)
    (own / "lectures").symlink_to(outside)
    with pytest.raises(TreeError, match="somebody changed"):
        write_tree(ROOT, own)


@pytest.mark.parametrize("where", [".", "..", "release/public", "course"])
def test_the_course_itself_is_refused(where):
    with pytest.raises(TreeError, match="the course"):
        write_tree(ROOT, ROOT / where)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "tree").write_text("")
    with pytest.raises(TreeError, match="is a file"):
        write_tree(ROOT, tmp_path / "tree")
