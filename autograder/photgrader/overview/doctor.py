"""Look a course over: what is stale, open to others, out of step, damaged or missing, and what to do about each.

Every check is a function of the course's root that yields `Finding`s and changes nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import nbformat
import psutil
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from packaging.requirements import InvalidRequirement, Requirement

from photgrader import coursedir
from photgrader.coursedir.deadlines import load_deadlines
from photgrader.coursedir.packages import require_packages
from photgrader.coursedir.settings import Settings, SettingsError, load_settings
from photgrader.exercise import Assignment, assignment_names, load_assignment
from photgrader.gradebook import app, backups, exchange, penalties
from photgrader.grading.answers import grade_id_of
from photgrader.grading.sources import asked_check
from photgrader.release import build
from photgrader.sandbox import cgroups, jail, seccomp, session, warm
from photgrader.serve.policy import load_policies


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Parameters
    ----------
    area : str
        What was looked at: ``"sandbox"``, ``"release"``, ...
    level : str
        ``"ok"``, ``"warning"`` or ``"fault"``.
    sentence : str
        What is so.
    todo : str
        What to do about it; empty where all is well.
    """

    area: str
    level: str
    sentence: str
    todo: str = ""


# ------------------------------------------------------------------------------------------------ sandbox
#: Of address space a kernel that has imported the course's packages holds some 430 MB before it has run a cell.
LEAST_MEMORY_MB = 800
#: Run inside: what a submission must not be able to do.
_INSIDE = r"""
import json, os, socket, sys
found = []
def attempt(what, act):
    try:
        act()
    except OSError:
        return
    found.append(what)
private = ("source", "solutions", "submitted", "autograded", "feedback", "gradebook.db", ".photgrader")
found += [f"the course's {name} can be seen" for name in private if os.path.lexists(os.path.join(sys.argv[1], name))]
attempt("the network can be reached", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9)))
attempt("system folders can be written to", lambda: open("/usr/.photgrader-doctor", "w"))
try:
    import photgrader.grading.judge
    found.append("the grader's package can be imported")
except ImportError:
    pass
if not os.access(".", os.W_OK):
    found.append("the submission's own folder cannot be written to")
print(json.dumps(found))
"""


def check_sandbox(root: pathlib.Path) -> Iterator[Finding]:
    """Start the sandbox, look around in it, and fork a kernel from a warm parent."""
    settings = _settings(root)
    if not settings.sandbox:
        yield Finding(
            "sandbox",
            "fault",
            "photgrader.toml turns the sandbox off: student code runs with your rights.",
            "Remove the line sandbox = false.",
        )
        return
    try:
        jail.require_sandbox.__wrapped__()
        with session.run_folder() as (place, uid):
            command = jail.jail_command(
                [settings.python or sys.executable, "-P", "-c", _INSIDE, str(root)],
                place,
                settings.limits,
                uid=uid,
                python=settings.python,
            )
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=60,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                cwd="/",
            )
        open_ = json.loads(done.stdout)
    except jail.SandboxMissing as problem:
        yield Finding(
            "sandbox",
            "fault",
            f"The sandbox does not start: {problem}",
            "Do what the sentence says; nothing is graded without it.",
        )
        return
    except (ValueError, OSError, subprocess.SubprocessError) as problem:
        yield Finding(
            "sandbox",
            "fault",
            f"A program in the sandbox gave no answer ({type(problem).__name__}).",
            "See that the students' Python (python in photgrader.toml) runs, and that /tmp has room.",
        )
        return
    for what in open_:
        yield Finding(
            "sandbox", "fault", f"In the sandbox, {what}.", "Do not grade on this machine; see docs/threat-model.md."
        )
    if not open_:
        yield Finding("sandbox", "ok", "The sandbox starts; inside there is no network, no course and no grader.")
    yield _limits_that_hold(settings)
    if settings.warm:
        yield _warm_kernels(settings)


