"""Photometry of a crowded field, on a scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.values import DataRef
from photcourse.comparators import Challenge
from photcourse.simulate.crowded import crowded_field
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "photometry",
    params=("image", "variance", "psf"),
    title="Photometry of a crowded field",
    # The scale and the reasons of its limits are in photcourse.challenge: students see it.
    compare=Challenge(),
    picture="challenge",
    shared=True,
    seconds=40.0,
)


@exercise.reference
def photometry(image, variance, psf):
    from astropy.table import QTable
    from scipy import ndimage, signal, sparse

    half = psf.shape[0] // 2
    ny, nx = image.shape
    noise, index = np.sqrt(variance), np.arange(image.size).reshape(image.shape)
    spline = ndimage.spline_filter(psf, order=5)
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1].astype(float)

    def stamp(x, y):
        column, row = int(np.rint(x)), int(np.rint(y))
        rows, columns = slice(max(0, row - half), min(ny, row + half + 1)), slice(max(0, column - half), min(nx, column + half + 1))
        inner = np.s_[rows.start - row + half : rows.stop - row + half, columns.start - column + half : columns.stop - column + half]
        at = np.array([yy + half - (y - row), xx + half - (x - column)])

        def shifted(dx, dy):
            return ndimage.map_coordinates(spline, [at[0] - dy, at[1] - dx], order=5, prefilter=False, mode="constant")[inner]

        step = 0.05
        profile = shifted(0.0, 0.0)
        along_x = (shifted(step, 0.0) - shifted(-step, 0.0)) / (2 * step)
        along_y = (shifted(0.0, step) - shifted(0.0, -step)) / (2 * step)
        return (rows, columns), profile, along_x, along_y

    def model(stars):
        light = np.zeros_like(image)
        for x, y, flux in stars:
            window, profile, _, _ = stamp(x, y)
            light[window] += flux * profile
        return light

    def detect(residual, threshold, taken):
        matched = signal.fftconvolve(residual / variance, psf[::-1, ::-1], mode="same")
        norm = np.sqrt(np.maximum(signal.fftconvolve(1 / variance, psf[::-1, ::-1] ** 2, mode="same"), 1e-30))
        significance = matched / norm
        peak = (significance == ndimage.maximum_filter(significance, 3)) & (significance > threshold)
        found = []
        for y, x in zip(*np.nonzero(peak), strict=True):
            if all(np.hypot(x - a, y - b) > 2.0 for a, b, _ in taken):
                found.append([float(x), float(y), float(matched[y, x] / norm[y, x] ** 2)])
        return found

    def fit(stars, rounds):
        # Gauss-Newton on all stars at once: the normal matrix is built from the overlaps of the stamps.
        for _ in range(rounds):
            residual = image - model(stars)
            columns, windows = [], []
            for x, y, flux in stars:
                window, profile, along_x, along_y = stamp(x, y)
                windows.append(window)
                columns.append([profile, flux * along_x, flux * along_y])
            n = len(stars)
            rows, pixels, values = [], [], []
            for k, (window, parts) in enumerate(zip(windows, columns, strict=True)):
                for i, part in enumerate(parts):
                    pixels.append(index[window].ravel())
                    values.append((part / noise[window]).ravel())
                    rows.append(np.full(part.size, 3 * k + i))
            where = (np.concatenate(rows), np.concatenate(pixels))
            design = sparse.csr_array((np.concatenate(values), where), shape=(3 * n, image.size))
            normal = (design @ design.T).toarray()
            normal[np.diag_indices(3 * n)] *= 1 + 1e-9
            inverse = np.linalg.pinv(normal, hermitian=True)
            step = inverse @ (design @ (residual / noise).ravel())
            for k, star in enumerate(stars):
                star[2] += step[3 * k]
                star[0] += float(np.clip(step[3 * k + 1], -0.6, 0.6))
                star[1] += float(np.clip(step[3 * k + 2], -0.6, 0.6))
            errors = np.sqrt(np.diag(inverse)[::3])
            inside = [s[2] > 0 and -0.5 < s[0] < nx - 0.5 and -0.5 < s[1] < ny - 0.5 for s in stars]
            stars, errors = [s for s, keep in zip(stars, inside, strict=True) if keep], errors[inside]
        return stars, errors

    stars = detect(image, 7.0, [])
    if not stars:
        return QTable({name: np.array([]) for name in ("x", "y", "flux", "flux_err")})
    stars, _ = fit(stars, 2)
    stars += detect(image - model(stars), 6.5, stars)
    stars, _ = fit(stars, 2)
    stars += detect(image - model(stars), 6.0, stars)
    stars, errors = fit(stars, 3)
    x, y, flux = np.array(stars).T
    good = flux > 5 * errors
    return QTable({"x": x[good], "y": y[good], "flux": flux[good], "flux_err": errors[good]})


def _expected(truth) -> dict[str, np.ndarray]:
    return {name: np.asarray(truth[name]) for name in ("x", "y", "flux", "sigma", "isolated")}


def _practice_truth() -> dict[str, np.ndarray]:
    from photcourse import data

    return _expected(data.load("practice_field", prefer="embedded").truth)


@exercise.provided
def provided() -> Iterator[Case]:
    planes = tuple(DataRef("practice_field", plane) for plane in ("image", "variance", "psf"))
    yield Case("the practice field", planes, expected=_practice_truth(), tests="the field that you have, with its truth")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    for number in (1, 2):
        field = crowded_field(rng)
        planes, truth = (field.image, field.variance, field.psf), _expected(field.truth)
        if number == 2:
            # As in a mirror: its PSF leans the other way, so that it has to be taken from the argument.
            planes = tuple(np.ascontiguousarray(plane[:, ::-1]) for plane in planes)
            truth["x"] = field.image.shape[1] - 1 - truth["x"]
        yield Case(f"unseen field {number}", planes, expected=truth,
                   tests="a field never seen before", points=2.0)


# A second way to the same answer: star by star on what the others leave, in sweeps (Gauss-Seidel), instead of all at
# once. The misconceptions are this one with one thing done wrong, so that each differs in what it is named for.
_SWEEPS = """
def photometry(image, variance, psf):
    from astropy.table import Table
    from scipy import ndimage, signal

    THRESHOLD = 7.0
    half = psf.shape[0] // 2
    ny, nx = image.shape
    spline = ndimage.spline_filter(psf, order=3)
    grid_y, grid_x = np.mgrid[-half:half + 1, -half:half + 1]

    def stamp(x, y):
        i, j = int(round(x)), int(round(y))
        j0, j1, i0, i1 = max(0, j - half), min(ny, j + half + 1), max(0, i - half), min(nx, i + half + 1)
        cut = (slice(j0 - j + half, j1 - j + half), slice(i0 - i + half, i1 - i + half))
        shape = [ndimage.map_coordinates(spline, [grid_y + half - (y - j) - b, grid_x + half - (x - i) - a],
                                         order=3, prefilter=False)[cut]
                 for a, b in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))]
        return (slice(j0, j1), slice(i0, i1)), shape[0], (shape[1] - shape[2]) / 0.1, (shape[3] - shape[4]) / 0.1

    def find(rest, stars):
        top = signal.fftconvolve(rest / variance, psf[::-1, ::-1], mode="same")
        bottom = signal.fftconvolve(1 / variance, psf[::-1, ::-1]**2, mode="same")
        signal_to_noise = top / np.sqrt(bottom)
        peaks = (signal_to_noise > THRESHOLD) & (signal_to_noise == ndimage.maximum_filter(signal_to_noise, size=3))
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]

    rest, stars, errors = np.array(image, dtype=float), [], []
    for sweeps in (3, 3, 5):
        new = find(rest, stars)
        for star in new:
            window, p, _, _ = stamp(star[0], star[1])
            rest[window] -= star[2] * p
        stars = stars + new
        for sweep in range(sweeps):
            errors = []
            for star in stars:
                window, p, px, py = stamp(star[0], star[1])
                rest[window] += star[2] * p
                weight = 1 / variance[window]
                star[2] = max(float((rest[window] * p * weight).sum() / (p * p * weight).sum()), 1e-3)
                left = (rest[window] - star[2] * p) * weight
                a, b, c = [star[2]**2 * (u * v * weight).sum() for u, v in ((px, px), (px, py), (py, py))]
                u, v = star[2] * (left * px).sum(), star[2] * (left * py).sum()
                det = a * c - b * b
                star[0] = float(np.clip(star[0] + np.clip((c * u - b * v) / det, -0.5, 0.5), 0, nx - 1))
                star[1] = float(np.clip(star[1] + np.clip((a * v - b * u) / det, -0.5, 0.5), 0, ny - 1))
                window, p, _, _ = stamp(star[0], star[1])
                errors.append(float(1 / np.sqrt((p * p / variance[window]).sum())))
                rest[window] -= star[2] * p
    result = Table({"x": [s[0] for s in stars], "y": [s[1] for s in stars], "flux": [s[2] for s in stars],
                    "flux_err": errors})
    return result[result["flux"] > 5 * result["flux_err"]]
