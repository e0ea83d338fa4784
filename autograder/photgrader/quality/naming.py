"""Is a hint the mistake? Spellings that no fingerprint was made from, pairs of mistakes, and cheap answers.

What is measured on the very answers that fingerprints were made from says little. So the mistakes are made again in other
words: the course keeps some in ``held_out/ASSIGNMENT.py`` beside its exercises, and in ``held_out/ASSIGNMENT.edits`` others that are
made in right variants by words of their own; the words that make a mistake of the reference are replaced in each right variant
that has them too, two such edits are made at once, and answers without any work are given.
All of it is code of the course's own and runs in this process.
"""

from __future__ import annotations

import json
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from photcheck import wire
from photcheck.judging import CaseVerdict
from photcheck.naming import AGREEMENT, exact
from photcheck.verdict import Verdict
from photgrader.coursedir import CourseError
from photgrader.exercise import Exercise, Implementation, exercise_file
from photgrader.exercise.definition import edited
from photgrader.grading.judge import grading_spec, name_mistake
from photgrader.quality.authoring import judge_here

#: Most pairs of mistakes of an exercise, and most variants that one mistake is made in.
MOST_PAIRS, MOST_VARIANTS = 6, 2
#: Answers without work: title and the function's body; `{first}` is the first argument, `{all}` are all of them.
CHEAP = {
    "zero": "return 0.0",
    "two zeros": "return 0.0, 0.0",
    "one": "return 1.0",
    "minus one": "return -1.0",
    "NaN": "return np.nan",
    "empty": "return []",
    "two empty": "return [], []",
    "nothing": "return None",
    "the input": "return {first}",
    "the first two inputs": "return ({all},)[:2]",
    "the last input": "return ({all},)[-1]",
    "the input and a zero": "return np.array({first}, float), 0.0",
    "zeros like the input": "return np.zeros(np.shape({first}))",
    "ones like the input": "return np.ones(np.shape({first}))",
    "a row of zeros each": "return np.zeros((len(np.atleast_1d({first})), 2))",
    "the mean everywhere": "return np.full(np.shape({first}), np.nanmean({first}))",
    "the median everywhere": "return np.full(np.shape({first}), np.nanmedian({first}))",
    "the maximum": "return float(np.nanmax({first}))",
    "the sum": "return float(np.nansum({first}))",
    "half of the last one": "return np.ravel({first})[-1] / 2",
    "the middle": "return (np.shape({first})[-1] - 1) / 2, (np.shape({first})[0] - 1) / 2",
}
#: Positions without work, for answers that are lists of positions.
_POSITIONS = {
    "every maximum": "from scipy.ndimage import maximum_filter\n    image = np.nan_to_num(np.asarray({first}, float))\n"
    "    y, x = np.nonzero(image == maximum_filter(image, 3))",
    "a grid": "y, x = (v.ravel() for v in np.mgrid[0:np.shape({first})[0]:4, 0:np.shape({first})[1]:4])",
    "a fine grid": "y, x = (v.ravel() for v in np.mgrid[0:np.shape({first})[0]:0.8, 0:np.shape({first})[1]:0.8])",
    "the brightest pixels": "order = np.argsort(np.nan_to_num({first}), axis=None)[-50:]\n    y, x = np.unravel_index(order, np.shape({first}))",
}
#: Figures without work: bare axes, and axes with all the words that were ever asked for.
_FIGURES = {
    "bare axes": "return plt.subplots()[0]",
    "every word and no data": "fig, ax = plt.subplots()\n    words = 'radius r x y pixel [pix] flux F nJy counts electrons e- adu mag mJy uJy Jy magnitude error catalogue measured "
    "growth curve sky background level'\n    ax.set_xlabel(words)\n    ax.set_ylabel(words)\n    ax.set_title(words)\n"
    "    ax.plot([], [], label=words)\n    ax.legend()\n    return fig",
}
#: The kinds of wrong answers that are tried, in words.
KINDS = {
    "held out": "Mistakes in other words",
    "in variants": "Mistakes made in right variants",
    "undeclared": "Mistakes that are not declared (none has a name to be found)",
    "pairs": "Two mistakes at once",
    "cheap": "Answers without work (none has a name to be found)",
}
#: Where an assignment's held-out mistakes are told apart: ``# %% EXERCISE: MISTAKE``, or ``-`` for one that is not declared.
_PART = re.compile(r"^# %% (\w+): (\S+)$", re.M)
#: In a file of edits: ``[EXERCISE | VARIANT]``, and below it ``MISTAKE: old => new ;; old => new``.
_BLOCK = re.compile(r"^\[(\w+) \| (.+)\]$")


