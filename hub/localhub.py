"""The course's JupyterHub on this machine: prepare, run, clean. Standard library only; run as root by hub/run.sh.

Environments are shared by all instances and lie in a place that every account can read (``PHOTCOURSE_HUB_DIR``, by
default ``/opt/photcourse``): ``student`` has the course package and nothing of the grader's; ``grader`` belongs to
the grader's group alone. An instance (``demo`` for `make hub`; the tests make their own) has its accounts, homes,
exchange, gradebook and logs below ``instances/<name>``, and `clean` takes all of it away again.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import functools
import grp
import hashlib
import json
import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

# useradd and its kin are in sbin, which a shell that was not root's own from the start has not on its path.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE = pathlib.Path(os.environ.get("PHOTCOURSE_HUB_DIR", "/opt/photcourse"))
COURSE = "starlight"
#: All graders' accounts are in this group, which alone may read the grader's environment.
GRADERS = "photgraders"
PYTHON = os.environ.get("PHOTCOURSE_HUB_PYTHON", "/usr/bin/python3")
CONFIG = BASE / "config"
SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX
#: Longest wait, in seconds, for another hub that uses the environments in another state of the course.
WAIT = float(os.environ.get("PHOTCOURSE_HUB_WAIT", "1800"))
NOT_ROOT = (
    "A hub starts servers as different Linux accounts, which only root can do: run `sudo make hub`. "
    "For yourself alone, `make lab` opens the course in JupyterLab without root."
)


class HubError(Exception):
    """Something that the person at the keyboard can mend; the text says how."""


def say(text: str) -> None:
    """Tell the person at the keyboard."""
    print(text, flush=True)


def run(command: list[Any], **kwargs: Any) -> str:
    """Run a command and return what it printed.

    Raises
    ------
    HubError
        With the last lines of what it printed, where it fails.
    """
    done = subprocess.run(
        [str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs
    )
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise HubError(f"{' '.join(str(word) for word in command[:6])} failed:\n{tail}")
    return done.stdout


# ------------------------------------------------------------------------------------------ environments
def _hash(folders: list[pathlib.Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        files = (
            sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            if folder.is_dir()
            else [folder]
        )
        for path in files:
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


#: What is in the two environments: packages from outside, and the course's own.
ENVIRONMENTS: dict[str, tuple[list[str], list[str]]] = {
    "student": (["nbgrader", "jupyterhub"], ["course/photcheck", "course[lab,dask]"]),
    "grader": ([], ["course/photcheck", "course[lab]", "autograder[hub]"]),
}


@functools.cache
def _wanted(name: str) -> str:
    """Return the hashes of what should be in an environment: libraries, and the course's own sources.

    As they are when this process first looks: who edits the course while a hub starts does not keep it from starting.
    """
    requirements, own = ENVIRONMENTS[name]
    folders = [ROOT / part.partition("[")[0] for part in own]
    parts = [
        PYTHON,
        *requirements,
        (ROOT / "constraints.txt").read_text(),
        *((f / "pyproject.toml").read_text() for f in folders),
    ]
    return f"{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]} {_hash(folders)}"


@functools.cache
def _wanted_config() -> str:
    return _hash([ROOT / "hub" / "config", ROOT / "course" / "lectures"])


def _stamp(place: pathlib.Path) -> str:
    path = place / ".installed"
    return path.read_text() if path.is_file() else ""


def _fresh() -> bool:
    """Whether all that instances share is what this clone would make."""
    return (
        all(_stamp(BASE / name) == _wanted(name) for name in ENVIRONMENTS)
        and _stamp(CONFIG) == _wanted_config()
        and (BASE / "node" / "node_modules" / ".bin" / "configurable-http-proxy").exists()
        and (BASE / "lectures").is_dir()
    )


@contextlib.contextmanager
def locked(kind: int, seconds: float | None = None, name: str = ".lock") -> Any:
    """Hold the lock of what is shared: a hub that runs reads it, `prepare` changes it. It goes with the process.

    Raises
    ------
    HubError
        Where others hold it for too long.
    """
    BASE.mkdir(parents=True, exist_ok=True)
    with (BASE / name).open("a") as stream:
        deadline, told = time.monotonic() + (WAIT if seconds is None else seconds), False
        while True:
            try:
                fcntl.flock(stream, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise HubError(
                        f"Another hub uses {BASE} with another state of the course. Stop it, or set PHOTCOURSE_HUB_DIR to "
                        "another folder."
                    ) from None
                if not told:
                    say(f"Waiting for another hub, or another set-up, in {BASE}")
                    told = True
                time.sleep(0.5)
        yield


def _environment(name: str) -> None:
    """Make an environment as it should be in a folder of its own, and only then show it under its name.

    Whatever still runs in the former one goes on with that. What was interrupted was never shown, and is made anew.
    """
    fresh = _wanted(name)
    if _stamp(BASE / name) == fresh:
        return
    place = BASE / "versions" / f"{name}-{fresh.replace(' ', '-')}"
    if _stamp(place) != fresh:
        _build(name, place, fresh)
    if not (BASE / name).is_symlink():
        shutil.rmtree(BASE / name, ignore_errors=True)
    link = BASE / f".{name}"
    link.unlink(missing_ok=True)
    link.symlink_to(place)
    link.replace(BASE / name)


def _build(name: str, place: pathlib.Path, fresh: str) -> None:
    requirements, own = ENVIRONMENTS[name]
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if name == "grader":
        _only_graders(place)
    python, install = place / "bin" / "python", ROOT / "tools" / "install.sh"
    whole = [install, python, "-c", ROOT / "constraints.txt", *requirements, *(f"{ROOT}/{part}" for part in own)]
    former, students = (BASE / name).resolve(), (BASE / "student").resolve()
    if _stamp(former).split(" ")[0] == fresh.split(" ")[0] and former.parent == place.parent:
        say(f"Making the {name}'s environment in {place} from the one before: other sources, the same libraries")
        _copy(former, place)
        run([install, python, "--no-deps", "--force-reinstall", *(f"{ROOT}/{part.partition('[')[0]}" for part in own)])
    elif name == "grader" and _stamp(students) == _wanted("student") and students.parent == place.parent:
        # Nearly all libraries are the same; none is fetched, unpacked and compiled twice.
        say(f"Making the {name}'s environment in {place} from the student's")
        _copy(students, place)
        _only_graders(place)
        run(whole)
    else:
        say(f"Making the {name}'s environment in {place} (a minute or two)")
        run([PYTHON, "-m", "venv", place])
        run(whole)
    # Nearly a second of each server's start, for nothing that is used here (tools/requirements.py).
    run([python, "-m", "pip", "uninstall", "-q", "-y", "rfc3987-syntax", "lark"])
    shutil.rmtree(place / ".uv", ignore_errors=True)
    # All but the libraries' own tests, a fifth of the lines.
    run(
        [python, "-m", "compileall", "-q", "-j", "0", "-x", r"/test_[^/]*\.py$", place / "lib"],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    _settings(name, place)
    (place / ".installed").write_text(fresh)


def _copy(former: pathlib.Path, place: pathlib.Path) -> None:
    """Copy an environment; its scripts begin with the path of their Python."""
    shutil.copytree(former, place, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".installed"))
    for script in [*(place / "bin").iterdir(), place / "pyvenv.cfg"]:
        if script.is_file() and not script.is_symlink() and bytes(former) in (body := script.read_bytes()):
            script.write_bytes(body.replace(bytes(former), bytes(place)))


def _settings(name: str, place: pathlib.Path) -> None:
    """Put JupyterLab's and nbgrader's configuration into an environment, before it is shown or where only that has changed."""
    source, etc = ROOT / "hub" / "config", place / "etc" / "jupyter"
    (etc / "labconfig").mkdir(parents=True, exist_ok=True)
    for file in ("nbgrader_config.py", "jupyter_server_config.py"):
        shutil.copy(source / file, etc / file)
        (etc / file).chmod(0o644)
    shutil.copy(source / f"labconfig-{name}" / "page_config.json", etc / "labconfig" / "page_config.json")
    # Whole notebooks are in the page, so that a browser's search and a screen reader find what is below the screen.
    settings = place / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "settings" / "overrides.json", settings / "overrides.json")
    for path in (etc / "labconfig" / "page_config.json", settings / "overrides.json"):
        path.chmod(0o644)
    # The launcher's card that opens the live service; where a course has none, there is no card.
    card = place / "share" / "jupyter" / "labextensions" / "photcourse-live"
    shutil.copytree(source / "labextensions" / "photcourse-live", card, dirs_exist_ok=True)
    for path in [card, *card.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def remove_unused() -> None:
    """Remove environments of former versions in which nothing runs any more."""
    shown = {(BASE / name).resolve() for name in ENVIRONMENTS}
    running = [_command_line(pid) for pid in _processes()]
    for version in (BASE / "versions").glob("*"):
        if version not in shown and not any(str(version) in line for line in running):
            shutil.rmtree(version, ignore_errors=True)


def prepare() -> None:
    """Make what all instances share, where it is not there yet: two environments, the proxy, the configuration."""
    test = [PYTHON, "-c", "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"]
    if shutil.which(PYTHON) is None or subprocess.run(test, stderr=subprocess.DEVNULL).returncode:
        raise HubError(
            f"The hub needs a Python 3.11 or later with venv that every account can run; {PYTHON} is none. "
            "Name another one in PHOTCOURSE_HUB_PYTHON (Debian 12: apt-get install python3-venv)."
        )
    BASE.mkdir(parents=True, exist_ok=True)
    BASE.chmod(0o755)
    if not _fresh():
        with locked(EXCLUSIVE):
            # Who held the lock before may have made the same.
            if not _fresh():
                _prepare()


def hold() -> contextlib.ExitStack:
    """Prepare, and return what keeps it as it is until it is closed."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        prepare()
        held = contextlib.ExitStack()
        held.enter_context(locked(SHARED))
        if _fresh():
            return held
        # Another clone was faster between the two; wait for its hub to end.
        held.close()
    raise HubError(f"Other hubs keep changing {BASE}. Stop them, or set PHOTCOURSE_HUB_DIR to another folder.")


