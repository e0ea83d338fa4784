"""The report of a class: its statistics against known answers, its page against a browser's and a reader's needs."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from markupsafe import Markup

from photgrader import coursedir
from photgrader.overview.items import Item, analyse, correlation, flags_of, interval_of_mean, lone_cases
from photgrader.overview.report import assignment_section, proof_of, simulate, write_report, write_simulated_report
from support import ASSIGNMENT


def exercise(points: float, state: str = "", hint: str = "", scores: tuple[float, ...] = ()) -> dict:
    state = state or ("right" if points == 4 else "wrong")
    cases = [{"name": f"case {k}", "score": s} for k, s in enumerate(scores or ((1.0,) if points == 4 else (0.0,)))]
    return {
        "points": points,
        "max_points": 4.0,
        "state": state,
        "sentence": "",
        "hint": hint,
        "hint_title": hint.title(),
        "symptom": "",
        "seed": 1,
        "notes": [],
        "cases": [] if state in ("not written", "missing") else cases,
    }


def record(student: str, state: str = "graded", seconds: float = 2.0, **exercises: dict) -> coursedir.Record:
    points = sum(e["points"] for e in exercises.values())
    form = {
        "student": student,
        "assignment": ASSIGNMENT,
        "state": state,
        "seconds": seconds,
        "points": points,
        "max_points": 4.0 * len(exercises),
        "sandbox": True,
        "repairs": [],
        "faults": [],
        "sentence": "",
        "exercises": exercises,
    }
    return coursedir.Record.read(form)


def class_of(n: int = 24) -> list[coursedir.Record]:
    """A class in which `hard` is solved by the better half, `easy` by all but one, and `odd` by the weaker half."""
    return [
        record(
            f"secret-name-{k:02d}",
            seconds=1.0 + k,
            hard=exercise(4.0 if k >= n // 2 else 0.0, hint="" if k >= n // 2 else "no offset"),
            easy=exercise(0.0 if k == 0 else 4.0),
            odd=exercise(0.0 if k >= n // 2 else 4.0),
            third=exercise(4.0 if k >= n // 3 else 0.0, hint="" if k >= n // 3 else "swapped"),
        )
        for k in range(n)
    ]


# ------------------------------------------------------------------------------------------------ statistics
def test_a_bootstrap_interval_of_a_mean_agrees_with_the_normal_one():
    rng = np.random.default_rng(3)
    scores = rng.uniform(0, 1, 200)
    low, high = interval_of_mean(scores)
    error = scores.std() / np.sqrt(len(scores))
    assert low == pytest.approx(scores.mean() - 1.96 * error, abs=0.15 * error) and high == pytest.approx(
        scores.mean() + 1.96 * error, abs=0.15 * error
    )


def test_five_right_answers_are_no_certainty():
    low, high = interval_of_mean(np.ones(5))
    # With a true share of `low`, five of five come out in one case of forty.
    assert high == 1 and low**5 == pytest.approx(0.025)
    assert interval_of_mean(np.zeros(5)) == pytest.approx((0, 1 - low))
    assert np.isnan(interval_of_mean(np.full(5, 0.4))).all()


def test_a_correlation_has_fishers_interval_and_covers_the_truth():
    # Worked by hand: r = 0.5 from 28 pairs has z = 0.5493 +- 1.96 / 5.
    rng = np.random.default_rng(4)
    x = rng.normal(size=28)
    e = rng.normal(size=28)
    e -= e.mean() + (x - x.mean()) * np.cov(x, e)[0, 1] / x.var(ddof=1)
    y = (x - x.mean()) / x.std() + np.sqrt(3) * e / e.std()
    assert correlation(x, y) == pytest.approx((0.5, np.tanh(0.5493 - 0.392), np.tanh(0.5493 + 0.392)), abs=1e-3)
    covered = 0
    for _ in range(300):
        x = rng.normal(size=30)
        _, low, high = correlation(x, 0.6 * x + 0.8 * rng.normal(size=30))
        covered += low <= 0.6 <= high
    assert 0.91 <= covered / 300 <= 0.985
    assert all(np.isnan(correlation(np.ones(9), np.arange(9.0)))) and all(
        np.isnan(correlation(np.arange(4.0), np.arange(4.0)))
    )


def test_an_item_that_strong_students_lose_is_flagged_and_one_that_they_win_is_not():
    items = {i.name: i for i in analyse(class_of())}
    assert items["hard"].difficulty == 0.5 and items["hard"].difficulty_low < 0.5 < items["hard"].difficulty_high
    rest = np.array([4.0 * ((k > 0) + (k < 12) + (k >= 8)) for k in range(24)])
    assert items["hard"].discrimination == pytest.approx(np.corrcoef(np.arange(24) >= 12, rest)[0, 1])
    assert any("strong students lose it" in f for f in items["odd"].flags)
    assert items["third"].flags == []
    assert items["hard"].mistakes == {"No Offset": 12}


def test_a_case_that_stops_those_who_have_all_else_right_is_flagged():
    ok, lone, other = (1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.0, 0.0, 1.0)

    def cases(scores: tuple[float, ...]) -> list[coursedir.CaseRecord]:
        return [coursedir.CaseRecord(f"case {k}", score=s) for k, s in enumerate(scores)]

    assert lone_cases([[coursedir.CaseRecord("only", score=0.0)]]) == {}
    judged = [cases(s) for s in (ok, ok, ok, lone, lone, lone, other, other)]
    assert lone_cases(judged) == {"case 0": (0, 3), "case 1": (3, 6), "case 2": (0, 3)}
    item = Item("x", np.full(8, 0.5), difficulty=0.5, lone=lone_cases(judged))
    assert flags_of(item) == ["3 of the 6 who have everything else right lose the case 'case 1'"]


def test_who_was_skipped_does_not_count_against_an_exercise():
    records = [record(f"s{k}", a=exercise(4.0 if k % 2 else 0.0), b=exercise(4.0)) for k in range(6)]
    records += [record(f"t{k}", a=exercise(0.0, "not written"), b=exercise(0.0, "skipped")) for k in range(4)]
    item = {i.name: i for i in analyse(records)}["b"]
    assert len(item.scores) == 6 and item.difficulty == 1.0
    assert item.states == {"right": 6, "skipped": 4} and not item.mistakes


# ------------------------------------------------------------------------------------------------ the page
class _Page(HTMLParser):
    """Collects tags and checks that they close."""

    void = {"meta", "br", "img", "line", "circle", "link", "input"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.void:
            assert self.open.pop() == tag, tag


@pytest.fixture
def page(tmp_path):
    root = tmp_path / "course"
    for one in [
        *class_of(),
        record(
            "secret-name-99",
            state="kernel died",
            seconds=61.0,
            hard=exercise(0.0, "<script>alert(1)</script>"),
            easy=exercise(0.0, "skipped"),
            odd=exercise(0.0),
            third=exercise(0.0),
        ),
    ]:
        (root / ".photgrader").mkdir(parents=True, exist_ok=True)
        coursedir.write_record(root, one)

    def make(names: bool) -> str:
        return write_report(root, [ASSIGNMENT], tmp_path / "report.html", names).read_text()

    return make


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(page):
    text = page(names=False)
    parsed = _Page()
    parsed.feed(text)
    assert parsed.open == []
    assert not {"script", "link", "iframe", "img"} & {t for t, _ in parsed.tags}
    assert not re.search(r"https?://|url\(|@import", text)
    assert "<script>alert" not in text and "&lt;script&gt;" in text


def test_every_figure_has_words_and_every_hidden_piece_is_hidden_from_readers(page):
    parsed = _Page()
    parsed.feed(page(names=False))
    figures = [a["aria-label"] for _, a in parsed.tags if a.get("role") == "img"]
    assert len(figures) == 4 and all(len(f) > 30 for f in figures)
    assert any("hard: share 0.48, correlation" in f for f in figures)
    assert all(a.get("aria-hidden") == "true" for t, a in parsed.tags if t == "svg")
    assert all(a.get("tabindex") == "0" for _, a in parsed.tags if a.get("class") == "scroll"), (
        "what scrolls can be scrolled by keys"
    )
    levels = [int(t[1]) for t, _ in parsed.tags if re.fullmatch(r"h\d", t)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_no_student_is_named_unless_asked(page, tmp_path):
    assert "secret-name" not in page(names=False)
    assert "secret-name" not in (tmp_path / f"report-{ASSIGNMENT}.csv").read_text()
    assert page(names=True).count("secret-name-07") == 1


def test_states_times_and_broken_items_are_told(page):
    text = page(names=False)
    assert "kernel died" in text and "61.0 s" in text and "without a verdict" in text
    assert "<strong>odd</strong>: strong students lose it and weak ones win it." in text
    assert "1 skipped" in text


def test_the_table_beside_the_page_is_safe_and_holds_the_same_figures(page, tmp_path):
    page(names=False)
    rows = list(csv.DictReader((tmp_path / f"report-{ASSIGNMENT}.csv").read_text().splitlines()))
    assert [r["exercise"] for r in rows] == ["hard", "easy", "odd", "third"]
    hard = next(i for i in analyse(coursedir.read_records(tmp_path / "course", ASSIGNMENT)) if i.name == "hard")
    assert float(rows[0]["mean_share"]) == pytest.approx(hard.difficulty, abs=1e-4)
    assert float(rows[0]["discrimination_low"]) == pytest.approx(hard.discrimination_low, abs=1e-4)
    assert rows[1]["students"] == "24" and "skipped (1)" in rows[1]["states"]


def test_what_a_simulated_class_shows_is_held_against_what_was_put_in():
    choices = {
        "a": {"centroid": "variant: loop"},
        "b": {"centroid": "misconception: no-offset"},
        "c": {"centroid": "misconception: swapped"},
    }
    good = [
        record("a", centroid=exercise(4.0)),
        record("b", centroid=exercise(1.0, hint="no-offset")),
        record("c", centroid=exercise(1.0, hint="other")),
    ]
    assert (
        "1 of 1 correct variants keep every mark; 2 of 2 misconceptions lose marks, and 1 of those"
        in proof_of(good, choices).words
    )
    bad = [record("a", centroid=exercise(3.0)), record("b", centroid=exercise(4.0))]
    proof = proof_of(bad, choices)
    text = assignment_section(ASSIGNMENT, bad, analyse(bad), False, proof=proof)
    assert "0 of 1 correct variants" in proof.words and "loses nothing" in proof.misses[1] and len(proof.misses) == 2
    assert all(Markup.escape(miss) in text for miss in proof.misses)


def test_a_simulated_class_is_graded_beside_the_course_and_the_same_every_time(tiny_course, tmp_path, here):
    before = sorted(p.relative_to(tiny_course) for p in tiny_course.rglob("*"))
    path = write_simulated_report(tiny_course, [ASSIGNMENT], tmp_path / "simulated.html", 5, 2)
    assert sorted(p.relative_to(tiny_course) for p in tiny_course.rglob("*")) == before
    text = path.read_text()
    assert "A simulated class of 5" in text and "lose marks" in text and "loses nothing" not in text
    kept = re.search(r"(\d+) of (\d+) correct variants keep every mark; (\d+) of (\d+) misconceptions", text)
    # Two functions of each student, but for the first of the five, who hands in the solutions.
    assert kept and kept[1] == kept[2] and kept[3] == kept[4] and int(kept[2]) + int(kept[4]) == 8
    records, choices = simulate(tiny_course, ASSIGNMENT, 5, 1, lambda done, total: None)
    assert len(choices) == 5 and [r.student for r in records] == sorted(choices)
    means = np.mean([r.points / r.max_points for r in records])
    assert f"<dd>{100 * means:.0f} %<" in text, "the same class and the same hidden cases again"
