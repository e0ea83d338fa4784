"""Help for a first look at an image that nobody has looked at: sources worth trying, and a viewer to move about in.

Nothing here measures; a lecture takes the numbers as suggestions, to be looked at.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from photcourse import ask, display

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from matplotlib.figure import Figure

    from photcourse.visit import Exposure

__all__ = ["suggest_sources", "view"]


def suggest_sources(exposure: Exposure, *, count: int = 60, reach: int = 12) -> tuple[tuple[int, int], tuple[int, int]]:
    """Suggest a bright compact source and a bright extended one, both isolated.

    Parameters
    ----------
    exposure : Exposure
        With its sky subtracted.
    count : int
        How many of the brightest peaks are compared.
    reach : int
        No other higher pixel and no flagged pixel lies within so many pixels.

    Returns
    -------
    ((int, int), (int, int))
        ``(x, y)`` of the peaks: first a likely star, then a likely galaxy. Both are the same where only one is found.

    Raises
    ------
    ValueError
        No isolated peak was found.

    Notes
    -----
    A source stands alone if the ring between 6 and 9 pixels adds little light to the box inside, and it is
    bright if its highest pixel is 20 times the noise of the sky; where no source is, both are asked of it
    less strictly. Those are ordered by the light of the box in units of the peak: little for a star, much for
    a galaxy. Of each end of that list the brightest is taken.
    """
    image = np.nan_to_num(exposure.image)
    flagged = exposure.flagged(*[name for name in exposure.mask_planes if name != "DETECTED"])
    tops = (image == ndimage.maximum_filter(image, size=2 * reach + 1)) & (image < 0.5 * image.max()) & (image > 0)
    tops &= ~ndimage.binary_dilation(flagged, iterations=reach)
    edge = min(20, min(image.shape) // 4)
    tops[:edge], tops[-edge:], tops[:, :edge], tops[:, -edge:] = False, False, False, False
    y, x = np.nonzero(tops)
    noise = float(np.sqrt(np.nanmedian(exposure.variance)))
    peaks = []
    for k in np.argsort(-image[y, x])[:count]:
        i, j = int(x[k]), int(y[k])
        inner = float(image[j - 6 : j + 7, i - 6 : i + 7].sum())
        outer = float(image[max(0, j - 9) : j + 10, max(0, i - 9) : i + 10].sum())
        if inner > 0:
            peaks.append((i, j, inner / image[j, i], abs(outer / inner - 1)))
    places: list[tuple[int, int, float, float]] = []
    for bright, spill in ((20, 0.15), (10, 0.3), (5, 0.6)):
        places = places or [peak for peak in peaks if image[peak[1], peak[0]] > bright * noise and peak[3] < spill]
    if not places:
        raise ValueError("no bright peak stands alone in this image; type in the position of a star that you see")
    places.sort(key=lambda place: place[2])
    quarter = max(1, len(places) // 4)
    ends = (max(end, key=lambda place: image[place[1], place[0]]) for end in (places[:quarter], places[-quarter:]))
    star, galaxy = (place[:2] for place in ends)
    return star, galaxy


def view(image: np.ndarray, *, wcs: WCS | None = None, title: str = "image", unit: str = "") -> str:
    """Open an image in a viewer: Firefly, Imviz, or a window with sliders.

    Parameters
    ----------
    image : ndarray
        ``[y, x]``.
    wcs : WCS, optional
        For viewers that show sky coordinates.
    title : str
        Name of the image in the viewer.
    unit : str
        Unit of the values.

    Returns
    -------
    str
        A sentence: which viewer, and why.

    Notes
    -----
    Firefly is used where ``FIREFLY_URL`` names a server and the package ``firefly_client`` is installed (both are on
    the Rubin Science Platform), Imviz where ``jdaviz`` is. A viewer that fails leaves its reason in the sentence and
    gives way to the next.
    """
    reasons = []
    for name, package, ready, show in (
        ("Firefly", "firefly_client", "FIREFLY_URL" in os.environ, _in_firefly),
        ("Imviz", "jdaviz", True, _in_imviz),
    ):
        if not ready or not _installed(package):
            continue
        try:
            show(np.asarray(image, dtype=float), wcs, title)
        except Exception as problem:
            # A server that is down, another version: whatever a viewer raises, the image is shown below.
            reasons.append(f"{name} did not answer ({type(problem).__name__})")
        else:
            return f"{title}, shown in {name}."
    _in_sliders(np.asarray(image, dtype=float), title, unit)
    return (
        f"{title}: "
        + ("; ".join(reasons) if reasons else "neither Firefly nor Imviz is here")
        + ", so a window with sliders."
    )


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:
        return False


def _in_firefly(image: np.ndarray, wcs: WCS | None, title: str) -> None:
    from astropy.io import fits
    from firefly_client import FireflyClient

    client = FireflyClient.make_client(url=os.environ["FIREFLY_URL"])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "image.fits")
        fits.PrimaryHDU(image.astype(np.float32), wcs.to_header() if wcs is not None else None).writeto(path)
        client.show_fits(client.upload_file(path), plot_id=title, Title=title)


def _in_imviz(image: np.ndarray, wcs: WCS | None, title: str) -> None:
    from astropy.nddata import NDData
    from jdaviz import Imviz

    viewer = Imviz()
    viewer.load_data(NDData(image, wcs=wcs), data_label=title)
    viewer.show()


def _in_sliders(image: np.ndarray, title: str, unit: str) -> None:
    """Pieces of the image around a centre that moves."""
    ny, nx = image.shape

    def window(zoom: int, centre_x: int, centre_y: int) -> Figure:
        import matplotlib.pyplot as plt

        half_x, half_y = max(2, nx // (2 * zoom)), max(2, ny // (2 * zoom))
        left, bottom = max(0, centre_x - half_x), max(0, centre_y - half_y)
        piece = image[bottom : centre_y + half_y + 1, left : centre_x + half_x + 1]
        edges = (left - 0.5, left + piece.shape[1] - 0.5, bottom - 0.5, bottom + piece.shape[0] - 0.5)
        figure, ax = plt.subplots(figsize=(4.8, 3.9))
        display.show(piece, ax, percentiles=(1, 99.5), unit=unit, extent=edges, title=f"{title}, zoom {zoom}")
        return figure

    steps = np.linspace(0.1, 0.9, 9)
    words = f"A window of {title}, larger or smaller, at a place that the reader chooses."
    ask.explore(window, alt=words, zoom=[1, 2, 4, 8, 16],
                centre_x=[int(s * nx) for s in steps], centre_y=[int(s * ny) for s in steps])  # fmt: skip
