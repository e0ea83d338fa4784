"""A warm parent that is given up while it starts leaves no process."""

from __future__ import annotations

import time

import psutil
import pytest

from photgrader.coursedir.packages import packages_in_use
from photgrader.coursedir.settings import Settings
from photgrader.sandbox import warm

pytestmark = pytest.mark.heavy


def of_folder(base: str) -> list[str]:
    """The command lines of processes that were started for a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(base in word for word in words):
            found.append(" ".join(words)[:80])
    return found


def test_nothing_is_left_of_a_parent_that_is_given_up_at_once(tmp_path):
    tmp_path.chmod(0o755)
    for turn in range(40):
        base = tmp_path / f"photgrader-warm-{turn}"
        base.mkdir()
        parent = warm.WarmParent(base, Settings(), "", packages_in_use().imports)
        time.sleep(turn % 10 / 1000)
        parent.close()
    until = time.monotonic() + 20
    while (left := of_folder(str(tmp_path))) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []
