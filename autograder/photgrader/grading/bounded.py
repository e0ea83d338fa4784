"""Do one thing in a process of its own, within limits of time and memory: what a page is made of is a student's."""

from __future__ import annotations

import contextlib
import multiprocessing.connection
import os
import resource
import signal
import threading
import warnings
from collections.abc import Callable
from typing import Any

#: Held while a process is forked: no other thread's fork may copy the ends of our pipe.
_FORKING = threading.Lock()


def limit_address_space(size: int) -> None:
    """Give this process at most `size` bytes of address space, of what it may have at all; that limit stays, for kernels to be given."""
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (size if most == resource.RLIM_INFINITY else min(size, most), most))


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[0]) * resource.getpagesize()


def call(work: Callable[[], Any], seconds: float, megabytes: int) -> Any:
    """Return what `work` gives, called in a forked process; None where it does not end, needs too much, or fails.

    Parameters
    ----------
    work : callable
        What to do; what it returns is sent back.
    seconds : float
        How long it may take.
    megabytes : int
        How much memory it may take, beside what this process has.
    """
    ours, theirs = multiprocessing.connection.Pipe(duplex=False)
    with _FORKING, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            limit_address_space(_address_space() + (megabytes << 20))
            theirs.send(work())
            os._exit(0)
        except BaseException:
            os._exit(1)
    theirs.close()
    try:
        return ours.recv() if ours.poll(seconds) else None
    except (EOFError, OSError):
        return None
    finally:
        ours.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
