"""Item analysis: how hard each exercise is, how well it tells strong students from weak, what goes wrong in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from photgrader.coursedir.record import CaseRecord, ExerciseRecord, Record

#: An item that nobody or everybody solves, or that strong students lose, may be broken.
TOO_HARD, TOO_EASY, UNNAMED_SHARE = 0.15, 0.98, 0.5
#: A case that this share of those loses who have everything else right may be broken itself; and how many it takes to say so.
LONE_SHARE, LONE_STUDENTS = 0.3, 4
#: States in which there is nothing of an exercise to judge and nothing to learn about it.
UNJUDGED = ("skipped",)
_RESAMPLES = 2000
#: Fisher's interval has a standard error of 1 / sqrt(n - 3): of fewer pairs a correlation says nothing.
FEWEST = 5


@dataclass
class Item:
    """What a class did with one exercise.

    Parameters
    ----------
    name : str
        The exercise.
    scores : ndarray
        Share of the points earned, one per student whose work could be judged (who was skipped is left out).
    difficulty, difficulty_low, difficulty_high : float
        Mean share and its 95 % interval (`interval_of_mean`). The field calls it difficulty though high means easy.
    discrimination, discrimination_low, discrimination_high : float
        Correlation of this exercise with the rest of the assignment (point-biserial where scores are 0 or 1),
        and its 95 % interval by Fisher's z; NaN where there is no spread or too few students.
    mistakes : Counter
        Titles of the mistakes that were recognised.
    states : Counter
        States of the verdicts.
    lone : dict of str to tuple of int
        Case to (how many lost it of those who had all other cases right, how many those were).
    flags : list of str
        Why the item looks broken; empty where it does not.
    """

    name: str
    scores: np.ndarray
    difficulty: float = math.nan
    difficulty_low: float = math.nan
    difficulty_high: float = math.nan
    discrimination: float = math.nan
    discrimination_low: float = math.nan
    discrimination_high: float = math.nan
    mistakes: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    lone: dict[str, tuple[int, int]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)


def interval_of_mean(values: np.ndarray, seed: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of a mean share: by the bootstrap (percentile method; Efron & Tibshirani 1993, chapter 13).

    Shares that are all 0 or all 1 give a bootstrap no spread, and five right answers no certainty: they have the exact interval of a
    proportion (Clopper & Pearson 1934). Of others that are all equal it is not known.
    """
    if len(values) < 2:
        return math.nan, math.nan
    if np.ptp(values) == 0:
        edge = 0.025 ** (1 / len(values))
        return {0.0: (0.0, 1 - edge), 1.0: (edge, 1.0)}.get(float(values[0]), (math.nan, math.nan))
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (_RESAMPLES, len(values))).mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def correlation(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Return Pearson's correlation and its 95 % interval by Fisher's z transform (Fisher 1921).

    Returns
    -------
    float, float, float
        NaN where there are fewer than `FEWEST` pairs, or no spread in one of them.
    """
    if len(x) < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan, math.nan, math.nan
    r = float(np.corrcoef(x, y)[0, 1])
    z, half = math.atanh(max(-0.999999, min(0.999999, r))), 1.96 / math.sqrt(len(x) - 3)
    return r, math.tanh(z - half), math.tanh(z + half)


def analyse(records: list[Record]) -> list[Item]:
    """Return the items of an assignment from its records, in the order of the notebook.

    Submissions that could not be read at all say nothing of an exercise and are left out.
    """
    used = [
        r
        for r in records
        if any(e.cases or e.state in ("missing", "not written", "timeout") for e in r.exercises.values())
    ]
    names = list(dict.fromkeys(name for r in used for name in r.exercises))
    points = {n: np.array([r.exercises[n].points if n in r.exercises else 0.0 for r in used], float) for n in names}
    maxima = {n: max((r.exercises[n].max_points for r in used if n in r.exercises), default=1.0) or 1.0 for n in names}
    items = []
    for name in names:
        judged = np.array([name not in r.exercises or r.exercises[name].state not in UNJUDGED for r in used])
        item = Item(name, (points[name] / maxima[name])[judged])
        if not judged.any():
            continue
        item.difficulty = float(item.scores.mean())
        item.difficulty_low, item.difficulty_high = interval_of_mean(item.scores)
        rest = np.sum([points[n] for n in names if n != name], axis=0) if len(names) > 1 else np.zeros(len(used))
        item.discrimination, item.discrimination_low, item.discrimination_high = correlation(
            item.scores, np.asarray(rest)[judged]
        )
        item.lone = lone_cases([r.exercises[name].cases for r in used if name in r.exercises])
        for record in used:
            _count(item, record.exercises.get(name))
        item.flags = flags_of(item)
        items.append(item)
    return items


def _count(item: Item, exercise: ExerciseRecord | None) -> None:
    if exercise is None:
        return
    item.states[exercise.state] += 1
    if exercise.points < exercise.max_points and exercise.state not in ("not written", "missing", *UNJUDGED):
        item.mistakes[exercise.hint_title or "not recognised"] += 1


def lone_cases(judged: list[Sequence[CaseRecord]]) -> dict[str, tuple[int, int]]:
    """Return, for each case, how many lost it of those who had all other cases right, and how many those were."""
    found: dict[str, tuple[int, int]] = {}
    for cases in judged:
        # Of one case or two, "everything else right" says nothing.
        if len(cases) < 3:
            continue
        # A kind of case may be there twice, provided and made anew: it counts once.
        wrong = list(dict.fromkeys(c.name for c in cases if c.score < 1))
        for name in (n for n in dict.fromkeys(c.name for c in cases) if wrong in ([], [n])):
            lost, of = found.get(name, (0, 0))
            found[name] = (lost + bool(wrong), of + 1)
    return found


def flags_of(item: Item) -> list[str]:
    """Return why an item looks broken, in words."""
    flags = []
    if item.difficulty < TOO_HARD:
        flags.append(f"hardly anybody earns its points ({100 * item.difficulty:.0f} %)")
    if item.difficulty > TOO_EASY and len(item.scores) >= 20:
        flags.append(f"everybody earns its points ({100 * item.difficulty:.0f} %)")
    if item.discrimination_high < 0:
        flags.append("strong students lose it and weak ones win it")
    flags += [
        f"{lost} of the {of} who have everything else right lose the case {name!r}"
        for name, (lost, of) in item.lone.items()
        if of >= LONE_STUDENTS and lost / of > LONE_SHARE
    ]
    wrong = sum(item.mistakes.values())
    if wrong >= 4 and item.mistakes["not recognised"] / wrong > UNNAMED_SHARE:
        flags.append(
            f"{item.mistakes['not recognised']} of {wrong} wrong answers are of a kind that no misconception names"
        )
    return flags
