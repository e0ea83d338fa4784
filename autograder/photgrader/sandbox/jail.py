"""The jail that student code runs in: a bubblewrap command line.

No network, no sight of the course, the gradebook, other students or the grader's files; system and Python
read-only; a private home and temporary folder; only the submission's own folder writable; limits on
processes, memory, file size and processor time. In this command line namespaces are bubblewrap's, limits are
`prlimit`'s, the change of user is `setpriv`'s; the further namespaces of a warm kernel are our own (`warm_parent`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
from dataclasses import dataclass

from photgrader.coursedir.packages import package_folder, packages_in_use
from photgrader.coursedir.settings import Limits, SettingsError
from photgrader.sandbox import seccomp

#: Where the submission's folder appears inside.
WORK = "/home/student/work"
#: Where the data folder of a hub appears inside: not in the home, which each kernel of a warm parent mounts anew.
DATA = "/photcourse-data"
#: Root hands a submission to a user of its own from this range, so that process limits bind.
FIRST_UID = 60100
#: What a students' Python must have of its own.
NEEDED = ("numpy", "ipykernel")
MEND_PYTHON = (
    "nothing was graded. Mend the setting `python` in photgrader.toml, or remove it for the grader's own Python."
)


#: What bubblewrap keeps apart for every kernel, cold ones and the parent of warm ones.
APART = (
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--clearenv"),
    *("--hostname", "grading", "--proc", "/proc", "--dev", "/dev"),
)
#: What no submission writes to though an ordinary grader's would own it, and with warm kernels share it with the next.
SEALED = ["--remount-ro", "/dev", "--remount-ro", "/"]


class SandboxMissing(Exception):
    """The sandbox cannot be used here; the text says why and how to mend it."""


@dataclass
class RunFolders:
    """Folders of one jailed run, on the host.

    `work` is what was handed in, for the submission's folder (writable inside, as `WORK`), `sockets` holds the kernel's sockets
    and connection file (writable inside, same path). Kernels have folders of limited size mounted over them where they run
    (`photgrader.sandbox.room`), of which `hold` keeps the last kernel's.
    """

    work: pathlib.Path
    sockets: pathlib.Path
    _handle: int = -1

    @property
    def folder(self) -> pathlib.Path:
        """The submission's folder as its last kernel has it, or left it."""
        return pathlib.Path(f"/proc/self/fd/{self._handle}") if self._handle >= 0 else self.work

    def hold(self, handle: int) -> None:
        """Keep a kernel's folder, and let go of the kernel's before it; -1: of all."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = handle


def _tool(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if path is None:
        package = {"bwrap": "bubblewrap"}.get(name, "util-linux")
        raise SandboxMissing(
            f"Grading needs {name}, which is not installed; install it (Debian: apt-get install {package}) "
            "and grade again."
        )
    return path


@functools.cache
def require_sandbox() -> None:
    """Make sure that the jail works on this machine.

    Raises
    ------
    SandboxMissing
        One sentence that says what is missing and how to mend it.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxMissing("Grading needs Linux: the sandbox is made of Linux namespaces. Grade on a Linux machine.")
    command = [_tool("bwrap"), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]
    _tool("prlimit"), _tool("setpriv")
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SandboxMissing(
            f"Grading needs user namespaces, which this machine does not allow ({reason}); allow them (sysctl "
            "kernel.unprivileged_userns_clone=1, or in a container seccomp=unconfined) and grade again."
        )


def _existing(*paths: str) -> list[str]:
    return [p for p in paths if os.path.exists(p)]


