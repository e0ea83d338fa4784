"""Take in what a student handed in: find the notebook, read it whatever its state, put it in order.

Nothing here runs a student's code. A notebook that can be read comes out with the cells and marks of the
notebook as handed out; what was repaired is said. One that cannot comes out as the handed-out notebook with a
named state, so that a person looks at it.
"""

from __future__ import annotations

import copy
import datetime
import difflib
import io
import json
import logging
import os
import pathlib
import re
import stat
import warnings
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dateutil.parser
import nbformat
from nbformat import NotebookNode

from photgrader.coursedir.settings import Limits, Settings
from photgrader.grading.hashes import content_hash
from photgrader.grading.sanitise import clean_attachments

log = logging.getLogger("photgrader")

if TYPE_CHECKING:
    pass

#: A cell that asks for a check: ``check(centroid)``.
CHECK_CALL = re.compile(r"^\s*(?:photcourse\.)?check\(\s*(\w+)\s*\)\s*;?\s*$")
MAX_CELLS = 2000
MAX_CELL_TEXT = 1_000_000
#: What is kept beside an autograded notebook of the files that it wrote.
KEPT_BYTES = 10_000_000


@dataclass
class Repair:
    """Something that was put in order.

    Parameters
    ----------
    kind : str
        Short name: ``"check cell restored"``.
    student, grader : str
        A sentence for each.
    """

    kind: str
    student: str
    grader: str


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
    """

    notebook: NotebookNode
    state: str = "ok"
    repairs: list[Repair] = field(default_factory=list)
    sentence: str = ""

    @property
    def readable(self) -> bool:
        """Whether there is something of the student's to grade."""
        return self.state in ("ok", "repaired")


class Unreadable(Exception):
    """A file that holds no notebook; `state` and a sentence for the student."""

    def __init__(self, state: str, sentence: str) -> None:
        super().__init__(sentence)
        self.state, self.sentence = state, sentence


