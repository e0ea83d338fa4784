"""The socket between grader and probe, in real kernels: whatever a submission writes into it, a verdict comes out."""

from __future__ import annotations

import dataclasses
import os
import time

import pytest

from photgrader.coursedir.settings import Settings
from photgrader.runs import parallel
from photgrader.sandbox import session as sessions
from photgrader.sandbox.session import ColdKernel, Session, run_folder
from photgrader.sandbox.warm import WarmStarter
from support import ASSIGNMENT, RIGHT, submit

pytestmark = pytest.mark.heavy

#: What a submission needs to get hold of the probe's own socket.
FIND = """
import gc, socket, struct
def nameless(found):
    try:
        return isinstance(found, socket.socket) and found.family == socket.AF_UNIX and found.fileno() >= 0 and not found.getsockname()
    except OSError:  # its descriptor is another file's by now
        return False
def its_socket():
    return next(filter(nameless, gc.get_objects()))
"""
MISCHIEF = {
    "a frame longer than any message": "its_socket().sendall(struct.pack('>Q', 2**40))",
    "half a frame": "its_socket().sendall(struct.pack('>Q', 500) + b'{')",
    "the end of the channel": "its_socket().shutdown(socket.SHUT_RDWR)",
    "a closed descriptor": "its_socket().close()",
}
HARMLESS = {
    "answers to questions that nobody asked": 'body = b\'{"id": "x", "op": "report", "report": 12345}\'\n    for n in range(10):\n        its_socket().sendall(struct.pack(\'>Q\', len(body)) + body)',
    "frames that are no message": "for n in range(10):\n        its_socket().sendall(struct.pack('>Q', 5) + b'\\xff\\x00[{1')\n        its_socket().sendall(struct.pack('>Q', 0))",
}


def with_line(line: str) -> str:
    """Return the right centroid with a line of mischief before its answer."""
    return FIND + RIGHT["centroid"].replace("    ny, nx", f"    {line}\n    ny, nx", 1)


@pytest.mark.parametrize("what", MISCHIEF)
def test_who_breaks_the_channel_loses_that_exercise_and_no_other(tiny_course, what):
    submit(tiny_course, "eve", {**RIGHT, "centroid": with_line(MISCHIEF[what])})
    [task] = parallel.submissions(tiny_course, ASSIGNMENT)
    record = parallel.grade_task(task)["record"]
    assert record["exercises"]["centroid"]["points"] == 0, record["exercises"]["centroid"]
    assert record["exercises"]["centroid"]["state"] != "right"
    assert record["exercises"]["second_moment"]["state"] == "right", record["exercises"]["second_moment"]


@pytest.mark.parametrize("what", HARMLESS)
def test_noise_on_the_channel_is_no_answer_and_does_no_harm(tiny_course, what):
    submit(tiny_course, "eve", {**RIGHT, "centroid": with_line(HARMLESS[what])})
    [task] = parallel.submissions(tiny_course, ASSIGNMENT)
    record = parallel.grade_task(task)["record"]
    assert record["points"] == record["max_points"], record["exercises"]["centroid"]


@pytest.fixture(params=["warm", "cold"])
def session(request, tmp_path):
    settings = Settings()
    settings = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, notebook_seconds=60.0))
    starter = WarmStarter() if request.param == "warm" else None
    base = starter.prepare(settings, "") if starter else None
    with run_folder({}, base) as (place, uid):
        kernel = starter(place, uid, settings, "") if starter else ColdKernel(place, uid, settings)
        opened = Session(kernel, place, settings, time.monotonic() + 60)
        try:
            opened.wait_ready()
            yield opened
        finally:
            opened.close()
            if starter:
                starter.close()


def test_one_probe_after_another_answers_and_leaves_no_file(session):
    session.run("def double(x): return 2 * x")
    folder = session.kernel.sockets
    before = sorted(p.name for p in folder.iterdir())
    for _ in range(3):
        probe = session.probe()
        for number in (1, 2.5):
            report = probe.ask({"op": "call", "name": "double", "args": [number], "params": ["x"]}, 10)["report"]
            assert report["ok"] and report["value"] == 2 * number
        probe.stop()
    assert sorted(p.name for p in folder.iterdir()) == before
    assert session.run("1 + 1").outputs[0]["data"]["text/plain"] == "2", "the kernel is free for cells again"


def test_a_long_question_and_a_long_answer_come_through_whole(session):
    session.run("def same(text): return text[::-1]")
    probe = session.probe()
    text = "ab" * 450_000
    report = probe.ask({"op": "call", "name": "same", "args": [text], "params": ["text"]}, 20)["report"]
    assert report["value"] == text[::-1]


def test_a_call_without_an_end_is_interrupted_and_the_probe_goes_on(session):
    session.run("def endless(x):\n    while True: pass\ndef double(x): return 2 * x")
    probe = session.probe()
    with pytest.raises(sessions.ProbeSilent):
        probe.ask({"op": "call", "name": "endless", "args": [1], "params": ["x"]}, 1.0)
    assert probe.recover()
    assert probe.ask({"op": "call", "name": "double", "args": [4], "params": ["x"]}, 10)["report"]["value"] == 8


def test_input_in_a_function_is_an_error_and_no_waiting(session):
    session.run("def asks(x): return input('well? ')")
    probe = session.probe()
    started = time.monotonic()
    report = probe.ask({"op": "call", "name": "asks", "args": [1], "params": ["x"]}, 20)["report"]
    assert not report["ok"] and "StdinNotImplemented" in report["error"]["type"]
    assert time.monotonic() - started < 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_link_put_in_the_sockets_place_is_not_followed(session, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("marks")
    before = secret.stat()
    usual = os.chown

    def too_late(path, *words, **named):
        # Between two calls of the grader's, a process of the submission has put a link where the socket was.
        os.unlink(path)
        os.symlink(secret, path)
        return usual(path, *words, **named)

    monkeypatch.setattr(sessions.os, "chown", too_late)
    with pytest.raises(sessions.ProbeSilent, match="ended"):
        session.probe()
    after = secret.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
