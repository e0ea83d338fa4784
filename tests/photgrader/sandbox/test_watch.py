"""A kernel that is gone is named by what it used, even where the system ended it before anybody looked."""

from __future__ import annotations

import types

import pytest

from photgrader.coursedir.settings import Limits
from photgrader.sandbox import watch


@pytest.mark.parametrize("files, state", [(3, "kernel died"), (20, "kernel died"), (21, "too many files")])
def test_what_was_used_is_looked_at_once_more_when_the_kernel_is_gone(tmp_path, monkeypatch, files, state):
    monkeypatch.setattr(watch, "_PAUSE", 1000.0)
    for number in range(25):
        (tmp_path / f"handed in {number}").touch()
    gone = types.SimpleNamespace(group=None, rooms=(), pid=2**22, kill=lambda: None)
    looking = watch.Watch(gone, tmp_path, Limits(files=20))
    for number in range(files):
        (tmp_path / str(number)).touch()
    try:
        assert looking.state() == state
    finally:
        looking.stop()
