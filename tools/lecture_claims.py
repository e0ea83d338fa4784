#!/usr/bin/env python3
"""Compare every number in a lecture's text with what the lecture computes.

Usage: lecture_claims.py [--data embedded|real] [--unclaimed] LECTURE...

A cell's metadata holds its claims: ``"holds {72} % of the light := 100 * share ± 1"`` says that these words stand
in the cell's text, and that the number in braces is the value of the expression at that place of the lecture. The
cells run in this process, in order. `docs/writing-a-lecture.md` tells how claims are written.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import os
import pathlib
import re
import string
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import nbformat
import numpy as np

Names = dict[str, Any]

#: A marked number: not the braces of a formula, which follow a command, a power or an index.
MARK = re.compile(r"(?<![\^_\w}])\{([^{}]*)\}")
WORDS = {word: value for value, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty".split())} | {
    "once": 1, "twice": 2, "thirty": 30, "forty": 40, "fifty": 50, "a hundred": 100, "a thousand": 1000, "half": 0.5, "a third": 1 / 3,
    "a quarter": 0.25, "a fifth": 0.2, "a tenth": 0.1, "a hundredth": 0.01, "a twelfth": 1 / 12}  # fmt: skip

#: Numbers that say nothing which a lecture could compute, each with the reason.
EXEMPT = (
    (r"^#{1,6} .*$", "the number of a heading"),
    (r"^\s*\d+\. ", "the number of an item in a list"),
    (r"\b(?:[Ll]ectures?|[Ss]ections?|[Qq]uestions?|[Ff]igures?|equations?|ch\.|chapter)\s\d[\w.]*(?:(?:,\s|\s(?:and|to|or)\s)\d[\w.]*)*", "a reference"),
    (r"\b(?:M|NGC ?|HD ?|IC ?|W|HH ?|DP|DR|PSR |Cousins )\d+\w*", "the name of an object or a data release"),
    (r"\b\d{4}-\d\d-\d\d\b|\b(?:1[6-9]|20)\d\d\b", "a date or a year"),
    (r"\b(?:Python|numpy|astropy|photutils|JupyterLab)\s\d[\d.]*", "a version"),
    (r"\b\d+-(?:based|bit)\b|\b\d+ bits?\b|\b[0-3]D\b", "how computers count"),
    (r"(?<![\w.])[01](?![\w.,]*\d)(?! ?(?:%|per cent|pixel|count|sigma))", "nothing and the unit"),
    (r"\bAnswer to \d\b", "the number of a question"),
    (r"\b2\.5 ?\\log|\b2\.5/\\ln 10", "Pogson's definition of the magnitude"),
    (r"\b2\.355\b", "the definition of the full width at half maximum"),
)  # fmt: skip
#: From such a heading to the end of its cell stand names, years and pages of papers.
REFERENCES = re.compile(r"^#+ *(?:References|Credits|Further reading)\b.*", re.M | re.S | re.I)
NUMBER = re.compile(r"(?<![\w.,])[-−+]?\d+(?:,\d{3})*(?:\.\d+)?(?![.,]?\d)")
#: Numbers in words count where they measure something.
WORDED = re.compile(
    r"\b(?:" + "|".join(sorted(WORDS, key=len, reverse=True)) + r"|several|a few|few|a couple of|some ten|dozens of|hundreds of)"
    r"[\s-](?:times|per cent|fold|pixels?|counts?|sigma|magnitudes?|orders|hundred|thousand|of the light|of its|powers of ten)\b"
    r"|\bfactor of (?:about )?(?:" + "|".join(WORDS) + r")\b", re.I)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """One sentence's numbers and the expression that gives them.

    Attributes
    ----------
    words : str
        Words of the text, the numbers in braces.
    expression : str
        Python, evaluated with the lecture's names and numpy as ``np``.
    tolerance : float or None
        Largest difference; by default half a unit of the last digit that is written.
    data : str
        ``"embedded"``, ``"real"``, or ``""`` for both.
    when : str
        ``""`` for the names as they stand at the cell, ``"next"`` after the next code cell, ``"end"`` at the end.
    """

    words: str
    expression: str
    tolerance: float | None = None
    data: str = ""
    when: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The words as they may be broken into lines, the marked numbers as groups."""
        pieces = MARK.split(self.words)
        parts = [r"\s+".join(map(re.escape, re.split(r"\s+", piece))) for piece in pieces]
        return re.compile("".join(f"({part})" if k % 2 else part for k, part in enumerate(parts)))


