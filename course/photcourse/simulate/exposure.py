"""An exposure in the manner of a Rubin LSSTComCam ``visit_image``, with known truth.

Fluxes are in nJy, so that an AB magnitude is ``31.4 - 2.5 log10(flux)``. The numbers are those of a 30 s
exposure in r from a dark site: one electron is about 0.5 nJy (zero point 32.2 for one electron in
the whole exposure), the sky 21.2 mag per square arcsecond, 0.2 arcsec pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from scipy.ndimage import binary_dilation, gaussian_filter, label

from .noise import expected_variance, observe
from .psf import add_galaxies, add_stars
from .registry import builder, write_fits
from .sky import nearest_neighbour, scatter, tan_wcs

if TYPE_CHECKING:
    from photcourse.visit import Exposure

__all__ = ["FULL_DETECTOR", "MASK_PLANES", "VisitSettings", "visit_image"]

#: Bits of the mask plane, as the Rubin pipelines number them.
MASK_PLANES = {"BAD": 0, "SAT": 1, "INTRP": 2, "CR": 3, "EDGE": 4, "DETECTED": 5, "DETECTED_NEGATIVE": 6,
               "SUSPECT": 7, "NO_DATA": 8}  # fmt: skip
#: Rows and columns of a whole LSSTComCam detector, 4072 pixels wide and 4000 high.
FULL_DETECTOR = (4000, 4072)

#: Sources per pixel of the shipped exposure: its 480 x 560 pixels then hold some 90.
STAR_DENSITY, GALAXY_DENSITY = 2.6e-4, 1.1e-4


@dataclass(frozen=True)
class VisitSettings:
    """What is put into a simulated exposure.

    Parameters
    ----------
    stars, galaxies : int or None
        How many; None scales the density of the shipped exposure to the shape.
    sigma_psf : float
        Width of the Gaussian point-spread function, pixels.
    sky : float
        Sky level in nJy per pixel; it is subtracted, its noise stays.
    gain : float
        Electrons per nJy.
    read_noise : float
        Electrons.
    separation : float
        Least distance in pixels between any two sources (but for the close pair).
    isolation : float
        A source with no other within this distance, in pixels, and no defect near it is flagged isolated.
    faint, bright : float
        Range of the stars' fluxes, nJy.
    saturation : float
        Level in nJy per pixel where a pixel is full.
    defects : bool
        Put in the edge artefact, the saturated star with its bleed, cosmic rays, a bad column, the pair.
    """

    stars: int | None = None
    galaxies: int | None = None
    sigma_psf: float = 2.0
    sky: float = 480.0
    gain: float = 2.1
    read_noise: float = 6.0
    separation: float = 20.0
    isolation: float = 24.0
    faint: float = 500.0
    bright: float = 6.0e5
    saturation: float = 5.0e4
    defects: bool = True


@dataclass
class _Frame:
    """An exposure while it is being made."""

    light: np.ndarray
    mask: np.ndarray
    rng: np.random.Generator
    settings: VisitSettings

    def flag(self, where: Any, *planes: str) -> None:
        for plane in planes:
            self.mask[where] |= 1 << MASK_PLANES[plane]


def visit_image(
    shape: tuple[int, int] = (600, 512),
    seed: int = 20241108,
    *,
    visit: int = 2026112100001,
    detector: int = 0,
    settings: VisitSettings | None = None,
    **changes: object,
) -> Exposure:
    """Simulate one calibrated exposure of one detector.

    Parameters
    ----------
    shape : (ny, nx)
        Rows and columns; `FULL_DETECTOR` for a whole detector.
    seed : int
        Everything random follows from it.
    visit, detector : int
        Identity in the header. The default visit is not one of Rubin's.
    settings : VisitSettings, optional
        What to put in.
    **changes
        Single settings by name, such as ``sigma_psf=1.9`` or ``stars=10_000``.

    Returns
    -------
    photcourse.visit.Exposure
        Image (nJy, sky subtracted), variance, mask, WCS, header, and the truth table with the columns
        ``id, x, y, ra, dec, flux, kind, sigma, hlr, q, theta, n, isolated, saturated, pair``.

    Notes
    -----
    The point-spread function is sampled at pixel centres: by convention it includes the pixel. Cosmic rays
    and the bad column are flagged and interpolated over, as in a processed ``visit_image``; saturated pixels
    and their bleed stay at the full level. The variance plane holds the variance that was drawn from, where
    a pipeline has to estimate it.
    """
    from photcourse.visit import Exposure

    settings = VisitSettings(**{**vars(settings or VisitSettings()), **changes})
    frame = _Frame(np.zeros(shape), np.zeros(shape, dtype=np.int32), np.random.default_rng(seed), settings)
    truth = _sources(shape, frame.rng, settings)
    _draw(frame.light, truth, settings.sigma_psf)
    variance = expected_variance(frame.light + settings.sky, gain=settings.gain, read_noise=settings.read_noise)
    image = (
        observe(frame.rng, frame.light + settings.sky, gain=settings.gain, read_noise=settings.read_noise)
        - settings.sky
    )
    if settings.defects:
        _put_defects(frame, image, variance)
    _flag_edge(frame)
    _flag_detected(frame, image, variance)
    wcs = tan_wcs(shape, 53.13, -28.10, rotation=23.0)
    truth = _finish_truth(truth, frame, wcs)
    header = _header(shape, wcs, visit, detector, seed, settings)
    return Exposure(image, variance, frame.mask, dict(MASK_PLANES), wcs, header, settings.sigma_psf, u.nJy, truth)


def _sources(shape: tuple[int, int], rng: np.random.Generator, s: VisitSettings) -> QTable:
    """Positions, fluxes and shapes of everything in the field."""
    area = shape[0] * shape[1]
    stars = round(STAR_DENSITY * area) if s.stars is None else s.stars
    galaxies = round(GALAXY_DENSITY * area) if s.galaxies is None else s.galaxies
    special = _special_positions(shape, s)
    places = scatter(rng, stars + galaxies, shape, separation=s.separation, margin=8, avoid=special)
    positions = np.vstack([special, places])
    count, n_special = len(positions), len(special)
    star = np.arange(count) < n_special + stars
    # Counts of stars and galaxies rise towards faint fluxes: about equal numbers per magnitude here, so that
    # a small field shows both ends.
    flux = np.where(star, _log_uniform(rng, s.faint, s.bright, count), _log_uniform(rng, 4e3, 2e5, count))
    if s.defects:
        # The saturated star, and a pair 2.6 sigma apart: two peaks on the image, but one on the
        # image convolved with the point-spread function, whose width is sqrt(2) times larger.
        flux[:3] = 60 * s.saturation * s.sigma_psf**2, 4.0e4, 3.0e4
    none = np.full(count, np.nan)
    return QTable({
        "id": np.arange(count), "x": positions[:, 0], "y": positions[:, 1], "flux": flux * u.nJy,
        "kind": np.where(star, "star", "galaxy"), "sigma": np.where(star, s.sigma_psf, np.nan),
        "hlr": np.where(star, none, _log_uniform(rng, 2.0, 7.0, count)),
        "q": np.where(star, none, rng.uniform(0.4, 1.0, count)),
        "theta": np.where(star, none, rng.uniform(0, np.pi, count)),
        "n": np.where(star, none, rng.choice([1.0, 1.0, 2.5], count)),
    })  # fmt: skip


def _special_positions(shape: tuple[int, int], s: VisitSettings) -> np.ndarray:
    """Saturated star first, then the close pair; none in a field without defects."""
    if not s.defects:
        return np.empty((0, 2))
    ny, nx = shape
    pair = np.array([0.31 * nx, 0.27 * ny])
    step = 2.6 * s.sigma_psf * np.array([np.cos(0.6), np.sin(0.6)])
    return np.array([[0.72 * nx + 0.3, 0.66 * ny - 0.2], pair - step / 2, pair + step / 2])


def _log_uniform(rng: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def _draw(light: np.ndarray, truth: QTable, sigma: float) -> None:
    star = truth["kind"] == "star"
    s, g = truth[star], truth[~star]
    add_stars(light, s["x"], s["y"], s["flux"].value, sigma)
    add_galaxies(
        light, g["x"], g["y"], g["flux"].value, g["hlr"], n=g["n"], q=g["q"], theta=g["theta"], sigma_psf=sigma
    )


def _put_defects(frame: _Frame, image: np.ndarray, variance: np.ndarray) -> None:
    _saturate(frame, image)
    _edge_artefact(frame, image, variance)
    for _ in range(max(1, round(image.size / 27_000))):
        _cosmic_ray(frame, image)
    column = int(0.47 * image.shape[1])
    _repair(frame, image, (slice(None), slice(column, column + 1)), "BAD")


def _saturate(frame: _Frame, image: np.ndarray) -> None:
    """Full pixels stay full, and their charge bleeds along the columns."""
    level = frame.settings.saturation
    full = frame.light > level
    stars, count = label(full)
    for star in range(1, count + 1):
        for column in np.unique(np.nonzero(stars == star)[1]):
            rows = np.flatnonzero(stars[:, column] == star)
            # Charge above the full level fills as many further pixels, half of them on each side.
            reach = int(np.ceil((frame.light[rows, column] / level - 1).sum() / 2))
            full[max(0, rows[0] - reach) : rows[-1] + reach + 1, column] = True
    image[full] = level + frame.rng.normal(0, 0.002 * level, full.sum())
    frame.flag(full, "SAT")
    frame.flag(binary_dilation(full, iterations=2) & ~full, "SUSPECT")


def _edge_artefact(frame: _Frame, image: np.ndarray, variance: np.ndarray) -> None:
    """Glow with knots in the last four columns: it looks like sources, within 5 pixels of the edge."""
    rows = np.arange(image.shape[0])
    knots = 1 + 0.8 * np.sin(2 * np.pi * rows / 37.0) ** 8
    glow = 900.0 * knots[:, None] * np.array([0.25, 0.6, 1.0, 1.0])
    image[:, -4:] += frame.rng.poisson(glow * frame.settings.gain) / frame.settings.gain
    variance[:, -4:] += glow / frame.settings.gain


def _cosmic_ray(frame: _Frame, image: np.ndarray) -> None:
    """A short straight track, flagged and repaired as the pipelines do."""
    ny, nx = image.shape
    x, y, angle = frame.rng.uniform(12, nx - 12), frame.rng.uniform(12, ny - 12), frame.rng.uniform(0, np.pi)
    steps = np.arange(frame.rng.integers(2, 7))
    rows = np.rint(y + steps * np.sin(angle)).astype(int)
    columns = np.rint(x + steps * np.cos(angle)).astype(int)
    if np.any(frame.light[rows, columns] > 2.0) or np.any(frame.mask[rows, columns]):
        return
    image[rows, columns] = frame.rng.normal(0, np.sqrt(frame.settings.sky / frame.settings.gain), len(rows))
    frame.flag((rows, columns), "CR", "INTRP")


def _repair(frame: _Frame, image: np.ndarray, where: tuple[slice, slice], plane: str) -> None:
    """Replace one column by the mean of its neighbours, as interpolation over a defect leaves it."""
    column = where[1].start
    keep = (frame.mask[:, column] & (1 << MASK_PLANES["SAT"])) == 0
    image[keep, column] = 0.5 * (image[keep, column - 1] + image[keep, column + 1])
    frame.flag((keep, column), plane, "INTRP")


def _flag_edge(frame: _Frame) -> None:
    inner = np.zeros(frame.mask.shape, dtype=bool)
    inner[5:-5, 5:-5] = True
    frame.flag(~inner, "EDGE")


def _flag_detected(frame: _Frame, image: np.ndarray, variance: np.ndarray) -> None:
    """Footprints of 5 sigma in the image matched with the point-spread function, grown by its width."""
    sigma = frame.settings.sigma_psf
    # A normalised Gaussian kernel divides white noise by 2 sqrt(pi) sigma.
    noise = np.sqrt(np.median(variance)) / (2 * np.sqrt(np.pi) * sigma)
    footprint = gaussian_filter(image, sigma, mode="constant") > 5 * noise
    frame.flag(binary_dilation(footprint, iterations=round(sigma)), "DETECTED")


def _finish_truth(truth: QTable, frame: _Frame, wcs: WCS) -> QTable:
    x, y = truth["x"], truth["y"]
    ra, dec = wcs.pixel_to_world_values(x, y)
    saturated, near = _touched(frame, x, y)
    distance = nearest_neighbour(x, y)
    pair = (np.arange(len(truth)) >= 1) & (np.arange(len(truth)) <= 2) & frame.settings.defects
    truth.add_columns([ra * u.deg, dec * u.deg], names=["ra", "dec"], indexes=[3, 3])
    truth["isolated"] = (distance > frame.settings.isolation) & ~near
    truth["saturated"] = saturated
    truth["pair"] = pair
    return truth


def _touched(frame: _Frame, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which sources are saturated, and which have a defect within four widths of the PSF."""
    bits = sum(1 << MASK_PLANES[p] for p in ("SAT", "BAD", "CR", "SUSPECT"))
    full = (frame.mask & (1 << MASK_PLANES["SAT"])) != 0
    reach = int(np.ceil(4 * frame.settings.sigma_psf))
    saturated, near = np.zeros(len(x), dtype=bool), np.zeros(len(x), dtype=bool)
    for i, (xi, yi) in enumerate(zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True)):
        saturated[i] = full[max(0, yi - 1) : yi + 2, max(0, xi - 1) : xi + 2].any()
        stamp = frame.mask[max(0, yi - reach) : yi + reach + 1, max(0, xi - reach) : xi + reach + 1]
        near[i] = np.any(stamp & bits)
    return saturated, near


