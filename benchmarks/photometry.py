"""Measure the course's photometry: beside photutils, sep and the lectures' loops, and beside the Cramér-Rao bound.

All ways get the same simulated detector in the same process, in turns, so that a machine that is busier for a while
is so for all. The loops are those of lectures 1 and 2, character for character (a test compares them); they would take
a quarter of an hour on a whole detector, so they run on pieces of it and on some of its stars, and their times are
scaled with the number of pixels and stars, which is exact for loops that do the same for each.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import math
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from photcourse import pipeline
from photcourse.simulate import visit_image
from photgrader.coursedir import CourseError

#: The detector: sky, gain and read noise of `photcourse.simulate.VisitSettings`, Gaussian PSF, nJy.
SIGMA, SKY, GAIN, READ_NOISE = 2.0, 480.0, 2.1, 6.0
PIXEL_VARIANCE = (SKY * GAIN + READ_NOISE**2) / GAIN**2
#: Flux error of a faint star, ``sqrt(4 pi) sigma s`` (lecture 1), and the S/N from which a star counts as sure.
FAINT_ERROR = math.sqrt(4 * math.pi * PIXEL_VARIANCE) * SIGMA
SURE, THRESHOLD = 10.0, 5.0
#: Aperture of photutils and sep: 1.6 sigma has the best S/N, nine tenths of that of the PSF (lecture 1).
RADIUS = 1.6 * SIGMA
IN_APERTURE = 1 - math.exp(-0.5 * (RADIUS / SIGMA) ** 2)
#: Two positions are one star within this distance in pixels; stars nearer to the edge than this are not asked for.
NEAR, EDGE = 2.0, 16
#: Rows and columns of a piece for the loops, and how many stars they measure.
PIECE, LOOP_STARS = (120, 160), 60
NO_SEP = "The benchmark compares with sep, which is not installed: run tools/setup.sh bench (or pip install 'photgrader[bench]')."

Catalogue = dict[str, np.ndarray]


@dataclass(frozen=True)
class Scene:
    """A simulated detector.

    Attributes
    ----------
    image : ndarray of float32
        nJy, on a residual sky that varies smoothly by some 40 nJy.
    sky : ndarray of float32
        That residual sky.
    x, y, flux : ndarray
        The stars' true positions (pixel) and fluxes (nJy).
    isolated : ndarray of bool
        No other star within 24 pixels, and the edge not near.
    """

    image: np.ndarray
    sky: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    isolated: np.ndarray

    @property
    def snr(self) -> np.ndarray:
        """Signal-to-noise ratio against the sky alone."""
        return self.flux / FAINT_ERROR


def make_scene(shape: tuple[int, int], stars: int, seed: int) -> Scene:
    """Simulate a detector of stars with S/N from 5 to 5000, evenly in magnitude, no two nearer than 6 sigma."""
    exposure = visit_image(
        shape,
        seed=seed,
        stars=stars,
        galaxies=0,
        defects=False,
        separation=6 * SIGMA,
        sigma_psf=SIGMA,
        sky=SKY,
        gain=GAIN,
        read_noise=READ_NOISE,
        faint=5 * FAINT_ERROR,
        bright=5000 * FAINT_ERROR,
    )
    assert exposure.truth is not None
    truth = exposure.truth
    rows, columns = np.arange(shape[0])[:, None] / 4000, np.arange(shape[1]) / 4072
    sky = (12 * np.sin(4.5 * columns) + 8 * rows * (1 + columns)).astype(np.float32)
    x, y = np.asarray(truth["x"], float), np.asarray(truth["y"], float)
    inside = (np.minimum(x, y) > EDGE) & (x < shape[1] - 1 - EDGE) & (y < shape[0] - 1 - EDGE)
    return Scene(
        exposure.image.astype(np.float32) + sky,
        sky,
        x,
        y,
        truth["flux"].value,
        np.asarray(truth["isolated"], bool) & inside,
    )


# -------------------------------------------------------------------------------------------------- the libraries
def ours(scene: Scene) -> Iterator[tuple[str, Any]]:
    """Sky, then everything else, by `photcourse.pipeline`."""
    sky = pipeline.fit_sky(scene.image)
    yield "sky", None
    table = pipeline.measure_detector(scene.image, SIGMA, threshold=THRESHOLD, gain=GAIN, sky=sky)
    yield "find and measure", {n: table[n].to_numpy() for n in ("x", "y", "flux", "flux_err")}


def photutils_way(scene: Scene, **settings: Any) -> Iterator[tuple[str, Any]]:
    """Background2D, DAOStarFinder, aperture photometry.

    The finder's defaults leave out a star within 2.5 FWHM of a brighter one, cut the kernel at 1.5 sigma and reject by
    sharpness and roundness; with `settings` as in `SAME_STARS` it finds what the others find.
    """
    from photutils.aperture import CircularAperture, aperture_photometry
    from photutils.background import Background2D, MedianBackground
    from photutils.detection import DAOStarFinder

    level = Background2D(scene.image, 64, filter_size=3, bkg_estimator=MedianBackground())
    flat = scene.image - level.background
    yield "sky", None
    # The finder scales the threshold to its own convolved image: this is 5 sigma there.
    found = DAOStarFinder(THRESHOLD * math.sqrt(PIXEL_VARIANCE), 2.3548 * SIGMA, **settings).find_stars(flat)
    if found is None:
        raise CourseError("photutils finds no star; the benchmark needs a larger image.")
    x, y = np.asarray(found["x_centroid"]), np.asarray(found["y_centroid"])
    yield "find", None
    sums = aperture_photometry(flat, CircularAperture(np.column_stack([x, y]), RADIUS))
    yield "measure", {"x": x, "y": y, "flux": np.asarray(sums["aperture_sum"]) / IN_APERTURE}


SAME_STARS: dict[str, Any] = {
    "min_separation": 2.3548 * SIGMA,
    "sigma_radius": 3.0,
    "sharpness_range": None,
    "roundness_range": None,
}
DEFAULTS = "photutils, defaults"


def sep_way(scene: Scene) -> Iterator[tuple[str, Any]]:
    """SExtractor's algorithms as a library: Background, extract, sum_circle."""
    import sep

    flat = scene.image - sep.Background(scene.image).back()
    yield "sky", None
    objects = sep.extract(flat, 1.5, err=math.sqrt(PIXEL_VARIANCE), minarea=5)
    yield "find", None
    sums, _, _ = sep.sum_circle(flat, objects["x"], objects["y"], RADIUS)
    yield "measure", {"x": objects["x"], "y": objects["y"], "flux": sums / IN_APERTURE}


