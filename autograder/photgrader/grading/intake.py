"""Take in what a student handed in: find the notebook, read it whatever its state, put it in order.

Nothing here runs a student's code. A notebook that can be read comes out with the cells and marks of the
notebook as handed out; what was repaired is said. One that cannot comes out as the handed-out notebook with a
named state, so that a person looks at it.
"""

from __future__ import annotations

import ast
import copy
import datetime
import json
import logging
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import nbformat
from nbformat import NotebookNode

from photcheck import wire
from photgrader.coursedir.settings import Settings
from photgrader.grading.answers import KEPT, Places, by_hand, edited_answers, grade_id_of, recognise, unanswered
from photgrader.grading.finding import (
    Candidate,
    Repair,
    Unreadable,
    candidates,
    content_key,
    read_files,
    require_readable,
    why_none,
)
from photgrader.grading.handed_in import MAX_TEXT, MAX_TEXTS, characters_of, kept_of
from photgrader.grading.sanitise import clean_attachments
from photgrader.grading.sources import asked_check, nothing_written, parsed, plain

log = logging.getLogger("photgrader")
#: Most cells that are read, and most with a mark behind them.
MAX_CELLS, MAX_MARKED = 2000, 500
MAX_CELL_TEXT = 1_000_000
#: Of another kind no cell is.
KINDS = ("code", "markdown", "raw")
#: Most texts behind a key that is there twice that are kept.
MAX_KEPT = 20
#: Which form of marks the installed nbgrader writes; a test holds it to it.
MARKS_SCHEMA = 3
#: Kind of the repair of older ones.
OLD_MARKS = "old marks"
#: What is kept beside an autograded notebook of the files that it wrote.
KEPT_BYTES = 10_000_000
NO_OTHERS: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass
class Intake:
    """What came in.

    Parameters
    ----------
    notebook : NotebookNode
        In order: every marked cell of the handed-out notebook is there once, with its marks restored.
    state : str
        ``"ok"``, ``"repaired"``, or why it could not be read: ``"not a notebook"``, ``"missing"``,
        ``"too large"``.
    repairs : list of Repair
        What was put in order.
    sentence : str
        For the student, where the state is neither ok nor repaired.
    asks : list of str
        Grade ids of empty answers that a person is asked to look for.
    """

    notebook: NotebookNode
    state: str = "ok"
    repairs: list[Repair] = field(default_factory=list)
    sentence: str = ""
    asks: list[str] = field(default_factory=list)

    @property
    def readable(self) -> bool:
        """Whether there is something of the student's to grade."""
        return self.state in ("ok", "repaired")


# ------------------------------------------------------------------------------------------------ reading
def parse(content: bytes) -> tuple[NotebookNode, list[Repair]]:
    """Read a notebook from bytes, of any version of the format, with small damage mended.

    Raises
    ------
    Unreadable
        Where no notebook can be made of it.
    """
    repairs: list[Repair] = []
    text = _text_of(content, repairs)
    body = _read_json(text, repairs)
    if not isinstance(body, dict):
        raise Unreadable(
            "not a notebook", "Your file holds JSON but no notebook. Hand in the .ipynb file that you worked in."
        )
    cells = body.get("cells")
    kept = _said_twice(text, len(cells), repairs) if isinstance(cells, list) else []
    notebook = _plain_notebook(body, repairs)
    notebook.cells += kept
    return notebook, repairs


def _text_of(content: bytes, repairs: list[Repair]) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        repairs.append(
            Repair(
                "text encoding",
                "Your notebook held bytes that are no text; they were replaced.",
                "invalid UTF-8 was replaced.",
            )
        )
        return content.decode(encoding, errors="replace")


