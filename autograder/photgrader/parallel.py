"""Grade many submissions: one a task, in processes of this machine or on a Dask cluster; one writer for the gradebook."""

from __future__ import annotations

import concurrent.futures
import json
import logging
import multiprocessing
import os
import pathlib
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

import nbformat

from photgrader import course, nbgrader_plugin
from photgrader.grading import Graded, Submission, grade
from photgrader.nbgrader_plugin import grading_key, read_submission
from photgrader.settings import Settings

log = logging.getLogger("photgrader")
#: How often a submission is tried again whose worker was killed.
RETRIES = 2


@dataclass
class Task:
    """One submission to grade: everything that a worker needs, as plain data.

    Parameters
    ----------
    student, assignment, notebook : str
        Names.
    folder : str
        The submission's folder; a worker on another machine gets `content` instead.
    content : dict of str to bytes
        The submission's files, where the folder is not shared.
    skeleton : str
        The notebook as handed out.
    settings : Settings
        Limits and the run's label.
    key : bytes
        The course's key.
    """

    student: str
    assignment: str
    notebook: str
    folder: str
    skeleton: str
    settings: Settings
    key: bytes
    content: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> tuple[str, str, str]:
        """Assignment, student, notebook."""
        return self.assignment, self.student, self.notebook


def grade_task(task: Task) -> dict[str, Any]:
    """Grade one submission in this process; return plain data: ``record``, ``notebook`` (text), ``key``."""
    skeleton = nbformat.reads(task.skeleton, as_version=4)
    intake, files, content = read_submission(pathlib.Path(task.folder), task.notebook, skeleton, task.settings)
    submission = Submission(task.student, task.assignment, task.notebook, intake, files)
    graded = grade(submission, task.settings, task.key, skeleton=skeleton)
    graded.record["key"] = grading_key(content, task.assignment, skeleton, task.settings)
    return {"record": graded.record, "notebook": nbformat.writes(graded.notebook)}


def submissions(root: pathlib.Path, assignment: str, student: str = "*") -> list[Task]:
    """Return the submissions of an assignment as tasks, by student.

    Raises
    ------
    CourseError
        Where there is no release of the assignment.
    """
    settings, key = course.settings(root), course.key(root)
    tasks = []
    for notebook in course.notebooks(root, assignment):
        skeleton = nbformat.writes(course.skeleton(root, assignment, notebook))
        for folder in sorted((root / "submitted").glob(f"{student}/{assignment}")):
            if folder.is_dir() and not folder.is_symlink():
                tasks.append(Task(folder.parent.name, assignment, notebook, str(folder), skeleton, settings, key))
    return tasks


def unchanged(root: pathlib.Path, task: Task) -> bool:
    """Tell whether a submission was graded already, with everything that its verdict depends on as it is now."""
    path = course.record_path(root, task.assignment, task.student)
    if not path.is_file() or not (root / "autograded" / task.student / task.assignment / f"{task.notebook}.ipynb").is_file():
        return False
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    skeleton = nbformat.reads(task.skeleton, as_version=4)
    _, _, content = read_submission(pathlib.Path(task.folder), task.notebook, skeleton, task.settings)
    return record.get("key") == grading_key(content, task.assignment, skeleton, task.settings)


def merge(root: pathlib.Path, result: dict[str, Any]) -> None:
    """Put a result into nbgrader's gradebook, by nbgrader's own autograde.

    Raises
    ------
    CourseError
        Where nbgrader refuses.
    """
    record = result["record"]
    name = (record["assignment"], record["student"], record["notebook"])
    nbgrader_plugin.PREPARED[name] = Graded(nbformat.reads(result["notebook"], as_version=4), record)
    try:
        done = course.nbgrader_api(root).autograde(record["assignment"], record["student"], force=True, create=True)
    finally:
        nbgrader_plugin.PREPARED.pop(name, None)
    if not done["success"]:
        raise course.CourseError(f"The gradebook did not take {record['student']}: {done.get('log', '')}{done.get('error', '')}")


def run_here(tasks: list[Task], workers: int, work: Callable[[Task], dict[str, Any]] = grade_task) -> Iterator[tuple[Task, dict[str, Any] | str]]:
    """Grade in processes of this machine; yield each task with its result, or with a sentence where it had none.

    A killed worker costs its task a new try and nothing else.
    """
    left = {task.name: (task, 0) for task in tasks}
    context = multiprocessing.get_context("spawn")
    while left:
        with concurrent.futures.ProcessPoolExecutor(max(1, workers), mp_context=context) as pool:
            pending = {pool.submit(work, task): task for task, _ in left.values()}
            try:
                for future in concurrent.futures.as_completed(pending):
                    task = pending[future]
                    result = future.result()
                    del left[task.name]
                    yield task, result
            except BrokenProcessPool:
                log.warning("a worker was killed; what it graded is tried again")
                yield from _give_up(left)


def _give_up(left: dict[tuple[str, str, str], tuple[Task, int]]) -> Iterator[tuple[Task, str]]:
    for name, (task, tries) in list(left.items()):
        left[name] = (task, tries + 1)
        if tries + 1 > RETRIES:
            del left[name]
            yield task, "its worker was killed again and again"


def default_workers() -> int:
    """Return how many processes to use: one per processor that this process may run on."""
    return len(os.sched_getaffinity(0))
