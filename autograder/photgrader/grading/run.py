"""The run of one submission's cells in a kernel, started again where it dies."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from nbformat import NotebookNode

from photgrader.coursedir.settings import Settings, SettingsError, data_folder
from photgrader.exercise import Assignment
from photgrader.grading import handed_in
from photgrader.grading.cells import check_cells, plain_tests
from photgrader.grading.contained import contained
from photgrader.grading.definitions import definitions
from photgrader.grading.intake import Intake
from photgrader.grading.needed import needed, read_by
from photgrader.grading.sanitise import clean_outputs, output_of
from photgrader.grading.sources import asked_check, defined
from photgrader.sandbox.jail import SandboxMissing
from photgrader.sandbox.session import START_SECONDS, ColdKernel, KernelGone, NotStarted, Session, run_folder

#: Share of a notebook's time that its own cells may use; the rest is kept for the verdicts.
CELLS_SHARE = 0.6
#: How many cells may end a kernel before no more is started; each costs a run of the cells before it.
MOST_HARMFUL = 8
#: What IPython prints where it finds no memory to show an exception in colours, and what stands in Python's own traceback before
#: IPython's.
_FELL_BACK = "Unexpected exception formatting exception. Falling back to standard exception\n"
_IN_IPYTHON = "\nDuring handling of the above exception, another exception occurred:\n"


@dataclass
class Submission:
    """What is graded.

    Parameters
    ----------
    student, assignment, notebook : str
        Names.
    intake : Intake
        The notebook in order.
    files : dict of str to bytes
        Further files of the submission, by relative path.
    """

    student: str
    assignment: str
    notebook: str
    intake: Intake
    files: dict[str, bytes] = field(default_factory=dict)


KernelStarter = Callable[..., Any]


def cold(place: Any, uid: int, settings: Settings, data: str) -> ColdKernel:
    """Start a kernel from nothing."""
    return ColdKernel(place, uid, settings, data)


def default_starter(settings: Settings) -> KernelStarter:
    """Return how kernels are started: forked from this process's warm parent, unless the settings say cold."""
    if not (settings.warm and settings.sandbox):
        return cold
    from photgrader.sandbox import warm

    return warm.starter()


