"""Class list from, and marks to, a learning management system by LTI 1.3: Names and Roles 2.0, Assignments and Grades 2.0.

The course's folder has a file ``lti.toml`` with what the system's administrator gives for the tool::

    token_url = "https://lms.example.org/mod/lti/token.php"
    client_id = "abc123"
    memberships_url = "https://lms.example.org/mod/lti/services.php/CourseSection/2/bindings/1/memberships"
    lineitems_url = "https://lms.example.org/mod/lti/services.php/2/lineitems"
    username = "email"

The tool's key is made at the first use (``photgrader lti key`` shows the public half, which the administrator gives to the system).
Sources: 1EdTech, "Learning Tools Interoperability Advantage", "Names and Role Provisioning Services 2.0", "Assignment and Grade Services
2.0", "Security Framework 1.0" (client credentials with a signed assertion, RFC 7523).
"""

from __future__ import annotations

import base64
import csv
import datetime
import hashlib
import io
import json
import os
import pathlib
import time
import tomllib
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any

import requests
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.coursedir.files import text_if_there

_MEMBERS = (
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
    "application/vnd.ims.lti-nrps.v2.membershipcontainer+json",
)
_ITEMS = ("https://purl.imsglobal.org/spec/lti-ags/scope/lineitem", "application/vnd.ims.lis.v2.lineitemcontainer+json")
_ITEM = (_ITEMS[0], "application/vnd.ims.lis.v2.lineitem+json")
_SCORE = ("https://purl.imsglobal.org/spec/lti-ags/scope/score", "application/vnd.ims.lis.v1.score+json")
_LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
#: A system answers within this time and size, and in no more pages.
SECONDS, BYTES, PAGES = 30.0, 20_000_000, 200


class LtiError(coursedir.CourseError):
    """What the system, or the settings for it, did not allow; one sentence."""


@dataclass(frozen=True)
class Platform:
    """A learning management system, as ``lti.toml`` has it.

    Parameters
    ----------
    token_url, client_id : str
        Where the tool gets a token, and what the system calls the tool.
    memberships_url, lineitems_url : str
        The course's list of members, and of columns in its gradebook.
    username : str
        Which of a member's fields is the hub's name of a student (``email``, or one of its custom fields as the system sends them).
    """

    token_url: str
    client_id: str
    memberships_url: str
    lineitems_url: str
    username: str = "email"

    @classmethod
    def of(cls, root: pathlib.Path) -> Platform:
        """Read a course's ``lti.toml``.

        Raises
        ------
        LtiError
            Where it is not there, lacks something, or would send marks without encryption.
        """
        path = root / "lti.toml"
        try:
            text = text_if_there(path)
            if not text.strip():
                raise LtiError(
                    f"There is no {path.name} in the course's folder, or nothing in it; docs/hub.md says what is in it."
                )
            found = cls(**tomllib.loads(text))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as problem:
            raise LtiError(
                f"{path.name}: {problem}. It has token_url, client_id, memberships_url, lineitems_url and perhaps username."
            ) from None
        for name in ("token_url", "memberships_url", "lineitems_url"):
            _check_address(str(getattr(found, name)), name)
        return found


def _check_address(address: str, what: str) -> str:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
        raise LtiError(f"{what} is {address!r}; marks travel by https only.")
    return address


