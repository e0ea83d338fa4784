"""LTI 1.3 against a platform: log-in to a real hub, class list and marks. The platform is the public library lti1p3platform behind a small server.

The library checks what a learning management system checks: the tool's signature, the token and its scopes, the launch's parameters.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from hub.small_hub import PROXY, Person, small_hub
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.message_launch import LTIAdvantageMessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract
from lti1p3platform.registration import Registration
from nbgrader.api import Gradebook

from photgrader.cli import main_group
from photgrader.gradebook import app, lti
from support import ASSIGNMENT, make_course

LEARNER, TEACHER = (
    "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner",
    "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor",
)
PEOPLE = [
    {
        "user_id": "u1",
        "email": "Ada@example.org",
        "given_name": "Ada",
        "family_name": "L",
        "roles": [LEARNER],
        "status": "Active",
    },
    {"user_id": "u2", "email": "ben@example.org", "given_name": "Ben", "family_name": "H", "roles": [LEARNER]},
    {
        "user_id": "u3",
        "email": "prof@example.org",
        "given_name": "P",
        "family_name": "F",
        "roles": [TEACHER],
        "status": "Active",
    },
    {
        "user_id": "u4",
        "email": "gone@example.org",
        "given_name": "G",
        "family_name": "N",
        "roles": [LEARNER],
        "status": "Deleted",
    },
]


def _key_pair() -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return private, key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


class Configuration(LTI1P3PlatformConfAbstract):
    """The platform's registration of the tool."""

    def init_platform_config(self, registration: Registration) -> None:
        self._registration = registration

    def get_registration_by_params(self, **kwargs: Any) -> Registration:
        assert self._registration is not None
        return self._registration


class Login(OIDCLoginAbstract):
    def set_lti_message_hint(self, **kwargs: Any) -> None:
        self._lti_message_hint = "hint"

    def get_redirect(self, url: str) -> str:
        return url


