"""What a student wrote and where it belongs: answers whose cell has lost its mark, or that stand beside the cell meant for them.

Cells are known by their marks or, where they are as handed out, by their text; between two known cells of the handed-out
notebook lies what belongs between them. Where a graded thing is empty all the same, and there is anything of the student's
that belongs to nothing, a person is asked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

from photgrader.grading.finding import Repair
from photgrader.grading.sources import asked_check, defined, nothing_written, parsed, plain

#: An answer of more cells than this is none whose place is known.
MOST_PARTS = 8
#: The mark of a cell that holds what reading would have lost: work, but the answer to nothing by its place.
KEPT = "photgrader_kept"


def grade_id_of(cell: NotebookNode) -> str:
    """Return a cell's grade_id, or an empty text."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def by_hand(cell: NotebookNode) -> bool:
    """Tell whether a cell of the handed-out notebook is for an answer that a person marks.

    A task's cell is not: it says what to do, stays as it is, and the work stands in cells of the student's own.
    """
    marks = cell.metadata.get("nbgrader", {})
    return bool(marks.get("grade") and marks.get("solution") and not marks.get("task"))


def is_empty(cell: NotebookNode, original: NotebookNode) -> bool:
    """Tell whether an answer is as it was handed out, or blank."""
    return not cell.get("attachments") and plain(cell.source) in ("", plain(original.source))


class Places:
    """Where the cells of a notebook stand in the handed-out one.

    Parameters
    ----------
    notebook, skeleton : NotebookNode
        What came in, and what was handed out.
    """

    def __init__(self, notebook: NotebookNode, skeleton: NotebookNode) -> None:
        self.notebook, self.skeleton = notebook, skeleton
        self._by_id = {grade_id_of(c): k for k, c in enumerate(skeleton.cells) if grade_id_of(c)}
        texts: dict[str, list[int]] = {}
        for k, cell in enumerate(skeleton.cells):
            texts.setdefault(plain(cell.source), []).append(k)
        self._by_text = {text: found[0] for text, found in texts.items() if len(found) == 1}
        self.handed_out = set(texts)

    def of(self, cell: NotebookNode) -> int | None:
        """Return the place of a cell in the handed-out notebook; None where it is the student's own."""
        mark = grade_id_of(cell)
        return self._by_id.get(mark) if mark else self._by_text.get(plain(cell.source))

    def own(self, cell: NotebookNode) -> bool:
        """Tell whether a cell holds something of the student's and has no mark."""
        return (
            not grade_id_of(cell)
            and bool(plain(cell.source) or cell.get("attachments"))
            and plain(cell.source) not in self.handed_out
        )

    def window(self, place: int) -> list[NotebookNode]:
        """Return the student's own cells between the known ones around a place, those behind it first."""
        cells = list(self.notebook.cells)
        places = [self.of(c) for c in cells]
        here = next((i for i, k in enumerate(places) if k == place), None)
        if here is None:
            before = [i for i, k in enumerate(places) if k is not None and k < place]
            here = before[-1] if before else -1
            first = here
        else:
            first = next((i for i in range(here - 1, -1, -1) if places[i] is not None), -1)
        last = next((i for i in range(here + 1, len(cells)) if places[i] is not None), len(cells))
        behind, ahead = cells[here + 1 : last], cells[first + 1 : here] if here > first else []
        return [c for c in [*behind, *ahead] if self.own(c) and KEPT not in c.metadata]


def _text_like(cell: NotebookNode) -> bool:
    """Tell whether a cell holds words: of code only what is no Python."""
    return cell.cell_type != "code" or parsed(cell.source) is None


def recognise(notebook: NotebookNode, skeleton: NotebookNode) -> list[Repair]:
    """Put answers that a person marks into the cells meant for them; in place. Return what was done."""
    repairs = []
    places = Places(notebook, skeleton)
    answers = {grade_id_of(c): c for c in notebook.cells if grade_id_of(c)}
    waiting = [
        (k, c)
        for k, c in enumerate(skeleton.cells)
        if by_hand(c) and (grade_id_of(c) not in answers or is_empty(answers[grade_id_of(c)], c))
    ]
    # What could belong to two answers goes to the first of them, but for the last, which takes the rest.
    taken: set[int] = set()
    for number, (place, original) in enumerate(waiting):
        free = [
            c for c in places.window(place) if id(c) not in taken and (original.cell_type == "code" or _text_like(c))
        ]
        if not free or len(free) > MOST_PARTS:
            continue
        following = waiting[number + 1][0] if number + 1 < len(waiting) else None
        shared = (
            following is not None
            and any(c is free[0] for c in places.window(following))
            and grade_id_of(skeleton.cells[following]) not in answers
        )
        chosen = free[:1] if shared else free
        taken |= {id(c) for c in chosen}
        _move(notebook, chosen, original, answers.get(grade_id_of(original)))
        name = grade_id_of(original)
        repairs.append(
            Repair(
                "answer recognised",
                f"Your answer to {name} did not stand in the cell meant for it; it was taken from the cell beside it.",
                f"the answer to {name} stood in a cell without a mark; it was recognised by its place.",
            )
        )
    return repairs


