"""The picture at the top of the site: a simulated star field in colour, with apertures round a few stars."""

from __future__ import annotations

import io

import numpy as np

WIDE, HIGH, STARS = 1600, 460, 900


def picture() -> bytes:
    """Return the picture as JPEG, the same every time."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(20261121)
    light = _sky(rng)
    stretched = np.arcsinh(light / 14.0) / np.arcsinh(9000.0 / 14.0)
    picture = Image.fromarray((255 * np.clip(stretched, 0, 1)).astype(np.uint8))
    # Four times as large and back again, so that the circles have smooth edges.
    layer = Image.new("RGBA", (2 * WIDE, 2 * HIGH), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for x, y, radius in _APERTURES:
        for r, colour, width in (
            (radius, (86, 180, 233, 235), 4),
            (1.55 * radius, (230, 159, 0, 170), 2),
            (2.1 * radius, (230, 159, 0, 170), 2),
        ):
            draw.ellipse([2 * (x - r), 2 * (y - r), 2 * (x + r), 2 * (y + r)], outline=colour, width=width)
    picture.paste(
        layer.resize((WIDE, HIGH), Image.Resampling.LANCZOS),
        (0, 0),
        layer.resize((WIDE, HIGH), Image.Resampling.LANCZOS),
    )
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=86)
    return file.getvalue()


#: Bright stars, (x, y) from the picture's upper left corner, and the radius of the aperture, pixels.
_APERTURES = ((1236.3, 128.6, 26), (1302.8, 300.2, 30), (1478.4, 96.7, 21), (1130.6, 371.9, 19))


def _sky(rng: np.random.Generator) -> np.ndarray:
    """Return the light, ``[y, x, colour]``: faint stars are many, bright ones few, each a Moffat profile."""
    light = rng.normal(6.0, 1.6, (HIGH, WIDE, 3)) + np.array([0.0, 1.0, 5.0])
    # Numbers that fall with flux as flux to the power -1.1, like a cluster's.
    flux = 25.0 * (1.0 - rng.random(STARS)) ** (-1 / 1.1)
    x, y = rng.uniform(0, WIDE, STARS), rng.uniform(0, HIGH, STARS)
    for k, (at_x, at_y, _) in enumerate(_APERTURES):
        x[k], y[k], flux[k] = at_x, at_y, (5200, 9000, 3600, 2600)[k]
    warmth = rng.beta(2, 2, STARS)
    for xs, ys, f, w in zip(x, y, np.minimum(flux, 9000.0), warmth, strict=True):
        _add(light, xs, ys, f, np.array([0.5 + 0.9 * w, 0.92, 1.5 - 1.05 * w]))
    return np.maximum(light, 0.0)


def _add(
    light: np.ndarray, x: float, y: float, peak: float, colour: np.ndarray, gamma: float = 2.6, beta: float = 2.5
) -> None:
    """Add one star with its peak value."""
    reach = int(12 + 8 * np.log10(1 + peak))
    rows = slice(max(0, int(y) - reach), min(HIGH, int(y) + reach + 1))
    columns = slice(max(0, int(x) - reach), min(WIDE, int(x) + reach + 1))
    yy, xx = np.mgrid[rows, columns]
    profile = (1 + ((xx - x) ** 2 + (yy - y) ** 2) / gamma**2) ** -beta
    light[rows, columns] += peak * profile[..., None] * colour
