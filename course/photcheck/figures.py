"""Read what a matplotlib figure shows: data, labels, scales, images and circles, not pixels.

The result (`photcheck.wire.FigureData`) is plain data in the coordinates of each axes, whatever way
the figure was drawn: `plot` or `scatter`, `imshow` or `pcolormesh`, a patch, a collection, a photutils
aperture, pixel or sky transforms. It is read inside the student's process, so nothing here decides anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from photcheck.values import FigureData, Sample

__all__ = ["circle_of", "figure_data"]

#: Longer lines and point sets, and more artists of one kind in an axes, are not read.
MAX_POINTS = 50_000
MAX_ARTISTS = 2_000
#: Images are thinned to this many values: enough to recognise a picture.
IMAGE_VALUES = 400
#: A closed curve is a circle where its distance from its centre varies by less than this share.
ROUNDNESS = 0.03


def figure_data(drawn: Any) -> FigureData:
    """Return what a figure shows.

    Parameters
    ----------
    drawn : `~matplotlib.figure.Figure`, `~matplotlib.axes.Axes` or any artist
        For axes the whole figure is read (a colour bar is axes of its own), these axes first.

    Returns
    -------
    FigureData
        A dictionary for each axes; see there for the keys. Positions and radii are in data coordinates;
        row 0 of an image is the one at the smallest y, and its ``origin`` is ``"lower"`` where that is *shown* at the bottom.

    Raises
    ------
    TypeError
        Where there is no figure behind `drawn`.
    """
    first = drawn if hasattr(drawn, "get_xlabel") else getattr(drawn, "axes", None)
    first = first if hasattr(first, "get_xlabel") else None
    figure = drawn if hasattr(drawn, "get_axes") else getattr(drawn, "figure", None)
    if figure is None or not hasattr(figure, "get_axes"):
        raise TypeError(f"a {type(drawn).__name__} belongs to no figure")
    axes = list(figure.get_axes())
    if first is not None and first in axes:
        axes.remove(first)
        axes.insert(0, first)
    return FigureData([_axes_data(ax, figure) for ax in axes[:50]])


def _axes_data(ax: Any, figure: Any) -> dict[str, Any]:
    # Asking for the limits makes matplotlib catch up with its autoscaling before transforms are used.
    xlim, ylim = [float(v) for v in ax.get_xlim()], [float(v) for v in ax.get_ylim()]
    return {
        "title": _text(ax.get_title()) or _text(figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""),
        "xlabel": _axis_label(ax, figure, "x"),
        "ylabel": _axis_label(ax, figure, "y"),
        "xscale": str(ax.get_xscale()),
        "yscale": str(ax.get_yscale()),
        "xlim": xlim,
        "ylim": ylim,
        "legend": _legend(ax, figure),
        "lines": list(_lines(ax)),
        "points": list(_points(ax)),
        "images": list(_images(ax)),
        "bars": list(_bars(ax)),
        "patches": list(_patches(ax)),
        "errorbars": sum(type(c).__name__ == "ErrorbarContainer" for c in ax.containers),
        "colorbar": ax.get_label() == "<colorbar>",
    }


def _text(text: Any) -> str:
    return str(text or "")[:500]


def _axis_label(ax: Any, figure: Any, axis: str) -> str:
    """Label of an axis; the label of the whole figure stands in where the axis has none."""
    own = _text(getattr(ax, f"get_{axis}label")())
    shared = getattr(figure, f"get_sup{axis}label", lambda: "")
    return own or _text(shared())


def _legend(ax: Any, figure: Any) -> list[str]:
    legends = [ax.get_legend(), *getattr(figure, "legends", [])]
    return [_text(t.get_text()) for legend in legends if legend is not None for t in legend.get_texts()][:200]


# ----------------------------------------------------------------------------------------------- series
def _to_data(transform: Any, ax: Any, xy: np.ndarray) -> np.ndarray:
    """Bring points from an artist's own coordinates into those of the axes."""
    if transform == ax.transData or not len(xy):
        return xy
    return ax.transData.inverted().transform(transform.transform(xy))


