"""Each lecture is run once on embedded and once on real data; every test here reads these two runs.

Claims are true, guesses are compared, a restart makes what cells read, and the experiments of lectures 1a to 2b give what
theory says. (`test_every_notebook` runs the lectures in fresh kernels.) The cells run in this process, warnings are errors.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import nbformat
import numpy as np
import pytest

from photcourse.begin import needed_before, sections_of
from photcourse.data import files
from support import ROOT, claims_tool

pytestmark = pytest.mark.heavy

LECTURES = sorted((ROOT / "course" / "lectures").glob("*.ipynb"))
#: Those that load data of which there are real files: the others' runs are the same on every machine.
LOADING = [p for p in LECTURES if re.search(r"\bdata\.(load|path)\(", p.read_text(encoding="utf-8"))]
REAL = pytest.mark.skipif("PHOTCOURSE_DATA" not in os.environ, reason="PHOTCOURSE_DATA is not set: no real images here")

Names = dict[str, Any]
tool = claims_tool()


class Recorder(dict):
    """Variables of a notebook that remember which of them a cell reads before it makes them itself."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()
        self.made: set[str] = set()
        self.seen: dict[int, tuple[set[str], set[str]]] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            self.read.add(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.made.add(name)
        super().__setitem__(name, value)

    @contextlib.contextmanager
    def watch(self, place: int) -> Iterator[None]:
        """Note what one cell reads and makes."""
        self.read, self.made = set(), set()
        yield
        self.seen[place] = (self.read & set(self) - {"__name__", "__builtins__"}, self.made)


class Run:
    """What a lecture left: what was wrong, its variables with what it printed as `printed`, what each cell read, whether it looked for real files."""

    def __init__(self, path: pathlib.Path, data: str) -> None:
        notebook, self.typed = nbformat.read(path, as_version=4), 0
        if data == "embedded":
            # Guesses are typed: nothing that is claimed may depend on them.
            for cell in notebook.cells:
                if cell.cell_type == "code" and "ask.guess(" in cell.source:
                    cell.source, count = re.subn(r"\bNone\b", "2.5", cell.source)
                    self.typed += count
        recorder, shared, self.looked = Recorder(), files.shared_folder, False

        def looks() -> pathlib.Path | None:
            self.looked = True
            return shared()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "shared_folder", looks)
            self.wrong, self.names = tool.contradictions(notebook, data, recorder, recorder.watch)
        self.seen = recorder.seen


@functools.cache
def run(stem: str, data: str = "embedded") -> Run:
    """The only run of a lecture on this kind of data."""
    (path,) = [p for p in LECTURES if p.stem.startswith(stem)]
    return Run(path, data)


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_lectures_claims_hold_on_embedded_data(path: pathlib.Path) -> None:
    assert run(path.stem).wrong == []


@REAL
@pytest.mark.real
@pytest.mark.parametrize("path", LOADING, ids=lambda p: p.stem)
def test_a_lectures_claims_hold_on_real_data(path: pathlib.Path) -> None:
    assert run(path.stem, "real").wrong == []


@pytest.mark.parametrize("path", [p for p in LECTURES if p not in LOADING], ids=lambda p: p.stem)
def test_a_lecture_that_is_not_run_on_real_data_looks_for_none(path: pathlib.Path) -> None:
    assert not run(path.stem).looked
    cells = nbformat.read(path, as_version=4).cells
    assert "real" not in {tool.read_claim(text).data for cell in cells for text in cell.metadata.get("claims", [])}


def test_a_look_for_real_data_is_seen() -> None:
    assert LOADING and run(LOADING[-1].stem).looked


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_typed_guesses_are_compared_with_the_answers(path: pathlib.Path) -> None:
    ran = run(path.stem)
    assert ran.typed >= 1 and ran.names["printed"].count("You guessed 2.5") >= ran.typed / 2


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_restart_makes_what_the_cells_of_every_section_really_read(path: pathlib.Path) -> None:
    seen, sections = run(path.stem).seen, sections_of(path)
    assert sum(len(read) for read, _ in seen.values()) > 50
    for section in sections[1:]:
        there: set[str] = set()
        for place, _ in [*needed_before(sections, section.number), *section.cells]:
            read, made = seen[place]
            assert not read - there, f"{section.number}: cell {place} reads {read - there}"
            there |= made


@pytest.mark.heavy
def test_a_changed_number_in_a_lectures_text_fails() -> None:
    notebook = nbformat.read(LECTURES[0], as_version=4)
    changed = 0
    for cell in notebook.cells:
        for k, text_of_claim in enumerate(cell.metadata.get("claims", [])):
            claim = tool.read_claim(text_of_claim)
            written = tool.MARK.search(claim.words)
            if (
                claim.data == "real"
                or not re.fullmatch(r"[-\d.,]+", written[1])
                or claim.pattern.search(cell.source) is None
            ):
                continue
            number, unit = tool.value_of(written[1])
            wrong = f"{number + 2 * unit + 2 * (claim.tolerance or 0):.{len(written[1].partition('.')[2])}f}"
            lying = tool.MARK.sub(
                lambda m, old=written[0], new="{" + wrong + "}": new if m[0] == old else m[0], claim.words
            )
            cell.source = claim.pattern.sub(tool.MARK.sub(r"\1", lying).replace("\\", r"\\"), cell.source)
            cell.metadata["claims"][k] = text_of_claim.replace(claim.words, lying)
            changed += 1
    wrong, _ = tool.contradictions(notebook, "embedded")
    assert changed > 15 and len([w for w in wrong if "the lecture computes" in w]) >= changed


