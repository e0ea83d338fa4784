"""The warm parent: a process in the jail that has everything imported and forks a kernel when asked.

This file is run as a script inside the jail, by the students' Python; it knows nothing of the grader and
imports nothing of it. It runs no student code: each kernel is a fork with process, mount, network, IPC and host
name namespaces of its own (and a user namespace, where the grader is not root), made before the first line of
a submission is seen. Processes, seen from outside: parent - init of the kernel's namespace - kernel.

Messages on a socket with the grader: ``{"op": "fork", ...}``, which names what the kernel is to have imported, with one end of a
second socket, over which the kernel's init then says hello, is told the submission's limits (``assign``), hands over the folders
that it mounted for the grader to fill and to watch, and answers.
"""

from __future__ import annotations

import array
import base64
import ctypes
import errno
import fcntl
import functools
import gc
import importlib
import json
import logging
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any

#: What every kernel is made of; a course's own libraries are named in its `photgrader.toml` and come on the command line.
MODULES = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "encodings.unicode_escape",
    "faulthandler",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "pdb",
    "photcheck.probe",
    "photcheck.student",
    "tornado.platform.asyncio",
    "tornado.queues",
)
WORK, HOME, KERNEL = "/home/student/work", "/home/student", "/tmp/.kernel"
NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
OTHERS = NEWNS | NEWUTS | NEWIPC | NEWNET
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 24, 36, 38
LAST_CAPABILITY = 63
libc = ctypes.CDLL(None, use_errno=True)


def fail(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    words = [w.encode() if w else None for w in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), data.encode() if data else None) != 0:
        raise fail(f"mount on {target}")


def prctl(option: int, value: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise fail(f"prctl {option}")


def drop_capabilities() -> None:
    """Take all capabilities from this thread (there is only one yet)."""
    header = struct.pack("Ii", 0x20080522, 0)
    if libc.capset(header, struct.pack("6I", *[0] * 6)) != 0:
        raise fail("capset")


def drop_inheritable() -> None:
    """Keep the capabilities, but let nothing inherit them."""
    header, data = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0)), ctypes.create_string_buffer(24)
    if libc.capget(header, data) != 0:
        raise fail("capget")
    words = list(struct.unpack("6I", data.raw[:24]))
    words[2] = words[5] = 0
    if libc.capset(header, struct.pack("6I", *words)) != 0:
        raise fail("capset")


def drop_bounding_set() -> None:
    for capability in range(LAST_CAPABILITY + 1):
        if libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            if ctypes.get_errno() == errno.EINVAL:
                return
            raise fail("bounding set")


# ------------------------------------------------------------------------------------------------ namespaces
def unshare(flags: int) -> None:
    if libc.unshare(flags) != 0:
        raise fail("unshare")


def own_user_namespace() -> None:
    """Leave the parent's namespaces as an ordinary user: by way of a user namespace of one's own."""
    uid, gid = os.getuid(), os.getgid()
    # The parent hides its memory, and with it the files that the map of users is written to.
    prctl(PR_SET_DUMPABLE, 1)
    unshare(OTHERS | NEWPID | NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as stream:
            stream.write(text)


def mounted_below(folder: str, but: str) -> list[tuple[str, int, bool]]:
    """Return the mount points below a folder with a handle of each, outer ones first: an environment may lie in /tmp."""
    with open("/proc/self/mounts", encoding="utf-8") as stream:
        points = {line.split()[1].encode().decode("unicode_escape") for line in stream}
    inner = sorted(p for p in points if p.startswith(folder + "/") and p != but and not p.startswith(but + "/"))
    return [(p, os.open(p, os.O_PATH), os.path.isdir(p)) for p in inner]


def own_folders(base: str, name: str, megabytes: int) -> None:
    """Cover everything writable by fresh, empty folders."""
    mount("", "/", "", REC | PRIVATE)
    runs = os.open(base, os.O_PATH | os.O_DIRECTORY)
    kernel = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=runs)
    os.close(runs)
    fonts = f"{HOME}/.cache/matplotlib"
    kept = [(n, os.open(f"{fonts}/{n}", os.O_PATH)) for n in (os.listdir(fonts) if os.path.isdir(fonts) else [])]
    shown = mounted_below("/tmp", base.rstrip("/"))
    mount("tmpfs", "/tmp", "tmpfs", NOSUID | NODEV, f"mode=1777,size={megabytes}m,nr_inodes=20k")
    for path, handle, is_folder in shown:
        if is_folder:
            os.makedirs(path, mode=0o755, exist_ok=True)
        elif not os.path.exists(path):
            open(path, "w").close()
        mount(f"/proc/self/fd/{handle}", path, "", BIND)
        os.close(handle)
    os.mkdir(KERNEL, 0o711)
    mount(f"/proc/self/fd/{kernel}", KERNEL, "", BIND)
    os.close(kernel)
    mount("tmpfs", HOME, "tmpfs", NOSUID | NODEV, f"mode=0755,size={megabytes}m,nr_inodes=20k")
    os.makedirs(fonts)
    os.mkdir(WORK)
    for file, handle in kept:
        open(f"{fonts}/{file}", "w").close()
        mount(f"/proc/self/fd/{handle}", f"{fonts}/{file}", "", BIND)
        os.close(handle)
    mount("tmpfs", "/dev/shm", "tmpfs", NOSUID | NODEV, "mode=1777,size=64m,nr_inodes=20k")
    mount("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    if os.getuid() != 0:
        with open("/proc/sys/user/max_user_namespaces", "w") as stream:
            stream.write("0")


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))


