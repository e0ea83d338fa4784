"""Plants faults in our own code, one at a time in a copy, and tells whether the quick tests of that module catch them.

Usage: python tools/plant_faults.py [WORD ...]     those whose file or name holds a word; without words all of them

Each is a slip that somebody could make: a bound moved, a sign turned, a check left out. Run it after a change of the judge or of the tests; it
takes some minutes, ends with 1 where fewer than 95 % are caught, and leaves nothing behind. `tests/tools/test_planted_faults.py` sees to it
that every one of them still applies.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEAST_SHARE = 0.95
CHECK, COURSE, GRADER = "course/photcheck", "course/photcourse", "autograder/photgrader"
JUDGING = "tests/photcheck/test_judging.py"
RECORD, PACKAGES = "tests/photgrader/coursedir/test_record.py", "tests/photgrader/coursedir/test_packages.py"
MISTAKE, MARKS = "tests/photgrader/test_which_mistake.py", "tests/photgrader/grading/test_marks.py"
INTAKE, ASSIGN = "tests/photgrader/test_intake.py", "tests/photgrader/test_assign.py"
DEADLINES, REPORT = "tests/photgrader/test_deadlines.py", "tests/photgrader/test_report.py"
SPINE = "tests/photgrader/grading/test_spine.py"
SESSION, WARM = "tests/photgrader/sandbox/test_session.py", "tests/photgrader/sandbox/test_warm_parent.py"
CLASS, LIVE = "tests/photgrader/runs/test_a_class.py", "tests/photgrader/serve/test_grading_process.py"


class Fault(NamedTuple):
    """One fault: where, which text becomes which, and the quick tests that should fail."""

    name: str
    file: str
    before: str
    after: str
    tests: str


FAULTS = (
    # The six that once survived.
    Fault("no_warnings is off", f"{CHECK}/judging.py", "if case.no_warnings and report.warnings:", "if False:", JUDGING),
    Fault("points are rounded to hundredths", f"{CHECK}/verdict.py", "earned / weights, 4)", "earned / weights, 2)", JUDGING),
    Fault("the smallest units are given first", f"{GRADER}/gradebook/assign.py", "(-len(units[u]), _order", "(len(units[u]), _order", ASSIGN),
    Fault("one found star counts for two", f"{CHECK}/matching.py", "matched[i] < 0 and j not in used", "matched[i] < 0", JUDGING),
    Fault("names in capitals are no constants", f"{CHECK}/call.py", ' or name.isupper() or ', " or ", JUDGING),
    Fault("a shared exercise has a seed per student", f"{GRADER}/grading/judge.py", '"" if exercise.shared else student', "student", SPINE),
    # One call.
    Fault("a tolerance is open at its edge", f"{CHECK}/comparators/numbers.py", "if abs(got - want) <= self.atol + self.rtol * abs(want):", "if abs(got - want) <= 1.01 * self.atol + self.rtol * abs(want):", JUDGING),
    Fault("NaN is never right", f"{CHECK}/comparators/numbers.py", "if np.isnan(want) and np.isnan(got):", "if False:", JUDGING),
    Fault("a warning costs nothing", f"{CHECK}/judging.py", "RIGHT_NUMBERS_KEEP = 0.5", "RIGHT_NUMBERS_KEEP = 1.0", JUDGING),
    Fault("a changed input is not seen", f"{CHECK}/judging.py", "    if changed:\n        return fault(", "    if False:\n        return fault(", JUDGING),
    Fault("what did not end is judged", f"{CHECK}/judging.py", "    if facts.waited:\n", "    if facts.waited > 1000:\n", JUDGING),
    Fault("the second call is judged by the first one's file", f"{CHECK}/judging.py", "again = facts.again or Facts()", "again = facts", JUDGING),
    Fault("who leans on a variable keeps the marks", f"{CHECK}/judging.py", "kept = 0.0 if verdict.finding.ok else", "kept = 1.0 if verdict.finding.ok else", JUDGING),
    Fault("who mentions a variable leans on it", f"{CHECK}/judging.py", "return not second.finding.ok", "return True", JUDGING),
    Fault("a report may hold a third call", f"{CHECK}/report.py", '{k: v for k, v in again.items() if k != "again"}', "again", JUDGING),
    Fault("an error's words are taken whole", f"{CHECK}/report.py", 'str(form.get("message", ""))[:_WORDS]', 'str(form.get("message", ""))', JUDGING),
    Fault("a stub is an error", f"{CHECK}/judging.py", 'if name == "NotImplementedError":', 'if name == "NoSuchError":', JUDGING),
    Fault("the function that is missing is not named", f"{CHECK}/judging.py", "return about.group(1) if about else error.where", "return error.where", JUDGING),
    # All cases.
    Fault("weights do not count", f"{CHECK}/verdict.py", "earned = sum(v.case.points * v.finding.score for v in verdicts)", "earned = sum(weights / len(verdicts) * v.finding.score for v in verdicts)", JUDGING),
    Fault("a hidden case is told whole", f"{CHECK}/verdict.py", "if not case.hidden or hasattr", "if True or hasattr", JUDGING),
    Fault("what is skipped keeps its points", f"{CHECK}/verdict.py", 'verdict.state, verdict.points = "skipped", 0.0', 'verdict.state = "skipped"', JUDGING),
    Fault("a fault of one's own is skipped too", f"{CHECK}/verdict.py", 'if blocker and {v.raised for v in verdicts} <= {"NotImplementedError", "NameError"}:', "if blocker:", JUDGING),
    Fault("a hidden case is shown first", f"{CHECK}/verdict.py", "key=lambda v: (v.case.hidden, not v.case.hidden", "key=lambda v: (not v.case.hidden, not v.case.hidden", JUDGING),
    Fault("a release does not say what is hidden", f"{CHECK}/spec.py", '            "hidden": self.hidden,\n', "", JUDGING),
    Fault("a pair further than the radius matches", f"{CHECK}/matching.py", "sparse_distance_matrix(found, radius,", "sparse_distance_matrix(found, 1.5 * radius,", JUDGING),
    Fault("near zero everything is alike", f"{CHECK}/comparators/base.py", "LIKENESS * np.minimum(gap, np.abs(fingerprint))", "LIKENESS * (gap + np.abs(fingerprint) + 1)", MISTAKE),
    Fault("one wrong case gives a pattern its name", f"{CHECK}/naming.py", "return sorted(found, key=lambda e: (-len(e.cases), not e.id))", "return sorted(found, key=lambda e: len(e.cases))", MISTAKE),
    Fault("a factor is found where it is not", f"{CHECK}/relations.py", "near = ROUNDING * max(abs(got), abs(want))", "near = 0.1 * max(abs(got), abs(want))", MISTAKE),
    # Grading.
    Fault("the seed is the same in every run", f"{GRADER}/grading/judge.py", '"\\x1f".join((run, assignment,', '"\\x1f".join(("", assignment,', SPINE),
    Fault("provided cases weigh as hidden ones", f"{GRADER}/grading/judge.py", "PROVIDED_SHARE = 0.1", "PROVIDED_SHARE = 0.5", f"{MARKS} {SPINE}"),
    Fault("a plain test that was not run earns its points", f"{GRADER}/grading/cells.py", "        if not run:\n", "        if False:\n", SPINE),
    Fault("extra credit counts in the points", f"{GRADER}/grading/record.py", "counted = [v for name, v in verdicts.items() if name not in extra]", "counted = list(verdicts.values())", SPINE),
    Fault("a fault of the kernel is no state", f"{GRADER}/grading/record.py", 'if any(f["state"] == state for f in faults) or any', "if any", SPINE),
    Fault("what is unreadable is graded", f"{GRADER}/grading/record.py", "    if not intake.readable:\n", "    if False:\n", SPINE),
    Fault("a variable of a loop is no name of the template", f"{GRADER}/grading/cells.py", "ast.AugAssign, ast.For, ast.With)", "ast.AugAssign, ast.With)", SPINE),
    Fault("a large notebook is read", f"{GRADER}/grading/finding.py", "if status.st_size > at_most:", "if False:", INTAKE),
    Fault("a link is followed", f"{GRADER}/grading/finding.py", "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK", "os.O_RDONLY | os.O_NONBLOCK", INTAKE),
    Fault("a formula of a spreadsheet is let through", f"{GRADER}/grading/sanitise.py", "ufeff]*[=+@", "ufeff]*[+@", "tests/photgrader/test_sanitise.py"),
    Fault("an exercise's file does not count in its hash", f"{GRADER}/grading/hashes.py", "parts = [module, *sorted", "parts = [*sorted", SPINE),
    Fault("comparators do not count in what judges", f"{GRADER}/grading/hashes.py", '"photcheck": lambda p: p.name not in (', '"photcheck": lambda p: p.parts[0] != "comparators" and p.name not in (', SPINE),
    Fault("the skeleton does not count in the key", f"{GRADER}/grading/hashes.py", "        text,\n        code,\n", "        code,\n", SPINE),
    # A course on disk.
    Fault("a changed record is trusted", f"{GRADER}/coursedir/records.py", "if misplaced or not verify(record.source, key)", "if misplaced", "tests/photgrader/test_integrity.py"),
    Fault("a record in another's place is trusted", f"{GRADER}/coursedir/records.py", "if misplaced or not verify", "if not verify", "tests/photgrader/test_integrity.py"),
    Fault("a record of a newer grader is read", f"{GRADER}/coursedir/record.py", 'form.get("format", 1) not in FORMATS', "False", RECORD),
    Fault("text is taken for points", f"{GRADER}/coursedir/record.py", "if kind is not float and isinstance(kind, type) and type(value) is kind:", "if kind:", RECORD),
    Fault("a course's own code does not count", f"{GRADER}/coursedir/packages.py", "packages.judging or packages.own}", "packages.judging}", PACKAGES),
    Fault("versions that a course names do not count", f"{GRADER}/coursedir/packages.py", "[*ENGINE, *packages.own, *packages.versions]", "[*ENGINE, *packages.own]", PACKAGES),
    Fault("a limit may be zero", f"{GRADER}/coursedir/settings.py", "if number and value <= 0:", "if number and value < 0:", "tests/photgrader/coursedir"),
    Fault("a day begun costs nothing", f"{GRADER}/coursedir/deadlines.py", "math.ceil(seconds_late / DAY)", "math.floor(seconds_late / DAY)", DEADLINES),
    Fault("a penalty has no cap", f"{GRADER}/coursedir/deadlines.py", "return min(self.cap_percent, self.percent_per_day", "return max(0, self.percent_per_day", DEADLINES),
    Fault("an hour shown twice is its first", f"{GRADER}/coursedir/deadlines.py", "found.replace(tzinfo=zone, fold=1)", "found.replace(tzinfo=zone)", DEADLINES),
    # What people look at.
    Fault("a grader who left keeps what is not marked", f"{GRADER}/gradebook/assign.py", "if given[unit] not in graders and not all", "if False and not all", ASSIGN),
    Fault("an order is the alphabet's", f"{GRADER}/gradebook/assign.py", "(-len(units[u]), _order(key, assignment, u))", "(-len(units[u]), u)", ASSIGN),
    Fault("who was skipped counts against an exercise", f"{GRADER}/overview/items.py", "name not in r.exercises or r.exercises[name].state not in UNJUDGED", "True", REPORT),
    Fault("a name of a student is in the report", f"{GRADER}/overview/report.py", "[students_table(records)] if records and names else", "[students_table(records)] if records else", REPORT),
    Fault("rounding is a change of marks", f"{GRADER}/runs/regrade.py", "return abs(self.difference) > SAME", "return abs(self.difference) > 0", "tests/photgrader/test_regrade.py"),
    Fault("what waits for others is told at once", f"{GRADER}/serve/policy.py", "max([deadline.due, *deadline.extensions.values()])", "deadline.due", "tests/photgrader/serve/test_policy.py"),
    Fault("a study knows who is who", f"{GRADER}/overview/anonymise.py", '"student": pseudonym(key, record.student)', '"student": record.student', "tests/photgrader/test_anonymise.py"),
    # A kernel, a run, the live service.
    Fault("a kernel that does not stop goes on", f"{GRADER}/sandbox/session.py", '        self.kernel.kill()\n        raise KernelGone("timeout")', '        raise KernelGone("timeout")', SESSION),
    Fault("outputs have no limit", f"{GRADER}/sandbox/session.py", "        if size > self.output_left:\n", "        if False:\n", SESSION),
    Fault("a file of any size is read", f"{GRADER}/sandbox/session.py", "or status.st_size > at_most:", "or False:", SESSION),
    Fault("an answer to another question is taken", f"{GRADER}/sandbox/session.py", 'and str(answer.get("id") or "") == self._serial', "", SESSION),
    Fault("a forked kernel keeps a right", f"{GRADER}/sandbox/warm_parent.py", 'in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"))\n            or', 'in ("CapPrm", "CapInh", "CapBnd", "CapAmb"))\n            or', WARM),
    Fault("the user is changed before the groups are given up", f"{GRADER}/sandbox/warm_parent.py", "        os.setgroups([])\n        os.setresgid(uid, uid, uid)\n        os.setresuid(uid, uid, uid)\n", "        os.setresuid(uid, uid, uid)\n        os.setresgid(uid, uid, uid)\n        os.setgroups([])\n", WARM),
    Fault("a cell that ended the kernel is run again", f"{GRADER}/grading/run.py", "        self._harmful[index] = definitions(cell.source)\n        cell.outputs = _without_ipython", "        self._harmful[index] = cell.source\n        cell.outputs = clean", CLASS),
    Fault("a result counts as graded before the gradebook has it", f"{GRADER}/gradebook/writer.py", "wrote=wrote\n            )\n        try:", "wrote=wrote\n            )\n            coursedir.write_record(root, record)\n        try:", CLASS),
    Fault("who holds the gradebook is not waited for", f"{GRADER}/gradebook/writer.py", 'if "database is locked" not in words:\n            break', "break", CLASS),
    Fault("a mark set by hand is not told", f"{GRADER}/runs/regrade.py", "if g.manual_score is not None", "if g.manual_score is None", CLASS),
    Fault("a worse try counts", f"{GRADER}/serve/grader.py", "and self._worth(item, verdict) < self._worth(item, before.verdict)", "and self._worth(item, verdict) > self._worth(item, before.verdict)", LIVE),
    Fault("a changed record is shown live", f"{GRADER}/serve/grader.py", "and signatures.verify(r.source, key)\n", "", LIVE),
    Fault("a mark above the points is taken", f"{GRADER}/serve/grader.py", 'if not 0 <= body["score"] <= grade.max_score:', 'if not 0 <= body["score"]:', LIVE),
    Fault("a cluster's worker opens a folder of its own disk", f"{GRADER}/runs/cluster.py", "task if task.content else replace(task, folder=os.devnull)", "task", "tests/photgrader/runs/test_cluster.py"),
    Fault("a cluster gets the course's key with each task", f"{GRADER}/runs/cluster.py", "task.without_context(),", "task,", "tests/photgrader/runs/test_cluster.py"),
    Fault("a cell that others build on is not run", f"{GRADER}/grading/needed.py", "if place in more or changes[place] & live:", "if place in more:", "tests/photgrader/grading/test_needed.py"),
    Fault("what a function reads is live nowhere", f"{GRADER}/grading/needed.py", "live = (live - surely[place]) | cell.reads | always", "live = (live - surely[place]) | cell.reads", "tests/photgrader/grading/test_needed.py"),
    Fault("a cell that may stop in its middle is taken to set all its names", f"{GRADER}/grading/needed.py", "cell.sets if cell.plain or place in well else set()", "cell.sets", "tests/photgrader/grading/test_needed.py"),
    Fault("a mutant sees what the one before has defined", f"{GRADER}/quality/measure.py", "                _FORGET.format(name=exercise.name),\n", "", "tests/photgrader/quality"),
)  # fmt: skip


def wanted(words: list[str]) -> list[Fault]:
    """Return the faults whose name or file holds one of some words; all of them without words."""
    return [f for f in FAULTS if not words or any(w in f.name or w in f.file for w in words)]


def copy_of_the_code(folder: pathlib.Path) -> None:
    """Copy what faults are planted in and what tests it; the rest is linked."""
    code = ("course", "autograder", "tests")
    for path in ROOT.iterdir():
        if path.name in code:
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name not in (".git", ".venv"):
            (folder / path.name).symlink_to(path)


def is_caught(folder: pathlib.Path, fault: Fault) -> bool | None:
    """Tell whether the tests fail on a fault; None where they could not be run."""
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.before, fault.after), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder / p) for p in ("course", "autograder"))}
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not heavy",
        *fault.tests.split(),
    ]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    finally:
        path.write_text(text, encoding="utf-8")
    return {0: False, 1: True}.get(done.returncode)


def main(words: list[str]) -> int:
    """Plant them one by one; return the exit code."""
    faults, caught = wanted(words), 0
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = pathlib.Path(name)
        copy_of_the_code(folder)
        for number, fault in enumerate(faults, 1):
            found = is_caught(folder, fault)
            caught += found is True
            said = {True: "caught", False: "SURVIVES", None: "THE TESTS DO NOT RUN"}[found]
            print(f"{number:3d}/{len(faults)}  {said:9s} {fault.name} ({fault.file})", flush=True)
    print(f"{caught} of {len(faults)} planted faults are caught ({caught / max(len(faults), 1):.0%}).")
    return int(caught < LEAST_SHARE * len(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
