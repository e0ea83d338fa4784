"""The chart zero-to-jupyterhub itself, with our values: its own configuration, and the pod that KubeSpawner makes of it.

PHOTCOURSE_Z2JH names a clone of the chart's repository (a work tree, or a bare one); nothing of it is kept here.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import subprocess
import sys
import types
from typing import Any

import pytest
import yaml
from traitlets.config import Config

from support import ROOT

CHART = os.environ.get("PHOTCOURSE_Z2JH", "")
VALUES = ROOT / "deploy" / "kubernetes" / "values.yaml"
pytestmark = pytest.mark.skipif(
    not CHART,
    reason="PHOTCOURSE_Z2JH names no clone of jupyterhub/zero-to-jupyterhub-k8s: the chart's own configuration was not run",
)


def chart_file(path: str) -> str:
    """Return the text of a file of the chart."""
    there = pathlib.Path(CHART) / path
    return (
        there.read_text(encoding="utf-8")
        if there.is_file()
        else subprocess.check_output(["git", "-C", CHART, "show", f"HEAD:{path}"], text=True)
    )


def merged(below: Any, above: Any) -> Any:
    """Return values on top of others, as Helm does: an explicit null takes the default away."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {
        key: merged(below.get(key), above[key]) if key in above else below[key]
        for key in below | above
        if above.get(key, below) is not None
    }


def chart_config(monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]) -> Config:
    """Run the chart's jupyterhub_config.py with its default values and ours."""
    from tornado.httpclient import AsyncHTTPClient

    config = merged(yaml.safe_load(chart_file("jupyterhub/values.yaml")), values) | {
        "Release": {"Name": "hub"},
        "Chart": {"Name": "jupyterhub", "Version": "4.3"},
    }
    helper = types.ModuleType("z2jh")
    exec(compile(chart_file("jupyterhub/files/hub/z2jh.py"), "z2jh.py", "exec"), helper.__dict__)
    # What the chart mounts into the hub's pod.
    vars(helper).update(
        _load_config=lambda: config,
        _get_config_value=lambda key: key,
        get_secret_value=lambda key, default="a" * 64: default,
    )
    monkeypatch.setitem(sys.modules, "z2jh", helper)
    monkeypatch.setattr(AsyncHTTPClient, "configure", lambda *a, **k: None)
    for name, value in {
        "PROXY_API_SERVICE_PORT": "8001",
        "HUB_SERVICE_PORT": "8081",
        "PHOTCOURSE_SERVICE_TOKEN": "t" * 32,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(ROOT / "hub" / "config"), *sys.path])
    c = Config()
    exec(
        compile(chart_file("jupyterhub/files/hub/jupyterhub_config.py"), "jupyterhub_config.py", "exec"),
        {"get_config": lambda: c, "__file__": "/x/config.py"},
    )
    return c


@pytest.fixture
def config(monkeypatch):
    return chart_config(monkeypatch, yaml.safe_load(VALUES.read_text()))


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    """KubeSpawner looks for a cluster when it is made, and asks it nothing for a manifest."""
    from unittest.mock import MagicMock

    import kubespawner.spawner

    monkeypatch.setattr(kubespawner.spawner, "load_config", lambda *a, **k: None)
    monkeypatch.setattr(kubespawner.spawner, "shared_client", lambda *a, **k: MagicMock())


def pod(c: Config, name: str, groups: tuple[str, ...] = ()) -> Any:
    """Return the manifest of a person's pod as the cluster would get it, made by KubeSpawner as the hub calls it."""
    from jupyterhub import orm
    from jupyterhub.objects import Hub, Server
    from jupyterhub.user import User
    from kubernetes_asyncio.client import ApiClient
    from kubespawner import KubeSpawner

    async def make() -> Any:
        database = orm.new_session_factory("sqlite:///:memory:")()
        person = orm.User(name=name)
        person.groups = [orm.Group(name=g) for g in groups]
        database.add(person)
        database.commit()
        user = User(person, {"config": c, "spawner_class": KubeSpawner})
        hub = Hub(ip="0.0.0.0", port=8081)
        spawner = KubeSpawner(
            config=c, user=user, hub=hub, orm_spawner=orm.Spawner(name="", user=person), _mock=True, api_token="x"
        )
        spawner.server = Server(ip="0.0.0.0", port=8888)
        await spawner.run_pre_spawn_hook()
        # Twice: a server is started many times in the hub's life.
        await spawner.run_pre_spawn_hook()
        manifest = await spawner.get_pod_manifest()
        async with ApiClient() as client:
            return client.sanitize_for_serialization(manifest)["spec"]

    return asyncio.run(make())


