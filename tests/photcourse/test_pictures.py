"""Pictures of wrong answers: drawn for every kind, never an error, never a hidden case."""

from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import QTable
from PIL import Image

from photcheck import pictures, wire
from photcheck.comparators import ArrayClose, FigureShows, Finding, Number, Numbers, OneOf, TableClose
from photcheck.pictures import draw
from photcheck.report import Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import CaseVerdict, judge_case
from photcourse.comparators import Catalogue, PointSet, Shifts

SHAPE = (21, 32)


def _image() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 100 * np.exp(-((x - 20.3) ** 2 + (y - 8.7) ** 2) / 8)


def _table(n: int = 5, shift: float = 0.0) -> QTable:
    k = np.arange(n, dtype=float)
    return QTable({"x": 3 + 5 * k + shift, "y": 4 + 2 * k, "flux": 100 * (k + 1), "id": k})


def _truth() -> dict[str, np.ndarray]:
    table = _table()
    return {"x": table["x"], "y": table["y"], "flux": table["flux"], "sigma_flux": table["flux"] / 50}


RADII = np.linspace(1, 12, 9)
#: Kind: parameters, arguments, comparator, right answer, a wrong one.
KINDS = {
    "position": (("image_cutout", "x_start", "y_start"), (_image(), 140, 233), Numbers(("x", "y"), atol=1e-3, unit="pixel"),
                 (160.3, 241.7), (161.9, 239.2)),
    "image": (("image",), (_image(),), ArrayClose(atol=1e-6, unit="counts"), _image(), _image()[:, ::-1] * 2),
    "curve": (("image", "position", "radii"), (_image(), (20.0, 8.0), RADII), ArrayClose(rtol=1e-3, unit="counts"), RADII**2, RADII),
    "peaks": (("image", "threshold"), (_image(), 50.0), PointSet(), (np.array([20, 7]), np.array([9, 12])),
              ([20, 300, 4], [9, -50, 4])),
    "catalogue": (("image",), (_image(),), Catalogue(x="x", y="y", columns=("flux",), bias=(1.0,), outlier=(3.0,)), _truth(), _table(3, 0.2)),
    "scalar": (("image",), (_image(),), Number(rtol=1e-3, unit="nJy", name="flux"), 5000.0, 99.5),
    "table": (("image",), (_image(),), TableClose(("flux",), rtols=(1e-3,)), _table(), QTable({"flux": np.arange(5.0)})),
}  # fmt: skip


def _verdict(kind: str, answer: object = None, *, hidden: bool = False) -> tuple[ExerciseSpec, CaseVerdict]:
    params, args, comparator, expected, wrong = KINDS[kind]
    case = CaseSpec("a case", "something", [wire.encode(a) for a in args], expected, comparator, hidden=hidden)
    spec = ExerciseSpec("measure", "ps0", "Measure", params, [case], picture=kind)
    report = {"ok": True, "value": wire.encode(wrong if answer is None else answer)}
    return spec, judge_case(case, Report.read(report), params)


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def _has_colour(pixels: np.ndarray, colour: str) -> bool:
    wanted = np.array([int(colour[k:k + 2], 16) for k in (1, 3, 5)])
    return bool((np.abs(pixels - wanted).max(axis=-1) <= 12).any())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_a_png_on_white_about_640_pixels_wide(kind: str) -> None:
    png, alt = draw(*_verdict(kind)) or (b"", "")
    pixels = _pixels(png)
    assert 600 <= pixels.shape[1] <= 680
    assert (pixels[0, 0] == 255).all() and Image.open(io.BytesIO(png)).mode in ("P", "RGB")
    # Something is on it beside paper, and the student's colour is seen or, for two images, both are.
    assert (pixels.min(axis=-1) < 200).mean() > 0.004
    assert kind == "image" or _has_colour(pixels, pictures.GOT_COLOUR)
    assert len(png) < 150_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_text_that_says_what_is_on_it(kind: str) -> None:
    _, alt = draw(*_verdict(kind)) or (b"", "")
    assert len(alt) > 60 and alt.endswith("Case: a case.")
    assert "  " not in alt and "\n" not in alt


@pytest.mark.parametrize("kind", KINDS)
def test_a_hidden_case_is_never_drawn(kind: str) -> None:
    assert draw(*_verdict(kind, hidden=True)) is None


