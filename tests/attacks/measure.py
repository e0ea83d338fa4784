"""Measure the corpus, here and on stock nbgrader, and write the figures down.

    python tests/attacks/measure.py warm|cold [CLASS ...]    the grader of this course, kernels warm or cold
    python tests/attacks/measure.py dask|user [CLASS ...]    the same, kernels warm, on a Dask cluster of two workers or as an ordinary user
    python tests/attacks/measure.py class                    a class of thirty: twelve honest students and one attack of each class
    python tests/attacks/measure.py stock [CLASS ...]        nbgrader's own autograde, tests in the student's kernel

Each call adds to docs/results/attacks.json and writes docs/attacks.md anew. Stock nbgrader runs what students hand in with
the grader's rights, so here it runs in bubblewrap: no network, nothing writable but a temporary course and home, bounded
time, memory, processes and file sizes. One attack a course; an honest student is graded after it.
"""

from __future__ import annotations

import collections
import concurrent.futures
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from typing import Any

# The tests, and the benchmarks beside them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("MPLBACKEND", "Agg")

import nbformat
from attacks.arena import (
    CANARIES,
    NOTEBOOK_SECONDS,
    POINTS,
    VARIABLE,
    WAYS,
    WORDS,
    Runs,
    grade_class,
    grade_ours,
    loot,
    make_arena,
    one_of_each,
    others_in,
    printed,
)
from attacks.corpus import BREACH, MARK, PORT_WORD, SOCKET_WORD, Attack, corpus
from nbgrader.api import Gradebook

from photgrader.coursedir.trees import remove_tree
from support import ASSIGNMENT, RIGHT, ROOT, submit, tiny_notebook

RESULTS, PAGE = ROOT / "docs" / "results" / "attacks.json", ROOT / "docs" / "attacks.md"
SECONDS, UID, HONEST = 60, 60050, "zz-honest"
NO_NETWORK = "it is measured without a network, on purpose"
LEFT_OUT = {
    "addresses": NO_NETWORK,
    "names": NO_NETWORK,
    "other families": NO_NETWORK,
    "another kernel's sockets": NO_NETWORK,
    "a file of 150 MB": "it only fills memory",
    "packages": "packages are read-only in the measurement itself",
    "kernel specifications": "packages are read-only in the measurement itself",
    "shared data": "packages are read-only in the measurement itself",
    "mounts": "rights are taken away by the measurement itself",
}

CONFIGURATION = """c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 3
"""
#: Run inside: nbgrader as it is, by its own interface, for the attacker and then for an honest student.
INSIDE = """
import json, logging, socket, subprocess, sys, threading
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
root, students, name = sys.argv[1], sys.argv[2:4], sys.argv[4]
config = Config()
exec(open(root + "/nbgrader_config.py").read(), {"get_config": lambda: config})
heard = []
def listen(sock):
    sock.listen()
    while True:
        sock.accept(); heard.append(1)
tcp, unix = socket.socket(), socket.socket(socket.AF_UNIX)
tcp.bind(("127.0.0.1", 45871)); unix.bind("\\0" + name)
for sock in (tcp, unix): threading.Thread(target=listen, args=(sock,), daemon=True).start()
api = NbGraderAPI(CourseDirectory(config=config), config=config)
answer = {}
for student in students:
    done = api.autograde("ASSIGNMENT", student, force=True, create=True)
    answer[student] = [bool(done["success"]), str(done.get("error") or done.get("log") or "")[-600:]]
    if done["success"]:
        done = api.generate_feedback("ASSIGNMENT", student, force=True)
answer["left"] = subprocess.run(["pgrep", "-f", "^MARK"], capture_output=True, text=True).stdout.split()
answer["heard"] = len(heard)
open(root + "/answer.json", "w").write(json.dumps(answer))
""".replace("ASSIGNMENT", ASSIGNMENT).replace("MARK", MARK)