def _limits_that_hold(settings: Settings) -> Finding:
    """Name the limits that hold on this machine, and how."""
    limits = settings.limits
    words = (
        f"A submission: {limits.notebook_seconds:g} s of time and of processor time, {limits.memory_mb} MB, {limits.processes} processes; {limits.folder_mb} MB "
        f"and {limits.files} files in its folder, {limits.folder_mb} MB each in /tmp and home, 64 MB in /dev/shm (mounts of that size). {_counted()} "
        f"Who grades it: {limits.judge_seconds:g} s more and {limits.judge_mb} MB of address space."
    )
    if seccomp.program():
        return Finding("sandbox", "ok", f"{words} A filter shuts {len(seccomp.REFUSED)} system calls.")
    return Finding(
        "sandbox",
        "warning",
        f"{words} There is no filter of system calls for a machine of this kind ({platform.machine()}).",
        "Grade on x86_64 or aarch64, or on a machine that can be thrown away.",
    )


def _counted() -> str:
    """Say who counts what a submission uses in all."""
    where = cgroups.home()
    if where is None:
        return (
            "No control group can be had here: memory (shared pages once, with what lies in those mounts) and processor time are counted from "
            "outside four times a second, processes by user. Root has groups, and so has a service or container to which they are handed over "
            "(systemd-run --user --scope -p Delegate=yes photgrader grade ...)."
        )
    return f"The system counts them for the whole submission, in a control group (version {where.version}: {where.controllers}) of each kernel."


def _warm_kernels(settings: Settings) -> Finding:
    starter = warm.WarmStarter()
    try:
        base = starter.prepare(settings, "")
        with session.run_folder(None, base) as (place, uid):
            kernel = starter(place, uid, settings, "")
            kernel.close()
        reason = starter.reason
    finally:
        starter.close()
    if reason:
        return Finding(
            "sandbox",
            "warning",
            f"Kernels cannot be forked from a warm parent here ({reason}); they are started cold, which is as safe and slower.",
            "Nothing has to be done; on Kubernetes allow user namespaces (docs/hub.md).",
        )
    return Finding("sandbox", "ok", "Kernels are forked from a warm parent.")


# ------------------------------------------------------------------------------------------------ settings
def _settings(root: pathlib.Path) -> Settings:
    try:
        return load_settings(root)
    except SettingsError:
        return Settings()


def check_settings(root: pathlib.Path) -> Iterator[Finding]:
    """Look at limits, deadlines and room."""
    try:
        settings = load_settings(root)
    except SettingsError as problem:
        yield Finding("settings", "fault", str(problem), "Mend that line; nothing is graded until then.")
        return
    limits, found = settings.limits, False
    for name in ("cell_seconds", "call_seconds"):
        if getattr(limits, name) > limits.notebook_seconds:
            found = True
            yield Finding(
                "settings",
                "fault",
                f"{name} ({getattr(limits, name):g}) is more than notebook_seconds ({limits.notebook_seconds:g}).",
                f"Raise notebook_seconds or lower {name} in photgrader.toml.",
            )
    workers, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total / 2**20
    if limits.memory_mb * workers > memory:
        found = True
        yield Finding(
            "settings",
            "warning",
            f"{workers} submissions at a time may use {limits.memory_mb * workers} MB, and this machine has {memory:.0f} MB.",
            "Lower memory_mb in photgrader.toml, or grade with fewer --workers.",
        )
    if limits.memory_mb < LEAST_MEMORY_MB:
        found = True
        yield Finding(
            "settings",
            "warning",
            f"memory_mb ({limits.memory_mb}) is hardly more than what a kernel with scientific packages begins with.",
            f"Raise memory_mb in photgrader.toml, to {LEAST_MEMORY_MB} or more.",
        )
    for name in build.source_assignments(root):
        slow = (
            [e for e in _assignment(name).exercises.values() if e.seconds > limits.notebook_seconds]
            if name in assignment_names()
            else []
        )
        for exercise in slow:
            found = True
            yield Finding(
                "settings",
                "fault",
                f"{name}: {exercise.name} may take {exercise.seconds:g} s, more than notebook_seconds ({limits.notebook_seconds:g}).",
                "Raise notebook_seconds in photgrader.toml.",
            )
    free = shutil.disk_usage(root).free / 2**20
    if free < 2 * limits.folder_mb * workers:
        found = True
        yield Finding("settings", "warning", f"The disk has {free:.0f} MB left.", "Make room before you grade.")
    try:
        dates = load_deadlines(root)
        for slip in penalties.slips(dates, build.source_assignments(root), set()):
            found = True
            yield Finding("settings", "fault", f"deadlines.yaml: {slip}.", "Mend the name; no date holds for it.")
    except coursedir.CourseError as problem:
        dates, found = {}, True
        yield Finding("settings", "fault", str(problem), "Mend deadlines.yaml; nothing is graded until then.")
    try:
        load_policies(root, coursedir.released(root), dates)
    except coursedir.CourseError as problem:
        found = True
        yield Finding("settings", "fault", str(problem), "Until then the live service tells students nothing.")
    shown = ", ".join(f"{name} {value:g}" for name, value in dataclasses.asdict(limits).items())
    yield Finding("settings", "ok", f"Limits in use{'' if found else ' fit each other'}: {shown}.")


