"""The limit of the benchmark: the students' functions on the cases that grading asks them, in a warm process, and nothing else.

Each notebook's cells are run in a fork of a process that has everything imported; then each graded function is called once on each of its
provided and hidden cases, and that alone is timed. Run as a script in a course's folder, with the assignment and the notebooks' paths; prints
the seconds of each notebook, as JSON.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import sys
import time
from typing import Any

from benchmarks.floor import forked, run_cells, warm_shell
from photcheck.call import decode_arguments
from photcheck.spec import ExerciseSpec
from photgrader import coursedir
from photgrader.exercise import exercises_of
from photgrader.grading.cells import check_cells
from photgrader.grading.judge import grading_spec, seed_for


def seconds_of(path: str, specs: dict[str, ExerciseSpec]) -> list[float]:
    """Return how long a notebook's functions take on their cases, one number."""
    from IPython.core.interactiveshell import InteractiveShell

    from photcheck import undrawn

    undrawn._state[undrawn.KEY] = True
    run_cells(path)
    names: dict[str, Any] = InteractiveShell.instance().user_ns
    spent = 0.0
    for name, spec in specs.items():
        for case in spec.cases:
            arguments = decode_arguments(case.args, ".")
            started = time.perf_counter()
            with contextlib.suppress(Exception):
                names[name](*arguments)
            spent += time.perf_counter() - started
    return [spent]


def main(assignment: str, paths: list[str]) -> None:
    """Time every notebook."""
    root = pathlib.Path.cwd()
    warm_shell()
    exercises, key = exercises_of(assignment), coursedir.key(root)
    settings = coursedir.settings(root)
    seconds = []
    for path in paths:
        student, notebook = pathlib.Path(path).parent.parent.name, pathlib.Path(path).stem
        checks = check_cells(coursedir.skeleton(root, assignment, notebook), exercises)
        specs = {
            name: grading_spec(
                exercises.exercises[name],
                points,
                seed_for(key, settings.run, assignment, exercises.exercises[name], student),
                (),
            )
            for name, (_, _, points) in checks.items()
        }
        seconds += forked(functools.partial(seconds_of, path, specs))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
