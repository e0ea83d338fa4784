"""``tools/setup.sh``: what it refuses, mends and installs, each said in a sentence."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support import ROOT

#: What setup reads; the packages themselves are small copies, whose builds need no network either.
FILES = [
    "tools/setup.sh",
    "tools/install.sh",
    "tools/requirements",
    "tools/package.json",
    "constraints.txt",
    "course/photcheck/pyproject.toml",
    "course/pyproject.toml",
    "autograder/pyproject.toml",
]
NOBODY = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_CACHE_DIR": "1",
    "UV_INDEX_URL": "http://127.0.0.1:9/simple",
    "UV_NO_CACHE": "1",
}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with what setup reads."""
    place = tmp_path / "clone"
    for name in FILES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, place / name)
    return place


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The Python that we are, but that environments have pip from one that it has made: to unpack it takes three seconds each time."""
    place, real = tmp_path_factory.mktemp("python"), pathlib.Path(sys.executable).resolve()
    subprocess.run([real, "-m", "venv", place / "made"], check=True)
    script = place / "python"
    script.write_text(f"""#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec {real} "$@"
shift 2
{real} -m venv --without-pip "$@" || exit
for folder; do :; done
cp -rlf {place}/made/lib/. "$folder/lib/"
""")
    script.chmod(0o755)
    return script


@pytest.fixture(autouse=True)
def _soon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have environments made so; a test that is about how they are made takes it back."""
    if request.node.get_closest_marker("heavy"):
        monkeypatch.setenv("PHOTCOURSE_PYTHON", str(request.getfixturevalue("python")))