# ------------------------------------------------------------------------------------------------------ the loops
def convolve_by_loop(picture: np.ndarray, kernel: np.ndarray, half: int) -> np.ndarray:
    """One pixel of the answer after the other."""
    padded = np.pad(picture, half)
    answer = np.zeros_like(picture)
    for j in range(picture.shape[0]):
        for i in range(picture.shape[1]):
            for dj in range(kernel.shape[0]):
                for di in range(kernel.shape[1]):
                    answer[j, i] += kernel[dj, di] * padded[j + dj, i + di]
    return answer


def summits_by_loop(picture: np.ndarray) -> Any:
    """Where a pixel beats its eight neighbours. The outermost pixels have too few and stay False."""
    answer = np.zeros(picture.shape, dtype=bool)
    for j in range(1, picture.shape[0] - 1):
        for i in range(1, picture.shape[1] - 1):
            beaten = 0
            for dj in (-1, 0, 1):
                for di in (-1, 0, 1):
                    if (dj, di) != (0, 0) and picture[j, i] > picture[j + dj, i + di]:
                        beaten += 1
            answer[j, i] = beaten == 8
    return answer


def centre_of_light_by_loop(stamp: np.ndarray) -> Any:
    """Centre of gravity in the stamp's own coordinates, one pixel at a time."""
    total = sum_x = sum_y = 0.0
    for j in range(stamp.shape[0]):
        for i in range(stamp.shape[1]):
            total += stamp[j, i]
            sum_x += stamp[j, i] * i
            sum_y += stamp[j, i] * j
    return sum_x / total, sum_y / total


def flux_by_loop(stamp: np.ndarray, x: float, y: float) -> float:
    """Maximum-likelihood flux, which the lecture writes with arrays, in the manner of its loops."""
    light = norm = 0.0
    for j in range(stamp.shape[0]):
        for i in range(stamp.shape[1]):
            p = math.exp(-((i - x) ** 2 + (j - y) ** 2) / (2 * SIGMA**2)) / (2 * math.pi * SIGMA**2)
            light += stamp[j, i] * p
            norm += p * p
    return light / norm


