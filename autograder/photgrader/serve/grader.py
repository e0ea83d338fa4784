"""The one that grades and writes: a process of the service's own that no page waits for.

It looks into the exchange, puts hand-ins into the queue, lets workers grade them (`photgrader.runs.parallel`: the same path, limits and states as
``photgrader grade``) and writes verdicts into the gradebook (`photgrader.gradebook.writer`), each under the course's lock of grading runs.
Pages read what it writes into the queue's file, and ask it for things by a job there.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import fcntl
import json
import logging
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import MissingEntry

from photgrader import coursedir
from photgrader.coursedir import deadlines, signatures
from photgrader.coursedir.record import Record, together
from photgrader.coursedir.settings import SettingsError, data_folder
from photgrader.coursedir.trees import remove_tree
from photgrader.exercise import assignment_names
from photgrader.gradebook import app, backups, exchange, penalties, roster, writer
from photgrader.gradebook.hidden_tests import skeleton_to_grade
from photgrader.grading import processes
from photgrader.grading.finding import known_time
from photgrader.grading.task import RunContext, Task
from photgrader.runs import parallel
from photgrader.sandbox import warm
from photgrader.serve import policy
from photgrader.serve.queue import LATER, Item, Queue, place
from photgrader.serve.tries import Try, grade_try

log = logging.getLogger("photgrader")
#: Seconds between looks into the exchange, at records of batch runs, at the course's own files, at who takes part.
LOOK, SYNC, COURSE, ROSTER = 0.5, 5.0, 5.0, 30.0
#: How long a gradebook that somebody else holds is left alone.
PAUSE = 2.0
#: Seconds after which the gradebook is backed up again.
BACKUP = 86400.0
#: Exit code that asks for a new process: the course's files are others than those that were read.
ANEW = 75


class AlreadyServed(coursedir.CourseError):
    """Another service is at work on the course."""


@contextlib.contextmanager
def service_lock(root: pathlib.Path) -> Iterator[None]:
    """Hold the course's lock of live services; it goes with the process.

    Raises
    ------
    AlreadyServed
        One sentence.
    """
    with (place(root) / "service.lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise AlreadyServed("A live service is at work on this course already; end that one first.") from problem
        yield


def at_work(root: pathlib.Path) -> bool:
    """Tell whether a live service is at work on a course."""
    try:
        with service_lock(root):
            return False
    except AlreadyServed:
        return True


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """Return what pages may show of a try's records, one for each notebook: nothing of a hidden case but what a feedback page says too."""
    record = together(records)
    told = ("points", "max_points", "state", "sentence", "symptom", "hint_title", "extra")
    return {
        **{
            k: getattr(record, k)
            for k in ("state", "points", "max_points", "extra_points", "sentence", "graded", "seconds", "run")
        },
        "submitted": record.submitted,
        "hidden_tests": record.hidden_tests,
        "repairs": [r.student for r in record.repairs],
        "faults": [f.sentence for f in record.faults],
        "exercises": {n: {k: getattr(e, k) for k in told} for n, e in record.exercises.items()},
        # Which record has which of these.
        "notebooks": {r.notebook: sorted(r.exercises) for r in records},
    }


def worth(verdict: dict[str, Any], percent_late: float) -> float:
    """Return what a try is worth, by which the best one is chosen: its points, less what is taken for being late."""
    return float(verdict.get("points", 0.0) + verdict.get("extra_points", 0.0)) * (1 - percent_late / 100)


@dataclass
class _Work:
    """A try that workers have."""

    item: Item
    folder: pathlib.Path
    notebooks: int
    results: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


