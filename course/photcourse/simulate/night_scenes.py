"""A night at a telescope: a cluster in two filters, frame by frame, with everything that stands between star and number.

Airmass and colour terms, a cloud, seeing that changes, a point-spread function that widens towards the corners, charge
that pushes charge away, a telescope that drifts; a star that pulsates and one that fades. Lecture 9 takes them out again,
one after the other, and compares with the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.table import Table
from scipy import ndimage

from .psf import add_stars
from .sky import scatter

__all__ = ["Night", "brighter_fatter", "observe_night"]

SHAPE = (300, 330)
#: Electrons per count; electrons of read noise; electrons a pixel holds; electrons of sky a second and pixel at the zenith.
GAIN, READ_NOISE, FULL_WELL, SKY = 1.6, 5.0, 120000.0, {"B": 9.0, "V": 18.0}
#: Magnitude of a star of colour 0 that gives an electron a second outside the atmosphere.
ZERO_POINT = {"B": 23.25, "V": 23.60}
#: Magnitudes an airmass, and a magnitude of B - V.
EXTINCTION, COLOUR_TERM = {"B": 0.26, "V": 0.14}, {"B": 0.11, "V": -0.06}
#: Latitude and declination in degrees; hour angles of the first and the last frame in hours.
LATITUDE, DECLINATION, HOURS = 32.0, 40.2, (-1.0, 4.8)
#: Apparent distance modulus of the made-up cluster, and its sequence: B - V against V less the modulus.
MODULUS = 12.3
SEQUENCE = np.array([
    (1.35, 8.0), (1.2, 7.3), (1.0, 6.5), (0.85, 5.9), (0.68, 5.1), (0.58, 4.4), (0.50, 3.8), (0.45, 3.3), (0.46, 2.9),
    (0.58, 2.7), (0.75, 3.0), (0.90, 3.0), (0.98, 2.3), (1.05, 1.5), (1.15, 0.7)])  # fmt: skip
#: Share of its charge that a pixel of a thousand electrons more than its neighbour gives away, in thousandths.
REPULSION = 3.2e-6
PERIOD, AMPLITUDE = 0.0905, 0.11


@dataclass(frozen=True)
class Night:
    """What was observed, and the truth behind it.

    Attributes
    ----------
    log : Table
        A row an exposure: ``band``, ``time`` (days since the first), ``airmass``, ``seconds``.
    catalogue : Table
        Standard stars from another telescope: ``x, y`` on the first frame, ``B, V`` and their errors; two are wrong.
    truth : Table
        ``x, y, B, V`` of all stars, whether they belong to the cluster, and what is special about them.
    conditions : Table
        What each exposure suffered: ``cloud`` (mag), ``sigma`` (pixels, in the middle), ``dx, dy`` (pixels).
    seed : int
        Of the noise.
    """

    log: Table
    catalogue: Table
    truth: Table
    conditions: Table
    seed: int

    def magnitude(self, number: int) -> np.ndarray:
        """True magnitudes of all stars in the band and at the time of an exposure."""
        row = self.log[number]
        magnitudes = np.array(self.truth[row["band"]], dtype=float)
        phase = 2 * np.pi * row["time"] / PERIOD
        wave = AMPLITUDE * (np.sin(phase) + 0.35 * np.sin(2 * phase + 1.0))
        magnitudes[self.truth["what"] == "pulsates"] += wave
        magnitudes[self.truth["what"] == "fades"] += 11.0 * row["time"]
        return magnitudes

    def frame(self, number: int, *, repulsion: float = REPULSION) -> np.ndarray:
        """Counts of one exposure, bias and flat field taken out, the sky still in it.

        Parameters
        ----------
        number : int
            Row of the log.
        repulsion : float
            As in `brighter_fatter`; 0 for a detector without it.

        Returns
        -------
        ndarray of shape (300, 330)
            Counts.
        """
        row, night = self.log[number], self.conditions[number]
        band = row["band"]
        colour = np.asarray(self.truth["B"] - self.truth["V"])
        instrumental = (
            self.magnitude(number)
            - ZERO_POINT[band]
            + EXTINCTION[band] * row["airmass"]
            - COLOUR_TERM[band] * colour
            + night["cloud"]
        )
        electrons = row["seconds"] * 10 ** (-0.4 * instrumental)
        x, y = np.asarray(self.truth["x"]) + night["dx"], np.asarray(self.truth["y"]) + night["dy"]
        light = np.full(SHAPE, SKY[band] * row["seconds"] * (0.6 + 0.4 * row["airmass"]))
        add_stars(light, x, y, electrons, night["sigma"] * widening(x, y))
        rng = np.random.default_rng([self.seed, number])
        charge = brighter_fatter(rng.poisson(light).astype(float), repulsion)
        charge = np.minimum(charge, FULL_WELL) + rng.normal(0, READ_NOISE, SHAPE)
        return np.rint(charge / GAIN)


def widening(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Width of the point-spread function over that in the middle: it grows with the square of the distance."""
    u, v = (np.asarray(x) - SHAPE[1] / 2) / (SHAPE[1] / 2), (np.asarray(y) - SHAPE[0] / 2) / (SHAPE[0] / 2)
    return 1 + 0.08 * (u**2 + v**2) + 0.02 * u