def _prepare() -> None:
    (CONFIG / ".installed").unlink(missing_ok=True)
    subprocess.run(["groupadd", "--force", "--system", GRADERS], check=True)
    grader = BASE / "grader"
    if grader.is_dir():
        _only_graders(grader)
    for name in ENVIRONMENTS:
        _environment(name)
    _only_graders(grader)
    _proxy()
    share_lectures()
    shutil.rmtree(CONFIG, ignore_errors=True)
    shutil.copytree(ROOT / "hub" / "config", CONFIG, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [CONFIG, *CONFIG.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".sh" else 0o644)
    for name in ENVIRONMENTS:
        _settings(name, BASE / name)
    remove_unused()
    # Last, so that what was interrupted is made again.
    (CONFIG / ".installed").write_text(_wanted_config())


def _only_graders(folder: pathlib.Path) -> None:
    shutil.chown(folder, "root", GRADERS)
    folder.chmod(0o750)


def _proxy() -> None:
    target = BASE / "node"
    if not (target / "node_modules" / ".bin" / "configurable-http-proxy").exists():
        made = ROOT / ".venv" / "node"
        if not (made / "node_modules" / ".bin" / "configurable-http-proxy").exists():
            raise HubError("The hub's proxy is missing; install it with: tools/setup.sh hub")
        # Whole or not at all.
        for folder in (target, BASE / ".node"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, BASE / ".node", symlinks=True)
        (BASE / ".node").rename(target)


# ------------------------------------------------------------------------------------------ an instance
@dataclasses.dataclass
class Instance:
    """A hub with its accounts.

    Parameters
    ----------
    name : str
        ``demo``, or a name whose accounts all begin with it.
    students : int
        How many students.
    """

    name: str = "demo"
    students: int = 3

    @property
    def state(self) -> pathlib.Path:
        """Its folder."""
        return BASE / "instances" / self.name

    @property
    def prefix(self) -> str:
        """What its accounts' names begin with."""
        return "" if self.name == "demo" else f"{self.name}-"

    @property
    def grader(self) -> str:
        """The account that owns the course."""
        return f"{self.prefix}grader-{COURSE}"

    @property
    def instructor(self) -> str:
        """The instructor's account."""
        return f"{self.prefix}instructor"

    def student_names(self) -> list[str]:
        """Return the students' accounts."""
        return [f"{self.prefix}student{number}" for number in range(1, self.students + 1)]

    @property
    def root(self) -> pathlib.Path:
        """The course's folder, in the grader's home."""
        return self.state / "home" / self.grader / COURSE


def _accounts_file(state: pathlib.Path) -> pathlib.Path:
    return state / "accounts"


def _own_accounts(state: pathlib.Path) -> list[str]:
    path = _accounts_file(state)
    return path.read_text().split() if path.is_file() else []


def make_accounts(instance: Instance) -> dict[str, str]:
    """Make the accounts, with new passwords; return those.

    Raises
    ------
    HubError
        Where an account of that name is somebody else's.
    """
    instance.state.mkdir(parents=True, exist_ok=True)
    instance.state.chmod(0o711)
    homes = instance.state / "home"
    homes.mkdir(exist_ok=True)
    homes.chmod(0o711)
    own = _own_accounts(instance.state)
    passwords: dict[str, str] = {}
    for name in [instance.grader, instance.instructor, *instance.student_names()]:
        exists = _exists(name)
        if exists and name not in own:
            raise HubError(
                f"There is an account {name} on this machine that the hub did not make. Rename it, or use another instance: "
                f"hub/run.sh --instance NAME"
            )
        if not exists:
            # Noted before it is made, so that an interrupted start can be cleaned.
            own.append(name)
            _accounts_file(instance.state).write_text("\n".join(own) + "\n")
            groups = ["-G", GRADERS] if name == instance.grader else []
            run(
                [
                    "useradd",
                    "--no-log-init",
                    "--create-home",
                    "--home-dir",
                    homes / name,
                    "--skel",
                    "/dev/null",
                    "--shell",
                    "/bin/bash",
                    "--user-group",
                    *groups,
                    name,
                ]
            )
        (homes / name).chmod(0o700)
        if name != instance.grader:
            passwords[name] = secrets.token_urlsafe(6)
    text = "".join(f"{name}:{password}\n" for name, password in passwords.items())
    subprocess.run(["chpasswd"], input=text, text=True, check=True)
    return passwords


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def as_account(name: str, command: list[Any], environment: dict[str, str], cwd: pathlib.Path) -> str:
    """Run a command as one of the accounts, with a small environment."""
    entry = pwd.getpwnam(name)
    groups = os.getgrouplist(name, entry.pw_gid)
    base = {
        "HOME": entry.pw_dir,
        "USER": name,
        "LOGNAME": name,
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    return run(
        command,
        env={**base, **environment},
        cwd=cwd,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=groups,
        umask=0o022,
    )


def grader_environment(instance: Instance) -> dict[str, str]:
    """Return what the grader's account needs to work on the course outside of the hub."""
    return {
        "PHOTCOURSE_COURSE_ID": COURSE,
        "PHOTCOURSE_EXCHANGE": str(instance.state / "exchange"),
        "PHOTCOURSE_COURSE_ROOT": str(instance.root),
        "PATH": f"{BASE}/grader/bin:/usr/local/bin:/usr/bin:/bin",
        "MPLBACKEND": "Agg",
    }


def make_course(instance: Instance, assignments: list[str]) -> None:
    """Copy the course into the grader's home, make its releases there and hand them out."""
    exchange = instance.state / "exchange"
    run(
        [
            BASE / "grader" / "bin" / "photgrader",
            "exchange",
            "--root",
            exchange,
            "--course",
            COURSE,
            "--grader",
            instance.grader,
        ]
    )
    if not instance.root.is_dir():
        instance.root.mkdir()
        for part in ("source", "autograder/exercises"):
            shutil.copytree(
                ROOT / part, instance.root / part, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
            )
        shutil.copy(ROOT / "nbgrader_config.py", instance.root)
        # With what they were made from: a release that is today's is only entered in the gradebook, since to make it, and to measure
        # its exercises before, takes minutes.
        shutil.copytree(
            ROOT / "release", instance.root / "release", ignore=shutil.ignore_patterns(".ipynb_checkpoints")
        )
        (instance.root / "solutions").mkdir()
        shutil.copy(ROOT / "solutions" / "built.json", instance.root / "solutions")
        settings = ROOT / "photgrader.toml"
        # Students' code is graded in the students' own environment, where photgrader is not even installed.
        text = f'python = "{BASE}/student/bin/python"\n' + (settings.read_text() if settings.is_file() else "")
        (instance.root / "photgrader.toml").write_text(text)
        _give(instance.root, instance.grader)
    environment = grader_environment(instance)
    missing = [a for a in assignments if not (exchange / COURSE / "outbound" / a).is_dir()]
    if missing:
        say(f"Releasing {', '.join(missing)}")
        as_account(
            instance.grader,
            [BASE / "grader" / "bin" / "photgrader", "build", "--no-solutions", *missing],
            environment,
            instance.root,
        )
    for name in missing:
        as_account(
            instance.grader,
            [BASE / "grader" / "bin" / "nbgrader", "release_assignment", name],
            environment,
            instance.root,
        )
    for name in instance.student_names():
        _enrol(instance, name)


def _enrol(instance: Instance, student: str) -> None:
    note = instance.state / "enrolled"
    done = note.read_text().split() if note.is_file() else []
    if student in done:
        return
    pending = [s for s in instance.student_names() if s not in done]
    code = (
        "import sys; from nbgrader.api import Gradebook\n"
        "with Gradebook(sys.argv[1]) as g:\n    [g.update_or_create_student(s) for s in sys.argv[2:]]"
    )
    as_account(
        instance.grader,
        [BASE / "grader" / "bin" / "python", "-c", code, f"sqlite:///{instance.root}/gradebook.db", *pending],
        grader_environment(instance),
        instance.root,
    )
    note.write_text("\n".join([*done, *pending]) + "\n")


def _give(folder: pathlib.Path, owner: str) -> None:
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)


def share_lectures() -> pathlib.Path:
    """Put the lectures where every student can read them."""
    target = BASE / "lectures"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        ROOT / "course" / "lectures", target, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
    )
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def share_data(student: str) -> str:
    """Return the folder of real data files, readable by everybody; nothing where there are none."""
    given = os.environ.get("PHOTCOURSE_DATA", "")
    if not given:
        return ""
    folder = pathlib.Path(given).resolve()
    if not folder.is_dir():
        raise HubError(
            f"PHOTCOURSE_DATA is {given}, which is no folder. Set it to the folder of the real files, or unset it."
        )
    entry = pwd.getpwnam(student)
    readable = subprocess.run(
        ["sh", "-c", 'ls -- "$1" >/dev/null && for f in "$1"/*; do [ -r "$f" ] || exit 1; done', "sh", str(folder)],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    if readable.returncode == 0:
        return str(folder)
    say(f"Copying the data to {BASE}/data, because students cannot read {folder}")
    target = BASE / "data"
    shutil.copytree(folder, target, dirs_exist_ok=True)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return str(target)


def free_ports(number: int, wanted: int | None = None) -> list[int]:
    """Return free loopback ports, the wanted one first where it is free."""
    held = []
    for index in range(number):
        sock = socket.socket()
        # A port in TIME_WAIT is free for a server: servers set this too.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", wanted if index == 0 and wanted else 0))
        except OSError:
            sock.bind(("127.0.0.1", 0))
        held.append(sock)
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


def write_plan(
    instance: Instance, passwords: dict[str, str], port: int | None, idle_seconds: int, tokens: dict[str, Any]
) -> dict[str, Any]:
    """Write what the hub's configuration reads; return it."""
    public, hub, proxy, service, live = free_ports(5, port)
    plan = {
        "course": {
            "course_id": COURSE,
            "grader": instance.grader,
            "instructors": [instance.instructor],
            "students": instance.student_names(),
            "port": service,
            "live_port": live if os.environ.get("PHOTCOURSE_LIVE") else 0,
            "root": str(instance.root),
            "exchange": str(instance.state / "exchange"),
            "data": share_data(instance.student_names()[0]),
            "student_env": str(BASE / "student"),
            "grader_env": str(BASE / "grader"),
        },
        "ports": {"public": public, "hub": hub, "proxy": proxy},
        "idle_seconds": idle_seconds,
        "proxy": str(BASE / "node" / "node_modules" / ".bin" / "configurable-http-proxy"),
        "start_server": str(CONFIG / "start-server.sh"),
        "lectures": str(BASE / "lectures"),
        "address": f"http://127.0.0.1:{public}/",
        "passwords": passwords,
        "service_tokens": tokens,
    }
    path = instance.state / "hub.json"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps(plan, indent=1) + "\n")
    return plan


