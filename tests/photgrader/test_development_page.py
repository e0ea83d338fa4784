"""The page for developers is true where it names files."""

from __future__ import annotations

import fnmatch
import re
import tomllib

import pytest

from support import ROOT

PAGE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
ROOMS = ROOT / "autograder" / "photgrader"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:[\w.]+/)+[\w.]*)`", PAGE)) - {"submitted/"}))
def test_every_file_that_the_page_names_is_there(name):
    assert (ROOT / name).exists() or (ROOMS / name).exists(), name


def test_the_map_names_every_room_and_no_other():
    drawn = set(re.findall(r"^  (\w+)/ ", PAGE, re.M))
    assert drawn == {p.name for p in ROOMS.iterdir() if p.is_dir() and p.name not in ("__pycache__", "exercises")}


@pytest.mark.parametrize("line", re.findall(r"^  (\w+/ .*)$", PAGE, re.M), ids=lambda line: line.split("/")[0])
def test_the_modules_named_in_a_room_are_there(line):
    room, _, words = line.partition("/ ")
    names = {w for w in re.findall(r"[a-z_]+", words.rpartition(": ")[2]) if ":" in words}
    assert {n for n in names if (ROOMS / room / f"{n}.py").is_file()} or ":" not in words, f"{room}: none of {names}"


def test_what_the_linter_leaves_out_is_none_of_the_houses_rooms():
    left_out = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["extend-exclude"]
    anywhere = [pattern for pattern in left_out if not pattern.startswith("./")]
    code = [p.relative_to(ROOT) for top in ("autograder/photgrader", "tests") for p in (ROOT / top).rglob("*.py")]
    lost = {str(p) for p in code if any(fnmatch.fnmatch(part, a) for part in p.parts for a in anywhere)}
    assert lost == set() and all((ROOT / p).exists() for p in left_out if p.startswith("./"))
