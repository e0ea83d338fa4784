"""Running a hub for a term: the class list drives a machine, backups come back, a gradebook of a former nbgrader is migrated."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook

from photgrader.cli import main_group
from support import ROOT, make_course

sys.path[:0] = [str(ROOT / "hub"), str(ROOT / "hub" / "config")]
import photcourse_backup as backup  # noqa: E402
import photcourse_people as people  # noqa: E402

SETTINGS = """
[[course]]
course_id = "starlight"
grader = "{grader}"
instructors = {instructors}
students = {students}
port = 9999
root = "{root}"
exchange = "{exchange}"
grader_env = "{environment}"
"""


# ------------------------------------------------------------------------------------------------ backups
@pytest.fixture
def place(tmp_path):
    """A small machine in a folder: a course with a gradebook in use, an exchange, settings."""
    root, exchange = tmp_path / "home" / "grader" / "starlight", tmp_path / "exchange"
    (root / "source").mkdir(parents=True)
    (root / "source" / "ps1.ipynb").write_text("{}")
    (exchange / "starlight" / "inbound" / "ada+ps1+t+r").mkdir(parents=True)
    (exchange / "starlight" / "inbound" / "ada+ps1+t+r" / "ps1.ipynb").write_text("handed in")
    (exchange / "starlight" / "inbound").chmod(0o1733)
    settings = tmp_path / "etc" / "hub.toml"
    settings.parent.mkdir()
    settings.write_text(
        SETTINGS.format(grader="root", instructors=[], students=[], root=root, exchange=exchange, environment="/none")
    )
    book = sqlite3.connect(root / "gradebook.db")
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("CREATE TABLE marks (student TEXT, points REAL)")
    book.execute("INSERT INTO marks VALUES ('ada', 9)")
    book.commit()
    yield tmp_path, settings, root, exchange, book
    book.close()


def run(*arguments: object) -> int:
    return backup.main([str(a) for a in arguments])


def marks(path: pathlib.Path) -> list[tuple[str, float]]:
    with contextlib.closing(sqlite3.connect(path)) as book:
        return book.execute("SELECT * FROM marks ORDER BY points").fetchall()


def test_what_is_lost_comes_back_from_a_backup_that_was_taken_while_the_gradebook_was_in_use(place, capsys):
    folder, settings, root, exchange, book = place
    # Committed, and still in the write-ahead log; and a writer in the middle of a change.
    book.execute("INSERT INTO marks VALUES ('ben', 5)")
    book.commit()
    book.execute("INSERT INTO marks VALUES ('cleo', 1)")
    assert run("make", folder / "backup", "--settings", settings) == 0
    book.rollback()
    book.close()
    (archive,) = (folder / "backup").glob("*.tar.gz")
    assert archive.stat().st_mode & 0o077 == 0
    shutil.rmtree(root), shutil.rmtree(exchange), settings.unlink()
    assert run("restore", archive, "--into", "/") == 0
    assert marks(root / "gradebook.db") == [("ben", 5), ("ada", 9)]
    assert (exchange / "starlight" / "inbound" / "ada+ps1+t+r" / "ps1.ipynb").read_text() == "handed in"
    assert (
        (exchange / "starlight" / "inbound").stat().st_mode & 0o7777 == 0o1733
        and (root / "source" / "ps1.ipynb").is_file()
        and settings.is_file()
    )


def test_a_restore_puts_nothing_over_what_is_there_and_says_where_that_is(place, capsys):
    folder, settings, root, exchange, book = place
    assert run("make", folder / "backup", "--settings", settings) == 0
    book.close()
    (root / "source" / "ps1.ipynb").write_text("newer")
    (archive,) = (folder / "backup").glob("*.tar.gz")
    capsys.readouterr()
    assert run("restore", archive, "--into", "/") == 0
    said = capsys.readouterr().out
    (aside,) = root.parent.glob("starlight.before-*")
    assert (aside / "source" / "ps1.ipynb").read_text() == "newer" and str(aside) in said
    assert (root / "source" / "ps1.ipynb").read_text() == "{}"


def test_names_that_are_not_ascii_and_those_like_our_own_come_back_too(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    root, settings = tmp_path / "home" / "Prüfer [1]" / "star\nlight", tmp_path / "hub.toml"
    (root / backup.OWN).mkdir(parents=True)
    (root / backup.OWN / "notes.txt").write_text("old")
    settings.write_text(
        SETTINGS.format(
            grader="root", instructors=[], students=[], root=root, exchange="/none", environment="/none"
        ).replace("star\n", "star\\n")
    )
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as book:
        book.execute("CREATE TABLE marks (student TEXT, points REAL)")
    assert run("make", tmp_path / "backup", "--settings", settings) == 0
    (root / backup.OWN / "notes.txt").write_text("newer")
    (archive,) = (tmp_path / "backup").glob("*.tar.gz")
    listed = subprocess.run(["tar", "--list", f"--file={archive}"], capture_output=True, text=True, check=True).stdout
    assert "light/gradebook.db" not in listed, "SQLite's own copy is in it"
    assert run("restore", archive, "--into", "/") == 0
    (aside,) = root.parent.glob("star\nlight.before-*")
    assert str(aside) in capsys.readouterr().out and (aside / backup.OWN / "notes.txt").read_text() == "newer"
    assert (root / backup.OWN / "notes.txt").read_text() == "old" and marks(root / "gradebook.db") == []


def test_a_backup_that_is_damaged_changes_nothing(place, capsys):
    folder, settings, root, _, _ = place
    assert run("make", folder / "backup", "--settings", settings) == 0
    (archive,) = (folder / "backup").glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-10])
    assert run("restore", archive, "--into", "/") == 1 and "not as it was written" in capsys.readouterr().err
    assert marks(root / "gradebook.db") == [("ada", 9)]


def test_what_is_no_backup_and_no_settings_is_one_sentence(place, tmp_path, capsys):
    folder, settings, root, _, book = place
    archive = tmp_path / "foreign.tar.gz"
    archive.write_text("no archive")
    noted = archive.with_name(archive.name + ".sha256")
    noted.write_text("")
    assert run("restore", archive) == 1 and "has no checksum" in capsys.readouterr().err
    noted.write_text(f"{backup._checksum(archive)}  {archive.name}\n")
    assert run("restore", archive) == 1 and "not in gzip format" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")
    assert run("make", folder / "backup", "--settings", tmp_path / "pipe") == 1
    assert "is no file" in capsys.readouterr().err and not (folder / "backup").exists()
    assert run("make", archive / "within", "--settings", settings) == 1 and "cannot be used" in capsys.readouterr().err
    book.close()
    shutil.rmtree(root)
    assert run("make", folder / "backup", "--settings", settings) == 1
    said = capsys.readouterr()
    assert said.out.startswith("Made ") and f"Not in it, because not there: {root}" in said.err


def test_a_damaged_gradebook_makes_no_backup_and_the_last_ones_stay(place, capsys):
    folder, settings, root, _, book = place
    assert run("make", folder / "backup", "--settings", settings) == 0
    book.close()
    for path in root.glob("gradebook.db*"):
        path.unlink()
    (root / "gradebook.db").write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    before = sorted(p.name for p in (folder / "backup").iterdir())
    assert (
        run("make", folder / "backup", "--settings", settings) == 1
        and "is damaged or in use" in capsys.readouterr().err
    )
    assert sorted(p.name for p in (folder / "backup").iterdir()) == before


@pytest.mark.parametrize("settings", ["[[course]\n", "port = 3\n", "course = 3\n", "[course]\nnonsense = 1\n"])
def test_settings_that_name_no_courses_are_one_sentence(settings, tmp_path, capsys):
    (tmp_path / "hub.toml").write_text(settings)
    assert run("make", tmp_path / "backup", "--settings", tmp_path / "hub.toml") == 1
    assert "No backup was made" in capsys.readouterr().err and not (tmp_path / "backup").exists()


def test_the_oldest_backups_go(place):
    folder, settings, *_ = place
    (folder / "backup").mkdir()
    for day in range(1, 5):
        (folder / "backup" / f"photcourse-2020010{day}-000000.tar.gz").touch()
        (folder / "backup" / f"photcourse-2020010{day}-000000.tar.gz.sha256").touch()
    assert run("make", folder / "backup", "--settings", settings, "--keep", 2) == 0
    left = sorted(p.name for p in (folder / "backup").iterdir())
    assert len(left) == 4 and left[0].startswith("photcourse-20200104")


def test_people_hand_in_while_a_backup_is_taken(place):
    folder, settings, root, exchange, book = place
    stop = threading.Event()

    def busy() -> None:
        number = 0
        while not stop.is_set():
            (exchange / "starlight" / f"{number % 50}.txt").write_text("x" * 5000)
            number += 1

    working = threading.Thread(target=busy)
    working.start()
    try:
        assert run("make", folder / "backup", "--settings", settings) == 0
    finally:
        stop.set()
        working.join()


# ------------------------------------------------------------------------------------------------ another nbgrader
@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("operation"))


#: What makes a gradebook one of nbgrader 0.6: no courses, no system's id of a student.
FORMER = """PRAGMA foreign_keys = off; PRAGMA legacy_alter_table = on;
CREATE TABLE former (id VARCHAR(128) PRIMARY KEY NOT NULL, name VARCHAR(128) NOT NULL UNIQUE, duedate DATETIME);
INSERT INTO former SELECT id, name, duedate FROM assignment;
DROP TABLE assignment; ALTER TABLE former RENAME TO assignment; DROP TABLE course; ALTER TABLE student DROP COLUMN lms_user_id;
UPDATE alembic_version SET version_num = '167914646830';"""


def test_a_gradebook_of_a_former_nbgrader_is_migrated_with_what_it_holds_and_a_backup(course, tmp_path, monkeypatch):
    from photgrader.gradebook import app, backups

    root = tmp_path / "course"
    shutil.copytree(course, root)
    with Gradebook(app.database_url(root)) as book:
        book.add_student("ada", email="ada@example.org")
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as book:
        book.executescript(FORMER)
    monkeypatch.chdir(root)
    done = CliRunner().invoke(main_group, ["migrate"])
    assert done.exit_code == 0 and "was of layout 167914646830" in done.output, done.exception
    with Gradebook(app.database_url(root)) as book:
        assert [s.email for s in book.students] == ["ada@example.org"] and [a.name for a in book.assignments] == [
            "ps1_psf_photometry"
        ]
    assert (
        backups.backups(root)
        and "has the installed nbgrader's layout" in CliRunner().invoke(main_group, ["migrate"]).output
    )


def test_a_gradebook_of_a_newer_nbgrader_is_left_alone(course, tmp_path, monkeypatch):
    root = tmp_path / "course"
    shutil.copytree(course, root)
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as book:
        book.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        book.commit()
    monkeypatch.chdir(root)
    done = CliRunner().invoke(main_group, ["migrate"])
    assert done.exit_code != 0 and "of a newer nbgrader" in str(done.exception)


# ------------------------------------------------------------------------------------------------ one class list for all
@pytest.mark.skipif(os.geteuid() != 0, reason="accounts can only be made by root")
@pytest.mark.heavy
def test_the_class_list_makes_opens_and_closes_accounts_and_the_gradebook_follows(
    course, accounts, tmp_path, monkeypatch
):
    names = {n: f"phct-{n}" for n in ("grader", "ada", "ben", "cleo")}
    place = pathlib.Path("/var/tmp") / f"phct-{os.getpid()}"
    settings = tmp_path / "hub.toml"
    monkeypatch.setattr(people, "PEOPLE", "phct-people")

    def follow(students: list[str]) -> None:
        settings.write_text(
            SETTINGS.format(
                grader=names["grader"],
                instructors=[names["ada"]],
                students=[names[s] for s in students],
                root=place / "course",
                exchange=place / "exchange",
                environment=ROOT / ".venv",
            )
        )
        assert people.main(str(settings)) == 0

    try:
        place.mkdir(mode=0o755)
        # The grader's account may read the environment of this clone, or it is run as root.
        monkeypatch.setattr(people, "run", _as_root_where_the_clone_is_private(people.run))
        shutil.copytree(course, place / "course")
        follow(["ben", "cleo"])
        assert all(pwd.getpwnam(name) for name in names.values())
        home = pathlib.Path(pwd.getpwnam(names["ben"]).pw_dir)
        assert home.stat().st_mode & 0o777 == 0o700
        (home / "work.txt").write_text("mine")
        assert _students(place / "course") == {names["ben"], names["cleo"]}
        follow(["cleo"])
        assert people.expired(names["ben"]) and not people.expired(names["cleo"]) and (home / "work.txt").is_file()
        assert _students(place / "course") == {names["cleo"]}
        follow(["ben", "cleo"])
        assert not people.expired(names["ben"]) and _students(place / "course") == {names["ben"], names["cleo"]}
        assert not people.expired("daemon"), "an account that it did not make"
        assert (place / "exchange").stat().st_mode & 0o7777 == 0o1777
    finally:
        for name in names.values():
            subprocess.run(["userdel", "--remove", name], capture_output=True)
        subprocess.run(["groupdel", "phct-people"], capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


def _students(root: pathlib.Path) -> set[str]:
    with Gradebook(f"sqlite:///{root}/gradebook.db") as book:
        return {s.id for s in book.students}


def _as_root_where_the_clone_is_private(run):
    def as_root(*command: object, **more: object) -> None:
        run(*command, **{k: v for k, v in more.items() if k not in ("user", "group", "extra_groups")})

    return as_root


def test_a_quota_that_is_no_size_is_one_sentence():
    with pytest.raises(SystemExit, match="write it like 500M or 5G"):
        people.set_quota({"root"}, "much")
