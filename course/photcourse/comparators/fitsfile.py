"""Comparator of FITS files that a function writes, judged from their bytes."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import fits

from photcheck.comparators.base import RIGHT, Comparator, Finding, fault, number_text

#: Longer files are not read.
MAX_FILE_BYTES = 64_000_000
#: Remarks that old versions of FITS libraries put into every file by themselves.
_BOILERPLATE = ("FITS (Flexible Image Transport System)", "and Astrophysics', volume 376")


class NotFits(ValueError):
    """Bytes that are no FITS file with an image in it; the text says why."""


@dataclass(frozen=True)
class Contents:
    """What a file holds: the first image, its header's values, and its remarks."""

    image: np.ndarray
    cards: dict[str, Any] = field(default_factory=dict)
    comments: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


def _declared_bytes(header: fits.Header) -> int:
    """Size of the image that a header promises."""
    sizes = [int(header.get(f"NAXIS{k}", 0)) for k in range(1, int(header.get("NAXIS", 0)) + 1)]
    if any(n < 0 for n in sizes) or len(sizes) > 8:
        raise NotFits("its header gives impossible axes")
    return math.prod(sizes) * abs(int(header.get("BITPIX", 8))) // 8 if sizes else 0


def _first_image(hdus: fits.HDUList, at_most: int) -> tuple[np.ndarray, fits.Header]:
    for k in range(50):
        try:
            hdu = hdus[k]
        except IndexError:
            break
        if isinstance(hdu, fits.CompImageHDU) or not isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU)):
            continue
        declared = _declared_bytes(hdu.header)
        if declared == 0:
            continue
        if declared > at_most:
            raise NotFits("it is cut short: its header promises more pixels than the file holds")
        return np.asarray(hdu.data, dtype=float), hdu.header
    raise NotFits("there is no image in it")


def _remarks(header: fits.Header, keyword: str) -> tuple[str, ...]:
    texts = (str(t).strip() for t in header[keyword]) if keyword in header else ()
    return tuple(t for t in texts if t and not t.startswith(_BOILERPLATE))


