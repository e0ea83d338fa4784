"""The doctor finds each thing that is broken on purpose, says what to do, and finds nothing in a sound course."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import shutil

import nbformat
import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook

from photgrader import coursedir
from photgrader.cli import main_group
from photgrader.exercise import load_assignment
from photgrader.gradebook import app, backups
from photgrader.overview import doctor
from photgrader.sandbox import jail
from plain_kernel import PlainKernel, in_this_process
from support import ASSIGNMENT, RIGHT, ROOT, submit


@pytest.fixture(scope="module")
def sound(built_course, tmp_path_factory):
    """A course with a graded submission, an exchange and nothing wrong."""
    from photgrader.release import build
    from photgrader.runs import parallel

    root = tmp_path_factory.mktemp("sound") / "course"
    shutil.copytree(built_course, root)
    exchange = root / "exchange"
    for name, mode in (("inbound", 0o1733), ("outbound", 0o755), ("feedback", 0o711)):
        (exchange / "starlight" / name).mkdir(parents=True)
        (exchange / "starlight" / name).chmod(mode)
    exchange.chmod(0o1777)
    build._stamp(root, f"release/{ASSIGNMENT}", build._inputs_hash(root, ASSIGNMENT))
    submit(root, "ada", RIGHT)
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        parallel.merge(root, parallel.grade_task(parallel.submissions(root, ASSIGNMENT)[0]))
    backups.gradebook_file(root).chmod(0o600)
    backups.backup_gradebook(root)
    for name in ("source", "submitted", "autograded"):
        (root / name).chmod(0o750)
    return root


@pytest.fixture
def sick(sound, tmp_path, monkeypatch):
    """A copy of it, to be broken."""
    root = tmp_path / "course"
    shutil.copytree(sound, root)
    monkeypatch.setenv("PHOTCOURSE_EXCHANGE", str(root / "exchange"))
    return root


def found(root: pathlib.Path, area: str, level: str = "fault") -> str:
    """Return what a check says at one level, and see to it that each finding says what to do."""
    findings = [f for f in doctor.CHECKS[area](root) if f.level != "ok"]
    assert all(f.todo and f.sentence.rstrip().endswith((".", ")")) for f in findings), findings
    return " ".join(f"{f.sentence} {f.todo}" for f in findings if f.level == level)


def release(root: pathlib.Path) -> pathlib.Path:
    return root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


def edit(path: pathlib.Path, change) -> None:
    notebook = nbformat.read(path, as_version=4)
    change({c.metadata.get("nbgrader", {}).get("grade_id", ""): c for c in notebook.cells}, notebook)
    nbformat.write(notebook, path)


@pytest.mark.heavy
def test_a_sound_course_has_no_fault_and_the_command_says_so_with_its_exit_code(sick, monkeypatch):
    monkeypatch.chdir(sick)
    target = sick / "doctor.json"
    done = CliRunner().invoke(main_group, ["doctor", "--json", str(target)])
    assert done.exit_code == 0, done.output
    body = json.loads(target.read_text())
    assert body["ok"] and {f["area"] for f in body["findings"]} == set(doctor.CHECKS)
    assert not [f for f in body["findings"] if f["level"] == "fault"]
    assert "The sandbox starts" in done.output and "forked from a warm parent" in done.output
    assert "cell_seconds 6, notebook_seconds 40, call_seconds 4, memory_mb 3000" in done.output, (
        "limits are shown, set or not"
    )
    (sick / "photgrader.toml").write_text("sandbox = false\n")
    done = CliRunner().invoke(main_group, ["doctor", "--json", "-"])
    assert done.exit_code == 1 and not json.loads(done.stdout)["ok"]


@pytest.mark.heavy
def test_a_sandbox_that_does_not_start_or_is_off_is_found(sick, monkeypatch):
    (sick / "photgrader.toml").write_text("sandbox = false\n")
    assert "turns the sandbox off" in found(sick, "sandbox")
    (sick / "photgrader.toml").write_text("")
    tool = jail._tool
    monkeypatch.setattr(jail, "_tool", lambda name: "/bin/false" if name == "bwrap" else tool(name))
    assert "does not start" in found(sick, "sandbox")


@pytest.mark.heavy
def test_a_sandbox_that_is_open_is_found(sick, monkeypatch):
    whole = jail.jail_command

    def open_jail(*words, **named):
        command = whole(*words, **named)
        command.remove("--unshare-net")
        at = command.index("--")
        above = [
            w
            for p in reversed(sick.parents)
            if str(p) not in ("/", "/tmp")
            for w in ("--perms", "0755", "--dir", str(p))
        ]
        return [*command[:at], *above, "--ro-bind", str(sick), str(sick), *command[at:]]

    monkeypatch.setattr(jail, "jail_command", open_jail)
    sick.chmod(0o755)
    said = found(sick, "sandbox")
    assert "gradebook.db can be seen" in said and ".photgrader can be seen" in said


def not_jailed(monkeypatch, program: str | None = None) -> None:
    """Have what should run in the sandbox run as it is, or another program in its place."""
    monkeypatch.setattr(jail.require_sandbox, "__wrapped__", lambda: None)
    monkeypatch.setattr(
        jail,
        "jail_command",
        lambda command, *words, **named: command if program is None else [command[0], "-c", program],
    )


def test_what_can_be_reached_without_a_jail_is_found_and_no_answer_is_a_fault(sick, monkeypatch):
    (sick / "photgrader.toml").write_text("warm = false\n")
    not_jailed(monkeypatch)
    said = found(sick, "sandbox")
    for words in ("course's source can be seen", "gradebook.db can be seen", "grader's package can be imported"):
        assert words in said, said
    not_jailed(monkeypatch, "print('[]')")
    assert found(sick, "sandbox") == ""
    not_jailed(monkeypatch, "raise SystemExit(1)")
    assert "gave no answer (JSONDecodeError)" in found(sick, "sandbox")

    def missing():
        raise jail.SandboxMissing("there is no bubblewrap.")

    monkeypatch.setattr(jail.require_sandbox, "__wrapped__", missing)
    assert "does not start: there is no bubblewrap" in found(sick, "sandbox")
    (sick / "photgrader.toml").write_text("sandbox = false\n")
    assert "turns the sandbox off" in found(sick, "sandbox")


def test_limits_that_hold_and_kernels_that_are_cold_are_told(sick, monkeypatch):
    not_jailed(monkeypatch, "print('[]')")

    class Cold:
        reason = "no namespaces"
        prepare = staticmethod(lambda settings, data: None)
        close = staticmethod(lambda: None)

        def __call__(self, *words):
            return PlainKernel(*words)

    monkeypatch.setattr(doctor.warm, "WarmStarter", Cold)
    assert "cannot be forked from a warm parent here (no namespaces)" in found(sick, "sandbox", "warning")
    monkeypatch.setattr(Cold, "reason", "")
    monkeypatch.setattr(doctor.cgroups, "home", lambda: None)
    told = " ".join(f.sentence for f in doctor.CHECKS["sandbox"](sick))
    assert "forked from a warm parent." in told and "No control group can be had here" in told
    assert "40 s of time" in told and "system calls" in told
    monkeypatch.setattr(doctor.seccomp, "program", lambda: b"")
    assert "There is no filter of system calls" in found(sick, "sandbox", "warning")


@pytest.mark.parametrize(
    "text, words, level",
    [
        ("[limits]\ncell_seconds = 'x'", "cell_seconds", "fault"),
        ("nonsense", "cannot be read", "fault"),
        ("[limits]\ncall_seconds = 900.0", "more than notebook_seconds", "fault"),
        ("[limits]\nmemory_mb = 90000000", "this machine has", "warning"),
        ("[limits]\nmemory_mb = 500", "begins with", "warning"),
        (
            "[limits]\nnotebook_seconds = 1\ncell_seconds = 1\ncall_seconds = 1\nfolder_mb = 900000000",
            "The disk has",
            "warning",
        ),
    ],
)
def test_limits_that_do_not_fit_are_found(sick, text, words, level):
    (sick / "photgrader.toml").write_text(text + "\n")
    assert words in found(sick, "settings", level)


def test_deadlines_that_cannot_be_read_are_found(sick):
    (sick / "deadlines.yaml").write_text("- nonsense: [")
    assert "deadlines.yaml" in found(sick, "settings")


def test_slips_in_dates_and_in_what_is_told_live_are_found(sick):
    (sick / "deadlines.yaml").write_text("time_zone: UTC\nassignments:\n  hw9:\n    due: 2026-12-24 18:00\n")
    (sick / "live.toml").write_text('tel = "all"\n')
    said = found(sick, "settings", "fault")
    assert "hw9 is no assignment of this course" in said
    (sick / "deadlines.yaml").unlink()
    assert "'tel' is not a setting" in found(sick, "settings", "fault")


def test_a_release_that_is_stale_edited_or_missing_is_found(sick):
    assert found(sick, "release") == ""
    edit(release(sick), lambda cells, notebook: notebook.cells.append(nbformat.v4.new_markdown_cell("edited")))
    assert f"release/{ASSIGNMENT} is not what source" in found(sick, "release")
    shutil.rmtree(release(sick).parent)
    assert "There is no release" in found(sick, "release")
    shutil.rmtree(sick / "source" / ASSIGNMENT)
    assert "no assignment in source/" in found(sick, "release")


def test_checks_exercises_release_and_gradebook_that_disagree_are_found(sick):
    source = sick / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    edit(source, lambda cells, notebook: cells["check-centroid"].update(source="check(ghost)"))
    said = found(sick, "exercises")
    assert "no such exercise" in said and "ghost" in said and "differ between source and release" in said
    (release(sick).parent / "checks" / "second_moment.json").unlink()
    assert "no check file of second_moment" in found(sick, "exercises")
    edit(source, lambda cells, notebook: cells["centroid"].metadata["nbgrader"].update(grade_id="second_moment"))
    assert "two cells" in found(sick, "exercises")
    (sick / "source" / "ps77").mkdir()
    shutil.copy(source, sick / "source" / "ps77" / "ps77.ipynb")
    assert "There are no exercises of ps77" in found(sick, "exercises")


def test_points_that_the_gradebook_has_otherwise_are_found(sick):
    assert found(sick, "exercises") == ""
    with Gradebook(app.database_url(sick)) as gradebook:
        gradebook.find_graded_cell("check-centroid", ASSIGNMENT, ASSIGNMENT).max_score = 40
        gradebook.db.commit()
    assert "disagree on check-centroid" in found(sick, "exercises")


def _reference_line() -> str:
    return max(doctor._reference_lines(ASSIGNMENT), key=len)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (
            lambda root: edit(
                release(root), lambda c, n: c["centroid"].update(source="### BEGIN SOLUTION\npass\n### END SOLUTION")
            ),
            "marked solution",
        ),
        (
            lambda root: edit(release(root), lambda c, n: c["centroid"].update(source=RIGHT["centroid"])),
            "a line of a solution",
        ),
        (lambda root: edit(release(root), lambda c, n: c[""].update(source=_reference_line())), "a line of a solution"),
        (lambda root: (release(root).parent / "helpers.py").write_text(RIGHT["second_moment"]), "lines of a solution"),
        (
            lambda root: (release(root).parent / "notes.txt").write_text(f"key: {coursedir.key(root).hex()}"),
            "the course's key",
        ),
        (lambda root: shutil.copy(root / "gradebook.db", release(root).parent), "does not belong"),
        (
            lambda root: (
                load_assignment(ASSIGNMENT)
                .exercises["centroid"]
                .spec(4.0, seed=1, fingerprints=False)
                .write(release(root).parent / "checks")
            ),
            "hidden cases",
        ),
    ],
    ids=["markers", "solution", "reference", "module", "key", "gradebook", "hidden cases"],
)
def test_each_secret_in_a_release_is_found(sick, spoil, words):
    assert found(sick, "secrets") == ""
    spoil(sick)
    assert words in found(sick, "secrets")


@pytest.mark.parametrize(
    "path, mode, words",
    [
        (".photgrader", 0o755, "the grader's own folder"),
        (".photgrader/key", 0o644, "the course's key"),
        ("gradebook.db", 0o666, "may write to the gradebook"),
        ("source", 0o777, "may write to source"),
        ("exchange", 0o777, "without the sticky bit"),
        ("exchange/starlight/inbound", 0o1777, "list what others"),
        ("exchange/starlight/outbound", 0o777, "change what is handed out"),
        ("exchange/starlight/feedback", 0o755, "feedback of others"),
    ],
)
def test_each_permission_that_is_too_wide_is_found(sick, path, mode, words):
    assert found(sick, "permissions") == ""
    (sick / path).chmod(mode)
    assert words in found(sick, "permissions")


def test_what_others_may_read_is_told_where_they_can_get_there(sick, monkeypatch):
    (sick / "gradebook.db").chmod(0o644)
    monkeypatch.setattr(doctor, "_reachable", lambda path: False)
    assert found(sick, "permissions", "warning") == ""
    monkeypatch.setattr(doctor, "_reachable", lambda path: True)
    assert "may read the gradebook" in found(sick, "permissions", "warning")
    closed = sick / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.undo()
    assert not doctor._reachable(closed / "gradebook.db") and doctor._reachable(pathlib.Path("/usr/bin/env"))


def test_an_exchange_that_is_missing_or_closed_is_found(sick, monkeypatch):
    (sick / "exchange" / "starlight" / "inbound").chmod(0o700)
    assert "cannot hand in" in found(sick, "permissions", "warning")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: False if str(path) == str(sick / "exchange") else access(path, mode)
    )
    assert "You may not write to the exchange" in found(sick, "permissions")
    shutil.rmtree(sick / "exchange")
    assert "There is no exchange" in found(sick, "permissions", "warning")


def test_packages_of_other_versions_are_found(sick):
    (sick / "constraints.txt").write_text("numpy==0.1\nno-such-package==1.0\nscipy==0.2\n")
    said = found(sick, "packages", "warning")
    assert "2 packages differ" in said and "numpy is" in said and "no-such-package" not in said
    shutil.copy(ROOT / "constraints.txt", sick)
    assert "numpy" not in found(sick, "packages", "warning")


def test_only_what_is_pinned_for_this_python_and_really_installed_is_compared(tmp_path, monkeypatch):
    def said(text):
        (tmp_path / "constraints.txt").write_text(text)
        [finding] = doctor.check_packages(tmp_path)
        return finding.level, finding.sentence

    pinned = f"numpy=={importlib.metadata.version('numpy')}"
    other = 'numpy==0.1 ; python_version < "3"'
    assert (
        said(f"{other}\n{pinned}\n")
        == said(f"{pinned}  # why\n{other}\n")
        == ("ok", "Packages are those of constraints.txt (1).")
    )
    assert said("numpy==0.1\nnumpy==what ever\n")[0] == "warning"
    # A copy that a package has within itself, on the path since that was imported.
    copy = tmp_path / "setuptools" / "_vendor" / "lent-1.0.dist-info"
    copy.mkdir(parents=True)
    (copy / "METADATA").write_text("Metadata-Version: 2.1\nName: lent\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(copy.parent))
    assert importlib.metadata.version("lent") == "1.0" and said("lent==2.0\n")[0] == "ok"


def test_a_damaged_gradebook_is_found_and_the_backup_named(sick):
    (sick / "gradebook.db").write_bytes(b"x" * 4096)
    said = found(sick, "gradebook")
    assert "is damaged" in said and backups.backups(sick)[-1].name in said
    assert found(sick, "exercises") == found(sick, "records") == "", "one fault is told once"
    shutil.copy(backups.backups(sick)[-1], sick / "gradebook.db")
    assert found(sick, "gradebook") == "", "the backup works"
    backups.backups(sick)[-1].write_bytes(b"x" * 4096)
    assert "The backup gradebook-" in found(sick, "gradebook", "warning")


def test_results_that_wait_and_a_gradebook_that_is_missing_are_found(sick):
    from photgrader.gradebook import writer

    writer.spool(
        sick,
        {"record": {"student": "ada", "assignment": ASSIGNMENT, "notebook": ASSIGNMENT}, "notebook": "{}", "log": ""},
    )
    assert f"photgrader grade {ASSIGNMENT}" in found(sick, "gradebook", "warning")
    (sick / "gradebook.db").unlink()
    assert "There is no gradebook yet" in found(sick, "gradebook", "warning")


def test_a_tampered_record_and_a_tampered_gradebook_are_found(sick):
    assert found(sick, "records") == ""
    with Gradebook(app.database_url(sick)) as gradebook:
        gradebook.find_grade("check-centroid", ASSIGNMENT, ASSIGNMENT, "ada").auto_score = 1.0
        gradebook.db.commit()
    assert "gives ada 4 automatic points" in found(sick, "records") and "the record 7" in found(sick, "records")
    path = coursedir.record_path(sick, ASSIGNMENT, "ada")
    path.write_text(path.read_text().replace('"points": 4.0', '"points": 1.0'))
    assert "was changed after the grader wrote it" in found(sick, "records") and "--student ada --force" in found(
        sick, "records"
    )
    path.write_text("{")
    assert "cannot be read" in found(sick, "records")


def test_a_check_that_cannot_be_done_is_a_finding_and_the_others_are_done(sick, monkeypatch):
    def broken(root):
        raise RuntimeError("no such luck")

    monkeypatch.setitem(doctor.CHECKS, "packages", broken)
    monkeypatch.setitem(doctor.CHECKS, "sandbox", lambda root: iter([doctor.Finding("sandbox", "ok", "")]))
    findings = list(doctor.examine(sick))
    assert {f.area for f in findings} == set(doctor.CHECKS)
    assert "no such luck" in next(f.sentence for f in findings if f.area == "packages")