TESTS = {
    "check-centroid": (
        "import numpy as np\nn_y, n_x = 21, 17\ny, x = np.mgrid[:n_y, :n_x]\nstar = np.exp(-((x - 6.3)**2 + (y - 12.8)**2) / 8)\n"
        "answer = centroid(star, 140, 233)\nassert abs(answer[0] - (140 + (star * x).sum() / star.sum())) < 2e-3\nassert abs(answer[1] - (233 + (star * y).sum() / star.sum())) < 2e-3\n"
        "### BEGIN HIDDEN TESTS\nstar = np.exp(-((x - 9.1)**2 + (y - 7.2)**2) / 6)\nanswer = centroid(star, 55, 410)\n"
        "assert abs(answer[0] - (55 + (star * x).sum() / star.sum())) < 2e-3\nassert abs(answer[1] - (410 + (star * y).sum() / star.sum())) < 2e-3\n### END HIDDEN TESTS"
    ),
    "check-second_moment": (
        "import numpy as np\ny, x = np.mgrid[:21, :17]\nstar = np.exp(-((x - 8.3)**2 + (y - 9.8)**2) / 8)\nwidths = second_moment(star, 8.3, 9.8, 0, 0)\n"
        "assert abs(widths[0] - 1.414) < 0.05\nassert abs(widths[1] - 1.414) < 0.05"
    ),
}


# ------------------------------------------------------------------------------------------------ stock nbgrader
def make_stock(folder: pathlib.Path) -> pathlib.Path:
    """Make the course as stock nbgrader has it: tests in cells; an honest student graded, with a person's words."""
    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    notebook = tiny_notebook()
    notebook.cells[1].source = "import numpy as np"
    for cell in notebook.cells:
        cell.source = TESTS.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source).replace(
            "### BEGIN SOLUTION", f"### BEGIN SOLUTION\n    # {CANARIES['the solution']}"
        )
    nbformat.write(notebook, source / f"{ASSIGNMENT}.ipynb")
    (folder / "nbgrader_config.py").write_text(CONFIGURATION.format(root=str(folder)))
    nbgrader = str(pathlib.Path(sys.executable).parent / "nbgrader")
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(
        [nbgrader, "generate_assignment", ASSIGNMENT, "--create"],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    submit(folder, "honest-00", {**RIGHT, "written-why": CANARIES["another submission"]})
    subprocess.run(
        [nbgrader, "autograde", ASSIGNMENT, "--create"], cwd=folder, env=environment, check=True, capture_output=True
    )
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        gradebook.find_comment("written-why", ASSIGNMENT, ASSIGNMENT, "honest-00").manual_comment = CANARIES[
            "the gradebook"
        ]
        gradebook.db.commit()
    return folder


def jailed(root: pathlib.Path, student: str, uid: int) -> list[str]:
    """Return the command that grades an attack and an honest student with stock nbgrader, in bubblewrap."""
    folders = {
        os.path.realpath(p)
        for p in (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), ROOT / "course" / "photcourse")
    }
    words = [
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--size",
        "100000000",
        "--tmpfs",
        "/tmp",
        "--perms",
        "0777",
        "--tmpfs",
        "/home",
    ]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/passwd", "/etc/ld.so.cache", "/etc/alternatives"):
        if os.path.lexists(folder):
            words += (
                ["--symlink", os.readlink(folder), folder] if os.path.islink(folder) else ["--ro-bind", folder, folder]
            )
    mounts = [
        *[("--ro-bind", f) for f in sorted(folders) if not f.startswith(("/usr/", sys.prefix + "/")) and f != "/usr"],
        ("--bind", str(root)),
    ]
    for parent in sorted({str(p) for _, f in mounts for p in pathlib.Path(f).parents} - {"/", "/tmp", "/home", "/usr"}):
        words += ["--perms", "0755", "--dir", parent]
    for kind, folder in mounts:
        words += [kind, folder, folder]
    for name, value in {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": "/home",
        "LANG": "C.UTF-8",
        VARIABLE: CANARIES["the environment"],
        "OPENBLAS_NUM_THREADS": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
    }.items():
        words += ["--setenv", name, value]
    # A user of its own: limits on processes do not bind root.
    rights = (
        [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={uid}",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            "--no-new-privs",
        ]
        if os.geteuid() == 0
        else []
    )
    if rights:
        words += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
        words[1:2] = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    limits = [
        "prlimit",
        "--nproc=150",
        "--as=2500000000",
        "--fsize=100000000",
        f"--cpu={SECONDS}",
        "--core=0",
        "--nofile=1024",
    ]
    return [
        *words,
        "--chdir",
        str(root),
        "--",
        *rights,
        *limits,
        sys.executable,
        "-W",
        "ignore",
        "-c",
        INSIDE,
        str(root),
        student,
        HONEST,
        "n4l-stock",
    ]


