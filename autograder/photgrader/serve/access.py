"""Who looks at a page of the live service, and what they may: by JupyterHub's groups, or by a link of the service's own where there is no hub."""

from __future__ import annotations

import hashlib
import hmac
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

#: Who may do what, from least to most: a student sees what is their own; a marker marks and answers doubts; an instructor does all.
ROLES = ("student", "marker", "instructor")
#: Groups on the hub whose members have a role, by the course's name; the first two are nbgrader's and the hub's own.
GROUPS = {"instructor": "formgrade-{course}", "marker": "mark-{course}", "student": "nbgrader-{course}"}


@dataclass(frozen=True)
class Viewer:
    """Who looks.

    Parameters
    ----------
    name : str
        As nbgrader and the hub have it.
    role : str
        One of `ROLES`.
    """

    name: str
    role: str

    @property
    def staff(self) -> bool:
        """Whether it is a marker or an instructor."""
        return self.role != "student"

    def sees(self, student: str) -> bool:
        """Tell whether the viewer may see what is a student's; nobody's is for the staff."""
        return self.staff or (bool(student) and student == self.name)


def role_of(groups: Collection[str], course: str) -> str:
    """Return the role that somebody's groups on the hub give; empty where they give none.

    Examples
    --------
    >>> role_of(["nbgrader-starlight", "mark-starlight"], "starlight"), role_of(["nbgrader-other"], "starlight")
    ('marker', '')
    """
    return next((role for role, group in GROUPS.items() if group.format(course=course) in groups), "")


class Links:
    """Access without a hub: a link holds who it is for, and a proof that the service made it.

    Parameters
    ----------
    key : bytes
        The course's key.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.new(key, b"photgrader live links 1", hashlib.sha256).digest()

    def token(self, viewer: Viewer) -> str:
        """Return what a link for somebody ends with."""
        words = f"{viewer.role}.{urllib.parse.quote(viewer.name, safe='')}"
        return f"{words}.{hmac.new(self._key, words.encode(), hashlib.sha256).hexdigest()[:40]}"

    def viewer(self, token: str) -> Viewer | None:
        """Return whose a token is, or None where it is none of ours.

        Examples
        --------
        >>> links = Links(b"key")
        >>> links.viewer(links.token(Viewer("a.b/c", "student"))), links.viewer("student.ben.0")
        (Viewer(name='a.b/c', role='student'), None)
        """
        role, _, rest = token.partition(".")
        name, _, _ = rest.rpartition(".")
        found = Viewer(urllib.parse.unquote(name), role)
        if role in ROLES and hmac.compare_digest(token.encode("utf-8", "replace"), self.token(found).encode()):
            return found
        return None


def of_hub(model: dict[str, Any] | None, course: str) -> Viewer | None:
    """Return the viewer that the hub says somebody is; None where they have no part in the course."""
    if not model or model.get("kind", "user") != "user":
        return None
    role = role_of(model.get("groups") or (), course)
    return Viewer(str(model["name"]), role) if role else None
