"""A session with a kernel: cells, their outputs and times, the probe's questions; and what becomes of each when the kernel does not keep to it."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import struct
import time

import pytest

from photcheck import wire
from photgrader.coursedir.settings import Limits, Settings
from photgrader.sandbox import session as sessions
from photgrader.sandbox.session import KernelGone, ProbeSilent, Session, run_folder
from plain_kernel import PlainKernel

SETTINGS = Settings(limits=Limits(cell_seconds=20.0, output_kb=8))


def call(name: str, *args: object, **more: object) -> dict[str, object]:
    params = [f"p{k}" for k in range(len(args))]
    return {"op": "call", "name": name, "params": params, "args": [wire.encode(a) for a in args], **more}


@pytest.fixture(scope="module")
def shared():
    """A kernel that tests share which do it no harm."""
    with run_folder({"given.txt": b"given"}) as (place, uid):
        session = Session(PlainKernel(place, uid, SETTINGS), place, SETTINGS, time.monotonic() + 600)
        session.wait_ready()
        yield session
        session.close()


@pytest.fixture
def session(shared):
    shared.output_left = SETTINGS.limits.output_kb * 1024
    return shared


@pytest.fixture
def own():
    """A kernel of a test's own."""
    with run_folder() as (place, uid):
        session = Session(PlainKernel(place, uid, SETTINGS), place, SETTINGS, time.monotonic() + 60)
        session.wait_ready()
        yield session
        session.close()


# ------------------------------------------------------------------------------------------------ cells
def test_a_cell_gives_its_outputs_number_and_state(session):
    cell = session.run("print('a')\nprint('b')\nimport sys; print('c', file=sys.stderr)\nx = 3\nx")
    assert (cell.status, cell.cut, cell.asked_to_end) == ("ok", False, False) and cell.execution_count >= 1
    assert [(o.output_type, o.get("text")) for o in cell.outputs[:2]] == [("stream", "a\nb\n"), ("stream", "c\n")]
    assert cell.outputs[2].data["text/plain"] == "3"
    wrong = session.run("1 / 0")
    assert wrong.status == "error" and wrong.outputs[0].ename == "ZeroDivisionError"
    assert session.run("quit()").asked_to_end and session.run("x").outputs[0].data["text/plain"] == "3"
    assert session.run("from IPython.display import clear_output; print('a'); clear_output()").outputs == []


def test_a_cell_that_is_none_of_the_notebook_s_leaves_neither_number_nor_output(session):
    before = session.run("0").execution_count
    silent = session.run("print('said')", keep=False)
    assert silent.outputs == [] and session.run("0").execution_count == before + 1


def test_an_expression_after_a_cell_is_evaluated_where_that_ended_well(session):
    session.run("after = []", after="after.append(1)")
    assert session.run("after").outputs[0].data["text/plain"] == "[1]"
    session.run("1 / 0", after="after.append(2)")
    assert session.run("after").outputs[0].data["text/plain"] == "[1]"


