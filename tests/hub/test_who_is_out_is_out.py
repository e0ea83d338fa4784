"""A hub that is started again with other settings: who was taken out is out, whatever its database and a browser remember."""

from __future__ import annotations

import urllib.error

import pytest
from hub.small_hub import PROXY, Person, small_hub

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not PROXY.exists(), reason="the hub's proxy is missing (tools/setup.sh tests)"),
]

COURSE = """
from photcourse_hub import Course, configure
configure(c, Course(course_id="{id}", grader="grader-{id}", port=19999, root="/nonexistent", exchange="/nonexistent", instructors={instructors}, students={students}),
          managed_service=False)
for service in c.JupyterHub.services:
    if "url" in service:
        service["api_token"] = "s" * 32 + service["name"]
"""


def course(instructors: list[str], students: list[str], id: str = "starlight") -> str:
    return COURSE.format(id=id, instructors=instructors, students=students)


def test_groups_log_ins_and_what_is_logged_in_already_follow_the_settings_at_each_start(tmp_path):
    people = {name: Person(name) for name in ("ada", "eve", "ben", "cleo", "mallory")}
    with small_hub(tmp_path, course(["ada", "eve"], ["ben", "cleo"])) as hub:
        assert [people[n].log_in(hub) for n in people] == [200, 200, 200, 200, 403]
        assert people["eve"].opens_the_service(hub, "starlight") and not people["ben"].opens_the_service(
            hub, "starlight"
        )
        token = hub.api("/users/cleo/tokens", "POST", body={})["token"]
        assert hub.api("/user", token=token)["name"] == "cleo"
    # Eve becomes a student, and Cleo leaves.
    with small_hub(tmp_path, course(["ada"], ["ben", "eve"])) as hub:
        assert hub.groups() == {
            "formgrade-starlight": ["ada", "grader-starlight"],
            "nbgrader-starlight": ["ben", "eve"],
        }
        assert people["ben"].get(hub, "/hub/home") == 200, "who stays is still logged in"
        assert people["cleo"].get(hub, "/hub/home") == 401 and people["cleo"].log_in(hub) == 403
        assert people["eve"].get(hub, "/hub/home") == 200 and not people["eve"].opens_the_service(hub, "starlight")
        assert people["mallory"].log_in(hub) == 403
        with pytest.raises(urllib.error.HTTPError, match="403|401"):
            hub.api("/user", token=token)
    # The course goes, another one comes.
    with small_hub(tmp_path, course(["ada"], ["ben"], "autumn")) as hub:
        assert hub.groups() == {
            "formgrade-autumn": ["ada", "grader-autumn"],
            "formgrade-starlight": [],
            "nbgrader-autumn": ["ben"],
            "nbgrader-starlight": [],
        }
        assert people["eve"].log_in(hub) == 403 and people["ben"].get(hub, "/hub/home") == 200


def test_two_courses_on_one_hub_do_not_see_each_other(tmp_path):
    config = course(["ada"], ["ben", "cleo"]) + course(["eve"], ["cleo", "dan"], "autumn")
    people = {name: Person(name) for name in ("ada", "eve", "ben", "dan")}
    with small_hub(tmp_path, config) as hub:
        assert hub.groups()["nbgrader-starlight"] == ["ben", "cleo"] and hub.groups()["nbgrader-autumn"] == [
            "cleo",
            "dan",
        ]
        assert {n for n in hub.api("/services")} >= {"starlight", "autumn", "idle-culler", "watch"}
        assert all(person.log_in(hub) == 200 for person in people.values())
        opens = {(n, s) for n, p in people.items() for s in ("starlight", "autumn") if p.opens_the_service(hub, s)}
        assert opens == {("ada", "starlight"), ("eve", "autumn")}


FROM_LOGIN = """
from jupyterhub.auth import DummyAuthenticator
CLAIMS = {claims}
class University(DummyAuthenticator):
    async def authenticate(self, handler, data):
        name = await super().authenticate(handler, data)
        return name and {{"name": name, "groups": CLAIMS.get(name, [])}}
c.JupyterHub.authenticator_class = University
from photcourse_hub import Course, configure
configure(c, Course(course_id="starlight", grader="grader-starlight", port=19999, root="/nonexistent", exchange="/nonexistent", instructors=[], students=[],
                    groups_from_login=True), managed_service=False)
c.Authenticator.allow_all = True
for service in c.JupyterHub.services:
    if "url" in service:
        service["api_token"] = "s" * 32
"""


def test_groups_may_come_from_the_identity_provider(tmp_path):
    ada, ben = Person("ada"), Person("ben")
    with small_hub(
        tmp_path, FROM_LOGIN.format(claims={"ada": ["formgrade-starlight"], "ben": ["nbgrader-starlight"]})
    ) as hub:
        assert ada.log_in(hub) == ben.log_in(hub) == 200
        assert hub.groups() == {"formgrade-starlight": ["ada", "grader-starlight"], "nbgrader-starlight": ["ben"]}
        assert ada.opens_the_service(hub, "starlight") and not ben.opens_the_service(hub, "starlight")
    with small_hub(tmp_path, FROM_LOGIN.format(claims={"ada": [], "ben": ["nbgrader-starlight"]})) as hub:
        # At the next log-in.
        again = Person("ada")
        assert again.log_in(hub) == 200 and not again.opens_the_service(hub, "starlight")
