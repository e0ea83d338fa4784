"""Grading on a Dask cluster, with a client that keeps its workers in this process: what is sent, what comes back, what is lost."""

from __future__ import annotations

import concurrent.futures
import threading
import types

import distributed
import pytest
from distributed.comm import CommClosedError

from photgrader.coursedir import CourseError
from photgrader.coursedir.settings import Settings
from photgrader.grading import task
from photgrader.grading.finding import Forbidden
from photgrader.grading.task import RETRIES, RunContext, Task
from photgrader.runs import cluster
from support import ASSIGNMENT


class Future:
    """What a cluster has made of a task."""

    def __init__(self, value: object = None, status: str = "finished") -> None:
        self.value, self.status = value, status

    def result(self, timeout: float) -> object:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value

    def exception(self, timeout: float) -> BaseException:
        return self.value

    def done(self) -> bool:
        return True


class Client:
    """Stands for a client of Dask's."""

    def __init__(self, work=lambda task, shared: {"student": task.student}, facts=None) -> None:
        self.status, self.work, self.sent, self.facts = "running", work, [], facts
        self.scheduler = types.SimpleNamespace(identity=None)
        self.closed = False

    def run(self, function, *words):
        return {"tcp://w1": function(*words)} if self.facts is None else self.facts

    def scatter(self, shared, broadcast):
        assert broadcast and shared.data == ""
        return shared

    def scheduler_info(self, n_workers):
        return {"workers": {"w1": {"nthreads": 2}}}

    def submit(self, function, task, shared, **how):
        self.sent.append(task)
        made = self.work(task, shared)
        return made if isinstance(made, Future) else Future(made)

    def sync(self, *words, **named):
        if self.status == "gone":
            raise OSError

    def close(self, timeout):
        self.closed = True


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """Three submissions, whose files are read here; a cluster that says at once what is done."""
    monkeypatch.setattr(distributed, "wait", lambda futures, **how: types.SimpleNamespace(done=set(futures[:1])))
    monkeypatch.setattr(
        cluster.Hand, "do", lambda self, task, shared, work=None: work(task) if work else {"student": task.student}
    )
    made = []
    for student in ("ada", "ben", "cyd"):
        (tmp_path / student).mkdir()
        (tmp_path / student / f"{ASSIGNMENT}.ipynb").write_text(student)
        made.append(
            Task(student, ASSIGNMENT, ASSIGNMENT, str(tmp_path / student), "{}", Settings(sandbox=False), b"secret")
        )
    return made


def graded(monkeypatch, client, tasks) -> dict[str, object]:
    monkeypatch.setattr(cluster, "connect", lambda address: client)
    return {task.student: result for task, result in cluster.run_on_cluster(tasks, "tcp://there")}


def test_each_is_sent_with_its_files_alone_and_comes_back(monkeypatch, tasks):
    client = Client()
    found = graded(monkeypatch, client, tasks)
    assert found == {s: {"student": s} for s in ("ada", "ben", "cyd")} and client.closed
    assert all(t.folder == "" and t.skeleton == "" and t.key == b"" for t in client.sent), "once for all, not with each"
    assert [t.content for t in client.sent] == [{f"{ASSIGNMENT}.ipynb": s.encode()} for s in ("ada", "ben", "cyd")]
    assert list(cluster.run_on_cluster([], "tcp://there")) == []


def test_what_may_not_be_read_here_is_told_and_not_sent(monkeypatch, tasks):
    def readable(folder):
        if folder.name == "ben":
            raise Forbidden("no right to it")

    monkeypatch.setattr(task, "require_readable", readable)
    client = Client()
    assert graded(monkeypatch, client, tasks)["ben"] == "no right to it"
    assert [t.student for t in client.sent] == ["ada", "cyd"]


def test_a_result_that_was_lost_is_made_again_and_not_without_end(monkeypatch, tasks):
    lost = {"ada": 1, "ben": RETRIES + 1}

    def work(task, shared):
        if lost.get(task.student, 0):
            lost[task.student] -= 1
            return Future(
                concurrent.futures.CancelledError() if task.student == "ada" else None,
                "finished" if task.student == "ada" else "lost",
            )
        return {"student": task.student}

    found = graded(monkeypatch, Client(work), tasks)
    assert found["ada"] == {"student": "ada"} and found["ben"] == "its worker was killed again and again"


