"""nbgrader's exchange for people who may be anybody: set up right, looked over, and collected from with care.

The exchange is a folder that every account of a machine can write to. What holds it together is who owns what:

======================  ========  ===================  ==============================================================
folder                  mode      owner                what students may do there
======================  ========  ===================  ==============================================================
the exchange            ``1777``  root or the grader   nothing to what is another's (the sticky bit)
``COURSE/``             ``0755``  the grader           look
``COURSE/outbound/``    ``0755``  the grader           read what is handed out
``COURSE/inbound/``     ``1733``  the grader           put a hand-in there; not list, not rename or remove another's
``COURSE/feedback/``    ``0711``  the grader           read a page whose name they know
======================  ========  ===================  ==============================================================

`CheckedCollect` and `CarefulReleaseFeedback` are nbgrader's own classes for collecting and for releasing feedback, configured through
``ExchangeFactory``: `nbgrader collect`, the formgrader's button and ``photgrader collect`` take the same ones.
"""

from __future__ import annotations

import contextlib
import datetime
import fnmatch
import glob
import hashlib
import os
import pathlib
import pwd
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from nbgrader.utils import check_mode, parse_utc
from traitlets import Enum

from photgrader.coursedir.trees import remove_tree

#: Modes of the exchange and of a course's folders in it.
ROOT_MODE = 0o1777
COURSE_MODES = {"": 0o755, "outbound": 0o755, "inbound": 0o1733, "feedback": 0o711}
#: A hand-in with more files and folders than this, or deeper ones, is no hand-in.
MOST_FILES, DEEPEST = 2000, 32
#: How much earlier than its folder came into being a hand-in may say that it was made.
CLOCKS_DIFFER = datetime.timedelta(minutes=15)
#: How the name of a hand-in begins that is being written by `put_hand_in`; a name with a dot in front is no hand-in.
UNFINISHED = ".unfinished-"
#: Uids that are made from names lie above all that a machine gives out by itself.
FIRST_DERIVED_UID = 1_000_000


class ExchangeProblem(Exception):
    """One sentence on what is wrong with an exchange or a hand-in, and what to do."""


# ------------------------------------------------------------------------------------------------ who is who
def derived_uid(student: str) -> int:
    """Return the uid that a student has where there are no accounts (Kubernetes), made from the name alone.

    The hub and the grader compute it each for itself, so that no table has to be shared, and taking somebody out of the
    class list changes nobody else's.

    Parameters
    ----------
    student : str
        The hub's name of the student.

    Returns
    -------
    int
        Between `FIRST_DERIVED_UID` and about 2.1e9 (a uid has 31 bits for most file systems).

    Examples
    --------
    >>> derived_uid("ben") == derived_uid("ben") != derived_uid("cleo")
    True
    """
    number = int.from_bytes(hashlib.sha256(student.encode()).digest()[:8], "big")
    return FIRST_DERIVED_UID + number % (2**31 - 2 - FIRST_DERIVED_UID)


def tljh_account(student: str) -> str:
    """Return the account that The Littlest JupyterHub makes for a student: ``jupyter-NAME``, cut and hashed where it is long.

    Examples
    --------
    >>> tljh_account("ben"), len(tljh_account("a" * 60))
    ('jupyter-ben', 32)
    """
    name = f"jupyter-{student}"
    return name if len(name) < 26 else f"{name[:26]}-{hashlib.sha256(name.encode()).hexdigest()[:5]}"


def uid_of(student: str, accounts: str = "same") -> int | None:
    """Return the uid whose files are a student's; None where there is no such account.

    Parameters
    ----------
    student : str
        The hub's, and nbgrader's, name of the student.
    accounts : str
        ``"same"`` (the account has the student's name), ``"tljh"`` (`tljh_account`) or ``"derived"`` (`derived_uid`).
    """
    if accounts == "derived":
        return derived_uid(student)
    try:
        return pwd.getpwnam(tljh_account(student) if accounts == "tljh" else student).pw_uid
    except (KeyError, ValueError):
        return None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


