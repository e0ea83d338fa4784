"""The Littlest JupyterHub's part of the course; deploy/tljh/install.sh puts it into /opt/tljh/config/jupyterhub_config.d/.

TLJH starts servers by systemd as the accounts ``jupyter-NAME``, with its own log-in, certificate, idle culler and limits; the
course adds its groups, roles, service and environment. Whoever is not in the class list logs in only if ``tljh-config set users.allowed``
names them. The course's tests evaluate TLJH's own configuration with this file in it (PHOTCOURSE_TLJH).
"""

import os
import pathlib
import sys
import tomllib

sys.path.insert(0, os.environ.get("PHOTCOURSE_CONFIG", "/opt/photcourse/config"))
from photcourse_hub import Course, configure, courses_of, student_server  # noqa: E402

c = get_config()  # noqa: F821 - given by traitlets
settings = tomllib.loads(
    pathlib.Path(os.environ.get("PHOTCOURSE_SETTINGS", "/etc/photcourse/hub.toml")).read_text(encoding="utf-8")
)
for people in courses_of(settings):
    configure(
        c,
        Course(**{**people, "student_env": "/opt/tljh/user", "accounts": "tljh"}),
        idle_seconds=settings.get("idle_seconds", 3600),
    )
student_server(c, "/opt/tljh/user", settings)
# Where tljh-config names nobody, TLJH lets everybody in with a password of their own choice.
c.FirstUseAuthenticator.allow_all = False
