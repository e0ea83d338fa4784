"""The list of planted faults is alive: every one applies to today's code, changes it, and has quick tests."""

from __future__ import annotations

import ast
import importlib.util
import pathlib
from collections import Counter

import pytest

from support import ROOT

_SPEC = importlib.util.spec_from_file_location("plant_faults", ROOT / "tools" / "plant_faults.py")
plant_faults = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(plant_faults)
FAULTS = plant_faults.FAULTS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_applies_once_and_leaves_a_program(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.before) == 1
    changed = text.replace(fault.before, fault.after)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))
    assert all((ROOT / tests).exists() for tests in fault.tests.split())


def test_there_are_enough_of_them_and_none_comes_twice():
    assert len(FAULTS) >= 40
    assert (
        max(Counter(f.name for f in FAULTS).values())
        == max(Counter((f.file, f.after, f.before) for f in FAULTS).values())
        == 1
    )


def test_a_fault_is_planted_in_a_copy_and_taken_out_again(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("X = 1\n")
    (tmp_path / "test_a.py").write_text(
        "import pathlib\ndef test(): assert 'X = 1' in pathlib.Path('a.py').read_text()\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = heavy\n")
    found = [
        plant_faults.is_caught(tmp_path, plant_faults.Fault("a", "a.py", "X = 1", after, tests))
        for after, tests in (("X = 2", "test_a.py"), ("X = 1  # still", "test_a.py"), ("X = 2", "no_test.py"))
    ]
    assert found == [True, False, None] and pathlib.Path(tmp_path / "a.py").read_text() == "X = 1\n"
