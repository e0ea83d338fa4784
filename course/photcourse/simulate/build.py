"""Make embedded files again: ``python -m photcourse.simulate.build NAME...`` (or ``--all``).

Writes the file into ``photcourse/embedded`` and its checksum and size into the manifest beside it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from photcourse import data
from photcourse.data.manifest import MANIFEST

from .registry import builders, make

__all__ = ["main", "record"]


def record(name: str, path: Path, manifest: Path = MANIFEST) -> None:
    """Write the checksum and size of the file at `path` into the manifest's entry of file `name`.

    Parameters
    ----------
    name : str
        Of the manifest's entry.
    path : Path
        The file.
    manifest : Path
        By default the installed one.

    Raises
    ------
    ValueError
        The manifest has no such entry yet.
    """
    text = manifest.read_text(encoding="utf-8")
    entry = re.compile(rf"(?m)^  {re.escape(name)}:\n(?:    .*\n|\n)*?(?=^  \S|^\S|\Z)")
    found = entry.search(text)
    if found is None:
        raise ValueError(f"the manifest has no entry for {name}; write one first (see photcourse.simulate)")
    block = re.sub(r"(?m)^    checksum: .*$", f"    checksum: sha256:{data.checksum(path)}", found.group())
    block = re.sub(r"(?m)^    size: .*$", f"    size: {path.stat().st_size}", block)
    manifest.write_text(text[: found.start()] + block + text[found.end() :], encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 where all went well.
    """
    parser = argparse.ArgumentParser(prog="python -m photcourse.simulate.build", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="builders to run")
    parser.add_argument("--all", action="store_true", help="run every builder")
    parser.add_argument("--folder", type=Path, help="write there, and leave the manifest alone")
    options = parser.parse_args(arguments)
    known = builders()
    names = list(known) if options.all else options.names
    unknown = [n for n in names if n not in known]
    if unknown or not names:
        print(f"Give --all or some of these names: {', '.join(known)}.", file=sys.stderr)
        return 2
    for name in names:
        path = make(name, options.folder or data.embedded_folder())
        if options.folder is None:
            record(known[name], path)
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB  sha256 {data.checksum(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
