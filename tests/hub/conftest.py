"""A hub of the tests' own: instance ``test``, made and taken away again; the browser that watches where requests go."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support import ASSIGNMENT, ROOT

sys.path.insert(0, str(ROOT / "hub"))
import localhub  # noqa: E402


@pytest.fixture(scope="session")
def accounts() -> Iterator[None]:
    """Hold the machine's accounts, which the tests of another clone use too: once, since whoever holds them would wait for himself."""
    with localhub.locked(localhub.EXCLUSIVE, name=".tests-lock"):
        yield


@pytest.fixture(scope="session")
def hub_possible(request: pytest.FixtureRequest) -> None:
    """Skip, visibly, where no hub can be started."""
    if os.geteuid() != 0:
        pytest.skip("a hub with real accounts needs root")
    for tool, package in (("chromium", "chromium"), ("bwrap", "bubblewrap")):
        if shutil.which(tool) is None:
            pytest.skip(f"{package} is not installed (tools/setup.sh tests)")
    request.getfixturevalue("accounts")


def fresh_hub(instance: localhub.Instance, **options: Any) -> localhub.RunningHub:
    """Take away what a former run left, and set up anew."""
    localhub.clean(instance)
    return localhub.set_up(instance, [ASSIGNMENT], **options)


@pytest.fixture(scope="module")
def hub(hub_possible: None) -> Iterator[localhub.RunningHub]:
    """A running hub with an instructor and three students."""
    instance = localhub.Instance("test", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTCOURSE_LIVE", "1")
        running = fresh_hub(instance)
    # The instructor collects and grades in this story: hand-ins wait for the commands.
    (instance.root / "live.toml").write_text("open = false\n")
    shutil.chown(instance.root / "live.toml", instance.grader, instance.grader)
    try:
        with running:
            yield running
            keep = ROOT / "artefacts" / "hub"
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(running.log, keep / "hub.log")
    finally:
        localhub.clean(instance)


@pytest.fixture(scope="module")
def plan(hub: localhub.RunningHub) -> dict[str, Any]:
    """What the hub was started with: addresses, passwords."""
    return json.loads((hub.instance.state / "hub.json").read_text())