# ------------------------------------------------------------------------------------------------ what the experiments give
@pytest.fixture(scope="module")
def looking() -> Names:
    """The names of lecture 1a, and those of 1b over them."""
    return {**run("01a").names, **run("01b").names}


@pytest.fixture(scope="module")
def detecting() -> Names:
    """The names of lecture 2a, and those of 2b over them."""
    first, second = run("02a").names, run("02b").names
    return {**first, **second, "printed": first["printed"] + second["printed"]}


# ------------------------------------------------------------------------------------------------ lecture 1
def test_the_variance_plane_describes_the_sky_of_the_embedded_exposure(looking: Names) -> None:
    assert np.std(looking["pulls"]) == pytest.approx(1, abs=0.02)


def test_the_star_of_lecture_1_is_round_unflagged_and_measured_within_its_error_budget(looking: Names) -> None:
    star, exposure = looking["star"], looking["exposure"]
    assert star["kind"] == "star" and star["isolated"]
    rows, columns = looking["Y"][:, 0], looking["X"][0]
    assert not exposure.flagged("SAT", "BAD", "CR", "EDGE")[np.ix_(rows, columns)].any()
    assert looking["sigma_psf"] == pytest.approx(exposure.psf_sigma, rel=0.01)
    # 3 random errors, and half a per cent for the width that was fitted to the same star.
    assert abs(looking["flux"] - star["flux"].value) < 3 * np.hypot(looking["flux_error"], 0.005 * looking["flux"])
    assert min(looking["chi2"]) == pytest.approx(looking["cutout"].size, rel=0.2)


def test_psf_fluxes_and_likelihood_positions_lie_on_the_cramer_rao_bound(looking: Names) -> None:
    ratios, results = looking["ratios"], looking["results"]
    # 2000 stars give a scatter to 1.6 %, the percentile width is noisier by 1.4, and there are seven points.
    assert np.array(results["PSF flux"]) * ratios == pytest.approx(1, abs=0.08)
    position = np.array(results["maximum likelihood"]) * ratios / (np.sqrt(2) * looking["SIGMA"])
    assert position == pytest.approx(1, abs=0.08)


def test_apertures_and_centroids_are_as_much_worse_as_the_text_says(looking: Names) -> None:
    ratios, results = looking["ratios"], looking["results"]
    # Noise of pi (3 sigma)^2 pixels over that of 4 pi sigma^2, over the fraction of light inside.
    expected = np.sqrt(9 / 4) / (1 - np.exp(-4.5))
    assert np.array(results["aperture flux, r = 3σ"]) * ratios == pytest.approx(expected, rel=0.07)
    centroid = np.array(results["centroid of the stamp"]) * ratios / (np.sqrt(2) * looking["SIGMA"])
    assert np.all((centroid > 5) & (centroid < 8))


def test_the_scatter_of_the_centroid_follows_its_formula_once_the_star_is_inside(looking: Names) -> None:
    widths, wide = looking["widths"], looking["widths"] >= 11
    expected = looking["SKY_NOISE"] / looking["flux_40"] * widths * np.sqrt((widths**2 - 1) / 12)
    assert np.array(looking["scatter"])[wide] == pytest.approx(expected[wide], rel=0.1)


def test_the_closed_formulas_of_lecture_1_agree_with_sums_over_pixels() -> None:
    y, x = np.mgrid[-40:41, -40:41]
    sigma = 2.0

    def p(width: float) -> np.ndarray:
        return np.exp(-(x**2 + y**2) / (2 * width**2)) / (2 * np.pi * width**2)

    psf = p(sigma)
    assert 1 / (psf**2).sum() == pytest.approx(4 * np.pi * sigma**2, rel=1e-6)
    assert (psf**2 * x**2).sum() / sigma**4 == pytest.approx(1 / (8 * np.pi * sigma**4), rel=1e-6)
    assert (psf**3).sum() / (psf**2).sum() ** 2 == pytest.approx(4 / 3, rel=1e-6)
    assert (psf * p(2 * sigma)).sum() / (psf**2).sum() == pytest.approx(0.4, rel=1e-6)
    u = np.linspace(0.1, 5, 100_000)
    efficiency = (1 - np.exp(-u)) * np.sqrt(2 / u)
    assert efficiency.max() == pytest.approx(0.90, abs=0.005)
    assert np.sqrt(2 * u[efficiency.argmax()]) == pytest.approx(1.59, abs=0.01)