@pytest.mark.filterwarnings("ignore")
def test_a_students_pod_has_the_environment_a_home_that_it_may_write_and_a_uid_that_is_its_own(config):
    import photcourse_hub

    made = pod(config, "ben", ("nbgrader-starlight",))
    (container,) = made["containers"]
    environment = variables(made)
    assert (
        environment["PHOTCOURSE_EXCHANGE"] == "/srv/nbgrader/exchange"
        and environment["PHOTCOURSE_COURSE_ID"] == "starlight"
    )
    assert environment["PHOTCOURSE_DATA"] == "/srv/photcourse/data" and environment["OMP_NUM_THREADS"] == "1"
    assert (
        environment["PHOTCOURSE_ROLE"] == "student" and environment["USER"] == environment["JUPYTERHUB_USER"] == "ben"
    )
    image = (ROOT / "deploy" / "docker" / "student.Dockerfile").read_text()
    assert (
        environment["HOME"] == photcourse_hub.KUBERNETES_HOME
        and f"WORKDIR {environment['HOME']}" in image
        and f"ENV HOME={environment['HOME']}" in image
    )
    uid = photcourse_hub.derived_uid("ben")
    assert container["securityContext"] == {"runAsUser": uid, "runAsGroup": uid, "allowPrivilegeEscalation": False}
    assert "fsGroup" not in made.get("securityContext", {}), (
        "Kubernetes regroups nothing, so the exchange keeps its owners"
    )
    assert {m["mountPath"] for m in container["volumeMounts"]} == {
        "/home/student",
        "/srv/nbgrader/exchange",
        "/srv/photcourse/data",
    }
    (own,) = [i for i in made["initContainers"] if i["name"] == "own-home"]
    assert f"chown {uid}:{uid} /home/student" in own["command"][-1] and own["securityContext"]["runAsUser"] == 0
    assert [m["mountPath"] for m in own["volumeMounts"]] == ["/home/student"], (
        "the first container sees the home and nothing else"
    )
    assert {m["name"] for m in (*own["volumeMounts"], *container["volumeMounts"])} <= {
        v["name"] for v in made["volumes"]
    }
    assert container["args"][:2] == ["start-server.sh", "jupyterhub-singleuser"]
    assert container["resources"]["limits"] == {"cpu": 2.0, "memory": 2 * 2**30}


def variables(made: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e.get("value", "") for e in made["containers"][0]["env"]}


@pytest.mark.filterwarnings("ignore")
def test_an_instructor_is_told_apart_and_two_people_have_two_uids(config):
    ada, ben = pod(config, "ada", ("formgrade-starlight",)), pod(config, "ben", ("nbgrader-starlight",))
    assert variables(ada)["PHOTCOURSE_ROLE"] == "instructor"
    assert len({p["containers"][0]["securityContext"]["runAsUser"] for p in (ada, ben)}) == 2


def test_services_roles_and_people_are_the_courses_and_the_charts_own_stay(config):
    # The chart gives KubeSpawner an environment of its own, which wins over c.Spawner's as a whole.
    assert (
        config.KubeSpawner.environment["PHOTCOURSE_EXCHANGE"]
        == config.Spawner.environment["PHOTCOURSE_EXCHANGE"]
        == "/srv/nbgrader/exchange"
    )
    services = {s["name"]: s for s in config.JupyterHub.services}
    assert set(services) == {"starlight", "jupyterhub-idle-culler"} and services["starlight"]["api_token"] == "t" * 32
    assert {r["name"] for r in config.JupyterHub.load_roles} == {
        "server",
        "formgrade-starlight",
        "service-starlight",
        "jupyterhub-idle-culler",
    }
    assert (
        config.Authenticator.allowed_users == {"ada", "ben", "cleo"}
        and config.Authenticator.allow_existing_users is False
    )
    assert (
        config.JupyterHub.cleanup_servers is False
        and "active_server_limit" not in config.JupyterHub
        and config.JupyterHub.concurrent_spawn_limit == 64
    )


@pytest.mark.filterwarnings("ignore")
def test_what_a_site_adds_by_the_charts_own_keys_is_kept(monkeypatch):
    values = yaml.safe_load(VALUES.read_text())
    values["singleuser"]["extraEnv"] = {"PROXY": "http://proxy"}
    values["singleuser"]["memory"] = {"limit": "3G", "guarantee": "1G"}
    values["hub"]["services"] = {"own": {"url": "http://own:80", "apiToken": "x"}}
    values["custom"]["courses"].append(
        {
            "course_id": "autumn",
            "grader": "grader-autumn",
            "instructors": ["eve"],
            "students": ["ben", "dan"],
            "service_url": "http://grader-autumn:9999",
        }
    )
    c = chart_config(monkeypatch, values)
    environment = variables(pod(c, "ben", ("nbgrader-starlight", "nbgrader-autumn")))
    assert environment["PROXY"] == "http://proxy" and environment["PHOTCOURSE_EXCHANGE"] == "/srv/nbgrader/exchange"
    assert environment.get("PHOTCOURSE_COURSE_ID", "") == "", "who is in two courses is offered both"
    assert c.KubeSpawner.mem_limit == "3G" and {s["name"] for s in c.JupyterHub.services} == {
        "own",
        "starlight",
        "autumn",
        "jupyterhub-idle-culler",
    }
    assert {"ben", "dan", "eve", "ada"} <= c.Authenticator.allowed_users
