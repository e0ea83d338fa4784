"""Two submissions in two kernels, as a hostile student would use them; prints what they could see and do, as JSON.

Run as a script (``cold`` or ``warm``), so that it can be run by another user than the tests' own.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil
from attacks.doors import doors_code

from photgrader.coursedir.settings import Limits, Settings
from photgrader.grading.run import cold
from photgrader.sandbox import seccomp, warm
from photgrader.sandbox.session import Session, run_folder

SECRET = "canary-of-the-other-submission"

POISON = f"""
import builtins, os, random, socket, subprocess, sys, numpy as np, pathlib
np.sum = lambda *a, **k: 42
builtins.divmod = lambda x, y: 42
sys.modules["photcheck.wire"] = None
sys.modules["math"].sqrt = lambda x: 42
os.environ["POISON"] = "1"
np.random.seed(1); random.seed(1)
for name in ("/tmp/poison", "/dev/shm/poison", "/home/student/poison", "work.py", "/home/student/work/numpy.py"):
    pathlib.Path(name).write_text("raise SystemExit  # {SECRET}")
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0canary"); listener.listen()
master, slave = os.openpty()
subprocess.Popen(["/usr/bin/sleep", "987654"], start_new_session=True, stdin=subprocess.DEVNULL)
"""

LOOK = r"""
import json as _json, os, sys, socket, ctypes, random, pathlib, glob
facts = {}
def attempt(name, act):
    try:
        facts[name] = act()
    except BaseException as problem:
        facts[name] = "refused: " + type(problem).__name__
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
    return "connected"
def found(paths):
    return [p for p in paths if os.path.exists(p)]
libc = ctypes.CDLL(None, use_errno=True)
def ptrace(pid):
    return "attached" if libc.ptrace(16, pid, 0, 0) == 0 else "refused"
import numpy
facts["uid"], facts["cwd"], facts["files"] = os.getuid(), os.getcwd(), sorted(os.listdir("."))
attempt("network", lambda: connect(socket.AF_INET, ("192.0.2.1", 80)))
attempt("abstract socket", lambda: connect(socket.AF_UNIX, "\0canary"))
facts["host paths"] = found(HOST_PATHS)
facts["tmp"] = sorted(os.listdir("/tmp"))
facts["shm"] = os.listdir("/dev/shm")
facts["home"] = sorted(os.listdir("/home/student"))
facts["pts"] = sorted(os.listdir("/dev/pts"))
facts["processes"] = sorted(int(p) for p in os.listdir("/proc") if p.isdigit())
for pid in [p for p in facts["processes"] if p != os.getpid()]:
    attempt(f"mem of {pid}", lambda: len(open(f"/proc/{pid}/mem", "rb", 0).read(1)) and "read")
    attempt(f"fds of {pid}", lambda: os.listdir(f"/proc/{pid}/fd") and "listed")
    attempt(f"root of {pid}", lambda: os.listdir(f"/proc/{pid}/root/tmp") and "listed")
    attempt(f"ptrace of {pid}", lambda: ptrace(pid))
    attempt(f"kill of {pid}", lambda: os.kill(pid, 9))
