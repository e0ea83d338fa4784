"""A kernel that is gone is named by what it used, even where the system ended it before anybody looked."""

from __future__ import annotations

import threading
import time
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


def test_who_fills_the_memory_and_ends_is_told_so(tmp_path, monkeypatch):
    """A library that bears no want of memory ends the kernel, and nothing of it is left to look at."""
    held = [100]
    monkeypatch.setattr(watch, "address_space", lambda pid: held[0] * 2**20)
    kernel = types.SimpleNamespace(group=None, rooms=(), pid=2**22, kill=lambda: None)
    looking = watch.Watch(kernel, tmp_path, Limits(memory_mb=1100))
    looking.begin()
    for held[0], pause in [(1000, 2 * watch._PAUSE), (1090, 5 * watch._SHORT_PAUSE), (0, 5 * watch._SHORT_PAUSE)]:
        time.sleep(pause)
    assert looking.state() == "out of memory"
    looking.stop()


def test_a_look_that_had_begun_before_forgets_nothing_of_a_full_memory(tmp_path, monkeypatch):
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    kernel = types.SimpleNamespace(group=None, rooms=(), pid=2**22, kill=lambda: None)

    def passed(self):
        (done if go_on.is_set() else begun).set()
        go_on.wait(10)
        return ""

    monkeypatch.setattr(watch.Watch, "_passed", passed)
    monkeypatch.setattr(watch.Watch, "_taken", lambda self: 1.0)
    looking = watch.Watch(kernel, tmp_path, Limits())
    assert begun.wait(10) and looking.full()
    go_on.set()
    assert done.wait(10) and looking.reason == "memory"
    looking.stop()
