"""Judge the exercises of a notebook through the probe: inputs go in, values come out, verdicts are made here."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import heapq
import itertools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck import wire
from photcheck.comparators.base import fault
from photcheck.naming import FAR_MORE, Evidence, far_more, length, patterns, unexplained
from photcheck.report import Facts, Report
from photcheck.spec import CaseSpec, ExerciseSpec
from photcheck.verdict import CaseVerdict, Verdict, conclude, judge_case, skipped, stopped_by
from photgrader.coursedir.settings import Settings
from photgrader.exercise import Assignment, Exercise
from photgrader.exercise.released import recall
from photgrader.sandbox.session import KernelGone, Probe, ProbeSilent, Session

#: How many times longer a call may take that is answered questions to the references.
SUPPLIED_TIME = 3
#: What one exercise may ask the references in all: questions, bytes of arguments and answers, seconds; the course's own pipelines that
#: ask most stay within a tenth.
MAX_UPSTREAM, UPSTREAM_BYTES, UPSTREAM_SECONDS = 50_000, 400_000_000, 60.0
#: One question's arguments name no larger picture, and one takes no longer.
UPSTREAM_PIXELS, ONE_SECONDS = 2_000_000, 5.0
#: What the answers of a notebook may hold in all until the mistakes behind them are named; what does not fit is dropped once compared.
HELD_BYTES = 256_000_000
REVIEW_STATES = {
    "kernel died",
    "out of memory",
    "too many files",
    "timeout",
    "no answer",
    "not a notebook",
    "missing notebook",
    "too large",
    "grader fault",
    "took too long",
    "took too much memory",
}
#: Most that provided cases may weigh, together, of an exercise that has hidden ones.
PROVIDED_SHARE = 0.1
#: How long a pair of mistakes is looked for where no single one explains an answer.
PAIR_SECONDS = 0.5
#: States of a verdict behind which there can be a mistake with a name.
NAMED_STATES = {"partly right", "wrong", "error", "timeout"}


def seed_for(key: bytes, run: str, assignment: str, exercise: Exercise, student: str) -> int:
    """Return the seed of an exercise's hidden cases, reproducible from the record, not guessable without the key."""
    whose = "" if exercise.shared else student
    text = "\x1f".join((run, assignment, exercise.name, whose)).encode()
    return int.from_bytes(hashlib.blake2b(text, key=key[:64], digest_size=6).digest(), "big")


@functools.lru_cache(maxsize=256)
def _provided(assignment: str, name: str) -> tuple[CaseSpec, ...]:
    from photgrader.exercise import load_assignment

    exercise = load_assignment(assignment).exercises[name]
    return tuple(exercise.case_spec(c, False) for c, hidden in exercise.cases(None) if not c.dataset)


@functools.lru_cache(maxsize=128)
def _hidden(assignment: str, name: str, seed: int) -> tuple[CaseSpec, ...]:
    from photgrader.exercise import load_assignment

    exercise = load_assignment(assignment).exercises[name]
    return tuple(exercise.case_spec(c, True) for c in exercise.hidden_cases(seed) if not c.dataset)


def grading_spec(exercise: Exercise, points: float, seed: int, template_names: tuple[str, ...]) -> ExerciseSpec:
    """Return an exercise as the grader judges it: provided and hidden cases; references are computed once per case."""
    provided, hidden = _provided(exercise.assignment, exercise.name), _hidden(exercise.assignment, exercise.name, seed)
    return exercise.spec_of([*_light(provided, hidden), *hidden], points, template_names)


def _light(provided: Sequence[CaseSpec], hidden: Sequence[CaseSpec]) -> list[CaseSpec]:
    """Return the provided cases with the weight that they may have beside the hidden ones.

    Their right answers travel with the release, and whoever plays them back has done no work.
    """
    known, fresh = sum(c.points for c in provided), sum(c.points for c in hidden)
    factor = min(1.0, PROVIDED_SHARE / (1 - PROVIDED_SHARE) * fresh / known) if known and fresh else 1.0
    return [dataclasses.replace(c, points=round(c.points * factor, 4)) for c in provided]


