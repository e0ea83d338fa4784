"""Grading many: the same gradebook whatever is killed, locked, interrupted or run twice."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.gradebook import app, writer
from photgrader.runs import parallel
from photgrader.sandbox import warm
from support import ASSIGNMENT, CENTROID, PACKAGES, RIGHT, check_cell, code_cell, solution_cell, submit

pytestmark = pytest.mark.heavy
NO_OFFSET = "def centroid(c, x0, y0):\n    y, x = np.indices(c.shape)\n    return np.average(x, weights=c), np.average(y, weights=c)"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A course with one exercise, so that many submissions are graded soon."""
    import nbformat

    from photgrader.release.build import build_release

    root = tmp_path_factory.mktemp("small") / "course"
    source = root / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    contract = nbformat.v4.new_markdown_cell(
        "`centroid(image_cutout, x_start, y_start)`: the flux-weighted centre, in whole-image coordinates."
    )
    cells = [
        contract,
        code_cell("import numpy as np\nfrom photcourse import check"),
        solution_cell("centroid", CENTROID),
        check_cell("centroid", 4),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source / f"{ASSIGNMENT}.ipynb")
    import shutil

    from support import ROOT

    shutil.copy(ROOT / "nbgrader_config.py", root)
    (root / "photgrader.toml").write_text(
        f"{PACKAGES}[limits]\ncell_seconds = 20.0\ncall_seconds = 20.0\nnotebook_seconds = 120.0\n"
    )
    build_release(root, ASSIGNMENT)
    coursedir.key(root)
    return root


@pytest.fixture
def small_course(small, tmp_path):
    """A copy of it, of one's own."""
    import shutil

    shutil.copytree(small, tmp_path / "course")
    return tmp_path / "course"


