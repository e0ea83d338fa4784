"""Headers as they are found in the world: cards that nobody can parse, coordinates that do not work."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

__all__ = ["mended", "read_wcs"]

#: What a distortion is written with: lookup tables and general polynomials, SIP, and the terms of a projection.
_DISTORTIONS = (
    (r"(CPDIS|CPERR|CQDIS|CQERR|D2IMDIS|D2IMERR|D2IMARR|DP|DQ|D2IM|DVERR)\d*(\..*)?$|AXISCORR$", "its distortion"),
    (r"[AB]P?_(\d_\d|ORDER|DMAX)$", "its distortion"),
    (r"PV\d+_\d+$", "the further terms of its projection"),
)


def mended(header: fits.Header) -> tuple[fits.Header, list[str]]:
    """Return a header of which every card can be read, and the keywords whose values had to be kept as text.

    One card that is not written as the standard asks (``EXPTIME = 12,5``) stops astropy wherever the whole header
    is used, as a WCS does. What stands in such a card is kept, as text.

    Parameters
    ----------
    header : Header
        Left as it is.

    Returns
    -------
    (Header, list of str)
        A header of its own, and keywords.
    """
    cards, unreadable = [], []
    for card in header.cards:
        try:
            # Cards are parsed when they are asked for.
            _ = card.keyword, card.value, card.comment
        except (VerifyError, ValueError):
            # `Card.image` mends the card first, and badly: what was written is in `_image`.
            written = (getattr(card, "_image", None) or card.image)[8:80].lstrip("= ")
            value = written[1:] if written.startswith("'") else written.partition(" /")[0]
            text = "".join(letter for letter in value if " " <= letter <= "~")
            card = fits.Card(card.keyword, text.strip()[:60])
            unreadable.append(card.keyword)
        cards.append(card)
    return (fits.Header(cards) if unreadable else header), unreadable


def read_wcs(header: fits.Header, hdus: fits.HDUList | None = None, notes: list[str] | None = None) -> WCS | None:
    """Return the celestial WCS of a header, or None where it has none that works.

    A WCS is read in two axes, whatever the array's; astropy's notes on repaired keywords are silenced. Where a
    distortion cannot be read, the coordinates without it are given; a picture is never lost to its coordinates.

    Parameters
    ----------
    header : Header
        Header of the image.
    hdus : HDUList, optional
        The file: distortions may be tables in other extensions (``CPDIS1 = 'LOOKUP'`` of the Hubble telescope).
    notes : list of str, optional
        Gets a sentence for what was left out.

    Returns
    -------
    WCS or None
        In two axes.
    """
    if "CTYPE1" not in header and "PLTRAH" not in header:
        return None
    notes = [] if notes is None else notes
    reason = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        for left_out, tried in _simpler(_scamp(mended(header)[0])):
            try:
                wcs = WCS(tried, fobj=hdus, naxis=2)
                if not wcs.has_celestial:
                    return None
                _try(wcs, tried)
            except Exception as error:  # wcslib raises what it likes, MemoryError included
                reason = reason or _first_sentence(error)
                continue
            if left_out:
                notes.append(f"Of its world coordinates {left_out} cannot be read and was left out ({reason}).")
            return wcs
    notes.append(f"Its world coordinates cannot be read and were left out ({reason}).")
    return None


def _scamp(header: fits.Header) -> fits.Header:
    """Name the projection of SCAMP's headers: a TAN with terms in declination is the polynomial TPV.

    wcslib sees by itself what has terms beyond the fourth; up to there they have a meaning of their own.
    """
    if all(str(header.get(f"CTYPE{axis}", ""))[5:].strip() == "TAN" for axis in (1, 2)) and any(
        re.match(r"PV2_\d+$", keyword) for keyword in header
    ):
        header = header.copy()
        for axis in ("CTYPE1", "CTYPE2"):
            header[axis] = header[axis].replace("TAN", "TPV")
    return header


def _simpler(header: fits.Header) -> Iterator[tuple[str, fits.Header]]:
    """Give a header as it is, then with one kind of distortion after the other taken away."""
    yield "", header
    left_out: list[str] = []
    for pattern, what in _DISTORTIONS:
        written = {keyword for keyword in header if re.match(pattern, keyword)}
        if not written:
            continue
        header = fits.Header([card for card in header.cards if card.keyword not in written])
        for axis in ("CTYPE1", "CTYPE2"):
            header[axis] = str(header.get(axis, "")).removesuffix("-SIP")
        left_out = list(dict.fromkeys([*left_out, what]))
        yield " and ".join(left_out), header


def _try(wcs: WCS, header: fits.Header) -> None:
    """Raise where coordinates do not lead from the image's middle to the sky and back."""
    middle = np.array([[float(header.get(axis) or 1) / 2 for axis in ("NAXIS1", "NAXIS2")]])
    if abs(np.linalg.det(wcs.pixel_scale_matrix)) == 0:
        raise ValueError("all pixels lie on one line of the sky")
    sky = wcs.all_pix2world(middle, 1)
    if not np.all(np.isfinite(sky)) or not np.allclose(wcs.wcs_world2pix(wcs.wcs_pix2world(middle, 1), 1), middle):
        raise ValueError("the image's middle has no place on the sky")


def _first_sentence(error: Exception) -> str:
    """Return what is wrong without the line numbers of somebody else's code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("ERROR")]
    return (lines[0] if lines else type(error).__name__).rstrip(". ")
