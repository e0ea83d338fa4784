"""Handing in by a student's page: in the exchange as theirs, whole or not at all, and one sentence whatever comes."""

from __future__ import annotations

import asyncio
import datetime
import errno
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import nbformat
import pytest
from live_site import ADA, BEN, MARK, MARK_OF_A_PAGE, PROF, Site
from tornado import httputil
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from photgrader.coursedir.deadlines import Deadline
from photgrader.gradebook import exchange
from photgrader.serve import hand_in, web
from photgrader.serve.access import Viewer
from support import ASSIGNMENT, solution_cell

OTHER = "ps9_colours"
KEPT = hand_in.NOTHING


@pytest.fixture
def site(tiny_course):
    """A course with a second assignment, and an exchange."""
    notebook = nbformat.v4.new_notebook(
        cells=[solution_cell("colour", "def colour(): ..."), solution_cell("centroid", "")]
    )
    (tiny_course / "release" / OTHER).mkdir()
    nbformat.write(notebook, tiny_course / "release" / OTHER / f"{OTHER}.ipynb")
    (tiny_course / "inbound").mkdir(mode=0o1733)
    (tiny_course / "photgrader.toml").write_text("[limits]\nsubmission_mb = 1\n")
    made = Site(tiny_course)
    yield made
    made.queue.close()


def notebook(site: Site, assignment: str = ASSIGNMENT) -> bytes:
    return (site.root / "release" / assignment / f"{assignment}.ipynb").read_bytes()


def handed_in(site: Site) -> list[exchange.HandIn]:
    """Return what lies in the exchange: nothing that is no hand-in may be left there."""
    found = [exchange.HandIn.of(p) for p in (site.root / "inbound").iterdir()]
    assert None not in found, list((site.root / "inbound").iterdir())
    return found


def test_a_hand_in_is_the_students_own_and_is_collected_as_any_other(site, tmp_path):
    # A browser that saved it twice gives it another name; what comes with it keeps its own.
    body = notebook(site)
    status, said = site.hand_in(ADA, [(f"{ASSIGNMENT} (1).ipynb", body), ("C:\\mine\\helpers.py", b"x = 1")])
    assert status == 200 and said.startswith(f"{ASSIGNMENT} was handed in at ") and "as soon as it is graded" in said
    [found] = handed_in(site)
    assert (found.student, found.assignment) == ("ada", ASSIGNMENT)
    assert abs(found.when - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)) < datetime.timedelta(minutes=5)
    facts = found.check_owner("same")
    left_out = exchange.copy_hand_in(found, facts.st_uid, tmp_path / "taken", exchange.Limits(10**9, 10**9))
    assert left_out == [] and (tmp_path / "taken" / f"{ASSIGNMENT}.ipynb").read_bytes() == body
    assert {p.name for p in (tmp_path / "taken").iterdir()} == {
        f"{ASSIGNMENT}.ipynb",
        "helpers.py",
        "timestamp.txt",
        "submission_secret.txt",
    }
    assert (tmp_path / "taken" / "timestamp.txt").read_text() == found.time
    if os.geteuid() == 0:
        # What is another account's and says that it is ada's is still refused.
        os.chown(found.folder, 400_001, 400_001)
        with pytest.raises(exchange.ExchangeProblem, match="says that it is by ada"):
            found.check_owner("same")


