"""Notebooks as pages: run once and kept, figures as files of their own, nothing of a solution.

A lecture is run on the embedded data, so that everybody's site shows the same and nothing that may not be passed on.
A release is run untouched, as JupyterLab's Run All does, which stops at an error in a cell without the tag: only outputs of the cells that are given to students stay, those of cells that a student
has to write are nothing but "not written yet".
"""

from __future__ import annotations

import base64
import concurrent.futures
import fcntl
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import tempfile
import zipfile
from dataclasses import dataclass
from html.parser import HTMLParser

import nbformat
from nbclient import NotebookClient

#: What decides a picture, beside the notebook and the course's package.
LIBRARIES = (
    "numpy",
    "scipy",
    "astropy",
    "photutils",
    "scikit-image",
    "matplotlib",
    "pandas",
    "ipykernel",
    "ipywidgets",
)
#: A figure that is wider (in pixels of the page) scrolls on a phone instead of shrinking.
WIDE = 720
PATIENCE = 300
#: What a kernel does before a lecture's first cell: a warning is an error, but for those of the kernel's own machinery.
WARNINGS = """import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="ipykernel|zmq|jupyter_client|tornado|debugpy|traitlets")
warnings.filterwarnings("ignore", category=ResourceWarning)
"""
#: nbgrader's marks of a cell that a student writes, or that judges one.
WRITTEN = ("solution", "grade")


@dataclass(frozen=True)
class Picture:
    """A figure of a notebook: where it stands in the site, its words, its size."""

    file: str
    alt: str
    width: int
    height: int


