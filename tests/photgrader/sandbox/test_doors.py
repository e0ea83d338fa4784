"""Which of the system's doors a kernel finds open: tried from inside, in both kinds of kernels, and the filter read line by line."""

from __future__ import annotations

import errno
import platform
import struct
import time

import pytest

from photgrader.coursedir.settings import Settings
from photgrader.sandbox import seccomp, warm
from photgrader.sandbox.session import ColdKernel, Session, run_folder

#: Offsets of what a filter sees of a call: number, machine, arguments.
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
X86 = 0xC000003E


def verdict(program: bytes, number: int, arguments: tuple[int, ...] = (), machine: int = X86) -> int:
    """Run a filter as the system does; return what it says of a call (0: allowed, else the error's number)."""
    lines = [struct.unpack_from("=HBBI", program, 8 * k) for k in range(len(program) // 8)]
    at = value = 0
    while True:
        code, yes, no, k = lines[at]
        at += 1
        if code == 0x20:
            value = (
                number
                if k == _NUMBER
                else machine
                if k == _MACHINE
                else dict(enumerate(arguments)).get((k - _ARGUMENTS) // 8, 0) & 0xFFFFFFFF
            )
        elif code == 0x15:
            at += yes if value == k else no
        elif code == 0x35:
            at += yes if value >= k else no
        elif code == 0x54:
            value &= k
        else:
            return 0 if k == 0x7FFF0000 else k & 0xFFFF


def test_the_filter_refuses_what_is_listed_and_lets_everything_else_through():
    program = seccomp.program("x86_64")
    refused = {n for n in range(460) if verdict(program, n)}
    # 435 is clone3: the C library takes clone, whose flags a filter can see.
    assert refused == {numbers[0] for numbers in seccomp.REFUSED.values()} | {435, 41}, (
        "socket, 41, is asked for its family"
    )
    assert verdict(program, 435) == errno.ENOSYS
    assert verdict(program, 0x40000000 + 1) == errno.EPERM and verdict(program, 1, machine=0x40000003) == errno.EPERM, (
        "by another table of numbers"
    )


def test_sockets_and_namespaces_are_let_through_by_what_is_asked():
    for machine, column, socket_number, clone, audit in (
        ("x86_64", 0, 41, 56, X86),
        ("aarch64", 1, 198, 220, 0xC00000B7),
    ):
        program = seccomp.program(machine)
        allowed = {
            (family, protocol)
            for family in range(46)
            for protocol in (0, 12)
            if not verdict(program, socket_number, (family, 1, protocol), audit)
        }
        assert allowed == {(1, 0), (1, 12), (2, 0), (2, 12), (10, 0), (10, 12), (16, 0)}
        assert verdict(program, clone, (0x11,), audit) == 0 and verdict(program, clone, (0x3D0F00,), audit) == 0, (
            "processes and threads"
        )
        for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x80):
            assert verdict(program, clone, (flag | 0x11,), audit) == errno.EPERM
        assert verdict(program, seccomp.REFUSED["bpf"][column], (), audit) == errno.EPERM


def test_a_machine_that_is_not_known_has_no_filter_and_no_wrong_one():
    assert seccomp.program("riscv64") == b""


INSIDE = """
import ctypes, os, subprocess, threading, multiprocessing, socket
libc = ctypes.CDLL(None, use_errno=True); libc.syscall.restype = ctypes.c_long
def refused(*call):
    ctypes.set_errno(0)
    return libc.syscall(*call) < 0 and ctypes.get_errno() in (1, 38, 97)
room = ctypes.create_string_buffer(4096)
calls = {numbers}
print("open:", sorted(n for n, number in calls.items() if not refused(number, room, 0, 0, 0, 0, 0)))
print("namespaces:", refused(calls["clone"], 0x10000000 | 17, 0, 0, 0, 0) if "clone" in calls else None)
print("families:", [f for f in range(1, 45) if not refused(calls_socket, f, 1, 0) and not refused(calls_socket, f, 2, 0)])
seen = []
thread = threading.Thread(target=seen.append, args=("thread",)); thread.start(); thread.join()
process = multiprocessing.Process(target=int); process.start(); process.join()
print(seen, process.exitcode, subprocess.run(["echo", "x"], capture_output=True).stdout, [l.split()[1] for l in open("/proc/self/status") if l.startswith("Seccomp:")])
"""


@pytest.mark.heavy
@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter is known for this machine")
@pytest.mark.parametrize("kind", ["warm", "cold"])
def test_what_a_kernel_may_still_call(kind):
    column = 0 if platform.machine() == "x86_64" else 1
    calls = {name: numbers[column] for name, numbers in seccomp.REFUSED.items()}
    code = INSIDE.replace("{numbers}", repr(calls)).replace("calls_socket", "41" if column == 0 else "198")
    starter = warm.starter()
    base = starter.prepare(Settings(), "") if kind == "warm" else None
    try:
        with run_folder({}, base) as (place, uid):
            kernel = starter(place, uid, Settings(), "") if kind == "warm" else ColdKernel(place, uid, Settings(), "")
            session = Session(kernel, place, Settings(), time.monotonic() + 200)
            try:
                session.wait_ready()
                run = session.run(code, 100)
            finally:
                session.close()
    finally:
        warm.close()
    assert type(kernel).__name__ == ("WarmKernel" if kind == "warm" else "ColdKernel")
    text = "".join(o.get("text", "") for o in run.outputs)
    assert run.status == "ok" and "open: []" in text, (text, run.outputs)
    assert "families: [1, 2, 10]" in text or "families: [1, 2, 10, 16]" in text, text
    assert "['thread'] 0 b'x\\n' ['2']" in text, "threads, processes and programs are what they were"


def test_pages_that_processes_share_count_once(monkeypatch):
    """A hundred megabytes in one process, and three children that only look on."""
    import os

    from photgrader.sandbox import watch

    code = "import os, time\nheld = b'x' * 100_000_000\nfor _ in range(3):\n    if os.fork() == 0: time.sleep(60)\nprint('ready', flush=True)\ntime.sleep(60)"
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        process.stdout.readline()
        quick, once = watch.memory_use(process.pid), watch.proportional_use(process.pid)
        assert quick > 300_000_000 > once > 95_000_000
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()


def test_doctor_names_the_limits_that_hold(monkeypatch):
    from photgrader.overview import doctor

    found = doctor._limits_that_hold(Settings())
    assert (
        found.level == "ok"
        and "240 s of time and of processor time, 3000 MB" in found.sentence
        and "control group" in found.sentence
        and "A filter shuts" in found.sentence
    )
    monkeypatch.setattr(seccomp, "program", lambda machine="": b"")
    assert doctor._limits_that_hold(Settings()).level == "warning"