# ------------------------------------------------------------------------------------------------ finding
def read_bounded(path: pathlib.Path, at_most: int) -> bytes:
    """Read a regular file without following links.

    Raises
    ------
    Unreadable
        No such file, a link or a pipe, or one that is too large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise Unreadable("missing", "The notebook could not be opened.") from problem
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise Unreadable("missing", "In place of the notebook there is something that is no file.")
    with os.fdopen(handle, "rb") as stream:
        if status.st_size > at_most:
            raise Unreadable("too large", f"The notebook file has {status.st_size / 1e6:.0f} MB; at most {at_most / 1e6:.0f} MB "
                             "are read. Clear its outputs (Edit, Clear Outputs of All Cells), save, and hand it in again.")
        return stream.read()


def find_notebook(folder: pathlib.Path, name: str, limits: Limits) -> tuple[bytes, list[Repair]]:
    """Find the notebook of a submission: by its name, else renamed, in a folder below, or in a zip file.

    Raises
    ------
    Unreadable
        Where there is none, or it is too large.
    """
    at_most = limits.submission_mb * 1_000_000
    expected = folder / f"{name}.ipynb"
    if expected.is_symlink() or not expected.is_file():
        return _find_elsewhere(folder, name, at_most)
    return read_bounded(expected, at_most), []


def _candidates(folder: pathlib.Path, suffix: str) -> list[pathlib.Path]:
    found = []
    for root, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [f for f in folders if not f.startswith(".")][:50]
        found += [pathlib.Path(root) / f for f in files[:500] if f.endswith(suffix)]
        if len(found) > 200:
            break
    return [f for f in found if not f.is_symlink() and f.is_file()]


def _find_elsewhere(folder: pathlib.Path, name: str, at_most: int) -> tuple[bytes, list[Repair]]:
    notebooks = _candidates(folder, ".ipynb")
    if notebooks:
        best = max(notebooks, key=lambda p: difflib.SequenceMatcher(None, p.stem, name).ratio())
        where = best.relative_to(folder).as_posix()
        return read_bounded(best, at_most), [Repair(
            "notebook found elsewhere", f"Your notebook was taken from {where}; hand it in as {name}.ipynb.",
            f"{name}.ipynb is missing; {where} was graded in its place.")]
    for archive in _candidates(folder, ".zip"):
        content = _from_zip(archive, name, at_most)
        if content is not None:
            return content, [Repair("notebook in a zip file", f"Your notebook was taken out of {archive.name}; hand in "
                                    f"{name}.ipynb itself.", f"the notebook was read from {archive.name}.")]
    raise Unreadable("missing", f"There is no notebook in what you handed in; {name}.ipynb was expected. Hand it in again.")


def _from_zip(archive: pathlib.Path, name: str, at_most: int) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(read_bounded(archive, at_most))) as packed:
            members = [m for m in packed.infolist() if m.filename.endswith(".ipynb") and m.file_size <= at_most]
            if not members:
                return None
            best = max(members[:200], key=lambda m: difflib.SequenceMatcher(None, pathlib.PurePath(m.filename).stem, name).ratio())
            with packed.open(best) as stream:
                # The size in the header is the archive's own claim.
                content = stream.read(at_most + 1)
            return content if len(content) <= at_most else None
    except (zipfile.BadZipFile, Unreadable, OSError, RuntimeError, NotImplementedError):
        return None


# ------------------------------------------------------------------------------------------------ reading
def parse(content: bytes) -> tuple[NotebookNode, list[Repair]]:
    """Read a notebook from bytes, of any version of the format, with small damage mended.

    Raises
    ------
    Unreadable
        Where no notebook can be made of it.
    """
    repairs: list[Repair] = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("utf-8", errors="replace")
        repairs.append(Repair("text encoding", "Your notebook held bytes that are no text; they were replaced.", "invalid UTF-8 was replaced."))
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Unreadable("not a notebook", "Your file is not a notebook that can be read (its JSON is damaged). Open it in "
                         "JupyterLab; if that fails, go back to the last version that opens, and hand that in.") from problem
    if not isinstance(body, dict):
        raise Unreadable("not a notebook", "Your file holds JSON but no notebook. Hand in the .ipynb file that you worked in.")
    return _plain_notebook(body, repairs), repairs


def _plain_notebook(body: dict[str, Any], repairs: list[Repair]) -> NotebookNode:
    version = body.get("nbformat")
    if isinstance(version, int) and version < 4:
        try:
            body = nbformat.convert(nbformat.from_dict(body), 4)
        except Exception as problem:
            raise Unreadable("not a notebook", "Your notebook is of an old format that cannot be converted. Open it in "
                             "JupyterLab, save it, and hand it in again.") from problem
        repairs.append(Repair("old format", "Your notebook was saved by an old Jupyter and was converted.", f"nbformat {version} was converted."))
    elif version != 4:
        repairs.append(Repair("unknown format", "Your notebook says that it is of an unknown format; it was read as usual.",
                              f"nbformat {version!r} was read as 4."))
    cells = body.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("not a notebook", "Your file holds no cells. Hand in the .ipynb file that you worked in.")
    notebook = nbformat.v4.new_notebook()
    notebook.nbformat_minor = 5
    for cell in cells[:MAX_CELLS]:
        plain = _plain_cell(cell)
        if plain is not None:
            notebook.cells.append(plain)
    if len(cells) > MAX_CELLS:
        repairs.append(Repair("too many cells", f"Only the first {MAX_CELLS} cells of your notebook were read.", f"{len(cells)} cells."))
    return notebook


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain_cell(cell: Any) -> NotebookNode | None:
    """Return a cell made anew from what a student's cell says: type, text, mark and pasted pictures, nothing else."""
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(str(line) for line in source)
    source = str(source).replace("\x00", "")[:MAX_CELL_TEXT]
    marks = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    grade_id = marks.get("grade_id")
    kind = str(cell.get("cell_type"))
    if kind not in ("code", "markdown", "raw"):
        return None
    # Lone surrogates cannot be written as UTF-8. nbformat's own functions would validate every cell by itself.
    plain = nbformat.from_dict({"id": "", "cell_type": kind, "metadata": {}, "source": source.encode("utf-8", "replace").decode("utf-8"),
                                **({"execution_count": None, "outputs": []} if kind == "code" else {})})
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
    for cell in notebook.cells:
        if grade_id_of(cell):
            _restore_cell(cell, master[grade_id_of(cell)], repairs)
    _put_back(notebook, skeleton, repairs)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"c{index}"
    notebook.metadata = copy.deepcopy(skeleton.metadata)
    return repairs