def fill_fingerprints(exercise: Exercise, spec: ExerciseSpec, verdicts: list[CaseVerdict]) -> None:
    """Compute what misconceptions answer on these cases, as far as one of them can still be named.

    A search, best first: the misconception that can still explain most failing cases, of equals the one that disagrees
    with the student on the fewest, then the one whose declared cases are most like those that the student has wrong, then the one
    declared first, is asked for its answer to one case more. The first that has answered all of them and stands is the one that `photcheck.naming` names; the search goes on while wrong cases are
    left that nothing explains. Provided cases come first, their answers are the same for all students and kept; wrong ones
    before right ones, as they tell most.
    """
    if all(v.finding.ok for v in verdicts) or all(v.finding.kind == "not written" for v in verdicts):
        return
    failing = {k for k, v in enumerate(verdicts) if not v.finding.ok}
    if any(id != "only-one" and cases == failing for id, cases in patterns(verdicts).items()):
        # Seen in the answers alone, and then no misconception comes before it.
        return
    recall(exercise, spec.cases)
    explained: set[int] = set()
    while unexplained(verdicts, explained):
        more = _search(exercise, spec, verdicts, explained)
        if not more:
            return
        explained |= more


def _search(exercise: Exercise, spec: ExerciseSpec, verdicts: list[CaseVerdict], explained: set[int]) -> set[int]:
    """Return the failing cases that the best misconception explains beside those that are explained already."""
    asked = sorted(
        set(range(len(verdicts))) - explained, key=lambda k: (verdicts[k].case.hidden, verdicts[k].finding.ok)
    )
    failing = [0, *itertools.accumulate(not verdicts[k].finding.ok for k in reversed(asked))][::-1]
    keys = [key for id in spec.hints for key in exercise.spellings_of(id)]
    found = [Evidence() for _ in keys]
    # A function that stops wherever it fails does so for a reason that shows on the provided cases, whose answers are known, too:
    # what explains none of them there is not run on the hidden ones.
    known = sum(not verdicts[k].finding.ok and not verdicts[k].case.hidden for k in asked)
    stops = known > 0 and all(verdicts[k].raised for k in asked if not verdicts[k].finding.ok)
    unlike = {
        id: sum(
            exercise.expected_to_fail(exercise.misconceptions[id], verdicts[k].case.name) == verdicts[k].finding.ok
            for k in asked
        )
        for id in spec.hints
    }
    # Failing cases that it cannot explain any more, cases missed, cases declared otherwise, place among the misconceptions, cases asked.
    waiting = [(0, 0, unlike[key.partition("~")[0]], place, 0) for place, key in enumerate(keys)]
    heapq.heapify(waiting)
    while waiting:
        _, _, likely, place, done = heapq.heappop(waiting)
        evidence = found[place]
        if done == len(asked):
            if evidence.stands():
                return evidence.explained
            continue
        if stops and done == known and not evidence.explained:
            continue
        number = asked[done]
        _ask_mistake(exercise, verdicts[number], keys[place])
        evidence.add(number, verdicts[number], keys[place])
        if evidence.stands(left=len(asked) - done - 1):
            lost = failing[0] - len(evidence.explained) - failing[done + 1]
            heapq.heappush(waiting, (lost, evidence.missed, likely, place, done + 1))
    return set()


def _ask_mistake(exercise: Exercise, verdict: CaseVerdict, key: str) -> None:
    """Have a mistake's answer to a case worked out, or what it says of the student's where it is stopped."""
    exercise.fingerprint(verdict.case, [key], _questions(exercise, verdict))
    if verdict.finding.kind == "far more" and key not in verdict.case.fingerprints:
        # It was stopped for the very thing that is known of the student's answer.
        verdict.agreements[key] = "explained", False


def _questions(exercise: Exercise, verdict: CaseVerdict) -> float:
    """Return how much a mistake may ask before its answer must have far more rows than the right one.

    Then it is not the student's whose answer has not so many; it is one's whose answer was cut off for that (kind "far more"). Only where
    the student's has as many, and all of them are known, it is worked out to its end and compared.
    """
    if far_more(verdict.case, verdict.answer) and verdict.finding.kind != "far more":
        return math.inf
    return FAR_MORE * ((length(verdict.case.expected) or 0) + 1) * (len(exercise.depends) + 1)


