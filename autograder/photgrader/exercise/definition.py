"""One exercise, one definition: reference, cases, correct variants, mistakes with hints, tolerances.

An exercise module says what is right, on which inputs it is tried, and how people go wrong::

    exercise = Exercise("Half-light radius", compare=Number(rtol=0.02, unit="pixel", name="radius"))   # why: spacing of the samples

    @exercise.reference
    def half_light_radius(radii, fluxes):
        return radii[np.argmax(fluxes >= 0.5 * fluxes[-1])]

    @exercise.provided
    def provided():
        yield Case("the star of the lecture", radii, fluxes, tests="a smooth curve")

    @exercise.hidden
    def hidden(rng):
        yield Case("a noisy curve", ..., tests="half of the *last* flux")

    exercise.mistake(
        "of-the-maximum", "Half of the maximum instead of half of the last flux", edit={"fluxes[-1]": "fluxes.max()"},
        fails=("a noisy*",), idea="...", contrast="...")

The function's name and parameters are the reference's own. A mistake is the reference (or a named variant) with words
replaced; an edit that no longer applies is an error when the module is imported. Correct variants are plain student code in
a file beside, ``half_light_radius_variants.py``, each under a line ``# %% variant: title``, its cells parted by ``# %%``; that
file is read and not imported. Both are also put into simulated students' notebooks, so they are self-contained: they may use
``np`` and what they import themselves, and the exercises that they depend on by name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import functools
import hashlib
import inspect
import itertools
import math
import pathlib
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from photcheck import wire
from photcheck.comparators import Comparator
from photcheck.plugins import data_source
from photcheck.spec import CaseSpec, ExerciseSpec, Hint
from photgrader.exercise.recall import Recall

#: How long a call may take in a student's check where nothing else is said.
CALL_SECONDS = 15.0
#: Largest share of the marks that an answer without work may earn where an exercise says nothing else.
CHEAP_SHARE = 0.1
#: Arrays in fingerprints are thinned to this many values.
FINGERPRINT_VALUES = 1500

_recall = Recall()


@dataclass(frozen=True)
class OutFile:
    """An argument that names a file which the function is to write.

    `existing` is what the file already holds before the call, if anything.
    """

    name: str
    existing: bytes | None = None


@dataclass(init=False)
class Case:
    """One call of the function and what is expected of it.

    Parameters
    ----------
    name : str
        Short and unique in the exercise.
    *args : object
        Positional arguments: plain values, or a `photcheck.values.DataRef` into a course data file, or an `OutFile`.
    tests : str
        What this case tests, in words that may be shown to the student (for a hidden case nothing else is).
    expected : object, optional
        The right answer; by default what the reference returns.
    compare : Comparator, optional
        By default the exercise's.
    points : float
        Weight within the exercise.
    no_warnings : bool
        Whether the function must not warn.
    dataset : str
        For a case on real files: the dataset's name (``origin="archive"`` in its `DataRef`). Such cases are
        shown to the student and carry no points.

    Examples
    --------
    >>> Case("two and three", 2, 3, tests="whole numbers").args
    (2, 3)
    """

    name: str
    args: tuple[Any, ...]
    tests: str = ""
    expected: Any = None
    compare: Comparator | None = None
    points: float = 1.0
    no_warnings: bool = False
    dataset: str = ""

    def __init__(
        self,
        name: str,
        *args: Any,
        tests: str = "",
        expected: Any = None,
        compare: Comparator | None = None,
        points: float = 1.0,
        no_warnings: bool = False,
        dataset: str = "",
    ) -> None:
        self.name, self.args, self.tests, self.expected, self.compare = name, args, tests, expected, compare
        self.points, self.no_warnings, self.dataset = points, no_warnings, dataset


@dataclass(frozen=True)
class Implementation:
    """A way of writing the function: a reference, a variant or a misconception.

    `code` is the text of one or more notebook cells, parted by lines ``# %%``; `spellings` are further texts that make
    the same mistake with other numbers (divided with the unit kept or dropped; rounded or cut). `keeps` is the least share
    of the marks that a mistake leaves where it is the only one, and `edit` the words replaced in the reference's code.
    """

    id: str
    code: str
    kind: str
    hint: Hint | None = None
    fails: tuple[str, ...] = ()
    raises: str = ""
    spellings: tuple[str, ...] = ()
    keeps: float = 0.4
    edit: Mapping[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> list[str]:
        """The cells' sources."""
        return [part.strip("\n") for part in self.code.split("# %%\n") if part.strip()]