"""
_RESULT = '    return result[result["flux"] > 5 * result["flux_err"]]'


def _with(*changes: tuple[str, str]) -> str:
    code = _SWEEPS
    for old, new in changes:
        if old not in code:
            raise ValueError(f"{old!r} is not in the code that is to be changed")
        code = code.replace(old, new)
    return code


def _wrong(id: str, title: str, idea: str, contrast: str, *changes: tuple[str, str]) -> None:
    exercise.misconception_source(id, title, _with(*changes), idea=idea, contrast=contrast)


exercise.variant_source("star by star, in sweeps", _SWEEPS)
exercise.variant_source("in sweeps, a DataFrame, single precision, further columns", _with((_RESULT, """\
    frame = result[result["flux"] > 5 * result["flux_err"]].to_pandas().astype("float32")
    frame["snr"] = frame["flux"] / frame["flux_err"]
    return frame.sort_values("flux", ascending=False)""")))
exercise.variant_source("all at once, prints and warns", exercise.reference_code.replace(
    "    stars, errors = fit(stars, 3)", """\
    import sys, warnings
    print(len(stars), "stars")
    print("last fit", file=sys.stderr)
    warnings.warn("a crowded field")
    stars, errors = fit(stars, 3)"""))
exercise.variant_source("a helper in a cell of its own", """
def strong(table, times):
    return table[table["flux"] > times * table["flux_err"]]
