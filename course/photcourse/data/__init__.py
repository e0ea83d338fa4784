"""The files of the course: embedded stand-ins with known truth, and the real files where they are there.

Everything is driven by the manifest (``manifest.yaml`` beside this module, ``data_manifest.yaml`` at the
top of the course). Nothing is downloaded unless `fetch` or ``photcourse data fetch`` is asked to.

>>> from photcourse import data
>>> exposure = data.load("visit_image")
>>> exposure.image.shape
(480, 560)

Two folders are searched for real files: the one that the environment variable ``PHOTCOURSE_DATA`` names (a
hub's shared folder), then the cache (``PHOTCOURSE_CACHE``, or the user's cache folder).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import files as _files
from .dataset import DataFile, Dataset, as_float, data_files
from .errors import (
    ChecksumError,
    DataError,
    DownloadError,
    ManifestError,
    MissingFileError,
    NoNetworkError,
    TruncatedFileError,
    UnknownNameError,
)
from .files import cache_folder, checksum, embedded_folder, shared_folder
from .headers import read_wcs
from .manifest import DatasetEntry, FileEntry, Manifest, Source, read_manifest

__all__ = [
    "ChecksumError",
    "DataError",
    "DataFile",
    "Dataset",
    "DatasetEntry",
    "DownloadError",
    "FileEntry",
    "FileStatus",
    "Manifest",
    "ManifestError",
    "MissingFileError",
    "NoNetworkError",
    "Source",
    "TruncatedFileError",
    "UnknownNameError",
    "as_float",
    "cache_folder",
    "checksum",
    "embedded_folder",
    "fetch",
    "find_by_sha256",
    "listing",
    "load",
    "path",
    "read_manifest",
    "read_wcs",
    "shared_folder",
    "verify",
]


@dataclass(frozen=True)
class FileStatus:
    """A file of the manifest and its state on this machine.

    Attributes
    ----------
    entry : FileEntry
        What the manifest says of it.
    state : {"good", "absent", "damaged"}
        How it is here.
    path : Path or None
        Where it is, where it is good.
    problem : str
        The sentence that says why it is not.
    """

    entry: FileEntry
    state: str
    path: Path | None = None
    problem: str = ""


def load(name: str, prefer: str = "auto") -> Dataset:
    """Load a dataset.

    Parameters
    ----------
    name : str
        Name of a dataset of the manifest, such as ``"m13"``.
    prefer : {"auto", "embedded", "archive"}
        ``"auto"`` takes the real files where all of them are on this machine, else the embedded stand-in;
        the others insist.

    Returns
    -------
    Dataset
        With fresh arrays.

    Raises
    ------
    UnknownNameError
        No dataset has this name.
    MissingFileError
        The dataset has no files of that origin, or they are not on this machine.
    ChecksumError
        A file is there and its bytes are wrong.
    """
    if prefer not in ("auto", "embedded", "archive"):
        raise ValueError(f"prefer is 'auto', 'embedded' or 'archive', not {prefer!r}")
    manifest = read_manifest()
    entry = manifest.dataset(name)
    origin = _choose(manifest, entry) if prefer == "auto" else prefer
    if origin not in entry.sources:
        other = "a stand-in" if origin == "embedded" else "real files"
        raise MissingFileError(f"The dataset {name!r} has no {origin} files: the course holds no {other} for it.")
    source = entry.sources[origin]
    paths = {file: _files.require(manifest.files[file]) for file in source.files}
    return Dataset(name, origin, data_files(paths), source.sentence, source)


def _choose(manifest: Manifest, entry: DatasetEntry) -> str:
    """Real files where every one of them is here; else the stand-in, if there is one."""
    if "archive" not in entry.sources:
        return "embedded"
    real = (manifest.files[f] for f in entry.sources["archive"].files)
    if "embedded" not in entry.sources or all(_files.locate(f) is not None for f in real):
        return "archive"
    return "embedded"


def path(file_name: str) -> Path:
    """Return the checked path of one file of the manifest, wherever it is on this machine.

    Parameters
    ----------
    file_name : str
        Name in the manifest.

    Returns
    -------
    Path
        Of a file whose bytes are right.

    Raises
    ------
    UnknownNameError, MissingFileError, ChecksumError
    """
    return _files.require(read_manifest().file(file_name))


def find_by_sha256(sha256: str) -> Path | None:
    """Return the path of the course file whose bytes have this sha256, or None where it is not here.

    Parameters
    ----------
    sha256 : str
        Hex digits.

    Returns
    -------
    Path or None
        Of a file whose bytes are right.
    """
    return _files.find_by_sha256(read_manifest(), sha256)


def fetch(name: str) -> list[Path]:
    """Get the real files of a dataset, or one file, into the cache and return their paths.

    A file that is in the shared folder or in the cache already is not fetched again; a damaged one in
    the cache is.

    Parameters
    ----------
    name : str
        Of a dataset or of a file of the manifest.

    Returns
    -------
    list of Path
        One per file.

    Raises
    ------
    UnknownNameError, NoNetworkError, TruncatedFileError, DownloadError, ChecksumError
    """
    paths = []
    for entry in read_manifest().files_of(name):
        paths.append(_files.require(entry) if entry.kind == "embedded" else _fetch_one(entry))
    return paths


def _fetch_one(entry: FileEntry) -> Path:
    shared = _files.in_shared(entry)
    return shared if shared is not None else _files.download(entry)


def listing(names: Iterable[str] = ()) -> list[FileStatus]:
    """Return every file of the manifest (or of the named datasets and files) with its state here.

    Parameters
    ----------
    names : iterable of str
        Datasets or files; all of the manifest where there are none.

    Returns
    -------
    list of FileStatus
        One per file, in the manifest's order.
    """
    return [_status(entry) for entry in _entries(names)]


def verify(names: Iterable[str] = ()) -> list[FileStatus]:
    """Check the files that are on this machine; return the state of each.

    An absent archive file is no fault; an absent embedded file is ``"damaged"``.

    Parameters
    ----------
    names : iterable of str
        Datasets or files; all of the manifest where there are none.

    Returns
    -------
    list of FileStatus
        One per file that is here.
    """
    return [status for status in listing(names) if status.state != "absent"]


def _entries(names: Iterable[str]) -> list[FileEntry]:
    manifest = read_manifest()
    names = list(names)
    if not names:
        return list(manifest.files.values())
    chosen = {entry.name: entry for name in names for entry in manifest.files_of(name)}
    return list(chosen.values())


def _status(entry: FileEntry) -> FileStatus:
    try:
        found = _files.locate(entry)
    except DataError as error:
        return FileStatus(entry, "damaged", problem=str(error))
    if found is not None:
        return FileStatus(entry, "good", found)
    if entry.kind == "embedded":
        return FileStatus(entry, "damaged", problem=f"{entry.name} ships with the course but is not there.")
    return FileStatus(entry, "absent")