def _source_of(function: Callable[..., Any]) -> str:
    """Return a function's text without its decorators."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    return "\n".join(lines[start:]) + "\n"


def edited(text: str, edit: Mapping[str, str]) -> str:
    """Return a text with all replacements made at once.

    Raises
    ------
    ValueError
        Where one of them does not apply: an edit does not go stale unseen.

    Examples
    --------
    >>> edited("a + b", {"a": "b", "b": "a"})
    'b + a'
    """
    missing = next((old for old in edit if old not in text), None)
    if missing is not None:
        raise ValueError(f"the code to edit has no {missing!r}")
    return re.sub("|".join(map(re.escape, sorted(edit, key=len, reverse=True))), lambda found: edit[found[0]], text)


def fewer_digits(value: Any) -> Any:
    """Return an image with four digits to each number: more would be noise, and noise does not pack."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size < 1000:
        return value
    mantissa, exponent = np.frexp(value)
    return np.ldexp(np.rint(mantissa * 2**13) / 2**13, exponent).astype(value.dtype)


class Exercise:
    """Everything about one exercise.

    Parameters
    ----------
    title : str
        For people.
    compare : Comparator
        How answers are compared, with a tolerance whose reason stands beside it.
    depends : tuple of str
        Exercises of the same assignment that this one calls by name: they can be supplied from outside for
        follow-through marks.
    picture : str
        Picture of a wrong answer, see `photcheck.pictures`.
    figure : bool
        Whether the answer is the figure that the function draws.
    shared : bool
        Whether hidden cases are the same for all students of a run (where a reference is costly).
    seconds : float
        Time of one call that this exercise needs where it is more than the course allows by default.
    output : str
        Name of a file that the function writes and that is its answer; a case that gives the path as an `OutFile` says the name.
    extra_credit : float
        Points on top of the assignment's maximum, where the exercise is extra credit. Its check cell then has 0 points in the notebook.
    shown : tuple of str
        Names of hidden cases of which one, from a seed that grading never takes, is provided too: a check that is green
        without them would promise what it does not know.
    cheap : (float, str), optional
        The share of the marks that an answer without work (a constant, the input, a grid of positions) may earn where that is
        more than `CHEAP_SHARE`, and why that is meant.

    Attributes
    ----------
    name : str
        The function's name, fixed by the contract: the reference's own.
    params : tuple of str
        Its parameters' names.
    """

    def __init__(
        self,
        title: str,
        *,
        compare: Comparator,
        depends: tuple[str, ...] = (),
        picture: str = "",
        figure: bool = False,
        shared: bool = False,
        seconds: float = 0.0,
        output: str = "",
        extra_credit: float = 0.0,
        shown: tuple[str, ...] = (),
        cheap: tuple[float, str] = (CHEAP_SHARE, ""),
    ) -> None:
        if cheap[0] > CHEAP_SHARE and not cheap[1]:
            raise ValueError(
                f"{title}: why may an answer without work earn more than {CHEAP_SHARE:.0%}? Say it, as cheap=(share, reason)."
            )
        self.cheap_share, self.cheap_because = cheap
        self.shown = shown
        self.title, self.compare = title, compare
        self.depends, self.picture, self.figure, self.shared = depends, picture, figure, shared
        self.seconds, self.output, self.extra_credit = seconds, output, extra_credit
        self.name, self.params = "", ()  # type: tuple[str, tuple[str, ...]]
        self.assignment = ""
        #: Where the course explains this: a section of a lecture (`photgrader.exercise.catalogue`).
        self.section = ""
        #: Factors that answers in the course's subject are often off by (`photgrader.exercise.catalogue`).
        self.factors: tuple[tuple[float, str], ...] = ()
        #: All exercises of the assignment, this one among them (`photgrader.exercise.catalogue`).
        self.siblings: dict[str, Exercise] = {}
        self._reference: Callable[..., Any] | None = None
        self.reference_code = ""
        self._provided: Callable[[], Iterator[Case]] | None = None
        self._hidden: Callable[[np.random.Generator], Iterator[Case]] | None = None
        self.variants: dict[str, Implementation] = {}
        self.misconceptions: dict[str, Implementation] = {}
        #: Mutants that are equivalent to the reference, by hand: (text found in the mutant's diff, reason).
        self.equivalent_mutants: list[tuple[str, str]] = []
        self._namespace: Callable[[], dict[str, Any]] = dict

    # -------------------------------------------------------------------------------- declaring
    def reference(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Declare the reference (decorator), and read the variants that lie beside its module."""
        self._reference = function
        self.name, self.params = function.__name__, tuple(inspect.signature(function).parameters)
        self.reference_code = _source_of(function)
        module = pathlib.Path(inspect.getsourcefile(function) or "")
        variants = module.with_name(f"{module.stem}_variants.py")
        if variants.is_file():
            for part in variants.read_text(encoding="utf-8").split("# %% variant: ")[1:]:
                title, _, code = part.partition("\n")
                self.variant(title.strip(), code)
        return function

    def provided(self, function: Callable[[], Iterator[Case]]) -> Callable[[], Iterator[Case]]:
        """Declare the provided cases: a generator function without arguments (decorator)."""
        self._provided = function
        return function

    def hidden(self, function: Callable[[np.random.Generator], Iterator[Case]]) -> Callable[..., Iterator[Case]]:
        """Declare the hidden cases: a generator function of a random generator (decorator)."""
        self._hidden = function
        return function

    def variant(self, title: str, code: str) -> None:
        """Declare a correct variant as the text of one or more cells (parted by ``# %%``)."""
        if title in self.variants:
            raise ValueError(f"{self.name} has two variants {title!r}")
        self.variants[title] = Implementation(title, textwrap.dedent(code).strip("\n") + "\n", "variant")

    def mistake(
        self,
        id: str,
        title: str,
        *,
        edit: Mapping[str, str] | None = None,
        of: str = "",
        code: str = "",
        idea: str,
        contrast: str = "",
        fails: tuple[str, ...] = ("*",),
        raises: str = "",
        keeps: float = 0.4,
        spellings: Sequence[str | Mapping[str, str]] = (),
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a mistake that people make.

        Parameters
        ----------
        id, title : str
            Its name in records, and in the words of the course.
        edit : mapping of str to str, optional
            Words replaced in the reference's code, all at once.
        of : str
            Title of the variant whose code is edited in place of the reference's.
        code : str
            The whole code, where the mistake is no edit; without either, the decorated function is taken.
        idea, contrast : str
            What to understand, and an example of right beside wrong.
        fails : tuple of str
            Patterns of the names of the cases that it gets wrong.
        raises : str
            The id of a general hint (``"leftover"``, ``"input-modified"``, ``"none"``, ...) where the mistake shows as one and has no
            numeric fingerprint of its own.
        keeps : float
            The least share of the marks that it leaves where it is the only mistake.
        spellings : sequence of str or mapping
            Further codes, or further edits of the same text, that make the same mistake with other numbers.

        Raises
        ------
        ValueError
            Where the id is taken, or an edit does not apply.
        """
        base = ""

        def keep(text: str) -> None:
            if id in self.misconceptions:
                raise ValueError(f"{self.name} has two mistakes {id!r}")
            self.misconceptions[id] = Implementation(
                id,
                textwrap.dedent(text).lstrip("\n"),
                "misconception",
                Hint(title, idea, contrast),
                tuple(fails),
                raises,
                tuple(textwrap.dedent(s if isinstance(s, str) else edited(base, s)).lstrip("\n") for s in spellings),
                keeps,
                dict(edit or {}) if not of else {},
            )

        if edit is not None:
            try:
                base = self.variants[of].code if of else self.reference_code
                keep(edited(base, edit))
            except (KeyError, ValueError) as problem:
                raise ValueError(f"mistake {id!r} of {self.name}: {problem}") from problem
        elif code:
            keep(code)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            keep(_source_of(function))
            return function

        return decorate

    def namespace(self, function: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        """Declare names that the notebook gives to every implementation, beside ``np`` (decorator)."""
        self._namespace = function
        return function

    # -------------------------------------------------------------------------------- using
    @property
    def solve_by(self) -> Callable[..., Any]:
        """The reference itself.

        Raises
        ------
        ValueError
            Where there is none.
        """
        if self._reference is None:
            raise ValueError(f"exercise {self.name} has no reference")
        return self._reference

    def solve(self, *args: Any, **named: Any) -> Any:
        """Call the reference."""
        return self.solve_by(*args, **named)

    def recalled(self, *args: Any, **named: Any) -> Any:
        """Return the reference's answer, kept from the last time where the arguments are the same."""
        return self.solve(*args, **named) if self.output else _recall(self.solve_by, *args, **named)

    def cases(self, seed: int | None) -> Iterator[tuple[Case, bool]]:
        """Yield provided cases and, where a seed is given, hidden ones, each with whether it is hidden."""
        if self._provided is not None:
            for case in self._provided():
                yield case, False
        for case in self.public_cases("shown") if self.shown else ():
            if case.name in self.shown:
                yield case, False
        if seed is not None:
            for case in self.hidden_cases(seed):
                yield case, True

    def hidden_cases(self, seed: int) -> Iterator[Case]:
        """Yield the hidden cases of a seed; they do not depend on the provided ones, which take time to make."""
        if self._hidden is not None:
            yield from self._hidden(np.random.default_rng(seed))

    def public_cases(self, purpose: str) -> list[Case]:
        """Return cases of the hidden kinds from a seed that grading never takes, with images of few digits: they travel with the release."""
        seed = int.from_bytes(hashlib.blake2b(f"{purpose} of {self.name}".encode(), digest_size=5).digest(), "big")
        made = [case for case in self.hidden_cases(seed) if not case.dataset]
        for case in made:
            case.args = tuple(fewer_digits(a) for a in case.args)
        return made

    def callable_of(self, implementation: Implementation) -> Callable[..., Any]:
        """Return an implementation as a function, run in a fresh namespace of the grader's own process.

        Only for code of this package: variants, misconceptions and mutants, never for a student's.
        """
        space: dict[str, Any] = {"np": np, "__name__": "__main__", **self._namespace()}
        for name in self.depends:
            space[name] = self.siblings[name].recalled
        for k, cell in enumerate(implementation.cells):
            # The file name makes error reports say "<cell", as a notebook's do.
            # Not with this module's own `from __future__`: a notebook evaluates annotations.
            exec(compile(cell, f"<cell {k} of {implementation.id}>", "exec", dont_inherit=True), space)  # noqa: S102
        return space[self.name]

    def encode_args(self, case: Case, *, packed: bool = True) -> list[Any]:
        """Return the plain forms of a case's arguments, arrays compressed or not."""
        return [
            {
                "$": "outfile",
                "name": a.name,
                "existing": None if a.existing is None else wire.encode(a.existing, packed=packed),
            }
            if isinstance(a, OutFile)
            else wire.encode(a, packed=packed)
            for a in case.args
        ]

    def case_spec(self, case: Case, hidden: bool) -> CaseSpec:
        """Return a case ready to be judged, with its right answer and no fingerprints yet."""
        # A hidden case is asked once or twice and kept in no file.
        forms = self.encode_args(case, packed=not hidden)
        expected = case.expected
        if expected is None:
            expected = self.run(self._reference, forms)
            if isinstance(expected, dict) and "raises" in expected:
                raise RuntimeError(f"the reference of {self.name} stops on case {case.name!r}: {expected['raises']}")
        origin = "archive" if case.dataset else "embedded"
        return CaseSpec(
            case.name,
            case.tests or case.name,
            forms,
            expected,
            case.compare or self.compare,
            0.0 if case.dataset else case.points,
            hidden,
            {},
            case.no_warnings,
            next((a.name for a in case.args if isinstance(a, OutFile)), self.output),
            origin,
            data_source().files(case.dataset) if case.dataset else {},
        )

    def run(self, function: Any, forms: list[Any]) -> Any:
        """Call trusted code on fresh inputs; return its answer through the wire, or ``{"raises": type}``."""
        import tempfile

        from photcheck.call import call

        # A folder costs milliseconds on a disk, and few functions write a file.
        # What writes a file writes it there, also where a mistake does not ask where.
        with (
            tempfile.TemporaryDirectory() if self.output else contextlib.nullcontext("") as folder,
            contextlib.chdir(folder or "."),
        ):
            report = call(function, forms, self.params, folder=folder, figure=self.figure, packed=False)
            if not report["ok"]:
                return {"raises": report["error"]["type"], "message": report["error"]["message"]}
            if self.output:
                path = pathlib.Path(folder) / next(
                    (form["name"] for form in forms if isinstance(form, dict) and form.get("$") == "outfile"),
                    self.output,
                )
                return path.read_bytes() if path.exists() else None
            return wire.decode(report["value"])

    def fingerprint(
        self,
        case: CaseSpec,
        ids: list[str] | None = None,
        questions: float = math.inf,
        known: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Fill in what misconceptions answer on a case, by `spellings_of`.

        One that asks the exercises that this one depends on more than `questions` times is stopped, and left out; one whose answer
        is `known` is not asked.
        """
        every = [key for id in self.misconceptions for key in self.spellings_of(id)]
        for key in every if ids is None else ids:
            if key in case.fingerprints:
                continue
            with _recall.questions(questions):
                answer = known[key] if key in known else self.run(self._function_of(key), case.args)
                # However it ends: one that tries again after each error would have a part of its answer kept for all students.
                stopped = _recall.questions_left < 0
            if stopped:
                continue
            if isinstance(answer, np.ndarray) and answer.size > FINGERPRINT_VALUES and answer.dtype.kind in "biuf":
                answer = wire.Sample.of(answer, FINGERPRINT_VALUES)
            if isinstance(answer, dict) and "raises" in answer:
                answer = {"raises": answer["raises"], "message": answer["message"][:300]}
            case.fingerprints[key] = answer

    @functools.lru_cache(maxsize=64)  # noqa: B019 - exercises live as long as the process
    def _function_of(self, key: str) -> Callable[..., Any]:
        if "+" in key:
            return self.callable_of(Implementation(key, self._both(*key.split("+")), "misconception"))
        id, _, number = key.partition("~")
        implementation = self.misconceptions[id]
        if number:
            implementation = dataclasses.replace(implementation, code=implementation.spellings[int(number) - 1])
        return self.callable_of(implementation)

    def _both(self, one: str, other: str) -> str:
        """Return the reference's code with two mistakes made at once; empty where their words get into each other's way."""
        first, second = self.misconceptions[one].edit, self.misconceptions[other].edit
        if not first or not second or any(a in b or b in a for a in first for b in second):
            return ""
        code = edited(self.reference_code, {**first, **second})
        try:
            compile(code, "<cell>", "exec")
        except SyntaxError:
            return ""
        return code

    @functools.cached_property
    def mistakes_hash(self) -> str:
        """Hash of the code of all mistakes, to tell whether kept answers are theirs."""
        codes = [(id, m.code, m.spellings, m.raises) for id, m in self.misconceptions.items()]
        return hashlib.sha256(repr(codes).encode()).hexdigest()[:16]

    @functools.cached_property
    def pairs(self) -> list[str]:
        """Keys of all pairs of mistakes that can be made in the reference at once: ``"swapped+no-offset"``."""
        ids = [id for id, m in self.misconceptions.items() if m.edit and not m.raises]
        return [f"{one}+{other}" for one, other in itertools.combinations(ids, 2) if self._both(one, other)]

    def spellings_of(self, id: str) -> list[str]:
        """Return the keys under which the answers of a misconception are kept: its own, and one for each further spelling."""
        implementation = self.misconceptions[id]
        return (
            [] if implementation.raises else [id, *(f"{id}~{k}" for k in range(1, len(implementation.spellings) + 1))]
        )

    def spec(
        self, points: float, seed: int | None = None, *, fingerprints: bool = True, template_names: tuple[str, ...] = ()
    ) -> ExerciseSpec:
        """Return the exercise as a check sees it.

        Parameters
        ----------
        points : float
            What it is worth.
        seed : int, optional
            Seed of the hidden cases; without one there are none, as in a release.
        fingerprints : bool
            Whether to fill in the misconceptions' answers now.
        template_names : tuple of str
            Variables that the notebook as handed out defines.
        """
        cases = []
        for case, hidden in self.cases(seed):
            if case.dataset and data_source().origin(case.dataset) != "archive":
                continue
            spec = self.case_spec(case, hidden)
            if fingerprints:
                self.fingerprint(spec)
            cases.append(spec)
        return self.spec_of(cases, points, template_names)

    def spec_of(self, cases: list[CaseSpec], points: float, template_names: tuple[str, ...] = ()) -> ExerciseSpec:
        """Return the exercise as a check sees it, with cases that are made already."""
        hints = {id: m.hint for id, m in self.misconceptions.items() if m.hint is not None and not m.raises}
        return ExerciseSpec(
            self.name,
            self.assignment,
            self.title,
            self.params,
            cases,
            hints,
            points,
            self.picture,
            self.figure,
            template_names,
            extra=bool(self.extra_credit),
            factors=self.factors,
            seconds=max(CALL_SECONDS, self.seconds),
            section=self.section,
            mistakes=self.mistakes_hash,
        )

    def expected_to_fail(self, implementation: Implementation, case_name: str) -> bool:
        """Tell whether a misconception is declared to fail a case."""
        return any(fnmatch.fnmatch(case_name, pattern) for pattern in implementation.fails)
