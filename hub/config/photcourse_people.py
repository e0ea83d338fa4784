"""Make a machine agree with a hub's settings: accounts, exchange, gradebook. Run as root, by the hub's unit before each start.

    /opt/photcourse/grader/bin/python photcourse_people.py /etc/photcourse/hub.toml

Who is new gets an account with a home of its own; who is no longer listed keeps files and marks and can log in nowhere any more
(the account has expired, its processes are ended), and comes back with everything when listed again. Accounts that this program did not
make are left alone. The hub's own groups follow when it starts (photcourse_hub.follow_settings).
"""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import re
import subprocess
import sys
import tempfile
import tomllib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from photcourse_hub import Course, courses_of  # noqa: E402

#: Accounts made here are in this group, so that no other is ever touched.
PEOPLE = "photcourse-people"
#: Blocks of a student's home, soft and hard, in KB, where the disk counts them (`quota`).
_QUOTA = re.compile(r"(\d+)([MG])\Z")


def run(*command: object, **more: object) -> None:
    """Run a command; what it says goes to the journal."""
    subprocess.run([str(word) for word in command], check=True, **more)  # type: ignore[call-overload]


def make_accounts(wanted: set[str]) -> list[str]:
    """Make, open and close accounts so that those of `PEOPLE` are the wanted ones; return what was done."""
    run("groupadd", "--force", "--system", PEOPLE)
    own, done = set(grp.getgrnam(PEOPLE).gr_mem), []
    for name in sorted(wanted - own):
        try:
            pwd.getpwnam(name)
        except KeyError:
            run(
                "useradd",
                "--create-home",
                "--skel",
                "/dev/null",
                "--shell",
                "/bin/bash",
                "--user-group",
                "-G",
                PEOPLE,
                name,
            )
            os.chmod(pwd.getpwnam(name).pw_dir, 0o700)
            done.append(f"made the account {name}")
    for name in sorted(own):
        if name in wanted and expired(name):
            run("usermod", "--expiredate", "", name)
            done.append(f"opened the account {name} again")
        elif name not in wanted and not expired(name):
            run("usermod", "--expiredate", "1", name)
            # Ends what still runs as the account; nothing may run, which is no fault.
            subprocess.run(["pkill", "-KILL", "-u", name], check=False)
            done.append(f"closed the account {name}")
    return done


def expired(name: str) -> bool:
    """Tell whether an account has been closed."""
    line = next(
        (line for line in pathlib.Path("/etc/shadow").read_text().splitlines() if line.startswith(f"{name}:")), ""
    )
    return line.split(":")[7:8] == ["1"]


def set_quota(names: set[str], text: str) -> list[str]:
    """Limit what each account may have on the disk of its home (``"5G"``), where that disk counts by account."""
    found = _QUOTA.match(text)
    if found is None:
        raise SystemExit(f"quota = {text!r} in the settings is no size; write it like 500M or 5G.")
    blocks = int(found[1]) * {"M": 1024, "G": 1024**2}[found[2]]
    done = []
    for name in sorted(names):
        home = pwd.getpwnam(name).pw_dir
        asked = subprocess.run(
            ["setquota", "-u", name, str(blocks), str(blocks * 11 // 10), "200000", "220000", _mount_of(home)],
            capture_output=True,
            text=True,
        )
        if asked.returncode:
            raise SystemExit(
                f"The disk of {home} counts nothing by account ({(asked.stderr.strip().splitlines() or ['?'])[-1]}). Mount it with usrquota "
                "(or prjquota on XFS), or take quota out of the settings."
            )
        done.append(f"{name} may have {text}")
    return done


def _mount_of(path: str) -> str:
    place = pathlib.Path(path).resolve()
    while not place.is_mount():
        place = place.parent
    return str(place)


def follow(course: Course) -> None:
    """Set up the exchange of a course, and bring its class list into the gradebook, as the grader."""
    photgrader = os.path.join(course.grader_env, "bin", "photgrader")
    run(photgrader, "exchange", "--root", course.exchange, "--course", course.course_id, "--grader", course.grader)
    if not os.path.isfile(os.path.join(course.root, "nbgrader_config.py")):
        print(f"There is no course in {course.root} yet.", flush=True)
        return
    entry = pwd.getpwnam(course.grader)
    as_grader = {
        "cwd": course.root,
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": os.getgrouplist(course.grader, entry.pw_gid),
        "env": {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": entry.pw_dir,
            "LANG": "C.UTF-8",
            "PHOTCOURSE_EXCHANGE": course.exchange,
            "PHOTCOURSE_COURSE_ID": course.course_id,
        },
    }
    # A new version of nbgrader may have another layout of its gradebook.
    run(photgrader, "migrate", **as_grader)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as stream:
        stream.write("id\n" + "".join(f"{name}\n" for name in course.students))
        stream.flush()
        os.fchmod(stream.fileno(), 0o644)
        run(photgrader, "roster", "import", stream.name, "--remove", **as_grader)


def main(path: str) -> int:
    """Follow a settings file; a course that has a fault keeps no other from being followed."""
    settings = tomllib.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    courses = [Course(**people) for people in courses_of(settings)]
    people = {name for course in courses for name in (*course.students, *course.instructors, *course.markers)}
    done = make_accounts(people | {course.grader for course in courses})
    if settings.get("quota"):
        done += set_quota(people, settings["quota"])
    print("; ".join(done) or "Accounts are as they should be.", flush=True)
    failed = 0
    for course in courses:
        try:
            follow(course)
        except (subprocess.CalledProcessError, OSError, KeyError) as problem:
            print(f"{course.course_id}: {problem}", file=sys.stderr, flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "/etc/photcourse/hub.toml"))