ODD = [None, "text", True, float("nan"), float("inf"), 3, -2.5, [], (), [None], (None, None), ([], []), (np.nan, np.nan), (1, 2, 3), {"x": 1},
       {}, np.array([]), np.zeros((0, 4)), np.zeros((2, 2, 2)), np.full(SHAPE, np.nan), np.zeros(SHAPE[::-1]), np.zeros(SHAPE, bool), np.array(["a", "b"]),
       1 + 2j, [[1, 2], [3]], QTable(), QTable({"x": ["a"], "y": ["b"], "flux": ["c"]}), QTable({"x": [np.nan], "y": [1.0], "flux": [np.inf]}),
       _table(0), wire.Opaque("Thing"), wire.FigureData(), b"bytes", 10**400, np.float32(1e38), ([1, 2], [1]), ([np.inf, 2], [1, np.nan])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ODD, ids=lambda a: f"{type(a).__name__}-{str(a)[:12]}")
def test_no_answer_however_odd_makes_drawing_fail(kind: str, answer: object) -> None:
    spec, verdict = _verdict(kind, 0.0)
    verdict.answer = answer
    drawn = draw(spec, verdict)
    assert drawn is None or (_pixels(drawn[0]).size > 0 and drawn[1])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_drawn_where_nothing_came_or_the_answer_is_right(kind: str) -> None:
    spec, verdict = _verdict(kind)
    verdict.answer = None
    assert draw(spec, verdict) is None
    params, _, comparator, expected, _ = KINDS[kind]
    if kind != "catalogue":
        right = judge_case(spec.cases[0], Report.read({"ok": True, "value": wire.encode(expected)}), params)
        assert right.finding.ok and draw(spec, right) is None


def test_a_position_outside_the_cut_out_is_told_by_an_arrow_and_in_words() -> None:
    inside, outside = draw(*_verdict("position")), draw(*_verdict("position", (20.3, 8.7)))
    assert inside is not None and outside is not None
    assert "outside" not in inside[1] and "(20.3, 8.7), is outside the picture" in outside[1]
    assert _has_colour(_pixels(outside[0]), pictures.GOT_COLOUR)


def test_the_cut_out_is_drawn_in_whole_image_coordinates() -> None:
    _, alt = draw(*_verdict("position")) or (b"", "")
    assert "x from 139.5 to 171.5 and y from 232.5 to 253.5" in alt


def test_a_small_difference_of_positions_gets_a_close_up() -> None:
    near, far = draw(*_verdict("position", (160.35, 241.72))), draw(*_verdict("position", (150.0, 250.0)))
    assert near is not None and far is not None
    assert "0.0539 pixels away" in near[1]
    # Two panels are less high than one that fills the width.
    assert _pixels(near[0]).shape[0] != _pixels(far[0]).shape[0]


def test_images_of_different_shapes_are_shown_beside_each_other_with_their_shapes() -> None:
    _, alt = draw(*_verdict("image", _image().T)) or (b"", "")
    assert "21 rows and 32 columns" in alt and "32 rows and 21 columns" in alt


def test_the_difference_of_images_is_told_with_its_size() -> None:
    answer = _image()
    answer[5, 7] += 12.5
    _, alt = draw(*_verdict("image", answer)) or (b"", "")
    assert "largest difference is 12.5" in alt


def test_peaks_are_counted_as_right_missed_and_invented() -> None:
    _, alt = draw(*_verdict("peaks")) or (b"", "")
    assert "1 right peaks" in alt and "1 missed" in alt and "2 positions that are no peaks" in alt and "1 of them outside" in alt


def test_a_catalogue_is_drawn_as_a_map_while_stars_are_missed() -> None:
    _, alt = draw(*_verdict("catalogue")) or (b"", "")
    assert "3 right stars" in alt and "2 missed ones" in alt


def test_a_complete_catalogue_with_wrong_fluxes_is_drawn_column_by_column() -> None:
    table = _table(5, 0.1)
    table["flux"] *= 3.0
    _, alt = draw(*_verdict("catalogue", table)) or (b"", "")
    assert "flux: the median of yours is 900, of the right ones 300" in alt and "off by 0.1 pixel" in alt