def _move(
    notebook: NotebookNode, chosen: list[NotebookNode], original: NotebookNode, answer: NotebookNode | None
) -> None:
    target = answer if answer is not None else chosen[0]
    attachments = {name: picture for c in chosen for name, picture in (c.get("attachments") or {}).items()}
    target.source = "\n\n".join(c.source for c in chosen)
    if attachments and original.cell_type == "markdown":
        target["attachments"] = attachments
    target.metadata["nbgrader"] = {"grade_id": grade_id_of(original)}
    rest = {id(c) for c in chosen if c is not target}
    notebook.cells = [c for c in notebook.cells if id(c) not in rest]


def _only_sets_up(source: str) -> bool:
    """Tell whether a cell of code only installs, imports, or comments."""
    lines = [
        line for line in plain(source).split("\n") if line.strip() and not line.lstrip().startswith(("#", "!", "%"))
    ]
    tree = parsed("\n".join(lines))
    return not lines or (tree is not None and all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in tree.body))


def left_over(notebook: NotebookNode, skeleton: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the student's own cells that belong to no answer: none that defines a function that is judged, or only sets something up."""
    places = Places(notebook, skeleton)
    judged = {asked_check(c.source) for c in skeleton.cells if c.cell_type == "code"} - {""}
    for cell in notebook.cells:
        if places.own(cell) and not (
            cell.cell_type == "code" and (_only_sets_up(cell.source) or defined(cell.source) & judged)
        ):
            yield cell


def edited_answers(notebook: NotebookNode, skeleton: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells for functions that hold other code than was handed out."""
    stubs = {grade_id_of(c): c for c in skeleton.cells if grade_id_of(c)}
    for cell in notebook.cells:
        stub = stubs.get(grade_id_of(cell))
        if stub is None or cell.cell_type != "code" or not stub.metadata["nbgrader"].get("solution"):
            continue
        if nothing_written(cell.source):
            continue
        mine, handed_out = parsed(cell.source), parsed(stub.source)
        if plain(cell.source) and (mine is None or handed_out is None or ast.dump(mine) != ast.dump(handed_out)):
            yield cell


def unanswered(notebook: NotebookNode, skeleton: NotebookNode) -> list[str]:
    """Return the answers for a person to mark that are empty, while there is work that belongs to nothing."""
    here = {grade_id_of(c): c for c in notebook.cells if grade_id_of(c)}
    empty = [
        grade_id_of(c)
        for c in skeleton.cells
        if by_hand(c) and grade_id_of(c) in here and is_empty(here[grade_id_of(c)], c)
    ]
    return empty if empty and any(True for _ in left_over(notebook, skeleton)) else []


def left_empty(name: str, notebook: NotebookNode) -> bool:
    """Tell whether a function is defined, and nowhere with anything in it."""
    cells = [c.source for c in notebook.cells if c.cell_type == "code" and name in defined(c.source)]
    return bool(cells) and all(map(nothing_written, cells))


def work_without_function(name: str, notebook: NotebookNode, skeleton: NotebookNode) -> str:
    """Return what may be a function that was not found, or not written where it was looked for; empty where there is nothing.

    Parameters
    ----------
    name : str
        The function.
    notebook, skeleton : NotebookNode
        What came in, in order, and what was handed out.
    """
    answers = {grade_id_of(c) for c in skeleton.cells if grade_id_of(c)}
    own = [c for c in edited_answers(notebook, skeleton) if grade_id_of(c) == name or name not in answers]
    if own:
        others = sorted(n for n in defined(own[0].source) - answers if n != name)
        return "the cell meant for it holds other code" + (f" (it defines {', '.join(others[:3])})" if others else "")
    free = next(left_over(notebook, skeleton), None)
    return (
        ""
        if free is None
        else f'a cell of your own begins with "{plain(free.source).splitlines()[0][:60] if plain(free.source) else "a picture"}"'
    )
