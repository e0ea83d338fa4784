"""The border between the two distributions is real: a student's environment holds no answer."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def needed(*names: str) -> list[importlib.metadata.Distribution]:
    """Return the packages of this environment that the named ones ask for, and what those ask for in turn."""
    found: dict[tuple[str, str], importlib.metadata.Distribution] = {}
    asked = [(name, "") for name in names]
    while asked:
        name, extra = asked.pop()
        if (name, extra) in found:
            continue
        found[name, extra] = importlib.metadata.distribution(name)
        for wanted in map(Requirement, found[name, extra].requires or ()):
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                asked += [(canonicalize_name(wanted.name), extra) for extra in ("", *wanted.extras)]
    return list({d.metadata["Name"]: d for d in found.values()}.values())


def lend(distribution: importlib.metadata.Distribution, folder: pathlib.Path, site: pathlib.Path) -> None:
    """Have a package of this environment in another one too: its files with their bytecode, but not its scripts."""
    for file in distribution.files or ():
        source = pathlib.Path(str(file.locate()))
        target = pathlib.Path(os.path.normpath(site / file))
        if target.is_relative_to(folder) and not target.is_relative_to(folder / "bin"):
            pairs = [(source, target)]
            if source.suffix == ".py":
                pairs += [tuple(pathlib.Path(importlib.util.cache_from_source(str(p))) for p in (source, target))]
            for one, other in pairs:
                if one.is_file() and not other.exists():
                    other.parent.mkdir(parents=True, exist_ok=True)
                    try:
                        os.link(one, other)
                    except OSError:
                        shutil.copy2(one, other)


@pytest.fixture(scope="module")
def student_python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Python of an environment with the course package, what it asks for and a kernel, and nothing of the grader's."""
    folder = tmp_path_factory.mktemp("student") / "env"
    venv.create(folder)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = pathlib.Path(
        subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    )
    # From a registry the same files would be fetched and unpacked once more.
    for distribution in needed("photcourse", "ipykernel", "nbclient"):
        if distribution.metadata["Name"] not in ("photcheck", "photcourse"):
            lend(distribution, folder, site)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    for words in (["install", "-q", "--no-deps", ROOT / "course" / "photcheck", ROOT / "course"], ["check"]):
        done = subprocess.run([str(w) for w in [*pip, *words]], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
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
