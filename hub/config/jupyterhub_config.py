"""The hub on this machine (`make hub`): real Linux users, the course of ``hub.json``."""

import json
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from photcourse_hub import Course, add_service, configure  # noqa: E402

c = get_config()  # noqa: F821 - given by traitlets
state = pathlib.Path(os.environ["PHOTCOURSE_HUB_STATE"])
plan = json.loads((state / "hub.json").read_text(encoding="utf-8"))
course = Course(**plan["course"])
configure(c, course, idle_seconds=plan["idle_seconds"])

c.JupyterHub.bind_url = f"http://127.0.0.1:{plan['ports']['public']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{plan['ports']['hub']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{plan['ports']['proxy']}"
c.ConfigurableHTTPProxy.command = [plan["proxy"]]
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.pid_file = str(state / "jupyterhub.pid")
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# The accounts of the machine, with the passwords that hub/run.sh made; PAM is what a department's server uses too.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = [plan["start_server"], os.path.join(course.student_env, "bin", "jupyterhub-singleuser")]
c.Spawner.args = ["--ServerApp.ip=127.0.0.1"]
c.Spawner.env_keep = ["LANG", "LC_ALL"]
c.Spawner.environment = {
    **c.Spawner.environment,
    "PHOTCOURSE_LECTURES": plan["lectures"],
    "PYTHONNOUSERSITE": "1",
    "PATH": f"{course.student_env}/bin:/usr/local/bin:/usr/bin:/bin",
}
if plan.get("service_tokens"):
    for name, (token, scopes) in plan["service_tokens"].items():
        add_service(c, {"name": name, "api_token": token}, [{"name": name, "services": [name], "scopes": scopes}])