def package_hash(root: pathlib.Path) -> str:
    """Return a hash of all that a notebook can import or read from the course."""
    digest = hashlib.sha256(platform.python_version().encode())
    for library in LIBRARIES:
        digest.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    for package in (root / "course" / "photcourse", root / "course" / "photcheck"):
        for path in sorted(p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    return digest.hexdigest()


def run_all(
    paths: list[pathlib.Path], root: pathlib.Path, cache: pathlib.Path, processes: int = 2
) -> dict[pathlib.Path, nbformat.NotebookNode]:
    """Run notebooks that are not in the cache, and return all with their outputs.

    Parameters
    ----------
    paths : list of Path
        Lectures and releases.
    root : Path
        The course's root.
    cache : Path
        Folder of run notebooks, named by what they were made from; what is not asked for any more is taken out.
    processes : int
        How many run at a time.
    """
    common = package_hash(root)
    with concurrent.futures.ThreadPoolExecutor(processes) as pool:
        kept = dict(zip(paths, pool.map(lambda path: run_one(path, common, cache), paths), strict=True))
    for old in set(cache.glob("*.ipynb")) - set(kept.values()):
        old.unlink()
    return {path: nbformat.read(file, as_version=4) for path, file in kept.items()}


def run_one(path: pathlib.Path, common: str, cache: pathlib.Path) -> pathlib.Path:
    """Run a notebook if it is not in the cache, and return its file there; who else asks for it meanwhile waits.

    Parameters
    ----------
    path : Path
        A lecture, which runs with warnings as errors, or a release.
    common : str
        The `package_hash`.
    cache : Path
        Folder of run notebooks.
    """
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"{path.stem}-{_key(path, common)}.ipynb"
    with (cache / f"{path.stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_file():
            _run(path, kept)
    return kept


def _key(path: pathlib.Path, common: str) -> str:
    digest = hashlib.sha256((WARNINGS + common).encode() + path.read_bytes())
    for check in sorted((path.parent / "checks").glob("*.json")):
        digest.update(check.read_bytes())
    return digest.hexdigest()[:20]


def _run(path: pathlib.Path, target: pathlib.Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    released = "release" in path.parts
    with tempfile.TemporaryDirectory() as folder:
        # The kernel sees the embedded data only, wherever the site is built.
        environment = {k: v for k, v in os.environ.items() if k != "PHOTCOURSE_DATA"}
        environment |= {"PHOTCOURSE_CACHE": f"{folder}/cache", "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1"}
        checks = path.parent / "checks"
        if checks.is_dir():
            (pathlib.Path(folder) / "checks").symlink_to(checks.resolve())
        client = NotebookClient(
            notebook,
            timeout=PATIENCE,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=[] if released else [f"--IPKernelApp.exec_lines={WARNINGS}"],
        )
        client.create_kernel_manager()
        client.km.transport, client.km.ip = "ipc", f"{folder}/kernel"
        client.execute(env=environment)
    _only_expected_errors(path, notebook)
    part = target.with_suffix(".part")
    nbformat.write(notebook, part)
    part.replace(target)


def _only_expected_errors(path: pathlib.Path, notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename != "NotImplementedError":
                raise RuntimeError(f"{path.name}: {output.ename}: {output.evalue}")


def without_students_outputs(notebook: nbformat.NotebookNode) -> None:
    """Keep the outputs of given cells only, and of these none that says that something is not written yet."""
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code":
            continue
        if any(marks.get(m) for m in WRITTEN) or any(o.output_type == "error" for o in cell.outputs):
            cell.outputs = []


class _FirstImage(HTMLParser):
    """The attributes of an output's picture, where the output is a picture and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "img" and self.found is None:
            self.found = {k: v or "" for k, v in attributes}


def take_figures_out(notebook: nbformat.NotebookNode, stem: str, folder: pathlib.Path, up: str) -> list[Picture]:
    """Write a notebook's figures into files, and let the pages refer to them.

    `photcourse.display.publish` sends a figure as HTML with the picture inside and its words in ``alt``. A page of two
    megabytes loads slowly and cannot be cached by parts, so the picture goes into a file; the words stay with it.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    stem : str
        Name of the page.
    folder : Path
        Where the files go.
    up : str
        The way from the page to that folder, in the built site.
    """
    pictures = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" not in data:
                continue
            attributes = _words_and_width(output)
            # The HTML holds twice the resolution of the plain picture.
            raw = base64.b64decode(attributes.get("src", "").partition("base64,")[2] or data["image/png"])
            # Bytes 16 to 24 of a PNG are its width and height.
            width, height = int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])
            shown = int(attributes.get("width") or width)
            name = f"{stem}-{len(pictures) + 1:02d}.png"
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / name, raw)
            picture = Picture(name, attributes["alt"], shown, round(height * shown / width))
            pictures.append(picture)
            output["data"] = {"text/html": with_caption(image_tag(picture, up), "".join(data.get("text/html", "")))}
            output["metadata"] = {}
    return pictures


def image_tag(picture: Picture, up: str, kind: str = "course-figure") -> str:
    """Return a picture as HTML."""
    from html import escape

    wide = " wide" if kind == "course-figure" and picture.width > WIDE else ""
    return (
        f'<img class="{kind}{wide} dark-light" src="{up}{picture.file}" alt="{escape(picture.alt, quote=True)}" '
        f'width="{picture.width}" height="{picture.height}" loading="lazy">'
    )


def with_caption(image: str, shown: str) -> str:
    """Return a picture with the caption that it had in the notebook, if it had one."""
    caption = re.search(r"<figcaption\b.*?</figcaption>", shown, re.S)
    return f'<figure class="course-figure">{image}{caption[0]}</figure>' if caption else image


def _words_and_width(output: nbformat.NotebookNode) -> dict[str, str]:
    parser = _FirstImage()
    parser.feed("".join(output["data"].get("text/html", "")))
    found = parser.found or {k: str(v) for k, v in output.get("metadata", {}).get("image/png", {}).items()}
    if not found.get("alt", "").strip():
        raise ValueError("a figure has no alternative text: publish it with photcourse.display.publish")
    return found


def as_page(notebook: nbformat.NotebookNode, title: str, note: str) -> nbformat.NotebookNode:
    """Return a notebook as Sphinx gets it: its title, a line on how to have it, ids of tables that do not change."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            if "text/html" in output.get("data", {}):
                # astropy names a table by its place in memory.
                html = "".join(output["data"]["text/html"])
                output["data"]["text/html"] = re.sub(r'id="table\d+[^"]*"', f'id="table-{number}"', html)
    first = notebook.cells[0]
    first.source = f"# {title}\n\n{note}\n{first.source.partition(chr(10))[2]}"
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        }
    )
    return notebook


def header(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return title, summary and the table of a notebook's first cell."""
    source = notebook.cells[0].source
    rows = {
        name.strip("* ").capitalize(): text for name, text in re.findall(r"^\|([^|]+)\|\s*(.+?)\s*\|\s*$", source, re.M)
    }
    # Some lectures carry their number in the title: the site numbers all.
    title = re.sub(r"^\d+[a-z]? · ", "", source.partition("\n")[0].lstrip("# ").strip())
    paragraphs = [p for p in source.split("\n\n")[1:] if not p.lstrip().startswith("|")]
    summary = re.sub(r"^\*\*[^*]+\*\*\s*", "", " ".join(paragraphs[0].split())) if paragraphs else ""
    return {"title": title, "summary": summary, **rows}


def pack(folder: pathlib.Path, target: pathlib.Path) -> None:
    """Write a folder (an assignment and its checks) as a zip file, the same bytes for the same files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(
                str(pathlib.PurePosixPath(folder.name) / path.relative_to(folder).as_posix()), (2026, 1, 1, 0, 0, 0)
            )
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def write_bytes(path: pathlib.Path, body: bytes) -> None:
    """Write a file only where its content is new: Sphinx builds anew what is newer."""
    if not path.is_file() or path.read_bytes() != body:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def write_text(path: pathlib.Path, text: str) -> None:
    """Write a text file only where its content is new."""
    write_bytes(path, text.encode("utf-8"))


def write_page(path: pathlib.Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook as a page's source."""
    write_text(path, json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
