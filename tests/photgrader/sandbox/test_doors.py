"""Which of the system's doors a kernel finds open: tried from inside, in both kinds of kernels, and the filter read line by line."""

from __future__ import annotations

import errno
import struct

from photgrader.coursedir.settings import Settings
from photgrader.sandbox import seccomp

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
