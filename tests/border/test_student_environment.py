"""The border between the two distributions is real: a student's environment holds no answer."""

from __future__ import annotations

import ast
import json
import os
import pathlib
import subprocess
import sys
import venv

import nbformat
import pytest

from support import ROOT

PHOTCOURSE = ROOT / "course" / "photcourse"


def test_photcourse_never_imports_photgrader():
    guilty = []
    for path in PHOTCOURSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            guilty += [f"{path}: {n}" for n in names if n.split(".")[0] == "photgrader"]
    assert guilty == []


@pytest.fixture(scope="module")
def student_python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Python of an empty environment with the course package and a kernel, and nothing of the grader's."""
    folder = tmp_path_factory.mktemp("student") / "env"
    venv.create(folder)
    python = folder / "bin" / "python"
    packages = [ROOT / "course" / "photcheck", ROOT / "course", "ipykernel", "nbclient"]
    # Bytecode is written of what is imported, not of all.
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    done = subprocess.run(
        [str(w) for w in [*command, "-c", ROOT / "constraints.txt", *packages]], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return python


RUN = """
import json, sys, nbformat
from nbclient import NotebookClient
for name in sys.argv[1:]:
    nb = nbformat.read(f"{name}/{name}.ipynb", as_version=4)
    NotebookClient(nb, timeout=120, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": name}}).execute()
    errors = [[o.get("ename"), o.get("evalue")] for c in nb.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
    print(json.dumps([name, errors]))
"""


@pytest.mark.heavy
def test_a_students_environment_runs_the_release_and_reaches_no_answer(student_python, tmp_path):
    import shutil

    listed = "import importlib.metadata as m; print('\\n'.join(d.name.lower() for d in m.distributions()))"
    installed = set(
        subprocess.run([str(student_python), "-c", listed], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "photcourse" in installed and not {"photgrader", "nbgrader"} & installed
    names = sorted(p.name for p in (ROOT / "release").iterdir())
    for name in names:
        shutil.copytree(ROOT / "release" / name, tmp_path / name)
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("PHOTCOURSE") and k != "PYTHONDONTWRITEBYTECODE"
    }
    done = subprocess.run(
        [str(student_python), "-c", RUN, *names], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = dict(json.loads(line) for line in done.stdout.strip().splitlines())
    assert list(found) == names
    for name, errors in found.items():
        assert {kind for kind, _ in errors} <= {"NotImplementedError"}, f"{name}: {errors}"
        assert errors, f"{name} asks for nothing"
    site = subprocess.run(
        [str(student_python), "-c", "import photcourse; print(photcourse.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert_no_reference(pathlib.Path(site.stdout.strip()))


def assert_no_reference(folder: pathlib.Path) -> None:
    """Look for the text of a reference or a hidden case in a folder of a student's."""
    from photgrader.exercise import assignment_names, load_assignment

    everything = {
        p: p.read_text(encoding="utf-8", errors="replace")
        for p in folder.rglob("*")
        if p.suffix in {".py", ".json", ".ipynb", ".md", ".yaml"}
    }
    for name in assignment_names():
        for exercise in load_assignment(name).exercises.values():
            body = "\n".join(exercise.reference_code.splitlines()[1:]).strip()
            for path, text in everything.items():
                assert body not in text, f"the reference of {exercise.name} is in {path}"


def test_no_reference_and_no_hidden_case_is_in_the_release():
    assert_no_reference(ROOT / "release")
    for path in (ROOT / "release").rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        text = "\n".join(c.source for c in notebook.cells)
        assert "BEGIN SOLUTION" not in text and "MARK SCHEME" not in text and "BEGIN HIDDEN" not in text, path
    assert hidden_cases(ROOT / "release") == []


def hidden_cases(release: pathlib.Path) -> list[str]:
    """Return the check files of a release that hold a case of those that are made when grading, by its mark or by its name."""
    from photgrader.exercise import load_assignment

    found = []
    for path in release.glob("*/checks/*.json"):
        body = json.loads(path.read_text(encoding="utf-8"))
        exercise = load_assignment(path.parents[1].name).exercises[path.stem]
        provided = {c.name for c, _ in exercise.cases(None)}
        # Cases on real images are provided too, and are yielded only where those are; no hidden one has such an image.
        provided |= {c["name"] for c in body["cases"] if c["origin"] == "archive"}
        if any(c["hidden"] or c["name"] not in provided for c in body["cases"]):
            found.append(path.name)
    return found


@pytest.mark.parametrize("marked", [True, False], ids=["with its mark", "with the mark taken off"])
def test_a_hidden_case_in_a_release_would_be_found(tmp_path, marked):
    from photgrader.exercise import load_assignment

    spec = load_assignment("ps1_psf_photometry").exercises["centroid"].spec(4.0, seed=12345, fingerprints=False)
    for case in spec.cases:
        case.hidden = case.hidden and marked
    folder = tmp_path / "ps1_psf_photometry" / "checks"
    spec.write(folder)
    assert hidden_cases(tmp_path) == ["centroid.json"]