# ------------------------------------------------------------------------------------------------ hand-ins
@dataclass(frozen=True)
class HandIn:
    """A folder in ``inbound/`` whose name says that it is a hand-in.

    Parameters
    ----------
    folder : Path
        The folder, ``STUDENT+ASSIGNMENT+TIME`` or ``STUDENT+ASSIGNMENT+TIME+RANDOM``.
    student, assignment, time : str
        What the name says, each as the one who made the folder wanted.
    """

    folder: pathlib.Path
    student: str
    assignment: str
    time: str

    @classmethod
    def of(cls, folder: pathlib.Path) -> HandIn | None:
        """Read a folder's name; None where it is none of a hand-in."""
        parts = folder.name.rsplit("+", 3)
        if folder.name.startswith(".") or len(parts) < 3 or not parts[0]:
            return None
        return cls(folder, parts[0], parts[1], parts[2])

    @property
    def when(self) -> datetime.datetime:
        """The time of the name (UTC, without a zone).

        Raises
        ------
        ExchangeProblem
            Where it is none. nbgrader writes a time; the folder was made by hand.
        """
        try:
            return parse_utc(self.time)
        except Exception:
            # dateutil raises many kinds on what a student may write.
            raise ExchangeProblem(
                f"The name of {self.folder.name!r} holds no time, so nbgrader did not make it; ask {self.student} to hand in again."
            ) from None

    def check_owner(self, accounts: str) -> os.stat_result:
        """Return what the system knows of the folder, where it is its student's own or the collector's.

        Raises
        ------
        ExchangeProblem
            Where it is another's, a link or no folder.
        """
        facts = self.folder.lstat()
        if not stat.S_ISDIR(facts.st_mode):
            raise ExchangeProblem(f"{self.folder.name!r} is no folder, so it is no hand-in; remove it.")
        if facts.st_uid not in (uid_of(self.student, accounts), os.geteuid()):
            raise ExchangeProblem(
                f"{self.folder.name!r} says that it is by {self.student} and belongs to {_name_of(facts.st_uid)}: refused. "
                f"Ask {_name_of(facts.st_uid)} about it."
            )
        return facts


def hand_ins(inbound: pathlib.Path, assignment: str) -> Iterator[HandIn]:
    """Yield what lies in an ``inbound`` folder for an assignment, by name, checked in nothing."""
    for name in sorted(os.listdir(inbound)):
        found = HandIn.of(inbound / name)
        if found is not None and found.assignment == assignment:
            yield found


@dataclass(frozen=True)
class Limits:
    """What a hand-in may hold.

    Parameters
    ----------
    total, file : int
        Bytes of all files, and of one; a larger one is left out, as nbgrader does.
    ignore, include : tuple of str
        Patterns of names, as nbgrader's ``CourseDirectory`` has them.
    """

    total: int
    file: int
    ignore: tuple[str, ...] = ()
    include: tuple[str, ...] = ("*",)

    def skips(self, name: str, folder: bool) -> bool:
        """Tell whether nbgrader's settings leave a name out."""
        return any(fnmatch.fnmatch(name, p) for p in self.ignore) or (
            not folder and not any(fnmatch.fnmatch(name, p) for p in self.include)
        )