@dataclass
class Told:
    """How often a hint named the mistake, named another one, or named none.

    Parameters
    ----------
    named, misleading, unnamed : int
        How many of each; a general fault that is really there (an error, nothing returned) misleads nobody.
    highest : float
        The largest share of the marks that one of them earned.
    highest_is : str
        Which one that was.
    lost : float
        The largest share of the marks that one of them loses whose provided cases are all right: its student's check is green.
    lost_is : str
        Which one that was; empty where none is green.
    notes : list of str
        A sentence for each that is not named.
    """

    named: int = 0
    misleading: int = 0
    unnamed: int = 0
    highest: float = 0.0
    highest_is: str = ""
    lost: float = 0.0
    lost_is: str = ""
    notes: list[str] = field(default_factory=list)

    def count(self, exercise: Exercise, what: str, wanted: tuple[str, ...], verdict: Verdict) -> None:
        """Take one wrong answer into account; one that is right counts for nothing."""
        if (share := verdict.points / max(verdict.max_points, 1e-9)) > self.highest:
            self.highest, self.highest_is = share, what
        if verdict.right:
            return
        if (loss := lost_though_green(verdict)) > self.lost:
            self.lost, self.lost_is = loss, what
        general = {exercise.misconceptions[id].raises for id in wanted} - {""}
        if verdict.hint_id in {*wanted, *general}:
            self.named += 1
        elif verdict.hint_id in exercise.misconceptions:
            self.misleading += 1
            self.notes.append(f"{what} is called {verdict.hint_id!r}")
        else:
            self.unnamed += 1
            if wanted:
                self.notes.append(f"{what} is called {verdict.hint_id!r}" if verdict.hint_id else f"{what} has no name")


def lost_though_green(verdict: Verdict) -> float:
    """Return the share of the marks that an answer loses in grading whose provided cases are all right; 0 for any other."""
    provided = [v.finding.ok for v in verdict.cases if not v.case.hidden]
    return 1 - verdict.points / max(verdict.max_points, 1e-9) if provided and all(provided) else 0.0


def held_out(exercise: Exercise) -> Iterator[tuple[str, Implementation]]:
    """Yield mistakes in other words than the fingerprint's: the mistake's id, empty where none is declared, and the code."""
    path = exercise_file("held_out", f"{exercise.assignment}.py")
    # What stands above the first is part of each.
    head, *parts = _PART.split(path.read_text(encoding="utf-8") if path.is_file() else "")
    for name, id, code in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if name == exercise.name:
            if id != "-" and id not in exercise.misconceptions:
                raise CourseError(
                    f"{path.name}: {name} has no mistake {id!r}; it has {', '.join(exercise.misconceptions)}."
                )
            yield (
                "" if id == "-" else id,
                Implementation(id, head + code.replace("# %% cell\n", "# %%\n").lstrip("\n"), "held out"),
            )
    for id, mistake in exercise.misconceptions.items():
        made = 0
        for variant in exercise.variants.values():
            if mistake.edit and made < MOST_VARIANTS and all(old in variant.code for old in mistake.edit):
                code = edited(variant.code, mistake.edit)
                if code not in (mistake.code, *mistake.spellings, variant.code) and _compiles(code):
                    made += 1
                    yield id, Implementation(f"{id} in {variant.id!r}", code, "edit")


def in_variants(exercise: Exercise) -> Iterator[tuple[str, Implementation]]:
    """Yield mistakes made in right variants by words of their own: the mistake's id, and the code.

    Raises
    ------
    CourseError
        One sentence: a variant or a mistake that there is not, or words that are not in the variant.
    """
    path = exercise_file("held_out", f"{exercise.assignment}.edits")
    name = title = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [], 1):
        if block := _BLOCK.match(line):
            name, title = block.groups()
        elif name == exercise.name and line and not line.startswith("#"):
            id, _, edits = line.partition(": ")
            parts = [re.split(" => ?", part.replace("\\n", "\n")) for part in edits.split(" ;; ")]
            try:
                code = edited(exercise.variants[title].code, {old: new for old, new in parts})
                exercise.misconceptions[id]
            except (KeyError, ValueError) as problem:
                raise CourseError(f"{path.name}, line {number}: {problem}") from problem
            yield id, Implementation(f"{id} in {title!r}", code, "edits")


def pairs(exercise: Exercise) -> Iterator[tuple[tuple[str, str], Implementation]]:
    """Yield pairs of mistakes made at once, the same ones at each run: in a variant that has the words of both, else in the reference."""
    made = 0
    for k in np.random.default_rng(len(exercise.pairs)).permutation(len(exercise.pairs)):
        one, other = exercise.pairs[k].split("+")
        edits = {**exercise.misconceptions[one].edit, **exercise.misconceptions[other].edit}
        bases = [v.code for v in exercise.variants.values() if all(old in v.code for old in edits)]
        code = edited((bases or [exercise.reference_code])[0], edits)
        if made < MOST_PAIRS and _compiles(code):
            made += 1
            yield (one, other), Implementation(f"{one} and {other}", code, "pair")


