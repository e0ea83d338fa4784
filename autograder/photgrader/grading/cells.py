"""The cells of a submission: which are checks, what they define, and how a verdict is written into one."""

from __future__ import annotations

import ast
import re

import nbformat
from nbformat import NotebookNode

from photcheck.render import verdict_html
from photcheck.spec import ExerciseSpec
from photcheck.verdict import Verdict
from photgrader.exercise import Assignment
from photgrader.grading import handed_in
from photgrader.grading.answers import grade_id_of
from photgrader.grading.intake import Intake
from photgrader.grading.judge import REVIEW_STATES
from photgrader.grading.sanitise import output_of
from photgrader.grading.sources import asked_check, parsed


def check_cells(notebook: NotebookNode, assignment: Assignment) -> dict[str, tuple[NotebookNode, str, float]]:
    """Return the check cells: exercise name to (cell, grade_id, points); the points of extra credit are the exercise's own."""
    found = {}
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        call = asked_check(cell.source) if cell.cell_type == "code" and marks.get("grade") else ""
        if call in assignment.exercises:
            found[call] = (
                cell,
                grade_id_of(cell),
                assignment.exercises[call].extra_credit or float(marks.get("points", 0)),
            )
    return found


def template_names(notebook: NotebookNode) -> tuple[str, ...]:
    """Return the variables that the cells of a notebook assign at the top level."""
    names: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = parsed(cell.source)
        for node in tree.body if tree is not None else ():
            for inner in (
                ast.walk(node)
                if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With))
                else ()
            ):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    names.add(inner.id)
    return tuple(sorted(names))


def plain_tests(notebook: NotebookNode, assignment: Assignment) -> list[NotebookNode]:
    """Return the cells that an instructor tests in nbgrader's plain way, in the student's own kernel."""
    judged = {id(cell) for cell, _, _ in check_cells(notebook, assignment).values()}
    marked = [(c, c.metadata.get("nbgrader", {})) for c in notebook.cells if c.cell_type == "code"]
    return [c for c, marks in marked if marks.get("grade") and not marks.get("solution") and id(c) not in judged]


def _guard_plain_tests(notebook: NotebookNode, assignment: Assignment) -> dict[str, str]:
    """See to it that a graded cell without a verdict earns nothing, and that a person looks at it.

    nbgrader gives full marks to a test cell without outputs, be it that the cell was never run. Returns the
    cells that an instructor tests in nbgrader's plain way, in the student's own kernel: ``"run"`` or why not.
    """
    states = {}
    for cell in plain_tests(notebook, assignment):
        marks = cell.metadata["nbgrader"]
        cell.outputs = _as_nbgrader_reads(cell.outputs)
        run = cell.execution_count is not None
        states[grade_id_of(cell)] = "run" if run else "not run"
        why = _no_mark(cell.outputs, float(marks.get("points", 0)))
        if not run:
            known = asked_check(cell.source)
            why = f"there is no exercise {known!r}; tell your instructor" if known else "this test could not be run"
        if why:
            words = f"NotGraded: {why}. A person will look at it."
            error = output_of("error", ename="NotGraded", evalue=why, traceback=[words])
            cell.outputs = [error, *cell.outputs]
            cell.metadata["photgrader"] = {"state": states[grade_id_of(cell)], "review": True}
    return states


def _as_nbgrader_reads(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return a plain test's outputs with errors first and, of results, the last one, which is the test's own.

    nbgrader stops at the first of either: a result that the student's function shows by itself would be the mark, whatever
    the test says after it.
    """
    results = [o for o in outputs if o.output_type == "execute_result"]
    others = [o for o in outputs if o.output_type != "error" and not any(o is r for r in results[:-1])]
    return [o for o in outputs if o.output_type == "error"] + others


def _no_mark(outputs: list[NotebookNode], most: float) -> str:
    """Return why a plain test's result is no mark, where nbgrader would take nothing of the whole notebook for it; empty where it is one."""
    result = next((o for o in outputs if o.output_type in ("error", "execute_result")), None)
    if result is None or result.output_type == "error":
        return ""
    text = result.data.get("text/plain", "")
    try:
        over = float(text) > most
    except ValueError:
        over = not text
    return f"this test gave {text[:40] or 'a result without text'}, and is worth {most:g}" if over else ""


def stopped_definitions(notebook: NotebookNode) -> dict[str, str]:
    """Return the functions whose defining cell ended in an error when it was run: name to the name that the error is about."""
    found = {}
    for cell in notebook.cells:
        if any(o.get("text") == handed_in.NOT_RUN for o in cell.get("outputs", ())):
            # What it shows is a student's word.
            continue
        error = (
            next((o for o in cell.get("outputs", ()) if o.output_type == "error"), None)
            if cell.cell_type == "code"
            else None
        )
        if error is None:
            continue
        tree = parsed(cell.source)
        if tree is None:
            continue
        over = _error_is_about(error)
        for node in tree.body:
            names = (
                [node.name]
                if isinstance(node, ast.FunctionDef)
                else [t.id for t in getattr(node, "targets", ()) if isinstance(t, ast.Name)]
            )
            found.update({name: over for name in names})
    return found


def _error_is_about(error: NotebookNode) -> str:
    """Return the function that an error of a cell comes from: the missing name, or the innermost function of its traceback."""
    missing = re.match(r"name '(\w+)' is not defined", str(error.get("evalue", "")))
    if missing:
        return missing.group(1)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(str(line) for line in error.get("traceback", ())))
    # As `photcheck.unwritten` shows it.
    unwritten = re.match(r"(\w+) is not written yet", plain)
    if unwritten:
        return unwritten.group(1)
    inside = re.findall(r"^(?:Cell In\s?\[?\d+\]?|File [^\n]*?), (?:line \d+, in )?(\w+)\(", plain, re.M)
    return inside[-1] if inside else ""


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def write_verdict(cell: NotebookNode, verdict: Verdict, spec: ExerciseSpec, asked: bool = False) -> None:
    """Replace a check cell's outputs by the verdict, in the form that nbgrader reads; `asked`: a person is to look at it."""
    html = verdict_html(verdict, spec, graded=True)
    # nbgrader reads a cell's points from its text; extra credit has a field of its own in the gradebook (`gradebook.plugin.SaveVerdicts`).
    data = {"text/plain": "0" if spec.extra else _number(verdict.points), "text/html": html}
    cell.outputs = [output_of("execute_result", data=data, execution_count=1, metadata={})]
    cell.execution_count = 1
    cell.metadata["photgrader"] = {
        "state": verdict.state,
        "review": asked or verdict.state in REVIEW_STATES | {"skipped"},
        "exercise": verdict.exercise,
    }
    cell.metadata["photgrader"] |= {"reason": reason_of(verdict), "section": spec.section}
    if spec.extra:
        cell.metadata["photgrader"]["extra"] = {"points": verdict.points, "of": spec.points}


def reason_of(verdict: Verdict) -> str:
    """Return in a few words why marks are missing; empty where none are."""
    if verdict.right:
        return ""
    return verdict.hint.title if verdict.hint is not None else verdict.sentence


def _tell_repairs(notebook: NotebookNode, intake: Intake) -> None:
    sentences = [r.student for r in intake.repairs] + ([intake.sentence] if intake.sentence else [])
    if not sentences:
        return
    text = "**What the grader found in your file**\n\n" + "\n".join(f"- {s}" for s in sentences)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id="grader-note"))
