#!/usr/bin/env python3
"""What a figure costs in a student's kernel: made, laid out, drawn and packed, beside how it was done before.

Usage: figures.py [--rounds N]

Both ways make the same figures in one run, in turn; of each the least of N rounds counts, in seconds of processor
time. Before: constrained layout at the page's resolution, 256 colours, as commit e036743 has it. Now: as
`photcourse.display.publish` does it, in full colour. The last column draws at twice the page's resolution, as
publish does; the one before it at the page's own, which is the same work as before.
"""

from __future__ import annotations

import argparse
import base64
import io
import time
from collections.abc import Callable

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from photcheck.picture_file import packed, picture
from photcourse import data, display

SKY = data.load("visit_image", prefer="embedded").image


def two_images() -> Figure:
    """Two images with colour bars and marks, as in most lectures."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6))
    display.show(SKY, left, percentiles=(0, 100), unit="nJy", title="the whole scale")
    display.show(SKY, right, percentiles=(1, 99), unit="nJy", title="percentiles 1 to 99")
    display.mark(right, np.random.default_rng(1).uniform(20, 450, (80, 2)), label="found")
    right.legend()
    return fig


def curves() -> Figure:
    """Four curves on logarithmic axes."""
    fig, ax = plt.subplots(figsize=(7, 4))
    x = np.linspace(0.1, 10, 300)
    for power in range(4):
        ax.plot(x, x**power + 1, label=f"power {power}")
    ax.set(xscale="log", yscale="log", xlabel="radius (pixel)", ylabel="flux (nJy)", title="four curves")
    ax.legend()
    return fig


def histogram() -> Figure:
    """A histogram of 97 bins with a logarithmic scale of counts."""
    fig, ax = plt.subplots(figsize=(7, 4))
    ax.hist(np.random.default_rng(2).normal(size=20_000), 97, color="0.75")
    ax.set(yscale="log", xlabel="value / noise", ylabel="pixels")
    return fig


def four_images() -> Figure:
    """Four images with colour bars."""
    fig, axes = plt.subplots(2, 2, figsize=(10, 8))
    for ax in axes.flat:
        display.show(SKY[:200, :240], ax, unit="nJy", title="a piece of the sky")
    return fig


def before(make: Callable[[], Figure]) -> None:
    """Make, draw and pack a figure as it was done before."""
    with mpl.rc_context({"figure.constrained_layout.use": True, "axes.titley": None}):
        figure = make()
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figure.set_layout_engine("constrained")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()), "raw", "RGBA", 0, 1)
        white = Image.new("RGBA", drawn.size, "white")
        white.alpha_composite(drawn)
        shown = white.convert("RGB")
        box = ImageChops.difference(shown, Image.new("RGB", shown.size, "white")).getbbox()
        file = io.BytesIO()
        few = shown.crop(box).quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(file, format="png", compress_level=6)
        base64.b64encode(file.getvalue())
        plt.close(figure)


def now(make: Callable[[], Figure], sharpness: int) -> None:
    """Make, draw and pack a figure as `publish` does."""
    figure = make()
    display.lay_out(figure)
    shown = picture(figure, sharpness=sharpness)
    if sharpness == 1:
        base64.b64encode(packed(shown))
    else:
        display.as_output(shown, display.FigureText("", "", "A figure."))
    plt.close(figure)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    display.use_style()
    print(f"{'figure':14s} {'before':>8s} {'now':>8s} {'ratio':>6s} {'now, twice':>11s} {'ratio':>6s}")
    totals = np.zeros(3)
    for make in (two_images, curves, histogram, four_images):
        ways = (lambda m=make: before(m), lambda m=make: now(m, 1), lambda m=make: now(m, 2))
        best = np.full(3, np.inf)
        for _ in range(rounds + 1):
            for k, way in enumerate(ways):
                start = time.process_time()
                way()
                best[k] = min(best[k], time.process_time() - start)
        totals += best
        row(make.__name__, best)
    row("all", totals)


def row(name: str, seconds: np.ndarray) -> None:
    """Print one line of the table."""
    was, same, twice = seconds
    print(f"{name:14s} {was:8.3f} {same:8.3f} {same / was:6.2f} {twice:11.3f} {twice / was:6.2f}", flush=True)


if __name__ == "__main__":
    main()