def _read_json(text: str, repairs: list[Repair]) -> Any:
    """Read JSON; what stands behind its end, and the marks that git leaves in a conflict, are no reason to read nothing."""
    try:
        return wire.loads(text.encode("utf-8", "surrogatepass"))
    except wire.WireError as problem:
        # What is nested without end is no notebook.
        if not isinstance(problem.__cause__, RecursionError):
            raise Unreadable(
                "too large",
                "Your notebook has more parts than can be read. Clear its outputs (Edit, Clear Outputs of All Cells), save, "
                "and hand it in again.",
            ) from problem
    except (ValueError, RecursionError):
        pass
    for side, words in ((0, "yours"), (1, "the other")) if "<<<<<<<" in text else ():
        try:
            body = json.loads(_one_side(text, side))
        except (ValueError, RecursionError):
            continue
        repairs.append(
            Repair(
                "conflict of git",
                f"Your notebook holds the marks of a conflict that git could not resolve; of the two sides {words} was read.",
                f"git's conflict marks: the {'first' if side == 0 else 'second'} side was read.",
            )
        )
        return body
    try:
        body, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError) as problem:
        raise Unreadable(
            "not a notebook",
            "Your file is not a notebook that can be read (its JSON is damaged). Open it in "
            "JupyterLab; if that fails, go back to the last version that opens, and hand that in.",
        ) from problem
    repairs.append(
        Repair(
            "text behind the end",
            "There is something behind the end of your notebook; it was left out.",
            "what stands behind the notebook's last brace was left out.",
        )
    )
    return body


def _said_twice(text: str, cells: int, repairs: list[Repair]) -> list[NotebookNode]:
    """Return what JSON's last of two equal keys hides, as cells that are not run: a person looks at it, nobody guesses which was meant."""
    # A quote within a text is escaped, so these are keys, but for a text of this one word.
    if text.count('"cells"') <= 1 and text.count('"source"') <= cells and text.count('"cell_type"') <= cells:
        return []
    hidden: list[tuple[str, Any]] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            last = {key: number for number, (key, _) in enumerate(pairs)}
            hidden.extend(
                (k, v) for n, (k, v) in enumerate(pairs) if n != last[k] and k in ("cells", "source", "cell_type")
            )
        return made

    try:
        json.JSONDecoder(object_pairs_hook=look).raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return []
    if hidden:
        words = ", ".join(sorted({key for key, _ in hidden}))
        repairs.append(
            Repair(
                "said twice",
                f"Your notebook's file says twice what something is ({words}); the last was read, the other is kept at its end. "
                "Open it in JupyterLab, look whether all of your work is there, save it, and hand it in again.",
                f"the file has a key twice ({words}); the last was read, the other is kept in a raw cell at the end.",
            )
        )
    lost = [_joined(v) if key == "source" else json.dumps(v) for key, v in hidden if v and key != "cell_type"]
    return [_kept(source) for source in lost[:MAX_KEPT]]


def _kept(source: str) -> NotebookNode:
    """Return a cell that is not run, for a person to look at: of what was handed in, but no part of the notebook as read."""
    text = source[:MAX_CELL_TEXT].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return nbformat.from_dict({"id": "", "cell_type": "raw", "metadata": {KEPT: True}, "source": text})


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _one_side(text: str, side: int) -> str:
    """Return a text with git's conflicts resolved for one side."""
    kept, inside = [], -1
    for line in text.split("\n"):
        if line.startswith("<<<<<<<"):
            inside = 0
        elif line.startswith("=======") and inside == 0:
            inside = 1
        elif line.startswith(">>>>>>>") and inside >= 0:
            inside = -1
        elif line.startswith("|||||||") and inside == 0:
            inside = 2
        elif inside in (-1, side):
            kept.append(line)
    return "\n".join(kept)


