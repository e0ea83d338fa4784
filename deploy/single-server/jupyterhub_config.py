"""The hub on one server: real log-ins, limits by systemd, TLS in front (Caddyfile). Settings: /etc/photcourse/hub.toml.

Not run by the course's own tests (it needs a domain, an identity provider and systemd); they check its syntax and that it
gives the same groups, roles and services as the hub that they do run.
"""

import os
import pathlib
import sys
import tomllib

sys.path.insert(0, os.environ.get("PHOTCOURSE_CONFIG", "/opt/photcourse/config"))
from photcourse_hub import Course, configure  # noqa: E402

c = get_config()  # noqa: F821 - given by traitlets
settings = tomllib.loads(pathlib.Path(os.environ.get("PHOTCOURSE_SETTINGS", "/etc/photcourse/hub.toml")).read_text(encoding="utf-8"))
course = Course(**settings["course"])
configure(c, course, idle_seconds=settings.get("idle_seconds", 3600))

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.ConfigurableHTTPProxy.command = ["/opt/photcourse/node/node_modules/.bin/configurable-http-proxy"]
c.JupyterHub.db_url = "sqlite:////var/lib/photcourse-hub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "/var/lib/photcourse-hub/cookie_secret"

# The university's log-in (pip install oauthenticator). What is not in the list of the course's people is refused.
c.JupyterHub.authenticator_class = "generic-oauth"
login = settings["login"]
c.GenericOAuthenticator.client_id = login["client_id"]
c.GenericOAuthenticator.client_secret = os.environ.get("PHOTCOURSE_CLIENT_SECRET", "")
c.GenericOAuthenticator.authorize_url = login["authorize_url"]
c.GenericOAuthenticator.token_url = login["token_url"]
c.GenericOAuthenticator.userdata_url = login["userdata_url"]
c.GenericOAuthenticator.username_claim = login.get("username_claim", "preferred_username")
c.GenericOAuthenticator.scope = ["openid", "profile"]
c.GenericOAuthenticator.oauth_callback_url = login["callback_url"]
c.Authenticator.admin_users = set(settings.get("admins", []))

# Limits that hold: one systemd unit a server (pip install jupyterhub-systemdspawner). Accounts have to exist on the machine.
c.JupyterHub.spawner_class = "systemd"
c.SystemdSpawner.cmd = [f"{course.student_env}/bin/jupyterhub-singleuser"]
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.readonly_paths = ["/opt/photcourse"]
c.SystemdSpawner.default_shell = "/bin/bash"


def before_start(spawner):
    """Give an instructor's server the list of courses."""
    spawner.environment = dict(spawner.environment)
    spawner.environment["PHOTCOURSE_ROLE"] = "instructor" if spawner.user.name in course.instructors else "student"


c.Spawner.pre_spawn_hook = before_start
