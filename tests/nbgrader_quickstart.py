"""``nbgrader quickstart`` whose five further commands are forked from its process: each would import nbgrader anew, for three seconds."""

from __future__ import annotations

import os
import subprocess
import sys

from nbgrader.apps.nbgraderapp import NbGraderApp
from traitlets.config import Application


def call(words: list[str], **how: object) -> int:
    """Run ``python -m nbgrader ...`` in a fork, its words unread; return its exit code."""
    if not (child := os.fork()):
        code = 1
        try:
            sys.stdout = sys.stderr = open(os.devnull, "w")
            type(Application.instance()).clear_instance()
            NbGraderApp.launch_instance(words[3:])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    subprocess.call = call  # type: ignore[assignment]
    NbGraderApp.launch_instance(["quickstart", *sys.argv[1:]])