def _plain_notebook(body: dict[str, Any], repairs: list[Repair]) -> NotebookNode:
    version = body.get("nbformat")
    if isinstance(version, int) and version < 4:
        # Converting takes its time with each cell; so many nobody has in a notebook of that age.
        left = MAX_CELLS + MAX_MARKED
        for sheet in map(_dict, _list(body.get("worksheets"))):
            some = _list(sheet.get("cells"))
            del some[left:]
            left -= len(some)
        try:
            body = nbformat.convert(nbformat.from_dict(body), 4)
        except Exception as problem:
            raise Unreadable(
                "not a notebook",
                "Your notebook is of an old format that cannot be converted. Open it in "
                "JupyterLab, save it, and hand it in again.",
            ) from problem
        repairs.append(
            Repair(
                "old format",
                "Your notebook was saved by an old Jupyter and was converted.",
                f"nbformat {version} was converted.",
            )
        )
    elif version != 4:
        repairs.append(
            Repair(
                "unknown format",
                "Your notebook says that it is of an unknown format; it was read as usual.",
                f"nbformat {version!r} was read as 4.",
            )
        )
    cells = body.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("not a notebook", "Your file holds no cells. Hand in the .ipynb file that you worked in.")
    if has_old_marks(cells):
        repairs.append(
            Repair(
                OLD_MARKS,
                "The marks of your notebook's cells are of an older nbgrader; those of the notebook as handed out were used.",
                "the marks are of an older nbgrader (nbgrader update brings them up to date); those of the release were used.",
            )
        )
    notebook = nbformat.v4.new_notebook()
    notebook.nbformat_minor = 5
    left = MAX_TEXTS
    for number, cell in enumerate(cells):
        made = (
            _plain_cell(cell, min(left, MAX_TEXT))
            if number < MAX_CELLS or "grade_id" in _dict(_dict(_dict(cell).get("metadata")).get("nbgrader"))
            else None
        )
        if made is not None and len(notebook.cells) < MAX_CELLS + MAX_MARKED:
            notebook.cells.append(made)
            # Whether they could be kept or not; where nothing is left, the cells that follow are run.
            looked_at = characters_of(cell.get("outputs"))
            left -= looked_at if looked_at <= min(left, MAX_TEXT) else 0
    odd = [n for n, c in enumerate(cells, 1) if _dict(c).get("source") and str(c.get("cell_type")).lower() not in KINDS]
    if odd:
        words = ", ".join(map(str, odd[:5])) + (", ..." if len(odd) > 5 else "")
        repairs.append(
            Repair(
                "unknown kind of cell",
                f"The kind of these cells of your notebook, counted from the top, is unknown: {words}. They were read as text, "
                "but for those meant for an answer. Make them cells of code or of text in JupyterLab, save, and hand it in again.",
                f"cells of an unknown kind were read as raw, by number: {words}.",
            )
        )
    if len(cells) > MAX_CELLS:
        repairs.append(
            Repair(
                "too many cells",
                f"Of the cells of your notebook behind the first {MAX_CELLS} only those with a mark were read.",
                f"{len(cells)} cells.",
            )
        )
    return notebook


def has_old_marks(cells: list[Any]) -> bool:
    """Tell whether marks are of an nbgrader before the installed one; the oldest name no version."""
    marked = (_dict(_dict(_dict(cell).get("metadata")).get("nbgrader")) for cell in cells)
    versions = (m.get("schema_version", 0) for m in marked if "grade" in m)
    return any(isinstance(version, int) and version < MARKS_SCHEMA for version in versions)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain_cell(cell: Any, most: int) -> NotebookNode | None:
    """Return a cell made anew from what a student's cell says: type, text, mark and what it shows, of texts so much; nothing else."""
    if not isinstance(cell, dict):
        return None
    # Editors of other systems end their lines otherwise.
    source = (
        _joined(cell.get("source", ""))[:MAX_CELL_TEXT].replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    )
    marks = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    grade_id = marks.get("grade_id")
    kind = str(cell.get("cell_type")).lower()
    if kind not in KINDS:
        if not source.strip():
            return None
        kind = "raw"
    # Lone surrogates cannot be written as UTF-8. nbformat's own functions would validate every cell by itself.
    plain = nbformat.from_dict(
        {
            "id": "",
            "cell_type": kind,
            "metadata": {},
            "source": source.encode("utf-8", "replace").decode("utf-8"),
            **({"execution_count": None, "outputs": kept_of(cell.get("outputs"), most)} if kind == "code" else {}),
        }
    )
    if isinstance(grade_id, str) and len(grade_id) < 200:
        plain.metadata["nbgrader"] = {"grade_id": grade_id}
    pictures = clean_attachments(cell.get("attachments")) if plain.cell_type == "markdown" else {}
    if pictures:
        plain["attachments"] = nbformat.from_dict(pictures)
    return plain


