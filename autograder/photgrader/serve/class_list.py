"""The class list as a page shows it: who is in the gradebook, and whom the hub lets in."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import urllib.parse
from dataclasses import dataclass

from tornado.httpclient import AsyncHTTPClient

from photgrader.gradebook import app, roster
from photgrader.serve.access import GROUPS


@dataclass(frozen=True)
class Student:
    """Somebody in the gradebook.

    Parameters
    ----------
    id : str
        The account.
    name, email : str
        As the gradebook has them.
    graded : int
        Submissions with marks; who has one stays.
    """

    id: str
    name: str
    email: str
    graded: int


def people(root: pathlib.Path) -> list[Student]:
    """Return who is in a course's gradebook, by account."""
    with app.gradebook(root) as gradebook:
        return sorted(
            (
                Student(s.id, " ".join(n for n in (s.first_name, s.last_name) if n), s.email or "", len(s.submissions))
                for s in gradebook.students
            ),
            key=lambda s: s.id,
        )


def one(facts: dict[str, str]) -> bytes:
    """Return a class list of one, so that one person is read by the same rules as many."""
    text = io.StringIO()
    writer = csv.DictWriter(text, roster.FIELDS)
    writer.writeheader()
    writer.writerow(facts)
    return text.getvalue().encode()


async def on_hub(course_id: str) -> set[str] | None:
    """Return who is in the hub's group of students; None where the hub does not say."""
    group = urllib.parse.quote(GROUPS["student"].format(course=course_id), safe="")
    token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{os.environ.get('JUPYTERHUB_API_URL', '')}/groups/{group}",
            headers={"Authorization": f"token {token}"},
            request_timeout=10,
        )
        return set(json.loads(answer.body)["users"])
    except Exception:
        # Whatever is wrong with the hub, the page shows the gradebook all the same.
        return None