def _asked_python(python: str, code: str) -> list[str]:
    """Return the lines that a students' Python prints.

    Raises
    ------
    SettingsError
        It cannot be run.
    """
    try:
        return subprocess.run(
            [python, "-I", "-c", code], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SettingsError(
            f"The students' Python, {python}, cannot be run ({problem.__class__.__name__}); {MEND_PYTHON}"
        ) from problem


def require_python(python: str) -> None:
    """Make sure that kernels of the students' Python can start, before a class of them does not.

    Raises
    ------
    SettingsError
        It cannot be run, or lacks what a kernel needs.
    """
    if python:
        missing = _asked_python(
            python, f"import importlib.util as u\nfor n in {NEEDED}:\n    if u.find_spec(n) is None: print(n)"
        )
        if missing:
            raise SettingsError(
                f"The students' Python, {python}, lacks {', '.join(missing)}, without which there is no kernel; {MEND_PYTHON}"
            )


def _python_folders(python: str) -> list[str]:
    """Return the folders that a Python needs: its environment, its base installation."""
    # Not `realpath`: the Pythons of two environments are links to the same program.
    if not python or os.path.abspath(python) == os.path.abspath(sys.executable):
        found = {sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    else:
        found = set(_asked_python(python, "import sys; print(sys.prefix); print(sys.base_prefix)"))
    roots = sorted(os.path.realpath(f) for f in found)
    return [f for f in roots if not any(f != r and f.startswith(r + os.sep) for r in roots) and f not in ("/usr", "/")]


def require_readable(folder: pathlib.Path, *patterns: str) -> None:
    """Make sure that kernels, which root starts as other users, can read a folder and what in it fits patterns.

    Made under a umask that keeps everything from others (077, or 027 as on many servers), Python starts as root and lets students'
    code import nothing later.

    Raises
    ------
    SandboxMissing
        They cannot.
    """
    if os.geteuid() != 0:
        return
    for path in (folder, *(path for pattern in patterns for path in folder.glob(pattern))):
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
            asked = 0o5 if stat.S_ISDIR(mode) else 0o4
            if mode & asked != asked:
                raise SandboxMissing(
                    f"Students' code runs as a user of its own, who may not read {path} (made under a umask such as 077?); "
                    f"run `chmod -R o+rX {shlex.quote(str(folder))}` and grade again."
                )


def _inside(path: pathlib.Path, folders: list[str]) -> bool:
    return any(str(path).startswith(f + os.sep) for f in folders)


def _mounts(place: RunFolders, python: str, data: str) -> list[str]:
    mounts: list[str] = []
    for folder in _existing("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        mounts += (
            ["--symlink", os.readlink(folder), folder] if os.path.islink(folder) else ["--ro-bind", folder, folder]
        )
    for path in _existing(
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/alternatives",
        "/etc/fonts",
        "/etc/localtime",
        "/etc/mime.types",
        "/etc/nsswitch.conf",
    ):
        mounts += ["--ro-bind", path, path]
    folders = _python_folders(python)
    for folder in folders:
        require_readable(pathlib.Path(folder), "bin", "lib", "lib/python3*", "lib/python3*/site-packages/*")
        mounts += ["--ro-bind", folder, folder]
    named = os.path.dirname(os.path.dirname(os.path.abspath(python))) if python else ""
    if named and os.path.realpath(named) in folders and os.path.realpath(named) != named:
        # An environment by a name that shows its newest version, as a hub has it.
        mounts += ["--symlink", os.path.realpath(named), named]
    for name in ("photcheck", *packages_in_use().own):
        package = package_folder(name)
        if package is not None and not _inside(package, [*folders, "/usr"]):
            # An editable installation: its parent folder is on the path of modules.
            require_readable(package, "*")
            mounts += ["--ro-bind", str(package), str(package)]
    secret = package_folder("photgrader")
    if secret is not None and _inside(secret, [*folders, "/usr"]):
        mounts += ["--tmpfs", str(secret)]
    if data and os.path.isdir(data):
        require_readable(pathlib.Path(data), "*")
        mounts += ["--ro-bind", os.path.realpath(data), DATA]
    mounts += ["--bind", str(place.sockets), str(place.sockets), "--bind", str(place.work), WORK]
    return _open_parents(mounts) + mounts


def _open_parents(mounts: list[str]) -> list[str]:
    """Make the folders above every mount point, so that the jail's user can pass through them.

    bubblewrap alone gives a folder that it makes above a private one, such as root's home, to root only.
    """
    made: list[str] = []
    targets = [mounts[i + 2] for i, word in enumerate(mounts) if word in ("--ro-bind", "--bind")]
    parents = {str(p) for target in targets for p in pathlib.PurePosixPath(target).parents if str(p) != "/"}
    there = ("/usr", "/etc", "/home", "/bin", "/lib", "/lib64", "/sbin")
    for parent in sorted(parents - {"/tmp"}):
        if not any(parent == t or parent.startswith(t + "/") for t in there) and parent not in targets:
            made += ["--perms", "0755", "--dir", parent]
    return made


def _fonts() -> list[str]:
    """Share matplotlib's list of fonts: without it every cold kernel spends seconds on making one."""
    import matplotlib

    found = sorted(pathlib.Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))
    return ["--ro-bind", str(found[-1]), f"/home/student/.cache/matplotlib/{found[-1].name}"] if found else []


def jail_command(
    command: list[str],
    place: RunFolders,
    limits: Limits,
    *,
    uid: int,
    python: str = "",
    data: str = "",
    seconds: float | None = None,
) -> list[str]:
    """Return the command line that runs `command` in the jail.

    Parameters
    ----------
    command : list of str
        What to run inside.
    place : RunFolders
        The run's folders.
    limits : Limits
        Limits per process; those on the whole run are kept by `photgrader.sandbox.cgroups`, `room` and `watch`.
    uid : int
        User to run as, where the grader is root; otherwise the grader's own user runs it in a namespace.
    python : str
        Python of the students' environment.
    data : str
        Folder of the real data files, shown read-only.
    seconds : float, optional
        Limit on processor time; by default the notebook's.
    """
    require_sandbox()
    megabyte = 1 << 20
    jail = [
        _tool("bwrap"),
        *APART,
        "--bind",
        str(place.work.parent / "shm"),
        "/dev/shm",
        "--bind",
        str(place.work.parent / "tmp"),
        "/tmp",
        "--perms",
        "0755",
        "--dir",
        "/home",
        "--bind",
        str(place.work.parent / "home"),
        "/home/student",
        "--perms",
        "0777",
        "--dir",
        "/home/student/.cache",
        "--perms",
        "0777",
        "--dir",
        "/home/student/.cache/matplotlib",
    ]
    # Last, the root of the jail and its devices: they are bubblewrap's own memory, of no limited size.
    jail += _fonts() + _mounts(place, python, data) + SEALED
    for name, value in environment(bool(data)).items():
        jail += ["--setenv", name, value]
    if os.geteuid() == 0:
        jail += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
        drop = [
            _tool("setpriv"),
            f"--reuid={uid}",
            f"--regid={uid}",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            "--no-new-privs",
        ]
    else:
        jail += ["--unshare-user", "--disable-userns"]
        drop = []
    bound = [
        _tool("prlimit"),
        f"--nproc={limits.processes}",
        f"--as={limits.memory_mb * megabyte}",
        f"--fsize={limits.file_mb * megabyte}",
        f"--cpu={int(seconds or limits.notebook_seconds) + 5}",
        "--core=0",
        "--nofile=512",
        "--memlock=65536",
        "--msgqueue=0",
        "--",
    ]
    # After the change of user: the folder belongs to that user alone.
    bound += [_tool("env"), f"--chdir={WORK}"]
    rules = seccomp.program()
    if not rules:
        return [*jail, "--", *drop, *bound, *command]
    # bubblewrap reads the filter from a descriptor, and whoever starts it passes none on: the shell opens it and is gone.
    path = place.sockets / "filter"
    path.unlink(missing_ok=True)
    path.write_bytes(rules)
    return [
        "/bin/sh",
        "-c",
        'exec 9<"$0" && exec "$@"',
        str(path),
        jail[0],
        "--seccomp",
        "9",
        *jail[1:],
        "--",
        *drop,
        *bound,
        *command,
    ]


def environment(data: bool) -> dict[str, str]:
    """Return the environment variables inside: few, and none of the grader's."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR")}
    return {
        # Each thread takes 64 MB of the address space otherwise, and gives none of it back.
        "MALLOC_ARENA_MAX": "2",
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/student",
        "USER": "student",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "MPLCONFIGDIR": "/home/student/.cache/matplotlib",
        "XDG_CACHE_HOME": "/home/student/.cache",
        "IPYTHONDIR": "/home/student/.ipython",
        "JUPYTER_RUNTIME_DIR": "/home/student/.runtime",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        # No certificate store, no proxies, no tokens: nothing of the grader's environment is passed on.
        "NBGRADER_EXECUTION": "autograde",
        **threads,
        **({"PHOTCOURSE_DATA": DATA} if data else {}),
    }
