"""Every command with wrong names, missing, damaged, unreadable and read-only files, a full disk, no terminal, a pipe, a negative number.

Exit code as promised, one sentence, no traceback, nothing half written. The commands run in forked processes: as another
user, on a disk that takes nothing more, with pipes that nobody reads.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing.forkserver
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator

import click
import pytest

import photcourse.cli
from photgrader import coursedir
from photgrader.cli import main, main_group
from photgrader.commands import common
from photgrader.gradebook import app, writer
from photgrader.gradebook.exporters import Csv
from photgrader.grading import processes
from photgrader.runs import cluster
from support import ASSIGNMENT, RIGHT, ROOT, submit

ROOTLY = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root can")


class Done:
    """What a command gave back."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def sentences(self) -> list[str]:
        """The lines of what it said, without click's reminder of how it is called."""
        return [line for line in self.err.splitlines() if line.strip() and not line.startswith(("Usage:", "Try '"))]


def run(
    words: list[str],
    cwd: pathlib.Path,
    *,
    program: Callable = main,
    user: int = 0,
    full: int = 0,
    out: int | None = None,
) -> Done:
    """Run a command in a forked process, without a terminal; no file can grow beyond `full` bytes."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as told, warnings.catch_warnings():
        # Threads of other tests' libraries hold no lock that a command needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = 99
            try:
                warnings.simplefilter("ignore")
                # The server of processes that an earlier test started is no child of this one.
                multiprocessing.forkserver._forkserver.__init__()  # type: ignore[misc]  # its methods are bound in the module
                # Nor is the folder of its sockets, which another account may not enter.
                multiprocessing.current_process()._config.pop("tempdir", None)  # type: ignore[attr-defined]
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(said.fileno() if out is None else out, 1)
                os.dup2(told.fileno(), 2)
                sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
                os.chdir(cwd)
                if full:
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (full, full))
                if user:
                    os.setgroups([])
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                try:
                    code = program(words) or 0
                except SystemExit as end:
                    code = end.code if isinstance(end.code, int) else 1 if end.code else 0
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException:
                with contextlib.suppress(BaseException):
                    traceback.print_exc()
                    sys.stderr.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        told.seek(0)
        done = Done(os.waitstatus_to_exitcode(status), said.read(), told.read())
    assert "Traceback" not in done.err + done.out, done.err + done.out
    return done


def everything(root: pathlib.Path) -> dict[str, bytes]:
    """Return the files of a course, without the locks that a look at it leaves."""
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.is_symlink() and not p.name.endswith(".lock") and p.name not in ("key", "quality.json")
    }


@contextlib.contextmanager
def untouched(root: pathlib.Path) -> Iterator[None]:
    """Make sure that nothing in a course changes."""
    before = everything(root)
    yield
    after = everything(root)
    assert sorted(after.keys() ^ before.keys()) == [] and [n for n in before if after[n] != before[n]] == []


@pytest.fixture(scope="module")
def class_of_two(built_course: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A small course with two submissions, whose gradebook knows one of the students; to be copied."""
    root = shutil.copytree(built_course, tmp_path_factory.mktemp("two") / "course")
    for student in ("ada", "lovis"):
        submit(root, student, RIGHT)
    with app.gradebook(root) as gradebook:
        gradebook.add_student("ada", last_name="Lovelace")
    coursedir.key(root)
    return root


@pytest.fixture
def course(class_of_two: pathlib.Path, tiny_course: pathlib.Path) -> pathlib.Path:
    """A copy of it, of one's own."""
    shutil.rmtree(tiny_course)
    return shutil.copytree(class_of_two, tiny_course)


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from walk(found, (*path, name))


#: Those that an installed grader has; a checkout's benchmarks are known in a checkout alone.
COMMANDS = {
    path: command
    for path, command in walk(main_group)
    if "benchmarks" not in str(command.callback and command.callback.__module__)
}
#: What a command needs beside its options to be a call at all.
ARGUMENTS = {
    "anonymise": ["--study", "s", "--out", "out.csv"],
    "assign": [ASSIGNMENT],
    "class": [ASSIGNMENT],
    "collect": [ASSIGNMENT],
    "grade": [ASSIGNMENT],
    "regrade": [ASSIGNMENT],
    "replay": [f"{ASSIGNMENT}/ada"],
    "report": [ASSIGNMENT],
    "student-repo": ["tree"],
    "completion": ["bash"],
    "roster import": ["class.csv"],
    "lti marks": [ASSIGNMENT],
    "new course": ["elsewhere"],
    "new exercise": [ASSIGNMENT, "mean_flux"],
    "try": [ASSIGNMENT],
}
#: Commands that ask for no course.
ALONE = {"completion", "new course"}


def call(path: tuple[str, ...], *more: str) -> list[str]:
    return [*path, *ARGUMENTS.get(" ".join(path), []), *more]


def names(commands: list[tuple[str, ...]]) -> dict:
    return {"argvalues": commands, "ids": [" ".join(c) for c in commands]}