def source_assignments() -> list[str]:
    """Return the names of the course's assignments."""
    return sorted(p.name for p in (ROOT / "source").glob("*") if any(p.glob("*.ipynb")))


# ------------------------------------------------------------------------------------------ run and stop
class RunningHub:
    """A hub that runs; a context manager that leaves nothing running.

    Parameters
    ----------
    instance : Instance
        Which one.
    plan : dict
        What `write_plan` wrote.
    held : ExitStack
        What keeps the environments as they are (`hold`); given back when the hub has stopped.
    """

    def __init__(self, instance: Instance, plan: dict[str, Any], held: contextlib.ExitStack) -> None:
        self.instance, self.plan = instance, plan
        self.process: subprocess.Popen[bytes] | None = None
        self._held = held

    @property
    def log(self) -> pathlib.Path:
        """The hub's log."""
        return self.instance.state / "hub.log"

    def start(self, seconds: float = 660.0) -> None:
        """Start, and wait until the hub answers; on a busy machine that takes minutes.

        Raises
        ------
        HubError
            Where it does not come up.
        """
        work = self.instance.state / "run"
        work.mkdir(exist_ok=True)
        work.chmod(0o700)
        # Users, groups and roles are made from the configuration every time.
        (self.instance.state / "jupyterhub.sqlite").unlink(missing_ok=True)
        environment = {
            "PATH": f"{BASE}/grader/bin:{BASE}/node/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(work),
            "PHOTCOURSE_HUB_STATE": str(self.instance.state),
            "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32),
            "PYTHONNOUSERSITE": "1",
            "JUPYTERHUB_CRYPT_KEY": secrets.token_hex(32),
        }
        stream = self.log.open("ab")
        # What is told in case of trouble is of this start.
        before = len(self.log.read_text(errors="replace"))
        os.chmod(self.log, 0o600)
        self.process = subprocess.Popen(
            [str(BASE / "grader" / "bin" / "jupyterhub"), "-f", str(CONFIG / "jupyterhub_config.py")],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        stream.close()
        try:
            up = self._wait_until_up(seconds)
        except BaseException:
            # Ctrl-C while it starts, too, leaves nothing running.
            self.stop()
            raise
        if up:
            return
        ended = self.process.poll()
        text = self.log.read_text(errors="replace")[before:]
        self.stop()
        what = f"ended with exit code {ended}" if ended is not None else f"did not answer within {seconds:.0f} s"
        raise HubError(f"The hub {what}: {cause(text)}\nThe whole log is {self.log}")

    def _wait_until_up(self, seconds: float) -> bool:
        assert self.process is not None
        began, told = time.monotonic(), 30.0
        while (waited := time.monotonic() - began) < seconds:
            if self.process.poll() is not None:
                return False
            if waited > told:
                say(
                    f"The hub is not up yet after {waited:.0f} s; this machine is busy (load {os.getloadavg()[0]:.1f}). Still waiting."
                )
                told *= 2
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(self.plan["address"] + "hub/api/", timeout=5):
                    return True
            time.sleep(0.3)
        return False

    def stop(self, seconds: float = 45.0) -> None:
        """Stop the hub, its proxy, its services and all servers."""
        with self._held:
            self._stop(seconds)

    def _stop(self, seconds: float) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            self._wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        kill_accounts(self.instance.state)
        _kill_proxy(self.plan["ports"]["proxy"])

    def _wait(self, seconds: float) -> None:
        """Wait for the hub's end, and help: its servers, asked by an interrupt, would ask back for half a minute."""
        assert self.process is not None
        started = time.monotonic()
        while time.monotonic() < started + seconds:
            late = time.monotonic() > started + 5
            _signal_accounts(self.instance.state, signal.SIGKILL if late else signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)
                return

    def __enter__(self) -> RunningHub:
        self.start()
        return self

    def __exit__(self, *problem: Any) -> None:
        self.stop()


#: Lines of a hub's log that say why it ended, the most telling first.
_CAUSES = (
    r"Address already in use",
    r"No space left on device|Disk quota exceeded",
    r"Service \S+ exited with status \S+",
    r"Cannot connect to \S+ service \S+",
    r"\[C [^\]]*\] .*",
    r"^\w*(?:Error|Exception|Exit)\b.*",
    r"^\w+(?:\.\w+)+(?:Error|Exception)\b.*",
    r"\[E [^\]]*\] .*",
)


def cause(log: str) -> str:
    """Return the line of a hub's log that says why it ended, and the last error that a program wrote before it.

    Examples
    --------
    >>> cause("[I hub] Starting\\nModuleNotFoundError: No module named 'x'\\n[C hub] Service starlight exited with status 1")
    "[C hub] Service starlight exited with status 1 (ModuleNotFoundError: No module named 'x')"
    """
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()]
    first = next((line for pattern in _CAUSES for line in reversed(lines) if re.search(pattern, line)), "")
    error = next((line for line in reversed(lines) if re.match(r"\w+(?:\.\w+)*(?:Error|Exception|Exit)\b", line)), "")
    if not first:
        return "its log says no reason; its last line is: " + (
            next((line for line in reversed(lines) if line), "(none)")
        )
    return first if not error or error in first else f"{first} ({error})"