# ------------------------------------------------------------------------------------------------ lecture 2
def test_the_matched_filter_is_the_best_and_the_curve_is_as_derived(detecting: Names) -> None:
    factors, measured = detecting["factors"], np.array(detecting["measured"])
    assert factors[measured.argmax()] == 1
    expected = 2 * factors / (1 + factors**2)
    assert measured[1:] == pytest.approx(expected[1:], rel=0.03)


def test_the_noise_of_the_convolved_image_is_as_predicted(detecting: Names) -> None:
    smooth = detecting["detection"][detecting["blank"]]
    assert np.diff(np.percentile(smooth, [15.865, 84.135]))[0] / 2 == pytest.approx(detecting["CONV_NOISE"], rel=0.04)


def test_false_peaks_are_as_many_as_the_theory_of_random_fields_says(detecting: Names) -> None:
    few, many = detecting["levels"] >= 3.0, detecting["levels"] <= 3.5
    ratio = (detecting["simulated"] / detecting["theory"])[few & many]
    # Summits fall between pixels, so a few per cent to a fifth are lost.
    assert np.all((ratio > 0.75) & (ratio < 1.1))


def test_the_pipeline_of_lecture_2_finds_and_measures_the_isolated_stars(detecting: Names) -> None:
    truth = detecting["truth"]
    bright = truth["flux"].value > 8 * detecting["FLUX_ERROR"]
    isolated = truth[truth["isolated"] & (truth["kind"] == "star") & bright]
    inside = (np.minimum(isolated["x"], isolated["y"]) > 16) & (isolated["x"] < 543) & (isolated["y"] < 463)
    isolated = isolated[inside]
    table = detecting["catalogue"]
    found = detecting["counterpart"](isolated["x"], isolated["y"], table["x"], table["y"], 1.5)
    assert len(isolated) > 25 and np.all(found >= 0)
    assert np.std(np.clip(detecting["pull"], -5, 5)) == pytest.approx(1, abs=0.35)
    assert abs(np.median(detecting["pull"])) < 0.5


def test_sizes_of_stars_follow_the_predicted_rise_towards_faint_fluxes(detecting: Names) -> None:
    table, kind = detecting["catalogue"], detecting["kind"]
    stars = table[(kind == "star") & np.asarray(detecting["good"]) & (table["x"] < 540)]
    snr = stars["snr"].to_numpy()
    expected = np.sqrt(2 * (snr**2 * detecting["SIGMA"] ** 2 / 2 + 17**2 * 24) / (snr**2 + 17**2))
    assert np.median(np.abs(stars["size"] / expected - 1)) < 0.05


def test_the_close_pair_is_one_row_and_the_saturated_star_carries_its_flag(detecting: Names) -> None:
    truth, everything = detecting["truth"], detecting["everything"]
    pair = truth[truth["pair"]]
    near = np.hypot(everything["x"] - pair["x"].mean(), everything["y"] - pair["y"].mean()) < 8
    assert len(pair) == 2 and near.sum() == 1
    full = truth[truth["saturated"]][0]
    row = everything[np.hypot(everything["x"] - full["x"], everything["y"] - full["y"]) < 3].iloc[0]
    assert int(row["flags"]) >> detecting["exposure"].mask_planes["SAT"] & 1
    assert row["flux"] == pytest.approx(full["flux"].value / 5, rel=0.2)


def test_completeness_is_one_half_at_the_threshold_and_found_faint_stars_are_too_bright(detecting: Names) -> None:
    at = dict(zip(detecting["injected_snr"], detecting["recovered"][:, 0], strict=True))
    assert at[5.0] == pytest.approx(0.5, abs=0.12)
    assert at[2.0] < 0.06 and at[10.0] > 0.9
    boost = dict(zip(detecting["injected_snr"], detecting["boost"], strict=True))
    assert boost[4.0] > 1.2 > boost[6.0]


def test_the_pipeline_finds_its_own_width_from_a_filter_twice_too_wide(detecting: Names) -> None:
    history = detecting["history"]
    assert history[0] == 2 * detecting["SIGMA"]
    assert history[1:] == pytest.approx([detecting["SIGMA"]] * 4, rel=0.01)


def test_without_real_images_the_text_says_what_stands_in(detecting: Names) -> None:
    assert "None of the real images is here" in detecting["printed"]
    assert detecting["reference_name"] == "the truth"
    assert np.median(detecting["psf_ratio"][detecting["is_compact"]]) == pytest.approx(1, abs=0.03)


@REAL
@pytest.mark.real
def test_on_real_images_the_pipeline_agrees_with_sextractor_and_photutils() -> None:
    names = run("02b", "real").names
    assert names["reference_name"] == "SExtractor"
    assert len(names["fields"]) == 3
    assert names["found"].mean() > 0.97
    assert np.median(names["apart"]) < 0.25
    assert np.median(names["aperture_ratio"][names["clean"]]) == pytest.approx(1, abs=0.04)