def read_claim(text: str) -> Claim:
    """Read a claim as it is written in a cell's metadata.

    Examples
    --------
    >>> read_claim("[real] holds {72} % := 100 * share ± 1")
    Claim(words='holds {72} %', expression='100 * share', tolerance=1.0, data='real', when='')
    """
    tags = re.match(r"\s*((?:\[\w+\]\s*)*)", text)[1]  # type: ignore[index]
    found = set(re.findall(r"\w+", tags))
    words, separator, rest = text[len(tags) :].strip().partition(" := ")
    if not separator or not MARK.search(words):
        raise ValueError(f"a claim reads 'words with {{number}} := expression', this one does not: {text!r}")
    if found - {"embedded", "real", "next", "end"}:
        raise ValueError(f"a claim's marks are [embedded], [real], [next] and [end], not {sorted(found)}: {text!r}")
    expression, _, tolerance = rest.partition(" ± ")
    computed = ast.parse(expression.strip(), mode="eval").body
    if any(
        isinstance(part, ast.Constant) for part in (computed.elts if isinstance(computed, ast.Tuple) else [computed])
    ):
        raise ValueError(f"a number that nothing computes is given, with its reason, not claimed: {text!r}")
    return Claim(words.strip(), expression.strip(), float(tolerance) if tolerance else None,
                 "".join(found & {"embedded", "real"}), "".join(found & {"next", "end"}))  # fmt: skip


def value_of(written: str) -> tuple[float, float]:
    """Return a written number and the unit of its last digit.

    Examples
    --------
    >>> value_of("2,000"), value_of("0.35"), value_of("twelve")
    ((2000.0, 1.0), (0.35, 0.01), (12.0, 1.0))
    """
    word = " ".join(written.lower().split())
    if word in WORDS:
        return float(WORDS[word]), (1.0 if WORDS[word] >= 1 else 0.2 * WORDS[word])
    plain = written.replace(",", "").replace("−", "-").replace(" ", "")
    decimals = re.fullmatch(r"[-+]?\d+(?:\.(\d+))?", plain)
    if decimals is None:
        raise ValueError(f"{written!r} is no number; words in braces need an expression that is true or false")
    return float(plain), 10.0 ** -len(decimals[1] or "")


def text_of(cell: nbformat.NotebookNode) -> str:
    """Return what a reader reads: a text cell's source; of a code cell the words that go with its figures."""
    if cell.cell_type != "code":
        return str(cell.source)
    words = [str(cell.metadata.get(key, "")) for key in ("alt", "caption")]
    for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.M))):
        if isinstance(node, ast.keyword) and node.arg in ("alt", "caption"):
            words.append(_words(node.value))
        elif isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(number := node.args[1], ast.Constant):
            if getattr(node.func, "attr", "") in ("publish", "explore"):
                words += [_kept_words(str(number.value), part) for part in ("alt", "caption")]
    return "\n".join(words)


def _kept_words(number: str, part: str) -> str:
    """The words of a numbered figure, which stand in a file; numbers that the cell fills in are left out."""
    from photcourse.display import words_of_document

    kept = words_of_document(number.rpartition(".")[0]).get(number, {}).get(part, "")
    return "".join(text + ("" if name is None else "…") for text, name, _, _ in string.Formatter().parse(kept))


def _words(node: ast.expr) -> str:
    """The words of an expression; a number that the code puts into them is right by construction, and left out."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.FormattedValue):
        return "…"
    return "".join(_words(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))


def claims_of(cell: nbformat.NotebookNode) -> list[Claim]:
    """Return a cell's claims."""
    return [read_claim(text) for text in cell.metadata.get("claims", [])]


def given_in(cell: nbformat.NotebookNode) -> list[tuple[re.Pattern[str], str]]:
    """Return the words of a cell whose numbers nothing computes, with the reason: ``"words {5} # reason"``."""
    found = []
    for text in cell.metadata.get("given", []):
        words, _, reason = text.partition(" # ")
        if len(reason.split()) < 2 or not MARK.search(words):
            raise ValueError(f"a given number reads 'words with {{number}} # reason', this one does not: {text!r}")
        found.append((Claim(words.strip(), "").pattern, reason))
    return found


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"\S", " ", found[0])


def _blank_formula(found: re.Match[str]) -> str:
    """Whole numbers in a formula are powers and coefficients; a decimal number is a result."""
    return re.sub(r"(?<![\d.])\d+(?![\d.])|[^\d.\s]", lambda part: " " * len(part[0]), found[0])


def unclaimed(cell: nbformat.NotebookNode) -> list[str]:
    """Return the numbers of a cell's text that no claim covers, each with a few words around it."""
    text = text_of(cell)
    left = re.sub(r"```.*?```|`[^`]*`|</?[a-zA-Z][^>]*>|<!--.*?-->|\]\([^)]*\)|https?://\S+", _blank, text, flags=re.S)
    left = REFERENCES.sub(_blank, left)
    for exempt, _ in EXEMPT:
        left = re.sub(exempt, _blank, left, flags=re.M)
    left = re.sub(r"\$\$.*?\$\$|\$[^$]+\$", _blank_formula, left, flags=re.S)
    covered = [found.span(k) for pattern in [c.pattern for c in claims_of(cell)] + [p for p, _ in given_in(cell)]
               for found in pattern.finditer(text) for k in range(1, pattern.groups + 1)]  # fmt: skip
    missing = []
    for pattern in (NUMBER, WORDED):
        for found in pattern.finditer(left):
            if not any(start < found.end() and found.start() < end for start, end in covered):
                around = text[max(0, found.start() - 40) : found.end() + 30]
                missing.append(f"{found[0]!r} in “{' '.join(around.split())}”")
    return missing


