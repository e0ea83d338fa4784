"""Finished figures as PNG files in full colour and double resolution, drawn once.

``savefig(bbox_inches="tight")`` draws a figure twice, once to find what is empty; and most of what Pillow takes for
a file goes into choosing a filter for each row. A notebook has dozens of figures and a class hundreds of notebooks.
"""

from __future__ import annotations

import gc
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["PAGE_WIDTH", "SHARPNESS", "packed", "picture", "png", "png_file"]

#: White left around a cropped picture, pixels of the page.
MARGIN = 10
#: Pixels of a picture to one of the page, for screens of twice the resolution.
SHARPNESS = 2
#: Widest picture on a page, pixels: the column of text of a notebook.
PAGE_WIDTH = 900
#: The PNG standard's numbers (ISO 15948) of the filter "up", of colours without transparency, and of colours from a palette.
_UP, _RGB, _PALETTE = 2, 2, 3
#: What parses formulas, shared by all figures: each renderer would parse "10^3" anew.
_FORMULAS: dict[str, Any] = {}


def picture(figure: Figure, *, crop: bool = True, sharpness: int = SHARPNESS) -> Image:
    """Draw a figure on white.

    Parameters
    ----------
    figure : Figure
        What to draw. One pixel of the page is one of the figure's own resolution, larger where the figure would be
        wider than `PAGE_WIDTH`. What lies outside of the figure's edges is not drawn: use a layout that leaves
        nothing there.
    crop : bool
        Cut empty borders off, but for 10 pixels of the page.
    sharpness : int
        Pixels of the picture to one of the page.

    Returns
    -------
    Image
        RGB.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image, ImageChops

    before, resolution, collecting = figure.canvas, figure.dpi, gc.isenabled()
    # Drawing makes thousands of small objects: each few hundred would have all that was imported looked through.
    gc.disable()
    try:
        canvas = FigureCanvasAgg(figure)
        figure.set_dpi(sharpness * min(resolution, PAGE_WIDTH / figure.get_figwidth()))
        renderer = canvas.get_renderer()
        renderer.mathtext_parser = _FORMULAS.setdefault("parser", renderer.mathtext_parser)
        canvas.draw()
        drawn = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()), "raw", "RGBA", 0, 1)
    finally:
        # A window, or a test's own canvas, gets its figure back.
        figure.set_dpi(resolution)
        figure.set_canvas(before)
        if collecting:
            gc.enable()
    if drawn.getchannel("A").getextrema() != (255, 255):
        white = Image.new("RGBA", drawn.size, "white")
        white.alpha_composite(drawn)
        drawn = white
    shown = drawn.convert("RGB")
    filled = ImageChops.invert(shown).getbbox() if crop else None
    if filled is not None:
        left, top, right, bottom = filled
        margin = MARGIN * sharpness
        shown = shown.crop((max(left - margin, 0), max(top - margin, 0),
                            min(right + margin, shown.width), min(bottom + margin, shown.height)))  # fmt: skip
    return shown


def packed(shown: Image) -> bytes:
    """Return a picture as PNG, every colour as it is.

    Each row holds its differences to the row above: enlarged pixels and lines repeat, so that this is as small as
    what a search among all filters gives, in a third of the time.

    Parameters
    ----------
    shown : Image
        RGB.

    Returns
    -------
    bytes
        The file.
    """
    import numpy as np

    pixels = np.asarray(shown.convert("RGB")).reshape(shown.height, -1)
    rows = np.empty((shown.height, 1 + pixels.shape[1]), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    return png_file(shown.width, shown.height, zlib.compress(rows, 1))


def png_file(width: int, height: int, packed_rows: bytes, palette: bytes = b"") -> bytes:
    """Return a PNG file (ISO 15948) of a byte a colour, or of a byte a pixel where there is a palette.

    Parameters
    ----------
    width, height : int
        In pixels.
    packed_rows : bytes
        The rows from the top one on, each behind the number of its filter, compressed by zlib.
    palette : bytes
        Red, green and blue of each number that a pixel may have.

    Returns
    -------
    bytes
        The file.
    """
    header = struct.pack(">IIBBBBB", width, height, 8, _PALETTE if palette else _RGB, 0, 0, 0)
    chunks = ((b"IHDR", header), *([(b"PLTE", palette)] if palette else []), (b"IDAT", packed_rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def png(figure: Figure, *, crop: bool = True, sharpness: int = SHARPNESS) -> tuple[bytes, int]:
    """Draw a figure, and return it as PNG.

    Parameters
    ----------
    figure : Figure
        As for `picture`.
    crop : bool
        As there.
    sharpness : int
        As there.

    Returns
    -------
    (bytes, int)
        The file, and the width that it has on a page, in pixels.
    """
    shown = picture(figure, crop=crop, sharpness=sharpness)
    return packed(shown), round(shown.width / sharpness)