def _processes() -> list[int]:
    return [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit()]


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return ""


def processes_of(state: pathlib.Path) -> list[int]:
    """Return the processes of an instance's accounts."""
    uids = {pwd.getpwnam(name).pw_uid for name in _own_accounts(state) if _exists(name)}
    found = []
    for pid in _processes():
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            real = re.search(r"^Uid:\t(\d+)", status, re.MULTILINE)
            if real and int(real[1]) in uids and "State:\tZ" not in status:
                found.append(pid)
    return found


def _signal_accounts(state: pathlib.Path, number: int) -> None:
    for pid in processes_of(state):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_accounts(state: pathlib.Path, seconds: float = 10.0) -> None:
    """End every process of an instance's accounts: first asked, then not."""
    deadline = time.monotonic() + seconds
    _signal_accounts(state, signal.SIGTERM)
    while processes_of(state):
        if time.monotonic() > deadline - seconds / 2:
            _signal_accounts(state, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise HubError(f"These processes could not be ended: {processes_of(state)}")
        time.sleep(0.1)


def _kill_proxy(port: int) -> None:
    """End the proxy of this instance, known by the port in its command line."""
    for pid in _processes():
        with contextlib.suppress(OSError):
            words = _command_line(pid).split("\0")
            if any("configurable-http-proxy" in w for w in words) and str(port) in words:
                os.kill(pid, signal.SIGTERM)


def clean(instance: Instance) -> None:
    """Take an instance away: processes, accounts, homes, exchange, gradebook."""
    state = instance.state
    if not state.is_dir():
        say(f"There is no instance {instance.name}; nothing to do.")
        return
    pid_file = state / "jupyterhub.pid"
    if pid_file.is_file():
        _end_hub(int(pid_file.read_text()))
    kill_accounts(state)
    for name in _own_accounts(state):
        if _exists(name):
            run(["userdel", name])
        with contextlib.suppress(KeyError):
            grp.getgrnam(name)
            run(["groupdel", name])
    shutil.rmtree(state)
    say(f"Instance {instance.name} is gone: accounts, homes, exchange, gradebook.")


def _end_hub(pid: int) -> None:
    with contextlib.suppress(OSError):
        if b"jupyterhub" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 45
        while time.monotonic() < deadline and pathlib.Path(f"/proc/{pid}").exists():
            time.sleep(0.2)


def set_up(
    instance: Instance,
    assignments: list[str] | None = None,
    *,
    port: int | None = None,
    idle_seconds: int = 3600,
    tokens: dict[str, Any] | None = None,
) -> RunningHub:
    """Prepare everything for an instance and return its hub, not yet started."""
    with hold() as held:
        passwords = make_accounts(instance)
        make_course(instance, source_assignments() if assignments is None else assignments)
        return RunningHub(instance, write_plan(instance, passwords, port, idle_seconds, tokens or {}), held.pop_all())


def serve(instance: Instance, assignments: list[str] | None, port: int | None, idle_seconds: int) -> None:
    """Run a hub until Ctrl-C."""
    hub = set_up(instance, assignments, port=port, idle_seconds=idle_seconds)

    def leave(*_: Any) -> None:
        # Once: while everything is being stopped, a second one would leave half of it running.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    try:
        with hub:
            say(banner(instance, hub.plan))
            assert hub.process is not None
            while hub.process.poll() is None:
                time.sleep(0.5)
            raise HubError(
                f"The hub ended by itself: {cause(hub.log.read_text(errors='replace'))}\nThe whole log is {hub.log}"
            )
    except KeyboardInterrupt:
        say(
            f"\nStopped; nothing is left running. Accounts and their work are still there: hub/clean.sh{_option(instance)} removes them."
        )


def _option(instance: Instance) -> str:
    return "" if instance.name == "demo" else f" --instance {instance.name}"


def banner(instance: Instance, plan: dict[str, Any]) -> str:
    """Return what a person needs to know of a hub that runs."""
    width = max(len(name) for name in plan["passwords"])
    logins = "\n".join(f"    {name:<{width}}   {password}" for name, password in plan["passwords"].items())
    data = (
        plan["course"]["data"]
        or "the small simulated files that come with the course (PHOTCOURSE_DATA=FOLDER make hub shows real ones)"
    )
    return (
        f"\nThe course is at {plan['address']} (this machine only). Log in as\n\n{logins}\n\n"
        f"  students:    Nbgrader > Assignment List; lectures are in the folder lectures/\n"
        f"  instructor:  Nbgrader > Course List > {COURSE}, or {plan['address']}services/{COURSE}/lab?formgrader=true\n"
        f"  data:        {data}\n"
        f"  logs:        {instance.state}/hub.log\n\nCtrl-C stops everything."
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="The course's JupyterHub on this machine.")
    parser.add_argument("command", choices=["run", "clean", "prepare"])
    parser.add_argument("--instance", default="demo", help="name of an instance of its own (default: demo)")
    parser.add_argument("--students", type=int, default=3)
    parser.add_argument("--port", type=int, default=8000, help="the address's port; another one where it is taken")
    parser.add_argument("--idle", type=int, default=3600, help="seconds after which an unused server is stopped")
    parser.add_argument(
        "--assignments", nargs="+", choices=source_assignments(), help="which to hand out; by default all"
    )
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", options.instance):
        parser.error("an instance's name is up to 12 small letters and digits")
    if os.geteuid() != 0:
        print(NOT_ROOT, file=sys.stderr)
        return 2
    # Of root's own it may keep from students what they are to read; what is private is made so where it is made.
    os.umask(0o022)
    instance = Instance(options.instance, options.students)
    try:
        if options.command == "prepare":
            prepare()
        elif options.command == "clean":
            clean(instance)
        else:
            serve(instance, options.assignments, options.port, options.idle)
    except HubError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before the hub was up; the same command goes on where this one was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