# ------------------------------------------------------------------------------------------------ the tool's key
def tool_key(root: pathlib.Path) -> Any:
    """Return the tool's private RSA key, made at the first use in the course's private folder."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    path = coursedir.state_folder(root) / "lti.pem"
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        text = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text)
    try:
        return serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as problem:
        raise LtiError(
            f"The tool's key {path} is damaged. Put a backup in its place, or remove it: a new one is made, and the system has to be given its public half."
        ) from problem


def public_keys(root: pathlib.Path) -> dict[str, Any]:
    """Return the public half as a JSON Web Key Set, which a system's administrator is given."""
    numbers = tool_key(root).public_key().public_numbers()

    def text(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()

    key = {"e": text(numbers.e), "kty": "RSA", "n": text(numbers.n)}
    # RFC 7638: the thumbprint of a key names it.
    name = hashlib.sha256(json.dumps(key, separators=(",", ":")).encode()).hexdigest()
    return {"keys": [{**key, "kid": name, "alg": "RS256", "use": "sig"}]}


# ------------------------------------------------------------------------------------------------ the system's services
class Services:
    """The system's services for one course.

    Parameters
    ----------
    root : Path
        The course.
    """

    def __init__(self, root: pathlib.Path) -> None:
        self.platform = Platform.of(root)
        self._key, self._kid = tool_key(root), public_keys(root)["keys"][0]["kid"]
        self._tokens: dict[str, str] = {}

    def members(self) -> list[dict[str, Any]]:
        """Return the course's active members with all that the system tells of them."""
        return [
            m
            for m in self._pages(self.platform.memberships_url, _MEMBERS, "members")
            if str(m.get("status", "Active")).casefold() == "active"
        ]

    def column(self, assignment: str, maximum: float) -> str:
        """Return the address of an assignment's column in the system's gradebook, made where it is not there."""
        for item in self._pages(self.platform.lineitems_url, _ITEMS, ""):
            if item.get("resourceId") == assignment:
                return str(item["id"])
        body = {"label": assignment, "resourceId": assignment, "scoreMaximum": maximum}
        answer, _ = self._call("POST", self.platform.lineitems_url, _ITEM, body)
        if not isinstance(answer, dict) or "id" not in answer:
            raise LtiError(
                f"The system made no column for {assignment}; make one there, with the resource id {assignment}."
            )
        return str(answer["id"])

    def send(self, column: str, member: str, points: float, maximum: float, done: bool) -> None:
        """Send one mark; one that a person still has to look at is sent as pending."""
        parts = urllib.parse.urlsplit(column)
        address = urllib.parse.urlunsplit(parts._replace(path=parts.path + "/scores"))
        self._call(
            "POST",
            address,
            _SCORE,
            {
                "userId": member,
                "scoreGiven": points,
                "scoreMaximum": maximum,
                "activityProgress": "Submitted",
                "gradingProgress": "FullyGraded" if done else "PendingManual",
                "timestamp": datetime.datetime.now(datetime.UTC).isoformat(),
            },
        )

    def _pages(self, address: str, service: tuple[str, str], inside: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(PAGES):
            body, links = self._call("GET", address, service)
            found += (body.get(inside, []) if inside and isinstance(body, dict) else body) or []
            if "next" not in links:
                return [one for one in found if isinstance(one, dict)]
            address = links["next"]["url"]
        raise LtiError(f"The list at {self.platform.memberships_url} has more than {PAGES} pages.")

    def _token(self, scope: str) -> str:
        import jwt

        if scope not in self._tokens:
            now = int(time.time())
            claim = {
                "iss": self.platform.client_id,
                "sub": self.platform.client_id,
                "aud": self.platform.token_url,
                "iat": now,
                "exp": now + 60,
                "jti": uuid.uuid4().hex,
            }
            asked = {
                "grant_type": "client_credentials",
                "scope": scope,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": jwt.encode(claim, self._key, algorithm="RS256", headers={"kid": self._kid}),
            }
            body, _ = _ask("POST", self.platform.token_url, data=asked)
            if not isinstance(body, dict) or "access_token" not in body:
                raise LtiError(f"{self.platform.token_url} gave no token for {scope.rpartition('/')[2]}.")
            self._tokens[scope] = str(body["access_token"])
        return self._tokens[scope]

    def _call(
        self, method: str, address: str, service: tuple[str, str], body: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        # The token goes where the settings and the system itself say, and only encrypted.
        _check_address(address, "An address of the system")
        headers = {"Authorization": f"Bearer {self._token(service[0])}", "Accept": service[1]}
        if body is None:
            return _ask(method, address, headers=headers)
        return _ask(method, address, headers={**headers, "Content-Type": service[1]}, data=json.dumps(body).encode())


def _ask(method: str, address: str, **more: Any) -> tuple[Any, dict[str, Any]]:
    """Ask the system, within bounds of time and size."""
    try:
        with requests.request(method, address, timeout=SECONDS, stream=True, allow_redirects=False, **more) as answer:
            text = answer.raw.read(BYTES + 1, decode_content=True)
            if len(text) > BYTES:
                raise LtiError(f"{address} sent more than {BYTES / 1e6:g} MB.")
            if not 200 <= answer.status_code < 300:
                raise LtiError(
                    f"{address} answered {answer.status_code}: {text[:200].decode('utf-8', 'replace').strip() or answer.reason}."
                )
            return (json.loads(text) if text.strip() else None), answer.links
    except (requests.RequestException, ValueError, OSError) as problem:
        raise LtiError(f"{address} cannot be asked ({type(problem).__name__}: {str(problem)[:200]}).") from problem


# ------------------------------------------------------------------------------------------------ into and out of the course
def class_list(services: Services) -> bytes:
    """Return the course's students as a plain class list, which `photgrader.gradebook.roster.read_roster` reads and checks."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["id", "first_name", "last_name", "email", "lms_user_id"])
    for member in services.members():
        if any(role in (_LEARNER, "Learner") for role in member.get("roles", [])):
            writer.writerow(
                [
                    str(member.get(name, ""))
                    for name in (services.platform.username, "given_name", "family_name", "email", "user_id")
                ]
            )
    return stream.getvalue().encode()


@dataclass(frozen=True)
class Sent:
    """What became of the marks of an assignment: names of students."""

    sent: list[str]
    pending: list[str]
    unknown: list[str]


def send_marks(gradebook: Gradebook, services: Services, assignment: str) -> Sent:
    """Send an assignment's marks, late penalties taken off.

    Parameters
    ----------
    gradebook : Gradebook
        Open.
    services : Services
        Where to.
    assignment : str
        Which.

    Returns
    -------
    Sent
        Whose was sent, whose of these a person still has to look at, and who is not in the system's course.
    """
    members = {str(m.get(services.platform.username, "")).lower(): str(m["user_id"]) for m in services.members()}
    submissions = sorted(gradebook.assignment_submissions(assignment), key=lambda s: s.student.id)
    maximum = float(gradebook.find_assignment(assignment).max_score)
    column = services.column(assignment, maximum)
    sent: list[str] = []
    pending: list[str] = []
    unknown: list[str] = []
    for one in submissions:
        if one.student.id.lower() not in members:
            unknown.append(one.student.id)
            continue
        services.send(
            column,
            members[one.student.id.lower()],
            max(0.0, one.score - (one.late_submission_penalty or 0.0)),
            maximum,
            not one.needs_manual_grade,
        )
        (pending if one.needs_manual_grade else sent).append(one.student.id)
    return Sent(sent, pending, unknown)
