"""Plot of measured fluxes against those of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import FigureShows
from photgrader.exercise import Case, Exercise

exercise = Exercise(
    "Catalogue comparison plot",
    # 2e-3 of the range in decades is less than the size of a marker.
    compare=FigureShows(
        joined="points", x_scale="log", y_scale="log", x_units=("mJy",), y_units=("mJy",), noun="comparison",
        x_words=("catalogue", "catalog", "cat", "published", "reference", "ref", "glimpse", "literature", "lit"),
        y_words=("measured", "aperture", "photometry", "measurement", "observed", "this work", "my",
                 "our", "meas", "obs", "ap", "aper", "phot")),
    picture="figure",
    figure=True,
)


@exercise.reference
def plot_comparison(catalog_flux, measured_flux):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    ax.plot(catalog_flux, measured_flux, "o", ms=4)
    ends = np.array([np.min(catalog_flux), np.max(catalog_flux)])
    ax.plot(ends, ends, "k--", lw=1)
    ax.set(xscale="log", yscale="log", xlabel="catalogue flux (mJy)", ylabel="measured flux (mJy)")
    return ax


def _fluxes(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    catalog = np.round(1.2 * rng.random(count) ** -1.1, 4)
    return catalog, np.round(0.95 * catalog * rng.lognormal(0, 0.08, count) + rng.normal(0, 0.1, count), 4)


@exercise.provided
def provided() -> Iterator[Case]:
    catalog = np.array([186.4, 50.44, 2.31, 59.17, 8.02, 1.13, 23.5])
    measured = np.array([171.9, 54.6, 2.42, 51.8, 7.66, 0.94, 22.6])
    yield Case("seven sources", catalog, measured, tests="seven sources, not sorted")


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("fresh sources", *_fluxes(rng, int(rng.integers(40, 60))), tests="some fifty sources")
    catalog, measured = _fluxes(rng, 25)
    measured[7], measured[19] = -0.3, np.nan
    yield Case("sources that a logarithm cannot show", catalog, measured,
               tests="a source below zero and one that is NaN: they may be left out", points=0.5)


exercise.mistake(
    "exchanged", "Catalogue and measurement are on each other's axes",
    edit={"plot(catalog_flux, measured_flux": "plot(measured_flux, catalog_flux"},
    idea="The reference belongs on the x axis, what is tested on the y axis: points below the line are then too faint.",
    contrast="ax.plot(x, y): the first argument runs along the x axis.")
exercise.mistake(
    "linear", "The axes are linear", edit={'xscale="log", yscale="log", ': ""},
    idea="Fluxes span powers of ten. On linear axes the few brightest fill the plot and all the others lie in its "
         "corner.",
    contrast="1, 10 and 100 are evenly spaced on a logarithmic axis; on a linear one 1 and 10 nearly coincide.")
exercise.mistake(
    "half-logarithmic", "Only one axis is logarithmic", edit={', yscale="log"': ""},
    idea="Two fluxes are compared: on axes of different kinds the line of equality is a curve, and nobody can judge by "
         "eye.",
    contrast="semilogx makes x logarithmic, semilogy y, loglog both.")
exercise.mistake(
    "joined", "The points are joined by a line", edit={', "o", ms=4': ""},
    idea="Sources come in no particular order: a line from one to the next means nothing and hides the points.",
    contrast="ax.plot(x, y) joins; ax.plot(x, y, 'o') does not.")
exercise.mistake(
    "sorted-apart", "Both lists are sorted, each by itself",
    edit={"plot(catalog_flux, measured_flux": "plot(np.sort(catalog_flux), np.sort(measured_flux)"},
    idea="Sorting the two separately pairs the fluxes of different sources, and makes any two lists look alike.",
    contrast="(3, 1) and (2, 5) belong together as pairs 3-2 and 1-5; sorted apart they become 1-2 and 3-5.")
exercise.mistake(
    "ratio", "The ratio is shown instead of the measured flux",
    edit={"plot(catalog_flux, measured_flux": "plot(catalog_flux, measured_flux / catalog_flux"},
    idea="A plot of the ratio is a good second plot. The one asked for shows the measured flux itself.",
    contrast="A source of 50 measured as 48 lies at (50, 48), not at (50, 0.96).")
exercise.mistake(
    "jansky", "The measured fluxes are shown in Jy, under a label that says mJy",
    edit={"plot(catalog_flux, measured_flux": "plot(catalog_flux, measured_flux / 1000"},
    idea="The two axes are in the same unit, or the points cannot lie near the line of equality.",
    contrast="50 mJy are 0.05 Jy.")
exercise.mistake(
    "over-the-number", "The fluxes are drawn over the source's number",
    edit={"plot(catalog_flux": "plot(np.arange(1, len(catalog_flux) + 1)"},
    idea="A comparison has one point for a source, with one flux along x and the other along y. Two strings of points "
         "over the row number cannot be compared by eye.",
    contrast="ax.plot(a, b, 'o') compares; ax.plot(a) and ax.plot(b) lists.")
exercise.mistake(
    "no-labels", "The axes have no labels",
    edit={'ax.set(xscale="log", yscale="log", xlabel="catalogue flux (mJy)", ylabel="measured flux (mJy)")':
           'ax.set(xscale="log", yscale="log")'},
    idea="Which axis is the catalogue? Without labels nobody can tell too faint from too bright.",
    contrast="ax.set_xlabel('what, and from where (unit)')")
exercise.mistake(
    "no-unit", "The labels do not give the unit of the fluxes", edit={" (mJy)": ""},
    idea="A flux of 50 may be jansky, counts or magnitudes. The unit that the fluxes have belongs on the axis.",
    contrast="'flux' leaves it open; 'flux (mJy)' does not.")
exercise.mistake(
    "mega", "The labels say MJy where mJy is shown", edit={"(mJy)": "(MJy)"},
    idea="A capital M is mega, a million; a small m is milli, a thousandth. The two differ by a factor of a thousand "
         "million.",
    contrast="mJy is a faint star; MJy is brighter than anything in the radio sky but the Sun in outburst.")
exercise.mistake(
    "natural-log", "The natural logarithms are plotted",
    edit={"plot(catalog_flux, measured_flux": "plot(np.log(catalog_flux), np.log(measured_flux)",
          'xscale="log", yscale="log", ': ""},
    idea="Decades are read off a logarithm to base 10. np.log is the natural one, 2.3 times as large.",
    contrast="np.log10(100) = 2, np.log(100) = 4.6.")


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    *((text, "the line of equality is free: the text says so") for text in (
        "-    ax.plot(ends, ends, 'k--', lw=1)",
        "ends = [np.min(catalog_flux), np.max(catalog_flux)]",
        "ends = np.array([np.max(catalog_flux), np.min(catalog_flux)])",
        "ends = np.array([np.max(catalog_flux), np.max(catalog_flux)])",
        "ends = np.array([np.min(catalog_flux), np.min(catalog_flux)])",
    )),
]
