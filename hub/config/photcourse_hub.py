"""What every hub of the course has in common: groups, roles, the course's service, limits, idle culling.

One file for all deployments. A deployment's own ``jupyterhub_config.py`` says how people log in and how servers are
started, and calls `configure` for the rest.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Any

#: Scopes of a student's or instructor's own server. The last three are of use only to an instructor: a server's token
#: never holds more than its owner does.
SERVER_SCOPES = ["users:activity!user", "access:servers!server", "read:users:name!user", "read:users:groups!user",
                 "list:services", "read:services", "access:services"]


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
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def student_group(self) -> str:
        """The hub's group of students."""
        return f"nbgrader-{self.course_id}"

    @property
    def instructor_group(self) -> str:
        """The hub's group of instructors."""
        return f"formgrade-{self.course_id}"

    def environment(self) -> dict[str, str]:
        """Environment variables of every server of the course."""
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR")}
        body = {"PHOTCOURSE_COURSE_ID": self.course_id, "PHOTCOURSE_EXCHANGE": self.exchange, **threads, **self.extra}
        return {**body, **({"PHOTCOURSE_DATA": self.data} if self.data else {})}


def configure(c: Any, course: Course, *, idle_seconds: int = 3600, managed_service: bool = True) -> None:
    """Configure a hub for the course.

    Parameters
    ----------
    c : traitlets.config.Config
        The hub's configuration.
    course : Course
        The course.
    idle_seconds : int
        A server that nobody used for so long is stopped.
    managed_service : bool
        Whether the hub itself starts the formgrader's service (as the grader's account); on Kubernetes it is a deployment of its own.
    """
    people = sorted({*course.instructors, *course.students})
    c.Authenticator.allowed_users = set(people)
    c.JupyterHub.load_groups = {course.student_group: {"users": sorted(course.students)},
                                # The grader's account logs in nowhere; its service asks the hub which course it is of.
                                course.instructor_group: {"users": sorted([*course.instructors, course.grader])}}
    c.JupyterHub.load_roles = [*roles(course), idle_culler_role()]
    c.JupyterHub.services = [formgrader_service(course, managed_service), idle_culler(idle_seconds)]
    # A class arrives all at once; servers start a few at a time, and the others wait their turn.
    c.JupyterHub.concurrent_spawn_limit = 12
    c.JupyterHub.active_server_limit = 200
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = 120
    c.Spawner.http_timeout = 120
    c.Spawner.mem_limit = os.environ.get("PHOTCOURSE_MEMORY", "2G")
    c.Spawner.cpu_limit = float(os.environ.get("PHOTCOURSE_CPUS", "2"))
    c.Spawner.environment = course.environment()
    c.JupyterHub.log_level = os.environ.get("PHOTCOURSE_HUB_LOG", "INFO")


def roles(course: Course) -> list[dict[str, Any]]:
    """Return who may do what: least rights with which everything works."""
    name = course.course_id
    return [
        {"name": "server", "scopes": SERVER_SCOPES},
        {"name": course.instructor_group, "groups": [course.instructor_group],
         "scopes": [f"access:services!service={name}", "list:services", f"read:services!service={name}"]},
        {"name": f"service-{name}", "services": [name],
         "scopes": ["list:groups", f"groups!group={course.student_group}", f"read:users!group={course.student_group}",
                    f"read:users!group={course.instructor_group}"]},
    ]


def formgrader_service(course: Course, managed: bool = True) -> dict[str, Any]:
    """Return the hub's service that is the formgrader: a JupyterLab of the grader's account."""
    service: dict[str, Any] = {"name": course.course_id, "url": course.service_url or f"http://127.0.0.1:{course.port}", "oauth_no_confirm": True}
    if not managed:
        return service
    scripts = os.path.join(course.grader_env, "bin")
    return {**service, "command": [os.path.join(scripts, "jupyterhub-singleuser")], "user": course.grader,
            "cwd": os.path.dirname(course.root),
            "environment": {**course.environment(), "JUPYTERHUB_DEFAULT_URL": "/lab", "JUPYTERHUB_USER": course.grader,
                            "PHOTCOURSE_COURSE_ROOT": course.root, "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin",
                            "PYTHONNOUSERSITE": "1"}}


def idle_culler(seconds: int) -> dict[str, Any]:
    """Return the service that stops servers nobody uses."""
    return {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={seconds}",
                                               f"--cull-every={max(10, seconds // 10)}"]}


def idle_culler_role() -> dict[str, Any]:
    """Return what the idle culler may do."""
    return {"name": "idle-culler", "services": ["idle-culler"],
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"]}
