"""A JupyterHub of the tests' own without accounts: everybody has one password, and servers are plain processes of the one who tests."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from support import ROOT

PASSWORD = "x" * 12
TOKEN = secrets.token_hex(32)
PROXY = ROOT / ".venv" / "node" / "node_modules" / ".bin" / "configurable-http-proxy"
BASE = """
import sys
sys.path.insert(0, {config!r})
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = [{command!r}]
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.JupyterHub.services = [{{"name": "watch", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "watch", "services": ["watch"], "scopes": ["admin:groups", "admin:users", "admin:servers", "tokens", "list:services", "read:services"]}}]
"""


class SmallHub:
    """A hub that runs, as those who use it see it."""

    def __init__(self, address: str, log: pathlib.Path) -> None:
        self.address, self.log = address, log

    def api(self, path: str, method: str = "GET", token: str = TOKEN, body: Any = None) -> Any:
        """Ask the hub's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/hub/api{path}", method=method, data=data, headers={"Authorization": f"token {token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def groups(self) -> dict[str, list[str]]:
        """Return who is in which group."""
        return {g["name"]: sorted(g["users"]) for g in self.api("/groups")}


class Person:
    """A browser of one person, with its cookies."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, hub: SmallHub, path: str) -> int:
        """Return the status of a page."""
        try:
            with self.opener.open(hub.address + path, timeout=60) as answer:
                return 401 if "/hub/login" in answer.url else answer.status
        except urllib.error.HTTPError as problem:
            return problem.code

    def log_in(self, hub: SmallHub) -> int:
        """Log in; return the status."""
        with self.opener.open(f"{hub.address}/hub/login", timeout=60) as answer:
            found = re.search(r'name="_xsrf" value="([^"]+)"', answer.read().decode())
        assert found is not None
        body = urllib.parse.urlencode({"username": self.name, "password": PASSWORD, "_xsrf": found[1]}).encode()
        try:
            with self.opener.open(f"{hub.address}/hub/login?next=%2Fhub%2Fhome", data=body, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as problem:
            return problem.code

    def opens_the_service(self, hub: SmallHub, name: str) -> bool:
        """Tell whether the hub lets the person into a service."""
        query = urllib.parse.urlencode(
            {
                "client_id": f"service-{name}",
                "response_type": "code",
                "redirect_uri": f"/services/{name}/oauth_callback",
                "state": "x",
            }
        )
        try:
            with self.opener.open(f"{hub.address}/hub/api/oauth2/authorize?{query}", timeout=60) as answer:
                address = answer.url
        except urllib.error.HTTPError as problem:
            # Let in by the hub, and nothing listens at the service's address; or not let in.
            address = problem.url
        return urllib.parse.urlsplit(address).path.endswith("/oauth_callback")


@contextlib.contextmanager
def small_hub(folder: pathlib.Path, config: str) -> Iterator[SmallHub]:
    """Run a hub with a configuration added to `BASE`; its database in `folder` outlives it."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    public, hub, proxy = (s.getsockname()[1] for s in sockets)
    for one in sockets:
        one.close()
    text = BASE.format(
        config=str(ROOT / "hub" / "config"),
        password=PASSWORD,
        public=public,
        hub=hub,
        proxy=proxy,
        command=str(PROXY),
        folder=folder,
        token=TOKEN,
    )
    (folder / "jupyterhub_config.py").write_text(text + config)
    log = folder / "hub.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [str(ROOT / ".venv" / "bin" / "jupyterhub"), "-f", str(folder / "jupyterhub_config.py")],
            cwd=folder,
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "z" * 32, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"},
        )
    running = SmallHub(f"http://127.0.0.1:{public}", log)
    try:
        deadline = time.monotonic() + 300
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{running.address}/hub/api/", timeout=5):
                break
            time.sleep(0.3)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        # A hub that had to be killed leaves its proxy.
        with contextlib.suppress(OSError, ValueError):
            number = int((folder / "jupyterhub-proxy.pid").read_text())
            if b"configurable-http-proxy" in pathlib.Path(f"/proc/{number}/cmdline").read_bytes():
                os.kill(number, signal.SIGTERM)
