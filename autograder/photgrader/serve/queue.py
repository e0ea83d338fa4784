"""The queue of the live service and all that it remembers: one SQLite file in the grader's private folder.

A hand-in is a row from the moment that it is seen, and goes through these states:

==============  ==========================================================================================
``waiting``     to be graded, its turn comes
``held``        over the day's tries; it waits for the next day
``grading``     a worker has it; when the service starts again, it waits again
``graded``      there is a verdict
``replaced``    a newer hand-in of the same student came before its turn
``refused``     not the student's own, too large, no time in its name; the sentence says why
``failed``      the gradebook did not take it, or the grader failed
==============  ==========================================================================================

The student whose last turn is longest ago comes first, and of one student's hand-ins the oldest; of one student one is graded at a time. So
who hands in fifty times waits for the others, and they do not wait for fifty.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from photgrader import coursedir

#: Most that waits at once; what comes then stays in the exchange until there is room. And most of one student and assignment.
MOST_WAITING, MOST_OF_ONE = 2000, 20
#: Who comes first: a hand-in, or one that an instructor looks at; then what is graded again as a whole.
SOON, LATER = 0, 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tries (
    id INTEGER PRIMARY KEY, folder TEXT UNIQUE, student TEXT NOT NULL, assignment TEXT NOT NULL, handed_in TEXT NOT NULL, number INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL, urgency INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, seen REAL NOT NULL, started REAL, finished REAL,
    counts INTEGER NOT NULL DEFAULT 0, sentence TEXT NOT NULL DEFAULT '', verdict TEXT NOT NULL DEFAULT '{}', pages INTEGER NOT NULL DEFAULT 0,
    batch TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS by_state ON tries (state, student);
CREATE INDEX IF NOT EXISTS by_student ON tries (student, assignment);
CREATE TABLE IF NOT EXISTS doubts (
    id INTEGER PRIMARY KEY, try INTEGER NOT NULL, student TEXT NOT NULL, assignment TEXT NOT NULL, exercise TEXT NOT NULL, text TEXT NOT NULL,
    asked REAL NOT NULL, answer TEXT NOT NULL DEFAULT '', answered REAL, answered_by TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, asked_by TEXT NOT NULL, asked REAL NOT NULL, done REAL, answer TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS changes (id INTEGER PRIMARY KEY AUTOINCREMENT, student TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


@dataclass
class Item:
    """One try, as the queue has it.

    Parameters
    ----------
    id : int
        Its number in the queue.
    folder : str
        Name of the hand-in's folder in ``inbound/``; empty where what is in ``submitted/`` is graded again.
    student, assignment : str
        Whose, and of what.
    handed_in : str
        When (UTC, ISO 8601).
    number : int
        Which try of the student it is, from 1; 0 where it was never graded, or is graded again.
    state, sentence : str
        Where it is, and what there is to say of it.
    seen, started, finished : float
        Seconds since 1970; the last two 0 before.
    counts : bool
        Whether it is the try in the gradebook.
    verdict : dict
        The record, and what is told of it (`photgrader.serve.grader`).
    pages : bool
        Whether its feedback page is there.
    batch : str
        Name of the run that it belongs to.
    """

    id: int
    folder: str
    student: str
    assignment: str
    handed_in: str
    number: int
    state: str
    sentence: str
    seen: float
    started: float
    finished: float
    counts: bool
    verdict: dict[str, Any] = field(default_factory=dict)
    pages: bool = False
    batch: str = ""

    @property
    def records(self) -> list[str]:
        """The files of its records, one for each notebook."""
        further = list(self.verdict.get("notebooks", {}))[1:]
        return [f"{self.id}.json", *(f"{self.id}-{notebook}.json" for notebook in further)]

    def record_of(self, exercise: str) -> str:
        """Return the file of the record that has an exercise."""
        has = zip(self.records, self.verdict.get("notebooks", {}).values(), strict=False)
        return next((record for record, names in has if exercise in names), self.records[0])


def place(root: pathlib.Path) -> pathlib.Path:
    """Return the folder of all that the service keeps."""
    folder = coursedir.state_folder(root) / "live"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class Queue:
    """The queue's file, opened by one process.

    Parameters
    ----------
    path : Path
        The file; it is made where it is not there.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    @classmethod
    def of(cls, root: pathlib.Path) -> Queue:
        """Open a course's."""
        return cls(place(root) / "queue.sqlite")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def _whole(self) -> Iterator[sqlite3.Connection]:
        """Do several things as one."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _told(self, student: str) -> None:
        self._db.execute("INSERT INTO changes (student) VALUES (?)", (student,))
        self._db.execute("DELETE FROM changes WHERE id <= (SELECT max(id) FROM changes) - 10000")

    # -------------------------------------------------------------------------------------------- putting in
    def known(self) -> set[str]:
        """Return the names of the hand-ins that are in the queue or were."""
        return {row[0] for row in self._db.execute("SELECT folder FROM tries WHERE folder IS NOT NULL")}

    def room(self) -> int:
        """Return how many more may wait."""
        return max(
            0,
            MOST_WAITING
            - self._db.execute("SELECT count(*) FROM tries WHERE state IN ('waiting', 'grading')").fetchone()[0],
        )

    def add(
        self,
        folder: str,
        student: str,
        assignment: str,
        handed_in: str,
        *,
        state: str = "waiting",
        sentence: str = "",
        not_before: float = 0.0,
    ) -> bool:
        """Add a hand-in; False where it is known already. Of one student's, the oldest give way when too many wait."""
        with self._whole() as db:
            added = (
                db.execute(
                    "INSERT OR IGNORE INTO tries (folder, student, assignment, handed_in, state, sentence, not_before, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (folder, student, assignment, handed_in, state, sentence, not_before, time.time()),
                ).rowcount
                == 1
            )
            for row in db.execute(
                "SELECT id FROM tries WHERE student = ? AND assignment = ? AND state IN ('waiting', 'held') AND folder IS NOT NULL "
                "ORDER BY handed_in DESC, id DESC LIMIT -1 OFFSET ?",
                (student, assignment, MOST_OF_ONE),
            ).fetchall():
                db.execute(
                    "UPDATE tries SET state = 'replaced', sentence = 'You handed in again before its turn came.' WHERE id = ?",
                    (row[0],),
                )
            if added:
                self._told(student)
        return added

    def again(self, student: str, assignment: str, urgency: int = LATER, batch: str = "") -> int:
        """Have what is in ``submitted/`` graded again; return its number. What waits for that already waits once."""
        with self._whole() as db:
            row = db.execute(
                "SELECT id, urgency FROM tries WHERE folder IS NULL AND student = ? AND assignment = ? AND state = 'waiting'",
                (student, assignment),
            ).fetchone()
            if row is not None:
                db.execute(
                    "UPDATE tries SET urgency = min(urgency, ?), batch = CASE WHEN ? = '' THEN batch ELSE ? END WHERE id = ?",
                    (urgency, batch, batch, row[0]),
                )
                return int(row[0])
            number = db.execute(
                "INSERT INTO tries (folder, student, assignment, handed_in, state, urgency, seen, batch) VALUES (NULL, ?, ?, '', 'waiting', ?, ?, ?)",
                (student, assignment, urgency, time.time(), batch),
            ).lastrowid
            self._told(student)
        return int(number or 0)

    # -------------------------------------------------------------------------------------------- taking out
    def recover(self) -> int:
        """Let what was being graded when the service ended wait again; return how many these are."""
        return self._db.execute("UPDATE tries SET state = 'waiting', started = NULL WHERE state = 'grading'").rowcount

    def next(self) -> Item | None:
        """Take the next one: of the student whose last turn is longest ago, the oldest hand-in."""
        now = time.time()
        with self._whole() as db:
            row = db.execute(
                "SELECT t.* FROM tries t LEFT JOIN (SELECT student, max(started) AS last FROM tries GROUP BY student) s ON s.student = t.student "
                "WHERE t.state = 'waiting' AND t.not_before <= ? AND t.student NOT IN (SELECT student FROM tries WHERE state = 'grading') "
                "ORDER BY t.urgency, coalesce(s.last, 0), t.handed_in, t.id LIMIT 1",
                (now,),
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE tries SET state = 'grading', started = ? WHERE id = ?", (now, row["id"]))
            self._told(row["student"])
        return self.get(row["id"])

    def finish(
        self, number: int, state: str, sentence: str = "", verdict: dict[str, Any] | None = None, counts: bool = False
    ) -> None:
        """Write down what became of one; where it counts, none before it does."""
        with self._whole() as db:
            row = db.execute("SELECT student, assignment, folder, state FROM tries WHERE id = ?", (number,)).fetchone()
            if row["state"] == "graded":
                # A verdict stands; there is one for each hand-in.
                return
            if counts and not row["folder"]:
                # Graded again is the hand-in that counts already, where the service knows it.
                counts = not db.execute(
                    "UPDATE tries SET verdict = ?, pages = 0 WHERE student = ? AND assignment = ? AND counts = 1 AND folder IS NOT NULL",
                    (json.dumps(verdict or {}), row["student"], row["assignment"]),
                ).rowcount
            if counts:
                db.execute(
                    "UPDATE tries SET counts = 0 WHERE student = ? AND assignment = ?",
                    (row["student"], row["assignment"]),
                )
            tries = db.execute(
                "SELECT count(*) FROM tries WHERE student = ? AND assignment = ? AND number > 0",
                (row["student"], row["assignment"]),
            ).fetchone()[0]
            db.execute(
                "UPDATE tries SET state = ?, sentence = ?, verdict = ?, counts = ?, finished = ?, number = ? WHERE id = ?",
                (
                    state,
                    sentence,
                    json.dumps(verdict or {}),
                    counts,
                    time.time(),
                    tries + 1 if state == "graded" and row["folder"] else 0,
                    number,
                ),
            )
            self._told(row["student"])

    def adopt(self, student: str, assignment: str, verdict: dict[str, Any]) -> None:
        """Take over a verdict that a batch run made, where it is not the one that is known."""
        before = self.counting(student, assignment)
        if before is None or before.verdict.get("graded") != verdict["graded"]:
            number = self.again(student, assignment)
            self._db.execute("UPDATE tries SET handed_in = ? WHERE id = ?", (verdict["submitted"], number))
            self.finish(number, "graded", "", verdict, True)

    def hold(self, student: str, assignment: str, until: float) -> None:
        """Let a student's waiting hand-ins of an assignment wait until a time."""
        with self._whole() as db:
            db.execute(
                "UPDATE tries SET state = 'held', started = NULL, not_before = ?, sentence = 'It waits for the next day, as today''s tries are used.' "
                "WHERE student = ? AND assignment = ? AND state IN ('waiting', 'grading') AND folder IS NOT NULL",
                (until, student, assignment),
            )
            self._told(student)

    def release(self) -> None:
        """Let those whose day has come wait for their turn: of each student and assignment the newest, the others are replaced."""
        with self._whole() as db:
            for row in db.execute(
                "SELECT id, student, assignment FROM tries WHERE state = 'held' AND not_before <= ? ORDER BY handed_in DESC, id DESC",
                (time.time(),),
            ).fetchall():
                first = db.execute("SELECT state FROM tries WHERE id = ?", (row["id"],)).fetchone()[0] == "held"
                if first:
                    db.execute(
                        "UPDATE tries SET state = 'replaced', sentence = 'You handed in again before its turn came.' WHERE student = ? AND assignment = ? AND "
                        "state = 'held' AND id != ?",
                        (row["student"], row["assignment"], row["id"]),
                    )
                    db.execute("UPDATE tries SET state = 'waiting', sentence = '' WHERE id = ?", (row["id"],))
                    self._told(row["student"])

    def graded_since(self, student: str, assignment: str, moment: float) -> int:
        """Return how many tries of a student had their turn since a moment."""
        return int(
            self._db.execute(
                "SELECT count(*) FROM tries WHERE student = ? AND assignment = ? AND number > 0 AND started >= ?",
                (student, assignment, moment),
            ).fetchone()[0]
        )

    def page_made(self, item: Item) -> None:
        """Note that a try has its feedback page, unless there is reason for another one since it was begun (`without_page`)."""
        self._db.execute("UPDATE tries SET pages = 1 WHERE id = ? AND pages = -1", (item.id,))
        self._told(item.student)

    def recover_pages(self) -> None:
        """Let pages be made that were begun when their maker ended."""
        self._db.execute("UPDATE tries SET pages = 0 WHERE pages = -1")

    def page_due(self, student: str, assignment: str) -> None:
        """Have the feedback page of the try that counts made anew."""
        self._db.execute(
            "UPDATE tries SET pages = 0 WHERE student = ? AND assignment = ? AND counts = 1", (student, assignment)
        )

    def pages_anew(self, assignment: str) -> int:
        """Have the feedback pages of an assignment made anew; return how many."""
        return self._db.execute(
            "UPDATE tries SET pages = 0 WHERE assignment = ? AND counts = 1", (assignment,)
        ).rowcount

    # -------------------------------------------------------------------------------------------- looking
    def _items(self, where: str, *words: Any) -> list[Item]:
        return [
            Item(
                r["id"],
                r["folder"] or "",
                r["student"],
                r["assignment"],
                r["handed_in"],
                r["number"],
                r["state"],
                r["sentence"],
                r["seen"],
                r["started"] or 0.0,
                r["finished"] or 0.0,
                bool(r["counts"]),
                json.loads(r["verdict"]),
                r["pages"] == 1,
                r["batch"],
            )
            for r in self._db.execute(f"SELECT * FROM tries WHERE {where}", words)
        ]

    def get(self, number: int) -> Item | None:
        """Return one by its number, or None."""
        return next(iter(self._items("id = ?", number)), None)

    def of_student(self, student: str, assignment: str = "") -> list[Item]:
        """Return a student's tries, newest first."""
        return self._items(
            "student = ? AND assignment = CASE WHEN ? = '' THEN assignment ELSE ? END ORDER BY id DESC LIMIT 500",
            student,
            assignment,
            assignment,
        )

    def counting(self, student: str, assignment: str) -> Item | None:
        """Return the try that is in the gradebook, as far as the service knows."""
        return next(iter(self._items("student = ? AND assignment = ? AND counts = 1", student, assignment)), None)

    def standing(self, assignment: str) -> list[Item]:
        """Return the tries that count, by student."""
        return self._items("assignment = ? AND counts = 1 ORDER BY student", assignment)

    def without_page(self, patience: float = 0.0) -> Item | None:
        """Take the oldest try that counts and has no feedback page; while others wait for their verdicts, one that waits for its page
        for longer than `patience` seconds."""
        item = next(iter(self._items("counts = 1 AND pages = 0 AND state = 'graded' ORDER BY finished LIMIT 1")), None)
        waiting = "SELECT 1 FROM tries WHERE state IN ('waiting', 'grading') AND not_before <= ? LIMIT 1"
        if item is not None and self._db.execute(waiting, (time.time(),)).fetchone():
            item = item if item.finished < time.time() - patience else None
        if item is not None:
            self._db.execute("UPDATE tries SET pages = -1 WHERE id = ?", (item.id,))
        return item

    def under_way(self, most: int = 200) -> list[Item]:
        """Return what waits or is being graded, in the order in which it came."""
        return self._items("state IN ('grading', 'waiting') ORDER BY state, urgency, id LIMIT ?", most)

    def recent(self, most: int = 50) -> list[Item]:
        """Return what ended last, newest first."""
        return self._items(
            "finished IS NOT NULL OR state = 'refused' ORDER BY coalesce(finished, seen) DESC LIMIT ?", most
        )

    def counts(self) -> dict[str, int]:
        """Return how many are in which state."""
        return {row[0]: row[1] for row in self._db.execute("SELECT state, count(*) FROM tries GROUP BY state")}

    def verdict_states(self) -> dict[str, int]:
        """Return how many records of tries that count are in which state."""
        return {
            row[0]: row[1]
            for row in self._db.execute(
                "SELECT json_extract(verdict, '$.state'), count(*) FROM tries WHERE counts = 1 GROUP BY 1"
            )
        }

    def seconds(self, most: int = 100_000) -> list[tuple[float, float]]:
        """Return, of each graded hand-in, the seconds from being seen to its verdict, and those of grading; newest first."""
        return [
            (row[0], row[1])
            for row in self._db.execute(
                "SELECT finished - seen, finished - started FROM tries WHERE state = 'graded' AND folder IS NOT NULL "
                "ORDER BY finished DESC LIMIT ?",
                (most,),
            )
        ]

    def batches(self) -> list[tuple[str, int, int]]:
        """Return the runs that were asked for: name, how many are done, how many there are; the newest first."""
        return [
            (r[0], r[1], r[2])
            for r in self._db.execute(
                "SELECT batch, sum(state NOT IN ('waiting', 'grading')), count(*) FROM tries WHERE batch != '' GROUP BY batch "
                "ORDER BY max(id) DESC LIMIT 5"
            )
        ]

    def last_change(self) -> int:
        """Return the number of the last change."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM changes").fetchone()[0])

    def changed_since(self, number: int) -> set[str]:
        """Return whose pages changed after a change; the empty name stands for those of the staff alone."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT student FROM changes WHERE id > ?", (number,))}

    # -------------------------------------------------------------------------------------------- doubts, jobs, facts
    def doubt(self, item: Item, exercise: str, text: str) -> None:
        """Keep a student's doubt about a mark."""
        with self._whole() as db:
            db.execute(
                "INSERT INTO doubts (try, student, assignment, exercise, text, asked) VALUES (?, ?, ?, ?, ?, ?)",
                (item.id, item.student, item.assignment, exercise, text, time.time()),
            )
            self._told(item.student)

    def answer_doubt(self, number: int, text: str, by: str) -> bool:
        """Answer a doubt; False where there is none of that number."""
        with self._whole() as db:
            row = db.execute("SELECT student FROM doubts WHERE id = ?", (number,)).fetchone()
            if row is not None:
                db.execute(
                    "UPDATE doubts SET answer = ?, answered = ?, answered_by = ? WHERE id = ?",
                    (text, time.time(), by, number),
                )
                self._told(row[0])
        return row is not None

    def doubts(self, student: str | None = None) -> list[dict[str, Any]]:
        """Return doubts, a student's or all: those without an answer first, then the newest."""
        return [
            dict(r)
            for r in self._db.execute(
                "SELECT * FROM doubts WHERE student = coalesce(?, student) ORDER BY answered IS NOT NULL, id DESC LIMIT 500",
                (student,),
            )
        ]

    def ask(self, kind: str, body: dict[str, Any], by: str) -> int:
        """Ask the grader, who alone writes, to do something."""
        with self._whole() as db:
            number = db.execute(
                "INSERT INTO jobs (kind, body, asked_by, asked) VALUES (?, ?, ?, ?)",
                (kind, json.dumps(body), by, time.time()),
            ).lastrowid
            self._told("")
        return int(number or 0)

    def job(self) -> tuple[int, str, dict[str, Any], str] | None:
        """Return the oldest thing that was asked for and is not done: number, kind, what, by whom."""
        row = self._db.execute(
            "SELECT id, kind, body, asked_by FROM jobs WHERE done IS NULL ORDER BY id LIMIT 1"
        ).fetchone()
        return None if row is None else (row[0], row[1], json.loads(row[2]), row[3])

    def job_done(self, number: int, answer: str) -> None:
        """Write down how it went."""
        with self._whole() as db:
            db.execute("UPDATE jobs SET done = ?, answer = ? WHERE id = ?", (time.time(), answer, number))
            self._told("")

    def answer_of(self, number: int) -> str:
        """Return how something that was asked for went; empty while it waits."""
        return str(
            self._db.execute(
                "SELECT coalesce(max(answer), '') FROM jobs WHERE id = ? AND done IS NOT NULL", (number,)
            ).fetchone()[0]
        )

    def jobs(self, most: int = 10) -> list[dict[str, Any]]:
        """Return what was asked for last, newest first."""
        return [dict(r) for r in self._db.execute("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", (most,))]

    def note(self, name: str, body: Any) -> None:
        """Keep a fact that pages show; pages hear of it where it is another one than before."""
        text = json.dumps(body)
        with self._whole() as db:
            before = db.execute("SELECT body FROM facts WHERE name = ?", (name,)).fetchone()
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, text))
            if (before is None or before[0] != text) and name != "alive":
                self._told("")

    def problems(self) -> list[str]:
        """Return the troubles that the service's processes have, one sentence each."""
        return [
            s
            for row in self._db.execute("SELECT body FROM facts WHERE name LIKE 'problems%' ORDER BY name")
            for s in json.loads(row[0])
        ]

    def fact(self, name: str, otherwise: Any = None) -> Any:
        """Return a fact."""
        row = self._db.execute("SELECT body FROM facts WHERE name = ?", (name,)).fetchone()
        return otherwise if row is None else json.loads(row[0])