def test_the_page_has_the_form_for_its_own_student_alone(site):
    own = site.get("/live/", ADA).body.decode()
    assert own.count('type="file"') == 2 and f'action="/live/hand-in/{ASSIGNMENT}?_xsrf=' in own
    assert 'type="file"' not in site.get("/live/student/ada", PROF).body.decode()
    for who in (MARK, PROF):
        assert site.hand_in(who, [(f"{ASSIGNMENT}.ipynb", notebook(site))])[0] == 403
    assert site.hand_in(ADA, [(f"{ASSIGNMENT}.ipynb", notebook(site))], token=False)[0] == 403
    assert site.hand_in(ADA, [("x.ipynb", notebook(site))], assignment="ps0_none")[0] == 404
    assert site.hand_in(ADA, [("x.ipynb", notebook(site))], assignment="../inbound")[0] == 404
    assert handed_in(site) == []


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ([], 400, "Choose your notebook first."),
        ([("a.txt", b"words")], 400, f"{ASSIGNMENT}.ipynb is not among what you chose"),
        ([("a.ipynb", b"")], 400, "not a notebook that can be read"),
        ([("a.ipynb", b"\x89PNG\r\n\x1a\n\0\0")], 400, "not a notebook that can be read"),
        ([("a.ipynb", b"[1, 2]")], 400, "holds JSON but no notebook"),
        ([("a.ipynb", b'{"nbformat": 4}')], 400, "holds no cells"),
        ([("a.ipynb", b"[" * 300_000)], 400, "Your "),
        ([("a.ipynb", b"[{},{}" + b",{}" * 200_000)], 400, "Your "),
        ([("a.ipynb", b"x" * 1_000_001)], 413, "too large: at most 1 MB"),
        ([("a.ipynb", b"x" * 3_000_000)], 413, "too large: at most 1 MB"),
        ([("a.ipynb", b"{}"), ("b.csv", b"1" * 999_999)], 413, "too large: at most 1 MB"),
        ([("a.ipynb", None), ("b.ipynb", None)], 400, f"Two of the files that you chose would be {ASSIGNMENT}.ipynb"),
        ([("a.ipynb", None), ("timestamp.txt", b"2020-01-01 00:00:00 UTC")], 400, "give it another name"),
        ([("a.ipynb", None), (".hidden", b"")], 400, "give it another name"),
        ([("a.ipynb", None), ("漢" * 90, b"")], 400, "give it another name"),
        ([("a.ipynb", None), ("x/..", b"")], 400, "give it another name"),
        ([("a.ipynb", None), *((f"{n}.csv", b"1") for n in range(20))], 400, "You chose 21 files; at most 20"),
    ],
)
def test_what_cannot_be_taken_is_told_in_one_sentence(site, files, status, words):
    answer = site.hand_in(ADA, [(n, notebook(site) if b is None else b) for n, b in files])
    assert answer[0] == status and words in answer[1] and answer[1].endswith(KEPT), answer
    assert handed_in(site) == []


def test_the_notebook_of_another_assignment_is_named(site):
    # `centroid` is a cell of both, and tells nothing.
    said = site.hand_in(ADA, [(f"{ASSIGNMENT}.ipynb", notebook(site, OTHER))])[1]
    assert said.startswith(f"{ASSIGNMENT}.ipynb is the notebook of {OTHER}, and not of {ASSIGNMENT}.")
    # One without any mark may be this one, copied into a new notebook: the grader finds the answers.
    bare = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def centroid(): ...")])
    assert site.hand_in(ADA, [("mine.ipynb", nbformat.writes(bare).encode())])[0] == 200
    # Nor does it make one that kept no other mark another's.
    kept = nbformat.v4.new_notebook(cells=[solution_cell("centroid", "def centroid(): ...")])
    assert site.hand_in(ADA, [("mine.ipynb", nbformat.writes(kept).encode())])[0] == 200
    # One cell of another's beside its own changes nothing.
    mixed = nbformat.reads(notebook(site).decode(), as_version=4)
    mixed.cells.append(solution_cell("colour", ""))
    assert site.hand_in(ADA, [("mine.ipynb", nbformat.writes(mixed).encode())])[0] == 200
    assert len(handed_in(site)) == 3


def test_an_assignment_of_two_notebooks_is_handed_in_together(site):
    second = nbformat.v4.new_notebook(cells=[solution_cell("slope", "")])
    nbformat.write(second, site.root / "release" / OTHER / "part_two.ipynb")
    one, two = notebook(site, OTHER), nbformat.writes(second).encode()
    assert "part_two.ipynb is not among what you chose" in site.hand_in(ADA, [("x.ipynb", one)], OTHER)[1]
    assert (
        "is none of" in site.hand_in(ADA, [("x.ipynb", nbformat.writes(nbformat.v4.new_notebook()).encode())], OTHER)[1]
    )
    # By what is in them, whatever they are called.
    assert site.hand_in(ADA, [("x.ipynb", one), ("y.ipynb", two)], OTHER)[0] == 200
    [found] = handed_in(site)
    assert (found.folder / f"{OTHER}.ipynb").read_bytes() == one and (
        found.folder / "part_two.ipynb"
    ).read_bytes() == two


def test_late_costs_what_is_told_and_the_last_day_ends_it(site):
    def due(ago: datetime.timedelta, rules: str) -> tuple[int, str]:
        when = datetime.datetime.now(datetime.UTC) - ago
        text = f"time_zone: UTC\n{rules}\nassignments:\n  {ASSIGNMENT}:\n    due: {when:%Y-%m-%d %H:%M}\n    extensions:\n      ben: 9 days\n"
        (site.root / "deadlines.yaml").write_text(text)
        return site.hand_in(ADA, [("x.ipynb", notebook(site))])

    day = datetime.timedelta(days=1)
    assert "It is late, which takes 40 %" in due(1.5 * day, "penalty_per_day: 20 %")[1]
    assert "It is late, which takes nothing." in due(1.5 * day, "grace: 3 days")[1]
    assert "It is late" not in due(-day, "penalty_per_day: 20 %")[1]
    assert "It is late, which takes 50 %" in due(9 * day, "penalty_per_day: 20 %\npenalty_cap: 50 %")[1]
    before = len(handed_in(site))
    status, said = due(4.5 * day, "penalty_per_day: 20 %")
    assert (
        status == 403 and said.startswith("The last day is over") and "takes all of the points" in said and KEPT in said
    )
    assert len(handed_in(site)) == before
    # Whoever has an extension has that.
    assert site.hand_in(BEN, [("x.ipynb", notebook(site))])[0] == 200