def _name_two(exercise: Exercise, spec: ExerciseSpec, verdict: Verdict) -> None:
    """Name two mistakes that were made at once, where together they explain every failing case; in place.

    Looked for no longer than `PAIR_SECONDS`: few people make two mistakes that hide each other everywhere.
    """
    failing = {k for k, v in enumerate(verdict.cases) if not v.finding.ok}
    asked = sorted(range(len(verdict.cases)), key=lambda k: (verdict.cases[k].finding.ok, verdict.cases[k].case.hidden))
    until = time.perf_counter() + PAIR_SECONDS
    for key in exercise.pairs:
        evidence = Evidence()
        for number in asked:
            case = verdict.cases[number]
            _ask_mistake(exercise, case, key)
            evidence.add(number, case, key)
            case.case.fingerprints.pop(key, None)
            if evidence.missed or time.perf_counter() > until:
                break
        else:
            if evidence.explained == failing:
                one, other = key.split("+")
                verdict.hint_id, verdict.hint = one, spec.hints[one]
                verdict.sentence += f" {spec.hints[one].title}."
                verdict.further = [f"And besides, in the same cases: {spec.hints[other].title}."]
                return
        if time.perf_counter() > until:
            return


def name_mistake(exercise: Exercise, spec: ExerciseSpec, verdict: Verdict) -> Verdict:
    """Return a verdict with the mistake behind it named, where it is one of the exercise's."""
    if not verdict.cases or verdict.state not in NAMED_STATES:
        return verdict
    fill_fingerprints(exercise, spec, verdict.cases)
    named = conclude(spec, verdict.cases)
    named.notes = verdict.notes
    if not named.hint_id:
        _name_two(exercise, spec, named)
    mistake = exercise.misconceptions.get(named.hint_id)
    if mistake is not None and not named.further and named.points < mistake.keeps * spec.points:
        # A single slip that is known leaves what it declares, however many cases it spoils.
        named.points, named.state = round(mistake.keeps * spec.points, 4), "partly right"
        named.sentence += f" It is one known slip, and keeps {mistake.keeps:.0%} of the points."
    return named


def size_of(value: Any) -> int:
    """Return about how many bytes a value holds: arrays, texts and bytes, in containers and tables."""
    total, waiting, seen = 0, [value], 0
    while waiting and seen < 10_000:
        item = waiting.pop()
        seen += 1
        if isinstance(item, np.ndarray):
            total += item.nbytes
        elif isinstance(item, (str, bytes)):
            total += len(item)
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, (list, tuple)):
            total += 8 * len(item)
            waiting += item[:1000]
        elif hasattr(item, "columns") and hasattr(item, "colnames"):
            waiting += [np.asarray(item[name]) for name in item.colnames]
        elif hasattr(item, "axes"):
            waiting.append(item.axes)
    return total


class TooMuchAsked(Exception):
    """More was asked of the references than one exercise may."""


