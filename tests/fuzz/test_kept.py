"""What a fuzzer that sees which lines it reaches (``tools/fuzz_readers.py``) has found worth keeping is read, or refused by name."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import fuzz_readers

KEPT = pathlib.Path(__file__).with_name("kept")


def test_every_kept_input_is_read_or_refused_by_name_and_none_grows():
    known = fuzz_readers.readers()
    kept = sorted(KEPT.iterdir())
    chosen = set()
    for path in kept:
        raw = path.read_bytes()
        fuzz_readers.read(raw, known)
        chosen.add(known[raw[0] % len(known)][0])
    assert len(kept) > 80 and chosen == {name for name, _ in known}, "each reader has its inputs"


def test_what_grows_is_found():
    with pytest.raises(fuzz_readers.Grown, match="copies: 100000 characters of 3 bytes"):
        fuzz_readers.read(b"\0ab", [("copies", lambda raw: raw.decode() * 50_000)])
