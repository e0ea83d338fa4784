"""The processes behind the live service's pages, started by `photgrader.serve.server`: ``python -m photgrader.serve {grading|pages} COURSE WORKERS PARENT``."""

from __future__ import annotations

import pathlib
import sys

from photgrader.coursedir import CourseError
from photgrader.coursedir.settings import SettingsError
from photgrader.exercise import use_course
from photgrader.gradebook.app import scripts_on_path
from photgrader.sandbox.jail import SandboxMissing
from photgrader.serve import grader, pages

if __name__ == "__main__":
    scripts_on_path()
    kind, root, workers, parent = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    try:
        use_course(root)
        sys.exit(grader.main(root, workers, parent) if kind == "grading" else pages.main(root, parent))
    except (CourseError, SandboxMissing, SettingsError) as problem:
        # On the service's own page, too (`photgrader.serve.server`).
        sys.exit(f"photgrader: {problem}")
