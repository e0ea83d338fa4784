"""Keep the limits that no process limit knows: memory and files of a whole run, counted from outside."""

from __future__ import annotations

import os
import pathlib
import threading
from collections.abc import Callable

import psutil

from photgrader.coursedir.settings import Limits

_PAUSE = 0.25


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


def _family(pid: int) -> list[psutil.Process]:
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
    family = []
    for member in seen:
        try:
            family.append(psutil.Process(member))
        except psutil.Error:
            continue
    return family


def memory_use(pid: int) -> int:
    """Return the resident bytes of a process and all its descendants."""
    try:
        family = _family(pid)
    except psutil.Error:
        return 0
    total = 0
    for process in family:
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
        family = _family(pid)
    except psutil.Error:
        return 0
    for process in family:
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
        family = _family(pid)
    except psutil.Error:
        return 0.0
    total = 0.0
    for process in family:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class Watch:
    """Looks at a run a few times a second and kills it where it uses more than it may.

    Parameters
    ----------
    pid : int
        The jail's outermost process.
    folder : Path
        The submission's folder.
    limits : Limits
        What it may use.
    kill : callable
        Called once, when a limit is passed.
    apart_mb : float
        Memory of processes that belong to the grader and not to the submission.

    Attributes
    ----------
    reason : str
        ``"memory"`` or ``"files"`` after a kill, else empty.
    """

    def __init__(
        self, pid: int, folder: pathlib.Path, limits: Limits, kill: Callable[[], None], apart_mb: float = 0.0
    ) -> None:
        self.apart_mb = apart_mb
        self.pid, self.folder, self.limits, self._kill = pid, folder, limits, kill
        self.reason = ""
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="photgrader-watch")
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE):
            used = memory_use(self.pid) / 2**20 - self.apart_mb
            if used > self.limits.memory_mb:
                used = proportional_use(self.pid) / 2**20
            self.peak_mb = max(self.peak_mb, used)
            size, count = folder_use(self.folder, self.limits.files)
            if used > self.limits.memory_mb:
                self.reason = "memory"
            elif size > self.limits.folder_mb * 2**20 or count > self.limits.files:
                self.reason = "files"
            if self.reason:
                self._kill()
                return

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(2)