def cheap(exercise: Exercise) -> Iterator[Implementation]:
    """Yield answers without any work: constants, the input, positions anywhere, a neighbour's answer, bare figures."""
    head = f"def {exercise.name}({', '.join(exercise.params)}):\n    "
    bodies = (
        {title: f"import matplotlib.pyplot as plt\n    {body}" for title, body in _FIGURES.items()}
        if exercise.figure
        else dict(CHEAP)
    )
    if last := exercise.compare.from_positions():
        bodies |= {title: f"{body}\n{textwrap.indent(last, '    ')}" for title, body in _POSITIONS.items()}
    bodies |= {
        f"the answer of {name}": f"return {name}({', '.join(exercise.params[: len(exercise.siblings[name].params)])})"
        for name in exercise.depends
    }
    for title, body in bodies.items():
        yield Implementation(
            title, head + body.format(first=exercise.params[0], all=", ".join(exercise.params)) + "\n", "cheap"
        )
    if not (exercise.figure or exercise.output):
        yield Implementation("the provided cases played back", _played_back(exercise), "cheap")


def _played_back(exercise: Exercise) -> str:
    """Return code that knows the right answers of the provided cases and nothing else, as anybody can read them in a release."""
    played = {}
    for case, _ in exercise.cases(None):
        if case.dataset:
            # Of real files, which are not everywhere.
            continue
        forms = exercise.encode_args(case)
        asked = json.dumps([wire.encode(wire.decode(form, data=True)) for form in forms])
        played[asked] = wire.encode(exercise.run(exercise.solve_by, forms))
    return textwrap.dedent(f"""\
        import json
        from photcheck import wire

        PLAYED = json.loads({json.dumps(played)!r})

        def {exercise.name}(*given):
            asked = json.dumps([wire.encode(value) for value in given])
            return wire.decode(PLAYED.get(asked), data=True)
        """)


def highest_cheap(exercise: Exercise, seed: int) -> tuple[float, str]:
    """Return the largest share of the marks that an answer without work earns, and which one does."""
    found = [(_verdict(exercise, code, seed), code.id) for code in cheap(exercise)]
    return max(((verdict.points / max(verdict.max_points, 1e-9), title) for verdict, title in found), default=(0.0, ""))


def _compiles(code: str) -> bool:
    try:
        compile(code, "<cell>", "exec")
    except SyntaxError:
        return False
    return True


def told(exercise: Exercise, seed: int) -> dict[str, Told]:
    """Return what students are told of mistakes in other words.

    Returns
    -------
    dict
        What was told, by the kind of the wrong answers (`KINDS`).
    """
    found = {kind: Told() for kind in KINDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for id, code in held_out(exercise):
            verdict = _verdict(exercise, code, seed)
            # Words that are replaced in a text they were not meant for may not run at all: that is another mistake.
            if code.kind == "held out" or verdict.state != "error":
                found["held out" if id else "undeclared"].count(
                    exercise, f"{id or 'an undeclared mistake'} ({code.id})", (id,) if id else (), verdict
                )
        for id, code in in_variants(exercise):
            found["in variants"].count(exercise, code.id, (id,), _verdict(exercise, code, seed))
        for ids, code in pairs(exercise):
            found["pairs"].count(exercise, code.id, ids, _verdict(exercise, code, seed))
        for code in cheap(exercise):
            verdict = _verdict(exercise, code, seed)
            found["cheap"].count(exercise, code.id, _the_very_same(exercise, verdict), verdict)
    return found


def _the_very_same(exercise: Exercise, verdict: Verdict) -> tuple[str, ...]:
    """Return the mistakes that give the very answers that came, in nearly all wrong cases: their names are true of it.

    Half of the last radius is a mistake that is declared, and whatever writes no file makes the one of writing it elsewhere.
    """
    wrong = [v for v in verdict.cases if not v.finding.ok]

    def made(id: str) -> int:
        keys = exercise.spellings_of(id)
        return max(
            (sum(k in v.case.fingerprints and _same(v, v.case.fingerprints[k]) for v in wrong) for k in keys), default=0
        )

    return tuple(id for id in exercise.misconceptions if wrong and made(id) >= AGREEMENT * len(wrong))


def _same(verdict: CaseVerdict, fingerprint: Any) -> bool:
    # A file is its bytes; none is None.
    if verdict.answer is None or isinstance(verdict.answer, bytes):
        return type(fingerprint) is type(verdict.answer) and bool(verdict.answer == fingerprint)
    return exact(verdict.case, verdict.answer, fingerprint)


def _verdict(exercise: Exercise, implementation: Implementation, seed: int) -> Verdict:
    spec = grading_spec(exercise, 1.0, seed, ())
    try:
        return name_mistake(exercise, spec, judge_here(exercise, spec, implementation))
    except RuntimeError as problem:
        return Verdict(exercise.name, exercise.title, 0.0, 1.0, "error", str(problem))
