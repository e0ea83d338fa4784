"""A verdict as HTML: the same for a student's check, for feedback pages and for the report.

Text takes the colour of the page, tints lie over whatever background there is, and the one word in colour brings its own
background: dark mode needs no second style, and contrast is that of WCAG 2.1 AA in both. Hints open one by one with ``<details>``, which keyboards and screen readers
know.
"""

from __future__ import annotations

import html

from photcheck.comparators.base import number_text
from photcheck.pictures import draw
from photcheck.spec import ExerciseSpec
from photcheck.verdict import CaseVerdict, Verdict, told

_TONES = {
    "missing": ("#767676", "…", "not defined"),
    "stopped": ("#767676", "■", "stopped"),
    "right": ("#0072B2", "✓", "right"),
    "partly right": ("#B35900", "◐", "partly right"),
    "wrong": ("#C0392B", "✗", "wrong"),
    "not written": ("#767676", "…", "not written yet"),
    "skipped": ("#767676", "–", "skipped"),
}
_ROW = "display:flex;flex-wrap:wrap;gap:.1em 1.2em;padding:.45em 0;margin:0;border-top:1px solid rgba(127,127,127,.35)"
_MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:0.92em"


def escape(text: str) -> str:
    """Return text safe for HTML, in a page with MathJax too."""
    return html.escape(str(text)).replace("$", "&#36;")