# ------------------------------------------------------------------------------------------------ ordering
def restore(notebook: NotebookNode, skeleton: NotebookNode) -> list[Repair]:
    """Give a notebook the marked cells of the handed-out one, each once, with its marks; in place."""
    repairs: list[Repair] = []
    master = {grade_id_of(c): c for c in skeleton.cells if grade_id_of(c)}
    _forget_unknown(notebook, master)
    _find_unmarked(notebook, master, repairs)
    _keep_one_each(notebook, master, repairs)
    repairs += recognise(notebook, skeleton)
    cells, notebook.cells = notebook.cells, []
    for cell in cells:
        if grade_id_of(cell):
            # What is thrown out of a locked cell is kept above it, for a person to look at.
            kept = _thrown_out(cell, master[grade_id_of(cell)])
            notebook.cells += kept
            _restore_cell(cell, master[grade_id_of(cell)], repairs, bool(kept))
        notebook.cells.append(cell)
    _put_back(notebook, skeleton, repairs)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"c{index}"
    notebook.metadata = copy.deepcopy(skeleton.metadata)
    return repairs


def _forget_unknown(notebook: NotebookNode, master: dict[str, NotebookNode]) -> None:
    for cell in notebook.cells:
        if grade_id_of(cell) and grade_id_of(cell) not in master:
            del cell.metadata["nbgrader"]


def _find_unmarked(notebook: NotebookNode, master: dict[str, NotebookNode], repairs: list[Repair]) -> None:
    """Recognise check cells that lost their mark (a notebook copied by hand) by their text."""
    present = {grade_id_of(c) for c in notebook.cells}
    by_call = {name: i for i, c in master.items() if c.cell_type == "code" and (name := asked_check(c.source))}
    found = []
    for cell in notebook.cells:
        call = asked_check(cell.source) if cell.cell_type == "code" and not grade_id_of(cell) else ""
        if call and by_call.get(call, "") not in present | {""}:
            cell.metadata["nbgrader"] = {"grade_id": by_call[call]}
            present.add(by_call[call])
            found.append(call)
    if found:
        repairs.append(
            Repair(
                "marks restored",
                f"The check cells of {', '.join(found)} had lost their marks (a copied notebook?); they were "
                "recognised.",
                f"cells without metadata were recognised as checks of {', '.join(found)}.",
            )
        )


def _keep_one_each(notebook: NotebookNode, master: dict[str, NotebookNode], repairs: list[Repair]) -> None:
    groups: dict[str, list[NotebookNode]] = {}
    for cell in notebook.cells:
        if grade_id_of(cell):
            groups.setdefault(grade_id_of(cell), []).append(cell)
    for grade_id, cells in groups.items():
        if len(cells) == 1:
            continue
        edited = [
            c
            for c in cells
            if plain(c.source) not in ("", plain(master[grade_id].source))
            and not (c.cell_type == "code" and nothing_written(c.source))
        ]
        kept = (edited or cells)[-1]
        for cell in cells:
            if cell is not kept:
                del cell.metadata["nbgrader"]
        if edited and master[grade_id].cell_type == "code":
            # A copy with nothing in it would be run behind the answer, and undo it.
            empty = {id(c) for c in cells} - {id(c) for c in edited}
            notebook.cells = [c for c in notebook.cells if id(c) not in empty]
        repairs.append(
            Repair(
                "duplicated cell",
                f"The cell {grade_id} is there {len(cells)} times; the last one that you changed counts.",
                f"{grade_id} is there {len(cells)} times; the last edited one was kept.",
            )
        )


