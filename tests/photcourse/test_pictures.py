"""Pictures of wrong answers: drawn for every kind, never an error, never a hidden case."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy.table import QTable
from PIL import Image

from photcheck import pictures, wire
from photcheck.comparators import ArrayClose, FigureShows, Finding, Number, Numbers, OneOf, TableClose
from photcheck.pictures import draw
from photcheck.report import Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.svg import MAX_SIDE, _smaller, ticks
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


def _elements(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter())


def _images(svg: str) -> list[np.ndarray]:
    """The pictures in a picture, as pixels."""
    files = [
        e.get("href", "").removeprefix("data:image/png;base64,") for e in _elements(svg) if e.tag.endswith("}image")
    ]
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(f, validate=True))).convert("RGB")).astype(int) for f in files
    ]


def _hovers(svg: str) -> list[str]:
    return [e.text or "" for e in _elements(svg) if e.tag.endswith("}title")][1:]


#: All that a picture is made of: nothing that runs, fetches or styles the page.
PARTS = {"svg", "title", "desc", "g", "path", "circle", "text", "image"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_a_harmless_picture_with_title_description_and_words_for_the_pointer(kind: str) -> None:
    svg, alt = draw(*_verdict(kind)) or ("", "")
    elements = _elements(svg)
    root = elements[0]
    assert {e.tag.partition("}")[2] for e in elements} <= PARTS
    assert root.get("viewBox", "").startswith("0 0 640 ") and root.get("role") == "img"
    named = {e.get("id"): e.text for e in elements if e.get("id")}
    assert (
        named[root.get("aria-describedby")] == alt and named[root.get("aria-labelledby")] == "measure: right and yours"
    )
    assert all(e.get("href", "data:image/png;base64,").startswith("data:image/png;base64,") for e in elements)
    assert root.get("fill") == "currentColor" and "background" not in svg and "<style" not in svg
    # The student's colour is seen or, for two images, both are, and what is marked can be read.
    assert pictures.GOT_COLOUR in svg or len(_images(svg)) == 6
    assert kind == "image" or any(any(c.isdigit() for c in words) for words in _hovers(svg))
    assert len(svg) < 60_000 and len(_images(svg)) == {"position": 2, "image": 6, "peaks": 2, "catalogue": 2}.get(
        kind, 0
    )


def test_what_the_words_say_cannot_leave_them():
    spec, verdict = _verdict("scalar")
    verdict.case = replace(verdict.case, name="</desc><script>alert(1)</script> $x$ \"'")
    svg, _ = draw(spec, verdict) or ("", "")
    assert (
        "<script" not in svg
        and "$" not in svg
        and "</desc><" not in svg.replace("</desc><svg", "").replace("</desc><path", "")
    )


def test_a_large_image_is_shown_by_the_means_of_its_blocks_and_keeps_its_gaps():
    image = np.zeros((700, 1003))
    image[:, 501:] = 10.0
    image[:9, :9] = np.nan
    shown = _smaller(image)
    assert max(shown.shape) <= MAX_SIDE and np.isnan(shown[0, 0]) and shown[5, 20] == 0 and shown[5, -1] == 10
    assert np.isfinite(shown[-1, -1])


@pytest.mark.parametrize(
    "low, high",
    [
        (0, 1),
        (-0.5, 21.5),
        (139.5, 171.5),
        (1e-9, 3e-9),
        (-4e6, 9e6),
        (241.6, 241.8),
        (99999.2, 99999.4),
        (1e300, 2e300),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_ticks_are_few_round_and_tell_one_from_the_next(low, high, whole):
    found = ticks(low, high, 5, whole)
    assert len(found) <= 6 and all(
        low - max(1e-9 * abs(low), 2e-9 * whole) <= v <= high + 1e-9 * abs(high) for v, _ in found
    )
    assert len({t for _, t in found}) == len(found)
    assert whole or len(found) >= 2


@pytest.mark.parametrize("low, high", [(1, 1), (2, 1), (np.nan, 1), (0, np.inf)])
def test_limits_that_hold_nothing_have_no_ticks(low, high):
    assert ticks(low, high) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_text_that_says_what_is_on_it(kind: str) -> None:
    _, alt = draw(*_verdict(kind)) or (b"", "")
    assert len(alt) > 60 and alt.endswith("Case: a case.")
    assert "  " not in alt and "\n" not in alt


@pytest.mark.parametrize("kind", KINDS)
def test_a_hidden_case_is_never_drawn(kind: str) -> None:
    assert draw(*_verdict(kind, hidden=True)) is None


ODD = [
    None,
    "text",
    True,
    float("nan"),
    float("inf"),
    3,
    -2.5,
    [],
    (),
    [None],
    (None, None),
    ([], []),
    (np.nan, np.nan),
    (1, 2, 3),
    {"x": 1},
    {},
    np.array([]),
    np.zeros((0, 4)),
    np.zeros((2, 2, 2)),
    np.full(SHAPE, np.nan),
    np.zeros(SHAPE[::-1]),
    np.zeros(SHAPE, bool),
    np.array(["a", "b"]),
    1 + 2j,
    [[1, 2], [3]],
    QTable(),
    QTable({"x": ["a"], "y": ["b"], "flux": ["c"]}),
    QTable({"x": [np.nan], "y": [1.0], "flux": [np.inf]}),
    _table(0),
    wire.Opaque("Thing"),
    wire.FigureData(),
    b"bytes",
    10**400,
    np.float32(1e38),
    ([1, 2], [1]),
    ([np.inf, 2], [1, np.nan]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ODD, ids=lambda a: f"{type(a).__name__}-{str(a)[:12]}")
def test_no_answer_however_odd_makes_drawing_fail(kind: str, answer: object) -> None:
    spec, verdict = _verdict(kind, 0.0)
    verdict.answer = answer
    drawn = draw(spec, verdict)
    assert drawn is None or (
        drawn[1]
        and not any(
            v in ("nan", "inf") or "nan" in v and k != "href" for e in _elements(drawn[0]) for k, v in e.items()
        )
    )


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
    assert f'fill="{pictures.GOT_COLOUR}"' in outside[0] and f'fill="{pictures.GOT_COLOUR}"' not in inside[0]


def test_the_cut_out_is_drawn_in_whole_image_coordinates() -> None:
    _, alt = draw(*_verdict("position")) or (b"", "")
    assert "x from 139.5 to 171.5 and y from 232.5 to 253.5" in alt


def test_a_small_difference_of_positions_gets_a_close_up() -> None:
    near, far = draw(*_verdict("position", (160.35, 241.72))), draw(*_verdict("position", (150.0, 250.0)))
    assert near is not None and far is not None
    assert "0.0539 pixels away" in near[1]
    assert "Close-up" in near[0] and "Close-up" not in far[0]


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
    assert (
        "1 right peaks" in alt
        and "1 missed" in alt
        and "2 positions that are no peaks" in alt
        and "1 of them outside" in alt
    )


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


def test_drawing_needs_no_plotting_library() -> None:
    """The first picture in a student's kernel took half a second and more of imports."""
    code = (
        "import sys, numpy as np\nfrom photcheck import wire\nfrom photcheck.comparators import Number\nfrom photcheck.pictures import draw\n"
        "from photcheck.report import Report\nfrom photcheck.spec import CaseSpec, ExerciseSpec\nfrom photcheck.verdict import judge_case\n"
        "case = CaseSpec('a case', '', [wire.encode(np.ones((4, 5)))], 5000.0, Number(rtol=1e-3))\n"
        "spec = ExerciseSpec('measure', 'ps0', '', ('image',), [case], picture='scalar')\n"
        "assert draw(spec, judge_case(case, Report.read({'ok': True, 'value': 99.5}), ('image',)))[0].startswith('<svg')\n"
        "print([m for m in ('matplotlib', 'PIL', 'photcourse') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_same_answer_gives_the_same_picture() -> None:
    assert draw(*_verdict("peaks")) == draw(*_verdict("peaks"))


def test_row_zero_lies_at_the_bottom() -> None:
    image = np.zeros(SHAPE)
    image[:6] = 100.0
    params, _, comparator, expected, _ = KINDS["position"]
    case = CaseSpec("a case", "", [wire.encode(image), 0, 0], (16.0, 18.0), comparator)
    spec = ExerciseSpec("measure", "ps0", "", params, [case], picture="position")
    svg, _ = draw(spec, judge_case(case, Report.read({"ok": True, "value": wire.encode((9.0, 12.0))}), params)) or (
        "",
        "",
    )
    shown = _images(svg)[0]
    # Yellow below, where the first rows are bright.
    assert shown.shape[:2] == SHAPE and shown[-1, 0].tolist() == [254, 232, 56] and shown[0, 0].tolist() == [0, 34, 78]


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