# ------------------------------------------------------------------------------------------------ kernel
def fresh_state() -> None:
    """Make this process one that no other fork shares anything with: random state, handles, signals."""
    import random

    import numpy

    random.seed()
    numpy.random.seed()  # noqa: NPY002 - the state that students' code uses
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGPIPE else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def close_but(keep: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass


@functools.cache
def app_class() -> Any:
    """Return ipykernel's application, without what nobody here needs."""
    from types import SimpleNamespace

    from ipykernel import ipkernel
    from ipykernel.kernelapp import IPKernelApp

    class App(IPKernelApp):
        def parse_command_line(self, argv: Any = None) -> None:
            # There is none, and to read it costs a sixth of a kernel's start.
            pass

        def init_connection_file(self) -> None:
            pass

        def write_connection_file(self, **kwargs: Any) -> None:
            pass

        def init_heartbeat(self) -> None:
            pass

        def log_connection_info(self) -> None:
            pass

        def init_code(self) -> None:
            # There is no code to begin with, and the names of all modules, kept for a magic, would be copied one by one.
            pass

        def init_kernel(self) -> None:
            # For its debugger, which nobody uses here, the kernel looks at each of two thousand modules; what a fork looks at, it
            # has to copy: nearly a third of all that its start copied.
            names = vars(ipkernel)
            names["sys"] = SimpleNamespace(modules={})
            try:
                super().init_kernel()
            finally:
                names["sys"] = sys

    return App


def make_app(key: str) -> Any:
    """Start ipykernel up to where it waits for messages."""
    from traitlets.config import Config

    # The shell's machinery takes this for the program that was started.
    sys.argv = ["ipykernel_launcher"]
    # The kernel would wait before each reply, for clients that read it before the outputs; ours waits for the message after them.
    config = Config({"HistoryManager": {"enabled": False}, "IPythonKernel": {"_execute_sleep": 0.0}})
    # With a logger given, logging is not set up anew, which looks at each logger there is.
    quiet = logging.getLogger("photgrader.kernel")
    quiet.setLevel(logging.ERROR)
    quiet.propagate = False
    app = app_class().instance(
        config=config,
        log=quiet,
        transport="ipc",
        ip=f"{KERNEL}/k",
        connection_file=f"{KERNEL}/c.json",
        shell_port=1,
        iopub_port=2,
        stdin_port=3,
        hb_port=4,
        control_port=5,
    )
    app.session.key = key.encode()
    app.initialize([])
    try:
        importlib.import_module("photcheck.probe").stay(app.shell)
    except ImportError:
        # A students' Python without the course: its notebooks can do nothing much either.
        pass
    return app


def become_student(uid: int, limits: dict[str, Any]) -> None:
    """Give up everything: folder, limits, user. Nothing of the submission was seen before."""
    if os.getuid() == 0:
        for folder, folders, files in os.walk(HOME):
            folders[:] = [f for f in folders if os.path.join(folder, f) != WORK]
            for name in ("", *files):
                if not name.startswith("fontlist"):
                    os.chown(os.path.join(folder, name) if name else folder, uid, uid, follow_symlinks=False)
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if os.getuid() == 0:
        # The C library changes the user of every thread, and with it go the capabilities of every thread.
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    prctl(PR_SET_DUMPABLE, 1)
    # The first to go where memory is short; from outside an ordinary grader cannot say so of a process that hides its memory.
    with open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("500")
    os.chdir(WORK)
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/status") as stream:
            state = dict(line.split(":", 1) for line in stream.read().splitlines() if ":" in line)
        if (
            any(int(state[c], 16) for c in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"))
            or state["NoNewPrivs"].strip() != "1"
            or set(state["Uid"].split()) != {str(uid)}
        ):
            raise PermissionError(
                f"a thread kept rights: {[state[c].strip() for c in ('CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Uid')]}"
            )


def shut_doors(rules: bytes) -> None:
    """Take the filter of system calls (`photgrader.sandbox.seccomp`) for all threads of this process and all that it starts."""
    if not rules:
        return
    body = ctypes.create_string_buffer(rules, len(rules))
    order = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(rules) // 8, ctypes.addressof(body)))
    libc.syscall.restype = ctypes.c_long
    number = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
    # 1: a filter, 1: for all threads.
    if libc.syscall(ctypes.c_long(number), ctypes.c_ulong(1), ctypes.c_ulong(1), order) != 0:
        raise fail("seccomp")


def kernel_process(key: str, orders: int, answers: int) -> None:
    os.setsid()
    close_but({orders, answers})
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    drop_bounding_set()
    if os.getuid() == 0:
        drop_inheritable()
    else:
        drop_capabilities()
    fresh_state()
    app = make_app(key)
    os.write(answers, b"w")
    order = os.read(orders, 1 << 16)
    if not order:
        os._exit(0)
    order = json.loads(order)
    become_student(order["uid"], order["limits"])
    shut_doors(base64.b64decode(order["filter"]))
    os.write(answers, b"k")
    os.close(orders)
    os.close(answers)
    app.start()


# ------------------------------------------------------------------------------------------------ init
def init_process(request: dict[str, Any], control: socket.socket) -> None:
    """Be process 1 of a kernel's namespace: prepare it, start the kernel, hand over the folder, wait for the end."""
    prctl(PR_SET_DUMPABLE, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    own_folders(request["base"], request["name"], request["folder_mb"])
    try:
        loopback_up()
    except OSError:
        pass
    orders_out, orders_in = os.pipe()
    answers_out, answers_in = os.pipe()
    kernel = os.fork()
    if kernel == 0:
        try:
            kernel_process(request["key"], orders_out, answers_in)
        except BaseException as problem:
            os.write(answers_in, f"{type(problem).__name__}: {problem}"[:500].encode())
        finally:
            os._exit(1)
    os.close(orders_out)
    os.close(answers_in)
    control.send(b'{"op": "hello"}')
    # "w": the kernel waits for messages; nothing: it ended.
    expect(answers_out, b"w")
    mount("", KERNEL, "", REMOUNT | BIND | RDONLY | NOSUID | NODEV)
    order = control.recv(1 << 16)
    if not order:
        os._exit(0)
    order = json.loads(order)
    mount("tmpfs", WORK, "tmpfs", NOSUID | NODEV, order["folder"])
    handles = [os.open(name, os.O_RDONLY | os.O_DIRECTORY) for name in (WORK, "/tmp", HOME, "/dev/shm")]
    # The grader puts what was handed in there, and counts what the kernel puts there.
    socket.send_fds(control, [b'{"op": "folders"}'], handles)
    if os.getuid() == 0:
        os.fchown(handles[0], order["uid"], order["uid"])
    for handle in handles:
        os.close(handle)
    if not control.recv(16):
        os._exit(0)
    os.write(orders_in, json.dumps(order).encode())
    expect(answers_out, b"k")
    control.send(b'{"op": "assigned"}')
    os.close(orders_in)
    os.close(answers_out)
    drop_capabilities()
    ended = os.pidfd_open(kernel)
    # Orphans of the submission are ours to bury.
    signal.signal(signal.SIGCHLD, lambda number, frame: bury())
    # When the kernel ends, or the grader that asked for it does, all that is left ends with us.
    select.select([ended, control.fileno()], [], [])
    os._exit(0)


def bury() -> None:
    """Take note of the children that ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def expect(answers: int, word: bytes) -> None:
    """Read the kernel's word, or raise what it says instead."""
    answer = os.read(answers, 1000)
    if answer != word:
        raise ChildProcessError(answer.decode() or "the kernel ended while it was started")


def first_process(request: dict[str, Any], control: socket.socket) -> None:
    """Be the first process of a new process namespace, and say so where it fails."""
    try:
        if os.getuid() == 0:
            unshare(OTHERS)
        init_process(request, control)
    except BaseException as problem:
        tell(control, problem)
    finally:
        os._exit(0)


def tell(control: socket.socket, problem: BaseException) -> None:
    """Let the grader know why there is no kernel."""
    try:
        control.send(json.dumps({"op": "failed", "reason": f"{type(problem).__name__}: {problem}"[:500]}).encode())
    except OSError:
        pass


def fork(request: dict[str, Any], control: socket.socket, parent: socket.socket) -> None:
    """Fork a kernel's init; the parent's own state is not touched."""
    try:
        (fork_as_root if os.getuid() == 0 else fork_as_user)(request, control, parent)
    except OSError as problem:
        tell(control, problem)
    control.close()


def fork_as_root(request: dict[str, Any], control: socket.socket, parent: socket.socket) -> None:
    """Root may choose its children's process namespace and go back to its own: a fork less, of a process this size."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        unshare(NEWPID)
        try:
            if os.fork() == 0:
                parent.close()
                os.close(own)
                first_process(request, control)
        finally:
            if libc.setns(own, NEWPID) != 0:
                # Any further kernel would be this one's sibling, in its namespace.
                os._exit(1)
    finally:
        os.close(own)


def fork_as_user(request: dict[str, Any], control: socket.socket, parent: socket.socket) -> None:
    """Fork by way of a process that takes a user namespace, which the parent itself could not leave again."""
    pid = os.fork()
    if pid == 0:
        try:
            parent.close()
            own_user_namespace()
            if os.fork() == 0:
                first_process(request, control)
        except BaseException as problem:
            tell(control, problem)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@functools.cache
def import_once(name: str) -> None:
    """Import a module of the course's, once; one that has a function ``warm_up`` is asked to do its own part.

    A student's environment may lack it, and of no consequence is what goes wrong here: whoever is first waits for it.
    """
    try:
        own = vars(importlib.import_module(name)).get("warm_up")
        if callable(own):
            own()
    except (Exception, SystemExit):
        pass


def warm_up(imports: list[str]) -> None:
    """Import what kernels need, and do once what is slow the first time.

    Parameters
    ----------
    imports : list of str
        The course's modules to begin with.
    """
    # Nobody debugs a kernel here, and to import what for is a seventh of it all; ipykernel does without where it is not there.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    for name in imports:
        import_once(name)
    for name in MODULES:
        try:
            importlib.import_module(name)
        except Exception:
            pass
    del sys.modules["debugpy"]
    for slow in (app_class, fail_once, draw_once):
        try:
            slow()
        except Exception:
            pass


def import_more(imports: list[str]) -> None:
    """Import what a kernel is to have that none had before it."""
    before = len(sys.modules)
    gc.disable()
    for name in imports:
        import_once(name)
    draw_once()
    if len(sys.modules) > before:
        gc.collect()
        gc.freeze()
    gc.enable()


def fail_once() -> None:
    """Look up the sources for a traceback."""
    import warnings

    from IPython.core import ultratb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Of a file that no module has, as a cell's is: only then all modules are looked through.
            exec(compile("import photcheck\nphotcheck.nothing_of_that_name", "a cell", "exec"))
        except Exception:
            ultratb.FormattedTB(mode="Context", theme_name="linux").structured_traceback(*sys.exc_info())


def draw_once() -> None:
    """Draw a picture as soon as matplotlib is there: the first one takes long."""
    if "matplotlib" in sys.modules:
        _draw()


@functools.cache
def _draw() -> None:
    import io
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure

            figure = Figure()
            FigureCanvasAgg(figure)
            axes = figure.add_subplot()
            figure.colorbar(axes.imshow([[0, 1], [1, 2]]), label="$10^{-3}$")
            figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
        except Exception:
            pass


def main() -> None:
    parent = socket.socket(fileno=int(sys.argv[1]))
    # Nothing of what is imported is garbage.
    gc.disable()
    warm_up(json.loads(sys.argv[2]))
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)
    gc.collect()
    gc.freeze()
    gc.enable()
    size = array.array("i").itemsize
    while True:
        # The inits of kernels that ended are buried here.
        bury()
        text, extra, _, _ = parent.recvmsg(1 << 16, socket.CMSG_SPACE(size))
        if not text:
            return
        handle = array.array("i", extra[0][2][:size])[0]
        request = json.loads(text)
        import_more(request["imports"])
        fork(request, socket.socket(fileno=handle), parent)


if __name__ == "__main__":
    main()