@pytest.mark.parametrize("percent", [1, 7, 10, 33, 50, 99.5, 100])
@pytest.mark.parametrize("grace", [0, 3, 60 * 24 * 2 + 1])
def test_after_the_last_moment_all_is_taken_and_before_it_not(percent, grace):
    due = datetime.datetime(2026, 10, 24, 12, tzinfo=datetime.UTC)
    rule = Deadline("ps1", due, datetime.timedelta(minutes=grace), percent)
    last = rule.last_moment("ada")
    assert last is not None
    late = (last - due).total_seconds()
    assert rule.percent(late) < 100 and rule.percent(late + 1) == 100


def test_nobody_hands_in_without_end_and_a_name_that_is_no_folders_is_told(site, monkeypatch):
    for _ in range(web.MOST_HAND_INS[0][0]):
        assert site.hand_in(ADA, [("x.ipynb", b"no")])[0] == 400
    status, said = site.hand_in(ADA, [("x.ipynb", notebook(site))])
    assert status == 429 and "wait 10 minutes" in said and site.hand_in(BEN, [("x.ipynb", notebook(site))])[0] == 200
    # An hour later, and not without end in a day either.
    site.app.settings["handed_in"]["ada"].extend(time.monotonic() - 3600 for _ in range(60))
    status, said = site.hand_in(ADA, [("x.ipynb", notebook(site))])
    assert status == 429 and "60 times just now; wait 1380 minutes" in said
    for name in (".ada", "a/b", "..", "x" * 200, "a\0b", ""):
        status, said = site.hand_in(Viewer(name, "student"), [("x.ipynb", notebook(site))])
        assert status == 400 and "cannot be in the name of a folder" in said, name
    assert [h.student for h in handed_in(site)] == ["ben"]
    monkeypatch.setattr(web, "MOST_UNDER_WAY", 10)
    assert "Many hand in at this moment" in site.hand_in(BEN, [("x.ipynb", notebook(site))])[1]
    assert site.app.settings["uploads"] == {}


def test_a_name_with_a_plus_in_it_is_that_students(site):
    assert site.hand_in(Viewer(f"eve+{ASSIGNMENT}+x", "student"), [("x.ipynb", notebook(site))])[0] == 200
    assert [h.student for h in handed_in(site)] == [f"eve+{ASSIGNMENT}+x"]


def test_who_goes_away_in_the_middle_leaves_nothing_and_keeps_nobody_waiting(site):
    async def story() -> None:
        server, (listening, port) = HTTPServer(site.app), bind_unused_port()
        server.add_socket(listening)
        cookie = f'{web.COOKIE}={site.app.settings["links"].token(ADA)}; _xsrf="{MARK_OF_A_PAGE}"'
        with socket.create_connection(("127.0.0.1", port)) as browser:
            browser.sendall(
                f"POST /live/hand-in/{ASSIGNMENT}?_xsrf={MARK_OF_A_PAGE} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n"
                "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 500000\r\n\r\n--b\r\n".encode()
            )
            while not site.app.settings["uploads"]:
                await asyncio.sleep(0.01)
        while site.app.settings["uploads"]:
            await asyncio.sleep(0.01)
        server.stop()

    asyncio.run(asyncio.wait_for(story(), 60))
    assert handed_in(site) == []


def test_a_full_disk_is_one_sentence_and_nothing_is_left(site, monkeypatch):
    inbound = site.root / "inbound"
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k,mode=1733", "tmpfs", inbound], capture_output=True
        ).returncode
    )
    if not mounted:
        # Where nothing can be mounted, the file system says it when asked to have things on the disk.
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
    try:
        padded = nbformat.reads(notebook(site).decode(), as_version=4)
        padded.cells.append(nbformat.v4.new_markdown_cell("x" * 200_000))
        status, said = site.hand_in(ADA, [("x.ipynb", nbformat.writes(padded).encode())])
        assert status == 507 and said.startswith("The disk of the course is full") and said.endswith(KEPT)
        assert list(inbound.iterdir()) == []
        if mounted:
            assert site.hand_in(ADA, [("x.ipynb", notebook(site))])[0] == 200, "what there is room for is taken"
    finally:
        if mounted:
            subprocess.run(["umount", inbound], check=True)
    (site.root / "release" / OTHER / f"{OTHER}.ipynb").write_text("{")
    status, said = site.hand_in(ADA, [("x.ipynb", notebook(site))])
    assert status == 503 and said.startswith("The course has a fault") and said.endswith(KEPT)
    shutil.rmtree(site.root / "release" / OTHER)
    shutil.rmtree(inbound)
    status, said = site.hand_in(ADA, [("x.ipynb", notebook(site))])
    assert status == 503 and "exchange cannot be written to (No such file or directory)" in said and said.endswith(KEPT)