class _Copy:
    """Copies one hand-in by descriptors: no link is followed, nothing but plain files of its owner is read."""

    def __init__(self, owner: int, limits: Limits) -> None:
        self.owner, self.limits = owner, limits
        self.entries = self.bytes = 0
        self.left_out: list[str] = []

    def folder(self, descriptor: int, target: pathlib.Path, depth: int = 0) -> None:
        """Copy what is in an open folder into a new one."""
        if depth > DEEPEST:
            raise ExchangeProblem(f"It has folders within folders more than {DEEPEST} deep")
        target.mkdir()
        with os.scandir(descriptor) as entries:
            for entry in entries:
                self.entries += 1
                if self.entries > MOST_FILES:
                    raise ExchangeProblem(f"It has more than {MOST_FILES} files")
                is_folder = entry.is_dir(follow_symlinks=False)
                if self.limits.skips(entry.name, is_folder):
                    continue
                self._entry(descriptor, entry.name, target, depth, is_folder)

    def _entry(self, parent: int, name: str, target: pathlib.Path, depth: int, is_folder: bool) -> None:
        # A pipe is opened without waiting for who writes to it; a link is not opened at all.
        kind = os.O_DIRECTORY if is_folder else os.O_NONBLOCK
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=parent)
        except PermissionError:
            raise ExchangeProblem(f"{name!r} in it may not be read") from None
        except OSError:
            self.left_out.append(name)
            return
        try:
            if is_folder:
                self.folder(descriptor, target / name, depth + 1)
            else:
                self._file(descriptor, name, target / name)
        finally:
            os.close(descriptor)

    def _file(self, descriptor: int, name: str, target: pathlib.Path) -> None:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != self.owner or facts.st_size > self.limits.file:
            self.left_out.append(name)
            return
        with target.open("xb") as stream:
            # Counted as it is read: the file may grow meanwhile.
            while block := os.read(descriptor, 1 << 20):
                self.bytes += len(block)
                if self.bytes > self.limits.total:
                    raise ExchangeProblem(f"It is larger than {self.limits.total / 1e6:g} MB")
                stream.write(block)
        os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def copy_hand_in(hand_in: HandIn, owner: int, target: pathlib.Path, limits: Limits) -> list[str]:
    """Copy a hand-in to where submissions are kept, whole or not at all; what was there before is replaced at the end.

    Parameters
    ----------
    hand_in : HandIn
        Which.
    owner : int
        The uid that its files have to have.
    target : Path
        ``submitted/STUDENT/ASSIGNMENT``.
    limits : Limits
        What it may hold.

    Returns
    -------
    list of str
        Names of what was left out: links, pipes, others' files, files that are too large.

    Raises
    ------
    ExchangeProblem
        Where it is too large, too deep or may not be read; nothing has changed then.
    OSError
        Where the disk is full, say; nothing has changed then either.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (target.parent / f".{target.name}-{secrets.token_hex(4)}" for _ in range(2))
    copy = _Copy(owner, limits)
    descriptor = os.open(hand_in.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        copy.folder(descriptor, fresh)
        stamp = fresh / "timestamp.txt"
        if not stamp.exists() or (stamp.is_file() and not stamp.stat().st_size):
            # Without one, or with an empty one, nbgrader could release no feedback; the name of the folder has the same time.
            stamp.write_text(hand_in.time, encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            target.rename(old)
        fresh.rename(target)
    finally:
        os.close(descriptor)
        remove_tree(fresh)
        remove_tree(old)
    return copy.left_out


def share(folder: pathlib.Path) -> None:
    """Let a folder's group write to it and to all below it, as nbgrader's ``groupshared`` has it; what is another's keeps its mode."""
    below = [pathlib.Path(place) / name for place, _, files in os.walk(folder) for name in ("", *files)]
    for path in below:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            with contextlib.suppress(PermissionError):
                path.chmod(stat.S_IMODE(mode) | (0o2770 if stat.S_ISDIR(mode) else 0o660))


@dataclass(frozen=True)
class Outcome:
    """What became of a student's newest hand-in, or of one that was refused.

    Parameters
    ----------
    student : str
        Who it says it is by.
    what : str
        ``"collected"``, ``"updated"``, ``"kept"`` or ``"refused"``.
    sentence : str
        For the one who collects.
    """

    student: str
    what: str
    sentence: str


def inbound_of(config: Any) -> pathlib.Path:
    """Return the folder that a course's hand-ins are in, by nbgrader's configuration."""
    exchange = str(config.Exchange.get("root", "/usr/local/share/nbgrader/exchange"))
    return pathlib.Path(exchange) / str(config.CourseDirectory.get("course_id", "")) / "inbound"


