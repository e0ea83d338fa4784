"""The formgrader's autograde button hands its work to the live service, where that runs, so that its pages stay alive for everybody.

A server extension of the grader's own JupyterLab (``photgrader.serve.formgrader``). Without a live service the button does what nbgrader's does.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import time
from typing import Any

from photgrader.serve.grader import at_work
from photgrader.serve.queue import SOON, Queue

#: How long the button waits for a verdict.
PATIENCE = 1800.0


async def handed_over(
    root: pathlib.Path, assignment: str, student: str, patience: float = PATIENCE
) -> dict[str, Any] | None:
    """Have the live service grade a submission, and wait for it without holding anybody up.

    Parameters
    ----------
    root : Path
        The course.
    assignment, student : str
        What is to be graded; it is in ``submitted/``.
    patience : float
        Seconds.

    Returns
    -------
    dict or None
        What nbgrader's own interface says: ``success``, ``log`` and ``error``. None where no live service is at work.
    """
    if not at_work(root):
        return None
    queue = Queue.of(root)
    try:
        number, deadline = queue.again(student, assignment, SOON), time.monotonic() + patience
        while time.monotonic() < deadline:
            item = queue.get(number)
            if item is not None and item.state not in ("waiting", "grading"):
                said = (
                    item.sentence
                    or f"{student} was graded by the live service: {item.verdict.get('points', 0):g} points, {item.verdict.get('state', '')}."
                )
                return {
                    "success": item.state == "graded",
                    "log": said,
                    **({} if item.state == "graded" else {"error": said}),
                }
            await asyncio.sleep(0.2)
        return {
            "success": False,
            "error": "The live service has not graded it in time; its class page says what it waits for.",
            "log": "",
        }
    finally:
        queue.close()


def install() -> None:
    """Put our handler in the place of the formgrader's; doing it twice does no harm."""
    from nbgrader.server_extensions.formgrader.apihandlers import AutogradeHandler
    from nbgrader.server_extensions.formgrader.base import check_notebook_dir, check_xsrf
    from tornado import web

    if getattr(AutogradeHandler.post, "hands_over", False):
        return

    async def post(self: Any, assignment_id: str, student_id: str) -> None:
        done = await handed_over(pathlib.Path(self.api.coursedir.root), assignment_id, student_id)
        self.write(json.dumps(self.api.autograde(assignment_id, student_id) if done is None else done))

    AutogradeHandler.post = web.authenticated(check_xsrf(check_notebook_dir(post)))
    AutogradeHandler.post.hands_over = True


def _load_jupyter_server_extension(app: Any) -> None:
    """Have it so in this server."""
    install()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "photgrader.serve.formgrader"}]
