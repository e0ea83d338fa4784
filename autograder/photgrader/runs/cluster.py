"""Grade on a Dask cluster: the tasks of `photgrader.runs.parallel`, on machines that need not share a disk.

What all tasks have in common (the notebook as handed out, the settings, the course's key) goes to every worker
once; a task carries its submission's files and nothing else. Workers have photgrader and the course's packages installed,
of the versions that the caller has, and its exercises where `PHOTGRADER_EXERCISES` says.
"""

from __future__ import annotations

import atexit
import collections
import concurrent.futures
import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from photgrader import coursedir
from photgrader.coursedir.packages import packages_in_use, use_packages
from photgrader.coursedir.settings import Packages, data_folder
from photgrader.grading.hashes import exercises_hash
from photgrader.grading.task import RETRIES, RunContext, Task, read_task
from photgrader.grading.worker import Hand

log = logging.getLogger("photgrader")
#: How long a scheduler may be silent, and how many tasks wait at each worker's thread beside the one at work.
LOST_SECONDS, AHEAD = 20.0, 1
#: How long the machine of a scheduler may take to open a connection; and the scheduler, which may be busy, to answer over it.
OPEN_SECONDS, ANSWER_SECONDS = 3.0, 15.0


class SchedulerLost(coursedir.CourseError):
    """The cluster's scheduler is gone."""


class _ResultLost(Exception):
    """A result was made and could not be fetched; the cluster is there."""


#: The process that grades, one for each thread of a cluster's worker: that one opens nothing of a student's itself.
_hands = threading.local()


def grade_there(task: Task, shared: RunContext) -> dict[str, Any] | str:
    """Grade a submission on a worker of the cluster, in a process of its own with limits (`photgrader.grading.worker`)."""
    if not hasattr(_hands, "hand"):
        _hands.hand = Hand()
        atexit.register(_hands.hand.close)
    # A folder without files is a submission without a notebook, not one on this worker's disk.
    task = task if task.content else replace(task, folder=os.devnull)
    return _hands.hand.do(task, replace(shared, data=data_folder()))


def _worker_facts(assignments: list[str], packages: Packages) -> dict[str, Any]:
    from photgrader.sandbox.jail import SandboxMissing, require_sandbox

    use_packages(packages)
    facts: dict[str, Any] = {a: exercises_hash(a) for a in assignments}
    try:
        require_sandbox()
    except SandboxMissing as problem:
        facts["missing"] = str(problem)
    return facts


def check_workers(client: Any, assignments: list[str], sandbox: bool) -> None:
    """Make sure that the workers would judge as this machine does, in a sandbox.

    Raises
    ------
    CourseError
        One sentence that names the worker.
    """
    mine = {a: exercises_hash(a) for a in assignments}
    try:
        facts = client.run(_worker_facts, assignments, packages_in_use())
    except Exception as problem:
        raise coursedir.CourseError(
            f"A worker of the cluster cannot grade ({type(problem).__name__}: {str(problem)[:200]}); install photgrader and the "
            "course's packages there, of the versions that are here."
        ) from problem
    if not facts:
        raise coursedir.CourseError(
            "The cluster has no workers; start some (dask worker ADDRESS --nthreads 1) and run the command again."
        )
    for address, found in facts.items():
        if sandbox and "missing" in found:
            raise coursedir.CourseError(f"The worker {address}: {found['missing']}")
        if any(found[a] != mine[a] for a in assignments):
            raise coursedir.CourseError(
                f"The worker {address} has another version of the exercises or of the grader than this machine; install the "
                "same on both."
            )


def _require_dask(found: socket.socket) -> None:
    """Make sure that a scheduler is at the other end: it speaks first. Dask waits without end for one that does not, and believes any length.

    Raises
    ------
    OSError
        It is none.
    """
    found.settimeout(ANSWER_SECONDS)
    said = b""
    try:
        while len(said) < 16 and (part := found.recv(16 - len(said))):
            said += part
    except TimeoutError:
        said = b""
    size, parts = int.from_bytes(said[:8], "little"), int.from_bytes(said[8:], "little")
    if len(said) < 16 or not 0 < size <= 1 << 20 or not 0 < parts <= 1000:
        raise OSError("what listens there is no scheduler of Dask")


def connect(address: str) -> Any:
    """Connect to a scheduler.

    Raises
    ------
    CourseError
        Where there is none, or no Dask here to ask for it.
    """
    try:
        from distributed import Client
        from distributed.comm.addressing import parse_address, parse_host_port
    except ImportError:
        raise coursedir.CourseError(
            "Grading on a cluster needs Dask, which grading on one machine does not: pip install distributed "
            "(photgrader[cluster]), here and on the workers."
        ) from None
    try:
        scheme, place = parse_address(address)
        if scheme in ("tcp", "tls"):
            # Dask itself tries again for as long as it may wait, where nothing listens too.
            with socket.create_connection(parse_host_port(place, 8786), OPEN_SECONDS) as found:
                if scheme == "tcp":
                    _require_dask(found)
        return Client(address, timeout=ANSWER_SECONDS, name="photgrader")
    except Exception as problem:
        # What is no scheduler, or an address of another kind, makes Dask raise whatever it likes.
        reason = str(getattr(problem, "strerror", "") or problem or type(problem).__name__)
        raise coursedir.CourseError(
            f"There is no Dask scheduler at {address} ({reason[:200]}); start one (dask scheduler) or look at the address."
        ) from problem