def setup(
    folder: pathlib.Path, level: str = "lab", before: list[str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run setup where no registry answers; whatever it does is done in seconds."""
    return subprocess.run(
        [*(before or []), "tools/setup.sh", level],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **NOBODY, **environment},
    )


def shim(folder: pathlib.Path, name: str, script: str) -> str:
    """Return a search path on which a command is another one."""
    place = folder.parent / "shims"
    place.mkdir(exist_ok=True)
    (place / name).write_text(f"#!/bin/sh\n{script}\n")
    (place / name).chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


def without_uv() -> str:
    return ":".join(p for p in os.environ["PATH"].split(":") if not (pathlib.Path(p) / "uv").exists())


def pinned(lock: pathlib.Path, name: str) -> str:
    """The version of a package that the lock has."""
    return next(
        line.split(" ")[0].partition("==")[2] for line in lock.read_text().splitlines() if line.startswith(f"{name}==")
    )


def sentences(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    return lines


@pytest.mark.heavy
def test_without_a_network_it_ends_with_one_sentence_and_goes_on_from_there(folder, monkeypatch):
    monkeypatch.delenv("PHOTCOURSE_PYTHON")
    said = sentences(setup(folder, PATH=without_uv()))
    assert (
        len(said) == 2
        and re.search(r"MB to download, \d+ MB on the disk", said[0])
        and "no package registry answers" in said[1]
    ), said
    assert not list((folder / ".venv").glob(".installed*")) and not (folder / ".venv/.making").exists()
    again = sentences(setup(folder, PATH=without_uv()))
    assert "made anew" not in " ".join(again) and "no package registry answers" in again[-1]


@pytest.mark.heavy
def test_a_registrys_failure_is_the_same_sentence(folder):
    import http.server
    import threading

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = sentences(
            setup(folder, PATH=without_uv(), PIP_INDEX_URL=f"http://127.0.0.1:{server.server_port}/simple")
        )
        server.shutdown()
    assert len(said) == 2 and "no package registry answers" in said[1], said


@pytest.mark.heavy
def test_uv_is_used_where_it_is_there_and_pip_where_uv_finds_nothing(folder):
    calls = folder.parent / "calls"
    path = shim(folder, "uv", f'echo "$@" >>{calls}; case "$*" in pip*compile*) exit ${{UV_ANSWERS:-0}};; esac; exit 1')
    said = sentences(setup(folder, PATH=path))
    asked = calls.read_text().splitlines()
    assert "-r .build/locked.txt" in asked[2] and "could not be installed" in said[-1], said
    calls.unlink()
    assert "no package registry answers" in sentences(setup(folder, PATH=path, UV_ANSWERS="2"))[-1]
    assert len(calls.read_text().splitlines()) == 1


@pytest.mark.heavy
def test_uv_has_nothing_of_a_person_s_own_settings_and_one_that_hangs_is_stopped(folder):
    """With target in their uv.toml packages went elsewhere; files of their cache have the rights that they had there."""
    calls = folder.parent / "calls"
    told = "$(cat /proc/$PPID/comm) ${UV_NO_CONFIG:-config} ${UV_CACHE_DIR:-theirs} $2 ${UV_TARGET:-}"
    setup(
        folder,
        UV_TARGET="elsewhere",
        PATH=shim(folder, "uv", f'echo "{told}" >>{calls}; case "$*" in pip*compile*) exit 0;; esac; exit 1'),
    )
    asked = [line.split() for line in calls.read_text().splitlines()]
    probes = [words[0] for words in asked if words[3] == "compile"]
    assert len(probes) > 1 and set(probes) == {"timeout"} and len(asked) > len(probes), asked
    assert all(words[1] == "1" for words in asked), asked
    assert [words for words in asked if "elsewhere" in words] == asked[:1], (
        "the first only asks whether a registry answers"
    )
    assert all(words[2].endswith("/.uv/cache") for words in asked[1:]), asked


@pytest.mark.heavy
@pytest.mark.parametrize("puts", [0, 1])
def test_uv_is_fetched_where_it_is_not_there_and_pip_goes_on_where_it_does_not_do_it(folder, puts):
    """A registry of two packages: what pip is asked for first, and a uv that writes down what it is told."""
    wheels, calls, lock = folder.parent / "wheels", folder.parent / "calls", folder / "tools/requirements/lock"
    wheels.mkdir()
    script = (
        f'#!/bin/sh\necho "$UV_DEFAULT_INDEX $@" >>{calls}\ncase "$*" in pip*compile*) exit 0;; esac\nexit {puts}\n'
    )
    for name, version in (("uv", pinned(lock, "uv")), ("hatchling", "1.0")):
        with zipfile.ZipFile(wheels / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            about = f"{name}-{version}.dist-info"
            command = zipfile.ZipInfo(f"{name}-{version}.data/scripts/{name}")
            command.external_attr = 0o100755 << 16
            wheel.writestr(command, script)
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    there = {"PATH": without_uv(), "PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    # A person's choice of places, and another Python's modules, are none of ours.
    (wheels / "venv.py").write_text("raise ImportError('of another Python')")
    there |= {"PIP_USER": "1", "PIP_TARGET": str(wheels / "elsewhere"), "PYTHONPATH": str(wheels)}
    # Of another content than was tested it is not run.
    said = sentences(setup(folder, **there))
    assert not calls.exists() and "could not be installed" in said[-1]
    digest = hashlib.sha256(next(wheels.glob("uv-*")).read_bytes()).hexdigest()
    lock.write_text(re.sub(r"(?m)^(uv==\S+).*$", rf"\1 --hash=sha256:{digest}", lock.read_text()))
    said = sentences(setup(folder, **there))
    told = calls.read_text().splitlines()
    assert all(line.startswith(NOBODY["PIP_INDEX_URL"]) for line in told) and "could not be installed" in said[-1]
    told = [line for line in told if "compile" not in line]
    assert [("-r .build/locked.txt" in line, "-e course" in line) for line in told] == (
        [(True, False)] if puts else [(True, False), (False, True)]
    )
    # Pip's own complaint is the last where it was asked, too.
    assert ("No matching distribution" in (folder / ".build/setup.log").read_text().rpartition("compile")[2]) == bool(
        puts
    )


@pytest.mark.heavy
def test_the_sandbox_is_asked_before_anything_is_installed_and_the_way_on_is_named(folder):
    path = shim(folder, "bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    said = sentences(setup(folder, "grading", PATH=path))
    text = " ".join(said)
    assert (
        "No permissions to create new namespace" in text
        and "kernel.unprivileged_userns_clone=1" in text
        and "make demo UNSAFE=1" in text
    )
    assert not (folder / ".venv").exists()
    assert "no package registry answers" in sentences(setup(folder, "grading", PATH=path, UNSAFE="1"))[-1]
    assert "Students' code" not in " ".join(sentences(setup(folder, "lab", PATH=path))), "a student needs none"


@pytest.mark.heavy
@pytest.mark.parametrize("what", ["no pip", "quote", "nothing in it", "half installed", "moved", "its Python is gone"])
def test_an_environment_that_is_not_whole_is_made_anew(folder, what, monkeypatch):
    if what == "no pip":
        monkeypatch.delenv("PHOTCOURSE_PYTHON")
    elif what == "quote":
        folder = folder.rename(folder.parent / "somebody's")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=folder, check=True)
    venv = folder / ".venv"
    if what == "nothing in it":
        shutil.rmtree(venv)
        (venv / "bin").mkdir(parents=True)
    elif what == "half installed":
        (venv / ".making").touch()
    elif what == "moved":
        folder = folder.rename(folder.parent / "elsewhere")
        venv = folder / ".venv"
    elif what == "its Python is gone":
        for name in ("python", "python3"):
            (venv / "bin" / name).unlink()
            (venv / "bin" / name).symlink_to("/nowhere/python")
    (venv / "node").mkdir()
    said = sentences(setup(folder, PATH=without_uv()))
    assert (what in ("no pip", "quote")) != any("made anew" in line for line in said), said
    subprocess.run([venv / "bin/python", "-m", "pip", "--version"], check=True, capture_output=True)
    assert str(folder) in (venv / "pyvenv.cfg").read_text() and not (venv / ".making").exists()


@pytest.mark.heavy
def test_what_root_makes_can_be_read_by_those_as_whom_kernels_run(folder):
    subprocess.run(["chmod", "-R", "go=", "course"], cwd=folder, check=True)
    sentences(setup(folder, before=["sh", "-c", 'umask 077; exec "$@"', "sh"]))
    made = [folder / ".venv/lib", *(folder / ".venv/lib").iterdir()]
    # To whom a checkout of somebody else's is open is for that user to say.
    made += [folder / "course", *(folder / "course").iterdir()] if os.geteuid() == 0 else []
    assert not [path for path in made if path.stat().st_mode & 0o4 == 0]


@pytest.mark.heavy
def test_a_read_only_folder_is_one_sentence(folder):
    done = setup(folder, before=["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(folder), str(folder)])
    assert len(sentences(done)) == 1 and "cannot be written" in done.stderr, done.stderr


@pytest.mark.heavy
def test_a_read_only_folder_with_a_whole_environment_is_no_trouble(folder):
    stamp_of = setup(folder)
    assert stamp_of.returncode == 2
    script = (folder / "tools/setup.sh").read_text()
    # Whatever the stamp is, setup is asked for it.
    asked = subprocess.run(
        [
            "bash",
            "-c",
            script.replace('cd -P "$(dirname "$0")/.."', "").split("# Whole, and made")[0] + 'echo "$stamp"',
            "setup",
            "lab",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / ".venv" / f".installed-{asked.stdout.strip()}-lab").touch()
    done = setup(folder, before=["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(folder), str(folder)])
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_disk_without_space_is_told_before_a_download(folder):
    path = shim(folder, "df", "echo head; echo disk 9 9 300 9")
    said = sentences(setup(folder, PATH=path))
    assert len(said) == 1 and re.search(r"needs \d+ MB, and this disk has 300 MB left", said[0]), said


def test_a_disk_that_fills_up_on_the_way_is_one_sentence(folder):
    path = shim(
        folder,
        "uv",
        'case "$*" in *compile*) exit 0;; esac; echo "error: No space left on device (os error 28)" >&2; exit 1',
    )
    said = sentences(setup(folder, PATH=path))
    assert len(said) == 2 and said[1].startswith("The disk is full"), said


@pytest.mark.heavy
def test_the_second_of_two_waits_and_says_so(folder):
    (folder / ".build").mkdir()
    path = shim(folder, "uv", "exit 1")
    with (folder / ".build/setup.lock").open("a") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            ["tools/setup.sh", "lab"],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **NOBODY, "PATH": path},
        )
        assert second.stderr is not None
        assert "Another set-up is running in this folder" in second.stderr.readline()
        assert not (folder / ".venv").exists()
    rest = second.communicate(timeout=120)[1]
    assert second.returncode == 2 and "no package registry answers" in rest


def test_an_unknown_level_is_told_the_known_ones(folder):
    assert "choose lab, grading" in sentences(setup(folder, "everything"))[0]


def test_system_packages_are_named_where_this_user_may_not_install_them(folder):
    path = shim(folder, "bwrap", "exit 0")
    for name, script in {"id": "case $1 in -u) echo 1000;; *) echo ada;; esac", "sudo": "exit 1"}.items():
        shim(folder, name, script)
    bare = folder.parent / "bare"
    bare.mkdir()
    for directory in ("/usr/bin", "/bin"):
        for tool in pathlib.Path(directory).iterdir():
            if tool.name != "bwrap" and not (bare / tool.name).exists():
                (bare / tool.name).symlink_to(tool)
    (folder.parent / "shims" / "bwrap").unlink()
    said = sentences(setup(folder, "grading", PATH=f"{path.split(':')[0]}:{bare}"))
    assert len(said) == 1 and "sudo apt-get install -y bubblewrap" in said[0], said


# ------------------------------------------------------------------------------------------- what is installed
def requirements_tool():
    spec = importlib.util.spec_from_file_location("requirements_tool", ROOT / "tools/requirements.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lists_of_packages_are_what_the_packages_ask_for_and_all_are_pinned():
    lists = requirements_tool().lists()
    pinned = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    for level, text in lists.items():
        assert (ROOT / f"tools/requirements/{level}.txt").read_text() == text, f"run tools/requirements.py ({level})"
        assert set(text.split()) <= pinned, sorted(set(text.split()) - pinned)


def test_the_lock_has_the_pinned_versions_and_nothing_without_a_hash():
    locked = [line.partition(" --hash=") for line in (ROOT / "tools/requirements/lock").read_text().splitlines()]
    as_pinned = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    for (text, _, hashes), pinned in zip(locked, as_pinned, strict=True):
        one = Requirement(text)
        assert (one.name, one.specifier, one.marker) == (
            canonicalize_name(pinned.name),
            pinned.specifier,
            pinned.marker,
        ), "run tools/requirements.py"
        assert re.fullmatch(r"(sha256:[0-9a-f]{64}( --hash=|$))+", hashes), text


def test_a_level_has_only_what_it_needs():
    level = {p.stem: set(p.read_text().split()) for p in (ROOT / "tools/requirements").glob("*.txt")}
    assert (
        not {"jupyterlab", "notebook", "distributed", "bokeh", "dask", "debugpy"} & level["grading"]
        and "nbgrader" in level["grading"]
    )
    assert not {"distributed", "bokeh", "dask", "nbgrader"} & level["lab"] and "jupyterlab" in level["lab"]
    assert level["tests"] >= set().union(*level.values())


def test_a_grader_imports_with_what_its_level_lists_and_nothing_else():
    """Python 3.12 and later bring no setuptools of their own, and nbgrader imports it."""
    code = textwrap.dedent("""
        import importlib, pathlib, pkgutil, re, sys
        from importlib.metadata import packages_distributions
        listed = {"photcheck", "photcourse", "photgrader", *pathlib.Path(sys.argv[1]).read_text().split()}
        for name, owners in packages_distributions().items():
            if not listed & {re.sub("[-_.]+", "-", owner).lower() for owner in owners}:
                sys.modules[name] = None
        import nbgrader.apps
        import photgrader.commands
        for module in pkgutil.iter_modules(photgrader.commands.__path__, "photgrader.commands."):
            importlib.import_module(module.name)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "tools/requirements/grading.txt")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_course_package_imports_without_what_only_lecture_8_needs():
    code = textwrap.dedent("""
        import importlib, pkgutil, sys
        for name in ("distributed", "dask", "bokeh"):
            sys.modules[name] = None
        import photcourse
        for module in pkgutil.walk_packages(photcourse.__path__, "photcourse."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        from photcourse.focal_plane import ClusterError, connect
        try:
            connect()
        except ClusterError as problem:
            print(problem)
    """)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "pip install distributed bokeh" in done.stdout, done.stderr


def test_grading_on_a_cluster_without_dask_is_told_what_to_install(monkeypatch):
    from photgrader.coursedir import CourseError
    from photgrader.runs import cluster

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"photgrader\[cluster\]"):
        cluster.connect("tcp://127.0.0.1:1")
