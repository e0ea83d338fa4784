"""The floor of the benchmark: all code cells of each notebook, run in a fork of a process that has everything imported.

No grading, no sandbox, no gradebook: what no grader that runs the students' code can go below. Run as a script
with the notebooks' paths; prints the seconds that each took, as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import sys
import time
from typing import Any


def run_cells(path: str) -> None:
    """Run a notebook's code cells, its checks too, with pictures rendered and outputs thrown away."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    cells = [c for c in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    os.chdir(pathlib.Path(path).parent)
    shell: Any = InteractiveShell.instance()
    for cell in cells:
        with capture_output() as captured:
            result = shell.run_cell("".join(cell["source"]), store_history=False)
            if result.result is not None:
                shell.display_formatter.format(result.result)
        del captured


def main(paths: list[str]) -> None:
    """Time every notebook."""
    from photgrader.sandbox.warm_parent import MODULES, warm_up

    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for name in MODULES:
        importlib.import_module(name)
    warm_up()
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    shell.history_manager.enabled = False
    seconds = []
    for path in paths:
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            try:
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, 1)
                os.dup2(sink, 2)
                run_cells(path)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