# ------------------------------------------------------------------------------------------------ release
def check_release(root: pathlib.Path) -> Iterator[Finding]:
    """Look for releases that are missing or stale."""
    names = build.source_assignments(root)
    missing = [n for n in names if not any((root / "release" / n).glob("*.ipynb"))]
    for name in missing:
        yield Finding("release", "fault", f"There is no release of {name}.", f"photgrader build {name}")
    stale = [w for w in build.stale(root, [n for n in names if n not in missing]) if w.startswith("release/")]
    for what in stale:
        yield Finding(
            "release",
            "fault",
            f"{what} is not what source and exercises give today, or was edited by hand.",
            f"photgrader build {what.partition('/')[2]}",
        )
    if names and not missing and not stale:
        yield Finding("release", "ok", "All releases are fresh.")
    if not names:
        yield Finding("release", "fault", "There is no assignment in source/.", "Put each in source/NAME/NAME.ipynb.")


def _assignment(name: str) -> Assignment:
    return load_assignment(name)


def _notebooks(folder: pathlib.Path) -> dict[str, NotebookNode]:
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            found[path.stem] = nbformat.read(path, as_version=4)
        except Exception:  # noqa: BLE001 - nbformat raises many kinds; what is no notebook is told elsewhere
            continue
    return found


def _checked(notebook: NotebookNode) -> dict[str, float]:
    """Return the exercises that a notebook's check cells name, with their points."""
    graded = [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")]
    return {name: float(c.metadata.nbgrader.get("points", 0)) for c in graded if (name := asked_check(c.source))}


def check_exercises(root: pathlib.Path) -> Iterator[Finding]:
    """Compare sources, releases, exercises and gradebook with each other."""
    found = []
    for name in build.source_assignments(root):
        known = _assignment(name).exercises if name in assignment_names() else {}
        if not known:
            found.append(
                Finding(
                    "exercises",
                    "fault",
                    f"There are no exercises of {name}: its check cells earn nothing.",
                    "Write them (docs/adding-an-exercise.md), or rename the folder in source/ to an assignment's name.",
                )
            )
            continue
        sources, releases = _notebooks(root / "source" / name), _notebooks(root / "release" / name)
        asked = {e for n in sources.values() for e in _checked(n)}
        for exercise in sorted(asked - known.keys()):
            found.append(
                Finding(
                    "exercises",
                    "fault",
                    f"{name}: a cell asks for check({exercise}), and there is no such exercise.",
                    f"photgrader new exercise {name} {exercise}, or change the cell",
                )
            )
        for exercise in sorted(asked & known.keys()):
            if releases and not (root / "release" / name / "checks" / f"{exercise}.json").is_file():
                found.append(
                    Finding(
                        "exercises",
                        "fault",
                        f"{name}: the release has no check file of {exercise}: students cannot check their work.",
                        f"photgrader build {name} --force",
                    )
                )
        for title, notebook in sources.items():
            released = releases.get(title)
            if released is not None and _checked(released) != _checked(notebook):
                found.append(
                    Finding(
                        "exercises",
                        "fault",
                        f"{name}: check cells or points of {title} differ between source and release.",
                        f"photgrader build {name} --force",
                    )
                )
            ids = [grade_id_of(c) for c in notebook.cells if grade_id_of(c)]
            for double in sorted({i for i in ids if ids.count(i) > 1}):
                found.append(
                    Finding(
                        "exercises",
                        "fault",
                        f"{name}: two cells of {title} have the id {double}.",
                        "Give one of them another grade_id in the source.",
                    )
                )
        found += _gradebook_agrees(root, name, releases)
    yield from found or [
        Finding(
            "exercises",
            "ok",
            f"Check cells, exercises{' and releases' if _unreadable(root) else ', releases and gradebook'} agree.",
        )
    ]


def _unreadable(root: pathlib.Path) -> bool:
    """Tell whether there is no gradebook that can be read, so that nothing can be said of it."""
    path = backups.gradebook_file(root)
    return path is not None and (not path.exists() or bool(backups.damage(path)) or bool(_of_another_layout(root)))


def _of_another_layout(root: pathlib.Path) -> str:
    """Return what is wrong with the gradebook's tables, and what to do; empty where nothing is."""
    try:
        app.check_layout(app.database_url(root))
    except app.GradebookUnreadable as problem:
        return str(problem)
    return ""


def _gradebook_agrees(root: pathlib.Path, name: str, releases: dict[str, NotebookNode]) -> list[Finding]:
    if not releases or _unreadable(root):
        return []
    with app.gradebook(root) as gradebook:
        try:
            cells = {c.name: c.max_score for n in gradebook.find_assignment(name).notebooks for c in n.grade_cells}
        except MissingEntry:
            return [
                Finding(
                    "exercises", "fault", f"The gradebook does not know {name}.", f"photgrader build {name} --force"
                )
            ]
    wanted = {
        grade_id_of(c): float(c.metadata.nbgrader.points)
        for n in releases.values()
        for c in n.cells
        if c.metadata.get("nbgrader", {}).get("grade")
    }
    if cells == wanted:
        return []
    differ = sorted(k for k in cells.keys() | wanted.keys() if cells.get(k) != wanted.get(k))
    return [
        Finding(
            "exercises",
            "fault",
            f"The gradebook and the release of {name} disagree on {', '.join(differ[:4])}.",
            f"photgrader build {name} --force",
        )
    ]


# ------------------------------------------------------------------------------------------------ secrets in a release
_MARKERS = re.compile(r"(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)")


def _inner_lines(notebook: NotebookNode) -> tuple[set[str], set[str]]:
    """Return the lines between the markers of solutions, hidden tests and marking schemes that say something, and all others."""
    lines: tuple[set[str], set[str]] = (set(), set())
    for cell in notebook.cells:
        inside = False
        for line in cell.source.splitlines():
            if _MARKERS.search(line):
                inside = "BEGIN" in line
            elif not inside or len(line.strip()) > 24:
                lines[not inside].add(line.strip())
    return lines


def check_secrets(root: pathlib.Path) -> Iterator[Finding]:
    """Search ``release/`` for what students must not have: solutions, references, marking schemes, hidden cases, the key."""
    found = []
    key = coursedir.key(root).hex()
    for name in build.source_assignments(root):
        folder = root / "release" / name
        hidden, shown = set[str](), set[str]()
        for notebook in _notebooks(root / "source" / name).values():
            inner, outer = _inner_lines(notebook)
            hidden |= inner
            shown |= outer
        hidden |= _reference_lines(name)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            where = path.relative_to(root).as_posix()
            found += [
                Finding("secrets", "fault", f"{where} {what}.", todo)
                for what, todo in _secrets_in(path, hidden - shown, key, name)
            ]
    yield from found or [
        Finding("secrets", "ok", "Releases hold no solution, no reference, no marking scheme and no hidden case.")
    ]


def _reference_lines(name: str) -> set[str]:
    """Return lines of the references that no student writes by chance."""
    import inspect

    exercises = _assignment(name).exercises.values() if name in assignment_names() else ()
    sources = [inspect.getsource(e.solve_by) for e in exercises if e.solve_by is not None]
    return {line.strip() for text in sources for line in text.splitlines() if len(line.strip()) > 60}


def _secrets_in(path: pathlib.Path, hidden: set[str], key: str, name: str) -> Iterator[tuple[str, str]]:
    again = f"photgrader build {name} --force, and hand out the release again"
    if (
        path.name in ("gradebook.db", "photgrader.toml")
        or ".photgrader" in path.parts
        or path.name.startswith("solution")
    ):
        yield "does not belong in a release", "Remove it, and hand out the release again."
    text = path.read_bytes().decode("utf-8", "replace")
    if key in text:
        yield (
            "holds the course's key",
            "Remove it, make a new key (delete .photgrader/key) and hand out the release again.",
        )
    if path.suffix == ".ipynb":
        lines = {
            line.strip() for n in _notebooks(path.parent).values() for c in n.cells for line in c.source.splitlines()
        }
        if any(_MARKERS.search(line) for line in lines):
            yield "holds a marked solution, hidden test or marking scheme", again
        elif lines & hidden:
            yield (
                f"holds a line of a solution, a reference or a marking scheme ({sorted(lines & hidden)[0][:60]})",
                again,
            )
    elif path.suffix == ".py" and {line.strip() for line in text.splitlines()} & hidden:
        yield "holds lines of a solution or a reference", again
    elif path.suffix == ".json":
        try:
            body = json.loads(text)
        except ValueError:
            body = {}
        if isinstance(body, dict) and any(isinstance(c, dict) and c.get("hidden") for c in body.get("cases", [])):
            yield "holds hidden cases", again


# ------------------------------------------------------------------------------------------------ permissions
def _reachable(path: pathlib.Path) -> bool:
    """Tell whether other users of the machine get to a path's folder."""
    return all(p.stat().st_mode & stat.S_IXOTH for p in path.resolve().parents)


def check_permissions(root: pathlib.Path) -> Iterator[Finding]:
    """Look at who may read and write gradebook, key, other private folders and the exchange."""
    found = []
    state = coursedir.state_folder(root)
    for path, what in (
        (state, "the grader's own folder"),
        (state / "key", "the course's key"),
        (state / "backups", "the folder of backups"),
    ):
        if path.exists() and path.stat().st_mode & 0o077:
            found.append(
                Finding(
                    "permissions",
                    "fault",
                    f"Others may open {what} ({path.relative_to(root)}).",
                    f"chmod go= {path.relative_to(root)}",
                )
            )
    gradebook = backups.gradebook_file(root)
    if gradebook is not None and gradebook.exists():
        mode, shown = gradebook.stat().st_mode, gradebook.name
        if mode & stat.S_IWOTH:
            found.append(
                Finding("permissions", "fault", f"Everybody may write to the gradebook ({shown}).", f"chmod o= {shown}")
            )
        elif mode & stat.S_IROTH and _reachable(gradebook):
            found.append(
                Finding(
                    "permissions",
                    "warning",
                    f"Everybody on this machine may read the gradebook ({shown}).",
                    f"chmod o= {shown}",
                )
            )
    folders = [p for n in ("source", "solutions", "submitted", "autograded", "feedback") if (p := root / n).is_dir()]
    writable = [p.name for p in folders if p.stat().st_mode & stat.S_IWOTH]
    readable = [p.name for p in folders if p.stat().st_mode & stat.S_IROTH and p.name not in writable and _reachable(p)]
    if writable:
        found.append(
            Finding(
                "permissions",
                "fault",
                f"Everybody may write to {', '.join(writable)}.",
                f"chmod o-w {' '.join(writable)}",
            )
        )
    if readable:
        found.append(
            Finding(
                "permissions",
                "warning",
                f"Everybody on this machine may read {', '.join(readable)}.",
                f"chmod o= {' '.join(readable)}, if others have accounts here",
            )
        )
    found += _exchange(root)
    yield from found or [
        Finding("permissions", "ok", "Gradebook, key, submissions and exchange are open to whom they should be.")
    ]


def _exchange(root: pathlib.Path) -> list[Finding]:
    config = app.nbgrader_app(root).config
    folder = pathlib.Path(str(config.Exchange.get("root", "/usr/local/share/nbgrader/exchange")))
    troubles = exchange.look_over(
        folder,
        str(config.CourseDirectory.get("course_id", "")),
        root.stat().st_uid,
        str(config.CheckedCollect.get("accounts", "same")),
    )
    return [Finding("permissions", *trouble) for trouble in troubles]


# ------------------------------------------------------------------------------------------------ packages, records
def _pinned(text: str) -> list[Requirement]:
    """Return what constraints pin for this Python and this system; other lines are pip's affair."""
    found = []
    for line in re.findall(r"^[A-Za-z0-9_.-]+==[^#\n]+", text, re.M):
        with contextlib.suppress(InvalidRequirement):
            one = Requirement(line.strip())
            if one.marker is None or one.marker.evaluate():
                found.append(one)
    return found


def check_packages(root: pathlib.Path) -> Iterator[Finding]:
    """Compare the packages that are installed with those that the course names and was tested with."""
    try:
        require_packages()
    except SettingsError as problem:
        sentence, _, todo = str(problem).partition("; ")
        yield Finding("packages", "fault", f"{sentence}.", f"{todo[:1].upper()}{todo[1:]}")
    path = root / "constraints.txt"
    if not path.is_file():
        yield Finding("packages", "ok", "The course pins no versions (no constraints.txt).")
        return
    wanted = _pinned(path.read_text(encoding="utf-8"))
    different = []
    for one in wanted:
        try:
            there = importlib.metadata.distribution(one.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # setuptools has copies of some within itself, which can be found once it was imported, and are not those that are pinned.
        if "_vendor" not in pathlib.Path(str(there.locate_file(""))).parts and there.version not in one.specifier:
            different.append(f"{one.name} is {there.version}, not {str(one.specifier).removeprefix('==')}")
    if different:
        yield Finding(
            "packages",
            "warning",
            f"{len(different)} package{'s differ' if len(different) > 1 else ' differs'} from constraints.txt: {'; '.join(different[:5])}{'; ...' if len(different) > 5 else ''}.",
            "make setup, or pip install -r constraints.txt; verdicts were tested with those versions.",
        )
    else:
        yield Finding("packages", "ok", f"Packages are those of constraints.txt ({len(wanted)}).")


def check_gradebook(root: pathlib.Path) -> Iterator[Finding]:
    """Look at the gradebook itself, its backups, and results that it has not taken yet."""
    path = backups.gradebook_file(root)
    if path is None:
        yield Finding(
            "gradebook",
            "ok",
            "The gradebook is on a database server, and its backup is the server's: pg_dump before each grading run.",
        )
    elif not path.exists():
        yield Finding("gradebook", "warning", "There is no gradebook yet.", "photgrader build")
    elif problem := backups.damage(path):
        last = backups.backups(root)[-1:]
        todo = (
            f"Put the last backup ({last[0].relative_to(root)}, {backups.backup_time(last[0])}) in its place."
            if last
            else "Put a copy of your own in its place, or remove it and grade again with --force."
        )
        yield Finding("gradebook", "fault", f"The gradebook {path.name} is damaged ({problem}).", todo)
    elif problem := _of_another_layout(root):
        sentence, _, todo = problem.partition("). ")
        yield Finding("gradebook", "fault", sentence + ").", todo)
    else:
        made = backups.backups(root)
        bad = [b for b in made if backups.damage(b)]
        for backup in bad:
            yield Finding(
                "gradebook",
                "warning",
                f"The backup {backup.name} is damaged.",
                f"Remove .photgrader/backups/{backup.name}",
            )
        if not bad:
            yield Finding(
                "gradebook",
                "ok",
                f"The gradebook is whole; {coursedir.counted(len(made), 'backup')}"
                + (f", the last of {backups.backup_time(made[-1])}." if made else "."),
            )
    waiting = list((coursedir.state_folder(root) / "graded").rglob("*.json"))
    if waiting:
        names = sorted({p.parent.name for p in waiting})
        yield Finding(
            "gradebook",
            "warning",
            f"{coursedir.counted(len(waiting), 'result')} graded and not in the gradebook yet ({', '.join(names)}).",
            f"photgrader grade {names[0]}",
        )


def check_records(root: pathlib.Path) -> Iterator[Finding]:
    """Verify the records' signatures, and compare them with the gradebook."""
    found, count = [], 0
    records = coursedir.state_folder(root) / "records"
    for name in sorted(p.name for p in records.iterdir() if p.is_dir()) if records.is_dir() else []:
        doubts = coursedir.untrusted(root, name)
        for doubt in doubts:
            sentence, _, todo = doubt.sentence.partition("; ")
            found.append(Finding("records", "fault", f"{sentence}.", todo))
        good = [r for r in coursedir.read_records(root, name) if r.student not in {d.student for d in doubts}]
        count += len(good)
        found += _scores_agree(root, name, {r.student: r.points for r in good if not r.plain_tests})
    agrees = "" if _unreadable(root) else ", and the gradebook agrees with them"
    yield from found or [Finding("records", "ok", f"All records ({count}) are as the grader wrote them{agrees}.")]


def _scores_agree(root: pathlib.Path, name: str, points: dict[str, float]) -> list[Finding]:
    if not points or _unreadable(root):
        return []
    found = []
    with app.gradebook(root) as gradebook:
        for student, wanted in points.items():
            try:
                grades = [g for n in gradebook.find_submission(name, student).notebooks for g in n.grades]
            except MissingEntry:
                found.append(
                    Finding(
                        "records",
                        "fault",
                        f"There is a record of {student} in {name}, and the gradebook has no such submission.",
                        f"photgrader grade {name}",
                    )
                )
                continue
            there = sum(g.auto_score or 0.0 for g in grades if g.cell.cell_type == "code")
            if abs(there - wanted) > 1e-3:
                found.append(
                    Finding(
                        "records",
                        "fault",
                        f"The gradebook gives {student} {there:g} automatic points in {name}, the record {wanted:g}.",
                        f"photgrader grade {name} --student {student} --force",
                    )
                )
    return found


CHECKS: dict[str, Callable[[pathlib.Path], Iterator[Finding]]] = {
    "sandbox": check_sandbox,
    "settings": check_settings,
    "release": check_release,
    "exercises": check_exercises,
    "secrets": check_secrets,
    "permissions": check_permissions,
    "packages": check_packages,
    "gradebook": check_gradebook,
    "records": check_records,
}


def examine(root: pathlib.Path) -> Iterator[Finding]:
    """Do all checks; one that cannot be done is a finding itself."""
    for area, check in CHECKS.items():
        try:
            yield from check(root)
        except Exception as problem:  # noqa: BLE001 - whatever state the course is in, the other checks are done
            yield Finding(
                area,
                "fault",
                f"This could not be looked at: {type(problem).__name__}: {str(problem)[:200]}.",
                "Mend that first.",
            )