def run_on_cluster(tasks: list[Task], address: str) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    """Grade on the cluster at an address; yield each task with its result, or with a sentence where it had none.

    Raises
    ------
    SchedulerLost
        Where the scheduler does not answer any more; what was yielded before is not lost.
    """
    if not tasks:
        return
    client = connect(address)
    try:
        check_workers(client, sorted({t.assignment for t in tasks}), tasks[0].settings.sandbox)
        try:
            shared = client.scatter(replace(RunContext.of(tasks), data=""), broadcast=True)
        except Exception as problem:
            raise SchedulerLost(_LOST) from problem
        yield from _stream(client, tasks, shared)
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=3)


def _stream(client: Any, tasks: list[Task], shared: Any) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    with contextlib.closing(Hand()) as reader:
        yield from _streamed(client, tasks, shared, reader)


def _streamed(client: Any, tasks: list[Task], shared: Any, reader: Hand) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    from distributed import wait

    queue = collections.deque(tasks)
    here = RunContext.of(tasks)
    tries: collections.Counter[tuple[str, str, str]] = collections.Counter()
    pending: dict[Any, Task] = {}
    heard = time.monotonic()
    while True:
        threads = _threads(client)
        while queue and len(pending) < threads * (1 + AHEAD):
            task = queue.popleft()
            # The files are a student's: a process with limits reads them here.
            read = reader.do(task, here, read_task)
            if isinstance(read, dict) and "forbidden" in read:
                yield task, read["forbidden"]
                continue
            sent = replace(
                task.without_context(),
                folder="",
                **({"stopped": "grader fault"} if isinstance(read, str) or "content" not in read else read),
            )
            name = f"grade-{task.assignment}-{task.student}-{task.notebook}-{id(task)}-{tries[task.name]}"
            try:
                pending[client.submit(grade_there, sent, shared, key=name, pure=False, retries=2)] = task
            except Exception as problem:
                # A client that was given up between two looks at its status takes nothing any more.
                if client.status == "running":
                    raise
                raise SchedulerLost(_LOST) from problem
        if not pending:
            return
        try:
            done = wait(list(pending), timeout=2, return_when="FIRST_COMPLETED").done
            heard = time.monotonic()
        except TimeoutError:
            done = set()
            heard = time.monotonic() if client.status == "running" else heard
        except Exception as problem:
            # Futures of a client whose scheduler is gone are cancelled; the kinds of exception differ. One that answers is not gone.
            if isinstance(_lost(client), SchedulerLost):
                raise SchedulerLost(_LOST) from problem
            done = {future for future in pending if future.done()}
        if (
            client.status != "running"
            and time.monotonic() - heard > LOST_SECONDS
            or client.status in ("closed", "closing")
        ):
            raise SchedulerLost(_LOST)
        for future in done:
            task = pending.pop(future)
            try:
                yield task, _answer(client, future)
            except _ResultLost:
                # Its worker was killed between the end of the work and the fetching of the result.
                tries[task.name] += 1
                if tries[task.name] > RETRIES:
                    yield task, "its worker was killed again and again"
                else:
                    queue.appendleft(task)


def _threads(client: Any) -> int:
    """Return how many threads the cluster has; at least one, so that something waits for a worker.

    Raises
    ------
    SchedulerLost
        Where the client has given the scheduler up: it then knows no cluster, and takes no more tasks.
    """
    if client.status in ("closed", "closing"):
        raise SchedulerLost(_LOST)
    try:
        known = client.scheduler_info(n_workers=-1).get("workers", {})
    except Exception:
        # While it tries to connect again; whether it could is seen from its status.
        return 1
    return sum(w["nthreads"] for w in known.values()) or 1


def _lost(client: Any) -> _ResultLost | SchedulerLost:
    """Return what it means that a result cannot be fetched: the client's own status says so only some time after the scheduler is gone."""
    try:
        client.sync(client.scheduler.identity, callback_timeout=LOST_SECONDS)
    except Exception:
        return SchedulerLost(_LOST)
    until = time.monotonic() + LOST_SECONDS
    while client.status == "connecting" and time.monotonic() < until:
        # It answers: the client's own connection, which broke on a busy machine, is made anew.
        time.sleep(0.1)
    return _ResultLost() if client.status == "running" else SchedulerLost(_LOST)


def _answer(client: Any, future: Any) -> dict[str, Any] | str:
    try:
        if future.status == "finished":
            return future.result(timeout=60)
        if client.status == "running" and future.status not in ("cancelled", "lost"):
            problem = future.exception(timeout=10)
            if type(problem).__name__ == "KilledWorker":
                return "its worker was killed again and again"
            return f"the grader failed ({type(problem).__name__}: {problem})"
    except (concurrent.futures.CancelledError, OSError) as problem_of_fetching:
        # A connection that breaks meanwhile, too: Dask's own error for that is one of the system's.
        raise _lost(client) from problem_of_fetching
    raise _lost(client) if client.status == "running" else SchedulerLost(_LOST)


_LOST = (
    "The Dask scheduler does not answer any more; what was graded is in the gradebook. Start the cluster and run the command again: nothing is "
    "graded twice."
)
