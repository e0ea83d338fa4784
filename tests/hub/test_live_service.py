"""The live service on a hub: its configuration, and who a real hub lets in to see what."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import types
import urllib.error
import urllib.parse
import urllib.request

import pytest
from hub.small_hub import PROXY, Person, small_hub
from tornado.web import HTTPError
from traitlets.config import Config

from photgrader.gradebook import exchange
from photgrader.serve import formgrader, grader
from photgrader.serve.access import GROUPS
from photgrader.serve.queue import Queue
from support import ASSIGNMENT, ROOT, told_of_a_verdict


@pytest.fixture
def hub_config(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "hub" / "config"))
    import photcourse_hub

    return photcourse_hub


def a_course(hub_config, id: str = "starlight", **more):
    return hub_config.Course(
        **{
            "course_id": id,
            "grader": f"grader-{id}",
            "port": 9999,
            "live_port": 9998,
            "root": f"/home/grader-{id}/{id}",
            "exchange": "/x",
            "instructors": ["ada"],
            "students": ["ben"],
            "markers": ["dora"],
            **more,
        }
    )


def test_the_service_runs_as_the_grader_and_is_for_three_groups(hub_config):
    c = Config()
    hub_config.configure(c, a_course(hub_config))
    hub_config.configure(c, a_course(hub_config, "autumn", markers=[], live_port=0))
    service = next(s for s in c.JupyterHub.services if s["name"] == "starlight-live")
    assert (
        service["user"] == "grader-starlight"
        and service["cwd"] == "/home/grader-starlight/starlight"
        and service["command"][1:] == ["serve"]
        and service["timeout"] == 600
    )
    role = next(r for r in c.JupyterHub.load_roles if r["name"] == "starlight-live")
    assert (
        set(role["groups"]) == {g.format(course="starlight") for g in GROUPS.values()}
        and "access:services!service=starlight-live" in role["scopes"]
    )
    assert c.JupyterHub.load_groups["mark-starlight"]["users"] == ["dora"] and "dora" in c.Authenticator.allowed_users
    assert (
        not [s for s in c.JupyterHub.services if s["name"] == "autumn-live"]
        and "mark-autumn" not in c.JupyterHub.load_groups
    )


def test_a_marker_has_no_server(hub_config):
    c = Config()
    hub_config.configure(c, a_course(hub_config))

    def spawner(name: str, *groups: str):
        return types.SimpleNamespace(
            user=types.SimpleNamespace(name=name, groups=[types.SimpleNamespace(name=g) for g in groups]),
            environment={},
        )

    with pytest.raises(HTTPError, match="/services/starlight-live/"):
        asyncio.run(c.Spawner.pre_spawn_hook(spawner("dora", "mark-starlight")))
    for person in (spawner("ben", "nbgrader-starlight"), spawner("ada", "formgrade-starlight", "mark-starlight")):
        asyncio.run(c.Spawner.pre_spawn_hook(person))
        assert person.environment["PHOTCOURSE_COURSE_ID"] == "starlight"


def test_a_class_list_knows_markers(hub_config, tmp_path):
    (tmp_path / "class.csv").write_text("id,role\ndora,marker\nben,\n")
    course = a_course(hub_config, class_list=str(tmp_path / "class.csv"), markers=[])
    assert course.markers == ["dora"] and course.students == ["ben"]


def test_the_formgraders_button_hands_over_where_the_service_runs_and_waits_without_blocking(tmp_path):
    async def story() -> list:
        assert await formgrader.handed_over(tmp_path, ASSIGNMENT, "ada") is None
        with grader.service_lock(tmp_path):
            queue, answers = Queue.of(tmp_path), []
            asked = [asyncio.create_task(formgrader.handed_over(tmp_path, ASSIGNMENT, s)) for s in ("ada", "ben")]
            while len(queue.under_way()) < 2:
                await asyncio.sleep(0.01)
            for state, verdict in (("graded", {"points": 4, "state": "graded"}), ("failed", {})):
                item = queue.next()
                queue.finish(item.id, state, "" if verdict else "It could not be graded: x.", verdict)
            answers = await asyncio.wait_for(asyncio.gather(*asked), 30)
            late = await formgrader.handed_over(tmp_path, ASSIGNMENT, "cleo", patience=0.1)
            queue.close()
            return [*answers, late]

    ada, ben, late = asyncio.run(story())
    assert (
        ada["success"]
        and "4 points" in ada["log"]
        and not ben["success"]
        and "could not be graded" in ben["error"]
        and not late["success"]
    )
    formgrader.install()
    formgrader.install()
    from nbgrader.server_extensions.formgrader.apihandlers import AutogradeHandler

    assert AutogradeHandler.post.hands_over
    configured = (ROOT / "hub" / "config" / "jupyter_server_config.py").read_text()
    assert f'"{formgrader._jupyter_server_extension_points()[0]["module"]}": _grader' in configured


CONFIG = """
import sys
from photcourse_hub import Course, add_service, configure, live_roles, live_service
course = Course(course_id="starlight", grader="grader-starlight", port=19999, live_port={port}, root={root!r}, exchange={exchange!r}, instructors=["ada"], students=["ben", "cleo"],
                markers=["dora"])
