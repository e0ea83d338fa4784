"""The benchmark of the photometry, small: the same stars and the bound, not the time."""

from __future__ import annotations

import ast
import json

import nbformat
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import photometry as bench
from photgrader.coursedir import CourseError
from support import ROOT

pytest.importorskip("sep")


@pytest.fixture(scope="module")
def found():
    return bench.photometry_bench((512, 500), 150, repeat=1, seed=4)


def test_all_ways_find_the_same_stars(found):
    same = found["same_stars"]
    assert same["sure_stars"] > 90
    for name in ("photcourse", "photutils", "sep"):
        others = [v for n, v in same[name]["also_found_by"].items() if n != bench.DEFAULTS]
        assert len(others) == 2 and min(same[name]["completeness"], same[name]["purity"], *others) >= 0.98, name
    assert found["checks"]["the loops find no summit that we do not"]
    assert 0 < found["loops"]["share_of_pixels"] <= 1 and found["loops"]["stars_run"] == bench.LOOP_STARS


def test_every_way_is_timed_and_its_stages_add_up(found):
    assert set(found["seconds"]) == {"photcourse", "photutils", "sep", bench.DEFAULTS}
    for stages in found["seconds"].values():
        assert stages["all"] == pytest.approx(sum(v for k, v in stages.items() if k not in ("all", "all but the sky")))
        assert 0 < stages["all but the sky"] < stages["all"]
    assert json.loads(json.dumps(found)) == found


def test_scatter_lies_on_the_bound_and_apertures_above_it(found):
    rows = found["accuracy"]
    assert len(rows) == 2
    stars = sum(r["stars"] for r in rows)
    for name in ("known positions", "photcourse", "pull", "position"):
        mean = np.sqrt(
            sum(r["stars"] * r["scatter_over_bound"][name] ** 2 for r in rows if r["scatter_over_bound"][name]) / stars
        )
        assert mean == pytest.approx(1, abs=4 / np.sqrt(2 * stars) + 0.03), name
    # For a star that outshines the sky the wings' weight in an aperture is too small, and too much light is outside.
    bright = rows[0]["scatter_over_bound"]
    assert bright["photutils"] > 1.2 and bright["sep"] > 1.2
    for row in rows:
        assert row["bound_unknown_over_known"] == pytest.approx(1, abs=2e-3)


def test_the_bound_is_that_of_the_closed_formulas():
    flux = np.array([0.5, 1e5]) * bench.FAINT_ERROR
    limits = bench.bounds(np.array([10.3, 7.0]), np.array([4.9, 8.45]), flux)
    assert limits["known"][0] == pytest.approx(bench.FAINT_ERROR, rel=0.01)
    assert limits["x"][0] == pytest.approx(np.sqrt(2) * bench.SIGMA / 0.5, rel=0.01)
    # Counting: a star that outshines everything is known to the square root of its electrons.
    assert limits["known"][1] == pytest.approx(np.sqrt(flux[1] / bench.GAIN), rel=0.02)
    assert limits["x"][1] == pytest.approx(bench.SIGMA / np.sqrt(flux[1] * bench.GAIN), rel=0.05)


def test_a_star_without_a_counterpart_is_told():
    x, y = np.array([10.0, 50.0, 50.5]), np.array([10.0, 20.0, 20.0])
    there = bench.counterparts(x, y, np.array([50.1, 90.0]), np.array([20.0, 90.0]))
    # Two rows near one star: the nearer one is its counterpart.
    assert there.tolist() == [-1, 0, -1]
    assert bench.counterparts(x, y, np.empty(0), np.empty(0)).tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("lecture", "name"),
    [
        ("01a_looking_at_an_image", "centre_of_light_by_loop"),
        ("02a_finding_stars", "convolve_by_loop"),
        ("02a_finding_stars", "summits_by_loop"),
    ],
)
def test_the_loops_are_those_of_the_lectures(lecture, name):
    def body(source: str) -> str:
        functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == name]
        assert len(functions) == 1
        return "\n".join(ast.unparse(line) for line in functions[0].body)

    cells = nbformat.read(ROOT / "course" / "lectures" / f"{lecture}.ipynb", as_version=4).cells
    taught = next(c.source for c in cells if f"def {name}(" in c.source)
    with open(bench.__file__, encoding="utf-8") as file:
        assert body(file.read()) == body(taught)


def test_without_sep_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="tools/setup.sh bench"):
        bench.photometry_bench((512, 500), 150)


def test_stars_that_do_not_fit_are_said():
    with pytest.raises(CourseError, match="do not fit"):
        bench.photometry_bench((48, 50), 40)


def test_the_command_refuses_a_size_in_words():
    from photgrader.cli import main_group

    done = CliRunner().invoke(main_group, ["photometry-bench", "--size", "12x9000"])
    assert done.exit_code == 2 and "rows and columns" in done.output


def test_the_command_prints_tables_ratios_and_checks(found, monkeypatch, tmp_path):
    from photgrader.cli import main_group

    monkeypatch.setattr(bench, "photometry_bench", lambda *a, **k: found)
    done = CliRunner().invoke(main_group, ["photometry-bench", "--size", "512x500", "--json", str(tmp_path / "p.json")])
    for words in ("completeness", "times as fast as loops", "scaled", "the same stars"):
        assert words in done.output, done.output
    assert done.exit_code == (0 if all(found["checks"].values()) else 1)
    assert json.loads((tmp_path / "p.json").read_text()) == found


def test_how_far_from_reading_the_pixels_once_is_said(found):
    limit = found["reading"]
    assert 0 < limit["seconds"] < found["seconds"]["photcourse"]["all"]
    assert limit["times_the_limit"] == pytest.approx(found["seconds"]["photcourse"]["all"] / limit["seconds"])
