"""Handing in on a hub so that a hand-in is there whole or not at all, and the student is told in one sentence.

For nbgrader on a student's server, which names the class in its configuration (``c.ExchangeFactory.submit``); nothing else
of the course imports this module, and a laptop needs no nbgrader.
"""

from __future__ import annotations

import errno
import os
import pathlib
import secrets
import shutil
from typing import Any

from nbgrader.exchange.abc import ExchangeError
from nbgrader.exchange.default import ExchangeSubmit

#: Whoever finds the folder may read it, which is the grader alone (the folder above cannot be listed); nobody else may write.
FOLDER_MODE, FILE_MODE = 0o755, 0o644


class AtomicSubmit(ExchangeSubmit):
    """nbgrader's submit, by way of a hidden folder beside the final one that is renamed when everything is in it.

    What is interrupted (a full disk, a server that is killed) leaves nothing that is collected, and is cleared away at the next try.
    """

    assignment_filename: str

    def init_dest(self) -> None:
        """Find the places; the student's name is the hub's, which is not on every hub the account's."""
        super().init_dest()
        name = os.environ.get("JUPYTERHUB_USER", "")
        if name and self.coursedir.student_id == "*":
            self.assignment_filename = "+".join(
                [name, *self.assignment_filename.rsplit("+", 3 if self.add_random_string else 2)[1:]]
            )

    def start(self) -> None:
        """Hand in.

        Raises
        ------
        ExchangeError
            One sentence: what was in the way, and that nothing was handed in.
        """
        try:
            super().start()
        except ExchangeError:
            raise
        except (OSError, RuntimeError, shutil.Error) as problem:
            raise ExchangeError(
                f"{self.coursedir.assignment_id} was not handed in: {_reason(problem)} What you handed in before is still there."
            ) from problem

    def copy_files(self) -> None:
        """Write the hand-in and the student's own copy beside their places, then put both in place."""
        self.init_release()
        self.check_filename_diff()
        inbound, cache = pathlib.Path(self.inbound_path), pathlib.Path(self.cache_path)
        cache.mkdir(parents=True, exist_ok=True)
        notes = cache / ".unfinished"
        for left in notes.read_text(encoding="utf-8").splitlines() if notes.is_file() else []:
            shutil.rmtree(left, ignore_errors=True)
        final = inbound / self.assignment_filename
        own = cache / (
            self.assignment_filename.rsplit("+", 1)[0] if self.add_random_string else self.assignment_filename
        )
        unfinished = [inbound / f".{secrets.token_urlsafe(12)}", cache / f".{secrets.token_urlsafe(12)}"]
        notes.write_text("".join(f"{path}\n" for path in unfinished), encoding="utf-8")
        secret = secrets.token_hex(64)
        try:
            for path in unfinished:
                self._write(path, secret)
            unfinished[0].rename(final)
            # nbgrader's list, and the way to the feedback, are in the student's copy.
            unfinished[1].rename(own)
        finally:
            for path in unfinished:
                shutil.rmtree(path, ignore_errors=True)
            notes.unlink(missing_ok=True)
        self.log.info("Submitted as: %s %s %s", self.coursedir.course_id, self.coursedir.assignment_id, self.timestamp)

    def _write(self, folder: pathlib.Path, secret: str) -> None:
        self.do_copy(self.src_path, str(folder))
        for name, text in (("timestamp.txt", self.timestamp), ("submission_secret.txt", secret)):
            (folder / name).write_text(text, encoding="utf-8")
        self.set_perms(folder, fileperms=FILE_MODE, dirperms=FOLDER_MODE)
        for path in (*(p for p in folder.rglob("*") if p.is_file()), folder):
            _flush(path)


def _flush(path: pathlib.Path) -> None:
    """Have a file or folder on the disk: some file systems say only then that there is no room."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(problem: Exception) -> str:
    # shutil.copytree gathers what went wrong as text.
    text = str(problem)
    if (
        getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        or os.strerror(errno.ENOSPC) in text
        or os.strerror(errno.EDQUOT) in text
    ):
        return "the disk is full. Remove large files that you no longer need, and hand in again."
    if "too big" in text:
        return (
            f"the folder is too large ({text.rstrip('.')}). Move what is not the notebook out of it and hand in again."
        )
    return f"{text.rstrip('.')}. Hand in again, and tell your instructor if it happens twice."


def _load_jupyter_server_extension(app: Any) -> None:
    """Have JupyterLab's assignment list show the sentence, and no traceback, where a hand-in failed."""
    from nbgrader.server_extensions.assignment_list.handlers import AssignmentList

    submit = AssignmentList.submit_assignment

    def submit_assignment(self: AssignmentList, course_id: str, assignment_id: str) -> dict[str, Any]:
        answer = submit(self, course_id, assignment_id)
        if not answer["success"]:
            lines = answer["value"].strip().splitlines()
            answer["value"] = lines[-1].partition("ExchangeError: ")[2] or lines[-1]
        return answer

    AssignmentList.submit_assignment = submit_assignment


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "photcourse.hand_in"}]
