"""The instructor's side of the course: exercises, verdicts, sandbox, grading, reports."""

import sys
from typing import Any

# nbformat imports jsonschema, and jsonschema, where it finds this package, builds a grammar of international addresses at once:
# a second of every process, for a format that no schema of notebooks asks for. It does without where the import fails.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("rfc3987_syntax", None)