@dataclass
class Budget:
    """What one exercise has asked the references so far.

    Parameters
    ----------
    questions, nbytes : int
        How many, and how much went in and out.
    seconds : float
        How long they took.
    left_here : int
        How many more the case of the moment may ask.
    """

    questions: int = 0
    nbytes: int = 0
    seconds: float = 0.0
    left_here: int = MAX_UPSTREAM

    @contextlib.contextmanager
    def spend(self, arguments: list[Any]) -> Iterator[Callable[[Any], None]]:
        """Count a question, and stop it where it takes too long; gives what counts its answer.

        Raises
        ------
        TooMuchAsked
            One sentence.
        """
        self.questions += 1
        self.left_here -= 1
        if self.left_here < 0:
            raise TooMuchAsked("no more questions are answered for this case")
        self._count(arguments)
        sizes = [
            math.prod(abs(int(n)) for n in a if isinstance(n, (int, np.integer)))
            for a in arguments
            if isinstance(a, (tuple, list)) and len(a) < 5
        ]
        sizes += [
            int(np.prod(np.abs(a.astype(float))))
            for a in arguments
            if isinstance(a, np.ndarray) and a.dtype.kind in "iu" and 0 < a.size < 5
        ]
        if any(n > UPSTREAM_PIXELS for n in sizes):
            raise TooMuchAsked("a picture this large is not supplied")
        if self.questions > MAX_UPSTREAM or self.seconds > UPSTREAM_SECONDS:
            raise TooMuchAsked("no more questions are answered for this exercise")
        started = time.monotonic()
        try:
            with time_limit(ONE_SECONDS):
                yield self._count
        finally:
            self.seconds += time.monotonic() - started

    def _count(self, value: Any) -> None:
        self.nbytes += size_of(value)
        if self.nbytes > UPSTREAM_BYTES:
            raise TooMuchAsked("no more is supplied to this exercise")


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop what runs inside after some time, between two steps of Python; only a process's main thread can be stopped so.

    Raises
    ------
    TooMuchAsked
        It took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: Any) -> None:
        raise TooMuchAsked("this takes too long to be supplied")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _at_most(spec: ExerciseSpec, verdicts: dict[int, CaseVerdict]) -> float:
    """Return the points of an exercise if all cases without a verdict yet were right."""
    weights = sum(c.points for c in spec.cases) or 1.0
    lost = sum(v.case.points * (1 - v.finding.score) for v in verdicts.values())
    return round(spec.points * (1 - lost / weights), 4)