def grade(root: pathlib.Path, *words: str, **how: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.Popen(
        [sys.executable, "-m", "photgrader.cli", "grade", ASSIGNMENT, *words],
        cwd=root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **how,
    )


def finish(process: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str]:
    out, err = process.communicate(timeout=seconds)
    # Lines are broken to the width of the screen.
    return process.returncode, " ".join((out + err).split())


def rows(root: pathlib.Path) -> list[tuple[object, ...]]:
    with Gradebook(app.database_url(root)) as gradebook:
        return sorted(
            (s.student.id, g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
            for s in gradebook.assignment_submissions(ASSIGNMENT)
            for n in s.notebooks
            for g in n.grades
        )


def records(root: pathlib.Path) -> dict[str, dict]:
    return {r.student: r.source for r in coursedir.read_records(root, ASSIGNMENT)}


def hand_in(root: pathlib.Path, count: int, seconds: float = 0) -> None:
    """Hand in right and wrong work, each of which takes so many seconds and no processor time for them."""
    waits = f"\nimport time\ntime.sleep({seconds})" if seconds else ""
    for number in range(count):
        submit(root, f"s{number:03d}", {"centroid": (NO_OFFSET if number % 3 == 1 else RIGHT["centroid"]) + waits})


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the processes that grade: what the server of forks has made."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children():
            with contextlib.suppress(psutil.Error):
                if "forkserver" in " ".join(child.cmdline()):
                    found += child.children()
    return found


def warm_parent_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the jail that all workers of a run have their kernels from."""
    return [c for c in psutil.Process(process.pid).children() if c.name() == "bwrap"]


def wait_for(condition, seconds: float = 90) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def graded(root: pathlib.Path) -> int:
    return len(list((root / ".photgrader" / "records" / ASSIGNMENT).glob("*.json")))


#: How long a submission waits, so that a busy machine may keep this process from looking for some seconds; and how many are handed in.
WAITS, MANY = 1.0, 12
COUNT = int(os.environ.get("PHOTGRADER_TEST_CLASS", "24"))


@pytest.fixture(scope="module")
def undisturbed(small, tmp_path_factory):
    """Rows and records of a class that is graded in this process, one after the other."""
    import shutil

    root = tmp_path_factory.mktemp("undisturbed") / "course"
    shutil.copytree(small, root)
    hand_in(root, COUNT)
    for task in parallel.submissions(root, ASSIGNMENT):
        writer.merge(root, parallel.grade_task(task))
    warm.close()
    return rows(root), records(root)


def test_workers_killed_at_random_leave_the_gradebook_of_a_serial_run(small_course, undisturbed):
    hand_in(small_course, COUNT, WAITS)
    run = grade(small_course, "--workers", "2")
    dice = random.Random(20261121)
    killed = 0
    assert wait_for(lambda: graded(small_course) > 0)
    reader = threading.Thread(target=lambda: setattr(run, "said", finish(run, 500)))
    reader.start()
    while run.poll() is None and killed < 6:
        time.sleep(dice.uniform(1.0, 2.5))
        with contextlib.suppress(psutil.Error):
            # The third time the warm parent that they share: each starts its own then.
            for victim in (warm_parent_of(run) if killed == 2 else workers_of(run))[:1]:
                victim.send_signal(signal.SIGKILL)
                killed += 1
    reader.join()
    code, words = run.said
    assert killed >= 3, "workers were killed for real"
    if code != 0:
        # A submission that was hit three times is told and graded on the next run.
        assert "Run the command again" in words
        code, words = finish(grade(small_course), 300)
    assert code == 0, words
    assert "Traceback" not in words
    assert len(records(small_course)) == COUNT
    assert rows(small_course) == undisturbed[0]
    ours, plain = records(small_course), undisturbed[1]
    assert {s: (r["points"], r["state"], r["exercises"]["centroid"]["hint"]) for s, r in ours.items()} == {
        s: (r["points"], r["state"], r["exercises"]["centroid"]["hint"]) for s, r in plain.items()
    }


def test_a_killed_workers_kernel_ends_with_it_though_the_warm_parent_stays(small_course):
    submit(
        small_course,
        "ada",
        {
            "centroid": RIGHT["centroid"]
            + "\nimport subprocess, time\nsubprocess.Popen(['sleep', '43210'])\ntime.sleep(25)"
        },
    )
    run = grade(small_course, "--workers", "1")

    def sleepers() -> set[int]:
        return {p.pid for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "43210"]}

    assert wait_for(sleepers)
    first, [parent] = sleepers(), warm_parent_of(run)
    workers_of(run)[0].kill()
    # Before the cell's own limit would end it.
    assert wait_for(lambda: not first & sleepers(), 15), "what the submission started is gone with the worker"
    assert wait_for(sleepers), "and the submission is graded again"
    assert warm_parent_of(run) == [parent], "by a kernel of the same parent"
    run.send_signal(signal.SIGINT)
    finish(run)
    assert wait_for(lambda: not sleepers(), 15)


def test_a_run_that_is_killed_and_one_that_is_stopped_keep_what_was_graded_and_the_next_does_the_rest(small_course):
    # So many that it is not at its end by the time that this process, on a busy machine, has seen its beginning.
    hand_in(small_course, MANY, WAITS)
    before: dict[str, dict[str, object]] = {}
    for number, expected in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        run, wanted = grade(small_course, "--workers", "2"), len(before) + 3
        assert wait_for(lambda: graded(small_course) >= wanted)  # noqa: B023 - waited for here and now
        (os.kill if number == signal.SIGKILL else os.killpg)(run.pid, number)
        code, words = finish(run, 60)
        assert code == expected and "Traceback" not in words
        # A record without a key is of the submission that was being written.
        known = {s: r for s, r in records(small_course).items() if r.get("key")}
        assert all(known[s]["graded"] == r["graded"] for s, r in before.items()) and wanted - 1 <= len(known) < MANY
        before = known
        assert wait_for(
            lambda: (
                not any(
                    str(small_course) in " ".join(c.info["cmdline"] or []) for c in psutil.process_iter(["cmdline"])
                )
            )
        )
    assert "run the command again for the rest" in words
    code, words = finish(grade(small_course))
    assert code == 0 and len(records(small_course)) == MANY
    assert f"{len(before)} unchanged" in words, "nothing is graded twice"
    assert all(records(small_course)[s]["graded"] == r["graded"] for s, r in before.items())
    assert len(rows(small_course)) == MANY


def test_a_second_run_meanwhile_is_refused_with_a_sentence(small_course):
    hand_in(small_course, 1)
    with writer.grading_lock(small_course):
        code, words = finish(grade(small_course))
    assert code == 2 and "is being graded already" in words and str(os.getpid()) in words and "Traceback" not in words
    assert finish(grade(small_course))[0] == 0


def test_a_locked_gradebook_keeps_what_was_graded_for_the_next_run(small_course):
    hand_in(small_course, MANY, WAITS)
    database = app.database_url(small_course).removeprefix("sqlite:///")
    holder = sqlite3.connect(database, isolation_level=None, timeout=30)
    run = grade(small_course, "--workers", "1")
    try:
        assert wait_for(lambda: graded(small_course) >= 2)
        holder.execute("BEGIN EXCLUSIVE")
        code, words = finish(run)
        refused = finish(grade(small_course))
    finally:
        if holder.in_transaction:
            holder.execute("ROLLBACK")
        holder.close()
    assert code == 2 and "held by another program" in words and "Traceback" not in words, words
    assert refused[0] == 2 and "held by another program" in refused[1], "a run that could write nothing does not begin"
    kept = [
        json.loads(p.read_text())["record"]
        for p in (small_course / ".photgrader" / "graded" / ASSIGNMENT).glob("*.json")
    ]
    when = {r["student"]: r["graded"] for r in [*records(small_course).values(), *kept]}
    assert kept and len(when) == MANY > len(rows(small_course)) >= 1
    code, words = finish(grade(small_course))
    assert code == 0 and f"{len(kept)} graded" in words and f"{MANY - len(kept)} unchanged" in words, words
    assert {s: r["graded"] for s, r in records(small_course).items()} == when, (
        "what was graded is merged, not graded again"
    )
    assert len(rows(small_course)) == MANY


def test_a_damaged_gradebook_is_told_before_anything_is_graded(small_course):
    hand_in(small_course, 1)
    database = pathlib.Path(app.database_url(small_course).removeprefix("sqlite:///"))
    database.write_bytes(b"not a database at all" * 1000)
    code, words = finish(grade(small_course))
    assert code == 2 and "damaged" in words and "Traceback" not in words
    assert database.read_bytes().startswith(b"not a database") and graded(small_course) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can be mounted by root only")
def test_a_full_disk_ends_the_run_with_a_sentence_and_room_lets_it_go_on(small_course, tmp_path):
    import shutil

    hand_in(small_course, 6)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    try:
        root = disk / "course"
        shutil.copytree(small_course, root)
        # Fill it, but for what two or three records need.
        room = os.statvfs(disk)
        (disk / "ballast").write_bytes(b"x" * max(0, room.f_bavail * room.f_frsize - 160_000))
        code, words = finish(grade(root, "--workers", "1"))
        assert code == 2 and "disk is full" in words and "Traceback" not in words
        some = graded(root)
        assert some < 6
        (disk / "ballast").unlink()
        code, words = finish(grade(root, "--workers", "1"))
        assert code == 0 and len(rows(root)) == 6 and f"{some} unchanged" in words
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_manual_scores_comments_and_late_penalties_stay_when_graded_again(tiny_course):
    config = tiny_course / "nbgrader_config.py"
    config.write_text(
        config.read_text()
        + "\nc.AssignLatePenalties.plugin_class = 'nbgrader.plugins.zero.ZeroLatePlugin'\n".replace(
            "zero.ZeroLatePlugin", "latesubmission.LateSubmissionPlugin"
        )
        + "c.LateSubmissionPlugin.penalty_method = 'zero'\n"
    )
    path = submit(tiny_course, "ada", {**RIGHT, "centroid": NO_OFFSET})
    (path.parent / "timestamp.txt").write_text("2026-11-20 17:00:00 UTC")
    with Gradebook(app.database_url(tiny_course)) as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-11-19 17:00:00 UTC")
    [task] = parallel.submissions(tiny_course, ASSIGNMENT)
    result = parallel.grade_task(task)
    writer.merge(tiny_course, result)
    with Gradebook(app.database_url(tiny_course)) as gradebook:
        written = gradebook.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, "ada")
        written.manual_score = 1.5
        gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, "ada").manual_score = 3.0
        gradebook.find_comment("written-why", ASSIGNMENT, ASSIGNMENT, "ada").manual_comment = "Well put."
        gradebook.db.commit()
    writer.merge(tiny_course, result)
    with Gradebook(app.database_url(tiny_course)) as gradebook:
        assert gradebook.find_grade("written-why", ASSIGNMENT, ASSIGNMENT, "ada").manual_score == 1.5
        assert gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, "ada").manual_score == 3.0
        assert gradebook.find_comment("written-why", ASSIGNMENT, ASSIGNMENT, "ada").comment == "Well put."
        submission = gradebook.find_submission(ASSIGNMENT, "ada")
        assert submission.total_seconds_late == 86400
        assert submission.notebooks[0].late_submission_penalty == pytest.approx(submission.score), (
            "handed in late, all is lost"
        )


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster for all tests: the first kills one of its two workers, the last its scheduler."""
    from benchmarks.grading import local_cluster

    with local_cluster(2, tmp_path_factory.mktemp("cluster")) as address:
        yield address


def test_a_run_on_a_dask_cluster_gives_the_same_gradebook_and_survives_a_killed_worker(
    small_course, undisturbed, scheduler
):
    hand_in(small_course, MANY, WAITS)
    # Long enough for a busy machine to let this process see a worker that grades.
    submit(small_course, "s004", {"centroid": NO_OFFSET + "\nimport time\ntime.sleep(8)"})

    def victims() -> list[psutil.Process]:
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "dask_worker" in " ".join(process.cmdline()) and any(
                    c.name() == "bwrap" for c in process.children(recursive=True)
                ):
                    found.append(process)
        return found

    run = grade(small_course, "--scheduler", scheduler)
    # A client and a warm parent for each worker start first, one after the other.
    assert wait_for(lambda: graded(small_course) >= 1, 180), run.poll()
    # The one that was seen: a moment later another look may find none.
    assert wait_for(lambda: [victim.kill() for victim in victims()[:1]])
    code, words = finish(run)
    assert code == 0 and "Traceback" not in words, words
    assert rows(small_course) == [row for row in undisturbed[0] if row[0] in records(small_course)]
    assert len(records(small_course)) == MANY


def test_a_result_that_went_with_its_worker_is_made_again_and_not_without_end(small_course, scheduler, monkeypatch):
    from photgrader.runs import cluster

    hand_in(small_course, 3)
    usual, lost = cluster._answer, []

    def gone_with_the_worker(client, future):
        name = future.key.split("-")[2]
        if name == "s001" or (name == "s000" and not lost):
            lost.append(name)
            raise cluster._ResultLost
        return usual(client, future)

    monkeypatch.setattr(cluster, "_answer", gone_with_the_worker)
    tasks = parallel.submissions(small_course, ASSIGNMENT)
    found = {task.student: answer for task, answer in cluster.run_on_cluster(tasks, scheduler)}
    assert sorted(found) == ["s000", "s001", "s002"]
    assert found["s000"]["record"]["state"] == found["s002"]["record"]["state"] == "graded"
    assert found["s001"] == "its worker was killed again and again"
    assert lost.count("s001") == cluster.RETRIES + 1


def test_a_lost_scheduler_is_told_and_what_was_graded_stays(small_course, scheduler):
    hand_in(small_course, MANY, WAITS)
    run = grade(small_course, "--scheduler", scheduler)
    assert wait_for(lambda: graded(small_course) >= 2), run.poll()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "dask_scheduler" in " ".join(process.cmdline()):
                process.kill()
    code, words = finish(run, 120)
    assert code == 2 and "scheduler does not answer" in words, words
    some = records(small_course)
    assert 2 <= len(some) < MANY and len(rows(small_course)) == len(some)


def test_there_is_a_sentence_where_no_scheduler_is(small_course):
    hand_in(small_course, 1)
    code, words = finish(grade(small_course, "--scheduler", "tcp://127.0.0.1:9"))
    assert code == 2 and "There is no Dask scheduler at" in words and "Traceback" not in words


def test_every_student_has_a_log(small_course):
    hand_in(small_course, 2)
    assert finish(grade(small_course, "--json", "records.json"))[0] == 0
    text = writer.log_path(small_course, ASSIGNMENT, "s001").read_text()
    assert "WarmKernel" in text and "centroid" in text and "no-offset" in text
    found = json.loads((small_course / "records.json").read_text())
    assert found["graded"] == 2 and found["states"] == {"graded": 2} and len(found["records"]) == 2
    code, words = finish(grade(small_course))
    assert code == 0 and "0 graded" in words and "2 unchanged" in words
    assert "2 graded" in finish(grade(small_course, "--force"))[1]