def test_a_service_that_is_killed_in_the_middle_leaves_nothing_that_is_collected(site, monkeypatch):
    """Killed before the rename: no hand-in; the next service clears away what lies there, and nothing of anybody else's."""
    inbound = site.root / "inbound"
    pid = os.fork()
    if pid == 0:
        monkeypatch.setattr(pathlib.Path, "rename", lambda *words: os.kill(os.getpid(), signal.SIGKILL))
        exchange.put_hand_in(inbound, "ada", ASSIGNMENT, {"x.ipynb": b"{}"}, datetime.datetime.now(datetime.UTC))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    [left] = inbound.iterdir()
    assert exchange.HandIn.of(left) is None and list(exchange.hand_ins(inbound, ASSIGNMENT)) == []
    (inbound / ".a-students-own").mkdir()
    theirs = inbound / f"{exchange.UNFINISHED}theirs"
    theirs.mkdir()
    if os.geteuid() == 0:
        os.chown(theirs, 400_001, 400_001)
    exchange.clear_unfinished(inbound)
    assert not left.exists() and (inbound / ".a-students-own").exists() and theirs.exists() == (os.geteuid() == 0)


def test_thirty_at_once_are_all_taken(site):
    """More than are read at once; each has an answer, and each is there once."""
    border, body = "b", notebook(site)
    form = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.ipynb"\r\n\r\n' + body + b"\r\n--b--\r\n"

    async def story() -> list[int]:
        server, (listening, port) = HTTPServer(site.app), bind_unused_port()
        server.add_socket(listening)
        client = AsyncHTTPClient(force_instance=True, max_clients=40)

        async def one(name: str) -> int:
            cookie = (
                f'{web.COOKIE}={site.app.settings["links"].token(Viewer(name, "student"))}; _xsrf="{MARK_OF_A_PAGE}"'
            )
            answer = await client.fetch(
                f"http://127.0.0.1:{port}/live/hand-in/{ASSIGNMENT}?_xsrf={MARK_OF_A_PAGE}",
                method="POST",
                body=form,
                raise_error=False,
                connect_timeout=120,
                request_timeout=120,
                headers={"Cookie": cookie, "Content-Type": f"multipart/form-data; boundary={border}"},
            )
            return answer.code

        found = await asyncio.gather(*(one(f"s{n}") for n in range(30)))
        server.stop()
        return found

    assert asyncio.run(story()) == [200] * 30
    assert sorted(h.student for h in handed_in(site)) == sorted(f"s{n}" for n in range(30))


def test_what_parts_a_form_is_not_looked_for_where_that_would_take_long(site, monkeypatch):
    def looked(*args, **named):
        raise AssertionError("a form was parted")

    monkeypatch.setattr(httputil, "parse_multipart_form_data", looked)
    # A long border that is nearly everywhere; one that does not end the form; forms where none with files is expected.
    assert site.send(f"hand-in/{ASSIGNMENT}", ADA, [("x.ipynb", b"-" * 50_000)], border="-" * 5000 + "x")[0] == 400
    answer = site.send(f"hand-in/{ASSIGNMENT}", ADA, [("x.ipynb", b"")], border='a"; boundary="b')
    assert answer[0] == 400 and answer[1].startswith("What came is no form of this page.")
    for path in ("no-such-page", "roster", "class", ""):
        assert site.send(path, PROF, [("x", b"-" * 50_000)], border="-" * 60 + "x")[0] in (400, 404), path
    assert handed_in(site) == []


def test_who_says_much_and_sends_nothing_takes_nobodys_room(site, monkeypatch):
    monkeypatch.setattr(web, "MOST_UNDER_WAY", 5_000)
    site.app.settings["uploads"].update({f"idle{k}": 0 for k in range(50)})
    sent = [("x.ipynb", b"{" * 4_000)]
    assert "is damaged" in site.hand_in(ADA, sent)[1]
    site.app.settings["uploads"]["busy"] = 4_000
    assert "Many hand in at this moment" in site.hand_in(ADA, sent)[1]
