"""What is shipped for other places than this machine: the same configuration everywhere, files that hold together."""

from __future__ import annotations

import configparser
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from typing import Any

import pytest
import yaml
from traitlets.config import Config

from support import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("docker/*.Dockerfile"))


def read_config(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Config:
    """Run a configuration file as JupyterHub does."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", list(sys.path))
    c = Config()
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {"get_config": lambda: c, "__file__": str(path)})
    return c


@pytest.fixture
def hub_config(monkeypatch):
    sys.path.insert(0, str(ROOT / "hub" / "config"))
    import photcourse_hub

    yield photcourse_hub
    sys.path.remove(str(ROOT / "hub" / "config"))


def common_part(c: Config) -> dict[str, Any]:
    """Return what has to be the same in all deployments."""
    services = [
        {k: v for k, v in s.items() if k in ("name", "oauth_no_confirm")}
        for s in c.JupyterHub.services
        if "cull" not in s["name"]
    ]
    return {
        "groups": c.JupyterHub.load_groups,
        "roles": [r for r in c.JupyterHub.load_roles if "cull" not in r["name"]],
        "services": services,
        "users": c.Authenticator.allowed_users,
        "stays": c.Authenticator.allow_existing_users,
    }


@pytest.fixture
def wanted(hub_config):
    (people,) = hub_config.courses_of(tomllib.loads((DEPLOY / "single-server" / "hub.toml").read_text()))
    c = Config()
    hub_config.configure(c, hub_config.Course(**people))
    return common_part(c)


@pytest.mark.parametrize("file", ["single-server/jupyterhub_config.py", "tljh/photcourse.py"])
def test_one_server_and_tljh_have_the_groups_roles_and_services_of_the_tested_hub(file, wanted, monkeypatch):
    c = read_config(
        DEPLOY / file,
        monkeypatch,
        PHOTCOURSE_CONFIG=str(ROOT / "hub" / "config"),
        PHOTCOURSE_SETTINGS=str(DEPLOY / "single-server" / "hub.toml"),
    )
    assert common_part(c) == wanted


def test_kubernetes_runs_the_same_configuration(hub_config, wanted, monkeypatch):
    # Without the chart; with it, in test_kubernetes.py.
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    c = Config()
    fake = type(sys)("z2jh")
    fake.get_config = lambda key: values["custom"][key.removeprefix("custom.")]
    monkeypatch.setitem(sys.modules, "z2jh", fake)
    monkeypatch.setenv("PHOTCOURSE_SERVICE_TOKEN", "token")
    names: dict[str, Any] = {"c": c}
    for _, code in sorted(values["hub"]["extraConfig"].items()):
        exec(compile(code, "extraConfig", "exec"), names)
    assert common_part(c) == wanted
    service = c.JupyterHub.services[0]
    assert "command" not in service and service["url"] == "http://grader:9999" and service["api_token"] == "token"


# ------------------------------------------------------------------------------------------------ several courses, the deployment's own
def a_course(hub_config, id: str, **more: Any) -> Any:
    return hub_config.Course(
        **{
            "course_id": id,
            "grader": f"grader-{id}",
            "port": 9999,
            "root": f"/home/grader-{id}/{id}",
            "exchange": "/x",
            "instructors": ["ada"],
            "students": ["ben"],
            **more,
        }
    )


def test_a_second_course_and_the_deployments_own_settings_stay_beside_the_first(hub_config):
    c = Config()
    c.JupyterHub.services = [
        {"name": "own", "url": "http://own"},
        {"name": "cull", "command": ["python3", "-m", "jupyterhub_idle_culler"]},
    ]
    c.JupyterHub.load_groups = {"staff": {"users": ["zoe"]}}
    c.JupyterHub.load_roles = [{"name": "own", "scopes": []}]
    c.Authenticator.allowed_users = {"zoe"}
    c.Spawner.environment = {"PROXY": "http://proxy"}
    c.Spawner.mem_limit = "5G"
    before = []
    c.Spawner.pre_spawn_hook = before.append
    hub_config.configure(c, a_course(hub_config, "starlight"))
    hub_config.configure(c, a_course(hub_config, "autumn", instructors=["eve"], students=["ben", "dan"]))
    assert [s["name"] for s in c.JupyterHub.services] == ["own", "cull", "starlight", "autumn"]
    assert set(c.JupyterHub.load_groups) == {
        "staff",
        "nbgrader-starlight",
        "formgrade-starlight",
        "nbgrader-autumn",
        "formgrade-autumn",
    }
    assert len({r["name"] for r in c.JupyterHub.load_roles}) == len(c.JupyterHub.load_roles) == 6
    assert c.Authenticator.allowed_users == {"zoe", "ada", "eve", "ben", "dan"}
    assert c.Spawner.mem_limit == "5G" and c.Spawner.environment["PROXY"] == "http://proxy"
    hook = c.Spawner.pre_spawn_hook
    assert hook.before == before.append and [course.course_id for course in hook.courses] == ["starlight", "autumn"]
    assert (
        hook.environment("dan", set())["PHOTCOURSE_COURSE_ID"] == "autumn"
        and hook.environment("ben", set())["PHOTCOURSE_COURSE_ID"] == ""
    )
    assert {hook.environment(n, set())["PHOTCOURSE_ROLE"] for n in ("ada", "eve")} == {
        "instructor"
    } and hook.environment("zoe", set())["PHOTCOURSE_ROLE"] == "student"
    # Evaluated again, as a restart does, it is the same.
    hub_config.configure(c, a_course(hub_config, "autumn", instructors=["eve"], students=["ben", "dan"]))
    assert len(c.JupyterHub.services) == 4 and len(c.JupyterHub.load_roles) == 6


def test_what_a_deployment_only_appended_to_is_kept(hub_config):
    c = Config()
    c.JupyterHub.services.append({"name": "own", "url": "http://own"})
    hub_config.add_service(
        c,
        {"name": "live", "url": "http://127.0.0.1:1", "command": ["x"]},
        [{"name": "live", "services": ["live"], "scopes": []}],
    )
    assert [(s["name"], s.get("timeout")) for s in c.JupyterHub.services] == [("own", None), ("live", 600)]


def test_a_service_that_the_hub_starts_may_take_minutes_and_one_elsewhere_holds_nobody_up(hub_config):
    for managed, seconds in ((True, 600), (False, 5)):
        c = Config()
        hub_config.configure(c, a_course(hub_config, "starlight"), managed_service=managed)
        assert next(s["timeout"] for s in c.JupyterHub.services if s["name"] == "starlight") == seconds


def test_a_class_list_gives_students_and_instructors_and_a_bad_line_is_named(hub_config, tmp_path):
    path = tmp_path / "class.csv"
    path.write_text("\ufeffid,role,email\nBen,student,b@example.org\ncleo,,\nada,instructor,\n", encoding="utf-8")
    course = a_course(hub_config, "starlight", class_list=str(path), students=[], instructors=[])
    assert course.students == ["ben", "cleo"] and course.instructors == ["ada"]
    for text, words in (
        ("name\nben\n", "no column 'id'"),
        ("id\nben\nben\n", "Line 3"),
        ("id,role\nben,boss\n", "role 'boss'"),
        ("id\n\n ,\n", "Line"),
        ("", "nothing"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=words):
            a_course(hub_config, "starlight", class_list=str(path))


def test_the_hub_and_the_grader_compute_the_same_uid(hub_config, monkeypatch):
    from photgrader.gradebook import exchange

    assert all(hub_config.derived_uid(n) == exchange.derived_uid(n) for n in ("ben", "cleo", "x@y.z", "ä", "a" * 200))
    monkeypatch.setattr(hub_config, "derived_uid", lambda name: 7)
    with pytest.raises(ValueError, match="would have one uid"):
        a_course(hub_config, "starlight", accounts="derived")


# ------------------------------------------------------------------------------------------------ TLJH
TLJH = os.environ.get("PHOTCOURSE_TLJH", "")


@pytest.fixture
def tljh(tmp_path, monkeypatch):
    """TLJH's own configuration, evaluated with settings of tljh-config and the course's file where install.sh puts it."""
    if not TLJH:
        pytest.skip(
            "PHOTCOURSE_TLJH names no clone of jupyterhub/the-littlest-jupyterhub: its own configuration was not run"
        )
    source = pathlib.Path(TLJH)
    if not (source / "tljh").is_dir():
        source = tmp_path / "clone"
        source.mkdir()
        subprocess.run(f"git -C {shlex.quote(TLJH)} archive HEAD tljh | tar -x -C {source}", shell=True, check=True)
    prefix = tmp_path / "opt"
    (prefix / "config" / "jupyterhub_config.d").mkdir(parents=True)
    shutil.copy(DEPLOY / "tljh" / "photcourse.py", prefix / "config" / "jupyterhub_config.d")
    for name, value in {
        "TLJH_INSTALL_PREFIX": str(prefix),
        "PHOTCOURSE_CONFIG": str(ROOT / "hub" / "config"),
        "PHOTCOURSE_SETTINGS": str(DEPLOY / "single-server" / "hub.toml"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(source), *sys.path])
    for name in [n for n in sys.modules if n.partition(".")[0] == "tljh"]:
        monkeypatch.delitem(sys.modules, name)

    def evaluate(settings: str) -> Config:
        (prefix / "config" / "config.yaml").write_text(settings)
        c = Config()

        def load(path: str) -> None:
            exec(compile(pathlib.Path(path).read_text(), path, "exec"), names)

        names: dict[str, Any] = {"get_config": lambda: c, "load_subconfig": load}
        load(str(source / "tljh" / "jupyterhub_config.py"))
        return c

    yield evaluate
    for name in [n for n in sys.modules if n.partition(".")[0] == "tljh"]:
        del sys.modules[name]


def started(c: Config) -> tuple[Any, dict[str, str]]:
    """Return the spawner of a student called ben as it is just before the server starts, and what the server's environment is."""
    import asyncio

    from jupyterhub import orm
    from jupyterhub.objects import Hub
    from jupyterhub.user import User
    from systemdspawner import SystemdSpawner

    async def start() -> tuple[Any, dict[str, str]]:
        database = orm.new_session_factory("sqlite:///:memory:")()
        person = orm.User(name="ben")
        database.add(person)
        database.commit()
        kind = {"systemd": SystemdSpawner}.get(c.JupyterHub.spawner_class, c.JupyterHub.spawner_class)
        user = User(person, {"config": c, "spawner_class": kind})
        spawner = kind(
            config=c, user=user, hub=Hub(), orm_spawner=orm.Spawner(name="", user=person), _mock=True, api_token="x"
        )
        await spawner.run_pre_spawn_hook()
        return spawner, spawner.get_env()

    return asyncio.run(start())


@pytest.mark.filterwarnings("ignore")
def test_tljh_itself_keeps_its_settings_and_gets_the_course(tljh, wanted):
    c = tljh("users:\n  allowed: [zoe]\nlimits:\n  memory: 3G\n  cpu: 4\n")
    assert c.Spawner.mem_limit == "3G" and c.Spawner.cpu_limit == 4, "limits of tljh-config"
    assert c.Authenticator.allowed_users == wanted["users"] | {"zoe"} and not c.FirstUseAuthenticator.allow_all
    assert c.JupyterHub.load_groups == wanted["groups"] and c.JupyterHub.cleanup_servers is False
    assert [s["name"] for s in c.JupyterHub.services] == ["cull-idle", "starlight"], "TLJH's own culler, and no second"


@pytest.mark.filterwarnings("ignore")
def test_a_server_on_tljh_is_the_account_of_its_name_and_hands_in_by_the_hubs_name(tljh, hub_config):
    from photgrader.gradebook import exchange

    spawner, env = started(tljh("{}"))
    from tljh.normalize import generate_system_username

    for name in ("ben", "a" * 17, "a" * 18, "a" * 19, "someone.with.a.long.name"):
        assert generate_system_username(f"jupyter-{name}") == exchange.tljh_account(name)
    assert (
        env["JUPYTERHUB_USER"] == "ben"
        and env["PHOTCOURSE_ACCOUNTS"] == "tljh"
        and env["PHOTCOURSE_EXCHANGE"] == "/srv/nbgrader/exchange"
    )
    assert env["PHOTCOURSE_LECTURES"] == "/opt/photcourse/lectures" and env["PHOTCOURSE_COURSE_ID"] == "starlight"
    assert spawner.mem_limit == 2 * 2**30, "the course's, where tljh-config has none"
    assert spawner.cmd == ["/opt/photcourse/config/start-server.sh", "/opt/tljh/user/bin/jupyterhub-singleuser"]


def test_tljhs_install_puts_everything_where_tljh_reads_it(tmp_path):
    python = tmp_path / "tljh" / "user" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    python.chmod(0o755)
    environment = {
        **os.environ,
        "TLJH": str(tmp_path / "tljh"),
        "PHOTCOURSE": str(tmp_path / "photcourse"),
        "SYSTEMD": str(tmp_path / "systemd"),
    }
    for _ in range(2):
        subprocess.run([str(DEPLOY / "tljh" / "install.sh")], env=environment, check=True, capture_output=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert (
        len(asked) == 2
        and "./course[lab] nbgrader" in asked[0]
        and "photgrader" not in asked[0]
        and "autograder" not in asked[0]
    )
    etc = tmp_path / "tljh" / "user" / "etc" / "jupyter"
    assert {p.name for p in etc.iterdir()} == {"nbgrader_config.py", "jupyter_server_config.py", "labconfig"} and (
        etc / "labconfig" / "page_config.json"
    ).is_file()
    card = tmp_path / "tljh" / "user" / "share" / "jupyter" / "labextensions" / "photcourse-live"
    assert (card / json.loads((card / "package.json").read_text())["jupyterlab"]["_build"]["load"]).is_file()
    assert (tmp_path / "tljh" / "config" / "jupyterhub_config.d" / "photcourse.py").is_file()
    assert len(list((tmp_path / "photcourse" / "lectures").glob("*.ipynb"))) == len(
        list((ROOT / "course" / "lectures").glob("*.ipynb"))
    )
    assert "ProtectKernelTunables=no" in (tmp_path / "systemd" / "jupyterhub.service.d" / "photcourse.conf").read_text()
    nothing = subprocess.run(
        [str(DEPLOY / "tljh" / "install.sh")],
        env={**environment, "TLJH": str(tmp_path / "none")},
        capture_output=True,
        text=True,
    )
    assert nothing.returncode == 2 and "There is no TLJH" in nothing.stderr


# ------------------------------------------------------------------------------------------------ one server
@pytest.mark.filterwarnings("ignore")
def test_a_server_of_the_single_server_is_a_unit_that_a_restart_or_an_upgrade_of_the_hub_does_not_touch(
    hub_config, monkeypatch, tmp_path
):
    from jupyterhub.app import JupyterHub
    from systemdspawner import SystemdSpawner

    for name in ("student", "grader"):
        (tmp_path / "versions" / f"{name}-1").mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / "versions" / f"{name}-1")
    c = read_config(
        DEPLOY / "single-server" / "jupyterhub_config.py",
        monkeypatch,
        PHOTCOURSE_CONFIG=str(ROOT / "hub" / "config"),
        PHOTCOURSE_SETTINGS=str(DEPLOY / "single-server" / "hub.toml"),
        PHOTCOURSE_HUB_DIR=str(tmp_path),
    )
    hub = JupyterHub(config=c)
    assert hub.cleanup_servers is False and hub.upgrade_db is True and hub.active_server_limit == 0, "no cap"
    assert issubclass(hub.spawner_class, SystemdSpawner)
    spawner, environment = started(c)
    # An upgrade shows another folder by the name "student"; a server keeps the one it began with.
    assert spawner.cmd == [
        f"{tmp_path}/config/start-server.sh",
        f"{tmp_path}/versions/student-1/bin/jupyterhub-singleuser",
    ]
    assert spawner.extra_paths == [f"{tmp_path}/versions/student-1/bin"] and spawner.mem_limit == 2 * 2**30
    assert (
        environment["PHOTCOURSE_LECTURES"] == f"{tmp_path}/lectures"
        and environment["PHOTCOURSE_EXCHANGE"] == "/srv/nbgrader/exchange"
    )
    assert environment["PHOTCOURSE_COURSE_ID"] == "starlight" and environment["PHOTCOURSE_ROLE"] == "student"
    assert next(s for s in c.JupyterHub.services if s["name"] == "starlight")["command"] == [
        f"{tmp_path}/versions/grader-1/bin/jupyterhub-singleuser"
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    def verify() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
            capture_output=True,
            text=True,
        )

    for path in (DEPLOY / "single-server").glob("photcourse-*.*"):
        # What is not installed here stands in for what the set-up installs.
        (tmp_path / path.name).write_text(
            re.sub(r"(ExecStart(?:Pre)?=-?)/opt/photcourse/grader/bin/\w+", r"\1/bin/true", path.read_text())
        )
    assert len(list(tmp_path.iterdir())) == 3
    found = verify()
    assert found.returncode == 0 and "photcourse" not in found.stderr, found.stderr
    unit = tmp_path / "photcourse-hub.service"
    unit.write_text(unit.read_text().replace("KillMode=control-group", "KillMode=contol-group"))
    assert "contol-group" in verify().stderr, "a mistake would be found"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_hadolint_finds_nothing_wrong_with_the_images(path):
    tool = pathlib.Path(sys.executable).with_name("hadolint")
    if not tool.exists():
        pytest.skip("hadolint is not installed (tools/setup.sh tests)")
    # DL3008: Debian removes old versions of a package, so a pinned one cannot be built for long.
    done = subprocess.run([str(tool), "--ignore", "DL3008", "--no-color", str(path)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "", done.stdout


def test_the_graders_pod_has_what_the_sandbox_needs_and_regroups_nothing():
    objects = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "grader.yaml").read_text()))
    pod = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (
        pod["hostUsers"] is False
        and pod["securityContext"]["seccompProfile"]["type"] == "Unconfined"
        and "fsGroup" not in pod["securityContext"]
    )
    context = container["securityContext"]
    assert (
        context["procMount"] == "Unmasked"
        and context["appArmorProfile"]["type"] == "Unconfined"
        and context["allowPrivilegeEscalation"] is False
    )
    variables = {e["name"]: e.get("value") for e in container["env"]}
    assert variables["PHOTCOURSE_ACCOUNTS"] == "derived"
    folders, course = pod["initContainers"]
    image = dict(instructions(DEPLOY / "docker" / "grader.Dockerfile"))
    assert (
        "photgrader exchange --root " + variables["PHOTCOURSE_EXCHANGE"] in folders["command"][-1]
        and folders["securityContext"]["runAsUser"] == 0
    )
    assert (
        "/opt/photcourse/course/." in course["command"][-1]
        and course["workingDir"] + "/starlight" == variables["PHOTCOURSE_COURSE_ROOT"]
    )
    assert (
        any(
            "/opt/photcourse/course" in rest
            for word, rest in instructions(DEPLOY / "docker" / "grader.Dockerfile")
            if word == "COPY"
        )
        and image["USER"] == "${GRADER_UID}"
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not list(pathlib.Path("/usr/lib").glob("*/libnss_wrapper.so")),
    reason="needs root, and libnss-wrapper as the image has it",
)
def test_a_uid_without_a_name_gets_the_hubs_name_of_the_student(tmp_path):
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o011)
    script = shutil.copy(ROOT / "hub" / "config" / "start-server.sh", tmp_path / "start-server.sh")
    code = "import getpass, os, pathlib, pwd; print(getpass.getuser(), pwd.getpwuid(os.getuid()).pw_name, pathlib.Path.home())"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "JUPYTERHUB_USER": "ben:x"}
    done = subprocess.run(
        [str(script), "/usr/bin/python3", "-c", code],
        env=environment,
        user=1_234_567,
        group=1_234_567,
        extra_groups=[],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.stdout.split() == ["benx", "benx", str(tmp_path)], done.stderr


def test_kubernetes_values_use_keys_of_the_chart_and_name_volumes_and_images_that_exist():
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    assert set(values) <= {"hub", "custom", "singleuser", "cull", "prePuller", "proxy", "scheduling", "ingress"}
    assert set(values["hub"]) <= {
        "extraFiles",
        "extraConfig",
        "extraEnv",
        "config",
        "networkPolicy",
        "db",
        "image",
        "services",
        "loadRoles",
    }
    assert set(values["singleuser"]) <= {
        "image",
        "cmd",
        "memory",
        "cpu",
        "storage",
        "networkPolicy",
        "uid",
        "fsGid",
        "extraEnv",
    }
    objects = [o for o in yaml.safe_load_all((DEPLOY / "kubernetes" / "grader.yaml").read_text())]
    claims = {o["metadata"]["name"] for o in objects if o["kind"] == "PersistentVolumeClaim"}
    deployment = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
    for storage in (values["singleuser"]["storage"]["extraVolumes"], deployment["volumes"]):
        assert {v["persistentVolumeClaim"]["claimName"] for v in storage} <= claims
    mounts = deployment["containers"][0]["volumeMounts"]
    assert {m["name"] for m in mounts} == {v["name"] for v in deployment["volumes"]}
    used = {
        values["singleuser"]["image"]["name"].split("/")[-1],
        deployment["containers"][0]["image"].split("/")[-1].split(":")[0],
    }
    assert used == {f"photcourse-{p.name.split('.')[0]}" for p in DOCKERFILES}


def instructions(path: pathlib.Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_an_image_is_pinned_runs_as_an_ordinary_user_and_copies_files_that_are_there(path):
    steps = instructions(path)
    assert {word for word, _ in steps} <= {
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "ARG",
        "USER",
        "ENV",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
    }
    base = next(rest for word, rest in steps if word == "FROM")
    assert re.search(r":\d+\.\d+", base) and "latest" not in base
    users = [rest for word, rest in steps if word == "USER"]
    assert users and users[-1] not in ("root", "0")
    for word, rest in steps:
        if word == "COPY":
            *sources, _ = [w for w in shlex.split(rest) if not w.startswith("--")]
            assert all((ROOT / s).exists() for s in sources), rest
        if word == "RUN" and "apt-get install" in rest:
            assert (
                "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists/*" in rest and "apt-get update" in rest
            )
        if word in ("CMD", "ENTRYPOINT"):
            assert rest.startswith("["), "exec form: signals reach the server"


def test_the_students_image_holds_nothing_of_the_grader():
    text = " ".join(rest for _, rest in instructions(DEPLOY / "docker" / "student.Dockerfile"))
    assert (
        "autograder" not in text
        and "photgrader" not in text
        and "solutions" not in text
        and "source" not in text.split()
    )


def test_the_unit_starts_what_the_setup_installs():
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(DEPLOY / "single-server" / "photcourse-hub.service")
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    command = shlex.split(unit["Service"]["ExecStart"])
    assert command[0] == "/opt/photcourse/grader/bin/jupyterhub" and unit["Service"]["KillMode"] == "control-group"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def requirement(text: str) -> tuple[str, str]:
    found = re.match(r"([A-Za-z0-9_.-]+)\s*(.*)", text)
    assert found
    return re.sub(r"[-_.]+", "-", found[1]).lower(), found[2]


def test_the_conda_environment_agrees_with_the_course_package():
    metadata = tomllib.loads((ROOT / "course" / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = dict(requirement(d) for d in environment["dependencies"] if isinstance(d, str))
    conda["matplotlib"] = conda.pop("matplotlib-base")
    wanted = dict(
        requirement(d)
        for d in [*metadata["dependencies"], *metadata["optional-dependencies"]["lab"]]
        if not d.startswith("photcheck")
    )
    assert conda.pop("python") == metadata["requires-python"]
    assert {n: v for n, v in conda.items() if n not in ("pip", "hatchling")} == wanted
    assert environment["dependencies"][-1] == {"pip": ["./course/photcheck", "./course"]}
    assert "photgrader" not in (ROOT / "environment.yml").read_text() and "nbgrader" not in str(environment)


def test_an_ordinary_user_is_told_in_one_sentence_what_to_do_instead():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = pathlib.Path(folder) / "hub"
        place.mkdir()
        shutil.copy(ROOT / "hub" / "localhub.py", place)
        os.chmod(place, 0o755)
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            ["/usr/bin/python3", "localhub.py", "run"], cwd=place, capture_output=True, text=True, **who
        )  # type: ignore[call-overload]
    assert (
        done.returncode == 2
        and "sudo make hub" in done.stderr
        and "make lab" in done.stderr
        and "Traceback" not in done.stderr
    )


def test_a_students_copy_of_a_lecture_is_never_written_over(tmp_path):
    shared, home = tmp_path / "shared", tmp_path / "home"
    shared.mkdir(), home.mkdir()
    (shared / "one.ipynb").write_text("first"), (shared / "two.ipynb").write_text("second")
    os.chmod(shared / "two.ipynb", 0o444)
    (home / "lectures").mkdir()
    (home / "lectures" / "one.ipynb").write_text("my notes")
    environment = {**os.environ, "HOME": str(home), "PHOTCOURSE_LECTURES": str(shared)}
    done = subprocess.run(
        [str(ROOT / "hub" / "config" / "start-server.sh"), "sh", "-c", "ulimit -c; echo started"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["0", "started"], done.stderr
    assert (home / "lectures" / "one.ipynb").read_text() == "my notes"
    assert (home / "lectures" / "two.ipynb").read_text() == "second" and os.access(
        home / "lectures" / "two.ipynb", os.W_OK
    )


def test_the_sandbox_shows_the_students_environment_though_both_have_the_same_python(tmp_path):
    import venv

    from photgrader.sandbox.jail import _python_folders

    folder = tmp_path / "student"
    venv.create(folder, with_pip=False, symlinks=True)
    assert os.path.realpath(folder / "bin" / "python") == os.path.realpath(sys.executable)
    assert str(folder.resolve()) in _python_folders(str(folder / "bin" / "python"))


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_the_sandbox_runs_an_environment_by_the_name_that_shows_its_newest_version(tmp_path):
    import venv

    from photgrader.coursedir.settings import Limits
    from photgrader.sandbox import jail, session

    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o011)
    venv.create(tmp_path / "versions" / "student-1", with_pip=False, symlinks=True)
    (tmp_path / "student").symlink_to(tmp_path / "versions" / "student-1")
    python = str(tmp_path / "student" / "bin" / "python")
    with session.run_folder() as (place, uid):
        command = jail.jail_command(
            [python, "-c", "import sys; print(sys.prefix)"], place, Limits(), uid=uid, python=python
        )
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]}, cwd="/"
        )
    assert done.stdout.strip() == str(tmp_path / "student"), done.stderr
