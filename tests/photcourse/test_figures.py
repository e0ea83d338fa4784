"""Figures are read for what they show, whatever way they were drawn."""

from __future__ import annotations

import json

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import EllipseCollection, PatchCollection
from matplotlib.colors import LogNorm
from matplotlib.patches import Circle, Rectangle
from photutils.aperture import CircularAnnulus, CircularAperture

from photcheck import wire
from photcheck.comparators import FigureShows, from_json, to_json
from photcheck.figures import circle_of, figure_data
from photcheck.values import FigureData
from photcourse.simulate.sky import tan_wcs

IMAGE = np.exp(-((np.arange(44) - 9.0) ** 2)[:, None] / 60 - (np.arange(61) - 40.0) ** 2 / 200) * 900 + 1
RADII = np.array([1.0, 2.5, 4.0, 6.0, 9.0, 13.0])
FLUXES = np.array([90.0, 400.0, 800.0, 1100.0, 1250.0, 1300.0])


@pytest.fixture(autouse=True)
def no_figure_left():
    yield
    plt.close("all")


def through_the_wire(drawn) -> wire.FigureData:
    return wire.decode(json.loads(json.dumps(wire.encode(drawn))))


# ------------------------------------------------------------------------------------------------ reading
def test_lines_points_and_labels_are_read():
    figure, ax = plt.subplots()
    ax.plot(RADII, FLUXES, "--", label="flux")
    ax.scatter(RADII[:3], FLUXES[:3] * 2, label="others")
    ax.set(xlabel="radius [pixel]", ylabel="flux [nJy]", title="A star", yscale="log")
    ax.legend()
    (shown,) = through_the_wire(figure).axes
    assert (shown["xlabel"], shown["ylabel"], shown["title"]) == ("radius [pixel]", "flux [nJy]", "A star")
    assert (shown["xscale"], shown["yscale"]) == ("linear", "log")
    assert shown["legend"] == ["flux", "others"]
    np.testing.assert_array_equal(shown["lines"][0]["y"], FLUXES)
    assert shown["lines"][0]["joined"] and not shown["lines"][0]["marked"]
    np.testing.assert_allclose(shown["points"][0]["y"], FLUXES[:3] * 2)


def test_returned_axes_come_first_and_the_colour_bar_is_known_as_one():
    figure, (left, right) = plt.subplots(1, 2)
    figure.colorbar(right.imshow(IMAGE, origin="lower"), label="flux [nJy]")
    left.plot(RADII, FLUXES)
    axes = through_the_wire(right).axes
    assert [len(ax["images"]) > 0 for ax in axes[:2]] == [True, False]
    assert [ax["colorbar"] for ax in axes] == [False, False, True]
    assert axes[0]["images"][0]["label"] == "flux [nJy]"


def test_labels_of_the_whole_figure_stand_in_for_missing_ones():
    figure, ax = plt.subplots()
    figure.supxlabel("radius [pixel]")
    figure.supylabel("flux")
    (shown,) = figure_data(ax).axes
    assert (shown["xlabel"], shown["ylabel"]) == ("radius [pixel]", "flux")


@pytest.mark.parametrize(
    ("draw", "origin"),
    [
        (lambda ax: ax.imshow(IMAGE, origin="lower"), "lower"),
        (lambda ax: ax.imshow(IMAGE, origin="upper"), "upper"),
        (lambda ax: (ax.imshow(IMAGE), ax.invert_yaxis()), "lower"),
        (lambda ax: ax.pcolormesh(IMAGE), "lower"),
        (lambda ax: (ax.pcolormesh(IMAGE), ax.invert_yaxis()), "upper"),
        (lambda ax: ax.imshow(IMAGE, origin="lower", extent=(100, 161, 300, 344)), "lower"),
    ],
    ids=["imshow-lower", "imshow-upper", "axis-inverted", "pcolormesh", "pcolormesh-inverted", "extent"],
)
def test_origin_is_where_row_0_is_shown(draw, origin):
    _, ax = plt.subplots()
    draw(ax)
    (image,) = figure_data(ax).axes[0]["images"]
    assert image["origin"] == origin
    assert image["shape"] == [44, 61]
    np.testing.assert_allclose(image["values"].of_same(IMAGE), image["values"].values)


