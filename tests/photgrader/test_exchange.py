"""The exchange among people who may be anybody: what is another's is refused, and no hand-in stops another's."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
import subprocess

import pytest
from click.testing import CliRunner
from nbgrader.utils import notebook_hash

from photcourse import hand_in as student_side
from photgrader.commands.collect import command as collect_command
from photgrader.commands.exchange import command as exchange_command
from photgrader.gradebook import app, exchange
from support import ASSIGNMENT, ROOT, make_course

STUDENTS = {"ada": os.getuid(), "ben": 400_001, "cleo": 400_002}
EARLY, LATE = "2026-11-28 10:00:00.000000 UTC", "2026-11-28 11:00:00.000000 UTC"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("exchange-course"))


@pytest.fixture
def root(built, tmp_path, monkeypatch):
    """A course whose exchange is right; the collector's account is none of the students'."""
    made = tmp_path / "course"
    shutil.copytree(built, made)
    place = tmp_path / "exchange"
    exchange.make_exchange(place, "starlight", os.getuid(), os.getgid())
    monkeypatch.setenv("PHOTCOURSE_EXCHANGE", str(place))
    monkeypatch.setattr(exchange, "uid_of", lambda student, accounts="same": STUDENTS.get(student))
    monkeypatch.setattr(exchange.os, "geteuid", lambda: 399_999)
    monkeypatch.chdir(made)
    return made


def put(
    root: pathlib.Path, student: str, time: str = EARLY, text: str = "{}", assignment: str = ASSIGNMENT, **files: str
) -> pathlib.Path:
    """Put a hand-in into the exchange, as whoever runs the test, who is `ada`."""
    folder = root.parent / "exchange" / "starlight" / "inbound" / f"{student}+{assignment}+{time}+abcdefghijkl"
    folder.mkdir()
    for name, body in {
        f"{assignment}.ipynb": text,
        "timestamp.txt": time,
        "submission_secret.txt": "s" * 64,
        **files,
    }.items():
        (folder / name).write_text(body)
    return folder


def submitted(root: pathlib.Path, student: str) -> pathlib.Path:
    return root / "submitted" / student / ASSIGNMENT


def collect(root: pathlib.Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(collect_command, [ASSIGNMENT, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.output


def by_nbgrader(root: pathlib.Path) -> None:
    # In a process of its own the accounts are the machine's; the test's students have none there.
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "nbgrader"), "collect", ASSIGNMENT, "--update"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "refused" in done.stderr


def by_the_formgrader(root: pathlib.Path) -> None:
    result = app.nbgrader_api(root).collect(ASSIGNMENT, update=True)
    assert result["success"] and "refused" in result["log"], result


def by_our_command(root: pathlib.Path) -> None:
    code, said = collect(root)
    assert code == 1 and "says that it is by ben and belongs to" in said and "1 refused" in said


@pytest.mark.parametrize("way", [by_our_command, by_the_formgrader])
def test_a_hand_in_in_anothers_name_is_refused_and_does_not_replace_the_right_one(root, way):
    put(root, "ada", text="ada's own")
    put(root, "ben", LATE, text="not by ben")
    submitted(root, "ben").mkdir(parents=True)
    (submitted(root, "ben") / f"{ASSIGNMENT}.ipynb").write_text("ben's own")
    way(root)
    assert (submitted(root, "ada") / f"{ASSIGNMENT}.ipynb").read_text() == "ada's own"
    assert (submitted(root, "ben") / f"{ASSIGNMENT}.ipynb").read_text() == "ben's own"


def test_what_is_collected_is_the_groups_to_write_where_nbgraders_setting_says_so_and_nobody_elses(root):
    def modes() -> list[int]:
        there = submitted(root, "ada")
        paths = (there.parent, there, there / f"{ASSIGNMENT}.ipynb", there / "timestamp.txt")
        return [stat.S_IMODE(path.stat().st_mode) for path in paths]

    put(root, "ada")
    collect(root)
    assert modes() == [0o755, 0o755, 0o644, 0o644]
    with (root / "nbgrader_config.py").open("a") as config:
        config.write("\nc.CourseDirectory.groupshared = True\n")
    put(root, "ada", LATE)
    collect(root)
    assert modes() == [0o2775, 0o2775, 0o664, 0o664]


@pytest.mark.skipif(os.geteuid() != 0, reason="folders of several accounts can only be made by root")
def test_nbgraders_own_command_refuses_by_the_machines_accounts(root):
    for owner, student in (("daemon", "daemon"), ("daemon", "bin")):
        folder = put(root, student, text=f"by {owner}")
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, owner)
    by_nbgrader(root)
    assert (submitted(root, "daemon") / f"{ASSIGNMENT}.ipynb").read_text() == "by daemon" and not submitted(
        root, "bin"
    ).exists()


@pytest.mark.parametrize(
    "time",
    [
        "x",
        "",
        "2026-13-45 99:99:99 UTC",
        "9" * 120,
        "0001-01-01 00:00:00 +99:99",
        "2026-11-28 10:00:00 No.where",
        "99999999999999999999",
    ],
)
def test_a_time_that_is_none_stops_nobody(root, time):
    good = put(root, "ada", text="with a time")
    shutil.copytree(good, good.with_name(f"ada+{ASSIGNMENT}+{time}+zyx"))
    _, said = collect(root)
    assert (submitted(root, "ada") / f"{ASSIGNMENT}.ipynb").read_text() == "with a time", said


def test_an_unreadable_time_is_said_with_its_student(root):
    put(root, "ada", "x")
    code, said = collect(root)
    assert code == 1 and "holds no time" in said and "ask ada to hand in again" in said and "Traceback" not in said


def test_links_pipes_and_others_files_are_left_out_and_nothing_behind_a_link_is_read(root, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "answers.txt").write_text("the reference")
    folder = put(root, "ada")
    (folder / "linked.txt").symlink_to(secret / "answers.txt")
    (folder / "linked").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    code, said = collect(root)
    assert code == 0, said
    assert sorted(p.name for p in submitted(root, "ada").iterdir()) == sorted(
        [f"{ASSIGNMENT}.ipynb", "submission_secret.txt", "timestamp.txt"]
    )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: [(f / f"{i}.txt").touch() for i in range(exchange.MOST_FILES + 1)], "more than 2000 files"),
        (lambda f: (f / "/".join(["d"] * (exchange.DEEPEST + 2))).mkdir(parents=True), "more than 32 deep"),
        (lambda f: _sparse(f, 90_000_000, 3), "larger than 100 MB"),
    ],
    ids=["files", "depth", "bytes"],
)
def test_a_hand_in_that_is_too_much_is_refused_whole_and_what_was_there_stays(root, spoil, words):
    put(root, "ada", EARLY, text="first")
    assert collect(root)[0] == 0
    spoil(put(root, "ada", LATE, text="second"))
    code, said = collect(root)
    assert code == 1 and words in said and "hand in the notebook again" in said
    assert (submitted(root, "ada") / f"{ASSIGNMENT}.ipynb").read_text() == "first"
    assert [p.name for p in (root / "submitted" / "ada").iterdir()] == [ASSIGNMENT], "nothing half done is left"


def _sparse(folder: pathlib.Path, size: int, number: int) -> None:
    for index in range(number):
        with (folder / f"{index}.bin").open("wb") as stream:
            stream.truncate(size)


def test_the_last_one_counts_or_the_last_before_the_due_date_and_a_refused_one_shadows_none(root):
    import datetime

    with course_gradebook(root) as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate=datetime.datetime(2026, 11, 28, 10, 30))
    put(root, "ada", EARLY, text="in time")
    put(root, "ada", LATE, text="late")
    put(root, "ada", "x", text="no time")
    collect(root, "--before-duedate")
    assert (submitted(root, "ada") / f"{ASSIGNMENT}.ipynb").read_text() == "in time"
    code, said = collect(root)
    assert (
        submitted(root, "ada") / f"{ASSIGNMENT}.ipynb"
    ).read_text() == "late" and "1 taken in place of an older one" in said
    assert "1 as before" in collect(root)[1]


def course_gradebook(root: pathlib.Path):

    return app.gradebook(root)


def test_without_its_timestamp_a_hand_in_is_collected_with_the_time_of_its_name(root):
    (put(root, "ada") / "timestamp.txt").unlink()
    assert collect(root)[0] == 0
    assert (submitted(root, "ada") / "timestamp.txt").read_text() == EARLY


# nbgrader leaves the file open.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("missing", ["timestamp.txt", "submission_secret.txt"])
def test_a_hand_in_that_lacks_a_file_stops_nobodys_feedback(root, missing, caplog):
    for student in ("ada", "ben", "cleo"):
        page = root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
        page.parent.mkdir(parents=True)
        page.write_text(f"feedback of {student}")
        (page.parent / "timestamp.txt").write_text(EARLY)
        (page.parent / "submission_secret.txt").write_text(f"secret of {student}")
    (root / "feedback" / "ben" / ASSIGNMENT / missing).unlink()
    result = app.nbgrader_api(root).release_feedback(ASSIGNMENT)
    assert result["success"], result
    pages = {
        s: root.parent
        / "exchange/starlight/feedback"
        / f"{notebook_hash(secret=f'secret of {s}', notebook_id=ASSIGNMENT)}.html"
        for s in ("ada", "ben", "cleo")
    }
    assert pages["ada"].read_text() == "feedback of ada" and pages["cleo"].read_text() == "feedback of cleo"
    if missing == "timestamp.txt":
        assert pages["ben"].is_file()
    else:
        assert not pages["ben"].exists() and "the hand-in has no submission_secret.txt" in result["log"]


def test_status_does_not_wait_for_what_is_refused(root):
    from photgrader.overview import status

    put(root, "ada"), put(root, "ben"), put(root, "cleo", "x")
    waiting = {s.student for s in status.course_status(root, [ASSIGNMENT])[0].students if s.waiting}
    assert waiting == {"ada"}


# ------------------------------------------------------------------------------------------------ owners on other hubs
def test_owners_where_accounts_have_other_names_or_there_are_none(monkeypatch):
    monkeypatch.setattr(
        exchange.pwd,
        "getpwnam",
        lambda name: {"jupyter-ben": os.stat_result, "ben": None}[name] and type("E", (), {"pw_uid": 77}),
    )
    assert exchange.uid_of("ben", "tljh") == 77 and exchange.uid_of("nobody-at-all", "tljh") is None
    assert exchange.uid_of("ben", "derived") == exchange.derived_uid("ben") >= exchange.FIRST_DERIVED_UID
    uids = {exchange.derived_uid(f"student{i}") for i in range(5000)}
    assert len(uids) == 5000 and max(uids) < 2**31 - 1
    assert len(exchange.tljh_account("someone.with.a.very.long.name@example.org")) == 32


# ------------------------------------------------------------------------------------------------ setting up, looking over
def modes(folder: pathlib.Path) -> list[int]:
    return [
        stat.S_IMODE((folder / name).stat().st_mode) & 0o1777
        for name in ("", "c", "c/outbound", "c/inbound", "c/feedback")
    ]


def test_an_exchange_is_made_right_mended_and_then_left_alone(tmp_path):
    place = tmp_path / "exchange"
    arguments = ["--root", str(place), "--course", "c", "--grader", _me()]
    assert CliRunner().invoke(exchange_command, arguments).exit_code == 0
    assert modes(place) == [0o1777, 0o755, 0o755, 0o1733, 0o711]
    assert exchange.look_over(place, "c", os.getuid()) == []
    place.chmod(0o777), (place / "c" / "inbound").chmod(0o733)
    said = CliRunner().invoke(exchange_command, arguments).output
    assert "Set the mode" in said and modes(place) == [0o1777, 0o755, 0o755, 0o1733, 0o711]
    assert "is as it should be" in CliRunner().invoke(exchange_command, arguments).output


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda e: e.chmod(0o777), "without the sticky bit"),
        (lambda e: (e / "c" / "inbound").chmod(0o733), "no sticky bit"),
        (lambda e: (e / "c").chmod(0o777), "replace the course's folders"),
        (lambda e: (e / "c" / "inbound").chmod(0o1777), "list what others"),
        (lambda e: ((e / "c" / "feedback").rmdir(), (e / "c" / "feedback").symlink_to("/tmp")), "is a link"),
        (lambda e: e.parent.chmod(0o777), "without the sticky bit"),
    ],
    ids=["root", "inbound", "course", "listing", "link", "above"],
)
def test_each_way_to_anothers_work_is_a_fault_with_what_to_do(tmp_path, spoil, words):
    place = tmp_path / "above" / "exchange"
    exchange.make_exchange(place, "c", os.getuid(), os.getgid())
    assert exchange.look_over(place, "c", os.getuid()) == []
    spoil(place)
    faults = [t for t in exchange.look_over(place, "c", os.getuid()) if t[0] == "fault"]
    assert len(faults) == 1 and words in faults[0][1] and faults[0][2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders to others")
def test_a_course_folder_that_a_student_made_first_is_not_taken_over(tmp_path):
    (tmp_path / "c" / "inbound").mkdir(parents=True)
    shutil.chown(tmp_path / "c", "daemon")
    done = CliRunner().invoke(exchange_command, ["--root", str(tmp_path), "--course", "c", "--grader", "root"])
    assert done.exit_code != 0 and "belongs to daemon" in str(done.exception)
    assert any("belongs to daemon" in t[1] for t in exchange.look_over(tmp_path, "c", 0))


@pytest.mark.skipif(os.geteuid() != 0, reason="what another account may do can only be tried by root")
def test_a_student_can_neither_rename_the_course_nor_remove_anothers_hand_in_nor_list_them(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)
    place = tmp_path / "exchange"
    exchange.make_exchange(place, "c", 2, 2)
    theirs = place / "c" / "inbound" / "bin+ps1+t+r"
    theirs.mkdir()
    shutil.chown(theirs, 3)

    def as_daemon(command: str) -> int:
        return subprocess.run(
            ["sh", "-c", command], cwd=place, user=1, group=1, extra_groups=[], stderr=subprocess.DEVNULL
        ).returncode

    assert as_daemon("mkdir c/inbound/mine") == 0, "handing in works"
    for attempt in (
        "mv c gone",
        "rmdir c/inbound/'bin+ps1+t+r'",
        "mv c/inbound/'bin+ps1+t+r' c/inbound/other",
        "ls c/inbound",
        "mkdir c/outbound/ps9",
        "ls c/feedback",
    ):
        assert as_daemon(attempt) != 0, attempt


# ------------------------------------------------------------------------------------------------ handing in
@pytest.fixture
def student(root, tmp_path, monkeypatch):
    """A student who has fetched the assignment, and what hands it in."""
    from nbgrader.auth import Authenticator
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    place = tmp_path / "exchange"
    shutil.copytree(root / "release" / ASSIGNMENT, place / "starlight" / "outbound" / ASSIGNMENT)
    home = tmp_path / "home"
    work = home / ASSIGNMENT
    shutil.copytree(root / "release" / ASSIGNMENT, work)
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    config = Config(
        {
            "Exchange": {"root": str(place), "cache": str(home / "cache"), "assignment_dir": str(home)},
            "CourseDirectory": {"course_id": "starlight", "assignment_id": ASSIGNMENT, "root": str(home)},
        }
    )

    def submit() -> None:
        student_side.AtomicSubmit(
            coursedir=CourseDirectory(config=config), authenticator=Authenticator(config=config), config=config
        ).start()

    return home, submit


def inbound(root: pathlib.Path) -> list[str]:
    return sorted(p.name for p in (root.parent / "exchange" / "starlight" / "inbound").iterdir())


def test_what_is_handed_in_is_collected_and_the_student_has_the_same_copy(root, student):
    home, submit = student
    submit()
    (name,) = inbound(root)
    assert name.startswith(f"ada+{ASSIGNMENT}+")
    folder = root.parent / "exchange" / "starlight" / "inbound" / name
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755, "who learns the name cannot write into it"
    (own,) = [p for p in (home / "cache" / "starlight").iterdir() if not p.name.startswith(".")]
    assert (own / "submission_secret.txt").read_text() == (folder / "submission_secret.txt").read_text()
    assert collect(root)[0] == 0
    assert (submitted(root, "ada") / f"{ASSIGNMENT}.ipynb").read_bytes() == (
        home / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    ).read_bytes()


@pytest.mark.parametrize("at", range(1, 9))
def test_whichever_write_finds_the_disk_full_nothing_is_half_handed_in(root, student, monkeypatch, at):
    import errno

    from nbgrader.exchange.abc import ExchangeError

    home, submit = student
    calls = iter(range(1, 10_000))

    def full(path: pathlib.Path) -> None:
        if next(calls) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(student_side, "_flush", full)
    with pytest.raises(ExchangeError, match="was not handed in: the disk is full.*still there"):
        submit()
    assert inbound(root) == [] and [p.name for p in (home / "cache" / "starlight").iterdir()] == []
    monkeypatch.setattr(student_side, "_flush", lambda path: None)
    submit()
    assert len(inbound(root)) == 1


def test_a_server_killed_in_the_middle_leaves_nothing_to_collect_and_the_next_try_clears_it_away(
    root, student, monkeypatch
):
    home, submit = student
    with monkeypatch.context() as killed:
        killed.setattr(student_side.shutil, "rmtree", lambda *a, **k: None)
        killed.setattr(pathlib.Path, "unlink", lambda *a, **k: None)
        killed.setattr(student_side.AtomicSubmit, "_write", _killed_in_the_middle)
        with pytest.raises(KeyboardInterrupt):
            submit()
    assert len(inbound(root)) == 1 and inbound(root)[0].startswith(".")
    code, said = collect(root)
    assert code == 0 and "0 collected" in said
    submit()
    assert len(inbound(root)) == 1 and inbound(root)[0].startswith("ada+")


def _killed_in_the_middle(self, folder: pathlib.Path, secret: str) -> None:
    folder.mkdir()
    (folder / "half.ipynb").write_text("{")
    raise KeyboardInterrupt


def test_the_assignment_list_shows_the_sentence_and_no_traceback(monkeypatch):
    from nbgrader.server_extensions.assignment_list.handlers import AssignmentList

    told = "Traceback (most recent call last):\n  ...\nnbgrader.exchange.abc.exchange.ExchangeError: ps1 was not handed in: the disk is full.\n"
    monkeypatch.setattr(
        AssignmentList, "submit_assignment", lambda self, course_id, assignment_id: {"success": False, "value": told}
    )
    student_side._load_jupyter_server_extension(None)
    assert AssignmentList.submit_assignment(None, "c", "ps1") == {
        "success": False,
        "value": "ps1 was not handed in: the disk is full.",
    }