# --------------------------------------------------------------------------------------------- for every command
@pytest.mark.parametrize("path", **names(list(COMMANDS)))
def test_an_option_that_is_none_and_a_number_that_is_too_small_are_refused(path, course):
    (course / "class.csv").write_text("id\nada\n")
    with untouched(course):
        assert run(call(path, "--no-such-option"), course).code == 2
        for option in COMMANDS[path].params:
            if isinstance(option, click.Option) and (
                isinstance(option.type, (click.IntRange, click.types.IntParamType))
                or option.type in (click.INT, click.FLOAT)
            ):
                done = run(call(path, f"{option.opts[0]}=-3"), course)
                assert done.code == 2 and len(done.sentences) == 1 and option.opts[0] in done.err, done.err


@pytest.mark.parametrize(
    "path", **names([p for p in COMMANDS if any(o.type is common.OUTPUT for o in COMMANDS[p].params)])
)
def test_a_file_that_cannot_be_written_is_told_before_the_work(path, course):
    (course / "class.csv").write_text("id\nada\n")
    (course / "a-file").write_text("x")
    (course / "a-folder").mkdir()
    with untouched(course):
        for option in COMMANDS[path].params:
            if option.type is common.OUTPUT:
                for place in ("a-folder", "a-file/within.json"):
                    done = run(call(path, option.opts[0], place), course)
                    assert done.code == 2 and len(done.sentences) == 1 and "folder" in done.err, done.err


@pytest.mark.parametrize("path", **names([p for p in COMMANDS if " ".join(p) not in ALONE and p != ("deadlines",)]))
def test_outside_of_a_course_and_in_one_whose_settings_are_broken(path, course, tmp_path):
    (tmp_path / "class.csv").write_text("id\nada\n")
    done = run(call(path), tmp_path)
    assert done.code == 2 and len(done.sentences) == 1, done.err
    (course / "class.csv").write_text("id\nada\n")
    (course / "photgrader.toml").write_text("[limits\n")
    if path != ("doctor",):
        with untouched(course):
            done = run(call(path), course)
        assert done.code == 2 and len(done.sentences) == 1 and "photgrader.toml" in done.err, done.err


@pytest.mark.parametrize(
    "path",
    **names([p for p in COMMANDS if p[0] != "lti" and any(o.type is common.ASSIGNMENT for o in COMMANDS[p].params)]),
)
def test_an_assignment_that_is_none_is_told_with_those_that_are(path, course):
    words = [w.replace(ASSIGNMENT, "hw1") for w in call(path)]
    words += ["hw1"] if "hw1" not in words else []
    with untouched(course):
        done = run(words, course)
    assert done.code == 2 and len(done.sentences) == 1 and ("hw1" in done.err), done.err
    shutil.rmtree(course / "source" / ASSIGNMENT)
    if path[0] in ("assign", "build", "status", "anonymise"):
        assert "there is none yet" in run(words, course).err


READING_THE_GRADEBOOK = [
    ("status",),
    ("status", ASSIGNMENT),
    ("roster", "list"),
    ("roster", "import", "class.csv"),
    ("deadlines",),
    ("deadlines", "--apply"),
    ("migrate",),
    ("assign", ASSIGNMENT, "--graders", "x"),
    ("class", ASSIGNMENT),
    ("demo", "--clean"),
    ("grade", ASSIGNMENT),
    ("regrade", ASSIGNMENT),
    ("build", "--force", "--anyway"),
]


