"""Catalogues judged against truth, and tables of awkward kinds on the way to the judge."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from astropy.table import QTable

from photcheck import wire
from photcheck.call import call
from photcourse.comparators import Catalogue, PointSet

JUDGE = Catalogue(x="cx", y="cy", radius=1.5, position=0.2, columns=("flux",), bias=(1.5,), outlier=(4.0,))


def truth(n: int = 12) -> dict:
    rng = np.random.default_rng(3)
    flux = rng.uniform(1e3, 1e5, n)
    return {
        "x": 30.0 * np.arange(n) + 20.3,
        "y": rng.uniform(20, 90, n),
        "flux": flux,
        "sigma_flux": 0.01 * flux,
        "may_x": np.array([500.0]),
        "may_y": np.array([50.0]),
    }


def right(want: dict, **changes: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"cx": want["x"], "cy": want["y"], "flux": want["flux"], **changes})


def judge(table: object, want: dict) -> object:
    return JUDGE.compare(wire.decode(wire.encode(table)), want)


def test_the_truth_itself_is_right_in_any_order_with_further_columns():
    want = truth()
    assert judge(right(want).sample(frac=1, random_state=1).assign(id=7), want).ok


def test_what_is_expected_is_said_in_the_contract_s_terms():
    assert JUDGE.describe(truth()) == "a table with columns cx, cy, flux and a row for each of 12 stars"
    assert JUDGE.describe({"x": []}) == "an empty table with columns cx, cy, flux"
    assert JUDGE.describe(right(truth())).startswith("an object of type DataFrame")
    peaks = PointSet()
    assert peaks.describe({"x": [3], "y": [4]}) == "the positions of 1 peak"


def test_a_row_on_a_source_that_may_be_there_costs_nothing():
    want = truth()
    more = pd.concat([right(want), pd.DataFrame({"cx": [500.4], "cy": [50.1], "flux": [1.0]})])
    assert judge(more, want).ok


def test_an_empty_table_is_right_where_there_is_nothing_and_wrong_where_there_is_something():
    nothing = {k: np.empty(0) for k in truth()}
    empty = pd.DataFrame(columns=["cx", "cy", "flux"])
    assert judge(empty, nothing).ok
    assert judge(QTable(names=["cx", "cy", "flux"]), nothing).ok
    found = judge(empty, truth())
    assert found.score == 0 and "0 of 12 stars" in found.symptom


def test_rows_where_there_is_nothing_are_impure():
    nothing = {k: np.empty(0) for k in truth()}
    assert not judge(right(truth()), nothing).ok


def test_missing_columns_and_columns_of_text_are_told():
    want = truth()
    finding = judge(right(want).drop(columns="flux"), want)
    assert finding.kind == "columns" and "flux" in finding.symptom and finding.score == pytest.approx(0.75), (
        "it costs that column"
    )
    assert judge(right(want).drop(columns="cx"), want).score == 0, "without positions there is no catalogue"
    text = judge(right(want, flux=["bright"] * 12), want)
    assert "does not hold numbers" in text.symptom and text.score == pytest.approx(0.75)
    assert judge([1, 2, 3], want).kind == "type"
    assert judge(None, want).kind == "none"


def test_rows_without_a_position_are_impure_and_do_not_stop_the_judge():
    want = truth()
    table = right(want)
    table.loc[[0, 1, 2], ["cx", "cy"]] = np.nan
    finding = judge(table, want)
    assert not finding.ok and 0 < finding.score < 1


def test_what_is_found_and_what_is_invented_multiply_and_values_count_by_star():
    want = truth()
    grid = np.mgrid[0:200:3, 0:200:3].reshape(2, -1).astype(float)
    everywhere = QTable({"cx": grid[1], "cy": grid[0], "flux": np.ones(grid.shape[1])})
    assert judge(everywhere, want).score < 0.05, "a grid of positions finds everything and knows nothing"
    half = judge(right(want, flux=np.where(np.arange(12) % 2, want["flux"], 3 * want["flux"])), want)
    assert 0.75 < half.score < 1
    needs = dataclasses.replace(JUDGE, needed=("flux",))
    assert needs.compare(QTable.from_pandas(right(want, flux=-np.ones(12))), want).score == 0


def test_a_wrong_flux_loses_its_part_and_names_the_factor():
    want = truth()
    finding = judge(right(want, flux=want["flux"] * np.sqrt(2)), want)
    assert finding.score == pytest.approx(0.75)
    assert "41 sigma too high" in finding.symptom and "1.414 times the truth" in finding.symptom


def test_outliers_are_told_as_outliers_where_the_median_is_right():
    want = truth()
    flux = want["flux"].copy()
    flux[:3] *= 2
    assert "25% of the values of flux are more than 4 sigma off" in judge(right(want, flux=flux), want).symptom


def test_positions_off_by_more_than_the_limit_lose_their_part():
    want = truth()
    finding = judge(right(want, cx=want["x"] + 0.4), want)
    assert finding.score == pytest.approx(0.75) and "positions are off by 0.4 pixel" in finding.symptom


def alike(a: pd.DataFrame, f: pd.DataFrame, want: dict) -> bool:
    return JUDGE.alike(*(wire.decode(wire.encode(t)) for t in (a, f)), want)


def test_mistakes_are_told_apart_by_their_rows():
    want = truth()
    low, high, moved = (
        right(want, flux=want["flux"] / 2),
        right(want, flux=want["flux"] * 2),
        right(want, cx=want["x"] + 0.4),
    )
    for mistake in (low, high, moved):
        assert alike(mistake.sample(frac=1, random_state=2), mistake, want)
    assert not alike(low, high, want)
    assert not alike(low, moved, want) and not alike(moved, low, want)
    assert not alike(low[:4], low, want)
    # The contract's own freedom does not hide a mistake: 1 % more flux, a twentieth of a pixel.
    assert alike(right(want, flux=want["flux"] * 0.505, cx=want["x"] + 0.05), low, want)


def test_tables_that_lack_the_same_columns_are_alike():
    want = truth()
    assert alike(pd.DataFrame([]), pd.DataFrame([]), want)
    assert not alike(pd.DataFrame([]), right(want), want)


def test_tables_grown_row_by_row_hold_numbers():
    grown = pd.DataFrame(columns=["a", "b"], dtype=object)
    grown.loc[0] = [np.float64(1.5), np.array([2.5])]
    got = wire.decode(wire.encode(grown))
    assert got["a"].dtype == float and got["a"][0] == 1.5 and got["b"][0] == 2.5


def test_a_function_is_handed_the_kind_of_table_that_the_case_holds():
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    report = call(
        lambda t: t["b"].to_numpy().sum() if isinstance(t, pd.DataFrame) else None, [wire.encode(table)], ("t",)
    )
    assert report["ok"] and wire.decode(report["value"]) == 8.0 and report["changed"] == []
    changing = call(lambda t: t.insert(0, "c", 0), [wire.encode(table)], ("t",))
    assert changing["changed"] == ["t"]


def test_an_empty_table_is_asked_for_its_columns_too():
    nothing = {name: values[:0] for name, values in truth().items()}
    empty = pd.DataFrame({"cx": [], "cy": [], "flux": []})
    assert judge(empty, nothing).ok
    finding = judge(empty.drop(columns="flux"), nothing)
    assert not finding.ok and finding.kind == "columns" and finding.symptom == "the table lacks the column flux"


def test_one_star_is_spoken_of_as_one():
    want = truth()
    assert "1 of 12 stars is found" in judge(right(want)[:1], want).symptom
    elsewhere = pd.DataFrame({"cx": [9e3], "cy": [9e3], "flux": [1.0]})
    assert "1 of your 3 rows is no star" in judge(pd.concat([right(want)[:2], elsewhere]), want).symptom