def put_hand_in(
    inbound: pathlib.Path, student: str, assignment: str, files: dict[str, bytes], when: datetime.datetime
) -> pathlib.Path:
    """Put a hand-in into the exchange for a student, whole or not at all.

    It is written into a folder that is no hand-in by its name, and renamed when everything is on the disk. It belongs to this account, which
    has to be the collector's.

    Parameters
    ----------
    inbound : Path
        Where hand-ins are (`inbound_of`).
    student, assignment : str
        Whose, and of what.
    files : dict
        What is in it, by plain names.
    when : datetime
        When it was handed in (UTC).

    Returns
    -------
    Path
        The hand-in.

    Raises
    ------
    ExchangeProblem
        Where the names can be none of a folder.
    OSError
        Where the disk is full, say. Nothing that is collected is there then.
    """
    stamp = f"{when:%Y-%m-%d %H:%M:%S.%f} UTC"
    final = inbound / f"{student}+{assignment}+{stamp}+{secrets.token_urlsafe(9)}"
    made = HandIn.of(final)
    if (
        made is None
        or (made.student, made.assignment) != (student, assignment)
        or final.parent != inbound
        or "\0" in final.name
        or len(os.fsencode(final.name)) > 255
    ):
        raise ExchangeProblem(
            f"{student[:100]!r} and {assignment[:100]!r} cannot be in the name of a folder, so nothing can be handed in: tell your instructor."
        )
    unfinished = inbound / f"{UNFINISHED}{secrets.token_urlsafe(12)}"
    try:
        unfinished.mkdir(mode=0o700)
        # The secret is nbgrader's, who releases feedback by it.
        ours = {"timestamp.txt": stamp.encode(), "submission_secret.txt": secrets.token_hex(64).encode()}
        for name, body in {**files, **ours}.items():
            with (unfinished / name).open("xb") as stream:
                stream.write(body)
                stream.flush()
                # Some file systems say only then that there is no room.
                os.fsync(stream.fileno())
        _flush(unfinished)
        unfinished.rename(final)
    finally:
        remove_tree(unfinished)
    with contextlib.suppress(OSError):
        _flush(inbound)
    return final