@dataclass
class Judge:
    """Judges exercises in one session after the other.

    Parameters
    ----------
    assignment : Assignment
        The exercises.
    settings : Settings
        Limits.
    new_session : callable
        Gives a fresh session in the state after all cells, or None where there is no time left for one.
    """

    assignment: Assignment
    settings: Settings
    new_session: Callable[[], Session | None]
    session: Session | None = None
    probe: Probe | None = None
    restarts_left: int = 8
    gone_state: str = ""
    held: int = 0
    asked: int = 0

    def given(self, exercise: Exercise, spec: ExerciseSpec, supply: tuple[str, ...]) -> Verdict | None:
        """Judge one exercise with right answers supplied, as long as it asks no more of them, and takes no longer, than a right one would."""
        try:
            return self.judge(exercise, spec, supply, patient=False)
        except TooMuchAsked:
            return None

    def judge(
        self,
        exercise: Exercise,
        spec: ExerciseSpec,
        supply: tuple[str, ...] = (),
        before: Sequence[CaseVerdict] = (),
        *,
        patient: bool = True,
        than: Verdict | None = None,
    ) -> Verdict:
        """Judge one exercise; the mistake is not named yet (`name_mistake`), as the verdict need not be the last.

        Parameters
        ----------
        supply : tuple of str
            Names of exercises whose right answers are supplied from outside. How often they were asked for is in `asked` afterwards.
        before : sequence of CaseVerdict
            What the student's own answers were worth. Where such an answer has far more rows than the right one
            (noise is taken for stars), a case that goes on asking for each of them is cut off, and keeps what it was worth.
        patient : bool
            Whether other cases may ask that much, and answers that are supplied may take longer than a call without them.
        than : Verdict, optional
            Another verdict on the same cases, with right answers supplied. It is given back itself as soon as this one cannot earn
            more, or takes noise for stars; the cases that it lost are asked first, those that weigh most before others.

        Raises
        ------
        TooMuchAsked
            Not patient, and more was asked, or a call had no answer in its time.
        """
        if self.session is not None and self.session.full():
            # Another function's answers were right, and what it keeps leaves this one no room.
            self._forget("no answer")
        budget = Budget()
        verdicts: dict[int, CaseVerdict] = {}
        self.asked = 0
        order = list(range(len(spec.cases)))
        if than is not None:
            order.sort(key=lambda k: (than.cases[k].finding.ok, -spec.cases[k].points))
        for number in order:
            case = spec.cases[number]
            own = before[number] if number < len(before) and far_more(case, before[number].answer) else None
            bounded = own is not None or not patient
            budget.left_here = FAR_MORE * ((length(case.expected) or 0) + 1) * len(supply) if bounded else MAX_UPSTREAM
            report, facts = self._ask(exercise, case, spec, supply, budget, SUPPLIED_TIME if supply and patient else 1)
            self.asked = budget.questions
            if report.absent:
                return self._absent(spec)
            if facts.state:
                return self._stopped(spec, facts.state, case)
            if budget.left_here < 0 and own is not None:
                kept = dataclasses.replace(own.finding, kind="far more")
                verdicts[number] = dataclasses.replace(own, finding=kept)
                continue
            judged = judge_case(case, report, spec.params, facts)
            verdicts[number] = self._lighter(judged)
            late = judged.finding.kind == "timeout"
            if not patient and (late or budget.left_here < 0):
                raise TooMuchAsked(f"{case.name}: more than a right function asks, or longer")
            if late:
                # One call without an end says enough: the others would cost as much time again.
                untried = fault("not tried: a case before gave no answer in its time", "not tried")
                verdicts = {k: verdicts.get(k, CaseVerdict(c, untried)) for k, c in enumerate(spec.cases)}
                break
            if than is not None and (far_more(case, judged.answer) or _at_most(spec, verdicts) <= than.points):
                return than
        return conclude(spec, [verdicts[k] for k in range(len(spec.cases))], explained=False)

    def _ask(
        self,
        exercise: Exercise,
        case: CaseSpec,
        spec: ExerciseSpec,
        supply: tuple[str, ...],
        budget: Budget,
        longer: int,
    ) -> tuple[Report, Facts]:
        """Ask the kernel for one case: what it says, and what is known of the call without it.

        Where a file is the answer it is read after each call, before the next one writes another.
        """
        # The references that are asked for right answers take time too, and it is not the student's.
        seconds = max(self.settings.limits.call_seconds, exercise.seconds) * longer
        asked = {
            "op": "call",
            "name": spec.name,
            "args": case.args,
            "params": list(spec.params),
            "figure": spec.figure,
            "template": sorted(spec.template_names),
            "supply": list(supply),
            "again": not case.output,
        }
        report, facts = self._call(case, asked, seconds, supply, budget)
        if not case.output or not report.leftovers or facts.state or facts.waited:
            return report, facts
        second, known = self._call(case, {**asked, "rebind": list(report.leftovers)}, seconds, supply, budget)
        return dataclasses.replace(report, again=second), dataclasses.replace(facts, again=known, state=known.state)

    def _call(
        self, case: CaseSpec, asked: dict[str, Any], seconds: float, supply: tuple[str, ...], budget: Budget
    ) -> tuple[Report, Facts]:
        try:
            probe = self._probe()
            if probe is None:
                return Report(), Facts(state=self.gone_state or "timeout")
            assert self.session is not None
            # To count it takes longer than most calls, and few exercises are judged by it.
            timed = hasattr(case.comparator, "figures")
            before, asked_at = self.session.cpu_seconds() if timed else 0.0, time.monotonic()
            answer = probe.ask(asked, seconds, self._upstream(supply, budget) if supply else None)
        except ProbeSilent:
            return Report(), self._silent(seconds)
        except KernelGone as gone:
            self._forget(gone.state)
            return Report(), Facts(state=gone.state)
        # Counted from outside: what the kernel says of its own time is not trusted. Processes that ended take their count with them.
        took = time.monotonic() - asked_at
        used = self.session.cpu_seconds() - before if timed else 0.0
        report = Report.read(answer.get("report"))
        content = (
            self.session.read_file(case.output, self.settings.limits.file_mb << 20)
            if case.output and report.ok
            else None
        )
        return report, Facts(took, used if used > 0 else took, content)

    def _silent(self, seconds: float) -> Facts:
        assert self.session is not None and self.probe is not None
        if time.monotonic() >= self.session.deadline:
            self._forget("timeout")
            return Facts(state="timeout")
        try:
            self.session.look(memory=True)
            recovered = self.probe.recover()
        except KernelGone as gone:
            self._forget(gone.state)
            return Facts(state=gone.state)
        if not recovered:
            self._forget("timeout")
        return Facts(seconds, waited=seconds)

    def _probe(self) -> Probe | None:
        if self.probe is not None:
            return self.probe
        for _ in range(2):
            if self.session is None:
                self.restarts_left -= 1
                self.session = self.new_session() if self.restarts_left >= 0 else None
                if self.session is None:
                    # What another function did to the last one is not told of this one.
                    self.gone_state = self.gone_state and "no answer"
                    return None
            try:
                self.probe = self.session.probe()
                return self.probe
            except (ProbeSilent, KernelGone) as problem:
                self._forget(getattr(problem, "state", "no answer"))
        return None

    def _forget(self, state: str) -> None:
        self.gone_state = state
        if self.probe is not None:
            self.probe.close()
        self.probe = None
        if self.session is not None:
            self.session.close()
            self.session = None

    def close(self) -> None:
        """End the session."""
        self._forget(self.gone_state)

    def _lighter(self, verdict: CaseVerdict) -> CaseVerdict:
        """Return a verdict without its answer where all answers of the notebook would hold too much."""
        size = size_of(verdict.answer)
        if self.held + size > HELD_BYTES:
            return dataclasses.replace(verdict, answer=None)
        self.held += size
        return verdict

    def _upstream(self, supply: tuple[str, ...], budget: Budget) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def answer(question: dict[str, Any]) -> dict[str, Any]:
            name = question.get("name")
            if name not in supply:
                return {"error": "that is not supplied"}
            upstream = self.assignment.exercises[str(name)]
            try:
                values = [wire.decode(v) for v in question.get("args", [])]
                named = {str(k): wire.decode(v) for k, v in dict(question.get("kwargs", {})).items()}
                bound = values + [named[p] for p in upstream.params[len(values) :]]
                # What numpy warns of in a reference is the student's argument's doing, and nobody's to read.
                with budget.spend(bound) as spent, np.errstate(all="ignore"):
                    value = upstream.recalled(*bound)
                    spent(value)
                return {"value": wire.encode(value, packed=False)}
            except TooMuchAsked as problem:
                return {"error": f"{name}: {problem}"}
            except Exception as problem:
                # Whatever the student's pipeline asked, the run goes on.
                return {"error": f"{name} could not be computed for these arguments ({type(problem).__name__})"}

        return answer

    @staticmethod
    def _absent(spec: ExerciseSpec) -> Verdict:
        return Verdict(
            spec.name,
            spec.title,
            0.0,
            spec.points,
            "missing",
            f"There is no function called {spec.name} when the notebook has run.",
            symptom=f"the notebook defines no function {spec.name}, or the cell that defines it stops with an error",
        )

    @staticmethod
    def _stopped(spec: ExerciseSpec, state: str, case: CaseSpec) -> Verdict:
        words = {
            "kernel died": "The kernel ended while your function ran",
            "out of memory": "Your function used more memory than there is",
            "too many files": "Your function wrote more files than it may",
            "timeout": "The time for the whole notebook was used up",
            "no answer": "The kernel gave no answer",
        }
        sentence = words.get(state, "The kernel could not be used")
        return Verdict(
            spec.name,
            spec.title,
            0.0,
            spec.points,
            state,
            f"{sentence}; a person will look at this exercise.",
            symptom=f"{sentence.lower()} ({case.tests if not case.hidden else 'a hidden case'})",
        )