def test_a_single_answer_is_marked_on_the_curve_that_was_given() -> None:
    case = CaseSpec("a case", "", [wire.encode(RADII), wire.encode(RADII**2)], [5.5, 4.0], OneOf(Number(atol=0.1)))
    spec = ExerciseSpec("half_light_radius", "ps0", "", ("radii", "fluxes"), [case], picture="curve")
    verdict = judge_case(case, Report.read({"ok": True, "value": 9.0}), spec.params)
    _, alt = draw(spec, verdict) or (b"", "")
    assert "right answer, 5.5" in alt and "yours, 9" in alt


def test_shifts_are_drawn_with_dx_to_the_right() -> None:
    want = np.array([[0.0, 0.0], [-0.3, 11.8], [-3.3, 24.4]])
    case = CaseSpec("a case", "", [wire.encode(np.zeros((3, 9, 9)))], want, Shifts())
    spec = ExerciseSpec("shifts", "ps0", "", ("cube",), [case])
    verdict = judge_case(case, Report.read({"ok": True, "value": wire.encode(want[:, ::-1])}), spec.params)
    _, alt = draw(spec, verdict) or (b"", "")
    assert "(dy, dx) of 3 frames" in alt


def test_an_answer_that_is_a_figure_has_no_picture() -> None:
    figure = wire.FigureData([])
    case = CaseSpec("a case", "", [], figure, FigureShows())
    for kind in ("figure", ""):
        spec = ExerciseSpec("plot", "ps0", "", (), [case], picture=kind, figure=True)
        assert draw(spec, CaseVerdict(case, _verdict("scalar")[1].finding, figure)) is None


def test_drawing_leaves_the_students_figures_and_settings_alone() -> None:
    with mpl.rc_context({"figure.facecolor": "black", "font.size": 30.0, "image.origin": "upper"}):
        mine = plt.figure()
        try:
            before = dict(mpl.rcParams)
            png, _ = draw(*_verdict("position")) or (b"", "")
            assert plt.get_fignums() == [mine.number] and plt.gcf() is mine
            assert dict(mpl.rcParams) == before
            assert (_pixels(png)[0, 0] == 255).all()
        finally:
            plt.close(mine)


def test_the_same_answer_gives_the_same_picture() -> None:
    assert draw(*_verdict("peaks")) == draw(*_verdict("peaks"))


def test_row_zero_lies_at_the_bottom() -> None:
    image = np.zeros(SHAPE)
    image[:6] = 100.0
    params, _, comparator, expected, _ = KINDS["position"]
    case = CaseSpec("a case", "", [wire.encode(image), 0, 0], (16.0, 18.0), comparator)
    spec = ExerciseSpec("measure", "ps0", "", params, [case], picture="position")
    png, _ = draw(spec, judge_case(case, Report.read({"ok": True, "value": wire.encode((9.0, 12.0))}), params)) or (b"", "")
    yellow = np.abs(_pixels(png) - np.array([254, 232, 56])).max(axis=-1) < 25
    rows = np.flatnonzero(yellow[:, 200:400].sum(axis=1) > 100)
    assert len(rows) and rows.mean() > yellow.shape[0] / 2


# ------------------------------------------------------------------------------------------------ gaps, and nothing to see
def test_pixels_without_a_value_have_a_legend_and_words():
    hole = _image()
    hole[3:6, 4:9] = np.nan
    spec, verdict = _verdict("image", np.where(np.isnan(hole), np.nan, 2 * hole))
    with_gaps = draw(spec, verdict)
    assert with_gaps is not None and with_gaps[1].count("Grey pixels have no value (NaN).") == 1
    spec, verdict = _verdict("image")
    whole = draw(spec, verdict)
    assert whole is not None and "Grey" not in whole[1]


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("peaks", "catalogue", "table")])
def test_where_the_numbers_are_right_there_is_nothing_to_see(kind):
    params, _, _, expected, _ = KINDS[kind]
    spec, verdict = _verdict(kind, expected)
    verdict.finding = Finding(0.5, "the answer is right, but the function changes its input", "input-modified")
    assert draw(spec, verdict) is None
    verdict.finding = Finding(0.0, "the answer depends on a variable", "leftover")
    assert draw(spec, verdict) is None, "the first answer is the right one"
