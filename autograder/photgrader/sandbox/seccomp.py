"""Which of the system's doors are shut for a submission: a filter of system calls, in both kinds of kernels.

The filter is a small program for the system's own machine (BPF): made here, handed to bubblewrap (``--seccomp``) for cold
kernels, and taken by a warm kernel itself before it sees anything of a submission. What is on the list fails as if the
system did not have it; everything else is as before.
"""

from __future__ import annotations

import errno
import platform
import struct

#: Numbers of system calls that no notebook needs: x86_64, aarch64.
REFUSED: dict[str, tuple[int, int]] = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "personality": (135, 92),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
#: Families of sockets that a notebook has: of the machine itself, and of the network, which is empty. Of the family that
#: speaks with the system (netlink) only the list of its network devices.
FAMILIES, NETLINK = (1, 2, 10), 16
_MACHINES = {"x86_64": (0, 0xC000003E, 41, 56, 435), "aarch64": (1, 0xC00000B7, 198, 220, 435)}
#: All namespaces that a process can ask for when it makes another.
_NAMESPACES = 0x7E020080
_LOAD, _EQUAL, _AND, _AT_LEAST, _RETURN = 0x20, 0x15, 0x54, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def program(machine: str = "") -> bytes:
    """Return the filter for a machine; empty where there is none for it.

    Parameters
    ----------
    machine : str
        As `platform.machine` says it; by default this one.
    """
    numbers_of = _MACHINES.get(machine or platform.machine())
    if numbers_of is None:
        return b""
    column, audit, socket_number, clone, clone3 = numbers_of
    refuse = _ERRNO | errno.EPERM
    lines: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, refuse),
        (_LOAD, 0, 0, 0),
    ]
    if column == 0:
        # The x32 calls of an x86_64 have numbers of their own.
        lines += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, refuse)]
    for numbers in REFUSED.values():
        lines += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, refuse)]
    # Its flags lie in memory, where no filter looks; the C library takes clone in its place.
    lines += [(_EQUAL, 0, 1, clone3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    lines += [
        (_EQUAL, 0, 4, clone),
        (_LOAD, 0, 0, 16),
        (_AND, 0, 0, _NAMESPACES),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, refuse),
        (_LOAD, 0, 0, 0),
    ]
    # Jumps count the lines that are passed over: the families that are allowed go to the last one.
    known = len(FAMILIES)
    lines += [(_EQUAL, 0, known + 5, socket_number), (_LOAD, 0, 0, 16)]
    lines += [(_EQUAL, known - k + 3, 0, family) for k, family in enumerate(FAMILIES)]
    lines += [(_EQUAL, 0, 2, NETLINK), (_LOAD, 0, 0, 32), (_EQUAL, 1, 0, 0)]
    lines += [(_RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