def stock_attack(template: pathlib.Path, attack: Attack, number: int = 0) -> dict[str, bool]:
    """Grade one attack with stock nbgrader; return what it gained, leaked and disturbed."""
    # A user for each: the limit on processes is a user's, and two attacks run at a time.
    uid = UID + number
    with tempfile.TemporaryDirectory(prefix="stock-") as name:
        root, student = pathlib.Path(name) / "course", "attack-000"
        shutil.copytree(template, root)
        config = root / "nbgrader_config.py"
        config.write_text(CONFIGURATION.format(root=str(root)))
        attack.hand_in(root, student, {PORT_WORD: "45871", SOCKET_WORD: "n4l-stock"}, stock=True)
        submit(root, HONEST, RIGHT)
        before = stock_rows(root, "honest-00")
        if os.geteuid() == 0:
            for path in (pathlib.Path(name), root, *root.rglob("*")):
                os.chown(path, uid, uid, follow_symlinks=False)
        process = subprocess.Popen(
            jailed(root, student, uid), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        found = stock_outcome(root, student, attack, before)
        for path in [p for p in root.rglob("*") if p.is_dir() and not p.is_symlink()]:
            path.chmod(0o700)
    return found


def stock_rows(root: pathlib.Path, student: str) -> list[tuple[object, ...]] | None:
    """Return what the gradebook holds of a student; None where it can not be read or does not know the student."""
    try:
        with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
            return sorted(
                (g.name, g.auto_score, g.manual_score, g.max_score)
                for n in gradebook.find_submission(ASSIGNMENT, student).notebooks
                for g in n.grades
            )
    except Exception:  # noqa: BLE001 - an attack may have left anything in its place
        return None


def stock_outcome(root: pathlib.Path, student: str, attack: Attack, before: object) -> dict[str, bool]:
    """Return what an attack on stock nbgrader gained, leaked and disturbed."""

    def text(path: pathlib.Path) -> str:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() and not path.is_symlink() else ""

    try:
        answer: dict[str, Any] = json.loads(text(root / "answer.json"))
    except ValueError:
        answer = {}
    rows, honest = stock_rows(root, student) or [], stock_rows(root, HONEST) or []
    notebook = text(root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    page = text(root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html")
    taken_along = others_in(root / "feedback" / student / ASSIGNMENT)
    other = text(root / "autograded" / HONEST / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    taken = any(word in notebook + page + taken_along for word in CANARIES.values())
    breach = attack.kind in BREACH and bool(notebook) and bool(loot(notebook))
    whole = sum(float(r[1] or 0) for r in honest if str(r[0]).startswith("check")) == POINTS and (
        not other or MARK not in printed(other)
    )
    return {
        "gained": sum(float(str(r[1] or 0)) for r in rows) > 0 or sum(float(str(r[3])) for r in rows) > POINTS + 2,
        "leaked": taken or breach or bool(Runs.of(page)) or bool(answer.get("heard")),
        "disturbed": not whole
        or stock_rows(root, "honest-00") != before
        or not answer
        or not answer[student][0]
        or bool(answer["left"]),
    }


def measure_stock(kinds: list[str]) -> tuple[dict[str, collections.Counter[str]], dict[str, list[str]], dict[str, str]]:
    """Return counts by class, who won what, and what was left out and why."""
    chosen = [a for a in corpus() if not kinds or a.kind in kinds]
    left_out = {a.name: a.stock or LEFT_OUT[a.name] for a in chosen if a.stock or a.name in LEFT_OUT}
    runnable = [a for a in chosen if a.name not in left_out]
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    won: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="stock-") as name:
        os.chmod(name, 0o755)
        template = make_stock(pathlib.Path(name) / "course")
        clean = stock_attack(template, Attack("nothing at all", "control", "", {"written-why": "nothing"}))
        assert not any(clean.values()), f"stock nbgrader cannot be measured here: {clean}"
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for attack, found in zip(
                runnable, pool.map(lambda a: stock_attack(template, a, 1 + runnable.index(a)), runnable), strict=True
            ):
                counts[attack.kind].update({"attacks": 1, **{k: int(v) for k, v in found.items()}})
                won.update({attack.name: [k for k, v in found.items() if v]} if any(found.values()) else {})
                print(
                    f"{attack.kind:18}{attack.name:40}{', '.join(k for k, v in found.items() if v) or '-'}", flush=True
                )
    return counts, won, left_out


# ------------------------------------------------------------------------------------------------ a class of thirty
def measure_thirty(folder: pathlib.Path, course: pathlib.Path) -> dict[str, Any]:
    """Grade a class alone and with attacks, in each of the ways; return seconds, states and whether honest rows are the same."""
    attacks, body = (
        one_of_each(),
        {"date": datetime.date.today().isoformat(), "limit": NOTEBOOK_SECONDS["warm"], "ways": {}},
    )
    body |= {"size": 30, "attacks": len(attacks), "names": [f"{a.name} ({a.kind})" for a in attacks]}
    for way in WAYS:
        found = []
        for named, chosen in (("alone", []), ("mixed", attacks)):
            root = folder / f"{way}-{named}"
            shutil.copytree(course, root)
            found.append(grade_class(root, chosen, 30 - len(attacks) + len(chosen), way))
            print(found[-1][1].table(), *found[-1][1].faults, sep="\n", flush=True)
            remove_tree(root)
        (before, alone), (after, mixed) = found
        body["ways"][way] = {
            "alone": round(alone.seconds, 1),
            "mixed": round(mixed.seconds, 1),
            "same": before == after,
            "faults": len(mixed.faults),
            "states": dict(sorted(mixed.states.items())),
        }
    return body


def keep_thirty(body: dict[str, Any]) -> None:
    """Add the class of thirty to the results, and write the page anew."""
    results = json.loads(RESULTS.read_text()) | {"thirty": body}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def thirty(body: dict[str, Any] | None) -> list[str]:
    """Return what the page says of the class of thirty."""
    if body is None:
        return []
    honest = body["size"] - body["attacks"]
    lines = [
        "## A class of thirty",
        "",
        f"{honest} honest students, some right and some wrong, graded by `photgrader grade` alone, and then with {body['attacks']} attacks between them, one of",
        f"each class. A run may take as long as that of the honest and one notebook's limit ({body['limit']:.0f} s) for each attack",
        f"(`tests/attacks/test_class_of_thirty.py`). Measured on {body['date']}. {body.get('note', '')}".rstrip(),
        "",
        "| graded | the honest alone | with attacks | may take | rows of the honest | faults | states |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, found in body["ways"].items():
        states = ", ".join(f"{n} {state}" for state, n in found["states"].items())
        lines.append(
            f"| on this machine{WAYS[way]} | {found['alone']} s | {found['mixed']} s | {found['alone'] + body['attacks'] * body['limit']:.0f} s | "
            f"{'the same' if found['same'] else '**other**'} | {found['faults']} | {states} |"
        )
    return [*lines, "", f"The attacks: {'; '.join(body['names'])}.", ""]


def fuzzed(body: dict[str, Any] | None) -> list[str]:
    """Return what the page says of the fuzzer's last long run."""
    if body is None:
        return []
    return [
        "## An hour of a fuzzer that sees which lines it reaches",
        "",
        f"`tools/fuzz_readers.py` on {body['date']}: {body['minutes']} minutes in one process, {body['runs']:,} inputs, {body['found']} Inputs that reached something",
        f"new are kept in `tests/fuzz/kept` ({body['kept']}), where the tests read them again.",
        "",
    ]


# ------------------------------------------------------------------------------------------------ what is written
def keep(
    mode: str,
    counts: dict[str, collections.Counter[str]],
    seconds: float = 0.0,
    won: dict[str, list[str]] | None = None,
    left_out: dict[str, str] | None = None,
) -> None:
    """Add a measurement to the results, and write the page anew."""
    body: dict[str, Any] = (
        json.loads(RESULTS.read_text())
        if RESULTS.is_file()
        else {"classes": {}, "stock": {"won": {}, "left_out": {}}, "seconds": {}, "measured": {}}
    )
    for kind, count in counts.items():
        words = ("attacks", *(WORDS[:3] if mode == "stock" else WORDS))
        body["classes"].setdefault(kind, {})[mode] = {word: count[word] for word in words}
        for name in [a.name for a in corpus() if a.kind == kind] if mode == "stock" else []:
            body["stock"]["won"].pop(name, None)
    body["stock"]["won"].update(won or {})
    body["stock"]["left_out"].update(left_out or {})
    body["seconds"].update({mode: round(seconds)} if seconds else {})
    body["measured"][mode] = datetime.date.today().isoformat()
    body["versions"] = {
        "python": platform.python_version(),
        **{n: importlib.metadata.version(n) for n in ("nbgrader", "nbclient", "ipykernel", "numpy", "photgrader")},
        "bubblewrap": subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.split()[-1],
    }
    body["processors"] = len(os.sched_getaffinity(0))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(body), encoding="utf-8")


def page(body: dict[str, Any]) -> str:
    """Return the page with the table of the results."""
    titles = {
        "warm": "ours, warm kernels",
        "cold": "ours, cold kernels",
        "dask": "ours, Dask",
        "user": "ours, an ordinary user",
        "stock": "stock nbgrader",
    }
    modes = [m for m in titles if m in body["measured"]]
    kinds = [k for k in dict.fromkeys(a.kind for a in corpus()) if k in body["classes"]]
    lines = ["| class | " + " | ".join(titles[m] for m in modes) + " |", "|---|" + "---|" * len(modes)]

    def words(counts: dict[str, int] | None) -> str:
        if not counts:
            return "not run"
        return f"{counts['attacks']}: " + " / ".join(str(counts[word]) for word in WORDS if word in counts)

    for kind in kinds:
        lines.append(f"| {kind} | " + " | ".join(words(body["classes"][kind].get(m)) for m in modes) + " |")
    totals = {}
    for mode in modes:
        found = [body["classes"][kind][mode] for kind in kinds if mode in body["classes"][kind]]
        words_of = [w for w in ("attacks", *WORDS) if all(w in counts for counts in found)]
        totals[mode] = {word: sum(counts[word] for counts in found) for word in words_of}
    lines.append("| **all** | " + " | ".join(f"**{words(totals[m])}**" for m in modes) + " |")
    reasons: dict[str, list[str]] = collections.defaultdict(list)
    for name, reason in body["stock"]["left_out"].items():
        reasons[reason].append(name)
    versions = ", ".join(f"{n} {v}" for n, v in body["versions"].items())
    won = [f"- {name}: {', '.join(what)}" for name, what in body["stock"]["won"].items()]
    return "\n".join(
        [
            "# Attacks, measured",
            "",
            "Each attack is a submission that a student could hand in; the corpus is in `tests/attacks/`, and `make test` grades all of it, with honest",
            "students between, with warm kernels, and a part of it with cold ones, on Dask and as an ordinary user. A cell reads *attacks: gained / leaked /",
            "disturbed / over limits / crashed*; of stock nbgrader, which limits nothing but a cell's time, and of older measurements, the first three.",
            "",
            "- **gained**: a point more than the work earns, or more points to be had.",
            "- **leaked**: a secret (key, references, solutions, hidden cases, gradebook, another's work, environment) in anything that a student sees; a script that",
            "  would run in a page; a connection or a write that got through.",
            "- **disturbed**: an honest student's mark, notebook or feedback changed; a process that outlives the run; a submission that ends in another state than it must",
            "  or without a mark.",
            "- **over limits**: a process that grades held more memory than it may, or took more than one notebook's limit, and was not ended and named for it.",
            "- **crashed**: a submission without a result or without a named state; a failure or a traceback of the grader's own; a run whose command ended otherwise",
            "  than with success.",
            "",
            *lines,
            "",
            f"Measured {', '.join(f'{m} on {d}' for m, d in body['measured'].items())}, {body['processors']} processors; {versions}. "
            + "; ".join(f"{titles[m]}: {s} s for the corpus" for m, s in body["seconds"].items() if m in titles)
            + "."
            + " ".join(["", *body.get("notes", [])]),
            "",
            *thirty(body.get("thirty")),
            *fuzzed(body.get("fuzzed")),
            "## How stock nbgrader was measured",
            "",
            "The same submissions, the same two functions, nbgrader's own `autograde` and `generate_feedback` without any plugin. Its tests are assertions in cells, one of",
            "them with hidden tests, and run in the student's kernel as nbgrader does it; 3 s a cell. An attack that is aimed at our grader's machinery (its probe and replies)",
            "has nothing to attack there and is left out, or is aimed at the assertions instead. Each attack has a course of its own in which a first honest student is graded",
            "already and a second is graded after it. All of it runs in bubblewrap without network, so that the grader's machine is safe from what is measured; stock nbgrader",
            "itself has no such protection, and the figures flatter it: what the measurement forbids (network, other folders, packages) it could not lose.",
            "",
            "Run it again: `python tests/attacks/measure.py stock`, `... warm`, `... cold`, `... dask`, `... user`, `... class`.",
            "",
            "Left out on stock nbgrader:",
            "",
            *[f"- {', '.join(names)}: {reason}." for reason, names in reasons.items()],
            "",
            "What got through on stock nbgrader:",
            "",
            *won,
            "",
        ]
    )


def main(words: list[str]) -> None:
    """Measure what is asked for."""
    mode, kinds = words[0], words[1:]
    if mode == "stock":
        counts, won, left_out = measure_stock(kinds)
        keep("stock", counts, 0.0, won, left_out)
        return
    os.environ[VARIABLE] = CANARIES["the environment"]
    with tempfile.TemporaryDirectory(prefix="arena-") as name:
        # An ordinary user has to get at it.
        os.chmod(name, 0o755)
        root = make_arena(pathlib.Path(name) / "course")
        if mode == "class":
            keep_thirty(measure_thirty(pathlib.Path(name), root))
            return
        outcome = grade_ours(
            root,
            "cold" if mode == "cold" else "warm",
            [a for a in corpus() if not kinds or a.kind in kinds],
            merge=mode != "cold",
            way=mode if mode in WAYS else "here",
        )
        # Some attacks hand in what the standard library cannot clear away.
        remove_tree(root)
    used = os.times()
    print(
        outcome.table(),
        *outcome.faults,
        f"processor time: {used.user + used.system:.0f} s here, {used.children_user + used.children_system:.0f} s of workers",
        sep="\n",
    )
    keep(mode, outcome.counts, 0.0 if kinds else outcome.seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