def _line_round(ax, x, y, r):
    t = np.linspace(0, 2 * np.pi, 60)
    ax.plot(x + r * np.cos(t), y + r * np.sin(t))


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, x, y, r: CircularAperture((x, y), r).plot(ax=ax, color="w"),
        lambda ax, x, y, r: ax.add_patch(Circle((x, y), r, fill=False)),
        lambda ax, x, y, r: ax.add_artist(Circle((x, y), r)),
        lambda ax, x, y, r: ax.add_collection(PatchCollection([Circle((1, 2), 3), Circle((x, y), r)])),
        lambda ax, x, y, r: ax.add_collection(
            EllipseCollection([2 * r], [2 * r], [0], units="xy", offsets=[(x, y)], offset_transform=ax.transData)
        ),
        lambda ax, x, y, r: CircularAnnulus((x, y), r, r + 4).plot(ax=ax),
        _line_round,
    ],
    ids=["aperture", "patch", "artist", "patch-collection", "ellipse-collection", "annulus", "line"],
)
def test_a_circle_is_found_however_it_is_drawn(draw):
    _, ax = plt.subplots()
    ax.imshow(IMAGE, origin="lower")
    draw(ax, 40.0, 9.5, 6.0)
    expected = _picture(40.0, 9.5, 6.0)
    assert FigureShows(series=0, circles=1).compare(through_the_wire(ax), expected).ok
    assert not FigureShows(series=0, circles=1).compare(through_the_wire(ax), _picture(40.0, 9.5, 12.0)).ok


def test_a_circle_in_sky_coordinates_is_found_in_pixels():
    wcs = tan_wcs((44, 61), 337.41, -20.84, pixel_scale=20.0)
    ax = plt.figure().add_subplot(projection=wcs)
    ax.imshow(IMAGE, origin="lower")
    centre = wcs.pixel_to_world(40.0, 9.5)
    radius = 6 * 20 / 3600
    t = np.linspace(0, 2 * np.pi, 80)
    ax.plot(
        centre.ra.deg + radius * np.cos(t) / np.cos(centre.dec.rad),
        centre.dec.deg + radius * np.sin(t),
        transform=ax.get_transform("world"),
    )
    finding = FigureShows(series=0, image=True, origin="lower", circles=1).compare(
        through_the_wire(ax), _picture(40.0, 9.5, 6.0)
    )
    assert finding.ok, finding.symptom


def test_squares_and_strings_of_points_are_no_circles():
    t = np.linspace(0, 2, 40)
    assert circle_of(np.cos(t), np.sin(t)) is None
    assert circle_of(np.array([0.0, 1, 1, 0, 0, 0, 0, 0]), np.array([0.0, 0, 1, 1, 0, 0, 0, 0])) is None
    _, ax = plt.subplots()
    ax.add_patch(Rectangle((3, 4), 5, 5))
    assert [p["kind"] for p in figure_data(ax).axes[0]["patches"]] == ["rectangle"]


def test_bars_and_error_bars_are_read():
    _, ax = plt.subplots()
    ax.errorbar(RADII, FLUXES, yerr=3, fmt="o")
    ax.bar([1, 2], [30, 50], width=0.5)
    (shown,) = figure_data(ax).axes
    assert shown["errorbars"] == 1
    assert [(b["x"], b["height"]) for b in shown["bars"]] == [(1.0, 30.0), (2.0, 50.0)]
    assert shown["patches"] == []


def test_something_that_belongs_to_no_figure_is_refused():
    with pytest.raises(TypeError, match="belongs to no figure"):
        figure_data(object())
    assert isinstance(through_the_wire(matplotlib.lines.Line2D([0], [1])), wire.Opaque)


# ------------------------------------------------------------------------------------------------ comparing
GROWTH = FigureShows(
    extra=1, x_words=("radius",), x_units=("pixel", "px"), y_words=("flux",), y_units=("nJy",), noun="growth curve"
)


def _growth(radii=RADII, fluxes=FLUXES, xlabel="radius [pixel]", ylabel="flux [nJy]", style="-o", **more):
    _, ax = plt.subplots()
    ax.plot(radii, fluxes, style, **more)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return through_the_wire(ax)


def _picture(x, y, r, image=IMAGE, **imshow):
    _, ax = plt.subplots()
    ax.imshow(image, **{"origin": "lower", **imshow})
    CircularAperture((x, y), r).plot(ax=ax)
    ax.set(xlabel="x (pixel)", ylabel="y (pixel)")
    return through_the_wire(ax)


