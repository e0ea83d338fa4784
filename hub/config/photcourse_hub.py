"""What every hub of a course has in common: groups, roles, the course's services, limits, idle culling.

One file for all deployments. A deployment's own ``jupyterhub_config.py`` says how people log in and how servers are
started, and calls `configure` for the rest, once for each course: what is there already (another course's, the
deployment's own) stays. A further service of a course is added with `add_service`.

Who takes part is what the settings say at each start of the hub, and nothing else: JupyterHub alone only adds to groups
(`follow_settings`).
"""

from __future__ import annotations

import csv
import hashlib
import os
import pathlib
import sys
from dataclasses import dataclass, field
from typing import Any

#: Seconds that the hub waits for a service. Where it does not start one that it shall start, it ends, and a busy machine takes minutes
#: to import a JupyterLab; for one that runs elsewhere, and may be down, nobody shall wait.
MANAGED_TIMEOUT, ELSEWHERE_TIMEOUT = 600, 5

#: Scopes of a student's or instructor's own server. The last three are of use only to an instructor: a server's token
#: never holds more than its owner does.
SERVER_SCOPES = [
    "users:activity!user",
    "access:servers!server",
    "read:users:name!user",
    "read:users:groups!user",
    "list:services",
    "read:services",
    "access:services",
]


@dataclass
class Course:
    """A course on a hub.

    Parameters
    ----------
    course_id : str
        Name of the course, of the hub's service with the formgrader, and end of the groups' names (nbgrader asks for that).
    grader : str
        Account that owns the course's files and gradebook.
    instructors, students : list of str
        Who may use the formgrader, and who takes part.
    markers : list of str
        Who marks and answers doubts on the live service's pages, and has no server of their own.
    live_port : int
        Loopback port of the live service (`live_service`); 0 for none.
    class_list : str
        A CSV file with the columns ``id`` and, where there are others than students, ``role`` (``student``, ``marker`` or ``instructor``); who is in
        it is added to those.
    groups_from_login : bool
        Whether the identity provider says who is in which group (the deployment names the claim), and not the settings.
    accounts : str
        How names become the owners of files: ``same``, ``tljh`` (jupyter-NAME) or ``derived`` (a uid made from the name).
    port : int
        Loopback port of the formgrader's service.
    root : str
        Folder of the course, below the grader's home.
    exchange : str
        nbgrader's exchange.
    data : str
        Shared folder of real data files, or nothing.
    student_env, grader_env : str
        Environments of the servers and of the service.
    """

    course_id: str
    grader: str
    instructors: list[str]
    students: list[str]
    port: int
    root: str
    exchange: str
    data: str = ""
    student_env: str = "/opt/photcourse/student"
    grader_env: str = "/opt/photcourse/grader"
    service_url: str = ""
    class_list: str = ""
    groups_from_login: bool = False
    accounts: str = "same"
    markers: list[str] = field(default_factory=list)
    live_port: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Add who is in the class list."""
        if self.class_list:
            people = read_class_list(self.class_list)
            self.students = sorted({*self.students, *(name for name, role in people.items() if role == "student")})
            self.instructors = sorted(
                {*self.instructors, *(name for name, role in people.items() if role == "instructor")}
            )
            self.markers = sorted({*self.markers, *(name for name, role in people.items() if role == "marker")})
        if self.accounts == "derived":
            uids: dict[int, str] = {}
            for name in (*self.students, *self.instructors, *self.markers):
                if uids.setdefault(derived_uid(name), name) != name:
                    raise ValueError(
                        f"{name} and {uids[derived_uid(name)]} would have one uid, so that each could hand in for the other; give one of them "
                        "another name on the hub."
                    )

    @property
    def student_group(self) -> str:
        """The hub's group of students."""
        return f"nbgrader-{self.course_id}"

    @property
    def instructor_group(self) -> str:
        """The hub's group of instructors."""
        return f"formgrade-{self.course_id}"

    @property
    def marker_group(self) -> str:
        """The hub's group of markers."""
        return f"mark-{self.course_id}"

    @property
    def live(self) -> str:
        """Name of the hub's service that grades as hand-ins arrive."""
        return f"{self.course_id}-live"

    def environment(self) -> dict[str, str]:
        """Environment variables of every server of the course."""
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR")}
        body = {
            "PHOTCOURSE_COURSE_ID": self.course_id,
            "PHOTCOURSE_EXCHANGE": self.exchange,
            "PHOTCOURSE_ACCOUNTS": self.accounts,
            **threads,
            **self.extra,
        }
        return {**body, **({"PHOTCOURSE_DATA": self.data} if self.data else {})}


