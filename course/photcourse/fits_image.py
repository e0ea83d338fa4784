"""The science image of any FITS file, with its variance and its mask, whoever wrote it.

Observatories agree on the image and on little else: the errors may be variances, standard deviations or inverse
variances; the mask's bits are named in three ways or not at all; a preview may stand before the image. What cannot
be read beside the image (a card, the coordinates, an error plane) is left out with a sentence; the image is not lost.
"""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from photcourse.data import DataError, read_wcs
from photcourse.data.headers import mended

if TYPE_CHECKING:
    from astropy.table import QTable
    from astropy.wcs import WCS

__all__ = ["FitsImage", "estimate_variance", "read_fits_image"]

#: Names of extensions by what they hold; of a name such as ``3-4.SCI`` the last part counts.
_ROLES = {
    "image": ("SCI", "IMAGE", "SCIENCE", "DATA"),
    "variance": ("VARIANCE", "VAR", "STAT"),
    "error": ("ERR", "ERROR", "RMS", "SIGMA", "STDDEV", "UNCERT", "UNCERTAINTY"),
    "inverse": ("IVAR", "INVVAR"),
    "weight": ("WHT", "WEIGHT", "WGT"),
    "mask": ("MASK", "DQ", "FLG", "FLAG", "FLAGS", "BPM", "QUALITY", "QUAL"),
}
_ROLE_OF_NAME = {name: role for role, names in _ROLES.items() for name in names}
#: What astropy's CCDData says that its UNCERT extension holds.
_ROLE_OF_UTYPE = {"StdDevUncertainty": "error", "VarianceUncertainty": "variance", "InverseVariance": "inverse"}
#: Planes whose bits have their meaning by custom and not by the header, as Rubin would name them: data quality of
#: the Hubble telescope's cameras (instrument handbooks, ACS and WFC3) and of the Webb telescope (jwst.datamodels).
_CUSTOM = {
    "HST": {"REED_SOLOMON": 0, "FILL": 1, "BAD": 2, "MASKED": 3, "HOT": 4, "CTE_TAIL": 5, "WARM": 6, "BIAS": 7,
            "SAT": 8, "FLAT": 9, "TRAP": 10, "SAT_CONVERTER": 11, "CR_DRIZZLE": 12, "CR": 13},
    "JWST": {"BAD": 0, "SAT": 1, "CR": 2, "DROPOUT": 3, "OUTLIER": 4, "PERSISTENCE": 5, "NON_SCIENCE": 9, "DEAD": 10,
             "HOT": 11, "WARM": 12, "NONLINEAR": 16, "NO_FLAT_FIELD": 18},
}  # fmt: skip
#: Bit of pixels without data where the mask gives it none, as in Rubin's masks.
_NO_DATA = 8
#: Cards of the file's structure, which are not true of the array that was made of it.
_STRUCTURE = ("SIMPLE", "EXTEND", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "COMMENT", "HISTORY", "")
#: Pixels on a side of the boxes of a map of the sky.
_BOX = 64
#: An axis of so few pixels behind two long ones holds colours.
_COLOURS = 4


@dataclass(frozen=True)
class FitsImage:
    """What a FITS file says about one image: the parts of a `photcourse.visit.Exposure`, and what was left out.

    Attributes
    ----------
    image, variance, mask : ndarray of shape (ny, nx)
        As in `photcourse.visit.Exposure`.
    mask_planes : dict
        Bit number by name.
    wcs, header, psf_sigma, unit, truth : object
        As there; None where the file does not say.
    notes : tuple of str
        What was left out, a sentence each.
    """

    image: np.ndarray
    variance: np.ndarray
    mask: np.ndarray
    mask_planes: dict[str, int]
    wcs: WCS | None
    header: fits.Header
    psf_sigma: float | None
    unit: u.UnitBase | None
    truth: QTable | None
    notes: tuple[str, ...]


