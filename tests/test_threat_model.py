"""Each promise of the threat model says how it is kept and names tests that are there."""

from __future__ import annotations

import re

from support import ROOT

PAGE = ROOT / "docs" / "threat-model.md"


def test_every_promise_names_how_it_is_kept_and_tests_that_are_there():
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| Promise | How | Test |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[1:]]
    assert len(rows) > 20
    for row in rows:
        assert len(row) == 3 and all(row), row[0]
        named = re.findall(r"`(tests/[^`]+)`", row[2])
        assert named, f"no test shows: {row[0]}"
        assert not [n for n in named if not (ROOT / n).exists()], row[0]


def test_modules_and_commands_that_the_page_names_are_there():
    text = PAGE.read_text(encoding="utf-8")
    for name in set(re.findall(r"`(photgrader|photcheck)((?:\.\w+)+)`", text)):
        package, rest = name
        base = ROOT / {"photgrader": "autograder", "photcheck": "course"}[package] / package
        parts = rest.strip(".").split(".")
        found = any(
            base.joinpath(*parts[:k]).with_suffix(".py").exists() or (k and base.joinpath(*parts[:k]).is_dir())
            for k in (len(parts), len(parts) - 1)
        )
        assert found, f"{package}{rest}"
    for path in set(re.findall(r"`(tools/\w+\.py|tests/[\w/]+\.py)`", text)):
        assert (ROOT / path).is_file(), path