def _point_by_point():
    _, ax = plt.subplots()
    for r, f in zip(RADII, FLUXES, strict=True):
        ax.plot(r, f, "ko")
    ax.set(xlabel=r"aperture radius $r$ [px]", ylabel=r"Flux $F$ in $\mathrm{nJy}$")
    return through_the_wire(ax)


def _scatter_reversed():
    figure, (other, ax) = plt.subplots(1, 2)
    other.imshow(IMAGE)
    ax.axhline(FLUXES[-1])
    ax.scatter(RADII[::-1], FLUXES[::-1])
    ax.set(xlabel="Radius (pixels)", ylabel="Enclosed flux / nJy")
    return through_the_wire(figure)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: _growth(),
        lambda: _growth(np.r_[0, RADII], np.r_[0, FLUXES]),
        lambda: _growth(style="s"),
        lambda: _growth(fluxes=FLUXES.astype(np.float32)),
        _point_by_point,
        _scatter_reversed,
    ],
    ids=["line", "starts-at-0", "markers", "float32", "point-by-point", "second-panel"],
)
def test_a_right_curve_passes_in_any_style(answer):
    finding = GROWTH.compare(answer(), _growth())
    assert finding.ok, finding.symptom


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: _growth(fluxes=FLUXES / FLUXES[-1]), "times the right ones"),
        (lambda: _growth(RADII[:-1], FLUXES[:-1]), "should have 6 points"),
        (lambda: _growth(FLUXES, RADII), "axes exchanged"),
        (lambda: _growth(fluxes=FLUXES + np.eye(6)[3] * 30), "(6, 1130) where (6, 1100) is right"),
        (lambda: _growth(xlabel=""), "x axis has no label"),
        (lambda: _growth(ylabel="flux"), "does not give the unit (nJy)"),
        (lambda: _growth(ylabel="flux [njy]"), "writes the unit nJy with other capitals"),
        (lambda: _growth(ylabel="magnitude [nJy]"), "does not name what it shows (flux)"),
        (lambda: wire.FigureData([]), "no axes"),
        (lambda: None, "nothing is drawn"),
        (lambda: np.zeros(3), "should be a figure"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_wrong_curve_fails_and_the_words_say_why(answer, words):
    finding = GROWTH.compare(answer(), _growth())
    assert not finding.ok
    assert words in finding.symptom


def test_a_missing_label_costs_less_than_wrong_data():
    label, data = (GROWTH.compare(_growth(xlabel=""), _growth()), GROWTH.compare(_growth(fluxes=FLUXES * 2), _growth()))
    assert 1 > label.score > data.score == 0, "words are worth what the figure shows"
    bare = GROWTH.compare(FigureData([{**_growth().axes[0], "lines": [], "points": []}]), _growth())
    assert bare.score == 0, "empty axes with all the words"


def test_joined_or_not_is_graded_only_where_asked():
    line, points = _growth(), _growth(style="o")
    assert FigureShows(joined="line").compare(line, line).ok
    assert FigureShows(joined="points").compare(points, line).ok
    assert "joined by a line" in FigureShows(joined="line").compare(points, line).symptom
    assert "not joined" in FigureShows(joined="points").compare(line, line).symptom


LOGLOG = FigureShows(x_scale="log", y_scale="log")


def _comparison(x=RADII, y=FLUXES, log=True):
    _, ax = plt.subplots()
    ax.plot(x, y, "o")
    ax.plot([1, 13], [1, 13], "k-")
    if log:
        ax.set(xscale="log", yscale="log")
    return through_the_wire(ax)


def test_logarithmic_axes_and_plotted_logarithms_both_count():
    assert LOGLOG.compare(_comparison(), _comparison()).ok
    assert LOGLOG.compare(_comparison(np.log10(RADII), np.log10(FLUXES), log=False), _comparison()).ok
    linear = LOGLOG.compare(_comparison(log=False), _comparison())
    assert "should be logarithmic; it is linear" in linear.symptom
    assert 0 < linear.score < 1
    assert not LOGLOG.compare(_comparison(np.log(RADII), np.log(FLUXES), log=False), _comparison()).ok


def test_points_that_a_logarithmic_axis_cannot_show_are_free():
    x, y = np.r_[RADII, 5.0], np.r_[FLUXES, -3.0]
    assert LOGLOG.compare(_comparison(x, y), _comparison(x, y)).ok
    assert LOGLOG.compare(_comparison(), _comparison(x, y)).ok


def test_a_figure_shown_and_closed_inside_the_function_still_counts():
    from photcheck.call import call

    def draw(radii):
        _, ax = plt.subplots()
        ax.plot(radii, FLUXES)
        plt.show()
        plt.close()

    report = call(draw, [wire.encode(RADII)], ("radii",), figure=True)
    assert plt.get_fignums() == []
    assert FigureShows().compare(wire.decode(report["value"]), _growth()).ok


def test_points_that_are_not_finite_do_not_count():
    x, y = np.r_[RADII, 5.0], np.r_[FLUXES, np.nan]
    assert LOGLOG.compare(_comparison(x, y), _comparison()).ok
    assert LOGLOG.compare(_comparison(), _comparison(x, y)).ok


PICTURE = FigureShows(series=0, image=True, origin="lower", circles=1)


@pytest.mark.parametrize(
    "shown",
    [
        {"image": np.arcsinh(IMAGE)},
        {"image": np.clip(IMAGE, *np.percentile(IMAGE, [1, 99]))},
        {"norm": LogNorm()},
        {"image": np.log10(IMAGE), "cmap": "gray"},
        {"image": IMAGE[::-1], "origin": "upper", "extent": (-0.5, 60.5, -0.5, 43.5)},
    ],
    ids=["arcsinh", "clipped", "lognorm", "log10", "reversed twice"],
)
def test_any_stretch_shows_the_image(shown):
    finding = PICTURE.compare(_picture(40.0, 9.0, 6.0, **shown), _picture(40.0, 9.0, 6.0))
    assert finding.ok, finding.symptom


@pytest.mark.parametrize(
    ("args", "shown", "words"),
    [
        ((9.0, 40.0, 6.0), {}, "where (40, 9) with radius 6 is right"),
        ((40.0, 9.0, 12.0), {}, "with radius 12"),
        ((40.0, 9.0, 6.0), {"origin": "upper"}, "row 0 of the image is shown at the top"),
        ((40.0, 9.0, 6.0), {"image": IMAGE.T}, "its axes are exchanged"),
        ((40.0, 9.0, 6.0), {"image": IMAGE[::-1]}, "another one"),
        ((40.0, 9.0, 6.0), {"image": IMAGE[::-1], "origin": "upper"}, "another one"),
        ((40.0, 9.0, 6.0), {"origin": "upper", "extent": (-0.5, 60.5, -0.5, 43.5)}, "another one"),
        ((40.0, 9.0, 6.0), {"extent": (-0.5, 60.5, 43.5, -0.5)}, "another one"),
        ((40.0, 9.0, 6.0), {"image": np.zeros_like(IMAGE)}, "another one"),
    ],
)
def test_a_wrong_picture_fails_and_the_words_say_why(args, shown, words):
    finding = PICTURE.compare(_picture(*args, **shown), _picture(40.0, 9.0, 6.0))
    assert not finding.ok
    assert words in finding.symptom


def test_a_missing_image_or_circle_is_said():
    nothing = PICTURE.compare(_growth(), _picture(40.0, 9.0, 6.0)).symptom
    assert "no image is shown" in nothing and "no circle is drawn" in nothing


def test_units_on_the_colour_bar_and_words_in_the_legend():
    figure, ax = plt.subplots()
    mappable = ax.imshow(IMAGE, origin="lower")
    plain = through_the_wire(figure)
    figure.colorbar(mappable, label="surface brightness [MJy/sr]")
    ax.plot([3], [4], "x", label="star A")
    ax.legend()
    labelled = through_the_wire(figure)
    asked = FigureShows(series=0, image=True, bar_units=("MJy/sr", "MJy sr-1"), legend=("star A",))
    assert asked.compare(labelled, labelled).ok
    assert "MJy/sr" in asked.compare(plain, labelled).symptom
    assert "'star A'" in asked.compare(plain, labelled).symptom


# ------------------------------------------------------------------------------------------------ likeness
def test_a_mistake_is_told_from_other_mistakes():
    right, half = _growth(), _growth(fluxes=FLUXES / 2)
    assert GROWTH.alike(_growth(fluxes=FLUXES / 2, style="o"), half, right)
    assert not GROWTH.alike(_growth(fluxes=FLUXES / 3), half, right)
    both = _growth(fluxes=FLUXES / 2, xlabel="")
    assert GROWTH.alike(both, half, right) and not GROWTH.same(both, half, right), "a further fault hides none"
    mispaired = _growth(fluxes=FLUXES[::-1])
    assert GROWTH.alike(_growth(fluxes=np.roll(FLUXES, 2)), mispaired, right), "paired wrongly in any order"
    assert not GROWTH.alike(half, mispaired, right) and not GROWTH.alike(mispaired, half, right)
    assert GROWTH.alike(_growth(fluxes=1.1 / FLUXES), _growth(fluxes=1 / FLUXES), right), "the inverse but for a factor"
    assert GROWTH.alike(_growth(ylabel="flux"), _growth(ylabel="my flux"), right)
    assert not GROWTH.alike(_growth(ylabel="flux"), _growth(xlabel="radius"), right)
    swapped, wide = _picture(9.0, 40.0, 6.0), _picture(40.0, 9.0, 12.0)
    assert PICTURE.alike(_picture(9.0, 40.0, 6.0), swapped, _picture(40.0, 9.0, 6.0))
    assert not PICTURE.alike(swapped, wide, _picture(40.0, 9.0, 6.0))


def test_the_comparator_survives_its_journey():
    again = from_json(json.loads(json.dumps(to_json(GROWTH))))
    assert again == GROWTH


@pytest.mark.parametrize("axes", [[{}], [3], ["x"], [{"lines": 7}], [{"images": [{}], "patches": [{}]}]])
def test_malformed_figures_earn_nothing(axes):
    from photcheck.report import Report
    from photcheck.spec import CaseSpec
    from photcheck.verdict import judge_case

    case = CaseSpec("a", "a", [], _picture(40.0, 9.0, 6.0), FigureShows(series=0, image=True, circles=1, title=True))
    form = {"$": "figure", "axes": {"$": "list", "v": [wire.encode(a) for a in axes]}}
    assert judge_case(case, Report.read({"ok": True, "value": form}), ()).finding.score == 0


def test_arrays_with_units_are_described_in_words():
    from astropy import units as u

    from photcheck.comparators import QuantityClose

    assert QuantityClose("mJy").describe(np.array([1.5, 20.0]) * u.mJy) == "[1.5, 20] mJy"
    assert QuantityClose("mJy").describe(3.0 * u.Jy) == "3 Jy"


def test_units_that_do_not_convert_are_alike_where_unit_and_number_agree():
    from astropy import units as u

    from photcheck.comparators import QuantityClose

    asked, right = QuantityClose("mJy", rtol=1e-6), 62.3 * u.mJy
    brightness = 1840.0 * u.MJy / u.sr
    assert asked.alike(brightness.to(u.Jy / u.sr), brightness, right)
    assert not asked.alike(brightness * 2, brightness, right)
    assert not asked.alike(62.3, brightness, right)
    assert asked.alike(62.3, 62.3, right)
    # A factor of 1e-3 and one of 1e-9 both end near zero, and are different mistakes.
    assert not asked.alike(0.0623 * u.mJy, 6.23e-8 * u.mJy, right)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("$F_{cat}$ [mJy]", "$F_{meas}$ [mJy]"),
        (r"$F_\mathrm{cat}$ (mJy)", r"$F_\mathrm{ap}\,(\mathrm{mJy})$"),
        (r"$\log_{10}\,F_{\rm ref}$ / mJy", r"$\log_{10}\,F_{\text{phot}}$ / mJy"),
        ("F_cat, mJy", "F_obs, mJy"),
    ],
)
def test_labels_in_mathtext_are_read_by_what_they_name(x, y):
    mjy, measured = ("mJy",), ("meas", "ap", "phot", "obs")
    compare = FigureShows(x_words=("cat", "ref"), x_units=mjy, y_words=measured, y_units=mjy)
    ax = _growth().axes[0]
    finding = compare.compare(FigureData([{**ax, "xlabel": x, "ylabel": y}]), _growth())
    assert finding.ok, finding.symptom
    assert (
        "does not name what it shows (cat)"
        in compare.compare(FigureData([{**ax, "xlabel": "$F_{c}$ (mJy)", "ylabel": y}]), _growth()).symptom
    )