def read_fits_image(path: Path, *, subtract_sky: bool = False) -> FitsImage:
    """Read the science image of a file.

    Parameters
    ----------
    path : Path
        A FITS file, also packed (``.gz``, ``.fz``).
    subtract_sky : bool
        Take the sky away, where its level is more than half of the noise: a map of medians in boxes of 64 pixels
        (`photutils.background.Background2D`), in small images the clipped median.

    Returns
    -------
    FitsImage
        The image with its parts.

    Raises
    ------
    DataError
        The file is not there, is no FITS file, is cut short, or holds no image with a pixel that has a value.

    Notes
    -----
    The image is the first extension named SCI, IMAGE, SCIENCE or DATA, else the first image; what has less than a
    quarter of the pixels of the largest image is a preview. Of a cube, the first plane is taken.

    Wherever the image or its variance is not a number, the variance is infinite and the mask has NO_DATA set.
    """
    if not path.exists():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise DataError(f"There is no file {path}{where}.")
    if path.is_dir():
        raise DataError(f"{path} is a folder; name one FITS file in it.")
    try:
        with warnings.catch_warnings():
            # Real files break the standard in small things; astropy says so at length.
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path, memmap=False, do_not_scale_image_data=True) as hdus:
                return _from_hdus(hdus, path, subtract_sky)
    except DataError:
        raise
    except Exception as error:  # a damaged file raises OSError, ValueError, TypeError, zlib.error, ...
        if _unpacks_short(path):
            raise DataError(_cut_short(path)) from error
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read as a FITS file: {said}") from error


def _unpacks_short(path: Path) -> bool:
    if path.suffix.lower() != ".gz":
        return False
    try:
        with gzip.open(path) as packed:
            while packed.read(1 << 20):
                pass
    except EOFError:
        return True
    except (OSError, zlib.error):
        pass
    return False


def _cut_short(path: Path) -> str:
    return (
        f"{path} ends before its image does ({path.stat().st_size} bytes are there): it was cut short when it was "
        "copied or downloaded; get it again."
    )