def verdict_html(
    verdict: Verdict, spec: ExerciseSpec, *, graded: bool = False, picture: bool = True, tries: int = 1
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
    """
    colour, sign, word = _TONES.get(verdict.state, ("#C0392B", "✗", verdict.state))
    points = f"{number_text(verdict.points, 3)} of {number_text(verdict.max_points, 3)} points"
    what = (
        points if graded else f"{sum(v.finding.ok for v in verdict.cases)} of {len(verdict.cases)} provided cases right"
    )
    badge = (
        f'<span style="background:{colour};color:#fff;border-radius:1em;padding:.1em .7em;font-weight:600;white-space:nowrap">'
        f'<span aria-hidden="true">{sign}</span> {escape(word)}</span>'
    )
    head = (
        f'<p style="margin:0 0 .5em 0;font-size:1.05em">{badge} <strong>{escape(verdict.title)}</strong> '
        f'<code style="{_MONO};background:none">{escape(verdict.exercise)}</code> <span style="white-space:nowrap">{escape(what)}</span></p>'
    )
    body = [head, f'<p style="margin:.2em 0">{escape(verdict.sentence)}</p>']
    if verdict.symptom and not verdict.right:
        body.append(f'<p style="margin:.2em 0"><strong>What is off:</strong> {escape(verdict.symptom)}</p>')
    body += [f'<p style="margin:.2em 0">{escape(line)}</p>' for line in verdict.further]
    body += _hint(verdict, tries)
    if picture and not verdict.right and verdict.state != "skipped":
        body += _picture(verdict, spec)
    body += [f'<p style="margin:.2em 0"><em>{escape(n)}</em></p>' for n in verdict.notes]
    if spec.section and verdict.hint is not None and verdict.state != "skipped":
        body.append(f'<p style="margin:.2em 0">Explained in {section_link(spec.section)}.</p>')
    if verdict.cases and verdict.state != "skipped" and not (verdict.right and not graded):
        body.append(_cases(verdict, spec))
    return (
        f'<div class="photcourse-check" role="group" aria-label="Check of {escape(verdict.exercise)}" '
        f'style="border-left:4px solid {colour};background:rgba(127,127,127,.08);border-radius:0 6px 6px 0;padding:.7em 1em;margin:.3em 0;'
        'max-width:46em;overflow-wrap:anywhere;line-height:1.5">' + "".join(body) + "</div>"
    )


def section_link(section: str) -> str:
    """Return a link to a section of a lecture, where the lectures lie beside the assignments; ``FILE#HEADING``."""
    file, _, heading = section.partition("#")
    if not heading:
        return escape(section)
    return f'<a style="color:inherit;text-decoration:underline" href="../../lectures/{escape(file)}#{escape(heading.replace(" ", "-"))}">{escape(heading)}</a>'


def _hint(verdict: Verdict, tries: int) -> list[str]:
    if verdict.hint is None:
        return []
    parts = [
        _details(
            "The idea",
            f'<p style="margin:.2em 0"><strong>{escape(verdict.hint.title)}.</strong> {escape(verdict.hint.idea)}</p>',
            tries > 1,
        )
    ]
    if verdict.hint.contrast:
        parts.append(
            _details(
                "A small contrast",
                f'<pre style="white-space:pre-wrap;margin:.2em 0;{_MONO}">{escape(verdict.hint.contrast)}</pre>',
                tries > 2,
            )
        )
    return parts


def _details(summary: str, body: str, opened: bool = False) -> str:
    return f'<details{" open" if opened else ""} style="margin:.3em 0"><summary style="cursor:pointer;padding:.2em 0;font-weight:600">{summary}</summary><div style="padding:.2em 1em">{body}</div></details>'


def _picture(verdict: Verdict, spec: ExerciseSpec) -> list[str]:
    case = verdict.shown
    drawn = draw(spec, case) if case is not None and not case.case.hidden else None
    return [] if drawn is None else [drawn[0]]


def _cases(verdict: Verdict, spec: ExerciseSpec) -> str:
    rows = "".join(_case_row(v, k) for k, v in enumerate(verdict.cases, 1))
    if any(not v.finding.ok and not v.case.hidden for v in verdict.cases):
        rows += f'<li style="{_ROW}">To try one by hand: <code>{escape(spec.name)}(*check.case("{escape(spec.name)}", 1))</code>, with the number of the case.</li>'
    return _details(
        "All cases",
        f'<ul role="list" style="list-style:none;padding:0;margin:0" aria-label="Cases of {escape(spec.name)}">{rows}</ul>',
    )


def _case_row(verdict: CaseVerdict, number: int) -> str:
    """Return a case: what it tests beside what came of it, and one above the other where there is no room for both."""
    case = verdict.case
    if verdict.finding.ok:
        result = "✓ right"
    elif case.hidden:
        result = "✗ " + told(verdict)
    else:
        got = "nothing" if verdict.answer is None else case.comparator.describe(verdict.answer)
        result = f"✗ {verdict.finding.symptom}. Expected {case.comparator.describe(case.expected)}; got {got}."
    name = f"hidden {number}" if case.hidden else f"{number}. {case.name}"
    return (
        f'<li style="{_ROW}"><span style="flex:1 1 11em"><strong>{escape(name)}</strong><br/>{escape(case.tests)}</span>'
        f'<span style="flex:2 1 15em">{escape(result)}</span></li>'
    )


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
    cells = []
    for spec, verdict in rows:
        colour, sign, word = _TONES.get(verdict.state, ("#C0392B", "✗", verdict.state))
        right = sum(v.finding.ok for v in verdict.cases)
        off = "" if verdict.right else (verdict.hint.title if verdict.hint else verdict.symptom or verdict.sentence)
        cells.append(
            f'<tr><td style="text-align:left"><code>{escape(spec.name)}</code></td>'
            f'<td style="text-align:left;white-space:nowrap"><span style="color:#fff;background:{colour};border-radius:1em;padding:0 .6em">{sign} {escape(word)}</span></td>'
            f"<td>{right} of {len(verdict.cases)}</td><td>{number_text(spec.points, 3)}{' extra' if spec.extra else ''}</td>"
            f'<td style="text-align:left">{escape(off)}</td><td style="text-align:left">{section_link(spec.section)}</td></tr>'
        )
    heads = "".join(
        f'<th scope="col">{h}</th>'
        for h in ("Exercise", "State", "Provided cases", "Points", "What is off", "Explained in")
    )
    return (
        f'<table aria-label="Progress"><thead><tr>{heads}</tr></thead><tbody>{"".join(cells)}</tbody></table>'
        f"<p><strong>{escape(next_step)}</strong></p>"
    )
