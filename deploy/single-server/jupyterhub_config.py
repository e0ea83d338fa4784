"""The hub on one server: real log-ins, limits by systemd, TLS in front (Caddyfile). Settings: /etc/photcourse/hub.toml.

Not run where it was written (it needs a domain, an identity provider and systemd). The course's tests evaluate it, ask JupyterHub's own
classes and SystemdSpawner what they make of it, and check the unit with systemd-analyze.
"""

import os
import pathlib
import sys
import tomllib

sys.path.insert(0, os.environ.get("PHOTCOURSE_CONFIG", "/opt/photcourse/config"))
from photcourse_hub import Course, configure, courses_of, lti_login, student_server  # noqa: E402

c = get_config()  # noqa: F821 - given by traitlets
settings = tomllib.loads(
    pathlib.Path(os.environ.get("PHOTCOURSE_SETTINGS", "/etc/photcourse/hub.toml")).read_text(encoding="utf-8")
)
base = pathlib.Path(os.environ.get("PHOTCOURSE_HUB_DIR", "/opt/photcourse"))
# Environments have a folder for each version, and the names in /opt/photcourse show the newest. What is started now stays with what is
# newest now: an upgrade changes nothing under a server that runs.
environments = {"student_env": str((base / "student").resolve()), "grader_env": str((base / "grader").resolve())}
for people in courses_of(settings):
    configure(c, Course(**{**environments, **people}), idle_seconds=settings.get("idle_seconds", 3600))
student_server(c, environments["student_env"], settings, base)

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.ConfigurableHTTPProxy.command = [f"{base}/node/node_modules/.bin/configurable-http-proxy"]
c.JupyterHub.db_url = "sqlite:////var/lib/photcourse-hub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "/var/lib/photcourse-hub/cookie_secret"
# A restart of the hub is a matter of seconds, and servers go on meanwhile: each is a systemd unit of its own.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.upgrade_db = True
c.Authenticator.admin_users = set(settings.get("admins", []))

# The university's log-in (pip install oauthenticator), or the learning management system's by LTI 1.3 (pip install
# jupyterhub-ltiauthenticator). What is not in the list of the course's people is refused.
login = settings["login"]
if login.get("kind") == "lti":
    lti_login(c, login)
else:
    c.JupyterHub.authenticator_class = "generic-oauth"
    c.GenericOAuthenticator.client_id = login["client_id"]
    c.GenericOAuthenticator.client_secret = os.environ.get("PHOTCOURSE_CLIENT_SECRET", "")
    c.GenericOAuthenticator.authorize_url = login["authorize_url"]
    c.GenericOAuthenticator.token_url = login["token_url"]
    c.GenericOAuthenticator.userdata_url = login["userdata_url"]
    c.GenericOAuthenticator.username_claim = login.get("username_claim", "preferred_username")
    c.GenericOAuthenticator.scope = [
        "openid",
        "profile",
        *([login["groups_scope"]] if login.get("groups_scope") else []),
    ]
    c.GenericOAuthenticator.oauth_callback_url = login["callback_url"]
    if login.get("groups_claim"):
        # For courses with groups_from_login = true.
        c.GenericOAuthenticator.auth_state_groups_key = f"oauth_user.{login['groups_claim']}"
        c.GenericOAuthenticator.enable_auth_state = True

# Limits that hold: one systemd unit a server (pip install jupyterhub-systemdspawner). Accounts have to exist on the machine.
c.JupyterHub.spawner_class = "systemd"
c.SystemdSpawner.extra_paths = [f"{environments['student_env']}/bin"]
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.readonly_paths = [str(base)]
c.SystemdSpawner.default_shell = "/bin/bash"