def grade_id_of(cell: NotebookNode) -> str:
    """Return a cell's grade_id, or an empty text."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _forget_unknown(notebook: NotebookNode, master: dict[str, NotebookNode]) -> None:
    for cell in notebook.cells:
        if grade_id_of(cell) and grade_id_of(cell) not in master:
            del cell.metadata["nbgrader"]


def _find_unmarked(notebook: NotebookNode, master: dict[str, NotebookNode], repairs: list[Repair]) -> None:
    """Recognise check cells that lost their mark (a notebook copied by hand) by their text."""
    present = {grade_id_of(c) for c in notebook.cells}
    by_call = {m.group(1): i for i, c in master.items() if c.cell_type == "code" and (m := CHECK_CALL.match(c.source))}
    found = []
    for cell in notebook.cells:
        call = CHECK_CALL.match(cell.source) if cell.cell_type == "code" and not grade_id_of(cell) else None
        if call and by_call.get(call.group(1), "") not in present | {""}:
            cell.metadata["nbgrader"] = {"grade_id": by_call[call.group(1)]}
            present.add(by_call[call.group(1)])
            found.append(call.group(1))
    if found:
        repairs.append(Repair("marks restored", f"The check cells of {', '.join(found)} had lost their marks (a copied notebook?); they were "
                              "recognised.", f"cells without metadata were recognised as checks of {', '.join(found)}."))


def _keep_one_each(notebook: NotebookNode, master: dict[str, NotebookNode], repairs: list[Repair]) -> None:
    groups: dict[str, list[NotebookNode]] = {}
    for cell in notebook.cells:
        if grade_id_of(cell):
            groups.setdefault(grade_id_of(cell), []).append(cell)
    for grade_id, cells in groups.items():
        if len(cells) == 1:
            continue
        edited = [c for c in cells if c.source != master[grade_id].source]
        kept = (edited or cells)[-1]
        for cell in cells:
            if cell is not kept:
                del cell.metadata["nbgrader"]
        repairs.append(Repair("duplicated cell", f"The cell {grade_id} is there {len(cells)} times; the last one that you changed counts.",
                              f"{grade_id} is there {len(cells)} times; the last edited one was kept."))


def _restore_cell(cell: NotebookNode, original: NotebookNode, repairs: list[Repair]) -> None:
    marks = dict(original.metadata["nbgrader"])
    if cell.cell_type != original.cell_type:
        repairs.append(Repair("cell type", f"The cell {marks['grade_id']} had become a {cell.cell_type} cell; it was turned back.",
                              f"{marks['grade_id']} was a {cell.cell_type} cell."))
        _turn_into(cell, original.cell_type)
    if marks.get("locked") and cell.source != original.source:
        repairs.append(Repair("locked cell edited", f"The cell {marks['grade_id']} is not meant to be edited; the original was used.",
                              f"{marks['grade_id']} was edited and restored."))
        cell.source = original.source
    cell.metadata = copy.deepcopy(original.metadata)


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
        if not marks.get("grade"):
            # A deleted answer or given cell stays away: a stub put back would overwrite what was moved elsewhere.
            continue
        cell = copy.deepcopy(original)
        position = 0 if before is None else next(i for i, c in enumerate(notebook.cells) if c is before) + 1
        notebook.cells.insert(position, cell)
        before = here[grade_id] = cell
        restored.append(grade_id)
    if restored:
        words = ", ".join(restored)
        repairs.append(Repair("missing cell restored", f"These cells were missing and were put back: {words}. Your functions were graded "
                              "all the same.", f"missing graded cells were put back: {words}."))


def take_in(content: bytes | None, skeleton: NotebookNode, found: list[Repair] | None = None,
            problem: Unreadable | None = None) -> Intake:
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
        repairs += mended
    except Unreadable as reason:
        blank = copy.deepcopy(skeleton)
        return Intake(blank, reason.state, repairs, reason.sentence)
    repairs += restore(notebook, skeleton)
    return Intake(notebook, "repaired" if repairs else "ok", repairs)


# --------------------------------------------------------------------------------------------- autograde
def submitted_at(folder: str | pathlib.Path) -> tuple[datetime.datetime | None, bool]:
    """Return when a submission was made (UTC), and whether its ``timestamp.txt`` could be read.

    The file is the student's. Where it holds no time, the time that the system gives it is taken: no time at all would
    be no delay.
    """
    path = pathlib.Path(folder) / "timestamp.txt"
    if not os.path.lexists(path):
        return None, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            text = read_bounded(path, 1000).decode("utf-8").strip()
            # An empty file is as none: the system's time of it would be that of a copy, years after.
            return (_utc(dateutil.parser.parse(text)) if text else None), True
    except Exception:
        # Its parser raises many kinds; whatever is in the file, the run goes on.
        return datetime.datetime.fromtimestamp(path.lstat().st_mtime, datetime.UTC).replace(tzinfo=None, microsecond=0), False


def _utc(when: datetime.datetime) -> datetime.datetime:
    """Return a time as nbgrader keeps it: UTC, without saying so."""
    return when if when.tzinfo is None else when.astimezone(datetime.UTC).replace(tzinfo=None)


def _is_text(name: str) -> bool:
    """Tell whether a file's name is text: one of other bytes can be neither hashed nor sent as such."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_files(folder: pathlib.Path, settings: Settings, skip: str) -> dict[str, bytes]:
    """Read the further files of a submission, bounded in number and size, links and notebooks left out."""
    found: dict[str, bytes] = {}
    total = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [f for f in sorted(folders) if f not in (".ipynb_checkpoints", "checks") and not f.startswith(".")]
        for name in sorted(names):
            path = pathlib.Path(root) / name
            relative = path.relative_to(folder).as_posix()
            if name.endswith((".ipynb", ".zip")) or name in (skip, "timestamp.txt") or path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
            if len(found) >= 200 or size > 20_000_000 or total + size > 50_000_000 or not _is_text(relative):
                log.warning("file %r of the submission was left out: too many, too large or oddly named", relative)
                continue
            total += size
            found[relative] = path.read_bytes()
    return found


