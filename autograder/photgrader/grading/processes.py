"""How grading processes are made: forked from a server that imports the grader once.

A light module, so that the server can be started before the command itself has imported anything.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
from typing import Any


def context() -> Any:
    """Return how processes are made: forked from a server that has imported the grader."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["photgrader.grading.task"])
    return made


def start_server() -> None:
    """Start the server; it imports while the caller does other things."""
    context()
    multiprocessing.forkserver.ensure_running()


def default_workers() -> int:
    """Return how many processes to use: one per processor that this process may run on."""
    return len(os.sched_getaffinity(0))