class Run:
    """The run of one submission's cells, with the kernel started again where it dies."""

    def __init__(
        self,
        submission: Submission,
        assignment: Assignment,
        settings: Settings,
        start: KernelStarter,
        place: Any,
        uid: int,
    ) -> None:
        self.submission, self.assignment, self.settings = submission, assignment, settings
        self._start, self._place, self._uid = start, place, uid
        self.deadline = time.monotonic() + settings.limits.notebook_seconds
        self.cells_until = time.monotonic() + CELLS_SHARE * settings.limits.notebook_seconds
        self.faults: list[dict[str, str]] = []
        # Cells that did harm or were not run, and what of each a fresh kernel runs.
        self._harmful: dict[int, str] = {}
        self._deaths = 0
        # Functions with which a cell was stopped.
        self._endless: set[str] = set()
        self.kernel_kind = ""
        self._handed_in = _taken_out(submission.intake.notebook)
        self._drawn = {i for i, outputs in self._handed_in.items() if any(map(handed_in.is_picture, outputs))}
        self._idle = _not_needed(submission.intake.notebook, self._handed_in, assignment, submission.files)

    def session(self) -> Session:
        """Start a kernel; how long that takes on a busy machine is no part of the submission's time."""
        began = time.monotonic()
        kernel = self._start(self._place, self._uid, self.settings, data_folder())
        self.kernel_kind = getattr(kernel, "kind", type(kernel).__name__)
        session = Session(kernel, self._place, self.settings, max(self.deadline, time.monotonic() + START_SECONDS))
        try:
            session.wait_ready()
            spent = time.monotonic() - began
            self.deadline, self.cells_until = self.deadline + spent, self.cells_until + spent
            session.deadline = self.deadline
            if not kernel.has_probe:
                session.run("__import__('photcheck.probe', fromlist=['stay']).stay(get_ipython())", keep=False)
        except BaseException:
            session.close()
            raise
        return session

    def _first_session(self) -> Session:
        """Start a kernel before anything of the notebook's has run.

        Raises
        ------
        KernelGone
            None starts with the files that were handed in.
        NotStarted
            None starts without them either: a verdict would say of the student what is true of the machine.
        """
        try:
            return self.session()
        except (SandboxMissing, SettingsError):
            raise
        except Exception as problem:
            if self.submission.files and self._starts_without_files():
                raise KernelGone("kernel died") from problem
            why = getattr(self._start, "reason", "") or problem.__cause__ or problem
            raise NotStarted(f"no kernel can be started on this machine: {why}") from problem

    def _starts_without_files(self) -> bool:
        with contextlib.suppress(Exception), run_folder({}, self._place.work.parent.parent) as (place, uid):
            alone = replace(self.submission, files={})
            Run(alone, self.assignment, self.settings, self._start, place, uid).session().close()
            return True
        return False

    def cells(self) -> Session | None:
        """Run all cells, writing their outputs into the notebook; return the session, or None if none lives."""
        try:
            return self._run_cells()
        finally:
            for index, outputs in self._handed_in.items():
                cell = self.submission.intake.notebook.cells[index]
                cell.outputs = handed_in.shown(None if index in self._idle else cell.outputs, outputs)

    def _run_cells(self) -> Session | None:
        session: Session | None = self._first_session()
        graded = check_cells(self.submission.intake.notebook, self.assignment)
        checks = {id(cell): name for name, (cell, _, _) in graded.items()}
        cells = [
            (i, c)
            for i, c in enumerate(self.submission.intake.notebook.cells)
            if c.cell_type == "code" and c.source.strip() and i not in self._idle
        ]
        stashed: set[str] = set()
        for (index, cell), (_, following) in itertools.pairwise([*cells, (-1, None)]):
            if session is None or time.monotonic() > self.cells_until:
                self._not_run(
                    cell,
                    index,
                    "no kernel would stay alive"
                    if session is None and time.monotonic() < self.cells_until
                    else "no time was left",
                )
                continue
            try:
                if id(cell) in checks:
                    if checks[id(cell)] not in stashed:
                        session.run(_stash(checks[id(cell)]), keep=False)
                elif not asked_check(cell.source) and not self._would_not_end(cell, index):
                    name = checks.get(id(following), "")
                    if self._run_cell(session, cell, index, _stash(name) if name else ""):
                        stashed.add(name)
            except KernelGone as gone:
                session.close()
                session = self._after_death(gone, cell, index)
        return session

    def _run_cell(self, session: Session, cell: NotebookNode, index: int, after: str) -> bool:
        """Run a cell; return whether it ended well, which is when the expression after it is evaluated."""
        run = session.run(
            cell.source,
            min(self.settings.limits.cell_seconds, max(1.0, self.cells_until - time.monotonic())),
            after=after,
            undrawn=index in self._drawn,
        )
        # What is shown of a student's is harmless from here on; our own verdicts are written later.
        cell.outputs, cell.execution_count = clean_outputs(run.outputs), run.execution_count
        if run.status in ("error", "timeout") and not any(o.output_type == "error" for o in cell.outputs):
            # Code of the notebook's can have IPython show no error, and nbgrader takes a test without one for passed.
            words = "This cell ended in an error that was not shown."
            cell.outputs.append(output_of("error", ename="NotShown", evalue=words, traceback=[words]))
        if run.status == "timeout":
            self._harmful[index] = definitions(cell.source)
            self._endless |= read_by(cell.source) & set(self.assignment.exercises)
            self._fault(cell, index, "timeout", f"This cell was stopped after {run.seconds:.0f} s.")
        if run.asked_to_end:
            self._fault(
                cell,
                index,
                "asked to end",
                "This cell asks the kernel to end (quit() or exit()); the notebook was run on as if it did not.",
            )
        if run.cut:
            self._fault(cell, index, "output too long", "The output of this cell was cut: there is too much of it.")
        return run.status == "ok"

    def _would_not_end(self, cell: NotebookNode, index: int) -> bool:
        """Tell of a given cell whether it calls what a cell above was stopped with, and say so there: it would take the same time again."""
        marks = cell.metadata.get("nbgrader", {})
        stopped = read_by(cell.source) & self._endless if marks.get("locked") and not marks.get("grade") else set()
        if stopped:
            self._harmful[index] = definitions(cell.source)
            words = (
                f"[grader] This cell was not run: a cell above that calls {', '.join(sorted(stopped))} was stopped.\n"
            )
            cell.outputs = [output_of("stream", name="stdout", text=words)]
        return bool(stopped)

    def _fault(self, cell: NotebookNode, index: int, state: str, sentence: str) -> None:
        self.faults.append({"cell": str(index), "state": state, "sentence": sentence})
        cell.outputs = [*cell.outputs, output_of("stream", name="stdout", text=f"[grader] {sentence}\n")]

    def _not_run(self, cell: NotebookNode, index: int, why: str) -> None:
        if asked_check(cell.source):
            return
        self._harmful[index] = definitions(cell.source)
        cell.outputs = [output_of("stream", name="stdout", text=f"[grader] This cell was not run: {why}.\n")]
        if not any(f["cell"] == "rest" for f in self.faults):
            state, words = (
                ("timeout", "The time for the whole notebook was used up.")
                if "time" in why
                else ("kernel died", f"The kernel ended {self._deaths} times; from here on no cell was run.")
            )
            self.faults.append({"cell": "rest", "state": state, "sentence": words})

    def _after_death(self, gone: KernelGone, cell: NotebookNode, index: int) -> Session | None:
        self._deaths += 1
        self._harmful[index] = definitions(cell.source)
        cell.outputs = _without_ipython(clean_outputs(gone.outputs))
        session = self.again(index) if self._deaths <= MOST_HARMFUL else None
        kept = sorted(defined(self._harmful[index]))
        names = ", ".join(kept[:3]) + (f" and {len(kept) - 3} more" if len(kept) > 3 else "")
        how = f"with nothing of it but {names}" if names else "without it"
        rest = (
            "no cell was run after it"
            if session is None
            else f"the rest of the notebook was run in a fresh kernel {how}"
        )
        self._fault(cell, index, gone.state, f"This cell {_harm(gone)}; {rest}.")
        return session

    def again(self, upto: int | None = None) -> Session | None:
        """Start a fresh kernel and bring it to where the notebook was, with no more than the definitions of cells that did harm or were not run."""
        if time.monotonic() > self.deadline - 2 or self._deaths > 2 * MOST_HARMFUL:
            return None
        session, at = None, -1
        cells = self.submission.intake.notebook.cells
        try:
            session = self.session()
            graded = check_cells(self.submission.intake.notebook, self.assignment)
            checks = {id(cell): name for name, (cell, _, _) in graded.items()}
            last = len(cells) if upto is None else upto + (upto in self._harmful)
            for at, cell in enumerate(cells[:last]):
                source = self._harmful.get(at, cell.source)
                if cell.cell_type != "code" or at in self._idle or not source.strip():
                    continue
                if id(cell) in checks:
                    session.run(_stash(checks[id(cell)]), keep=False)
                elif not asked_check(cell.source):
                    run = session.run(source, keep=False, undrawn=True)
                    if at in self._harmful and run.status != "ok":
                        # They would take the same time in each kernel, or not all are there.
                        raise KernelGone("timeout")
            return session
        except KernelGone as gone:
            if session is None:
                return None
            session.close()
            if at in self._harmful:
                # Its definitions do harm too.
                self._harmful[at] = ""
            else:
                self._deaths += 1
                self._harmful[at] = definitions(cells[at].source)
                if upto is not None:
                    # Later it may have read in a file what a function has seen of a hidden case, and tell it by how it ends.
                    self._fault(cells[at], at, gone.state, f"This cell {_harm(gone)} when the notebook was run again.")
            return self.again(upto)


