#!/usr/bin/env python3
"""Normalise notebooks: no outputs, deterministic cell ids, one kernelspec, small diffs.

Usage: normalise_notebooks.py [--check] NOTEBOOK...
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def _slug(cell: dict, index: int) -> str:
    grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    text = grade_id or f"{cell['cell_type']}-{index:03d}"
    return re.sub(r"[^a-zA-Z0-9_-]", "-", text)[:64]


def normalise(text: str) -> str:
    """Return the normalised JSON text of a notebook given as JSON text."""
    nb = json.loads(text)
    seen: set[str] = set()
    for index, cell in enumerate(nb["cells"]):
        source = cell["source"]
        source = "".join(source) if isinstance(source, list) else source
        cell["source"] = source.rstrip("\n").splitlines(keepends=True)
        metadata = cell.get("metadata", {})
        metadata.pop("lines_to_next_cell", None)
        metadata.pop("execution", None)
        cell["metadata"] = metadata
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
        slug = _slug(cell, index)
        while slug in seen:
            slug = f"{slug[:58]}-{index:03d}"
        seen.add(slug)
        cell["id"] = slug
    nb["metadata"] = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    nb["nbformat"], nb["nbformat_minor"] = 4, 5
    return json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(argv: list[str]) -> int:
    check = "--check" in argv
    stale = []
    for name in (a for a in argv if not a.startswith("--")):
        path = pathlib.Path(name)
        before = path.read_text(encoding="utf-8")
        after = normalise(before)
        if before != after:
            stale.append(name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if check and stale:
        print("Not normalised (run tools/normalise_notebooks.py on them):", *stale, sep="\n  ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