@dataclass
class Loops:
    """Times of the loops on pieces of the detector, in seconds for the whole of it, and whether they find what we find."""

    convolve: list[float] = field(default_factory=list)
    summits: list[float] = field(default_factory=list)
    stars: list[float] = field(default_factory=list)
    pixels: int = 0
    measured: int = 0
    same: list[bool] = field(default_factory=list)

    def turn(self, scene: Scene, found: Catalogue, number: int) -> None:
        """Run on one more piece and on some more stars."""
        ny, nx = scene.image.shape
        high, wide = min(PIECE[0], ny), min(PIECE[1], nx)
        half = math.ceil(4 * SIGMA)
        offset = np.arange(-half, half + 1)
        kernel = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * SIGMA**2))
        kernel /= kernel.sum()
        rng = np.random.default_rng(number)
        top, left = rng.integers(0, ny - high + 1), rng.integers(0, nx - wide + 1)
        flat = scene.image - scene.sky
        piece = flat[top : top + high, left : left + wide].astype(float)
        chosen = rng.permutation(len(found["x"]))[:LOOP_STARS]
        times = [time.perf_counter()]
        smooth = convolve_by_loop(piece, kernel, half)
        times.append(time.perf_counter())
        summits = summits_by_loop(smooth)
        times.append(time.perf_counter())
        for k in chosen:
            j, i = round(found["y"][k]), round(found["x"][k])
            stamp = flat[max(0, j - half) : j + half + 1, max(0, i - half) : i + half + 1]
            centre_of_light_by_loop(stamp)
            # At the summit: the centre of light of a faint star may lie anywhere.
            flux_by_loop(stamp, found["x"][k] - max(0, i - half), found["y"][k] - max(0, j - half))
        times.append(time.perf_counter())
        share = scene.image.size / piece.size
        self.pixels += piece.size
        self.measured += len(chosen)
        self.convolve.append((times[1] - times[0]) * share)
        self.summits.append((times[2] - times[1]) * share)
        self.stars.append((times[3] - times[2]) * len(found["x"]) / max(1, len(chosen)))
        floor = 1.5 * THRESHOLD * math.sqrt(PIXEL_VARIANCE) / (2 * math.sqrt(math.pi) * SIGMA)
        theirs = np.argwhere(summits & (smooth > floor))
        theirs = theirs[((theirs >= half) & (theirs < np.array([high, wide]) - half)).all(axis=1)]
        mine = np.column_stack([found["y"] - top, found["x"] - left])
        self.same.append(not len(theirs) or bool((cKDTree(mine).query(theirs)[0] < NEAR).all()))

    def seconds(self) -> dict[str, float]:
        """Medians, for the whole detector."""
        return {
            n: statistics.median(v)
            for n, v in (("convolution", self.convolve), ("summits", self.summits), ("stars", self.stars))
        }


# ------------------------------------------------------------------------------------------------------ the clock
@dataclass
class Measured:
    """One way, its times by stage in each turn, and its catalogue."""

    name: str
    way: Callable[[Scene], Iterator[tuple[str, Any]]]
    wall: list[dict[str, float]] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    catalogue: Catalogue = field(default_factory=dict)

    def turn(self, scene: Scene) -> None:
        """Run once more."""
        gc.collect()
        before = _reset_peak()
        stages: dict[str, float] = {}
        cpu, clock = time.process_time(), time.perf_counter()
        for stage, value in self.way(scene):
            now = time.perf_counter()
            stages[stage] = now - clock
            clock = now
            if value is not None:
                self.catalogue = value
        self.cpu.append(time.process_time() - cpu)
        self.wall.append(stages)
        if before is not None:
            self.memory_mb.append((_status("VmHWM") or before) / 1024 - before / 1024)

    def seconds(self) -> dict[str, float]:
        """Median of each stage and of the sums: all, and all but the sky."""
        parts = {s: statistics.median(t[s] for t in self.wall) for s in self.wall[0]}
        return {
            **parts,
            "all": statistics.median(sum(t.values()) for t in self.wall),
            "all but the sky": statistics.median(sum(t.values()) - t["sky"] for t in self.wall),
        }


def _status(name: str) -> int | None:
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return None