def _restore_cell(cell: NotebookNode, original: NotebookNode, repairs: list[Repair], kept: bool) -> None:
    marks = dict(original.metadata["nbgrader"])
    if cell.cell_type != original.cell_type:
        repairs.append(
            Repair(
                "cell type",
                f"The cell {marks['grade_id']} had become a {cell.cell_type} cell; it was turned back.",
                f"{marks['grade_id']} was a {cell.cell_type} cell.",
            )
        )
        _turn_into(cell, original.cell_type)
    if marks.get("locked"):
        if plain(cell.source) != plain(original.source):
            repairs.append(
                Repair(
                    "locked cell edited",
                    f"The cell {marks['grade_id']} is not meant to be edited; the original was used."
                    + (
                        " What you wrote into it is kept above it and was not run: move it to the cell meant for it."
                        if kept
                        else ""
                    ),
                    f"{marks['grade_id']} was edited and restored"
                    + ("; what was written into it is kept in a raw cell above it." if kept else "."),
                )
            )
            if cell.cell_type == "code":
                # What it was handed in with is not what the original shows.
                cell.outputs = []
        cell.source = original.source
    if marks.get("grade") and cell.cell_type == "code":
        # What stands below a graded cell is the grader's.
        cell.outputs = []
    cell.metadata = copy.deepcopy(original.metadata)


def _thrown_out(cell: NotebookNode, original: NotebookNode) -> list[NotebookNode]:
    """Return what a student wrote into a locked cell, as a cell that is not run: it may be the answer."""
    if not original.metadata["nbgrader"].get("locked") or plain(cell.source) == plain(original.source):
        return []
    tree = parsed(cell.source)
    if original.cell_type == "code" and tree is not None:
        known = parsed(original.source)
        there = {ast.dump(node) for node in (known.body if known is not None else ())}
        # A check that was changed, or set up otherwise, is no answer.
        idle = (ast.Expr, ast.Import, ast.ImportFrom, ast.Pass)
        work = any(not isinstance(n, idle) and ast.dump(n) not in there for n in tree.body)
        work = work and not nothing_written(cell.source)
    else:
        lines = set(plain(cell.source).split("\n")) - set(plain(original.source).split("\n"))
        comment = "#" if original.cell_type == "code" else "<!--"
        work = any(line.strip() and not line.lstrip().startswith(comment) for line in lines)
    if not work:
        return []
    return [_kept(cell.source)]


