"""The floor of the benchmark: all code cells of each notebook, run in a fork of a process that has everything imported.

No grading, no sandbox, no gradebook: what no grader that runs the students' code can go below. Run as a script
with the notebooks' paths; prints as JSON the seconds that each took, and the processor seconds of each check of a student's own.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

from photgrader.grading.sources import asked_check


def run_cells(path: str) -> list[float]:
    """Run a notebook's code cells, its checks too, with outputs thrown away; return the processor seconds of the checks."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    cells = [c for c in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    os.chdir(pathlib.Path(path).parent)
    shell: Any = InteractiveShell.instance()
    checks = []
    for cell in cells:
        started = time.process_time()
        with capture_output() as captured:
            result = shell.run_cell("".join(cell["source"]), store_history=False)
            if result.result is not None:
                shell.display_formatter.format(result.result)
        del captured
        if asked_check("".join(cell["source"])):
            checks.append(time.process_time() - started)
    return checks


def forked(work: Callable[[], Any]) -> Any:
    """Return what some work returns, done in a fork of this process whose own output goes nowhere."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            os.write(theirs, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as stream:
        answer = stream.read()
    os.waitpid(pid, 0)
    return json.loads(answer or b"[]")


def warm_shell() -> None:
    """Import what a warm parent has imported, and make the shell that the forks run cells in."""
    from IPython.core.interactiveshell import InteractiveShell

    from photgrader.coursedir.packages import packages_in_use
    from photgrader.sandbox.warm_parent import warm_up

    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    warm_up(list(packages_in_use().imports))
    shell: Any = InteractiveShell.instance()
    shell.history_manager.enabled = False


def main(paths: list[str]) -> None:
    """Time every notebook."""
    warm_shell()
    seconds, checks = [], []
    for path in paths:
        started = time.perf_counter()
        checks += forked(functools.partial(run_cells, path))
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "checks": checks}))


if __name__ == "__main__":
    main(sys.argv[1:])
