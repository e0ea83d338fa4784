"""The warm parent without a jail, for quick tests: what only a namespace of one's own allows is left out, all else is the real thing.

Run as a script in the place of `photgrader.sandbox.warm_parent`. A mount makes a folder or a link in a folder of the run's; namespaces,
capabilities, users and the filter of system calls stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import shutil
import signal
import sys
from typing import Any

from photgrader.sandbox import warm_parent

_real_folders, _real_state = warm_parent.own_folders, warm_parent.fresh_state


class Libc:
    """Stands for the C library where only root in a namespace may ask it."""

    def setns(self, handle: int, flags: int) -> int:
        return 0


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Note what is mounted, and make a folder, or a link to what is bound, where it is below the run's own."""
    with open(os.environ["PLAIN_PARENT_LOG"], "a") as log:
        log.write(f"{kind or ('bind' if flags & warm_parent.BIND else 'flags')} {target} {data}\n")
    if not target.startswith(os.environ["PLAIN_PARENT_BASE"]):
        return
    if kind == "tmpfs":
        pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    elif flags & warm_parent.BIND and not flags & warm_parent.REMOUNT:
        shutil.rmtree(target)
        os.symlink(os.readlink(source), target)


def own_folders(base: str, name: str, megabytes: int) -> None:
    inside = f"{base}/in-{name}"
    os.mkdir(inside)
    warm_parent.KERNEL, warm_parent.HOME, warm_parent.WORK = f"{inside}/kernel", f"{inside}/home", f"{inside}/home/work"
    _real_folders(base, name, megabytes)


def fresh_state() -> None:
    _real_state()
    # Ended with its init, as everything in a namespace is.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def become_student(uid: int, limits: dict[str, Any]) -> None:
    os.chdir(warm_parent.WORK)


def loopback_up() -> None:
    raise OSError("there is no loopback of its own")


def nothing(*words: Any) -> None:
    pass


if __name__ == "__main__":
    for ours in (mount, own_folders, fresh_state, become_student, loopback_up):
        setattr(warm_parent, ours.__name__, ours)
    for name in (
        "unshare",
        "drop_capabilities",
        "drop_inheritable",
        "drop_bounding_set",
        "shut_doors",
        "fail_once",
        "draw_once",
    ):
        setattr(warm_parent, name, nothing)
    warm_parent.prctl = nothing
    warm_parent.libc = Libc()
    os.getuid = lambda: 0
    os.setresuid = os.setresgid = os.setgroups = nothing
    warm_parent.main()
    sys.exit(0)