@pytest.fixture
def no_end():
    """Have what waits without end fail."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: pytest.fail("it waits without end"))
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("broken", "state"), [("control", "timeout"), ("shell", "kernel died")])
def test_a_kernel_that_broke_its_sockets_keeps_nobody_waiting(own, no_end, broken, state):
    # As ZeroMQ leaves it where the other side breaks the protocol: nobody is there, and nobody comes again.
    channel = getattr(own.client, f"{broken}_channel").socket
    channel.disconnect(channel.LAST_ENDPOINT)
    with pytest.raises(KernelGone) as gone:
        own.run("import time; time.sleep(100)", 0.5)
    assert gone.value.state == state
    with pytest.raises(KernelGone):
        own.probe()


def test_outputs_are_cut_where_there_is_too_much_of_them(session):
    cell = session.run("print('x' * 5000)\nfrom IPython.display import display\ndisplay('y' * 20000)\nprint('z')")
    assert cell.cut and "yyy" not in str(cell.outputs) and cell.outputs[0].text.startswith("x")
    # A message above all that is kept is not even read.
    whole = session.run("print('x' * 3_000_000)")
    assert whole.cut and whole.status == "ok" and not any(len(str(o)) > 10_000 for o in whole.outputs)


def test_a_cell_that_takes_too_long_is_interrupted_and_the_kernel_lives_on(session):
    session.run("y = 7")
    cell = session.run("while True:\n    pass", seconds=0.3)
    assert cell.status == "timeout" and session.run("y").outputs[0].data["text/plain"] == "7"


def test_a_kernel_that_does_not_stop_is_ended(own, monkeypatch):
    monkeypatch.setattr(own, "_collect", _sooner(own))
    source = "import signal\nsignal.signal(signal.SIGINT, lambda *_: None)\nwhile True:\n    pass"
    with pytest.raises(KernelGone) as gone:
        own.run(source, seconds=0.2)
    assert gone.value.state == "timeout"
    until = time.monotonic() + 20
    while own.kernel.alive() and time.monotonic() < until:
        time.sleep(0.01)
    assert not own.kernel.alive()


def _sooner(session):
    """Wait less for a kernel that was asked to stop."""
    whole = session._collect
    return lambda request, cell, until, keep: whole(request, cell, min(until, time.monotonic() + 0.2), keep)


def test_a_kernel_that_ends_is_told_with_the_watch_s_reason(own):
    own.watch.stop()
    own.watch.reason = "memory"
    with pytest.raises(KernelGone) as gone:
        own.run("import os\nos._exit(1)")
    assert gone.value.state == "out of memory"


def test_a_kernel_that_never_answers_is_gone(own, monkeypatch):
    own.deadline = time.monotonic() + 0.3
    monkeypatch.setattr(own, "_messages", lambda until: iter(()))
    with pytest.raises(KernelGone, match="kernel died"):
        own.wait_ready()


def test_what_is_no_message_of_the_protocol_is_none(session):
    class Source:
        def recv_multipart(self, flags):
            return [b"<IDS|MSG>", b"unsigned", b"{}", b"{}", b"{}", b"{}"]

    source = Source()
    session._sockets[source] = "shell"
    try:
        assert session._receive(source) is None
    finally:
        del session._sockets[source]


# ------------------------------------------------------------------------------------------------ files
def test_a_file_is_read_from_outside_and_no_link_folder_or_large_one(session):
    assert session.read_file("given.txt", 100) == b"given" and session.read_file("given.txt", 3) is None
    session.run(
        "import os\nopen('made.txt', 'w').write('made')\nos.symlink('/etc/passwd', 'link')\nos.mkdir('folder')\nos.mkfifo('pipe')"
    )
    assert session.read_file("../../made.txt", 100) == b"made", "the name alone counts"
    assert [session.read_file(name, 10**6) for name in ("link", "folder", "pipe", "none")] == [None] * 4


def test_the_processor_time_of_a_kernel_grows(session):
    before = session.cpu_seconds()
    session.run("sum(i * i for i in range(400_000))")
    assert session.cpu_seconds() > before >= 0


# ------------------------------------------------------------------------------------------------ the probe
def test_the_probe_calls_tells_names_asks_upstream_and_stops(session):
    session.run("def double(p0):\n    return 2 * p0\ndef through(p0):\n    return double(p0) + 1")
    probe = session.probe()
    assert probe.ask({"op": "names", "names": ["double", "none"]}, 10)["names"] == ["double"]
    report = probe.ask(call("double", 3.0), 10)["report"]
    assert report["ok"] and wire.decode(report["value"]) == 6.0
    assert probe.ask(call("none"), 10)["report"]["absent"]
    assert probe.ask({"op": "dance"}, 10)["op"] == "unknown"
    asked = []

    def upstream(question):
        asked.append((question["name"], [wire.decode(a) for a in question["args"]]))
        return {"value": wire.encode(100.0)}

    report = probe.ask(call("through", 3.0, supply=["double"]), 10, upstream)["report"]
    assert wire.decode(report["value"]) == 101.0 and asked == [("double", [3.0])]
    alone = probe.ask(call("through", 3.0, supply=["double"]), 10)["report"]
    assert not alone["ok"] and "there is nothing to ask for here" in alone["error"]["message"]
    probe.stop()
    assert session.run("double(4)").outputs[0].data["text/plain"] == "8", "the kernel is free again"


def test_a_call_that_takes_too_long_is_stopped_and_the_next_one_is_answered(session):
    session.run("def endless(p0):\n    while True: pass\ndef quick(p0):\n    return p0")
    probe = session.probe()
    with pytest.raises(ProbeSilent, match="no answer in time"):
        probe.ask(call("endless", 1.0), 0.3)
    assert probe.recover()
    assert wire.decode(probe.ask(call("quick", 1.0), 10)["report"]["value"]) == 1.0
    probe.stop()


def test_a_probe_whose_cell_ended_says_so(session):
    session.run("def leave(p0):\n    raise SystemExit\n")
    probe = session.probe()
    probe.ask({"op": "names", "names": []}, 10)
    probe._channel.shutdown(socket.SHUT_WR)
    with pytest.raises(ProbeSilent, match="the probe ended"):
        probe._receive(time.monotonic() + 10)
    probe.close()


class _Channel:
    """What a kernel has written on a probe's channel."""

    def __init__(self, *parts: bytes | OSError) -> None:
        self.parts = list(parts)

    def recv(self, size, flags):
        part = self.parts.pop(0)
        if isinstance(part, OSError):
            raise part
        return part

    def fileno(self):
        return -1