def _reset_peak() -> int | None:
    """Let the kernel's mark of the largest resident memory begin anew; return the memory now in kB."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    return None


# ---------------------------------------------------------------------------------------------- the same stars?
def counterparts(x: np.ndarray, y: np.ndarray, other_x: np.ndarray, other_y: np.ndarray) -> np.ndarray:
    """Index of the one counterpart of each position, -1 where there is none: each is the other's nearest."""
    here, there = np.column_stack([x, y]), np.column_stack([other_x, other_y])
    if not len(here) or not len(there):
        return np.full(len(here), -1)
    distance, nearest = cKDTree(there).query(here)
    _, back = cKDTree(here).query(there)
    return np.where((distance < NEAR) & (back[nearest] == np.arange(len(here))), nearest, -1)


def sameness(scene: Scene, ways: list[Measured]) -> dict[str, Any]:
    """Completeness and purity against the truth, and each way's sure stars looked up in every other's catalogue."""
    shape = scene.image.shape

    def sure(c: Catalogue) -> np.ndarray:
        inside = (np.minimum(c["x"], c["y"]) > EDGE) & (c["x"] < shape[1] - 1 - EDGE) & (c["y"] < shape[0] - 1 - EDGE)
        return inside & (c["flux"] > SURE * FAINT_ERROR)

    truth = {"x": scene.x, "y": scene.y, "flux": scene.flux}
    wanted = sure(truth)
    found: dict[str, Any] = {
        "sure_means": f"S/N above {SURE:g} and more than {EDGE} pixels from the edge",
        "sure_stars": int(wanted.sum()),
    }
    catalogues = {w.name: w.catalogue for w in ways}
    for name, c in catalogues.items():
        rows = sure(c)
        there = counterparts(scene.x, scene.y, c["x"], c["y"])
        true = counterparts(c["x"], c["y"], scene.x, scene.y)
        found[name] = {
            "rows": len(rows),
            "sure_rows": int(rows.sum()),
            "completeness": float((there >= 0)[wanted].mean()),
            "purity": float((true >= 0)[rows].mean()),
            "completeness_all": float((there >= 0).mean()),
            "purity_all": float((true >= 0).mean()),
            "also_found_by": {
                n: float((counterparts(c["x"], c["y"], o["x"], o["y"]) >= 0)[rows].mean())
                for n, o in catalogues.items()
                if n != name
            },
        }
    return found


