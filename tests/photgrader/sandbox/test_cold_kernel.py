"""A cold kernel: how its folders are mounted, filled and handed over before it starts; and one that is started for real, in no jail."""

from __future__ import annotations

import dataclasses
import os
import threading
import time

import pytest

from photgrader.coursedir.settings import Limits, Settings
from photgrader.sandbox import cgroups, room, session, warm_parent
from photgrader.sandbox.provisioner import SandboxProvisioner
from photgrader.sandbox.session import ColdKernel, KernelGone, Session, run_folder

SETTINGS = Settings(limits=Limits(cell_seconds=20.0, folder_mb=7, files=50), sandbox=False)


class Became(BaseException):
    """Raised in the place of becoming another program."""


@pytest.fixture
def mounted(monkeypatch):
    """What would be mounted, where only a namespace of one's own allows it."""
    found = {}
    monkeypatch.setattr(
        warm_parent, "mount", lambda source, target, kind, flags, data="": found.update({target: (kind, data)})
    )
    monkeypatch.setattr(warm_parent, "unshare", lambda flags: found.update(unshared=flags))
    monkeypatch.setattr(room.os, "getuid", lambda: 0)
    monkeypatch.setattr(room.os, "fchown", lambda *words: None)
    # It works in the run's folder, as a process of its own would.
    monkeypatch.chdir(os.getcwd())

    def execv(program, words):
        raise Became(program, words)

    monkeypatch.setattr(room.os, "execv", execv)
    return found


def handed_over(place, settings, mounted, words=("jail", "python")):
    """Start a room as a cold kernel's process does, and move a kernel in; return the kernel and what the room became."""
    kernel = object.__new__(ColdKernel)
    kernel.pid, kernel.group, kernel.rooms = os.getpid(), None, []
    became = []

    def start() -> None:
        try:
            room.main(
                str(place.work.parent), str(settings.limits.folder_mb), str(settings.limits.files), "60100", *words
            )
        except Became as found:
            became.append(found.args)
            # What another program in its place would close.
            found.__traceback__.tb_next.tb_frame.f_locals["door"].close()

    with room.listen(place.work.parent) as listener:
        thread = threading.Thread(target=start)
        thread.start()
        kernel._move_in(listener, place, settings)
    thread.join(20)
    return kernel, became


def test_a_room_is_mounted_within_limits_filled_and_becomes_the_jail(monkeypatch, mounted):
    monkeypatch.setattr(cgroups, "make", lambda limits: None)
    first = []
    monkeypatch.setattr(cgroups, "first_to_go", lambda *pids: first.extend(pids))
    filled = []
    monkeypatch.setattr(room, "fill", lambda handle, folder: filled.append((os.fstat(handle).st_ino, folder.name)))
    with run_folder({"a.txt": b"x" * 5000}) as (place, _):
        root, inodes = str(place.work.parent), [place.work.stat().st_ino, place.sockets.stat().st_ino]
        entries = room.size_of(place.work)
        kernel, became = handed_over(place, SETTINGS, mounted)
        assert became == [("jail", ("jail", "python"))] and first == [os.getpid()]
        assert filled == [(inodes[0], "work"), (inodes[1], "s")], "with a handle of the mount, not by its name"
        assert place.folder.samefile(place.work) and len(kernel.rooms) == 5
        for handle in kernel.rooms:
            os.close(handle)
    assert mounted["/"][0] == "" and mounted["unshared"] & warm_parent.NEWNS
    size = (7 << 20) + entries[0] + room.MORE_BYTES
    assert mounted[f"{root}/work"] == ("tmpfs", f"mode=0700,size={size},nr_inodes={50 + entries[1] + room.MORE_FILES}")
    assert mounted[f"{root}/tmp"][1].startswith(f"mode=1777,size={7 << 20},") and f"{root}/shm" in mounted


def test_a_kernel_that_never_comes_to_the_door_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(session, "START_SECONDS", 0.05)
    monkeypatch.setattr(cgroups, "make", lambda limits: None)
    kernel = object.__new__(ColdKernel)
    kernel.group, kernel.rooms, kernel.pid = None, [], 0
    with room.listen(tmp_path) as listener, pytest.raises(KernelGone, match="kernel died"):
        kernel._move_in(listener, None, SETTINGS)


def test_what_is_handed_in_is_copied_with_its_permissions_and_counted_in_whole_pages(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    target.mkdir()
    (source / "sub" / "f").write_bytes(b"x" * 5000)
    (source / "sub" / "f").chmod(0o640)
    (source / "sub").chmod(0o750)
    folder_size = -(-(source / "sub").stat().st_size // 4096) * 4096
    assert room.size_of(source) == (folder_size + 4096 + 8192 + 4096, 2)
    handle = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    room.fill(handle, source)
    os.close(handle)
    copied = target / "sub" / "f"
    assert copied.read_bytes() == b"x" * 5000 and copied.stat().st_mode & 0o777 == 0o640
    assert (target / "sub").stat().st_mode & 0o777 == 0o750 and copied.stat().st_uid == os.getuid()


def test_a_kernel_in_no_jail_is_started_runs_and_ends():
    with run_folder({"given.txt": b"given"}) as (place, uid):
        kernel = ColdKernel(place, uid, SETTINGS)
        try:
            running = Session(kernel, place, SETTINGS, time.monotonic() + 120)
            running.wait_ready()
            assert kernel.alive() and kernel.rooms == [] and not kernel.has_probe
            assert (
                running.run("from pathlib import Path; Path('given.txt').read_text()").outputs[0].data["text/plain"]
                == "'given'"
            )
            running.close()
        finally:
            kernel._end()
        assert not kernel.alive()


def test_a_kernel_s_command_is_put_behind_the_room_and_the_jail(monkeypatch, tmp_path):
    import asyncio

    from photgrader.sandbox import provisioner

    asked = []

    async def launch(self, command, **named):
        asked.append((command, named))

    monkeypatch.setattr(provisioner.LocalProvisioner, "launch_kernel", launch)
    monkeypatch.setattr(
        provisioner,
        "jail_command",
        lambda command, place, limits, **how: ["jail", str(place.work), how["python"], *command],
    )
    made = SandboxProvisioner(
        work=str(tmp_path / "w" / "work"),
        sockets=str(tmp_path / "w" / "s"),
        uid=60123,
        python="/py",
        limits=dataclasses.replace(SETTINGS.limits),
    )
    asyncio.run(made.launch_kernel(["kernel"], env={"SECRET": "x"}, cwd="/course"))
    [(command, named)] = asked
    at = command.index(room.__file__)
    assert command[at + 1 : at + 4] == [str(tmp_path / "w"), "7", "50"]
    assert command[at + 5 :] == ["jail", str(tmp_path / "w" / "work"), "/py", "kernel"]
    assert named["cwd"] == "/" and set(named["env"]) == {"PATH"}, "nothing else of the grader's environment"