attempt("mount", lambda: "mounted" if libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0 else "refused")
attempt("umount", lambda: "unmounted" if libc.umount2(b"/tmp", 2) == 0 else "refused")
attempt("setuid", lambda: os.setuid(0) or ("refused" if facts["uid"] == 0 else "root"))
status = dict(l.split(":", 1) for l in open("/proc/self/status").read().splitlines())
facts["capabilities"] = [status[k].strip() for k in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")]
facts["no new privileges"] = status["NoNewPrivs"].strip()
facts["threads without"] = [t for t in os.listdir("/proc/self/task")
                            if "NoNewPrivs:\t1" not in open(f"/proc/self/task/{t}/status").read()]
facts["handles"] = sorted(t for t in (os.readlink(f"/proc/self/fd/{f}") for f in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{f}"))
                          if not t.startswith(("anon_inode", "pipe", "socket", "/dev/null", "/proc/")))
facts["random"] = [random.random(), float(numpy.random.rand())]
facts["numpy"], facts["divmod"] = int(numpy.sum([1, 2])), divmod(7, 2)[0]
facts["poisoned"] = [n for n in ("POISON",) if n in os.environ] + (["math"] if __import__("math").sqrt(4) != 2 else [])
facts["environment"] = sorted(os.environ)
facts["path"] = sys.path
import resource
facts["limits"] = {n: resource.getrlimit(getattr(resource, "RLIMIT_" + n))[1] for n in ("NPROC", "AS", "FSIZE", "CPU", "CORE", "NOFILE")}
import photcheck.wire
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.close("all")
facts["style"] = {k: str(v) for k, v in plt.rcParams.items() if k.startswith(("figure", "font", "image", "axes.prop", "backend", "savefig"))}
print(_json.dumps(facts))
"""


#: What the kernel may still call of what the filter refuses, and whether ordinary things still work.
CALLS = """
import ctypes, os, subprocess, threading, multiprocessing, socket
libc = ctypes.CDLL(None, use_errno=True); libc.syscall.restype = ctypes.c_long
def refused(*call):
    ctypes.set_errno(0)
    return libc.syscall(*call) < 0 and ctypes.get_errno() in (1, 38, 97)
room = ctypes.create_string_buffer(4096)
calls = {numbers}
facts = {"Calls": sorted(n for n, number in calls.items() if not refused(number, room, 0, 0, 0, 0, 0))}
facts["families"] = [f for f in range(1, 45) if not refused(calls_socket, f, 1, 0) and not refused(calls_socket, f, 2, 0)]
seen = []
thread = threading.Thread(target=seen.append, args=("thread",)); thread.start(); thread.join()
process = multiprocessing.Process(target=int); process.start(); process.join()
import json
facts["things that work"] = [seen, process.exitcode, subprocess.run(["echo", "x"], capture_output=True).stdout.decode()]
facts["filter"] = [l.split()[1] for l in open("/proc/self/status") if l.startswith("Seccomp:")]
print(json.dumps(facts))
"""

#: How much more of the address space is taken when some threads have run that take a little memory each.
THREADS = """
import threading, time
def megabytes():
    return int(open("/proc/self/statm").read().split()[0]) * 4096 >> 20
def work():
    held = [bytearray(1000) for _ in range(300)]
    time.sleep(0.5)
before = megabytes()
threads = [threading.Thread(target=work) for _ in range(16)]
[t.start() for t in threads], [t.join() for t in threads]
print(megabytes() - before)
"""


def text(cell: Any) -> str:
    """Return what a cell printed, or fail with its error."""
    if cell.status != "ok":
        raise AssertionError(str(cell.outputs)[-1500:])
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")


@contextlib.contextmanager
def session(mode: str, settings: Settings) -> Any:
    """Open a session with a kernel of a mode."""
    start: Any = warm.starter() if mode == "warm" else cold
    base = start.prepare(settings, "") if mode == "warm" else None
    with run_folder({"data/own.txt": b"mine"}, base) as (place, uid):
        asked = time.perf_counter()
        kernel = start(place, uid, settings, "")
        opened = Session(kernel, place, settings, time.monotonic() + 120)
        try:
            opened.wait_ready()
            opened.ready_seconds = time.perf_counter() - asked
            yield opened
        finally:
            opened.close()


def children(pid: int) -> list[str]:
    """Return the command lines of all descendants of a process."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(child.cmdline()))
    return found


def main(mode: str) -> dict[str, Any]:
    """Run both submissions and return what was found."""
    # A folder that stands for the course, with what must not be seen.
    secret = pathlib.Path(tempfile.mkdtemp(prefix="course-"))
    (secret / "gradebook.db").write_text("grades")
    here = pathlib.Path(__file__).resolve().parent
    settings = Settings(limits=Limits(notebook_seconds=100.0))
    try:
        with session(mode, settings) as first:
            text(first.run(POISON))
            paths = [
                str(p)
                for p in (
                    secret,
                    here,
                    here.parent / "source",
                    here.parent / "autograder" / "photgrader",
                    pathlib.Path.home() / ".bashrc",
                    first.place.work,
                    first.place.work.parent,
                    *warm_folders(),
                    "/etc/shadow",
                    "/etc/passwd",
                    "/tmp/poison",
                    "/dev/shm/poison",
                )
            ]
            with session(mode, settings) as second:
                facts = json.loads(text(second.run(f"HOST_PATHS = {paths!r}" + LOOK)))
                column = 0 if os.uname().machine == "x86_64" else 1
                calls = {name: numbers[column] for name, numbers in seccomp.REFUSED.items()}
                asked = CALLS.replace("{numbers}", repr(calls)).replace("calls_socket", str((41, 198)[column]))
                facts |= json.loads(text(second.run(asked)))
                facts["open doors"] = text(second.run(doors_code()))
                facts["taken by threads"] = int(text(second.run(THREADS)))
                facts["first to go"] = text(second.run("print(open('/proc/self/oom_score_adj').read())")).strip()
                facts["alive"] = second.kernel.alive() and text(second.run("print(6 * 7)")).strip() == "42"
            asleep = sum("987654" in c for c in children(os.getpid()))
        with session(mode, settings) as third:
            facts["third random"] = json.loads(
                text(
                    third.run(
                        "import json, random, numpy; print(json.dumps([random.random(), float(numpy.random.rand())]))"
                    )
                )
            )
            facts["ready seconds"] = third.ready_seconds
            facts["kind"] = type(third.kernel).__name__ + getattr(third.kernel, "kind", "").removeprefix("ColdKernel")
            third.kernel.kill()
            time.sleep(0.3)
            facts["killed"] = not third.kernel.alive()
        facts["asleep before"], facts["asleep after"] = asleep, sum("987654" in c for c in children(os.getpid()))
    finally:
        warm.close()
        shutil.rmtree(secret)
    time.sleep(0.5)
    facts["left"] = [c for c in children(os.getpid()) if "bwrap" in c or "photgrader-warm" in c or "ipykernel" in c]
    facts["folders left"] = [str(p) for p in warm_folders()]
    return facts


def warm_folders() -> list[pathlib.Path]:
    """Return the folders of this process's warm parent."""
    return list(pathlib.Path(tempfile.gettempdir()).glob(f"pgw-{os.getpid()}-*"))


def as_ordinary_user(command: list[str], seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command as nobody, with this Python made reachable where it lies in a private home."""
    prefix = pathlib.Path(sys.base_prefix).resolve()
    closed = [p for p in prefix.parents if p.stat().st_mode & 0o001 == 0]
    show = ""
    if closed:
        stash = tempfile.mkdtemp(prefix="python-")
        top = closed[-1]
        show = (
            f"mount --bind {prefix} {stash}; mount -t tmpfs -o mode=755 tmpfs {top}; mkdir -p {prefix}; mount --bind {stash} {prefix}; "
            f"umount {stash}; rmdir {stash}; "
        )
    script = f'set -e; {show}exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent TMPDIR=/tmp PYTHONDONTWRITEBYTECODE=1 "$@"'
    return subprocess.run(
        ["unshare", "-m", "bash", "-c", script, "bash", *command],
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        timeout=seconds,
    )


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
