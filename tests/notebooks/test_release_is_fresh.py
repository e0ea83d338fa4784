"""What is committed in ``release/`` and ``solutions/`` is what the build makes from ``source/`` today."""

from __future__ import annotations

import json
import math
import pathlib
import shutil
from typing import Any

import nbformat
import numpy as np
import pytest

from photcheck import wire
from photgrader.release.build import build_release, source_assignments
from support import ROOT

NAMES = source_assignments(ROOT)
#: Library versions and processors differ in the last digits.
RTOL, ATOL = 1e-6, 1e-8

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A copy of the course whose releases are made anew."""
    folder = tmp_path_factory.mktemp("fresh")
    shutil.copytree(ROOT / "source", folder / "source")
    for name in ("nbgrader_config.py", "photgrader.toml"):
        shutil.copy(ROOT / name, folder)
    for name in NAMES:
        build_release(folder, name)
    return folder


def cells(path: pathlib.Path) -> list[tuple[Any, ...]]:
    return [
        (c.cell_type, c.source, json.dumps(c.metadata, sort_keys=True), c.get("id"))
        for c in nbformat.read(path, as_version=4).cells
    ]


def close(a: Any, b: Any, where: str) -> None:
    """Compare two frozen forms, numbers within rounding."""
    assert type(a) is type(b) or {type(a), type(b)} <= {int, float}, (
        f"{where}: {type(a).__name__} and {type(b).__name__}"
    )
    if isinstance(a, dict):
        if a.get("$") in ("array", "sample", "bytes") and a != b:
            assert a.get("shape") == b.get("shape"), where
            if a["$"] == "array":
                assert np.allclose(wire.decode(a), wire.decode(b), rtol=RTOL, atol=ATOL, equal_nan=True), where
                return
            if a["$"] == "bytes":
                return
        assert a.keys() == b.keys(), where
        for key in a:
            close(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            close(x, y, f"{where}[{i}]")
    elif isinstance(a, float) and not isinstance(a, bool):
        assert math.isclose(a, b, rel_tol=RTOL, abs_tol=ATOL) or a == b, f"{where}: {a} and {b}"
    else:
        assert a == b, where


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_release_is_what_the_source_gives(name, rebuilt):
    committed, fresh = ROOT / "release" / name, rebuilt / "release" / name
    files = {
        p.relative_to(committed).as_posix()
        for p in committed.rglob("*")
        if p.is_file() and ".ipynb_checkpoints" not in p.parts
    }
    assert files == {p.relative_to(fresh).as_posix() for p in fresh.rglob("*") if p.is_file()}, "run: photgrader build"
    for file in sorted(files):
        if file.endswith(".ipynb"):
            assert cells(committed / file) == cells(fresh / file), (
                f"{name}/{file} is stale; run: photgrader build {name}"
            )
        elif file.endswith(".json"):
            close(json.loads((committed / file).read_text()), json.loads((fresh / file).read_text()), f"{name}/{file}")


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_solution_is_the_source_executed(name):
    source = nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)
    solution = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
    assert [(c.cell_type, c.source) for c in solution.cells] == [(c.cell_type, c.source) for c in source.cells], (
        f"run: photgrader build {name}"
    )
    silent = [
        c.source.splitlines()[0]
        for c in solution.cells
        if c.cell_type == "code" and c.execution_count is None and c.source.strip()
    ]
    assert silent == []


def test_a_changed_source_is_noticed(rebuilt, tmp_path):
    name = NAMES[0]
    copy = tmp_path / "release.ipynb"
    shutil.copy(ROOT / "release" / name / f"{name}.ipynb", copy)
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells[2].source += "\n# changed"
    nbformat.write(notebook, copy)
    assert cells(copy) != cells(rebuilt / "release" / name / f"{name}.ipynb")