def judge_all(
    judge: Judge, specs: dict[str, ExerciseSpec], stopped: dict[str, str] | None = None
) -> tuple[dict[str, Verdict], dict[str, tuple[str, ...]]]:
    """Judge exercises, each after those that it leans on, and given right answers of those that went wrong.

    A mistake in `centroid` costs the marks of `centroid` once: everything downstream is judged as if it were
    right, and the record says so. Only where that is not enough a function is also judged on what the student's own give it, as long
    as that can earn more, and the better of the two counts. What cannot be judged at all is skipped. Nothing that was supplied is judged afterwards: whoever was
    given right answers could play them back.

    Parameters
    ----------
    stopped : dict of str to str, optional
        Functions that are missing because the cell that defines them stopped: name to the name that it stopped over.

    Returns
    -------
    verdicts : dict of str to Verdict
        By exercise.
    given : dict
        The exercises that such a verdict was taken for, with the names of what was supplied.
    """
    verdicts: dict[str, Verdict] = {}
    given: dict[str, tuple[str, ...]] = {}
    for name in (n for n in in_order(judge.assignment) if n in specs):
        exercise, spec = judge.assignment.exercises[name], specs[name]
        broken = tuple(d for d in exercise.depends if d in verdicts and not verdicts[d].right)
        # What calls a function without an end would not end either.
        endless = tuple(d for d in broken if verdicts[d].state == "timeout")
        again = judge.given(exercise, spec, broken) if broken else None
        asked = judge.asked if broken else 0
        # What ends its kernel does so on its own as well, and would take another from those judged later.
        if again is not None and (again.right or not asked or again.state in REVIEW_STATES):
            verdicts[name] = again
            if asked:
                given[name] = broken
        else:
            verdicts[name] = judge.judge(exercise, spec, supply=endless, than=again)
            if verdicts[name] is not again:
                verdicts[name].notes += [f"judged, given your {d}" for d in endless]
            if asked and verdicts[name].points > (again.points if again is not None else 0):
                # What is better without right answers than with them may have kept them.
                given[name] = broken
        verdict = verdicts[name]
        blocked = bool(stopped_by(verdict.cases, broken))
        if not broken or verdict.right or verdict.state in REVIEW_STATES:
            continue
        if verdict.state == "missing":
            _skip_if_stopped(verdict, (stopped or {}).get(name, ""), broken)
            continue
        if verdict.state == "not written" and not blocked:
            continue
        if again is None:
            again = judge.judge(exercise, spec, supply=broken, before=verdict.cases)
        blocker = stopped_by(again.cases, broken)
        if blocker and not verdict.points:
            verdicts[name] = _never_judged(again, blocker)
        elif again.points >= verdict.points or blocked:
            verdicts[name], given[name] = again, broken
    return verdicts, given