def judge(claim: Claim, text: str, names: Names) -> str:
    """Return what is wrong with a claim, in a sentence, or nothing."""
    found = claim.pattern.search(text)
    if found is None:
        return f"the text does not say “{claim.words}”"
    try:
        value = eval(claim.expression, {**names, "np": np})
    except Exception as problem:
        return f"“{claim.words}”: {claim.expression} fails: {type(problem).__name__}: {problem}"
    if isinstance(value, bool | np.bool_):
        return "" if value else f"“{claim.words}”: {claim.expression} is false"
    values = np.atleast_1d(np.asarray(getattr(value, "value", value), dtype=float)).ravel()
    written = found.groups()
    if len(values) != len(written):
        return f"“{claim.words}” has {len(written)} numbers, {claim.expression} gives {len(values)}"
    for words, computed in zip(written, values, strict=True):
        try:
            number, unit = value_of(words)
        except ValueError as problem:
            return f"“{claim.words}”: {problem}"
        allowed = 0.5 * unit if claim.tolerance is None else claim.tolerance
        if not abs(computed - number) <= allowed * (1 + 1e-9):
            return f"“{claim.words}”: the text says {words}, the lecture computes {computed:.6g}"
    return ""


@contextlib.contextmanager
def machine(data: str) -> Iterator[None]:
    """Let lectures see the embedded files only, or the real ones that ``PHOTCOURSE_DATA`` names."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        if data == "embedded":
            os.environ.pop("PHOTCOURSE_DATA", None)
            os.environ["PHOTCOURSE_CACHE"] = folder
        elif "PHOTCOURSE_DATA" not in os.environ:
            raise SystemExit("PHOTCOURSE_DATA does not name a folder of real images.")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def contradictions(
    notebook: nbformat.NotebookNode,
    data: str = "embedded",
    names: Names | None = None,
    watch: Callable[[int], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
) -> tuple[list[str], Names]:
    """Run a lecture's code cells and judge every claim where it stands.

    Parameters
    ----------
    notebook : NotebookNode
        The lecture.
    data : str
        ``"embedded"`` or ``"real"``; the lecture runs as on a machine with these files (see `machine`).
    names : dict, optional
        Gets the lecture's variables.
    watch : callable
        Entered with a code cell's number around its run.

    Returns
    -------
    (list of str, dict)
        What is wrong, a sentence each with the cell's number; the names that the lecture leaves, and what it printed
        as ``printed``.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    names = {} if names is None else names
    names["__name__"] = "lecture"
    wrong: list[str] = []
    waiting: list[tuple[int, Claim]] = []
    printed = io.StringIO()

    def settle(number: int, claim: Claim) -> None:
        cell = notebook.cells[number]
        work: Names = {**names, "printed": printed.getvalue()}
        exec("\n".join(cell.metadata.get("work", [])), work)
        if problem := judge(claim, text_of(cell), work):
            wrong.append(f"cell {number}: {problem}")

    with machine(data), mpl.rc_context(), contextlib.redirect_stdout(printed):
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                with watch(number):
                    exec(compile(cell.source, f"cell {number}", "exec"), names)
                plt.close("all")
                for place, claim in [w for w in waiting if w[1].when == "next"]:
                    settle(place, claim)
                waiting = [w for w in waiting if w[1].when != "next"]
            for claim in claims_of(cell):
                if claim.data not in ("", data):
                    continue
                if claim.when:
                    waiting.append((number, claim))
                else:
                    settle(number, claim)
        for place, claim in waiting:
            settle(place, claim)
    return wrong, {**names, "printed": printed.getvalue()}


def main() -> int:
    """Check lectures named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("lectures", nargs="+", type=pathlib.Path)
    parser.add_argument("--data", choices=("embedded", "real"), default="embedded")
    parser.add_argument(
        "--unclaimed", action="store_true", help="only list the numbers that no claim covers; run nothing"
    )
    options = parser.parse_args()
    faults = 0
    for path in options.lectures:
        notebook = nbformat.read(path, as_version=4)
        wrong = [
            f"cell {number}: no claim for {what}"
            for number, cell in enumerate(notebook.cells)
            if number
            for what in unclaimed(cell)
        ]
        if not options.unclaimed:
            wrong += contradictions(notebook, options.data)[0]
        claims = sum(len(claims_of(cell)) for cell in notebook.cells)
        print(f"{path.stem}: {claims} claims, {len(wrong)} faults", *wrong, sep="\n  ")
        faults += len(wrong)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
