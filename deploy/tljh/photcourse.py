"""The Littlest JupyterHub: copy to /opt/tljh/config/jupyterhub_config.d/, then `sudo tljh-config reload`.

TLJH starts servers by systemd as the accounts ``jupyter-NAME``, with its own log-in and certificate; the course adds its
groups, roles, service and environment. Install `photcourse` and nbgrader in TLJH's user environment, and the grader's
environment with ``tools/setup.sh hub && python3 hub/localhub.py prepare``. Not run by the course's own tests.
"""

import os
import pathlib
import sys
import tomllib

sys.path.insert(0, os.environ.get("PHOTCOURSE_CONFIG", "/opt/photcourse/config"))
from photcourse_hub import Course, configure  # noqa: E402

c = get_config()  # noqa: F821 - given by traitlets
settings = tomllib.loads(pathlib.Path(os.environ.get("PHOTCOURSE_SETTINGS", "/etc/photcourse/hub.toml")).read_text(encoding="utf-8"))
course = Course(**{**settings["course"], "student_env": "/opt/tljh/user"})
configure(c, course, idle_seconds=settings.get("idle_seconds", 3600))


def before_start(spawner):
    """Give an instructor's server the list of courses."""
    spawner.environment = dict(spawner.environment)
    spawner.environment["PHOTCOURSE_ROLE"] = "instructor" if spawner.user.name in course.instructors else "student"


c.Spawner.pre_spawn_hook = before_start