#: Where a student's server has its home, in the image and on Kubernetes.
KUBERNETES_HOME = "/home/student"


def derived_uid(student: str) -> int:
    """Return a student's uid where there are no accounts, made from the name alone; the grader's ``photgrader.gradebook.exchange`` has the same rule."""
    number = int.from_bytes(hashlib.sha256(student.encode()).digest()[:8], "big")
    return 1_000_000 + number % (2**31 - 2 - 1_000_000)


def kubernetes_user(spawner: Any) -> None:
    """Give a server on Kubernetes a uid of its student's own, the name to it, and its home to that uid; a ``pre_spawn_hook``.

    nbgrader tells students apart by the owner of a file. Kubernetes' own way to make a volume writable, ``fsGroup``, would give every
    file of every volume to a group, the whole exchange too, at each start; here a container that runs first gives the home, and that alone.
    """
    name = spawner.user.name
    uid = derived_uid(name)
    spawner.uid = spawner.gid = uid
    spawner.fs_gid = None
    mounts = spawner.volume_mounts.values() if isinstance(spawner.volume_mounts, dict) else spawner.volume_mounts
    home = [mount for mount in mounts if mount["mountPath"] == KUBERNETES_HOME]
    first = {
        "name": "own-home",
        "image": spawner.image,
        "command": ["sh", "-c", f"chmod 700 {KUBERNETES_HOME} && chown {uid}:{uid} {KUBERNETES_HOME}"],
        "volumeMounts": home,
        "securityContext": {
            "runAsUser": 0,
            "runAsNonRoot": False,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "FOWNER"]},
        },
    }
    spawner.init_containers = [
        *(c for c in spawner.init_containers if not isinstance(c, dict) or c.get("name") != "own-home"),
        first,
    ]
    spawner.environment = {**spawner.environment, "HOME": KUBERNETES_HOME, "USER": name, "LOGNAME": name}


def read_class_list(path: str) -> dict[str, str]:
    """Return who is in a class list: the hub's name to ``"student"``, ``"marker"`` or ``"instructor"``.

    Raises
    ------
    ValueError
        One sentence: which line, and why.
    """
    people: dict[str, str] = {}
    with pathlib.Path(path).open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        if "id" not in (rows.fieldnames or []):
            raise ValueError(
                f"The class list {path} has no column 'id'; its first line names {', '.join(rows.fieldnames or ['nothing'])}."
            )
        for number, row in enumerate(rows, 2):
            name, role = (row["id"] or "").strip().lower(), (row.get("role") or "student").strip().lower()
            if role not in ("student", "marker", "instructor") or not name or name in people:
                raise ValueError(
                    f"Line {number} of the class list {path}: {row['id']!r}, role {role!r}. An id is there once, and a role is student, marker or "
                    "instructor."
                )
            people[name] = role
    return people


