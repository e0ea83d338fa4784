"""``photgrader photometry-bench``."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import click
from rich.table import Table

from photgrader.commands.common import EXIT_FINDING, OUTPUT, screen, write_json


class _Size(click.ParamType):  # type: ignore[type-arg]
    """Rows and columns, as in 4000x4072."""

    name = "ROWSxCOLUMNS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return the two numbers."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d{3,5})[x×](\d{3,5})", str(value))
        if not found or min(int(v) for v in found.groups()) < 320:
            self.fail(f"{value!r} is not a size: rows and columns, each 320 or more, as in 4000x4072", param, ctx)
        return int(found[1]), int(found[2])


@click.command()
@click.option(
    "--size", type=_Size(), default="4000x4072", show_default=True, help="Rows and columns of the simulated detector."
)
@click.option(
    "--stars",
    type=click.IntRange(50),
    default=None,
    help="How many; by default one in 1629 pixels, 10,000 on a whole detector.",
)
@click.option(
    "--repeat", type=click.IntRange(1, 20), default=3, show_default=True, help="Turns of each way; times are medians."
)
@click.option("--seed", type=click.IntRange(0), default=20261121, show_default=True, help="Of the simulation.")
@click.option("--json", "json_file", type=OUTPUT, metavar="FILE", help="Write all figures to FILE; - is the screen.")
def command(size: tuple[int, int], stars: int | None, repeat: int, seed: int, json_file: pathlib.Path | None) -> None:
    """Measure the course's photometry beside photutils, sep, the lectures' loops and the Cramér-Rao bound.

    One simulated detector, all ways in turns; do they find the same stars, how long do they take, how far are their
    fluxes from the best possible? Ends with 1 where a target is missed.

    \b
    Examples:
      photgrader photometry-bench --json photometry.json
      photgrader photometry-bench --size 1000x1018
    """
    from benchmarks.photometry import photometry_bench

    on_screen = str(json_file) == "-"
    found = photometry_bench(
        size,
        stars or round(size[0] * size[1] / 1628.8),
        repeat=repeat,
        seed=seed,
        say=lambda text: click.echo(text, err=True),
    )
    if not on_screen:
        console = screen()
        console.print(_times(found), _stars(found), _accuracy(found))
        for text, ratio in found["times_faster_than"].items():
            click.echo(f"{ratio:8.1f} times as fast as {text}")
        click.echo(
            f"The loops ran on {found['loops']['share_of_pixels']:.2%} of the pixels and {found['loops']['stars_run']} stars; their times are scaled "
            f"linearly. Load of the machine at the start {found['load_before']}, threads: {found['threads']}."
        )
        limit = found["reading"]
        click.echo(
            f"To read the pixels once takes {limit['seconds'] * 1000:.0f} ms ({limit['gigabytes_per_second']:.1f} GB/s): the course's way takes "
            f"{limit['times_the_limit']:.0f} times that."
        )
        for text, good in found["checks"].items():
            click.echo(f"{'yes' if good else 'NO '}  {text}")
    if json_file is not None:
        write_json(json_file, found)
    if not all(found["checks"].values()):
        raise SystemExit(EXIT_FINDING)


def _table(title: str, heads: list[str]) -> Table:
    table = Table(title=title)
    for k, head in enumerate(heads):
        table.add_column(head, justify="left" if k == 0 else "right")
    return table


def _times(found: dict[str, Any]) -> Table:
    table = _table(
        f"{found['shape'][0]} x {found['shape'][1]} pixels, {found['stars']} stars, medians of {found['repeat']}",
        ["way", "sky (s)", "find and measure (s)", "all (s)", "processor (s)", "memory (MB)"],
    )
    for name, s in found["seconds"].items():
        memory = found["memory_mb"][name]
        table.add_row(
            name,
            f"{s['sky']:.2f}",
            f"{s['all but the sky']:.2f}",
            f"{s['all']:.2f}",
            f"{found['cpu_seconds'][name]:.2f}",
            "" if memory is None else f"{memory:.0f}",
        )
    table.add_row("loops", "", f"{found['loops']['total']:.0f}", f"{found['loops']['total']:.0f}", "", "")
    return table


def _stars(found: dict[str, Any]) -> Table:
    same = found["same_stars"]
    table = _table(
        f"The same stars? {same['sure_stars']} with {same['sure_means']}",
        ["way", "rows", "completeness", "purity", "also found by"],
    )
    for name in found["seconds"]:
        also = ", ".join(f"{n} {v:.4f}" for n, v in same[name]["also_found_by"].items())
        table.add_row(
            name, str(same[name]["rows"]), f"{same[name]['completeness']:.4f}", f"{same[name]['purity']:.4f}", also
        )
    return table


def _accuracy(found: dict[str, Any]) -> Table:
    names = list(found["accuracy"][0]["scatter_over_bound"]) if found["accuracy"] else []
    table = _table(
        "Isolated stars: scatter of the flux over the Cramér-Rao bound (position: of x; pull: over the error that we quote)",
        ["magnitude", "stars", "S/N", *names],
    )
    for row in found["accuracy"]:
        table.add_row(
            f"{row['magnitude']:.1f}",
            str(row["stars"]),
            f"{row['median_snr']:.0f}",
            *["" if row["scatter_over_bound"][n] is None else f"{row['scatter_over_bound'][n]:.2f}" for n in names],
        )
    return table
