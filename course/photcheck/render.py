"""A verdict as HTML: the same for a student's check, for feedback pages and for the report.

Text takes the colour of the page, tints lie over whatever background there is, and the one word in colour brings its own
background: dark mode needs no second style, and contrast is that of WCAG 2.1 AA in both. Hints open one by one with ``<details>``, which keyboards and screen readers
know.
"""

from __future__ import annotations

import functools
import html
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from photcheck.comparators.base import number_text
from photcheck.pictures import draw
from photcheck.spec import ExerciseSpec
from photcheck.verdict import CaseVerdict, Verdict, told

if TYPE_CHECKING:
    import jinja2


class _Tone(NamedTuple):
    """How a state looks."""

    colour: str
    sign: str
    word: str


_TONES = {
    "missing": _Tone("#767676", "…", "not defined"),
    "stopped": _Tone("#767676", "■", "stopped"),
    "right": _Tone("#0072B2", "✓", "right"),
    "partly right": _Tone("#B35900", "◐", "partly right"),
    "wrong": _Tone("#C0392B", "✗", "wrong"),
    "not written": _Tone("#767676", "…", "not written yet"),
    "skipped": _Tone("#767676", "–", "skipped"),
}


def _tone(state: str) -> _Tone:
    return _TONES.get(state, _Tone("#C0392B", "✗", state))


def escape(text: str) -> str:
    """Return text safe for HTML, in a page with MathJax too."""
    return html.escape(str(text)).replace("$", "&#36;")


def coded(text: str) -> str:
    """Return words as HTML, what stands between two backticks as code.

    Examples
    --------
    >>> coded("`a < b` is *one* thing")
    '<code>a &lt; b</code> is *one* thing'
    """
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))


@functools.cache
def _templates() -> jinja2.Environment:
    """Return the templates; what is put into them is escaped. They come with the first check, not with the import."""
    import jinja2

    def escaped(value: Any) -> Any:
        # In place of Jinja's own escaping, for the sake of MathJax.
        return value if hasattr(value, "__html__") else Markup(escape(value))

    from markupsafe import Markup

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("photcheck"), autoescape=True, undefined=jinja2.StrictUndefined, finalize=escaped
    )
    made.filters["coded"] = lambda text: Markup(coded(text))  # noqa: S704 (escaped there)
    made.filters["link"] = lambda section: Markup(section_link(section))  # noqa: S704 (escaped there)
    return made


def verdict_html(
    verdict: Verdict,
    spec: ExerciseSpec,
    *,
    graded: bool = False,
    picture: bool = True,
    tries: int = 1,
    rehearsed: bool = False,
) -> str:
    """Return a verdict as a piece of HTML.

    Parameters
    ----------
    verdict : Verdict
        What was found.
    spec : ExerciseSpec
        The exercise.
    graded : bool
        Whether hidden cases were judged too, so that the points are marks.
    picture : bool
        Whether to draw the case that the words are about.
    tries : int
        How many wrong versions were checked: from the second on the idea stands open, from the third on the contrast too.
    rehearsed : bool
        Whether the cases are the fresh ones of the rehearsal.
    """
    from markupsafe import Markup

    points = f"{number_text(verdict.points, 3)} of {number_text(verdict.max_points, 3)} points"
    right = f"{sum(v.finding.ok for v in verdict.cases)} of {len(verdict.cases)} {'fresh' if rehearsed else 'provided'} cases right"
    shown = verdict.shown if picture and not verdict.right and verdict.state != "skipped" else None
    drawn = draw(spec, shown) if shown is not None and not shown.case.hidden else None
    listed = [] if verdict.state == "skipped" or (verdict.right and not graded) else verdict.cases
    return (
        _templates()
        .get_template("verdict.html")
        .render(
            verdict=verdict,
            spec=spec,
            tone=_tone(verdict.state),
            earned=points if graded else right,
            tries=tries,
            picture=Markup(drawn[0] if drawn else ""),  # noqa: S704 (photcheck.svg escapes its words)
            cases=[_case(v, k) for k, v in enumerate(listed, 1)],
            rehearsed=rehearsed,
            by_hand=any(not v.finding.ok and not v.case.hidden for v in listed),
        )
    )


def section_link(section: str) -> str:
    """Return a link to a section of a lecture, where the lectures lie beside the assignments; ``FILE#HEADING``."""
    file, _, heading = section.partition("#")
    if not heading:
        return escape(section)
    return f'<a style="color:inherit;text-decoration:underline" href="../../lectures/{escape(file)}#{escape(heading.replace(" ", "-"))}">{escape(heading)}</a>'


def _case(verdict: CaseVerdict, number: int) -> dict[str, str]:
    """Return a case: what it tests, and what came of it."""
    case = verdict.case
    if verdict.finding.ok:
        result = "✓ right"
    elif case.hidden:
        result = "✗ " + told(verdict)
    else:
        got = "nothing" if verdict.answer is None else case.comparator.describe(verdict.answer)
        want = case.comparator.describe(case.expected)
        # Two figures are a figure each: what tells them apart is the symptom.
        result = f"✗ {verdict.finding.symptom}." + (f" Expected {want}; got {got}." if want != got else "")
    name = f"hidden {number}" if case.hidden else f"{number}. {case.name}"
    return {"name": name, "tests": case.tests, "result": result}


def verdict_text(verdict: Verdict) -> str:
    """Return a verdict as plain text, for a terminal."""
    lines = [f"{verdict.title} ({verdict.exercise}): {verdict.state}. {verdict.sentence}"]
    if verdict.symptom and not verdict.right:
        lines.append(f"What is off: {verdict.symptom}")
    lines += verdict.further
    if verdict.hint is not None:
        lines.append(f"The idea: {verdict.hint.idea}")
    lines += verdict.notes
    return "\n".join(lines)


def progress_html(rows: list[tuple[ExerciseSpec, Verdict]], next_step: str) -> str:
    """Return how far along an assignment is as a table: exercise, state, points, what is off, what to read."""
    found = [
        {
            "name": spec.name,
            "tone": _tone(verdict.state),
            "right": sum(v.finding.ok for v in verdict.cases),
            "cases": len(verdict.cases),
            "points": number_text(spec.points, 3),
            "extra": spec.extra,
            "off": ""
            if verdict.right
            else (verdict.hint.title if verdict.hint else verdict.symptom or verdict.sentence),
            "section": spec.section,
        }
        for spec, verdict in rows
    ]
    return _templates().get_template("progress.html").render(rows=found, next_step=next_step)
