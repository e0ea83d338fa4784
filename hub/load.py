"""A class at once: students fetch, check and submit through the hub's own addresses; loopback only, nothing lost.

Every student has an account, a server of their own and a token that may use that server and nothing else. They log in
first (servers start); then, within the window, each fetches the assignment, validates the notebook (a kernel runs it)
and submits. In the end the instructor's side is looked at: everybody's submission has to be in the exchange, whole.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import json
import pathlib
import random
import secrets
import statistics
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import localhub  # noqa: E402

SCOPES = ["admin:servers", "access:servers", "tokens", "read:users", "admin:users"]


class Api:
    """Requests to one hub, timed by kind."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address.rstrip("/"), token
        self.seconds: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def ask(self, kind: str, method: str, path: str, body: Any = None, token: str = "", timeout: float = 300.0) -> Any:
        """Send one request; return its answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method)
        request.add_header("Authorization", f"token {token or self.token}")
        request.add_header("Content-Type", "application/json")
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        with self._lock:
            self.seconds.setdefault(kind, []).append(time.perf_counter() - started)
        return json.loads(text) if text else None


def start_server(api: Api, name: str) -> str:
    """Start a student's server and return a token for it."""
    started = time.perf_counter()
    token = api.ask(
        "token", "POST", f"/hub/api/users/{name}/tokens", {"note": "load", "scopes": ["access:servers!user"]}
    )["token"]
    for _ in range(20):
        try:
            api.ask("ask for a server", "POST", f"/hub/api/users/{name}/server")
            break
        except urllib.error.HTTPError as problem:
            # The hub starts a few at a time and asks the others to come again.
            if problem.code != 429:
                raise
            time.sleep(float(problem.headers.get("Retry-After", 3)) + random.random())
    deadline = time.monotonic() + 600
    while not api.ask("look", "GET", f"/hub/api/users/{name}").get("server"):
        if time.monotonic() > deadline:
            raise localhub.HubError(f"The server of {name} did not start.")
        time.sleep(1.0)
    api.seconds.setdefault("server ready", []).append(time.perf_counter() - started)
    return str(token)


def work(api: Api, name: str, token: str, assignment: str, wait: float) -> dict[str, Any]:
    """Fetch, check and submit as one student; begin after `wait` seconds."""
    time.sleep(wait)
    base = f"/user/{name}"
    asked = {"course_id": localhub.COURSE, "assignment_id": assignment}
    query = "?" + urllib.parse.urlencode(asked)
    api.ask("list", "GET", f"{base}/assignments?course_id={localhub.COURSE}", token=token)
    fetched = api.ask("fetch", "POST", f"{base}/assignments/fetch{query}", {}, token=token)
    path = f"{localhub.COURSE}/{assignment}/{assignment}.ipynb"
    opened = api.ask("open", "GET", f"{base}/api/contents/{path}", token=token)
    answered = {"type": "notebook", "content": answer(opened["content"], assignment)}
    api.ask("save", "PUT", f"{base}/api/contents/{path}", answered, token=token)
    checked = api.ask("check", "POST", f"{base}/assignments/validate", {"path": path}, token=token)
    submitted = api.ask("submit", "POST", f"{base}/assignments/submit{query}", {}, token=token)
    return {
        "student": name,
        "fetched": bool(fetched["success"]),
        "checked": bool(checked["success"]),
        "submitted": bool(submitted["success"]),
        "end": time.perf_counter(),
    }


