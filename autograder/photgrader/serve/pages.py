"""Feedback pages of tries, made beside grading by a process that gives way to it.

They are nbgrader's own feedback (`photgrader.gradebook.feedback`) in a folder of the service's: what is in ``feedback/``, and what is released through the
exchange, stays the instructor's to make.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import time

from photgrader import coursedir
from photgrader.coursedir.trees import remove_tree
from photgrader.gradebook import app, writer
from photgrader.serve.grader import ended_with
from photgrader.serve.queue import Item, Queue, place

#: How much this process gives way to those that grade; and for how many seconds a page waits for others' verdicts, which tell the
#: most of it already.
NICE, PATIENCE = 19, 60.0


class PageMaker:
    """Makes pages of a course.

    Parameters
    ----------
    root : Path
        The course.
    """

    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.queue, self.api = root, Queue.of(root), app.nbgrader_api(root)
        self.api.coursedir.feedback_directory = str(place(root) / "feedback")

    def turn(self) -> bool:
        """Make one page, if there is one to make."""
        item = self.queue.without_page(PATIENCE)
        if item is None:
            return False
        self.queue.note("problems of pages", [problem] if (problem := self._make(item)) else [])
        self.queue.page_made(item)
        return True

    def _make(self, item: Item) -> str:
        """Make the page of a try; return a sentence where that failed."""
        made, target = (
            place(self.root) / "feedback" / item.student / item.assignment,
            place(self.root) / "pages" / str(item.id),
        )
        with writer.said_by_us(self.api.log):
            done = self.api.generate_feedback(item.assignment, item.student, force=True)
        if not (done["success"] and made.is_dir()):
            lines = [line for line in str(done.get("log") or done.get("error") or "").splitlines() if line.strip()] or [
                "no reason given"
            ]
            return (
                f"The feedback page of {item.student}, {item.assignment}, could not be made: {lines[-1].strip()[:200]}"
            )
        fresh = target.with_name(f".{target.name}")
        remove_tree(fresh)
        fresh.mkdir(parents=True)
        for page in made.glob("*.html"):
            shutil.copy(page, fresh)
        remove_tree(target)
        fresh.rename(target)
        remove_tree(made)
        return ""


def main(root: pathlib.Path, parent: int) -> int:
    """Make pages for as long as the service lives."""
    os.nice(NICE)
    stop, maker = ended_with(parent), PageMaker(root)
    maker.queue.recover_pages()
    maker.queue.note("problems of pages", [])
    while not stop():
        try:
            if not maker.turn():
                time.sleep(0.3)
        except coursedir.CourseError as problem:
            maker.queue.note("problems of pages", [str(problem)])
            time.sleep(5)
    return 0
