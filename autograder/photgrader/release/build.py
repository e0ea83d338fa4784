"""Make ``release/`` and ``solutions/`` from ``source/``: only what changed, and prove that nothing is stale."""

from __future__ import annotations

import base64
import concurrent.futures
import importlib.metadata
import io
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

import photgrader
from photgrader import coursedir
from photgrader.coursedir.packages import package_folder, packages_in_use, versions
from photgrader.exercise import assignment_names
from photgrader.gradebook import app, plugin, writer
from photgrader.gradebook.readable import refuse_unreadable
from photgrader.grading.hashes import content_hash, exercises_hash
from photgrader.quality.measure import require_quality

#: Longest time of one cell of a solution.
CELL_SECONDS = 120


@dataclass
class Built:
    """What was done for one assignment: ``"made"`` or ``"fresh"``, for release and solution."""

    assignment: str
    release: str
    solution: str
    seconds: float = 0.0


def source_assignments(root: pathlib.Path) -> list[str]:
    """Return the names of the assignments in ``source/``."""
    return sorted(p.name for p in (root / "source").iterdir() if p.is_dir() and any(p.glob("*.ipynb")))


def build_release(root: pathlib.Path, assignment: str, *, fresh: bool = False) -> None:
    """Make the release of one assignment with nbgrader itself (and so enter it in the gradebook).

    Parameters
    ----------
    root : Path
        The course.
    assignment : str
        Which one.
    fresh : bool
        Whether the check files that are there are known to be today's: to compute what every mistake answers takes most of the time.

    Raises
    ------
    CourseError
        Where nbgrader could not make it, or its students could not read what is asked (`photgrader.gradebook.readable`).
    """
    import nbgrader.api

    writer.check_gradebook(root)
    for path in sorted((root / "source" / assignment).glob("*.ipynb")):
        refuse_unreadable(_source(path), assignment)
    api = app.nbgrader_api(root)
    release = root / "release" / assignment
    if fresh:
        plugin.FROZEN[assignment] = {
            str(p.relative_to(release)): p.read_bytes() for p in sorted(release.glob("checks/**/*.json"))
        }
    try:
        with writer.said_by_us(api.log, nbgrader.api.app_log):
            result = api.generate_assignment(assignment, force=True, create=True)
    finally:
        plugin.FROZEN.pop(assignment, None)
    if not result["success"]:
        raise coursedir.CourseError(
            f"The release of {assignment} could not be made: {_complaint(str(result.get('log') or '') + str(result.get('error') or ''))}"
        )
    _normalise(root / "release" / assignment)


def _complaint(words: str) -> str:
    """Return what went wrong from all that nbgrader said of it: the last error before it only repeats itself."""
    errors = [
        line
        for line in words.splitlines()
        if re.match(r"[\w.]+(Error|Exception|Invalid|JSON)\b", line) and "above traceback" not in line
    ]
    said = errors or [line for line in words.splitlines() if line.strip()] or ["no reason given"]
    return re.sub(r"^[\w.]*(Error|Exception)\w*: ", "", said[-1].strip())[:400]


