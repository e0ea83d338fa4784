"""The command ``photcourse``: what data the course has, what of it is here, and how to get the rest."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from photcourse import __version__, data

__all__ = ["main"]

_EXAMPLES = """\
examples:
  photcourse data list                 every file, where it comes from, whether it is here
  photcourse data list m13             the files of one dataset
  photcourse data fetch m13 horsehead  get real files into the cache
  photcourse data fetch                get all of them
  photcourse data verify               check the bytes of every file that is here
  photcourse version

exit codes: 0 done; 1 a file is damaged or could not be had; 2 the command is wrong (an unknown name too)

folders: PHOTCOURSE_DATA names a shared folder of real files, PHOTCOURSE_CACHE another cache than the user's
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``photcourse``; the process's own by default.

    Returns
    -------
    int
        0 done, 1 a file is damaged or could not be had, 2 an unknown name (argparse exits with 2 by itself).
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name with an accent ends nothing on a terminal that knows ASCII alone.
        sys.stdout.reconfigure(errors="replace")
    try:
        code = options.run(options)
        if sys.stdout is not None:
            # Nobody hears what is said into a closed one.
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the list (`| head`) has seen enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"photcourse: {error.filename or 'a file'} cannot be used: {error.strerror or error}", file=sys.stderr)
        return 1
    except data.UnknownNameError as error:
        print(error, file=sys.stderr)
        return 2
    except data.DataError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    shape: dict[str, Any] = {"epilog": _EXAMPLES, "formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(prog="photcourse", description="The course's helper.", **shape)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=_version)
    files = commands.add_parser("data", help="list, fetch and verify data files", **shape)
    actions = files.add_subparsers(dest="action", required=True, metavar="list|fetch|verify")
    for name, run, text in (
        ("list", _list, "show every file and whether it is here"),
        ("fetch", _fetch, "get real files into the cache"),
        ("verify", _verify, "check the files that are here"),
    ):
        action = actions.add_parser(name, help=text, description=text + ".", **shape)
        action.add_argument("names", nargs="*", metavar="NAME", help="datasets or files; all of them by default")
        action.set_defaults(run=run)
    return parser


def _version(options: argparse.Namespace) -> int:
    print(f"photcourse {__version__}")
    return 0


def _list(options: argparse.Namespace) -> int:
    statuses = data.listing(options.names)
    width = max((len(s.entry.name) for s in statuses), default=0)
    for status in statuses:
        size = "?" if status.entry.size is None else f"{status.entry.size / 1e6:.2f}"
        entry = status.entry
        print(f"{status.state:8}{entry.kind:9} {entry.name:{width}} {size:>6} MB  {entry.what}")
    here = sum(s.state == "good" for s in statuses)
    print(f"{here} of {len(statuses)} files are here.")
    return _report_damage(statuses)


def _fetch(options: argparse.Namespace) -> int:
    manifest = data.read_manifest()
    # All names are looked up before anything is downloaded.
    names = options.names or list(manifest.files)
    entries = {e.name: e for name in names for e in manifest.files_of(name)}
    failed = 0
    for name in entries:
        try:
            (path,) = data.fetch(name)
        except data.DataError as error:
            failed += 1
            print(error, file=sys.stderr)
        else:
            print(f"{name}: {path}")
    if failed:
        print(f"{failed} of {len(entries)} files could not be had.", file=sys.stderr)
    return 1 if failed else 0


def _verify(options: argparse.Namespace) -> int:
    statuses = data.verify(options.names)
    good = sum(s.state == "good" for s in statuses)
    absent = len(data.listing(options.names)) - len(statuses)
    print(f"{good} good, {len(statuses) - good} damaged, {absent} not here.")
    return _report_damage(statuses)


def _report_damage(statuses: Sequence[data.FileStatus]) -> int:
    damaged = [s for s in statuses if s.state == "damaged"]
    # A shared folder that is none keeps many files away, for one reason.
    for problem in dict.fromkeys(status.problem for status in damaged):
        print(problem, file=sys.stderr)
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