def read_submission(folder: pathlib.Path, notebook: str, skeleton: NotebookNode, settings: Settings,
                    submitted: tuple[datetime.datetime | None, bool] = (None, True)) -> tuple[Intake, dict[str, bytes], str]:
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
        When it was made, and whether that could be read (`submitted_at`).

    Returns
    -------
    Intake, dict, str
        The notebook in order, the further files, and the hash of both.
    """
    content: bytes | None = None
    repairs: list[Repair] = []
    problem: Unreadable | None = None
    try:
        content, repairs = find_notebook(folder, notebook, settings.limits)
    except Unreadable as reason:
        problem = reason
    when, readable = submitted
    if not readable:
        repairs = [*repairs, Repair("time of submission", f"The time of your submission could not be read; {when:%Y-%m-%d %H:%M} UTC was taken.",
                                    f"timestamp.txt cannot be read; the file's own time, {when:%Y-%m-%d %H:%M} UTC, was taken.")]
    files = read_files(folder, settings, f"{notebook}.ipynb")
    return take_in(content, skeleton, repairs, problem), files, _content_key(content, files)


def written_files(folder: pathlib.Path, settings: Settings, before: dict[str, bytes], skip: str) -> dict[str, bytes]:
    """Return what a notebook wrote beside itself while it ran: new or changed files, `KEPT_BYTES` in all; what is left out is logged."""
    kept: dict[str, bytes] = {}
    try:
        found = read_files(folder, settings, skip)
    except OSError as problem:
        log.warning("what the notebook wrote could not be read: %s", problem)
        return kept
    for name, content in found.items():
        if before.get(name) == content:
            continue
        if sum(map(len, kept.values())) + len(content) > KEPT_BYTES:
            log.warning("file %r, which the notebook wrote, was left out: too large", name)
            continue
        kept[name] = content
    return kept


def _content_key(content: bytes | None, files: dict[str, bytes]) -> str:
    return content_hash(content or b"", *(part for name, body in sorted(files.items()) for part in (name.encode(), body)))


def submission_hash(folder: pathlib.Path, notebook: str, settings: Settings) -> str:
    """Return the hash of a submission's content, as `read_submission` gives it, without reading what it says."""
    try:
        content = find_notebook(folder, notebook, settings.limits)[0]
    except Unreadable:
        content = None
    return _content_key(content, read_files(folder, settings, f"{notebook}.ipynb"))