# %%
""" + _with((_RESULT, "    return strong(result, 5)")).lstrip())
_HEAD = "def photometry(image, variance, psf):"
_PEAKS = """\
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for j, i in np.argwhere(peaks)
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]"""
exercise.variant_source("an object with __call__, photutils finds the peaks", """
from photutils.detection import find_peaks
# %%
class Photometer:
    def __init__(self, floor):
        self.floor = floor

    def __call__(self, image, variance, psf):
        found = measure(image, variance, psf)
        found.sort("y")
        return found[found["flux"] / found["flux_err"] > self.floor]
# %%
""" + _with((_HEAD, "def measure(image, variance, psf):"), (_RESULT, "    return result"), (_PEAKS, """\
        table = find_peaks(signal_to_noise, THRESHOLD, box_size=3)
        found = [] if table is None else zip(table["x_peak"].tolist(), table["y_peak"].tolist())
        return [[float(i), float(j), float(top[j, i] / bottom[j, i])] for i, j in found
                if all((i - s[0])**2 + (j - s[1])**2 > 4 for s in stars)]""")).lstrip() + """
# %%
photometry = Photometer(floor=5)
""")
exercise.variant_source("functools.partial of a general function, type hints", """
from functools import partial
# %%
""" + _with((_HEAD, "def in_sweeps(image: np.ndarray, variance: np.ndarray, psf: np.ndarray, *, THRESHOLD: float, rounds: tuple[int, ...]):"),
            ("    THRESHOLD = 7.0\n", ""), ("for sweeps in (3, 3, 5)", "for sweeps in rounds")).lstrip() + """
# %%
photometry = partial(in_sweeps, THRESHOLD=6.5, rounds=(3, 3, 3, 3))
""")
exercise.variant_source("all at once, another inverse, draws what is left", exercise.reference_code.replace(
    "np.linalg.pinv(normal, hermitian=True)", "np.linalg.inv(normal)").replace(
    "    x, y, flux = np.array(stars).T", """\
    import matplotlib.pyplot as plt
    plt.imshow(image - model(stars), origin="lower")
    plt.colorbar()
    plt.show()
    x, y, flux = np.array(stars).T"""))
exercise.variant_source("a lambda, a dictionary of lists made into a DataFrame", """
import pandas as pd
# %%
""" + _with((_HEAD, "def as_lists(image, variance, psf):"), (_RESULT, """\
    strong = [k for k in range(len(result)) if result["flux"][k] > 5 * result["flux_err"][k]]
    return {name: [float(result[name][k]) for k in strong] for name in ("flux", "flux_err", "x", "y")}""")).lstrip() + """
