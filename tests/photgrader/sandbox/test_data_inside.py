"""The folder of real files is there in the sandbox, to be read and not to be written."""

from __future__ import annotations

from dataclasses import replace

import nbformat
import pytest

from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, code_cell, submit

pytestmark = pytest.mark.heavy

LOOK = """import os, pathlib
folder = pathlib.Path(os.environ["PHOTCOURSE_DATA"])
print([p.name for p in folder.iterdir()], (folder / "a.fits").read_text())
try:
    (folder / "b.fits").write_text("mine")
except OSError as problem:
    print(type(problem).__name__)
"""


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_real_files_can_be_read_by_every_kind_of_kernel(tiny_course, tmp_path, monkeypatch, warm):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.fits").write_text("stars")
    for folder in (data, *data.parents):
        folder.chmod(folder.stat().st_mode | 0o555)
    monkeypatch.setenv("PHOTCOURSE_DATA", str(data))
    path = submit(tiny_course, "ann", RIGHT)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(2, code_cell(LOOK))
    nbformat.write(notebook, path)
    tasks = [replace(t, settings=replace(t.settings, warm=warm)) for t in parallel.submissions(tiny_course, ASSIGNMENT)]
    ((_, result),) = parallel.run_here(tasks, 1)
    (cell,) = [
        c
        for c in nbformat.reads(result["notebook"], as_version=4).cells
        if c.source == LOOK.strip("\n") or c.source == LOOK
    ]
    assert result["record"]["kernel"] == ("WarmKernel" if warm else "ColdKernel")
    assert cell.outputs[0].text.split("\n")[0] == "['a.fits'] stars", cell.outputs
    assert "mine" not in (data / "a.fits").read_text() and not (data / "b.fits").exists()
    assert "Error" in cell.outputs[0].text
