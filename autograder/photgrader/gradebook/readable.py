"""What a student can read of a notebook: a graded cell without its question or its contract asks for nothing.

Whatever stands in a solution cell is cleared from a release, a question too; and a function cannot be written to a contract that
names neither it nor what it takes.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence

from nbformat import NotebookNode

from photgrader.coursedir import CourseError
from photgrader.exercise import assignment_names, exercises_of, load_assignment
from photgrader.grading.answers import grade_id_of
from photgrader.grading.cells import check_cells
from photgrader.grading.sources import asked_check

#: A question has at least so many words beside headings.
WORDS = 5
#: What stands in place of a cleared written answer.
STUB = "YOUR ANSWER HERE"
_SOLUTION = re.compile(r"^[^\n]*BEGIN SOLUTION.*?END SOLUTION[^\n]*$", re.DOTALL | re.MULTILINE)
_MARK_SCHEME = re.compile(r"^[^\n]*BEGIN MARK SCHEME.*?END MARK SCHEME[^\n]*$", re.DOTALL | re.MULTILINE)
#: What a question has that other text has not: a question mark, or a sentence that begins with what to do.
_ASKS = re.compile(
    r"\?|(?:^|[.!:] |\*\*)(?:Argue|Calculate|Comment|Compare|Derive|Describe|Discuss|Estimate|Explain|Give|Justify|List|Name|Prove|Say|Show|Sketch|"
    r"State|Summari[sz]e|Tell|Write)\b",
    re.MULTILINE,
)
_NOT_PROSE = re.compile(r"^\s*#+ [^\n]*$|<!--(?s:.*?)-->|!\[[^\]]*\]\([^)]*\)", re.MULTILINE)


def readable_text(cell: NotebookNode) -> str:
    """Return the words of a cell that reach a student, of a source notebook's cell or of a released one's.

    Parameters
    ----------
    cell : NotebookNode
        A Markdown cell, or a code cell, of which comments and docstrings are words.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_markdown_cell
    >>> readable_text(new_markdown_cell("Why?", metadata={"nbgrader": {"solution": True}}))
    ''
    >>> readable_text(new_code_cell('def f(a):\\n    "Return the mean."\\n    # of all rows'))
    'f: Return the mean. of all rows'
    """
    solution = cell.metadata.get("nbgrader", {}).get("solution", False)
    kept = _MARK_SCHEME.sub("", _SOLUTION.sub("pass" if cell.cell_type == "code" else "", cell.source))
    if cell.cell_type == "code":
        # A solution cell without a marked region is cleared as a whole.
        return "" if solution and kept == cell.source and "YOUR CODE HERE" not in kept else _words_of_code(kept)
    if cell.cell_type != "markdown" or (solution and STUB not in kept and not _SOLUTION.search(cell.source)):
        return ""
    return kept.replace(STUB, "").strip()


def _words_of_code(source: str) -> str:
    try:
        documented = [
            (getattr(node, "name", ""), ast.get_docstring(node))
            for node in ast.walk(ast.parse(source))
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        ]
        # A docstring speaks of the name above it.
        found = [f"{name}: {text}" if name else text for name, text in documented if text]
        found += [
            t.string.lstrip("# ")
            for t in tokenize.generate_tokens(io.StringIO(source).readline)
            if t.type == tokenize.COMMENT
        ]
    except (SyntaxError, tokenize.TokenError):
        # With a line that only IPython understands.
        found = re.findall(r"#+ *(.*)$", source, re.MULTILINE)
    return " ".join(text for text in found if text and "YOUR CODE HERE" not in text)


def unreadable(notebook: NotebookNode, assignment: str = "") -> list[str]:
    """Return what a student would not know of the graded cells, one sentence each; nothing where all is said.

    A written answer needs its question, in a Markdown cell directly above it or in that part of its own cell that is not
    cleared. A check needs a text above it that names the function and each of its parameters. Any other test needs some words,
    above it or of its own.

    Parameters
    ----------
    notebook : NotebookNode
        From ``source/`` or from ``release/``.
    assignment : str
        Whose exercises the checks are of, where there are any.
    """
    exercises = load_assignment(assignment).exercises if assignment in assignment_names() else {}
    found, above, last = [], "", ""
    for cell in notebook.cells:
        text, marks = readable_text(cell), cell.metadata.get("nbgrader", {})
        name, graded = grade_id_of(cell), marks.get("grade") or marks.get("task")
        call = asked_check(cell.source) if graded and cell.cell_type == "code" else ""
        if graded and (marks.get("solution") or marks.get("task")):
            if not (_says_something(text) or (_says_something(last) and _ASKS.search(last))):
                found.append(
                    f"{name}: its question does not reach students (what stands in an answer's cell is cleared). Put it into a cell of its own, directly "
                    "above, in a sentence that asks (with a question mark, or beginning with Explain, Compare, Write or the like)."
                )
        elif call in exercises:
            unnamed = [n for n in (call, *exercises[call].params) if not re.search(rf"\b{re.escape(n)}\b", above)]
            if unnamed:
                found.append(
                    f"{name}: no text above it says what {_listed(unnamed)} {'is' if len(unnamed) == 1 else 'are'}. "
                    "Write the contract there: what comes in, what goes out."
                )
        elif graded and not _says_something(f"{above}\n{text}"):
            found.append(f"{name}: nothing above it says what is asked for. Write that into a cell above.")
        above, last = f"{above}\n{text}", text if cell.cell_type == "markdown" and not marks.get("solution") else ""
    return found


def wrong_points(notebook: NotebookNode, assignment: str) -> list[str]:
    """Return the check cells whose points are not where they belong: those of extra credit in its exercise, all others in the cell."""
    found = []
    for name, (cell, grade_id, _) in check_cells(notebook, exercises_of(assignment)).items():
        extra = exercises_of(assignment).exercises[name].extra_credit
        if extra and float(cell.metadata.nbgrader.get("points", 0)):
            found.append(
                f"{grade_id}: {name} is extra credit, {extra:g} points on top of the maximum, which its exercise says. Give the cell 0 points."
            )
    return found


def refuse_unreadable(notebook: NotebookNode, assignment: str) -> None:
    """Refuse a notebook that asks its students for something that they cannot read, or counts extra credit into the maximum.

    Raises
    ------
    CourseError
        One sentence a cell.
    """
    found = [*unreadable(notebook, assignment), *wrong_points(notebook, assignment)]
    if found:
        raise CourseError(f"{assignment} is not released. " + " ".join(found))


def _says_something(*texts: str) -> bool:
    return sum(len(re.findall(r"[^\W\d_]{2,}", _NOT_PROSE.sub("", text))) for text in texts) >= WORDS


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