def answer(notebook: dict[str, Any], assignment: str) -> dict[str, Any]:
    """Return a fetched notebook with every function written, as the instructor's own solution has it."""
    source = json.loads((localhub.ROOT / "source" / assignment / f"{assignment}.ipynb").read_text(encoding="utf-8"))
    solutions = {
        c["metadata"]["nbgrader"]["grade_id"]: "".join(c["source"])
        for c in source["cells"]
        if c["cell_type"] == "code" and c["metadata"].get("nbgrader", {}).get("solution")
    }
    for cell in notebook["cells"]:
        text = solutions.get(cell["metadata"].get("nbgrader", {}).get("grade_id"))
        if text is not None:
            cell["source"] = "\n".join(
                line for line in text.splitlines() if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")
            )
    return notebook


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def measure(hub: localhub.RunningHub, token: str, assignment: str, spread: float) -> dict[str, Any]:
    """Let all students of a running hub work; return figures."""
    api = Api(hub.plan["address"], token)
    names = hub.plan["course"]["students"]
    for name in names:
        try:
            api.ask("account", "POST", f"/hub/api/users/{name}", {})
        except urllib.error.HTTPError as problem:
            if problem.code != 409:
                raise
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        began = time.perf_counter()
        tokens = dict(zip(names, pool.map(lambda n: start_server(api, n), names), strict=True))
        logged_in = time.perf_counter() - began
        began = time.perf_counter()
        waits = [spread * i / max(1, len(names)) for i in range(len(names))]
        done = list(
            pool.map(lambda job: work(api, job[0], tokens[job[0]], assignment, job[1]), zip(names, waits, strict=True))
        )
    took = max(d.pop("end") for d in done) - began
    lost = [n for n in names if not _handed_in(hub, n, assignment)]
    latency = {
        kind: {
            "n": len(v),
            "median_s": round(statistics.median(v), 3),
            "p95_s": round(percentile(v, 0.95), 3),
            "max_s": round(max(v), 3),
        }
        for kind, v in api.seconds.items()
        if kind in ("server ready", "list", "fetch", "open", "save", "check", "submit")
    }
    return {
        "students": len(names),
        "assignment": assignment,
        "servers_started_s": round(logged_in, 1),
        "window_s": spread,
        "all_done_s": round(took, 1),
        "failed": [d for d in done if not all((d["fetched"], d["checked"], d["submitted"]))],
        "lost": lost,
        "latency": latency,
        "memory_mb_per_student": round(_memory(hub) / len(names), 1),
    }


def _handed_in(hub: localhub.RunningHub, student: str, assignment: str) -> bool:
    inbound = pathlib.Path(hub.plan["course"]["exchange"]) / localhub.COURSE / "inbound"
    found = list(inbound.glob(f"{student}+{assignment}+*"))
    home = hub.instance.state / "home" / student / localhub.COURSE / assignment / f"{assignment}.ipynb"
    return len(found) == 1 and (found[0] / f"{assignment}.ipynb").read_bytes() == home.read_bytes()


def _memory(hub: localhub.RunningHub) -> float:
    """Return the megabytes that the students' processes hold for themselves, shared parts counted once."""
    import pwd

    uids = {pwd.getpwnam(n).pw_uid for n in hub.plan["course"]["students"]}
    total = 0
    for pid in localhub.processes_of(hub.instance.state):
        try:
            place = pathlib.Path(f"/proc/{pid}")
            if place.stat().st_uid in uids:
                total += sum(
                    int(line.split()[1])
                    for line in (place / "smaps_rollup").read_text().splitlines()
                    if line.startswith("Pss:")
                )
        except OSError:
            continue
    return total / 1024


def run(students: int, assignment: str, spread: float, name: str = "load") -> dict[str, Any]:
    """Start a hub of its own, measure, and take it away again."""
    import os

    instance = localhub.Instance(name, students)
    localhub.clean(instance)
    token = secrets.token_hex(32)
    hub = localhub.set_up(instance, [assignment], tokens={"load": (token, SCOPES)})
    try:
        with hub:
            before = os.getloadavg()[0]
            figures = measure(hub, token, assignment, spread)
            return {
                "when": datetime.date.today().isoformat(),
                "processors": os.cpu_count(),
                "load_before": round(before, 1),
                **figures,
            }
    finally:
        localhub.clean(instance)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--assignment", default="ps1_psf_photometry")
    parser.add_argument("--spread", type=float, default=60.0, help="seconds over which the students begin")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here")
    options = parser.parse_args()
    try:
        figures = run(options.students, options.assignment, options.spread)
    except localhub.HubError as problem:
        print(problem, file=sys.stderr)
        return 1
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    return 1 if figures["lost"] or figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