configure(c, course, managed_service=False)
for service in c.JupyterHub.services:
    if "url" in service:
        service["api_token"] = "s" * 32 + service["name"]
live = live_service(course)
# As whoever runs the test, and from this environment.
del live["user"]
live["command"] = [{python!r}, "-m", "photgrader.cli", "serve"]
live["environment"]["PATH"] = {path!r}
add_service(c, live, live_roles(course))
c.Authenticator.allowed_users = {{*c.Authenticator.allowed_users, "eve"}}
"""


class Browser(Person):
    """A person who reads pages and fills in forms."""

    def read(self, address: str, **form: str) -> str:
        """Return a page; a status in front where it is an error."""
        try:
            with self.opener.open(
                address, data=urllib.parse.urlencode(form).encode() if form else None, timeout=60
            ) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as problem:
            return f"{problem.code} {problem.read().decode()}"

    def send_file(self, address: str, text: str) -> str:
        """Send a file by a form of a page; return the answer, a status in front where it is an error."""
        head = 'Content-Disposition: form-data; name="files"; filename="x.ipynb"'
        body = f"--b\r\n{head}\r\n\r\n{text}\r\n--b--\r\n".encode()
        request = urllib.request.Request(address, body, {"Content-Type": "multipart/form-data; boundary=b"})
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as problem:
            return f"{problem.code} {problem.read().decode()}"


@pytest.mark.heavy
@pytest.mark.skipif(not PROXY.exists(), reason="the hub's proxy is missing (tools/setup.sh tests)")
def test_the_hub_says_who_looks(tiny_course, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    queue = Queue.of(tiny_course)
    for student in ("ben", "cleo"):
        queue.adopt(student, ASSIGNMENT, told_of_a_verdict())
    numbers = {s: queue.counting(s, ASSIGNMENT).id for s in ("ben", "cleo")}
    exchange.make_exchange(tmp_path / "exchange", "starlight", os.getuid(), os.getgid())
    folder = tmp_path / "hub"
    folder.mkdir()
    config = CONFIG.format(
        port=port,
        root=str(tiny_course),
        exchange=str(tmp_path / "exchange"),
        python=sys.executable,
        path=f"{ROOT}/.venv/bin:{os.environ['PATH']}",
    )
    with small_hub(folder, config) as hub:
        people = {n: Browser(n) for n in ("ada", "ben", "cleo", "dora", "eve")}
        assert {p.log_in(hub) for n, p in people.items() if n != "dora"} == {200} and people["dora"].log_in(hub) == 200
        live = f"{hub.address}/services/starlight-live/"
        pages = {n: p.read(live) for n, p in people.items()}
        assert "My assignments" in pages["ben"] and "ben, student" in pages["ben"] and "3 of 7 points" in pages["ben"]
        assert (
            "Grade all that changed" in pages["ada"]
            and "dora, marker" in pages["dora"]
            and "Grade all that changed" not in pages["dora"]
        )
        assert pages["eve"].startswith("403") and "My assignments" not in pages["eve"]
        assert (
            people["cleo"].read(f"{live}try/{numbers['ben']}").startswith("404")
            and "403" in people["cleo"].read(f"{live}class")[:4]
        )
        # A form needs the page's own token.
        own = people["ben"].read(f"{live}try/{numbers['ben']}")
        token = re.search(r'name="_xsrf" value="([^"]+)"', own)
        assert token is not None
        assert people["ben"].read(f"{live}try/{numbers['ben']}", text="without", exercise="").startswith("403")
        theirs = re.search(r'name="_xsrf" value="([^"]+)"', people["cleo"].read(f"{live}try/{numbers['cleo']}"))
        assert (
            people["ben"]
            .read(f"{live}try/{numbers['ben']}", text="another's", exercise="", _xsrf=theirs[1])
            .startswith("403")
        )
        assert "with it" in people["ben"].read(
            f"{live}try/{numbers['ben']}", text="with it", exercise="", _xsrf=token[1]
        )
        assert [d["text"] for d in queue.doubts()] == ["with it"]
        # A hand-in is whose the hub says that it is, and needs the token of that one's page.
        inbound = tmp_path / "exchange" / "starlight" / "inbound"
        notebook = (tiny_course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text()
        address = f"{live}hand-in/{ASSIGNMENT}?_xsrf="
        assert people["ben"].send_file(address + theirs[1], notebook).startswith("403") and not list(inbound.iterdir())
        assert people["dora"].send_file(address + token[1], notebook).startswith("403") and not list(inbound.iterdir())
        assert "was handed in at" in people["ben"].send_file(address + token[1], notebook)
        assert [p.name.split("+")[0] for p in inbound.iterdir()] == ["ben"]
        # The class list says whom the hub lets in.
        page = people["ada"].read(f"{live}roster")
        assert "ben may log in on the hub and is not in the gradebook" in page and "does not say" not in page
        assert people["dora"].read(f"{live}roster").startswith("403")
        # Who is a marker and nothing else starts no server.
        assert people["dora"].get(hub, "/hub/home") == 200
        with pytest.raises(urllib.error.HTTPError, match="403"):
            hub.api("/users/dora/server", "POST")
    queue.close()
