"""Keep the limits that no process limit knows: memory and files of a whole run, counted from outside."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import threading
from typing import Any

import psutil

from photgrader.coursedir.settings import Limits
from photgrader.sandbox import room

_PAUSE = 0.25
#: Processor time that starting a kernel may take, beyond the notebook's.
MORE_SECONDS = 5.0
#: A kernel is full where one of its processes has taken this share of the address space that it was left when it began: whatever is
#: asked of it next has no room to answer, right or not.
FULL = 0.95
#: A kernel with more than this share is looked at at shorter pauses: filled to the last byte it may end by itself, in libraries that
#: bear no want of memory, and who looks then finds nothing.
NEARLY, _SHORT_PAUSE = 0.75, 0.02
#: Most entries of what was handed in that are counted.
MOST_GIVEN = 20_000


def folder_use(folder: pathlib.Path, at_most_files: int) -> tuple[int, int]:
    """Return bytes and number of entries in a folder, following no links, stopping soon above the limit."""
    size = count = 0
    queue = [str(folder)]
    while queue:
        try:
            with os.scandir(queue.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > at_most_files + 1:
                        return size, count
                    status = entry.stat(follow_symlinks=False)
                    size += status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
        except OSError:
            continue
    return size, count


def family(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants.

    The kernel's own list of children is read where there is one: psutil reads every process of the machine,
    many times a second for every submission that is graded.
    """
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    queue, seen = [pid], {pid}
    while queue:
        parent = queue.pop()
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                text = pathlib.Path(f"/proc/{parent}/task/{thread}/children").read_text(encoding="ascii")
                new = {int(child) for child in text.split()} - seen
                seen |= new
                queue += new
        except OSError:
            continue
    found = []
    for member in seen:
        try:
            found.append(psutil.Process(member))
        except psutil.Error:
            continue
    return found


def memory_use(pid: int) -> int:
    """Return the resident bytes of a process and all its descendants."""
    try:
        members = family(pid)
    except psutil.Error:
        return 0
    total = 0
    for process in members:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def proportional_use(pid: int) -> int:
    """Return the bytes of a process and all its descendants, what they share counted once; where the system does not say, resident bytes.

    Twenty idle children of one process share nearly all of their pages, which each has in its resident memory. To read it takes
    the system a walk over all pages: only where the quick count (`memory_use`) is above the limit.
    """
    total = 0
    try:
        members = family(pid)
    except psutil.Error:
        return 0
    for process in members:
        try:
            text = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration, ValueError):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
    return total


def cpu_use(pid: int) -> float:
    """Return the processor time in seconds that a process and its descendants have used."""
    try:
        members = family(pid)
    except psutil.Error:
        return 0.0
    total = 0.0
    for process in members:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def address_space(pid: int) -> int:
    """Return the bytes of the largest address space of a process and its descendants.

    It is asked after each cell: where the kernel has lists of children, those of main threads are enough.
    """
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        with contextlib.suppress(psutil.Error):
            return max(process.memory_info().vms for process in family(pid))
        return 0
    most, queue = 0, [pid]
    while queue:
        member = queue.pop()
        with contextlib.suppress(OSError, IndexError):
            most = max(most, int(_read(f"/proc/{member}/statm").split()[0]) * resource.getpagesize())
            queue += map(int, _read(f"/proc/{member}/task/{member}/children").split())
    return most


def _read(path: str) -> bytes:
    with open(path, "rb", 0) as stream:
        return stream.read()


