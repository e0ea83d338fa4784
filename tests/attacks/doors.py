"""Doors of the system that a kernel may find: tries in Python, all made in one kernel, each of which has to be refused."""

from __future__ import annotations

#: Expressions by name; each has to raise, or to give something that is not true.
DOORS = {
    "the system's memory": "open('/proc/kcore', 'rb').read(1) or open('/dev/mem', 'rb')",
    "the system's words": "open('/dev/kmsg').read(1)",
    "the great button": "put('/proc/sysrq-trigger', 'b')",
    "a program for every crash": "put('/proc/sys/kernel/core_pattern', '|/bin/sh')",
    "the system's settings": "put('/proc/sys/vm/overcommit_memory', '1')",
    "where the system's code lies": "any(int(l.split()[0], 16) for l in open('/proc/kallsyms'))",
    "its own control group": "put('/sys/fs/cgroup/memory/photgrader/cgroup.procs', '0') or os.listdir('/sys')",
    "spared when memory is short": "put('/proc/self/oom_score_adj', '-1000') and open('/proc/self/oom_score_adj').read() == '-1000\\n'",
    "before all others": "os.nice(-5) < 0",
    "in real time": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) is None",
    "a limit raised": "resource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6)) is None",
    "memory that stays": "libc.mlockall(3) == 0 and resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] > 10**6",
    "a device of one's own": "os.mknod('/tmp/mem', 0o20666, os.makedev(1, 1)) is None",
    "another root": "os.chroot('/tmp') is None",
    "another name of the machine": "socket.sethostname('n4l') is None",
    "another time": "time.clock_settime(time.CLOCK_REALTIME, 0) is None",
    "another user": "os.setuid(0) is None",
    "another group": "os.setgroups([0]) is None",
    "a program with its owner's rights": "any(os.stat(p).st_mode & 0o4000 for p in ('/usr/bin/su', '/usr/bin/passwd') if os.path.exists(p)) and subprocess.run(['su', '-c', 'id'], input=b'', capture_output=True).returncode == 0",
    "somebody's namespace": "libc.setns(os.open('/proc/1/ns/net', os.O_RDONLY), 0) == 0",
    "a namespace of one's own": "libc.unshare(0x10000000) == 0",
    "a namespace for a child": "libc.syscall(NUMBERS['clone'], 0x10000011, 0, 0, 0, 0) >= 0",
    "memory of process 1": "open('/proc/1/mem', 'rb', 0).read(1)",
    "the environment of process 1": "open('/proc/1/environ', 'rb').read(1)",
    "process 1 stopped": "os.kill(1, 9) is None and not os.path.exists('/proc/1')",
    "a child that is traced": "traced()",
    "a file in no folder": "os.memfd_create('x') >= 0",
    "memory of the old kind": "libc.shmget(0, 4096, 0o1600) >= 0",
    "queues of the old kind": "libc.msgget(0, 0o1600) >= 0",
    "a socket to the host": "socket.socket(40, socket.SOCK_STREAM)",
    "a socket for ciphers": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "a socket for packets": "socket.socket(17, socket.SOCK_RAW)",
    "a socket for the audit": "socket.socket(16, socket.SOCK_RAW, 9)",
    "a socket for keys": "socket.socket(15, socket.SOCK_RAW, 2)",
    "its own program": "open('/proc/self/exe', 'r+b')",
    "a library": "open(os.__file__, 'a')",
    "the root": "open('/n4l', 'w') or open('/dev/n4l', 'w')",
    "files by their numbers": "libc.open_by_handle_at(-1, None, 0) == 0",
}
DOORS_BEFORE = """
import ctypes, os, resource, socket, subprocess, time
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"clone": 56 if os.uname().machine == "x86_64" else 220}
def put(path, text): return os.write(os.open(path, os.O_WRONLY), text.encode())
def traced():
    pid = os.fork()
    if pid == 0: time.sleep(30); os._exit(0)
    try: return libc.ptrace(16, pid, 0, 0) == 0
    finally: os.kill(pid, 9); os.waitpid(pid, 0)
opened = []
"""


def doors_code() -> str:
    """Return the cell that tries all doors and prints the names of those that opened."""
    tries = "".join(
        f"try:\n    if {act}: opened.append({name!r})\nexcept BaseException: pass\n" for name, act in DOORS.items()
    )
    return f"{DOORS_BEFORE}{tries}print('open:', opened, len({list(DOORS)!r}))"