# %%
photometry = lambda image, variance, psf: pd.DataFrame(as_lists(image, variance, psf))
""")

_wrong("aperture", "Sums in an aperture, with the neighbours in it",
       "In a crowded field a circle around one star holds light of the next. A model of all stars together can tell "
       "them apart.",
       "Two stars of 1000 electrons 5 pixels apart, a circle of 5 pixels: some 1400 for each.",
       (_RESULT, """\
    yy, xx = np.mgrid[:ny, :nx]
    for row in result:
        inside = (xx - row["x"])**2 + (yy - row["y"])**2 <= 25
        row["flux"], row["flux_err"] = image[inside].sum(), np.sqrt(variance[inside].sum())
""" + _RESULT))
_wrong("alone", "Each star is fitted as if it were alone",
       "The flux that belongs to a neighbour is taken for the star's own. Subtract the model of the others before you "
       "fit one, and go round again.",
       "In a pair 5 pixels apart each flux comes out too high by a tenth or more.",
       (_RESULT, """\
    for row in result:
        window, p, _, _ = stamp(row["x"], row["y"])
        row["flux"] = (image[window] * p / variance[window]).sum() / (p * p / variance[window]).sum()
""" + _RESULT))
_wrong("poisson-of-flux", "The error is the square root of the flux",
       "The sky and the read noise under the PSF count as well, and for faint stars they are nearly all of it: use the "
       "variance plane.",
       "A star of 400 electrons on a sky of 60 a pixel: 20 from its own light, but about 60 in all.",
       (_RESULT, """\
    result = result[result["flux"] > 5 * result["flux_err"]]
    result["flux_err"] = 0.4 * np.sqrt(result["flux"])
    return result"""))
_wrong("error-squared", "The variance is given where the error is asked",
       "The inverse of sum(p^2 / v) is the variance of the flux; the error is its square root.",
       "1 / sum(p^2 / v) = 3600: the error is 60.",
       (_RESULT, """\
    strong = result[result["flux"] > 5 * result["flux_err"]]
    strong["flux_err"] = strong["flux_err"]**2
    return strong"""))
_wrong("exchanged", "x and y are exchanged", "The first index of an image is the row, which is y.",
       "np.argwhere gives (row, column), that is (y, x).",
       (_RESULT, """\
    result["x"], result["y"] = result["y"].copy(), result["x"].copy()
""" + _RESULT))
_wrong("no-denominator", "sum(f p) without the division by sum(p^2)",
       "The maximum-likelihood flux is sum(f p / v) / sum(p^2 / v); without the denominator it is too small by a factor "
       "that depends on the PSF alone.",
       "sum(p^2) is about 0.02 here: a flux of 1000 comes out as 20.",
       (_RESULT, """\
    result = result[result["flux"] > 5 * result["flux_err"]]
    result["flux"] = result["flux"] * (psf**2).sum()
    return result"""))
_wrong("noise-for-stars", "The threshold lets peaks of the noise through",
       "Among 20 000 pixels of a convolved image several hundred lie above two sigma by chance.",
       "Above 5 sigma chance gives less than one in a thousand fields.",
       ("for sweeps in (3, 3, 5)", "for sweeps in (2, 2)"),
       ("THRESHOLD = 7.0", "THRESHOLD = 2.4"),
       (_RESULT, '    return result[result["flux"] > 1.5 * result["flux_err"]]'))
_wrong("bright-only", "The threshold keeps the bright stars only",
       "A star at ten sigma is a certain detection. With a threshold far above five sigma half of the catalogue is "
       "given away.",
       "Signal-to-noise 12 to 250: a cut at 60 keeps about half.",
       (_RESULT, '    return result[result["flux"] > 60 * result["flux_err"]]'))
_wrong("one-based", "Positions count from 1",
       "Positions are 0-based here: the centre of the first pixel is (0, 0). FITS and SExtractor count from 1.",
       "SExtractor's X_IMAGE = 100.0 is x = 99.0.",
       (_RESULT, """\
    result["x"] += 1
    result["y"] += 1
""" + _RESULT))
_wrong("peak-pixel", "The flux is taken from the brightest pixel",
       "One pixel holds few per cent of the light and has its own noise; a fit uses every pixel by its weight.",
       "peak / psf.max(): the scatter is several times that of the fit, and a star off a pixel's centre comes out low.",
       (_RESULT, """\
    result = result[result["flux"] > 5 * result["flux_err"]]
    for row in result:
        row["flux"] = image[int(round(row["y"])), int(round(row["x"]))] / psf.max()
    return result"""))

# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "positions serve to match only: the scale, which students are shown, has no part for them") for text in (
        "answer['x'] = answer['x'] + 0.5", "answer['y'] = answer['y'] + 0.5")),
]
