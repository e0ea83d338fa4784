"""Folders of limited size for a kernel: mounted where it runs, filled and read from outside by a handle.

Whatever is written there, and however it is named, unlinked or hidden, the system counts it and stops at the limit. A warm
kernel's init mounts its own (`warm_parent`); for a cold kernel this file is run as a script, which mounts them in a namespace of
its own, hands them over, and becomes the jail.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import socket
import sys
import tempfile

#: What a folder holds beyond the limit, so that passing it can be told from being near it.
MORE_BYTES, MORE_FILES = 1 << 20, 100
#: A cold kernel's sockets, its connection file and the filter of system calls.
SOCKETS_BYTES, SOCKETS_FILES = 4 << 20, 100
#: Entries in each of /tmp, home and /dev/shm.
ENTRIES = 20_000
#: Longest path of the folder for temporary files: names of sockets stand below it, and the system takes no more than 107 bytes.
LONGEST_TEMPORARY = 45
#: The name of the socket, in a run's folder, over which a room is handed over.
DOOR = "door"


def keep_paths_short() -> None:
    """Have temporary files in /tmp where the folder that is named for them (TMPDIR) is none for sockets: too long, as batch systems name
    it, or no UTF-8, which ZeroMQ cannot write.
    """
    name = tempfile.gettempdir()
    unfit = len(os.fsencode(name)) > LONGEST_TEMPORARY or re.search("[\ud800-\udfff]", name)
    if unfit and os.access("/tmp", os.W_OK | os.X_OK):
        tempfile.tempdir = os.environ["TMPDIR"] = "/tmp"


def options(bytes_: int, files: int, mode: str = "0700") -> str:
    """Return the options of a mount that holds no more than a limit."""
    return f"mode={mode},size={bytes_},nr_inodes={files}"


def use(handle: int) -> tuple[int, int]:
    """Return the bytes and entries that a mounted folder holds, those without a name too."""
    facts = os.fstatvfs(handle)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize, facts.f_files - facts.f_ffree


def size_of(folder: pathlib.Path) -> tuple[int, int]:
    """Return the bytes and entries of what is handed in, in whole pages, as a mount counts them."""
    entries = list(folder.rglob("*"))
    return sum(-(-e.lstat().st_size // 4096) * 4096 + 4096 for e in entries), len(entries)


def fill(handle: int, folder: pathlib.Path) -> None:
    """Copy what is handed in, from a folder of the grader's own, with its owners and permissions; nothing else writes there yet.

    Parameters
    ----------
    handle : int
        The mounted folder.
    folder : Path
        What is copied into it.
    """
    inside = pathlib.Path(f"/proc/self/fd/{handle}")
    for path in sorted(folder.rglob("*")):
        target, facts = inside / path.relative_to(folder), path.lstat()
        if path.is_dir():
            target.mkdir()
        else:
            target.write_bytes(path.read_bytes())
        target.chmod(facts.st_mode & 0o777)
        if os.geteuid() == 0:
            os.chown(target, facts.st_uid, facts.st_gid)


def listen(folder: pathlib.Path) -> socket.socket:
    """Wait at the door of a run's folder for the room that is about to be started."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    (folder / DOOR).unlink(missing_ok=True)
    listener.bind(str(folder / DOOR))
    listener.listen(1)
    return listener


def main(root: str, megabytes: str, files: str, uid: str, *command: str) -> None:
    """Mount the folders of a cold kernel over those of its run, hand the first two over, wait for the word, and become the jail."""
    from photgrader.sandbox.warm_parent import NEWNS, NEWUSER, NODEV, NOSUID, PRIVATE, REC, mount, unshare

    os.chdir(root)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.connect(DOOR)
    own = (os.getuid(), os.getgid())
    unshare(NEWNS | (NEWUSER if own[0] else 0))
    if own[0]:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{own[0]} {own[0]} 1"),
            ("gid_map", f"{own[1]} {own[1]} 1"),
        ):
            pathlib.Path(f"/proc/self/{name}").write_text(text)
    mount("", "/", "", REC | PRIVATE)
    size = int(megabytes) << 20
    given, entries = size_of(pathlib.Path("work"))
    for name, bytes_, most, mode in (
        ("work", size + given + MORE_BYTES, int(files) + entries + MORE_FILES, "0700"),
        ("s", SOCKETS_BYTES, SOCKETS_FILES, "0700"),
        ("tmp", size, ENTRIES, "1777"),
        ("home", size, ENTRIES, "0777"),
        ("shm", 64 << 20, ENTRIES, "1777"),
    ):
        mount("tmpfs", f"{root}/{name}", "tmpfs", NOSUID | NODEV, options(bytes_, most, mode))
    handles = [os.open(name, os.O_RDONLY | os.O_DIRECTORY) for name in ("work", "s", "tmp", "home", "shm")]
    socket.send_fds(door, [b"room"], handles)
    for handle in handles:
        if not own[0]:
            os.fchown(handle, int(uid), int(uid))
        os.close(handle)
    if door.recv(1) == b"g":
        os.execv(command[0], command)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