def _turn_into(cell: NotebookNode, kind: str) -> None:
    cell.cell_type = kind
    cell.pop("attachments", None)
    if kind == "code":
        cell.update(outputs=[], execution_count=None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _put_back(notebook: NotebookNode, skeleton: NotebookNode, repairs: list[Repair]) -> None:
    """Put missing graded cells back behind the marked cell that comes before them."""
    here = {grade_id_of(c): c for c in notebook.cells if grade_id_of(c)}
    before: NotebookNode | None = None
    restored = []
    for original in skeleton.cells:
        grade_id = grade_id_of(original)
        if not grade_id:
            continue
        if grade_id in here:
            before = here[grade_id]
            continue
        marks = original.metadata["nbgrader"]
        if not (marks.get("grade") or marks.get("task")):
            # A deleted answer or given cell stays away: a stub put back would overwrite what was moved elsewhere.
            continue
        cell = copy.deepcopy(original)
        position = 0 if before is None else next(i for i, c in enumerate(notebook.cells) if c is before) + 1
        notebook.cells.insert(position, cell)
        before = here[grade_id] = cell
        restored.append(grade_id)
    if restored:
        words = ", ".join(restored)
        repairs.append(
            Repair(
                "missing cell restored",
                f"These cells were missing and were put back: {words}. Your functions were graded all the same.",
                f"missing graded cells were put back: {words}.",
            )
        )


def take_in(
    content: bytes | None, skeleton: NotebookNode, found: list[Repair] | None = None, problem: Unreadable | None = None
) -> Intake:
    """Return a submission in order.

    Parameters
    ----------
    content : bytes or None
        The notebook file; None where none was found (`problem` says why).
    skeleton : NotebookNode
        The notebook as handed out.
    found : list of Repair, optional
        What finding it took.
    problem : Unreadable, optional
        Why there is none.
    """
    repairs = list(found or [])
    try:
        if content is None:
            raise problem or Unreadable("missing", "There is no notebook in what you handed in.")
        notebook, mended = parse(content)
    except Unreadable as reason:
        return Intake(copy.deepcopy(skeleton), reason.state, repairs, reason.sentence)
    return _in_order(notebook, skeleton, repairs + mended)


def _in_order(notebook: NotebookNode, skeleton: NotebookNode, repairs: list[Repair]) -> Intake:
    repairs = repairs + restore(notebook, skeleton)
    asks = unanswered(notebook, skeleton)
    if asks:
        words = ", ".join(asks)
        repairs.append(
            Repair(
                "person asked",
                f"Nothing was found in the cell for {words}, and there is text or code of yours elsewhere: a person "
                "will look whether it belongs there.",
                f"{words}: empty, and there is work that belongs to no cell. Please look at it.",
            )
        )
    return Intake(notebook, "repaired" if any(r.kind != "person asked" for r in repairs) else "ok", repairs, asks=asks)


# --------------------------------------------------------------------------------------------- submissions
def has_work(notebook: NotebookNode, skeleton: NotebookNode) -> bool:
    """Tell whether a notebook holds anything but what was handed out."""
    places = Places(notebook, skeleton)
    originals = {grade_id_of(c): c for c in skeleton.cells if grade_id_of(c)}
    if any(places.own(c) for c in notebook.cells) or any(True for _ in edited_answers(notebook, skeleton)):
        return True
    return any(
        by_hand(originals[i]) and plain(c.source) not in ("", plain(originals[i].source))
        for c in notebook.cells
        if (i := grade_id_of(c)) in originals
    )


def _is_another(notebook: NotebookNode, skeleton: NotebookNode, its: frozenset[str]) -> bool:
    """Tell whether a notebook is another one of the course, by its marks: an assignment may have several.

    A file under the name of another one, whose marks are `its`, is that one where it fits as well: notebooks may have marks in common.
    """
    marks, known = ({grade_id_of(c) for c in n.cells} - {""} for n in (notebook, skeleton))
    return len(marks - known) > len(marks & known) or (bool(its) and len(marks & its) >= len(marks & known))


def _is_misnamed(notebook: NotebookNode, skeleton: NotebookNode, others: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether what lies under the notebook's own name has none of its marks, and such as another one of the assignment has."""
    marks, known = ({grade_id_of(c) for c in n.cells} - {""} for n in (notebook, skeleton))
    return not marks & known and any(marks & its for its in others.values())


def choose(
    found: list[Candidate], name: str, skeleton: NotebookNode, others: Mapping[str, frozenset[str]] = NO_OTHERS
) -> tuple[NotebookNode, list[Repair]]:
    """Return the notebook to grade, as it was read, and what that took: the likeliest that holds any work, else the likeliest.

    Raises
    ------
    Unreadable
        None of the candidates is a notebook.
    """
    first: tuple[NotebookNode, list[Repair], str] | None = None
    misnamed = False
    problem: Unreadable | None = None
    for one in found:
        try:
            if isinstance(one.content, Unreadable):
                raise one.content
            notebook, mended = parse(one.content)
        except Unreadable as reason:
            problem = problem or reason
            continue
        its = others.get(pathlib.PurePath(one.where).name.removesuffix(".ipynb"), frozenset())
        if one.where and _is_another(notebook, skeleton, its):
            continue
        repairs = [*one.repairs, *mended]
        if not one.where and _is_misnamed(notebook, skeleton, others):
            misnamed = True
        elif has_work(notebook, skeleton):
            if problem is not None and one.where:
                repairs.append(
                    Repair(
                        "another notebook unreadable",
                        f"{name}.ipynb itself could not be read; {one.where} was graded.",
                        f"the likeliest notebook could not be read ({problem.state}); {one.where} was graded.",
                    )
                )
            elif first is not None:
                yours, ours = (
                    ("holds another notebook of the assignment", "holds another notebook")
                    if misnamed
                    else ("is as it was handed out", "is untouched")
                )
                repairs = [
                    *mended,
                    Repair(
                        "work in another notebook",
                        f"{first[2] or name + '.ipynb'} {yours}; your work was found in {one.where} and was graded.",
                        f"{first[2] or name + '.ipynb'} {ours}; {one.where} was graded.",
                    ),
                ]
            return notebook, repairs
        first = first or (notebook, repairs, one.where)
    if first is not None:
        return first[:2]
    raise problem or why_none(found, name)


def read_submission(
    folder: pathlib.Path,
    notebook: str,
    skeleton: NotebookNode,
    settings: Settings,
    submitted: tuple[datetime.datetime | None, bool] = (None, True),
    others: Mapping[str, frozenset[str]] = NO_OTHERS,
) -> tuple[Intake, dict[str, bytes], str]:
    """Take in a submission's folder.

    Parameters
    ----------
    folder : Path
        Where it is.
    notebook : str
        The notebook's name.
    skeleton : NotebookNode
        The notebook as handed out.
    settings : Settings
        Limits.
    submitted : tuple
        When it was made, and whether that could be read (`photgrader.grading.finding.submitted_at`).
    others : mapping of str to frozenset of str
        The marks of the assignment's other notebooks, by name.

    Returns
    -------
    Intake, dict, str
        The notebook in order, the further files, and the hash of both.

    Raises
    ------
    Forbidden
        Where something of it may not be read.
    """
    require_readable(folder)
    found = candidates(folder, notebook, settings.limits)
    files = read_files(folder, settings, f"{notebook}.ipynb")
    when, readable = submitted
    repairs = (
        []
        if readable
        else [
            Repair(
                "time of submission",
                f"The time of your submission could not be read; its file was made on {when:%Y-%m-%d %H:%M} UTC. Nothing is taken off for "
                "that before a person has looked.",
                f"timestamp.txt cannot be read; the file's own time is {when:%Y-%m-%d %H:%M} UTC. Nothing was taken off: "
                "write the right time into it and grade again.",
            )
        ]
    )
    key = content_key(found, files)
    try:
        chosen, mended = choose(found, notebook, skeleton, others)
    except Unreadable as problem:
        return take_in(None, skeleton, repairs, problem), files, key
    return _in_order(chosen, skeleton, repairs + mended), files, key


def written_files(folder: pathlib.Path, settings: Settings, before: dict[str, bytes], skip: str) -> dict[str, bytes]:
    """Return what a notebook wrote beside itself while it ran: new or changed files, `KEPT_BYTES` in all; what is left out is logged."""
    kept: dict[str, bytes] = {}
    try:
        found = read_files(folder, settings, skip)
    except OSError as problem:
        log.warning("what the notebook wrote could not be read: %s", problem)
        return kept
    for name, content in found.items():
        # By the secret a page of feedback finds its student: it is that of the hand-in, whatever the notebook wrote.
        if before.get(name) == content or name == "submission_secret.txt":
            continue
        if sum(map(len, kept.values())) + len(content) > KEPT_BYTES:
            log.warning("file %r, which the notebook wrote, was left out: too large", name)
            continue
        kept[name] = content
    return kept


def submission_hash(folder: pathlib.Path, notebook: str, settings: Settings) -> str:
    """Return the hash of a submission's content, as `read_submission` gives it, without reading what it says."""
    require_readable(folder)
    return content_key(candidates(folder, notebook, settings.limits), read_files(folder, settings, f"{notebook}.ipynb"))