def brighter_fatter(charge: np.ndarray, strength: float) -> np.ndarray:
    """Move charge from each pixel to its neighbours, as the charge that is already there pushes it.

    Parameters
    ----------
    charge : ndarray of shape (ny, nx)
        Electrons that would be collected if they did not feel each other.
    strength : float
        Displacement of the boundary between two pixels, in pixels per electron of difference.

    Returns
    -------
    ndarray
        The same charge, further apart. Its sum is the same.

    Notes
    -----
    The boundary between two pixels moves towards the one that holds more, in proportion to the difference of what is
    collected around them; the charge in the strip goes to the other side (Antilogus et al. 2014, JINST 9, C03048, with
    the field of a pixel's charge as a Gaussian of one pixel's width; Coulton et al. 2018, AJ 155, 258).
    """
    around = ndimage.gaussian_filter(charge, 1.0, mode="nearest")
    moved = np.array(charge, dtype=float)
    for axis in (0, 1):
        first = np.take(charge, range(charge.shape[axis] - 1), axis)
        second = np.take(charge, range(1, charge.shape[axis]), axis)
        given = strength * -np.diff(around, axis=axis) * (first + second) / 2
        before, after = ([slice(None), slice(None)] for _ in range(2))
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        moved[tuple(before)] -= given
        moved[tuple(after)] += given
    return moved


def _airmass(hours: np.ndarray) -> np.ndarray:
    """Secant of the zenith distance."""
    latitude, declination, angle = np.deg2rad(LATITUDE), np.deg2rad(DECLINATION), np.deg2rad(15 * hours)
    return 1 / (np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle))


def observe_night(seed: int = 11, exposures: int = 42) -> Night:
    """Plan a night: the stars, the log, and what happens.

    Parameters
    ----------
    seed : int
        Of everything random.
    exposures : int
        Frames in V; a frame in B goes with every sixth.

    Returns
    -------
    Night
        `Night.frame` exposes.
    """
    rng = np.random.default_rng(seed)
    truth = _stars(rng)
    hours = np.linspace(*HOURS, exposures)
    bands = [
        (h + late, band)
        for k, h in enumerate(hours)
        for late, band in ((0.0, "V"), (0.06, "B"))
        if band == "V" or k % 6 == 0
    ]
    hour = np.array([h for h, _ in bands])
    time = (hour - hour[0]) / 24
    log = Table(
        {
            "band": [band for _, band in bands],
            "time": time,
            "airmass": _airmass(hour),
            "seconds": np.where([b == "B" for _, b in bands], 120.0, 60.0),
        }
    )
    progress = time / time[-1]
    conditions = Table({
        "cloud": 0.32 * np.exp(-(((progress - 0.58) / 0.08) ** 6)),
        "sigma": 1.5 * log["airmass"] ** 0.6 + rng.uniform(0, 0.15, len(log)),
        "dx": 5.0 * progress + rng.normal(0, 0.4, len(log)) * (time > 0),
        "dy": 2.0 * np.sin(2.5 * progress) + rng.normal(0, 0.4, len(log)) * (time > 0),
    })  # fmt: skip
    return Night(log, _catalogue(rng, truth), truth, conditions, seed)


def _stars(rng: np.random.Generator, members: int = 130, others: int = 80) -> Table:
    along = np.concatenate([[0], np.cumsum(np.hypot(3 * np.diff(SEQUENCE[:, 0]), np.diff(SEQUENCE[:, 1])))])
    # Faint members are many: two thirds of them lie on the lower half of the sequence.
    place = along[-1] * rng.uniform(0, 1, members) ** 1.5
    colour, height = (np.interp(place, along, SEQUENCE[:, k]) for k in (0, 1))
    magnitude = height + MODULUS + rng.normal(0, 0.01, members)
    magnitude = np.concatenate([magnitude, 20.3 - rng.exponential(1.8, others).clip(0, 6.5)])
    colour = np.concatenate([colour + rng.normal(0, 0.01, members), rng.normal(0.85, 0.25, others).clip(0.3, 1.6)])
    positions = scatter(rng, members + others, SHAPE, separation=13.0, margin=6.0)
    what = np.full(members + others, "", dtype="U10")
    middle = np.hypot(positions[:, 0] - 165, positions[:, 1] - 150)
    for word, bright, index in (("pulsates", 15.2, 0.35), ("fades", 18.4, 0.9)):
        # An unremarkable star away from the edges, made into a special one.
        chosen = np.flatnonzero((middle < 90) & (what == ""))[0 if word == "pulsates" else 1]
        what[chosen], magnitude[chosen], colour[chosen] = word, bright, index
    return Table({"x": positions[:, 0], "y": positions[:, 1], "B": magnitude + colour, "V": magnitude,
                  "member": (np.arange(members + others) < members) & (what == ""), "what": what})  # fmt: skip


def _catalogue(rng: np.random.Generator, truth: Table, count: int = 45) -> Table:
    usable = np.flatnonzero((truth["V"] < 16.8) & (truth["V"] > 12.6) & (truth["what"] == ""))
    rows = np.sort(rng.permutation(usable)[:count])
    error = 0.008 + 0.01 * 10 ** (0.25 * (truth["V"][rows] - 16))
    table = Table({"x": truth["x"][rows], "y": truth["y"][rows]})
    for band in ("B", "V"):
        table[band] = truth[band][rows] + rng.normal(0, error)
        table[f"{band}_err"] = np.asarray(error)
    wrong = rng.permutation(len(rows))[:2]
    table["V"][wrong] += [0.35, -0.5]
    return table