@pytest.mark.parametrize("what", ["not a database", "cut", "a folder"])
@pytest.mark.parametrize("words", **names(READING_THE_GRADEBOOK))
def test_a_gradebook_that_cannot_be_read_is_one_sentence(words, what, course):
    (course / "class.csv").write_text("id\nada\n")
    book = course / "gradebook.db"
    content = book.read_bytes()
    book.unlink()
    if what == "a folder":
        book.mkdir()
    else:
        book.write_bytes(b"not a database" * 300 if what == "not a database" else content[: len(content) // 3])
    with untouched(course):
        done = run(list(words), course)
    assert done.code == 2 and len(done.sentences) == 1 and "gradebook" in done.err.lower(), done.err


LAYOUTS = {
    "another one": ("UPDATE alembic_version SET version_num = 'ffffffffffff'", "newer nbgrader"),
    "a former one": ("UPDATE alembic_version SET version_num = '167914646830'", "photgrader migrate"),
    "none": ("DELETE FROM alembic_version", "says no layout"),
    "not said": ("DROP TABLE alembic_version", "says no layout"),
    "a table less": ("DROP TABLE comment", "no table comment"),
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_a_gradebook_that_is_none_of_this_nbgraders_is_not_added_to(what, course):
    statement, said = LAYOUTS[what]
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as book:
        book.execute(statement)
        book.commit()
    (course / "class.csv").write_text("id\nada\n")
    with untouched(course):
        for words in (["status"], ["roster", "list"], ["roster", "import", "class.csv"], ["grade", ASSIGNMENT]):
            done = run(words, course)
            assert done.code == 2 and len(done.sentences) == 1 and said in done.err, done.err
        found = json.loads(run(["doctor", "--json", "-"], course).out)["findings"]
        assert [f["level"] for f in found if said in f["sentence"] + f["todo"]] == ["fault"]
        api = app.nbgrader_api(course)
        with pytest.raises(SystemExit):
            Csv(parent=api)


def test_doctor_names_a_package_that_is_not_installed(course):
    BROKEN["a package is not installed"](course)
    found = json.loads(run(["doctor", "--json", "-"], course).out)["findings"]
    assert [f["level"] for f in found if f["area"] == "packages"][0] == "fault" and "no_such_package" in str(found)


def test_doctor_says_that_a_damaged_gradebook_is_damaged_and_no_more_than_it_knows(course):
    (course / "gradebook.db").write_bytes(b"not a database" * 300)
    done = run(["doctor", "--json", "-"], course)
    found = [f for f in json.loads(done.out)["findings"] if "gradebook" in f["sentence"] and f["level"] == "ok"]
    assert done.code == 1 and "damaged" in done.out and found == [], found


BROKEN: dict[str, Callable[[pathlib.Path], object]] = {
    "photgrader.toml is a folder": lambda c: ((c / "photgrader.toml").unlink(), (c / "photgrader.toml").mkdir()),
    "nbgrader_config.py is no Python": lambda c: (c / "nbgrader_config.py").write_text("def (:\n"),
    "nbgrader_config.py raises": lambda c: (c / "nbgrader_config.py").write_text("import no_such_module\n"),
    "deadlines.yaml is none": lambda c: (c / "deadlines.yaml").write_text("due: [\n"),
    "the key is damaged": lambda c: (c / ".photgrader/key").write_text("zz"),
    ".photgrader is a file": lambda c: (shutil.rmtree(c / ".photgrader"), (c / ".photgrader").write_text("")),
    "the release is damaged": lambda c: (c / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text("{"),
    "the release is gone": lambda c: shutil.rmtree(c / "release"),
    "the gradebook is gone": lambda c: (c / "gradebook.db").unlink(),
    "a package is not installed": lambda c: (c / "photgrader.toml").write_text(
        '[packages]\nown = ["no_such_package"]\n'
    ),
    "autograded is a file": lambda c: (c / "autograded").write_text(""),
    "autograded leads nowhere": lambda c: (c / "autograded").symlink_to("nowhere"),
    "the folder of records is a file": lambda c: (c / ".photgrader/records").write_text(""),
    "the deadlines are a pipe": lambda c: os.mkfifo(c / "deadlines.yaml"),
    "the deadlines have no end": lambda c: ((c / "deadlines.yaml").touch(), os.truncate(c / "deadlines.yaml", 1 << 40)),
    "the settings have no end": lambda c: os.truncate(c / "photgrader.toml", 1 << 40),
    "the deadlines lead nowhere": lambda c: (c / "deadlines.yaml").symlink_to("nowhere"),
    "the gradebook is a pipe": lambda c: ((c / "gradebook.db").unlink(), os.mkfifo(c / "gradebook.db")),
    "another's nbgrader course": lambda c: (c / "nbgrader_config.py").write_text("c = get_config()\n"),
}


#: What is seen before the processes are started that would grade.
AT_A_GLANCE = [
    w for w in BROKEN if w.startswith(("the deadlines", "deadlines.yaml", "autograded", "the release", "the folder of"))
]


@pytest.mark.parametrize("what", BROKEN)
def test_grading_a_course_that_is_not_ready_refuses_at_once(what, course, monkeypatch):
    BROKEN[what](course)
    if what in AT_A_GLANCE:
        monkeypatch.setattr(processes, "start_server", None)
    done = run(["grade", ASSIGNMENT], course)
    assert done.code == 2 and len(done.sentences) == 1, done.err
    assert not (course / "autograded").is_dir()


@pytest.mark.parametrize(
    "what, words, code",
    [
        ("nbgrader_config.py is no Python", ["status"], 2),
        ("deadlines.yaml is none", ["deadlines"], 2),
        ("the deadlines are a pipe", ["deadlines"], 2),
        ("the gradebook is a pipe", ["regrade", ASSIGNMENT, "--dry-run"], 2),
        ("the gradebook is a pipe", ["status"], 2),
        ("the deadlines lead nowhere", ["status"], 2),
        ("a package is not installed", ["regrade", ASSIGNMENT, "--dry-run"], 2),
        (".photgrader is a file", ["status"], 2),
        ("the release is damaged", ["status"], 2),
        ("another's nbgrader course", ["regrade", ASSIGNMENT, "--dry-run"], 2),
        ("the key is damaged", ["grade", ASSIGNMENT], 2),
    ],
)
def test_others_say_what_is_broken_too(what, words, code, course):
    BROKEN[what](course)
    done = run(words, course)
    assert done.code == code and len(done.sentences) == 1, done.err


@pytest.mark.parametrize(
    "file, words, said",
    [
        (f".photgrader/marking/{ASSIGNMENT}.json", ["assign", ASSIGNMENT], "damaged"),
        (".photgrader/roster.json", ["roster", "import", "class.csv"], "damaged"),
        (f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", ["build", "--force"], "no notebook that can be read"),
        (f".photgrader/records/{ASSIGNMENT}/ada.json", ["replay", f"{ASSIGNMENT}/ada"], "not a record"),
        (f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", ["new", "exercise", ASSIGNMENT, "mean_flux"], "cannot be read"),
        (".photgrader/lti.pem", ["lti", "key"], "damaged"),
        ("lti.toml", ["lti", "marks", ASSIGNMENT], "lti.toml"),
        ("live.toml", ["serve", "--port", "0"], "live.toml"),
    ],
)
def test_a_file_of_the_course_that_is_damaged_is_named(file, words, said, course):
    (course / "class.csv").write_text("id\nada\n")
    (course / file).parent.mkdir(parents=True, exist_ok=True)
    (course / file).write_bytes(b"{\xff")
    done = run(words, course)
    assert done.code == 2 and len(done.sentences) == 1 and said in done.err, done.err


@pytest.mark.parametrize("content", ["[]", '{"ada": 3}'])
def test_what_is_kept_of_class_lists_and_is_no_table_is_damaged(content, course):
    (course / "class.csv").write_text("id\nada\n")
    (course / ".photgrader/roster.json").write_text(content)
    with untouched(course):
        done = run(["roster", "import", "class.csv"], course)
    assert done.code == 2 and len(done.sentences) == 1 and "roster.json is damaged" in done.err, done.err


@pytest.mark.parametrize("words", [["status"], ["doctor"], ["roster", "list"]], ids=" ".join)
def test_a_folder_that_is_gone_is_named_as_such(words, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()

    def program(words):
        gone.rmdir()
        return main(words)

    done = run(words, gone, program=program)
    assert done.code == 2 and len(done.sentences) == 1 and "folder" in done.err and "gone" in done.err, done.err


# --------------------------------------------------------------------------------------------- what is written
WRITING = [("status", "--json"), ("roster", "list", "--json"), ("deadlines", "--json"), ("doctor", "--json")]


@pytest.mark.parametrize("words", **names(WRITING))
def test_a_device_a_pipe_and_a_link_stay_what_they_are(words, course):
    (course / "full").symlink_to("/dev/full")
    done = run([*words, "full"], course)
    assert (
        done.code == 2
        and "disk is full" in done.err
        and (course / "full").is_symlink()
        and pathlib.Path("/dev/full").is_char_device()
    ), done.err
    os.mkfifo(course / "pipe")
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append((course / "pipe").read_text()), daemon=True)
    reader.start()
    run([*words, "pipe"], course)
    reader.join(30)
    assert json.loads(heard[0]) is not None and (course / "pipe").is_fifo()
    (course / "real.json").write_text("old")
    (course / "real.json").chmod(0o640)
    (course / "link.json").symlink_to("real.json")
    run([*words, "link.json"], course)
    assert (course / "link.json").is_symlink() and json.loads((course / "real.json").read_text()) is not None
    assert (course / "real.json").stat().st_mode & 0o777 == 0o640


def test_a_new_file_may_be_read_by_whom_the_umask_says(course):
    before = os.umask(0o027)
    try:
        run(["status", "--json", "new.json"], course)
    finally:
        os.umask(before)
    assert (course / "new.json").stat().st_mode & 0o777 == 0o640


def test_a_disk_that_takes_nothing_more_leaves_the_old_file_and_the_old_gradebook(course):
    (course / "out.json").write_text("old")
    # Larger than what the disk still takes.
    (course / "class.csv").write_text("id,first_name\n" + "".join(f"student{n},{'x' * 40}\n" for n in range(300)))
    with untouched(course):
        done = run(["roster", "import", "class.csv"], course, full=4096)
    assert done.code == 2 and len(done.sentences) == 1, done.err
    assert run(["roster", "import", "class.csv"], course).code == 0
    done = run(["roster", "list", "--json", "out.json"], course, full=4096)
    assert done.code == 2 and "out.json" in done.err and (course / "out.json").read_text() == "old", done.err
    assert [p.name for p in course.glob(".new-*")] == []


@pytest.mark.parametrize(
    "words",
    **names(
        [
            ("status",),
            ("status", "--json", "-"),
            ("roster", "list"),
            ("roster", "import", "class.csv", "--dry-run"),
            ("doctor",),
            ("deadlines", "--example"),
            ("completion", "bash"),
            ("lti", "key"),
            ("build", "--check"),
        ]
    ),
)
def test_a_pipe_that_nobody_reads_ends_quietly(words, course):
    (course / "class.csv").write_text("id\nada\n")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(list(words), course, out=writer)
    finally:
        os.close(writer)
    assert done.code in (0, 1) and done.sentences == [], done.err


@pytest.mark.parametrize(
    "words, place",
    [
        (["new", "course", "elsewhere"], "elsewhere"),
        (["new", "exercise", ASSIGNMENT, "mean_flux"], "exercises"),
        (["student-repo", "../tree"], "../tree"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_what_a_full_disk_ends_is_as_if_never_begun_and_can_be_done_again(words, place, course):
    # Each has a file that is larger than what the disk still takes.
    body = json.loads((course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text())
    body["cells"][0]["source"] = ["x" * 5000]
    (course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(body))
    with untouched(course):
        done = run(words, course, full=1500)
    assert done.code == 2 and len(done.sentences) == 1, done.err
    assert [p for p in (course / place).rglob("*") if p.is_file()] == []
    assert run(words, course).code == 0


def test_a_report_has_tables_beside_it_and_so_is_no_device(course):
    before = sorted(os.listdir("/dev"))
    done = run(["report", ASSIGNMENT, "--out", "/dev/null"], course)
    assert done.code == 2 and len(done.sentences) == 1 and "/dev/null" in done.err, done.err
    assert sorted(os.listdir("/dev")) == before


def test_a_class_list_that_is_a_pipe_is_refused_and_what_the_shell_pipes_is_read(course):
    os.mkfifo(course / "pipe.csv")
    done = run(["roster", "import", "pipe.csv"], course)
    assert done.code == 2 and len(done.sentences) == 1 and "pipe.csv is a pipe" in done.err, done.err
    reader, writing = os.pipe()
    os.write(writing, b"id\neve\n")
    os.close(writing)
    done = run(["roster", "import", f"/dev/fd/{reader}"], course)
    os.close(reader)
    assert done.code == 0 and "1 added" in done.out, done.err


@pytest.mark.parametrize("lines, said", [("Eve\neve\n", "Line 3"), ("ADA\n", "--lower")])
def test_accounts_that_differ_in_capitals_only_are_refused(lines, said, course):
    (course / "class.csv").write_text(f"id\n{lines}")
    with untouched(course):
        done = run(["roster", "import", "class.csv"], course)
    assert done.code == 2 and len(done.sentences) == 1 and "in capitals only" in done.err and said in done.err, done.err


@pytest.mark.parametrize(
    "content, words, said",
    [
        ('id,first_name\neve,"Eve\nmia,Mia\n', [], "a quotation mark is left open"),
        ('id,first_name\neve,"Eve\nmia,"Mia"\nzoe,Zoe\n', [], "is a quotation mark left open"),
        ("x,y\neve,mia\n", ["--map", "id=x", "--map", "id=y"], "'id' twice"),
        ("x,y\neve,mia\n", ["--map", "id=x", "--map", "email=x"], "'x' twice"),
    ],
)
def test_a_list_in_which_somebody_would_vanish_is_refused(content, words, said, course):
    (course / "class.csv").write_text(content)
    with untouched(course):
        done = run(["roster", "import", "class.csv", *words], course)
    assert done.code == 2 and len(done.sentences) == 1 and said in done.err, done.err


def test_names_steer_no_terminal_and_no_spreadsheet_s_two_bytes_are_unknown(course):
    (course / "class.csv").write_bytes("id,first_name\neve,\x1b[31mE\u202eve\n".encode("utf-16-be"))
    assert run(["roster", "import", "class.csv"], course).code == 0
    assert json.loads(run(["roster", "list", "--json", "-"], course).out)[1]["first_name"] == "[31mEve"


def test_a_class_list_without_end_is_refused_before_it_is_read(course):
    with (course / "huge.csv").open("wb") as stream:
        stream.truncate(1 << 40)
    for file in ("huge.csv", "/dev/zero"):
        done = run(["roster", "import", file], course)
        assert done.code == 2 and len(done.sentences) == 1 and file in done.err, done.err


# --------------------------------------------------------------------------------------------- whose it is
@ROOTLY
@pytest.mark.parametrize(
    "words",
    **names(
        [
            ("status",),
            ("grade", ASSIGNMENT),
            ("regrade", ASSIGNMENT, "--dry-run"),
            ("roster", "list"),
            ("roster", "import", "class.csv"),
            ("deadlines",),
            ("deadlines", "--apply"),
            ("build",),
            ("class", ASSIGNMENT),
            ("collect", ASSIGNMENT),
            ("assign", ASSIGNMENT, "--graders", "x"),
            ("anonymise", "--study", "s", "--out", "/dev/null"),
            ("report", ASSIGNMENT),
            ("new", "exercise", ASSIGNMENT, "mean_flux"),
            ("new", "course", "elsewhere"),
            ("lti", "key"),
            ("migrate",),
            ("demo", "--clean"),
            ("student-repo", "../tree"),
            ("serve", "--port", "0"),
            ("quality", "--save"),
            ("freeze-archive",),
        ]
    ),
)
def test_somebody_elses_course_is_one_sentence(words, course):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = pathlib.Path(folder) / "course"
        (course / "class.csv").write_text("id\nada\neve\n")
        shutil.copytree(course, place)
        place.chmod(0o700)
        done = run(list(words), place, user=65534)
        assert done.code == 2 and len(done.sentences) == 1, done.err
        # One may look, and change nothing.
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        (place / ".photgrader").chmod(0o700)
        with untouched(place):
            done = run(list(words), place, user=65534)
        assert done.code == 0 or (done.code == 2 and len(done.sentences) == 1), done.err


@ROOTLY
@pytest.mark.parametrize(
    "file, words",
    [
        ("photgrader.toml", ["status"]),
        ("nbgrader_config.py", ["status"]),
        ("gradebook.db", ["roster", "list"]),
        ("deadlines.yaml", ["deadlines"]),
        ("live.toml", ["serve", "--port", "0"]),
        ("lti.toml", ["lti", "marks", ASSIGNMENT]),
        ("class.csv", ["roster", "import", "class.csv"]),
        (f"release/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", ["grade", ASSIGNMENT]),
        (f"release/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", ["student-repo", "../tree"]),
        (f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", ["build", "--force"]),
        (f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", ["new", "exercise", ASSIGNMENT, "mean_flux"]),
        (".photgrader/key", ["grade", ASSIGNMENT]),
        ("source", ["status"]),
        ("release", ["status"]),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_a_file_that_may_not_be_read_is_named(file, words, course):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = pathlib.Path(folder) / "course"
        for name in ("deadlines.yaml", "live.toml", "lti.toml", "class.csv"):
            (course / name).touch()
        shutil.copytree(course, place)
        for path in [place, *place.rglob("*")]:
            os.chown(path, 65534, 65534)
        os.chown(place / file, 0, 0)
        (place / file).chmod(0)
        done = run(words, place, user=65534)
    assert done.code == 2 and len(done.sentences) == 1 and pathlib.Path(file).name in done.err, done.err


# --------------------------------------------------------------------------------------------- one by one
@pytest.mark.parametrize(
    "words, code, said",
    [
        (["grade", ASSIGNMENT, "--student", "nobody"], 2, "the 2 that are in submitted/ are by ada, lovis"),
        (["regrade", ASSIGNMENT, "--student", "nobody", "--dry-run"], 2, "by ada, lovis"),
        (["class", ASSIGNMENT, "--students", "2"], 2, "2 real students"),
        (["class", ASSIGNMENT, "--students", "-3"], 2, "-3"),
        (["class", ASSIGNMENT, "--seed", "-1"], 2, "-1"),
        (["roster", "import", "nowhere.csv"], 2, "nowhere.csv"),
        (["replay", "no/such"], 2, "no record"),
        (["report", ASSIGNMENT, "--out", "/proc/nothing/x.html"], 2, "/proc"),
        (["status", "--homes", "/home"], 2, "{student}"),
        (["quality", "hw1"], 2, "there is no assignment 'hw1'"),
        (["quality", "--exercise", "nothing"], 2, "no exercise 'nothing'"),
        (["try", ASSIGNMENT, "nothing"], 2, "no exercise 'nothing'"),
        (["exchange", "--root", "x", "--course", "../y", "--grader", "root"], 2, "'../y'"),
        (["exchange", "--root", "x", "--course", "y", "--grader", "no-such-account"], 2, "'no-such-account'"),
        (["exchange", "--root", "photgrader.toml"], 2, "photgrader.toml"),
        (["collect", ASSIGNMENT], 2, "cannot be collected"),
        (["new", "course", "photgrader.toml"], 2, "there already"),
        (["new", "course", "source"], 2, "not empty"),
        (["new", "exercise", ASSIGNMENT, "centroid"], 2, "centroid"),
        (["new", "exercise", ASSIGNMENT, "../x"], 2, "'../x'"),
        (["new", "exercise", "../x", "mean_flux"], 2, "'../x'"),
        (["new", "exercise", ASSIGNMENT, "größe"], 2, "'größe' cannot be the name of a function"),
        (["new", "exercise", "übung", "mean_flux"], 2, "'übung' cannot be the name of an assignment"),
        (["student-repo", "photgrader.toml"], 2, "is a file"),
        (["student-repo", "source/x"], 2, "inside of the course"),
        (["student-repo", "."], 2, "the course itself"),
        (["assign", ASSIGNMENT, "--graders", ",,"], 2, "at least one grader"),
        (["assign", ASSIGNMENT, "--graders", "x", "--list", "y"], 2, "'y' is no grader"),
        (["anonymise", "--study", "x", "--out", "out.txt"], 2, ".jsonl"),
        (["replay", "photgrader.toml"], 2, "not a record"),
        (["replay", "source"], 2, "no record"),
        (["replay", "/dev/zero"], 2, "no record"),
        (["roster", "import", "nbgrader_config.py", "--map", "id"], 2, "FIELD=COLUMN"),
        (["exchange", "--root", ".", "--course", "y", "--grader", "root"], 2, "a course's folder"),
        (["exchange", "--root", "/dev/null/x", "--course", "y", "--grader", "root"], 2, "/dev/null/x cannot be used"),
        (["roster", "import", "source"], 2, "source"),
        (["roster", "import", "photgrader.toml"], 2, "no known layout"),
        (["lti", "roster"], 2, "lti.toml"),
        (["completion", "csh"], 2, "csh"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(words, code, said, course):
    with untouched(course):
        done = run(words, course)
    assert done.code == code and said in done.err and len(done.sentences) == 1, done.err


def test_no_release_is_taken_away_under_a_run_that_grades(course):
    release = course / "release" / ASSIGNMENT
    before = release.stat().st_ino
    with writer.grading_lock(course):
        done = run(["build", "--force", "--no-solutions", "--anyway"], course)
    assert done.code == 2 and "is being graded already" in done.sentences[-1] and release.stat().st_ino == before


@pytest.mark.parametrize("name", ["nope", "", f"../{ASSIGNMENT}"])
def test_an_assignment_that_there_is_not_is_none_to_collect(name, course):
    done = run(["grade", name], course)
    assert done.code == 2 and done.sentences == [
        f"photgrader: There is no assignment {name!r}; there are {ASSIGNMENT}."
    ]


def test_a_scheduler_that_is_none_is_named_and_nothing_is_graded(course):
    done = run(["grade", ASSIGNMENT, "--scheduler", "nowhere"], course)
    # What comes before is the bar.
    assert done.code == 2 and "no Dask scheduler at nowhere" in done.sentences[-1], done.err
    assert not (course / "autograded").exists()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://127.0.0.1:9", "Connection refused"),
        ("127.0.0.1:9", "Connection refused"),
        ("tls://127.0.0.1:9", "Connection refused"),
        ("tcp://nowhere.invalid:8786", "not known|failure"),
        ("tcp://127.0.0.1:999999", "."),
    ],
)
def test_where_nothing_listens_dask_does_not_wait_for_it(address, why, monkeypatch):
    waited = []
    monkeypatch.setattr("distributed.Client", lambda *words, **named: waited.append(words) or 1 / 0)
    with pytest.raises(coursedir.CourseError, match=rf"There is no Dask scheduler at {address} \(.*({why})"):
        cluster.connect(address)
    assert waited == []


@pytest.mark.parametrize("said", [b"", b"HTTP/1.0 400 Bad request", (64).to_bytes(8, "little") + b"\xff" * 8])
def test_what_listens_and_is_no_scheduler_is_told(said, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        kept: list[socket.socket] = []
        heard = threading.Thread(target=lambda: kept.append(server.accept()[0]) or kept[0].sendall(said))
        heard.start()
        with pytest.raises(
            coursedir.CourseError, match=rf"There is no Dask scheduler at {address} \(what listens there"
        ):
            cluster.connect(address)
        heard.join()
        kept[0].close()


@pytest.mark.parametrize("problem", [TypeError("no TLS settings"), MemoryError(), ImportError("no module ucxx")])
def test_whatever_dask_raises_at_an_address_is_one_sentence(problem, monkeypatch):
    def client(*words, **named):
        raise problem

    monkeypatch.setattr("distributed.Client", client)
    with pytest.raises(coursedir.CourseError, match="There is no Dask scheduler at ws://127.0.0.1:9"):
        cluster.connect("ws://127.0.0.1:9")


@pytest.mark.parametrize(
    "words",
    [
        ["bench", "--students=-3"],
        ["bench", "--json", "tests"],
        ["photometry-bench", "--repeat=-3"],
        ["photometry-bench", "--seed=-3"],
        ["photometry-bench", "--json", "tests"],
    ],
)
def test_the_benchmarks_refuse_too(words):
    done = run(words, ROOT)
    assert done.code == 2 and len(done.sentences) == 1, done.err


def test_no_terminal_cuts_no_line(course):
    done = run(["status"], course)
    assert (
        done.code == 0
        and f"photgrader grade {ASSIGNMENT}" in done.out
        and "..." not in done.out
        and "…" not in done.out
    ), done.out


@pytest.mark.parametrize(
    "words",
    [["status", ASSIGNMENT], ["deadlines"], ["assign", ASSIGNMENT, "--graders", "[/x]"], ["status", f"{ASSIGNMENT}/"]],
    ids=" ".join,
)
def test_brackets_in_a_name_are_no_style_and_a_folders_slash_is_no_part_of_one(words, course):
    (course / "submitted/ada").rename(course / "submitted/[bold]x")
    (course / "deadlines.yaml").write_text(
        f"time_zone: UTC\nassignments:\n  {ASSIGNMENT}:\n    due: 2026-10-12 23:59\n    extensions:\n      '[/x]': 3 days\n"
    )
    done = run(words, course)
    assert done.code in (0, 1) and ("[bold]x" if words[0] == "status" else "[/x]") in done.out, done.err


def test_a_report_is_of_an_assignment_and_not_of_a_folder(course):
    with untouched(course):
        done = run(["report", f"../source/{ASSIGNMENT}"], course)
    assert done.code == 2 and len(done.sentences) == 1, done.err
    assert run(["report", f"{ASSIGNMENT}/"], course).code == 0 and (course / f"report-{ASSIGNMENT}.html").is_file()


def test_a_hand_in_without_a_time_is_collected_once(course, monkeypatch):
    """The exchange has what was collected; nothing newer has come."""
    inbound = course / "exchange" / "c" / "inbound" / f"ada+{ASSIGNMENT}+2026-11-20 17:00:00 UTC"
    inbound.mkdir(parents=True)
    config = course / "nbgrader_config.py"
    config.write_text(
        config.read_text() + f"\nc.Exchange.root = {str(course / 'exchange')!r}\nc.CourseDirectory.course_id = 'c'\n"
    )
    assert not (course / "submitted/ada" / ASSIGNMENT / "timestamp.txt").exists()
    (ada,) = [s for s in json.loads(run(["status", "--json", "-"], course).out)[0]["students"] if s["student"] == "ada"]
    assert (ada["submitted"], ada["waiting"]) == ("unknown", False)
    newer = inbound.with_name(f"ada+{ASSIGNMENT}+2099-01-01 00:00:00 UTC")
    inbound.rename(newer)
    (ada,) = [s for s in json.loads(run(["status", "--json", "-"], course).out)[0]["students"] if s["student"] == "ada"]
    assert ada["waiting"] is True


def test_a_record_nested_without_end_is_a_damaged_one(course):
    path = course / f".photgrader/records/{ASSIGNMENT}/ada.json"
    path.parent.mkdir(parents=True)
    path.write_text("[" * 100_000)
    assert run(["status", ASSIGNMENT], course).code == 0
    assert "The record of ada" in run(["doctor"], course).out.replace("\n", " ")


def test_a_gradebook_that_is_held_is_told_as_such(course):
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as holder:
        holder.execute("begin exclusive")
        from photgrader.gradebook.app import GradebookUnreadable, gradebook

        with pytest.raises(GradebookUnreadable, match="held by another program"), gradebook(course) as book:
            book.db.connection().connection.execute("pragma busy_timeout = 1")
            book.add_student("eve")


# --------------------------------------------------------------------------------------------- photcourse
@pytest.mark.parametrize(
    "words, code, said",
    [
        (["data", "list", "no-such"], 2, "no-such"),
        (["data", "fetch", "no-such"], 2, "no-such"),
        (["data", "verify", "no-such"], 2, "no-such"),
        (["no-such"], 2, "invalid choice"),
        (["data", "no-such"], 2, "invalid choice"),
        (["--no-such"], 2, ""),
    ],
)
def test_photcourse_refuses_in_one_sentence(words, code, said, tmp_path):
    done = run(words, tmp_path, program=photcourse.cli.main)
    assert done.code == code and said in done.err, done.err


@pytest.mark.parametrize("what", ["a file", "unwritable"])
def test_photcourse_with_a_cache_that_is_none(what, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    cache.write_text("x")
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(cache if what == "a file" else cache / "within"))
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    for words, codes in ((["data", "list"], {0}), (["data", "verify"], {0}), (["data", "fetch", "m13"], {1})):
        done = run(words, tmp_path, program=photcourse.cli.main)
        assert done.code in codes, (words, done.err)
    reader, writer = os.pipe()
    os.close(reader)
    done = run(["data", "list"], tmp_path, program=photcourse.cli.main, out=writer)
    os.close(writer)
    assert done.sentences == [], done.err


def test_photcourse_with_a_shared_folder_that_is_none_says_so_once_and_with_no_screen_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTCOURSE_DATA", str(tmp_path / "nowhere"))
    done = run(["data", "list"], tmp_path, program=photcourse.cli.main)
    assert done.code == 1 and len(done.sentences) == 1 and "PHOTCOURSE_DATA" in done.err, done.err
    monkeypatch.delenv("PHOTCOURSE_DATA")

    def program(words):
        screen, sys.stdout = sys.stdout, None
        try:
            return photcourse.cli.main(words)
        finally:
            sys.stdout = screen

    done = run(["data", "list"], tmp_path, program=program)
    assert done.code == 0 and done.sentences == [], done.err


def test_photcourse_lists_on_a_terminal_that_knows_ascii_alone(tmp_path, monkeypatch):
    def program(words):
        sys.stdout.reconfigure(encoding="ascii")
        return photcourse.cli.main(words)

    monkeypatch.setenv("PHOTCOURSE_CACHE", str(tmp_path))
    done = run(["data", "list"], tmp_path, program=program)
    assert done.code == 0 and "files are here" in done.out, done.err


def test_every_command_of_the_course_is_in_the_table():
    assert {" ".join(p) for p in COMMANDS} >= {
        "anonymise",
        "assign",
        "build",
        "class",
        "collect",
        "deadlines",
        "demo",
        "doctor",
        "grade",
        "quality",
        "regrade",
        "replay",
        "report",
        "roster import",
        "roster list",
        "status",
        "student-repo",
    }
    assert (ROOT / "autograder/photgrader/commands/common.py").is_file()