def _pairs(x: Any, y: Any) -> np.ndarray | None:
    """Return x and y as an array of shape (n, 2), NaN where masked, or None where they are no numbers."""
    with contextlib.suppress(TypeError, ValueError):
        x = np.ma.filled(np.ma.asarray(x, dtype=float).ravel(), np.nan)
        y = np.ma.filled(np.ma.asarray(y, dtype=float).ravel(), np.nan)
        if x.size == y.size and 0 < x.size <= MAX_POINTS:
            return np.column_stack([x, y])
    return None


def _lines(ax: Any) -> Iterator[dict[str, Any]]:
    for line in ax.get_lines()[:MAX_ARTISTS]:
        if not line.get_visible():
            continue
        # orig=False: after units and categories have become numbers.
        pairs = _pairs(line.get_xdata(orig=False), line.get_ydata(orig=False))
        if pairs is None:
            continue
        pairs = _to_data(line.get_transform(), ax, pairs)
        yield {
            "x": pairs[:, 0],
            "y": pairs[:, 1],
            "label": _text(line.get_label()),
            "joined": str(line.get_linestyle()).lower() not in ("none", "", " "),
            "marked": str(line.get_marker()).lower() not in ("none", "", " "),
        }


def _points(ax: Any) -> Iterator[dict[str, Any]]:
    for collection in ax.collections[:MAX_ARTISTS]:
        if type(collection).__name__ != "PathCollection" or not collection.get_visible():
            continue
        offsets = _offsets(collection)
        if 0 < len(offsets) <= MAX_POINTS:
            offsets = _to_data(collection.get_offset_transform(), ax, offsets)
            yield {"x": offsets[:, 0], "y": offsets[:, 1], "label": _text(collection.get_label())}


def _offsets(collection: Any) -> np.ndarray:
    offsets: np.ndarray = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan)
    return offsets.reshape(-1, 2)


def _bars(ax: Any) -> Iterator[dict[str, Any]]:
    for container in ax.containers[:MAX_ARTISTS]:
        for bar in container if type(container).__name__ == "BarContainer" else ():
            yield {
                "x": float(bar.get_x() + bar.get_width() / 2),
                "height": float(bar.get_height()),
                "width": float(bar.get_width()),
            }


# ----------------------------------------------------------------------------------------------- images
def _images(ax: Any) -> Iterator[dict[str, Any]]:
    for image in ax.get_images()[:50]:
        values, extent = image.get_array(), [float(v) for v in image.get_extent()]
        if values is None or not image.get_visible():
            continue
        upper = getattr(image, "origin", "upper") == "upper"
        # extent is (left, right, bottom, top); row 0 lies at the top for "upper"; the axis may be inverted.
        first, last = (extent[3], extent[2]) if upper else (extent[2], extent[3])
        yield _image_form(image, ax, np.ma.asarray(values), extent, first, last)
    for mesh in ax.collections[:MAX_ARTISTS]:
        if type(mesh).__name__ == "QuadMesh" and mesh.get_array() is not None and mesh.get_visible():
            corners = np.asarray(mesh.get_coordinates(), dtype=float)
            (left, bottom), (right, top) = corners[0, 0], corners[-1, -1]
            values = np.ma.asarray(mesh.get_array())
            values = values.reshape(corners.shape[0] - 1, -1) if values.ndim == 1 else values
            yield _image_form(mesh, ax, values, [left, right, bottom, top], bottom, top)


def _image_form(
    artist: Any, ax: Any, values: np.ma.MaskedArray, extent: list[float], first: float, last: float
) -> dict[str, Any]:
    if values.ndim == 3:
        # An RGB(A) picture: its brightness.
        values = values[..., :3].mean(axis=-1)
    if first > last:
        # Reversed rows in an extent that reverses them again are the same picture.
        values, first, last = values[::-1], last, first
    shown = ax.transData.transform([(extent[0], first), (extent[0], last)])[:, 1]
    norm = getattr(artist, "norm", None)
    stretch = type(getattr(norm, "stretch", None)).__name__
    colorbar = getattr(artist, "colorbar", None)
    return {
        "shape": list(values.shape),
        "origin": "lower" if shown[0] < shown[1] else "upper",
        "extent": [float(v) for v in extent],
        "clim": [_number(v) for v in artist.get_clim()],
        "cmap": _text(getattr(artist.get_cmap(), "name", "")),
        "norm": type(norm).__name__ + (f"/{stretch}" if stretch != "NoneType" else ""),
        "label": _colorbar_label(colorbar),
        "values": Sample.of(np.ma.filled(values.astype(float), np.nan), IMAGE_VALUES),
    }