def configure(c: Any, course: Course, *, idle_seconds: int = 3600, managed_service: bool = True) -> None:
    """Configure a hub for a course, beside what is configured already.

    Parameters
    ----------
    c : traitlets.config.Config
        The hub's configuration.
    course : Course
        The course.
    idle_seconds : int
        A server that nobody used for so long is stopped, where the deployment has no idle culler of its own.
    managed_service : bool
        Whether the hub itself starts the formgrader's service (as the grader's account); on Kubernetes it is a deployment of its own.
    """
    if course.groups_from_login:
        c.Authenticator.manage_groups = True
        # The identity provider's groups also say who may log in, where its authenticator has them.
        c.OAuthenticator.allowed_groups = {
            *_there(c.OAuthenticator, "allowed_groups", set()),
            course.student_group,
            course.instructor_group,
            *([course.marker_group] if course.live_port else []),
        }
    else:
        groups = _there(c.JupyterHub, "load_groups", {})
        c.JupyterHub.load_groups = {
            **groups,
            course.student_group: _group(course, course.students),
            # The grader's account logs in nowhere; its service asks the hub which course it is of.
            course.instructor_group: _group(course, [*course.instructors, course.grader]),
            **({course.marker_group: _group(course, course.markers)} if course.live_port else {}),
        }
        c.Authenticator.allowed_users = {
            *_there(c.Authenticator, "allowed_users", set()),
            *course.instructors,
            *course.students,
            *course.markers,
        }
        # Otherwise whoever was once let in stays, whatever the settings say now.
        _unless_set(c.Authenticator, "allow_existing_users", False)
    add_service(c, formgrader_service(course, managed_service), roles(course))
    if course.live_port:
        add_service(c, live_service(course, managed_service), live_roles(course))
    if not any(
        "jupyterhub_idle_culler" in " ".join(s.get("command", [])) for s in _there(c.JupyterHub, "services", [])
    ):
        add_service(c, idle_culler(idle_seconds), [idle_culler_role()])
    # A class arrives all at once; servers start a few at a time, and the others wait their turn.
    _unless_set(c.JupyterHub, "concurrent_spawn_limit", 12)
    _unless_set(c.Spawner, "default_url", "/lab")
    _unless_set(c.Spawner, "start_timeout", 120)
    _unless_set(c.Spawner, "http_timeout", 120)
    _unless_set(c.Spawner, "mem_limit", os.environ.get("PHOTCOURSE_MEMORY", "2G"))
    _unless_set(c.Spawner, "cpu_limit", float(os.environ.get("PHOTCOURSE_CPUS", "2")))
    _unless_set(c.JupyterHub, "log_level", os.environ.get("PHOTCOURSE_HUB_LOG", "INFO"))
    _everywhere(c, course.environment())
    before = _there(c.Spawner, "pre_spawn_hook", None)
    hook = before if isinstance(before, BeforeStart) else BeforeStart(before)
    hook.courses.append(course)
    c.Spawner.pre_spawn_hook = hook
    follow_settings()


