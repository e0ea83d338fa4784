"""Whether two catalogues of the challenge's field are wrong in the same way, whatever method they come from."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from photcourse.comparators import Challenge
from photcourse.comparators.challenge import flaws
from photcourse.simulate.crowded import crowded_field

TRUTH = {n: np.asarray(c) for n, c in crowded_field(np.random.default_rng(4)).truth.items()}
IN_PAIRS = ~TRUTH["isolated"]


def catalogue(seed: int, keep: float = 1.0) -> Table:
    """What a good method finds: the truth with noise at the bound, a share of the fainter stars not found."""
    rng = np.random.default_rng(seed)
    found = TRUTH["flux"] >= np.quantile(TRUTH["flux"], 1 - keep)
    x, y, flux, sigma = (TRUTH[n][found] for n in ("x", "y", "flux", "sigma"))
    place = rng.normal(0, 0.05, (2, len(x)))
    return Table({"x": x + place[0], "y": y + place[1], "flux": flux + rng.normal(0, sigma), "flux_err": sigma})


def counted_from_one(t: Table) -> None:
    t["x"] += 1
    t["y"] += 1


def turned(t: Table) -> None:
    t["x"], t["y"] = t["y"].copy(), t["x"].copy()


def of_the_flux(t: Table) -> None:
    t["flux_err"] = np.sqrt(t["flux"])


def squared(t: Table) -> None:
    t["flux_err"] = t["flux_err"] ** 2


def scaled(t: Table) -> None:
    t["flux"] *= 0.022


SLIPS = (counted_from_one, turned, of_the_flux, squared, scaled)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_known_in_the_catalogue_of_another_method_and_no_other_is(slip):
    answer = catalogue(1, keep=0.85)
    slip(answer)
    for other in SLIPS:
        fingerprint = catalogue(2)
        other(fingerprint)
        assert Challenge().alike(answer, fingerprint, TRUTH) == (other is slip), other.__name__
    assert not Challenge().alike(answer, catalogue(2), TRUTH)


def test_a_good_catalogue_and_one_without_stars_are_like_no_mistake():
    fingerprint = catalogue(2)
    of_the_flux(fingerprint)
    assert not Challenge().alike(catalogue(3), fingerprint, TRUTH)
    assert np.linalg.norm(flaws(catalogue(3), TRUTH)) < 1.0
    for nothing in (catalogue(3)[:0], catalogue(3)[:2]):
        assert not flaws(nothing, TRUTH).any() and not Challenge().alike(nothing, fingerprint, TRUTH)
    empty = catalogue(3)
    empty["flux"] = np.nan
    assert not flaws(empty, TRUTH).any()


def test_light_of_neighbours_shows_in_pairs_of_which_both_are_found():
    answer = catalogue(1)
    answer["flux"][IN_PAIRS] *= 1.3
    assert flaws(answer, TRUTH)[7] == pytest.approx(6, abs=1)
    # Where the companion was not found its light is the method's, not the mistake's.
    answer = answer[~(IN_PAIRS & (np.arange(len(answer)) >= len(answer) - IN_PAIRS.sum() // 2))]
    assert flaws(answer, TRUTH)[7] == 0.0
