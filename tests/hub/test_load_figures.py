"""The page on the hub quotes the figures that were measured, and no others."""

from __future__ import annotations

import json

from support import ROOT


def table(figures: dict) -> str:
    """Return the table of a measurement as the page has it."""
    lines = ["| step | median (s) | 95 % within (s) | longest (s) |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {kind} | {v['median_s']:.2f} | {v['p95_s']:.2f} | {v['max_s']:.2f} |"
        for kind, v in figures["latency"].items()
    ]
    return "\n".join(lines)


def test_the_page_quotes_the_measured_figures():
    figures = json.loads((ROOT / "docs" / "load.json").read_text())
    page = (ROOT / "docs" / "hub.md").read_text()
    assert table(figures) in page
    assert f"{figures['students']} students, {figures['all_done_s']:.0f} s" in page
    assert figures["lost"] == [] and figures["failed"] == []
