"""What is shipped for other places than this machine: the same configuration everywhere, files that hold together."""

from __future__ import annotations

import configparser
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
    services = [{k: v for k, v in s.items() if k in ("name", "oauth_no_confirm")} for s in c.JupyterHub.services]
    return {"groups": c.JupyterHub.load_groups, "roles": c.JupyterHub.load_roles, "services": services,
            "users": c.Authenticator.allowed_users, "memory": c.Spawner.mem_limit}


@pytest.fixture
def wanted(hub_config):
    course = hub_config.Course(**tomllib.loads((DEPLOY / "single-server" / "hub.toml").read_text())["course"])
    c = Config()
    hub_config.configure(c, course)
    return common_part(c)


@pytest.mark.parametrize("file", ["single-server/jupyterhub_config.py", "tljh/photcourse.py"])
def test_one_server_and_tljh_have_the_groups_roles_and_services_of_the_tested_hub(file, wanted, monkeypatch):
    c = read_config(DEPLOY / file, monkeypatch, PHOTCOURSE_CONFIG=str(ROOT / "hub" / "config"),
                    PHOTCOURSE_SETTINGS=str(DEPLOY / "single-server" / "hub.toml"))
    assert common_part(c) == wanted


def test_kubernetes_runs_the_same_configuration(hub_config, wanted, monkeypatch):
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    c = Config()
    fake = type(sys)("z2jh")
    fake.get_config = lambda key: values["custom"]["course"]
    monkeypatch.setitem(sys.modules, "z2jh", fake)
    monkeypatch.setenv("PHOTCOURSE_SERVICE_TOKEN", "token")
    names: dict[str, Any] = {"c": c}
    for _, code in sorted(values["hub"]["extraConfig"].items()):
        exec(compile(code, "extraConfig", "exec"), names)
    assert common_part(c) == wanted
    service = c.JupyterHub.services[0]
    assert "command" not in service and service["url"] == "http://grader:9999"


def test_kubernetes_values_use_keys_of_the_chart_and_name_volumes_and_images_that_exist():
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    assert set(values) <= {"hub", "custom", "singleuser", "cull", "prePuller", "proxy", "scheduling", "ingress"}
    assert set(values["hub"]) <= {"extraFiles", "extraConfig", "extraEnv", "config", "networkPolicy", "db", "image", "services", "loadRoles"}
    assert set(values["singleuser"]) <= {"image", "cmd", "memory", "cpu", "storage", "networkPolicy", "uid", "fsGid", "extraEnv"}
    objects = [o for o in yaml.safe_load_all((DEPLOY / "kubernetes" / "grader.yaml").read_text())]
    claims = {o["metadata"]["name"] for o in objects if o["kind"] == "PersistentVolumeClaim"}
    deployment = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
    for storage in (values["singleuser"]["storage"]["extraVolumes"], deployment["volumes"]):
        assert {v["persistentVolumeClaim"]["claimName"] for v in storage} <= claims
    mounts = deployment["containers"][0]["volumeMounts"]
    assert {m["name"] for m in mounts} == {v["name"] for v in deployment["volumes"]}
    used = {values["singleuser"]["image"]["name"].split("/")[-1], deployment["containers"][0]["image"].split("/")[-1].split(":")[0]}
    assert used == {f"photcourse-{p.name.split('.')[0]}" for p in DOCKERFILES}


def instructions(path: pathlib.Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_an_image_is_pinned_runs_as_an_ordinary_user_and_copies_files_that_are_there(path):
    steps = instructions(path)
    assert {word for word, _ in steps} <= {"FROM", "RUN", "WORKDIR", "COPY", "ARG", "USER", "ENV", "EXPOSE", "ENTRYPOINT", "CMD"}
    base = next(rest for word, rest in steps if word == "FROM")
    assert re.search(r":\d+\.\d+", base) and "latest" not in base
    users = [rest for word, rest in steps if word == "USER"]
    assert users and users[-1] not in ("root", "0")
    for word, rest in steps:
        if word == "COPY":
            *sources, _ = [w for w in shlex.split(rest) if not w.startswith("--")]
            assert all((ROOT / s).exists() for s in sources), rest
        if word == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists/*" in rest and "apt-get update" in rest
        if word in ("CMD", "ENTRYPOINT"):
            assert rest.startswith("["), "exec form: signals reach the server"


def test_the_students_image_holds_nothing_of_the_grader():
    text = " ".join(rest for _, rest in instructions(DEPLOY / "docker" / "student.Dockerfile"))
    assert "autograder" not in text and "photgrader" not in text and "solutions" not in text and "source" not in text.split()


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
    wanted = dict(requirement(d) for d in [*metadata["dependencies"], *metadata["optional-dependencies"]["lab"]] if not d.startswith("photcheck"))
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
        done = subprocess.run(["/usr/bin/python3", "localhub.py", "run"], cwd=place, capture_output=True, text=True, **who)  # type: ignore[call-overload]
    assert done.returncode == 2 and "sudo make hub" in done.stderr and "make lab" in done.stderr and "Traceback" not in done.stderr


def test_a_students_copy_of_a_lecture_is_never_written_over(tmp_path):
    shared, home = tmp_path / "shared", tmp_path / "home"
    shared.mkdir(), home.mkdir()
    (shared / "one.ipynb").write_text("first"), (shared / "two.ipynb").write_text("second")
    os.chmod(shared / "two.ipynb", 0o444)
    (home / "lectures").mkdir()
    (home / "lectures" / "one.ipynb").write_text("my notes")
    environment = {**os.environ, "HOME": str(home), "PHOTCOURSE_LECTURES": str(shared)}
    done = subprocess.run([str(ROOT / "hub" / "config" / "start-server.sh"), "sh", "-c", "ulimit -c; echo started"], env=environment,
                          capture_output=True, text=True)
    assert done.stdout.split() == ["0", "started"], done.stderr
    assert (home / "lectures" / "one.ipynb").read_text() == "my notes"
    assert (home / "lectures" / "two.ipynb").read_text() == "second" and os.access(home / "lectures" / "two.ipynb", os.W_OK)


def test_the_sandbox_shows_the_students_environment_though_both_have_the_same_python(tmp_path):
    import venv

    from photgrader.sandbox.jail import _python_folders

    folder = tmp_path / "student"
    venv.create(folder, with_pip=False, symlinks=True)
    assert os.path.realpath(folder / "bin" / "python") == os.path.realpath(sys.executable)
    assert str(folder.resolve()) in _python_folders(str(folder / "bin" / "python"))
