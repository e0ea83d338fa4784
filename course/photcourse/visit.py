"""One calibrated exposure of one detector: from the course, from a FITS file, or from a Rubin Butler."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import fit_wcs_from_points

from photcourse.data import DataError, as_float, load
from photcourse.fits_image import estimate_variance, read_fits_image

if TYPE_CHECKING:
    from astropy.table import QTable

__all__ = ["DP1", "Exposure", "estimate_variance", "load_visit_image"]

#: The exposure of Rubin's first data preview that the course uses where the Butler is there.
DP1: dict[str, Any] = {
    "repo": "dp1",
    "collection": "LSSTComCam/DP1",
    "instrument": "LSSTComCam",
    "visit": 2024110800246,
    "detector": 0,
}


@dataclass
class Exposure:
    """Image, variance and mask of one detector, with what is known about them.

    Attributes
    ----------
    image : ndarray
        float64, ``[y, x]``, background subtracted, in `unit`.
    variance : ndarray
        Variance per pixel, in `unit` squared.
    mask : ndarray of int
        Bit mask; 0 is a good pixel.
    mask_planes : dict
        Bit number by name, such as ``{"BAD": 0, "SAT": 1}``.
    wcs : WCS or None
        World coordinates.
    header : Header
        FITS header, with VISIT and DETECTOR where they are known.
    psf_sigma : float or None
        Width of the point-spread function in pixels, if known.
    unit : Unit or None
        nJy for a Rubin exposure.
    truth : QTable or None
        What was put into a simulated exposure.
    sentence : str
        Says what is shown.
    """

    image: np.ndarray
    variance: np.ndarray
    mask: np.ndarray
    mask_planes: dict[str, int]
    wcs: WCS | None
    header: fits.Header
    psf_sigma: float | None = None
    unit: u.UnitBase | None = None
    truth: QTable | None = None
    sentence: str = field(default="")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape

    def flagged(self, *planes: str) -> np.ndarray:
        """Return where any of the named bits is set; where none is named, nowhere.

        Where any bit at all is set is ``exposure.mask != 0``.

        Raises
        ------
        KeyError
            A name that the mask does not have.
        """
        unknown = [p for p in planes if p not in self.mask_planes]
        if unknown:
            raise KeyError(f"the mask has no plane {unknown[0]!r}; it has {', '.join(self.mask_planes)}")
        bits = sum(1 << self.mask_planes[p] for p in planes)
        return (self.mask & bits) != 0


def load_visit_image(source: str | Path = "embedded", *, subtract_sky: bool = False, **data_id: Any) -> Exposure:
    """Load one exposure.

    Parameters
    ----------
    source : str or path
        ``"embedded"``: the simulated exposure of the course, with its truth. ``"butler"`` or
        ``"butler:REPO"``: from a Rubin Butler (``dp1`` on the Rubin Science Platform).
        A path: any FITS file, of which the first science image is taken (`photcourse.fits_image`).
    subtract_sky : bool
        Take the sky of a FITS file away and say so; the other sources come without sky.
    **data_id
        For the Butler: ``visit``, ``detector``, ``instrument`` and ``collection``; the defaults are those
        of `DP1`.

    Returns
    -------
    Exposure
        Image, variance, mask, and what is known of them.

    Raises
    ------
    DataError
        The Butler is asked for and its software is not installed, or it does not know the exposure; the
        file is missing or holds no image.

    Notes
    -----
    A FITS file without a variance plane gets the one of `estimate_variance`. Pixels that have no value, or no
    variance, are flagged NO_DATA. What cannot be read beside the image, as coordinates that do not work, is left
    out, and `Exposure.sentence` says so. Nothing is subtracted from the image unless it is asked for.
    """
    text = str(source)
    if text == "embedded":
        _refuse(data_id, "the embedded exposure")
        return _embedded()
    if text == "butler" or text.startswith("butler:"):
        return _from_butler(text.partition(":")[2] or DP1["repo"], data_id)
    _refuse(data_id, "a FITS file")
    return _from_fits(text, subtract_sky)


def _refuse(data_id: Mapping[str, Any], what: str) -> None:
    if data_id:
        raise TypeError(f"{what} takes no {', '.join(data_id)}: these choose an exposure in a Butler")


def _embedded() -> Exposure:
    dataset = load("visit_image")
    return Exposure(
        dataset.image,
        dataset.planes["variance"],
        dataset.planes["mask"].astype(np.int64),
        _mask_planes(dataset.header),
        dataset.wcs,
        dataset.header,
        dataset.header["PSFSIGMA"],
        dataset.unit,
        dataset.truth,
        dataset.sentence,
    )


def _mask_planes(header: fits.Header) -> dict[str, int]:
    return {key[3:]: int(value) for key, value in header.items() if key.startswith("MP_")}


# ------------------------------------------------------------------------------------------------ any FITS
def _from_fits(source: str, subtract_sky: bool) -> Exposure:
    if source.startswith(("http://", "https://", "ftp://")):
        raise DataError(f"{source} is an address; download the file and give its path.")
    if Path(source).name == source and not Path(source).exists():
        for word in difflib.get_close_matches(source.lower(), ("embedded", "butler"), n=1):
            raise DataError(f"There is no file {source!r}; did you mean {word!r}?")
    path = Path(source).expanduser() if source.startswith("~/") else Path(source)
    read = read_fits_image(path, subtract_sky=subtract_sky)
    sentence = " ".join([f"The image in {path.name}.", *read.notes])
    return Exposure(
        read.image, read.variance, read.mask, read.mask_planes, read.wcs, read.header, read.psf_sigma, read.unit,
        read.truth, sentence,
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------- Butler
def _from_butler(repo: str, data_id: Mapping[str, Any]) -> Exposure:
    try:
        from lsst.daf.butler import Butler
    except ImportError as error:
        raise DataError(
            "The Rubin software (lsst.daf.butler) is not installed here; use load_visit_image('embedded'), "
            "or run this notebook on the Rubin Science Platform."
        ) from error
    unknown = set(data_id) - set(DP1)
    if unknown:
        raise TypeError(f"a visit image is chosen by visit and detector, not by {sorted(unknown)[0]!r}")
    chosen = {**DP1, **data_id}
    names = ("instrument", "visit", "detector")
    try:
        butler = Butler(repo, collections=chosen["collection"])
        found = butler.get("visit_image", {name: chosen[name] for name in names})
    except Exception as error:
        raise DataError(
            f"The Butler {repo!r} gave no visit_image for visit {chosen['visit']}, "
            f"detector {chosen['detector']} in {chosen['collection']}: {type(error).__name__}: {error}"
        ) from error
    return _from_lsst(found, chosen)


def _from_lsst(found: Any, chosen: Mapping[str, Any]) -> Exposure:
    """Turn an ``lsst.afw.image.ExposureF`` into plain arrays and an astropy WCS."""
    header = fits.Header()
    header["BUNIT"] = "nJy"
    header["INSTRUME"] = chosen["instrument"]
    header["VISIT"] = chosen["visit"]
    header["DETECTOR"] = chosen["detector"]
    header["BAND"] = str(getattr(getattr(found, "filter", None), "bandLabel", ""))
    box = found.getBBox()
    wcs = _wcs_of_lsst(found.getWcs(), box)
    if wcs is not None:
        header.update(wcs.to_header(relax=True))
    sentence = f"Rubin visit image, visit {chosen['visit']}, detector {chosen['detector']} ({chosen['collection']})."
    return Exposure(
        as_float(found.image.array),
        as_float(found.variance.array),
        np.array(found.mask.array, dtype=np.int64),
        dict(found.mask.getMaskPlaneDict()),
        wcs,
        header,
        _sigma_of_lsst(found, box),
        u.nJy,
        None,
        sentence,
    )


def _wcs_of_lsst(sky_wcs: Any, box: Any) -> WCS | None:
    """Fit a TAN-SIP WCS, whose origin is the array's first pixel, to Rubin's own transform.

    Rubin's transforms cannot in general be written as FITS keywords, and only ``pixelToSky`` is meant for
    this use (known issues of DP1, "WCS FITS approximations and misleading interfaces").
    """
    if sky_wcs is None:
        return None
    across, up = np.linspace(0, box.getWidth() - 1, 15), np.linspace(0, box.getHeight() - 1, 15)
    x, y = np.tile(across, 15), np.repeat(up, 15)
    ra, dec = sky_wcs.pixelToSkyArray(x + box.getMinX(), y + box.getMinY(), degrees=True)
    return fit_wcs_from_points((x, y), SkyCoord(ra, dec, unit="deg"), projection="TAN", sip_degree=3)


def _sigma_of_lsst(found: Any, box: Any) -> float | None:
    psf = found.getPsf()
    if psf is None:
        return None
    return float(psf.computeShape(box.getCenter()).getDeterminantRadius())
