"""Finished figures as small PNG files, drawn once.

``savefig(bbox_inches="tight")`` draws a figure twice (to find what is empty, then for the file), and a noisy
image in full colour makes a file three times larger than its eye-equal with a palette. A notebook has dozens
of figures and a class hundreds of notebooks, so both are done once here.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["png"]

#: White left around a cropped picture, pixels.
MARGIN = 10


def png(figure: Figure, *, crop: bool = True) -> tuple[bytes, int]:
    """Draw a figure on white, and return it as PNG with a palette of 256 colours.

    Parameters
    ----------
    figure : Figure
        What to draw, at its own resolution. What lies outside of the figure's edges is not drawn: use the
        constrained layout, which leaves nothing there.
    crop : bool
        Cut empty borders off, but for 10 pixels.

    Returns
    -------
    (bytes, int)
        The file, and the picture's width in pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image, ImageChops

    before = figure.canvas
    canvas = FigureCanvasAgg(figure)
    try:
        canvas.draw()
        drawn = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()), "raw", "RGBA", 0, 1)
    finally:
        # A window, or a test's own canvas, gets its figure back.
        figure.set_canvas(before)
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn)
    picture = white.convert("RGB")
    if crop:
        filled = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
        if filled is not None:
            left, top, right, bottom = filled
            picture = picture.crop((max(left - MARGIN, 0), max(top - MARGIN, 0),
                                    min(right + MARGIN, picture.width), min(bottom + MARGIN, picture.height)))
    packed = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(packed, format="png", compress_level=6)
    return packed.getvalue(), picture.width