def _header(shape: tuple[int, int], wcs: WCS, visit: int, detector: int, seed: int, s: VisitSettings) -> fits.Header:
    header = fits.Header()
    header["BUNIT"] = ("nJy", "AB magnitude = 31.4 - 2.5 log10(flux)")
    header["TELESCOP"] = "Simonyi Survey Telescope (simulated)"
    header["INSTRUME"] = ("LSSTComCam", "the camera that is imitated")
    header["SIMULATE"] = (True, "no photon of this image is real")
    header["SEED"] = seed
    header["VISIT"] = (visit, "not a visit of Rubin's")
    header["DETECTOR"] = detector
    header["FILTER"] = "r_03"
    header["BAND"] = "r"
    header["EXPTIME"] = (30.0, "[s]")
    header["DATE-OBS"] = ("2024-11-09T04:12:00", "the night that is imitated")
    header["PSFSIGMA"] = (s.sigma_psf, "[pixel] sigma of the Gaussian PSF")
    header["SKYLEVEL"] = (s.sky, "[nJy/pixel] subtracted")
    header["GAIN"] = (s.gain, "[electron/nJy]")
    header["RDNOISE"] = (s.read_noise, "[electron]")
    header["SATURATE"] = (s.saturation, "[nJy/pixel]")
    for name, bit in MASK_PLANES.items():
        header[f"HIERARCH MP_{name}"] = (bit, "bit of the mask plane")
    header.update(wcs.to_header())
    return header


@builder("visit_image", "visit_image.fits")
def build_visit_image(path: Path) -> None:
    """Write the exposure that ships with the course."""
    exposure = visit_image((480, 560), seed=20241108)
    assert exposure.truth is not None and exposure.wcs is not None
    write_fits(
        path,
        {"image": exposure.image, "mask": exposure.mask, "variance": exposure.variance},
        header=exposure.header,
        headers={"image": exposure.header, "mask": exposure.wcs.to_header(), "variance": exposure.wcs.to_header()},
        tables={"truth": exposure.truth},
        steps={"image": 1.0, "variance": 4.0},
    )
