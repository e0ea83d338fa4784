"""Photometry of a crowded field, on a scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.values import DataRef
from photcourse.comparators import Challenge
from photcourse.simulate.crowded import crowded_field
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Photometry of a crowded field",
    # The scale and the reasons of its limits are in photcourse.challenge: students see it.
    compare=Challenge(),
    picture="challenge",
    shared=True,
    seconds=40.0,
    cheap=(0.12, "the practice field's own truth is a tenth"),
)


@exercise.reference
def photometry(image, variance, psf):
    from functools import lru_cache

    from astropy.table import QTable
    from scipy import ndimage, signal, sparse

    half = psf.shape[0] // 2
    ny, nx = image.shape
    noise, index = np.sqrt(variance), np.arange(image.size).reshape(image.shape)
    spline = ndimage.spline_filter(psf, order=5)
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1].astype(float)

    @lru_cache(512)
    def stamp(x, y):
        column, row = int(np.rint(x)), int(np.rint(y))
        rows, columns = (slice(max(0, row - half), min(ny, row + half + 1)),
                         slice(max(0, column - half), min(nx, column + half + 1)))
        inner = np.s_[rows.start - row + half : rows.stop - row + half,
                      columns.start - column + half : columns.stop - column + half]
        at = np.array([yy + half - (y - row), xx + half - (x - column)])

        def shifted(dx, dy):
            return ndimage.map_coordinates(spline, [at[0] - dy, at[1] - dx], order=5, prefilter=False,
                                           mode="constant")[inner]

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
    yield Case("the practice field", *planes, expected=_practice_truth(),
               tests="the field that you have, with its truth")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    for number in (1, 2):
        field = crowded_field(rng)
        planes, truth = (field.image, field.variance, field.psf), _expected(field.truth)
        if number == 2:
            # As in a mirror: its PSF leans the other way, so that it has to be taken from the argument.
            planes = tuple(np.ascontiguousarray(plane[:, ::-1]) for plane in planes)
            truth["x"] = field.image.shape[1] - 1 - truth["x"]
        yield Case(f"unseen field {number}", *planes, expected=truth, tests="a field never seen before", points=2.0)


SWEEPS = "star by star, in sweeps"
CATALOGUE = 'return result[result["flux"] > 5 * result["flux_err"]]'


def all_stars(*lines: str) -> dict[str, str]:
    """What is done to the list of all stars, before the certain ones are chosen."""
    return {CATALOGUE: "\n    ".join((*lines, CATALOGUE))}


def chosen(*lines: str) -> dict[str, str]:
    """What is done to the stars that were chosen."""
    return {CATALOGUE: "\n    ".join((CATALOGUE.replace("return", "result ="), *lines, "return result"))}


def circles(radius: int) -> dict[str, str]:
    """The sum of the pixels around each star."""
    return all_stars(
        "yy, xx = np.mgrid[:ny, :nx]",
        "for row in result:",
        f'    inside = (xx - row["x"])**2 + (yy - row["y"])**2 <= {radius**2}',
        '    row["flux"], row["flux_err"] = image[inside].sum(), np.sqrt(variance[inside].sum())')


exercise.mistake(
    "aperture", "Sums in an aperture, with the neighbours in it", edit=circles(5), spellings=(circles(7),), of=SWEEPS,
    idea="In a crowded field a circle around one star holds light of the next. A model of all stars together can tell "
         "them apart.",
    contrast="Two stars of 1000 electrons 5 pixels apart, a circle of 5 pixels: some 1400 for each.")
exercise.mistake(
    "alone", "Each star is fitted as if it were alone",
    edit=all_stars(
        "for row in result:",
        '    window, p, _, _ = stamp(row["x"], row["y"])',
        '    row["flux"] = (image[window] * p / variance[window]).sum() / (p * p / variance[window]).sum()'), of=SWEEPS,
    idea="The flux that belongs to a neighbour is taken for the star's own. Subtract the model of the others before "
         "you fit one, and go round again.",
    contrast="In a pair 5 pixels apart each flux comes out too high by a tenth or more.")
exercise.mistake(
    "poisson-of-flux", "The error is the square root of the flux",
    edit=chosen('result["flux_err"] = 0.4 * np.sqrt(result["flux"])'), of=SWEEPS,
    spellings=(chosen('result["flux_err"] = np.sqrt(result["flux"])'),),
    idea="The sky and the read noise under the PSF count as well, and for faint stars they are nearly all of it: use "
         "the variance plane.",
    contrast="A star of 400 electrons on a sky of 60 a pixel: 20 from its own light, but about 60 in all.")
exercise.mistake(
    "error-squared", "The variance is given where the error is asked",
    edit=chosen('result["flux_err"] = result["flux_err"]**2'), of=SWEEPS,
    idea="The inverse of sum(p^2 / v) is the variance of the flux; the error is its square root.",
    contrast="1 / sum(p^2 / v) = 3600: the error is 60.")
exercise.mistake(
    "exchanged", "x and y are exchanged",
    edit=all_stars('result["x"], result["y"] = result["y"].copy(), result["x"].copy()'), of=SWEEPS,
    idea="The first index of an image is the row, which is y.",
    contrast="np.argwhere gives (row, column), that is (y, x).")
exercise.mistake(
    "no-denominator", "sum(f p) without the division by sum(p^2)",
    edit=chosen('result["flux"] = result["flux"] * (psf**2).sum()'), of=SWEEPS,
    idea="The maximum-likelihood flux is sum(f p / v) / sum(p^2 / v); without the denominator it is too small by a "
         "factor that depends on the PSF alone.",
    contrast="sum(p^2) is about 0.02 here: a flux of 1000 comes out as 20.")
exercise.mistake(
    "noise-for-stars", "The threshold lets peaks of the noise through",
    edit={"THRESHOLD = 7.0": "THRESHOLD = 2.4", "> 5 *": "> 1.5 *"}, of=SWEEPS,
    idea="Among 20 000 pixels of a convolved image several hundred lie above two sigma by chance.",
    contrast="Above 5 sigma chance gives less than one in a thousand fields.")
exercise.mistake(
    "bright-only", "The threshold keeps the bright stars only", edit={"> 5 *": "> 60 *"}, of=SWEEPS,
    idea="A star at ten sigma is a certain detection. With a threshold far above five sigma half of the catalogue is "
         "given away.",
    contrast="Signal-to-noise 12 to 250: a cut at 60 keeps about half.")
exercise.mistake(
    "one-based", "Positions count from 1",
    edit=all_stars('result["x"] += 1', 'result["y"] += 1'), of=SWEEPS,
    idea="Positions are 0-based here: the centre of the first pixel is (0, 0). FITS and SExtractor count from 1.",
    contrast="SExtractor's X_IMAGE = 100.0 is x = 99.0.")
exercise.mistake(
    "peak-pixel", "Each flux is read off at one whole pixel",
    edit=chosen(
        "for row in result:",
        '    row["flux"] = image[int(round(row["y"])), int(round(row["x"]))] / psf.max()'), of=SWEEPS,
    spellings=(chosen(
        "for row in result:",
        '    pixel = int(round(row["y"])), int(round(row["x"]))',
        '    row["flux"], row["flux_err"] = image[pixel] / psf.max(), np.sqrt(variance[pixel]) / psf.max()'),),
    idea="One pixel of the image holds few per cent of the light and has its own noise, and a map of fluxes read at whole pixels "
         "is too low where a star lies between them; a fit puts the PSF where the star is and uses every pixel by its weight.",
    contrast="peak / psf.max(): the scatter is several times that of the fit, and a star off a pixel's centre comes "
             "out low.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    (f"answer['{axis}'] = answer['{axis}'] + 0.5",
     "positions serve to match only: the scale, which students are shown, has no part for them") for axis in "xy"
]