def in_order(assignment: Assignment) -> list[str]:
    """Return the exercises of an assignment so that each comes after those that it depends on, else as they are declared."""
    depends = {
        name: [d for d in exercise.depends if d in assignment.exercises]
        for name, exercise in assignment.exercises.items()
    }
    placed: list[str] = []
    while len(placed) < len(depends):
        ready = [name for name in depends if name not in placed and set(depends[name]) <= set(placed)]
        # Exercises that depend on each other in a circle come as they are declared.
        placed += ready[:1] or [name for name in depends if name not in placed]
    return placed


def note_supplied(verdict: Verdict, broken: tuple[str, ...]) -> Verdict:
    """Say on what a verdict rests."""
    if verdict.state in {"not written"} | REVIEW_STATES:
        return verdict
    words = " and ".join(f"your {b}" for b in broken)
    verdict.notes.append(f"{'correct' if verdict.right else 'judged'}, given {words}")
    verdict.sentence += f" ({'Correct' if verdict.right else 'Judged'}, given {words}: the right answers of {', '.join(broken)} were supplied.)"
    return verdict


def _skip_if_stopped(verdict: Verdict, over: str, broken: tuple[str, ...]) -> None:
    if over in broken:
        skipped(verdict, over)
        verdict.sentence = (
            f"Skipped: the cell that defines {verdict.exercise} stops where it uses {over}, which gives nothing. "
            f"Mend {over} first. A person will look at this exercise."
        )


def _never_judged(verdict: Verdict, blocker: str) -> Verdict:
    skipped(verdict, blocker)
    verdict.sentence = (
        f"Skipped: {verdict.exercise} needs {blocker}, which gives nothing, and could not be judged with the right answers of "
        f"{blocker} in its place either. A person will look at this exercise."
    )
    return verdict