def silent_probe(session, *parts):
    probe = object.__new__(sessions.Probe)
    probe.session, probe._serial, probe._buffer, probe._channel = session, "7", bytearray(), _Channel(*parts)
    return probe


def frame(body: bytes) -> bytes:
    return struct.pack(">Q", len(body)) + body


def test_only_a_whole_well_formed_answer_to_the_last_question_is_one(session):
    answer = b'{"id": "7", "op": "report"}'
    half = silent_probe(session, frame(answer)[:5], frame(answer)[5:])
    assert half._read() is None and half._read() == {"id": "7", "op": "report"}
    mixed = (
        frame(b'{"id": "6"}')
        + frame(b"[1]")
        + frame(b"nonsense")
        + frame('{"id": "7", "é": 1}'.encode())
        + frame(answer)
    )
    assert silent_probe(session, mixed)._read() == {"id": "7", "op": "report"}
    assert silent_probe(session, BlockingIOError())._read() is None
    assert silent_probe(session, ConnectionResetError())._read() is None
    large = silent_probe(session, struct.pack(">Q", sessions.MAX_MESSAGE) + b"x" * 100)
    assert large._read() is None and not large._buffer, "what no probe would say is not kept"


def test_half_a_character_in_an_answer_is_no_text_and_a_pair_is_one(session):
    body = rb'{"id": "7", "a": "\ud800", "\uDCFF": ["\ud83d\ude00", "\\ud800", NaN]}'
    answer = silent_probe(session, frame(body))._read()
    assert (answer["a"], answer["?"][:2]) == ("?", ["\U0001f600", "\\ud800"])


# ------------------------------------------------------------------------------------------------ folders
def test_a_run_has_folders_of_its_own_and_leaves_none():
    with run_folder({"a/b.txt": b"x"}) as (place, uid):
        assert (place.work / "a" / "b.txt").read_bytes() == b"x" and place.sockets.is_dir()
        assert (place.work / "a").lstat().st_uid == uid == (place.work / "a" / "b.txt").lstat().st_uid
        assert place.work.parent.stat().st_mode & 0o777 == 0o711 and place.work.stat().st_mode & 0o777 == 0o700
        root = place.work.parent
    assert not root.exists()


def test_the_command_of_a_cold_kernel_is_jailed_unless_settings_say_otherwise(tmp_path):
    place = sessions.RunFolders(tmp_path / "work", tmp_path / "s")
    spec = sessions._kernel_spec(place, 60100, dataclasses.replace(SETTINGS, python="/opt/python"), "/data")
    assert spec.argv[:2] == ["/opt/python", "-P"]
    told = spec.metadata["kernel_provisioner"]
    assert told["provisioner_name"] == "photgrader-sandbox" and told["config"]["uid"] == 60100
    assert told["config"]["data"] == "/data" and told["config"]["limits"] is SETTINGS.limits
    assert not sessions._kernel_spec(place, os.getuid(), dataclasses.replace(SETTINGS, sandbox=False), "").metadata
