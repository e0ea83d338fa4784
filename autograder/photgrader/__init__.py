"""The instructor's side of a course: what an exercise is, verdicts, sandbox, grading, reports. It knows no course."""

import sys
from typing import Any

__version__ = "1.1.0"

# nbformat imports jsonschema, and jsonschema, where it finds this package, builds a grammar of international addresses at once:
# a second of every process, for a format that no schema of notebooks asks for. It does without where the import fails.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("rfc3987_syntax", None)