@pytest.mark.parametrize("status", ["finished", "error"])
def test_a_connection_that_breaks_while_a_result_is_fetched_is_no_fault_of_the_grader(monkeypatch, tasks, status):
    class Broken(Future):
        def exception(self, timeout: float) -> BaseException:
            raise self.value

    broken = [CommClosedError("in <TCP>: Stream is closed")]
    found = graded(
        monkeypatch,
        Client(lambda task, _: Broken(broken.pop(), status) if broken else {"student": task.student}),
        tasks,
    )
    assert found == {s: {"student": s} for s in ("ada", "ben", "cyd")}
    client = Client()

    def work(task, shared):
        client.status = "gone"
        return Broken(CommClosedError("in <TCP>: Stream is closed"), status)

    client.work = work
    with pytest.raises(cluster.SchedulerLost):
        graded(monkeypatch, client, tasks)


def test_a_scheduler_that_answers_is_not_lost_whatever_is_raised_while_results_are_waited_for(monkeypatch, tasks):
    waited, broken = distributed.wait, [CommClosedError("in <TCP>: Stream is closed")]

    def wait(futures, **how):
        if broken:
            client.status = "connecting"
            threading.Timer(0.3, setattr, (client, "status", "running")).start()
            raise broken.pop()
        return waited(futures, **how)

    monkeypatch.setattr(distributed, "wait", wait)
    client = Client()
    assert graded(monkeypatch, client, tasks) == {s: {"student": s} for s in ("ada", "ben", "cyd")}


def test_a_scheduler_that_goes_before_the_first_task_is_lost(monkeypatch, tasks):
    client = Client()
    monkeypatch.setattr(client, "scatter", lambda *words, **more: (_ for _ in ()).throw(OSError("broken pipe")))
    with pytest.raises(cluster.SchedulerLost):
        graded(monkeypatch, client, tasks)


def test_a_worker_s_end_and_an_error_of_the_grader_s_are_sentences(monkeypatch, tasks):
    killed = type("KilledWorker", (Exception,), {})()

    def work(task, shared):
        return Future({"ada": killed, "ben": ValueError("no such luck"), "cyd": ValueError("x")}[task.student], "error")

    found = graded(monkeypatch, Client(work), tasks)
    assert found["ada"] == "its worker was killed again and again"
    assert found["ben"] == "the grader failed (ValueError: no such luck)"


@pytest.mark.parametrize("status", ["closed", "gone"])
def test_a_scheduler_that_is_gone_ends_the_run_with_one_sentence(monkeypatch, tasks, status):
    client = Client()

    def work(task, shared):
        client.status = status
        return Future(TimeoutError())

    client.work = work
    with pytest.raises(cluster.SchedulerLost, match="nothing is graded twice"):
        graded(monkeypatch, client, tasks)
    assert client.closed


def test_a_client_that_takes_nothing_more_is_a_lost_scheduler_and_a_fault_of_ours_is_none(monkeypatch, tasks):
    client = Client()

    def work(task, shared):
        raise RuntimeError("given up")

    client.work = work
    with pytest.raises(RuntimeError, match="given up"):
        graded(monkeypatch, client, tasks)
    client.status = "connecting"
    with pytest.raises(cluster.SchedulerLost):
        graded(monkeypatch, client, tasks)


@pytest.mark.parametrize(
    ("facts", "sandbox", "words"),
    [
        ({}, True, "The cluster has no workers"),
        ({"tcp://w1": {ASSIGNMENT: "other"}}, True, "another version of the exercises or of the grader"),
        ({"tcp://w1": {"missing": "there is no bubblewrap."}}, True, "The worker tcp://w1: there is no bubblewrap"),
    ],
)
def test_workers_that_would_judge_otherwise_are_named(facts, sandbox, words):
    with pytest.raises(CourseError, match=words):
        cluster.check_workers(Client(facts=facts), [ASSIGNMENT], sandbox)


def test_workers_as_this_machine_are_taken_and_one_without_the_grader_is_not(monkeypatch):
    cluster.check_workers(Client(), [ASSIGNMENT], False)
    broken = Client()
    monkeypatch.setattr(broken, "run", lambda *words: (_ for _ in ()).throw(ModuleNotFoundError("photgrader")))
    with pytest.raises(CourseError, match=r"cannot grade \(ModuleNotFoundError: photgrader\)"):
        cluster.check_workers(broken, [ASSIGNMENT], False)


def test_a_worker_grades_in_a_process_of_its_own_and_never_opens_a_folder_of_its_own_disk(monkeypatch, tasks):
    seen = []
    hand = types.SimpleNamespace(do=lambda task, shared: seen.append((task.folder, shared.data)) or {"ok": True})
    monkeypatch.setattr(cluster._hands, "hand", hand, raising=False)
    monkeypatch.setenv("PHOTCOURSE_DATA", "/data/there")
    assert cluster.grade_there(tasks[0], RunContext.of(tasks)) == {"ok": True}
    assert seen == [("/dev/null", "/data/there")]