def read_fits(raw: Any) -> Contents:
    """Read the first image of a FITS file given as bytes, trusting nothing in them.

    Raises
    ------
    NotFits
        With the reason in words, whatever the bytes are.
    """
    if not isinstance(raw, (bytes, bytearray)):
        raise NotFits("no file was written")
    if len(raw) > MAX_FILE_BYTES:
        raise NotFits(f"it is {len(raw) / 1e6:.0f} MB long, which is too large")
    # A gzip or bzip2 file would be unpacked by astropy to whatever size it likes.
    if not raw.startswith(b"SIMPLE"):
        raise NotFits("it does not begin as a FITS file does" if raw else "it is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(bytes(raw)), memmap=False, lazy_load_hdus=True) as hdus:
                image, header = _first_image(hdus, len(raw))
                remarks = header if header is hdus[0].header else hdus[0].header + header
                cards = {k: header[k] for k in {*hdus[0].header, *header} if k in header}
                cards |= {k: hdus[0].header[k] for k in hdus[0].header if k and k not in cards}
                return Contents(image, cards, _remarks(remarks, "COMMENT"), _remarks(remarks, "HISTORY"))
    except NotFits:
        raise
    except Exception as problem:
        # astropy meets broken headers with exceptions of many kinds.
        raise NotFits(f"it cannot be read ({type(problem).__name__})") from problem


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return str(a).strip() == str(b).strip()


def _likeness(got: np.ndarray, want: np.ndarray) -> float:
    """Return how much of a picture is there: 1 less the rms of the difference over the rms of the right one; 0 for another shape."""
    if got.shape != want.shape:
        return 0.0
    graded = np.isfinite(want)
    off = np.nan_to_num(got[graded] - want[graded], nan=np.inf, posinf=np.inf, neginf=np.inf)
    whole = float(np.sqrt(np.mean(want[graded] ** 2)))
    with np.errstate(over="ignore", invalid="ignore"):
        part = float(np.sqrt(np.mean(np.abs(off) ** 2))) / whole if whole else 0.0
    return max(0.0, 1.0 - part) if math.isfinite(part) else 0.0


@dataclass(frozen=True)
class FitsFile(Comparator):
    """A FITS file with one image, a header that keeps given cards, and added remarks.

    Both the answer and `expected` are the bytes of a file. The points are split: half for the image, a
    fifth for the cards kept, and what is left for COMMENT and for HISTORY.

    Parameters
    ----------
    rtol, atol : float
        For the pixels, as in `numpy.isclose`; pixels that are not finite in `expected` are not graded.
    cards : tuple of str
        Keywords whose values must be those of `expected`.
    comments, history : tuple of str
        Old remarks that must still be there; beside them at least one new COMMENT and HISTORY is asked.
    name : str
        What the image is, for the words.
    """

    rtol: float = 1e-6
    atol: float = 1e-6
    cards: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    name: str = "image"

    @classmethod
    def keeping(cls, header: fits.Header, **settings: Any) -> FitsFile:
        """Return the comparator that asks for everything in `header` to be kept."""
        free = (
            "SIMPLE",
            "BITPIX",
            "NAXIS",
            "EXTEND",
            "BSCALE",
            "BZERO",
            "XTENSION",
            "PCOUNT",
            "GCOUNT",
            "EXTNAME",
            "CHECKSUM",
            "DATASUM",
            "COMMENT",
            "HISTORY",
        )
        cards = tuple(k for k in dict.fromkeys(header) if k and not k.startswith(free))
        return cls(cards=cards, comments=_remarks(header, "COMMENT"), history=_remarks(header, "HISTORY"), **settings)

    def _flaws(self, got: Contents, want: Contents) -> list[tuple[float, str]]:
        """Return what is off: the share of the points it costs, and the words."""
        image = self._image_flaw(got.image, want.image)
        return ([(0.5, image)] if image else []) + self._header_flaws(got, want)

    def _header_flaws(self, got: Contents, want: Contents) -> list[tuple[float, str]]:
        flaws = []
        lost = [k for k in self.cards if k in want.cards and k not in got.cards]
        changed = [
            k for k in self.cards if k in want.cards and k in got.cards and not _same(got.cards[k], want.cards[k])
        ]
        if lost:
            flaws.append((0.2, f"the header has lost {', '.join(lost[:4])}{' and more' if len(lost) > 4 else ''}"))
        elif changed:
            key = changed[0]
            flaws.append((0.2, f"the card {key} should be {want.cards[key]!r}; it is {str(got.cards[key])[:40]!r}"))
        for keyword, old, now in (("COMMENT", self.comments, got.comments), ("HISTORY", self.history, got.history)):
            gone = [t for t in old if t not in now]
            if gone:
                flaws.append((0.15, f"the old {keyword} card {gone[0][:50]!r} is gone"))
            elif not [t for t in now if t not in old]:
                flaws.append((0.15, f"no {keyword} card was added"))
        return flaws

    def _image_flaw(self, got: np.ndarray, want: np.ndarray) -> str:
        if got.shape != want.shape:
            return f"the {self.name} in the file should have shape {want.shape}; it has shape {got.shape}"
        graded = np.isfinite(want)
        with np.errstate(invalid="ignore"):
            good = np.abs(got - want)[graded] <= self.atol + self.rtol * np.abs(want[graded])
        if good.all():
            return ""
        total = float(np.nansum(got[graded]))
        ratio = total / float(np.sum(want[graded])) if np.sum(want[graded]) else math.nan
        times = f", {number_text(ratio, 4)} times the right one" if math.isfinite(ratio) else ""
        return (
            f"{100 * float((~good).mean()):.3g} % of the {self.name}'s pixels are off; "
            f"its sum is {number_text(total)}{times}"
        )

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        want = read_fits(expected)
        if answer is None:
            return fault("no file was written where the path says", "file")
        try:
            got = read_fits(answer)
        except NotFits as problem:
            return fault(f"the file that was written is no good: {problem}", "file")
        flaws = self._flaws(got, want)
        if not flaws:
            return RIGHT
        # A header is worth what the picture is worth that it belongs to.
        score = max(0.0, 1.0 - sum(cost for cost, _ in flaws)) * _likeness(got.image, want.image)
        return fault("; ".join(words for _, words in flaws), "value", round(score, 6))

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """Tell whether two files have the same flaws, and images that are off in the same way."""
        if answer is None or fingerprint is None:
            return answer is None and fingerprint is None
        try:
            got, bad, want = read_fits(answer), read_fits(fingerprint), read_fits(expected)
        except NotFits:
            return False
        # The first words of a flaw tell its kind; numbers come after them.
        kinds = [[words.split(" ")[:4] for _, words in self._header_flaws(c, want)] for c in (got, bad)]
        if kinds[0] != kinds[1]:
            return False
        flaws = [bool(self._image_flaw(c.image, want.image)) for c in (got, bad)]
        if flaws != [True, True] or got.image.shape != bad.image.shape:
            return flaws == [False, False]
        if bad.image.shape != want.image.shape:
            return True
        gap = np.sqrt(np.nanmean((bad.image - want.image) ** 2))
        return bool(np.sqrt(np.nanmean((got.image - bad.image) ** 2)) <= 0.15 * gap)

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`."""
        try:
            contents = read_fits(value)
        except NotFits as problem:
            return f"a file that is no good: {problem}" if value is not None else "no file"
        shape = " x ".join(str(n) for n in contents.image.shape)
        return (
            f"a FITS file: {shape} pixels, sum {number_text(float(np.nansum(contents.image)))}, "
            f"{len(contents.comments)} COMMENT, {len(contents.history)} HISTORY"
        )