class Launch(LTIAdvantageMessageLaunchAbstract):
    def render_launch_form(self, launch_data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return launch_data


class Lms(http.server.ThreadingHTTPServer):
    """A learning management system with one course."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Pages)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        private, public = _key_pair()
        self.registration = Registration()
        self.registration.set_iss(self.address).set_client_id("tool-1").set_deployment_id("1").set_platform_private_key(
            private
        ).set_platform_public_key(public)
        self.items: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.hint: dict[str, str] = {}

    def platform(self) -> Configuration:
        return Configuration(registration=self.registration)


class Pages(http.server.BaseHTTPRequestHandler):
    server: Lms

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, body: Any, status: int = 200, **headers: str) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def _allowed(self, *scopes: str) -> bool:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        try:
            if self.server.platform().validate_token(token, list(scopes)):
                return True
        except Exception:
            pass
        self._answer({"error": "forbidden"}, 401)
        return False

    def do_GET(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == "/jwks":
            self._answer(self.server.platform().get_jwks())
        elif parts.path == "/auth":
            person = next(p for p in PEOPLE if p["user_id"] == query["login_hint"])
            request = type("Request", (), {"get_data": query, "form_data": {}})()
            launch = Launch(request, self.server.platform())
            launch.set_launch_url(self.server.hint["target"])
            launch.set_user_data(
                person["user_id"], person["roles"], f"{person['given_name']} {person['family_name']}", person["email"]
            )
            launch.set_resource_link_claim("link-1")
            launch.set_launch_context_claim("course-1")
            self._answer(launch.lti_launch())
        elif parts.path == "/members" and self._allowed(lti._MEMBERS[0]):
            # Two to a page.
            start = int(query.get("from", 0))
            more = (
                {"Link": f'<{self.server.address}/members?from={start + 2}>; rel="next"'}
                if start + 2 < len(PEOPLE)
                else {}
            )
            self._answer({"id": "x", "members": PEOPLE[start : start + 2]}, **more)
        elif parts.path == "/items" and self._allowed(lti._ITEMS[0], lti._ITEMS[0] + ".readonly"):
            self._answer(self.server.items)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            try:
                self._answer(self.server.platform().get_access_token(dict(urllib.parse.parse_qsl(body.decode()))))
            except Exception as problem:
                self._answer({"error": "invalid_client", "error_description": str(problem)}, 400)
        elif self.path == "/items" and self._allowed(lti._ITEMS[0]):
            self.server.items.append({**json.loads(body), "id": f"{self.server.address}/items/1?type=1"})
            self._answer(self.server.items[-1], 201)
        elif self.path == "/items/1/scores?type=1" and self._allowed(lti._SCORE[0]):
            assert self.headers["Content-Type"] == lti._SCORE[1]
            self.server.scores.append(json.loads(body))
            self._answer(None, 200)


@pytest.fixture
def lms() -> Iterator[Lms]:
    server = Lms()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("lti"))
    with Gradebook(app.database_url(root)) as book:
        for student, points, late, person in (
            ("ada@example.org", 4.0, 0.0, False),
            ("ben@example.org", 3.0, 0.5, True),
            ("stranger", 1.0, 0.0, False),
        ):
            book.add_student(student)
            book.add_submission(ASSIGNMENT, student)
            for cell in book.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student).grades:
                if cell.name == "check-centroid":
                    cell.auto_score = points
                cell.needs_manual_grade = person and cell.name == "written-why"
            book.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student).late_submission_penalty = late
            book.db.commit()
    return root


@pytest.fixture
def course(built, lms, monkeypatch):
    """A course that knows the system, which knows the course's key."""
    (built / "lti.toml").write_text(
        f'token_url = "{lms.address}/token"\nclient_id = "tool-1"\nmemberships_url = "{lms.address}/members"\nlineitems_url = "{lms.address}/items"\n'
    )
    monkeypatch.chdir(built)
    lms.registration.set_tool_key_set(json.loads(CliRunner().invoke(main_group, ["lti", "key"]).output))
    return built


def test_the_members_who_are_students_there_are_the_class_list_over_pages(course):
    tried = CliRunner().invoke(main_group, ["lti", "roster", "--dry-run"])
    assert tried.exit_code == 0, tried.exception
    rows = lti.class_list(lti.Services(course)).decode().splitlines()
    assert rows == [
        "id,first_name,last_name,email,lms_user_id",
        "Ada@example.org,Ada,L,Ada@example.org,u1",
        "ben@example.org,Ben,H,ben@example.org,u2",
    ]
    assert "2 students" in tried.output and "stranger" in tried.output
    assert (course / ".photgrader" / "lti.pem").stat().st_mode & 0o077 == 0


def test_marks_arrive_with_the_penalty_taken_off_pending_where_a_person_has_to_look_and_twice_in_one_column(
    course, lms
):
    for _ in range(2):
        done = CliRunner().invoke(main_group, ["lti", "marks", ASSIGNMENT])
        assert done.exit_code == 1 and "2 marks sent, 1 of them pending" in done.output and "stranger" in done.output, (
            done.output,
            done.exception,
        )
    assert [(i["label"], i["resourceId"], i["scoreMaximum"]) for i in lms.items] == [(ASSIGNMENT, ASSIGNMENT, 9.0)]
    assert [(s["userId"], s["scoreGiven"], s["scoreMaximum"], s["gradingProgress"]) for s in lms.scores[:2]] == [
        ("u1", 4.0, 9.0, "FullyGraded"),
        ("u2", 2.5, 9.0, "PendingManual"),
    ]
    assert len(lms.scores) == 4 and all(re.search(r"[+-]\d\d:\d\d$", s["timestamp"]) for s in lms.scores)


def test_a_system_that_does_not_know_the_key_gives_no_token_and_that_is_one_sentence(course, lms):
    lms.registration.set_tool_key_set({"keys": []})
    done = CliRunner().invoke(main_group, ["lti", "roster"])
    assert (
        isinstance(done.exception, lti.LtiError)
        and "/token answered 400" in str(done.exception)
        and "public key" in str(done.exception)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("client_id = 1", "has token_url"),
        ("x", "lti.toml:"),
        (
            'token_url="http://lms.example.org"\nclient_id="a"\nmemberships_url="https://x"\nlineitems_url="https://x"',
            "https only",
        ),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(course, text, words):
    (course / "lti.toml").write_text(text)
    with pytest.raises(lti.LtiError, match=words):
        lti.Services(course)


LOG_IN = """
from photcourse_hub import Course, configure, lti_login
configure(c, Course(course_id="starlight", grader="grader-starlight", port=19999, root="/nonexistent", exchange="/nonexistent", instructors=["prof@example.org"],
                    students=["ada@example.org"]), managed_service=False)
lti_login(c, {{"issuer": "{lms}", "authorize_url": "{lms}/auth", "client_id": "tool-1", "jwks_endpoint": "{lms}/jwks"}})
c.JupyterHub.spawner_class = "simple"
for service in c.JupyterHub.services:
    if "url" in service:
        service["api_token"] = "s" * 32
"""


def launch(lms: Lms, hub_address: str, person: Person, user: str) -> int:
    """Open the tool from the system's page, as a browser does; return the status of the hub's answer."""
    lms.hint["target"] = f"{hub_address}/hub/home"
    lms.registration.set_oidc_login_url(f"{hub_address}/hub/lti13/oauth_login").set_launch_url(lms.hint["target"])
    login = Login(None, lms.platform())
    login.set_lti_message_hint()
    # To the tool, which sends the browser back to the system, which answers with a form for the tool.
    with person.opener.open(login.initiate_login(user), timeout=60) as answer:
        form = json.load(answer)
    body = urllib.parse.urlencode({"id_token": form["id_token"], "state": form["state"]}).encode()
    with contextlib.suppress(urllib.error.HTTPError):
        with person.opener.open(form["launch_url"], data=body, timeout=60) as answer:
            return answer.status
    return 403


@pytest.mark.heavy
@pytest.mark.skipif(not PROXY.exists(), reason="the hub's proxy is missing (tools/setup.sh tests)")
def test_people_of_the_course_log_in_from_the_systems_page_and_others_do_not(lms, tmp_path):
    with small_hub(tmp_path, LOG_IN.format(lms=lms.address)) as hub:
        ada, ben = Person("ada"), Person("ben")
        launch(lms, hub.address, ada, "u1")
        assert ada.get(hub, "/hub/home") == 200 and "ada@example.org" in {u["name"] for u in hub.api("/users")}
        assert launch(lms, hub.address, ben, "u2") == 403 and ben.get(hub, "/hub/home") in (401, 403)
        prof = Person("prof")
        launch(lms, hub.address, prof, "u3")
        assert prof.opens_the_service(hub, "starlight") and not ada.opens_the_service(hub, "starlight")