def _colorbar_label(colorbar: Any) -> str:
    if colorbar is None:
        return ""
    return _text(colorbar.ax.get_ylabel()) or _text(colorbar.ax.get_xlabel()) or _text(colorbar.ax.get_title())


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


# ----------------------------------------------------------------------------------------------- outlines
def circle_of(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float] | None:
    """Return centre and radius of a closed curve that is a circle, else None.

    The centre is the middle of the extent; a curve of fewer than 8 points is no circle.

    Parameters
    ----------
    x, y : ndarray
        The curve's points.

    Returns
    -------
    (float, float, float) or None
        ``x``, ``y`` and radius.
    """
    good = np.isfinite(x) & np.isfinite(y)
    x, y = np.asarray(x)[good], np.asarray(y)[good]
    if len(x) < 8:
        return None
    x0, y0 = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    radii = np.hypot(x - x0, y - y0)
    # The extent is exact for a curve made polygon; the mean distance of its corners is not quite.
    radius = float(np.ptp(x) + np.ptp(y)) / 4
    if radius <= 0 or np.ptp(radii) > ROUNDNESS * radius:
        return None
    # Points all round, not an arc or a string of points that happens to be equidistant.
    angles = np.sort(np.arctan2(y - y0, x - x0))
    if np.diff(angles, append=angles[0] + 2 * np.pi).max() > 1.2:
        return None
    return float(x0), float(y0), radius


def _outlines(artist: Any, ax: Any) -> Iterator[np.ndarray]:
    """Yield the closed curves of a patch or a collection in data coordinates, curves made polygons."""
    if hasattr(artist, "get_path"):
        placed = [(artist.get_path(), artist.get_transform(), np.zeros(2))]
    else:
        placed = list(_collection_paths(artist))
    for path, transform, offset in placed[:MAX_ARTISTS]:
        # to_polygons resolves curves to about a pixel of the display, so it comes after the transform.
        for polygon in transform.transform_path(path).to_polygons(closed_only=False):
            if len(polygon):
                yield ax.transData.inverted().transform(polygon + offset)


def _collection_paths(collection: Any) -> Iterator[tuple[Any, Any, np.ndarray]]:
    from matplotlib.transforms import Affine2D

    paths, own = collection.get_paths(), np.asarray(collection.get_transforms())
    # A collection whose offsets are left alone has one at the origin, in display coordinates.
    shifts = collection.get_offset_transform().transform(_offsets(collection))
    for k in range(max(len(paths), len(own), len(shifts)) if paths else 0):
        transform = collection.get_transform()
        if len(own):
            transform = Affine2D(own[k % len(own)]) + transform
        yield paths[k % len(paths)], transform, shifts[k % len(shifts)]


def _patches(ax: Any) -> Iterator[dict[str, Any]]:
    bars = {id(b) for c in ax.containers if type(c).__name__ == "BarContainer" for b in c}
    outlined = [p for p in ax.patches if id(p) not in bars]
    outlined += [
        c
        for c in ax.collections
        if type(c).__name__ in ("PatchCollection", "EllipseCollection", "CircleCollection", "PolyCollection")
    ]
    # ax.add_artist(Circle(...)) puts a patch among the artists.
    outlined += [a for a in ax.artists if hasattr(a, "get_path")]
    for artist in outlined[:MAX_ARTISTS]:
        if not artist.get_visible():
            continue
        if hasattr(artist, "_set_transforms"):
            # An ellipse collection learns its sizes only when it is drawn.
            artist._set_transforms()
        for outline in _outlines(artist, ax):
            yield _patch_form(type(artist).__name__.lower(), outline)


def _patch_form(kind: str, outline: np.ndarray) -> dict[str, Any]:
    low, high = np.nanmin(outline, axis=0), np.nanmax(outline, axis=0)
    (x, y), (width, height) = (low + high) / 2, high - low
    circle = None if kind == "rectangle" else circle_of(outline[:, 0], outline[:, 1])
    return {
        "kind": "circle" if circle else kind,
        "x": float(x),
        "y": float(y),
        "radius": circle[2] if circle else 0.0,
        "width": float(width),
        "height": float(height),
    }