class Watch:
    """Looks at a run a few times a second and kills it where it uses more than it may; made before a student's code runs.

    Where the kernel has a control group, the system counts memory and processor time; otherwise they are counted here, with what
    lies in the folders that are memory.

    Parameters
    ----------
    kernel : Kernel
        What is watched (`photgrader.sandbox.session.Kernel`).
    folder : Path
        The submission's folder, looked at where the kernel has none of limited size.
    limits : Limits
        What it may use.

    Attributes
    ----------
    reason : str
        ``"memory"``, ``"files"`` or ``"time"`` after a kill, else empty.
    peak_mb : float
        Most memory that was seen.
    """

    def __init__(self, kernel: Any, folder: pathlib.Path, limits: Limits) -> None:
        self._kernel, self.folder, self.limits = kernel, folder, limits
        self.reason = ""
        self.peak_mb = 0.0
        self._began = 0
        self._was_full = False
        # What was handed in is no doing of the notebook's; it is bounded where it is read (`photgrader.grading.finding`).
        self._given = 0, 0
        self._given = self._folder()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="photgrader-watch")
        self._thread.start()

    def _run(self) -> None:
        pause = _PAUSE
        while not self._stop.wait(pause):
            try:
                passed = self._passed()
            except OSError:
                # Its folders were closed meanwhile: it is gone.
                return
            if passed:
                self.reason = passed
                self._kernel.kill()
                return
            taken = self._taken()
            if taken > 0:
                self._was_full = taken > FULL
            pause = _SHORT_PAUSE if taken > NEARLY else _PAUSE

    def _passed(self) -> str:
        """Return which limit is passed, if any."""
        if self._memory():
            return "memory"
        if self.cpu_seconds() > self.limits.notebook_seconds + MORE_SECONDS:
            return "time"
        return "files" if self._files() else ""

    def _folder(self) -> tuple[int, int]:
        """Return the bytes and entries that its folder holds beside what was handed in."""
        if self._kernel.rooms:
            size, count = room.use(self._kernel.rooms[0])
        else:
            size, count = folder_use(self.folder, max(MOST_GIVEN, self._given[1] + self.limits.files))
        return size - self._given[0], count - self._given[1]

    def _files(self) -> bool:
        """Tell whether there is too much in its folder."""
        size, count = self._folder()
        return size > self.limits.folder_mb * 2**20 or count > self.limits.files

    def too_many_files(self) -> bool:
        """Look at the folder now: who filled it may have ended between two looks, and is to be told."""
        if not self.reason and self._files():
            self.reason = "files"
        return self.reason == "files"

    def begin(self) -> None:
        """Remember what address space the kernel has before anything is run in it."""
        self._began = address_space(self._kernel.pid)

    def _taken(self) -> float:
        """Return the share of the address space that the kernel was left which one of its processes has taken."""
        left = self.limits.memory_mb * 2**20 - self._began
        return (address_space(self._kernel.pid) - self._began) / left if self._began and left > 0 else 0.0

    def full(self) -> bool:
        """Look whether a process of the kernel's has taken nearly all the address space that it was left, and remember it."""
        if not self.reason and self._taken() > FULL:
            self.reason = "memory"
        return self.reason == "memory"

    def _memory(self) -> bool:
        """Tell whether there is too much memory in use."""
        group = self._kernel.group
        if group is not None:
            self.peak_mb = group.peak_mb()
            return group.out_of_memory()
        # A process of the grader's own is among those of a warm kernel.
        apart = getattr(self._kernel, "apart_mb", 0.0)
        kept = sum(room.use(handle)[0] for handle in self._kernel.rooms) / 2**20
        used = memory_use(self._kernel.pid) / 2**20 - apart + kept
        if used > self.limits.memory_mb:
            used = proportional_use(self._kernel.pid) / 2**20 + kept
        self.peak_mb = max(self.peak_mb, used)
        return used > self.limits.memory_mb

    def cpu_seconds(self) -> float:
        """Return the processor time in seconds that the kernel and its processes have used."""
        used = self._kernel.group.cpu_seconds() if self._kernel.group is not None else None
        return cpu_use(self._kernel.pid) if used is None else used

    def state(self) -> str:
        """Return the named state of a kernel that is gone."""
        # The system may have been quicker than we were to look.
        reason = self.reason or self._passed_since() or ("memory" if self._was_full else "")
        return {"memory": "out of memory", "files": "too many files", "time": "timeout"}.get(reason, "kernel died")

    def _passed_since(self) -> str:
        try:
            return self._passed()
        except OSError:
            # Its folders are closed already; the group still tells.
            group = self._kernel.group
            return "memory" if group is not None and group.out_of_memory() else ""

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(2)