def courses_of(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the courses of a settings file: one ``[course]``, or several ``[[course]]``."""
    courses = settings["course"]
    return [courses] if isinstance(courses, dict) else courses


def student_server(
    c: Any, environment: str, settings: dict[str, Any], base: str | os.PathLike[str] = "/opt/photcourse"
) -> None:
    """Have a student's server on a machine of ours start in an environment, with the lectures and limits of ``start-server.sh``.

    Parameters
    ----------
    c : traitlets.config.Config
        The hub's configuration.
    environment : str
        Folder of the environment.
    settings : dict
        The settings file; ``memory`` and ``cpus`` are limits of a server.
    base : path
        Where the course is installed.
    """
    c.Spawner.cmd = [f"{base}/config/start-server.sh", f"{environment}/bin/jupyterhub-singleuser"]
    _everywhere(c, {"PHOTCOURSE_LECTURES": f"{base}/lectures", "PYTHONNOUSERSITE": "1"})
    for trait, name in (("mem_limit", "memory"), ("cpu_limit", "cpus")):
        if name in settings:
            setattr(c.Spawner, trait, settings[name])


def lti_login(c: Any, login: dict[str, str]) -> None:
    """Let people in by LTI 1.3, from the learning management system's own page (``jupyterhub-ltiauthenticator``).

    Parameters
    ----------
    c : traitlets.config.Config
        The hub's configuration.
    login : dict
        ``issuer``, ``authorize_url``, ``client_id``, ``jwks_endpoint`` of the system, and ``username_key``, the claim that is the hub's name.
    """
    c.JupyterHub.authenticator_class = "ltiauthenticator.lti13.auth.LTI13Authenticator"
    c.LTI13Authenticator.issuer = login["issuer"]
    c.LTI13Authenticator.authorize_url = login["authorize_url"]
    c.LTI13Authenticator.client_id = {login["client_id"]}
    c.LTI13Authenticator.jwks_endpoint = login["jwks_endpoint"]
    c.LTI13Authenticator.username_key = login.get("username_key", "email")


def add_service(c: Any, service: dict[str, Any], roles: list[dict[str, Any]]) -> None:
    """Add a service of the hub, and roles, beside those that are there; one of the same name is replaced.

    Parameters
    ----------
    c : traitlets.config.Config
        The hub's configuration.
    service : dict
        As ``c.JupyterHub.services`` has it. One with an address gets a ``timeout`` that fits, unless it has one.
    roles : list of dict
        As ``c.JupyterHub.load_roles`` has them: what the service may do, and who may use it.
    """
    if "url" in service:
        service = {"timeout": MANAGED_TIMEOUT if "command" in service else ELSEWHERE_TIMEOUT, **service}
    for trait, new in (("services", [service]), ("load_roles", roles)):
        names = {one["name"] for one in new}
        setattr(
            c.JupyterHub, trait, [*(one for one in _there(c.JupyterHub, trait, []) if one["name"] not in names), *new]
        )


def _group(course: Course, people: list[str]) -> dict[str, Any]:
    return {"users": sorted(set(people)), "properties": {"course": course.course_id}}


def _there(section: Any, name: str, nothing: Any) -> Any:
    """Return a setting that is there already; asking the section itself for it would make one."""
    value = section[name] if name in section else nothing
    # What a deployment only appended to.
    return value.get_value(nothing) if hasattr(value, "get_value") else value


def _unless_set(section: Any, name: str, value: Any) -> None:
    if _there(section, name, None) is None:
        setattr(section, name, value)


def _everywhere(c: Any, environment: dict[str, str]) -> None:
    """Add environment variables for every spawner: a subclass's own setting wins over ``c.Spawner`` as a whole, not name by name."""
    own = [name for name in c if name.endswith("Spawner") and name != "Spawner" and "environment" in c[name]]
    for name in ("Spawner", *own):
        c[name].environment = {**_there(c[name], "environment", {}), **environment}


class BeforeStart:
    """Tells a server which course it is of and whose it is; what the deployment does before a start is done first.

    Parameters
    ----------
    before : callable or None
        The deployment's own ``pre_spawn_hook``.
    """

    def __init__(self, before: Any = None) -> None:
        self.before = before
        self.courses: list[Course] = []

    async def __call__(self, spawner: Any) -> None:
        """Set the environment of one server."""
        if self.before is not None:
            from jupyterhub.utils import maybe_future

            await maybe_future(self.before(spawner))
        if place := self.marks_only(spawner.user.name, {group.name for group in spawner.user.groups}):
            from tornado.web import HTTPError

            raise HTTPError(403, f"Markers have no server of their own; the pages for marking are at {place}")
        spawner.environment = {
            **spawner.environment,
            **self.environment(spawner.user.name, {group.name for group in spawner.user.groups}),
        }

    def marks_only(self, name: str, groups: set[str]) -> str:
        """Return where somebody marks who does nothing else in any course; empty for everybody else."""
        if any(
            groups & {course.student_group, course.instructor_group} or name in (*course.students, *course.instructors)
            for course in self.courses
        ):
            return ""
        return next(
            (
                f"/services/{course.live}/"
                for course in self.courses
                if course.marker_group in groups or name in course.markers
            ),
            "",
        )

    def environment(self, name: str, groups: set[str]) -> dict[str, str]:
        """Return the variables that differ from person to person.

        In several courses, nbgrader is told of none and offers all.
        """
        theirs = [
            course
            for course in self.courses
            if groups & {course.student_group, course.instructor_group}
            or name in course.students
            or name in course.instructors
        ]
        teaches = any(course.instructor_group in groups or name in course.instructors for course in theirs)
        common = theirs[0].environment() if theirs else {}
        return {
            **common,
            "PHOTCOURSE_COURSE_ID": theirs[0].course_id if len(theirs) == 1 else "",
            "PHOTCOURSE_ROLE": "instructor" if teaches else "student",
        }


# ------------------------------------------------------------------------------------------------ who is out is out
def follow_settings() -> None:
    """Have the hub begin, each time, with the groups of its settings: JupyterHub adds to groups and never takes out.

    Who loses a place in a course's group, and may not log in any more, also loses the log-in that a browser remembers and every
    token, and with it the way to a server that still runs. Doing it twice does no harm.
    """
    from jupyterhub.app import JupyterHub

    load = JupyterHub.init_groups
    if getattr(load, "follows_settings", False):
        return

    async def init_groups(self: Any) -> None:
        _take_out(self)
        await load(self)
        _let_the_graders_in(self)

    init_groups.follows_settings = True  # type: ignore[attr-defined]
    JupyterHub.init_groups = init_groups


def _take_out(hub: Any) -> None:
    from jupyterhub import orm

    login = hub.authenticator
    if login.manage_groups:
        return
    out = set()
    for group in hub.db.query(orm.Group):
        # A course that is no longer in the settings has nobody.
        if group.name in hub.load_groups or "course" in (group.properties or {}):
            wanted = {
                login.normalize_username(name) for name in hub.load_groups.get(group.name, {"users": []})["users"]
            }
            for user in [u for u in group.users if u.name not in wanted]:
                hub.log.info("Taking %s out of the group %s", user.name, group.name)
                group.users.remove(user)
                out.add(user)
    for user in out:
        if not (user.admin or user.name in login.allowed_users or getattr(login, "allow_all", False)):
            hub.log.info("Ending what %s is logged in to", user.name)
            user.cookie_id = orm.new_token()
            for grant in [*user.api_tokens, *hub.db.query(orm.OAuthCode).filter_by(user_id=user.id)]:
                hub.db.delete(grant)
    hub.db.commit()


def _let_the_graders_in(hub: Any) -> None:
    """Put the graders' accounts, which never log in, into their groups where the identity provider fills these."""
    from jupyterhub import orm

    if not hub.authenticator.manage_groups:
        return
    hook = hub.config.Spawner.get("pre_spawn_hook")
    for course in hook.courses if isinstance(hook, BeforeStart) else []:
        user = orm.User.find(hub.db, course.grader) or orm.User(name=course.grader)
        group = orm.Group.find(hub.db, course.instructor_group) or orm.Group(name=course.instructor_group)
        hub.db.add_all([user, group])
        if user not in group.users:
            group.users.append(user)
    hub.db.commit()


# ------------------------------------------------------------------------------------------------ services and roles
def roles(course: Course) -> list[dict[str, Any]]:
    """Return who may do what: least rights with which everything works."""
    name = course.course_id
    return [
        {"name": "server", "scopes": SERVER_SCOPES},
        {
            "name": course.instructor_group,
            "groups": [course.instructor_group],
            "scopes": [f"access:services!service={name}", "list:services", f"read:services!service={name}"],
        },
        {
            "name": f"service-{name}",
            "services": [name],
            "scopes": [
                "list:groups",
                f"groups!group={course.student_group}",
                f"read:users!group={course.student_group}",
                f"read:users!group={course.instructor_group}",
            ],
        },
    ]


def formgrader_service(course: Course, managed: bool = True) -> dict[str, Any]:
    """Return the hub's service that is the formgrader: a JupyterLab of the grader's account."""
    service: dict[str, Any] = {
        "name": course.course_id,
        "url": course.service_url or f"http://127.0.0.1:{course.port}",
        "oauth_no_confirm": True,
    }
    if not managed:
        return service
    scripts = os.path.join(course.grader_env, "bin")
    return {
        **service,
        "command": [os.path.join(scripts, "jupyterhub-singleuser")],
        "user": course.grader,
        "cwd": os.path.dirname(course.root),
        "environment": {
            **course.environment(),
            "JUPYTERHUB_DEFAULT_URL": "/lab",
            "JUPYTERHUB_USER": course.grader,
            "PHOTCOURSE_COURSE_ROOT": course.root,
            "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONNOUSERSITE": "1",
        },
    }


def live_service(course: Course, managed: bool = True) -> dict[str, Any]:
    """Return the hub's service that grades hand-ins as they arrive and shows how it went (``photgrader serve``)."""
    service: dict[str, Any] = {
        "name": course.live,
        "url": f"http://127.0.0.1:{course.live_port}",
        "oauth_no_confirm": True,
        "display": True,
    }
    if not managed:
        return service
    scripts = os.path.join(course.grader_env, "bin")
    return {
        **service,
        "command": [os.path.join(scripts, "photgrader"), "serve"],
        "user": course.grader,
        "cwd": course.root,
        "environment": {
            **course.environment(),
            "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONNOUSERSITE": "1",
        },
    }


def live_roles(course: Course) -> list[dict[str, Any]]:
    """Return who may open the live service's pages; what they see there, the service decides by their groups."""
    return [
        {
            "name": course.live,
            "groups": [course.student_group, course.marker_group, course.instructor_group],
            "scopes": [
                f"access:services!service={course.live}",
                "list:services",
                f"read:services!service={course.live}",
            ],
        },
        # Its page of the class list shows whom the hub lets in; nbgrader asks which courses the grader and a student are in.
        {
            "name": f"service-{course.live}",
            "services": [course.live],
            "scopes": [
                f"read:groups!group={course.student_group}",
                f"read:users!group={course.student_group}",
                f"read:users!group={course.instructor_group}",
            ],
        },
    ]


def idle_culler(seconds: int) -> dict[str, Any]:
    """Return the service that stops servers nobody uses."""
    return {
        "name": "idle-culler",
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={seconds}",
            f"--cull-every={max(10, seconds // 10)}",
        ],
    }


def idle_culler_role() -> dict[str, Any]:
    """Return what the idle culler may do."""
    return {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