def _flush(folder: pathlib.Path) -> None:
    descriptor = _open_folder(folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_unfinished(inbound: pathlib.Path) -> None:
    """Take away what this account's processes, killed at it, left of hand-ins that they were writing."""
    with contextlib.suppress(OSError):
        for name in os.listdir(inbound):
            if name.startswith(UNFINISHED) and (inbound / name).lstat().st_uid == os.geteuid():
                remove_tree(inbound / name)


class CheckedCollect(ExchangeCollect):
    """Collects what is its student's own, and lets one bad hand-in stop nobody else's.

    Configured by ``c.ExchangeFactory.collect``; the options of nbgrader's ``ExchangeCollect`` hold here too. `check_owner = False`
    trusts the names of folders, for an exchange that students' accounts cannot reach.
    """

    accounts = Enum(
        ["same", "tljh", "derived"],
        default_value="same",
        help="How a student's name becomes the owner of files: the account of that name, TLJH's jupyter-NAME, or a uid "
        "made from the name (Kubernetes).",
    ).tag(config=True)

    def init_src(self) -> None:
        """Choose each student's hand-in; keep the refused ones for the report."""
        if self.coursedir.course_id == "":
            self.fail("No course id specified. Re-run with --course flag.")
        self.course_path = os.path.join(self.root, self.coursedir.course_id)
        self.inbound_path = os.path.join(self.course_path, "inbound")
        if not os.path.isdir(self.inbound_path):
            self.fail(f"Course not found: {self.inbound_path}")
        if not check_mode(self.inbound_path, read=True, execute=True):
            self.fail(f"You don't have read permissions for the directory: {self.inbound_path}")
        self.outcomes: list[Outcome] = []
        wanted = self.coursedir.student_id or "*"
        by_student: dict[str, list[tuple[HandIn, datetime.datetime, int]]] = {}
        for hand_in in hand_ins(pathlib.Path(self.inbound_path), self.coursedir.assignment_id):
            if fnmatch.fnmatchcase(hand_in.student, wanted):
                with self._refusing(hand_in):
                    by_student.setdefault(hand_in.student, []).append(self._checked(hand_in))
        due = self._duedate() if self.before_duedate else None
        self.src_records = [_choose(found, due) for found in by_student.values() if found]

    def _checked(self, hand_in: HandIn) -> tuple[HandIn, datetime.datetime, int]:
        when = hand_in.when
        if not self.check_owner:
            return hand_in, when, hand_in.folder.lstat().st_uid
        facts = hand_in.check_owner(self.accounts)
        made = datetime.datetime.fromtimestamp(facts.st_ctime, datetime.UTC).replace(tzinfo=None)
        if made - when > CLOCKS_DIFFER:
            self.log.warning(
                "%s says that %s handed in at %s, and its folder was last changed at %s. Where nobody copied or restored the exchange, the time "
                "of its name was written by hand.",
                hand_in.folder,
                hand_in.student,
                when,
                made.replace(microsecond=0),
            )
        return hand_in, when, facts.st_uid

    def _duedate(self) -> datetime.datetime | None:
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                return gradebook.find_assignment(self.coursedir.assignment_id).duedate
            except MissingEntry:
                return None

    @contextlib.contextmanager
    def _refusing(self, hand_in: HandIn) -> Iterator[None]:
        """Make whatever goes wrong with one hand-in a sentence about that one."""
        try:
            yield
        except ExchangeProblem as problem:
            self._refuse(hand_in, str(problem))
        except OSError as problem:
            self._refuse(
                hand_in, f"{hand_in.folder.name!r} cannot be collected ({problem.strerror or type(problem).__name__})."
            )

    def _refuse(self, hand_in: HandIn, sentence: str) -> None:
        self.log.warning(sentence)
        self.outcomes.append(Outcome(hand_in.student, "refused", sentence))

    def copy_files(self) -> None:
        """Copy each chosen hand-in, each for itself."""
        self.log.info(
            "Processing %d submissions of '%s' for course '%s'",
            len(self.src_records),
            self.coursedir.assignment_id,
            self.coursedir.course_id,
        )
        for hand_in, when, owner in self.src_records:
            with self._refusing(hand_in):
                outcome = self._collect(hand_in, when, owner)
                self.outcomes.append(outcome)
                self.log.info(outcome.sentence)

    def _collect(self, hand_in: HandIn, when: datetime.datetime, owner: int) -> Outcome:
        student, assignment = hand_in.student, hand_in.assignment
        target = pathlib.Path(self.coursedir.format_path(self.coursedir.submitted_directory, student, assignment))
        there = target.is_dir()
        if there:
            known = self.coursedir.get_existing_timestamp(str(target))
            if not (self.update and (known is None or when > known)) and not (self.before_duedate and known != when):
                return Outcome(
                    student,
                    "kept",
                    f"No newer submission to collect: {student} {assignment}"
                    if self.update
                    else f"Submission already exists, use --update to update: {student} {assignment}",
                )
        limits = Limits(
            1000 * self.coursedir.max_dir_size,
            1000 * self.coursedir.max_file_size,
            tuple(self.coursedir.ignore),
            tuple(self.coursedir.include),
        )
        try:
            left_out = copy_hand_in(hand_in, owner, target, limits)
        except ExchangeProblem as problem:
            raise ExchangeProblem(
                f"{student}'s hand-in of {hand_in.time} is refused: {problem}. Ask {student} to hand in the notebook again, without it."
            ) from None
        if self.coursedir.groupshared:
            # A fellow instructor collects the next version into the same folder.
            share(target.parent)
        note = f"; left out (links, others' or too large files): {', '.join(sorted(left_out)[:5])}" if left_out else ""
        return Outcome(
            student,
            "updated" if there else "collected",
            f"{'Updating' if there else 'Collecting'} submission: {student} {assignment}{note}",
        )


def _choose(
    found: list[tuple[HandIn, datetime.datetime, int]], due: datetime.datetime | None
) -> tuple[HandIn, datetime.datetime, int]:
    """Return the last hand-in, or where there is a due date that counts the last one before it, if there is one."""
    found = sorted(found, key=lambda item: item[1], reverse=True)
    in_time = [item for item in found if due is not None and item[1] <= due]
    return (in_time or found)[0]


class CarefulReleaseFeedback(ExchangeReleaseFeedback):
    """Releases the feedback of everybody whose page has a place to go, and names the others."""

    src_path: str

    def copy_files(self) -> None:
        """Release student by student; nbgrader stops at the first folder that lacks ``timestamp.txt`` or ``submission_secret.txt``."""
        for folder in sorted(glob.glob(self.src_path)):
            self.src_path = folder
            stamp = pathlib.Path(folder) / "timestamp.txt"
            try:
                if not stamp.exists():
                    # Read for a line of the log only.
                    stamp.write_text("no time was handed in", encoding="utf-8")
                super().copy_files()
            except (OSError, UnicodeError) as problem:
                what = (
                    f"the hand-in has no {pathlib.Path(problem.filename).name}"
                    if isinstance(problem, FileNotFoundError) and problem.filename
                    else f"{type(problem).__name__}: {problem}"
                )
                self.log.warning(
                    "The feedback in %s cannot be released through the exchange (%s). Give it to the student in another way; the others' goes on.",
                    folder,
                    what,
                )


# ------------------------------------------------------------------------------------------------ setting up, looking over
def _open_folder(path: pathlib.Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def make_exchange(exchange: pathlib.Path, course_id: str, owner: int, group: int) -> list[str]:
    """Make the exchange and a course's folders in it, or put right what is there.

    Parameters
    ----------
    exchange : Path
        The exchange.
    course_id : str
        The course.
    owner, group : int
        The grader's account.

    Returns
    -------
    list of str
        What was done, one sentence each; empty where all was right.

    Raises
    ------
    ExchangeProblem
        Where something is another's and it is not for this account to change it.
    """
    done = []
    exchange.mkdir(parents=True, exist_ok=True)
    places = [
        (exchange, ROOT_MODE, None),
        *((exchange / course_id / name, mode, owner) for name, mode in COURSE_MODES.items()),
    ]
    for path, mode, wanted in places:
        if not os.path.lexists(path):
            path.mkdir()
            done.append(f"Made {path}.")
            if wanted is not None and os.geteuid() == 0:
                os.chown(path, wanted, group, follow_symlinks=False)
        try:
            # By descriptor: in a folder that all can write to, a name may be a link by now.
            descriptor = _open_folder(path)
        except OSError as problem:
            raise ExchangeProblem(
                f"{path} is no folder of its own ({problem.strerror}); a course's folder in the exchange is never a link. Remove it."
            ) from None
        try:
            facts = os.fstat(descriptor)
            if wanted is not None and facts.st_uid not in (wanted, 0):
                raise ExchangeProblem(
                    f"{path} belongs to {_name_of(facts.st_uid)} and not to {_name_of(wanted)}, so it may hold anything. Look into it, "
                    "remove it, and run this again."
                )
            _mend(descriptor, facts, path, mode, (wanted, group), owner, done)
        finally:
            os.close(descriptor)
    return done


def _mend(
    descriptor: int,
    facts: os.stat_result,
    path: pathlib.Path,
    mode: int,
    owner: tuple[int | None, int],
    grader: int,
    done: list[str],
) -> None:
    # The exchange itself is root's, or the grader's; a course's folder is the grader's.
    wanted = owner[0] if owner[0] is not None else facts.st_uid if facts.st_uid in (0, grader) else 0
    try:
        if facts.st_uid != wanted:
            os.fchown(descriptor, wanted, owner[1] if wanted else 0)
            done.append(f"Gave {path} to {_name_of(wanted)}.")
        if stat.S_IMODE(facts.st_mode) & 0o1777 != mode:
            os.fchmod(descriptor, mode)
            done.append(f"Set the mode of {path} to {mode:o}.")
    except PermissionError:
        raise ExchangeProblem(
            f"{path} belongs to {_name_of(facts.st_uid)}, who alone (or root) can set it right: run this as root."
        ) from None


#: A fault or a warning, and what to do about it.
Trouble = tuple[str, str, str]


def look_over(exchange: pathlib.Path, course_id: str, grader: int, accounts: str = "same") -> list[Trouble]:
    """Return what is wrong with an exchange: a level (``"fault"`` or ``"warning"``), what is so, and what to do.

    Parameters
    ----------
    exchange : Path
        The exchange.
    course_id : str
        The course.
    grader : int
        Uid of the account that owns the course.
    accounts : str
        As for `uid_of`.
    """
    if not exchange.is_dir():
        return [
            (
                "warning",
                f"There is no exchange at {exchange}.",
                "Nothing has to be done where submissions come another way; else run photgrader exchange "
                "as root, or set PHOTCOURSE_EXCHANGE.",
            )
        ]
    found = list(_root_troubles(exchange, grader))
    own = exchange / course_id
    for name in COURSE_MODES:
        if os.path.lexists(own / name):
            found += _folder_troubles(own / name, name, grader)
    if (own / "inbound").is_dir() and os.access(own / "inbound", os.R_OK):
        found += _strangers(own / "inbound", accounts)
    return found


def _root_troubles(exchange: pathlib.Path, grader: int) -> Iterator[Trouble]:
    again = "Run photgrader exchange as root"
    if not os.access(exchange, os.W_OK | os.X_OK):
        yield "fault", f"You may not write to the exchange {exchange}.", f"{again}."
    for path in (exchange, *exchange.resolve().parents):
        facts = path.stat()
        if facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX:
            yield (
                "fault",
                f"Any student can rename or replace what lies in {path} (mode {stat.S_IMODE(facts.st_mode):04o}, without the sticky bit).",
                f"{again}, or chmod 1777 {path}.",
            )
    owner = exchange.stat().st_uid
    if owner not in (0, grader):
        yield (
            "fault",
            f"The exchange {exchange} belongs to {_name_of(owner)}, who can rename and replace everything in it.",
            f"chown root {exchange}",
        )


def _folder_troubles(path: pathlib.Path, name: str, grader: int) -> Iterator[Trouble]:
    facts = path.lstat()
    mode = facts.st_mode
    if not stat.S_ISDIR(mode):
        yield (
            "fault",
            f"{path} is a link or a file, and should be a folder of its own.",
            f"Remove {path} and run photgrader exchange as root.",
        )
        return
    if facts.st_uid not in (0, grader):
        yield (
            "fault",
            f"{path} belongs to {_name_of(facts.st_uid)} and not to the grader ({_name_of(grader)}), who could put anything in its place.",
            f"Look into {path}, then remove it and run photgrader exchange as root.",
        )
    others = {
        "": (stat.S_IWOTH, "rename and replace the course's folders", "o-w"),
        "outbound": (stat.S_IWOTH, "change what is handed out", "o-w"),
        "inbound": (stat.S_IROTH, "list what others have handed in", "o-r"),
        "feedback": (stat.S_IROTH | stat.S_IWOTH, "list or change the feedback of others", "o-rw"),
    }
    wrong, what, letters = others[name]
    if mode & wrong:
        yield "fault", f"Students may {what} ({path}).", f"chmod {letters} {path}"
    if name == "inbound" and not mode & stat.S_IWOTH:
        yield (
            "warning",
            f"Students with accounts of their own cannot hand in ({path} is not writable for them).",
            f"chmod o+wx {path}",
        )
    elif name == "inbound" and not mode & stat.S_ISVTX:
        yield (
            "fault",
            f"Who knows the name of another's hand-in can rename or remove it ({path} has no sticky bit).",
            f"chmod +t {path}",
        )


def _strangers(inbound: pathlib.Path, accounts: str) -> Iterator[Trouble]:
    """Name hand-ins that are not their students' own."""
    for name in sorted(os.listdir(inbound)):
        hand_in = HandIn.of(inbound / name)
        if hand_in is not None:
            try:
                hand_in.check_owner(accounts)
            except (ExchangeProblem, OSError) as problem:
                yield (
                    "warning",
                    str(problem),
                    f"Nothing has to be done for the marks: it is not collected. Remove {hand_in.folder} when you know how it came there.",
                )