def _harm(gone: KernelGone) -> str:
    return {
        "out of memory": "used up the memory that there is",
        "too many files": "wrote more files than it may",
        "timeout": "could not be stopped after its time",
    }.get(gone.state, "ended the kernel")


def _without_ipython(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return what a cell showed that ended a kernel without IPython's own failure, which says nothing of the student's code."""
    streams = [o for o in outputs if o.output_type == "stream"]
    if any(_FELL_BACK in o.text for o in streams):
        for output in streams:
            output.text = output.text.replace(_FELL_BACK, "").partition(_IN_IPYTHON)[0]
    return [o for o in outputs if o not in streams or o.text]


def _taken_out(notebook: NotebookNode) -> dict[int, list[NotebookNode]]:
    """Take what cells were handed in with out of a notebook; return what is to be shown again, by the cells' places.

    A graded cell has none: what it shows is what its code gives.
    """
    found = {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.outputs:
            if not cell.metadata.get("nbgrader", {}).get("grade") and not asked_check(cell.source):
                found[index] = cell.outputs
            cell.outputs = []
    return found


def _not_needed(
    notebook: NotebookNode, kept: dict[int, list[NotebookNode]], assignment: Assignment, files: Iterable[str] = ()
) -> set[int]:
    """Return the places of the cells that need not be run: what they show is there, and nothing that is run builds on them.

    A plain test looks at the notebook's own variables, in ways that are not ours to know: for one, everything is run. So it is
    where a graded function, or code that a person marks, hangs on more than can be followed (`photgrader.grading.contained`).
    """
    if not kept or plain_tests(notebook, assignment):
        return set()
    sources = {i: c.source for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()}
    marked = [s for i, s in sources.items() if notebook.cells[i].metadata.get("nbgrader", {}).get("grade")]
    functions = set(check_cells(notebook, assignment))
    by_hand = {name for source in marked if not asked_check(source) for name in read_by(source)}
    # A check is not run as it stands there.
    code = [s for s in sources.values() if not asked_check(s)]
    beside = {part.partition(".")[0] for file in files for part in pathlib.PurePath(file).parts}
    if not contained(code, functions | by_hand, beside):
        return set()
    well = {i for i, outputs in kept.items() if not any(o.output_type == "error" for o in outputs)}
    return set(kept) - needed(sources, kept, well, functions)


def _stash(name: str) -> str:
    return f"__import__('photcheck.probe', fromlist=['stash']).stash(get_ipython().user_ns, {name!r})"