def _source(path: pathlib.Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except Exception as problem:  # noqa: BLE001 - nbformat raises many kinds
        raise coursedir.CourseError(
            f"{path.parent.parent.name}/{path.parent.name}/{path.name} is no notebook that can be read "
            f"({' '.join(str(problem).split())[:120]}). Mend it, or put it back from git."
        ) from problem


def _normalise(folder: pathlib.Path) -> None:
    """Write a release's notebooks in one form, so that differences are small and mean something."""
    for path in folder.glob("*.ipynb"):
        body = json.loads(path.read_text(encoding="utf-8"))
        seen: set[str] = set()
        for index, cell in enumerate(body["cells"]):
            name = cell["metadata"].get("nbgrader", {}).get("grade_id") or f"{cell['cell_type']}-{index:03d}"
            cell["id"] = name if name not in seen else f"{name}-{index:03d}"
            seen.add(cell["id"])
        body["nbformat_minor"] = 5
        path.write_text(json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def solution_notebook(root: pathlib.Path, assignment: str, notebook: str) -> NotebookNode:
    """Return a source notebook executed, with figures, in a folder that has the release's check files.

    Raises
    ------
    CourseError
        Where a cell stops with an error.
    """
    from nbclient.exceptions import CellExecutionError

    path = root / "source" / assignment / f"{notebook}.ipynb"
    nb = _source(path)
    with tempfile.TemporaryDirectory() as folder:
        checks = root / "release" / assignment / "checks"
        if checks.is_dir():
            shutil.copytree(checks, pathlib.Path(folder) / "checks")
        client = NotebookClient(
            nb,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            extra_arguments=["--IPKernelApp.log_level=40"],
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except CellExecutionError as problem:
            at = next(
                (n for n, c in enumerate(nb.cells, 1) if any(o.output_type == "error" for o in c.get("outputs", []))), 0
            )
            raise coursedir.CourseError(
                f"The solution of {assignment} does not run: cell {at} of source/{assignment}/{notebook}.ipynb ends with "
                f"{problem.ename}: {' '.join(str(problem.evalue).split())[:200]}"
            ) from problem
    # A cell that may stop in students' hands (`raises-exception`) does not stop the run; in a solution it is as wrong.
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise coursedir.CourseError(
                    f"The solution of {assignment} does not run: cell {cell.get('id', '')} ends with {output.ename}: {output.evalue}"
                )
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            _same_every_time(cell)
    nb.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return nb


def _same_every_time(cell: NotebookNode) -> None:
    """Take out of a cell's outputs what differs from run to run: how printed text was cut into messages, and ids of tables."""
    kept: list[NotebookNode] = []
    for output in cell.outputs:
        if (
            output.output_type == "stream"
            and kept
            and kept[-1].output_type == "stream"
            and kept[-1].name == output.name
        ):
            kept[-1].text += output.text
            continue
        data = output.get("data", {})
        if data.get("text/html"):
            html = re.sub(r'id="table\d+"', f'id="table-{cell.get("id", "")}"', data["text/html"])
            data["text/html"] = re.sub(
                r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+", lambda found: _packed(found[0]), html
            )
        if data.get("image/png"):
            data["image/png"] = _packed(data["image/png"])
        kept.append(output)
    cell.outputs = kept


def _packed(picture: str) -> str:
    """Return a PNG, in base64, with the same pixels in as few bytes as it takes: solutions are committed, and packed once."""
    from PIL import Image

    packed = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).save(packed, "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode("ascii")


class _quiet_environment:
    """Embedded data, no colours, one thread: a solution looks the same wherever it is made."""

    _SET = {
        "PHOTCOURSE_DATA": "",
        "PHOTCOURSE_CACHE": "",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # A kernel runs for each processor; threads of theirs beside that would spend their time waiting for each other.
        "OPENBLAS_NUM_THREADS": "1",
    }

    def __enter__(self) -> None:
        self._kept = {name: os.environ.get(name) for name in self._SET}
        self._folder = tempfile.TemporaryDirectory()
        os.environ.update({**self._SET, "PHOTCOURSE_CACHE": self._folder.name})
        # An empty name would be a folder that does not exist.
        del os.environ["PHOTCOURSE_DATA"]

    def __exit__(self, *args: Any) -> None:
        for name, value in self._kept.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self._folder.cleanup()


def build_solution(root: pathlib.Path, assignment: str) -> None:
    """Make the executed solution of one assignment."""
    for notebook in coursedir.notebooks(root, assignment):
        nb = solution_notebook(root, assignment, notebook)
        target = root / "solutions" / assignment / f"{notebook}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        coursedir.write_atomically(target, json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        target.chmod(0o644)


#: What a release and a solution are made by, beside what verdicts depend on: a change elsewhere in the grader makes neither stale.
MAKERS = ("release/build.py", "gradebook/plugin.py", "gradebook/readable.py")


def _inputs_hash(root: pathlib.Path, assignment: str) -> str:
    """Return the hash of all that a release and a solution are made of."""
    grader = pathlib.Path(photgrader.__file__).parent
    students = [f for name in ("photcheck", *packages_in_use().own) if (f := package_folder(name)) is not None]
    # Wherever each part is installed: in one order, so that what was made in a clone is fresh on a hub.
    files = [
        *sorted((root / "source" / assignment).rglob("*")),
        root / "nbgrader_config.py",
        *(grader / n for n in MAKERS),
        *(p for folder in students for p in sorted(folder.rglob("*.py"))),
    ]
    parts = [p.name.encode() + b"\0" + p.read_bytes() for p in files if p.is_file() and p.suffix != ".pyc"]
    code = exercises_hash(assignment) if assignment in assignment_names() else ""
    made_with = {**versions(), "nbconvert": importlib.metadata.version("nbconvert")}
    return content_hash(*parts, code.encode(), *(f"{name} {version}".encode() for name, version in made_with.items()))


def _outputs_hash(folder: pathlib.Path) -> str:
    """Return the hash of a made folder, so that what was edited by hand is made again."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and ".ipynb_checkpoints" not in p.parts)
    return (
        content_hash(*(p.relative_to(folder).as_posix().encode() + b"\0" + p.read_bytes() for p in files))
        if files
        else ""
    )


def _stamps(root: pathlib.Path) -> pathlib.Path:
    """Return the file that says what the committed releases and solutions were made of; it is committed with them."""
    return root / "solutions" / "built.json"


def _read_stamps(root: pathlib.Path) -> dict[str, dict[str, str]]:
    path = _stamps(root)
    try:
        body = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        return {}
    return {k: v for k, v in body.items() if isinstance(v, dict)} if isinstance(body, dict) else {}


def _fresh(root: pathlib.Path, what: str, stamps: dict[str, dict[str, str]], inputs: str) -> bool:
    return stamps.get(what) == {"made from": inputs, "gives": _outputs_hash(root / what)}


def _registered(root: pathlib.Path, assignment: str) -> bool:
    from nbgrader.api import MissingEntry

    with app.gradebook(root) as gradebook:
        try:
            return bool(gradebook.find_assignment(assignment).notebooks)
        except MissingEntry:
            return False


def stale(root: pathlib.Path, assignments: list[str]) -> list[str]:
    """Return which releases and solutions (``"release/ps1"``) are not what source, exercises and packages give today."""
    stamps = _read_stamps(root)
    return [
        f"{kind}/{a}"
        for a in assignments
        for kind in ("release", "solutions")
        if not _fresh(root, f"{kind}/{a}", stamps, _inputs_hash(root, a))
    ]


def build(
    root: pathlib.Path, assignments: list[str], *, force: bool = False, solutions: bool = True, anyway: bool = False
) -> Iterator[Built]:
    """Make releases and solutions that are not fresh; yield what was done, one assignment after the other.

    Fresh is what was made from the same source, exercises, packages and configuration, here or elsewhere, and has
    not been edited since. A release that the gradebook does not know is made again: nbgrader enters it there. An assignment
    with an exercise that falls short (`photgrader.quality.measure.require_quality`) is not made, unless `anyway`.
    """
    stamps = _read_stamps(root)
    inputs = {a: _inputs_hash(root, a) for a in assignments}
    done = {a: Built(a, "fresh", "fresh") for a in assignments}
    for assignment in assignments:
        started = time.perf_counter()
        name = f"release/{assignment}"
        fresh = not force and _fresh(root, name, stamps, inputs[assignment])
        if not fresh:
            require_quality(root, assignment, anyway)
        if not fresh or not _registered(root, assignment):
            # While it is made there is none, for whoever grades.
            with writer.grading_lock(root, "a build, process"):
                build_release(root, assignment, fresh=fresh)
            done[assignment].release = "made"
            _stamp(root, name, inputs[assignment])
        done[assignment].seconds += time.perf_counter() - started
    stale = [a for a in assignments if solutions and (force or not _fresh(root, f"solutions/{a}", stamps, inputs[a]))]
    # Solutions run in kernels of their own: the threads only wait for them.
    with _quiet_environment(), concurrent.futures.ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as pool:
        running = {a: pool.submit(_timed_solution, root, a) for a in stale}
        try:
            for assignment in assignments:
                if assignment in running:
                    done[assignment].seconds += running[assignment].result()
                    done[assignment].solution = "made"
                    _stamp(root, f"solutions/{assignment}", inputs[assignment])
                yield done[assignment]
        finally:
            for future in running.values():
                future.cancel()


def _timed_solution(root: pathlib.Path, assignment: str) -> float:
    started = time.perf_counter()
    build_solution(root, assignment)
    return time.perf_counter() - started


def _stamp(root: pathlib.Path, what: str, inputs: str) -> None:
    stamps = _read_stamps(root)
    stamps[what] = {"made from": inputs, "gives": _outputs_hash(root / what)}
    coursedir.write_atomically(_stamps(root), json.dumps(stamps, indent=1, sort_keys=True) + "\n")
    _stamps(root).chmod(0o644)