# ------------------------------------------------------------------------------------------------------ the bound
def bounds(x: np.ndarray, y: np.ndarray, flux: np.ndarray) -> dict[str, np.ndarray]:
    """Cramér-Rao bounds of single stars: of the flux at known and at unknown position, and of x.

    Parameters
    ----------
    x, y, flux : ndarray of shape (n,)
        True positions (only where in its pixel a star lies matters) and fluxes, nJy.

    Returns
    -------
    dict
        ``known``, ``unknown`` (nJy) and ``x`` (pixel), each of shape (n,).

    Notes
    -----
    Pixels count independent Poisson electrons of mean m, with read noise that is as good as Poisson noise of the same
    variance v at hundreds of electrons. The Fisher information on the parameters a, b is the sum of
    ``dm/da dm/db / v`` (e.g. Mendez et al. 2014, PASP 126, 798); its inverse bounds the covariance of every unbiased
    estimate. With known position only the flux is a parameter, ``1 / sum(p^2 / v)``; with unknown position all three are,
    with the model's slopes ``F p (x - xc) / sigma^2``.
    """
    offset = np.arange(-12, 13)
    answer = {name: np.empty(len(flux)) for name in ("known", "unknown", "x")}
    for part in np.array_split(np.arange(len(flux)), max(1, len(flux) // 1000)):
        dx = (offset - (x[part] - np.rint(x[part]))[:, None])[:, None, :]
        dy = (offset - (y[part] - np.rint(y[part]))[:, None])[:, :, None]
        f = flux[part][:, None, None]
        p = np.exp(-(dx**2 + dy**2) / (2 * SIGMA**2)) / (2 * math.pi * SIGMA**2)
        slopes = np.stack([p, f * p * dx / SIGMA**2, f * p * dy / SIGMA**2])
        information = np.einsum(
            "anij,bnij,nij->nab", slopes, slopes, 1 / (PIXEL_VARIANCE + f * p / GAIN), optimize=True
        )
        covariance = np.linalg.inv(information)
        answer["known"][part] = 1 / np.sqrt(information[:, 0, 0])
        answer["unknown"][part], answer["x"][part] = np.sqrt(covariance[:, 0, 0]), np.sqrt(covariance[:, 1, 1])
    return answer


def at_known_positions(scene: Scene) -> np.ndarray:
    """Our fluxes of the isolated stars with the true positions kept."""
    flat = scene.image - pipeline.fit_sky(scene.image).map(scene.image.shape)
    x, y = scene.x[scene.isolated], scene.y[scene.isolated]
    where = np.rint(np.column_stack([y, x])).astype(int)
    stamps, corner = pipeline.cut_stamps(flat, where, math.ceil(pipeline.REACH * SIGMA))
    return pipeline.fit_stars(
        stamps, x - corner[:, 1], y - corner[:, 0], SIGMA, math.sqrt(PIXEL_VARIANCE), gain=GAIN, fixed=True
    ).flux


def _figure(of: Callable[[np.ndarray], Any], values: np.ndarray) -> float | None:
    """A figure of the values that there are; None for fewer than ten."""
    there = values[np.isfinite(values)]
    return float(of(there)) if len(there) >= 10 else None


def accuracy(scene: Scene, ways: list[Measured]) -> list[dict[str, Any]]:
    """Scatter and bias over the bound for isolated stars, a row for each magnitude.

    Known positions need no detection, so all stars are in their figures. Of the faintest only those are found that noise
    made brighter: what is found there scatters less than the bound and is too bright, for every finder (lecture 2).
    """
    isolated = np.flatnonzero(scene.isolated)
    flux, bound = scene.flux[isolated], bounds(scene.x[isolated], scene.y[isolated], scene.flux[isolated])
    error = {"known positions": (at_known_positions(scene) - flux) / bound["known"]}
    for way in ways:
        c = way.catalogue
        there = counterparts(scene.x, scene.y, c["x"], c["y"])[isolated]
        error[way.name] = np.where(there >= 0, (c["flux"][there] - flux) / bound["unknown"], np.nan)
        if "flux_err" in c:
            error["position"] = np.where(there >= 0, (c["x"][there] - scene.x[isolated]) / bound["x"], np.nan)
            error["pull"] = np.where(there >= 0, (c["flux"][there] - flux) / c["flux_err"][there], np.nan)
    magnitude = 31.4 - 2.5 * np.log10(flux)
    rows = []
    # A ratio of scatters from n stars is known to 1 / sqrt(2 n): few stars make few rows.
    wide = 1 if len(isolated) >= 400 else 4
    for low in range(math.floor(magnitude.min()), math.ceil(magnitude.max()), wide):
        these = (magnitude >= low) & (magnitude < low + wide)
        if these.sum() < 15:
            continue
        rows.append(
            {
                "magnitude": low + wide / 2,
                "stars": int(these.sum()),
                "ratio_error": float(1 / np.sqrt(2 * these.sum())),
                "median_snr": float(np.median(flux[these] / bound["known"][these])),
                "bound_unknown_over_known": float(np.median((bound["unknown"] / bound["known"])[these])),
                "found": {n: float(np.isfinite(e[these]).mean()) for n, e in error.items()},
                "scatter_over_bound": {n: _figure(np.std, e[these]) for n, e in error.items()},
                "bias_over_bound": {n: _figure(np.median, e[these]) for n, e in error.items()},
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------ all of it
def photometry_bench(
    shape: tuple[int, int],
    stars: int,
    *,
    repeat: int = 3,
    seed: int = 20261121,
    say: Callable[[str], object] = lambda text: None,
) -> dict[str, Any]:
    """Measure on one simulated detector.

    Parameters
    ----------
    shape : (ny, nx)
        Rows and columns.
    stars : int
        How many.
    repeat : int
        Turns; times are medians.
    seed : int
        Of the simulation.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        Everything that ``--json`` writes.

    Raises
    ------
    CourseError
        sep is not installed; the stars do not fit.
    """
    if importlib.util.find_spec("sep") is None:
        raise CourseError(NO_SEP)
    load = os.getloadavg()[0]
    say(f"A detector of {shape[0]} rows and {shape[1]} columns with {stars} stars ...")
    try:
        scene = make_scene(shape, stars, seed)
    except ValueError as problem:
        raise CourseError(f"The stars do not fit: {problem}.") from problem
    ways = [
        Measured("photcourse", ours),
        Measured("photutils", partial(photutils_way, **SAME_STARS)),
        Measured("sep", sep_way),
        Measured(DEFAULTS, photutils_way),
    ]
    corner = Scene(
        scene.image[:300, :320].copy(),
        scene.sky[:300, :320],
        *[getattr(scene, n) for n in ("x", "y", "flux", "isolated")],
    )
    for way in ways:
        # Imports and first calls are nobody's speed.
        for _ in way.way(corner):
            pass
    loops = Loops()
    reading = []
    for number in range(repeat):
        started = time.perf_counter()
        scene.image.max()
        reading.append(time.perf_counter() - started)
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            say(f"turn {number + 1} of {repeat}: {way.name}")
            way.turn(scene)
        say(f"turn {number + 1} of {repeat}: the loops, on a piece")
        loops.turn(scene, ways[0].catalogue, number)
    return {
        **_summary(scene, ways, loops, repeat, seed, load),
        "reading": _reading(scene, statistics.median(reading), ways[0]),
    }


def _reading(scene: Scene, seconds: float, way: Measured) -> dict[str, float]:
    """Return what it takes to read the pixels once, for their maximum: no photometry is faster; and how far a way is from it."""
    return {
        "seconds": seconds,
        "gigabytes_per_second": scene.image.nbytes / 1e9 / seconds,
        "times_the_limit": way.seconds()["all"] / seconds,
    }


def _summary(scene: Scene, ways: list[Measured], loops: Loops, repeat: int, seed: int, load: float) -> dict[str, Any]:
    seconds = {w.name: w.seconds() for w in ways}
    by_loop = loops.seconds()
    mine = seconds["photcourse"]
    ratios = {
        "loops": sum(by_loop.values()) / mine["all"],
        "loops, but for the convolution": (by_loop["summits"] + by_loop["stars"]) / mine["all"],
        "photutils, finder and aperture photometry": seconds["photutils"]["all but the sky"] / mine["all but the sky"],
        "photutils with its defaults, finder and aperture photometry": seconds[DEFAULTS]["all but the sky"]
        / mine["all but the sky"],
        "photutils, with the sky": seconds["photutils"]["all"] / mine["all"],
        "sep, extract and sum_circle": seconds["sep"]["all but the sky"] / mine["all but the sky"],
        "sep, with the sky": seconds["sep"]["all"] / mine["all"],
    }
    same, judged = sameness(scene, ways), [w.name for w in ways if w.name != DEFAULTS]
    checks = {
        "the same stars (completeness and purity above 0.99, by all)": all(
            min(same[n]["completeness"], same[n]["purity"], *[same[n]["also_found_by"][o] for o in judged if o != n])
            > 0.99
            for n in judged
        ),
        "the loops find no summit that we do not": all(loops.same),
        "at least 100 times the loops": ratios["loops"] >= 100,
        "no slower than photutils' finder and aperture photometry": ratios["photutils, finder and aperture photometry"]
        >= 1
        and ratios["photutils with its defaults, finder and aperture photometry"] >= 1,
    }
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "settings": {"photutils": SAME_STARS, "aperture_radius": RADIUS, "sep": {"thresh": 1.5, "minarea": 5}},
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "as many as processors"),
        "load_before": round(load, 2),
        "versions": {p: version(p) for p in ("numpy", "scipy", "photutils", "sep")},
        "shape": list(scene.image.shape),
        "stars": len(scene.x),
        "repeat": repeat,
        "seed": seed,
        "seconds": seconds,
        "cpu_seconds": {w.name: statistics.median(w.cpu) for w in ways},
        "memory_mb": {w.name: max(w.memory_mb) if w.memory_mb else None for w in ways},
        "image_mb": scene.image.nbytes / 2**20,
        "loops": {
            "seconds": by_loop,
            "total": sum(by_loop.values()),
            "pixels_run": loops.pixels,
            "share_of_pixels": loops.pixels / scene.image.size,
            "stars_run": loops.measured,
            "how": "run on pieces and on some stars, scaled linearly with pixels and stars",
        },
        "times_faster_than": ratios,
        "same_stars": same,
        "accuracy": accuracy(scene, ways),
        "checks": checks,
    }
