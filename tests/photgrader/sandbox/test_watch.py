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


def test_memory_is_full_where_nearly_all_is_taken_that_a_kernel_was_left(tmp_path, monkeypatch):
    """Its address space when it begins, with all that it has imported, is no use of the notebook's, be it nearly all that there may be."""
    monkeypatch.setattr(watch, "_PAUSE", 1000.0)
    held = [745]
    monkeypatch.setattr(watch, "address_space", lambda pid: held[0] * 2**20)
    kernel = types.SimpleNamespace(group=None, rooms=(), pid=2**22, kill=lambda: None)
    for most, takes, full in [
        (3000, 2000, False),
        (3000, 2200, True),
        (780, 20, False),
        (780, 34, True),
        (512, 9, False),
    ]:
        looking = watch.Watch(kernel, tmp_path, Limits(memory_mb=most))
        looking.begin()
        held[0] += takes
        assert looking.full() is full, (most, takes)
        assert looking.state() == ("out of memory" if full else "kernel died")
        looking.stop()
        held[0] -= takes