def _from_hdus(hdus: fits.HDUList, path: Path, subtract_sky: bool) -> FitsImage:
    notes: list[str] = []
    main = _science(hdus, notes)
    if main is None:
        raise DataError(f"{path} holds no image.")
    try:
        pixels = _pixels(main)
    except Exception as error:
        if _ends_early(main, path):
            raise DataError(_cut_short(path)) from error
        raise
    image = _picture(pixels, notes)
    good = np.isfinite(image)
    if not good.any():
        raise DataError(f"{path} holds no pixel with a value.")
    header = _header(main, hdus[0], notes)
    planes, mask = _mask(hdus, main, image.shape, header, notes)
    if subtract_sky:
        image = _without_sky(image, good & (mask == 0), notes)
    variance = _variance(hdus, main, image.shape, notes)
    if variance is None:
        variance = estimate_variance(image)
        if not np.any(variance > 0):
            notes.append("Its noise cannot be estimated: its pixels have the same value, and all are flagged NO_DATA.")
    good &= np.isfinite(variance) & (variance > 0)
    variance[~good] = np.inf
    used = {*planes.values(), *_bits(mask)}
    planes.setdefault("NO_DATA", _NO_DATA if _NO_DATA not in used else max(used) + 1)
    mask |= np.where(good, 0, 1 << planes["NO_DATA"])
    wcs = None if _has_colours(main) else read_wcs(header, hdus, notes)
    return FitsImage(
        image, variance, mask, planes, wcs, header, _positive(header.get("PSFSIGMA")), _unit(header),
        _truth(hdus), tuple(notes),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- the image
def _role(hdu: Any) -> str | None:
    kind = _ROLE_OF_NAME.get(re.split(r"[.\-_ ]", hdu.name.upper())[-1])
    if kind == "error" and hdu.name.upper() == "UNCERT":
        return _ROLE_OF_UTYPE.get(str(hdu.header.get("UTYPE")), "error")
    return kind


def _has_colours(hdu: Any) -> bool:
    return len(hdu.shape) == 3 and hdu.shape[2] <= _COLOURS < min(hdu.shape[:2])


def _size(hdu: Any) -> int:
    """Pixels of one plane, 0 for what is no image."""
    if not hdu.is_image or len(hdu.shape) < 2 or 0 in hdu.shape:
        return 0
    rows, columns = hdu.shape[:2] if _has_colours(hdu) else hdu.shape[-2:]
    return 0 if min(rows, columns) < 2 else int(rows) * int(columns)


def _science(hdus: fits.HDUList, notes: list[str]) -> Any:
    images = [hdu for hdu in hdus if _size(hdu)]
    images = [hdu for hdu in images if _role(hdu) in (None, "image")] or images
    large = [hdu for hdu in images if 4 * _size(hdu) >= max(map(_size, images))]
    named = [hdu for hdu in large if _role(hdu) == "image"]
    chosen: Any = next(iter([*named, *large]), None)
    if len(images) > 1 and chosen.name:
        notes.append(f"It is the extension {chosen.name}.")
    return chosen


def _pixels(hdu: Any) -> np.ndarray:
    """Return scaled pixels, NaN where there is no value.

    astropy makes 0 of the blank pixels of unsigned whole numbers, so that the scaling is done here.
    """
    raw = hdu.data
    pixels = np.array(raw, dtype=np.float64)
    blank = hdu.header.get("BLANK")
    if raw.dtype.kind in "iu" and isinstance(blank, int):
        pixels[raw == blank] = np.nan
    scale, zero = (_number(hdu.header.get(key), default) for key, default in (("BSCALE", 1.0), ("BZERO", 0.0)))
    return pixels * scale + zero if (scale, zero) != (1.0, 0.0) else pixels


def _ends_early(hdu: Any, path: Path) -> bool:
    """Return whether the file is shorter than the header of its image says."""
    info = hdu.fileinfo()
    packed = path.suffix.lower() in (".gz", ".bz2", ".xz", ".zip", ".z")
    return info is not None and not packed and info["datLoc"] + info["datSpan"] > path.stat().st_size


def _without_sky(image: np.ndarray, empty: np.ndarray, notes: list[str]) -> np.ndarray:
    from astropy.stats import sigma_clipped_stats
    from photutils.background import Background2D, MedianBackground

    _, level, scatter = sigma_clipped_stats(image[empty if empty.any() else np.isfinite(image)], sigma=3.0)
    if abs(level) <= scatter / 2:
        notes.append("Its sky is at zero already.")
        return image
    notes.append(f"Its sky, {level:.4g} in the median, was subtracted.")
    sky: Any = level
    if min(image.shape) >= 2 * _BOX:
        # Boxes that fill the image evenly: the map is stretched over it as if all of them were whole.
        boxes = [int(np.ceil(pixels / round(pixels / _BOX))) for pixels in image.shape]
        try:
            sky = Background2D(image, boxes, mask=~empty, filter_size=1, bkg_estimator=MedianBackground()).background
        except ValueError:
            # Too few boxes have pixels without a flag: the level is the same for all.
            pass
    return image - sky


def _picture(pixels: np.ndarray, notes: list[str]) -> np.ndarray:
    """Return the one plane of a stack of planes that is taken."""
    if pixels.ndim == 3 and pixels.shape[2] <= _COLOURS < min(pixels.shape[:2]):
        pixels = np.moveaxis(pixels, 2, 0)
    count = int(np.prod(pixels.shape[:-2]))
    if count > 1:
        notes.append(f"It is the first of {count} planes.")
    return pixels.reshape(-1, *pixels.shape[-2:])[0].copy()


def estimate_variance(image: np.ndarray) -> np.ndarray:
    """Estimate the variance of an image that comes without one.

    The noise of the empty sky: the square of the sigma-clipped scatter of the finite pixels (3 sigma, the
    scatter from the median absolute deviation), the same for all pixels. The photon noise of the sources
    themselves is missing, because it cannot be had without the gain: bright sources get too
    small errors.

    Parameters
    ----------
    image : ndarray
        Image; pixels that are not finite get an infinite variance.

    Returns
    -------
    ndarray
        Variance per pixel, in the image's unit squared.
    """
    from astropy.stats import sigma_clipped_stats

    good = np.isfinite(image)
    _, _, scatter = sigma_clipped_stats(image[good], sigma=3.0, stdfunc="mad_std")
    if scatter == 0:
        # More than half of the pixels have one value, as where the noise is under one count.
        scatter = np.std(image[good])
    return np.where(good, scatter**2, np.inf)


# ------------------------------------------------------------------------------------------ beside the image
def _planes_of(hdus: fits.HDUList, main: Any, shape: tuple[int, ...], *roles: str) -> list[Any]:
    """Return the extensions of these roles that belong to the image: same shape, same detector, in file order."""
    chip = re.split(r"[.\-_ ]", main.name.upper())[:-1]
    found = [hdu for hdu in hdus if hdu is not main and _size(hdu) and _role(hdu) in roles and hdu.shape == shape]
    same = [hdu for hdu in found if re.split(r"[.\-_ ]", hdu.name.upper())[:-1] == chip]
    # One mask in several extensions (more planes than bits) has an EXTVER for each; the planes of several detectors
    # have the EXTVER of their image.
    several = len({hdu.ver for hdu in hdus if hdu.name == main.name}) > 1
    return [hdu for hdu in same if hdu.ver == main.ver] if several else same


def _variance(hdus: fits.HDUList, main: Any, shape: tuple[int, ...], notes: list[str]) -> np.ndarray | None:
    for hdu in _planes_of(hdus, main, shape, "variance", "error", "inverse"):
        try:
            values = _pixels(hdu)
        except Exception:  # whatever is wrong with it, the image is there
            notes.append(f"Its plane {hdu.name} cannot be read and was left out.")
            continue
        with np.errstate(all="ignore"):
            values = {"error": np.square, "inverse": np.reciprocal}.get(str(_role(hdu)), np.asarray)(values)
        if np.any(np.isfinite(values) & (values > 0)):
            return values
        notes.append(f"Its plane {hdu.name} holds no positive number and was left out.")
    return None


def _mask(
    hdus: fits.HDUList, main: Any, shape: tuple[int, ...], header: fits.Header, notes: list[str]
) -> tuple[dict[str, int], np.ndarray]:
    """Return the planes' names with their bits, and the mask."""
    mask, planes, shift = np.zeros(shape, np.int64), _named_bits(header), 0
    for hdu in _planes_of(hdus, main, shape, "mask"):
        try:
            raw = np.nan_to_num(np.asarray(hdu.data))
            # Unsigned numbers are kept as signed ones, BZERO lower; the sum is bit by bit the unsigned number.
            values = raw.astype(np.int64) + int(_number(hdu.header.get("BZERO"), 0.0))
        except Exception:  # whatever is wrong with it, the image is there
            notes.append(f"Its plane {hdu.name} cannot be read and was left out.")
            continue
        named = _named_bits(mended(hdu.header)[0])
        mask |= values << shift
        planes |= {name: bit + shift for name, bit in named.items()}
        # A mask of more planes than one number has bits goes on in the next extension.
        shift = max((*planes.values(), *_bits(mask)), default=-1) + 1
        if not any(name.startswith(("MSKN", "MP_")) for name in hdu.header):
            break
    unnamed = [bit for bit in _bits(mask) if bit not in planes.values()]
    custom = {bit: name for name, bit in _CUSTOM.get(str(header.get("TELESCOP", "")).strip(), {}).items()}
    if unnamed == [0] and not planes and not custom:
        return {"BAD": 0}, mask
    return planes | {custom.get(bit, f"BIT{bit}"): bit for bit in unnamed}, mask


def _named_bits(header: fits.Header) -> dict[str, int]:
    """Return what a mask's header calls its bits: Rubin's ``MP_NAME = bit``, or its newer ``MSKNnnnn = 'NAME'``
    with ``MSKMnnnn`` = 2^bit."""
    bits = {}
    for key, value in header.items():
        if key.startswith("MP_") and isinstance(value, int) and 0 <= value < 63:
            bits[key[3:]] = value
        elif key.startswith("MSKN"):
            number = header.get("MSKM" + key[4:])
            if isinstance(number, int) and number > 0 and number.bit_count() == 1 and number < 1 << 63:
                bits[str(value).strip()] = number.bit_length() - 1
    return bits


def _bits(mask: np.ndarray) -> list[int]:
    """Return the bits that are set anywhere."""
    together = int(np.bitwise_or.reduce(mask, axis=None))
    return [bit for bit in range(63) if together >> bit & 1]


# ------------------------------------------------------------------------------------------------ the header
def _header(main: Any, primary: Any, notes: list[str]) -> fits.Header:
    """Return the image's header with the primary header's cards that it lacks."""
    header, unreadable = mended(main.header)
    header = header.copy(strip=False)
    if main is not primary:
        general, more = mended(primary.header)
        unreadable = [*unreadable, *more]
        for card in general.cards:
            if card.keyword not in header and card.keyword not in _STRUCTURE:
                header.append(card, end=True)
    for keyword in ("BSCALE", "BZERO", "BLANK"):
        header.remove(keyword, ignore_missing=True)
    if unreadable:
        notes.append(f"Of its header {', '.join(unreadable[:3])}{', ...' * (len(unreadable) > 3)} cannot be read as "
                     "a number and is kept as text.")  # fmt: skip
    return header


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else default


def _positive(value: Any) -> float | None:
    number = _number(value, 0.0)
    return number if number > 0 and not isinstance(value, bool) else None


def _unit(header: fits.Header) -> u.UnitBase | None:
    """Return the unit that BUNIT names, also in capitals and in the plural (``ELECTRONS/S``)."""
    named = header.get("BUNIT")
    named = named.strip() if isinstance(named, str) else ""
    small = re.sub(r"\b(electron|count|photon)s\b", r"\1", named.lower())
    for text in (named, small):
        try:
            return u.Unit(text) if text else None
        except (ValueError, TypeError):
            continue
    return None


def _truth(hdus: fits.HDUList) -> QTable | None:
    from astropy.table import QTable

    found = next((h for h in hdus if h.name == "TRUTH" and isinstance(h, fits.BinTableHDU)), None)
    return None if found is None else QTable(QTable.read(found), copy=True)