class Grader:
    """The loop of the grading process.

    Parameters
    ----------
    root : Path
        The course.
    workers : int
        Processes that grade.
    work : callable
        What is done with a task.
    """

    def __init__(
        self, root: pathlib.Path, workers: int = 0, work: Callable[[Task], dict[str, Any]] = grade_try
    ) -> None:
        self.root, self.workers, self.work = root, workers or processes.default_workers(), work
        self.queue = Queue.of(root)
        self.settings = coursedir.settings(root)
        self.deadlines = deadlines.load_deadlines(root)
        self.assignments = coursedir.released(root)
        self.policies = policy.load_policies(root, self.assignments, self.deadlines)
        self.api = app.nbgrader_api(root)
        config = app.nbgrader_app(root).config
        self.accounts = str(config.CheckedCollect.get("accounts", "same"))
        self.inbound = exchange.inbound_of(config)
        directory = self.api.coursedir
        self.limits = exchange.Limits(
            1000 * directory.max_dir_size,
            1000 * directory.max_file_size,
            tuple(directory.ignore),
            tuple(directory.include),
        )
        self._notebooks = [(a, n) for a in self.assignments for n in coursedir.notebooks(root, a)]
        self._at_work: dict[str, _Work] = {}
        self._ready: collections.deque[_Work] = collections.deque()
        self._known = self.queue.known()
        self._due: dict[str, float] = {}
        self._pause_until = 0.0
        self._records: dict[pathlib.Path, tuple[int, ...]] = {}
        self._files = self._fingerprint()
        self._problems: dict[str, str] = {}
        self._not_ours: dict[str, str] = {}

    # -------------------------------------------------------------------------------------------- the loop
    def run(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Work until told to stop; return an exit code (`ANEW`: start again with the course's files as they are now)."""
        while (texts := self._texts()) is None:
            # It has what is hidden of plain tests; verdicts would wait for it as well.
            if stop():
                return 0
            if self._fingerprint() != self._files:
                return ANEW
            self.queue.note("alive", {"time": time.time(), "process": os.getpid()})
            self.look()
            time.sleep(PAUSE)
        releases = str(self.root / "release")
        tasks = [
            Task("", a, n, "", text, self.settings, coursedir.key(self.root), releases=releases)
            for (a, n), text in texts.items()
        ]
        if not tasks:
            raise coursedir.CourseError(
                "There is no release in this course yet, so nothing can be handed in. Make one first: photgrader build"
            )
        for name in self.assignments:
            try:
                writer.require_assignment(self.root, name)
                writer.index_gradebook(self.root)
            except (coursedir.CourseError, SettingsError) as problem:
                self._say(name, str(problem))
        self.queue.note("problems of grading", sorted({s for s in self._problems.values() if s}))
        self.queue.recover()
        remove_tree(place(self.root) / "incoming")
        with warm.parent_for_workers(self.settings, data_folder()) as parent:
            pool = parallel.Pool(parent, RunContext.of(tasks), self.work, self.workers)
            pool.start()
            try:
                while not stop():
                    if self._every("course", COURSE) and self._fingerprint() != self._files:
                        return ANEW
                    self.turn(pool)
            finally:
                pool.close()
        return 0

    def turn(self, pool: parallel.Pool) -> None:
        """Do once what there is to do."""
        if self._every("alive", 1.0):
            self.queue.note("alive", {"time": time.time(), "process": os.getpid()})
        if self._every("look", LOOK):
            self.look()
        if self._every("sync", SYNC):
            self._adopt_records()
        if self._every("backup", 600.0):
            self._back_up()
        if self._every("roster", ROSTER):
            self._note_roster()
        self.queue.release()
        while len(self._at_work) + len(self._ready) < self.workers + 1 and (item := self.queue.next()) is not None:
            self._begin(item, pool)
        for task, result in pool.results(0.1) if pool.left else ():
            self._arrived(task, result)
        if time.monotonic() >= self._pause_until:
            while self._ready and self._write(self._ready[0]):
                self._ready.popleft()
            self._do_job()
        if not pool.left and not self._ready:
            time.sleep(0.1)

    def _every(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _back_up(self) -> None:
        """Back the gradebook up once a day: there is no run before which it would be."""
        last = backups.backups(self.root)[-1:]
        if last and time.time() - last[0].stat().st_mtime < BACKUP:
            return
        try:
            backups.backup_gradebook(self.root)
            self._say("backup", "")
        except coursedir.CourseError as problem:
            self._say("backup", str(problem))

    def _say(self, about: str, sentence: str) -> None:
        """Keep a trouble for the staff's page; an empty sentence takes it away."""
        if self._problems.get(about, "") != sentence:
            self._problems[about] = sentence
            if sentence:
                log.warning("%s", sentence)
            self.queue.note("problems of grading", sorted({s for s in self._problems.values() if s}))

    def _fingerprint(self) -> list[tuple[str, int]]:
        files = [self.root / name for name in ("photgrader.toml", policy.NAME, deadlines.NAME, "nbgrader_config.py")]
        for folder in (self.root / "release", self.root / self.settings.exercises):
            files += [p for kind in ("*.ipynb", "*.py", "*.json") for p in folder.rglob(kind)]
        found = []
        for path in files:
            with contextlib.suppress(OSError):
                found.append((str(path), path.stat().st_mtime_ns))
        return sorted(found)

    def _texts(self) -> dict[tuple[str, str], str] | None:
        """Return the notebooks as they are graded; None where the gradebook cannot be read for now."""
        import nbformat

        try:
            skeletons = {name: skeleton_to_grade(self.root, *name) for name in self._notebooks}
        except app.GradebookUnreadable as problem:
            self._say("gradebook", f"Verdicts wait: {problem}")
            return None
        self._say("gradebook", "")
        for (assignment, name), notebook in skeletons.items():
            try:
                coursedir.require_python_notebook(notebook, name)
            except coursedir.CourseError as problem:
                self._not_ours[assignment] = str(problem)
                self._say(f"kernel of {assignment}", str(problem))
        return {n: nbformat.writes(notebook) for n, notebook in skeletons.items() if n[0] not in self._not_ours}

    # -------------------------------------------------------------------------------------------- hand-ins
    def look(self) -> None:
        """Put what is new in the exchange into the queue, as far as there is room."""
        try:
            names = sorted(set(os.listdir(self.inbound)) - self._known)
            self._say("exchange", "")
        except OSError as problem:
            self._say(
                "exchange",
                f"The exchange {self.inbound} cannot be read ({problem.strerror}); photgrader doctor says more.",
            )
            return
        room = self.queue.room()
        for name in names:
            hand_in = exchange.HandIn.of(self.inbound / name)
            if (
                hand_in is None
                or hand_in.assignment not in self.assignments
                or not self.policies.of(hand_in.assignment).open
            ):
                continue
            if room <= 0:
                self._say("room", "The queue is full; what is handed in now waits in the exchange.")
                return
            room -= self._take(hand_in)
        self._say("room", "")

    def _take(self, hand_in: exchange.HandIn) -> int:
        name, student, assignment = hand_in.folder.name, hand_in.student, hand_in.assignment
        try:
            when = hand_in.when
            hand_in.check_owner(self.accounts)
        except FileNotFoundError:
            return 0
        except (exchange.ExchangeProblem, OSError) as problem:
            # It is nobody's: on no student's page, whatever its name says.
            self.queue.add(name, "", assignment, "", state="refused", sentence=str(problem))
            self._known.add(name)
            return 0
        stamp = when.replace(tzinfo=datetime.UTC).isoformat()
        record = (
            coursedir.read_record(coursedir.record_path(self.root, assignment, student)) if "/" not in student else None
        )
        earlier = (
            record is not None
            and record.submitted
            and datetime.datetime.fromisoformat(record.submitted).replace(tzinfo=None) >= when
        )
        self.queue.add(
            name,
            student,
            assignment,
            stamp,
            state="replaced" if earlier else "waiting",
            sentence="A newer one, or this one, was graded before." if earlier else "",
        )
        self._known.add(name)
        return not earlier

    def _begin(self, item: Item, pool: parallel.Pool) -> None:
        """Copy a hand-in out of the exchange and give it to the workers."""
        rules, number = self.policies.of(item.assignment), 0
        notebooks = [n for a, n in self._notebooks if a == item.assignment]
        if item.assignment in self._not_ours or not notebooks:
            said = self._not_ours.get(item.assignment, "There is no release of it any more.")
            self.queue.finish(item.id, "failed", f"It could not be graded: {said} Your instructor sees this too.")
            return
        if item.folder:
            number = self.queue.graded_since(item.student, item.assignment, 0.0) + 1
            if (
                rules.tries_a_day
                and self.queue.graded_since(item.student, item.assignment, self._day()) >= rules.tries_a_day
            ):
                self.queue.hold(item.student, item.assignment, self._day() + deadlines.DAY)
                return
        try:
            folder = self._copied(item) if item.folder else self.root / "submitted" / item.student / item.assignment
            if not folder.is_dir():
                raise exchange.ExchangeProblem("It is not there any more")
        except exchange.ExchangeProblem as problem:
            self.queue.finish(
                item.id,
                "refused",
                f"{str(problem).rstrip('.')}. Hand in again; what was handed in before still counts.",
            )
            return
        except OSError as problem:
            self.queue.finish(
                item.id,
                "failed",
                f"It could not be taken out of the exchange ({problem.strerror}). Hand in again, or tell your instructor.",
            )
            return
        label = f"try {number}" if rules.fresh_cases and number else ""
        tasks = [
            Try(item.student, item.assignment, n, str(folder), "", self.settings, b"", others=others, label=label)
            for n, others in ((n, coursedir.other_notebooks(self.root, item.assignment, n)) for n in notebooks)
        ]
        self._at_work[item.student] = _Work(item, folder, len(tasks))
        for task in tasks:
            pool.put(task)

    def _copied(self, item: Item) -> pathlib.Path:
        hand_in = exchange.HandIn.of(self.inbound / item.folder)
        assert hand_in is not None
        facts = hand_in.check_owner(self.accounts)
        target = place(self.root) / "incoming" / str(item.id) / item.assignment
        exchange.copy_hand_in(hand_in, facts.st_uid, target, self.limits)
        return target

    def _day(self) -> float:
        """Return when today began, in the course's time zone."""
        zone = next((d.due.tzinfo for d in self.deadlines.values()), None) or datetime.UTC
        return datetime.datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    # -------------------------------------------------------------------------------------------- verdicts
    def _arrived(self, task: Task, result: dict[str, Any] | str) -> None:
        work = self._at_work[task.student]
        if isinstance(result, str):
            work.problem = result
        else:
            work.results.append(result)
        work.notebooks -= 1
        if not work.notebooks:
            work.results.sort(key=lambda result: Record.read(result["record"]).notebook)
            self._ready.append(self._at_work.pop(task.student))

    def _write(self, work: _Work) -> bool:
        """Write a verdict into gradebook and queue; False where somebody else holds the gradebook for now."""
        item = work.item
        if work.problem or not work.results:
            return self._end(
                work,
                "failed",
                f"It could not be graded: {work.problem or 'no notebook'}. Your instructor sees this too.",
            )
        records = [Record.read(result["record"]) for result in work.results]
        verdict = summary(records)
        before = self.queue.counting(item.student, item.assignment)
        if (
            item.folder
            and before is not None
            and self.policies.of(item.assignment).counts == "best"
            and self._worth(item, verdict) < self._worth(item, before.verdict)
        ):
            self._keep_records(item, records)
            return self._end(work, "graded", "An earlier try was better, and counts.", verdict)
        try:
            with writer.grading_lock(self.root, writer.LIVE):
                if item.folder and not self._place(work):
                    return self._end(work, "replaced", "A newer one was collected before.")
                writer.merge(self.root, *work.results, patience=())
        except writer.Refused as problem:
            return self._end(work, "failed", f"{problem} Your instructor sees this too.")
        except (coursedir.CourseError, OSError) as problem:
            self._say("gradebook", f"Verdicts wait: {problem}")
            self._pause_until = time.monotonic() + PAUSE
            return False
        self._say("gradebook", "")
        self._keep_records(item, records)
        return self._end(work, "graded", "", verdict, True)

    def _worth(self, item: Item, verdict: dict[str, Any]) -> float:
        deadline = self.deadlines.get(item.assignment)
        return worth(verdict, deadline.percent_of(item.student, verdict.get("submitted", "")) if deadline else 0.0)

    def _end(
        self, work: _Work, state: str, sentence: str, verdict: dict[str, Any] | None = None, counts: bool = False
    ) -> bool:
        self.queue.finish(work.item.id, state, sentence, verdict, counts)
        if work.item.folder:
            remove_tree(work.folder.parent)
        return True

    def _keep_records(self, item: Item, records: list[Record]) -> None:
        """Keep what repeats a verdict, one file for each notebook."""
        names = dataclasses.replace(item, verdict=summary(records)).records
        for name, record in zip(names, records, strict=True):
            form = signatures.signed(dataclasses.replace(record, key=None).write(), coursedir.key(self.root))
            coursedir.write_atomically(place(self.root) / "records" / name, json.dumps(form))

    def _place(self, work: _Work) -> bool:
        """Put a hand-in where submissions are, in place of what is there; not in place of a newer one."""
        target = self.root / "submitted" / work.item.student / work.item.assignment
        there, ours = known_time(target) if target.is_dir() else None, known_time(work.folder)
        if there is not None and ours is not None and there > ours:
            return False
        if work.folder.is_dir():
            # Not where the gradebook was busy the first time: then it is in its place already.
            old = work.folder.parent / "before"
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                target.rename(old)
            work.folder.rename(target)
        return True

    # -------------------------------------------------------------------------------------------- when there is time
    def _adopt_records(self) -> None:
        """Show what batch runs graded, too."""
        key = coursedir.key(self.root)
        for name in self.assignments:
            for path in (coursedir.state_folder(self.root) / "records" / name).glob("*.json"):
                with contextlib.suppress(OSError):
                    paths = coursedir.record_paths(self.root, name, path.stem)
                    changed = tuple(p.stat().st_mtime_ns for p in paths)
                    if (
                        self._records.get(path) == changed
                        or path.stem in self._at_work
                        or any(w.item.student == path.stem for w in self._ready)
                    ):
                        continue
                    records = [r for p in paths if (r := coursedir.read_record(p)) is not None]
                    if len(records) == len(paths) and all(
                        r.key is not None
                        and signatures.verify(r.source, key)
                        and (r.student, r.assignment) == (path.stem, name)
                        for r in records
                    ):
                        self.queue.adopt(path.stem, name, summary(records))
                    self._records[path] = changed

    def _note_roster(self) -> None:
        with contextlib.suppress(coursedir.CourseError), app.gradebook(self.root) as gradebook:
            self.queue.note(
                "roster", {s.id: " ".join(w for w in (s.first_name, s.last_name) if w) for s in gradebook.students}
            )

    # -------------------------------------------------------------------------------------------- what pages ask for
    def _do_job(self) -> None:
        job = self.queue.job()
        if job is None:
            return
        number, kind, body, by = job
        try:
            work = {
                "grade": self._grade_changed,
                "mark": self._mark,
                "pages": self._pages_anew,
                "deadline": self._change_deadline,
                "roster": self._change_roster,
            }[kind]
            answer = work(body, by)
        except writer.AlreadyGrading:
            self._pause_until = time.monotonic() + PAUSE
            return
        except (coursedir.CourseError, MissingEntry, ValueError) as problem:
            answer = f"Not done: {problem}"
        self.queue.job_done(number, answer)

    def _grade_changed(self, body: dict[str, Any], by: str) -> str:
        assignment = body["assignment"]
        tasks = parallel.submissions(self.root, assignment)
        unchanged = parallel.unchanged(self.root, tasks, self.workers)
        students = sorted({task.student for task in tasks if task.name not in unchanged})
        batch = f"{assignment}, {datetime.datetime.now(datetime.UTC):%d %B %H:%M:%S} (UTC)"
        for student in students:
            self.queue.again(student, assignment, LATER, batch)
        return f"{assignment}: {len(students)} of {len({t.student for t in tasks})} submissions have changed and are graded again."

    def _pages_anew(self, body: dict[str, Any], by: str) -> str:
        return f"{body['assignment']}: {self.queue.pages_anew(body['assignment'])} feedback pages are made anew."

    def _mark(self, body: dict[str, Any], by: str) -> str:
        """Write a person's mark for one question, for one student or for all whose answers are equal."""
        with writer.grading_lock(self.root, writer.LIVE), app.gradebook(self.root) as gradebook:
            for student in body["students"]:
                grade = gradebook.find_grade(body["question"], body["notebook"], body["assignment"], student)
                if not 0 <= body["score"] <= grade.max_score:
                    raise ValueError(f"{body['question']} is worth {grade.max_score:g} points at most")
                grade.manual_score, grade.needs_manual_grade = float(body["score"]), False
                if body["comment"]:
                    gradebook.find_comment(
                        body["question"], body["notebook"], body["assignment"], student
                    ).manual_comment = body["comment"]
            gradebook.db.commit()
        for student in body["students"]:
            self.queue.page_due(student, body["assignment"])
        return f"{body['question']}: {body['score']:g} points for {', '.join(body['students'])}, by {by}."

    def _change_deadline(self, body: dict[str, Any], by: str) -> str:
        """Change deadlines.yaml, and bring the gradebook's dates and penalties after it."""
        wanted = dict(body)
        name = wanted.pop("assignment")
        with writer.grading_lock(self.root, writer.LIVE), app.gradebook(self.root) as gradebook:
            text = deadlines.changed(deadlines.read_text(self.root), name, **wanted)
            coursedir.write_output(self.root / deadlines.NAME, text)
            changes = penalties.apply_deadlines(gradebook, self.root, app.nbgrader_app(self.root).config, name or "*")
        self.deadlines = deadlines.load_deadlines(self.root)
        for change in changes:
            self.queue.page_due(change.student, change.assignment)
        told = "; ".join(f"{c.student} {c.before:g} before, {c.now:g} now" for c in changes)
        rule = f"{name}: {deadlines.in_words(self.deadlines[name])}" if name else "What being late costs is changed."
        return f"{rule} Kept by {by}. " + (
            f"Points taken for being late: {told}." if changes else "Nobody's points have changed."
        )

    def _change_roster(self, body: dict[str, Any], by: str) -> str:
        """Add students to the gradebook, or take one out."""
        with writer.grading_lock(self.root, writer.LIVE), app.gradebook(self.root) as gradebook:
            out, back = {body.get("out", "")} - {""}, {person["id"] for person in body.get("people", [])}
            if out:
                roster.take_out(gradebook, body["out"])
                answer = f"{body['out']} is taken out of the class list by {by}."
            else:
                listed = roster.ClassList(body["layout"], [roster.Person(**person) for person in body["people"]])
                done = roster.import_roster(gradebook, self.root, listed, remove=body["remove"])
                out = set(done.removed)
                answer = f"{len(done.added)} added, {len(done.changed)} changed, {len(done.same)} the same"
                answer += f", {len(done.removed)} taken out ({', '.join(done.removed)})" if done.removed else ""
                answer += (
                    f"; {', '.join(done.not_listed)} have marks and stay" if body["remove"] and done.not_listed else ""
                )
                answer = f"The class list: {answer}, by {by}."
        self.queue.note("taken out", sorted({*self.queue.fact("taken out", []), *out} - back))
        self._note_roster()
        return answer


def main(root: pathlib.Path, workers: int, parent: int) -> int:
    """Be the grading process of a service, for as long as that lives."""
    processes.start_server()
    # The names of exercises are asked for in workers; a slip in one is told at once.
    assignment_names()
    with service_lock(root):
        return Grader(root, workers).run(ended_with(parent))


def ended_with(parent: int) -> Callable[[], bool]:
    """Return what tells whether this process should end: it was asked to, or its service is gone."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    # Ctrl-C reaches this process too; the service ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lambda: bool(asked) or os.getppid() != parent
