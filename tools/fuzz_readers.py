"""Let a fuzzer that sees which lines it reaches (atheris) look for bytes of students that the grader's readers cannot bear.

A first byte chooses the reader, the rest is what it reads; what is neither read nor refused by name, and what grows or lasts beyond its
limit, ends the run with a file to look at. Inputs worth keeping lie in ``tests/fuzz/kept``, where the tests read them again::

    pip install atheris
    python tools/fuzz_readers.py tests/fuzz/kept -max_total_time=3600 -timeout=20 -rss_limit_mb=2500 -max_len=4096
    python tools/fuzz_readers.py -merge=1 -use_counters=0 tests/fuzz/kept FOLDER     # keep what reaches a new line
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from typing import Any

#: What a reader may give for n bytes: so many times n characters, and so many more.
TIMES, FREE = 20, 10_000


class Grown(AssertionError):
    """What came out is longer than its limit."""


def readers() -> list[tuple[str, Callable[[bytes], Any]]]:
    """Return the readers by name, in the order of the first byte that chooses them."""
    from nbconvert.filters.markdown_mistune import MarkdownWithMath
    from nbformat import from_dict

    from photcheck import wire
    from photcheck.comparators.base import brief
    from photcheck.report import Report
    from photgrader.gradebook.mathml import MathRenderer, to_mathml
    from photgrader.grading import finding, handed_in, intake, sanitise, sources

    def text(raw: bytes) -> str:
        # What JSON can say and UTF-8 cannot: half of a letter.
        return raw.decode("utf-8", "surrogateescape")

    def message(raw: bytes) -> Any:
        try:
            form = wire.loads(raw)
            Report.read(form)
            return brief(wire.decode(form))
        except ValueError:
            # Also what is no message of the agreed form (`wire.WireError`).
            return ""

    def notebook(raw: bytes) -> Any:
        try:
            found, _ = intake.parse(raw)
        except finding.Unreadable as problem:
            assert problem.sentence
            return ""
        for cell in found.cells:
            sources.asked_check(cell.source)
            handed_in.kept_of(cell.get("outputs", []))
        return ""

    def archive(raw: bytes) -> Any:
        try:
            assert len(finding._from_zip(raw, "ps1", 100_000)) <= 100_000
        except finding.Unreadable as problem:
            assert problem.sentence
        return ""

    def output(raw: bytes) -> Any:
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(body, dict):
            return ""
        return json.dumps(sanitise.clean_outputs([from_dict({"output_type": "display_data", **body})]))

    def markdown(raw: bytes) -> Any:
        try:
            page = MarkdownWithMath(renderer=MathRenderer(escape=False, exclude_anchor_links=True)).render(text(raw))
        except Exception:  # noqa: BLE001 - as the exporter does, which shows the text itself
            return ""
        return sanitise.clean_html(str(page))

    return [
        ("message", message),
        ("notebook", notebook),
        ("archive", archive),
        ("html", lambda raw: sanitise.clean_html(text(raw))),
        ("output", output),
        ("markdown", markdown),
        ("formula", lambda raw: to_mathml(text(raw))),
        ("colours", lambda raw: sanitise.calm(text(raw))),
        ("cell of a table", lambda raw: sanitise.csv_cell(text(raw))),
        (
            "source",
            lambda raw: (sources.asked_check(text(raw)), sources.defined(text(raw)), sources.plain(text(raw)))[0],
        ),
        ("time", lambda raw: str(finding._read_time(raw))),
    ]


def read(raw: bytes, known: list[tuple[str, Callable[[bytes], Any]]]) -> None:
    """Have bytes read by the reader that the first of them chooses.

    Raises
    ------
    Grown
        What came out is longer than its limit.
    """
    if not raw:
        return
    name, reader = known[raw[0] % len(known)]
    made = reader(raw[1:])
    # A formula is some words of markup for each sign.
    times = 200 if name in ("formula", "markdown") else TIMES
    if isinstance(made, str) and len(made) > FREE + times * len(raw):
        raise Grown(f"{name}: {len(made)} characters of {len(raw)} bytes")


def main() -> None:
    """Run the fuzzer with the words of its command line."""
    import warnings

    import atheris

    warnings.simplefilter("ignore")
    with atheris.instrument_imports(
        include=["photcheck", "photgrader", "nbconvert.filters", "latex2mathml", "mistune"]
    ):
        known = readers()
    # To merge, the fuzzer starts itself again by its first word, in a shell.
    words = [f"{shlex.quote(sys.executable)} {shlex.quote(sys.argv[0])}", *sys.argv[1:]]
    atheris.Setup(words, lambda raw: read(raw, known))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
